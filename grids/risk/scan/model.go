package scan

import (
	"context"
	"math"

	"wangge/grids"
)

// The sources of the methods.
const (
	kulldorffPoisson     = "Kulldorff 1997, A spatial scan statistic, Commun. Stat. Theory Methods 26(6), eq. 5"
	kulldorffBernoulli   = "Kulldorff 1997, A spatial scan statistic, Commun. Stat. Theory Methods 26(6), eq. 3"
	kulldorffSpaceTime   = "Kulldorff et al. 1998, Evaluating cluster alarms, Am. J. Public Health 88(9)"
	kulldorffProspective = "Kulldorff 2001, Prospective time periodic geographical disease surveillance using a scan statistic, J. R. Stat. Soc. A 164(1)"
	kulldorffPermutation = "Kulldorff et al. 2005, A space-time permutation scan statistic for disease outbreak detection, PLoS Med. 2(3)"
)

// model is what the scans hand to the machine.
type model struct {
	method, source string
	places         Places // without points: one circle that holds everything
	opt            Options
	ratio          ratio
	locations      int
	periods        int
	timed          bool      // whether there are windows of time
	counts         []int32   // cases by location and period
	measure        []float64 // of each location and period
	shareOf        string    // whose share of the population limits circles
	risk           bool      // whether there is a risk to compare
	sampler        func() sampler
}

// Poisson scans for clusters of cases against expected numbers, purely spatially. cases and expected stand by location; expected numbers are
// on any scale (a population will do), and carry strata, if any. The error is Invalid for what is not a scan (it says what to change),
// TooLarge beyond 1 GB of circles, or that of the context.
func Poisson(ctx context.Context, at Places, cases []int, expected []float64, opt Options) (*Result, error) {
	m := &model{method: "scan-poisson", source: kulldorffPoisson, places: at, opt: opt, risk: true}
	m.locations, m.periods = len(at.Points), 1
	return m.poisson(ctx, column(cases), column(expected))
}

// SpaceTimePoisson scans for cylinders of cases against expected numbers: circles times windows of whole periods, up to half of them; with
// Options.Prospective only windows that end with the last period. cases and expected stand by location, then period; expected numbers are on
// any scale and carry the length of periods (see [Spread]). Circles are limited by expected numbers when there is no population. Errors
// are those of [Poisson].
func SpaceTimePoisson(ctx context.Context, at Places, cases [][]int, expected [][]float64, opt Options) (*Result, error) {
	m := &model{method: "scan-space-time-poisson", source: kulldorffSpaceTime, places: at, opt: opt, timed: true, risk: true}
	m.locations = len(at.Points)
	return m.poisson(ctx, cases, expected)
}

// Temporal scans for windows of time with more (or fewer) cases than expected, whatever the place. cases and expected stand by period. The
// only location of the result is 0. Errors are those of [Poisson].
func Temporal(ctx context.Context, cases []int, expected []float64, opt Options) (*Result, error) {
	m := &model{method: "scan-temporal-poisson", source: kulldorffSpaceTime, opt: opt, timed: true, risk: true, locations: 1}
	return m.poisson(ctx, [][]int{cases}, [][]float64{expected})
}

// Bernoulli scans for clusters of cases among cases and controls, purely spatially. Both stand by location. Circles are limited by cases and
// controls when there is no population. Errors are those of [Poisson].
func Bernoulli(ctx context.Context, at Places, cases, controls []int, opt Options) (*Result, error) {
	m := &model{method: "scan-bernoulli", source: kulldorffBernoulli, places: at, opt: opt, risk: true}
	m.locations, m.periods, m.shareOf = len(at.Points), 1, "cases and controls"
	if err := m.take(column(cases)); err != nil {
		return nil, err
	}
	if len(controls) != m.locations {
		return nil, grids.Errorf(grids.Invalid, "there are %d numbers of controls for %d locations", len(controls), m.locations)
	}
	people, all := make([]int, m.locations), 0
	for i, c := range controls {
		if c < 0 || c > maxPeople-all {
			return nil, grids.Errorf(grids.Invalid, "location %d has %d controls: they must not be negative, nor more than %d in all", i, c, maxPeople)
		}
		all += c
		people[i] = c + int(m.counts[i])
		m.measure[i] = float64(people[i])
	}
	if all == 0 {
		return nil, grids.Errorf(grids.Invalid, "there are no controls: nothing to compare the cases with")
	}
	m.ratio.bernoulli = true
	m.sampler = hypergeometric(people, int(m.ratio.cases))
	return m.run(ctx)
}

// SpaceTimePermutation scans for cylinders with more cases than place and time tell apart from each other: the expected number of a cylinder
// is C_z·C_t/C. It needs no population. cases stand by location, then period. Circles are limited by cases when there is no population.
// Errors are those of [Poisson].
func SpaceTimePermutation(ctx context.Context, at Places, cases [][]int, opt Options) (*Result, error) {
	m := &model{method: "scan-space-time-permutation", source: kulldorffPermutation, places: at, opt: opt, timed: true, shareOf: "cases"}
	m.locations = len(at.Points)
	if err := m.take(cases); err != nil {
		return nil, err
	}
	places, times := make([]int, m.locations), make([]int, m.periods)
	for i, c := range m.counts {
		places[i/m.periods] += int(c)
		times[i%m.periods] += int(c)
	}
	for i := range m.measure {
		m.measure[i] = float64(places[i/m.periods]) * float64(times[i%m.periods])
	}
	m.sampler = permutation(places, times)
	return m.run(ctx)
}

// Spread is the expected numbers of a population that does not change, by location, then period: population × days, person-days. Their scale
// does not matter to a scan. The error is Invalid for what is not finite or negative, and for days of 0.
func Spread(population, days []float64) ([][]float64, error) {
	for t, d := range days {
		if !(d > 0 && d <= math.MaxFloat32) {
			return nil, grids.Errorf(grids.Invalid, "period %d has %g days: a period must have some", t, d)
		}
	}
	out := make([][]float64, len(population))
	for i, n := range population {
		if !(n >= 0 && n <= math.MaxFloat32) {
			return nil, grids.Errorf(grids.Invalid, "location %d has a population of %g: it must be a number, and not negative", i, n)
		}
		out[i] = make([]float64, len(days))
		for t, d := range days {
			out[i][t] = n * d
		}
	}
	return out, nil
}

// YearDays is the lengths in days of the years from first to last of the Gregorian calendar; nil when last is before first.
func YearDays(first, last int) []float64 {
	var out []float64
	for y := first; y <= last; y++ {
		days := 365.0
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			days = 366
		}
		out = append(out, days)
	}
	return out
}

const (
	maxCases  = math.MaxInt32 - 1
	maxPeople = 1 << 52

	maxWindows = 1 << 16
)

// column is a table with one period.
func column[T int | float64](values []T) [][]T {
	out := make([][]T, len(values))
	for i := range values {
		out[i] = values[i : i+1]
	}
	return out
}

// poisson takes cases and expected numbers, and runs.
func (m *model) poisson(ctx context.Context, cases [][]int, expected [][]float64) (*Result, error) {
	m.shareOf = "expected"
	if err := m.take(cases); err != nil {
		return nil, err
	}
	if err := m.expect(expected); err != nil {
		return nil, err
	}
	m.sampler = multinomial(m.measure, int(m.ratio.cases))
	return m.run(ctx)
}

// take checks options and places, and takes the cases.
func (m *model) take(cases [][]int) (err error) {
	if m.opt, err = m.opt.checked(); err != nil {
		return err
	}
	if m.places.Points != nil || m.locations != 1 {
		if m.places, err = m.places.checked(); err != nil {
			return err
		}
	}
	if len(cases) != m.locations {
		return grids.Errorf(grids.Invalid, "there are cases of %d locations for %d locations", len(cases), m.locations)
	}
	m.periods = len(cases[0])
	if err = m.limits(); err != nil {
		return err
	}
	m.counts, m.measure = make([]int32, 0, m.locations*m.periods), make([]float64, m.locations*m.periods)
	all := 0
	for i, row := range cases {
		if len(row) != m.periods {
			return grids.Errorf(grids.Invalid, "location %d has cases of %d periods, location 0 of %d", i, len(row), m.periods)
		}
		for t, c := range row {
			if c < 0 || c > maxCases-all {
				return grids.Errorf(grids.Invalid, "location %d, period %d has %d cases: they must not be negative, nor more than %d in all", i, t, c, maxCases)
			}
			all += c
			m.counts = append(m.counts, int32(c))
		}
	}
	if least := max(2, m.opt.MinCases); all < least {
		return grids.Errorf(grids.Invalid, "%d cases are too few for a scan: there must be at least %d", all, least)
	}
	m.ratio.cases, m.ratio.least = float64(all), float64(m.opt.MinCases)
	return nil
}

// limits checks the number of periods, and sets the longest window.
func (m *model) limits() error {
	if !m.timed {
		m.opt.MaxPeriods = 0
		return nil
	}
	if m.periods < 2 || m.periods > maxWindows {
		return grids.Errorf(grids.Invalid, "windows of time need 2 to %d periods: there are %d", maxWindows, m.periods)
	}
	if m.opt.MaxPeriods > m.periods {
		return grids.Errorf(grids.Invalid, "a window of %d periods is longer than the %d that there are", m.opt.MaxPeriods, m.periods)
	}
	m.opt.MaxPeriods = or(m.opt.MaxPeriods, m.periods/2)
	count := m.opt.MaxPeriods
	if m.opt.Prospective {
		m.source = kulldorffProspective
	} else {
		count = m.opt.MaxPeriods * (2*m.periods - m.opt.MaxPeriods + 1) / 2
	}
	if count > maxWindows {
		return grids.Errorf(grids.TooLarge, "%d windows of time are more than %d: lower MaxPeriods or join periods", count, maxWindows)
	}
	return nil
}

// expect takes expected numbers. They are scaled by a power of 2, which rounds nothing.
func (m *model) expect(expected [][]float64) error {
	if len(expected) != m.locations {
		return grids.Errorf(grids.Invalid, "there are expected numbers of %d locations for %d locations", len(expected), m.locations)
	}
	most := 0.0
	for i, row := range expected {
		if len(row) != m.periods {
			return grids.Errorf(grids.Invalid, "location %d has expected numbers of %d periods, and cases of %d", i, len(row), m.periods)
		}
		for t, e := range row {
			if !(e >= 0) || math.IsInf(e, 1) {
				return grids.Errorf(grids.Invalid, "location %d, period %d expects %g cases: it must be a number, and not negative", i, t, e)
			}
			most = max(most, e)
		}
	}
	if most == 0 {
		return grids.Errorf(grids.Invalid, "no cases are expected anywhere: give expected numbers or a population")
	}
	_, exp := math.Frexp(most)
	for i := range m.measure {
		l, t := i/m.periods, i%m.periods
		m.measure[i] = math.Ldexp(expected[l][t], -exp)
		if m.measure[i] == 0 && m.counts[i] > 0 {
			return grids.Errorf(grids.Invalid, "location %d, period %d has %d cases where none are expected: correct its expected number, or leave the cases out",
				l, t, m.counts[i])
		}
	}
	return nil
}

// windows is the first and last period of each window, the shortest first, then the earliest.
func (m *model) windows() (from, to []int32) {
	if !m.timed {
		return []int32{0}, []int32{0}
	}
	for length := 1; length <= m.opt.MaxPeriods; length++ {
		start := 0
		if m.opt.Prospective {
			start = m.periods - length
		}
		for ; start+length <= m.periods; start++ {
			from, to = append(from, int32(start)), append(to, int32(start+length-1))
		}
	}
	return from, to
}

// margins is the measure of each location and of each period.
func (m *model) margins() (places, times []float64) {
	places, times = make([]float64, m.locations), make([]float64, m.periods)
	for i, v := range m.measure {
		places[i/m.periods] += v
		times[i%m.periods] += v
	}
	return places, times
}

// stride is 1 when the measure is that of the place times that of the period, to rounding; the number of periods + 1 otherwise.
func (m *model) stride() int {
	places, times := m.margins()
	for i, v := range m.measure {
		if product := places[i/m.periods] * times[i%m.periods]; math.Abs(v*m.ratio.total-product) > 1e-13*product {
			return m.periods + 1
		}
	}
	return 1
}

// population is what limits circles, by location.
func (m *model) population() ([]float64, error) {
	p := m.places.Population
	if p == nil {
		places, _ := m.margins()
		return places, nil
	}
	if len(p) != m.locations {
		return nil, grids.Errorf(grids.Invalid, "there are %d populations for %d locations", len(p), m.locations)
	}
	all := 0.0
	for i, n := range p {
		if !(n >= 0 && n <= 1e18) {
			return nil, grids.Errorf(grids.Invalid, "location %d has a population of %g: it must be a number of people", i, n)
		}
		all += n
	}
	if all == 0 {
		return nil, grids.Errorf(grids.Invalid, "the population is 0 everywhere: give populations, or leave them nil")
	}
	m.shareOf = "population"
	return p, nil
}
