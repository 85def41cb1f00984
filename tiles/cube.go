package tiles

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"sync/atomic"

	"github.com/paulmach/orb"

	"wangge/grids"
	"wangge/grids/disclosure"
	"wangge/grids/mesh"
)

// coarsestBucket is the coarsest H3 cell that is still drawn: about 190 km² here. What is too few even there stays hidden.
const coarsestBucket = 5

// How much memory a cube spends on the sheets it has cut, and on what was released for a filter.
const (
	maxSheetBytes   = 96 << 20
	maxReleaseBytes = 32 << 20
)

// Cube is all casework by fine cell, month and kind, in sorted columns: 3 bytes an event and 12 a cell. What it holds never
// changes; it keeps the sheets it has cut. Safe for concurrent use.
type Cube struct {
	stamp  Stamp
	cells  []mesh.Cell // ascending; 0 for events whose place is only known as an area
	starts []uint32    // by cell: the first of its events; one more at the end
	months []uint16    // by event: since first
	kinds  []uint8
	first  grids.Month
	span   int // months from the first event to the last

	turn     chan struct{} // holds one token: sheets are cut one at a time
	hexagons hexagons      // owned by whoever has the token
	kept     atomic.Int64  // bytes of hexagons
	sheets   *recent[*Snapshot]
	releases *recent[[]disclosure.Bucket]
}

// event is a row of the columns while they are sorted.
type event struct {
	cell  int64
	month int32
	kind  uint8
}

// NewCube builds the cube from the columns of all events, in any order: H3 cell of resolution 12 (0 for none), month as
// in [grids.Month], number of the kind. The columns are of one length and are not kept. Sorting by cell beforehand
// saves the time and the memory of sorting here: 16 bytes an event.
func NewCube(cells []int64, months []int32, kinds []uint8, st Stamp) *Cube {
	if !slices.IsSorted(cells) {
		cells, months, kinds = sortEvents(cells, months, kinds)
	}
	c := &Cube{stamp: st, months: make([]uint16, len(months)), kinds: slices.Clone(kinds), turn: make(chan struct{}, 1)}
	if len(months) > 0 {
		c.first = grids.Month(slices.Min(months))
		c.span = int(slices.Max(months)) - int(c.first) + 1
	}
	for i, m := range months {
		c.months[i] = uint16(m - int32(c.first))
		if i == 0 || cells[i] != cells[i-1] {
			c.cells, c.starts = append(c.cells, mesh.Cell(cells[i])), append(c.starts, uint32(i))
		}
	}
	c.cells, c.starts = slices.Clip(c.cells), append(c.starts, uint32(len(months)))
	c.hexagons.at = map[mesh.Cell]uint32{}
	c.sheets, c.releases = newRecent[*Snapshot](maxSheetBytes), newRecent[[]disclosure.Bucket](maxReleaseBytes)
	return c
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

// Bytes is roughly what the cube keeps in memory: its columns, the outlines of its hexagons and its sheets.
func (c *Cube) Bytes() int64 {
	columns := 8*cap(c.cells) + 4*cap(c.starts) + 2*cap(c.months) + cap(c.kinds)
	return int64(columns) + c.kept.Load() + c.sheets.bytes() + c.releases.bytes()
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

// counts is how many events f lets through in each cell of the finest resolution of the heat layer.
func (c *Cube) counts(f Filter) map[mesh.Cell]int {
	out := map[mesh.Cell]int{}
	lo, hi := c.rangeOf(f.Period)
	if hi < lo {
		return out
	}
	mask, all, width := f.mask(), f.everything(), uint16(hi-lo)
	var cell mesh.Cell
	sum := 0
	for i, fine := range c.cells {
		if fine == 0 {
			continue
		}
		if p := fine.Parent(min(finestHeat, fine.Resolution())); p != cell {
			if sum > 0 {
				out[cell] += sum
			}
			cell, sum = p, 0
		}
		from, to := c.starts[i], c.starts[i+1]
		if all {
			sum += int(to - from)
			continue
		}
		for j := from; j < to; j++ {
			if c.months[j]-uint16(lo) <= width && mask>>c.kinds[j]&1 == 1 {
				sum++
			}
		}
	}
	if sum > 0 {
		out[cell] += sum
	}
	return out
}

// Sheet is the hexagons of resolution res (6…10) of the events that f lets through, as policy k may show them. There is
// one release for a filter, partitioned at resolution 10, and every sheet is its sums: so a coarse hexagon less the
// finer ones inside isolates no group under K. A group that was too small on its own appears in a coarser hexagon under
// the finer ones. Features come coarse first, then by cell. The sheet is kept for the next caller. The error is ctx's, Invalid for
// a resolution out of range, or Internal for an event whose cell is none.
func (c *Cube) Sheet(ctx context.Context, f Filter, res int, k disclosure.Policy) (*Snapshot, error) {
	if res < coarsestHeat || res > finestHeat {
		return nil, grids.Errorf(grids.Invalid, "heat has resolutions %d to %d, not %d", coarsestHeat, finestHeat, res)
	}
	release := fmt.Sprintf("%d?%s", k.K, f.key())
	key := fmt.Sprintf("%d/%s", res, release)
	if s, ok := c.sheets.get(key); ok {
		return s, nil
	}
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s, ok := c.sheets.get(key); ok {
		return s, nil
	}
	buckets, ok := c.releases.get(release)
	if !ok {
		buckets, _ = k.Partition(c.counts(f), coarsestBucket)
		c.releases.put(release, buckets, int64(16*len(buckets)+256))
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s, err := c.cut(rollUp(buckets, res), k)
	if err != nil {
		return nil, err
	}
	c.sheets.put(key, s, s.Bytes())
	return s, nil
}

// rollUp is the sums of buckets by cell of resolution res or coarser, coarse first, then by cell.
func rollUp(buckets []disclosure.Bucket, res int) []disclosure.Bucket {
	out := make([]disclosure.Bucket, len(buckets))
	for i, b := range buckets {
		out[i] = disclosure.Bucket{Cell: b.Cell.Parent(min(res, b.Cell.Resolution())), N: b.N}
	}
	slices.SortFunc(out, func(a, b disclosure.Bucket) int { return cmp.Compare(a.Cell, b.Cell) }) // the resolution leads in an H3 index
	sums := out[:0]
	for _, b := range out {
		if n := len(sums); n > 0 && sums[n-1].Cell == b.Cell {
			sums[n-1].N += b.N
			continue
		}
		sums = append(sums, b)
	}
	return slices.Clip(sums)
}

// heatColumns is the attributes of a hexagon.
var heatColumns = [...]string{"id", "res", "cases", "density", "area_km2"}

// cut builds the snapshot of the buckets, which are in order.
func (c *Cube) cut(buckets []disclosure.Bucket, k disclosure.Policy) (*Snapshot, error) {
	layer, _ := Find(Heat)
	s := &Snapshot{layer: layer, stamp: c.stamp, bounds: nothing, columns: heatColumns[:],
		features: make([]feature, 0, len(buckets)+1), rings: make([]span, 0, len(buckets)), xy: make([][2]uint32, 0, 6*len(buckets)),
		tags: make([]uint32, 0, len(heatColumns)*len(buckets))}
	in := interner{dictionary: &s.values, known: map[string]uint32{}}
	boxes := make([]extent, 0, len(buckets))
	for i, b := range buckets {
		hex, err := c.hexagons.of(b.Cell)
		if err != nil {
			return nil, err
		}
		s.features = append(s.features, feature{id: hexagonID(b.Cell), ring: uint32(i)})
		s.xy = append(s.xy, hex.xy...)
		s.rings = append(s.rings, span{end: uint32(len(s.xy))})
		boxes = append(boxes, hex.box)
		row := heatRow(b, hex.areaM2, k)
		s.tags = append(s.tags, in.fresh(b.Cell.String()))
		for _, v := range row[1:] {
			tag, err := in.intern(v)
			if err != nil {
				return nil, grids.Errorf(grids.Internal, "heat, cell %s: %w", b.Cell, err)
			}
			s.tags = append(s.tags, tag)
		}
	}
	c.kept.Store(c.hexagons.bytes())
	s.finish(boxes, true)
	s.table = func() grids.Table { return heatTable(buckets, k) }
	return s, nil
}

// heatRow is the values of a hexagon, in the order of heatColumns but without the id.
func heatRow(b disclosure.Bucket, areaM2 float64, k disclosure.Policy) [len(heatColumns)]any {
	var density any
	if n, ok := k.Density(b.N, areaM2).Known(); ok {
		density = significant(n, 3)
	}
	return [...]any{nil, int64(b.Cell.Resolution()), int64(b.N), density, significant(areaM2/1e6, 4)}
}

// heatTable is the rows of a sheet, made on demand.
func heatTable(buckets []disclosure.Bucket, k disclosure.Policy) grids.Table {
	t := grids.Table{Columns: heatColumns[:], Features: make([]grids.Feature, len(buckets))}
	for i, b := range buckets {
		row := heatRow(b, b.Cell.AreaM2(), k)
		row[0] = b.Cell.String()
		t.Features[i] = grids.Feature{ID: hexagonID(b.Cell), Geometry: orb.Polygon{b.Cell.Boundary()}, Values: row[:]}
	}
	return t
}

// significant is v rounded to that many decimal digits, so that like hexagons share their values.
func significant(v float64, digits int) float64 {
	if v == 0 {
		return 0
	}
	scale := math.Pow(10, float64(digits-1)-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*scale) / scale
}

// hexagons keeps the projected outlines of cells, which never change. Not safe for concurrent use.
type hexagons struct {
	at    map[mesh.Cell]uint32 // place in the columns
	xy    [][2]uint32
	ends  []uint32
	areas []float64
	boxes []extent
}

// hexagon is the outline of a cell, without the closing point, its area and its box.
type hexagon struct {
	xy     [][2]uint32
	areaM2 float64
	box    extent
}

// of is the hexagon of a cell. The error is Internal when it is no cell.
func (h *hexagons) of(c mesh.Cell) (hexagon, error) {
	i, ok := h.at[c]
	if !ok {
		var err error
		if i, err = h.project(c); err != nil {
			return hexagon{}, err
		}
	}
	start := uint32(0)
	if i > 0 {
		start = h.ends[i-1]
	}
	return hexagon{h.xy[start:h.ends[i]], h.areas[i], h.boxes[i]}, nil
}

// project adds a cell to the columns.
func (h *hexagons) project(c mesh.Cell) (uint32, error) {
	r := c.Boundary()
	if len(r) < 4 {
		return 0, grids.Errorf(grids.Internal, "an event lies in %s, which is no H3 cell", c)
	}
	box := nothing
	for i := len(r) - 1; i > 0; i-- { // counter-clockwise with y to the north is clockwise here
		p := project(r[i])
		h.xy = append(h.xy, p)
		box = box.with(extent{p[0], p[1], p[0], p[1]})
	}
	i := uint32(len(h.ends))
	h.ends, h.areas, h.boxes = append(h.ends, uint32(len(h.xy))), append(h.areas, mesh.AreaM2(r)), append(h.boxes, box)
	h.at[c] = i
	return i, nil
}

// bytes is roughly what the columns and the map take.
func (h *hexagons) bytes() int64 {
	return int64(8*cap(h.xy) + 4*cap(h.ends) + 8*cap(h.areas) + 16*cap(h.boxes) + 24*len(h.at))
}

// hexagonID packs the resolution, the base cell and the digits of a cell of resolution 0 to 14 into 53 bits: unique, and small
// enough for a browser.
func hexagonID(c mesh.Cell) uint64 {
	res := c.Resolution()
	return uint64(res)<<49 | uint64(c)&(1<<52-1)>>(3*(15-res))
}
