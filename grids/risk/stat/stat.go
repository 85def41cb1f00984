// Package stat holds what all statistics of risk share: figures that may be undefined, random streams that do not depend on the number of
// threads, tails of the normal distribution, and corrections for many tests.
//
// Everything here is pure. Values are safe for concurrent use; a stream belongs to one goroutine.
package stat

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
)

// Reason is a machine code of why there is no figure; "" when there is one.
type Reason string

// The reasons.
const (
	Constant     Reason = "constant"      // all values are equal: there is nothing to compare
	Isolate      Reason = "isolate"       // the unit has no neighbours
	AllUnits     Reason = "all-units"     // the neighbourhood covers every unit: there is nothing beside it
	TooFew       Reason = "too-few"       // fewer units, events or periods than the method needs
	Missing      Reason = "missing"       // the input has no value there
	NoPopulation Reason = "no-population" // the population is 0
	AboveCount   Reason = "above-count"   // a count larger than its population
	NotANumber   Reason = "not-a-number"  // the input, or what came out, is not finite or out of range
	AtMean       Reason = "at-mean"       // the value or its neighbours lie at the mean: no quadrant
	Cancelled    Reason = "cancelled"     // the run was ended before
)

// Value is a figure, or the reason why there is none. The zero Value is the number 0.
type Value struct {
	n      float64
	reason Reason
}

// Of is the figure n; without a figure (NotANumber) when n is not finite.
func Of(n float64) Value {
	if math.IsNaN(n) || math.IsInf(n, 0) {
		return Value{reason: NotANumber}
	}
	return Value{n: n}
}

// None is no figure, and why.
func None(why Reason) Value { return Value{reason: why} }

// Known is the figure; ok is false when there is none.
func (v Value) Known() (n float64, ok bool) { return v.n, v.reason == "" }

// Or is the figure, or other when there is none.
func (v Value) Or(other float64) float64 {
	if v.reason != "" {
		return other
	}
	return v.n
}

// Reason is why there is no figure; "" when there is one.
func (v Value) Reason() Reason { return v.reason }

// MarshalJSON writes the number with all its digits, or null.
func (v Value) MarshalJSON() ([]byte, error) {
	if v.reason != "" {
		return []byte("null"), nil
	}
	return json.Marshal(v.n)
}

// Meta is how a result came about; it stands in every result.
type Meta struct {
	Method  string         `json:"method"`            // such as "local-moran"
	Version string         `json:"version"`           // of the method: other bytes for the same input need another version
	Source  string         `json:"source"`            // author, year, equation
	Weights string         `json:"weights,omitempty"` // hash of the spatial weights, "" without
	Params  map[string]any `json:"params"`            // all that was chosen, defaults included
	Seed    uint64         `json:"seed,omitempty"`    // of the random streams; 0 when none were drawn
	Used    int            `json:"used"`              // units, events or points that the result is made of
	Dropped map[Reason]int `json:"dropped,omitempty"` // how many were left out, by reason
}

// Stream is the random stream of a unit (or replicate) under a seed: the same for the same pair, whatever runs beside it.
func Stream(seed, unit uint64) *rand.Rand { return rand.New(Source(seed, unit)) }

// Source is the source behind [Stream].
func Source(seed, unit uint64) *rand.PCG {
	return rand.NewPCG(mix(seed), mix(unit^0x9e3779b97f4a7c15))
}

// mix spreads neighbouring numbers apart (the finaliser of SplitMix64; Steele, Lea & Flood 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Upper is P(Z ≥ z) of the standard normal distribution, exact in the tail.
func Upper(z float64) float64 { return math.Erfc(z/math.Sqrt2) / 2 }

// Lower is P(Z ≤ z) of the standard normal distribution, exact in the tail.
func Lower(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }

// TwoSided is P(|Z| ≥ |z|) of the standard normal distribution.
func TwoSided(z float64) float64 { return math.Erfc(math.Abs(z) / math.Sqrt2) }

// Pseudo is the pseudo p-value of a Monte Carlo test: (1 + extreme)/(replicates + 1).
func Pseudo(extreme, replicates int) float64 { return float64(1+extreme) / float64(replicates+1) }

// BothTails is the two-sided p of two tails that each hold the observed value: twice the smaller, at most 1.
func BothTails(lower, upper float64) float64 { return min(1, 2*min(lower, upper)) }

// Adjust gives the p-values adjusted for the false discovery rate, in the order given (Benjamini & Hochberg 1995, step-up, ≤): the unit is
// rejected at alpha when its adjusted p is ≤ alpha. Only units with a p count as tests; the others keep their reason.
func Adjust(p []Value) []Value {
	out := slices.Clone(p)
	order := make([]int, 0, len(p))
	for i, v := range p {
		if _, ok := v.Known(); ok {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case p[a].n < p[b].n:
			return -1
		case p[a].n > p[b].n:
			return 1
		}
		return 0
	})
	least, m := 1.0, float64(len(order))
	for at := len(order) - 1; at >= 0; at-- {
		least = min(least, m*p[order[at]].n/float64(at+1))
		out[order[at]] = Value{n: least}
	}
	return out
}

// Replicates is the fewest replicates of a Monte Carlo test with which the correction of [Adjust] over so many tests can reject a single
// unit at alpha: the smallest pseudo p is 1/(R+1), and it must be ≤ alpha/tests.
func Replicates(tests int, alpha float64) int {
	if tests < 1 || !(alpha > 0 && alpha < 1) {
		return 0
	}
	return int(math.Ceil(float64(tests)/alpha*(1-1e-12))) - 1
}
