package predict

import (
	"math"
	"slices"

	"wangge/grids"
)

// Train is what a forecast may know: the counts of the periods before those held out.
type Train struct {
	From, To int     // the periods From … To−1 of the whole series; the first one held out is To
	Counts   [][]int // of these periods, the oldest first; each a count for every unit. Shared: do not change them
}

// Scorer makes a forecast: a score for each unit, more events expected where it is higher. Score is called once for each hold-out window, in
// order; nil is no forecast, and is measured by what a random order of the units has on average.
type Scorer struct {
	Name  string
	Score func(Train) ([]float64, error)
}

// Counts forecasts that events will be where most have been in all training periods.
func Counts() Scorer {
	return Scorer{Name: "counts", Score: func(t Train) ([]float64, error) { return decayed(t, 1), nil }}
}

// LastPeriod forecasts that the last period will repeat itself.
func LastPeriod() Scorer {
	return Scorer{Name: "last-period", Score: func(t Train) ([]float64, error) { return decayed(t, 0), nil }}
}

// Exponential forecasts by counts that weigh half after so many periods: Σ count·2^(−age/halfLife). A half-life that is not above 0 makes the
// scorer fail with Invalid.
func Exponential(halfLife float64) Scorer {
	return Scorer{Name: "exponential", Score: func(t Train) ([]float64, error) {
		if !(halfLife > 0) || math.IsInf(halfLife, 0) {
			return nil, grids.Errorf(grids.Invalid, "a half-life of %v periods: give one above 0", halfLife)
		}
		return decayed(t, math.Exp2(-1/halfLife)), nil
	}}
}

// Random is no forecast: what a random order of the units, or the same score everywhere, has on average. Its PAI is 1.
func Random() Scorer { return Scorer{Name: "random"} }

// Fixed is a forecast that does not depend on the training periods, such as an index. It must have been made before the first hold-out window.
func Fixed(name string, score []float64) Scorer {
	score = slices.Clone(score)
	return Scorer{Name: name, Score: func(Train) ([]float64, error) { return score, nil }}
}

// decayed sums counts, a period weighing so much of the next.
func decayed(t Train, decay float64) []float64 {
	if len(t.Counts) == 0 {
		return nil
	}
	out := make([]float64, len(t.Counts[0]))
	for _, period := range t.Counts {
		for u, c := range period {
			out[u] = out[u]*decay + float64(c)
		}
	}
	return out
}
