package oidc

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"wangge/geoserver/gate"
	"wangge/grids"
)

// accounts knows one subject, and remembers who was signed in.
type accounts struct {
	subject string
	got     []Identity
}

func (a *accounts) SignInIdentity(_ context.Context, w http.ResponseWriter, _ *http.Request, id Identity) error {
	if id.Subject != a.subject {
		return id.Unknown()
	}
	a.got = append(a.got, id)
	http.SetCookie(w, &http.Cookie{Name: "__Host-wangge", Value: "in", Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	return nil
}

// house is the map's server with its sign-in services, as TLS.
type house struct {
	*httptest.Server
	accounts *accounts
	client   *Client
}

func newHouse(t *testing.T, providers ...Provider) *house {
	t.Helper()
	h := &house{accounts: &accounts{subject: "248289761001"}}
	log := slog.New(slog.DiscardHandler)
	var err error
	if h.client, err = New(providers, h.accounts, log); err != nil {
		t.Fatal(err)
	}
	g, err := gate.New(gate.Settings{Log: log})
	if err != nil {
		t.Fatal(err)
	}
	faults := gate.Faults{Log: log}
	mux := http.NewServeMux()
	mux.Handle("GET /api/oidc/{provider}/start", faults.Plain(func(w http.ResponseWriter, r *http.Request) error {
		return h.client.Start(w, r, r.PathValue("provider"))
	}))
	mux.Handle("GET /api/oidc/{provider}/callback", faults.Plain(func(w http.ResponseWriter, r *http.Request) error {
		return h.client.Callback(w, r, r.PathValue("provider"))
	}))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "the map") })
	h.Server = httptest.NewTLSServer(g.Handler(mux))
	t.Cleanup(h.Close)
	return h
}

// browser is a browser that knows the house and the services; it follows no redirect by itself.
type browser struct {
	*http.Client
	t *testing.T
}

func newBrowser(t *testing.T, h *house, services ...*signIn) *browser {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(h.Certificate())
	for _, s := range services {
		roots.AddCert(s.Certificate())
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig.RootCAs = roots
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{&http.Client{Transport: transport, Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, t}
}

// open opens an address and returns status, where it leads to, and the text.
func (b *browser) open(address string) (status int, to, text string) {
	b.t.Helper()
	res, err := b.Get(address)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return res.StatusCode, res.Header.Get("Location"), string(body)
}

// leave goes as far as the answer of the service, and returns the address of the way back.
func (b *browser) leave(h *house, provider string) string {
	b.t.Helper()
	status, to, text := b.open(h.URL + "/api/oidc/" + provider + "/start")
	if status != http.StatusFound {
		b.t.Fatalf("start: %d %s", status, text)
	}
	status, back, text := b.open(to)
	if status != http.StatusFound {
		b.t.Fatalf("the service: %d %s", status, text)
	}
	return back
}

func TestSigningIn(t *testing.T) {
	s := newSignIn(t)
	h := newHouse(t, s.provider(t, "district"))
	b := newBrowser(t, h, s)
	res, err := b.Get(h.URL + "/api/oidc/district/start?redirect_uri=https://evil.example/&next=//evil.example")
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	cookie := res.Cookies()[0]
	if cookie.Name != "__Host-wangge-oidc" || !cookie.HttpOnly || !cookie.Secure || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" || cookie.MaxAge != 600 {
		t.Errorf("cookie %+v", cookie)
	}
	to, err := url.Parse(res.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	q := to.Query()
	if !strings.HasPrefix(to.String(), s.URL+"/authorize?") || q.Get("redirect_uri") != h.URL+"/api/oidc/district/callback" || q.Get("scope") != "openid profile" || q.Get("code_challenge_method") != "S256" ||
		len(q.Get("state")) < 26 || len(q.Get("nonce")) < 26 || strings.Contains(to.String(), "evil") || strings.Contains(to.String(), "hush") {
		t.Errorf("sent to %s", to)
	}
	status, back, _ := b.open(to.String())
	if status != http.StatusFound {
		t.Fatal(status)
	}
	status, then, text := b.open(back + "&redirect_uri=https://evil.example/&next=//evil.example")
	if status != http.StatusFound || then != "/" {
		t.Errorf("the way back: %d to %q: %s", status, then, text)
	}
	want := Identity{Provider: "district", Title: s.provider(t, "district").Title, Issuer: s.URL, Subject: "248289761001", Name: "duty-officer"}
	if len(h.accounts.got) != 1 || h.accounts.got[0] != want {
		t.Errorf("signed in %+v, want %+v", h.accounts.got, want)
	}
	at, _ := url.Parse(h.URL)
	if names := b.Jar.Cookies(at); len(names) != 1 || names[0].Name != "__Host-wangge" {
		t.Errorf("cookies afterwards: %v", names)
	}
	s.subject = "somebody-else"
	if status, _, text := b.open(b.leave(h, "district")); status != http.StatusForbidden || !strings.Contains(text, "system administrator") || !strings.Contains(text, "somebody-else") {
		t.Errorf("somebody unknown: %d %s", status, text)
	}
	if s.asked != 1 {
		t.Errorf("the service was asked about itself %d times", s.asked)
	}
}

// Whatever is wrong with an answer, nobody is signed in, and the client is not told what.
func TestAttacksByTheAnswer(t *testing.T) {
	for name, attack := range map[string]func(t *testing.T, s *signIn, h *house, b *browser) string{
		"another state": func(_ *testing.T, _ *signIn, h *house, b *browser) string {
			return with(b.leave(h, "district"), "state", "x")
		},
		"no state": func(_ *testing.T, _ *signIn, h *house, b *browser) string {
			return with(b.leave(h, "district"), "state")
		},
		"two states": func(_ *testing.T, _ *signIn, h *house, b *browser) string {
			return b.leave(h, "district") + "&state=x"
		},
		"the answer to another browser": func(t *testing.T, s *signIn, h *house, _ *browser) string {
			return newBrowser(t, h, s).leave(h, "district") // sign-in as the attacker
		},
		"the state of another browser with one's own code": func(t *testing.T, s *signIn, h *house, b *browser) string {
			other := newBrowser(t, h, s).leave(h, "district")
			return with(b.leave(h, "district"), "code", valueOf(other, "code")) // PKCE: another verifier
		},
		"no code": func(_ *testing.T, _ *signIn, h *house, b *browser) string {
			return with(b.leave(h, "district"), "code")
		},
		"two codes": func(_ *testing.T, _ *signIn, h *house, b *browser) string { return b.leave(h, "district") + "&code=x" },
		"a code made up": func(_ *testing.T, _ *signIn, h *house, b *browser) string {
			return with(b.leave(h, "district"), "code", "x")
		},
		"another issuer says": func(_ *testing.T, _ *signIn, h *house, b *browser) string {
			return with(b.leave(h, "district"), "iss", "https://evil.example")
		},
		"no issuer says": func(_ *testing.T, _ *signIn, h *house, b *browser) string { return with(b.leave(h, "district"), "iss") },
		"the service refuses": func(_ *testing.T, _ *signIn, h *house, b *browser) string {
			return b.leave(h, "district") + "&error=access_denied&error_description=%3Cscript%3E"
		},
		"a verifier that is not the challenge's": func(_ *testing.T, s *signIn, h *house, b *browser) string {
			back := b.leave(h, "district")
			s.codes[valueOf(back, "code")].Set("code_challenge", "x")
			return back
		},
		"the callback of another service": func(_ *testing.T, _ *signIn, h *house, b *browser) string {
			return strings.Replace(b.leave(h, "district"), "/district/", "/city/", 1)
		},
		"a late answer": func(t *testing.T, _ *signIn, h *house, b *browser) string {
			back := b.leave(h, "district")
			b.age(t, h)
			return back
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, city := newSignIn(t), newSignIn(t)
			h := newHouse(t, s.provider(t, "district"), city.provider(t, "city"))
			b := newBrowser(t, h, s, city)
			status, to, text := b.open(attack(t, s, h, b))
			if status != http.StatusForbidden || to != "" || len(h.accounts.got) != 0 || strings.Contains(text, "script") || strings.Contains(text, "invalid_grant") {
				t.Errorf("%d to %q: %s; signed in %v", status, to, text, h.accounts.got)
			}
			if name == "the callback of another service" && !strings.Contains(text, "does not belong") {
				t.Errorf("the code went to the wrong service: %s", text)
			}
			at, _ := url.Parse(h.URL)
			if left := b.Jar.Cookies(at); len(left) != 0 {
				t.Errorf("the attempt may be tried again: %v", left)
			}
		})
	}
}

// A token that is wrong in one thing is not believed, though all else is right.
func TestAttacksByTheToken(t *testing.T) {
	claim := func(name string, value any) func(*signIn) {
		return func(s *signIn) {
			s.bend = func(_, claims map[string]any) {
				if claims[name] = value; value == nil {
					delete(claims, name)
				}
			}
		}
	}
	for name, bend := range map[string]func(*signIn){
		"another nonce":               claim("nonce", "x"),
		"no nonce":                    claim("nonce", nil),
		"another audience":            claim("aud", "somebody"),
		"more audiences and no party": claim("aud", []string{"wangge", "somebody"}),
		"another party":               claim("azp", "somebody"),
		"another issuer":              claim("iss", "https://evil.example"),
		"expired":                     claim("exp", time.Now().Add(-time.Minute).Unix()),
		"no expiry":                   claim("exp", nil),
		"not yet":                     claim("nbf", time.Now().Add(time.Hour).Unix()),
		"nobody":                      claim("sub", ""),
		"somebody without end":        claim("sub", strings.Repeat("x", 300)),
		"no signature": func(s *signIn) {
			s.sign = func(h, c map[string]any) string { h["alg"] = "none"; return unsigned(h, c) + "." }
		},
		"no signature, in capitals": func(s *signIn) {
			s.sign = func(h, c map[string]any) string { h["alg"] = "NONE"; return unsigned(h, c) + "." }
		},
		"a signature with the secret": func(s *signIn) { s.sign = func(h, c map[string]any) string { return hs256(h, c, []byte("hush")) } },
		"a signature with the public key": func(s *signIn) {
			s.sign = func(h, c map[string]any) string { return hs256(h, c, x509.MarshalPKCS1PublicKey(&s.key.PublicKey)) }
		},
		"a signature of something else": func(s *signIn) {
			s.sign = func(h, c map[string]any) string {
				t := s.rs256(h, c)
				c["sub"] = "248289761001"
				c["x"] = 1
				return unsigned(h, c) + t[strings.LastIndex(t, "."):]
			}
		},
		"a signature of a key of one's own":  func(s *signIn) { own := *s; own.key = strangersKey; s.sign = own.rs256 },
		"no token":                           func(s *signIn) { s.sign = func(_, _ map[string]any) string { return "" } },
		"no token at all":                    func(s *signIn) { s.sign = func(_, _ map[string]any) string { return "x.y" } },
		"a token of another service's issue": func(s *signIn) { s.answer = func(q url.Values) { q.Set("iss", "https://other.example") } },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSignIn(t)
			bend(s)
			h := newHouse(t, s.provider(t, "district"))
			b := newBrowser(t, h, s)
			if status, to, text := b.open(b.leave(h, "district")); status != http.StatusForbidden || to != "" || len(h.accounts.got) != 0 || !strings.Contains(text, "could not be trusted") {
				t.Errorf("%d to %q: %s; signed in %v", status, to, text, h.accounts.got)
			}
		})
	}
}

// An answer is good once: neither the browser nor somebody who copied its cookie can use it again.
func TestAnAnswerIsGoodOnce(t *testing.T) {
	s := newSignIn(t)
	h := newHouse(t, s.provider(t, "district"))
	b := newBrowser(t, h, s)
	back := b.leave(h, "district")
	at, _ := url.Parse(h.URL)
	copied := b.Jar.Cookies(at)
	if status, _, text := b.open(back); status != http.StatusFound {
		t.Fatal(status, text)
	}
	if status, _, _ := b.open(back); status != http.StatusForbidden {
		t.Errorf("again: %d", status)
	}
	thief := newBrowser(t, h, s)
	for _, c := range copied { // a jar gives names and values only
		c.Secure, c.Path = true, "/"
	}
	thief.Jar.SetCookies(at, copied)
	if status, _, text := thief.open(back); status != http.StatusForbidden || !strings.Contains(text, "could not be trusted") {
		t.Errorf("with the cookie copied: %d %s", status, text)
	}
	if len(h.accounts.got) != 1 {
		t.Errorf("signed in %d times", len(h.accounts.got))
	}
}

// A service that turns its people over to another one (mix-up): the answer carries the right state, but was begun for another service.
func TestAMixUpOfServices(t *testing.T) {
	honest, evil := newSignIn(t), newSignIn(t)
	evil.says = func(about map[string]any) { // it sends people on to the honest one, and takes the code itself
		about["authorization_endpoint"] = honest.URL + "/authorize"
		delete(about, "authorization_response_iss_parameter_supported")
	}
	stolen := 0
	evil.sign = func(h, c map[string]any) string { stolen++; return evil.rs256(h, c) }
	h := newHouse(t, honest.provider(t, "honest"), evil.provider(t, "evil"))
	b := newBrowser(t, h, honest, evil)
	if status, _, _ := b.open(b.leave(h, "evil")); status != http.StatusForbidden || len(h.accounts.got) != 0 || stolen != 0 {
		t.Errorf("%d, %d signed in, %d codes sent to the wrong service", status, len(h.accounts.got), stolen)
	}
}

func TestNamesAreVouchedFor(t *testing.T) {
	s := newSignIn(t)
	p := s.provider(t, "district")
	p.NameClaim, p.MatchName, p.Register = "email", true, true
	h := newHouse(t, p)
	b := newBrowser(t, h, s)
	for _, c := range []struct {
		verified any
		name     string
	}{{nil, ""}, {false, ""}, {"true", ""}, {true, "duty@example.org"}} {
		s.bend = func(_, claims map[string]any) { claims["email_verified"] = c.verified }
		if status, _, text := b.open(b.leave(h, "district")); status != http.StatusFound {
			t.Fatal(status, text)
		}
		if got := h.accounts.got[len(h.accounts.got)-1]; got.Name != c.name || !got.MatchName || !got.Register {
			t.Errorf("verified %v: %+v", c.verified, got)
		}
	}
}

// A service that is away is said to be, and asked again later; one that moves its addresses to plain HTTP is not used.
func TestServicesThatCannotBeUsed(t *testing.T) {
	for name, bend := range map[string]func(*signIn){
		"away":          func(s *signIn) { s.Config.Handler = http.NotFoundHandler() },
		"not itself":    func(s *signIn) { s.says = func(a map[string]any) { a["issuer"] = "https://evil.example" } },
		"plain tokens":  func(s *signIn) { s.says = func(a map[string]any) { a["token_endpoint"] = "http://127.0.0.1/token" } },
		"plain keys":    func(s *signIn) { s.says = func(a map[string]any) { a["jwks_uri"] = "http://127.0.0.1/keys" } },
		"plain sign-in": func(s *signIn) { s.says = func(a map[string]any) { a["authorization_endpoint"] = "http://127.0.0.1/" } },
		"endless":       func(s *signIn) { s.says = func(a map[string]any) { a["x"] = strings.Repeat("x", 2*mostAnswer) } },
		"a redirect": func(s *signIn) {
			s.Config.Handler = http.RedirectHandler("https://evil.example/", http.StatusTemporaryRedirect)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSignIn(t)
			bend(s)
			h := newHouse(t, s.provider(t, "district"))
			b := newBrowser(t, h, s)
			for range 2 {
				if status, to, text := b.open(h.URL + "/api/oidc/district/start"); status != http.StatusServiceUnavailable || to != "" || !strings.Contains(text, "the district's sign-in") {
					t.Errorf("%d to %q: %s", status, to, text)
				}
			}
		})
	}
	h := newHouse(t)
	if status, _, _ := newBrowser(t, h).open(h.URL + "/api/oidc/none/start"); status != http.StatusNotFound {
		t.Errorf("a service that is not there: %d", status)
	}
	if list := h.client.Providers(); list == nil || len(list) != 0 {
		t.Errorf("no services: %#v", list)
	}
}

func TestReadProviders(t *testing.T) {
	const good = `{"id":"district","title":{"zh":"统一认证","en":"District"},"issuer":"https://id.example.org","client_id":"wangge"}`
	list, err := ReadProviders(strings.NewReader("[" + good + "]"))
	if err != nil || len(list) != 1 || list[0].ID != "district" {
		t.Fatalf("%+v %v", list, err)
	}
	for name, text := range map[string]string{
		"a secret in the file": "[" + strings.Replace(good, `"id"`, `"client_secret":"hush","id"`, 1) + "]",
		"plain HTTP":           "[" + strings.Replace(good, "https:", "http:", 1) + "]",
		"a query":              "[" + strings.Replace(good, "example.org", "example.org/?x", 1) + "]",
		"an id with a slash":   "[" + strings.Replace(good, `"district"`, `"a/b"`, 1) + "]",
		"no client":            "[" + strings.Replace(good, `"wangge"`, `""`, 1) + "]",
		"one language":         "[" + strings.Replace(good, "统一认证", "", 1) + "]",
		"two secrets":          "[" + strings.Replace(good, `"id"`, `"client_secret_file":"a","client_secret_env":"b","id"`, 1) + "]",
		"a name of nothing":    "[" + strings.Replace(good, `"id"`, `"match_name":true,"id"`, 1) + "]",
		"twice":                "[" + good + "," + good + "]",
		"no list":              good,
	} {
		if _, err := ReadProviders(strings.NewReader(text)); grids.KindOf(err) != grids.Invalid || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Setenv("WANGGE_TEST_SECRET", "hush")
	dir := t.TempDir()
	empty := filepath.Join(dir, "no.pem")
	if err := os.WriteFile(empty, pem.EncodeToMemory(&pem.Block{Type: "X"}), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		change func(*Provider)
		ok     bool
		secret string
	}{
		{func(p *Provider) { p.SecretEnv = "WANGGE_TEST_SECRET" }, true, "hush"}, {func(*Provider) {}, true, ""},
		{func(p *Provider) { p.SecretEnv = "WANGGE_TEST_NONE" }, false, ""}, {func(p *Provider) { p.SecretFile = filepath.Join(dir, "none") }, false, ""}, {func(p *Provider) { p.CAFile = empty }, false, ""},
	} {
		p := list[0]
		c.change(&p)
		s, err := newService(p)
		if (err == nil) != c.ok || err != nil && grids.KindOf(err) != grids.Invalid || err == nil && s.secret != c.secret {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

// FuzzAttempt reads cookies that anybody may have written.
func FuzzAttempt(f *testing.F) {
	f.Add(attempt{"district", "s", "n", "v", time.Unix(1<<34, 0)}.text())
	f.Add("")
	f.Add("YSBiIGMgZCBl")
	f.Fuzz(func(t *testing.T, value string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["Cookie"] = []string{"wangge-oidc=" + value}
		a, ok := readAttempt(r)
		if ok && (slices.Contains([]string{a.state, a.nonce, a.verifier}, "") || !a.until.After(time.Now())) {
			t.Errorf("%q is taken as %+v", value, a)
		}
	})
}
