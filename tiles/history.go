package tiles

import (
	"sync/atomic"
)

// Ground is where a layer looks different after a change.
type Ground struct {
	Layer string
	box   extent
}

// Everywhere is all the ground of a layer.
func Everywhere(layer string) Ground { return Ground{layer, everywhere} }

var everywhere = extent{0, 0, 1<<32 - 1, 1<<32 - 1}

// Bounds is the ground as west, south, east, north in degrees; false when it is everywhere.
func (g Ground) Bounds() (b [4]float64, ok bool) {
	if g.box == everywhere {
		return b, false
	}
	b, _ = place(g.box, 0, 0)
	return b, true
}

// How far back a tile can be older than the content and still be known to be good: in changes, and in boxes of all of them.
const (
	maxChanges = 1024
	maxBoxes   = 1 << 16
)

// history is the latest changes, the oldest first. What it refers to never changes.
type history struct {
	changes []change
	boxes   int
}

// change is the ground of one state of the content, with a box around each layer's.
type change struct {
	seq    uint64
	ground []Ground
	around map[string]extent
}

// with is the history with one more change.
func (h history) with(seq uint64, ground []Ground) history {
	c := change{seq, ground, map[string]extent{}}
	for _, g := range ground {
		box, ok := c.around[g.Layer]
		if !ok {
			box = nothing
		}
		c.around[g.Layer] = box.with(g.box)
	}
	next := history{append(h.changes, c), h.boxes + len(ground)}
	for len(next.changes) > 1 && (len(next.changes) > maxChanges || next.boxes > maxBoxes) {
		next.boxes -= len(next.changes[0].ground)
		next.changes = next.changes[1:]
	}
	return next
}

// touches reports whether any change after seq touches the tile, or may have.
func (h history) touches(seq uint64, r Request) bool {
	if len(h.changes) == 0 || h.changes[0].seq > seq+1 {
		return true // it is longer ago than is remembered
	}
	ground := tileExtent(r.Z, r.X, r.Y)
	for i := len(h.changes) - 1; i >= 0 && h.changes[i].seq > seq; i-- {
		for _, name := range r.Layers {
			if h.changes[i].meets(name, ground) {
				return true
			}
		}
	}
	return false
}

// meets reports whether the change touches that ground of the layer.
func (c *change) meets(layer string, e extent) bool {
	if box, ok := c.around[layer]; !ok || !box.meets(e) {
		return false
	}
	for _, g := range c.ground {
		if g.Layer == layer && g.box.meets(e) {
			return true
		}
	}
	return false
}

// kept is a tile in memory, and the last state of the content that it is known to be good for.
type kept struct {
	tile Tile
	seq  atomic.Uint64
}

func newKept(t Tile, seq uint64) *kept {
	k := &kept{tile: t}
	k.seq.Store(seq)
	return k
}

// good reports whether the tile shows what the content holds, or something newer.
func (k *kept) good(now *content, r Request) bool {
	seq := k.seq.Load()
	if seq >= now.seq {
		return true
	}
	if now.history.touches(seq, r) {
		return false
	}
	k.seq.CompareAndSwap(seq, now.seq)
	return true
}
