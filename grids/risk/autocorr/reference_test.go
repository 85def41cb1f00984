package autocorr

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"wangge/grids/risk/stat"
	"wangge/grids/risk/weights"
)

const (
	columbus = "../testdata/c02_moran_columbus"
	carolina = "../testdata/c05_exact_permutation_nc"
)

// record is a line of a reference file, by column.
type record map[string]string

// number is a column as a number.
func (r record) number(t *testing.T, column string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(r[column], 64)
	if err != nil {
		t.Fatalf("column %s: %v", column, err)
	}
	return v
}

// table reads a reference file.
func readTable(t testing.TB, dir, file string) []record {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []record
	for _, l := range lines[1:] {
		r := record{}
		for i, c := range lines[0] {
			r[c] = l[i]
		}
		out = append(out, r)
	}
	return out
}

// neighbours reads lists of neighbours of n units.
func neighbours(t testing.TB, dir, file string, n int) [][]int {
	t.Helper()
	out := make([][]int, n)
	for _, r := range readTable(t, dir, file) {
		i, _ := strconv.Atoi(r["i"])
		j, _ := strconv.Atoi(r["j"])
		out[i-1] = append(out[i-1], j-1)
	}
	return out
}

// styled is weights of a style: B binary, W row-standardised, S variance-stabilising.
func styled(t testing.TB, lists [][]int, style string) *weights.Matrix {
	t.Helper()
	q := 0.0
	for _, l := range lists {
		q += math.Sqrt(float64(len(l)))
	}
	rows := make([][]weights.Link, len(lists))
	for i, l := range lists {
		w, k := 1.0, float64(len(l))
		switch style {
		case "W":
			w = 1 / k
		case "S":
			w = float64(len(lists)) / (q * math.Sqrt(k))
		}
		for _, j := range l {
			rows[i] = append(rows[i], weights.Link{To: j, Weight: w})
		}
	}
	return matrix(t, rows)
}

// matrix is weights.New that must succeed.
func matrix(t testing.TB, rows [][]weights.Link) *weights.Matrix {
	t.Helper()
	m, err := weights.New(rows)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// withSelf adds each unit to its own list.
func withSelf(lists [][]int) [][]int {
	out := make([][]int, len(lists))
	for i, l := range lists {
		out[i] = append([]int{i}, l...)
	}
	return out
}

// attribute reads a property of the Columbus units.
func attribute(t testing.TB, name string) []float64 {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(columbus, "input.geojson"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Features []struct {
			Properties map[string]float64
		}
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	var out []float64
	for _, f := range file.Features {
		out = append(out, f.Properties[name])
	}
	return out
}

// worst keeps the largest deviation of a comparison and reports those beyond a tolerance.
type worst struct {
	t        *testing.T
	what     string
	relative float64
	absolute float64
}

// close compares with a relative tolerance.
func (w *worst) close(where string, got stat.Value, want, tolerance float64) {
	w.t.Helper()
	g, ok := got.Known()
	if !ok {
		w.t.Errorf("%s: no figure (%s), want %v", where, got.Reason(), want)
		return
	}
	d := math.Abs(g - want)
	if want != 0 {
		w.relative = max(w.relative, d/math.Abs(want))
	}
	w.absolute = max(w.absolute, d)
	if d > tolerance*math.Abs(want)+1e-15 {
		w.t.Errorf("%s: %v, want %v (off by %g)", where, g, want, d/math.Abs(want))
	}
}

// tail compares p-values: 1e-9 absolute or 1e-6 relative.
func (w *worst) tail(where string, got stat.Value, want float64) {
	w.t.Helper()
	g, ok := got.Known()
	d := math.Abs(g - want)
	w.absolute = max(w.absolute, d)
	if !ok || (d > 1e-9 && d > 1e-6*want) {
		w.t.Errorf("%s: p %v, want %v", where, g, want)
	}
}

// report logs the worst.
func (w *worst) report() {
	w.t.Logf("%s: worst deviation %.2g relative, %.2g absolute", w.what, w.relative, w.absolute)
}

var alternatives = map[string]Alternative{"greater": Greater, "less": Less, "two.sided": TwoSided}

var variances = map[string]Variance{"randomisation": Randomisation, "normality": Normality}

func TestColumbusGlobalMoran(t *testing.T) {
	lists := neighbours(t, columbus, "input_queen_neighbours.csv", 49)
	w := &worst{t: t, what: "moran"}
	for _, r := range readTable(t, columbus, "expected_global_moran.csv") {
		where := r["variable"] + " " + r["style"] + " " + r["variance"] + " " + r["alternative"]
		got, err := Moran(t.Context(), attribute(t, r["variable"]), styled(t, lists, r["style"]),
			GlobalOptions{Variance: variances[r["variance"]], Alternative: alternatives[r["alternative"]]})
		if err != nil {
			t.Fatal(err)
		}
		w.close(where+" I", got.Statistic, r.number(t, "I"), 1e-10)
		w.close(where+" E", got.E, r.number(t, "E"), 1e-10)
		w.close(where+" V", got.V, r.number(t, "V"), 1e-10)
		w.close(where+" z", got.Z, r.number(t, "z"), 1e-10)
		w.tail(where, got.Normal.P, r.number(t, "p"))
	}
	w.report()
}

func TestColumbusGeary(t *testing.T) {
	lists := neighbours(t, columbus, "input_queen_neighbours.csv", 49)
	w := &worst{t: t, what: "geary"}
	for _, r := range readTable(t, columbus, "expected_geary.csv") {
		where := r["variable"] + " " + r["variance"]
		got, err := Geary(t.Context(), attribute(t, r["variable"]), styled(t, lists, "W"),
			GlobalOptions{Variance: variances[r["variance"]], Alternative: Greater})
		if err != nil {
			t.Fatal(err)
		}
		w.close(where+" C", got.Statistic, r.number(t, "C"), 1e-10)
		w.close(where+" E", got.E, r.number(t, "E"), 1e-10)
		w.close(where+" V", got.V, r.number(t, "V"), 1e-10)
		w.close(where+" z", got.Z, r.number(t, "z"), 1e-10)
		w.tail(where, got.Normal.P, r.number(t, "p"))
	}
	w.report()
}

func TestColumbusGeneralG(t *testing.T) {
	lists := neighbours(t, columbus, "input_queen_neighbours.csv", 49)
	w := &worst{t: t, what: "general G"}
	for _, r := range readTable(t, columbus, "expected_global_G.csv") {
		where := r["variable"] + " " + r["style"]
		got, err := GeneralG(t.Context(), attribute(t, r["variable"]), styled(t, lists, r["style"]), GlobalOptions{})
		if err != nil {
			t.Fatal(err)
		}
		w.close(where+" G", got.Statistic, r.number(t, "G"), 1e-10)
		w.close(where+" E", got.E, r.number(t, "E"), 1e-10)
		w.close(where+" V", got.V, r.number(t, "V"), 1e-10)
		w.close(where+" z", got.Z, r.number(t, "z"), 1e-10)
		w.tail(where, got.Normal.P, r.number(t, "p"))
	}
	w.report()
}

// lags is the neighbours of the first to so many orders, by the fewest steps.
func lags(lists [][]int, orders int) [][][]int {
	out := make([][][]int, orders)
	for k := range out {
		out[k] = make([][]int, len(lists))
	}
	for i := range lists {
		seen, front := map[int]bool{i: true}, []int{i}
		for k := range orders {
			var next []int
			for _, a := range front {
				for _, b := range lists[a] {
					if !seen[b] {
						seen[b] = true
						next = append(next, b)
					}
				}
			}
			out[k][i], front = next, next
		}
	}
	return out
}

func TestColumbusCorrelogram(t *testing.T) {
	want := readTable(t, columbus, "expected_correlogram_CRIME.csv")
	var orders []*weights.Matrix
	for _, l := range lags(neighbours(t, columbus, "input_queen_neighbours.csv", 49), len(want)) {
		orders = append(orders, styled(t, l, "W"))
	}
	got, err := Correlogram(t.Context(), attribute(t, "CRIME"), orders, GlobalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w := &worst{t: t, what: "correlogram"}
	for k, r := range want {
		w.close("I "+r["lag"], got.Orders[k].I, r.number(t, "I"), 1e-10)
		w.close("E "+r["lag"], got.Orders[k].E, r.number(t, "E"), 1e-10)
		w.close("V "+r["lag"], got.Orders[k].V, r.number(t, "V"), 1e-10)
	}
	w.report()
}

var quadrants = map[string]Quadrant{"High-High": HighHigh, "Low-Low": LowLow, "High-Low": HighLow, "Low-High": LowHigh}

func TestColumbusLocalMoran(t *testing.T) {
	lists := neighbours(t, columbus, "input_queen_neighbours.csv", 49)
	moments := map[string]Moments{"conditional": Conditional, "total": Total}
	results := map[string]*LocalMoranResult{}
	w := &worst{t: t, what: "local moran"}
	for _, r := range readTable(t, columbus, "expected_local_moran.csv") {
		key := r["variable"] + " " + r["style"] + " " + r["inference"]
		if results[key] == nil {
			got, err := LocalMoran(t.Context(), attribute(t, r["variable"]), styled(t, lists, r["style"]),
				LocalOptions{PMethod: Normal, Moments: moments[r["inference"]]})
			if err != nil {
				t.Fatal(err)
			}
			results[key] = got
		}
		id, where := int(r.number(t, "ID")), key+" "+r["ID"]
		u := results[key].Units[id-1]
		w.close(where+" I", u.I, r.number(t, "Ii"), 1e-10)
		w.close(where+" E", u.E, r.number(t, "E"), 1e-10)
		w.close(where+" V", u.V, r.number(t, "V"), 1e-10)
		w.close(where+" z", u.Z, r.number(t, "z"), 1e-10)
		w.tail(where, u.P, r.number(t, "p_two_sided"))
		if u.Quadrant != quadrants[r["quadrant_pysal"]] {
			t.Errorf("%s: quadrant %v, want %s", where, u.Quadrant, r["quadrant_pysal"])
		}
	}
	w.report()
}

func TestColumbusLocalG(t *testing.T) {
	lists, x := neighbours(t, columbus, "input_queen_neighbours.csv", 49), attribute(t, "CRIME")
	g := func(star bool, m *weights.Matrix) []GUnit {
		got, err := localG(t.Context(), x, m, LocalOptions{PMethod: Normal}, star)
		if err != nil {
			t.Fatal(err)
		}
		return got.Units
	}
	plain, star := g(false, styled(t, lists, "B")), g(true, styled(t, withSelf(lists), "B"))
	starW, implied := g(true, styled(t, withSelf(lists), "W")), g(true, styled(t, lists, "W"))
	w := &worst{t: t, what: "local G"}
	for _, r := range readTable(t, columbus, "expected_local_G_CRIME.csv") {
		i := int(r.number(t, "ID")) - 1
		w.close("G "+r["ID"], plain[i].Z, r.number(t, "G_z_B"), 1e-10)
		w.close("G* B "+r["ID"], star[i].Z, r.number(t, "Gstar_z_B"), 1e-10)
		w.close("G* W "+r["ID"], starW[i].Z, r.number(t, "Gstar_z_W"), 1e-10)
		w.close("G* of a matrix without selves "+r["ID"], implied[i].Z, r.number(t, "Gstar_z_W"), 1e-10)
	}
	w.report()
}

// carolinaCase is the counts and neighbours of c05.
func carolinaCase(t testing.TB) (x []float64, lists [][]int, want []record) {
	t.Helper()
	for _, r := range readTable(t, carolina, "input.csv") {
		v, err := strconv.ParseFloat(r["SID74"], 64)
		if err != nil {
			t.Fatal(err)
		}
		x = append(x, v)
	}
	return x, neighbours(t, carolina, "input_neighbours.csv", len(x)), readTable(t, carolina, "expected_exact.csv")
}

func TestCarolinaExact(t *testing.T) {
	x, lists, want := carolinaCase(t)
	g, err := LocalG(t.Context(), x, styled(t, lists, "B"), LocalOptions{})
	if err != nil {
		t.Fatal(err)
	}
	folded, err := LocalG(t.Context(), x, styled(t, lists, "B"), LocalOptions{PMethod: Exact, Fold: GeoDa})
	if err != nil {
		t.Fatal(err)
	}
	moran, err := LocalMoran(t.Context(), x, styled(t, lists, "W"), LocalOptions{PMethod: Exact, Fold: GeoDa})
	if err != nil {
		t.Fatal(err)
	}
	w := &worst{t: t, what: "exact"}
	for i, r := range want {
		u, m := g.Units[i], moran.Units[i]
		if u.PMethod != Exact {
			t.Errorf("unit %s has a p by %v", r["id"], u.PMethod)
		}
		w.close("S "+r["id"], u.Sum, r.number(t, "S"), 1e-10)
		w.close("P≥ "+r["id"], u.Upper, r.number(t, "P_S_ge"), 1e-10)
		w.close("P≤ "+r["id"], u.Lower, r.number(t, "P_S_le"), 1e-10)
		w.close("E "+r["id"], u.E, r.number(t, "E_S"), 1e-10)
		w.close("V "+r["id"], u.V, r.number(t, "V_S"), 1e-10)
		w.close("z "+r["id"], u.Z, r.number(t, "z_conditional"), 1e-12)
		w.close("two-sided "+r["id"], u.P, min(1, 2*min(r.number(t, "P_S_ge"), r.number(t, "P_S_le"))), 1e-10)
		if d := math.Abs(m.P.Or(9) - r.number(t, "p_folded_exact_localmoran")); d > 1e-12 {
			t.Errorf("%s: folded p of I %v, want %s", r["id"], m.P, r["p_folded_exact_localmoran"])
		}
		if d := math.Abs(folded.Units[i].P.Or(9) - r.number(t, "p_folded_exact_G")); d > 1e-12 {
			t.Errorf("%s: folded p of G %v, want %s", r["id"], folded.Units[i].P, r["p_folded_exact_G"])
		}
	}
	w.report()
}

func TestCarolinaFigures(t *testing.T) {
	x, lists, _ := carolinaCase(t)
	o := LocalOptions{PMethod: Normal}
	moran, err := LocalMoran(t.Context(), x, styled(t, lists, "W"), o)
	g, err2 := LocalG(t.Context(), x, styled(t, lists, "B"), o)
	star, err3 := LocalGStar(t.Context(), x, styled(t, lists, "B"), o)
	if err := errors.Join(err, err2, err3); err != nil {
		t.Fatal(err)
	}
	w := &worst{t: t, what: "figures of spdep"}
	for i, r := range readTable(t, carolina, "reference_spdep_9999.csv") {
		w.close("I "+r["id"], moran.Units[i].I, r.number(t, "localmoran_Ii"), 1e-10)
		w.close("z of I "+r["id"], moran.Units[i].Z, r.number(t, "localmoran_z_cond"), 1e-10)
		w.close("G "+r["id"], g.Units[i].Z, r.number(t, "G_z"), 1e-10)
		w.close("G* "+r["id"], star.Units[i].Z, r.number(t, "Gstar_z"), 1e-10)
	}
	w.report()
}

func TestCarolinaMonteCarlo(t *testing.T) {
	const replicates = 19_999
	x, lists, want := carolinaCase(t)
	perturbed := make([]float64, len(x)) // the same up to rounding, so the exact codes do not apply
	for i, v := range x {
		perturbed[i] = v * math.Sqrt2
	}
	unequal := styled(t, lists, "B")
	for name, run := range map[string]func(seed uint64) ([]GUnit, error){
		"codes": func(seed uint64) ([]GUnit, error) {
			r, err := LocalG(t.Context(), x, unequal, LocalOptions{PMethod: Permutation, Replicates: replicates, Seed: seed})
			return r.Units, err
		},
		"star": func(seed uint64) ([]GUnit, error) {
			r, err := LocalGStar(t.Context(), x, unequal, LocalOptions{PMethod: Permutation, Replicates: replicates, Seed: seed})
			return r.Units, err
		},
		"rounded": func(seed uint64) ([]GUnit, error) {
			r, err := rounded(t, perturbed, unequal, replicates, seed)
			return r, err
		},
	} {
		far, units := 0.0, 0
		for seed := range uint64(2) {
			got, err := run(seed)
			if err != nil {
				t.Fatal(err)
			}
			for i, r := range want {
				for _, tail := range []struct {
					got  stat.Value
					want float64
				}{{got[i].Upper, r.number(t, "P_S_ge")}, {got[i].Lower, r.number(t, "P_S_le")}} {
					d := math.Abs(tail.got.Or(9) - tail.want)
					limit := 4*math.Sqrt(tail.want*(1-tail.want)/replicates) + 1./(replicates+1)
					far, units = max(far, d/limit), units+1
					if d > limit {
						t.Errorf("%s, seed %d, unit %s: %v, exact %v (%.2f of the limit)", name, seed, r["id"], tail.got, tail.want, d/limit)
					}
				}
			}
		}
		t.Logf("%s: %d tails, the worst at %.2f of the limit", name, units, far)
	}
}

// rounded is Gi by the way of values that are no multiples of one number.
func rounded(t *testing.T, x []float64, w *weights.Matrix, replicates int, seed uint64) ([]GUnit, error) {
	t.Helper()
	s, o, err := beginLocal(x, w, LocalOptions{PMethod: Permutation, Replicates: replicates, Seed: seed}, "Gi")
	if err != nil {
		return nil, err
	}
	units, in := make([]GUnit, len(x)), rows{m: w}
	for i := range units {
		units[i].Reason = s.constantDraw(i, in.at(i))
	}
	tr := &trials{s: s, w: w, o: o, why: func(i int) stat.Reason { return units[i].Reason },
		put: func(i int, lower, upper float64, by PMethod, r int) {
			units[i].Tails = drawn(lower, upper, TwoSided, Doubled, r)
		}}
	return units, tr.permute(t.Context(), replicates, &plan{})
}
