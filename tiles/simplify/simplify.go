// Package simplify decides at which zooms the vertices of polygons are drawn, so that polygons that share a border go on
// sharing it: no gap and no overlap opens in a partition.
//
// Positions are fixed-point spherical Mercator (EPSG:3857), x to the east and y to the south, the world 2^32 wide. A lattice
// unit of zoom z is 2^(20-z) of those, a tile 4096 units. Every function is pure and safe for concurrent use.
package simplify

// Never is the rank of a vertex that is drawn at no zoom: one more than the last.
const Never = 17

// unitBits is how many bits of a position lie below the lattice unit of zoom 0.
const unitBits = 20

// maxDepth is how often an arc is split at its farthest vertex before it is split in the middle. Borders and coasts need
// less than half of it.
const maxDepth = 64

// Ranks is, for every vertex, the lowest zoom at which it is drawn: 0 to 16, or [Never]. xy is the positions of all rings of
// all polygons of a layer one after the other, each without a closing point; ends is where each ring ends, exclusive, and
// the last end is len(xy). The tolerance is in lattice units and not negative.
//
// The vertices of rank z or less make the outline at zoom z. It departs from the true one by at most the tolerance, before
// it is rounded to the lattice, and what is drawn at one zoom is drawn at every later one. Equal positions have equal ranks
// wherever they occur, whatever the order, the turn and the start of the rings; that is what keeps neighbours aligned.
// Neighbours whose common border does not have the same vertices are simplified each on its own.
//
// A ring that does not touch itself and is more than three times as long as the tolerance keeps at least three vertices,
// though perhaps on one line. A smaller one may come down to two or one: it needs another way to be drawn. Simplified outlines may
// touch or cross, so they need a repair.
//
// Method: arcs between junctions, each by Douglas & Peucker (1973) with distances to segments; the tree of splits is walked
// once for all zooms, a vertex being drawn no earlier than the one that its piece was split at. That takes n log n for usual
// outlines. Past 64 splits, which the worst input can force, pieces are halved: n·(64 + log n), and a few vertices
// more than needed.
func Ranks(xy [][2]uint32, ends []uint32, tolerance float64) []uint8 {
	n := newNetwork(xy, ends)
	t := newThinner(tolerance)
	for i := range n.nodes {
		if !n.nodes[i].done {
			n.trace(uint32(i), &t.arc)
			t.thin(n)
		}
	}
	ranks := make([]uint8, len(xy))
	for i, node := range n.at {
		ranks[i] = n.nodes[node].rank
	}
	return ranks
}

// thinner ranks the vertices of one arc after the other and keeps its memory.
type thinner struct {
	arc    arc
	limits [Never]float64 // by zoom: the square of the tolerance
	stack  []piece
}

// piece is a part of an arc both ends of which are drawn at zoom rank and later.
type piece struct {
	from, to int
	depth    int
	rank     uint8
	open     bool // it must not become a straight line while it is longer than the tolerance
}

func newThinner(tolerance float64) *thinner {
	t := new(thinner)
	for z := range t.limits {
		d := tolerance * float64(uint32(1)<<(unitBits-z))
		t.limits[z] = d * d
	}
	return t
}

// rank is the first zoom at which a distance, squared, is more than the tolerance.
func (t *thinner) rank(d2 float64) uint8 {
	z := Never
	for z > 0 && d2 > t.limits[z-1] {
		z--
	}
	return uint8(z)
}

// thin ranks the nodes of the arc, save its ends.
func (t *thinner) thin(n *network) {
	last := len(t.arc.nodes) - 1
	t.stack = append(t.stack[:0], piece{to: last, open: t.arc.open})
	for len(t.stack) > 0 {
		p := t.stack[len(t.stack)-1]
		t.stack = t.stack[:len(t.stack)-1]
		at, rank := t.split(p)
		if rank == Never {
			continue
		}
		n.nodes[t.arc.nodes[at]].rank = rank
		open := p.open && t.arc.points[p.from] == t.arc.points[p.to] // both halves of a loop
		t.stack = append(t.stack, piece{p.from, at, p.depth + 1, rank, open}, piece{at, p.to, p.depth + 1, rank, open})
	}
}

// split is where to split p, and the first zoom that needs it. Any vertex would keep the deviation within the tolerance,
// because the rank is that of the farthest one.
func (t *thinner) split(p piece) (at int, rank uint8) {
	at, d2 := farthest(t.arc.points[p.from : p.to+1])
	if d2 == 0 {
		return 0, Never
	}
	if p.open {
		d2 = max(d2, distance2(t.arc.points[p.from], t.arc.points[p.to]))
	}
	if p.depth >= maxDepth {
		at = (p.to - p.from) / 2
	}
	return p.from + at, max(p.rank, t.rank(d2))
}

// point is a position; differences of positions are exact.
type point struct{ x, y float64 }

func distance2(a, b point) float64 {
	dx, dy := b.x-a.x, b.y-a.y
	return dx*dx + dy*dy
}

// farthest is the first of the vertices farthest from the segment that joins the ends of the chain, and the square of its
// distance; 0 when all lie on the segment.
func farthest(chain []point) (at int, d2 float64) {
	a, b := chain[0], chain[len(chain)-1]
	dx, dy := b.x-a.x, b.y-a.y
	length2 := dx*dx + dy*dy
	for i, p := range chain {
		ux, uy := p.x-a.x, p.y-a.y
		var d float64
		switch along := ux*dx + uy*dy; {
		case along <= 0:
			d = ux*ux + uy*uy
		case along >= length2:
			d = distance2(p, b)
		default:
			cross := ux*dy - uy*dx
			d = cross * cross / length2
		}
		if d > d2 {
			at, d2 = i, d
		}
	}
	return at, d2
}
