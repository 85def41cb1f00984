package risk

import (
	"context"
	"math"

	"wangge/grids"
	"wangge/grids/risk/stat"
)

// Sway is the parameters of [Sensitivity]. Start from [DefaultSway].
type Sway struct {
	Top    int     // how many units head the ranking
	Change float64 // of each weight, as a share of it, above 0 and below 1
	Draws  int     // random sets of weights within ±Change of each; 0 for none
	Seed   uint64  // of the draws
}

// DefaultSway changes each weight by a fifth and looks at the first twenty, with a thousand draws.
func DefaultSway() Sway { return Sway{Top: 20, Change: .2, Draws: 1000, Seed: 1} }

// Variant is the ranking under other weights.
type Variant struct {
	Indicator string    `json:"indicator"` // whose weight was changed
	Change    float64   `json:"change"`    // by which share of it: −0.2 or +0.2
	Weights   []float64 `json:"weights"`   // of all indicators, scaled to sum to 1
	Kept      float64   `json:"kept"`      // share of the first units that stay among the first, 0…1
}

// Stability is how far the head of a ranking depends on the weights.
type Stability struct {
	Meta      stat.Meta  `json:"meta"` // Used counts units with an index
	Variants  []Variant  `json:"variants"`
	Least     float64    `json:"least"`      // share kept, over the variants
	Mean      float64    `json:"mean"`       //
	DrawLeast stat.Value `json:"draw_least"` // over the draws; Missing when there were none
	DrawMean  stat.Value `json:"draw_mean"`
}

// Sensitivity asks whether the units at the head of a composite index stay there when the weights are a little different (Saisana, Saltelli &
// Tarantola 2005; OECD & JRC 2008, §7): each weight in turn down and up by the share Change, and Draws sets with each weight changed by a share
// uniform in ±Change, all scaled to sum to 1 again. Indicators of weight 0 stay at 0. Equal values rank by the order of the units. Draw d has the
// stream of (Seed, d). The error is Invalid: what [Compose] refuses, parameters out of range, or no more units with an index than Top; or the
// context's when it ended.
func Sensitivity(ctx context.Context, indicators []Indicator, r Recipe, s Sway) (*Stability, error) {
	if err := checkIndicators(indicators, r); err != nil {
		return nil, err
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	k := newRanking(indicators, r, s.Top)
	first := k.head(k.weights)
	out := &Stability{Meta: stat.Meta{Method: "weight-sensitivity", Version: "1", Source: "Saisana, Saltelli & Tarantola 2005; OECD & JRC 2008 §7",
		Params: recipeParams(indicators, r), Seed: s.Seed, Used: len(k.known)}}
	out.Meta.Params["top"], out.Meta.Params["change"], out.Meta.Params["draws"] = s.Top, s.Change, s.Draws
	if len(k.known) <= s.Top {
		return nil, grids.Errorf(grids.Invalid, "%d units have an index: of a head of %d nothing can change, choose fewer than there are units", len(k.known), s.Top)
	}
	k.mark(first)
	out.Least = 1
	for at, in := range indicators {
		for _, change := range []float64{-s.Change, s.Change} {
			w := swayed(k.weights, func(i int) float64 {
				if i == at {
					return 1 + change
				}
				return 1
			})
			v := Variant{Indicator: in.Name, Change: change, Weights: w, Kept: k.kept(w)}
			out.Variants = append(out.Variants, v)
			out.Least = min(out.Least, v.Kept)
			out.Mean += v.Kept / float64(2*len(indicators))
		}
	}
	return out, k.draw(ctx, out, s)
}

// check reports what is wrong with the parameters. The error is Invalid.
func (s Sway) check() error {
	switch {
	case s.Top < 1:
		return grids.Errorf(grids.Invalid, "a head of %d units is none: take 20", s.Top)
	case !(s.Change > 0 && s.Change < 1):
		return grids.Errorf(grids.Invalid, "a change of the weights by %v is outside 0 to 1: take .2", s.Change)
	case s.Draws < 0 || s.Draws > 1_000_000:
		return grids.Errorf(grids.Invalid, "%d draws are outside 0 to 1000000: take 1000", s.Draws)
	}
	return nil
}

// swayed is the weights times a factor each, scaled to sum to 1.
func swayed(weights []float64, factor func(i int) float64) []float64 {
	w := make([]float64, len(weights))
	for i := range w {
		w[i] = weights[i] * factor(i)
	}
	divide(w, total(w))
	return w
}

// draw fills in the random sets of weights.
func (k *ranking) draw(ctx context.Context, out *Stability, s Sway) error {
	out.DrawLeast, out.DrawMean = stat.None(stat.Missing), stat.None(stat.Missing)
	if s.Draws == 0 {
		return nil
	}
	least, kept := 1.0, 0.0
	for d := range s.Draws {
		if err := ctx.Err(); err != nil {
			return err
		}
		random := stat.Stream(s.Seed, uint64(d))
		share := k.kept(swayed(k.weights, func(int) float64 { return 1 + s.Change*(2*random.Float64()-1) }))
		least = min(least, share)
		kept += share
	}
	out.DrawLeast, out.DrawMean = stat.Of(least), stat.Of(kept/float64(s.Draws))
	return nil
}

// ranking ranks the units under one set of weights after another.
type ranking struct {
	f       [][]stat.Value // normalised values by unit
	weights []float64      // as given
	missing MissingPolicy
	top     int
	known   []int  // units with an index under the weights as given, in their order
	isFirst []bool // units at the head under the weights as given
	shares  []float64
	points  []float64
	best    []int // units, best first
	values  []float64
}

// newRanking prepares the normalised values.
func newRanking(indicators []Indicator, r Recipe, top int) *ranking {
	n, units := len(indicators), len(indicators[0].Values)
	k := &ranking{f: make([][]stat.Value, units), weights: make([]float64, n), missing: r.Missing, top: top, isFirst: make([]bool, units),
		shares: make([]float64, n), points: make([]float64, n)}
	for at, all := range normaliseAll(indicators) {
		k.weights[at] = indicators[at].Weight
		for i, v := range all {
			k.f[i] = append(k.f[i], v)
		}
	}
	for i, f := range k.f {
		if combine(f, k.weights, k.missing, k.shares, k.points).Reason() == "" {
			k.known = append(k.known, i)
		}
	}
	return k
}

// head is the first units under the weights, best first; equal values in the order of the units. It is valid until the next call.
func (k *ranking) head(weights []float64) []int {
	k.best, k.values = k.best[:0], k.values[:0]
	least := math.Inf(-1) // of a head that is full
	for _, i := range k.known {
		if clearlyBelow(k.f[i], weights, least) {
			continue
		}
		v, ok := combine(k.f[i], weights, k.missing, k.shares, k.points).Known()
		if !ok || v <= least { // an equal value comes later in the order
			continue
		}
		k.best, k.values = append(k.best, i), append(k.values, v)
		for at := len(k.best) - 1; at > 0 && k.values[at] > k.values[at-1]; at-- {
			k.best[at], k.best[at-1] = k.best[at-1], k.best[at]
			k.values[at], k.values[at-1] = k.values[at-1], k.values[at]
		}
		if len(k.best) > k.top {
			k.best, k.values = k.best[:k.top], k.values[:k.top]
		}
		if len(k.best) == k.top {
			least = k.values[k.top-1]
		}
	}
	return k.best
}

// clearlyBelow reports, without the rounding of combine, that a unit's index is below a value by more than rounding could change.
func clearlyBelow(f []stat.Value, weights []float64, value float64) bool {
	sum, size, known := 0.0, 0.0, 0.0
	for k, v := range f {
		if n, ok := v.Known(); ok {
			sum += weights[k] * n
			size += math.Abs(weights[k] * n)
			known += weights[k]
		}
	}
	return sum+1e-11*size < value*known
}

// mark remembers the head under the weights as given.
func (k *ranking) mark(first []int) {
	for _, i := range first {
		k.isFirst[i] = true
	}
}

// kept is the share of the head that stays under other weights.
func (k *ranking) kept(weights []float64) float64 {
	stay := 0
	for _, i := range k.head(weights) {
		if k.isFirst[i] {
			stay++
		}
	}
	return float64(stay) / float64(k.top)
}
