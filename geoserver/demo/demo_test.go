package demo

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/planar"

	"wangge/grids"
)

// today is the day the tests stand on unless they say otherwise.
var today = grids.DayFrom(2026, 11, 23)

// usual is the demo as a new user gets it.
func usual() Options { return Options{Seed: 310151, Today: today} }

// written is the content of the file of a subject.
func written(t testing.TB, o Options, subject string) []byte {
	t.Helper()
	for _, f := range Files(o) {
		if f.Subject == subject {
			var b bytes.Buffer
			if err := f.Write(&b); err != nil {
				t.Fatal(err)
			}
			return b.Bytes()
		}
	}
	t.Fatalf("no file of subject %s", subject)
	return nil
}

// table is the rows of a CSV file by column name.
func table(t testing.TB, o Options, subject string) []map[string]string {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(written(t, o, subject))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]string
	for _, row := range rows[1:] {
		m := map[string]string{}
		for i, v := range row {
			m[rows[0][i]] = v
		}
		if m["synthetic"] != "true" {
			t.Fatalf("%s: row %v does not say that it is synthetic", subject, row)
		}
		out = append(out, m)
	}
	return out
}

// shape is one feature as a reader sees it.
type shape struct {
	Properties map[string]any
	Geometry   orb.Geometry
}

// text is a property that must be a text.
func (s shape) text(key string) string { v, _ := s.Properties[key].(string); return v }

// UnmarshalJSON reads a point, polygon or multipolygon.
func (s *shape) UnmarshalJSON(b []byte) error {
	var f struct {
		Type       string
		Properties map[string]any
		Geometry   struct {
			Type        string
			Coordinates json.RawMessage
		}
	}
	if err := json.Unmarshal(b, &f); err != nil || f.Type != "Feature" {
		return errors.Join(err, errors.New("no feature: "+f.Type))
	}
	s.Properties = f.Properties
	var (
		point   orb.Point
		polygon orb.Polygon
		multi   orb.MultiPolygon
		err     error
	)
	switch f.Geometry.Type {
	case "Point":
		err = json.Unmarshal(f.Geometry.Coordinates, &point)
		s.Geometry = point
	case "Polygon":
		err = json.Unmarshal(f.Geometry.Coordinates, &polygon)
		s.Geometry = polygon
	case "MultiPolygon":
		err = json.Unmarshal(f.Geometry.Coordinates, &multi)
		s.Geometry = multi
	default:
		err = errors.New("geometry " + f.Geometry.Type)
	}
	return err
}

// decoded reads a GeoJSON feature collection.
func decoded(t testing.TB, b []byte) []shape {
	t.Helper()
	var c struct {
		Type     string
		Features []shape
	}
	if err := json.Unmarshal(b, &c); err != nil || c.Type != "FeatureCollection" {
		t.Fatalf("no collection: %q, %v", c.Type, err)
	}
	return c.Features
}

// collection is the features of a GeoJSON file.
func collection(t testing.TB, o Options, subject string) []shape {
	t.Helper()
	all := decoded(t, written(t, o, subject))
	for _, f := range all {
		if f.Properties["synthetic"] != true {
			t.Fatalf("%s: %v does not say that it is synthetic", subject, f.Properties)
		}
	}
	return all
}

// district is the district's outline, read by another library than the one under test.
func district(t testing.TB) orb.MultiPolygon {
	t.Helper()
	return collection(t, usual(), "district")[0].Geometry.(orb.MultiPolygon)
}

// day reads an ISO date.
func day(t testing.TB, s string) grids.Day {
	t.Helper()
	var d grids.Day
	if m, err := grids.ParseMonth(s[:min(7, len(s))]); err != nil || len(s) != 10 {
		t.Fatalf("%q is no date", s)
	} else {
		d = m.First() + grids.Day((s[8]-'0')*10+s[9]-'0') - 1
	}
	if d.String() != s {
		t.Fatalf("%q is no date", s)
	}
	return d
}

func TestFilesAreInImportOrder(t *testing.T) {
	var got []string
	for _, f := range Files(usual()) {
		got = append(got, f.Subject)
		if !strings.HasSuffix(f.Name, ".csv") && !strings.HasSuffix(f.Name, ".geojson") {
			t.Errorf("%s has no extension that the import knows", f.Name)
		}
	}
	want := "district towns villages grids casework village-status surveys findings"
	if strings.Join(got, " ") != want {
		t.Errorf("order %v, want %s", got, want)
	}
}

func TestEqualOptionsGiveEqualBytes(t *testing.T) {
	other := usual()
	other.Seed++
	for i, f := range Files(usual()) {
		var first, again, seeded bytes.Buffer
		if err := errors.Join(f.Write(&first), Files(usual())[i].Write(&again), Files(other)[i].Write(&seeded)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first.Bytes(), again.Bytes()) {
			t.Errorf("%s differs between two runs", f.Name)
		}
		if territory := i < 4; bytes.Equal(first.Bytes(), seeded.Bytes()) != territory {
			t.Errorf("%s: another seed must change all but the territory", f.Name)
		}
	}
}

// failing refuses every write.
type failing struct{}

var errFull = errors.New("no room")

func (failing) Write([]byte) (int, error) { return 0, errFull }

func TestWriteHandsOnTheWritersError(t *testing.T) {
	for _, f := range Files(usual()) {
		if err := f.Write(failing{}); !errors.Is(err, errFull) {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
}

func TestTerritoryIsWhole(t *testing.T) {
	for subject, want := range map[string]struct {
		count      int
		properties string
	}{
		"district": {1, "code name name_en synthetic"}, "towns": {21, "code kind name synthetic"},
		"villages": {361, "code kind name synthetic town_code"}, "grids": {351, "code name synthetic town_code"},
	} {
		all := collection(t, usual(), subject)
		if len(all) != want.count {
			t.Errorf("%d %s, want %d", len(all), subject, want.count)
		}
		codes := map[any]bool{}
		for _, f := range all {
			codes[f.Properties["code"]] = true
			if len(f.Properties) != len(strings.Fields(want.properties)) {
				t.Fatalf("%s: properties %v, want %s", subject, f.Properties, want.properties)
			}
			for _, key := range strings.Fields(want.properties) {
				if f.Properties[key] == nil || f.Properties[key] == "" {
					t.Errorf("%s %v has no %s", subject, f.Properties["code"], key)
				}
			}
		}
		if len(codes) != want.count {
			t.Errorf("%s: only %d codes differ", subject, len(codes))
		}
	}
	if !bytes.Contains(written(t, usual(), "grids"), []byte(`"family":"drug-control"`)) {
		t.Error("the grids do not say of which family they are")
	}
}

func TestLandSurroundsTheDistrict(t *testing.T) {
	land := decoded(t, Land())
	if len(land) < 10 {
		t.Fatalf("%d pieces of land", len(land))
	}
	bound := land[0].Geometry.Bound()
	for _, f := range land {
		bound = bound.Union(f.Geometry.Bound())
	}
	if d := district(t).Bound(); !bound.Contains(d.Min) || !bound.Contains(d.Max) {
		t.Errorf("the land %v does not reach around the district %v", bound, d)
	}
}

// The even-odd test, with its margin, against another library on places near to and far from every boundary.
func TestHoldsAgreesWithAnotherLibrary(t *testing.T) {
	r := usual().random(99)
	units := groundOf()
	shapes := map[string]orb.Geometry{}
	for _, f := range collection(t, usual(), "villages") {
		shapes[f.text("code")] = f.Geometry
	}
	inside := 0
	for i := range units {
		u := &units[i]
		if !u.holds(u.seat) {
			t.Errorf("%s does not hold its own seat", u.code)
		}
		for _, e := range u.edges {
			if u.holds(e[0]) {
				t.Fatalf("%s holds its own corner %v", u.code, e[0])
			}
		}
		for range 50 {
			p := point{u.low.x + float64(r.IntN(int(u.high.x-u.low.x)+1)), u.low.y + float64(r.IntN(int(u.high.y-u.low.y)+1))}
			if !u.holds(p) {
				continue
			}
			inside++
			if !covers(shapes[u.code], orb.Point{p.x / 1e6, p.y / 1e6}) {
				t.Errorf("%s holds %v and orb does not think so", u.code, p)
			}
		}
	}
	if inside < 361*15 {
		t.Errorf("only %d of %d places in the boxes are held", inside, 361*50)
	}
}

// covers asks orb.
func covers(g orb.Geometry, p orb.Point) bool {
	switch g := g.(type) {
	case orb.Polygon:
		return planar.PolygonContains(g, p)
	case orb.MultiPolygon:
		return planar.MultiPolygonContains(g, p)
	}
	return false
}

// Every day of the year, and the awkward ones, must give whole files without a future.
func TestAnyDayGivesFiles(t *testing.T) {
	days := []grids.Day{
		grids.DayFrom(2024, 2, 29), grids.DayFrom(2026, 1, 1), grids.DayFrom(2026, 12, 31), grids.DayFrom(2026, 3, 15),
		grids.DayFrom(2026, 3, 16), grids.DayFrom(2026, 3, 17),
	}
	for d := grids.DayFrom(2025, 1, 1); d < grids.DayFrom(2026, 1, 1); d += 47 {
		days = append(days, d)
	}
	for _, d := range days {
		o := Options{Seed: uint64(d), Today: d, Years: 1 + int(d)%3}
		for _, row := range table(t, o, "casework") {
			if row["date"] != "" && day(t, row["date"]) > d {
				t.Errorf("on %s: event on %s", d, row["date"])
			}
		}
		for _, row := range table(t, o, "surveys") {
			if day(t, row["date"]) > d {
				t.Fatalf("on %s: survey on %s", d, row["date"])
			}
		}
		now := map[string]bool{}
		for _, row := range table(t, o, "village-status") {
			now[row["village_code"]] = now[row["village_code"]] || row["valid_to"] == "" || day(t, row["valid_to"]) >= d
			if day(t, row["valid_from"]) > d {
				t.Fatalf("on %s: status from %s", d, row["valid_from"])
			}
		}
		for code, known := range now {
			if !known {
				t.Errorf("on %s: %s has no status", d, code)
			}
		}
		for _, f := range collection(t, o, "findings") {
			if f.text("seen_at") > d.String()+"T24" {
				t.Errorf("on %s: finding seen at %s", d, f.Properties["seen_at"])
			}
		}
	}
}
