package autocorr

import (
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"sort"
	"strings"
	"sync"
	"sync/atomic"

	"wangge/grids"
	"wangge/grids/risk/stat"
	"wangge/grids/risk/weights"
)

// GlobalOptions is how a global statistic is tested. The zero GlobalOptions is the usual test.
type GlobalOptions struct {
	Variance     Variance              // the null model of V
	Alternative  Alternative           // what P is of
	Fold         Fold                  // of the permutation p
	Replicates   int                   // permutations of the values over the units, 0 for none
	Seed         uint64                // of the permutations
	KeepIsolates bool                  // count units without neighbours in n; else n is that of the others, as in spdep's adjust.n
	Workers      int                   // goroutines of the permutations, 0 for one
	Progress     func(done, total int) // told of the permutations that are done, from one goroutine at a time; may be nil
}

// GlobalResult is a global statistic with its test.
type GlobalResult struct {
	Meta        stat.Meta  `json:"meta"`
	Statistic   stat.Value `json:"statistic"`
	E           stat.Value `json:"e"`                     // under the null model
	V           stat.Value `json:"v"`                     // under the null model
	Z           stat.Value `json:"z"`                     // (statistic − E)/√V; of Geary's C (E − statistic)/√V: positive when neighbours are alike
	Normal      Tails      `json:"normal"`                // of Z
	Permutation *Tails     `json:"permutation,omitempty"` // in the direction of Z; nil when none were asked for
}

// totals is the sums over a matrix of weights that moments are made of.
type totals struct {
	n          float64 // units that count
	s0, s1, s2 float64 // Σ w, ½ Σ (w_ij + w_ji)², Σ_i (w_i. + w_.i)²
	card       []bool  // whether the unit has neighbours
	isolates   int
}

// Moran is Moran's I: n/S0 · Σ w_ij z_i z_j / Σ z², its moments (Cliff & Ord 1981, p. 17–21) and test, as spdep's moran.test. At least
// 4 units. Constant values have no I, units without neighbours are no part of n. The error is Invalid, or that of the context.
func Moran(ctx context.Context, x []float64, w *weights.Matrix, o GlobalOptions) (*GlobalResult, error) {
	s, t, err := begin(x, w, o, "Moran's I")
	if err != nil {
		return nil, err
	}
	r := &GlobalResult{Meta: o.meta("moran", "Moran (1950); moments: Cliff & Ord (1981), p. 17–21", w, t)}
	z := make([]float64, s.n)
	for i := range z {
		z[i] = s.z(i)
	}
	f := form{w: w, term: func(a, b float64) float64 { return a * b }}
	num, _ := f.of(z)
	r.fill(s, t, o, num*t.n/(t.s0*s.ss), -1/(t.n-1), t.moranVariance(s, o.Variance), 1)
	return r.permute(ctx, f, z, o, 1)
}

// Geary is Geary's C: (n−1)/(2 S0) · Σ w_ij (x_i − x_j)² / Σ z², its moments (Cliff & Ord 1981, p. 17–21) and test, as spdep's
// geary.test. C is below 1 when neighbours are alike; Z and the tails are turned so that this is their upper side. Needs, errors and isolates
// as of [Moran].
func Geary(ctx context.Context, x []float64, w *weights.Matrix, o GlobalOptions) (*GlobalResult, error) {
	s, t, err := begin(x, w, o, "Geary's C")
	if err != nil {
		return nil, err
	}
	r := &GlobalResult{Meta: o.meta("geary", "Geary (1954); moments: Cliff & Ord (1981), p. 17–21", w, t)}
	f := form{w: w, term: func(a, b float64) float64 { return (a - b) * (a - b) }}
	num, _ := f.of(s.y)
	r.fill(s, t, o, (t.n-1)/(2*t.s0)*num/s.ss, 1, t.gearyVariance(s, o.Variance), -1)
	return r.permute(ctx, f, s.y, o, -1)
}

// GeneralG is the general G: Σ w_ij x_i x_j / Σ_{i≠j} x_i x_j, its moments under randomisation (Getis & Ord 1992, p. 195, with the erratum of 1993)
// and test, as spdep's globalG.test. The values are at least 0, and of units with neighbours only. Errors as of [Moran]; also Invalid for a
// negative value and for the null model Normality, which G does not have.
func GeneralG(ctx context.Context, x []float64, w *weights.Matrix, o GlobalOptions) (*GlobalResult, error) {
	s, t, err := begin(x, w, o, "the general G")
	if err != nil {
		return nil, err
	}
	if o.Variance != Randomisation {
		return nil, grids.Errorf(grids.Invalid, "the general G has no variance under normality: ask for randomisation")
	}
	if i := firstNegative(x); i >= 0 {
		return nil, grids.Errorf(grids.Invalid, "the general G of unit %d has the value %v: it is for values of at least 0", i, x[i])
	}
	r := &GlobalResult{Meta: o.meta("general-g", "Getis & Ord (1992), p. 195, erratum (1993)", w, t)}
	values := unitScale(x)
	f := form{w: w, term: func(a, b float64) float64 { return a * b }}
	num, _ := f.of(values)
	m := t.powers(values, o.KeepIsolates)
	if m[0]*m[0] <= m[1]*(1+TieTolerance) && !s.steady && t.isolates < s.n {
		r.undefined(stat.TooFew) // fewer than two units have anything
		return r, nil
	}
	r.fill(s, t, o, num/(m[0]*m[0]-m[1]), t.s0/(t.n*(t.n-1)), t.generalVariance(m), 1)
	return r.permute(ctx, f, values, o, 1)
}

// begin checks what the global statistics have in common.
func begin(x []float64, w *weights.Matrix, o GlobalOptions, method string) (*sample, *totals, error) {
	if err := o.check(); err != nil {
		return nil, nil, err
	}
	s, err := take(x, w, leastGlobal, method)
	if err != nil {
		return nil, nil, err
	}
	if err := noSelf(w, method); err != nil {
		return nil, nil, err
	}
	return s, total(w, o.KeepIsolates), nil
}

// check refuses what is no option.
func (o GlobalOptions) check() error {
	for _, err := range []error{known("variance", o.Variance, 2), known("alternative", o.Alternative, 3), known("fold", o.Fold, 3)} {
		if err != nil {
			return err
		}
	}
	if o.Replicates < 0 || o.Replicates > maxReplicates {
		return grids.Errorf(grids.Invalid, "%d permutations are outside 0 to %d", o.Replicates, maxReplicates)
	}
	return checkWorkers(o.Workers)
}

// meta is how the result came about.
func (o GlobalOptions) meta(method, source string, w *weights.Matrix, t *totals) stat.Meta {
	m := stat.Meta{Method: method, Version: version, Source: source, Weights: w.Hash(), Used: w.N(), Params: map[string]any{
		"variance": o.Variance.String(), "alternative": o.Alternative.String(), "fold": o.Fold.String(), "replicates": o.Replicates,
		"keep_isolates": o.KeepIsolates, "tie_tolerance": TieTolerance,
	}}
	if o.Replicates > 0 {
		m.Seed = o.Seed
	}
	if t.isolates > 0 && !o.KeepIsolates {
		m.Used -= t.isolates
		m.Dropped = map[stat.Reason]int{stat.Isolate: t.isolates}
	}
	return m
}

// total sums the weights up.
func total(w *weights.Matrix, keepIsolates bool) *totals {
	n := w.N()
	t := &totals{card: make([]bool, n)}
	both := make([]float64, n) // w_i. + w_.i
	for i := range n {
		to, v := w.Row(i)
		for at, j := range to {
			t.s0 += v[at]
			t.s1 += v[at]*v[at] + v[at]*weight(w, int(j), i)
			both[i] += v[at]
			both[j] += v[at]
			t.card[i] = t.card[i] || v[at] != 0
		}
		if !t.card[i] {
			t.isolates++
		}
	}
	for _, b := range both {
		t.s2 += b * b
	}
	t.n = float64(n)
	if !keepIsolates {
		t.n -= float64(t.isolates)
	}
	return t
}

// weight is w_ij, 0 when they are no neighbours.
func weight(w *weights.Matrix, i, j int) float64 {
	to, v := w.Row(i)
	at := sort.Search(len(to), func(at int) bool { return to[at] >= int32(j) })
	if at < len(to) && to[at] == int32(j) {
		return v[at]
	}
	return 0
}

// moranVariance is the variance of I.
func (t *totals) moranVariance(s *sample, v Variance) float64 {
	n, s02 := t.n, t.s0*t.s0
	e := -1 / (n - 1)
	if v == Normality {
		return (n*n*t.s1-n*t.s2+3*s02)/((n*n-1)*s02) - e*e
	}
	b2 := float64(s.n) * s.s4 / (s.ss * s.ss)
	return (n*((n*n-3*n+3)*t.s1-n*t.s2+3*s02)-b2*((n*n-n)*t.s1-2*n*t.s2+6*s02))/((n-1)*(n-2)*(n-3)*s02) - e*e
}

// gearyVariance is the variance of C.
func (t *totals) gearyVariance(s *sample, v Variance) float64 {
	n, s02 := t.n, t.s0*t.s0
	if v == Normality {
		return ((2*t.s1+t.s2)*(n-1) - 4*s02) / (2 * (n + 1) * s02)
	}
	b2 := n * s.s4 / (s.ss * s.ss)
	return ((n-1)*t.s1*(n*n-3*n+3-b2*(n-1)) - (n-1)*t.s2*(n*n+3*n-6-b2*(n*n-n+2))/4 + s02*(n*n-3-b2*(n-1)*(n-1))) /
		(n * (n - 2) * (n - 3) * s02)
}

// powers is the sums of the first to fourth powers of the values that count.
func (t *totals) powers(values []float64, keepIsolates bool) (m [4]float64) {
	for i, v := range values {
		if t.card[i] || keepIsolates {
			m[0] += v
			m[1] += v * v
			m[2] += v * v * v
			m[3] += v * v * v * v
		}
	}
	return m
}

// generalVariance is the variance of G for these sums of powers.
func (t *totals) generalVariance(m [4]float64) float64 {
	n, s02 := t.n, t.s0*t.s0
	b0 := (n*n-3*n+3)*t.s1 - n*t.s2 + 3*s02
	b1 := -((n*n-n)*t.s1 - 2*n*t.s2 + 6*s02)
	b2 := -(2*n*t.s1 - (n+3)*t.s2 + 6*s02)
	b3 := 4*(n-1)*t.s1 - 2*(n+1)*t.s2 + 8*s02
	b4 := t.s1 - t.s2 + s02
	e, all := t.s0/(n*(n-1)), m[0]*m[0]-m[1]
	sum := b0*m[1]*m[1] + b1*m[3] + b2*m[0]*m[0]*m[1] + b3*m[0]*m[2] + b4*m[0]*m[0]*m[0]*m[0]
	return sum/(all*all*n*(n-1)*(n-2)*(n-3)) - e*e
}

// firstNegative is the first value below 0, −1 when there is none.
func firstNegative(x []float64) int {
	for i, v := range x {
		if v < 0 {
			return i
		}
	}
	return -1
}

// unitScale is values of at least 0 scaled by a power of two to at most 1.
func unitScale(x []float64) []float64 {
	high := 0.0
	for _, v := range x {
		high = max(high, v)
	}
	_, e := math.Frexp(high)
	f := math.Ldexp(1, -max(e, -1000))
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = v * f
	}
	return out
}

// fill writes the statistic and its test, or why there is none.
func (r *GlobalResult) fill(s *sample, t *totals, o GlobalOptions, statistic, e, v, sign float64) {
	switch {
	case s.steady:
		r.undefined(stat.Constant)
		return
	case t.isolates == s.n:
		r.undefined(stat.Isolate)
		return
	}
	r.Statistic, r.E, r.V = stat.Of(statistic), stat.Of(e), stat.Of(v)
	switch {
	case t.n < leastGlobal:
		r.V = stat.None(stat.TooFew)
		r.Z = r.V
	case v <= varianceNoise*e*e: // every arrangement gives the same
		r.Z = stat.None(stat.AllUnits)
	default:
		r.Z = stat.Of(sign * (statistic - e) / math.Sqrt(v))
	}
	r.Normal = normal(r.Z, o.Alternative)
}

// varianceNoise is the part of the squared expectation below which a variance is what rounding left of 0.
const varianceNoise = 1e-12

// undefined says of every figure why it is none.
func (r *GlobalResult) undefined(why stat.Reason) {
	v := stat.None(why)
	r.Statistic, r.E, r.V, r.Z, r.Normal = v, v, v, v, none(why)
}

// form is Σ w_ij term(v_i, v_j) over a matrix.
type form struct {
	w    *weights.Matrix
	term func(a, b float64) float64
}

// of is the sum for these values, and the sum of its terms' sizes.
func (f form) of(v []float64) (sum, size float64) {
	for i, a := range v {
		to, w := f.w.Row(i)
		for at, j := range to {
			t := w[at] * f.term(a, v[j])
			sum += t
			size += math.Abs(t)
		}
	}
	return sum, size
}

// permute tests the statistic by shuffling the values over all units, with one stream for each replicate. sign is −1 when a small sum means
// that neighbours are alike.
func (r *GlobalResult) permute(ctx context.Context, f form, values []float64, o GlobalOptions, sign float64) (*GlobalResult, error) {
	if o.Replicates == 0 {
		return r, ctx.Err()
	}
	if why := r.Statistic.Reason(); why != "" {
		t := none(why)
		r.Permutation = &t
		return r, nil
	}
	observed, size := f.of(values)
	var lower, upper atomic.Int64
	err := share(ctx, o.Workers, o.Replicates, 16, o.Progress, func() func(from, to int) {
		v := make([]float64, len(values))
		return func(from, to int) {
			for rep := from; rep < to && ctx.Err() == nil; rep++ {
				copy(v, values)
				rand.New(stat.Source(o.Seed, uint64(rep))).Shuffle(len(v), func(i, j int) { v[i], v[j] = v[j], v[i] })
				sum, _ := f.of(v)
				d := sign * (sum - observed)
				if d >= -TieTolerance*size {
					upper.Add(1)
				}
				if d <= TieTolerance*size {
					lower.Add(1)
				}
			}
		}
	})
	if err != nil {
		return nil, err
	}
	p := func(extreme int64) float64 { return stat.Pseudo(int(extreme), o.Replicates) }
	t := drawn(p(lower.Load()), p(upper.Load()), o.Alternative, o.Fold, o.Replicates)
	r.Permutation = &t
	return r, nil
}

// Order is one order of a correlogram.
type Order struct {
	Order       int        `json:"order"` // 1 for the first matrix
	I           stat.Value `json:"i"`
	E           stat.Value `json:"e"`
	V           stat.Value `json:"v"`
	Z           stat.Value `json:"z"`
	Normal      Tails      `json:"normal"`
	Permutation *Tails     `json:"permutation,omitempty"`
	PAdjusted   stat.Value `json:"p_adjusted"` // over the orders (Benjamini & Hochberg 1995), of the permutation p when there is one
	Isolates    int        `json:"isolates"`   // units without neighbours of this order
}

// CorrelogramResult is Moran's I by order of neighbourhood.
type CorrelogramResult struct {
	Meta   stat.Meta `json:"meta"`
	Orders []Order   `json:"orders"`
}

// Correlogram is Moran's I of the values for each of the matrices, which hold the neighbours of the first order, the second, and so on, as
// spdep's sp.correlogram with method I. An order in which no unit has neighbours is null. Needs and errors as of [Moran]; Invalid also when
// there is no matrix. All orders are tested with the same permutations.
func Correlogram(ctx context.Context, x []float64, orders []*weights.Matrix, o GlobalOptions) (*CorrelogramResult, error) {
	if len(orders) == 0 {
		return nil, grids.Errorf(grids.Invalid, "a correlogram has no matrix of weights: give one for each order")
	}
	out := &CorrelogramResult{Orders: make([]Order, len(orders))}
	hashes, p := make([]string, len(orders)), make([]stat.Value, len(orders))
	for k, w := range orders {
		r, err := Moran(ctx, x, w, o)
		if err != nil {
			return nil, err
		}
		out.Orders[k] = Order{k + 1, r.Statistic, r.E, r.V, r.Z, r.Normal, r.Permutation, stat.Value{}, r.Meta.Dropped[stat.Isolate]}
		hashes[k], p[k] = w.Hash(), r.Normal.P
		if r.Permutation != nil {
			p[k] = r.Permutation.P
		}
		if k == 0 {
			out.Meta = r.Meta
		}
	}
	for k, v := range stat.Adjust(p) {
		out.Orders[k].PAdjusted = v
	}
	out.Meta.Method, out.Meta.Weights = "moran-correlogram", strings.Join(hashes, " ")
	out.Meta.Params["orders"] = len(orders)
	out.Meta.Used, out.Meta.Dropped = len(x), nil
	return out, nil
}

// checkWorkers refuses a number of goroutines that is none.
func checkWorkers(workers int) error {
	if workers < 0 || workers > 1024 {
		return grids.Errorf(grids.Invalid, "%d workers are outside 0 to 1024", workers)
	}
	return nil
}

// share has the work 0…total−1 done in pieces by so many workers, each with its own function. The error is that of the context.
func share(ctx context.Context, workers, total, piece int, progress func(done, total int), start func() func(from, to int)) error {
	workers = min(max(workers, 1), (total+piece-1)/piece)
	var next, done atomic.Int64
	var telling sync.Mutex
	run := func() {
		do := start()
		for ctx.Err() == nil {
			from := int(next.Add(int64(piece))) - piece
			if from >= total {
				return
			}
			to := min(from+piece, total)
			do(from, to)
			if progress != nil && ctx.Err() == nil {
				telling.Lock()
				progress(int(done.Add(int64(to-from))), total)
				telling.Unlock()
			}
		}
	}
	var wait sync.WaitGroup
	for range min(workers, runtime.GOMAXPROCS(0)) - 1 {
		wait.Go(run)
	}
	if total > 0 {
		run()
	}
	wait.Wait()
	return ctx.Err()
}
