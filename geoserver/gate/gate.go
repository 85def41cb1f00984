package gate

import (
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"wangge/grids"
)

// Settings is what a Gate is made from. The zero value of every field but Log is good: a server on loopback without limits of rates.
type Settings struct {
	Log        *slog.Logger
	Names      []string       // public names or addresses of the server, without a port, beside those of loopback
	Proxies    []netip.Prefix // machines whose X-Forwarded-For, -Proto and -Host are believed
	PerAddress Rates          // what one address may ask for; an IPv6 network of 64 bits counts as one
	PerAccount Rates          // what one account may ask for, whatever address it comes from
	Uploads    UploadLimits
	Waiting    func() int64                         // bytes of the files that were received and not committed yet; nil for none
	Refused    func(status int, took time.Duration) // told of every request that did not get in; nil for nobody
}

// Gate stands before every route: panics, security headers, the client's address, foreign names and pages, sizes and rates. Safe for
// concurrent use.
type Gate struct {
	Settings
	faults  Faults
	names   map[string]bool
	origin  *http.CrossOriginProtection
	meter   *meter
	uploads turns
}

// New makes a gate. The error is Invalid for a public name that cannot be one.
func New(s Settings) (*Gate, error) {
	g := &Gate{Settings: s, faults: Faults{Log: s.Log}, names: map[string]bool{"localhost": true}, origin: http.NewCrossOriginProtection(),
		meter: newMeter()}
	for _, name := range s.Names {
		plain := strings.ToLower(strings.Trim(strings.TrimSpace(name), "[]"))
		_, err := netip.ParseAddr(plain)
		if plain == "" || err != nil && strings.ContainsAny(plain, ":/@*?# ") {
			return nil, grids.Errorf(grids.Invalid, "%q is not a name of a server: write it without scheme, port and path, as in map.example.org", name)
		}
		g.names[plain] = true
	}
	return g, nil
}

// Sizes of requests, in bytes. A file has its own limit where it is received.
const (
	maxURL    = 8 << 10 // the longest legal filter is far below
	maxHeader = 32 << 10
	maxBody   = 2 << 20
)

// Handler lets through to next what may come in. Behind it AddressOf and BaseURL know the client, and r.Host is the name that the
// client used.
func (g *Gate) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		defer g.faults.Recovered(w, r)
		c := g.clientOf(r)
		setHeaders(w.Header(), r.URL.Path, c.scheme)
		no := g.judge(r, c)
		if no.status != 0 {
			g.refuse(w, no, began)
			return
		}
		r = r.WithContext(c) // a copy: net/http must find its own body in the request that it made, or it keeps connections that are half read
		r.Host = c.host
		if !reads(r) {
			end, no := g.admitBody(w, r, c)
			if no.status != 0 {
				g.refuse(w, no, began)
				return
			}
			defer end()
		}
		next.ServeHTTP(w, r)
	})
}

// ByAccount is the part of the gate that must know who is signed in, which account tells ("" for nobody): it belongs behind what finds
// that out. It limits rates and uploads of one account.
func (g *Gate) ByAccount(account func(*http.Request) string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			who := account(r)
			if who == "" {
				next.ServeHTTP(w, r)
				return
			}
			began := time.Now()
			class := classOf(r)
			if wait := g.meter.take(meterKey{class: class, account: who}, g.PerAccount[class]); wait > 0 {
				g.refuse(w, tooMany(wait), began)
				return
			}
			if isUpload(r) {
				key := "account " + who
				if !g.uploads.begin(key, g.Uploads.PerAccount) {
					g.refuse(w, tooManyUploads, began)
					return
				}
				defer g.uploads.end(key)
			}
			next.ServeHTTP(w, r)
		})
	}
}

// refusal is why a request does not get in; the zero value lets it in.
type refusal struct {
	status int
	detail string
	wait   time.Duration // before it makes sense to come again; 0 when it never does
}

var (
	foreignPage = refusal{status: http.StatusForbidden, detail: "this request comes from another site's page: open the map itself and do it there"}
	foreignName = refusal{status: http.StatusMisdirectedRequest, detail: "this server does not answer by the name it was asked for: open it by the address it printed, or by the public name that its administrator set (--public-name)"}
	plainHTTP   = refusal{status: http.StatusForbidden, detail: "this request came over plain HTTP, where others can read it: open the address that begins with https://"}
	longURL     = refusal{status: http.StatusRequestURITooLong, detail: "the address is longer than 8 KiB"}
)

// judge looks at everything but the body.
func (g *Gate) judge(r *http.Request, c *client) refusal {
	if len(r.RequestURI) > maxURL {
		return longURL
	}
	class := classOf(r)
	if wait := g.meter.take(meterKey{class: class, address: network(c.ip)}, g.PerAddress[class]); wait > 0 {
		return tooMany(wait)
	}
	if isProbe(r.URL.Path) { // asked by machines that know the server by its address
		return refusal{}
	}
	if !g.knows(c.host) {
		return foreignName
	}
	if c.scheme != "https" && !c.ip.IsLoopback() {
		return plainHTTP
	}
	if embedded(r) || !reads(r) && g.foreignWrite(r, c) {
		return foreignPage
	}
	return refusal{}
}

// refuse answers a request that does not get in.
func (g *Gate) refuse(w http.ResponseWriter, no refusal, began time.Time) {
	if no.wait > 0 {
		w.Header().Set("Retry-After", retryAfter(no.wait))
	}
	WriteProblem(w, no.status, no.detail)
	if g.Refused != nil {
		g.Refused(no.status, time.Since(began))
	}
}

// knows reports whether a Host header names this server: a foreign name that resolves here is an attack by another site's page.
func (g *Gate) knows(host string) bool {
	name := hostName(host)
	if g.names[name] {
		return true
	}
	if ip, err := netip.ParseAddr(name); err == nil && ip.IsLoopback() {
		return true
	}
	return g.names[strings.ToLower(name)]
}

// hostName is a Host header without its port and brackets.
func hostName(host string) string {
	if strings.HasPrefix(host, "[") {
		name, _, _ := strings.Cut(host[1:], "]")
		return name
	}
	name, _, _ := strings.Cut(host, ":")
	return name
}

// foreignWrite reports whether a page of another site sends a request that changes something.
func (g *Gate) foreignWrite(r *http.Request, c *client) bool {
	if c.host == r.Host {
		return g.origin.Check(r) != nil
	}
	asked := *r // a proxy asked under a name of its own: the page's origin is compared with the name that the client used
	asked.Host = c.host
	return g.origin.Check(&asked) != nil
}

// embedded reports whether a page of another site reads data with the cookie of somebody who is signed in here. The answer of a
// sign-in service is such a request, and has a check of its own.
func embedded(r *http.Request) bool {
	site := r.Header["Sec-Fetch-Site"]
	if len(site) == 0 || site[0] == "same-origin" || site[0] == "none" || len(r.Header["Cookie"]) == 0 {
		return false
	}
	path := r.URL.Path
	return (strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/tiles/") || strings.HasPrefix(path, "/styles/")) && !strings.HasPrefix(path, "/api/oidc/")
}

// reads reports whether a request's method changes nothing.
func reads(r *http.Request) bool {
	return r.Method == http.MethodGet || r.Method == http.MethodHead
}

// isProbe reports whether an address is asked by what watches over the server.
func isProbe(path string) bool { return path == "/healthz" || path == "/readyz" }
