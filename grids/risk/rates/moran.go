package rates

import (
	"context"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"wangge/grids"
	"wangge/grids/risk/stat"
	"wangge/grids/risk/weights"
)

// Variance is what becomes of the variance of a rate, v_i = a + b/N_i, when the variance between units is negative.
type Variance string

// The two ways.
const (
	ClampBetween Variance = "clamp-between" // a is 0 when negative, so that v_i = b/N_i everywhere: spdep; the default
	ClampUnit    Variance = "clamp-unit"    // a stays negative, and v_i = b/N_i only where v_i is not positive: Assunção & Reis
)

// StandardOptions is how rates are standardised.
type StandardOptions struct {
	Variance Variance // "" is ClampBetween
}

// Standardised is the standardised rate of every unit, in the order given.
type Standardised struct {
	Meta  stat.Meta
	B     float64      // rate of all
	A     float64      // variance between units, as used
	Raw   float64      // variance between units before it was clamped
	Z     []stat.Value // (r_i − B)/√v_i; Constant when there are no cases at all, NoPopulation without population
	Equal bool         // all rates are equal, up to 10⁻¹² of B
}

// Scores gives z_i = (r_i − b)/√v_i with v_i = a + b/N_i and a = s² − b/N̄ (Assunção & Reis 1999, Statistics in Medicine 18, 2147–2162): rates
// of unequal populations on one scale. The error is Invalid; it needs 2 units with a population.
func Scores(cases, population []float64, o StandardOptions) (*Standardised, error) {
	if o.Variance == "" {
		o.Variance = ClampBetween
	}
	if o.Variance != ClampBetween && o.Variance != ClampUnit {
		return nil, grids.Errorf(grids.Invalid, "variance %q: give %q or %q", o.Variance, ClampBetween, ClampUnit)
	}
	if err := checkPair("cases", cases, "population", population); err != nil {
		return nil, err
	}
	m, err := momentsOf(cases, population)
	if err != nil {
		return nil, err
	}
	out := &Standardised{B: m.b, Raw: m.poissonVariance(), Z: make([]stat.Value, len(cases)), Equal: true}
	out.A = out.Raw
	if o.Variance == ClampBetween {
		out.A = max(0, out.Raw)
	}
	for i, n := range population {
		out.Z[i] = out.score(cases[i], n)
		if n > 0 && math.Abs(cases[i]/n-m.b) > 1e-12*m.b {
			out.Equal = false
		}
	}
	out.Meta = meta("empirical-bayes-standardisation", "Assunção & Reis 1999, Statistics in Medicine 18, 2147–2162", m.units, len(cases)-m.units)
	out.Meta.Params = map[string]any{"variance": o.Variance}
	return out, nil
}

// score is the standardised rate of one unit.
func (s *Standardised) score(cases, n float64) stat.Value {
	switch {
	case n == 0:
		return stat.None(stat.NoPopulation)
	case s.B == 0:
		return stat.None(stat.Constant)
	}
	v := s.A + s.B/n
	if v <= 0 {
		v = s.B / n
	}
	return stat.Of((cases/n - s.B) / math.Sqrt(v))
}

// MoranOptions is how the test is made.
type MoranOptions struct {
	StandardOptions
	KeepMean     bool                  // the numerator of I takes z as it is; otherwise less its mean, as in spdep since 2016
	Permutations int                   // of z over the units, 1 … 10⁷; 0 is 9,999
	Seed         uint64                // of the permutations
	Workers      int                   // goroutines; 0 is one a processor. The result does not depend on it
	Progress     func(done, total int) // called now and then, never twice at a time; nil for none
}

// Moran is the result of the empirical Bayes Moran test. I and what follows has no value when there is nothing to compare: Constant when
// there are no cases or all rates are equal, Isolate when no two units are neighbours.
type Moran struct {
	Meta     stat.Meta
	Rates    *Standardised
	S0       float64    // Σ w_ij
	I        stat.Value // (n/S0)·Σ_ij w_ij z_i z_j / Σ (z_i − z̄)²
	Mean     stat.Value // of I over the permutations
	SD       stat.Value // of I over the permutations
	Lower    stat.Value // pseudo p of so small an I
	Upper    stat.Value // pseudo p of so large an I: neighbours alike
	TwoSided stat.Value // twice the smaller of both, at most 1
	AtMost   int        // permutations with an I as small or smaller
	AtLeast  int        // permutations with an I as large or larger
}

// fewestMoran is the fewest units of a permutation test that can say anything.
const fewestMoran = 4

// EBMoran tests whether standardised rates of neighbours are alike: Moran's I of the scores of [Scores], and its pseudo p by permutations of
// them over all units (Assunção & Reis 1999). Isolates are among the n units; their rows add 0 to S0. Two values of I are equal when they
// differ by less than 10⁻¹² of the largest that the weights allow.
//
// A unit without population is left out with its links; what is left of the weights is not standardised again. The error is Invalid: bad
// input, units that are their own neighbours, weights that sum to 0 or less, fewer than 4 units with a population; or that of ctx.
func EBMoran(ctx context.Context, cases, population []float64, w *weights.Matrix, o MoranOptions) (*Moran, error) {
	s, err := Scores(cases, population, o.StandardOptions)
	if err != nil {
		return nil, err
	}
	if o, err = checkMoran(s, w, o); err != nil {
		return nil, err
	}
	out := &Moran{Rates: s, Meta: s.Meta}
	out.Meta.Method, out.Meta.Weights, out.Meta.Seed = "empirical-bayes-moran", w.Hash(), o.Seed
	out.Meta.Params = map[string]any{
		"variance": s.Meta.Params["variance"], "keep_mean": o.KeepMean, "permutations": o.Permutations, "tie_tolerance": tieTolerance,
	}
	why := stat.Constant
	g, err := graphOf(w, s.Z)
	switch {
	case err != nil:
		return nil, err
	case g.links() == 0:
		why = stat.Isolate
	case !s.Equal && s.B > 0:
		out.S0 = g.s0
		return out, out.test(ctx, g, o)
	}
	out.S0 = g.s0
	v := stat.None(why)
	out.I, out.Mean, out.SD, out.Lower, out.Upper, out.TwoSided = v, v, v, v, v, v
	return out, nil
}

// checkMoran reports what is wrong with the options and weights, and fills in defaults. The error is Invalid.
func checkMoran(s *Standardised, w *weights.Matrix, o MoranOptions) (MoranOptions, error) {
	if o.Permutations == 0 {
		o.Permutations = 9999
	}
	if o.Permutations < 1 || o.Permutations > 1e7 {
		return o, grids.Errorf(grids.Invalid, "%d permutations: give 1 to 10000000, such as 9999", o.Permutations)
	}
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if s.Meta.Used < fewestMoran {
		return o, grids.Errorf(grids.Invalid, "%d units have a population: the test needs at least %d", s.Meta.Used, fewestMoran)
	}
	return o, checkWeights(w, len(s.Z))
}

// graph is the links between the units that have a score, numbered anew.
type graph struct {
	start []int32
	to    []int32
	w     []float64
	z     []float64
	s0    float64
	reach float64 // largest sum of |w| over a row or a column: Σ w x y ≤ reach·|x|·|y|
}

// links is the number of weights.
func (g *graph) links() int { return len(g.to) }

// graphOf takes the units with a score out of the weights; without any scores (no cases) all that have a population. The error is Invalid.
func graphOf(w *weights.Matrix, z []stat.Value) (*graph, error) {
	at, n := make([]int32, len(z)), int32(0)
	for i, v := range z {
		at[i] = -1
		if v.Reason() != stat.NoPopulation {
			at[i], n = n, n+1
		}
	}
	g := &graph{start: make([]int32, 1, n+1), z: make([]float64, 0, n)}
	column := make([]float64, n)
	for i, v := range z {
		if at[i] < 0 {
			continue
		}
		row := 0.0
		to, weight := w.Row(i)
		for k, t := range to {
			switch {
			case int(t) == i:
				return nil, grids.Errorf(grids.Invalid, "unit %d is its own neighbour: give weights without the units themselves", i)
			case at[t] >= 0 && weight[k] != 0:
				g.to, g.w = append(g.to, at[t]), append(g.w, weight[k])
				g.s0 += weight[k]
				row += math.Abs(weight[k])
				column[at[t]] += math.Abs(weight[k])
			}
		}
		g.start, g.z, g.reach = append(g.start, int32(len(g.to))), append(g.z, v.Or(0)), max(g.reach, row)
	}
	for _, c := range column {
		g.reach = max(g.reach, c)
	}
	if g.links() > 0 && !(g.s0 > 0 && g.reach <= mostCount && g.reach >= 1/mostCount && g.s0 >= 1e-9*g.reach) {
		return nil, grids.Errorf(grids.Invalid, "the spatial weights sum to %v: give weights from 1e-15 to 1e15 whose sum is above 0", g.s0)
	}
	return g, nil
}

// product is Σ_ij w_ij z_i z_j.
func (g *graph) product(z []float64) float64 {
	sum := 0.0
	for i, zi := range z {
		a, b := g.start[i], g.start[i+1]
		to, w := g.to[a:b], g.w[a:b]
		lag := 0.0
		for k, t := range to {
			lag += w[k] * z[t]
		}
		sum += zi * lag
	}
	return sum
}

// tieTolerance is the part of the largest Σ w z z under which two of them are equal.
const tieTolerance = 1e-12

// test computes I and permutes.
func (m *Moran) test(ctx context.Context, g *graph, o MoranOptions) error {
	n := float64(len(g.z))
	mean := 0.0
	for _, z := range g.z {
		mean += z / n
	}
	var around, square float64
	for i, z := range g.z {
		around += (z - mean) * (z - mean)
		if !o.KeepMean {
			g.z[i] = z - mean
		}
		square += g.z[i] * g.z[i]
	}
	scale := n / g.s0 / around
	drawn, err := g.permute(ctx, o)
	if err != nil {
		return err
	}
	seen, tie := g.product(g.z), tieTolerance*g.reach*square
	total, squares := 0.0, 0.0
	for _, p := range drawn {
		if p >= seen-tie {
			m.AtLeast++
		}
		if p <= seen+tie {
			m.AtMost++
		}
		total += p * scale
	}
	r := float64(len(drawn))
	for _, p := range drawn {
		d := p*scale - total/r
		squares += d * d
	}
	m.I, m.Mean, m.SD = stat.Of(seen*scale), stat.Of(total/r), stat.None(stat.TooFew)
	if len(drawn) > 1 {
		m.SD = stat.Of(math.Sqrt(squares / (r - 1)))
	}
	lower, upper := stat.Pseudo(m.AtMost, len(drawn)), stat.Pseudo(m.AtLeast, len(drawn))
	m.Lower, m.Upper, m.TwoSided = stat.Of(lower), stat.Of(upper), stat.Of(stat.BothTails(lower, upper))
	return nil
}

// batch is how many permutations a goroutine takes at a time.
const batch = 128

// permute is Σ w z z of every permutation: each has a random stream of its own, so that nothing depends on who draws it.
func (g *graph) permute(ctx context.Context, o MoranOptions) ([]float64, error) {
	out := make([]float64, o.Permutations)
	var next atomic.Int64
	var wait sync.WaitGroup
	var report sync.Mutex
	done := 0
	for range min(o.Workers, (len(out)+batch-1)/batch) {
		wait.Go(func() {
			z := make([]float64, len(g.z))
			for ctx.Err() == nil {
				to := int(next.Add(batch))
				from := to - batch
				if from >= len(out) {
					return
				}
				to = min(to, len(out))
				for r := from; r < to; r++ {
					copy(z, g.z)
					stat.Stream(o.Seed, uint64(r)).Shuffle(len(z), func(a, b int) { z[a], z[b] = z[b], z[a] })
					out[r] = g.product(z)
				}
				if o.Progress != nil {
					report.Lock()
					done += to - from
					o.Progress(done, len(out))
					report.Unlock()
				}
			}
		})
	}
	wait.Wait()
	return out, ctx.Err()
}
