package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"wangge/geoserver/gate"
)

// guarded is the same server behind another gate.
func (s *server) guarded(t *testing.T, settings gate.Settings) *server {
	t.Helper()
	settings.Log = slog.New(slog.DiscardHandler)
	settings.Waiting = func() int64 { return folderBytes(s.api.Uploads) }
	g, err := gate.New(settings)
	if err != nil {
		t.Fatal(err)
	}
	a := *s.api
	a.Gate = g
	next := &server{Server: httptest.NewServer(a.Handler()), api: &a, store: s.store, dsn: s.dsn, as: s.as}
	t.Cleanup(next.Close)
	return next
}

// Each limit holds on the whole server, and each refusal is a problem with a sentence.
func TestLimits(t *testing.T) {
	plain := newServer(t)
	s := plain.guarded(t, gate.Settings{Uploads: gate.UploadLimits{Waiting: 3 << 20}})
	dry := "/api/imports?subject=casework&file=a.csv"
	for _, c := range []struct {
		name, method, path string
		body               io.Reader
		header             []string
		status             int
	}{
		{"a long address", "GET", "/api/meta?" + strings.Repeat("x", 9<<10), nil, nil, 414},
		{"a JSON body over 1 MiB", "POST", "/api/findings", strings.NewReader(`{"id":"` + strings.Repeat("x", 3<<19) + `"}`), []string{"Content-Type", "application/json"}, 413},
		{"a body over 2 MiB", "POST", "/api/findings", strings.NewReader(strings.Repeat("x", 3<<20)), []string{"Content-Type", "application/json"}, 413},
		{"a body over 2 MiB of unknown length", "POST", "/api/findings", io.MultiReader(strings.NewReader(strings.Repeat("x", 3<<20))), []string{"Content-Type", "application/json"}, 413},
		{"a file over the limit", "POST", dry, io.MultiReader(strings.NewReader(strings.Repeat("x", 5<<20))), nil, 413},
		{"a file over what may wait", "POST", dry, strings.NewReader(strings.Repeat("x", 3<<20+1)), nil, 507},
		{"a file without end in a form", "POST", dry, io.MultiReader(strings.NewReader("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n" + strings.Repeat("x", 5<<20))), []string{"Content-Type", "multipart/form-data; boundary=b"}, 413},
		{"a long search", "GET", "/api/search?q=" + strings.Repeat("x", 100), nil, nil, 422},
		{"many periods", "GET", "/api/heat/values?bbox=121,31,122,32&z=9&periods=" + strings.Repeat("2024-01..2024-01,", 70) + "..", nil, nil, 400},
	} {
		res, b := s.do(t, c.method, c.path, c.body, c.header...)
		var p struct {
			Status int
			Detail string
		}
		if err := json.Unmarshal(b, &p); res.StatusCode != c.status || err != nil || p.Status != c.status || p.Detail == "" || res.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s, want %d: %.200s", c.name, res.StatusCode, res.Header.Get("Content-Type"), c.status, b)
		}
	}
	if left, err := os.ReadDir(s.api.Uploads); err != nil || len(left) != 0 {
		t.Errorf("refused files stay: %v %v", left, err)
	}
	if res, _ := s.do(t, "GET", "/api/meta", nil, "X-Long", strings.Repeat("x", 2<<20)); res.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a long header: %d", res.StatusCode)
	}
}

// A flood ends in 429 with the time to wait, each class by itself; the map of somebody who begins goes on.
func TestAFlood(t *testing.T) {
	plain := newServer(t)
	s := plain.guarded(t, gate.Settings{PerAddress: gate.Rates{gate.Tiles: {PerSecond: .01, Burst: 300}, gate.API: {PerSecond: .01, Burst: 20}, gate.Imports: {PerSecond: .01, Burst: 2}}})
	count := func(method, path string, times int) (ok, tooMany int) {
		for range times {
			res, b := s.do(t, method, path, strings.NewReader("x"))
			if res.StatusCode != http.StatusTooManyRequests {
				ok++
				continue
			}
			tooMany++
			if wait, err := strconv.Atoi(res.Header.Get("Retry-After")); err != nil || wait < 1 || wait > 100 || !strings.Contains(string(b), "wait") {
				t.Fatalf("%s: %v %s", path, res.Header, b)
			}
		}
		return ok, tooMany
	}
	for _, c := range []struct {
		method, path string
		times, ok    int
	}{{"GET", "/api/search?q=a", 30, 20}, {"POST", "/api/imports?subject=casework&file=a.csv", 5, 2}, {"GET", "/tiles/grids/9/428/208.mvt", 310, 300}} {
		if ok, tooMany := count(c.method, c.path, c.times); ok != c.ok || tooMany != c.times-c.ok {
			t.Errorf("%s: %d got in, %d did not", c.path, ok, tooMany)
		}
	}
	if res, _ := plain.do(t, "GET", "/api/meta", nil); res.StatusCode != 200 {
		t.Errorf("without limits: %d", res.StatusCode)
	}
}

// When every table is gone, answers say that the server made a mistake or is away: no word of the database.
func TestErrorsTellNothingOfTheDatabase(t *testing.T) {
	s := newServer(t)
	id := s.markAt(t, 121.41, 31.64)
	conn, err := pgx.Connect(t.Context(), s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	var words []string
	for table := range s.contents(t) {
		schema, name, _ := strings.Cut(table, ".")
		if name == "spatial_ref_sys" {
			continue
		}
		if strings.Contains(name, "_") {
			words = append(words, name)
		}
		if _, err := conn.Exec(t.Context(), fmt.Sprintf(`ALTER TABLE %s.%s RENAME TO gone_%[2]s`, schema, name)); err != nil {
			t.Fatal(err)
		}
	}
	words = append(words, "SQLSTATE", "relation", "pgx", "pgconn", "42P01", "postgres", "does not exist", s.dsn, "SELECT", "INSERT")
	mark := `{"id":"0198c1f4-0000-7000-8000-000000000001","kind":"cannabis","confidence":1,"source":"foot","seen_at":"2026-05-01T10:00:00+08:00","geometry":{"type":"Point","coordinates":[121.41,31.65]}}`
	casework, err := filepath.Abs("../importers/testdata/casework_gb18030.json")
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(casework)
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for _, c := range [][3]string{{"POST", "/api/findings", mark}, {"GET", "/api/findings/" + id, ""}, {"POST", "/api/findings/" + id + "/withdraw", ""}, {"GET", "/api/check", ""}, {"GET", "/api/imports", ""},
		{"POST", "/api/imports?subject=casework&file=a.json", string(file)}, {"GET", "/api/meta", ""}, {"GET", "/tiles/grids/9/428/208.mvt", ""}, {"GET", "/readyz", ""}, {"GET", "/healthz", ""}, {"GET", "/api/search?q=a", ""},
		{"GET", "/api/meta?v=0123456789abcdef.findings.12", ""}} {
		res, b := s.do(t, c[0], c[1], strings.NewReader(c[2]), "Content-Type", "application/json")
		if res.StatusCode >= 500 {
			failed++
		}
		for _, word := range words {
			if strings.Contains(strings.ToLower(string(b)+fmt.Sprint(res.Header)), strings.ToLower(word)) {
				t.Errorf("%s %s: %d says %q: %.300s", c[0], c[1], res.StatusCode, word, b)
			}
		}
	}
	if failed < 5 {
		t.Errorf("only %d addresses failed: the test breaks nothing", failed)
	}
}
