package accounts

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humamux"
	"github.com/gorilla/mux"

	"wangge/geoserver/localpg/pgtest"
	"wangge/grids"
	"wangge/grids/postgis"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const (
	town    = "310151101000"
	village = "310151101001"
	other   = "310151102000"
)

// house is accounts on a real database, behind a router with their own routes, a tile, and a clock that a test sets.
type house struct {
	*httptest.Server
	accounts *Accounts
	store    *postgis.Store
	log      *bytes.Buffer
	ahead    atomic.Int64
	away     atomic.Bool
	looks    atomic.Int64

	mu    sync.Mutex
	stamp grids.Stamp
}

func (h *house) now() time.Time          { return time.Now().Add(time.Duration(h.ahead.Load())) }
func (h *house) advance(d time.Duration) { h.ahead.Add(int64(d)) }

// The house is the memory of its accounts, too.

func (h *house) Stamp() (grids.Stamp, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.stamp, !h.away.Load()
}

func (h *house) Look(ctx context.Context) error {
	h.looks.Add(1)
	v, err := h.store.Versions(ctx)
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil {
		h.stamp = grids.AccountsAt(v)
	}
	return err
}

func (h *house) K(grids.Class) int { return 7 }

func (h *house) Area(s grids.Scope) (string, grids.Place, bool) {
	switch s.Code {
	case town, other:
		return "镇", grids.Place{Town: s.Code}, s.Level == grids.LevelTowns
	case village:
		return "居委会", grids.Place{Town: town, Village: village}, s.Level == grids.LevelVillages
	}
	return "崇明区", grids.Place{}, s.Level == grids.LevelDistrict
}

func build(t testing.TB) *house {
	t.Helper()
	dsn := pgtest.Filled(t, "schema", func(dsn string) error {
		s, err := postgis.Open(context.Background(), dsn, grids.Chongming)
		if err == nil {
			s.Close()
		}
		return err
	})
	store, err := postgis.Open(context.Background(), dsn, grids.Chongming)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	h := &house{store: store, log: new(bytes.Buffer)}
	h.accounts = New(Options{Store: store, Memory: h, Address: func(r *http.Request) string { return r.Header.Get("X-Test-Address") }, Demo: true, Now: h.now,
		Log: slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	r := mux.NewRouter()
	looked := func(r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/tiles/") {
			return false
		}
		_ = h.Look(r.Context()) // a failed one is away
		return true
	}
	guard := func(route *mux.Route, need Need) {
		route.Handler(recorded(h.accounts.Guard(need, looked)(route.GetHandler())))
	}
	guard(r.PathPrefix("/tiles/").HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(ActorOf(r.Context())) // the client may be gone
	}), Need(grids.Look))
	guard(r.Path("/mark").HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery == "foreign" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}), Need(grids.Mark))
	h.accounts.Register(humamux.New(r, huma.DefaultConfig("test", "1"), humamux.WithRouteCustomizer(func(op *huma.Operation, route *mux.Route) { guard(route, NeedOf(op)) })))
	h.Server = httptest.NewServer(r)
	t.Cleanup(h.Close)
	return h
}

// recorder knows the status of an answer, as the server's own does.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) Status() int { return r.status }

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func recorded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(&recorder{ResponseWriter: w}, r) })
}

// client is one browser or program.
type client struct {
	h       *house
	cookie  string
	token   string // for Authorization, whole
	address string
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
	Detail string
}

func (c *client) do(t testing.TB, method, path string, body, into any) answer {
	t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(method, c.h.URL+path, bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Test-Address", c.address)
	req.Header.Set("User-Agent", "test browser")
	if c.cookie != "" {
		req.Header.Set("Cookie", "wangge="+c.cookie)
	}
	if c.token != "" {
		req.Header.Set("Authorization", c.token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	a := answer{status: res.StatusCode, header: res.Header}
	if a.body, err = io.ReadAll(res.Body); err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal(a.body, &a) // a problem, or not
	if into != nil && a.status < 300 {
		if err := json.Unmarshal(a.body, into); err != nil {
			t.Fatalf("%s %s: %v in %s", method, path, err, a.body)
		}
	}
	for _, set := range res.Cookies() {
		if set.Name == "wangge" {
			c.cookie = set.Value
		}
	}
	return a
}

// want fails when the status is another.
func (c *client) want(t testing.TB, status int, method, path string, body, into any) answer {
	t.Helper()
	a := c.do(t, method, path, body, into)
	if a.status != status {
		t.Fatalf("%s %s: %d, want %d: %s", method, path, a.status, status, a.body)
	}
	return a
}

func (h *house) client() *client { return &client{h: h, address: "192.0.2.1"} }

const pass = "four words of grass"

// person stores an account that has the password.
func (h *house) person(t testing.TB, name string, grants ...grids.Grant) grids.Account {
	t.Helper()
	hash, err := h.accounts.hasher.Hash(context.Background(), pass)
	if err != nil {
		t.Fatal(err)
	}
	a := grids.Account{ID: grids.NewID(), Name: name, Display: "Display of " + name, Grants: grants}
	if err := h.store.AddAccount(context.Background(), grids.Operator, a, hash); err != nil {
		t.Fatal(err)
	}
	return a
}

func give(role grids.Role, level grids.Level, code grids.Code) grids.Grant {
	return grids.Grant{ID: grids.NewID(), Role: role, Scope: grids.Scope{Level: level, Code: code}, From: time.Now().Add(-time.Hour)}
}

func signInBody(name, password string) map[string]any {
	return map[string]any{"name": name, "password": password, "purpose": "patrol"}
}

// signIn is a client who has signed in.
func (h *house) signIn(t testing.TB, name string) (*client, Me) {
	t.Helper()
	c := h.client()
	var me Me
	c.want(t, 200, "POST", "/api/session", signInBody(name, pass), &me)
	return c, me
}

func TestSigningInAndOut(t *testing.T) {
	h := build(t)
	h.person(t, "Wang.Li", give(grids.Patrol, grids.LevelTowns, town))
	c, me := h.signIn(t, "wang.li")
	if me.Account.Name != "Wang.Li" || me.Account.MustChange || len(me.Roles) != 1 || me.Roles[0].Role != grids.Patrol || me.Roles[0].Scope != (Area{grids.LevelTowns, town, "镇"}) || me.Roles[0].Title.ZH != "踏查队" ||
		len(me.Rights) != 3 || me.Class != grids.ClassField || me.K != 7 || me.Purpose != "patrol" || me.ByToken || me.ViewAs != nil || me.ExpiresAt.Sub(h.now()) < 167*time.Hour {
		t.Errorf("%+v", me)
	}
	a := c.want(t, 200, "GET", "/tiles/x", nil, nil)
	var actor grids.Actor
	if err := json.Unmarshal(a.body, &actor); err != nil || actor.Name != "Wang.Li" || actor.Way != grids.BySession || actor.Purpose != "patrol" || actor.Address != "192.0.2.1" || actor.Limits != nil {
		t.Errorf("%+v %v", actor, err)
	}
	// the cookie
	a = h.client().want(t, 200, "POST", "/api/session", signInBody("wang.li", pass), nil)
	if set := a.header.Get("Set-Cookie"); !strings.HasPrefix(set, "wangge=") || !strings.Contains(set, "; HttpOnly") || !strings.Contains(set, "; SameSite=Strict") || !strings.Contains(set, "; Path=/") ||
		strings.Contains(set, "Secure") || strings.Contains(set, "Domain") {
		t.Errorf("cookie %s", set)
	}
	h.accounts.o.Secure = true
	if made := h.accounts.cookie(newSecret()); made.Name != "__Host-wangge" || !made.Secure || made.Path != "/" || made.Domain != "" {
		t.Errorf("with TLS the cookie is %v", made)
	}
	h.accounts.o.Secure = false
	// a sign-in with a session takes its place
	was := *c
	c.want(t, 200, "POST", "/api/session", signInBody("wang.li", pass), nil)
	if was.cookie == c.cookie {
		t.Error("the secret of a new sign-in is the old one")
	}
	was.want(t, 401, "GET", "/tiles/x", nil, nil)
	// out
	kept := *c
	a = c.want(t, 204, "DELETE", "/api/session", nil, nil)
	if !strings.Contains(a.header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("the cookie stays: %v", a.header)
	}
	for _, path := range []string{"/tiles/x", "/api/session"} {
		kept.want(t, 401, "GET", path, nil, nil)
	}
	kept.want(t, 401, "DELETE", "/api/session", nil, nil)
	if log := h.log.String(); strings.Contains(log, pass) || strings.Contains(log, kept.cookie) {
		t.Error("the log holds a secret")
	}
}

func TestWrongPasswordsAreAllAlike(t *testing.T) {
	h := build(t)
	h.person(t, "wang.li")
	gone := h.person(t, "gone")
	h.person(t, "admin", give(grids.SystemAdmin, grids.LevelDistrict, ""))
	nobody := grids.Account{ID: grids.NewID(), Name: "elsewhere"} // has no password
	if err := h.store.AddAccount(t.Context(), grids.Operator, nobody, ""); err != nil {
		t.Fatal(err)
	}
	if err := h.store.SetDisabled(t.Context(), grids.Operator, gone.ID, true); err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	for _, try := range [][2]string{{"wang.li", "wrong"}, {"wang.li", ""}, {"nobody", pass}, {"elsewhere", ""}, {"elsewhere", pass}, {"gone", "wrong"}, {"", ""}, {strings.Repeat("x", 200), "x"}, {"a\x00b", "x"}} {
		a := h.client().want(t, 401, "POST", "/api/session", signInBody(try[0], try[1]), nil)
		said[a.Detail] = true
		if len(a.header["Set-Cookie"]) > 0 {
			t.Errorf("%v set a cookie", try)
		}
	}
	if len(said) != 1 {
		t.Errorf("the sentences are %v", said)
	}
	rows, err := h.store.Audit(t.Context(), grids.Operator, grids.AuditQuery{Action: "sign-in-refused", Limit: 100})
	if err != nil || len(rows) != 5 || !strings.Contains(string(rows[0].Detail), "gone") || rows[0].Actor != "server" {
		t.Errorf("the audit log has %+v (%v)", rows, err)
	}
	a := h.client().want(t, 403, "POST", "/api/session", signInBody("gone", pass), nil)
	if !strings.Contains(a.Detail, "disabled") {
		t.Errorf("%s", a.Detail)
	}
	c := h.client()
	c.want(t, 400, "POST", "/api/session", map[string]any{"name": "wang.li", "password": pass, "purpose": "gossip"}, nil)
}

func TestGuessingIsThrottled(t *testing.T) {
	h := build(t)
	h.person(t, "victim")
	h.person(t, "bystander")
	c := h.client()
	for range nameFree {
		c.want(t, 401, "POST", "/api/session", signInBody("victim", "wrong"), nil)
	}
	c.want(t, 401, "POST", "/api/session", signInBody("VICTIM", "wrong"), nil) // the last before a wait
	a := c.want(t, 429, "POST", "/api/session", signInBody("victim", pass), nil)
	if a.header.Get("Retry-After") != "2" && a.header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
	}
	elsewhere := h.client()
	elsewhere.address = "198.51.100.9"
	elsewhere.want(t, 429, "POST", "/api/session", signInBody("victim", pass), nil)
	elsewhere.want(t, 200, "POST", "/api/session", signInBody("bystander", pass), nil)
	for range nameFree + 3 { // who knows the password never waits
		elsewhere.want(t, 200, "POST", "/api/session", signInBody("bystander", pass), nil)
	}
	h.advance(longestName)
	c.want(t, 200, "POST", "/api/session", signInBody("victim", pass), nil) // nobody is locked out for good
	// one address with many names
	for i := range addressFree + 2 {
		if a := c.do(t, "POST", "/api/session", signInBody(strings.Repeat("x", i+2), "wrong"), nil); a.status == 429 {
			if i < addressFree-nameFree-2 {
				t.Errorf("after %d names the address waits already", i)
			}
			return
		}
	}
	t.Error("an address can try names without end")
}

func TestAFirstPasswordMustBeChanged(t *testing.T) {
	h := build(t)
	made, err := h.accounts.First(t.Context(), false)
	if err != nil || made.Name != "admin" || made.Password == "" || len(made.Demo) > 0 {
		t.Fatalf("%+v %v", made, err)
	}
	if again, err := h.accounts.First(t.Context(), true); err != nil || again.Name != "" || len(again.Demo) > 0 {
		t.Fatalf("a second start made %+v (%v)", again, err)
	}
	c, there := h.client(), h.client()
	var me Me
	there.want(t, 200, "POST", "/api/session", signInBody("admin", made.Password), nil)
	c.want(t, 200, "POST", "/api/session", signInBody("admin", made.Password), &me)
	if !me.Account.MustChange {
		t.Errorf("%+v", me)
	}
	for _, path := range []string{"/tiles/x", "/api/accounts", "/api/tokens", "/api/sessions"} {
		if a := c.want(t, 403, "GET", path, nil, nil); !strings.Contains(a.Detail, "change your password first") {
			t.Errorf("%s: %s", path, a.Detail)
		}
	}
	c.want(t, 200, "GET", "/api/session", nil, nil)
	change := func(old, next string) map[string]any { return map[string]any{"old": old, "new": next} }
	c.want(t, 400, "POST", "/api/password", change(made.Password, "kurz"), nil)
	c.want(t, 400, "POST", "/api/password", change(made.Password, made.Password), nil)
	c.want(t, 401, "POST", "/api/password", change("wrong", pass), nil)
	was := *c
	c.want(t, 200, "POST", "/api/password", change(made.Password, pass), &me)
	if me.Account.MustChange || c.cookie == was.cookie {
		t.Errorf("%+v, a new secret: %v", me, c.cookie != was.cookie)
	}
	c.want(t, 200, "GET", "/api/accounts", nil, nil)
	was.want(t, 401, "GET", "/api/session", nil, nil)
	there.want(t, 401, "GET", "/api/session", nil, nil)
	h.client().want(t, 401, "POST", "/api/session", signInBody("admin", made.Password), nil)
	h.client().want(t, 200, "POST", "/api/session", signInBody("admin", pass), nil)
}

func TestOwnSessions(t *testing.T) {
	h := build(t)
	h.person(t, "wang.li")
	h.person(t, "stranger")
	a, _ := h.signIn(t, "wang.li")
	b, _ := h.signIn(t, "wang.li")
	c, _ := h.signIn(t, "stranger")
	var list Sessions
	a.want(t, 200, "GET", "/api/sessions", nil, &list)
	if len(list.Sessions) != 2 || list.Sessions[0].Current || !list.Sessions[1].Current || list.Sessions[0].Agent != "test browser" || list.Sessions[0].Address != "192.0.2.1" || list.Sessions[0].Purpose != "patrol" {
		t.Fatalf("%+v", list)
	}
	c.want(t, 404, "DELETE", "/api/sessions/"+list.Sessions[0].ID, nil, nil)
	a.want(t, 204, "DELETE", "/api/sessions/"+list.Sessions[0].ID, nil, nil)
	b.want(t, 401, "GET", "/api/session", nil, nil)
	var me Me
	a.want(t, 400, "POST", "/api/purpose", map[string]any{"purpose": "gossip"}, nil)
	a.want(t, 200, "POST", "/api/purpose", map[string]any{"purpose": "verify"}, &me)
	if me.Purpose != "verify" {
		t.Errorf("%+v", me)
	}
	if a.want(t, 200, "GET", "/api/session", nil, &me); me.Purpose != "verify" {
		t.Errorf("%+v", me)
	}
	b, _ = h.signIn(t, "wang.li")
	kept := *a
	a.want(t, 204, "DELETE", "/api/sessions", nil, nil)
	kept.want(t, 401, "GET", "/api/session", nil, nil)
	b.want(t, 401, "GET", "/api/session", nil, nil)
	c.want(t, 200, "GET", "/api/session", nil, nil)
}

func TestSessionsEndWithTime(t *testing.T) {
	h := build(t)
	h.person(t, "wang.li", give(grids.Volunteer, grids.LevelDistrict, ""))
	c, _ := h.signIn(t, "wang.li")
	h.advance(grids.SessionIdle - time.Minute)
	c.want(t, 200, "GET", "/tiles/x", nil, nil)
	h.used(t, func(at time.Time) bool { return h.now().Sub(at) < time.Minute })
	h.advance(grids.SessionIdle - time.Minute)
	c.want(t, 200, "GET", "/tiles/x", nil, nil)
	h.advance(grids.SessionIdle)
	if a := c.want(t, 401, "GET", "/tiles/x", nil, nil); !strings.Contains(a.Detail, "signed out") {
		t.Errorf("%s", a.Detail)
	}
	// in use all the time it ends after a week
	c, _ = h.signIn(t, "wang.li")
	for end := h.now().Add(grids.SessionLife); h.now().Add(7 * time.Hour).Before(end); h.advance(7 * time.Hour) {
		c.want(t, 200, "GET", "/tiles/x", nil, nil)
		h.used(t, func(at time.Time) bool { return h.now().Sub(at) < time.Hour })
	}
	h.advance(7 * time.Hour)
	c.want(t, 401, "GET", "/tiles/x", nil, nil)
}

// used waits until a session's last use is stored.
func (h *house) used(t *testing.T, is func(time.Time) bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		list, err := h.store.Accounts(t.Context())
		if err == nil && is(list[0].LastSeen) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the use was not noted: %+v %v", list, err)
		}
	}
}

// What an administrator changes holds from the next request on, for sessions and tokens, and what time changes, too.
func TestARightThatIsTakenIsGoneAtOnce(t *testing.T) {
	h := build(t)
	h.person(t, "admin", give(grids.SystemAdmin, grids.LevelDistrict, ""))
	soon, later := give(grids.Patrol, grids.LevelTowns, town), give(grids.Patrol, grids.LevelTowns, town)
	soon.Until = h.now().Add(time.Hour)
	later.From = h.now().Add(2 * time.Hour)
	a := h.person(t, "patrol", soon, later)
	admin, _ := h.signIn(t, "admin")
	c, _ := h.signIn(t, "patrol")
	var made MadeToken
	c.want(t, 201, "POST", "/api/tokens", tokenBody("look", "mark"), &made)
	token := &client{h: h, token: "Bearer " + made.Token}
	both := func(status int) {
		t.Helper()
		c.want(t, status, "GET", "/tiles/x", nil, nil)
		token.want(t, status, "GET", "/tiles/x", nil, nil)
		want := status
		if status == 200 {
			want = 204
		}
		c.want(t, want, "POST", "/mark", nil, nil)
		token.want(t, want, "POST", "/mark", nil, nil)
	}
	both(200)
	h.advance(time.Hour)
	both(403)
	h.advance(time.Hour)
	both(200)
	admin.want(t, 204, "DELETE", "/api/accounts/"+a.ID.String()+"/grants/"+later.ID.String(), nil, nil)
	both(403)
	var g Grant
	admin.want(t, 201, "POST", "/api/accounts/"+a.ID.String()+"/grants", map[string]any{"role": "patrol", "scope": map[string]any{"level": "villages", "code": village}}, &g)
	if g.Scope.Name != "居委会" {
		t.Errorf("%+v", g)
	}
	both(200)
	admin.want(t, 204, "POST", "/api/accounts/"+a.ID.String()+"/disable", nil, nil)
	both(401)
	h.client().want(t, 403, "POST", "/api/session", signInBody("patrol", pass), nil)
	admin.want(t, 204, "POST", "/api/accounts/"+a.ID.String()+"/enable", nil, nil)
	c, _ = h.signIn(t, "patrol")
	both(200)
	admin.want(t, 204, "POST", "/api/accounts/"+a.ID.String()+"/sign-out", nil, nil)
	c.want(t, 401, "GET", "/tiles/x", nil, nil)
	token.want(t, 200, "GET", "/tiles/x", nil, nil)
	var reset NewPassword
	admin.want(t, 200, "POST", "/api/accounts/"+a.ID.String()+"/reset", nil, &reset)
	token.want(t, 403, "GET", "/tiles/x", nil, nil)
	h.client().want(t, 401, "POST", "/api/session", signInBody("patrol", pass), nil)
	h.client().want(t, 200, "POST", "/api/session", signInBody("patrol", reset.Password), nil)
}

func tokenBody(rights ...string) map[string]any {
	return map[string]any{"name": "QGIS", "purpose": "analysis", "rights": rights, "scope": map[string]any{"level": "towns", "code": town}, "days": 30}
}
