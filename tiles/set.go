package tiles

import (
	"bytes"
	"cmp"
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/maypok86/otter/v2"
	"github.com/maypok86/otter/v2/stats"

	"wangge/grids"
)

// Set is what is served now: the current snapshot of each layer and the cube, and the tiles cut from them. Safe for
// concurrent use; readers never wait for a writer.
type Set struct {
	write    sync.Mutex
	now      atomic.Pointer[content]
	tiles    *otter.Cache[string, *kept]
	flying   sync.Mutex
	flights  map[string]*flight // by key and content of the tile; guarded by flying
	encoders sync.Pool
}

// content is one state of the set; it is replaced, never changed.
type content struct {
	seq       uint64 // grows by one with each state
	snapshots map[string]*Snapshot
	cube      *Cube
	near      *Near // findings that are not for everybody; nil when they are
	history   history
}

// Tile is one tile as it goes out.
type Tile struct {
	Gzip  []byte // shared: not to be changed
	ETag  string // strong, quotes included: equal tiles have equal ones, on every server; "" for an empty tile
	Empty bool   // no layer has a feature here: Gzip is nil
}

// Raw is the tile without compression.
func (t Tile) Raw() ([]byte, error) {
	if t.Empty {
		return nil, nil
	}
	zr, err := gzip.NewReader(bytes.NewReader(t.Gzip))
	if err != nil {
		return nil, grids.Hide(grids.Internal, err, "the tile cannot be unpacked")
	}
	return io.ReadAll(zr)
}

// Request asks for one tile.
type Request struct {
	Layers  []string // in the order they are to have in the tile
	Z, X, Y int
	Filter  Filter
	Within  []grids.Scope // where the reader may see findings exactly, when the set does not show them so to all
}

// NewSet makes an empty set that keeps up to cacheBytes of tiles.
func NewSet(cacheBytes int64) *Set {
	s := &Set{flights: map[string]*flight{}}
	s.now.Store(&content{snapshots: map[string]*Snapshot{}})
	s.tiles = otter.Must(&otter.Options[string, *kept]{MaximumWeight: uint64(max(cacheBytes, 1)), StatsRecorder: stats.NewCounter(),
		Weigher: func(key string, k *kept) uint32 { return uint32(len(key) + len(k.tile.Gzip) + len(k.tile.ETag) + 160) }})
	s.encoders.New = func() any { return newCutter() }
	return s
}

// Change is what makes the next state of a set out of the current one, all at once.
type Change struct {
	Snapshots []*Snapshot // take the places of those of their layers
	Cube      *Cube       // takes the place of the casework; nil leaves it
	Near      *Near       // takes the place of the findings; nil leaves them
	Ground    []Ground    // where those that follow from the current ones look different; tiles elsewhere stay good
}

// Publish makes the next state, which whoever asks from now on gets, and says where layers look different: the ground of the change,
// and all of a layer whose snapshot does not follow from the one it replaces.
func (s *Set) Publish(c Change) []Ground {
	s.write.Lock()
	defer s.write.Unlock()
	old := s.now.Load()
	next := &content{seq: old.seq + 1, snapshots: maps.Clone(old.snapshots), cube: old.cube, near: cmp.Or(c.Near, old.near)}
	ground := slices.Clone(c.Ground)
	for _, sn := range c.Snapshots {
		if was := old.snapshots[sn.layer.Name]; was == nil || was.line != sn.line {
			ground = append(ground, Everywhere(sn.layer.Name))
		}
		next.snapshots[sn.layer.Name] = sn
	}
	if c.Cube != nil {
		if old.cube == nil || old.cube.line != c.Cube.line {
			ground = append(ground, Everywhere(Heat), Everywhere(Hexagons))
		}
		next.cube = c.Cube
	}
	if c.Near != nil && old.near == nil {
		ground = append(ground, Everywhere(Findings))
	}
	next.history = old.history.with(next.seq, ground)
	s.now.Store(next)
	return ground
}

// Snapshot is the current snapshot of a layer; false while it is not loaded, and for the layers of casework.
func (s *Set) Snapshot(name string) (*Snapshot, bool) {
	sn, ok := s.now.Load().snapshots[name]
	return sn, ok
}

// Cube is the current casework, nil while it is not loaded.
func (s *Set) Cube() *Cube { return s.now.Load().cube }

// has reports whether the layer of that name is loaded.
func (c *content) has(name string) bool {
	if fromCube(name) {
		return c.cube != nil
	}
	return c.snapshots[name] != nil || name == Findings && c.near != nil
}

// Missing lists the layers that are not loaded yet, in draw order.
func (s *Set) Missing() []string {
	c := s.now.Load()
	return slices.DeleteFunc(Names(), c.has)
}

// Usage is what the cache of tiles holds and how it did.
type Usage struct {
	Tiles        int
	Bytes        int64 // at most the bound it was made with
	Hits, Misses uint64
}

// Usage is what the cache of tiles holds now.
func (s *Set) Usage() Usage {
	st := s.tiles.Stats()
	return Usage{Tiles: s.tiles.EstimatedSize(), Bytes: int64(s.tiles.WeightedSize()), Hits: st.Hits, Misses: st.Misses}
}

// Check refuses what no content could answer: NotFound for a layer that does not exist, Invalid for a tile outside the
// pyramid or layers named twice. It does no work to speak of.
func (s *Set) Check(r Request) error {
	if err := checkLayers(r.Layers); err != nil {
		return err
	}
	if r.Z < MinZoom || r.Z > MaxZoom {
		return grids.Errorf(grids.Invalid, "zoom %d is outside %d to %d", r.Z, MinZoom, MaxZoom)
	}
	if side := 1 << r.Z; r.X < 0 || r.X >= side || r.Y < 0 || r.Y >= side {
		return grids.Errorf(grids.Invalid, "tile %d/%d/%d does not exist: at zoom %d, x and y are 0 to %d", r.Z, r.X, r.Y, r.Z, side-1)
	}
	return nil
}

// checkLayers refuses unknown and repeated names.
func checkLayers(layers []string) error {
	if len(layers) > len(catalogue) {
		return grids.Errorf(grids.Invalid, "%d layers are asked for and there are %d; name each once", len(layers), len(catalogue))
	}
	for i, name := range layers {
		if !slices.ContainsFunc(catalogue, func(l Layer) bool { return l.Name == name }) {
			return grids.Errorf(grids.NotFound, "there is no layer %.40q; the layers are %s", name, strings.Join(Names(), ","))
		}
		if slices.Contains(layers[:i], name) {
			return grids.Errorf(grids.Invalid, "layer %s is named twice", name)
		}
	}
	if len(layers) == 0 {
		return grids.Errorf(grids.NotFound, "no layer is named; the layers are %s", strings.Join(Names(), ","))
	}
	return nil
}

// Tile cuts the tile of r, or takes it from memory. Equal requests at one time share one rendering, which goes on when
// the first of them is cancelled and stops when all are; each waits only as long as its own ctx. What comes is never older than the
// last [Set.Publish] before the call. The request has passed Check. The error is Unavailable while a layer is not loaded, ctx's own, or
// Internal.
func (s *Set) Tile(ctx context.Context, r Request) (Tile, error) {
	now := s.now.Load()
	for _, name := range r.Layers {
		if !now.has(name) {
			return Tile{}, grids.Errorf(grids.Unavailable, "layer %s is not loaded yet; try again in a moment", name)
		}
	}
	key := r.key()
	if k, ok := s.tiles.GetIfPresent(key); ok && k.good(now, r) {
		return k.tile, nil
	}
	return s.join(ctx, key+"@"+strconv.FormatUint(now.seq, 36), func(ctx context.Context) (Tile, error) {
		t, err := s.render(ctx, now, r)
		if err != nil {
			return Tile{}, err
		}
		s.tiles.Set(key, newKept(t, now.seq))
		return t, nil
	})
}

// Render is Tile without the memory of tiles, compressed or not: for measuring. Not for serving.
func (s *Set) Render(ctx context.Context, r Request, pack bool) (n int, err error) {
	c := s.encoders.Get().(*cutter)
	defer s.encoders.Put(c)
	if err := s.cut(ctx, c, s.now.Load(), r); err != nil || !pack {
		return len(c.raw), err
	}
	t, err := c.pack()
	return len(t.Gzip), err
}

// key names the tile of r among all tiles, whatever their content.
func (r Request) key() string {
	b := make([]byte, 0, 64)
	for _, name := range r.Layers {
		switch b = append(append(b, name...), ','); {
		case name == Heat:
			b = r.Filter.appendKey(b)
		case name == Findings && len(r.Within) > 0:
			b = append(append(b, areaKey(r.Within)...), ',')
		}
	}
	for _, n := range [...]int{r.Z, r.X, r.Y} {
		b = append(strconv.AppendInt(b, int64(n), 10), '/')
	}
	return string(b)
}

// flight is one rendering that several requests wait for.
type flight struct {
	done    chan struct{}
	waiting int // requests; when the last one leaves, the rendering is cancelled
	cancel  context.CancelFunc
	tile    Tile
	err     error
}

// join waits for the flight of that key, and starts it when there is none. The flight is nobody's own: it goes on when the request
// that started it leaves, and ends when nobody waits.
func (s *Set) join(ctx context.Context, key string, render func(context.Context) (Tile, error)) (Tile, error) {
	s.flying.Lock()
	f, ok := s.flights[key]
	if !ok {
		f = &flight{done: make(chan struct{})}
		var own context.Context
		own, f.cancel = context.WithCancel(context.WithoutCancel(ctx))
		s.flights[key] = f
		go func() {
			f.tile, f.err = render(own)
			s.leave(key, f, 0)
			close(f.done)
		}()
	}
	f.waiting++
	s.flying.Unlock()
	select {
	case <-f.done:
		return f.tile, f.err
	case <-ctx.Done():
		s.leave(key, f, 1)
		return Tile{}, ctx.Err()
	}
}

// leave takes so many requests off a flight; one that has landed, or that nobody waits for, takes no more on.
func (s *Set) leave(key string, f *flight, requests int) {
	s.flying.Lock()
	defer s.flying.Unlock()
	if f.waiting -= requests; requests > 0 && f.waiting > 0 {
		return
	}
	f.cancel()
	if s.flights[key] == f {
		delete(s.flights, key)
	}
}

// cutter is what one rendering needs.
type cutter struct {
	encoder
	raw    []byte
	packed bytes.Buffer
	zip    *gzip.Writer
}

func newCutter() *cutter {
	c := &cutter{}
	c.zip, _ = gzip.NewWriterLevel(&c.packed, gzip.BestSpeed) // a level that exists
	return c
}

// render cuts a tile from the content.
func (s *Set) render(ctx context.Context, now *content, r Request) (t Tile, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = grids.Hide(grids.Internal, fmt.Errorf("panic: %v", p), "tile %d/%d/%d cannot be made", r.Z, r.X, r.Y)
		}
	}()
	c := s.encoders.Get().(*cutter)
	if err = s.cut(ctx, c, now, r); err == nil {
		t, err = c.pack()
	}
	s.encoders.Put(c) // not after a panic: its memory may be half written
	return t, err
}

// cut writes the layers of a tile to raw.
func (s *Set) cut(ctx context.Context, c *cutter, now *content, r Request) (err error) {
	c.raw = c.raw[:0]
	ground := tileExtent(r.Z, r.X, r.Y)
	for _, name := range r.Layers {
		sn := now.snapshots[name]
		switch name {
		case Heat:
			sn, err = now.cube.sheetOver(ctx, ground, r.Filter, now.cube.Finest(HeatResolution(r.Z)))
		case Hexagons:
			sn, err = now.cube.hexagonsOver(ctx, ground, now.cube.Finest(HeatResolution(r.Z)))
		case Findings:
			if now.near != nil {
				sn, err = now.near.Within(r.Within)
			}
		}
		if err != nil {
			return err
		}
		c.raw = c.appendLayer(c.raw, sn, r.Z, r.X, r.Y)
	}
	return nil
}

// pack compresses what was cut.
func (c *cutter) pack() (Tile, error) {
	if len(c.raw) == 0 {
		return Tile{Empty: true}, nil
	}
	c.packed.Reset()
	c.zip.Reset(&c.packed)
	if _, err := c.zip.Write(c.raw); err != nil {
		return Tile{}, grids.Hide(grids.Internal, err, "the tile cannot be compressed")
	}
	if err := c.zip.Close(); err != nil {
		return Tile{}, grids.Hide(grids.Internal, err, "the tile cannot be compressed")
	}
	sum := sha256.Sum256(c.packed.Bytes())
	return Tile{Gzip: bytes.Clone(c.packed.Bytes()), ETag: `"` + hex.EncodeToString(sum[:12]) + `"`}, nil
}

// recent keeps what was used last, up to a limit of bytes, and always the very last. What is new is never refused: a
// sheet is asked for by a dozen tiles at once and then perhaps never again. Safe for concurrent use.
type recent[K comparable, V any] struct {
	limit int64
	mu    sync.Mutex
	size  int64
	order list.List // of *entry[K, V], the latest first
	at    map[K]*list.Element
}

type entry[K comparable, V any] struct {
	key   K
	value V
	bytes int64
}

func newRecent[K comparable, V any](limit int64) *recent[K, V] {
	return &recent[K, V]{limit: limit, at: map[K]*list.Element{}}
}

// get is what was put under key, if it is still there.
func (r *recent[K, V]) get(key K) (v V, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.at[key]
	if !ok {
		return v, false
	}
	r.order.MoveToFront(e)
	return e.Value.(*entry[K, V]).value, true
}

// put keeps v, which takes so many bytes, under a key that is not there.
func (r *recent[K, V]) put(key K, v V, bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at[key] = r.order.PushFront(&entry[K, V]{key, v, bytes})
	r.size += bytes
	for r.size > r.limit && r.order.Len() > 1 {
		old := r.order.Remove(r.order.Back()).(*entry[K, V])
		delete(r.at, old.key)
		r.size -= old.bytes
	}
}

// bytes is what the kept values take.
func (r *recent[K, V]) bytes() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.size
}
