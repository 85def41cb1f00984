package stat

import (
	"encoding/json"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestValuesAreNumbersOrReasons(t *testing.T) {
	for _, tt := range []struct {
		v     Value
		json  string
		known bool
	}{
		{Of(1.0 / 3), "0.3333333333333333", true}, {Of(0), "0", true}, {Value{}, "0", true}, {Of(math.NaN()), "null", false}, {Of(math.Inf(-1)), "null", false}, {None(Isolate), "null", false},
	} {
		text, err := json.Marshal(tt.v)
		if _, ok := tt.v.Known(); err != nil || string(text) != tt.json || ok != tt.known || ok != (tt.v.Reason() == "") {
			t.Errorf("%v is %s (%v), want %s", tt.v, text, err, tt.json)
		}
	}
	if None(Isolate).Or(7) != 7 || Of(3).Or(7) != 3 || Of(math.NaN()).Reason() != NotANumber {
		t.Error("what stands in for a missing figure")
	}
}

// The example of Benjamini and Hochberg 1995, §4.1: fifteen p, of which the first four are rejected at .05.
func TestAdjustIsBenjaminiHochberg(t *testing.T) {
	p := []float64{.0001, .0004, .0019, .0095, .0201, .0278, .0298, .0344, .0459, .3240, .4262, .5719, .6528, .7590, 1}
	var list []Value
	for _, v := range p {
		list = append(list, Of(v))
	}
	list = append(list, None(Isolate)) // no test
	got := Adjust(list)
	rejected := 0
	for i, v := range got[:len(p)] {
		n, ok := v.Known()
		if !ok {
			t.Fatalf("%d has no p", i)
		}
		if n <= .05 {
			rejected++
		}
		// by definition: the least of 15·p(k)/k over the p as large or larger
		want := 1.0
		for k := i; k < len(p); k++ {
			want = min(want, 15*p[k]/float64(k+1))
		}
		if math.Abs(n-want) > 1e-15 {
			t.Errorf("%d: %v, want %v", i, n, want)
		}
	}
	if rejected != 4 || got[len(p)].Reason() != Isolate {
		t.Errorf("%d are rejected; the unit without a test is %v", rejected, got[len(p)])
	}
	if list[0] != Of(.0001) {
		t.Error("the input was changed")
	}
}

func TestAdjustIsStepUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SliceOfN(rapid.Float64Range(0, 1), 0, 30).Draw(t, "p")
		alpha := rapid.Float64Range(.01, .3).Draw(t, "alpha")
		var list []Value
		for _, v := range p {
			list = append(list, Of(v))
		}
		// the definition: k is the largest i with p(i) ≤ i·alpha/n; all up to p(k) are rejected
		last := -1.0
		for _, v := range p {
			rank := 0
			for _, w := range p {
				if w <= v {
					rank++
				}
			}
			if v <= float64(rank)*alpha/float64(len(p)) {
				last = max(last, v)
			}
		}
		for i, v := range Adjust(list) {
			n, _ := v.Known()
			if near := math.Abs(n-alpha) < 1e-12; !near && (n <= alpha) != (p[i] <= last) {
				t.Fatalf("p %v of %v at %v: adjusted %v", p[i], p, alpha, n)
			}
		}
	})
}

func TestReplicatesThatCanReject(t *testing.T) {
	for _, tt := range []struct {
		tests int
		alpha float64
		want  int
	}{{351, .05, 7019}, {1, .05, 19}, {100, .1, 999}, {0, .05, 0}, {10, 0, 0}, {10, 1, 0}, {10, math.NaN(), 0}} {
		got := Replicates(tt.tests, tt.alpha)
		if got != tt.want {
			t.Errorf("%d tests at %v need %d, want %d", tt.tests, tt.alpha, got, tt.want)
		}
		if tt.want == 0 {
			continue
		}
		limit := tt.alpha / float64(tt.tests)
		if Pseudo(0, got) > limit*(1+1e-9) || Pseudo(0, got-1) <= limit {
			t.Errorf("%d replicates reach %v, one less %v, and %v is needed", got, Pseudo(0, got), Pseudo(0, got-1), limit)
		}
	}
}

func TestTails(t *testing.T) {
	for _, z := range []float64{-8, -1.96, 0, .5, 3, 9} {
		if d := Upper(z) + Lower(z) - 1; math.Abs(d) > 1e-15 {
			t.Errorf("the tails of %v sum to 1 and %v", z, d)
		}
		if math.Abs(TwoSided(z)-2*Upper(math.Abs(z))) > 1e-16 {
			t.Errorf("two-sided %v", TwoSided(z))
		}
	}
	if p := Upper(9); math.Abs(p/1.1285884059538408e-19-1) > 1e-13 { // not 1 − cdf, which is 0
		t.Errorf("far in the tail %v", p)
	}
	if BothTails(.7, .4) != .8 || BothTails(.6, .6) != 1 {
		t.Error("both tails")
	}
}

func TestStreamsAreApartAndRepeat(t *testing.T) {
	seen := map[uint64][2]uint64{}
	for seed := range uint64(40) {
		for unit := range uint64(40) {
			v := Source(seed, unit).Uint64()
			if was, there := seen[v]; there {
				t.Fatalf("(%d, %d) begins as %v does", seed, unit, was)
			}
			seen[v] = [2]uint64{seed, unit}
			if Stream(seed, unit).Uint64() != v {
				t.Fatal("the same stream begins otherwise")
			}
		}
	}
	// neighbouring streams are not alike: the mean of 2,000 first draws is within 5 standard errors of ½
	sum := 0.0
	for unit := range uint64(2000) {
		sum += Stream(1, unit).Float64()
	}
	if d := sum/2000 - .5; math.Abs(d) > 5*math.Sqrt(1.0/12/2000) {
		t.Errorf("the mean is off by %v", d)
	}
}
