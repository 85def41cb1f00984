package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"wangge/geoserver/accounts"
	"wangge/grids"
)

// everything is what a token can be given at most.
var everything = []grids.Right{grids.Look, grids.LookExact, grids.Mark, grids.Export, grids.Analyse, grids.Import, grids.CheckTerritory, grids.ReadAudit, grids.Operate}

// granted is a role in an area, since yesterday.
func granted(role grids.Role, scope grids.Scope) grids.Grant {
	return grids.Grant{ID: grids.NewID(), Role: role, Scope: scope, From: time.Now().Add(-24 * time.Hour)}
}

// everyRole is roles that have everything together, in the whole district.
func everyRole() (list []grids.Grant) {
	for _, role := range []grids.Role{grids.Commander, grids.GridAdmin, grids.Auditor, grids.SystemAdmin} {
		list = append(list, granted(role, grids.Scope{Level: grids.LevelDistrict}))
	}
	return list
}

// account stores an account that nobody knows a password of.
func (s *server) account(t *testing.T, grants ...grids.Grant) grids.Account {
	t.Helper()
	id := grids.NewID()
	a := grids.Account{ID: id, Name: "test-" + id.String(), Grants: grants}
	if err := s.store.AddAccount(t.Context(), grids.Operator, a, ""); err != nil {
		t.Fatal(err)
	}
	return a
}

// newSecret is a secret, and as the store keeps it.
func newSecret() (text string, hash [32]byte) {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:]), sha256.Sum256(b[:])
}

// sessionOf is the server for an account, by a session.
func (s *server) sessionOf(t *testing.T, a grids.Account) *server {
	t.Helper()
	text, hash := newSecret()
	now := time.Now()
	n := grids.Session{ID: grids.NewID(), Account: a.ID, BegunAt: now, UsedAt: now, EndsAt: now.Add(grids.SessionLife), Address: "127.0.0.1", Agent: "test", Purpose: "daily"}
	if err := s.store.BeginSession(t.Context(), grids.Operator, "sign-in", n, hash, nil); err != nil {
		t.Fatal(err)
	}
	by := *s
	by.as = "Cookie: wangge=" + text
	return &by
}

// byToken is the server for somebody with the actor's grants, by a token with rights in the whole district.
func (s *server) byToken(t *testing.T, rights []grids.Right, actor grids.Actor) *server {
	t.Helper()
	return s.tokenOf(t, s.account(t, actor.Grants...), rights, grids.Scope{Level: grids.LevelDistrict})
}

func (s *server) tokenOf(t *testing.T, a grids.Account, rights []grids.Right, scope grids.Scope) *server {
	t.Helper()
	text, hash := newSecret()
	now := time.Now()
	n := grids.Token{ID: grids.NewID(), Account: a.ID, Name: "test", Rights: rights, Scope: scope, Purpose: "daily", MadeAt: now, ExpiresAt: now.Add(24 * time.Hour)}
	if err := s.store.AddToken(t.Context(), grids.Operator, n, hash); err != nil {
		t.Fatal(err)
	}
	by := *s
	by.as = "Authorization: Bearer wangge_pat_" + text
	return &by
}

// sign puts into a request who it is from, unless it says so itself.
func (s *server) sign(req *http.Request) {
	name, value, _ := strings.Cut(s.as, ": ")
	if s.as != "" && req.Header.Get("Authorization") == "" && req.Header.Get("Cookie") == "" {
		req.Header.Set(name, value)
	}
}

// urlWithToken is an address of the server with its token, which clients send.
func (s *server) urlWithToken(url string) string {
	return strings.Replace(url, "://", "://test:"+strings.TrimPrefix(s.as, "Authorization: Bearer ")+"@", 1)
}

// signFromURL does what an http.Client does with the token in an address, for those who send a request without one.
func signFromURL(req *http.Request) {
	if password, ok := req.URL.User.Password(); ok {
		req.SetBasicAuth(req.URL.User.Username(), password)
	}
}

// post sends JSON as a browser with that cookie would, and reads the answer into a value; cookie is "" for none.
func post(t *testing.T, url, cookie string, body, into any) *http.Response {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest("POST", url, bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if cookie != "" {
		req.Header.Set("Cookie", cookie)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		t.Fatalf("%s: %d %v", url, res.StatusCode, err)
	}
	return res
}

// signInDemo signs in as the demo's account of a role, makes a token, and returns the address with the token in it.
func signInDemo(t *testing.T, url string, role grids.Role, rights ...grids.Right) string {
	t.Helper()
	var me struct{ Detail string }
	res := post(t, url+"/api/session", "", map[string]any{"name": role, "password": accounts.DemoPassword, "purpose": "other"}, &me)
	if res.StatusCode != http.StatusOK {
		t.Fatalf("the demo's %s could not sign in: %d %s", role, res.StatusCode, me.Detail)
	}
	cookie, _, _ := strings.Cut(res.Header.Get("Set-Cookie"), ";")
	var made struct{ Token, Detail string }
	res = post(t, url+"/api/tokens", cookie, map[string]any{"name": "test", "purpose": "other", "rights": rights, "scope": map[string]any{"level": "district", "code": ""}, "days": 1}, &made)
	if res.StatusCode != http.StatusCreated || made.Token == "" {
		t.Fatalf("no token: %d %s", res.StatusCode, made.Detail)
	}
	return strings.Replace(url, "://", "://demo:"+made.Token+"@", 1)
}

// A stream of events tells nothing more to one who may not look any more: it ends with the change that took the right away.
func TestAStreamEndsWithTheRight(t *testing.T) {
	s := newServer(t)
	s.account(t, granted(grids.SystemAdmin, grids.Scope{Level: grids.LevelDistrict}))
	a := s.account(t, granted(grids.Volunteer, grids.Scope{Level: grids.LevelDistrict}))
	events := s.sessionOf(t, a).listen(t, "")
	stays := s.sessionOf(t, s.account(t, granted(grids.Volunteer, grids.Scope{Level: grids.LevelDistrict}))).listen(t, "")
	if err := s.store.SetDisabled(t.Context(), grids.Operator, a.ID, true); err != nil {
		t.Fatal(err)
	}
	s.markAt(t, 121.41, 31.65)
	said := ""
	for events.lines.Scan() { // it ends
		said += events.lines.Text() + "\n"
	}
	if strings.Contains(said, "bounds") {
		t.Errorf("the stream went on:\n%s", said)
	}
	for stays.lines.Scan() {
		if strings.Contains(stays.lines.Text(), "bounds") {
			return
		}
	}
	t.Error("another's stream ended, too")
}
