package rates

import (
	"wangge/grids"
	"wangge/grids/risk/stat"
	"wangge/grids/risk/weights"
)

// Deviations is from which mean the rates of a neighbourhood are taken to deviate.
type Deviations string

// The two forms.
const (
	FromOwnMean    Deviations = "own-mean"    // m_i of the unit that is smoothed: Marshall's formula, spdep's geoda=TRUE; the default
	FromTheirMeans Deviations = "their-means" // m_j of each neighbour's own neighbourhood: spdep's default
)

// LocalOptions is how rates are smoothed towards those of a neighbourhood.
type LocalOptions struct {
	Deviations Deviations // "" is FromOwnMean
}

// LocalEstimate is the smoothed rate of a unit and what it is made of.
type LocalEstimate struct {
	Estimate
	Mean       stat.Value // m_i, the rate of the neighbourhood, the unit included
	Variance   stat.Value // a_i, variance between the units of the neighbourhood, at least 0
	Neighbours int        // that have a population; 0: the estimate is the unit's own rate
	Shrunk     bool       // a_i is 0: the estimate is m_i
}

// LocalBayes is empirical Bayes estimates that shrink towards the rates of neighbourhoods, in the order given.
type LocalBayes struct {
	Meta   stat.Meta
	Units  []LocalEstimate
	Shrunk int // how many units have a_i = 0
	Alone  int // how many have no neighbour with a population
}

// Local smooths rates by moments over neighbourhoods (Marshall 1991, Applied Statistics 40, 283–294): sums are over the unit itself and its
// neighbours, the links of w whatever their weights, and N̄_i is the mean population there.
//
//	m_i = ΣO/ΣN,  a_i = max(0, Σ N_j(r_j−m_i)²/ΣN − m_i/N̄_i),  θ_i = m_i + (r_i−m_i)·a_i/(a_i + m_i/N_i)
//
// A unit without population has no estimate (NoPopulation) and is nobody's neighbour. An isolate has its own rate. In a neighbourhood
// without cases the estimate is 0. The error is Invalid; it needs 2 units with a population.
func Local(cases, population []float64, w *weights.Matrix, o LocalOptions) (*LocalBayes, error) {
	if o.Deviations == "" {
		o.Deviations = FromOwnMean
	}
	if o.Deviations != FromOwnMean && o.Deviations != FromTheirMeans {
		return nil, grids.Errorf(grids.Invalid, "deviations %q: give %q or %q", o.Deviations, FromOwnMean, FromTheirMeans)
	}
	if err := checkPair("cases", cases, "population", population); err != nil {
		return nil, err
	}
	if err := checkWeights(w, len(cases)); err != nil {
		return nil, err
	}
	why := dropped(cases, population, Poisson)
	cases, population = kept(cases, population, why)
	_, _, used := overall(cases, population)
	if used < 2 {
		return nil, grids.Errorf(grids.Invalid, "%d of %d units have a population: rates are compared from 2 units on", used, len(cases))
	}
	l := local{cases: cases, population: population, w: w, own: o.Deviations == FromOwnMean}
	out := l.smooth()
	out.Meta = meta("empirical-bayes-local", "Marshall 1991, Applied Statistics 40, 283–294", used, len(cases)-used)
	out.Meta.Weights, out.Meta.Params = w.Hash(), map[string]any{"deviations": o.Deviations}
	return out, nil
}

// local is the input of local smoothing; units that are dropped have nothing in either column.
type local struct {
	cases, population []float64
	w                 *weights.Matrix
	own               bool
	m                 []float64 // rate of each neighbourhood
}

// each calls f for the unit and every neighbour of it with a population, in ascending order; the unit itself once.
func (l *local) each(i int, f func(j int)) {
	to, _ := l.w.Row(i)
	self := false
	for _, t := range to {
		j := int(t)
		if !self && j >= i {
			self = true
			f(i)
		}
		if j != i && l.population[j] > 0 {
			f(j)
		}
	}
	if !self {
		f(i)
	}
}

// smooth makes all estimates.
func (l *local) smooth() *LocalBayes {
	n := len(l.cases)
	l.m = make([]float64, n)
	for i := range n {
		var o, people float64
		if l.population[i] > 0 {
			l.each(i, func(j int) { o, people = o+l.cases[j], people+l.population[j] })
			l.m[i] = o / people
		}
	}
	out := &LocalBayes{Units: make([]LocalEstimate, n)}
	for i := range n {
		u := l.unit(i)
		out.Units[i] = u
		if l.population[i] > 0 && u.Shrunk {
			out.Shrunk++
		}
		if l.population[i] > 0 && u.Neighbours == 0 {
			out.Alone++
		}
	}
	return out
}

// unit makes the estimate of one unit.
func (l *local) unit(i int) LocalEstimate {
	if l.population[i] == 0 {
		v := stat.None(stat.NoPopulation)
		return LocalEstimate{Estimate: Estimate{v, v, v}, Mean: v, Variance: v}
	}
	mean := l.m[i]
	var square, people float64
	units := 0
	l.each(i, func(j int) {
		d := l.cases[j]/l.population[j] - mean
		if !l.own {
			d = l.cases[j]/l.population[j] - l.m[j]
		}
		square, people, units = square+l.population[j]*(d*d), people+l.population[j], units+1
	})
	a := max(0, square/people-mean/(people/float64(units)))
	return LocalEstimate{
		Estimate:   estimate(l.cases[i]/l.population[i], mean, a, a+mean/l.population[i]),
		Mean:       stat.Of(mean),
		Variance:   stat.Of(a),
		Neighbours: units - 1,
		Shrunk:     a == 0,
	}
}

// checkWeights reports weights that are not there or of another number of units. The error is Invalid.
func checkWeights(w *weights.Matrix, n int) error {
	if w == nil {
		return grids.Errorf(grids.Invalid, "there are no spatial weights: give those of the %d units", n)
	}
	if w.N() != n {
		return grids.Errorf(grids.Invalid, "spatial weights of %d units for %d units: give those of the same units in the same order", w.N(), n)
	}
	return nil
}
