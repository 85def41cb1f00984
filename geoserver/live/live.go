// Package live is what the server holds in memory: the territory, the layers ready to be cut into tiles, and the figures
// of every unit. It follows the store by its versions and never answers with anything older than the store was when a
// request arrived, unless the store is away; then it says so. A change is read by the ids it names, and what did not change is
// shared with the state before.
package live

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/paulmach/orb/geojson"

	"wangge/grids"
	"wangge/grids/risk"
	"wangge/tiles"
)

// Store is where the truth is. Read sees one moment, names it by its versions, and reads what plan asks for when it knows them and
// the changes since the versions given.
type Store interface {
	Versions(ctx context.Context) (grids.Versions, error)
	Read(ctx context.Context, since grids.Versions, plan func(now grids.Versions, changes []grids.Change) grids.Query) (grids.Content, error)
}

// Options are what a view is made with.
type Options struct {
	Land       []byte // base map: GeoJSON polygons in EPSG:4326
	K          int    // the smallest count that is shown to those who see most
	Weights    risk.Weights
	CacheBytes int64            // bound of the tile caches
	Now        func() time.Time // the clock; time.Now when nil
	Log        *slog.Logger
}

const (
	pace       = 15 * time.Microsecond // for each request that shared a look, until the next one begins: about what serving it takes
	maxPace    = 5 * time.Millisecond
	patience   = 5 * time.Second  // how long a request waits for a version that it names
	retryFault = 30 * time.Second // until a layer that could not be loaded is tried again without a change
)

// View is the memory of a server. It is safe for concurrent use; readers never wait for each other.
type View struct {
	store  Store
	o      Options
	sights []*Sight                         // by class, the one that sees most first
	fault  atomic.Pointer[fault]            // why the last look at the store failed; nil when it did not
	faulty atomic.Pointer[map[string]fault] // layers that could not be loaded and show what they showed before
	busy   atomic.Pointer[string]
	parts  atomic.Pointer[string] // how far a load is

	memory *memory   // of the one that looks
	tried  time.Time // when layers with faults were last tried

	mu     sync.Mutex
	next   *flight // the look that has not begun yet: whoever arrives now is served by it
	flying bool
}

// flight is one shared look at the store's versions.
type flight struct {
	done    chan struct{}
	waiting int // requests that share it
	err     error
}

// fault is an error and since when it holds.
type fault struct {
	err   error
	since time.Time
}

// New makes a view with its base map only; the first [View.Fresh] loads the rest. The error is Invalid when the base
// map cannot be read.
func New(store Store, o Options) (*View, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	v := &View{store: store, o: o, memory: newMemory(o.K)}
	for _, class := range grids.Classes {
		v.sights = append(v.sights, newSight(class, o))
	}
	v.faulty.Store(&map[string]fault{})
	fc, err := geojson.UnmarshalFeatureCollection(o.Land)
	if err != nil {
		return nil, grids.Hide(grids.Invalid, err, "the base map is not GeoJSON")
	}
	var t grids.Table
	for i, f := range fc.Features {
		t.Features = append(t.Features, grids.Feature{ID: uint64(i + 1), Geometry: f.Geometry})
	}
	land, _ := tiles.Find("land")
	snapshot, err := tiles.NewSnapshot(land, t, tiles.Stamp{})
	if err != nil {
		return nil, err
	}
	for _, s := range v.sights {
		s.set.Publish(tiles.Change{Snapshots: []*tiles.Snapshot{snapshot}})
	}
	return v, nil
}

// Sight is what the readers of a class see. A class that does not exist sees the territory alone.
func (v *View) Sight(c grids.Class) *Sight {
	if i := slices.Index(grids.Classes[:], c); i >= 0 {
		return v.sights[i]
	}
	return v.sights[len(v.sights)-1]
}

// State is everything but tiles as the class that sees most has it, as of the last look; nil before the first load succeeded. It is for
// the server itself: what goes out is of a [Sight].
func (v *View) State() *State { return v.sights[0].State() }

// Tiles is the layers as the class that sees most has them: for measuring. What goes out is of a [Sight].
func (v *View) Tiles() *tiles.Set { return v.sights[0].set }

// Now is the view's clock.
func (v *View) Now() time.Time { return v.o.Now() }

// Weights is the set of weights of the risk index.
func (v *View) Weights() risk.Weights { return v.o.Weights }

// Fresh returns when the view holds what the store held after Fresh was called, or something newer. Callers that wait
// at the same time share one look at the store. On an error the view keeps what it has: the caller may serve that,
// labelled as stale since [View.StaleSince].
func (v *View) Fresh(ctx context.Context) error {
	f := v.board()
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// board joins the look that has not begun yet.
func (v *View) board() *flight {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.next == nil {
		v.next = &flight{done: make(chan struct{})}
		if !v.flying {
			v.flying = true
			go v.fly()
		}
	}
	v.next.waiting++
	return v.next
}

// Nudge begins a look at the store and does not wait for it: after a write, so that open maps hear of it at once. Whoever asks for
// something waits for his own look anyway.
func (v *View) Nudge() { v.board() }

// FreshAt is Fresh until the view holds at least the versions given, as a write's answer names them: a store with replicas may show
// them later. Versions of another generation are those of before a restore, and not waited for. The error is Unavailable when they
// do not come.
func (v *View) FreshAt(ctx context.Context, want grids.Versions) error {
	late := grids.Errorf(grids.Unavailable, "the change that v names has not arrived here yet; try again shortly")
	ctx, cancel := context.WithTimeoutCause(ctx, patience, late)
	defer cancel()
	for {
		if err := v.Fresh(ctx); ctx.Err() != nil {
			return context.Cause(ctx)
		} else if err != nil {
			return err
		}
		if st := v.State(); st.Versions.Covers(want) || st.Versions.Generation != want.Generation {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// fly makes looks as long as somebody waits for one. A look belongs to no request, so that no request can cancel it.
func (v *View) fly() {
	for {
		began := time.Now()
		v.mu.Lock()
		f := v.next
		v.next = nil
		if f == nil {
			v.flying = false
			v.mu.Unlock()
			return
		}
		v.mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		f.err = v.look(ctx)
		cancel()
		v.noteFault(f.err)
		close(f.done)
		// nobody joins it any more; under load looks become rarer and are shared by more, and cost no larger part of the machine
		time.Sleep(min(time.Duration(f.waiting)*pace, maxPace) - time.Since(began))
	}
}

// look is sync, and survives a mistake of ours: the next look then reads everything anew.
func (v *View) look(ctx context.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			v.memory = nil // and every class begins anew
			v.o.Log.Error("panic in a look at the store", "value", p, "stack", string(debug.Stack()))
			err = grids.Errorf(grids.Unavailable, "the server made a mistake while it read the database; the log has the cause")
		}
	}()
	return v.sync(ctx)
}

// sync brings the view up to the store's versions.
func (v *View) sync(ctx context.Context) error {
	ask, cancel := context.WithTimeout(ctx, 10*time.Second)
	now, err := v.store.Versions(ask)
	cancel()
	if err != nil {
		return err
	}
	was := v.State()
	today := grids.DayOf(v.o.Now())
	again := len(*v.faulty.Load()) > 0 && v.o.Now().Sub(v.tried) > retryFault
	if was != nil && v.memory != nil && was.Versions.Same(now) && was.Today == today && !again {
		return nil
	}
	v.tried = v.o.Now()
	return v.load(ctx, was, today)
}

// noteFault keeps since when the store is away.
func (v *View) noteFault(err error) {
	was := v.fault.Load()
	switch {
	case err == nil && was != nil:
		v.fault.Store(nil)
		v.tellProblem(Problem{})
	case err != nil && was == nil:
		f := &fault{err, v.o.Now()}
		v.fault.Store(f)
		v.o.Log.Error("the store cannot be followed", "err", err, "cause", cause(err))
		v.tellProblem(f.problem())
	case err != nil:
		v.fault.Store(&fault{err, was.since})
	}
}

func (f *fault) problem() Problem { return Problem{Since: &f.since, Detail: f.err.Error()} }

// Problem is why the view cannot follow the store; the zero Problem when it can.
func (v *View) Problem() Problem {
	if f := v.fault.Load(); f != nil {
		return f.problem()
	}
	return Problem{}
}

// StaleSince is since when the view could not follow the store; ok is false when it can.
func (v *View) StaleSince() (since time.Time, err error, ok bool) {
	f := v.fault.Load()
	if f == nil {
		return time.Time{}, nil, false
	}
	return f.since, f.err, true
}

// StaleLayers is since when some of the layers could not be loaded and show what they showed before.
func (v *View) StaleLayers(layers []string) (since time.Time, ok bool) {
	for name, f := range *v.faulty.Load() {
		if slices.Contains(layers, name) && (!ok || f.since.Before(since)) {
			since, ok = f.since, true
		}
	}
	return since, ok
}

// Problems lists why the server is not ready, in sentences; empty when it is.
func (v *View) Problems() []string {
	var list []string
	for _, why := range []*string{v.busy.Load(), v.parts.Load()} {
		if why != nil {
			list = append(list, *why)
		}
	}
	if _, err, away := v.StaleSince(); away {
		list = append(list, err.Error())
	}
	faulty := *v.faulty.Load()
	for _, name := range slices.Sorted(maps.Keys(faulty)) {
		list = append(list, fmt.Sprintf("the layer %s could not be loaded and shows what it showed before, if anything; the log has the cause", name))
	}
	for _, m := range v.Tiles().Missing() {
		if _, known := faulty[m]; !known {
			list = append(list, "the layer "+m+" is not loaded yet")
		}
	}
	return list
}

// Busy keeps the server from being ready, for a reason given as a sentence, until done is called.
func (v *View) Busy(why string) (done func()) {
	v.busy.Store(&why)
	return func() { v.busy.Store(nil) }
}

// Run looks at the store every second until ctx ends, so that changes by other processes reach open maps without a
// request.
func (v *View) Run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_ = v.Fresh(ctx) // noted in fault
		}
	}
}

// Prewarm cuts the tiles over the district up to a zoom, so that the first who look find them made. It stops when ctx ends.
func (v *View) Prewarm(ctx context.Context, maxZoom int, layers ...string) error {
	st := v.State()
	if st == nil {
		return nil
	}
	box := st.Territory().District.Geometry.Bound()
	for z := tiles.MinZoom; z <= min(maxZoom, tiles.MaxZoom); z++ {
		for _, r := range tiles.Over(box, z) {
			for _, layer := range layers {
				r.Layers = []string{layer}
				if _, err := v.Tiles().Tile(ctx, r); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
