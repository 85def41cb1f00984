package tiles

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/paulmach/orb"
	"pgregory.net/rapid"

	"wangge/grids"
	"wangge/grids/disclosure"
	"wangge/grids/mesh"
)

// someMore is n groups of all sizes around a few places, of months, quarters and years from first on, some of them without any event.
func someMore(r *rand.Rand, n int, first grids.Month) (list []disclosure.Group) {
	for range n {
		spread := 0.02 * r.Float64() * r.Float64()
		at := orb.Point{121.3 + 0.15*float64(r.IntN(4)) + spread*r.NormFloat64(), 31.6 + spread*r.NormFloat64()}
		cell, err := mesh.At(at, finestHeat-[]int{0, 0, 0, 0, 1, 1, 2, 3}[r.IntN(8)])
		if err != nil {
			panic(err)
		}
		g := disclosure.Group{Cell: cell, From: first + grids.Month(r.IntN(6)), Kinds: 1 << (1 + r.IntN(7)), N: int32(5 + r.IntN(30))}
		if g.To = g.From; r.IntN(3) == 0 {
			g.Kinds, g.To = disclosure.AllKinds(), g.From+grids.Month([]int{0, 2, 11}[r.IntN(3)])
		}
		if r.IntN(20) == 0 {
			g.N = 0
		}
		list = append(list, g)
	}
	return list
}

// cutSome takes events of some groups back, of some all, and returns the cells of those.
func cutSome(r *rand.Rand, groups []disclosure.Group, n int) (touched []mesh.Cell) {
	for range min(n, len(groups)) {
		g := &groups[r.IntN(len(groups))]
		if g.N -= int32(3 + r.IntN(10)); g.N < 5 || r.IntN(2) == 0 {
			g.N = 0
		}
		touched = append(touched, g.Cell)
	}
	return touched
}

// A cube that followed is the cube of all groups, of those that came, of those that shrank and without those that are gone: the same
// numbers by month and place, the same tiles of heat and hexagons byte for byte, the same values; and where a tile changed there is ground.
func TestCubesThatFollowAreThoseOfTheirGroups(t *testing.T) {
	base := month(t, "2024-01")
	filters := []Filter{{}, {Period: grids.Period{From: base + 2, To: base + 3}}, {Kinds: []grids.CaseKind{grids.TipOff, grids.OtherCase}}, {Period: grids.Period{To: base - 1}}}
	periods := []grids.Period{{}, filters[1].Period, {From: base}}
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		rule := rapid.SampledFrom([]disclosure.Rule{numbers, bands}).Draw(t, "rule")
		all := someMore(r, rapid.IntRange(0, 60).Draw(t, "groups"), base)
		cube := NewCube(all, rule, Stamp{})
		for range rapid.IntRange(1, 3).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "drawn") { // its hexagons are taken over
				heatTiles(t, cube, filters[r.IntN(len(filters))])
			}
			more := someMore(r, rapid.SampledFrom([]int{0, 1, 3, 30}).Draw(t, "more"), base+grids.Month(rapid.SampledFrom([]int{0, 0, -30, 20}).Draw(t, "later")))
			all = slices.Clone(all)
			touched := cutSome(r, all, rapid.SampledFrom([]int{0, 0, 1, 10, 300}).Draw(t, "taken back"))
			for _, g := range more {
				touched = append(touched, g.Cell)
			}
			all = append(all, more...)
			next, ground := cube.With(all, touched, Stamp{Generation: "next"})
			if next.line != cube.line {
				ground = []Ground{Everywhere(Heat), Everywhere(Hexagons)}
			}
			fresh := NewCube(all, rule, Stamp{})
			if next.Told() != fresh.Told() || next.Stamp().Generation != "next" || next.Rule().K != rule.K {
				t.Fatalf("%d events of %d, %v", next.Told(), fresh.Told(), next.Stamp())
			}
			for _, f := range filters {
				sameSpans(t, next, all, f)
				before, got, want := heatTiles(t, cube, f), heatTiles(t, next, f), heatTiles(t, fresh, f)
				for at, tile := range want {
					if !bytes.Equal(got[at], tile) {
						t.Fatalf("%v: tile %s of the cube that followed differs", f, at)
					}
					at := at
					touched := slices.ContainsFunc(ground, func(g Ground) bool { return g.Layer == at.layer && g.box.meets(tileExtent(at.z, at.x, at.y)) })
					if !touched && !reflect.DeepEqual(decoded(t, before[at]), decoded(t, got[at])) {
						t.Fatalf("%v: tile %s changed without any ground of %v", f, at, ground)
					}
				}
				got1, err1 := next.Values(context.Background(), f.Kinds, periods, [4]float64{121, 31, 122, 32}, finestHeat)
				want1, err2 := fresh.Values(context.Background(), f.Kinds, periods, [4]float64{121, 31, 122, 32}, finestHeat)
				if err1 != nil || err2 != nil || !reflect.DeepEqual(got1, want1) {
					t.Fatalf("%v: the values differ, %v, %v", f.Kinds, err1, err2)
				}
			}
			cube = next
		}
	})
}

// A cube in a part of which nothing changed shares that part, its outlines, and what its tiles show.
func TestACubeThatFollowsSharesTheRest(t *testing.T) {
	groups := someGroups(t, 20000)
	cube := NewCube(groups, numbers, Stamp{})
	if _, err := cube.Hexagons(t.Context(), finestHeat); err != nil {
		t.Fatal(err)
	}
	touched := groups[len(groups)/2].Cell
	next, ground := cube.With(groups, []mesh.Cell{touched, touched}, Stamp{})
	if len(ground) != 2 || len(next.blocks) != len(cube.blocks) || len(cube.blocks) < 3 {
		t.Fatalf("ground %v, %d blocks of %d", ground, len(next.blocks), len(cube.blocks))
	}
	for i, b := range next.blocks {
		shared := &b.groups[0] == &cube.blocks[i].groups[0]
		if shared == (b.cell == touched.Parent(coarsestBucket)) {
			t.Errorf("block %s is shared: %v", b.cell, shared)
		}
		if _, ok := next.hexagons.in[b.cell]; ok != shared {
			t.Errorf("the outlines of %s are taken over: %v", b.cell, ok)
		}
	}
	if _, ok := cube.hexagons.in[touched.Parent(coarsestBucket)]; !ok {
		t.Error("the cube before lost its outlines")
	}
	same, ground := next.With(groups, nil, Stamp{Generation: "later"})
	if ground != nil || same.line != next.line || same.sheets != next.sheets || same.Stamp().Generation != "later" {
		t.Errorf("nothing touched: ground %v", ground)
	}
}

// heatTile names a tile.
type heatTile struct {
	layer   string
	z, x, y int
}

func (h heatTile) String() string { return fmt.Sprintf("%s %d/%d/%d", h.layer, h.z, h.x, h.y) }

// heatTiles is the tiles of both layers of casework at a few zooms.
func heatTiles(t failer, c *Cube, f Filter) map[heatTile][]byte {
	t.Helper()
	out := map[heatTile][]byte{}
	for _, z := range []int{6, 9, 11} {
		heat, err1 := c.Sheet(context.Background(), f, HeatResolution(z))
		hexagons, err2 := c.Hexagons(context.Background(), HeatResolution(z))
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		for _, m := range tilesOver(orb.Bound{Min: orb.Point{121.25, 31.55}, Max: orb.Point{121.8, 31.65}}, z) {
			x, y := int(m.X), int(m.Y)
			out[heatTile{Heat, z, x, y}], out[heatTile{Hexagons, z, x, y}] = cutTile(heat, z, x, y), cutTile(hexagons, z, x, y)
		}
	}
	return out
}

// The ground of a step covers all that is drawn of the hexagons of its groups, of every resolution.
func TestTheGroundOfAStepCoversItsHexagons(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	all := someMore(r, 50, 24300)
	empty := NewCube(all, numbers, Stamp{})
	for range 2000 {
		cell, err := mesh.At(orb.Point{121 + r.Float64(), 31 + r.Float64()}, finestHeat)
		if err != nil {
			t.Fatal(err)
		}
		_, ground := empty.With(append(slices.Clip(all), disclosure.Group{Cell: cell, From: 24300, To: 24300, Kinds: 2, N: 3}), []mesh.Cell{cell}, Stamp{})
		if len(ground) != 2 || ground[0].Layer != Heat || ground[1].Layer != Hexagons {
			t.Fatalf("ground %v", ground)
		}
		for _, g := range ground {
			for res := coarsestBucket; res <= finestHeat; res++ {
				if box := hexagonRow(cell.Parent(res)).box; box.with(g.box) != g.box {
					t.Errorf("cell %s at %v is not on the ground %v", cell.Parent(res), box, g.box)
				}
			}
		}
	}
}

// A step comes while the cube before is being cut: neither harms the other.
func TestACubeFollowsWhileItIsCut(t *testing.T) {
	groups := someGroups(t, 5000)
	for range 5 {
		cube := NewCube(groups, numbers, Stamp{})
		var wg sync.WaitGroup
		for res := coarsestHeat; res <= finestHeat; res++ {
			wg.Go(func() {
				if _, err := cube.Sheet(t.Context(), Filter{}, res); err != nil {
					t.Error(err)
				}
			})
		}
		for i := range 5 {
			wg.Go(func() {
				next, _ := cube.With(groups, []mesh.Cell{groups[i*10].Cell, groups[len(groups)-1-i].Cell}, Stamp{})
				if _, err := next.Sheet(t.Context(), Filter{}, 8); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
}

// A cube with events in no cell shows none, and goes on when they are gone.
func TestABrokenCubeStaysBroken(t *testing.T) {
	good := someGroups(t, 1000)
	whole := NewCube(good, numbers, Stamp{})
	bad := append(slices.Clip(good), badGroup)
	later, _ := whole.With(bad, []mesh.Cell{badGroup.Cell, good[0].Cell}, Stamp{})
	after, _ := later.With(append(slices.Clip(bad), good[0]), []mesh.Cell{good[0].Cell}, Stamp{})
	still, _ := after.With(bad, nil, Stamp{})
	well, _ := still.With(good, []mesh.Cell{good[len(good)-1].Cell}, Stamp{}) // in another block
	for name, cube := range map[string]*Cube{"first": NewCube(bad, numbers, Stamp{}), "later": later, "after": after, "still": still} {
		if _, err := cube.Sheet(t.Context(), Filter{}, 6); grids.KindOf(err) != grids.Internal || err == nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := cube.Hexagons(t.Context(), 6); grids.KindOf(err) != grids.Internal || err == nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := cube.Values(t.Context(), nil, nil, [4]float64{}, 6); grids.KindOf(err) != grids.Internal || err == nil {
			t.Errorf("%s: %v", name, err)
		}
		if cube.Bytes() != 0 {
			t.Errorf("%s: %d bytes", name, cube.Bytes())
		}
	}
	for name, cube := range map[string]*Cube{"the one before": whole, "the one after": well} {
		if _, err := cube.Sheet(t.Context(), Filter{}, 6); err != nil || cube.Told() != whole.Told() {
			t.Errorf("%s: %d events, %v", name, cube.Told(), err)
		}
	}
}

// Whoever asks when he has already given up gets nothing and keeps nobody else waiting.
func TestGivingUpKeepsNobodyWaiting(t *testing.T) {
	cube := NewCube(someGroups(t, 1000), numbers, Stamp{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 50 {
		_, err1 := cube.Sheet(ctx, Filter{}, 6)
		_, err2 := cube.Released(ctx, Filter{}, 6)
		_, err3 := cube.Values(ctx, nil, nil, [4]float64{}, 6)
		for _, err := range []error{err1, err2, err3} {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("given up: %v", err)
			}
		}
		if len(cube.turn) != 0 {
			t.Fatal("the turn is taken for good")
		}
	}
	if _, err := cube.Sheet(t.Context(), Filter{}, 6); err != nil {
		t.Error(err)
	}
}

// Values is what the sheets show, in columns.
func TestValuesAreThoseOfTheSheets(t *testing.T) {
	groups := someGroups(t, 100000)
	for _, cube := range []*Cube{NewCube(groups, numbers, Stamp{}), NewCube(below(t, groups, bands), bands, Stamp{})} {
		whole := [4]float64{-180, -85, 180, 85}
		part := [4]float64{121.4, 31.5, 121.5, 31.6}
		var periods []grids.Period
		for _, f := range someFilters(t) {
			periods = append(periods, f.Period)
		}
		for _, kinds := range [][]grids.CaseKind{nil, {grids.TipOff}, {grids.Trafficking, grids.OtherCase}} {
			for res := coarsestHeat; res <= finestHeat; res++ {
				for _, bounds := range [][4]float64{whole, part} {
					v, err := cube.Values(t.Context(), kinds, periods, bounds, res)
					if err != nil || v.Res != res || !slices.IsSorted(v.IDs) || len(v.IDs) == 0 && (kinds == nil || bounds == whole) || len(v.AreaKm2) != len(v.IDs) || len(v.Cases) != len(periods) {
						t.Fatalf("%d ids, %d areas, %d periods, %v", len(v.IDs), len(v.AreaKm2), len(v.Cases), err)
					}
					known := idSet(t, cube, res)
					box := boxOf(orb.Polygon{rect(bounds[0], bounds[1], bounds[2], bounds[3])})
					shown := map[uint64]bool{}
					for i, p := range periods {
						s, err := cube.Sheet(t.Context(), Filter{Period: p, Kinds: kinds}, res)
						if err != nil {
							t.Fatal(err)
						}
						want := map[uint64]int64{}
						for _, row := range rowsOf(t, s) {
							if boxOf(row.Geometry).meets(box) {
								want[row.ID] = row.Values[2].(int64)
								shown[row.ID] = true
								if at, ok := slices.BinarySearch(v.IDs, row.ID); ok && v.AreaKm2[at] != row.Values[5] {
									t.Errorf("hexagon %d has %v km², want %v", row.ID, v.AreaKm2[at], row.Values[5])
								}
							}
							if !known[row.ID] {
								t.Errorf("hexagon %d of a sheet is none of the hexagons", row.ID)
							}
						}
						got := map[uint64]int64{}
						for j, n := range v.Cases[i] {
							if n != 0 {
								got[v.IDs[j]] = int64(n)
							}
						}
						if !maps.Equal(got, want) {
							t.Errorf("kinds %v, period %v, resolution %d: %d hexagons, want %d, or other counts", kinds, p, res, len(got), len(want))
						}
					}
					if len(shown) != len(v.IDs) {
						t.Errorf("%d hexagons, %d of them with a count", len(v.IDs), len(shown))
					}
				}
			}
		}
		if v, err := cube.Values(t.Context(), nil, nil, whole, 8); err != nil || len(v.IDs) != 0 || len(v.Cases) != 0 {
			t.Errorf("no period: %d ids, %v", len(v.IDs), err)
		}
		if _, err := cube.Values(t.Context(), nil, make([]grids.Period, maxHeatValues), whole, 8); grids.KindOf(err) != grids.Invalid {
			t.Errorf("very many periods: %v", err)
		}
		if _, err := cube.Values(t.Context(), nil, periods, whole, 9); grids.KindOf(err) != grids.Invalid {
			t.Errorf("resolution 9: %v", err)
		}
	}
}

// idSet is the ids of the hexagons.
func idSet(t testing.TB, c *Cube, res int) map[uint64]bool {
	t.Helper()
	s, err := c.Hexagons(t.Context(), res)
	if err != nil {
		t.Fatal(err)
	}
	ids := map[uint64]bool{}
	for _, row := range rowsOf(t, s) {
		ids[row.ID] = true
	}
	return ids
}

// The hexagons say nothing that the groups do not say: the cells of these and what holds them, each once. They have no count, and
// nothing else of a count; a group that was taken back leaves no trace.
func TestHexagonsGiveNothingButTheGroupsCells(t *testing.T) {
	groups := someGroups(t, 3000)
	gone := map[mesh.Cell]bool{}
	for i := range groups {
		if i%3 == 0 {
			gone[groups[i].Cell] = true
		}
	}
	var touched []mesh.Cell
	after := slices.Clone(groups)
	for i := range after {
		if gone[after[i].Cell] {
			after[i].N, touched = 0, append(touched, after[i].Cell)
		}
	}
	cube := NewCube(groups, numbers, Stamp{})
	if _, err := cube.Hexagons(t.Context(), finestHeat); err != nil {
		t.Fatal(err)
	}
	next, _ := cube.With(after, touched, Stamp{})
	fewer := 0
	for _, c := range []struct {
		cube   *Cube
		groups []disclosure.Group
	}{{cube, groups}, {next, after}, {cube, groups}} {
		for res := coarsestHeat; res <= finestHeat; res++ {
			want := map[uint64]bool{}
			for _, g := range c.groups {
				for up := min(res, g.Cell.Resolution()); g.N > 0 && up >= coarsestBucket; up-- {
					want[hexagonID(g.Cell.Parent(up))] = true
				}
			}
			got := idSet(t, c.cube, res)
			if fewer += len(want); !maps.Equal(got, want) {
				t.Errorf("resolution %d: %d hexagons, %d have something to show", res, len(got), len(want))
			}
			s, err := c.cube.Hexagons(t.Context(), res)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(s.columns, []string{"res", "area_km2"}) || s.Features() != len(want) {
				t.Fatalf("columns %v, %d features", s.columns, s.Features())
			}
			for _, row := range rowsOf(t, s) {
				if r := int64(row.ID >> 49); row.Values[0] != r || row.Values[1].(float64) <= 0 {
					t.Errorf("hexagon %d of resolution %d: %v", row.ID, r, row.Values)
				}
			}
		}
	}
	if len(touched) == 0 || fewer == 0 {
		t.Error("nothing was taken back")
	}
}

// A hundred thousand filters over little casework: the tiles, the sums and the sheets stay within their bounds.
func TestAHundredThousandFiltersStayWithinTheirBounds(t *testing.T) {
	const limit, asked, slack = 1 << 20, 100_000, 16 << 20
	before := heap()
	s := NewSet(limit)
	cube := NewCube(someGroups(t, 3000), numbers, Stamp{})
	s.Publish(Change{Cube: cube})
	first, n := month(t, "2022-01"), 0
	for mask := 1; mask < 1<<len(grids.CaseKinds) && n < asked; mask++ {
		var f Filter
		for i, k := range grids.CaseKinds {
			if mask>>i&1 == 1 {
				f.Kinds = append(f.Kinds, k)
			}
		}
		for from := 0; from < 58 && n < asked; from++ {
			for to := from; to < 58 && n < asked; to++ {
				f.Period = grids.Period{From: first + grids.Month(from), To: first + grids.Month(to)}
				if n++; n%50 == 0 {
					r := over(9, Heat)
					if r.Filter = f; n%1000 == 0 {
						r.Filter.Kinds = nil
					}
					if _, err := s.Tile(t.Context(), r); err != nil {
						t.Fatal(err)
					}
					continue
				}
				if _, err := cube.Released(t.Context(), f, 8); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	s.tiles.CleanUp()
	for what, size := range map[string][2]int64{"tiles": {s.Usage().Bytes, limit}, "releases": {cube.releases.bytes(), maxReleaseBytes}, "sheets": {cube.sheets.bytes(), maxSheetBytes}} {
		if size[0] > size[1] || size[0] == 0 {
			t.Errorf("the %s take %d bytes of %d", what, size[0], size[1])
		}
		t.Logf("%d filters: %s take %d of %d", n, what, size[0], size[1])
	}
	grown := heap() - before
	t.Logf("the heap grew by %.1f MB, the cube says %.1f MB", float64(grown)/1e6, float64(cube.Bytes())/1e6)
	if grown > limit+maxReleaseBytes+maxSheetBytes+slack { // what is kept is what it says it is
		t.Errorf("the heap grew by %d MB", grown>>20)
	}
	runtime.KeepAlive(s)
}

// heap is what is alive in this process.
func heap() int64 {
	runtime.GC()
	runtime.GC() // pools let go in the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Two sets show one district by different rules, to different readers: their tiles have nothing of each other, whatever is asked first.
func TestTwoRulesDoNotMix(t *testing.T) {
	groups := someGroups(t, 5000)
	build := func(rule disclosure.Rule) *Set {
		s := NewSet(1 << 20)
		s.Publish(Change{Cube: NewCube(below(t, groups, rule), rule, Stamp{})})
		return s
	}
	cases := func(s *Set, z int) (n []float64, to int, finest float64) {
		t.Helper()
		tile := s.mustTile(t, over(z, Heat))
		raw, err := tile.Raw()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range decoded(t, raw) {
			n = append(n, f.Properties["cases"].(float64))
			finest = max(finest, f.Properties["res"].(float64))
			if last, ok := f.Properties["cases_to"].(float64); ok {
				if to++; last < n[len(n)-1] {
					t.Errorf("a band from %v to %v", n[len(n)-1], last)
				}
			}
		}
		return n, to, finest
	}
	exact, banded, coarse := build(numbers), build(bands), build(disclosure.RuleOf(grids.ClassBands, 3))
	for range 2 {
		n, to, finest := cases(exact, 10)
		odd := slices.ContainsFunc(n, func(v float64) bool { return v > 10 && int(v)%10 != 0 })
		if !odd || to > 0 || finest != 8 {
			t.Errorf("numbers: %v, %d with an end, resolution %v", n, to, finest)
		}
		n, to, finest = cases(banded, 10)
		if slices.ContainsFunc(n, func(v float64) bool { return !slices.Contains([]float64{0, 5, 10, 20, 50, 100, 200, 500, 1000}, v) }) || to == 0 || finest != 8 {
			t.Errorf("bands: %v, %d with an end, resolution %v", n, to, finest)
		}
		if _, _, finest = cases(coarse, 12); finest != 6 {
			t.Errorf("coarse bands: resolution %v", finest)
		}
		if r := over(12, Hexagons); same(coarse.mustTile(t, r), exact.mustTile(t, r)) || coarse.mustTile(t, r).ETag == exact.mustTile(t, r).ETag {
			t.Error("hexagons of two rules are one")
		}
	}
}
