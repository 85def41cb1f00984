package styles

import (
	"slices"
	"strings"

	"wangge/grids"
)

// The levels of the map: what is coloured.
const (
	OnGrids    = "grids"
	OnVillages = "villages"
	OnTowns    = "towns"
	OnCells    = "cells" // H3
	OnNothing  = "none"  // base map and overlays only
)

// The kinds of indicator.
const (
	NumberKind   = "number"
	CategoryKind = "category"
)

// Indicator is something that can be coloured on the map. Its ID is the attribute of the tile layers that holds it.
type Indicator struct {
	ID       string     `json:"id"`
	Title    grids.Text `json:"title"`
	Unit     string     `json:"unit"` // "%" means: the value is a share 0…1, shown times 100
	Kind     string     `json:"kind"` // NumberKind or CategoryKind
	Levels   []string   `json:"levels"`
	Decimals int        `json:"decimals"` // fewest decimals of a label, in the unit shown
}

// Indicators lists every indicator in the order of the menu, the default first.
func Indicators() []Indicator {
	all := []string{OnGrids, OnVillages, OnTowns, OnCells}
	return []Indicator{
		{"risk", grids.Text{ZH: "综合风险指数", EN: "Composite risk"}, "", NumberKind, all, 0},
		{"density", grids.Text{ZH: "案件密度", EN: "Case density"}, "/km²", NumberKind, all, 1},
		{"cases", grids.Text{ZH: "案件数", EN: "Cases"}, "", NumberKind, all, 0},
		{"findings_open", grids.Text{ZH: "未结疑似点", EN: "Open findings"}, "", NumberKind, all, 0},
		{"findings_confirmed", grids.Text{ZH: "确认种植点", EN: "Confirmed findings"}, "", NumberKind, []string{OnGrids, OnVillages, OnTowns}, 0},
		{"survey", grids.Text{ZH: "滚动调查完成率", EN: "Survey completion"}, "%", NumberKind, all, 0},
		{"certified_share", grids.Text{ZH: "无毒村居达标比例", EN: "Certified villages"}, "%", NumberKind, []string{OnGrids, OnTowns, OnCells}, 0},
		{"status", grids.Text{ZH: "无毒村居状态", EN: "Drug-free village status"}, "", CategoryKind, []string{OnVillages}, 0},
	}
}

// IndicatorAt is the indicator with that id on that level. The error is Invalid and names what there is.
func IndicatorAt(id, level string) (Indicator, error) {
	if !slices.Contains([]string{OnGrids, OnVillages, OnTowns, OnCells}, level) {
		return Indicator{}, grids.Errorf(grids.Invalid, "level %q is not known; use grids, villages, towns or cells", level)
	}
	known := ""
	for _, ind := range Indicators() {
		if !slices.Contains(ind.Levels, level) {
			continue
		}
		if ind.ID == id {
			return ind, nil
		}
		known += " " + ind.ID
	}
	return Indicator{}, grids.Errorf(grids.Invalid, "indicator %q is not known on level %s; use one of%s", id, level, known)
}

// fromCases reports whether the indicator is a count of casework, which may be suppressed.
func (ind Indicator) fromCases() bool { return ind.ID == "cases" || ind.ID == "density" }

// ofFindings reports whether the indicator is a count of findings.
func (ind Indicator) ofFindings() bool { return strings.HasPrefix(ind.ID, "findings_") }

// whole reports whether the indicator counts things, so that its values are whole numbers.
func (ind Indicator) whole() bool { return ind.ID == "cases" || ind.ofFindings() }

// missing is the state of a place whose tile has no such attribute: a survey that found no data has not looked, and where
// some findings are too few to be shown, every number of them is known.
func (ind Indicator) missing(samples []Sample) string {
	few := func(s Sample) bool { return s.State == Suppressed }
	switch {
	case ind.ID == "survey":
		return NotLooked
	case ind.ofFindings() && slices.ContainsFunc(samples, few):
		return Suppressed
	}
	return NoData
}

// states lists the values other than numbers and bands that this indicator can have, in the order of the legend. None of
// casework is not told from too little.
func (ind Indicator) states(missing string) []string {
	switch {
	case ind.Kind == CategoryKind:
		return []string{NoData}
	case ind.fromCases():
		return []string{Suppressed, NoData}
	default:
		return []string{Zero, missing}
	}
}
