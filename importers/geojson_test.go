package importers

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/paulmach/orb"

	"wangge/grids"
)

// square is a ring of a tenth of a degree, closed or not, for the tests of grids.
const square = `[[121.2,31.3],[121.3,31.3],[121.3,31.4],[121.2,31.4],[121.2,31.3]]`

// gridFile is a collection of one grid with the given geometry.
func gridFile(geometry string) string {
	return `{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"code":"310151101W01","name":"第1网格"},"geometry":` + geometry + `}]}`
}

func TestGeometriesOfGrids(t *testing.T) {
	for _, test := range []struct{ name, geometry, code string }{
		{"polygon", `{"type":"Polygon","coordinates":[` + square + `]}`, ""},
		{"multipolygon", `{"type":"MultiPolygon","coordinates":[[` + square + `]]}`, ""},
		{"with heights", `{"type":"Polygon","coordinates":[[[121.2,31.3,4],[121.3,31.3,4],[121.3,31.4,4],[121.2,31.3,4]]]}`, ""},
		{"members in another order", `{"coordinates":[` + square + `],"type":"Polygon"}`, ""},
		{"open ring", `{"type":"Polygon","coordinates":[[[121.2,31.3],[121.3,31.3],[121.3,31.4]]]}`, "ring_closed"},
		{"repeated point", `{"type":"Polygon","coordinates":[[[121.2,31.3],[121.3,31.3],[121.3,31.3],[121.3,31.4],[121.2,31.3]]]}`, "points_merged"},
		{"short ring", `{"type":"Polygon","coordinates":[[[121.2,31.3],[121.3,31.3],[121.2,31.3]]]}`, "short_ring"},
		{"two points", `{"type":"Polygon","coordinates":[[[121.2,31.3],[121.3,31.3]]]}`, "short_ring"},
		{"empty", `{"type":"Polygon","coordinates":[]}`, "empty_geometry"},
		{"empty ring", `{"type":"Polygon","coordinates":[[]]}`, "empty_geometry"},
		{"point", `{"type":"Point","coordinates":[121.2,31.3]}`, "geometry_type"},
		{"line", `{"type":"LineString","coordinates":[[121.2,31.3],[121.3,31.3]]}`, "geometry_type"},
		{"none", `null`, "no_geometry"},
		{"collection", `{"type":"GeometryCollection","geometries":[{"type":"GeometryCollection","geometries":[]}]}`, "geometry_collection"},
		{"unknown type", `{"type":"Circle","coordinates":[1,2]}`, "bad_geometry"},
		{"no type", `{"coordinates":[1,2]}`, "bad_geometry"},
		{"too shallow", `{"type":"Polygon","coordinates":[[121.2,31.3],[121.3,31.3]]}`, "bad_geometry"},
		{"too deep", `{"type":"Polygon","coordinates":[[` + square + `]]}`, "bad_geometry"},
		{"text", `{"type":"Polygon","coordinates":"x"}`, "bad_geometry"},
		{"text coordinate", `{"type":"Polygon","coordinates":[[["121.2",31.3],[121.3,31.3],[121.3,31.4],[121.2,31.3]]]}`, "bad_geometry"},
		{"null coordinate", `{"type":"Polygon","coordinates":[[[null,31.3],[121.3,31.3],[121.3,31.4],[121.2,31.3]]]}`, "bad_geometry"},
		{"one number", `{"type":"Point","coordinates":[121.2]}`, "bad_geometry"},
		{"huge", `{"type":"Polygon","coordinates":[[[1e400,31.3],[121.3,31.3],[121.3,31.4],[121.2,31.3]]]}`, "bad_geometry"},
		{"metres", `{"type":"Polygon","coordinates":[[[642334,3500033],[642434,3500033],[642434,3500133],[642334,3500033]]]}`, "bad_coordinate"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, rep := collected(t, Grids, "grids", gridFile(test.geometry))
			if c := codes(rep, 1); strings.Join(c, " ") != test.code {
				t.Errorf("findings %v, want %q", c, test.code)
			}
			usable := test.code == "" || rep.Findings[0].Severity == Warning
			if usable != (len(got) == 1) || rep.Refused {
				t.Fatalf("%d grids, %+v", len(got), rep)
			}
			if !usable {
				return
			}
			if g := got[0]; g.TownCode != "310151101000" || len(g.Geometry) != 1 || len(g.Geometry[0][0]) < 4 || !g.Geometry[0][0].Closed() {
				t.Errorf("grid %+v", g)
			}
		})
	}
}

func TestRepairsLeaveNoDoubt(t *testing.T) {
	g, notes := clean(orb.Polygon{{{0, 0}, {1, 0}, {1, 0}, {1, 1}}})
	want := orb.Polygon{{{0, 0}, {1, 0}, {1, 1}, {0, 0}}}
	if !orb.Equal(g, want) || len(notes) != 2 {
		t.Errorf("clean = %v with %d notes, want %v with 2", g, len(notes), want)
	}
}

// event is a feature of casework.
func event(id string) string {
	return `{"type":"Feature","properties":{"id":"` + id + `","kind":"种植","date":"2025-03-09"},"geometry":{"type":"Point","coordinates":[121.5,31.5]}}`
}

func TestGeoJSONLayouts(t *testing.T) {
	two := event("A1") + "," + event("A2")
	for _, test := range []struct{ name, content, format string }{
		{"collection", `{"type":"FeatureCollection","features":[` + two + `]}`, "GeoJSON"},
		{"mark", "\uFEFF" + `{"type":"FeatureCollection","features":[` + two + `]}`, "GeoJSON"},
		{"features first", ` { "features" : [ ` + event("A1") + " ,\n" + event("A2") + ` ] , "type" : "FeatureCollection" } `, "GeoJSON"},
		{"with a bbox and a name", `{"type":"FeatureCollection","name":"a [{\"}","bbox":[1,2,3,4],"n":1,"features":[` + two + `],"x":{"y":[1,{}]}}`, "GeoJSON"},
		{"CRS84", `{"type":"FeatureCollection","crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:OGC:1.3:CRS84"}},"features":[` + two + `]}`, "GeoJSON"},
		{"lines", event("A1") + "\n" + event("A2") + "\n", "GeoJSONSeq"},
		{"lines without the last break", event("A1") + "\r\n\r\n" + event("A2"), "GeoJSONSeq"},
		{"record separators", "\x1e" + event("A1") + "\n\x1e" + strings.ReplaceAll(event("A2"), ",", ",\n") + "\n", "GeoJSONSeq"},
		{"id of the feature", strings.ReplaceAll(strings.ReplaceAll(event("A1")+"\n"+event("A2"), `"properties":{"id":"A1",`, `"id":"A1","properties":{`),
			`"properties":{"id":"A2",`, `"id":"A2","properties":{`), "GeoJSONSeq"},
		{"escapes", strings.ReplaceAll(event("A1")+"\n"+event("A2"), "种植", `\u79cd\u690d`), "GeoJSONSeq"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := opened(t, "casework", []byte(test.content), Options{})
			rep := NewReport(s)
			events := slices.Collect(Casework(s, checker, rep))
			if s.Format() != test.format || len(events) != 2 || rep.FindingsTotal != 0 || rep.CRS != "EPSG:4326" {
				t.Fatalf("%s, %d events, %+v", s.Format(), len(events), rep)
			}
			for i, id := range []string{"A1", "A2"} {
				if e := events[i]; e.ID != grids.IDFrom("casework", id) || e.Kind != grids.Cultivation || *e.Point != (orb.Point{121.5, 31.5}) {
					t.Errorf("event %d: %+v", i, e)
				}
			}
		})
	}
}

func TestSingleValues(t *testing.T) {
	pretty := strings.NewReplacer("{", "{\n", ",", ",\n").Replace(event("A1"))
	for name, content := range map[string]string{"feature": event("A1"), "pretty": pretty} {
		if events, rep := collected(t, Casework, "casework", content); len(events) != 1 || rep.Format != "GeoJSON" {
			t.Errorf("%s: %d events, %+v", name, len(events), rep)
		}
	}
	if _, rep := collected(t, Grids, "grids", `{"type":"Polygon","coordinates":[`+square+`]}`); !rep.Refused {
		t.Errorf("a bare geometry has no code: %+v", rep)
	}
}

func TestOldCRSMember(t *testing.T) {
	content := `{"type":"FeatureCollection","crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::3857"}},"features":[` +
		strings.ReplaceAll(event("A1"), "[121.5,31.5]", "[13525318.11,3696052.7]") + `]}`
	events, rep := collected(t, Casework, "casework", content)
	if len(events) != 1 || rep.CRS != "EPSG:3857" {
		t.Fatalf("%d events, %+v", len(events), rep)
	}
	if p := *events[0].Point; p[0] < 121.499 || p[0] > 121.501 || p[1] < 31.45 || p[1] > 31.55 {
		t.Errorf("point %v", p)
	}
	s := opened(t, "casework", []byte(content), Options{CRS: "EPSG:4326"})
	rep, err := DryRun(context.Background(), s, "casework", checker)
	if err != nil || rep.Codes["crs_overridden"] != 1 {
		t.Errorf("%v, %v", err, rep.Codes)
	}
}

func TestDamagedGeoJSON(t *testing.T) {
	whole := `{"type":"FeatureCollection","features":[` + event("A1") + "," + event("A2") + `]}`
	for _, test := range []struct {
		name, content, says string
	}{
		{"cut inside a feature", whole[:len(whole)-30], "middle of feature 2"},
		{"cut between features", strings.TrimSuffix(whole, event("A2")+"]}"), "middle of feature 2"},
		{"comma lost", strings.Replace(whole, "},{\"type\":\"Feature\"", "}{\"type\":\"Feature\"", 1), "near feature 2"},
	} {
		rep := reported(t, "casework", test.content)
		if !rep.Refused || !strings.Contains(rep.Refusal.EN, test.says) {
			t.Errorf("%s: %+v, want %q", test.name, rep.Refusal, test.says)
		}
	}
	for name, content := range map[string]string{
		"collection": `{"type":"FeatureCollection","features":[` + event("A1") + `,{"a":tru},17,` + event("A2") + `]}`,
		"lines":      event("A1") + "\n{\"a\":tru}\n17\n" + event("A2"),
		"separators": "\x1e" + event("A1") + "\n\x1e{\"type\":\"Feat\n\x1e17\n\x1e" + event("A2"),
	} {
		events, rep := collected(t, Casework, "casework", content)
		if len(events) != 2 || !slices.Contains(codes(rep, 2), "bad_json") || !slices.Contains(codes(rep, 3), "bad_feature") || rep.Rejected != 2 {
			t.Errorf("%s: %d events, %+v", name, len(events), rep.Findings)
		}
	}
}

func TestNaN(t *testing.T) {
	bad := strings.ReplaceAll(event("A2"), "121.5", "NaN")
	_, rep := collected(t, Casework, "casework", event("A1")+"\n"+bad)
	if !slices.Equal(codes(rep, 2), []string{"bad_json"}) || rep.Findings[0].Value != "NaN" || rep.Accepted != 1 {
		t.Errorf("%+v", rep)
	}
	_, err := Open(context.Background(), written(t, []byte(`{"type":"FeatureCollection","features":[`+bad+`]}`)), Options{Subject: "casework"})
	if grids.KindOf(err) != grids.Invalid || !strings.Contains(err.Error(), "feature 1 holds NaN") {
		t.Errorf("Open: %v", err)
	}
}

func TestTooManyProperties(t *testing.T) {
	var b strings.Builder
	for i := range 50 {
		b.WriteString(`{"type":"Feature","properties":{"p` + string(rune('a'+i%26)) + string(rune('a'+i/26)) + `":1}}` + "\n")
	}
	_, err := Open(context.Background(), written(t, []byte(b.String())), Options{Subject: "casework", Limits: Limits{Columns: 20}})
	if grids.KindOf(err) != grids.TooLarge {
		t.Errorf("Open: %v, want TooLarge", err)
	}
}

func FuzzGeoJSON(f *testing.F) {
	f.Add([]byte(`{"type":"FeatureCollection","features":[` + event("A1") + `]}`))
	f.Add([]byte(gridFile(`{"type":"MultiPolygon","coordinates":[[` + square + `]]}`)))
	f.Add([]byte("\x1e" + event("A1") + "\n\x1e" + event("A2")))
	f.Add([]byte(event("A1") + "\n" + event("A2")))
	f.Add([]byte(`{"type":"Feature","properties":{"a":{"b":[1,"\u00e9\\"]}},"geometry":{"type":"LineString","coordinates":[[1,2],[3]]}}`))
	path := filepath.Join(f.TempDir(), "file") // one for each worker
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, subject := range []string{"casework", "findings", "grids"} {
			s, err := Open(context.Background(), path, Options{Subject: subject, Limits: Limits{Line: 1 << 16}})
			if err != nil {
				if grids.KindOf(err) == grids.Internal {
					t.Errorf("Open: %v", err)
				}
				continue
			}
			checkTotals(t, s, subject)
		}
	})
}
