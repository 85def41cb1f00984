package autocorr

import (
	"context"
	"math"

	"wangge/grids"
	"wangge/grids/risk/stat"
	"wangge/grids/risk/weights"
)

// LocalOptions is how a local statistic is tested. The zero LocalOptions is the usual test.
type LocalOptions struct {
	Alternative Alternative           // what P is of
	Fold        Fold                  // of the two-sided p, exact or by permutation
	PMethod     PMethod               // where the p-values come from
	Moments     Moments               // of the local Moran; Gi and Gi* have one kind
	StarDraw    Moments               // of the p of Gi*: Conditional holds the unit's own value, Total draws it too, as the z does
	Replicates  int                   // permutations, 0 for DefaultReplicates; with FDR for DefaultReplicatesFDR or as many as are needed to reject
	Seed        uint64                // of the permutations
	FDR         bool                  // classes by the adjusted p
	Alpha       float64               // level of the classes of local Moran, and what FDR must be able to reject at; 0 for DefaultAlpha
	MaxDraws    float64               // values that the permutations may draw, 0 for DefaultMaxDraws; more are refused before any is drawn
	Workers     int                   // goroutines of the permutations, 0 for one
	Progress    func(done, total int) // told of the units whose permutations are done, from one goroutine at a time; may be nil
}

// MoranUnit is the local Moran of one unit.
type MoranUnit struct {
	I         stat.Value  `json:"i"`
	E         stat.Value  `json:"e"`
	V         stat.Value  `json:"v"`
	Z         stat.Value  `json:"z"` // (I − E)/√V
	Tails                 // of I
	PAdjusted stat.Value  `json:"p_adjusted"`       // P over the units with a test (Benjamini & Hochberg 1995)
	Reason    stat.Reason `json:"reason,omitempty"` // why there is no test
	Quadrant  Quadrant    `json:"quadrant"`
	Class     Class       `json:"class"`    // the quadrant, when P (with FDR PAdjusted) is at most alpha
	PMethod   PMethod     `json:"p_method"` // where P comes from
}

// LocalMoranResult is the local Moran of every unit, in the order of the values.
type LocalMoranResult struct {
	Meta  stat.Meta   `json:"meta"`
	Units []MoranUnit `json:"units"`
}

// GUnit is Gi or Gi* of one unit.
type GUnit struct {
	Sum       stat.Value  `json:"sum"` // Σ w_ij x_j
	E         stat.Value  `json:"e"`   // of Sum
	V         stat.Value  `json:"v"`   // of Sum
	Z         stat.Value  `json:"z"`   // (Sum − E)/√V: what is called Gi or Gi*
	Tails                 // of Sum
	PAdjusted stat.Value  `json:"p_adjusted"`       // P over the units with a test (Benjamini & Hochberg 1995)
	Reason    stat.Reason `json:"reason,omitempty"` // why there is no test
	Class     Class       `json:"class"`            // by P, with FDR by PAdjusted, and the smaller tail
	PMethod   PMethod     `json:"p_method"`         // where P comes from
}

// LocalGResult is Gi or Gi* of every unit, in the order of the values.
type LocalGResult struct {
	Meta  stat.Meta `json:"meta"`
	Units []GUnit   `json:"units"`
}

// LocalMoran is the local Moran I_i = z_i/m2 · Σ w_ij z_j with m2 = Σ z²/n (Anselin 1995, eq. 12), so that Σ I_i = I·S0. At least 3 units;
// the weights are any, without the units themselves.
//
// A unit without neighbours is null. A unit at the mean, or when all others are equal or all are its neighbours with one weight, has an I
// but no test, since every draw gives the same. The error is Invalid, or that of the context.
func LocalMoran(ctx context.Context, x []float64, w *weights.Matrix, o LocalOptions) (*LocalMoranResult, error) {
	const method = "local Moran's I"
	s, o, err := beginLocal(x, w, o, method)
	if err != nil {
		return nil, err
	}
	if err := noSelf(w, method); err != nil {
		return nil, err
	}
	out := &LocalMoranResult{Units: make([]MoranUnit, s.n)}
	in := rows{m: w}
	for i := range out.Units {
		out.Units[i] = s.moran(i, in.at(i), o)
	}
	t := &trials{s: s, w: w, o: o,
		why: func(i int) stat.Reason { return out.Units[i].Reason },
		put: func(i int, lower, upper float64, by PMethod, replicates int) {
			if s.z(i) < 0 {
				lower, upper = upper, lower
			}
			out.Units[i].Tails, out.Units[i].PMethod = drawn(lower, upper, o.Alternative, o.Fold, replicates), by
		}}
	if out.Meta, err = t.run(ctx, "local-moran", "Anselin (1995), eq. 12; moments: "+momentsSource(o.Moments)); err != nil {
		return nil, err
	}
	adjust(out.Units, func(u *MoranUnit) (Tails, *stat.Value) { return u.Tails, &u.PAdjusted })
	for i := range out.Units {
		u := &out.Units[i]
		u.Class = moranClass(u, o)
	}
	return out, nil
}

// LocalG is Gi: z of Σ w_ij x_j over the neighbours, without the unit (Ord & Getis 1995). At least 3 units; the weights are without the
// units themselves. A unit without neighbours, with all others as neighbours with one weight, or with all others equal is null. The error is
// Invalid, or that of the context.
func LocalG(ctx context.Context, x []float64, w *weights.Matrix, o LocalOptions) (*LocalGResult, error) {
	if w != nil {
		if err := noSelf(w, "Gi"); err != nil {
			return nil, err
		}
	}
	return localG(ctx, x, w, o, false)
}

// LocalGStar is Gi*: z of Σ w_ij x_j over the neighbours and the unit itself (Ord & Getis 1995). The weight of the unit to itself is
// taken from the matrix; where it has none, it is that of its neighbours, and when these differ the error is Invalid. Else as [LocalG]; a unit
// that has only itself is without neighbours.
//
// Of what the p is depends on o.StarDraw. Conditional holds the value of the unit fixed, so only its neighbours can be out of the ordinary: a
// lone high value has p = 1, while units around it can be hot. Total draws it with its neighbours' from all n, which is the distribution that E
// and V are of.
func LocalGStar(ctx context.Context, x []float64, w *weights.Matrix, o LocalOptions) (*LocalGResult, error) {
	return localG(ctx, x, w, o, true)
}

// localG is Gi, or Gi* with star.
func localG(ctx context.Context, x []float64, w *weights.Matrix, o LocalOptions, star bool) (*LocalGResult, error) {
	method, source := "local-g", "Ord & Getis (1995)"
	if star {
		method = "local-g-star"
	} else {
		o.StarDraw = Conditional
	}
	s, o, err := beginLocal(x, w, o, method)
	if err != nil {
		return nil, err
	}
	out := &LocalGResult{Units: make([]GUnit, s.n)}
	in := rows{m: w}
	for i := range out.Units {
		r := in.at(i)
		if star {
			if r.self == 0 && !r.equal {
				return nil, grids.Errorf(grids.Invalid, "unit %d has neighbours of different weights and none to itself: Gi* needs its weight in the matrix", i)
			}
			r = r.starred()
		}
		out.Units[i] = s.g(i, r, star, o)
	}
	t := &trials{s: s, w: w, o: o, total: o.StarDraw == Total,
		why: func(i int) stat.Reason { return out.Units[i].Reason },
		put: func(i int, lower, upper float64, by PMethod, replicates int) {
			out.Units[i].Tails, out.Units[i].PMethod = drawn(lower, upper, o.Alternative, o.Fold, replicates), by
		}}
	if out.Meta, err = t.run(ctx, method, source); err != nil {
		return nil, err
	}
	delete(out.Meta.Params, "moments")
	if star {
		out.Meta.Params["star_draw"] = o.StarDraw.String()
	}
	adjust(out.Units, func(u *GUnit) (Tails, *stat.Value) { return u.Tails, &u.PAdjusted })
	for i := range out.Units {
		u := &out.Units[i]
		u.Class = spotClass(u, o)
	}
	return out, nil
}

// momentsSource is who gave the moments.
func momentsSource(m Moments) string {
	if m == Total {
		return "Anselin (1995), eq. 13 and 14"
	}
	return "Sokal, Oden & Thomson (1998), eq. A7 and A8"
}

// beginLocal checks what the local statistics have in common and fills the defaults in, but for the replicates.
func beginLocal(x []float64, w *weights.Matrix, o LocalOptions, method string) (*sample, LocalOptions, error) {
	for _, err := range []error{known("alternative", o.Alternative, 3), known("fold", o.Fold, 3), known("p method", o.PMethod, 4),
		known("moments", o.Moments, 2), known("draw of Gi*", o.StarDraw, 2), checkWorkers(o.Workers)} {
		if err != nil {
			return nil, o, err
		}
	}
	if o.Alpha == 0 {
		o.Alpha = DefaultAlpha
	}
	if !(o.Alpha > 0 && o.Alpha < 1) {
		return nil, o, grids.Errorf(grids.Invalid, "alpha %v is outside 0 to 1", o.Alpha)
	}
	if o.Replicates < 0 || o.Replicates > maxReplicates {
		return nil, o, grids.Errorf(grids.Invalid, "%d permutations are outside 0 to %d", o.Replicates, maxReplicates)
	}
	if o.MaxDraws == 0 {
		o.MaxDraws = DefaultMaxDraws
	}
	s, err := take(x, w, leastLocal, method)
	return s, o, err
}

// constantDraw is why every draw of neighbours for the unit gives the same, "" when it does not.
func (s *sample) constantDraw(i int, r row) stat.Reason {
	switch {
	case s.steady:
		return stat.Constant
	case len(r.w) == 0:
		return stat.Isolate
	case s.lone == i:
		return stat.Constant
	case len(r.w) == s.n-1 && r.equal:
		return stat.AllUnits
	}
	return ""
}

// moran is the local Moran of a unit, without its p.
func (s *sample) moran(i int, r row, o LocalOptions) (u MoranUnit) {
	u.Reason, u.PMethod = s.constantDraw(i, r), o.PMethod
	if s.steady || len(r.w) == 0 {
		v := stat.None(u.Reason)
		u.I, u.E, u.V, u.Z, u.Tails = v, v, v, v, none(u.Reason)
		return u
	}
	m2, z := s.ss/float64(s.n), s.z(i)
	lag, size := 0.0, 0.0
	for at, j := range r.to {
		lag += r.w[at] * s.z(int(j))
		size += math.Abs(r.w[at])
	}
	if math.Abs(z) <= atMean {
		z = 0
	}
	if z == 0 && u.Reason == "" {
		u.Reason = stat.AtMean
	}
	u.I = stat.Of(z / m2 * lag)
	u.E, u.V, u.Z = s.moments(i, r, z, z/m2*lag, u.Reason, o.Moments)
	u.Tails = none(u.Reason)
	if u.Reason == "" && o.PMethod == Normal {
		u.Tails = normal(u.Z, o.Alternative)
	}
	if math.Abs(lag) > atMean*size {
		u.Quadrant = quadrant(z, lag)
	}
	return u
}

// moments is the expectation, variance and z of the local Moran; why is the reason that every draw gives the same, if it does.
func (s *sample) moments(i int, r row, z, local float64, why stat.Reason, m Moments) (e, v, deviate stat.Value) {
	if m == Total {
		e, v := s.totalMoments(r)
		return stat.Of(e), stat.Of(v), stat.Of((local - e) / math.Sqrt(v))
	}
	n, m2 := float64(s.n), s.ss/float64(s.n)
	e = stat.Of(-z * z * r.sum() / ((n - 1) * m2))
	if why != "" {
		return e, stat.Of(0), stat.None(why)
	}
	_, over, spread := s.conditional(i, r)
	return e, stat.Of(z / m2 * (z / m2) * spread), stat.Of(math.Copysign(1, z) * over / math.Sqrt(spread))
}

// conditional is the mean of all units but i, Σ w (y − mean) over the neighbours of i, and its variance when they are drawn from those.
func (s *sample) conditional(i int, r row) (mean, over, v float64) {
	mean, ss := s.without(i)
	for at, j := range r.to {
		over += r.w[at] * (s.y[j] - mean)
	}
	return mean, over, ss / float64(s.n-2) * r.spread(s.n-1, false)
}

// starred is the mean of all units, Σ w (y − mean) over i and its neighbours, and its variance when they are drawn from all.
func (s *sample) starred(i int, r row) (mean, over, v float64) {
	over = r.self * s.z(i)
	for at, j := range r.to {
		over += r.w[at] * s.z(int(j))
	}
	return s.mean, over, s.ss / float64(s.n-1) * r.spread(s.n, true)
}

// totalMoments is the expectation and variance of I_i over all permutations.
func (s *sample) totalMoments(r row) (e, v float64) {
	n, b2 := float64(s.n), float64(s.n)*s.s4/(s.ss*s.ss)
	sum, squares := r.sum(), 0.0
	for _, w := range r.w {
		squares += w * w
	}
	e = -sum / (n - 1)
	return e, squares*(n-b2)/(n-1) + (sum*sum-squares)*(2*b2-n)/((n-1)*(n-2)) - e*e
}

// quadrant is where a value and its neighbours' lie.
func quadrant(z, lag float64) Quadrant {
	switch {
	case z > 0 && lag > 0:
		return HighHigh
	case z < 0 && lag < 0:
		return LowLow
	case z > 0:
		return HighLow
	case z < 0:
		return LowHigh
	}
	return NoQuadrant
}

// g is Gi or Gi* of a unit, without its p.
func (s *sample) g(i int, r row, star bool, o LocalOptions) (u GUnit) {
	u.Reason, u.PMethod = s.constantDraw(i, r), o.PMethod
	if o.StarDraw == Total && u.Reason != stat.Isolate && !s.steady {
		u.Reason = s.zeroVariance(i, r, true)
	}
	u.Tails = none(u.Reason)
	if s.steady || len(r.w) == 0 {
		v := stat.None(u.Reason)
		u.Sum, u.E, u.V, u.Z = v, v, v, v
		return u
	}
	weighing := s.conditional
	if star {
		weighing = s.starred
	} else {
		r.self = 0
	}
	mean, over, v := weighing(i, r)
	sum := r.self * s.x[i]
	for at, j := range r.to {
		sum += r.w[at] * s.x[j]
	}
	u.Sum, u.V, u.Z = stat.Of(sum), s.variance(v), stat.Of(over/math.Sqrt(v))
	u.E = stat.Of((r.sum() + r.self) * (s.low + math.Ldexp(mean, s.exp)))
	if why := s.zeroVariance(i, r, star); why != "" {
		u.V, u.Z = stat.Of(0), stat.None(why)
	}
	if u.Reason == "" && o.PMethod == Normal {
		u.Tails = normal(u.Z, o.Alternative)
	}
	return u
}

// zeroVariance is why the unit has no z: the draw is constant, or, for Gi*, all units are in it with one weight.
func (s *sample) zeroVariance(i int, r row, star bool) stat.Reason {
	if !star {
		return s.constantDraw(i, r)
	}
	if len(r.w) == s.n-1 && r.equal && math.Abs(r.self-r.w[0]) <= TieTolerance*math.Abs(r.w[0]) {
		return stat.AllUnits
	}
	return ""
}

// adjust corrects the p of all units for their number.
func adjust[U any](units []U, of func(*U) (Tails, *stat.Value)) {
	p := make([]stat.Value, len(units))
	for i := range units {
		t, _ := of(&units[i])
		p[i] = t.P
	}
	for i, v := range stat.Adjust(p) {
		_, to := of(&units[i])
		*to = v
	}
}

// deciding is the p that the class goes by.
func deciding(p, adjusted stat.Value, o LocalOptions) (float64, bool) {
	if o.FDR {
		return adjusted.Known()
	}
	return p.Known()
}

// moranClass is the class of a unit of local Moran.
func moranClass(u *MoranUnit, o LocalOptions) Class {
	p, ok := deciding(u.P, u.PAdjusted, o)
	switch {
	case !ok:
		return Insufficient
	case p > o.Alpha || u.Quadrant == NoQuadrant:
		return NotSignificant
	}
	return ClassHighHigh + Class(u.Quadrant-HighHigh)
}

// spotClass is the class of a unit of Gi or Gi*.
func spotClass(u *GUnit, o LocalOptions) Class {
	p, ok := deciding(u.P, u.PAdjusted, o)
	if !ok {
		return Insufficient
	}
	first := Hot90
	if u.Lower.Or(1) < u.Upper.Or(1) {
		first = Cold90
	}
	switch {
	case p <= .01:
		return first + 2
	case p <= .05:
		return first + 1
	case p <= .10:
		return first
	}
	return NotSignificant
}
