package scan

import (
	"math"
	"sort"
	"sync"
)

// ratio is the log likelihood ratio of a count in a zone against its measure: expected cases (on any scale), or cases and controls.
type ratio struct {
	bernoulli bool
	cases     float64 // all cases
	total     float64 // measure of all locations and periods
	least     float64 // fewest cases of a zone of high rates
}

// expected is the cases expected in a measure.
func (s ratio) expected(measure float64) float64 { return s.cases * (measure / s.total) }

// beyond tells whether c cases are more than expected in the measure, or fewer when low, and enough for a cluster.
func (s ratio) beyond(c, measure float64, low bool) bool {
	if low {
		return c*s.total < s.cases*measure
	}
	return c >= s.least && c*s.total > s.cases*measure
}

// of is the log likelihood ratio of a zone with c cases, 0 when it is not beyond what is expected or holds everything.
func (s ratio) of(c, measure float64, low bool) float64 {
	if !s.beyond(c, measure, low) || s.total-measure <= tie*s.total {
		return 0
	}
	return s.value(c, measure)
}

// value is the log likelihood ratio whichever way the count deviates, +∞ for counts that cannot be.
//
// Poisson (Kulldorff 1997, eq. 5): c·ln(c/E) + (C−c)·ln((C−c)/(C−E)). Bernoulli (eq. 3): the sum of O·ln(O/E) over cases and controls inside
// and outside. Both are sums of deviances, since observed and expected have equal sums: no term is negative, and nothing cancels.
func (s ratio) value(c, measure float64) float64 {
	inside, outside := measure/s.total, (s.total-measure)/s.total
	v := deviance(c, s.cases*inside) + deviance(s.cases-c, s.cases*outside)
	if s.bernoulli {
		controls := s.total - s.cases
		v += deviance(measure-c, controls*inside) + deviance(s.total-measure-(s.cases-c), controls*outside)
	}
	return v
}

// deviance is x·ln(x/e) + e − x without cancellation where x is near e (Loader 2000, bd0); +∞ for x < 0 and for e = 0 < x.
func deviance(x, e float64) float64 {
	switch {
	case x == 0:
		return max(e, 0)
	case x < 0 || e <= 0:
		return math.Inf(1)
	}
	d := x - e
	if math.Abs(d) >= 0.1*(x+e) {
		return x*math.Log(x/e) - d
	}
	v := d / (x + e)
	sum, term := d*v, 2*x*v
	for j := 3.0; j < 100; j += 2 {
		term *= v * v
		next := sum + term/j
		if next == sum {
			break
		}
		sum = next
	}
	return sum
}

const (
	levelStep = 0.5  // between the ratios for which there are tables of critical counts
	levels    = 64   // tables; larger ratios use the last
	slack     = 1e-9 // by which critical counts are on the safe side
)

const (
	chunk     = 4       // words that pass at once
	lineRows  = 1 << 11 // rows of tables for one window
	blockRows = 1 << 9  // and for several; both fit into the nearest cache
)

// words are those of a chunk of windows.
type words = [chunk]uint64

// table is what counts must have in their lanes to reach a ratio, by row and window, negative; no count reaches row 0.
type table struct {
	once  sync.Once
	line  []uint64 // by row, for a single window: the same in all lanes
	block []words  // by chunk and row, for several windows
}

// level is the table of the largest ratio that is not above one.
func level(llr float64) int {
	if llr < levelStep*levels {
		return int(llr / levelStep)
	}
	return levels - 1
}

// critical is a table, made when first asked for.
func (e *engine) critical(side, level int) *table {
	t := &e.tables[side][level]
	t.once.Do(func() { e.fill(t, float64(level)*levelStep, e.low[side]) })
	return t
}

// fill makes the table for a ratio.
func (e *engine) fill(t *table, level float64, low bool) {
	rows, ones := len(e.least), e.guard>>(e.width-1)
	t.line, t.block = make([]uint64, rows), make([]words, rows*e.chunks)
	never := e.guard - ones
	if low {
		never = e.guard
	}
	for i := range t.line {
		t.line[i] = -never
	}
	for i := range t.block {
		t.block[i] = words{never, never, never, never}
	}
	for w, share := range e.share {
		c, at, word, shift := 0, 0, 0, 0
		if e.chunks > 0 {
			at, word, shift = e.lane(w)
		}
		for _, r := range e.used {
			var lane uint64
			if low {
				c = e.lowest(c, e.most[r]*share, level)
				lane = 1<<(e.width-1) - uint64(c)
			} else {
				c = e.highest(c, e.least[r]*share, level)
				lane = uint64(c)
			}
			if e.chunks == 0 {
				t.line[r] = -(lane * ones)
				continue
			}
			in := &t.block[at*rows+int(r)][word]
			*in = *in&^((1<<e.width-1)<<shift) | lane<<shift
		}
	}
	for i, w := range t.block {
		t.block[i] = words{-w[0], -w[1], -w[2], -w[3]}
	}
}

// lane is where a window stands: its chunk, the word in the chunk, and the shift in the word.
func (e *engine) lane(window int) (at, word, shift int) {
	word = window / e.lanes
	return word / chunk, word % chunk, window % e.lanes * e.width
}

// highest is the smallest count from c on that reaches the level in a measure; all cases + 1 when none does.
func (e *engine) highest(c int, measure, level float64) int {
	c = max(c, int(e.ratio.expected(measure))-1)
	return first(c, int(e.ratio.cases)+1, func(c int) bool {
		x := float64(c)
		return e.ratio.beyond(x, measure, false) && e.ratio.value(x, measure) >= level-slack
	})
}

// lowest is the smallest count from c on that does not reach the level from below.
func (e *engine) lowest(c int, measure, level float64) int {
	measure = min(measure*(1+tie), e.ratio.total)
	return first(c, int(e.ratio.cases)+1, func(c int) bool {
		x := float64(c)
		return !e.ratio.beyond(x, measure, true) || e.ratio.value(x, measure) < level-slack
	})
}

// first is the smallest c in [c, end) that is so, or end. Whatever is larger than one that is so, is so. It looks near c first.
func first(c, end int, so func(int) bool) int {
	least := c
	for step := 1; c < end && !so(c); step *= 2 {
		least, c = c+1, c+step
	}
	return least + sort.Search(min(c, end)-least, func(i int) bool { return so(least + i) })
}
