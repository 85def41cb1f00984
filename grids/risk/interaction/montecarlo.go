package interaction

import (
	"cmp"
	"context"
	"math"
	"sync"

	"wangge/grids/risk/stat"
)

// extremes are, for each statistic, how many replicates were at least and at most what was observed.
type extremes struct{ atLeast, atMost []int }

// newExtremes are those of so many statistics before any replicate.
func newExtremes(statistics int) *extremes {
	return &extremes{atLeast: make([]int, statistics), atMost: make([]int, statistics)}
}

// add counts a replicate by its order against what was observed: −1 below, 0 equal, +1 above.
func (e *extremes) add(order []int) {
	for at, c := range order {
		if c >= 0 {
			e.atLeast[at]++
		}
		if c <= 0 {
			e.atMost[at]++
		}
	}
}

// comparer puts one permutation of the days in order against what was observed, statistic by statistic. It belongs to one goroutine.
type comparer func(days []float64, order []int)

// permute permutes the days as often as the options say. Replicate r draws from stream r of the seed and starts from the days as given, so
// that it is the same whichever worker does it.
func permute(ctx context.Context, days []float64, o Options, statistics int, newComparer func() comparer) (*extremes, error) {
	workers := max(1, min(o.Workers, o.Replicates))
	parts := make([]*extremes, workers)
	tick := ticker(o)
	var group sync.WaitGroup
	for w := range workers {
		parts[w] = newExtremes(statistics)
		compare := newComparer()
		group.Go(func() {
			shuffled, order := make([]float64, len(days)), make([]int, statistics)
			for r := w; r < o.Replicates && ctx.Err() == nil; r += workers {
				copy(shuffled, days)
				shuffle(shuffled, o.Seed, uint64(r))
				compare(shuffled, order)
				parts[w].add(order)
				tick()
			}
		})
	}
	group.Wait()
	if err := ended(ctx); err != nil {
		return nil, err
	}
	all := newExtremes(statistics)
	for _, part := range parts {
		for at := range part.atLeast {
			all.atLeast[at] += part.atLeast[at]
			all.atMost[at] += part.atMost[at]
		}
	}
	return all, nil
}

// ticker reports one more replicate as done, one goroutine at a time.
func ticker(o Options) func() {
	if o.Progress == nil {
		return func() {}
	}
	var lock sync.Mutex
	done := 0
	return func() {
		lock.Lock()
		defer lock.Unlock()
		done++
		o.Progress(done, o.Replicates)
	}
}

// shuffle puts the days in a random order, each of the n! alike (Fisher & Yates).
func shuffle(days []float64, seed, replicate uint64) {
	draw := stat.Stream(seed, replicate)
	for i := len(days) - 1; i > 0; i-- {
		j := draw.IntN(i + 1)
		days[i], days[j] = days[j], days[i]
	}
}

// simulate counts, for every cell, the permutations that are at least and at most what was observed.
func (t *Table) simulate(ctx context.Context, p *places, found *near, o Options) (*extremes, error) {
	return permute(ctx, daysOf(p.events), o, len(t.Cells), func() comparer {
		counts := make([]int64, len(found.counts))
		return func(days []float64, order []int) {
			found.recount(days, counts)
			for at, x := range relate(counts, found.space, found.time) {
				order[at] = cmp.Compare(x, t.Cells[at].Observed)
			}
		}
	})
}

// recount counts the kept pairs by band under other days.
func (f *near) recount(days []float64, counts []int64) {
	clear(counts)
	limits := f.time.limits
	last := limits[len(limits)-1]
	for k, kept := range f.kept {
		row := counts[k*len(limits) : (k+1)*len(limits)]
		for at, a := range kept.a {
			apart := math.Abs(days[a] - days[kept.b[at]])
			if apart <= last {
				row[bandOf(apart, f.time.order)]++
			}
		}
	}
}
