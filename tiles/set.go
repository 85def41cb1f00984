package tiles

import (
	"bytes"
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

	"wangge/grids"
	"wangge/grids/disclosure"
)

// encoding names what the bytes of a tile depend on besides its content. Change it with the encoder.
const encoding = "mvt-1"

// Set is what is served now: the current snapshot of each layer and the cube, and the tiles cut from them. Safe for
// concurrent use; readers never wait for a writer.
type Set struct {
	policy   disclosure.Policy
	write    sync.Mutex
	now      atomic.Pointer[content]
	tiles    *otter.Cache[string, Tile]
	flying   sync.Mutex
	flights  map[string]*flight // by key of the tile; guarded by flying
	encoders sync.Pool
}

// content is one state of the set; it is replaced, never changed.
type content struct {
	snapshots map[string]*Snapshot
	cube      *Cube
	digests   map[string]string // by layer: what its ETag is made of
}

// Tile is one tile as it goes out.
type Tile struct {
	Gzip  []byte // shared: not to be changed
	ETag  string // strong, of exactly these bytes' content
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
}

// NewSet makes an empty set whose casework is shown under policy, and which keeps up to cacheBytes of tiles.
func NewSet(policy disclosure.Policy, cacheBytes int64) *Set {
	s := &Set{policy: policy, flights: map[string]*flight{}}
	s.now.Store(&content{snapshots: map[string]*Snapshot{}, digests: map[string]string{}})
	s.tiles = otter.Must(&otter.Options[string, Tile]{MaximumWeight: uint64(max(cacheBytes, 1)),
		Weigher: func(key string, t Tile) uint32 { return uint32(len(key) + len(t.Gzip) + len(t.ETag) + 128) }})
	s.encoders.New = func() any { return newCutter() }
	return s
}

// Put makes sn the current snapshot of its layer.
func (s *Set) Put(sn *Snapshot) {
	s.replace(func(c *content) {
		name := sn.layer.Name
		c.snapshots[name], c.digests[name] = sn, sn.stamp.digest(sn.layer)
	})
}

// PutCube makes c the current casework.
func (s *Set) PutCube(c *Cube) {
	layer, _ := Find(Heat)
	s.replace(func(now *content) { now.cube, now.digests[Heat] = c, c.stamp.digest(layer) })
}

// replace swaps in a changed copy of the content.
func (s *Set) replace(change func(*content)) {
	s.write.Lock()
	defer s.write.Unlock()
	old := s.now.Load()
	next := &content{maps.Clone(old.snapshots), old.cube, maps.Clone(old.digests)}
	change(next)
	s.now.Store(next)
}

// digest is the stamp as far as the layer depends on it.
func (st Stamp) digest(l Layer) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\x00%s\x00%d", l.Name, st.Generation, st.Day)
	for _, subject := range l.Subjects {
		fmt.Fprintf(&b, "\x00%d", st.Versions[subject])
	}
	return b.String()
}

// Snapshot is the current snapshot of a layer; false while it is not loaded, and for the heat layer.
func (s *Set) Snapshot(name string) (*Snapshot, bool) {
	sn, ok := s.now.Load().snapshots[name]
	return sn, ok
}

// Cube is the current casework, nil while it is not loaded.
func (s *Set) Cube() *Cube { return s.now.Load().cube }

// Policy is what is shown of casework.
func (s *Set) Policy() disclosure.Policy { return s.policy }

// Missing lists the layers that are not loaded yet, in draw order.
func (s *Set) Missing() []string {
	c := s.now.Load()
	var out []string
	for _, name := range names() {
		if _, ok := c.digests[name]; !ok {
			out = append(out, name)
		}
	}
	return out
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
	known := names()
	if len(layers) > len(known) {
		return grids.Errorf(grids.Invalid, "%d layers are asked for and there are %d; name each once", len(layers), len(known))
	}
	for i, name := range layers {
		if !slices.Contains(known, name) {
			return grids.Errorf(grids.NotFound, "there is no layer %.40q; the layers are %s", name, strings.Join(known, ","))
		}
		if slices.Contains(layers[:i], name) {
			return grids.Errorf(grids.Invalid, "layer %s is named twice", name)
		}
	}
	if len(layers) == 0 {
		return grids.Errorf(grids.NotFound, "no layer is named; the layers are %s", strings.Join(known, ","))
	}
	return nil
}

// ETag is the strong ETag, quotes included, that the tile of r has now; nothing is rendered for it. It says which content of which
// layers, under which filter and which policy. The request has passed Check.
func (s *Set) ETag(r Request) string { return s.now.Load().etag(r, s.policy) }

func (c *content) etag(r Request, policy disclosure.Policy) string {
	b := make([]byte, 0, 256)
	b = append(b, encoding...)
	for _, name := range r.Layers {
		b = append(append(b, '\n'), c.digests[name]...)
		if name == Heat {
			b = append(strconv.AppendInt(append(b, 0), int64(policy.K), 10), r.Filter.key()...)
		}
	}
	sum := sha256.Sum256(b)
	return `"` + hex.EncodeToString(sum[:12]) + `"`
}

// Tile cuts the tile of r, or takes it from memory. Equal requests at one time share one rendering, which goes on when
// the first of them is cancelled and stops when all are; each waits only as long as its own ctx. The request has passed Check. The error is
// Unavailable while a layer is not loaded, ctx's own, or Internal.
func (s *Set) Tile(ctx context.Context, r Request) (Tile, error) {
	now := s.now.Load()
	for _, name := range r.Layers {
		if _, ok := now.digests[name]; !ok {
			return Tile{}, grids.Errorf(grids.Unavailable, "layer %s is not loaded yet; try again in a moment", name)
		}
	}
	etag := now.etag(r, s.policy)
	key := etag + "/" + strconv.Itoa(r.Z) + "/" + strconv.Itoa(r.X) + "/" + strconv.Itoa(r.Y)
	if t, ok := s.tiles.GetIfPresent(key); ok {
		return t, nil
	}
	return s.join(ctx, key, func(ctx context.Context) (Tile, error) {
		t, err := s.render(ctx, now, r)
		if err != nil {
			return Tile{}, err
		}
		t.ETag = etag
		s.tiles.Set(key, t)
		return t, nil
	})
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
	c.raw = c.raw[:0]
	for _, name := range r.Layers {
		sn := now.snapshots[name]
		if name == Heat {
			if sn, err = now.cube.Sheet(ctx, r.Filter, HeatResolution(r.Z), s.policy); err != nil {
				return Tile{}, err
			}
		}
		c.raw = c.appendLayer(c.raw, sn, r.Z, r.X, r.Y)
	}
	t, err = c.pack()
	s.encoders.Put(c) // not after a panic: its memory may be half written
	return t, err
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
	return Tile{Gzip: bytes.Clone(c.packed.Bytes())}, nil
}
