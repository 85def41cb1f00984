package interaction

import (
	"context"

	"wangge/grids/risk/stat"
)

// Table is the result of a Knox test or a near-repeat table: one cell for each relation of space with each relation of time.
type Table struct {
	Meta       stat.Meta `json:"meta"`
	Pairs      int64     `json:"pairs"`      // all pairs of events, n(n−1)/2
	Duplicates int       `json:"duplicates"` // events that are the same, in place and day, as another one: kept, but worth a look
	Space      []Band    `json:"space"`      // ascending; metres
	Time       []Band    `json:"time"`       // ascending; days
	Cells      []Cell    `json:"cells"`      // that of Space[k] and Time[l] is Cells[k·len(Time)+l]
	Tests      int       `json:"tests"`      // cells with a p: what the correction counts
}

// Band is one relation of space or of time. In a Knox table it is closed, 0 ≤ d ≤ To, and holds the ones before; in a near-repeat table it is
// half-open, From ≤ d < To.
type Band struct {
	From  float64 `json:"from"`  // metres or days
	To    float64 `json:"to"`    // metres or days
	Pairs int64   `json:"pairs"` // pairs of events in it
}

// Cell is how many pairs are near in space and in time, against how many are by chance. Where the count cannot vary (no pair, or every pair,
// is in the band; all events at one place or on one day) the variance is 0, and z and every p are null, constant.
type Cell struct {
	Space      int        `json:"space"`                 // index of the band in Table.Space
	Time       int        `json:"time"`                  // index of the band in Table.Time
	Observed   int64      `json:"observed"`              // X, pairs
	Expected   float64    `json:"expected"`              // exact mean under permutation of the times
	Variance   float64    `json:"variance"`              // exact, likewise
	Ratio      stat.Value `json:"ratio"`                 // Knox ratio, observed/expected; null, constant, when the mean is 0
	Z          stat.Value `json:"z"`                     // (X − mean)/√variance
	Normal     Tails      `json:"normal"`                // of z, without continuity correction: an approximation, poor when the mean is small
	Poisson    stat.Value `json:"poisson_approximation"` // P(X ≥ x) of a Poisson with that mean (Knox 1964): an approximation, off when the variance is not near the mean
	MonteCarlo Tails      `json:"monte_carlo"`           // by permutation; null, not-run or too-many, without
	AtLeast    int        `json:"at_least"`              // replicates with X* ≥ x; 0 without Monte Carlo
	AtMost     int        `json:"at_most"`               // replicates with X* ≤ x
	Adjusted   Tails      `json:"adjusted"`              // each tail corrected for the number of cells with stat.Adjust: of MonteCarlo, or of Normal when there is none
}

// The sources of the methods.
const (
	knoxSource = "Knox 1964; Barton & David 1966 (exact moments of the number of edges in common of two graphs); Mantel 1967"
	nearSource = "Townsley, Homel & Chaseling 2003; Ratcliffe 2009 (near-repeat table); Barton & David 1966 (exact moments)"
)

// Knox is the Knox test for one pair of thresholds: X is the number of pairs of events with d ≤ deltaM and |Δt| ≤ tauDays. The table has one
// cell. See [KnoxTable].
func Knox(ctx context.Context, events []Event, deltaM, tauDays float64, o Options) (*Table, error) {
	return KnoxTable(ctx, events, []float64{deltaM}, []float64{tauDays}, o)
}

// KnoxTable is the Knox test for each threshold of distance (metres) with each of time (days), both closed and ascending (Knox 1964), with the
// exact moments of Barton & David (1966) and, when replicates are asked for, the p of permuting the times.
//
// The cost is that of the pairs within the largest distance, at most all n(n−1)/2; Monte Carlo visits them once more a replicate. A replicate
// has its own stream of random numbers. The error is Invalid (events, thresholds or options), or that of ctx when it ends before.
func KnoxTable(ctx context.Context, events []Event, deltasM, tausDays []float64, o Options) (*Table, error) {
	space, err := thresholds("space", deltasM)
	if err != nil {
		return nil, err
	}
	time, err := thresholds("time", tausDays)
	if err != nil {
		return nil, err
	}
	meta := stat.Meta{Method: "knox", Source: knoxSource, Params: map[string]any{"deltas_m": space.edges, "taus_days": time.edges, "bands": "closed, cumulative"}}
	return tabulate(ctx, events, space, time, o, meta)
}

// NearRepeat is the near-repeat table: pairs by band of distance and band of time, half-open between ascending edges, in metres and days
// (Townsley, Homel & Chaseling 2003; Ratcliffe 2009). k+1 edges make k bands; pairs below the first edge or from the last on are in none. To
// set repeats at the same place apart, start with a narrow band such as 0, 0.1.
//
// Cost and errors are those of [KnoxTable].
func NearRepeat(ctx context.Context, events []Event, edgesM, edgesDays []float64, o Options) (*Table, error) {
	space, err := bands("space", edgesM)
	if err != nil {
		return nil, err
	}
	time, err := bands("time", edgesDays)
	if err != nil {
		return nil, err
	}
	meta := stat.Meta{Method: "near-repeat", Source: nearSource, Params: map[string]any{"edges_m": space.edges, "edges_days": time.edges, "bands": "half-open, separate"}}
	return tabulate(ctx, events, space, time, o, meta)
}

// tabulate is the table of the relations of two ladders.
func tabulate(ctx context.Context, events []Event, space, time ladder, o Options, meta stat.Meta) (*Table, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if err := checkEvents(events); err != nil {
		return nil, err
	}
	p, most := arrange(events, space.reach()), 0
	if o.Replicates > 0 {
		most = o.maxPairs()
	}
	found, err := scan(ctx, p, space, time, o.Metric, most)
	if err != nil {
		return nil, err
	}
	t := newTable(p, found, space, time)
	var drawn *extremes
	why := o.withoutMonteCarlo(found.kept != nil)
	if why == "" {
		if drawn, err = t.simulate(ctx, p, found, o); err != nil {
			return nil, err
		}
	}
	t.conclude(drawn, o.Replicates, why)
	t.Meta = describe(meta, len(events), o, why)
	return t, nil
}

// describe completes the meta of a test of n events; why is the reason for which there was no Monte Carlo.
func describe(meta stat.Meta, n int, o Options, why stat.Reason) stat.Meta {
	meta.Version, meta.Used = "1", n
	meta.Params["metric"] = o.Metric.String()
	meta.Params["null"] = "permutation of the times of the events"
	meta.Params["replicates"], meta.Params["replicates_asked"] = o.Replicates, o.Replicates
	meta.Params["max_pairs"] = o.maxPairs()
	meta.Params["adjusted"] = "monte-carlo"
	if why != "" {
		meta.Params["replicates"], meta.Params["adjusted"] = 0, "normal"
		return meta
	}
	meta.Seed = o.Seed
	return meta
}

// newTable is the table with counts and exact moments, without p.
func newTable(p *places, found *near, space, time ladder) *Table {
	n := len(p.events)
	t := &Table{Pairs: int64(n) * int64(n-1) / 2, Duplicates: duplicates(p.events)}
	inSpace, inTime := found.spaceTotals(), timeTotals(daysOf(p.events), time)
	t.Space, t.Time = newBands(space, inSpace), newBands(time, inTime)
	observed := relate(found.counts, space, time)
	t.Cells = make([]Cell, len(observed))
	for at, x := range observed {
		k, l := at/len(inTime), at%len(inTime)
		m := exactMoments(n, inSpace[k], inTime[l], x)
		c := Cell{Space: k, Time: l, Observed: x, Expected: m.mean, Variance: m.variance, Z: m.z, Normal: normalTails(m.z)}
		c.Ratio, c.Poisson = stat.None(stat.Constant), stat.None(stat.Constant)
		if m.mean > 0 {
			c.Ratio = stat.Of(float64(x) / m.mean)
		}
		if !m.constant {
			c.Poisson = stat.Of(poissonUpper(x, m.mean))
		}
		t.Cells[at] = c
	}
	return t
}

// newBands are the bands of a ladder with their pairs.
func newBands(l ladder, totals []total) []Band {
	out := make([]Band, len(totals))
	for k, t := range totals {
		out[k] = Band{From: l.from(k), To: l.to(k), Pairs: t.pairs}
	}
	return out
}

// relate makes counts of relations, space by time, of counts by band.
func relate(counts []int64, space, time ladder) []int64 {
	width := len(time.limits)
	out := make([]int64, 0, space.relations()*time.relations())
	column := make([]int64, len(space.limits))
	rows := make([][]int64, space.relations())
	for k := range rows {
		rows[k] = make([]int64, width)
	}
	for l := range width {
		for k := range column {
			column[k] = counts[k*width+l]
		}
		for k, c := range space.gather(column) {
			rows[k][l] = c
		}
	}
	for _, row := range rows {
		out = append(out, time.gather(row)...)
	}
	return out
}

// conclude gives every cell its tails and their correction; why is the reason for which there was no Monte Carlo.
func (t *Table) conclude(drawn *extremes, replicates int, why stat.Reason) {
	used := make([]Tails, len(t.Cells))
	for at := range t.Cells {
		c := &t.Cells[at]
		switch reason := c.Z.Reason(); {
		case reason != "":
			c.MonteCarlo, used[at] = noTails(reason), noTails(reason)
			continue
		case why != "":
			c.MonteCarlo, used[at] = noTails(why), c.Normal
		default:
			c.AtLeast, c.AtMost = drawn.atLeast[at], drawn.atMost[at]
			c.MonteCarlo = monteCarloTails(c.AtLeast, c.AtMost, replicates)
			used[at] = c.MonteCarlo
		}
		t.Tests++
	}
	for at, q := range adjust(used) {
		t.Cells[at].Adjusted = q
	}
}

// adjust corrects each tail for the number of tests.
func adjust(p []Tails) []Tails {
	corrected := func(tail func(Tails) stat.Value) []stat.Value {
		values := make([]stat.Value, len(p))
		for i, t := range p {
			values[i] = tail(t)
		}
		return stat.Adjust(values)
	}
	upper := corrected(func(t Tails) stat.Value { return t.Upper })
	lower := corrected(func(t Tails) stat.Value { return t.Lower })
	both := corrected(func(t Tails) stat.Value { return t.TwoSided })
	out := make([]Tails, len(p))
	for i := range out {
		out[i] = Tails{Upper: upper[i], Lower: lower[i], TwoSided: both[i]}
	}
	return out
}
