// Package risk ranks places by a composite index of risk that explains itself: every score comes with the parts it
// is made of. Numbers in, numbers out; places only, never persons.
//
// It sees counts only as they are disclosed, so a score cannot tell more about a count than what is shown beside it.
// Everything here is pure and safe for concurrent use.
package risk

import (
	"math"

	"wangge/grids"
	"wangge/grids/disclosure"
)

// Factor is one thing that the index is made of.
type Factor string

// The factors.
const (
	Casework          Factor = "casework"           // cases per km² in the window
	FindingsOpen      Factor = "findings_open"      // findings per km² that still need work
	FindingsConfirmed Factor = "findings_confirmed" // findings per km² that were confirmed on the ground
	Status            Factor = "status"             // share of villages that are not certified
	Survey            Factor = "survey"             // share of the survey that is not done
)

// Factors lists every factor in the order of the parts of a score.
var Factors = [...]Factor{Casework, FindingsOpen, FindingsConfirmed, Status, Survey}

// Title is the factor's name on the screen, by language: "zh" and "en".
func Title(f Factor) map[string]string {
	switch f {
	case Casework:
		return map[string]string{"zh": "案件密度", "en": "Casework density"}
	case FindingsOpen:
		return map[string]string{"zh": "未办结踏查发现", "en": "Open findings"}
	case FindingsConfirmed:
		return map[string]string{"zh": "已确认踏查发现", "en": "Confirmed findings"}
	case Status:
		return map[string]string{"zh": "未达标村居占比", "en": "Villages not certified"}
	case Survey:
		return map[string]string{"zh": "滚动调查未完成", "en": "Survey not done"}
	}
	return map[string]string{"zh": string(f), "en": string(f)}
}

// Weights is a set of weights and the parameters of the normalisation: all that a score depends on beside the data.
type Weights struct {
	Version      string             // such as 2026-1; shown with every score
	WindowMonths int                // how many calendar months of casework are counted
	Weight       map[Factor]float64 // of every factor, at least 0; they sum to 1
	Percentile   float64            // of the positive densities of all units, 0…1: a density there or above counts in full
	FloorPerKm2  map[Factor]float64 // of the three densities: where few units have any, a density counts in full no sooner than here
}

// Default is the set of weights in force.
func Default() Weights {
	return Weights{
		Version:      "2026-1",
		WindowMonths: 12,
		Weight:       map[Factor]float64{Casework: .35, FindingsOpen: .15, FindingsConfirmed: .20, Status: .20, Survey: .10},
		Percentile:   .95,
		FloorPerKm2:  map[Factor]float64{Casework: 1, FindingsOpen: .5, FindingsConfirmed: .5},
	}
}

// Check reports what is wrong with the weights. The error is Invalid.
func (w Weights) Check() error {
	if w.Version == "" {
		return grids.Errorf(grids.Invalid, "the risk weights have no version: give one, such as 2026-1")
	}
	if w.WindowMonths < 1 || w.WindowMonths > 120 {
		return grids.Errorf(grids.Invalid, "risk weights %s: a window of %d months is outside 1 to 120", w.Version, w.WindowMonths)
	}
	if !(w.Percentile > 0 && w.Percentile <= 1) {
		return grids.Errorf(grids.Invalid, "risk weights %s: percentile %v is outside 0 to 1", w.Version, w.Percentile)
	}
	sum := 0.0
	for _, f := range Factors {
		v, ok := w.Weight[f]
		if !ok || !(v >= 0 && v <= 1) {
			return grids.Errorf(grids.Invalid, "risk weights %s: factor %s needs a weight from 0 to 1", w.Version, f)
		}
		sum += v
		if isDensity(f) && !(w.FloorPerKm2[f] > 0 && w.FloorPerKm2[f] <= math.MaxFloat64) {
			return grids.Errorf(grids.Invalid, "risk weights %s: factor %s needs a floor above 0 per km²", w.Version, f)
		}
	}
	if len(w.Weight) != len(Factors) {
		return grids.Errorf(grids.Invalid, "risk weights %s: there is a weight for a factor that is not known", w.Version)
	}
	if math.Abs(sum-1) > 1e-9 {
		return grids.Errorf(grids.Invalid, "risk weights %s sum to %v: they must sum to 1", w.Version, sum)
	}
	return nil
}

// isDensity reports whether the factor is a count per km².
func isDensity(f Factor) bool {
	return f == Casework || f == FindingsOpen || f == FindingsConfirmed
}

// Unit is a place to be ranked: a grid, a village, a cell.
type Unit struct {
	Key               string
	AreaM2            float64          // without a positive area the densities are missing
	Cases             disclosure.Value // count in the window, as disclosed
	FindingsOpen      float64          // count
	FindingsConfirmed float64          // count
	CertifiedShare    disclosure.Value // certified villages of all in the unit, 0…1
	Survey            disclosure.Value // completion of the latest round, 0…1
}

// The reasons of a part, beside the states of a missing value: "suppressed", "nodata", "notlooked".
const (
	SuppressedMidpoint = "suppressed-midpoint" // the count is suppressed and entered as the middle of 1…K−1
	NoArea             = "no-area"             // a density without an area
	NotANumber         = "not-a-number"        // the input is not finite or out of range
)

// The units of a part's figure.
const (
	perKm2 = "per_km2"
	share  = "share"
)

// Part is what one factor adds to a score.
type Part struct {
	Factor       Factor
	Raw          disclosure.Value // the figure behind it, as it may be shown
	Unit         string           // of Raw: "per_km2" or "share"
	Normalised   float64          // 0…1, more is riskier; 0 when missing
	Missing      bool             // not known: its weight went to the other factors
	Weight       float64          // as used: those of a score sum to 1, a missing factor has 0
	Contribution float64          // points of the 0…100; those of a score sum to its value exactly
	Reason       string           // machine code of why it is missing or approximate, "" when it is neither
}

// Score is the index of one unit with its explanation.
type Score struct {
	Key   string
	Value disclosure.Value // 0…100; NoData when no factor is known
	Parts []Part           // one a factor, in the order of Factors
}
