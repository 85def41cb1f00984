package main

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"wangge/geoserver/localpg/pgtest"
	"wangge/grids"
)

// gate gives the switch that takes the database away ("false") and brings it back ("true"): no connection stays, and none is let in.
func (s *server) gate(t *testing.T) (allow func(yes string)) {
	t.Helper()
	config, err := pgx.ParseConfig(s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	admin, err := pgx.Connect(t.Context(), pgtest.Cluster(t).DSNFor("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = admin.Close(context.Background()) })
	return func(yes string) {
		t.Helper()
		if _, err := admin.Exec(t.Context(), "alter database "+config.Database+" allow_connections "+yes); err != nil {
			t.Fatal(err)
		}
		if _, err := admin.Exec(t.Context(), "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", config.Database); err != nil {
			t.Fatal(err)
		}
	}
}

// While the database is away the last look is served and labelled, writes are refused with a sentence, /readyz names
// the fault, and all of that ends by itself.
func TestTheDatabaseAway(t *testing.T) {
	s := newServer(t)
	allow := s.gate(t)
	const path = "/tiles/grids/9/428/208.mvt"
	if res, _ := s.do(t, "GET", path, nil); res.StatusCode != 200 || res.Header.Get("Warning") != "" {
		t.Fatalf("before: %d %v", res.StatusCode, res.Header)
	}
	allow("false")
	if res, b := s.do(t, "GET", path, nil); res.StatusCode != 200 || len(b) == 0 || !strings.Contains(res.Header.Get("Warning"), "110") || res.Header.Get("Age") == "" {
		t.Errorf("away: %d, %d bytes, %v", res.StatusCode, len(b), res.Header)
	}
	body := map[string]any{"id": grids.NewID().String(), "kind": "cannabis", "confidence": 1, "source": "foot", "seen_at": "2026-05-01T10:00:00Z",
		"geometry": map[string]any{"type": "Point", "coordinates": []float64{121.41, 31.65}}}
	var p struct{ Detail string }
	if status := s.json(t, "POST", "/api/findings", body, &p); status != http.StatusServiceUnavailable || strings.Contains(p.Detail, "FATAL") || p.Detail == "" {
		t.Errorf("a write: %d %q", status, p.Detail)
	}
	var ready struct{ Problems []string }
	if status := s.json(t, "GET", "/readyz", nil, &ready); status != 503 || len(ready.Problems) == 0 {
		t.Errorf("readyz: %d %v", status, ready.Problems)
	}
	allow("true")
	deadline := time.Now().Add(20 * time.Second)
	for status := 0; status != http.StatusCreated; status = s.json(t, "POST", "/api/findings", body, nil) { // the same id: the client just tries again
		if time.Now().After(deadline) {
			t.Fatal("writes did not come back")
		}
		time.Sleep(50 * time.Millisecond)
	}
	if res, _ := s.do(t, "GET", path, nil); res.StatusCode != 200 || res.Header.Get("Warning") != "" {
		t.Errorf("after: %d %v", res.StatusCode, res.Header)
	}
}
