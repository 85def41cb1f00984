package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"slices"
	"strings"
	"testing"

	"wangge/importers/sandbox/wire"
)

// TestFormats: a file is what its first bytes say, and nothing is two things.
func TestFormats(t *testing.T) {
	for content, want := range map[string]string{
		"SQLite format 3\x00...": ".gpkg",
		`<kml xmlns="x">`:        ".kml",
		"\xef\xbb\xbf \n<?xml version=\"1.0\" encoding=\"GBK\"?><!-- a <b> --><kml:kml>": ".kml",
		`<!DOCTYPE kml []><kml>`:               ".kml",
		`<OGRVRTDataSource><kml>`:              "",
		`<?xml version="1.0"?><gpx><!-- <kml>`: "",
		"<kml":                                 "",
		"":                                     "",
		"\x00\x00\x27\x0a":                     "",
	} {
		var got []string
		for _, f := range formats() {
			if f.is != nil && f.is([]byte(content)) {
				got = append(got, f.ext)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q is %v; want %q", content, got, want)
		}
	}
}

// TestDrivers: once a file has been opened, GDAL knows the drivers of the format table and no other.
func TestDrivers(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("a.kml", []byte("<kml/>"), 0o600); err != nil {
		t.Fatal(err)
	}
	if d, err := open("a.kml", "LIBKML"); err == nil {
		d.close()
	}
	var want []string
	for _, f := range formats() {
		want = append(want, f.driver)
	}
	got := drivers()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%v; want %v", got, want)
	}
	if d, err := open("a.kml", "VRT"); err == nil {
		d.close()
		t.Error("VRT opened a file")
	}
}

func TestClimbs(t *testing.T) {
	for name, want := range map[string]bool{
		"a.shp": false, "a/b.shp": false, "..a/b..shp": false, "a..b": false, "": false, "...": false,
		"../a": true, "a/../../b": true, "/a": true, `..\a`: true, `a\..\b`: true, `C:\a`: true, "a\x00b": true, "a/..": true,
	} {
		if climbs(name) != want {
			t.Errorf("climbs(%q) = %v", name, !want)
		}
	}
}

// table is a DBF with one text column of four bytes.
func table(rows ...string) []byte {
	b := make([]byte, 65)
	b[0], b[64] = 3, 0x0d
	binary.LittleEndian.PutUint32(b[4:], uint32(len(rows)))
	binary.LittleEndian.PutUint16(b[8:], 65)
	binary.LittleEndian.PutUint16(b[10:], 5)
	copy(b[32:], "name")
	b[32+11], b[32+16] = 'C', 4
	for _, row := range rows {
		b = append(b, row...)
	}
	return b
}

func TestScan(t *testing.T) {
	for _, test := range []struct {
		name string
		rows []string
		want wire.Table
	}{
		{"ASCII", []string{" abcd", " x   "}, wire.Table{UTF8: wire.Reading{Valid: true}, GB18030: wire.Reading{Valid: true}}},
		{"deleted rows do not count", []string{"*\xff\xff\xff\xff", "*????"}, wire.Table{UTF8: wire.Reading{Valid: true}, GB18030: wire.Reading{Valid: true}}},
		{"GBK", []string{" \xcd\xf8\xb8\xf1"}, wire.Table{NonASCII: true, GB18030: wire.Reading{Valid: true}}},
		{"GBK cut", []string{" x\xcd\xf8\xb8"}, wire.Table{NonASCII: true, GB18030: wire.Reading{Valid: true, Cut: 1}}},
		{"GBK broken before the end", []string{" x\xcd\x20\x20"}, wire.Table{NonASCII: true}},
		{"two bytes", []string{" \xc4\xa3  "}, wire.Table{NonASCII: true, UTF8: wire.Reading{Valid: true}, GB18030: wire.Reading{Valid: true}}},
		{"end of text", []string{" \xcd\xf8\x00\xff"}, wire.Table{NonASCII: true, GB18030: wire.Reading{Valid: true}}},
		{"lost", []string{" ????", " ok  "}, wire.Table{UTF8: wire.Reading{Valid: true}, GB18030: wire.Reading{Valid: true}, Lost: []wire.Damage{{Samples: [][]byte{[]byte("????")}}}}},
		{"a question", []string{" ??  ", " ok  ", " no? "}, wire.Table{UTF8: wire.Reading{Valid: true}, GB18030: wire.Reading{Valid: true}}},
	} {
		b := table(test.rows...)
		d, err := openDBF(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			t.Fatal(err)
		}
		var got wire.Table
		if err := d.scan(&got); err != nil {
			t.Fatal(err)
		}
		if got.NonASCII != test.want.NonASCII || got.UTF8 != test.want.UTF8 || got.GB18030 != test.want.GB18030 || got.UTF8Wide ||
			len(got.Lost) != len(test.want.Lost) || len(got.Lost) > 0 && !bytes.Equal(got.Lost[0].Samples[0], test.want.Lost[0].Samples[0]) {
			t.Errorf("%s: %+v; want %+v", test.name, got, test.want)
		}
	}
}

func FuzzDBF(f *testing.F) {
	f.Add(table(" abcd", " \xcd\xf8\xb8\xf1"))
	f.Add(table())
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := openDBF(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		var got wire.Table
		if err := d.scan(&got); err != nil {
			t.Fatalf("a table that was accepted cannot be read: %v", err)
		}
	})
}
