package risk_test

import (
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"

	"wangge/grids/disclosure"
	"wangge/grids/risk"
	"wangge/grids/risk/autocorr"
	"wangge/grids/risk/rates"
	"wangge/grids/risk/trend"
	"wangge/grids/risk/weights"
)

// field is one level of a synthetic district: units on a lattice of hexagonal neighbours, with small counts by month.
type field struct {
	units  int
	counts [][]float64 // by unit and month
	area   []float64
	self   *weights.Matrix // B with the units themselves
	others *weights.Matrix // W
}

func newField(b *testing.B, columns, rows, months int) *field {
	b.Helper()
	n := columns * rows
	f := &field{units: n, area: make([]float64, n), counts: make([][]float64, n)}
	r := rand.New(rand.NewPCG(1, uint64(n)))
	near := make([][]weights.Link, n)
	for i := range n {
		x, y := i%columns, i/columns
		shift := y & 1
		for _, d := range [][2]int{{-1, 0}, {1, 0}, {shift - 1, -1}, {shift, -1}, {shift - 1, 1}, {shift, 1}} {
			if u, v := x+d[0], y+d[1]; u >= 0 && u < columns && v >= 0 && v < rows {
				near[i] = append(near[i], weights.Link{To: v*columns + u, Weight: 1})
			}
		}
		f.area[i] = 1 + r.Float64()
		f.counts[i] = make([]float64, months)
		for m := range months {
			if r.IntN(20) == 0 {
				f.counts[i][m] = float64(1 + r.IntN(3))
			}
		}
	}
	withSelf, even := make([][]weights.Link, n), make([][]weights.Link, n)
	for i, row := range near {
		withSelf[i] = append(append([]weights.Link{}, row...), weights.Link{To: i, Weight: 1})
		for _, l := range row {
			even[i] = append(even[i], weights.Link{To: l.To, Weight: 1 / float64(len(row))})
		}
	}
	var err error
	if f.self, err = weights.New(withSelf); err != nil {
		b.Fatal(err)
	}
	if f.others, err = weights.New(even); err != nil {
		b.Fatal(err)
	}
	return f
}

// refresh is everything that the map shows of a level: index, Gi*, LISA, empirical Bayes, trend.
func (f *field) refresh(b *testing.B) {
	ctx := b.Context()
	total := make([]float64, f.units)
	cube := trend.Cube{Units: f.units, Periods: len(f.counts[0])}
	units := make([]risk.Unit, f.units)
	for i, row := range f.counts {
		for _, v := range row {
			total[i] += v
		}
		cube.Values = append(cube.Values, row...)
		units[i] = risk.Unit{Key: strconv.Itoa(i), AreaM2: f.area[i] * 1e6, Cases: disclosure.Number(total[i]), CertifiedShare: disclosure.Number(.5), Survey: disclosure.Number(.5)}
	}
	if s := risk.Rank(units, risk.Default(), 3); len(s) != f.units {
		b.Fatal(len(s))
	}
	o := autocorr.LocalOptions{PMethod: autocorr.Normal, FDR: true}
	if f.units < 1000 {
		o.PMethod = autocorr.Auto
	}
	_, g := autocorr.LocalGStar(ctx, total, f.self, o)
	_, l := autocorr.LocalMoran(ctx, total, f.others, o)
	_, e := rates.Local(total, f.area, f.others, rates.LocalOptions{})
	_, t := trend.EmergingHotSpots(ctx, cube, f.self, trend.Defaults())
	for _, err := range []error{g, l, e, t} {
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRefresh is a full refresh of 351 grids and 20,000 cells over ten years of months, on as many cores as there are: index, Gi*, local
// Moran, local empirical Bayes, emerging hot spots with their trends. p of the grids are exact, those of the cells normal.
func BenchmarkRefresh(b *testing.B) {
	fields := []*field{newField(b, 27, 13, 120), newField(b, 160, 125, 120)}
	for b.Loop() {
		var wg sync.WaitGroup
		for _, f := range fields {
			wg.Go(func() { f.refresh(b) })
		}
		wg.Wait()
	}
}

// BenchmarkRefreshPermuted is the same with the p of the cells by 999 conditional permutations.
func BenchmarkRefreshPermuted(b *testing.B) {
	f := newField(b, 160, 125, 120)
	total := make([]float64, f.units)
	for i, row := range f.counts {
		for _, v := range row {
			total[i] += v
		}
	}
	for b.Loop() {
		for _, of := range []func() error{
			func() error {
				_, err := autocorr.LocalGStar(b.Context(), total, f.self, autocorr.LocalOptions{PMethod: autocorr.Permutation, Replicates: 999})
				return err
			},
			func() error {
				_, err := autocorr.LocalMoran(b.Context(), total, f.others, autocorr.LocalOptions{PMethod: autocorr.Permutation, Replicates: 999})
				return err
			},
		} {
			if err := of(); err != nil {
				b.Fatal(err)
			}
		}
	}
}
