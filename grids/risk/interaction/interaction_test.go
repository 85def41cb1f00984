package interaction

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"

	"wangge/grids"
	"wangge/grids/risk/stat"
)

// square is four events, two at one place and two at another 10 m away, a day apart each.
func square() []Event {
	return []Event{{0, 0, 0}, {0, 0, 1}, {10, 0, 5}, {10, 0, 6}}
}

// By hand: the times {0, 1, 5, 6} have two near pairs of six, the places too. X is 2 for 8 of the 24 orders and 0 for the others, because two
// disjoint pairs match both or neither: mean 2·2/6 = 2/3, variance 4/3 − 4/9 = 8/9.
func TestKnoxByHand(t *testing.T) {
	got, err := Knox(context.Background(), square(), 1, 1, Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := got.Cells[0]
	if c.Observed != 2 || c.Expected != 2./3 || c.Variance != 8./9 || got.Pairs != 6 || got.Space[0].Pairs != 2 || got.Time[0].Pairs != 2 || got.Tests != 1 {
		t.Errorf("%+v of %+v", c, got)
	}
	if z := known(t, c.Z); math.Abs(z-math.Sqrt2) > 1e-15 {
		t.Errorf("z is %v, not √2", z)
	}
	if r := known(t, c.Ratio); r != 3 {
		t.Errorf("ratio %v, not 3", r)
	}
	if p, want := known(t, c.Poisson), 1-math.Exp(-2./3)*(1+2./3); math.Abs(p-want) > 1e-15 {
		t.Errorf("P(X ≥ 2) is %v, not %v", p, want)
	}
	if c.MonteCarlo.Upper.Reason() != NotRun || c.Adjusted != c.Normal || got.Meta.Params["adjusted"] != "normal" {
		t.Errorf("without Monte Carlo: %+v, %v", c, got.Meta.Params)
	}
}

// With d = 0 or 10, k = 10, and Δt = 1, 5, 4, 6, 5, 1, l = 1: near places weigh 1/10, others 1/20, so Z = (1/2 + 1/2)/10 + (1/6+1/5+1/7+1/6)/20.
func TestMantelByHand(t *testing.T) {
	got, err := Mantel(context.Background(), square(), MantelOptions{ConstantM: 10, ConstantDays: 1, Ranks: true})
	if err != nil {
		t.Fatal(err)
	}
	far := 1./6 + 1./5 + 1./7 + 1./6
	if want := 1./10 + far/20; math.Abs(got.Statistic-want) > 1e-15 {
		t.Errorf("Z is %v, not %v", got.Statistic, want)
	}
	if want := (2./10 + 4./20) * (1 + far) / 6; math.Abs(got.Expected-want) > 1e-15 {
		t.Errorf("mean %v, not %v", got.Expected, want)
	}
	// The ranks of d are 1.5, 4.5, 4.5, 4.5, 4.5, 1.5 and those of Δt 1.5, 4.5, 6, 3, 4.5, 1.5: sums of squares 12 and 16.5, of products 12.
	if r := known(t, got.Spearman); math.Abs(r-12/math.Sqrt(12*16.5)) > 1e-15 {
		t.Errorf("rank correlation %v", r)
	}
}

// A threshold holds what lies on it; a band holds its lower edge and not its upper one.
func TestEqualityAtThresholds(t *testing.T) {
	events := []Event{{0, 0, 0}, {3, 4, 7}, {300, 0, 100}, {600, 0, 200}}
	for _, c := range []struct {
		name        string
		space, time float64
		knox        int64
	}{
		{"on both", 5, 7, 1},
		{"below in space", math.Nextafter(5, 0), 7, 0},
		{"below in time", 5, math.Nextafter(7, 0), 0},
		{"one decimal", 5.1, 7.1, 1},
	} {
		got, err := Knox(context.Background(), events, c.space, c.time, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got.Cells[0].Observed != c.knox {
			t.Errorf("%s: %d, not %d", c.name, got.Cells[0].Observed, c.knox)
		}
	}
	got, err := NearRepeat(context.Background(), events, []float64{0, 5, 6}, []float64{0, 7, 8}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range []int64{0, 0, 0, 1} {
		if got.Cells[at].Observed != want {
			t.Errorf("band %d: %d, not %d", at, got.Cells[at].Observed, want)
		}
	}
	decimal := []Event{{0, 0, 0}, {.3, .4, .7}, {30, 0, 10}, {60, 0, 20}}
	if got, err := Knox(context.Background(), decimal, .5, .7, Options{}); err != nil || got.Cells[0].Observed != 1 {
		t.Errorf("a distance of 0.5 and a threshold of 0.5: %+v, %v", got, err)
	}
}

// Pairs on the threshold whose quotients by it are rounded two whole numbers apart: strips need a margin.
func TestThresholdAcrossStrips(t *testing.T) {
	for _, c := range [][4]float64{
		{-8.082526283723965, .1, 14.817473716276035, 14.917473716276035},
		{-8.562771389130047, 1. / 3, 6.103895277536618, 6.437228610869951},
		{-.7, .1332436510654832, .3659492085238654, .4991928595893486},
	} {
		events := []Event{{0, c[0], 0}, {0, c[2], 0}, {0, c[3], 0}, {0, c[3] + 10, 1}}
		got, err := Knox(context.Background(), events, c[1], 0, Options{Metric: Manhattan})
		if err != nil {
			t.Fatal(err)
		}
		if c[3]-c[2] > c[1] || got.Cells[0].Observed != 1 {
			t.Errorf("%v: %d near pairs, not 1", c, got.Cells[0].Observed)
		}
	}
}

func TestSquaresOfThresholds(t *testing.T) {
	for _, d := range []float64{0, 1, .1, .5, 1. / 3, 50, 99.9, 1e-160, 2e-162, 1e-200, 1e12, math.Pi, math.Nextafter(5, 0)} {
		q := largestSquare(d)
		if math.Sqrt(q) > d || math.Sqrt(math.Nextafter(q, math.Inf(1))) <= d {
			t.Errorf("%v is not the largest number with a root of at most %v", q, d)
		}
	}
	if largestSquare(-math.SmallestNonzeroFloat64) >= 0 {
		t.Error("nothing is below 0")
	}
}

// What cannot vary has no z and no p, and is not counted as a test.
func TestNothingToTest(t *testing.T) {
	place := []Event{{5, 5, 1}, {5, 5, 2}, {5, 5, 9}, {5, 5, 30}, {5, 5, 30}}
	day := []Event{{0, 0, 3}, {1, 0, 3}, {50, 0, 3}, {0, 70, 3}, {9, 9, 3}}
	far := []Event{{0, 0, 0}, {1e4, 0, 100}, {2e4, 0, 200}, {3e4, 0, 300}}
	for name, events := range map[string][]Event{"one place": place, "one day": day, "far apart": far} {
		got, err := Knox(context.Background(), events, 10, 7, Options{Replicates: 9})
		if err != nil {
			t.Fatal(err)
		}
		c := got.Cells[0]
		if c.Variance != 0 || float64(c.Observed) != c.Expected || got.Tests != 0 || c.AtLeast != 0 || c.AtMost != 0 {
			t.Errorf("%s: %+v", name, c)
		}
		for _, v := range []stat.Value{c.Z, c.Poisson, c.Normal.Upper, c.MonteCarlo.Upper, c.MonteCarlo.Lower, c.MonteCarlo.TwoSided, c.Adjusted.Upper} {
			if v.Reason() != stat.Constant {
				t.Errorf("%s: %+v should be null, constant", name, v)
			}
		}
		if _, ok := c.Ratio.Known(); ok != (c.Expected > 0) {
			t.Errorf("%s: ratio %+v with the mean %v", name, c.Ratio, c.Expected)
		}
	}
	for name, events := range map[string][]Event{"one place": place, "one day": day} {
		got, err := Mantel(context.Background(), events, MantelOptions{Options: Options{Replicates: 9}, ConstantM: 1, ConstantDays: 1, Ranks: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range []stat.Value{got.Z, got.Normal.Lower, got.MonteCarlo.Upper, got.Pearson, got.Spearman} {
			if v.Reason() != stat.Constant {
				t.Errorf("%s: %+v should be null, constant", name, v)
			}
		}
		if got.Variance != 0 {
			t.Errorf("%s: variance %v", name, got.Variance)
		}
	}
}

func TestDuplicates(t *testing.T) {
	events := []Event{{1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {500, 1, 1}, {1, 500, 90}, {1, 500, 91}}
	got, err := Knox(context.Background(), events, 0, 0, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Duplicates != 2 || got.Cells[0].Observed != 3 || got.Space[0].Pairs != 4 || got.Meta.Used != 6 {
		t.Errorf("%d duplicates, %d pairs at one place and time, %d at one place", got.Duplicates, got.Cells[0].Observed, got.Space[0].Pairs)
	}
}

func TestMorePairsThanMayBeKept(t *testing.T) {
	events := district(200, true)
	for _, most := range []int{1, 1_000_000} {
		o := Options{Replicates: 19, MaxPairs: most, Seed: 4}
		knox, err := Knox(context.Background(), events, 5000, 100, o)
		if err != nil {
			t.Fatal(err)
		}
		mantel, err := Mantel(context.Background(), events, MantelOptions{Options: o, ConstantM: 100, ConstantDays: 7, Ranks: true})
		if err != nil {
			t.Fatal(err)
		}
		want, replicates, seed := stat.Reason(""), 19, uint64(4)
		if most == 1 {
			want, replicates, seed = TooMany, 0, 0
		}
		if c := knox.Cells[0]; c.MonteCarlo.Upper.Reason() != want || mantel.MonteCarlo.Upper.Reason() != want || mantel.Spearman.Reason() != want {
			t.Errorf("%d pairs: %+v, %+v", most, c.MonteCarlo, mantel.MonteCarlo)
		}
		for _, m := range []stat.Meta{knox.Meta, mantel.Meta} {
			if m.Params["replicates"] != replicates || m.Params["replicates_asked"] != 19 || m.Seed != seed || m.Version != "1" || m.Source == "" || m.Used != 200 {
				t.Errorf("%d pairs: %+v", most, m)
			}
		}
	}
}

// As many pairs as may be kept are kept; one more is too many.
func TestTheLastPairThatMayBeKept(t *testing.T) {
	for most, want := range map[int]stat.Reason{6: "", 5: TooMany} {
		o := Options{Replicates: 9, MaxPairs: most}
		knox, err := Knox(context.Background(), []Event{{0, 0, 0}, {1, 0, 1}, {2, 0, 5}, {3, 0, 6}, {90, 0, 8}}, 5, 1, o)
		if err != nil {
			t.Fatal(err)
		}
		mantel, err := Mantel(context.Background(), square(), MantelOptions{Options: o, ConstantM: 1, ConstantDays: 1})
		if err != nil {
			t.Fatal(err)
		}
		if k, m := knox.Cells[0].MonteCarlo.Lower.Reason(), mantel.MonteCarlo.Lower.Reason(); k != want || m != want {
			t.Errorf("6 pairs where %d may be kept: %q and %q, not %q", most, k, m, want)
		}
	}
}

func TestSameBytesWhateverTheWorkers(t *testing.T) {
	events := district(150, true)
	var first []byte
	for _, workers := range []int{1, 2, 3, 16} {
		was := runtime.GOMAXPROCS(min(workers, 4))
		o := Options{Replicates: 49, Seed: 11, Workers: workers}
		knox, err := KnoxTable(context.Background(), events, []float64{500, 5000, 15000}, []float64{30, 90, 400}, o)
		mantel, errM := Mantel(context.Background(), events, MantelOptions{Options: o, ConstantM: 500, ConstantDays: 7})
		runtime.GOMAXPROCS(was)
		if err != nil || errM != nil {
			t.Fatal(err, errM)
		}
		got := encode(t, []any{knox, mantel})
		if first == nil {
			first = got
		}
		if !bytes.Equal(got, first) {
			t.Errorf("%d workers: %s\nnot\n%s", workers, got, first)
		}
	}
	other, err := KnoxTable(context.Background(), events, []float64{500, 5000, 15000}, []float64{30, 90, 400}, Options{Replicates: 49, Seed: 12})
	if err != nil || bytes.Contains(first, encode(t, other.Cells)) {
		t.Error("another seed gives the same p", err)
	}
}

func TestProgressAndEnd(t *testing.T) {
	events, last := district(100, true), 0
	o := Options{Replicates: 50, Workers: 3, Progress: func(done, total int) {
		if done != last+1 || total != 50 {
			t.Errorf("%d of %d after %d", done, total, last)
		}
		last = done
	}}
	if _, err := Knox(context.Background(), events, 5000, 90, o); err != nil || last != 50 {
		t.Errorf("%d of 50: %v", last, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	o.Progress = func(int, int) { cancel() }
	if _, err := Knox(ctx, events, 5000, 90, o); !errors.Is(err, context.Canceled) {
		t.Errorf("ended while permuting: %v", err)
	}
	if _, err := Knox(ctx, events, 5000, 90, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("ended before: %v", err)
	}
	if _, err := Mantel(ctx, events, MantelOptions{ConstantM: 1, ConstantDays: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("Mantel ended before: %v", err)
	}
}

func TestCorrectionCountsTheCells(t *testing.T) {
	events := district(400, true)
	got, err := NearRepeat(context.Background(), events, []float64{0, .1, 500, 1000, 3000}, []float64{0, 30, 90}, Options{Replicates: 199, Seed: 2})
	if err != nil {
		t.Fatal(err)
	}
	var upper []stat.Value
	for _, c := range got.Cells {
		upper = append(upper, c.MonteCarlo.Upper)
	}
	if got.Tests != 6 || upper[0].Reason() != stat.Constant { // nothing is within 0.1 m
		t.Fatalf("%d tests, %v", got.Tests, upper)
	}
	for at, want := range stat.Adjust(upper) {
		if got.Cells[at].Adjusted.Upper != want {
			t.Errorf("cell %d: %v, not %v", at, got.Cells[at].Adjusted.Upper, want)
		}
	}
	if got.Meta.Params["adjusted"] != "monte-carlo" {
		t.Error(got.Meta.Params)
	}
}

// Against sums with 60 digits.
func TestPoissonTail(t *testing.T) {
	for _, c := range []struct {
		x          int64
		mean, want float64
	}{
		{0, 3, 1},
		{1, 2, 1 - math.Exp(-2)},
		{1, 1e-10, 9.9999999995e-11},
		{3, 2.5, 0.45618688411667047},
		{5, 100, 1},
		{30, 10, 2.5099512015279076e-07},
		{80, 100, 0.98254867748372454},
		{150, 100, 1.88421046603867e-06},
		{9700, 10000, 0.99873013184354398},
		{10300, 10000, 0.001432365367466765},
		{200000, 199876.5, 0.39147917449987318},
	} {
		if got := poissonUpper(c.x, c.mean); math.Abs(got-c.want) > 5e-13*c.want {
			t.Errorf("P(X ≥ %d | %v) is %.17g, not %.17g", c.x, c.mean, got, c.want)
		}
	}
}

func TestBadInput(t *testing.T) {
	good, nan, inf := square(), math.NaN(), math.Inf(1)
	with := func(e Event) []Event { return append(square(), e) }
	many := make([]float64, 70)
	for i := range many {
		many[i] = float64(i)
	}
	for _, c := range []struct {
		events      []Event
		space, time []float64
		o           Options
		says        string
	}{
		{nil, []float64{1}, []float64{1}, Options{}, "at least 4"},
		{good[:3], []float64{1}, []float64{1}, Options{}, "at least 4"},
		{with(Event{nan, 0, 0}), []float64{1}, []float64{1}, Options{}, "event 4 has the x NaN"},
		{with(Event{0, -inf, 0}), []float64{1}, []float64{1}, Options{}, "event 4 has the y -Inf"},
		{with(Event{0, 0, 1e13}), []float64{1}, []float64{1}, Options{}, "event 4 has the day"},
		{good, nil, []float64{1}, Options{}, "space"},
		{good, []float64{1}, nil, Options{}, "time"},
		{good, []float64{-1, 2}, []float64{1, 2}, Options{}, "threshold 0 of space is -1"},
		{good, []float64{1, 2}, []float64{1, nan}, Options{}, "threshold 1 of time is NaN"},
		{good, []float64{1, inf}, []float64{1, 2}, Options{}, "threshold 1 of space is +Inf"},
		{good, []float64{2, 2}, []float64{1, 2}, Options{}, "ascending"},
		{good, many, []float64{1, 2}, Options{}, "too many"},
		{good, []float64{1, 2}, []float64{1, 2}, Options{Metric: 9}, "metric"},
		{good, []float64{1, 2}, []float64{1, 2}, Options{Replicates: -1}, "replicates"},
		{good, []float64{1, 2}, []float64{1, 2}, Options{MaxPairs: -1}, "pairs to keep"},
	} {
		knox, errK := KnoxTable(context.Background(), c.events, c.space, c.time, c.o)
		_, errN := NearRepeat(context.Background(), c.events, append([]float64{}, c.space...), append([]float64{}, c.time...), c.o)
		if knox != nil || grids.KindOf(errK) != grids.Invalid || !strings.Contains(errK.Error(), c.says) {
			t.Errorf("%q: Knox says %v", c.says, errK)
		}
		if grids.KindOf(errN) != grids.Invalid {
			t.Errorf("%q: the near-repeat table says %v", c.says, errN)
		}
	}
	for _, o := range []MantelOptions{{}, {ConstantM: 1}, {ConstantM: nan, ConstantDays: 1}, {ConstantM: 1, ConstantDays: inf}, {ConstantM: -1, ConstantDays: 1},
		{ConstantM: 1, ConstantDays: 1, Options: Options{Replicates: -1}}} {
		if _, err := Mantel(context.Background(), good, o); grids.KindOf(err) != grids.Invalid {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := Mantel(context.Background(), good[:2], MantelOptions{ConstantM: 1, ConstantDays: 1}); grids.KindOf(err) != grids.Invalid {
		t.Error(err)
	}
}

// FuzzTests reads events and thresholds of any bits: no panic, nothing that is not a number, probabilities within 0 to 1.
func FuzzTests(f *testing.F) {
	bits := func(values ...float64) (b []byte) {
		for _, v := range values {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
		return b
	}
	f.Add(bits(), 1., 1., false)
	f.Add(bits(0, 0, 0, 1, 1, 1, 2, 2, 2), 1., 1., true)
	f.Add(bits(0, 0, 0, 1, 1, 1, 2, 2, 2, 0, 0, 0), 1.5, 1., true)
	f.Add(bits(5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5), 0., 0., false)
	f.Add(bits(math.NaN(), 0, 0, 1, math.Inf(1), 1, 2, 2, 2, 0, 0, 0), 1., 1., false)
	f.Add(bits(1e12, -1e12, 0, 1e-300, 1, 1, 2, 2, 1e12, 0, 0, 0), 1e12, 1e-200, true)
	f.Fuzz(func(t *testing.T, data []byte, delta, tau float64, manhattan bool) {
		var events []Event
		for ; len(data) >= 24 && len(events) < 40; data = data[24:] {
			at := func(k int) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(data[8*k:])) }
			events = append(events, Event{at(0), at(1), at(2)})
		}
		o := Options{Replicates: 3}
		if manhattan {
			o.Metric = Manhattan
		}
		for _, test := range []func(context.Context, []Event, []float64, []float64, Options) (*Table, error){KnoxTable, NearRepeat} {
			got, err := test(context.Background(), events, []float64{delta, delta*2 + 1}, []float64{tau, tau*2 + 1}, o)
			if err != nil {
				checkRefusal(t, err)
				continue
			}
			encode(t, got) // a NaN or an infinity cannot be written
			for _, c := range got.Cells {
				checkTails(t, c.Normal, c.MonteCarlo, c.Adjusted, Tails{Upper: c.Poisson})
				if c.Observed < 0 || c.Observed > got.Pairs || c.Variance < 0 {
					t.Fatalf("%+v", c)
				}
			}
		}
		m, err := Mantel(context.Background(), events, MantelOptions{Options: o, ConstantM: delta, ConstantDays: tau, Ranks: true})
		if err != nil {
			checkRefusal(t, err)
			return
		}
		encode(t, m)
		checkTails(t, m.Normal, m.MonteCarlo)
	})
}

// checkRefusal fails unless the error is one of the input.
func checkRefusal(t *testing.T, err error) {
	t.Helper()
	if grids.KindOf(err) != grids.Invalid {
		t.Fatal(err)
	}
}

// checkTails fails unless every p there is lies within 0 to 1.
func checkTails(t *testing.T, tails ...Tails) {
	t.Helper()
	for _, p := range tails {
		for _, v := range []stat.Value{p.Upper, p.Lower, p.TwoSided} {
			if n, ok := v.Known(); ok && !(n >= 0 && n <= 1) {
				t.Fatalf("p of %v", n)
			}
		}
	}
}
