package live

import (
	"maps"
	"slices"

	"github.com/paulmach/orb"

	"wangge/grids"
	"wangge/grids/mesh"
	"wangge/tiles"
)

// memory is what the one who looks at the store keeps between two looks, to go from one state to the next without reading all of it
// again. No reader of a state sees it.
type memory struct {
	casework *ledger
	columns  []string               // of the layer of findings
	findings map[uint64]finding     // by feature id
	tallies  map[place]tally        // of findings
	tables   map[string]grids.Table // of the levels, as read and without geometry
	looks    map[string][][]Look    // over the units of the levels, by row of their table
}

// place is a unit of a level.
type place struct {
	level, code string
}

// tally counts findings.
type tally struct{ open, confirmed int }

// finding is a finding and what of it counts where.
type finding struct {
	row             grids.Feature
	state           grids.FindingState
	open, confirmed bool
	places          [4]place // the last is its cell
}

func newMemory(k int) *memory {
	return &memory{casework: newLedger(k), findings: map[uint64]finding{}, tallies: map[place]tally{}, tables: map[string]grids.Table{}, looks: map[string][][]Look{}}
}

// takeFindings counts the rows of the layer of findings: all there are, or those of the ids alone, of which the missing ones are
// gone. It returns the feature ids of those, and the places where any of the ids was or is.
func (m *memory) takeFindings(t grids.Table, ids []grids.ID) (gone []uint64, places []orb.Point) {
	if len(ids) == 0 {
		m.findings, m.tallies = map[uint64]finding{}, map[place]tally{}
	}
	column := columnsOf(t)
	m.columns = t.Columns
	here := make(map[uint64]bool, len(t.Features))
	for _, f := range t.Features {
		here[f.ID] = true
		places = append(m.forget(f.ID, places), f.Geometry.Bound().Center())
		next := finding{row: f, places: [4]place{{"towns", column.text(f, "_town")}, {"villages", column.text(f, "_village")}, {"grids", column.text(f, "_grid")}}}
		if cell, err := mesh.At(f.Geometry.Bound().Center(), cellResolution); err == nil { // a place off the earth cannot be stored
			next.places[3] = place{"cells", cell.String()}
		}
		next.state = grids.FindingState(column.text(f, "state"))
		next.open, next.confirmed = next.state.Open(), next.state.WasConfirmed()
		m.findings[f.ID] = next
		m.tally(next, 1)
	}
	for _, id := range ids {
		if fid := tiles.FindingID(id.String()); !here[fid] {
			places = m.forget(fid, places)
			gone = append(gone, fid)
		}
	}
	return gone, places
}

// forget takes a finding out of the counts, and appends where it was.
func (m *memory) forget(id uint64, places []orb.Point) []orb.Point {
	was, ok := m.findings[id]
	if !ok {
		return places
	}
	m.tally(was, -1)
	delete(m.findings, id)
	return append(places, was.row.Geometry.Bound().Center())
}

func (m *memory) tally(f finding, by int) {
	for _, p := range f.places {
		if p.code == "" {
			continue
		}
		t := m.tallies[p]
		if f.open {
			t.open += by
		}
		if f.confirmed {
			t.confirmed += by
		}
		m.tallies[p] = t
	}
}

// found is all findings as rows of their layer, with what tells whose area they are in.
func (m *memory) found() (t grids.Table, found []tiles.Found) {
	t.Columns = m.columns
	for _, id := range slices.Sorted(maps.Keys(m.findings)) {
		f := m.findings[id]
		t.Features = append(t.Features, f.row)
		found = append(found, tiles.Found{Place: grids.Place{Town: f.places[0].code, Village: f.places[1].code, Grid: f.places[2].code}, State: f.state})
	}
	return t, found
}

// without is the table without its geometry.
func without(t grids.Table) grids.Table {
	out := grids.Table{Columns: t.Columns, Features: make([]grids.Feature, len(t.Features))}
	for i, f := range t.Features {
		out.Features[i] = grids.Feature{ID: f.ID, Values: f.Values}
	}
	return out
}

// changedRows is the rows of now that are not the same in was; ok is false when the two do not have the same rows in the same order.
func changedRows(was, now grids.Table) (changed grids.Table, ok bool) {
	changed.Columns = now.Columns
	if len(was.Features) != len(now.Features) || len(was.Columns) != len(now.Columns) {
		return changed, false
	}
	for i, f := range now.Features {
		old := was.Features[i]
		if old.ID != f.ID {
			return changed, false
		}
		for k, v := range f.Values {
			if v != old.Values[k] {
				changed.Features = append(changed.Features, f)
				break
			}
		}
	}
	return changed, true
}
