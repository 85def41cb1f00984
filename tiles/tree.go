package tiles

import (
	"cmp"
	"math"
	"slices"

	"wangge/tiles/lattice"
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

// centre is the middle of e.
func (e extent) centre() [2]uint32 {
	return [2]uint32{e.minX + (e.maxX-e.minX)/2, e.minY + (e.maxY-e.minY)/2}
}

// padded is e with a quarter of its size more on every side.
func (e extent) padded() extent {
	w, h := (e.maxX-e.minX)/4, (e.maxY-e.minY)/4
	return extent{e.minX - min(w, e.minX), e.minY - min(h, e.minY), e.maxX + min(w, math.MaxUint32-e.maxX), e.maxY + min(h, math.MaxUint32-e.maxY)}
}

// tileExtent is the ground of tile x, y at zoom z, with its buffer and what rounds or is simplified into it.
func tileExtent(z, x, y int) extent {
	unit := int64(1) << lattice.UnitBits(z)
	side, margin := unit*Extent, unit*(Buffer+slack)
	low := func(n int) uint32 { return uint32(max(int64(n)*side-margin, 0)) }
	high := func(n int) uint32 { return uint32(min(int64(n+1)*side+margin, math.MaxUint32)) }
	return extent{low(x), low(y), high(x), high(y)}
}

// slack is how many units a drawn outline may lie beside its box: half a unit of rounding, or a square for what is too small.
const slack = 1

// node is a part of a region quadtree (Samet 1984) over the centres of the features' boxes. A part with at most leafSize
// features is a leaf, one with more has four quarters: so the tree depends on what it holds alone and not on how it came
// about. Its features come in the order of [curve], whatever its parts: two trees that hold the same give the same tiles.
// A node never changes; a changed tree shares the others' nodes.
type node struct {
	box  extent // of all features in it
	n    int    // how many these are
	leaf *leaf
	kids [4]*node // nil where there is none
}

// leaf is features and their attributes.
type leaf struct {
	*shape
	tags []uint32 // by feature and column: an entry of the values, or noTag; noFeature in the first column hides the feature
}

const (
	leafSize = 32
	maxDepth = 18 // about 150 m: many features in one place stay in one leaf
)

// row is a feature on its way into a tree.
type row struct {
	id      uint64
	box     extent
	at      [2]uint32 // centre of the box
	minZoom uint8
	point   bool
	rings   []span // ends count from the row's first position
	xy      [][2]uint32
	ranks   []uint8 // by position; nil when all are drawn at every zoom
	tags    []uint32
}

// quarter is which part of a node at that depth the position lies in.
func quarter(at [2]uint32, depth int) int {
	bit := uint(lattice.WorldBits - 1 - depth)
	return int(at[0]>>bit&1 | at[1]>>bit&1<<1)
}

// curve is the place of a position along the Z-order curve (Morton 1966), in which a tree visits its quarters.
func curve(at [2]uint32) uint64 { return spread(at[0]) | spread(at[1])<<1 }

// spread is the bits of v with a zero between any two.
func spread(v uint32) uint64 {
	x := uint64(v)
	x = (x | x<<16) & 0x0000ffff0000ffff
	x = (x | x<<8) & 0x00ff00ff00ff00ff
	x = (x | x<<4) & 0x0f0f0f0f0f0f0f0f
	x = (x | x<<2) & 0x3333333333333333
	return (x | x<<1) & 0x5555555555555555
}

// grow is the tree of the rows, which it sorts; nil for none.
func grow(rows []row, depth, columns int) *node {
	if len(rows) == 0 {
		return nil
	}
	if len(rows) <= leafSize || depth == maxDepth {
		l := newLeaf(rows, columns)
		return &node{box: l.bounds(), n: len(rows), leaf: l}
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(quarter(a.at, depth), quarter(b.at, depth)) })
	n := &node{}
	for q, from := 0, 0; q < 4; q++ {
		to := from
		for to < len(rows) && quarter(rows[to].at, depth) == q {
			to++
		}
		n.kids[q] = grow(rows[from:to], depth+1, columns)
		from = to
	}
	return n.summed()
}

// summed fills in what a node knows of its quarters.
func (n *node) summed() *node {
	n.box, n.n = nothing, 0
	for _, k := range n.kids {
		if k != nil {
			n.box, n.n = n.box.with(k.box), n.n+k.n
		}
	}
	return n
}

// edit is one step from a tree to the next: with a row the feature is added, with tags alone its attributes are replaced,
// with neither it is removed. at is the centre of the box it has in the tree it is applied to.
type edit struct {
	id   uint64
	at   [2]uint32
	row  *row
	tags []uint32
}

// apply is the tree after the edits, which it sorts; n may be nil, and so may the result.
func (n *node) apply(edits []edit, depth, columns int) *node {
	switch {
	case len(edits) == 0:
		return n
	case n == nil:
		return grow(added(nil, edits), depth, columns)
	case n.leaf != nil:
		return n.leaf.apply(edits, depth, columns)
	}
	slices.SortStableFunc(edits, func(a, b edit) int { return cmp.Compare(quarter(a.at, depth), quarter(b.at, depth)) })
	next := &node{}
	for q, from := 0, 0; q < 4; q++ {
		to := from
		for to < len(edits) && quarter(edits[to].at, depth) == q {
			to++
		}
		next.kids[q] = n.kids[q].apply(edits[from:to], depth+1, columns)
		from = to
	}
	if next.summed(); next.n <= leafSize {
		var rows []row
		next.each(func(l *leaf) { rows = l.rows(rows, columns) })
		return grow(rows, depth, columns)
	}
	return next
}

// apply is the node that takes the leaf's place. A leaf whose attributes alone change keeps its shape, with all that was
// drawn of it.
func (l *leaf) apply(edits []edit, depth, columns int) *node {
	shapes := slices.ContainsFunc(edits, func(e edit) bool { return e.row != nil || e.tags == nil })
	if shapes {
		return grow(added(l.rows(nil, columns), edits), depth, columns)
	}
	next := &leaf{l.shape, slices.Clone(l.tags)}
	for _, e := range edits {
		if i, ok := l.find(e.id); ok {
			copy(next.tags[i*columns:], e.tags)
		}
	}
	return &node{box: next.bounds(), n: len(next.features) - 1, leaf: next}
}

// added is the rows after the edits.
func added(rows []row, edits []edit) []row {
	for _, e := range edits {
		if e.row != nil {
			rows = append(rows, *e.row)
			continue
		}
		at := slices.IndexFunc(rows, func(r row) bool { return r.id == e.id })
		switch {
		case at >= 0 && e.tags != nil:
			rows[at].tags = e.tags
		case at >= 0:
			rows = slices.Delete(rows, at, at+1)
		}
	}
	return rows
}

// each visits the leaves in order.
func (n *node) each(visit func(*leaf)) {
	switch {
	case n == nil:
	case n.leaf != nil:
		visit(n.leaf)
	default:
		for _, k := range n.kids {
			k.each(visit)
		}
	}
}

// within visits the leaves whose box meets e, in order.
func (n *node) within(e extent, visit func(*leaf)) {
	switch {
	case n == nil || !n.box.meets(e):
	case n.leaf != nil:
		visit(n.leaf)
	default:
		for _, k := range n.kids {
			k.within(e, visit)
		}
	}
}

// dressed is the part of the tree that has all that meets the box, with the attributes that tags gives to each leaf; a leaf for
// which it gives nil is left out.
func (n *node) dressed(over extent, tags func(*leaf) []uint32) *node {
	if n == nil || !n.box.meets(over) {
		return nil
	}
	if n.leaf != nil {
		t := tags(n.leaf)
		if t == nil {
			return nil
		}
		return &node{box: n.box, n: n.n, leaf: &leaf{n.leaf.shape, t}}
	}
	next := &node{}
	for q, k := range n.kids {
		next.kids[q] = k.dressed(over, tags)
	}
	if next.summed(); next.n == 0 {
		return nil
	}
	return next
}
