package sandbox

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/paulmach/orb"
	orbwkb "github.com/paulmach/orb/encoding/wkb"
	"pgregory.net/rapid"
)

func points() *rapid.Generator[[]orb.Point] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) orb.Point {
		return orb.Point{rapid.Float64().Draw(t, "x"), rapid.Float64().Draw(t, "y")}
	}), 0, 5)
}

func polygons() *rapid.Generator[orb.Polygon] {
	return rapid.Map(rapid.SliceOfN(points(), 0, 3), func(rings [][]orb.Point) orb.Polygon {
		p := orb.Polygon{}
		for _, r := range rings {
			p = append(p, orb.Ring(r))
		}
		return p
	})
}

func geometries() *rapid.Generator[orb.Geometry] {
	simple := rapid.OneOf(
		rapid.Map(points(), func(p []orb.Point) orb.Geometry { return append(orb.MultiPoint(p), orb.Point{1, 2})[0] }),
		rapid.Map(points(), func(p []orb.Point) orb.Geometry { return orb.LineString(p) }),
		rapid.Map(points(), func(p []orb.Point) orb.Geometry { return orb.MultiPoint(p) }),
		rapid.Map(polygons(), func(p orb.Polygon) orb.Geometry { return p }),
		rapid.Map(rapid.SliceOfN(points(), 0, 3), func(lines [][]orb.Point) orb.Geometry {
			m := orb.MultiLineString{}
			for _, l := range lines {
				m = append(m, l)
			}
			return m
		}),
		rapid.Map(rapid.SliceOfN(polygons(), 0, 3), func(p []orb.Polygon) orb.Geometry { return orb.MultiPolygon(p) }),
	)
	return rapid.OneOf(simple, rapid.Map(rapid.SliceOfN(simple, 0, 3), func(list []orb.Geometry) orb.Geometry {
		return orb.Collection{orb.Collection(list), orb.Point{3, 4}}
	}))
}

// TestWKB reads what orb writes.
func TestWKB(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := geometries().Draw(t, "geometry")
		b, err := orbwkb.Marshal(want, binary.LittleEndian)
		if err != nil {
			t.Fatal(err)
		}
		got, err := wkb(b)
		if err != nil || !orb.Equal(got, want) {
			t.Fatalf("%v, %v; want %v", got, err, want)
		}
		for n := range b {
			if _, err := wkb(b[:n]); err == nil && n > 0 {
				t.Fatalf("cut at %d of %d", n, len(b))
			}
		}
		if _, err := wkb(append(b, 0)); err == nil {
			t.Fatal("a byte too many")
		}
	})
}

// TestHostileWKB: nesting and counts are bounded before anything is allocated.
func TestHostileWKB(t *testing.T) {
	deep := append(bytes.Repeat([]byte{1, 7, 0, 0, 0, 1, 0, 0, 0}, 1<<20), 1, 1, 0, 0, 0)
	for name, b := range map[string][]byte{
		"deep collection":    append(deep, make([]byte, 16)...),
		"four billion rings": {1, 3, 0, 0, 0, 0xff, 0xff, 0xff, 0xff},
		"big endian":         {0, 0, 0, 0, 1},
		"with Z":             append([]byte{1, 0xe9, 3, 0, 0}, make([]byte, 24)...),
		"mixed members":      append([]byte{1, 4, 0, 0, 0, 1, 0, 0, 0, 1, 2, 0, 0, 0}, make([]byte, 16)...),
	} {
		if g, err := wkb(b); err == nil {
			t.Errorf("%s: %v", name, g)
		}
	}
	if g, err := wkb(nil); g != nil || err != nil {
		t.Errorf("nothing: %v, %v", g, err)
	}
}

func FuzzWKB(f *testing.F) {
	for _, g := range []orb.Geometry{orb.Point{1, 2}, orb.Polygon{{{1, 2}, {3, 4}, {5, 6}, {1, 2}}}, orb.Collection{orb.MultiPoint{{1, 2}}}} {
		b, err := orbwkb.Marshal(g, binary.LittleEndian)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		g, err := wkb(b)
		if err != nil || g == nil {
			return
		}
		again, err := orbwkb.Marshal(g, binary.LittleEndian)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("%v: %x became %x, %v", g, b, again, err)
		}
	})
}
