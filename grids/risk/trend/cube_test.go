package trend

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"wangge/grids/risk/stat"
	"wangge/grids/risk/weights"
)

// matrix makes binary weights of lists of neighbours.
func matrix(t testing.TB, neighbours ...[]int) *weights.Matrix {
	t.Helper()
	rows := make([][]weights.Link, len(neighbours))
	for i, list := range neighbours {
		for _, j := range list {
			rows[i] = append(rows[i], weights.Link{To: j, Weight: 1})
		}
	}
	m, err := weights.New(rows)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// chain makes n units in a row, each next to the ones before and after.
func chain(t testing.TB, n int) *weights.Matrix {
	lists := make([][]int, n)
	for i := range lists {
		if i > 0 {
			lists[i] = append(lists[i], i-1)
		}
		if i < n-1 {
			lists[i] = append(lists[i], i+1)
		}
	}
	return matrix(t, lists...)
}

// flu is the cube and the weights of case c18, and its units.
func flu(t testing.TB) (Cube, *weights.Matrix, map[string]int) {
	rows := table(t, "c18_ehsa_flubybw/input_cube.csv")
	index, periods := map[string]int{}, 0
	for _, r := range rows {
		if _, seen := index[r["location"]]; !seen {
			index[r["location"]] = len(index)
		}
		periods = max(periods, int(number(t, r["t"])))
	}
	c := Cube{len(index), periods, make([]float64, len(index)*periods)}
	for _, r := range rows {
		c.Values[index[r["location"]]*periods+int(number(t, r["t"]))-1] = number(t, r["count"])
	}
	lists := make([][]int, len(index))
	for _, r := range table(t, "c18_ehsa_flubybw/input_neighbours.csv") {
		i := index[r["id_i"]]
		lists[i] = append(lists[i], index[r["id_j"]])
	}
	return c, matrix(t, lists...), index
}

func TestCaseSpaceTimeGiStar(t *testing.T) {
	c, w, index := flu(t)
	s, err := GiStar(t.Context(), c, w, Defaults())
	if err != nil {
		t.Fatal(err)
	}
	adjusted, worst := s.Adjusted(), map[string]float64{}
	rows := table(t, "c18_ehsa_flubybw/expected_gistar.csv")
	if len(rows) != len(adjusted) || s.Meta.Used != len(rows) {
		t.Fatalf("%d rows for %d bins", len(rows), len(adjusted))
	}
	for _, r := range rows {
		i, at := index[r["location"]], int(number(t, r["t"]))-1
		for name, got := range map[string]stat.Value{"gistar_z": s.Z(i, at), "p_two_sided": s.P(i, at), "p_BH_all_bins": adjusted[i*c.Periods+at]} {
			worst[name] = max(worst[name], near(t, r["location"]+" "+r["t"]+" "+name, got, number(t, r[name]), 1e-10, name == "gistar_z"))
		}
	}
	t.Logf("worst deviations: %v", worst)
}

// direct is Gi* by the definition, bin by bin.
func direct(c Cube, w *weights.Matrix, o Options, unit, period int) float64 {
	from, to := 0, c.Periods-1
	switch o.Window {
	case NearSteps:
		from, to = max(0, period-o.Lags), period
	case SingleStep:
		from, to = period, period
	}
	n, mean, spread := 0.0, 0.0, 0.0
	for pass := range 2 {
		for i := range c.Units {
			for t := from; t <= to; t++ {
				x := c.Values[i*c.Periods+t]
				if pass == 0 {
					n++
					mean += x
				} else {
					spread += (x - mean) * (x - mean)
				}
			}
		}
		if pass == 0 {
			mean /= n
		}
	}
	list, weight := w.Row(unit)
	list, weight = slices.Clone(list), slices.Clone(weight)
	if !slices.Contains(list, int32(unit)) {
		list, weight = append(list, int32(unit)), append(weight, 1)
	}
	sum, w1, w2 := 0.0, 0.0, 0.0
	for at, j := range list {
		for t := max(0, period-o.Lags); t <= period; t++ {
			sum += weight[at] * c.Values[int(j)*c.Periods+t]
			w1 += weight[at]
			w2 += weight[at] * weight[at]
		}
	}
	return (sum - w1*mean) / math.Sqrt(spread/n*(n*w2-w1*w1)/(n-1))
}

// cubes draws a small cube of counts or of any numbers, weights and options.
func cubes(t *rapid.T) (Cube, *weights.Matrix, Options) {
	c := Cube{Units: rapid.IntRange(1, 12).Draw(t, "units"), Periods: rapid.IntRange(3, 14).Draw(t, "periods")}
	some := rapid.Map(rapid.IntRange(0, 4), func(n int) float64 { return float64(n) })
	if rapid.Bool().Draw(t, "rates") {
		some = rapid.Map(rapid.IntRange(-500, 500), func(n int) float64 { return float64(n) / 7 })
	}
	c.Values = rapid.SliceOfN(some, c.Units*c.Periods, c.Units*c.Periods).Draw(t, "values")
	rows := make([][]weights.Link, c.Units)
	for i := range rows {
		for j := range rows {
			if rapid.IntRange(0, 3).Draw(t, "link") == 0 {
				rows[i] = append(rows[i], weights.Link{To: j, Weight: rapid.SampledFrom([]float64{1, 1, 1, .25, 2}).Draw(t, "weight")})
			}
		}
	}
	w, err := weights.New(rows)
	if err != nil {
		t.Fatal(err)
	}
	o := Defaults()
	o.Lags = rapid.IntRange(0, 2).Draw(t, "lags")
	o.Window = rapid.SampledFrom([]Window{WholeCube, NearSteps, SingleStep}).Draw(t, "window")
	o.P = rapid.SampledFrom([]PMethod{"", NormalP, AutoP}).Draw(t, "p")
	o.FDR = rapid.Bool().Draw(t, "fdr")
	o.Alpha = rapid.SampledFrom([]float64{.05, .3, 1e-6}).Draw(t, "alpha")
	o.MinPeriods = 3
	return c, w, o
}

func TestGiStarIsThatOfTheDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, w, o := cubes(t)
		s, err := GiStar(context.Background(), c, w, o)
		if err != nil {
			t.Fatal(err)
		}
		unknown := 0
		for i := range c.Units {
			for at := range c.Periods {
				want := direct(c, w, o, i, at)
				got, ok := s.Z(i, at).Known()
				if !ok {
					unknown++
				}
				if ok && !(math.Abs(got-want) <= 1e-9*max(1, math.Abs(want))) || !ok && math.Abs(want) < 1e5 {
					t.Fatalf("unit %d period %d: %v (%s), want %v", i, at, got, s.Z(i, at).Reason(), want)
				}
			}
		}
		if s.Meta.Used != len(c.Values)-unknown || s.Meta.Weights != w.Hash() {
			t.Fatalf("%+v with %d unknown", s.Meta, unknown)
		}
	})
}

func TestGiStarKeepsUnderScaleAndOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, w, o := cubes(t)
		before, err := EmergingHotSpots(context.Background(), c, w, o)
		if err != nil {
			t.Fatal(err)
		}
		scaled := Cube{c.Units, c.Periods, slices.Clone(c.Values)}
		for i := range scaled.Values {
			scaled.Values[i] = 4*scaled.Values[i] + 64
		}
		after, err := EmergingHotSpots(context.Background(), scaled, w, o)
		if err != nil {
			t.Fatal(err)
		}
		order := rand.New(rand.NewPCG(7, uint64(c.Units))).Perm(c.Units) // unit i goes to order[i]
		moved, rows := Cube{c.Units, c.Periods, make([]float64, len(c.Values))}, make([][]weights.Link, c.Units)
		for i := range c.Units {
			copy(moved.Values[order[i]*c.Periods:], c.Values[i*c.Periods:(i+1)*c.Periods])
			to, weight := w.Row(i)
			for at, j := range to {
				rows[order[i]] = append(rows[order[i]], weights.Link{To: order[j], Weight: weight[at]})
			}
		}
		m, err := weights.New(rows)
		if err != nil {
			t.Fatal(err)
		}
		shuffled, err := EmergingHotSpots(context.Background(), moved, m, o)
		if err != nil {
			t.Fatal(err)
		}
		whole := !slices.ContainsFunc(c.Values, func(v float64) bool { return v != math.Trunc(v) })
		for i := range c.Units {
			for at := range c.Periods {
				z := before.Bins.Z(i, at)
				for _, other := range []stat.Value{after.Bins.Z(i, at), shuffled.Bins.Z(order[i], at)} {
					if z.Reason() != other.Reason() || math.Abs(z.Or(0)-other.Or(0)) > 1e-9*max(1, math.Abs(z.Or(0))) {
						t.Fatalf("unit %d period %d: %v became %v", i, at, z, other)
					}
				}
			}
			if whole && (before.Places[i].Trend.S != after.Places[i].Trend.S || before.Places[i].Trend.S != shuffled.Places[order[i]].Trend.S) {
				t.Fatalf("the trend of unit %d changed: %+v, %+v, %+v", i, before.Places[i], after.Places[i], shuffled.Places[order[i]])
			}
		}
	})
}

// Four units in a row, three periods. Whole cube: x̄ = 1, s² = 2 (Σx² = 36 of 12 bins). Unit 1 in period 2 with one lag has W = 6 and Σ = 11:
// z = (11 − 6)/√(2·(12·6 − 36)/11).
func TestGiStarByHand(t *testing.T) {
	c := Cube{4, 3, []float64{0, 0, 3, 0, 2, 4, 0, 2, 0, 0, 1, 0}}
	o := Defaults()
	s, err := GiStar(t.Context(), c, chain(t, 4), o)
	if err != nil {
		t.Fatal(err)
	}
	spread := (34. - 12) / 12 // Σx² = 9+4+16+4+1
	near(t, "z", s.Z(1, 2), (11-6)/math.Sqrt(spread*(12*6-36)/11), 1e-14, true)
	near(t, "first period", s.Z(0, 0), (0-2)/math.Sqrt(spread*(12*2-4)/11), 1e-14, true)
}

// A level that all values share changes no score, however large it is.
func TestLargeLevels(t *testing.T) {
	c := field(12, 10, rand.New(rand.NewPCG(8, 8)))
	for i := range c.Values {
		c.Values[i] /= 8
	}
	for _, o := range []Options{{Window: WholeCube, Lags: 1}, {Window: SingleStep}} {
		want, err := GiStar(t.Context(), c, chain(t, 12), o)
		if err != nil {
			t.Fatal(err)
		}
		for _, level := range []float64{1 << 45, -1 << 45} {
			high := Cube{c.Units, c.Periods, slices.Clone(c.Values)}
			for i := range high.Values {
				high.Values[i] += level
			}
			got, err := GiStar(t.Context(), high, chain(t, 12), o)
			if err != nil {
				t.Fatal(err)
			}
			for i, z := range want.z {
				if math.Abs(got.z[i]-z) > 1e-12 || got.why[i] != want.why[i] {
					t.Fatalf("bin %d on the level %v: %v, want %v", i, level, got.z[i], z)
				}
			}
		}
	}
}

func TestUndefinedBins(t *testing.T) {
	for _, tt := range []struct {
		name         string
		c            Cube
		lists        [][]int
		window       Window
		lags         int
		unit, period int
		want         stat.Reason
	}{
		{"all equal", Cube{2, 3, []float64{1, 1, 1, 1, 1, 1}}, [][]int{{1}, {0}}, WholeCube, 0, 0, 0, stat.Constant},
		{"a slice of zeros", Cube{3, 2, []float64{0, 1, 0, 2, 0, 3}}, [][]int{{1}, {0}, {}}, SingleStep, 0, 0, 0, stat.Constant},
		{"all units", Cube{2, 2, []float64{0, 1, 5, 2}}, [][]int{{1}, {0}}, SingleStep, 0, 0, 1, stat.AllUnits},
		{"more weight than the slice", Cube{3, 2, []float64{0, 1, 5, 2, 3, 3}}, [][]int{{1, 2}, {0}, {}}, SingleStep, 1, 0, 1, stat.AllUnits},
		{"one unit", Cube{1, 2, []float64{0, 1}}, [][]int{{}}, SingleStep, 0, 0, 1, stat.Constant},
		{"values too large", Cube{2, 2, []float64{-1.7e308, 1.7e308, 0, 1}}, [][]int{{}, {}}, WholeCube, 0, 0, 1, stat.NotANumber},
		{"values too small", Cube{2, 2, []float64{0, 1e-160, 0, 3e-160}}, [][]int{{}, {}}, WholeCube, 0, 0, 1, stat.NotANumber},
		{"outside", Cube{1, 2, []float64{0, 1}}, [][]int{{}}, SingleStep, 0, 1, 0, stat.Missing},
	} {
		o := Defaults()
		o.Window, o.Lags = tt.window, tt.lags
		s, err := GiStar(t.Context(), tt.c, matrix(t, tt.lists...), o)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := s.Z(tt.unit, tt.period).Reason(); got != tt.want {
			t.Errorf("%s: reason %q, want %q", tt.name, got, tt.want)
		}
		if got := s.P(tt.unit, tt.period).Reason(); got != tt.want {
			t.Errorf("%s: reason of p %q, want %q", tt.name, got, tt.want)
		}
	}
	zero, err := weights.New([][]weights.Link{{{To: 0, Weight: 0}}, {}})
	if err != nil {
		t.Fatal(err)
	}
	o := Defaults()
	s, err := GiStar(t.Context(), Cube{2, 2, []float64{0, 1, 5, 2}}, zero, o)
	if err != nil || s.Z(0, 1).Reason() != stat.Isolate || s.Meta.Dropped[stat.Isolate] != 2 {
		t.Errorf("no weight at all: %+v, %v", s, err)
	}
}

// Two periods with the same numbers at other places have the same moments: the unit's equal scores are tied, as they are by the definition.
func TestEqualScoresOfOtherPeriodsAreTied(t *testing.T) {
	const units, periods = 30, 12
	c, random := Cube{units, periods, make([]float64, units*periods)}, rand.New(rand.NewPCG(5, 6))
	for at := range periods {
		for k, i := range random.Perm(units - 3)[:9] { // unit 0 and its neighbour always have 0
			c.Values[(i+3)*periods+at] = float64(1+k%3) * float64(1+at%3)
		}
	}
	o := Defaults()
	o.Window, o.Lags = SingleStep, 0
	h, err := EmergingHotSpots(t.Context(), c, chain(t, units), o)
	if err != nil {
		t.Fatal(err)
	}
	if p := h.Places[0].Trend; p.S != 0 || p.Var != 0 {
		t.Errorf("the scores of unit 0 are %v: S %d, want all tied", h.Bins.z[:periods], p.S)
	}
}

// field is a cube of counts with a spot that grows.
func field(units, periods int, random *rand.Rand) Cube {
	c := Cube{units, periods, make([]float64, units*periods)}
	for i := range units {
		for at := range periods {
			if random.IntN(4) == 0 {
				c.Values[i*periods+at] = float64(random.IntN(5))
			}
			if i%50 < 5 {
				c.Values[i*periods+at] += float64(at / 20)
			}
		}
	}
	return c
}
