package demo

import (
	"bytes"
	"math"
	"testing"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/planar"
)

// The older grids divide the same ground as those of now, into fewer and other parts, in the same towns.
func TestOlderGrids(t *testing.T) {
	read := func() (b bytes.Buffer) {
		if err := OlderGrids().Write(&b); err != nil {
			t.Fatal(err)
		}
		return b
	}
	text := read()
	again := read()
	if !bytes.Equal(text.Bytes(), again.Bytes()) {
		t.Error("they are others the second time")
	}
	older, now := decoded(t, text.Bytes()), collection(t, usual(), "grids")
	area := func(list []shape) map[any]float64 {
		sum := map[any]float64{}
		for _, f := range list {
			sum[f.Properties["town_code"]] += planar.Area(f.Geometry)
		}
		return sum
	}
	was, is := area(older), area(now)
	for town, want := range is {
		if math.Abs(was[town]-want) > 1e-9 { // of a square degree: 10 m²
			t.Errorf("the older grids of %v cover %v, those of now %v", town, was[town], want)
		}
	}
	codes, cut := map[any]bool{}, 0
	for _, f := range older {
		if codes[f.Properties["code"]] = true; f.Properties["synthetic"] != true {
			t.Fatalf("%v does not say that it is synthetic", f.Properties)
		}
		b := f.Geometry.Bound()
		for _, g := range now {
			if b.Intersects(g.Geometry.Bound()) && straddles(f.Geometry.(orb.MultiPolygon), g.Geometry) {
				cut++
				break
			}
		}
	}
	t.Logf("%d grids for %d of now, %d of them cut some", len(older), len(now), cut)
	if len(codes) != len(older) || len(older) < 150 || len(older) > 300 || cut < 30 || cut > len(older)-30 {
		t.Errorf("%d grids, %d codes, %d of them cut grids of now", len(older), len(codes), cut)
	}
}

// straddles reports whether corners of g lie well inside of a, and others well outside.
func straddles(a orb.MultiPolygon, g orb.Geometry) bool {
	var ring orb.Ring
	switch g := g.(type) {
	case orb.Polygon:
		ring = g[0]
	case orb.MultiPolygon:
		ring = g[0][0]
	}
	in, out := false, false
	for _, p := range ring {
		if d := planar.DistanceFrom(a, p); planar.MultiPolygonContains(a, p) {
			in = in || edgeDistance(a, p) > 1e-4
		} else {
			out = out || d > 1e-4
		}
	}
	return in && out
}

func edgeDistance(a orb.MultiPolygon, p orb.Point) float64 {
	least := math.Inf(1)
	for _, polygon := range a {
		for _, r := range polygon {
			least = min(least, planar.DistanceFrom(orb.LineString(r), p))
		}
	}
	return least
}
