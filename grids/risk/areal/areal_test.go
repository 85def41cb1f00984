package areal

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/paulmach/orb"
	"pgregory.net/rapid"

	"wangge/grids"
	"wangge/grids/risk/stat"
)

const c20 = "../testdata/c20_areal_interpolation_nc"

// feature is an area with what is known of it.
type feature struct {
	Properties struct {
		ID, Hid            int
		BIR74, SID74, Rate float64
	}
	Geometry struct {
		Type        string
		Coordinates json.RawMessage
	}
}

// read reads a GeoJSON file.
func read(t testing.TB, path string) ([]feature, []orb.MultiPolygon) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Features []feature }
	if err := json.Unmarshal(data, &file); err != nil || len(file.Features) == 0 {
		t.Fatalf("%s: %d features, %v", path, len(file.Features), err)
	}
	out := make([]orb.MultiPolygon, len(file.Features))
	for i, f := range file.Features {
		var into any = &out[i]
		if f.Geometry.Type == "Polygon" {
			out[i] = make(orb.MultiPolygon, 1)
			into = &out[i][0]
		}
		if err := json.Unmarshal(f.Geometry.Coordinates, into); err != nil {
			t.Fatalf("%s: feature %d: %v", path, i, err)
		}
	}
	return file.Features, out
}

// table reads the rows of a CSV file of the reference case, without its header.
func table(t testing.TB, file string) [][]string {
	t.Helper()
	f, err := os.Open(filepath.Join(c20, file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) < 2 {
		t.Fatalf("%s: %d rows, %v", file, len(rows), err)
	}
	return rows[1:]
}

func float(t testing.TB, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestTheReference(t *testing.T) {
	counties, sources := read(t, c20+"/input_source.geojson")
	hexes, targets := read(t, c20+"/input_target_hex.geojson")
	worst := 0.0
	for i, row := range table(t, "expected_source_areas.csv") {
		worst = max(worst, math.Abs(AreaM2(sources[i])/float(t, row[1])-1))
	}
	t.Logf("areas of counties within %.2g", worst)
	if worst > 1e-9 {
		t.Errorf("areas of counties are off by %.2g", worst)
	}
	c, err := NewCrosswalk(t.Context(), sources, targets, Default())
	if err != nil {
		t.Fatal(err)
	}
	checkOverlaps(t, c, counties, hexes)
	births, deaths, rate := make([]stat.Value, len(counties)), make([]stat.Value, len(counties)), make([]stat.Value, len(counties))
	for i, f := range counties {
		births[i], deaths[i], rate[i] = stat.Of(f.Properties.BIR74), stat.Of(f.Properties.SID74), stat.Of(f.Properties.Rate)
	}
	b, d, r := extensive(t, c, births, Null), extensive(t, c, deaths, Null), intensive(t, c, rate, Null)
	rows := table(t, "expected.csv")
	if len(rows) != len(targets) {
		t.Fatalf("%d rows for %d hexagons", len(rows), len(targets))
	}
	worst = 0
	for i, row := range rows {
		for at, e := range []*Estimates{b, d, r} {
			worst = max(worst, deviation(e.Values[i].Value.Or(math.NaN()), float(t, row[at+1])))
		}
	}
	for _, e := range []*Estimates{b, d} {
		if off := deviation(e.Targets.Or(0), e.Sources.Or(0)); off > 1e-12 {
			t.Errorf("the total is off by %.2g", off)
		}
	}
	t.Logf("values within %.2g", worst)
	if !(worst <= 1e-9) {
		t.Errorf("values are off by %.2g", worst)
	}
}

// deviation is relative, and absolute next to 0.
func deviation(got, want float64) float64 {
	if got == want {
		return 0
	}
	return math.Abs(got-want) / math.Max(math.Abs(want), 1e-300)
}

// checkOverlaps holds the overlaps to those expected, none more and none less.
func checkOverlaps(t *testing.T, c *Crosswalk, counties, hexes []feature) {
	t.Helper()
	want := map[[2]int]float64{}
	for _, row := range table(t, "expected_overlap_areas.csv") {
		want[[2]int{int(float(t, row[0])), int(float(t, row[1]))}] = float(t, row[2])
	}
	worst, metres := 0.0, 0.0
	for _, s := range c.Shares {
		key := [2]int{counties[s.Source].Properties.ID, hexes[s.Target].Properties.Hid}
		area, expected := want[key]
		delete(want, key)
		off := math.Abs(s.AreaM2 - area)
		worst, metres = max(worst, off/area), max(metres, off)
		if !expected || off > 1e-3 && off > 1e-9*area {
			t.Errorf("county %d shares %v m² with hexagon %d, want %v", key[0], s.AreaM2, key[1], area)
		}
	}
	if len(want) > 0 {
		t.Errorf("overlaps not found: %v", want)
	}
	t.Logf("%d overlaps within %.2g m², %.2g of each", len(c.Shares), metres, worst)
}

func extensive(t testing.TB, c *Crosswalk, v []stat.Value, m Missing) *Estimates {
	t.Helper()
	e, err := c.Extensive(v, m)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func intensive(t testing.TB, c *Crosswalk, v []stat.Value, m Missing) *Estimates {
	t.Helper()
	e, err := c.Intensive(v, m)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// box is a rectangle.
func box(x0, y0, x1, y1 float64) orb.MultiPolygon {
	return orb.MultiPolygon{{{{x0, y0}, {x1, y0}, {x1, y1}, {x0, y1}, {x0, y0}}}}
}

// walk lays rectangles over rectangles.
func walk(t testing.TB, o Options, sources, targets []orb.MultiPolygon) *Crosswalk {
	t.Helper()
	c, err := NewCrosswalk(t.Context(), sources, targets, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestByHand: three fields of 10 × 10 in a row become a pair and one that is cut; the first half of a fourth lies in no target.
//
//	sources  |  0  |  1  |  2  |  3  |
//	targets  |     0     | 1 |  2  |        3 (far away)
func TestByHand(t *testing.T) {
	sources := []orb.MultiPolygon{box(0, 0, 10, 10), box(10, 0, 20, 10), box(20, 0, 30, 10), box(30, 0, 40, 10)}
	targets := []orb.MultiPolygon{box(0, 0, 20, 10), box(20, 0, 26, 10), box(26, 0, 35, 10), box(90, 0, 95, 10)}
	c := walk(t, Default(), sources, targets)
	if got := fmt.Sprint(c.Shares); got != "[{0 0 1 100} {1 0 1 100} {2 1 0.6 60} {2 2 0.4 40} {3 2 0.5 50}]" {
		t.Errorf("shares %v", got)
	}
	if got := fmt.Sprint(c.Uncovered); got != "[0 0 0 0.5]" || c.Meta.Used != 4 {
		t.Errorf("uncovered %v, used %d", got, c.Meta.Used)
	}
	of, none := stat.Of, stat.None(stat.Missing)
	all := []stat.Value{of(3), of(4), of(10), of(8)}
	gap := []stat.Value{of(3), of(4), of(10), stat.None(stat.NoPopulation)}
	for _, tt := range []struct {
		name    string
		got     *Estimates
		values  []stat.Value
		sums    []stat.Value // sources, targets, uncovered, withheld
		marks   string
		covered string
		known   string
	}{
		{"counts", extensive(t, c, all, Null), []stat.Value{of(7), of(6), of(8), none}, []stat.Value{of(25), of(21), of(4), of(0)},
			"[exact interpolated interpolated ]", "[1 1 1 0]", "[1 1 1 0]"},
		{"rates", intensive(t, c, all, Null), []stat.Value{of(3.5), of(10), of(80. / 9), none}, []stat.Value{none, none, none, none},
			"[exact interpolated interpolated ]", "[1 1 1 0]", "[1 1 1 0]"},
		{"counts with a gap", extensive(t, c, gap, Null), []stat.Value{of(7), of(6), none, none}, []stat.Value{of(17), of(13), of(0), of(4)},
			"[exact interpolated  ]", "[1 1 1 0]", "[1 1 0.4444 0]"},
		{"counts that are known", extensive(t, c, gap, Known), []stat.Value{of(7), of(6), of(4), none}, []stat.Value{of(17), of(17), of(0), of(0)},
			"[exact interpolated interpolated ]", "[1 1 1 0]", "[1 1 0.4444 0]"},
		{"rates that are known", intensive(t, c, gap, Known), []stat.Value{of(3.5), of(10), of(10), none}, []stat.Value{none, none, none, none},
			"[exact interpolated interpolated ]", "[1 1 1 0]", "[1 1 0.4444 0]"},
		{"counts without the first", extensive(t, c, []stat.Value{none, of(4), of(10), of(8)}, Known), []stat.Value{of(4), of(6), of(8), none},
			[]stat.Value{of(22), of(18), of(4), of(0)}, "[interpolated interpolated interpolated ]", "[1 1 1 0]", "[0.5 1 1 0]"},
		{"nothing known", extensive(t, c, []stat.Value{none, none, none, none}, Known), []stat.Value{none, none, none, none},
			[]stat.Value{of(0), of(0), of(0), of(0)}, "[   ]", "[1 1 1 0]", "[0 0 0 0]"},
		{"zeros", extensive(t, c, []stat.Value{of(0), of(0), of(0), of(0)}, Null), []stat.Value{of(0), of(0), of(0), none},
			[]stat.Value{of(0), of(0), of(0), of(0)}, "[exact interpolated interpolated ]", "[1 1 1 0]", "[1 1 1 0]"},
	} {
		var marks []Mark
		var covered, known []float64
		for i, v := range tt.got.Values {
			if !same(v.Value, tt.values[i]) || v.Reason != v.Value.Reason() {
				t.Errorf("%s: target %d is %+v, want %+v", tt.name, i, v, tt.values[i])
			}
			marks, covered, known = append(marks, v.Mark), append(covered, round(v.CoveredShare)), append(known, round(v.KnownShare))
		}
		if fmt.Sprint(marks) != tt.marks || fmt.Sprint(covered) != tt.covered || fmt.Sprint(known) != tt.known {
			t.Errorf("%s: marks %v, covered %v, known %v", tt.name, marks, covered, known)
		}
		for i, got := range []stat.Value{tt.got.Sources, tt.got.Targets, tt.got.Uncovered, tt.got.Withheld} {
			if !same(got, tt.sums[i]) {
				t.Errorf("%s: sum %d is %+v, want %+v", tt.name, i, got, tt.sums[i])
			}
		}
		if tt.got.Meta.Params["crosswalk"] != c.Hash() || tt.got.Meta.Used+tt.got.Meta.Dropped[stat.NoPopulation]+tt.got.Meta.Dropped[stat.Missing] != 4 {
			t.Errorf("%s: meta %+v", tt.name, tt.got.Meta)
		}
	}
	data, err := json.Marshal(extensive(t, c, gap, Known))
	if err != nil || !strings.Contains(string(data), `{"value":4,"mark":"interpolated"`) || !strings.Contains(string(data), `{"value":null,"reason":"missing"`) {
		t.Errorf("%s, %v", data, err)
	}
}

func round(x float64) float64 { return math.Round(x*1e4) / 1e4 }

func same(a, b stat.Value) bool {
	x, xOK := a.Known()
	y, yOK := b.Known()
	return xOK == yOK && math.Abs(x-y) < 1e-12
}

// TestTolerance: a coast that was drawn anew is taken or left.
func TestTolerance(t *testing.T) {
	sources := []orb.MultiPolygon{box(0, 0, 10, 10), box(10, 0, 20, 10)}
	targets := []orb.MultiPolygon{box(0.05, 0, 10.01, 10), box(10.01, 0, 21, 10)}
	values := []stat.Value{stat.Of(6), stat.Of(10)}
	for _, tt := range []struct {
		o         Options
		sum       float64
		uncovered string
		marks     string
		first     float64
	}{
		{Default(), 15.97, "[0.005 0]", "interpolatedinterpolated", 5.98},
		{Options{Tolerance: .01}, 16, "[0 0]", "interpolatedinterpolated", 6.01},
		{Options{Tolerance: .01, SliverShare: .002}, 16, "[0 0]", "exactexact", 6},
		{Options{Tolerance: 1e-9, SliverShare: .002}, 15.96, "[0.005 0.001]", "interpolatedinterpolated", 5.97},
	} {
		c := walk(t, tt.o, sources, targets)
		e := extensive(t, c, values, Null)
		if got := fmt.Sprint([]float64{round(c.Uncovered[0]), round(c.Uncovered[1])}); got != tt.uncovered {
			t.Errorf("%+v: uncovered %v", tt.o, got)
		}
		if marks := string(e.Values[0].Mark + e.Values[1].Mark); marks != tt.marks {
			t.Errorf("%+v: marks %v", tt.o, marks)
		}
		if !same(e.Values[0].Value, stat.Of(tt.first)) || !same(e.Targets, stat.Of(tt.sum)) {
			t.Errorf("%+v: %+v, sum %v", tt.o, e.Values, e.Targets)
		}
	}
}

// TestSlivers: a tenth of a micrometre of a border drawn twice leaves a figure exact, and a plot that is a small part of its grid is no sliver.
func TestSlivers(t *testing.T) {
	sources := []orb.MultiPolygon{box(0, 0, 1000, 1000), box(1000, 0, 2000, 1000)}
	c := walk(t, Default(), sources, []orb.MultiPolygon{box(0, 0, 1000-1e-7, 1000), box(1000-1e-7, 0, 2000, 1000)})
	e := extensive(t, c, []stat.Value{stat.Of(5), stat.Of(6)}, Null)
	if len(c.Shares) != 3 || e.Values[0].Mark != Exact || e.Values[1].Mark != Exact {
		t.Errorf("shares %v, figures %+v", c.Shares, e.Values)
	}
	c = walk(t, Options{SliverShare: .01}, sources, []orb.MultiPolygon{box(10, 10, 20, 20)})
	if len(c.Shares) != 1 || math.Abs(c.Uncovered[0]-.9999) > 1e-12 || c.Uncovered[1] != 1 || c.Meta.Used != 1 {
		t.Errorf("shares %v, uncovered %v, used %d", c.Shares, c.Uncovered, c.Meta.Used)
	}
}

// TestEditions lays the units of the district over its grids, which join some of them, and over its towns: all is exact. Back, what was joined
// is interpolated.
func TestEditions(t *testing.T) {
	metres := func(file string) []orb.MultiPolygon {
		_, m := read(t, "../../../geoserver/demo/chongming/"+file)
		for _, p := range m {
			for _, q := range p {
				for _, r := range q {
					for i, v := range r {
						r[i] = orb.Point{(v[0] - 121.5) * 94_900, (v[1] - 31.6) * 110_900}
					}
				}
			}
		}
		return m
	}
	units, districtGrids, towns := metres("units_synthetic.geojson"), metres("grids_synthetic.geojson"), metres("towns_synthetic.geojson")
	for name, tt := range map[string]struct {
		sources, targets []orb.MultiPolygon
		interpolated     int
	}{
		"units to grids": {units, districtGrids, 0}, "units to towns": {units, towns, 0}, "grids to towns": {districtGrids, towns, 0},
		"grids to themselves": {districtGrids, districtGrids, 0}, "grids to units": {districtGrids, units, 20},
		"towns to units": {towns, units, len(units) - 3}, // three of the farms and parks are one unit each
	} {
		c := walk(t, Default(), tt.sources, tt.targets)
		values := make([]stat.Value, len(tt.sources))
		for i := range values {
			values[i] = stat.Of(float64(1 + i*i%97))
		}
		e, interpolated := extensive(t, c, values, Null), 0
		for _, v := range e.Values {
			if v.Mark == Interpolated {
				interpolated++
			} else if n := v.Value.Or(math.NaN()); math.Abs(n-math.Round(n)) > 1e-9 {
				t.Errorf("%s: the exact figure %v is not whole", name, n)
			}
		}
		if interpolated != tt.interpolated {
			t.Errorf("%s: %d interpolated, want %d", name, interpolated, tt.interpolated)
		}
		if off := deviation(e.Targets.Or(0), e.Sources.Or(0)); off > 1e-12 || e.Uncovered.Or(1) != 0 {
			t.Errorf("%s: the total is off by %.2g, uncovered %v", name, off, e.Uncovered)
		}
		if name == "grids to themselves" && len(c.Shares) != len(tt.sources) {
			t.Errorf("%s: %d shares", name, len(c.Shares))
		}
	}
}

// TestConservation: whatever the two divisions, what is in sources is in targets, uncovered or withheld; a rate that is the same everywhere
// stays; and weights of counts do not depend on the order of the units.
func TestConservation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cuts := func(name string) []orb.MultiPolygon {
			at := rapid.SliceOfNDistinct(rapid.IntRange(0, 400), 2, 7, rapid.ID).Draw(t, name)
			lean := rapid.Float64Range(-.9, .9).Draw(t, name+" lean")
			var out []orb.MultiPolygon
			for i := range at[1:] {
				a, b := float64(min(at[i], at[i+1])), float64(max(at[i], at[i+1]))
				out = append(out, orb.MultiPolygon{{{{a, 0}, {b, 0}, {b + lean*80, 70}, {a + lean*80, 70}}}})
			}
			return out
		}
		sources, targets := cuts("sources"), cuts("targets")
		c, err := NewCrosswalk(context.Background(), sources, targets, Default())
		if err != nil {
			t.Fatal(err)
		}
		values, flat, size := make([]stat.Value, len(sources)), make([]stat.Value, len(sources)), 0.0
		for i := range values {
			flat[i] = stat.Of(7.5)
			if rapid.IntRange(0, 4).Draw(t, "gap") == 0 {
				values[i] = stat.None(stat.Missing)
				continue
			}
			v := rapid.Float64Range(-1e6, 1e9).Draw(t, "value")
			values[i], size = stat.Of(v), size+math.Abs(v)
		}
		for _, m := range []Missing{Null, Known} {
			e, err := c.Extensive(values, m)
			if err != nil {
				t.Fatal(err)
			}
			off := e.Sources.Or(0) - e.Targets.Or(0) - e.Uncovered.Or(0) - e.Withheld.Or(0)
			if math.Abs(off) > 1e-12*size {
				t.Fatalf("the total is off by %v of %v", off, size)
			}
		}
		e, err := c.Intensive(flat, Null)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range e.Values {
			if n, ok := v.Value.Known(); ok && math.Abs(n-7.5) > 1e-12 {
				t.Fatalf("target %d has %v of a rate of 7.5 everywhere", i, n)
			}
		}
	})
}

func TestRefusals(t *testing.T) {
	nan, one := math.NaN(), []orb.MultiPolygon{box(0, 0, 1, 1)}
	for names, tt := range map[string]struct {
		sources, targets []orb.MultiPolygon
		o                Options
	}{
		"no source":      {nil, one, Default()},
		"no target":      {one, []orb.MultiPolygon{}, Default()},
		"source 1 has n": {[]orb.MultiPolygon{box(0, 0, 1, 1), nil}, one, Default()},
		"target 0 has n": {one, []orb.MultiPolygon{{{{{0, 0}, {1, 1}, {2, 2}}}}}, Default()},
		"source 0 has t": {[]orb.MultiPolygon{box(0, 0, nan, 1)}, one, Default()},
		"target 1 has t": {one, []orb.MultiPolygon{box(0, 0, 1, 1), box(0, 0, 1e10, 1)}, Default()},
		"tolerance":      {one, one, Options{Tolerance: nan}},
		"tolerance 1":    {one, one, Options{Tolerance: 1}},
		"slivers":        {one, one, Options{SliverShare: -1}},
	} {
		_, err := NewCrosswalk(t.Context(), tt.sources, tt.targets, tt.o)
		refused(t, names, err, names)
	}
	good := func() *Crosswalk {
		return walk(t, Default(), []orb.MultiPolygon{box(0, 0, 1, 1), box(1, 0, 2, 1)}, []orb.MultiPolygon{box(0, 0, 1.5, 1), box(1.5, 0, 3, 1)})
	}
	two := []stat.Value{stat.Of(1), stat.Of(2)}
	for names, change := range map[string]func(c *Crosswalk){
		"1 rests":         func(c *Crosswalk) { c.Uncovered = c.Uncovered[1:] },
		"area NaN":        func(c *Crosswalk) { c.SourceAreaM2[1] = nan },
		"area 0":          func(c *Crosswalk) { c.TargetAreaM2[1] = 0 },
		"source 7":        func(c *Crosswalk) { c.Shares[2].Source = 7 },
		"target -1":       func(c *Crosswalk) { c.Shares[1].Target = -1 },
		"share 1":         func(c *Crosswalk) { c.Shares[1].Share = 0 },
		"is 1.5":          func(c *Crosswalk) { c.Shares[0].Share = 1.5 },
		"of +Inf m²":      func(c *Crosswalk) { c.Shares[0].AreaM2 = math.Inf(1) },
		"twice":           func(c *Crosswalk) { c.Shares[2] = c.Shares[1] },
		"leaves 0.5 of s": func(c *Crosswalk) { c.Shares[0].Share = .5 },
		"says NaN":        func(c *Crosswalk) { c.Uncovered[0] = nan },
	} {
		c := good()
		change(c)
		_, err := c.Extensive(two, Null)
		refused(t, names, err, names)
		_, err = c.Intensive(two, Null)
		refused(t, names, err, names)
	}
	_, err := good().Extensive(two[:1], Null)
	refused(t, "a value too few", err, "1 values for 2 sources")
	_, err = good().Intensive(two, "")
	refused(t, "no policy", err, "policy")
	_, err = (&Crosswalk{}).Extensive(nil, Null)
	if err != nil {
		t.Errorf("nothing on nothing: %v", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := NewCrosswalk(ended, one, one, Default()); !errors.Is(err, context.Canceled) {
		t.Errorf("went on after its end: %v", err)
	}
	huge, err := good().Extensive([]stat.Value{stat.Of(math.MaxFloat64), stat.Of(math.MaxFloat64)}, Null)
	if err != nil || huge.Values[0].Reason != stat.NotANumber || huge.Sources.Reason() != stat.NotANumber {
		t.Errorf("sums beyond all numbers: %+v, %v", huge, err)
	}
}

// refused holds err to being Invalid and naming something.
func refused(t testing.TB, what string, err error, names string) {
	t.Helper()
	if err == nil || grids.KindOf(err) != grids.Invalid || !strings.Contains(err.Error(), names) {
		t.Errorf("%s: %v; want an Invalid error with %q", what, err, names)
	}
}

func TestHash(t *testing.T) {
	a := walk(t, Default(), []orb.MultiPolygon{box(0, 0, 1, 1)}, []orb.MultiPolygon{box(0, 0, 2, 1)})
	b := walk(t, Default(), []orb.MultiPolygon{box(5, 0, 6, 1)}, []orb.MultiPolygon{box(5, 0, 7, 1)})
	c := walk(t, Default(), []orb.MultiPolygon{box(0, 0, 1, 1)}, []orb.MultiPolygon{box(0, 0, 2.5, 1)})
	if a.Hash() != b.Hash() || a.Hash() == c.Hash() || len(a.Hash()) != 16 {
		t.Errorf("hashes %s, %s, %s", a.Hash(), b.Hash(), c.Hash())
	}
	data, err := json.Marshal(a)
	var again Crosswalk
	if err != nil || json.Unmarshal(data, &again) != nil || again.Check() != nil || again.Hash() != a.Hash() {
		t.Errorf("%s, %v is not the same again", data, err)
	}
}
