package scan

import (
	"math"

	"wangge/grids"
)

// engine scans counts over all zones. It does not change once made, but for tables that are made when first needed.
type engine struct {
	*circles
	ratio     ratio
	locations int
	periods   int
	from      []int32 // of each window, its first period
	to        []int32 // and its last, included
	width     int     // bits of a lane
	lanes     int     // in a word
	guard     uint64  // the guards of a word
	chunks    int     // of all windows; 0 for a single window, where lanes are replicates
	low       [2]bool // whether low rates are looked for, by side
	sides     int     // how many sides: low[:sides]

	stride int       // measures kept for a circle: 1 when measures are place × window, periods+1 otherwise
	mass   []float64 // by circle: its measure, or its measure before each period
	share  []float64 // by window: its share of the measure

	steps []step    // by circle: what adds to it, and its row in tables
	used  []uint32  // the rows that occur, ascending
	least []float64 // by row: smallest measure of a circle in it, were its windows alike
	most  []float64 // by row: largest one

	tables [2][levels]table
}

// step is the location that a circle has more than the circle before it, and the row of tables that holds for it: 0 where no circle ends.
type step struct{ location, row uint32 }

// newEngine prepares a model for its circles.
func newEngine(m *model, c *circles) (*engine, error) {
	e := &engine{circles: c, ratio: m.ratio, locations: m.locations, periods: m.periods, width: 16, sides: 1}
	switch m.opt.Rates {
	case Low:
		e.low[0] = true
	case Both:
		e.low[1], e.sides = true, 2
	}
	if e.ratio.cases > math.MaxInt16-1 {
		e.width = 32
	}
	e.lanes = 64 / e.width
	for l := range e.lanes {
		e.guard |= 1 << (l*e.width + e.width - 1)
	}
	e.from, e.to = m.windows()
	if windows, each := len(e.from), chunk*e.lanes; windows > 1 {
		e.chunks = (windows + each - 1) / each
	}
	if need := m.locations * e.chunks * chunk * 8 * m.opt.Workers; need > maxBytes {
		return nil, grids.Errorf(grids.TooLarge, "%d locations with %d windows need more than %d MB: lower MaxPeriods or Workers, or join periods",
			m.locations, len(e.from), maxBytes>>20)
	}
	e.weigh(m)
	e.classify()
	return e, nil
}

// weigh sums the measure of each circle.
func (e *engine) weigh(m *model) {
	e.stride = m.stride()
	places, times := m.margins()
	e.share = make([]float64, len(e.from))
	for w := range e.from {
		for t := e.from[w]; t <= e.to[w]; t++ {
			e.share[w] += times[t]
		}
		e.share[w] /= e.ratio.total
	}
	e.mass = make([]float64, len(e.near)*e.stride)
	for i := range len(e.start) - 1 {
		sum := make([]float64, e.stride)
		for at := e.start[i]; at < e.start[i+1]; at++ {
			if l := int(e.near[at]); e.stride == 1 {
				sum[0] += places[l]
			} else {
				addBefore(sum, m.measure[l*m.periods:(l+1)*m.periods])
			}
			copy(e.mass[at*e.stride:], sum)
		}
	}
}

// addBefore adds the measure of a location before each period.
func addBefore(sum, measure []float64) {
	before := 0.0
	for t, v := range measure {
		before += v
		sum[t+1] += before
	}
}

// measure is that of the zone of a circle and a window.
func (e *engine) measure(at, window int) float64 {
	if e.stride == 1 {
		return e.mass[at] * e.share[window]
	}
	row := e.mass[at*e.stride : (at+1)*e.stride]
	return max(0, row[e.to[window]+1]-row[e.from[window]])
}

// span is the measure that the circle would have if windows had their shares of it: the least and the most that any window tells.
func (e *engine) span(at int) (least, most float64) {
	if e.stride == 1 {
		return e.mass[at], e.mass[at]
	}
	least = math.Inf(1)
	for w, share := range e.share {
		if share > 0 {
			v := e.measure(at, w) / share
			least, most = min(least, v), max(most, v)
		}
	}
	return least, most
}

// classify puts circles of about the same measure into one row of the tables.
func (e *engine) classify() {
	small, large := math.Inf(1), 0.0
	for at, closed := range e.closed {
		if v, _ := e.span(at); closed && v > 0 {
			small, large = min(small, v), max(large, v)
		}
	}
	small = max(small, large*1e-9)
	rows := lineRows
	if e.chunks > 0 {
		rows = blockRows
	}
	width := math.Log(large/small)/float64(rows-3) + 1e-12
	e.steps, e.least, e.most = make([]step, len(e.near)), make([]float64, rows), make([]float64, rows)
	for r := range e.least {
		e.least[r] = math.Inf(1)
	}
	for at, closed := range e.closed {
		e.steps[at].location = uint32(e.near[at])
		if !closed {
			continue
		}
		v, top := e.span(at)
		r := uint32(1)
		if v > 0 {
			r = 2 + uint32(max(0, min(rows-3, int(math.Log(v/small)/width))))
		}
		e.steps[at].row, e.least[r], e.most[r] = r, min(e.least[r], v), max(e.most[r], top)
	}
	for r := 1; r < rows; r++ {
		if !math.IsInf(e.least[r], 1) {
			e.used = append(e.used, uint32(r))
		}
	}
}
