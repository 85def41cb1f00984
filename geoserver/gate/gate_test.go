package gate

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"wangge/grids"
)

// made is a gate for tests.
func made(t testing.TB, s Settings) *Gate {
	t.Helper()
	s.Log = slog.New(slog.DiscardHandler)
	g, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// seen is what a handler behind the gate sees of the client.
var seen = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "%s %s %v %s", AddressOf(r.Context()), BaseURL(r), Secure(r), r.Host)
})

// ask sends one request from an address.
func ask(h http.Handler, from, method, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	r.RemoteAddr, r.Host = from, "localhost:8470"
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
			continue
		}
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func problemOf(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var p problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != w.Code || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("not a problem: %d %s %v", w.Code, w.Body, w.Header())
	}
	return p.Detail
}

var proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}

// Only what a trusted proxy says of the client is believed, and of that only what the nearest untrusted hop cannot have made up.
func TestTheClient(t *testing.T) {
	h := made(t, Settings{Proxies: proxies, Names: []string{"map.example.org"}}).Handler(seen)
	public := []string{"X-Forwarded-Proto", "https", "X-Forwarded-Host", "map.example.org"}
	for name, c := range map[string]struct {
		from   string
		header []string
		want   string
	}{
		"direct":                        {"127.0.0.1:5", nil, "127.0.0.1 http://localhost:8470 false localhost:8470"},
		"direct with claims":            {"127.0.0.1:5", append([]string{"X-Forwarded-For", "9.9.9.9"}, public...), "127.0.0.1 http://localhost:8470 false localhost:8470"},
		"IPv6":                          {"[::1]:5", nil, "::1 http://localhost:8470 false localhost:8470"},
		"a proxy":                       {"10.0.0.5:5", append([]string{"X-Forwarded-For", "9.9.9.9"}, public...), "9.9.9.9 https://map.example.org true map.example.org"},
		"a proxy that keeps the name":   {"10.0.0.5:5", []string{"X-Forwarded-For", "9.9.9.9", "X-Forwarded-Proto", "https", "Host", "map.example.org"}, "9.9.9.9 https://map.example.org true map.example.org"},
		"a client that makes up a hop":  {"10.0.0.5:5", append([]string{"X-Forwarded-For", "1.1.1.1, 9.9.9.9"}, public...), "9.9.9.9 https://map.example.org true map.example.org"},
		"two proxies":                   {"10.0.0.5:5", append([]string{"X-Forwarded-For", "1.1.1.1, 9.9.9.9,10.1.1.1"}, public...), "9.9.9.9 https://map.example.org true map.example.org"},
		"two headers":                   {"10.0.0.5:5", append([]string{"X-Forwarded-For", "1.1.1.1", "X-Forwarded-For", "9.9.9.9, 10.1.1.1"}, public...), "9.9.9.9 https://map.example.org true map.example.org"},
		"a claim to be a proxy":         {"10.0.0.5:5", append([]string{"X-Forwarded-For", "10.2.2.2, 9.9.9.9"}, public...), "9.9.9.9 https://map.example.org true map.example.org"},
		"with ports and IPv6 in IPv4":   {"[fd00::1]:5", append([]string{"X-Forwarded-For", "[2001:db8::7]:443, [::ffff:10.1.1.1]:80"}, public...), "2001:db8::7 https://map.example.org true map.example.org"},
		"what cannot be read":           {"10.0.0.5:5", append([]string{"X-Forwarded-For", "9.9.9.9, unknown, 10.1.1.1"}, public...), "10.1.1.1 https://map.example.org true map.example.org"},
		"no hops":                       {"10.0.0.5:5", append([]string{"X-Forwarded-For", ""}, public...), "10.0.0.5 https://map.example.org true map.example.org"},
		"the scheme that is nearest":    {"10.0.0.5:5", []string{"X-Forwarded-For", "9.9.9.9", "X-Forwarded-Proto", "http, https", "Host", "map.example.org"}, "9.9.9.9 https://map.example.org true map.example.org"},
		"a loopback client of a proxy":  {"10.0.0.5:5", []string{"X-Forwarded-For", "127.0.0.1"}, "127.0.0.1 http://localhost:8470 false localhost:8470"},
		"a name in capitals and a port": {"10.0.0.5:5", []string{"X-Forwarded-For", "9.9.9.9", "X-Forwarded-Proto", "https", "Host", "MAP.example.org:8443"}, "9.9.9.9 https://MAP.example.org:8443 true MAP.example.org:8443"},
	} {
		if w := ask(h, c.from, "GET", "/api/meta", c.header...); w.Code != 200 || w.Body.String() != c.want {
			t.Errorf("%s: %d %q, want %q", name, w.Code, w.Body, c.want)
		}
	}
	if AddressOf(context.Background()) != "" {
		t.Error("an address without a gate")
	}
}

func TestWhatDoesNotGetIn(t *testing.T) {
	h := made(t, Settings{Proxies: proxies, Names: []string{"map.example.org"}}).Handler(seen)
	for name, c := range map[string]struct {
		from, method, target string
		header               []string
		status               int
		says                 string
	}{
		"a foreign name":                      {"127.0.0.1:5", "GET", "/api/meta", []string{"Host", "evil.example"}, 421, "--public-name"},
		"a foreign name that begins as ours":  {"127.0.0.1:5", "GET", "/api/meta", []string{"Host", "localhost.evil.example"}, 421, ""},
		"a foreign name by a proxy":           {"10.0.0.5:5", "GET", "/", []string{"X-Forwarded-For", "9.9.9.9", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "evil.example"}, 421, ""},
		"an address that is not ours":         {"127.0.0.1:5", "GET", "/", []string{"Host", "93.184.216.34"}, 421, ""},
		"no name":                             {"127.0.0.1:5", "GET", "/", []string{"Host", ""}, 421, ""},
		"a probe by address":                  {"192.0.2.1:5", "GET", "/healthz", []string{"Host", "192.0.2.9:8470"}, 200, ""},
		"another loopback address":            {"127.0.0.1:5", "GET", "/", []string{"Host", "127.8.8.8:1"}, 200, ""},
		"IPv6 loopback":                       {"[::1]:5", "GET", "/", []string{"Host", "[::1]:8470"}, 200, ""},
		"plain HTTP past the proxy":           {"9.9.9.9:5", "GET", "/", []string{"Host", "map.example.org"}, 403, "https://"},
		"plain HTTP that claims TLS":          {"9.9.9.9:5", "GET", "/", []string{"Host", "map.example.org", "X-Forwarded-Proto", "https"}, 403, "https://"},
		"plain HTTP to the proxy":             {"10.0.0.5:5", "GET", "/", []string{"Host", "map.example.org", "X-Forwarded-For", "9.9.9.9", "X-Forwarded-Proto", "http"}, 403, "https://"},
		"a write from another site":           {"127.0.0.1:5", "POST", "/api/findings", []string{"Sec-Fetch-Site", "cross-site"}, 403, "another site"},
		"a write from a neighbour":            {"127.0.0.1:5", "DELETE", "/api/session", []string{"Sec-Fetch-Site", "same-site"}, 403, "another site"},
		"a write from another origin":         {"127.0.0.1:5", "POST", "/api/findings", []string{"Origin", "http://evil.example"}, 403, "another site"},
		"a write from nowhere":                {"127.0.0.1:5", "POST", "/api/findings", []string{"Origin", "null"}, 403, "another site"},
		"a write of our own page":             {"127.0.0.1:5", "POST", "/api/findings", []string{"Origin", "http://localhost:8470"}, 200, ""},
		"a write of our own page by a proxy":  {"10.0.0.5:5", "POST", "/api/findings", []string{"Origin", "https://map.example.org", "Host", "inner:1", "X-Forwarded-Host", "map.example.org", "X-Forwarded-Proto", "https", "X-Forwarded-For", "9.9.9.9"}, 200, ""},
		"a write of the proxy's inner name":   {"10.0.0.5:5", "POST", "/api/findings", []string{"Origin", "https://inner:1", "Host", "inner:1", "X-Forwarded-Host", "map.example.org", "X-Forwarded-Proto", "https", "X-Forwarded-For", "9.9.9.9"}, 403, "another site"},
		"a write of a program":                {"127.0.0.1:5", "POST", "/api/findings", nil, 200, ""},
		"a tile in another site's page":       {"127.0.0.1:5", "GET", "/tiles/grids/1/1/1.mvt", []string{"Sec-Fetch-Site", "cross-site", "Cookie", "wangge=x"}, 403, "another site"},
		"figures in a neighbour's page":       {"127.0.0.1:5", "GET", "/api/meta", []string{"Sec-Fetch-Site", "same-site", "Cookie", "wangge=x"}, 403, "another site"},
		"a style in another site's page":      {"127.0.0.1:5", "GET", "/styles/light-zh.json", []string{"Sec-Fetch-Site", "cross-site", "Cookie", "wangge=x"}, 403, "another site"},
		"a tile of our own page":              {"127.0.0.1:5", "GET", "/tiles/grids/1/1/1.mvt", []string{"Sec-Fetch-Site", "same-origin", "Cookie", "wangge=x"}, 200, ""},
		"figures in the address bar":          {"127.0.0.1:5", "GET", "/api/meta", []string{"Sec-Fetch-Site", "none", "Cookie", "wangge=x"}, 200, ""},
		"a tile without a cookie":             {"127.0.0.1:5", "GET", "/tiles/grids/1/1/1.mvt", []string{"Sec-Fetch-Site", "cross-site"}, 200, ""},
		"a link from another site to the map": {"127.0.0.1:5", "GET", "/", []string{"Sec-Fetch-Site", "cross-site", "Cookie", "wangge=x"}, 200, ""},
		"the way back from a sign-in service": {"127.0.0.1:5", "GET", "/api/oidc/a/callback", []string{"Sec-Fetch-Site", "cross-site", "Cookie", "wangge=x"}, 200, ""},
		"a long address":                      {"127.0.0.1:5", "GET", "/?" + strings.Repeat("x", maxURL), nil, 414, "8 KiB"},
	} {
		w := ask(h, c.from, c.method, c.target, c.header...)
		if w.Code != c.status {
			t.Errorf("%s: %d, want %d: %s", name, w.Code, c.status, w.Body)
		} else if c.status >= 400 && !strings.Contains(problemOf(t, w), c.says) {
			t.Errorf("%s: %s, want %q in it", name, w.Body, c.says)
		}
	}
}

func TestNamesThatCannotBe(t *testing.T) {
	for _, name := range []string{"", "https://map.example.org", "map.example.org:8443", "map.example.org/x", "*", "a b"} {
		if _, err := New(Settings{Log: slog.New(slog.DiscardHandler), Names: []string{name}}); grids.KindOf(err) != grids.Invalid {
			t.Errorf("%q: %v", name, err)
		}
	}
	g := made(t, Settings{Names: []string{"Map.Example.ORG", "[2001:db8::1]", "192.0.2.7"}})
	for _, host := range []string{"map.example.org", "MAP.example.org:1", "[2001:db8::1]:8470", "192.0.2.7", "[::1]", "localhost"} {
		if !g.knows(host) {
			t.Errorf("%q is not known", host)
		}
	}
}

// Every answer has the security headers, refusals and mistakes too; nothing in the policy lets text become a program.
func TestHeaders(t *testing.T) {
	g := made(t, Settings{Proxies: proxies, Names: []string{"map.example.org"}})
	h := g.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/panic" {
			panic("the inner cause")
		}
	}))
	https := []string{"X-Forwarded-For", "9.9.9.9", "X-Forwarded-Proto", "https", "Host", "map.example.org"}
	for _, c := range []struct {
		path   string
		header []string
		status int
	}{{"/", nil, 200}, {"/api/meta", nil, 200}, {"/panic", nil, 500}, {"/", []string{"Host", "evil.example"}, 421}, {"/", https, 200}} {
		from := "127.0.0.1:1"
		if len(c.header) == len(https) {
			from = "10.0.0.5:1"
		}
		w := ask(h, from, "GET", c.path, c.header...)
		got := w.Header()
		policy := got.Get("Content-Security-Policy")
		for _, has := range []string{"default-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "object-src 'none'"} {
			if !strings.Contains(policy, has) {
				t.Errorf("%s: policy %q lacks %s", c.path, policy, has)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "blob:") || strings.Contains(policy, "*") {
			t.Errorf("%s: policy %q", c.path, policy)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin"} {
			if got.Get(name) != want {
				t.Errorf("%s: %s is %q", c.path, name, got.Get(name))
			}
		}
		if w.Code != c.status || !strings.Contains(got.Get("Permissions-Policy"), "camera=()") || (got.Get("Strict-Transport-Security") != "") != (from == "10.0.0.5:1") {
			t.Errorf("%s: %d %v", c.path, w.Code, got)
		}
		if w.Code == 500 && strings.Contains(w.Body.String(), "inner cause") {
			t.Errorf("the answer tells the panic: %s", w.Body)
		}
	}
	if got := ask(h, "127.0.0.1:1", "GET", "/tiles/x").Header(); got.Get("X-Content-Type-Options") != "nosniff" || got.Get("Cross-Origin-Resource-Policy") != "same-origin" {
		t.Errorf("a tile: %v", got)
	}
}

// A body is bounded before and while it is read; an upload has its own bound where it is received.
func TestBodies(t *testing.T) {
	read := 0
	h := made(t, Settings{}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if read = len(b); err != nil {
			WriteProblem(w, http.StatusRequestEntityTooLarge, err.Error())
		}
	}))
	for _, c := range []struct {
		path   string
		bytes  int
		sized  bool
		status int
		read   int
	}{
		{"/api/findings", maxBody, true, 200, maxBody}, {"/api/findings", maxBody + 1, true, 413, 0}, {"/api/findings", maxBody + 1, false, 413, maxBody},
		{"/api/imports", maxBody + 1, true, 200, maxBody + 1},
	} {
		read = 0
		r := httptest.NewRequest("POST", "http://localhost"+c.path, strings.NewReader(strings.Repeat("x", c.bytes)))
		r.RemoteAddr = "127.0.0.1:1"
		if !c.sized {
			r.ContentLength = -1
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status || read != c.read {
			t.Errorf("%s with %d bytes (%v): %d, %d read", c.path, c.bytes, c.sized, w.Code, read)
		}
	}
}

// What the gate adds to a warm tile: see the allocations.
func BenchmarkTheGate(b *testing.B) {
	all := Rates{{1e6, 1e7}, {1e6, 1e7}, {1e6, 1e7}, {1e6, 1e7}}
	for _, c := range []struct {
		name string
		from string
		s    Settings
	}{
		{"direct", "127.0.0.1:4711", Settings{PerAddress: all, PerAccount: all}},
		{"proxied", "10.0.0.5:4711", Settings{PerAddress: all, PerAccount: all, Proxies: proxies, Names: []string{"map.example.org"}}},
	} {
		b.Run(c.name, func(b *testing.B) {
			g := made(b, c.s)
			h := g.Handler(g.ByAccount(func(*http.Request) string { return "0198c1f4-0000-7000-8000-000000000000" })(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
			r := httptest.NewRequest("GET", "/tiles/grids/12/3430/1665.mvt", nil)
			r.RemoteAddr, r.Host = c.from, "localhost:8470"
			r.Header.Set("Cookie", "wangge=x")
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			if c.name == "proxied" {
				r.Host = "map.example.org"
				r.Header.Set("X-Forwarded-For", "9.9.9.9")
				r.Header.Set("X-Forwarded-Proto", "https")
			}
			w := httptest.NewRecorder()
			for b.Loop() {
				h.ServeHTTP(w, r)
			}
			if w.Code != 200 {
				b.Fatal(w.Code, w.Body)
			}
		})
	}
}
