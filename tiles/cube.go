package tiles

import (
	"cmp"
	"context"
	"slices"
	"sync/atomic"

	"wangge/grids"
	"wangge/grids/disclosure"
	"wangge/grids/mesh"
)

// coarsestBucket is the coarsest H3 cell that is still drawn: about 190 km² here. What is too few even there stays hidden.
const coarsestBucket = 5

// How much memory a cube spends on its counts by month, on what was released for a filter, and on what sheets show of it.
const (
	maxTableBytes   = 48 << 20
	maxReleaseBytes = 24 << 20
	maxSheetBytes   = 40 << 20
)

// Cube is all casework by fine cell, month and kind, in sorted columns: 3 bytes an event and 16 a cell. What it holds never
// changes; it keeps what it has computed. Safe for concurrent use.
type Cube struct {
	stamp  Stamp
	line   *mark       // shared by the cubes that follow from each other
	cells  []mesh.Cell // ascending; 0 for events whose place is only known as an area
	starts []uint32    // by cell: the first of its events; one more at the end
	months []uint16    // by event: since first
	kinds  []uint8
	first  grids.Month
	span   int         // months from the first event to the last
	places []mesh.Cell // the cells of the finest resolution of the heat that hold events, ascending
	under  []uint32    // by cell: its place in places; noPlace for 0
	blocks []block     // of places
	broken error       // an event lies in no cell

	turn     chan struct{}            // holds one token: counts are made one at a time
	hexagons *hexagons                // owned by whoever has the token
	ready    atomic.Pointer[hexagons] // the same once it has the cube's cells
	tables   *recent[uint16, table]
	releases *recent[releaseKey, []disclosure.Bucket]
	sheets   *recent[releaseKey, *sheet]
}

// block is the places within one cell of the coarsest resolution. Nothing is put together over its border: each block is released on its own,
// and a tile asks only for those that it shows.
type block struct {
	cell     mesh.Cell
	from, to int // places
}

// mark is a thing that can be told from every other.
type mark struct{ _ byte }

// noPlace stands for an event without a cell.
const noPlace = 1<<32 - 1

// event is a row of the columns while they are sorted.
type event struct {
	cell  int64
	month int32
	kind  uint8
}

// NewCube builds the cube from the columns of all events, in any order: H3 cell of resolution 12 (0 for none), month as
// in [grids.Month], number of the kind. The columns are of one length and are not kept. Sorting by cell beforehand
// saves the time and the memory of sorting here: 16 bytes an event.
func NewCube(c grids.CaseColumns, st Stamp) *Cube {
	cells, months, kinds := c.Cells, c.Months, c.Kinds
	if !slices.IsSorted(cells) {
		cells, months, kinds = sortEvents(cells, months, kinds)
	}
	cube := &Cube{stamp: st, line: &mark{}, months: make([]uint16, len(months)), kinds: slices.Clone(kinds)}
	if len(months) > 0 {
		cube.first = grids.Month(slices.Min(months))
		cube.span = int(slices.Max(months)) - int(cube.first) + 1
	}
	for i, m := range months {
		cube.months[i] = uint16(m - int32(cube.first))
		if i == 0 || cells[i] != cells[i-1] {
			cube.cells, cube.starts = append(cube.cells, mesh.Cell(cells[i])), append(cube.starts, uint32(i))
		}
	}
	cube.cells = slices.Clip(cube.cells)
	cube.finish(len(months), newHexagons(0))
	return cube
}

// finish computes what follows from the columns.
func (c *Cube) finish(events int, h *hexagons) {
	c.starts = append(c.starts, uint32(events))
	c.under = make([]uint32, len(c.cells))
	for i, cell := range c.cells {
		if cell == 0 {
			c.under[i] = noPlace
			continue
		}
		if cell.Resolution() < finestHeat {
			c.broken = grids.Errorf(grids.Internal, "an event lies in %s, which is no H3 cell of resolution 12", cell)
			return
		}
		if p := cell.Parent(finestHeat); len(c.places) == 0 || c.places[len(c.places)-1] != p {
			c.places = append(c.places, p)
			if at := p.Parent(coarsestBucket); len(c.blocks) == 0 || c.blocks[len(c.blocks)-1].cell != at {
				c.blocks = append(c.blocks, block{cell: at, from: len(c.places) - 1})
			}
			c.blocks[len(c.blocks)-1].to = len(c.places)
		}
		c.under[i] = uint32(len(c.places) - 1)
	}
	c.turn, c.hexagons = make(chan struct{}, 1), h
	c.tables, c.releases, c.sheets = newRecent[uint16, table](maxTableBytes), newRecent[releaseKey, []disclosure.Bucket](maxReleaseBytes), newRecent[releaseKey, *sheet](maxSheetBytes)
}

// With is the cube with the events of c beside those it has, and the ground on which heat may look different now. It shares the
// hexagons; the columns are merged, which takes a few milliseconds for a million events and reads none of them again.
func (c *Cube) With(more grids.CaseColumns, st Stamp) (*Cube, []Ground) {
	add := NewCube(more, st)
	if c.Events() == 0 {
		return add, nil // begun anew
	}
	if c.turn != nil { // the hexagons are owned by whoever has the token; a broken cube has none
		c.turn <- struct{}{}
		defer func() { <-c.turn }()
	}
	if add.Events() == 0 {
		return c.stamped(st), nil
	}
	next := &Cube{stamp: st, line: c.line, first: min(c.first, add.first)}
	next.span = max(int(c.first)+c.span, int(add.first)+add.span) - int(next.first)
	next.merge(c, add)
	next.finish(len(next.months), c.hexagons.clone())
	return next, add.ground()
}

// stamped is the same casework as of another moment. What it computes it shares with c.
func (c *Cube) stamped(st Stamp) *Cube {
	next := &Cube{stamp: st, line: c.line, cells: c.cells, starts: c.starts, months: c.months, kinds: c.kinds, first: c.first, span: c.span, places: c.places,
		under: c.under, blocks: c.blocks, broken: c.broken, turn: c.turn, hexagons: c.hexagons, tables: c.tables, releases: c.releases, sheets: c.sheets}
	next.ready.Store(c.ready.Load())
	return next
}

// merge fills the columns with the events of a and b, cell by cell.
func (c *Cube) merge(a, b *Cube) {
	n := a.Events() + b.Events()
	c.months, c.kinds = make([]uint16, 0, n), make([]uint8, 0, n)
	c.cells, c.starts = make([]mesh.Cell, 0, len(a.cells)+len(b.cells)), make([]uint32, 0, len(a.cells)+len(b.cells)+1)
	take := func(from *Cube, i int) {
		shift := uint16(from.first - c.first)
		for _, m := range from.months[from.starts[i]:from.starts[i+1]] {
			c.months = append(c.months, m+shift)
		}
		c.kinds = append(c.kinds, from.kinds[from.starts[i]:from.starts[i+1]]...)
	}
	for i, j := 0, 0; i < len(a.cells) || j < len(b.cells); {
		order := -1 // which of the two comes next
		switch {
		case i == len(a.cells):
			order = 1
		case j < len(b.cells):
			order = cmp.Compare(a.cells[i], b.cells[j])
		}
		c.starts = append(c.starts, uint32(len(c.months)))
		if order <= 0 {
			c.cells = append(c.cells, a.cells[i])
			take(a, i)
			i++
		}
		if order > 0 {
			c.cells = append(c.cells, b.cells[j])
		}
		if order >= 0 {
			take(b, j)
			j++
		}
	}
}

// ground is where the events of the cube can change what is released: in the coarsest cells that hold them, because within
// those the events of small cells are put together.
func (c *Cube) ground() (out []Ground) {
	for _, b := range c.blocks {
		box := hexagonRow(b.cell).box.padded() // finer cells reach a little over the border of their parents
		out = append(out, Ground{Heat, box}, Ground{Hexagons, box})
	}
	return out
}

// sortEvents is the columns by cell; events of one cell stay in their order.
func sortEvents(cells []int64, months []int32, kinds []uint8) ([]int64, []int32, []uint8) {
	rows := make([]event, len(cells))
	for i := range rows {
		rows[i] = event{cells[i], months[i], kinds[i]}
	}
	slices.SortFunc(rows, func(a, b event) int {
		return cmp.Or(cmp.Compare(a.cell, b.cell), cmp.Compare(a.month, b.month), cmp.Compare(a.kind, b.kind))
	})
	cells, months, kinds = make([]int64, len(rows)), make([]int32, len(rows)), make([]uint8, len(rows))
	for i, r := range rows {
		cells[i], months[i], kinds[i] = r.cell, r.month, r.kind
	}
	return cells, months, kinds
}

// Stamp says which content the cube shows.
func (c *Cube) Stamp() Stamp { return c.stamp }

// Events is how many events the cube holds, with a cell or without.
func (c *Cube) Events() int { return len(c.months) }

// Bytes is roughly what the cube keeps in memory: its columns, its counts, releases and sheets, its hexagons.
func (c *Cube) Bytes() int64 {
	if c.broken != nil {
		return 0
	}
	columns := 8*cap(c.cells) + 4*cap(c.starts) + 2*cap(c.months) + cap(c.kinds) + 8*cap(c.places) + 4*cap(c.under)
	return int64(columns) + c.hexagons.size.Load() + c.tables.bytes() + c.releases.bytes() + c.sheets.bytes()
}

// rangeOf is the months of the period as offsets, both ends included; hi < lo when none is in it.
func (c *Cube) rangeOf(p grids.Period) (lo, hi int) {
	lo, hi = 0, c.span-1
	if p.From != 0 {
		lo = max(lo, int(p.From-c.first))
	}
	if p.To != 0 {
		hi = min(hi, int(p.To-c.first))
	}
	return lo, hi
}

// Months counts the events that f lets through by month, without disclosure: the first month and one count for it and
// each later one; nil when the period holds none of the cube's months. Events without a cell count.
func (c *Cube) Months(f Filter) (first grids.Month, counts []int) {
	lo, hi := c.rangeOf(f.Period)
	if hi < lo {
		return 0, nil
	}
	counts = make([]int, hi-lo+1)
	mask := f.mask()
	for i, m := range c.months {
		if at := int(m) - lo; at >= 0 && at < len(counts) && mask>>c.kinds[i]&1 == 1 {
			counts[at]++
		}
	}
	return c.first + grids.Month(lo), counts
}

// table is how many events of some kinds each place holds before each month: row m is by place, for the months before the m-th.
type table [][]uint32

// table counts the events of the kinds in mask by month and place.
func (c *Cube) table(mask uint16) table {
	if t, ok := c.tables.get(mask); ok {
		return t
	}
	n := len(c.places)
	all := make([]uint32, n*(c.span+1))
	t := make(table, c.span+1)
	for m := range t {
		t[m] = all[m*n : (m+1)*n : (m+1)*n]
	}
	for i, place := range c.under {
		if place == noPlace {
			continue
		}
		for j := c.starts[i]; j < c.starts[i+1]; j++ {
			if mask>>c.kinds[j]&1 == 1 {
				t[c.months[j]+1][place]++
			}
		}
	}
	for m := 1; m < len(t); m++ {
		for i, before := range t[m-1] {
			t[m][i] += before
		}
	}
	c.tables.put(mask, t, int64(4*len(all)+1024))
	return t
}

// counts is how many events f lets through at each place of a block; nil when the period holds none of the cube's months.
func (c *Cube) counts(f Filter, b block) []uint32 {
	lo, hi := c.rangeOf(f.Period)
	if hi < lo {
		return nil
	}
	t := c.table(f.mask())
	counts, before := slices.Clone(t[hi+1][b.from:b.to]), t[lo][b.from:b.to]
	for i := range counts {
		counts[i] -= before[i]
	}
	return counts
}

// release is the one partition of the events of a block that f lets through into buckets that policy k lets out, rolled up to
// resolution res: coarse cells first, then by cell. The caller has the token.
func (c *Cube) release(f Filter, b block, res int, k disclosure.Policy) []disclosure.Bucket {
	key := c.releaseKey(f, b, res, k)
	if key.hi < key.lo {
		return nil
	}
	if buckets, ok := c.releases.get(key); ok {
		return buckets
	}
	var buckets []disclosure.Bucket
	if res < finestHeat {
		buckets = rollUp(c.release(f, b, finestHeat, k), res)
	} else {
		buckets, _ = k.PartitionSorted(c.places[b.from:b.to], c.counts(f, b), coarsestBucket)
	}
	c.releases.put(key, buckets, int64(16*cap(buckets)+256))
	return buckets
}

// releaseKey names a release. Months outside the cube's make no difference.
type releaseKey struct {
	k, lo, hi, res int
	mask           uint16
	block          mesh.Cell
}

func (c *Cube) releaseKey(f Filter, b block, res int, k disclosure.Policy) releaseKey {
	lo, hi := c.rangeOf(f.Period)
	if hi < lo {
		lo, hi = 0, -1
	}
	return releaseKey{k.K, lo, hi, res, f.mask(), b.cell}
}

// Released is the buckets of the events that f lets through, as policy k may show them, rolled up to resolution res
// (6…10): coarse cells first, then by cell. There is one release for a filter, partitioned at resolution 10, and every
// roll-up is its sums: so a coarse hexagon less the finer ones inside isolates no group under K. A group that was too
// small on its own appears in a coarser cell. The error is ctx's, Invalid for a resolution out of range, or Internal for an event
// whose cell is none.
func (c *Cube) Released(ctx context.Context, f Filter, res int, k disclosure.Policy) ([]disclosure.Bucket, error) {
	done, err := c.take(ctx, res)
	if err != nil {
		return nil, err
	}
	defer done()
	var all []disclosure.Bucket
	for _, b := range c.blocks {
		all = append(all, c.release(f, b, res, k)...)
	}
	slices.SortFunc(all, func(a, b disclosure.Bucket) int { return cmp.Compare(a.Cell, b.Cell) }) // the resolution leads in an H3 index
	return all, nil
}

// take waits for the token; done gives it back.
func (c *Cube) take(ctx context.Context, res int) (done func(), err error) {
	if res < coarsestHeat || res > finestHeat {
		return nil, grids.Errorf(grids.Invalid, "heat has resolutions %d to %d, not %d", coarsestHeat, finestHeat, res)
	}
	if c.broken != nil {
		return nil, c.broken
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case c.turn <- struct{}{}:
		return func() { <-c.turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// rollUp is the sums of buckets by cell of resolution res or coarser, coarse first, then by cell. The buckets come in that order.
func rollUp(buckets []disclosure.Bucket, res int) []disclosure.Bucket {
	fine := slices.IndexFunc(buckets, func(b disclosure.Bucket) bool { return b.Cell.Resolution() >= res })
	if fine < 0 {
		return buckets
	}
	var sums []disclosure.Bucket // of cells of resolution res, by cell
	for rest := buckets[fine:]; len(rest) > 0; {
		same := rest[0].Cell.Resolution()
		n := slices.IndexFunc(rest, func(b disclosure.Bucket) bool { return b.Cell.Resolution() != same })
		if n < 0 {
			n = len(rest)
		}
		sums = sumByParent(sums, rest[:n], res)
		rest = rest[n:]
	}
	return slices.Concat(buckets[:fine], sums)
}

// sumByParent adds the buckets to the sums of their parents; both are in the order of the cells.
func sumByParent(sums, buckets []disclosure.Bucket, res int) []disclosure.Bucket {
	out := make([]disclosure.Bucket, 0, len(sums)+len(buckets))
	add := func(b disclosure.Bucket) {
		if n := len(out); n > 0 && out[n-1].Cell == b.Cell {
			out[n-1].N += b.N
			return
		}
		out = append(out, b)
	}
	for _, b := range buckets {
		b.Cell = b.Cell.Parent(res)
		for len(sums) > 0 && sums[0].Cell <= b.Cell {
			add(sums[0])
			sums = sums[1:]
		}
		add(b)
	}
	for _, s := range sums {
		add(s)
	}
	return out
}
