package autocorr

import (
	"context"
	"math"
	"math/bits"
	"slices"

	"wangge/grids/risk/stat"
)

// The limits of the loops of loops.go, which draw all neighbours at once and begin again when two are the same.
const (
	maxAtOnce = 8       // neighbours
	maxThree  = 1 << 20 // units, so that a word of 64 bits makes three of them with few rejected
	maxDigits = 1 << 61 // of the product of the bounds that one word serves
)

// deck deals random neighbours to the units of one goroutine.
//
// The loops compare sums of 16-bit codes, so that the values of a hundred thousand units stay in a cache. Where values are multiples of one
// number the codes are these. Else they are the values rounded down, and a sum of k codes that is within k of the observed one is decided by
// the values themselves. So what comes out is as if the values had been compared all the time.
type deck struct {
	values []float64 // the codes where they are exact, else as in the sample
	exact  bool
	total  bool // all units are drawn from, the unit itself too
	hand   hand
}

// hand is one unit's draw. Positions 0 to m−1 are all other units: the last unit takes the place of the one whose draw it is. Of a total draw
// they are all units.
type hand struct {
	stream stream   // of random words
	code   []uint16 // of all units
	m      uint64
	reps   int
	start  int64  // sums of codes are counted from here: below 0 they are less than the observed one
	width  uint64 // and below width (but not 0) too near to it to tell
	split  bool   // a new word after three draws
	split6 bool   // and after six
	first  uint64 // words are rejected when less than this is left of them: after three draws,
	second uint64 // after three more,
	last   uint64 // and after the last
	same   int    // sums that are tied with the observed one

	values []float64
	exact  bool
	unit   uint64
	w      []float64 // by neighbour; nil when they are equal
	sum    float64   // observed
	size   float64   // Σ |w| value of it
	k      int
	pair   uint64   // rejection after two draws
	stamp  []uint32 // of the last replicate that drew a position
	now    uint32
}

// newDeck is a deck for the sample.
func newDeck(t *trials) *deck {
	s := t.s
	d := &deck{values: s.y, exact: t.codes != nil, total: t.total, hand: hand{m: uint64(t.pool())}}
	if d.exact {
		d.hand.code = slices.Clone(t.codes)
		d.values = make([]float64, s.n)
		for i, c := range t.codes {
			d.values[i] = float64(c)
		}
	} else {
		d.hand.code = make([]uint16, s.n)
		for i, y := range s.y {
			d.hand.code[i] = uint16(min(y*(largestCode+1), largestCode))
		}
	}
	d.hand.values, d.hand.exact = d.values, d.exact
	d.hand.pair = rejected(d.hand.m, 2)
	return d
}

// deal draws the neighbours of a unit so many times and counts the sums that are less than the observed one, and the same. With equal weights
// these are the plain sums of values. ok is false when the context ended.
func (d *deck) deal(ctx context.Context, i int, r row, seed uint64, replicates int) (less, same int, ok bool) {
	h := &d.hand
	h.seat(seed, i)
	h.observe(r)
	play := h.loop()
	if d.total {
		h.unit = h.m // no position is
	} else {
		n := len(h.code) - 1
		h.code[i], h.code[n] = h.code[n], h.code[i]
		defer func() { h.code[i], h.code[n] = h.code[n], h.code[i] }()
	}
	piece := max(1, 1<<22/(h.k+1))
	for left := replicates; left > 0; left -= h.reps {
		if ctx.Err() != nil {
			return 0, 0, false
		}
		h.reps = min(left, piece)
		less += play(h)
	}
	return less, h.same, true
}

// seat begins the random stream of a unit.
func (h *hand) seat(seed uint64, i int) {
	src := stat.Source(seed, uint64(i))
	h.stream = stream{src.Uint64(), src.Uint64()}
	h.unit, h.same = uint64(i), 0
}

// observe takes down what the unit has.
func (h *hand) observe(r row) {
	h.k, h.w, h.sum, h.size = len(r.to), nil, 0, 0
	if !r.equal {
		h.w = r.w
	}
	sum := int64(0)
	for at, j := range r.to {
		v := h.values[j]
		if h.w != nil {
			v *= h.w[at]
		}
		h.sum += v
		h.size += math.Abs(v)
		sum += int64(h.code[j])
	}
	h.start, h.width = -sum, 1
	if !h.exact {
		h.start, h.width = int64(h.k)-sum, uint64(2*h.k+1)
	}
}

// loop chooses how to draw.
func (h *hand) loop() func(*hand) int {
	k := uint64(h.k)
	if h.w != nil || k > maxAtOnce || k*(k-1) > h.m || h.m > maxThree {
		if h.stamp == nil {
			h.stamp = make([]uint32, h.m)
		}
		return (*hand).many
	}
	h.split = power(h.m, min(k, 6)) > maxDigits
	h.split6 = k > 6 && (h.split || power(h.m, k) > maxDigits)
	h.first = rejected(h.m, 3)
	h.second = h.first
	if !h.split {
		h.second = rejected(h.m, 6)
	}
	switch {
	case h.split6:
		h.last = rejected(h.m, k-6)
	case h.split && k > 3:
		h.last = rejected(h.m, k-3)
	default:
		h.last = rejected(h.m, k)
	}
	return [...]func(*hand) int{1: (*hand).one, (*hand).two, (*hand).three, (*hand).four, (*hand).five, (*hand).six, (*hand).seven, (*hand).eight}[k]
}

// power is m^k as a float.
func power(m, k uint64) float64 { return math.Pow(float64(m), float64(k)) }

// rejected is 2^64 mod m^k, and 0 when m^k is too large for one word: what is left of a word after k draws of a number below m, each the high
// half of a product and the rest the low half, must not be less for the draws to be uniform (Lemire 2019; Brackett-Rozinsky & Lemire 2024).
func rejected(m, k uint64) uint64 {
	if power(m, k) > 2*maxDigits {
		return 0
	}
	p := uint64(1)
	for range k {
		p *= m
	}
	return -p % p
}

// stream is xoroshiro128++ (Blackman & Vigna 2021), begun with two words of the house's source. It makes a word without a multiplication: those
// of the loops are for the positions. Two words stay in registers beside them.
type stream struct{ a, b uint64 }

// next is the next word, and the stream after it.
func (s stream) next() (uint64, stream) {
	word := bits.RotateLeft64(s.a+s.b, 17) + s.a
	s.b ^= s.a
	s.a = bits.RotateLeft64(s.a, 49) ^ s.b ^ s.b<<21
	s.b = bits.RotateLeft64(s.b, 28)
	return word, s
}

// again is called where a draw has to be made again. It does nothing: the call tells the compiler that this is rare.
//
//go:noinline
func again() {}

// near decides a sum that the codes do not: 1 when it is less than the observed one; ties are taken down.
func (h *hand) near(positions ...uint64) int {
	if h.exact {
		h.same++
		return 0
	}
	sum := 0.0
	for _, p := range positions {
		sum += h.values[h.at(p)]
	}
	return h.compare(sum, sum)
}

// at is the unit at a position.
func (h *hand) at(position uint64) uint64 {
	if position == h.unit {
		return h.m
	}
	return position
}

// compare is 1 when the sum is less than the observed one, with ties taken down.
func (h *hand) compare(sum, size float64) int {
	d := sum - h.sum
	switch {
	case math.Abs(d) <= TieTolerance*max(size, h.size):
		h.same++
	case d < 0:
		return 1
	}
	return 0
}

// many draws any number of neighbours one after the other, each from those that are left, with any weights.
func (h *hand) many() (less int) {
	st, m := h.stream, h.m
	for range h.reps {
		h.turn()
		got, sum, size := 0, 0.0, 0.0
		for got < h.k {
			word, next := st.next()
			st = next
			a, r := bits.Mul64(word, m)
			b, r := bits.Mul64(r, m)
			if r < h.pair {
				continue
			}
			for _, p := range [2]uint64{a, b} {
				if got == h.k || h.stamp[p] == h.now {
					continue
				}
				h.stamp[p] = h.now
				v := h.values[h.at(p)]
				if h.w != nil {
					v *= h.w[got]
				}
				sum += v
				size += math.Abs(v)
				got++
			}
		}
		less += h.compare(sum, size)
	}
	h.stream = st
	return less
}

// turn begins a replicate of many.
func (h *hand) turn() {
	h.now++
	if h.now == 0 {
		clear(h.stamp)
		h.now = 1
	}
}
