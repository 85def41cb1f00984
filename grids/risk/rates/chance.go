package rates

import (
	"slices"

	"wangge/grids"
	"wangge/grids/risk/stat"
)

// FunnelOptions is what limits a funnel has.
type FunnelOptions struct {
	Target float64   // the ratio that all units are compared with; 0 is 1
	Levels []float64 // ascending; nil is 0.95 and 0.998
}

// FunnelUnit is one point of a funnel plot.
type FunnelUnit struct {
	Ratio    stat.Value // observed/expected; NoPopulation where nothing is expected
	Limits   []Interval // of the ratio, one a level
	Position int        // how many of the limits it lies above; below them, negative; 0 within all
}

// Funnel is the limits of every unit, in the order given.
type Funnel struct {
	Meta  stat.Meta
	Units []FunnelUnit
}

// FunnelLimits gives the limits within which the ratio of a unit with that expected count lies at the target, with exact Poisson quantiles
// made continuous between whole numbers (Spiegelhalter 2005, Statistics in Medicine 24, 1185–1202, appendix A.1.1), not below 0. Expected
// counts times the target are up to 10⁹. With n units about n·(1−level) lie outside a level by chance alone. The error is Invalid.
func FunnelLimits(observed, expected []float64, o FunnelOptions) (*Funnel, error) {
	o.Target = orDefault(o.Target, 1)
	if o.Levels == nil {
		o.Levels = []float64{.95, .998}
	}
	if err := checkFunnel(observed, expected, o); err != nil {
		return nil, err
	}
	out := &Funnel{Units: make([]FunnelUnit, len(observed))}
	used := 0
	for i := range observed {
		out.Units[i] = funnelUnit(observed[i], expected[i], o)
		if expected[i] > 0 {
			used++
		}
	}
	out.Meta = meta("funnel-limits", "Spiegelhalter 2005, appendix A.1.1", used, len(observed)-used)
	out.Meta.Params = map[string]any{"target": o.Target, "levels": slices.Clone(o.Levels)}
	return out, nil
}

// checkFunnel reports what is wrong with the input of a funnel. The error is Invalid.
func checkFunnel(observed, expected []float64, o FunnelOptions) error {
	if err := checkPair("observed", observed, "expected", expected); err != nil {
		return err
	}
	if err := checkWhole("observed", observed); err != nil {
		return err
	}
	if !(o.Target >= 1e-9 && o.Target <= 1e9) {
		return grids.Errorf(grids.Invalid, "a target ratio of %v: give one above 0, such as 1", o.Target)
	}
	if len(o.Levels) == 0 || !slices.IsSorted(o.Levels) {
		return grids.Errorf(grids.Invalid, "the levels %v of a funnel: give at least one, ascending, such as 0.95 and 0.998", o.Levels)
	}
	for _, level := range o.Levels {
		if err := checkLevel(level); err != nil {
			return err
		}
	}
	for i, e := range expected {
		if e*o.Target > mostExact {
			return grids.Errorf(grids.Invalid, "unit %d expects %v events at the target: the exact limits need at most %v", i, e*o.Target, float64(mostExact))
		}
	}
	return nil
}

// funnelUnit is one point and its limits.
func funnelUnit(observed, expected float64, o FunnelOptions) FunnelUnit {
	u := FunnelUnit{Ratio: ratio(observed, expected, .95).Ratio, Limits: make([]Interval, len(o.Levels))}
	for l, level := range o.Levels {
		if expected == 0 {
			u.Limits[l] = none(stat.NoPopulation)
			continue
		}
		tail := (1 - level) / 2
		lower, upper := max(0, quantile(expected*o.Target, tail, false)), max(0, quantile(expected*o.Target, tail, true))
		u.Limits[l] = Interval{stat.Of(lower / expected), stat.Of(upper / expected)}
		switch {
		case observed > upper:
			u.Position = l + 1
		case observed < lower:
			u.Position = -l - 1
		}
	}
	return u
}

// Probability is how probable a unit's count is when it has the expected mean.
type Probability struct {
	RelativeRisk stat.Value // 100 · observed/expected
	Lower        stat.Value // P(X ≤ observed)
	Upper        stat.Value // P(X ≥ observed)
	Tail         stat.Value // Choynowski's: Lower when fewer than expected are observed, Upper otherwise
}

// Probabilities is the probability map, in the order of the units.
type Probabilities struct {
	Meta  stat.Meta
	Units []Probability
}

// ProbabilityMap gives both Poisson tails of every count under its expected number (Choynowski 1959, Journal of the American Statistical
// Association 54, 385–388); [Uniform] makes the expected numbers of one rate everywhere. Small probabilities come from large populations
// as well as from large risks, and n units are n tests: see [stat.Adjust]. A unit where nothing is expected has none (NoPopulation). The
// error is Invalid.
func ProbabilityMap(observed, expected []float64) (*Probabilities, error) {
	if err := checkPair("observed", observed, "expected", expected); err != nil {
		return nil, err
	}
	if err := checkWhole("observed", observed); err != nil {
		return nil, err
	}
	out := &Probabilities{Units: make([]Probability, len(observed))}
	used := 0
	for i, e := range expected {
		if e > mostExact {
			return nil, grids.Errorf(grids.Invalid, "unit %d expects %v events: the exact Poisson distribution needs at most %v", i, e, float64(mostExact))
		}
		out.Units[i] = probability(observed[i], e)
		if e > 0 {
			used++
		}
	}
	out.Meta = meta("probability-map", "Choynowski 1959", used, len(observed)-used)
	out.Meta.Params = map[string]any{}
	return out, nil
}

// probability is the tails of one unit.
func probability(observed, expected float64) Probability {
	if expected == 0 {
		v := stat.None(stat.NoPopulation)
		return Probability{v, v, v, v}
	}
	p := Probability{
		RelativeRisk: stat.Of(100 * (observed / expected)),
		Lower:        stat.Of(lowerTail(observed, expected)),
		Upper:        stat.Of(upperTail(observed, expected)),
	}
	p.Tail = p.Upper
	if observed < expected {
		p.Tail = p.Lower
	}
	return p
}
