package live

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"sync"
	"time"

	"wangge/tiles"
)

// Event is what an open map is told: a change, or that the store cannot be followed, or can be again.
type Event struct {
	ID      string        // names the moment after it among those of one class on this server; says nothing else
	Changed []LayerChange // the layers that look different, in draw order
	Problem *Problem      // not nil: the event is about this and nothing changed
	once    sync.Once
	text    []byte
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

// hub hands events to the readers of one class. Safe for concurrent use.
type hub struct {
	name    string // of this hub, another one in every process
	mu      sync.Mutex
	readers map[chan *Event]bool
	past    []*Event       // changes, the oldest first; each follows from the one before
	seq     int            // of the latest change
	layers  map[string]int // by layer: the change that last touched it
}

func newHub() hub {
	return hub{name: rand.Text(), readers: map[chan *Event]bool{}, layers: map[string]int{}}
}

// id names the moment after a change.
func (h *hub) id(seq int) string { return h.name + "." + strconv.Itoa(seq) }

// Subscribe gives a channel of the events from now on, the id of now, and the changes since the id that a reader knows, merged into one; nil
// when they are not remembered. A reader that is too far behind is dropped: its channel is closed. cancel ends it.
func (s *Sight) Subscribe(known string) (events <-chan *Event, now string, missed *Event, cancel func()) {
	h := &s.hub
	ch := make(chan *Event, backlog)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.readers[ch] = true
	return ch, h.id(h.seq), h.since(known), func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.readers, ch)
	}
}

// Revisions is a word for each layer that is another one when the layer may look different to the class. It says nothing else, and is
// only good on this server.
func (s *Sight) Revisions() map[string]string {
	h := &s.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	out := map[string]string{}
	for _, l := range tiles.Layers() {
		sum := sha256.Sum256([]byte(h.name + l.Name + strconv.Itoa(h.layers[l.Name])))
		out[l.Name] = hex.EncodeToString(sum[:6])
	}
	return out
}

// Readers is how many event streams are open.
func (v *View) Readers() (n int) {
	for _, s := range v.sights {
		s.hub.mu.Lock()
		n += len(s.hub.readers)
		s.hub.mu.Unlock()
	}
	return n
}

// tellProblem tells everybody that the store is away, or is back (the zero Problem).
func (v *View) tellProblem(p Problem) {
	for _, s := range v.sights {
		s.hub.problem(p)
	}
}

// since is the changes after the moment known.
func (h *hub) since(known string) *Event {
	for i := len(h.past); i >= 0; i-- {
		if h.id(h.seq-len(h.past)+i) != known {
			continue
		}
		merged := &Event{ID: h.id(h.seq)}
		all := map[string]*LayerChange{}
		for _, e := range h.past[i:] {
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
	return nil
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

// changed tells the readers where layers look different to them. Of a change that they cannot see they are told nothing.
func (h *hub) changed(ground []tiles.Ground) {
	e := &Event{Changed: changesOf(ground)}
	if len(e.Changed) == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seq++
	e.ID = h.id(h.seq)
	for _, c := range e.Changed {
		h.layers[c.Layer] = h.seq
	}
	h.past = append(h.past, e)
	if len(h.past) > maxEvents {
		h.past = slices.Clone(h.past[1:])
	}
	h.tell(e)
}

// problem tells the readers that the store is away, or is back (the zero Problem).
func (h *hub) problem(p Problem) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tell(&Event{ID: h.id(h.seq), Problem: &p})
}

// tell hands an event on. Who does not keep up is dropped, never waited for: it comes back with the id it knows.
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
