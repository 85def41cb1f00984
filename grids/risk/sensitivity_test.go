package risk

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"wangge/grids"
	"wangge/grids/risk/stat"
)

// Three units and two raw indicators: at .5 and .5 unit 0 (5.25) leads unit 1 (5). With the first down by half the weights are 1/3 and 2/3:
// unit 0 has 3.5, unit 1 has 5. With the first up by half unit 0 has 6.3, unit 1 5; the second mirrors it.
func TestSensitivityByHand(t *testing.T) {
	in := []Indicator{
		{"a", list(10.5, 5, 0), .5, Raw, Rising},
		{"b", list(0, 5, 0), .5, Raw, Rising},
	}
	s, err := Sensitivity(t.Context(), in, Recipe{"v", Renormalise}, Sway{Top: 1, Change: .5, Draws: 200, Seed: 4})
	if err != nil {
		t.Fatal(err)
	}
	var kept []float64
	for _, v := range s.Variants {
		kept = append(kept, v.Kept)
	}
	if !slices.Equal(kept, []float64{0, 1, 1, 0}) || s.Least != 0 || s.Mean != .5 || s.Variants[0].Indicator != "a" || s.Variants[0].Change != -.5 {
		t.Errorf("%+v", s)
	}
	expect(t, "weight", stat.Of(s.Variants[0].Weights[0]), 1./3, 1e-15)
	// a draw keeps unit 0 when 10.5·a > 5·(a + b), a > b·10/11: a and b uniform in ½…1½: six draws of ten
	if mean := s.DrawMean.Or(-1); s.DrawLeast != stat.Of(0) || mean < .45 || mean > .72 {
		t.Errorf("draws %v, %v", s.DrawLeast, s.DrawMean)
	}
	if s.Meta.Seed != 4 || s.Meta.Used != 3 || s.Meta.Params["top"] != 1 || s.Meta.Params["change"] != .5 || s.Meta.Params["draws"] != 200 {
		t.Errorf("%+v", s.Meta)
	}
}

// One indicator cannot be reweighed, and equal values rank by their order: all stay.
func TestSensitivityOfTies(t *testing.T) {
	in := []Indicator{{"a", list(1, 2, 2, 2, 2, 1), 1, Raw, Rising}}
	s, err := Sensitivity(t.Context(), in, Recipe{"v", Renormalise}, Sway{Top: 2, Change: .2, Draws: 20, Seed: 4})
	if err != nil || s.Least != 1 || s.Mean != 1 || s.DrawLeast != stat.Of(1) {
		t.Errorf("%+v, %v", s, err)
	}
	k := newRanking(in, Recipe{"v", Renormalise}, 3)
	if head := k.head([]float64{1}); !slices.Equal(head, []int{1, 2, 3}) {
		t.Errorf("the head is %v", head)
	}
}

func TestHeadAgainstSorting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in, r := recipes(t)
		k := newRanking(in, r, rapid.IntRange(1, 12).Draw(t, "top"))
		got := slices.Clone(k.head(k.weights))
		x, err := Compose(in, r)
		if err != nil {
			t.Fatal(err)
		}
		var order []int
		for i, u := range x.Units {
			if u.Value.Reason() == "" {
				order = append(order, i)
			}
		}
		slices.SortStableFunc(order, func(a, b int) int {
			if x.Units[a].Value.Or(0) > x.Units[b].Value.Or(0) {
				return -1
			} else if x.Units[a].Value == x.Units[b].Value {
				return 0
			}
			return 1
		})
		if want := order[:min(k.top, len(order))]; !slices.Equal(got, want) || len(k.known) != x.Meta.Used {
			t.Fatalf("%v, want %v", got, want)
		}
	})
}

func TestSameSeedSameBytes(t *testing.T) {
	in, r := many(300)
	o := DefaultSway()
	o.Top, o.Draws = 30, 200
	var before []byte
	for _, threads := range []int{1, 2, 7} {
		was := runtime.GOMAXPROCS(threads)
		s, err := Sensitivity(t.Context(), in, r, o)
		runtime.GOMAXPROCS(was)
		if err != nil {
			t.Fatal(err)
		}
		out, err := json.Marshal(s)
		if err != nil || before != nil && string(out) != string(before) {
			t.Fatalf("%s became %s (%v)", before, out, err)
		}
		before = out
		if !(s.Least > 0 && s.Least <= s.Mean && s.Mean <= 1) || len(s.Variants) != 12 {
			t.Errorf("%+v", s)
		}
	}
	one, err := Sensitivity(t.Context(), in, r, o)
	if err != nil {
		t.Fatal(err)
	}
	o.Seed++
	other, err := Sensitivity(t.Context(), in, r, o)
	if err != nil || !reflect.DeepEqual(other.Variants, one.Variants) || other.DrawMean == one.DrawMean {
		t.Errorf("another seed: %v, draws keep %v and %v", err, other.DrawMean, one.DrawMean)
	}
}

func TestSensitivityRefuses(t *testing.T) {
	in, r := many(21)
	for says, s := range map[string]Sway{
		"head of 0":     {0, .2, 1, 1},
		"by 0":          {5, 0, 1, 1},
		"by NaN":        {5, math.NaN(), 1, 1},
		"by 1":          {5, 1, 1, 1},
		"-1 draws":      {5, .2, -1, 1},
		"2000000 draws": {5, .2, 2000000, 1},
		"head of 21":    {21, .2, 1, 1},
	} {
		_, err := Sensitivity(t.Context(), in, r, s)
		if err == nil || grids.KindOf(err) != grids.Invalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
	s, err := Sensitivity(t.Context(), in, r, Sway{20, .2, 0, 1})
	if err != nil || s.DrawMean.Reason() != stat.Missing || s.DrawLeast.Reason() != stat.Missing {
		t.Errorf("without draws: %+v, %v", s, err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := Sensitivity(ended, in, r, Sway{20, .2, 9, 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("ended: %v", err)
	}
}

func BenchmarkSensitivity20000x6x1000(b *testing.B) {
	in, r := many(20000)
	for b.Loop() {
		if _, err := Sensitivity(b.Context(), in, r, DefaultSway()); err != nil {
			b.Fatal(err)
		}
	}
}
