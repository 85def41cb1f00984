package tiles

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/paulmach/orb"
	"pgregory.net/rapid"

	"wangge/grids"
	"wangge/grids/disclosure"
	"wangge/grids/mesh"
)

// someBatch is n events around a few places, some without a cell, in a few months from first on.
func someBatch(r *rand.Rand, n int, first grids.Month) (c grids.CaseColumns) {
	for range n {
		spread := 0.02 * r.Float64() * r.Float64()
		at := orb.Point{121.3 + 0.15*float64(r.IntN(4)) + spread*r.NormFloat64(), 31.6 + spread*r.NormFloat64()}
		cell, err := mesh.At(at, 12)
		if err != nil {
			panic(err)
		}
		if r.IntN(20) == 0 {
			cell = 0
		}
		c.Cells, c.Months, c.Kinds = append(c.Cells, int64(cell)), append(c.Months, int32(first)+int32(r.IntN(6))), append(c.Kinds, uint8(1+r.IntN(7)))
	}
	return c
}

// A cube that batches were added to is the cube of all their events: the same histograms, the same tiles of heat and hexagons byte for
// byte, the same values; and where a tile changed there is ground.
func TestCubesThatFollowAreThoseOfTheirEvents(t *testing.T) {
	policy := disclosure.Policy{K: 3}
	base := month(t, "2024-01")
	filters := []Filter{{}, {Period: grids.Period{From: base + 2, To: base + 3}}, {Kinds: []grids.CaseKind{grids.TipOff, grids.OtherCase}}, {Period: grids.Period{To: base - 1}}}
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		all := someBatch(r, rapid.IntRange(0, 80).Draw(t, "events"), base)
		cube := NewCube(all, Stamp{})
		for range rapid.IntRange(1, 3).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "drawn") { // its hexagons are taken over
				heatTiles(t, cube, filters[0], disclosure.Policy{K: 3 + r.IntN(2)})
			}
			more := someBatch(r, rapid.SampledFrom([]int{0, 1, 3, 40}).Draw(t, "more"), base+grids.Month(rapid.SampledFrom([]int{0, 0, -30, 20}).Draw(t, "later")))
			all = grids.CaseColumns{Cells: slices.Concat(all.Cells, more.Cells), Months: slices.Concat(all.Months, more.Months), Kinds: slices.Concat(all.Kinds, more.Kinds)}
			next, ground := cube.With(more, Stamp{Generation: "next"})
			if next.line != cube.line {
				ground = []Ground{Everywhere(Heat), Everywhere(Hexagons)}
			}
			fresh := NewCube(all, Stamp{})
			if next.Events() != len(all.Cells) || next.Stamp().Generation != "next" {
				t.Fatalf("%d events, want %d", next.Events(), len(all.Cells))
			}
			for _, f := range filters {
				m1, c1 := next.Months(f)
				m2, c2 := fresh.Months(f)
				if m1 != m2 || !slices.Equal(c1, c2) {
					t.Fatalf("%v: by month %v %v, want %v %v", f, m1, c1, m2, c2)
				}
				before, got, want := heatTiles(t, cube, f, policy), heatTiles(t, next, f, policy), heatTiles(t, fresh, f, policy)
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
			}
			cube = next
		}
	})
}

// heatTile names a tile.
type heatTile struct {
	layer   string
	z, x, y int
}

func (h heatTile) String() string { return fmt.Sprintf("%s %d/%d/%d", h.layer, h.z, h.x, h.y) }

// heatTiles is the tiles of both layers of casework at a few zooms.
func heatTiles(t failer, c *Cube, f Filter, k disclosure.Policy) map[heatTile][]byte {
	t.Helper()
	out := map[heatTile][]byte{}
	for _, z := range []int{6, 9, 11} {
		heat, err1 := c.Sheet(context.Background(), f, HeatResolution(z), k)
		hexagons, err2 := c.Hexagons(context.Background(), HeatResolution(z), k)
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

// The ground of a batch covers all that is drawn of the hexagons of its events, of every resolution.
func TestTheGroundOfABatchCoversItsHexagons(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	empty := NewCube(someBatch(r, 50, 24300), Stamp{})
	for range 2000 {
		cell, err := mesh.At(orb.Point{121 + r.Float64(), 31 + r.Float64()}, 12)
		if err != nil {
			t.Fatal(err)
		}
		_, ground := empty.With(grids.CaseColumns{Cells: []int64{int64(cell)}, Months: []int32{24300}, Kinds: []uint8{1}}, Stamp{})
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

// A batch comes while the cube before is being cut: neither harms the other.
func TestACubeFollowsWhileItIsCut(t *testing.T) {
	c := someEvents(t, 5000)
	policy := disclosure.Policy{K: 3}
	for range 5 {
		cube := NewCube(c, Stamp{})
		var wg sync.WaitGroup
		for res := coarsestHeat; res <= finestHeat; res++ {
			wg.Go(func() {
				if _, err := cube.Sheet(t.Context(), Filter{}, res, policy); err != nil {
					t.Error(err)
				}
			})
		}
		for i := range 5 {
			more := grids.CaseColumns{Cells: c.Cells[i*10 : i*10+10], Months: c.Months[:10], Kinds: c.Kinds[:10]}
			wg.Go(func() {
				next, _ := cube.With(more, Stamp{})
				if _, err := next.Sheet(t.Context(), Filter{}, 8, policy); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
}

// A cube with an event in no cell shows none, and does not forget the others over the next batch.
func TestABrokenCubeStaysBroken(t *testing.T) {
	good, bad := someEvents(t, 100), grids.CaseColumns{Cells: []int64{1 << 40}, Months: []int32{24300}, Kinds: []uint8{1}}
	for name, cube := range map[string]*Cube{"first": NewCube(bad, Stamp{}), "later": NewCube(good, Stamp{})} {
		for _, batch := range []grids.CaseColumns{bad, good, {}} {
			events := cube.Events()
			if cube, _ = cube.With(batch, Stamp{}); cube.Events() != events+len(batch.Cells) {
				t.Errorf("%s: %d events and %d make %d", name, events, len(batch.Cells), cube.Events())
			}
			if _, err := cube.Sheet(t.Context(), Filter{}, 6, disclosure.Policy{K: 3}); grids.KindOf(err) != grids.Internal || err == nil {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := cube.Hexagons(t.Context(), 6, disclosure.Policy{K: 3}); grids.KindOf(err) != grids.Internal || err == nil {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := cube.Values(t.Context(), nil, nil, [4]float64{}, 6, disclosure.Policy{K: 3}); grids.KindOf(err) != grids.Internal || err == nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// Whoever asks when he has already given up gets nothing and keeps nobody else waiting.
func TestGivingUpKeepsNobodyWaiting(t *testing.T) {
	cube, policy := NewCube(someEvents(t, 100), Stamp{}), disclosure.Policy{K: 3}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 50 {
		_, err1 := cube.Sheet(ctx, Filter{}, 6, policy)
		_, err2 := cube.Released(ctx, Filter{}, 6, policy)
		_, err3 := cube.Values(ctx, nil, nil, [4]float64{}, 6, policy)
		for _, err := range []error{err1, err2, err3} {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("given up: %v", err)
			}
		}
		if len(cube.turn) != 0 {
			t.Fatal("the turn is taken for good")
		}
	}
	if _, err := cube.Sheet(t.Context(), Filter{}, 6, policy); err != nil {
		t.Error(err)
	}
}

// Values is what the sheets show, in columns.
func TestValuesAreThoseOfTheSheets(t *testing.T) {
	cube, policy := NewCube(someEvents(t, 20000), Stamp{}), disclosure.Policy{K: 3}
	whole := [4]float64{-180, -85, 180, 85}
	part := [4]float64{121.4, 31.5, 121.5, 31.6}
	var periods []grids.Period
	for _, f := range someFilters(t) {
		periods = append(periods, f.Period)
	}
	for _, kinds := range [][]grids.CaseKind{nil, {grids.TipOff}, {grids.Trafficking, grids.OtherCase}} {
		for res := coarsestHeat; res <= finestHeat; res++ {
			for _, bounds := range [][4]float64{whole, part} {
				v, err := cube.Values(t.Context(), kinds, periods, bounds, res, policy)
				if err != nil || v.Res != res || !slices.IsSorted(v.IDs) || len(v.IDs) == 0 || len(v.AreaKm2) != len(v.IDs) || len(v.Cases) != len(periods) {
					t.Fatalf("%d ids, %d areas, %d periods, %v", len(v.IDs), len(v.AreaKm2), len(v.Cases), err)
				}
				known := idSet(t, cube, res, policy)
				box := boxOf(orb.Polygon{rect(bounds[0], bounds[1], bounds[2], bounds[3])})
				shown := map[uint64]bool{}
				for i, p := range periods {
					s, err := cube.Sheet(t.Context(), Filter{Period: p, Kinds: kinds}, res, policy)
					if err != nil {
						t.Fatal(err)
					}
					want := map[uint64]int64{}
					for _, row := range rowsOf(t, s) {
						if boxOf(row.Geometry).meets(box) {
							want[row.ID] = row.Values[2].(int64)
							shown[row.ID] = true
							if at, ok := slices.BinarySearch(v.IDs, row.ID); ok && v.AreaKm2[at] != row.Values[4] {
								t.Errorf("hexagon %d has %v km², want %v", row.ID, v.AreaKm2[at], row.Values[4])
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
	if v, err := cube.Values(t.Context(), nil, nil, whole, 8, policy); err != nil || len(v.IDs) != 0 || len(v.Cases) != 0 {
		t.Errorf("no period: %d ids, %v", len(v.IDs), err)
	}
	if _, err := cube.Values(t.Context(), nil, make([]grids.Period, maxHeatValues), whole, 8, policy); grids.KindOf(err) != grids.Invalid {
		t.Errorf("very many periods: %v", err)
	}
	if _, err := cube.Values(t.Context(), nil, periods, whole, 11, policy); grids.KindOf(err) != grids.Invalid {
		t.Errorf("resolution 11: %v", err)
	}
}

// idSet is the ids of the hexagons.
func idSet(t testing.TB, c *Cube, res int, k disclosure.Policy) map[uint64]bool {
	t.Helper()
	s, err := c.Hexagons(t.Context(), res, k)
	if err != nil {
		t.Fatal(err)
	}
	ids := map[uint64]bool{}
	for _, row := range rowsOf(t, s) {
		ids[row.ID] = true
	}
	return ids
}

// The hexagons say nothing that the sheets of all casework do not say: a cell is there just when what is shown in it is K or more. They
// have no count, and nothing else of a count.
func TestHexagonsGiveNoSmallGroupAway(t *testing.T) {
	c := someEvents(t, 3000)
	for _, k := range []disclosure.Policy{{K: 3}, {K: 5}, {K: 3}} { // the last again: another K makes them anew
		cube := NewCube(c, Stamp{})
		buckets, err := cube.Released(t.Context(), Filter{}, finestHeat, k)
		if err != nil {
			t.Fatal(err)
		}
		for res := coarsestHeat; res <= finestHeat; res++ {
			want := map[uint64]bool{}
			for _, b := range buckets {
				for up := min(res, b.Cell.Resolution()); up >= coarsestBucket; up-- {
					want[hexagonID(b.Cell.Parent(up))] = true
				}
			}
			if got := idSet(t, cube, res, k); !maps.Equal(got, want) {
				t.Errorf("K %d, resolution %d: %d hexagons, %d have something to show", k.K, res, len(got), len(want))
			}
			s, err := cube.Hexagons(t.Context(), res, k)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(s.columns, []string{"res", "area_km2"}) {
				t.Fatalf("columns %v", s.columns)
			}
			for _, row := range rowsOf(t, s) {
				if r := int64(row.ID >> 49); row.Values[0] != r || row.Values[1].(float64) <= 0 {
					t.Errorf("hexagon %d of resolution %d: %v", row.ID, r, row.Values)
				}
			}
		}
	}
}

// A hundred thousand filters over little casework: the tiles, the counts, the releases and the sheets stay within their bounds.
func TestAHundredThousandFiltersStayWithinTheirBounds(t *testing.T) {
	const limit, asked = 1 << 20, 100_000
	s := NewSet(disclosure.Policy{K: 3}, limit)
	cube := NewCube(someEvents(t, 1500), Stamp{})
	s.Publish(Change{Cube: cube})
	first, months := cube.Months(Filter{})
	n := 0
	for mask := 1; mask < 1<<len(grids.CaseKinds) && n < asked; mask++ {
		var f Filter
		for i, k := range grids.CaseKinds {
			if mask>>i&1 == 1 {
				f.Kinds = append(f.Kinds, k)
			}
		}
		for from := 0; from < len(months) && n < asked; from++ {
			for to := from; to < len(months) && n < asked; to++ {
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
				if _, err := cube.Released(t.Context(), f, 8, s.policy); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	s.tiles.CleanUp()
	for what, size := range map[string][2]int64{"tiles": {s.Usage().Bytes, limit}, "tables": {cube.tables.bytes(), maxTableBytes}, "releases": {cube.releases.bytes(), maxReleaseBytes}, "sheets": {cube.sheets.bytes(), maxSheetBytes}} {
		if size[0] > size[1] || size[0] == 0 {
			t.Errorf("the %s take %d bytes of %d", what, size[0], size[1])
		}
		t.Logf("%d filters: %s take %d of %d", n, what, size[0], size[1])
	}
}

// Another policy has hexagons of its own, and the first one's sheets are as they were when it comes back.
func TestPoliciesDoNotMix(t *testing.T) {
	cube := NewCube(someEvents(t, 5000), Stamp{})
	tile := func(k int) []byte {
		s, err := cube.Sheet(t.Context(), Filter{}, 8, disclosure.Policy{K: k})
		if err != nil {
			t.Fatal(err)
		}
		r := over(10, Heat)
		return cutTile(s, r.Z, r.X, r.Y)
	}
	three, five := tile(3), tile(5)
	if bytes.Equal(three, five) || !bytes.Equal(tile(3), three) || !bytes.Equal(tile(5), five) {
		t.Error("the sheets of two policies are mixed up")
	}
}
