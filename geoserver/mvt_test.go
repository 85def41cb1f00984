package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb"
	"github.com/paulmach/orb/encoding/mvt"
	"github.com/paulmach/orb/geojson"
	"github.com/paulmach/orb/maptile"
	"github.com/paulmach/orb/planar"

	"wangge/grids"
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
	conn, err := pgx.Connect(t.Context(), s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	var asMVT []string
	layers := []string{"district", "towns", "villages", "grids", "surveys"}
	for _, layer := range layers {
		asMVT = append(asMVT, oracle(t, conn, layer))
	}
	compared := 0
	for z := 6; z <= 14; z++ {
		for _, path := range tilesOver(z, 121.16, 31.26, 122.09, 31.87) {
			zz, x, y := zxy(path)
			var want []byte
			if err := conn.QueryRow(t.Context(), "select "+strings.Join(asMVT, " || "), zz, x, y).Scan(&want); err != nil {
				t.Fatal(err)
			}
			theirs, err := mvt.Unmarshal(want)
			if err != nil {
				t.Fatal(err)
			}
			ours := s.layers(t, "/tiles/"+strings.Join(layers, ",")+"/"+path+".mvt")
			for _, l := range theirs {
				compared += compare(t, path, l, ours[l.Name])
			}
		}
	}
	if compared < 10_000 {
		t.Errorf("only %d features were compared", compared)
	}
}

// The layers of points, at zooms where nothing is too small to see: the very same ids.
func testPointsAgreeWithPostGIS(t *testing.T, s *server) {
	conn, err := pgx.Connect(t.Context(), s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	for _, layer := range []string{"findings", "labels"} {
		sql, compared := oracle(t, conn, layer), 0
		for _, path := range tilesOver(14, 121.16, 31.26, 122.09, 31.87) {
			z, x, y := zxy(path)
			var want []byte
			if err := conn.QueryRow(t.Context(), "select "+sql, z, x, y).Scan(&want); err != nil {
				t.Fatal(err)
			}
			theirs, err := mvt.Unmarshal(want)
			if err != nil {
				t.Fatal(err)
			}
			ids := func(l *mvt.Layer) (list []uint64) {
				for _, f := range featuresOf(l) {
					list = append(list, id(f))
				}
				slices.Sort(list)
				return list
			}
			var w []uint64
			for _, l := range theirs {
				w = ids(l)
			}
			if got := ids(s.layers(t, "/tiles/"+layer+"/"+path+".mvt")[layer]); !slices.Equal(got, w) {
				t.Errorf("%s %s: %v, PostGIS has %v", layer, path, got, w)
			}
			compared += len(w)
		}
		if compared < 100 {
			t.Errorf("only %d features of %s were compared", compared, layer)
		}
	}
}

// oracle puts a layer's rows into a temporary table and returns the expression that makes its tile $1/$2/$3.
func oracle(t testing.TB, conn *pgx.Conn, layer string) string {
	t.Helper()
	sql, _ := tiles.SQL(layer)
	sql = strings.TrimSuffix(strings.TrimSpace(sql), ";")
	if _, err := conn.Exec(t.Context(), "set search_path = wangge, public"); err != nil {
		t.Fatal(err)
	}
	// CREATE TABLE AS takes no parameters: both are our own numbers
	sql = strings.NewReplacer("@district", "310151", "@today", "'"+grids.DayOf(time.Now()).String()+"'").Replace(sql)
	if _, err := conn.Exec(t.Context(), `create temporary table mvt_`+layer+` as select l.*, ST_Transform(l.geom, 3857) as g from (`+sql+`) l`); err != nil {
		t.Fatal(err)
	}
	rows, err := conn.Query(t.Context(), `select * from mvt_`+layer+` limit 0`)
	if err != nil {
		t.Fatal(err)
	}
	var attributes []string
	for _, f := range rows.FieldDescriptions() {
		if !slices.Contains([]string{"fid", "geom", "g", "minzoom"}, f.Name) {
			attributes = append(attributes, f.Name)
		}
	}
	rows.Close()
	return fmt.Sprintf(`coalesce((select ST_AsMVT(q, '%[1]s', 4096, 'shape', 'fid') from (select fid, %[2]s, ST_AsMVTGeom(g, ST_TileEnvelope($1, $2, $3), 4096, 128, true) as shape
		from mvt_%[1]s where g && ST_TileEnvelope($1, $2, $3, margin => 128.0 / 4096)) q where shape is not null), '')`, layer, strings.Join(attributes, ", "))
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
