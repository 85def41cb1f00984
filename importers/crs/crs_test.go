package crs_test

import (
	"encoding/csv"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/geo"
	"pgregory.net/rapid"

	"wangge/grids"
	"wangge/importers/crs"
)

// metre is about a metre in degrees of latitude.
const metre = 1 / 111_000.0

func parse(t testing.TB, name string) crs.CRS {
	t.Helper()
	c, err := crs.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// numbers reads a CSV of numbers below its header.
func numbers(t testing.TB, name string) [][]float64 {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var list [][]float64
	for _, row := range rows[1:] {
		values := make([]float64, len(row))
		for i, text := range row {
			if values[i], err = strconv.ParseFloat(text, 64); err != nil {
				t.Fatal(err)
			}
		}
		list = append(list, values)
	}
	return list
}

// TestPROJ holds every code against PROJ: 10 nm on the plane, 1e-13 degrees (10 nm) on the ellipsoid.
func TestPROJ(t *testing.T) {
	worstM, worstDegrees, codes := 0.0, 0.0, map[string]bool{}
	for _, row := range numbers(t, "testdata/proj.csv") {
		name := "EPSG:" + strconv.Itoa(int(row[0]))
		codes[name] = true
		c := parse(t, name)
		place, plane := orb.Point{row[1], row[2]}, orb.Point{row[3], row[4]}
		got, err := c.FromWGS84(place)
		if err != nil {
			t.Fatalf("%s %v: %v", name, place, err)
		}
		back, err := c.ToWGS84(plane)
		if err != nil {
			t.Fatalf("%s %v: %v", name, plane, err)
		}
		m, d := distance(got, plane), distance(back, place)
		if limit := 1e-8 * math.Max(1, math.Abs(plane[0])/1e7); m > limit {
			t.Errorf("%s: %v gives %v, PROJ %v: %g m apart", name, place, got, plane, m)
		}
		if d > 1e-13*3 {
			t.Errorf("%s: %v gives %v, PROJ %v: %g degrees apart", name, plane, back, place, d)
		}
		worstM, worstDegrees = math.Max(worstM, m), math.Max(worstDegrees, d)
	}
	if len(codes) != 3+64+11 {
		t.Errorf("%d codes were compared", len(codes))
	}
	t.Logf("worst against PROJ: %.2g m, %.2g degrees", worstM, worstDegrees)
}

func distance(a, b orb.Point) float64 { return math.Hypot(a[0]-b[0], a[1]-b[1]) }

// TestGcoord holds GCJ-02 and BD-09 against gcoord in both directions: 1 cm is the promise, the figures are printed.
func TestGcoord(t *testing.T) {
	systems := []crs.CRS{parse(t, "GCJ-02"), parse(t, "bd09")}
	names := []string{"GCJ-02", "BD-09"}
	for i, c := range systems {
		forward, inverse := 0.0, 0.0
		for _, row := range numbers(t, "testdata/gcoord.csv") {
			place, moved := orb.Point{row[0], row[1]}, orb.Point{row[2+2*i], row[3+2*i]}
			got, err := c.FromWGS84(place)
			if err != nil {
				t.Fatal(err)
			}
			back, err := c.ToWGS84(moved)
			if err != nil {
				t.Fatal(err)
			}
			forward, inverse = math.Max(forward, geo.Distance(got, moved)), math.Max(inverse, geo.Distance(back, place))
		}
		if forward > 1e-5 || inverse > 1e-5 {
			t.Errorf("%s: %g m forward, %g m inverse", names[i], forward, inverse)
		}
		t.Logf("%s: worst against gcoord %.2g m forward, %.2g m inverse", names[i], forward, inverse)
	}
}

func TestPublishedVector(t *testing.T) {
	place := orb.Point{121.5, 31.62}
	for name, want := range map[string]orb.Point{"GCJ-02": {121.504465, 31.618076}, "BD-09": {121.511059, 31.623722}} {
		got, err := parse(t, name).FromWGS84(place)
		if err != nil || distance(got, want) > 7e-7 {
			t.Errorf("%s: %v, %v; want %v", name, got, err, want)
		}
	}
}

func TestParse(t *testing.T) {
	for in, want := range map[string]string{
		"EPSG:4326": "EPSG:4326", "4490": "EPSG:4490", " epsg:4549 ": "EPSG:4549", "EPSG:4550": "EPSG:4550", "EPSG:3857": "EPSG:3857",
		"EPSG:4528": "EPSG:4528", "EPSG:4529": "EPSG:4529", "EPSG:32651": "EPSG:32651", "GCJ-02": "GCJ-02", "gcj02": "GCJ-02",
		"BD-09": "BD-09", "bd09": "BD-09", "BD09LL": "BD-09", "wgs84": "EPSG:4326", "CRS84": "EPSG:4326", "CGCS2000": "EPSG:4490",
		"EPSG:4979": "EPSG:4326",
	} {
		c, err := crs.Parse(in)
		if err != nil || c.String() != want {
			t.Errorf("Parse(%q) = %v, %v; want %s", in, c, err, want)
		}
	}
	for in, part := range map[string]string{
		"":           "EPSG:4549",
		"mars":       `"mars"`,
		"EPSG:27700": "EPSG:27700",
		"4214":       "Beijing 1954 needs the seven parameters",
		"EPSG:4610":  "Xian 1980 needs the seven parameters",
		"EPSG:2385":  "Xian 1980",
		"-4326":      "known are",
	} {
		_, err := crs.Parse(in)
		if grids.KindOf(err) != grids.Invalid || !strings.Contains(err.Error(), part) {
			t.Errorf("Parse(%q): %v; want %q", in, err, part)
		}
	}
}

func TestKnownAreParsedAndDistinct(t *testing.T) {
	seen := map[crs.CRS]bool{}
	for _, c := range crs.Known() {
		again, err := crs.Parse(c.String())
		if err != nil || again != c || seen[c] {
			t.Errorf("%v: parsed %v, %v, seen %v", c, again, err, seen[c])
		}
		seen[c] = true
	}
	if len(seen) != 11 {
		t.Errorf("%d systems", len(seen))
	}
}

// TestMisplaced: a coordinate of another system is refused with the system to use.
func TestMisplaced(t *testing.T) {
	for _, test := range []struct {
		crs  string
		p    orb.Point
		want string
	}{
		{"4326", orb.Point{31.62, 121.5}, "axes look swapped"},
		{"4326", orb.Point{642328.5, 3500693.6}, "longitude, latitude in degrees"},
		{"4490", orb.Point{40642328.5, 3500693.6}, "use EPSG:4528"},
		{"4490", orb.Point{math.NaN(), 1}, "not a number"},
		{"4549", orb.Point{3500693.6, 642328.5}, "axes look swapped"},
		{"4549", orb.Point{40642328.5, 3500693.6}, "zone number 40; use EPSG:4528"},
		{"4550", orb.Point{41357000, 3500693.6}, "zone number 41; use EPSG:4529"},
		{"4549", orb.Point{21357000, 3500693.6}, "zone number 21; use EPSG:4499"},
		{"4549", orb.Point{3500693.6, 40642328.5}, "zone number 40"},
		{"4549", orb.Point{121.5, 31.62}, "in degrees; use EPSG:4490"},
		{"4549", orb.Point{31.62, 121.5}, "in degrees"},
		{"4549", orb.Point{1642328, 3500693.6}, "500 km"},
		{"4549", orb.Point{642328, -1}, "500 km"},
		{"4528", orb.Point{642328.5, 3500693.6}, "lacks the zone number 40; use EPSG:4549"},
		{"4529", orb.Point{40642328.5, 3500693.6}, "zone number 40; use EPSG:4528"},
		{"32651", orb.Point{51357000, 3500693.6}, "500 km"},
		{"3857", orb.Point{2.1e7, 0}, "beyond the edge"},
		{"3857", orb.Point{121.5, 31.62}, "in degrees"},
		{"GCJ-02", orb.Point{2.35, 48.85}, "outside China"},
		{"BD-09", orb.Point{31.62, 121.5}, "axes look swapped"},
	} {
		_, err := parse(t, test.crs).ToWGS84(test.p)
		if grids.KindOf(err) != grids.Invalid || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s %v: %v; want %q", test.crs, test.p, err, test.want)
		}
	}
	if _, err := (crs.CRS{}).ToWGS84(orb.Point{1, 2}); grids.KindOf(err) != grids.Invalid {
		t.Errorf("the zero CRS: %v", err)
	}
}

// TestOutside: places that a system does not cover are refused, also where the series would fold back into the strip.
func TestOutside(t *testing.T) {
	for _, name := range []string{"4549", "32651", "GCJ-02", "BD-09"} {
		for _, p := range []orb.Point{{-59, 31}, {-60, 31}, {2.35, 48.85}, {30, 0}, {181, 31}, {121, 91}, {math.Inf(1), 0}} {
			if got, err := parse(t, name).FromWGS84(p); err == nil {
				t.Errorf("%s takes %v as %v", name, p, got)
			}
		}
	}
}

func TestGeometry(t *testing.T) {
	c := parse(t, "EPSG:4549")
	at := orb.Point{642328.543072813, 3500693.62495657}
	other := orb.Point{642428, 3500793}
	ring := orb.Ring{at, other, {642328, 3500793}, at}
	want := orb.Point{121.5, 31.62}
	for _, g := range []orb.Geometry{
		at, orb.MultiPoint{at}, orb.LineString{at, other}, orb.MultiLineString{{at, other}}, ring, orb.Polygon{ring},
		orb.MultiPolygon{{ring}}, orb.Collection{orb.Collection{at}, orb.Polygon{ring}}, orb.Bound{Min: at, Max: other},
	} {
		before := orb.Clone(g)
		got, err := c.Geometry(g)
		if err != nil {
			t.Errorf("%T: %v", g, err)
			continue
		}
		if !orb.Equal(g, before) {
			t.Errorf("%T: the argument was changed", g)
		}
		if corner := got.Bound().Min; math.Abs(corner[1]-want[1]) > 2e-5 || math.Abs(corner[0]-want[0]) > 2e-5 {
			t.Errorf("%T: %v", g, got)
		}
		bad := orb.Collection{before, orb.Point{3500693, 642328}}
		if _, err := c.Geometry(bad); grids.KindOf(err) != grids.Invalid {
			t.Errorf("%T beside swapped axes: %v", g, err)
		}
	}
	if g, err := c.Geometry(nil); g != nil || err != nil {
		t.Errorf("nil: %v, %v", g, err)
	}
	lonLat := orb.LineString{{121.5, 31.62}, {121.6, 31.62}}
	got, err := parse(t, "4490").Geometry(lonLat)
	if err != nil || !orb.Equal(got, lonLat) || &got.(orb.LineString)[0] == &lonLat[0] {
		t.Errorf("4490: %v, %v", got, err)
	}
	if _, err := parse(t, "4490").Geometry(orb.LineString{{121.5, 31.62}, {31.62, 121.5}}); err == nil {
		t.Error("4490 takes swapped axes")
	}
}

// TestRoundTrip: there and back again within 1 µm over the domain.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom(crs.Known()).Draw(t, "crs")
		p := orb.Point{rapid.Float64Range(119, 123.5).Draw(t, "lon"), rapid.Float64Range(3, 53).Draw(t, "lat")}
		q, err := c.FromWGS84(p)
		if err != nil {
			t.Fatal(err)
		}
		back, err := c.ToWGS84(q)
		if err != nil || distance(p, back) > 1e-6*metre {
			t.Fatalf("%s: %v to %v and back to %v, %v", c, p, q, back, err)
		}
	})
}

func BenchmarkToWGS84(b *testing.B) {
	for _, name := range []string{"EPSG:4490", "EPSG:4549", "EPSG:3857", "GCJ-02", "BD-09"} {
		c := parse(b, name)
		p, err := c.FromWGS84(orb.Point{121.5, 31.62})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := c.ToWGS84(p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
