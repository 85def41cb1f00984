package analysis

import (
	"encoding/json"
	"slices"
	"testing"

	"wangge/grids"
	"wangge/grids/risk/weights"
)

func period(t testing.TB, from, to, step string) Request {
	t.Helper()
	r := Defaults()
	r.Method, r.From, r.To, r.Step = "emerging", from, to, step
	if err := r.Check(); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestStepsAreWhole(t *testing.T) {
	for _, tt := range []struct {
		from, to, step string
		want           []string
	}{
		{"2023-01", "2025-12", "year", []string{"2023-01", "2024-01", "2025-01"}},
		{"2023-02", "2025-11", "year", []string{"2024-01"}},
		{"2023-02", "2023-12", "year", nil},
		{"2023-02", "2023-10", "quarter", []string{"2023-04", "2023-07"}},
		{"2023-11", "2024-02", "month", []string{"2023-11", "2023-12", "2024-01", "2024-02"}},
	} {
		var got []string
		length := map[string]grids.Month{"month": 1, "quarter": 3, "year": 12}[tt.step]
		for _, p := range period(t, tt.from, tt.to, tt.step).steps() {
			if p.To-p.From+1 != length {
				t.Errorf("a %s of %d months", tt.step, p.To-p.From+1)
			}
			got = append(got, p.From.String())
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s to %s by %s: %v, want %v", tt.from, tt.to, tt.step, got, tt.want)
		}
	}
}

func TestWholeKeepsTheSum(t *testing.T) {
	for _, tt := range []struct {
		x    []float64
		want []int
	}{
		{[]float64{.4, .4, .4, .8}, []int{1, 0, 0, 1}}, // the largest remainder first, then the first of equals
		{[]float64{2.5, 2.5}, []int{3, 2}},
		{[]float64{1, 2, 3}, []int{1, 2, 3}},
		{[]float64{.2, .2}, []int{0, 0}},
		{nil, []int{}},
	} {
		if got := whole(tt.x); !slices.Equal(got, tt.want) {
			t.Errorf("%v: %v, want %v", tt.x, got, tt.want)
		}
	}
}

func TestClassesOfNumbers(t *testing.T) {
	of := func(values ...float64) *Result {
		r := &Result{}
		for _, v := range values {
			u := Unit{Values: []*float64{nil}}
			if v >= 0 {
				u.Values[0] = exactly(v)
			}
			r.Units = append(r.Units, u)
		}
		r.quantiles(0)
		return r
	}
	classes := func(r *Result) (list []string) {
		for _, u := range r.Units {
			list = append(list, u.Class)
		}
		return list
	}
	for name, tt := range map[string]struct {
		r    *Result
		want []string
	}{
		"ten":               {of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), []string{"q1", "q1", "q2", "q2", "q3", "q3", "q4", "q4", "q5", "q5"}},
		"zeros and unknown": {of(0, -1, 5, 5, 5), []string{"q1", "insufficient", "q1", "q1", "q1"}},
		"mostly equal":      {of(1, 1, 1, 1, 9), []string{"q1", "q1", "q1", "q1", "q2"}},
		"nothing at all":    {of(0, 0), []string{"insufficient", "insufficient"}},
	} {
		if got := classes(tt.r); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
		for i, e := range tt.r.Legend[:len(tt.r.Legend)-1] {
			if i > 0 && *e.From != *tt.r.Legend[i-1].To {
				t.Errorf("%s: class %d begins at %v, the one before ends at %v", name, i, *e.From, *tt.r.Legend[i-1].To)
			}
		}
	}
}

// What is taken as a request is one whatever is in it, and says the same again.
func FuzzParse(f *testing.F) {
	for _, with := range []func(*Request){func(*Request) {}, func(r *Request) { r.Kinds = []grids.CaseKind{grids.TipOff} }, func(r *Request) { w := weights.Default(weights.KNN); r.Weights = &w },
		func(r *Request) { r.Alpha = -1 }, func(r *Request) { r.From = "0000-00" }, func(r *Request) { r.Composite.Judgements = [][]float64{{1, 2}, {.5, 1}} }} {
		r := Defaults()
		r.Method, r.From, r.To = "hotspots", "2023-01", "2025-12"
		with(&r)
		text, err := json.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"method":"lisa","from":"2023-01","to":"2024-12","weights":{"kind":"band","band_m":1e308}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Parse(text)
		if err != nil {
			if grids.KindOf(err) != grids.Invalid {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if steps := r.steps(); len(steps) > maxMonths {
			t.Fatalf("%d steps", len(steps))
		}
		again, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if twice, err := Parse(again); err != nil {
			t.Fatalf("%q is taken, and what it says is not: %v", text, err)
		} else if third, _ := json.Marshal(twice); string(third) != string(again) {
			t.Fatalf("%s became %s", again, third)
		}
	})
}
