package disclosure

import (
	"cmp"
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
	waiting := byResolution(counts)
	for res := len(waiting) - 1; res >= 0; res-- {
		level := waiting[res]
		slices.SortFunc(level, func(a, b Bucket) int { return cmp.Compare(a.Cell, b.Cell) })
		for _, b := range merge(level) {
			switch {
			case p.shows(b.N):
				shown = append(shown, b)
			case res > max(coarsest, 0):
				waiting[res-1] = append(waiting[res-1], Bucket{b.Cell.Parent(res - 1), b.N})
			default:
				hidden += b.N
			}
		}
	}
	slices.SortFunc(shown, coarseFirst)
	return shown, hidden
}

// byResolution sorts the positive counts into one list a resolution, 0 to 15.
func byResolution(counts map[mesh.Cell]int) (lists [16][]Bucket) {
	for c, n := range counts {
		if n > 0 {
			lists[c.Resolution()] = append(lists[c.Resolution()], Bucket{c, n})
		}
	}
	return lists
}

// merge adds up neighbours of the same cell in place.
func merge(sorted []Bucket) []Bucket {
	out := sorted[:0]
	for _, b := range sorted {
		if n := len(out); n > 0 && out[n-1].Cell == b.Cell {
			out[n-1].N += b.N
			continue
		}
		out = append(out, b)
	}
	return out
}

// coarseFirst orders buckets by resolution, then cell. The resolution leads among the bits of an H3 index.
func coarseFirst(a, b Bucket) int { return cmp.Compare(a.Cell, b.Cell) }
