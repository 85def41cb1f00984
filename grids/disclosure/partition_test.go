package disclosure

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/paulmach/orb"
	"pgregory.net/rapid"

	"wangge/grids/mesh"
)

func at(t testing.TB, lon, lat float64, res int) mesh.Cell {
	t.Helper()
	c, err := mesh.At(orb.Point{lon, lat}, res)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestPartition(t *testing.T) {
	top := at(t, 121.5, 31.62, 8)
	mid := top.Children(9)
	low, other := mid[0].Children(10), mid[1].Children(10)
	p := Policy{K: 3}
	for _, tt := range []struct {
		name   string
		counts map[mesh.Cell]int
		shown  []Bucket
		hidden int
	}{
		{"nothing", nil, nil, 0},
		{"enough", map[mesh.Cell]int{low[0]: 3}, []Bucket{{low[0], 3}}, 0},
		{"too few anywhere", map[mesh.Cell]int{low[0]: 1, other[0]: 1}, nil, 2},
		{"small siblings together, the large one apart", map[mesh.Cell]int{low[0]: 5, low[1]: 2, low[2]: 1}, []Bucket{{mid[0], 3}, {low[0], 5}}, 0},
		{"two steps up", map[mesh.Cell]int{low[0]: 5, low[1]: 2, other[0]: 2}, []Bucket{{top, 4}, {low[0], 5}}, 0},
		{"the rest stays hidden", map[mesh.Cell]int{low[0]: 5, low[1]: 2}, []Bucket{{low[0], 5}}, 2},
		{"a coarse cell takes what comes up to it", map[mesh.Cell]int{mid[0]: 2, low[1]: 1}, []Bucket{{mid[0], 3}}, 0},
		{"coarser than the coarsest", map[mesh.Cell]int{top.Parent(7): 2, top.Parent(6): 3}, []Bucket{{top.Parent(6), 3}}, 2},
		{"no events", map[mesh.Cell]int{low[0]: 0, low[1]: -4, low[2]: 3}, []Bucket{{low[2], 3}}, 0},
	} {
		shown, hidden := p.Partition(tt.counts, 8)
		if !slices.Equal(shown, tt.shown) || hidden != tt.hidden {
			t.Errorf("%s: %v and %d hidden, want %v and %d", tt.name, shown, hidden, tt.shown, tt.hidden)
		}
	}
	if shown, hidden := (Policy{}).Partition(map[mesh.Cell]int{top: 100}, 0); shown != nil || hidden != 100 {
		t.Errorf("the zero policy shows %v and hides %d", shown, hidden)
	}
}

// drawn are counts in a few towns' worth of cells, dense enough that all ways up occur.
func drawn(t *rapid.T) map[mesh.Cell]int {
	counts := map[mesh.Cell]int{}
	for range rapid.IntRange(0, 120).Draw(t, "cells") {
		p := orb.Point{121.5 + rapid.Float64Range(0, .02).Draw(t, "lon"), 31.6 + rapid.Float64Range(0, .02).Draw(t, "lat")}
		c, err := mesh.At(p, rapid.IntRange(9, 11).Draw(t, "res"))
		if err != nil {
			t.Fatal(err)
		}
		counts[c] = rapid.IntRange(0, 6).Draw(t, "n")
	}
	return counts
}

// bucketOf is the bucket that holds the events of cell c: the finest shown one above it, or none.
func bucketOf(shown map[mesh.Cell]int, c mesh.Cell, coarsest int) (mesh.Cell, bool) {
	for res := c.Resolution(); res >= min(coarsest, c.Resolution()); res-- {
		if up := c.Parent(res); shown[up] > 0 {
			return up, true
		}
	}
	return 0, false
}

func TestPartitionKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Policy{K: rapid.IntRange(1, 8).Draw(t, "k")}
		coarsest := rapid.IntRange(6, 11).Draw(t, "coarsest")
		counts := drawn(t)
		shown, hidden := p.Partition(counts, coarsest)

		total, sum := 0, hidden
		for _, n := range counts {
			total += n
		}
		buckets := map[mesh.Cell]int{}
		for i, b := range shown {
			if b.N < p.K {
				t.Fatalf("bucket %v of %d is shown at k = %d", b.Cell, b.N, p.K)
			}
			if i > 0 {
				last := shown[i-1]
				if d := b.Cell.Resolution() - last.Cell.Resolution(); d < 0 || d == 0 && b.Cell <= last.Cell {
					t.Fatalf("%v comes after %v", b.Cell, last.Cell)
				}
			}
			buckets[b.Cell] = b.N
			sum += b.N
		}
		if sum != total {
			t.Fatalf("shown and hidden are %d, the total is %d", sum, total)
		}
		// Every event is in the finest bucket above it, and in that alone.
		rebuilt, lost := map[mesh.Cell]int{}, 0
		for c, n := range counts {
			if up, ok := bucketOf(buckets, c, coarsest); ok {
				if n > 0 {
					rebuilt[up] += n
				}
			} else {
				lost += n
			}
		}
		if !maps.Equal(rebuilt, buckets) || lost != hidden {
			t.Fatalf("the events under the buckets are %v and %d, not %v and %d", rebuilt, lost, buckets, hidden)
		}
		again, hiddenAgain := p.Partition(maps.Clone(counts), coarsest)
		if !slices.Equal(shown, again) || hidden != hiddenAgain {
			t.Fatal("the answer depends on the order of the map")
		}
	})
}

// byLevels is the reference: resolution by resolution, the small ones added to their parents.
func byLevels(p Policy, counts map[mesh.Cell]int, coarsest int) (shown []Bucket, hidden int) {
	for res := 15; res >= 0; res-- {
		up := map[mesh.Cell]int{}
		for c, n := range counts {
			switch {
			case n <= 0:
			case c.Resolution() < res:
				up[c] += n
			case n >= p.K:
				shown = append(shown, Bucket{c, n})
			case res > coarsest:
				up[c.Parent(res-1)] += n
			default:
				hidden += n
			}
		}
		counts = up
	}
	slices.SortFunc(shown, func(a, b Bucket) int {
		return cmp.Or(cmp.Compare(a.Cell.Resolution(), b.Cell.Resolution()), cmp.Compare(a.Cell, b.Cell))
	})
	return shown, hidden
}

func TestPartitionIsTheReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Policy{K: rapid.IntRange(1, 40).Draw(t, "k")}
		coarsest := rapid.IntRange(-1, 12).Draw(t, "coarsest")
		counts := drawn(t)
		want, wantHidden := byLevels(p, counts, max(coarsest, 0))
		if got, hidden := p.Partition(counts, coarsest); !slices.Equal(got, want) || hidden != wantHidden {
			t.Fatalf("%v and %d hidden, want %v and %d", got, hidden, want, wantHidden)
		}
	})
}

func TestPartitionSortedIsTheReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Policy{K: rapid.IntRange(1, 40).Draw(t, "k")}
		coarsest, res := rapid.IntRange(-1, 13).Draw(t, "coarsest"), rapid.IntRange(0, 12).Draw(t, "res")
		spread := rapid.SampledFrom([]float64{.001, .02, 1, 40}).Draw(t, "spread")
		counts := map[mesh.Cell]int{}
		for range rapid.IntRange(0, 120).Draw(t, "cells") {
			c, err := mesh.At(orb.Point{121.5 + rapid.Float64Range(0, spread).Draw(t, "lon"), 31.6 + rapid.Float64Range(0, spread).Draw(t, "lat")}, res)
			if err != nil {
				t.Fatal(err)
			}
			counts[c] = rapid.IntRange(0, 6).Draw(t, "n")
		}
		cells, numbers := columns(counts)
		want, wantHidden := byLevels(p, counts, max(coarsest, 0))
		if got, hidden := p.PartitionSorted(cells, numbers, coarsest); !slices.Equal(got, want) || hidden != wantHidden {
			t.Fatalf("%v and %d hidden, want %v and %d", got, hidden, want, wantHidden)
		}
	})
	if shown, hidden := (Policy{}).PartitionSorted([]mesh.Cell{at(t, 121.5, 31.62, 9)}, []uint32{7}, 5); shown != nil || hidden != 7 {
		t.Errorf("the zero policy shows %v and hides %d", shown, hidden)
	}
}

// columns is the cells in ascending order and their counts.
func columns(counts map[mesh.Cell]int) (cells []mesh.Cell, numbers []uint32) {
	cells = slices.Sorted(maps.Keys(counts))
	for _, c := range cells {
		numbers = append(numbers, uint32(counts[c]))
	}
	return cells, numbers
}

// The attack that a threshold at every level falls to: the sum of all that is published below a cell, less that below its
// published children, isolates fewer than K events.
func TestParentMinusChildrenIsolatesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Policy{K: rapid.IntRange(2, 6).Draw(t, "k")}
		shown, _ := p.Partition(drawn(t), 7)
		for res := 7; res < 11; res++ {
			below, children := map[mesh.Cell]int{}, map[mesh.Cell]int{}
			for _, b := range shown {
				if b.Cell.Resolution() >= res {
					below[b.Cell.Parent(res)] += b.N
				}
				if b.Cell.Resolution() > res {
					children[b.Cell.Parent(res)] += b.N
				}
			}
			for c, n := range below {
				if d := n - children[c]; d > 0 && d < p.K {
					t.Fatalf("%v less its children leaves %d at k = %d", c, d, p.K)
				}
			}
		}
	})
}

// clustered is events in cells of resolution res.
func clustered(b *testing.B, events, res int) map[mesh.Cell]int {
	random := rand.New(rand.NewPCG(310151, 13))
	counts := map[mesh.Cell]int{}
	for range events {
		spread := .02 + .25*random.Float64()*random.Float64()
		counts[at(b, 121.5+spread*random.NormFloat64(), 31.6+.6*spread*random.NormFloat64(), res)]++
	}
	return counts
}

// BenchmarkPartition divides a million events, clustered in about 100 000 cells of resolution 10.
func BenchmarkPartition(b *testing.B) {
	counts := clustered(b, 1_000_000, 10)
	for b.Loop() {
		Policy{K: 3}.Partition(counts, 7)
	}
	b.ReportMetric(float64(len(counts)), "cells")
}

// BenchmarkPartitionSorted divides the same, and 170 000 events in about 60 000 cells.
func BenchmarkPartitionSorted(b *testing.B) {
	for _, events := range []int{1_000_000, 170_000} {
		b.Run(fmt.Sprintf("events=%d", events), func(b *testing.B) {
			cells, numbers := columns(clustered(b, events, 10))
			for b.Loop() {
				Policy{K: 3}.PartitionSorted(cells, numbers, 5)
			}
			b.ReportMetric(float64(len(cells)), "cells")
		})
	}
}
