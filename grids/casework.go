package grids

import (
	"slices"

	"github.com/paulmach/orb"
)

// CaseKind is what a casework event is about. Events are places, never persons.
type CaseKind string

// The kinds of casework, in the order of their numbers in the store (1…7).
const (
	Trafficking CaseKind = "trafficking" // 贩运
	Manufacture CaseKind = "manufacture" // 制造
	Cultivation CaseKind = "cultivation" // 种植
	Possession  CaseKind = "possession"  // 持有
	Premises    CaseKind = "premises"    // 容留场所
	TipOff      CaseKind = "tipoff"      // 举报线索
	OtherCase   CaseKind = "other"       // 其他
)

// CaseKinds lists the kinds; the number of a kind is its index + 1.
var CaseKinds = [...]CaseKind{Trafficking, Manufacture, Cultivation, Possession, Premises, TipOff, OtherCase}

// Number is the kind's number in the store, 0 for an unknown kind.
func (k CaseKind) Number() int16 { return int16(slices.Index(CaseKinds[:], k) + 1) }

// Precision says how exactly the day of an event is known.
type Precision string

// Exact to the day, or to the ISO week (the Day is then its Monday).
const (
	ByDay  Precision = "day"
	ByWeek Precision = "week"
)

// CaseEvent is one place event of casework (案件/警情). Exactly one of Point, VillageCode and GridCode came with
// it; the others are filled in by look-up where they follow.
type CaseEvent struct {
	ID          ID
	Kind        CaseKind
	On          Day
	Precision   Precision
	Point       *orb.Point // nil when only an area is known
	VillageCode Code
	GridCode    Code
	TownCode    Code
	Cell        int64 // H3 cell of the point at resolution 12, of resolution 7 over most of the village or grid without one; 0 when there is none
	Synthetic   bool
}
