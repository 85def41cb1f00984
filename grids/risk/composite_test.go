package risk

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"wangge/grids"
	"wangge/grids/risk/stat"
)

// expect checks a figure, NaN for none.
func expect(t testing.TB, what string, got stat.Value, want, tolerance float64) {
	t.Helper()
	n, ok := got.Known()
	if ok == math.IsNaN(want) || ok && math.Abs(n-want) > tolerance*max(1, math.Abs(want)) {
		t.Errorf("%s: %v (%s), want %v", what, n, got.Reason(), want)
	}
}

func list(x ...float64) []stat.Value {
	out := make([]stat.Value, len(x))
	for i, n := range x {
		out[i] = stat.Of(n)
		if math.IsNaN(n) {
			out[i] = stat.None(stat.Missing)
		}
	}
	return out
}

func TestNormalisationsByHand(t *testing.T) {
	none := math.NaN()
	for _, tt := range []struct {
		how  Normalisation
		to   Direction
		x    []float64
		want []float64
	}{
		{ZScore, Rising, []float64{2, 4, 4, 4, 5, 5, 7, 9}, []float64{-1.5, -.5, -.5, -.5, 0, 0, 1, 2}}, // mean 5, sd 2
		{ZScore, Falling, []float64{2, 4, 4, 4, 5, 5, 7, 9}, []float64{1.5, .5, .5, .5, 0, 0, -1, -2}},
		{MinMax, Rising, []float64{1, none, 3, 5}, []float64{0, none, .5, 1}},
		{MinMax, Falling, []float64{1, none, 2, 5}, []float64{1, none, .75, 0}},
		{MinMax, Rising, []float64{-1.7e308, 0, 1.7e308}, []float64{0, .5, 1}},
		{PercentileRank, Rising, []float64{10, 30, none, 20, 20, 40}, []float64{0, .75, none, .375, .375, 1}},
		{PercentileRank, Falling, []float64{10, 30, none, 20, 20, 40}, []float64{1, .25, none, .625, .625, 0}},
		{Raw, Rising, []float64{3, none, 3}, []float64{3, none, 3}},
		{Raw, Falling, []float64{3, none, -2}, []float64{-3, none, 2}},
		{ZScore, Rising, []float64{3, none, 3}, []float64{none, none, none}},
		{MinMax, Rising, []float64{3}, []float64{none}},
		{PercentileRank, Rising, []float64{0, 0}, []float64{none, none}},
		{ZScore, Rising, []float64{none, none}, []float64{none, none}},
	} {
		got := normalise(Indicator{Values: list(tt.x...), Normalise: tt.how, Direction: tt.to})
		for i, v := range got {
			expect(t, string(tt.how)+" "+string(tt.to), v, tt.want[i], 1e-15)
		}
	}
	if v := normalise(Indicator{Values: list(3, math.NaN()), Normalise: MinMax, Direction: Rising}); v[0].Reason() != stat.Constant || v[1].Reason() != stat.Missing {
		t.Errorf("reasons %q and %q", v[0].Reason(), v[1].Reason())
	}
}

// two indicators over four units; the last lacks one, the third both.
func two() []Indicator {
	return []Indicator{
		{"findings", list(0, 10, math.NaN(), 5), .75, MinMax, Rising},
		{"patrols", list(4, 0, math.NaN(), math.NaN()), .25, MinMax, Falling},
	}
}

func TestComposeByHand(t *testing.T) {
	x, err := Compose(two(), Recipe{"2026-1", Renormalise})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{0, 1, math.NaN(), .5} {
		expect(t, "renormalised", x.Units[i].Value, want, 1e-13)
	}
	if p := x.Units[3].Parts; p[0].Weight != 1 || p[1].Weight != 0 || p[1].Normalised.Reason() != stat.Missing || p[0].Raw != stat.Of(5) {
		t.Errorf("parts %+v", p)
	}
	if x.Meta.Used != 3 || x.Meta.Dropped[stat.Missing] != 1 || x.Meta.Params["recipe"] != "2026-1" || !slices.Equal(x.Indicators, []string{"findings", "patrols"}) {
		t.Errorf("%+v", x.Meta)
	}
	x, err = Compose(two(), Recipe{"2026-1", NullValue})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{0, 1, math.NaN(), math.NaN()} {
		expect(t, "null", x.Units[i].Value, want, 1e-13)
	}
	// an indicator of weight 0 is shown, and nobody misses it
	idle := append(two(), Indicator{"idle", list(1, math.NaN(), 2, 3), 0, Raw, Rising})
	x, err = Compose(idle, Recipe{"2026-1", NullValue})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "beside an idle indicator", x.Units[1].Value, 1, 1e-13)
	if p := x.Units[0].Parts[2]; p.Weight != 0 || p.Contribution != 0 || p.Normalised != stat.Of(1) {
		t.Errorf("idle: %+v", p)
	}
}

func TestComposeRefuses(t *testing.T) {
	for name, spoil := range map[string]func([]Indicator, *Recipe) []Indicator{
		"version":       func(in []Indicator, r *Recipe) []Indicator { r.Version = ""; return in },
		"policy":        func(in []Indicator, r *Recipe) []Indicator { r.Missing = ""; return in },
		"0 indicators":  func(in []Indicator, r *Recipe) []Indicator { return nil },
		"65 indicators": func(in []Indicator, r *Recipe) []Indicator { return make([]Indicator, 65) },
		"no units":      func(in []Indicator, r *Recipe) []Indicator { in[0].Values = nil; return in },
		"3 values":      func(in []Indicator, r *Recipe) []Indicator { in[1].Values = in[1].Values[:3]; return in },
		"name":          func(in []Indicator, r *Recipe) []Indicator { in[1].Name = "findings"; return in },
		"weight NaN":    func(in []Indicator, r *Recipe) []Indicator { in[1].Weight = math.NaN(); return in },
		"weight -0.25":  func(in []Indicator, r *Recipe) []Indicator { in[1].Weight = -.25; return in },
		"sum to 0.8":    func(in []Indicator, r *Recipe) []Indicator { in[1].Weight = .05; return in },
		"normalisation": func(in []Indicator, r *Recipe) []Indicator { in[1].Normalise = "log"; return in },
		"direction":     func(in []Indicator, r *Recipe) []Indicator { in[1].Direction = ""; return in },
	} {
		r := Recipe{"v", Renormalise}
		in := spoil(two(), &r)
		_, err := Compose(in, r)
		if err == nil || grids.KindOf(err) != grids.Invalid || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		if _, again := Sensitivity(t.Context(), in, r, DefaultSway()); again == nil || again.Error() != err.Error() {
			t.Errorf("%s: sensitivity says %v", name, again)
		}
	}
}

// recipes draws indicators over some units, with gaps and ties.
func recipes(t *rapid.T) ([]Indicator, Recipe) {
	units := rapid.IntRange(1, 30).Draw(t, "units")
	number := rapid.OneOf(rapid.Map(rapid.IntRange(-3, 3), func(n int) float64 { return float64(n) }), rapid.Float64Range(-1e6, 1e6))
	value := rapid.Custom(func(t *rapid.T) stat.Value {
		if rapid.IntRange(0, 6).Draw(t, "gap") == 0 {
			return stat.None(rapid.SampledFrom([]stat.Reason{stat.Missing, stat.NoPopulation}).Draw(t, "why"))
		}
		return stat.Of(number.Draw(t, "x"))
	})
	in := make([]Indicator, rapid.IntRange(1, 7).Draw(t, "indicators"))
	sum := 0.0
	for k := range in {
		in[k] = Indicator{string(rune('a' + k)), rapid.SliceOfN(value, units, units).Draw(t, "values"), float64(rapid.IntRange(0, 5).Draw(t, "weight")),
			rapid.SampledFrom([]Normalisation{ZScore, MinMax, PercentileRank, Raw}).Draw(t, "how"), rapid.SampledFrom([]Direction{Rising, Falling}).Draw(t, "to")}
		if k == 0 {
			in[k].Weight++
		}
		sum += in[k].Weight
	}
	for k := range in {
		in[k].Weight /= sum
	}
	return in, Recipe{"v", rapid.SampledFrom([]MissingPolicy{Renormalise, NullValue}).Draw(t, "missing")}
}

func TestIndexExplainsItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in, r := recipes(t)
		x, err := Compose(in, r)
		if err != nil {
			t.Fatal(err)
		}
		for i, u := range x.Units {
			forward, backward, weight, plain, lacks := 0.0, 0.0, 0.0, 0.0, false
			for k, p := range u.Parts {
				forward += p.Contribution
				backward += u.Parts[len(u.Parts)-1-k].Contribution
				weight += p.Weight
				n, ok := p.Normalised.Known()
				plain += p.Weight * n
				lacks = lacks || !ok && in[k].Weight > 0
				if !ok && (p.Weight != 0 || p.Contribution != 0) || p.Raw != in[k].Values[i] {
					t.Fatalf("unit %d: %+v", i, p)
				}
			}
			n, ok := u.Value.Known()
			if forward != n || backward != n {
				t.Fatalf("unit %d: the parts sum to %v and %v, the value is %v", i, forward, backward, n)
			}
			if ok && (math.Abs(weight-1) > 1e-12 || math.Abs(plain-n) > 1e-12*max(1, math.Abs(n))*1e3 || lacks && r.Missing == NullValue) || !ok && weight != 0 {
				t.Fatalf("unit %d: %+v", i, u)
			}
		}
	})
}

func TestOrderOfUnitsDoesNotChangeTheIndex(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in, r := recipes(t)
		before, err := Compose(in, r)
		if err != nil {
			t.Fatal(err)
		}
		order := rand.New(rand.NewPCG(1, 2)).Perm(len(in[0].Values))
		for k := range in {
			moved := make([]stat.Value, len(order))
			for to, from := range order {
				moved[to] = in[k].Values[from]
			}
			in[k].Values = moved
		}
		after, err := Compose(in, r)
		if err != nil {
			t.Fatal(err)
		}
		for to, from := range order {
			if !reflect.DeepEqual(after.Units[to], before.Units[from]) {
				t.Fatalf("%+v became %+v", before.Units[from], after.Units[to])
			}
		}
	})
}

func FuzzIndex(f *testing.F) {
	f.Add(3, 2, .5, 1.7e308, -1.7e308, uint8(0))
	f.Add(1, 1, 1., 5e-324, 0., uint8(3))
	f.Add(0, 3, math.NaN(), math.Inf(1), 1., uint8(9))
	f.Fuzz(func(t *testing.T, units, indicators int, weight, a, b float64, kind uint8) {
		if units < 0 || units > 50 || indicators < 0 || indicators > 70 {
			return
		}
		in := make([]Indicator, indicators)
		for k := range in {
			in[k] = Indicator{strings.Repeat("i", k+1), make([]stat.Value, units), (1 - weight) / max(1, float64(indicators-1)),
				[]Normalisation{ZScore, MinMax, PercentileRank, Raw, ""}[(k+int(kind))%5], []Direction{Rising, Falling}[k%2]}
			for i := range in[k].Values {
				in[k].Values[i] = stat.Of([]float64{a, b, 1, a / 3, math.NaN()}[(i*i+k)%5])
			}
			if k == 0 {
				in[k].Weight = weight
			}
		}
		r := Recipe{"v", []MissingPolicy{Renormalise, NullValue}[kind%2]}
		x, err := Compose(in, r)
		if err != nil {
			if grids.KindOf(err) != grids.Invalid {
				t.Fatal(err)
			}
			return
		}
		if _, err := json.Marshal(x); err != nil {
			t.Fatal(err)
		}
		s, err := Sensitivity(t.Context(), in, r, Sway{1, .2, 3, 1})
		if err == nil {
			_, err = json.Marshal(s)
		} else if grids.KindOf(err) == grids.Invalid {
			err = nil
		}
		if err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkCompose20000x6(b *testing.B) {
	in, r := many(20000)
	for b.Loop() {
		if _, err := Compose(in, r); err != nil {
			b.Fatal(err)
		}
	}
}

// many is six indicators over so many units.
func many(units int) ([]Indicator, Recipe) {
	random := rand.New(rand.NewPCG(3, 1))
	in := make([]Indicator, 6)
	for k := range in {
		in[k] = Indicator{string(rune('a' + k)), make([]stat.Value, units), []float64{.3, .25, .2, .1, .1, .05}[k],
			[]Normalisation{ZScore, MinMax, PercentileRank}[k%3], []Direction{Rising, Falling}[k%2]}
		for i := range in[k].Values {
			in[k].Values[i] = stat.Of(math.Floor(random.ExpFloat64() * 8))
		}
	}
	return in, Recipe{"v", Renormalise}
}
