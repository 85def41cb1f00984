package simplify

import (
	"cmp"
	"slices"
)

// network is the distinct positions of all rings, and which of them follow each other. Whether a position is a junction, and
// which arc it lies in otherwise, does not depend on the ring: so each arc is found once, and ranks belong to positions.
type network struct {
	at    []uint32 // by vertex: its node
	nodes []node
}

// node is one position. One that is no junction has two neighbours, the same in every ring that passes.
type node struct {
	xy        [2]uint32
	neighbour [2]uint32
	ring      uint32 // the last one that passed, counted from 1
	degree    uint8  // distinct neighbours, up to two
	rank      uint8
	junction  bool
	lens      bool // lies on a ring with two junctions
	done      bool // has its rank, or is on the arc in hand
}

// arc is a chain of nodes between junctions, both included, in a direction that depends on the positions alone.
type arc struct {
	nodes  []uint32
	points []point
	open   bool // a ring would lose its area with the bends of this arc: it is a loop, or a side of a lens
}

func newNetwork(xy [][2]uint32, ends []uint32) *network {
	n := &network{at: make([]uint32, len(xy)), nodes: make([]node, 0, len(xy)/2)}
	known := make(map[[2]uint32]uint32, len(xy)/2)
	for i, p := range xy {
		at, ok := known[p]
		if !ok {
			at = uint32(len(n.nodes))
			known[p] = at
			n.nodes = append(n.nodes, node{xy: p, rank: Never})
		}
		n.at[i] = at
	}
	n.eachRing(ends, n.join)
	for i := range n.nodes {
		if v := &n.nodes[i]; v.junction {
			v.rank, v.done = 0, true
		}
	}
	n.eachRing(ends, n.markLens)
	return n
}

// eachRing calls do with the nodes of each ring, counted from 1, a node that repeats the one before it left out.
func (n *network) eachRing(ends []uint32, do func(ring uint32, nodes []uint32)) {
	var nodes []uint32
	from := uint32(0)
	for i, end := range ends {
		nodes = slices.Compact(append(nodes[:0], n.at[from:end]...))
		for len(nodes) > 1 && nodes[0] == nodes[len(nodes)-1] {
			nodes = nodes[:len(nodes)-1]
		}
		do(uint32(i+1), nodes)
		from = end
	}
}

// join makes the nodes of a ring neighbours, and junctions of those that it passes twice or turns back at.
func (n *network) join(ring uint32, nodes []uint32) {
	for i, at := range nodes {
		before, after := nodes[(i+len(nodes)-1)%len(nodes)], nodes[(i+1)%len(nodes)]
		v := &n.nodes[at]
		if v.ring == ring || before == after {
			v.junction = true
		}
		v.ring = ring
		v.meet(before)
		v.meet(after)
	}
}

// meet adds a neighbour; a third one makes v a junction.
func (v *node) meet(neighbour uint32) {
	switch {
	case v.degree > 0 && v.neighbour[0] == neighbour || v.degree > 1 && v.neighbour[1] == neighbour:
	case v.degree == 2:
		v.junction = true
	default:
		v.neighbour[v.degree] = neighbour
		v.degree++
	}
}

// markLens marks the nodes of a ring that has two junctions: straight between them it would have no area.
func (n *network) markLens(_ uint32, nodes []uint32) {
	junctions := 0
	for _, at := range nodes {
		if n.nodes[at].junction {
			junctions++
		}
	}
	if junctions != 2 {
		return
	}
	for _, at := range nodes {
		n.nodes[at].lens = true
	}
}

// trace finds the arc on which node at, no junction, lies. A ring without junctions starts and ends at its first position by
// x, then y, which is then done and has rank 0.
func (n *network) trace(at uint32, a *arc) {
	start := n.nodes[at].neighbour[0]
	before := at
	first := at // of the positions of a ring without junctions
	for ; start != at && !n.nodes[start].junction; before, start = start, n.after(before, start) {
		if inOrder(n.nodes[start].xy, n.nodes[first].xy) < 0 {
			first = start
		}
	}
	next := before
	if start == at {
		start, next = first, n.nodes[first].neighbour[0]
		n.nodes[start].rank = 0
	}
	a.nodes = append(a.nodes[:0], start)
	for from, v := start, next; ; from, v = v, n.after(from, v) {
		a.nodes = append(a.nodes, v)
		if v == start || n.nodes[v].junction {
			break
		}
	}
	n.finish(a)
}

// after is where the way from one node to its neighbour, no junction, goes on.
func (n *network) after(from, to uint32) uint32 {
	v := &n.nodes[to]
	if v.neighbour[0] == from {
		return v.neighbour[1]
	}
	return v.neighbour[0]
}

// finish turns the arc the canonical way and takes its positions.
func (n *network) finish(a *arc) {
	last := len(a.nodes) - 1
	xy := func(i int) [2]uint32 { return n.nodes[a.nodes[i]].xy }
	if cmp.Or(inOrder(xy(0), xy(last)), inOrder(xy(1), xy(last-1))) > 0 {
		slices.Reverse(a.nodes)
	}
	a.open = a.nodes[0] == a.nodes[last] || n.nodes[a.nodes[1]].lens
	a.points = a.points[:0]
	for _, at := range a.nodes {
		v := &n.nodes[at]
		v.done = true
		a.points = append(a.points, point{float64(v.xy[0]), float64(v.xy[1])})
	}
}

// inOrder compares positions by x, then y.
func inOrder(a, b [2]uint32) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) }
