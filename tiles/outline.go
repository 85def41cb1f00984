package tiles

import (
	"math"

	"github.com/paulmach/orb"
)

// worldBits is the width of the world in bits of fixed-point Mercator; unitBits(z) of them lie below a tile unit.
const worldBits = 32

// unitBits is how many bits of a fixed-point coordinate are finer than one tile unit at zoom z.
func unitBits(z int) uint { return uint(worldBits - 12 - z) }

// project is the spherical Mercator position (EPSG:3857) of p in degrees, x to the east and y to the south from the
// north-western corner of the world, in 2^-32 of its width. Latitudes beyond the square world go to its edge.
func project(p orb.Point) [2]uint32 {
	lat := p[1] * math.Pi / 180
	return [2]uint32{fixed((p[0] + 180) / 360), fixed(0.5 - math.Asinh(math.Tan(lat))/(2*math.Pi))}
}

// fixed is v, 0 to 1, in 2^-32.
func fixed(v float64) uint32 {
	return uint32(min(max(math.Round(v*(1<<worldBits)), 0), 1<<worldBits-1))
}

// unproject is the position in degrees of a fixed-point position.
func unproject(x, y uint32) orb.Point {
	lat := math.Atan(math.Sinh(math.Pi * (1 - float64(y)/(1<<(worldBits-1)))))
	return orb.Point{float64(x)/(1<<worldBits)*360 - 180, lat * 180 / math.Pi}
}

// pt is a point of the lattice of a zoom, counted from the north-western corner of the world (below 2^28), or of one
// tile, from its own corner.
type pt struct{ x, y int32 }

// ring is where a ring ends in the points of its outline, exclusive, and whether it is a hole.
type ring struct {
	end  int32
	hole bool
}

// outline is polygons on a lattice: rings without the closing point, an exterior followed by its holes. A valid one has
// exteriors with positive area by the shoelace formula and holes with negative.
type outline struct {
	pts   []pt
	rings []ring
}

func (o *outline) reset() { o.pts, o.rings = o.pts[:0], o.rings[:0] }

// ring is the points of the i-th ring.
func (o *outline) ring(i int) []pt {
	start := int32(0)
	if i > 0 {
		start = o.rings[i-1].end
	}
	return o.pts[start:o.rings[i].end]
}

// open is where the ring that is being appended starts.
func (o *outline) open() int {
	if n := len(o.rings); n > 0 {
		return int(o.rings[n-1].end)
	}
	return 0
}

// add appends p to the open ring unless it repeats the last point.
func (o *outline) add(p pt) {
	if n := len(o.pts); n == o.open() || o.pts[n-1] != p {
		o.pts = append(o.pts, p)
	}
}

// close ends the open ring, without its closing point; what is no area (fewer than three points) is dropped.
func (o *outline) close(hole bool) {
	start := o.open()
	n := len(o.pts)
	for n > start+1 && o.pts[n-1] == o.pts[start] {
		n--
	}
	if n-start < 3 {
		o.pts = o.pts[:start]
		return
	}
	o.pts = o.pts[:n]
	o.rings = append(o.rings, ring{int32(n), hole})
}

// clone is a copy of exactly the size needed.
func (o *outline) clone() *outline {
	return &outline{append([]pt(nil), o.pts...), append([]ring(nil), o.rings...)}
}

// box is the least box of lattice points, both ends included.
type box struct{ minX, minY, maxX, maxY int32 }

// within reports whether b lies in c.
func (b box) within(c box) bool {
	return b.minX >= c.minX && b.maxX <= c.maxX && b.minY >= c.minY && b.maxY <= c.maxY
}

// grown is b with d more on every side.
func (b box) grown(d int32) box { return box{b.minX - d, b.minY - d, b.maxX + d, b.maxY + d} }

// tileBox is the part of the lattice of zoom z that tile x, y holds, buffer included.
func tileBox(x, y int) box {
	left, top := int32(x)*Extent, int32(y)*Extent
	return box{left - Buffer, top - Buffer, left + Extent + Buffer, top + Extent + Buffer}
}

// clip writes the part of src within b to dst, through the spare tmp. It is Sutherland and Hodgman's (1974): what falls apart
// stays joined along the sides of b, and so needs [repairer.repair]. A cut of an edge is the same point from both sides, so
// neighbours stay aligned.
func clip(dst, tmp, src *outline, b box) {
	cut(dst, src, func(p pt) int32 { return p.x - b.minX }, func(a, c pt) pt { return pt{b.minX, across(a.x, a.y, c.x, c.y, b.minX)} })
	cut(tmp, dst, func(p pt) int32 { return b.maxX - p.x }, func(a, c pt) pt { return pt{b.maxX, across(a.x, a.y, c.x, c.y, b.maxX)} })
	cut(dst, tmp, func(p pt) int32 { return p.y - b.minY }, func(a, c pt) pt { return pt{across(a.y, a.x, c.y, c.x, b.minY), b.minY} })
	cut(tmp, dst, func(p pt) int32 { return b.maxY - p.y }, func(a, c pt) pt { return pt{across(a.y, a.x, c.y, c.x, b.maxY), b.maxY} })
	*dst, *tmp = *tmp, *dst
}

// cut keeps the side where depth is not negative.
func cut(dst, src *outline, depth func(pt) int32, crossing func(a, b pt) pt) {
	dst.reset()
	for i := range src.rings {
		r := src.ring(i)
		last := r[len(r)-1]
		dLast := depth(last)
		for _, p := range r {
			d := depth(p)
			if (d < 0) != (dLast < 0) {
				dst.add(crossing(last, p))
			}
			if d >= 0 {
				dst.add(p)
			}
			last, dLast = p, d
		}
		dst.close(src.rings[i].hole)
	}
}

// across is the second coordinate, rounded half up, at which the line from (u1, v1) to (u2, v2) reaches u. It is the same for
// the line in the other direction.
func across(u1, v1, u2, v2, u int32) int32 {
	if u1 > u2 {
		u1, v1, u2, v2 = u2, v2, u1, v1
	}
	return v1 + int32(divRound(int64(u-u1)*int64(v2-v1), int64(u2-u1)))
}

// divRound is a/b rounded half up; b is positive.
func divRound(a, b int64) int64 {
	a = 2*a + b
	b *= 2
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// quantised is the lattice point nearest to p, half a unit rounded up.
func quantised(p [2]uint32, bits uint) pt {
	half := uint64(1) << (bits - 1)
	return pt{int32((uint64(p[0]) + half) >> bits), int32((uint64(p[1]) + half) >> bits)}
}

// quantise writes feature i on the lattice of zoom z to o, as it comes out: it may be invalid.
func (s *Snapshot) quantise(o *outline, i, z int) {
	o.reset()
	bits := unitBits(z)
	from, to := s.features[i].ring, s.features[i+1].ring
	at := s.start(from)
	for _, r := range s.rings[from:to] {
		pts, last := o.pts, pt{-1, -1}
		for _, p := range s.xy[at:r.end] { // outline.add, written out: all tiles spend their time here
			if q := quantised(p, bits); q != last {
				pts, last = append(pts, q), q
			}
		}
		o.pts = pts
		o.close(r.hole)
		at = r.end
	}
}

// start is where ring r begins in the positions.
func (s *Snapshot) start(r uint32) uint32 {
	if r == 0 {
		return 0
	}
	return s.rings[r-1].end
}

// positions is all positions of feature i.
func (s *Snapshot) positions(i int) [][2]uint32 {
	return s.xy[s.start(s.features[i].ring):s.start(s.features[i+1].ring)]
}

// box is the box of feature i on the lattice of zoom z.
func (s *Snapshot) box(i, z int) box {
	e, bits := s.index.boxes[i], unitBits(z)
	a, b := quantised([2]uint32{e.minX, e.minY}, bits), quantised([2]uint32{e.maxX, e.maxY}, bits)
	return box{a.x, a.y, b.x, b.y}
}

// dot reports whether feature i is a plot too small to be drawn as one at zoom z.
func (s *Snapshot) dot(i, z int) bool {
	e := s.index.boxes[i]
	return s.layer.mixed() && max(e.maxX-e.minX, e.maxY-e.minY)>>unitBits(z) < plotUnits
}

// speck writes a square of one unit where feature i is, which is too small for an outline, so that it is still there.
func (s *Snapshot) speck(o *outline, i, z int) {
	e := s.index.boxes[i]
	p := pt{int32((e.minX/2 + e.maxX/2) >> unitBits(z)), int32((e.minY/2 + e.maxY/2) >> unitBits(z))}
	o.reset()
	o.append([]pt{p, {p.x + 1, p.y}, {p.x + 1, p.y + 1}, {p.x, p.y + 1}}, false)
}

// centroid is the centre of gravity of the polygons of feature i.
func (s *Snapshot) centroid(i int) [2]uint32 {
	all := s.positions(i)
	base := all[0]
	var area, mx, my float64
	from, to := s.features[i].ring, s.features[i+1].ring
	at := s.start(from)
	for _, r := range s.rings[from:to] {
		pts := s.xy[at:r.end]
		last := pts[len(pts)-1]
		for _, p := range pts {
			ax, ay := float64(int64(last[0])-int64(base[0])), float64(int64(last[1])-int64(base[1]))
			bx, by := float64(int64(p[0])-int64(base[0])), float64(int64(p[1])-int64(base[1]))
			c := ax*by - ay*bx
			area, mx, my = area+c, mx+(ax+bx)*c, my+(ay+by)*c
			last = p
		}
		at = r.end
	}
	return [2]uint32{uint32(int64(base[0]) + int64(mx/(3*area))), uint32(int64(base[1]) + int64(my/(3*area)))}
}

// band is the repaired outlines of zoom z.
func (s *Snapshot) band(z int, w *workshop) *band {
	b := &s.bands[z]
	b.once.Do(func() {
		b.repaired = map[uint32]*outline{}
		for i, f := range s.features[:s.Features()] {
			if f.point || s.dot(i, z) {
				continue
			}
			if s.quantise(&w.whole, i, z); !w.intact(s, i) {
				w.repair(&w.part, &w.whole)
				b.repaired[uint32(i)] = w.part.clone()
			}
		}
	})
	return b
}

// intact reports whether feature i came through rounding, as whole holds it, valid and with its rings.
func (w *workshop) intact(s *Snapshot, i int) bool {
	return len(w.whole.rings) == int(s.features[i+1].ring-s.features[i].ring) && w.valid(&w.whole)
}
