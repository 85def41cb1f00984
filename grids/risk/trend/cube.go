package trend

import (
	"context"
	"math"
	"slices"

	"wangge/grids"
	"wangge/grids/risk/stat"
	"wangge/grids/risk/weights"
)

// Cube is one value a unit and period, such as a count of findings: Values[unit·Periods + period], the oldest period first. Every bin has a
// value; where nothing was seen although somebody looked it is 0. A last period that is not over is for the caller to leave out.
type Cube struct {
	Units, Periods int
	Values         []float64
}

// check reports what is wrong with the cube. The error is Invalid.
func (c Cube) check() error {
	switch {
	case c.Units < 1 || c.Periods < 1:
		return grids.Errorf(grids.Invalid, "the cube has %d units and %d periods: it needs one of each at least", c.Units, c.Periods)
	case c.Units > math.MaxInt32 || c.Periods > math.MaxInt32 || len(c.Values) != c.Units*c.Periods:
		return grids.Errorf(grids.Invalid, "the cube has %d values: %d units with %d periods need %d", len(c.Values), c.Units, c.Periods, c.Units*c.Periods)
	}
	for i, v := range c.Values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return grids.Errorf(grids.Invalid, "the value of unit %d in period %d is not a number: fill it, or leave the unit or the period out",
				i/c.Periods, i%c.Periods)
		}
	}
	return nil
}

// Window is what the neighbourhood of a bin is compared with.
type Window string

// The windows.
const (
	WholeCube  Window = "cube"  // all bins
	NearSteps  Window = "steps" // the bins of the periods that the neighbourhood reaches over
	SingleStep Window = "slice" // the bins of the same period
)

// PMethod is how the p of bins come about.
type PMethod string

// The ways.
const (
	NormalP PMethod = "normal" // by the standard score: too small where events are few
	ExactP  PMethod = "exact"  // of whole numbers with equal weights; of others it is refused
	AutoP   PMethod = "auto"   // exact where that works, else normal; Meta says which
)

// Options are the parameters of [GiStar] and [EmergingHotSpots]. Start from [Defaults].
type Options struct {
	Lags       int     // how many periods back the neighbourhood reaches; 0 is the same period alone
	Window     Window  // what it is compared with
	P          PMethod // of the bins; "" for NormalP
	FDR        bool    // bins are significant after the correction for all bins (Benjamini & Hochberg 1995); else each by itself
	Alpha      float64 // of the bins, two-sided
	TrendAlpha float64 // of the Mann-Kendall test on the z of a unit, two-sided
	MinPeriods int     // fewer periods are refused by EmergingHotSpots
	FinalOnly  bool    // sporadic only when the last bin is significant, as later wordings have it; see Classify
}

// Defaults are the options of the field: one lag, the whole cube, corrected at .05, trends at .05, ten periods.
func Defaults() Options {
	return Options{Lags: 1, Window: WholeCube, FDR: true, Alpha: .05, TrendAlpha: .05, MinPeriods: 10}
}

// check reports what is wrong with the options for a cube. The error is Invalid.
func (o Options) check(c Cube) error {
	switch {
	case o.Lags < 0 || o.Lags >= c.Periods:
		return grids.Errorf(grids.Invalid, "%d lags are outside 0 to %d: there are %d periods", o.Lags, c.Periods-1, c.Periods)
	case o.Window != WholeCube && o.Window != NearSteps && o.Window != SingleStep:
		return grids.Errorf(grids.Invalid, "there is no window %q: choose %s, %s or %s", o.Window, WholeCube, NearSteps, SingleStep)
	case o.P != "" && o.P != NormalP && o.P != ExactP && o.P != AutoP:
		return grids.Errorf(grids.Invalid, "there is no p by %.20q: choose %s, %s or %s", o.P, NormalP, ExactP, AutoP)
	}
	return nil
}

// SpaceTime is Gi* of every bin of a cube.
type SpaceTime struct {
	Meta    stat.Meta `json:"meta"`
	Units   int       `json:"units"`
	Periods int       `json:"periods"`
	z       []float64 // 0 where there is none
	why     []cause   // why there is none
	tails   *tails    // exact ones; nil for normal p
}

// cause is a reason in a byte.
type cause uint8

// The causes; of two the later one is told.
const (
	fine       cause = iota
	alone            // no weight
	everywhere       // all units
	overflow         // out of the range in which the moments can be trusted
	constant         // all values are equal
)

// reason is the machine code of a cause.
func (c cause) reason() stat.Reason {
	switch c {
	case constant:
		return stat.Constant
	case everywhere:
		return stat.AllUnits
	case alone:
		return stat.Isolate
	}
	return stat.NotANumber
}

// Z is Gi* of a bin as a standard score. It has no figure when all values of the window are equal (Constant), when the neighbourhood covers
// the window (AllUnits), when it has no weight (Isolate), or outside the cube (Missing).
func (s *SpaceTime) Z(unit, period int) stat.Value {
	if unit < 0 || unit >= s.Units || period < 0 || period >= s.Periods {
		return stat.None(stat.Missing)
	}
	return s.at(unit*s.Periods + period)
}

// at is the standard score of a bin by its place in the list.
func (s *SpaceTime) at(i int) stat.Value {
	if s.why[i] != fine {
		return stat.None(s.why[i].reason())
	}
	return stat.Of(s.z[i])
}

// P is the two-sided p of a bin, for itself: twice the smaller tail where it is exact.
func (s *SpaceTime) P(unit, period int) stat.Value {
	if z := s.Z(unit, period); z.Reason() != "" {
		return z
	}
	return s.p(unit*s.Periods + period)
}

// p is the two-sided p of a bin by its place in the list.
func (s *SpaceTime) p(i int) stat.Value {
	if z := s.at(i); s.tails == nil || z.Reason() != "" {
		return twoSided(z)
	}
	return stat.Of(s.tails.twoSided(i))
}

// twoSided is the p of a standard score.
func twoSided(z stat.Value) stat.Value {
	if n, ok := z.Known(); ok {
		return stat.Of(stat.TwoSided(n))
	}
	return z
}

// Adjusted is the two-sided p of every bin, corrected for all bins (Benjamini & Hochberg 1995), unit by unit as in [Cube]. It sorts all bins.
func (s *SpaceTime) Adjusted() []stat.Value {
	p := make([]stat.Value, len(s.z))
	for i := range p {
		p[i] = s.p(i)
	}
	return stat.Adjust(p)
}

// GiStar is the local statistic Gi* over space and time (Ord & Getis 1995, eq. 14, with the neighbourhood of a space-time cube): the
// neighbours of unit i in period t are its neighbours in space and itself, in the periods t, t−1 … t−Lags; the first periods have fewer.
//
//	z = (Σ w·x − W·x̄) / (s·√[(N·W₂ − W²)/(N−1)]), s² = Σ(x − x̄)²/N
//
// with W = Σw, W₂ = Σw² over the neighbourhood, and N, x̄ and s over the window. A row of w that names its own unit keeps that weight; else
// the unit enters with weight 1. The weights are the same at every lag. An exact p is of the total draw that z is of: as many bins as the
// neighbourhood has, drawn from all of the window without replacement. Errors: Invalid; those of [autocorr.NewSums] where ExactP cannot be; the
// context's when it ended.
func GiStar(ctx context.Context, c Cube, w *weights.Matrix, o Options) (*SpaceTime, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if err := o.check(c); err != nil {
		return nil, err
	}
	if w == nil || w.N() != c.Units {
		n := 0
		if w != nil {
			n = w.N()
		}
		return nil, grids.Errorf(grids.Invalid, "the weights are of %d units, the cube has %d: make them of the same units", n, c.Units)
	}
	s := &SpaceTime{Units: c.Units, Periods: c.Periods, z: make([]float64, len(c.Values)), why: make([]cause, len(c.Values))}
	g := newScorer(c, w, o)
	for i := range c.Units {
		if i%256 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		a, b := i*c.Periods, (i+1)*c.Periods
		g.score(i, s.z[a:b:b], s.why[a:b:b])
	}
	s.Meta = meta("space-time-gi-star", "Ord & Getis 1995 eq. 14", len(s.z), nil)
	s.Meta.Weights = w.Hash()
	s.Meta.Params["lags"], s.Meta.Params["window"], s.Meta.Params["self"] = o.Lags, string(o.Window), true
	s.count()
	return s, s.findTails(ctx, c, w, o)
}

// count says in Meta how many bins have no figure, and why.
func (s *SpaceTime) count() {
	for _, w := range s.why {
		if w == fine {
			continue
		}
		if s.Meta.Dropped == nil {
			s.Meta.Dropped = map[stat.Reason]int{}
		}
		s.Meta.Dropped[w.reason()]++
		s.Meta.Used--
	}
}

// window is the moments of the bins that a period's neighbourhoods are compared with.
type window struct {
	n, sum float64
	mean   float64
	sd     float64
	spread float64 // n·Σy² − (Σy)², exact; 0 when the values are not whole numbers that are small enough
	cause  cause   // why there are no scores
}

// exact is the largest whole number below which floating-point sums of whole numbers are exact.
const exact = 1 << 53

// tiny is the standard deviation below which squares lose digits, and one over it that above which they overflow.
const tiny = 1e-140

// z is the standard score of a neighbourhood with the sum near and the weight total; scale is √[(N·W₂ − W²)/(N−1)]. Of whole numbers it is
// the root of one quotient of whole numbers: scores that are equal come out equal, whatever period they are of, and the trend sees the tie.
func (h window) z(near, total, scale float64) float64 {
	if h.spread == 0 {
		return (near - total*h.mean) / (h.sd * scale)
	}
	above := h.n*near - total*h.sum
	return math.Copysign(math.Sqrt(above*above/h.spread), above) / scale
}

// scorer computes Gi* unit by unit.
type scorer struct {
	y       []float64 // the values, without the level that all have in common
	periods int
	lags    int
	w       *weights.Matrix
	windows []window  // one a period
	sums    []float64 // of a unit's neighbours, by period
}

// newScorer prepares the moments.
func newScorer(c Cube, w *weights.Matrix, o Options) *scorer {
	g := &scorer{y: level(c.Values), periods: c.Periods, lags: o.Lags, w: w, sums: make([]float64, c.Periods)}
	of := newSlices(g.y, c.Periods)
	g.windows = make([]window, c.Periods)
	for t := range g.windows {
		switch o.Window {
		case SingleStep:
			g.windows[t] = of.window(t, t)
		case NearSteps:
			g.windows[t] = of.window(max(0, t-o.Lags), t)
		default:
			if t == 0 {
				g.windows[0] = of.window(0, c.Periods-1)
			}
			g.windows[t] = g.windows[0]
		}
	}
	return g
}

// level takes the least value from all where that is exact (Sterbenz 1974: none is more than twice another), so that a large level does not
// swallow what differs; else it leaves them.
func level(values []float64) []float64 {
	low, high := slices.Min(values), slices.Max(values)
	if !(low > 0 && high <= 2*low || high < 0 && low >= 2*high) {
		return values
	}
	y := make([]float64, len(values))
	for i, v := range values {
		y[i] = v - low
	}
	return y
}

// score is z of all periods of a unit.
func (g *scorer) score(unit int, z []float64, why []cause) {
	sum, squares := g.neighbours(unit)
	var total, scale float64 // W, and √[(N·W₂ − W²)/(N−1)]
	reached := fine
	for t := range z {
		h := g.windows[t]
		if t <= g.lags { // from there on nothing changes: N is the same in all periods that have all their lags
			steps := float64(t + 1)
			total = steps * sum
			scale, reached = scaleOf(h.n, total, steps*squares)
		}
		if why[t] = max(h.cause, reached); why[t] != fine {
			continue
		}
		near := 0.0
		for _, s := range g.sums[max(0, t-g.lags) : t+1] {
			near += s
		}
		z[t] = h.z(near, total, scale)
		if math.IsNaN(z[t]) || math.IsInf(z[t], 0) {
			z[t], why[t] = 0, overflow
		}
	}
}

// scaleOf is √[(N·W₂ − W²)/(N−1)], or why it is not above 0: no more than rounding leaves of equal terms counts as 0.
func scaleOf(n, total, squares float64) (float64, cause) {
	switch d := n*squares - total*total; {
	case squares == 0:
		return 0, alone
	case !(d > 1e-12*n*squares):
		return 0, everywhere
	default:
		return math.Sqrt(d / (n - 1)), fine
	}
}

// neighbours sums a unit's neighbourhood in space period by period into g.sums, and its weights and their squares.
func (g *scorer) neighbours(unit int) (sum, squares float64) {
	clear(g.sums)
	to, w := g.w.Row(unit)
	self := false
	for at, j := range to {
		self = self || int(j) == unit
		sum += w[at]
		squares += w[at] * w[at]
		g.add(int(j), w[at])
	}
	if !self {
		sum++
		squares++
		g.add(unit, 1)
	}
	return sum, squares
}

// add adds a unit's values with a weight to g.sums.
func (g *scorer) add(unit int, w float64) {
	y := g.y[unit*g.periods : (unit+1)*g.periods]
	sums := g.sums[:len(y)]
	if w == 1 {
		for t, v := range y {
			sums[t] += v
		}
		return
	}
	for t, v := range y {
		sums[t] += w * v
	}
}

// sliceMoments is the moments of each period: sums, sums of squares, means, sums of squares about the mean, least and largest.
type sliceMoments struct {
	n                                  float64 // units
	sum, raw, mean, squares, low, high []float64
	whole                              bool // all values are whole numbers
}

// newSlices computes the moments of all periods.
func newSlices(y []float64, periods int) sliceMoments {
	column := func() []float64 { return make([]float64, periods) }
	m := sliceMoments{float64(len(y) / periods), column(), column(), column(), column(), column(), column(), true}
	copy(m.low, y)
	copy(m.high, y)
	for a := 0; a < len(y); a += periods {
		for t, v := range y[a : a+periods] {
			m.sum[t] += v
			m.raw[t] += v * v
			m.low[t], m.high[t] = min(m.low[t], v), max(m.high[t], v)
			m.whole = m.whole && v == math.Trunc(v)
		}
	}
	for t, s := range m.sum {
		m.mean[t] = s / m.n
	}
	for a := 0; a < len(y); a += periods {
		for t, v := range y[a : a+periods] {
			d := v - m.mean[t]
			m.squares[t] += d * d
		}
	}
	return m
}

// window is the moments of the periods from…to together (Chan, Golub & LeVeque 1983).
func (m sliceMoments) window(from, to int) window {
	low, high, raw, squares := m.low[from], m.high[from], 0.0, 0.0
	h := window{n: m.n * float64(to-from+1)}
	for t := from; t <= to; t++ {
		low, high = min(low, m.low[t]), max(high, m.high[t])
		h.sum += m.sum[t]
		raw += m.raw[t]
	}
	h.mean = h.sum / h.n
	for t := from; t <= to; t++ {
		d := m.mean[t] - h.mean
		squares += m.squares[t] + m.n*d*d
	}
	h.sd = math.Sqrt(squares / h.n)
	switch {
	case low == high:
		h.cause = constant
	case !(h.sd > tiny && h.sd < 1/tiny):
		h.cause = overflow
	}
	if m.whole && h.n*raw <= exact {
		h.spread = h.n*raw - h.sum*h.sum
	}
	return h
}
