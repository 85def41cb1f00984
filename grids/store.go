package grids

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
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

// generation is the form of one.
var generation = regexp.MustCompile(`^[0-9a-f]{16}$`)

// Covers reports whether v is of the same generation as w and no subject is older.
func (v Versions) Covers(w Versions) bool {
	if v.Generation != w.Generation {
		return false
	}
	for _, s := range Subjects {
		if v.Of[s] < w.Of[s] {
			return false
		}
	}
	return true
}

// String is the versions as one word for addresses and event ids: generation.subject.version.subject.version…, the generation 16
// hexadecimal digits.
// Subjects that were never written are left out.
func (v Versions) String() string {
	var b strings.Builder
	b.WriteString(v.Generation)
	for _, s := range Subjects {
		if n := v.Of[s]; n > 0 {
			fmt.Fprintf(&b, ".%s.%d", s, n)
		}
	}
	return b.String()
}

// ParseVersions reads what [Versions.String] wrote. The error is Invalid.
func ParseVersions(text string) (Versions, error) {
	parts := strings.Split(text, ".")
	v := Versions{Generation: parts[0], Of: map[Subject]int64{}}
	bad := Errorf(Invalid, "%.60q names no version: it looks like 0123456789abcdef.findings.12", text)
	if len(parts)%2 == 0 || len(parts) > 2*len(Subjects)+1 || !generation.MatchString(parts[0]) {
		return Versions{}, bad
	}
	for i := 1; i < len(parts); i += 2 {
		n, err := strconv.ParseInt(parts[i+1], 10, 64)
		if s := Subject(parts[i]); err != nil || n < 1 || v.Of[s] != 0 || !slices.Contains(Subjects[:], s) {
			return Versions{}, bad
		} else {
			v.Of[s] = n
		}
	}
	return v, nil
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
	Versions                     Versions // that the change made; empty when nothing changed
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
	Unchanged bool     // the same content is stored already
	Versions  Versions // that the change made; empty when nothing was stored
}

// CaseColumns are the events of the district as columns, sorted by cell: those that are stored, and those that were until another
// batch changed them.
type CaseColumns struct {
	Cells   []int64     // the finest H3 cell that is known: of resolution 12 with a point, 7 with a village or grid alone
	Months  []int32     // Month
	Kinds   []uint8     // number of the kind
	Batches []uint32    // the batch that it came with: an index into At
	Until   []uint32    // the batch that changed it; Still for what is stored
	At      []time.Time // when the batches were stored, ascending
}

// Still stands for the batch that changed an event that none changed.
const Still = 1<<32 - 1

// LayerQuery is one layer's SQL. Its first two columns are fid (bigint below 2^53) and geom (SRID 4326); the others are
// attributes, or for the server alone. It may use the parameters @district, @today and @ids (uuid[]).
type LayerQuery struct {
	Name, SQL string
	IDs       []ID // only the rows of these; nil for all: @ids is null then
}

// Change is a row of the outbox: one step of a subject's version.
type Change struct {
	Subject Subject
	Version int64
	IDs     []ID // exactly what it touched: findings, or batches of events that were all new; empty when it may be anything
}

// Query says what to read in one look at the store.
type Query struct {
	Today     Day
	Territory bool // read the territory
	Cases     bool // read the events as columns
	Batches   []ID // events of these batches only; empty for all
	Layers    []LayerQuery
	Done      func(part string) // called after each part, from any goroutine: "territory", "cases" or a layer's name; may be nil
}

// Content is what one look at the store saw: one moment, and the versions that name it.
type Content struct {
	Versions  Versions
	Territory Territory
	Cases     CaseColumns
	GridOf    map[Code]Code // village → the grid that holds most of it
	Tables    map[string]Table
	Faults    map[string]error // by layer: why it could not be read (Internal, a sentence); the others could
}

// Feature is one row of a layer as the store hands it over: an id, a geometry in EPSG:4326 (lon, lat) and values in
// the order of the table's columns. A value is nil, string, bool, int64 or float64.
type Feature struct {
	ID       uint64 // below 2^53, so that a browser keeps it exactly
	Geometry orb.Geometry
	Values   []any
}

// Table is a layer's content at one moment.
type Table struct {
	Columns  []string
	Features []Feature
}

// Subject names a kind of data that changes and is versioned on its own.
type Subject string

// The subjects: the four of the mission, and the ground they stand on.
const (
	OnTerritory Subject = "territory" // district, towns, villages
	OnGrids     Subject = "grids"     // grid editions
	OnCasework  Subject = "casework"
	OnVillages  Subject = "village-status"
	OnSurveys   Subject = "surveys"
	OnFindings  Subject = "findings"
	OnAccounts  Subject = "accounts" // who may do what: no layer is made of it
)

// ContentSubjects is the subjects that layers are made of.
func ContentSubjects() []Subject { return Subjects[:len(Subjects)-1] }

// Subjects lists every subject.
var Subjects = [...]Subject{OnTerritory, OnGrids, OnCasework, OnVillages, OnSurveys, OnFindings, OnAccounts}
