package importers

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/paulmach/orb"

	"wangge/grids"
)

// readerProgram is the sandboxed reader, built for the tests.
var readerProgram string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "reader")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	readerProgram = filepath.Join(dir, "wangge-reader")
	if out, err := exec.Command("go", "build", "-o", readerProgram, "wangge/importers/reader").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the reader: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// openedFile opens a file of testdata through the sandboxed reader.
func openedFile(t *testing.T, subject, name string, o Options) *Source {
	t.Helper()
	o.Subject, o.ReaderProgram = subject, readerProgram
	s, err := Open(context.Background(), filepath.Join("testdata", name), o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestGridsThroughTheReader(t *testing.T) {
	for _, test := range []struct{ file, format, encoding, crs string }{
		{"grids_4549_gbk.zip", "Shapefile", "GB18030", "EPSG:4549"},
		{"grids.gpkg", "GeoPackage", "UTF-8", "EPSG:4326"},
	} {
		t.Run(test.format, func(t *testing.T) {
			s := openedFile(t, "grids", test.file, Options{})
			if s.Format() != test.format || s.Encoding() != test.encoding || s.CRS() != test.crs {
				t.Errorf("%s, %s, %s; want %s, %s, %s", s.Format(), s.Encoding(), s.CRS(), test.format, test.encoding, test.crs)
			}
			for range 2 { // a second walk reads the file again
				rep := NewReport(s)
				got := slices.Collect(Grids(s, checker, rep))
				if len(got) != 6 || rep.Rejected != 0 || rep.Refused {
					t.Fatalf("%d grids, %+v", len(got), rep)
				}
				g := got[0]
				if g.Code != "310151101W01" || g.Name != "城桥镇第1网格" || g.TownCode != "310151101000" {
					t.Errorf("first grid %+v", g)
				}
				if b := g.Geometry.Bound(); math.Abs(b.Min[0]-121.2) > 1e-6 || math.Abs(b.Min[1]-31.3) > 1e-6 || math.Abs(b.Max[0]-121.3) > 1e-6 {
					t.Errorf("bound %v", b)
				}
			}
		})
	}
}

func TestFindingsInKML(t *testing.T) {
	s := openedFile(t, "findings", "findings.kml", Options{})
	rep := NewReport(s)
	got := slices.Collect(Findings(s, checker, rep))
	if len(got) != 2 || s.Format() != "KML" || rep.Refused {
		t.Fatalf("%d findings, %+v", len(got), rep)
	}
	if f := got[0]; f.Kind != grids.OpiumPoppy || f.Confidence != 3 || f.Geometry != orb.Geometry(orb.Point{121.25, 31.35}) || f.SeenAt.Hour() != 1 || f.GridCode != "310151101W01" {
		t.Errorf("first finding %+v", f)
	}
	if f := got[1]; f.Geometry.GeoJSONType() != "Polygon" || f.VillageCode != "310151101002" || f.State != grids.Spotted {
		t.Errorf("second finding %+v", f)
	}
}

func TestNamesCutByDBF(t *testing.T) {
	s := openedFile(t, "village-status", "status.zip", Options{})
	rep := NewReport(s)
	got := slices.Collect(VillageStatuses(s, checker, rep))
	if len(got) != 7 || rep.Refused || got[0].VillageCode != "310151101001" || got[6].Status != grids.CertifiedModel || got[0].ValidTo.String() != "2027-12-31" {
		t.Errorf("%+v of %+v", got, rep)
	}
}

func TestPersonalDataThroughTheReader(t *testing.T) {
	for subject, test := range map[string]struct{ file, column string }{"grids": {"grids_personal.zip", "tag"}, "findings": {"personal.kml", "phone"}} {
		s := openedFile(t, subject, test.file, Options{})
		rep, err := DryRun(context.Background(), s, subject, checker)
		if err != nil || !rep.Refused || !strings.Contains(rep.Refusal.EN, test.column) {
			t.Errorf("%s: %v, %+v", test.file, err, rep)
		}
	}
}

func TestArchivesWithoutAShapefile(t *testing.T) {
	for inside, says := range map[string]string{"xl/workbook.xml": "CSV UTF-8", "word/document.xml": "Word", "数据.txt": "without a .shp"} {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		if _, err := z.Create(inside); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		_, err := Open(context.Background(), written(t, b.Bytes()), Options{Subject: "grids", ReaderProgram: readerProgram})
		if grids.KindOf(err) != grids.Invalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", inside, err, says)
		}
	}
}

func TestPlainValue(t *testing.T) {
	for _, test := range []struct {
		in   any
		want string
	}{{nil, ""}, {" a ", "a"}, {int64(-7), "-7"}, {310151101001.0, "310151101001"}, {0.25, "0.25"}, {true, ""}} {
		if got := plainValue(test.in); got != test.want {
			t.Errorf("plainValue(%v) = %q, want %q", test.in, got, test.want)
		}
	}
}
