package kde

import (
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

// table is a reference file by column; a column of text is under its name in names.
func table(t testing.TB, name string) (columns map[string][]float64, names map[string][]string) {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "testdata", "c09_kde_bei_rect", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	columns, names = map[string][]float64{}, map[string][]string{}
	for _, row := range rows[1:] {
		for i, cell := range row {
			v, err := strconv.ParseFloat(cell, 64)
			if err != nil {
				names[rows[0][i]] = append(names[rows[0][i]], cell)
				continue
			}
			columns[rows[0][i]] = append(columns[rows[0][i]], v)
		}
	}
	return columns, names
}

// bei is the 3604 trees, in their plot of 1000 × 500 m.
func bei(t testing.TB) (Points, *Window) {
	t.Helper()
	columns, _ := table(t, "input_points.csv")
	var p Points
	for i, x := range columns["x"] {
		p.XY = append(p.XY, orb.Point{x, columns["y"][i]})
	}
	return p, rectangle(t, 0, 0, 1000, 500)
}

func rectangle(t testing.TB, x0, y0, x1, y1 float64) *Window {
	t.Helper()
	w, err := Rectangle(orb.Bound{Min: orb.Point{x0, y0}, Max: orb.Point{x1, y1}})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// polygonOf is the same window as a polygon.
func polygonOf(t testing.TB, w *Window) *Window {
	t.Helper()
	out, err := NewWindow(orb.MultiPolygon{w.box.ToPolygon()})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func estimate(t testing.TB, p Points, w *Window, l Lattice, o Options) *Surface {
	t.Helper()
	s, err := Estimate(t.Context(), p, w, l, o)
	if err != nil {
		t.Fatalf("%+v: %v", o, err)
	}
	return s
}

func TestReferenceLattice(t *testing.T) {
	p, rect := bei(t)
	want, _ := table(t, "expected_exact_lattice.csv")
	l := Lattice{CellM: 10, NX: 100, NY: 50}
	for _, sigma := range []float64{20, 50, 100} {
		for _, edge := range []Edge{None, Uniform} {
			column := "gauss_s" + strconv.Itoa(int(sigma)) + map[Edge]string{None: "_raw", Uniform: "_edge_uniform"}[edge]
			for name, w := range map[string]*Window{"rectangle": rect, "polygon": polygonOf(t, rect)} {
				if name == "polygon" && (sigma != 50 || edge == None) {
					continue // takes another way to the mass alone
				}
				s := estimate(t, p, w, l, Options{SigmaM: sigma, Edge: edge, Unit: PerM2})
				binned := estimate(t, p, w, l, Options{SigmaM: sigma, Edge: edge, Unit: PerM2, Mode: Binned})
				worst, off, peak := 0.0, 0.0, 0.0
				for i, v := range want[column] {
					at := orb.Point{want["x"][i], want["y"][i]}
					n := int(at[1]/10)*l.NX + int(at[0]/10)
					if l.Centre(n%l.NX, n/l.NX) != at {
						t.Fatalf("cell %d is at %v, not %v", n, l.Centre(n%l.NX, n/l.NX), at)
					}
					worst = max(worst, math.Abs(s.Values[n]/v-1))
					off, peak = max(off, math.Abs(binned.Values[n]-v)), max(peak, v)
				}
				t.Logf("%s %s: exact within %.1e; binned within %.1e of the peak, bound %.1e", column, name, worst, off/peak, binned.Bound.Absolute/peak)
				if worst > 1e-9 || len(want[column]) != l.Cells() {
					t.Errorf("%s, %s: off by %g", column, name, worst)
				}
				if off > binned.Bound.Absolute {
					t.Errorf("%s, %s: binned off by %g, bound %g", column, name, off, binned.Bound.Absolute)
				}
			}
		}
	}
}

func TestReferenceBandwidths(t *testing.T) {
	p, w := bei(t)
	columns, names := table(t, "expected_bandwidths.csv")
	want := map[string]float64{}
	for i, name := range names["method"] {
		want[name] = columns["value"][i]
	}
	choose := func(rule Selector, o BandwidthOptions) *Bandwidth {
		b, err := Select(t.Context(), p.XY, w, rule, o)
		if err != nil {
			t.Fatalf("%s: %v", rule, err)
		}
		return b
	}
	scott, ppl := choose(Scott, BandwidthOptions{}), choose(LikelihoodCV, BandwidthOptions{})
	_, sd := moments(p.XY)
	for name, got := range map[string]float64{
		"scott_x": scott.AlongXM, "scott_y": scott.AlongYM, "scott_iso": scott.SigmaM,
		"sd_x": sd[0], "sd_y": sd[1],
		"ks_Hns_xx": scott.AlongXM * scott.AlongXM, "ks_Hns_yy": scott.AlongYM * scott.AlongYM, // (4/(n(d+2)))^(2/(d+4)) is n^(−1/3) in the plane
		"arcgis_default_search_radius": choose(ArcGIS, BandwidthOptions{}).RadiusM,
		"ppl_likelihood_cv":            ppl.SigmaM,
		"cvl":                          choose(CronieVanLieshout, BandwidthOptions{}).SigmaM,
		"diggle_mse":                   choose(BermanDiggle, BandwidthOptions{}).SigmaM,
	} {
		if !(math.Abs(got/want[name]-1) <= 1e-9) {
			t.Errorf("%s: %.17g, want %.17g", name, got, want[name])
		}
		t.Logf("%s within %.1e", name, math.Abs(got/want[name]-1))
	}
	if ppl.AtBound || ppl.LowerM != .1 {
		t.Errorf("likelihood cross-validation: %+v", ppl)
	}
	// On every fourth point, as in the reference, least squares choose less than a pixel of 10 m; with a bandwidth along each axis they collapse.
	var fourth []orb.Point
	for i := 0; i < len(p.XY); i += 4 {
		fourth = append(fourth, p.XY[i])
	}
	lscv, err := Select(t.Context(), fourth, w, LeastSquaresCV, BandwidthOptions{PixelM: 10})
	if err != nil || want["ks_Hlscv_diag_yy_every4th"] > 1e-6 || lscv.SigmaM != 10 || !lscv.AtBound || !strings.Contains(strings.Join(lscv.Warnings, " "), "bound below") {
		t.Errorf("least squares: %+v, %v", lscv, err)
	}
}

func TestCriteria(t *testing.T) {
	rect := rectangle(t, 0, 0, 1000, 500)
	p := scattered(60, rect)
	n := float64(len(p.XY))
	for _, w := range []*Window{rect, polygonOf(t, rect)} {
		c, err := newChooser(t.Context(), p.XY, w, LikelihoodCV, BandwidthOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, sigma := range []float64{3, 40, 300} {
			likelihood, squares, inverse := 0.0, 0.0, 0.0
			for i, at := range p.XY {
				others := Points{XY: slices.Concat(p.XY[:i], p.XY[i+1:])}
				left := func(edge Edge) float64 {
					s, err := At(t.Context(), others, w, []orb.Point{at}, Options{SigmaM: sigma, Unit: PerM2, Edge: edge})
					if err != nil {
						t.Fatal(err)
					}
					return s.Values[0].Or(0)
				}
				likelihood -= math.Log(left(Uniform))
				squares -= 2 * left(None) / (n * (n - 1))
				all, _ := At(t.Context(), p, w, []orb.Point{at}, Options{SigmaM: sigma, Unit: PerM2, Edge: None})
				wide, _ := At(t.Context(), p, w, []orb.Point{at}, Options{SigmaM: sigma * math.Sqrt2, Unit: PerM2, Edge: None})
				inverse += 1 / all.Values[0].Or(0)
				squares += wide.Values[0].Or(0) / (n * n)
			}
			cells := map[float64]int{3: 1000, 40: 400, 300: 200}[sigma]
			whole := estimate(t, p, rect, Lattice{CellM: 1000 / float64(cells), NX: cells, NY: cells / 2}, Options{SigmaM: sigma}).Integral()
			got, err := c.likelihood(sigma)
			if tolerance := map[bool]float64{true: 1e-2, false: 2e-2 + 6/(sigma*sigma)}[w.rectangle]; err != nil || math.Abs(got-(likelihood+whole)) > tolerance {
				t.Errorf("%v, σ %v: likelihood %v, want %v, %v", w.rectangle, sigma, got, likelihood+whole, err)
			}
			if got, _ := c.squares(sigma); !agree(got, squares, 1e-12) {
				t.Errorf("σ %v: squares %v, want %v", sigma, got, squares)
			}
			if got, _ := c.cronie(sigma); !agree(got, (inverse-w.area)*(inverse-w.area), 1e-9) {
				t.Errorf("σ %v: %v, want %v", sigma, got, (inverse-w.area)*(inverse-w.area))
			}
		}
	}
	refined, err := Select(t.Context(), p.XY, rect, LikelihoodCV, BandwidthOptions{Refine: true})
	if err != nil {
		t.Fatal(err)
	}
	c, _ := newChooser(t.Context(), p.XY, rect, LikelihoodCV, BandwidthOptions{})
	best, _ := c.likelihood(refined.SigmaM)
	for _, v := range append(refined.Criterion, at(c, refined.SigmaM*.99), at(c, refined.SigmaM*1.01)) {
		if v < best {
			t.Errorf("%v beats the refined %v at %v m", v, best, refined.SigmaM)
		}
	}
}

func at(c *chooser, sigma float64) float64 {
	v, _ := c.likelihood(sigma)
	return v
}

func TestSelectRefusesAndWarns(t *testing.T) {
	w := rectangle(t, 0, 0, 1000, 500)
	p := scattered(30, w)
	twins := slices.Concat(p.XY, p.XY)
	for _, rule := range []Selector{LeastSquaresCV, LikelihoodCV} {
		b, err := Select(t.Context(), twins, w, rule, BandwidthOptions{PixelM: 20})
		if err != nil || b.Duplicates != 30 || !b.AtBound || b.SigmaM != 20 || !strings.Contains(strings.Join(b.Warnings, " "), "at the place of another") {
			t.Errorf("%s of twins: %+v, %v", rule, b, err)
		}
	}
	if b, err := Select(t.Context(), p.XY, nil, Scott, BandwidthOptions{PixelM: 1e4}); err != nil || !b.AtBound || b.AlongXM != 1e4 || b.AlongYM != 1e4 || b.SigmaM != 1e4 {
		t.Errorf("Scott's rule below a pixel of 10 km: %+v, %v", b, err)
	}
	for want, f := range map[string]func() (*Bandwidth, error){
		"too few": func() (*Bandwidth, error) { return Select(t.Context(), p.XY[:4], w, Scott, BandwidthOptions{}) },
		"at one place": func() (*Bandwidth, error) {
			return Select(t.Context(), make([]orb.Point, 9), nil, Scott, BandwidthOptions{})
		},
		"point 0": func() (*Bandwidth, error) {
			return Select(t.Context(), []orb.Point{{math.NaN(), 0}}, w, Scott, BandwidthOptions{})
		},
		"no window":             func() (*Bandwidth, error) { return Select(t.Context(), p.XY, nil, LikelihoodCV, BandwidthOptions{}) },
		"no bandwidth selector": func() (*Bandwidth, error) { return Select(t.Context(), p.XY, w, "eye", BandwidthOptions{}) },
		"pixel, precision":      func() (*Bandwidth, error) { return Select(t.Context(), p.XY, w, Scott, BandwidthOptions{PixelM: -1}) },
		"ascend": func() (*Bandwidth, error) {
			return Select(t.Context(), p.XY, w, LikelihoodCV, BandwidthOptions{Candidates: []float64{2, 1}})
		},
		"random sample": func() (*Bandwidth, error) {
			return Select(t.Context(), scattered(20001, w).XY, w, LikelihoodCV, BandwidthOptions{})
		},
	} {
		if _, err := f(); !strings.Contains(text(err), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	for want, xy := range map[float64][]orb.Point{.1: {{3.1, 2}, {400000.7, 3456789.2}}, 10: {{10, 20}, {350, 40}}, 0: {{math.Pi, 1}}, .001: {{.001, 5}}} {
		if got := Precision(xy); !agree(got, want, 1e-15) {
			t.Errorf("precision of %v is %v, want %v", xy, got, want)
		}
	}
}
