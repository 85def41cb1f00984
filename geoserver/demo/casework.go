package demo

import (
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"

	"wangge/grids"
)

// kindShare is how often a kind occurs outside the growing season of poppies: most events are tip-offs, one in ten
// is a criminal case.
var kindShare = [...]weighted[grids.CaseKind]{
	{grids.TipOff, 0.805}, {grids.OtherCase, 0.085}, {grids.Possession, 0.045}, {grids.Trafficking, 0.033},
	{grids.Premises, 0.027}, {grids.Manufacture, 0.005},
}

// How busy the months are, January first: with everything but cultivation, and with cultivation, which is seen when
// poppies flower.
var (
	busy    = [12]float64{0.80, 0.70, 1.00, 1.10, 1.20, 1.55, 1.10, 0.95, 0.90, 0.95, 1.05, 1.20}
	growing = [12]float64{0, 0, 0.05, 0.30, 0.45, 0.12, 0, 0, 0, 0, 0, 0}
)

// The shares of events that have no point, or no day.
const (
	byVillage = 0.04 // only the village is known
	byGrid    = 0.02 // only the grid is known
	byWeek    = 0.08 // only the ISO week is known
)

// yearlyCases is the mean number of events a year at the real order of magnitude.
const yearlyCases = 75

// writeCasework writes the events in the order of their days.
func writeCasework(w io.Writer, o Options) error {
	r := o.random(caseworkStream)
	first, counts := calendar(r, o)
	events := 0
	for _, n := range counts {
		events += n
	}
	s := newScene(r, events)
	rows := caseRows{w: w, r: r, s: s, today: o.Today, b: make([]byte, 0, flushAt+rowBytes)}
	rows.b = append(rows.b, "id,kind,date,week,lon,lat,village_code,grid_code,synthetic\n"...)
	for i, n := range counts {
		if n > 0 {
			rows.start(first + grids.Day(i))
		}
		for range n {
			rows.next()
		}
		if rows.err != nil {
			return rows.err
		}
	}
	rows.flush()
	return rows.err
}

// calendar draws how many events each day has, from the first day on. A year's share of the events varies by 15 %
// either way; within a year a day gets its part by the season.
func calendar(r *rand.Rand, o Options) (first grids.Day, counts []int) {
	t := o.Today.Date()
	first = grids.DayFrom(t.Year()-o.years(), t.Month(), t.Day()) + 1
	counts = make([]int, o.Today-first+1)
	years := make([]float64, o.years())
	sum := 0.0
	for i := range years {
		years[i] = 0.86 + 0.28*r.Float64()
		sum += years[i]
	}
	left := o.Cases
	for i, share := range years {
		from := int(grids.DayFrom(t.Year()-o.years()+i, t.Month(), t.Day()) + 1 - first)
		to := int(grids.DayFrom(t.Year()-o.years()+i+1, t.Month(), t.Day()) + 1 - first)
		n := int(share * yearlyCases)
		if o.Cases > 0 {
			n = min(left, int(float64(o.Cases)*share/sum))
			if i == len(years)-1 {
				n = left
			}
			left -= n
		}
		season(r, first+grids.Day(from), counts[from:to], n)
	}
	return first, counts
}

// season throws n events on the days that begin with first, each day weighted by its month.
func season(r *rand.Rand, first grids.Day, counts []int, n int) {
	const slots = 1 << 14
	weights := make([]float64, len(counts))
	sum := 0.0
	for i := range weights {
		m := (first + grids.Day(i)).Date().Month() - 1
		weights[i] = busy[m] + growing[m]
		sum += weights[i]
	}
	var dayAt [slots]uint16 // the day at each quantile
	day, run := 0, weights[0]
	for i := range dayAt {
		for run < sum*(float64(i)+0.5)/slots && day < len(counts)-1 {
			day++
			run += weights[day]
		}
		dayAt[i] = uint16(day)
	}
	for range n {
		counts[dayAt[r.Uint64()>>(64-14)]]++
	}
}

// Rows are gathered and handed on in blocks.
const (
	flushAt  = 1 << 16
	rowBytes = 256
)

// caseRows writes rows of casework.
type caseRows struct {
	w     io.Writer
	r     *rand.Rand
	s     *scene
	today grids.Day
	b     []byte
	id    int
	err   error

	date, week string
	grown      float64 // how likely an event of this day is cultivation
}

// start turns to a day. A week that ends after today is not told as a week: it would reach into the future.
func (c *caseRows) start(day grids.Day) {
	t := day.Date()
	m := int(t.Month()) - 1
	c.s.turn(m)
	c.grown = growing[m] / (growing[m] + busy[m])
	c.date = day.String()
	c.week = ""
	toSunday := grids.Day((7 - int(t.Weekday())) % 7)
	if day+toSunday <= c.today {
		y, w := t.ISOWeek()
		c.week = fmt.Sprintf("%d-W%02d", y, w)
	}
}

// next writes one event of the day.
func (c *caseRows) next() {
	c.id++
	c.b = append(c.b, "demo-c"...)
	c.b = appendPadded(c.b, c.id, 1e6)
	c.b = append(c.b, ',')
	c.b = append(c.b, c.kind()...)
	c.b = append(c.b, ',')
	if c.week != "" && c.r.Float64() < byWeek {
		c.b = append(append(c.b, ','), c.week...)
	} else {
		c.b = append(append(c.b, c.date...), ',')
	}
	c.b = append(c.b, ',')
	c.place()
	c.b = append(c.b, ",true\n"...)
	if len(c.b) >= flushAt {
		c.flush()
	}
}

// place writes the columns lon, lat, village_code and grid_code, of which one place is filled.
func (c *caseRows) place() {
	u, at := c.s.event(c.r)
	switch how := c.r.Float64(); {
	case how < byVillage:
		c.b = append(append(append(c.b, ",,"...), c.s.units[u].code...), ',')
	case how < byVillage+byGrid:
		c.b = append(append(c.b, ",,,"...), c.s.units[u].grid...)
	default:
		c.b = append(appendDegrees(c.b, at.x), ',')
		c.b = append(appendDegrees(c.b, at.y), ",,"...)
	}
}

// kind draws what the event is about.
func (c *caseRows) kind() grids.CaseKind {
	if c.r.Float64() < c.grown {
		return grids.Cultivation
	}
	return draw(c.r, kindShare[:])
}

// flush hands the gathered rows on.
func (c *caseRows) flush() {
	if c.err == nil {
		_, c.err = c.w.Write(c.b)
	}
	c.b = c.b[:0]
}

// appendDegrees writes positive millionths of a degree as degrees with six decimals.
func appendDegrees(b []byte, micro float64) []byte {
	n := int(micro)
	b = append(strconv.AppendInt(b, int64(n/1e6), 10), '.')
	return appendPadded(b, n%1e6, 1e5)
}

// appendPadded writes n with zeros in front so that it has as many digits as unit, a power of ten.
func appendPadded(b []byte, n, unit int) []byte {
	for ; unit > 1 && n < unit; unit /= 10 {
		b = append(b, '0')
	}
	return strconv.AppendInt(b, int64(n), 10)
}
