package autocorr

import (
	"context"
	"fmt"
	"math"

	"wangge/grids"
	"wangge/grids/risk/stat"
	"wangge/grids/risk/weights"
)

// DefaultMaxDraws is the most values that the permutations of one run may draw: some hours of one core.
const DefaultMaxDraws = 1e12

// trials finds the p-values of a local statistic: where the weighted sum of each unit's neighbours lies among the sums of random draws.
type trials struct {
	s     *sample
	w     *weights.Matrix
	o     LocalOptions
	total bool                                                          // the unit's own value is drawn with its neighbours', from all
	codes []uint16                                                      // the values as multiples of one number; nil when they are none
	why   func(i int) stat.Reason                                       // why the unit has no test, "" when it has
	put   func(i int, lower, upper float64, by PMethod, replicates int) // P(≤) and P(≥) of the sum
}

// run finds all p-values and says how.
func (t *trials) run(ctx context.Context, method, source string) (stat.Meta, error) {
	m := stat.Meta{Method: method, Version: version, Source: source, Weights: t.w.Hash(), Params: map[string]any{
		"alternative": t.o.Alternative.String(), "fold": t.o.Fold.String(), "p_method": t.o.PMethod.String(),
		"moments": t.o.Moments.String(), "fdr": t.o.FDR, "alpha": t.o.Alpha, "tie_tolerance": TieTolerance,
	}}
	for i := range t.s.n {
		if why := t.why(i); why == "" {
			m.Used++
		} else {
			if m.Dropped == nil {
				m.Dropped = map[stat.Reason]int{}
			}
			m.Dropped[why]++
		}
	}
	if t.o.PMethod == Normal {
		m.Params["replicates"] = 0
		return m, ctx.Err()
	}
	return m, t.find(ctx, &m)
}

// find is run for exact and permutation p-values.
func (t *trials) find(ctx context.Context, m *stat.Meta) error {
	t.codes = t.s.codes()
	p := t.plan()
	drawn := m.Used - p.units
	if t.o.PMethod == Exact && drawn > 0 {
		return grids.Errorf(grids.Invalid, "%d of %d units have no exact p: %s; ask for permutation, or for auto", drawn, m.Used, p.refusal)
	}
	r, err := t.replicates(m.Used, drawn)
	if err != nil {
		return err
	}
	m.Params["replicates"], m.Params["exact_units"], m.Params["permutation_units"] = r, p.units, drawn
	if drawn > 0 {
		m.Seed = t.o.Seed
		m.Params["exact_refused"] = p.refusal
	}
	if err := p.run(ctx, t); err != nil {
		return err
	}
	if drawn == 0 {
		return ctx.Err()
	}
	return t.permute(ctx, r, p)
}

// replicates is how many permutations are made, 0 when no unit needs any.
func (t *trials) replicates(tests, drawn int) (int, error) {
	if drawn == 0 {
		return 0, nil
	}
	r, need := t.o.Replicates, 0
	if t.o.FDR {
		need = stat.Replicates(tests*t.smallest(), t.o.Alpha)
	}
	switch {
	case r == 0 && t.o.FDR:
		r = max(DefaultReplicatesFDR, need)
	case r == 0:
		r = DefaultReplicates
	case r < need:
		return 0, grids.Errorf(grids.Invalid, "with %d permutations no one of %d tests can be significant at %v after correction: %d are enough",
			r, tests, t.o.Alpha, need)
	}
	if draws := float64(r) * float64(t.w.Links()); draws > t.o.MaxDraws {
		return 0, grids.Errorf(grids.TooLarge, "%d permutations of %d weights would take too long: %.0f draws at most; ask for fewer neighbours, for fewer permutations, for the normal p, or for no correction",
			r, t.w.Links(), t.o.MaxDraws)
	}
	return r, nil
}

// rows reads what is drawn for each unit.
func (t *trials) rows() rows { return rows{m: t.w, with: t.total} }

// pool is from how many units a draw takes.
func (t *trials) pool() int {
	if t.total {
		return t.s.n
	}
	return t.s.n - 1
}

// smallest is the smallest p that permutation can give, in units of 1/(R+1).
func (t *trials) smallest() int {
	if t.o.Alternative == TwoSided && t.o.Fold == Doubled {
		return 2
	}
	return 1
}

// permute finds the p-values of the units that the plan leaves by permutation.
func (t *trials) permute(ctx context.Context, replicates int, p *plan) error {
	piece := max(1, min(256, 2_000_000/replicates))
	return share(ctx, t.o.Workers, t.s.n, piece, t.o.Progress, func() func(from, to int) {
		d, in := newDeck(t), t.rows()
		return func(from, to int) {
			for i := from; i < to && ctx.Err() == nil; i++ {
				r := in.at(i)
				if t.why(i) != "" || p.takes(r) {
					continue
				}
				less, same, ok := d.deal(ctx, i, r, t.o.Seed, replicates)
				if !ok {
					return
				}
				lower, upper := stat.Pseudo(less+same, replicates), stat.Pseudo(replicates-less, replicates)
				if r.equal && r.w[0] < 0 {
					lower, upper = upper, lower
				}
				t.put(i, lower, upper, Permutation, replicates)
			}
		}
	})
}

// largestCode is the largest number that codes have.
const largestCode = math.MaxUint16

// codes is the values as whole multiples of one number, counted from the smallest: counts, or counts in some unit. nil when they are none, or
// too far apart.
func (s *sample) codes() []uint16 {
	step, ok := s.wholeStep()
	values := s.x
	if !ok {
		values = s.y
		if step, ok = s.realStep(); !ok {
			return nil
		}
	}
	low := values[0]
	for _, v := range values {
		low = min(low, v)
	}
	out := make([]uint16, s.n)
	for i, v := range values {
		c := math.Round((v - low) / step)
		if c > largestCode || math.Abs(v-low-c*step) > 1e-9*step {
			return nil
		}
		out[i] = uint16(c)
	}
	return out
}

// wholeStep is the greatest common divisor of the differences of whole values.
func (s *sample) wholeStep() (float64, bool) {
	const exact = 1 << 52
	if s.low != math.Trunc(s.low) || math.Abs(s.low) > exact {
		return 0, false
	}
	g := uint64(0)
	for _, v := range s.x {
		if v != math.Trunc(v) || math.Abs(v) > exact {
			return 0, false
		}
		for a := uint64(v - s.low); a != 0; {
			g, a = a, g%a
		}
	}
	return float64(g), g > 0
}

// realStep is the greatest common divisor of values that are not whole, by Euclid's algorithm with a tolerance, unless it is so small that
// rounding hides it.
func (s *sample) realStep() (float64, bool) {
	const least, noise = 5e-5, 1e-9 // of a range of ½ to 1: up to 10 000 steps
	g := 0.0
	for _, v := range s.y {
		for a := v; a > noise; {
			if g == 0 {
				g = a
				break
			}
			g, a = a, math.Abs(math.Remainder(g, a))
		}
		if g != 0 && g < least {
			return 0, false
		}
	}
	if g == 0 {
		return 0, false
	}
	high := 0.0
	for _, v := range s.y {
		high = max(high, v)
	}
	return high / math.Round(high/g), true
}

// Why units are not in a plan.
const (
	notCounts   = "the values are not counts (or multiples of one number), or too far apart"
	notEqual    = "the neighbours of some units have different weights"
	tooMuchWork = "some units have too many neighbours, or the counts are too large"
)

// describe is the refusals, joined.
func describe(unequal, heavy int) string {
	switch {
	case unequal > 0 && heavy > 0:
		return fmt.Sprintf("%s; %s", notEqual, tooMuchWork)
	case unequal > 0:
		return notEqual
	case heavy > 0:
		return tooMuchWork
	}
	return ""
}
