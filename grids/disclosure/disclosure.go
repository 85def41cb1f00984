// Package disclosure stands between counts and every output: it decides what may be shown of a number.
//
// What it protects today is primary disclosure: a count from 1 to K−1 is never shown, and [Policy.Partition] publishes
// every event in exactly one bucket of at least K, so that no bucket, sum of buckets or difference of sums over buckets
// (a parent less its children) is a group of fewer than K events.
//
// What it does not protect yet, and what a caller must therefore not publish side by side for the same events:
//   - two periods, or two sets of kinds, of which one contains the other: their difference may be small;
//   - two geographies (grids and cells, villages and grids): their slivers may be small. [Policy.Count] treats each
//     count on its own, without complementary suppression of rows and columns;
//   - the exact total beside a partition that hides fewer than K events, which gives the hidden number away;
//   - saturation: if m cells below a bucket are not shown, and the bucket holds m·(K−1), each holds exactly K−1;
//   - the absence of a bucket, which says that a cell holds fewer than K.
//
// Everything here is pure and safe for concurrent use.
package disclosure

import "math"

// State tells the five things that a figure can be; they look different on every output.
type State string

// The states of a figure.
const (
	IsNumber     State = "number"     // known and shown
	IsZero       State = "zero"       // known to be zero
	IsSuppressed State = "suppressed" // positive, too small to be shown
	IsNoData     State = "nodata"     // not known, or not defined
	IsNotLooked  State = "notlooked"  // nobody has looked yet
)

// Value is a figure as it may be shown. N is 0 unless the state is IsNumber. The zero Value is not a figure: make
// values with the functions below.
type Value struct {
	State State   `json:"state"`
	N     float64 `json:"n,omitempty"`
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

// Suppressed is a positive figure that is too small to be shown.
func Suppressed() Value { return Value{State: IsSuppressed} }

// NoData is a figure that is not known or not defined.
func NoData() Value { return Value{State: IsNoData} }

// NotLooked is a figure that nobody has gathered yet.
func NotLooked() Value { return Value{State: IsNotLooked} }

// Known is the figure when it is shown, zero included; ok is false for the other states.
func (v Value) Known() (n float64, ok bool) {
	if v.State == IsNumber {
		return v.N, true
	}
	return 0, v.State == IsZero
}

// Policy is what an audience may see.
type Policy struct {
	K int // the smallest count that may be shown, at least 1; with less, no positive count is shown
}

// shows reports whether the positive count n may be shown.
func (p Policy) shows(n int) bool { return p.K >= 1 && n >= p.K }

// Count is the count n as it may be shown. A negative n is no count: NoData.
func (p Policy) Count(n int) Value {
	switch {
	case n < 0:
		return NoData()
	case n == 0:
		return Zero()
	case !p.shows(n):
		return Suppressed()
	}
	return Number(float64(n))
}

// Density is n per km² of an area in m², suppressed exactly when the count is. Without an area it is NoData, save that a
// suppressed count stays suppressed.
func (p Policy) Density(n int, areaM2 float64) Value {
	v := p.Count(n)
	switch {
	case v.State == IsSuppressed || v.State == IsNoData:
		return v
	case !(areaM2 > 0) || math.IsInf(areaM2, 0):
		return NoData()
	}
	return Number(v.N / (areaM2 / 1e6))
}
