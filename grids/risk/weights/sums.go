package weights

import "slices"

// Sums are the constants of a matrix that moments of global statistics are made of (Cliff & Ord 1981, §1.5; w_i. is the sum of row i, w_.i
// that of column i).
type Sums struct {
	S0 float64 `json:"s0"` // Σ_ij w_ij
	S1 float64 `json:"s1"` // ½ Σ_ij (w_ij + w_ji)²
	S2 float64 `json:"s2"` // Σ_i (w_i. + w_.i)²
}

// Sums computes the three constants; all are 0 without links.
func (m *Matrix) Sums() Sums {
	var s Sums
	both := make([]float64, m.N()) // w_i. + w_.i
	for i := range m.N() {
		to, w := m.Row(i)
		for at, j := range to {
			s.S0 += w[at]
			both[i] += w[at]
			both[j] += w[at]
			if back, ok := m.At(int(j), i); ok {
				s.S1 += (w[at] + back) * (w[at] + back) / 2
			} else {
				s.S1 += w[at] * w[at] // for both orders of the pair
			}
		}
	}
	for _, b := range both {
		s.S2 += b * b
	}
	return s
}

// At is the weight of unit i to unit j; ok is false when j is no neighbour of i, or either is no unit.
func (m *Matrix) At(i, j int) (w float64, ok bool) {
	if i < 0 || i >= m.N() || j < 0 || j >= m.N() {
		return 0, false
	}
	to, ws := m.Row(i)
	at, found := slices.BinarySearch(to, int32(j))
	if !found {
		return 0, false
	}
	return ws[at], true
}

// Symmetric tells whether every link has one back, and whether the two always have the same weight, to the last bit.
func (m *Matrix) Symmetric() (links, weights bool) {
	links, weights = true, true
	for i := range m.N() {
		to, w := m.Row(i)
		for at, j := range to {
			back, ok := m.At(int(j), i)
			links = links && ok
			weights = weights && ok && back == w[at]
		}
	}
	return links, weights
}

// Isolates lists the units without a neighbour other than themselves, ascending; nil when there are none.
func (m *Matrix) Isolates() []int {
	var out []int
	for i := range m.N() {
		if to, _ := m.Row(i); len(to) == 0 || len(to) == 1 && int(to[0]) == i {
			out = append(out, i)
		}
	}
	return out
}
