package tiles

import (
	"fmt"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/paulmach/orb"

	"wangge/grids"
	"wangge/tiles/lattice"
)

// rowReader turns rows of a table into rows of a tree.
type rowReader struct {
	layer   Layer
	columns []string // of the table
	names   []string // of those that are attributes
	minZoom int      // the column that is the first zoom, -1 for none
	words   *interner
	w       workshop
}

func newRowReader(s *Snapshot, t grids.Table) *rowReader {
	r := &rowReader{layer: s.layer, columns: t.Columns, minZoom: slices.Index(t.Columns, minZoomColumn), words: &s.line.words}
	for i, c := range t.Columns {
		if r.attribute(i) {
			r.names = append(r.names, c)
		}
	}
	return r
}

// attribute reports whether column i goes into tiles.
func (r *rowReader) attribute(i int) bool {
	return i != r.minZoom && (r.columns[i] == "" || r.columns[i][0] != serverColumn)
}

// fault names the row that is broken.
func (r *rowReader) fault(i int, f grids.Feature, err error) error {
	return grids.Errorf(grids.Internal, "layer %s, row %d, id %d: %w", r.layer.Name, i+1, f.ID, err)
}

// row reads one row.
func (r *rowReader) row(f grids.Feature) (row, error) {
	if f.ID >= maxID {
		return row{}, fmt.Errorf("the id is not below 2^53")
	}
	out := row{id: f.ID, box: nothing}
	var err error
	if out.tags, err = r.tags(f); err != nil {
		return out, err
	}
	if r.minZoom >= 0 {
		out.minZoom = zoomOf(f.Values[r.minZoom])
	}
	if err := out.shape(f.Geometry); err != nil {
		return out, err
	}
	for _, p := range out.xy {
		out.box = out.box.with(extent{p[0], p[1], p[0], p[1]})
	}
	out.at = out.box.centre()
	return out, r.check(&out)
}

// tags is the attributes of a row as entries of the dictionary.
func (r *rowReader) tags(f grids.Feature) ([]uint32, error) {
	if len(f.Values) != len(r.columns) {
		return nil, fmt.Errorf("%d values for %d columns", len(f.Values), len(r.columns))
	}
	tags := make([]uint32, 0, len(r.names))
	for i, v := range f.Values {
		if !r.attribute(i) {
			continue
		}
		tag, err := r.words.intern(v, r.columns[i] == idColumn)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", r.columns[i], err)
		}
		tags = append(tags, tag)
	}
	return tags, nil
}

// zoomOf reads a minzoom value; anything but a number means "from the start".
func zoomOf(v any) uint8 {
	switch v := v.(type) {
	case int64:
		return uint8(min(max(v, 0), MaxZoom+1))
	case float64:
		return uint8(min(max(v, 0), MaxZoom+1))
	}
	return 0
}

// shape reads a geometry.
func (r *row) shape(g orb.Geometry) error {
	switch g := g.(type) {
	case orb.Point:
		return r.points(orb.MultiPoint{g})
	case orb.MultiPoint:
		return r.points(g)
	case orb.Polygon:
		return r.polygons(orb.MultiPolygon{g})
	case orb.MultiPolygon:
		return r.polygons(g)
	case nil:
		return fmt.Errorf("there is no geometry")
	}
	return fmt.Errorf("a %s is neither points nor polygons", g.GeoJSONType())
}

func (r *row) points(g orb.MultiPoint) error {
	if len(g) == 0 {
		return fmt.Errorf("there is no point")
	}
	r.point = true
	for _, p := range g {
		if err := r.position(p); err != nil {
			return err
		}
	}
	r.rings = append(r.rings, span{end: uint32(len(r.xy))})
	return nil
}

func (r *row) polygons(g orb.MultiPolygon) error {
	if len(g) == 0 {
		return fmt.Errorf("there is no polygon")
	}
	for _, p := range g {
		if len(p) == 0 {
			return fmt.Errorf("a polygon has no exterior")
		}
		for i, ring := range p {
			if err := r.outline(ring, i > 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// outline appends a ring without its closing point, turned so that an exterior has positive area with y to the south.
func (r *row) outline(ring orb.Ring, hole bool) error {
	if len(ring) < 4 {
		return fmt.Errorf("a ring of %d points is no outline: it takes at least 4, the last equal to the first", len(ring))
	}
	if ring[0] != ring[len(ring)-1] {
		return fmt.Errorf("the ring that starts at lon %v, lat %v is not closed", ring[0][0], ring[0][1])
	}
	from := len(r.xy)
	for _, p := range ring[1:] {
		if err := r.position(p); err != nil {
			return err
		}
	}
	area := fixedArea(r.xy[from:])
	if area == 0 {
		return fmt.Errorf("the ring that starts at lon %v, lat %v has no area", ring[0][0], ring[0][1])
	}
	if (area < 0) != hole {
		slices.Reverse(r.xy[from:])
	}
	r.rings = append(r.rings, span{uint32(len(r.xy)), hole})
	return nil
}

func (r *row) position(p orb.Point) error {
	if !(math.Abs(p[0]) <= 180 && math.Abs(p[1]) <= 90) {
		return fmt.Errorf("lon %v, lat %v is no place on Earth", p[0], p[1])
	}
	r.xy = append(r.xy, lattice.Project(p))
	return nil
}

// fixedArea is twice the area of an open ring.
func fixedArea(r [][2]uint32) float64 {
	sum := 0.0
	at := func(i int) (float64, float64) {
		return float64(int64(r[i][0]) - int64(r[0][0])), float64(int64(r[i][1]) - int64(r[0][1]))
	}
	for i := 1; i+1 < len(r); i++ {
		ax, ay := at(i)
		bx, by := at(i + 1)
		sum += ax*by - ay*bx
	}
	return sum
}

// check refuses an outline that crosses itself by more than what rounding at the finest zoom explains: a unit (15 cm at the
// equator) along the whole outline.
func (r *rowReader) check(f *row) error {
	if f.point {
		return nil
	}
	o, from := &r.w.whole, uint32(0)
	o.Reset()
	for _, ring := range f.rings {
		for _, p := range f.xy[from:ring.end] {
			o.Add(lattice.Snap(p, lattice.UnitBits(MaxZoom)))
		}
		o.Close(ring.hole)
		from = ring.end
	}
	if len(o.Rings) == len(f.rings) && r.w.Valid(o) {
		return nil
	}
	was, length := o.Measure()
	r.w.Repair(&r.w.part, o)
	if now, _ := r.w.part.Measure(); math.Abs(was-now) > length+2 {
		return fmt.Errorf("the outline crosses itself; repair it in the data")
	}
	return nil
}

// idColumn is the attribute that no two features share: its values are not looked up among those of others.
const idColumn = "id"

// noTag stands for an attribute that a feature does not have; noFeature, in the first column, for a feature that is not there.
const (
	noTag     = math.MaxUint32
	noFeature = math.MaxUint32 - 1
)

// dictionary is attribute values as MVT Value messages one after the other. It only grows: an older copy of it stays good.
type dictionary struct {
	data []byte
	ends []uint32
}

// value is the i-th message.
func (d *dictionary) value(i uint32) []byte {
	start := uint32(0)
	if i > 0 {
		start = d.ends[i-1]
	}
	return d.data[start:d.ends[i]]
}

// interner fills a dictionary, each value once.
type interner struct {
	dictionary
	known   map[string]uint32
	scratch []byte
}

func newInterner() interner { return interner{known: map[string]uint32{}} }

// intern is the entry of v, noTag for nil. A value that is unique is not looked for, nor found again.
func (in *interner) intern(v any, unique bool) (uint32, error) {
	b := in.scratch[:0]
	switch v := v.(type) {
	case nil:
		return noTag, nil
	case string:
		if !utf8.ValidString(v) {
			return 0, fmt.Errorf("%q is not valid UTF-8", v)
		}
		b = appendString(b, v)
	case bool:
		b = appendBool(b, v)
	case int64:
		b = appendInt(b, v)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return 0, fmt.Errorf("%v is not a number that can be shown", v)
		}
		b = appendDouble(b, v)
	default:
		return 0, fmt.Errorf("a %T is none of string, bool, int64 and float64", v)
	}
	in.scratch = b
	if unique {
		return in.add(b), nil
	}
	return in.entry(b), nil
}

// entry is the entry of an encoded value.
func (in *interner) entry(b []byte) uint32 {
	if i, ok := in.known[string(b)]; ok {
		return i
	}
	i := in.add(b)
	in.known[string(b)] = i
	return i
}

// add appends an encoded value.
func (in *interner) add(b []byte) uint32 {
	in.data = append(in.data, b...)
	in.ends = append(in.ends, uint32(len(in.data)))
	return uint32(len(in.ends) - 1)
}
