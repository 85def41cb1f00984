package live

import (
	"math"
	"slices"
	"time"

	"github.com/paulmach/orb"

	"wangge/grids"
	"wangge/grids/disclosure"
	"wangge/grids/mesh"
	"wangge/grids/risk"
)

// cellResolution is the H3 resolution of the layer "cells": about as fine as the grids, five cells to a grid.
const cellResolution = 8

// Levels lists the levels that have figures.
func Levels() []string { return []string{"towns", "villages", "grids", "cells"} }

// State is what the server knows at one moment. It does not change once made.
type State struct {
	Versions grids.Versions
	Today    grids.Day
	Window   grids.Period // of casework in the figures
	ReadAt   time.Time

	ground *ground
	stored int // events that are stored
	units  map[string][]Figures
	byCode map[string]map[string]int
}

// Figures are what is known of one unit. Every count is as it may be shown.
type Figures struct {
	Level, Code, Name string
	Town, TownCode    string
	Kind              string
	AreaKm2           float64
	Cases, Density    disclosure.Value // in the state's window; density per km²
	FindingsOpen      int
	FindingsConfirmed int
	Survey            disclosure.Value // completion of the running round, 0…1
	CertifiedShare    disclosure.Value // 0…1
	Status            string           // of a village
	Risk              risk.Score
	Bound             orb.Bound
}

// Territory is the ground that the state stands on.
func (s *State) Territory() grids.Territory { return s.ground.territory }

// Places looks places up in the territory.
func (s *State) Places() grids.Places { return s.ground }

// Units are the figures of a level, in the order of the codes; the slice is shared: do not change it.
func (s *State) Units(level string) []Figures { return s.units[level] }

// Unit is the figures of one unit.
func (s *State) Unit(level, code string) (Figures, bool) {
	i, ok := s.byCode[level][code]
	if !ok {
		return Figures{}, false
	}
	return s.units[level][i], true
}

// CellAt is the code of the unit of the level "cells" that holds the point.
func CellAt(p orb.Point) (string, error) {
	c, err := mesh.At(p, cellResolution)
	return c.String(), err
}

// CellResolution is the H3 resolution of the level "cells".
func CellResolution() int { return cellResolution }

func (s *State) index() {
	s.byCode = map[string]map[string]int{}
	for level, units := range s.units {
		m := make(map[string]int, len(units))
		for i, u := range units {
			m[u.Code] = i
		}
		s.byCode[level] = m
	}
}

// figures reads the units of a level out of its table and adds what is counted in them.
func (s *State) figures(level string, m *memory, p disclosure.Policy) []Figures {
	t := m.tables[level]
	counts := map[string]map[grids.Code]int{"towns": m.counts.Towns, "villages": m.counts.Villages, "grids": m.counts.Grids}[level]
	column := columnsOf(t)
	list := make([]Figures, len(t.Features))
	for i, f := range t.Features {
		u := &list[i]
		u.Level = level
		u.Code, u.Name = column.text(f, "code"), column.text(f, "name")
		u.Town, u.TownCode = column.text(f, "town"), column.text(f, "town_code")
		u.Kind, u.Status = column.text(f, "kind"), column.text(f, "status")
		u.AreaKm2, _ = column.number(f, "area_km2")
		u.setFindings(m)
		u.Survey = column.value(f, "survey", disclosure.NotLooked())
		u.CertifiedShare = column.value(f, "certified_share", disclosure.NoData())
		if level == "villages" && u.Status != "" {
			u.CertifiedShare = disclosure.Zero()
			if grids.Status(u.Status).IsCertified() {
				u.CertifiedShare = disclosure.Number(1)
			}
		}
		ground := s.ground.extents[place{level, u.Code}]
		u.setCases(s, counts[u.Code], p, ground.m2)
		u.Bound = ground.bound
	}
	return list
}

func (u *Figures) setFindings(m *memory) {
	t := m.tallies[place{u.Level, u.Code}]
	u.FindingsOpen, u.FindingsConfirmed = t.open, t.confirmed
}

func (u *Figures) setCases(s *State, n int, p disclosure.Policy, areaM2 float64) {
	u.Cases, u.Density = disclosure.NoData(), disclosure.NoData()
	if s.stored > 0 {
		u.Cases, u.Density = p.Count(n), p.Density(n, areaM2)
	}
}

// cellFigures makes the figures of the H3 cells. Cases and findings are counted by their points; status and survey are
// of the ground: a cell takes them from the villages and grids it overlaps, by area.
func (s *State) cellFigures(m *memory, p disclosure.Policy) []Figures {
	villages, surveyed := s.units["villages"], s.units["grids"]
	list := make([]Figures, len(s.ground.cells))
	for i, c := range s.ground.cells {
		u := &list[i]
		u.Level, u.Code, u.Name = "cells", c.code, c.code
		u.AreaKm2 = c.landM2 / 1e6
		u.setFindings(m)
		u.setCases(s, m.cellCases[c.cell], p, c.landM2)
		u.CertifiedShare = overlapMean(c.villages, villages, disclosure.NoData(), func(f Figures) disclosure.Value { return f.CertifiedShare })
		u.Survey = overlapMean(c.grids, surveyed, disclosure.NotLooked(), func(f Figures) disclosure.Value { return f.Survey })
		u.Bound = c.ring.Bound()
	}
	return list
}

// overlapMean is the mean over the overlapped units by area; a unit without the value counts as nothing done, and none
// when no unit has it, or their level could not be loaded.
func overlapMean(parts []part, units []Figures, none disclosure.Value, of func(Figures) disclosure.Value) disclosure.Value {
	if len(units) == 0 {
		return none
	}
	sum, all, known := 0.0, 0.0, false
	for _, q := range parts {
		if n, ok := of(units[q.unit]).Known(); ok {
			sum, known = sum+n*q.m2, true
		}
		all += q.m2
	}
	if !known || all == 0 {
		return none
	}
	return disclosure.Number(sum / all)
}

// cellTable is the layer "cells" without its counts; the rows are in the order of the figures.
func (s *State) cellTable() grids.Table {
	t := grids.Table{Columns: []string{"id", "area_km2", "survey", "certified_share"}}
	for i, c := range s.ground.cells {
		u := s.units["cells"][i]
		t.Features = append(t.Features, grids.Feature{ID: uint64(c.cell) & (1<<52 - 1), Geometry: orb.Polygon{c.ring},
			Values: []any{u.Code, number(disclosure.Number(u.AreaKm2), 4), number(u.Survey, ShareDecimals), number(u.CertifiedShare, ShareDecimals)}})
	}
	return t
}

func riskUnits(figures []Figures) []risk.Unit {
	units := make([]risk.Unit, len(figures))
	for i, f := range figures {
		units[i] = risk.Unit{Key: f.Code, AreaM2: f.AreaKm2 * 1e6, Cases: f.Cases, FindingsOpen: float64(f.FindingsOpen),
			FindingsConfirmed: float64(f.FindingsConfirmed), CertifiedShare: f.CertifiedShare, Survey: f.Survey}
	}
	return units
}

// columns finds values of a table by the column's name.
type columns []string

func columnsOf(t grids.Table) columns { return t.Columns }

func (c columns) of(f grids.Feature, name string) any {
	if i := slices.Index(c, name); i >= 0 {
		return f.Values[i]
	}
	return nil
}

func (c columns) text(f grids.Feature, name string) string {
	s, _ := c.of(f, name).(string)
	return s
}

func (c columns) number(f grids.Feature, name string) (float64, bool) {
	switch n := c.of(f, name).(type) {
	case int64:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}

func (c columns) value(f grids.Feature, name string, missing disclosure.Value) disclosure.Value {
	if n, ok := c.number(f, name); ok {
		return disclosure.Number(n)
	}
	return missing
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
