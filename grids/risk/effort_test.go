package risk

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"wangge/grids"
	"wangge/grids/risk/stat"
)

func TestResidualByHand(t *testing.T) {
	looks := []Look{{.5, Share{.6, .8, 1}, 1}, {1, Share{.6, .8, 1}, .5}}
	// missed: best .6·.6 = .36, by the lowest .7·.7 = .49, by the highest .5·.5 = .25
	out, err := ResidualRisk([]Search{{"a", Share{.1, .2, .5}, looks}, {"b", Exactly(.2), nil},
		{"c", Exactly(.2), []Look{{1, Exactly(.9), 0}}}, {"d", Exactly(1), []Look{{1, Exactly(1), 1}}}})
	if err != nil {
		t.Fatal(err)
	}
	a := out.Units[0]
	expect(t, "value", a.Value, .2*.36/(.8+.2*.36), 1e-15)
	expect(t, "low", a.Low, .1*.25/(.9+.1*.25), 1e-15)
	expect(t, "high", a.High, .5*.49/(.5+.5*.49), 1e-15)
	expect(t, "D", stat.Of(a.Detection.Best), .64, 1e-15)
	expect(t, "D low", stat.Of(a.Detection.Low), .51, 1e-15)
	expect(t, "D high", stat.Of(a.Detection.High), .75, 1e-15)
	expect(t, "first look", stat.Of(a.Parts[0].Residual), .2*.6/(.8+.2*.6), 1e-15)
	expect(t, "its drop", stat.Of(a.Parts[0].Drop), .2-.2*.6/(.8+.2*.6), 1e-15)
	expect(t, "second look", stat.Of(a.Parts[1].Residual), a.Value.Or(9), 0)
	expect(t, "second detection", stat.Of(a.Parts[1].Detection), .4, 1e-15)
	for _, u := range out.Units[1:3] {
		if u.Value != stat.Of(.2) || u.Low != stat.Of(.2) || u.Reason != NotLooked {
			t.Errorf("nobody could have seen anything: %+v", u)
		}
	}
	if d := out.Units[3]; d.Value.Reason() != stat.NotANumber || a.Reason != "" || out.Meta.Used != 2 {
		t.Errorf("sure of a plot and sure to see it: %+v, used %d", d, out.Meta.Used)
	}
}

func TestResidualRefuses(t *testing.T) {
	good := Look{.5, Exactly(.5), .5}
	for says, s := range map[string]Search{
		"prior NaN":            {"k", Exactly(math.NaN()), nil},
		"prior 0.3 to 0.2":     {"k", Share{.3, .2, .4}, nil},
		"prior 0 to 1 to 2":    {"k", Share{0, 1, 2}, nil},
		"look 1: coverage":     {"k", Exactly(.1), []Look{good, {1.1, Exactly(.5), 1}}},
		"look 0: the growth":   {"k", Exactly(.1), []Look{{1, Exactly(.5), -1}}},
		"detectability 0.5 to": {"k", Exactly(.1), []Look{{1, Share{.5, .4, .6}, 1}}},
	} {
		_, err := ResidualRisk([]Search{{"ok", Exactly(.1), nil}, s})
		if err == nil || grids.KindOf(err) != grids.Invalid || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "unit 1 (k)") {
			t.Errorf("%s: %v", says, err)
		}
	}
	if out, err := ResidualRisk(nil); err != nil || len(out.Units) != 0 {
		t.Errorf("no units: %v, %v", out, err)
	}
}

func shares(t *rapid.T, what string) Share {
	a, b, c := rapid.Float64Range(0, 1).Draw(t, what), rapid.Float64Range(0, 1).Draw(t, what), rapid.Float64Range(0, 1).Draw(t, what)
	return Share{min(a, b, c), max(min(a, b), min(max(a, b), c)), max(a, b, c)}
}

func TestResidualProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Search{Prior: shares(t, "prior")}
		for range rapid.IntRange(0, 6).Draw(t, "looks") {
			s.Looks = append(s.Looks, Look{rapid.Float64Range(0, 1).Draw(t, "c"), shares(t, "d"), rapid.Float64Range(0, 1).Draw(t, "g")})
		}
		one := func(s Search) Residual {
			out, err := ResidualRisk([]Search{s})
			if err != nil {
				t.Fatal(err)
			}
			return out.Units[0]
		}
		r := one(s)
		v, ok := r.Value.Known()
		if !ok {
			return
		}
		// Bayes as it is written in books
		d := r.Detection.Best
		if s.Prior.Best*d < .999 && math.Abs(v-s.Prior.Best*(1-d)/(1-s.Prior.Best*d)) > 1e-9 {
			t.Fatalf("%v with the prior %v and D %v", v, s.Prior.Best, d)
		}
		if v > s.Prior.Best+1e-15 || r.Low.Or(v) > v+1e-15 || r.High.Or(v) < v-1e-15 {
			t.Fatalf("%+v", r)
		}
		drops := 0.0
		for _, p := range r.Parts {
			drops += p.Drop
		}
		if math.Abs(s.Prior.Best-drops-v) > 1e-14 {
			t.Fatalf("the drops %v lead from %v not to %v", drops, s.Prior.Best, v)
		}
		more := s
		more.Looks = append(append([]Look(nil), s.Looks...), Look{1, Exactly(.5), .5})
		if m := one(more); m.Value.Or(0) > v || v > 0 && v < .999 && m.Value.Or(0) >= v {
			t.Fatalf("another look left %v of %v", m.Value, v)
		}
		if (r.Reason == NotLooked) != (r.Detection.High == 0) {
			t.Fatalf("%+v", r)
		}
	})
}

func TestPriorOf(t *testing.T) {
	// Brown, Cai & DasGupta 2001, table of the Jeffreys interval at 95 %: 1 of 7 is .016 to .501 (rounded), 0 of 10 ends at .217.
	s, err := PriorOf(1, 7, .95)
	if err != nil || math.Abs(s.Low-.0157) > 6e-4 || math.Abs(s.High-.501) > 6e-4 || math.Abs(s.Best-1.5/8) > 1e-15 {
		t.Errorf("%+v, %v", s, err)
	}
	s, err = PriorOf(0, 10, .95)
	if err != nil || math.Abs(s.High-.217) > 6e-4 || !s.ok() {
		t.Errorf("%+v, %v", s, err)
	}
	if s, err = PriorOf(0, 0, .95); err != nil || s.Best != .5 || math.Abs(s.Low-math.Pow(math.Sin(math.Pi*.025/2), 2)) > 1e-9 {
		t.Errorf("nothing known, the arcsine distribution: %+v, %v", s, err)
	}
	for _, bad := range []struct {
		k, n  int
		level float64
	}{{-1, 5, .95}, {6, 5, .95}, {1, 5, 0}, {1, 5, 1}, {1, 5, math.NaN()}} {
		if _, err := PriorOf(bad.k, bad.n, bad.level); err == nil || grids.KindOf(err) != grids.Invalid {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func FuzzResidual(f *testing.F) {
	f.Add(.5, .5, .5, .5, 3, 10, .95)
	f.Add(1., 1., 1., 1., 0, 0, .5)
	f.Add(math.NaN(), 2., -1., math.Inf(1), -1, 1, 1e-300)
	f.Add(5e-324, 1., 1., 1e-17, 1<<40, 1<<60, .999999999)
	f.Fuzz(func(t *testing.T, prior, c, d, g float64, k, n int, level float64) {
		out, err := ResidualRisk([]Search{{"a", Share{prior / 2, prior, prior}, []Look{{c, Share{0, d, d}, g}, {c, Exactly(d), g}}}})
		if err == nil {
			_, err = json.Marshal(out)
		} else if grids.KindOf(err) == grids.Invalid {
			err = nil
		}
		if err != nil {
			t.Fatal(err)
		}
		if s, err := PriorOf(k, n, level); err == nil && !s.ok() {
			t.Fatalf("%+v", s)
		}
	})
}
