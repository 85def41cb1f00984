package api

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"wangge/grids"
)

// statusOf is the one table from kinds of errors to HTTP statuses.
func statusOf(k grids.Kind) int {
	switch k {
	case grids.Invalid:
		return http.StatusBadRequest
	case grids.NotFound:
		return http.StatusNotFound
	case grids.Conflict:
		return http.StatusConflict
	case grids.Forbidden:
		return http.StatusForbidden
	case grids.TooLarge:
		return http.StatusRequestEntityTooLarge
	case grids.Unavailable:
		return http.StatusServiceUnavailable
	case grids.Full:
		return http.StatusInsufficientStorage
	}
	return http.StatusInternalServerError
}

// sentence is what a client may read of an error: an Error's own words, never a cause.
func sentence(err error) string {
	var e *grids.Error
	if errors.As(err, &e) && (e.Kind != grids.Internal || e.Err != nil) {
		return e.Msg
	}
	return "the server made a mistake; the log has the cause"
}

// fail turns an error into huma's. Faults of ours are logged with their cause.
func (s *Server) fail(err error) error {
	if err == nil {
		return nil
	}
	kind := grids.KindOf(err)
	s.logFault(kind, err)
	return huma.NewError(statusOf(kind), sentence(err))
}

func (s *Server) logFault(kind grids.Kind, err error) {
	if kind == grids.Internal || kind == grids.Unavailable || kind == grids.Full {
		var chain []string
		for e := err; e != nil; e = errors.Unwrap(e) {
			chain = append(chain, e.Error())
		}
		s.Log.Error("request failed", "kind", kind.String(), "err", strings.Join(chain, " <- "))
	}
}

// problem is an error as RFC 9457 has it.
type problem struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
}

func writeProblem(w http.ResponseWriter, status int, detail string) {
	h := w.Header()
	h.Del("ETag")
	h.Del("Content-Encoding")
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(problem{status, http.StatusText(status), detail}) // the client may be gone
}

// plain lets a handler return its error.
func (s *Server) plain(handle func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := handle(w, r)
		if err == nil || r.Context().Err() != nil {
			return
		}
		kind := grids.KindOf(err)
		s.logFault(kind, err)
		writeProblem(w, statusOf(kind), sentence(err))
	})
}

// recovered answers a panic with 500 and keeps the server up.
func (s *Server) recovered(w http.ResponseWriter, r *http.Request) {
	v := recover()
	if v == nil || v == http.ErrAbortHandler {
		return
	}
	s.Log.LogAttrs(r.Context(), slog.LevelError, "panic", slog.Any("value", v), slog.String("path", r.URL.Path), slog.String("stack", string(debug.Stack())))
	writeProblem(w, http.StatusInternalServerError, "the server made a mistake; the log has the cause")
}
