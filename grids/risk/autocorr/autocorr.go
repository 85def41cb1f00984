// Package autocorr measures spatial autocorrelation: whether neighbouring places have like values, over the whole map (Moran's I, Geary's C,
// the general G of Getis and Ord, a correlogram) and place by place (local Moran, Gi and Gi*).
//
// The p-value of a local statistic is conditional on the value of its unit: the neighbours' values are a random draw, without replacement,
// from the other n−1. On counts with equal weights it is computed exactly, otherwise by permutation; the normal approximation is there to be
// asked for, not to be relied on: on sparse counts its upper tail is several times too small.
//
// A statistic that is not defined is null with a reason, a value that is not a number is refused. Ties count in both tails: sums are tied
// when they differ by at most [TieTolerance] of the larger, which for counts is equality.
//
// Everything here is pure and safe for concurrent use. Results depend on the input and the seed alone, not on the number of workers.
package autocorr

import (
	"wangge/grids"
	"wangge/grids/risk/stat"
)

// TieTolerance is the share of the larger of two sums, of values counted from the smallest value of all, within which they are tied.
const TieTolerance = 1e-12

// Version of the methods here, as it stands in every result.
const version = "1"

// The smallest numbers of units.
const (
	leastGlobal = 4 // the variance under randomisation divides by n−3
	leastLocal  = 3 // the conditional variance divides by n−2
)

// The usual numbers of replicates of a local statistic.
const (
	DefaultReplicates    = 999  // without correction for many tests
	DefaultReplicatesFDR = 9999 // with it, unless more are needed to reject at all
	maxReplicates        = 100_000_000
)

// DefaultAlpha is the level of significance when none is given.
const DefaultAlpha = .05

// Alternative is the hypothesis against chance. The zero Alternative is two-sided.
type Alternative uint8

// The alternatives.
const (
	TwoSided Alternative = iota // more alike or less alike than by chance
	Greater                     // a larger statistic; for Geary's C, which is small among like values, a smaller one
	Less                        // a smaller statistic; for Geary's C a larger one
)

// Fold is how a two-sided p is made of the two tails of a draw. The zero Fold is Doubled.
type Fold uint8

// The folds.
const (
	Doubled Fold = iota // 2 · min(P(≤), P(≥)), at most 1
	Folded              // min(P(≤), P(≥))
	GeoDa               // min(P(≥), P(<)), as GeoDa and PySAL do: too small where there are ties
)

// PMethod is where a p-value comes from. The zero PMethod is Auto.
type PMethod uint8

// The methods.
const (
	Auto        PMethod = iota // Exact where it applies and is cheap, else Permutation
	Exact                      // by dynamic programming: counts (or multiples of one number) and weights that are equal within the row
	Permutation                // conditional permutation, one random stream for each unit
	Normal                     // by the z-value
)

// Moments is which expectation and variance of the local Moran are given. The zero Moments is Conditional.
type Moments uint8

// The moments.
const (
	Conditional Moments = iota // given the value of the unit (Sokal, Oden & Thomson 1998, eq. A7 and A8)
	Total                      // over all permutations (Anselin 1995, eq. 13 and 14)
)

// Variance is the null model of a global statistic. The zero Variance is Randomisation.
type Variance uint8

// The null models.
const (
	Randomisation Variance = iota // the values are a random arrangement of those observed
	Normality                     // the values are drawn from a normal distribution; not for the general G
)

// Quadrant is where a unit lies on Moran's scatter plot: its value, then its neighbours', each against the mean of all (the convention of
// PySAL and GeoDa).
type Quadrant uint8

// The quadrants.
const (
	NoQuadrant Quadrant = iota // the value or the neighbours' is at the mean, or there is none
	HighHigh
	LowLow
	HighLow
	LowHigh
)

// Class is what a map shows of a unit.
type Class uint8

// The classes. Local Moran has the quadrants, Gi and Gi* hot and cold spots.
const (
	Insufficient   Class = iota // no test: the reason stands beside it
	NotSignificant              // or, of local Moran, without a quadrant
	ClassHighHigh
	ClassLowLow
	ClassHighLow
	ClassLowHigh
	Hot90 // P ≤ .10
	Hot95 // P ≤ .05
	Hot99 // P ≤ .01
	Cold90
	Cold95
	Cold99
)

// String is the name of the alternative.
func (a Alternative) String() string { return name(a, "two-sided", "greater", "less") }

// String is the name of the fold.
func (f Fold) String() string { return name(f, "doubled", "folded", "geoda") }

// String is the name of the method.
func (m PMethod) String() string { return name(m, "auto", "exact", "permutation", "normal") }

// String is the name of the moments.
func (m Moments) String() string { return name(m, "conditional", "total") }

// String is the name of the null model.
func (v Variance) String() string { return name(v, "randomisation", "normality") }

// String is the name of the quadrant, "" for none.
func (q Quadrant) String() string { return name(q, "", "high-high", "low-low", "high-low", "low-high") }

// String is the name of the class.
func (c Class) String() string {
	return name(c, "insufficient", "not-significant", "high-high", "low-low", "high-low", "low-high",
		"hot-90", "hot-95", "hot-99", "cold-90", "cold-95", "cold-99")
}

// MarshalText writes the name.
func (m PMethod) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// MarshalText writes the name.
func (q Quadrant) MarshalText() ([]byte, error) { return []byte(q.String()), nil }

// MarshalText writes the name.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// name is the v-th of names, "unknown" beyond them.
func name[T ~uint8](v T, names ...string) string {
	if int(v) < len(names) {
		return names[v]
	}
	return "unknown"
}

// known refuses a choice that is not one of so many.
func known[T ~uint8](what string, v T, choices int) error {
	if int(v) >= choices {
		return grids.Errorf(grids.Invalid, "there is no %s number %d: take one of the %d that are named", what, v, choices)
	}
	return nil
}

// Tails is the p-values of one statistic.
type Tails struct {
	Lower stat.Value `json:"p_lower"` // of a statistic as small, or smaller
	Upper stat.Value `json:"p_upper"` // as large, or larger
	P     stat.Value `json:"p"`       // by the alternative
}

// none is tails without a figure.
func none(why stat.Reason) Tails { return Tails{stat.None(why), stat.None(why), stat.None(why)} }

// normal is the tails of a standard normal deviate.
func normal(z stat.Value, a Alternative) Tails {
	d, ok := z.Known()
	if !ok {
		return none(z.Reason())
	}
	t := Tails{Lower: stat.Of(stat.Lower(d)), Upper: stat.Of(stat.Upper(d))}
	t.P = pick(a, t, stat.TwoSided(d))
	return t
}

// drawn is the tails of a distribution; replicates is how often it was sampled, 0 when it is exact.
func drawn(lower, upper float64, a Alternative, f Fold, replicates int) Tails {
	t := Tails{Lower: stat.Of(lower), Upper: stat.Of(upper)}
	t.P = pick(a, t, fold(lower, upper, f, replicates))
	return t
}

// pick is the p of the alternative.
func pick(a Alternative, t Tails, twoSided float64) stat.Value {
	switch a {
	case Greater:
		return t.Upper
	case Less:
		return t.Lower
	}
	return stat.Of(twoSided)
}

// fold makes one p of the two tails.
func fold(lower, upper float64, f Fold, replicates int) float64 {
	switch {
	case f == Folded:
		return min(lower, upper)
	case f == GeoDa && replicates == 0:
		return max(0, min(upper, 1-upper))
	case f == GeoDa:
		larger := int(upper*float64(replicates+1)+.5) - 1
		return stat.Pseudo(min(larger, replicates-larger), replicates)
	}
	return stat.BothTails(lower, upper)
}
