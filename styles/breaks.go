package styles

import (
	"math"
	"slices"

	"wangge/grids"
)

// Method is a way to cut numbers into classes.
type Method string

// The methods.
const (
	Quantile Method = "quantile" // as many places in each class
	Jenks    Method = "jenks"    // least squared deviation within the classes
	Equal    Method = "equal"    // classes of equal width
	Manual   Method = "manual"   // edges given by the user
)

// Methods lists every method, the default first.
var Methods = [...]Method{Quantile, Jenks, Equal, Manual}

// MaxClasses is the most classes that a reader can tell apart on a map.
const MaxClasses = 7

// maxValue bounds what is classified: squares of it still add up without loss of order.
const maxValue = 1e15

// Breaks cuts values into at most n classes and returns their edges in ascending order, one more than there are
// classes: class i holds edges[i] ≤ v < edges[i+1], the last class its upper edge too. The order of values does
// not matter; values is not changed.
//
// Equal values are never parted, so quantile and Jenks give fewer classes when values repeat; one distinct value
// gives one class [v, v]. Their inner edges are the shortest decimal that separates the two classes. Equal cuts
// the range from the least to the greatest value and may leave classes empty. Manual takes manual as the inner
// edges (ascending, above min(0, least value)), ignores n, and makes len(manual)+1 classes from min(0, least
// value) to the greatest value or edge. Without values the result is empty, except for Manual.
//
// Jenks is the optimum, not the iterative approximation: the least sum of squared deviations from the class means
// (Fisher 1958, "On grouping for maximum homogeneity"; Jenks 1977, "Optimal data classification for choropleth
// maps"), found by the exact dynamic programme. The error is Invalid: unknown method, n outside 1…7, values or
// edges that are not numbers up to ±1e15, edges out of order.
func Breaks(values []float64, m Method, n int, manual []float64) ([]float64, error) {
	for _, v := range append(slices.Clone(values), manual...) {
		if !(math.Abs(v) <= maxValue) {
			return nil, grids.Errorf(grids.Invalid, "class breaks need numbers between -1e15 and 1e15, not %v", v)
		}
	}
	if m == Manual {
		return manualEdges(values, manual)
	}
	if n < 1 || n > MaxClasses {
		return nil, grids.Errorf(grids.Invalid, "%d classes asked for; ask for 1 to %d", n, MaxClasses)
	}
	if !slices.Contains(Methods[:], m) {
		return nil, grids.Errorf(grids.Invalid, "method %q is not known; use quantile, jenks, equal or manual", string(m))
	}
	if len(values) == 0 {
		return nil, nil
	}
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	switch m {
	case Quantile:
		return edgesAt(sorted, quantileStarts(sorted, n)), nil
	case Jenks:
		return edgesAt(sorted, jenksStarts(sorted, n)), nil
	default:
		return equalEdges(sorted[0], sorted[len(sorted)-1], n), nil
	}
}

// manualEdges puts the ends of the range around the user's inner edges.
func manualEdges(values, inner []float64) ([]float64, error) {
	if len(inner) < 1 || len(inner) >= MaxClasses {
		return nil, grids.Errorf(grids.Invalid, "manual classes need 1 to %d breaks, not %d", MaxClasses-1, len(inner))
	}
	lo, hi := 0.0, inner[len(inner)-1]
	if len(values) > 0 {
		lo, hi = min(lo, slices.Min(values)), max(hi, slices.Max(values))
	}
	before := lo
	for _, v := range inner {
		if v <= before {
			return nil, grids.Errorf(grids.Invalid, "break %v must be greater than %v: give the breaks in ascending order, each once", v, before)
		}
		before = v
	}
	return slices.Concat([]float64{lo}, inner, []float64{hi}), nil
}

// equalEdges cuts lo…hi into n classes of one width; one class when there is no range, or none that float64 can cut.
func equalEdges(lo, hi float64, n int) []float64 {
	edges := []float64{lo}
	for i := 1; i < n; i++ {
		f := float64(i) / float64(n)
		if e := lo*(1-f) + hi*f; e > edges[len(edges)-1] && e < hi {
			edges = append(edges, e)
		}
	}
	return append(edges, hi)
}

// quantileStarts is where each class but the first starts in sorted: the change of value nearest to each n-th part.
func quantileStarts(sorted []float64, n int) []int {
	var starts []int
	last := 0
	for k := 1; k < n; k++ {
		at := int(math.Round(float64(k) * float64(len(sorted)) / float64(n)))
		if at <= 0 || at >= len(sorted) {
			continue
		}
		down, _ := slices.BinarySearch(sorted, sorted[at])
		up := at + countEqual(sorted[at:])
		if best := nearest(at, down, up, last, len(sorted)); best > last {
			starts = append(starts, best)
			last = best
		}
	}
	return starts
}

// countEqual is how many values at the start of sorted equal the first.
func countEqual(sorted []float64) int {
	if i := slices.IndexFunc(sorted, func(v float64) bool { return v != sorted[0] }); i >= 0 {
		return i
	}
	return len(sorted)
}

// nearest is the change of value (down or up) that is nearer to at and lies inside (last, end); 0 when neither does.
func nearest(at, down, up, last, end int) int {
	switch {
	case down > last && (up >= end || at-down <= up-at):
		return down
	case up < end:
		return up
	}
	return 0
}

// edgesAt turns class starts into edges: the shortest decimal between the last value below and the first value in.
func edgesAt(sorted []float64, starts []int) []float64 {
	edges := []float64{sorted[0]}
	for _, s := range starts {
		edges = append(edges, shortest(sorted[s-1], sorted[s]))
	}
	return append(edges, sorted[len(sorted)-1])
}

// shortest is the number with the fewest decimals in (a, b], for a < b: an edge that a person can read and that
// parts the two values all the same. It falls back to b.
func shortest(a, b float64) float64 {
	for scale := 1.0; scale <= 1e9; scale *= 10 {
		if e := math.Ceil((a+b)/2*scale) / scale; a < e && e <= b {
			return e
		}
		if e := math.Floor(b*scale) / scale; a < e && e <= b {
			return e
		}
	}
	return b
}
