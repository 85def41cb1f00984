package importers

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"wangge/grids"
)

// generated writes n rows of casework as CSV and returns the file's path.
func generated(t testing.TB, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cases.csv")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "id,kind,date,lon,lat")
	for i := range n {
		kind := grids.CaseKinds[i%len(grids.CaseKinds)]
		day := time.Date(2022, 1, 1+i%1500, 0, 0, 0, 0, time.UTC).Format("2006-01-02")
		fmt.Fprintf(w, "C%07d,%s,%s,%.6f,%.6f\n", i, kind, day, 121.2+float64(i%6999)/1e4, 31.3+float64(i%4999)/1e4)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// liveMiB is the memory in use after a collection.
func liveMiB() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}

func TestLargeFileStreams(t *testing.T) {
	const rows = 300_000
	for _, test := range []struct {
		name, path string
		limitMiB   float64
	}{
		{"CSV", generated(t, rows), 24},
		{"GeoJSON", generatedGeoJSON(t, rows), 24},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, err := Open(context.Background(), test.path, Options{Subject: "casework"})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			defer debug.SetGCPercent(debug.SetGCPercent(20))
			rep := NewReport(s)
			before, most, n := liveMiB(), 0.0, 0
			for range Casework(s, checker, rep) {
				if n++; n%60_000 == 0 {
					most = max(most, liveMiB()-before)
				}
			}
			if n != rows || rep.Refused || rep.Rejected != 0 {
				t.Fatalf("%d of %d rows, %d rejected, refused %v %v", n, rows, rep.Rejected, rep.Refused, rep.Refusal)
			}
			if most > test.limitMiB {
				t.Errorf("%.1f MiB live while reading, limit %.0f", most, test.limitMiB)
			}
			t.Logf("%.1f MiB live while reading %d rows", most, rows)
		})
	}
}

// generatedGeoJSON writes n points of casework as one feature collection.
func generatedGeoJSON(t testing.TB, n int) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(`{"type":"FeatureCollection","features":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"type":"Feature","properties":{"id":"C%07d","kind":"other","date":"2025-03-09"},"geometry":{"type":"Point","coordinates":[%.6f,%.6f]}}`,
			i, 121.2+float64(i%6999)/1e4, 31.3+float64(i%4999)/1e4)
	}
	b.WriteString("]}")
	return written(t, []byte(b.String()))
}

func BenchmarkCaseworkCSV(b *testing.B) {
	const rows = 200_000
	benchmark(b, generated(b, rows), rows)
}

func BenchmarkCaseworkGeoJSON(b *testing.B) {
	const rows = 100_000
	benchmark(b, generatedGeoJSON(b, rows), rows)
}

// benchmark reads a file of casework again and again.
func benchmark(b *testing.B, path string, rows int) {
	b.ReportAllocs()
	start := cpuTime(b)
	for b.Loop() {
		s, err := Open(context.Background(), path, Options{Subject: "casework"})
		if err != nil {
			b.Fatal(err)
		}
		rep := NewReport(s)
		n := 0
		for range Casework(s, checker, rep) {
			n++
		}
		if n != rows {
			b.Fatalf("%d of %d rows", n, rows)
		}
		s.Close()
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(rows)*float64(b.N)/(cpuTime(b)-start).Seconds(), "rows/cpu-s") // what a quiet core does
}

// cpuTime is the processor time that this process has used.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
