package lattice

import (
	"cmp"
	"math/bits"
	"slices"
)

// Repairer makes outlines valid. It keeps its scratch memory: one for each goroutine.
//
// Method: the edges are snap-rounded (Hobby 1999, Practical segment intersection with finite precision output): every
// corner and every crossing, rounded, is a hot pixel, and an edge is bent through the middle of each hot pixel that it
// passes. After that edges meet in common ends or coincide. What an even number of edges covers is no border (even-odd
// rule), so folds and bridges vanish; the faces of what remains are traced into rings. All of it is exact integer
// arithmetic, so the result is always valid.
type Repairer struct {
	segs  []segment
	hot   []Point
	hits  []hit
	edges []edge
	order []int32 // half-edges by origin, then by angle
	pos   []int32 // where a half-edge stands in order
	from  []int32 // by place in order: where its origin's group starts
	done  []bool
	walk  []int32
	seen  []int32 // by group start: 1 + the place in the stack
	loops Outline
}

// edge is an undirected edge with a before b. Its half-edges are 2i, from a to b, and 2i+1, from b to a.
type edge struct{ a, b Point }

// hit is a hot pixel on an edge, and how far along.
type hit struct {
	p Point
	d int64
}

// Repair writes the valid form of o to dst: the same ground by the even-odd rule, within a unit. It may be empty. dst may be o.
func (r *Repairer) Repair(dst, o *Outline) {
	r.collect(o)
	r.heat()
	r.bend()
	r.cancel()
	r.link()
	r.trace()
	r.assemble(dst)
}

func comparePts(a, b Point) int {
	if c := cmp.Compare(a.X, b.X); c != 0 {
		return c
	}
	return cmp.Compare(a.Y, b.Y)
}

// collect takes the edges of o, from left to right.
func (r *Repairer) collect(o *Outline) {
	r.segs = r.segs[:0]
	for i := range o.Rings {
		pts := o.Points(i)
		last := pts[len(pts)-1]
		for _, p := range pts {
			a, b := last, p
			if comparePts(a, b) > 0 {
				a, b = b, a
			}
			r.segs = append(r.segs, segment{a: a, b: b, minY: min(a.Y, b.Y), maxY: max(a.Y, b.Y)})
			last = p
		}
	}
	slices.SortFunc(r.segs, func(s, t segment) int { return cmp.Compare(s.a.X, t.a.X) })
}

// heat lists the hot pixels in order: all ends, and all crossings.
func (r *Repairer) heat() {
	r.hot = r.hot[:0]
	for i := range r.segs {
		s := &r.segs[i]
		r.hot = append(r.hot, s.a, s.b)
		for j := i + 1; j < len(r.segs) && r.segs[j].a.X <= s.b.X; j++ {
			if t := &r.segs[j]; t.minY <= s.maxY && s.minY <= t.maxY {
				r.meet(s, t)
			}
		}
	}
	slices.SortFunc(r.hot, comparePts)
	r.hot = slices.Compact(r.hot)
}

// meet adds the point at which s and t cross inside both.
func (r *Repairer) meet(s, t *segment) {
	d1, d2 := cross(t.a, t.b, s.a), cross(t.a, t.b, s.b)
	d3, d4 := cross(s.a, s.b, t.a), cross(s.a, s.b, t.b)
	if !((d1 > 0 && d2 < 0 || d1 < 0 && d2 > 0) && (d3 > 0 && d4 < 0 || d3 < 0 && d4 > 0)) {
		return
	}
	if d1 < 0 {
		d1, d2 = -d1, -d2
	}
	num, den := uint64(d1), uint64(d1-d2)
	r.hot = append(r.hot, Point{part(s.a.X, s.b.X, num, den), part(s.a.Y, s.b.Y, num, den)})
}

// part is u + (v-u)·num/den, rounded half up; 0 < num < den < 2^62.
func part(u, v int32, num, den uint64) int32 {
	if v < u {
		u, v, num = v, u, den-num
	}
	hi, lo := bits.Mul64(uint64(v-u)*2, num)
	lo, carry := bits.Add64(lo, den, 0)
	q, _ := bits.Div64(hi+carry, lo, 2*den)
	return u + int32(q)
}

// bend replaces every segment by edges through the hot pixels it passes.
func (r *Repairer) bend() {
	r.edges = r.edges[:0]
	for i := range r.segs {
		s := &r.segs[i]
		if s.a == s.b {
			continue
		}
		r.hits = r.hits[:0]
		first, _ := slices.BinarySearchFunc(r.hot, Point{s.a.X, s.minY}, comparePts)
		for _, p := range r.hot[first:] {
			if p.X > s.b.X {
				break
			}
			if p.Y >= s.minY && p.Y <= s.maxY && s.passes(p) {
				along := int64(p.X-s.a.X)*int64(s.b.X-s.a.X) + int64(p.Y-s.a.Y)*int64(s.b.Y-s.a.Y)
				r.hits = append(r.hits, hit{p, along})
			}
		}
		slices.SortFunc(r.hits, func(g, h hit) int { return cmp.Compare(g.d, h.d) })
		for j := 1; j < len(r.hits); j++ {
			a, b := r.hits[j-1].p, r.hits[j].p
			if comparePts(a, b) > 0 {
				a, b = b, a
			}
			r.edges = append(r.edges, edge{a, b})
		}
	}
}

// passes reports whether the segment meets the pixel [p-½, p+½) in both axes, for p in the box of the segment.
func (s *segment) passes(p Point) bool {
	dx, dy := int64(s.b.X-s.a.X), int64(s.b.Y-s.a.Y)
	f := 2 * cross(s.a, s.b, p)
	reach := max(dx, -dx) + max(dy, -dy)
	return dx == 0 || dy == 0 || f-reach < 0 && f+reach > 0 || f-dx+dy == 0
}

// cancel keeps the edges that are there an odd number of times, once.
func (r *Repairer) cancel() {
	slices.SortFunc(r.edges, func(e, f edge) int {
		if c := comparePts(e.a, f.a); c != 0 {
			return c
		}
		return comparePts(e.b, f.b)
	})
	kept := r.edges[:0]
	for i := 0; i < len(r.edges); {
		j := i + 1
		for j < len(r.edges) && r.edges[j] == r.edges[i] {
			j++
		}
		if (j-i)%2 == 1 {
			kept = append(kept, r.edges[i])
		}
		i = j
	}
	r.edges = kept
}

// ends is the origin and the head of a half-edge.
func (r *Repairer) ends(h int32) (Point, Point) {
	e := r.edges[h/2]
	if h%2 == 1 {
		return e.b, e.a
	}
	return e.a, e.b
}

// link sorts the half-edges by origin and angle.
func (r *Repairer) link() {
	n := 2 * len(r.edges)
	r.order, r.pos, r.from = resize(r.order, n), resize(r.pos, n), resize(r.from, n)
	for i := range r.order {
		r.order[i] = int32(i)
	}
	slices.SortFunc(r.order, func(g, h int32) int {
		ga, gb := r.ends(g)
		ha, hb := r.ends(h)
		if c := comparePts(ga, ha); c != 0 {
			return c
		}
		return compareAngles(Point{gb.X - ga.X, gb.Y - ga.Y}, Point{hb.X - ha.X, hb.Y - ha.Y})
	})
	start := int32(0)
	for i, h := range r.order {
		if a, _ := r.ends(h); i > 0 {
			if b, _ := r.ends(r.order[i-1]); a != b {
				start = int32(i)
			}
		}
		r.pos[h], r.from[i] = int32(i), start
	}
}

// compareAngles orders directions by angle from the positive x axis, turning the positive way.
func compareAngles(u, v Point) int {
	if a, b := lower(u), lower(v); a != b {
		if b {
			return -1
		}
		return 1
	}
	return cmp.Compare(0, cross(Point{}, u, v))
}

// lower reports whether a direction lies in the second half turn.
func lower(d Point) bool { return d.Y < 0 || d.Y == 0 && d.X < 0 }

// next is the half-edge that goes on along the face to the left of h: the first one clockwise from the way back.
func (r *Repairer) next(h int32) int32 {
	k := r.pos[h^1]
	if k > r.from[k] {
		return r.order[k-1]
	}
	end := k
	for int(end)+1 < len(r.order) && r.from[end+1] == r.from[k] {
		end++
	}
	return r.order[end]
}

// trace walks around every face that is ground and cuts the walks into simple loops.
func (r *Repairer) trace() {
	r.loops.Reset()
	r.done, r.seen = resize(r.done, 2*len(r.edges)), resize(r.seen, 2*len(r.edges))
	clear(r.done)
	clear(r.seen)
	for h := range int32(2 * len(r.edges)) {
		if r.done[h] {
			continue
		}
		ground := r.leftIsGround(h)
		r.walk = r.walk[:0]
		for g := h; !r.done[g]; g = r.next(g) {
			r.done[g] = true
			if ground {
				r.step(g)
			}
		}
		if ground {
			r.loop(0)
		}
	}
}

// step puts a half-edge on the walk; coming back to a corner of the walk first cuts off the loop since then.
func (r *Repairer) step(g int32) {
	group := r.from[r.pos[g]]
	if at := r.seen[group]; at > 0 {
		r.loop(int(at) - 1)
	}
	r.walk = append(r.walk, g)
	r.seen[group] = int32(len(r.walk))
}

// loop moves the walk from place at on into a ring of its own.
func (r *Repairer) loop(at int) {
	start := r.loops.open()
	for _, g := range r.walk[at:] {
		a, _ := r.ends(g)
		r.loops.Pts = append(r.loops.Pts, a)
		r.seen[r.from[r.pos[g]]] = 0
	}
	r.walk = r.walk[:at]
	r.loops.Rings = append(r.loops.Rings, Ring{int32(len(r.loops.Pts)), Area2(r.loops.Pts[start:]) < 0})
}

// leftIsGround counts the borders between the left of h and the far away: an odd number means ground.
func (r *Repairer) leftIsGround(h int32) bool {
	a, b := r.ends(h)
	flat := a.Y == b.Y
	m := Point{a.X + b.X, a.Y + b.Y}
	if flat {
		m = Point{m.Y, m.X}
	}
	odd := false
	for i, e := range r.edges {
		if int32(i) == h/2 {
			continue
		}
		u, v := Point{2 * e.a.X, 2 * e.a.Y}, Point{2 * e.b.X, 2 * e.b.Y}
		if flat {
			u, v = Point{u.Y, u.X}, Point{v.Y, v.X}
		}
		odd = odd != beyond(u, v, m)
	}
	if flat {
		return odd == (b.X > a.X)
	}
	return odd == (b.Y < a.Y)
}

// beyond reports whether the ray from m, which is not on the edge u–v, to ever larger x crosses that edge.
func beyond(u, v, m Point) bool {
	return (u.Y <= m.Y) != (v.Y <= m.Y) && (cross(u, v, m) > 0) == (v.Y > u.Y)
}

// assemble writes the loops as polygons: each exterior, then its holes.
func (r *Repairer) assemble(dst *Outline) {
	dst.Reset()
	o := &r.loops
	for i := range o.Rings {
		if o.Rings[i].Hole {
			continue
		}
		dst.Append(o.Points(i), false)
		for j := range o.Rings {
			if o.Rings[j].Hole && r.owner(j) == i {
				dst.Append(o.Points(j), true)
			}
		}
	}
}

// owner is the smallest exterior around the j-th loop.
func (r *Repairer) owner(j int) int {
	o := &r.loops
	h := o.Points(j)
	m := Point{h[0].X + h[1].X, h[0].Y + h[1].Y} // no other ring passes the middle of an edge
	best, bestArea := -1, int64(0)
	for i := range o.Rings {
		if o.Rings[i].Hole {
			continue
		}
		in := false
		pts := o.Points(i)
		a := pts[len(pts)-1]
		for _, b := range pts {
			in = in != beyond(Point{2 * a.X, 2 * a.Y}, Point{2 * b.X, 2 * b.Y}, m)
			a = b
		}
		if area := Area2(pts); in && (best < 0 || area < bestArea) {
			best, bestArea = i, area
		}
	}
	return best
}

// resize is s with n elements, whatever they hold.
func resize[T any](s []T, n int) []T { return slices.Grow(s[:0], n)[:n] }
