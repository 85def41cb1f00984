package sandbox

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"wangge/grids"
)

// plain is a shapefile of one point with one column of text.
func plain(t testing.TB, text []byte) map[string][]byte {
	files := shapefile(t, `{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"name":"`+strings.Repeat("x", 20)+`"},"geometry":{"type":"Point","coordinates":[121.5,31.6]}}]}`, 0)
	dbf := files[".dbf"]
	at := bytes.LastIndex(dbf, []byte("xxxxxxxxxxxxxxxxxxxx"))
	copy(dbf[at:], append(text, bytes.Repeat([]byte(" "), 20-len(text))...))
	return files
}

// TestRefused: what cannot or must not be read is refused with a sentence that says why, and nothing is left behind.
func TestRefused(t *testing.T) {
	temporary(t)
	shp := shapefile(t, two, 0x4D)
	gpkg := ogr(t, two, ".gpkg", "-nln", "网格")[".gpkg"]
	cut := func(ext string, n int) map[string][]byte { return with(shp, ext, shp[ext][:n]) }
	zeros := archive(t, map[string][]byte{"a.gpkg": append([]byte("SQLite format 3\x00"), make([]byte, 40<<20)...)})
	encrypted := zipped(t, "a", map[string][]byte{".kml": []byte(kml)})
	encrypted[6] |= 1
	central := bytes.LastIndex(encrypted, []byte("PK\x01\x02"))
	encrypted[central+8] |= 1
	members := map[string][]byte{}
	for i := range 1001 {
		members[fmt.Sprint(i)] = nil
	}
	for _, test := range []struct {
		name    string
		content []byte
		opts    Options
		limits  Limits
		kind    grids.Kind
		want    string
	}{
		{name: "empty file", content: nil, want: "whatever its name says"},
		{name: "text", content: []byte("hello"), want: "whatever its name says"},
		{name: "GeoJSON", content: []byte(two), want: "whatever its name says"},
		{name: "VRT", content: []byte(`<OGRVRTDataSource><OGRVRTLayer name="passwd"><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>`), want: "whatever its name says"},
		{name: "VRT that speaks of KML", content: []byte(`<OGRVRTDataSource><!-- <kml> --><OGRVRTLayer name="passwd"><SrcDataSource>CSV:/etc/passwd</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>`), want: "whatever its name says"},
		{name: "VRT in a zip, under the name of a KML", content: zipped(t, "a", map[string][]byte{".kml": []byte(`<OGRVRTDataSource><OGRVRTLayer name="x"><SrcDataSource>/etc/passwd</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>`)}), want: "damaged"},
		{name: "VRT under the name of a shapefile", content: zipped(t, "a", with(shp, ".shp", []byte(`<OGRVRTDataSource/>`))), want: "damaged"},
		{name: "bare .shp", content: shp[".shp"], want: "zip its .shp"},
		{name: "bare .dbf", content: shp[".dbf"], want: "zip its .shp"},
		{name: "without .dbf", content: zipped(t, "a", without(shp, ".dbf")), want: `lacks ".dbf"`},
		{name: "without .shx", content: zipped(t, "a", without(shp, ".shx")), want: `lacks ".shx"`},
		{name: "without both", content: zipped(t, "a", map[string][]byte{".shp": shp[".shp"]}), want: `lacks ".shx", ".dbf"`},
		{name: "parts of others", content: zipped(t, "a", with(shp, ".dbf", plain(t, []byte("x"))[".dbf"])), want: "do not belong together"},
		{name: ".shp cut", content: zipped(t, "a", cut(".shp", 150)), want: "damaged"},
		{name: ".shp empty", content: zipped(t, "a", cut(".shp", 0)), want: "damaged"},
		{name: ".shx cut", content: zipped(t, "a", cut(".shx", 108)), want: "damaged"},
		{name: ".dbf cut", content: zipped(t, "a", cut(".dbf", len(shp[".dbf"])-30)), want: "attribute table"},
		{name: ".dbf without rows", content: zipped(t, "a", cut(".dbf", 20)), want: "attribute table"},
		{name: "shape with a million parts", content: zipped(t, "a", with(shp, ".shp", million(shp[".shp"]))), want: "damaged"},
		{name: "two shapefiles", content: archive(t, map[string][]byte{"甲.shp": nil, "b/乙.SHP": nil}), want: `several data sets, "b/乙.SHP", "甲.shp"`},
		{name: "zip of something else", content: archive(t, map[string][]byte{"成绩.xlsx": nil}), want: `it holds "成绩.xlsx"`},
		{name: "empty zip", content: archive(t, nil), want: "holds nothing"},
		{name: "zip that climbs", content: archive(t, map[string][]byte{"../../etc/cron.d/x": []byte("x"), "a.kml": []byte(kml)}), want: `leaves its folder, "../../etc/cron.d/x"`},
		{name: "zip that climbs as in Windows", content: archive(t, map[string][]byte{`..\a.kml`: []byte(kml)}), want: "leaves its folder"},
		{name: "zip with a path from the root", content: archive(t, map[string][]byte{"/etc/a.kml": []byte(kml)}), want: "leaves its folder"},
		{name: "zip cut", content: zipped(t, "a", shp)[:700], want: "zip file upload is damaged"},
		{name: "zip with a false checksum", content: flip(archive(t, map[string][]byte{"a.kml": []byte(kml)}), 200), want: "damaged"},
		{name: "zip with a password", content: encrypted, want: "password"},
		{name: "zip bomb", content: zeros, limits: Limits{DiskBytes: 8 << 20}, kind: grids.TooLarge, want: "unpacks to more than 8 MiB"},
		{name: "zip of too many", content: archive(t, members), kind: grids.TooLarge, want: "1000 members"},
		{name: "file over the limit", content: make([]byte, 2<<20), limits: Limits{DiskBytes: 1 << 20}, kind: grids.TooLarge, want: "split it"},
		{name: "GeoPackage cut", content: gpkg[:len(gpkg)/2], want: "damaged"},
		{name: "SQLite header alone", content: gpkg[:100], want: "damaged"},
		{name: "GeoPackage with two layers", content: layered(t, "POLYGON"), want: `choose one: "first", "second"`},
		{name: "layer that is not there", content: gpkg, opts: Options{Layer: "x"}, want: `it has "网格"`},
		{name: "encoding that is not there", content: gpkg, opts: Options{Encoding: "Klingon"}, want: `"Klingon" is not known`},
		{name: "KML cut", content: []byte(kml[:700]), want: "damaged"},
		{name: "KML with entities that explode", content: laughs(), want: "damaged"},
		{name: "question marks", content: zipped(t, "a", plain(t, []byte("????"))), want: `characters of column 1 (name) of upload are lost`},
		{name: "question marks, sample", content: zipped(t, "a", plain(t, []byte("??? 1"))), want: `as in "??? 1"`},
		{name: "replacement characters", content: zipped(t, "a", plain(t, []byte("\xef\xbf\xbd\xef\xbf\xbd"))), want: "are lost"},
		{name: "question marks for a name", content: zipped(t, "a", renamed(plain(t, []byte("x")), "????")), want: `column 1 (????) of upload are lost`},
		{name: "neither UTF-8 nor GBK", content: zipped(t, "a", plain(t, []byte("caf\xff x"))), want: "neither UTF-8 nor GB18030"},
		{name: "not what was asked for", content: zipped(t, "a", plain(t, gbk(t, "网格 x"))), opts: Options{Encoding: "UTF-8"}, want: "row 1, column name of upload: the text is not UTF-8"},
	} {
		path := filepath.Join(t.TempDir(), "upload")
		if err := os.WriteFile(path, test.content, 0o600); err != nil {
			t.Fatal(err)
		}
		if test.kind == grids.Internal {
			test.kind = grids.Invalid
		}
		_, rows, err := everything(t, Reader{Program: program, Limits: test.limits}, path, test.opts)
		if err == nil || grids.KindOf(err) != test.kind || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %d rows, %v %v; want %q", test.name, len(rows), grids.KindOf(err), err, test.want)
		}
	}
	_, err := Reader{Program: program}.Open(t.Context(), "/nowhere", Options{})
	if grids.KindOf(err) != grids.NotFound {
		t.Errorf("no file: %v", err)
	}
	_, err = Reader{Program: program}.Open(t.Context(), t.TempDir(), Options{})
	if grids.KindOf(err) != grids.Invalid {
		t.Errorf("a folder: %v", err)
	}
	_, err = Reader{Program: "/nowhere/wangge-reader"}.Open(t.Context(), file(t, "x", gpkg), Options{})
	if grids.KindOf(err) != grids.Unavailable || !strings.Contains(err.Error(), "make build") {
		t.Errorf("no program: %v", err)
	}
}

// million is a .shp whose first polygon claims a million parts.
func million(shp []byte) []byte {
	shp = bytes.Clone(shp)
	binary.LittleEndian.PutUint32(shp[100+8+36:], 1<<20)
	return shp
}

func flip(b []byte, at int) []byte {
	b[at] ^= 0xff
	return b
}

// renamed gives the first column of a shapefile another name.
func renamed(files map[string][]byte, name string) map[string][]byte {
	files = maps.Clone(files)
	copy(files[".dbf"][32:43], append([]byte(name), make([]byte, 11-len(name))...))
	return files
}

// laughs is a KML whose entities unfold to 10^9 characters.
func laughs() []byte {
	var b strings.Builder
	b.WriteString("<?xml version=\"1.0\"?><!DOCTYPE kml [<!ENTITY e0 \"ha\">")
	for i := range 9 {
		fmt.Fprintf(&b, "<!ENTITY e%d \"%s\">", i+1, strings.Repeat(fmt.Sprintf("&e%d;", i), 10))
	}
	b.WriteString(`]><kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark><name>&e9;</name></Placemark></Document></kml>`)
	return []byte(b.String())
}

// placemarks is a KML of n points.
func placemarks(n int) []byte {
	const one = `<Placemark><name>x</name><Point><coordinates>121.5,31.6</coordinates></Point></Placemark>`
	return []byte(`<kml xmlns="http://www.opengis.net/kml/2.2"><Document>` + strings.Repeat(one, n) + `</Document></kml>`)
}

// TestBombs: what needs too much memory, computing or output ends the child, and the next file is read as ever.
func TestBombs(t *testing.T) {
	temporary(t)
	path := file(t, "big.kml", placemarks(300_000))
	for _, test := range []struct {
		name   string
		limits Limits
		kind   grids.Kind
	}{
		{"memory", Limits{MemoryBytes: 64 << 20}, grids.Invalid},
		{"computing", Limits{CPU: time.Second}, grids.TooLarge},
		{"output", Limits{OutputBytes: 1 << 20}, grids.TooLarge},
	} {
		_, rows, err := everything(t, Reader{Program: program, Limits: test.limits}, path, Options{})
		if grids.KindOf(err) != test.kind || err == nil {
			t.Errorf("%s: %d rows, %v %v", test.name, len(rows), grids.KindOf(err), err)
		}
	}
	if _, rows, err := everything(t, Reader{Program: program}, file(t, "a.kml", []byte(kml)), Options{}); err != nil || len(rows) != 4 {
		t.Errorf("afterwards: %d rows, %v", len(rows), err)
	}
}

// script is a program that plays a reader gone wrong.
func script(t *testing.T, body string) string {
	t.Helper()
	path := file(t, "wangge-reader", []byte("#!/bin/sh\n"+body+"\n"))
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestReaderGoneWrong: a reader that was taken over can do no more than fail.
func TestReaderGoneWrong(t *testing.T) {
	temporary(t)
	path := file(t, "网格.zip", []byte("x"))
	failure := func(json string) string {
		return fmt.Sprintf(`printf 'X\000\000\000\%03o%%s' '%s'`, len(json), json)
	}
	for _, test := range []struct {
		name, body string
		limits     Limits
		kind       grids.Kind
		want       string
	}{
		{"says nothing", "exit 0", Limits{}, grids.Invalid, "could not be read to its end"},
		{"crashes", "kill -SEGV $$", Limits{}, grids.Invalid, "could not be read to its end"},
		{"babbles", "head -c 100000 /dev/urandom", Limits{}, grids.Invalid, "could not be read to its end"},
		{"never stops", "while :; do printf 'R\\000\\000\\000\\001x'; done", Limits{OutputBytes: 1000}, grids.Invalid, "could not"},
		{"claims a huge frame", "printf 'H\\377\\377\\377\\377'", Limits{}, grids.Invalid, "could not"},
		{"hangs", "exec sleep 60", Limits{Wait: 200 * time.Millisecond}, grids.TooLarge, "took longer than 200ms"},
		{"hangs in a child of its own", "sleep 60 & sleep 60", Limits{Wait: 200 * time.Millisecond}, grids.TooLarge, "took longer"},
		{"makes up an error", failure(`{"Code":"your password please"}`), Limits{}, grids.Internal, "failed on 网格.zip: see the server's log"},
		{"speaks to the user", failure(`{"Code":"layers","Details":["` + "PGgxPmV2aWw8L2gxPgobWzMxbQ==" + `"],"Log":"secret"}`), Limits{}, grids.Invalid, `"<h1>evil</h1>??[31m"`},
	} {
		_, _, err := everything(t, Reader{Program: script(t, test.body), Limits: test.limits}, path, Options{})
		if err == nil || grids.KindOf(err) != test.kind || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "secret") || !utf8.ValidString(err.Error()) {
			t.Errorf("%s: %v %v; want %q", test.name, grids.KindOf(err), err, test.want)
		}
	}
}

// TestCancel: the end of the context is the end of the child, before and while it speaks.
func TestCancel(t *testing.T) {
	temporary(t)
	path := file(t, "a.kml", []byte(kml))
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(100*time.Millisecond, cancel)
	_, err := Reader{Program: script(t, "exec sleep 60")}.Open(ctx, path, Options{})
	if !errors.Is(err, context.Canceled) || grids.KindOf(err) != grids.Unavailable {
		t.Errorf("before: %v", err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	s, err := Reader{Program: program}.Open(ctx, file(t, "b.kml", placemarks(20_000)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	rows := 0
	for _, err = range s.Records() {
		if rows++; rows == 5 {
			cancel()
		}
	}
	if !errors.Is(err, context.Canceled) || rows >= 20_000 {
		t.Errorf("while reading: %d rows, %v", rows, err)
	}
}

// TestClose: a stream may be left in the middle, and closed twice; records end then.
func TestClose(t *testing.T) {
	temporary(t)
	s, err := Reader{Program: program}.Open(t.Context(), file(t, "a.kml", []byte(kml)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range s.Records() {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	for range s.Records() {
		t.Error("a record after Close")
	}
}

// TestTogether: many files at once do not disturb each other.
func TestTogether(t *testing.T) {
	temporary(t)
	path := file(t, "a.kml", []byte(kml))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, rows, err := everything(t, Reader{Program: program}, path, Options{}); err != nil || len(rows) != 4 {
				t.Errorf("%d rows, %v", len(rows), err)
			}
		})
	}
	all.Wait()
}
