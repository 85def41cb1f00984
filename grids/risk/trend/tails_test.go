package trend

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"wangge/grids"
	"wangge/grids/risk/weights"
)

// row3 is three units in a row and one by itself, all weights 1; the second names itself.
func row3(t *testing.T, weight float64) *weights.Matrix {
	t.Helper()
	w, err := weights.New([][]weights.Link{{{To: 1, Weight: weight}}, {{To: 0, Weight: 1}, {To: 1, Weight: 1}, {To: 2, Weight: 1}}, {{To: 1, Weight: 1}}, nil})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// The tails of a bin are those of all ways to draw as many bins from its window.
func TestExactTailsAreEnumeration(t *testing.T) {
	r, near := rand.New(rand.NewPCG(3, 4)), [][]int{{0, 1}, {0, 1, 2}, {1, 2}, {3}}
	for _, o := range []Options{{Lags: 1, Window: WholeCube}, {Lags: 1, Window: NearSteps}, {Lags: 0, Window: SingleStep}, {Lags: 2, Window: WholeCube}} {
		o.P = ExactP
		c := Cube{Units: 4, Periods: 3, Values: make([]float64, 12)}
		for i := range c.Values {
			c.Values[i] = float64(r.IntN(4)*r.IntN(3)) - 2
		}
		s, err := GiStar(t.Context(), c, row3(t, 1), o)
		if err != nil {
			t.Fatal(err)
		}
		if s.Meta.Params["p"] != "exact" {
			t.Errorf("p are %v", s.Meta.Params["p"])
		}
		tested := 0
		for i := range c.Units {
			for at := range c.Periods {
				if s.Z(i, at).Reason() != "" {
					continue
				}
				tested++
				from := max(0, at-o.Lags)
				a, b := map[Window]int{WholeCube: 0, NearSteps: from, SingleStep: at}[o.Window], at+1
				if o.Window == WholeCube {
					b = c.Periods
				}
				var pool []float64
				sum, k := 0.0, 0
				for unit := range c.Units {
					pool = append(pool, c.Values[unit*c.Periods+a:unit*c.Periods+b]...)
					if slices.Contains(near[i], unit) {
						for _, v := range c.Values[unit*c.Periods+from : unit*c.Periods+at+1] {
							sum, k = sum+v, k+1
						}
					}
				}
				less, more, all := 0.0, 0.0, 0.0
				for set := range 1 << len(pool) {
					got, n := 0.0, 0
					for at, v := range pool {
						if set>>at&1 == 1 {
							got, n = got+v, n+1
						}
					}
					if n != k {
						continue
					}
					all++
					if got <= sum {
						less++
					}
					if got >= sum {
						more++
					}
				}
				bin := i*c.Periods + at
				if math.Abs(s.tails.lower[bin]-less/all) > 1e-12 || math.Abs(s.tails.upper[bin]-more/all) > 1e-12 {
					t.Errorf("%+v, unit %d in period %d: P≤ %v and P≥ %v, by enumeration %v and %v", o, i, at, s.tails.lower[bin], s.tails.upper[bin], less/all, more/all)
				}
				if got, want := s.P(i, at).Or(9), min(1, 2*min(less, more)/all); math.Abs(got-want) > 1e-12 {
					t.Errorf("unit %d in period %d: p %v, want %v", i, at, got, want)
				}
			}
		}
		if tested < 6 {
			t.Errorf("%+v: %d bins with a score", o, tested)
		}
	}
}

// What cannot be exact is refused, or normal and said to be so.
func TestWhatCannotBeExact(t *testing.T) {
	c := Cube{Units: 4, Periods: 3, Values: []float64{1, 0, 2, 0, 3, 1, 0, 0, 5, 1, 1, 0}}
	rates := Cube{Units: 4, Periods: 3, Values: slices.Clone(c.Values)}
	rates.Values[3] = .5
	far := Cube{Units: 4, Periods: 3, Values: slices.Clone(c.Values)}
	far.Values[3] = 1e6
	for name, tt := range map[string]struct {
		c    Cube
		w    *weights.Matrix
		kind grids.Kind
	}{
		"rates": {rates, row3(t, 1), grids.Invalid}, "unequal weights": {c, row3(t, .5), grids.Invalid}, "far apart": {far, row3(t, 1), grids.TooLarge},
	} {
		o := Options{Lags: 1, Window: WholeCube, P: ExactP}
		if _, err := GiStar(t.Context(), tt.c, tt.w, o); grids.KindOf(err) != tt.kind {
			t.Errorf("%s: %v", name, err)
		}
		o.P = AutoP
		s, err := GiStar(t.Context(), tt.c, tt.w, o)
		if err != nil || s.Meta.Params["p"] != "normal" || s.Meta.Params["exact_refused"] == nil {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
	if _, err := GiStar(t.Context(), c, row3(t, 1), Options{Lags: 1, Window: WholeCube, P: "guess"}); grids.KindOf(err) != grids.Invalid {
		t.Errorf("p by guess: %v", err)
	}
}

// With few events a lone find is no hot spot by chance alone, whatever its score says.
func TestExactTailsOfRareEvents(t *testing.T) {
	c := Cube{Units: 4, Periods: 12, Values: make([]float64, 48)}
	c.Values[5], c.Values[40] = 1, 1
	o := Defaults()
	o.FDR = false
	normal, err := EmergingHotSpots(t.Context(), c, row3(t, 1), o)
	if err != nil {
		t.Fatal(err)
	}
	o.P = AutoP
	exact, err := EmergingHotSpots(t.Context(), c, row3(t, 1), o)
	if err != nil {
		t.Fatal(err)
	}
	if normal.Places[3].Hot == 0 || exact.Places[3].Hot != 0 || exact.Meta.Params["p"] != "exact" || normal.Meta.Params["p"] != "normal" {
		t.Errorf("the lone unit has %d hot bins by the normal p and %d by the exact one", normal.Places[3].Hot, exact.Places[3].Hot)
	}
}
