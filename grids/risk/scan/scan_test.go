package scan

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/paulmach/orb"

	"wangge/grids"
	"wangge/grids/risk/stat"
)

// TestMain draws the same examples in every run, unless a flag says otherwise.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{"rapid.seed": "20260402", "rapid.nofailfile": "true", "rapid.checks": "60"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// row is n places 10 m apart.
func row(n int) Places {
	p := Places{}
	for i := range n {
		p.Points = append(p.Points, orb.Point{float64(10 * i), 0})
	}
	return p
}

func must(t *testing.T) func(*Result, error) *Result {
	return func(r *Result, err error) *Result {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
}

func TestByHand(t *testing.T) {
	ctx := context.Background()
	r := must(t)(Poisson(ctx, row(3), []int{4, 1, 3}, []float64{1, 1, 2}, Options{Seed: 1}))
	c := r.Clusters[0]
	near(t, "Poisson", c.LLR, 4*math.Log(4./2)+4*math.Log(4./6), 1e-14)
	if c.Centre != 0 || c.Cases != 4 || c.Expected != 2 || c.RelativeRisk.Or(0) != 3 || c.RadiusM != 0 || c.Rates != High || c.From != 0 || c.To != 0 {
		t.Errorf("%+v", c)
	}
	if len(r.Clusters) != 1 || r.Cases != 8 || len(r.Centres) != 3 || r.Centres[2].LLR != 0 || r.Centres[2].Rates != "" {
		t.Errorf("%+v", r)
	}
	if _, known := c.RecurrenceIntervals.Known(); known {
		t.Error("a recurrence interval without a prospective scan")
	}
	r = must(t)(Poisson(ctx, row(3), []int{4, 1, 3}, []float64{1, 1, 2}, Options{Rates: Low}))
	near(t, "Poisson, low", r.Clusters[0].LLR, 1*math.Log(1./2)+7*math.Log(7./6), 1e-13)
	r = must(t)(Bernoulli(ctx, row(3), []int{3, 1, 0}, []int{1, 2, 3}, Options{}))
	want := 3*math.Log(3./4) + math.Log(1./4) + math.Log(1./6) + 5*math.Log(5./6) - 4*math.Log(.4) - 6*math.Log(.6)
	near(t, "Bernoulli", r.Clusters[0].LLR, want, 1e-14)
	near(t, "Bernoulli, relative risk", r.Clusters[0].RelativeRisk.Or(0), (3./4)/(1./6), 1e-14)
	r = must(t)(SpaceTimePermutation(ctx, row(2), [][]int{{1, 0, 0, 3}, {3, 2, 2, 1}}, Options{Prospective: true, MaxPeriods: 1, PeriodDays: 7}))
	c = r.Clusters[0]
	near(t, "permutation", c.LLR, 3*math.Log(3/(16./12))+9*math.Log(9/(12-16./12)), 1e-13)
	if c.From != 3 || c.To != 3 || c.Members[0] != 0 || c.RelativeRisk.Reason() != stat.NoPopulation {
		t.Errorf("%+v", c)
	}
	near(t, "recurrence", c.RecurrenceDays.Or(0), 7/c.P, 1e-14)
	r = must(t)(Temporal(ctx, []int{1, 1, 5, 4, 1, 0}, []float64{1, 1, 1, 1, 1, 1}, Options{}))
	if c = r.Clusters[0]; c.From != 2 || c.To != 3 || c.Cases != 9 || c.Expected != 4 {
		t.Errorf("%+v", c)
	}
}

// Deviances are those of 60 digits, also where the plain formula has lost all of its own.
func TestRatioNearExpected(t *testing.T) {
	s := ratio{cases: 10279, total: 10279, least: 2}
	near(t, "near", 1e6*s.of(502, 501.95580183484674, false), 2.04571063201337, 1e-9)
	if d := deviance(1e15+1, 1e15); math.Abs(d-0.5e-15) > 1e-24 {
		t.Errorf("deviance of one in 1e15: %g", d)
	}
	if s.of(1, 0.5, false) != 0 || s.of(0, 4, false) != 0 || s.of(10279, 10279, false) != 0 {
		t.Error("a ratio where there is none")
	}
	near(t, "no cases", s.of(0, 279, true), 279-0+deviance(10279, 10000), 1e-12)
}

// With equal halves and 4 cases the maximum is that of the larger count: 3 or 4 in 10 of 16 ways. A quarter of the mass ties.
func TestTiesCount(t *testing.T) {
	r := must(t)(Poisson(context.Background(), row(2), []int{3, 1}, []float64{0.1, 0.1}, Options{Replicates: 19999, Seed: 5}))
	if c := r.Clusters[0]; math.Abs(c.P-10./16) > 0.015 || math.Abs(c.PLower-14./16) > 0.012 {
		t.Errorf("p %g and %g, want 0.625 and 0.875", c.P, c.PLower)
	}
}

func TestGumbel(t *testing.T) {
	at, c, e := island(40, 1, 300, 3)
	c[7][0] += 25
	r := must(t)(Poisson(context.Background(), at, flat(c), flat(e), Options{Replicates: 2999}))
	mean, sd := moments(r.Maxima)
	near(t, "beta", r.GumbelBeta.Or(0), sd*math.Sqrt(6)/math.Pi, 1e-14)
	near(t, "mu", r.GumbelMu.Or(0), mean-0.57721566490153286*sd*math.Sqrt(6)/math.Pi, 1e-14)
	top := r.Clusters[0]
	x := (top.LLR - r.GumbelMu.Or(0)) / r.GumbelBeta.Or(0)
	near(t, "p", top.PGumbel.Or(0)*1e9, (1-math.Exp(-math.Exp(-x)))*1e9, 1e-3)
	for _, c := range r.Clusters {
		if p := c.PGumbel.Or(-1); math.Abs(p-c.P) > 0.05 {
			t.Errorf("a Gumbel p of %g beside %g", p, c.P)
		}
	}
}

// All cases in one location, and all that is expected in one.
func TestOneBigUnit(t *testing.T) {
	ctx := context.Background()
	r := must(t)(Poisson(ctx, row(4), []int{0, 9, 0, 0}, []float64{1, 1, 1, 1}, Options{}))
	near(t, "all cases in one", r.Clusters[0].LLR, 9*math.Log(4), 1e-14)
	if c := r.Clusters[0]; !slices.Equal(c.Members, []int{1}) || c.RelativeRisk.Reason() != stat.NotANumber {
		t.Errorf("%+v", c)
	}
	r = must(t)(Poisson(ctx, row(4), []int{0, 9, 0, 0}, []float64{0, 3, 0, 0}, Options{Rates: Both}))
	if len(r.Clusters) != 0 || !slices.Equal(r.Bare, []int{1}) || slices.Max(r.Maxima) != 0 || r.GumbelMu.Reason() != stat.Constant {
		t.Errorf("%+v", r)
	}
	if _, err := Poisson(ctx, row(4), []int{1, 9, 0, 0}, []float64{0, 3, 0, 0}, Options{}); !strings.Contains(err.Error(), "location 0") {
		t.Error(err)
	}
}

// Circles: ties enter together, limits are kept, centres need not be locations.
func TestCircles(t *testing.T) {
	at := Places{Points: []orb.Point{{0, 0}, {1, 0}, {-1, 0}, {0, 1}, {0, -3}}, Centres: []orb.Point{{0, 0}, {0, -2}}, MaxRadiusM: 1, MaxShare: 1}
	r := must(t)(Poisson(context.Background(), at, []int{1, 9, 1, 1, 1}, []float64{1, 1, 1, 1, 1}, Options{}))
	if z := r.Centres[0]; z.Locations != 4 || z.RadiusM != 1 || z.Cases != 12 {
		t.Errorf("the four nearest tie: %+v", z)
	}
	if z := r.Centres[1]; z.Locations != 1 || z.RadiusM != 1 || z.Cases != 1 || z.LLR != 0 {
		t.Errorf("the fifth: %+v", z)
	}
	at.MaxShare, at.Population = 0.5, []float64{1, 1, 1, 1, 96}
	r = must(t)(Poisson(context.Background(), at, []int{1, 9, 1, 1, 1}, []float64{1, 1, 1, 1, 1}, Options{}))
	if !slices.Equal(r.Bare, []int{1}) || r.Meta.Params["population"] != "population" {
		t.Errorf("%+v", r)
	}
	globe := Places{GreatCircle: true}
	a := globe.space([]orb.Point{{0, 0}, {90, 0}, {180, 0}, {12, 90}, {0.001, 0}})
	for i, want := range []float64{0, 0.5, 1, 0.5, 0.001 / 180} {
		near(t, "great circle", globe.distance(a[0], a[i]), want*math.Pi*EarthRadiusM, 1e-11)
	}
}

// Secondary clusters: by centre, a zone that overlaps is dropped with its centre; out of all zones a smaller one takes its place.
func TestAllZones(t *testing.T) {
	cases, expected := []int{30, 26, 13, 5, 5, 5, 5, 5}, []float64{9, 9, 9, 9, 9, 9, 9, 9}
	at := row(8)
	at.Centres = []orb.Point{{4, 0}, {21, 0}}
	a := must(t)(Poisson(context.Background(), at, cases, expected, Options{}))
	b := must(t)(Poisson(context.Background(), at, cases, expected, Options{AllZones: true}))
	if len(a.Clusters) != 1 || len(b.Clusters) != 2 || !slices.Equal(b.Clusters[0].Members, []int{0, 1}) || !slices.Equal(b.Clusters[1].Members, []int{2}) {
		t.Errorf("%+v\n%+v", a.Clusters, b.Clusters)
	}
	if c := must(t)(Poisson(context.Background(), at, cases, expected, Options{AllZones: true, MaxClusters: 1})); len(c.Clusters) != 1 {
		t.Errorf("%+v", c.Clusters)
	}
}

// Of equals the smallest circle is the best zone, although its window passes in a later chunk.
func TestSmallestOfEquals(t *testing.T) {
	at := Places{Points: []orb.Point{{0, 0}, {10, 0}, {1000, 0}, {1010, 0}}}
	cases, expected := make([][]int, 4), make([][]float64, 4)
	for i := range cases {
		for range 24 {
			cases[i], expected[i] = append(cases[i], 1), append(expected[i], 1)
		}
	}
	cases[0][5], cases[0][6], cases[1][5], cases[1][6] = 2, 2, 2, 0
	r := must(t)(SpaceTimePoisson(context.Background(), at, cases, expected, Options{}))
	if z := r.Centres[0]; z.Locations != 1 || z.From != 5 || z.To != 6 || z.Cases != 4 {
		t.Errorf("%+v", z)
	}
}

func TestWindows(t *testing.T) {
	m := &model{timed: true, periods: 5, opt: Options{MaxPeriods: 2}}
	from, to := m.windows()
	if !slices.Equal(from, []int32{0, 1, 2, 3, 4, 0, 1, 2, 3}) || !slices.Equal(to, []int32{0, 1, 2, 3, 4, 1, 2, 3, 4}) {
		t.Errorf("%v %v", from, to)
	}
	if m.periods = 19; m.limits() != nil || m.opt.MaxPeriods != 2 {
		t.Error("the longest window is not kept")
	}
	if m.opt.MaxPeriods = 0; m.limits() != nil || m.opt.MaxPeriods != 9 {
		t.Error("half of 19 is 9")
	}
	if d := YearDays(1896, 1904); len(d) != 9 || d[0] != 366 || d[4] != 365 || d[8] != 366 || YearDays(2, 1) != nil {
		t.Errorf("%v", d)
	}
}

// chi is the chi-squared statistic of counts against chances; cells with less than 5 expected are joined.
func chi(counts []int, chance func(k int) float64) (x float64, cells int) {
	n, seen, want := 0, 0.0, 0.0
	for _, c := range counts {
		n += c
	}
	for k, c := range counts {
		seen += float64(c)
		want += chance(k) * float64(n)
		if want >= 5 {
			x += (seen - want) * (seen - want) / want
			seen, want, cells = 0, 0, cells+1
		}
	}
	return x, cells
}

func TestBinomial(t *testing.T) {
	for _, tt := range []struct {
		n int
		p float64
	}{{40, 0.1}, {1000, 0.03}, {50, 0.6}, {30, 0.5}, {5000, 0.2}} {
		counts, from := make([]int, tt.n+1), stat.Source(4, uint64(tt.n))
		for range 100000 {
			counts[binomial(from, tt.n, tt.p)]++
		}
		x, cells := chi(counts, func(k int) float64 {
			a, _ := math.Lgamma(float64(tt.n) + 1)
			b, _ := math.Lgamma(float64(k) + 1)
			c, _ := math.Lgamma(float64(tt.n-k) + 1)
			return math.Exp(a - b - c + float64(k)*math.Log(tt.p) + float64(tt.n-k)*math.Log1p(-tt.p))
		})
		if df := float64(cells - 1); x > df+4.5*math.Sqrt(2*df) {
			t.Errorf("binomial %v: chi-squared %g with %g degrees of freedom", tt, x, df)
		}
	}
}

// The draws have the margins and the means and variances of their laws.
func TestDraws(t *testing.T) {
	const draws = 20000
	measure := []float64{3, 0, 1, 4, 2}
	total, people := 10.0, []int{3, 0, 1, 4, 2}
	for name, tt := range map[string]struct {
		draw  sampler
		cases float64
		left  float64 // variance beside that of the multinomial
	}{
		"multinomial":            {multinomial(measure, 30)(), 30, 1},
		"multinomial by cells":   {conditional(measure, 30)(), 30, 1},
		"hypergeometric":         {hypergeometric(people, 3)(), 3, 7. / 9},
		"hypergeometric, mostly": {hypergeometric(people, 8)(), 8, 2. / 9},
	} {
		sum, square, counts := make([]float64, 5), make([]float64, 5), make([]int32, 5)
		for r := range uint64(draws) {
			tt.draw(stat.Source(9, r), counts)
			all := 0.0
			for i, c := range counts {
				sum[i], square[i], all = sum[i]+float64(c), square[i]+float64(c*c), all+float64(c)
			}
			if all != tt.cases {
				t.Fatalf("%s: %v", name, counts)
			}
		}
		for i, m := range measure {
			p := m / total
			mean, variance := tt.cases*p, tt.cases*p*(1-p)*tt.left
			got := sum[i] / draws
			if math.Abs(got-mean) > 4.5*math.Sqrt(variance/draws) || math.Abs(square[i]/draws-got*got-variance) > 0.07*variance {
				t.Errorf("%s, cell %d: mean %g, want %g; variance %g, want %g", name, i, got, mean, square[i]/draws-got*got, variance)
			}
		}
	}
}

func TestPermutationKeepsMargins(t *testing.T) {
	places, times, counts, corner := []int{3, 0, 2}, []int{1, 4}, make([]int32, 6), 0
	draw := permutation(places, times)()
	for r := range uint64(10000) {
		draw(stat.Source(2, r), counts)
		if counts[0]+counts[1] != 3 || counts[2]+counts[3] != 0 || counts[4]+counts[5] != 2 || counts[0]+counts[4] != 1 {
			t.Fatalf("%v", counts)
		}
		corner += int(counts[0])
	}
	if math.Abs(float64(corner)/10000-0.6) > 0.022 {
		t.Errorf("the one early case is in the first place %d of 10000 times, want 6000", corner)
	}
}

func TestRefusals(t *testing.T) {
	nan, ctx, ok := math.NaN(), context.Background(), []float64{1, 1, 1}
	poisson := func(at Places, c []int, e []float64, o Options) error {
		_, err := Poisson(ctx, at, c, e, o)
		return err
	}
	places := func(change func(*Places)) error {
		at := row(3)
		change(&at)
		return poisson(at, []int{2, 2, 2}, ok, Options{})
	}
	options := func(o Options) error { return poisson(row(3), []int{2, 2, 2}, ok, o) }
	timed := func(c [][]int, e [][]float64, o Options) error {
		_, err := SpaceTimePoisson(ctx, row(2), c, e, o)
		return err
	}
	bernoulli := func(c, k []int) error { _, err := Bernoulli(ctx, row(2), c, k, Options{}); return err }
	permuted := func(c [][]int) error { _, err := SpaceTimePermutation(ctx, row(2), c, Options{}); return err }
	spread := func(p, d []float64) error { _, err := Spread(p, d); return err }
	temporal := func(c []int, e []float64) error { _, err := Temporal(ctx, c, e, Options{}); return err }
	for name, tt := range map[string]struct {
		err  error
		says string
	}{
		"no locations":        {poisson(Places{}, nil, nil, Options{}), "at least 2"},
		"one location":        {poisson(row(1), []int{5}, []float64{1}, Options{}), "at least 2"},
		"short cases":         {poisson(row(3), []int{1, 2}, ok, Options{}), "2 locations for 3"},
		"short expected":      {poisson(row(3), []int{1, 2, 3}, ok[:2], Options{}), "2 locations for 3"},
		"no cases":            {poisson(row(3), []int{0, 0, 0}, ok, Options{}), "too few"},
		"one case":            {poisson(row(3), []int{0, 1, 0}, ok, Options{MinCases: 1}), "at least 2"},
		"fewer than least":    {poisson(row(3), []int{1, 1, 1}, ok, Options{MinCases: 4}), "at least 4"},
		"negative cases":      {poisson(row(3), []int{1, -2, 3}, ok, Options{}), "location 1"},
		"too many cases":      {poisson(row(3), []int{math.MaxInt32, 2, 3}, ok, Options{}), "location 0"},
		"expected NaN":        {poisson(row(3), []int{1, 2, 3}, []float64{1, nan, 1}, Options{}), "location 1"},
		"expected infinite":   {poisson(row(3), []int{1, 2, 3}, []float64{1, 1, math.Inf(1)}, Options{}), "location 2"},
		"expected negative":   {poisson(row(3), []int{1, 2, 3}, []float64{-1, 1, 1}, Options{}), "location 0"},
		"none expected":       {poisson(row(3), []int{1, 2, 3}, []float64{0, 0, 0}, Options{}), "no cases are expected"},
		"expected 0 but seen": {poisson(row(3), []int{1, 2, 3}, []float64{1, 0, 1}, Options{}), "location 1, period 0 has 2"},
		"point NaN":           {places(func(p *Places) { p.Points[1][0] = nan }), "location 1"},
		"point infinite":      {places(func(p *Places) { p.Points[2][1] = math.Inf(-1) }), "location 2"},
		"latitude":            {places(func(p *Places) { p.GreatCircle = true; p.Points[2] = orb.Point{10, 91} }), "location 2"},
		"centre NaN":          {places(func(p *Places) { p.Centres = []orb.Point{{nan, 1}} }), "centre 0"},
		"no centres":          {places(func(p *Places) { p.Centres = []orb.Point{} }), "no centres"},
		"population short":    {places(func(p *Places) { p.Population = ok[:1] }), "1 populations"},
		"population NaN":      {places(func(p *Places) { p.Population = []float64{1, nan, 1} }), "location 1"},
		"population 0":        {places(func(p *Places) { p.Population = []float64{0, 0, 0} }), "0 everywhere"},
		"share":               {places(func(p *Places) { p.MaxShare = 1.1 }), "share"},
		"share NaN":           {places(func(p *Places) { p.MaxShare = nan }), "share"},
		"share too small":     {places(func(p *Places) { p.MaxShare = 0.1 }), "no circle"},
		"radius":              {places(func(p *Places) { p.MaxRadiusM = -1 }), "radius"},
		"rates":               {options(Options{Rates: "middle"}), "high, low or both"},
		"too few replicates":  {options(Options{Replicates: 18}), "take at least 19"},
		"too few for alpha":   {options(Options{Replicates: 99, Alpha: 0.001}), "take at least 999"},
		"alpha":               {options(Options{Alpha: nan}), "alpha"},
		"replicates":          {options(Options{Replicates: -1}), "at least 19"},
		"too many replicates": {options(Options{Replicates: 1 << 30}), "at most"},
		"least cases":         {options(Options{MinCases: -1}), "MinCases"},
		"workers":             {options(Options{Workers: -1}), "Workers"},
		"days":                {options(Options{PeriodDays: nan}), "PeriodDays"},
		"ragged cases":        {timed([][]int{{1, 2}, {1}}, [][]float64{{1, 1}, {1, 1}}, Options{}), "location 1"},
		"ragged expected":     {timed([][]int{{1, 2}, {1, 2}}, [][]float64{{1, 1}, {1}}, Options{}), "location 1"},
		"one period":          {timed([][]int{{1}, {2}}, [][]float64{{1}, {1}}, Options{}), "2 to"},
		"long window":         {timed([][]int{{1, 2}, {1, 2}}, [][]float64{{1, 1}, {1, 1}}, Options{MaxPeriods: 3}), "longer"},
		"many windows":        {temporal(make([]int, 60000), make([]float64, 60000)), "windows"},
		"controls short":      {bernoulli([]int{1, 2}, []int{1}), "1 numbers of controls"},
		"controls negative":   {bernoulli([]int{1, 2}, []int{1, -1}), "location 1"},
		"no controls":         {bernoulli([]int{1, 2}, []int{0, 0}), "no controls"},
		"no periods":          {permuted([][]int{{}, {}}), "2 to"},
		"days of 0":           {spread(ok, []float64{1, 0}), "period 1"},
		"population negative": {spread([]float64{1, -1}, ok), "location 1"},
		"no temporal periods": {temporal(nil, nil), "2 to"},
	} {
		switch {
		case tt.err == nil:
			t.Errorf("%s: not refused", name)
		case !strings.Contains(tt.err.Error(), tt.says) || grids.KindOf(tt.err) != grids.Invalid && name != "many windows":
			t.Errorf("%s: %v, kind %v", name, tt.err, grids.KindOf(tt.err))
		}
	}
}

func TestCancelAndProgress(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	at, c, e := island(60, 12, 400, 1)
	last, calls := 0, 0
	o := Options{Replicates: 99, Workers: 2, Progress: func(done, total int) {
		if calls++; done != last+1 || total != 99 {
			t.Errorf("%d of %d after %d", done, total, last)
		}
		last = done
	}}
	if must(t)(SpaceTimePoisson(ctx, at, c, e, o)); calls != 99 {
		t.Errorf("%d reports", calls)
	}
	o.Progress = func(done, total int) { cancel() }
	if r, err := SpaceTimePoisson(ctx, at, c, e, o); !errors.Is(err, context.Canceled) || r != nil {
		t.Errorf("%v, %v", r, err)
	}
	if _, err := Temporal(ctx, []int{1, 2, 3}, []float64{1, 1, 1}, Options{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// No input makes a scan panic, or gives what is not a number.
func FuzzScan(f *testing.F) {
	f.Add([]byte{}, uint8(0), uint8(0), 1.0)
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9}, uint8(4), uint8(3), math.NaN())
	f.Add([]byte{0, 0, 9, 9, 9, 0, 1, 1, 1, 200, 13, 7}, uint8(3), uint8(1), math.Inf(1))
	f.Add([]byte{5, 5, 5, 5}, uint8(2), uint8(6), 1e-300)
	f.Fuzz(func(t *testing.T, data []byte, n, periods uint8, odd float64) {
		at := func(i int) int {
			if len(data) == 0 {
				return 0
			}
			return int(int8(data[i%len(data)]))
		}
		k := task{opt: Options{Replicates: 19, Workers: 1, Rates: []Rates{High, Low, Both}[(at(0)+128)%3], AllZones: at(1)%2 == 0, Prospective: at(2)%2 == 0}}
		width := 1 + int(periods%7)
		for i := range int(n % 6) {
			k.at.Points = append(k.at.Points, orb.Point{float64(at(i)), float64(at(i * 2))})
			k.cases, k.expected, k.controls = append(k.cases, nil), append(k.expected, nil), append(k.controls, at(i+3))
			for p := range width {
				k.cases[i] = append(k.cases[i], at(i*width+p))
				k.expected[i] = append(k.expected[i], math.Abs(float64(at(i+p+1))))
			}
		}
		if n%2 == 1 && n%6 > 0 {
			switch at(3) % 3 {
			case 0:
				k.expected[0][0] = odd
			case 1:
				k.at.Points[0][1] = odd
			default:
				k.at.MaxShare = odd
			}
		}
		for _, k.model = range []string{"poisson", "bernoulli", "space-time", "permutation", "temporal"} {
			if k.model == "temporal" && len(k.cases) == 0 {
				continue
			}
			r, err := k.run()
			if err != nil {
				if kind := grids.KindOf(err); kind != grids.Invalid {
					t.Fatalf("%s: %v of kind %v", k.model, err, kind)
				}
				continue
			}
			if _, err := json.Marshal(r); err != nil {
				t.Fatalf("%s: %v", k.model, err)
			}
			for _, z := range r.Centres {
				if !(z.LLR >= 0) || math.IsInf(z.LLR, 0) || !(z.Expected >= 0) {
					t.Fatalf("%s: %+v", k.model, z)
				}
			}
		}
	})
}
