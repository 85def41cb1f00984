package tiles

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
)

// extent is a box in fixed-point Mercator, both ends included.
type extent struct{ minX, minY, maxX, maxY uint32 }

// nothing is the extent that holds no point.
var nothing = extent{math.MaxUint32, math.MaxUint32, 0, 0}

func (e extent) with(f extent) extent {
	return extent{min(e.minX, f.minX), min(e.minY, f.minY), max(e.maxX, f.maxX), max(e.maxY, f.maxY)}
}

func (e extent) meets(f extent) bool {
	return e.minX <= f.maxX && f.minX <= e.maxX && e.minY <= f.maxY && f.minY <= e.maxY
}

// tileExtent is the ground of tile x, y at zoom z, with its buffer and half a unit for what rounds into it.
func tileExtent(z, x, y int) extent {
	unit := int64(1) << unitBits(z)
	side, margin := unit*Extent, unit*Buffer+unit/2
	low := func(n int) uint32 { return uint32(max(int64(n)*side-margin, 0)) }
	high := func(n int) uint32 { return uint32(min(int64(n+1)*side+margin, math.MaxUint32)) }
	return extent{low(x), low(y), high(x), high(y)}
}

// fan is how many children a node of the index has.
const fan = 16

// index is a packed R-tree (Roussopoulos and Leifker 1985): items by place along a Hilbert curve, 16 to a node, nodes of
// each level 16 to a node above.
type index struct {
	boxes  []extent   // by item
	order  []uint32   // items along the curve
	levels [][]extent // boxes of nodes, the lowest level first
}

// newIndex packs the items and keeps boxes. ordered says that neighbours in the list are neighbours on the ground already.
func newIndex(boxes []extent, ordered bool) index {
	ix := index{boxes: boxes, order: make([]uint32, len(boxes))}
	for i := range ix.order {
		ix.order[i] = uint32(i)
	}
	if !ordered {
		keys := make([]uint64, len(boxes))
		for i, b := range boxes {
			keys[i] = hilbert(b.minX/2+b.maxX/2, b.minY/2+b.maxY/2)
		}
		slices.SortFunc(ix.order, func(a, b uint32) int {
			return cmp.Or(cmp.Compare(keys[a], keys[b]), cmp.Compare(a, b))
		})
	}
	level := make([]extent, 0, len(boxes)/fan+1)
	for items := range slices.Chunk(ix.order, fan) {
		sum := nothing
		for _, i := range items {
			sum = sum.with(boxes[i])
		}
		level = append(level, sum)
	}
	ix.levels = append(ix.levels, level)
	for len(level) > 1 {
		level = pack(level)
		ix.levels = append(ix.levels, level)
	}
	return ix
}

// pack is the boxes of the nodes above.
func pack(level []extent) []extent {
	up := make([]extent, 0, len(level)/fan+1)
	for nodes := range slices.Chunk(level, fan) {
		sum := nothing
		for _, b := range nodes {
			sum = sum.with(b)
		}
		up = append(up, sum)
	}
	return up
}

// hilbert is the place of a position along the Hilbert curve that fills the world.
func hilbert(x, y uint32) (d uint64) {
	for s := uint32(1) << 31; s > 0; s /= 2 {
		d <<= 2
		switch rx, ry := x&s != 0, y&s != 0; {
		case rx && ry:
			d |= 2
		case rx:
			d |= 3
			x, y = ^y, ^x
		case ry:
			d |= 1
		default:
			x, y = y, x
		}
	}
	return d
}

// hits is a set of items, kept between searches.
type hits struct {
	words  []uint64
	lo, hi int // the range of words that may be set
}

// search marks the items whose box meets e.
func (ix *index) search(e extent, h *hits) {
	h.words = grown(h.words, (len(ix.order)+63)/64)
	h.lo, h.hi = len(h.words), -1
	if len(ix.order) > 0 {
		ix.descend(len(ix.levels)-1, 0, e, h)
	}
}

func (ix *index) descend(level, node int, e extent, h *hits) {
	if !ix.levels[level][node].meets(e) {
		return
	}
	if level == 0 {
		ix.leaf(node, e, h)
		return
	}
	for child := node * fan; child < min(node*fan+fan, len(ix.levels[level-1])); child++ {
		ix.descend(level-1, child, e, h)
	}
}

func (ix *index) leaf(node int, e extent, h *hits) {
	for _, i := range ix.order[node*fan : min(node*fan+fan, len(ix.order))] {
		if ix.boxes[i].meets(e) {
			w := int(i / 64)
			h.words[w] |= 1 << (i % 64)
			h.lo, h.hi = min(h.lo, w), max(h.hi, w)
		}
	}
}

// drain yields the marked items in ascending order and unmarks them.
func (h *hits) drain(yield func(int)) {
	for w := h.lo; w <= h.hi; w++ {
		for b := h.words[w]; b != 0; b &= b - 1 {
			yield(w*64 + bits.TrailingZeros64(b))
		}
		h.words[w] = 0
	}
}

// grown is s with at least n elements, those beyond its old length zero.
func grown(s []uint64, n int) []uint64 {
	if len(s) < n {
		s = append(s, make([]uint64, n-len(s))...)
	}
	return s
}
