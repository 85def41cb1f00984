package weights

import (
	"math"

	"wangge/grids"
)

// Style is how weights are scaled.
type Style string

// The styles (Tiefelsdorf, Griffith & Boots 1999). With units without neighbours, C and S sum to the number of units that have some.
const (
	B Style = "B" // as they are: 1 for a neighbour, a power of the distance for inverse distances
	W Style = "W" // each row sums to 1
	C Style = "C" // all weights sum to the number of units
	U Style = "U" // all weights sum to 1
	S Style = "S" // variance-stabilising: each row by the root of its sum of squares, then all scaled to sum to the number of units
)

// Styled is the matrix with its weights scaled in a style; a row whose weights are all 0 keeps them. The error is Invalid: a style that is
// not known, a weight below 0, or, for C, U and S, weights that sum to 0.
func (m *Matrix) Styled(style Style) (*Matrix, error) {
	if i, j, w := m.negative(); w < 0 {
		return nil, grids.Errorf(grids.Invalid, "the weight of unit %d to %d is %v: styles are for weights of 0 and more", i, j, w)
	}
	sum := float64(m.N() - m.without()) // that C and S scale to
	switch style {
	case B:
		return m, nil
	case W:
		return m.divided(sumOf), nil
	case C:
		return m.scaled(sum)
	case U:
		return m.scaled(1)
	case S:
		return m.divided(rootOfSquares).scaled(sum)
	}
	return nil, grids.Errorf(grids.Invalid, "the style %.20q is not known: B, W, C, U or S", style)
}

// negative is a link with a weight below 0, if there is one.
func (m *Matrix) negative() (i, j int, w float64) {
	for i := range m.N() {
		to, ws := m.Row(i)
		for at, w := range ws {
			if w < 0 {
				return i, int(to[at]), w
			}
		}
	}
	return 0, 0, 0
}

// without is how many rows are empty.
func (m *Matrix) without() int {
	n := 0
	for i := range m.N() {
		if m.start[i] == m.start[i+1] {
			n++
		}
	}
	return n
}

func sumOf(w []float64) float64 {
	sum := 0.0
	for _, x := range w {
		sum += x
	}
	return sum
}

func rootOfSquares(w []float64) float64 {
	sum := 0.0
	for _, x := range w {
		sum += x * x
	}
	return math.Sqrt(sum)
}

// divided is the matrix with each row divided by its norm, where that is above 0.
func (m *Matrix) divided(norm func([]float64) float64) *Matrix {
	out := &Matrix{start: m.start, to: m.to, w: make([]float64, len(m.w))}
	for i := range m.N() {
		_, w := m.Row(i)
		by := norm(w)
		for at, x := range w {
			if by > 0 {
				x /= by
			}
			out.w[int(m.start[i])+at] = x
		}
	}
	out.seal()
	return out
}

// scaled is the matrix with all weights scaled to sum to a number.
func (m *Matrix) scaled(to float64) (*Matrix, error) {
	total := sumOf(m.w)
	if !(total > 0) {
		return nil, grids.Errorf(grids.Invalid, "the weights sum to 0: this style needs at least one pair of neighbours")
	}
	out := &Matrix{start: m.start, to: m.to, w: make([]float64, len(m.w))}
	for at, x := range m.w {
		out.w[at] = x / total * to
	}
	out.seal()
	return out, nil
}
