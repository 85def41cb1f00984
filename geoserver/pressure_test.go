package main

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/paulmach/orb"

	"wangge/geoserver/localpg/pgtest"
	"wangge/grids"
	"wangge/grids/disclosure"
	"wangge/grids/mesh"
	"wangge/tiles"
)

// One server bears many streams, and everything that a client should not ask for.
func TestAServerUnderPressure(t *testing.T) {
	withoutRates(t)
	p := serve(t, pgtest.Folder(t), "--demo")
	t.Run("ManyStreams", func(t *testing.T) { testManyStreams(t, p) })
	t.Run("BadRequests", func(t *testing.T) { testBadRequests(t, p) })
	if err := p.stop(t, syscall.SIGTERM); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// withoutRates lets the processes that the test starts answer as often as they are asked: they themselves have to bear it.
func withoutRates(t *testing.T) {
	t.Setenv("WANGGE_RATES_BY_ACCOUNT", "none")
	t.Setenv("WANGGE_RATES_BY_ADDRESS", "none")
}

// Each is refused with a status of the client's fault, and none costs the server its memory or its life.
func testBadRequests(t *testing.T, p *process) {
	const tile = "/9/428/208.mvt"
	many := func(n int, part string) string { return strings.TrimSuffix(strings.Repeat(part+",", n), ",") }
	deep := strings.Repeat(`[`, 100_000) + strings.Repeat(`]`, 100_000)
	ring := strings.Repeat("[121.41,31.65],", 30_000) + "[121.41,31.65]"
	finding := func(geometry string) string {
		return fmt.Sprintf(`{"id":%q,"kind":"cannabis","confidence":2,"source":"foot","seen_at":"2026-05-01T00:00:00Z","geometry":%s}`, grids.NewID(), geometry)
	}
	before := p.resident(t)
	for _, c := range []struct {
		name, method, path, body string
		header                   http.Header
		statuses                 []int
	}{
		{name: "a query of 10 MB", path: "/tiles/heat" + tile + "?from=" + strings.Repeat("x", 10<<20), statuses: []int{414, 431}},
		{name: "a query of 20 KB", path: "/tiles/heat" + tile + "?from=" + strings.Repeat("x", 20<<10), statuses: []int{414}},
		{name: "a layer 1000 times", path: "/tiles/" + many(1000, "grids") + tile, statuses: []int{400}},
		{name: "1000 layers that are none", path: "/tiles/" + many(1000, "a") + tile, statuses: []int{400, 404}},
		{name: "10,000 layers", path: "/tiles/" + many(10_000, "grids") + tile, statuses: []int{414, 431}},
		{name: "1000 kinds", path: "/tiles/heat" + tile + "?kind=" + many(1000, "tipoff"), statuses: []int{400}},
		{name: "from 500 times", path: "/tiles/heat" + tile + "?" + strings.Repeat("from=2025-01&", 500), statuses: []int{400}},
		{name: "a month far away", path: "/tiles/heat" + tile + "?from=9999999999-01", statuses: []int{400}},
		{name: "a zoom far away", path: "/tiles/grids/99999999999999999999/0/0.mvt", statuses: []int{400}},
		{name: "a header of 100 KB", path: "/tiles/grids" + tile, header: http.Header{"If-None-Match": {strings.Repeat(`"x",`, 25_000)}}, statuses: []int{431}},
		{name: "a mark of 10 MB", method: "POST", path: "/api/findings", body: strings.Repeat(" ", 10<<20), statuses: []int{413}},
		{name: "brackets without end", method: "POST", path: "/api/findings", body: finding(deep), statuses: []int{400, 422}},
		{name: "a plot of 30,000 corners", method: "POST", path: "/api/findings", body: finding(`{"type":"Polygon","coordinates":[[` + ring + `]]}`), statuses: []int{400}},
		{name: "a place that is no number", method: "POST", path: "/api/findings", body: finding(`{"type":"Point","coordinates":[1e999,31]}`), statuses: []int{400, 422}},
		{name: "half a JSON", method: "POST", path: "/api/findings", body: `{"id":`, statuses: []int{400, 422}},
		{name: "a place off the earth", path: "/api/here?lon=1e308&lat=-1e308", statuses: []int{400, 422}},
		{name: "a search of 8 KB", path: "/api/search?q=" + strings.Repeat("a", 7<<10), statuses: []int{400, 422}},
	} {
		for range 20 {
			status := p.send(t, c.method, c.path, c.body, c.header)
			if !slices.Contains(c.statuses, status) {
				t.Errorf("%s: %d, want %v", c.name, status, c.statuses)
				break
			}
		}
	}
	if grown := p.resident(t) - before; grown > mostBytes {
		t.Errorf("the server grew by %d MB", grown>>20)
	}
	if status := p.send(t, "GET", "/tiles/grids"+tile, "", nil); status != http.StatusOK {
		t.Errorf("after all that a tile is answered %d", status)
	}
}

// send sends a request and returns the status. A server that answers before it has read everything may cut the connection
// in the middle of the request: then it is sent again.
func (p *process) send(t *testing.T, method, path, body string, header http.Header) int {
	t.Helper()
	var last error
	for range 5 {
		req, err := http.NewRequest(method, p.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = header.Clone()
		if req.Header == nil {
			req.Header = http.Header{}
		}
		req.Header.Set("Content-Type", "application/json")
		signFromURL(req)
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			last = err
			continue
		}
		_, _ = io.Copy(io.Discard, res.Body) // the status is the answer
		_ = res.Body.Close()
		return res.StatusCode
	}
	t.Fatalf("%.60s: %v", path, last)
	return 0
}

// A hundred thousand different filters, each asked for once, leave the memory within the bounds of its caches.
func TestManyFiltersStayWithinBounds(t *testing.T) {
	const events, filters, cache, slack = 100, 100_000, 4 << 20, 48 << 20
	const computed = 112 << 20 // what a cube may keep of counts, releases and sheets
	var groups []disclosure.Group
	first := grids.Month(2021 * 12)
	for i := range events {
		cell, err := mesh.At(orb.Point{121.3 + .003*float64(i), 31.6}, 8)
		if err != nil {
			t.Fatal(err)
		}
		month := first + grids.Month(i%60)
		groups = append(groups, disclosure.Group{Cell: cell, From: month, To: month, Kinds: 2 << (i % 7), N: 1})
	}
	cube := tiles.NewCube(groups, disclosure.Rule{K: 1, Finest: 8}, tiles.Stamp{})
	set := tiles.NewSet(cache)
	set.Publish(tiles.Change{Cube: cube})
	before := heap()
	n := 0
	for from := range 60 {
		for to := from; to < 60; to++ {
			for mask := 1; mask < 127 && n < filters; mask++ {
				n++
				r := tiles.Request{Layers: []string{tiles.Heat}, Z: 9, X: 428, Y: 208, Filter: tiles.Filter{Period: grids.Period{From: first + grids.Month(from), To: first + grids.Month(to)}}}
				for k, kind := range grids.CaseKinds {
					if mask>>k&1 == 1 {
						r.Filter.Kinds = append(r.Filter.Kinds, kind)
					}
				}
				if _, err := set.Tile(t.Context(), r); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if n < filters {
		t.Fatalf("only %d filters", n)
	}
	grown := heap() - before
	t.Logf("%d filters: %.1f MB more, the cube says %.1f MB", n, float64(grown)/1e6, float64(cube.Bytes())/1e6)
	if grown > cache+computed+slack {
		t.Errorf("the heap grew by %d MB", grown>>20)
	}
	if cube.Bytes() > computed+1<<20 {
		t.Errorf("the cube keeps %d MB", cube.Bytes()>>20)
	}
	runtime.KeepAlive(set)
}

// heap is what is alive in this process.
func heap() int64 {
	runtime.GC()
	runtime.GC() // pools let go in the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
