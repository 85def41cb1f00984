package rates

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"wangge/grids/risk/stat"
)

// bigMass is P(X = k) for k = 0 … to, to 300 binary digits.
func bigMass(mean float64, to int) []*big.Float {
	real := func(x float64) *big.Float { return new(big.Float).SetPrec(300).SetFloat64(x) }
	m := real(mean)
	// e^mean = (Σ (mean/2^s)^k/k!)^(2^s)
	s := 0
	x := real(mean)
	for ; x.Cmp(real(.5)) > 0; s++ {
		x.Quo(x, real(2))
	}
	e, term := real(1), real(1)
	for k := 1; k < 120; k++ {
		term.Mul(term, x)
		term.Quo(term, real(float64(k)))
		e.Add(e, term)
	}
	for range s {
		e.Mul(e, e)
	}
	out := make([]*big.Float, to+1)
	out[0] = real(1)
	out[0].Quo(out[0], e)
	for k := 1; k <= to; k++ {
		out[k] = new(big.Float).Mul(out[k-1], m)
		out[k].Quo(out[k], real(float64(k)))
	}
	return out
}

// bigTails is P(X ≤ o) and P(X ≥ o), each summed on its own.
func bigTails(o int, mean float64) (lower, upper float64) {
	p := bigMass(mean, o+int(20*math.Sqrt(mean+float64(o)))+200)
	l, u := new(big.Float).SetPrec(300), new(big.Float).SetPrec(300)
	for k, v := range p {
		if k <= o {
			l.Add(l, v)
		}
		if k >= o {
			u.Add(u, v)
		}
	}
	lower, _ = l.Float64()
	upper, _ = u.Float64()
	return lower, upper
}

func TestTails(t *testing.T) {
	w := worst{}
	for _, mean := range []float64{1e-12, .003, .5, 1, 4.7, 15, 30.25, 100, 777.7, 3000} {
		for _, off := range []float64{-1e9, -12, -7, -3, -1, -.3, 0, .3, 1, 3, 7, 12, 40} {
			o := int(max(0, math.Round(mean+off*math.Sqrt(mean)+off/3)))
			lower, upper := bigTails(o, mean)
			if lower < 1e-300 || upper < 1e-300 {
				continue
			}
			l, err := PoissonLower(float64(o), mean)
			if err != nil {
				t.Fatal(err)
			}
			u, err := PoissonUpper(float64(o), mean)
			if err != nil {
				t.Fatal(err)
			}
			w.near("lower", l, lower)
			w.near("upper", u, upper)
		}
	}
	w.within(t, 1e-12)
}

func TestLargeTails(t *testing.T) {
	// Normal tail with the skewness term of Edgeworth's series; beyond 10⁵ other programs lose all digits at 6 standard deviations.
	const mean = 1e8
	for _, z := range []float64{-7, -6, -5, -4, -1, 0, 1, 4, 5, 6, 7} {
		o := math.Round(mean + z*1e4)
		got := upperTail(o, mean)
		x := (o - .5 - mean) / 1e4
		want := stat.Upper(x) + (x*x-1)*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)/6e4
		if z < 0 {
			got = lowerTail(o, mean)
			x = (o + .5 - mean) / 1e4
			want = stat.Lower(x) - (x*x-1)*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)/6e4
		}
		if math.Abs(got/want-1) > 1e-4 {
			t.Errorf("the tail of %v at a mean of %v is %v, want %v", o, float64(mean), got, want)
		}
	}
}

func TestGarwood(t *testing.T) {
	for _, tt := range []struct{ observed, level, lower, upper float64 }{ // half the χ² quantiles
		{0, .95, 0, 3.6888794541139363},
		{1, .95, .025317807984289897, 5.571643390938898},
		{2, .9, .3553615106986621, 6.295793622}, // Pearson & Hartley 1966, table 40: 0.355, 6.30
		{10, .95, 4.7953887, 18.3903560},
	} {
		lower, upper, err := Garwood(tt.observed, tt.level)
		if err != nil || math.Abs(lower-tt.lower) > 1e-6 || math.Abs(upper-tt.upper) > 1e-6 {
			t.Errorf("Garwood(%v, %v) = %v, %v, %v; want %v, %v", tt.observed, tt.level, lower, upper, err, tt.lower, tt.upper)
		}
	}
	for _, o := range []int{3, 41, 100, 1000} {
		lower, upper, err := Garwood(float64(o), .998)
		below, _ := bigTails(o, upper)
		_, above := bigTails(o, lower)
		if err != nil || math.Abs(below/.001-1) > 1e-11 || math.Abs(above/.001-1) > 1e-11 {
			t.Errorf("Garwood(%d, 0.998) = %v, %v, %v leaves %v and %v in the tails, want 0.001", o, lower, upper, err, above, below)
		}
	}
	if _, upper, _ := Garwood(0, .999999); math.Abs(upper+math.Log(.0000005)) > 1e-8 {
		t.Errorf("the upper end of 0 is −ln(α/2), not %v", upper)
	}
}

func TestGarwoodHoldsTheTails(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := math.Floor(math.Pow(10, rapid.Float64Range(0, 6).Draw(t, "log count"))) - 1
		level := 1 - math.Pow(10, rapid.Float64Range(-11.9, -.1).Draw(t, "log alpha"))
		lower, upper, err := Garwood(o, level)
		if err != nil {
			t.Fatal(err)
		}
		p := (1 - level) / 2
		if d := lowerTail(o, upper)/p - 1; math.Abs(d) > 1e-9*math.Sqrt(1+o) {
			t.Fatalf("P(X ≤ %v | %v) = %v, want %v", o, upper, lowerTail(o, upper), p)
		}
		if o > 0 && math.Abs(upperTail(o, lower)/p-1) > 1e-9*math.Sqrt(1+o) {
			t.Fatalf("P(X ≥ %v | %v) = %v, want %v", o, lower, upperTail(o, lower), p)
		}
		if !(lower <= o && o <= upper) {
			t.Fatalf("%v is not within %v … %v", o, lower, upper)
		}
	})
}

func TestFunnelByHand(t *testing.T) {
	// E = 1, 95 %: P(X≤3) = 0.98101, P(X=3) = e⁻¹/6; upper = 3 − (0.98101−0.975)/0.0613132; P(X=0) > 0.025, so the lower limit is cut at 0.
	f, err := FunnelLimits([]float64{4, 0, 1}, []float64{1, 10, 0}, FunnelOptions{})
	if err != nil {
		t.Fatal(err)
	}
	e := math.Exp(-1)
	upper := 3 - (e*(1+1+.5+1./6)-.975)/(e/6)
	if got := f.Units[0].Limits[0]; got.Lower.Or(9) != 0 || math.Abs(got.Upper.Or(9)-upper) > 1e-13 {
		t.Errorf("limits of E = 1 are %v, want 0, %v", got, upper)
	}
	if f.Units[0].Position != 1 || f.Units[1].Position != -2 {
		t.Errorf("4 of 1 lies at %d and 0 of 10 at %d, want 1 and −2", f.Units[0].Position, f.Units[1].Position)
	}
	if f.Units[2].Ratio.Reason() != stat.NoPopulation || f.Units[2].Limits[1].Lower.Reason() != stat.NoPopulation || f.Units[2].Position != 0 {
		t.Errorf("without an expected count: %+v", f.Units[2])
	}
	if f.Meta.Used != 2 || f.Meta.Dropped[stat.NoPopulation] != 1 {
		t.Errorf("used %d, dropped %v", f.Meta.Used, f.Meta.Dropped)
	}
}

func TestQuantileInvertsTheTails(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mean := math.Pow(10, rapid.Float64Range(-6, 6).Draw(t, "log mean"))
		tail := math.Pow(10, rapid.Float64Range(-11, -.4).Draw(t, "log tail"))
		up, down := quantile(mean, tail, true), quantile(mean, tail, false)
		r := math.Ceil(up)
		if !(upperTail(r+1, mean) <= tail*(1+1e-12)) || (r > 0 && !(upperTail(r, mean) >= tail*(1-1e-12))) {
			t.Fatalf("the upper quantile of %v at %v is %v", mean, tail, up)
		}
		r = math.Ceil(down)
		if !(lowerTail(r, mean) >= tail*(1-1e-12)) || (r > 0 && !(lowerTail(r-1, mean) <= tail*(1+1e-12))) {
			t.Fatalf("the lower quantile of %v at %v is %v", mean, tail, down)
		}
		if down > up {
			t.Fatalf("quantiles %v > %v", down, up)
		}
	})
}

func TestProbabilityMap(t *testing.T) {
	m, err := ProbabilityMap([]float64{0, 3, 1, 0}, []float64{2.5, 1.5, 1, 0})
	if err != nil {
		t.Fatal(err)
	}
	upper, upTo3 := 1-math.Exp(-1.5)*(1+1.5+1.125), math.Exp(-1.5)*(1+1.5+1.125+.5625)
	for i, want := range [][4]float64{{0, math.Exp(-2.5), 1, math.Exp(-2.5)}, {200, upTo3, upper, upper}} {
		u := m.Units[i]
		for k, got := range []stat.Value{u.RelativeRisk, u.Lower, u.Upper, u.Tail} {
			if math.Abs(got.Or(9)-want[k]) > 1e-13*max(1, want[k]) {
				t.Errorf("unit %d, figure %d: %v, want %v", i, k, got, want[k])
			}
		}
	}
	if m.Units[2].Tail != m.Units[2].Upper {
		t.Error("as many as expected: Choynowski's tail is the upper one")
	}
	if m.Units[3].Tail.Reason() != stat.NoPopulation {
		t.Error("where nothing is expected there is no probability")
	}
}
