package simplify

import (
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/geojson"
)

// demo is the polygons of a file of the demo district, projected.
func demo(t testing.TB, file string) (l layer) {
	t.Helper()
	b, err := os.ReadFile("../../geoserver/demo/chongming/" + file + "_synthetic.geojson")
	if err != nil {
		t.Fatal(err)
	}
	fc, err := geojson.UnmarshalFeatureCollection(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fc.Features {
		polygons, ok := f.Geometry.(orb.MultiPolygon)
		if p, single := f.Geometry.(orb.Polygon); single {
			polygons, ok = orb.MultiPolygon{p}, true
		}
		if !ok {
			t.Fatalf("a %s is no polygon", f.Geometry.GeoJSONType())
		}
		for _, p := range polygons {
			for _, r := range p {
				l.add(projected(r[1:]))
			}
		}
	}
	return l
}

// projected is positions in degrees in fixed-point spherical Mercator.
func projected(in []orb.Point) [][2]uint32 {
	out := make([][2]uint32, len(in))
	for i, p := range in {
		y := .5 - math.Asinh(math.Tan(p[1]*math.Pi/180))/(2*math.Pi)
		out[i] = [2]uint32{uint32(math.Round((p[0] + 180) / 360 * (1 << 32))), uint32(math.Round(y * (1 << 32)))}
	}
	return out
}

// The grids are a partition of the district: what they cover together is the same at every zoom as what is left of the
// outline of the district when it is drawn from the same vertices.
func TestDemoStaysClosed(t *testing.T) {
	for _, file := range []string{"grids", "units", "towns"} {
		l := demo(t, file)
		for _, tolerance := range []float64{1, 2, 4} {
			ranks := Ranks(l.xy, l.ends, tolerance)
			checkDeviation(t, l, ranks, tolerance)
			border := border(t, l)
			at := byPosition(t, l, ranks)
			for z := range Never {
				want := int64(0)
				for _, ring := range border {
					kept := make([]uint8, len(ring))
					for i, p := range ring {
						kept[i] = at[p]
					}
					want += area2(drawn(ring, kept, z))
				}
				if got := l.area2(ranks, z); got != want {
					t.Errorf("%s, tolerance %v, zoom %d: twice the areas are %d, of the border %d", file, tolerance, z, got, want)
				}
			}
		}
	}
}

// border is the rings of the edges that one polygon alone has, in its direction.
func border(t *testing.T, l layer) (rings [][][2]uint32) {
	edges := map[[2][2]uint32]bool{}
	l.each(func(from, to int) {
		for i := from; i < to; i++ {
			a, b := l.xy[i], l.xy[from+(i+1-from)%(to-from)]
			if edges[[2][2]uint32{b, a}] {
				delete(edges, [2][2]uint32{b, a})
			} else {
				edges[[2][2]uint32{a, b}] = true
			}
		}
	})
	next := map[[2]uint32][][2]uint32{}
	for e := range edges {
		next[e[0]] = append(next[e[0]], e[1])
	}
	for start := range next {
		var ring [][2]uint32
		for p := start; len(next[p]) > 0; {
			ring = append(ring, p)
			to := next[p][0]
			next[p] = next[p][1:]
			p = to
		}
		if len(ring) > 0 {
			rings = append(rings, ring)
		}
	}
	if len(rings) == 0 {
		t.Fatal("no edge is without a neighbour")
	}
	return rings
}

// coast is a layer of squares of n vertices altogether, cut out of a rough square; bends of a side are shared.
func coast(n int) (l layer) {
	const cells, size = 20, 1 << 20
	bends := n/(4*cells*cells) - 1
	side := func(i, j, di, dj int) (out [][2]uint32) {
		flip := di+dj < 0
		if flip {
			i, j, di, dj = i+di, j+dj, -di, -dj
		}
		for s := range bends + 2 {
			swing := 20000 * math.Sin(float64(s)/float64(bends+1)*math.Pi) * math.Sin(float64(s)*1.7+float64(7*i+3*j))
			x, y := float64(i*size+di*size*s/(bends+1)), float64(j*size+dj*size*s/(bends+1))
			out = append(out, [2]uint32{1<<30 + uint32(x+30000+float64(dj)*swing), 1<<30 + uint32(y+30000+float64(di)*swing)})
		}
		if flip {
			slices.Reverse(out)
		}
		return out[:len(out)-1]
	}
	for j := range cells {
		for i := range cells {
			ring := append(side(i, j, 1, 0), side(i+1, j, 0, 1)...)
			l.add(append(append(ring, side(i+1, j+1, -1, 0)...), side(i, j+1, 0, -1)...))
		}
	}
	return l
}

// The grids of the demo district; then what part of their vertices is drawn at each zoom.
func BenchmarkDemo(b *testing.B) {
	l := demo(b, "grids")
	for _, tolerance := range []float64{1, 2, 4} {
		b.Run(fmt.Sprintf("tolerance=%v", tolerance), func(b *testing.B) {
			var ranks []uint8
			for b.Loop() {
				ranks = Ranks(l.xy, l.ends, tolerance)
			}
			var kept [Never + 1]int
			for _, r := range ranks {
				kept[r]++
			}
			for z := range kept[1:] {
				kept[z+1] += kept[z]
			}
			b.Logf("vertices drawn at zooms 0 to 16, and all: %v", kept)
		})
	}
}

// 400 polygons of 100 000 vertices that share their sides; a single ring of a million; and the worst million.
func BenchmarkRanks(b *testing.B) {
	for _, bb := range []struct {
		name string
		l    layer
	}{
		{"shared=100000", coast(100_000)},
		{"ring=1000000", layerOf(rough(1_000_000))},
		{"worst=1000000", layerOf(zigzag(1_000_000))},
	} {
		b.Run(bb.name, func(b *testing.B) {
			for b.Loop() {
				Ranks(bb.l.xy, bb.l.ends, 2)
			}
			b.ReportMetric(float64(len(bb.l.xy)), "vertices")
		})
	}
}

// rough is a closed coast with bends of all sizes.
func rough(n int) [][2]uint32 {
	out := make([][2]uint32, n)
	for i := range out {
		turn := 2 * math.Pi * float64(i) / float64(n)
		r := float64(1 << 28)
		for k := 1.0; k < 1e5; k *= 3.1 {
			r += (1 << 25) / k * math.Sin(k*turn*2+k)
		}
		s, c := math.Sincos(turn)
		out[i] = [2]uint32{uint32(1<<30 + r*c), uint32(1<<30 + r*s)}
	}
	return out
}
