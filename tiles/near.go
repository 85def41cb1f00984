package tiles

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"sync"

	"wangge/grids"
	"wangge/grids/disclosure"
	"wangge/grids/mesh"
)

// Near is the findings for readers who see them where they are within an area of their own only: elsewhere they see in which H3 cell
// there are some. What it holds never changes. Safe for concurrent use.
type Near struct {
	stamp Stamp
	table grids.Table
	found []Found
	res   int
	rule  disclosure.Rule

	mu   sync.Mutex
	made map[string]*Snapshot // by area
}

// Found is a finding's place: what tells whether it is in somebody's area.
type Found struct {
	grids.Place
	State grids.FindingState
}

// maxAreas is how many areas' snapshots are kept.
const maxAreas = 64

// nearColumns are the attributes that a cell with findings has beside its state.
var nearColumns = [...]string{"cell", "findings", "findings_to"}

// NewNear holds the rows of the layer of findings; found is by row. Outside of a reader's area they are told by cells of resolution res,
// with their number as rule shows it; not at all when res is 0.
func NewNear(t grids.Table, found []Found, res int, rule disclosure.Rule, st Stamp) *Near {
	return &Near{stamp: st, table: t, found: found, res: res, rule: rule, made: map[string]*Snapshot{}}
}

// Within is the layer for a reader of some areas.
func (n *Near) Within(areas []grids.Scope) (*Snapshot, error) {
	key := areaKey(areas)
	n.mu.Lock()
	defer n.mu.Unlock()
	if s, ok := n.made[key]; ok {
		return s, nil
	}
	layer, _ := Find(Findings)
	s, err := NewSnapshot(layer, n.within(areas), n.stamp)
	if err != nil {
		return nil, err
	}
	if len(n.made) >= maxAreas {
		clear(n.made)
	}
	n.made[key] = s
	return s, nil
}

// areaKey tells areas apart.
func areaKey(areas []grids.Scope) string {
	if len(areas) == 0 {
		return ""
	}
	h := sha256.New()
	for _, a := range areas {
		h.Write([]byte(string(a.Level) + "\x00" + a.Code + "\x00"))
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// within is the rows: the findings of the areas as they are, and a point for each cell that holds others.
func (n *Near) within(areas []grids.Scope) grids.Table {
	out := grids.Table{Columns: slices.Concat(n.table.Columns, nearColumns[:])}
	cells := map[mesh.Cell]*nearby{}
	for i, f := range n.table.Features {
		at := n.found[i]
		if slices.ContainsFunc(areas, func(s grids.Scope) bool { return s.Holds(at.Place) }) {
			out.Features = append(out.Features, grids.Feature{ID: f.ID, Geometry: f.Geometry, Values: append(slices.Clip(f.Values), nil, nil, nil)})
			continue
		}
		cell, err := mesh.At(f.Geometry.Bound().Center(), n.res)
		if n.res == 0 || err != nil {
			continue
		}
		if cells[cell] == nil {
			cells[cell] = &nearby{state: at.State}
		}
		cells[cell].add(at)
	}
	state := slices.Index(n.table.Columns, "state")
	for _, cell := range slices.SortedFunc(maps.Keys(cells), cmp.Compare[mesh.Cell]) {
		values := make([]any, len(out.Columns))
		if state >= 0 {
			values[state] = string(cells[cell].state)
		}
		last := values[len(n.table.Columns):]
		last[0] = cell.String()
		if v := n.rule.Count(cells[cell].n); v.State == disclosure.IsNumber || v.State == disclosure.IsBand {
			if last[1] = int64(v.N); v.To > 0 {
				last[2] = int64(v.To)
			}
		}
		out.Features = append(out.Features, grids.Feature{ID: nearID | hexagonID(cell), Geometry: cell.Center(), Values: values})
	}
	return out
}

// nearID keeps the ids of cells apart from those of findings, which are below it.
const nearID = 1 << 52

// nearby is the findings in a cell.
type nearby struct {
	n     int
	state grids.FindingState // of the one that has the most left to do
}

func (c *nearby) add(f Found) {
	c.n++
	if slices.Index(grids.FindingStates[:], f.State) < slices.Index(grids.FindingStates[:], c.state) {
		c.state = f.State
	}
}

// GroundOf is the ground of a layer in an H3 cell, with what sticks out of it.
func GroundOf(layer string, c mesh.Cell) Ground { return Ground{layer, hexagonRow(c).box.padded()} }
