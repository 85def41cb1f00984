package main

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb"
	"github.com/paulmach/orb/geojson"

	"wangge/geoserver/analysis"
	"wangge/geoserver/demo"
	"wangge/grids"
)

// twoEditions is what became of the grids of the demo in an edition that was published after it.
type twoEditions struct {
	older, newer grids.Edition
	split        grids.Code    // a grid of the older one: two of the newer
	joined       [2]grids.Code // two grids of the older one: one of the newer
	halves       [2]grids.Code
	whole        grids.Code
	findings     map[string]int // by code of the older one, those that are not dismissed, counted by PostGIS
}

// connect is a connection past the server, closed with the test.
func (s *server) connect(t *testing.T) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// regrid publishes another edition: one grid of the demo is cut in two, and two neighbours are one.
func (s *server) regrid(t *testing.T) (two twoEditions) {
	t.Helper()
	conn := s.connect(t)
	if _, err := conn.Exec(t.Context(), `set search_path = wangge, public; select set_config('wangge.district', '310151', false), set_config('wangge.areas', 'all', false)`); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), `create temporary table shown as select g.* from grid g join grid_edition e using (district_id, edition_id) where e.state = 'published'`); err != nil {
		t.Fatal(err)
	}
	// the busiest ones, so that there is something to count
	err := conn.QueryRow(t.Context(), `with n as (select grid_code as code, count(*) as n from finding group by 1)
		select b.code, c.code, (select a.code from shown a join n using (code) where a.code not in (b.code, c.code) order by n.n desc, a.code limit 1)
		from shown b join n nb on nb.code = b.code join shown c on c.town_code = b.town_code and c.code > b.code join n nc on nc.code = c.code
		where ST_Length(ST_Intersection(b.geom, c.geom)) > 0.001 order by nb.n + nc.n desc, b.code limit 1`).Scan(&two.joined[0], &two.joined[1], &two.split)
	if err != nil {
		t.Fatal(err)
	}
	two.halves, two.whole = [2]grids.Code{two.split + "-1", two.split + "-2"}, two.joined[0]+"+"
	rows, err := conn.Query(t.Context(), `select code, town_code, ST_AsGeoJSON(ST_Multi(geom), 15) from (
			select code, town_code, geom from shown where code <> all ($1)
			union all select $2, min(town_code), ST_Union(geom) from shown where code = any ($3)
			union all select $4, town_code, ST_Intersection(geom, ST_MakeEnvelope(0, 0, (ST_XMin(geom) + ST_XMax(geom)) / 2, 90, 4326)) from shown where code = $6
			union all select $5, town_code, ST_Intersection(geom, ST_MakeEnvelope((ST_XMin(geom) + ST_XMax(geom)) / 2, 0, 180, 90, 4326)) from shown where code = $6) g order by code`,
		append(two.joined[:], two.split), two.whole, two.joined[:], two.halves[0], two.halves[1], two.split)
	if err != nil {
		t.Fatal(err)
	}
	areas, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (a grids.Area, err error) {
		var text string
		if err := row.Scan(&a.Code, &a.TownCode, &text); err != nil {
			return a, err
		}
		g, err := geojson.UnmarshalGeometry([]byte(text))
		if err == nil {
			a.Name, a.Synthetic, a.Geometry = a.Code, true, g.Geometry().(orb.MultiPolygon)
		}
		return a, err
	})
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.store.ImportAreas(t.Context(), grids.Operator, grids.AreaImport{Level: grids.LevelGrids, Areas: areas, Family: grids.DrugControl, Edition: "新版", From: grids.DayFrom(2026, 6, 1), ToleranceM2: 10,
		Batch: grids.Batch{ID: grids.NewID(), Subject: "grids", File: "newer.geojson"}})
	if err != nil || !res.Stored {
		t.Fatalf("%d flaws, %v", len(res.Flaws), err)
	}
	if err := s.api.View.Fresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	ground := s.api.View.Sight(grids.ClassCommand).State().Territory()
	two.newer = ground.Edition
	two.older = ground.Editions[slices.IndexFunc(ground.Editions, func(e grids.Edition) bool { return e.Name == "演示 demo" })]
	two.findings = map[string]int{}
	rows, err = conn.Query(t.Context(), `select coalesce((select min(g.code collate "C") from grid g where g.edition_id = $1 and ST_Covers(g.geom, ST_PointOnSurface(f.geom))), ''), count(*)
		from finding f where f.state <> 'dismissed' group by 1`, two.older.ID)
	if err != nil {
		t.Fatal(err)
	}
	var code string
	var n int
	if _, err := pgx.ForEachRow(rows, []any{&code, &n}, func() error { two.findings[code] = n; return nil }); err != nil {
		t.Fatal(err)
	}
	return two
}

// column is a figure of every unit, by code.
func column(r *analysis.Result, id string) map[string]float64 {
	at := slices.IndexFunc(r.Columns, func(c analysis.Column) bool { return c.ID == id })
	out := map[string]float64{}
	for _, u := range r.Units {
		if v := u.Values[at]; v != nil {
			out[u.Code] = *v
		}
	}
	return out
}

func sumOf(m map[string]float64) (sum float64) {
	for _, v := range m {
		sum += v
	}
	return sum
}

// TestAnalysesByEdition: the grids of the demo, after another edition was published.
func TestAnalysesByEdition(t *testing.T) {
	s := newServer(t)
	two := s.regrid(t)
	for _, part := range []struct {
		name string
		run  func(*testing.T, *server, twoEditions)
	}{
		{"Editions are listed", testEditionsAreListed},
		{"Casework is brought over", testCaseworkIsBroughtOver},
		{"Findings are where they are", testFindingsAreWhereTheyAre},
		{"The older edition of the demo", testTheOlderEditionOfTheDemo},
		{"Every method", testEveryMethodByEdition},
		{"Whole groups", testWholeGroupsByEdition},
		{"The composite index", testTheIndexByEdition},
		{"The survey stays as much", testTheSurveyStaysAsMuch},
		{"Refusals", testRefusedEditions},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, s, two) })
	}
}

func (two twoEditions) asked(s *server, method, indicator string) map[string]any {
	req := asked(s.api.Analyst.Catalogue(grids.ClassCommand), method, indicator, "grids")
	req["edition"] = two.older.ID.String()
	return req
}

func testEditionsAreListed(t *testing.T, s *server, two twoEditions) {
	var meta struct {
		Edition  struct{ ID string }
		Editions []struct {
			ID, Name, State, Effective_from string
			Grids                           int
		}
	}
	if status := s.json(t, "GET", "/api/meta", nil, &meta); status != http.StatusOK || meta.Edition.ID != two.newer.ID.String() {
		t.Fatalf("%d, %+v", status, meta)
	}
	states := map[string]string{}
	for _, e := range meta.Editions {
		states[e.ID] = e.State
		if e.Grids == 0 || e.Name == "" || e.Effective_from == "" {
			t.Errorf("%+v", e)
		}
	}
	if states[two.older.ID.String()] != "superseded" || states[two.newer.ID.String()] != "published" {
		t.Errorf("%v", states)
	}
	if _, err := s.store.EditionGrids(t.Context(), grids.Serving, grids.NewID()); grids.KindOf(err) != grids.NotFound {
		t.Errorf("grids of an edition that is not: %v", err)
	}
	patrol := grids.Actor{Grants: []grids.Grant{{Role: grids.Patrol, Scope: grids.Scope{Level: grids.LevelDistrict}}}}
	if _, err := s.store.EditionGrids(t.Context(), patrol, two.older.ID); grids.KindOf(err) != grids.Forbidden {
		t.Errorf("a patrol reads an edition: %v", err)
	}
}

// A grid that is as it was, or made of whole ones, is exact; one that was cut out of another has its share by area, and the total is kept.
func testCaseworkIsBroughtOver(t *testing.T, s *server, two twoEditions) {
	now, _, err := s.compute(t, asked(s.api.Analyst.Catalogue(grids.ClassCommand), "rates", "casework", "grids"))
	if err != nil {
		t.Fatal(err)
	}
	r, text, err := s.compute(t, two.asked(s, "rates", "casework"))
	if err != nil {
		t.Fatal(err)
	}
	if _, again, err := s.compute(t, two.asked(s, "rates", "casework")); err != nil || !bytes.Equal(text, again) {
		t.Errorf("the same run gave other bytes (%v)", err)
	}
	t.Logf("%d bytes, %d of today", len(text), len(now.Units))
	cases, today, area := column(r, "cases"), column(now, "cases"), column(r, "area")
	if len(cases) != 351 || len(today) != 351 {
		t.Fatalf("%d and %d units", len(cases), len(today))
	}
	off := func(a, b float64) bool { return math.Abs(a-b) > 1e-6*math.Max(1, math.Abs(b)) }
	if off(sumOf(cases), sumOf(today)) || sumOf(today) == 0 {
		t.Errorf("the units hold %v events, those of today %v", sumOf(cases), sumOf(today))
	}
	cut := 0.0
	for _, u := range r.Units {
		want, interpolated := today[u.Code], false
		switch u.Code {
		case two.split:
			want = today[two.halves[0]] + today[two.halves[1]]
		case two.joined[0], two.joined[1]:
			want, interpolated = today[two.whole]*area[u.Code]/(area[two.joined[0]]+area[two.joined[1]]), true
			cut += cases[u.Code]
			if math.Abs(cases[u.Code]-want) < 1e-4*want { // areas on the ellipsoid and in the plane differ a little
				want = cases[u.Code]
			}
		}
		if off(cases[u.Code], want) || u.Interpolated != interpolated {
			t.Errorf("%s has %v, interpolated %v; want %v, %v", u.Code, cases[u.Code], u.Interpolated, want, interpolated)
		}
		if len(u.Outline) == 0 || len(u.Outline[0][0]) < 4 {
			t.Errorf("%s has no outline: %v", u.Code, u.Outline)
		}
	}
	o := r.Other
	if r.Edition != "演示 demo" || o == nil || o.ID != two.older.ID.String() || o.OnMap != "新版" || len(o.Crosswalk) != 16 || o.Units != 2 || off(o.Interpolated, cut/sumOf(cases)) || o.Outside > 1e-6 {
		t.Errorf("%s: %+v, of which %v are interpolated", r.Edition, o, cut)
	}
	if now.Other != nil || now.Units[0].Outline != nil || slices.ContainsFunc(now.Units, func(u analysis.Unit) bool { return u.Interpolated }) {
		t.Error("the result on the map says that it is of another edition")
	}
	named := two.asked(s, "rates", "casework")
	named["edition"] = two.newer.ID.String()
	if same, _, err := s.compute(t, named); err != nil || same.Other != nil || !mapsEqual(column(same, "cases"), today) {
		t.Errorf("the edition on the map by its id is another than by none (%v)", err)
	}
}

func mapsEqual(a, b map[string]float64) bool {
	for k, v := range a {
		if b[k] != v {
			return false
		}
	}
	return len(a) == len(b)
}

func testFindingsAreWhereTheyAre(t *testing.T, s *server, two twoEditions) {
	if two.findings[two.split] == 0 || two.findings[two.joined[0]] == 0 {
		t.Fatalf("the demo has no findings there: %v", two)
	}
	r, _, err := s.compute(t, two.asked(s, "rates", "findings"))
	if err != nil {
		t.Fatal(err)
	}
	n := column(r, "cases")
	for _, u := range r.Units {
		if got := n[u.Code]; got != float64(two.findings[u.Code]) || u.Interpolated {
			t.Errorf("%s has %v findings, interpolated %v; PostGIS counts %d", u.Code, got, u.Interpolated, two.findings[u.Code])
		}
	}
	if r.Other == nil || r.Other.Crosswalk != "" || r.Other.Interpolated != 0 {
		t.Errorf("%+v", r.Other)
	}
}

// The demo has an edition of before, which cuts grids of now.
func testTheOlderEditionOfTheDemo(t *testing.T, s *server, two twoEditions) {
	editions := s.api.View.Sight(grids.ClassCommand).State().Territory().Editions
	older := editions[slices.IndexFunc(editions, func(e grids.Edition) bool { return e.Name == demo.OlderEdition })]
	if older.EffectiveFrom != demo.OlderFrom() || older.State != grids.Superseded || editions[len(editions)-1].ID != older.ID {
		t.Errorf("%+v of %+v", older, editions)
	}
	req := two.asked(s, "rates", "casework")
	now, _, err := s.compute(t, req)
	if err != nil {
		t.Fatal(err)
	}
	req["edition"] = older.ID.String()
	r, _, err := s.compute(t, req)
	if err != nil {
		t.Fatal(err)
	}
	sum, want := sumOf(column(r, "cases")), sumOf(column(now, "cases"))
	if math.Abs(sum-want) > 1e-6*want || r.Other.Units < 30 || r.Other.Units > len(r.Units)-30 || r.Other.Interpolated <= 0 || r.Other.Interpolated >= 1 {
		t.Errorf("%v events, want %v; %+v", sum, want, r.Other)
	}
}

func testEveryMethodByEdition(t *testing.T, s *server, two twoEditions) {
	c := s.api.Analyst.Catalogue(grids.ClassCommand)
	for _, m := range c.Methods {
		takes := slices.Contains(m.Options, "edition")
		for _, indicator := range m.Indicators[:min(2, len(m.Indicators))] {
			t.Run(m.ID+"/"+indicator, func(t *testing.T) {
				r, text, err := s.compute(t, two.asked(s, m.ID, indicator))
				if !takes {
					if grids.KindOf(err) != grids.Invalid || !strings.Contains(err.Error(), "edition") {
						t.Errorf("it is not refused: %v", err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("%d bytes", len(text))
				checkResult(t, c, m, r)
				if len(r.Units) != 351 || r.Other == nil || r.Units[0].Outline == nil {
					t.Errorf("%d units, %+v", len(r.Units), r.Other)
				}
				way := map[string]string{"rates": "shared", "emerging": "shared", "index": "auto", "density": "auto"}[m.ID]
				if way == "" {
					way = "located"
				}
				brought := m.ID == "prediction" || indicator == "casework" && m.ID != "density" && way != "located"
				if brought != (r.Other.Units == 2) || indicator == "casework" && r.Request.Casework != way {
					t.Errorf("%d units are interpolated, casework is %s", r.Other.Units, r.Request.Casework)
				}
			})
		}
	}
}

func testRefusedEditions(t *testing.T, s *server, two twoEditions) {
	for name, tt := range map[string]struct {
		method string
		with   map[string]any
		says   string
	}{
		"one that is not":      {"hotspots", map[string]any{"edition": grids.NewID().String()}, "there is no edition"},
		"no UUID":              {"hotspots", map[string]any{"edition": "2023"}, "UUID"},
		"of villages":          {"hotspots", map[string]any{"level": "villages"}, "an edition is of grids"},
		"a forecast of shares": {"prediction", map[string]any{"casework": "shared"}, "predict itself"},
	} {
		t.Run(name, func(t *testing.T) {
			req := two.asked(s, tt.method, "casework")
			for k, v := range tt.with {
				req[k] = v
			}
			if _, _, err := s.compute(t, req); grids.KindOf(err) != grids.Invalid || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v", err)
			}
		})
	}
	body, _ := json.Marshal(map[string]any{"id": grids.NewID(), "request": map[string]any{"method": "hotspots", "from": "2023-01", "to": "2025-12", "edition": "x"}})
	if res, b := s.do(t, "POST", "/api/analysis/runs", bytes.NewReader(body), "Content-Type", "application/json"); res.StatusCode != http.StatusBadRequest && res.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(string(b), "edition") {
		t.Errorf("an edition of nothing is asked for: %d %s", res.StatusCode, b)
	}
}
