// Package disclosure stands between counts and every output: it decides what may be shown of a number.
//
// Casework is told by a [Release] alone: one division of all events of closed months into groups of at least K, which never changes
// what it once told. Every number that leaves the server, on any map, table, period, kind or geography, is made of the sums of whole
// groups. So whatever a reader subtracts, he is left with sums of whole groups.
//
// What it does not protect from, and what is said in docs/SECURITY.md: that some events are in a cell (a group says so), that fewer than K
// are where nothing is told, and what a reader knows already.
//
// Everything here is pure. Values and rules are safe for concurrent use.
package disclosure

import (
	"math"
	"slices"

	"wangge/grids"
	"wangge/grids/mesh"
)

// State tells the six things that a figure can be; they look different on every output.
type State string

// The states of a figure.
const (
	IsNumber     State = "number"     // known and shown
	IsBand       State = "band"       // known, and shown as a range
	IsZero       State = "zero"       // known to be zero
	IsSuppressed State = "suppressed" // too small to be shown; of casework that may be none
	IsNoData     State = "nodata"     // not known, or not defined
	IsNotLooked  State = "notlooked"  // nobody has looked yet
)

// Value is a figure as it may be shown. N is 0 unless the state is IsNumber or IsBand. The zero Value is not a figure: make
// values with the functions below.
type Value struct {
	State State   `json:"state"`
	N     float64 `json:"n,omitempty"`
	To    float64 `json:"to,omitempty"` // of a band: its last number; 0 for a band without end
}

// Number is a shown figure: Zero for 0, NoData for what is not finite.
func Number(n float64) Value {
	switch {
	case n == 0:
		return Zero()
	case math.IsNaN(n) || math.IsInf(n, 0):
		return NoData()
	}
	return Value{State: IsNumber, N: n}
}

// Zero is a figure known to be zero.
func Zero() Value { return Value{State: IsZero} }

// Suppressed is a figure that is too small to be shown.
func Suppressed() Value { return Value{State: IsSuppressed} }

// NoData is a figure that is not known or not defined.
func NoData() Value { return Value{State: IsNoData} }

// NotLooked is a figure that nobody has gathered yet.
func NotLooked() Value { return Value{State: IsNotLooked} }

// Known is the figure when it is shown, zero included, and the beginning of a band; ok is false for the other states.
func (v Value) Known() (n float64, ok bool) {
	switch v.State {
	case IsNumber, IsBand:
		return v.N, true
	}
	return 0, v.State == IsZero
}

// Rule is what one class of readers may see of counts.
type Rule struct {
	K         int   // the smallest count that may be shown, at least 1; with less, no positive count is shown
	Finest    int   // H3 resolution of the finest cells
	Bands     []int // where bands begin, ascending, the first at K; nil for numbers
	Floor     int   // residents of a cell, where they are known, below which nothing in it is told
	Residents func(mesh.Cell) (n int, known bool)
}

// RuleOf is the rule of a class; k is the smallest count for the class that sees most, others see none below 5 or 10. The class
// of the territory alone has the zero Rule, which shows no positive count.
func RuleOf(c grids.Class, k int) Rule {
	switch c {
	case grids.ClassCommand:
		return Rule{K: k, Finest: 8}
	case grids.ClassField:
		return banded(max(k, 5), 8)
	case grids.ClassVillage:
		return banded(max(k, 5), 7)
	case grids.ClassBands:
		return banded(max(k, 10), 6)
	}
	return Rule{}
}

// banded is the rule with the usual bands from k on: 5, 10, 20, 50, 100, 200, 500 …
func banded(k, finest int) Rule {
	r := Rule{K: k, Finest: finest, Bands: []int{k}}
	for _, from := range []int{10, 20, 50, 100, 200, 500, 1000, 2000, 5000} {
		if from > k {
			r.Bands = append(r.Bands, from)
		}
	}
	return r
}

// shows reports whether the positive count n may be shown.
func (r Rule) shows(n int) bool { return r.K >= 1 && n >= r.K }

// Count is the count n as it may be shown: of things whose absence may be told, and of sums of whole groups. A negative n is no
// count: NoData.
func (r Rule) Count(n int) Value {
	switch {
	case n < 0:
		return NoData()
	case n == 0:
		return Zero()
	case !r.shows(n):
		return Suppressed()
	case r.Bands == nil:
		return Number(float64(n))
	}
	i, found := slices.BinarySearch(r.Bands, n)
	if !found {
		i--
	}
	v := Value{State: IsBand, N: float64(r.Bands[i])}
	if i+1 < len(r.Bands) {
		v.To = float64(r.Bands[i+1] - 1)
	}
	return v
}

// Estimate is a number of events that was shared out from groups by area: rounded to a whole number and shown as a count, save that
// none is not told from too few, because the events that no group tells are not in it. What is no number is NoData.
func (r Rule) Estimate(x float64) Value {
	if math.IsNaN(x) || math.IsInf(x, 0) || x < 0 {
		return NoData()
	}
	if v := r.Count(int(math.Round(x))); v.State != IsZero {
		return v
	}
	return Suppressed()
}

// Density is v per km² of an area in m²: that of the beginning of a band. What is not a number stays what it is; without an area a
// number is NoData.
func Density(v Value, areaM2 float64) Value {
	n, ok := v.Known()
	switch {
	case !ok:
		return v
	case !(areaM2 > 0) || math.IsInf(areaM2, 0):
		return NoData()
	}
	return Number(n / (areaM2 / 1e6))
}

// peopled reports whether enough people live where the items lie, as far as that is known.
func (r Rule) peopled(members []item) bool {
	if r.Residents == nil {
		return true
	}
	people, known := 0, false
	var last mesh.Cell
	for _, m := range members { // descendants first: equal cells follow each other
		if m.Cell == last {
			continue
		}
		last = m.Cell
		if n, ok := r.Residents(m.Cell); ok {
			people, known = people+n, true
		}
	}
	return !known || people >= r.Floor
}
