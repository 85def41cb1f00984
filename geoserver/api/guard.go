package api

import (
	"context"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/mux"
	"github.com/klauspost/compress/gzhttp"

	"wangge/geoserver/gate"
	"wangge/grids"
)

// maxURL bounds a request's address: the longest legal filter is far below.
const maxURL = 8 << 10

// Header values that many answers share.
var (
	nosniff     = []string{"nosniff"}
	pageHeaders = http.Header{
		"Referrer-Policy":            {"same-origin"},
		"Cross-Origin-Opener-Policy": {"same-origin"},
		"Content-Security-Policy":    {"default-src 'self'; img-src 'self' data: blob:; worker-src 'self' blob:; style-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"},
	}
	tileHeaders = http.Header{"Cache-Control": {"private, no-cache"}, "Vary": {"Accept-Encoding"}}
	tileType    = []string{"application/vnd.mapbox-vector-tile"}
	gzipped     = []string{"gzip"}
)

// guard stands before every route: sizes, foreign origins, security headers, panics.
func (s *Server) guard(next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		gate.WriteProblem(w, http.StatusForbidden, "this request comes from another site's page: open the map itself and do it there")
	}))
	protected := origin.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer s.faults().Recovered(w, r)
		h := w.Header()
		h["X-Content-Type-Options"] = nosniff
		if !strings.HasPrefix(r.URL.Path, "/tiles/") { // which no browser shows as a page
			maps.Copy(h, pageHeaders)
		}
		if len(r.RequestURI) > maxURL {
			gate.WriteProblem(w, http.StatusRequestURITooLong, "the address is longer than 8 KiB")
			return
		}
		if s.Loopback && !loopbackHost(r.Host) {
			gate.WriteProblem(w, http.StatusMisdirectedRequest, "this server answers only as localhost: open it by the address it printed")
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			if err := s.Writable(); err != nil {
				gate.WriteProblem(w, gate.StatusOf(grids.KindOf(err)), gate.Sentence(err))
				return
			}
		}
		protected.ServeHTTP(w, r)
	})
}

// loopbackHost reports whether a Host header names this machine itself: a foreign name that resolves here is an attack
// on a server without accounts.
func loopbackHost(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	name = strings.Trim(name, "[]")
	ip := net.ParseIP(name)
	return name == "localhost" || ip != nil && ip.IsLoopback()
}

// measured counts and logs each request by its route, never by its address: a place asked for is nobody's business.
func (s *Server) measured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(rec, r)
		took := time.Since(began)
		route := mux.CurrentRoute(r)
		name := route.GetName()
		if name == "" {
			name, _ = route.GetPathTemplate()
		}
		s.Observe(name, rec.status, took)
		if s.Log.Enabled(r.Context(), slog.LevelDebug) { // the words would be gathered for nothing
			s.Log.Debug("request", "method", r.Method, "route", name, "status", rec.status, "took", took)
		}
	})
}

// fresh brings the memory of the server up to the database before an answer is made of it, or to the versions that the request
// names (?v=, as a write's answer gives them). While the database is away the answer says since when it may be old.
func (s *Server) fresh(next http.Handler) http.Handler {
	return s.faults().Plain(func(w http.ResponseWriter, r *http.Request) error {
		if !readsMemory(r) {
			next.ServeHTTP(w, r)
			return nil
		}
		v := ""
		if strings.Contains(r.URL.RawQuery, "v=") { // most have none
			v = r.URL.Query().Get("v")
		}
		if err := s.upTo(r.Context(), v); err != nil {
			if v != "" || s.View.State() == nil || r.Context().Err() != nil {
				return err
			}
			since, _, away := s.View.StaleSince()
			if !away { // another look has found it again: what is shown is of now, or nearly
				since = s.View.Now()
			}
			s.labelStale(w.Header(), "the database is away: shown as of the last look", since)
		}
		next.ServeHTTP(w, r)
		return nil
	})
}

// upTo looks at the database, until the versions named in v are there.
func (s *Server) upTo(ctx context.Context, v string) error {
	if v == "" {
		return s.View.Fresh(ctx)
	}
	want, err := grids.ParseVersions(v)
	if err != nil {
		return err
	}
	return s.View.FreshAt(ctx, want)
}

// readsMemory reports whether the answer comes out of what the server holds.
func readsMemory(r *http.Request) bool {
	read := r.Method == http.MethodGet || r.Method == http.MethodHead
	path := r.URL.Path
	return read && (strings.HasPrefix(path, "/tiles/") || strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/styles/"))
}

// labelStale says on an answer that it may be older than the store.
func (s *Server) labelStale(h http.Header, why string, since time.Time) {
	h.Set("Warning", `110 - "`+why+`"`)
	h.Set("Age", strconv.Itoa(int(s.View.Now().Sub(since).Seconds())))
}

// packed compresses the answers of the API. Tiles and the web map are compressed already, and the event stream must not wait.
func packed(next http.Handler) http.Handler {
	zipped := gzhttp.GzipHandler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		api := strings.HasPrefix(r.URL.Path, "/api/") || strings.HasPrefix(r.URL.Path, "/styles/")
		if api && r.URL.Path != "/api/events" {
			zipped(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection (flush, deadlines).
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
