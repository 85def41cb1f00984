package api

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/mux"

	"wangge/grids"
	"wangge/tiles"
)

// tile answers GET /tiles/{layers}/{z}/{x}/{y}.mvt: 200, 204 for a tile without features, 304, 404 for an unknown
// layer, 400 outside the pyramid or for a malformed filter.
func (s *Server) tile(w http.ResponseWriter, r *http.Request) error {
	req, err := tileRequest(r)
	if err != nil {
		return err
	}
	set := s.View.Tiles()
	if err := set.Check(req); err != nil {
		return err
	}
	h := w.Header()
	if err := s.View.Fresh(r.Context()); err != nil {
		since, _, away := s.View.StaleSince()
		if !away || s.View.State() == nil {
			return err
		}
		s.labelStale(h, "the database is away: shown as of the last look", since)
	} else if since, stale := s.View.StaleLayers(req.Layers); stale {
		s.labelStale(h, "a layer could not be loaded: shown as it was before", since)
	}
	h.Set("Cache-Control", "private, no-cache")
	h.Set("Vary", "Accept-Encoding")
	gzip := strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")
	t, err := set.Tile(r.Context(), req)
	if err != nil {
		return err
	}
	if t.Empty {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	etag := represented(t.ETag, gzip)
	h.Set("ETag", etag)
	if matches(r.Header.Get("If-None-Match"), etag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	b := t.Gzip
	if gzip {
		h.Set("Content-Encoding", "gzip")
	} else if b, err = t.Raw(); err != nil {
		return err
	}
	h.Set("Content-Type", "application/vnd.mapbox-vector-tile")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(b) // the client may be gone
	}
	return nil
}

// labelStale says on an answer that it may be older than the store.
func (s *Server) labelStale(h http.Header, why string, since time.Time) {
	h.Set("Warning", `110 - "`+why+`"`)
	h.Set("Age", strconv.Itoa(int(s.View.Now().Sub(since).Seconds())))
}

// represented is the tag of one representation: plain bytes are another than gzipped ones.
func represented(etag string, gzip bool) string {
	if gzip {
		return etag
	}
	return strings.TrimSuffix(etag, `"`) + `-i"`
}

// matches reports whether an If-None-Match header names the tag.
func matches(header, etag string) bool {
	for tag := range strings.SplitSeq(header, ",") {
		if tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/"); tag == etag || tag == "*" {
			return true
		}
	}
	return false
}

func tileRequest(r *http.Request) (tiles.Request, error) {
	vars := mux.Vars(r)
	req := tiles.Request{Layers: strings.Split(vars["layers"], ",")}
	for _, p := range []struct {
		name string
		to   *int
	}{{"z", &req.Z}, {"x", &req.X}, {"y", &req.Y}} {
		n, err := strconv.Atoi(vars[p.name])
		if err != nil || strconv.Itoa(n) != vars[p.name] {
			return req, grids.Errorf(grids.Invalid, "%s of the tile is not a whole number: an address looks like /tiles/grids/12/3430/1665.mvt", p.name)
		}
		*p.to = n
	}
	var err error
	req.Filter, err = tiles.ParseFilter(r.URL.Query())
	return req, err
}

// tileJSON answers GET /tiles/{layers}.json with TileJSON 3.0.
func (s *Server) tileJSON(w http.ResponseWriter, r *http.Request) error {
	layers := strings.Split(mux.Vars(r)["layers"], ",")
	url := baseURL(r) + "/tiles/" + strings.Join(layers, ",") + "/{z}/{x}/{y}.mvt"
	if _, err := tiles.ParseFilter(r.URL.Query()); err != nil {
		return err
	}
	if r.URL.RawQuery != "" {
		url += "?" + r.URL.RawQuery
	}
	_ = s.View.Fresh(r.Context()) // bounds of the last look will do
	t, err := s.View.Tiles().TileJSON(layers, url)
	if err != nil {
		return err
	}
	return writeJSON(w, t)
}

// baseURL is the address that the client used, without a path.
func baseURL(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

func writeJSON(w http.ResponseWriter, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return grids.Hide(grids.Internal, err, "the answer could not be written")
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "private, no-cache")
	_, _ = w.Write(b) // the client may be gone
	return nil
}
