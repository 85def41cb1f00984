package importers

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wangge/grids"
)

func TestCSVVariants(t *testing.T) {
	const plain = "id,kind,date,lon,lat\nA1,种植,2025-03-09,121.5,31.5\nA2,other,2025-03-10,121.6,31.6\n"
	for name, content := range map[string]string{
		"plain":           plain,
		"byte order mark": "\uFEFF" + plain,
		"CRLF":            strings.ReplaceAll(plain, "\n", "\r\n"),
		"semicolons":      strings.ReplaceAll(plain, ",", ";"),
		"tabs":            strings.ReplaceAll(plain, ",", "\t"),
		"sep= line":       "sep=;\r\n" + strings.ReplaceAll(plain, ",", ";"),
		"quotes":          "\"id\",\"kind\",\"date\",\"lon\",\"lat\"\n\"A1\",\"种植\",\"2025-03-09\",\"121.5\",\"31.5\"\nA2,other,2025-03-10,121.6,31.6",
		"blank lines":     "\n" + strings.ReplaceAll(plain, "\n", "\n\n") + ",,,,\n",
		"spaces":          strings.ReplaceAll(plain, ",", " , "),
		"Chinese names":   "案件编号,案件类别,发生时间,经度（°）,纬度（°）\nA1,种植,2025-03-09,121.5,31.5\nA2,其他,2025-03-10,121.6,31.6\n",
		"title row":       "崇明区案件统计表,,,,\n" + plain,
		"WKT":             "id,kind,date,wkt\nA1,种植,2025-03-09,POINT(121.5 31.5)\nA2,other,2025-03-10,SRID=4326;POINT (121.6 31.6)\n",
		"other columns":   "memo,ID,Kind,DATE,LON,LAT,,\n\"two\nlines\",A1,种植,2025-03-09,121.5,31.5,,\nx,A2,OTHER,2025-03-10,121.6,31.6,,\n",
	} {
		t.Run(name, func(t *testing.T) {
			events, rep := collected(t, Casework, "casework", content)
			if len(events) != 2 || rep.Rows != 2 || rep.Refused {
				t.Fatalf("%d events of %d rows, refusal %v, findings %v", len(events), rep.Rows, rep.Refusal, rep.Findings)
			}
			if e := events[0]; e.ID != grids.IDFrom("casework", "A1") || e.Kind != grids.Cultivation || e.On.String() != "2025-03-09" || *e.Point != [2]float64{121.5, 31.5} {
				t.Errorf("first event: %+v", e)
			}
			if events[1].Kind != grids.OtherCase {
				t.Errorf("second event: %+v", events[1])
			}
		})
	}
}

func TestRowsAreCountedAsASpreadsheetDoes(t *testing.T) {
	rep := reported(t, "casework", "id,kind,date,lon,lat,memo\nA1,x,2025-03-09,121.5,31.5,\"one\ntwo\nthree\"\n\nA2,y,2025-03-09,121.5,31.5,\nA3,\"z\"z,1,1,1,1\nA4,w,2025-03-09,121.5,31.5,,extra\n")
	var rows []int
	for _, f := range rep.Findings {
		if f.Row > 0 {
			rows = append(rows, f.Row)
		}
	}
	if want := []int{2, 4, 5, 6}; !slices.Equal(slices.Compact(rows), slices.Compact(want)) {
		t.Errorf("findings in rows %v, want %v: %+v", rows, want, rep.Findings)
	}
}

func TestOpenRefuses(t *testing.T) {
	utf16 := []byte{0xFF, 0xFE, 'i', 0, 'd', 0, ',', 0, 'k', 0, '\n', 0}
	for _, test := range []struct {
		name, content string
		o             Options
		kind          grids.Kind
		says          string
	}{
		{"empty", "", Options{}, grids.Invalid, "empty"},
		{"only blanks", " \n\n", Options{}, grids.Invalid, "empty"},
		{"UTF-16", string(utf16), Options{}, grids.Invalid, "UTF-16"},
		{"UTF-16 without a mark", string(utf16[2:]), Options{}, grids.Invalid, "UTF-16"},
		{"old Excel", "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", Options{}, grids.Invalid, "CSV UTF-8"},
		{"PDF", "%PDF-1.7", Options{}, grids.Invalid, "PDF"},
		{"binary", "abc\x00def", Options{}, grids.Invalid, "not a format"},
		{"web page", "<!DOCTYPE html><html></html>", Options{}, grids.Invalid, "web page"},
		{"GML", "<gml:FeatureCollection/>", Options{}, grids.Invalid, "not KML"},
		{"damaged zip", "PK\x03\x04nonsense", Options{}, grids.Invalid, "damaged zip"},
		{"TopoJSON", `{"type":"Topology","objects":{},"arcs":[]}`, Options{}, grids.Invalid, "TopoJSON"},
		{"JSON array", `[{"a":1}]`, Options{}, grids.Invalid, "JSON array"},
		{"other JSON", `{"a":1}`, Options{}, grids.Invalid, "not GeoJSON"},
		{"unknown encoding", "id,kind\n", Options{Encoding: "latin1"}, grids.Invalid, "GB18030"},
		{"unknown CRS", "id,kind\n", Options{CRS: "EPSG:99999"}, grids.Invalid, "99999"},
		{"unknown subject", "id,kind\n", Options{Subject: "persons"}, grids.Invalid, "casework"},
		{"lost characters", "??,????\n1,2\n", Options{}, grids.Invalid, "unreadable"},
		{"broken UTF-8", "id,kind\n" + strings.Repeat("城桥镇种植案件", 9) + "\xFF\n", Options{}, grids.Invalid, "line 2"},
		{"too many bytes", "id,kind,date\n", Options{Limits: Limits{Bytes: 4}}, grids.TooLarge, "limit of 4"},
		{"too many columns", "id,kind,date\n", Options{Limits: Limits{Columns: 2}}, grids.TooLarge, "limit of 2"},
		{"crs without a name", `{"type":"FeatureCollection","crs":{"type":"link"},"features":[]}`, Options{}, grids.Invalid, "crs"},
		{"crs unknown", `{"type":"FeatureCollection","crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::27700"}},"features":[]}`, Options{}, grids.Invalid, "27700"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.o.Subject == "" {
				test.o.Subject = "casework"
			}
			s, err := Open(context.Background(), written(t, []byte(test.content)), test.o)
			if err == nil {
				t.Fatalf("opened as %s", s.Format())
			}
			if grids.KindOf(err) != test.kind || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%v (%v); want %v with %q", err, grids.KindOf(err), test.kind, test.says)
			}
		})
	}
}

func TestLimitsWhileReading(t *testing.T) {
	const header = "id,kind,date,lon,lat\n"
	row := "A1,种植,2025-03-09,121.5,31.5\n"
	for _, test := range []struct {
		name, content string
		l             Limits
		says          string
	}{
		{"rows", header + strings.Repeat(row, 11), Limits{Rows: 10}, "more than 10 rows"},
		{"line", header + row + strings.Repeat("x", 3000) + ",种植\n", Limits{Line: 1000}, "longer than 1000 bytes"},
		{"open quote", header + row + "\"" + strings.Repeat(row, 20_000), Limits{Line: 1000}, "quotation mark never closed"},
		{"feature", `{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"kind":"` + strings.Repeat("x", 2000) + `","date":""}}]}`, Limits{Line: 1000}, "longer than 1000 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, err := Open(context.Background(), written(t, []byte(test.content)), Options{Subject: "casework", Limits: test.l})
			if err != nil {
				if grids.KindOf(err) != grids.TooLarge || !strings.Contains(err.Error(), test.says) {
					t.Fatal(err)
				}
				return
			}
			rep, err := DryRun(context.Background(), s, "casework", checker)
			if err != nil || !rep.Refused || !strings.Contains(rep.Refusal.EN, test.says) {
				t.Errorf("%v, refusal %+v; want %q", err, rep.Refusal, test.says)
			}
		})
	}
}

func TestMissingColumnsRefuseWithTheAcceptedNames(t *testing.T) {
	for _, test := range []struct{ subject, content, says string }{
		{"casework", "id,date,lon,lat\n", "案件类别"},
		{"casework", "id,kind,lon,lat\n", "发生日期"},
		{"casework", "id,kind,date,lon\n", "网格代码"},
		{"village-status", "village_code,status\n", "valid_from"},
		{"surveys", "grid_code,round,date\n", "完成率"},
		{"findings", "kind,seen_at\n", "经度"},
		{"grids", "code,name\n", "WKT"},
		{"grids", "name,wkt\n", "网格代码"},
	} {
		rep := reported(t, test.subject, test.content+"1,2,3,4\n")
		if !rep.Refused || !strings.Contains(rep.Refusal.EN, test.says) || !strings.Contains(rep.Refusal.ZH, test.says) {
			t.Errorf("%s %q: refusal %+v, want %q", test.subject, test.content, rep.Refusal, test.says)
		}
	}
}

func TestUnreadColumnsAreNamed(t *testing.T) {
	rep := reported(t, "casework", "kind,date,lon,lat,color,备注\n种植,2025-03-09,121.5,31.5,red,x\n")
	i := slices.IndexFunc(rep.Findings, func(f Finding) bool { return f.Code == "unmapped_column" })
	if i < 0 || rep.Findings[i].Value != "color" || rep.Findings[i].Severity != Warning || rep.Accepted != 1 {
		t.Errorf("findings %+v", rep.Findings)
	}
	if want := (Column{"color", ""}); rep.Columns[4] != want || rep.Columns[0] != (Column{"kind", "kind"}) {
		t.Errorf("columns %+v", rep.Columns)
	}
}

func TestRowsWithoutIDsAreIdempotent(t *testing.T) {
	const content = "kind,date,village_code\n种植,2025-03-09,310151101001\n种植,2025-03-09,310151101001\n种植,2025.3.9,310151101002\n"
	first, rep := collected(t, Casework, "casework", content)
	second, _ := collected(t, Casework, "casework", strings.ReplaceAll(content, "2025-03-09", "2025年3月9日"))
	if len(first) != 3 || rep.Codes["no_id"] != 1 {
		t.Fatalf("%d events, %v", len(first), rep.Codes)
	}
	for i := range first {
		if first[i].ID != second[i].ID {
			t.Errorf("event %d has another id the second time", i)
		}
	}
	if first[0].ID == first[1].ID || first[0].ID == first[2].ID {
		t.Error("two events share an id")
	}
}

func TestCoordinateSystems(t *testing.T) {
	at := func(o Options, coords string) ([]grids.CaseEvent, *Report) {
		s := opened(t, "casework", []byte("id,kind,date,x,y\nA1,种植,2025-03-09,"+coords+"\n"), o)
		rep := NewReport(s)
		return slices.Collect(Casework(s, checker, rep)), rep
	}
	for _, test := range []struct{ crs, coords string }{
		{"EPSG:4549", "642334.6,3500033.5"}, {"EPSG:3857", "13525318.11,3713531.80"}, {"GCJ-02", "121.504465,31.618076"}, {"BD-09", "121.511059,31.623722"}, {"EPSG:4490", "121.5,31.62"},
	} {
		events, rep := at(Options{CRS: test.crs}, test.coords)
		if len(events) != 1 || rep.CRS != test.crs || rep.Codes["crs_assumed"] != 0 {
			t.Errorf("%s: %d events, %v", test.crs, len(events), rep.Findings)
			continue
		}
		if p := *events[0].Point; p[0] < 121.49 || p[0] > 121.51 || p[1] < 31.61 || p[1] > 31.63 {
			t.Errorf("%s: %v is not near 121.5, 31.62", test.crs, p)
		}
	}
	if _, rep := at(Options{CRS: "EPSG:4549"}, "3500033.5,642334.6"); len(codes(rep, 2)) != 1 || codes(rep, 2)[0] != "axes_swapped" {
		t.Errorf("swapped metres: %v", rep.Findings)
	}
	if _, rep := at(Options{}, "642334.6,3500033.5"); !slices.Equal(codes(rep, 2), []string{"bad_coordinate"}) ||
		!strings.Contains(rep.Findings[1].Message.EN, "EPSG:4549") || rep.Findings[1].Code != "implausible_coordinates" {
		t.Errorf("metres read as degrees: %+v", rep.Findings)
	}
}

func TestFilesAreReadAgainFromTheStart(t *testing.T) {
	s := opened(t, "casework", gb18030(t, tenBad), Options{})
	for range 3 {
		n := 0
		for rec, err := range s.Records() {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == 1 && (rec.Row != 2 || rec.Fields[0] != "A001" || rec.Geometry == nil) {
				t.Errorf("first record %+v", rec)
			}
		}
		if n != 18 {
			t.Errorf("%d records, want 18", n)
		}
	}
	if s.Format() != "CSV" || s.Encoding() != "GB18030" || s.CRS() != "EPSG:4326" || len(s.Columns()) != 7 {
		t.Errorf("%s %s %s %v", s.Format(), s.Encoding(), s.CRS(), s.Columns())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, err := range s.Records() {
		if err == nil {
			t.Error("a closed source still reads")
		}
	}
}

func TestCancelledReadingStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s, err := Open(ctx, generated(t, 5000), Options{Subject: "casework"})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := DryRun(ctx, s, "casework", checker); !errors.Is(err, &grids.Error{Kind: grids.Unavailable}) || !errors.Is(err, context.Canceled) {
		t.Errorf("DryRun: %v, want Unavailable", err)
	}
	var last error
	for _, err := range s.Records() {
		last = err
	}
	if grids.KindOf(last) != grids.Unavailable {
		t.Errorf("Records ended with %v", last)
	}
}

func TestFindingsAreKeptToAThousand(t *testing.T) {
	var b bytes.Buffer
	b.WriteString("id,kind,date,lon,lat\n")
	for i := range 1500 {
		b.WriteString(strings.Repeat("x", i%9+1) + ",?,2025-03-09,100,31.5\n")
	}
	rep := reported(t, "casework", b.String())
	if rep.Codes["unknown_word"] != 1500 || rep.Codes["outside_district"] != 1500 || rep.Rejected != 1500 {
		t.Errorf("counted %v, rejected %d", rep.Codes, rep.Rejected)
	}
	if n := len(rep.Findings); n != keptFindings+2 || rep.FindingsTotal != 3002 || rep.Findings[1].Code != "implausible_coordinates" {
		t.Errorf("%d findings kept of %d", n, rep.FindingsTotal)
	}
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte(tenBad))
	f.Add(gb18030(f, tenBad))
	f.Add([]byte("id;kind;week;grid_code\n1;\"种植\";2025-W10;310151101W01\n\"a\n"))
	f.Add([]byte("kind,date,wkt\nother,45000,\"POLYGON((0 0,1 1,1 0,0 0))\"\n"))
	path := filepath.Join(f.TempDir(), "file") // one for each worker
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, subject := range []string{"casework", "surveys", "grids"} {
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

// checkTotals checks that the counts of a report agree.
func checkTotals(t *testing.T, s *Source, subject string) {
	t.Helper()
	rep, err := DryRun(context.Background(), s, subject, checker)
	if err != nil {
		t.Fatal(err)
	}
	if !rep.Refused && rep.Rows != rep.Accepted+rep.Rejected+rep.Duplicates {
		t.Errorf("%s: %d rows, %d accepted, %d rejected, %d duplicates", subject, rep.Rows, rep.Accepted, rep.Rejected, rep.Duplicates)
	}
}
