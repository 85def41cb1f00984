package tiles

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/paulmach/orb"

	"wangge/grids"
)

// Stamp says which content a snapshot shows; it is part of the ETag.
type Stamp struct {
	Generation string                  // of the database: another one after a restore
	Versions   map[grids.Subject]int64 // of each subject the layer is made of, read before the data
	Day        grids.Day               // the "today" the data was read for
}

// minZoomColumn is the column of a table that is no attribute: the first zoom at which the feature is drawn.
const minZoomColumn = "minzoom"

// maxID bounds feature ids: a browser keeps larger ones only roughly.
const maxID = 1 << 53

// noTag stands for an attribute that a feature does not have.
const noTag = math.MaxUint32

// Snapshot is what a layer holds at one moment: immutable, safe for concurrent use. Tiles are cut from it without
// touching the rows it was made from.
type Snapshot struct {
	layer    Layer
	stamp    Stamp
	table    func() grids.Table
	features []feature
	xy       [][2]uint32 // fixed-point Mercator, all rings one after the other
	rings    []span
	index    index
	bounds   extent
	columns  []string
	tags     []uint32 // by feature and column: an entry of values, or noTag
	values   dictionary
	bands    [MaxZoom + 1]band
}

// feature is one row; its geometry ends where that of the next one begins.
type feature struct {
	id      uint64
	ring    uint32 // the first of its rings
	minZoom uint8
	point   bool
}

// span is where a ring ends in the positions, exclusive. The positions of a multipoint are one ring.
type span struct {
	end  uint32
	hole bool
}

// band is the outlines that rounding to the lattice of a zoom would make invalid, repaired; made when the zoom is first asked
// for. An empty outline is a polygon that is too small to have one.
type band struct {
	once     sync.Once
	repaired map[uint32]*outline
}

// NewSnapshot builds the snapshot of layer l from its rows. The geometry is EPSG:4326 (lon, lat): Point, MultiPoint,
// Polygon or MultiPolygon. A column named "minzoom" is the first zoom at which a feature is drawn; every other column
// is an attribute. The snapshot keeps t. The error is Internal and names the row: an id that is not below 2^53 or
// appears twice, a geometry that is missing, outside the world, open, without area or crossing itself, a value that MVT
// has no type for.
func NewSnapshot(l Layer, t grids.Table, st Stamp) (*Snapshot, error) {
	s := &Snapshot{layer: l, stamp: st, table: func() grids.Table { return t }, bounds: nothing}
	minZoom := slices.Index(t.Columns, minZoomColumn)
	for i, c := range t.Columns {
		if i != minZoom {
			s.columns = append(s.columns, c)
		}
	}
	in := interner{dictionary: &s.values, known: map[string]uint32{}}
	boxes := make([]extent, 0, len(t.Features))
	for i, f := range t.Features {
		box, err := s.load(f, &in, minZoom, len(t.Columns))
		if err != nil {
			return nil, grids.Errorf(grids.Internal, "layer %s, row %d, id %d: %w", l.Name, i+1, f.ID, err)
		}
		boxes = append(boxes, box)
	}
	s.finish(boxes, false)
	if err := s.verify(); err != nil {
		return nil, err
	}
	return s, nil
}

// load takes one row and returns its box.
func (s *Snapshot) load(f grids.Feature, in *interner, minZoom, columns int) (extent, error) {
	if f.ID >= maxID {
		return nothing, fmt.Errorf("the id is not below 2^53")
	}
	if len(f.Values) != columns {
		return nothing, fmt.Errorf("%d values for %d columns", len(f.Values), columns)
	}
	row := feature{id: f.ID, ring: uint32(len(s.rings))}
	for i, v := range f.Values {
		if i == minZoom {
			row.minZoom = zoomOf(v)
			continue
		}
		tag, err := in.intern(v)
		if err != nil {
			return nothing, fmt.Errorf("column %s: %w", s.columns[len(s.tags)%len(s.columns)], err)
		}
		s.tags = append(s.tags, tag)
	}
	from := len(s.xy)
	point, err := s.shape(f.Geometry)
	if err != nil {
		return nothing, err
	}
	row.point = point
	s.features = append(s.features, row)
	box := nothing
	for _, p := range s.xy[from:] {
		box = box.with(extent{p[0], p[1], p[0], p[1]})
	}
	return box, nil
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

// shape appends the positions of g and reports whether it is points.
func (s *Snapshot) shape(g orb.Geometry) (point bool, err error) {
	switch g := g.(type) {
	case orb.Point:
		return true, s.points(orb.MultiPoint{g})
	case orb.MultiPoint:
		return true, s.points(g)
	case orb.Polygon:
		return false, s.polygons(orb.MultiPolygon{g})
	case orb.MultiPolygon:
		return false, s.polygons(g)
	case nil:
		return false, fmt.Errorf("there is no geometry")
	}
	return false, fmt.Errorf("a %s is neither points nor polygons", g.GeoJSONType())
}

func (s *Snapshot) points(g orb.MultiPoint) error {
	if len(g) == 0 {
		return fmt.Errorf("there is no point")
	}
	for _, p := range g {
		if err := s.position(p); err != nil {
			return err
		}
	}
	s.rings = append(s.rings, span{end: uint32(len(s.xy))})
	return nil
}

func (s *Snapshot) polygons(g orb.MultiPolygon) error {
	if len(g) == 0 {
		return fmt.Errorf("there is no polygon")
	}
	for _, p := range g {
		if len(p) == 0 {
			return fmt.Errorf("a polygon has no exterior")
		}
		for i, r := range p {
			if err := s.outline(r, i > 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// outline appends a ring without its closing point, turned so that an exterior has positive area with y to the south.
func (s *Snapshot) outline(r orb.Ring, hole bool) error {
	if len(r) < 4 {
		return fmt.Errorf("a ring of %d points is no outline: it takes at least 4, the last equal to the first", len(r))
	}
	if r[0] != r[len(r)-1] {
		return fmt.Errorf("the ring that starts at lon %v, lat %v is not closed", r[0][0], r[0][1])
	}
	from := len(s.xy)
	for _, p := range r[1:] {
		if err := s.position(p); err != nil {
			return err
		}
	}
	area := fixedArea(s.xy[from:])
	if area == 0 {
		return fmt.Errorf("the ring that starts at lon %v, lat %v has no area", r[0][0], r[0][1])
	}
	if (area < 0) != hole {
		slices.Reverse(s.xy[from:])
	}
	s.rings = append(s.rings, span{uint32(len(s.xy)), hole})
	return nil
}

func (s *Snapshot) position(p orb.Point) error {
	if !(math.Abs(p[0]) <= 180 && math.Abs(p[1]) <= 90) {
		return fmt.Errorf("lon %v, lat %v is no place on Earth", p[0], p[1])
	}
	s.xy = append(s.xy, project(p))
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

// finish closes the columns and packs the index.
func (s *Snapshot) finish(boxes []extent, ordered bool) {
	s.index = newIndex(boxes, ordered)
	for _, b := range boxes {
		s.bounds = s.bounds.with(b)
	}
	s.features = append(s.features, feature{ring: uint32(len(s.rings))}) // where the last one ends
}

// verify refuses rows that share an id, and outlines that cross themselves by more than what rounding at the finest zoom
// explains: a unit (15 cm at the equator) along the whole outline.
func (s *Snapshot) verify() error {
	row := make(map[uint64]int, len(s.features))
	for i, f := range s.features[:s.Features()] {
		if first, ok := row[f.id]; ok {
			return grids.Errorf(grids.Internal, "layer %s, row %d, id %d: row %d has the same id", s.layer.Name, i+1, f.id, first+1)
		}
		row[f.id] = i
	}
	var w workshop
	b := s.band(MaxZoom, &w)
	for i := range s.Features() {
		fixed := b.repaired[uint32(i)]
		if fixed == nil {
			continue
		}
		s.quantise(&w.whole, i, MaxZoom)
		was, length := measure(&w.whole)
		now, _ := measure(fixed)
		if math.Abs(was-now) > length+2 {
			return grids.Errorf(grids.Internal, "layer %s, row %d, id %d: the outline crosses itself; repair it in the data", s.layer.Name, i+1, s.features[i].id)
		}
	}
	return nil
}

// measure is the area of an outline, holes less, and the length of its rings.
func measure(o *outline) (area, length float64) {
	for i := range o.rings {
		r := o.ring(i)
		area += float64(area2(r)) / 2
		last := r[len(r)-1]
		for _, p := range r {
			length += math.Hypot(float64(p.x-last.x), float64(p.y-last.y))
			last = p
		}
	}
	return area, length
}

// Layer is the catalogue row of the snapshot.
func (s *Snapshot) Layer() Layer { return s.layer }

// Stamp says which content the snapshot shows.
func (s *Snapshot) Stamp() Stamp { return s.stamp }

// Features is how many features the snapshot holds.
func (s *Snapshot) Features() int { return len(s.features) - 1 }

// Table is the rows with their original values, for legends and explanations: shared, so not to be changed.
func (s *Snapshot) Table() grids.Table { return s.table() }

// Bytes is roughly what the snapshot itself keeps in memory, without the rows it was made from.
func (s *Snapshot) Bytes() int64 {
	n := 16*cap(s.features) + 8*cap(s.xy) + 8*cap(s.rings) + 20*len(s.index.boxes) + 4*cap(s.tags) + cap(s.values.data) + 4*cap(s.values.ends)
	return int64(n) + 4096
}

// dictionary is attribute values, each once, as MVT Value messages one after the other.
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

// interner fills a dictionary.
type interner struct {
	*dictionary
	known   map[string]uint32
	scratch []byte
}

// intern is the entry of v, noTag for nil.
func (in *interner) intern(v any) (uint32, error) {
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
	return in.entry(b), nil
}

// entry is the entry of an encoded value.
func (in *interner) entry(b []byte) uint32 {
	if i, ok := in.known[string(b)]; ok {
		return i
	}
	i := uint32(len(in.ends))
	in.data = append(in.data, b...)
	in.ends = append(in.ends, uint32(len(in.data)))
	in.known[string(b)] = i
	return i
}

// fresh is the entry of a string that no other feature has.
func (in *interner) fresh(v string) uint32 {
	in.data = appendString(in.data, v)
	in.ends = append(in.ends, uint32(len(in.data)))
	return uint32(len(in.ends) - 1)
}
