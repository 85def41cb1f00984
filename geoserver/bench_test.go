package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"wangge/geoserver/api"
	"wangge/geoserver/demo"
	"wangge/geoserver/live"
	"wangge/geoserver/localpg/pgtest"
	"wangge/grids"
	"wangge/grids/postgis"
	"wangge/grids/risk"
)

// chongming is a store with the demo territory and n synthetic cases, and the file they came from.
func chongming(b *testing.B, n int) (store *postgis.Store, conf *config, file, dsn string) {
	b.Helper()
	dsn = pgtest.Database(b)
	store, err := postgis.Open(b.Context(), dsn, grids.Chongming)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(store.Close)
	conf = &config{Data: pgtest.Folder(b), K: 3, ToleranceM2: 10}
	o := demo.Options{Seed: 1, Cases: n, Today: grids.DayOf(time.Now())}
	if err := loadDemo(b.Context(), conf, store, o, func(string) {}); err != nil {
		b.Fatal(err)
	}
	file = filepath.Join(conf.Data, "casework.csv")
	for _, f := range demo.Files(o) {
		if f.Subject == "casework" {
			if err := writeFile(file, f.Write); err != nil {
				b.Fatal(err)
			}
		}
	}
	return store, conf, file, dsn
}

// BenchmarkImport imports a CSV of 200,000 cases (parse, look up, check, COPY, versions) and, in the same run, sends the
// same rows already encoded by raw COPY into a table of the same shape and key.
func BenchmarkImport(b *testing.B) {
	const n = 200_000
	store, conf, file, dsn := chongming(b, 1) // the territory; its one case gives way below
	for _, f := range demo.Files(demo.Options{Seed: 1, Cases: n, Today: grids.DayOf(time.Now())}) {
		if f.Subject == "casework" {
			if err := writeFile(file, f.Write); err != nil {
				b.Fatal(err)
			}
		}
	}
	conn := rawConn(b, dsn)
	exec := func(sql string) {
		b.Helper()
		if _, err := conn.Exec(b.Context(), sql); err != nil {
			b.Fatal(err)
		}
	}
	m := &imports{store: store, toleranceM2: conf.ToleranceM2}
	in := api.ImportRequest{Path: file, Name: "casework.csv", Subject: "casework"}
	exec("create table raw_copy (like wangge.casework_event including all)")
	var rows [][]any
	var importing, copying time.Duration
	for b.Loop() {
		exec("truncate wangge.casework_event")
		exec("truncate raw_copy")
		began := time.Now()
		r, _, err := m.run(b.Context(), grids.Operator, in, grids.NewID(), false)
		if err != nil || r.Accepted != n {
			b.Fatalf("%+v, %v", r, err)
		}
		importing += time.Since(began)
		if rows == nil {
			rows = everyRow(b, conn)
		}
		began = time.Now()
		tx, err := conn.Begin(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if _, err := tx.CopyFrom(b.Context(), pgx.Identifier{"raw_copy"}, caseColumns(), pgx.CopyFromRows(rows)); err != nil {
			b.Fatal(err)
		}
		if err := tx.Commit(b.Context()); err != nil {
			b.Fatal(err)
		}
		copying += time.Since(began)
	}
	runs := float64(b.N)
	b.ReportMetric(n*runs/importing.Seconds(), "import-rows/s")
	b.ReportMetric(n*runs/copying.Seconds(), "copy-rows/s")
	b.ReportMetric(copying.Seconds()/importing.Seconds(), "ratio")
	b.ReportMetric(0, "ns/op")
}

// rawConn is a plain connection to the store's database.
func rawConn(b *testing.B, dsn string) *pgx.Conn {
	b.Helper()
	conn, err := pgx.Connect(b.Context(), dsn)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close(context.Background()) })
	var oid uint32
	if err := conn.QueryRow(b.Context(), "select 'geometry'::regtype::oid").Scan(&oid); err != nil {
		b.Fatal(err)
	}
	conn.TypeMap().RegisterType(&pgtype.Type{Name: "geometry", OID: oid, Codec: pgtype.ByteaCodec{}})
	return conn
}

func caseColumns() []string {
	return []string{"district_id", "event_id", "kind", "on_day", "by_week", "placed_by", "town_code", "village_code", "grid_code", "h3_12", "geom", "synthetic", "batch_id"}
}

func everyRow(b *testing.B, conn *pgx.Conn) [][]any {
	b.Helper()
	rows, err := conn.Query(b.Context(), "select district_id, event_id, kind, on_day, by_week, placed_by, town_code, village_code, grid_code, h3_12, geom, synthetic, batch_id from wangge.casework_event")
	if err != nil {
		b.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) ([]any, error) { return r.Values() })
	if err != nil {
		b.Fatal(err)
	}
	return list
}

// BenchmarkLoad is the start of a server: everything that is stored into memory. heap-MB is what stays after it.
func BenchmarkLoad(b *testing.B) {
	for name, n := range map[string]int{"demo": 0, "1000000": 1_000_000} {
		b.Run(name, func(b *testing.B) {
			store, _, _, _ := chongming(b, n)
			var view *live.View
			for b.Loop() {
				var err error
				if view, err = live.New(store, live.Options{Land: demo.Land(), K: 3, Weights: risk.Default(), CacheBytes: 1 << 20, Log: slog.New(slog.DiscardHandler)}); err != nil {
					b.Fatal(err)
				}
				if err := view.Fresh(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			runtime.GC()
			var mem runtime.MemStats
			runtime.ReadMemStats(&mem)
			b.ReportMetric(float64(mem.HeapAlloc)/1e6, "heap-MB")
			runtime.KeepAlive(view)
		})
	}
}

// BenchmarkWarmTile is what the house does for a tile that it has in memory, for a commander who is signed in: everything but net/http.
// 512 ask at once, so that looks at the store are shared.
func BenchmarkWarmTile(b *testing.B) {
	store, conf, _, _ := chongming(b, 1000)
	s, err := (&serveCmd{Listen: "127.0.0.1:0", CacheMB: 64, MaxUploadMB: 4}).join(conf, &database{Store: store}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	account := grids.Account{ID: grids.NewID(), Name: "bench", Grants: everyRole()}
	if err := store.AddAccount(b.Context(), grids.Operator, account, ""); err != nil {
		b.Fatal(err)
	}
	secret, hash := newSecret()
	now := time.Now()
	session := grids.Session{ID: grids.NewID(), Account: account.ID, BegunAt: now, UsedAt: now, EndsAt: now.Add(time.Hour), Purpose: "daily"}
	if err := store.BeginSession(b.Context(), grids.Operator, "sign-in", session, hash, nil); err != nil {
		b.Fatal(err)
	}
	handler := s.Handler()
	for _, layer := range []string{"grids", "hexagons"} {
		b.Run(layer, func(b *testing.B) {
			b.SetParallelism(256)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				r := httptest.NewRequest(http.MethodGet, "http://localhost/tiles/"+layer+"/11/1715/834.mvt", nil)
				r.RemoteAddr = "127.0.0.1:1"
				r.Header.Set("Accept-Encoding", "gzip")
				r.Header.Set("Cookie", "wangge="+secret)
				w := &nowhere{header: http.Header{}}
				for pb.Next() {
					clear(w.header)
					if handler.ServeHTTP(w, r); w.status != 0 && w.status != http.StatusOK {
						b.Errorf("status %d", w.status)
						return
					}
				}
			})
		})
	}
}

// nowhere is an answer that nobody reads.
type nowhere struct {
	header http.Header
	status int
}

func (w *nowhere) Header() http.Header         { return w.header }
func (w *nowhere) WriteHeader(status int)      { w.status = status }
func (w *nowhere) Write(b []byte) (int, error) { return len(b), nil }
