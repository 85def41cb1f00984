package predict

import (
	"context"
	"slices"

	"wangge/grids"
	"wangge/grids/risk/stat"
)

// Interval is how the interval of a hit rate is made.
type Interval string

// The intervals.
const (
	Wilson    Interval = "wilson"    // events are independent of each other; the default
	Bootstrap Interval = "bootstrap" // hold-out windows are: at least 5 of them, drawn with replacement
)

// fewestWindows is the fewest hold-out windows of a bootstrap.
const fewestWindows = 5

// Options is how forecasts are compared.
type Options struct {
	Horizon     int                   // periods of a hold-out window; 0 is 1
	Train       int                   // fewest training periods before the first window; 0 is half of all periods
	Sliding     int                   // training periods kept; 0 is all before the window
	Shares      []float64             // of the area, above 0 and up to 1; nil is 1, 5, 10 and 20 %
	PerArea     bool                  // order by score per m²: for scores that are totals of units of unequal area
	MinEvents   int                   // fewest events in all windows, at least 1; 0 is 20
	Baseline    string                // name of the scorer that others are compared with; "" is the first
	Interval    Interval              // "" is Wilson
	Level       float64               // of the intervals, and 1 − level of the outcomes; 0 is 0.95
	Replicates  int                   // of the bootstrap, 99 … 99,999; 0 is 1,999
	Seed        uint64                // of the bootstrap
	CurvePoints int                   // steps of the curves, 1 … 10,000; 0 is 100
	Progress    func(done, total int) // called after each window; nil for none
}

// Window is one hold-out: trained on the periods TrainFrom … From−1, tested on From … To−1.
type Window struct {
	TrainFrom, From, To int
	Events              int // in the periods held out
}

// Outcome is how a forecast does beside the baseline.
type Outcome string

// The outcomes.
const (
	Wins      Outcome = "wins"      // more hits than the baseline, beyond chance
	Loses     Outcome = "loses"     // fewer hits than the baseline, beyond chance
	Undecided Outcome = "undecided" // the events do not tell them apart
)

// Versus is a forecast beside the baseline at one area share, over all windows.
type Versus struct {
	Difference   stat.Value // of the hit rates: this one's less the baseline's
	OnlyThis     float64    // events that this one has in its area and the baseline has not
	OnlyBaseline float64    // events that the baseline has in its area and this one has not
	P            stat.Value // two-sided
	Adjusted     stat.Value // for all forecasts and shares of the comparison (Benjamini & Hochberg 1995)
	Outcome      Outcome    // by Adjusted ≤ 1 − level
}

// Forecast is what one scorer came to.
type Forecast struct {
	Name   string
	At     []Accuracy // by share, in the order given; counts are sums over the windows
	Places []int      // by share: 1 for the most hits of all forecasts, equal ones share a place
	Versus []Versus   // by share; nil for the baseline
	Curve  []Point    // at equal steps of the area, over all windows
	AUC    stat.Value // area under the curve of every unit, over all windows; a random order has 0.5
}

// Comparison is the accuracy of several forecasts of the same units and periods.
type Comparison struct {
	Meta      stat.Meta
	Baseline  string
	Windows   []Window
	Events    int        // in all windows
	Forecasts []Forecast // in the order of the scorers
}

// Compare lets scorers forecast each hold-out window from the periods before it, and measures them over all windows: numerators and
// denominators are summed, ratios never averaged. counts has a row for each period, the oldest first, with a count for each unit. Windows
// follow each other without gap or overlap up to the last period; what is left over goes to the first training.
//
// P compares a forecast with the baseline by the events that only one of the two has in its area (McNemar 1947, exact), and with a forecast
// without order by the binomial distribution. It takes events as independent: near repeats make it too small.
//
// The error is Invalid: bad input, no training periods, no hold-out window, fewer events than the minimum; that of a scorer; or that of ctx.
func Compare(ctx context.Context, counts [][]int, areaM2 []float64, scorers []Scorer, o Options) (*Comparison, error) {
	o, err := o.complete(len(counts), scorers)
	if err != nil {
		return nil, err
	}
	if err := checkSeries(counts, areaM2); err != nil {
		return nil, err
	}
	c := &comparison{Options: o, counts: counts, areaM2: areaM2, scorers: scorers}
	if err := c.cut(); err != nil {
		return nil, err
	}
	c.prepare()
	for w := range c.windows {
		if err := c.window(ctx, w); err != nil {
			return nil, err
		}
		if o.Progress != nil {
			o.Progress(w+1, len(c.windows))
		}
	}
	return c.result(), nil
}

// complete fills in the defaults and reports what is wrong with the options. The error is Invalid.
func (o Options) complete(periods int, scorers []Scorer) (Options, error) {
	o.Horizon, o.MinEvents, o.Level = orDefault(o.Horizon, 1), orDefault(o.MinEvents, 20), orDefault(o.Level, .95)
	o.Train = orDefault(o.Train, max(1, periods/2))
	o.Replicates, o.CurvePoints = orDefault(o.Replicates, 1999), orDefault(o.CurvePoints, 100)
	if o.Shares == nil {
		o.Shares = defaultShares()
	}
	if o.Interval == "" {
		o.Interval = Wilson
	}
	if len(scorers) == 0 {
		return o, grids.Errorf(grids.Invalid, "there are no forecasts to compare: give at least one scorer")
	}
	if o.Baseline == "" {
		o.Baseline = scorers[0].Name
	}
	names := map[string]bool{}
	for i, s := range scorers {
		if s.Name == "" || names[s.Name] {
			return o, grids.Errorf(grids.Invalid, "scorer %d is called %q: give each a name of its own", i, s.Name)
		}
		names[s.Name] = true
	}
	switch {
	case !names[o.Baseline]:
		return o, grids.Errorf(grids.Invalid, "the baseline %q is not among the scorers: name one of them", o.Baseline)
	case o.Horizon < 1, o.Train < 1, o.Sliding < 0:
		return o, grids.Errorf(grids.Invalid, "a horizon of %d, %d training and %d sliding periods: give at least 1, 1 and 0", o.Horizon, o.Train, o.Sliding)
	case o.Interval != Wilson && o.Interval != Bootstrap:
		return o, grids.Errorf(grids.Invalid, "interval %q: give %q or %q", o.Interval, Wilson, Bootstrap)
	case o.Replicates < 99 || o.Replicates > 99999:
		return o, grids.Errorf(grids.Invalid, "%d replicates of a bootstrap: give 99 to 99999", o.Replicates)
	case o.CurvePoints < 1 || o.CurvePoints > 10000:
		return o, grids.Errorf(grids.Invalid, "curves of %d steps: give 1 to 10000", o.CurvePoints)
	case len(o.Shares) == 0:
		return o, grids.Errorf(grids.Invalid, "there are no area shares: give at least one, such as 0.05")
	}
	if err := checkShares(o.Shares); err != nil {
		return o, err
	}
	return o, checkLimits(o.MinEvents, o.Level)
}

// checkSeries reports what is wrong with counts and areas. The error is Invalid.
func checkSeries(counts [][]int, areaM2 []float64) error {
	if err := checkAreas(areaM2); err != nil {
		return err
	}
	for p, row := range counts {
		if len(row) != len(areaM2) {
			return grids.Errorf(grids.Invalid, "period %d has counts of %d units for %d areas: give one for every unit", p, len(row), len(areaM2))
		}
		for u, n := range row {
			if n < 0 || n > mostCount {
				return grids.Errorf(grids.Invalid, "unit %d has %d events in period %d: give a number from 0 to %d", u, n, p, mostCount)
			}
		}
	}
	return nil
}

// cut makes the windows. The error is Invalid: too few periods, windows or events.
func (c *comparison) cut() error {
	periods := len(c.counts)
	if enough := c.Train + c.Horizon; periods < enough {
		return grids.Errorf(grids.Invalid, "%d periods: %d to train on and %d to hold out need at least %d", periods, c.Train, c.Horizon, enough)
	}
	for from := c.Train + (periods-c.Train)%c.Horizon; from < periods; from += c.Horizon {
		w := Window{From: from, To: from + c.Horizon}
		if c.Sliding > 0 {
			w.TrainFrom = max(0, from-c.Sliding)
		}
		for _, row := range c.counts[w.From:w.To] {
			w.Events += sum(row)
		}
		c.windows, c.events = append(c.windows, w), c.events+w.Events
	}
	if c.Interval == Bootstrap && len(c.windows) < fewestWindows {
		return grids.Errorf(grids.Invalid, "%d hold-out windows: a bootstrap needs at least %d; take more periods or the Wilson interval", len(c.windows), fewestWindows)
	}
	if c.events < c.MinEvents {
		return grids.Errorf(grids.Invalid, "%d events in %d hold-out windows: at least %d are needed; hold out more periods, or wait",
			c.events, len(c.windows), c.MinEvents)
	}
	return nil
}

// add sums counts over periods.
func add(periods [][]int, units int) []int {
	out := make([]int, units)
	for _, row := range periods {
		for u, n := range row {
			out[u] += n
		}
	}
	return out
}

// train is what a scorer may know before a window; the slices end where the window begins.
func (c *comparison) train(w Window) Train {
	return Train{From: w.TrainFrom, To: w.From, Counts: slices.Clone(c.counts[w.TrainFrom:w.From])}
}
