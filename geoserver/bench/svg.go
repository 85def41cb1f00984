package bench

import (
	"bufio"
	"fmt"
	"html"
	"io"
	"math"
	"slices"
)

// chart is a list of horizontal bars; bars of one group stand together.
type chart struct {
	title       string
	logarithmic bool
	bars        []bar
}

type bar struct {
	group, series string
	value         Spread
}

// Measures of a drawing, in px.
const (
	chartWidth = 860
	barsLeft   = 330 // of the bars; the names stand before it
	barsWide   = 380
	barHigh    = 16
	gapHigh    = 10 // between groups
	headHigh   = 44 // of a chart's title
)

// palette is the style of a drawing in a light and a dark surrounding: ours and theirs differ by lightness, too.
const palette = `text{font:13px system-ui,sans-serif;fill:#222}.t{font-weight:600;font-size:15px}.v{font-size:12px}.ours{fill:#0b63b5}.other{fill:#e08a1e}.w{stroke:#222}.bg{fill:#fff}
@media(prefers-color-scheme:dark){text{fill:#e6e6e6}.ours{fill:#5fb0ff}.other{fill:#ffb454}.w{stroke:#e6e6e6}.bg{fill:#16181c}}`

// writeCharts draws the charts below each other.
func writeCharts(to io.Writer, charts []chart) error {
	charts = slices.DeleteFunc(charts, func(c chart) bool { return len(c.bars) == 0 })
	high := gapHigh
	for _, c := range charts {
		high += c.height()
	}
	w := bufio.NewWriter(to)
	line := func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) } // an error of a bufio.Writer comes out of Flush
	line(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d" role="img">`, chartWidth, high)
	line("<style>%s</style>", palette)
	line(`<rect class="bg" width="%d" height="%d"/>`, chartWidth, high)
	top := 0
	for _, c := range charts {
		c.draw(line, top)
		top += c.height()
	}
	line("</svg>")
	return w.Flush()
}

// height is what the chart takes.
func (c chart) height() int {
	high, group := headHigh+gapHigh, ""
	for _, b := range c.bars {
		if b.group != group {
			high, group = high+gapHigh, b.group
		}
		high += barHigh + 2
	}
	return high
}

// draw writes the chart from y = top on.
func (c chart) draw(line func(string, ...any), top int) {
	line(`<text class="t" x="16" y="%d">%s</text>`, top+28, html.EscapeString(c.title))
	scale := c.scale()
	y, group := top+headHigh, ""
	for _, b := range c.bars {
		if b.group != group {
			y, group = y+gapHigh, b.group
			line(`<text x="16" y="%d">%s</text>`, y+13, html.EscapeString(b.group))
		}
		class := "other"
		if b.series != AsMVT && b.series != OnlyBytes {
			class = "ours"
		}
		middle := y + barHigh/2
		line(`<text class="v" x="%d" y="%d" text-anchor="end">%s</text>`, barsLeft-8, y+13, html.EscapeString(b.series))
		line(`<rect class="%s" x="%d" y="%d" width="%.1f" height="%d"/>`, class, barsLeft, y, scale(b.value.Median), barHigh)
		line(`<line class="w" x1="%.1f" x2="%.1f" y1="%d" y2="%[3]d"/>`, barsLeft+scale(b.value.Min), barsLeft+scale(b.value.Max), middle)
		line(`<text class="v" x="%.1f" y="%d">%s</text>`, barsLeft+max(scale(b.value.Median), scale(b.value.Max))+8, y+13, figure(b.value.Median))
		y += barHigh + 2
	}
}

// scale maps a value to a length in px.
func (c chart) scale() func(float64) float64 {
	most, least := 0.0, math.Inf(1)
	for _, b := range c.bars {
		most = max(most, b.value.Max)
		if b.value.Min > 0 {
			least = min(least, b.value.Min)
		}
	}
	if !c.logarithmic {
		return func(v float64) float64 { return v / max(most, 1e-9) * barsWide }
	}
	from := math.Floor(math.Log10(least)) // a whole power of ten, so that the smallest bar is still seen
	span := max(math.Log10(most)-from, 1)
	return func(v float64) float64 {
		if v <= 0 {
			return 0
		}
		return (math.Log10(v) - from) / span * barsWide
	}
}

// figure is a number with three digits that count.
func figure(v float64) string {
	if v >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}
