package lattice

import "math"

// Point is a point of the lattice of a zoom, counted from the north-western corner of the world (below 2^28), or of one
// tile, from its own corner.
type Point struct{ X, Y int32 }

// Ring is where a ring ends in the points of its outline, exclusive, and whether it is a hole.
type Ring struct {
	End  int32
	Hole bool
}

// Outline is polygons on a lattice: rings without the closing point, an exterior followed by its holes. A valid one has
// exteriors with positive area by the shoelace formula and holes with negative.
type Outline struct {
	Pts   []Point
	Rings []Ring
}

// Reset empties o and keeps its memory.
func (o *Outline) Reset() { o.Pts, o.Rings = o.Pts[:0], o.Rings[:0] }

// Points is the corners of the i-th ring.
func (o *Outline) Points(i int) []Point {
	start := int32(0)
	if i > 0 {
		start = o.Rings[i-1].End
	}
	return o.Pts[start:o.Rings[i].End]
}

// open is where the ring that is being appended starts.
func (o *Outline) open() int {
	if n := len(o.Rings); n > 0 {
		return int(o.Rings[n-1].End)
	}
	return 0
}

// Add appends p to the open ring unless it repeats the last point.
func (o *Outline) Add(p Point) {
	if n := len(o.Pts); n == o.open() || o.Pts[n-1] != p {
		o.Pts = append(o.Pts, p)
	}
}

// Close ends the open ring, without its closing point; what is no area (fewer than three points) is dropped.
func (o *Outline) Close(hole bool) {
	start := o.open()
	n := len(o.Pts)
	for n > start+1 && o.Pts[n-1] == o.Pts[start] {
		n--
	}
	if n-start < 3 {
		o.Pts = o.Pts[:start]
		return
	}
	o.Pts = o.Pts[:n]
	o.Rings = append(o.Rings, Ring{int32(n), hole})
}

// Append adds a whole ring.
func (o *Outline) Append(pts []Point, hole bool) {
	o.Pts = append(o.Pts, pts...)
	o.Rings = append(o.Rings, Ring{int32(len(o.Pts)), hole})
}

// Measure is the area of o in square units, holes less, and the length of all its rings.
func (o *Outline) Measure() (area, length float64) {
	for i := range o.Rings {
		r := o.Points(i)
		area += float64(Area2(r)) / 2
		last := r[len(r)-1]
		for _, p := range r {
			length += math.Hypot(float64(p.X-last.X), float64(p.Y-last.Y))
			last = p
		}
	}
	return area, length
}

// Clone is a copy of exactly the size needed.
func (o *Outline) Clone() *Outline {
	return &Outline{append([]Point(nil), o.Pts...), append([]Ring(nil), o.Rings...)}
}

// Box is the least box of lattice points, both ends included.
type Box struct{ MinX, MinY, MaxX, MaxY int32 }

// With is the least box that holds b and p.
func (b Box) With(p Point) Box {
	return Box{min(b.MinX, p.X), min(b.MinY, p.Y), max(b.MaxX, p.X), max(b.MaxY, p.Y)}
}

// Meets reports whether b and c have a point in common.
func (b Box) Meets(c Box) bool {
	return b.MinX <= c.MaxX && c.MinX <= b.MaxX && b.MinY <= c.MaxY && c.MinY <= b.MaxY
}

// Within reports whether b lies in c.
func (b Box) Within(c Box) bool {
	return b.MinX >= c.MinX && b.MaxX <= c.MaxX && b.MinY >= c.MinY && b.MaxY <= c.MaxY
}

// Clip writes the part of src within b to dst, through the spare tmp. It is Sutherland and Hodgman's (1974): what falls apart
// stays joined along the sides of b, and so needs [Repairer.Repair]. A cut of an edge is the same point from both sides, so
// neighbours stay aligned.
func Clip(dst, tmp, src *Outline, b Box) {
	cut(dst, src, func(p Point) int32 { return p.X - b.MinX }, func(a, c Point) Point { return Point{b.MinX, across(a.X, a.Y, c.X, c.Y, b.MinX)} })
	cut(tmp, dst, func(p Point) int32 { return b.MaxX - p.X }, func(a, c Point) Point { return Point{b.MaxX, across(a.X, a.Y, c.X, c.Y, b.MaxX)} })
	cut(dst, tmp, func(p Point) int32 { return p.Y - b.MinY }, func(a, c Point) Point { return Point{across(a.Y, a.X, c.Y, c.X, b.MinY), b.MinY} })
	cut(tmp, dst, func(p Point) int32 { return b.MaxY - p.Y }, func(a, c Point) Point { return Point{across(a.Y, a.X, c.Y, c.X, b.MaxY), b.MaxY} })
	*dst, *tmp = *tmp, *dst
}

// cut keeps the side where depth is not negative.
func cut(dst, src *Outline, depth func(Point) int32, crossing func(a, b Point) Point) {
	dst.Reset()
	for i := range src.Rings {
		r := src.Points(i)
		last := r[len(r)-1]
		dLast := depth(last)
		for _, p := range r {
			d := depth(p)
			if (d < 0) != (dLast < 0) {
				dst.Add(crossing(last, p))
			}
			if d >= 0 {
				dst.Add(p)
			}
			last, dLast = p, d
		}
		dst.Close(src.Rings[i].Hole)
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
