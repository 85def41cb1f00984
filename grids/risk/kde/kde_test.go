package kde

import (
	"context"
	"flag"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/paulmach/orb"
	"pgregory.net/rapid"

	"wangge/grids"
	"wangge/grids/risk/stat"
)

// TestMain fixes the seed of the property tests, unless one is asked for.
func TestMain(m *testing.M) {
	flag.Parse()
	if f := flag.Lookup("rapid.seed"); f.Value.String() == "0" {
		if err := f.Value.Set("20260401"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

func agree(a, b, relative float64) bool {
	return math.Abs(a-b) <= relative*max(math.Abs(a), math.Abs(b))
}

func TestByHand(t *testing.T) {
	w := rectangle(t, 0, 0, 1e4, 1e4)
	p := Points{XY: []orb.Point{{5000, 5000}, {5030, 5040}}, Weights: []float64{1, 3}}
	places := []orb.Point{{5000, 5000}, {5000, 5100}, {0, 0}, {-1, 5}}
	peak := 1e6 / (2 * math.Pi * 1e4) // per km², σ = 100 m
	bump := 1e6 * 3 / (math.Pi * 1e4) // h = 100 m
	for _, tt := range []struct {
		o    Options
		want []float64
	}{
		{Options{SigmaM: 100, Edge: None}, []float64{peak * (1 + 3*math.Exp(-.125)), peak * (math.Exp(-.5) + 3*math.Exp(-.225)), 0}},
		{Options{SigmaM: 100, Unit: PerM2}, []float64{peak / 1e6 * (1 + 3*math.Exp(-.125)), peak / 1e6 * (math.Exp(-.5) + 3*math.Exp(-.225)), 0}},
		{Options{Kernel: Quartic, RadiusM: 100, Edge: None}, []float64{bump * (1 + 3*.75*.75), bump * 3 * .55 * .55, 0}},
	} {
		got, err := At(t.Context(), p, w, places, tt.o)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range tt.want {
			if v, ok := got.Values[i].Known(); !ok || !agree(v, want, 1e-13) {
				t.Errorf("%+v at %v: %v, want %v", tt.o, places[i], v, want)
			}
		}
		if got.Values[3].Reason() != OutsideWindow {
			t.Errorf("beyond the window: %v", got.Values[3])
		}
	}
	if !agree(SigmaOf(RadiusOf(7)), 7, 1e-15) || !agree(RadiusOf(1), 2.8284271247461903, 1e-15) {
		t.Error("radius and sigma do not convert")
	}
	s := estimate(t, Points{XY: []orb.Point{{15, 5}, {99, 99}}}, rectangle(t, 0, 0, 30, 20), Lattice{CellM: 10, NX: 4, NY: 2}, Options{Kernel: Quartic, RadiusM: 10, Edge: None})
	if s.Meta.Used != 1 || s.Meta.Dropped[OutsideWindow] != 1 || s.Value(3, 0).Reason() != OutsideWindow || s.Value(9, 9).Reason() != stat.Missing {
		t.Errorf("dropped %v, cells %v %v", s.Meta.Dropped, s.Value(3, 0), s.Value(9, 9))
	}
	if v, _ := s.Value(1, 0).Known(); !agree(v, 3e6/(math.Pi*100), 1e-14) || s.Values[0] != 0 || s.Values[2] != 0 {
		t.Errorf("a quartic bump gives %v", s.Values)
	}
	if empty := estimate(t, Points{}, w, Lattice{CellM: 1000, NX: 10, NY: 10}, Options{SigmaM: 2000, Mode: Binned}); slices.Max(empty.Values) != 0 || empty.Meta.Used != 0 {
		t.Errorf("no points have the density %v", empty.Values)
	}
}

// massByStrips is the mass of a kernel in the window, independent of the line integral: cut into strips along y, each integrated along x between the crossings.
func massByStrips(w *Window, p orb.Point, k kernelOf, strips int) float64 {
	b, sum := w.Bound(), 0.0
	dy := (b.Max[1] - b.Min[1]) / float64(strips)
	for i := range strips {
		y := b.Min[1] + (float64(i)+.5)*dy
		var xs []float64
		for _, e := range w.edges {
			if (e.a[1] > y) != (e.b[1] > y) {
				xs = append(xs, e.a[0]+(y-e.a[1])/(e.b[1]-e.a[1])*(e.b[0]-e.a[0])-p[0])
			}
		}
		slices.Sort(xs)
		v := y - p[1]
		for j := 0; j+1 < len(xs); j += 2 {
			if k.shape == Gaussian {
				s := k.size * math.Sqrt2
				sum += dy * math.Exp(-v*v/(s*s)) / (s * math.Sqrt(math.Pi)) * (math.Erf(xs[j+1]/s) - math.Erf(xs[j]/s)) / 2
				continue
			}
			if a := 1 - v*v/(k.size*k.size); a > 0 { // ∫(a − x²)²dx
				whole := func(x float64) float64 {
					x = min(max(x/k.size, -math.Sqrt(a)), math.Sqrt(a))
					return x * (a*a - 2*a*x*x/3 + x*x*x*x/5)
				}
				sum += dy * k.peak() * k.size * (whole(xs[j+1]) - whole(xs[j]))
			}
		}
	}
	return sum
}

func TestMass(t *testing.T) {
	rect := rectangle(t, 0, 0, 1000, 500)
	square, coast := polygonOf(t, rect), island(t, 1000, 60)
	r := stat.Stream(1, 1)
	for i := range 24 {
		for _, k := range []kernelOf{{Gaussian, 30}, {Gaussian, 400}, {Quartic, 90}, {Quartic, 900}} {
			p := orb.Point{math.Round(r.Float64() * 1000), math.Round(r.Float64() * 500)}
			if a, b := rect.mass(p, k), square.mass(p, k); math.Abs(a-b) > MassError {
				t.Fatalf("%v in a rectangle at %v: %v, as polygon %v", k, p, a, b)
			}
			if a, b := square.mass(p, k), massByStrips(square, p, k, 1000); math.Abs(a-b) > 1e-5 {
				t.Fatalf("%v at %v: %v, by strips %v", k, p, a, b)
			}
			p = orb.Point{r.Float64() * 1000, r.Float64() * 1000} // on land or not: the integral is right wherever
			if i%12 != 0 {
				continue
			}
			if a, b := coast.mass(p, k), massByStrips(coast, p, k, 50000); math.Abs(a-b) > 1e-4 {
				t.Fatalf("%v on the island at %v: %v, by strips %v", k, p, a, b)
			}
		}
	}
	for _, k := range []kernelOf{{Gaussian, 1}, {Quartic, 3}} {
		for _, w := range []*Window{rect, square} {
			for p, want := range map[orb.Point]float64{{500, 250}: 1, {0, 0}: .25, {1000, 500}: .25, {1000, 0}: .25, {0, 250}: .5, {300, 500}: .5, {1e-12, 250}: .5, {math.Nextafter(1000, 0), 250}: .5} {
				if got := w.mass(p, k); math.Abs(got-want) > 1e-11 {
					t.Errorf("%v at %v: %v, want %v", k, p, got, want)
				}
			}
		}
	}
}

func TestOwen(t *testing.T) { // Owen 1956, Patefield & Tandy 2000
	for _, tt := range [][3]float64{{.0625, .25, 3.8911930234701366e-2}, {6.5, .4375, 2.0005773048508315e-11}, {7, .96875, 6.3990627193898685e-13},
		{4.78125, .0625, 1.0632974804687463e-7}, {2, .5, 8.6250779855215071e-3}, {1, .9999975, 6.6741808978228592e-2}} {
		if got := owen(tt[0], tt[0]*tt[1]); !agree(got, tt[2], 1e-11) || owen(tt[0], -tt[0]*tt[1]) != -got {
			t.Errorf("T(%v, %v) = %.17g, want %.17g", tt[0], tt[1], got, tt[2])
		}
	}
}

func TestMask(t *testing.T) {
	w := island(t, 1000, 300)
	l := Lattice{OriginXM: 200, OriginYM: -70, CellM: 17, NX: 40, NY: 50}
	m := maskOf(w, l)
	for at, class := range m.class {
		x, y, n := at%l.NX, at/l.NX, 0
		for i := range 400 {
			if w.Covers(orb.Point{l.x(x) + (float64(i%20)-9.5)/20*l.CellM, l.y(y) + (float64(i/20)-9.5)/20*l.CellM}) {
				n++
			}
		}
		share := float64(n) / 400
		if math.Abs(share-m.share[at]) > .05 || class == cellIn && n != 400 || class == cellOut && n != 0 {
			t.Fatalf("cell (%d, %d) of class %d has %v, sampled %v", x, y, class, m.share[at], share)
		}
	}
	sum := 0.0
	whole := maskOf(w, Lattice{CellM: 9, NX: 120, NY: 120})
	for _, v := range whole.share {
		sum += v * 81
	}
	if !agree(sum, w.AreaM2(), 1e-12) {
		t.Errorf("the shares sum to %v, the window has %v", sum, w.AreaM2())
	}
}

// situation draws points, a window, a lattice and options.
func situation(t *rapid.T, coast *Window) (Points, *Window, Lattice, Options) {
	w := coast
	if rapid.Bool().Draw(t, "rectangle") {
		w = &Window{rectangle: true, box: orb.Bound{Min: orb.Point{100, 50}, Max: orb.Point{900, 700}}, area: 520000}
	}
	var p Points
	for i := range rapid.IntRange(1, 40).Draw(t, "n") {
		at := orb.Point{rapid.Float64Range(0, 1000).Draw(t, "x"), rapid.Float64Range(0, 1000).Draw(t, "y")}
		if i > 0 && rapid.IntRange(0, 3).Draw(t, "again") == 0 {
			at = p.XY[i-1]
		}
		p.XY = append(p.XY, at)
	}
	p.XY = append(p.XY, orb.Point{700, 500}) // inside both windows
	if rapid.Bool().Draw(t, "weights") {
		p.Weights = rapid.SliceOfN(rapid.Float64Range(0, 9), len(p.XY), len(p.XY)).Draw(t, "w")
	}
	l := Lattice{OriginXM: rapid.Float64Range(-50, 300).Draw(t, "ox"), OriginYM: rapid.Float64Range(-50, 300).Draw(t, "oy"),
		CellM: rapid.Float64Range(8, 30).Draw(t, "cell"), NX: rapid.IntRange(1, 60).Draw(t, "nx"), NY: rapid.IntRange(1, 60).Draw(t, "ny")}
	size := l.CellM * rapid.Float64Range(2, 20).Draw(t, "cells in sigma")
	o := Options{SigmaM: size, Edge: rapid.SampledFrom([]Edge{None, Uniform, Diggle}).Draw(t, "edge")}
	if rapid.Bool().Draw(t, "quartic") {
		o.Kernel, o.SigmaM, o.RadiusM = Quartic, 0, 2*size
	}
	return p, w, l, o
}

func TestBinnedIsWithinItsBound(t *testing.T) {
	coast := island(t, 1000, 200)
	tightest := math.Inf(1)
	rapid.Check(t, func(t *rapid.T) {
		p, w, l, o := situation(t, coast)
		exact, err := Estimate(context.Background(), p, w, l, o)
		if err != nil {
			t.Fatal(err)
		}
		o.Mode = Binned
		binned, err := Estimate(context.Background(), p, w, l, o)
		if err != nil {
			t.Fatal(err)
		}
		off := 0.0
		for at, v := range exact.Values {
			if !binned.known(at) && exact.known(at) && binned.States[at] == noMass {
				continue // too little mass for the binned mode to tell
			}
			if binned.known(at) != exact.known(at) {
				t.Fatalf("cell %d is known in one mode alone", at)
			}
			off = max(off, math.Abs(v-binned.Values[at]))
		}
		if limit := binned.Bound.Absolute + 1e-12*slices.Max(exact.Values); off > limit {
			t.Fatalf("off by %v, bound %+v", off, binned.Bound)
		}
		if off > 0 {
			tightest = min(tightest, binned.Bound.Absolute/off)
		}
		if exact.Meta.Used != binned.Meta.Used || exact.Meta.Dropped[OutsideWindow] != binned.Meta.Dropped[OutsideWindow] {
			t.Fatalf("used %d and %d", exact.Meta.Used, binned.Meta.Used)
		}
	})
	t.Logf("the bound is at least %.2f times the error", tightest)
	if tightest > 10 {
		t.Errorf("the bound is never within %v times the error: it says too little", tightest)
	}
}

func TestInvariants(t *testing.T) {
	coast := island(t, 1000, 100)
	rapid.Check(t, func(t *rapid.T) {
		p, w, l, o := situation(t, coast)
		base, err := Estimate(context.Background(), p, w, l, o)
		if err != nil {
			t.Fatal(err)
		}
		// Everything twice as large and moved: a quarter of the density.
		moved := func(q orb.Point) orb.Point { return orb.Point{2*q[0] + 4096, 2*q[1] - 512} }
		q, v := Points{Weights: p.Weights}, Window{rectangle: w.rectangle, box: orb.Bound{Min: moved(w.box.Min), Max: moved(w.box.Max)}, area: 4 * w.area}
		for _, at := range p.XY {
			q.XY = append(q.XY, moved(at))
		}
		for _, e := range w.edges {
			v.edges = append(v.edges, edge{moved(e.a), moved(e.b)})
		}
		v.index()
		k := Lattice{OriginXM: 2*l.OriginXM + 4096, OriginYM: 2*l.OriginYM - 512, CellM: 2 * l.CellM, NX: l.NX, NY: l.NY}
		twice := o
		twice.SigmaM, twice.RadiusM = 2*o.SigmaM, 2*o.RadiusM
		other, err := Estimate(context.Background(), q, &v, k, twice)
		if err != nil {
			t.Fatal(err)
		}
		// Another order of the points, and every weight doubled by repeating the point.
		back := Points{XY: slices.Concat(p.XY, p.XY)}
		slices.Reverse(back.XY)
		if p.Weights != nil {
			back.Weights = slices.Concat(p.Weights, p.Weights)
			slices.Reverse(back.Weights)
		}
		double, err := Estimate(context.Background(), back, w, l, o)
		if err != nil {
			t.Fatal(err)
		}
		peak := slices.Max(base.Values)
		for at, v := range base.Values {
			if math.Abs(other.Values[at]*4-v) > 1e-9*peak {
				t.Fatalf("cell %d: %v, twice as large %v", at, v, other.Values[at])
			}
			if math.Abs(double.Values[at]/2-v) > 1e-12*peak {
				t.Fatalf("cell %d: %v, twice all points %v", at, v, double.Values[at])
			}
		}
	})
}

func TestMassIsPreserved(t *testing.T) {
	for name, w := range map[string]*Window{"rectangle": rectangle(t, 0, 0, 1000, 1000), "island": island(t, 1000, 500)} {
		p := scattered(150, w)
		for _, o := range []Options{{SigmaM: 60}, {SigmaM: 60, Mode: Binned}, {SigmaM: 60, Adaptive: true}, {Kernel: Quartic, RadiusM: 170}, {Kernel: Quartic, RadiusM: 170, Mode: Binned}} {
			o.Edge = Diggle
			s := estimate(t, p, w, Lattice{CellM: 8, NX: 125, NY: 125}, o)
			if got := s.Integral(); !agree(got, 150, 3e-3) {
				t.Errorf("%s, %+v: the density of 150 points integrates to %v", name, o, got)
			}
		}
	}
}

func TestFarFromTheBorderNothingIsCorrected(t *testing.T) {
	p, w := bei(t)
	l := Lattice{OriginXM: 400, OriginYM: 200, CellM: 5, NX: 40, NY: 20}
	for _, mode := range []Mode{Exact, Binned} {
		for _, o := range []Options{{SigmaM: 12}, {Kernel: Quartic, RadiusM: 50}} {
			o.Mode, o.Edge = mode, None
			want := estimate(t, p, polygonOf(t, w), l, o)
			o.Edge = Uniform
			got := estimate(t, p, polygonOf(t, w), l, o)
			for at, v := range want.Values {
				if !agree(v, got.Values[at], 1e-6) {
					t.Fatalf("%+v: %v corrected to %v", o, v, got.Values[at])
				}
			}
		}
	}
}

func TestAdaptive(t *testing.T) {
	w := rectangle(t, 0, 0, 1e5, 1e5)
	o := Options{SigmaM: 100, Edge: None, Adaptive: true}
	adapted := func(xy ...orb.Point) []bump {
		settled, k, err := o.settled()
		if err != nil {
			t.Fatal(err)
		}
		b, err := bumpsOf(t.Context(), Points{XY: xy}, w, k, settled, &stat.Meta{})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, b := range adapted(orb.Point{4e4, 5e4}, orb.Point{6e4, 5e4}) {
		if !agree(b.k.size, 100, 1e-12) {
			t.Errorf("two equal points have %v m", b.k.size)
		}
	}
	// Three at one place have a pilot of 3, one alone of 1: the geometric mean is 3^¾.
	b := adapted(orb.Point{4e4, 5e4}, orb.Point{4e4, 5e4}, orb.Point{4e4, 5e4}, orb.Point{6e4, 5e4})
	if !agree(b[0].k.size, 100*math.Pow(3, -1.0/8), 1e-12) || !agree(b[3].k.size, 100*math.Pow(3, 3.0/8), 1e-12) {
		t.Errorf("bandwidths %v and %v", b[0].k.size, b[3].k.size)
	}
	o.MaxRatio = 1.2
	if b = adapted(orb.Point{4e4, 5e4}, orb.Point{4e4, 5e4}, orb.Point{4e4, 5e4}, orb.Point{6e4, 5e4}); b[3].k.size != 120 {
		t.Errorf("the largest bandwidth is %v", b[3].k.size)
	}
}

func TestRelativeRisk(t *testing.T) {
	w, l := rectangle(t, 0, 0, 1000, 1000), Lattice{CellM: 50, NX: 20, NY: 20}
	cases, controls := scattered(40, w), scattered(90, w)
	for _, mode := range []Mode{Exact, Binned} {
		a, b := estimate(t, cases, w, l, Options{SigmaM: 110, Mode: mode}), estimate(t, controls, w, l, Options{SigmaM: 110, Mode: mode})
		plain, err := RelativeRisk(a, b, RiskOptions{})
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := RelativeRisk(a, b, RiskOptions{Intensities: true})
		logs, _ := RelativeRisk(a, b, RiskOptions{Log: true})
		self, _ := RelativeRisk(a, a, RiskOptions{Log: true})
		for at := range a.Values {
			if !plain.known(at) || !logs.known(at) {
				continue
			}
			want := a.Values[at] / b.Values[at]
			if !agree(raw.Values[at], want, 1e-14) || !agree(plain.Values[at], want*90/40, 1e-13) || math.Abs(logs.Values[at]-math.Log(want*90/40)) > 1e-12 || self.Values[at] != 0 {
				t.Fatalf("cell %d: %v, %v, %v; want %v", at, raw.Values[at], plain.Values[at], logs.Values[at], want)
			}
		}
	}
	far := Points{XY: []orb.Point{{50, 50}}}
	q := Options{Kernel: Quartic, RadiusM: 200}
	a, b := estimate(t, cases, w, l, q), estimate(t, far, w, l, q)
	risk, err := RelativeRisk(a, b, RiskOptions{})
	if err != nil || risk.Value(19, 19).Reason() != NoControl {
		t.Errorf("without controls: %v, %v", risk.Value(19, 19), err)
	}
	if risk, err = RelativeRisk(b, a, RiskOptions{Log: true}); err != nil || risk.Value(19, 19).Reason() != NoCases && risk.Value(19, 19).Reason() != NoControl {
		t.Errorf("without cases: %v, %v", risk.Value(19, 19), err)
	}
	for name, f := range map[string]func() (*Surface, error){
		"lattices that differ": func() (*Surface, error) {
			return RelativeRisk(a, estimate(t, far, w, Lattice{CellM: 100, NX: 10, NY: 10}, q), RiskOptions{})
		},
		"differ in their unit": func() (*Surface, error) {
			return RelativeRisk(a, estimate(t, far, w, l, Options{Kernel: Quartic, RadiusM: 200, Edge: None}), RiskOptions{})
		},
		"needs a surface":    func() (*Surface, error) { return RelativeRisk(nil, a, RiskOptions{}) },
		"ControlFloor":       func() (*Surface, error) { return RelativeRisk(a, b, RiskOptions{ControlFloor: 2}) },
		"there are no cases": func() (*Surface, error) { return RelativeRisk(estimate(t, Points{}, w, l, q), a, RiskOptions{}) },
	} {
		if _, err := f(); !strings.Contains(text(err), name) || grids.KindOf(err) != grids.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestContours(t *testing.T) {
	l := Lattice{OriginXM: 100, OriginYM: 200, CellM: 10, NX: 60, NY: 50}
	cone := &Surface{Lattice: l, Values: make([]float64, l.Cells())}
	for at := range cone.Values {
		c := l.Centre(at%l.NX, at/l.NX)
		cone.Values[at] = 300 - math.Hypot(c[0]-400, c[1]-450)
	}
	lines, err := cone.Contours([]float64{120, 1000, -50})
	if err != nil || len(lines[0]) != 1 || len(lines[1]) != 0 || lines[1] == nil {
		t.Fatalf("%d, %d lines, %v", len(lines[0]), len(lines[1]), err)
	}
	ring := lines[0][0]
	if ring[0] != ring[len(ring)-1] || orb.Ring(ring).Orientation() != orb.CCW {
		t.Error("the ring around a summit is not closed with the summit on its left")
	}
	for _, p := range ring {
		if math.Abs(math.Hypot(p[0]-400, p[1]-450)-180) > .2 {
			t.Errorf("%v is not on the circle", p)
		}
	}
	for _, line := range lines[2] { // the circle of 350 m leaves the lattice: open lines, whose ends are on its border
		for _, end := range []orb.Point{line[0], line[len(line)-1]} {
			if end[0] != 105 && end[0] != 695 && end[1] != 205 && end[1] != 695 {
				t.Errorf("a line ends at %v", end)
			}
		}
	}
	cone.clear(25*l.NX+48, outside) // on the ring, to the east
	if cut, _ := cone.Contours([]float64{120}); len(cut[0]) != 1 || cut[0][0][0] == cut[0][0][len(cut[0][0])-1] {
		t.Errorf("a ring through a gap is still closed")
	}
	saddle := &Surface{Lattice: Lattice{CellM: 1, NX: 2, NY: 2}, Values: []float64{3, 0, 0, 3}}
	for level, want := range map[float64]orb.MultiLineString{
		1: {{{.5, .5 + 2.0/3}, {.5 + 1.0/3, 1.5}}, {{1.5, .5 + 1.0/3}, {.5 + 2.0/3, .5}}},
		2: {{{.5 + 1.0/3, .5}, {.5, .5 + 1.0/3}}, {{.5 + 2.0/3, 1.5}, {1.5, .5 + 2.0/3}}},
	} {
		got, _ := saddle.Contours([]float64{level})
		if len(got[0]) != 2 {
			t.Fatalf("saddle at %v: %v", level, got)
		}
		for _, line := range want {
			if !slices.ContainsFunc(got[0], func(g orb.LineString) bool {
				return len(g) == 2 && same(g[0], line[0]) && same(g[1], line[1]) || same(g[0], line[1]) && same(g[1], line[0])
			}) {
				t.Errorf("saddle at %v: %v, want %v", level, got[0], line)
			}
		}
	}
	if _, err := saddle.Contours([]float64{math.NaN()}); grids.KindOf(err) != grids.Invalid || err == nil {
		t.Errorf("a level that is no number: %v", err)
	}
}

func same(a, b orb.Point) bool { return math.Hypot(a[0]-b[0], a[1]-b[1]) < 1e-12 }

func TestMassOverTheLattice(t *testing.T) {
	w, l := island(t, 1000, 300), Lattice{CellM: 8, NX: 125, NY: 125}
	for _, sigma := range []float64{17, 40, 150} {
		b := &binner{p: scattered(5, w), w: w, k: kernelOf{Gaussian, sigma}, o: Options{Edge: Uniform}}
		var err error
		if b.f, err = frameOf(l, w, reachSigma*sigma); err == nil {
			err = b.weigh(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		off := 0.0
		for at, e := range b.mass {
			if p := b.f.l.Centre(at%b.f.l.NX, at/b.f.l.NX); at%7 == 0 && w.covers(p) {
				off = max(off, math.Abs(e-w.mass(p, b.k)))
			}
		}
		t.Logf("σ %v: off by %.1e, bound %.1e", sigma, off, b.off)
		if off > b.off || off < b.off/100 {
			t.Errorf("σ %v: off by %v, bound %v", sigma, off, b.off)
		}
	}
}
