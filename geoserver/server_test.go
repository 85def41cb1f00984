package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb/encoding/mvt"
	"golang.org/x/text/encoding/simplifiedchinese"

	"wangge/geoserver/api"
	"wangge/geoserver/localpg/pgtest"
	"wangge/grids"
	"wangge/grids/postgis"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// server is a whole server on the demo, in this process.
type server struct {
	*httptest.Server
	api   *api.Server
	store *postgis.Store
	dsn   string
	as    string // Authorization or Cookie, as "Name: value"; "" for nobody
}

// TestServer runs a whole server on the demo and asks it everything. The parts may add findings and casework, with ids
// of their own.
func TestServer(t *testing.T) {
	s := newServer(t)
	for _, part := range []struct {
		name string
		run  func(*testing.T, *server)
	}{
		{"TilesAgreeWithPostGIS", testTilesAgreeWithPostGIS},
		{"PointsAgreeWithPostGIS", testPointsAgreeWithPostGIS},
		{"TileStatuses", testTileStatuses},
		{"TileRevalidation", testTileRevalidation},
		{"AMarkIsInTheNextTile", testAMarkIsInTheNextTile},
		{"FreshUnderWriters", testFreshUnderWriters},
		{"TheHeatLegendFollowsTheFilter", testTheHeatLegendFollowsTheFilter},
		{"MarksAreChecked", testMarksAreChecked},
		{"TheGuard", testTheGuard},
		{"SmallCountsStayHidden", testSmallCountsStayHidden},
		{"ImportOverHTTP", testImportOverHTTP},
		{"PersonalDataRefusesTheFile", testPersonalDataRefusesTheFile},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, s) })
	}
}

// newServer is a server on a database of its own with the demo.
func newServer(t *testing.T) *server {
	t.Helper()
	dsn := pgtest.Filled(t, "demo", func(dsn string) error { return fillWithDemo(t, dsn) })
	store, err := postgis.Open(t.Context(), dsn, grids.Chongming)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	c := serveCmd{Listen: "127.0.0.1:0", CacheMB: 16, MaxUploadMB: 4}
	s, err := c.join(testConfig(t), &database{Store: store}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	srv := &server{Server: httptest.NewServer(s.Handler()), api: s, store: store, dsn: dsn}
	t.Cleanup(srv.Close)
	return srv.byToken(t, everything, grids.Actor{Grants: everyRole()})
}

func testConfig(t *testing.T) *config {
	return &config{Data: pgtest.Folder(t), K: 3, ToleranceM2: 10}
}

// fillWithDemo loads the demo as a server's first start does.
func fillWithDemo(t *testing.T, dsn string) error {
	store, err := postgis.Open(t.Context(), dsn, grids.Chongming)
	if err != nil {
		return err
	}
	defer store.Close()
	return loadDemoIfEmpty(t.Context(), testConfig(t), store, slog.New(slog.DiscardHandler))
}

// do sends a request and returns the answer with its whole body; gzip stays packed.
func (s *server) do(t *testing.T, method, path string, body io.Reader, header ...string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequest(method, s.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
		req.Header.Set(header[i], header[i+1])
	}
	s.sign(req)
	if req.Header.Get("Accept-Encoding") == "" {
		req.Header.Set("Accept-Encoding", "identity")
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, b
}

func (s *server) json(t *testing.T, method, path string, body, into any) int {
	t.Helper()
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		r = bytes.NewReader(b)
	}
	res, b := s.do(t, method, path, r, "Content-Type", "application/json")
	if into != nil {
		if err := json.Unmarshal(b, into); err != nil {
			t.Fatalf("%s %s: %v in %s", method, path, err, b)
		}
	}
	return res.StatusCode
}

// layers decodes a tile.
func (s *server) layers(t *testing.T, path string) map[string]*mvt.Layer {
	t.Helper()
	res, b := s.do(t, "GET", path, nil)
	if res.StatusCode == http.StatusNoContent {
		return nil
	}
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d %s", path, res.StatusCode, b)
	}
	list, err := mvt.Unmarshal(b)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]*mvt.Layer{}
	for _, l := range list {
		byName[l.Name] = l
	}
	return byName
}

// The classes of the heat are made of what the filter lets through.
func testTheHeatLegendFollowsTheFilter(t *testing.T, s *server) {
	seen := map[string]string{}
	for _, q := range []string{"", "&from=2025-01&to=2025-06", "&kind=tipoff"} {
		var legend struct {
			Classes []struct {
				To    float64
				Count int
			}
		}
		if status := s.json(t, "GET", "/api/legend?level=heat"+q, nil, &legend); status != 200 || len(legend.Classes) == 0 {
			t.Fatalf("%q: %d %+v", q, status, legend)
		}
		key := fmt.Sprint(legend)
		if other, ok := seen[key]; ok {
			t.Errorf("%q has the classes of %q: %s", q, other, key)
		}
		seen[key] = q
	}
	if status := s.json(t, "GET", "/api/legend?level=heat&from=2025-13", nil, nil); status != 400 {
		t.Errorf("a month that is none: %d", status)
	}
}

func testTileStatuses(t *testing.T, s *server) {
	for _, c := range []struct {
		path   string
		status int
		says   string
	}{
		{"/tiles/grids/9/428/208.mvt", 200, ""},
		{"/tiles/grids,heat,findings/9/428/208.mvt", 200, ""},
		{"/tiles/grids/9/0/0.mvt", 204, ""},
		{"/tiles/land/0/0/0.mvt", 200, ""},
		{"/tiles/roads/9/428/208.mvt", 404, "land"},
		{"/tiles/grids,roads/9/428/208.mvt", 404, "grids"},
		{"/tiles/grids/17/0/0.mvt", 400, "0 to 16"},
		{"/tiles/grids/3/8/0.mvt", 400, "0 to 7"},
		{"/tiles/grids/3/-1/0.mvt", 400, "0 to 7"},
		{"/tiles/grids/a/0/0.mvt", 400, "whole number"},
		{"/tiles/grids/03/0/0.mvt", 400, "whole number"},
		{"/tiles/heat/9/428/208.mvt?from=2025-13", 400, "2025-1"},
		{"/tiles/heat/9/428/208.mvt?from=2025-06&to=2025-01", 400, ""},
		{"/tiles/heat/9/428/208.mvt?kind=gossip", 400, "tipoff"},
		{"/tiles/heat/9/428/208.mvt?from=" + strings.Repeat("x", 9000), 414, "8 KiB"},
		{"/tiles/grids.json", 200, ""},
		{"/tiles/roads.json", 404, "grids"},
		{"/api/nothing", 404, "/api/openapi.json"},
	} {
		res, b := s.do(t, "GET", c.path, nil)
		if res.StatusCode != c.status {
			t.Errorf("%.60s: %d, want %d: %.200s", c.path, res.StatusCode, c.status, b)
			continue
		}
		if c.status >= 400 {
			var p struct {
				Status int
				Detail string
			}
			if err := json.Unmarshal(b, &p); err != nil || p.Status != c.status || res.Header.Get("Content-Type") != "application/problem+json" || !strings.Contains(p.Detail, c.says) {
				t.Errorf("%.60s: problem %s (%v), want %q in it", c.path, b, err, c.says)
			}
		}
	}
}

func testTileRevalidation(t *testing.T, s *server) {
	const path = "/tiles/grids/9/428/208.mvt"
	res, packed := s.do(t, "GET", path, nil, "Accept-Encoding", "gzip")
	etag := res.Header.Get("ETag")
	if res.Header.Get("Content-Encoding") != "gzip" || !strings.HasPrefix(etag, `"`) {
		t.Fatalf("headers %v", res.Header)
	}
	zr, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := io.ReadAll(zr)
	if err != nil {
		t.Fatal(err)
	}
	plain, raw := s.do(t, "GET", path, nil)
	if plain.Header.Get("ETag") == etag || !bytes.Equal(raw, unpacked) {
		t.Errorf("plain bytes have tag %s and %d bytes; gzip %s and %d", plain.Header.Get("ETag"), len(raw), etag, len(unpacked))
	}
	if res, b := s.do(t, "GET", path, nil, "Accept-Encoding", "gzip", "If-None-Match", `"x", `+etag); res.StatusCode != 304 || len(b) != 0 || res.Header.Get("ETag") != etag {
		t.Errorf("revalidation: %d, %d bytes, tag %s", res.StatusCode, len(b), res.Header.Get("ETag"))
	}
	if res, b := s.do(t, "HEAD", path, nil); res.StatusCode != 200 || len(b) != 0 {
		t.Errorf("HEAD: %d, %d bytes", res.StatusCode, len(b))
	}
	s.markAt(t, 121.41, 31.64) // grids count findings: another content, another tag
	if res, _ := s.do(t, "GET", path, nil, "Accept-Encoding", "gzip", "If-None-Match", etag); res.StatusCode != 200 || res.Header.Get("ETag") == etag {
		t.Errorf("after a change: %d with tag %s", res.StatusCode, res.Header.Get("ETag"))
	}
}

// markAt marks a finding through the API and returns its id.
func (s *server) markAt(t *testing.T, lon, lat float64) string {
	t.Helper()
	id := grids.NewID().String()
	var answer struct{ Grid_code, State string }
	status := s.json(t, "POST", "/api/findings", map[string]any{"id": id, "kind": "opium_poppy", "confidence": 2, "source": "foot", "seen_at": "2026-05-01T10:00:00+08:00",
		"geometry": map[string]any{"type": "Point", "coordinates": []float64{lon, lat}}}, &answer)
	if status != http.StatusCreated || answer.Grid_code == "" {
		t.Fatalf("mark: %d %+v", status, answer)
	}
	return id
}

func testAMarkIsInTheNextTile(t *testing.T, s *server) {
	// the tile is warm before the mark
	const path = "/tiles/findings/14/13717/6672.mvt"
	s.layers(t, path)
	id := s.markAt(t, 121.41, 31.65)
	has := func() bool {
		l := s.layers(t, path)["findings"]
		for _, f := range featuresOf(l) {
			if f.Properties["id"] == id && f.Properties["state"] == "spotted" {
				return true
			}
		}
		return false
	}
	if !has() {
		t.Error("the mark is not in the tile that was asked for after it")
	}
	// another process writes: the server has to notice by itself
	other, err := postgis.Open(t.Context(), s.dsn, grids.Chongming)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	gid, err := grids.ParseID(id)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := other.Withdraw(t.Context(), grids.Operator, gid); err != nil {
		t.Fatal(err)
	}
	if has() {
		t.Error("the tile shows the finding as spotted after another process withdrew it")
	}
}

// Several patrols mark at the same time; each finds its own mark in the next tile it asks for.
func testFreshUnderWriters(t *testing.T, s *server) {
	for w := range 4 {
		t.Run(fmt.Sprint("writer ", w), func(t *testing.T) {
			t.Parallel()
			for i := range 8 {
				id := s.markAt(t, 121.402+.0004*float64(w), 31.645+.0004*float64(i))
				found := false
				for _, f := range featuresOf(s.layers(t, "/tiles/grids,findings/14/13717/6672.mvt")["findings"]) {
					found = found || f.Properties["id"] == id
				}
				if !found {
					t.Errorf("mark %d is not in the tile that was asked for after it", i)
				}
			}
		})
	}
}

func testMarksAreChecked(t *testing.T, s *server) {
	good := func() map[string]any {
		return map[string]any{"id": grids.NewID().String(), "kind": "cannabis", "confidence": 1, "source": "photo", "seen_at": "2026-05-01T10:00:00+08:00",
			"geometry": map[string]any{"type": "Polygon", "coordinates": [][][]float64{{{121.41, 31.65}, {121.411, 31.65}, {121.411, 31.651}}}}}
	}
	body := good()
	if status := s.json(t, "POST", "/api/findings", body, nil); status != 201 {
		t.Errorf("a plot: %d", status)
	}
	if status := s.json(t, "POST", "/api/findings", body, nil); status != 200 {
		t.Errorf("the same plot again: %d", status)
	}
	for name, change := range map[string]func(map[string]any){
		"unknown kind": func(m map[string]any) { m["kind"] = "tulip" },
		"confidence 4": func(m map[string]any) { m["confidence"] = 4 },
		"the future":   func(m map[string]any) { m["seen_at"] = "2100-01-01T00:00:00Z" },
		"outside": func(m map[string]any) {
			m["geometry"] = map[string]any{"type": "Point", "coordinates": []float64{100, 20}}
		},
		"a line": func(m map[string]any) {
			m["geometry"] = map[string]any{"type": "LineString", "coordinates": [][]float64{{121.41, 31.65}, {121.42, 31.65}}}
		},
		"no UUID": func(m map[string]any) { m["id"] = "7" },
		"a crossed plot": func(m map[string]any) {
			m["geometry"] = map[string]any{"type": "Polygon", "coordinates": [][][]float64{{{121.41, 31.65}, {121.411, 31.651}, {121.411, 31.65}, {121.41, 31.651}, {121.41, 31.65}}}}
		},
		"a huge plot": func(m map[string]any) {
			m["geometry"] = map[string]any{"type": "Polygon", "coordinates": [][][]float64{{{121.41, 31.65}, {121.45, 31.65}, {121.45, 31.68}, {121.41, 31.65}}}}
		},
	} {
		body := good()
		change(body)
		var p struct{ Detail string }
		if status := s.json(t, "POST", "/api/findings", body, &p); status != 400 && status != 422 || p.Detail == "" {
			t.Errorf("%s: %d %q", name, status, p.Detail)
		}
	}
}

func testTheGuard(t *testing.T, s *server) {
	for _, c := range []struct {
		name, method, path string
		header             []string
		status             int
	}{
		{"a page of another site writes", "POST", "/api/findings", []string{"Sec-Fetch-Site", "cross-site", "Content-Type", "application/json"}, 403},
		{"another origin writes", "POST", "/api/findings", []string{"Origin", "http://evil.example", "Content-Type", "application/json"}, 403},
		{"a foreign name for this machine", "GET", "/api/meta", []string{"Host", "evil.example"}, 421},
		{"localhost by name", "GET", "/api/meta", []string{"Host", "localhost:8470"}, 200},
		{"a method that is not taken", "PUT", "/tiles/grids/1/1/1.mvt", nil, 405},
		{"a hidden file", "GET", "/.git/config", nil, 404},
	} {
		res, b := s.do(t, c.method, c.path, strings.NewReader("{}"), c.header...)
		if res.StatusCode != c.status {
			t.Errorf("%s: %d, want %d: %.200s", c.name, res.StatusCode, c.status, b)
		}
		tile := strings.HasPrefix(c.path, "/tiles/") // which no browser shows as a page
		if res.Header.Get("X-Content-Type-Options") != "nosniff" || !tile && !strings.Contains(res.Header.Get("Content-Security-Policy"), "default-src 'self'") {
			t.Errorf("%s: headers %v", c.name, res.Header)
		}
	}
}

// No output shows a count from 1 to k−1.
func testSmallCountsStayHidden(t *testing.T, s *server) {
	hexagons := 0
	for _, z := range []int{7, 9, 11, 13} {
		for _, path := range tilesOver(z, 121.1, 31.2, 122.1, 31.9) {
			for name, l := range s.layers(t, fmt.Sprintf("/tiles/heat,grids,villages,towns,cells/%s.mvt", path)) {
				for _, f := range featuresOf(l) {
					n, shown := f.Properties["cases"].(float64)
					if shown && n > 0 && n < 3 {
						t.Errorf("%s at %s shows a count of %v", name, path, n)
					}
					if name == "heat" {
						hexagons++
					}
					if _, density := f.Properties["density"]; density != shown {
						t.Errorf("%s at %s: cases %v beside density %v", name, path, f.Properties["cases"], f.Properties["density"])
					}
				}
			}
		}
	}
	if hexagons == 0 {
		t.Error("there was no heat at all")
	}
	var p struct {
		Months []struct{ Value struct{ N float64 } }
	}
	s.json(t, "GET", "/api/periods", nil, &p)
	if len(p.Months) < 50 {
		t.Errorf("%d months, want about 60", len(p.Months))
	}
	for _, m := range p.Months {
		if m.Value.N > 0 && m.Value.N < 3 {
			t.Errorf("the histogram shows a count of %v", m.Value.N)
		}
	}
}

// The import as it comes in from the field: GB18030 with Chinese headers, ten bad rows of ten kinds.
func testImportOverHTTP(t *testing.T, s *server) {
	csv := "编号,类别,日期,经度,纬度,村居代码\n"
	for i := range 30 {
		csv += fmt.Sprintf("http-%d,举报线索,2026-0%d-11,%.6f,31.65,\n", i, 1+i%6, 121.4+.0001*float64(i))
	}
	for i, bad := range []string{",2099-01-01,121.41,31.65,", ",2026-03-32,121.41,31.65,", ",2026-03-11,100.1,31.65,", ",2026-03-11,31.65,121.41,", ",2026-03-11,,,",
		",2026-03-11,abc,31.65,", ",2026-03-11,,,310151999999", ",2026-03-11,,,3.10151E+11", ",,121.41,31.65,"} {
		csv += fmt.Sprintf("bad-%d,举报线索%s\n", i, bad)
	}
	csv += "bad-9,种花,2026-03-11,121.41,31.65,\n"
	gb, err := simplifiedchinese.GB18030.NewEncoder().String(csv)
	if err != nil {
		t.Fatal(err)
	}
	type report struct {
		ID, Encoding              string
		Rows, Accepted, Rejected  int
		Unchanged, Findings_total int
		Committed                 bool
		Findings                  []struct {
			Row                 int
			Column, Value, Code string
		}
	}
	send := func() (r report) {
		res, b := s.do(t, "POST", "/api/imports?subject=casework&file=%E6%A1%88%E4%BB%B6.csv", strings.NewReader(gb), "Content-Type", "application/octet-stream")
		if err := json.Unmarshal(b, &r); err != nil || res.StatusCode != 200 {
			t.Fatalf("%d %s", res.StatusCode, b)
		}
		return r
	}
	stored := func() (n int) {
		t.Helper()
		conn, err := pgx.Connect(t.Context(), s.dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close(context.Background()) }()
		if err := conn.QueryRow(t.Context(), "select count(*) from wangge.casework_event where not synthetic").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	r := send()
	if r.Committed || r.Rows != 40 || r.Accepted != 30 || r.Rejected != 10 || r.Encoding != "GB18030" {
		t.Fatalf("dry run: %+v", r)
	}
	rows := map[int]bool{}
	for _, f := range r.Findings {
		if f.Row > 31 {
			rows[f.Row] = true
		}
	}
	if len(rows) != 10 {
		t.Errorf("findings name %d of the ten bad rows: %+v", len(rows), r.Findings)
	}
	if n := stored(); n != 0 {
		t.Fatalf("the dry run stored %d events", n)
	}
	var c report
	if status := s.json(t, "POST", "/api/imports/"+r.ID+"/commit", nil, &c); status != 200 || !c.Committed || c.Accepted != 30 {
		t.Fatalf("commit: %d %+v", status, c)
	}
	if n := stored(); n != 30 {
		t.Errorf("%d events stored, want 30", n)
	}
	if status := s.json(t, "POST", "/api/imports/"+r.ID+"/commit", nil, nil); status != 404 {
		t.Errorf("committing twice: %d", status)
	}
	again := send()
	var c2 report
	if status := s.json(t, "POST", "/api/imports/"+again.ID+"/commit", nil, &c2); status != 200 || c2.Unchanged != 30 {
		t.Errorf("the same file again: %d %+v", status, c2)
	}
	total := 0.0
	for _, f := range featuresOf(s.layers(t, "/tiles/heat/11/1714/834.mvt?from=2026-01&to=2026-06&kind=tipoff")["heat"]) {
		n, _ := f.Properties["cases"].(float64)
		total += n
	}
	if total < 27 { // what is below k at the coarsest cell stays hidden
		t.Errorf("the heat tile shows %v of the 30 new events", total)
	}
	if res, b := s.do(t, "POST", "/api/imports?subject=casework&file=x.csv", bytes.NewReader(make([]byte, 5<<20)), "Content-Type", "application/octet-stream"); res.StatusCode != 413 {
		t.Errorf("a file over the limit: %d %s", res.StatusCode, b)
	}
	if res, b := s.do(t, "POST", "/api/imports?subject=gossip", strings.NewReader("a,b\n"), "Content-Type", "application/octet-stream"); res.StatusCode != 400 {
		t.Errorf("an unknown subject: %d %s", res.StatusCode, b)
	}
}

func testPersonalDataRefusesTheFile(t *testing.T, s *server) {
	var r struct {
		ID      string
		Refused bool
		Refusal struct{ ZH, EN string }
	}
	res, b := s.do(t, "POST", "/api/imports?subject=casework", strings.NewReader("id,kind,date,lon,lat,手机\n1,tipoff,2026-03-03,121.41,31.65,13812345678\n"), "Content-Type", "application/octet-stream")
	if err := json.Unmarshal(b, &r); err != nil || res.StatusCode != 200 || !r.Refused || !strings.Contains(r.Refusal.ZH, "手机") {
		t.Fatalf("%d %s", res.StatusCode, b)
	}
	if bytes.Contains(b, []byte("13812345678")) {
		t.Error("the report repeats the number")
	}
	if status := s.json(t, "POST", "/api/imports/"+r.ID+"/commit", nil, nil); status != 404 {
		t.Errorf("a refused file could be committed: %d", status)
	}
}
