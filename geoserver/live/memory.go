package live

import (
	"wangge/grids"
	"wangge/grids/mesh"
	"wangge/tiles"
)

// memory is what the one who looks at the store keeps between two looks, to go from one state to the next without reading all of it
// again. No reader of a state sees it.
type memory struct {
	counts    grids.PlaceCounts
	cellCases map[mesh.Cell]int      // in the window, by cell of the level "cells"
	findings  map[uint64]finding     // by feature id
	tallies   map[place]tally        // of findings
	tables    map[string]grids.Table // of the levels, as read and without geometry
	shown     map[string]grids.Table // of the levels, as their layers show them, without geometry
}

// place is a unit of a level.
type place struct {
	level, code string
}

// tally counts findings.
type tally struct{ open, confirmed int }

// finding is what of a finding counts where.
type finding struct {
	open, confirmed bool
	places          [4]place // the last is its cell
}

func newMemory() *memory {
	return &memory{findings: map[uint64]finding{}, tallies: map[place]tally{}, tables: map[string]grids.Table{}, shown: map[string]grids.Table{}}
}

// takeFindings counts the rows of the layer of findings: all there are, or those of the ids alone, of which the missing ones are
// gone. It returns the feature ids of those.
func (m *memory) takeFindings(t grids.Table, ids []grids.ID) (gone []uint64) {
	if len(ids) == 0 {
		m.findings, m.tallies = map[uint64]finding{}, map[place]tally{}
	}
	column := columnsOf(t)
	here := make(map[uint64]bool, len(t.Features))
	for _, f := range t.Features {
		here[f.ID] = true
		m.forget(f.ID)
		next := finding{places: [4]place{{"towns", column.text(f, "_town")}, {"villages", column.text(f, "_village")}, {"grids", column.text(f, "_grid")}}}
		if cell, err := mesh.At(f.Geometry.Bound().Center(), cellResolution); err == nil { // a place off the earth cannot be stored
			next.places[3] = place{"cells", cell.String()}
		}
		state := grids.FindingState(column.text(f, "state"))
		next.open, next.confirmed = state.Open(), state.WasConfirmed()
		m.findings[f.ID] = next
		m.tally(next, 1)
	}
	for _, id := range ids {
		if fid := tiles.FindingID(id.String()); !here[fid] {
			m.forget(fid)
			gone = append(gone, fid)
		}
	}
	return gone
}

// forget takes a finding out of the counts.
func (m *memory) forget(id uint64) {
	if was, ok := m.findings[id]; ok {
		m.tally(was, -1)
		delete(m.findings, id)
	}
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

// takeCases counts events of the window by cell, and takes over the counts by place: all of them, or those of further batches.
func (m *memory) takeCases(cases grids.CaseColumns, counts grids.PlaceCounts, w grids.Period, more bool) {
	if !more {
		m.cellCases, m.counts = map[mesh.Cell]int{}, counts
	} else {
		m.counts.Stored += counts.Stored
		for _, pair := range []struct{ to, from map[grids.Code]int }{{m.counts.Towns, counts.Towns}, {m.counts.Villages, counts.Villages}, {m.counts.Grids, counts.Grids}} {
			for code, n := range pair.from {
				pair.to[code] += n
			}
		}
	}
	for i, cell := range cases.Cells {
		if month := grids.Month(cases.Months[i]); cell != 0 && month >= w.From && month <= w.To {
			m.cellCases[mesh.Cell(cell).Parent(cellResolution)]++
		}
	}
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
