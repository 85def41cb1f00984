package main

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"wangge/geoserver/bench"
	"wangge/geoserver/localpg/pgtest"
	"wangge/tiles"
)

var layerCount = regexp.MustCompile(`(?s)Layer name: (\S+)\n.*?Feature Count: (\d+)`)

// GDAL reads every tile of every layer, and counts the features that we count.
func TestGDALReadsEveryTile(t *testing.T) {
	s := newServer(t)
	var names []string
	for _, l := range tiles.Layers() {
		names = append(names, l.Name)
	}
	dir, compared := pgtest.Folder(t), map[string]int{}
	for z := 6; z <= 12; z++ {
		for _, path := range tilesOver(z, 121.16, 31.26, 122.09, 31.87) {
			res, b := s.do(t, "GET", "/tiles/"+strings.Join(names, ",")+"/"+path+".mvt", nil)
			if res.StatusCode == 204 {
				continue
			}
			ours := map[string]int{}
			for _, name := range names {
				if err := bench.Features(b, name, nil, func(uint64, []any) { ours[name]++ }); err != nil {
					t.Fatalf("%s: %v", path, err)
				}
			}
			theirs := ogrCount(t, filepath.Join(dir, filepath.FromSlash(path)+".mvt"), b)
			if !maps.Equal(ours, theirs) {
				t.Errorf("%s: GDAL reads %v, we %v", path, theirs, ours)
			}
			for name, n := range ours {
				compared[name] += n
			}
		}
	}
	for _, name := range names {
		if compared[name] == 0 {
			t.Errorf("no feature of %s was compared", name)
		}
	}
}

// ogrCount writes a tile to z/x/y.mvt, from which GDAL takes its place, and returns how many features GDAL finds in each layer.
func ogrCount(t *testing.T, path string, tile []byte) map[string]int {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, tile, 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("ogrinfo", "-ro", "-al", "-so", "-oo", "CLIP=NO", "MVT:"+path).CombinedOutput()
	if err != nil || strings.Contains(string(out), "ERROR") || strings.Contains(string(out), "Warning") {
		t.Fatalf("%s: %v\n%s", path, err, out)
	}
	counts := map[string]int{}
	for _, part := range strings.Split(string(out), "\nLayer name: ")[1:] {
		m := layerCount.FindStringSubmatch("Layer name: " + part)
		if m == nil {
			t.Fatalf("ogrinfo says %s", part)
		}
		n, err := strconv.Atoi(m[2])
		if err != nil {
			t.Fatal(fmt.Errorf("%s: %w", m[1], err))
		}
		counts[m[1]] = n
	}
	return counts
}
