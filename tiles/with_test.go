package tiles

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/maptile"
	"pgregory.net/rapid"

	"wangge/grids"
)

// rowsModel is what a layer holds, the slow way, and its snapshot.
type rowsModel struct {
	layer   Layer
	columns []string
	rows    map[uint64]grids.Feature
	now     *Snapshot
}

// table is all rows in an order of its own each time.
func (m *rowsModel) table(r *rand.Rand) grids.Table {
	rows := slices.Collect(maps.Values(m.rows))
	r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	return grids.Table{Columns: m.columns, Features: rows}
}

// step is one change of a layer.
type step struct {
	rows  []grids.Feature // without a geometry: the attributes alone
	gone  []uint64
	moved map[uint64]bool // added, moved or removed
	boxes map[extent]bool // of what changes, before and after
}

// add puts a row into the step and the model.
func (m *rowsModel) add(s *step, f grids.Feature) {
	was, known := m.rows[f.ID]
	changed := f.Geometry != nil || fmt.Sprint(was.Values) != fmt.Sprint(f.Values)
	s.rows = append(s.rows, f)
	if f.Geometry != nil {
		s.moved[f.ID] = true
	} else {
		f.Geometry = was.Geometry
	}
	if changed {
		s.boxes[boxOf(f.Geometry)] = true
		if known {
			s.boxes[boxOf(was.Geometry)] = true
		}
	}
	m.rows[f.ID] = f
}

func (m *rowsModel) remove(s *step, id uint64) {
	if was, ok := m.rows[id]; ok {
		s.boxes[boxOf(was.Geometry)], s.moved[id] = true, true
	}
	delete(m.rows, id)
	s.gone = append(s.gone, id)
}

// boxOf is the box of a geometry as a row has it.
func boxOf(g orb.Geometry) extent {
	r := row{}
	if err := r.shape(g); err != nil {
		panic(err)
	}
	box := nothing
	for _, p := range r.xy {
		box = box.with(extent{p[0], p[1], p[0], p[1]})
	}
	return box
}

// follow makes the next snapshot and holds it against one made from all rows.
func (m *rowsModel) follow(t *rapid.T, s step, r *rand.Rand, windows []maptile.Tile) {
	was := m.now
	next, ground, err := was.With(grids.Table{Columns: m.columns, Features: s.rows}, s.gone, Stamp{Generation: "next"})
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := NewSnapshot(m.layer, m.table(r), Stamp{})
	if err != nil {
		t.Fatal(err)
	}
	if m.now = next; next.Features() != len(m.rows) || next.Stamp().Generation != "next" {
		t.Fatalf("%d features, want %d", next.Features(), len(m.rows))
	}
	checkTree(t, next.root(), 0, len(m.rows))
	for _, g := range ground {
		if g.Layer != m.layer.Name || !s.boxes[g.box] {
			t.Fatalf("ground %v is not that of what changed, %v", g, s.boxes)
		}
	}
	for _, w := range windows {
		z, x, y := int(w.Z), int(w.X), int(w.Y)
		before, after := cutTile(was, z, x, y), cutTile(next, z, x, y)
		if want := cutTile(fresh, z, x, y); !bytes.Equal(after, want) {
			t.Fatalf("tile %v has %d bytes that differ from the %d of a new snapshot", w, len(after), len(want))
		}
		touched := slices.ContainsFunc(ground, func(g Ground) bool { return g.box.meets(tileExtent(z, x, y)) })
		if !touched && !bytes.Equal(before, after) {
			t.Fatalf("tile %v changed without any ground", w)
		}
	}
	old := shapesOf(was)
	for at, shape := range shapesOf(next) {
		if other, ok := old[at]; ok && other != shape && !slices.ContainsFunc(shape.features[:shape.count()], func(f feature) bool { return s.moved[f.id] }) {
			t.Fatalf("leaf %s is made anew although nothing in it moved", at)
		}
	}
}

// shapesOf is the shapes of the leaves by their place in the tree and the ids in them.
func shapesOf(s *Snapshot) map[string]*shape {
	out := map[string]*shape{}
	var walk func(n *node, path string)
	walk = func(n *node, path string) {
		switch {
		case n == nil:
		case n.leaf != nil:
			for _, f := range n.leaf.features[:n.leaf.count()] {
				path += fmt.Sprint(",", f.id)
			}
			out[path] = n.leaf.shape
		default:
			for q, k := range n.kids {
				walk(k, path+fmt.Sprint(q))
			}
		}
	}
	walk(s.root(), "")
	return out
}

// Whatever the way to it, one content has one set of tiles: a snapshot that followed from others gives, byte for byte, those of one that
// was made from all rows in any order. It shares what nothing moved in, and what looks different lies on the ground it names.
func TestSnapshotsThatFollowAreThoseOfTheirRows(t *testing.T) {
	layer, _ := Find(Findings)
	var windows []maptile.Tile
	for _, z := range []maptile.Zoom{6, 9, 11, 13, 14, 16} {
		for _, p := range []orb.Point{{121.503, 31.603}, {121.516, 31.611}} {
			windows = append(windows, maptile.At(p, z))
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		place := func() orb.Point {
			heap := orb.Point{121.5, 31.6}
			if r.IntN(3) == 0 {
				heap = orb.Point{121.515, 31.61}
			}
			return orb.Point{heap[0] + r.Float64()*0.006, heap[1] + r.Float64()*0.006}
		}
		geometry := func() orb.Geometry {
			p := place()
			switch side := 0.003 * r.Float64() * r.Float64(); r.IntN(5) {
			case 0:
				return orb.MultiPoint{p, place()}
			case 1, 2:
				return orb.Polygon{rect(p[0], p[1], p[0]+side+1e-6, p[1]+side+1e-6)}
			case 3:
				outer := rect(p[0], p[1], p[0]+side+1e-5, p[1]+side+1e-5)
				hole := rect(p[0]+side/3+1e-6, p[1]+side/3+1e-6, p[0]+side/2+4e-6, p[1]+side/2+4e-6)
				return orb.Polygon{outer, hole}
			}
			return p
		}
		values := func() []any {
			return []any{fmt.Sprint("finding ", r.IntN(50)), []any{nil, "poppy", "hemp", ""}[r.IntN(4)], "of the server", []any{nil, int64(-3), 0.5, true}[r.IntN(4)]}
		}
		m := rowsModel{layer: layer, columns: []string{"id", "kind", "_token", "confidence"}, rows: map[uint64]grids.Feature{}}
		for i := range rapid.IntRange(0, 120).Draw(t, "rows") {
			m.rows[uint64(i)] = grids.Feature{ID: uint64(i), Geometry: geometry(), Values: values()}
		}
		var err error
		if m.now, err = NewSnapshot(layer, m.table(r), Stamp{}); err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 5).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "broken first") {
				m.refuse(t, r, values)
			}
			s := step{moved: map[uint64]bool{}, boxes: map[extent]bool{}}
			done := map[uint64]bool{}
			for range rapid.IntRange(0, []int{3, 60}[r.IntN(2)]).Draw(t, "changes") {
				id := r.Uint64N(150)
				was, known := m.rows[id]
				if done[id] {
					continue
				}
				done[id] = true
				switch what := r.IntN(6); {
				case what == 0 || what == 1 && known:
					m.remove(&s, id)
				case what == 2 && known:
					m.add(&s, grids.Feature{ID: id, Values: slices.Clone(was.Values)})
				case what < 5 && known:
					m.add(&s, grids.Feature{ID: id, Values: values()})
				default:
					m.add(&s, grids.Feature{ID: id, Geometry: geometry(), Values: values()})
				}
			}
			m.follow(t, s, r, windows)
		}
	})
}

// refuse tries a change that is broken after some good rows: nothing of it may stay.
func (m *rowsModel) refuse(t *rapid.T, r *rand.Rand, values func() []any) {
	good := grids.Feature{ID: 1000, Geometry: orb.Point{121.5, 31.6}, Values: []any{"new", fmt.Sprint("never seen ", r.Uint64()), nil, nil}}
	bad := grids.Feature{ID: 1001, Geometry: orb.Point{121.5, 31.6}, Values: []any{"new", "poppy", nil, int32(1)}}
	switch r.IntN(3) {
	case 0:
		bad = grids.Feature{ID: 1001, Values: values()} // new, and without a place
	case 1:
		bad = good
	}
	for kind, id := range map[string]uint64{"poppy": 1, "": 2} { // the next good rows may use the same values
		good.Values[1] = kind + " again"
		if _, _, err := m.now.With(grids.Table{Columns: m.columns, Features: []grids.Feature{good, bad}}, []uint64{id}, Stamp{}); err == nil ||
			!strings.Contains(err.Error(), "layer findings, row 2") || grids.KindOf(err) != grids.Internal {
			t.Fatalf("a broken row: %v", err)
		}
	}
}

// Attributes that came with a change that was refused do not turn up under another value later.
func TestARefusedChangeLeavesNoValues(t *testing.T) {
	columns := []string{"code", "name"}
	place := orb.Point{121.5, 31.6}
	s := snapshotOf(t, "labels", grids.Table{Columns: columns, Features: []grids.Feature{{ID: 1, Geometry: place, Values: []any{"a", "b"}}}})
	with := func(rows ...grids.Feature) (*Snapshot, error) {
		next, _, err := s.With(grids.Table{Columns: columns, Features: rows}, nil, Stamp{})
		return next, err
	}
	if _, err := with(grids.Feature{ID: 1, Values: []any{"first", "second"}}, grids.Feature{ID: 2, Values: []any{"a", "b"}}); err == nil {
		t.Fatal("a new row without a geometry is accepted")
	}
	next, err := with(grids.Feature{ID: 1, Values: []any{"other", "first"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := rowsOf(t, next)[0].Values; !slices.Equal(got, []any{"other", "first"}) {
		t.Errorf("the row holds %v", got)
	}
}

// The attributes of a partition change, its outlines do not: every shape is shared, with what was drawn of it.
func TestAttributesOfAPartitionChangeAlone(t *testing.T) {
	layer, _ := Find("grids")
	demo := demoTable(t, "grids")
	demo.Features = demo.Features[:70]
	start, err := NewSnapshot(layer, demo, Stamp{})
	if err != nil {
		t.Fatal(err)
	}
	var windows []maptile.Tile
	for z := 6; z <= 12; z += 2 {
		p := polygonsOf(demo.Features[3].Geometry)[0][0][0]
		windows = append(windows, maptile.At(p, maptile.Zoom(z)))
	}
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		m := rowsModel{layer: layer, columns: demo.Columns, rows: map[uint64]grids.Feature{}, now: start.line.latest}
		for _, f := range rowsOf(t, m.now) {
			f.Geometry = demo.Features[f.ID-1].Geometry
			m.rows[f.ID] = f
		}
		s := step{moved: map[uint64]bool{}, boxes: map[extent]bool{}}
		for i := range rapid.IntRange(0, 20).Draw(t, "changes") {
			f := m.rows[uint64(1+(i*7+r.IntN(7))%70)]
			f.Geometry = nil
			if f.Values = slices.Clone(f.Values); r.IntN(3) > 0 {
				f.Values[1+r.IntN(2)] = []any{nil, "network", r.Float64(), "滧"}[r.IntN(4)]
			}
			if !slices.ContainsFunc(s.rows, func(g grids.Feature) bool { return g.ID == f.ID }) {
				m.add(&s, f)
			}
		}
		before := shapesOf(m.now)
		m.follow(t, s, r, windows)
		if !maps.Equal(before, shapesOf(m.now)) {
			t.Fatal("a shape is made anew")
		}
	})
	f := demo.Features[5]
	if _, _, err := start.line.latest.With(grids.Table{Columns: demo.Columns, Features: []grids.Feature{f}}, nil, Stamp{}); err == nil || !strings.Contains(err.Error(), "loaded together") {
		t.Errorf("one outline of a partition: %v", err)
	}
}

// What is not a change of the latest snapshot is refused, and what names nothing new gives no ground.
func TestWithRefuses(t *testing.T) {
	table := grids.Table{Columns: []string{"id", "kind"}, Features: []grids.Feature{{ID: 1, Geometry: orb.Point{121.5, 31.6}, Values: []any{"x", "poppy"}}}}
	first := snapshotOf(t, Findings, table)
	same := grids.Feature{ID: 1, Values: []any{"x", "poppy"}}
	second, ground, err := first.With(grids.Table{Columns: table.Columns, Features: []grids.Feature{same}}, []uint64{77}, Stamp{})
	if err != nil || len(ground) > 0 || second.Features() != 1 {
		t.Fatalf("no change: %v, %v", ground, err)
	}
	if _, _, err := first.With(table, nil, Stamp{}); grids.KindOf(err) != grids.Internal || !strings.Contains(err.Error(), "only the latest snapshot") {
		t.Errorf("a change of one that is not the latest: %v", err)
	}
	if _, _, err := second.With(grids.Table{Columns: []string{"id"}}, nil, Stamp{}); grids.KindOf(err) != grids.Internal || !strings.Contains(err.Error(), "the columns [id] are not") {
		t.Errorf("other columns: %v", err)
	}
	if _, _, err := second.With(grids.Table{Columns: table.Columns, Features: []grids.Feature{same, same}}, nil, Stamp{}); grids.KindOf(err) != grids.Internal || !strings.Contains(err.Error(), "row 1 has the same id") {
		t.Errorf("a row that comes twice: %v", err)
	}
	third, ground, err := second.With(grids.Table{Columns: table.Columns}, []uint64{1}, Stamp{})
	if err != nil || third.Features() != 0 || len(ground) != 1 || third.root() != nil {
		t.Errorf("the last one gone: %d features, ground %v, %v", third.Features(), ground, err)
	}
	moved := grids.Feature{ID: 1, Geometry: orb.Point{121.6, 31.7}, Values: []any{"x", "poppy"}}
	if fourth, _, err := third.With(grids.Table{Columns: table.Columns, Features: []grids.Feature{moved}}, []uint64{1}, Stamp{}); err != nil || fourth.Features() != 0 {
		t.Errorf("a row that comes and is gone at once: %d features, %v", fourth.Features(), err)
	}
}

// A dictionary that is mostly of values nobody has any more is made anew, and no tile shows it: neither the next one's nor those of
// the snapshots before.
func TestTheDictionaryIsSwept(t *testing.T) {
	table := grids.Table{Columns: []string{"id", "kind", "state"}}
	for i := range 40 {
		table.Features = append(table.Features, grids.Feature{ID: uint64(i), Geometry: orb.Point{121.5 + float64(i)/1e5, 31.6}, Values: []any{fmt.Sprint(i), "poppy", nil}})
	}
	s := snapshotOf(t, Findings, table)
	r := over(14)
	m := maptile.At(orb.Point{121.5, 31.6}, 14)
	r.X, r.Y = int(m.X), int(m.Y)
	first, longest, swept := cutTile(s, r.Z, r.X, r.Y), 0, 0
	was := s
	for n := range 400 {
		change := grids.Table{Columns: table.Columns}
		for i := range 35 { // the others stay as they are, and go on sharing their values
			change.Features = append(change.Features, grids.Feature{ID: uint64(i), Values: []any{fmt.Sprint(i), fmt.Sprint(n, " ", i), fmt.Sprint("state ", n)}})
		}
		next, _, err := was.With(change, nil, Stamp{})
		if err != nil {
			t.Fatal(err)
		}
		if longest = max(longest, len(next.values.ends)); len(next.values.ends) < len(was.values.ends) {
			swept++
			old := cutTile(was, r.Z, r.X, r.Y)
			for i := range change.Features {
				change.Features[i].Geometry = table.Features[i].Geometry
			}
			change.Features = append(change.Features, table.Features[35:]...)
			if got, want := cutTile(next, r.Z, r.X, r.Y), cutTile(snapshotOf(t, Findings, change), r.Z, r.X, r.Y); !bytes.Equal(got, want) || bytes.Equal(got, old) {
				t.Fatalf("change %d: the tile is not that of the rows", n)
			}
			if got := rowsOf(t, was)[7].Values[1]; got != fmt.Sprint(n-1, " ", 7) {
				t.Fatalf("change %d: the snapshot before now holds %v", n, got)
			}
		}
		was = next
	}
	if swept < 2 || longest > 2*200+4096+2*41 {
		t.Errorf("swept %d times, %d entries at most", swept, longest)
	}
	if !bytes.Equal(first, cutTile(s, r.Z, r.X, r.Y)) {
		t.Error("the first snapshot has changed")
	}
}
