package live

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paulmach/orb"

	"wangge/grids"
	"wangge/tiles"
)

// small is a store of one square without anything in it, whose versions and looks a test steers.
type small struct {
	mu    sync.Mutex
	now   grids.Versions
	fault error
	looks atomic.Int64
	wait  func()                     // after the versions are read and before they are answered; nil for no wait
	read  func(grids.Query) struct{} // while it is read; nil for nothing
}

func newSmall() *small { return &small{now: at(1)} }

// at is the n-th versions of a store.
func at(n int64) grids.Versions {
	return grids.Versions{Generation: "g", Of: map[grids.Subject]int64{grids.OnTerritory: 1, grids.OnFindings: n}}
}

func (s *small) set(v grids.Versions, fault error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now, s.fault = v, fault
}

// Versions implements Store.
func (s *small) Versions(ctx context.Context) (grids.Versions, error) {
	s.looks.Add(1)
	s.mu.Lock()
	v, err := s.now, s.fault
	s.mu.Unlock()
	if s.wait != nil {
		s.wait()
	}
	return v, err
}

// Read implements Store.
func (s *small) Read(_ context.Context, _ grids.Versions, plan func(grids.Versions, []grids.Change) grids.Query) (grids.Content, error) {
	s.mu.Lock()
	c := grids.Content{Versions: s.now, Tables: map[string]grids.Table{}, Faults: map[string]error{}}
	s.mu.Unlock()
	q := plan(c.Versions, nil)
	c.Territory.District.Geometry = orb.MultiPolygon{{{{121.4, 31.6}, {121.42, 31.6}, {121.42, 31.62}, {121.4, 31.62}, {121.4, 31.6}}}}
	for _, l := range q.Layers {
		c.Tables[l.Name] = grids.Table{}
	}
	if s.read != nil {
		s.read(q)
	}
	return c, nil
}

// rested is a view of the store as it is, and nobody looks.
func rested(t *testing.T, s *small) *View {
	t.Helper()
	v := fresh(t, newView(t, s, nil))
	time.Sleep(time.Second)                           // of a test's own time
	t.Cleanup(func() { time.Sleep(2 * time.Minute) }) // no look outlives the test
	return v
}

// Whoever waits at the same time shares a look at the store.
func TestLooksAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSmall()
		v := rested(t, s)
		s.wait = func() { time.Sleep(time.Millisecond) }
		before := s.looks.Load()
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() {
				for range 5 {
					if err := v.Fresh(t.Context()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if n := s.looks.Load() - before; n > 7 { // five rounds; who comes late finds the next one
			t.Errorf("5000 requests of 1000 clients made %d looks", n)
		}
	})
}

// A look that began before a request does not serve it: what it saw may be older.
func TestALookThatBeganBeforeServesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSmall()
		v := rested(t, s)
		answer := make(chan struct{})
		s.wait = func() { <-answer }
		var first, second atomic.Bool
		go func() { _ = v.Fresh(t.Context()); first.Store(true) }()
		synctest.Wait() // its look has read the versions
		s.set(at(2), nil)
		go func() { _ = v.Fresh(t.Context()); second.Store(true) }()
		synctest.Wait()
		answer <- struct{}{}
		synctest.Wait()
		if !first.Load() || second.Load() {
			t.Errorf("after the look that began before: the first request is served: %v, the second: %v", first.Load(), second.Load())
		}
		answer <- struct{}{}
		synctest.Wait()
		if !second.Load() || !v.State().Versions.Same(at(2)) {
			t.Errorf("the second is served: %v, with %v", second.Load(), v.State().Versions)
		}
	})
}

// Who leaves takes nobody along.
func TestACancelledRequestLeavesTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSmall()
		v := rested(t, s)
		answer := make(chan struct{})
		s.wait = func() { <-answer }
		s.set(at(2), nil)
		ctx, cancel := context.WithCancel(t.Context())
		left, stayed := make(chan error, 1), make(chan error, 1)
		go func() { left <- v.Fresh(ctx) }() // the look is begun for this one
		synctest.Wait()
		go func() { stayed <- v.Fresh(t.Context()) }()
		synctest.Wait()
		cancel()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("the cancelled one got %v", err)
		}
		answer <- struct{}{}
		answer <- struct{}{}
		if err := <-stayed; err != nil || !v.State().Versions.Same(at(2)) {
			t.Errorf("the other got %v at %v", err, v.State().Versions)
		}
	})
}

func TestFreshAtWaitsForAVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSmall()
		v := rested(t, s)
		for _, want := range []grids.Versions{at(1), {Generation: "g"}, {Generation: "before a restore", Of: map[grids.Subject]int64{grids.OnFindings: 99}}} {
			began := time.Now()
			if err := v.FreshAt(t.Context(), want); err != nil || time.Since(began) > 20*time.Millisecond {
				t.Errorf("%v: %v after %v", want, err, time.Since(began))
			}
		}
		done := make(chan error, 1)
		go func() { done <- v.FreshAt(t.Context(), at(3)) }()
		time.Sleep(time.Second)
		s.set(at(2), nil)
		time.Sleep(time.Second)
		select {
		case err := <-done:
			t.Fatalf("it came back with %v at %v", err, v.State().Versions)
		default:
		}
		s.set(at(4), nil)
		if err := <-done; err != nil || !v.State().Versions.Same(at(4)) {
			t.Errorf("%v at %v", err, v.State().Versions)
		}
		began := time.Now()
		if err := v.FreshAt(t.Context(), at(5)); grids.KindOf(err) != grids.Unavailable || time.Since(began) > patience+time.Second {
			t.Errorf("a version that does not come: %v after %v", err, time.Since(began))
		}
	})
}

// A store that hangs is no fault of ours: who names a version is told so, in time and in a sentence.
func TestFreshAtWithAHangingStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSmall()
		v := rested(t, s)
		s.wait = func() { time.Sleep(time.Minute) }
		began := time.Now()
		err := v.FreshAt(t.Context(), at(2))
		var e *grids.Error
		if !errors.As(err, &e) || e.Kind != grids.Unavailable || time.Since(began) > patience+time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := v.FreshAt(ctx, at(2)); !errors.Is(err, context.Canceled) {
			t.Errorf("a request that is gone: %v", err)
		}
	})
}

// Nobody has to ask: a view that runs finds what changed within a second or two.
func TestRunFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSmall()
		v := rested(t, s)
		ctx, cancel := context.WithCancel(t.Context())
		var ended sync.WaitGroup
		ended.Go(func() { v.Run(ctx) })
		s.set(at(2), nil)
		time.Sleep(2 * time.Second)
		if !v.State().Versions.Same(at(2)) {
			t.Errorf("it is at %v", v.State().Versions)
		}
		cancel()
		ended.Wait()
	})
}

// While the first load goes on, the server says how far it is.
func TestTheFirstLoadSaysHowFarItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSmall()
		read, more := make(chan string), make(chan struct{})
		s.read = func(q grids.Query) (none struct{}) {
			for part := range read {
				q.Done(part)
				more <- struct{}{}
			}
			return
		}
		v := newView(t, s, nil)
		t.Cleanup(func() { time.Sleep(time.Second) })
		done := make(chan error, 1)
		go func() { done <- v.Fresh(t.Context()) }()
		synctest.Wait()
		if list := v.Problems(); !slices.Contains(list, "the layer grids is not loaded yet") {
			t.Errorf("at the start: %q", list)
		}
		for i, part := range []string{"cases", "labels"} {
			read <- part
			<-more
			want := []string{"1 of 9 parts, the last was cases", "2 of 9 parts, the last was labels"}[i]
			if list := v.Problems(); len(list) == 0 || !strings.Contains(list[0], want) {
				t.Errorf("after %s: %q", part, list)
			}
		}
		close(read)
		if err := <-done; err != nil || len(v.Problems()) > 0 {
			t.Errorf("at the end: %v, %q", err, v.Problems())
		}
		filled := v.Busy("the server is doing something else")
		if list := v.Problems(); len(list) != 1 || list[0] != "the server is doing something else" {
			t.Errorf("busy: %q", list)
		}
		if filled(); len(v.Problems()) > 0 {
			t.Errorf("no longer busy: %q", v.Problems())
		}
	})
}

// After Prewarm every tile over the district up to the zoom is kept, and none of another layer or beyond.
func TestPrewarmKeepsTheTiles(t *testing.T) {
	v := newView(t, newSmall(), nil)
	if err := v.Prewarm(t.Context(), 9, "land"); err != nil || v.Tiles().Usage().Tiles != 0 {
		t.Errorf("before the first load: %v, %d tiles", err, v.Tiles().Usage().Tiles)
	}
	fresh(t, v)
	if err := v.Prewarm(t.Context(), 9, "land", "district"); err != nil {
		t.Fatal(err)
	}
	var list []tiles.Request
	for z := range 10 {
		list = append(list, tiles.Over(v.State().Territory().District.Geometry.Bound(), z)...)
	}
	ask := func(layer string) (hits uint64) {
		t.Helper()
		before := v.Tiles().Usage().Hits
		for _, r := range list {
			r.Layers = []string{layer}
			if _, err := v.Tiles().Tile(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		return v.Tiles().Usage().Hits - before
	}
	if land, district, labels := ask("land"), ask("district"), ask("labels"); land != uint64(len(list)) || district != land || labels != 0 {
		t.Errorf("of %d tiles were kept %d of land, %d of the district, %d of labels", len(list), land, district, labels)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := v.Prewarm(ctx, 12, "towns"); !errors.Is(err, context.Canceled) {
		t.Errorf("a server that ends: %v", err)
	}
}

// A mistake of ours in a look is an error of that look; the next one reads everything anew.
func TestAPanicInALookIsAnError(t *testing.T) {
	s := newSmall()
	v := fresh(t, newView(t, s, nil))
	was := v.memory
	s.set(at(2), nil)
	s.read = func(grids.Query) struct{} { panic("index out of range") }
	if err := v.Fresh(t.Context()); grids.KindOf(err) != grids.Unavailable || strings.Contains(err.Error(), "out of range") {
		t.Errorf("the look: %v", err)
	}
	if _, _, away := v.StaleSince(); !away || v.State().Versions.Of[grids.OnFindings] != 1 {
		t.Error("what it had is not kept, or not labelled")
	}
	var q grids.Query
	s.read = func(got grids.Query) struct{} { q = got; return struct{}{} }
	if err := v.Fresh(t.Context()); err != nil || v.State().Versions.Of[grids.OnFindings] != 2 || !q.Territory || v.memory == was {
		t.Errorf("the next look: %v, it read %+v", err, q)
	}
	if _, _, away := v.StaleSince(); away {
		t.Error("it is still labelled")
	}
}
