package rates

import (
	"flag"
	"math"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"wangge/grids"
	"wangge/grids/risk/stat"
	"wangge/grids/risk/weights"
)

// TestMain draws the same cases every time.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.seed", "20260401"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// path is a row of n units, each a neighbour of the next.
func path(t testing.TB, n int) *weights.Matrix {
	t.Helper()
	rows := make([][]weights.Link, n)
	for i := range rows {
		for _, j := range []int{i - 1, i + 1} {
			if j >= 0 && j < n {
				rows[i] = append(rows[i], weights.Link{To: j, Weight: 1})
			}
		}
	}
	return matrix(t, rows)
}

func matrix(t testing.TB, rows [][]weights.Link) *weights.Matrix {
	t.Helper()
	m, err := weights.New(rows)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

var (
	handCases      = []float64{1, 2, 9}
	handPopulation = []float64{100, 200, 100}
)

func same(t *testing.T, what string, got stat.Value, want float64) {
	t.Helper()
	if n, ok := got.Known(); !ok || math.Abs(n-want) > 1e-13*max(1, math.Abs(want)) {
		t.Errorf("%s is %v (%s), want %v", what, n, got.Reason(), want)
	}
}

func TestGlobalByHand(t *testing.T) {
	g, err := Global(handCases, handPopulation, GlobalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "b", stat.Of(g.B), .03)
	same(t, "s²", stat.Of(g.S2), .0012)
	same(t, "a", stat.Of(g.A), .000975)
	for i, want := range []float64{.03 - .02*.975/1.275, .03 - .02*.975/1.125, .03 + .06*.975/1.275} {
		same(t, "poisson", g.Units[i].Smoothed, want)
	}
	g, err = Global(handCases, handPopulation, GlobalOptions{Family: Binomial})
	if err != nil {
		t.Fatal(err)
	}
	num, within := .0012-.0291*3/400, .0291
	same(t, "a", stat.Of(g.A), num/(1-3./400))
	for i, n := range handPopulation {
		r := handCases[i] / n
		same(t, "binomial", g.Units[i].Smoothed, .03+(r-.03)*n*num/((n-1)*.0012+(1-3*n/400)*within))
		same(t, "Marshall's form", g.Units[i].Smoothed, .03+(r-.03)*g.A/(within/n+g.A*(n-1)/n))
	}
}

func TestGlobalWithoutVariance(t *testing.T) {
	cases, population := []float64{2, 4, 6, 8}, []float64{100, 200, 300, 400}
	g, err := Global(cases, population, GlobalOptions{})
	if err != nil || !g.AllShrunk || g.A != 0 || g.Raw >= 0 {
		t.Fatalf("equal rates: %+v, %v", g, err)
	}
	for _, u := range g.Units {
		if u.Smoothed != stat.Of(g.B) || u.Shrinkage != stat.Of(0) {
			t.Errorf("shrunk to %v, want %v", u.Smoothed, g.B)
		}
	}
	cases[0] = 3
	g, err = Global(cases, population, GlobalOptions{Family: Binomial})
	if err != nil || !g.Negative || g.AllShrunk {
		t.Fatalf("binomial with negative variance: %+v, %v", g, err)
	}
	if g.Units[0].Smoothed.Or(9) >= g.B {
		t.Errorf("without a clamp a high rate is moved beyond the mean: %v of %v", g.Units[0].Smoothed, g.B)
	}
	g, err = Global(cases, population, GlobalOptions{Family: Binomial, Clamp: true})
	if err != nil || g.Negative || !g.AllShrunk || g.Units[0].Smoothed != stat.Of(g.B) || !(g.Raw < 0) {
		t.Fatalf("binomial, clamped: %+v, %v", g, err)
	}
	g, err = Global([]float64{0, 0}, []float64{5, 50}, GlobalOptions{})
	if err != nil || !g.AllShrunk || g.Units[1].Smoothed != stat.Of(0) {
		t.Fatalf("no cases: %+v, %v", g, err)
	}
}

func TestGlobalLeavesOut(t *testing.T) {
	g, err := Global([]float64{1, 2, 5, 9}, []float64{100, 200, 0, 100}, GlobalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "a", stat.Of(g.A), .000975)
	if g.Units[2].Smoothed.Reason() != stat.NoPopulation || g.Meta.Used != 3 || g.Meta.Dropped[stat.NoPopulation] != 1 {
		t.Errorf("without population: %+v, %+v", g.Units[2], g.Meta)
	}
	cases, population := []float64{1, 2, 5, 9}, []float64{100, 200, 3, 100}
	g, err = Global(cases, population, GlobalOptions{Family: Binomial})
	if err != nil || g.Units[2].Smoothed.Reason() != stat.AboveCount || g.Meta.Dropped[stat.AboveCount] != 1 || g.B != .03 {
		t.Errorf("more cases than persons: %+v, %v", g, err)
	}
	if g, err = Global(cases, population, GlobalOptions{}); err != nil || g.Units[2].Smoothed.Reason() != "" {
		t.Errorf("more events than persons: %+v, %v", g, err)
	}
	if cases[2] != 5 || population[2] != 3 {
		t.Error("arguments were changed")
	}
}

func TestLocalByHand(t *testing.T) {
	for _, self := range []bool{false, true} { // a link to itself changes nothing
		w := path(t, 3)
		if self {
			w = matrix(t, [][]weights.Link{{{To: 1, Weight: .2}, {To: 0}}, {{To: 2}, {To: 0, Weight: 1}}, {{To: 1}, {To: 2, Weight: 3}}})
		}
		l, err := Local(handCases, handPopulation, w, LocalOptions{})
		if err != nil {
			t.Fatal(err)
		}
		same(t, "m", l.Units[2].Mean, 11./300)
		same(t, "the first", l.Units[0].Smoothed, .01)
		same(t, "the middle", l.Units[1].Smoothed, .03-.02*.975/1.125)
		m := 11. / 300
		a := (200*(.01-m)*(.01-m)+100*(.09-m)*(.09-m))/300 - m/150
		same(t, "a", l.Units[2].Variance, a)
		same(t, "the last", l.Units[2].Smoothed, m+(.09-m)*a/(a+m/100))
		if !l.Units[0].Shrunk || l.Units[2].Shrunk || l.Shrunk != 1 || l.Units[1].Neighbours != 2 {
			t.Errorf("shrunk: %+v", l)
		}
		if l, err = Local(handCases, handPopulation, w, LocalOptions{Deviations: FromTheirMeans}); err != nil {
			t.Fatal(err)
		}
		a = (200*(.01-.03)*(.01-.03)+100*(.09-m)*(.09-m))/300 - m/150
		same(t, "the last, from their means", l.Units[2].Smoothed, m+(.09-m)*a/(a+m/100))
	}
}

func TestLocalEdges(t *testing.T) {
	rows := [][]weights.Link{{{To: 1, Weight: 1}}, {{To: 0, Weight: 1}, {To: 2, Weight: 1}}, {{To: 1, Weight: 1}}, {}, {{To: 2, Weight: 1}}, {{To: 3}}}
	l, err := Local([]float64{1, 2, 4, 7, 5, 0}, []float64{100, 200, 0, 70, 50, 60}, matrix(t, rows), LocalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "neighbour without population", l.Units[1].Mean, .01)
	same(t, "an isolate", l.Units[3].Smoothed, .1)
	same(t, "with the only neighbour unpeopled", l.Units[4].Smoothed, .1)
	if l.Units[2].Smoothed.Reason() != stat.NoPopulation || l.Alone != 2 || l.Meta.Dropped[stat.NoPopulation] != 1 || l.Units[3].Neighbours != 0 {
		t.Errorf("edges: %+v", l)
	}
	l, err = Local([]float64{0, 0, 0, 7, 5, 0}, []float64{100, 200, 1, 70, 50, 60}, matrix(t, rows), LocalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "a neighbourhood without cases", l.Units[1].Smoothed, 0)
}

// draw makes counts and populations, some of them 0.
func draw(t *rapid.T, least int) (cases, population []float64) {
	n := rapid.IntRange(least, 25).Draw(t, "n")
	for i := range n {
		population = append(population, float64(rapid.IntRange(0, 5000).Draw(t, "population")))
		if i < 4 {
			population[i]++
		}
		cases = append(cases, float64(rapid.IntRange(0, 40).Draw(t, "cases")))
	}
	return cases, population
}

// drawWeights makes links at random, without self, some units isolated.
func drawWeights(t *rapid.T, n int) *weights.Matrix {
	rows := make([][]weights.Link, n)
	for i := range rows {
		for j := range rows {
			if j != i && rapid.IntRange(0, 3).Draw(t, "link") == 0 {
				rows[i] = append(rows[i], weights.Link{To: j, Weight: rapid.Float64Range(.1, 2).Draw(t, "w")})
			}
		}
	}
	m, err := weights.New(rows)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestEstimatesLieBetween(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cases, population := draw(t, 4)
		w := drawWeights(t, len(cases))
		g, err := Global(cases, population, GlobalOptions{})
		if err != nil {
			t.Fatal(err)
		}
		l, err := Local(cases, population, w, LocalOptions{Deviations: rapid.SampledFrom([]Deviations{FromOwnMean, FromTheirMeans}).Draw(t, "form")})
		if err != nil {
			t.Fatal(err)
		}
		for i := range cases {
			if population[i] == 0 {
				continue
			}
			between(t, g.Units[i], g.B)
			between(t, l.Units[i].Estimate, l.Units[i].Mean.Or(math.NaN()))
		}
	})
}

// between fails unless the estimate lies between the unit's rate and the mean.
func between(t *rapid.T, e Estimate, mean float64) {
	raw, est, c := e.Raw.Or(math.NaN()), e.Smoothed.Or(math.NaN()), e.Shrinkage.Or(math.NaN())
	lo, hi := min(raw, mean), max(raw, mean)
	if !(est >= lo-1e-12*hi && est <= hi+1e-12*hi && c >= 0 && c <= 1) {
		t.Fatalf("%v is not between %v and %v (shrinkage %v)", est, raw, mean, c)
	}
}

func TestWholeNeighbourhoodIsGlobal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cases, population := draw(t, 4)
		rows := make([][]weights.Link, len(cases))
		for i := range rows {
			for j := range rows {
				if j != i {
					rows[i] = append(rows[i], weights.Link{To: j, Weight: 1})
				}
			}
		}
		w, err := weights.New(rows)
		if err != nil {
			t.Fatal(err)
		}
		g, _ := Global(cases, population, GlobalOptions{})
		for _, form := range []Deviations{FromOwnMean, FromTheirMeans} {
			l, err := Local(cases, population, w, LocalOptions{Deviations: form})
			if err != nil {
				t.Fatal(err)
			}
			for i := range cases {
				a, b := g.Units[i].Smoothed, l.Units[i].Smoothed
				if a.Reason() != b.Reason() || math.Abs(a.Or(0)-b.Or(0)) > 1e-9*max(g.B, a.Or(0)) {
					t.Fatalf("unit %d: %v global, %v local", i, a, b)
				}
			}
		}
	})
}

func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cases, population := draw(t, 4)
		w := drawWeights(t, len(cases))
		to := rapid.Permutation(identity(len(cases))).Draw(t, "order")
		c2, p2, rows := make([]float64, len(cases)), make([]float64, len(cases)), make([][]weights.Link, len(cases))
		for i, at := range to {
			c2[at], p2[at] = cases[i], population[i]
			nb, wt := w.Row(i)
			for k, j := range nb {
				rows[at] = append(rows[at], weights.Link{To: to[j], Weight: wt[k]})
			}
		}
		w2, err := weights.New(rows)
		if err != nil {
			t.Fatal(err)
		}
		l, _ := Local(cases, population, w, LocalOptions{})
		l2, _ := Local(c2, p2, w2, LocalOptions{})
		s, _ := Scores(cases, population, StandardOptions{})
		s2, _ := Scores(c2, p2, StandardOptions{})
		for i, at := range to {
			for _, pair := range [][2]stat.Value{{l.Units[i].Mean, l2.Units[at].Mean}, {s.Z[i], s2.Z[at]}} {
				if pair[0].Reason() != pair[1].Reason() || math.Abs(pair[0].Or(0)-pair[1].Or(0)) > 1e-9*max(1, math.Abs(pair[0].Or(0))) {
					t.Fatalf("unit %d is %v, elsewhere %v", i, pair[0], pair[1])
				}
			}
		}
	})
}

func identity(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func TestCrudeAndIndirect(t *testing.T) {
	c, err := Crude([]float64{4, 0, 3}, []float64{200, 50, 0}, CrudeOptions{Per: 1000})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "a rate", c.Units[0].Rate, 20)
	same(t, "the rate of all", c.All.Rate, 16)
	same(t, "an upper end", c.Units[1].Interval.Upper, -math.Log(.025)*20)
	if c.Units[2].Rate.Reason() != stat.NoPopulation || c.Meta.Used != 2 {
		t.Errorf("without population: %+v", c.Units[2])
	}
	// Two strata with 0.1 and 0.02: E = 10·0.1 + 100·0.02 and 30·0.1 + 50·0.02.
	cases, population := [][]float64{{1, 3, 0}, {3, 0, 0}}, [][]float64{{10, 100, 0}, {30, 50, 0}}
	s, err := Standardise(cases, population, IndirectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "E", stat.Of(s.Units[0].Expected), 3)
	same(t, "E", stat.Of(s.Units[1].Expected), 4)
	same(t, "SMR", s.Units[0].Ratio, 4./3)
	if s.Standard[2].Reason() != stat.NoPopulation || s.Meta.Params["internal"] != true {
		t.Errorf("standard: %+v, %v", s.Standard, s.Meta.Params)
	}
	if s, err = Standardise(cases, population, IndirectOptions{Standard: []float64{.2, .01, 1}}); err != nil {
		t.Fatal(err)
	}
	same(t, "E", stat.Of(s.Units[1].Expected), 6.5)
	r, err := SMR([]float64{2, 1}, []float64{0, .5}, RatioOptions{})
	if err != nil || r.Units[0].Ratio.Reason() != stat.NoPopulation || r.All.Ratio != stat.Of(2) {
		t.Errorf("SMR without expectation: %+v, %v", r, err)
	}
}

func TestBadInput(t *testing.T) {
	nan, inf, two := math.NaN(), math.Inf(1), []float64{1, 2}
	errs := map[string]error{}
	for name, in := range map[string][2][]float64{
		"none": {}, "unequal": {two, {1, 2, 3}}, "nan": {{1, nan}, two}, "inf": {two, {1, inf}}, "negative": {{-1, 2}, two}, "large": {two, {1, 1e16}},
		"nobody": {two, {0, 0}}, "one": {{1}, {2}}, "one peopled": {two, {0, 3}}, "tiny population": {two, {1, 1e-300}},
	} {
		_, errs["global, "+name] = Global(in[0], in[1], GlobalOptions{})
		_, errs["local, "+name] = Local(in[0], in[1], path(t, len(in[0])), LocalOptions{})
		_, errs["scores, "+name] = Scores(in[0], in[1], StandardOptions{})
		_, errs["moran, "+name] = EBMoran(t.Context(), in[0], in[1], path(t, len(in[0])), MoranOptions{})
		if slices.Contains([]string{"nobody", "one", "one peopled", "tiny population"}, name) {
			continue // the others take them
		}
		_, errs["crude, "+name] = Crude(in[0], in[1], CrudeOptions{})
		_, errs["smr, "+name] = SMR(in[0], in[1], RatioOptions{})
		_, errs["funnel, "+name] = FunnelLimits(in[0], in[1], FunnelOptions{})
		_, errs["probability, "+name] = ProbabilityMap(in[0], in[1])
		_, errs["uniform, "+name] = Uniform(in[0], in[1])
	}
	_, errs["half a case"] = SMR([]float64{.5}, []float64{1}, RatioOptions{})
	_, errs["half a case on the map"] = ProbabilityMap([]float64{.5}, []float64{1})
	_, errs["a level of 1"] = SMR(two, two, RatioOptions{Level: 1})
	_, errs["a level of NaN"] = Crude(two, two, CrudeOptions{Level: nan})
	_, errs["a level below 0"] = Crude(two, two, CrudeOptions{Level: -.5})
	_, errs["per NaN"] = Crude(two, two, CrudeOptions{Per: nan})
	_, errs["levels descending"] = FunnelLimits(two, two, FunnelOptions{Levels: []float64{.99, .9}})
	_, errs["no levels"] = FunnelLimits(two, two, FunnelOptions{Levels: []float64{}})
	_, errs["a target below 0"] = FunnelLimits(two, two, FunnelOptions{Target: -1})
	_, errs["more expected than exact"] = ProbabilityMap(two, []float64{1, 1e10})
	_, errs["a family"] = Global(two, two, GlobalOptions{Family: "normal"})
	_, errs["a person a unit"] = Global([]float64{0, 1}, []float64{1, 1}, GlobalOptions{Family: Binomial})
	_, errs["a form"] = Local(two, two, path(t, 2), LocalOptions{Deviations: "x"})
	_, errs["no weights"] = Local(two, two, nil, LocalOptions{})
	_, errs["other weights"] = Local(two, two, path(t, 3), LocalOptions{})
	_, errs["a variance"] = Scores(two, two, StandardOptions{Variance: "x"})
	_, errs["uniform of nobody"] = Uniform(two, []float64{0, 0})
	_, _, errs["garwood"] = Garwood(1.5, .9)
	_, errs["upper"] = PoissonUpper(1, nan)
	_, errs["lower"] = PoissonLower(-1, 1)
	_, errs["strata"] = Standardise([][]float64{{1, 2}}, [][]float64{{1}}, IndirectOptions{})
	_, errs["ragged"] = Standardise([][]float64{{1, 2}, {1}}, [][]float64{{1, 2}, {1, 2}}, IndirectOptions{})
	_, errs["no strata"] = Standardise([][]float64{{}}, [][]float64{{}}, IndirectOptions{})
	_, errs["no units"] = Standardise(nil, nil, IndirectOptions{})
	_, errs["other units"] = Standardise([][]float64{{1}, {1}}, [][]float64{{1}}, IndirectOptions{})
	_, errs["cases of nobody"] = Standardise([][]float64{{1}}, [][]float64{{0}}, IndirectOptions{})
	_, errs["standard of others"] = Standardise([][]float64{{1}}, [][]float64{{3}}, IndirectOptions{Standard: two})
	_, errs["standard NaN"] = Standardise([][]float64{{1}}, [][]float64{{3}}, IndirectOptions{Standard: []float64{nan}})
	_, errs["standard below 0"] = Standardise([][]float64{{1}}, [][]float64{{3}}, IndirectOptions{Standard: []float64{-1}})
	_, errs["no rate"] = Expected([][]float64{{3}}, []stat.Value{stat.None(stat.Missing)})
	_, errs["too many expected"] = Expected([][]float64{{1e14}}, []stat.Value{stat.Of(1e9)})
	for name, err := range errs {
		if grids.KindOf(err) != grids.Invalid || err == nil || len(err.Error()) < 20 {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
	}
}
