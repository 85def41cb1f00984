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
	"wangge/grids/disclosure"
	"wangge/grids/mesh"
	"wangge/tiles"
)

// A view that follows the store through all kinds of writes holds after each of them, for every class of readers, what one that begins
// anew holds: the same figures, and the same bytes of every tile. What it tells the open maps of a class covers every tile of theirs that
// became another; and what was told of casework stays told.
func TestFollowingEqualsBeginningAnew(t *testing.T) {
	const steps = 44
	d := chongming(t, 1500)
	v := fresh(t, d.view(t))
	ears := listen(v)
	looked := look(t, v, spread(d))
	compare(t, d, v, looked)
	rare := rareWrites()
	began := time.Now()
	for step := range steps {
		w, ok := rare[step]
		if !ok {
			w = draw(d)
		}
		groups, releases, ground := groupsOf(v), releasesOf(v), v.State().ground
		day, generation := v.State().Today, v.State().Versions.Generation
		w.do(t, d)
		fresh(t, v)
		now := look(t, v, spread(d))
		ears.told(t, v, looked, now)
		if st := v.State(); st.Today == day && st.Versions.Generation == generation && st.ground == ground {
			ears.quiet(t, v, releases)
		}
		looked = now
		compare(t, d, v, looked)
		if st := v.State(); st.Today == day && st.Versions.Generation == generation {
			stillTold(t, v, groups, groupsOf(v))
		}
		if t.Failed() {
			t.Fatalf("at step %d: %s", step, w.name)
		}
	}
	t.Logf("%d steps in %v", steps, time.Since(began).Round(time.Millisecond))
}

// groupsOf is what is told of casework, by class.
func groupsOf(v *View) (all [][]disclosure.Group) {
	for _, s := range v.sights[:len(v.sights)-1] {
		all = append(all, v.memory.casework.of(s.class).Groups())
	}
	return all
}

// releasesOf names what is told of casework, by class.
func releasesOf(v *View) map[grids.Class]string {
	out := map[grids.Class]string{}
	for _, s := range v.sights {
		out[s.class] = s.Release()
	}
	return out
}

// stillTold fails unless every group that was told still is, as it was, or without as many events as may be told of.
func stillTold(t *testing.T, v *View, was, now [][]disclosure.Group) {
	t.Helper()
	for i, groups := range was {
		k := int32(v.sights[i].rule.K)
		if len(now[i]) < len(groups) {
			t.Errorf("%s: %d groups, there were %d", v.sights[i].class, len(now[i]), len(groups))
			continue
		}
		for n, old := range groups {
			next := now[i][n]
			less := old.N - next.N
			if old.N = next.N; old != next || less < 0 || less > 0 && less < k || next.N > 0 && next.N < k {
				t.Errorf("%s: group %d is %v, it had %d more", v.sights[i].class, n, next, less)
			}
		}
	}
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

// nameOf names a request of readers of a class.
func nameOf(c grids.Class, r tiles.Request) string {
	return fmt.Sprintf("%s %s/%d/%d/%d?%s of %v", c, r.Layers[0], r.Z, r.X, r.Y, r.Filter.Values().Encode(), r.Within)
}

// look asks a view for tiles, as every class has them, and returns their tags. Those who see findings in their own area alone also ask as
// readers of a town.
func look(t *testing.T, v *View, list []tiles.Request) map[string]seen {
	t.Helper()
	all := make(map[string]seen, len(list))
	ask := func(s *Sight, r tiles.Request) {
		tile, err := s.Tiles().Tile(t.Context(), r)
		if err != nil {
			t.Fatalf("%s: %v", nameOf(s.class, r), err)
		}
		all[nameOf(s.class, r)] = seen{r, s.class, tile.ETag}
	}
	for _, s := range v.sights {
		for _, r := range list {
			if ask(s, r); r.Layers[0] == tiles.Findings && s.findingsRes() > 0 {
				r.Within = []grids.Scope{{Level: grids.LevelTowns, Code: v.State().Territory().Towns[0].Code}}
				ask(s, r)
			}
		}
	}
	return all
}

// seen is a tile as it was to a class.
type seen struct {
	tiles.Request
	class grids.Class
	tag   string
}

// compare holds what a view has, and the tiles that it gave, against a view that begins anew.
func compare(t *testing.T, d *district, v *View, looked map[string]seen) {
	t.Helper()
	anew := fresh(t, d.view(t))
	wrong := 0
	for name, want := range look(t, anew, spread(d)) {
		got, ok := looked[name]
		if !ok || got.tag != want.tag {
			if wrong++; wrong < 10 {
				t.Errorf("the tile %s is %s, anew it is %s", name, got.tag, want.tag)
			}
		}
	}
	for i, s := range v.sights {
		other := anew.sights[i]
		sameState(t, s, other)
		sameHeat(t, d, s, other)
		if s.Tiles().Cube().Told() != other.Tiles().Cube().Told() || !slices.Equal(s.Tiles().Missing(), other.Tiles().Missing()) || len(v.Problems()) > 0 {
			t.Errorf("%s: %d events, missing %v, problems %v", s.class, s.Tiles().Cube().Told(), s.Tiles().Missing(), v.Problems())
		}
		if s.Release() != other.Release() {
			t.Errorf("%s: the release is %s, anew %s", s.class, s.Release(), other.Release())
		}
	}
}

// sameState compares all that the states of a class say.
func sameState(t *testing.T, a, b *Sight) {
	t.Helper()
	got, want := a.State(), b.State()
	if !got.Versions.Same(want.Versions) || got.Today != want.Today || got.Window != want.Window || got.known != want.known {
		t.Errorf("%s: the state is %v %v %v, known %v, anew %v %v %v, %v", a.class, got.Versions, got.Today, got.Window, got.known, want.Versions, want.Today, want.Window, want.known)
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
func sameHeat(t *testing.T, d *district, a, b *Sight) {
	t.Helper()
	bound := d.areas[grids.LevelDistrict][0].Geometry.Bound()
	box := [4]float64{bound.Min[0], bound.Min[1], bound.Max[0], bound.Max[1]}
	today := grids.DayOf(d.now).Month()
	periods := []grids.Period{{}, {From: today - 11, To: today}, {From: today, To: today}, {To: today - 40}}
	for _, kinds := range [][]grids.CaseKind{nil, {grids.TipOff, grids.Premises}} {
		for _, z := range []int{6, 11, 15} {
			got, err1 := a.Tiles().Cube().Values(t.Context(), kinds, periods, box, tiles.HeatResolution(z))
			want, err2 := b.Tiles().Cube().Values(t.Context(), kinds, periods, box, tiles.HeatResolution(z))
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			if !reflect.DeepEqual(got, want) || kinds == nil && a.sees() != (len(want.IDs) > 0) {
				t.Errorf("%s: heat values of %v at zoom %d are others, %d hexagons, anew %d", a.class, kinds, z, len(got.IDs), len(want.IDs))
			}
		}
		f := tiles.Filter{Kinds: kinds}
		if !slices.Equal(a.Tiles().Cube().Spans(f), b.Tiles().Cube().Spans(f)) {
			t.Errorf("%s: the months of %v are others", a.class, kinds)
		}
	}
}

// ears is what open maps of every class are told.
type ears map[grids.Class]ear

type ear struct {
	events    <-chan *Event
	revisions map[string]string
	heard     map[string][][4]float64 // the last time: bounds by layer
}

// quiet fails when a class was told of something that is no other to it: of the heat while its release is the one it was, or of anything
// while it sees nothing but the territory. The territory did not change.
func (all ears) quiet(t *testing.T, v *View, releases map[grids.Class]string) {
	t.Helper()
	for _, s := range v.sights {
		heard := all[s.class].heard
		if !s.sees() && len(heard) > 0 {
			t.Errorf("%s: told of %v", s.class, heard)
		}
		_, heat := heard[tiles.Heat]
		_, hexagons := heard[tiles.Hexagons]
		if other := s.Release() != releases[s.class]; heat != other || hexagons != other {
			t.Errorf("%s: the release is another: %v, told of heat: %v, of hexagons: %v", s.class, other, heat, hexagons)
		}
	}
}

func listen(v *View) ears {
	all := ears{}
	for _, s := range v.sights {
		events, _, _, _ := s.Subscribe("")
		all[s.class] = ear{events, s.Revisions(), nil}
	}
	return all
}

// told holds what open maps of every class were told against what changed for them.
func (all ears) told(t *testing.T, v *View, was, now map[string]seen) {
	t.Helper()
	changed := map[grids.Class]map[string][][4]float64{}
	for _, s := range v.sights {
		changed[s.class] = map[string][][4]float64{}
		for len(all[s.class].events) > 0 {
			e := <-all[s.class].events
			if e.Problem != nil || len(e.Changed) == 0 || e.ID != s.hub.id(s.hub.seq) {
				t.Errorf("%s: told %+v", s.class, e)
			}
			for _, c := range e.Changed {
				changed[s.class][c.Layer] = c.Bounds
				if len(c.Bounds) > maxBounds {
					t.Errorf("%s: %d bounds of %s", s.class, len(c.Bounds), c.Layer)
				}
				if c.Layer == tiles.Findings {
					cellsOnly(t, s, c)
				}
			}
		}
		words := s.Revisions()
		for _, name := range tiles.Names() {
			if _, touched := changed[s.class][name]; touched == (words[name] == all[s.class].revisions[name]) {
				t.Errorf("%s: %s was told of: %v, and its word is %s after %s", s.class, name, touched, words[name], all[s.class].revisions[name])
			}
		}
		all[s.class] = ear{all[s.class].events, words, changed[s.class]}
	}
	for name, n := range now {
		w, ok := was[name]
		if !ok || w.tag == n.tag {
			continue
		}
		bounds, touched := changed[n.class][n.Layers[0]]
		if !touched || len(bounds) > 0 && !slices.ContainsFunc(bounds, func(b [4]float64) bool { return meets(b, n.Request) }) {
			t.Errorf("the tile %s changed outside of what was told, %v, %v", name, touched, bounds)
		}
	}
}

// cellsOnly fails when readers who do not see findings where they are are told of a place smaller than the cells by which they do.
func cellsOnly(t *testing.T, s *Sight, c LayerChange) {
	t.Helper()
	if s.findingsRes() < 0 || len(c.Bounds) == 0 {
		return
	}
	if s.findingsRes() == 0 {
		t.Errorf("%s: told of findings at %v", s.class, c.Bounds)
		return
	}
	for _, b := range c.Bounds {
		cell, err := mesh.At(orb.Point{(b[0] + b[2]) / 2, (b[1] + b[3]) / 2}, s.findingsRes())
		if err != nil {
			t.Fatal(err)
		}
		whole, _ := tiles.GroundOf(tiles.Findings, cell).Bounds()
		if b != whole && len(c.Bounds) > 1 || b[2]-b[0] < whole[2]-whole[0] || b[3]-b[1] < whole[3]-whole[1] {
			t.Errorf("%s: told of findings at %v, which is not the ground of cell %s, %v", s.class, b, cell, whole)
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
		if slices.Sort(names); !slices.Equal(names, c.layers) || q.Cases != c.cases || q.Territory != c.ground || len(q.Batches) != batches {
			t.Errorf("%s: read %v, cases %v, territory %v, %d batches", c.name, names, q.Cases, q.Territory, len(q.Batches))
		}
	}
}

// A mark is told as a box around it to those who see it where it is, and as the cell that holds it to those who do not; to those who see
// none of it, not at all. Every tile elsewhere stays as it is.
func TestAMarkChangesItsPlaceAlone(t *testing.T) {
	d := chongming(t, 300)
	v := fresh(t, d.view(t))
	ears := listen(v)
	list := spread(d)
	was := look(t, v, list)
	for range 5 {
		f := d.mark(t)
		fresh(t, v)
		at := f.Geometry.Bound()
		for _, s := range v.sights {
			bounds, seesIt := markTold(t, s, ears[s.class].events)
			switch {
			case seesIt != (s.findingsRes() != 0):
				t.Errorf("%s: told of a mark: %v", s.class, seesIt)
			case s.findingsRes() < 0:
				const near = 1e-5 // degrees: a metre of rounding
				if b := bounds[0]; len(bounds) != 1 || !(orb.Bound{Min: orb.Point{b[0], b[1]}, Max: orb.Point{b[2], b[3]}}).Pad(near).Contains(at.Min) ||
					b[2]-b[0] > at.Max[0]-at.Min[0]+near || b[3]-b[1] > at.Max[1]-at.Min[1]+near {
					t.Errorf("%s: told of %v, the mark is at %v", s.class, b, at)
				}
			case seesIt:
				cell, err := mesh.At(at.Center(), s.findingsRes())
				if err != nil {
					t.Fatal(err)
				}
				whole, _ := tiles.GroundOf(tiles.Findings, cell).Bounds()
				if len(bounds) != 1 || bounds[0] != whole {
					t.Errorf("%s: told of %v, the mark is in cell %s at %v", s.class, bounds, cell, whole)
				}
			}
		}
		now := look(t, v, list)
		changed := map[grids.Class]int{}
		for name, n := range now {
			if n.tag == was[name].tag {
				continue
			}
			changed[n.class]++
			if n.Layers[0] == tiles.Findings && n.class == grids.ClassCommand && !meets([4]float64{at.Min[0], at.Min[1], at.Max[0], at.Max[1]}, n.Request) {
				t.Errorf("the tile %s changed, the mark is at %v", name, at)
			}
		}
		if changed[grids.ClassCommand] == 0 || changed[grids.ClassField] == 0 || changed[grids.ClassGround] > 0 {
			t.Errorf("tiles changed: %v", changed)
		}
		was = now
	}
}

// markTold is where a class was told that findings changed; false when it was not.
func markTold(t *testing.T, s *Sight, events <-chan *Event) (bounds [][4]float64, told bool) {
	t.Helper()
	for len(events) > 0 {
		e := <-events
		for _, c := range e.Changed { // what the mark is counted in, and what its density moved the ranks of
			if !slices.Contains([]string{"towns", "villages", "grids", "cells", tiles.Findings}, c.Layer) || len(c.Bounds) == 0 {
				t.Errorf("%s: told of %s at %v", s.class, c.Layer, c.Bounds)
			}
			if c.Layer == tiles.Findings {
				bounds, told = c.Bounds, true
			}
		}
		if !s.sees() {
			t.Errorf("%s: told of %+v", s.class, e.Changed)
		}
	}
	return bounds, told
}
