package tiles

import (
	"encoding/binary"
	"math"
)

// Geometry types and commands of MVT 2.1, §4.3.
const (
	mvtPoint     = 1
	mvtPolygon   = 3
	mvtMoveTo    = 1
	mvtLineTo    = 2
	mvtClosePath = 1<<3 | 7
	mvtVersion   = 2
)

// plotUnits is the size below which a plot is drawn as a point: 2 px of a 512-px tile.
const plotUnits = 2 * Extent / 512

// workshop is the scratch memory that outlines are worked on in.
type workshop struct {
	checker
	repairer
	whole, part, spare outline
}

// encoder writes layers. It keeps its scratch memory: one for each goroutine. A feature costs no allocation.
type encoder struct {
	workshop
	hits  hits
	slots []uint64 // by entry of the dictionary: epoch and place among the values of this tile
	epoch uint32
	used  []uint32 // entries of the values of this tile
	keys  []uint32 // by column: 1 + its place among the keys of this tile
	named []int    // columns of the keys of this tile
	geom  []byte
	tags  []byte
	body  []byte
}

// appendLayer appends the layer message of s for a tile; nothing when the tile holds no feature of it.
func (e *encoder) appendLayer(dst []byte, s *Snapshot, z, x, y int) []byte {
	if z < s.layer.MinZoom || z > s.layer.MaxZoom {
		return dst
	}
	e.begin(s)
	frame, b := tileBox(x, y), s.band(z, &e.workshop)
	s.index.search(tileExtent(z, x, y), &e.hits)
	e.hits.drain(func(i int) {
		if int(s.features[i].minZoom) > z {
			return
		}
		if kind := e.draw(s, i, z, frame, b); kind != 0 {
			e.feature(s, i, kind)
		}
	})
	if len(e.body) == 0 {
		return dst
	}
	return e.finish(dst, s)
}

// begin forgets the last layer.
func (e *encoder) begin(s *Snapshot) {
	e.slots = grown(e.slots, len(s.values.ends))
	if e.epoch++; e.epoch == 0 {
		clear(e.slots)
		e.epoch = 1
	}
	e.used, e.named, e.body = e.used[:0], e.named[:0], e.body[:0]
	e.keys = resize(e.keys, len(s.columns))
	clear(e.keys)
}

// draw puts the commands of feature i into geom and returns their geometry type, 0 for nothing to draw.
func (e *encoder) draw(s *Snapshot, i, z int, frame box, b *band) int {
	if s.features[i].point {
		return e.drawPoints(s.positions(i), z, frame)
	}
	fixed := b.repaired[uint32(i)]
	if s.dot(i, z) || s.layer.mixed() && fixed != nil && len(fixed.rings) == 0 {
		return e.drawPoints([][2]uint32{s.centroid(i)}, z, frame)
	}
	o := fixed
	if o == nil {
		o = &e.whole
		s.quantise(o, i, z)
	} else if len(o.rings) == 0 {
		o = &e.whole
		s.speck(o, i, z)
	}
	if !s.box(i, z).grown(1).within(frame) { // by what a speck may stick out
		if o = e.cutOut(o, frame); len(o.rings) == 0 {
			return 0
		}
	}
	e.drawOutline(o, frame)
	return mvtPolygon
}

// cutOut is the valid part of o within the frame.
func (e *encoder) cutOut(o *outline, frame box) *outline {
	clip(&e.part, &e.spare, o, frame)
	if !e.valid(&e.part) {
		e.repair(&e.part, &e.part)
	}
	return &e.part
}

// drawPoints draws those of the positions that lie in the frame.
func (e *encoder) drawPoints(xy [][2]uint32, z int, frame box) int {
	count := 0
	cursor := origin(frame)
	e.spare.reset()
	for _, p := range xy {
		if q := quantised(p, unitBits(z)); q.x >= frame.minX && q.x <= frame.maxX && q.y >= frame.minY && q.y <= frame.maxY {
			e.spare.pts = append(e.spare.pts, q)
			count++
		}
	}
	if count == 0 {
		return 0
	}
	e.geom = appendVarint(e.geom[:0], uint32(count)<<3|mvtMoveTo)
	for _, q := range e.spare.pts {
		e.geom = appendStep(e.geom, cursor, q)
		cursor = q
	}
	return mvtPoint
}

// origin is the corner of the tile whose frame it is.
func origin(frame box) pt { return pt{frame.minX + Buffer, frame.minY + Buffer} }

// drawOutline draws polygons; o is valid and lies in the frame.
func (e *encoder) drawOutline(o *outline, frame box) {
	g := e.geom[:0]
	cursor := origin(frame)
	for i := range o.rings {
		r := o.ring(i)
		g = append(g, 1<<3|mvtMoveTo)
		g = appendStep(g, cursor, r[0])
		g = appendVarint(g, uint32(len(r)-1)<<3|mvtLineTo)
		cursor = r[0]
		for _, p := range r[1:] {
			g = appendStep(g, cursor, p)
			cursor = p
		}
		g = append(g, mvtClosePath)
	}
	e.geom = g
}

// feature appends the message of feature i, whose commands are in geom.
func (e *encoder) feature(s *Snapshot, i, kind int) {
	n := len(s.columns)
	tags := e.tags[:0]
	for c, v := range s.tags[i*n : i*n+n] {
		if v == noTag {
			continue
		}
		if e.keys[c] == 0 {
			e.named = append(e.named, c)
			e.keys[c] = uint32(len(e.named))
		}
		if uint32(e.slots[v]>>32) != e.epoch {
			e.slots[v] = uint64(e.epoch)<<32 | uint64(len(e.used))
			e.used = append(e.used, v)
		}
		tags = appendVarint(tags, e.keys[c]-1)
		tags = appendVarint(tags, uint32(e.slots[v]))
	}
	e.tags = tags
	id := s.features[i].id
	size := 1 + varintSize(id) + 2 + 1 + varintSize(uint64(len(e.geom))) + len(e.geom)
	if len(tags) > 0 {
		size += 1 + varintSize(uint64(len(tags))) + len(tags)
	}
	b := appendVarint(append(e.body, 2<<3|2), uint32(size))
	b = binary.AppendUvarint(append(b, 1<<3), id)
	if len(tags) > 0 {
		b = append(appendVarint(append(b, 2<<3|2), uint32(len(tags))), tags...)
	}
	b = appendVarint(append(b, 3<<3, byte(kind), 4<<3|2), uint32(len(e.geom)))
	e.body = append(b, e.geom...)
}

// finish appends the layer message around the features in body.
func (e *encoder) finish(dst []byte, s *Snapshot) []byte {
	name := s.layer.Name
	b := e.body
	for _, c := range e.named {
		b = appendText(b, 3<<3|2, s.columns[c])
	}
	for _, v := range e.used {
		m := s.values.value(v)
		b = append(appendVarint(append(b, 4<<3|2), uint32(len(m))), m...)
	}
	b = appendVarint(append(b, 5<<3), Extent)
	e.body = b
	dst = appendVarint(append(dst, 3<<3|2), uint32(2+1+varintSize(uint64(len(name)))+len(name)+len(b)))
	dst = append(dst, 15<<3, mvtVersion)
	dst = appendText(dst, 1<<3|2, name)
	return append(dst, b...)
}

// appendStep appends the way from one point to the next as two zigzag numbers.
func appendStep(b []byte, from, to pt) []byte {
	dx, dy := to.x-from.x, to.y-from.y
	b = appendVarint(b, uint32(dx<<1^dx>>31))
	return appendVarint(b, uint32(dy<<1^dy>>31))
}

func appendVarint(b []byte, v uint32) []byte {
	switch {
	case v < 1<<7:
		return append(b, byte(v))
	case v < 1<<14:
		return append(b, byte(v)|0x80, byte(v>>7))
	}
	return binary.AppendUvarint(b, uint64(v))
}

func varintSize(v uint64) int {
	n := 1
	for ; v >= 0x80; v >>= 7 {
		n++
	}
	return n
}

func appendText(b []byte, tag byte, s string) []byte {
	return append(appendVarint(append(b, tag), uint32(len(s))), s...)
}

// The MVT Value messages, §4.1: one field each.

func appendString(b []byte, v string) []byte { return appendText(b, 1<<3|2, v) }

func appendDouble(b []byte, v float64) []byte {
	return binary.LittleEndian.AppendUint64(append(b, 3<<3|1), math.Float64bits(v))
}

// appendInt uses int_value for what it takes few bytes for, and sint_value for negative numbers.
func appendInt(b []byte, v int64) []byte {
	if v < 0 {
		return binary.AppendUvarint(append(b, 6<<3), uint64(v<<1^v>>63))
	}
	return binary.AppendUvarint(append(b, 4<<3), uint64(v))
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 7<<3, 1)
	}
	return append(b, 7<<3, 0)
}
