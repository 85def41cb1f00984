package postgis

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/paulmach/orb"

	"wangge/grids"
)

// read reads what q asks for.
func read(t *testing.T, s *Store, q grids.Query) (grids.Content, error) {
	t.Helper()
	return s.Read(t.Context(), grids.Versions{}, func(grids.Versions, []grids.Change) grids.Query { return q })
}

func mustRead(t *testing.T, s *Store, q grids.Query) grids.Content {
	t.Helper()
	c, err := read(t, s, q)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const here = `'SRID=4326;POINT(121.4 31.6)'::geometry`

func TestALayersFaultIsItsOwn(t *testing.T) {
	s := open(t)
	good := grids.LayerQuery{Name: "good", SQL: `select 7::bigint as fid, ` + here + ` as geom, 'x' as name`}
	for _, c := range []struct{ sql, want string }{
		{`selec`, `the layer bad could not be read: its SQL failed`},
		{`select 1::bigint, ` + here + ` where nothing`, `the layer bad could not be read: its SQL failed`},
		{`select 1::bigint, ` + here + `, 1 / (3 - n) from generate_series(1, 3) n`, `the layer bad could not be read: its SQL failed`},
		{`select 1::bigint, ` + here + ` union all select null, ` + here, `row 2 has no fid`},
		{`select 1::int, ` + here, `row 1 has no fid`},
		{`select 1::bigint << 53, ` + here, `row 1 has no fid`},
		{`select 5::bigint, ` + here + ` union all select 6::bigint, null`, `row 2 (fid 6) has no geometry`},
		{`select 5::bigint, 'SRID=4326;LINESTRING(1 1,2 2)'::geometry`, `row 1 (fid 5) has a geometry that cannot be read`},
		{`select 5::bigint, 'SRID=4326;POINT EMPTY'::geometry`, `row 1 (fid 5) has a geometry that cannot be read`},
		{`select 5::bigint, 'SRID=3857;POINT(1 1)'::geometry`, `row 1 (fid 5) has a geometry that cannot be read`},
		{`select 5::bigint, ` + here + ` as geom, now() as at`, `row 1 (fid 5) has a at of the type time.Time`},
		{`select 5::bigint as fid`, `row 1 has no fid or no geometry`},
	} {
		bad := grids.LayerQuery{Name: "bad", SQL: c.sql}
		for _, layers := range [][]grids.LayerQuery{{bad, good}, {good, bad, good, good, good}} { // on one connection, on several
			var mu sync.Mutex
			var done []string
			got := mustRead(t, s, grids.Query{Layers: layers, Done: func(p string) { mu.Lock(); defer mu.Unlock(); done = append(done, p) }})
			if rows := got.Tables["good"].Features; len(rows) != 1 || rows[0].ID != 7 {
				t.Errorf("%s: beside it was read %v", c.sql, rows)
			}
			if _, read := got.Tables["bad"]; read || len(got.Tables) != 1 {
				t.Errorf("%s: tables %v", c.sql, slices.Collect(maps.Keys(got.Tables)))
			}
			err := got.Faults["bad"]
			if err == nil || len(got.Faults) != 1 || grids.KindOf(err) != grids.Internal || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "bad") || errors.Unwrap(err) == nil {
				t.Errorf("%s: faults %v, want %q", c.sql, got.Faults, c.want)
			}
			if len(done) != len(layers) {
				t.Errorf("%s: done with %v", c.sql, done)
			}
		}
	}
	got := mustRead(t, s, grids.Query{Layers: []grids.LayerQuery{{Name: "bad", SQL: "select 1 / 0"}}})
	var pg *pgconn.PgError
	if !errors.As(got.Faults["bad"], &pg) || pg.Code != "22012" {
		t.Errorf("the cause of %v is %v", got.Faults["bad"], errors.Unwrap(got.Faults["bad"]))
	}
}

func TestALostConnectionIsNoFaultOfALayer(t *testing.T) {
	s := open(t)
	good := grids.LayerQuery{Name: "good", SQL: `select 7::bigint as fid, ` + here}
	lost := grids.LayerQuery{Name: "lost", SQL: `select 1::bigint, ` + here + ` where pg_terminate_backend(pg_backend_pid())`}
	for _, layers := range [][]grids.LayerQuery{{lost, good}, {good, good, good, lost}} {
		if got, err := read(t, s, grids.Query{Layers: layers}); grids.KindOf(err) != grids.Unavailable {
			t.Errorf("%d layers: %v, faults %v", len(layers), err, got.Faults)
		}
	}
	if _, err := read(t, s, grids.Query{Layers: []grids.LayerQuery{good}}); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	if _, err := owning(t, s).Exec(t.Context(), `create function fail(code text) returns boolean language plpgsql as 'begin raise exception using errcode = code; end'`); err != nil {
		t.Fatal(err)
	}
	for code, want := range map[string]grids.Kind{"53200": grids.Unavailable, "53100": grids.Full, "57P03": grids.Unavailable} { // of memory, disk, start
		layer := grids.LayerQuery{Name: "bad", SQL: `select 1::bigint, ` + here + ` where fail('` + code + `')`}
		if _, err := read(t, s, grids.Query{Layers: []grids.LayerQuery{layer}}); grids.KindOf(err) != want || err == nil {
			t.Errorf("%s: %v, want %v", code, err, want)
		}
	}
	slow := grids.LayerQuery{Name: "slow", SQL: `select 1::bigint, ` + here + ` where fail('57014')`}
	if got := mustRead(t, s, grids.Query{Layers: []grids.LayerQuery{slow, good}}); got.Faults["slow"] == nil || len(got.Tables) != 1 {
		t.Errorf("a layer that takes too long: %v", got.Faults)
	}
}

// While a writer writes, all parts of a look see the moment that its versions name, on whatever connection they are read.
func TestALookSeesOneMoment(t *testing.T) {
	s, four := small(t)
	store(t, s, grids.LevelGrids, four)
	before := versionsOf(t, s).Of[grids.OnFindings]
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			f := mark(byte(n), orb.Point{121.405, 31.605})
			f.ID[13], f.ID[14] = byte(n>>16), byte(n>>8)
			if _, _, _, err := s.Mark(t.Context(), grids.Operator, f); err != nil {
				t.Error(err)
			}
		}
	})
	q := grids.Query{Territory: true}
	for i := range 6 { // each takes a while, so that every connection gets some
		q.Layers = append(q.Layers, grids.LayerQuery{Name: fmt.Sprint(i), SQL: `select (select count(*) from finding where district_id = @district) as fid, ` + here + ` as geom, pg_backend_pid() as pid from pg_sleep(0.005)`})
	}
	pids := map[any]bool{}
	moved := map[int64]bool{}
	for range 20 {
		c := mustRead(t, s, q)
		want := c.Versions.Of[grids.OnFindings] - before
		moved[want] = true
		for name, table := range c.Tables {
			f := table.Features[0]
			pids[f.Values[0]] = true
			if int64(f.ID) != want {
				t.Errorf("layer %s sees %d findings, the versions name %d", name, f.ID, want)
			}
		}
		if len(c.Tables) != 6 || len(c.Territory.Grids) != 4 {
			t.Errorf("%d layers, %d grids were read", len(c.Tables), len(c.Territory.Grids))
		}
	}
	close(stop)
	wg.Wait()
	if len(pids) < 2 {
		t.Error("all was read on one connection")
	}
	if len(moved) < 2 {
		t.Error("nothing was written meanwhile")
	}
}

// Many looks at once must not wait for each other's connections.
func TestManyLooksAtOnce(t *testing.T) {
	s := open(t)
	q := grids.Query{}
	for i := range 4 {
		q.Layers = append(q.Layers, grids.LayerQuery{Name: fmt.Sprint(i), SQL: `select 1::bigint as fid, ` + here + ` as geom`})
	}
	var wg sync.WaitGroup
	for range 4 * int(s.pool.Config().MaxConns) {
		wg.Go(func() {
			if c, err := read(t, s, q); err != nil || len(c.Tables) != 4 {
				t.Errorf("%d layers, %v", len(c.Tables), err)
			}
		})
	}
	wg.Wait()
}

func TestReadingSomeRowsOnly(t *testing.T) {
	s, four := small(t)
	store(t, s, grids.LevelGrids, four)
	p := orb.Point{121.405, 31.605}
	batches := []*grids.Batch{{ID: grids.ID{1}}, {ID: grids.ID{2}}, {ID: grids.ID{3}}}
	for i, events := range [][]grids.CaseEvent{{event(1, &p, ""), event(2, &p, "")}, {event(3, &p, "")}, {event(4, &p, ""), event(5, &p, ""), event(6, &p, ""), event(7, nil, "v")}} {
		if _, err := s.ImportCasework(t.Context(), grids.Operator, batches[i], seq(events...), fine); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		batches []grids.ID
		events  int
	}{{nil, 7}, {[]grids.ID{}, 7}, {[]grids.ID{{1}}, 2}, {[]grids.ID{{1}, {3}}, 6}, {[]grids.ID{{9}}, 0}} {
		got := mustRead(t, s, grids.Query{Cases: true, Batches: c.batches})
		if len(got.Cases.Cells) != c.events || len(got.Cases.Batches) != c.events || len(got.Cases.At) == 0 {
			t.Errorf("batches %v: %d events of %d, %d batches, want %d", c.batches, len(got.Cases.Cells), len(got.Cases.Batches), len(got.Cases.At), c.events)
		}
	}
	for n := range byte(3) {
		if _, _, _, err := s.Mark(t.Context(), grids.Operator, mark(n, p)); err != nil {
			t.Fatal(err)
		}
	}
	some := grids.LayerQuery{Name: "some", SQL: someFindings}
	all := grids.LayerQuery{Name: "all", SQL: `select 1::bigint as fid, geom from finding where district_id = @district`, IDs: []grids.ID{mark(1, p).ID}}
	for _, c := range []struct {
		ids  []grids.ID
		rows int
	}{{nil, 3}, {[]grids.ID{}, 0}, {[]grids.ID{mark(1, p).ID}, 1}, {[]grids.ID{mark(1, p).ID, mark(2, p).ID, {77}}, 2}} {
		some.IDs = c.ids
		got := mustRead(t, s, grids.Query{Layers: []grids.LayerQuery{some, all}})
		if n := len(got.Tables["some"].Features); n != c.rows {
			t.Errorf("ids %v: %d rows, want %d", c.ids, n, c.rows)
		}
		if n := len(got.Tables["all"].Features); n != 3 {
			t.Errorf("a layer that does not ask for ids has %d rows", n)
		}
	}
}

const someFindings = `select ('x' || substr(md5(finding_id::text), 1, 13))::bit(52)::bigint as fid, geom, finding_id::text as id
	from finding where district_id = @district and (@ids::uuid[] is null or finding_id = any(@ids)) order by finding_id`

// A prepared statement that was run often without ids must not go on reading everything when there are some.
func TestIDsAreFoundByThePrimaryKey(t *testing.T) {
	s := open(t)
	if _, err := owning(t, s).Exec(t.Context(), `insert into finding (district_id, finding_id, kind, confidence, state, source, seen_at, town_code, village_code, grid_code, area_m2, geom, content_hash, actor, synthetic)
		select $1, gen_random_uuid(), 'cannabis', 1, 'spotted', 'foot', now(), '', '', '', 0, `+here+`, '', 'a', true from generate_series(1, 2000)`, s.District()); err != nil {
		t.Fatal(err)
	}
	if _, err := owning(t, s).Exec(t.Context(), `analyze finding`); err != nil {
		t.Fatal(err)
	}
	one := []grids.ID{{1}}
	for _, ids := range [][]grids.ID{nil, one} {
		for range 20 {
			mustRead(t, s, grids.Query{Layers: []grids.LayerQuery{{Name: "some", SQL: someFindings, IDs: ids}}})
		}
	}
	custom, generic := 0, 0
	for _, conn := range s.pool.AcquireAllIdle(t.Context()) {
		defer conn.Release()
		var c, g int
		if err := conn.QueryRow(t.Context(), `select coalesce(sum(custom_plans), 0), coalesce(sum(generic_plans), 0) from pg_prepared_statements where statement like 'select (''x''%finding_id = any(%'`).Scan(&c, &g); err != nil {
			t.Fatal(err)
		}
		custom, generic = custom+c, generic+g
	}
	if custom != 40 || generic != 0 {
		t.Errorf("%d plans made for the ids at hand, %d for any", custom, generic)
	}
	rows, err := owning(t, s).Query(t.Context(), "explain "+someFindings, pgx.NamedArgs{"district": s.District(), "ids": one})
	if err != nil {
		t.Fatal(err)
	}
	plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || !strings.Contains(strings.Join(plan, "\n"), "finding_pk") {
		t.Errorf("%v\n%s", err, strings.Join(plan, "\n"))
	}
}

// A cancelled look is no fault of a layer.
func TestACancelledLook(t *testing.T) {
	s := open(t)
	c, err := s.Read(timeout(t, 50*time.Millisecond), grids.Versions{}, func(grids.Versions, []grids.Change) grids.Query {
		return grids.Query{Layers: []grids.LayerQuery{{Name: "slow", SQL: `select 1::bigint, ` + here + ` from pg_sleep(30)`}}}
	})
	if err == nil || len(c.Faults) != 0 {
		t.Errorf("%v, faults %v", err, c.Faults)
	}
}
