package api

import (
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"

	"wangge/grids"
)

// webMap serves the built web map: compressed beforehand, named by content where the name holds a hash.
func (s *Server) webMap(w http.ResponseWriter, r *http.Request) error {
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	if name == "" {
		name = "index.html"
	}
	if strings.HasPrefix(name, ".") {
		return grids.Errorf(grids.NotFound, "there is nothing at %s", r.URL.Path)
	}
	b, err := fs.ReadFile(s.WebMap, name)
	if err != nil {
		if name == "index.html" {
			return grids.Errorf(grids.NotFound, "the web map is not part of this build: run make build")
		}
		return grids.Errorf(grids.NotFound, "there is nothing at %s; the API is described at /api/openapi.json", r.URL.Path)
	}
	h := w.Header()
	h.Set("Content-Type", contentType(name))
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "no-cache")
	if strings.HasPrefix(name, "assets/") { // its name holds a hash of its content
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	for _, enc := range []struct{ name, suffix string }{{"br", ".br"}, {"gzip", ".gz"}} {
		if !strings.Contains(r.Header.Get("Accept-Encoding"), enc.name) {
			continue
		}
		if packed, err := fs.ReadFile(s.WebMap, name+enc.suffix); err == nil {
			h.Set("Content-Encoding", enc.name)
			b = packed
			break
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(b)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(b) // the client may be gone
	}
	return nil
}

func contentType(name string) string {
	switch path.Ext(name) {
	case ".js", ".mjs":
		return "text/javascript; charset=utf-8"
	case ".webmanifest":
		return "application/manifest+json"
	}
	if t := mime.TypeByExtension(path.Ext(name)); t != "" {
		return t
	}
	return "application/octet-stream"
}
