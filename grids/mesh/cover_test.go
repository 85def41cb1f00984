package mesh

import (
	"math"
	"slices"
	"testing"

	"github.com/paulmach/orb"
	"pgregory.net/rapid"

	"wangge/grids"
)

// checker is what a test and a property test have in common.
type checker interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// checkCovered fails unless the overlaps are in order, whole, and sum to the area.
func checkCovered(t checker, name string, g orb.MultiPolygon, res int) {
	t.Helper()
	got, err := Cover(g, res)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	sum := 0.0
	for i, o := range got {
		if i > 0 && got[i-1].Cell >= o.Cell {
			t.Fatalf("%s: %v comes after %v", name, o.Cell, got[i-1].Cell)
		}
		if cell := o.Cell.AreaM2(); o.AreaM2 <= 0 || o.AreaM2 > cell*(1+1e-9) || o.Cell.Resolution() != res {
			t.Fatalf("%s: %v shares %v m² of %v", name, o.Cell, o.AreaM2, cell)
		}
		sum += o.AreaM2
	}
	if want := AreaM2(g); math.Abs(sum-want) > 1e-8*want {
		t.Errorf("%s at %d: the %d cells sum to %.3f m², the polygon has %.3f", name, res, len(got), sum, want)
	}
}

func TestCoverSumsToTheArea(t *testing.T) {
	for _, tt := range []struct {
		file  string
		every [5]int // each how many-th polygon at 7, 8, 9, 10 and 11
	}{
		{"grids_synthetic.geojson", [5]int{1, 1, 1, 1, 23}},
		{"units_synthetic.geojson", [5]int{1, 1, 1, 3, 29}},
		{"towns_synthetic.geojson", [5]int{1, 1, 1, 5, 20}},
		{"district_synthetic.geojson", [5]int{1, 1, 1, 1, 2}}, // a million cells at 11: left out
		{"plots_synthetic.geojson", [5]int{1, 1, 1, 1, 1}},
	} {
		zones := demo(t, tt.file)
		for i, every := range tt.every {
			for z := every - 1; z < len(zones); z += every {
				checkCovered(t, tt.file+" "+zones[z].Code, zones[z].Geometry, coarsestCover+i)
			}
		}
	}
}

func TestCoverShapes(t *testing.T) {
	big, hole := square(121.4, 31.5, .05), square(121.41, 31.51, .02)
	comb := orb.Ring{{121.4, 31.5}, {121.45, 31.5}, {121.45, 31.55}, {121.44, 31.55}, {121.44, 31.501}, {121.41, 31.501}, {121.41, 31.55}, {121.4, 31.55}}
	bent := cell(t, "887b4c7801fffff")
	for name, g := range map[string]orb.MultiPolygon{
		"clockwise":                 {{reversed(big)}},
		"a hole":                    {{big, hole}},
		"a hole, both clockwise":    {{reversed(big), reversed(hole)}},
		"not closed and concave":    {{comb}},
		"two in the same cells":     {{square(121.4, 31.5, .001)}, {square(121.402, 31.5, .001)}},
		"a metre":                   {{square(121.4, 31.5, 1e-5)}},
		"a cell's own outline":      {{bent.Boundary()}},
		"less than the cell's size": {{square(bent.Center()[0], bent.Center()[1], 1e-4)}},
	} {
		for res := coarsestCover; res <= finestCover; res++ {
			checkCovered(t, name, g, res)
		}
	}
	for _, empty := range []orb.MultiPolygon{nil, {}, {{}}, {{{{121, 31}, {121, 31}, {121, 31}, {121, 31}}}}} {
		if got, err := Cover(empty, 9); err != nil || len(got) != 0 {
			t.Errorf("Cover(%v) = %v, %v", empty, got, err)
		}
	}
}

// A cell that an edge of the icosahedron cuts has more corners and may be concave.
func TestCoverWhereCellsBend(t *testing.T) {
	bends := 0
	for lon := -60.; lon < 60 && bends < 20; lon += .37 {
		for lat := -60.; lat < 60 && bends < 20; lat += .0173 {
			c, err := At(orb.Point{lon, lat}, 7)
			if err != nil {
				t.Fatal(err)
			}
			if len(c.Boundary()) > 7 {
				bends++
				checkCovered(t, c.String(), orb.MultiPolygon{{square(lon-.02, lat-.02, .04)}}, 7)
			}
		}
	}
	if bends == 0 {
		t.Error("no such cell found: the test says nothing")
	}
}

func TestCoverOfRandomStars(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(3, 30).Draw(t, "corners")
		ring := make(orb.Ring, n)
		for i := range ring {
			r := rapid.Float64Range(.0001, .02).Draw(t, "r")
			sin, cos := math.Sincos(2 * math.Pi * float64(i) / float64(n))
			ring[i] = orb.Point{121.5 + r*cos, 31.6 + r*sin}
		}
		checkCovered(t, "star", orb.MultiPolygon{{ring}}, rapid.IntRange(7, 10).Draw(t, "res"))
	})
}

func TestCoverOfACellIsTheCell(t *testing.T) {
	c, err := At(orb.Point{121.5, 31.6}, 9)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Cover(orb.MultiPolygon{{c.Boundary()}}, 9)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(got, func(o Overlap) bool { return o.Cell == c })
	if i < 0 || math.Abs(got[i].AreaM2/c.AreaM2()-1) > 1e-9 {
		t.Fatalf("%v of %v m² is covered by %v", c, c.AreaM2(), got)
	}
}

func TestCoverRefuses(t *testing.T) {
	whole := orb.MultiPolygon{{square(121, 31, .1)}}
	for _, tt := range []struct {
		g    orb.MultiPolygon
		res  int
		kind grids.Kind
	}{
		{whole, 6, grids.Invalid},
		{whole, 12, grids.Invalid},
		{orb.MultiPolygon{{{{121, 31}, {121, 32}}}}, 9, grids.Invalid},
		{orb.MultiPolygon{{{{121, 31}, {121, 32}, {math.NaN(), 31}}}}, 9, grids.Invalid},
		{orb.MultiPolygon{{{{31, 121}, {32, 121}, {32, 122}}}}, 9, grids.Invalid},
		{orb.MultiPolygon{{square(100, 20, 20)}}, 11, grids.TooLarge},
		{orb.MultiPolygon{{square(121, 31, 5)}}, 11, grids.TooLarge},
	} {
		if got, err := Cover(tt.g, tt.res); err == nil || grids.KindOf(err) != tt.kind {
			t.Errorf("Cover(%v, %d) = %d cells, %v; want an error of kind %v", tt.g, tt.res, len(got), err, tt.kind)
		}
	}
}

func BenchmarkCoverGrids(b *testing.B) {
	zones := demo(b, "grids_synthetic.geojson")
	cells := 0
	for b.Loop() {
		for _, z := range zones {
			o, err := Cover(z.Geometry, 9)
			if err != nil {
				b.Fatal(err)
			}
			cells += len(o)
		}
	}
	b.ReportMetric(float64(cells)/b.Elapsed().Seconds(), "cells/s")
}
