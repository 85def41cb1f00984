package scan

import (
	"math"
	"math/bits"
	"math/rand/v2"
)

// sampler draws the counts of one replicate under the null hypothesis. It belongs to one goroutine, and a draw does not depend on those before.
type sampler func(from *rand.PCG, counts []int32)

// below is a number in [0, n), to within n/2^64.
func below(from *rand.PCG, n int) int {
	at, _ := bits.Mul64(from.Uint64(), uint64(n))
	return int(at)
}

// alias draws cells in proportion to weights (Walker 1977, in the form of Vose 1991).
type alias []aliasSlot

type aliasSlot struct {
	keep        uint64 // the share of the slot that is its own, of 2^64
	cell, other int32
}

// newAlias leaves cells without weight out.
func newAlias(weights []float64) alias {
	var a alias
	total := 0.0
	for cell, w := range weights {
		if w > 0 {
			a = append(a, aliasSlot{cell: int32(cell)})
			total += w
		}
	}
	share, small, large := make([]float64, len(a)), []int{}, []int{}
	for i := range a {
		share[i] = weights[a[i].cell] / total * float64(len(a))
		if share[i] < 1 {
			small = append(small, i)
		} else {
			large = append(large, i)
		}
	}
	for len(small) > 0 && len(large) > 0 {
		s, l := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		a[s].keep, a[s].other = uint64(share[s]*(1<<63))*2, a[l].cell
		if share[l] -= 1 - share[s]; share[l] < 1 {
			large, small = large[:len(large)-1], append(small, l)
		}
	}
	for _, i := range append(small, large...) {
		a[i].keep, a[i].other = math.MaxUint64, a[i].cell
	}
	return a
}

// draw is one cell.
func (a alias) draw(from *rand.PCG) int32 {
	at, rest := bits.Mul64(from.Uint64(), uint64(len(a)))
	s := &a[at]
	cell := s.other
	if rest < s.keep {
		cell = s.cell
	}
	return cell
}

// crowded is the number of cases to a cell above which cells are drawn rather than cases.
const crowded = 16

// multinomial draws cases over cells in proportion to their measure: the null hypothesis of the Poisson model, given all cases.
func multinomial(measure []float64, cases int) func() sampler {
	if cases > crowded*len(measure) {
		return conditional(measure, cases)
	}
	cells := newAlias(measure)
	return func() sampler {
		return func(from *rand.PCG, counts []int32) {
			clear(counts)
			for range cases {
				counts[cells.draw(from)]++
			}
		}
	}
}

// conditional is multinomial by cells: each has a binomial number of the cases that the cells before it left (Devroye 1986, XI.1.1).
func conditional(measure []float64, cases int) func() sampler {
	share, rest := make([]float64, len(measure)), 0.0
	for i := len(measure) - 1; i >= 0; i-- {
		if rest += measure[i]; measure[i] > 0 {
			share[i] = measure[i] / rest
		}
	}
	return func() sampler {
		return func(from *rand.PCG, counts []int32) {
			left := cases
			for i, p := range share {
				n := binomial(from, left, p)
				counts[i] = int32(n)
				left -= n
			}
		}
	}
}

// unit is uniform in (0, 1).
func unit(from *rand.PCG) float64 { return (float64(from.Uint64()>>11) + 0.5) / (1 << 53) }

// binomial draws the successes of n trials: by inversion when few are expected, else by transformed rejection (Hörmann 1993, algorithm BTRS).
func binomial(from *rand.PCG, n int, p float64) int {
	switch {
	case n == 0 || p <= 0:
		return 0
	case p >= 1:
		return n
	case p > 0.5:
		return n - binomial(from, n, 1-p)
	case float64(n)*p < 10:
		return inverted(from, float64(n), p)
	}
	return rejected(from, float64(n), p)
}

// inverted sums probabilities up to a uniform number.
func inverted(from *rand.PCG, n, p float64) int {
	odds := p / (1 - p)
	chance, u, k := math.Exp(n*math.Log1p(-p)), unit(from), 0.0
	for u > chance && k < n {
		u -= chance
		k++
		chance *= odds * (n - k + 1) / k
	}
	return int(k)
}

// rejected needs n·p ≥ 10 and p ≤ 1/2. The names are those of the paper.
func rejected(from *rand.PCG, n, p float64) int {
	spq := math.Sqrt(n * p * (1 - p))
	b := 1.15 + 2.53*spq
	a, c, vr := -0.0873+0.0248*b+0.01*p, n*p+0.5, 0.92-4.2/b
	for {
		u, v := unit(from)-0.5, unit(from)
		us := 0.5 - math.Abs(u)
		k := math.Floor((2*a/us+b)*u + c)
		if us >= 0.07 && v <= vr {
			return int(k)
		}
		if k < 0 || k > n {
			continue
		}
		m, r := math.Floor((n+1)*p), p/(1-p)
		alpha := (2.83 + 5.1/b) * spq
		bound := (m+0.5)*math.Log((m+1)/(r*(n-m+1))) + (n+1)*math.Log((n-m+1)/(n-k+1)) + (k+0.5)*math.Log(r*(n-k+1)/(k+1)) +
			stirling(m) + stirling(n-m) - stirling(k) - stirling(n-k)
		if math.Log(v*alpha/(a/(us*us)+b)) <= bound {
			return int(k)
		}
	}
}

// stirling is ln k! less Stirling's approximation (k+½)·ln(k+1) − (k+1) + ½·ln 2π.
func stirling(k float64) float64 {
	if k < 10 {
		lg, _ := math.Lgamma(k + 1)
		return lg - (k+0.5)*math.Log(k+1) + k + 1 - 0.5*math.Log(2*math.Pi)
	}
	s := (k + 1) * (k + 1)
	return (1./12 - (1./360-1./1260/s)/s) / (k + 1)
}

// hypergeometric draws which of the people are cases, without replacement: a location in proportion to its people, kept in proportion to those
// of them who were not drawn yet. It draws cases or controls, whichever are fewer.
func hypergeometric(people []int, cases int) func() sampler {
	weights, all := make([]float64, len(people)), 0
	for i, n := range people {
		weights[i] = float64(n)
		all += n
	}
	cells, drawn := newAlias(weights), min(cases, all-cases)
	return func() sampler {
		return func(from *rand.PCG, counts []int32) {
			clear(counts)
			for left := drawn; left > 0; {
				if l := cells.draw(from); below(from, people[l]) >= int(counts[l]) {
					counts[l]++
					left--
				}
			}
			if drawn == cases {
				return
			}
			for i, n := range people {
				counts[i] = int32(n - int(counts[i]))
			}
		}
	}
}

// permutation gives the times of the cases to the cases in random order: both margins stay.
func permutation(places, times []int) func() sampler {
	var ordered []int32
	for t, n := range times {
		for range n {
			ordered = append(ordered, int32(t))
		}
	}
	return func() sampler {
		shuffled := make([]int32, len(ordered))
		return func(from *rand.PCG, counts []int32) {
			copy(shuffled, ordered)
			clear(counts)
			left := len(shuffled)
			for l, n := range places {
				row := counts[l*len(times) : (l+1)*len(times)]
				for range n {
					at := below(from, left)
					left--
					row[shuffled[at]]++
					shuffled[at] = shuffled[left]
				}
			}
		}
	}
}
