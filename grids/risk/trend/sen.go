package trend

import (
	"math"
	"slices"

	"wangge/grids"
	"wangge/grids/risk/stat"
)

// SenMax is the longest series that [SenSlope] takes: it holds one slope a pair.
const SenMax = 5000

// Slope is Sen's slope of a series, and how it came about.
type Slope struct {
	Meta      stat.Meta  `json:"meta"`
	Slope     stat.Value `json:"slope"`     // in units of x a period
	Intercept stat.Value `json:"intercept"` // in units of x, at the first period of the series, which is time 0
	Low       stat.Value `json:"low"`       // of the confidence interval of the slope; TooFew when the ranks run out of the slopes
	High      stat.Value `json:"high"`
}

// SenSlope is the median of the slopes of all pairs of values, (xⱼ − xᵢ)/(j − i) (Sen 1968), with its intercept median(x) − slope·median(t)
// (Conover 1980), t = 0, 1, 2… Values without a figure are skipped; the others keep their time. The confidence interval at the level 1−alpha
// is that of Gilbert (1987, §16.5): with C the normal quantile of 1−alpha/2 times √Var(S) and N slopes, the ranks (N−C)/2 and (N+C)/2 + 1,
// linear between slopes. The error is Invalid: fewer than three values, more than SenMax, or alpha outside 0 to 1.
func SenSlope(x []stat.Value, alpha float64) (Slope, error) {
	known, at, dropped := figures(x)
	s := Slope{Meta: meta("sen-slope", "Sen 1968; Conover 1980; Gilbert 1987 §16.5", len(known), dropped)}
	switch {
	case !(alpha > 0 && alpha < 1):
		return s, grids.Errorf(grids.Invalid, "alpha %v is outside 0 to 1: take .05 for an interval at 95 %%", alpha)
	case len(known) < minimum:
		return s, grids.Errorf(grids.Invalid, "the series has %d values of %d: Sen's slope needs at least %d", len(known), len(x), minimum)
	case len(known) > SenMax:
		return s, grids.Errorf(grids.Invalid, "the series has %d values: Sen's slope takes at most %d, sum them over longer periods", len(known), SenMax)
	}
	s.Meta.Params["alpha"], s.Meta.Params["missing"] = alpha, "skip"
	all := slopes(nil, known, at)
	slices.Sort(all)
	middle := sortedMedian(all)
	s.Slope = stat.Of(middle)
	times := make([]float64, len(at))
	for i, t := range at {
		times[i] = float64(t)
	}
	s.Intercept = stat.Of(median(slices.Clone(known)) - sortedMedian(times)*middle)
	var r ranker
	c := math.Sqrt2 * math.Erfcinv(alpha) * math.Sqrt(r.test(known).Var)
	n := float64(len(all))
	s.Low, s.High = atRank(all, (n-c)/2), atRank(all, (n+c)/2+1)
	return s, nil
}

// slopes appends the slopes of all pairs to dst.
func slopes(dst, x []float64, at []int) []float64 {
	for i, a := range x {
		for j := i + 1; j < len(x); j++ {
			dst = append(dst, (x[j]-a)/float64(at[j]-at[i]))
		}
	}
	return dst
}

// evenSlopes puts the slopes of all pairs of a series without gaps into dst, which has room for just them.
func evenSlopes(dst, x []float64) {
	at := 0
	for lag := 1; lag < len(x); lag++ {
		d, to, from := dst[at:at+len(x)-lag], x[lag:], x[:len(x)-lag]
		span := float64(lag)
		for i := range d {
			d[i] = (to[i] - from[i]) / span
		}
		at += len(d)
	}
}

// atRank is the value at a rank from 1, linear between whole ranks.
func atRank(sorted []float64, rank float64) stat.Value {
	if !(rank >= 1 && rank <= float64(len(sorted))) {
		return stat.None(stat.TooFew)
	}
	whole, part := math.Modf(rank)
	i := int(whole) - 1
	if part == 0 {
		return stat.Of(sorted[i])
	}
	return stat.Of(sorted[i] + part*(sorted[i+1]-sorted[i]))
}

// sortedMedian is the median of a sorted list, not empty.
func sortedMedian(a []float64) float64 {
	n := len(a)
	return middle(a[(n-1)/2], a[n/2])
}

// median is the median of a list, not empty and without NaN. It changes the order of the list.
func median(a []float64) float64 {
	n := len(a)
	quickselect(a, n/2)
	if n%2 == 1 {
		return a[n/2]
	}
	return middle(slices.Max(a[:n/2]), a[n/2])
}

// middle is the mean of two values; of equal values, that value.
func middle(a, b float64) float64 {
	if a == b {
		return a
	}
	return (a + b) / 2
}

// quickselect moves the value of rank k (from 0) to a[k], with nothing larger before and nothing smaller after it (Hoare 1961).
func quickselect(a []float64, k int) {
	lo, hi := 0, len(a)-1
	for rounds := 0; lo < hi; rounds++ {
		if rounds > 60 || hi-lo < 16 { // few are left, or the pivots were bad again and again
			slices.Sort(a[lo : hi+1])
			return
		}
		pivot := ofThree(a[lo], a[(lo+hi)/2], a[hi])
		i, j := lo, hi
		for i <= j {
			for a[i] < pivot {
				i++
			}
			for a[j] > pivot {
				j--
			}
			if i <= j {
				a[i], a[j] = a[j], a[i]
				i++
				j--
			}
		}
		switch {
		case k <= j:
			hi = j
		case k >= i:
			lo = i
		default:
			return
		}
	}
}

// ofThree is the middle one of three values.
func ofThree(a, b, c float64) float64 { return max(min(a, b), min(max(a, b), c)) }
