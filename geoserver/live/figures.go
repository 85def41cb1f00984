package live

import (
	"encoding/json"
	"math"
	"slices"
	"time"

	"github.com/paulmach/orb"

	"wangge/grids"
	"wangge/grids/disclosure"
	"wangge/grids/mesh"
	"wangge/grids/risk"
	"wangge/tiles"
)

// cellResolution is the H3 resolution of the layer "cells": about as fine as the grids, five cells to a grid.
const cellResolution = 8

// Levels lists the levels that have figures.
func Levels() []string { return []string{"towns", "villages", "grids", "cells"} }

// storedLevels is the levels whose units the store has.
var storedLevels = [...]string{"towns", "villages", "grids"}

// State is what the server knows at one moment. It does not change once made.
type State struct {
	Versions grids.Versions
	Today    grids.Day
	Window   grids.Period // of casework in the figures
	ReadAt   time.Time

	ground *ground
	known  bool          // there is casework
	rows   grids.Table   // the findings, where they are
	found  []tiles.Found // by row
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
	Estimate          float64          // events of the window, shared out by area from the released groups
	FindingsOpen      disclosure.Value
	FindingsConfirmed disclosure.Value
	Survey            disclosure.Value // completion of the running round, 0…1
	Looks             []Look           // over a grid or a village in the last twelve months, in the order of their days; shared: do not change it
	CertifiedShare    disclosure.Value // 0…1
	Status            string           // of a village
	Risk              risk.Score
	Bound             orb.Bound
}

// Look is what a round of the rolling survey did in a unit, or in a part of it: where the parts of a unit have results of their own there are
// several looks of one round, over ground of which none is that of another.
type Look struct {
	Round      string    `json:"round"`
	From       grids.Day `json:"from"`       // the day after the result of the round before, and at most 92 days up to On
	On         grids.Day `json:"on"`         // the day of the round's latest result
	Completion float64   `json:"completion"` // share of the whole unit that was looked at, 0…1
}

// Territory is the ground that the state stands on.
func (s *State) Territory() grids.Territory { return s.ground.territory }

// Places looks places up in the territory.
func (s *State) Places() grids.Places { return s.ground }

// Findings gives every finding with its attributes by name and the units that it lies in, for those who may see it there.
func (s *State) Findings(each func(f grids.Feature, attribute func(string) any, p grids.Place)) {
	columns := columnsOf(s.rows)
	for i, f := range s.rows.Features {
		each(f, func(name string) any { return columns.of(f, name) }, s.found[i].Place)
	}
}

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

// figures reads the units of a level out of its table and adds what is counted in them, as the sight shows it.
func (s *State) figures(level string, m *memory, cases estimates, by *Sight) []Figures {
	t := m.tables[level]
	column := columnsOf(t)
	list := make([]Figures, len(t.Features))
	for i, f := range t.Features {
		u := &list[i]
		u.Level = level
		u.Code, u.Name = column.text(f, "code"), column.text(f, "name")
		u.Town, u.TownCode = column.text(f, "town"), column.text(f, "town_code")
		u.Kind, u.Status = column.text(f, "kind"), column.text(f, "status")
		u.AreaKm2, _ = column.number(f, "area_km2")
		u.setFindings(m, by)
		ground := s.ground.extents[place{level, u.Code}]
		u.setCases(s, cases[place{level, u.Code}], by, ground.m2)
		u.Bound = ground.bound
		if !by.sees() {
			u.Survey, u.CertifiedShare, u.Status = disclosure.NoData(), disclosure.NoData(), ""
			continue
		}
		u.Survey = column.value(f, "survey", disclosure.NotLooked())
		u.Looks = m.looks[level][i]
		u.CertifiedShare = column.value(f, "certified_share", disclosure.NoData())
		if level == "villages" && u.Status != "" {
			u.CertifiedShare = disclosure.Zero()
			if grids.Status(u.Status).IsCertified() {
				u.CertifiedShare = disclosure.Number(1)
			}
		}
	}
	return list
}

// looksOf reads the column "_looks" of a level, by row: nothing where there are none.
func looksOf(t grids.Table) [][]Look {
	column, out := columnsOf(t), make([][]Look, len(t.Features))
	for i, f := range t.Features {
		if text := column.text(f, "_looks"); text != "" {
			_ = json.Unmarshal([]byte(text), &out[i]) // the layer's SQL wrote it
		}
	}
	return out
}

func (u *Figures) setFindings(m *memory, by *Sight) {
	t := m.tallies[place{u.Level, u.Code}]
	u.FindingsOpen, u.FindingsConfirmed = by.findings(u.Level, t.open), by.findings(u.Level, t.confirmed)
}

func (u *Figures) setCases(s *State, n float64, by *Sight, areaM2 float64) {
	u.Cases, u.Density = disclosure.NoData(), disclosure.NoData()
	if s.known && by.sees() {
		u.Estimate = n
		u.Cases = by.rule.Estimate(n)
		u.Density = disclosure.Density(u.Cases, areaM2)
	}
}

// cellFigures makes the figures of the H3 cells. Cases and findings are counted by their points; status and survey are
// of the ground: a cell takes them from the villages and grids it overlaps, by area.
func (s *State) cellFigures(m *memory, cases estimates, by *Sight) []Figures {
	villages, surveyed := s.units["villages"], s.units["grids"]
	list := make([]Figures, len(s.ground.cells))
	for i, c := range s.ground.cells {
		u := &list[i]
		u.Level, u.Code, u.Name = "cells", c.code, c.code
		u.AreaKm2 = c.landM2 / 1e6
		u.setFindings(m, by)
		u.setCases(s, cases[place{"cells", c.code}], by, c.landM2)
		u.CertifiedShare = overlapMean(c.villages, villages, disclosure.NoData(), func(f Figures) disclosure.Value { return f.CertifiedShare })
		none := disclosure.NotLooked()
		if !by.sees() {
			none = disclosure.NoData()
		}
		u.Survey = overlapMean(c.grids, surveyed, none, func(f Figures) disclosure.Value { return f.Survey })
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

// Rank scores units against each other by the index in force, in their order: those of the state, or others whose figures are made of them.
// Casework enters by what was shared out by area, also where it is too little to be shown as a count: that is made of released groups
// alone. A number of findings that is not shown enters as the middle of what it may be.
func (s *Sight) Rank(figures []Figures, w risk.Weights) []risk.Score {
	count := func(v disclosure.Value) float64 {
		if n, ok := v.Known(); ok {
			return n
		}
		return float64(s.rule.K) / 2
	}
	units := make([]risk.Unit, len(figures))
	for i, f := range figures {
		cases := f.Cases
		if cases != disclosure.NoData() {
			cases = disclosure.Number(f.Estimate)
		}
		units[i] = risk.Unit{Key: f.Code, AreaM2: f.AreaKm2 * 1e6, Cases: cases, FindingsOpen: count(f.FindingsOpen),
			FindingsConfirmed: count(f.FindingsConfirmed), CertifiedShare: f.CertifiedShare, Survey: f.Survey}
	}
	return risk.Rank(units, w, s.rule.K)
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

// ofTerritory is the columns that say what a unit is, and nothing of what happens in it.
var ofTerritory = []string{"id", "code", "name", "kind", "town", "town_code", "area_km2"}

// bareOf is the table with the territory's columns alone; the others stay and hold nothing.
func bareOf(t grids.Table) grids.Table {
	out := grids.Table{Columns: t.Columns, Features: make([]grids.Feature, len(t.Features))}
	for i, f := range t.Features {
		values := slices.Clone(f.Values)
		for at, name := range t.Columns {
			if !slices.Contains(ofTerritory, name) {
				values[at] = nil
			}
		}
		out.Features[i] = grids.Feature{ID: f.ID, Values: values}
	}
	return out
}
