package trend

import (
	"context"
	"math"

	"wangge/grids"
	"wangge/grids/risk/stat"
	"wangge/grids/risk/weights"
)

// Place is the pattern of one unit.
type Place struct {
	Category Category `json:"category"`
	Trend    Test     `json:"trend"` // of its z; without figures when fewer than three bins have one
	Hot      int      `json:"hot"`   // significant bins
	Cold     int      `json:"cold"`
	Last     Level    `json:"last"` // of the last bin
}

// HotSpots is an emerging hot spot analysis. Used and Dropped of Meta count bins.
type HotSpots struct {
	Meta   stat.Meta  `json:"meta"`
	Bins   *SpaceTime `json:"-"`      // z of every bin
	Places []Place    `json:"places"` // one a unit
	levels []Level
}

// Level is what a bin is under the correction chosen; Neither outside the cube.
func (h *HotSpots) Level(unit, period int) Level {
	if unit < 0 || unit >= h.Bins.Units || period < 0 || period >= h.Bins.Periods {
		return Neither
	}
	return h.levels[unit*h.Bins.Periods+period]
}

// EmergingHotSpots finds hot and cold spots that come, stay and go: [GiStar] of every bin, the significant ones by their p, the Mann-Kendall test
// on the z of every unit, and the pattern of both by [Classify] (Esri, How Emerging Hot Spot Analysis Works). Bins without a figure are not
// significant, and the test skips them; with fewer than three a unit has no trend. The normal p of Gi*, which is the field's, is poor for few
// neighbours and rare events: for counts ask for an exact one. Errors: Invalid; those of [GiStar].
func EmergingHotSpots(ctx context.Context, c Cube, w *weights.Matrix, o Options) (*HotSpots, error) {
	switch {
	case !(o.Alpha > 0 && o.Alpha < 1) || !(o.TrendAlpha > 0 && o.TrendAlpha < 1):
		return nil, grids.Errorf(grids.Invalid, "alpha %v or the alpha %v of trends is outside 0 to 1: take .05", o.Alpha, o.TrendAlpha)
	case o.MinPeriods < minimum:
		return nil, grids.Errorf(grids.Invalid, "a least number of %d periods is too few: the trend needs %d, and ten are usual", o.MinPeriods, minimum)
	case c.Periods < o.MinPeriods:
		return nil, grids.Errorf(grids.Invalid, "the cube has %d periods: emerging hot spots need at least %d, take shorter or earlier ones",
			c.Periods, o.MinPeriods)
	}
	bins, err := GiStar(ctx, c, w, o)
	if err != nil {
		return nil, err
	}
	h := &HotSpots{Meta: bins.Meta, Bins: bins, Places: make([]Place, c.Units), levels: bins.levels(o.Alpha, o.FDR)}
	h.Meta.Method, h.Meta.Source = "emerging-hot-spots", "Ord & Getis 1995 eq. 14; Mann 1945; Benjamini & Hochberg 1995; Esri 2021"
	params := o.params()
	for _, from := range []string{"p", "exact_refused"} {
		if v, ok := h.Meta.Params[from]; ok {
			params[from] = v
		}
	}
	h.Meta.Params = params
	var r ranker
	var z []float64
	for i := range h.Places {
		if i%256 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		a, b := i*c.Periods, (i+1)*c.Periods
		z = z[:0]
		for t := a; t < b; t++ {
			if bins.why[t] == fine {
				z = append(z, bins.z[t])
			}
		}
		h.Places[i] = place(h.levels[a:b], r.test(z), o)
	}
	return h, nil
}

// params is all options by name.
func (o Options) params() map[string]any {
	return map[string]any{"lags": o.Lags, "window": string(o.Window), "self": true, "fdr": o.FDR, "alpha": o.Alpha, "trend_alpha": o.TrendAlpha,
		"min_periods": o.MinPeriods, "final_only": o.FinalOnly, "share": .9}
}

// place is the pattern of a unit by its bins and the test of its trend.
func place(bins []Level, t Test, o Options) Place {
	p := Place{Trend: t, Last: bins[len(bins)-1]}
	for _, b := range bins {
		switch b {
		case Hot:
			p.Hot++
		case Cold:
			p.Cold++
		}
	}
	p.Category = Classify(bins, direction(t, o.TrendAlpha), o.FinalOnly)
	return p
}

// direction is the sign of a trend that is significant, else 0.
func direction(t Test, alpha float64) int {
	switch p, ok := t.P.Known(); {
	case !ok || p > alpha:
		return 0
	case t.S > 0:
		return 1
	case t.S < 0:
		return -1
	}
	return 0
}

// levels is the significant bins: those with p ≤ alpha, or with the corrected p of [SpaceTime.Adjusted] ≤ alpha.
func (s *SpaceTime) levels(alpha float64, fdr bool) []Level {
	least := math.Sqrt2 * math.Erfcinv(max(alpha, .001)) * (1 - 1e-9) // a score nearer to 0 has a p above alpha: no need for its tail
	most := alpha
	if fdr {
		most *= 1 + 1e-12 // the correction has the last word
	}
	var at []int
	var p []float64
	for i, z := range s.z {
		if s.why[i] != fine || s.tails == nil && math.Abs(z) < least {
			continue
		}
		if q := s.p(i).Or(1); q <= most {
			at, p = append(at, i), append(p, q)
		}
	}
	if fdr {
		at = stepUp(at, p, float64(s.Meta.Used), alpha)
	}
	out := make([]Level, len(s.z))
	for _, i := range at {
		out[i] = Hot
		if s.below(i) {
			out[i] = Cold
		}
	}
	return out
}

// below reports whether a bin that is significant is so because it has little: by its exact tails, else by its score.
func (s *SpaceTime) below(i int) bool {
	if s.tails != nil {
		return s.tails.lower[i] < s.tails.upper[i]
	}
	return s.z[i] < 0
}

// stepUp keeps of the bins with a small p those that the procedure of Benjamini & Hochberg (1995) rejects in so many tests. Their number k is
// the largest with k values of p·tests/k ≤ alpha: begin with all tests, count, and count again with that number until it stays.
func stepUp(at []int, p []float64, tests, alpha float64) []int {
	for k := tests; ; {
		kept := 0
		for i, q := range p {
			if tests*q/k <= alpha {
				at[kept], p[kept] = at[i], q
				kept++
			}
		}
		at, p = at[:kept], p[:kept]
		if kept == 0 || float64(kept) == k {
			return at
		}
		k = float64(kept)
	}
}
