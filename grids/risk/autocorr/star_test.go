package autocorr

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"wangge/grids"
	"wangge/grids/risk/stat"
	"wangge/grids/risk/weights"
)

// The p of Gi* with a total draw is that of all subsets of all units, and its mean and variance are E and V.
func TestTotalDrawIsEnumeration(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(3, 8).Draw(t, "n")
		inMatrix := rapid.Bool().Draw(t, "self in the matrix")
		c, x, rows, all := make([]int, n), make([]float64, n), make([][]weights.Link, n), make([]int, n)
		for i := range n {
			c[i], all[i] = rapid.IntRange(0, 4).Draw(t, "count"), i
			x[i] = float64(c[i])
			for j := range n {
				if i != j && rapid.Bool().Draw(t, "near") {
					rows[i] = append(rows[i], weights.Link{To: j, Weight: 1})
				}
			}
			if inMatrix && len(rows[i]) > 0 {
				rows[i] = append(rows[i], weights.Link{To: i, Weight: 1})
			}
		}
		got, err := LocalGStar(t.Context(), x, must(t, rows), LocalOptions{PMethod: Exact, StarDraw: Total})
		if err != nil {
			t.Fatal(err)
		}
		for i, u := range got.Units {
			size, sum := 1, c[i]
			for _, l := range rows[i] {
				if l.To != i {
					size++
					sum += c[l.To]
				}
			}
			var less, more, count, mean, square float64
			subsets(all, size, func(s []int) {
				d := 0
				for _, j := range s {
					d += c[j]
				}
				count, mean, square = count+1, mean+float64(d), square+float64(d*d)
				if d <= sum {
					less++
				}
				if d >= sum {
					more++
				}
			})
			mean /= count
			variance := square/count - mean*mean
			if (u.Reason == "") != (size > 1 && variance > 1e-9) {
				t.Errorf("unit %d of %v with %d drawn: reason %q", i, x, size, u.Reason)
			}
			if u.Reason != "" {
				continue
			}
			if math.Abs(u.Lower.Or(9)-less/count) > 1e-12 || math.Abs(u.Upper.Or(9)-more/count) > 1e-12 {
				t.Errorf("unit %d of %v: P≤ %v and P≥ %v, by enumeration %v and %v", i, x, u.Lower, u.Upper, less/count, more/count)
			}
			if math.Abs(u.E.Or(-9)-mean) > 1e-9 || math.Abs(u.V.Or(-9)-variance) > 1e-9 {
				t.Errorf("unit %d of %v: E %v and V %v, by enumeration %v and %v", i, x, u.E, u.V, mean, variance)
			}
		}
	})
}

// Permutation draws what the exact p is of, with any number of neighbours, and with weights that differ.
func TestTotalDrawByPermutation(t *testing.T) {
	const n, replicates = 60, 20_000
	x, lists := make([]float64, n), make([][]int, n)
	for i := range n {
		x[i] = float64(i * i % 7)
		for k := range i % 12 {
			lists[i] = append(lists[i], (i+1+3*k)%n)
		}
	}
	w := styled(t, lists, "B")
	exact, err := LocalGStar(t.Context(), x, w, LocalOptions{StarDraw: Total})
	drawn, err2 := LocalGStar(t.Context(), x, w, LocalOptions{StarDraw: Total, PMethod: Permutation, Replicates: replicates, Seed: 3})
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	if exact.Meta.Params["star_draw"] != "total" {
		t.Errorf("the result says %v", exact.Meta.Params)
	}
	for i, u := range exact.Units {
		if len(lists[i]) == 0 {
			if u.Reason != stat.Isolate {
				t.Errorf("unit %d without neighbours: %q", i, u.Reason)
			}
			continue
		}
		asDrawn(t, "upper", drawn.Units[i].Upper.Or(-9), u.Upper.Or(9), replicates)
		asDrawn(t, "lower", drawn.Units[i].Lower.Or(-9), u.Lower.Or(9), replicates)
	}

	rows := make([][]weights.Link, n)
	rows[0] = []weights.Link{{To: 0, Weight: 2}, {To: 6, Weight: 1}}
	two, err := weights.New(rows)
	if err != nil {
		t.Fatal(err)
	}
	uneven, err := LocalGStar(t.Context(), x, two, LocalOptions{StarDraw: Total, PMethod: Permutation, Replicates: replicates, Seed: 4})
	if err != nil {
		t.Fatal(err)
	}
	more, all := 0.0, 0.0
	for i := range n {
		for j := range n {
			if i != j {
				if all++; 2*x[i]+x[j] >= 2*x[0]+x[6] {
					more++
				}
			}
		}
	}
	asDrawn(t, "upper of uneven weights", uneven.Units[0].Upper.Or(-9), more/all, replicates)
}

func asDrawn(t *testing.T, what string, p, exact float64, replicates float64) {
	t.Helper()
	if math.Abs(p-exact) > 4.5*math.Sqrt(exact*(1-exact)/replicates)+1/replicates {
		t.Errorf("%s: p %v by permutation, exact %v", what, p, exact)
	}
}

// A unit alone with all that was found is what a total draw is surprised by; with its value held nothing about it can surprise.
func TestALoneHighValue(t *testing.T) {
	const n = 100
	x, lists := make([]float64, n), make([][]int, n)
	for i := range n {
		lists[i] = []int{(i + 1) % n, (i + n - 1) % n}
	}
	x[50], x[10] = 2, 1
	w := styled(t, lists, "B")
	for _, c := range []struct {
		draw         Moments
		lone, beside float64
	}{{Conditional, 1, 2. / 99}, {Total, 3. / 100, 3. / 100}} {
		g, err := LocalGStar(t.Context(), x, w, LocalOptions{PMethod: Exact, StarDraw: c.draw, Alternative: Greater})
		if err != nil {
			t.Fatal(err)
		}
		if at, by := g.Units[50].P.Or(9), g.Units[51].P.Or(9); math.Abs(at-c.lone) > 1e-12 || math.Abs(by-c.beside) > 1e-12 {
			t.Errorf("%v: p %v at the unit and %v beside it, want %v and %v", c.draw, at, by, c.lone, c.beside)
		}
	}
}

func TestSums(t *testing.T) {
	s, err := NewSums([]float64{-2, 0, 0, 3}, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		k                 int
		sum, lower, upper float64
	}{{1, 0, .75, .75}, {1, -2, .25, 1}, {2, -2, 2. / 6, 1}, {2, 1, 4. / 6, 3. / 6}, {2, 3, 1, 2. / 6}} {
		if lower, upper := s.Tails(tt.k, tt.sum); math.Abs(lower-tt.lower) > 1e-12 || math.Abs(upper-tt.upper) > 1e-12 {
			t.Errorf("%d drawn, sum %v: %v and %v, want %v and %v", tt.k, tt.sum, lower, upper, tt.lower, tt.upper)
		}
	}
	for name, tt := range map[string]struct {
		values []float64
		k      int
		kind   grids.Kind
	}{
		"none":      {[]float64{1, 2}, 0, grids.Invalid},
		"too many":  {[]float64{1, 2}, 3, grids.Invalid},
		"half":      {[]float64{1, .5}, 1, grids.Invalid},
		"infinity":  {[]float64{1, math.Inf(1)}, 1, grids.TooLarge},
		"no number": {[]float64{1, math.NaN()}, 1, grids.TooLarge},
		"far apart": {[]float64{1, 1e9}, 1, grids.TooLarge},
		"much work": {make([]float64, 100_000), 50_000, grids.TooLarge},
	} {
		if _, err := NewSums(tt.values, tt.k); grids.KindOf(err) != tt.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
}
