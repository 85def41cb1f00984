package interaction

import (
	"context"
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"strconv"
	"testing"

	"wangge/grids/risk/stat"
)

// table reads a file of a reference case: rows by the names of their columns.
func table(t testing.TB, name string) []map[string]string {
	t.Helper()
	f, err := os.Open("../testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	out := make([]map[string]string, 0, len(rows))
	for _, row := range rows[1:] {
		m := map[string]string{}
		for c, v := range row {
			m[rows[0][c]] = v
		}
		out = append(out, m)
	}
	return out
}

// number is a column of a row.
func number(t testing.TB, row map[string]string, column string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(row[column], 64)
	if err != nil {
		t.Fatalf("column %s: %v", column, err)
	}
	return v
}

// eventsOf reads events.
func eventsOf(t testing.TB, name, day string) []Event {
	t.Helper()
	var out []Event
	for _, row := range table(t, name) {
		out = append(out, Event{X: number(t, row, "x"), Y: number(t, row, "y"), Day: number(t, row, day)})
	}
	return out
}

// worst collects the largest relative deviation under a name and fails above the tolerance.
type worst map[string]float64

func (w worst) check(t *testing.T, name string, got, want, tolerance float64) {
	t.Helper()
	off := math.Abs(got-want) / math.Max(math.Abs(want), math.SmallestNonzeroFloat64)
	if got == want {
		off = 0
	}
	w[name] = math.Max(w[name], off)
	if !(off <= tolerance) {
		t.Errorf("%s is %.17g, not %.17g: off by %.2g", name, got, want, off)
	}
}

// known is a figure that must be there.
func known(t testing.TB, v stat.Value) float64 {
	t.Helper()
	n, ok := v.Known()
	if !ok {
		t.Fatalf("no figure: %s", v.Reason())
	}
	return n
}

// checkP compares two Monte Carlo p of so many replicates each: five standard errors of their difference.
func checkP(t *testing.T, name string, got, want float64, here, there int) {
	t.Helper()
	p := (got*float64(here) + want*float64(there)) / float64(here+there)
	p = math.Min(math.Max(p, 1e-3), 1-1e-3)
	if se := math.Sqrt(p * (1 - p) * (1/float64(here) + 1/float64(there))); math.Abs(got-want) > 5*se {
		t.Errorf("%s: Monte Carlo p %v, not %v ± %v", name, got, want, 5*se)
	}
}

func TestKnoxHagelloch(t *testing.T) {
	events := eventsOf(t, "c15_knox_hagelloch_imdepi/input_hagelloch.csv", "t")
	deltas, taus := []float64{20, 50, 100}, []float64{3, 7, 14}
	got, err := KnoxTable(context.Background(), events, deltas, taus, Options{Replicates: 999, Seed: 1, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	w := worst{}
	for at, row := range table(t, "c15_knox_hagelloch_imdepi/expected.csv") {
		c := got.Cells[at]
		name := row["eps_s"] + " m, " + row["eps_t"] + " d"
		if got.Space[c.Space].To != number(t, row, "eps_s") || got.Time[c.Time].To != number(t, row, "eps_t") {
			t.Fatalf("cell %d is not %s", at, name)
		}
		for column, count := range map[string]int64{"npairs": got.Pairs, "close_space": got.Space[c.Space].Pairs, "close_time": got.Time[c.Time].Pairs,
			"X": c.Observed, "X_surveillance": c.Observed, "n": int64(got.Meta.Used)} {
			if float64(count) != number(t, row, column) {
				t.Errorf("%s: %s is %d, not %s", name, column, count, row[column])
			}
		}
		w.check(t, "E", c.Expected, number(t, row, "E_exact"), 1e-12)
		w.check(t, "V", c.Variance, number(t, row, "V_exact"), 1e-10)
		w.check(t, "z", known(t, c.Z), number(t, row, "z_exact"), 1e-10)
		w.check(t, "ratio", known(t, c.Ratio), number(t, row, "X")/number(t, row, "E_exact"), 1e-12)
		w.check(t, "Poisson P(X>=x)", known(t, c.Poisson), number(t, row, "poisson_p_ge"), 1e-10)
		w.check(t, "Poisson P(X>x)", poissonUpper(c.Observed+1, c.Expected), number(t, row, "poisson_p_gt_surveillance"), 1e-10)
		checkP(t, name, known(t, c.MonteCarlo.Upper), number(t, row, "perm_p"), 999, 9999)
	}
	t.Log(w)
}

func TestMantelHagelloch(t *testing.T) {
	events := eventsOf(t, "c15_knox_hagelloch_imdepi/input_hagelloch.csv", "t")
	w := worst{}
	for _, row := range table(t, "c15_knox_hagelloch_imdepi/expected_mantel.csv") {
		o := MantelOptions{ConstantM: number(t, row, "ks"), ConstantDays: number(t, row, "kt"), Ranks: true}
		o.Replicates, o.Seed, o.Workers = 999, 1, 2
		got, err := Mantel(context.Background(), events, o)
		if err != nil {
			t.Fatal(err)
		}
		w.check(t, "Z", got.Statistic, number(t, row, "Z"), 1e-12)
		w.check(t, "E", got.Expected, number(t, row, "E_Z"), 1e-12)
		w.check(t, "r", known(t, got.Pearson), number(t, row, "mantel_r"), 1e-11)
		w.check(t, "rho", known(t, got.Spearman), number(t, row, "mantel_rho"), 1e-11)
		w.check(t, "sd against the simulated one", math.Sqrt(got.Variance), number(t, row, "perm_sd_Z"), .05)
		checkP(t, "mantel", known(t, got.MonteCarlo.Upper), number(t, row, "p_Z"), 999, 999)
	}
	t.Log(w)
}

func TestNearRepeatChicago(t *testing.T) {
	events := eventsOf(t, "c16_nearrepeat_chicago/input.csv", "t_days")
	edgesM, edgesDays := []float64{0, .1, 100, 200, 300, 400}, []float64{0, 2, 4, 7, 14, 30}
	tables := map[string]*Table{}
	for _, m := range []Metric{Euclidean, Manhattan} {
		got, err := NearRepeat(context.Background(), events, edgesM, edgesDays, Options{Metric: m, Replicates: 1999, Seed: 7})
		if err != nil {
			t.Fatal(err)
		}
		tables[m.String()] = got
	}
	w, rows := worst{}, table(t, "c16_nearrepeat_chicago/expected.csv")
	if len(rows) != 50 {
		t.Fatalf("%d rows", len(rows))
	}
	for at, row := range rows {
		got := tables[row["metric"]]
		k, l := at%5, at/5%5
		c := got.Cells[k*len(got.Time)+l]
		name := row["metric"] + " " + row["space_band"] + row["time_band"]
		if want := fmt.Sprintf("[%v,%v)", got.Space[k].From, got.Space[k].To); row["space_band"] != want {
			t.Fatalf("%s: the band is %s", name, want)
		}
		if want := fmt.Sprintf("[%v,%v)", got.Time[l].From, got.Time[l].To); row["time_band"] != want {
			t.Fatalf("%s: the band is %s", name, want)
		}
		if float64(c.Observed) != number(t, row, "observed") {
			t.Errorf("%s: observed %d, not %s", name, c.Observed, row["observed"])
		}
		w.check(t, "E", c.Expected, number(t, row, "E_exact"), 1e-10)
		w.check(t, "V", c.Variance, number(t, row, "V_exact"), 1e-10)
		w.check(t, "z", known(t, c.Z), number(t, row, "z_exact"), 1e-10)
		w.check(t, "ratio", known(t, c.Ratio), number(t, row, "observed")/number(t, row, "E_exact"), 1e-12)
		checkP(t, name, known(t, c.MonteCarlo.Upper), number(t, row, "p"), 1999, 999)
	}
	t.Log(w)
}
