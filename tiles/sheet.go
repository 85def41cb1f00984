package tiles

import (
	"cmp"
	"context"
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"wangge/grids"
	"wangge/grids/disclosure"
	"wangge/grids/mesh"
	"wangge/tiles/lattice"
)

// heatColumns is the attributes of a hexagon of the heat.
var heatColumns = [...]string{"id", "res", "cases", "cases_to", "density", "area_km2"}

// hexagonColumns is those that do not depend on the casework.
var hexagonColumns = [...]string{"id", "res", "area_km2"}

const ( // places in it
	hexID = iota
	hexRes
	hexArea
)

// hexagons is the cells that may ever be shown: those of the groups, and those that hold them. Their outlines are projected once, and
// what was drawn of them is shared by every sheet and by the cubes that follow. It is added to by whoever has the token; once
// it is complete anybody reads what is in it, and what was said so far of the words.
type hexagons struct {
	in    map[mesh.Cell]outlines // by cell of the coarsest resolution
	words interner               // of all sheets, too: there are few different counts and densities
	said  atomic.Pointer[dictionary]
	size  atomic.Int64 // bytes
}

// outlines is the hexagons of one block, by resolution.
type outlines struct {
	cells [finestHeat + 1][]mesh.Cell // ascending
	trees [finestHeat + 1]*node
}

func newHexagons() *hexagons {
	return &hexagons{in: map[mesh.Cell]outlines{}, words: newInterner()}
}

// clone is a copy that can be added to without the other noticing.
func (h *hexagons) clone() *hexagons {
	if h == nil {
		return nil
	}
	c := &hexagons{in: maps.Clone(h.in), words: interner{dictionary: h.words.clipped(), known: maps.Clone(h.words.known)}}
	c.size.Store(h.size.Load())
	return c
}

// clipped is the dictionary for one who appends to it on his own.
func (d *dictionary) clipped() dictionary {
	return dictionary{slices.Clip(d.data), slices.Clip(d.ends)}
}

// number reads a value that is a double.
func (d *dictionary) number(i uint32) float64 {
	return math.Float64frombits(binary.LittleEndian.Uint64(d.value(i)[1:]))
}

// outlined is the hexagons, with those of the cube's cells. The caller has the token.
func (c *Cube) outlined() (*hexagons, error) {
	if h := c.ready.Load(); h != nil {
		return h, nil
	}
	for _, b := range c.blocks {
		o := c.hexagons.in[b.cell]
		for res := finestHeat; res >= coarsestBucket; res-- {
			if err := c.hexagons.add(&o, res, b.cells(res)); err != nil {
				return nil, err
			}
		}
		c.hexagons.in[b.cell] = o
	}
	c.hexagons.measure()
	c.hexagons.say()
	c.ready.Store(c.hexagons)
	return c.hexagons, nil
}

// cells is the cells of resolution res that hold groups of the block, ascending.
func (b block) cells(res int) (out []mesh.Cell) {
	for _, g := range b.groups {
		if g.Cell.Resolution() >= res {
			out = append(out, g.Cell.Parent(res))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// add takes on those cells of resolution res that are not there yet.
func (h *hexagons) add(o *outlines, res int, cells []mesh.Cell) error {
	var edits []edit
	was := o.cells[res]
	for _, cell := range cells {
		if _, there := slices.BinarySearch(was, cell); there {
			continue
		}
		r := hexagonRow(cell)
		if len(r.xy) < 3 {
			return grids.Errorf(grids.Internal, "events lie in %s, which is no H3 cell", cell)
		}
		for _, v := range [...]any{hexID: cell.String(), hexRes: int64(res), hexArea: significant(cell.AreaM2()/1e6, 4)} {
			tag, err := h.words.intern(v, len(r.tags) == hexID)
			if err != nil {
				return grids.Errorf(grids.Internal, "heat, cell %s: %w", cell, err)
			}
			r.tags = append(r.tags, tag)
		}
		edits = append(edits, edit{id: r.id, at: r.at, row: &r})
	}
	o.cells[res], o.trees[res] = cells, o.trees[res].apply(edits, 0, len(hexagonColumns))
	return nil
}

// measure notes how much memory the hexagons take.
func (h *hexagons) measure() {
	n := cap(h.words.data) + 4*cap(h.words.ends) + 64*len(h.words.known)
	for _, o := range h.in {
		for res, t := range o.trees {
			n += 8 * cap(o.cells[res])
			t.each(func(l *leaf) { n += l.bytes() + 4*cap(l.tags) + 120 })
		}
	}
	h.size.Store(int64(n))
}

// hexagonRow is the outline of a cell.
func hexagonRow(c mesh.Cell) row {
	r := row{id: hexagonID(c), box: nothing}
	ring := c.Boundary()
	for i := len(ring) - 1; i > 0; i-- { // counter-clockwise with y to the north is clockwise here
		p := lattice.Project(ring[i])
		r.xy = append(r.xy, p)
		r.box = r.box.with(extent{p[0], p[1], p[0], p[1]})
	}
	r.rings, r.at = []span{{end: uint32(len(r.xy))}}, r.box.centre()
	return r
}

// hexagonID packs the resolution, the base cell and the digits of a cell of resolution 0 to 14 into 53 bits: unique, small
// enough for a browser, and in the order of the cells.
func hexagonID(c mesh.Cell) uint64 {
	res := c.Resolution()
	return uint64(res)<<49 | uint64(c)&(1<<52-1)>>(3*(15-res))
}

// Sheet is the hexagons of [Cube.Released] as a layer to cut tiles from. The errors are those of Released.
func (c *Cube) Sheet(ctx context.Context, f Filter, res int) (*Snapshot, error) {
	return c.sheetOver(ctx, everywhere, f, res)
}

// sheetOver is the part of a sheet that has all that meets the box.
func (c *Cube) sheetOver(ctx context.Context, over extent, f Filter, res int) (*Snapshot, error) {
	return c.compose(ctx, Heat, heatColumns[:], over, res, func(h *hexagons, b block, made bool) dresser {
		key := c.releaseKey(f, b, res)
		part, ok := c.sheets.get(key)
		if !ok {
			if !made {
				return nil
			}
			part = &sheet{buckets: c.release(f, b, res)}
			c.sheets.put(key, part, h.in[b.cell].sheetBytes(res))
		}
		return func(l *leaf) ([]uint32, bool) {
			if tags, ok := part.tags.Load(l); ok {
				return tags.([]uint32), true
			}
			if !made {
				return nil, false
			}
			tags := h.dress(l, part.buckets, c.rule)
			h.say()
			part.tags.Store(l, tags)
			return tags, true
		}
	})
}

// dresser gives a leaf its attributes, nil when it shows nothing; false when they are yet to be made.
type dresser func(*leaf) ([]uint32, bool)

// say lets everybody read the words that there are.
func (h *hexagons) say() {
	d := h.words.dictionary
	h.said.Store(&d)
}

// sheet is what is shown of one block under one filter: the attributes of those leaves that a tile has shown, as entries of the
// hexagons' dictionary.
type sheet struct {
	buckets []Bucket
	tags    sync.Map // *leaf → []uint32; written by whoever has the token
}

// sheetBytes is what a sheet up to resolution res takes when all of it was shown.
func (o outlines) sheetBytes(res int) int64 {
	n := 512
	for _, t := range o.trees[:res+1] {
		t.each(func(l *leaf) { n += 4*len(heatColumns)*l.count() + 64 })
	}
	return int64(n)
}

// Hexagons is every hexagon that a sheet of resolution res may hold, whatever the filter: the cells of the groups. The errors are those of [Cube.Sheet].
func (c *Cube) Hexagons(ctx context.Context, res int) (*Snapshot, error) {
	return c.hexagonsOver(ctx, everywhere, res)
}

// hexagonsOver is the part of the hexagons that has all that meets the box.
func (c *Cube) hexagonsOver(ctx context.Context, over extent, res int) (*Snapshot, error) {
	return c.compose(ctx, Hexagons, hexagonColumns[hexRes:], over, res, func(*hexagons, block, bool) dresser { return bare })
}

// bare is the attributes of the hexagons of a leaf that are the same under every filter, but for the id.
func bare(l *leaf) ([]uint32, bool) {
	tags := make([]uint32, 0, l.count()*len(hexagonColumns[hexRes:]))
	for i := range l.count() {
		tags = append(tags, l.tags[i*len(hexagonColumns)+hexRes:(i+1)*len(hexagonColumns)]...)
	}
	return tags, true
}

// compose is the part of a layer that has all that meets the box: of each block, the hexagons up to resolution res, with the attributes that
// of gives them. What was made before is put together at once; only what is new waits for the token. With made set, of makes what there is
// not.
func (c *Cube) compose(ctx context.Context, name string, columns []string, over extent, res int, of func(h *hexagons, b block, made bool) dresser) (*Snapshot, error) {
	layer, _ := Find(name)
	s := &Snapshot{layer: layer, stamp: c.stamp, columns: columns}
	if h := c.ready.Load(); h != nil && res >= coarsestHeat && res <= finestHeat && c.assemble(s, h, over, res, of, false) {
		return s, ctx.Err()
	}
	done, err := c.take(ctx, res)
	if err != nil {
		return nil, err
	}
	defer done()
	h, err := c.outlined()
	if err != nil {
		return nil, err
	}
	c.assemble(s, h, over, res, of, true)
	return s, nil
}

// assemble fills s, the coarse hexagons first; false when something is yet to be made and may not be.
func (c *Cube) assemble(s *Snapshot, h *hexagons, over extent, res int, of func(*hexagons, block, bool) dresser, made bool) bool {
	var parts [finestHeat + 1][]*node
	whole := true
	for _, b := range c.blocks {
		o := h.in[b.cell]
		if !o.meets(over, res) {
			continue
		}
		dress := of(h, b, made)
		if dress == nil {
			return false
		}
		for at, tree := range o.trees[:res+1] {
			n := tree.dressed(over, func(l *leaf) []uint32 {
				tags, ok := dress(l)
				whole = whole && ok
				return tags
			})
			if n != nil {
				parts[at] = append(parts[at], n)
			}
		}
	}
	s.roots, s.values = slices.Concat(parts[:]...), *h.said.Load()
	return whole
}

// meets reports whether any hexagon up to resolution res may meet the box.
func (o *outlines) meets(e extent, res int) bool {
	return slices.ContainsFunc(o.trees[:res+1], func(n *node) bool { return n != nil && n.box.meets(e) })
}

// dress gives the hexagons of a leaf the counts of the buckets, which are in order; one without a bucket is not there. It is nil when
// none has one.
func (h *hexagons) dress(l *leaf, buckets []Bucket, rule disclosure.Rule) []uint32 {
	tags, shown := make([]uint32, 0, l.count()*len(heatColumns)), false
	var scratch [24]byte
	for i, f := range l.features[:l.count()] {
		at, ok := slices.BinarySearchFunc(buckets, f.id, func(b Bucket, id uint64) int { return cmp.Compare(hexagonID(b.Cell), id) })
		if !ok {
			tags = append(tags, noFeature, noTag, noTag, noTag, noTag, noTag)
			continue
		}
		shown = true
		own := l.tags[i*len(hexagonColumns):]
		v := rule.Count(buckets[at].N)
		to, density := uint32(noTag), uint32(noTag)
		if v.To > 0 {
			to = h.words.entry(appendInt(scratch[:0], int64(v.To)))
		}
		if d, ok := disclosure.Density(v, h.words.number(own[hexArea])*1e6).Known(); ok {
			density = h.words.entry(appendDouble(scratch[:0], significant(d, 3)))
		}
		tags = append(tags, own[hexID], own[hexRes], h.words.entry(appendInt(scratch[:0], int64(v.N))), to, density, own[hexArea])
	}
	if !shown {
		return nil
	}
	return tags
}

// significant is v rounded to that many decimal digits, so that like hexagons share their values.
func significant(v float64, digits int) float64 {
	if v == 0 {
		return 0
	}
	scale := math.Pow(10, float64(digits-1)-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*scale) / scale
}

// HeatValues is the counts of the hexagons of a part of the map in several periods, as columns.
type HeatValues struct {
	Res     int       // the finest H3 resolution in it
	IDs     []uint64  // feature ids of the layer Hexagons, ascending
	AreaKm2 []float64 // by id
	Cases   [][]int   // by period and id: the number, or that which its band begins with; 0 where there is nothing to show
}

// maxHeatValues bounds one answer.
const maxHeatValues = 4 << 20

// Values is the counts that [Cube.Sheet] shows in each period, of the hexagons that meet the box (west, south, east,
// north, degrees), without their outlines. Hexagons without any count are left out. The errors are those of Sheet, and Invalid when
// it would be too much.
func (c *Cube) Values(ctx context.Context, kinds []grids.CaseKind, periods []grids.Period, bounds [4]float64, res int) (HeatValues, error) {
	done, err := c.take(ctx, res)
	if err != nil {
		return HeatValues{}, err
	}
	defer done()
	h, err := c.outlined()
	if err != nil {
		return HeatValues{}, err
	}
	nw, se := lattice.Project([2]float64{bounds[0], bounds[3]}), lattice.Project([2]float64{bounds[2], bounds[1]})
	box := extent{nw[0], nw[1], se[0], se[1]}
	blocks := slices.DeleteFunc(slices.Clone(c.blocks), func(b block) bool {
		o := h.in[b.cell]
		return !o.meets(box, res)
	})
	v := h.inside(blocks, box, res)
	if len(v.IDs)*len(periods) > maxHeatValues {
		return HeatValues{}, grids.Errorf(grids.Invalid, "%d hexagons in %d periods are too much for one answer: ask for a smaller box or fewer periods", len(v.IDs), len(periods))
	}
	for _, p := range periods {
		if err := ctx.Err(); err != nil {
			return HeatValues{}, err
		}
		counts := make([]int, len(v.IDs))
		for _, b := range blocks {
			pick(counts, v.IDs, c.release(Filter{Period: p, Kinds: kinds}, b, res), c.rule)
		}
		v.Cases = append(v.Cases, counts)
	}
	v.prune()
	return v, nil
}

// inside is the hexagons of resolution res and coarser of the blocks that meet the box.
func (h *hexagons) inside(blocks []block, box extent, res int) HeatValues {
	v := HeatValues{Res: res}
	type hexagon struct {
		id   uint64
		area float64
	}
	var found []hexagon
	for _, b := range blocks {
		o := h.in[b.cell]
		for _, tree := range o.trees[:res+1] {
			tree.within(box, func(l *leaf) {
				for i, f := range l.features[:l.count()] {
					if l.boxes[i].meets(box) {
						found = append(found, hexagon{f.id, h.words.number(l.tags[i*len(hexagonColumns)+hexArea])})
					}
				}
			})
		}
	}
	slices.SortFunc(found, func(a, b hexagon) int { return cmp.Compare(a.id, b.id) })
	for _, f := range found {
		v.IDs, v.AreaKm2 = append(v.IDs, f.id), append(v.AreaKm2, f.area)
	}
	return v
}

// pick enters what is shown of the buckets at the places of their ids; both are ascending.
func pick(counts []int, ids []uint64, buckets []Bucket, rule disclosure.Rule) {
	for i, at := 0, 0; i < len(ids) && at < len(buckets); {
		switch id := hexagonID(buckets[at].Cell); {
		case id < ids[i]:
			at++
		case id > ids[i]:
			i++
		default:
			counts[i] = int(rule.Count(buckets[at].N).N)
			i, at = i+1, at+1
		}
	}
}

// prune leaves out the hexagons without any count.
func (v *HeatValues) prune() {
	n := 0
	for i := range v.IDs {
		if !slices.ContainsFunc(v.Cases, func(column []int) bool { return column[i] > 0 }) {
			continue
		}
		v.IDs[n], v.AreaKm2[n] = v.IDs[i], v.AreaKm2[i]
		for _, column := range v.Cases {
			column[n] = column[i]
		}
		n++
	}
	v.IDs, v.AreaKm2 = v.IDs[:n], v.AreaKm2[:n]
	for i := range v.Cases {
		v.Cases[i] = v.Cases[i][:n]
	}
}
