package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/paulmach/orb"

	"wangge/geoserver/bench"
	"wangge/grids"
	"wangge/grids/postgis"
)

// writer is a way to write findings. again says that the same write may be tried again.
type writer interface {
	mark(id grids.ID, at orb.Point) (again bool, err error)
	withdraw(id grids.ID) (again bool, err error)
}

// throughServer writes as a patrol does.
type throughServer struct {
	url    string
	client *http.Client
}

func (w *throughServer) mark(id grids.ID, at orb.Point) (bool, error) {
	return w.post("/api/findings", bench.MarkBody(id.String(), at))
}

func (w *throughServer) withdraw(id grids.ID) (bool, error) {
	return w.post("/api/findings/"+id.String()+"/withdraw", "{}")
}

func (w *throughServer) post(path, body string) (again bool, err error) {
	res, err := w.client.Post(w.url+path, "application/json", strings.NewReader(body))
	if err != nil {
		return true, err
	}
	defer func() { _ = res.Body.Close() }()
	says, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK && res.StatusCode != http.StatusCreated {
		err = fmt.Errorf("%s answered %d %s", path, res.StatusCode, says)
	}
	return res.StatusCode >= 500 || res.StatusCode < 300, err
}

// throughStore writes as another process on the same database does: the server has to notice by itself.
type throughStore struct{ store *postgis.Store }

func (w throughStore) mark(id grids.ID, at orb.Point) (bool, error) {
	_, _, _, err := w.store.Mark(context.Background(), grids.Operator, grids.Finding{ID: id, Geometry: at, Kind: grids.Cannabis, Confidence: 2,
		State: grids.Spotted, Source: grids.FromFoot, SeenAt: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)})
	return true, err
}

func (w throughStore) withdraw(id grids.ID) (bool, error) {
	_, _, err := w.store.Withdraw(context.Background(), grids.Operator, id)
	return true, err
}

// write marks and withdraws findings until the test is over, and asks at once for something that each write changed.
func (s *soak) write(by writer, r *rand.Rand) {
	reader := s.reader(false)
	tick := time.NewTicker(time.Second / writeRate)
	defer tick.Stop()
	for ; !s.over.Load(); <-tick.C {
		s.gate.RLock()
		h, at := s.now.Load(), r.IntN(spots)
		if w, id := h.claim(at, r.IntN(2) == 0, s.clock()); w != nil {
			s.until(&w.undone, func() (bool, error) { return by.withdraw(id) })
		} else {
			id := grids.NewID()
			s.marked.Store(id.String(), true)
			w := h.begin(id.String(), at, s.clock())
			s.until(&w.acked, func() (bool, error) { return by.mark(id, s.spots[at].at) })
		}
		s.gate.RUnlock()
		reader.read(s.about[at][r.IntN(len(s.about[at]))], r.IntN(2) == 0)
	}
}

// until sends a write until it is acknowledged: the same write may be sent twice.
func (s *soak) until(acked *atomic.Int64, send func() (again bool, err error)) {
	for end := time.Now().Add(2 * time.Minute); ; {
		again, err := send()
		if err == nil {
			acked.Store(s.clock())
			s.writes.Add(1)
			return
		}
		if !again || time.Now().After(end) {
			s.fail("a write was not acknowledged: %v", err)
			return
		}
		s.again.Add(1)
		time.Sleep(20 * time.Millisecond)
	}
}
