package mesh

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/paulmach/orb"
	"pgregory.net/rapid"
)

const c22 = "c22_point_in_polygon_nc"

// codes writes the codes of zones as the reference does.
func codes(zones []Zone, found []int) string {
	out := make([]string, len(found))
	for i, z := range found {
		out[i] = zones[z].Code
	}
	return strings.Join(out, ";")
}

func TestCoveringAgreesWithTheReference(t *testing.T) {
	zones := counties(t, c22)
	l := NewLocator(zones)
	want := map[string]string{}
	for _, row := range table(t, c22, "expected.csv") {
		by := strings.FieldsFunc(row[2], func(r rune) bool { return r == ' ' || r == ';' || r == '|' })
		if n := strconv.Itoa(len(by)); n != row[5] {
			t.Fatalf("row %s lists %s zones, not %s", row[0], n, row[5])
		}
		slices.Sort(by)
		want[row[0]] = strings.Join(by, ";")
	}
	points := table(t, c22, "input_points.csv")
	if len(points) != len(want) {
		t.Fatalf("%d points for %d answers", len(points), len(want))
	}
	for _, row := range points {
		p := orb.Point{number(t, row[1]), number(t, row[2])}
		if got := codes(zones, l.Covering(p)); got != want[row[0]] {
			t.Errorf("point %s (%s): covered by %q, want %q", row[0], row[3], got, want[row[0]])
		}
		first, _, _ := strings.Cut(want[row[0]], ";")
		i, ok := l.Locate(p)
		if ok != (first != "") || ok && zones[i].Code != first {
			t.Errorf("point %s (%s): owned by %d, want %q", row[0], row[3], i, first)
		}
	}
}

// rat is a coordinate without rounding.
func rat(v float64) *big.Rat { return new(big.Rat).SetFloat64(v) }

// onOrEast compares the point with the place where the line through a and b is at its latitude: 0 on it, +1 when the line
// is east of it. The edge must reach the latitude and not be level.
func onOrEast(a, b, p orb.Point) int {
	t := new(big.Rat).Sub(rat(p[1]), rat(a[1]))
	t.Quo(t, new(big.Rat).Sub(rat(b[1]), rat(a[1])))
	x := new(big.Rat).Sub(rat(b[0]), rat(a[0]))
	x.Add(x.Mul(x, t), rat(a[0]))
	return x.Cmp(rat(p[0]))
}

// coversExactly is the oracle: crossings counted in rational numbers, edge after edge, without any index.
func coversExactly(poly orb.Polygon, p orb.Point) bool {
	inside := false
	for _, r := range poly {
		for i, b := range r {
			a := r[(i+len(r)-1)%len(r)]
			if a == b || max(a[1], b[1]) < p[1] || min(a[1], b[1]) > p[1] {
				continue
			}
			if a[1] == b[1] {
				if min(a[0], b[0]) <= p[0] && p[0] <= max(a[0], b[0]) {
					return true
				}
				continue
			}
			east := onOrEast(a, b, p)
			if east == 0 {
				return true
			}
			if (a[1] > p[1]) != (b[1] > p[1]) && east > 0 {
				inside = !inside
			}
		}
	}
	return inside
}

// coveringExactly is the oracle for Covering.
func coveringExactly(zones []Zone, p orb.Point) []int {
	var out []int
	for i, z := range zones {
		if slices.ContainsFunc(z.Geometry, func(poly orb.Polygon) bool {
			return slices.ContainsFunc(poly, func(r orb.Ring) bool { return r.Bound().Contains(p) }) && coversExactly(poly, p)
		}) {
			out = append(out, i)
		}
	}
	slices.SortStableFunc(out, func(i, j int) int { return strings.Compare(zones[i].Code, zones[j].Code) })
	return out
}

// beside is v moved by n units in the last place.
func beside(v float64, n int) float64 {
	for ; n > 0; n-- {
		v = math.Nextafter(v, math.Inf(1))
	}
	for ; n < 0; n++ {
		v = math.Nextafter(v, math.Inf(-1))
	}
	return v
}

// agree fails unless the locator says of p what the oracle says.
func agree(t checker, l *Locator, zones []Zone, p orb.Point) {
	t.Helper()
	want, got := coveringExactly(zones, p), l.Covering(p)
	if !slices.Equal(got, want) {
		t.Fatalf("(%v, %v): covered by %s, want %s", p[0], p[1], codes(zones, got), codes(zones, want))
	}
	i, ok := l.Locate(p)
	if ok != (len(want) > 0) || ok && i != want[0] || !ok && i != -1 {
		t.Fatalf("(%v, %v): Locate = %d, %v; covered by %v", p[0], p[1], i, ok, want)
	}
}

// Around corners of the counties and the demo's grids every neighbour in the last bit is asked for.
func TestOneUnitBesideCorners(t *testing.T) {
	for name, zones := range map[string][]Zone{"counties": counties(t, c22), "grids": demo(t, "grids_synthetic.geojson")} {
		t.Run(name, func(t *testing.T) {
			l := NewLocator(zones)
			random := rand.New(rand.NewPCG(310151, 22))
			for range 500 {
				ring := zones[random.IntN(len(zones))].Geometry[0][0]
				v := ring[random.IntN(len(ring))]
				for dx := -1; dx <= 1; dx++ {
					for dy := -1; dy <= 1; dy++ {
						agree(t, l, zones, orb.Point{beside(v[0], dx), beside(v[1], dy)})
					}
				}
			}
		})
	}
}

// Points as near to edges as floating point gets, on them or a few last bits off.
func TestBesideEdges(t *testing.T) {
	zones := counties(t, c22)
	l := NewLocator(zones)
	rapid.Check(t, func(t *rapid.T) {
		ring := rapid.SampledFrom(rapid.SampledFrom(zones).Draw(t, "county").Geometry).Draw(t, "polygon")[0]
		i := rapid.IntRange(1, len(ring)-1).Draw(t, "edge")
		s := rapid.Float64Range(-.01, 1.01).Draw(t, "along")
		near := orb.Point{ring[i-1][0] + s*(ring[i][0]-ring[i-1][0]), ring[i-1][1] + s*(ring[i][1]-ring[i-1][1])}
		p := orb.Point{
			beside(near[0], rapid.IntRange(-2, 2).Draw(t, "dx")),
			beside(near[1], rapid.IntRange(-2, 2).Draw(t, "dy")),
		}
		agree(t, l, zones, p)
	})
}

// lattice draws a point with small whole or half coordinates, so that corners, edges and rays meet all the time.
func lattice(t *rapid.T) orb.Point {
	return orb.Point{float64(rapid.IntRange(0, 12).Draw(t, "x")) / 2, float64(rapid.IntRange(0, 12).Draw(t, "y")) / 2}
}

// Any rings at all, with holes, several polygons a zone, overlaps, spikes and crossings.
func TestAnyPolygons(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zones := make([]Zone, rapid.IntRange(0, 4).Draw(t, "zones"))
		for i := range zones {
			zones[i].Code = rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "code")
			for range rapid.IntRange(0, 2).Draw(t, "polygons") {
				var poly orb.Polygon
				for range rapid.IntRange(1, 3).Draw(t, "rings") {
					var ring orb.Ring
					for range rapid.IntRange(3, 7).Draw(t, "corners") {
						ring = append(ring, lattice(t))
					}
					poly = append(poly, ring)
				}
				zones[i].Geometry = append(zones[i].Geometry, poly)
			}
		}
		l := NewLocator(zones)
		for range 20 {
			p := lattice(t)
			if rapid.Bool().Draw(t, "off") {
				p[0] = beside(p[0]+1, rapid.IntRange(-1, 1).Draw(t, "dx")) - 1
			}
			agree(t, l, zones, p)
		}
	})
}

func TestShapes(t *testing.T) {
	box := func(x0, y0, x1, y1 float64) orb.Ring {
		return orb.Ring{{x0, y0}, {x1, y0}, {x1, y1}, {x0, y1}, {x0, y0}}
	}
	zones := []Zone{
		{"b", orb.MultiPolygon{{box(0, 0, 10, 10), box(4, 4, 6, 6)}, {box(20, 0, 30, 10)}}},
		{"a", orb.MultiPolygon{{box(10, 0, 20, 10)}}},
		{"c", orb.MultiPolygon{{box(4, 4, 6, 6)}}},
		{"d", nil},
		{"e", orb.MultiPolygon{{{{50, 0}, {math.NaN(), 1}, {51, 1}}}}},
		{"f", orb.MultiPolygon{{{{-3, -3}, {-2, -3}, {-2, -2}}}}}, // not closed
	}
	l := NewLocator(zones)
	for _, tt := range []struct {
		p    orb.Point
		want []int
	}{
		{orb.Point{1, 1}, []int{0}},
		{orb.Point{5, 5}, []int{2}},                            // in the hole, which c fills
		{orb.Point{4, 5}, []int{0, 2}},                         // on the edge of the hole
		{orb.Point{6, 6}, []int{0, 2}},                         // on its corner
		{orb.Point{10, 5}, []int{1, 0}},                        // shared: a before b
		{orb.Point{20, 10}, []int{1, 0}},                       // the second polygon of b
		{orb.Point{25, 0}, []int{0}},                           // outer edge
		{orb.Point{30, 10}, []int{0}},                          // the last corner of the box of all
		{orb.Point{math.Nextafter(30, 31), 10}, nil},           // just outside
		{orb.Point{-2.4, -2.5}, []int{5}},                      // right of the closing edge
		{orb.Point{-2.6, -2.5}, nil},                           // left of it
		{orb.Point{-2.5, -2.5}, []int{5}},                      // on it
		{orb.Point{50.5, .5}, nil},                             // nothing holds in a broken ring
		{orb.Point{math.NaN(), 5}, nil},                        //
		{orb.Point{5, math.Inf(-1)}, nil},                      //
		{orb.Point{-math.MaxFloat64, 5}, nil},                  //
		{orb.Point{15, math.Nextafter(0, -1)}, nil},            // under the lower edge
		{orb.Point{15, math.SmallestNonzeroFloat64}, []int{1}}, // over it
	} {
		if got := l.Covering(tt.p); !slices.Equal(got, tt.want) {
			t.Errorf("Covering(%v) = %v, want %v", tt.p, got, tt.want)
		}
	}
	if i, ok := NewLocator(nil).Locate(orb.Point{0, 0}); ok || i != -1 {
		t.Errorf("no zones: %d, %v", i, ok)
	}
}

// Random points over the demo, against the tests of all polygons without any bucket.
func TestBucketsLoseNothing(t *testing.T) {
	zones := demo(t, "units_synthetic.geojson")
	l := NewLocator(zones)
	random := rand.New(rand.NewPCG(310151, 1))
	for range 20000 {
		p := orb.Point{121.1 + random.Float64()*.9, 31.3 + random.Float64()*.6}
		want := -1
		for i := range l.polygons {
			if l.polygons[i].covers(p) {
				want = l.polygons[i].zone
				break
			}
		}
		if got, _ := l.Locate(p); got != want {
			t.Fatalf("%v: %d, want %d", p, got, want)
		}
	}
}

func TestLocateDoesNotAllocate(t *testing.T) {
	zones := demo(t, "grids_synthetic.geojson")
	l := NewLocator(zones)
	edge := zones[0].Geometry[0][0][1] // a corner: the exact test
	if n := testing.AllocsPerRun(100, func() { l.Locate(edge); l.Locate(orb.Point{121.5, 31.6}) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkLocate(b *testing.B) {
	zones := demo(b, "grids_synthetic.geojson")
	l := NewLocator(zones)
	random := rand.New(rand.NewPCG(310151, 2))
	points := make([]orb.Point, 0, 1<<16)
	for len(points) < cap(points) { // places in the district
		p := orb.Point{121.1 + random.Float64()*.9, 31.3 + random.Float64()*.6}
		if _, ok := l.Locate(p); ok {
			points = append(points, p)
		}
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		l.Locate(points[i&(1<<16-1)])
		i++
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mlookups/s")
}

func BenchmarkNewLocator(b *testing.B) {
	zones := demo(b, "grids_synthetic.geojson")
	b.ReportAllocs()
	for b.Loop() {
		NewLocator(zones)
	}
}
