package postgis

import (
	"context"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb"
	"github.com/paulmach/orb/geojson"

	"wangge/geoserver/localpg/pgtest"
	"wangge/grids"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// open is a store on a database of its own.
func open(t testing.TB) *Store {
	t.Helper()
	s, err := Open(t.Context(), withSchema(t), grids.Chongming)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// areas reads a level of the demo territory.
func areas(t testing.TB, file string) []grids.Area {
	t.Helper()
	b, err := os.ReadFile("../../geoserver/demo/chongming/" + file + "_synthetic.geojson")
	if err != nil {
		t.Fatal(err)
	}
	fc, err := geojson.UnmarshalFeatureCollection(b)
	if err != nil {
		t.Fatal(err)
	}
	var list []grids.Area
	for _, f := range fc.Features {
		mp, err := multi(f.Geometry)
		if err != nil {
			t.Fatal(err)
		}
		p := f.Properties
		list = append(list, grids.Area{Code: p.MustString("code"), TownCode: p.MustString("town_code", ""), Name: p.MustString("name"), Kind: p.MustString("kind", ""), Synthetic: true, Geometry: mp})
	}
	return list
}

// store imports a level and fails on any flaw that stops it.
func store(t testing.TB, s *Store, level grids.Level, list []grids.Area) grids.AreaResult {
	t.Helper()
	res := try(t, s, level, list)
	if !res.Stored && !res.Unchanged {
		t.Fatalf("%s was not stored: %v", level, res.Flaws)
	}
	return res
}

func try(t testing.TB, s *Store, level grids.Level, list []grids.Area) grids.AreaResult {
	t.Helper()
	res, err := s.ImportAreas(t.Context(), grids.Operator, grids.AreaImport{Level: level, Areas: list, Family: grids.DrugControl, Edition: "test",
		From: grids.DayFrom(2026, 1, 1), ToleranceM2: 10, Batch: grids.Batch{ID: grids.NewID(), Subject: string(level), File: "test"}})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// chongming is a store with the demo territory.
func chongming(t testing.TB) *Store {
	t.Helper()
	s := open(t)
	territory(t, s)
	return s
}

// territory imports the demo territory.
func territory(t testing.TB, s *Store) {
	t.Helper()
	store(t, s, grids.LevelDistrict, areas(t, "district"))
	store(t, s, grids.LevelTowns, areas(t, "towns"))
	store(t, s, grids.LevelVillages, areas(t, "units"))
	store(t, s, grids.LevelGrids, areas(t, "grids"))
}

func box(w, s, e, n float64) orb.MultiPolygon {
	return orb.MultiPolygon{{{{w, s}, {e, s}, {e, n}, {w, n}, {w, s}}}}
}

// quarters is a small territory: a district of one town, cut into four grids of about 1.05 km² each.
func quarters() (district, town []grids.Area, four []grids.Area) {
	district = []grids.Area{{Code: "310151000000", Name: "区", Geometry: box(121.4, 31.6, 121.42, 31.62)}}
	town = []grids.Area{{Code: "310151101000", Name: "镇", Geometry: box(121.4, 31.6, 121.42, 31.62)}}
	for i, b := range []orb.MultiPolygon{box(121.4, 31.6, 121.41, 31.61), box(121.41, 31.6, 121.42, 31.61), box(121.4, 31.61, 121.41, 31.62), box(121.41, 31.61, 121.42, 31.62)} {
		four = append(four, grids.Area{Code: "310151101W0" + string(rune('1'+i)), TownCode: "310151101000", Name: "网格", Geometry: b})
	}
	return district, town, four
}

func small(t testing.TB) (*Store, []grids.Area) {
	t.Helper()
	s := open(t)
	district, town, four := quarters()
	store(t, s, grids.LevelDistrict, district)
	store(t, s, grids.LevelTowns, town)
	return s, four
}

// codes lists the distinct codes of the flaws, sorted.
func codes(flaws []grids.Flaw) []grids.FlawCode {
	var list []grids.FlawCode
	for _, f := range flaws {
		list = append(list, f.Code)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// owning is a connection as the owner of the schema, whom row-level security does not bind here.
func owning(t testing.TB, s *Store) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.pool.Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	if _, err := conn.Exec(t.Context(), "set search_path = wangge, public; set timezone = utc"); err != nil {
		t.Fatal(err)
	}
	return conn
}

func count(t testing.TB, s *Store, sql string, args ...any) (n int) {
	t.Helper()
	conn := owning(t, s)
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// ground asks for the territory alone.
func ground(grids.Versions, []grids.Change) grids.Query { return grids.Query{Territory: true} }

func timeout(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// withSchema is a fresh database in which there is everything but rows: making the tables takes longer than most tests.
func withSchema(t testing.TB) (dsn string) {
	t.Helper()
	return pgtest.Filled(t, "schema", func(dsn string) error {
		s, err := Open(context.Background(), dsn, grids.Chongming)
		if err == nil {
			s.Close()
		}
		return err
	})
}
