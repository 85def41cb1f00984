package live

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/paulmach/orb"

	"wangge/grids"
	"wangge/grids/disclosure"
	"wangge/grids/mesh"
	"wangge/tiles"
)

// Ground is the ground of one unit, with what lies in it of an analysis.
type Ground struct {
	Code, Name, Town string
	AreaM2           float64          // on the ellipsoid
	Outline          orb.MultiPolygon // EPSG:4326
	Cell             mesh.Cell        // of the level "cells"; 0 otherwise
}

// Grounds is the ground of the units of a level, in the order of [State.Units]; nil for a level that does not exist.
func (s *State) Grounds(level string) []Ground {
	outlines := map[string]orb.MultiPolygon{}
	cells := map[string]mesh.Cell{}
	t := s.ground.territory
	switch level {
	case "towns":
		for _, u := range t.Towns {
			outlines[u.Code] = u.Geometry
		}
	case "villages":
		for _, u := range t.Villages {
			outlines[u.Code] = u.Geometry
		}
	case "grids":
		for _, u := range t.Grids {
			outlines[u.Code] = u.Geometry
		}
	case "cells":
		for _, c := range s.ground.cells {
			outlines[c.code], cells[c.code] = orb.MultiPolygon{{c.ring}}, c.cell
		}
	}
	units := s.units[level]
	list := make([]Ground, len(units))
	for i, u := range units {
		list[i] = Ground{Code: u.Code, Name: u.Name, Town: u.TownCode, AreaM2: u.AreaKm2 * 1e6, Outline: outlines[u.Code], Cell: cells[u.Code]}
	}
	return list
}

// Casework is what a class is told of casework, by unit and period.
type Casework struct {
	ByUnit [][]float64 // by unit of the level, in the order of [State.Units], and by period: events, shared out by area from the groups
	Told   []float64   // by period: events in groups that lie in it
	Wider  float64     // events of the whole that are told for a wider period than these, or with other kinds, and are in none
	Finer  float64     // of the events told, the share that is told by cells of the level "cells": the rest is told by larger ones
}

// Casework counts the groups of the kinds that lie wholly in each of the periods. It is made of released groups and of the ground alone: so
// whatever is computed from it tells no more than the groups do.
func (s *Sight) Casework(level string, kinds []grids.CaseKind, periods []grids.Period) Casework {
	st := s.State()
	units := st.units[level]
	c := Casework{ByUnit: make([][]float64, len(units)), Told: make([]float64, len(periods))}
	rows := make([]float64, len(units)*len(periods))
	for i := range units {
		c.ByUnit[i], rows = rows[:len(periods):len(periods)], rows[len(periods):]
	}
	if !st.known || !s.sees() || len(periods) == 0 {
		return c
	}
	sums := make([]map[mesh.Cell]float64, len(periods))
	for i := range sums {
		sums[i] = map[mesh.Cell]float64{}
	}
	mask := tiles.Filter{Kinds: kinds}.Mask()
	all, finer := 0.0, 0.0
	whole := grids.Period{From: periods[0].From, To: periods[len(periods)-1].To}
	for g := range s.set.Cube().All() {
		told := false
		for i, p := range periods {
			if g.Told(p, mask) {
				sums[i][g.Cell] += float64(g.N)
				c.Told[i] += float64(g.N)
				told = true
			}
		}
		switch {
		case told && g.Cell.Resolution() == cellResolution:
			finer += float64(g.N)
			all += float64(g.N)
		case told:
			all += float64(g.N)
		case g.Meets(whole, mask):
			c.Wider += float64(g.N)
		}
	}
	if all > 0 {
		c.Finer = finer / all
	}
	for i := range periods {
		for at, n := range st.ground.spread(sums[i]) {
			if at.level == level {
				if u, ok := st.byCode[level][at.code]; ok {
					c.ByUnit[u][i] = n
				}
			}
		}
	}
	return c
}

// Homes says of the cells by which casework is told in which one of some units each lies.
type Homes struct {
	of    map[mesh.Cell]int
	units int
}

// mostOf is from which share of its land on a cell counts as lying in a unit.
const mostOf = .5

// Homes is the homes of cells in the units of a level, in the order of [State.Units]. They are found once for a ground. The error is that of
// [State.HomesIn].
func (s *State) Homes(level string) (Homes, error) {
	if h, ok := s.ground.homes.Load(level); ok {
		return h.(Homes), nil
	}
	h, err := s.HomesIn(s.Grounds(level))
	if err == nil {
		s.ground.homes.Store(level, h)
	}
	return h, err
}

// HomesIn is the homes of cells in some units, such as the grids of another edition, by their index. A cell's home is the unit that holds
// most of its land, where there is one. The error is that of the index, Internal, for an outline that it cannot take.
func (s *State) HomesIn(units []Ground) (Homes, error) {
	g := s.ground
	at := make(map[mesh.Cell]int, len(g.cells))
	for i, c := range g.cells {
		at[c.cell] = i
	}
	parts := make([][]part, len(g.cells)) // of the units, by cell of the level "cells"
	for i, u := range units {
		over := []mesh.Overlap{{Cell: u.Cell, AreaM2: u.AreaM2}}
		if u.Cell == 0 {
			var err error
			if over, err = mesh.Cover(u.Outline, cellResolution); err != nil {
				return Homes{}, err
			}
		}
		for _, o := range over {
			if c, ok := at[o.Cell]; ok {
				parts[c] = append(parts[c], part{i, o.AreaM2})
			}
		}
	}
	type held struct {
		cell mesh.Cell
		unit int
	}
	m2 := map[held]float64{}
	for i, c := range g.cells {
		ground := 0.0
		for _, p := range parts[i] {
			ground += p.m2
		}
		ground = max(ground, c.landM2) // land that lies in no unit is none's
		for _, p := range parts[i] {
			for res := disclosure.CoarsestCell; res <= cellResolution; res++ {
				m2[held{c.cell.Parent(res), p.unit}] += p.m2 / ground * c.landM2
			}
		}
	}
	h := Homes{map[mesh.Cell]int{}, len(units)}
	for at, held := range m2 {
		if held > mostOf*g.landM2[at.cell] {
			h.of[at.cell] = at.unit
		}
	}
	return h, nil
}

// Located is whole events of casework, in units that hold most of the ground by which they are told.
type Located struct {
	ByUnit [][]float64 // by unit, in the order of the homes, and by period
	Told   float64     // events in groups that lie in one of the periods
	Placed float64     // of these, the events that could be placed
}

// Located counts the groups of the kinds that lie wholly in each of the periods, each in the unit that is the home of its cell: that holds
// more than half of the cell's land. A group whose cell is too large for that is in none: it says nothing of one unit. Like [Sight.Casework] it
// is made of released groups and of the ground alone.
func (s *Sight) Located(h Homes, kinds []grids.CaseKind, periods []grids.Period) Located {
	l := Located{ByUnit: make([][]float64, h.units)}
	for i := range l.ByUnit {
		l.ByUnit[i] = make([]float64, len(periods))
	}
	if !s.State().known || !s.sees() {
		return l
	}
	mask := tiles.Filter{Kinds: kinds}.Mask()
	for g := range s.set.Cube().All() {
		for k, p := range periods {
			if !g.Told(p, mask) {
				continue
			}
			l.Told += float64(g.N)
			if u, ok := h.of[g.Cell]; ok {
				l.ByUnit[u][k] += float64(g.N)
				l.Placed += float64(g.N)
			}
		}
	}
	return l
}

// Spot is where something lies, and how much of it.
type Spot struct {
	At orb.Point // EPSG:4326
	N  float64
}

// CaseSpots is the groups of the kinds that lie wholly in the period, each spread evenly over the land cells of the level "cells" within its own:
// their middles, with the events that come to each.
func (s *Sight) CaseSpots(kinds []grids.CaseKind, p grids.Period) (list []Spot) {
	st := s.State()
	if !st.known || !s.sees() {
		return nil
	}
	mask := tiles.Filter{Kinds: kinds}.Mask()
	sums := map[mesh.Cell]float64{}
	for g := range s.set.Cube().All() {
		if g.Told(p, mask) {
			sums[g.Cell] += float64(g.N)
		}
	}
	for _, c := range st.ground.cells {
		n := 0.0
		for res := disclosure.CoarsestCell; res <= cellResolution; res++ {
			if up := c.cell.Parent(res); sums[up] > 0 {
				n += sums[up] * c.landM2 / st.ground.landM2[up]
			}
		}
		if n > 0 {
			list = append(list, Spot{c.ring.Bound().Center(), n})
		}
	}
	return list
}

// Data names everything that an analysis of the class can be made of: another word when any of it is other. Accounts and sessions are no part
// of that.
func (s *Sight) Data() string {
	st := s.State()
	h := sha256.New()
	fmt.Fprint(h, s.Release(), st.Today, st.Versions.Generation) // a hash takes everything
	for _, sub := range grids.ContentSubjects() {
		fmt.Fprint(h, " ", sub, st.Versions.Of[sub])
	}
	return hex.EncodeToString(h.Sum(nil)[:6])
}
