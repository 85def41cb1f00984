package tiles

import (
	"encoding/binary"
	"math"

	"wangge/tiles/lattice"
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
	lattice.Checker
	lattice.Repairer
	whole, part, spare lattice.Outline
}

// encoder writes layers. It keeps its scratch memory: one for each goroutine. A feature costs no allocation.
type encoder struct {
	workshop
	leaves []*leaf  // those that meet the tile
	slots  []uint64 // by entry of the dictionary: epoch and place among the values of this tile
	epoch  uint32
	used   []uint32 // entries of the values of this tile
	keys   []uint32 // by column: 1 + its place among the keys of this tile
	named  []int    // columns of the keys of this tile
	geom   []byte
	tags   []byte
	body   []byte
}

// tileBox is the part of the lattice of its zoom that tile x, y holds, buffer included.
func tileBox(x, y int) lattice.Box {
	left, top := int32(x)*Extent, int32(y)*Extent
	return lattice.Box{MinX: left - Buffer, MinY: top - Buffer, MaxX: left + Extent + Buffer, MaxY: top + Extent + Buffer}
}

// appendLayer appends the layer message of s for a tile; nothing when the tile holds no feature of it.
func (e *encoder) appendLayer(dst []byte, s *Snapshot, z, x, y int) []byte {
	if z < s.layer.MinZoom || z > s.layer.MaxZoom {
		return dst
	}
	e.begin(s)
	frame, ground := tileBox(x, y), tileExtent(z, x, y)
	e.leaves = e.leaves[:0]
	for _, root := range s.roots {
		root.within(ground, func(l *leaf) { e.leaves = append(e.leaves, l) })
	}
	for _, l := range e.leaves {
		e.leaf(s, l, z, frame)
	}
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
	if cap(e.keys) < len(s.columns) {
		e.keys = make([]uint32, len(s.columns))
	}
	e.keys = e.keys[:len(s.columns)]
	clear(e.keys)
}

// leaf writes the features of a leaf that have something in the frame.
func (e *encoder) leaf(s *Snapshot, l *leaf, z int, frame lattice.Box) {
	b := l.band(z, s.layer.mixed(), &e.workshop)
	n := len(s.columns)
	for i := range b.drawn {
		d := &b.drawn[i]
		if d.kind == 0 || !d.box.Meets(frame) || n > 0 && l.tags[i*n] == noFeature {
			continue
		}
		if kind := e.draw(b, i, frame); kind != 0 {
			e.feature(s, l.features[i].id, l.tags[i*n:i*n+n], kind)
		}
	}
}

// draw puts the commands of drawing i into geom and returns their geometry type, 0 when nothing of it lies in the frame.
func (e *encoder) draw(b *band, i int, frame lattice.Box) uint8 {
	d := &b.drawn[i]
	switch {
	case d.kind == mvtPoint:
		return e.drawPoints(b, i, frame)
	case d.box.Within(frame):
		e.geom = appendStep(append(e.geom[:0], 1<<3|mvtMoveTo), origin(frame), d.first)
		e.geom = append(e.geom, b.commands(i)...)
		return mvtPolygon
	}
	b.outlineOf(&e.whole, i)
	lattice.Clip(&e.part, &e.spare, &e.whole, frame)
	if !e.Valid(&e.part) {
		e.Repair(&e.part, &e.part)
	}
	if len(e.part.Rings) == 0 {
		return 0
	}
	e.geom = appendRings(e.geom[:0], &e.part, origin(frame), false)
	return mvtPolygon
}

// drawPoints draws those of the points that lie in the frame.
func (e *encoder) drawPoints(b *band, i int, frame lattice.Box) uint8 {
	b.pointsOf(&e.spare, i)
	count := 0
	for _, q := range e.spare.Pts {
		if q.X >= frame.MinX && q.X <= frame.MaxX && q.Y >= frame.MinY && q.Y <= frame.MaxY {
			e.spare.Pts[count] = q
			count++
		}
	}
	if count == 0 {
		return 0
	}
	e.geom = appendVarint(e.geom[:0], uint32(count)<<3|mvtMoveTo)
	cursor := origin(frame)
	for _, q := range e.spare.Pts[:count] {
		e.geom = appendStep(e.geom, cursor, q)
		cursor = q
	}
	return mvtPoint
}

// origin is the corner of the tile whose frame it is.
func origin(frame lattice.Box) lattice.Point {
	return lattice.Point{X: frame.MinX + Buffer, Y: frame.MinY + Buffer}
}

// feature appends the message of a feature, whose commands are in geom.
func (e *encoder) feature(s *Snapshot, id uint64, values []uint32, kind uint8) {
	tags := e.tags[:0]
	for c, v := range values {
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
	size := 1 + varintSize(id) + 2 + 1 + varintSize(uint64(len(e.geom))) + len(e.geom)
	if len(tags) > 0 {
		size += 1 + varintSize(uint64(len(tags))) + len(tags)
	}
	b := appendVarint(append(e.body, 2<<3|2), uint32(size))
	b = binary.AppendUvarint(append(b, 1<<3), id)
	if len(tags) > 0 {
		b = append(appendVarint(append(b, 2<<3|2), uint32(len(tags))), tags...)
	}
	b = appendVarint(append(b, 3<<3, kind, 4<<3|2), uint32(len(e.geom)))
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
func appendStep(b []byte, from, to lattice.Point) []byte {
	dx, dy := to.X-from.X, to.Y-from.Y
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

// grown is s with at least n elements, those beyond its old length zero.
func grown(s []uint64, n int) []uint64 {
	if len(s) < n {
		s = append(s, make([]uint64, n-len(s))...)
	}
	return s
}
