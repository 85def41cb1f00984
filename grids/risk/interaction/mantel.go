package interaction

import (
	"cmp"
	"context"
	"math"
	"slices"

	"wangge/grids"
	"wangge/grids/risk/stat"
)

// mantelSource is the source of the method.
const mantelSource = "Mantel 1967 (Z, exact moments)"

// tieTolerance is the relative difference below which two values of Z count as equal: sums in another order differ in their last digits.
const tieTolerance = 1e-10

// minConstant is the smallest constant of Mantel's transformation, metres or days.
const minConstant = 1e-6

// MantelOptions are the options of Mantel's test.
type MantelOptions struct {
	Options
	ConstantM    float64 // added to distances, metres; above 0, on the scale of what counts as near
	ConstantDays float64 // added to differences of time, days; above 0, likewise
	Ranks        bool    // also Spearman's correlation, which sorts all pairs; null, too-many, when they are more than Options.MaxPairs
}

// MantelTest is the result of Mantel's test.
type MantelTest struct {
	Meta       stat.Meta  `json:"meta"`
	Pairs      int64      `json:"pairs"`       // all pairs of events, n(n−1)/2
	Duplicates int        `json:"duplicates"`  // events that are the same, in place and day, as another one: kept, but worth a look
	Statistic  float64    `json:"statistic"`   // Z = Σ 1/((d+k)(|Δt|+k')) over all pairs once
	Expected   float64    `json:"expected"`    // exact mean under permutation of the times
	Variance   float64    `json:"variance"`    // exact, likewise
	Z          stat.Value `json:"z"`           // (Z − mean)/√variance; null, constant, when the variance is 0
	Normal     Tails      `json:"normal"`      // of z: an approximation, the distribution of Z is skewed
	MonteCarlo Tails      `json:"monte_carlo"` // by permutation; null, not-run or too-many, without
	AtLeast    int        `json:"at_least"`    // replicates with Z* ≥ Z; values within 1e-10 of each other, relatively, are ties
	AtMost     int        `json:"at_most"`     // replicates with Z* ≤ Z
	Pearson    stat.Value `json:"pearson"`     // correlation of d and |Δt| themselves over all pairs; null, constant, when either is
	Spearman   stat.Value `json:"spearman"`    // correlation of their ranks, ties at their mean; null, not-run, unless asked for
}

// Mantel is Mantel's test of space-time interaction: Z = Σ 1/((d+k)(|Δt|+k')) over all pairs of events, with its exact mean and variance under
// permutation of the times, and the p of permuting them (Mantel 1967). It has no thresholds, but constants that matter as much.
//
// The cost is that of all n(n−1)/2 pairs twice, and once more a replicate; distances of all pairs are kept for the replicates when they fit
// Options.MaxPairs. The error is Invalid (events or options), or that of ctx when it ends before.
func Mantel(ctx context.Context, events []Event, o MantelOptions) (*MantelTest, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if err := checkEvents(events); err != nil {
		return nil, err
	}
	m := &mantel{events: slices.Clone(events), MantelOptions: o}
	slices.SortFunc(m.events, compareEvents)
	n := len(events)
	t := &MantelTest{Pairs: int64(n) * int64(n-1) / 2, Duplicates: duplicates(m.events)}
	if err := m.moments(ctx, t); err != nil {
		return nil, err
	}
	fits := t.Pairs <= int64(o.maxPairs())
	why := o.withoutMonteCarlo(fits)
	if reason := t.Z.Reason(); reason != "" {
		t.MonteCarlo = noTails(reason)
	} else if why != "" {
		t.MonteCarlo = noTails(why)
	} else if err := m.simulate(ctx, t); err != nil {
		return nil, err
	}
	if err := m.rank(ctx, t, fits); err != nil {
		return nil, err
	}
	t.Meta = m.describe(why)
	return t, nil
}

// check reports what is wrong with the options. The error is Invalid.
func (o MantelOptions) check() error {
	if !(o.ConstantM >= minConstant && o.ConstantM <= MaxMagnitude) {
		return grids.Errorf(grids.Invalid, "the constant added to distances is %v: give a number of metres from %g to %g", o.ConstantM, minConstant, MaxMagnitude)
	}
	if !(o.ConstantDays >= minConstant && o.ConstantDays <= MaxMagnitude) {
		return grids.Errorf(grids.Invalid, "the constant added to differences of time is %v: give a number of days from %g to %g", o.ConstantDays, minConstant, MaxMagnitude)
	}
	return o.Options.check()
}

// mantel is a run of Mantel's test over events in order of x, y and day.
type mantel struct {
	events []Event
	MantelOptions
}

// describe is the meta of the run; why is the reason for which there was no Monte Carlo.
func (m *mantel) describe(why stat.Reason) stat.Meta {
	meta := stat.Meta{Method: "mantel", Source: mantelSource, Params: map[string]any{
		"constant_m": m.ConstantM, "constant_days": m.ConstantDays, "ranks": m.Ranks, "tie_tolerance": tieTolerance,
	}}
	meta = describe(meta, len(m.events), m.Options, why)
	delete(meta.Params, "adjusted") // a single test
	return meta
}

// distance and days are those of a pair of events.
func (m *mantel) distance(i, j int) float64 {
	q := separation(m.events[j].X-m.events[i].X, m.events[j].Y-m.events[i].Y, m.Metric)
	if m.Metric == Euclidean {
		return math.Sqrt(q)
	}
	return q
}

func (m *mantel) days(i, j int) float64 { return math.Abs(m.events[j].Day - m.events[i].Day) }

// each hands over every pair once, row by row, and ends early when ctx does.
func (m *mantel) each(ctx context.Context, visit func(i, j int, d, days float64)) error {
	for i := range m.events {
		if err := ended(ctx); err != nil {
			return err
		}
		for j := i + 1; j < len(m.events); j++ {
			visit(i, j, m.distance(i, j), m.days(i, j))
		}
	}
	return nil
}

// moments sets the statistic with its mean and variance, and the correlation of the distances. The first pass is for the means; the second
// for sums about them, which do not cancel.
func (m *mantel) moments(ctx context.Context, t *MantelTest) error {
	d, days := newSpread(), newSpread()
	space, time := 0.0, 0.0
	err := m.each(ctx, func(_, _ int, dist, apart float64) {
		s, u := 1/(dist+m.ConstantM), 1/(apart+m.ConstantDays)
		space, time, t.Statistic = space+s, time+u, t.Statistic+s*u
		d.add(dist)
		days.add(apart)
	})
	if err != nil {
		return err
	}
	pairs := float64(t.Pairs)
	inSpace, inTime := newGraph(len(m.events), space/pairs), newGraph(len(m.events), time/pairs)
	meanD, meanDays := d.sum/pairs, days.sum/pairs
	var dd, tt, dt float64
	err = m.each(ctx, func(i, j int, dist, apart float64) {
		inSpace.add(i, j, 1/(dist+m.ConstantM))
		inTime.add(i, j, 1/(apart+m.ConstantDays))
		a, b := dist-meanD, apart-meanDays
		dd, tt, dt = dd+a*a, tt+b*b, dt+a*b
	})
	if err != nil {
		return err
	}
	t.Expected = space * time / pairs
	t.Pearson, t.Z = stat.None(stat.Constant), stat.None(stat.Constant)
	if d.varies(0) && days.varies(0) {
		t.Pearson = stat.Of(dt / math.Sqrt(dd*tt))
	}
	if d.varies(m.ConstantM) && days.varies(m.ConstantDays) {
		t.Variance = mantelVariance(inSpace, inTime)
	}
	if t.Variance > 0 {
		t.Z = stat.Of((t.Statistic - t.Expected) / math.Sqrt(t.Variance))
	}
	t.Normal = normalTails(t.Z)
	return nil
}

// spread is the sum of distances, with the least and the largest of them.
type spread struct{ sum, least, largest float64 }

// newSpread is that of no distances.
func newSpread() *spread { return &spread{least: math.Inf(1), largest: math.Inf(-1)} }

// add adds a distance.
func (s *spread) add(d float64) {
	s.sum += d
	if d < s.least {
		s.least = d
	}
	if d > s.largest {
		s.largest = d
	}
}

// varies reports whether two of the distances, with a constant added, differ by more than rounding.
func (s *spread) varies(constant float64) bool { return s.largest-s.least > 1e-12*(s.largest+constant) }

// graph is a complete graph with weights about their mean.
type graph struct {
	mean    float64
	squares float64   // Σ over pairs once
	row     []float64 // Σ of each vertex
}

// newGraph is a graph of n vertices whose weights have the mean.
func newGraph(n int, mean float64) *graph { return &graph{mean: mean, row: make([]float64, n)} }

// add adds the weight of a pair.
func (g *graph) add(i, j int, weight float64) {
	w := weight - g.mean
	g.squares += w * w
	g.row[i] += w
	g.row[j] += w
}

// terms are sums over ordered choices of two pairs: the same pair, two with one vertex in common, two with none.
func (g *graph) terms() (same, chain, apart float64) {
	rows, all := 0.0, 0.0
	for _, r := range g.row {
		rows += r * r
		all += r
	}
	same = 2 * g.squares
	return same, rows - same, all*all - 4*rows + 2*same
}

// mantelVariance is the variance of Σ s·u over pairs when the vertices of one graph are permuted (Mantel 1967). Weights about their mean leave
// it as it is and make the square of the mean vanish.
func mantelVariance(space, time *graph) float64 {
	n := float64(len(space.row))
	s1, s2, s3 := space.terms()
	t1, t2, t3 := time.terms()
	ordered := 2*s1*t1/(n*(n-1)) + 4*s2*t2/(n*(n-1)*(n-2)) + s3*t3/(n*(n-1)*(n-2)*(n-3))
	if ordered <= 1e-12*s1*t1/(n*(n-1)) {
		return 0 // what rounding left of nothing
	}
	return ordered / 4
}

// simulate sets the p of permuting the times.
func (m *mantel) simulate(ctx context.Context, t *MantelTest) error {
	space := make([]float64, 0, t.Pairs)
	err := m.each(ctx, func(_, _ int, d, _ float64) { space = append(space, 1/(d+m.ConstantM)) })
	if err != nil {
		return err
	}
	drawn, err := permute(ctx, daysOf(m.events), m.Options, 1, func() comparer {
		return func(days []float64, order []int) {
			order[0] = compareTied(m.statistic(space, days), t.Statistic)
		}
	})
	if err != nil {
		return err
	}
	t.AtLeast, t.AtMost = drawn.atLeast[0], drawn.atMost[0]
	t.MonteCarlo = monteCarloTails(t.AtLeast, t.AtMost, m.Replicates)
	return nil
}

// statistic is Z of the closeness in space, by row, and other days.
func (m *mantel) statistic(space, days []float64) float64 {
	z, at := 0.0, 0
	for i, day := range days {
		rest := days[i+1:]
		near := space[at : at+len(rest)]
		at += len(rest)
		row := 0.0
		for j, s := range near {
			row += s / (math.Abs(rest[j]-day) + m.ConstantDays)
		}
		z += row
	}
	return z
}

// compareTied is −1, 0 or +1 as a is below, as good as equal to, or above b.
func compareTied(a, b float64) int {
	switch {
	case math.Abs(a-b) <= tieTolerance*math.Abs(b):
		return 0
	case a < b:
		return -1
	}
	return 1
}

// rank sets Spearman's correlation, if asked for.
func (m *mantel) rank(ctx context.Context, t *MantelTest, fits bool) error {
	if !m.Ranks || !fits {
		t.Spearman = stat.None(NotRun)
		if m.Ranks {
			t.Spearman = stat.None(TooMany)
		}
		return nil
	}
	d, days := make([]float64, 0, t.Pairs), make([]float64, 0, t.Pairs)
	err := m.each(ctx, func(_, _ int, dist, apart float64) { d, days = append(d, dist), append(days, apart) })
	if err != nil {
		return err
	}
	t.Spearman = stat.None(t.Pearson.Reason())
	if t.Pearson.Reason() == "" {
		t.Spearman = stat.Of(correlation(midranks(d), midranks(days)))
	}
	return nil
}

// midranks are the ranks of the values less their mean, ties at the mean of theirs.
func midranks(values []float64) []float64 {
	order := make([]int32, len(values))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Compare(values[a], values[b]) })
	ranks, middle := make([]float64, len(values)), float64(len(values)-1)/2
	for from := 0; from < len(order); {
		to := from + 1
		for to < len(order) && values[order[to]] == values[order[from]] {
			to++
		}
		for _, i := range order[from:to] {
			ranks[i] = float64(from+to-1)/2 - middle
		}
		from = to
	}
	return ranks
}

// correlation is the product-moment correlation of numbers about their means, neither constant.
func correlation(a, b []float64) float64 {
	var aa, bb, ab float64
	for i := range a {
		aa, bb, ab = aa+a[i]*a[i], bb+b[i]*b[i], ab+a[i]*b[i]
	}
	return ab / math.Sqrt(aa*bb)
}
