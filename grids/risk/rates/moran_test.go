package rates

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"runtime"
	"testing"

	"pgregory.net/rapid"

	"wangge/grids"
	"wangge/grids/risk/stat"
	"wangge/grids/risk/weights"
)

func TestScoresByHand(t *testing.T) {
	s, err := Scores(handCases, handPopulation, StandardOptions{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "z", s.Z[0], -.02/math.Sqrt(.001275))
	same(t, "z", s.Z[1], -.02/math.Sqrt(.001125))
	same(t, "z", s.Z[2], .06/math.Sqrt(.001275))
}

func TestScoresWithNegativeVariance(t *testing.T) {
	// b = 20/1000, r = 0.03, 0.02, 0.02, 0.0175: s² = 0.0000125, N̄ = 250, a = 0.0000125 − 0.00008 = −0.0000675.
	cases, population := []float64{3, 4, 6, 7}, []float64{100, 200, 300, 400}
	s, err := Scores(cases, population, StandardOptions{})
	if err != nil || s.A != 0 || math.Abs(s.Raw+.0000675) > 1e-15 {
		t.Fatalf("%+v, %v", s, err)
	}
	same(t, "z with a at 0", s.Z[0], .01/math.Sqrt(.0002))
	same(t, "z with a at 0", s.Z[3], -.0025/math.Sqrt(.00005))
	if s, err = Scores(cases, population, StandardOptions{Variance: ClampUnit}); err != nil || s.A != s.Raw {
		t.Fatalf("%+v, %v", s, err)
	}
	same(t, "z with v = a + b/N above 0", s.Z[0], .01/math.Sqrt(.0002-.0000675))
	same(t, "z with v below 0", s.Z[3], -.0025/math.Sqrt(.00005))
}

// brute is I by its definition over dense weights.
func brute(z []float64, w *weights.Matrix, keep bool) float64 {
	n, mean := float64(len(z)), 0.0
	for _, v := range z {
		mean += v / n
	}
	var s0, num, den float64
	for i := range z {
		den += (z[i] - mean) * (z[i] - mean)
		to, wt := w.Row(i)
		for k, j := range to {
			s0 += wt[k]
			if keep {
				num += wt[k] * z[i] * z[j]
			} else {
				num += wt[k] * (z[i] - mean) * (z[j] - mean)
			}
		}
	}
	return n / s0 * num / den
}

func TestMoranWithIsolates(t *testing.T) {
	in := table(t, carolina+"input_nc_CC89_order.csv")
	cases, population := numbers(t, in["SID79"]), numbers(t, in["BIR79"])
	w := neighbours(t, carolina+"input_nc_CC89_neighbours_shipped.csv", len(cases), false)
	isolates := 0
	for i := range cases {
		if to, _ := w.Row(i); len(to) == 0 {
			isolates++
		}
	}
	m, err := EBMoran(t.Context(), cases, population, w, MoranOptions{Permutations: 99})
	if err != nil {
		t.Fatal(err)
	}
	z := make([]float64, len(cases))
	for i, v := range m.Rates.Z {
		z[i] = v.Or(math.NaN())
	}
	if isolates != 2 || m.S0 != float64(w.Links()) || m.Meta.Used != 100 {
		t.Errorf("%d isolates, S0 %v of %d links, %d used", isolates, m.S0, w.Links(), m.Meta.Used)
	}
	same(t, "I", m.I, brute(z, w, false))
}

func TestMoranAgainstEveryOrder(t *testing.T) {
	cases, population := []float64{0, 1, 9, 7, 2}, []float64{100, 150, 200, 120, 90} // 5! = 120 orders
	for _, keep := range []bool{false, true} {
		w := path(t, 5)
		m, err := EBMoran(t.Context(), cases, population, w, MoranOptions{KeepMean: keep, Seed: 7})
		if err != nil {
			t.Fatal(err)
		}
		z := make([]float64, 5)
		for i, v := range m.Rates.Z {
			z[i] = v.Or(math.NaN())
		}
		var atLeast, atMost, all int
		seen := brute(z, w, keep)
		orders(z, 0, func() {
			i := brute(z, w, keep)
			all++
			if i >= seen-1e-12 {
				atLeast++
			}
			if i <= seen+1e-12 {
				atMost++
			}
		})
		for name, pair := range map[string][2]float64{
			"upper": {m.Upper.Or(9), float64(atLeast) / float64(all)}, "lower": {m.Lower.Or(9), float64(atMost) / float64(all)},
		} {
			if p := pair[1]; math.Abs(pair[0]-p) > 4*math.Sqrt(p*(1-p)/9999)+1e-4 {
				t.Errorf("keep mean %v: %s p is %v, %v over all %d orders", keep, name, pair[0], p, all)
			}
		}
		if all != 120 || m.AtLeast+m.AtMost <= 9999 {
			t.Errorf("%d orders; %d + %d: a row is as good backwards, so there are ties", all, m.AtLeast, m.AtMost)
		}
	}
}

// orders calls f with every order of z.
func orders(z []float64, k int, f func()) {
	if k == len(z) {
		f()
		return
	}
	for i := k; i < len(z); i++ {
		z[k], z[i] = z[i], z[k]
		orders(z, k+1, f)
		z[k], z[i] = z[i], z[k]
	}
}

func TestTiesAreExact(t *testing.T) {
	// Two kinds of places only, in a ring: every I is one of a few, and rounding must not tell equal ones apart.
	const n = 12
	rows := make([][]weights.Link, n)
	cases, population := make([]float64, n), make([]float64, n)
	for i := range rows {
		rows[i] = []weights.Link{{To: (i + 1) % n, Weight: 1. / 3}, {To: (i + n - 1) % n, Weight: 1. / 3}}
		population[i], cases[i] = 730, 1
		if i < 6 {
			cases[i] = 4
		}
	}
	m, err := EBMoran(t.Context(), cases, population, matrix(t, rows), MoranOptions{Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	// The six together: 12 of 924 arrangements reach it, and none exceeds it.
	if p := 12. / 924; m.AtMost != 9999 || math.Abs(float64(m.AtLeast)/9999-p) > 4*math.Sqrt(p/9999) {
		t.Errorf("%d at most and %d at least, want 9999 and about %v", m.AtMost, m.AtLeast, p*9999)
	}
}

func TestMoranWithoutSomeUnits(t *testing.T) {
	cases, population := []float64{3, 1, 4, 9, 5, 2, 6}, []float64{100, 200, 150, 0, 90, 300, 120}
	w := path(t, 7)
	m, err := EBMoran(t.Context(), cases, population, w, MoranOptions{Permutations: 999, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	rows := [][]weights.Link{
		{{To: 1, Weight: 1}}, {{To: 0, Weight: 1}, {To: 2, Weight: 1}}, {{To: 1, Weight: 1}}, // three before the gap, three behind it
		{{To: 4, Weight: 1}}, {{To: 3, Weight: 1}, {To: 5, Weight: 1}}, {{To: 4, Weight: 1}},
	}
	without := func(x []float64) []float64 { return append(append([]float64{}, x[:3]...), x[4:]...) }
	sub, err := EBMoran(t.Context(), without(cases), without(population), matrix(t, rows), MoranOptions{Permutations: 999, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	if m.I != sub.I || m.AtLeast != sub.AtLeast || m.S0 != sub.S0 || m.Rates.Z[3].Reason() != stat.NoPopulation || m.Meta.Dropped[stat.NoPopulation] != 1 {
		t.Errorf("%+v\nwithout the unit: %+v", m, sub)
	}
}

func TestMoranUndefined(t *testing.T) {
	for name, tt := range map[string]struct {
		cases, population []float64
		w                 *weights.Matrix
		why               stat.Reason
	}{
		"no cases":                    {[]float64{0, 0, 0, 0, 0}, []float64{3, 4, 5, 6, 7}, path(t, 5), stat.Constant},
		"equal rates":                 {[]float64{1, 2, 3, 7, 11}, []float64{7, 14, 21, 49, 77}, path(t, 5), stat.Constant},
		"equal rates of person-years": {[]float64{1, 2, 3, 7, 11}, []float64{.7, 1.4, .7 * 3, .7 * 7, .7 * 11}, path(t, 5), stat.Constant},
		"no links":                    {[]float64{1, 2, 3, 7, 0}, []float64{7, 9, 21, 49, 77}, matrix(t, make([][]weights.Link, 5)), stat.Isolate},
	} {
		m, err := EBMoran(t.Context(), tt.cases, tt.population, tt.w, MoranOptions{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, v := range []stat.Value{m.I, m.Mean, m.SD, m.Lower, m.Upper, m.TwoSided} {
			if v.Reason() != tt.why {
				t.Errorf("%s: %+v, want %s", name, m, tt.why)
			}
		}
	}
}

func TestMoranRefuses(t *testing.T) {
	cases, population := []float64{1, 2, 3, 4}, []float64{9, 8, 7, 0}
	all := []float64{9, 8, 7, 6}
	errs := map[string]error{}
	_, errs["3 units"] = EBMoran(t.Context(), cases, population, path(t, 4), MoranOptions{})
	_, errs["permutations"] = EBMoran(t.Context(), cases, all, path(t, 4), MoranOptions{Permutations: -1})
	_, errs["self"] = EBMoran(t.Context(), cases, all, matrix(t, [][]weights.Link{{{To: 0, Weight: 1}}, {}, {}, {}}), MoranOptions{})
	_, errs["sum 0"] = EBMoran(t.Context(), cases, all, matrix(t, [][]weights.Link{{{To: 1, Weight: 1}}, {{To: 0, Weight: -1}}, {}, {}}), MoranOptions{})
	_, errs["huge"] = EBMoran(t.Context(), cases, all, matrix(t, [][]weights.Link{{{To: 1, Weight: 1e60}}, {}, {}, {}}), MoranOptions{})
	_, errs["no weights"] = EBMoran(t.Context(), cases, all, nil, MoranOptions{})
	for name, err := range errs {
		if grids.KindOf(err) != grids.Invalid || err == nil {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := EBMoran(ctx, cases, all, path(t, 4), MoranOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}

func TestSameBytes(t *testing.T) {
	in := table(t, carolina+"input_nc.csv")
	cases, population := numbers(t, in["SID74"]), numbers(t, in["BIR74"])
	w := neighbours(t, carolina+"input_nc_queen.csv", len(cases), true)
	var first []byte
	for _, procs := range []int{1, 2, 5} {
		old := runtime.GOMAXPROCS(procs)
		for _, workers := range []int{0, 1, 3} {
			calls, last := 0, 0
			o := MoranOptions{Permutations: 1111, Seed: 42, Workers: workers, Progress: func(done, total int) {
				if done <= last || total != 1111 {
					t.Errorf("progress %d of %d after %d", done, total, last)
				}
				calls, last = calls+1, done
			}}
			m, err := EBMoran(t.Context(), cases, population, w, o)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = got
			}
			if string(got) != string(first) || last != 1111 {
				t.Errorf("%d processors, %d workers: %s\nwant %s", procs, workers, got, first)
			}
		}
		runtime.GOMAXPROCS(old)
	}
	m, _ := EBMoran(t.Context(), cases, population, w, MoranOptions{Permutations: 1111, Seed: 43})
	if got, _ := json.Marshal(m); string(got) == string(first) {
		t.Error("another seed gives the same permutations")
	}
}

func TestMoranMatchesItsDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cases, population := draw(t, 4)
		for i := range population {
			population[i]++
		}
		w, keep := drawWeights(t, len(cases)), rapid.Bool().Draw(t, "keep")
		m, err := EBMoran(t.Context(), cases, population, w, MoranOptions{Permutations: 19, KeepMean: keep})
		if err != nil {
			t.Fatal(err)
		}
		i, ok := m.I.Known()
		if !ok {
			return
		}
		z := make([]float64, len(cases))
		for k, v := range m.Rates.Z {
			z[k] = v.Or(math.NaN())
		}
		if want := brute(z, w, keep); math.Abs(i-want) > 1e-10*max(1, math.Abs(want)) {
			t.Fatalf("I = %v, want %v", i, want)
		}
		if lo, up := m.Lower.Or(9), m.Upper.Or(9); m.AtLeast+m.AtMost < 19 || lo < .05 || up < .05 || m.TwoSided.Or(9) < .1-1e-15 {
			t.Fatalf("p %v, %v, %v of 19 permutations", lo, up, m.TwoSided)
		}
	})
}

func BenchmarkEBMoran9999(b *testing.B) {
	in := table(b, carolina+"input_nc.csv")
	cases, population := numbers(b, in["SID74"]), numbers(b, in["BIR74"])
	w := neighbours(b, carolina+"input_nc_queen.csv", len(cases), true)
	for b.Loop() {
		if _, err := EBMoran(b.Context(), cases, population, w, MoranOptions{Workers: 1}); err != nil {
			b.Fatal(err)
		}
	}
}
