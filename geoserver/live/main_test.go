package live

import (
	"bytes"
	"cmp"
	"context"
	"iter"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb"
	"github.com/paulmach/orb/encoding/ewkb"
	"github.com/paulmach/orb/geojson"

	"wangge/geoserver/demo"
	"wangge/geoserver/localpg/pgtest"
	"wangge/grids"
	"wangge/grids/postgis"
	"wangge/grids/risk"
	"wangge/importers"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// district is a store on a database of its own that holds the demo, with what a test needs to go on writing to it.
type district struct {
	*postgis.Store
	dsn    string
	now    time.Time // of the clock that the views have
	r      *rand.Rand
	places grids.Places
	areas  map[grids.Level][]grids.Area
	marked []grids.ID // and not withdrawn
	found  []grids.Finding
	cases  []grids.CaseEvent
	last   uint64
}

// chongming is a district with a part of the demo's territory, what the demo has there, and some of n events of casework.
func chongming(t *testing.T, n int) *district {
	t.Helper()
	d := &district{dsn: pgtest.Database(t), now: time.Date(2026, 6, 15, 4, 0, 0, 0, time.UTC), r: rand.New(rand.NewPCG(310151, 7)), areas: map[grids.Level][]grids.Area{}}
	var err error
	if d.Store, err = postgis.Open(t.Context(), d.dsn, grids.Chongming); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	files := demo.Files(demo.Options{Seed: 310151, Cases: n, Today: grids.DayOf(d.now)})
	for _, f := range files[:4] {
		d.areas[grids.Level(f.Subject)] = areasOf(t, f)
	}
	d.cut(t)
	for _, f := range files {
		switch f.Subject {
		case "district", "towns", "villages", "grids":
			d.importAreas(t, grids.Level(f.Subject))
		case "casework":
			d.cases = rowsOf(t, d, f, importers.Casework)
			d.importCases(t, d.cases...)
		case "village-status":
			d.importStatuses(t, rowsOf(t, d, f, importers.VillageStatuses)...)
		case "surveys":
			d.importSurveys(t, rowsOf(t, d, f, importers.Surveys)...)
		case "findings":
			d.found = rowsOf(t, d, f, importers.Findings)
			d.importFindings(t, d.found...)
		}
	}
	return d
}

// cut leaves five towns of the district: it has everything, and a view begins anew four times as fast.
func (d *district) cut(t *testing.T) {
	t.Helper()
	far := func(a grids.Area) float64 {
		c := a.Geometry.Bound().Center()
		return math.Hypot(c[0]-121.42, c[1]-31.64)
	}
	towns := d.areas[grids.LevelTowns]
	slices.SortFunc(towns, func(a, b grids.Area) int { return cmp.Compare(far(a), far(b)) })
	towns = towns[:5]
	d.areas[grids.LevelTowns] = towns
	outlines := orb.Collection{}
	for _, a := range towns {
		outlines = append(outlines, a.Geometry)
	}
	d.areas[grids.LevelDistrict][0].Geometry = d.union(t, outlines)
	for _, level := range []grids.Level{grids.LevelVillages, grids.LevelGrids} {
		d.areas[level] = slices.DeleteFunc(d.areas[level], func(a grids.Area) bool {
			return !slices.ContainsFunc(towns, func(town grids.Area) bool { return town.Code == a.TownCode })
		})
	}
}

// areasOf reads a level of territory from a file of the demo.
func areasOf(t *testing.T, f demo.File) (list []grids.Area) {
	t.Helper()
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	fc, err := geojson.UnmarshalFeatureCollection(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fc.Features {
		p := f.Properties
		list = append(list, grids.Area{Code: p.MustString("code"), TownCode: p.MustString("town_code", ""), Name: p.MustString("name"), Kind: p.MustString("kind", ""), Synthetic: true, Geometry: multi(f.Geometry)})
	}
	return list
}

func multi(g orb.Geometry) orb.MultiPolygon {
	if p, ok := g.(orb.Polygon); ok {
		return orb.MultiPolygon{p}
	}
	return g.(orb.MultiPolygon)
}

// rowsOf reads a file of the demo as a user would import it.
func rowsOf[T any](t *testing.T, d *district, f demo.File, read func(*importers.Source, importers.Checker, *importers.Report) iter.Seq[T]) []T {
	t.Helper()
	path := filepath.Join(t.TempDir(), f.Name)
	w, err := os.Create(path)
	if err == nil {
		err = f.Write(w)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	src, err := importers.Open(t.Context(), path, importers.Options{Name: f.Name, Subject: f.Subject})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = src.Close() }()
	return slices.Collect(read(src, importers.Checker{Places: d.places, Now: d.now}, importers.NewReport(src)))
}

// id is the next of the ids that this test makes.
func (d *district) id() (id grids.ID) {
	d.last++
	for i := range 8 {
		id[15-i] = byte(d.last >> (8 * i))
	}
	id[0] = byte(d.r.Uint32()) // so that they are in no order
	return id
}

func batchOf[T any](d *district, subject string, list []T) *grids.Batch {
	return &grids.Batch{ID: d.id(), Subject: subject, File: "test", Rows: len(list), Accepted: len(list)}
}

func fine() error { return nil }

func (d *district) importAreas(t *testing.T, level grids.Level) {
	t.Helper()
	res, err := d.ImportAreas(t.Context(), grids.Operator, grids.AreaImport{Level: level, Areas: d.areas[level], Family: grids.DrugControl, Edition: "test",
		From: grids.DayFrom(2026, 1, 1), ToleranceM2: 10, Batch: *batchOf(d, string(level), d.areas[level])})
	if err != nil || !res.Stored {
		t.Fatalf("%s: %v, stored %v, %v", level, err, res.Stored, res.Flaws)
	}
	if d.places, err = ReadPlaces(t.Context(), d.Store); err != nil {
		t.Fatal(err)
	}
}

// imported fails on an error, and says which batch it was.
func imported(t *testing.T, st grids.Stored, err error) grids.Stored {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func (d *district) importCases(t *testing.T, list ...grids.CaseEvent) grids.Stored {
	t.Helper()
	st, err := d.ImportCasework(t.Context(), grids.Operator, batchOf(d, "casework", list), func() iter.Seq[grids.CaseEvent] { return slices.Values(list) }, fine)
	return imported(t, st, err)
}

func (d *district) importStatuses(t *testing.T, list ...grids.VillageStatus) grids.Stored {
	t.Helper()
	st, err := d.ImportVillageStatuses(t.Context(), grids.Operator, batchOf(d, "village-status", list), func() iter.Seq[grids.VillageStatus] { return slices.Values(list) }, fine)
	return imported(t, st, err)
}

func (d *district) importSurveys(t *testing.T, list ...grids.SurveyResult) grids.Stored {
	t.Helper()
	st, err := d.ImportSurveys(t.Context(), grids.Operator, batchOf(d, "surveys", list), func() iter.Seq[grids.SurveyResult] { return slices.Values(list) }, fine)
	return imported(t, st, err)
}

func (d *district) importFindings(t *testing.T, list ...grids.Finding) grids.Stored {
	t.Helper()
	st, err := d.ImportFindings(t.Context(), grids.Operator, batchOf(d, "findings", list), func() iter.Seq[grids.Finding] { return slices.Values(list) }, fine)
	return imported(t, st, err)
}

// point is somewhere in the district; about every second one in one corner of it, so that there are clusters.
func (d *district) point() orb.Point {
	b := d.areas[grids.LevelDistrict][0].Geometry.Bound()
	if d.r.IntN(2) == 0 {
		b = orb.Bound{Min: orb.Point{121.40, 31.62}, Max: orb.Point{121.44, 31.66}}
	}
	for {
		round := func(v float64) float64 { return math.Round(v*1e6) / 1e6 }
		p := orb.Point{round(b.Min[0] + d.r.Float64()*(b.Max[0]-b.Min[0])), round(b.Min[1] + d.r.Float64()*(b.Max[1]-b.Min[1]))}
		if _, _, _, inside := d.places.Locate(p); inside {
			return p
		}
	}
}

func one[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// finding is a new point or plot.
func (d *district) finding() grids.Finding {
	p := d.point()
	f := grids.Finding{ID: d.id(), Geometry: p, Kind: one(d.r, grids.FindingKinds[:]), Confidence: 1 + d.r.IntN(3), State: grids.Spotted,
		Source: one(d.r, grids.FindingSources[:]), SeenAt: d.now.Add(-time.Duration(d.r.IntN(1000)) * time.Hour)}
	if d.r.IntN(2) == 0 {
		w := .0001 + .0005*d.r.Float64()
		f.Geometry = orb.Polygon{{p, {p[0] + w, p[1]}, {p[0] + w, p[1] + w}, {p[0], p[1] + w/2}, p}}
	}
	return f
}

// event is a new event, most of them with a point.
func (d *district) event() grids.CaseEvent {
	e := grids.CaseEvent{ID: d.id(), Kind: one(d.r, grids.CaseKinds[:]), On: grids.DayOf(d.now) - grids.Day(d.r.IntN(2000)), Precision: grids.ByDay}
	d.place(&e)
	return e
}

// place puts an event somewhere.
func (d *district) place(e *grids.CaseEvent) {
	e.Point, e.Cell, e.VillageCode, e.GridCode = nil, 0, "", ""
	switch d.r.IntN(8) {
	case 0:
		e.VillageCode = one(d.r, d.areas[grids.LevelVillages]).Code
		e.TownCode, e.GridCode, _ = d.places.Village(e.VillageCode)
		e.Cell = d.places.CellOf(grids.LevelVillages, e.VillageCode)
	case 1:
		e.GridCode = one(d.r, d.areas[grids.LevelGrids]).Code
		e.TownCode, _ = d.places.Grid(e.GridCode)
		e.Cell = d.places.CellOf(grids.LevelGrids, e.GridCode)
	default:
		p := d.point()
		e.Point, e.Cell = &p, d.places.Cell(p)
		e.TownCode, e.VillageCode, e.GridCode, _ = d.places.Locate(p)
	}
}

// sql runs statements beside the store.
func (d *district) sql(t *testing.T, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), d.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	for _, s := range statements {
		if _, err := conn.Exec(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// union is neighbours as one outline.
func (d *district) union(t *testing.T, list orb.Collection) orb.MultiPolygon {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), d.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	parts, err := ewkb.Marshal(list, 4326)
	if err != nil {
		t.Fatal(err)
	}
	var whole []byte
	if err := conn.QueryRow(t.Context(), "select ST_AsEWKB(ST_UnaryUnion(ST_GeomFromEWKB($1)))", parts).Scan(&whole); err != nil {
		t.Fatal(err)
	}
	g, _, err := ewkb.Unmarshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	return multi(g)
}

// newView is a view with the clock of now.
func newView(t *testing.T, s Store, now func() time.Time) *View {
	t.Helper()
	v, err := New(s, Options{Land: demo.Land(), K: 3, Weights: risk.Default(), CacheBytes: 64 << 20, Now: now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (d *district) view(t *testing.T) *View { return newView(t, d.Store, d.clock) }

// fresh makes a look and fails on an error.
func fresh(t *testing.T, v *View) *View {
	t.Helper()
	if err := v.Fresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	return v
}
