package trend

import (
	"context"

	"wangge/grids"
	"wangge/grids/risk/autocorr"
	"wangge/grids/risk/weights"
)

// tails is the exact P(≤) and P(≥) of the sum of every bin's neighbourhood, when as many bins are drawn from the window.
type tails struct{ lower, upper []float64 }

// twoSided is twice the smaller tail.
func (t *tails) twoSided(i int) float64 { return min(1, 2*min(t.lower[i], t.upper[i])) }

// findTails finds the exact tails where the options ask for them, and says in Meta which p there are.
func (s *SpaceTime) findTails(ctx context.Context, c Cube, w *weights.Matrix, o Options) error {
	by := NormalP
	if o.P == ExactP || o.P == AutoP {
		t, err := exactTails(ctx, c, w, o, s.why)
		switch {
		case err == nil:
			s.tails, by = t, ExactP
		case o.P == ExactP || ctx.Err() != nil:
			return err
		default:
			s.Meta.Params["exact_refused"] = err.Error()
		}
	}
	s.Meta.Params["p"] = string(by)
	return nil
}

// exactTails is the exact tails of all bins that have a score.
func exactTails(ctx context.Context, c Cube, w *weights.Matrix, o Options, why []cause) (*tails, error) {
	near := make([]int, c.Units) // how many units a neighbourhood has in space
	most := 0
	for i := range near {
		if near[i] = equals(w, i); near[i] == 0 {
			return nil, grids.Errorf(grids.Invalid, "the weights of unit %d are not equal, its own among them: exact p need that, take the normal p", i)
		}
		most = max(most, near[i])
	}
	from := func(period int) int { return max(0, period-o.Lags) } // the first period that a neighbourhood reaches
	sums := make([]*autocorr.Sums, c.Periods)
	for at := range sums {
		a, b := 0, c.Periods
		switch o.Window {
		case SingleStep:
			a, b = at, at+1
		case NearSteps:
			a, b = from(at), at+1
		default:
			if at > 0 {
				sums[at] = sums[0]
				continue
			}
		}
		var values []float64
		for i := range c.Units {
			values = append(values, c.Values[i*c.Periods+a:i*c.Periods+b]...)
		}
		var err error
		if sums[at], err = autocorr.NewSums(values, min(most*(o.Lags+1), len(values))); err != nil {
			return nil, err
		}
	}
	t := &tails{make([]float64, len(c.Values)), make([]float64, len(c.Values))}
	inSpace := make([]float64, c.Periods) // what the neighbourhood has, by period
	add := func(unit int) {
		for at, v := range c.Values[unit*c.Periods : (unit+1)*c.Periods] {
			inSpace[at] += v
		}
	}
	for i := range c.Units {
		if i%256 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		clear(inSpace)
		add(i)
		to, _ := w.Row(i)
		for _, j := range to {
			if int(j) != i {
				add(int(j))
			}
		}
		for at := range c.Periods {
			if why[i*c.Periods+at] != fine {
				continue
			}
			sum := 0.0
			for _, v := range inSpace[from(at) : at+1] {
				sum += v
			}
			t.lower[i*c.Periods+at], t.upper[i*c.Periods+at] = sums[at].Tails(near[i]*(at+1-from(at)), sum)
		}
	}
	return t, nil
}

// equals is how many units there are in a neighbourhood, the unit itself too, when they all have the same weight above 0; else 0.
func equals(w *weights.Matrix, unit int) int {
	to, v := w.Row(unit)
	self, own := false, 1.
	for at, j := range to {
		if int(j) == unit {
			self, own = true, v[at]
		}
	}
	for _, x := range v {
		if x != own || !(x > 0) {
			return 0
		}
	}
	if self {
		return len(to)
	}
	return len(to) + 1
}
