package main

import (
	"bytes"
	"iter"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"wangge/geoserver/analysis"
	"wangge/geoserver/demo"
	"wangge/grids"
	"wangge/grids/mesh"
)

// A group of casework counts whole in the grid that holds most of its cell, in whatever edition.
func testWholeGroupsByEdition(t *testing.T, s *server, two twoEditions) {
	now, _, err := s.compute(t, asked(s.api.Analyst.Catalogue(grids.ClassCommand), "hotspots", "casework", "grids"))
	if err != nil {
		t.Fatal(err)
	}
	r, _, err := s.compute(t, two.asked(s, "hotspots", "casework"))
	if err != nil {
		t.Fatal(err)
	}
	here, there := column(now, "value"), column(r, "value")
	for code, n := range there {
		halves := here[two.halves[0]] + here[two.halves[1]]
		switch {
		case code == two.split && n < halves, code != two.split && !slices.Contains(two.joined[:], code) && n != here[code]:
			t.Errorf("%s has %v events; on the map %v, its halves %v", code, n, here[code], halves)
		case n != math.Trunc(n):
			t.Errorf("%s has %v events", code, n)
		}
	}
	if parts := there[two.joined[0]] + there[two.joined[1]]; parts > here[two.whole] || sumOf(there) == 0 {
		t.Errorf("two grids have %v events, both together %v; all have %v", parts, here[two.whole], sumOf(there))
	}
	for _, u := range r.Units {
		if u.Interpolated {
			t.Errorf("%s is said to be interpolated", u.Code)
		}
	}
}

// partsOf is the figure behind each factor of the index, by unit: the factors in their order.
func partsOf(r *analysis.Result) map[string][]float64 {
	out := map[string][]float64{}
	for _, u := range r.Units {
		for _, p := range u.Parts {
			v := math.NaN()
			if p.Value != nil {
				v = *p.Value
			}
			out[u.Code] = append(out[u.Code], v)
		}
	}
	return out
}

// certified is the share of each grid of an edition that lies in certified villages, by PostGIS.
func (s *server) certified(t *testing.T, edition grids.ID) map[string]float64 {
	t.Helper()
	conn := s.connect(t)
	var in []string
	for _, u := range s.api.View.Sight(grids.ClassCommand).State().Units("villages") {
		if grids.Status(u.Status).IsCertified() {
			in = append(in, u.Code)
		}
	}
	if _, err := conn.Exec(t.Context(), `set search_path = wangge, public; select set_config('wangge.district', '310151', false), set_config('wangge.areas', 'all', false)`); err != nil {
		t.Fatal(err)
	}
	rows, err := conn.Query(t.Context(), `select code, coalesce(sum(m2) filter (where village = any ($2)), 0) / sum(m2) from (
			select g.code, v.code as village, ST_Area(ST_CollectionExtract(ST_Intersection(g.geom, v.geom), 3)::geography) as m2
			from grid g join village v on g.geom && v.geom where g.edition_id = $1) o group by code having sum(m2) > 0`, edition, in)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	var code string
	var share float64
	if _, err := pgx.ForEachRow(rows, []any{&code, &share}, func() error { out[code] = share; return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

// The factors of the index in the grids of another edition: those of grids that are as they were are as on the map, all are what PostGIS says.
func testTheIndexByEdition(t *testing.T, s *server, two twoEditions) {
	now, _, err := s.compute(t, asked(s.api.Analyst.Catalogue(grids.ClassCommand), "index", "casework", "grids"))
	if err != nil {
		t.Fatal(err)
	}
	r, text, err := s.compute(t, two.asked(s, "index", "casework"))
	if err != nil {
		t.Fatal(err)
	}
	if _, again, err := s.compute(t, two.asked(s, "index", "casework")); err != nil || !bytes.Equal(text, again) {
		t.Errorf("the same run gave other bytes (%v)", err)
	}
	here, there, certified := partsOf(now), partsOf(r), s.certified(t, two.older.ID)
	looked, before := column(now, "looked"), column(r, "looked")
	seen, inSeason := column(now, "seen"), column(r, "seen")
	if sumOf(seen) == 0 {
		t.Error("nothing was looked at in season")
	}
	mean := func(of func(code string) float64, a, b grids.Code, m2 func(grids.Code) float64) float64 {
		return (of(a)*m2(a) + of(b)*m2(b)) / (m2(a) + m2(b))
	}
	st := s.api.View.Sight(grids.ClassCommand).State()
	area := func(code grids.Code) float64 { u, _ := st.Unit("grids", code); return u.AreaKm2 }
	for i, u := range r.Units {
		got := there[u.Code]
		if !(math.Abs(got[3]-(1-certified[u.Code])) <= 1e-3) {
			t.Errorf("%s: %v of it is not certified, PostGIS says %v", u.Code, got[3], 1-certified[u.Code])
		}
		want, survey := slices.Clone(here[u.Code]), looked[u.Code]
		switch u.Code {
		case two.split:
			want, survey = nil, mean(func(c string) float64 { return looked[c] }, two.halves[0], two.halves[1], area)
			for f := range got {
				want = append(want, mean(func(c string) float64 { return here[c][f] }, two.halves[0], two.halves[1], area))
			}
		case two.joined[0], two.joined[1]: // casework and survey are of the whole, findings of each
			want, survey = slices.Clone(here[two.whole]), looked[two.whole]
			want[1], want[2], want[3] = got[1], got[2], got[3]
			if !u.Interpolated {
				t.Errorf("%s is not said to be interpolated", u.Code)
			}
		}
		for f, v := range want {
			if f != 4 && !(math.Abs(got[f]-v) <= 2e-3*max(1, v)) { // the survey is below
				t.Errorf("%s, factor %d: %v, want %v", u.Code, f, got[f], v)
			}
		}
		if _, known := before[u.Code]; known != (survey > 0) || !(math.Abs(before[u.Code]-survey) <= 2e-3) || known && !(math.Abs(1-before[u.Code]-got[4]) <= 2e-3) {
			t.Errorf("%s: %v of it is surveyed, want %v", u.Code, before[u.Code], survey)
		}
		from, to := seen[u.Code], seen[u.Code]
		switch u.Code {
		case two.split:
			from, to = min(seen[two.halves[0]], seen[two.halves[1]]), max(seen[two.halves[0]], seen[two.halves[1]])
		case two.joined[0], two.joined[1]:
			from, to = seen[two.whole], seen[two.whole]
		}
		if got := inSeason[u.Code]; !(got >= from-2e-3 && got <= to+2e-3) {
			t.Errorf("%s: %v of it was looked at in season, want %v to %v", u.Code, got, from, to)
		}
		if sum := 0.0; u.Values[0] != nil {
			for _, p := range u.Parts {
				sum += p.Contribution
			}
			if math.Abs(sum-*r.Units[i].Values[0]) > 1e-9 {
				t.Errorf("%s: parts of %v, value %v", u.Code, sum, *u.Values[0])
			}
		}
	}
	if a, b := sumOf(column(r, "risk")), sumOf(column(now, "risk")); math.Abs(a-b) > .02*b {
		t.Errorf("together %v points, on the map %v", a, b)
	}
}

// What was looked at of the ground stays as much: ground that nobody looked at lowers the share of the grid that it comes to.
func testTheSurveyStaysAsMuch(t *testing.T, s *server, two twoEditions) {
	st := s.api.View.Sight(grids.ClassCommand).State()
	want := 0.0
	for _, u := range st.Units("grids") {
		n, _ := u.Survey.Known()
		want += n * u.AreaKm2
	}
	editions := st.Territory().Editions
	older := editions[slices.IndexFunc(editions, func(e grids.Edition) bool { return e.Name == demo.OlderEdition })].ID
	list, err := s.store.EditionGrids(t.Context(), grids.Serving, older)
	if err != nil {
		t.Fatal(err)
	}
	req := two.asked(s, "index", "casework")
	req["edition"] = older.String()
	r, _, err := s.compute(t, req)
	if err != nil {
		t.Fatal(err)
	}
	looked, got := column(r, "looked"), 0.0
	for _, g := range list {
		got += looked[g.Code] * mesh.AreaM2(g.Geometry) / 1e6
	}
	if math.Abs(got-want) > 1e-3*want || want == 0 {
		t.Errorf("%v km² of the edition were looked at, on the map %v", got, want)
	}
}

// With weights by hand or by comparison the index is the weighted sum of the normalised factors that the map shows.
func testTheIndexWithOwnWeights(t *testing.T, s *server) {
	c := s.api.Analyst.Catalogue(grids.ClassCommand)
	ask := func(composite map[string]any) *analysis.Result {
		req := asked(c, "index", "casework", "grids")
		req["composite"] = composite
		r, _, err := s.compute(t, req)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	units := s.api.View.Sight(grids.ClassCommand).State().Units("grids")
	check := func(name string, r *analysis.Result, weights []float64) {
		t.Helper()
		for i, u := range units {
			want, known := 0.0, 0.0
			for k, p := range u.Risk.Parts {
				if !p.Missing {
					want, known = want+weights[k]*p.Normalised, known+weights[k]
				}
			}
			if got := r.Units[i].Values[0]; (got == nil) != (known == 0) || got != nil && math.Abs(*got-100*want/known) > 1e-9 {
				t.Fatalf("%s: %s has %v, want %v", name, u.Code, got, 100*want/known)
			}
		}
	}
	check("in force", ask(map[string]any{}), []float64{.35, .15, .2, .2, .1})
	check("the survey alone", ask(map[string]any{"weights": map[string]any{"survey": 3}}), []float64{0, 0, 0, 0, 1})
	even := [][]float64{}
	for range 5 {
		even = append(even, []float64{1, 1, 1, 1, 1})
	}
	alike := ask(map[string]any{"judgements": even})
	check("all alike", alike, []float64{.2, .2, .2, .2, .2})
	fact := func(id string) analysis.Fact {
		i := slices.IndexFunc(alike.Facts, func(f analysis.Fact) bool { return f.ID == id })
		return alike.Facts[max(i, 0)]
	}
	if w, cr := fact("weights"), fact("cr"); !strings.HasPrefix(w.Text.EN, "Casework density 20.0 %; Open") || cr.Value == nil || *cr.Value != 0 {
		t.Errorf("what the weights are: %+v, how they agree: %+v", w, cr)
	}
	even[0][1], even[1][0], even[1][2], even[2][1], even[0][2], even[2][0] = 9, 1./9, 9, 1./9, 1./9, 9
	r := ask(map[string]any{"judgements": even})
	if !slices.ContainsFunc(r.Notes, func(n analysis.Note) bool { return n.Level == "warning" && strings.Contains(n.Text.EN, "contradict") }) {
		t.Errorf("comparisons that contradict each other: %v", r.Notes)
	}
	for i, u := range ask(map[string]any{"normalise": "percentile-rank"}).Units {
		if v := u.Values[0]; v != nil && (*v < 0 || *v > 1) {
			t.Fatalf("%d: a weighted rank of %v", i, *v)
		}
	}
}

// residuals is the composite index of a species, and its residual risk and what was looked at in season, by unit.
func (s *server) residuals(t *testing.T, level string, species grids.FindingKind) (r *analysis.Result, left, seen map[string]*float64) {
	t.Helper()
	req := asked(s.api.Analyst.Catalogue(grids.ClassCommand), "index", "casework", level)
	if species != "" {
		req["composite"] = map[string]any{"species": species}
	}
	r, _, err := s.compute(t, req)
	if err != nil {
		t.Fatal(err)
	}
	column := func(id string) map[string]*float64 {
		at := slices.IndexFunc(r.Columns, func(c analysis.Column) bool { return c.ID == id })
		out := map[string]*float64{}
		for _, u := range r.Units {
			out[u.Code] = u.Values[at]
		}
		return out
	}
	return r, column("residual"), column("seen")
}

// A unit has no residual risk of a species where a finding of that species was confirmed, and one everywhere else.
func testTheResidualOfASpecies(t *testing.T, s *server) {
	conn := s.connect(t)
	for _, level := range []string{"grids", "villages"} {
		occupied := 0
		for _, species := range []grids.FindingKind{grids.OpiumPoppy, grids.Cannabis, grids.Ephedra} {
			r, left, seen := s.residuals(t, level, species)
			rows, err := conn.Query(t.Context(), "select distinct "+strings.TrimSuffix(level, "s")+`_code from wangge.finding
				where kind = $1 and state in ('confirmed', 'eradicated', 're_inspected', 'closed')`, species)
			if err != nil {
				t.Fatal(err)
			}
			found, err := pgx.CollectRows(rows, pgx.RowTo[string])
			if err != nil {
				t.Fatal(err)
			}
			occupied += len(found)
			for code, v := range left {
				if (v == nil) != slices.Contains(found, code) || seen[code] == nil || *seen[code] < 0 || *seen[code] > 1 {
					t.Fatalf("%s %s, %s: a residual of %v, looked at in season %v", level, code, species, v, seen[code])
				}
			}
			i := slices.IndexFunc(r.Facts, func(f analysis.Fact) bool { return f.ID == "species" })
			meta := r.Meta[len(r.Meta)-1]
			season, _ := meta.Params["season"].([]any)
			if r.Facts[max(i, 0)].Text != species.Title() || meta.Params["species"] != string(species) || meta.Params["phenology"] != "2026-1" || len(season) != 24 {
				t.Errorf("%s: fact %v, parameters %v", species, r.Facts[max(i, 0)], meta.Params)
			}
		}
		if occupied == 0 {
			t.Errorf("nothing was confirmed in any of the %s", level)
		}
	}
	_, usual, _ := s.residuals(t, "grids", "")
	_, poppy, _ := s.residuals(t, "grids", grids.OpiumPoppy)
	if !reflect.DeepEqual(usual, poppy) {
		t.Error("who names no species does not ask for poppy")
	}
}

// A survey says something of a species only in its season: poppy is not seen in autumn, nor hemp in spring as well as in autumn.
func testTheResidualHasASeason(t *testing.T, s *server) {
	_, poppy, _ := s.residuals(t, "grids", grids.OpiumPoppy)
	_, hemp, _ := s.residuals(t, "grids", grids.Cannabis)
	var codes []string
	for _, code := range slices.Sorted(maps.Keys(poppy)) {
		if poppy[code] != nil && hemp[code] != nil {
			codes = append(codes, code)
		}
	}
	spring, autumn, never := codes[0], codes[1], codes[2]
	conn := s.connect(t)
	if _, err := conn.Exec(t.Context(), "delete from wangge.survey_result"); err != nil {
		t.Fatal(err)
	}
	last := func(m time.Month, d int) grids.Day { // the last day of that date
		today := grids.DayOf(time.Now())
		for year := today.Date().Year(); ; year-- {
			if day := grids.DayFrom(year, m, d); day <= today {
				return day
			}
		}
	}
	list := []grids.SurveyResult{{ID: grids.NewID(), GridCode: grids.Code(spring), Round: "spring", Completion: 1, On: last(5, 31)},
		{ID: grids.NewID(), GridCode: grids.Code(autumn), Round: "autumn", Completion: 1, On: last(10, 31)}}
	if _, err := s.store.ImportSurveys(t.Context(), grids.Operator, &grids.Batch{ID: grids.NewID(), Subject: "surveys", File: "test", Rows: 2, Accepted: 2},
		func() iter.Seq[grids.SurveyResult] { return slices.Values(list) }, func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	r, poppy, seen := s.residuals(t, "grids", grids.OpiumPoppy)
	if *poppy[autumn] != *poppy[never] || !(*poppy[spring] < *poppy[never]) || *seen[autumn] != 0 || *seen[spring] < .7 {
		t.Errorf("poppy where nobody looked %v, in autumn %v, in spring %v; in season %v and %v", *poppy[never], *poppy[autumn], *poppy[spring], *seen[autumn], *seen[spring])
	}
	r2, hemp, _ := s.residuals(t, "grids", grids.Cannabis)
	if !(*hemp[autumn] < *hemp[spring]) || !(*hemp[spring] < *hemp[never]) {
		t.Errorf("hemp where nobody looked %v, in autumn %v, in spring %v", *hemp[never], *hemp[autumn], *hemp[spring])
	}
	for _, r := range []*analysis.Result{r, r2} {
		i := slices.IndexFunc(r.Facts, func(f analysis.Fact) bool { return f.ID == "in_season" })
		if v := r.Facts[max(i, 0)].Value; v == nil || !(*v > 0 && *v < 1) {
			t.Errorf("of the ground that was looked at, in season: %v", v)
		}
	}
}

// The index that a forecast is made of knows certification and survey of then; plain counts know neither.
func testTheForecastKnowsTheGround(t *testing.T, s *server) {
	req := asked(s.api.Analyst.Catalogue(grids.ClassCommand), "prediction", "findings", "grids")
	with, _, err := s.compute(t, req)
	if err != nil {
		t.Fatal(err)
	}
	conn := s.connect(t)
	if _, err := conn.Exec(t.Context(), `delete from wangge.survey_result; delete from wangge.village_status`); err != nil { // and no version says so: the state is as before
		t.Fatal(err)
	}
	without, _, err := s.compute(t, req)
	if err != nil {
		t.Fatal(err)
	}
	if reflect.DeepEqual(column(with, "index"), column(without, "index")) || !reflect.DeepEqual(column(with, "counts"), column(without, "counts")) {
		t.Error("certification and survey of then make no difference to the index, or one to plain counts")
	}
}
