package interaction

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"wangge/grids/risk/stat"
)

// TestMain fixes the seed of the property tests, so that a run can be repeated.
func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("rapid.seed"); f.Value.String() == "0" {
		if err := f.Value.Set("20260101"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// near1 says by the definition whether a distance is in relation k of thresholds or bands.
func near1(d float64, edges []float64, k int, closed bool) bool {
	if closed {
		return d <= edges[k]
	}
	return d >= edges[k] && d < edges[k+1]
}

// distanceOf is the distance by the definition.
func distanceOf(a, b Event, m Metric) float64 {
	if m == Manhattan {
		return math.Abs(a.X-b.X) + math.Abs(a.Y-b.Y)
	}
	return math.Sqrt(float64((a.X-b.X)*(a.X-b.X)) + float64((a.Y-b.Y)*(a.Y-b.Y)))
}

// countPairs counts by the definition, over all pairs: near in space, in time, in both.
func countPairs(events []Event, days []float64, space, time []float64, k, l int, closed bool, m Metric) (inSpace, inTime, both int64) {
	for i := range events {
		for j := range i {
			s := near1(distanceOf(events[i], events[j], m), space, k, closed)
			t := near1(math.Abs(days[i]-days[j]), time, l, closed)
			if s {
				inSpace++
			}
			if t {
				inTime++
			}
			if s && t {
				both++
			}
		}
	}
	return inSpace, inTime, both
}

// permutations hands over every order of the days.
func permutations(days []float64, at int, visit func([]float64)) {
	if at == len(days) {
		visit(days)
		return
	}
	for i := at; i < len(days); i++ {
		days[at], days[i] = days[i], days[at]
		permutations(days, at+1, visit)
		days[at], days[i] = days[i], days[at]
	}
}

// drawEvents draws events on a small lattice: ties, duplicates and equality at thresholds are frequent. Coordinates are multiples of step.
func drawEvents(t *rapid.T, least, most int, step float64) []Event {
	side := rapid.IntRange(0, 12).Draw(t, "side")
	period := rapid.IntRange(0, 9).Draw(t, "period")
	n := rapid.IntRange(least, most).Draw(t, "n")
	draw := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "draw"), 1))
	out := make([]Event, n)
	for i := range out {
		out[i] = Event{X: step * float64(draw.IntN(side+1)), Y: step * float64(draw.IntN(side+1)), Day: step * float64(draw.IntN(period+1))}
	}
	return out
}

// drawEdges draws ascending edges, multiples of step, 0 among them now and then.
func drawEdges(t *rapid.T, name string, least int, step float64) []float64 {
	whole := rapid.SliceOfNDistinct(rapid.IntRange(0, 12), least, 5, func(n int) int { return n }).Draw(t, name)
	slices.Sort(whole)
	out := make([]float64, len(whole))
	for i, w := range whole {
		out[i] = step * float64(w)
	}
	return out
}

// run is the Knox table or the near-repeat table.
func run(t *rapid.T, events []Event, space, time []float64, closed bool, o Options) *Table {
	f := NearRepeat
	if closed {
		f = KnoxTable
	}
	got, err := f(context.Background(), events, space, time, o)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestCountsAreThoseOfTheDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		step := rapid.SampledFrom([]float64{1, .1, 1. / 3, 2.5, 1e5}).Draw(t, "step")
		events := drawEvents(t, 4, 60, step)
		closed := rapid.Bool().Draw(t, "closed")
		metric := rapid.SampledFrom([]Metric{Euclidean, Manhattan}).Draw(t, "metric")
		space, time := drawEdges(t, "space", 2, step), drawEdges(t, "time", 2, step)
		got := run(t, events, space, time, closed, Options{Metric: metric})
		for _, c := range got.Cells {
			s, u, x := countPairs(events, daysOf(events), space, time, c.Space, c.Time, closed, metric)
			if got.Space[c.Space].Pairs != s || got.Time[c.Time].Pairs != u || c.Observed != x {
				t.Fatalf("cell %d, %d: %d in space, %d in time, %d in both, not %d, %d, %d", c.Space, c.Time,
					got.Space[c.Space].Pairs, got.Time[c.Time].Pairs, c.Observed, s, u, x)
			}
		}
	})
}

func TestCountsOfScatteredEvents(t *testing.T) {
	for seed := range uint64(40) {
		draw := rand.New(rand.NewPCG(seed, 3))
		events := make([]Event, 150)
		for i := range events {
			events[i] = Event{X: 3e5 + 5000*draw.Float64(), Y: 3.5e6 + 3000*draw.ExpFloat64(), Day: 400 * draw.Float64()}
		}
		space, time := []float64{50, 333.3, 800 * draw.Float64() * 3}, []float64{1.5, 30, 500}
		slices.Sort(space)
		got, err := KnoxTable(context.Background(), events, space, time, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range got.Cells {
			if _, _, x := countPairs(events, daysOf(events), space, time, c.Space, c.Time, true, Euclidean); c.Observed != x {
				t.Fatalf("seed %d, cell %d, %d: %d, not %d", seed, c.Space, c.Time, c.Observed, x)
			}
		}
	}
}

func TestMomentsAreThoseOfAllPermutations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := drawEvents(t, 4, 6, 1)
		closed := rapid.Bool().Draw(t, "closed")
		space, time := drawEdges(t, "space", 2, 1), drawEdges(t, "time", 2, 1)
		got := run(t, events, space, time, closed, Options{})
		for _, c := range got.Cells[:min(3, len(got.Cells))] {
			checkEnumeration(t, events, space, time, closed, c)
		}
	})
}

func TestMomentsAreThoseOfAllPermutationsOfSeven(t *testing.T) {
	events := []Event{{0, 0, 0}, {1, 0, 1}, {0, 1, 1}, {3, 3, 2}, {3, 4, 2}, {9, 9, 7}, {9, 9, 7}}
	space, time := []float64{0, 1, 5}, []float64{0, 1, 5}
	got, err := KnoxTable(context.Background(), events, space, time, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range got.Cells {
		checkEnumeration(t, events, space, time, true, c)
	}
}

// checkEnumeration compares mean, variance and the reasons of a cell with those of all n! orders of the days.
func checkEnumeration(t rapid.TB, events []Event, space, time []float64, closed bool, c Cell) {
	t.Helper()
	var orders, sum, squares int64
	permutations(daysOf(events), 0, func(days []float64) {
		_, _, x := countPairs(events, days, space, time, c.Space, c.Time, closed, Euclidean)
		orders, sum, squares = orders+1, sum+x, squares+x*x
	})
	mean := float64(sum) / float64(orders)
	variance := float64(squares*orders-sum*sum) / float64(orders*orders)
	if c.Expected != mean || math.Abs(c.Variance-variance) > 1e-14*variance {
		t.Fatalf("cell %d, %d: mean %v and variance %v, not %v and %v", c.Space, c.Time, c.Expected, c.Variance, mean, variance)
	}
	_, known := c.Z.Known()
	if known != (variance > 0) {
		t.Fatalf("cell %d, %d: z is known: %v, with variance %v", c.Space, c.Time, known, variance)
	}
}

func TestMantelMomentsAreThoseOfAllPermutations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := drawEvents(t, 4, 6, rapid.SampledFrom([]float64{1, .7}).Draw(t, "step"))
		metric := rapid.SampledFrom([]Metric{Euclidean, Manhattan}).Draw(t, "metric")
		k, l := rapid.Float64Range(.1, 10).Draw(t, "k"), rapid.Float64Range(.1, 10).Draw(t, "l")
		got, err := Mantel(context.Background(), events, MantelOptions{Options: Options{Metric: metric}, ConstantM: k, ConstantDays: l})
		if err != nil {
			t.Fatal(err)
		}
		statistic := func(days []float64) (z float64) {
			for i := range events {
				for j := range i {
					z += 1 / ((distanceOf(events[i], events[j], metric) + k) * (math.Abs(days[i]-days[j]) + l))
				}
			}
			return z
		}
		z := statistic(daysOf(events))
		var orders, sum, squares float64
		permutations(daysOf(events), 0, func(days []float64) {
			d := statistic(days) - z
			orders, sum, squares = orders+1, sum+d, squares+d*d
		})
		mean, variance := z+sum/orders, squares/orders-sum/orders*sum/orders
		if math.Abs(got.Statistic-z) > 1e-12*z || math.Abs(got.Expected-mean) > 1e-12*z || math.Abs(got.Variance-variance) > 1e-10*variance+1e-24*z*z {
			t.Fatalf("Z %v, mean %v, variance %v, not %v, %v, %v", got.Statistic, got.Expected, got.Variance, z, mean, variance)
		}
		if _, known := got.Z.Known(); known != (variance > 1e-20*z*z) {
			t.Fatalf("z is known: %v, with variance %v", known, variance)
		}
	})
}

// The Monte Carlo p of few events against those of all their permutations.
func TestMonteCarloApproachesTheExactP(t *testing.T) {
	events := []Event{{0, 0, 0}, {1, 0, 1}, {0, 1, 1}, {3, 3, 2}, {3, 4, 2}, {9, 9, 7}, {9, 8, 9}}
	const replicates = 9999
	got, err := Knox(context.Background(), events, 1, 1, Options{Replicates: replicates, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	c := got.Cells[0]
	var orders, atLeast, atMost float64
	permutations(daysOf(events), 0, func(days []float64) {
		_, _, x := countPairs(events, days, []float64{1}, []float64{1}, 0, 0, true, Euclidean)
		orders++
		if x >= c.Observed {
			atLeast++
		}
		if x <= c.Observed {
			atMost++
		}
	})
	for name, p := range map[string][2]float64{"upper": {known(t, c.MonteCarlo.Upper), atLeast / orders}, "lower": {known(t, c.MonteCarlo.Lower), atMost / orders}} {
		if se := math.Sqrt(p[1] * (1 - p[1]) / replicates); math.Abs(p[0]-p[1]) > 4*se+1./replicates {
			t.Errorf("%s tail: %v, not %v", name, p[0], p[1])
		}
	}
	if c.AtLeast+c.AtMost < replicates || known(t, c.MonteCarlo.Upper) != stat.Pseudo(c.AtLeast, replicates) {
		t.Errorf("%d at least and %d at most of %d", c.AtLeast, c.AtMost, replicates)
	}
}

// Mantel's p of few events with many ties, whose sums differ in their last digits, against those of all their permutations.
func TestMantelApproachesTheExactP(t *testing.T) {
	events := []Event{{0, 0, 0}, {.7, 0, .1}, {0, .7, .2}, {.7, .7, .3}, {.35, .35, .7}}
	const replicates = 9999
	got, err := Mantel(context.Background(), events, MantelOptions{Options: Options{Replicates: replicates, Seed: 3}, ConstantM: .3, ConstantDays: .3})
	if err != nil {
		t.Fatal(err)
	}
	var orders, atLeast, atMost float64
	permutations(daysOf(events), 0, func(days []float64) {
		z := 0.0
		for i := range events {
			for j := range i {
				z += 1 / ((distanceOf(events[i], events[j], Euclidean) + .3) * (math.Abs(days[i]-days[j]) + .3))
			}
		}
		orders++
		if z > got.Statistic*(1-1e-9) {
			atLeast++
		}
		if z < got.Statistic*(1+1e-9) {
			atMost++
		}
	})
	if atLeast+atMost < orders+8 {
		t.Fatalf("%v at least and %v at most of %v: the square has 8 symmetries", atLeast, atMost, orders)
	}
	for name, p := range map[string][2]float64{"upper": {known(t, got.MonteCarlo.Upper), atLeast / orders}, "lower": {known(t, got.MonteCarlo.Lower), atMost / orders}} {
		if se := math.Sqrt(p[1] * (1 - p[1]) / replicates); math.Abs(p[0]-p[1]) > 4*se+1./replicates {
			t.Errorf("%s tail: %v, not %v", name, p[0], p[1])
		}
	}
}

// encode is a result as bytes.
func encode(t rapid.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestNothingChangesUnderANewOrderOrAShift(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := drawEvents(t, 4, 40, 1)
		space, time := drawEdges(t, "space", 2, 1), drawEdges(t, "time", 2, 1)
		closed := rapid.Bool().Draw(t, "closed")
		o := Options{Replicates: 19, Seed: rapid.Uint64().Draw(t, "seed")}
		dx, dy, days := rapid.IntRange(-1e6, 1e6).Draw(t, "dx"), rapid.IntRange(-1e6, 1e6).Draw(t, "dy"), rapid.IntRange(-1e5, 1e5).Draw(t, "days")
		moved := slices.Clone(events)
		rand.New(rand.NewPCG(o.Seed, 5)).Shuffle(len(moved), func(i, j int) { moved[i], moved[j] = moved[j], moved[i] })
		for i := range moved {
			moved[i].X, moved[i].Y, moved[i].Day = moved[i].X+float64(dx), moved[i].Y+float64(dy), moved[i].Day+float64(days)
		}
		if a, b := encode(t, run(t, events, space, time, closed, o)), encode(t, run(t, moved, space, time, closed, o)); !bytes.Equal(a, b) {
			t.Fatalf("%s\nis not\n%s", a, b)
		}
		m := MantelOptions{Options: o, ConstantM: 1, ConstantDays: 2, Ranks: true}
		a, errA := Mantel(context.Background(), events, m)
		b, errB := Mantel(context.Background(), moved, m)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if !bytes.Equal(encode(t, a), encode(t, b)) {
			t.Fatalf("%s\nis not\n%s", encode(t, a), encode(t, b))
		}
	})
}

// Mirrored, turned by a right angle, with time running backward: the counts and moments stay.
func TestMomentsStayUnderReflection(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := drawEvents(t, 4, 40, 1)
		space, time := drawEdges(t, "space", 2, 1), drawEdges(t, "time", 2, 1)
		turned := slices.Clone(events)
		for i, e := range turned {
			turned[i] = Event{X: -e.Y, Y: e.X, Day: -e.Day}
		}
		if a, b := encode(t, run(t, events, space, time, true, Options{})), encode(t, run(t, turned, space, time, true, Options{})); !bytes.Equal(a, b) {
			t.Fatalf("%s\nis not\n%s", a, b)
		}
	})
}

// Bands from 0 add up to what a threshold just below the last edge holds.
func TestBandsAddUpToThresholds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := drawEvents(t, 4, 60, 1)
		var edges []float64
		for _, e := range drawEdges(t, "edges", 2, 1) {
			edges = append(edges, e+.5)
		}
		table := run(t, events, append([]float64{0}, edges...), append([]float64{0}, edges...), false, Options{})
		knox := run(t, events, edges, edges, true, Options{})
		width := len(edges)
		for _, c := range knox.Cells {
			sum := int64(0)
			for k := range c.Space + 1 {
				for l := range c.Time + 1 {
					sum += table.Cells[k*width+l].Observed
				}
			}
			if sum != c.Observed {
				t.Fatalf("cell %d, %d: the bands hold %d, the threshold %d", c.Space, c.Time, sum, c.Observed)
			}
		}
	})
}
