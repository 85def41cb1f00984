// Package interaction tests whether events that are near in space are also near in time: the Knox test for one pair of thresholds or a table
// of them, the near-repeat table of bands, and Mantel's test.
//
// The null hypothesis is always the same: the places are fixed, the times are fixed, and which time belongs to which place is random, all n!
// orders alike. Mean and variance under it are exact, not simulated. Because the test takes places and times as they are, the edges of the
// area and of the period need no correction; but a population that grows in one part and not in the other looks like interaction
// (Kulldorff & Hjalmars 1999), and the longer the period the more so.
//
// Coordinates are metres in one projected CRS, x then y; times are days, whole (dates) or not. Two dates differ by whole days, so a
// threshold of 7 days holds pairs 7 calendar days apart, whatever the hours. Distances are compared after rounding to double precision,
// (Δx² + Δy²)^½ ≤ δ, as written. An event that is there twice (same place, same time) counts twice: it is near itself at every threshold.
//
// Results do not depend on the order of the events nor on the number of workers. Everything here is pure and safe for concurrent use.
package interaction

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"wangge/grids"
	"wangge/grids/risk/stat"
)

// Event is where and when something happened.
type Event struct {
	X, Y float64 // metres in a projected CRS
	Day  float64 // days since any origin
}

// Metric is how distance in space is measured.
type Metric int

// The metrics.
const (
	Euclidean Metric = iota // (Δx² + Δy²)^½
	Manhattan               // |Δx| + |Δy|
)

// String is the metric's name in parameters.
func (m Metric) String() string {
	switch m {
	case Euclidean:
		return "euclidean"
	case Manhattan:
		return "manhattan"
	}
	return "unknown"
}

// The reasons for which there is no figure, beside those of package stat.
const (
	NotRun  stat.Reason = "not-run"  // no replicates were asked for
	TooMany stat.Reason = "too-many" // more pairs than may be kept: see Options.MaxPairs
)

// The limits of what is taken.
const (
	MinEvents       = 4             // fewer have no variance: it takes two pairs without a common event
	MaxEvents       = 2_000_000     // totals of chains stay below 2⁶³
	MaxThresholds   = 64            // thresholds or bands, of space and of time
	MaxMagnitude    = 1e12          // of coordinates, days and thresholds
	DefaultMaxPairs = 10_000_000    // pairs kept for Monte Carlo: 80 MB
	maxPairsCeiling = 1_000_000_000 // pairs that Options.MaxPairs may ask for
	maxReplicates   = 10_000_000    // replicates that Options.Replicates may ask for
)

// Options are what a test may be told. The zero value is Euclidean distance and exact moments without Monte Carlo.
type Options struct {
	Metric     Metric
	Replicates int    // permutations of the times; 0 is no Monte Carlo
	Seed       uint64 // of the permutations
	Workers    int    // goroutines for the permutations; below 2 is one. The result does not depend on it
	MaxPairs   int    // with more pairs to keep there is no Monte Carlo, and its p are TooMany; 0 is DefaultMaxPairs
	// Progress, if any, hears how many replicates are done. It is called by one goroutine at a time.
	Progress func(done, total int)
}

// check reports what is wrong with the options. The error is Invalid.
func (o Options) check() error {
	switch {
	case o.Metric != Euclidean && o.Metric != Manhattan:
		return grids.Errorf(grids.Invalid, "there is no metric %d: use Euclidean or Manhattan", o.Metric)
	case o.Replicates < 0 || o.Replicates > maxReplicates:
		return grids.Errorf(grids.Invalid, "%d replicates: give 0 (none) to %d", o.Replicates, maxReplicates)
	case o.MaxPairs < 0 || o.MaxPairs > maxPairsCeiling:
		return grids.Errorf(grids.Invalid, "%d pairs to keep: give 0 (the default) to %d", o.MaxPairs, maxPairsCeiling)
	}
	return nil
}

// maxPairs is MaxPairs or its default.
func (o Options) maxPairs() int {
	if o.MaxPairs == 0 {
		return DefaultMaxPairs
	}
	return o.MaxPairs
}

// withoutMonteCarlo is the reason for which there is no Monte Carlo, "" when there is; kept says whether the pairs fitted.
func (o Options) withoutMonteCarlo(kept bool) stat.Reason {
	switch {
	case o.Replicates == 0:
		return NotRun
	case !kept:
		return TooMany
	}
	return ""
}

// Tails are the p-values of one statistic. Each tail holds the observed value; TwoSided is twice the smaller, at most 1.
type Tails struct {
	Upper    stat.Value `json:"upper"` // P(X ≥ x): more near pairs than by chance
	Lower    stat.Value `json:"lower"` // P(X ≤ x): fewer
	TwoSided stat.Value `json:"two_sided"`
}

// noTails are tails without figures, and why.
func noTails(why stat.Reason) Tails {
	return Tails{stat.None(why), stat.None(why), stat.None(why)}
}

// normalTails are the tails of a standard normal z, without continuity correction.
func normalTails(z stat.Value) Tails {
	v, ok := z.Known()
	if !ok {
		return noTails(z.Reason())
	}
	return Tails{Upper: stat.Of(stat.Upper(v)), Lower: stat.Of(stat.Lower(v)), TwoSided: stat.Of(stat.TwoSided(v))}
}

// monteCarloTails are the pseudo p-values of so many replicates, of which atLeast and atMost were as extreme as what was observed.
func monteCarloTails(atLeast, atMost, replicates int) Tails {
	upper, lower := stat.Pseudo(atLeast, replicates), stat.Pseudo(atMost, replicates)
	return Tails{Upper: stat.Of(upper), Lower: stat.Of(lower), TwoSided: stat.Of(stat.BothTails(lower, upper))}
}

// checkEvents reports what is wrong with the events. The error is Invalid and names the first event that is wrong.
func checkEvents(events []Event) error {
	if len(events) < MinEvents {
		return grids.Errorf(grids.Invalid, "%d events are too few for a test of space-time interaction: it needs at least %d", len(events), MinEvents)
	}
	if len(events) > MaxEvents {
		return grids.Errorf(grids.Invalid, "%d events are too many: give at most %d, such as those of a shorter period", len(events), MaxEvents)
	}
	for i, e := range events {
		for _, v := range [...]struct {
			name string
			at   float64
		}{{"x", e.X}, {"y", e.Y}, {"day", e.Day}} {
			if !(math.Abs(v.at) <= MaxMagnitude) {
				return grids.Errorf(grids.Invalid, "event %d has the %s %v: give a finite number of metres or days, at most %g", i, v.name, v.at, MaxMagnitude)
			}
		}
	}
	return nil
}

// compareEvents orders events by x, y and day: an order that does not depend on how they came in.
func compareEvents(a, b Event) int {
	return cmp.Or(cmp.Compare(a.X, b.X), cmp.Compare(a.Y, b.Y), cmp.Compare(a.Day, b.Day))
}

// duplicates is how many of the sorted events are the same, in place and time, as one before them.
func duplicates(sorted []Event) int {
	return len(sorted) - len(slices.Compact(slices.Clone(sorted)))
}

// daysOf are the days of the events, in their order.
func daysOf(events []Event) []float64 {
	days := make([]float64, len(events))
	for i, e := range events {
		days[i] = e.Day
	}
	return days
}

// ended is the error of a context that is over; nil before.
func ended(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("space-time interaction: %w", err)
	}
	return nil
}
