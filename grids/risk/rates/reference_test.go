package rates

import (
	"context"
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"wangge/grids/risk/weights"
)

// table is a CSV file by column.
func table(t testing.TB, path string) map[string][]string {
	t.Helper()
	f, err := os.Open(filepath.FromSlash(path))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for c, name := range rows[0] {
		for _, row := range rows[1:] {
			out[name] = append(out[name], row[c])
		}
	}
	return out
}

// numbers reads a column of numbers.
func numbers(t testing.TB, column []string) []float64 {
	t.Helper()
	out := make([]float64, len(column))
	for i, s := range column {
		var err error
		if out[i], err = strconv.ParseFloat(s, 64); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// neighbours reads pairs i,j counted from 1, every weight 1 or, with rows, one over the number of neighbours.
func neighbours(t testing.TB, path string, n int, rows bool) *weights.Matrix {
	t.Helper()
	c := table(t, path)
	links := make([][]weights.Link, n)
	is, js := numbers(t, c["i"]), numbers(t, c["j"])
	for k := range is {
		i := int(is[k]) - 1
		links[i] = append(links[i], weights.Link{To: int(js[k]) - 1, Weight: 1})
	}
	for _, r := range links {
		for k := range r {
			if rows {
				r[k].Weight = 1 / float64(len(r))
			}
		}
	}
	m, err := weights.New(links)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// worst collects the largest relative deviation by name.
type worst map[string]float64

// near takes one deviation into account.
func (w worst) near(name string, got, want float64) {
	d := math.Abs(got - want)
	if want != 0 {
		d /= math.Abs(want)
	}
	if d > w[name] || math.IsNaN(d) {
		w[name] = d
	}
	if _, ok := w[name]; !ok {
		w[name] = d
	}
}

// within fails for every name that deviates more than the tolerance.
func (w worst) within(t *testing.T, tolerance float64) {
	t.Helper()
	for name, d := range w {
		t.Logf("%s: worst relative deviation %.2g", name, d)
		if !(d <= tolerance) {
			t.Errorf("%s deviates by %g, more than %g", name, d, tolerance)
		}
	}
}

const (
	auckland = "../testdata/c07_eb_auckland/"
	carolina = "../testdata/c08_ebmoran_nc_scotland/"
	penn     = "testdata/c11_kulldorff_nyleukemia_pennlc/"
)

func TestAuckland(t *testing.T) {
	in, want := table(t, auckland+"input.csv"), table(t, auckland+"expected.csv")
	cases, pop := numbers(t, in["cases"]), numbers(t, in["pop"])
	p, err := Global(cases, pop, GlobalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := Global(cases, pop, GlobalOptions{Family: Binomial})
	if err != nil {
		t.Fatal(err)
	}
	expected, err := Uniform(cases, pop)
	if err != nil {
		t.Fatal(err)
	}
	m, err := ProbabilityMap(cases, expected)
	if err != nil {
		t.Fatal(err)
	}
	w := worst{}
	w.near("a", p.A, 7.2841729009751469e-07)
	w.near("b", p.B, 0.0026334361931361727)
	for name, got := range map[string]func(i int) float64{
		"raw":                func(i int) float64 { return p.Units[i].Raw.Or(math.NaN()) },
		"eb_global_poisson":  func(i int) float64 { return p.Units[i].Smoothed.Or(math.NaN()) },
		"eb_global_binomial": func(i int) float64 { return b.Units[i].Smoothed.Or(math.NaN()) },
		"probmap_expected":   func(i int) float64 { return expected[i] },
		"probmap_relRisk":    func(i int) float64 { return m.Units[i].RelativeRisk.Or(math.NaN()) },
		"probmap_pmap":       func(i int) float64 { return m.Units[i].Lower.Or(math.NaN()) },
	} {
		for i, v := range numbers(t, want[name]) {
			w.near(name, got(i), v)
		}
	}
	w.within(t, 1e-12)
	for form, shrunk := range map[Deviations]int{FromOwnMean: 93, FromTheirMeans: 98} {
		l, err := Local(cases, pop, neighbours(t, auckland+"input_neighbours.csv", len(cases), false), LocalOptions{Deviations: form})
		if err != nil || l.Shrunk != shrunk || l.Alone != 0 {
			t.Errorf("%s: %d units are shrunk, %v; want %d", form, l.Shrunk, err, shrunk)
		}
	}
}

func TestCarolina(t *testing.T) {
	in, want, scores := table(t, carolina+"input_nc.csv"), table(t, carolina+"expected.csv"), table(t, carolina+"expected_z.csv")
	cases, pop := numbers(t, in["SID74"]), numbers(t, in["BIR74"])
	w := worst{}
	g, err := Global(cases, pop, GlobalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for row, style := range want["style"] {
		m := neighbours(t, carolina+"input_nc_queen.csv", len(cases), style == "W")
		figure := func(name string) float64 { return numbers(t, want[name][row:row+1])[0] }
		centred, err := EBMoran(context.Background(), cases, pop, m, MoranOptions{Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		plain, err := EBMoran(context.Background(), cases, pop, m, MoranOptions{Seed: 1, KeepMean: true})
		if err != nil {
			t.Fatal(err)
		}
		w.near("EBI", centred.I.Or(math.NaN()), figure("EBI"))
		w.near("EBI_no_mean_subtraction", plain.I.Or(math.NaN()), figure("EBI_no_mean_subtraction"))
		w.near("a", centred.Rates.A, figure("a"))
		w.near("b", centred.Rates.B, figure("b"))
		for name, r := range map[string]*Moran{"p_greater_9999": centred, "p_no_mean_subtraction": plain} {
			p := figure(name)
			if got := r.Upper.Or(9); math.Abs(got-p) > 4*math.Sqrt(p*(1-p)/9999)+1e-4 {
				t.Errorf("%s %s = %v, want %v", style, name, got, p)
			}
		}
		if d := centred.Mean.Or(9) - figure("perm_mean"); math.Abs(d) > 5*figure("perm_sd")/math.Sqrt(9999)*math.Sqrt2 {
			t.Errorf("%s: the mean of the permutations is off by %v", style, d)
		}
		if got := centred.SD.Or(9) / figure("perm_sd"); math.Abs(got-1) > .04 {
			t.Errorf("%s: the SD of the permutations is %v of the reference", style, got)
		}
		for i, s := range scores["style"] {
			if s == style {
				at := i % len(cases)
				w.near("z_eb", centred.Rates.Z[at].Or(math.NaN()), numbers(t, scores["z_eb"][i:i+1])[0])
				w.near("eb", g.Units[at].Smoothed.Or(math.NaN()), numbers(t, scores["eb"][i:i+1])[0])
			}
		}
	}
	w.within(t, 1e-10)
}

func TestPennsylvania(t *testing.T) {
	units, strata := table(t, penn+"input_pennlc.csv"), table(t, penn+"input_pennlc_strata.csv")
	row, column := map[string]int{}, map[string]int{}
	for i, c := range units["county"] {
		row[c] = i
	}
	name := func(k int) string { return fmt.Sprint(strata["race"][k], strata["gender"][k], strata["age"][k]) }
	for k := range strata["county"] {
		if _, ok := column[name(k)]; !ok {
			column[name(k)] = len(column)
		}
	}
	cases, pop := make([][]float64, len(row)), make([][]float64, len(row))
	for i := range cases {
		cases[i], pop[i] = make([]float64, len(column)), make([]float64, len(column))
	}
	c, n := numbers(t, strata["cases"]), numbers(t, strata["population"])
	for k, county := range strata["county"] {
		cases[row[county]][column[name(k)]] += c[k]
		pop[row[county]][column[name(k)]] += n[k]
	}
	got, err := Standardise(cases, pop, IndirectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w := worst{}
	observed := numbers(t, units["cases"])
	for i, e := range numbers(t, units["expected"]) {
		w.near("expected", got.Units[i].Expected, e)
		w.near("SMR", got.Units[i].Ratio.Or(math.NaN()), observed[i]/e)
	}
	w.near("all", got.All.Ratio.Or(math.NaN()), 1) // ΣE = ΣO against the internal standard
	w.within(t, 1e-12)
}
