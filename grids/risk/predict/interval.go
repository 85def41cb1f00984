package predict

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"

	"wangge/grids/risk/stat"
)

// wilson is the score interval of a share of hits in n events (Wilson 1927); parts of events count as such.
func wilson(hits, n, level float64) (lower, upper float64) {
	if n == 0 {
		return 0, 1
	}
	z := math.Sqrt2 * math.Erfcinv(1-level)
	p, f := min(1, hits/n), z*z/n
	middle, half := (p+f/2)/(1+f), z/(1+f)*math.Sqrt(p*(1-p)/n+f/(4*n))
	return max(0, middle-half), min(1, middle+half)
}

// atLeast is P(X ≥ x) of a binomial count of n with probability p; x may lie between whole numbers, as the incomplete beta function does.
func atLeast(x, n, p float64) float64 {
	switch {
	case x <= 0:
		return 1
	case x > n:
		return 0
	}
	return mathext.RegIncBeta(x, n-x+1, p)
}

// binomial is the two-sided p of x in n events that each hit with probability p: twice the smaller tail.
func binomial(x, n, p float64) float64 {
	x = min(x, n) // parts of events may sum to a little more
	return stat.BothTails(atLeast(n-x, n, 1-p), atLeast(x, n, p))
}

// bootstrap is the percentile interval of a ratio of sums over windows that are drawn with replacement (Efron & Tibshirani 1993, §13.3):
// draws holds how often each window is in each replicate. Replicates without events do not count.
func bootstrap(hits []float64, events []int, draws [][]int, level float64) (lower, upper stat.Value) {
	var rates []float64
	for _, times := range draws {
		h, n := 0.0, 0
		for w, k := range times {
			h, n = h+float64(k)*hits[w], n+k*events[w]
		}
		if n > 0 {
			rates = append(rates, h/float64(n))
		}
	}
	if len(rates) == 0 {
		return stat.None(stat.TooFew), stat.None(stat.TooFew)
	}
	slices.Sort(rates)
	return stat.Of(quantile(rates, (1-level)/2)), stat.Of(quantile(rates, (1+level)/2))
}

// quantile interpolates between sorted values (Hyndman & Fan 1996, type 7).
func quantile(sorted []float64, p float64) float64 {
	at := p * float64(len(sorted)-1)
	k := min(int(at), len(sorted)-1)
	if k+1 == len(sorted) {
		return sorted[k]
	}
	return sorted[k] + (at-float64(k))*(sorted[k+1]-sorted[k])
}

// drawWindows says how often each of n windows is in each replicate.
func drawWindows(n, replicates int, seed uint64) [][]int {
	out := make([][]int, replicates)
	for r := range out {
		stream := stat.Stream(seed, uint64(r))
		out[r] = make([]int, n)
		for range n {
			out[r][stream.IntN(n)]++
		}
	}
	return out
}
