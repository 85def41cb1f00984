package autocorr

import (
	"math"

	"wangge/grids"
	"wangge/grids/risk/stat"
	"wangge/grids/risk/weights"
)

// atMean is how near to the mean a value counts as being there, as a share of the range of all values.
const atMean = 1e-12

// sample is the values of a map, counted from the smallest and scaled by a power of two so that their range is ½ to 1: neither squares nor
// sums of them overflow, and small differences of large numbers survive.
type sample struct {
	n      int
	x      []float64 // as given
	y      []float64 // (x − low) · 2^−exp, 0 to 1
	low    float64
	exp    int
	mean   float64 // of y
	ss     float64 // Σ (y − mean)²
	s4     float64 // Σ (y − mean)⁴
	lone   int     // the unit that alone differs from all others, −1 when there is none
	steady bool    // all values are equal
}

// take checks the values and their weights. The error is Invalid: none or too few, of different length, or not a number.
func take(x []float64, w *weights.Matrix, least int, method string) (*sample, error) {
	switch {
	case w == nil:
		return nil, grids.Errorf(grids.Invalid, "%s has no weights: give a matrix of who is whose neighbour", method)
	case w.N() != len(x):
		return nil, grids.Errorf(grids.Invalid, "%s has %d values but weights for %d units: give one value for each", method, len(x), w.N())
	case len(x) < least:
		return nil, grids.Errorf(grids.Invalid, "%s has %d units: at least %d are needed", method, len(x), least)
	}
	low, high := x[0], x[0]
	for i, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, grids.Errorf(grids.Invalid, "%s: the value of unit %d is not a number: leave such units out of the values and the weights", method, i)
		}
		low, high = min(low, v), max(high, v)
	}
	s := &sample{n: len(x), x: x, low: low, lone: -1, steady: low == high}
	s.scale(high)
	s.sum()
	s.findLone()
	return s, nil
}

// scale fills y.
func (s *sample) scale(high float64) {
	_, e := math.Frexp(high/2 - s.low/2)
	s.exp = max(e+1, -1000)
	f := math.Ldexp(1, -s.exp)
	s.y = make([]float64, s.n)
	low := s.low * f
	for i, v := range s.x {
		s.y[i] = v*f - low
	}
}

// sum fills the mean and the sums of powers about it.
func (s *sample) sum() {
	for range 2 { // the second pass takes away what rounding left
		rest := 0.0
		for _, y := range s.y {
			rest += y - s.mean
		}
		s.mean += rest / float64(s.n)
	}
	for _, y := range s.y {
		q := (y - s.mean) * (y - s.mean)
		s.ss += q
		s.s4 += q * q
	}
}

// findLone looks for the unit that alone differs.
func (s *sample) findLone() {
	base := s.y[0]
	if s.n > 2 && base != s.y[1] && s.y[1] == s.y[2] {
		base = s.y[1]
	}
	others := 0
	for i, y := range s.y {
		if y != base {
			others++
			s.lone = i
		}
	}
	if others != 1 {
		s.lone = -1
	}
}

// z is the value of a unit against the mean.
func (s *sample) z(i int) float64 { return s.y[i] - s.mean }

// without is the mean and the sum of squares of all units but i.
func (s *sample) without(i int) (mean, ss float64) {
	z, m := s.z(i), float64(s.n-1)
	mean = s.mean - z/m
	ss = s.ss - z*z*float64(s.n)/m
	if ss > s.ss/2 {
		return mean, ss
	}
	mean, ss = 0, 0 // one unit makes up most of the variance: what is left is added up anew
	for range 2 {
		rest := 0.0
		for j, y := range s.y {
			if j != i {
				rest += y - mean
			}
		}
		mean += rest / m
	}
	for j, y := range s.y {
		if j != i {
			ss += (y - mean) * (y - mean)
		}
	}
	return mean, ss
}

// variance is a variance of sums of y as one of sums of x.
func (s *sample) variance(v float64) stat.Value { return stat.Of(math.Ldexp(v, 2*s.exp)) }

// row is the neighbours of a unit with weights other than 0, without itself unless asked for.
type row struct {
	to    []int32
	w     []float64
	self  float64 // the weight of the unit to itself, 0 when there is none
	equal bool    // the weights of the neighbours are one number
}

// rows reads rows of a matrix; it holds the room for one.
type rows struct {
	m    *weights.Matrix
	with bool // the unit is one of its own neighbours, as Gi* has it
	to   []int32
	w    []float64
}

// at is the row of unit i, valid until the next call.
func (r *rows) at(i int) row {
	to, w := r.m.Row(i)
	out := row{to: to, w: w, equal: true}
	for at, v := range w {
		if v == 0 || int(to[at]) == i {
			out = r.cleaned(i, to, w)
			break
		}
	}
	if r.with && len(out.w) > 0 {
		out = r.joined(i, out.starred())
	}
	for _, v := range out.w {
		if math.Abs(v-out.w[0]) > TieTolerance*math.Abs(out.w[0]) {
			out.equal = false
		}
	}
	return out
}

// cleaned is a row without zeros and without the unit itself.
func (r *rows) cleaned(i int, to []int32, w []float64) row {
	out := row{equal: true}
	r.to, r.w = r.to[:0], r.w[:0]
	for at, v := range w {
		switch {
		case int(to[at]) == i:
			out.self = v
		case v != 0:
			r.to, r.w = append(r.to, to[at]), append(r.w, v)
		}
	}
	out.to, out.w = r.to, r.w
	return out
}

// starred is the row with a weight to itself: its own, else that of its neighbours.
func (r row) starred() row {
	if r.self == 0 && len(r.w) > 0 {
		r.self = r.w[0]
	}
	return r
}

// joined is a row with the unit among its neighbours, the last of them.
func (r *rows) joined(i int, of row) row {
	if len(of.to) == 0 || len(r.to) == 0 || &of.to[0] != &r.to[0] { // not in the room yet
		r.to, r.w = append(r.to[:0], of.to...), append(r.w[:0], of.w...)
	}
	r.to, r.w = append(r.to, int32(i)), append(r.w, of.self)
	return row{to: r.to, w: r.w, equal: true}
}

// sum is the sum of the weights of the neighbours.
func (r row) sum() (sum float64) {
	for _, v := range r.w {
		sum += v
	}
	return sum
}

// spread is Σ (w − W/m)² over the m units that the row may have weights for, the zeros among them: ΣW² − W²/m without cancellation. The
// weight of the unit to itself is one of them when withSelf.
func (r row) spread(m int, withSelf bool) float64 {
	sum, k := r.sum(), len(r.w)
	if withSelf {
		sum += r.self
		k++
	}
	mean := sum / float64(m)
	out := float64(m-k) * mean * mean
	for _, v := range r.w {
		out += (v - mean) * (v - mean)
	}
	if withSelf {
		out += (r.self - mean) * (r.self - mean)
	}
	return out
}

// noSelf refuses a weight of a unit to itself.
func noSelf(w *weights.Matrix, method string) error {
	for i := range w.N() {
		to, v := w.Row(i)
		for at, j := range to {
			if int(j) == i && v[at] != 0 {
				return grids.Errorf(grids.Invalid, "unit %d has a weight to itself: %s takes a matrix without; only Gi* takes one with", i, method)
			}
		}
	}
	return nil
}
