package disclosure

import (
	"slices"

	"wangge/grids/mesh"
)

// Bucket is a group of at least K events that is published as one: those in Cell that no finer bucket holds.
type Bucket struct {
	Cell mesh.Cell
	N    int
}

// Partition divides events, counted by cell, into buckets that may be shown. A cell with fewer than K events is rolled up into
// its parent, together with its small siblings only, until there are K of them or the resolution coarsest is reached;
// what is still below K there, or in a cell coarser than that, is hidden. Every event is in one bucket or hidden:
// the sum of the buckets plus hidden is the total. Counts below 1 are no events.
//
// A bucket of a parent never contains the events of children that have a bucket of their own, so subtracting buckets
// isolates nothing. hidden is for audit: see the package comment before showing it. The buckets come coarse cells first,
// then by cell, whatever the order of the map.
func (p Policy) Partition(counts map[mesh.Cell]int, coarsest int) (shown []Bucket, hidden int) {
	cells := make([]Bucket, 0, len(counts))
	for c, n := range counts {
		cells = append(cells, Bucket{c, n})
	}
	slices.SortFunc(cells, func(a, b Bucket) int { return mesh.DescendantsFirst(a.Cell, b.Cell) })
	c := climb{policy: p, coarsest: max(coarsest, 0)}
	for _, b := range cells {
		c.add(b.Cell, b.N)
	}
	return c.end()
}

// PartitionSorted is [Policy.Partition] for cells of one resolution in ascending order, each once; counts[i] is that of
// cells[i]. It takes linear time. The order is not checked: out of order,
// what belongs together comes apart.
func (p Policy) PartitionSorted(cells []mesh.Cell, counts []uint32, coarsest int) (shown []Bucket, hidden int) {
	c := climb{policy: p, coarsest: max(coarsest, 0)}
	for i, cell := range cells {
		c.add(cell, int(counts[i]))
	}
	return c.end()
}

// climb is one way over all cells, descendants first. A cell is settled when the way leaves it: by then all that comes
// up to it is there.
type climb struct {
	policy   Policy
	coarsest int
	last     mesh.Cell    // the way stands in it and its ancestors
	waiting  [16]int      // by resolution: events of the cell that the way stands in, not in a bucket
	shown    [16][]Bucket // by resolution
	hidden   int
}

// add goes on to cell, which holds n events.
func (c *climb) add(cell mesh.Cell, n int) {
	if n <= 0 {
		return
	}
	c.leave(c.last.Shared(cell))
	c.last = cell
	c.waiting[cell.Resolution()] += n
}

// leave settles the cells that are finer than resolution res, -1 for all.
func (c *climb) leave(res int) {
	for r := c.last.Resolution(); r > res; r-- {
		n := c.waiting[r]
		c.waiting[r] = 0
		switch {
		case c.policy.shows(n):
			c.shown[r] = append(c.shown[r], Bucket{c.last.Parent(r), n})
		case r > c.coarsest:
			c.waiting[r-1] += n
		default:
			c.hidden += n
		}
	}
}

// end settles everything. Coarse cells come first.
func (c *climb) end() (shown []Bucket, hidden int) {
	c.leave(-1)
	return slices.Concat(c.shown[:]...), c.hidden
}
