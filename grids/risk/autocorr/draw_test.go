package autocorr

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"wangge/grids"
	"wangge/grids/risk/stat"
	"wangge/grids/risk/weights"
)

func subsets(list []int, k int, f func([]int)) {
	var walk func(from int, got []int)
	walk = func(from int, got []int) {
		if len(got) == k {
			f(got)
			return
		}
		for i := from; i < len(list); i++ {
			walk(i+1, append(got, list[i]))
		}
	}
	walk(0, nil)
}

func TestExactIsEnumeration(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(3, 9).Draw(t, "n")
		step := rapid.SampledFrom([]float64{1, .1, 1. / 3, 250}).Draw(t, "step")
		sign := rapid.SampledFrom([]float64{1, -2}).Draw(t, "weight")
		c, x, rows := make([]int, n), make([]float64, n), make([][]weights.Link, n)
		for i := range n {
			c[i] = rapid.IntRange(0, 5).Draw(t, "count")
			x[i] = float64(c[i]) * step
			for j := range n {
				if i != j && rapid.Bool().Draw(t, "near") {
					rows[i] = append(rows[i], weights.Link{To: j, Weight: sign})
				}
			}
		}
		got, err := LocalG(context.Background(), x, must(t, rows), LocalOptions{PMethod: Exact})
		if err != nil {
			t.Fatal(err)
		}
		for i, u := range got.Units {
			if u.Reason != "" {
				continue
			}
			var others []int
			for j := range n {
				if j != i {
					others = append(others, j)
				}
			}
			sum, less, more, all := 0, 0.0, 0.0, 0.0
			for _, l := range rows[i] {
				sum += c[l.To]
			}
			subsets(others, len(rows[i]), func(s []int) {
				d := -sum
				for _, j := range s {
					d += c[j]
				}
				all++
				if d*int(sign) <= 0 {
					less++
				}
				if d*int(sign) >= 0 {
					more++
				}
			})
			if math.Abs(u.Lower.Or(9)-less/all) > 1e-12 || math.Abs(u.Upper.Or(9)-more/all) > 1e-12 {
				t.Errorf("unit %d of %v: P≤ %v and P≥ %v, by enumeration %v and %v", i, x, u.Lower, u.Upper, less/all, more/all)
			}
		}
	})
}

func TestPermutationIsExact(t *testing.T) {
	const replicates = 5_000
	r := rand.New(rand.NewPCG(5, 6))
	for _, n := range []int{6, 12, 61, 400, 1500, 5000} {
		lists, x := make([][]int, n), make([]float64, n)
		for i := range n {
			x[i] = float64(r.IntN(4) * r.IntN(3))
			for _, j := range r.Perm(n)[:1+i%min(12, n-2)] {
				if j != i && i < 40 {
					lists[i] = append(lists[i], j)
				}
			}
		}
		w := styled(t, lists, "B")
		exact, err := LocalG(t.Context(), x, w, LocalOptions{PMethod: Exact})
		drawn, err2 := LocalG(t.Context(), x, w, LocalOptions{PMethod: Permutation, Replicates: replicates, Seed: 7})
		rough := make([]float64, n)
		for i, v := range x {
			rough[i] = math.Pi * v
		}
		real, err3 := rounded(t, rough, w, replicates, 8)
		if err != nil || err2 != nil || err3 != nil {
			t.Fatal(err, err2, err3)
		}
		for i, u := range exact.Units {
			for _, d := range []GUnit{drawn.Units[i], real[i]} {
				if u.Reason != "" {
					continue
				}
				for _, p := range [][2]float64{{u.Lower.Or(9), d.Lower.Or(-9)}, {u.Upper.Or(9), d.Upper.Or(-9)}} {
					if math.Abs(p[0]-p[1]) > 4.5*math.Sqrt(p[0]*(1-p[0])/replicates)+1./replicates {
						t.Errorf("n %d, unit %d with %d neighbours: p %v, exact %v", n, i, len(lists[i]), p[1], p[0])
					}
				}
			}
		}
	}
}

func TestPermutationOfUnequalWeights(t *testing.T) {
	const replicates = 40_000
	x := []float64{3, 1, 4, 1, 5, 9, 2}
	rows := make([][]weights.Link, len(x))
	rows[0] = []weights.Link{{To: 1, Weight: 2}, {To: 5, Weight: .5}, {To: 6, Weight: -1}}
	got, err := LocalG(t.Context(), x, matrix(t, rows), LocalOptions{Replicates: replicates, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	sum, less, more, all := 2*1+.5*9-2, 0.0, 0.0, 0.0
	for a := 1; a < 7; a++ {
		for b := 1; b < 7; b++ {
			for c := 1; c < 7; c++ {
				if a == b || a == c || b == c {
					continue
				}
				d := 2*x[a] + .5*x[b] - x[c] - sum
				all++
				if d <= 1e-9 {
					less++
				}
				if d >= -1e-9 {
					more++
				}
			}
		}
	}
	u := got.Units[0]
	if u.PMethod != Permutation || math.Abs(u.Lower.Or(9)-less/all) > .01 || math.Abs(u.Upper.Or(9)-more/all) > .01 {
		t.Errorf("P≤ %v and P≥ %v, by enumeration %v and %v", u.Lower, u.Upper, less/all, more/all)
	}
}

func TestGlobalPermutation(t *testing.T) {
	lists, x := neighbours(t, columbus, "input_queen_neighbours.csv", 49), attribute(t, "CRIME")
	w := styled(t, lists, "W")
	for name, f := range map[string]func(context.Context, []float64, *weights.Matrix, GlobalOptions) (*GlobalResult, error){
		"Moran": Moran, "Geary": Geary, "G": GeneralG} {
		o := GlobalOptions{Replicates: 1999, Seed: 4, Alternative: Greater}
		r, err := f(t.Context(), x, w, o)
		if err != nil || r.Permutation.P.Or(1) > .003 || r.Permutation.Lower.Or(0) < .99 {
			t.Errorf("%s: %+v, %v", name, r.Permutation, err)
		}
		flat := make([]float64, len(x)) // few distinct values: all ties
		flat[0], flat[20] = 1, 1
		r, err = f(t.Context(), flat, w, o)
		if err != nil || r.Permutation.Lower.Or(0)+r.Permutation.Upper.Or(0) < 1 {
			t.Errorf("%s: ties are not in both tails: %+v, %v", name, r.Permutation, err)
		}
	}
	if _, err := Correlogram(t.Context(), x, nil, GlobalOptions{}); grids.KindOf(err) != grids.Invalid {
		t.Errorf("a correlogram of nothing: %v", err)
	}
}

func TestReplicatesMustBeAbleToReject(t *testing.T) {
	x, w := ring(t, 351)
	_, err := LocalMoran(t.Context(), x, w, LocalOptions{FDR: true, Replicates: 9999})
	if grids.KindOf(err) != grids.Invalid || !strings.Contains(err.Error(), "14039 are enough") {
		t.Errorf("9999 replicates for 351 two-sided tests: %v", err)
	}
	for _, tt := range []struct {
		o    LocalOptions
		want int
	}{
		{LocalOptions{}, 999}, {LocalOptions{FDR: true}, 14039}, {LocalOptions{FDR: true, Fold: Folded}, 9999},
		{LocalOptions{FDR: true, Alternative: Greater, Replicates: 7019}, 7019}, {LocalOptions{Replicates: 99}, 99},
	} {
		r, err := LocalMoran(t.Context(), x, w, tt.o)
		if err != nil || r.Meta.Params["replicates"] != tt.want {
			t.Errorf("%+v: %v, %v", tt.o, r, err)
		}
	}
	if _, err := LocalMoran(t.Context(), x, w, LocalOptions{FDR: true, Alternative: Greater, Replicates: 7018}); grids.KindOf(err) != grids.Invalid {
		t.Errorf("7018 replicates: %v", err)
	}
}

// The words are those of the authors' own program for the state 1, 2; a unit's stream begins with words of the house's source.
func TestStreamIsXoroshiro(t *testing.T) {
	s := stream{1, 2}
	for i, want := range []uint64{393217, 669327710093319, 1732421326133921491, 11394790081659126983, 9555452776773192676, 3586421180005889563, 1691397964866707553,
		10735626796753111697, 15216282715349408991, 14247243556711267923} {
		var got uint64
		if got, s = s.next(); got != want {
			t.Errorf("word %d is %d, want %d", i, got, want)
		}
	}
	var h hand
	for unit := range 5 {
		src := stat.Source(12, uint64(unit))
		h.seat(12, unit)
		if want := (stream{src.Uint64(), src.Uint64()}); h.stream != want {
			t.Errorf("unit %d begins with %v, want %v", unit, h.stream, want)
		}
	}
}

func TestRejectedWords(t *testing.T) {
	for _, tt := range [][2]uint64{{99_999, 3}, {350, 7}, {7, 8}, {2, 1}, {1 << 20, 3}, {12_345, 2}} {
		p := new(big.Int).Exp(new(big.Int).SetUint64(tt[0]), new(big.Int).SetUint64(tt[1]), nil)
		want := new(big.Int).Mod(new(big.Int).Lsh(big.NewInt(1), 64), p)
		if got := rejected(tt[0], tt[1]); got != want.Uint64() {
			t.Errorf("2^64 mod %d^%d is %d, want %d", tt[0], tt[1], got, want)
		}
	}
}

func TestLoopsDrawEachPositionOnce(t *testing.T) {
	const replicates = 40_000
	loops := []func(*hand) int{1: (*hand).one, (*hand).two, (*hand).three, (*hand).four, (*hand).five, (*hand).six, (*hand).seven, (*hand).eight}
	for k := 1; k < len(loops); k++ {
		m := max(2, k*(k-1))
		for _, split := range []bool{false, true} {
			for _, marked := range []int{0, m - 1} {
				h := hand{m: uint64(m), reps: replicates, code: make([]uint16, m+1), k: k, split: split, split6: split}
				h.code[marked] = 1
				h.seat(uint64(k), marked)
				h.start = -1
				drawn := float64(replicates-loops[k](&h)) / replicates
				if p := float64(k) / float64(m); math.Abs(drawn-p) > 5*math.Sqrt(p*(1-p)/replicates) {
					t.Errorf("%d of %d: position %d is drawn %v of the time, want %v", k, m, marked, drawn, p)
				}
				h.start = -2
				if once := loops[k](&h); once != replicates {
					t.Errorf("%d of %d: position %d is drawn twice %d times", k, m, marked, replicates-once)
				}
			}
		}
	}
}

func TestFold(t *testing.T) {
	for _, tt := range []struct {
		lower, upper float64
		f            Fold
		replicates   int
		want         float64
	}{
		{.3, .8, Doubled, 0, .6}, {.7, .8, Doubled, 0, 1}, {.3, .8, Folded, 0, .3}, {.3, .8, GeoDa, 0, .2}, {1, .2, GeoDa, 0, .2},
		{1, 1, GeoDa, 0, 0}, {.06, .951, GeoDa, 999, .05}, {.06, 1, GeoDa, 999, .001}, {.96, .05, GeoDa, 999, .05},
	} {
		if got := fold(tt.lower, tt.upper, tt.f, tt.replicates); math.Abs(got-tt.want) > 1e-15 {
			t.Errorf("fold(%v, %v, %v, %d) = %v, want %v", tt.lower, tt.upper, tt.f, tt.replicates, got, tt.want)
		}
	}
}

func TestSameBytes(t *testing.T) {
	x, w := ring(t, 700)
	rough := make([][]weights.Link, 700)
	for i := range rough {
		to, _ := w.Row(i)
		for at, j := range to {
			rough[i] = append(rough[i], weights.Link{To: int(j), Weight: 1 / float64(1+at%(1+i%3))})
		}
	}
	unequal := matrix(t, rough)
	var first [4]string
	for _, tt := range []struct{ procs, workers int }{{1, 0}, {2, 1}, {4, 3}, {2, 16}} {
		before := runtime.GOMAXPROCS(tt.procs)
		a, err := LocalMoran(t.Context(), x, w, LocalOptions{Replicates: 199, Seed: 9, Workers: tt.workers})
		b, err2 := LocalMoran(t.Context(), x, unequal, LocalOptions{Replicates: 49, Seed: 9, Workers: tt.workers})
		c, err3 := Moran(t.Context(), x, w, GlobalOptions{Replicates: 199, Seed: 9, Workers: tt.workers})
		d, err4 := LocalMoran(t.Context(), x, w, LocalOptions{Replicates: 199, Seed: 10, Workers: tt.workers})
		runtime.GOMAXPROCS(before)
		if err := errors.Join(err, err2, err3, err4); err != nil {
			t.Fatal(err)
		}
		for i, r := range []any{a, b, c, d} {
			raw, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			if first[i] == "" {
				first[i] = string(raw)
			}
			if first[i] != string(raw) {
				t.Errorf("result %d differs with %d workers on %d threads", i, tt.workers, tt.procs)
			}
		}
		if first[0] == first[3] {
			t.Error("another seed gives the same")
		}
	}
}
