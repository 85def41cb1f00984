package live

import (
	"context"
	"errors"
	"math"
	"slices"

	"wangge/grids"
	"wangge/grids/disclosure"
	"wangge/grids/mesh"
	"wangge/grids/risk"
	"wangge/tiles"
)

// tableLayers are the layers that come out of SQL, with what each is made of beside the territory.
var tableLayers = [...]string{"district", "towns", "villages", "grids", "surveys", tiles.Findings, "labels"}

// cause is the text of the error below the one for people, for the log.
func cause(err error) string {
	if c := errors.Unwrap(err); c != nil {
		return c.Error()
	}
	return ""
}

// load makes the next state: it reads what changed since was and keeps the rest.
func (v *View) load(ctx context.Context, was *State, today grids.Day) (*State, error) {
	var q grids.Query
	c, err := v.store.Read(ctx, func(now grids.Versions) grids.Query {
		if was != nil && (was.Versions.Generation != now.Generation || was.Today != today) {
			was = nil // a restore, or another window: begin anew
		}
		q = v.plan(was, now, today)
		return q
	})
	if err != nil {
		return nil, err
	}
	s := &State{Versions: c.Versions, Today: today, Window: q.Window, ReadAt: v.o.Now()}
	if err := s.take(was, q, c); err != nil {
		return nil, err
	}
	return s, s.publish(v, q, c)
}

// plan asks for what differs between a state (nil for none) and the versions of now.
func (v *View) plan(was *State, now grids.Versions, today grids.Day) grids.Query {
	changed := func(subjects ...grids.Subject) bool {
		return was == nil || slices.ContainsFunc(subjects, func(s grids.Subject) bool { return was.Versions.Of[s] != now.Of[s] })
	}
	ground := changed(grids.OnTerritory, grids.OnGrids)
	q := grids.Query{Today: today, Window: window(today, v.o.Weights.WindowMonths), Territory: ground, Cases: changed(grids.OnCasework)}
	q.Counts = q.Cases || ground
	for _, name := range tableLayers {
		if layer, _ := tiles.Find(name); changed(layer.Subjects...) {
			sql, _ := tiles.SQL(name)
			q.Layers = append(q.Layers, grids.LayerQuery{Name: name, SQL: sql})
		}
	}
	return q
}

// window is the calendar months that the risk index looks at: this one and the n−1 before it.
func window(today grids.Day, n int) grids.Period {
	return grids.Period{From: today.Month() - grids.Month(n-1), To: today.Month()}
}

// take fills the state from what was read, and from the state before where nothing was.
func (s *State) take(was *State, q grids.Query, c grids.Content) error {
	if q.Territory {
		s.ground = newGround(c.Territory, c.GridOf)
		if err := s.ground.cover(); err != nil {
			return err
		}
	} else {
		s.ground = was.ground
	}
	if q.Counts {
		s.counts = c.Counts
	} else {
		s.counts = was.counts
	}
	if q.Cases {
		s.cellCases = countCells(c.Cases, s.Window)
	} else {
		s.cellCases = was.cellCases
	}
	s.findings = c.Tables[tiles.Findings]
	if _, read := c.Tables[tiles.Findings]; !read {
		s.findings = was.findings
	}
	return nil
}

// countCells counts the events of the window by cell at the resolution of the layer "cells".
func countCells(c grids.CaseColumns, w grids.Period) map[mesh.Cell]int {
	counts := map[mesh.Cell]int{}
	for i, cell := range c.Cells {
		if m := grids.Month(c.Months[i]); cell != 0 && m >= w.From && m <= w.To {
			counts[mesh.Cell(cell).Parent(cellResolution)]++
		}
	}
	return counts
}

// publish puts the layers that changed into the set of tiles, the figures of their units beside them.
func (s *State) publish(v *View, q grids.Query, c grids.Content) error {
	stamp := tiles.Stamp{Generation: s.Versions.Generation, Versions: s.Versions.Of, Day: s.Today}
	s.units = map[string][]Figures{}
	for _, level := range Levels() {
		t, read := c.Tables[level]
		switch {
		case level == "cells":
			s.units[level] = s.cellFigures(v.o.Policy)
			t = s.cellTable()
		case read:
			s.units[level] = s.figures(level, t, v.o.Policy)
		default: // every level hangs on every subject, so it is read whenever anything changed
			return grids.Errorf(grids.Internal, "the layer %s was not read", level)
		}
		scores := risk.Rank(riskUnits(s.units[level]), v.o.Weights, v.o.Policy.K)
		for i := range scores {
			s.units[level][i].Risk = scores[i]
		}
		c.Tables[level] = withFigures(t, s.units[level])
	}
	s.index()
	if q.Cases {
		v.set.PutCube(tiles.NewCube(c.Cases.Cells, c.Cases.Months, c.Cases.Kinds, stamp))
	}
	for name, t := range c.Tables {
		layer, ok := tiles.Find(name)
		if !ok {
			return grids.Errorf(grids.Internal, "there is no layer %s", name)
		}
		snapshot, err := tiles.NewSnapshot(layer, t, stamp)
		if err != nil {
			return err
		}
		v.set.Put(snapshot)
	}
	return nil
}

// withFigures adds to a layer's table what is not in its SQL: the counts as they may be shown, and the risk.
func withFigures(t grids.Table, figures []Figures) grids.Table {
	out := grids.Table{Columns: append(append([]string{}, t.Columns...), "cases", "cases_state", "density", "risk")}
	for i, f := range t.Features {
		fig := figures[i]
		values := append(append([]any{}, f.Values...), number(fig.Cases, 0), string(fig.Cases.State), number(fig.Density, DensityDecimals), number(fig.Risk.Value, RiskDecimals))
		out.Features = append(out.Features, grids.Feature{ID: f.ID, Geometry: f.Geometry, Values: values})
	}
	return out
}

// How many decimals a figure is shown with, everywhere the same.
const (
	DensityDecimals = 3
	ShareDecimals   = 4
	RiskDecimals    = 2
)

// Round is v with so many decimals; a number that rounds to 0 stays the smallest that can be shown.
func Round(v disclosure.Value, decimals int) disclosure.Value {
	n, ok := v.Known()
	if !ok || n == 0 {
		return v
	}
	scale := math.Pow10(decimals)
	if r := math.Round(n*scale) / scale; r != 0 {
		return disclosure.Number(r)
	}
	return disclosure.Number(math.Copysign(1/scale, n))
}

// number is a value as a tile attribute: nil unless it is a number or zero.
func number(v disclosure.Value, decimals int) any {
	if n, ok := Round(v, decimals).Known(); ok {
		return n
	}
	return nil
}
