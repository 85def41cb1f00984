package kde

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/paulmach/orb"

	"wangge/grids"
	"wangge/grids/risk/stat"
)

// scattered is n points in the window, half of them in clusters.
func scattered(n int, w *Window) Points {
	var p Points
	r, b := stat.Stream(1, uint64(n)), w.Bound()
	width, height := b.Max[0]-b.Min[0], b.Max[1]-b.Min[1]
	for len(p.XY) < n {
		at := orb.Point{b.Min[0] + r.Float64()*width, b.Min[1] + r.Float64()*height}
		if len(p.XY)%2 == 1 {
			last := p.XY[len(p.XY)-1]
			at = orb.Point{last[0] + r.NormFloat64()*width/100, last[1] + r.NormFloat64()*height/100}
		}
		if w.Covers(at) {
			p.XY = append(p.XY, at)
		}
	}
	return p
}

// island is a window with a coast of so many corners, a hole and an islet, within 0 … side along both axes.
func island(t testing.TB, side float64, corners int) *Window {
	t.Helper()
	ring := func(x, y, r, wave float64, n int) orb.Ring {
		out := make(orb.Ring, n)
		for i := range out {
			a := 2 * math.Pi * float64(i) / float64(n)
			r := r * (1 + wave*math.Sin(7*a) + wave/3*math.Sin(41*a))
			out[i] = orb.Point{side * (x + r*math.Cos(a)), side * (y + r*math.Sin(a))}
		}
		return out
	}
	w, err := NewWindow(orb.MultiPolygon{
		{ring(.5, .5, .42, .06, corners), ring(.45, .55, .1, .1, corners/8+3)},
		{ring(.94, .94, .05, .02, corners/16+3)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// cpu is the processor time of this process so far.
func cpu(t testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// leastCPU runs f until the benchmark ends, and reports the least processor time of a run.
func leastCPU(b *testing.B, f func()) {
	least := time.Duration(math.MaxInt64)
	for b.Loop() {
		from := cpu(b)
		f()
		least = min(least, cpu(b)-from)
	}
	b.ReportMetric(least.Seconds()*1e3, "min-cpu-ms")
}

func BenchmarkBinned(b *testing.B) {
	for _, size := range []struct{ points, side int }{{100_000, 512}, {1_000_000, 2048}} {
		side := float64(size.side) * 10
		for name, w := range map[string]*Window{"rectangle": rectangle(b, 0, 0, side, side), "island": island(b, side, 2000)} {
			p, l := scattered(size.points, w), Lattice{CellM: 10, NX: size.side, NY: size.side}
			b.Run(fmt.Sprintf("%d-points-%d/%s", size.points, size.side, name), func(b *testing.B) {
				leastCPU(b, func() { estimate(b, p, w, l, Options{SigmaM: side / 50, Mode: Binned}) })
			})
		}
	}
}

func BenchmarkExact(b *testing.B) {
	w := rectangle(b, 0, 0, 5120, 5120)
	p, l := scattered(2000, w), Lattice{CellM: 20, NX: 256, NY: 256}
	for name, o := range map[string]Options{"gaussian": {SigmaM: 100}, "quartic": {Kernel: Quartic, RadiusM: 300}} {
		b.Run(name, func(b *testing.B) {
			leastCPU(b, func() { estimate(b, p, w, l, o) })
		})
	}
}

func TestBadInput(t *testing.T) {
	w, l, one := rectangle(t, 0, 0, 100, 100), Lattice{CellM: 10, NX: 10, NY: 10}, Points{XY: []orb.Point{{5, 5}}}
	for _, tt := range []struct {
		want string
		p    Points
		w    *Window
		l    Lattice
		o    Options
	}{
		{"point 1", Points{XY: []orb.Point{{5, 5}, {math.NaN(), 5}}}, w, l, Options{SigmaM: 20}},
		{"point 0", Points{XY: []orb.Point{{5, math.Inf(1)}}}, w, l, Options{SigmaM: 20}},
		{"1 weights for 2", Points{XY: make([]orb.Point, 2), Weights: []float64{1}}, w, l, Options{SigmaM: 20}},
		{"weight of point 0", Points{XY: make([]orb.Point, 1), Weights: []float64{-1}}, w, l, Options{SigmaM: 20}},
		{"weight of point 0", Points{XY: make([]orb.Point, 1), Weights: []float64{math.NaN()}}, w, l, Options{SigmaM: 20}},
		{"there is no window", one, nil, l, Options{SigmaM: 20}},
		{"there is no window", one, &Window{}, l, Options{SigmaM: 20}},
		{"no cells", one, w, Lattice{CellM: 10}, Options{SigmaM: 20}},
		{"larger cells", one, w, Lattice{CellM: 10, NX: 1 << 30, NY: 1 << 40}, Options{SigmaM: 20}},
		{"cells of NaN", one, w, Lattice{CellM: math.NaN(), NX: 1, NY: 1}, Options{SigmaM: 20}},
		{"reaches to", one, w, Lattice{OriginXM: math.Inf(1), CellM: 1, NX: 1, NY: 1}, Options{SigmaM: 20}},
		{"needs SigmaM", one, w, l, Options{}},
		{"needs SigmaM", one, w, l, Options{SigmaM: math.NaN()}},
		{"needs SigmaM", one, w, l, Options{SigmaM: 20, RadiusM: 20}},
		{"needs RadiusM", one, w, l, Options{Kernel: Quartic, SigmaM: 20}},
		{"no kernel", one, w, l, Options{Kernel: "box", SigmaM: 20}},
		{"no edge correction", one, w, l, Options{Edge: "torus", SigmaM: 20}},
		{"no mode", one, w, l, Options{Mode: "fast", SigmaM: 20}},
		{"no unit", one, w, l, Options{Unit: "per_mile", SigmaM: 20}},
		{"smaller cells", one, w, l, Options{Mode: Binned, SigmaM: 19}},
		{"smaller cells", one, w, l, Options{Mode: Binned, Kernel: Quartic, RadiusM: 39}},
		{"cannot be binned", one, w, l, Options{Mode: Binned, SigmaM: 20, Edge: None, Adaptive: true}},
		{"no one mass", one, w, l, Options{SigmaM: 20, Adaptive: true}},
		{"MaxRatio", one, w, l, Options{SigmaM: 20, MaxRatio: .5}},
		{"same CRS", Points{XY: []orb.Point{{500, 5}}}, w, l, Options{SigmaM: 20}},
		{"same CRS", Points{XY: []orb.Point{{500, 5}}}, w, l, Options{SigmaM: 20, Mode: Binned}},
	} {
		_, err := Estimate(t.Context(), tt.p, tt.w, tt.l, tt.o)
		if kind := grids.KindOf(err); !strings.Contains(text(err), tt.want) || kind != grids.Invalid && kind != grids.TooLarge {
			t.Errorf("%s: %v", tt.want, err)
		}
	}
	ring := orb.Ring{{0, 0}, {9, 0}, {9, 9}, {0, 9}}
	for want, polygons := range map[string]orb.MultiPolygon{
		"no area: give":     {},
		"2 corners":         {{ring[:2]}},
		"polygon 1, ring 0": {{ring}, {orb.Ring{{0, 0}, {1, 1}, {2, 2}}}},
		"point 2":           {{orb.Ring{{0, 0}, {1, 1}, {math.NaN(), 2}}}},
		"has no area":       {{ring, ring}},
	} {
		if _, err := NewWindow(polygons); !strings.Contains(text(err), want) || grids.KindOf(err) != grids.Invalid {
			t.Errorf("%s: %v", want, err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, o := range []Options{{SigmaM: 20}, {SigmaM: 20, Mode: Binned}, {Kernel: Quartic, RadiusM: 40}} {
		if _, err := Estimate(ended, one, w, l, o); err != context.Canceled {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func FuzzEstimate(f *testing.F) {
	f.Add(3, 10.0, 20.0, 5.0, 7.0, 50.0, 0.0, uint8(0))
	f.Add(0, 1.0, 2.0, 0.0, 0.0, 0.0, 1.0, uint8(5))
	f.Add(5, math.Inf(1), math.NaN(), -1.0, 1e300, 1e-300, 1e9, uint8(255))
	f.Add(4, 1e-6, 1e9, 1e9, -1e9, 5.0, 5.0, uint8(18))
	f.Fuzz(func(t *testing.T, n int, cell, size, x, y, side, weight float64, choice uint8) {
		var w *Window
		var err error
		if b := (orb.Bound{Min: orb.Point{x, y}, Max: orb.Point{x + side, y + side}}); choice&1 == 0 {
			w, err = Rectangle(b)
		} else {
			w, err = NewWindow(orb.MultiPolygon{{orb.Ring{b.Min, {x + side, y}, {x + side/3, y + side/3}, {x, y + side}}}})
		}
		if err != nil {
			return
		}
		var p Points
		for i := range min(max(n, 0), 20) {
			p.XY = append(p.XY, orb.Point{x + side*float64(i%3)/4, y + side*float64(i%2)/7})
			p.Weights = append(p.Weights, weight)
		}
		o := Options{SigmaM: size, Edge: []Edge{None, Uniform, Diggle}[(choice>>1&3)%3], Mode: []Mode{Exact, Binned}[choice>>3&1]}
		if choice&16 != 0 {
			o.Kernel, o.SigmaM, o.RadiusM = Quartic, 0, size
		}
		if choice&32 != 0 {
			o.Adaptive = true
		}
		l := Lattice{OriginXM: x - cell, OriginYM: y, CellM: cell, NX: 9, NY: 7}
		if s, err := Estimate(t.Context(), p, w, l, o); err == nil {
			if _, err := json.Marshal(s); err != nil {
				t.Fatalf("%v", err)
			}
			if _, err := s.Contours([]float64{weight}); err != nil && !math.IsNaN(weight) {
				t.Fatalf("%v", err)
			}
			if r, err := RelativeRisk(s, s, RiskOptions{Log: choice&64 != 0}); err == nil {
				if _, err := json.Marshal(r); err != nil {
					t.Fatalf("%v", err)
				}
			}
		}
		for _, rule := range []Selector{Scott, ArcGIS, LeastSquaresCV, LikelihoodCV, CronieVanLieshout, BermanDiggle} {
			if b, err := Select(t.Context(), p.XY, w, rule, BandwidthOptions{PixelM: cell}); err == nil {
				if _, err := json.Marshal(b); err != nil || !(b.SigmaM >= b.LowerM && b.LowerM > 0) {
					t.Fatalf("%s: %+v, %v", rule, b, err)
				}
			}
		}
	})
}
