package styles

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"wangge/grids"
)

func TestBreaks(t *testing.T) {
	for name, c := range map[string]struct {
		values []float64
		m      Method
		n      int
		manual []float64
		want   []float64
	}{
		"quantile parts evenly":             {[]float64{6, 5, 4, 3, 2, 1}, Quantile, 3, nil, []float64{1, 3, 5, 6}},
		"quantile keeps ties together":      {[]float64{1, 1, 1, 1, 2, 3}, Quantile, 3, nil, []float64{1, 2, 3, 3}},
		"quantile moves to the nearer end":  {[]float64{1, 2, 2, 2, 2, 9}, Quantile, 2, nil, []float64{1, 2, 9}},
		"quantile with more classes asked":  {[]float64{1, 2}, Quantile, 7, nil, []float64{1, 2, 2}},
		"quantile edge is readable":         {[]float64{0.1234, 0.1999, 7.7777, 9}, Quantile, 2, nil, []float64{0.1234, 4, 9}},
		"jenks finds the gaps":              {[]float64{1, 2, 3, 50, 51, 52, 900}, Jenks, 3, nil, []float64{1, 27, 476, 900}},
		"jenks has no more than values":     {[]float64{4, 4, 8}, Jenks, 6, nil, []float64{4, 6, 8}},
		"equal cuts the range":              {[]float64{0, 10, 1}, Equal, 4, nil, []float64{0, 2.5, 5, 7.5, 10}},
		"one value is one class":            {[]float64{3, 3, 3}, Jenks, 5, nil, []float64{3, 3}},
		"one value is one class (quantile)": {[]float64{3}, Quantile, 5, nil, []float64{3, 3}},
		"one value is one class (equal)":    {[]float64{3, 3}, Equal, 5, nil, []float64{3, 3}},
		"no values, no classes":             {nil, Quantile, 5, nil, nil},
		"manual takes the inner edges":      {[]float64{2, 40}, Manual, 0, []float64{10, 20}, []float64{0, 10, 20, 40}},
		"manual reaches to the last edge":   {[]float64{2, 4}, Manual, 0, []float64{10, 20}, []float64{0, 10, 20, 20}},
		"manual without values":             {nil, Manual, 0, []float64{5}, []float64{0, 5, 5}},
		"manual from below zero":            {[]float64{-3, 4}, Manual, 0, []float64{-1}, []float64{-3, -1, 4}},
		"numbers below zero":                {[]float64{-5, -4, 4, 5}, Quantile, 2, nil, []float64{-5, 0, 5}},
	} {
		before := slices.Clone(c.values)
		got, err := Breaks(c.values, c.m, c.n, c.manual)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v; want %v", name, got, err, c.want)
		}
		if !slices.Equal(before, c.values) {
			t.Errorf("%s: the values were changed", name)
		}
	}
}

func TestBreaksRefuses(t *testing.T) {
	some := []float64{1, 2, 3}
	for name, c := range map[string]struct {
		values []float64
		m      Method
		n      int
		manual []float64
	}{
		"no class":         {some, Quantile, 0, nil},
		"eight classes":    {some, Jenks, 8, nil},
		"unknown method":   {some, "pretty", 5, nil},
		"not a number":     {[]float64{1, math.NaN()}, Equal, 5, nil},
		"infinite":         {[]float64{math.Inf(-1)}, Equal, 5, nil},
		"too large":        {[]float64{1e16}, Jenks, 5, nil},
		"no manual breaks": {some, Manual, 5, nil},
		"seven breaks":     {some, Manual, 5, []float64{1, 2, 3, 4, 5, 6, 7}},
		"falling breaks":   {some, Manual, 5, []float64{2, 1}},
		"twice the same":   {some, Manual, 5, []float64{2, 2}},
		"at the low end":   {some, Manual, 5, []float64{0, 2}},
		"manual infinite":  {some, Manual, 5, []float64{math.Inf(1)}},
	} {
		if got, err := Breaks(c.values, c.m, c.n, c.manual); !errors.Is(err, &grids.Error{Kind: grids.Invalid}) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// deviation is the sum over the classes of squared deviations from the class mean.
func deviation(values, edges []float64) float64 {
	classes := make([][]float64, len(edges)-1)
	for _, v := range values {
		c := classOf(edges, v)
		classes[c] = append(classes[c], v)
	}
	total := 0.0
	for _, class := range classes {
		mean := 0.0
		for _, v := range class {
			mean += v / float64(len(class))
		}
		for _, v := range class {
			total += (v - mean) * (v - mean)
		}
	}
	return total
}

// bruteForce is the least deviation over every way to cut the distinct values into at most n classes.
func bruteForce(values []float64, n int) float64 {
	distinct := slices.Clone(values)
	slices.Sort(distinct)
	distinct = slices.Compact(distinct)
	best := math.Inf(1)
	var cut func(from int, edges []float64)
	cut = func(from int, edges []float64) {
		best = min(best, deviation(values, append(slices.Clone(edges), distinct[len(distinct)-1])))
		for i := from; i < len(distinct) && len(edges) < n; i++ {
			cut(i+1, append(slices.Clone(edges), distinct[i]))
		}
	}
	cut(1, distinct[:1])
	return best
}

func TestJenksIsTheOptimum(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for trial := range 600 {
		values := make([]float64, 1+r.IntN(11))
		for i := range values {
			values[i] = math.Round(r.ExpFloat64()*20) / 2 // with ties
			if trial%3 == 0 {
				values[i] = 1e6 + r.Float64() // far from zero, close together
			}
		}
		n := 1 + r.IntN(5)
		edges, err := Breaks(values, Jenks, n, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, want := deviation(values, edges), bruteForce(values, n)
		if got > want+1e-9*(1+want) {
			t.Errorf("%v in %d classes: %v has deviation %g, %g is possible", values, n, edges, got, want)
		}
	}
}

// Rules that hold for every input: edges ascend, every value has a class, no class of quantile or Jenks is empty, and
// the classes of quantile are as even as the ties allow.
func TestBreaksProperties(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 9))
	for range 2000 {
		values := make([]float64, 1+r.IntN(60))
		coarse := math.Pow10(r.IntN(4))
		for i := range values {
			values[i] = math.Round(r.NormFloat64()*10*coarse) / coarse
		}
		n := 1 + r.IntN(MaxClasses)
		for _, m := range []Method{Quantile, Jenks, Equal} {
			edges, err := Breaks(values, m, n, nil)
			if err != nil {
				t.Fatal(err)
			}
			classes := len(edges) - 1
			if classes < 1 || classes > n || !slices.IsSorted(edges) || edges[0] != slices.Min(values) || edges[classes] != slices.Max(values) {
				t.Fatalf("%s of %v in %d: edges %v", m, values, n, edges)
			}
			counts := make([]int, classes)
			for _, v := range values {
				counts[classOf(edges, v)]++
			}
			if m != Equal && slices.Min(counts) == 0 {
				t.Fatalf("%s of %v in %d: edges %v leave a class empty %v", m, values, n, edges, counts)
			}
		}
	}
	even := make([]float64, 600)
	for i := range even {
		even[i] = math.Sqrt(float64(i))
	}
	edges, _ := Breaks(even, Quantile, 6, nil)
	for i := range 6 {
		n := 0
		for _, v := range even {
			if classOf(edges, v) == i {
				n++
			}
		}
		if n != 100 {
			t.Errorf("quantile class %d holds %d of 600 values", i, n)
		}
	}
}

func TestShortestParts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		a := r.NormFloat64() * math.Pow10(r.IntN(12)-6)
		b := a + r.ExpFloat64()*math.Pow10(r.IntN(12)-9)
		if a == b {
			continue
		}
		if e := shortest(a, b); e <= a || e > b {
			t.Errorf("%v does not part %v and %v", e, a, b)
		}
	}
	if b := math.Nextafter(1, 2); shortest(1, b) != b {
		t.Errorf("two neighbouring numbers are parted by the upper one, not %v", shortest(1, b))
	}
	if e := shortest(12.31, 12.49); e != 12.4 {
		t.Errorf("between 12.31 and 12.49: %v", e)
	}
}

func BenchmarkJenks(b *testing.B) {
	values := make([]float64, 20_000)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range values {
		values[i] = r.ExpFloat64()
	}
	for b.Loop() {
		if _, err := Breaks(values, Jenks, 7, nil); err != nil {
			b.Fatal(err)
		}
	}
}
