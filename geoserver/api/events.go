package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"wangge/geoserver/live"
	"wangge/grids"
)

// heartbeat keeps proxies from closing a quiet stream.
const heartbeat = 20 * time.Second

// writeWait is how long a slow client may hold up a message before it is dropped.
const writeWait = 10 * time.Second

// events answers GET /api/events, a stream of Server-Sent Events. Every event has as its id the versions after it, so that a client
// that comes back (Last-Event-ID) is told what it missed. The events:
//
//	versions  the versions of every subject: first on a new stream, and where it is not known what was missed
//	change    the versions, and the layers that look different with the bounds where they do
//	problem   since when and why the database cannot be followed; empty when it can be again
func (s *Server) events(w http.ResponseWriter, r *http.Request) error {
	if _, err := s.state(); err != nil {
		return err
	}
	known, _ := grids.ParseVersions(r.Header.Get("Last-Event-ID")) // what cannot be read is known to nobody
	events, missed, cancel := s.View.Subscribe(known)
	defer cancel()
	st := s.View.State() // only now: a change that was told before is in it
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	c := http.NewResponseController(w)
	send := func(text []byte) bool {
		if c.SetWriteDeadline(time.Now().Add(writeWait)) != nil {
			return false
		}
		_, err := w.Write(text)
		return err == nil && c.Flush() == nil
	}
	first := versionsText(st.Versions)
	if missed != nil {
		first = eventText(missed)
	}
	if p := s.View.Problem(); p.Since != nil {
		first = append(first, eventText(&live.Event{Versions: st.Versions, Problem: &p})...)
	}
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for ok := send(first); ok; {
		select {
		case <-r.Context().Done():
			return nil
		case e, open := <-events:
			ok = open && send(e.Text(eventText))
		case <-tick.C:
			ok = send([]byte(": still here\n\n"))
		}
	}
	return nil
}

// versionsText is the event of a stream that begins.
func versionsText(v grids.Versions) []byte { return message("versions", v, v) }

// eventText is an event as it goes out.
func eventText(e *live.Event) []byte {
	if e.Problem != nil {
		return message("problem", e.Versions, e.Problem)
	}
	changed := e.Changed
	if changed == nil {
		changed = []live.LayerChange{}
	}
	return message("change", e.Versions, struct {
		grids.Versions
		Changed []live.LayerChange `json:"changed"`
	}{e.Versions, changed})
}

func message(event string, v grids.Versions, data any) []byte {
	b, err := json.Marshal(data)
	if err != nil {
		b = []byte("{}") // plain structs can always be written
	}
	return fmt.Appendf(nil, "event: %s\nid: %s\ndata: %s\n\n", event, v, b)
}
