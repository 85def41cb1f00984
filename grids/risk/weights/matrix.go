// Package weights says who is whose neighbour: spatial weights by contiguity, distance, nearest neighbours and H3 cells, as a matrix that
// is immutable, hashed and can be shown. Distances are in metres of a projected CRS, never degrees.
//
// [Build] makes the weights of a [Spec], which is plain data to be stored, over [Units]. A matrix is identified by [Matrix.Hash], the units
// behind its rows by [Units.Hash]: kept together with the spec they name the weights whole.
//
// Everything here is pure. Matrices are safe for concurrent use.
package weights

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"slices"

	"wangge/grids"
)

// largest is the largest weight: its square, and sums of such squares, are still numbers.
const largest = 1e100

// Matrix is n × n spatial weights in compressed rows. The rows hold their neighbours in ascending order, without repeats; weights are
// finite. It does not change once made.
type Matrix struct {
	start []int32   // n+1 offsets into to and w
	to    []int32   // neighbours, by row
	w     []float64 // their weights
	hash  string
}

// Link is one weight of a row.
type Link struct {
	To     int
	Weight float64
}

// New makes a matrix of rows of links, in any order. The error is Invalid: a neighbour outside 0…n−1, one named twice, or a weight that is
// not finite or beyond ±1e100.
func New(rows [][]Link) (*Matrix, error) {
	n, links := len(rows), 0
	for _, r := range rows {
		links += len(r)
	}
	if n > math.MaxInt32 || links > math.MaxInt32 {
		return nil, grids.Errorf(grids.Invalid, "%d units with %d links are too many for a matrix of weights", n, links)
	}
	m := &Matrix{start: make([]int32, n+1), to: make([]int32, 0, links), w: make([]float64, 0, links)}
	for i, r := range rows {
		r = slices.Clone(r)
		slices.SortFunc(r, func(a, b Link) int { return a.To - b.To })
		for at, l := range r {
			switch {
			case l.To < 0 || l.To >= n:
				return nil, grids.Errorf(grids.Invalid, "unit %d has the neighbour %d: there are units 0 to %d", i, l.To, n-1)
			case at > 0 && r[at-1].To == l.To:
				return nil, grids.Errorf(grids.Invalid, "unit %d has the neighbour %d twice", i, l.To)
			case !(math.Abs(l.Weight) <= largest):
				return nil, grids.Errorf(grids.Invalid, "the weight %v of unit %d to %d is not a number or beyond ±1e100", l.Weight, i, l.To)
			}
			m.to, m.w = append(m.to, int32(l.To)), append(m.w, l.Weight)
		}
		m.start[i+1] = int32(len(m.to))
	}
	m.seal()
	return m, nil
}

// seal computes the hash: SHA-256 over n, offsets, neighbours and the bits of the weights.
func (m *Matrix) seal() {
	h := sha256.New()
	for _, part := range []any{int64(m.N()), m.start, m.to, m.w} {
		_ = binary.Write(h, binary.BigEndian, part) // a hash takes everything
	}
	m.hash = hex.EncodeToString(h.Sum(nil)[:8])
}

// N is the number of units.
func (m *Matrix) N() int { return len(m.start) - 1 }

// Links is the number of weights.
func (m *Matrix) Links() int { return len(m.to) }

// Row is the neighbours of a unit, ascending, and their weights. Both are shared: do not change them.
func (m *Matrix) Row(i int) (to []int32, w []float64) {
	a, b := m.start[i], m.start[i+1]
	return m.to[a:b:b], m.w[a:b:b]
}

// Hash names the matrix: 16 hexadecimal digits, the first half of those of a SHA-256 over the number of units, the offsets of the rows, the
// neighbours and the bits of the weights, big-endian. Equal matrices have equal hashes wherever they came from: two specs that give the same
// links and weights give the same hash. It knows units by their place alone; which unit stands there is told by [Units.Hash].
func (m *Matrix) Hash() string { return m.hash }
