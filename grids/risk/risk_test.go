package risk

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"wangge/grids"
	"wangge/grids/disclosure"
)

func TestRankByHand(t *testing.T) {
	number := disclosure.Number
	units := []Unit{
		{"a", 2e6, number(4), 1, 0, number(.5), number(.8)},
		{"b", 1e6, disclosure.Suppressed(), 0, 0, disclosure.NoData(), disclosure.NotLooked()},
		{"c", 4e6, disclosure.Zero(), 0, 1, number(1), disclosure.Zero()},
		{"d", 0, number(4), 1, 0, disclosure.NoData(), number(.25)},
		{"e", 0, disclosure.NoData(), 1, 0, disclosure.NoData(), disclosure.NotLooked()},
	}
	// Casework per km²: 2, 1.5 (k/2 in 1 km²), 0. The 95th percentile of 1.5 and 2 is 1.975.
	for i, tt := range []struct {
		value  float64
		points [5]float64 // of the factors
		reason [5]string
	}{
		{62, [5]float64{35, 15, 0, 10, 2}, [5]string{}},
		{100 * .5 * 1.5 / 1.975, [5]float64{100 * .5 * 1.5 / 1.975}, [5]string{SuppressedMidpoint, "", "", "nodata", "notlooked"}},
		{20, [5]float64{0, 0, 10, 0, 10}, [5]string{}},
		{75, [5]float64{4: 75}, [5]string{NoArea, NoArea, NoArea, "nodata", ""}},
		{math.NaN(), [5]float64{}, [5]string{"nodata", NoArea, NoArea, "nodata", "notlooked"}},
	} {
		got := Rank(units, Default(), 3)[i]
		if got.Key != units[i].Key {
			t.Fatalf("score %d is of %q", i, got.Key)
		}
		if n, known := got.Value.Known(); known == math.IsNaN(tt.value) || known && math.Abs(n-tt.value) > .002 {
			t.Errorf("%s: %v, want %v", got.Key, got.Value, tt.value)
		}
		for f, p := range got.Parts {
			if math.Abs(p.Contribution-tt.points[f]) > .001 || p.Reason != tt.reason[f] || p.Factor != Factors[f] {
				t.Errorf("%s: %+v, want %v points, reason %q", got.Key, p, tt.points[f], tt.reason[f])
			}
			if p.Missing != (p.Reason != "" && p.Reason != SuppressedMidpoint) {
				t.Errorf("%s: %+v: missing and reason do not go together", got.Key, p)
			}
		}
	}
}

// A lone case in a quiet district is below the floor and does not count in full.
func TestFloorHoldsALoneCaseDown(t *testing.T) {
	units := make([]Unit, 100)
	for i := range units {
		units[i] = Unit{Key: strconv.Itoa(i), AreaM2: 4e6, Cases: disclosure.Zero()}
	}
	units[7].Cases = disclosure.Number(2)
	if p := Rank(units, Default(), 1)[7].Parts[0]; p.Normalised != .5 {
		t.Errorf("0.5 cases per km² count as %v of the floor of 1", p.Normalised)
	}
}

func TestSuppressedPartShowsNoNumber(t *testing.T) {
	units := []Unit{{Key: "a", AreaM2: 1e6, Cases: disclosure.Suppressed()}}
	if p := Rank(units, Default(), 3)[0].Parts[0]; p.Raw != disclosure.Suppressed() || p.Missing || p.Normalised == 0 {
		t.Errorf("suppressed at k = 3: %+v", p)
	}
	if p := Rank(units, Default(), 1)[0].Parts[0]; p.Raw != disclosure.Suppressed() || !p.Missing || p.Reason != "suppressed" {
		t.Errorf("suppressed without a band: %+v", p)
	}
	units[0].Cases = disclosure.Value{}
	if p := Rank(units, Default(), 3)[0].Parts[0]; p.Raw != disclosure.NoData() || p.Reason != "nodata" {
		t.Errorf("no state at all: %+v", p)
	}
}

func TestWeightsCheck(t *testing.T) {
	if err := Default().Check(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Weights){
		"no version":         func(w *Weights) { w.Version = "" },
		"no window":          func(w *Weights) { w.WindowMonths = 0 },
		"long window":        func(w *Weights) { w.WindowMonths = 121 },
		"percentile 0":       func(w *Weights) { w.Percentile = 0 },
		"percentile 1.1":     func(w *Weights) { w.Percentile = 1.1 },
		"percentile NaN":     func(w *Weights) { w.Percentile = math.NaN() },
		"no weights":         func(w *Weights) { w.Weight = nil },
		"one missing":        func(w *Weights) { delete(w.Weight, Survey) },
		"negative":           func(w *Weights) { w.Weight[Survey] -= .2; w.Weight[Status] += .2 },
		"NaN":                func(w *Weights) { w.Weight[Survey] = math.NaN() },
		"sum 0.9":            func(w *Weights) { w.Weight[Survey] = 0 },
		"unknown factor":     func(w *Weights) { w.Weight["moon"] = 0 },
		"no floor":           func(w *Weights) { delete(w.FloorPerKm2, Casework) },
		"floor not a number": func(w *Weights) { w.FloorPerKm2[FindingsOpen] = math.Inf(1) },
	} {
		w := Default()
		spoil(&w)
		if err := w.Check(); err == nil || grids.KindOf(err) != grids.Invalid {
			t.Errorf("%s: %v, want an Invalid error", name, err)
		}
		for _, s := range Rank([]Unit{{Key: "a", AreaM2: 1e6, FindingsOpen: 3}}, w, 3) {
			if s.Value != disclosure.NoData() {
				t.Errorf("%s: scored %v", name, s.Value)
			}
		}
	}
}

func TestTitles(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range Factors {
		for _, lang := range []string{"zh", "en"} {
			title := Title(f)[lang]
			if title == "" || title == string(f) || seen[title] {
				t.Errorf("%s has the title %q in %s", f, title, lang)
			}
			seen[title] = true
		}
	}
}

// figure draws a count or share in any state, nonsense included.
func figure(most float64) *rapid.Generator[disclosure.Value] {
	return rapid.Custom(func(t *rapid.T) disclosure.Value {
		return rapid.SampledFrom([]disclosure.Value{
			disclosure.NoData(), disclosure.NotLooked(), disclosure.Suppressed(), disclosure.Zero(), {},
			disclosure.Number(rapid.Float64Range(0, most).Draw(t, "n")),
			disclosure.Number(rapid.Float64Range(0, most).Draw(t, "n")),
			{State: disclosure.IsNumber, N: rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), -1, 1e308}).Draw(t, "odd")},
		}).Draw(t, "figure")
	})
}

// district draws units, a few of them odd.
func district(t *rapid.T) []Unit {
	units := make([]Unit, rapid.IntRange(1, 25).Draw(t, "units"))
	odd := rapid.SampledFrom([]float64{0, -1, math.NaN(), math.Inf(1), 5e-324, 1e300})
	for i := range units {
		units[i] = Unit{
			Key:               strconv.Itoa(i),
			AreaM2:            rapid.OneOf(rapid.Float64Range(1e4, 1e7), odd).Draw(t, "area"),
			Cases:             figure(200).Draw(t, "cases"),
			FindingsOpen:      rapid.OneOf(rapid.Float64Range(0, 50), odd).Draw(t, "open"),
			FindingsConfirmed: rapid.OneOf(rapid.Float64Range(0, 50), odd).Draw(t, "confirmed"),
			CertifiedShare:    figure(1).Draw(t, "certified"),
			Survey:            figure(1).Draw(t, "survey"),
		}
	}
	return units
}

func TestScoresExplainThemselves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, s := range Rank(district(t), Default(), rapid.IntRange(0, 10).Draw(t, "k")) {
			forward, backward, weight, known := 0.0, 0.0, 0.0, false
			for i, p := range s.Parts {
				forward += p.Contribution
				backward += s.Parts[len(s.Parts)-1-i].Contribution
				weight += p.Weight
				known = known || !p.Missing
				if !(p.Normalised >= 0 && p.Normalised <= 1) || !(p.Contribution >= 0) {
					t.Fatalf("%+v is out of bounds", p)
				}
				if p.Missing && (p.Weight != 0 || p.Contribution != 0 || p.Reason == "") {
					t.Fatalf("%+v is missing and counts", p)
				}
			}
			n, ok := s.Value.Known()
			if ok != known || !(n >= 0 && n <= 100) {
				t.Fatalf("the value is %v, something known: %v", s.Value, known)
			}
			if forward != n || backward != n {
				t.Fatalf("the parts sum to %v and %v, the value is %v", forward, backward, n)
			}
			if known && math.Abs(weight-1) > 1e-12 {
				t.Fatalf("the weights sum to %v", weight)
			}
		}
	})
}

func TestOrderOfUnitsIsIrrelevant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		units := district(t)
		before := Rank(units, Default(), 3)
		order := rand.New(rand.NewPCG(1, uint64(len(units)))).Perm(len(units))
		moved := make([]Unit, len(units))
		for to, from := range order {
			moved[to] = units[from]
		}
		for to, s := range Rank(moved, Default(), 3) {
			if was := before[order[to]]; s.Key != was.Key || s.Value != was.Value || !slices.Equal(s.Parts, was.Parts) {
				t.Fatalf("%+v became %+v", was, s)
			}
		}
	})
}

func TestMonotoneInEveryFactor(t *testing.T) {
	const k = 4
	// worse are the cases from less to more: none, suppressed, then numbers.
	worse := func(v disclosure.Value, by float64) disclosure.Value {
		n, known := v.Known()
		switch {
		case known && n == 0:
			return disclosure.Suppressed()
		case known:
			return disclosure.Number(n + by)
		}
		return disclosure.Number(k + by)
	}
	rapid.Check(t, func(t *rapid.T) {
		cases := rapid.OneOf(rapid.Just(disclosure.Zero()), rapid.Just(disclosure.Suppressed()), rapid.Map(rapid.Float64Range(k, 60), disclosure.Number))
		units := make([]Unit, rapid.IntRange(1, 25).Draw(t, "units"))
		for i := range units {
			units[i] = Unit{
				AreaM2:            rapid.Float64Range(1e5, 1e7).Draw(t, "area"),
				Cases:             cases.Draw(t, "cases"),
				FindingsOpen:      rapid.Float64Range(0, 9).Draw(t, "open"),
				FindingsConfirmed: rapid.Float64Range(0, 9).Draw(t, "confirmed"),
				CertifiedShare:    disclosure.Number(rapid.Float64Range(.5, 1).Draw(t, "certified")),
				Survey:            disclosure.Number(rapid.Float64Range(.5, 1).Draw(t, "survey")),
			}
		}
		u := &units[rapid.IntRange(0, len(units)-1).Draw(t, "which")]
		at := slices.IndexFunc(units, func(v Unit) bool { return v == *u })
		by := rapid.Float64Range(.01, 30).Draw(t, "by")
		before := Rank(units, Default(), k)[at].Value.N
		for name, change := range map[string]func(*Unit){
			"cases":     func(u *Unit) { u.Cases = worse(u.Cases, by) },
			"open":      func(u *Unit) { u.FindingsOpen += by },
			"confirmed": func(u *Unit) { u.FindingsConfirmed += by },
			"certified": func(u *Unit) { u.CertifiedShare = disclosure.Number(u.CertifiedShare.N - by/60) },
			"survey":    func(u *Unit) { u.Survey = disclosure.Number(u.Survey.N - by/60) },
		} {
			changed := slices.Clone(units)
			change(&changed[at])
			if after := Rank(changed, Default(), k)[at].Value.N; after < before {
				t.Fatalf("%s: worse by %v, and the score fell from %v to %v", name, by, before, after)
			}
		}
	})
}

func BenchmarkRank(b *testing.B) {
	random := rand.New(rand.NewPCG(310151, 11))
	units := make([]Unit, 20000)
	for i := range units {
		units[i] = Unit{AreaM2: 1e6, Cases: disclosure.Number(random.Float64()), FindingsOpen: random.Float64(), Survey: disclosure.Number(random.Float64())}
	}
	b.ReportAllocs()
	for b.Loop() {
		Rank(units, Default(), 3)
	}
}
