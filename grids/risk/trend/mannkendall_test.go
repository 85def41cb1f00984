package trend

import (
	"encoding/csv"
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"wangge/grids"
	"wangge/grids/risk/stat"
)

// TestMain draws the same examples in every run, unless a seed is given.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.seed", "20260401"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// table reads a file of a case: a row by the names of its columns.
func table(t testing.TB, name string) []map[string]string {
	t.Helper()
	f, err := os.Open("../testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	out := make([]map[string]string, len(rows)-1)
	for i, r := range rows[1:] {
		out[i] = map[string]string{}
		for at, name := range rows[0] {
			out[i][name] = r[at]
		}
	}
	return out
}

func number(t testing.TB, s string) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func values(x ...float64) []stat.Value {
	out := make([]stat.Value, len(x))
	for i, n := range x {
		out[i] = stat.Of(n)
	}
	return out
}

// near checks a figure against a wanted one, relative to the larger of it and 1, or relative to it alone when strict; it gives the deviation.
func near(t testing.TB, what string, got stat.Value, want, tolerance float64, strict bool) float64 {
	t.Helper()
	n, ok := got.Known()
	if ok == math.IsNaN(want) {
		t.Errorf("%s: %v (%s), want %v", what, n, got.Reason(), want)
		return 0
	}
	if !ok {
		return 0
	}
	scale := math.Abs(want)
	if !strict || scale == 0 {
		scale = max(1, scale)
	}
	off := math.Abs(n-want) / scale
	if off > tolerance {
		t.Errorf("%s: %.17g, want %.17g: off by %.2g", what, n, want, off)
	}
	return off
}

func TestCaseMannKendall(t *testing.T) {
	series := map[string][]stat.Value{}
	for _, r := range table(t, "c17_mannkendall/input.csv") {
		series[r["series"]] = append(series[r["series"]], stat.Of(number(t, r["value"])))
	}
	worst := map[string]float64{}
	for _, r := range table(t, "c17_mannkendall/expected.csv") {
		x, want := series[r["series"]], func(name string) float64 { return number(t, r[name]) }
		got, err := MannKendall(x)
		if err != nil {
			t.Fatal(err)
		}
		if float64(got.N) != want("n") || float64(got.S) != want("S") {
			t.Errorf("%s: n %d and S %d, want %s and %s", r["series"], got.N, got.S, r["n"], r["S"])
		}
		slope, err := SenSlope(x, .05)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name      string
			got       stat.Value
			tolerance float64
		}{
			{"var_S", stat.Of(got.Var), 1e-12}, {"z", got.Z, 1e-12}, {"p", got.P, 1e-9}, {"tau_a", got.TauA, 1e-12}, {"tau_b", got.TauB, 1e-12},
			{"sen_slope", slope.Slope, 1e-12}, {"sen_intercept", slope.Intercept, 1e-12},
		} {
			if c.name == "p" && math.Abs(c.got.Or(2)-want("p")) <= 0x1p-52 {
				continue // the reference takes 1 − cdf, which has steps of 2⁻⁵² after doubling: of ukgas_q1 that is 2.5e-7 of p
			}
			worst[c.name] = max(worst[c.name], near(t, r["series"]+" "+c.name, c.got, want(c.name), c.tolerance, true))
		}
	}
	t.Logf("worst relative deviations: %v", worst)
}

func TestMannKendallByHand(t *testing.T) {
	// 1 3 2: two pairs rise, one falls; Var = 3·2·11/18. 1 1 2: two rise, one is tied; Var = (66 − 18)/18.
	for _, tt := range []struct {
		x          []float64
		s          int64
		v, z, b, a float64
	}{
		{[]float64{1, 3, 2}, 1, 66. / 18, 0, 1. / 3, 1. / 3},
		{[]float64{1, 1, 2}, 2, 48. / 18, 1 / math.Sqrt(48./18), 2 / math.Sqrt(6), 2. / 3},
		{[]float64{3, 2, 1}, -3, 66. / 18, -2 / math.Sqrt(66./18), -1, -1},
		{[]float64{2, 2, 2}, 0, 0, 0, math.NaN(), 0},
	} {
		got, err := MannKendall(values(tt.x...))
		if err != nil || got.S != tt.s {
			t.Errorf("%v: S is %d (%v), want %d", tt.x, got.S, err, tt.s)
		}
		near(t, "var", stat.Of(got.Var), tt.v, 1e-15, true)
		near(t, "z", got.Z, tt.z, 1e-15, true)
		near(t, "p", got.P, math.Erfc(math.Abs(tt.z)/math.Sqrt2), 1e-15, true)
		near(t, "tau b", got.TauB, tt.b, 1e-15, true)
		near(t, "tau a", got.TauA, tt.a, 1e-15, true)
	}
}

func TestMissingValuesAreSkipped(t *testing.T) {
	gap, none := values(1, 0, 3, 0, 2, 9), stat.None(stat.Missing)
	gap[1], gap[3] = none, stat.None(stat.NotANumber)
	got, err := MannKendall(gap)
	if err != nil || got.N != 4 || got.S != 4 || got.Meta.Used != 4 || got.Meta.Dropped[stat.Missing] != 1 || got.Meta.Dropped[stat.NotANumber] != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	// At the times 0 2 4 5 the slopes are 1, ¼, 8/5, −½, 2, 7: their median is 1.3. The intercept is 2.5 − 1.3·3.
	s, err := SenSlope(gap, .05)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "slope", s.Slope, 1.3, 1e-15, true)
	near(t, "intercept", s.Intercept, 2.5-1.3*3, 1e-15, true)
}

// The exact p of small series by all their orders.
func TestExactPByEnumeration(t *testing.T) {
	for n := 3; n <= 7; n++ {
		counts, all := map[int64]int{}, 0
		x := make([]float64, n)
		for i := range x {
			x[i] = float64(i)
		}
		var permute func(k int)
		permute = func(k int) {
			if k == n {
				s := int64(0)
				for i := range x {
					for j := i + 1; j < n; j++ {
						if x[j] > x[i] {
							s++
						} else {
							s--
						}
					}
				}
				counts[s]++
				all++
				return
			}
			for i := k; i < n; i++ {
				x[k], x[i] = x[i], x[k]
				permute(k + 1)
				x[k], x[i] = x[i], x[k]
			}
		}
		permute(0)
		for s := range counts {
			extreme := 0
			for other, c := range counts {
				if other >= max(s, -s) {
					extreme += c
				}
			}
			p, err := Test{N: n, S: s}.ExactP()
			if err != nil {
				t.Fatal(err)
			}
			near(t, "p", stat.Of(p), min(1, 2*float64(extreme)/float64(all)), 1e-13, true)
		}
	}
	// S = 1225 is one order of 50! and its reverse.
	lg, _ := math.Lgamma(51)
	p, err := Test{N: 50, S: 1225}.ExactP()
	if err != nil {
		t.Fatal(err)
	}
	near(t, "p of 50", stat.Of(math.Log(p)), math.Ln2-lg, 1e-12, true)
}

func TestExactPRefuses(t *testing.T) {
	for name, x := range map[string]Test{"few": {N: 2, S: 1}, "many": {N: 51}, "ties": {N: 9, Tied: true}} {
		if p, err := x.ExactP(); grids.KindOf(err) != grids.Invalid || err == nil {
			t.Errorf("%s: %v, %v", name, p, err)
		}
	}
}

// naive counts as the definition says.
func naive(x []float64) (s, tied int64) {
	for i, a := range x {
		for _, b := range x[i+1:] {
			switch {
			case b > a:
				s++
			case b < a:
				s--
			default:
				tied++
			}
		}
	}
	return s, tied
}

func series(least, most int) *rapid.Generator[[]float64] {
	whole := rapid.Map(rapid.IntRange(-3, 6), func(n int) float64 { return float64(n) })
	return rapid.OneOf(rapid.SliceOfN(whole, least, most), rapid.SliceOfN(rapid.Float64Range(-1e3, 1e3), least, most))
}

func TestCountsAreThoseOfTheDefinition(t *testing.T) {
	var r ranker
	rapid.Check(t, func(t *rapid.T) {
		x := series(3, 80).Draw(t, "x")
		before := slices.Clone(x)
		got := r.test(x)
		s, tied := naive(x)
		if got.S != s || got.Tied != (tied > 0) || !slices.Equal(x, before) {
			t.Fatalf("S %d, tied %v, want %d, %d pairs", got.S, got.Tied, s, tied)
		}
		back := slices.Clone(x)
		slices.Reverse(back)
		if b := r.test(back); b.S != -got.S || b.Var != got.Var || b.P != got.P {
			t.Fatalf("backwards %+v, forwards %+v", b, got)
		}
		if got.Var > 0 && got.P.Or(-1) < 0 || got.P.Or(2) > 1 {
			t.Fatalf("p is %v", got.P)
		}
	})
}

func TestSlopeFollowsScaleAndLevel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.Map(rapid.SliceOfN(rapid.IntRange(-50, 50), 3, 30), func(n []int) []float64 {
			out := make([]float64, len(n))
			for i, v := range n {
				out[i] = float64(v)
			}
			return out
		}).Draw(t, "x")
		rise := float64(rapid.IntRange(-9, 9).Draw(t, "rise"))
		moved := slices.Clone(x)
		for i := range moved {
			moved[i] += rise*float64(i) + 7
		}
		a, err := SenSlope(values(x...), .05)
		if err != nil {
			t.Fatal(err)
		}
		b, err := SenSlope(values(moved...), .05)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(b.Slope.Or(0)-a.Slope.Or(0)-rise) > 1e-9 || a.Low.Reason() != "" != (a.High.Reason() != "") {
			t.Fatalf("%v became %v, rise %v", a, b, rise)
		}
		if lo, ok := a.Low.Known(); ok && !(lo <= a.Slope.Or(0) && a.Slope.Or(0) <= a.High.Or(0)) {
			t.Fatalf("the interval %v to %v does not hold %v", lo, a.High, a.Slope)
		}
		// the median of a cube's unit is the same
		got := make([]float64, len(x)*(len(x)-1)/2)
		evenSlopes(got, x)
		if m := median(got); m != a.Slope.Or(0) {
			t.Fatalf("by selection %v, by sorting %v", m, a.Slope)
		}
	})
}

// 0 2 1 4 has the slopes −1 ½ 1 4/3 2 3 and Var(S) = 26/3. At 90 % C is 1.6449·2.9439 = 4.842: the ranks .579 and 6.421 run out. At 50 % C is
// .67449·2.9439 = 1.986: the ranks are 2.007 and 4.993.
func TestSlopeIntervalByHand(t *testing.T) {
	s, err := SenSlope(values(0, 2, 1, 4), .1)
	if err != nil || s.Low.Reason() != stat.TooFew || s.High.Reason() != stat.TooFew {
		t.Errorf("%+v, %v", s, err)
	}
	s, err = SenSlope(values(0, 2, 1, 4), .5)
	if err != nil {
		t.Fatal(err)
	}
	c := .6744897501960817 * math.Sqrt(26./3)
	near(t, "low", s.Low, .5+.5*((6-c)/2-2), 1e-12, true)
	near(t, "high", s.High, 4./3+2./3*((6+c)/2+1-4), 1e-12, true)
	near(t, "slope", s.Slope, 7./6, 1e-12, true)
}

func TestMedianBySelection(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := series(1, 200).Draw(t, "x")
		sorted := slices.Sorted(slices.Values(x))
		if got, want := median(x), sortedMedian(sorted); got != want {
			t.Fatalf("%v, want %v", got, want)
		}
	})
}

func TestSeriesRefused(t *testing.T) {
	for n := range minimum {
		x := append(values(1, 2, 3)[:n], stat.None(stat.Missing))
		if _, err := MannKendall(x); err == nil || grids.KindOf(err) != grids.Invalid || !strings.Contains(err.Error(), "at least 3") {
			t.Errorf("%d values: %v", n, err)
		}
		if _, err := SenSlope(x, .05); err == nil || grids.KindOf(err) != grids.Invalid {
			t.Errorf("%d values: %v", n, err)
		}
	}
	for _, alpha := range []float64{0, 1, -1, math.NaN()} {
		if _, err := SenSlope(values(1, 2, 3), alpha); err == nil || grids.KindOf(err) != grids.Invalid {
			t.Errorf("alpha %v: %v", alpha, err)
		}
	}
	if _, err := SenSlope(make([]stat.Value, SenMax+1), .05); err == nil || grids.KindOf(err) != grids.Invalid {
		t.Errorf("a long series: %v", err)
	}
}

func BenchmarkSenSlopes20000x120(b *testing.B) {
	c := field(20000, 120, rand.New(rand.NewPCG(1, 2)))
	for b.Loop() {
		if _, err := Trends(b.Context(), c, true); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMannKendall20000x120(b *testing.B) {
	c := field(20000, 120, rand.New(rand.NewPCG(1, 2)))
	for b.Loop() {
		if _, err := Trends(b.Context(), c, false); err != nil {
			b.Fatal(err)
		}
	}
}
