package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// The ways to answer a warm tile that are compared.
const (
	Server      = "server"       // the whole server, 200
	NotModified = "not modified" // the whole server, 304
	OnlyBytes   = "floor"        // net/http and a map of the very same bytes
	ColdServer  = "server, cold" // the whole server, every tile cut anew
)

// The ways to make a tile that are compared.
const (
	Ours     = "wangge"          // cut from memory, not gzipped
	Packed   = "wangge, gzipped" // the same, gzipped and with its ETag
	NewSheet = "a new filter"    // a tile under a filter that nobody asked for before, gzipped
	AsMVT    = "ST_AsMVT"        // cut by the database, not gzipped
)

// Loaded is what one way of answering did at one concurrency.
type Loaded struct {
	Layers      string `json:"layers"`
	Way         string `json:"way"`
	Concurrency int    `json:"concurrency"`
	Rate        Spread `json:"tiles_per_s"`
	P50         Spread `json:"p50_us"`
	P99         Spread `json:"p99_us"`
	Bytes       Spread `json:"bytes"`
	rates       []Answers
}

// Made is what one way of making tiles cost, by tile.
type Made struct {
	Layers     string `json:"layers"`
	Way        string `json:"way"`
	CPU        Spread `json:"cpu_us"`
	BackendCPU bool   `json:"backend_cpu"` // the CPU of the database's backend is in CPU, or none works for it
	Wall       Spread `json:"wall_us"`
	Allocs     Spread `json:"allocs"`
	Alloced    Spread `json:"alloc_bytes"`
	costs      []Cost
}

// Report is everything that was measured, and where.
type Report struct {
	At      time.Time  `json:"at"`
	Version string     `json:"version"`
	Machine string     `json:"machine"`
	Events  int        `json:"casework_events"`
	Tiles   int        `json:"tiles"`
	Runs    int        `json:"runs"`
	Loaded  []*Loaded  `json:"loaded"`
	Made    []*Made    `json:"made"`
	Marks   *Freshness `json:"marks,omitempty"`
	Notes   []string   `json:"notes"`
}

// AddLoad adds one run of one way of answering.
func (r *Report) AddLoad(layers, way string, concurrency int, a Answers) {
	l := r.loaded(layers, way, concurrency)
	if l == nil {
		l = &Loaded{Layers: layers, Way: way, Concurrency: concurrency}
		r.Loaded = append(r.Loaded, l)
	}
	l.rates = append(l.rates, a)
	l.Rate, l.P50 = spread(l.rates, func(a Answers) float64 { return a.Rate }), spread(l.rates, func(a Answers) float64 { return a.P50 })
	l.P99, l.Bytes = spread(l.rates, func(a Answers) float64 { return a.P99 }), spread(l.rates, func(a Answers) float64 { return a.Bytes })
}

// AddCost adds one run of one way of making tiles; whole says that the cost holds all the CPU that was spent.
func (r *Report) AddCost(layers, way string, c Cost, whole bool) {
	m := r.made(layers, way)
	if m == nil {
		m = &Made{Layers: layers, Way: way, BackendCPU: true}
		r.Made = append(r.Made, m)
	}
	m.costs, m.BackendCPU = append(m.costs, c), m.BackendCPU && whole
	m.CPU, m.Wall = spread(m.costs, func(c Cost) float64 { return c.CPU }), spread(m.costs, func(c Cost) float64 { return c.Wall })
	m.Allocs, m.Alloced = spread(m.costs, func(c Cost) float64 { return c.Allocs }), spread(m.costs, func(c Cost) float64 { return c.Bytes })
}

func spread[T any](runs []T, of func(T) float64) Spread {
	values := make([]float64, len(runs))
	for i, r := range runs {
		values[i] = of(r)
	}
	return SpreadOf(values)
}

func (r *Report) loaded(layers, way string, concurrency int) *Loaded {
	for _, l := range r.Loaded {
		if l.Layers == layers && l.Way == way && l.Concurrency == concurrency {
			return l
		}
	}
	return nil
}

func (r *Report) made(layers, way string) *Made {
	for _, m := range r.Made {
		if m.Layers == layers && m.Way == way {
			return m
		}
	}
	return nil
}

// Ratios are the comparisons as sentences: of cold tiles medians over medians, of warm ones the median of each run's ratio to the floor, which
// was measured right before it.
func (r *Report) Ratios() (list []string) {
	for _, ours := range r.Made {
		theirs := r.made(ours.Layers, AsMVT)
		if ours.Way == AsMVT || theirs == nil {
			continue
		}
		if theirs.BackendCPU {
			list = append(list, fmt.Sprintf("CPU per cold tile of %s: %s / %s = %.1f×", ours.Layers, AsMVT, ours.Way, theirs.CPU.Median/ours.CPU.Median))
		} else {
			list = append(list, fmt.Sprintf("time per cold tile of %s (the database's CPU is not readable here): %s / %s = %.1f×", ours.Layers, AsMVT, ours.Way, theirs.Wall.Median/ours.Wall.Median))
		}
	}
	var all []float64
	for _, l := range r.Loaded {
		floor := r.loaded(l.Layers, OnlyBytes, l.Concurrency)
		if l.Way != Server || floor == nil || len(floor.rates) != len(l.rates) {
			continue
		}
		ratios := make([]float64, len(l.rates))
		for i, a := range l.rates {
			ratios[i] = a.Rate / floor.rates[i].Rate
		}
		all = append(all, ratios...)
		list = append(list, fmt.Sprintf("warm tiles/s of %s with %d clients: wangge / floor = %s", l.Layers, l.Concurrency, SpreadOf(ratios).text(2)))
	}
	if all != nil {
		list = append(list, "warm tiles/s of all runs: wangge / floor = "+SpreadOf(all).text(2))
	}
	return list
}

// WriteText writes the report as tables for a terminal. Figures are medians, with the least and the most run in brackets.
func (r *Report) WriteText(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	line := func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) } // an error of a tabwriter comes out of Flush
	line("wangge %s, %s, %s", r.Version, r.At.Format(time.RFC3339), r.Machine)
	line("%d casework events, %d tiles of z%d–z%d, %d runs: median [least–most]", r.Events, r.Tiles, FirstZoom, LastZoom, r.Runs)
	line("\nmaking a tile\t\tCPU µs\twall µs\tallocations\tallocated B")
	for _, m := range r.Made {
		line("%s\t%s\t%s\t%s\t%s\t%s", m.Layers, m.Way, cpuText(m), m.Wall.text(1), m.Allocs.text(1), m.Alloced.text(0))
	}
	line("\nover HTTP\t\tclients\ttiles/s\tp50 µs\tp99 µs\tbytes")
	for _, l := range r.Loaded {
		line("%s\t%s\t%d\t%s\t%s\t%s\t%.0f", l.Layers, l.Way, l.Concurrency, l.Rate.text(0), l.P50.text(0), l.P99.text(0), l.Bytes.Median)
	}
	if m := r.Marks; m != nil {
		line("\nmarks\tp50 ms\tp99 ms\tmost ms")
		for _, row := range []struct {
			name string
			l    Latency
		}{{"sent → acknowledged", m.Ack}, {"acknowledged → new tile", m.Tile}, {"other tiles", m.Read}} {
			line("%s\t%.2f\t%.2f\t%.2f", row.name, row.l.P50, row.l.P99, row.l.Max)
		}
		line("%d marks, %d stale, %d failed, %d other tiles %s", m.Marks, m.Stale, m.Failed, m.Reads, m.FirstFault)
	}
	line("")
	for _, s := range append(r.Ratios(), r.Notes...) {
		line("%s", s)
	}
	return w.Flush()
}

func cpuText(m *Made) string {
	if !m.BackendCPU {
		return "not readable"
	}
	return m.CPU.text(1)
}

// text is the spread for a table.
func (s Spread) text(decimals int) string {
	return fmt.Sprintf("%.*f [%.*f–%.*f]", decimals, s.Median, decimals, s.Min, decimals, s.Max)
}

// WriteJSON writes the raw figures.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// WriteSVG draws the figures: the CPU of a cold tile on a logarithmic scale, and warm tiles a second against the floor.
func (r *Report) WriteSVG(w io.Writer) error {
	cold := chart{title: "CPU per cold tile, µs (logarithmic)", logarithmic: true}
	for _, m := range r.Made {
		if m.BackendCPU {
			cold.bars = append(cold.bars, bar{m.Layers, m.Way, m.CPU})
		}
	}
	warm := chart{title: "warm tiles/s over HTTP"}
	for _, l := range r.Loaded {
		if l.Way == Server || l.Way == OnlyBytes {
			warm.bars = append(warm.bars, bar{fmt.Sprintf("%s, %d clients", l.Layers, l.Concurrency), l.Way, l.Rate})
		}
	}
	return writeCharts(w, []chart{cold, warm})
}
