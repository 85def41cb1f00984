// Package gate is what stands before and around every route, whatever it is about: errors to statuses, panics, security
// headers, foreign origins, limits, and who the client's machine is. It knows nothing of maps or accounts.
package gate

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

// Faults turns errors into answers, and logs those that are ours. Safe for concurrent use.
type Faults struct {
	Log *slog.Logger
}

// StatusOf is the one table from kinds of errors to HTTP statuses.
func StatusOf(k grids.Kind) int {
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

// Sentence is what a client may read of an error: an Error's own words, never a cause.
func Sentence(err error) string {
	var e *grids.Error
	if errors.As(err, &e) && (e.Kind != grids.Internal || e.Err != nil) {
		return e.Msg
	}
	return "the server made a mistake; the log has the cause"
}

// Huma turns an error into huma's, nil into nil.
func (f Faults) Huma(err error) error {
	if err == nil {
		return nil
	}
	kind := grids.KindOf(err)
	f.log(kind, err)
	return huma.NewError(StatusOf(kind), Sentence(err))
}

func (f Faults) log(kind grids.Kind, err error) {
	if kind == grids.Internal || kind == grids.Unavailable || kind == grids.Full {
		var chain []string
		for e := err; e != nil; e = errors.Unwrap(e) {
			chain = append(chain, e.Error())
		}
		f.Log.Error("request failed", "kind", kind.String(), "err", strings.Join(chain, " <- "))
	}
}

// problem is an error as RFC 9457 has it.
type problem struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
}

// WriteProblem answers with a problem: a status and a sentence for a person.
func WriteProblem(w http.ResponseWriter, status int, detail string) {
	h := w.Header()
	h.Del("ETag")
	h.Del("Content-Encoding")
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(problem{status, http.StatusText(status), detail}) // the client may be gone
}

// Plain lets a handler return its error.
func (f Faults) Plain(handle func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := handle(w, r)
		if err == nil || r.Context().Err() != nil {
			return
		}
		kind := grids.KindOf(err)
		f.log(kind, err)
		WriteProblem(w, StatusOf(kind), Sentence(err))
	})
}

// Recovered, deferred, answers a panic with 500 and keeps the server up.
func (f Faults) Recovered(w http.ResponseWriter, r *http.Request) {
	v := recover()
	if v == nil || v == http.ErrAbortHandler {
		return
	}
	f.Log.LogAttrs(r.Context(), slog.LevelError, "panic", slog.Any("value", v), slog.String("path", r.URL.Path), slog.String("stack", string(debug.Stack())))
	WriteProblem(w, http.StatusInternalServerError, "the server made a mistake; the log has the cause")
}

// WriteJSON answers with a value that only this client may keep, and must ask about again.
func WriteJSON(w http.ResponseWriter, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return grids.Hide(grids.Internal, err, "the answer could not be written")
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "private, no-cache")
	_, _ = w.Write(b) // the client may be gone
	return nil
}
