package gate

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wangge/grids"
)

// A key gets its burst at once, then its rate, and after a rest its burst again.
func TestABurstThenARate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, key, rate := newMeter(), meterKey{class: API, account: "a"}, Rate{PerSecond: 10, Burst: 5}
		let := func(during time.Duration) (n int) {
			for end := time.Now().Add(during); ; {
				wait := m.take(key, rate)
				if wait == 0 {
					n++
					continue
				}
				if time.Now().Add(wait).After(end) {
					time.Sleep(time.Until(end))
					return n
				}
				time.Sleep(wait) // exactly as long as it was told: then there is one
			}
		}
		if n := let(0); n != 5 {
			t.Errorf("%d at once, want 5", n)
		}
		if n := let(10 * time.Second); n != 100 {
			t.Errorf("%d in 10 s, want 100", n)
		}
		time.Sleep(time.Hour)
		if n := let(0); n != 5 {
			t.Errorf("%d after a rest, want 5", n)
		}
		if m.take(meterKey{class: API, account: "b"}, rate) != 0 || m.take(meterKey{class: Tiles, account: "a"}, rate) != 0 {
			t.Error("another account, or another class, waits too")
		}
	})
}

// Many at once get no more than one after another would.
func TestManyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, rate := newMeter(), Rate{PerSecond: 1, Burst: 1000}
		var let atomic.Int64
		var all sync.WaitGroup
		const workers = 8
		for range workers {
			all.Go(func() {
				for range 1000 {
					if m.take(meterKey{account: "a"}, rate) == 0 {
						let.Add(1)
					}
				}
			})
		}
		all.Wait()
		if n := let.Load(); n < 1000 || n > 1000+workers {
			t.Errorf("%d got in, want 1000", n)
		}
	})
}

// A flood from many addresses neither takes memory nor frees those who are at their limit, and hardly anybody else waits for it.
func TestAFloodOfAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, rate := newMeter(), Rate{PerSecond: 1, Burst: 10}
		greedy := meterKey{class: API, account: "greedy"}
		for m.take(greedy, rate) == 0 {
		}
		for i := range 2000 {
			key := meterKey{class: API, address: netip.AddrFrom4([4]byte{1, 2, byte(i >> 8), byte(i)})}
			for m.take(key, rate) == 0 {
			}
		}
		if m.take(greedy, rate) == 0 {
			t.Error("the flood freed one that was at its limit")
		}
		hit := 0
		for i := range 10000 {
			if m.take(meterKey{class: API, account: strconv.Itoa(i)}, rate) > 0 {
				hit++
			}
		}
		if hit > 100 { // expected: (2000/32768 + 10000/32768)³ of them at the end, fewer before
			t.Errorf("%d of 10000 others wait", hit)
		}
	})
}

func TestRatesAsText(t *testing.T) {
	for text, want := range map[string]Rates{
		"none":                    {},
		"tiles=4000/20000":        {Tiles: {4000, 20000}},
		"api=0.5/3, sign-in=1/60": {API: {0.5, 3}, SignIns: {1, 60}},
		"tiles=1/1,api=2/2,sign-in=3/3,imports=4/4": {{1, 1}, {2, 2}, {3, 3}, {4, 4}},
	} {
		var r, again Rates
		if err := r.UnmarshalText([]byte(text)); err != nil || r != want {
			t.Errorf("%q: %v %v", text, r, err)
		}
		b, _ := r.MarshalText() // never fails
		if err := again.UnmarshalText(b); err != nil || again != r {
			t.Errorf("%q came back as %q: %v", text, b, err)
		}
	}
	for _, text := range []string{"", "tiles", "tiles=", "tiles=1", "tiles=1/0", "tiles=0/1", "tiles=-1/1", "tiles=NaN/1", "tiles=1e7/1", "maps=1/1", "tiles=1/1,tiles=2/2", "tiles=1/x", "tiles=1/1,,"} {
		var r Rates
		if err := r.UnmarshalText([]byte(text)); grids.KindOf(err) != grids.Invalid {
			t.Errorf("%q: %v %v", text, r, err)
		}
	}
}

// The limits hold by address, by IPv6 network and by account, each class for itself, and the answer says when to come again.
func TestTooManyRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var refused []int
		g := made(t, Settings{Names: []string{"map.example.org"}, Proxies: proxies, PerAddress: Rates{API: {0.1, 3}, SignIns: {0.1, 1}, Imports: {0.1, 1}}, PerAccount: Rates{API: {0.1, 2}},
			Refused: func(status int, _ time.Duration) { refused = append(refused, status) }})
		h := g.Handler(g.ByAccount(func(r *http.Request) string { return r.Header.Get("Account") })(seen))
		from := func(ip, method, path string, header ...string) int {
			w := ask(h, "10.0.0.5:1", method, path, append([]string{"Host", "map.example.org", "X-Forwarded-Proto", "https", "X-Forwarded-For", ip}, header...)...)
			if w.Code == 429 && (w.Header().Get("Retry-After") != "10" || !strings.Contains(problemOf(t, w), "10 s")) {
				t.Errorf("%s %s: %v %s", ip, path, w.Header(), w.Body)
			}
			return w.Code
		}
		for i, c := range []struct {
			ip, method, path string
			header           []string
			status           int
		}{
			{"9.9.9.1", "GET", "/api/meta", nil, 200}, {"9.9.9.1", "GET", "/api/meta", nil, 200}, {"9.9.9.1", "GET", "/", nil, 200}, {"9.9.9.1", "GET", "/healthz", nil, 429},
			{"9.9.9.1", "GET", "/tiles/x", nil, 200}, {"9.9.9.2", "GET", "/api/meta", nil, 200},
			{"9.9.9.1", "POST", "/api/session", nil, 200}, {"9.9.9.1", "POST", "/api/session", nil, 429}, {"9.9.9.1", "GET", "/api/oidc/a/start", nil, 429}, {"9.9.9.1", "POST", "/api/password", nil, 429},
			{"9.9.9.1", "POST", "/api/imports", nil, 200}, {"9.9.9.1", "POST", "/api/imports/x/commit", nil, 429}, {"9.9.9.1", "DELETE", "/api/imports/x", nil, 429},
			{"2001:db8:0:1::1", "GET", "/", nil, 200}, {"2001:db8:0:1::2", "GET", "/", nil, 200}, {"2001:db8:0:1:ffff::", "GET", "/", nil, 200}, {"2001:db8:0:1::4", "GET", "/", nil, 429}, {"2001:db8:0:2::1", "GET", "/", nil, 200},
			{"9.9.8.1", "GET", "/", []string{"Account", "a"}, 200}, {"9.9.8.2", "GET", "/", []string{"Account", "a"}, 200}, {"9.9.8.3", "GET", "/", []string{"Account", "a"}, 429}, {"9.9.8.3", "GET", "/", []string{"Account", "b"}, 200},
		} {
			if got := from(c.ip, c.method, c.path, c.header...); got != c.status {
				t.Errorf("%d: %v: %d", i, c, got)
			}
		}
		if len(refused) != 8 {
			t.Errorf("told of %v", refused)
		}
		time.Sleep(10 * time.Second)
		if got := from("9.9.9.1", "GET", "/api/meta"); got != 200 {
			t.Errorf("after the wait: %d", got)
		}
	})
}

// Files are received so many at a time, and not when too much waits already.
func TestUploadsAtATime(t *testing.T) {
	waiting := int64(0)
	g := made(t, Settings{Uploads: UploadLimits{PerAddress: 3, PerAccount: 2, Waiting: 100}, Waiting: func() int64 { return waiting }})
	entered, release := make(chan bool), make(chan bool)
	h := g.Handler(g.ByAccount(func(r *http.Request) string { return r.Header.Get("Account") })(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Hold") != "" {
			entered <- true
			<-release
		}
	})))
	send := func(from, account string, bytes int64, hold ...string) int {
		r := httptest.NewRequest("POST", "http://localhost/api/imports", strings.NewReader("x"))
		r.ContentLength, r.RemoteAddr = bytes, from
		r.Header.Set("Account", account)
		if len(hold) > 0 {
			r.Header.Set("Hold", hold[0])
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() { send("127.0.0.1:1", "a", 1, "yes") })
		<-entered
	}
	if got := send("127.0.0.2:1", "a", 1); got != 429 {
		t.Errorf("a third of the account: %d", got)
	}
	if got := send("127.0.0.1:1", "b", 1); got != 200 {
		t.Errorf("another account: %d", got)
	}
	all.Go(func() { send("127.0.0.1:1", "b", 1, "yes") })
	<-entered
	if got := send("127.0.0.1:1", "c", 1); got != 429 {
		t.Errorf("a fourth from the address: %d", got)
	}
	if got := send("127.0.0.2:1", "c", 1); got != 200 {
		t.Errorf("from another address: %d", got)
	}
	for range 3 {
		release <- true
	}
	all.Wait()
	if got := send("127.0.0.1:1", "a", 100); got != 200 {
		t.Errorf("when the others are done: %d", got)
	}
	waiting = 50
	for bytes, want := range map[int64]int{50: 200, 51: 507, -1: 200} {
		if got := send("127.0.0.1:1", "a", bytes); got != want {
			t.Errorf("%d bytes beside 50 that wait: %d, want %d", bytes, got, want)
		}
	}
	if waiting = 101; send("127.0.0.1:1", "a", -1) != 507 {
		t.Error("a file of unknown size got in though too much waits")
	}
	if len(g.uploads.by) != 0 {
		t.Errorf("left over: %v", g.uploads.by)
	}
}
