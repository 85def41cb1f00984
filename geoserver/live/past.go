package live

import (
	"context"
	"strings"

	"wangge/grids"
	"wangge/tiles"
)

// bySurvey is the levels that the certification and the survey of a level are read from.
func bySurvey(level string) []string {
	if level == "cells" {
		return []string{"villages", "grids"}
	}
	return []string{level}
}

// pastOf is what is read of a level as it was: the layer's own SQL, without outlines.
func pastOf(level string) grids.LayerQuery {
	sql, _ := tiles.SQL(level)
	columns := "code, survey, certified_share"
	if level == "villages" {
		columns = "code, survey, status"
	}
	return grids.LayerQuery{Name: level, SQL: "with layer as (" + strings.TrimRight(sql, "; \n") + ") select fid, 'SRID=4326;POINT(0 0)'::geometry, " + columns + " from layer order by code"}
}

// Past is the units of a level as the class saw the ground on an earlier day, by the records of now, in the order of [State.Units]: with the code, the
// certification and the survey of that day, and nothing else. It reads the store. The error is Unavailable when that is no longer what the state st
// is of, or is away.
func (v *View) Past(ctx context.Context, s *Sight, st *State, level string, day grids.Day) ([]Figures, error) {
	from := bySurvey(level)
	c, err := v.store.Read(ctx, grids.Versions{}, func(grids.Versions, []grids.Change) grids.Query {
		q := grids.Query{Today: day}
		for _, l := range from {
			q.Layers = append(q.Layers, pastOf(l))
		}
		return q
	})
	if err != nil {
		return nil, err
	}
	if !c.Versions.Same(st.Versions) {
		return nil, grids.Errorf(grids.Unavailable, "the data changed while they were read; ask again")
	}
	m := newMemory(v.o.K)
	past := &State{Versions: st.Versions, Today: day, ground: st.ground, units: map[string][]Figures{}}
	for _, l := range from {
		if err := c.Faults[l]; err != nil {
			return nil, err
		}
		m.tables[l], m.looks[l] = c.Tables[l], make([][]Look, len(c.Tables[l].Features))
		past.units[l] = past.figures(l, m, estimates{}, s)
	}
	if level == "cells" {
		past.units[level] = past.cellFigures(m, estimates{}, s)
	}
	return past.units[level], nil
}
