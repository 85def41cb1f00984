package api

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzhttp"

	"wangge/geoserver/gate"
	"wangge/grids"
)

// Header values that many answers share.
var (
	revalidate = []string{"private, no-cache"}
	byEncoding = []string{"Accept-Encoding"}
	tileType   = []string{"application/vnd.mapbox-vector-tile"}
	gzipped    = []string{"gzip"}
)

// guard stands before every route: the gate, and a disk that is too full to write to.
func (s *Server) guard(next http.Handler) http.Handler {
	return s.Gate.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !readsOnly(r) {
			if err := s.Writable(); err != nil {
				gate.WriteProblem(w, gate.StatusOf(grids.KindOf(err)), gate.Sentence(err))
				return
			}
		}
		next.ServeHTTP(w, r)
	}))
}

// measured counts and logs each request by its route, never by its address: a place asked for is nobody's business.
func (s *Server) measured(route string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(rec, r)
		took := time.Since(began)
		s.Observe(route, rec.status, took)
		if s.Log.Enabled(r.Context(), slog.LevelDebug) { // the words would be gathered for nothing
			s.Log.Debug("request", "method", r.Method, "route", route, "status", rec.status, "took", took)
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
	if err := s.View.Fresh(ctx); err != nil {
		return err
	}
	want, err := opened(v, s.View.State().Versions.Generation)
	if err != nil || want.Generation == "" {
		return err
	}
	return s.View.FreshAt(ctx, want)
}

// readsOnly reports whether a request changes nothing.
func readsOnly(r *http.Request) bool {
	return r.Method == http.MethodGet || r.Method == http.MethodHead
}

// readsMemory reports whether the answer comes out of what the server holds.
func readsMemory(r *http.Request) bool {
	path := r.URL.Path
	return readsOnly(r) && (strings.HasPrefix(path, "/tiles/") || strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/styles/"))
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

// Status is the status of the answer.
func (r *recorder) Status() int { return r.status }

// Unwrap lets http.ResponseController reach the connection (flush, deadlines).
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// The versions in a write's answer say how much was written by everybody. So they leave the server sealed; all servers over one database
// can open them, because the key comes from the database's generation, which never leaves.

// sealed is versions as a word for addresses; "" for none.
func sealed(v grids.Versions) string {
	if v.Generation == "" {
		return ""
	}
	box := sealer(v.Generation)
	nonce := make([]byte, box.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	return base64.RawURLEncoding.EncodeToString(box.Seal(nonce, nonce, []byte(v.String()), nil))
}

// maxSealed bounds the words that are opened.
const maxSealed = 400

// opened reads what sealed wrote, while the database is of that generation. Words of another one, as before a restore, are versions of no
// generation. The error is Invalid for what is no such word at all.
func opened(word, generation string) (grids.Versions, error) {
	b, err := base64.RawURLEncoding.DecodeString(word)
	box := sealer(generation)
	if err != nil || len(word) > maxSealed || len(b) < box.NonceSize()+box.Overhead() {
		return grids.Versions{}, grids.Errorf(grids.Invalid, "v names no change: take it from the answer to a write as it is")
	}
	text, err := box.Open(nil, b[:box.NonceSize()], b[box.NonceSize():], nil)
	if err != nil {
		return grids.Versions{}, nil
	}
	return grids.ParseVersions(string(text))
}

func sealer(generation string) cipher.AEAD {
	key := sha256.Sum256([]byte("wangge versions " + generation))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // the key has the right size
	}
	box, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // AES has the right block size
	}
	return box
}
