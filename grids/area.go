package grids

import (
	"strings"

	"github.com/paulmach/orb"
)

// DistrictID is the GB/T 2260 code of a district as a number: 310151 is Chongming (崇明区).
type DistrictID int32

// Chongming is the district the server is built for.
const Chongming DistrictID = 310151

// Code is an administrative code as text. A district or town ends in zeros (310151000000, 310151101000), a
// village has 12 digits (310151101001); a grid code is free text of at most 32 characters, unique in its edition.
type Code = string

// District is the whole area.
type District struct {
	ID        DistrictID
	Code      Code
	Name      string
	NameEN    string
	Geometry  orb.MultiPolygon
	Synthetic bool // made for the demo: said on every screen and export
}

// Town is a town, township, farm or park (镇, 乡, 农林场, 园区): 12 digits, the last three zero.
type Town struct {
	Code      Code
	Name      string
	Kind      string
	Geometry  orb.MultiPolygon
	Synthetic bool
}

// Village is a village or residents' committee (村委会, 居委会): 12 digits, the first nine its town's.
type Village struct {
	Code      Code
	TownCode  Code
	Name      string
	Kind      string
	Geometry  orb.MultiPolygon
	Synthetic bool
}

// Family is a grid system over the district; several lie over the same ground (四网叠加).
type Family string

// The grid families the article names.
const (
	DrugControl   Family = "drug-control"
	PartyBuilding Family = "party-building"
	Security      Family = "public-security"
	CityManaging  Family = "city-management"
)

// Families lists every family, the default first.
var Families = [...]Family{DrugControl, PartyBuilding, Security, CityManaging}

// Attribution is whom the outlines are owed to, as their licence asks: it stands on every map and table of them.
const Attribution = "© OpenStreetMap contributors (ODbL)"

// EditionState is where an edition of a grid family stands.
type EditionState string

// The states of an edition, in order.
const (
	Draft      EditionState = "draft"
	Audited    EditionState = "audited"
	Published  EditionState = "published"
	Superseded EditionState = "superseded"
)

// Edition is one dated version of a family's grids. One edition a family is published at a time.
type Edition struct {
	ID            ID
	Family        Family
	Name          string
	State         EditionState
	EffectiveFrom Day
	Grids         int // how many grids it holds
}

// Grid is one grid (网格) of an edition. It belongs to one town and to many villages.
type Grid struct {
	Code      Code
	TownCode  Code
	Name      string
	Geometry  orb.MultiPolygon
	Synthetic bool
}

// Territory is everything that a place can be looked up in: one district and the grids of one edition.
type Territory struct {
	District District
	Towns    []Town
	Villages []Village
	Edition  Edition
	Grids    []Grid
	Editions []Edition // every edition of the family in any state, the newest first; Edition is one of them
}

// TownOf is the code of the town that a 12-digit village or town code belongs to, "" when it is not 12 digits.
func TownOf(code Code) Code {
	if !IsCode12(code) {
		return ""
	}
	return code[:9] + "000"
}

// IsCode12 reports whether code is 12 ASCII digits.
func IsCode12(code Code) bool {
	if len(code) != 12 {
		return false
	}
	return strings.IndexFunc(code, func(r rune) bool { return r < '0' || r > '9' }) < 0
}

// Places is what a territory knows of a place; it is built once for an edition and safe for concurrent use. Its methods
// are called for every row of an import, so they have to be fast.
type Places interface {
	// Locate finds what covers a point; on a shared border the lowest code. ok is false outside the district.
	Locate(p orb.Point) (town, village, grid Code, ok bool)
	// Village is the town of a village and the grid that holds most of it.
	Village(code Code) (town, grid Code, ok bool)
	// Grid is the town of a grid.
	Grid(code Code) (town Code, ok bool)
	// Town reports whether there is a town of that code.
	Town(code Code) bool
	// CellOf is the H3 cell of resolution 7 that holds most of a village or grid, 0 without one.
	CellOf(level Level, code Code) int64
	// Cell is the H3 cell of a point at resolution 12.
	Cell(p orb.Point) int64
}
