package lattice

import (
	"cmp"
	"slices"
)

// Checker decides whether an outline is valid as it stands. It keeps its scratch memory: one for each goroutine.
type Checker struct {
	segs []segment
}

// segment is an edge, from left to right; prev and next are the positions in segs of its neighbours along the ring.
type segment struct {
	a, b       Point // a.x <= b.x
	minY, maxY int32
	ring       int32
	at, n      int32 // its place in the ring, and the ring's length
}

// Valid reports whether o is simple enough to go out: every ring turns the right way and has area, no two edges meet
// save neighbours in their common corner, every hole lies in its exterior and nothing else lies in anything. The rule is
// stricter than OGC's, which lets rings touch in points; for those that do, [Repairer.Repair] decides.
func (c *Checker) Valid(o *Outline) bool {
	if len(o.Rings) == 0 {
		return true
	}
	if len(o.Rings) == 1 && convex(o.Pts) {
		return !o.Rings[0].Hole
	}
	for i, r := range o.Rings {
		if a := Area2(o.Points(i)); a == 0 || (a < 0) != r.Hole {
			return false
		}
	}
	return !c.crosses(o) && nested(o)
}

// convex reports whether the ring turns strictly the positive way at every corner, and once around in all.
func convex(r []Point) bool {
	n := len(r)
	a, b := r[n-2], r[n-1]
	flips := 0
	for _, c := range r {
		if cross(a, b, c) <= 0 {
			return false
		}
		if (b.X > a.X || b.X == a.X && b.Y > a.Y) != (c.X > b.X || c.X == b.X && c.Y > b.Y) {
			flips++
		}
		a, b = b, c
	}
	return flips == 2
}

// cross is twice the area of the triangle a, b, c, positive when it turns the positive way.
func cross(a, b, c Point) int64 {
	return int64(b.X-a.X)*int64(c.Y-a.Y) - int64(b.Y-a.Y)*int64(c.X-a.X)
}

// Area2 is twice the area of a ring by the shoelace formula.
func Area2(r []Point) int64 {
	sum := int64(0)
	for i := 1; i+1 < len(r); i++ {
		sum += cross(r[0], r[i], r[i+1])
	}
	return sum
}

// crosses reports whether two edges meet where they may not. Edges are visited from left to right.
func (c *Checker) crosses(o *Outline) bool {
	c.segs = c.segs[:0]
	for i := range o.Rings {
		r := o.Points(i)
		last := r[len(r)-1]
		for j, p := range r {
			s := segment{a: last, b: p, minY: min(last.Y, p.Y), maxY: max(last.Y, p.Y), ring: int32(i), at: int32(j), n: int32(len(r))}
			if s.a.X > s.b.X {
				s.a, s.b = s.b, s.a
			}
			c.segs = append(c.segs, s)
			last = p
		}
	}
	slices.SortFunc(c.segs, func(s, t segment) int { return cmp.Compare(s.a.X, t.a.X) })
	for i := range c.segs {
		s := &c.segs[i]
		for j := i + 1; j < len(c.segs) && c.segs[j].a.X <= s.b.X; j++ {
			t := &c.segs[j]
			if t.minY <= s.maxY && s.minY <= t.maxY && s.conflicts(t) {
				return true
			}
		}
	}
	return false
}

// conflicts reports whether two edges whose boxes meet have a point in common that they may not have.
func (s *segment) conflicts(t *segment) bool {
	if s.ring == t.ring {
		switch d := s.at - t.at; {
		case d == 1 || d == 1-s.n:
			return folds(t, s)
		case d == -1 || d == s.n-1:
			return folds(s, t)
		}
	}
	d1, d2 := cross(s.a, s.b, t.a), cross(s.a, s.b, t.b)
	if d1 > 0 && d2 > 0 || d1 < 0 && d2 < 0 {
		return false
	}
	d3, d4 := cross(t.a, t.b, s.a), cross(t.a, t.b, s.b)
	return !(d3 > 0 && d4 > 0 || d3 < 0 && d4 < 0)
}

// folds reports whether t, which follows s in its ring, runs back over it.
func folds(s, t *segment) bool {
	corner := s.a
	if corner != t.a && corner != t.b {
		corner = s.b
	}
	p, q := other(s, corner), other(t, corner)
	if cross(p, corner, q) != 0 {
		return false
	}
	return int64(p.X-corner.X)*int64(q.X-corner.X)+int64(p.Y-corner.Y)*int64(q.Y-corner.Y) > 0
}

// other is the end of s that is not p.
func other(s *segment, p Point) Point {
	if s.a == p {
		return s.b
	}
	return s.a
}

// nested reports whether, in an outline without crossings, every hole lies in its exterior alone and no exterior in another
// polygon. Rounding can carry a small ring across a long edge.
func nested(o *Outline) bool {
	if len(o.Rings) == 1 {
		return true
	}
	owner := 0
	for i, r := range o.Rings {
		if !r.Hole {
			owner = i
		}
		p, depth := o.Points(i)[0], 0
		for j := range o.Rings {
			if j != i && covers(o.Points(j), p) {
				depth++
			} else if r.Hole && j == owner {
				return false
			}
		}
		if depth%2 == 1 != r.Hole {
			return false
		}
	}
	return true
}

// covers reports whether p, which is not on the ring, lies in it.
func covers(r []Point, p Point) bool {
	in := false
	a := r[len(r)-1]
	for _, b := range r {
		if (a.Y <= p.Y) != (b.Y <= p.Y) && (cross(a, b, p) > 0) == (b.Y > a.Y) {
			in = !in
		}
		a = b
	}
	return in
}
