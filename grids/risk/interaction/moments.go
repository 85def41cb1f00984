package interaction

import (
	"math"
	"math/big"

	"wangge/grids/risk/stat"
)

// moments are the mean and variance of the number of pairs that are near in space and in time, when the times are permuted among the places.
type moments struct {
	mean, variance float64 // exact, rounded once
	constant       bool    // the variance is exactly 0
	z              stat.Value
}

// exactMoments are those of Barton & David (1966); with S, T the near pairs in space and time, P, Q their chains, N = n(n−1)/2:
//
//	E[X]  = ST/N
//	E[X²] = E[X] + 4PQ/(n(n−1)(n−2)) + 4[S(S−1)−2P][T(T−1)−2Q]/(n(n−1)(n−2)(n−3))
//
// The variance is a small difference of large numbers, so it is made of integers over the denominator n²(n−1)²(n−2)(n−3).
func exactMoments(n int, space, time total, observed int64) moments {
	size := int64(n)
	all, second := product(size, size-1), product(size-2, size-3)
	both := product(2, space.pairs, time.pairs) // E = both/all
	m := moments{mean: ratio(both, all)}

	sum := new(big.Int).Mul(new(big.Int).Mul(both, all), second)
	sum.Add(sum, new(big.Int).Mul(product(4, space.chains, time.chains, size-3), all))
	sum.Add(sum, new(big.Int).Mul(new(big.Int).Mul(disjoint(space), disjoint(time)), new(big.Int).Mul(big.NewInt(4), all)))
	sum.Sub(sum, new(big.Int).Mul(new(big.Int).Mul(both, both), second))
	below := new(big.Int).Mul(new(big.Int).Mul(all, all), second)
	m.variance, m.constant = ratio(sum, below), sum.Sign() == 0

	if m.constant {
		m.z = stat.None(stat.Constant)
		return m
	}
	over := new(big.Int).Mul(big.NewInt(observed), all)
	m.z = stat.Of(ratio(over.Sub(over, both), all) / math.Sqrt(m.variance))
	return m
}

// disjoint is the number of ordered choices of two pairs without a common event: S(S−1) − 2P.
func disjoint(t total) *big.Int {
	d := product(t.pairs, t.pairs-1)
	return d.Sub(d, product(2, t.chains))
}

// product is the product of the factors.
func product(factors ...int64) *big.Int {
	p := big.NewInt(1)
	for _, f := range factors {
		p.Mul(p, big.NewInt(f))
	}
	return p
}

// ratio is a/b rounded once. b is not 0.
func ratio(a, b *big.Int) float64 {
	f, _ := new(big.Rat).SetFrac(a, b).Float64()
	return f
}

// poissonUpper is P(X ≥ x) of the Poisson distribution with the mean, for x ≥ 0 and mean > 0: the tail on the far side of the mean is summed
// term by term.
func poissonUpper(x int64, mean float64) float64 {
	if x <= 0 {
		return 1
	}
	k := float64(x)
	if k >= mean {
		sum, term := 0.0, poissonMass(k, mean)
		for ; term > sum*1e-18; k++ {
			sum += term
			term *= mean / (k + 1)
		}
		return min(1, sum)
	}
	k--
	sum, term := 0.0, poissonMass(k, mean)
	for ; term > sum*1e-18; k-- {
		sum += term
		term *= k / mean
	}
	return max(0, 1-sum)
}

// poissonMass is P(X = k), by the saddle point (Loader 2000), which keeps all digits where logarithms of factorials lose them.
func poissonMass(k, mean float64) float64 {
	if k == 0 {
		return math.Exp(-mean)
	}
	return math.Exp(-stirlingError(k)-deviance(k, mean)) / math.Sqrt(2*math.Pi*k)
}

// stirlingError is log k! − log(√(2πk) (k/e)^k).
func stirlingError(k float64) float64 {
	if k < 16 {
		log, _ := math.Lgamma(k + 1)
		return log - (k+.5)*math.Log(k) + k - math.Log(2*math.Pi)/2
	}
	s := 1 / (k * k)
	return (1./12 - (1./360-(1./1260-(1./1680-s/1188)*s)*s)*s) / k
}

// deviance is k log(k/mean) + mean − k, without cancellation where k is near the mean.
func deviance(k, mean float64) float64 {
	if math.Abs(k-mean) >= .1*(k+mean) {
		return k*math.Log(k/mean) + mean - k
	}
	v := (k - mean) / (k + mean)
	sum, term := (k-mean)*v, 2*k*v
	for j := 3.0; ; j += 2 {
		term *= v * v
		next := sum + term/j
		if next == sum {
			return sum
		}
		sum = next
	}
}
