package styles

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden styles anew")

// samplesOf makes values for an indicator: many numbers, and each other state.
func samplesOf(ind Indicator) []Sample {
	out := []Sample{{State: Zero}, {State: Suppressed}, {State: NoData}, {State: NotLooked}}
	if ind.Kind == CategoryKind {
		for _, c := range Statuses() {
			out = append(out, Sample{State: Number, Category: c.ID})
		}
		return out[2:]
	}
	for i := 1; i <= 60; i++ {
		v := math.Round(math.Pow(float64(i), 1.6))
		if ind.Unit == "%" {
			v /= math.Pow(60, 1.6)
		}
		out = append(out, Sample{State: Number, N: v})
	}
	return out
}

// options is everything shown, for an indicator on a level; id "" is the level none.
func options(t testing.TB, theme Theme, lang Lang, level, id string) Options {
	t.Helper()
	o := Options{
		Theme: theme, Lang: lang, Level: level, TileBase: "http://127.0.0.1:8470/tiles",
		Show:   map[string]bool{ShowHeat: true, ShowFindings: true, ShowSurveys: true, ShowLabels: true, ShowGridLabels: true},
		Bounds: [4]float64{121.15, 31.3, 122, 31.9},
	}
	heat, err := NewLegend(indicator(t, "density"), "heat", samplesOf(indicator(t, "density")), Quantile, 5, nil, theme, lang)
	if err != nil {
		t.Fatal(err)
	}
	o.HeatLegend = &heat
	if id == "" {
		return o
	}
	ind, err := IndicatorAt(id, level)
	if err != nil {
		t.Fatal(err)
	}
	leg, err := NewLegend(ind, level, samplesOf(ind), Jenks, 6, nil, theme, lang)
	if err != nil {
		t.Fatal(err)
	}
	o.Legend = &leg
	return o
}

// banded is the cases of grids as bands.
func banded(t testing.TB, theme Theme, lang Lang) Options {
	t.Helper()
	o := options(t, theme, lang, OnGrids, "cases")
	samples := append(bands(5, 10, 10, 20, 50, 100), Sample{State: Suppressed}, Sample{State: NoData})
	leg, err := NewLegend(indicator(t, "cases"), OnGrids, samples, Quantile, 4, nil, theme, lang)
	if err != nil {
		t.Fatal(err)
	}
	o.Legend = &leg
	return o
}

// choices lists every level with every indicator it has, and the level none.
func choices() [][2]string {
	out := [][2]string{{OnNothing, ""}}
	for _, ind := range Indicators() {
		for _, level := range ind.Levels {
			out = append(out, [2]string{level, ind.ID})
		}
	}
	return out
}

// golden compares the value's JSON, an entry a line, with a file of testdata, or writes it. The official validator
// and expression engine read the same files in web-map/test/styles.test.ts.
func golden[T any](t *testing.T, name string, keys []string, entries []T) {
	t.Helper()
	var b bytes.Buffer
	for i, entry := range entries {
		line, err := json.Marshal(entry)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(map[bool]string{true: "{\n", false: ",\n"}[i == 0])
		b.WriteString(`"` + keys[i] + `": `)
		b.Write(line)
	}
	b.WriteString("\n}\n")
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("%s is not what the code makes: look at the difference after go test -update", file)
	}
}

func TestGoldenStyles(t *testing.T) {
	for _, theme := range Themes {
		for _, lang := range Langs {
			var keys []string
			var styles []map[string]any
			for _, c := range choices() {
				keys = append(keys, strings.TrimSuffix(c[0]+"/"+c[1], "/"))
				styles = append(styles, Style(options(t, theme, lang, c[0], c[1])))
			}
			keys, styles = append(keys, "grids/cases/bands"), append(styles, Style(banded(t, theme, lang)))
			golden(t, string(theme)+"-"+string(lang)+".json", keys, styles)
		}
	}
}

// drawn is what the legend promises for a feature: its colour and the patterns over it.
type drawn struct {
	Properties map[string]any `json:"properties"`
	Color      string         `json:"color"`
	Patterns   []string       `json:"patterns"`
}

// promised lists features around every class edge and in every state, with what the legend says of them.
func promised(leg Legend) []drawn {
	var out []drawn
	for i, c := range leg.Classes {
		if c.Value != "" {
			out = append(out, drawn{map[string]any{leg.Indicator: c.Value}, c.Color, []string{}})
			continue
		}
		below := math.Nextafter(*c.To, math.Inf(-1))
		if i == len(leg.Classes)-1 {
			below = *c.To
		}
		for _, v := range []float64{*c.From, (*c.From + *c.To) / 2, below} {
			out = append(out, drawn{map[string]any{leg.Indicator: v, "cases_state": Number}, c.Color, []string{}})
		}
	}
	for _, s := range leg.Special {
		if s.State == Band { // drawn over the colour of its class
			for i, d := range out {
				out[i] = drawn{map[string]any{leg.Indicator: d.Properties[leg.Indicator], "cases_state": Band}, d.Color, []string{s.Pattern}}
			}
			continue
		}
		properties := map[string]any{"cases_state": s.State}
		if s.State == Zero {
			properties[leg.Indicator] = 0
		}
		patterns := []string{}
		if s.Pattern != "" {
			patterns = append(patterns, s.Pattern)
		}
		out = append(out, drawn{properties, s.Color, patterns})
		if s.State == NoData {
			out = append(out, drawn{map[string]any{}, s.Color, patterns})
		}
	}
	return out
}

// promisedHeat lists densities around every class edge, with what the legend says of them; others are not drawn.
func promisedHeat(leg Legend) []drawn {
	none := []string{}
	out := []drawn{{map[string]any{}, "transparent", none}, {map[string]any{DensityState: nil}, "transparent", none}, {map[string]any{DensityState: 0}, "transparent", none}}
	for _, d := range promised(Legend{Indicator: DensityState, Classes: leg.Classes}) {
		delete(d.Properties, "cases_state")
		out = append(out, d)
	}
	return out
}

func TestGoldenPromises(t *testing.T) {
	for _, theme := range Themes {
		var keys []string
		var all [][]drawn
		for _, c := range choices()[1:] {
			keys = append(keys, c[0]+"/"+c[1])
			all = append(all, promised(*options(t, theme, ZH, c[0], c[1]).Legend))
		}
		keys, all = append(keys, "grids/cases/bands"), append(all, promised(*banded(t, theme, ZH).Legend))
		keys = append(keys, "heat/density") // densities are feature states, not properties; the rest of the legend is not drawn
		all = append(all, promisedHeat(*options(t, theme, ZH, OnNothing, "").HeatLegend))
		golden(t, "promises-"+string(theme)+".json", keys, all)
	}
}

// layersOf is a style's layers by id.
func layersOf(t testing.TB, style map[string]any) (ids []string, byID map[string]object) {
	t.Helper()
	byID = map[string]object{}
	for _, l := range style["layers"].([]object) {
		ids = append(ids, l["id"].(string))
		byID[l["id"].(string)] = l
	}
	if len(byID) != len(ids) {
		t.Errorf("layer ids repeat: %v", ids)
	}
	return ids, byID
}

func TestStyleFollowsTheContract(t *testing.T) {
	for _, c := range choices() {
		style := Style(options(t, Light, ZH, c[0], c[1]))
		sources := style["sources"].(object)
		if len(sources) != 10 {
			t.Fatalf("%d sources", len(sources))
		}
		ids, byID := layersOf(t, style)
		for _, id := range ids {
			source, _ := byID[id]["source"].(string)
			if id != "background" && (sources[source] == nil || !strings.HasPrefix(id, source+"-") || byID[id]["source-layer"] != source) {
				t.Errorf("layer %s draws from %q", id, source)
			}
		}
		want := "background land-fill hexagons-fill findings-icon findings-cell findings-plot labels-town labels-village labels-grid surveys-notlooked towns-line district-line"
		if c[1] != "" {
			want += " " + c[0] + "-fill"
		}
		for _, id := range strings.Fields(want) {
			if byID[id] == nil {
				t.Errorf("%s/%s has no layer %s", c[0], c[1], id)
			}
		}
	}
}

func TestSources(t *testing.T) {
	sources := Style(options(t, Dark, EN, OnGrids, "risk"))["sources"].(object)
	for name, want := range map[string]struct{ url, promote any }{
		"grids":    {"http://127.0.0.1:8470/tiles/grids/{z}/{x}/{y}.mvt", "code"},
		"hexagons": {"http://127.0.0.1:8470/tiles/hexagons/{z}/{x}/{y}.mvt", nil}, // numeric ids: nothing is promoted
		"cells":    {"http://127.0.0.1:8470/tiles/cells/{z}/{x}/{y}.mvt", "id"},
		"findings": {"http://127.0.0.1:8470/tiles/findings/{z}/{x}/{y}.mvt", "id"},
		"land":     {"http://127.0.0.1:8470/tiles/land/{z}/{x}/{y}.mvt", nil},
	} {
		s := sources[name].(object)
		if s["tiles"].([]string)[0] != want.url || s["promoteId"] != want.promote {
			t.Errorf("%s: %v", name, s)
		}
		if (s["bounds"] == nil) != (name == "land") {
			t.Errorf("%s: bounds %v", name, s["bounds"])
		}
	}
	plain := Style(Options{TileBase: "/t"})["sources"].(object)[Hexagons].(object)
	if plain["tiles"].([]string)[0] != "/t/hexagons/{z}/{x}/{y}.mvt" || plain["bounds"] != nil {
		t.Errorf("without bounds: %v", plain)
	}
}

func TestStyleShowsWhatIsAsked(t *testing.T) {
	bare := options(t, Light, ZH, OnVillages, "status")
	bare.Show = nil
	ids, _ := layersOf(t, Style(bare))
	want := "background land-fill district-fill villages-fill villages-hatch villages-line towns-line district-line villages-casing villages-outline"
	if strings.Join(ids, " ") != want {
		t.Errorf("nothing shown: %v\nwant %s", ids, want)
	}
	labels := bare
	labels.Show = map[string]bool{ShowLabels: true}
	_, byID := layersOf(t, Style(labels))
	if byID["labels-town"]["minzoom"] != 9 || byID["labels-village"]["minzoom"] != 12 || byID["labels-grid"] != nil {
		t.Errorf("labels: %v", byID)
	}
	noLegend := bare
	noLegend.Legend, noLegend.Show = nil, map[string]bool{ShowHeat: true}
	noLegend.HeatLegend = nil
	ids, _ = layersOf(t, Style(noLegend))
	if slices.ContainsFunc(ids, func(id string) bool { return strings.HasPrefix(id, "villages") || strings.HasPrefix(id, Hexagons) }) {
		t.Errorf("without legends nothing is coloured: %v", ids)
	}
}

// The selected and hovered outlines, and dimming, hang on feature states.
func TestStyleAnswersToFeatureStates(t *testing.T) {
	_, byID := layersOf(t, Style(options(t, Light, ZH, OnCells, "risk")))
	for id, states := range map[string][]string{
		"cells-fill": {"dim", "hover"}, "cells-outline": {"selected", "hover"}, "cells-casing": {"selected", "hover"}, "cells-hatch": {"dim"},
		"hexagons-fill": {DensityState}, "findings-icon": {"dim"}, "findings-line": {"selected", "hover", "dim"}, "cells-line": {"dim"},
	} {
		b, err := json.Marshal(byID[id]["paint"])
		for _, s := range states {
			if err != nil || !strings.Contains(string(b), `["feature-state","`+s+`"]`) {
				t.Errorf("%s does not answer to %s: %s", id, s, b)
			}
		}
	}
}

func TestView(t *testing.T) {
	for name, c := range map[string]struct {
		bounds [4]float64
		center [2]float64
		zoom   float64
	}{
		"district": {[4]float64{121, 31.5, 122, 31.9}, [2]float64{121.5, 31.7}, 9.25},
		"nothing":  {[4]float64{}, [2]float64{}, 1},
		"a point":  {[4]float64{121, 31, 121, 31}, [2]float64{121, 31}, 1},
		"a yard":   {[4]float64{121, 31, 121.000001, 31}, [2]float64{121.0000005, 31}, 16},
	} {
		center, zoom := view(c.bounds)
		if math.Abs(center[0]-c.center[0])+math.Abs(center[1]-c.center[1]) > 1e-9 || zoom != c.zoom {
			t.Errorf("%s: %v at %v", name, center, zoom)
		}
	}
}
