package trend

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"wangge/grids"
	"wangge/grids/risk/stat"
	"wangge/grids/risk/weights"
)

func TestCaseTrendAndCategory(t *testing.T) {
	c, w, index := flu(t)
	results := map[string]*HotSpots{}
	worst := map[string]float64{}
	for _, fdr := range []string{"FALSE", "TRUE"} {
		o := Defaults()
		o.FDR = fdr == "TRUE"
		h, err := EmergingHotSpots(t.Context(), c, w, o)
		if err != nil {
			t.Fatal(err)
		}
		results[fdr] = h
		o.FinalOnly = true
		results["final "+fdr], _ = EmergingHotSpots(t.Context(), c, w, o)
	}
	bool3 := func(b bool) string { return strings.ToUpper(map[bool]string{true: "true", false: "false"}[b]) }
	for _, r := range table(t, "c18_ehsa_flubybw/expected_trend_and_category.csv") {
		i := index[r["location"]]
		got := results[r["fdr"]].Places[i]
		if float64(got.Trend.S) != number(t, r["S"]) || float64(got.Hot) != number(t, r["n_hot"]) || float64(got.Cold) != number(t, r["n_cold"]) ||
			bool3(got.Last == Hot) != r["last_hot"] || bool3(got.Last == Cold) != r["last_cold"] {
			t.Errorf("%v: %+v", r, got)
		}
		for name, v := range map[string]stat.Value{"var_S": stat.Of(got.Trend.Var), "mk_z": got.Trend.Z, "mk_p": got.Trend.P} {
			worst[name] = max(worst[name], near(t, r["location"]+" "+name, v, number(t, r[name]), 1e-10, true))
		}
		if want := code(strings.Replace(r["category"], "sporadic_not_final", "sporadic", 1)); got.Category != want {
			t.Errorf("%v: %s", r, got.Category)
		}
		later := results["final "+r["fdr"]].Places[i].Category
		if strings.HasPrefix(r["category"], "sporadic_not_final") != (later != got.Category) || later != got.Category && later != NoPattern {
			t.Errorf("%v: %s when the last must be significant", r, later)
		}
	}
	t.Logf("worst deviations: %v", worst)
}

// The significant bins are those of the corrected p, however they are found.
func TestLevelsAreThoseOfTheAdjustedP(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, w, o := cubes(t)
		h, err := EmergingHotSpots(context.Background(), c, w, o)
		if err != nil {
			t.Fatal(err)
		}
		adjusted := h.Bins.Adjusted()
		for i := range c.Units {
			for at := range c.Periods {
				p := h.Bins.P(i, at)
				if o.FDR {
					p = adjusted[i*c.Periods+at]
				}
				want := Neither
				if q, ok := p.Known(); ok && q <= o.Alpha {
					want = map[bool]Level{true: Hot, false: Cold}[h.Bins.Z(i, at).Or(0) > 0]
					if e := h.Bins.tails; e != nil {
						want = map[bool]Level{true: Hot, false: Cold}[e.upper[i*c.Periods+at] <= e.lower[i*c.Periods+at]]
					}
				}
				if got := h.Level(i, at); got != want {
					t.Fatalf("unit %d period %d: %d, want %d", i, at, got, want)
				}
			}
		}
	})
}

func TestStepUpAgainstSorting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		small := rapid.Float64Range(0, .02)
		p := rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(0, 1), small, rapid.SampledFrom([]float64{.01, .05, .025})), 1, 60).Draw(t, "p")
		alpha := rapid.SampledFrom([]float64{.01, .05, .2, .9}).Draw(t, "alpha")
		at := make([]int, len(p))
		for i := range at {
			at[i] = i
		}
		got := stepUp(at, slices.Clone(p), float64(len(p)), alpha)
		for i, q := range stat.Adjust(values(p...)) {
			if (q.Or(2) <= alpha) != slices.Contains(got, i) {
				t.Fatalf("p %v of %v: kept %v", p[i], p, got)
			}
		}
	})
}

// Three spots among quiet units: one that stays, one that grows, one that fades; only the last two have a significant trend.
func TestPatternsOfKnownSpots(t *testing.T) {
	const units, periods = 100, 12
	c := Cube{units, periods, make([]float64, units*periods)}
	for at := range periods {
		for side := range 3 {
			c.Values[(20+side)*periods+at] = float64(20 + at%2)
			c.Values[(50+side)*periods+at] = float64(20 + 2*at)
			c.Values[(80+side)*periods+at] = float64(42 - 2*at)
		}
	}
	for _, fdr := range []bool{false, true} {
		o := Defaults()
		o.FDR = fdr
		h, err := EmergingHotSpots(t.Context(), c, chain(t, units), o)
		if err != nil {
			t.Fatal(err)
		}
		for unit, want := range map[int]Category{21: PersistentHot, 51: IntensifyingHot, 81: DiminishingHot, 5: NoPattern} {
			if got := h.Places[unit]; got.Category != want {
				t.Errorf("unit %d: %+v, want %s", unit, got, want)
			}
		}
		if got := h.Places[21].Trend; got.S == 0 || got.P.Or(0) < .05 {
			t.Errorf("the spot that stays has the trend %+v: the test needs one that is not significant", got)
		}
	}
}

// Slices of zeros are not significant, and the trend skips them.
func TestSlicesOfZeros(t *testing.T) {
	c := field(40, 12, rand.New(rand.NewPCG(3, 4)))
	for i := range c.Units {
		c.Values[i*12+5] = 0
	}
	o := Defaults()
	o.Window, o.Lags = SingleStep, 0
	h, err := EmergingHotSpots(t.Context(), c, chain(t, 40), o)
	if err != nil {
		t.Fatal(err)
	}
	if h.Meta.Used != 40*11 || h.Meta.Dropped[stat.Constant] != 40 || h.Places[3].Trend.N != 11 || h.Level(3, 5) != Neither {
		t.Errorf("%+v, %+v", h.Meta, h.Places[3])
	}
}

func TestCubesRefused(t *testing.T) {
	ok := Cube{2, 10, make([]float64, 20)}
	with := func(v float64) Cube {
		c := Cube{2, 10, make([]float64, 20)}
		c.Values[13] = v
		return c
	}
	two := chain(t, 2)
	for name, tt := range map[string]struct {
		c      Cube
		w      *weights.Matrix
		change func(*Options)
		says   string
	}{
		"no units":      {Cube{0, 10, nil}, two, nil, "0 units"},
		"negative":      {Cube{-2, -10, make([]float64, 20)}, two, nil, "periods"},
		"short":         {Cube{2, 10, make([]float64, 19)}, two, nil, "19 values"},
		"overflow":      {Cube{1 << 62, 1 << 62, nil}, two, nil, "values"},
		"NaN":           {with(math.NaN()), two, nil, "unit 1 in period 3"},
		"Inf":           {with(math.Inf(-1)), two, nil, "unit 1 in period 3"},
		"no weights":    {ok, nil, nil, "0 units"},
		"other weights": {ok, chain(t, 3), nil, "3 units"},
		"few periods":   {Cube{2, 9, make([]float64, 18)}, two, nil, "at least 10"},
		"least periods": {ok, two, func(o *Options) { o.MinPeriods = 2 }, "2 periods"},
		"lags":          {ok, two, func(o *Options) { o.Lags = -1 }, "-1 lags"},
		"many lags":     {ok, two, func(o *Options) { o.Lags = 10 }, "10 lags"},
		"window":        {ok, two, func(o *Options) { o.Window = "" }, "window"},
		"alpha":         {ok, two, func(o *Options) { o.Alpha = 0 }, "alpha"},
		"trend alpha":   {ok, two, func(o *Options) { o.TrendAlpha = math.NaN() }, "alpha"},
	} {
		o := Defaults()
		if tt.change != nil {
			tt.change(&o)
		}
		_, err := EmergingHotSpots(t.Context(), tt.c, tt.w, o)
		if err == nil || grids.KindOf(err) != grids.Invalid || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want Invalid with %q", name, err, tt.says)
		}
	}
	for name, c := range map[string]Cube{"short": {2, 2, make([]float64, 4)}, "NaN": with(math.NaN()), "long": {1, SenMax + 1, make([]float64, SenMax+1)}} {
		if _, err := Trends(t.Context(), c, true); err == nil || grids.KindOf(err) != grids.Invalid {
			t.Errorf("trends of %s: %v", name, err)
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := EmergingHotSpots(ended, ok, two, Defaults()); !errors.Is(err, context.Canceled) {
		t.Errorf("ended: %v", err)
	}
	if _, err := Trends(ended, ok, true); !errors.Is(err, context.Canceled) {
		t.Errorf("ended: %v", err)
	}
}

func TestTrendsOfUnits(t *testing.T) {
	c := field(20, 17, rand.New(rand.NewPCG(9, 9)))
	u, err := Trends(t.Context(), c, true)
	if err != nil {
		t.Fatal(err)
	}
	for i, got := range u.Units {
		x := values(c.Values[i*17 : (i+1)*17]...)
		want, err := MannKendall(x)
		if err != nil {
			t.Fatal(err)
		}
		slope, err := SenSlope(x, .05)
		if err != nil || got.Test != want.Test || got.Slope != slope.Slope {
			t.Errorf("unit %d: %+v, want %+v and %v (%v)", i, got, want, slope.Slope, err)
		}
	}
}

func TestResultsAccountForThemselves(t *testing.T) {
	c := field(9, 10, rand.New(rand.NewPCG(2, 2)))
	h, err := EmergingHotSpots(t.Context(), c, chain(t, 9), Defaults())
	if err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{`"method":"emerging-hot-spots"`, `"fdr":true`, `"lags":1`, `"window":"cube"`, `"min_periods":10`, `"category":`, `"tau_b":`} {
		if !strings.Contains(string(out), word) {
			t.Errorf("%s is not in %.300s", word, out)
		}
	}
}

func FuzzCube(f *testing.F) {
	f.Add(3, 4, 1, uint8(0), .05, 1., 0., math.NaN())
	f.Add(1, 1, 0, uint8(1), .5, 1., 1., 1.)
	f.Add(5, 11, 1, uint8(2), 1e-300, 1e308, -1e308, 0.)
	f.Add(0, -1, -1, uint8(3), 2., math.Inf(1), 5e-324, 1.)
	f.Fuzz(func(t *testing.T, units, periods, lags int, kind uint8, alpha, a, b, d float64) {
		if units > 8 || periods > 16 {
			return
		}
		c := Cube{Units: units, Periods: periods, Values: make([]float64, max(0, units)*max(0, periods))}
		for i := range c.Values {
			c.Values[i] = []float64{0, a, 1, b, 0, d, 2}[(i*i+int(kind))%7]
		}
		o := Defaults()
		o.Lags, o.Alpha, o.MinPeriods, o.FDR = lags, alpha, 3, kind%2 == 0
		o.Window = []Window{WholeCube, NearSteps, SingleStep, ""}[kind%4]
		w := chain(t, max(0, units))
		h, err := EmergingHotSpots(t.Context(), c, w, o)
		if err != nil {
			if grids.KindOf(err) != grids.Invalid {
				t.Fatal(err)
			}
			return
		}
		out, err := json.Marshal(h) // fails on NaN and infinities
		if err != nil || len(out) == 0 {
			t.Fatal(err)
		}
		for _, z := range h.Bins.z {
			if math.IsNaN(z) || math.IsInf(z, 0) {
				t.Fatalf("z is %v", z)
			}
		}
		u, err := Trends(t.Context(), c, true)
		if err == nil {
			_, err = json.Marshal(u)
		}
		if err != nil {
			t.Fatal(err)
		}
		x := values(c.Values...)
		for n := range min(6, len(x)) {
			if s, err := SenSlope(x[:n], alpha); err == nil {
				if _, err := json.Marshal(s); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

func BenchmarkEmergingHotSpots20000x120(b *testing.B) {
	const across = 200
	lists := make([][]int, 20000)
	for i := range lists { // a field of hexagons, row by row
		for _, d := range []int{-across - 1, -across, -1, 1, across, across + 1} {
			if j := i + d; j >= 0 && j < len(lists) {
				lists[i] = append(lists[i], j)
			}
		}
	}
	w, c := matrix(b, lists...), field(20000, 120, rand.New(rand.NewPCG(1, 2)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := EmergingHotSpots(b.Context(), c, w, Defaults()); err != nil {
			b.Fatal(err)
		}
	}
}
