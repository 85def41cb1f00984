// Package scan looks for clusters with Kulldorff's scan statistics: circles around centres, or cylinders of circles and windows of time, of
// which the one with the largest log likelihood ratio is the most likely cluster; its p-value comes from Monte Carlo replicates of the
// largest ratio under the null hypothesis (Kulldorff 1997).
//
//	Poisson              cases against expected numbers, purely spatial
//	Bernoulli            cases against controls, purely spatial
//	SpaceTimePoisson     cases against expected numbers by place and period, retrospective or prospective
//	SpaceTimePermutation cases alone by place and period
//	Temporal             cases against expected numbers by period
//
// Ties. Locations whose distances from a centre differ by at most TieM enter a circle together. Ratios that differ by at most 1e-12 of their
// size are equal; equal counts in equal measures have equal ratios. With populations and lengths of periods in whole numbers all sums are
// exact.
//
// Everything here is pure. Inputs are only read; results are safe for concurrent use as long as nobody writes to them. The same input and
// seed give the same result whatever the number of workers.
package scan

import (
	"wangge/grids"
	"wangge/grids/risk/stat"
)

// Rates says which clusters are looked for.
type Rates string

// The rates. The zero value "" is High.
const (
	High Rates = "high" // more cases than expected
	Low  Rates = "low"  // fewer cases than expected
	Both Rates = "both" // either
)

// TieM is the distance in metres up to which two distances from a centre are tied.
const TieM = 1e-6

// tie is the relative difference up to which two ratios are equal.
const tie = 1e-12

// Options of a scan. The zero value is a scan for high rates with the defaults named here.
type Options struct {
	Rates       Rates                 // "" is High
	MinCases    int                   // fewest cases in a cluster of high rates; 0 is 2. It does not bear on clusters of low rates
	Replicates  int                   // of the Monte Carlo test; 0 is 999
	Alpha       float64               // the level that Replicates must be able to reach: 1/(Replicates+1) ≤ Alpha; 0 is 0.05
	Seed        uint64                // of the random streams: replicate r draws from stat.Stream(Seed, r)
	MaxClusters int                   // most clusters in the result; 0 is all
	AllZones    bool                  // secondary clusters out of all zones, not only out of the best of each centre; see [Result]
	MaxPeriods  int                   // space-time and temporal: longest window in periods; 0 is half of the periods, rounded down
	Prospective bool                  // space-time and temporal: only windows that end with the last period
	PeriodDays  float64               // prospective: days of an analysis interval, for recurrence intervals in days; 0 is not known
	Workers     int                   // goroutines; 0 is one per processor. The result does not depend on it
	Progress    func(done, total int) // called after each replicate, one call at a time; nil is none
}

// Zone is a circle, or a cylinder, and what is in it.
type Zone struct {
	Centre       int        `json:"centre"`       // index of the centre
	Locations    int        `json:"locations"`    // how many locations it holds
	RadiusM      float64    `json:"radiusM"`      // from the centre to its farthest location, in metres
	From         int        `json:"from"`         // its first period; 0 when purely spatial
	To           int        `json:"to"`           // its last period, included; 0 when purely spatial
	Cases        int        `json:"cases"`        // observed
	Expected     float64    `json:"expected"`     // cases expected, on the scale where all expected cases sum to all cases
	RelativeRisk stat.Value `json:"relativeRisk"` // risk inside over risk outside; none without cases outside, and for the permutation model
	LLR          float64    `json:"llr"`          // log likelihood ratio, ≥ 0; of the permutation model Kulldorff's test statistic
	Rates        Rates      `json:"rates"`        // High or Low; "" when LLR is 0
}

// Cluster is a zone of the result, with its members and its test.
type Cluster struct {
	Zone
	Members             []int      `json:"members"`             // indices of its locations, ascending
	P                   float64    `json:"p"`                   // (1 + replicates with a maximum ≥ LLR)/(R + 1)
	PLower              float64    `json:"pLower"`              // (1 + replicates with a maximum ≤ LLR)/(R + 1)
	PGumbel             stat.Value `json:"pGumbel"`             // from a Gumbel distribution fitted to the maxima (Abrams et al. 2010)
	RecurrenceIntervals stat.Value `json:"recurrenceIntervals"` // prospective: 1/P analysis intervals; Missing otherwise
	RecurrenceDays      stat.Value `json:"recurrenceDays"`      // prospective: the same in days; Missing without Options.PeriodDays
}

// Result of a scan. The clusters have no location in common and stand by falling LLR, ties by the index of the centre; the first is the most
// likely cluster. There is none when no zone has a ratio above 0.
//
// Candidates of secondary clusters are the best zone of each centre. With Options.AllZones they are all zones: then a centre whose best
// zone overlaps a better cluster can still give a smaller one. The p-values compare every cluster with the maxima of whole replicates,
// which for secondary clusters is conservative.
type Result struct {
	Meta       stat.Meta  `json:"meta"`
	Cases      int        `json:"cases"` // all cases
	Clusters   []Cluster  `json:"clusters"`
	Centres    []Zone     `json:"centres"`    // the best zone of each centre, by centre: the smallest, shortest, earliest of equals
	Bare       []int      `json:"bare"`       // centres around which no circle keeps within the limits, ascending
	Maxima     []float64  `json:"maxima"`     // largest LLR of each replicate, in the order of replicates
	GumbelMu   stat.Value `json:"gumbelMu"`   // mean(Maxima) − 0.5772…·β
	GumbelBeta stat.Value `json:"gumbelBeta"` // β = sd(Maxima)·√6/π
}

// checked is the options with their defaults. The error is Invalid.
func (o Options) checked() (Options, error) {
	if o.Rates == "" {
		o.Rates = High
	}
	o.MinCases, o.Replicates = or(o.MinCases, 2), or(o.Replicates, 999)
	if o.Alpha == 0 {
		o.Alpha = 0.05
	}
	switch {
	case o.Rates != High && o.Rates != Low && o.Rates != Both:
		return o, grids.Errorf(grids.Invalid, "the rates %q are not known: use high, low or both", o.Rates)
	case o.MinCases < 1:
		return o, grids.Errorf(grids.Invalid, "a cluster of at least %d cases is none: MinCases must be 1 or more", o.MinCases)
	case !(o.Alpha > 0 && o.Alpha < 1):
		return o, grids.Errorf(grids.Invalid, "alpha must lie between 0 and 1")
	case o.Replicates < stat.Replicates(1, o.Alpha):
		return o, grids.Errorf(grids.Invalid, "with %d replicates no p can reach %g: take at least %d", o.Replicates, o.Alpha, stat.Replicates(1, o.Alpha))
	case o.MaxClusters < 0 || o.MaxPeriods < 0 || o.Workers < 0:
		return o, grids.Errorf(grids.Invalid, "MaxClusters, MaxPeriods and Workers must not be negative")
	case o.Replicates > maxReplicates:
		return o, grids.Errorf(grids.Invalid, "%d replicates are too many: take at most %d", o.Replicates, maxReplicates)
	case !(o.PeriodDays >= 0 && o.PeriodDays <= 1e6):
		return o, grids.Errorf(grids.Invalid, "PeriodDays must be a number of days, or 0 when it is not known")
	}
	return o, nil
}

// maxReplicates bounds what a run holds.
const maxReplicates = 10_000_000

// or is n, or other when n is 0.
func or(n, other int) int {
	if n == 0 {
		return other
	}
	return n
}

// meta describes a run of the model.
func (m *model) meta() stat.Meta {
	o, p := m.opt, map[string]any{}
	p["rates"], p["minCases"], p["replicates"], p["alpha"] = o.Rates, o.MinCases, o.Replicates, o.Alpha
	p["maxClusters"], p["allZones"] = o.MaxClusters, o.AllZones
	if m.places.Points != nil {
		p["centres"], p["greatCircle"], p["maxShare"] = m.places.centres(), m.places.GreatCircle, m.places.MaxShare
		p["maxRadiusM"], p["tieM"], p["population"] = m.places.MaxRadiusM, TieM, m.shareOf
	}
	if m.timed {
		p["periods"], p["maxPeriods"], p["prospective"], p["periodDays"] = m.periods, o.MaxPeriods, o.Prospective, o.PeriodDays
	}
	return stat.Meta{Method: m.method, Version: "1", Source: m.source, Params: p, Seed: o.Seed, Used: m.locations}
}
