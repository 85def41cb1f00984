package scan

import (
	"context"
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/paulmach/orb"
)

const (
	penn      = "../testdata/c11_kulldorff_nyleukemia_pennlc"
	newMexico = "../testdata/c12_satscan_newmexico_spacetime"
)

// records reads a CSV file with a header as one map a row.
func records(t testing.TB, folder, name string) []map[string]string {
	t.Helper()
	f, err := os.Open(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]string
	for _, row := range rows[1:] {
		r := map[string]string{}
		for i, v := range row {
			r[rows[0][i]] = v
		}
		out = append(out, r)
	}
	return out
}

// fields reads a file of columns between blanks.
func fields(t testing.TB, folder, name string) [][]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	var out [][]string
	for line := range strings.Lines(string(data)) {
		out = append(out, strings.Fields(line))
	}
	return out
}

func num(t testing.TB, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// near fails unless got is want to within a relative tolerance (or the same as an absolute one below 1).
func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance*max(1, math.Abs(want))) {
		t.Errorf("%s: %.17g, want %.17g", what, got, want)
	}
}

// pennsylvania is the input of the first case: counties with coordinates in metres.
func pennsylvania(t testing.TB) (names []string, at Places, cases []int, expected []float64) {
	for _, r := range records(t, penn, "input_pennlc.csv") {
		names = append(names, r["county"])
		at.Points = append(at.Points, orb.Point{1000 * num(t, r["x_km"]), 1000 * num(t, r["y_km"])})
		at.Population = append(at.Population, num(t, r["population"]))
		cases = append(cases, int(num(t, r["cases"])))
		expected = append(expected, num(t, r["expected"]))
	}
	return names, at, cases, expected
}

// mexico is the input of the second case: counties with lon, lat, and cases and expected numbers of 19 years.
func mexico(t testing.TB) (names []string, at Places, cases [][]int, expected [][]float64) {
	at.GreatCircle = true
	for _, r := range records(t, newMexico, "input_locations.csv") {
		names = append(names, r["id"])
		at.Points = append(at.Points, orb.Point{num(t, r["lon"]), num(t, r["lat"])})
		at.Population = append(at.Population, num(t, r["population"]))
		cases, expected = append(cases, make([]int, 19)), append(expected, make([]float64, 19))
	}
	for _, r := range records(t, newMexico, "input_cases_expected.csv") {
		i, y := slices.Index(names, r["id"]), int(num(t, r["year"]))-1973
		cases[i][y], expected[i][y] = int(num(t, r["cases"])), num(t, r["expected"])
	}
	return names, at, cases, expected
}

// sameLaw is a two-sample Kolmogorov-Smirnov test against a file of maxima, which are rounded to 6 decimals.
func sameLaw(t *testing.T, maxima []float64, folder, name string) {
	t.Helper()
	var want []float64
	for _, r := range records(t, folder, name) {
		want = append(want, num(t, r["max_llr"]))
	}
	got := slices.Clone(maxima)
	for i, v := range got {
		got[i] = math.Round(v*1e6) / 1e6
	}
	slices.Sort(got)
	slices.Sort(want)
	share := func(sorted []float64, v float64) float64 {
		n, _ := slices.BinarySearchFunc(sorted, v, func(a, b float64) int {
			if a <= b {
				return -1
			}
			return 1
		})
		return float64(n) / float64(len(sorted))
	}
	d := 0.0
	for _, v := range slices.Concat(got, want) {
		d = max(d, math.Abs(share(got, v)-share(want, v)))
	}
	m, n := float64(len(got)), float64(len(want))
	x, p := d*math.Sqrt(m*n/(m+n)), 0.0
	for k := 1.0; k < 50; k++ {
		p += 2 * math.Pow(-1, k-1) * math.Exp(-2*k*k*x*x)
	}
	t.Logf("%s: KS distance %.4f, p %.3f", name, d, p)
	if p <= 1e-4 {
		t.Errorf("%s: the maxima have another distribution: KS distance %g, p %g", name, d, p)
	}
}

// satscan compares clusters with the .col and .gis files of a run of SaTScan, as many as it has up to most.
func satscan(t *testing.T, r *Result, names []string, run string, folder string, most int) {
	t.Helper()
	columns, members := fields(t, folder, run+".col.txt"), fields(t, folder, run+".gis.txt")
	for i, want := range columns[:min(most, len(columns))] {
		if i >= len(r.Clusters) {
			t.Fatalf("%s: %d clusters, want %d", run, len(r.Clusters), len(columns))
		}
		c := r.Clusters[i]
		var in []string
		for _, f := range members {
			if f[1] == want[0] {
				in = append(in, f[0])
			}
		}
		var got []string
		for _, l := range c.Members {
			got = append(got, names[l])
		}
		slices.Sort(in)
		slices.Sort(got)
		if !slices.Equal(in, got) {
			t.Errorf("%s, cluster %d: members %v, want %v", run, i+1, got, in)
		}
		near(t, run+" radius in km", c.RadiusM/1000, num(t, want[4]), 0.0051)
		from, to := num(t, want[6][:4]), num(t, want[7][:4])
		if y := float64(c.To - c.From); y != to-from && to > from && c.To > 0 {
			t.Errorf("%s, cluster %d: years %d to %d, want %g to %g", run, i+1, c.From, c.To, from, to)
		}
		near(t, run+" ratio", c.LLR, num(t, want[9]), 1e-6)
		shift := 0
		if strings.HasSuffix(run, "prospective") {
			shift = 1
			near(t, run+" recurrence", c.RecurrenceDays.Or(-1)*c.P, 365.25, 1e-9)
		}
		p := num(t, want[10])
		rep := float64(len(r.Maxima))
		if limit := 4*math.Sqrt(p*(1-p)/rep) + 1/(rep+1); math.Abs(c.P-p) > limit {
			t.Errorf("%s, cluster %d: p %g, want %g ± %g", run, i+1, c.P, p, limit)
		}
		if c.Cases != int(num(t, want[11+shift])) {
			t.Errorf("%s, cluster %d: %d cases, want %s", run, i+1, c.Cases, want[11+shift])
		}
		near(t, run+" expected", c.Expected, num(t, want[12+shift]), 0.00501/max(1, c.Expected))
		near(t, run+" relative risk", c.RelativeRisk.Or(-1), num(t, want[14+shift]), 0.00501)
	}
	if most >= len(columns) && len(r.Clusters) > len(columns) {
		for _, c := range r.Clusters[len(columns):] {
			t.Logf("%s: beyond the reference: %s, %d locations, ratio %g", run, names[c.Centre], c.Locations, c.LLR)
		}
	}
}

func TestPennsylvania(t *testing.T) {
	names, at, cases, expected := pennsylvania(t)
	r, err := Poisson(context.Background(), at, cases, expected, Options{Replicates: 1999, Seed: 11})
	if err != nil {
		t.Fatal(err)
	}
	worst := 0.0
	for i, want := range records(t, penn, "expected_pennlc_best_per_center_poisson50.csv") {
		z := r.Centres[i]
		if z.Centre != i || z.Locations != int(num(t, want["n_areas"])) || z.Cases != int(num(t, want["cases"])) {
			t.Errorf("centre %d: %+v, want %v", i, z, want)
		}
		near(t, "expected", z.Expected, num(t, want["den"]), 1e-9)
		near(t, "ratio", z.LLR, num(t, want["llr"]), 1e-9)
		worst = max(worst, math.Abs(z.LLR-num(t, want["llr"]))/max(1e-300, num(t, want["llr"])))
	}
	t.Logf("worst relative deviation of a ratio: %.2g", worst)
	satscan(t, r, names, "satscan_penn_poisson", penn, 9)
	sameLaw(t, r.Maxima, penn, "expected_null_max_llr_penn_poisson_9999.csv")
	for _, want := range records(t, penn, "expected_pennlc_secondary_poisson.csv") {
		c := r.Clusters[int(num(t, want["rank"]))]
		var got []string
		for _, l := range c.Members {
			got = append(got, names[l])
		}
		if strings.Join(got, " ") != want["areas"] || c.Cases != int(num(t, want["cases"])) {
			t.Errorf("secondary cluster %v, want %v", got, want)
		}
		near(t, "ratio of the secondary", c.LLR, num(t, want["llr_SpatialEpi"]), 1e-9)
		near(t, "p of the secondary", c.P, num(t, want["p"]), 0.02)
	}
}

// Expected numbers by indirect standardisation over race, gender and age are those of the case, and give the same clusters.
func TestStrata(t *testing.T) {
	names, at, cases, expected := pennsylvania(t)
	sick, people, own := map[string]float64{}, map[string]float64{}, make([]float64, len(names))
	rows := records(t, penn, "input_pennlc_strata.csv")
	key := func(r map[string]string) string { return r["race"] + r["gender"] + r["age"] }
	for _, r := range rows {
		sick[key(r)] += num(t, r["cases"])
		people[key(r)] += num(t, r["population"])
	}
	for _, r := range rows {
		own[slices.Index(names, r["county"])] += num(t, r["population"]) * sick[key(r)] / people[key(r)]
	}
	for i := range own {
		near(t, "expected of "+names[i], own[i], expected[i], 1e-9)
	}
	a, err := Poisson(context.Background(), at, cases, own, Options{Replicates: 19})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "ratio", a.Clusters[0].LLR, 17.662883, 1e-6)
}

func TestNewMexicoRetrospective(t *testing.T) {
	names, at, cases, expected := mexico(t)
	r, err := SpaceTimePoisson(context.Background(), at, cases, expected, Options{Replicates: 999, Seed: 12})
	if err != nil {
		t.Fatal(err)
	}
	worst := 0.0
	for i, want := range records(t, newMexico, "expected_best_per_center_retrospective.csv") {
		z := r.Centres[i]
		if names[z.Centre] != want["center_id"] || z.Locations != int(num(t, want["n"])) || z.Cases != int(num(t, want["cases"])) ||
			z.From+1973 != int(num(t, want["start"])) || z.To+1973 != int(num(t, want["end"])) {
			t.Errorf("centre %d: %+v, want %v", i, z, want)
		}
		near(t, "expected", z.Expected, num(t, want["expected"]), 1e-9)
		near(t, "ratio", z.LLR, num(t, want["llr"]), 1e-9)
		worst = max(worst, math.Abs(z.LLR-num(t, want["llr"]))/num(t, want["llr"]))
	}
	t.Logf("worst relative deviation of a ratio: %.2g", worst)
	satscan(t, r, names, "satscan_nm82_spacetime", newMexico, 2)
	sameLaw(t, r.Maxima, newMexico, "expected_null_max_llr_satscan_9999.csv")
}

// The population of one year and the lengths of years are all that the expected numbers say.
func TestNewMexicoSpread(t *testing.T) {
	names, at, cases, expected := mexico(t)
	own, err := Spread(at.Population, YearDays(1973, 1991))
	if err != nil {
		t.Fatal(err)
	}
	a, err := SpaceTimePoisson(context.Background(), at, cases, own, Options{Replicates: 999, Prospective: true, PeriodDays: 365.25})
	if err != nil {
		t.Fatal(err)
	}
	satscan(t, a, names, "satscan_nm82_prospective", newMexico, 2)
	near(t, "leap years", a.Clusters[0].Expected, 215.25148671875081, 1e-12)
	b, err := SpaceTimePoisson(context.Background(), at, cases, expected, Options{Replicates: 19, Prospective: true})
	if err != nil {
		t.Fatal(err)
	}
	for i := range a.Centres {
		near(t, "ratio", a.Centres[i].LLR, b.Centres[i].LLR, 1e-10)
	}
}

func TestNewMexicoSpatial(t *testing.T) {
	names, at, table, _ := mexico(t)
	cases := make([]int, len(names))
	for i := range table {
		for _, c := range table[i] {
			cases[i] += c
		}
	}
	r, err := Poisson(context.Background(), at, cases, at.Population, Options{Replicates: 1999, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	satscan(t, r, names, "satscan_nm82_spatial", newMexico, 9)
	at.MaxRadiusM = 1
	r, err = Poisson(context.Background(), at, cases, at.Population, Options{Replicates: 19})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range fields(t, newMexico, "satscan_nm82_spatial.rr.txt") {
		z := r.Centres[slices.Index(names, want[0])]
		if z.Locations != 1 || z.Cases != int(num(t, want[1])) {
			t.Errorf("%+v, want %v", z, want)
		}
		near(t, "expected", z.Expected, num(t, want[2]), 0.00501/max(1, z.Expected))
		near(t, "observed over expected", float64(z.Cases)/z.Expected, num(t, want[3]), 0.00501)
		near(t, "relative risk", z.RelativeRisk.Or(-1), num(t, want[4]), 0.00501)
	}
}
