package api

import (
	"encoding/json"
	"net/http"
)

// healthz answers GET /healthz: the process works.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) error {
	if err := s.Healthy(); err != nil {
		writeProblem(w, http.StatusServiceUnavailable, sentence(err))
		return nil
	}
	return writeJSON(w, map[string]string{"status": "ok", "version": s.Version})
}

// readyz answers GET /readyz: 200 only when every layer can be served and the store can be followed.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) error {
	_ = s.View.Fresh(r.Context()) // its fault is among the problems
	problems := s.View.Problems()
	if problems == nil {
		problems = []string{}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if len(problems) > 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	return json.NewEncoder(w).Encode(map[string]any{"ready": len(problems) == 0, "problems": problems})
}
