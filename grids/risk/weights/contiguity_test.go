package weights

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/paulmach/orb"
	"pgregory.net/rapid"
)

// box is a rectangle as a unit.
func box(x0, y0, x1, y1 float64) orb.MultiPolygon {
	return orb.MultiPolygon{{{{x0, y0}, {x1, y0}, {x1, y1}, {x0, y1}, {x0, y0}}}}
}

// outline is a unit of one ring.
func outline(r ...orb.Point) orb.MultiPolygon { return orb.MultiPolygon{{r}} }

// edges writes the links of a matrix as i-j.
func edges(m *Matrix) []string {
	out := []string{}
	for i := range m.N() {
		to, _ := m.Row(i)
		for _, j := range to {
			out = append(out, fmt.Sprintf("%d-%d", i, j))
		}
	}
	return out
}

func TestContiguity(t *testing.T) {
	none, both := []string{}, []string{"0-1", "1-0"}
	donut := orb.MultiPolygon{{box(0, 0, 300, 300)[0][0], box(100, 100, 200, 200)[0][0]}}
	for _, tt := range []struct {
		name        string
		a, b        orb.MultiPolygon
		snap        float64
		queen, rook []string
	}{
		{"a whole side", box(0, 0, 100, 100), box(100, 0, 200, 100), 1, both, both},
		{"a whole side, to the last bit", box(0, 0, 100, 100), box(100, 0, 200, 100), 0, both, both},
		{"a T-junction: no corner is shared", box(0, 0, 100, 100), box(100, 30, 200, 70), 1, both, both},
		{"a T-junction, to the last bit", box(0, 0, 100, 100), box(100, 30, 200, 70), 0, both, both},
		{"a gap within the snap", box(0, 0, 100, 100), box(100.9, 0, 200, 100), 1, both, both},
		{"a gap of the snap", box(0, 0, 100, 100), box(101, 0, 200, 100), 1, both, both},
		{"a gap beyond the snap", box(0, 0, 100, 100), box(101.1, 0, 200, 100), 1, none, none},
		{"a gap, to the last bit", box(0, 0, 100, 100), box(math.Nextafter(100, 101), 0, 200, 100), 0, none, none},
		{"a gap beyond the end of an edge", outline(orb.Point{0, 0}, orb.Point{100, 100}, orb.Point{0, 90}), box(100.8, 100.8, 200, 200), 1, none, none},
		{"a gap before the beginning of an edge", outline(orb.Point{100, 100}, orb.Point{0, 0}, orb.Point{0, 90}), box(100.8, 100.8, 200, 200), 1, none, none},
		{"a straight side and a zigzag", box(0, 0, 100, 5), outline(orb.Point{0, 5}, orb.Point{.9, 5.9}, orb.Point{1.8, 5}, orb.Point{2.7, 5.9},
			orb.Point{3.6, 5}, orb.Point{4.5, 5.9}, orb.Point{5.4, 5}, orb.Point{50, 50}), 1, both, both},
		{"an overlap within the snap", box(0, 0, 100, 100), box(99.1, 0, 200, 100), 1, both, both},
		{"an overlap beyond the snap: boundaries cross", box(0, 0, 100, 100), box(50, 50, 200, 200), 1, both, none},
		{"boundaries that cross away from all corners", box(0, 40, 100, 60), box(40, 0, 60, 100), 1, both, none},
		{"inside, away from the boundary", box(0, 0, 100, 100), box(40, 40, 60, 60), 1, none, none},
		{"inside the hole", donut, box(100, 100, 200, 200), 1, both, both},
		{"away from the hole", donut, box(110, 110, 190, 190), 1, none, none},
		{"a corner", box(0, 0, 100, 100), box(100, 100, 200, 200), 1, both, none},
		{"a corner, to the last bit", box(0, 0, 100, 100), box(100, 100, 200, 200), 0, both, none},
		{"a corner that overlaps within the snap", box(0, 0, 100, 100), box(99.5, 99.5, 200, 200), 1, both, none},
		{"a corner on an edge", box(0, 0, 100, 100), outline(orb.Point{100, 50}, orb.Point{150, 0}, orb.Point{150, 100}), 1, both, none},
		{"a corner on an edge with narrow gaps", box(0, 0, 100, 100), outline(orb.Point{100, 50}, orb.Point{110, 0}, orb.Point{110, 100}), 1, both, none},
		{"a side of 4 m", box(0, 0, 100, 100), box(100, 96, 200, 200), 1, both, none},
		{"a side of 5 m", box(0, 0, 100, 100), box(100, 95, 200, 200), 1, both, both},
		{"a side of 1 mm, to the last bit", box(0, 0, 100, 100), box(100, 99.999, 200, 200), 0, both, both},
		{"a side of 10 m in pieces of 3 m", box(0, 0, 100, 100),
			outline(orb.Point{100, 10}, orb.Point{100, 13}, orb.Point{105, 15}, orb.Point{100, 17}, orb.Point{100, 20}, orb.Point{200, 20}), 1, both, both},
		{"the second part of two", orb.MultiPolygon{box(-900, 0, -800, 9)[0], box(0, 0, 100, 100)[0]}, box(100, 0, 200, 100), 1, both, both},
		{"twice the same", box(0, 0, 100, 100), box(0, 0, 100, 100), 1, both, both},
		{"an open ring", outline(orb.Point{100, 0}, orb.Point{0, 0}, orb.Point{0, 100}, orb.Point{100, 100}), box(100, 0, 200, 100), 1, both, both},
	} {
		for _, u := range []Units{{Polygons: []orb.MultiPolygon{tt.a, tt.b}}, {Polygons: []orb.MultiPolygon{tt.b, tt.a}}} {
			for kind, want := range map[Kind][]string{Queen: tt.queen, Rook: tt.rook} {
				if got := edges(built(t, with(kind, func(s *Spec) { s.SnapM = tt.snap }), u).Matrix); !slices.Equal(got, want) {
					t.Errorf("%s: %s is %v, want %v", tt.name, kind, got, want)
				}
			}
		}
	}
}

// TestCornersAreNotBorders turns two wedges that meet in a point, with corners as near to it as the snap and nearer, and gaps of 35° to 90°
// on both sides.
func TestCornersAreNotBorders(t *testing.T) {
	for gap := 35.0; gap <= 90; gap += 5 {
		for _, step := range []float64{.3, 1, 2.5, 40} {
			for turn := range 5 {
				ray := func(deg float64, out bool) []orb.Point {
					rad := (deg + 30*float64(turn)) * math.Pi / 180
					var ps []orb.Point
					for r := 0.0; r <= 40; r += step {
						ps = append(ps, orb.Point{500 + r*math.Cos(rad), 700 + r*math.Sin(rad)})
					}
					if !out {
						slices.Reverse(ps)
					}
					return ps
				}
				wedge := func(from, to float64) orb.MultiPolygon {
					return outline(append(ray(from, true), ray(to, false)...)...)
				}
				u := Units{Polygons: []orb.MultiPolygon{wedge(0, 180-gap), wedge(180, 360-gap)}}
				if b := built(t, with(Rook, nil), u); b.Links != 0 {
					t.Errorf("a corner with gaps of %v°, corners every %v m, turned by %d°, is a border", gap, step, 30*turn)
				}
				if b := built(t, with(Queen, nil), u); b.Links != 2 {
					t.Errorf("a corner with gaps of %v°, corners every %v m, turned by %d°, is none", gap, step, 30*turn)
				}
			}
		}
	}
}

// chongming is the 351 grids of the demo in metres of a plane that touches at the island: near enough to try shapes on.
func chongming(t testing.TB) []orb.MultiPolygon {
	t.Helper()
	out := shapes(t, "../../../geoserver/demo/chongming/grids_synthetic.geojson")
	for _, m := range out {
		for _, p := range m {
			for _, r := range p {
				for i, v := range r {
					r[i] = orb.Point{(v[0] - 121.5) * 94_900, (v[1] - 31.6) * 110_900}
				}
			}
		}
	}
	return out
}

// TestBordersDrawnTwice moves every corner of every grid of the district on its own by up to 0.2 m, and puts new corners in: who meets whom,
// and along what, stays.
func TestBordersDrawnTwice(t *testing.T) {
	clean := chongming(t)
	random := rand.New(rand.NewPCG(1, 2))
	shaky := make([]orb.MultiPolygon, len(clean))
	for i, m := range clean {
		for _, p := range m {
			var q orb.Polygon
			for _, r := range p {
				var ring orb.Ring
				for at, v := range r[1:] {
					for _, part := range []float64{0, random.Float64()}[:1+random.IntN(2)] {
						shake := func() float64 { return .28 * (random.Float64() - .5) }
						ring = append(ring, orb.Point{r[at][0] + part*(v[0]-r[at][0]) + shake(), r[at][1] + part*(v[1]-r[at][1]) + shake()})
					}
				}
				q = append(q, ring)
			}
			shaky[i] = append(shaky[i], q)
		}
	}
	for _, k := range []Kind{Queen, Rook} {
		want := built(t, with(k, func(s *Spec) { s.SnapM = 0 }), Units{Polygons: clean})
		for name, u := range map[string][]orb.MultiPolygon{"clean": clean, "shaky": shaky} {
			got := built(t, with(k, nil), Units{Polygons: u})
			if got.Matrix.Hash() != want.Matrix.Hash() {
				t.Errorf("%s, %s: %d links, want %d", k, name, got.Links, want.Links)
			}
		}
		if got := built(t, with(k, func(s *Spec) { s.SnapM = 0 }), Units{Polygons: shaky}); got.Links >= want.Links/2 && k == Rook {
			t.Errorf("%s: without a snap shaky borders still give %d links of %d", k, got.Links, want.Links)
		}
	}
}

// TestOrderOfUnits: nothing changes under a new order of the units but their places.
func TestOrderOfUnits(t *testing.T) {
	u := Units{Polygons: chongming(t)}
	for i := range u.Polygons {
		u.Keys = append(u.Keys, fmt.Sprint("g", i))
	}
	to := rand.New(rand.NewPCG(3, 4)).Perm(u.N())
	other := Units{Polygons: make([]orb.MultiPolygon, u.N()), Keys: make([]string, u.N())}
	for i, j := range to {
		other.Polygons[j], other.Keys[j] = u.Polygons[i], u.Keys[i]
	}
	if u.Hash() == other.Hash() {
		t.Error("units in another order have the same hash")
	}
	for _, s := range []Spec{
		with(Queen, nil), with(Rook, nil), with(Queen, func(s *Spec) { s.Order, s.Isolates = 3, LinkNearest }),
		with(KNN, func(s *Spec) { s.K, s.Bridges = 7, [][2]string{{"g1", "g300"}} }), with(Band, func(s *Spec) { s.BandM, s.LowerM = 5000, 900 }),
		with(Inverse, func(s *Spec) { s.BandM, s.Style, s.Self = 4000, S, true }),
	} {
		a, b := built(t, s, u), built(t, s, other)
		if a.Links != b.Links || len(a.Isolates) != len(b.Isolates) || a.Matrix.Hash() == b.Matrix.Hash() {
			t.Errorf("%+v: %d links and %d isolates became %d and %d", s, a.Links, len(a.Isolates), b.Links, len(b.Isolates))
		}
		for i := range u.N() {
			row, w := a.Matrix.Row(i)
			for at, j := range row {
				if v, ok := b.Matrix.At(to[i], to[j]); !ok || math.Abs(v/w[at]-1) > 1e-12 {
					t.Fatalf("%+v: %d to %d weighs %v, in another order %v %v", s, i, j, w[at], v, ok)
				}
			}
		}
	}
}

// TestSweepFindsWhatLookingAtAllPairsFinds compares near with all pairs of random segments.
func TestSweepFindsWhatLookingAtAllPairsFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.Custom(func(t *rapid.T) float64 { return float64(rapid.IntRange(0, 60).Draw(t, "at")) / 4 })
		var polygons []orb.MultiPolygon
		for range rapid.IntRange(1, 12).Draw(t, "units") {
			var r orb.Ring
			for range rapid.IntRange(3, 6).Draw(t, "corners") {
				r = append(r, orb.Point{at.Draw(t, "x"), at.Draw(t, "y")})
			}
			polygons = append(polygons, orb.MultiPolygon{{r}})
		}
		snap := rapid.SampledFrom([]float64{0, .25, 1, 40}).Draw(t, "snap")
		want := map[string]int{}
		segs := segments(polygons)
		name := func(s, t *segment) string {
			if s.unit > t.unit {
				s, t = t, s
			}
			return fmt.Sprint(s.unit, s.a, s.b, t.unit, t.a, t.b)
		}
		for i := range segs {
			for j := range segs[:i] {
				s, t := &segs[i], &segs[j]
				if s.unit != t.unit && s.minX <= t.maxX+snap && t.minX <= s.maxX+snap && s.minY <= t.maxY+snap && t.minY <= s.maxY+snap {
					want[name(s, t)]++
				}
			}
		}
		err := near(t.Context(), segs, snap, func(a, b *segment) error {
			want[name(a, b)]--
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for n, left := range want {
			if left != 0 {
				t.Fatalf("%s: %d visits too few", n, left)
			}
		}
	})
}
