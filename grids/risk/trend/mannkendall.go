// Package trend says whether something rises or falls, and where hot spots come up: the Mann-Kendall test and Sen's slope of a series, the
// local statistic Gi* over units and periods, and the sixteen patterns of an emerging hot spot analysis.
//
// Periods are equally long and run from the oldest to the newest. A last period that is not over must be left out by the caller: it holds
// fewer events than the others and would show as a fall.
//
// Everything here is pure. Results are safe for concurrent use once they are made.
package trend

import (
	"math"

	"wangge/grids"
	"wangge/grids/risk/stat"
)

// minimum is the fewest values with which the statistic of the Mann-Kendall test can be other than 0.
const minimum = 3

// ExactMax is the longest series that [Test.ExactP] takes.
const ExactMax = 50

// Test is a Mann-Kendall test of one series. Its values are without a figure (TooFew) for a series of fewer than three.
type Test struct {
	N    int        `json:"n"`     // values
	S    int64      `json:"s"`     // pairs that rise, less pairs that fall
	Var  float64    `json:"var"`   // of S when nothing changes, corrected for ties
	Z    stat.Value `json:"z"`     // (S − sgn S)/√Var; 0 when S is 0
	P    stat.Value `json:"p"`     // two-sided, normal
	TauA stat.Value `json:"tau_a"` // S over all pairs, −1…1
	TauB stat.Value `json:"tau_b"` // S over √(pairs · pairs that are not tied); without a figure (Constant) when all are tied
	Tied bool       `json:"tied"`  // two values or more are equal
}

// Trend is a Mann-Kendall test and how it came about.
type Trend struct {
	Meta stat.Meta `json:"meta"`
	Test
}

// MannKendall tests a series, in order of time, for a monotone trend (Mann 1945; Kendall 1975; with the correction for continuity and the
// variance for ties of Gilbert 1987, Statistical Methods for Environmental Pollution Monitoring, eq. 16.2 to 16.5):
//
//	S   = Σ_{i<j} sgn(xⱼ − xᵢ)
//	Var = [n(n−1)(2n+5) − Σ t(t−1)(2t+5)]/18, t the sizes of the groups of equal values
//	z   = (S − sgn S)/√Var, p = erfc(|z|/√2)
//
// Values without a figure are skipped and counted in Dropped. A series of equal values has S = 0, z = 0 and p = 1. With fewer than ten
// values the normal p is poor: see [Test.ExactP]. The error is Invalid: fewer than three values.
func MannKendall(x []stat.Value) (Trend, error) {
	var r ranker
	known, _, dropped := figures(x)
	t := Trend{Meta: meta("mann-kendall", "Mann 1945; Kendall 1975; Gilbert 1987 eq. 16.2-16.5", len(known), dropped)}
	if len(known) < minimum {
		return t, grids.Errorf(grids.Invalid, "the series has %d values of %d: a Mann-Kendall test needs at least %d, and ten for a good normal p",
			len(known), len(x), minimum)
	}
	t.Meta.Params["continuity"], t.Meta.Params["alternative"], t.Meta.Params["missing"] = true, "two-sided", "skip"
	t.Test = r.test(known)
	return t, nil
}

// ExactP is the two-sided p of a series without ties by the distribution of S over all orders (Kendall 1975, §5.2): 2·P(S ≥ |s|), at most 1.
// The error is Invalid: fewer than three values or more than ExactMax, or ties.
func (t Test) ExactP() (float64, error) {
	switch {
	case t.N < minimum:
		return 0, grids.Errorf(grids.Invalid, "the series has %d values: an exact p needs at least %d", t.N, minimum)
	case t.N > ExactMax:
		return 0, grids.Errorf(grids.Invalid, "the series has %d values: an exact p is for at most %d, take the normal p", t.N, ExactMax)
	case t.Tied:
		return 0, grids.Errorf(grids.Invalid, "the series has ties: an exact p is for values that all differ, take the normal p")
	}
	s := t.S
	if s < 0 {
		s = -s
	}
	tail := (int64(t.N)*int64(t.N-1)/2 - s) / 2 // S ≥ |s| is at most so many inversions
	return min(1, 2*fewInversions(t.N, int(tail))), nil
}

// fewInversions is the share of the orders of n values with at most so many inversions. The i-th value adds 0…i−1 inversions, each as likely
// as the other; all terms are positive, so that nothing cancels.
func fewInversions(n, most int) float64 {
	p, next := make([]float64, most+1), make([]float64, most+1)
	p[0] = 1
	for i := 2; i <= n; i++ {
		for k := range next {
			sum := 0.0
			for _, q := range p[max(0, k-i+1) : k+1] {
				sum += q
			}
			next[k] = sum / float64(i)
		}
		p, next = next, p
	}
	sum := 0.0
	for _, q := range p {
		sum += q
	}
	return sum
}

// figures is the known values of a series, their positions, and how many were left out by reason.
func figures(x []stat.Value) (known []float64, at []int, dropped map[stat.Reason]int) {
	known, at = make([]float64, 0, len(x)), make([]int, 0, len(x))
	for i, v := range x {
		if n, ok := v.Known(); ok {
			known, at = append(known, n), append(at, i)
			continue
		}
		if dropped == nil {
			dropped = map[stat.Reason]int{}
		}
		dropped[v.Reason()]++
	}
	return known, at, dropped
}

// meta starts the account of a result.
func meta(method, source string, used int, dropped map[stat.Reason]int) stat.Meta {
	return stat.Meta{Method: method, Version: "1", Source: source, Params: map[string]any{}, Used: used, Dropped: dropped}
}

// ranker tests one series after another; it holds the memory for that. The zero ranker is ready.
type ranker struct{ a, b []float64 }

// test is the Mann-Kendall test of a series of finite values.
func (r *ranker) test(x []float64) Test {
	n := len(x)
	t := Test{N: n}
	if n < minimum {
		none := stat.None(stat.TooFew)
		t.Z, t.P, t.TauA, t.TauB = none, none, none, none
		return t
	}
	falls := r.inversions(x)
	tiedPairs, tieTerm := ties(r.a)
	pairs := int64(n) * int64(n-1) / 2
	t.Tied = tiedPairs > 0
	t.S = pairs - tiedPairs - 2*falls
	f := float64(n)
	t.Var = (f*(f-1)*(2*f+5) - tieTerm) / 18
	z := 0.0
	switch {
	case t.S > 0:
		z = float64(t.S-1) / math.Sqrt(t.Var)
	case t.S < 0:
		z = float64(t.S+1) / math.Sqrt(t.Var)
	}
	t.Z, t.P = stat.Of(z), stat.Of(stat.TwoSided(z))
	t.TauA, t.TauB = stat.Of(float64(t.S)/float64(pairs)), stat.None(stat.Constant)
	if tiedPairs < pairs {
		t.TauB = stat.Of(float64(t.S) / math.Sqrt(float64(pairs)*float64(pairs-tiedPairs)))
	}
	return t
}

// ties counts the pairs of equal values in a sorted series, and sums t(t−1)(2t+5) over its groups.
func ties(sorted []float64) (pairs int64, term float64) {
	for i := 0; i < len(sorted); {
		j := i + 1
		for j < len(sorted) && sorted[j] == sorted[i] {
			j++
		}
		if t := j - i; t > 1 {
			pairs += int64(t) * int64(t-1) / 2
			f := float64(t)
			term += f * (f - 1) * (2*f + 5)
		}
		i = j
	}
	return pairs, term
}

// block is how many values are sorted by insertion before the merging begins.
const block = 8

// inversions counts the pairs i < j with x[i] > x[j] by merging (Knight 1966), and leaves x sorted in r.a.
func (r *ranker) inversions(x []float64) int64 {
	n, count := len(x), int64(0)
	r.a = append(r.a[:0], x...)
	if cap(r.b) < n {
		r.b = make([]float64, n)
	}
	r.b = r.b[:n]
	for lo := 0; lo < n; lo += block {
		count += insertion(r.a[lo:min(lo+block, n)])
	}
	for width := block; width < n; width *= 2 {
		for lo := 0; lo < n; lo += 2 * width {
			mid, hi := min(lo+width, n), min(lo+2*width, n)
			count += merge(r.b[lo:hi], r.a[lo:mid], r.a[mid:hi])
		}
		r.a, r.b = r.b, r.a
	}
	return count
}

// insertion sorts a few values and counts their inversions.
func insertion(a []float64) int64 {
	count := 0
	for i := 1; i < len(a); i++ {
		v, j := a[i], i
		for j > 0 && a[j-1] > v {
			a[j] = a[j-1]
			j--
		}
		a[j] = v
		count += i - j
	}
	return int64(count)
}

// merge writes two sorted parts to dst in order and counts the pairs with the larger value in the first part.
func merge(dst, left, right []float64) int64 {
	count, at := 0, 0
	for len(left) > 0 && len(right) > 0 {
		if right[0] < left[0] {
			dst[at], right = right[0], right[1:]
			count += len(left)
		} else {
			dst[at], left = left[0], left[1:]
		}
		at++
	}
	copy(dst[at:], left)
	copy(dst[at+len(left):], right)
	return int64(count)
}
