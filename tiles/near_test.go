package tiles

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/paulmach/orb"

	"wangge/grids"
	"wangge/grids/disclosure"
	"wangge/grids/mesh"
)

// marks is n findings around two places, the first half in town A, the others in town B, each in the state of its number; every third is a
// plot.
func marks(n int) (t grids.Table, found []Found) {
	r := rand.New(rand.NewPCG(7, 7))
	t.Columns = []string{"id", "kind", "state", "_token"}
	for i := range n {
		at := Found{grids.Place{Town: "A", Village: fmt.Sprint("A", i%3), Grid: "G"}, grids.FindingStates[i%len(grids.FindingStates)]}
		p := orb.Point{here[0] + 0.02*r.Float64(), here[1] + 0.02*r.Float64()}
		if i >= n/2 {
			at.Town, at.Village = "B", fmt.Sprint("B", i%3)
			p = orb.Point{there[0] + 0.02*r.Float64(), there[1] + 0.02*r.Float64()}
		}
		f := grids.Feature{ID: FindingID(fmt.Sprint(i)), Geometry: p, Values: []any{fmt.Sprint("finding ", i), "poppy", string(at.State), "secret"}}
		if i%3 == 0 {
			f.Geometry = orb.Polygon{rect(p[0], p[1], p[0]+0.0005, p[1]+0.0005)}
		}
		t.Features, found = append(t.Features, f), append(found, at)
	}
	return t, found
}

// open is the findings that a class sees by cells of resolution res.
func open(t testing.TB, n, res int) *Near {
	t.Helper()
	table, found := marks(n)
	return NewNear(table, found, res, bands, Stamp{})
}

// Within the area findings are as they are, outside of it a reader learns of each cell that there are some, in which state the one is that
// has most left to do, and how many when they are enough; of the findings themselves nothing.
func TestNearShowsTheAreaExactly(t *testing.T) {
	const n = 120
	table, found := marks(n)
	layer, _ := Find(Findings)
	plain, err := NewSnapshot(layer, table, Stamp{})
	if err != nil {
		t.Fatal(err)
	}
	exact := map[uint64]grids.Feature{}
	for _, f := range rowsOf(t, plain) {
		exact[f.ID] = f
	}
	for _, c := range []struct {
		name  string
		areas []grids.Scope
		holds func(i int) bool
	}{
		{"nothing", nil, func(int) bool { return false }},
		{"a town", []grids.Scope{{Level: grids.LevelTowns, Code: "A"}}, func(i int) bool { return i < n/2 }},
		{"two villages", []grids.Scope{{Level: grids.LevelVillages, Code: "A1"}, {Level: grids.LevelVillages, Code: "B2"}}, func(i int) bool {
			return i < n/2 && i%3 == 1 || i >= n/2 && i%3 == 2
		}},
		{"another town", []grids.Scope{{Level: grids.LevelTowns, Code: "C"}}, func(int) bool { return false }},
		{"all", []grids.Scope{{Level: grids.LevelDistrict}}, func(int) bool { return true }},
	} {
		for _, res := range []int{0, 7, 8} {
			near := NewNear(table, found, res, bands, Stamp{Generation: "near"})
			s, err := near.Within(c.areas)
			if err != nil || s.Stamp().Generation != "near" || !slices.Equal(s.columns, []string{"id", "kind", "state", "cell", "findings", "findings_to"}) {
				t.Fatalf("%s: columns %v, %v", c.name, s.columns, err)
			}
			want := map[mesh.Cell][]int{}
			for i, f := range table.Features {
				if c.holds(i) || res == 0 {
					continue
				}
				cell, err := mesh.At(f.Geometry.Bound().Center(), res)
				if err != nil {
					t.Fatal(err)
				}
				want[cell] = append(want[cell], i)
			}
			inside := 0
			for _, row := range rowsOf(t, s) {
				if row.ID >= maxID {
					t.Fatalf("id %d", row.ID)
				}
				if was, ok := exact[row.ID]; ok {
					if inside++; !reflect.DeepEqual(row.Geometry, was.Geometry) || !slices.Equal(row.Values, append(slices.Clone(was.Values), nil, nil, nil)) {
						t.Errorf("%s: %v, want %v", c.name, row, was)
					}
					continue
				}
				cell, err := mesh.ParseCell(row.Values[3].(string))
				if err != nil || cell.Resolution() != res || len(want[cell]) == 0 || row.ID < nearID {
					t.Fatalf("%s: cell %v, %v", c.name, row.Values, err)
				}
				at, middle := row.Geometry.(orb.MultiPoint)[0], cell.Center()
				first := len(grids.FindingStates)
				for _, i := range want[cell] {
					first = min(first, i%len(grids.FindingStates))
				}
				values := []any{nil, nil, string(grids.FindingStates[first]), cell.String(), nil, nil}
				if many := len(want[cell]); many >= 5 {
					values[4], values[5] = bandOf(many)
				}
				if !slices.Equal(row.Values, values) || abs(at[0]-middle[0])+abs(at[1]-middle[1]) > 1e-6 {
					t.Errorf("%s: %d findings in %s are shown as %v at %v", c.name, len(want[cell]), cell, row.Values, at)
				}
				delete(want, cell)
			}
			all := 0
			for i := range n {
				if c.holds(i) {
					all++
				}
			}
			if inside != all || len(want) > 0 {
				t.Errorf("%s at %d: %d findings where they are, want %d; %d cells are missing", c.name, res, inside, all, len(want))
			}
		}
	}
}

func abs(v float64) float64 { return max(v, -v) }

// The ids of cells are none that a finding can have, and no two of one resolution are equal.
func TestNearIDs(t *testing.T) {
	var top mesh.Cell
	for i := range 400 { // of all over the earth
		p := orb.Point{-179 + float64(i%20)*18, -85 + float64(i/20)*8.5}
		for _, res := range []int{7, 8} {
			cell, err := mesh.At(p, res)
			if err != nil {
				t.Fatal(err)
			}
			if id := nearID | hexagonID(cell); id >= maxID || id < nearID || FindingID(cell.String()) >= nearID {
				t.Fatalf("cell %s has the id %d", cell, id)
			}
			top = cell
		}
	}
	seen := map[uint64]bool{}
	for _, cell := range top.Parent(4).Children(8) {
		seen[nearID|hexagonID(cell)] = true
	}
	if want := len(top.Parent(4).Children(8)); len(seen) != want {
		t.Errorf("%d ids of %d cells", len(seen), want)
	}
}

// nearSet is a set for readers who see findings in their own area alone.
func nearSet(t testing.TB, n int) *Set {
	t.Helper()
	s := NewSet(64 << 20)
	if ground := s.Publish(Change{Near: open(t, n, 8)}); !slices.Equal(ground, []Ground{Everywhere(Findings)}) {
		t.Errorf("ground %v", ground)
	}
	return s
}

// No reader gets a tile that was cut for other areas, whoever asks first, also while many ask at once.
func TestAreasDoNotShareTiles(t *testing.T) {
	areas := map[string][]grids.Scope{"none": nil, "A": {{Level: grids.LevelTowns, Code: "A"}}, "B": {{Level: grids.LevelTowns, Code: "B"}}, "village": {{Level: grids.LevelVillages, Code: "A"}},
		"both": {{Level: grids.LevelTowns, Code: "A"}, {Level: grids.LevelTowns, Code: "B"}}}
	table, _ := marks(60)
	exact := map[uint64]int{}
	for i, f := range table.Features {
		exact[f.ID] = i
	}
	s := nearSet(t, 60)
	for range 3 { // the second and the third time out of memory
		for name, scopes := range areas {
			for _, z := range []int{8, 12} {
				for _, place := range []orb.Point{here, there} {
					r := at(place, z, Findings)
					r.Within = scopes
					raw, err := s.mustTile(t, r).Raw()
					if err != nil {
						t.Fatal(err)
					}
					for id := range decoded(t, raw) {
						i, ok := exact[id]
						mine := name == "both" || name == "A" && i < 30 || name == "B" && i >= 30
						if ok && !mine {
							t.Fatalf("area %s is shown finding %d of %s", name, i, table.Features[i].Values[0])
						}
					}
				}
			}
		}
	}
	tiles := map[string]string{}
	for name, scopes := range areas {
		r := at(here, 12, Findings)
		r.Within = scopes
		tiles[name] = s.mustTile(t, r).ETag
	}
	if tiles["A"] == tiles["none"] || tiles["A"] == tiles["B"] || tiles["B"] != tiles["none"] || tiles["village"] != tiles["none"] {
		t.Errorf("tags %v", tiles)
	}
	other := at(here, 12, "labels", Findings)
	if s.Missing(); s.now.Load().has("labels") {
		t.Fatal("labels are loaded")
	} else if _, err := s.Tile(t.Context(), other); grids.KindOf(err) != grids.Unavailable {
		t.Errorf("with a layer that is not loaded: %v", err)
	}
	if slices.Contains(s.Missing(), Findings) {
		t.Error("findings are missing")
	}
	keys := map[string]string{}
	for name, scopes := range areas {
		key := Request{Layers: []string{Findings}, Z: 9, Within: scopes}.key()
		if was, ok := keys[key]; ok {
			t.Errorf("%s and %s are one", was, name)
		}
		keys[key] = name
	}
	if a, b := (Request{Layers: []string{"grids"}, Within: areas["A"]}).key(), (Request{Layers: []string{"grids"}}).key(); a != b {
		t.Error("the grids are cut for every area")
	}
}

// A change of the findings with its ground lets go of the tiles on it, of every area, and of no others.
func TestNearChangesOnItsGround(t *testing.T) {
	s := nearSet(t, 60)
	mine := []grids.Scope{{Level: grids.LevelTowns, Code: "A"}}
	ask := func() (out [4]Tile) {
		for i, place := range []orb.Point{{here[0] + 0.01, here[1] + 0.01}, {there[0] + 0.01, there[1] + 0.01}} {
			r := at(place, 12, Findings)
			out[2*i] = s.mustTile(t, r)
			r.Within = mine
			out[2*i+1] = s.mustTile(t, r)
		}
		return out
	}
	was := ask()
	table, found := marks(60)
	table.Features, found = table.Features[1:], found[1:]
	cell, err := mesh.At(orb.Point{here[0] + 0.01, here[1] + 0.01}, 8)
	if err != nil {
		t.Fatal(err)
	}
	ground := s.Publish(Change{Near: NewNear(table, found, 8, bands, Stamp{}), Ground: []Ground{GroundOf(Findings, cell)}})
	if len(ground) != 1 || ground[0] != GroundOf(Findings, cell) {
		t.Errorf("ground %v", ground)
	}
	now := ask()
	for i := range was {
		if same(was[i], now[i]) != (i >= 2) {
			t.Errorf("tile %d is the same rendering: %v", i, same(was[i], now[i]))
		}
	}
	if was[1].ETag == now[1].ETag {
		t.Error("a finding is gone and the tile of its area is as before")
	}
	if ground := s.Publish(Change{Cube: NewCube(nil, numbers, Stamp{})}); slices.Contains(ground, Everywhere(Findings)) || !same(now[0], ask()[0]) {
		t.Errorf("another change: ground %v", ground)
	}
	if _, ok := s.Snapshot(Findings); ok {
		t.Error("findings that are not for everybody are handed out")
	}
}

// The ground of a cell holds all that is drawn of it.
func TestGroundOfHoldsTheCell(t *testing.T) {
	for _, f := range must(marks(40)) {
		for _, res := range []int{7, 8} {
			cell, err := mesh.At(f.Geometry.Bound().Center(), res)
			if err != nil {
				t.Fatal(err)
			}
			g := GroundOf(Findings, cell)
			b, ok := g.Bounds()
			box := orb.Bound{Min: orb.Point{b[0], b[1]}, Max: orb.Point{b[2], b[3]}}
			if !ok || g.Layer != Findings || !box.Contains(cell.Center()) || box.Union(cell.Boundary().Bound()) != box || box.Max[0]-box.Min[0] > 2*(cell.Boundary().Bound().Max[0]-cell.Boundary().Bound().Min[0]) {
				t.Errorf("cell %s at %v, its ground is %v", cell, cell.Boundary().Bound(), b)
			}
		}
	}
}

func must(t grids.Table, _ []Found) []grids.Feature { return t.Features }

// However many areas there are, so many snapshots are kept and no more, and each is that of its area.
func TestManyAreas(t *testing.T) {
	near := open(t, 60, 8)
	a := []grids.Scope{{Level: grids.LevelTowns, Code: "A"}}
	first, err := near.Within(a)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := near.Within(slices.Clone(a)); err != nil || again != first {
		t.Errorf("made twice, %v", err)
	}
	for i := range 3 * maxAreas {
		if _, err := near.Within([]grids.Scope{{Level: grids.LevelVillages, Code: fmt.Sprint(i)}}); err != nil || len(near.made) > maxAreas {
			t.Fatalf("%d are kept, %v", len(near.made), err)
		}
	}
	again, err := near.Within(a)
	if err != nil || !reflect.DeepEqual(rowsOf(t, again), rowsOf(t, first)) {
		t.Errorf("made again it is another, %v", err)
	}
	table, found := marks(6)
	table.Features[3].Geometry = nil
	if _, err := NewNear(table, found, 0, disclosure.Rule{}, Stamp{}).Within([]grids.Scope{{Level: grids.LevelDistrict}}); grids.KindOf(err) != grids.Internal || err == nil {
		t.Errorf("a finding without a place: %v", err)
	}
}

// The box of the findings of those who do not see them says nothing of where they are.
func TestTileJSONOfNearIsThatOfTheDistrict(t *testing.T) {
	s := nearSet(t, 4)
	s.Publish(Change{Snapshots: []*Snapshot{demoSnapshot(t, "district")}})
	got, err1 := s.TileJSON([]string{Findings}, "x")
	want, err2 := s.TileJSON([]string{"district"}, "x")
	if err1 != nil || err2 != nil || got.Bounds != want.Bounds {
		t.Errorf("bounds %v, want %v, %v, %v", got.Bounds, want.Bounds, err1, err2)
	}
	for _, name := range nearColumns {
		if got.VectorLayers[0].Fields[name] == "" {
			t.Errorf("the field %s is not described", name)
		}
	}
}

// Two lines that begin at one snapshot are followed by other rows, by turns: each gives the tiles of its own rows, and neither has
// anything of the other's.
func TestForksDoNotDisturbEachOther(t *testing.T) {
	layer, _ := Find("grids")
	demo := demoTable(t, "grids")
	demo.Features = demo.Features[:90]
	start := snapshotOf(t, "grids", demo)
	r := rand.New(rand.NewPCG(3, 4))
	type line struct {
		now  *Snapshot
		rows map[uint64]grids.Feature
	}
	rows := map[uint64]grids.Feature{}
	for _, f := range demo.Features {
		rows[f.ID] = f
	}
	lines := []*line{{start, rows}, {start.Fork(), maps.Clone(rows)}, {start.Fork(), maps.Clone(rows)}}
	lines = append(lines, &line{lines[2].now.Fork(), maps.Clone(rows)})
	if before := tilesOf(start); !sameTiles(before, tilesOf(lines[1].now)) || lines[1].now.Stamp().Generation != start.Stamp().Generation {
		t.Fatal("a fork is not what it was made of")
	}
	for step := range 60 {
		l := lines[step%len(lines)]
		change := grids.Table{Columns: demo.Columns}
		for id := range l.rows {
			if r.IntN(8) == 0 {
				f := grids.Feature{ID: id, Values: []any{fmt.Sprint("line ", step%len(lines), " step ", step), fmt.Sprint(r.IntN(5)), r.Float64(), nil}}
				change.Features = append(change.Features, f)
				f.Geometry = l.rows[id].Geometry
				l.rows[id] = f
			}
		}
		next, _, err := l.now.With(change, nil, Stamp{})
		if err != nil {
			t.Fatal(err)
		}
		l.now = next
		for i, other := range lines {
			m := rowsModel{columns: demo.Columns, rows: other.rows}
			fresh, err := NewSnapshot(layer, m.table(r), Stamp{})
			if err != nil {
				t.Fatal(err)
			}
			if !sameTiles(tilesOf(other.now), tilesOf(fresh)) {
				t.Fatalf("step %d: line %d is not that of its rows", step, i)
			}
		}
	}
	for at, shape := range shapesOf(lines[1].now) {
		if shapesOf(start)[at] != shape {
			t.Error("a fork has outlines of its own")
			break
		}
	}
	if _, _, err := start.With(grids.Table{Columns: demo.Columns}, nil, Stamp{}); grids.KindOf(err) != grids.Internal {
		t.Errorf("one that is not the latest of its line: %v", err)
	}
}

// tilesOf is some tiles of a snapshot.
func tilesOf(s *Snapshot) (out [][]byte) {
	for z := 7; z <= 11; z += 2 {
		for _, m := range tilesOver(chongming, z) {
			out = append(out, cutTile(s, z, int(m.X), int(m.Y)))
		}
	}
	return out
}

func sameTiles(a, b [][]byte) bool { return slices.EqualFunc(a, b, bytes.Equal) }
