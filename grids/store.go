package grids

import (
	"time"

	"github.com/paulmach/orb"
)

// Versions is what a reader compares: the generation, and a version a subject (absent = 0, never written).
type Versions struct {
	Generation string            `json:"generation"`
	Of         map[Subject]int64 `json:"layers"`
}

// Same reports whether both name the same content.
func (v Versions) Same(w Versions) bool {
	if v.Generation != w.Generation {
		return false
	}
	for _, s := range Subjects {
		if v.Of[s] != w.Of[s] {
			return false
		}
	}
	return true
}

// Batch is one imported file.
type Batch struct {
	ID       ID        `json:"id"`
	Subject  string    `json:"subject"`
	File     string    `json:"file"`
	Rows     int       `json:"rows"`
	Accepted int       `json:"accepted"`
	Rejected int       `json:"rejected"`
	At       time.Time `json:"at"`
	Actor    string    `json:"actor"`
}

// Stored says what became of a batch's rows.
type Stored struct {
	Inserted, Updated, Unchanged int64
	Versions                     Versions // after the change; empty when nothing changed
}

// Level is a level of territory, named as the importers name their subjects.
type Level string

// The levels, from the whole to the parts.
const (
	LevelDistrict Level = "district"
	LevelTowns    Level = "towns"
	LevelVillages Level = "villages"
	LevelGrids    Level = "grids"
)

// Area is one district, town, village or grid on its way into the store.
type Area struct {
	Code, TownCode, Name, NameEN, Kind string
	Synthetic                          bool
	Geometry                           orb.MultiPolygon
}

// AreaImport is a whole level of territory to be stored: all of it or nothing.
type AreaImport struct {
	Level       Level
	Areas       []Area
	Family      Family  // of grids
	Edition     string  // name of the grids' edition
	From        Day     // effective from
	ToleranceM2 float64 // gaps, overlaps and overhangs up to this area are rounding, not damage
	DryRun      bool    // check everything, store nothing
	Batch       Batch
}

// AreaResult is what an import of territory found and did.
type AreaResult struct {
	Flaws     []Flaw
	Stored    bool
	Unchanged bool // the same content is stored already
	Versions  Versions
}

// CaseColumns are the events of the district as columns, sorted by cell.
type CaseColumns struct {
	Cells  []int64 // H3 cell at resolution 12, 0 for an event without a point
	Months []int32 // Month
	Kinds  []uint8 // number of the kind
}

// PlaceCounts are events counted by place. An event without a place of some level is in no count of that level.
type PlaceCounts struct {
	Grids, Villages, Towns map[Code]int
	Stored                 int // all events ever stored: 0 means "no data", not "no cases"
}

// LayerQuery is one layer's SQL. Its first two columns are fid (bigint below 2^53) and geom (SRID 4326); the others are
// attributes. It may use the parameters @district and @today.
type LayerQuery struct{ Name, SQL string }

// Query says what to read in one look at the store.
type Query struct {
	Today     Day
	Window    Period // of the place counts
	Territory bool   // read the territory
	Cases     bool   // read the events as columns
	Counts    bool   // read the place counts
	Layers    []LayerQuery
}

// Content is what one look at the store saw: one moment, and the versions that name it.
type Content struct {
	Versions  Versions
	Territory Territory
	Cases     CaseColumns
	Counts    PlaceCounts
	GridOf    map[Code]Code // village → the grid that holds most of it
	Tables    map[string]Table
}
