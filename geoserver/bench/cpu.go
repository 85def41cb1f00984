package bench

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ProcessCPU is the processor time that this process has used so far, in the kernel and out of it.
func ProcessCPU() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BackendCPU is the processor time that the PostgreSQL backend of that process id has used so far; false when it cannot be
// read here, as for a database on another machine. Parallel workers of the backend are not in it.
func BackendCPU(pid int) (time.Duration, bool) {
	proc := "/proc/" + strconv.Itoa(pid)
	if name, err := os.ReadFile(proc + "/comm"); err != nil || !strings.HasPrefix(string(name), "postgres") {
		return 0, false // a stranger with the number of a backend elsewhere
	}
	b, err := os.ReadFile(proc + "/schedstat")
	if err != nil {
		return 0, false
	}
	first, _, _ := strings.Cut(string(b), " ")
	ns, err := strconv.ParseInt(first, 10, 64)
	return time.Duration(ns), err == nil
}

// Cost is what one turn of a loop took, on average.
type Cost struct {
	CPU    float64 // µs; without a readable clock of the backend that of this process alone
	Wall   float64 // µs
	Allocs float64 // in this process
	Bytes  float64 // allocated in this process
}

// Measure runs f for every turn of the loop and returns the cost of one. backend is the process id of a database backend that
// works for f, or 0; whole reports whether its time is in the cost. The garbage of before is collected first.
func Measure(turns, backend int, f func(turn int) error) (c Cost, whole bool, err error) {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	there, readable := BackendCPU(backend)
	here, began := ProcessCPU(), time.Now()
	for i := range turns {
		if err := f(i); err != nil {
			return Cost{}, false, err
		}
	}
	wall, cpu := time.Since(began), ProcessCPU()-here
	runtime.ReadMemStats(&after)
	if then, ok := BackendCPU(backend); ok && readable {
		cpu += then - there
	}
	n := float64(max(turns, 1))
	return Cost{CPU: micros(cpu) / n, Wall: micros(wall) / n, Allocs: float64(after.Mallocs-before.Mallocs) / n,
		Bytes: float64(after.TotalAlloc-before.TotalAlloc) / n}, backend == 0 || readable, nil
}
