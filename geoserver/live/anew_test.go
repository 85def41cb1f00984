package live

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/maptile"

	"wangge/grids"
	"wangge/tiles"
)

// A view that follows the store through all kinds of writes holds after each of them what one that begins anew holds: the same
// figures, and the same bytes of every tile. What it tells open maps covers every tile that became another.
func TestFollowingEqualsBeginningAnew(t *testing.T) {
	const steps = 44
	d := chongming(t, 1500)
	v := fresh(t, d.view(t))
	events, _, cancel := v.Subscribe(grids.Versions{})
	defer cancel()
	looked := look(t, v, spread(d))
	compare(t, d, v, looked)
	rare := rareWrites()
	began := time.Now()
	for step := range steps {
		w, ok := rare[step]
		if !ok {
			w = draw(d)
		}
		w.do(t, d)
		before := v.State().Versions
		fresh(t, v)
		now := look(t, v, spread(d))
		told(t, events, before, v, looked, now)
		looked = now
		compare(t, d, v, looked)
		if t.Failed() {
			t.Fatalf("at step %d: %s", step, w.name)
		}
	}
	t.Logf("%d steps in %v", steps, time.Since(began).Round(time.Millisecond))
}

// spread is tiles of z6 to z15 over the district, more of them where most is written, with all layers and some filters.
func spread(d *district) (list []tiles.Request) {
	bound := d.areas[grids.LevelDistrict][0].Geometry.Bound()
	var places []tiles.Request
	for z := 6; z <= 9; z++ {
		places = append(places, tiles.Over(bound, z)...)
	}
	for i, p := range []orb.Point{{121.42, 31.64}, {121.405, 31.655}, {121.36, 31.66}, {121.48, 31.60}} {
		for z := 10 + i%2; z <= 15; z += 2 {
			at := maptile.At(p, maptile.Zoom(z))
			places = append(places, tiles.Request{Z: z, X: int(at.X), Y: int(at.Y)})
		}
	}
	today := grids.DayOf(d.now).Month()
	filters := []tiles.Filter{{}, {Period: grids.Period{From: today - 11, To: today}}, {Period: grids.Period{To: today - 30}, Kinds: []grids.CaseKind{grids.TipOff}}}
	for _, p := range places {
		for _, name := range tiles.Names() {
			for i := range filters {
				if p.Layers, p.Filter = []string{name}, filters[i]; name != tiles.Heat && i > 0 {
					break
				}
				list = append(list, p)
			}
		}
	}
	return list
}

// place names a request.
func nameOf(r tiles.Request) string {
	return fmt.Sprintf("%s/%d/%d/%d?%s", r.Layers[0], r.Z, r.X, r.Y, r.Filter.Values().Encode())
}

// look asks a view for tiles and returns their tags, by request.
func look(t *testing.T, v *View, list []tiles.Request) map[string]seen {
	t.Helper()
	all := make(map[string]seen, len(list))
	for _, r := range list {
		tile, err := v.Tiles().Tile(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		all[nameOf(r)] = seen{r, tile.ETag}
	}
	return all
}

// seen is a tile as it was.
type seen struct {
	tiles.Request
	tag string
}

// compare holds what a view has, and the tiles that it gave, against a view that begins anew.
func compare(t *testing.T, d *district, v *View, looked map[string]seen) {
	t.Helper()
	anew := fresh(t, d.view(t))
	sameState(t, v.State(), anew.State())
	list := make([]tiles.Request, 0, len(looked))
	for _, name := range slices.Sorted(maps.Keys(looked)) {
		list = append(list, looked[name].Request)
	}
	wrong := 0
	for name, want := range look(t, anew, list) {
		if got := looked[name]; got.tag != want.tag {
			if wrong++; wrong < 10 {
				t.Errorf("the tile %s is %s, anew it is %s", name, got.tag, want.tag)
			}
		}
	}
	sameHeat(t, d, v, anew)
	if v.Tiles().Cube().Events() != anew.Tiles().Cube().Events() || !slices.Equal(v.Tiles().Missing(), anew.Tiles().Missing()) || len(v.Problems()) > 0 {
		t.Errorf("%d events, missing %v, problems %v", v.Tiles().Cube().Events(), v.Tiles().Missing(), v.Problems())
	}
}

// sameState compares all that a state says.
func sameState(t *testing.T, got, want *State) {
	t.Helper()
	if !got.Versions.Same(want.Versions) || got.Today != want.Today || got.Window != want.Window || got.stored != want.stored {
		t.Errorf("the state is %v %v %v with %d events, anew %v %v %v with %d", got.Versions, got.Today, got.Window, got.stored, want.Versions, want.Today, want.Window, want.stored)
	}
	if !reflect.DeepEqual(got.Territory(), want.Territory()) || !maps.Equal(got.ground.gridOf, want.ground.gridOf) {
		t.Error("the territory is another")
	}
	for _, level := range Levels() {
		a, b := got.Units(level), want.Units(level)
		if len(a) != len(b) {
			t.Errorf("%d %s, anew %d", len(a), level, len(b))
			continue
		}
		wrong := 0
		for i := range a {
			if !reflect.DeepEqual(a[i], b[i]) {
				if wrong++; wrong < 4 {
					t.Errorf("%s %s:\n%+v\nanew\n%+v", level, a[i].Code, a[i], b[i])
				}
			}
		}
		if !maps.Equal(got.byCode[level], want.byCode[level]) {
			t.Errorf("the codes of %s are others", level)
		}
	}
}

// sameHeat compares the values of the heat in some periods, and the months.
func sameHeat(t *testing.T, d *district, v, anew *View) {
	t.Helper()
	b := d.areas[grids.LevelDistrict][0].Geometry.Bound()
	box := [4]float64{b.Min[0], b.Min[1], b.Max[0], b.Max[1]}
	today := grids.DayOf(d.now).Month()
	periods := []grids.Period{{}, {From: today - 11, To: today}, {From: today, To: today}, {To: today - 40}}
	for _, kinds := range [][]grids.CaseKind{nil, {grids.TipOff, grids.Premises}} {
		for _, z := range []int{6, 11, 15} {
			got, err := v.Tiles().Cube().Values(t.Context(), kinds, periods, box, tiles.HeatResolution(z), v.Policy())
			if err != nil {
				t.Fatal(err)
			}
			want, err := anew.Tiles().Cube().Values(t.Context(), kinds, periods, box, tiles.HeatResolution(z), v.Policy())
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) || len(want.IDs) == 0 {
				t.Errorf("heat values of %v at zoom %d are others, %d hexagons, anew %d", kinds, z, len(got.IDs), len(want.IDs))
			}
		}
		f1, c1 := v.Tiles().Cube().Months(tiles.Filter{Kinds: kinds})
		if f2, c2 := anew.Tiles().Cube().Months(tiles.Filter{Kinds: kinds}); f1 != f2 || !slices.Equal(c1, c2) {
			t.Errorf("the months of %v are others", kinds)
		}
	}
}

// told holds what open maps were told against what changed.
func told(t *testing.T, events <-chan *Event, before grids.Versions, v *View, was, now map[string]seen) {
	t.Helper()
	changed := map[string][][4]float64{}
	everywhere := map[string]bool{}
	select {
	case e := <-events:
		if !e.Versions.Same(v.State().Versions) || e.Problem != nil {
			t.Errorf("told %v %v at %v", e.Versions, e.Problem, v.State().Versions)
		}
		for _, c := range e.Changed {
			changed[c.Layer] = c.Bounds
			everywhere[c.Layer] = len(c.Bounds) == 0
			if len(c.Bounds) > maxBounds {
				t.Errorf("%d bounds of %s", len(c.Bounds), c.Layer)
			}
		}
	default:
		if !before.Same(v.State().Versions) {
			t.Errorf("nothing was told of the way from %v to %v", before, v.State().Versions)
		}
	}
	for name, n := range now {
		w, ok := was[name]
		if !ok || w.tag == n.tag {
			continue
		}
		if layer := n.Layers[0]; !everywhere[layer] && !slices.ContainsFunc(changed[layer], func(b [4]float64) bool { return meets(b, n.Request) }) {
			t.Errorf("the tile %s changed outside of what was told, %v", name, changed[layer])
		}
	}
}

// meets reports whether a box and a tile with its buffer have ground in common.
func meets(b [4]float64, r tiles.Request) bool {
	t := maptile.New(uint32(r.X), uint32(r.Y), maptile.Zoom(r.Z)).Bound(float64(tiles.Buffer+2) / tiles.Extent)
	return b[0] <= t.Max[0] && t.Min[0] <= b[2] && b[1] <= t.Max[1] && t.Min[1] <= b[3]
}

// asked is a store that notes what is read of it.
type asked struct {
	Store
	queries []grids.Query
}

func (a *asked) Read(ctx context.Context, since grids.Versions, plan func(grids.Versions, []grids.Change) grids.Query) (grids.Content, error) {
	return a.Store.Read(ctx, since, func(now grids.Versions, changes []grids.Change) grids.Query {
		q := plan(now, changes)
		a.queries = append(a.queries, q)
		return q
	})
}

// told by the outbox what a write touched, a view reads that and nothing else.
func TestOnlyWhatChangedIsRead(t *testing.T) {
	d := chongming(t, 300)
	store := &asked{Store: d.Store}
	v := fresh(t, newView(t, store, d.clock))
	all := []string{"district", "findings", "grids", "labels", "surveys", "towns", "villages"}
	for _, c := range []struct {
		name    string
		do      func() (ids, batches int)
		layers  []string
		cases   bool
		ground  bool
		nothing bool
	}{
		{name: "a mark", do: func() (int, int) { d.mark(t); return 1, 0 }, layers: []string{"findings"}},
		{name: "two marks", do: func() (int, int) { d.mark(t); d.mark(t); return 2, 0 }, layers: []string{"findings"}},
		{name: "a mark withdrawn", do: func() (int, int) { withdraw(t, d); return 1, 0 }, layers: []string{"findings"}},
		{name: "a batch", do: func() (int, int) { d.newCases(t, 5); return 0, 1 }, cases: true},
		{name: "two batches", do: func() (int, int) { d.newCases(t, 5); d.newCases(t, 5); return 0, 2 }, cases: true},
		{name: "a batch and a mark", do: func() (int, int) { d.newCases(t, 5); d.mark(t); return 1, 1 }, layers: []string{"findings"}, cases: true},
		{name: "changed cases", do: func() (int, int) { changedCases(t, d); return 0, 0 }, cases: true},
		{name: "a batch after changed cases", do: func() (int, int) { changedCases(t, d); d.newCases(t, 5); return 0, 0 }, cases: true},
		{name: "some findings", do: func() (int, int) { d.newFindings(t, 7); return 7, 0 }, layers: []string{"findings"}},
		{name: "many findings", do: func() (int, int) { d.newFindings(t, 1001); return 0, 0 }, layers: []string{"findings"}},
		{name: "surveys", do: func() (int, int) { surveys(t, d); return 0, 0 }, layers: []string{"grids", "surveys", "towns", "villages"}},
		{name: "statuses", do: func() (int, int) { statuses(t, d); return 0, 0 }, layers: []string{"grids", "towns", "villages"}},
		{name: "grids", do: func() (int, int) { d.swap(grids.LevelGrids); d.importAreas(t, grids.LevelGrids); return 0, 0 }, layers: all, cases: true, ground: true},
		{name: "nothing", do: func() (int, int) { return 0, 0 }, nothing: true},
	} {
		store.queries = nil
		ids, batches := c.do()
		fresh(t, v)
		if c.nothing {
			if len(store.queries) > 0 {
				t.Errorf("%s: read %v", c.name, store.queries)
			}
			continue
		}
		if len(store.queries) != 1 {
			t.Errorf("%s: %d looks", c.name, len(store.queries))
			continue
		}
		q := store.queries[0]
		var names []string
		for _, l := range q.Layers {
			if names = append(names, l.Name); l.Name == tiles.Findings && len(l.IDs) != ids {
				t.Errorf("%s: %d findings read, want %d", c.name, len(l.IDs), ids)
			}
		}
		if slices.Sort(names); !slices.Equal(names, c.layers) || q.Cases != c.cases || q.Counts != c.cases || q.Territory != c.ground || len(q.Batches) != batches {
			t.Errorf("%s: read %v, cases %v, counts %v, territory %v, %d batches", c.name, names, q.Cases, q.Counts, q.Territory, len(q.Batches))
		}
	}
}

// A mark is told as a box around it, and every tile elsewhere stays as it is.
func TestAMarkChangesItsPlaceAlone(t *testing.T) {
	d := chongming(t, 300)
	v := fresh(t, d.view(t))
	events, _, cancel := v.Subscribe(grids.Versions{})
	defer cancel()
	list := spread(d)
	was := look(t, v, list)
	for range 5 {
		f := d.mark(t)
		fresh(t, v)
		e := <-events
		if e.Changed[len(e.Changed)-1].Layer != tiles.Findings {
			t.Fatalf("told of %v", e.Changed)
		}
		at, b := f.Geometry.Bound(), e.Changed[len(e.Changed)-1].Bounds
		const near = 1e-5 // degrees: a metre of rounding
		if len(b) != 1 || !(orb.Bound{Min: orb.Point{b[0][0], b[0][1]}, Max: orb.Point{b[0][2], b[0][3]}}).Pad(near).Contains(at.Min) ||
			b[0][2]-b[0][0] > at.Max[0]-at.Min[0]+near || b[0][3]-b[0][1] > at.Max[1]-at.Min[1]+near {
			t.Errorf("told of %v, the mark is at %v", b, at)
		}
		for _, c := range e.Changed { // what the mark is counted in, and what its density moved the ranks of
			if !slices.Contains([]string{"towns", "villages", "grids", "cells", tiles.Findings}, c.Layer) || len(c.Bounds) == 0 {
				t.Errorf("told of %s at %v", c.Layer, c.Bounds)
			}
		}
		now := look(t, v, list)
		changed := 0
		for name, n := range now {
			if n.tag == was[name].tag {
				continue
			}
			changed++
			if n.Layers[0] == tiles.Findings && !meets([4]float64{at.Min[0], at.Min[1], at.Max[0], at.Max[1]}, n.Request) {
				t.Errorf("the tile %s changed, the mark is at %v", name, at)
			}
		}
		if changed == 0 {
			t.Error("no tile changed")
		}
		was = now
	}
}
