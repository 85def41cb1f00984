package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/paulmach/orb"

	"wangge/geoserver/bench"
	"wangge/geoserver/localpg"
	"wangge/geoserver/localpg/pgtest"
	"wangge/grids"
	"wangge/grids/postgis"
)

// The soak's size. WANGGE_SOAK=n goes on until n answers that are not labelled as stale are judged; without it the test takes a while only.
const (
	soakTime  = 30 * time.Second
	spots     = 150
	writers   = 4
	readers   = 6
	writeRate = 3 // marks or withdrawals a second and writer, at most
)

// Every answer of a server shows every write that was acknowledged before it was asked for, and nothing that no moment
// since then held, while writers write, through the server and past it, and the database's connections are cut, PostgreSQL is killed and a backup is
// restored. An answer that says it is stale (Warning: 110) must be of some earlier moment.
func TestNeverStale(t *testing.T) {
	withoutRates(t)
	data := pgtest.Folder(t)
	p := serve(t, data, "--demo")
	dsn, ok, err := localpg.Attach(data)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	other, err := postgis.Open(t.Context(), dsn, grids.Chongming)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	s := newSoak(t, p.url)
	var all sync.WaitGroup
	for i := range writers {
		by := writer(&throughServer{s.url, &http.Client{Transport: &http.Transport{}, Timeout: time.Minute}})
		if i%2 == 1 {
			by = throughStore{other}
		}
		all.Go(func() { s.write(by, rand.New(rand.NewPCG(1, uint64(i)))) })
	}
	for i := range readers {
		all.Go(func() {
			reader, r := s.reader(i%2 == 0), rand.New(rand.NewPCG(2, uint64(i)))
			for !s.over.Load() {
				reader.read(r.IntN(len(s.asks)), r.IntN(2) == 0)
			}
		})
	}
	c := &chaos{soak: s, t: t, data: data, dsn: dsn}
	c.run()
	all.Wait()
	t.Logf("judged %d and %d that were labelled as stale (304: %d), asked across the restore %d, refused %d; %d writes, %d of them sent again; %d cuts, %d kills, %d restores",
		s.judged.Load(), s.labelled.Load(), s.revalidated.Load(), s.unjudged.Load(), s.refused.Load(), s.writes.Load(), s.again.Load(), c.cuts, c.kills, c.restores)
	for _, f := range s.faults {
		t.Error(f)
	}
	if s.judged.Load() == 0 || s.revalidated.Load() == 0 || s.labelled.Load() == 0 || s.writes.Load() == 0 || c.restores != 1 {
		t.Error("something was never tried")
	}
}

// soak is what the writers, the readers and the chaos share.
type soak struct {
	url   string
	began time.Time
	spots []spot
	asks  []ask
	about [spots][]int   // by spot: the asks that a write there changes
	base  map[string]int // open findings of a unit before the test
	limit int64          // answers to judge; 0 = until the time is over

	gate   sync.RWMutex // held by each write; taken whole while the log is copied or replaced
	epoch  atomic.Int64 // odd while a restore is under way
	now    atomic.Pointer[history]
	before atomic.Pointer[history] // of the generation that a restore ended
	marked sync.Map                // every id that was ever sent

	over                                                            atomic.Bool
	judged, revalidated, labelled, unjudged, refused, writes, again atomic.Int64
	mu                                                              sync.Mutex
	faults                                                          []string
}

// ask is one thing that readers ask for, and the spots that it is about.
type ask struct {
	path  string
	layer string // of a tile; "" for an area
	spots []int
	unit  string           // of an area
	units map[string][]int // of a tile of units: spots by unit
}

// newSoak chooses the spots and what to ask about them.
func newSoak(t *testing.T, url string) *soak {
	t.Helper()
	s := &soak{url: url, began: time.Now(), base: map[string]int{}}
	s.limit, _ = strconv.ParseInt(os.Getenv("WANGGE_SOAK"), 10, 64) // not set: 0
	r := rand.New(rand.NewPCG(3, 4))
	type unit struct {
		Code          string
		Findings_open struct{ N int }
	}
	for len(s.spots) < spots {
		at := orb.Point{121.2 + .7*r.Float64(), 31.3 + .5*r.Float64()}
		var here struct {
			Inside     bool
			Town, Grid *unit
		}
		decodeJSON(t, url+fmt.Sprintf("/api/here?lon=%.7f&lat=%.7f", at[0], at[1]), &here)
		if here.Inside && here.Grid != nil {
			s.spots = append(s.spots, spot{at, here.Grid.Code, here.Town.Code})
			s.base[here.Grid.Code], s.base[here.Town.Code] = here.Grid.Findings_open.N, here.Town.Findings_open.N
		}
	}
	s.now.Store(newHistory(spots))
	grid, town := s.group(func(p spot) string { return p.grid }), s.group(func(p spot) string { return p.town })
	for _, layer := range []struct {
		name  string
		zooms []int
		units map[string][]int
	}{{"findings", []int{10, 12, 13, 14, 14, 14, 15, 16}, nil}, {"grids", []int{12, 14}, grid}, {"towns", []int{8, 11}, town}} {
		for _, z := range layer.zooms {
			for tile, inside := range s.group(func(p spot) string { return bench.TileAt(p.at, z).String() }) {
				s.asks = append(s.asks, ask{path: "/tiles/" + layer.name + "/" + tile + ".mvt", layer: layer.name, spots: inside, units: layer.units})
			}
		}
	}
	for level, units := range map[string]map[string][]int{"grids": grid, "towns": town} {
		for code, inside := range units {
			s.asks = append(s.asks, ask{path: "/api/area/" + level + "/" + code, spots: inside, unit: code})
		}
	}
	for i, q := range s.asks {
		for _, spot := range q.spots {
			s.about[spot] = append(s.about[spot], i)
		}
	}
	return s
}

func decodeJSON(t *testing.T, url string, into any) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if err := json.NewDecoder(res.Body).Decode(into); err != nil || res.StatusCode != 200 {
		t.Fatalf("%s: %d %v", url, res.StatusCode, err)
	}
}

// group is the spots by a key.
func (s *soak) group(key func(spot) string) map[string][]int {
	by := map[string][]int{}
	for i, p := range s.spots {
		by[key(p)] = append(by[key(p)], i)
	}
	return by
}

func (s *soak) clock() int64 { return int64(time.Since(s.began)) + 1 }

// progress is how much of the test is done, 0 to 1.
func (s *soak) progress() float64 {
	if s.limit > 0 {
		return float64(s.judged.Load()) / float64(s.limit)
	}
	return float64(time.Since(s.began)) / float64(soakTime)
}

// fail keeps a fault; after many the test is over.
func (s *soak) fail(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.faults = append(s.faults, fmt.Sprintf(format, args...)); len(s.faults) >= 20 {
		s.over.Store(true)
	}
}

// kept is what a reader last got for an ask.
type kept struct {
	epoch int64
	etag  string
	shown map[string]bool // findings: id → it is dismissed
	open  map[string]int  // units: open findings
}

// answer is one answer, with when it was asked for and when it was there.
type answer struct {
	sent, got   int64
	status      int
	etag        string
	labelled    bool
	body        []byte
	revalidated bool
}

// reader asks and judges; one goroutine at a time.
type reader struct {
	*soak
	packed bool // asks for gzip
	client *http.Client
	last   []kept // by ask
	zip    gzip.Reader
}

func (s *soak) reader(packed bool) *reader {
	return &reader{soak: s, packed: packed, last: make([]kept, len(s.asks)), client: &http.Client{Transport: bench.NewClient(1).Transport, Timeout: 2 * time.Minute}}
}

// read asks for the i-th thing and judges the answer; again asks whether the last one still holds.
func (r *reader) read(i int, again bool) {
	epoch := r.epoch.Load()
	if epoch%2 == 1 {
		time.Sleep(time.Millisecond)
		return
	}
	a, err := r.ask(&r.asks[i], &r.last[i], again)
	switch {
	case err != nil:
		r.fail("%s: %v", r.asks[i].path, err)
	case r.epoch.Load() != epoch:
		r.unjudged.Add(1)
		r.last[i] = kept{}
	default:
		r.judge(&r.asks[i], &r.last[i], epoch, a)
	}
}

// ask sends one request; again asks whether the last answer still holds.
func (r *reader) ask(q *ask, last *kept, again bool) (a answer, err error) {
	req, err := http.NewRequest(http.MethodGet, r.url+q.path, nil)
	if err != nil {
		return a, err
	}
	req.Header.Set("Accept-Encoding", "identity")
	if r.packed && q.layer != "" {
		req.Header.Set("Accept-Encoding", "gzip")
	}
	if again && last.etag != "" {
		req.Header.Set("If-None-Match", last.etag)
	}
	a.sent = r.clock()
	res, err := r.client.Do(req)
	if err != nil {
		return a, err
	}
	defer func() { _ = res.Body.Close() }() // read to its end
	a.body, err = io.ReadAll(res.Body)
	a.got = r.clock()
	a.status, a.etag, a.labelled = res.StatusCode, res.Header.Get("ETag"), strings.HasPrefix(res.Header.Get("Warning"), "110 ")
	a.revalidated = req.Header.Get("If-None-Match") != "" && a.status == http.StatusNotModified
	if err == nil && res.Header.Get("Content-Encoding") == "gzip" {
		if err = r.zip.Reset(bytes.NewReader(a.body)); err == nil {
			a.body, err = io.ReadAll(&r.zip)
		}
	}
	return a, err
}

// judge holds an answer against the log, and against what this reader saw before.
func (r *reader) judge(q *ask, last *kept, epoch int64, a answer) {
	now, err := q.decode(last, a)
	if err != nil && q.layer == "" && a.status == http.StatusServiceUnavailable {
		r.refused.Add(1) // an area may be refused while the database is away; a tile may not
		return
	}
	if err != nil {
		r.fail("%s: %v", q.path, err)
		return
	}
	now.epoch = epoch
	says := ""
	if last.epoch == epoch {
		says = q.steppedBack(last, now)
	}
	from := a.sent
	if a.labelled {
		from = 0
	}
	if says == "" {
		says = r.against(r.now.Load(), q, now, from, a.got)
	}
	if before := r.before.Load(); says != "" && a.labelled && before != nil && r.against(before, q, now, 0, a.got) == "" {
		now, says = kept{}, "" // the last look was before the restore: nothing to go on from
	}
	if says != "" {
		r.fail("%s, asked for at %.4f s, answered %d at %.4f s, labelled %v: %s", q.path, seconds(a.sent), a.status, seconds(a.got), a.labelled, says)
	}
	if a.labelled {
		r.labelled.Add(1)
	} else {
		r.judged.Add(1)
	}
	if a.revalidated {
		r.revalidated.Add(1)
	}
	*last = now
}

// decode is what an answer shows. The bytes behind a tag that was decoded before are the same.
func (q *ask) decode(last *kept, a answer) (now kept, err error) {
	switch {
	case a.revalidated || a.status == http.StatusOK && a.etag != "" && a.etag == last.etag:
		return *last, nil
	case q.layer != "" && a.status == http.StatusNoContent:
		return kept{etag: a.etag, shown: map[string]bool{}}, nil
	case a.status != http.StatusOK:
		return now, fmt.Errorf("answered %d %.200s", a.status, a.body)
	}
	now.etag = a.etag
	switch q.layer {
	case "":
		var u struct{ Findings_open struct{ N int } }
		err = json.Unmarshal(a.body, &u)
		now.open = map[string]int{q.unit: u.Findings_open.N}
	case "findings":
		now.shown = map[string]bool{}
		err = bench.Features(a.body, "findings", []string{"id", "state"}, func(_ uint64, v []any) {
			if id, ok := v[0].(string); ok {
				now.shown[id] = v[1] == "dismissed"
			}
		})
	default:
		now.open = map[string]int{}
		err = bench.Features(a.body, q.layer, []string{"code", "findings_open"}, func(_ uint64, v []any) {
			code, _ := v[0].(string)
			switch n := v[1].(type) {
			case int64:
				now.open[code] = int(n)
			case float64:
				now.open[code] = int(math.Round(n))
			}
		})
	}
	return now, err
}

// steppedBack says what a later answer of the same thing lost.
func (q *ask) steppedBack(last *kept, now kept) string {
	if last.etag != "" && last.etag == now.etag {
		return ""
	}
	for id, dismissed := range last.shown {
		later, there := now.shown[id]
		if !there {
			return "it lacks " + id + ", which an earlier answer showed"
		}
		if dismissed && !later {
			return "it shows " + id + " as spotted, and an earlier answer showed it as dismissed"
		}
	}
	return ""
}

// against holds what was shown against a log.
func (s *soak) against(h *history, q *ask, now kept, from, to int64) string {
	if q.layer == "findings" {
		return h.judgeFindings(q.spots, now.shown, from, to, func(id string) bool { _, ours := s.marked.Load(id); return ours })
	}
	for code, open := range now.open {
		inside := q.units[code]
		if q.unit != "" {
			inside = q.spots
		}
		base, known := s.base[code]
		if !known {
			continue // nothing is marked there
		}
		if says := h.judgeOpen(inside, open-base, from, to); says != "" {
			return fmt.Sprintf("%s (%d before the test): %s", code, base, says)
		}
	}
	return ""
}

// httpGet is the body of an answer.
func httpGet(url string) ([]byte, error) {
	res, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }()
	return io.ReadAll(res.Body)
}
