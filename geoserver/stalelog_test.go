package main

import (
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/paulmach/orb"

	"wangge/grids"
)

// spot is a place where findings are marked, and the units it lies in.
type spot struct {
	at         orb.Point
	grid, town string
}

// written is the story of one finding: when each write was sent and when it was acknowledged, in ns since the test began; 0 for
// not yet. A write happened at some moment between the two.
type written struct {
	spot                          int
	sent, acked, undoSent, undone atomic.Int64
}

// history is the exact log of what was written in one generation. A write stands in it before it is sent.
type history struct {
	mu   sync.RWMutex
	byID map[string]*written
	at   [][]*written // by spot
	ids  map[*written]string
}

func newHistory(spots int) *history {
	return &history{byID: map[string]*written{}, at: make([][]*written, spots), ids: map[*written]string{}}
}

// begin enters a mark that is about to be sent.
func (h *history) begin(id string, spot int, now int64) *written {
	w := &written{spot: spot}
	w.sent.Store(now)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.byID[id], h.ids[w] = w, id
	h.at[spot] = append(h.at[spot], w)
	return w
}

// claim enters the withdrawal of a finding at the spot that is acknowledged and that nobody withdraws yet; nil when
// there is none, or when it is not wanted.
func (h *history) claim(spot int, wanted bool, now int64) (w *written, id grids.ID) {
	if !wanted {
		return nil, id
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, w := range h.at[spot] {
		if w.acked.Load() > 0 && w.undoSent.CompareAndSwap(0, now) {
			id, _ = grids.ParseID(h.ids[w]) // made by us
			return w, id
		}
	}
	return nil, id
}

// copied is the log as it stands; nothing may be under way.
func (h *history) copied() *history {
	h.mu.RLock()
	defer h.mu.RUnlock()
	c := newHistory(len(h.at))
	for id, w := range h.byID {
		n := c.begin(id, w.spot, w.sent.Load())
		n.acked.Store(w.acked.Load())
		n.undoSent.Store(w.undoSent.Load())
		n.undone.Store(w.undone.Load())
	}
	return c
}

// judgeFindings holds what a tile shows (id → it is dismissed) against the log: there must be one moment between from and to
// at which the store held exactly this. All findings at the spots inside must be accounted for. It returns what is wrong, "" for nothing.
// ours tells the findings of this test, of any generation, from others.
func (h *history) judgeFindings(inside []int, shown map[string]bool, from, to int64, ours func(id string) bool) string {
	h.mu.RLock()
	defer h.mu.RUnlock()
	first, last := "", ""
	for id, dismissed := range shown {
		w := h.byID[id]
		if w == nil {
			if ours(id) {
				return "it shows " + id + ", which is of a lost generation"
			}
			continue
		}
		if at := w.sent.Load(); at > from {
			from, first = at, "it shows "+id
		}
		undo, undone := w.undoSent.Load(), w.undone.Load()
		switch {
		case dismissed && undo == 0:
			return "it shows " + id + " as dismissed, and nobody withdrew it"
		case dismissed && undo > from:
			from, first = undo, "it shows "+id+" as dismissed"
		case !dismissed && undone > 0 && undone < to:
			to, last = undone, "it shows "+id+" as spotted"
		}
	}
	for _, s := range inside {
		for _, w := range h.at[s] {
			acked := w.acked.Load()
			if acked == 0 || acked >= to {
				continue
			}
			if _, there := shown[h.ids[w]]; !there {
				to, last = acked, "it lacks "+h.ids[w]
			}
		}
	}
	if from > to {
		return fmt.Sprintf("%s, so it is of before %.4f s; it is of after %.4f s (%s)", last, seconds(to), seconds(from), or(first, "when it was asked for"))
	}
	return ""
}

// judgeOpen holds a number of open findings at the spots, over those that were there before the test, against the log.
func (h *history) judgeOpen(spots []int, open int, from, to int64) string {
	h.mu.RLock()
	defer h.mu.RUnlock()
	least, most := 0, 0
	for _, s := range spots {
		for _, w := range h.at[s] {
			sent, acked, undo, undone := w.sent.Load(), orNever(w.acked.Load()), orNever(w.undoSent.Load()), orNever(w.undone.Load())
			if acked <= from && undo > to { // there all the while
				least++
			}
			if sent <= to && undone > from { // there at some time
				most++
			}
		}
	}
	if open < least || open > most {
		return fmt.Sprintf("it counts %d open findings; there were %d to %d between %.4f s and %.4f s", open, least, most, seconds(from), seconds(to))
	}
	return ""
}

func orNever(at int64) int64 {
	if at == 0 {
		return math.MaxInt64
	}
	return at
}

func seconds(ns int64) float64 { return float64(ns) / 1e9 }

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// The judge itself: what it must let pass, and what it must not.
func TestTheLogJudges(t *testing.T) {
	h := newHistory(2)
	a := h.begin("a", 0, 10)
	a.acked.Store(20)
	a.undoSent.Store(50)
	a.undone.Store(60)
	b := h.begin("b", 0, 30)
	b.acked.Store(40)
	h.begin("c", 1, 70) // under way
	both := []int{0, 1}
	ours := func(id string) bool { return id == "lost" }
	for _, c := range []struct {
		name     string
		shown    map[string]bool
		from, to int64
		good     bool
	}{
		{"before anything", map[string]bool{}, 1, 5, true},
		{"before anything, asked later", map[string]bool{}, 21, 25, false},
		{"a under way, not shown", map[string]bool{}, 15, 18, true},
		{"a under way, shown", map[string]bool{"a": false}, 15, 18, true},
		{"a from the future", map[string]bool{"a": false}, 1, 5, false},
		{"b is missing", map[string]bool{"a": false}, 45, 48, false},
		{"b is missing, labelled", map[string]bool{"a": false}, 0, 48, true},
		{"b without a, labelled", map[string]bool{"b": false}, 0, 48, false},
		{"both", map[string]bool{"a": false, "b": false}, 45, 48, true},
		{"a being withdrawn", map[string]bool{"a": false, "b": false}, 55, 58, true},
		{"a withdrawn already", map[string]bool{"a": true, "b": false}, 55, 58, true},
		{"a still spotted", map[string]bool{"a": false, "b": false}, 61, 65, false},
		{"a dismissed and b missing, labelled", map[string]bool{"a": true}, 0, 65, false},
		{"b dismissed by nobody", map[string]bool{"a": true, "b": true}, 61, 65, false},
		{"c under way", map[string]bool{"a": true, "b": false, "c": false}, 75, 80, true},
		{"of a lost generation", map[string]bool{"a": true, "b": false, "lost": false}, 75, 80, false},
		{"somebody else's", map[string]bool{"a": true, "b": false, "x": false}, 75, 80, true},
	} {
		if says := h.judgeFindings(both, c.shown, c.from, c.to, ours); (says == "") != c.good {
			t.Errorf("%s: %q", c.name, says)
		}
	}
	for _, c := range []struct {
		open     int
		from, to int64
		good     bool
	}{{0, 1, 5, true}, {1, 1, 5, false}, {0, 15, 18, true}, {1, 15, 18, true}, {0, 25, 28, false}, {2, 45, 48, true}, {1, 45, 48, false},
		{1, 52, 58, true}, {2, 52, 58, true}, {2, 61, 65, false}, {1, 61, 65, true}, {2, 75, 80, true}, {3, 75, 80, false}} {
		if says := h.judgeOpen(both, c.open, c.from, c.to); (says == "") != c.good {
			t.Errorf("%d open in %d–%d: %q", c.open, c.from, c.to, says)
		}
	}
	if says := h.copied().judgeFindings(both, map[string]bool{"a": true, "b": false}, 61, 65, ours); says != "" {
		t.Errorf("a copy judges otherwise: %s", says)
	}
}
