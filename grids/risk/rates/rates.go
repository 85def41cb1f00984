// Package rates compares counts of events where populations differ: crude and indirectly standardised rates with exact Poisson intervals,
// funnel limits, probability maps, empirical Bayes smoothing and the empirical Bayes Moran test.
//
// Counts, populations and expected counts are one number a unit, in the same order, from 0 to 10¹⁵; a positive population is at least 10⁻⁹.
// What is exact Poisson asks for whole observed counts up to 10⁹; expected counts need not be whole. Populations may be person-years.
//
// Everything here is pure and safe for concurrent use; arguments are never changed.
package rates

import (
	"math"

	"wangge/grids"
	"wangge/grids/risk/stat"
)

// The bounds of what is taken.
const (
	mostCount = 1e15  // of counts, populations and expected counts: whole numbers are exact below
	mostExact = 1e9   // of counts in an exact Poisson distribution
	leastPop  = 1e-9  // of a positive population
	leastTail = 1e-12 // 1 − level of an interval
)

// Interval is the two ends of an interval, or why there is none.
type Interval struct {
	Lower, Upper stat.Value
}

// none is an interval that is not there.
func none(why stat.Reason) Interval { return Interval{stat.None(why), stat.None(why)} }

// Rate is the crude rate of a unit.
type Rate struct {
	Rate     stat.Value // events per so many (CrudeOptions.Per) of the population
	Interval Interval   // exact, in the same unit
}

// CrudeOptions is how crude rates are shown.
type CrudeOptions struct {
	Per   float64 // of how many in the population, such as 100,000; 0 is 1
	Level float64 // of the intervals; 0 is 0.95
}

// CrudeRates is the crude rate of every unit, in the order given.
type CrudeRates struct {
	Meta  stat.Meta
	Units []Rate
	All   Rate // Σ cases / Σ population of the units that have a population
}

// Crude gives cases / population with exact Poisson intervals (Garwood 1936). A unit without population has no rate (NoPopulation) and does
// not count in that of all; more cases than population is taken, because a place can have several events a head. The error is Invalid.
func Crude(cases, population []float64, o CrudeOptions) (*CrudeRates, error) {
	o.Per, o.Level = orDefault(o.Per, 1), orDefault(o.Level, .95)
	if err := checkPair("cases", cases, "population", population); err != nil {
		return nil, err
	}
	if err := checkWhole("cases", cases); err != nil {
		return nil, err
	}
	if err := checkLevel(o.Level); err != nil {
		return nil, err
	}
	if !(o.Per >= 1e-9 && o.Per <= mostCount) {
		return nil, grids.Errorf(grids.Invalid, "a rate per %v of the population: give a number from 1e-9 to 1e15, such as 100000", o.Per)
	}
	out := &CrudeRates{Units: make([]Rate, len(cases))}
	var sum, people float64
	used := 0
	for i := range cases {
		out.Units[i] = crude(cases[i], population[i], o)
		if population[i] > 0 {
			sum, people, used = sum+cases[i], people+population[i], used+1
		}
	}
	out.All = crude(sum, people, o)
	out.Meta = meta("crude-rate", "Garwood 1936, Biometrika 28, 437–442", used, len(cases)-used)
	out.Meta.Params = map[string]any{"per": o.Per, "level": o.Level}
	return out, nil
}

// crude is the rate of one unit.
func crude(cases, population float64, o CrudeOptions) Rate {
	if population == 0 {
		return Rate{stat.None(stat.NoPopulation), none(stat.NoPopulation)}
	}
	per := o.Per / population
	return Rate{stat.Of(cases * per), scaled(cases, o.Level, per)}
}

// scaled is the exact interval of a count times a factor; without one (NotANumber) for sums above what is exact.
func scaled(observed, level, by float64) Interval {
	lower, upper, err := Garwood(observed, level)
	if err != nil {
		return none(stat.NotANumber)
	}
	return Interval{stat.Of(lower * by), stat.Of(upper * by)}
}

// meta is the account of a result whose dropped units had no population.
func meta(method, source string, used, empty int) stat.Meta {
	m := stat.Meta{Method: method, Version: "1", Source: source, Used: used}
	if empty > 0 {
		m.Dropped = map[stat.Reason]int{stat.NoPopulation: empty}
	}
	return m
}

// orDefault is x, or the default when x is 0.
func orDefault(x, byDefault float64) float64 {
	if x == 0 {
		return byDefault
	}
	return x
}

// checkPair reports what is wrong with two columns of units. The error is Invalid.
func checkPair(nameA string, a []float64, nameB string, b []float64) error {
	if len(a) != len(b) {
		return grids.Errorf(grids.Invalid, "%d units in %s and %d in %s: give one of each for every unit", len(a), nameA, len(b), nameB)
	}
	if len(a) == 0 {
		return grids.Errorf(grids.Invalid, "%s and %s have no units: give at least one", nameA, nameB)
	}
	for i := range a {
		if err := checkNumber(nameA, i, a[i]); err != nil {
			return err
		}
		if err := checkNumber(nameB, i, b[i]); err != nil {
			return err
		}
		if nameB == "population" && b[i] > 0 && b[i] < leastPop {
			return grids.Errorf(grids.Invalid, "population of unit %d is %v: give 0, or at least %v", i, b[i], leastPop)
		}
	}
	return nil
}

// checkNumber reports a number that is no count, population or expected count. The error is Invalid.
func checkNumber(name string, i int, x float64) error {
	if !(x >= 0 && x <= mostCount) {
		return grids.Errorf(grids.Invalid, "%s of unit %d is %v: give a number from 0 to %v", name, i, x, float64(mostCount))
	}
	return nil
}

// checkWhole reports a count that is not whole. The error is Invalid.
func checkWhole(name string, x []float64) error {
	for i, v := range x {
		if v != math.Trunc(v) || v > mostExact {
			return grids.Errorf(grids.Invalid, "%s of unit %d is %v: the exact Poisson distribution needs a whole count up to %v", name, i, v, float64(mostExact))
		}
	}
	return nil
}

// checkLevel reports a level that no interval has. The error is Invalid.
func checkLevel(level float64) error {
	if !(level > 0 && 1-level >= leastTail) {
		return grids.Errorf(grids.Invalid, "a level of %v: give one above 0 and below 1, such as 0.95", level)
	}
	return nil
}
