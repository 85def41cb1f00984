package tiles

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/maptile"
	"pgregory.net/rapid"

	"wangge/grids"
	"wangge/grids/mesh"
)

// at is the request for the tile of layers at a place.
func at(p orb.Point, z int, layers ...string) Request {
	m := maptile.At(p, maptile.Zoom(z))
	return Request{Layers: layers, Z: z, X: int(m.X), Y: int(m.Y)}
}

// The two places of the findings of someFindings.
var here, there = orb.Point{121.41, 31.61}, orb.Point{121.61, 31.71}

// someFindings is a finding in each of two places, whose state is its number, and a layer of labels beside them.
func someFindings(t testing.TB, cacheBytes int64) *Set {
	t.Helper()
	s := NewSet(cacheBytes)
	for _, layer := range []string{Findings, "labels"} {
		s.Publish(Change{Snapshots: []*Snapshot{snapshotOf(t, layer, grids.Table{Columns: []string{"state"}, Features: []grids.Feature{
			{ID: 1, Geometry: here, Values: []any{int64(0)}}, {ID: 2, Geometry: there, Values: []any{int64(0)}}}})}})
	}
	return s
}

// restate publishes another state of a finding.
func (s *Set) restate(t testing.TB, id uint64, n int64) []Ground {
	t.Helper()
	was, _ := s.Snapshot(Findings)
	next, ground, err := was.With(grids.Table{Columns: []string{"state"}, Features: []grids.Feature{{ID: id, Values: []any{n}}}}, nil, Stamp{})
	if err != nil {
		t.Fatal(err)
	}
	return s.Publish(Change{Snapshots: []*Snapshot{next}, Ground: ground})
}

// mustTile is the tile of r.
func (s *Set) mustTile(t testing.TB, r Request) Tile {
	t.Helper()
	tile, err := s.Tile(context.Background(), r)
	if err != nil || tile.Empty {
		t.Fatal("no tile: ", err)
	}
	return tile
}

// same reports whether two tiles are one rendering.
func same(a, b Tile) bool { return &a.Gzip[0] == &b.Gzip[0] }

// After a change the tiles on its ground are cut anew and all others stay as they are in memory.
func TestATileStaysUntilTheGroundUnderItChanges(t *testing.T) {
	s := someFindings(t, 64<<20)
	requests := map[string]Request{"here": at(here, 12, Findings), "there": at(there, 12, Findings), "both": at(here, 6, Findings),
		"with another layer": at(here, 12, "labels", Findings), "another layer": at(here, 12, "labels")}
	before := map[string]Tile{}
	for name, r := range requests {
		before[name] = s.mustTile(t, r)
	}
	ground := s.restate(t, 1, 7)
	if len(ground) != 1 || ground[0].Layer != Findings {
		t.Fatalf("ground %v", ground)
	}
	if b, ok := ground[0].Bounds(); !ok || math.Abs(b[0]-here[0])+math.Abs(b[1]-here[1])+math.Abs(b[2]-here[0])+math.Abs(b[3]-here[1]) > 1e-5 {
		t.Errorf("ground at %v, %v", b, ok)
	}
	for name, r := range requests {
		after, stays := s.mustTile(t, r), name == "there" || name == "another layer"
		if same(before[name], after) != stays || (before[name].ETag == after.ETag) != stays {
			t.Errorf("%s: the same rendering %v, ETag %s and %s", name, same(before[name], after), before[name].ETag, after.ETag)
		}
		if again := s.mustTile(t, r); !same(after, again) {
			t.Errorf("%s: cut twice after one change", name)
		}
	}
}

// A layer that was made afresh may look different everywhere.
func TestAFreshSnapshotChangesEverything(t *testing.T) {
	s := someFindings(t, 64<<20)
	was, labels := s.mustTile(t, at(there, 12, Findings)), s.mustTile(t, at(there, 12, "labels"))
	groups := someGroups(t, 3000)
	fresh := snapshotOf(t, Findings, grids.Table{Columns: []string{"state"}, Features: []grids.Feature{{ID: 2, Geometry: there, Values: []any{int64(0)}}}})
	ground := s.Publish(Change{Snapshots: []*Snapshot{fresh}, Cube: NewCube(groups, numbers, Stamp{})})
	if !slices.Equal(ground, []Ground{Everywhere(Findings), Everywhere(Heat), Everywhere(Hexagons)}) {
		t.Errorf("ground %v", ground)
	}
	if _, ok := ground[0].Bounds(); ok {
		t.Error("everywhere has bounds")
	}
	if is := s.mustTile(t, at(there, 12, Findings)); same(was, is) || is.ETag != was.ETag {
		t.Errorf("cut anew %v, ETag %s and %s", !same(was, is), was.ETag, is.ETag)
	}
	if !same(labels, s.mustTile(t, at(there, 12, "labels"))) {
		t.Error("another layer was cut anew")
	}
	heat := s.mustTile(t, over(9, Heat))
	next, _ := s.Cube().With(groups, []mesh.Cell{groups[0].Cell}, Stamp{})
	if ground := s.Publish(Change{Cube: next}); len(ground) != 0 || !same(heat, s.mustTile(t, over(9, Heat))) {
		t.Errorf("a cube that follows, published without its ground: %v", ground)
	}
	if s.Publish(Change{Cube: NewCube(groups, numbers, Stamp{})}); same(heat, s.mustTile(t, over(9, Heat))) {
		t.Error("a cube made afresh left the heat as it was")
	}
}

// What changed longer ago than is remembered is taken to have changed everywhere; what was looked at meanwhile is not that old.
func TestWhatIsLongAgoIsCutAnew(t *testing.T) {
	for _, c := range []struct {
		name           string
		changes, boxes int
		looked, same   bool
	}{
		{"as far as is remembered", maxChanges, 1, false, true},
		{"one change more", maxChanges + 1, 1, false, false},
		{"looked at meanwhile", 3 * maxChanges, 1, true, true},
		{"many boxes at once", 1, 2 * maxBoxes, false, true},
		{"many boxes", 2, maxBoxes/2 + 1, false, false},
		{"as many boxes", 2, maxBoxes / 2, false, true},
	} {
		s := someFindings(t, 64<<20)
		r := at(there, 12, Findings)
		was, elsewhere := s.mustTile(t, r), make([]Ground, c.boxes)
		for i := range elsewhere {
			elsewhere[i] = Ground{Findings, extent{uint32(i), 0, uint32(i), 0}}
		}
		for range c.changes {
			if s.Publish(Change{Ground: elsewhere}); c.looked {
				s.mustTile(t, r)
			}
		}
		if is := s.mustTile(t, r); same(was, is) != c.same {
			t.Errorf("%s: the same rendering %v", c.name, same(was, is))
		}
		if h := s.now.Load().history; len(h.changes) > maxChanges || h.boxes > maxBoxes && len(h.changes) > 1 {
			t.Errorf("%s: %d changes with %d boxes are remembered", c.name, len(h.changes), h.boxes)
		}
	}
}

// A rendering that began before a change is for those alone who asked before it, however late it ends.
func TestALateRenderingIsNotForWhoAskedLater(t *testing.T) {
	s := loadedSet(t)
	r := over(9, Heat)
	old := s.Cube()
	old.turn <- struct{}{} // holds the first rendering up
	first := s.soon(t, r)
	s.awaitWaiting(1)
	s.Publish(Change{Cube: NewCube(someGroups(t, 9000), numbers, Stamp{})})
	second := s.soon(t, r)
	for len(second) == 0 && !s.shared() { // it comes although the first is still held up
		runtime.Gosched()
	}
	<-old.turn
	older, newer := <-first, <-second
	if older.ETag == newer.ETag {
		t.Fatal("the two tiles are equal")
	}
	if after := s.mustTile(t, r); after.ETag != newer.ETag {
		t.Error("the older tile took the place of the newer one")
	}
}

// soon asks for the tile of r without waiting for it.
func (s *Set) soon(t *testing.T, r Request) <-chan Tile {
	got := make(chan Tile, 1)
	go func() {
		tile, err := s.Tile(t.Context(), r)
		if err != nil {
			t.Error(err)
		}
		got <- tile
	}()
	return got
}

// shared reports whether two requests wait for one rendering.
func (s *Set) shared() bool {
	s.flying.Lock()
	defer s.flying.Unlock()
	for _, f := range s.flights {
		if f.waiting > 1 {
			return true
		}
	}
	return false
}

// Whatever is published and asked for at once, nobody gets a tile older than what was there when he asked.
func TestNoTileIsOlderThanItsRequest(t *testing.T) {
	s := someFindings(t, 1<<20)
	var published [3]atomic.Int64 // by finding
	var wg sync.WaitGroup
	done := make(chan struct{})
	for reader := range 4 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(reader), 1))
			for n := 0; ; n++ {
				select {
				case <-done:
					if n > 100 {
						return
					}
				default:
				}
				id := uint64(1 + r.IntN(2))
				request := at([]orb.Point{{}, here, there}[id], 6+r.IntN(8), Findings)
				least := published[id].Load()
				tile, err := s.Tile(t.Context(), request)
				if err != nil {
					t.Error(err)
					return
				}
				raw, err := tile.Raw()
				if err != nil {
					t.Error(err)
					return
				}
				if got := decoded(t, raw)[id].Properties["state"].(float64); int64(got) < least {
					t.Errorf("finding %d in %d/%d/%d is in state %v, %d was published", id, request.Z, request.X, request.Y, got, least)
					return
				}
			}
		})
	}
	for n := range int64(2000) {
		id := uint64(1 + n%2)
		s.restate(t, id, n)
		published[id].Store(n)
	}
	close(done)
	wg.Wait()
}

// The history finds what going through all ground finds.
func TestHistoryTouchesWhatMeets(t *testing.T) {
	layers := []string{Findings, "labels", Heat}
	rapid.Check(t, func(t *rapid.T) {
		var h history
		var all [][]Ground // by state, from 1
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		box := func() extent {
			x, y := r.Uint32(), r.Uint32()
			return extent{x, y, x + min(r.Uint32N(1<<28), math.MaxUint32-x), y + min(r.Uint32N(1<<28), math.MaxUint32-y)}
		}
		for range rapid.IntRange(1, 12).Draw(t, "changes") {
			var ground []Ground
			for range r.IntN(4) {
				ground = append(ground, Ground{layers[r.IntN(3)], box()})
			}
			if r.IntN(30) == 0 {
				ground = append(ground, Everywhere(layers[r.IntN(3)]))
			}
			all = append(all, ground)
			h = h.with(uint64(len(all)), ground)
		}
		for range 20 {
			z := r.IntN(5)
			request := Request{Layers: layers[r.IntN(3):], Z: z, X: r.IntN(1 << z), Y: r.IntN(1 << z)}
			seq, want := uint64(r.IntN(len(all)+1)), false
			for _, ground := range all[seq:] {
				for _, g := range ground {
					want = want || slices.Contains(request.Layers, g.Layer) && g.box.meets(tileExtent(request.Z, request.X, request.Y))
				}
			}
			if got := h.touches(seq, request); got != want {
				t.Fatal(fmt.Sprint("since ", seq, " ", request, " is touched: ", got))
			}
		}
	})
}
