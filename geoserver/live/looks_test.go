package live

import (
	"context"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"wangge/grids"
)

// survey makes the results of the rolling survey these and no others.
func (d *district) survey(t *testing.T, results ...grids.SurveyResult) {
	t.Helper()
	for i := range results {
		results[i].ID = d.id()
	}
	d.sql(t, "delete from wangge.survey_result")
	d.importSurveys(t, results...)
}

// ground is the area of each village of the published edition in each grid, by grid and village.
func (d *district) ground(t *testing.T) map[string]map[string]float64 {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), d.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	rows, err := conn.Query(t.Context(), `select grid_code, village_code, area_m2 from wangge.grid_village
		where edition_id = (select edition_id from wangge.grid_edition where state = 'published')`)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]map[string]float64{}
	var grid, village string
	var m2 float64
	if _, err := pgx.ForEachRow(rows, []any{&grid, &village, &m2}, func() error {
		if out[grid] == nil {
			out[grid] = map[string]float64{}
		}
		out[grid][village] = m2
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

// shared is a grid with two villages at least, and two of those with their shares of it.
func (d *district) shared(t *testing.T) (grid string, villages [2]string, share [2]float64) {
	t.Helper()
	ground := d.ground(t)
	for _, a := range d.areas[grids.LevelGrids] {
		parts := ground[a.Code]
		if len(parts) < 2 {
			continue
		}
		sum := 0.0
		for n, code := range slices.Sorted(maps.Keys(parts)) {
			if sum += parts[code]; n < 2 {
				villages[n], share[n] = code, parts[code]
			}
		}
		return a.Code, villages, [2]float64{share[0] / sum, share[1] / sum}
	}
	t.Fatal("no grid with two villages")
	return
}

// The looks over a unit are the rounds of the last twelve months, each as its latest result has it, since that of the round before.
func TestLooks(t *testing.T) {
	d := chongming(t, 0)
	v := d.view(t)
	today := grids.DayOf(d.now) // 2026-06-15
	grid, villages, share := d.shared(t)
	odd := `Q3"; 20400, {`
	own := func(round string, on grids.Day, done float64) grids.SurveyResult {
		return grids.SurveyResult{GridCode: grid, Round: round, On: on, Completion: done}
	}
	of := func(n int, round string, on grids.Day, done float64) grids.SurveyResult {
		return grids.SurveyResult{VillageCode: villages[n], Round: round, On: on, Completion: done}
	}
	year := grids.DayFrom(2025, 6, 15)
	for _, tt := range []struct {
		name    string
		results []grids.SurveyResult
		want    []Look
	}{
		{"nobody looked", []grids.SurveyResult{}, nil},
		{"the first there is", []grids.SurveyResult{own("B", today, .5)}, []Look{{"B", today - 91, today, .5}}},
		{"rounds by their days and not their names", []grids.SurveyResult{own("A", today-10, .6), own("Z", today-70, .8), own(odd, today-300, 1)},
			[]Look{{odd, today - 391, today - 300, 1}, {"Z", today - 161, today - 70, .8}, {"A", today - 69, today - 10, .6}}},
		{"the latest result of a round", []grids.SurveyResult{own("A", today-40, .3), own("A", today-10, .6), own("Z", today-70, .8)},
			[]Look{{"Z", today - 161, today - 70, .8}, {"A", today - 69, today - 10, .6}}},
		{"92 days at the most", []grids.SurveyResult{own("A", today-93, 1), own("B", today, 1)},
			[]Look{{"A", today - 184, today - 93, 1}, {"B", today - 91, today, 1}}},
		{"two rounds on one day", []grids.SurveyResult{own("A", today-5, .1), own("B", today-5, .2)},
			[]Look{{"A", today - 96, today - 5, .1}, {"B", today - 5, today - 5, .2}}},
		{"twelve months up to today", []grids.SurveyResult{own("A", year, 1), own("B", year+1, .7)}, []Look{{"B", year + 1, year + 1, .7}}},
		{"nothing of tomorrow", []grids.SurveyResult{own("A", today-10, .6), own("A", today+1, 1), own("B", today+1, 1)}, []Look{{"A", today - 101, today - 10, .6}}},
		{"its own before its villages'", []grids.SurveyResult{own("A", today-3, .4), of(0, "A", today, 1), of(1, "A", today, 1)}, []Look{{"A", today - 94, today - 3, .4}}},
		{"its villages by their ground", []grids.SurveyResult{own("A", today-30, .4), of(0, "B", today, .5), of(1, "B", today, 1)},
			[]Look{{"A", today - 121, today - 30, .4}, {"B", today - 91, today, .5*share[0] + share[1]}}},
		{"its villages, each in its time", []grids.SurveyResult{of(0, "A", today-20, 1), of(0, "B", today, 1), of(1, "B", today, .5)},
			[]Look{{"A", today - 111, today - 20, share[0]}, {"B", today - 91, today, .5 * share[1]}, {"B", today - 19, today, share[0]}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d.survey(t, tt.results...)
			fresh(t, v)
			u, _ := v.Sight(grids.ClassCommand).State().Unit("grids", grid)
			sameLooks(t, u.Looks, tt.want)
			if u, _ := v.Sight(grids.ClassGround).State().Unit("grids", grid); u.Looks != nil {
				t.Errorf("who sees nothing but the ground has %v", u.Looks)
			}
		})
	}
	t.Run("of a village", func(t *testing.T) { villagesLooks(t, d, v) })
	t.Run("in no tile", func(t *testing.T) {
		for _, layer := range []string{"grids", "villages"} {
			for id, f := range features(t, v.Sight(grids.ClassCommand), layer, 10) {
				for name := range f.Properties {
					if strings.HasPrefix(name, "_") || strings.Contains(name, "looks") {
						t.Fatalf("%s %d has %s", layer, id, name)
					}
				}
			}
		}
	})
}

// A village has looks of its own, else those of the grids that it lies in.
func villagesLooks(t *testing.T, d *district, v *View) {
	today := grids.DayOf(d.now)
	grid, villages, _ := d.shared(t)
	whole, here := 0.0, 0.0
	for g, parts := range d.ground(t) {
		if whole += parts[villages[0]]; g == grid {
			here = parts[villages[0]]
		}
	}
	results := []grids.SurveyResult{{GridCode: grid, Round: "A", On: today - 50, Completion: .5}, {GridCode: grid, Round: "B", On: today - 1, Completion: 1},
		{VillageCode: villages[0], Round: "B", On: today - 2, Completion: .25}}
	d.survey(t, results...)
	fresh(t, v)
	u, _ := v.Sight(grids.ClassCommand).State().Unit("villages", villages[0])
	sameLooks(t, u.Looks, []Look{{"A", today - 141, today - 50, .5 * here / whole}, {"B", today - 93, today - 2, .25}})
	other, _ := v.Sight(grids.ClassCommand).State().Unit("villages", villages[1])
	if len(other.Looks) != 2 || other.Looks[1].From != today-49 || other.Looks[1].On != today-1 {
		t.Errorf("a village without results of its own: %v", other.Looks)
	}
}

// sameLooks fails unless the looks are those, their shares to the four digits that are kept.
func sameLooks(t *testing.T, got, want []Look) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%v, want %v", got, want)
	}
	for i, l := range got {
		w := want[i]
		if l.Completion, w.Completion = 0, 0; !reflect.DeepEqual(l, w) || math.Abs(got[i].Completion-want[i].Completion) > 6e-5 {
			t.Errorf("look %d is %v, want %v", i, got[i], want[i])
		}
	}
}

// A result of a round before changes what the server knows of the looks, and nothing that anybody sees on the map.
func TestALookOfARoundBeforeShowsNowhere(t *testing.T) {
	d := chongming(t, 0)
	v := d.view(t)
	today := grids.DayOf(d.now)
	grid, _, _ := d.shared(t)
	d.survey(t, grids.SurveyResult{GridCode: grid, Round: "B", On: today, Completion: 1})
	fresh(t, v)
	was, _ := v.Sight(grids.ClassCommand).State().Unit("grids", grid)
	before, revisions := features(t, v.Sight(grids.ClassCommand), "grids", 10), v.Sight(grids.ClassCommand).Revisions()
	d.importSurveys(t, grids.SurveyResult{ID: d.id(), GridCode: grid, Round: "A", On: today - 30, Completion: 1})
	fresh(t, v)
	now, _ := v.Sight(grids.ClassCommand).State().Unit("grids", grid)
	sameLooks(t, now.Looks, []Look{{"A", today - 121, today - 30, 1}, {"B", today - 29, today, 1}})
	if len(was.Looks) != 1 || !reflect.DeepEqual(before, features(t, v.Sight(grids.ClassCommand), "grids", 10)) {
		t.Errorf("looks before %v; the map is another", was.Looks)
	}
	for _, level := range []string{"grids", "villages"} {
		if now := v.Sight(grids.ClassCommand).Revisions(); now[level] != revisions[level] {
			t.Errorf("open maps are told of another layer %s", level)
		}
	}
}
