package scan

import (
	"context"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"

	"github.com/paulmach/orb"
)

// island is n locations at random with populations, and cases in proportion to them, by location and period.
func island(n, periods, cases int, seed uint64) (Places, [][]int, [][]float64) {
	r := rand.New(rand.NewPCG(seed, 1))
	at, c, e := Places{}, make([][]int, n), make([][]float64, n)
	for i := range n {
		at.Points = append(at.Points, orb.Point{80000 * r.Float64(), 20000 * r.Float64()})
		c[i], e[i] = make([]int, periods), make([]float64, periods)
		people := float64(1 + r.IntN(4000))
		for t := range e[i] {
			e[i][t] = people * float64(28+t%4)
		}
	}
	for range cases {
		c[r.IntN(n)][r.IntN(periods)]++
	}
	return at, c, e
}

// flat is a table with one period as a column.
func flat[T any](table [][]T) []T {
	var out []T
	for _, row := range table {
		out = append(out, row...)
	}
	return out
}

// processor is the seconds of user time so far.
func processor(b *testing.B) float64 {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		b.Fatal(err)
	}
	return float64(use.Utime.Sec) + float64(use.Utime.Usec)/1e6
}

func benchmark(b *testing.B, periods int, run func(Places, [][]int, [][]float64) (*Result, error)) {
	for _, cases := range []int{300, 1500, 10000} {
		at, c, e := island(351, periods, cases, 7)
		b.Run(fmt.Sprint(cases), func(b *testing.B) {
			before := processor(b)
			for b.Loop() {
				if _, err := run(at, c, e); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric((processor(b)-before)/float64(b.N), "cpu-s/op")
		})
	}
}

func BenchmarkSpatial(b *testing.B) {
	benchmark(b, 1, func(at Places, c [][]int, e [][]float64) (*Result, error) {
		return Poisson(context.Background(), at, flat(c), flat(e), Options{Workers: 1})
	})
}

func BenchmarkSpatialBoth(b *testing.B) {
	benchmark(b, 1, func(at Places, c [][]int, e [][]float64) (*Result, error) {
		return Poisson(context.Background(), at, flat(c), flat(e), Options{Workers: 1, Rates: Both})
	})
}

func BenchmarkBernoulli(b *testing.B) {
	benchmark(b, 1, func(at Places, c [][]int, e [][]float64) (*Result, error) {
		controls := make([]int, len(c))
		for i := range controls {
			controls[i] = int(e[i][0])
		}
		return Bernoulli(context.Background(), at, flat(c), controls, Options{Workers: 1})
	})
}

func BenchmarkProspective(b *testing.B) {
	benchmark(b, 24, func(at Places, c [][]int, e [][]float64) (*Result, error) {
		return SpaceTimePoisson(context.Background(), at, c, e, Options{Workers: 1, Prospective: true})
	})
}

func BenchmarkRetrospective(b *testing.B) {
	benchmark(b, 24, func(at Places, c [][]int, e [][]float64) (*Result, error) {
		return SpaceTimePoisson(context.Background(), at, c, e, Options{Workers: 1})
	})
}

func BenchmarkPermutation(b *testing.B) {
	benchmark(b, 24, func(at Places, c [][]int, e [][]float64) (*Result, error) {
		return SpaceTimePermutation(context.Background(), at, c, Options{Workers: 1})
	})
}
