package styles

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"wangge/grids"
)

// indicator finds an indicator that must be there.
func indicator(t testing.TB, id string) Indicator {
	t.Helper()
	for _, ind := range Indicators() {
		if ind.ID == id {
			return ind
		}
	}
	t.Fatalf("no indicator %s", id)
	return Indicator{}
}

// numbers makes samples.
func numbers(of ...float64) []Sample {
	var out []Sample
	for _, v := range of {
		out = append(out, Sample{State: Number, N: v})
	}
	return out
}

func TestLegendLabels(t *testing.T) {
	for name, c := range map[string]struct {
		id     string
		values []float64
		m      Method
		n      int
		manual []float64
		want   string
	}{
		"whole numbers":            {"cases", []float64{1, 2, 3, 4, 5, 6}, Quantile, 3, nil, "1–2 3–4 5–6"},
		"whole numbers, one each":  {"cases", []float64{1, 2, 3}, Quantile, 3, nil, "1 2 3"},
		"whole numbers, equal":     {"findings_open", []float64{1, 10}, Equal, 2, nil, "1–5 6–10"},
		"one value":                {"risk", []float64{40, 40}, Jenks, 5, nil, "40"},
		"shares in percent":        {"survey", []float64{0.1, 0.5, 0.9}, Equal, 2, nil, "10–50 50–90"},
		"a decimal where needed":   {"risk", []float64{1, 1.2, 1.4, 1.9}, Equal, 3, nil, "1.0–1.3 1.3–1.6 1.6–1.9"},
		"density has one decimal":  {"density", []float64{1, 9}, Equal, 2, nil, "1.0–5.0 5.0–9.0"},
		"manual, with room at top": {"risk", []float64{3, 5}, Manual, 0, []float64{20, 60}, "0–20 20–60 60"},
		"no numbers":               {"risk", nil, Quantile, 6, nil, ""},
	} {
		leg, err := NewLegend(indicator(t, c.id), OnGrids, numbers(c.values...), c.m, c.n, c.manual, Light, ZH)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, class := range leg.Classes {
			got = append(got, class.Label)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, want %q", name, strings.Join(got, " "), c.want)
		}
	}
}

func TestLegendCountsEverySampleOnce(t *testing.T) {
	samples := append(numbers(0, 0, 1, 2, 3, 4, 50), Sample{State: Suppressed}, Sample{State: NoData}, Sample{State: NotLooked}, Sample{State: Zero})
	for _, ind := range Indicators() {
		if ind.Kind != NumberKind {
			continue
		}
		for _, m := range []Method{Quantile, Jenks, Equal, Manual} {
			leg, err := NewLegend(ind, OnGrids, samples, m, 4, []float64{2, 3}, Dark, EN)
			if err != nil {
				t.Fatal(err)
			}
			inClasses, special := 0, map[string]int{}
			for _, c := range leg.Classes {
				inClasses += c.Count
			}
			for _, s := range leg.Special {
				special[s.State] = s.Count
			}
			rest := special[Suppressed] + special[NoData] + special[NotLooked]
			zeros := 3
			if ind.fromCases() { // none is not told from too few
				zeros, rest = 0, rest-3
			}
			if inClasses != 5 || special[Zero] != zeros || rest != 3 {
				t.Errorf("%s by %s: %d in classes, special %v", ind.ID, m, inClasses, special)
			}
			if _, listed := special[Suppressed]; listed != (ind.fromCases() || ind.ofFindings()) {
				t.Errorf("%s lists suppressed: %v", ind.ID, listed)
			}
			if _, listed := special[Zero]; listed == ind.fromCases() {
				t.Errorf("%s lists zero: %v", ind.ID, listed)
			}
			if _, listed := special[NotLooked]; listed != (ind.ID == "survey") {
				t.Errorf("%s lists not looked: %v", ind.ID, listed)
			}
		}
	}
}

// bands makes samples of bands.
func bands(begins ...float64) []Sample {
	samples := numbers(begins...)
	for i := range samples {
		samples[i].State = Band
	}
	return samples
}

func TestLegendPartsNoBand(t *testing.T) {
	for name, c := range map[string]struct {
		id     string
		values []float64
		m      Method
		manual []float64
		want   string
	}{
		"between bands":       {"cases", []float64{5, 5, 10, 10, 20, 50}, Quantile, nil, "5–9 10–19 ≥ 20"},
		"an edge in a band":   {"cases", []float64{5, 10, 20}, Manual, []float64{7, 15}, "0–9 10–19 ≥ 20"},
		"edges in one band":   {"findings_open", []float64{5, 10, 50}, Equal, nil, "5–49 ≥ 50"},
		"one band":            {"cases", []float64{5, 5}, Jenks, nil, "≥ 5"},
		"densities stay":      {"density", []float64{1, 2, 4}, Jenks, nil, "1.0–2.0 2.0–3.0 ≥ 3.0"},
		"an edge above all":   {"cases", []float64{5, 10}, Manual, []float64{7, 300}, "0–9 ≥ 10"},
		"no edge but the end": {"cases", []float64{5, 10}, Manual, []float64{300}, "≥ 0"},
	} {
		leg, err := NewLegend(indicator(t, c.id), OnGrids, bands(c.values...), c.m, 3, c.manual, Light, ZH)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		count := 0
		for _, class := range leg.Classes {
			got = append(got, class.Label)
			count += class.Count
		}
		if strings.Join(got, " ") != c.want || count != len(c.values) {
			t.Errorf("%s: %q with %d, want %q", name, strings.Join(got, " "), count, c.want)
		}
		special := leg.Special[0]
		if listed := special.State == Band; listed != (c.id != "findings_open") || listed && (special.Count != len(c.values) || special.Pattern != BandImage) {
			t.Errorf("%s: special %+v", name, leg.Special)
		}
	}
}

// The tiles do not say why a number of findings is missing: one legend has one reason.
func TestLegendSaysWhyFindingsAreMissing(t *testing.T) {
	for want, samples := range map[string][]Sample{
		Suppressed: append(bands(5, 10), Sample{State: Suppressed}, Sample{State: Zero}),
		NoData:     append(numbers(1, 2), Sample{State: NoData}, Sample{State: Zero}),
	} {
		leg, err := NewLegend(indicator(t, "findings_open"), OnGrids, samples, Quantile, 2, nil, Light, EN)
		if err != nil || len(leg.Special) != 2 || leg.Special[1].State != want || leg.Special[1].Count != 1 || leg.Special[0].Count != 1 {
			t.Errorf("%s: %+v, %v", want, leg.Special, err)
		}
	}
}

func TestLegendOfCategory(t *testing.T) {
	samples := []Sample{{State: Number, Category: "model"}, {State: Number, Category: "model"}, {State: Number, Category: "none"}, {State: NoData}}
	leg, err := NewLegend(indicator(t, "status"), OnVillages, samples, "", 0, nil, Light, EN)
	if err != nil || len(leg.Classes) != len(grids.Statuses) {
		t.Fatalf("%+v, %v", leg, err)
	}
	for i, c := range leg.Classes {
		if want := map[string]int{"model": 2, "none": 1}[c.Value]; c.Count != want || c.Value != string(grids.Statuses[i]) || c.From != nil {
			t.Errorf("class %d: %+v", i, c)
		}
	}
	if len(leg.Special) != 1 || leg.Special[0].Count != 1 || leg.Special[0].State != NoData {
		t.Errorf("special %+v", leg.Special)
	}
}

func TestLegendRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		id string
		s  Sample
		n  int
	}{
		"unknown state":    {"risk", Sample{State: "maybe"}, 5},
		"unknown category": {"status", Sample{State: Number, Category: "holy"}, 5},
		"too many classes": {"risk", Sample{State: Number, N: 1}, 9},
	} {
		if _, err := NewLegend(indicator(t, c.id), OnGrids, []Sample{c.s}, Quantile, c.n, nil, Light, ZH); !errors.Is(err, &grids.Error{Kind: grids.Invalid}) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLegendJSON(t *testing.T) {
	leg, err := NewLegend(indicator(t, "cases"), OnCells, append(numbers(1, 5), Sample{State: Suppressed}), Quantile, 2, nil, Light, ZH)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(leg)
	want := `{"level":"cells","indicator":"cases","title":"案件数","unit":"","method":"quantile","classes":[` +
		`{"from":1,"to":3,"color":"#fff7d2","label":"1–2","count":1},{"from":3,"to":5,"color":"#311c29","label":"3–5","count":1}],"special":[` +
		`{"state":"suppressed","color":"#8fa9c4","label":"过少，或没有","count":1,"pattern":"suppressed"},` +
		`{"state":"nodata","color":"#f6f5f1","label":"无数据","count":0,"pattern":"hatch"}]}`
	if err != nil || string(got) != want {
		t.Errorf("%s, %v\nwant %s", got, err, want)
	}
	none, err := NewLegend(indicator(t, "risk"), OnGrids, nil, Quantile, 6, nil, Light, ZH)
	if b, _ := json.Marshal(none); err != nil || !strings.Contains(string(b), `"classes":[]`) {
		t.Errorf("a legend without numbers has classes [], not null: %s, %v", b, err)
	}
}

func TestIndicatorAt(t *testing.T) {
	if ind, err := IndicatorAt("risk", OnCells); err != nil || ind.ID != "risk" {
		t.Errorf("%v, %v", ind, err)
	}
	for _, c := range [][2]string{{"risk", "moon"}, {"status", OnGrids}, {"luck", OnTowns}, {"risk", OnNothing}} {
		if _, err := IndicatorAt(c[0], c[1]); !errors.Is(err, &grids.Error{Kind: grids.Invalid}) {
			t.Errorf("%v: %v", c, err)
		}
	}
}

func TestParse(t *testing.T) {
	if theme, err := ParseTheme("dark"); theme != Dark || err != nil {
		t.Errorf("dark: %v, %v", theme, err)
	}
	if lang, err := ParseLang("en"); lang != EN || err != nil {
		t.Errorf("en: %v, %v", lang, err)
	}
	_, err1 := ParseTheme("sepia")
	_, err2 := ParseLang("fr")
	if grids.KindOf(err1) != grids.Invalid || grids.KindOf(err2) != grids.Invalid {
		t.Errorf("%v, %v", err1, err2)
	}
}

// Every value of the domain has a title in both languages, in the domain's order.
func TestTitlesCoverTheDomain(t *testing.T) {
	for name, c := range map[string]struct {
		got  []Category
		want []string
	}{
		"statuses": {Statuses(), texts(grids.Statuses[:])}, "finding states": {FindingStates(), texts(grids.FindingStates[:])},
		"finding kinds": {FindingKinds(), texts(grids.FindingKinds[:])}, "finding sources": {FindingSources(), texts(grids.FindingSources[:])},
		"case kinds": {CaseKinds(), texts(grids.CaseKinds[:])},
	} {
		var ids, zh, en []string
		for _, category := range c.got {
			ids, zh, en = append(ids, category.ID), append(zh, category.Title.In(string(ZH))), append(en, category.Title.In(string(EN)))
		}
		if !slices.Equal(ids, c.want) {
			t.Errorf("%s: %v, want %v", name, ids, c.want)
		}
		for _, titles := range [][]string{zh, en} {
			slices.Sort(titles)
			if len(slices.Compact(titles)) != len(c.want) || titles[0] == "" {
				t.Errorf("%s: titles %v", name, titles)
			}
		}
	}
}

// texts is a list of a domain's values as plain texts.
func texts[T ~string](of []T) []string {
	out := make([]string, len(of))
	for i, v := range of {
		out[i] = string(v)
	}
	return out
}
