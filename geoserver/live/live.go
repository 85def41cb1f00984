// Package live is what the server holds in memory: the territory, the layers ready to be cut into tiles, and the figures
// of every unit. It follows the store by its versions and never answers with anything older than the store was when a
// request arrived, unless the store is away; then it says so.
package live

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/paulmach/orb/geojson"

	"wangge/grids"
	"wangge/grids/disclosure"
	"wangge/grids/risk"
	"wangge/tiles"
)

// Store is where the truth is. Read sees one moment, names it by its versions, and reads what plan asks for then.
type Store interface {
	Versions(ctx context.Context) (grids.Versions, error)
	Read(ctx context.Context, plan func(grids.Versions) grids.Query) (grids.Content, error)
}

// Options are what a view is made with.
type Options struct {
	Land       []byte            // base map: GeoJSON polygons in EPSG:4326
	Policy     disclosure.Policy // what may be shown of counts
	Weights    risk.Weights
	CacheBytes int64            // bound of the tile cache
	Now        func() time.Time // the clock; time.Now when nil
	Log        *slog.Logger
}

// View is the memory of a server. It is safe for concurrent use; readers never wait for each other.
type View struct {
	store Store
	o     Options
	set   *tiles.Set
	state atomic.Pointer[State]
	fault atomic.Pointer[fault] // why the last look at the store failed; nil when it did not
	busy  atomic.Pointer[string]

	mu      sync.Mutex
	next    *flight // the look that has not begun yet: whoever arrives now is served by it
	flying  bool
	readers map[chan grids.Versions]bool
}

// flight is one shared look at the store's versions.
type flight struct {
	done chan struct{}
	err  error
}

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
	v := &View{store: store, o: o, set: tiles.NewSet(o.Policy, o.CacheBytes), readers: map[chan grids.Versions]bool{}}
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
	v.set.Put(snapshot)
	return v, nil
}

// Tiles is the set of layers, as of the last look.
func (v *View) Tiles() *tiles.Set { return v.set }

// State is everything else, as of the last look; nil before the first load succeeded.
func (v *View) State() *State { return v.state.Load() }

// Now is the view's clock.
func (v *View) Now() time.Time { return v.o.Now() }

// Policy is what may be shown of counts.
func (v *View) Policy() disclosure.Policy { return v.o.Policy }

// Weights is the set of weights of the risk index.
func (v *View) Weights() risk.Weights { return v.o.Weights }

// Fresh returns when the view holds what the store held after Fresh was called, or something newer. Callers that wait
// at the same time share one look at the store. On an error the view keeps what it has: the caller may serve that,
// labelled as stale since [View.StaleSince].
func (v *View) Fresh(ctx context.Context) error {
	v.mu.Lock()
	f := v.next
	if f == nil {
		f = &flight{done: make(chan struct{})}
		v.next = f
		if !v.flying {
			v.flying = true
			go v.fly()
		}
	}
	v.mu.Unlock()
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fly makes looks as long as somebody waits for one. A look belongs to no request, so that no request can cancel it.
func (v *View) fly() {
	for {
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
		f.err = v.sync(ctx)
		cancel()
		v.noteFault(f.err)
		close(f.done)
	}
}

// sync brings the view up to the store's versions.
func (v *View) sync(ctx context.Context) error {
	ask, cancel := context.WithTimeout(ctx, 10*time.Second)
	now, err := v.store.Versions(ask)
	cancel()
	if err != nil {
		return err
	}
	was := v.state.Load()
	today := grids.DayOf(v.o.Now())
	if was != nil && was.Versions.Same(now) && was.Today == today {
		return nil
	}
	began := time.Now()
	state, err := v.load(ctx, was, today)
	if err != nil {
		return err
	}
	v.state.Store(state)
	v.o.Log.Info("layers loaded", "took", time.Since(began).Round(time.Millisecond), "versions", state.Versions.Of)
	v.tell(state.Versions)
	return nil
}

// noteFault keeps since when the store is away.
func (v *View) noteFault(err error) {
	if err == nil {
		v.fault.Store(nil)
		return
	}
	f := &fault{err: err, since: v.o.Now()}
	if was := v.fault.Load(); was != nil {
		f.since = was.since
	} else {
		v.o.Log.Error("the store cannot be followed", "err", err, "cause", cause(err))
	}
	v.fault.Store(f)
}

// StaleSince is since when the view could not follow the store; ok is false when it can.
func (v *View) StaleSince() (since time.Time, err error, ok bool) {
	f := v.fault.Load()
	if f == nil {
		return time.Time{}, nil, false
	}
	return f.since, f.err, true
}

// Problems lists why the server is not ready, in sentences; empty when it is.
func (v *View) Problems() []string {
	var list []string
	if why := v.busy.Load(); why != nil {
		list = append(list, *why)
	}
	if _, err, away := v.StaleSince(); away {
		list = append(list, err.Error())
	}
	if missing := v.set.Missing(); len(missing) > 0 {
		for _, m := range missing {
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

// Subscribe gives a channel that gets the versions after every change. A reader that does not keep up misses the ones
// in between, never the last. cancel ends it.
func (v *View) Subscribe() (changes <-chan grids.Versions, cancel func()) {
	ch := make(chan grids.Versions, 1)
	v.mu.Lock()
	v.readers[ch] = true
	v.mu.Unlock()
	return ch, func() {
		v.mu.Lock()
		delete(v.readers, ch)
		v.mu.Unlock()
	}
}

func (v *View) tell(versions grids.Versions) {
	v.mu.Lock()
	readers := maps.Clone(v.readers)
	v.mu.Unlock()
	for ch := range readers {
		select {
		case <-ch: // an older one that was not read yet
		default:
		}
		select {
		case ch <- versions:
		default:
		}
	}
}
