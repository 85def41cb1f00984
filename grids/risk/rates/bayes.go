package rates

import (
	"wangge/grids"
	"wangge/grids/risk/stat"
)

// Family is how counts are distributed about the rate of their unit.
type Family string

// The families.
const (
	Poisson  Family = "poisson"  // events; the default
	Binomial Family = "binomial" // persons of the population, each at most once
)

// Estimate is the smoothed rate of a unit.
type Estimate struct {
	Raw       stat.Value // cases / population
	Smoothed  stat.Value // Mean + Shrinkage·(Raw − Mean)
	Shrinkage stat.Value // the weight of the unit's own rate: 0 says that Smoothed is the mean
}

// GlobalOptions is how rates are smoothed towards the rate of all.
type GlobalOptions struct {
	Family Family // "" is Poisson
	Clamp  bool   // Binomial: a negative variance between units counts as 0, as it always does with Poisson
}

// GlobalBayes is empirical Bayes estimates that shrink towards the rate of all.
type GlobalBayes struct {
	Meta  stat.Meta
	B     float64 // the rate of all, Σ cases / Σ population
	S2    float64 // Σ N_i (r_i − B)² / Σ N
	A     float64 // variance between units, as used
	Raw   float64 // variance between units before it was clamped
	Units []Estimate
	// AllShrunk says that the rates vary no more than chance alone makes them (A = 0): every estimate is B, and the map shows nothing.
	AllShrunk bool
	// Negative says that A is negative and used as it is (Binomial without Clamp): estimates lie beyond B, away from the unit's own rate.
	Negative bool
}

// Global smooths rates by moments (Marshall 1991, Applied Statistics 40, 283–294). With r_i = O_i/N_i, b = ΣO/ΣN and
// s² = Σ N_i(r_i−b)²/ΣN:
//
//	poisson:   a = max(0, s² − b/N̄),             θ_i = b + (r_i−b)·a/(a + b/N_i)
//	binomial:  a = (s² − b(1−b)/N̄)·N̄/(N̄−1),      θ_i = b + (r_i−b)·a/(b(1−b)/N_i + a(N_i−1)/N_i)
//
// The binomial variance is not clamped unless asked, as in the form of Berke that spdep has; then see Negative.
//
// A unit without population has no estimate (NoPopulation) and counts nowhere; of the binomial family neither has one with more cases than
// population (AboveCount). The error is Invalid; it needs 2 units with a population, of the binomial family more than 1 person a unit.
func Global(cases, population []float64, o GlobalOptions) (*GlobalBayes, error) {
	if o.Family == "" {
		o.Family = Poisson
	}
	if o.Family != Poisson && o.Family != Binomial {
		return nil, grids.Errorf(grids.Invalid, "family %q: give %q or %q", o.Family, Poisson, Binomial)
	}
	if err := checkPair("cases", cases, "population", population); err != nil {
		return nil, err
	}
	why := dropped(cases, population, o.Family)
	cases, population = kept(cases, population, why)
	m, err := momentsOf(cases, population)
	if err != nil {
		return nil, err
	}
	if o.Family == Binomial && m.mean <= 1 {
		return nil, grids.Errorf(grids.Invalid, "a mean population of %v a unit: the binomial family needs more than 1 person a unit", m.mean)
	}
	out := &GlobalBayes{B: m.b, S2: m.s2, Units: make([]Estimate, len(cases))}
	if o.Family == Poisson {
		out.poisson(m, cases, population)
	} else {
		out.binomial(m, cases, population, o.Clamp)
	}
	out.AllShrunk, out.Negative = out.A == 0, out.A < 0
	for i, r := range why {
		if r != "" {
			out.Units[i] = Estimate{stat.None(r), stat.None(r), stat.None(r)}
		}
	}
	out.Meta = stat.Meta{
		Method: "empirical-bayes-global", Version: "1", Source: "Marshall 1991, Applied Statistics 40, 283–294",
		Params: map[string]any{"family": o.Family, "clamp": o.Clamp || o.Family == Poisson}, Used: m.units, Dropped: tally(why),
	}
	return out, nil
}

// poisson fills in the variance and the estimates of the Poisson family.
func (g *GlobalBayes) poisson(m moments, cases, population []float64) {
	g.Raw = m.poissonVariance()
	g.A = max(0, g.Raw)
	for i, n := range population {
		if n > 0 {
			g.Units[i] = estimate(cases[i]/n, m.b, g.A, g.A+m.b/n)
		}
	}
}

// binomial fills in the variance and the estimates of the binomial family.
func (g *GlobalBayes) binomial(m moments, cases, population []float64, clamp bool) {
	within := m.b * (1 - m.b)
	num := m.s2 - within/m.mean
	g.Raw = num * m.mean / (m.mean - 1)
	g.A = g.Raw
	if clamp && g.Raw < 0 {
		g.A, num = 0, 0
	}
	for i, n := range population {
		if n > 0 {
			g.Units[i] = estimate(cases[i]/n, m.b, n*num, (n-1)*m.s2+(m.mean-n)/m.mean*within)
		}
	}
}

// estimate is the estimate of a unit with that rate, whose weight is part/whole. A weight of 0/x is 0: no variance between units. Where the
// whole is 0 there is no estimate.
func estimate(r, mean, part, whole float64) Estimate {
	switch {
	case part == 0:
		return Estimate{stat.Of(r), stat.Of(mean), stat.Of(0)}
	case whole == 0:
		return Estimate{stat.Of(r), stat.None(stat.NotANumber), stat.None(stat.NotANumber)}
	}
	c := part / whole
	return Estimate{stat.Of(r), stat.Of(mean + (r-mean)*c), stat.Of(c)}
}

// moments is what the units with a population have in common.
type moments struct {
	b     float64 // Σ cases / Σ population
	s2    float64 // Σ N_i (r_i − b)² / Σ N
	mean  float64 // population a unit
	units int
}

// momentsOf computes them. The error is Invalid: fewer than 2 units with a population.
func momentsOf(cases, population []float64) (moments, error) {
	b, people, used := overall(cases, population)
	if used < 2 {
		return moments{}, grids.Errorf(grids.Invalid, "%d of %d units have a population that counts: rates are compared from 2 units on", used, len(cases))
	}
	m := moments{b: b, mean: people / float64(used), units: used}
	for i, n := range population {
		if n > 0 {
			d := cases[i]/n - b
			m.s2 += n * (d * d)
		}
	}
	m.s2 /= people
	return m, nil
}

// poissonVariance is the variance between units, s² − b/N̄, not clamped.
func (m moments) poissonVariance() float64 { return m.s2 - m.b/m.mean }

// overall is the rate of the units that have a population, their population and their number.
func overall(cases, population []float64) (b, people float64, used int) {
	var sum float64
	for i, n := range population {
		if n > 0 {
			sum, people, used = sum+cases[i], people+n, used+1
		}
	}
	if used == 0 {
		return 0, 0, 0
	}
	return sum / people, people, used
}

// dropped is why units cannot be used, "" for those that can.
func dropped(cases, population []float64, family Family) []stat.Reason {
	why := make([]stat.Reason, len(cases))
	for i, n := range population {
		switch {
		case n == 0:
			why[i] = stat.NoPopulation
		case family == Binomial && cases[i] > n:
			why[i] = stat.AboveCount
		}
	}
	return why
}

// kept is both columns with nothing in the units that are dropped.
func kept(cases, population []float64, why []stat.Reason) (c, n []float64) {
	c, n = make([]float64, len(cases)), make([]float64, len(cases))
	for i, r := range why {
		if r == "" {
			c[i], n[i] = cases[i], population[i]
		}
	}
	return c, n
}

// tally counts the reasons; nil when there are none.
func tally(why []stat.Reason) map[stat.Reason]int {
	var out map[stat.Reason]int
	for _, r := range why {
		if r == "" {
			continue
		}
		if out == nil {
			out = map[stat.Reason]int{}
		}
		out[r]++
	}
	return out
}
