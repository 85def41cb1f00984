package tiles

import (
	"bytes"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/geojson"
	"github.com/paulmach/orb/maptile"
	"github.com/paulmach/orb/planar"
	"pgregory.net/rapid"

	"wangge/grids"
)

// rect is a closed counter-clockwise rectangle.
func rect(w, s, e, n float64) orb.Ring {
	return orb.Ring{{w, s}, {e, s}, {e, n}, {w, n}, {w, s}}
}

func TestSnapshotRefusesBrokenRows(t *testing.T) {
	good := orb.Polygon{rect(121, 31, 122, 32)}
	for _, c := range []struct {
		name string
		row  grids.Feature
		want string
	}{
		{"id too large", grids.Feature{ID: 1 << 53, Geometry: good, Values: []any{"a"}}, "not below 2^53"},
		{"id twice", grids.Feature{ID: 1, Geometry: good, Values: []any{"a"}}, "row 1 has the same id"},
		{"no geometry", grids.Feature{ID: 2, Values: []any{"a"}}, "no geometry"},
		{"empty polygon", grids.Feature{ID: 2, Geometry: orb.MultiPolygon{}, Values: []any{"a"}}, "no polygon"},
		{"no exterior", grids.Feature{ID: 2, Geometry: orb.Polygon{}, Values: []any{"a"}}, "no exterior"},
		{"no points", grids.Feature{ID: 2, Geometry: orb.MultiPoint{}, Values: []any{"a"}}, "no point"},
		{"a line", grids.Feature{ID: 2, Geometry: orb.LineString{{1, 1}, {2, 2}}, Values: []any{"a"}}, "a LineString is neither"},
		{"open ring", grids.Feature{ID: 2, Geometry: orb.Polygon{{{1, 1}, {2, 1}, {2, 2}, {1, 2}}}, Values: []any{"a"}}, "not closed"},
		{"two corners", grids.Feature{ID: 2, Geometry: orb.Polygon{{{1, 1}, {2, 1}, {1, 1}}}, Values: []any{"a"}}, "a ring of 3 points"},
		{"no area", grids.Feature{ID: 2, Geometry: orb.Polygon{{{1, 1}, {2, 1}, {3, 1}, {1, 1}}}, Values: []any{"a"}}, "has no area"},
		{"not on Earth", grids.Feature{ID: 2, Geometry: orb.Point{181, 1}, Values: []any{"a"}}, "no place on Earth"},
		{"not a number", grids.Feature{ID: 2, Geometry: orb.Point{math.NaN(), 1}, Values: []any{"a"}}, "no place on Earth"},
		{"bow tie", grids.Feature{ID: 2, Geometry: orb.Polygon{{{121, 31}, {122, 32}, {122, 31}, {121, 32.5}, {121, 31}}}, Values: []any{"a"}}, "crosses itself"},
		{"hole outside", grids.Feature{ID: 2, Geometry: orb.Polygon{rect(121, 31, 122, 32), rect(122.5, 31, 122.6, 32)}, Values: []any{"a"}}, "crosses itself"},
		{"too few values", grids.Feature{ID: 2, Geometry: good}, "0 values for 1 columns"},
		{"broken text", grids.Feature{ID: 2, Geometry: good, Values: []any{"\xd0"}}, "column name: \"\\xd0\" is not valid UTF-8"},
		{"infinite", grids.Feature{ID: 2, Geometry: good, Values: []any{math.Inf(1)}}, "not a number that can be shown"},
		{"another type", grids.Feature{ID: 2, Geometry: good, Values: []any{int32(1)}}, "a int32 is none of"},
	} {
		layer, _ := Find("grids")
		first := grids.Feature{ID: 1, Geometry: good, Values: []any{"first"}}
		_, err := NewSnapshot(layer, grids.Table{Columns: []string{"name"}, Features: []grids.Feature{first, c.row}}, Stamp{})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "layer grids, row 2") || grids.KindOf(err) != grids.Internal {
			t.Errorf("%s: %v, want row 2 and %q", c.name, err, c.want)
		}
	}
}

func TestSnapshotKeepsItsRows(t *testing.T) {
	table := demoTable(t, "towns")
	s := snapshotOf(t, "towns", table)
	if s.Features() != 21 || s.Layer().Name != "towns" || s.Stamp().Generation != "g" || s.Bytes() < 20000 {
		t.Errorf("%d features, %d bytes, %+v", s.Features(), s.Bytes(), s.Layer())
	}
	for i, f := range rowsOf(t, s) { // the rows of the table are by id
		want := table.Features[i]
		if f.ID != want.ID || !reflect.DeepEqual(f.Values, want.Values) {
			t.Errorf("row %d holds %d %v, want %d %v", i, f.ID, f.Values, want.ID, want.Values)
		}
		for r, ring := range f.Geometry.(orb.MultiPolygon)[0] {
			if theirs := polygonsOf(want.Geometry)[0][r]; math.Abs(planar.Area(ring)+planar.Area(theirs)) > 1e-6*planar.Area(theirs) || len(ring) != len(theirs) {
				t.Errorf("row %d, ring %d: %d corners and area %v, want %d and %v", i, r, len(ring), planar.Area(ring), len(theirs), planar.Area(theirs))
			}
		}
	}
	if empty := snapshotOf(t, "towns", grids.Table{Columns: []string{"code"}}); empty.Features() != 0 || len(cutTile(empty, 6, 53, 26)) != 0 {
		t.Errorf("an empty layer has %d features", empty.Features())
	}
}

// What goes in comes out of an independent decoder: ids, attributes of every type, null left out, and the geometry within a unit.
func TestAttributesAndIDsComeBack(t *testing.T) {
	value := rapid.OneOf(rapid.Just[any](nil), rapid.String().AsAny(), rapid.Bool().AsAny(), rapid.Int64Range(-1<<52, 1<<52).AsAny(),
		rapid.Float64Range(-1e12, 1e12).AsAny(), rapid.SampledFrom([]any{"", "滧", int64(0), int64(-1), 0.0, "a"}))
	layer, _ := Find("labels")
	rapid.Check(t, func(t *rapid.T) {
		table := grids.Table{Columns: []string{"a", "b", "minzoom", "c"}}
		for _, id := range rapid.SliceOfNDistinct(rapid.Uint64Range(0, maxID-1), 1, 30, rapid.ID[uint64]).Draw(t, "ids") {
			p := orb.Point{rapid.Float64Range(121, 121.001).Draw(t, "lon"), rapid.Float64Range(31, 31.001).Draw(t, "lat")}
			table.Features = append(table.Features, grids.Feature{ID: id, Geometry: p,
				Values: []any{value.Draw(t, "a"), value.Draw(t, "b"), rapid.SampledFrom([]any{nil, int64(6), int64(9)}).Draw(t, "minzoom"), value.Draw(t, "c")}})
		}
		s, err := NewSnapshot(layer, table, Stamp{})
		if err != nil {
			t.Fatal(err)
		}
		tile := maptile.At(orb.Point{121.0005, 31.0005}, 8)
		out := cutTile(s, 8, int(tile.X), int(tile.Y))
		if err := rules(out); err != nil {
			t.Fatal(err)
		}
		if err := tidy(out); err != nil {
			t.Fatal(err)
		}
		if again := cutTile(s, 8, int(tile.X), int(tile.Y)); !bytes.Equal(out, again) {
			t.Fatal("the same tile has other bytes the second time")
		}
		got := decoded(t, out)
		for _, f := range table.Features {
			g, there := got[f.ID]
			if late := f.Values[2] == int64(9); there == late {
				t.Fatalf("feature %d with minzoom %v: in the tile %v", f.ID, f.Values[2], there)
			} else if late {
				continue
			}
			want := map[string]any{}
			for i, c := range table.Columns {
				switch v := f.Values[i].(type) {
				case nil:
				case int64:
					want[c] = float64(v)
				default:
					want[c] = v
				}
			}
			delete(want, "minzoom")
			if !maps.Equal(g.Properties, geojson.Properties(want)) {
				t.Fatalf("feature %d: %v, want %v", f.ID, g.Properties, want)
			}
		}
	})
}

// Features come in the order of the tree whatever that of their rows, and layers in that of the request.
func TestOrderDoesNotDependOnThatOfTheRows(t *testing.T) {
	table := demoTable(t, "grids")
	s := snapshotOf(t, "grids", table)
	slices.Reverse(table.Features)
	m := maptile.At(chongming.Center(), 6)
	tile := new(encoder).appendLayer(cutTile(s, 6, int(m.X), int(m.Y)), demoSnapshot(t, "district"), 6, int(m.X), int(m.Y))
	var names []string
	var ids, want []uint64
	for _, l := range mustParse(tile) {
		for _, f := range mustParse(l.b) {
			switch {
			case f.number == 1:
				names = append(names, string(f.b))
			case f.number == 2 && len(names) == 1:
				ids = append(ids, mustParse(f.b)[0].n)
			}
		}
	}
	s.root().each(func(l *leaf) {
		for _, f := range l.features[:l.count()] {
			want = append(want, f.id)
		}
	})
	if strings.Join(names, ",") != "grids,district" || !slices.Equal(ids, want) || len(ids) != 351 {
		t.Errorf("layers %v, %d features %v, want %v", names, len(ids), ids, want)
	}
	for z := 6; z < 14; z++ {
		r := over(z)
		if !bytes.Equal(cutTile(s, z, r.X, r.Y), cutTile(snapshotOf(t, "grids", table), z, r.X, r.Y)) {
			t.Errorf("zoom %d: the tile depends on the order of the rows", z)
		}
	}
}

// A plot is an outline from 2 px on, its centroid below; a polygon of another layer never vanishes.
func TestSmallPolygonsStay(t *testing.T) {
	const side = 0.0003 // about 30 m
	plot := orb.Polygon{rect(121.5, 31.6, 121.5+side, 31.6+side)}
	table := grids.Table{Columns: []string{"id"}, Features: []grids.Feature{{ID: 7, Geometry: plot, Values: []any{"x"}}}}
	for _, c := range []struct {
		layer string
		z     int
		want  string
	}{
		{"findings", 6, "Point"}, {"findings", 10, "Point"}, {"findings", 11, "Point"}, {"findings", 12, "Polygon"}, {"findings", 14, "Polygon"}, {"findings", 16, "Polygon"},
		{"grids", 6, "Polygon"}, {"grids", 8, "Polygon"}, {"grids", 16, "Polygon"},
	} {
		s := snapshotOf(t, c.layer, table)
		m := maptile.At(orb.Point{121.5 + side/2, 31.6 + side/2}, maptile.Zoom(c.z))
		f := decoded(t, cutTile(s, c.z, int(m.X), int(m.Y)))[7]
		if f == nil || f.Geometry.GeoJSONType() != c.want {
			t.Errorf("%s at zoom %d: %+v, want a %s", c.layer, c.z, f, c.want)
			continue
		}
		if p, ok := f.Geometry.(orb.Point); ok {
			unit := 1 / float64(int(1)<<c.z) / 4096 * 360
			west := m.Bound().Min[0]
			if lon := west + p[0]*unit; math.Abs(lon-121.5-side/2) > unit {
				t.Errorf("zoom %d: the centroid is at %v", c.z, lon)
			}
		} else if planar.Area(f.Geometry) < 1 {
			t.Errorf("%s at zoom %d has area %v", c.layer, c.z, planar.Area(f.Geometry))
		}
	}
}

// Extents hold their borders, so those that touch meet.
func TestExtentsThatTouchMeet(t *testing.T) {
	e := extent{10, 20, 30, 40}
	for _, c := range []struct {
		f     extent
		meets bool
	}{
		{e, true}, {extent{0, 0, 10, 20}, true}, {extent{30, 40, 50, 50}, true}, {extent{15, 25, 16, 26}, true}, {extent{0, 0, 50, 50}, true},
		{extent{0, 0, 9, 50}, false}, {extent{31, 0, 50, 50}, false}, {extent{0, 0, 50, 19}, false}, {extent{0, 41, 50, 50}, false}, {nothing, false},
	} {
		if e.meets(c.f) != c.meets || c.f.meets(e) != c.meets {
			t.Errorf("%v and %v meet: %v", e, c.f, !c.meets)
		}
	}
}

// The tree finds what looking at every box finds, and is the one tree of its content: a part is a leaf just when it holds few.
func TestTreeFindsWhatAScanFinds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(what string, most uint32) extent {
			x, y := rapid.Uint32().Draw(t, what+" x"), rapid.Uint32().Draw(t, what+" y")
			w, h := rapid.Uint32Range(0, most).Draw(t, what+" w"), rapid.Uint32Range(0, most).Draw(t, what+" h")
			return extent{x, y, x + min(w, math.MaxUint32-x), y + min(h, math.MaxUint32-y)}
		}
		heap := draw("heap", 1<<20) // many in one place
		rows := make([]row, rapid.IntRange(0, 600).Draw(t, "n"))
		for i := range rows {
			at := extent{uint32(i) * 7000000, uint32(i) * uint32(i) * 11000, uint32(i)*7000000 + 9000000, uint32(i)*uint32(i)*11000 + 5000000}
			if i%3 == 0 || at.maxX < at.minX || at.maxY < at.minY {
				at = heap
			}
			rows[i] = row{id: uint64(i), box: at, at: at.centre()}
		}
		root := grow(slices.Clone(rows), 0, 0)
		checkTree(t, root, 0, len(rows))
		for range 3 {
			e := draw("window", 1<<29)
			found := map[uint64]bool{}
			root.within(e, func(l *leaf) {
				if !l.bounds().meets(e) {
					t.Fatalf("visited a leaf at %v, which does not meet %v", l.bounds(), e)
				}
				for i, f := range l.features[:l.count()] {
					found[f.id] = found[f.id] || l.boxes[i].meets(e)
				}
			})
			for _, r := range rows {
				if found[r.id] != r.box.meets(e) {
					t.Fatalf("feature %d at %v, found in %v: %v", r.id, r.box, e, found[r.id])
				}
			}
		}
	})
}

// checkTree fails unless n is the one tree of what it holds, and holds so many.
func checkTree(t failer, n *node, depth, count int) {
	t.Helper()
	switch {
	case n == nil:
		if count != 0 {
			t.Fatal("there is no tree of ", count)
		}
	case n.n != count || n.leaf != nil != (count <= leafSize || depth == maxDepth):
		t.Fatal("a part at depth ", depth, " says it holds ", n.n, " of ", count, ", a leaf: ", n.leaf != nil)
	case n.leaf != nil:
		if n.leaf.count() != count || n.box != n.leaf.bounds() {
			t.Fatal("a leaf holds ", n.leaf.count(), " of ", count, " in ", n.box, " and ", n.leaf.bounds())
		}
	default:
		box, sum := nothing, 0
		for q, k := range n.kids {
			if k == nil {
				continue
			}
			box, sum = box.with(k.box), sum+k.n
			k.each(func(l *leaf) {
				for _, b := range l.boxes {
					if quarter(b.centre(), depth) != q {
						t.Fatal("a feature at ", b, " is in quarter ", q, " at depth ", depth)
					}
				}
			})
			checkTree(t, k, depth+1, k.n)
		}
		if box != n.box || sum != n.n {
			t.Fatal("a part holds ", n.n, " in ", n.box, ", its quarters ", sum, " in ", box)
		}
	}
}
