package mesh

import (
	"math"

	"github.com/paulmach/orb"
)

// edge is one straight piece of a ring.
type edge struct{ a, b orb.Point }

// polygon is one polygon of a zone, made ready for exact containment tests: its edges by slices of latitude.
type polygon struct {
	zone  int
	box   orb.Bound
	edges []edge   // each once
	perY  float64  // slices a degree
	start []uint32 // of each slice in sliced, and the end
	cut   []edge   // the edges of slice after slice; an edge is in every slice that it reaches
}

// edgesPerSlice is how many edges a slice starts with on average; an edge that spans more slices is in each.
const edgesPerSlice = 2

// newPolygon prepares p for the zone of that index; one without extent or with a corner that is not finite has none.
func newPolygon(zone int, p orb.Polygon) polygon {
	pol := polygon{zone: zone, edges: edgesOf(p)}
	if len(pol.edges) == 0 {
		return pol
	}
	pol.box = orb.Bound{Min: pol.edges[0].a, Max: pol.edges[0].a}
	for _, e := range pol.edges {
		pol.box = pol.box.Extend(e.a) // of all rings: a broken polygon's hole may stick out
	}
	slices := max(1, len(pol.edges)/edgesPerSlice)
	pol.perY = perDegree(slices, pol.box.Max[1]-pol.box.Min[1])
	lists := make([][]edge, slices)
	for _, e := range pol.edges {
		for s := pol.slice(min(e.a[1], e.b[1]), slices); s <= pol.slice(max(e.a[1], e.b[1]), slices); s++ {
			lists[s] = append(lists[s], e)
		}
	}
	pol.start = make([]uint32, 1, slices+1)
	for _, list := range lists {
		pol.cut = append(pol.cut, list...)
		pol.start = append(pol.start, uint32(len(pol.cut)))
	}
	return pol
}

// edgesOf lists the edges of all rings, each ring closed; nil when a coordinate is not finite.
func edgesOf(p orb.Polygon) []edge {
	var out []edge
	for _, r := range p {
		for i, b := range r {
			if math.IsInf(b[0]-b[0]+b[1]-b[1], 0) || math.IsNaN(b[0]-b[0]+b[1]-b[1]) {
				return nil
			}
			if a := r[(i+len(r)-1)%len(r)]; a != b {
				out = append(out, edge{a, b})
			}
		}
	}
	return out
}

func (p *polygon) slice(y float64, n int) int { return slice(y, p.box.Min[1], p.perY, n) }

// covers reports whether v lies in the polygon or on its boundary, exactly: the parity of the edges that a ray from v to
// the east crosses, an edge owning its lower end (Shimrat 1962; Hormann & Agathos 2001), and any edge that holds v decides.
func (p *polygon) covers(v orb.Point) bool {
	x, y := v[0], v[1]
	if !(y >= p.box.Min[1] && y <= p.box.Max[1]) {
		return false
	}
	s := p.slice(y, len(p.start)-1)
	inside := false
	for i := p.start[s]; i < p.start[s+1]; i++ {
		a, b := &p.cut[i].a, &p.cut[i].b
		if a[0] < x && b[0] < x || a[1] < y && b[1] < y || a[1] > y && b[1] > y {
			continue
		}
		crosses := (a[1] > y) != (b[1] > y)
		if a[0] > x && b[0] > x {
			inside = inside != crosses
			continue
		}
		side := orient(*a, *b, v)
		if side == 0 {
			return true // on the line and within the edge's box: on the edge
		}
		if crosses && (side > 0) == (b[1] > a[1]) {
			inside = !inside
		}
	}
	return inside
}

// near reports whether the box of an edge meets the box b.
func (p *polygon) near(b orb.Bound) bool {
	slices := len(p.start) - 1
	from, to := p.slice(b.Min[1], slices), p.slice(b.Max[1], slices)
	for _, e := range p.cut[p.start[from]:p.start[to+1]] {
		if min(e.a[0], e.b[0]) <= b.Max[0] && max(e.a[0], e.b[0]) >= b.Min[0] &&
			min(e.a[1], e.b[1]) <= b.Max[1] && max(e.a[1], e.b[1]) >= b.Min[1] {
			return true
		}
	}
	return false
}
