package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"wangge/geoserver/accounts"
	"wangge/grids"
)

var update = flag.Bool("update", false, "write the golden files anew")

const routesFile = "testdata/routes.txt"

// The table of routes is the one in the golden file: a route that is added, or that needs something else, has to be looked at.
func TestRoutesAndNeeds(t *testing.T) {
	s := newServer(t)
	got := ""
	table := s.api.Routes()
	for _, route := range slices.SortedFunc(maps.Keys(table), byPath) {
		got += fmt.Sprintf("%-60s %s\n", route, table[route])
	}
	if *update {
		if err := os.WriteFile(routesFile, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(routesFile)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the routes are\n%s\nand not\n%s\nLook at what each new one needs, then run the test with -update.", got, want)
	}
	t.Run("EveryRouteForEveryRole", func(t *testing.T) { testEveryRouteForEveryRole(t, s, table) })
	t.Run("EveryRouteSignedOut", func(t *testing.T) { testEveryRouteSignedOut(t, s, table) })
}

func byPath(a, b string) int {
	cut := func(s string) string { method, path, _ := strings.Cut(s, " "); return path + " " + method }
	return strings.Compare(cut(a), cut(b))
}

// concrete is an address of a route that exists: what is asked for need not.
func concrete(pattern string) string {
	switch pattern {
	case "/tiles/":
		return "/tiles/grids/9/428/208.mvt"
	case "/":
		return "/index.html"
	}
	return strings.NewReplacer("{theme}", "light", "{lang}", "zh", "{level}", "towns", "{code}", "310151101000", "{id}", grids.NewID().String(), "{grant}", grids.NewID().String()).Replace(pattern)
}

// bodies are what a route has to be sent so that the request comes as far as it may. They change nothing, or nothing that matters.
var bodies = map[string]any{
	"POST /api/session":                    map[string]any{"name": "nobody", "password": "-", "purpose": "daily"},
	"POST /api/password":                   map[string]any{"old": "-", "new": "short"},
	"POST /api/purpose":                    map[string]any{"purpose": "gossip"},
	"POST /api/tokens":                     map[string]any{"name": "", "purpose": "daily", "rights": []string{"look"}, "scope": map[string]any{"level": "district", "code": ""}, "days": 1},
	"POST /api/view-as":                    map[string]any{"role": "nobody", "scope": map[string]any{"level": "district", "code": ""}},
	"POST /api/accounts":                   map[string]any{"name": "", "display": ""},
	"POST /api/accounts/{id}/grants":       map[string]any{"role": "nobody", "scope": map[string]any{"level": "district", "code": ""}},
	"POST /api/findings":                   map[string]any{"id": "7", "geometry": map[string]any{}, "kind": "", "confidence": 1, "source": "", "seen_at": "2026-05-01T00:00:00Z"},
	"POST /api/findings/{id}/withdraw":     map[string]any{},
	"POST /api/imports/{id}/commit":        map[string]any{},
	"POST /api/analysis/runs":              map[string]any{"id": "7", "request": map[string]any{"method": "augury"}},
	"POST /api/analysis/runs/{id}/cancel":  map[string]any{},
	"POST /api/analysis/runs/{id}/printed": map[string]any{"purpose": "", "form": "png"},
}

// ask sends a request to a route and returns its status and the sentence of a problem.
func (s *server) ask(t *testing.T, route string) (int, string) {
	t.Helper()
	method, pattern, _ := strings.Cut(route, " ")
	header := []string{"Content-Type", "application/json"}
	body := ""
	if b, ok := bodies[route]; ok {
		text, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		body = string(text)
	}
	if pattern == "/api/events" { // an open stream has no end: how it begins is enough
		return s.begins(t, concrete(pattern))
	}
	res, b := s.do(t, method, concrete(pattern), strings.NewReader(body), header...)
	var p struct{ Detail string }
	_ = json.Unmarshal(b, &p) // tiles are none
	return res.StatusCode, p.Detail
}

// begins is the status of an answer that does not end.
func (s *server) begins(t *testing.T, path string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.sign(req)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var p struct{ Detail string }
	if res.StatusCode != http.StatusOK {
		_ = json.NewDecoder(res.Body).Decode(&p) // the status is what counts
	}
	return res.StatusCode, p.Detail
}

// expectation is what the guard must do with a request.
type expectation string

const (
	through expectation = "let through"
	no      expectation = "403"
)

// expected says by the table of roles alone, not by the code under test, what a role must meet at a route.
func expected(need accounts.Need, role grids.RoleRules, way grids.Way) expectation {
	switch need {
	case accounts.Open, accounts.Self, accounts.SignedIn:
		return through
	case accounts.InPerson, accounts.Leaving:
		if way == grids.ByToken {
			return no
		}
		return through
	}
	person := need == "manage-accounts" || need == "view-as"
	if !slices.Contains(role.Rights, grids.Right(need)) || person && way == grids.ByToken {
		return no
	}
	return through
}

// guards are sentences by which the guard, and nothing behind it, refuses.
var guards = []string{"you do not have the right", "with a token", "this token does not have"}

func met(t *testing.T, s *server, route string) expectation {
	t.Helper()
	status, says := s.ask(t, route)
	refused := slices.ContainsFunc(guards, func(g string) bool { return strings.Contains(says, g) })
	method, _, _ := strings.Cut(route, " ")
	if status == http.StatusForbidden && (refused || method == "HEAD") {
		return no
	}
	if status == http.StatusUnauthorized && route != "POST /api/session" || status >= 500 || refused {
		return expectation(fmt.Sprint(status, " ", says))
	}
	return through
}

// own and foreign are two areas of every level.
var areas = map[grids.Level][2]grids.Code{
	grids.LevelDistrict: {"", ""},
	grids.LevelTowns:    {"310151101000", "310151102000"},
	grids.LevelVillages: {"310151101001", "310151102001"},
	grids.LevelGrids:    {"310151101W01", "310151102W01"},
}

func testEveryRouteForEveryRole(t *testing.T, s *server, table map[string]accounts.Need) {
	asked := 0
	for _, role := range grids.Roles() {
		for _, level := range role.Levels {
			for i, code := range areas[level] {
				if level == grids.LevelDistrict && i > 0 {
					continue
				}
				scope := grids.Scope{Level: level, Code: code}
				account := s.account(t, granted(role.Role, scope))
				token := slices.DeleteFunc(slices.Clone(role.Rights), grids.InPerson)
				for way, by := range map[grids.Way]*server{grids.BySession: s.sessionOf(t, account), grids.ByToken: s.tokenOf(t, account, token, grids.Scope{Level: grids.LevelDistrict})} {
					for route, need := range table {
						asked++
						if got, want := met(t, by, route), expected(need, role, way); got != want {
							t.Errorf("%s of %v by %s at %s (needs %s): %s, want %s", role.Role, scope, way, route, need, got, want)
						}
						if way == grids.BySession && need == accounts.Leaving { // it is over, or has another secret
							by = s.sessionOf(t, account)
						}
					}
				}
			}
		}
	}
	t.Logf("%d requests", asked)
}

func testEveryRouteSignedOut(t *testing.T, s *server, table map[string]accounts.Need) {
	text, _ := newSecret()
	for name, as := range map[string]string{"nobody": "", "an unknown session": "Cookie: wangge=" + text, "a cookie that is none": "Cookie: wangge=x", "an unknown token": "Authorization: Bearer wangge_pat_" + text,
		"a session as a token": "Authorization: Bearer " + text, "half a header": "Authorization: Basic", "two cookies": "Cookie: other=1; wangge="} {
		by := *s
		by.as = as
		for route, need := range table {
			status, says := by.ask(t, route)
			method, _, _ := strings.Cut(route, " ")
			malformed := name == "a session as a token" || name == "half a header"
			switch {
			case need == accounts.Open && (status == 401 || status == 403) && route != "POST /api/session":
				t.Errorf("%s at %s: %d %s, and it is open", name, route, status, says)
			case need != accounts.Open && (status != 401 && !(malformed && status == 400) || says == "" && method != "HEAD"):
				t.Errorf("%s at %s: %d %q, want 401 with a sentence", name, route, status, says)
			}
		}
	}
}
