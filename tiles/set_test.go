package tiles

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/encoding/mvt"
	"github.com/paulmach/orb/maptile"

	"wangge/grids"
	"wangge/grids/disclosure"
)

// loadedSet is a set with three demo layers and some casework.
func loadedSet(t testing.TB) *Set {
	t.Helper()
	s := NewSet(64 << 20)
	for _, layer := range []string{"grids", "district", "findings"} {
		s.Publish(Change{Snapshots: []*Snapshot{demoSnapshot(t, layer)}})
	}
	s.Publish(Change{Cube: NewCube(someGroups(t, 5000), numbers, Stamp{Generation: "g"})})
	return s
}

// over is the request for the tile of layers over the middle of the district.
func over(z int, layers ...string) Request {
	m := maptile.At(orb.Point{121.5, 31.65}, maptile.Zoom(z))
	return Request{Layers: layers, Z: z, X: int(m.X), Y: int(m.Y)}
}

func TestCheck(t *testing.T) {
	s := NewSet(1 << 20)
	for _, c := range []struct {
		r    Request
		kind grids.Kind
		want string // "" when the request is fine
	}{
		{Request{Layers: []string{"grids"}, Z: 0}, 0, ""},
		{Request{Layers: []string{"grids", "heat", "findings"}, Z: 16, X: 65535, Y: 65535}, 0, ""},
		{Request{Layers: []string{"grid"}}, grids.NotFound, `no layer "grid"; the layers are land,district,towns,`},
		{Request{Layers: []string{strings.Repeat("x", 1<<20)}}, grids.NotFound, `no layer "xxx`},
		{Request{Layers: []string{""}}, grids.NotFound, "no layer"},
		{Request{}, grids.NotFound, "no layer is named"},
		{Request{Layers: []string{"grids", "heat", "grids"}}, grids.Invalid, "grids is named twice"},
		{Request{Layers: slices.Repeat([]string{"grids"}, 1000)}, grids.Invalid, "1000 layers are asked for and there are 11"},
		{Request{Layers: []string{"grids"}, Z: 17}, grids.Invalid, "zoom 17 is outside 0 to 16"},
		{Request{Layers: []string{"grids"}, Z: -1}, grids.Invalid, "zoom -1"},
		{Request{Layers: []string{"grids"}, Z: 6, X: 64}, grids.Invalid, "at zoom 6, x and y are 0 to 63"},
		{Request{Layers: []string{"grids"}, Z: 6, Y: -1}, grids.Invalid, "x and y are 0 to 63"},
	} {
		err := s.Check(c.r)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || grids.KindOf(err) != c.kind || len(err.Error()) > 300) {
			t.Errorf("%.100v: %v, want %v and %q", c.r, err, c.kind, c.want)
		}
	}
}

func TestTileHoldsTheLayersInTheOrderAsked(t *testing.T) {
	s := loadedSet(t)
	for _, layers := range [][]string{{"grids"}, {"grids", "heat", "findings"}, {"heat", "district", "grids"}} {
		r := over(9, layers...)
		tile, err := s.Tile(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := tile.Raw()
		if err != nil {
			t.Fatal(err)
		}
		zr, err := gzip.NewReader(bytes.NewReader(tile.Gzip)) // another implementation
		if err != nil {
			t.Fatal(err)
		}
		loose, err1 := s.Render(t.Context(), r, false)
		packed, err2 := s.Render(t.Context(), r, true)
		if err := errors.Join(err1, err2); err != nil || loose != len(raw) || packed != len(tile.Gzip) {
			t.Errorf("%v: rendered as %d and %d bytes, want %d and %d, %v", layers, loose, packed, len(raw), len(tile.Gzip), err)
		}
		if other, err := io.ReadAll(zr); err != nil || !bytes.Equal(other, raw) {
			t.Fatalf("%v: packed and unpacked differ: %v", layers, err)
		}
		if err := errors.Join(rules(raw), tidy(raw)); err != nil {
			t.Errorf("%v: %v", layers, err)
		}
		got, err := mvt.Unmarshal(raw)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, l := range got {
			names = append(names, l.Name)
		}
		if !slices.Equal(names, layers) || tile.Empty {
			t.Errorf("layers %v, want %v; empty %v", names, layers, tile.Empty)
		}
	}
	empty, err := s.Tile(t.Context(), Request{Layers: []string{"grids", "heat"}, Z: 9, X: 0, Y: 0})
	if raw, _ := empty.Raw(); err != nil || !empty.Empty || empty.Gzip != nil || raw != nil {
		t.Errorf("a tile elsewhere: %+v, %v", empty, err)
	}
}

func TestWhatIsNotLoadedIsUnavailable(t *testing.T) {
	s := loadedSet(t)
	if got := strings.Join(s.Missing(), " "); got != "land towns villages cells surveys labels" {
		t.Errorf("missing %s", got)
	}
	if _, err := s.Tile(t.Context(), over(9, "grids", "towns")); grids.KindOf(err) != grids.Unavailable || !strings.Contains(err.Error(), "towns") {
		t.Errorf("a layer that is not loaded: %v", err)
	}
	if _, ok := s.Snapshot("towns"); ok || s.Cube() == nil {
		t.Error("a layer that is not loaded has a snapshot, or casework has none")
	}
	if sn, ok := s.Snapshot("grids"); !ok || sn.Features() != 351 {
		t.Error("no snapshot of the grids")
	}
}

// The ETag is that of the content: equal tiles have equal ones whatever the stamps, the server and what went before; other tiles have
// others.
func TestETagIsThatOfTheContent(t *testing.T) {
	groups := someGroups(t, 5000)
	build := func(generation string, rows int, rule disclosure.Rule) *Set {
		s := NewSet(1 << 20)
		table := demoTable(t, "grids")
		table.Features = table.Features[:rows]
		layer, _ := Find("grids")
		sn, err := NewSnapshot(layer, table, Stamp{Generation: generation})
		if err != nil {
			t.Fatal(err)
		}
		s.Publish(Change{Snapshots: []*Snapshot{sn}, Cube: NewCube(groups, rule, Stamp{Generation: generation})})
		return s
	}
	march := over(9, Heat)
	march.Filter.Period.From = month(t, "2025-03")
	filtered := over(9, "grids")
	filtered.Filter = march.Filter
	base := build("g", 351, numbers)
	for _, c := range []struct {
		name string
		set  *Set
		a, b Request
		same bool
	}{
		{"server", build("g", 351, numbers), over(9, "grids", Heat), over(9, "grids", Heat), true},
		{"generation", build("h", 351, numbers), over(9, "grids", Heat), over(9, "grids", Heat), true},
		{"content", build("g", 300, numbers), over(8, "grids"), over(8, "grids"), false},
		{"rule for grids", build("g", 351, bands), over(9, "grids"), over(9, "grids"), true},
		{"rule for heat", build("g", 351, bands), over(9, Heat), over(9, Heat), false},
		{"filter for grids", base, over(9, "grids"), filtered, true},
		{"filter for heat", base, over(9, Heat), march, false},
		{"tile", base, over(9, "grids"), over(10, "grids"), false},
		{"order", base, over(9, "grids", Heat), over(9, Heat, "grids"), false},
	} {
		a, err1 := base.Tile(t.Context(), c.a)
		b, err2 := c.set.Tile(t.Context(), c.b)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		if (a.ETag == b.ETag) != c.same || !strings.HasPrefix(a.ETag, `"`) || len(a.ETag) != 26 {
			t.Errorf("another %s: %s and %s", c.name, a.ETag, b.ETag)
		}
	}
	if empty, err := base.Tile(t.Context(), Request{Layers: []string{"grids"}, Z: 9}); err != nil || empty.ETag != "" {
		t.Errorf("an empty tile has ETag %q, %v", empty.ETag, err)
	}
}

// A new snapshot is in the next tile, and its ETag is another.
func TestPublishIsSeenAtOnce(t *testing.T) {
	s := loadedSet(t)
	r := over(9, "grids")
	before, err := s.Tile(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	table := demoTable(t, "grids")
	table.Features = table.Features[:100]
	layer, _ := Find("grids")
	sn, err := NewSnapshot(layer, table, Stamp{Generation: "g", Versions: map[grids.Subject]int64{grids.OnGrids: 2}})
	if err != nil {
		t.Fatal(err)
	}
	s.Publish(Change{Snapshots: []*Snapshot{sn}})
	after, err := s.Tile(t.Context(), r)
	if err != nil || after.ETag == before.ETag || len(after.Gzip) >= len(before.Gzip) {
		t.Errorf("%d and %d bytes, %v", len(before.Gzip), len(after.Gzip), err)
	}
}

// A hundred equal requests are one rendering: everybody gets the same bytes.
func TestEqualRequestsShareOneRendering(t *testing.T) {
	s := loadedSet(t)
	cube := s.Cube()
	cube.turn <- struct{}{} // hold the first rendering where it cuts its sheet
	var wg sync.WaitGroup
	got := make([]Tile, 100)
	for i := range got {
		wg.Go(func() {
			var err error
			if got[i], err = s.Tile(t.Context(), over(9, "heat", "grids")); err != nil {
				t.Error(err)
			}
		})
	}
	s.awaitWaiting(len(got))
	<-cube.turn
	wg.Wait()
	for _, tile := range got {
		if &tile.Gzip[0] != &got[0].Gzip[0] {
			t.Fatal("two renderings of one tile")
		}
	}
}

// Whoever gives up leaves at once, and the others still get the tile: also when it was the first one who gave up.
func TestACancelledRequestLeavesTheOthersTheTile(t *testing.T) {
	s := loadedSet(t)
	cube := s.Cube()
	cube.turn <- struct{}{}
	r := over(9, "heat")
	ctx, cancel := context.WithCancel(t.Context())
	first, second := make(chan error), make(chan error)
	go func() { _, err := s.Tile(ctx, r); first <- err }()
	s.awaitWaiting(1)
	go func() { _, err := s.Tile(t.Context(), r); second <- err }()
	s.awaitWaiting(2)
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) { // while the rendering is held up
		t.Errorf("the cancelled request: %v", err)
	}
	<-cube.turn
	if err := <-second; err != nil {
		t.Errorf("the other request: %v", err)
	}
}

// awaitWaiting returns when n requests wait for the one flight there is.
func (s *Set) awaitWaiting(n int) {
	for waiting := 0; waiting != n; runtime.Gosched() {
		s.flying.Lock()
		waiting = 0
		for _, f := range s.flights {
			waiting += f.waiting
		}
		s.flying.Unlock()
	}
}

// An error reaches all that wait, is not kept, and is no panic.
func TestAnErrorReachesAllThatWait(t *testing.T) {
	s := loadedSet(t)
	s.Publish(Change{Cube: NewCube([]disclosure.Group{badGroup}, numbers, Stamp{Generation: "broken"})})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := s.Tile(t.Context(), over(9, "heat")); err == nil {
				t.Error("a tile of cells that are none")
			}
		})
	}
	wg.Wait()
	s.Publish(Change{Snapshots: []*Snapshot{{layer: Layer{Name: "towns", MaxZoom: MaxZoom}, roots: []*node{{box: everywhere, leaf: &leaf{shape: &shape{features: make([]feature, 2)}}}}}}})
	if _, err := s.Tile(t.Context(), Request{Layers: []string{"towns"}}); grids.KindOf(err) != grids.Internal || !strings.Contains(err.Error(), "tile 0/0/0 cannot be made") {
		t.Errorf("a snapshot that panics: %v", err)
	}
}

// Readers and writers at once, many filters: no race, and the caches stay within their bounds.
func TestManyFiltersDoNotGrowTheCaches(t *testing.T) {
	const limit = 1 << 20
	s := NewSet(limit)
	groups := someGroups(t, 5000)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 60 {
				f := Filter{Period: grids.Period{From: month(t, "2022-01") + grids.Month(i%58)}, Kinds: []grids.CaseKind{grids.CaseKinds[w]}}
				if i%20 == 0 {
					s.Publish(Change{Cube: NewCube(groups, numbers, Stamp{Generation: fmt.Sprint(w, i)})})
				}
				for z := 8; z < 12; z++ {
					r := over(z, "heat")
					r.Filter = f
					if _, err := s.Tile(t.Context(), r); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	s.tiles.CleanUp()
	if size := s.tiles.WeightedSize(); size > limit || size == 0 {
		t.Errorf("the tiles take %d bytes of %d", size, limit)
	}
	if len(s.flights) != 0 {
		t.Errorf("%d renderings never landed", len(s.flights))
	}
}

// When all that wait have left, the rendering stops, and the next request starts another.
func TestARenderingNobodyWaitsForStops(t *testing.T) {
	s := loadedSet(t)
	cube := s.Cube()
	cube.turn <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() {
		_, err := s.join(ctx, "k", func(ctx context.Context) (Tile, error) {
			_, err := cube.Sheet(ctx, Filter{}, 6)
			stopped <- err
			return Tile{}, err
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the request: %v", err)
		}
	}()
	cancel()
	if err := <-stopped; !errors.Is(err, context.Canceled) { // although the turn is taken
		t.Errorf("the rendering: %v", err)
	}
	<-cube.turn
	if _, err := s.Tile(t.Context(), over(9, "heat")); err != nil {
		t.Error(err)
	}
}

// What was used last stays, within the limit; the very last stays whatever its size.
func TestRecentKeepsWhatWasUsedLast(t *testing.T) {
	r := newRecent[string, int](100)
	for i := range 10 {
		r.put(fmt.Sprint(i), i, 20)
		r.get("0")
	}
	var kept []int
	for i := range 10 {
		if v, ok := r.get(fmt.Sprint(i)); ok {
			kept = append(kept, v)
		}
	}
	if !slices.Equal(kept, []int{0, 6, 7, 8, 9}) || r.bytes() != 100 {
		t.Errorf("kept %v, %d bytes", kept, r.bytes())
	}
	if r.put("large", 99, 500); len(r.at) != 1 || r.bytes() != 500 {
		t.Errorf("%d kept, %d bytes", len(r.at), r.bytes())
	}
}

func TestTileJSON(t *testing.T) {
	s := loadedSet(t)
	const url = "http://127.0.0.1:8470/tiles/grids,heat/{z}/{x}/{y}.mvt"
	got, err := s.TileJSON([]string{"grids", "heat"}, url)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"tilejson", "tiles", "vector_layers", "bounds", "center", "minzoom", "maxzoom", "attribution", "scheme", "name"} {
		if doc[key] == nil {
			t.Errorf("no %s in %s", key, b)
		}
	}
	if got.Version != "3.0.0" || got.Tiles[0] != url || len(got.VectorLayers) != 2 || got.VectorLayers[0].ID != "grids" || got.VectorLayers[0].Fields["risk"] != "number" {
		t.Errorf("%s", b)
	}
	box := orb.Bound{Min: orb.Point{got.Bounds[0], got.Bounds[1]}, Max: orb.Point{got.Bounds[2], got.Bounds[3]}}
	if !box.Contains(orb.Point{got.Center[0], got.Center[1]}) || box.Min[0] < 121 || box.Max[0] > 122.2 || box.Min[1] < 31 || box.Max[1] > 32 {
		t.Errorf("bounds %v, center %v", got.Bounds, got.Center)
	}
	if got.MinZoom != 0 || got.MaxZoom != 16 || got.Center[2] != 8 {
		t.Errorf("zooms %d to %d, center %v", got.MinZoom, got.MaxZoom, got.Center)
	}
	if world, err := s.TileJSON([]string{"towns"}, url); err != nil || world.Bounds != [4]float64{-180, -85.051129, 180, 85.051129} {
		t.Errorf("a layer that is not loaded: %v, %v", world.Bounds, err)
	}
	if _, err := s.TileJSON([]string{"nothing"}, url); grids.KindOf(err) != grids.NotFound {
		t.Errorf("an unknown layer: %v", err)
	}
}
