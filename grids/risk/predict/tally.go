package predict

import (
	"context"
	"slices"

	"wangge/grids"
	"wangge/grids/risk/stat"
)

// comparison is a comparison under way.
type comparison struct {
	Options
	counts  [][]int
	areaM2  []float64
	scorers []Scorer
	windows []Window
	events  int
	tallies []tally // one a scorer
	base    int     // which of them is the baseline
}

// tally is the sums of one scorer over the windows.
type tally struct {
	at        []Accuracy  // by share
	hits      [][]float64 // by share and window
	only      []float64   // by share: events that it has and the baseline has not
	baseline  []float64   // by share: events that the baseline has and it has not
	curve     []float64   // events by step of the area
	underHits float64     // area under the curve times events
}

// prepare makes empty tallies.
func (c *comparison) prepare() {
	c.tallies = make([]tally, len(c.scorers))
	for s := range c.tallies {
		if c.scorers[s].Name == c.Baseline {
			c.base = s
		}
		t := &c.tallies[s]
		t.at, t.hits = make([]Accuracy, len(c.Shares)), make([][]float64, len(c.Shares))
		t.only, t.baseline = make([]float64, len(c.Shares)), make([]float64, len(c.Shares))
		t.curve = make([]float64, c.CurvePoints+1)
		for k, share := range c.Shares {
			t.at[k].Share = share
		}
	}
}

// window lets every scorer forecast a window and adds what came of it.
func (c *comparison) window(ctx context.Context, at int) error {
	w := c.windows[at]
	test, train := add(c.counts[w.From:w.To], len(c.areaM2)), add(c.counts[w.TrainFrom:w.From], len(c.areaM2))
	best := newSearch(density(test, c.areaM2), c.areaM2, test, train)
	searches := make([]*search, len(c.scorers))
	for s, scorer := range c.scorers {
		if err := ctx.Err(); err != nil {
			return err
		}
		if scorer.Score == nil {
			continue
		}
		score, err := scorer.Score(c.train(w))
		if err != nil {
			return grids.Errorf(grids.KindOf(err), "forecast %q of period %d: %w", scorer.Name, w.From, err)
		}
		if err := checkScore("forecast "+scorer.Name, score, len(c.areaM2)); err != nil {
			return err
		}
		searches[s] = newSearch(scoreOf(score, c.areaM2, c.PerArea), c.areaM2, test, train)
	}
	for s := range c.tallies {
		c.tallies[s].measure(c.Shares, searches[s], best)
	}
	for k, share := range c.Shares {
		base := coverage(searches[c.base], share, len(test))
		for s := range c.tallies {
			only, baseline := apart(coverage(searches[s], share, len(test)), base, test)
			c.tallies[s].only[k] += only
			c.tallies[s].baseline[k] += baseline
		}
	}
	return nil
}

// measure adds a window; s is nil for a scorer without order.
func (t *tally) measure(shares []float64, s, best *search) {
	for k, share := range shares {
		a := best.chance(share)
		if s != nil {
			a = s.accuracy(s.share(share), best)
		}
		t.at[k].add(a)
		t.hits[k] = append(t.hits[k], a.Hits)
	}
	steps := float64(len(t.curve) - 1)
	for k := range t.curve {
		share := float64(k) / steps
		if s == nil {
			t.curve[k] += share * float64(best.events)
		} else {
			t.curve[k] += within(s.hits, s.share(share))
		}
	}
	if s == nil {
		t.underHits += float64(best.events) / 2
	} else {
		t.underHits += s.under()
	}
}

// coverage is how much of each of n units a search has at a share of the area; without order, the share of each.
func coverage(s *search, share float64, n int) []float64 {
	if s != nil {
		return s.covered(s.share(share))
	}
	out := make([]float64, n)
	for u := range out {
		out[u] = share
	}
	return out
}

// apart is the events that only one of two coverages has.
func apart(this, base []float64, test []int) (only, baseline float64) {
	for u, n := range test {
		if d := this[u] - base[u]; d > 0 {
			only += d * float64(n)
		} else {
			baseline -= d * float64(n)
		}
	}
	return only, baseline
}

// result turns the sums into measures.
func (c *comparison) result() *Comparison {
	out := &Comparison{Baseline: c.Baseline, Windows: c.windows, Events: c.events, Meta: c.meta()}
	var draws [][]int
	events := make([]int, len(c.windows))
	for w := range c.windows {
		events[w] = c.windows[w].Events
	}
	if c.Interval == Bootstrap {
		draws = drawWindows(len(c.windows), c.Replicates, c.Seed)
	}
	for s, t := range c.tallies {
		f := Forecast{Name: c.scorers[s].Name, At: t.at, AUC: over(t.underHits, float64(c.events)), Places: make([]int, len(c.Shares))}
		for k := range f.At {
			f.At[k].measure(c.Level)
			if draws != nil {
				f.At[k].Lower, f.At[k].Upper = bootstrap(t.hits[k], events, draws, c.Level)
			}
			f.Places[k] = c.place(s, k)
		}
		for k, hits := range t.curve {
			f.Curve = append(f.Curve, Point{float64(k) / float64(c.CurvePoints), hits / float64(c.events)})
		}
		out.Forecasts = append(out.Forecasts, f)
	}
	c.versus(out)
	return out
}

// place is 1 and how many scorers have more hits at a share; hits that differ by less than 10⁻⁹ of an event are as many.
func (c *comparison) place(s, k int) int {
	place := 1
	for _, other := range c.tallies {
		if other.at[k].Hits > c.tallies[s].at[k].Hits+1e-9 {
			place++
		}
	}
	return place
}

// versus compares every forecast with the baseline, and adjusts for all of them.
func (c *comparison) versus(out *Comparison) {
	var p []stat.Value
	for s := range out.Forecasts {
		if s == c.base {
			continue
		}
		for k := range c.Shares {
			p = append(p, stat.Of(c.pValue(s, k)))
		}
	}
	adjusted := stat.Adjust(p)
	for s := range out.Forecasts {
		if s == c.base {
			continue
		}
		for k := range c.Shares {
			t := &c.tallies[s]
			v := Versus{OnlyThis: t.only[k], OnlyBaseline: t.baseline[k], P: p[0], Adjusted: adjusted[0], Outcome: Undecided}
			p, adjusted = p[1:], adjusted[1:]
			difference := t.at[k].Hits - c.tallies[c.base].at[k].Hits
			v.Difference = over(difference, float64(c.events))
			switch decided := v.Adjusted.Or(1) <= 1-c.Level; {
			case decided && difference > 0:
				v.Outcome = Wins
			case decided && difference < 0:
				v.Outcome = Loses
			}
			out.Forecasts[s].Versus = append(out.Forecasts[s].Versus, v)
		}
	}
}

// pValue is the two-sided p of a forecast and the baseline having the same hit rate at a share.
func (c *comparison) pValue(s, k int) float64 {
	t, base, n := &c.tallies[s], &c.tallies[c.base], float64(c.events)
	switch thisOrdered, baseOrdered := c.scorers[s].Score != nil, c.scorers[c.base].Score != nil; {
	case thisOrdered && baseOrdered:
		return binomial(t.only[k], t.only[k]+t.baseline[k], .5)
	case thisOrdered:
		return binomial(t.at[k].Hits, n, c.Shares[k])
	case baseOrdered:
		return binomial(base.at[k].Hits, n, c.Shares[k])
	}
	return 1
}

// meta is the account of the comparison.
func (c *comparison) meta() stat.Meta {
	names := make([]string, len(c.scorers))
	for s := range names {
		names[s] = c.scorers[s].Name
	}
	m := stat.Meta{
		Method: "forecast-comparison", Version: "1", Source: source + "; McNemar 1947", Used: c.events,
		Params: map[string]any{
			"horizon": c.Horizon, "train": c.Train, "sliding": c.Sliding, "shares": slices.Clone(c.Shares), "per_area": c.PerArea, "min_events": c.MinEvents,
			"baseline": c.Baseline, "interval": c.Interval, "level": c.Level, "curve_points": c.CurvePoints, "scorers": names,
			"periods": len(c.counts), "last_unit": "part",
		},
	}
	if c.Interval == Bootstrap {
		m.Seed, m.Params["replicates"] = c.Seed, c.Replicates
	}
	return m
}
