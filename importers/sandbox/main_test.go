package sandbox

import (
	"archive/zip"
	"bytes"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// program is the reader program, built once for all tests.
var program string

func TestMain(m *testing.M) {
	os.Exit(build(m))
}

func build(m *testing.M) int {
	folder, err := os.MkdirTemp("", "wangge-sandbox-test-") // 0700: nobody cannot walk to the program, and need not
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	program = filepath.Join(folder, "wangge-reader")
	if out, err := exec.Command("go", "build", "-o", program, "wangge/importers/reader").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "the reader cannot be built: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// temporary makes a temporary folder that every user may enter and makes it the system's; at the end of the test it
// must be empty.
func temporary(t *testing.T) {
	t.Helper()
	folder, err := os.MkdirTemp("", "wangge-sandbox-tmp-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		left, err := os.ReadDir(folder)
		if err != nil || len(left) != 0 {
			t.Errorf("the reader left %v, %v", left, err)
		}
		os.RemoveAll(folder)
	})
	if err := os.Chmod(folder, 0o755|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", folder)
}

// two is a polygon with all types of values and one with NULL in all of them.
const two = `{"type":"FeatureCollection","features":[
{"type":"Feature","properties":{"编码":"310151101001","名称":"城桥镇第一网格","n":0,"x":1.5,"d":"2023-04-12"},
 "geometry":{"type":"Polygon","coordinates":[[[121.4,31.6],[121.5,31.6],[121.5,31.7],[121.4,31.6]]]}},
{"type":"Feature","properties":{"编码":"310151101002","名称":"新海镇","n":null,"x":null,"d":null},
 "geometry":{"type":"Polygon","coordinates":[[[121.6,31.6],[121.7,31.6],[121.7,31.7],[121.6,31.6]]]}}]}`

// ogr converts GeoJSON with ogr2ogr and answers the files that come out, by extension.
func ogr(t testing.TB, geojson, ext string, args ...string) map[string][]byte {
	t.Helper()
	folder := t.TempDir()
	in := filepath.Join(folder, "in.geojson")
	if err := os.WriteFile(in, []byte(geojson), 0o600); err != nil {
		t.Fatal(err)
	}
	args = append(args, filepath.Join(folder, "out"+ext), in)
	if out, err := exec.Command("ogr2ogr", args...).CombinedOutput(); err != nil {
		t.Fatalf("ogr2ogr %v: %v\n%s", args, err, out)
	}
	names, err := filepath.Glob(filepath.Join(folder, "out.*"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, name := range names {
		if files[filepath.Ext(name)], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// shapefile makes a shapefile in GBK without .cpg; id is the DBF's language id.
func shapefile(t testing.TB, geojson string, id byte, args ...string) map[string][]byte {
	t.Helper()
	files := ogr(t, geojson, ".shp", append([]string{"-lco", "ENCODING=GBK"}, args...)...)
	delete(files, ".cpg")
	files[".dbf"][29] = id
	return files
}

// without is files but for one.
func without(files map[string][]byte, ext string) map[string][]byte {
	files = maps.Clone(files)
	delete(files, ext)
	return files
}

// with is files with one added or replaced.
func with(files map[string][]byte, ext string, content []byte) map[string][]byte {
	files = maps.Clone(files)
	files[ext] = content
	return files
}

// zipped packs files under a stem.
func zipped(t testing.TB, stem string, files map[string][]byte) []byte {
	t.Helper()
	members := map[string][]byte{}
	for ext, content := range files {
		members[stem+ext] = content
	}
	return archive(t, members)
}

// archive packs members by name, in order.
func archive(t testing.TB, members map[string][]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(members)) {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, NonUTF8: !strings.Contains(name, "UTF8")})
		if err == nil {
			_, err = w.Write(members[name])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// file writes content to a file.
func file(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// everything reads a file to its end.
func everything(t testing.TB, r Reader, path string, opts Options) (Layer, []Record, error) {
	t.Helper()
	s, err := r.Open(t.Context(), path, opts)
	if err != nil {
		return Layer{}, nil, err
	}
	defer s.Close()
	var list []Record
	for record, err := range s.Records() {
		if err != nil {
			return s.Layer(), list, err
		}
		list = append(list, record)
	}
	return s.Layer(), list, nil
}

// ogrAppend adds the layer second to a GeoPackage.
func ogrAppend(t testing.TB, path, geometry string) {
	t.Helper()
	in := file(t, "in.geojson", []byte(two))
	if out, err := exec.Command("ogr2ogr", "-update", "-nln", "second", "-nlt", geometry, path, in).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
