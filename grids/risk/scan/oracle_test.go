package scan

import (
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/paulmach/orb"
	"pgregory.net/rapid"

	"wangge/grids/risk/stat"
)

// task is a random scan, small enough to look at every zone one by one.
type task struct {
	model    string
	at       Places
	cases    [][]int
	expected [][]float64
	controls []int
	opt      Options
}

// drawTask draws one. Coordinates are few whole numbers: distances tie, and locations coincide.
func drawTask(t *rapid.T) task {
	k := task{model: rapid.SampledFrom([]string{"poisson", "bernoulli", "space-time", "permutation", "temporal"}).Draw(t, "model")}
	n, periods := rapid.IntRange(2, 9).Draw(t, "n"), rapid.IntRange(2, 13).Draw(t, "periods")
	if k.model == "poisson" || k.model == "bernoulli" {
		periods = 1
	}
	if k.model == "temporal" {
		n = 1
	}
	most := rapid.SampledFrom([]int{2, 9, 60, 9000}).Draw(t, "most")
	separable := rapid.Bool().Draw(t, "separable")
	for i := range n {
		k.at.Points = append(k.at.Points, orb.Point{float64(rapid.IntRange(0, 4).Draw(t, "x")), float64(rapid.IntRange(0, 4).Draw(t, "y"))})
		people := float64(rapid.IntRange(0, 30).Draw(t, "people"))
		k.at.Population = append(k.at.Population, people+1)
		k.cases, k.expected = append(k.cases, make([]int, periods)), append(k.expected, make([]float64, periods))
		k.controls = append(k.controls, rapid.IntRange(0, 40).Draw(t, "controls"))
		for p := range periods {
			k.expected[i][p] = people * float64(28+p%4)
			if !separable {
				k.expected[i][p] = float64(rapid.IntRange(0, 30).Draw(t, "expected")) / 7
			}
			if k.expected[i][p] > 0 {
				k.cases[i][p] = rapid.IntRange(0, most).Draw(t, "cases")
			}
		}
	}
	if rapid.Bool().Draw(t, "without population") {
		k.at.Population = nil
	}
	k.at.MaxShare = rapid.SampledFrom([]float64{0, 0.3, 1}).Draw(t, "share")
	k.at.MaxRadiusM = rapid.SampledFrom([]float64{0, 2}).Draw(t, "radius")
	k.opt = Options{Replicates: 19, Workers: 1, Seed: rapid.Uint64().Draw(t, "seed"), MinCases: rapid.IntRange(1, 3).Draw(t, "least"),
		Rates: rapid.SampledFrom([]Rates{High, Low, Both}).Draw(t, "rates"), AllZones: rapid.Bool().Draw(t, "all zones")}
	if periods > 1 {
		k.opt.Prospective, k.opt.MaxPeriods = rapid.Bool().Draw(t, "prospective"), rapid.IntRange(0, periods).Draw(t, "longest")
	}
	return k
}

// run is the scan of the task.
func (k task) run() (*Result, error) {
	ctx := context.Background()
	switch k.model {
	case "poisson":
		return Poisson(ctx, k.at, flat(k.cases), flat(k.expected), k.opt)
	case "bernoulli":
		return Bernoulli(ctx, k.at, flat(k.cases), k.controls, k.opt)
	case "space-time":
		return SpaceTimePoisson(ctx, k.at, k.cases, k.expected, k.opt)
	case "permutation":
		return SpaceTimePermutation(ctx, k.at, k.cases, k.opt)
	}
	return Temporal(ctx, k.cases[0], k.expected[0], k.opt)
}

// measure is the expected numbers by the definition of the model, on any scale.
func (k task) measure() [][]float64 {
	out := make([][]float64, len(k.cases))
	for i, row := range k.cases {
		out[i] = slices.Clone(k.expected[i])
		for p := range row {
			switch k.model {
			case "bernoulli":
				out[i][p] = float64(row[p] + k.controls[i])
			case "permutation":
				z, t := 0, 0
				for q := range row {
					z += row[q]
				}
				for j := range k.cases {
					t += k.cases[j][p]
				}
				out[i][p] = float64(z * t)
			}
		}
	}
	return out
}

// plain is the ratio written down as in the papers.
func (k task) plain(c, all, measure, total float64) float64 {
	xlog := func(x, y float64) float64 {
		if x == 0 {
			return 0
		}
		return x * math.Log(x/y)
	}
	if measure >= total*(1-1e-12) {
		return 0
	}
	e := all * measure / total
	high := k.opt.Rates != Low && c > e*(1+1e-12) && c >= float64(k.opt.MinCases)
	if low := k.opt.Rates != High && c < e*(1-1e-12); !high && !low {
		return 0
	}
	if k.model == "bernoulli" {
		n, rest := measure-c, total-measure-(all-c)
		return xlog(c, measure) + xlog(n, measure) + xlog(all-c, total-measure) + xlog(rest, total-measure) - xlog(all, total) - xlog(total-all, total)
	}
	return xlog(c, e) + xlog(all-c, all-e)
}

// zones calls with every circle of every centre, and every window.
func (k task) zones(measure [][]float64, with func(centre int, members []int, from, to int)) {
	n, periods := len(k.cases), len(k.cases[0])
	population := k.at.Population
	if population == nil {
		population = make([]float64, n)
		for i := range n {
			for _, v := range measure[i] {
				population[i] += v
			}
		}
	}
	all := 0.0
	for _, v := range population {
		all += v
	}
	share := k.at.MaxShare
	if share == 0 {
		share = 0.5
	}
	longest := k.opt.MaxPeriods
	if longest == 0 {
		longest = periods / 2
	}
	for i, from := range k.at.Points {
		for radius := 0; radius <= 32; radius++ { // squared: coordinates are whole
			var in []int
			people, ring := 0.0, false
			for j, to := range k.at.Points {
				d := int((to[0]-from[0])*(to[0]-from[0]) + (to[1]-from[1])*(to[1]-from[1]))
				if d <= radius {
					in, ring = append(in, j), ring || d == radius
					people += population[j]
				}
			}
			if !ring || k.model != "temporal" && (people > all*share*(1+1e-12) || k.at.MaxRadiusM == 2 && radius > 4) {
				continue
			}
			if periods == 1 {
				with(i, in, 0, 0)
			}
			for a := range periods {
				for b := a; b < periods && b-a < longest && periods > 1; b++ {
					if !k.opt.Prospective || b == periods-1 {
						with(i, in, a, b)
					}
				}
			}
		}
	}
}

// brute is the largest ratio around each centre, -1 where there is no circle.
func (k task) brute(cases func(i, p int) float64) []float64 {
	measure, best := k.measure(), make([]float64, len(k.cases))
	all, total := 0.0, 0.0
	for i, row := range measure {
		best[i] = -1
		for p, v := range row {
			total += v
			all += cases(i, p)
		}
	}
	k.zones(measure, func(centre int, members []int, from, to int) {
		c, m := 0.0, 0.0
		for _, j := range members {
			for p := from; p <= to; p++ {
				c += cases(j, p)
				m += measure[j][p]
			}
		}
		best[centre] = max(best[centre], k.plain(c, all, m, total))
	})
	return best
}

// closeTo tells whether ratios agree, given that the plain formula cancels.
func closeTo(a, b, cases float64) bool { return math.Abs(a-b) <= 1e-9*math.Abs(b)+1e-13*(cases+1)*10 }

// Every best ratio, and every maximum of a replicate, is that of looking at all zones one by one.
func TestBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := drawTask(t)
		r, err := k.run()
		if err != nil {
			return // too few cases, no controls or no circle: the table of refusals has those
		}
		best := k.brute(func(i, p int) float64 { return float64(k.cases[i][p]) })
		got := make([]float64, len(best))
		for _, i := range r.Bare {
			got[i] = -1
		}
		for _, z := range r.Centres {
			got[z.Centre] = z.LLR
		}
		for i := range got {
			if !closeTo(got[i], best[i], float64(r.Cases)) {
				t.Fatalf("centre %d: ratio %.15g, one by one %.15g", i, got[i], best[i])
			}
		}
		k.checkClusters(t, r)
		k.checkMaxima(t, r)
	})
}

// checkMaxima scans the replicates one by one.
func (k task) checkMaxima(t *rapid.T, r *Result) {
	periods, measure := len(k.cases[0]), flat(k.measure())
	var draw sampler
	switch k.model {
	case "bernoulli":
		people := make([]int, len(measure))
		for i, v := range measure {
			people[i] = int(v)
		}
		draw = hypergeometric(people, r.Cases)()
	case "permutation":
		places, times := make([]int, len(k.cases)), make([]int, periods)
		for i, row := range k.cases {
			for p, c := range row {
				places[i] += c
				times[p] += c
			}
		}
		draw = permutation(places, times)()
	default:
		most := slices.Max(measure)
		_, exp := math.Frexp(most)
		for i := range measure {
			measure[i] = math.Ldexp(measure[i], -exp)
		}
		draw = multinomial(measure, r.Cases)()
	}
	counts := make([]int32, len(measure))
	for rep, got := range r.Maxima {
		draw(stat.Source(k.opt.Seed, uint64(rep)), counts)
		want := slices.Max(k.brute(func(i, p int) float64 { return float64(counts[i*periods+p]) }))
		if !closeTo(got, want, float64(r.Cases)) {
			t.Fatalf("replicate %d: maximum %.15g, one by one %.15g", rep, got, want)
		}
	}
}

// checkClusters checks what holds for all clusters.
func (k task) checkClusters(t *rapid.T, r *Result) {
	seen, before := map[int]bool{}, math.Inf(1)
	for _, c := range r.Clusters {
		if !(c.LLR > 0 && c.LLR <= before*(1+tie)) || len(c.Members) != c.Locations || !slices.IsSorted(c.Members) {
			t.Fatalf("cluster %+v after a ratio of %g", c, before)
		}
		before = c.LLR
		for _, m := range c.Members {
			if seen[m] {
				t.Fatalf("location %d is in two clusters", m)
			}
			seen[m] = true
		}
		higher := 0
		for _, v := range r.Maxima {
			if v >= c.LLR*(1-tie) {
				higher++
			}
		}
		if c.P != float64(1+higher)/20 || (float64(c.Cases) > c.Expected) != (c.Rates == High) {
			t.Fatalf("cluster %+v: %d of the maxima are as large", c, higher)
		}
	}
	best := 0.0
	for _, z := range r.Centres {
		best = max(best, z.LLR)
	}
	if best > 0 && (len(r.Clusters) == 0 || r.Clusters[0].LLR < best*(1-tie)) {
		t.Fatalf("the most likely cluster is not the best zone of %g", best)
	}
	if !k.opt.AllZones {
		return
	}
	k.zones(k.measure(), func(centre int, members []int, from, to int) {
		for _, m := range members {
			if seen[m] {
				return
			}
		}
		for _, z := range r.Centres {
			if z.Centre == centre && z.LLR > 0 && k.ratioOf(members, from, to) > 1e-9 {
				t.Fatalf("the zone %v, %d to %d is free and was left out", members, from, to)
			}
		}
	})
}

// ratioOf is the plain ratio of what was observed in a zone.
func (k task) ratioOf(members []int, from, to int) float64 {
	c, m, all, total := 0.0, 0.0, 0.0, 0.0
	for i, row := range k.measure() {
		for p, v := range row {
			all, total = all+float64(k.cases[i][p]), total+v
			if slices.Contains(members, i) && p >= from && p <= to {
				c, m = c+float64(k.cases[i][p]), m+v
			}
		}
	}
	return k.plain(c, all, m, total)
}

// Ratios do not change when expected numbers are rescaled, nor the zones when locations stand in another order.
func TestScaleAndOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := drawTask(t)
		a, err := k.run()
		if err != nil {
			return
		}
		scale, order := rapid.Float64Range(1e-9, 1e9).Draw(t, "scale"), rand.New(rand.NewPCG(k.opt.Seed, 5)).Perm(len(k.cases))
		l := k
		l.at.Points, l.cases, l.expected, l.controls = nil, nil, nil, nil
		if k.at.Population != nil {
			l.at.Population = nil
		}
		for _, i := range order {
			l.at.Points, l.cases, l.controls = append(l.at.Points, k.at.Points[i]), append(l.cases, k.cases[i]), append(l.controls, k.controls[i])
			row := slices.Clone(k.expected[i])
			for p := range row {
				row[p] *= scale
			}
			l.expected = append(l.expected, row)
			if k.at.Population != nil {
				l.at.Population = append(l.at.Population, k.at.Population[i])
			}
		}
		b, err := l.run()
		if err != nil {
			t.Fatal(err)
		}
		if len(a.Centres) != len(b.Centres) {
			t.Fatalf("%d centres have circles, then %d", len(a.Centres), len(b.Centres))
		}
		for _, z := range b.Centres {
			at := slices.IndexFunc(a.Centres, func(y Zone) bool { return y.Centre == order[z.Centre] })
			if y := a.Centres[at]; math.Abs(y.LLR-z.LLR) > 1e-10*(1+y.LLR) || y.Locations != z.Locations && y.LLR > 1e-9 {
				t.Fatalf("%+v, then %+v", y, z)
			}
		}
	})
}

// The bytes of a result do not depend on the number of workers.
func TestSameBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := drawTask(t)
		a, err := k.run()
		if err != nil {
			return
		}
		k.opt.Workers = 4
		b, err := k.run()
		if err != nil {
			t.Fatal(err)
		}
		left, _ := json.Marshal(a)
		right, _ := json.Marshal(b)
		if string(left) != string(right) || len(left) < 100 {
			t.Fatalf("one worker: %s\nfour: %s", left, right)
		}
	})
}
