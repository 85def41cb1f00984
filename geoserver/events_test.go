package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"wangge/geoserver/api"
	"wangge/grids"
)

// message is one event as a client reads it.
type message struct {
	event, id string
	data      struct {
		Layers  map[string]string
		Changed []layerChange
		Since   *time.Time
		Detail  string
	}
	raw string
}

// layerChange is where a layer looks different, as a client reads it.
type layerChange struct {
	Layer  string
	Bounds [][4]float64
}

// eventReader is an open event stream.
type eventReader struct {
	t     *testing.T
	lines *bufio.Scanner
}

// listen opens a stream; last is the Last-Event-ID, "" for none.
func (s *server) listen(t *testing.T, last string) *eventReader {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // a stream that stays silent ends here
	req, err := http.NewRequestWithContext(ctx, "GET", s.URL+"/api/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	s.sign(req)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = res.Body.Close() })
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" || res.Header.Get("Content-Encoding") != "" {
		t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	return &eventReader{t, bufio.NewScanner(res.Body)}
}

// next waits for the next event.
func (s *eventReader) next() (m message) {
	s.t.Helper()
	for s.lines.Scan() {
		name, value, _ := strings.Cut(s.lines.Text(), ": ")
		switch name {
		case "event":
			m.event = value
		case "id":
			m.id = value
		case "data":
			m.raw = value
			if err := json.Unmarshal([]byte(value), &m.data); err != nil {
				s.t.Fatalf("%v in %s", err, value)
			}
		case "":
			if m.event != "" {
				return m
			}
		}
	}
	s.t.Fatalf("the stream ended: %v", s.lines.Err())
	return m
}

// marked is the answer to a mark.
type marked struct {
	ID, V     string
	Grid_code string
}

// markNear marks a point and returns the whole answer.
func (s *server) markNear(t *testing.T, lon, lat float64) (m marked) {
	t.Helper()
	body := map[string]any{"id": grids.NewID().String(), "kind": "opium_poppy", "confidence": 2, "source": "foot", "seen_at": "2026-05-01T10:00:00+08:00",
		"geometry": map[string]any{"type": "Point", "coordinates": []float64{lon, lat}}}
	if status := s.json(t, "POST", "/api/findings", body, &m); status != http.StatusCreated || m.V == "" {
		t.Fatalf("mark: %d %+v", status, m)
	}
	return m
}

// tells reports whether the event is a change that names the layer at the place, and no ground larger than a few hundred metres there.
func (m message) tells(layer string, lon, lat float64) bool {
	return m.event == "change" && named(m.data.Changed, layer, lon, lat)
}

func named(changed []layerChange, layer string, lon, lat float64) bool {
	const near, small = 1e-5, .01
	return slices.ContainsFunc(changed, func(c layerChange) bool {
		return c.Layer == layer && slices.ContainsFunc(c.Bounds, func(b [4]float64) bool {
			return b[0] <= lon+near && b[2] >= lon-near && b[1] <= lat+near && b[3] >= lat-near && b[2]-b[0] < small && b[3]-b[1] < small
		})
	})
}

// bounds is where the event says that a layer looks different.
func (m message) bounds(layer string) (list [][4]float64) {
	for _, c := range m.data.Changed {
		if c.Layer == layer {
			list = append(list, c.Bounds...)
		}
	}
	return list
}

func TestEventsAndVersions(t *testing.T) {
	s := newServer(t)
	for _, part := range []struct {
		name string
		run  func(*testing.T, *server)
	}{
		{"LowerClasses", testEventsOfLowerClasses},
		{"Events", testEvents},
		{"ComingBack", testComingBack},
		{"EndOfASight", testAStreamEndsWithItsSight},
		{"NamedVersions", testNamedVersions},
		{"HeatValuesAreChecked", testHeatValuesAreChecked},
		{"HeatValuesAreThoseOfTheTiles", testHeatValuesAreThoseOfTheTiles},
		{"Problems", testProblemEvents},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, s) })
	}
}

func testEvents(t *testing.T, s *server) {
	a := s.listen(t, "")
	first := a.next()
	v, err := s.store.Versions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if first.event != "revisions" || first.id == "" || len(first.data.Layers) == 0 || !maps.Equal(first.data.Layers, s.revisions(t)) {
		t.Errorf("first %+v, want the revisions that the description names", first)
	}
	b := s.listen(t, "")
	b.next()
	m := s.markNear(t, 121.41, 31.65)
	for _, reader := range []*eventReader{a, b} {
		e := reader.next()
		if !e.tells("findings", 121.41, 31.65) || e.id == first.id {
			t.Errorf("after the mark: %+v", e)
		}
		for _, c := range e.data.Changed {
			if slices.Contains([]string{"heat", "hexagons", "surveys", "labels", "district", "land"}, c.Layer) {
				t.Errorf("a mark is said to change %s", c.Layer)
			}
		}
		if said := first.id + first.raw + e.id + e.raw + m.V; strings.Contains(said, v.Generation) {
			t.Errorf("the versions of the database went out: %s", said)
		}
	}
	for layer, word := range s.revisions(t) {
		touched := slices.Contains([]string{"findings", "grids", "villages", "towns"}, layer)
		if still := slices.Contains([]string{"heat", "hexagons", "surveys", "labels", "district", "land"}, layer); (touched || still) && touched == (word == first.data.Layers[layer]) {
			t.Errorf("after the mark the revision of %s is %s, it was %s", layer, word, first.data.Layers[layer])
		}
	}
	cases := s.cases(t, 4)
	fine := func() error { return nil }
	if _, err := s.store.ImportCasework(t.Context(), grids.Operator, &grids.Batch{ID: grids.NewID(), Subject: "casework", File: "test"}, func() iter.Seq[grids.CaseEvent] { return slices.Values(cases) }, fine); err != nil {
		t.Fatal(err)
	}
	s.do(t, "GET", "/api/meta", nil) // somebody looks
	e := a.next()
	var layers []string
	for _, c := range e.data.Changed {
		layers = append(layers, c.Layer)
	}
	if e.event != "change" || !slices.Contains(layers, "heat") || !slices.Contains(layers, "hexagons") || slices.Contains(layers, "findings") {
		t.Errorf("after an import of casework: %+v", e)
	}
}

// revisions is the word of each layer in the description of what the server holds.
func (s *server) revisions(t *testing.T) map[string]string {
	t.Helper()
	var m struct {
		Layers []struct{ ID, Revision string }
	}
	if status := s.json(t, "GET", "/api/meta", nil, &m); status != 200 {
		t.Fatalf("meta: %d", status)
	}
	words := map[string]string{}
	for _, l := range m.Layers {
		words[l.ID] = l.Revision
	}
	return words
}

func testComingBack(t *testing.T, s *server) {
	all := s.listen(t, "")
	known := all.next().id
	s.markNear(t, 121.42, 31.65)
	between := all.next().id
	s.markNear(t, 121.60, 31.62)
	now := all.next().id
	if e := s.listen(t, known).next(); e.id != now || !e.tells("findings", 121.42, 31.65) || !e.tells("findings", 121.60, 31.62) {
		t.Errorf("both marks were missed: %+v", e)
	}
	if e := s.listen(t, between).next(); e.id != now || e.tells("findings", 121.42, 31.65) || !e.tells("findings", 121.60, 31.62) {
		t.Errorf("the second mark was missed: %+v", e)
	}
	r := s.listen(t, now)
	if e := r.next(); e.event != "change" || e.id != now || len(e.data.Changed) > 0 || !strings.Contains(e.raw, `"changed":[]`) {
		t.Errorf("nothing was missed: %s", e.raw)
	}
	s.markNear(t, 121.43, 31.65)
	three := r.next()
	if !three.tells("findings", 121.43, 31.65) || three.tells("findings", 121.60, 31.62) {
		t.Errorf("what came then: %+v", three)
	}
	hub, seq, _ := strings.Cut(now, ".")
	field := s.sessionOf(t, s.account(t, granted(grids.GridAdmin, grids.Scope{Level: grids.LevelDistrict}))).listen(t, "").next().id
	for _, last := range []string{"garbage", "a.b.c", hub, hub + ".999999", hub + ".-1", strings.Repeat("A", len(hub)) + "." + seq, field, strings.Repeat("x", 3000)} {
		if e := s.listen(t, last).next(); e.event != "revisions" || e.id != three.id || !maps.Equal(e.data.Layers, s.revisions(t)) {
			t.Errorf("with the id %.40q: %+v", last, e)
		}
	}
}

// promising is a store whose marks say that more was written than was.
type promising struct {
	api.Store
	further func(grids.Versions) grids.Versions
}

func (a promising) Mark(ctx context.Context, actor grids.Actor, f grids.Finding) (grids.Finding, bool, grids.Versions, error) {
	stored, created, v, err := a.Store.Mark(ctx, actor, f)
	v.Of = maps.Clone(v.Of)
	return stored, created, a.further(v), err
}

// wordOf is what names the versions that are further than those of a mark that it makes.
func (s *server) wordOf(t *testing.T, further func(grids.Versions) grids.Versions) string {
	t.Helper()
	a := *s.api
	a.Store = promising{a.Store, further}
	by := *s
	by.Server = httptest.NewServer(a.Handler())
	defer by.Close()
	return by.markNear(t, 121.406, 31.648).V
}

// A request that names the change of a write is answered by what holds it, or says that it is not there.
func testNamedVersions(t *testing.T, s *server) {
	tile := func(v string) string { return "/tiles/findings/14/13717/6672.mvt?v=" + v }
	now, err := s.store.Versions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{tile("a.b"), tile("a"), tile(now.String()), tile(now.Generation), tile(strings.Repeat("A", 401)), "/api/area/grids/x?v=g.findings", "/api/here?lon=121.41&lat=31.65&v=7.7", "/api/heat/values?v=%00.%00",
		tile(s.listen(t, "").next().id)} {
		var p struct{ Detail string }
		if status := s.json(t, "GET", path, nil, &p); status != 400 || !strings.Contains(p.Detail, "v names no change") {
			t.Errorf("%s: %d %q", path, status, p.Detail)
		}
	}
	m := s.markNear(t, 121.405, 31.648)
	seen := false
	for _, f := range featuresOf(s.layers(t, tile(m.V))["findings"]) {
		seen = seen || f.Properties["id"] == m.ID
	}
	if !seen {
		t.Error("the tile that names the mark is without it")
	}
	other := s.wordOf(t, func(v grids.Versions) grids.Versions {
		v.Generation = "0123456789abcdef"
		v.Of[grids.OnFindings] += 1000
		return v
	})
	for _, v := range []string{m.V, other, strings.Repeat("A", len(m.V))} {
		for _, path := range []string{tile(v), "/api/area/grids/" + m.Grid_code + "?v=" + v, "/api/here?lon=121.405&lat=31.648&v=" + v} {
			if res, b := s.do(t, "GET", path, nil); res.StatusCode != 200 {
				t.Errorf("%s: %d %.200s", path, res.StatusCode, b)
			}
		}
	}
	further := func(n int64) func(grids.Versions) grids.Versions {
		return func(v grids.Versions) grids.Versions { v.Of[grids.OnFindings] += n; return v }
	}
	far, next := s.wordOf(t, further(1000)), s.wordOf(t, further(1))
	never, late := make(chan string, 1), make(chan string, 1)
	ask := func(path string, to chan<- string) {
		req, err := http.NewRequest("GET", s.URL+path, nil)
		if err != nil {
			to <- err.Error()
			return
		}
		s.sign(req)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			to <- err.Error()
			return
		}
		defer func() { _ = res.Body.Close() }()
		b, _ := io.ReadAll(res.Body)
		to <- fmt.Sprint(res.StatusCode, " ", string(b))
	}
	go ask("/api/here?lon=121.405&lat=31.648&v="+far, never)
	go ask("/api/area/grids/"+m.Grid_code+"?v="+next, late)
	time.Sleep(100 * time.Millisecond)
	select {
	case answer := <-late:
		t.Fatalf("answered before the change was there: %s", answer)
	default:
	}
	s.markNear(t, 121.406, 31.648)
	if answer := <-late; !strings.HasPrefix(answer, "200 ") {
		t.Errorf("when the change came: %s", answer)
	}
	if answer := <-never; !strings.HasPrefix(answer, "503 ") || !strings.Contains(answer, "try again") {
		t.Errorf("a change that does not come: %s", answer)
	}
}

func testHeatValuesAreChecked(t *testing.T, s *server) {
	const good = "bbox=121.1,31.2,122.1,31.9"
	for _, c := range []struct{ query, says string }{
		{"z=9&periods=2026-01..2026-03", "bbox"},
		{"bbox=1,2,3&z=9&periods=2026-01..2026-03", "west,south,east,north"},
		{"bbox=a,b,c,d&z=9&periods=2026-01..2026-03", "west,south,east,north"},
		{"bbox=122,31,121,32&z=9&periods=2026-01..2026-03", "west,south,east,north"},
		{"bbox=121,32,122,31&z=9&periods=2026-01..2026-03", "west,south,east,north"},
		{"bbox=-181,31,122,32&z=9&periods=2026-01..2026-03", "west,south,east,north"},
		{"bbox=NaN,31,122,32&z=9&periods=2026-01..2026-03", "west,south,east,north"},
		{"bbox=-Inf,31,Inf,32&z=9&periods=2026-01..2026-03", "west,south,east,north"},
		{good + "&periods=2026-01..2026-03", "z"},
		{good + "&z=17&periods=2026-01..2026-03", "16"},
		{good + "&z=-1&periods=2026-01..2026-03", "0"},
		{good + "&z=x&periods=2026-01..2026-03", ""},
		{good + "&z=9", "periods"},
		{good + "&z=9&periods=2026-01", "2024-01..2024-03"},
		{good + "&z=9&periods=2026-13..2026-14", "2026-13"},
		{good + "&z=9&periods=2026-03..2026-01", "backwards"},
		{good + "&z=9&periods=2026-01..2026-03,", "2024-01..2024-03"},
		{good + "&z=9&periods=" + strings.Repeat("..,", 64) + "..", "64"},
		{good + "&z=9&periods=2026-01..2026-03&kind=gossip", "tipoff"},
	} {
		res, b := s.do(t, "GET", "/api/heat/values?"+c.query, nil)
		var p struct {
			Detail string
			Errors []struct{ Message, Location string }
		}
		if err := json.Unmarshal(b, &p); err != nil || res.StatusCode < 400 || res.StatusCode > 499 || p.Detail == "" || !strings.Contains(string(b), c.says) {
			t.Errorf("%s: %d %s (%v), want %q in it", c.query, res.StatusCode, b, err, c.says)
		}
	}
	var far struct{ IDs, Cases json.RawMessage }
	if status := s.json(t, "GET", "/api/heat/values?bbox=0,0,1,1&z=9&periods=..", nil, &far); status != 200 || string(far.IDs) != "[]" || string(far.Cases) != "[[]]" {
		t.Errorf("a box without anything: %d %s %s", status, far.IDs, far.Cases)
	}
}

// The values of a period are the counts that the heat tiles of that period show, hexagon by hexagon.
func testHeatValuesAreThoseOfTheTiles(t *testing.T, s *server) {
	periods := []string{"..", "2023-01..2025-06", "2025-01..", "..2023-12"}
	compared := 0
	for _, z := range []int{7, 10, 12} {
		for _, kind := range []string{"", "tipoff,possession"} {
			var v struct {
				IDs      []uint64
				Area_km2 []float64
				Cases    [][]int
				Periods  []string
			}
			path := fmt.Sprintf("/api/heat/values?bbox=121.0,31.0,122.3,32.0&z=%d&kind=%s&periods=%s", z, kind, strings.Join(periods, ","))
			if status := s.json(t, "GET", path, nil, &v); status != 200 || len(v.Cases) != len(periods) || !slices.Equal(v.Periods, periods) || len(v.Area_km2) != len(v.IDs) {
				t.Fatalf("%s: %d, %d columns", path, status, len(v.Cases))
			}
			for i, p := range periods {
				values := map[uint64]int{}
				for k, id := range v.IDs {
					if n := v.Cases[i][k]; n > 0 {
						values[id] = n
					}
				}
				if drawn := s.drawn(t, z, kind, p); !maps.Equal(values, drawn) {
					t.Errorf("zoom %d, %q, %s: %d hexagons have values, %d are drawn, or others", z, kind, p, len(values), len(drawn))
				}
				compared += len(values)
			}
		}
	}
	if compared < 100 {
		t.Errorf("only %d values were compared", compared)
	}
}

// drawn is the counts in the heat tiles of a period over the district, by hexagon.
func (s *server) drawn(t *testing.T, z int, kind, period string) map[uint64]int {
	t.Helper()
	from, to, _ := strings.Cut(period, "..")
	all := map[uint64]int{}
	for _, path := range tilesOver(z, 121.0, 31.0, 122.3, 32.0) {
		for _, f := range featuresOf(s.layers(t, fmt.Sprintf("/tiles/heat/%s.mvt?kind=%s&from=%s&to=%s", path, kind, from, to))["heat"]) {
			id, n := uint64(f.ID.(float64)), int(f.Properties["cases"].(float64))
			if was, ok := all[id]; ok && was != n {
				t.Errorf("hexagon %d has %d cases in one tile and %d in another", id, was, n)
			}
			all[id] = n
		}
	}
	return all
}

// Open maps are told when the database goes and when it is back, and who opens one meanwhile is told too.
func testProblemEvents(t *testing.T, s *server) {
	allow := s.gate(t)
	before := s.listen(t, "")
	known := before.next().id
	allow("false")
	if res, _ := s.do(t, "GET", "/api/meta", nil); res.StatusCode != 200 || res.Header.Get("Warning") == "" { // somebody looks
		t.Errorf("away: %d %v", res.StatusCode, res.Header)
	}
	away := func(e message) {
		t.Helper()
		if e.event != "problem" || e.data.Since == nil || time.Since(*e.data.Since) > time.Minute || e.data.Detail == "" || strings.Contains(e.data.Detail, "FATAL") || e.id != known {
			t.Errorf("away: %+v", e)
		}
	}
	away(before.next())
	during := s.listen(t, "")
	if e := during.next(); e.event != "revisions" || e.id != known {
		t.Errorf("a stream that is opened meanwhile begins with %+v", e)
	}
	away(during.next())
	back := s.listen(t, known)
	if e := back.next(); e.event != "change" || e.id != known || len(e.data.Changed) > 0 {
		t.Errorf("a stream that comes back meanwhile begins with %+v", e)
	}
	away(back.next())
	allow("true")
	deadline := time.Now().Add(20 * time.Second)
	for s.api.View.Problem().Since != nil {
		if time.Now().After(deadline) {
			t.Fatal("the database did not come back")
		}
		_ = s.api.View.Fresh(t.Context())
		time.Sleep(20 * time.Millisecond)
	}
	for _, r := range []*eventReader{before, during, back} {
		if e := r.next(); e.event != "problem" || e.raw != "{}" {
			t.Errorf("back: %+v", e)
		}
	}
	s.markNear(t, 121.44, 31.65)
	for _, r := range []*eventReader{before, during, back} {
		if e := r.next(); e.id == known || !e.tells("findings", 121.44, 31.65) {
			t.Errorf("afterwards: %+v", e)
		}
	}
	if e := s.listen(t, "").next(); e.event != "revisions" || e.id == known {
		t.Errorf("a new stream begins with %+v", e)
	}
}
