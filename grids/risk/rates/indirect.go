package rates

import (
	"wangge/grids"
	"wangge/grids/risk/stat"
)

// Ratio is the standardised ratio of a unit: observed over expected (SMR when the events are deaths).
type Ratio struct {
	Observed, Expected float64
	Ratio              stat.Value // NoPopulation where nothing is expected
	Interval           Interval   // exact, for the observed count; the expected one is taken as known
}

// RatioOptions is how ratios are shown.
type RatioOptions struct {
	Level float64 // of the intervals; 0 is 0.95
}

// Ratios is the ratio of every unit, in the order given.
type Ratios struct {
	Meta  stat.Meta
	Units []Ratio
	All   Ratio // of the units where something is expected
}

// SMR gives observed/expected with the exact Poisson interval (Garwood 1936): [χ²(α/2; 2O)/2, χ²(1−α/2; 2O+2)/2]/E. A unit where nothing
// is expected has no ratio (NoPopulation). The error is Invalid: observed counts that are not whole, numbers out of range.
func SMR(observed, expected []float64, o RatioOptions) (*Ratios, error) {
	o.Level = orDefault(o.Level, .95)
	if err := checkPair("observed", observed, "expected", expected); err != nil {
		return nil, err
	}
	if err := checkWhole("observed", observed); err != nil {
		return nil, err
	}
	if err := checkLevel(o.Level); err != nil {
		return nil, err
	}
	out := &Ratios{Units: make([]Ratio, len(observed))}
	used := 0
	for i := range observed {
		out.Units[i] = ratio(observed[i], expected[i], o.Level)
		if expected[i] > 0 {
			out.All.Observed, out.All.Expected, used = out.All.Observed+observed[i], out.All.Expected+expected[i], used+1
		}
	}
	out.All = ratio(out.All.Observed, out.All.Expected, o.Level)
	out.Meta = meta("smr", "Garwood 1936, Biometrika 28, 437–442", used, len(observed)-used)
	out.Meta.Params = map[string]any{"level": o.Level}
	return out, nil
}

// ratio is the ratio of one unit.
func ratio(observed, expected, level float64) Ratio {
	if expected == 0 {
		return Ratio{observed, expected, stat.None(stat.NoPopulation), none(stat.NoPopulation)}
	}
	return Ratio{observed, expected, stat.Of(observed / expected), scaled(observed, level, 1/expected)}
}

// StandardRates is the rate of each stratum over all units, O_s/N_s: the internal standard. cases and population have a row for every unit
// and a column for every stratum. A stratum without population has no rate (NoPopulation). The error is Invalid: rows that do not match,
// numbers out of range, cases in a stratum where nobody is.
func StandardRates(cases, population [][]float64) ([]stat.Value, error) {
	strata, err := checkStrata("population", population, -1)
	if err != nil {
		return nil, err
	}
	if _, err := checkStrata("cases", cases, strata); err != nil {
		return nil, err
	}
	if len(cases) != len(population) {
		return nil, grids.Errorf(grids.Invalid, "%d units in cases and %d in population: give a row of each for every unit", len(cases), len(population))
	}
	out := make([]stat.Value, strata)
	for s := range out {
		var o, n float64
		for i := range cases {
			o, n = o+cases[i][s], n+population[i][s]
		}
		switch {
		case n > 0:
			out[s] = stat.Of(o / n)
		case o > 0:
			return nil, grids.Errorf(grids.Invalid, "stratum %d has %v cases and no population: correct either, or join it with another", s, o)
		default:
			out[s] = stat.None(stat.NoPopulation)
		}
	}
	return out, nil
}

// Expected is the indirectly standardised number of every unit, E_i = Σ_s N_is · rate_s, of the rates of a standard population. A stratum
// without a rate must be without population. The error is Invalid.
func Expected(population [][]float64, standard []stat.Value) ([]float64, error) {
	if _, err := checkStrata("population", population, len(standard)); err != nil {
		return nil, err
	}
	for s, v := range standard {
		if r, ok := v.Known(); ok && !(r >= 0 && r <= mostCount) {
			return nil, grids.Errorf(grids.Invalid, "the standard rate of stratum %d is %v: give a number from 0 to %v", s, r, float64(mostCount))
		}
	}
	out := make([]float64, len(population))
	for i, row := range population {
		for s, n := range row {
			rate, ok := standard[s].Known()
			if !ok && n > 0 {
				return nil, grids.Errorf(grids.Invalid, "stratum %d has no standard rate, but unit %d has a population of %v in it: give the rate", s, i, n)
			}
			if ok {
				out[i] += n * rate
			}
		}
		if out[i] > mostCount {
			return nil, grids.Errorf(grids.Invalid, "unit %d would have %v expected events: that is above %v, correct the rates", i, out[i], float64(mostCount))
		}
	}
	return out, nil
}

// Uniform is what every unit would have at the rate of all, E_i = N_i · ΣO/ΣN: the expected numbers of a probability map without strata.
// Cases where nobody is do not count. The error is Invalid, also when nobody is anywhere.
func Uniform(cases, population []float64) ([]float64, error) {
	if err := checkPair("cases", cases, "population", population); err != nil {
		return nil, err
	}
	b, _, used := overall(cases, population)
	if used == 0 {
		return nil, grids.Errorf(grids.Invalid, "no unit has a population: give one for at least one unit")
	}
	out := make([]float64, len(cases))
	for i, n := range population {
		out[i] = n * b
	}
	return out, nil
}

// IndirectOptions is against what standard, and how ratios are shown.
type IndirectOptions struct {
	Standard []float64 // events a head by stratum of an outside population; nil is the rates of all units together
	Level    float64   // of the intervals; 0 is 0.95
}

// Indirect is the result of an indirect standardisation.
type Indirect struct {
	Meta     stat.Meta
	Standard []stat.Value // the rates used, by stratum
	Units    []Ratio      // in the order given
	All      Ratio
}

// Standardise compares what was observed in each unit with what it would have at the standard rates of its strata (of age, sex …):
// E_i = Σ_s N_is·O_s/N_s, SMR = O/E. cases and population have a row for every unit and a column for every stratum. The error is Invalid.
// Against the internal standard ΣE = ΣO.
func Standardise(cases, population [][]float64, o IndirectOptions) (*Indirect, error) {
	internal, err := StandardRates(cases, population)
	if err != nil {
		return nil, err
	}
	standard := internal
	if o.Standard != nil {
		standard = make([]stat.Value, len(o.Standard))
		for s, r := range o.Standard {
			standard[s] = stat.Of(r)
			if _, ok := standard[s].Known(); !ok {
				return nil, grids.Errorf(grids.Invalid, "the standard rate of stratum %d is %v: give a number", s, r)
			}
		}
	}
	expected, err := Expected(population, standard)
	if err != nil {
		return nil, err
	}
	observed := make([]float64, len(cases))
	for i, row := range cases {
		for _, c := range row {
			observed[i] += c
		}
	}
	r, err := SMR(observed, expected, RatioOptions{Level: o.Level})
	if err != nil {
		return nil, err
	}
	out := &Indirect{Meta: r.Meta, Standard: standard, Units: r.Units, All: r.All}
	out.Meta.Method = "indirect-standardisation"
	out.Meta.Params["strata"], out.Meta.Params["internal"] = len(standard), o.Standard == nil
	return out, nil
}

// checkStrata reports what is wrong with rows of strata, and how many there are; strata < 0 takes those of the first row. The error is Invalid.
func checkStrata(name string, rows [][]float64, strata int) (int, error) {
	if len(rows) == 0 {
		return 0, grids.Errorf(grids.Invalid, "%s has no units: give at least one row", name)
	}
	if strata < 0 {
		strata = len(rows[0])
	}
	if strata == 0 {
		return 0, grids.Errorf(grids.Invalid, "%s has no strata: give at least one column", name)
	}
	for i, row := range rows {
		if len(row) != strata {
			return 0, grids.Errorf(grids.Invalid, "%s of unit %d has %d strata: give %d, as the others", name, i, len(row), strata)
		}
		for s, x := range row {
			if !(x >= 0 && x <= mostCount) {
				return 0, grids.Errorf(grids.Invalid, "%s of unit %d in stratum %d is %v: give a number from 0 to %v", name, i, s, x, float64(mostCount))
			}
		}
	}
	return strata, nil
}
