package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// No GET changes anything: every address of the API and all others are asked, as HEAD too, and with what makes some servers take a GET
// for another method; afterwards every table holds what it held, but those
// in which looking is written down.
func TestNoGETChangesAnything(t *testing.T) {
	s := newServer(t)
	id := s.markAt(t, 121.41, 31.64)
	before := s.contents(t)
	if len(before) < 10 {
		t.Fatalf("only %d tables: %v", len(before), before)
	}
	b, err := s.api.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	var described struct {
		Paths map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal(b, &described); err != nil {
		t.Fatal(err)
	}
	paths := []string{"/", "/healthz", "/readyz", "/metrics", "/tiles/grids,heat/9/428/208.mvt", "/tiles/grids.json", "/styles/light-zh.json", "/api/openapi.json", "/api/imports", "/api/oidc/a/start", "/api/oidc/a/callback", "/api/session", "/api/sessions"}
	for path := range described.Paths {
		for param, value := range map[string]string{"{id}": id, "{level}": "grids", "{code}": "310151101W01"} {
			path = strings.ReplaceAll(path, param, value)
		}
		paths = append(paths, path)
	}
	const query = "?bbox=121,31,122,32&z=9&periods=2024-01..2024-03&lon=121.4&lat=31.6&q=a&level=grids&indicator=risk&purpose=daily&file=x.csv&subject=casework"
	answered := map[int]int{}
	for _, path := range paths {
		for _, c := range []struct {
			method, more string
			header       []string
		}{{"GET", "", nil}, {"HEAD", "", nil}, {"GET", "&_method=POST&_method=DELETE", []string{"X-HTTP-Method-Override", "POST"}}, {"GET", "", []string{"X-HTTP-Method", "DELETE", "X-Method-Override", "PUT"}}} {
			res, b := s.do(t, c.method, path+query+c.more, strings.NewReader(`{"x":1}`), c.header...)
			if answered[res.StatusCode]++; res.StatusCode >= 500 {
				t.Errorf("%s %s: %d %.200s", c.method, path, res.StatusCode, b)
			}
		}
	}
	if answered[http.StatusOK] < 4*12 || answered[http.StatusNotFound] == 0 {
		t.Errorf("answers by status: %v", answered)
	}
	after := s.contents(t)
	for table, was := range before {
		if slices.Contains(notes, table) {
			continue
		}
		if now := after[table]; now != was {
			t.Errorf("%s changed from %s to %s", table, was, now)
		}
	}
	s.markAt(t, 121.42, 31.64) // the look at the tables sees a change
	var changed []string
	for table, now := range s.contents(t) {
		if now != before[table] {
			changed = append(changed, table)
		}
	}
	if slices.Sort(changed); len(changed) < 3 {
		t.Errorf("a mark changes only %v", changed)
	}
}

// notes are the tables in which it is written down that somebody looked, and when a token was last used.
var notes = []string{"wangge.audit", "wangge.audit_head", "wangge.token"}

// contents is the number of rows and a sum over their text, by table.
func (s *server) contents(t *testing.T) map[string]string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	rows, err := conn.Query(t.Context(), `SELECT table_schema || '.' || table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, table := range tables {
		var n, sum string
		if err := conn.QueryRow(t.Context(), fmt.Sprintf(`SELECT count(*)::text, coalesce(sum(hashtextextended(x::text, 0)), 0)::text FROM %s x`, table)).Scan(&n, &sum); err != nil {
			t.Fatal(err)
		}
		all[table] = n + " rows, " + sum
	}
	return all
}
