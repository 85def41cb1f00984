package tiles

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/paulmach/orb"

	"wangge/grids"
	"wangge/grids/disclosure"
	"wangge/grids/mesh"
)

// The rules of the tests: the numbers of those who see most, and the bands of those who see less.
var (
	numbers = disclosure.RuleOf(grids.ClassCommand, 3)
	bands   = disclosure.RuleOf(grids.ClassField, 3)
)

// someEvents is n seeded events around a hundred places of the district, over 58 months from January 2022, those of one cell, month and
// kind as one group.
func someEvents(t testing.TB, n int) (list []disclosure.Group) {
	t.Helper()
	r := rand.New(rand.NewPCG(310151, 1))
	centres := make([]orb.Point, 100)
	for i := range centres {
		centres[i] = orb.Point{121.2 + 0.7*r.Float64(), 31.4 + 0.4*r.Float64()}
	}
	all := map[disclosure.Group]int32{}
	for range n {
		at, spread := centres[int(100*r.Float64()*r.Float64())], 0.03*r.Float64()
		cell, err := mesh.At(orb.Point{at[0] + spread*r.NormFloat64(), at[1] + spread*r.NormFloat64()}, finestHeat)
		if err != nil {
			t.Fatal(err)
		}
		m := month(t, "2022-01") + grids.Month(r.IntN(58))
		all[disclosure.Group{Cell: cell, From: m, To: m, Kinds: 1 << (1 + r.IntN(7))}]++
	}
	for g, count := range all {
		g.N = count
		list = append(list, g)
	}
	slices.SortFunc(list, compareGroups)
	return list
}

// someGroups is the groups by which someEvents are told to those who see most.
func someGroups(t testing.TB, n int) []disclosure.Group {
	t.Helper()
	r := disclosure.NewRelease(numbers)
	r.Take(disclosure.Step{Closed: month(t, "2026-10"), Came: n, In: someEvents(t, n)})
	return r.Groups()
}

// below is the groups by which what is in groups is told to those who see less.
func below(t testing.TB, groups []disclosure.Group, rule disclosure.Rule) []disclosure.Group {
	t.Helper()
	r := disclosure.NewRelease(numbers).Below(rule)
	r.Take(disclosure.Step{Closed: month(t, "2026-10"), Came: len(groups), In: groups})
	return r.Groups()
}

// lets reports whether the filter takes the group in, the slow way: it may be of no other month and no other kind.
func lets(f Filter, g disclosure.Group) bool {
	for m := g.From; m <= g.To; m++ {
		if !f.Period.Contains(m.First()) {
			return false
		}
	}
	for _, k := range grids.CaseKinds {
		if g.Kinds>>k.Number()&1 == 1 && len(f.Kinds) > 0 && !slices.Contains(f.Kinds, k) {
			return false
		}
	}
	return true
}

// someFilters is filters of every shape.
func someFilters(t testing.TB) map[string]Filter {
	t.Helper()
	p := func(from, to string) grids.Period { return grids.Period{From: month(t, from), To: month(t, to)} }
	return map[string]Filter{
		"all":           {},
		"a year":        {Period: p("2023-01", "2023-12")},
		"a month":       {Period: p("2024-02", "2024-02")},
		"from":          {Period: grids.Period{From: month(t, "2025-07")}},
		"to":            {Period: grids.Period{To: month(t, "2022-06")}},
		"before it all": {Period: p("2019-01", "2021-12")},
		"after it all":  {Period: p("2031-01", "2031-12")},
		"wider":         {Period: p("2001-01", "2099-12")},
		"a kind":        {Kinds: []grids.CaseKind{grids.TipOff}},
		"both":          {Period: p("2023-05", "2024-06"), Kinds: []grids.CaseKind{grids.Trafficking, grids.OtherCase}},
	}
}

// sumsOf is the groups that a filter takes in by cell of resolution res or coarser, the slow way.
func sumsOf(groups []disclosure.Group, f Filter, res int) map[mesh.Cell]int {
	sums := map[mesh.Cell]int{}
	for _, g := range groups {
		if g.N > 0 && lets(f, g) {
			sums[g.Cell.Parent(min(res, g.Cell.Resolution()))] += int(g.N)
		}
	}
	return sums
}

// bandOf is the first and the last number of the band from 5 on that holds n; no last one for the band without end.
func bandOf(n int) (int64, any) {
	begins := []int64{5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000}
	for i := len(begins) - 1; ; i-- {
		if begins[i] <= int64(n) {
			if i == len(begins)-1 {
				return begins[i], nil
			}
			return begins[i], begins[i+1] - 1
		}
	}
}

// What a cube tells are whole groups, rolled up: groups that reach out of the period or the kinds are not in it. Readers of numbers get
// numbers, readers of bands the ends of bands, and densities of what they get.
func TestCubeTellsWholeGroups(t *testing.T) {
	all := someGroups(t, 20000)
	empty := slices.Clone(all[:50]) // taken back since
	for i := range empty {
		empty[i].N = 0
	}
	if coarse := slices.IndexFunc(all, func(g disclosure.Group) bool { return g.Cell.Resolution() < finestHeat && g.To > g.From }); coarse < 0 {
		t.Fatal("no coarse group of several months")
	}
	for rule, groups := range map[string][]disclosure.Group{"numbers": slices.Concat(all, empty), "bands": below(t, all, bands)} {
		cube := NewCube(groups, map[string]disclosure.Rule{"numbers": numbers, "bands": bands}[rule], Stamp{})
		least := int64(cube.Rule().K)
		for name, f := range someFilters(t) {
			for res := coarsestHeat; res <= finestHeat; res++ {
				want := sumsOf(groups, f, res)
				s, err := cube.Sheet(t.Context(), f, res)
				if err != nil {
					t.Fatal(err)
				}
				rows := rowsOf(t, s)
				for _, row := range rows {
					cell, err := mesh.ParseCell(row.Values[0].(string))
					if err != nil {
						t.Fatal(err)
					}
					n, to := int64(want[cell]), any(nil)
					if rule == "bands" {
						n, to = bandOf(want[cell])
					}
					if row.Values[1] != int64(cell.Resolution()) || row.Values[2] != n || row.Values[3] != to || n < least || row.ID != hexagonID(cell) {
						t.Errorf("%s, %s at %d: cell %s has %v, want %d to %v", rule, name, res, cell, row.Values, n, to)
					}
					km2 := cell.AreaM2() / 1e6
					if d := row.Values[4].(float64); math.Abs(d*km2-float64(n)) > 0.006*float64(n) || math.Abs(row.Values[5].(float64)-km2) > 0.001*km2 {
						t.Errorf("%s, %s at %d: cell %s has density %v, area %v", rule, name, res, cell, d, row.Values[5])
					}
				}
				released, err := cube.Released(t.Context(), f, res)
				if err != nil || len(rows) != len(want) || len(released) != len(want) {
					t.Errorf("%s, %s at %d: %d cells, %d released, want %d, %v", rule, name, res, len(rows), len(released), len(want), err)
				}
				for i, b := range released {
					if b.N != want[b.Cell] || i > 0 && b.Cell <= released[i-1].Cell {
						t.Errorf("%s, %s at %d: released %v, want %d", rule, name, res, b, want[b.Cell])
					}
				}
			}
			sameSpans(t, cube, groups, f)
		}
		told := 0
		for _, g := range groups {
			told += int(g.N)
		}
		if cube.Told() != told || told == 0 {
			t.Errorf("%s: %d events told, want %d", rule, cube.Told(), told)
		}
	}
}

// sameSpans holds the months of a cube, and its groups, against going through all that were given.
func sameSpans(t failer, cube *Cube, groups []disclosure.Group, f Filter) {
	t.Helper()
	want := map[grids.Period]int{}
	for _, g := range groups {
		if g.N > 0 && lets(f, g) {
			want[grids.Period{From: g.From, To: g.To}] += int(g.N)
		}
	}
	spans := cube.Spans(f)
	for i, s := range spans {
		if s.N != want[s.Period] || i > 0 && (s.Period.From < spans[i-1].Period.From || s.Period.From == spans[i-1].Period.From && s.Period.To <= spans[i-1].Period.To) {
			t.Fatal(fmt.Sprintf("%v: span %d is %v, want %d", f, i, s, want[s.Period]))
		}
	}
	if len(spans) != len(want) {
		t.Fatal(fmt.Sprintf("%v: %d spans, want %d", f, len(spans), len(want)))
	}
	got, all := slices.Collect(cube.All()), slices.DeleteFunc(slices.Clone(groups), func(g disclosure.Group) bool { return g.N <= 0 })
	place := func(a, b disclosure.Group) int {
		return cmp.Or(cmp.Compare(a.Cell.Parent(coarsestBucket), b.Cell.Parent(coarsestBucket)), compareGroups(a, b))
	}
	if slices.SortFunc(all, place); !slices.Equal(got, all) {
		t.Fatal(fmt.Sprintf("%d groups by place, want %d, or others", len(got), len(all)))
	}
	for range cube.All() {
		break // whoever has seen enough may leave
	}
}

// Nothing that is shown can be subtracted from anything else so that fewer than K are left: neither the finer hexagons from the coarse
// one, nor a part of the period or of the kinds from more of it, at any zoom.
func TestSheetsIsolateNoSmallGroup(t *testing.T) {
	cube := NewCube(someGroups(t, 6000), numbers, Stamp{})
	sheet := func(f Filter, res int) map[mesh.Cell]int {
		out := map[mesh.Cell]int{}
		s, err := cube.Sheet(t.Context(), f, res)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rowsOf(t, s) {
			cell, _ := mesh.ParseCell(row.Values[0].(string))
			out[cell] = int(row.Values[2].(int64))
		}
		return out
	}
	apart := func(what string, whole, part map[mesh.Cell]int) {
		t.Helper()
		for cell, n := range whole {
			if rest := n - part[cell]; rest != 0 && rest < numbers.K {
				t.Errorf("%s: %d events are left of cell %s", what, rest, cell)
			}
			delete(part, cell)
		}
		if len(part) > 0 {
			t.Errorf("%s: %d cells are not in the whole", what, len(part))
		}
	}
	first := month(t, "2022-01")
	for res := coarsestHeat; res <= finestHeat; res++ {
		whole := sheet(Filter{}, res)
		if res < finestHeat {
			inside := map[mesh.Cell]int{}
			for cell, n := range sheet(Filter{}, res+1) {
				inside[cell.Parent(min(res, cell.Resolution()))] += n
			}
			for cell, n := range whole {
				if inside[cell] != n {
					t.Errorf("cell %s has %d events, in it are %d", cell, n, inside[cell])
				}
			}
		}
		for i := range 58 {
			to := sheet(Filter{Period: grids.Period{To: first + grids.Month(i)}}, res)
			apart(fmt.Sprint("up to month ", i), whole, to)
			apart(fmt.Sprint("month ", i), sheet(Filter{Period: grids.Period{To: first + grids.Month(i)}}, res), sheet(Filter{Period: grids.Period{To: first + grids.Month(i) - 1}}, res))
		}
		for i := range grids.CaseKinds {
			apart(fmt.Sprint("without kind ", i), whole, sheet(Filter{Kinds: slices.Delete(slices.Clone(grids.CaseKinds[:]), i, i+1)}, res))
			apart(fmt.Sprint("kind ", i), whole, sheet(Filter{Kinds: grids.CaseKinds[i : i+1]}, res))
		}
	}
}

// The hexagons of a heat tile are valid, have their ids, and are those of the sheet.
func TestHeatTilesAreValid(t *testing.T) {
	cube := NewCube(someGroups(t, 20000), numbers, Stamp{})
	var j judge
	ids := map[int]map[uint64]bool{}
	for z := 5; z <= 15; z++ {
		res := HeatResolution(z)
		s, err := cube.Sheet(t.Context(), Filter{}, res)
		if err != nil {
			t.Fatal(err)
		}
		if ids[z] = map[uint64]bool{}; z > 12 {
			chongming := orb.Bound{Min: orb.Point{121.4, 31.5}, Max: orb.Point{121.5, 31.6}}
			for _, m := range tilesOver(chongming, z) {
				judgeTile(t, &j, fmt.Sprintf("heat %v", m), cutTile(s, z, int(m.X), int(m.Y)))
			}
			continue
		}
		for _, m := range tilesOver(chongming.Pad(0.3), z) {
			tile := cutTile(s, z, int(m.X), int(m.Y))
			judgeTile(t, &j, fmt.Sprintf("heat %v", m), tile)
			for id := range decoded(t, tile) {
				ids[z][id] = true
			}
		}
		if len(ids[z]) != len(rowsOf(t, s)) {
			t.Errorf("zoom %d: the tiles have %d hexagons, the sheet %d", z, len(ids[z]), len(rowsOf(t, s)))
		}
	}
	j.verdict(t, 1000)
}

// badGroup lies in no cell.
var badGroup = disclosure.Group{Cell: 1 << 40, From: 24300, To: 24300, Kinds: 2, N: 3}

func TestSheetRefuses(t *testing.T) {
	cube := NewCube(someGroups(t, 1000), numbers, Stamp{})
	for _, res := range []int{coarsestHeat - 1, finestHeat + 1} {
		if _, err := cube.Sheet(t.Context(), Filter{}, res); grids.KindOf(err) != grids.Invalid {
			t.Errorf("resolution %d: %v", res, err)
		}
		if _, err := cube.Released(t.Context(), Filter{}, res); grids.KindOf(err) != grids.Invalid {
			t.Errorf("resolution %d, released: %v", res, err)
		}
	}
	cube.turn <- struct{}{} // somebody else is cutting
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := cube.Sheet(ctx, Filter{}, 6); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting with a cancelled context: %v", err)
	}
	<-cube.turn
	fine, err := mesh.At(orb.Point{121.5, 31.6}, finestHeat+1)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range []disclosure.Group{badGroup, {Cell: fine, From: 24300, To: 24300, Kinds: 2, N: 3}, {Cell: fine.Parent(coarsestBucket - 1), From: 24300, To: 24300, Kinds: 2, N: 3}} {
		broken := NewCube([]disclosure.Group{g}, numbers, Stamp{})
		if _, err := broken.Sheet(t.Context(), Filter{}, 6); grids.KindOf(err) != grids.Internal || err == nil {
			t.Errorf("group %v: %v", g, err)
		}
	}
	empty := NewCube(nil, numbers, Stamp{})
	if s, err := empty.Sheet(t.Context(), Filter{}, 6); err != nil || s.Features() != 0 {
		t.Errorf("no events: %v", err)
	}
	if len(empty.Spans(Filter{})) != 0 || empty.Told() != 0 {
		t.Error("no events, and some are told")
	}
}

// No reader sees finer cells than his rule has, and the whole district is always drawn.
func TestFinest(t *testing.T) {
	for _, c := range []struct{ finest, res, want int }{{8, 6, 6}, {8, 8, 8}, {7, 8, 7}, {6, 8, 6}, {6, 6, 6}, {0, 8, coarsestHeat}} {
		if got := NewCube(nil, disclosure.Rule{K: 3, Finest: c.finest}, Stamp{}).Finest(c.res); got != c.want {
			t.Errorf("finest %d at %d: %d, want %d", c.finest, c.res, got, c.want)
		}
	}
}

// The order in which groups come makes no difference, they are not changed, and asking at once from many sides is safe.
func TestCubeIsTheSameInAnyOrderAndForAll(t *testing.T) {
	groups := someGroups(t, 5000)
	mixed := slices.Clone(groups)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
	given := slices.Clone(mixed)
	a, b := NewCube(groups, numbers, Stamp{}), NewCube(given, numbers, Stamp{})
	if !slices.Equal(given, mixed) {
		t.Error("the groups that were given are in another order")
	}
	clear(given)
	var wg sync.WaitGroup
	for _, f := range someFilters(t) {
		for range 3 {
			wg.Go(func() {
				x, err1 := a.Sheet(t.Context(), f, 8)
				y, err2 := b.Sheet(t.Context(), f, 8)
				if err1 != nil || err2 != nil || !reflect.DeepEqual(rowsOf(t, x), rowsOf(t, y)) {
					t.Errorf("%v: the sheets differ, %v, %v", f, err1, err2)
				}
			})
		}
	}
	wg.Wait()
}

// A cube keeps at most 25 bytes a group, and says so.
func TestCubeIsLean(t *testing.T) {
	var before, after runtime.MemStats
	base, err := mesh.At(orb.Point{121.5, 31.6}, finestHeat)
	if err != nil {
		t.Fatal(err)
	}
	var groups []disclosure.Group
	for _, cell := range base.Parent(coarsestBucket).Children(finestHeat) {
		for m := range grids.Month(600) {
			groups = append(groups, disclosure.Group{Cell: cell, From: 24000 + m, To: 24000 + m, Kinds: 2, N: 3})
		}
	}
	n := int64(len(groups))
	runtime.GC()
	runtime.ReadMemStats(&before)
	cube := NewCube(groups, numbers, Stamp{})
	runtime.GC()
	runtime.ReadMemStats(&after)
	if used := int64(after.HeapAlloc) - int64(before.HeapAlloc); used > 25*n || cube.Bytes() > 25*n || cube.Bytes() < 24*n {
		t.Errorf("%d groups keep %d bytes; the cube says %d", n, used, cube.Bytes())
	}
	runtime.KeepAlive(groups)
	runtime.KeepAlive(cube)
}
