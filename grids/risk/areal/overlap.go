package areal

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sort"

	"github.com/paulmach/orb"

	"wangge/grids"
)

// Overlap is the area that a source and a target share.
type Overlap struct {
	Source int     `json:"source"`
	Target int     `json:"target"`
	AreaM2 float64 `json:"area_m2"`
}

// What rounding can make of a mere touch: a square millimetre, and a part of the box in which the two may meet. Overlaps up to it are none.
const (
	noiseM2   = 1e-6
	noisePart = 1e-12
)

// farM is the largest coordinate, as no projection has more, and largestM2 what no polygon exceeds: one of many turns may cover a place often.
const (
	farM      = 1e9
	largestM2 = 1e24
)

// AreaM2 is the area of m in the plane; holes are taken out whichever way the rings turn, and rings may be open. It is 0 for nil.
func AreaM2(m orb.MultiPolygon) float64 {
	sum := 0.0
	for _, p := range m {
		for i, r := range p {
			if a := math.Abs(turned(r)); i == 0 {
				sum += a
			} else {
				sum -= a
			}
		}
	}
	return sum
}

// turned is the area of a ring, positive when it turns counter-clockwise.
func turned(r orb.Ring) float64 {
	if len(r) == 0 {
		return 0
	}
	from, sum := r[0], 0.0 // near the ring: products of large coordinates lose digits
	a := r[len(r)-1]
	for _, b := range r {
		sum += (a[0]-from[0])*(b[1]-from[1]) - (b[0]-from[0])*(a[1]-from[1])
		a = b
	}
	return sum / 2
}

// OverlapAreas lists the pairs of a source and a target that share area, by source and then by target. Polygons are in one projected CRS in
// metres, x then y, and valid: where one covers a place twice, that place counts twice. The error is Invalid, naming the polygon: none at all
// on either side, one without area, or a coordinate that is not finite or beyond ±1e9; and that of ctx when it ends before.
//
// The area is exact but for rounding, whatever the boundaries do: a polygon is the sum of the signed trapezoids under its edges, and the
// area of an intersection that of the intersections of all pairs of them (Franklin 1990, Calculating map overlay polygons' areas without
// explicitly calculating the polygons). No topology is built that could fail.
func OverlapAreas(ctx context.Context, sources, targets []orb.MultiPolygon) ([]Overlap, error) {
	s, err := shapes(sources, "source")
	if err != nil {
		return nil, err
	}
	t, err := shapes(targets, "target")
	if err != nil {
		return nil, err
	}
	var out []Overlap
	var work overlay
	near := newNearby(t)
	for i := range s {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		near.visit(s[i].box, func(j int) {
			if area := work.areaM2(&s[i], &t[j]); area > 0 {
				out = append(out, Overlap{i, j, area})
			}
		})
	}
	slices.SortFunc(out, func(a, b Overlap) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Target, b.Target))
	})
	return out, nil
}

// edge is one piece of a boundary from west to east, and the sign of the trapezoid under it: above 0 where the polygon is below.
type edge struct{ x0, y0, x1, y1, sign float64 }

// shape is a polygon made ready to be laid over others.
type shape struct {
	box    orb.Bound
	edges  []edge // without vertical ones
	areaM2 float64
}

// shapes prepares polygons, and checks them.
func shapes(polygons []orb.MultiPolygon, what string) ([]shape, error) {
	if len(polygons) == 0 {
		return nil, grids.Errorf(grids.Invalid, "there are no %s polygons: give at least one", what)
	}
	out := make([]shape, len(polygons))
	for i, m := range polygons {
		s := &out[i]
		s.box = orb.Bound{Min: orb.Point{math.Inf(1), math.Inf(1)}, Max: orb.Point{math.Inf(-1), math.Inf(-1)}}
		for _, p := range m {
			for at, r := range p {
				for _, v := range r {
					if !(math.Abs(v[0]) <= farM && math.Abs(v[1]) <= farM) {
						return nil, grids.Errorf(grids.Invalid, "%s %d has the corner %v: no place in metres", what, i, v)
					}
				}
				s.add(r, at > 0)
			}
		}
		if s.areaM2 = AreaM2(m); !(s.areaM2 > noiseM2 && s.areaM2 <= largestM2) {
			return nil, grids.Errorf(grids.Invalid, "%s %d has no area: leave it out, or mend its polygon", what, i)
		}
	}
	return out, nil
}

// add takes a ring, or a hole, into a shape.
func (s *shape) add(r orb.Ring, hole bool) {
	if len(r) == 0 {
		return
	}
	sign := 1.0
	if (turned(r) < 0) != hole {
		sign = -1
	}
	a := r[len(r)-1]
	for _, b := range r {
		s.box = s.box.Extend(b)
		switch {
		case a[0] < b[0]:
			s.edges = append(s.edges, edge{a[0], a[1], b[0], b[1], -sign})
		case a[0] > b[0]:
			s.edges = append(s.edges, edge{b[0], b[1], a[0], a[1], sign})
		}
		a = b
	}
}

// nearby finds shapes by their boxes: a list from west to east.
type nearby struct {
	shapes []shape
	order  []int
	east   []float64 // the easternmost end of all so far in order
}

func newNearby(shapes []shape) nearby {
	n := nearby{shapes: shapes, order: make([]int, len(shapes)), east: make([]float64, len(shapes))}
	for i := range n.order {
		n.order[i] = i
	}
	slices.SortStableFunc(n.order, func(a, b int) int { return cmp.Compare(shapes[a].box.Min[0], shapes[b].box.Min[0]) })
	end := math.Inf(-1)
	for at, i := range n.order {
		end = max(end, shapes[i].box.Max[0])
		n.east[at] = end
	}
	return n
}

// visit calls with every shape whose box meets b.
func (n nearby) visit(b orb.Bound, with func(int)) {
	for at := sort.SearchFloat64s(n.east, b.Min[0]); at < len(n.order); at++ {
		box := n.shapes[n.order[at]].box
		if box.Min[0] > b.Max[0] {
			return
		}
		if box.Intersects(b) {
			with(n.order[at])
		}
	}
}

// overlay is the room in which one shape is laid over another; it is used again for the next pair.
type overlay struct{ a, b []edge }

// areaM2 is the area that two shapes share, 0 when that may be rounding alone.
func (o *overlay) areaM2(s, t *shape) float64 {
	box := orb.Bound{
		Min: orb.Point{max(s.box.Min[0], t.box.Min[0]), max(s.box.Min[1], t.box.Min[1])},
		Max: orb.Point{min(s.box.Max[0], t.box.Max[0]), min(s.box.Max[1], t.box.Max[1])},
	}
	o.a, o.b = within(o.a[:0], s.edges, box), within(o.b[:0], t.edges, box)
	sum, from := 0.0, 0
	for _, e := range o.a {
		for from < len(o.b) && o.b[from].x1 <= e.x0 {
			from++
		}
		for i := from; i < len(o.b) && o.b[i].x0 < e.x1; i++ {
			if o.b[i].x1 > e.x0 {
				sum += e.sign * o.b[i].sign * underBoth(&e, &o.b[i])
			}
		}
	}
	if sum <= max(noiseM2, noisePart*(box.Max[0]-box.Min[0])*(box.Max[1]-box.Min[1])) {
		return 0
	}
	return min(sum, s.areaM2, t.areaM2)
}

// within is the edges that reach into a box, cut off below it, with its lower left corner moved to 0, 0. Beside the box and above it they may
// stay: one of two shapes does not reach there. The result is from west to east.
func within(out, edges []edge, box orb.Bound) []edge {
	for _, e := range edges {
		if e.x1 <= box.Min[0] || e.x0 >= box.Max[0] || max(e.y0, e.y1) <= box.Min[1] {
			continue
		}
		e.x0, e.x1, e.y0, e.y1 = e.x0-box.Min[0], e.x1-box.Min[0], e.y0-box.Min[1], e.y1-box.Min[1]
		if (e.y0 < 0) != (e.y1 < 0) {
			ground := min(max(e.x0+(e.x1-e.x0)*(e.y0/(e.y0-e.y1)), e.x0), e.x1)
			if e.y0 < 0 {
				e.x0, e.y0 = ground, 0
			} else {
				e.x1, e.y1 = ground, 0
			}
		}
		if e.x1 > e.x0 && max(e.y0, e.y1) > 0 {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, func(e, f edge) int { return cmp.Compare(e.x0, f.x0) })
	return out
}

// at is the height of an edge at x, at its ends to the last bit.
func (e *edge) at(x float64) float64 {
	switch x {
	case e.x0:
		return e.y0
	case e.x1:
		return e.y1
	}
	return e.y0 + (e.y1-e.y0)*((x-e.x0)/(e.x1-e.x0))
}

// underBoth is the area under both edges, above 0, where they are above each other.
func underBoth(e, f *edge) float64 {
	x0, x1 := max(e.x0, f.x0), min(e.x1, f.x1)
	e0, e1, f0, f1 := e.at(x0), e.at(x1), f.at(x0), f.at(x1)
	d0, d1 := e0-f0, e1-f1
	if d0 <= 0 && d1 <= 0 {
		return (x1 - x0) * (e0 + e1) / 2
	}
	if d0 >= 0 && d1 >= 0 {
		return (x1 - x0) * (f0 + f1) / 2
	}
	part := d0 / (d0 - d1)
	y := e0 + part*(e1-e0)
	return (x1 - x0) * (part*(min(e0, f0)+y) + (1-part)*(y+min(e1, f1))) / 2
}
