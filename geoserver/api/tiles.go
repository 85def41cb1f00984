package api

import (
	"maps"
	"net/http"
	"strconv"
	"strings"

	"wangge/geoserver/gate"
	"wangge/grids"
	"wangge/tiles"
)

// tilePrefix begins the address of every tile. The rest is read here: a pattern would be matched twice for each tile.
const tilePrefix = "/tiles/"

// tiles answers below /tiles/: with a tile, or with the TileJSON of layers.
func (s *Server) tiles(w http.ResponseWriter, r *http.Request) error {
	if layers, ok := strings.CutSuffix(r.URL.Path[len(tilePrefix):], ".json"); ok {
		return s.tileJSON(w, r, strings.Split(layers, ","))
	}
	return s.tile(w, r)
}

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
	if since, stale := s.View.StaleLayers(req.Layers); stale && h.Get("Warning") == "" {
		s.labelStale(h, "a layer could not be loaded: shown as it was before", since)
	}
	maps.Copy(h, tileHeaders)
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
		h["Content-Encoding"] = gzipped
	} else if b, err = t.Raw(); err != nil {
		return err
	}
	h["Content-Type"] = tileType
	h.Set("Content-Length", strconv.Itoa(len(b)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(b) // the client may be gone
	}
	return nil
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

// tileRequest reads /tiles/{layers}/{z}/{x}/{y}.mvt. The error is NotFound for an address of another form, Invalid for what is no
// number.
func tileRequest(r *http.Request) (req tiles.Request, err error) {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, tilePrefix), "/")
	last, mvt := strings.CutSuffix(parts[len(parts)-1], ".mvt")
	if len(parts) != 4 || !mvt {
		return req, grids.Errorf(grids.NotFound, "there is nothing at %.80s: an address of a tile looks like /tiles/grids/12/3430/1665.mvt", r.URL.Path)
	}
	parts[3] = last
	req.Layers = strings.Split(parts[0], ",")
	for i, to := range []*int{&req.Z, &req.X, &req.Y} {
		text := parts[i+1]
		if *to, err = strconv.Atoi(text); err != nil || strconv.Itoa(*to) != text {
			return req, grids.Errorf(grids.Invalid, "%s of the tile is not a whole number: an address looks like /tiles/grids/12/3430/1665.mvt", "zxy"[i:i+1])
		}
	}
	if r.URL.RawQuery != "" {
		req.Filter, err = tiles.ParseFilter(r.URL.Query())
	}
	return req, err
}

// tileJSON answers GET /tiles/{layers}.json with TileJSON 3.0.
func (s *Server) tileJSON(w http.ResponseWriter, r *http.Request, layers []string) error {
	url := baseURL(r) + "/tiles/" + strings.Join(layers, ",") + "/{z}/{x}/{y}.mvt"
	if _, err := tiles.ParseFilter(r.URL.Query()); err != nil {
		return err
	}
	if r.URL.RawQuery != "" {
		url += "?" + r.URL.RawQuery
	}
	t, err := s.View.Tiles().TileJSON(layers, url)
	if err != nil {
		return err
	}
	return gate.WriteJSON(w, t)
}

// baseURL is the address that the client used, without a path.
func baseURL(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}
