package rates

import (
	"math"

	"wangge/grids"
)

// Garwood is the exact central interval of the mean of a Poisson count (Garwood 1936): the means under which P(X ≥ observed) and
// P(X ≤ observed) are (1−level)/2, which are half the χ² quantiles with 2·observed and 2·observed+2 degrees of freedom. The lower end of 0
// is 0. The error is Invalid: a count that is not whole or above 10⁹, a level outside 0…1.
func Garwood(observed, level float64) (lower, upper float64, err error) {
	if err := checkLevel(level); err != nil {
		return 0, 0, err
	}
	if err := checkCount(observed); err != nil {
		return 0, 0, err
	}
	p := (1 - level) / 2
	z := math.Sqrt2 * math.Erfcinv(2*p)
	if observed > 0 {
		f := func(mean float64) (float64, float64) { return upperTail(observed, mean), mass(observed-1, mean) }
		lower = solve(f, p, wilsonHilferty(observed, -z), 0, observed+1)
	}
	most := math.Sqrt(observed+1) + math.Sqrt(-2*math.Log(p)) + 2
	f := func(mean float64) (float64, float64) { return lowerTail(observed, mean), -mass(observed, mean) }
	return lower, solve(f, p, wilsonHilferty(observed+1, z), 0, most*most), nil
}

// PoissonUpper is P(X ≥ observed) of a Poisson count with that mean, to 12 digits however small it is. The error is Invalid.
func PoissonUpper(observed, mean float64) (float64, error) {
	if err := checkPoisson(observed, mean); err != nil {
		return 0, err
	}
	return upperTail(observed, mean), nil
}

// PoissonLower is P(X ≤ observed) of a Poisson count with that mean, to 12 digits however small it is. The error is Invalid.
func PoissonLower(observed, mean float64) (float64, error) {
	if err := checkPoisson(observed, mean); err != nil {
		return 0, err
	}
	return lowerTail(observed, mean), nil
}

// checkPoisson reports a count or a mean that is none. The error is Invalid.
func checkPoisson(observed, mean float64) error {
	if !(mean >= 0 && mean <= mostExact) {
		return grids.Errorf(grids.Invalid, "a Poisson mean of %v: give one from 0 to %v", mean, float64(mostExact))
	}
	return checkCount(observed)
}

// checkCount reports a number that is no whole count. The error is Invalid.
func checkCount(observed float64) error {
	if !(observed >= 0 && observed <= mostExact) || observed != math.Trunc(observed) {
		return grids.Errorf(grids.Invalid, "an observed count of %v: give a whole number from 0 to %v", observed, float64(mostExact))
	}
	return nil
}

// wilsonHilferty is about the quantile of the gamma distribution of a shape at a standard normal quantile (Wilson & Hilferty 1931).
func wilsonHilferty(shape, z float64) float64 {
	c := 1 - 1/(9*shape) + z/(3*math.Sqrt(shape))
	return shape * max(c*c*c, 1e-3)
}

// solve finds where a monotone tail equals p, by Newton's steps on its logarithm kept within lo…hi.
func solve(tail func(float64) (p, slope float64), p, at, lo, hi float64) float64 {
	for range 200 {
		at = min(max(at, lo), hi)
		got, slope := tail(at)
		if (got > p) == (slope > 0) {
			hi = at
		} else {
			lo = at
		}
		next := at - math.Log(got/p)*got/slope
		if !(next > lo && next < hi) && !(math.Abs(next-at) <= 1e-12*at) {
			next = (lo + hi) / 2
		}
		if math.Abs(next-at) <= 1e-12*at {
			return next
		}
		at = next
	}
	return at
}

// upperTail is P(X ≥ o) for a whole o ≥ 0.
func upperTail(o, mean float64) float64 {
	switch {
	case o <= 0:
		return 1
	case o <= mean:
		return 1 - lowerTail(o-1, mean)
	}
	sum, term := 1.0, 1.0
	for k := o + 1; term > sum*1e-17; k++ {
		term *= mean / k
		sum += term
	}
	return min(1, mass(o, mean)*sum)
}

// lowerTail is P(X ≤ o) for a whole o ≥ 0.
func lowerTail(o, mean float64) float64 {
	if o >= mean {
		return 1 - upperTail(o+1, mean)
	}
	sum, term := 1.0, 1.0
	for k := o; k > 0 && term > sum*1e-17; k-- {
		term *= k / mean
		sum += term
	}
	return min(1, mass(o, mean)*sum)
}

// mass is P(X = x) by the saddle point of Loader (2000), Fast and accurate computation of binomial probabilities: no digits are lost for
// large counts, as they are with logarithms of factorials.
func mass(x, mean float64) float64 {
	switch {
	case mean == 0 && x == 0:
		return 1
	case mean == 0:
		return 0
	case x == 0:
		return math.Exp(-mean)
	}
	return math.Exp(-stirling(x)-deviance(x, mean)) / math.Sqrt(2*math.Pi*x)
}

// stirling is the error of Stirling's formula for ln x!.
func stirling(x float64) float64 {
	if x <= 15 {
		lg, _ := math.Lgamma(x + 1)
		return lg - (x+.5)*math.Log(x) + x - math.Log(2*math.Pi)/2
	}
	s := 1 / (x * x)
	return (1./12 - s*(1./360-s*(1./1260-s*(1./1680-s/1188)))) / x
}

// deviance is x·ln(x/mean) + mean − x without cancellation.
func deviance(x, mean float64) float64 {
	d := x - mean
	switch {
	case mean < x/2:
		return x*math.Log(x/mean) - d
	case math.Abs(d) >= .1*(x+mean):
		return x * (-d/x - math.Log1p(-d/x))
	}
	v := d / (x + mean)
	sum, term := d*v, 2*x*v
	for j := 3.; ; j += 2 {
		term *= v * v
		next := sum + term/j
		if next == sum {
			return sum
		}
		sum = next
	}
}

// quantile is the quantile of a Poisson count, made continuous between whole numbers (Spiegelhalter 2005, appendix A.1.1): with r the least
// count with P(X ≤ r) ≥ the probability, it is r − (P(X ≤ r) − the probability)/P(X = r). The probability is tail, or 1 − tail if upper.
func quantile(mean, tail float64, upper bool) float64 {
	if mean == 0 {
		return 0
	}
	over := func(r float64) float64 { // P(X ≤ r) less the probability
		if upper {
			return tail - upperTail(r+1, mean)
		}
		return lowerTail(r, mean) - tail
	}
	z := math.Sqrt2 * math.Erfcinv(2*tail)
	if !upper {
		z = -z
	}
	near := math.Floor(mean + z*math.Sqrt(mean) + (z*z-1)/6) // Cornish & Fisher 1938
	lo, hi := max(-1, near-2), max(0, near+2)
	for step := 4.; over(hi) < 0; step *= 2 {
		lo, hi = hi, hi+step
	}
	for step := 4.; lo >= 0 && over(lo) >= 0; step *= 2 {
		lo, hi = max(-1, lo-step), lo
	}
	for hi-lo > 1 {
		if mid := math.Floor((lo + hi) / 2); over(mid) >= 0 {
			hi = mid
		} else {
			lo = mid
		}
	}
	return hi - min(1, over(hi)/mass(hi, mean))
}
