package main

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"

	"wangge/geoserver/localpg/pgtest"
	"wangge/grids"
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
