package predict

import (
	"encoding/csv"
	"flag"
	"math"
	"os"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"wangge/grids"
	"wangge/grids/risk/stat"
)

// TestMain draws the same cases every time.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.seed", "20260401"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// column reads a column of a file of the reference case.
func column(t testing.TB, file, name string) []string {
	t.Helper()
	f, err := os.Open("../testdata/c24_pai_chicago/" + file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for c, head := range rows[0] {
		if head == name {
			out := make([]string, len(rows)-1)
			for i, row := range rows[1:] {
				out[i] = row[c]
			}
			return out
		}
	}
	t.Fatalf("%s has no column %s", file, name)
	return nil
}

func floats(t testing.TB, texts []string) []float64 {
	t.Helper()
	out := make([]float64, len(texts))
	for i, s := range texts {
		var err error
		if out[i], err = strconv.ParseFloat(s, 64); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// chicago is the arsons of 2016 in cells of 1 km, before July and from July on.
func chicago(t testing.TB) HoldOut {
	t.Helper()
	x, y := floats(t, column(t, "input_events.csv", "x")), floats(t, column(t, "input_events.csv", "y"))
	h := HoldOut{Train: make([]int, 26*42), Test: make([]int, 26*42), AreaM2: make([]float64, 26*42)}
	for i := range h.AreaM2 {
		h.AreaM2[i] = 1e6
	}
	for i, date := range column(t, "input_events.csv", "date") {
		cell := int((x[i]-341000)/1000) + 26*int((y[i]-553000)/1000)
		if date < "2016-07-01" {
			h.Train[cell]++
		} else {
			h.Test[cell]++
		}
	}
	return h
}

func asFloats(counts []int) []float64 {
	out := make([]float64, len(counts))
	for i, c := range counts {
		out[i] = float64(c)
	}
	return out
}

func TestChicago(t *testing.T) {
	h := chicago(t)
	for name, got := range map[string][]int{"train": h.Train, "test": h.Test} {
		for i, want := range floats(t, column(t, "expected_cells.csv", name)) {
			if float64(got[i]) != want {
				t.Fatalf("cell %d has %d events (%s), want %v", i, got[i], name, want)
			}
		}
	}
	score := asFloats(h.Train)
	rank := floats(t, column(t, "expected_cells.csv", "rank_desc"))
	for at, cell := range orderOf(score) {
		if rank[cell] != float64(at+1) {
			t.Fatalf("cell %d is searched as number %d, want %v", cell, at+1, rank[cell])
		}
	}
	o := EvaluateOptions{Units: []int{}}
	for _, k := range floats(t, column(t, "expected.csv", "k_cells")) {
		o.Units = append(o.Units, int(k))
	}
	got, err := Evaluate(score, h, o)
	if err != nil {
		t.Fatal(err)
	}
	worst := 0.0
	for name, of := range map[string]func(Accuracy) float64{
		"area_share":                func(a Accuracy) float64 { return a.Share },
		"hits":                      func(a Accuracy) float64 { return a.Hits },
		"hit_rate":                  func(a Accuracy) float64 { return a.HitRate.Or(math.NaN()) },
		"PAI":                       func(a Accuracy) float64 { return a.PAI.Or(math.NaN()) },
		"max_hits":                  func(a Accuracy) float64 { return a.BestHits },
		"PEI":                       func(a Accuracy) float64 { return a.PEI.Or(math.NaN()) },
		"PAI_max":                   func(a Accuracy) float64 { return a.BestPAI.Or(math.NaN()) },
		"train_hits":                func(a Accuracy) float64 { return a.TrainHits },
		"RRI":                       func(a Accuracy) float64 { return a.RRI.Or(math.NaN()) },
		"search_efficiency_per_km2": func(a Accuracy) float64 { return a.SERPerKm2.Or(math.NaN()) },
	} {
		for row, want := range floats(t, column(t, "expected.csv", name)) {
			d := math.Abs(of(got.At[row])/want - 1)
			if worst = max(worst, d); !(d <= 1e-12) {
				t.Errorf("%s of %d cells is %v, want %v", name, got.At[row].Units, of(got.At[row]), want)
			}
		}
	}
	t.Logf("worst relative deviation %.2g", worst)
	byShare, err := Evaluate(score, h, EvaluateOptions{Shares: []float64{10. / 1092}})
	if err != nil || math.Abs(byShare.At[0].Hits-20) > 1e-9 {
		t.Errorf("by the share of 10 cells: %+v, %v", byShare, err)
	}
}

// hand is four units of unequal area: searched in the order 2, 0, 3, 1.
func hand() ([]float64, HoldOut) {
	return []float64{5, 1, 9, 5}, HoldOut{Train: []int{4, 0, 6, 2}, Test: []int{6, 2, 8, 4}, AreaM2: []float64{2e6, 4e6, 1e6, 3e6}}
}

func near(t *testing.T, what string, got stat.Value, want float64) {
	t.Helper()
	if n, ok := got.Known(); !ok || math.Abs(n-want) > 1e-13*max(1, math.Abs(want)) {
		t.Errorf("%s is %v (%s), want %v", what, n, got.Reason(), want)
	}
}

func TestEvaluateByHand(t *testing.T) {
	score, h := hand()
	e, err := Evaluate(score, h, EvaluateOptions{Shares: []float64{.2, 1}, Units: []int{2}})
	if err != nil {
		t.Fatal(err)
	}
	// A fifth is 2 km²: unit 2 and half of unit 0; the best are the same two, 8 and 3 per km².
	a := e.At[1]
	if a.Units != 1 || a.Part != .5 || a.Hits != 11 || a.BestHits != 11 || a.TrainHits != 8 || a.AreaM2 != 2e6 || a.Share != .2 {
		t.Errorf("a fifth of the area: %+v", a)
	}
	near(t, "hit rate", a.HitRate, .55)
	near(t, "PAI", a.PAI, 2.75)
	near(t, "RRI", a.RRI, (11./8)/(20./12))
	near(t, "SER", a.SERPerKm2, 5.5)
	if a := e.At[0]; a.Units != 2 || a.Part != 0 || a.Hits != 14 || a.Share != .3 {
		t.Errorf("two units: %+v", a)
	}
	near(t, "PAI of all", e.At[2].PAI, 1)
	near(t, "RRI of all", e.At[2].RRI, 1)
	want := []Point{{0, 0}, {.1, .4}, {.3, .7}, {.6, .9}, {1, 1}}
	for k, p := range want {
		if math.Abs(e.Curve[k].AreaShare-p.AreaShare) > 1e-15 || math.Abs(e.Curve[k].EventShare-p.EventShare) > 1e-15 {
			t.Errorf("curve %v, want %v", e.Curve, want)
			break
		}
	}
	near(t, "area under the curve", e.AUC, .1*.2+.2*.55+.3*.8+.4*.95)
	h.Train = nil
	if e, err = Evaluate(score, h, EvaluateOptions{PerArea: true, Units: []int{3}}); err != nil || e.At[0].RRI.Reason() != stat.TooFew {
		t.Errorf("without training: %+v, %v", e, err)
	}
	if e.At[0].Hits != 18 { // 9, 2.5 and 1.7 per km²
		t.Errorf("per area: %+v", e.At[0])
	}
}

func TestWilson(t *testing.T) {
	// Newcombe 1998, table I: 81/263, 15/148, 0/20, 1/29.
	for _, tt := range [][4]float64{{81, 263, .2553, .3662}, {15, 148, .0624, .1605}, {0, 20, 0, .1611}, {1, 29, .0061, .1718}} {
		lower, upper := wilson(tt[0], tt[1], .95)
		if math.Abs(lower-tt[2]) > 5e-5 || math.Abs(upper-tt[3]) > 5e-5 {
			t.Errorf("%v of %v: %v … %v, want %v … %v", tt[0], tt[1], lower, upper, tt[2], tt[3])
		}
	}
}

func TestBinomial(t *testing.T) {
	// P(X ≥ 9 | 10, ½) = 11/1024; P(X ≥ 3 | 4, 0.1) = 4·0.001·0.9 + 0.0001.
	for _, tt := range [][4]float64{{9, 10, .5, 22. / 1024}, {1, 10, .5, 22. / 1024}, {5, 10, .5, 1}, {0, 0, .5, 1}, {3, 4, .1, .0074}, {4, 4, .5, .125}, {3, 3, 1, 1}} {
		if p := binomial(tt[0], tt[1], tt[2]); math.Abs(p-tt[3]) > 1e-12 {
			t.Errorf("%v of %v at %v: %v, want %v", tt[0], tt[1], tt[2], p, tt[3])
		}
	}
}

// drawHoldOut makes units of unequal area with at least 20 events.
func drawHoldOut(t *rapid.T) HoldOut {
	n := rapid.IntRange(2, 30).Draw(t, "n")
	h := HoldOut{Train: make([]int, n), Test: make([]int, n), AreaM2: make([]float64, n)}
	for i := range n {
		h.Train[i], h.Test[i] = rapid.IntRange(0, 6).Draw(t, "train"), rapid.IntRange(0, 6).Draw(t, "test")
		h.AreaM2[i] = rapid.Float64Range(1e3, 1e7).Draw(t, "area")
	}
	h.Test[0] += 20
	return h
}

func TestMeasuresHoldTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawHoldOut(t)
		shares := []float64{.001, .01, .1, .3, .5, .77, 1}
		e, err := Evaluate(asFloats(h.Train), h, EvaluateOptions{Shares: shares, PerArea: rapid.Bool().Draw(t, "per area")})
		if err != nil {
			t.Fatal(err)
		}
		last := 0.0
		for k, a := range e.At {
			rate, lower, upper := a.HitRate.Or(-1), a.Lower.Or(-1), a.Upper.Or(-1)
			if !(a.Hits >= last && rate >= lower-1e-12 && rate <= upper+1e-12 && a.PEI.Or(0) <= 1 && a.BestHits <= float64(a.Events)+1e-9) {
				t.Fatalf("share %v: %+v after %v hits", shares[k], a, last)
			}
			if math.Abs(a.PAI.Or(-1)-rate/shares[k]) > 1e-9*a.PAI.Or(-1) || math.Abs(a.PAI.Or(-1)/a.BestPAI.Or(-1)-a.PEI.Or(-1)) > 1e-9 {
				t.Fatalf("PAI is not hit rate over share, or PEI not PAI over the best: %+v", a)
			}
			last = a.Hits
		}
		if last != float64(e.Events) {
			t.Fatalf("the whole area has %v of %d events", last, e.Events)
		}
		perfect, err := Evaluate(asFloats(h.Test), h, EvaluateOptions{Shares: shares, PerArea: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range perfect.At {
			if math.Abs(a.PEI.Or(-1)-1) > 1e-12 {
				t.Fatalf("a perfect forecast has a PEI of %v", a.PEI)
			}
		}
		if perfect.AUC.Or(0) < e.AUC.Or(1)-1e-12 || perfect.AUC.Or(0) < .5-1e-12 {
			t.Fatalf("a perfect forecast has %v under the curve, this one %v", perfect.AUC, e.AUC)
		}
	})
}

func TestBestIsBest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { // against every choice of whole units that is no larger
		n := rapid.IntRange(2, 9).Draw(t, "n")
		test, area := make([]int, n), make([]float64, n)
		for i := range n {
			test[i], area[i] = rapid.IntRange(0, 9).Draw(t, "test"), float64(rapid.IntRange(1, 9).Draw(t, "area"))
		}
		s := newSearch(density(test, area), area, test, test)
		budget := float64(rapid.IntRange(1, 40).Draw(t, "budget"))
		got := within(s.hits, s.reach(budget))
		for set := range 1 << n {
			hits, size := 0, 0.0
			for i := range n {
				if set>>i&1 == 1 {
					hits, size = hits+test[i], size+area[i]
				}
			}
			if size <= budget && float64(hits) > got+1e-9 {
				t.Fatalf("%d hits in an area of %v, but the best of %v is %v", hits, size, budget, got)
			}
		}
	})
}

func TestEvaluateRefuses(t *testing.T) {
	nan := math.NaN()
	for name, change := range map[string]func(score []float64, h *HoldOut, o *EvaluateOptions) []float64{
		"few events":    func(s []float64, h *HoldOut, o *EvaluateOptions) []float64 { o.MinEvents = 21; return s },
		"minimum":       func(s []float64, h *HoldOut, o *EvaluateOptions) []float64 { o.MinEvents = -1; return s },
		"level":         func(s []float64, h *HoldOut, o *EvaluateOptions) []float64 { o.Level = 1; return s },
		"share":         func(s []float64, h *HoldOut, o *EvaluateOptions) []float64 { o.Shares = []float64{1.01}; return s },
		"share NaN":     func(s []float64, h *HoldOut, o *EvaluateOptions) []float64 { o.Shares = []float64{nan}; return s },
		"units":         func(s []float64, h *HoldOut, o *EvaluateOptions) []float64 { o.Units = []int{5}; return s },
		"no units":      func(s []float64, h *HoldOut, o *EvaluateOptions) []float64 { h.AreaM2 = nil; return nil },
		"score NaN":     func(s []float64, h *HoldOut, o *EvaluateOptions) []float64 { s[1] = nan; return s },
		"score inf":     func(s []float64, h *HoldOut, o *EvaluateOptions) []float64 { s[1] = math.Inf(-1); return s },
		"scores":        func(s []float64, h *HoldOut, o *EvaluateOptions) []float64 { return s[:3] },
		"area 0":        func(s []float64, h *HoldOut, o *EvaluateOptions) []float64 { h.AreaM2[3] = 0; return s },
		"area NaN":      func(s []float64, h *HoldOut, o *EvaluateOptions) []float64 { h.AreaM2[3] = nan; return s },
		"test":          func(s []float64, h *HoldOut, o *EvaluateOptions) []float64 { h.Test = nil; return s },
		"test below 0":  func(s []float64, h *HoldOut, o *EvaluateOptions) []float64 { h.Test[0] = -1; return s },
		"train":         func(s []float64, h *HoldOut, o *EvaluateOptions) []float64 { h.Train = h.Train[:2]; return s },
		"train too big": func(s []float64, h *HoldOut, o *EvaluateOptions) []float64 { h.Train[0] = 1e9 + 1; return s },
	} {
		score, h := hand()
		var o EvaluateOptions
		score = change(score, &h, &o)
		if _, err := Evaluate(score, h, o); err == nil || grids.KindOf(err) != grids.Invalid {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
	}
}
