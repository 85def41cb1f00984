package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/paulmach/orb"

	"wangge/grids"
)

// Marks is a steady load of marks and tile requests on a running server.
type Marks struct {
	Server    string // http://host:port
	Client    *http.Client
	Places    []orb.Point // where to mark, in turn; all inside the district
	Writes    int         // marks a second
	Reads     int         // other tile requests a second
	For       time.Duration
	ReadURLs  []string
	TakenBack bool // withdraw every mark at the end
}

// Freshness is what a load of marks saw. Times are in ms.
type Freshness struct {
	Marks      int     `json:"marks"`  // acknowledged
	Failed     int     `json:"failed"` // not acknowledged, or a tile that could not be had
	Stale      int     `json:"stale"`  // the first tile asked for after the acknowledgement did not hold the mark
	Reads      int     `json:"reads"`
	FirstFault string  `json:"first_fault,omitempty"`
	Ack        Latency `json:"ack_ms"`      // from sending the mark to its acknowledgement
	Tile       Latency `json:"new_tile_ms"` // from the acknowledgement to the whole tile that holds the mark
	Read       Latency `json:"read_ms"`
}

// Latency is the middle and the end of a distribution, in ms.
type Latency struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

func latencyOf(d []time.Duration) Latency {
	return Latency{micros(Percentile(d, .5)) / 1e3, micros(Percentile(d, .99)) / 1e3, micros(Percentile(d, 1)) / 1e3}
}

// Run sends the load on a fixed schedule, whatever the answers take, and returns when all of them are in. The error is ctx's.
func (m *Marks) Run(ctx context.Context) (Freshness, error) {
	s := &seen{}
	var all sync.WaitGroup
	every(ctx, &all, m.Writes, m.For, func(i int) { m.mark(ctx, s, m.Places[i%len(m.Places)]) })
	every(ctx, &all, m.Reads, m.For, func(i int) { m.read(ctx, s, m.ReadURLs[i%len(m.ReadURLs)]) })
	all.Wait()
	if m.TakenBack {
		for _, id := range s.marked {
			if _, _, err := m.post(ctx, "/api/findings/"+id+"/withdraw", "{}"); err != nil {
				return Freshness{}, err
			}
		}
	}
	return Freshness{Marks: len(s.marked), Failed: s.failed, Stale: s.stale, Reads: len(s.reads), FirstFault: s.fault,
		Ack: latencyOf(s.acks), Tile: latencyOf(s.tiles), Read: latencyOf(s.reads)}, ctx.Err()
}

// every calls f so many times a second, each in a goroutine of its own, for so long.
func every(ctx context.Context, all *sync.WaitGroup, rate int, long time.Duration, f func(i int)) {
	if rate < 1 {
		return
	}
	all.Go(func() {
		tick := time.NewTicker(time.Second / time.Duration(rate))
		defer tick.Stop()
		for i := range int(long.Seconds() * float64(rate)) {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				all.Go(func() { f(i) })
			}
		}
	})
}

// seen collects what the goroutines of a load see.
type seen struct {
	mu                 sync.Mutex
	marked             []string
	acks, tiles, reads []time.Duration
	failed, stale      int
	fault              string
}

func (s *seen) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed++; s.fault == "" {
		s.fault = err.Error()
	}
}

// patience is how long a mark is looked for.
const patience = 10 * time.Second

// mark marks a place, then asks for its tile until the mark is in it.
func (m *Marks) mark(ctx context.Context, s *seen, at orb.Point) {
	id := grids.NewID().String()
	sent := time.Now()
	status, b, err := m.post(ctx, "/api/findings", MarkBody(id, at))
	acked := time.Now()
	if err == nil && status != http.StatusCreated {
		err = grids.Errorf(grids.Internal, "a mark was answered %d: %.200s", status, b)
	}
	if err != nil {
		s.fail(err)
		return
	}
	late := false
	for {
		there, err := m.holds(ctx, TileAt(at, 14), id)
		if err == nil && !there && time.Since(acked) > patience {
			err = grids.Errorf(grids.Internal, "the mark %s is in no tile", id)
		}
		if err != nil {
			s.fail(err)
			return
		}
		if there {
			break
		}
		late = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.marked, s.acks, s.tiles = append(s.marked, id), append(s.acks, acked.Sub(sent)), append(s.tiles, time.Since(acked))
	if late {
		s.stale++
	}
}

// MarkBody is the body of a mark at (lon, lat).
func MarkBody(id string, at orb.Point) string {
	return fmt.Sprintf(`{"id":%q,"kind":"cannabis","confidence":2,"source":"foot","seen_at":"2026-05-01T00:00:00Z","geometry":{"type":"Point","coordinates":[%.7f,%.7f]}}`, id, at[0], at[1])
}

func (m *Marks) post(ctx context.Context, path, body string) (status int, answer []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, m.Server+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := m.Client.Do(r)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = res.Body.Close() }()
	answer, err = io.ReadAll(res.Body)
	return res.StatusCode, answer, err
}

// holds asks for a tile of the findings and looks for a spotted one of that id.
func (m *Marks) holds(ctx context.Context, t Tile, id string) (there bool, err error) {
	b, err := m.get(ctx, m.Server+"/tiles/findings/"+t.String()+".mvt")
	if err != nil || len(b) == 0 {
		return false, err
	}
	zr, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return false, err
	}
	if b, err = io.ReadAll(zr); err != nil {
		return false, err
	}
	err = Features(b, "findings", []string{"id", "state"}, func(_ uint64, v []any) {
		there = there || v[0] == id && v[1] == "spotted"
	})
	return there, err
}

// get reads a whole answer, gzipped; nil for a tile without features.
func (m *Marks) get(ctx context.Context, url string) ([]byte, error) {
	kept, err := Collect(ctx, m.Client, []Ask{{URL: url}})
	for _, a := range kept {
		return a.Body, err
	}
	return nil, err
}

func (m *Marks) read(ctx context.Context, s *seen, url string) {
	sent := time.Now()
	if _, err := m.get(ctx, url); err != nil {
		s.fail(err)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads = append(s.reads, time.Since(sent))
}
