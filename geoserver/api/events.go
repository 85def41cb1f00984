package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"wangge/geoserver/live"
)

// heartbeat keeps proxies from closing a quiet stream.
const heartbeat = 20 * time.Second

// writeWait is how long a slow client may hold up a message before it is dropped.
const writeWait = 10 * time.Second

// events answers GET /api/events, a stream of Server-Sent Events. The id of an event names the moment after it, so that a client that
// comes back (Last-Event-ID) is told what it missed; it says nothing of what others did. The events, all as the reader's class sees them:
//
//	revisions a word for each layer: first on a new stream, and where it is not known what was missed
//	change    the layers that look different, with the bounds where they do
//	problem   since when and why the database cannot be followed; empty when it can be again
//
// The stream ends when the reader may not look any more, or sees by another class.
func (s *Server) events(w http.ResponseWriter, r *http.Request) error {
	sight, _, err := s.seen(r.Context())
	if err != nil {
		return err
	}
	events, now, missed, cancel := sight.Subscribe(r.Header.Get("Last-Event-ID"))
	defer cancel()
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
	first := message("revisions", now, struct {
		Layers map[string]string `json:"layers"`
	}{sight.Revisions()})
	if missed != nil {
		first = eventText(missed)
	}
	if p := s.View.Problem(); p.Since != nil {
		first = append(first, eventText(&live.Event{ID: now, Problem: &p})...)
	}
	still := func() bool {
		who, may := s.Accounts.Still(r, look)
		return may && classOf(who) == sight.Class()
	}
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	defer func() { _ = c.SetWriteDeadline(time.Now().Add(writeWait)) }() // for the end of the answer; the client may be gone
	for ok := send(first); ok; {
		select {
		case <-r.Context().Done():
			return nil
		case e, open := <-events:
			ok = open && still() && send(e.Text(eventText))
		case <-tick.C:
			ok = still() && send([]byte(": still here\n\n"))
		}
	}
	return nil
}

// eventText is an event as it goes out.
func eventText(e *live.Event) []byte {
	if e.Problem != nil {
		return message("problem", e.ID, e.Problem)
	}
	changed := e.Changed
	if changed == nil {
		changed = []live.LayerChange{}
	}
	return message("change", e.ID, struct {
		Changed []live.LayerChange `json:"changed"`
	}{changed})
}

func message(event, id string, data any) []byte {
	b, err := json.Marshal(data)
	if err != nil {
		b = []byte("{}") // plain structs can always be written
	}
	return fmt.Appendf(nil, "event: %s\nid: %s\ndata: %s\n\n", event, id, b)
}
