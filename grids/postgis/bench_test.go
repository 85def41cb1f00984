package postgis

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb"

	"wangge/geoserver/localpg"
	"wangge/geoserver/localpg/pgtest"
	"wangge/grids"
	"wangge/tiles"
)

// placesWithin is a point in every grid of the demo territory.
func placesWithin(b *testing.B, s *Store) []orb.Point {
	b.Helper()
	rows, err := owning(b, s).Query(b.Context(), `select ST_X(p), ST_Y(p) from grid, lateral ST_PointOnSurface(geom) p order by code`)
	if err != nil {
		b.Fatal(err)
	}
	points, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p orb.Point, err error) { return p, row.Scan(&p[0], &p[1]) })
	if err != nil || len(points) == 0 {
		b.Fatal(len(points), err)
	}
	return points
}

// BenchmarkMark times a patrol's mark from call to commit, on a cluster without fsync and on one as people run it.
func BenchmarkMark(b *testing.B) {
	stores := map[string]*Store{"memory": chongming(b), "durable": durable(b)}
	for _, disk := range []string{"memory", "durable"} {
		places := placesWithin(b, stores[disk])
		for _, writers := range []int{1, 8} {
			b.Run(fmt.Sprintf("%s/writers=%d", disk, writers), func(b *testing.B) { benchMarks(b, stores[disk], places, writers) })
		}
	}
}

func benchMarks(b *testing.B, s *Store, places []orb.Point, writers int) {
	took := make([]time.Duration, b.N)
	var next atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for range writers {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
				f := mark(0, places[rand.IntN(len(places))])
				f.ID = grids.NewID()
				start := time.Now()
				if _, _, _, err := s.Mark(b.Context(), grids.Operator, f); err != nil {
					b.Error(err)
				}
				took[i] = time.Since(start)
			}
		})
	}
	wg.Wait()
	slices.Sort(took)
	ms := func(share float64) float64 { return took[int(share*float64(len(took)-1))].Seconds() * 1e3 }
	b.ReportMetric(ms(.5), "p50-ms")
	b.ReportMetric(ms(.99), "p99-ms")
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "marks/s")
	b.ReportMetric(0, "ns/op")
}

// durable is a store with the demo territory on a cluster with the settings of a server.
func durable(b *testing.B) *Store {
	b.Helper()
	c, err := localpg.Start(b.Context(), localpg.Options{Dir: pgtest.Folder(b)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Stop(b.Context()) })
	s, err := Open(b.Context(), c.DSN(), grids.Chongming)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.Close)
	territory(b, s)
	return s
}

// BenchmarkVersions times the question that every request waits for.
func BenchmarkVersions(b *testing.B) {
	s := chongming(b)
	took := make([]time.Duration, 0, b.N)
	for b.Loop() {
		start := time.Now()
		if _, err := s.Versions(b.Context()); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2].Seconds()*1e6, "p50-µs")
	b.ReportMetric(took[len(took)*99/100].Seconds()*1e6, "p99-µs")
}

// BenchmarkRead reads what a server reads: everything at its start, and one finding after a mark. The district has its
// demo territory, 500,000 events and 50,000 findings.
func BenchmarkRead(b *testing.B) {
	s := chongming(b)
	ids := fillUp(b, s)
	at, err := s.Versions(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	everything := grids.Query{Today: grids.DayFrom(2026, 5, 1), Territory: true, Cases: true}
	for _, name := range []string{"district", "towns", "villages", "grids", "surveys", "findings", "labels"} {
		sql, _ := tiles.SQL(name)
		everything.Layers = append(everything.Layers, grids.LayerQuery{Name: name, SQL: sql})
	}
	for name, q := range map[string]grids.Query{"start": everything, "mark": {Layers: []grids.LayerQuery{{Name: "findings", SQL: someFindings, IDs: ids[:1]}}}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				c, err := s.Read(b.Context(), at, func(grids.Versions, []grids.Change) grids.Query { return q })
				if err != nil || len(c.Tables) != len(q.Layers) {
					b.Fatal(err, c.Faults)
				}
			}
		})
	}
}

// fillUp stores events and findings by SQL and returns the ids of the findings.
func fillUp(b *testing.B, s *Store) []grids.ID {
	b.Helper()
	_, err := owning(b, s).Exec(b.Context(), `insert into casework_event (district_id, event_id, kind, on_day, by_week, placed_by, town_code, village_code, grid_code, h3_12, geom, batch_id, synthetic)
		select g.district_id, gen_random_uuid(), 1 + n % 7, date '2021-06-01' + n % 1800, false, 1, g.town_code, '', g.code, hashtext(n::text), ST_PointOnSurface(g.geom), gen_random_uuid(), true
		from generate_series(1, 500000) n join (select *, row_number() over () as i, count(*) over () as all from grid) g on g.i = 1 + n % g.all`)
	if err != nil {
		b.Fatal(err)
	}
	rows, err := owning(b, s).Query(b.Context(), `insert into finding (district_id, finding_id, kind, confidence, state, source, seen_at, town_code, village_code, grid_code, area_m2, geom, content_hash, actor, synthetic)
		select g.district_id, gen_random_uuid(), 'cannabis', 1, 'spotted', 'foot', now(), g.town_code, '', g.code, 0, ST_PointOnSurface(g.geom), '', 'a', true
		from generate_series(1, 50000) n join (select *, row_number() over () as i, count(*) over () as all from grid) g on g.i = 1 + n % g.all returning finding_id`)
	if err != nil {
		b.Fatal(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[grids.ID])
	if err != nil {
		b.Fatal(err)
	}
	if _, err := owning(b, s).Exec(b.Context(), "analyze casework_event, finding"); err != nil {
		b.Fatal(err)
	}
	return ids
}
