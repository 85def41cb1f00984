package tiles

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
	"sync/atomic"

	"wangge/grids"
	"wangge/grids/disclosure"
	"wangge/grids/mesh"
	"wangge/tiles/lattice"
)

// heatColumns is the attributes of a hexagon of the heat.
var heatColumns = [...]string{"id", "res", "cases", "density", "area_km2"}

// hexagonColumns is those that do not depend on the casework.
var hexagonColumns = [...]string{"id", "res", "area_km2"}

const ( // places in it
	hexID = iota
	hexRes
	hexArea
)

// hexagons is the cells that may ever be shown: those that hold at least K events in all. Their outlines are projected once, and
// what was drawn of them is shared by every sheet and by the cubes that follow. Not safe for concurrent use, but for size.
type hexagons struct {
	k     int
	cells [finestHeat + 1][]mesh.Cell // by resolution, ascending
	trees [finestHeat + 1]*node
	words interner
	size  atomic.Int64 // bytes
}

// clone is a copy that can be added to without the other noticing; nil for nil.
func (h *hexagons) clone() *hexagons {
	if h == nil {
		return nil
	}
	c := &hexagons{k: h.k, cells: h.cells, trees: h.trees, words: interner{dictionary: h.words.clipped(), known: maps.Clone(h.words.known)}}
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
func (c *Cube) outlined(k disclosure.Policy) (*hexagons, error) {
	if c.outlinedFor == k.K && c.hexagons.k == k.K {
		return c.hexagons, nil
	}
	if c.hexagons.k != k.K {
		c.hexagons = &hexagons{k: k.K, words: newInterner()}
	}
	totals := c.counts(Filter{})
	buckets := make([]disclosure.Bucket, len(totals))
	for i, n := range totals {
		buckets[i] = disclosure.Bucket{Cell: c.places[i], N: int(n)}
	}
	for res := finestHeat; res >= coarsestBucket; res-- {
		buckets = sumByParent(nil, buckets, res)
		if err := c.hexagons.add(res, buckets, k); err != nil {
			return nil, err
		}
	}
	c.hexagons.measure()
	c.outlinedFor = k.K
	return c.hexagons, nil
}

// add takes on those cells of resolution res that may be shown and are not there yet.
func (h *hexagons) add(res int, buckets []disclosure.Bucket, k disclosure.Policy) error {
	cells := make([]mesh.Cell, 0, len(buckets))
	var edits []edit
	was := h.cells[res]
	for _, b := range buckets {
		if n, ok := k.Count(b.N).Known(); !ok || n == 0 {
			continue
		}
		cells = append(cells, b.Cell)
		if _, there := slices.BinarySearch(was, b.Cell); there {
			continue
		}
		r := hexagonRow(b.Cell)
		if len(r.xy) < 3 {
			return grids.Errorf(grids.Internal, "an event lies in %s, which is no H3 cell", b.Cell)
		}
		for _, v := range [...]any{hexID: b.Cell.String(), hexRes: int64(res), hexArea: significant(b.Cell.AreaM2()/1e6, 4)} {
			tag, err := h.words.intern(v, len(r.tags) == hexID)
			if err != nil {
				return grids.Errorf(grids.Internal, "heat, cell %s: %w", b.Cell, err)
			}
			r.tags = append(r.tags, tag)
		}
		edits = append(edits, edit{id: r.id, at: r.at, row: &r})
	}
	h.cells[res], h.trees[res] = cells, h.trees[res].apply(edits, 0, len(hexagonColumns))
	return nil
}

// measure notes how much memory the hexagons take.
func (h *hexagons) measure() {
	n := cap(h.words.data) + 4*cap(h.words.ends) + 64*len(h.words.known)
	for res, t := range h.trees {
		n += 8 * cap(h.cells[res])
		t.each(func(l *leaf) { n += l.bytes() + 4*cap(l.tags) + 120 })
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

// Sheet is the hexagons of [Cube.Released] as a layer to cut tiles from. It is kept for the next caller. The errors are those of
// Released.
func (c *Cube) Sheet(ctx context.Context, f Filter, res int, k disclosure.Policy) (*Snapshot, error) {
	return c.sheet(ctx, fmt.Sprintf("%d?%s", res, c.releaseKey(f, k)), res, func() (*Snapshot, error) {
		h, err := c.outlined(k)
		if err != nil {
			return nil, err
		}
		return c.dress(h, rollUp(c.release(f, k), res), res, k), nil
	})
}

// Hexagons is every hexagon that a sheet of resolution res may hold, whatever the filter: a cell is in it when it holds at least K
// events in all. The errors are those of [Cube.Sheet].
func (c *Cube) Hexagons(ctx context.Context, res int, k disclosure.Policy) (*Snapshot, error) {
	return c.sheet(ctx, fmt.Sprintf("%d!%d", res, k.K), res, func() (*Snapshot, error) {
		h, err := c.outlined(k)
		if err != nil {
			return nil, err
		}
		layer, _ := Find(Hexagons)
		s := &Snapshot{layer: layer, stamp: c.stamp, columns: hexagonColumns[hexRes:], values: h.words.dictionary}
		for _, tree := range h.trees[coarsestBucket : res+1] {
			s.addRoot(tree.dressed(func(l *leaf) []uint32 {
				var tags []uint32
				for i := range l.count() {
					tags = append(tags, l.tags[i*len(hexagonColumns)+hexRes:(i+1)*len(hexagonColumns)]...)
				}
				return tags
			}))
		}
		return s, nil
	})
}

// sheet is what is kept under a key, or made.
func (c *Cube) sheet(ctx context.Context, key string, res int, make func() (*Snapshot, error)) (*Snapshot, error) {
	if c.broken != nil {
		return nil, c.broken
	}
	if s, ok := c.sheets.get(key); ok {
		return s, nil
	}
	done, err := c.take(ctx, res)
	if err != nil {
		return nil, err
	}
	defer done()
	if s, ok := c.sheets.get(key); ok {
		return s, nil
	}
	s, err := make()
	if err != nil {
		return nil, err
	}
	bytes := int64(4096) // the outlines are the hexagons' own
	for _, r := range s.roots {
		r.each(func(l *leaf) { bytes += int64(4*cap(l.tags) + 150) })
	}
	c.sheets.put(key, s, bytes+int64(cap(s.values.data)+4*cap(s.values.ends)))
	return s, nil
}

func (s *Snapshot) addRoot(n *node) {
	if n != nil {
		s.roots = append(s.roots, n)
	}
}

// dress is the hexagons of the buckets, which are in order, with their counts.
func (c *Cube) dress(h *hexagons, buckets []disclosure.Bucket, res int, k disclosure.Policy) *Snapshot {
	layer, _ := Find(Heat)
	ids := idsOf(buckets)
	words := interner{dictionary: h.words.clipped(), known: maps.Clone(h.words.known)}
	var scratch []byte
	entry := func(b []byte) uint32 {
		scratch = b
		return words.entry(b)
	}
	s := &Snapshot{layer: layer, stamp: c.stamp, columns: heatColumns[:]}
	for _, tree := range h.trees[coarsestBucket : res+1] {
		s.addRoot(tree.dressed(func(l *leaf) []uint32 {
			tags, shown := make([]uint32, 0, l.count()*len(heatColumns)), false
			for i, f := range l.features[:l.count()] {
				at, ok := slices.BinarySearch(ids, f.id)
				if !ok {
					tags = append(tags, noFeature, noTag, noTag, noTag, noTag)
					continue
				}
				shown = true
				own := l.tags[i*len(hexagonColumns):]
				n := buckets[at].N
				tags = append(tags, own[hexID], own[hexRes], entry(appendInt(scratch[:0], int64(n))), noTag, own[hexArea])
				if d, ok := k.Density(n, words.number(own[hexArea])*1e6).Known(); ok {
					tags[len(tags)-2] = entry(appendDouble(scratch[:0], significant(d, 3)))
				}
			}
			if !shown {
				return nil
			}
			return tags
		}))
	}
	s.values = words.dictionary
	return s
}

// idsOf is the feature ids of the buckets, ascending as they are.
func idsOf(buckets []disclosure.Bucket) []uint64 {
	ids := make([]uint64, len(buckets))
	for i, b := range buckets {
		ids[i] = hexagonID(b.Cell)
	}
	return ids
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
	Cases   [][]int   // by period and id; 0 where there is nothing to show
}

// maxHeatValues bounds one answer.
const maxHeatValues = 4 << 20

// Values is the counts that [Cube.Sheet] shows in each period, of the hexagons that meet the box (west, south, east,
// north, degrees), without their outlines. Hexagons without any count are left out. The errors are those of Sheet, and Invalid when
// it would be too much.
func (c *Cube) Values(ctx context.Context, kinds []grids.CaseKind, periods []grids.Period, bounds [4]float64, res int, k disclosure.Policy) (HeatValues, error) {
	done, err := c.take(ctx, res)
	if err != nil {
		return HeatValues{}, err
	}
	defer done()
	h, err := c.outlined(k)
	if err != nil {
		return HeatValues{}, err
	}
	v := h.inside(bounds, res)
	if len(v.IDs)*len(periods) > maxHeatValues {
		return HeatValues{}, grids.Errorf(grids.Invalid, "%d hexagons in %d periods are too much for one answer: ask for a smaller box or fewer periods", len(v.IDs), len(periods))
	}
	for _, p := range periods {
		if err := ctx.Err(); err != nil {
			return HeatValues{}, err
		}
		buckets := rollUp(c.release(Filter{Period: p, Kinds: kinds}, k), res)
		v.Cases = append(v.Cases, pick(v.IDs, buckets))
	}
	v.prune()
	return v, nil
}

// inside is the hexagons of resolution res and coarser that meet the box.
func (h *hexagons) inside(bounds [4]float64, res int) HeatValues {
	nw, se := lattice.Project([2]float64{bounds[0], bounds[3]}), lattice.Project([2]float64{bounds[2], bounds[1]})
	box := extent{nw[0], nw[1], se[0], se[1]}
	v := HeatValues{Res: res}
	type hexagon struct {
		id   uint64
		area float64
	}
	var found []hexagon
	for _, tree := range h.trees[coarsestBucket : res+1] {
		tree.within(box, func(l *leaf) {
			for i, f := range l.features[:l.count()] {
				if l.boxes[i].meets(box) {
					found = append(found, hexagon{f.id, h.words.number(l.tags[i*len(hexagonColumns)+hexArea])})
				}
			}
		})
	}
	slices.SortFunc(found, func(a, b hexagon) int { return cmp.Compare(a.id, b.id) })
	for _, f := range found {
		v.IDs, v.AreaKm2 = append(v.IDs, f.id), append(v.AreaKm2, f.area)
	}
	return v
}

// pick is the count of each id; both are ascending.
func pick(ids []uint64, buckets []disclosure.Bucket) []int {
	out := make([]int, len(ids))
	for i, at := 0, 0; i < len(ids) && at < len(buckets); {
		switch id := hexagonID(buckets[at].Cell); {
		case id < ids[i]:
			at++
		case id > ids[i]:
			i++
		default:
			out[i] = buckets[at].N
			i, at = i+1, at+1
		}
	}
	return out
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
