package areal

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/paulmach/orb"
	"github.com/peterstace/simplefeatures/geom"

	"wangge/grids"
	"wangge/grids/risk/stat"
)

// star is a crooked polygon about a place, with a hole, both turning either way.
func star(random *rand.Rand, x, y, r float64) orb.Polygon {
	ring := func(r float64) orb.Ring {
		n := 3 + random.IntN(20)
		var out orb.Ring
		for i := range n {
			a, d := 2*math.Pi*float64(i)/float64(n), r*(.4+.6*random.Float64())
			out = append(out, orb.Point{x + d*math.Cos(a), y + d*math.Sin(a)})
		}
		out = append(out, out[0])
		if random.IntN(2) == 0 {
			slices.Reverse(out)
		}
		return out
	}
	return orb.Polygon{ring(r), ring(r * .15)}
}

// oracle is the shape in another library.
func oracle(t testing.TB, m orb.MultiPolygon) geom.Geometry {
	t.Helper()
	var polygons []geom.Polygon
	for _, p := range m {
		var rings []geom.LineString
		for _, r := range p {
			var xy []float64
			for _, v := range r {
				xy = append(xy, v[0], v[1])
			}
			rings = append(rings, geom.NewLineString(geom.NewSequence(xy, geom.DimXY)))
		}
		polygons = append(polygons, geom.NewPolygon(rings))
	}
	return geom.NewMultiPolygon(polygons).AsGeometry()
}

// TestOverlapsAgainstAnotherLibrary compares with an overlay that builds topology.
func TestOverlapsAgainstAnotherLibrary(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	var sources, targets []orb.MultiPolygon
	for range 60 {
		x, y := 350_000+3000*random.Float64(), 3_500_000+2000*random.Float64()
		sources = append(sources, orb.MultiPolygon{star(random, x, y, 300), star(random, x+700, y, 90)})
		targets = append(targets, orb.MultiPolygon{star(random, 350_000+3000*random.Float64(), 3_500_000+2000*random.Float64(), 500)})
	}
	overlaps, err := OverlapAreas(t.Context(), sources, targets)
	if err != nil {
		t.Fatal(err)
	}
	got := map[[2]int]float64{}
	for _, o := range overlaps {
		got[[2]int{o.Source, o.Target}] = o.AreaM2
	}
	worst, found := 0.0, 0
	for i, s := range sources {
		for j, target := range targets {
			if !s.Bound().Intersects(target.Bound()) {
				continue
			}
			both, err := geom.Intersection(oracle(t, s), oracle(t, target))
			if err != nil {
				t.Fatal(err)
			}
			if both.Area() > 0 {
				found++
			}
			worst = max(worst, math.Abs(both.Area()-got[[2]int{i, j}]))
		}
	}
	if worst > 1e-3 || found != len(got) || found < 100 {
		t.Errorf("%d overlaps, want %d; off by %.2g m²", len(got), found, worst)
	}
	t.Logf("%d overlaps within %.2g m²", found, worst)
}

// TestOverlapsAddUp: targets that divide a box divide every source in it, and overlaps do not depend on which side is which.
func TestOverlapsAddUp(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	var sources, targets []orb.MultiPolygon
	for range 40 {
		sources = append(sources, orb.MultiPolygon{star(random, 4e7+500+2000*random.Float64(), 3.5e6+500+2000*random.Float64(), 450)})
	}
	x, y := []float64{0, 411.3, 999.9, 1000, 2222.2, 3000}, []float64{0, 3, 1717.17, 3000}
	for i := range x[1:] {
		for j := range y[1:] {
			targets = append(targets, box(4e7+x[i], 3.5e6+y[j], 4e7+x[i+1], 3.5e6+y[j+1]))
		}
	}
	forth, err := OverlapAreas(t.Context(), sources, targets)
	if err != nil {
		t.Fatal(err)
	}
	back, err := OverlapAreas(t.Context(), targets, sources)
	if err != nil {
		t.Fatal(err)
	}
	sums, area := make([]float64, len(sources)), map[[2]int]float64{}
	for _, o := range forth {
		sums[o.Source] += o.AreaM2
		area[[2]int{o.Source, o.Target}] = o.AreaM2
	}
	for i, s := range sources {
		if off := math.Abs(sums[i]/AreaM2(s) - 1); off > 1e-11 {
			t.Errorf("parts of source %d are off by %.2g", i, off)
		}
	}
	for _, o := range back {
		if off := math.Abs(area[[2]int{o.Target, o.Source}] - o.AreaM2); off > 1e-6 {
			t.Errorf("%+v is off by %v m² the other way round", o, off)
		}
	}
	if len(back) != len(forth) {
		t.Errorf("%d overlaps, %d the other way round", len(forth), len(back))
	}
}

func TestOverlapsByHand(t *testing.T) {
	ring := orb.MultiPolygon{{box(0, 0, 9, 9)[0][0], box(3, 3, 6, 6)[0][0]}}
	triangle := orb.MultiPolygon{{{{0, 0}, {4, 0}, {0, 4}}}}
	for _, tt := range []struct {
		name string
		s, t orb.MultiPolygon
		want float64
	}{
		{"the same", box(0, 0, 3, 4), box(0, 0, 3, 4), 12},
		{"a side", box(0, 0, 3, 4), box(3, 0, 5, 4), 0},
		{"a corner", box(0, 0, 3, 4), box(3, 4, 5, 5), 0},
		{"apart", box(0, 0, 3, 4), box(4, 0, 5, 4), 0},
		{"in the hole", ring, box(3, 3, 6, 6), 0},
		{"more than the hole", ring, box(2, 2, 7, 7), 16},
		{"over the hole's side", ring, box(3, 4, 8, 5), 2},
		{"two parts", orb.MultiPolygon{box(0, 0, 2, 2)[0], box(4, 0, 6, 2)[0]}, box(1, 1, 5, 5), 2},
		{"half", triangle, box(0, 0, 2, 2), 4},
		{"less than half", triangle, box(1, 1, 4, 4), 2},
		{"above the top", triangle, box(0, 3, 4, 9), .5},
		{"two triangles that cross", triangle, orb.MultiPolygon{{{{0, 0}, {4, 4}, {0, 4}}}}, 4},
		{"all around", box(-9, -9, 9, 9), triangle, 8},
		{"a thin one", box(0, 0, 1e5, 1e-3), box(5, -1, 6, 1), 1e-3},
	} {
		for _, pair := range [][2]orb.MultiPolygon{{tt.s, tt.t}, {tt.t, tt.s}} {
			got, err := OverlapAreas(t.Context(), pair[:1], pair[1:])
			sum := 0.0
			for _, o := range got {
				sum += o.AreaM2
			}
			if err != nil || math.Abs(sum-tt.want) > 1e-9 || (tt.want == 0) != (len(got) == 0) {
				t.Errorf("%s: %v, %v; want %v", tt.name, got, err, tt.want)
			}
		}
	}
}

// FuzzCrosswalk lays any shapes over any: an error that says so, or shares and figures that are finite.
func FuzzCrosswalk(f *testing.F) {
	f.Add([]byte{0, 0, 8, 0, 8, 8, 0, 8}, []byte{4, 0, 12, 0, 12, 8, 4, 8, 255, 1, 1, 2, 2, 3, 1}, 7.0, uint8(0))
	f.Add([]byte{0, 0, 8, 8, 8, 0, 0, 8}, []byte{0, 0, 9, 0, 9, 9, 0, 9, 254, 3, 3, 4, 3, 4, 4}, math.MaxFloat64, uint8(1))
	f.Add([]byte{250, 0, 8, 8, 8, 0, 0, 8}, []byte{251, 0, 9, 252, 9, 253, 0, 9, 254, 3, 3, 4, 3, 4, 4}, math.Inf(1), uint8(2))
	f.Fuzz(func(t *testing.T, source, target []byte, value float64, which uint8) {
		o := Options{Tolerance: float64(which%3) / 4, SliverShare: float64(which/3%3) / 30}
		c, err := NewCrosswalk(context.Background(), shapesOf(source), shapesOf(target), o)
		if err != nil {
			if grids.KindOf(err) != grids.Invalid {
				t.Fatalf("%v is not Invalid", err)
			}
			return
		}
		values := make([]stat.Value, len(c.SourceAreaM2))
		for i := range values {
			if values[i] = stat.Of(value * float64(i+1)); which>>(i%8)&1 == 1 {
				values[i] = stat.None(stat.Missing)
			}
		}
		for _, m := range []Missing{Null, Known} {
			for _, interpolate := range []func([]stat.Value, Missing) (*Estimates, error){c.Extensive, c.Intensive} {
				e, err := interpolate(values, m)
				if err != nil {
					t.Fatal(err)
				}
				for i, v := range e.Values {
					n, shares := v.Value.Or(0), v.CoveredShare >= 0 && v.KnownShare >= 0 && v.KnownShare <= 1
					if math.IsNaN(n) || math.IsInf(n, 0) || !shares || (v.Mark == "") != (v.Reason != "") {
						t.Fatalf("target %d: %+v", i, v)
					}
				}
			}
		}
	})
}

// shapesOf reads pairs of bytes as corners, 255 beginning a polygon and 254 a ring.
func shapesOf(data []byte) []orb.MultiPolygon {
	special := map[byte]float64{250: math.NaN(), 251: math.Inf(1), 252: 1e300, 253: 1e9, 249: 5e-324, 248: -1e-9}
	number := func(b byte) float64 {
		if v, ok := special[b]; ok {
			return v
		}
		return float64(b)
	}
	out := []orb.MultiPolygon{{{nil}}}
	for i := 0; i+1 < len(data) && i < 200; i++ {
		last := out[len(out)-1]
		switch data[i] {
		case 255:
			out = append(out, orb.MultiPolygon{{nil}})
		case 254:
			last[0] = append(last[0], nil)
		default:
			last[0][len(last[0])-1] = append(last[0][len(last[0])-1], orb.Point{number(data[i]), number(data[i+1])})
			i++
		}
	}
	return out
}

func BenchmarkCrosswalk351(b *testing.B) {
	_, sources := read(b, "../../../geoserver/demo/chongming/grids_synthetic.geojson")
	_, targets := read(b, "../../../geoserver/demo/chongming/units_synthetic.geojson")
	for _, list := range [][]orb.MultiPolygon{sources, targets} {
		for _, m := range list {
			for _, p := range m {
				for _, r := range p {
					for i, v := range r {
						r[i] = orb.Point{(v[0] - 121.5) * 94_900, (v[1] - 31.6) * 110_900}
					}
				}
			}
		}
	}
	for b.Loop() {
		if _, err := NewCrosswalk(context.Background(), sources, targets, Default()); err != nil {
			b.Fatal(err)
		}
	}
}
