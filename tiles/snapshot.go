package tiles

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"sync"

	"wangge/grids"
	"wangge/tiles/simplify"
)

// Stamp says which content a snapshot shows.
type Stamp struct {
	Generation string                  // of the database: another one after a restore
	Versions   map[grids.Subject]int64 // of each subject the layer is made of, read before the data
	Day        grids.Day               // the "today" the data was read for
}

// minZoomColumn is the column of a table that is no attribute: the first zoom at which the feature is drawn.
const minZoomColumn = "minzoom"

// serverColumn begins the name of a column that is for the server alone and never leaves it in a tile.
const serverColumn = '_'

// maxID bounds feature ids: a browser keeps larger ones only roughly.
const maxID = 1 << 53

// tolerance is how far a simplified outline may lie from the true one, in units: a quarter of a pixel, so that two simplified
// independently of each other are within half a pixel.
const tolerance = Extent / 512 / 4

// Snapshot is what a layer holds at one moment: immutable, safe for concurrent use. Tiles are cut from it without touching the rows it
// was made from. A snapshot that follows from another shares with it whatever did not change.
type Snapshot struct {
	layer   Layer
	stamp   Stamp
	columns []string
	roots   []*node // drawn in this order
	values  dictionary
	line    *lineage
}

// lineage is what making the next snapshot out of the latest needs. Readers of snapshots do not touch it.
type lineage struct {
	mu     sync.Mutex
	latest *Snapshot
	words  interner
	live   int // entries of the dictionary when it was last made anew
	where  map[uint64][2]uint32
}

// NewSnapshot builds the snapshot of layer l from its rows. The geometry is EPSG:4326 (lon, lat): Point, MultiPoint,
// Polygon or MultiPolygon. A column named "minzoom" is the first zoom at which a feature is drawn, one that begins with an
// underscore is left out, and every other column is an attribute. The error is Internal and names the row: an id that is not
// below 2^53 or appears twice, a geometry that is missing, outside the world, open, without area or crossing itself, a value
// that MVT has no type for.
func NewSnapshot(l Layer, t grids.Table, st Stamp) (*Snapshot, error) {
	s := &Snapshot{layer: l, stamp: st, line: &lineage{words: newInterner(), where: make(map[uint64][2]uint32, len(t.Features))}}
	r := newRowReader(s, t)
	s.columns = r.names
	rows := make([]row, 0, len(t.Features))
	at := make(map[uint64]int, len(t.Features))
	for i, f := range t.Features {
		if first, ok := at[f.ID]; ok {
			return nil, r.fault(i, f, fmt.Errorf("row %d has the same id", first+1))
		}
		at[f.ID] = i
		next, err := r.row(f)
		if err != nil {
			return nil, r.fault(i, f, err)
		}
		rows = append(rows, next)
		s.line.where[f.ID] = next.at
	}
	if l.Partition {
		rank(rows)
	}
	s.finish([]*node{grow(rows, 0, len(s.columns))})
	return s, nil
}

// rank decides for every position the zoom from which it is drawn, the same for all outlines that share it.
func rank(rows []row) {
	var xy [][2]uint32
	var ends []uint32
	for _, r := range rows {
		for _, ring := range r.rings {
			ends = append(ends, uint32(len(xy))+ring.end)
		}
		xy = append(xy, r.xy...)
	}
	ranks := simplify.Ranks(xy, ends, tolerance)
	for i := range rows {
		n := len(rows[i].xy)
		rows[i].ranks, ranks = ranks[:n:n], ranks[n:]
	}
}

// finish closes a snapshot that is about to be handed out.
func (s *Snapshot) finish(roots []*node) {
	s.roots = slices.DeleteFunc(roots, func(n *node) bool { return n == nil })
	s.values = s.line.words.dictionary
	if s.line.live == 0 {
		s.line.live = len(s.values.ends)
	}
	s.line.latest = s
}

// With is the snapshot that follows from s: the rows of t take the place of those with their ids, or are new, and those
// with the ids in gone are left out. A row without a geometry keeps the one it has; in a partition every row must, because
// the outlines hang together. It also says which ground looks different now. The columns of t are those of s. The errors are those of
// [NewSnapshot]; s stays as it is and can be followed by another.
func (s *Snapshot) With(t grids.Table, gone []uint64, st Stamp) (next *Snapshot, ground []Ground, err error) {
	l := s.line
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.latest != s {
		return nil, nil, grids.Errorf(grids.Internal, "layer %s: only the latest snapshot can be followed by another", s.layer.Name)
	}
	words, live := l.words, l.live
	defer func() {
		if err != nil {
			l.words, l.live = words, live
			maps.DeleteFunc(l.words.known, func(_ string, i uint32) bool { return int(i) >= len(words.ends) })
		}
	}()
	next = &Snapshot{layer: s.layer, stamp: st, columns: s.columns, line: l}
	root := s.root()
	if len(l.words.ends) > 2*l.live+4096 {
		root = l.sweep(root, s.columns)
	}
	c := changes{snapshot: s, reader: newRowReader(s, t), lineage: l, root: root, moved: map[uint64][2]uint32{}}
	if !slices.Equal(c.reader.names, s.columns) {
		return nil, nil, grids.Errorf(grids.Internal, "layer %s: the columns %v are not those it has, %v", s.layer.Name, c.reader.names, s.columns)
	}
	seen := make(map[uint64]int, len(t.Features))
	for i, f := range t.Features {
		if first, ok := seen[f.ID]; ok {
			return nil, nil, c.reader.fault(i, f, fmt.Errorf("row %d has the same id", first+1))
		}
		seen[f.ID] = i
		if err := c.put(f); err != nil {
			return nil, nil, c.reader.fault(i, f, err)
		}
	}
	for _, id := range gone {
		c.drop(id)
	}
	root = root.apply(c.edits, 0, len(s.columns))
	maps.Copy(l.where, c.moved)
	for _, id := range gone {
		delete(l.where, id)
	}
	next.finish([]*node{root})
	return next, c.ground, nil
}

// Fork is s with a line of its own: it can be followed by other snapshots than s, and shares with it all that does not change.
func (s *Snapshot) Fork() *Snapshot {
	l := s.line
	l.mu.Lock()
	defer l.mu.Unlock()
	next := *s
	next.line = &lineage{words: interner{dictionary: l.words.clipped(), known: maps.Clone(l.words.known)}, live: l.live, where: maps.Clone(l.where)}
	next.line.latest = &next
	return &next
}

// root is the tree of a layer that came from a table.
func (s *Snapshot) root() *node {
	if len(s.roots) == 0 {
		return nil
	}
	return s.roots[0]
}

// changes is the edits on the way from one snapshot to the next.
type changes struct {
	snapshot *Snapshot
	reader   *rowReader
	*lineage
	root   *node
	edits  []edit
	moved  map[uint64][2]uint32
	ground []Ground
}

// put adds or replaces a row.
func (c *changes) put(f grids.Feature) error {
	was, i, known := c.find(f.ID)
	if f.Geometry == nil && known {
		return c.dress(f, was, i)
	}
	if c.snapshot.layer.Partition {
		return fmt.Errorf("the outlines of a partition are loaded together")
	}
	next, err := c.reader.row(f)
	if err != nil {
		return err
	}
	c.drop(f.ID)
	c.edits = append(c.edits, edit{id: f.ID, at: next.at, row: &next})
	c.moved[f.ID] = next.at
	c.touch(next.box)
	return nil
}

// dress gives a feature other attributes, if they are others.
func (c *changes) dress(f grids.Feature, was *leaf, i int) error {
	tags, err := c.reader.tags(f)
	if err != nil {
		return err
	}
	old := was.tags[i*len(tags) : (i+1)*len(tags)]
	for k, v := range tags {
		if v != noTag && old[k] != noTag && bytes.Equal(c.words.value(v), c.words.value(old[k])) {
			tags[k] = old[k] // a value that is not looked up among the others
		}
	}
	if !slices.Equal(old, tags) {
		c.edits = append(c.edits, edit{id: f.ID, at: was.boxes[i].centre(), tags: tags})
		c.touch(was.boxes[i])
	}
	return nil
}

// drop removes a row; one that is not there stays so.
func (c *changes) drop(id uint64) {
	if at, ok := c.moved[id]; ok {
		c.edits = append(c.edits, edit{id: id, at: at})
		delete(c.moved, id)
	}
	if was, i, ok := c.find(id); ok {
		c.edits = append(c.edits, edit{id: id, at: was.boxes[i].centre()})
		c.touch(was.boxes[i])
	}
}

// find is the leaf that holds a feature now, and its place in it.
func (c *changes) find(id uint64) (*leaf, int, bool) {
	at, ok := c.where[id]
	if !ok {
		return nil, 0, false
	}
	n := c.root
	for depth := 0; n != nil && n.leaf == nil; depth++ {
		n = n.kids[quarter(at, depth)]
	}
	if n == nil {
		return nil, 0, false
	}
	i, ok := n.leaf.find(id)
	return n.leaf, i, ok
}

func (c *changes) touch(e extent) { c.ground = append(c.ground, Ground{c.snapshot.layer.Name, e}) }

// sweep makes the dictionary anew of what the tree uses, and returns the tree that uses it.
func (l *lineage) sweep(root *node, columns []string) *node {
	old, fresh := l.words, newInterner()
	root = root.dressed(everywhere, func(was *leaf) []uint32 {
		tags := slices.Clone(was.tags)
		for i, v := range tags {
			switch {
			case v == noTag:
			case columns[i%len(columns)] == idColumn:
				tags[i] = fresh.add(old.value(v))
			default:
				tags[i] = fresh.entry(old.value(v))
			}
		}
		return tags
	})
	l.words, l.live = fresh, len(fresh.ends)
	return root
}

// Layer is the catalogue row of the snapshot.
func (s *Snapshot) Layer() Layer { return s.layer }

// Stamp says which content the snapshot shows.
func (s *Snapshot) Stamp() Stamp { return s.stamp }

// Features is how many features the snapshot holds.
func (s *Snapshot) Features() int {
	n := 0
	for _, r := range s.roots {
		n += r.n
	}
	return n
}

// bounds is the box of everything.
func (s *Snapshot) bounds() extent {
	box := nothing
	for _, r := range s.roots {
		box = box.with(r.box)
	}
	return box
}

// Bytes is roughly what the snapshot keeps in memory, with what was drawn of it. Snapshots that follow from each other share most of that.
func (s *Snapshot) Bytes() int64 {
	n := cap(s.values.data) + 4*cap(s.values.ends) + 4096
	for _, r := range s.roots {
		r.each(func(l *leaf) { n += l.bytes() + 4*cap(l.tags) + 120 })
	}
	if s.line != nil {
		n += 32*len(s.line.where) + 64*len(s.line.words.known)
	}
	return int64(n)
}
