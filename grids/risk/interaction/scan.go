package interaction

import (
	"cmp"
	"context"
	"math"
	"slices"
)

// maxStrips bounds the number of strips, so that which strip a point is in is exact enough: an error of 2⁻³⁰ of a strip against a margin
// of 2⁻²⁰.
const maxStrips = 1 << 20

// places are the events in order of strip, x, y and day. Strips run along x and are at least as high as the reach, so that whatever is near
// an event lies in its own strip or the next one on either side. The order depends on the events alone, not on how they came in.
type places struct {
	events []Event
	starts []int   // of each strip that holds events, in events; one more at the end
	strips []int32 // their numbers, ascending
	reach  float64
}

// arrange puts the events into strips.
func arrange(events []Event, reach float64) *places {
	low, high := math.Inf(1), math.Inf(-1)
	for _, e := range events {
		low, high = min(low, e.Y), max(high, e.Y)
	}
	height := max(reach*(1+1./maxStrips), (high-low)/(maxStrips-1))
	if !(height > 0) {
		height = 1 // all on one line, and only the same place is near
	}
	type placed struct {
		Event
		strip int32
	}
	order := make([]placed, len(events))
	for i, e := range events {
		order[i] = placed{e, int32((e.Y - low) / height)}
	}
	slices.SortFunc(order, func(a, b placed) int {
		if c := cmp.Compare(a.strip, b.strip); c != 0 {
			return c
		}
		return compareEvents(a.Event, b.Event)
	})
	p := &places{events: make([]Event, len(events)), reach: reach}
	for i, o := range order {
		if i == 0 || o.strip != order[i-1].strip {
			p.starts, p.strips = append(p.starts, i), append(p.strips, o.strip)
		}
		p.events[i] = o.Event
	}
	p.starts = append(p.starts, len(events))
	return p
}

// pairs are events by their number in places, by the band of space that they are in.
type pairs struct{ a, b []int32 }

// near is what a scan of all near pairs found.
type near struct {
	space, time ladder // space in squares when the metric is Euclidean
	metric      Metric
	degrees     []int32 // of event i in band k of space: degrees[i·bands + k]
	counts      []int64 // pairs in band k of space and l of time: counts[k·(bands of time) + l]
	kept        []pairs // by band of space; nil when there were more than most
	most, held  int
}

// scan visits every pair within the largest distance once. It takes time in proportion to the pairs within about that distance, up to all
// n(n−1)/2 of them, and ends early when ctx does.
func scan(ctx context.Context, p *places, space, time ladder, metric Metric, most int) (*near, error) {
	if metric == Euclidean {
		space = space.squared()
	}
	f := &near{space: space, time: time, metric: metric, most: most}
	f.degrees = make([]int32, len(p.events)*len(space.limits))
	f.counts = make([]int64, len(space.limits)*len(time.limits))
	if most > 0 {
		f.kept = make([]pairs, len(space.limits))
	}
	for s := range p.strips {
		next := p.starts[s+1]
		adjacent := s+1 < len(p.strips) && p.strips[s+1] == p.strips[s]+1
		for i := p.starts[s]; i < p.starts[s+1]; i++ {
			if err := ended(ctx); err != nil {
				return nil, err
			}
			f.visit(p, i, i+1, p.starts[s+1])
			if adjacent {
				for next < p.starts[s+2] && p.events[i].X-p.events[next].X > p.reach {
					next++
				}
				f.visit(p, i, next, p.starts[s+2])
			}
		}
	}
	return f, nil
}

// visit looks at event i with the events from…to−1, which are ascending in x, until they are out of reach.
func (f *near) visit(p *places, i, from, to int) {
	e, bands := p.events[i], len(f.space.limits)
	farthest, mine := f.space.limits[bands-1], f.degrees[i*bands:(i+1)*bands]
	for j := from; j < to; j++ {
		o := &p.events[j]
		dx := o.X - e.X
		if dx > p.reach {
			return
		}
		q := separation(dx, o.Y-e.Y, f.metric)
		if q > farthest {
			continue
		}
		k := bandOf(q, f.space.order)
		mine[k]++
		f.degrees[j*bands+k]++
		f.tally(k, math.Abs(o.Day-e.Day))
		f.keep(k, i, j)
	}
}

// separation is the distance, squared when the metric is Euclidean. The products are rounded one by one, so that every machine agrees.
func separation(dx, dy float64, metric Metric) float64 {
	if metric == Manhattan {
		return math.Abs(dx) + math.Abs(dy)
	}
	return float64(dx*dx) + float64(dy*dy)
}

// tally counts a pair of band k of space that is days apart.
func (f *near) tally(k int, days float64) {
	limits := f.time.limits
	if days <= limits[len(limits)-1] {
		f.counts[k*len(limits)+bandOf(days, f.time.order)]++
	}
}

// keep remembers a pair for Monte Carlo, or forgets all when there are too many.
func (f *near) keep(k, i, j int) {
	if f.kept == nil || k < f.space.first() {
		return
	}
	if f.held == f.most {
		f.kept = nil
		return
	}
	f.held++
	f.kept[k].a, f.kept[k].b = append(f.kept[k].a, int32(i)), append(f.kept[k].b, int32(j))
}

// total is a relation as a graph: how many pairs of events are in it, and how many chains (two pairs with one event in common).
type total struct{ pairs, chains int64 }

// spaceTotals are the totals of each relation of space.
func (f *near) spaceTotals() []total {
	bands := len(f.space.limits)
	out := make([]total, f.space.relations())
	degrees := make([]int64, bands)
	for at := 0; at < len(f.degrees); at += bands {
		for k, d := range f.degrees[at : at+bands] {
			degrees[k] = int64(d)
		}
		for k, d := range f.space.gather(degrees) {
			out[k].pairs += d
			out[k].chains += d * (d - 1) / 2
		}
	}
	for k := range out {
		out[k].pairs /= 2
	}
	return out
}

// timeTotals are the totals of each relation of time, by two pointers over the sorted days.
func timeTotals(days []float64, l ladder) []total {
	days = slices.Clone(days)
	slices.Sort(days)
	within, below := make([]int64, len(days)), make([]int64, len(days))
	out := make([]total, l.relations())
	for band, limit := range l.limits {
		countWithin(days, limit, within)
		k := band - l.first()
		for i := range days {
			if k < 0 {
				continue
			}
			d := within[i]
			if !l.cumulative {
				d -= below[i]
			}
			out[k].pairs += d
			out[k].chains += d * (d - 1) / 2
		}
		within, below = below, within
	}
	for k := range out {
		out[k].pairs /= 2
	}
	return out
}

// countWithin sets within[i] to the number of other days at most limit from day i. The days are ascending.
func countWithin(days []float64, limit float64, within []int64) {
	low, high := 0, 0 // the days from low to high−1 are within
	for i, d := range days {
		for low < i && d-days[low] > limit {
			low++
		}
		high = max(high, i+1)
		for high < len(days) && days[high]-d <= limit {
			high++
		}
		within[i] = int64(high - low - 1)
	}
}
