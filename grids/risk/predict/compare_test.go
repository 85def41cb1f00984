package predict

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"wangge/grids"
	"wangge/grids/risk/stat"
)

// series is events that keep to the units with a low number: unit u of n has (n−u)/8 events a period on average.
func series(periods, n int) (counts [][]int, areaM2 []float64) {
	r := rand.New(rand.NewPCG(4, 2))
	counts, areaM2 = make([][]int, periods), make([]float64, n)
	for p := range counts {
		counts[p] = make([]int, n)
		for range n * n / 16 {
			counts[p][min(r.IntN(n), r.IntN(n))]++
		}
	}
	for u := range areaM2 {
		areaM2[u] = 1e6
	}
	return counts, areaM2
}

// upside is a forecast that is wrong: more where the number is higher.
func upside(n int) Scorer {
	score := make([]float64, n)
	for u := range score {
		score[u] = float64(u)
	}
	return Fixed("index", score)
}

func forecast(t *testing.T, c *Comparison, name string) Forecast {
	t.Helper()
	i := slices.IndexFunc(c.Forecasts, func(f Forecast) bool { return f.Name == name })
	if i < 0 {
		t.Fatalf("there is no forecast %s", name)
	}
	return c.Forecasts[i]
}

func TestCompareSaysThatTheIndexLoses(t *testing.T) {
	counts, areaM2 := series(24, 40)
	c, err := Compare(t.Context(), counts, areaM2, []Scorer{Counts(), LastPeriod(), Exponential(3), Random(), upside(40)}, Options{Shares: []float64{.1, .2}})
	if err != nil {
		t.Fatal(err)
	}
	index, random, count := forecast(t, c, "index"), forecast(t, c, "random"), forecast(t, c, "counts")
	for k := range 2 {
		if v := index.Versus[k]; v.Outcome != Loses || v.Difference.Or(0) >= 0 || index.Places[k] != 5 {
			t.Errorf("the index: %+v, place %d", v, index.Places[k])
		}
		if v := random.Versus[k]; v.Outcome != Loses || random.Places[k] != 4 {
			t.Errorf("chance: %+v, place %d", v, random.Places[k])
		}
		near(t, "PAI of chance", random.At[k].PAI, 1)
	}
	near(t, "area under the curve of chance", random.AUC, .5)
	if count.Versus != nil || c.Baseline != "counts" || len(c.Windows) != 12 || count.Places[0] > 2 || !(count.AUC.Or(0) > .55) || !(index.AUC.Or(1) < .45) {
		t.Errorf("the baseline: %+v", count)
	}
	if c, err = Compare(t.Context(), counts, areaM2, []Scorer{upside(40), Counts(), Random()}, Options{Shares: []float64{.1}, Baseline: "random"}); err != nil {
		t.Fatal(err)
	}
	if p, want := c.Forecasts[1].Versus[0].P.Or(9), binomial(c.Forecasts[1].At[0].Hits, float64(c.Events), .1); math.Abs(p/want-1) > 1e-12 {
		t.Errorf("p beside chance is %v, want %v", p, want)
	}
	if a, b := c.Forecasts[0].Versus[0].Outcome, c.Forecasts[1].Versus[0].Outcome; a != Loses || b != Wins {
		t.Errorf("beside chance the index %s and counts %s", a, b)
	}
}

func TestCompareByHand(t *testing.T) {
	counts := [][]int{{3, 1, 0, 0}, {0, 2, 1, 0}, {6, 2, 0, 1}, {4, 0, 8, 1}}
	areaM2 := []float64{1e6, 1e6, 1e6, 1e6}
	c, err := Compare(t.Context(), counts, areaM2, []Scorer{Counts(), LastPeriod()}, Options{Train: 2, Shares: []float64{.25, .375}})
	if err != nil {
		t.Fatal(err)
	}
	// Window 2: counts 3 3 1 0 → 0 first, then 1; last 0 2 1 0 → 1, then 2. Window 3: counts 9 5 1 1 and last 6 2 0 1 → 0, then 1.
	a, b := c.Forecasts[0], c.Forecasts[1]
	if c.Events != 22 || a.At[0].Hits != 10 || b.At[0].Hits != 6 || a.At[1].Hits != 11 || b.At[1].Hits != 6 {
		t.Errorf("hits %v, %v and %v, %v of %d, want 10, 11 and 6, 6 of 22", a.At[0].Hits, a.At[1].Hits, b.At[0].Hits, b.At[1].Hits, c.Events)
	}
	near(t, "PAI", a.At[0].PAI, 10./22/.25)
	near(t, "PEI", a.At[0].PEI, 10./14) // the best: 6 in unit 0, then 8 in unit 2
	near(t, "RRI", a.At[0].RRI, (10./12)/(22./23))
	near(t, "SER", a.At[0].SERPerKm2, 5)
	v := b.Versus[0]
	near(t, "difference", v.Difference, -4./22)
	near(t, "p", v.P, binomial(2, 8, .5))
	if v.OnlyThis != 2 || v.OnlyBaseline != 6 || v.Outcome != Undecided || !slices.Equal(a.Places, []int{1, 1}) || !slices.Equal(b.Places, []int{2, 2}) {
		t.Errorf("beside the baseline: %+v, places %v, %v", v, a.Places, b.Places)
	}
	if c, err = Compare(t.Context(), counts, areaM2, []Scorer{Counts(), LastPeriod()}, Options{Train: 2, Shares: []float64{.25}, Baseline: "last-period"}); err != nil {
		t.Fatal(err)
	}
	if v := c.Forecasts[0].Versus[0]; v.OnlyThis != 6 || v.OnlyBaseline != 2 || c.Forecasts[1].Versus != nil {
		t.Errorf("beside the other baseline: %+v", v)
	}
	if want := []Window{{0, 2, 3, 9}, {0, 3, 4, 13}}; !slices.Equal(c.Windows, want) {
		t.Errorf("windows %v, want %v", c.Windows, want)
	}
}

func TestWindows(t *testing.T) {
	counts, areaM2 := series(11, 20)
	var seen []Train
	spy := Scorer{Name: "spy", Score: func(tr Train) ([]float64, error) {
		seen = append(seen, tr)
		return make([]float64, 20), nil
	}}
	c, err := Compare(t.Context(), counts, areaM2, []Scorer{spy}, Options{Train: 4, Horizon: 3, Sliding: 2})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Windows) != 2 || c.Windows[0].From != 5 || c.Windows[1].To != 11 || c.Windows[0].TrainFrom != 3 {
		t.Errorf("windows %+v: the last period must be tested, and what is left over trained on", c.Windows)
	}
	for i, tr := range seen {
		w := c.Windows[i]
		if tr.From != w.TrainFrom || tr.To != w.From || len(tr.Counts) != 2 || !slices.Equal(tr.Counts[1], counts[w.From-1]) {
			t.Errorf("the forecast of window %+v knows %+v", w, tr)
		}
		if rest := tr.Counts[len(tr.Counts):cap(tr.Counts)]; slices.ContainsFunc(rest, func(r []int) bool { return r != nil }) {
			t.Error("the forecast can look into what is held out")
		}
	}
}

func TestScorers(t *testing.T) {
	tr := Train{Counts: [][]int{{8, 0, 0}, {0, 2, 0}, {0, 0, 1}}}
	for _, tt := range []struct {
		s    Scorer
		want []float64
	}{{Counts(), []float64{8, 2, 1}}, {LastPeriod(), []float64{0, 0, 1}}, {Exponential(1), []float64{2, 1, 1}}, {Fixed("x", []float64{3, 2, 1}), []float64{3, 2, 1}}} {
		if got, err := tt.s.Score(tr); err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, %v; want %v", tt.s.Name, got, err, tt.want)
		}
	}
}

func TestCompareSumsWhatEvaluateMeasures(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, periods := rapid.IntRange(2, 12).Draw(t, "n"), rapid.IntRange(3, 7).Draw(t, "periods")
		counts, areaM2 := make([][]int, periods), make([]float64, n)
		for p := range counts {
			for range n {
				counts[p] = append(counts[p], rapid.IntRange(0, 5).Draw(t, "count"))
			}
			counts[p][0]++
		}
		for u := range areaM2 {
			areaM2[u] = rapid.Float64Range(1e4, 1e6).Draw(t, "area")
		}
		perArea := rapid.Bool().Draw(t, "per area")
		c, err := Compare(t.Context(), counts, areaM2, []Scorer{Counts()}, Options{Train: 1, MinEvents: 1, PerArea: perArea, Shares: []float64{.15}})
		if err != nil {
			t.Fatal(err)
		}
		var sum Accuracy
		under := 0.0
		for _, w := range c.Windows {
			h := HoldOut{Train: add(counts[:w.From], n), Test: counts[w.From], AreaM2: areaM2}
			e, err := Evaluate(asFloats(h.Train), h, EvaluateOptions{MinEvents: 1, PerArea: perArea, Shares: []float64{.15}})
			if err != nil {
				t.Fatal(err)
			}
			sum.add(e.At[0])
			under += e.AUC.Or(math.NaN()) * float64(e.Events)
		}
		sum.Share = .15
		sum.measure(.95)
		if got := c.Forecasts[0]; got.At[0] != sum || math.Abs(got.AUC.Or(9)-under/float64(c.Events)) > 1e-12 {
			t.Fatalf("%+v, want %+v", got.At[0], sum)
		}
		curve := c.Forecasts[0].Curve
		if curve[0] != (Point{}) || math.Abs(curve[100].EventShare-1) > 1e-12 || math.Abs(curve[15].EventShare-sum.HitRate.Or(9)) > 1e-12 {
			t.Fatalf("curve %v", curve)
		}
	})
}

func TestBootstrap(t *testing.T) {
	counts, areaM2 := series(30, 40)
	o := Options{Interval: Bootstrap, Seed: 9, Shares: []float64{.1}}
	c, err := Compare(t.Context(), counts, areaM2, []Scorer{Counts()}, o)
	if err != nil {
		t.Fatal(err)
	}
	w, err := Compare(t.Context(), counts, areaM2, []Scorer{Counts()}, Options{Shares: []float64{.1}})
	if err != nil {
		t.Fatal(err)
	}
	a, b := c.Forecasts[0].At[0], w.Forecasts[0].At[0]
	rate, width := a.HitRate.Or(9), a.Upper.Or(9)-a.Lower.Or(9)
	if a.Lower.Or(9) >= rate || a.Upper.Or(9) <= rate || c.Meta.Seed != 9 || c.Meta.Params["replicates"] != 1999 {
		t.Errorf("bootstrap: %+v, %+v", a, c.Meta)
	}
	if other := b.Upper.Or(9) - b.Lower.Or(9); width < other/2 || width > 2*other { // these events are independent
		t.Errorf("the bootstrap has an interval of %v, Wilson one of %v", width, other)
	}
	lower, upper := bootstrap([]float64{1, 3}, []int{4, 4}, [][]int{{2, 0}, {1, 1}, {0, 2}, {1, 1}, {0, 0}}, .5)
	near(t, "lower", lower, .4375) // of ¼, ½, ½, ¾ at a place of 0.75
	near(t, "upper", upper, .5625)
}

func TestSameBytes(t *testing.T) {
	counts, areaM2 := series(30, 40)
	all := []Scorer{Counts(), LastPeriod(), Exponential(2), Random(), upside(40)}
	var first string
	for _, procs := range []int{1, 2, 5} {
		old := runtime.GOMAXPROCS(procs)
		c, err := Compare(t.Context(), counts, areaM2, all, Options{Interval: Bootstrap, Seed: 5})
		runtime.GOMAXPROCS(old)
		if err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = string(got)
		}
		if string(got) != first {
			t.Errorf("%d processors: other bytes", procs)
		}
	}
}

func TestCompareRefuses(t *testing.T) {
	counts, areaM2 := series(6, 20)
	broken := Scorer{Name: "broken", Score: func(Train) ([]float64, error) { return nil, errors.New("away") }}
	nans := Scorer{Name: "nan", Score: func(Train) ([]float64, error) { return append(make([]float64, 19), math.NaN()), nil }}
	few := [][]int{make([]int, 20), make([]int, 20)}
	few[1][3] = 19
	for name, tt := range map[string]struct {
		counts  [][]int
		areaM2  []float64
		scorers []Scorer
		o       Options
		says    string
	}{
		"no periods":      {nil, areaM2, nil, Options{}, "at least 2"},
		"one period":      {counts[:1], areaM2, nil, Options{}, "at least 2"},
		"no training":     {counts, areaM2, nil, Options{Train: 6}, "at least 7"},
		"training":        {counts, areaM2, nil, Options{Train: -1}, "at least 1"},
		"horizon":         {counts, areaM2, nil, Options{Horizon: -1}, "at least 1"},
		"few events":      {few, areaM2, nil, Options{}, "at least 20"},
		"no scorers":      {counts, areaM2, []Scorer{}, Options{}, "at least one"},
		"no name":         {counts, areaM2, []Scorer{{}}, Options{}, "name"},
		"a name twice":    {counts, areaM2, []Scorer{Counts(), Counts()}, Options{}, "name"},
		"baseline":        {counts, areaM2, nil, Options{Baseline: "x"}, "name one"},
		"interval":        {counts, areaM2, nil, Options{Interval: "x"}, "wilson"},
		"few windows":     {counts, areaM2, nil, Options{Interval: Bootstrap}, "at least 5"},
		"replicates":      {counts, areaM2, nil, Options{Replicates: 5}, "99"},
		"curve":           {counts, areaM2, nil, Options{CurvePoints: -5}, "10000"},
		"no shares":       {counts, areaM2, nil, Options{Shares: []float64{}}, "at least one"},
		"share":           {counts, areaM2, nil, Options{Shares: []float64{0}}, "above 0"},
		"level":           {counts, areaM2, nil, Options{Level: math.NaN()}, "above 0"},
		"other units":     {counts, areaM2[:19], nil, Options{}, "every unit"},
		"below 0":         {[][]int{{1, -1}, {1, 1}}, areaM2[:2], nil, Options{}, "from 0"},
		"one unit":        {[][]int{{30}, {30}}, areaM2[:1], nil, Options{}, "2 units"},
		"nan":             {counts, areaM2, []Scorer{nans}, Options{}, "unit 19"},
		"half-life":       {counts, areaM2, []Scorer{Exponential(0)}, Options{}, "half-life"},
		"score of others": {counts, areaM2, []Scorer{upside(3)}, Options{}, "every unit"},
	} {
		if tt.scorers == nil {
			tt.scorers = []Scorer{Counts()}
		}
		_, err := Compare(t.Context(), tt.counts, tt.areaM2, tt.scorers, tt.o)
		if err == nil || grids.KindOf(err) != grids.Invalid || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want a refusal that says %q", name, err, tt.says)
		}
	}
	if _, err := Compare(t.Context(), counts, areaM2, []Scorer{broken}, Options{}); err == nil || grids.KindOf(err) != grids.Internal {
		t.Errorf("a scorer that fails: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	o := Options{Progress: func(done, total int) {
		if total != 3 {
			t.Errorf("progress %d of %d", done, total)
		}
		cancel()
	}}
	if _, err := Compare(ctx, counts, areaM2, []Scorer{Counts()}, o); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}

// FuzzCompare feeds odd series: they may be refused, but nothing panics and no figure is NaN or infinite.
func FuzzCompare(f *testing.F) {
	f.Add([]byte{}, uint8(0), uint8(0), 1.0, .1, 2.0)
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, uint8(3), uint8(1), 1e6, .5, 2.0)
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 200, 0, 0}, uint8(2), uint8(2), 1e-6, 1.0, 1e-3)
	f.Add([]byte{1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0}, uint8(2), uint8(4), math.Inf(1), math.NaN(), 0.0)
	f.Add([]byte{9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9}, uint8(1), uint8(9), 1e15, 1e-9, 1e300)
	f.Fuzz(func(t *testing.T, raw []byte, units, flags uint8, area, share, score float64) {
		n := int(units % 8)
		var counts [][]int
		for ; n > 0 && len(raw) >= n && len(counts) < 12; raw = raw[n:] {
			row := make([]int, n)
			for u, b := range raw[:n] {
				row[u] = int(b) - 1
			}
			if flags&1 == 1 {
				for u := range row {
					row[u]++
				}
			}
			counts = append(counts, row)
		}
		areaM2, scores := make([]float64, n), make([]float64, n)
		for u := range areaM2 {
			areaM2[u], scores[u] = area*float64(1+u%3), score*float64(u%2)
		}
		o := Options{MinEvents: 1, Shares: []float64{share, 1}, PerArea: flags&2 == 2, Horizon: int(flags >> 4 & 3), Replicates: 99}
		if flags&4 == 4 {
			o.Interval = Bootstrap
		}
		c, err := Compare(t.Context(), counts, areaM2, []Scorer{Fixed("fixed", scores), Counts(), Random(), Exponential(math.Abs(score))}, o)
		if err != nil {
			if grids.KindOf(err) != grids.Invalid {
				t.Fatal(err)
			}
			return
		}
		if _, err := json.Marshal(c); err != nil { // refuses NaN and infinity
			t.Fatal(err)
		}
		for _, fc := range c.Forecasts {
			for _, a := range fc.At {
				if a.HitRate.Reason() == stat.NotANumber || a.PEI.Or(0) > 1 || a.Hits < 0 || a.Lower.Or(0) > a.Upper.Or(1) {
					t.Fatalf("%s: %+v", fc.Name, a)
				}
			}
		}
	})
}

func BenchmarkCompare(b *testing.B) {
	counts, areaM2 := series(36, 351)
	for b.Loop() {
		if _, err := Compare(b.Context(), counts, areaM2, []Scorer{Counts(), LastPeriod(), Exponential(6), Random(), upside(351)}, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
