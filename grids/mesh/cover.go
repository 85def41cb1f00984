package mesh

import (
	"cmp"
	"math"
	"slices"

	"github.com/paulmach/orb"
	"github.com/uber/h3-go/v4"

	"wangge/grids"
)

// Overlap is the part of a cell that lies in a polygon.
type Overlap struct {
	Cell   Cell
	AreaM2 float64 // of cell ∩ polygon, m² on the WGS 84 ellipsoid
}

// The resolutions that Cover serves, and how many cells the box of one polygon may hold (about 12 000 km² at 11).
const (
	coarsestCover = 7
	finestCover   = 11
	maxCoverCells = 8_000_000
)

// noiseM2 is the overlap that rounding can make of a mere touch: a square millimetre.
const noiseM2 = 1e-6

// Cover lists every cell of resolution res (7…11) that overlaps p, in ascending order, each with the area that it
// shares with p. The areas sum to AreaM2(p). Rings may turn either way and need not be closed; p must be valid. The
// error is Invalid for another resolution, a ring of fewer than three corners or a corner that is no place on Earth,
// and TooLarge when p is too large for the resolution.
func Cover(p orb.MultiPolygon, res int) ([]Overlap, error) {
	if res < coarsestCover || res > finestCover {
		return nil, grids.Errorf(grids.Invalid, "H3 resolution %d is outside %d to %d", res, coarsestCover, finestCover)
	}
	var all []Overlap
	for _, polygon := range p {
		part, err := coverPolygon(polygon, res)
		if err != nil {
			return nil, err
		}
		all = append(all, part...)
	}
	slices.SortFunc(all, func(a, b Overlap) int { return cmp.Compare(a.Cell, b.Cell) })
	return merge(all), nil
}

// merge adds up neighbours of the same cell in place.
func merge(sorted []Overlap) []Overlap {
	out := sorted[:0]
	for _, o := range sorted {
		if n := len(out); n > 0 && out[n-1].Cell == o.Cell {
			out[n-1].AreaM2 += o.AreaM2
			continue
		}
		out = append(out, o)
	}
	return out
}

// coverPolygon is Cover for one polygon, in no order.
func coverPolygon(p orb.Polygon, res int) ([]Overlap, error) {
	if err := checkCover(p, res); err != nil {
		return nil, err
	}
	found, err := overlapping(p, res)
	if err != nil {
		return nil, err
	}
	out := make([]Overlap, 0, len(found))
	edges := newPolygon(0, p)
	var s shears
	for _, c := range found {
		outline := c.Boundary()
		shared := math.Abs(ringAreaM2(outline)) // the whole cell, if no edge comes near
		if edges.near(outline.Bound()) {
			shared = s.sharedM2(outline, p)
		}
		if shared > noiseM2 {
			out = append(out, Overlap{c, shared})
		}
	}
	return out, nil
}

// checkCover refuses what H3 could not survive: broken rings and boxes of too many cells.
func checkCover(p orb.Polygon, res int) error {
	for i, r := range p {
		if len(r) < 3 {
			return grids.Errorf(grids.Invalid, "ring %d of the polygon has %d corners: at least three are needed", i+1, len(r))
		}
		for _, v := range r {
			if !onEarth(v) {
				return grids.Errorf(grids.Invalid, "ring %d of the polygon has a corner at lon %v, lat %v: that is no place on Earth", i+1, v[0], v[1])
			}
		}
	}
	if len(p) == 0 {
		return nil
	}
	c, err := At(p[0][0], res)
	if err != nil {
		return err
	}
	if box := p.Bound(); AreaM2(box) > maxCoverCells*c.AreaM2() {
		return grids.Errorf(grids.TooLarge, "a polygon of %.1f × %.1f degrees is too large for H3 resolution %d: take a coarser one",
			box.Right()-box.Left(), box.Top()-box.Bottom(), res)
	}
	return nil
}

// overlapping lists the cells that H3 finds to overlap p, some of them perhaps by a touch only.
func overlapping(p orb.Polygon, res int) ([]Cell, error) {
	if len(p) == 0 || polygonAreaM2(p) <= 0 {
		return nil, nil
	}
	g := h3.GeoPolygon{GeoLoop: loop(p[0])}
	for _, hole := range p[1:] {
		g.Holes = append(g.Holes, loop(hole))
	}
	found, err := h3.PolygonToCellsExperimental(g, res, h3.ContainmentOverlapping)
	if err != nil {
		return nil, grids.Errorf(grids.Internal, "the polygon could not be covered with H3 cells of resolution %d: %w", res, err)
	}
	return cells(found), nil
}

// loop is a ring in the library's order.
func loop(r orb.Ring) h3.GeoLoop {
	out := make(h3.GeoLoop, len(r))
	for i, p := range r {
		out[i] = h3.LatLng{Lat: p[1], Lng: p[0]}
	}
	return out
}

// shears holds the two buffers that clipping swaps, so that a run over many cells allocates once.
type shears struct{ from, to []orb.Point }

// sharedM2 is the area that a cell's outline shares with the polygon p.
func (s *shears) sharedM2(outline orb.Ring, p orb.Polygon) float64 {
	sum := 0.0
	for _, piece := range convex(outline) {
		for i, ring := range p {
			a := math.Abs(ringAreaM2(s.clip(ring, piece)))
			if i > 0 {
				a = -a
			}
			sum += a
		}
	}
	return sum
}

// convex divides a cell's outline into convex counter-clockwise rings: itself, unless it has a bend where an edge of the
// icosahedron cuts it; then a fan of triangles about its middle.
func convex(outline orb.Ring) []orb.Ring {
	if len(outline) <= 7 {
		return []orb.Ring{outline}
	}
	var middle orb.Point
	corners := outline[1:]
	for _, p := range corners {
		middle[0] += p[0] / float64(len(corners))
		middle[1] += p[1] / float64(len(corners))
	}
	fan := make([]orb.Ring, len(corners))
	for i, p := range corners {
		fan[i] = orb.Ring{middle, outline[i], p, middle}
	}
	return fan
}

// clip is the ring cut to the inside of the convex counter-clockwise cell (Sutherland & Hodgman 1974). Of a concave ring
// it leaves pieces joined by edges that run to and fro along the cell's outline; these add nothing to the area. The
// result lives until the next call.
func (s *shears) clip(ring, cell orb.Ring) []orb.Point {
	s.from = append(s.from[:0], ring...)
	for i := 1; i < len(cell) && len(s.from) > 0; i++ {
		s.to = cutLeft(s.to[:0], s.from, cell[i-1], cell[i])
		s.from, s.to = s.to, s.from
	}
	return s.from
}

// cutLeft appends to out the part of the ring that lies left of the line a→b.
func cutLeft(out, ring []orb.Point, a, b orb.Point) []orb.Point {
	dx, dy := b[0]-a[0], b[1]-a[1]
	side := func(p orb.Point) float64 { return dx*(p[1]-a[1]) - dy*(p[0]-a[0]) }
	last := ring[len(ring)-1]
	sLast := side(last)
	for _, p := range ring {
		sp := side(p)
		if (sp < 0) != (sLast < 0) {
			t := sLast / (sLast - sp)
			out = append(out, orb.Point{last[0] + t*(p[0]-last[0]), last[1] + t*(p[1]-last[1])})
		}
		if sp >= 0 {
			out = append(out, p)
		}
		last, sLast = p, sp
	}
	return out
}
