package autocorr

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"wangge/grids/risk/stat"
	"wangge/grids/risk/weights"
)

// near reports whether two figures agree within a tolerance, absolute below 1 and relative above, or lack for the same reason.
func near(a, b stat.Value, tolerance float64) bool {
	x, known := a.Known()
	y, same := b.Known()
	if !known || !same {
		return a.Reason() == b.Reason()
	}
	return math.Abs(x-y) <= tolerance*max(1, math.Abs(x), math.Abs(y))
}

// drawMap draws values and weights of a map: counts or reals, weights equal in the row, symmetric or any, with isolates.
func drawMap(t *rapid.T) ([]float64, [][]weights.Link) {
	n := rapid.IntRange(3, 14).Draw(t, "n")
	counts, kind := rapid.Bool().Draw(t, "counts"), rapid.IntRange(0, 2).Draw(t, "weights")
	x, rows := make([]float64, n), make([][]weights.Link, n)
	for i := range n {
		x[i] = math.Round(rapid.Float64Range(-50, 50).Draw(t, "x")*4096) / 4096
		if counts {
			x[i] = float64(rapid.IntRange(0, 6).Draw(t, "count"))
		}
		w := rapid.Float64Range(.1, 4).Draw(t, "row weight")
		for j := range n {
			if i == j || rapid.IntRange(0, 2).Draw(t, "near") > 0 {
				continue
			}
			if kind == 2 {
				w = rapid.Float64Range(-1, 3).Draw(t, "weight")
			}
			rows[i] = append(rows[i], weights.Link{To: j, Weight: w})
		}
	}
	return x, rows
}

// must is a matrix of rows in a property test.
func must(t *rapid.T, rows [][]weights.Link) *weights.Matrix {
	m, err := weights.New(rows)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestLocalMoranIsSignedG(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, rows := drawMap(t)
		w := must(t, rows)
		m, err := LocalMoran(context.Background(), x, w, LocalOptions{PMethod: Normal})
		g, err2 := LocalG(context.Background(), x, w, LocalOptions{PMethod: Normal})
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		mean := 0.0
		for _, v := range x {
			mean += v / float64(len(x))
		}
		for i, u := range m.Units {
			if u.Reason == stat.AtMean {
				continue
			}
			want := g.Units[i].Z
			if z, ok := want.Known(); ok && x[i] < mean {
				want = stat.Of(-z)
			}
			if !near(u.Z, want, 1e-9) {
				t.Errorf("unit %d of %v: z of I %v (%s), of G %v (%s)", i, x, u.Z, u.Z.Reason(), want, want.Reason())
			}
		}
	})
}

func TestLocalMoranSumsToGlobal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, rows := drawMap(t)
		if len(x) < 4 {
			return
		}
		w := must(t, rows)
		local, err := LocalMoran(context.Background(), x, w, LocalOptions{PMethod: Normal})
		global, err2 := Moran(context.Background(), x, w, GlobalOptions{KeepIsolates: true})
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		i, ok := global.Statistic.Known()
		if !ok {
			return
		}
		sum, s0, size := 0.0, 0.0, 1.0
		for at, u := range local.Units {
			sum += u.I.Or(0)
			size += math.Abs(u.I.Or(0))
			for _, l := range rows[at] {
				s0 += l.Weight
			}
		}
		if math.Abs(sum-i*s0) > 1e-9*size {
			t.Errorf("the local I sum to %v, I·S0 is %v", sum, i*s0)
		}
	})
}

func TestInvariantUnderScaleAndOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, rows := drawMap(t)
		for i := range rows { // Gi* needs one weight in the row
			for at := range rows[i] {
				rows[i][at].Weight = 1
			}
		}
		a, b := rapid.Float64Range(.01, 100).Draw(t, "a"), rapid.Float64Range(-100, 100).Draw(t, "b")
		n := len(x)
		order := rapid.Permutation(slices.Collect(seq(n))).Draw(t, "order")
		scaled, moved, movedRows := make([]float64, n), make([]float64, n), make([][]weights.Link, n)
		for i, v := range x {
			scaled[i], moved[order[i]] = a*v+b, v
			for _, l := range rows[i] {
				movedRows[order[i]] = append(movedRows[order[i]], weights.Link{To: order[l.To], Weight: l.Weight})
			}
		}
		w, o := must(t, rows), LocalOptions{}
		counts := !slices.ContainsFunc(x, func(v float64) bool { return v != math.Trunc(v) })
		if !counts {
			o.PMethod = Normal
		}
		plain, err := LocalGStar(context.Background(), x, w, o)
		linear, err2 := LocalGStar(context.Background(), scaled, w, LocalOptions{PMethod: Normal})
		other, err3 := LocalGStar(context.Background(), moved, must(t, movedRows), o)
		if err != nil || err2 != nil || err3 != nil {
			t.Fatal(err, err2, err3)
		}
		for i, u := range plain.Units {
			if !near(u.Z, linear.Units[i].Z, 1e-9) {
				t.Errorf("unit %d of %v: z %v, of %v·x + %v %v", i, x, u.Z, a, b, linear.Units[i].Z)
			}
			v := other.Units[order[i]]
			if !near(u.Z, v.Z, 1e-9) || !near(u.Lower, v.Lower, 1e-12) || !near(u.Upper, v.Upper, 1e-12) || u.Class != v.Class {
				t.Errorf("unit %d of %v: %+v, in another order %+v", i, x, u, v)
			}
		}
	})
}

// seq is 0 to n−1.
func seq(n int) func(func(int) bool) {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

// subsets calls f for every k-subset of the list.
// TestPermutationIsExact holds every way of drawing against exact probabilities.
// TestPermutationOfUnequalWeights holds general weights against the enumeration of all orders.
// TestByHand has five units in a line, worked out on paper.
func TestByHand(t *testing.T) {
	x := []float64{1, 2, 3, 4, 10} // mean 4, z −3 −2 −1 0 6, Σz² 50, m2 10
	w := styled(t, [][]int{{1}, {0, 2}, {1, 3}, {2, 4}, {3}}, "B")
	m, err := LocalMoran(t.Context(), x, w, LocalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{.6, .8, .2, 0, 0} {
		if !near(m.Units[i].I, stat.Of(want), 1e-14) {
			t.Errorf("I of %d is %v, want %v", i, m.Units[i].I, want)
		}
	}
	if u := m.Units[3]; u.Reason != stat.AtMean || u.P.Reason() != stat.AtMean || u.Class != Insufficient || u.Quadrant != NoQuadrant {
		t.Errorf("the unit at the mean is %+v", u)
	}
	if u := m.Units[4]; u.Quadrant != NoQuadrant || u.Class != NotSignificant || u.Reason != "" {
		t.Errorf("the unit with its neighbour at the mean is %+v", u)
	}
	if u := m.Units[0]; u.Quadrant != LowLow || !near(u.Upper, stat.Of(.25), 1e-14) || !near(u.Lower, stat.Of(1), 1e-14) || !near(u.P, stat.Of(.5), 1e-14) {
		t.Errorf("unit 0 is %+v", u) // its neighbour has the smallest of the four others, so the largest I
	}
	g, err := Moran(t.Context(), x, w, GlobalOptions{}) // I = 5/8 · 2(6+2+0+0)/50
	if err != nil || !near(g.Statistic, stat.Of(.2), 1e-14) || !near(g.E, stat.Of(-.25), 1e-14) {
		t.Errorf("I is %v, %v", g.Statistic, err)
	}
	c, err := Geary(t.Context(), x, w, GlobalOptions{}) // C = 4/(2·8) · 2(1+1+1+36)/50
	if err != nil || !near(c.Statistic, stat.Of(.39), 1e-14) {
		t.Errorf("C is %v, %v", c.Statistic, err)
	}
	b, err := GeneralG(t.Context(), x, w, GlobalOptions{}) // 2(2+6+12+40)/(400−130)
	if err != nil || !near(b.Statistic, stat.Of(120./270), 1e-14) {
		t.Errorf("G is %v, %v", b.Statistic, err)
	}
	s, err := LocalGStar(t.Context(), x, w, LocalOptions{}) // (3 − 2·4)/√(10·(5·2−4)/4)
	if err != nil || !near(s.Units[0].Z, stat.Of(-5/math.Sqrt(15)), 1e-14) || !near(s.Units[0].V, stat.Of(15), 1e-14) {
		t.Errorf("G* is %+v, %v", s.Units[0], err)
	}
}

func TestUndefined(t *testing.T) {
	full := styled(t, [][]int{{1, 2, 3}, {0, 2, 3}, {0, 1, 3}, {0, 1}}, "B")
	islet := styled(t, [][]int{{1}, {0, 2}, {1}, {}}, "B")
	for _, tt := range []struct {
		name string
		x    []float64
		w    *weights.Matrix
		unit int
		why  stat.Reason
	}{
		{"constant", []float64{2, 2, 2, 2}, full, 0, stat.Constant},
		{"isolate", []float64{1, 2, 3, 4}, islet, 3, stat.Isolate},
		{"all units", []float64{1, 2, 3, 5}, full, 0, stat.AllUnits},
		{"all others equal", []float64{7, 7, 9, 7}, islet, 2, stat.Constant},
		{"all equal but the first", []float64{9, 7, 7, 7}, islet, 0, stat.Constant},
	} {
		for _, method := range []PMethod{Auto, Exact, Permutation, Normal} {
			m, err := LocalMoran(t.Context(), tt.x, tt.w, LocalOptions{PMethod: method})
			g, err2 := LocalG(t.Context(), tt.x, tt.w, LocalOptions{PMethod: method})
			if err != nil || err2 != nil {
				t.Fatal(tt.name, err, err2)
			}
			u, v := m.Units[tt.unit], g.Units[tt.unit]
			if u.Reason != tt.why || u.Z.Reason() != tt.why || u.P.Reason() != tt.why || u.PAdjusted.Reason() != tt.why || u.Class != Insufficient {
				t.Errorf("%s: local Moran is %+v", tt.name, u)
			}
			if v.Reason != tt.why || v.Z.Reason() != tt.why || v.P.Reason() != tt.why || v.PAdjusted.Reason() != tt.why || v.Class != Insufficient {
				t.Errorf("%s: Gi is %+v", tt.name, v)
			}
			if g.Meta.Dropped[tt.why] == 0 || g.Meta.Used+total4(g.Meta.Dropped) != 4 {
				t.Errorf("%s: used %d, dropped %v", tt.name, g.Meta.Used, g.Meta.Dropped)
			}
		}
	}
	s, err := LocalGStar(t.Context(), []float64{1, 2, 3, 5}, full, LocalOptions{})
	if err != nil || s.Units[0].Z.Reason() != stat.AllUnits || s.Units[3].Reason != "" {
		t.Errorf("Gi* over all units: %+v, %v", s.Units[0], err)
	}
}

// total4 is the sum of the counts.
func total4(m map[stat.Reason]int) (sum int) {
	for _, c := range m {
		sum += c
	}
	return sum
}

func TestUndefinedGlobal(t *testing.T) {
	lonely := styled(t, make([][]int, 5), "B")
	line := styled(t, [][]int{{1}, {0, 2}, {1, 3}, {2, 4}, {3}}, "B")
	pairs := styled(t, [][]int{{1}, {0, 2}, {1}, {}, {}}, "B")
	steady, some := []float64{3, 3, 3, 3, 3}, []float64{1, 2, 3, 4, 6}
	for name, f := range map[string]func(context.Context, []float64, *weights.Matrix, GlobalOptions) (*GlobalResult, error){
		"Moran": Moran, "Geary": Geary, "G": GeneralG} {
		o := GlobalOptions{Replicates: 9}
		if r, err := f(t.Context(), steady, line, o); err != nil || r.Statistic.Reason() != stat.Constant || r.Permutation.P.Reason() != stat.Constant {
			t.Errorf("%s of equal values: %+v, %v", name, r, err)
		}
		if r, err := f(t.Context(), some, lonely, o); err != nil || r.Z.Reason() != stat.Isolate || r.Normal.P.Reason() != stat.Isolate {
			t.Errorf("%s without neighbours: %+v, %v", name, r, err)
		}
		r, err := f(t.Context(), some, pairs, o)
		if err != nil || r.Statistic.Reason() != "" || r.V.Reason() != stat.TooFew || r.Meta.Dropped[stat.Isolate] != 2 || r.Meta.Used != 3 {
			t.Errorf("%s with two isolates of five: %+v, %v", name, r, err)
		}
	}
	if r, err := GeneralG(t.Context(), []float64{0, 0, 5, 0, 0}, line, GlobalOptions{}); err != nil || r.Statistic.Reason() != stat.TooFew {
		t.Errorf("G of one positive value: %+v, %v", r, err)
	}
	for n := 4; n < 60; n += 5 { // a map in which all are neighbours has one I
		lists, x := make([][]int, n), make([]float64, n)
		for i := range n {
			x[i] = float64(i*i%17) + .1*float64(i)
			for j := range n {
				if i != j {
					lists[i] = append(lists[i], j)
				}
			}
		}
		for _, v := range []Variance{Randomisation, Normality} {
			if r, err := Moran(t.Context(), x, styled(t, lists, "W"), GlobalOptions{Variance: v}); err != nil ||
				r.Z.Reason() != stat.AllUnits || !near(r.Statistic, r.E, 1e-12) {
				t.Errorf("I of %d units that are all neighbours: %+v, %v", n, r, err)
			}
		}
	}
}

func TestClasses(t *testing.T) {
	_, w := ring(t, 200)
	x := make([]float64, 200)
	for i := range x {
		x[i] = 20 + float64(i*7%5)
		if i >= 50 && i < 60 {
			x[i] += 30
		}
		if i >= 100 && i < 110 {
			x[i] -= 20
		}
	}
	x[150] = 60 // high among low
	for _, fdr := range []bool{false, true} {
		g, err := LocalGStar(t.Context(), x, w, LocalOptions{FDR: fdr})
		m, err2 := LocalMoran(t.Context(), x, w, LocalOptions{FDR: fdr})
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		if a, b := g.Units[55], g.Units[105]; a.Class != Hot99 || b.Class != Cold99 || a.PAdjusted.Or(0) < a.P.Or(1) {
			t.Errorf("hot %+v, cold %+v", a, b)
		}
		if a, b := m.Units[55], m.Units[105]; a.Class != ClassHighHigh || b.Class != ClassLowLow {
			t.Errorf("high %+v, low %+v", a, b)
		}
		if m.Meta.Used != 200 || m.Meta.Params["exact_units"] != 200 || m.Meta.Seed != 0 {
			t.Errorf("%+v", m.Meta)
		}
	}
	raw, err := json.Marshal(struct {
		M MoranUnit
		G GUnit
	}{})
	if err != nil || !strings.Contains(string(raw), `"p_lower":0`) || !strings.Contains(string(raw), `"class":"insufficient"`) {
		t.Errorf("%s, %v", raw, err)
	}
}

// TestLoopsDrawEachPositionOnce marks one position and counts how often it is drawn: k/m of the time, and never twice.
func TestCancelAndProgress(t *testing.T) {
	x, w := ring(t, 600)
	ctx, cancel := context.WithCancel(t.Context())
	calls := 0
	_, err := LocalMoran(ctx, x, w, LocalOptions{Progress: func(done, total int) {
		calls++
		if total != 600 || done < 1 || done > total {
			t.Errorf("progress %d of %d", done, total)
		}
		cancel()
	}})
	if !errors.Is(err, context.Canceled) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
	for name, err := range map[string]error{
		"moran": fail(Moran(ctx, x, w, GlobalOptions{Replicates: 9})), "local": fail(LocalG(ctx, x, w, LocalOptions{})),
		"exact": fail(LocalGStar(ctx, make2(600), w, LocalOptions{})), "normal": fail(LocalG(ctx, x, w, LocalOptions{PMethod: Normal})),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s of an ended context: %v", name, err)
		}
	}
}

// make2 is n counts.
func make2(n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(i % 7)
	}
	return x
}

// fail is the error of a call.
func fail[T any](_ T, err error) error { return err }
