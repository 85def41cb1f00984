package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"wangge/grids"
)

// heartbeat keeps proxies from closing a quiet stream.
const heartbeat = 20 * time.Second

// writeWait is how long a slow client may hold up a message before it is dropped.
const writeWait = 10 * time.Second

// events answers GET /api/events: the versions at once, and again after every change (Server-Sent Events).
func (s *Server) events(w http.ResponseWriter, r *http.Request) error {
	st, err := s.state(r.Context())
	if err != nil {
		return err
	}
	c := http.NewResponseController(w)
	changes, cancel := s.View.Subscribe()
	defer cancel()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	send := func(format string, args ...any) bool {
		if c.SetWriteDeadline(time.Now().Add(writeWait)) != nil {
			return false
		}
		_, err := fmt.Fprintf(w, format, args...)
		return err == nil && c.Flush() == nil
	}
	versions := func(v grids.Versions) bool {
		b, err := json.Marshal(v)
		return err == nil && send("event: versions\ndata: %s\n\n", b)
	}
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for ok := versions(st.Versions); ok; {
		select {
		case <-r.Context().Done():
			return nil
		case v := <-changes:
			ok = versions(v)
		case <-tick.C:
			ok = send(": still here\n\n")
		}
	}
	return nil
}
