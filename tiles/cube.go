package tiles

import (
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"sync/atomic"

	"wangge/grids"
	"wangge/grids/disclosure"
	"wangge/grids/mesh"
)

// coarsestBucket is the coarsest H3 cell that is still drawn: about 190 km² here.
const coarsestBucket = disclosure.CoarsestCell

// How much memory a cube spends on the sums for a filter, and on what sheets show of them.
const (
	maxReleaseBytes = 24 << 20
	maxSheetBytes   = 40 << 20
)

// Cube is casework as one class of readers may see it: the groups of a release, by place. What it holds never changes; it keeps what it
// has computed. Safe for concurrent use.
type Cube struct {
	stamp  Stamp
	line   *mark // shared by the cubes that follow from each other
	rule   disclosure.Rule
	blocks []block
	broken error // a group lies in no cell

	turn     chan struct{}            // holds one token: sums are made one at a time
	hexagons *hexagons                // owned by whoever has the token
	ready    atomic.Pointer[hexagons] // the same once it has the cube's cells
	releases *recent[releaseKey, []Bucket]
	sheets   *recent[releaseKey, *sheet]
}

// block is the groups within one cell of the coarsest resolution, by cell. A tile asks only for those that it shows.
type block struct {
	cell   mesh.Cell
	groups []disclosure.Group // coarse cells first, then by cell
}

// Bucket is the events of some groups that are shown in one cell.
type Bucket struct {
	Cell mesh.Cell
	N    int
}

// mark is a thing that can be told from every other.
type mark struct{ _ byte }

// NewCube builds the cube of the groups of a release, in any order. They are not kept.
func NewCube(groups []disclosure.Group, rule disclosure.Rule, st Stamp) *Cube {
	c := &Cube{stamp: st, line: &mark{}, rule: rule}
	c.place(groups, nil)
	c.finish(newHexagons())
	return c
}

// place puts the groups that hold events into blocks: those of the cells in only, or all when it is nil.
func (c *Cube) place(groups []disclosure.Group, only map[mesh.Cell]bool) {
	by := map[mesh.Cell][]disclosure.Group{}
	for _, g := range groups {
		at := g.Cell.Parent(coarsestBucket)
		switch {
		case g.N <= 0:
		case at == 0 || g.Cell.Resolution() > finestHeat:
			c.broken = grids.Errorf(grids.Internal, "events lie in %s, which is no H3 cell of resolution %d to %d", g.Cell, coarsestBucket, finestHeat)
			return
		case only == nil || only[at]:
			by[at] = append(by[at], g)
		}
	}
	for cell, list := range by {
		slices.SortFunc(list, compareGroups)
		c.blocks = append(c.blocks, block{cell, slices.Clone(list)}) // as long as it is: list grew
	}
	slices.SortFunc(c.blocks, func(a, b block) int { return cmp.Compare(a.cell, b.cell) })
}

// compareGroups orders by cell, of which the resolution leads, then by what tells groups of a cell apart.
func compareGroups(a, b disclosure.Group) int {
	return cmp.Or(cmp.Compare(a.Cell, b.Cell), cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.Kinds, b.Kinds), cmp.Compare(a.N, b.N))
}

func (c *Cube) finish(h *hexagons) {
	c.turn, c.hexagons = make(chan struct{}, 1), h
	c.releases, c.sheets = newRecent[releaseKey, []Bucket](maxReleaseBytes), newRecent[releaseKey, *sheet](maxSheetBytes)
}

// With is the cube of the groups of the same release some steps later, and the ground on which heat may look different now. Groups
// differ, or are new, in the cells touched alone; it shares the others, and the hexagons.
func (c *Cube) With(groups []disclosure.Group, touched []mesh.Cell, st Stamp) (*Cube, []Ground) {
	if len(touched) == 0 {
		return c.stamped(st), nil
	}
	if len(c.blocks) == 0 || c.broken != nil {
		return NewCube(groups, c.rule, st), nil // begun anew
	}
	c.turn <- struct{}{} // the hexagons are owned by whoever has the token
	defer func() { <-c.turn }()
	only := map[mesh.Cell]bool{}
	for _, cell := range touched {
		only[cell.Parent(coarsestBucket)] = true
	}
	next := &Cube{stamp: st, line: c.line, rule: c.rule}
	for _, b := range c.blocks {
		if !only[b.cell] {
			next.blocks = append(next.blocks, b)
		}
	}
	next.place(groups, only)
	h := c.hexagons.clone()
	var ground []Ground
	for _, cell := range slices.Sorted(maps.Keys(only)) {
		box := hexagonRow(cell).box.padded() // finer cells reach a little over the border of their parents
		ground = append(ground, Ground{Heat, box}, Ground{Hexagons, box})
		delete(h.in, cell) // a cell may be gone
	}
	next.finish(h)
	return next, ground
}

// stamped is the same casework as of another moment. What it computes it shares with c.
func (c *Cube) stamped(st Stamp) *Cube {
	next := &Cube{stamp: st, line: c.line, rule: c.rule, blocks: c.blocks, broken: c.broken, turn: c.turn, hexagons: c.hexagons, releases: c.releases, sheets: c.sheets}
	next.ready.Store(c.ready.Load())
	return next
}

// Stamp says which content the cube shows.
func (c *Cube) Stamp() Stamp { return c.stamp }

// Rule is how its numbers are shown.
func (c *Cube) Rule() disclosure.Rule { return c.rule }

// Finest is the finest resolution up to res in which the cube's readers see casework.
func (c *Cube) Finest(res int) int { return min(res, max(c.rule.Finest, coarsestHeat)) }

// Told is how many events the groups of the cube hold.
func (c *Cube) Told() (n int) {
	for _, b := range c.blocks {
		for _, g := range b.groups {
			n += int(g.N)
		}
	}
	return n
}

// Bytes is roughly what the cube keeps in memory: its groups, its sums and sheets, its hexagons.
func (c *Cube) Bytes() int64 {
	if c.broken != nil {
		return 0
	}
	n := int64(0)
	for _, b := range c.blocks {
		n += int64(groupBytes * cap(b.groups))
	}
	return n + c.hexagons.size.Load() + c.releases.bytes() + c.sheets.bytes()
}

// groupBytes is the size of a group in memory.
const groupBytes = 24

// Span is how many events are told for exactly these months.
type Span struct {
	Period grids.Period
	N      int
}

// Spans sums the groups that only have kinds of f by their months, all over the district: single months, and the wider spans of what is
// too little for them. By first month, then by last.
func (c *Cube) Spans(f Filter) []Span {
	mask := f.Mask()
	sums := map[grids.Period]int{}
	for _, b := range c.blocks {
		for _, g := range b.groups {
			if g.Told(f.Period, mask) {
				sums[grids.Period{From: g.From, To: g.To}] += int(g.N)
			}
		}
	}
	out := make([]Span, 0, len(sums))
	for p, n := range sums {
		out = append(out, Span{p, n})
	}
	slices.SortFunc(out, func(a, b Span) int {
		return cmp.Or(cmp.Compare(a.Period.From, b.Period.From), cmp.Compare(a.Period.To, b.Period.To))
	})
	return out
}

// All is every group, by place.
func (c *Cube) All() iter.Seq[disclosure.Group] {
	return func(yield func(disclosure.Group) bool) {
		for _, b := range c.blocks {
			for _, g := range b.groups {
				if !yield(g) {
					return
				}
			}
		}
	}
}

// release is the groups of a block that f takes in, summed by cell of resolution res or coarser: coarse cells first, then by cell. The
// caller has the token.
func (c *Cube) release(f Filter, b block, res int) []Bucket {
	key := c.releaseKey(f, b, res)
	if buckets, ok := c.releases.get(key); ok {
		return buckets
	}
	var buckets []Bucket
	mask := f.Mask()
	for _, g := range b.groups {
		if !g.Told(f.Period, mask) {
			continue
		}
		if n := len(buckets); n > 0 && buckets[n-1].Cell == g.Cell {
			buckets[n-1].N += int(g.N)
		} else {
			buckets = append(buckets, Bucket{g.Cell, int(g.N)})
		}
	}
	buckets = rollUp(buckets, res)
	c.releases.put(key, buckets, int64(16*cap(buckets)+256))
	return buckets
}

// releaseKey names sums.
type releaseKey struct {
	period grids.Period
	res    int
	mask   uint16
	block  mesh.Cell
}

func (c *Cube) releaseKey(f Filter, b block, res int) releaseKey {
	return releaseKey{f.Period, res, f.Mask(), b.cell}
}

// Released is the sums of the groups that f takes in, by cell of resolution res (6…8) or coarser: coarse cells first, then by cell. All
// sums are of the same groups: so a coarse hexagon less the finer ones inside isolates no group under K, nor does one period less another.
// What is only told for a wider period or with other kinds is not in it. The error is ctx's, Invalid for a resolution out of range, or
// Internal for events whose cell is none.
func (c *Cube) Released(ctx context.Context, f Filter, res int) ([]Bucket, error) {
	done, err := c.take(ctx, res)
	if err != nil {
		return nil, err
	}
	defer done()
	var all []Bucket
	for _, b := range c.blocks {
		all = append(all, c.release(f, b, res)...)
	}
	slices.SortFunc(all, func(a, b Bucket) int { return cmp.Compare(a.Cell, b.Cell) }) // the resolution leads in an H3 index
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
func rollUp(buckets []Bucket, res int) []Bucket {
	fine := slices.IndexFunc(buckets, func(b Bucket) bool { return b.Cell.Resolution() >= res })
	if fine < 0 {
		return buckets
	}
	var sums []Bucket // of cells of resolution res, by cell
	for rest := buckets[fine:]; len(rest) > 0; {
		same := rest[0].Cell.Resolution()
		n := slices.IndexFunc(rest, func(b Bucket) bool { return b.Cell.Resolution() != same })
		if n < 0 {
			n = len(rest)
		}
		sums = sumByParent(sums, rest[:n], res)
		rest = rest[n:]
	}
	return slices.Concat(buckets[:fine], sums)
}

// sumByParent adds the buckets to the sums of their parents; both are in the order of the cells.
func sumByParent(sums, buckets []Bucket, res int) []Bucket {
	out := make([]Bucket, 0, len(sums)+len(buckets))
	add := func(b Bucket) {
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
