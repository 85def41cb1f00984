package interaction

import (
	"context"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"
)

// cpu runs f as a benchmark and reports the CPU time of the process beside the wall time, which other work on the machine stretches.
func cpu(b *testing.B, f func() error) {
	b.Helper()
	from := used(b)
	for b.Loop() {
		if err := f(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric((used(b)-from).Seconds()/float64(b.N), "cpu-s/op")
}

// used is the CPU time, user and system, of the process so far.
func used(b *testing.B) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// district is n events spread over 40 × 30 km and five years, on whole days when asked.
func district(n int, whole bool) []Event {
	draw := rand.New(rand.NewPCG(1, 2))
	out := make([]Event, n)
	for i := range out {
		out[i] = Event{X: 350000 + 40000*draw.Float64(), Y: 3490000 + 30000*draw.Float64(), Day: 1826 * draw.Float64()}
		if whole {
			out[i].Day = float64(int(out[i].Day))
		}
	}
	return out
}

// The thresholds of a district: 100 m to 1 km, 7 to 90 days.
var (
	districtM    = []float64{100, 200, 300, 400, 500, 600, 700, 850, 1000}
	districtDays = []float64{7, 14, 21, 28, 35, 42, 56, 70, 90}
)

func benchmarkKnox(b *testing.B, n, thresholds int) {
	events := district(n, true)
	deltas, taus := districtM[9-thresholds:], districtDays[9-thresholds:]
	cpu(b, func() error {
		_, err := KnoxTable(context.Background(), events, deltas, taus, Options{})
		return err
	})
}

func BenchmarkKnoxTable10000(b *testing.B)      { benchmarkKnox(b, 10_000, 9) }
func BenchmarkKnoxTable50000(b *testing.B)      { benchmarkKnox(b, 50_000, 9) }
func BenchmarkKnoxTable5x5of10000(b *testing.B) { benchmarkKnox(b, 10_000, 5) }
func BenchmarkKnoxTable5x5of50000(b *testing.B) { benchmarkKnox(b, 50_000, 5) }

// All pairs near: the bound of the cost, 50 million pairs.
func BenchmarkKnoxDense10000(b *testing.B) {
	events := district(10_000, true)
	cpu(b, func() error {
		_, err := KnoxTable(context.Background(), events, []float64{10000, 60000}, districtDays, Options{})
		return err
	})
}

// 99 replicates of 10 000 events with about 130 000 near pairs.
func BenchmarkKnoxMonteCarlo10000x99(b *testing.B) {
	events := district(10_000, true)
	cpu(b, func() error {
		_, err := KnoxTable(context.Background(), events, districtM, districtDays, Options{Replicates: 99})
		return err
	})
}

func BenchmarkKnoxMonteCarloHagelloch999(b *testing.B) {
	events := eventsOf(b, "c15_knox_hagelloch_imdepi/input_hagelloch.csv", "t")
	cpu(b, func() error {
		_, err := KnoxTable(context.Background(), events, []float64{20, 50, 100}, []float64{3, 7, 14}, Options{Replicates: 999})
		return err
	})
}

// 50 million pairs, exact moments.
func BenchmarkMantel10000(b *testing.B) {
	events := district(10_000, true)
	cpu(b, func() error {
		_, err := Mantel(context.Background(), events, MantelOptions{ConstantM: 100, ConstantDays: 7})
		return err
	})
}
