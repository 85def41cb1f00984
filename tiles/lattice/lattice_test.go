package lattice

import (
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/paulmach/orb"
	"github.com/peterstace/simplefeatures/geom"
	"pgregory.net/rapid"
)

// outlineOf makes an outline of rings; those that turn the negative way are holes.
func outlineOf(rings ...[]Point) *Outline {
	o := &Outline{}
	for _, r := range rings {
		o.Append(r, Area2(r) < 0)
	}
	return o
}

// shape is the rings of an outline, each from its least point, for comparing.
func shape(o *Outline) (out [][]Point) {
	for i := range o.Rings {
		r := slices.Clone(o.Points(i))
		first := slices.Index(r, slices.MinFunc(r, comparePts))
		out = append(out, append(r[first:], r[:first]...))
	}
	return out
}

// square is a square of the positive turn.
func square(x, y, side int32) []Point {
	return []Point{{x, y}, {x + side, y}, {x + side, y + side}, {x, y + side}}
}

// reversed is a ring the other way around.
func reversed(r []Point) []Point {
	r = slices.Clone(r)
	slices.Reverse(r)
	return r
}

func TestProjectionIsSphericalMercator(t *testing.T) {
	const world = 1 << WorldBits
	for _, c := range []struct {
		p    orb.Point
		x, y float64 // EPSG:3857, by gdaltransform
	}{
		{orb.Point{0, 0}, 0, 0},
		{orb.Point{121.5, 31.6}, 13525318.131383, 3710918.182030},
		{orb.Point{-73.98, 40.75}, -8235415.928886, 4975536.361069},
		{orb.Point{180, 85.0511287798066}, 20037508.342789, 20037508.342789},
		{orb.Point{-180, -90}, -20037508.342789, -20037508.342789},
	} {
		got := Project(c.p)
		const half = 20037508.342789244
		x, y := float64(got[0])/world*2*half-half, half-float64(got[1])/world*2*half
		if math.Abs(x-c.x) > 0.01 || math.Abs(y-c.y) > 0.01 {
			t.Errorf("%v is at %.3f, %.3f; want %.3f, %.3f", c.p, x, y, c.x, c.y)
		}
		if c.p[1] > -86 {
			back := Unproject(got[0], got[1])
			if math.Abs(back[0]-c.p[0]) > 1e-7 || math.Abs(back[1]-c.p[1]) > 1e-7 {
				t.Errorf("%v comes back as %v", c.p, back)
			}
		}
	}
}

func TestClip(t *testing.T) {
	frame := Box{0, 0, 10, 10}
	for _, c := range []struct {
		name string
		in   []Point
		want [][]Point
	}{
		{"inside", square(2, 2, 3), [][]Point{square(2, 2, 3)}},
		{"outside", square(20, 2, 3), nil},
		{"touching outside", square(10, 2, 3), nil},
		{"around", square(-5, -5, 30), [][]Point{square(0, 0, 10)}},
		{"a corner", square(8, 8, 5), [][]Point{square(8, 8, 2)}},
		{"half rounds up", []Point{{5, 1}, {16, 2}, {16, 4}, {5, 3}}, [][]Point{{{5, 1}, {10, 1}, {10, 3}, {5, 3}}}},
		{"falls apart: joined along the side", []Point{{5, 1}, {15, 1}, {15, 9}, {5, 9}, {5, 7}, {13, 7}, {13, 3}, {5, 3}},
			[][]Point{{{5, 1}, {10, 1}, {10, 9}, {5, 9}, {5, 7}, {10, 7}, {10, 3}, {5, 3}}}},
	} {
		var dst, tmp Outline
		Clip(&dst, &tmp, outlineOf(c.in), frame)
		if got := shape(&dst); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// A cut is the same point whichever way an edge runs, so that polygons on both sides of it stay aligned.
func TestCutIsTheSameFromBothSides(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int32Range(-1<<28, 1<<28)
		u1, v1, u2, v2 := n.Draw(t, "u1"), n.Draw(t, "v1"), n.Draw(t, "u2"), n.Draw(t, "v2")
		if u1 == u2 {
			return
		}
		u := rapid.Int32Range(min(u1, u2), max(u1, u2)).Draw(t, "u")
		a, b := across(u1, v1, u2, v2, u), across(u2, v2, u1, v1, u)
		exact := float64(v1) + float64(u-u1)*float64(v2-v1)/float64(u2-u1)
		if a != b || math.Abs(float64(a)-exact) > 0.51 {
			t.Fatalf("%d from one side, %d from the other, exactly %v", a, b, exact)
		}
	})
}

func TestValid(t *testing.T) {
	for _, c := range []struct {
		name  string
		rings [][]Point
		want  bool
	}{
		{"square", [][]Point{square(0, 0, 4)}, true},
		{"L", [][]Point{{{0, 0}, {4, 0}, {4, 2}, {2, 2}, {2, 4}, {0, 4}}}, true},
		{"corner on a straight line", [][]Point{{{0, 0}, {2, 0}, {4, 0}, {4, 4}, {0, 4}}}, true},
		{"bow tie", [][]Point{{{0, 0}, {4, 4}, {4, 0}, {0, 6}}}, false},
		{"spike", [][]Point{{{0, 0}, {4, 0}, {8, 0}, {4, 0}, {4, 4}}}, false},
		{"spike at the start", [][]Point{{{8, 0}, {4, 0}, {4, 4}, {0, 0}, {4, 0}}}, false},
		{"touches itself in a point", [][]Point{{{0, 0}, {4, 0}, {2, 2}, {4, 4}, {0, 4}, {2, 2}}}, false},
		{"touches its own edge", [][]Point{{{0, 0}, {8, 0}, {8, 4}, {4, 0}, {0, 4}}}, false},
		{"no area", [][]Point{{{0, 0}, {4, 0}, {8, 0}}}, false},
		{"turns twice around", [][]Point{{{0, 0}, {9, 0}, {9, 9}, {0, 9}, {-1, -1}, {10, -1}, {10, 10}, {-1, 10}}}, false},
		{"hole", [][]Point{square(0, 0, 9), reversed(square(2, 2, 3))}, true},
		{"hole outside", [][]Point{square(0, 0, 9), reversed(square(12, 2, 3))}, false},
		{"hole over the border", [][]Point{square(0, 0, 9), reversed(square(7, 2, 3))}, false},
		{"hole in a hole", [][]Point{square(0, 0, 20), reversed(square(2, 2, 9)), reversed(square(4, 4, 3))}, false},
		{"hole of another polygon", [][]Point{square(0, 0, 9), reversed(square(22, 2, 3)), square(20, 0, 9)}, false},
		{"island in a hole", [][]Point{square(0, 0, 20), reversed(square(2, 2, 9)), square(4, 4, 3)}, true},
		{"polygon in a polygon", [][]Point{square(0, 0, 20), square(4, 4, 3)}, false},
		{"two that share a side", [][]Point{square(0, 0, 4), square(4, 0, 4)}, false},
		{"nothing", nil, true},
	} {
		if got := new(Checker).Valid(outlineOf(c.rings...)); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	if wrong := (&Outline{Pts: reversed(square(0, 0, 4)), Rings: []Ring{{4, false}}}); new(Checker).Valid(wrong) {
		t.Error("an exterior that turns the wrong way is valid")
	}
}

func TestRepair(t *testing.T) {
	for _, c := range []struct {
		name string
		in   [][]Point
		want [][]Point
	}{
		{"nothing to do", [][]Point{square(0, 0, 4)}, [][]Point{square(0, 0, 4)}},
		{"the wrong way round", [][]Point{{{0, 0}, {0, 4}, {4, 4}, {4, 0}}}, [][]Point{square(0, 0, 4)}},
		{"spike", [][]Point{{{0, 0}, {4, 0}, {8, 0}, {4, 0}, {4, 4}, {0, 4}}}, [][]Point{square(0, 0, 4)}},
		{"bow tie", [][]Point{{{0, 0}, {4, 4}, {4, 0}, {0, 4}}}, [][]Point{{{0, 0}, {2, 2}, {0, 4}}, {{2, 2}, {4, 0}, {4, 4}}}},
		{"bridge along a side", [][]Point{{{0, 0}, {4, 0}, {4, 9}, {0, 9}, {0, 7}, {4, 7}, {4, 3}, {0, 3}}},
			[][]Point{{{0, 0}, {4, 0}, {4, 3}, {0, 3}}, {{0, 7}, {4, 7}, {4, 9}, {0, 9}}}},
		{"touches itself: a hole", [][]Point{{{0, 0}, {8, 0}, {8, 8}, {4, 8}, {6, 4}, {2, 4}, {4, 8}, {0, 8}}},
			[][]Point{{{0, 0}, {8, 0}, {8, 8}, {4, 8}, {0, 8}}, {{2, 4}, {4, 8}, {6, 4}}}},
		{"two that share a side", [][]Point{square(0, 0, 4), square(4, 0, 4)}, [][]Point{{{0, 0}, {4, 0}, {8, 0}, {8, 4}, {4, 4}, {0, 4}}}},
		{"hole as large as its exterior", [][]Point{square(0, 0, 4), reversed(square(0, 0, 4))}, nil},
		{"collapsed", [][]Point{{{0, 0}, {4, 0}, {8, 0}}}, nil},
		{"island in a hole", [][]Point{square(0, 0, 20), reversed(square(2, 2, 9)), square(4, 4, 3)},
			[][]Point{square(0, 0, 20), {{2, 2}, {2, 11}, {11, 11}, {11, 2}}, square(4, 4, 3)}},
		{"a corner within half a unit of an edge", [][]Point{{{0, 0}, {10, 1}, {10, 9}, {0, 9}, {5, 1}}},
			[][]Point{{{0, 9}, {5, 1}, {10, 1}, {10, 9}}}},
	} {
		var out Outline
		new(Repairer).Repair(&out, outlineOf(c.in...))
		if got := shape(&out); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// polygonsIn is an outline as the polygons of an independent library.
func polygonsIn(o *Outline) geom.MultiPolygon {
	var polygons []geom.Polygon
	var rings []geom.LineString
	flush := func() {
		if len(rings) > 0 {
			polygons = append(polygons, geom.NewPolygon(rings))
		}
		rings = nil
	}
	for i, r := range o.Rings {
		if !r.Hole {
			flush()
		}
		var xy []float64
		for _, p := range append(slices.Clone(o.Points(i)), o.Points(i)[0]) {
			xy = append(xy, float64(p.X), float64(p.Y))
		}
		rings = append(rings, geom.NewLineString(geom.NewSequence(xy, geom.DimXY)))
	}
	flush()
	return geom.NewMultiPolygon(polygons)
}

// drawRing draws any ring at all: most of them cross themselves many times.
func drawRing(t *rapid.T, span int32) []Point {
	n := rapid.Int32Range(0, span)
	points := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Point { return Point{n.Draw(t, "x"), n.Draw(t, "y")} }), 3, 24)
	o := &Outline{}
	for _, p := range points.Draw(t, "ring") {
		o.Add(p)
	}
	o.Close(false)
	return o.Pts
}

// Whatever goes in, what comes out is valid by an independent judge, lies in the same box, and holds the same ground up to a
// unit along the edges.
func TestRepairedOutlinesAreValid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		span := rapid.SampledFrom([]int32{4, 12, 100, 4000, 1 << 20}).Draw(t, "span")
		in := &Outline{}
		for range rapid.IntRange(1, 4).Draw(t, "rings") {
			if r := drawRing(t, span); len(r) >= 3 {
				in.Append(r, false)
			}
		}
		var out Outline
		var r Repairer
		r.Repair(&out, in)
		polygons := polygonsIn(&out)
		if err := polygons.Validate(); err != nil {
			t.Fatalf("%v becomes %v: %v", shape(in), shape(&out), err)
		}
		for _, p := range out.Pts {
			if p.X < 0 || p.Y < 0 || p.X > span || p.Y > span {
				t.Fatalf("%v lies outside the box", p)
			}
		}
		for i, ring := range out.Rings {
			if (Area2(out.Points(i)) < 0) != ring.Hole {
				t.Fatalf("ring %d turns the wrong way", i)
			}
		}
		if _, length := in.Measure(); math.Abs(polygons.Area()-evenOddArea(in, span)) > length*(1+float64(span)/200)+1 { // a unit, and what sampling may err
			t.Fatalf("area %v, even-odd %v, length %v", polygons.Area(), evenOddArea(in, span), length)
		}
	})
}

// evenOddArea is the area by the even-odd rule, by counting samples.
func evenOddArea(o *Outline, span int32) float64 {
	const n = 200
	step, hits := float64(span)/n, 0
	for i := range n {
		y := (float64(i) + 0.5) * step
		var xs []float64
		for k := range o.Rings {
			r := o.Points(k)
			a := r[len(r)-1]
			for _, b := range r {
				if (float64(a.Y) <= y) != (float64(b.Y) <= y) {
					xs = append(xs, float64(a.X)+(y-float64(a.Y))*float64(b.X-a.X)/float64(b.Y-a.Y))
				}
				a = b
			}
		}
		slices.Sort(xs)
		for k := 0; k+1 < len(xs); k += 2 {
			hits += int(math.Floor(xs[k+1]/step+0.5) - math.Floor(xs[k]/step+0.5))
		}
	}
	return float64(hits) * step * step
}

// What the check lets through is valid by an independent judge; what it stops needs no judge, as repair takes it.
func TestWhatTheCheckLetsThroughIsValid(t *testing.T) {
	passed := 0
	rapid.Check(t, func(t *rapid.T) {
		o := &Outline{}
		for range rapid.IntRange(1, 2).Draw(t, "rings") {
			// few corners on a small lattice: about a third is valid, the rest nearly so
			r := drawRing(t, rapid.SampledFrom([]int32{3, 6, 30}).Draw(t, "span"))
			r = r[:min(len(r), rapid.IntRange(3, 6).Draw(t, "corners"))]
			if len(r) >= 3 {
				o.Append(r, Area2(r) < 0)
			}
		}
		if len(o.Rings) == 0 || o.Rings[0].Hole || !new(Checker).Valid(o) {
			return
		}
		passed++
		if err := polygonsIn(o).Validate(); err != nil {
			t.Fatalf("%v: %v", shape(o), err)
		}
	})
	if passed < 5 {
		t.Errorf("only %d outlines passed the check", passed)
	}
}

// Clipping and repairing a valid polygon leaves the ground within the frame, valid.
func TestClippedOutlinesAreValid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r Repairer
		var whole, part, spare Outline
		in := outlineOf(drawRing(t, 100))
		if len(in.Pts) < 3 {
			return
		}
		r.Repair(&whole, in)
		x, y := rapid.Int32Range(-10, 90).Draw(t, "x"), rapid.Int32Range(-10, 90).Draw(t, "y")
		frame := Box{x, y, x + rapid.Int32Range(1, 60).Draw(t, "w"), y + rapid.Int32Range(1, 60).Draw(t, "h")}
		Clip(&part, &spare, &whole, frame)
		r.Repair(&part, &part)
		if err := polygonsIn(&part).Validate(); err != nil {
			t.Fatalf("%v in %v is %v: %v", shape(&whole), frame, shape(&part), err)
		}
		for _, p := range part.Pts {
			if p.X < frame.MinX || p.X > frame.MaxX || p.Y < frame.MinY || p.Y > frame.MaxY {
				t.Fatalf("%v lies outside %v", p, frame)
			}
		}
		window := polygonsIn(outlineOf([]Point{{frame.MinX, frame.MinY}, {frame.MaxX, frame.MinY}, {frame.MaxX, frame.MaxY}, {frame.MinX, frame.MaxY}}))
		want, err := geom.Intersection(polygonsIn(&whole).AsGeometry(), window.AsGeometry())
		if err != nil {
			t.Fatal(err)
		}
		if _, length := whole.Measure(); math.Abs(want.Area()-polygonsIn(&part).Area()) > length+2 {
			t.Fatalf("area %v, want %v", polygonsIn(&part).Area(), want.Area())
		}
	})
}
