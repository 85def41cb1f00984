package tiles

import (
	"cmp"
	"encoding/binary"
	"slices"
	"sync/atomic"
	"unsafe"

	"wangge/tiles/lattice"
)

// feature is one row; its geometry ends where that of the next one begins.
type feature struct {
	id      uint64
	ring    uint32 // the first of its rings
	minZoom uint8
	point   bool
}

// span is where a ring ends in the positions, exclusive. The positions of a multipoint are one ring.
type span struct {
	end  uint32
	hole bool
}

// shape is the geometry of the features of a leaf, by place along the curve, then by id. It does not change; what was drawn of it at a zoom is kept. Safe for
// concurrent use.
type shape struct {
	features []feature // one more at the end
	boxes    []extent
	rings    []span
	xy       [][2]uint32 // fixed-point Mercator, all rings one after the other
	ranks    []uint8     // by position: the first zoom at which it is drawn; nil when all are at every zoom
	bands    [MaxZoom + 1]atomic.Pointer[band]
}

// newLeaf packs the rows, which it sorts.
func newLeaf(rows []row, columns int) *leaf {
	slices.SortFunc(rows, func(a, b row) int { return cmp.Or(cmp.Compare(curve(a.at), curve(b.at)), cmp.Compare(a.id, b.id)) })
	var points, rings int
	ranked := false
	for _, r := range rows {
		points, rings, ranked = points+len(r.xy), rings+len(r.rings), ranked || r.ranks != nil
	}
	s := &shape{features: make([]feature, 0, len(rows)+1), boxes: make([]extent, 0, len(rows)), rings: make([]span, 0, rings), xy: make([][2]uint32, 0, points)}
	if ranked {
		s.ranks = make([]uint8, 0, points)
	}
	l := &leaf{s, make([]uint32, 0, columns*len(rows))}
	for _, r := range rows {
		start := uint32(len(s.xy))
		s.features = append(s.features, feature{r.id, uint32(len(s.rings)), r.minZoom, r.point})
		s.boxes = append(s.boxes, r.box)
		for _, ring := range r.rings {
			s.rings = append(s.rings, span{start + ring.end, ring.hole})
		}
		s.xy = append(s.xy, r.xy...)
		if ranked {
			s.ranks = append(s.ranks, r.ranks...)
			s.ranks = append(s.ranks, make([]uint8, len(s.xy)-len(s.ranks))...)
		}
		l.tags = append(l.tags, r.tags...)
	}
	s.features = append(s.features, feature{ring: uint32(len(s.rings))})
	return l
}

// count is how many features there are.
func (s *shape) count() int { return len(s.features) - 1 }

// bounds is the box of all features.
func (s *shape) bounds() extent {
	box := nothing
	for _, b := range s.boxes {
		box = box.with(b)
	}
	return box
}

// find is the place of the feature of that id.
func (s *shape) find(id uint64) (int, bool) {
	i := slices.IndexFunc(s.features[:s.count()], func(f feature) bool { return f.id == id })
	return i, i >= 0
}

// rows appends the features as rows.
func (l *leaf) rows(rows []row, columns int) []row {
	for i, f := range l.features[:l.count()] {
		from, to := f.ring, l.features[i+1].ring
		start := l.start(from)
		r := row{id: f.id, box: l.boxes[i], at: l.boxes[i].centre(), minZoom: f.minZoom, point: f.point, xy: l.xy[start:l.start(to)], tags: l.tags[i*columns : (i+1)*columns]}
		for _, ring := range l.rings[from:to] {
			r.rings = append(r.rings, span{ring.end - start, ring.hole})
		}
		if l.ranks != nil {
			r.ranks = l.ranks[start:l.start(to)]
		}
		rows = append(rows, r)
	}
	return rows
}

// start is where ring r begins in the positions.
func (s *shape) start(r uint32) uint32 {
	if r == 0 {
		return 0
	}
	return s.rings[r-1].end
}

// positions is all positions of feature i.
func (s *shape) positions(i int) [][2]uint32 {
	return s.xy[s.start(s.features[i].ring):s.start(s.features[i+1].ring)]
}

// quantise writes feature i on the lattice of zoom z to o, simplified, as it comes out: it may be invalid.
func (s *shape) quantise(o *lattice.Outline, i, z int) {
	o.Reset()
	bits := lattice.UnitBits(z)
	from, to := s.features[i].ring, s.features[i+1].ring
	at := s.start(from)
	for _, r := range s.rings[from:to] {
		for j, p := range s.xy[at:r.end] {
			if s.ranks == nil || int(s.ranks[int(at)+j]) <= z {
				o.Add(lattice.Snap(p, bits))
			}
		}
		o.Close(r.hole)
		at = r.end
	}
}

// dot reports whether feature i of a layer of points and polygons is too small to be drawn as a polygon at zoom z.
func (s *shape) dot(i, z int) bool {
	e := s.boxes[i]
	return max(e.maxX-e.minX, e.maxY-e.minY)>>lattice.UnitBits(z) < plotUnits
}

// speck writes a square of one unit where feature i is, which is too small for an outline, so that it is still there.
func (s *shape) speck(o *lattice.Outline, i, z int) {
	at := s.boxes[i].centre()
	p := lattice.Point{X: int32(at[0] >> lattice.UnitBits(z)), Y: int32(at[1] >> lattice.UnitBits(z))}
	o.Reset()
	o.Append([]lattice.Point{p, {X: p.X + 1, Y: p.Y}, {X: p.X + 1, Y: p.Y + 1}, {X: p.X, Y: p.Y + 1}}, false)
}

// centroid is the centre of gravity of the polygons of feature i.
func (s *shape) centroid(i int) [2]uint32 {
	base := s.positions(i)[0]
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

// band is a leaf as it is drawn at one zoom: valid outlines, their commands already encoded. Commands count from the point before, so
// they are the same in every tile but for the first step.
type band struct {
	drawn []drawing
	code  []byte
}

// drawing is a feature at one zoom.
type drawing struct {
	box   lattice.Box   // of what is drawn
	first lattice.Point // where it begins
	end   uint32        // where its code ends; it begins where that of the one before ends
	kind  uint8         // its MVT geometry type, 0 when it is not drawn at this zoom
}

// commands is the code of feature i.
func (b *band) commands(i int) []byte {
	if i == 0 {
		return b.code[:b.drawn[0].end]
	}
	return b.code[b.drawn[i-1].end:b.drawn[i].end]
}

// band is the leaf at zoom z. Two callers may make it at once; one of the two results is kept, and they are equal.
func (s *shape) band(z int, mixed bool, w *workshop) *band {
	if b := s.bands[z].Load(); b != nil {
		return b
	}
	b := &band{drawn: make([]drawing, s.count())}
	for i := range b.drawn {
		d := &b.drawn[i]
		b.code = d.draw(b.code, s, i, z, mixed, w)
		d.end = uint32(len(b.code))
	}
	b.code = slices.Clip(b.code)
	s.bands[z].CompareAndSwap(nil, b)
	return s.bands[z].Load()
}

// draw makes d feature i at zoom z and appends its commands. In a layer of points and polygons, what is too small for an outline
// becomes a point; elsewhere a square of one unit.
func (d *drawing) draw(code []byte, s *shape, i, z int, mixed bool, w *workshop) []byte {
	switch f := s.features[i]; {
	case int(f.minZoom) > z:
		return code
	case f.point:
		return d.points(code, s.positions(i), z)
	case mixed && s.dot(i, z):
		return d.points(code, [][2]uint32{s.centroid(i)}, z)
	}
	o := w.draw(s, i, z)
	switch {
	case len(o.Rings) > 0:
	case mixed:
		return d.points(code, [][2]uint32{s.centroid(i)}, z)
	default:
		s.speck(o, i, z)
	}
	return d.outline(code, o)
}

// draw is the valid outline of feature i at zoom z; empty when it is too small to have one.
func (w *workshop) draw(s *shape, i, z int) *lattice.Outline {
	o := &w.whole
	s.quantise(o, i, z)
	if !w.intact(s, i) {
		w.Repair(&w.part, o)
		o = &w.part
	}
	return o
}

// intact reports whether feature i came through rounding, as whole holds it, valid and with its rings.
func (w *workshop) intact(s *shape, i int) bool {
	return len(w.whole.Rings) == int(s.features[i+1].ring-s.features[i].ring) && w.Valid(&w.whole)
}

// points makes d a drawing of points and appends their steps, the first one's left out.
func (d *drawing) points(code []byte, xy [][2]uint32, z int) []byte {
	d.kind = mvtPoint
	for i, p := range xy {
		q := lattice.Snap(p, lattice.UnitBits(z))
		if i == 0 {
			d.first, d.box = q, lattice.Box{MinX: q.X, MinY: q.Y, MaxX: q.X, MaxY: q.Y}
		} else {
			code = appendStep(code, lattice.Snap(xy[i-1], lattice.UnitBits(z)), q)
		}
		d.box = d.box.With(q)
	}
	return code
}

// outline makes d a drawing of o and appends its commands, all but the first MoveTo.
func (d *drawing) outline(code []byte, o *lattice.Outline) []byte {
	d.kind, d.first = mvtPolygon, o.Pts[0]
	d.box = lattice.Box{MinX: d.first.X, MinY: d.first.Y, MaxX: d.first.X, MaxY: d.first.Y}
	for _, p := range o.Pts {
		d.box = d.box.With(p)
	}
	return appendRings(code, o, d.first, true)
}

// appendRings appends the commands of the rings of o, from the cursor on; those of the first MoveTo only unless begun.
func appendRings(g []byte, o *lattice.Outline, cursor lattice.Point, begun bool) []byte {
	for i := range o.Rings {
		r := o.Points(i)
		if i > 0 || !begun {
			g = appendStep(append(g, 1<<3|mvtMoveTo), cursor, r[0])
		}
		g = appendVarint(g, uint32(len(r)-1)<<3|mvtLineTo)
		cursor = r[0]
		for _, p := range r[1:] {
			g = appendStep(g, cursor, p)
			cursor = p
		}
		g = append(g, mvtClosePath)
	}
	return g
}

// reader reads steps of a drawing.
type reader struct {
	code []byte
	at   lattice.Point
}

func (r *reader) number() uint32 {
	if c := r.code[0]; c < 0x80 {
		r.code = r.code[1:]
		return uint32(c)
	}
	v, n := binary.Uvarint(r.code)
	r.code = r.code[n:]
	return uint32(v)
}

func (r *reader) step() {
	dx, dy := r.number(), r.number()
	r.at.X += int32(dx>>1) ^ -int32(dx&1)
	r.at.Y += int32(dy>>1) ^ -int32(dy&1)
}

// outlineOf reads the commands of drawing i, a polygon, back into o.
func (b *band) outlineOf(o *lattice.Outline, i int) {
	o.Reset()
	for r := (reader{b.commands(i), b.drawn[i].first}); ; {
		start := len(o.Pts)
		o.Pts = append(o.Pts, r.at)
		for n := r.number() >> 3; n > 0; n-- {
			r.step()
			o.Pts = append(o.Pts, r.at)
		}
		r.code = r.code[1:] // ClosePath
		o.Rings = append(o.Rings, lattice.Ring{End: int32(len(o.Pts)), Hole: lattice.Area2(o.Pts[start:]) < 0})
		if len(r.code) == 0 {
			return
		}
		r.code = r.code[1:] // MoveTo
		r.step()
	}
}

// pointsOf reads the points of drawing i into o.
func (b *band) pointsOf(o *lattice.Outline, i int) {
	o.Reset()
	r := reader{b.commands(i), b.drawn[i].first}
	for o.Pts = append(o.Pts, r.at); len(r.code) > 0; o.Pts = append(o.Pts, r.at) {
		r.step()
	}
}

// bytes is roughly what the shape takes, with its bands.
func (s *shape) bytes() int {
	n := int(unsafe.Sizeof(*s)) + 16*cap(s.features) + 16*cap(s.boxes) + 8*cap(s.rings) + 8*cap(s.xy) + cap(s.ranks)
	for z := range s.bands {
		if b := s.bands[z].Load(); b != nil {
			n += 48 + int(unsafe.Sizeof(drawing{}))*cap(b.drawn) + cap(b.code)
		}
	}
	return n
}
