package tiles

import (
	"cmp"
	"math/bits"
	"slices"
)

// repairer makes outlines valid. It keeps its scratch memory: one for each goroutine.
//
// Method: the edges are snap-rounded (Hobby 1999, Practical segment intersection with finite precision output): every
// corner and every crossing, rounded, is a hot pixel, and an edge is bent through the middle of each hot pixel that it
// passes. After that edges meet in common ends or coincide. What an even number of edges covers is no border (even-odd
// rule), so folds and bridges vanish; the faces of what remains are traced into rings. All of it is exact integer
// arithmetic, so the result is always valid.
type repairer struct {
	segs  []segment
	hot   []pt
	hits  []hit
	edges []edge
	order []int32 // half-edges by origin, then by angle
	pos   []int32 // where a half-edge stands in order
	from  []int32 // by place in order: where its origin's group starts
	done  []bool
	walk  []int32
	seen  []int32 // by group start: 1 + the place in the stack
	loops outline
}

// edge is an undirected edge with a before b. Its half-edges are 2i, from a to b, and 2i+1, from b to a.
type edge struct{ a, b pt }

// hit is a hot pixel on an edge, and how far along.
type hit struct {
	p pt
	d int64
}

// repair writes the valid form of o to dst: the same ground by the even-odd rule, within a unit. It may be empty. dst may be o.
func (r *repairer) repair(dst, o *outline) {
	r.collect(o)
	r.heat()
	r.bend()
	r.cancel()
	r.link()
	r.trace()
	r.assemble(dst)
}

func comparePts(a, b pt) int {
	if c := cmp.Compare(a.x, b.x); c != 0 {
		return c
	}
	return cmp.Compare(a.y, b.y)
}

// collect takes the edges of o, from left to right.
func (r *repairer) collect(o *outline) {
	r.segs = r.segs[:0]
	for i := range o.rings {
		pts := o.ring(i)
		last := pts[len(pts)-1]
		for _, p := range pts {
			a, b := last, p
			if comparePts(a, b) > 0 {
				a, b = b, a
			}
			r.segs = append(r.segs, segment{a: a, b: b, minY: min(a.y, b.y), maxY: max(a.y, b.y)})
			last = p
		}
	}
	slices.SortFunc(r.segs, func(s, t segment) int { return cmp.Compare(s.a.x, t.a.x) })
}

// heat lists the hot pixels in order: all ends, and all crossings.
func (r *repairer) heat() {
	r.hot = r.hot[:0]
	for i := range r.segs {
		s := &r.segs[i]
		r.hot = append(r.hot, s.a, s.b)
		for j := i + 1; j < len(r.segs) && r.segs[j].a.x <= s.b.x; j++ {
			if t := &r.segs[j]; t.minY <= s.maxY && s.minY <= t.maxY {
				r.meet(s, t)
			}
		}
	}
	slices.SortFunc(r.hot, comparePts)
	r.hot = slices.Compact(r.hot)
}

// meet adds the point at which s and t cross inside both.
func (r *repairer) meet(s, t *segment) {
	d1, d2 := cross(t.a, t.b, s.a), cross(t.a, t.b, s.b)
	d3, d4 := cross(s.a, s.b, t.a), cross(s.a, s.b, t.b)
	if !((d1 > 0 && d2 < 0 || d1 < 0 && d2 > 0) && (d3 > 0 && d4 < 0 || d3 < 0 && d4 > 0)) {
		return
	}
	if d1 < 0 {
		d1, d2 = -d1, -d2
	}
	num, den := uint64(d1), uint64(d1-d2)
	r.hot = append(r.hot, pt{part(s.a.x, s.b.x, num, den), part(s.a.y, s.b.y, num, den)})
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
func (r *repairer) bend() {
	r.edges = r.edges[:0]
	for i := range r.segs {
		s := &r.segs[i]
		if s.a == s.b {
			continue
		}
		r.hits = r.hits[:0]
		first, _ := slices.BinarySearchFunc(r.hot, pt{s.a.x, s.minY}, comparePts)
		for _, p := range r.hot[first:] {
			if p.x > s.b.x {
				break
			}
			if p.y >= s.minY && p.y <= s.maxY && s.passes(p) {
				along := int64(p.x-s.a.x)*int64(s.b.x-s.a.x) + int64(p.y-s.a.y)*int64(s.b.y-s.a.y)
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
func (s *segment) passes(p pt) bool {
	dx, dy := int64(s.b.x-s.a.x), int64(s.b.y-s.a.y)
	f := 2 * cross(s.a, s.b, p)
	reach := max(dx, -dx) + max(dy, -dy)
	return dx == 0 || dy == 0 || f-reach < 0 && f+reach > 0 || f-dx+dy == 0
}

// cancel keeps the edges that are there an odd number of times, once.
func (r *repairer) cancel() {
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
func (r *repairer) ends(h int32) (pt, pt) {
	e := r.edges[h/2]
	if h%2 == 1 {
		return e.b, e.a
	}
	return e.a, e.b
}

// link sorts the half-edges by origin and angle.
func (r *repairer) link() {
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
		return compareAngles(pt{gb.x - ga.x, gb.y - ga.y}, pt{hb.x - ha.x, hb.y - ha.y})
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
func compareAngles(u, v pt) int {
	if a, b := lower(u), lower(v); a != b {
		if b {
			return -1
		}
		return 1
	}
	return cmp.Compare(0, cross(pt{}, u, v))
}

// lower reports whether a direction lies in the second half turn.
func lower(d pt) bool { return d.y < 0 || d.y == 0 && d.x < 0 }

// next is the half-edge that goes on along the face to the left of h: the first one clockwise from the way back.
func (r *repairer) next(h int32) int32 {
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
func (r *repairer) trace() {
	r.loops.reset()
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
func (r *repairer) step(g int32) {
	group := r.from[r.pos[g]]
	if at := r.seen[group]; at > 0 {
		r.loop(int(at) - 1)
	}
	r.walk = append(r.walk, g)
	r.seen[group] = int32(len(r.walk))
}

// loop moves the walk from place at on into a ring of its own.
func (r *repairer) loop(at int) {
	start := r.loops.open()
	for _, g := range r.walk[at:] {
		a, _ := r.ends(g)
		r.loops.pts = append(r.loops.pts, a)
		r.seen[r.from[r.pos[g]]] = 0
	}
	r.walk = r.walk[:at]
	r.loops.rings = append(r.loops.rings, ring{int32(len(r.loops.pts)), area2(r.loops.pts[start:]) < 0})
}

// leftIsGround counts the borders between the left of h and the far away: an odd number means ground.
func (r *repairer) leftIsGround(h int32) bool {
	a, b := r.ends(h)
	flat := a.y == b.y
	m := pt{a.x + b.x, a.y + b.y}
	if flat {
		m = pt{m.y, m.x}
	}
	odd := false
	for i, e := range r.edges {
		if int32(i) == h/2 {
			continue
		}
		u, v := pt{2 * e.a.x, 2 * e.a.y}, pt{2 * e.b.x, 2 * e.b.y}
		if flat {
			u, v = pt{u.y, u.x}, pt{v.y, v.x}
		}
		odd = odd != beyond(u, v, m)
	}
	if flat {
		return odd == (b.x > a.x)
	}
	return odd == (b.y < a.y)
}

// beyond reports whether the ray from m, which is not on the edge u–v, to ever larger x crosses that edge.
func beyond(u, v, m pt) bool {
	return (u.y <= m.y) != (v.y <= m.y) && (cross(u, v, m) > 0) == (v.y > u.y)
}

// assemble writes the loops as polygons: each exterior, then its holes.
func (r *repairer) assemble(dst *outline) {
	dst.reset()
	o := &r.loops
	for i := range o.rings {
		if o.rings[i].hole {
			continue
		}
		dst.append(o.ring(i), false)
		for j := range o.rings {
			if o.rings[j].hole && r.owner(j) == i {
				dst.append(o.ring(j), true)
			}
		}
	}
}

// owner is the smallest exterior around the j-th loop.
func (r *repairer) owner(j int) int {
	o := &r.loops
	h := o.ring(j)
	m := pt{h[0].x + h[1].x, h[0].y + h[1].y} // no other ring passes the middle of an edge
	best, bestArea := -1, int64(0)
	for i := range o.rings {
		if o.rings[i].hole {
			continue
		}
		in := false
		pts := o.ring(i)
		a := pts[len(pts)-1]
		for _, b := range pts {
			in = in != beyond(pt{2 * a.x, 2 * a.y}, pt{2 * b.x, 2 * b.y}, m)
			a = b
		}
		if area := area2(pts); in && (best < 0 || area < bestArea) {
			best, bestArea = i, area
		}
	}
	return best
}

// append adds a whole ring.
func (o *outline) append(pts []pt, hole bool) {
	o.pts = append(o.pts, pts...)
	o.rings = append(o.rings, ring{int32(len(o.pts)), hole})
}

// resize is s with n elements, whatever they hold.
func resize[T any](s []T, n int) []T { return slices.Grow(s[:0], n)[:n] }
