package scan

import (
	"context"
	"math/bits"
)

// Counts stand side by side in the lanes of words, so that one addition adds a location to a circle many times: in several windows, which
// are in chunks of words that pass one after the other; or, with a single window, in several replicates. The top bit of a lane is its guard.
//
// For high rates a lane is its guard plus its count: less the critical count, it keeps the guard exactly when the count is not below it. For
// low rates counts are taken away from a lane of ones, and what is subtracted is the guard less the critical count: it keeps the guard
// exactly when the count is below it. No lane borrows from the next, since no count reaches the guard. Words to subtract are stored negative.
// Only where a guard is kept, a ratio is computed.

// maxLanes is the most lanes in a word.
const maxLanes = 4

// found is the best zone so far: of equals the smallest circle, then the shortest, earliest window.
type found struct {
	llr    float64
	at     int // its circle; -1 while there is none
	window int
	low    bool
}

// nothing is found before a scan.
var nothing = found{at: -1}

// offer takes a zone that is better.
func (f *found) offer(v float64, at, window int, low bool) {
	switch {
	case v > f.llr*(1+tie):
	case v > 0 && v >= f.llr*(1-tie) && (at < f.at || at == f.at && window < f.window):
	default:
		return
	}
	*f = found{v, at, window, low}
}

// scratch is what one goroutine scans with.
type scratch struct {
	counts []int32         // cases by location and period
	before []uint64        // cases before each period
	line   [2][]uint64     // by side, what a location adds to a circle
	block  [2][]words      // by side, the same by chunk and location
	best   [maxLanes]found // of each replicate in the lanes; the first alone when lanes are windows
}

func (e *engine) scratch() *scratch {
	s := &scratch{counts: make([]int32, e.locations*e.periods), before: make([]uint64, e.periods+1)}
	for side := range e.sides {
		s.line[side], s.block[side] = make([]uint64, e.locations), make([]words, e.locations*e.chunks)
	}
	return s
}

// batch is how many replicates are scanned at once.
func (e *engine) batch() int {
	if e.chunks == 0 {
		return e.lanes
	}
	return 1
}

// pack puts the counts into lanes, as the replicate of that place in the batch.
func (e *engine) pack(s *scratch, place int) {
	for l := range e.locations {
		for t, c := range s.counts[l*e.periods : (l+1)*e.periods] {
			s.before[t+1] = s.before[t] + uint64(c)
		}
		if e.chunks > 0 {
			e.spread(s, l)
			continue
		}
		count := (s.before[e.to[0]+1] - s.before[e.from[0]]) << (place * e.width)
		for side := range e.sides {
			in := &s.line[side][l]
			if place == 0 {
				*in = 0
			}
			if e.low[side] {
				*in -= count
			} else {
				*in += count
			}
		}
	}
}

// spread puts the windows of a location into lanes.
func (e *engine) spread(s *scratch, l int) {
	word, shift, at := uint64(0), 0, 0
	put := func() {
		for side := range e.sides {
			in := &s.block[side][at/chunk*e.locations+l][at%chunk]
			if *in = word; e.low[side] {
				*in = -word
			}
		}
		word, shift = 0, 0
		at++
	}
	to := e.to[:len(e.from)]
	for w, from := range e.from {
		word |= (s.before[to[w]+1] - s.before[from]) << shift
		if shift += e.width; shift == 64 {
			put()
		}
	}
	if shift > 0 {
		put()
	}
}

// scan scans all zones for the best ones of the batch.
func (e *engine) scan(ctx context.Context, s *scratch) error {
	for i := range s.best {
		s.best[i] = nothing
	}
	for side := range e.sides {
		for at := range max(1, e.chunks) {
			for i := range len(e.start) - 1 {
				if i%64 == 0 && ctx.Err() != nil {
					return ctx.Err()
				}
				e.pass(s, e.start[i], e.start[i+1], side, at)
			}
		}
	}
	return nil
}

// centre is the best zone of the circles from start to end, which are those of one centre, when all lanes hold what was observed.
func (e *engine) centre(s *scratch, start, end int) found {
	for i := range s.best {
		s.best[i] = nothing
	}
	for side := range e.sides {
		for at := range max(1, e.chunks) {
			e.pass(s, start, end, side, at)
		}
	}
	return s.best[0]
}

// pass raises the best zones by the circles from start to end, which are those of one centre, on one side and in one chunk of windows.
func (e *engine) pass(s *scratch, start, end, side, at int) {
	if e.chunks == 0 {
		e.passLine(s, start, end, side)
	} else {
		e.passBlock(s, start, end, side, at)
	}
}

// empty is a word of no counts.
func (e *engine) empty(side int) uint64 {
	if e.low[side] {
		return ^uint64(0)
	}
	return e.guard
}

// count is the count in the lane that starts at a bit.
func (e *engine) count(word uint64, bit, side int) float64 {
	mask := uint64(1)<<(e.width-1) - 1
	if c := word >> bit & mask; e.low[side] {
		return float64(mask - c)
	} else {
		return float64(c)
	}
}

// passLine is pass for a batch of replicates in one window. It goes by the critical counts of the least of their best ratios.
func (e *engine) passLine(s *scratch, start, end, side int) {
	sum := e.empty(side)
	for at := start; at < end; at++ {
		least := (*[lineRows]uint64)(e.critical(side, level(s.leastBest(e.lanes))).line)
		var ahead int
		if ahead, sum = runLine(e.steps[at:end], s.line[side], least, e.guard, sum); at+ahead == end {
			return
		}
		at += ahead
		e.raiseLine(s, sum, (sum+least[e.steps[at].row])&e.guard, at, side)
	}
}

// runLine adds locations to a circle up to the first that keeps a guard: how many it passed before, and the sum with it.
func runLine(steps []step, add []uint64, least *[lineRows]uint64, guard, sum uint64) (int, uint64) {
	for i, to := range steps {
		sum += add[to.location]
		if (least[to.row%lineRows]+sum)&guard != 0 {
			return i, sum
		}
	}
	return len(steps), sum
}

// leastBest is the least of the best ratios of a batch.
func (s *scratch) leastBest(lanes int) float64 {
	llr := s.best[0].llr
	for _, f := range s.best[1:lanes] {
		llr = min(llr, f.llr)
	}
	return llr
}

// raiseLine offers the zones of a circle to the replicates that kept their guards, if they do so by their own best ratio too.
func (e *engine) raiseLine(s *scratch, sum, kept uint64, at, side int) {
	for ; kept != 0; kept &= kept - 1 {
		place := bits.TrailingZeros64(kept) / e.width
		best := &s.best[place]
		own := e.critical(side, level(best.llr)).line[e.steps[at].row]
		if (sum+own)&kept&-kept != 0 {
			best.offer(e.ratio.of(e.count(sum, place*e.width, side), e.measure(at, 0), e.low[side]), at, 0, e.low[side])
		}
	}
}

// passBlock is pass for a chunk of windows.
func (e *engine) passBlock(s *scratch, start, end, side, chunkAt int) {
	best, none := &s.best[0], e.empty(side)
	sum := words{none, none, none, none}
	add := s.block[side][chunkAt*e.locations : (chunkAt+1)*e.locations]
	for at := start; at < end; at++ {
		least := (*[blockRows]words)(e.critical(side, level(best.llr)).block[chunkAt*blockRows:])
		if at += runBlock(e.steps[at:end], add, least, e.guard, &sum); at < end {
			e.raiseBlock(best, &sum, &least[e.steps[at].row], at, side, chunkAt)
		}
	}
}

// runBlock adds locations to a circle up to the first that keeps a guard: how many it passed before, and the sum with it.
func runBlock(steps []step, add []words, least *[blockRows]words, guard uint64, sum *words) int {
	a, b, c, d := sum[0], sum[1], sum[2], sum[3]
	for i, to := range steps {
		x, y := &add[to.location], &least[to.row%blockRows]
		a += x[0]
		b += x[1]
		c += x[2]
		d += x[3]
		if ((y[0]+a)|(y[1]+b)|(y[2]+c)|(y[3]+d))&guard != 0 {
			*sum = words{a, b, c, d}
			return i
		}
	}
	return len(steps)
}

// raiseBlock offers the windows of a chunk that kept their guards.
func (e *engine) raiseBlock(best *found, sum, least *words, circle, side, at int) {
	low := e.low[side]
	for j, word := range sum {
		for kept := (word + least[j]) & e.guard; kept != 0; kept &= kept - 1 {
			lane := bits.TrailingZeros64(kept) / e.width
			window := (at*chunk+j)*e.lanes + lane
			best.offer(e.ratio.of(e.count(word, lane*e.width, side), e.measure(circle, window), low), circle, window, low)
		}
	}
}
