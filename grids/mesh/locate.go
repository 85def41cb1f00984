package mesh

import (
	"cmp"
	"math"
	"slices"

	"github.com/paulmach/orb"

	"wangge/grids"
)

// Zone is an area with a code that points are looked up in: a town, a village, a grid.
type Zone struct {
	Code     grids.Code
	Geometry orb.MultiPolygon
}

// Locator finds the zones that cover a point, exactly: a point on an edge or a corner is covered by every zone that
// it borders, and the answer holds to the last bit of the coordinates. It is immutable and safe for concurrent use.
//
// The box of all zones is cut into buckets. A bucket lists the polygons that reach into it, those that fill it marked,
// so that most points need no geometry at all. The rest is decided by counting crossings with the few edges at
// the point's latitude, with an exact orientation test.
type Locator struct {
	box      orb.Bound
	side     int     // buckets a side
	perX     float64 // buckets a degree
	perY     float64
	start    []uint32 // of each bucket in entries, and the end
	entries  []entry
	polygons []polygon // lowest code first
}

// entry is a polygon's place in Locator.polygons, doubled, plus one when the polygon fills the bucket.
type entry uint32

// The limits of the bucket table: 512² buckets are one megabyte.
const (
	minSide = 16
	maxSide = 512
)

// NewLocator builds the look-up of the zones. A polygon that is a single point, or has a corner without finite
// coordinates, covers nothing. Of a ring that crosses itself the even-odd rule tells the inside.
func NewLocator(zones []Zone) *Locator {
	l := &Locator{}
	edges := 0
	for _, z := range lowestFirst(zones) {
		for _, p := range zones[z].Geometry {
			if pol := newPolygon(z, p); len(pol.edges) > 0 {
				l.polygons = append(l.polygons, pol)
				edges += len(pol.edges)
			}
		}
	}
	l.divide(edges)
	l.fill()
	return l
}

// lowestFirst orders the zones by code; of equal codes the one given first leads.
func lowestFirst(zones []Zone) []int {
	order := make([]int, len(zones))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(zones[i].Code, zones[j].Code) })
	return order
}

// divide sets the box and its buckets: the more edges, the finer.
func (l *Locator) divide(edges int) {
	for i, p := range l.polygons {
		if i == 0 {
			l.box = p.box
		}
		l.box = l.box.Union(p.box)
	}
	l.side = min(max(int(math.Sqrt(float64(8*edges))), minSide), maxSide)
	l.perX = perDegree(l.side, l.box.Max[0]-l.box.Min[0])
	l.perY = perDegree(l.side, l.box.Max[1]-l.box.Min[1])
}

// perDegree is how many of n slices a degree holds when they share the width; 0, so that all falls in the first, for no width.
func perDegree(n int, width float64) float64 {
	if per := float64(n) / width; width > 0 && !math.IsInf(per, 0) {
		return per
	}
	return 0
}

// slice is the slice that v falls in, of n slices of 1/per from lo. It never falls as v grows, rounding
// included: an edge from v1 to v2 needs to be known in the slices from slice(v1) to slice(v2) and in no other.
func slice(v, lo, per float64, n int) int {
	return min(max(int((v-lo)*per), 0), n-1)
}

func (l *Locator) column(x float64) int { return slice(x, l.box.Min[0], l.perX, l.side) }
func (l *Locator) row(y float64) int    { return slice(y, l.box.Min[1], l.perY, l.side) }

// fill lists in each bucket the polygons that reach into it.
func (l *Locator) fill() {
	lists := make([][]entry, l.side*l.side)
	for i := range l.polygons {
		l.enter(lists, i)
	}
	l.start = make([]uint32, 1, len(lists)+1)
	for _, list := range lists {
		l.entries = append(l.entries, list...)
		l.start = append(l.start, uint32(len(l.entries)))
	}
}

// enter adds polygon i to the buckets of its box that an edge may touch, and as filling to those inside.
func (l *Locator) enter(lists [][]entry, i int) {
	p := &l.polygons[i]
	x0, x1 := l.column(p.box.Min[0]), l.column(p.box.Max[0])
	touched := make([]bool, x1-x0+1)
	for row := l.row(p.box.Min[1]); row <= l.row(p.box.Max[1]); row++ {
		clear(touched)
		for _, e := range p.edges {
			from, to := l.columns(e, row)
			for x := from; x <= to; x++ {
				touched[x-x0] = true
			}
		}
		inside, known := false, false // untouched neighbours lie on the same side
		for x := x0; x <= x1; x++ {
			bucket := row*l.side + x
			switch {
			case touched[x-x0]:
				known = false
				lists[bucket] = append(lists[bucket], entry(2*i))
				continue
			case !known:
				inside, known = p.covers(l.middle(x, row)), true
			}
			if inside {
				lists[bucket] = append(lists[bucket], entry(2*i+1))
			}
		}
	}
}

// middle is the centre of a bucket.
func (l *Locator) middle(column, row int) orb.Point {
	return orb.Point{l.box.Min[0] + (float64(column)+.5)/l.perX, l.box.Min[1] + (float64(row)+.5)/l.perY}
}

// columns are the first and last column that the edge may touch in a row, with one to spare on either side where the
// edge crosses the row slantwise; from > to when it does not reach the row.
func (l *Locator) columns(e edge, row int) (from, to int) {
	low, high := min(e.a[1], e.b[1]), max(e.a[1], e.b[1])
	if l.row(low) > row || l.row(high) < row {
		return 0, -1
	}
	from, to = l.column(min(e.a[0], e.b[0])), l.column(max(e.a[0], e.b[0]))
	if to-from < 3 || high == low {
		return from, to
	}
	at := func(y float64) float64 {
		return e.a[0] + (e.b[0]-e.a[0])*(min(max(y, low), high)-e.a[1])/(e.b[1]-e.a[1])
	}
	xa := at(l.box.Min[1] + float64(row)/l.perY)
	xb := at(l.box.Min[1] + float64(row+1)/l.perY)
	return max(from, l.column(min(xa, xb))-1), min(to, l.column(max(xa, xb))+1)
}

// at lists what a point's bucket holds, nothing outside the box or for NaN.
func (l *Locator) at(p orb.Point) []entry {
	if !(p[0] >= l.box.Min[0] && p[0] <= l.box.Max[0] && p[1] >= l.box.Min[1] && p[1] <= l.box.Max[1]) {
		return nil
	}
	b := l.row(p[1])*l.side + l.column(p[0])
	return l.entries[l.start[b]:l.start[b+1]]
}

// Locate is the zone that owns p, as an index into the zones given to NewLocator: of all zones that cover p the one with the
// lowest code, so that a point on a shared edge or corner has exactly one owner. Without one it is -1, false. It
// does not allocate.
func (l *Locator) Locate(p orb.Point) (i int, ok bool) {
	for _, e := range l.at(p) {
		if pol := &l.polygons[e/2]; e&1 == 1 || pol.covers(p) {
			return pol.zone, true
		}
	}
	return -1, false
}

// Covering lists every zone that covers p, lowest code first, as indexes into the zones given to NewLocator.
func (l *Locator) Covering(p orb.Point) []int {
	var out []int
	for _, e := range l.at(p) {
		pol := &l.polygons[e/2]
		if n := len(out); n > 0 && out[n-1] == pol.zone {
			continue // another polygon of the same zone
		}
		if e&1 == 1 || pol.covers(p) {
			out = append(out, pol.zone)
		}
	}
	return out
}
