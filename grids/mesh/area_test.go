package mesh

import (
	"math"
	"testing"

	"github.com/paulmach/orb"
)

// square is a counter-clockwise square ring of that side, in degrees.
func square(x, y, side float64) orb.Ring {
	return orb.Ring{{x, y}, {x + side, y}, {x + side, y + side}, {x, y + side}, {x, y}}
}

// reversed is the ring the other way round.
func reversed(r orb.Ring) orb.Ring {
	r = r.Clone()
	r.Reverse()
	return r
}

// The figures are ST_Area(geography) of PostGIS 3.3.
func TestAreaOfKnownShapes(t *testing.T) {
	unit, hole := square(121.5, 31.5, .01), square(121.502, 31.502, .005)
	for _, tt := range []struct {
		name string
		g    orb.Geometry
		want float64
	}{
		{"square", orb.Polygon{unit}, 1053312.432869},
		{"square, clockwise", orb.Polygon{reversed(unit)}, 1053312.432869},
		{"square, not closed", orb.Polygon{unit[:4]}, 1053312.432869},
		{"square as a ring", reversed(unit), 1053312.432869},
		{"square as a bound", unit.Bound(), 1053312.432869},
		{"with a hole", orb.Polygon{unit, hole}, 789982.943495},
		{"with a hole that turns the same way", orb.Polygon{unit, reversed(hole)}, 789982.943495},
		{"two squares", orb.MultiPolygon{{unit}, {square(121.5, -31.5, .01)}}, 1053312.432869 + 1053422.897448},
		{"a collection", orb.Collection{orb.Point{1, 1}, orb.Polygon{unit}}, 1053312.432869},
		{"a plot of ten metres", orb.Polygon{square(121.5, 31.5, 1e-4)}, 105.336712},
		{"at the equator", orb.Polygon{square(0, 0, .01)}, 1230907.204993},
		{"far north", orb.Polygon{square(10, 69, .01)}, 446209.503125},
		{"a point", orb.Point{121.5, 31.5}, 0},
		{"a line", orb.LineString{{121.5, 31.5}, {121.6, 31.5}}, 0},
		{"two corners", orb.Polygon{unit[:2]}, 0},
		{"empty", orb.MultiPolygon{{}}, 0},
		{"nothing", nil, 0},
	} {
		if got := AreaM2(tt.g); math.Abs(got-tt.want) > 1e-8*tt.want {
			t.Errorf("%s: %.6f m², want %.6f", tt.name, got, tt.want)
		}
	}
}

// The whole ellipsoid has 510 065 621.724 km² (NIMA TR8350.2, WGS 84).
func TestAreaOfTheEarth(t *testing.T) {
	if got := AreaM2(orb.Bound{Min: orb.Point{-180, -90}, Max: orb.Point{180, 90}}) / 1e6; math.Abs(got-510065621.724) > .001 {
		t.Errorf("%.3f km²", got)
	}
}
