package tiles

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"sync"
	"testing"

	"github.com/paulmach/orb"

	"wangge/grids"
	"wangge/grids/disclosure"
	"wangge/grids/mesh"
)

// someEvents is n seeded events around a hundred places of the district, over 58 months from January 2022.
func someEvents(t testing.TB, n int) grids.CaseColumns {
	t.Helper()
	r := rand.New(rand.NewPCG(310151, 1))
	centres := make([]orb.Point, 100)
	for i := range centres {
		centres[i] = orb.Point{121.2 + 0.7*r.Float64(), 31.4 + 0.4*r.Float64()}
	}
	var c grids.CaseColumns
	for range n {
		at, spread := centres[int(100*r.Float64()*r.Float64())], 0.03*r.Float64()
		cell, err := mesh.At(orb.Point{at[0] + spread*r.NormFloat64(), at[1] + spread*r.NormFloat64()}, 12)
		if err != nil {
			t.Fatal(err)
		}
		c.Cells = append(c.Cells, int64(cell))
		c.Months = append(c.Months, int32(month(t, "2022-01"))+int32(r.IntN(58)))
		c.Kinds = append(c.Kinds, uint8(1+r.IntN(7)))
	}
	return c
}

// lets reports whether the filter lets event i through, the slow way.
func lets(c grids.CaseColumns, f Filter, i int) bool {
	if !f.Period.Contains(grids.Month(c.Months[i]).First()) {
		return false
	}
	for _, k := range f.Kinds {
		if k.Number() == int16(c.Kinds[i]) {
			return true
		}
	}
	return len(f.Kinds) == 0
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

// Sheets and histograms count what counting one by one counts, and what is hidden is what the partition hides.
func TestCubeCountsWhatCountingCounts(t *testing.T) {
	c := someEvents(t, 20000)
	c.Cells[5], c.Cells[77] = 0, 0 // known only by village or grid
	cube := NewCube(c, Stamp{})
	policy := disclosure.Policy{K: 3}
	for name, f := range someFilters(t) {
		total, fine, byMonth := 0, map[mesh.Cell]int{}, map[grids.Month]int{}
		for i := range c.Cells {
			if lets(c, f, i) {
				byMonth[grids.Month(c.Months[i])]++
				if c.Cells[i] != 0 {
					total++
					fine[mesh.Cell(c.Cells[i]).Parent(10)]++
				}
			}
		}
		first, counts := cube.Months(f)
		for i, n := range counts {
			if n != byMonth[first+grids.Month(i)] {
				t.Errorf("%s: %s has %d events, want %d", name, first+grids.Month(i), n, byMonth[first+grids.Month(i)])
			}
			delete(byMonth, first+grids.Month(i))
		}
		if len(byMonth) > 0 {
			t.Errorf("%s: months missing from the histogram: %v", name, byMonth)
		}
		buckets, hidden := policy.Partition(fine, coarsestBucket)
		for res := coarsestHeat; res <= finestHeat; res++ {
			want, sum := map[mesh.Cell]int{}, 0
			for _, b := range buckets {
				want[b.Cell.Parent(min(res, b.Cell.Resolution()))] += b.N
			}
			s, err := cube.Sheet(t.Context(), f, res, policy)
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range rowsOf(t, s) {
				cell, err := mesh.ParseCell(row.Values[0].(string))
				if err != nil {
					t.Fatal(err)
				}
				n := int(row.Values[2].(int64))
				if sum += n; n != want[cell] || n < policy.K || row.Values[1] != int64(cell.Resolution()) || cell.Resolution() > res {
					t.Errorf("%s at %d: cell %s has %v, want %d", name, res, cell, row.Values, want[cell])
				}
				if d := row.Values[3].(float64); math.Abs(d*cell.AreaM2()/1e6-float64(n)) > 0.006*float64(n) {
					t.Errorf("%s at %d: cell %s has density %v", name, res, cell, d)
				}
			}
			if len(want) != len(rowsOf(t, s)) || sum+hidden != total {
				t.Errorf("%s at %d: %d cells with %d events and %d hidden, want %d with %d in all", name, res, len(rowsOf(t, s)), sum, hidden, len(want), total)
			}
		}
	}
}

// No two sheets of a filter can be subtracted: what a coarse hexagon has more than the finer ones inside, over all zooms, is nothing
// or at least K.
func TestSheetsIsolateNoSmallGroup(t *testing.T) {
	c := someEvents(t, 3000)
	cube, policy := NewCube(c, Stamp{}), disclosure.Policy{K: 5}
	sheets := map[int]map[mesh.Cell]int{}
	for res := coarsestHeat; res <= finestHeat; res++ {
		sheets[res] = map[mesh.Cell]int{}
		s, err := cube.Sheet(t.Context(), Filter{}, res, policy)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rowsOf(t, s) {
			cell, _ := mesh.ParseCell(row.Values[0].(string))
			sheets[res][cell] = int(row.Values[2].(int64))
		}
	}
	for res := coarsestHeat; res < finestHeat; res++ {
		inside := map[mesh.Cell]int{}
		for cell, n := range sheets[res+1] {
			if cell.Resolution() == res+1 {
				inside[cell.Parent(res)] += n
			}
		}
		for cell, n := range sheets[res] {
			if rest := n - inside[cell]; cell.Resolution() == res && rest != 0 && rest < policy.K {
				t.Errorf("cell %s less its children is %d events", cell, rest)
			}
		}
	}
}

// The hexagons of a heat tile are valid, have their ids, and are those of the sheet.
func TestHeatTilesAreValid(t *testing.T) {
	c := someEvents(t, 20000)
	cube := NewCube(c, Stamp{})
	var j judge
	ids := map[int]map[uint64]bool{}
	for z := 5; z <= 15; z++ {
		res := HeatResolution(z)
		s, err := cube.Sheet(t.Context(), Filter{}, res, disclosure.Policy{K: 3})
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

func TestSheetRefuses(t *testing.T) {
	c := someEvents(t, 100)
	cube := NewCube(c, Stamp{})
	if _, err := cube.Sheet(t.Context(), Filter{}, 11, disclosure.Policy{K: 3}); grids.KindOf(err) != grids.Invalid {
		t.Errorf("resolution 11: %v", err)
	}
	cube.turn <- struct{}{} // somebody else is cutting
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := cube.Sheet(ctx, Filter{}, 6, disclosure.Policy{K: 3}); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting with a cancelled context: %v", err)
	}
	<-cube.turn
	broken := NewCube(grids.CaseColumns{Cells: []int64{1 << 40, 1 << 40, 1 << 40}, Months: []int32{24300, 24300, 24300}, Kinds: []uint8{1, 1, 1}}, Stamp{})
	if _, err := broken.Sheet(t.Context(), Filter{}, 6, disclosure.Policy{K: 1}); grids.KindOf(err) != grids.Internal || err == nil {
		t.Errorf("no cell: %v", err)
	}
	empty := NewCube(grids.CaseColumns{}, Stamp{})
	if s, err := empty.Sheet(t.Context(), Filter{}, 6, disclosure.Policy{K: 3}); err != nil || s.Features() != 0 {
		t.Errorf("no events: %v", err)
	}
	if _, counts := empty.Months(Filter{}); counts != nil {
		t.Errorf("no events: %v", counts)
	}
}

// The order in which events come makes no difference, and asking at once from many sides is safe.
func TestCubeIsTheSameInAnyOrderAndForAll(t *testing.T) {
	c := someEvents(t, 5000)
	a := NewCube(c, Stamp{})
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(c.Cells), func(i, j int) {
		c.Cells[i], c.Cells[j] = c.Cells[j], c.Cells[i]
		c.Months[i], c.Months[j] = c.Months[j], c.Months[i]
		c.Kinds[i], c.Kinds[j] = c.Kinds[j], c.Kinds[i]
	})
	b := NewCube(c, Stamp{})
	var wg sync.WaitGroup
	for _, f := range someFilters(t) {
		for range 3 {
			wg.Go(func() {
				x, err1 := a.Sheet(t.Context(), f, 8, disclosure.Policy{K: 3})
				y, err2 := b.Sheet(t.Context(), f, 8, disclosure.Policy{K: 3})
				if err1 != nil || err2 != nil || !reflect.DeepEqual(rowsOf(t, x), rowsOf(t, y)) {
					t.Errorf("%v: the sheets differ, %v, %v", f, err1, err2)
				}
			})
		}
	}
	wg.Wait()
}

// A cube keeps at most 25 bytes an event, even when hardly two events share a cell.
func TestCubeIsLean(t *testing.T) {
	const n = 200000
	var before, after runtime.MemStats
	c := grids.CaseColumns{Cells: make([]int64, n), Months: make([]int32, n), Kinds: make([]uint8, n)}
	base, err := mesh.At(orb.Point{121.5, 31.6}, 12)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		c.Cells[i], c.Months[i], c.Kinds[i] = int64(base)+int64(i)<<9, 24300, 1
	}
	runtime.GC()
	runtime.ReadMemStats(&before)
	cube := NewCube(c, Stamp{})
	runtime.GC()
	runtime.ReadMemStats(&after)
	if used := int64(after.HeapAlloc) - int64(before.HeapAlloc); used > 25*n || cube.Bytes() > 25*n {
		t.Errorf("%d events keep %d bytes; the cube says %d", n, used, cube.Bytes())
	}
	runtime.KeepAlive(c)
	runtime.KeepAlive(cube)
}
