package analysis

import (
	"fmt"
	"math"
	"testing"

	"github.com/paulmach/orb"

	"wangge/grids"
)

// Drawn outlines are rounded to a metre, so that neighbours go on sharing their corners, and what is smaller than that is not drawn.
func TestDrawings(t *testing.T) {
	box := func(x0, x1 float64) orb.Polygon {
		return orb.Polygon{{{x0, 31}, {x1, 31}, {x1, 31.01}, {x0, 31.01}, {x0, 31}}}
	}
	border := 121.0100044
	out := drawings([]grids.Grid{
		{Code: "W", Geometry: orb.MultiPolygon{box(121, border), box(120.9, 120.900001)}},
		{Code: "E", Geometry: orb.MultiPolygon{box(border, 121.02)}},
		{Code: "speck", Geometry: orb.MultiPolygon{box(122, 122.000001)}},
	})
	if len(out[0]) != 1 || len(out[2]) != 1 {
		t.Fatalf("parts %d and %d, want one each: a speck beside more is not drawn, a speck alone is", len(out[0]), len(out[2]))
	}
	if got := fmt.Sprint(out[0][0][0]); got != "[[121 31] [121.01 31] [121.01 31.01] [121 31.01] [121 31]]" {
		t.Error(got)
	}
	if out[0][0][0][1] != out[1][0][0][0] {
		t.Errorf("the neighbours part at %v and %v", out[0][0][0][1], out[1][0][0][0])
	}
}

// An outline of very many corners is drawn coarser rather than not at all.
func TestDrawingsKeepTheirSize(t *testing.T) {
	ring := orb.Ring{}
	for i := range 3 * mostCorners {
		turn := 2 * math.Pi * float64(i) / float64(3*mostCorners)
		ring = append(ring, orb.Point{121.5 + .6*math.Cos(turn), 31.5 + .6*math.Sin(turn)})
	}
	out := drawings([]grids.Grid{{Geometry: orb.MultiPolygon{{append(ring, ring[0])}}}})
	if n := len(out[0][0][0]); n > mostCorners || n < 1000 {
		t.Errorf("%d corners", n)
	}
}
