package api

import (
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/mux"
	"github.com/klauspost/compress/gzhttp"

	"wangge/grids"
)

// maxURL bounds a request's address: the longest legal filter is far below.
const maxURL = 8 << 10

// guard stands before every route: sizes, foreign origins, security headers, panics.
func (s *Server) guard(next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, http.StatusForbidden, "this request comes from another site's page: open the map itself and do it there")
	}))
	protected := origin.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer s.recovered(w, r)
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Content-Security-Policy", "default-src 'self'; img-src 'self' data: blob:; worker-src 'self' blob:; style-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'")
		if len(r.URL.RequestURI()) > maxURL {
			writeProblem(w, http.StatusRequestURITooLong, "the address is longer than 8 KiB")
			return
		}
		if s.Loopback && !loopbackHost(r.Host) {
			writeProblem(w, http.StatusMisdirectedRequest, "this server answers only as localhost: open it by the address it printed")
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			if err := s.Writable(); err != nil {
				writeProblem(w, statusOf(grids.KindOf(err)), sentence(err))
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
		s.Log.Debug("request", "method", r.Method, "route", name, "status", rec.status, "took", took)
	})
}

// caughtUp holds a request that names versions (?v=, as a write's answer gives them) until the server has them.
func (s *Server) caughtUp(next http.Handler) http.Handler {
	return s.plain(func(w http.ResponseWriter, r *http.Request) error {
		if strings.Contains(r.URL.RawQuery, "v=") {
			if text := r.URL.Query().Get("v"); text != "" {
				want, err := grids.ParseVersions(text)
				if err == nil {
					err = s.View.FreshAt(r.Context(), want)
				}
				if err != nil {
					return err
				}
			}
		}
		next.ServeHTTP(w, r)
		return nil
	})
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
