package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/encoding/mvt"
	"github.com/paulmach/orb/geojson"
	"github.com/paulmach/orb/maptile"
	"github.com/paulmach/orb/planar"

	"wangge/grids"
	"wangge/grids/postgis"
	"wangge/tiles"
)

func featuresOf(l *mvt.Layer) []*geojson.Feature {
	if l == nil {
		return nil
	}
	return l.Features
}

func tilesOver(z int, west, south, east, north float64) (paths []string) {
	nw, se := maptile.At(orb.Point{west, north}, maptile.Zoom(z)), maptile.At(orb.Point{east, south}, maptile.Zoom(z))
	for x := nw.X; x <= se.X; x++ {
		for y := nw.Y; y <= se.Y; y++ {
			paths = append(paths, fmt.Sprintf("%d/%d/%d", z, x, y))
		}
	}
	return paths
}

// zxy reads a path of tilesOver.
func zxy(path string) (z, x, y int) {
	if _, err := fmt.Sscanf(path, "%d/%d/%d", &z, &x, &y); err != nil {
		panic(err)
	}
	return z, x, y
}

// Every tile of z6–z14 over the district holds the features that ST_AsMVT gives for the same layer: the same ids, the
// same attributes, and the same area within what a unit of the lattice can make of an outline.
func testTilesAgreeWithPostGIS(t *testing.T, s *server) {
	layers := []string{"district", "towns", "villages", "grids", "surveys"}
	theirs := map[string]*postgis.MVTOracle{}
	for _, layer := range layers {
		theirs[layer] = oracle(t, s.store, layer)
	}
	compared := 0
	for z := 6; z <= 14; z++ {
		for _, path := range tilesOver(z, 121.16, 31.26, 122.09, 31.87) {
			zz, x, y := zxy(path)
			ours := s.layers(t, "/tiles/"+strings.Join(layers, ",")+"/"+path+".mvt")
			for _, layer := range layers {
				if want := decodeOracle(t, theirs[layer], zz, x, y); want != nil {
					compared += compare(t, path, want, ours[layer])
				}
			}
		}
	}
	if compared < 10_000 {
		t.Errorf("only %d features were compared", compared)
	}
}

// The layers of points, at zooms where nothing is too small to see: the very same ids.
func testPointsAgreeWithPostGIS(t *testing.T, s *server) {
	for _, layer := range []string{"findings", "labels"} {
		theirs, compared := oracle(t, s.store, layer), 0
		for _, path := range tilesOver(14, 121.16, 31.26, 122.09, 31.87) {
			z, x, y := zxy(path)
			ids := func(l *mvt.Layer) (list []uint64) {
				for _, f := range featuresOf(l) {
					list = append(list, id(f))
				}
				slices.Sort(list)
				return list
			}
			want := ids(decodeOracle(t, theirs, z, x, y))
			if got := ids(s.layers(t, "/tiles/"+layer+"/"+path+".mvt")[layer]); !slices.Equal(got, want) {
				t.Errorf("%s %s: %v, PostGIS has %v", layer, path, got, want)
			}
			compared += len(want)
		}
		if compared < 100 {
			t.Errorf("only %d features of %s were compared", compared, layer)
		}
	}
}

// oracle makes the tiles of a layer in PostGIS.
func oracle(t testing.TB, store *postgis.Store, layer string) *postgis.MVTOracle {
	t.Helper()
	sql, _ := tiles.SQL(layer)
	o, err := store.AsMVT(t.Context(), layer, sql, grids.DayOf(time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = o.Close() })
	return o
}

// decodeOracle is the one layer of the oracle's tile; nil when it is empty.
func decodeOracle(t testing.TB, o *postgis.MVTOracle, z, x, y int) *mvt.Layer {
	t.Helper()
	b, err := o.Tile(t.Context(), z, x, y)
	if err != nil {
		t.Fatal(err)
	}
	layers, err := mvt.Unmarshal(b)
	if err != nil {
		t.Fatal(err)
	}
	if len(layers) == 0 {
		return nil
	}
	return layers[0]
}

// compare holds one layer of a tile against PostGIS and returns how many features both have.
func compare(t *testing.T, path string, want, got *mvt.Layer) (both int) {
	t.Helper()
	ours := map[uint64]*geojson.Feature{}
	for _, f := range featuresOf(got) {
		ours[id(f)] = f
	}
	for _, f := range want.Features {
		o, found := ours[id(f)]
		area := math.Abs(planar.Area(f.Geometry))
		if !found {
			if area > 4 {
				t.Errorf("%s %s: feature %v (%v) with %.1f square units is missing", path, want.Name, id(f), f.Properties["code"], area)
			}
			continue
		}
		both++
		delete(ours, id(f))
		for k, v := range f.Properties {
			if fmt.Sprint(o.Properties[k]) != fmt.Sprint(v) {
				t.Errorf("%s %s %v: %s is %v, PostGIS says %v", path, want.Name, id(f), k, o.Properties[k], v)
			}
		}
		if d := math.Abs(math.Abs(planar.Area(o.Geometry)) - area); d > planar.Length(f.Geometry)+4 {
			t.Errorf("%s %s %v: area differs by %.1f of %.1f square units", path, want.Name, id(f), d, area)
		}
	}
	for _, o := range ours { // what PostGIS dropped as too small
		if a := math.Abs(planar.Area(o.Geometry)); a > 4 {
			t.Errorf("%s %s: feature %v with %.1f square units is not in PostGIS' tile", path, want.Name, id(o), a)
		}
	}
	return both
}

func id(f *geojson.Feature) uint64 {
	n, _ := f.ID.(float64)
	return uint64(n)
}
