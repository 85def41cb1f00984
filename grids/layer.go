package grids

import "github.com/paulmach/orb"

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
