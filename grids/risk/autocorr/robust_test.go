package autocorr

import (
	"context"
	"encoding/binary"
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"syscall"
	"testing"

	"wangge/grids"
	"wangge/grids/risk/stat"
	"wangge/grids/risk/weights"
)

// TestMain lets the property tests check the same maps each time, and leave no files.
func TestMain(m *testing.M) {
	flag.Parse()
	for name, value := range map[string]string{"rapid.seed": "20260131", "rapid.nofailfile": "true"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

func TestBadInput(t *testing.T) {
	four := styled(t, [][]int{{1}, {0, 2}, {1, 3}, {2}}, "B")
	x, nan, inf := []float64{1, 2, 3, 5}, []float64{1, 2, math.NaN(), 4}, []float64{1, math.Inf(1), 2, 3}
	selfish := styled(t, [][]int{{0, 1}, {0}, {1}, {2}}, "B")
	lopsided := matrix(t, [][]weights.Link{{{To: 1, Weight: 1}, {To: 2, Weight: 2}}, {{To: 0, Weight: 1}}, {{To: 0, Weight: 1}}, {{To: 0, Weight: 1}}})
	empty := matrix(t, nil)
	ctx := t.Context()
	for name, tt := range map[string]struct {
		err  error
		says string
	}{
		"no weights":        {fail(Moran(ctx, x, nil, GlobalOptions{})), "no weights"},
		"no weights, local": {fail(LocalG(ctx, x, nil, LocalOptions{})), "no weights"},
		"no weights, star":  {fail(LocalGStar(ctx, x, nil, LocalOptions{})), "no weights"},
		"length":            {fail(LocalMoran(ctx, x[:3], four, LocalOptions{})), "3 values but weights for 4"},
		"nothing":           {fail(LocalMoran(ctx, nil, empty, LocalOptions{})), "at least 3"},
		"nothing, global":   {fail(Geary(ctx, nil, empty, GlobalOptions{})), "at least 4"},
		"NaN":               {fail(LocalGStar(ctx, nan, four, LocalOptions{})), "unit 2"},
		"infinite":          {fail(Geary(ctx, inf, four, GlobalOptions{})), "unit 1"},
		"negative G":        {fail(GeneralG(ctx, []float64{1, 2, -3, 4}, four, GlobalOptions{})), "unit 2"},
		"normal G":          {fail(GeneralG(ctx, x, four, GlobalOptions{Variance: Normality})), "randomisation"},
		"self":              {fail(LocalMoran(ctx, x, selfish, LocalOptions{})), "unit 0"},
		"self, G":           {fail(LocalG(ctx, x, selfish, LocalOptions{})), "unit 0"},
		"self, global":      {fail(Moran(ctx, x, selfish, GlobalOptions{})), "unit 0"},
		"star without self": {fail(LocalGStar(ctx, x, lopsided, LocalOptions{})), "unit 0"},
		"variance":          {fail(Moran(ctx, x, four, GlobalOptions{Variance: 2})), "variance number 2"},
		"alternative":       {fail(Moran(ctx, x, four, GlobalOptions{Alternative: 3})), "alternative"},
		"fold":              {fail(LocalG(ctx, x, four, LocalOptions{Fold: 9})), "fold"},
		"p method":          {fail(LocalG(ctx, x, four, LocalOptions{PMethod: 4})), "p method"},
		"moments":           {fail(LocalG(ctx, x, four, LocalOptions{Moments: 2})), "moments"},
		"alpha":             {fail(LocalG(ctx, x, four, LocalOptions{Alpha: 1})), "alpha"},
		"alpha NaN":         {fail(LocalG(ctx, x, four, LocalOptions{Alpha: math.NaN()})), "alpha"},
		"replicates":        {fail(LocalG(ctx, x, four, LocalOptions{Replicates: -1})), "-1 permutations"},
		"replicates, above": {fail(Moran(ctx, x, four, GlobalOptions{Replicates: 1e9})), "permutations"},
		"workers":           {fail(Moran(ctx, x, four, GlobalOptions{Workers: -1})), "workers"},
		"exact of reals":    {fail(LocalG(ctx, []float64{.1, math.Pi, 2.2, math.E}, four, LocalOptions{PMethod: Exact})), "not counts"},
		"exact, unequal":    {fail(LocalG(ctx, x, lopsided, LocalOptions{PMethod: Exact})), "different weights"},
		"orders":            {fail(Correlogram(ctx, x, []*weights.Matrix{four, nil}, GlobalOptions{})), "no weights"},
	} {
		if grids.KindOf(tt.err) != grids.Invalid || !strings.Contains(tt.err.Error(), tt.says) {
			t.Errorf("%s: %v", name, tt.err)
		}
	}
	big, w := make2(2000), neighboursOf(t, 2000, 300)
	_, err := LocalG(ctx, big, w, LocalOptions{PMethod: Exact})
	if grids.KindOf(err) != grids.Invalid || !strings.Contains(err.Error(), "too many neighbours") {
		t.Errorf("too much work: %v", err)
	}
	if r, err := LocalG(ctx, big, w, LocalOptions{Replicates: 1}); err != nil || r.Meta.Params["permutation_units"] != 2000 ||
		r.Meta.Params["exact_refused"] != tooMuchWork {
		t.Errorf("auto of too much work: %v", err)
	}
}

// neighboursOf gives each of n units the k that follow.
func neighboursOf(t *testing.T, n, k int) *weights.Matrix {
	t.Helper()
	lists := make([][]int, n)
	for i := range n {
		for d := range k {
			lists[i] = append(lists[i], (i+d+1)%n)
		}
	}
	return styled(t, lists, "B")
}

func TestExtremeValues(t *testing.T) {
	_, w := ring(t, 20)
	for name, f := range map[string]func(i int) float64{
		"huge":      func(i int) float64 { return math.MaxFloat64 * float64(i-10) / 10 },
		"tiny":      func(i int) float64 { return 5e-324 * float64(i%3) },
		"big unit":  func(i int) float64 { return math.Pow(10, float64(i*15)) },
		"one":       func(i int) float64 { return float64(i / 19) },
		"far":       func(i int) float64 { return 1e15 + float64(i%4) },
		"both":      func(i int) float64 { return float64(1-2*(i%2)) * math.MaxFloat64 },
		"near":      func(i int) float64 { return math.Nextafter(1, float64(i%2*2)) },
		"two kinds": func(i int) float64 { return float64(i % 2) },
	} {
		x := make([]float64, 20)
		for i := range x {
			x[i] = f(i)
		}
		checkAll(t, name, x, w)
	}
	x := make([]float64, 20) // far from 0, as if near
	for i := range x {
		x[i] = float64(i % 4)
	}
	plain, err := LocalG(t.Context(), x, w, LocalOptions{})
	for i := range x {
		x[i] += 1e15
	}
	moved, err2 := LocalG(t.Context(), x, w, LocalOptions{})
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	for i, u := range plain.Units {
		if v := moved.Units[i]; !near(u.Z, v.Z, 1e-12) || !near(u.P, v.P, 1e-12) {
			t.Errorf("unit %d: %+v, far from 0 %+v", i, u, v)
		}
	}
}

// checkAll runs everything on a map and looks for figures that are none.
func checkAll(t *testing.T, name string, x []float64, w *weights.Matrix) {
	t.Helper()
	ctx := context.Background()
	for _, o := range []GlobalOptions{{Replicates: 3}, {Variance: Normality, KeepIsolates: true}} {
		for _, f := range []func(context.Context, []float64, *weights.Matrix, GlobalOptions) (*GlobalResult, error){Moran, Geary, GeneralG} {
			if r, err := f(ctx, x, w, o); err == nil {
				finite(t, name, r.Statistic, r.E, r.V, r.Z, r.Normal.P)
			} else if grids.KindOf(err) != grids.Invalid {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for _, o := range []LocalOptions{{Replicates: 5}, {PMethod: Permutation, Replicates: 5, Workers: 2},
		{PMethod: Normal, Moments: Total}, {PMethod: Exact, FDR: true}} {
		m, err := LocalMoran(ctx, x, w, o)
		if err != nil && grids.KindOf(err) != grids.Invalid {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			for _, u := range m.Units {
				finite(t, name, u.I, u.E, u.V, u.Z, u.P, u.Lower, u.Upper, u.PAdjusted)
				agrees(t, name, u.Reason, u.Tails, u.Class)
			}
		}
		for _, f := range []func(context.Context, []float64, *weights.Matrix, LocalOptions) (*LocalGResult, error){LocalG, LocalGStar} {
			g, err := f(ctx, x, w, o)
			if err != nil && grids.KindOf(err) != grids.Invalid {
				t.Errorf("%s: %v", name, err)
			}
			if err == nil {
				for _, u := range g.Units {
					finite(t, name, u.Sum, u.E, u.V, u.Z, u.P, u.Lower, u.Upper, u.PAdjusted)
					agrees(t, name, u.Reason, u.Tails, u.Class)
				}
			}
		}
	}
}

// finite reports figures that are not finite.
func finite(t *testing.T, name string, values ...stat.Value) {
	t.Helper()
	for i, v := range values {
		if n, ok := v.Known(); ok && (math.IsNaN(n) || math.IsInf(n, 0)) {
			t.Errorf("%s: figure %d is %v", name, i, n)
		}
	}
}

// agrees reports a unit whose reason, p and class do not go together.
func agrees(t *testing.T, name string, why stat.Reason, p Tails, c Class) {
	t.Helper()
	n, ok := p.P.Known()
	if (why != "" && ok) || (!ok && c != Insufficient) || (ok && !(n > 0 && n <= 1)) {
		t.Errorf("%s: reason %q with p %v (%s) and class %v", name, why, p.P, p.P.Reason(), c)
	}
}

// FuzzAutocorrelation makes values and weights of any bytes: nothing may panic, and no figure be NaN or infinite.
func FuzzAutocorrelation(f *testing.F) {
	for n := range 5 {
		f.Add(make([]byte, 9*n), uint64(n), uint8(n))
	}
	r, raw := rand.New(rand.NewPCG(1, 1)), make([]byte, 160)
	for i := range raw {
		raw[i] = byte(r.Uint32())
	}
	f.Add(raw, uint64(77), uint8(7))
	f.Add(raw[:96], uint64(5), uint8(1))
	f.Fuzz(func(t *testing.T, raw []byte, seed uint64, kind uint8) {
		n := min(len(raw)/8, 20)
		x, rows, r := make([]float64, n), make([][]weights.Link, n), rand.New(rand.NewPCG(seed, 1))
		for i := range n {
			x[i] = math.Float64frombits(binary.LittleEndian.Uint64(raw[8*i:]))
			if kind&1 != 0 {
				x[i] = float64(int8(raw[8*i]))
			}
			for j := range n {
				if (i != j || kind&2 != 0) && r.IntN(3) == 0 {
					rows[i] = append(rows[i], weights.Link{To: j, Weight: 1})
					if kind&4 != 0 {
						rows[i][len(rows[i])-1].Weight = math.Ldexp(r.Float64()-.3, r.IntN(600)-300)
					}
				}
			}
		}
		checkAll(t, "fuzz", x, matrix(t, rows))
	})
}

// ring gives each of n units six neighbours, and values without ties.
func ring(tb testing.TB, n int) ([]float64, *weights.Matrix) {
	tb.Helper()
	lists, x, r := make([][]int, n), make([]float64, n), rand.New(rand.NewPCG(1, 2))
	for i := range n {
		x[i] = r.NormFloat64()
		for _, d := range []int{1, 2, 3} {
			lists[i] = append(lists[i], (i+d)%n, (i+n-d)%n)
		}
	}
	return x, styled(tb, lists, "W")
}

// user is the CPU seconds that the process has used.
func user() float64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Utime.Sec) + float64(u.Utime.Usec)/1e6
}

// benchmarkMoran is the local Moran of n units with 999 permutations.
func benchmarkMoran(b *testing.B, n int) {
	x, w := ring(b, n)
	b.ReportAllocs()
	from := user()
	for b.Loop() {
		if _, err := LocalMoran(b.Context(), x, w, LocalOptions{Replicates: 999, Seed: 1}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric((user()-from)/float64(b.N), "user-s/op")
}

func BenchmarkLocalMoran351(b *testing.B)    { benchmarkMoran(b, 351) }
func BenchmarkLocalMoran10000(b *testing.B)  { benchmarkMoran(b, 10_000) }
func BenchmarkLocalMoran100000(b *testing.B) { benchmarkMoran(b, 100_000) }

// BenchmarkManyNeighbours is 3,108 units of 1,000 neighbours each, with few permutations.
func BenchmarkManyNeighbours(b *testing.B) {
	const n, k, replicates = 3108, 1000, 19
	lists, x, r := make([][]int, n), make([]float64, n), rand.New(rand.NewPCG(1, 2))
	for i := range n {
		x[i] = r.NormFloat64()
		for d := 1; d <= k/2; d++ {
			lists[i] = append(lists[i], (i+d)%n, (i+n-d)%n)
		}
	}
	w, from := styled(b, lists, "W"), user()
	for b.Loop() {
		if _, err := LocalMoran(b.Context(), x, w, LocalOptions{Replicates: replicates, Seed: 1}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric((user()-from)*1e9/float64(b.N)/(n*k*replicates), "user-ns/draw")
}

// BenchmarkExact351 is the exact p of 351 small counts.
func BenchmarkExact351(b *testing.B) {
	_, w := ring(b, 351)
	x, r := make([]float64, 351), rand.New(rand.NewPCG(3, 4))
	for i := range x {
		x[i] = float64(int(r.ExpFloat64() * 8))
	}
	from := user()
	for b.Loop() {
		if _, err := LocalG(b.Context(), x, w, LocalOptions{PMethod: Exact}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric((user()-from)/float64(b.N), "user-s/op")
}
