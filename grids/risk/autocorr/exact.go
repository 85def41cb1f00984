package autocorr

import (
	"context"
	"math"
	"math/bits"
	"slices"

	"wangge/grids"
)

// The most work and room of exact p-values. Beyond them the units with most neighbours are left to permutation, in the end all.
const (
	maxExactSteps = 400_000_000 // multiplications
	maxExactCells = 4_000_000   // probabilities kept at a time
	maxLogSubsets = 690         // of the number of subsets, so that one of them has a probability above the smallest number
)

// plan is which units get an exact p, and how. For a unit the neighbours' values are a uniform k-subset of all but its own (with its own, of
// all, when the draw is total: then one table serves all units); the distribution
// of their sum follows by adding one distinct value after the other to a table over (number drawn, sum). Units of the same value share a table.
// The tables without one unit of each value are made by halving the list of distinct values again and again, so that nothing has ever to be
// taken out: all terms are positive, and small tails keep their relative accuracy.
type plan struct {
	units   int    // that get an exact p
	refusal string // why others do not, "" when all do
	k       int    // the most neighbours of a unit in the plan, 0 for none
	values  []int  // the distinct codes, ascending
	counts  []int  // how often each occurs
	members [][]int32
	tables  []*table // room, one a level
}

// plan chooses the units with an exact p.
func (t *trials) plan() *plan {
	p := &plan{}
	if t.o.PMethod == Permutation {
		p.refusal = "permutation was asked for"
		return p
	}
	if t.codes == nil {
		p.refusal = notCounts
		return p
	}
	p.distinct(t.codes)
	in, unequal, ks := t.rows(), 0, map[int]int{}
	for i := range t.s.n {
		if t.why(i) != "" {
			continue
		}
		if r := in.at(i); r.equal {
			ks[len(r.to)]++
		} else {
			unequal++
		}
	}
	heavy := p.affordable(t.pool(), ks)
	p.refusal = describe(unequal, heavy)
	p.gather(t)
	return p
}

// distinct lists the distinct codes.
func (p *plan) distinct(codes []uint16) {
	count := make([]int, int(slices.Max(codes))+1)
	for _, c := range codes {
		count[c]++
	}
	for v, c := range count {
		if c > 0 {
			p.values, p.counts = append(p.values, v), append(p.counts, c)
		}
	}
}

// affordable sets k to the largest of the numbers of neighbours that stays within the bounds, and says how many units have more.
func (p *plan) affordable(pool int, ks map[int]int) (heavy int) {
	order := make([]int, 0, len(ks))
	for k := range ks {
		order = append(order, k)
	}
	slices.Sort(order)
	slices.Reverse(order)
	for _, k := range order {
		if p.fits(pool, k) {
			p.k = k
			return heavy
		}
		heavy += ks[k]
	}
	return heavy
}

// fits reports whether tables up to k drawn from a pool are within the bounds.
func (p *plan) fits(pool, k int) bool {
	a, _ := math.Lgamma(float64(pool + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(pool - k + 1))
	if a-b-c > maxLogSubsets {
		return false
	}
	width, levels, steps := float64(p.top(k)+1), float64(p.levels()), 0.0
	for _, c := range p.counts {
		most := float64(min(c, k))
		steps += float64(k+1)*(most+1) - most*(most+1)/2
	}
	return steps*width*levels <= maxExactSteps && (levels+1)*float64(k+1)*width <= maxExactCells
}

// top is the largest sum of k codes.
func (p *plan) top(k int) (sum int) {
	for at := len(p.values) - 1; at >= 0 && k > 0; at-- {
		take := min(k, p.counts[at])
		sum += take * p.values[at]
		k -= take
	}
	return sum
}

// levels is how often the list of values is halved, and one for the last table.
func (p *plan) levels() int { return bits.Len(uint(len(p.values)-1)) + 2 }

// gather lists the units of the plan by their value.
func (p *plan) gather(t *trials) {
	if p.k == 0 {
		return
	}
	at := make(map[uint16]int, len(p.values))
	for i, v := range p.values {
		at[uint16(v)] = i
	}
	p.members = make([][]int32, len(p.values))
	in := t.rows()
	for i, c := range t.codes {
		if t.why(i) == "" && p.takes(in.at(i)) {
			p.members[at[c]] = append(p.members[at[c]], int32(i))
			p.units++
		}
	}
}

// takes reports whether a unit with a test gets an exact p.
func (p *plan) takes(r row) bool { return r.equal && len(r.to) <= p.k }

// run finds the exact p-values.
func (p *plan) run(ctx context.Context, t *trials) error {
	if p.units == 0 {
		return ctx.Err()
	}
	width := p.top(p.k) + 1
	for range p.levels() {
		p.tables = append(p.tables, newTable(p.k, width))
	}
	if t.total { // one table is that of all units
		p.tables[0].addAll(p.values, p.counts)
		for _, m := range p.members {
			p.read(t, p.tables[0], m)
		}
		return ctx.Err()
	}
	p.leave(ctx, t, 0, len(p.values), 0)
	return ctx.Err()
}

// leave has, at this level, a table of all values but those from…to−1, and goes on to the tables without one unit of each.
func (p *plan) leave(ctx context.Context, t *trials, from, to, level int) {
	if ctx.Err() != nil || !slices.ContainsFunc(p.members[from:to], func(m []int32) bool { return len(m) > 0 }) {
		return
	}
	here, next := p.tables[level], p.tables[level+1]
	next.copy(here)
	if to-from == 1 {
		next.add(p.values[from], p.counts[from]-1)
		p.read(t, next, p.members[from])
		return
	}
	mid := (from + to) / 2
	next.addAll(p.values[mid:to], p.counts[mid:to])
	p.leave(ctx, t, from, mid, level+1)
	next.copy(here)
	next.addAll(p.values[from:mid], p.counts[from:mid])
	p.leave(ctx, t, mid, to, level+1)
}

// read takes the p-values of units of one value from the table without one of them.
func (p *plan) read(t *trials, tab *table, members []int32) {
	lower, upper := make([][]float64, p.k+1), make([][]float64, p.k+1)
	in := t.rows()
	for _, i := range members {
		r := in.at(int(i))
		k, sum := len(r.to), 0
		for _, j := range r.to {
			sum += int(t.codes[j])
		}
		if lower[k] == nil {
			lower[k], upper[k] = tab.tails(k)
		}
		low, high := lower[k][sum], upper[k][sum]
		if r.w[0] < 0 {
			low, high = high, low
		}
		t.put(int(i), low, high, Exact, 0)
	}
}

// Sums is the exact distribution of the sum of whole numbers drawn without replacement from a list, up to k of them. It is not safe for
// concurrent use.
type Sums struct {
	low   float64
	table *table
	tails map[int][2][]float64 // by how many are drawn
}

// NewSums makes the distribution of up to k of the values, 1 ≤ k ≤ their number. Errors: Invalid for values that are not whole or k out of
// range; TooLarge when they are too far apart or too many are drawn for tables of the size that this package allows itself.
func NewSums(values []float64, k int) (*Sums, error) {
	if k < 1 || k > len(values) {
		return nil, grids.Errorf(grids.Invalid, "%d of %d values are drawn: give 1 to all of them", k, len(values))
	}
	low, high := slices.Min(values), slices.Max(values)
	if !(high-low <= largestCode && math.Abs(low) <= 1<<52) {
		return nil, grids.Errorf(grids.TooLarge, "values from %v to %v are too far apart for exact sums: take the normal p, or permutation", low, high)
	}
	codes := make([]uint16, len(values))
	for i, v := range values {
		if v != math.Trunc(v) {
			return nil, grids.Errorf(grids.Invalid, "value %d is %v: exact sums are of whole numbers", i, v)
		}
		codes[i] = uint16(v - low)
	}
	p := &plan{}
	p.distinct(codes)
	if !p.fits(len(values), k) {
		return nil, grids.Errorf(grids.TooLarge, "sums of %d of %d values are too much work to be exact: take the normal p, or permutation", k, len(values))
	}
	s := &Sums{low: low, table: newTable(k, p.top(k)+1), tails: map[int][2][]float64{}}
	s.table.addAll(p.values, p.counts)
	return s, nil
}

// Tails is P(≤ sum) and P(≥ sum) of the sum of so many of the values, 1 to k. A sum beyond all that there can be has the tails of the last one.
func (s *Sums) Tails(drawn int, sum float64) (lower, upper float64) {
	t, ok := s.tails[drawn]
	if !ok {
		t[0], t[1] = s.table.tails(drawn)
		s.tails[drawn] = t
	}
	at := min(max(int(math.Round(sum-float64(drawn)*s.low)), 0), s.table.width-1)
	return t[0][at], t[1][at]
}

// table is the distribution of the sum of j codes drawn without replacement from n, for j from 0 to k.
type table struct {
	n, k, width int
	p           []float64 // P(sum of j is s) at j·width + s
	top         []int     // the largest sum of j, for j ≤ n
	odds        []float64 // room
}

// newTable is the table of no values.
func newTable(k, width int) *table {
	t := &table{k: k, width: width, p: make([]float64, (k+1)*width), top: make([]int, k+1), odds: make([]float64, k+1)}
	t.p[0] = 1
	return t
}

// row is the distribution for j.
func (t *table) row(j int) []float64 { return t.p[j*t.width : (j+1)*t.width] }

// copy makes the table equal to another of the same size.
func (t *table) copy(o *table) {
	t.n = o.n
	copy(t.p, o.p)
	copy(t.top, o.top)
}

// addAll adds values, each so many times.
func (t *table) addAll(values, counts []int) {
	for at, v := range values {
		t.add(v, counts[at])
	}
}

// add adds c units of code v: of j drawn from all, a hypergeometric number are among the new ones.
func (t *table) add(v, c int) {
	if c == 0 {
		return
	}
	for j := min(t.k, t.n+c); j >= 0; j-- { // downwards: the rows below are still the old ones
		first, share := hypergeometric(t.odds, t.n, c, j)
		row, top := t.row(j), 0
		if j <= t.n {
			top = t.top[j]
		}
		if first == 0 {
			for s := range row[:top+1] {
				row[s] *= share[0]
			}
		}
		for at, h := range share {
			if first+at == 0 {
				continue
			}
			fresh := first + at
			from := t.row(j - fresh)[:t.top[j-fresh]+1]
			to := row[fresh*v : fresh*v+len(from)]
			for s, q := range from {
				to[s] += h * q
			}
			top = max(top, fresh*v+len(from)-1)
		}
		t.top[j] = top
	}
	t.n += c
}

// tails is P(≤ s) and P(≥ s) of the sum of k, each added up from its small end.
func (t *table) tails(k int) (lower, upper []float64) {
	row := t.row(k)
	lower, upper = make([]float64, t.width), make([]float64, t.width)
	sum := 0.0
	for s, p := range row {
		sum += p
		lower[s] = min(1, sum)
	}
	sum = 0
	for s, p := range slices.Backward(row) {
		sum += p
		upper[s] = min(1, sum)
	}
	return lower, upper
}

// hypergeometric is the probabilities that of j drawn from n old and c new units so many are new, beginning with first. They are made from
// the mode outwards by their ratios, so none is lost to overflow. The room is used for them.
func hypergeometric(room []float64, n, c, j int) (first int, share []float64) {
	first = max(0, j-n)
	last := min(j, c)
	share = room[:last-first+1]
	mode := min(max(int(float64(j+1)*float64(c+1)/float64(n+c+2)), first), last)
	share[mode-first] = 1
	total := 1.0
	ratio := func(f int) float64 { return float64(c-f) * float64(j-f) / (float64(f+1) * float64(n-j+f+1)) } // of f+1 to f
	for f := mode; f < last; f++ {
		share[f+1-first] = share[f-first] * ratio(f)
		total += share[f+1-first]
	}
	for f := mode; f > first; f-- {
		share[f-1-first] = share[f-first] / ratio(f-1)
		total += share[f-1-first]
	}
	for at := range share {
		share[at] /= total
	}
	return first, share
}
