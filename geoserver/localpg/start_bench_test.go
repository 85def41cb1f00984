package localpg

import (
	"log/slog"
	"os"
	"testing"
)

// BenchmarkStart times a start up to the first possible connection, and a clean stop, with fsync as in earnest.
func BenchmarkStart(b *testing.B) {
	quiet := slog.New(slog.DiscardHandler)
	folder := func(b *testing.B) string {
		dir, err := os.MkdirTemp("", "localpg-")
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { os.RemoveAll(dir) })
		if err := os.Chmod(dir, 0o711); err != nil {
			b.Fatal(err)
		}
		return dir
	}
	start := func(b *testing.B, dir string) *Cluster {
		c, err := Start(b.Context(), Options{Dir: dir, Log: quiet})
		if err != nil {
			b.Fatal(err)
		}
		return c
	}
	stop := func(b *testing.B, c *Cluster) {
		if err := c.Stop(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			dir := folder(b)
			b.StartTimer()
			c := start(b, dir)
			b.StopTimer()
			stop(b, c)
			b.StartTimer()
		}
	})
	for _, timed := range []bool{true, false} {
		b.Run(map[bool]string{true: "later", false: "stop"}[timed], func(b *testing.B) {
			dir := folder(b)
			stop(b, start(b, dir))
			toggle := func(on bool) {
				if on {
					b.StartTimer()
				} else {
					b.StopTimer()
				}
			}
			for b.Loop() {
				toggle(timed)
				c := start(b, dir)
				toggle(!timed)
				stop(b, c)
				toggle(true)
			}
		})
	}
}

// BenchmarkWritable is what every write pays for the question whether it may.
func BenchmarkWritable(b *testing.B) {
	c := &Cluster{folder: folder{dir: b.TempDir()}}
	if err := os.Mkdir(c.path(""), 0o700); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := c.Writable(); err != nil {
			b.Fatal(err)
		}
	}
}
