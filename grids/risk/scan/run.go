package scan

import (
	"cmp"
	"context"
	"math"
	"runtime"
	"slices"
	"sync"

	"wangge/grids"
	"wangge/grids/risk/stat"
)

// run scans what was observed, then the replicates.
func (m *model) run(ctx context.Context) (*Result, error) {
	for _, v := range m.measure {
		m.ratio.total += v
	}
	m.opt.Workers = min(or(m.opt.Workers, runtime.GOMAXPROCS(0)), m.opt.Replicates)
	c, err := m.circles(ctx)
	if err != nil {
		return nil, err
	}
	e, err := newEngine(m, c)
	if err != nil {
		return nil, err
	}
	r := &Result{Meta: m.meta(), Cases: int(m.ratio.cases)}
	s := e.scratch()
	copy(s.counts, m.counts)
	for place := range e.batch() {
		e.pack(s, place)
	}
	best, err := m.best(ctx, e, s, r)
	if err != nil {
		return nil, err
	}
	chosen := e.choose(s, best, m.opt)
	if r.Maxima, err = m.replicate(ctx, e); err != nil {
		return nil, err
	}
	m.test(e, r, chosen)
	return r, nil
}

// circles draws the circles of the places; without places, one that holds everything.
func (m *model) circles(ctx context.Context) (*circles, error) {
	if m.places.Points == nil {
		return &circles{start: []int{0, 1}, near: []int32{0}, closed: []bool{true}}, ctx.Err()
	}
	population, err := m.population()
	if err != nil {
		return nil, err
	}
	c, err := m.places.draw(ctx, population, 8*m.stride()+16)
	if err == nil && len(c.near) == 0 {
		err = grids.Errorf(grids.Invalid, "no circle keeps within %g of the population and the radius: raise MaxShare or MaxRadiusM", m.places.MaxShare)
	}
	return c, err
}

// best scans what was observed around each centre.
func (m *model) best(ctx context.Context, e *engine, s *scratch, r *Result) ([]found, error) {
	out := make([]found, len(e.start)-1)
	r.Centres, r.Bare = []Zone{}, []int{}
	for i := range out {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		out[i] = nothing
		if e.start[i] == e.start[i+1] {
			r.Bare = append(r.Bare, i)
			continue
		}
		out[i] = e.centre(s, e.start[i], e.start[i+1])
		shown := out[i]
		if shown.at < 0 {
			shown.at = e.start[i] + slices.Index(e.closed[e.start[i]:], true)
		}
		r.Centres = append(r.Centres, m.zone(e, i, shown))
	}
	return out, nil
}

// leading is the centre with the largest ratio above 0, the first of equals; -1 when there is none.
func leading(best []found) int {
	lead, llr := -1, 0.0
	for i, f := range best {
		if f.llr > llr*(1+tie) {
			lead, llr = i, f.llr
		}
	}
	return lead
}

// centreOf is the centre of a zone.
func (e *engine) centreOf(f found) int {
	i, _ := slices.BinarySearchFunc(e.start, f.at, func(start, at int) int { return cmp.Compare(start, at+1) })
	return i - 1
}

// members is the locations of a zone, nearest first.
func (e *engine) members(f found) []int32 { return e.near[e.start[e.centreOf(f)] : f.at+1] }

// choose takes zones that have no location in common, the largest ratio first, out of the best ones of the centres. When the best zone of a
// centre overlaps it is dropped; with all zones, the best one of that centre that does not overlap takes its place.
func (e *engine) choose(s *scratch, best []found, o Options) []found {
	var out []found
	taken := make(map[int32]bool)
	best = slices.Clone(best)
	for i := leading(best); i >= 0 && (o.MaxClusters == 0 || len(out) < o.MaxClusters); i = leading(best) {
		members := e.members(best[i])
		free := slices.IndexFunc(members, func(l int32) bool { return taken[l] })
		switch {
		case free < 0:
			out = append(out, best[i])
			for _, l := range members {
				taken[l] = true
			}
			best[i] = nothing // all circles of a centre hold its nearest location
		case o.AllZones:
			best[i] = e.centre(s, e.start[i], e.start[i]+free)
		default:
			best[i] = nothing
		}
	}
	return out
}

// zone describes a zone of what was observed.
func (m *model) zone(e *engine, centre int, f found) Zone {
	z := Zone{Centre: centre, From: int(e.from[f.window]), To: int(e.to[f.window]), Rates: High}
	members := e.near[e.start[centre] : f.at+1]
	z.Locations = len(members)
	for _, l := range members {
		for _, c := range m.counts[int(l)*m.periods+z.From : int(l)*m.periods+z.To+1] {
			z.Cases += int(c)
		}
	}
	z.RadiusM = m.radius(centre, int(members[len(members)-1]))
	measure := e.measure(f.at, f.window)
	z.Expected, z.LLR = m.ratio.expected(measure), m.ratio.of(float64(z.Cases), measure, f.low)
	if f.low {
		z.Rates = Low
	}
	if f.llr == 0 {
		z.LLR, z.Rates = 0, ""
	}
	z.RelativeRisk = stat.None(stat.NoPopulation)
	if m.risk {
		inside := float64(z.Cases) / z.Expected
		z.RelativeRisk = stat.Of(inside / ((m.ratio.cases - float64(z.Cases)) / m.ratio.expected(m.ratio.total-measure)))
	}
	return z
}

// radius is the distance of a location from a centre in metres.
func (m *model) radius(centre, location int) float64 {
	if m.places.Points == nil {
		return 0
	}
	from := m.places.Centres
	if from == nil {
		from = m.places.Points
	}
	return m.places.distance(m.places.space(from[centre : centre+1])[0], m.places.space(m.places.Points[location : location+1])[0])
}

// replicate is the largest ratio of each replicate.
func (m *model) replicate(ctx context.Context, e *engine) ([]float64, error) {
	out, batch := make([]float64, m.opt.Replicates), e.batch()
	var mu sync.Mutex
	var failed error
	next, done := 0, 0
	claim := func() int {
		mu.Lock()
		defer mu.Unlock()
		next += batch
		return next - batch
	}
	report := func(n int, err error) bool {
		mu.Lock()
		defer mu.Unlock()
		failed = cmp.Or(failed, err)
		for ; n > 0 && failed == nil; n-- {
			if done++; m.opt.Progress != nil {
				m.opt.Progress(done, len(out))
			}
		}
		return failed == nil
	}
	var all sync.WaitGroup
	for range m.opt.Workers {
		all.Go(func() {
			s, draw := e.scratch(), m.sampler()
			for r := claim(); r < len(out); r = claim() {
				maxima := out[r:min(r+batch, len(out))]
				if !report(len(maxima), m.draw(ctx, e, s, draw, r, maxima)) {
					return
				}
			}
		})
	}
	all.Wait()
	return out, failed
}

// draw draws and scans a batch of replicates from r on. Lanes that are left over repeat the last one.
func (m *model) draw(ctx context.Context, e *engine, s *scratch, draw sampler, r int, maxima []float64) error {
	for place := range e.batch() {
		if place < len(maxima) {
			draw(stat.Source(m.opt.Seed, uint64(r+place)), s.counts)
		}
		e.pack(s, place)
	}
	err := e.scan(ctx, s)
	for i := range maxima {
		maxima[i] = s.best[i].llr
	}
	return err
}

// test makes clusters of the chosen zones.
func (m *model) test(e *engine, r *Result, chosen []found) {
	mean, sd := moments(r.Maxima)
	beta := sd * math.Sqrt(6) / math.Pi
	mu := mean - eulerGamma*beta
	r.GumbelMu, r.GumbelBeta = stat.None(stat.Constant), stat.None(stat.Constant)
	if beta > 0 {
		r.GumbelMu, r.GumbelBeta = stat.Of(mu), stat.Of(beta)
	}
	r.Clusters = []Cluster{}
	for _, f := range chosen {
		c := Cluster{Zone: m.zone(e, e.centreOf(f), f), PGumbel: stat.None(stat.Constant)}
		for _, l := range e.members(f) {
			c.Members = append(c.Members, int(l))
		}
		slices.Sort(c.Members)
		higher, lower := 0, 0
		for _, v := range r.Maxima {
			if v >= c.LLR*(1-tie) {
				higher++
			}
			if v <= c.LLR*(1+tie) {
				lower++
			}
		}
		c.P, c.PLower = stat.Pseudo(higher, len(r.Maxima)), stat.Pseudo(lower, len(r.Maxima))
		if beta > 0 {
			c.PGumbel = stat.Of(-math.Expm1(-math.Exp(-(c.LLR - mu) / beta)))
		}
		c.RecurrenceIntervals, c.RecurrenceDays = m.recurrence(c.P)
		r.Clusters = append(r.Clusters, c)
	}
}

// recurrence is how often a cluster of this p is seen by chance in analyses that follow each other (Kulldorff 2001; Kleinman et al. 2004).
func (m *model) recurrence(p float64) (intervals, days stat.Value) {
	if !m.timed || !m.opt.Prospective {
		return stat.None(stat.Missing), stat.None(stat.Missing)
	}
	if m.opt.PeriodDays == 0 {
		return stat.Of(1 / p), stat.None(stat.Missing)
	}
	return stat.Of(1 / p), stat.Of(m.opt.PeriodDays / p)
}

// eulerGamma is the Euler-Mascheroni constant.
const eulerGamma = 0.57721566490153286

// moments is the mean and the standard deviation (with n−1) of values.
func moments(values []float64) (mean, sd float64) {
	for _, v := range values {
		mean += v
	}
	mean /= float64(len(values))
	sum := 0.0
	for _, v := range values {
		sum += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(sum / float64(max(1, len(values)-1)))
}
