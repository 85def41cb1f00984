package tiles

import (
	"cmp"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/encoding/mvt"
	"github.com/paulmach/orb/geojson"
	"github.com/paulmach/orb/maptile"

	"wangge/geoserver/localpg/pgtest"
	"wangge/grids"
	"wangge/tiles/lattice"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// demoFiles is the file of the demo territory that stands for a layer.
var demoFiles = map[string]string{"land": "context_land", "district": "district_synthetic", "towns": "towns_synthetic",
	"villages": "units_synthetic", "grids": "grids_synthetic", "findings": "plots_synthetic", "labels": "unit_label_points"}

// demoTable is the features of a demo file as the rows of its layer; ids count from 1.
func demoTable(t testing.TB, layer string) grids.Table {
	t.Helper()
	b, err := os.ReadFile("../geoserver/demo/chongming/" + demoFiles[layer] + ".geojson")
	if err != nil {
		t.Fatal(err)
	}
	fc, err := geojson.UnmarshalFeatureCollection(b)
	if err != nil {
		t.Fatal(err)
	}
	table := grids.Table{Columns: []string{"code", "name", "area", "synthetic"}}
	for i, f := range fc.Features {
		row := grids.Feature{ID: uint64(i + 1), Geometry: f.Geometry, Values: []any{nil, nil, float64(i) / 8, true}}
		for c, name := range table.Columns[:2] {
			if v, ok := f.Properties[name].(string); ok {
				row.Values[c] = v
			}
		}
		table.Features = append(table.Features, row)
	}
	return table
}

// demoSnapshot is the snapshot of a demo layer.
func demoSnapshot(t testing.TB, layer string) *Snapshot {
	t.Helper()
	return snapshotOf(t, layer, demoTable(t, layer))
}

func snapshotOf(t testing.TB, layer string, table grids.Table) *Snapshot {
	t.Helper()
	l, ok := Find(layer)
	if !ok {
		t.Fatalf("no layer %s", layer)
	}
	s, err := NewSnapshot(l, table, Stamp{Generation: "g", Versions: map[grids.Subject]int64{grids.OnGrids: 1}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// chongming is the box of the demo district.
var chongming = orb.Bound{Min: orb.Point{121.15, 31.27}, Max: orb.Point{122.0, 31.92}}

// tilesOver is the tiles of a zoom that meet the box.
func tilesOver(b orb.Bound, z int) (out []maptile.Tile) {
	nw, se := maptile.At(orb.Point{b.Min[0], b.Max[1]}, maptile.Zoom(z)), maptile.At(orb.Point{b.Max[0], b.Min[1]}, maptile.Zoom(z))
	for x := nw.X; x <= se.X; x++ {
		for y := nw.Y; y <= se.Y; y++ {
			out = append(out, maptile.New(x, y, maptile.Zoom(z)))
		}
	}
	return out
}

// cutTile is the layer's tile, uncompressed.
func cutTile(s *Snapshot, z, x, y int) []byte {
	return new(encoder).appendLayer(nil, s, z, x, y)
}

// decoded is a tile as an independent decoder reads it, by feature id.
func decoded(t failer, tile []byte) map[uint64]*geojson.Feature {
	t.Helper()
	layers, err := mvt.Unmarshal(tile)
	if err != nil {
		t.Fatal(err)
	}
	out := map[uint64]*geojson.Feature{}
	for _, l := range layers {
		for _, f := range l.Features {
			out[uint64(f.ID.(float64))] = f
		}
	}
	return out
}

// rowsOf is what a snapshot shows, by id, as the rows of a table. The rings begin where they do in the snapshot and have its turn.
func rowsOf(t failer, s *Snapshot) (out []grids.Feature) {
	t.Helper()
	n := len(s.columns)
	for _, root := range s.roots {
		root.each(func(l *leaf) {
			for i, f := range l.features[:l.count()] {
				tags := l.tags[i*n : (i+1)*n]
				if n > 0 && tags[0] == noFeature {
					continue
				}
				row := grids.Feature{ID: f.id, Geometry: l.geometry(i)}
				for _, tag := range tags {
					row.Values = append(row.Values, s.values.read(t, tag))
				}
				out = append(out, row)
			}
		})
	}
	slices.SortFunc(out, func(a, b grids.Feature) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// geometry is feature i in degrees.
func (s *shape) geometry(i int) orb.Geometry {
	var points orb.MultiPoint
	var polygons orb.MultiPolygon
	at := s.start(s.features[i].ring)
	for _, r := range s.rings[s.features[i].ring:s.features[i+1].ring] {
		var ring orb.Ring
		for _, p := range s.xy[at:r.end] {
			ring = append(ring, lattice.Unproject(p[0], p[1]))
		}
		at = r.end
		switch {
		case s.features[i].point:
			points = append(points, ring...)
		case r.hole:
			polygons[len(polygons)-1] = append(polygons[len(polygons)-1], append(ring, ring[0]))
		default:
			polygons = append(polygons, orb.Polygon{append(ring, ring[0])})
		}
	}
	if s.features[i].point {
		return points
	}
	return polygons
}

// read is the value of an entry; nil for none.
func (d *dictionary) read(t failer, tag uint32) any {
	t.Helper()
	if tag == noTag {
		return nil
	}
	m, err := parse(d.value(tag))
	if err != nil || len(m) != 1 {
		t.Fatal("a value that is none: ", d.value(tag), err)
	}
	switch f := m[0]; f.number {
	case 1:
		return string(f.b)
	case 3:
		return math.Float64frombits(f.n)
	case 4:
		return int64(f.n)
	case 6:
		return int64(f.n>>1) ^ -int64(f.n&1)
	default:
		return f.n == 1
	}
}

// polygonsOf is the polygons of a geometry.
func polygonsOf(g orb.Geometry) orb.MultiPolygon {
	switch g := g.(type) {
	case orb.Polygon:
		return orb.MultiPolygon{g}
	case orb.MultiPolygon:
		return g
	}
	return nil
}

func TestEveryLayerOfTheCatalogueIsComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, l := range Layers() {
		if seen[l.Name] || l.Title.ZH == "" || l.Title.EN == "" || len(l.Subjects) == 0 || l.MaxZoom != MaxZoom || l.Fields == nil {
			t.Errorf("layer %s is there twice or incomplete: %+v", l.Name, l)
		}
		seen[l.Name] = true
		if l.Filtered != (l.Name == Heat) {
			t.Errorf("layer %s: filtered %v", l.Name, l.Filtered)
		}
		fields := map[string]bool{}
		for _, f := range l.Fields {
			if fields[f.Name] || f.Title.ZH == "" || f.Title.EN == "" || !strings.Contains("number string boolean", f.Type) {
				t.Errorf("layer %s, field %s is there twice or incomplete", l.Name, f.Name)
			}
			fields[f.Name] = true
		}
	}
	if got, want := strings.Join(Names(), " "), "land district towns villages grids cells surveys heat hexagons findings labels"; got != want {
		t.Errorf("draw order %s, want %s", got, want)
	}
	if _, ok := Find("grid"); ok {
		t.Error("found a layer that does not exist")
	}
	if q, ok := SQL("grids"); !ok || !strings.Contains(q, "select") {
		t.Errorf("SQL of grids: %v %q", ok, q)
	}
	if _, ok := SQL("../tiles"); ok {
		t.Error("SQL reads outside its folder")
	}
}

// failer is what a helper needs of a test, or of a property.
type failer interface {
	Helper()
	Fatal(...any)
}
