package analysis

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/paulmach/orb"

	"wangge/geoserver/live"
	"wangge/grids"
)

// rect is a rectangle in degrees.
func rect(x0, y0, x1, y1 float64) orb.MultiPolygon {
	return orb.MultiPolygon{{{{x0, y0}, {x1, y0}, {x1, y1}, {x0, y1}, {x0, y0}}}}
}

// Four grids in a row, of 10, 20, 30 and 40 events, are brought over to an edition that drew the first border five centimetres off, has the second and
// half of the third in one, and lost the end of the fourth to the sea.
func TestBring(t *testing.T) {
	var from []live.Ground
	for i := range 4 {
		x := 121 + float64(i)/100
		from = append(from, live.Ground{Outline: rect(x, 31, x+.01, 31.01)})
	}
	d := &division{}
	d.take([]grids.Grid{
		{Code: "A", Geometry: rect(121, 31, 121.0100005, 31.01)}, {Code: "B", Geometry: rect(121.0100005, 31, 121.025, 31.01)},
		{Code: "C", Geometry: rect(121.025, 31, 121.03, 31.01)}, {Code: "D", Geometry: rect(121.03, 31, 121.038, 31.01)},
	})
	var err error
	if d.walk, err = crosswalk(t.Context(), from, d.ground); err != nil {
		t.Fatal(err)
	}
	to, err := d.bring([][]float64{{10, 1}, {20, 0}, {30, 0}, {40, 0}}, 2)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{10, 20 + 15, 15, 32} {
		if math.Abs(to[i][0]-want) > .01 {
			t.Errorf("%s has %v, want %v", d.ground[i].Code, to[i][0], want)
		}
	}
	if to[0][1] != 1 || to[1][1] != 0 {
		t.Errorf("the second period is %v", to)
	}
	if got := fmt.Sprint(d.cut); got != "[false true true true]" {
		t.Errorf("interpolated: %s", got)
	}
	if math.Abs(d.outside-8) > .01 || math.Abs(d.share-82./93) > .001 || d.bare != 0 {
		t.Errorf("outside %v, share %v, bare %d", d.outside, d.share, d.bare)
	}
	r := &Result{}
	d.tell(r)
	if r.Other.Crosswalk != d.walk.Hash() || r.Other.Units != 3 || !strings.Contains(r.Notes[len(r.Notes)-1].Text.EN, "8.0 cases lie in no grid") {
		t.Errorf("%+v, %v", r.Other, r.Notes)
	}
}

// A grid that reaches beyond all grids on the map is no exact one: nothing is told of what lies there.
func TestBringToBareGround(t *testing.T) {
	d := &division{}
	d.take([]grids.Grid{{Code: "A", Geometry: rect(121, 31, 121.02, 31.01)}})
	var err error
	if d.walk, err = crosswalk(t.Context(), []live.Ground{{Outline: rect(121, 31, 121.01, 31.01)}}, d.ground); err != nil {
		t.Fatal(err)
	}
	if to, err := d.bring([][]float64{{10}}, 1); err != nil || to[0][0] != 10 || !d.cut[0] || d.bare != 1 {
		t.Errorf("%v, %v, cut %v, bare %d", to, err, d.cut, d.bare)
	}
}

// A finding counts where the point on it lies, not the middle of its box.
func TestGridOfAFinding(t *testing.T) {
	d := &division{}
	d.take([]grids.Grid{{Code: "W", Geometry: rect(121, 31, 121.01, 31.01)}, {Code: "E", Geometry: rect(121.01, 31, 121.02, 31.01)}})
	j := &job{other: d, ground: d.ground}
	if got := j.gridOf(spotted{at: orb.Point{121.011, 31.005}, by: orb.Point{121.009, 31.005}, place: grids.Place{Grid: "now"}}); got != "W" {
		t.Errorf("it lies in %q", got)
	}
	if got := j.gridOf(spotted{by: orb.Point{120, 31}}); got != "" {
		t.Errorf("one in the sea lies in %q", got)
	}
}

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
