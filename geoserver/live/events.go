package live

import (
	"slices"
	"sync"
	"time"

	"wangge/grids"
	"wangge/tiles"
)

// Event is what an open map is told: a change, or that the store cannot be followed, or can be again.
type Event struct {
	Versions grids.Versions // after it
	Changed  []LayerChange  // the layers that look different, in draw order
	Problem  *Problem       // not nil: the event is about this and nothing changed
	once     sync.Once
	text     []byte
}

// LayerChange is where a layer looks different.
type LayerChange struct {
	Layer  string       `json:"layer"`
	Bounds [][4]float64 `json:"bounds,omitempty" doc:"west, south, east, north; absent = anywhere"`
}

// Problem says since when and why the server shows what it last saw. The zero Problem is none.
type Problem struct {
	Since  *time.Time `json:"since,omitempty"`
	Detail string     `json:"detail,omitempty"`
}

// Text is the event as encode writes it, which is asked once for all readers.
func (e *Event) Text(encode func(*Event) []byte) []byte {
	e.once.Do(func() { e.text = encode(e) })
	return e.text
}

const (
	maxBounds = 24  // boxes of a layer in one event; more become one around them
	backlog   = 64  // events that a reader may be behind before it is dropped
	maxEvents = 512 // that are remembered for readers who come back
)

// hub hands events to the readers. Safe for concurrent use.
type hub struct {
	mu      sync.Mutex
	readers map[chan *Event]bool
	past    []*Event // changes, the oldest first; each follows from the one before
	start   grids.Versions
}

// Subscribe gives a channel of the events from now on, and the changes since the versions a reader knows, merged into one; nil when they
// are not remembered. A reader that is too far behind is dropped: its channel is closed. cancel ends it.
func (v *View) Subscribe(known grids.Versions) (events <-chan *Event, missed *Event, cancel func()) {
	h := &v.hub
	ch := make(chan *Event, backlog)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.readers[ch] = true
	return ch, h.since(known), func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.readers, ch)
	}
}

// Readers is how many event streams are open.
func (v *View) Readers() int {
	v.hub.mu.Lock()
	defer v.hub.mu.Unlock()
	return len(v.hub.readers)
}

// since is the changes after the versions known.
func (h *hub) since(known grids.Versions) *Event {
	if h.start.Generation == "" {
		return nil
	}
	at := h.start
	for i := 0; ; i++ {
		if at.Same(known) {
			merged := &Event{Versions: at}
			all := map[string]*LayerChange{}
			for _, e := range h.past[i:] {
				merged.Versions = e.Versions
				for _, c := range e.Changed {
					all[c.Layer] = c.merged(all[c.Layer])
				}
			}
			for _, l := range tiles.Layers() {
				if c := all[l.Name]; c != nil {
					merged.Changed = append(merged.Changed, *c)
				}
			}
			return merged
		}
		if i == len(h.past) {
			return nil
		}
		at = h.past[i].Versions
	}
}

// merged is the ground of c and of an earlier change of the same layer.
func (c LayerChange) merged(was *LayerChange) *LayerChange {
	if was == nil {
		return &c
	}
	if len(c.Bounds) == 0 || len(was.Bounds) == 0 {
		return &LayerChange{Layer: c.Layer}
	}
	return &LayerChange{c.Layer, few(slices.Concat(was.Bounds, c.Bounds))}
}

// few is the boxes, or one around all of them when they are many.
func few(boxes [][4]float64) [][4]float64 {
	if len(boxes) <= maxBounds {
		return boxes
	}
	all := boxes[0]
	for _, b := range boxes[1:] {
		all = [4]float64{min(all[0], b[0]), min(all[1], b[1]), max(all[2], b[2]), max(all[3], b[3])}
	}
	return [][4]float64{all}
}

// changesOf sorts the ground by layer, in draw order.
func changesOf(ground []tiles.Ground) (out []LayerChange) {
	for _, l := range tiles.Layers() {
		c, touched := LayerChange{Layer: l.Name}, false
		for _, g := range ground {
			if g.Layer != l.Name {
				continue
			}
			touched = true
			b, somewhere := g.Bounds()
			if !somewhere {
				c.Bounds = nil
				break
			}
			c.Bounds = append(c.Bounds, b)
		}
		if touched {
			c.Bounds = few(c.Bounds)
			out = append(out, c)
		}
	}
	return out
}

// changed tells the readers of a change from was to now.
func (h *hub) changed(was, now grids.Versions, ground []tiles.Ground) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if was.Generation == "" { // the first load: nobody knows anything older
		h.start = now
		return
	}
	e := &Event{Versions: now, Changed: changesOf(ground)}
	h.past = append(h.past, e)
	if len(h.past) > maxEvents {
		h.start = h.past[0].Versions
		h.past = slices.Clone(h.past[1:])
	}
	h.tell(e)
}

// problem tells the readers that the store is away, or is back (nil).
func (h *hub) problem(at grids.Versions, p Problem) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tell(&Event{Versions: at, Problem: &p})
}

// tell hands an event on. Who does not keep up is dropped, never waited for: it comes back with the versions it knows.
func (h *hub) tell(e *Event) {
	for ch := range h.readers {
		select {
		case ch <- e:
		default:
			delete(h.readers, ch)
			close(ch)
		}
	}
}
