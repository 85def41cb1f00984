package risk

import (
	"math"
	"slices"

	"wangge/grids"
	"wangge/grids/risk/stat"
)

// Normalisation is how the values of an indicator are made comparable with those of others (OECD & JRC 2008, Handbook on Constructing
// Composite Indicators, §5). Moments, limits and ranks are those of the units that have a value.
type Normalisation string

// The normalisations.
const (
	ZScore         Normalisation = "z-score"         // (x − mean)/sd, sd with n
	MinMax         Normalisation = "min-max"         // (x − least)/(largest − least), 0…1
	PercentileRank Normalisation = "percentile-rank" // (r − 1)/(n − 1), r the rank from 1 and of equal values their mean rank, 0…1
	Raw            Normalisation = "raw"             // x as it is
)

// Direction says which way an indicator points.
type Direction string

// The directions. A falling indicator enters as −f, or 1 − f where f is 0…1.
const (
	Rising  Direction = "rising"  // more is riskier
	Falling Direction = "falling" // less is riskier
)

// MissingPolicy says what becomes of a unit that lacks a value.
type MissingPolicy string

// The policies.
const (
	Renormalise MissingPolicy = "renormalise" // its other weights are scaled to sum to 1
	NullValue   MissingPolicy = "null"        // it has no index
)

// Indicator is one series that an index is made of.
type Indicator struct {
	Name      string
	Values    []stat.Value // one a unit
	Weight    float64      // at least 0; those of an index sum to 1
	Normalise Normalisation
	Direction Direction
}

// Recipe is what an index depends on beside its indicators.
type Recipe struct {
	Version string // of the indicators, weights and normalisations, such as 2026-1; shown with every value
	Missing MissingPolicy
}

// IndexPart is what one indicator adds to an index.
type IndexPart struct {
	Raw          stat.Value `json:"raw"`
	Normalised   stat.Value `json:"normalised"`   // more is riskier; none when raw has none or the series is constant
	Weight       float64    `json:"weight"`       // as used: those of a unit sum to 1, a part without a figure has 0
	Contribution float64    `json:"contribution"` // weight · normalised; those of a unit sum to its value exactly, in any order
}

// IndexValue is the index of one unit with its explanation.
type IndexValue struct {
	Value stat.Value  `json:"value"`
	Parts []IndexPart `json:"parts"` // one an indicator, in their order
}

// Index is a composite index of all units. Class breaks are for the caller to choose.
type Index struct {
	Meta       stat.Meta    `json:"meta"` // Used and Dropped count units
	Indicators []string     `json:"indicators"`
	Units      []IndexValue `json:"units"`
}

// maxIndicators is how many indicators leave the sum of their contributions exact.
const maxIndicators = 64

// Compose makes a composite index: the weighted sum Σ wₖ·fₖ of the normalised indicators (OECD & JRC 2008, §6). Weights are set by hand or
// taken from [AHP]; an indicator of weight 0 is shown and counts for nothing. Contributions are rounded to 2⁻⁴⁶ of the largest of the unit
// or finer, so that they sum without rounding. The error is Invalid.
func Compose(indicators []Indicator, r Recipe) (*Index, error) {
	if err := checkIndicators(indicators, r); err != nil {
		return nil, err
	}
	units := len(indicators[0].Values)
	x := &Index{Units: make([]IndexValue, units)}
	x.Meta = stat.Meta{Method: "composite-index", Version: "1", Source: "OECD & JRC 2008 §5-6", Params: recipeParams(indicators, r)}
	weights := make([]float64, len(indicators))
	for k, in := range indicators {
		weights[k] = in.Weight
		x.Indicators = append(x.Indicators, in.Name)
	}
	all := normaliseAll(indicators)
	f, shares, points := make([]stat.Value, len(indicators)), make([]float64, len(indicators)), make([]float64, len(indicators))
	parts := make([]IndexPart, units*len(indicators))
	for i := range x.Units {
		for k := range all {
			f[k] = all[k][i]
		}
		u := IndexValue{Value: combine(f, weights, r.Missing, shares, points), Parts: parts[:len(f):len(f)]}
		parts = parts[len(f):]
		for k := range f {
			u.Parts[k] = IndexPart{indicators[k].Values[i], f[k], shares[k], points[k]}
		}
		x.Units[i] = u
		if _, ok := u.Value.Known(); ok {
			x.Meta.Used++
			continue
		}
		if x.Meta.Dropped == nil {
			x.Meta.Dropped = map[stat.Reason]int{}
		}
		x.Meta.Dropped[u.Value.Reason()]++
	}
	return x, nil
}

// recipeParams is all that was chosen.
func recipeParams(indicators []Indicator, r Recipe) map[string]any {
	list := make([]map[string]any, len(indicators))
	for k, in := range indicators {
		list[k] = map[string]any{"name": in.Name, "weight": in.Weight, "normalise": string(in.Normalise), "direction": string(in.Direction)}
	}
	return map[string]any{"recipe": r.Version, "missing": string(r.Missing), "indicators": list}
}

// checkIndicators reports what is wrong with the indicators and the recipe. The error is Invalid.
func checkIndicators(indicators []Indicator, r Recipe) error {
	switch {
	case r.Version == "":
		return grids.Errorf(grids.Invalid, "the recipe has no version: give one, such as 2026-1")
	case r.Missing != Renormalise && r.Missing != NullValue:
		return grids.Errorf(grids.Invalid, "recipe %s: there is no policy %.20q for missing values: choose %s or %s",
			r.Version, r.Missing, Renormalise, NullValue)
	case len(indicators) < 1 || len(indicators) > maxIndicators:
		return grids.Errorf(grids.Invalid, "recipe %s has %d indicators: it needs 1 to %d", r.Version, len(indicators), maxIndicators)
	case len(indicators[0].Values) < 1:
		return grids.Errorf(grids.Invalid, "recipe %s: there are no units to make an index of", r.Version)
	}
	sum, names := 0.0, map[string]bool{}
	for k, in := range indicators {
		switch {
		case in.Name == "" || names[in.Name]:
			return grids.Errorf(grids.Invalid, "recipe %s: indicator %d needs a name of its own, not %.40q", r.Version, k, in.Name)
		case len(in.Values) != len(indicators[0].Values):
			return grids.Errorf(grids.Invalid, "recipe %s: indicator %.40q has %d values, the first has %d: give one a unit",
				r.Version, in.Name, len(in.Values), len(indicators[0].Values))
		case !(in.Weight >= 0 && in.Weight <= 1):
			return grids.Errorf(grids.Invalid, "recipe %s: the weight %v of indicator %.40q is outside 0 to 1", r.Version, in.Weight, in.Name)
		case !slices.Contains([]Normalisation{ZScore, MinMax, PercentileRank, Raw}, in.Normalise):
			return grids.Errorf(grids.Invalid, "recipe %s: indicator %.40q has the normalisation %.20q: choose %s, %s, %s or %s",
				r.Version, in.Name, in.Normalise, ZScore, MinMax, PercentileRank, Raw)
		case in.Direction != Rising && in.Direction != Falling:
			return grids.Errorf(grids.Invalid, "recipe %s: indicator %.40q has the direction %.20q: choose %s or %s",
				r.Version, in.Name, in.Direction, Rising, Falling)
		}
		sum += in.Weight
		names[in.Name] = true
	}
	if math.Abs(sum-1) > 1e-9 {
		return grids.Errorf(grids.Invalid, "recipe %s: the weights sum to %v: they must sum to 1, divide them by their sum", r.Version, sum)
	}
	return nil
}

// normaliseAll is the normalised values of every indicator.
func normaliseAll(indicators []Indicator) [][]stat.Value {
	out := make([][]stat.Value, len(indicators))
	for k, in := range indicators {
		out[k] = normalise(in)
	}
	return out
}

// normalise is the normalised values of an indicator, more is riskier. A series whose values are all equal has none (Constant), but for Raw.
func normalise(in Indicator) []stat.Value {
	out, known := slices.Clone(in.Values), make([]float64, 0, len(in.Values))
	for _, v := range in.Values {
		if n, ok := v.Known(); ok {
			known = append(known, n)
		}
	}
	if len(known) == 0 {
		return out
	}
	slices.Sort(known)
	if known[0] == known[len(known)-1] && in.Normalise != Raw {
		for i, v := range out {
			if v.Reason() == "" {
				out[i] = stat.None(stat.Constant)
			}
		}
		return out
	}
	f := scale(known, in.Normalise)
	for i, v := range out {
		n, ok := v.Known()
		if !ok {
			continue
		}
		n = f(n)
		if in.Direction == Falling {
			n = -n
			if in.Normalise == MinMax || in.Normalise == PercentileRank {
				n++
			}
		}
		out[i] = stat.Of(n)
	}
	return out
}

// scale is the function that normalises a value beside the known values, which are sorted and not all equal.
func scale(known []float64, how Normalisation) func(float64) float64 {
	n := float64(len(known))
	switch how {
	case ZScore:
		mean, spread := 0.0, 0.0
		for _, v := range known {
			mean += v
		}
		mean /= n
		for _, v := range known {
			spread += (v - mean) * (v - mean)
		}
		sd := math.Sqrt(spread / n)
		return func(x float64) float64 { return (x - mean) / sd }
	case MinMax:
		low, high := known[0], known[len(known)-1]
		return func(x float64) float64 { return (x/2 - low/2) / (high/2 - low/2) } // halves: the difference of large values may overflow
	case PercentileRank:
		return func(x float64) float64 {
			below, _ := slices.BinarySearch(known, x)
			upTo, _ := slices.BinarySearch(known, math.Nextafter(x, math.Inf(1)))
			return (float64(below+upTo-1) / 2) / (n - 1)
		}
	}
	return func(x float64) float64 { return x }
}

// combine is the weighted sum of one unit's normalised values; it writes the weights as used and the contributions. Without a value it is
// the reason of the first that lacks and has a weight.
func combine(f []stat.Value, weights []float64, missing MissingPolicy, shares, points []float64) stat.Value {
	clear(shares)
	clear(points)
	known, lacks, why := 0.0, false, stat.Missing
	for k, v := range f {
		switch {
		case weights[k] == 0:
		case v.Reason() == "":
			known += weights[k]
		case !lacks:
			lacks, why = true, v.Reason()
		}
	}
	if known == 0 || lacks && missing == NullValue {
		return stat.None(why)
	}
	largest := 0.0
	for k, v := range f {
		n, ok := v.Known()
		if !ok || weights[k] == 0 {
			continue
		}
		shares[k] = weights[k] / known
		points[k] = shares[k] * n
		largest = max(largest, math.Abs(points[k]))
	}
	unit, sum := fineness(largest), 0.0
	for k := range points {
		points[k] = math.RoundToEven(points[k]/unit) * unit
		sum += points[k]
	}
	if v := stat.Of(sum); v.Reason() == "" {
		return v
	}
	clear(shares)
	clear(points)
	return stat.None(stat.NotANumber)
}

// fineness is a power of two of at most 2⁻⁴⁶ of the largest contribution: sums of up to 64 of its multiples are exact.
func fineness(largest float64) float64 {
	if largest < 0x1p-900 {
		return 0x1p-1000 // smaller contributions than that are as good as none
	}
	_, exponent := math.Frexp(largest) // largest < 2^exponent
	return math.Ldexp(1, exponent-47)
}
