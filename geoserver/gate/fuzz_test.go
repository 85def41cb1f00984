package gate

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

// Whatever headers say: a client past the proxy is its connection, one behind it is never a trusted proxy's choice of words alone, and
// no foreign name gets in.
func FuzzClient(f *testing.F) {
	f.Add("10.0.0.5:1", "localhost", "1.1.1.1, 9.9.9.9", "https", "map.example.org")
	f.Add("9.9.9.9:1", "map.example.org", "10.0.0.1", "https", "localhost")
	f.Add("[fd00::1]:2", "[::1]:8470", "[2001:db8::1%eth0]:4, ::ffff:10.1.1.1", "http,https", "[::1")
	f.Add("@", "::1", ",,,", "ftp", "localhost:x:y")
	g := made(f, Settings{Proxies: proxies, Names: []string{"map.example.org"}})
	var reached *http.Request
	h := g.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { reached = r }))
	f.Fuzz(func(t *testing.T, from, host, forwardedFor, proto, forwardedHost string) {
		r := httptest.NewRequest("GET", "/api/meta", nil)
		r.RemoteAddr, r.Host = from, host
		r.Header = http.Header{"X-Forwarded-For": {forwardedFor}, "X-Forwarded-Proto": {proto}, "X-Forwarded-Host": {forwardedHost}}
		reached = nil
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code >= 500 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if reached == nil {
			return
		}
		name := strings.ToLower(hostName(reached.Host))
		ip, err := netip.ParseAddr(name)
		if name != "localhost" && name != "map.example.org" && (err != nil || !ip.IsLoopback()) {
			t.Errorf("reached as %q", reached.Host)
		}
		peer, err := netip.ParseAddrPort(from)
		if err != nil || !g.trusts(peer.Addr().Unmap()) {
			if Secure(reached) || reached.Host != host || AddressOf(reached.Context()) != textOf(from) {
				t.Errorf("%q is believed to be %s at %s", from, AddressOf(reached.Context()), BaseURL(reached))
			}
		}
	})
}

func FuzzRates(f *testing.F) {
	f.Add("tiles=4000/20000,api=200/2000,sign-in=1/60,imports=0.5/60")
	f.Add("api=1e-3/1")
	f.Add("none")
	f.Fuzz(func(t *testing.T, text string) {
		var r, again Rates
		if r.UnmarshalText([]byte(text)) != nil {
			return
		}
		b, err := r.MarshalText()
		if err != nil || again.UnmarshalText(b) != nil || again != r {
			t.Errorf("%q is %v, and comes back from %q as %v", text, r, b, again)
		}
		for _, rate := range r {
			if wait := newMeter().take(meterKey{}, rate); wait != 0 {
				t.Errorf("%v waits %v for the first", rate, wait)
			}
		}
	})
}
