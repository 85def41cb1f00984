package mesh

import (
	"math"

	"github.com/paulmach/orb"
)

// orient tells on which side of the line a→b the point c lies: +1 left, −1 right, 0 exactly on it. A floating-point
// filter decides nearly always, exact expansions the rest (Shewchuk 1997, Adaptive Precision Floating-Point Arithmetic
// and Fast Robust Geometric Predicates, orient2d). It is exact for coordinates that are 0 or of a size from 2⁻⁴⁰⁰ to 2⁴⁰⁰.
// The conversions keep the compiler from fusing a product into a sum, which the error bound does not allow for.
func orient(a, b, c orb.Point) int {
	const bound = (3 + 16*0x1p-53) * 0x1p-53
	left := float64((a[0] - c[0]) * (b[1] - c[1]))
	right := float64((a[1] - c[1]) * (b[0] - c[0]))
	det := left - right
	if limit := bound * (math.Abs(left) + math.Abs(right)); det >= limit || -det >= limit {
		return sign(det)
	}
	return orientExact(a, b, c)
}

// orientExact is the sign of a×b + b×c + c×a summed without rounding.
func orientExact(a, b, c orb.Point) int {
	var e expansion
	e.addCross(a, b)
	e.addCross(b, c)
	e.addCross(c, a)
	if e.n == 0 {
		return 0
	}
	return sign(e.part[e.n-1])
}

// expansion is an exact sum: parts that do not overlap, smallest first, none zero.
type expansion struct {
	part [12]float64
	n    int
}

// addCross adds p×q = p.x·q.y − p.y·q.x.
func (e *expansion) addCross(p, q orb.Point) {
	e.addProduct(p[0], q[1])
	e.addProduct(-p[1], q[0])
}

// addProduct adds x·y: the rounded product and what the rounding lost.
func (e *expansion) addProduct(x, y float64) {
	high := float64(x * y)
	e.add(math.FMA(x, y, -high))
	e.add(high)
}

// add adds v (Shewchuk's Grow-Expansion with zeros left out).
func (e *expansion) add(v float64) {
	kept := 0
	for _, p := range e.part[:e.n] {
		sum := v + p
		rest := sum - v
		if low := (v - (sum - rest)) + (p - rest); low != 0 {
			e.part[kept] = low
			kept++
		}
		v = sum
	}
	if v != 0 {
		e.part[kept] = v
		kept++
	}
	e.n = kept
}

// sign is −1, 0 or +1.
func sign(v float64) int {
	switch {
	case v > 0:
		return 1
	case v < 0:
		return -1
	}
	return 0
}
