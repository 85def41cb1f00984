package sandbox

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/paulmach/orb"
	"golang.org/x/text/encoding/simplifiedchinese"

	"wangge/importers/crs"
)

func gbk(t testing.TB, s string) []byte {
	t.Helper()
	b, err := simplifiedchinese.GBK.NewEncoder().Bytes([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const kml = `<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>网格</name>
<Placemark><name>根</name><Point><coordinates>121.5,31.6,7</coordinates></Point></Placemark>
<Folder><name>城桥镇</name>
 <Placemark><name>a</name><ExtendedData><Data name="code"><value>310151101001</value></Data></ExtendedData><Polygon><outerBoundaryIs>
  <LinearRing><coordinates>121.4,31.6,5 121.5,31.6,5 121.5,31.7,5 121.4,31.6,5</coordinates></LinearRing></outerBoundaryIs></Polygon></Placemark>
 <Folder><name>内层</name><Placemark><name>b</name></Placemark></Folder>
</Folder>
<Folder><name>新海镇</name><Placemark><name>c</name><ExtendedData><Data name="code"><value>310151102001</value></Data><Data name="n"><value>3</value></Data></ExtendedData>
 <LineString><coordinates>121.6,31.6 121.7,31.7</coordinates></LineString></Placemark></Folder>
</Document></kml>`

// TestTwo reads the same two rows out of every format and every way to write text.
func TestTwo(t *testing.T) {
	temporary(t)
	chinese := shapefile(t, two, 0x4D)
	utf8 := ogr(t, two, ".shp", "-lco", "ENCODING=UTF-8")
	for _, test := range []struct {
		name      string
		content   []byte
		opts      Options
		layer     string // name
		encoding  string
		warnings  int
		projected string
	}{
		{name: "GBK, language id", content: zipped(t, "网格", chinese), layer: "网格", encoding: "GB18030"},
		{name: "GBK, no hint", content: zipped(t, "a/b/grids", shapefile(t, two, 0)), layer: "grids", encoding: "GB18030"},
		{name: "GBK, name of the member in GBK", content: zipped(t, string(gbk(t, "网格")), shapefile(t, two, 0)), layer: "网格", encoding: "GB18030"},
		{name: "GBK, .cpg", content: zipped(t, "grids", with(chinese, ".cpg", []byte("cp936\r\n"))), layer: "grids", encoding: "GB18030"},
		{name: "GBK, wrong .cpg", content: zipped(t, "grids", with(chinese, ".cpg", []byte("UTF-8"))), layer: "grids", encoding: "GB18030", warnings: 1},
		{name: "GBK, unknown .cpg", content: zipped(t, "grids", with(chinese, ".cpg", []byte("Klingon"))), layer: "grids", encoding: "GB18030", warnings: 1},
		{name: "GBK, asked for", content: zipped(t, "grids", shapefile(t, two, 0x57)), opts: Options{Encoding: "gbk"}, layer: "grids", encoding: "GB18030"},
		{name: "UTF-8, .cpg", content: zipped(t, "grids", utf8), layer: "grids", encoding: "UTF-8"},
		{name: "UTF-8, no hint", content: zipped(t, "grids", without(utf8, ".cpg")), layer: "grids", encoding: "UTF-8"},
		{name: "UTF-8, wrong language id", content: zipped(t, "grids", with(without(utf8, ".cpg"), ".dbf", languageID(utf8[".dbf"], 0x4D))), layer: "grids", encoding: "UTF-8", warnings: 1},
		{name: "capital letters and litter", content: archive(t, map[string][]byte{"G.SHP": chinese[".shp"], "G.SHX": chinese[".shx"], "G.DBF": chinese[".dbf"],
			"G.PRJ": chinese[".prj"], "__MACOSX/._G.SHP": nil, "._G.shp": nil, "readme.txt": []byte("x"), "other.dbf": []byte("x")}), layer: "G", encoding: "GB18030"},
		{name: "EPSG:4549", content: zipped(t, "grids", shapefile(t, two, 0x4D, "-t_srs", "EPSG:4549")), layer: "grids", encoding: "GB18030", projected: "EPSG:4549"},
		{name: "EPSG:4528", content: zipped(t, "grids", shapefile(t, two, 0x4D, "-t_srs", "EPSG:4528")), layer: "grids", encoding: "GB18030", projected: "EPSG:4528"},
		{name: "no .prj", content: zipped(t, "grids", without(chinese, ".prj")), layer: "grids", encoding: "GB18030", projected: "none"},
		{name: "with heights", content: zipped(t, "grids", shapefile(t, two, 0x4D, "-dim", "XYZ")), layer: "grids", encoding: "GB18030"},
		{name: "GeoPackage", content: ogr(t, two, ".gpkg", "-nln", "网格")[".gpkg"], layer: "网格", encoding: "UTF-8"},
		{name: "GeoPackage in EPSG:4549", content: ogr(t, two, ".gpkg", "-nln", "g", "-t_srs", "EPSG:4549", "-dim", "XYZM")[".gpkg"], layer: "g", encoding: "UTF-8", projected: "EPSG:4549"},
		{name: "zipped GeoPackage", content: zipped(t, "g", ogr(t, two, ".gpkg", "-nln", "网格")), layer: "g", encoding: "UTF-8"},
	} {
		layer, rows, err := everything(t, Reader{Program: program}, file(t, "upload", test.content), test.opts)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if layer.Name != test.layer || layer.Encoding != test.encoding || len(layer.Warnings) != test.warnings || layer.Features != 2 || layer.GeometryType != "POLYGON" {
			t.Errorf("%s: %+v", test.name, layer)
		}
		checkTwo(t, test.name, layer, rows, test.projected)
	}
}

// languageID is a DBF with another language id.
func languageID(dbf []byte, id byte) []byte {
	dbf = bytes.Clone(dbf)
	dbf[29] = id
	return dbf
}

func checkTwo(t *testing.T, name string, layer Layer, rows []Record, projected string) {
	t.Helper()
	wantFields := []Field{{"编码", "string"}, {"名称", "string"}, {"n", "integer"}, {"x", "real"}, {"d", "date"}}
	if !slices.Equal(layer.Fields, wantFields) {
		t.Errorf("%s: fields %v", name, layer.Fields)
	}
	want := [][]any{
		{"310151101001", "城桥镇第一网格", int64(0), 1.5, "2023-04-12"},
		{"310151101002", "新海镇", nil, nil, nil},
	}
	ring := orb.Ring{{121.4, 31.6}, {121.5, 31.6}, {121.5, 31.7}, {121.4, 31.6}}
	if len(rows) != 2 || rows[0].Row != 1 || rows[1].Row != 2 || !reflect.DeepEqual(rows[0].Values, want[0]) || !reflect.DeepEqual(rows[1].Values, want[1]) {
		t.Errorf("%s: rows %v", name, rows)
		return
	}
	g := rows[0].Geometry
	if projected == "none" {
		if layer.CRSWKT != "" {
			t.Errorf("%s: %q", name, layer.CRSWKT)
		}
	} else {
		c, err := crs.FromPRJ(layer.CRSWKT)
		if err != nil || projected != "" && c.String() != projected {
			t.Errorf("%s: %v, %v", name, c, err)
			return
		}
		if g, err = c.Geometry(g); err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
	}
	polygon, ok := g.(orb.Polygon)
	if !ok || len(polygon) != 1 || !sameRing(polygon[0], ring) {
		t.Errorf("%s: %v", name, g)
	}
}

// sameRing compares rings as sets of corners within 1e-9 degrees: shapefiles turn them.
func sameRing(a, b orb.Ring) bool {
	near := func(p, q orb.Point) bool { return math.Hypot(p[0]-q[0], p[1]-q[1]) < 1e-9 }
	for _, p := range a {
		if !slices.ContainsFunc(b, func(q orb.Point) bool { return near(p, q) }) {
			return false
		}
	}
	return len(a) == len(b) && near(a[0], a[len(a)-1])
}

// TestKML: folders are one layer with a column that says which, heights are dropped, a placemark may have no place.
func TestKML(t *testing.T) {
	temporary(t)
	for name, content := range map[string][]byte{"bare": []byte(kml), "KMZ": archive(t, map[string][]byte{"doc.kml": []byte(kml), "files/a.png": nil})} {
		layer, rows, err := everything(t, Reader{Program: program}, file(t, "a.kml", content), Options{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		at := func(row int, column string) any {
			return rows[row].Values[slices.IndexFunc(layer.Fields, func(f Field) bool { return f.Name == column })]
		}
		if len(rows) != 4 || layer.Features != 4 || len(layer.Warnings) != 1 || !strings.Contains(layer.Warnings[0], "4 folders") {
			t.Fatalf("%s: %d rows, %+v", name, len(rows), layer)
		}
		for i, want := range []struct {
			name, folder string
			code         any
			geometry     orb.Geometry
		}{
			{"根", "网格", nil, orb.Point{121.5, 31.6}},
			{"a", "城桥镇", "310151101001", orb.Polygon{{{121.4, 31.6}, {121.5, 31.6}, {121.5, 31.7}, {121.4, 31.6}}}},
			{"b", "内层", nil, nil},
			{"c", "新海镇", "310151102001", orb.LineString{{121.6, 31.6}, {121.7, 31.7}}},
		} {
			if at(i, "Name") != want.name || at(i, "folder") != want.folder || at(i, "code") != want.code || !reflect.DeepEqual(rows[i].Geometry, want.geometry) {
				t.Errorf("%s: row %d is %v; want %v", name, i+1, rows[i], want)
			}
		}
		if c, err := crs.FromPRJ(layer.CRSWKT); err != nil || c.String() != "EPSG:4326" {
			t.Errorf("%s: %v, %v", name, c, err)
		}
	}
	layer, rows, err := everything(t, Reader{Program: program}, file(t, "a.kml", []byte(kml)), Options{Layer: "城桥镇"})
	if err != nil || layer.Name != "城桥镇" || len(rows) != 1 {
		t.Errorf("one folder: %+v, %d rows, %v", layer, len(rows), err)
	}
}

// TestCutText: a GBK column name and a value cut in the middle of a character lose it, with a warning each.
func TestCutText(t *testing.T) {
	temporary(t)
	files := shapefile(t, `{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"abcdefghij":"网格城","klmnopqrst":"网格"},"geometry":null}]}`, 0,
		"-nlt", "POINT", "-mapFieldType", "All=String")
	dbf := files[".dbf"]
	copy(dbf[32:], gbk(t, "无毒村居率"))
	copy(dbf[64:], append(gbk(t, "无毒村居率")[:9], 0))
	at, width := bytes.Index(dbf, gbk(t, "网格城")), int(dbf[32+16])
	copy(dbf[at:at+width], "x"+string(bytes.Repeat(gbk(t, "网"), width))) // an even width cuts after half of a character
	layer, rows, err := everything(t, Reader{Program: program}, file(t, "a.zip", zipped(t, "a", files)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if layer.Fields[0].Name != "无毒村居率" || layer.Fields[1].Name != "无毒村居" || len(layer.Warnings) != 2 {
		t.Errorf("%+v", layer)
	}
	if want := "x" + strings.Repeat("网", (width-1)/2); rows[0].Values[0] != want || rows[0].Values[1] != "网格" {
		t.Errorf("%q in %d bytes", rows[0].Values, width)
	}
}

// TestSameNames: columns whose names are the same after they were cut are kept apart.
func TestSameNames(t *testing.T) {
	temporary(t)
	files := shapefile(t, `{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"aa":"1","ab":"2"},"geometry":{"type":"Point","coordinates":[121.5,31.6]}}]}`, 0)
	files[".dbf"][64+1] = 'a'
	layer, rows, err := everything(t, Reader{Program: program}, file(t, "a.zip", zipped(t, "a", files)), Options{})
	if err != nil || !slices.Equal(layer.Fields, []Field{{"aa", "string"}, {"aa_2", "string"}}) || len(layer.Warnings) != 1 ||
		!reflect.DeepEqual(rows[0].Values, []any{"1", "2"}) {
		t.Errorf("%+v, %v, %v", layer, rows, err)
	}
}

// TestLayers: a file with several layers is read by name, or the one with geometry if only one has.
func TestLayers(t *testing.T) {
	temporary(t)
	path := file(t, "a.gpkg", layered(t, "POLYGON"))
	layer, rows, err := everything(t, Reader{Program: program}, path, Options{Layer: "second"})
	if err != nil || layer.Name != "second" || len(rows) != 2 {
		t.Errorf("%+v, %d rows, %v", layer, len(rows), err)
	}
	layer, _, err = everything(t, Reader{Program: program}, file(t, "b.gpkg", layered(t, "NONE")), Options{})
	if err != nil || layer.Name != "first" {
		t.Errorf("%+v, %v", layer, err)
	}
}

// layered is a GeoPackage with the layers first and second.
func layered(t *testing.T, second string) []byte {
	t.Helper()
	b := ogr(t, two, ".gpkg", "-nln", "first")[".gpkg"]
	path := file(t, "x.gpkg", b)
	ogrAppend(t, path, second)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// BenchmarkRead reads 20 000 polygons of 21 corners out of a shapefile, start of the program included.
func BenchmarkRead(b *testing.B) {
	var text strings.Builder
	text.WriteString(`{"type":"FeatureCollection","features":[`)
	for i := range 20_000 {
		if i > 0 {
			text.WriteByte(',')
		}
		fmt.Fprintf(&text, `{"type":"Feature","properties":{"编码":"310151%06d","名称":"网格"},"geometry":{"type":"Polygon","coordinates":[[`, i)
		for corner := range 21 {
			sin, cos := math.Sincos(float64(corner%20) * math.Pi / 10)
			fmt.Fprintf(&text, "[%.7f,%.7f]%s", 121.5+cos/1000, 31.6+sin/1000, map[bool]string{true: "]]}}", false: ","}[corner == 20])
		}
	}
	text.WriteString("]}")
	path := file(b, "a.zip", zipped(b, "a", shapefile(b, text.String(), 0x4D)))
	for b.Loop() {
		if _, rows, err := everything(b, Reader{Program: program}, path, Options{}); err != nil || len(rows) != 20_000 {
			b.Fatal(len(rows), err)
		}
	}
	b.ReportMetric(20_000*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
