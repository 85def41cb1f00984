package sandbox

import (
	"encoding/binary"
	"errors"
	"math"

	"github.com/paulmach/orb"
)

// errWKB is a geometry that the reader program would not have written.
var errWKB = errors.New("sandbox: malformed geometry")

// maxDepth bounds nested collections: a stack overflow would end the server.
const maxDepth = 8

// Types of well-known binary (OGC 06-103r4 §8.2.8), two-dimensional.
const (
	wkbPoint = iota + 1
	wkbLineString
	wkbPolygon
	wkbMultiPoint
	wkbMultiLineString
	wkbMultiPolygon
	wkbCollection
)

// wkb reads little-endian two-dimensional well-known binary from bytes that may be hostile: it allocates no more
// than the bytes account for and bounds the nesting. No bytes are no geometry.
func wkb(b []byte) (orb.Geometry, error) {
	if len(b) == 0 {
		return nil, nil
	}
	c := cursor{b: b}
	g := c.geometry(0)
	if c.bad || len(c.b) != 0 {
		return nil, errWKB
	}
	return g, nil
}

// cursor reads on until something is wrong; then bad stays set and nothing more is read.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) fail() uint32 {
	c.bad, c.b = true, nil
	return 0
}

func (c *cursor) uint32() uint32 {
	if len(c.b) < 4 {
		return c.fail()
	}
	v := binary.LittleEndian.Uint32(c.b)
	c.b = c.b[4:]
	return v
}

// count reads a number of items of at least size bytes each.
func (c *cursor) count(size int) int {
	n := c.uint32()
	if uint64(n)*uint64(size) > uint64(len(c.b)) {
		return int(c.fail())
	}
	return int(n)
}

// kind reads the byte order and the type; want 0 takes any type.
func (c *cursor) kind(want uint32) uint32 {
	if len(c.b) < 5 || c.b[0] != 1 {
		return c.fail()
	}
	c.b = c.b[1:]
	if k := c.uint32(); want == 0 || k == want {
		return k
	}
	return c.fail()
}

func (c *cursor) point() orb.Point {
	if len(c.b) < 16 {
		c.fail()
		return orb.Point{}
	}
	p := orb.Point{math.Float64frombits(binary.LittleEndian.Uint64(c.b)), math.Float64frombits(binary.LittleEndian.Uint64(c.b[8:]))}
	c.b = c.b[16:]
	return p
}

func (c *cursor) points() []orb.Point {
	list := make([]orb.Point, c.count(16))
	for i := range list {
		list[i] = c.point()
	}
	return list
}

func (c *cursor) polygon() orb.Polygon {
	p := make(orb.Polygon, c.count(4))
	for i := range p {
		p[i] = c.points()
	}
	return p
}

func (c *cursor) geometry(depth int) orb.Geometry {
	switch c.kind(0) {
	case wkbPoint:
		return c.point()
	case wkbLineString:
		return orb.LineString(c.points())
	case wkbPolygon:
		return c.polygon()
	case wkbMultiPoint:
		return orb.MultiPoint(members(c, wkbPoint, 21, c.point))
	case wkbMultiLineString:
		return orb.MultiLineString(members(c, wkbLineString, 9, func() orb.LineString { return c.points() }))
	case wkbMultiPolygon:
		return orb.MultiPolygon(members(c, wkbPolygon, 9, c.polygon))
	case wkbCollection:
		if depth == maxDepth {
			break
		}
		list := make(orb.Collection, c.count(9))
		for i := range list {
			list[i] = c.geometry(depth + 1)
		}
		return list
	}
	c.fail()
	return nil
}

// members reads the members of a multi-geometry, each of one kind and at least size bytes.
func members[T any](c *cursor, kind uint32, size int, read func() T) []T {
	list := make([]T, c.count(size))
	for i := range list {
		if c.kind(kind); c.bad {
			return nil
		}
		list[i] = read()
	}
	return list
}
