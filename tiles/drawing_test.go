package tiles

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/encoding/wkb"
	"github.com/paulmach/orb/maptile"
	"github.com/peterstace/simplefeatures/geom"

	"wangge/grids"
	"wangge/tiles/lattice"
)

// roundTrip fails unless every drawing of the snapshot at zoom z reads back as what was drawn. It counts the outlines.
func roundTrip(t testing.TB, s *Snapshot, z int) (outlines int) {
	t.Helper()
	var w workshop
	var got lattice.Outline
	s.root().each(func(l *leaf) {
		b := l.band(z, s.layer.mixed(), &w)
		for i, d := range b.drawn {
			switch d.kind {
			case mvtPoint:
				b.pointsOf(&got, i)
				for j, p := range l.positions(i) {
					if l.features[i].point && got.Pts[j] != lattice.Snap(p, lattice.UnitBits(z)) {
						t.Fatalf("feature %d at zoom %d: point %d is read back as %v", l.features[i].id, z, j, got.Pts[j])
					}
				}
			case mvtPolygon:
				outlines++
				b.outlineOf(&got, i)
				want := w.draw(l.shape, i, z)
				if len(want.Rings) == 0 {
					l.speck(want, i, z)
				}
				if !slices.Equal(got.Pts, want.Pts) || !slices.Equal(got.Rings, want.Rings) {
					t.Fatalf("feature %d at zoom %d is read back as %v, drawn as %v", l.features[i].id, z, got, want)
				}
			}
			for _, p := range got.Pts {
				if at := (lattice.Box{MinX: p.X, MinY: p.Y, MaxX: p.X, MaxY: p.Y}); d.kind != 0 && !at.Within(d.box) {
					t.Fatalf("feature %d at zoom %d: %v is outside its box %v", l.features[i].id, z, p, d.box)
				}
			}
		}
	})
	return outlines
}

// What is drawn of the demo at every zoom reads back as it was drawn.
func TestDrawingsReadBack(t *testing.T) {
	outlines := 0
	for layer := range demoFiles {
		s := demoSnapshot(t, layer)
		for z := MinZoom; z <= MaxZoom; z++ {
			outlines += roundTrip(t, s, z)
		}
	}
	if outlines < 10000 {
		t.Errorf("only %d outlines", outlines)
	}
}

// drawn makes an outline of anything: the layer, the scale, then corners as pairs of signed bytes, 127 beginning a new ring.
func drawn(b []byte) (layer string, p orb.Polygon) {
	if len(b) < 2 {
		return "grids", nil
	}
	layer = []string{"grids", "land", Findings}[int(b[0])%3]
	scale := math.Pow(10, -6+float64(b[1]%5))
	ring := orb.Ring{}
	finish := func() {
		if len(ring) > 0 {
			p = append(p, append(ring, ring[0]))
		}
		ring = nil
	}
	for b = b[2:]; len(b) > 1; b = b[2:] {
		if int8(b[0]) == 127 {
			finish()
			continue
		}
		ring = append(ring, orb.Point{121.5 + scale*float64(int8(b[0])), 31.6 + scale*float64(int8(b[1]))})
	}
	finish()
	return layer, p
}

// Any outline is refused with a sentence, or is in its tiles: by the rules of the format, read back by another decoder with
// its id, valid, and with the area it had, within what rounding and simplifying explain.
func FuzzOutlines(f *testing.F) {
	for _, seed := range [][]byte{
		{0, 3, 0, 0, 100, 0, 100, 100, 0, 100},
		{1, 2, 0, 0, 100, 0, 100, 100, 0, 100, 127, 0, 20, 20, 20, 60, 60, 60, 60, 20},
		{2, 0, 0, 0, 50, 0, 50, 1, 0, 1},
		{0, 4, 0, 0, 100, 1, 0, 2, 100, 3, 0, 4, 156, 2},
		{1, 1, 0, 0, 9, 9, 9, 0, 0, 9},
		{0, 3, 0, 0, 40, 0, 40, 40, 20, 0, 0, 40},
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		name, outline := drawn(b[:min(len(b), 2*100)]) // of scribbles, crossings grow with the square
		if len(outline) == 0 {
			return
		}
		layer, _ := Find(name)
		s, err := NewSnapshot(layer, grids.Table{Columns: []string{"name"}, Features: []grids.Feature{{ID: 7, Geometry: outline, Values: []any{"滧"}}}}, Stamp{})
		if err != nil {
			if grids.KindOf(err) != grids.Internal || !strings.Contains(err.Error(), "row 1, id 7") {
				t.Fatal(err)
			}
			return
		}
		for _, z := range []int{6, 9, 11, 13, 16} {
			roundTrip(t, s, z)
			judgeOutline(t, s, z)
		}
	})
}

// judgeOutline checks the tile around the only feature of s.
func judgeOutline(t *testing.T, s *Snapshot, z int) {
	t.Helper()
	l := s.root().leaf
	c := l.boxes[0].centre()
	m := maptile.At(lattice.Unproject(c[0], c[1]), maptile.Zoom(z))
	what, tile := fmt.Sprintf("%s %v", s.layer.Name, m), cutTile(s, z, int(m.X), int(m.Y))
	if err := rules(tile); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if err := tidy(tile); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	d := l.bands[z].Load().drawn[0]
	got := decoded(t, tile)[7]
	if got == nil && !d.box.Within(tileBox(int(m.X), int(m.Y))) {
		return // clipped, and there is nothing of it here
	}
	if got == nil || got.Properties["name"] != "滧" {
		t.Fatalf("%s: %+v", what, got)
	}
	if parts := polygonsOf(got.Geometry); len(parts) > 0 {
		if _, err := geom.UnmarshalWKB(wkb.MustMarshal(parts)); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	if !d.box.Within(tileBox(int(m.X), int(m.Y))) {
		return
	}
	area, around := 0.0, 0.0
	for i, r := range polygonsOf(l.geometry(0))[0] {
		var units lattice.Outline
		for _, p := range r[1:] {
			q := lattice.Project(p)
			units.Pts = append(units.Pts, lattice.Point{X: int32(q[0] - c[0]), Y: int32(q[1] - c[1])})
		}
		units.Rings = []lattice.Ring{{End: int32(len(units.Pts)), Hole: i > 0}}
		a, length := units.Measure()
		area, around = area+a, around+length
	}
	unit := float64(int(1) << lattice.UnitBits(z))
	area, around = area/unit/unit, around/unit
	sum := 0.0
	for _, p := range polygonsOf(got.Geometry) {
		for i, r := range p {
			if sum += ringSize(r); i > 0 {
				sum -= 2 * ringSize(r)
			}
		}
	}
	within := 2*around + 4 // one for rounding, and one that an outline which crosses itself a little may lose or gain
	if s.layer.Partition {
		within += 2 * around // it moves by two units more
	}
	if len(polygonsOf(got.Geometry)) > 0 && math.Abs(sum-area) > within {
		t.Fatalf("%s: area %v is %v in the tile, outline %v", what, area, sum, around)
	}
}

// ringSize is the area of a ring, not negative.
func ringSize(r orb.Ring) float64 {
	sum := 0.0
	for i := 1; i < len(r); i++ {
		sum += r[i-1][0]*r[i][1] - r[i][0]*r[i-1][1]
	}
	return math.Abs(sum) / 2
}
