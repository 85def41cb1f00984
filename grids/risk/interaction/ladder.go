package interaction

import (
	"math"

	"wangge/grids"
)

// ladder cuts distances into bands. A distance q is in band number #{k: q > limits[k]}; limits are the largest that still belong below, so
// that closed thresholds and half-open bands are the same comparison. Relations (near or not) are either single bands or all bands up to one.
type ladder struct {
	limits     []float64 // ascending; of space with the Euclidean metric in squares
	order      []int64   // the limits as integers that compare alike
	edges      []float64 // as the caller gave them
	cumulative bool      // thresholds d ≤ edge; otherwise bands edge[k] ≤ d < edge[k+1]
}

// thresholds is the ladder of closed thresholds, ascending.
func thresholds(name string, edges []float64) (ladder, error) {
	if len(edges) == 0 {
		return ladder{}, grids.Errorf(grids.Invalid, "there is no threshold of %s: give at least one", name)
	}
	if err := checkEdges(name, edges, MaxThresholds); err != nil {
		return ladder{}, err
	}
	return newLadder(edges, true), nil
}

// bands is the ladder of half-open bands between ascending edges.
func bands(name string, edges []float64) (ladder, error) {
	if len(edges) < 2 {
		return ladder{}, grids.Errorf(grids.Invalid, "%d edges of %s make no band: give at least two", len(edges), name)
	}
	if err := checkEdges(name, edges, MaxThresholds+1); err != nil {
		return ladder{}, err
	}
	return newLadder(edges, false), nil
}

// checkEdges reports the first edge that is not a distance or not above the one before. The error is Invalid.
func checkEdges(name string, edges []float64, most int) error {
	if len(edges) > most {
		return grids.Errorf(grids.Invalid, "%d thresholds of %s are too many: give at most %d", len(edges), name, most)
	}
	for k, e := range edges {
		if !(e >= 0 && e <= MaxMagnitude) {
			return grids.Errorf(grids.Invalid, "threshold %d of %s is %v: give a number from 0 to %g", k, name, e, MaxMagnitude)
		}
		if k > 0 && !(e > edges[k-1]) {
			return grids.Errorf(grids.Invalid, "threshold %d of %s, %v, is not above the one before, %v: give them in ascending order, each once", k, name, e, edges[k-1])
		}
	}
	return nil
}

// newLadder is a ladder for plain distances.
func newLadder(edges []float64, cumulative bool) ladder {
	l := ladder{limits: make([]float64, len(edges)), edges: append([]float64(nil), edges...), cumulative: cumulative}
	for k, e := range edges {
		l.limits[k] = e
		if !cumulative {
			l.limits[k] = math.Nextafter(e, math.Inf(-1))
		}
	}
	l.order = integers(l.limits)
	return l
}

// integers are the limits as integers that compare like them with those of distances, which are not negative.
func integers(limits []float64) []int64 {
	out := make([]int64, len(limits))
	for k, limit := range limits {
		out[k] = -1
		if limit >= 0 {
			out[k] = int64(math.Float64bits(limit))
		}
	}
	return out
}

// bandOf is the band of a distance, not negative: the number of limits below it. It has no branches, because which band a pair is in cannot
// be foreseen.
func bandOf(q float64, order []int64) int {
	k, at := 0, int64(math.Float64bits(q))
	for _, limit := range order {
		k += int(uint64(limit-at) >> 63)
	}
	return k
}

// squared is the ladder for squares of distances: q is in the band that √q is in, with √ rounded as math.Sqrt does.
func (l ladder) squared() ladder {
	out := l
	out.limits = make([]float64, len(l.limits))
	for k, limit := range l.limits {
		out.limits[k] = largestSquare(limit)
	}
	out.order = integers(out.limits)
	return out
}

// largestSquare is the largest number whose square root is at most d; negative when there is none.
func largestSquare(d float64) float64 {
	if d < 0 {
		return -1
	}
	q := d * d
	for math.Sqrt(q) > d {
		q = math.Nextafter(q, 0)
	}
	for next := math.Nextafter(q, math.Inf(1)); math.Sqrt(next) <= d; next = math.Nextafter(q, math.Inf(1)) {
		q = next
	}
	return q
}

// first is the lowest band that counts: nothing is below a threshold, and distances below the first edge are in no band.
func (l ladder) first() int {
	if l.cumulative {
		return 0
	}
	return 1
}

// relations is how many relations there are: thresholds, or bands between edges.
func (l ladder) relations() int { return len(l.limits) - l.first() }

// from and to are the bounds of relation k as the caller gave them.
func (l ladder) from(k int) float64 {
	if l.cumulative {
		return 0
	}
	return l.edges[k]
}

// to is the upper bound of relation k: closed for thresholds, open for bands.
func (l ladder) to(k int) float64 { return l.edges[k+l.first()] }

// reach is the largest edge: no pair farther apart is in any relation.
func (l ladder) reach() float64 { return l.edges[len(l.edges)-1] }

// gather makes relations of bands in place: counts[k] becomes the number in relation k.
func (l ladder) gather(counts []int64) []int64 {
	counts = counts[l.first():]
	if l.cumulative {
		for k := 1; k < len(counts); k++ {
			counts[k] += counts[k-1]
		}
	}
	return counts
}
