package live

import (
	"cmp"
	"maps"
	"slices"

	"wangge/grids"
	"wangge/grids/disclosure"
	"wangge/grids/mesh"
	"wangge/tiles"
)

// ledger is the releases of casework: that of the class that sees most is made of the events, each further one of the groups of the one
// before. Everything that is shown of casework comes from here.
type ledger struct {
	releases []*disclosure.Release // by class, without that of the territory alone
	items    int                   // numbers that the first release has given
	at       map[itemKey]int       // the numbers; nil unless events were changed
	any      bool                  // an event came in, or will when its month is over
}

func newLedger(k int) *ledger {
	l := &ledger{}
	for i, c := range grids.Classes[:len(grids.Classes)-1] {
		rule := disclosure.RuleOf(c, k)
		if i == 0 {
			l.releases = append(l.releases, disclosure.NewRelease(rule))
		} else {
			l.releases = append(l.releases, l.releases[i-1].Below(rule))
		}
	}
	return l
}

// of is the release of a class, nil for the class that sees none.
func (l *ledger) of(c grids.Class) *disclosure.Release {
	if i := slices.Index(grids.Classes[:], c); i < len(l.releases) {
		return l.releases[i]
	}
	return nil
}

// stored reports whether there is any casework.
func (l *ledger) stored() bool { return l.any }

// moment is when events come in: with their batch when their month was over by then, else when it is. Moments are ordered by time.
type moment struct {
	at    int64 // Unix microseconds
	batch bool  // of batches at one time, and of a batch and the end of a month, the month comes first
	order int   // the batch
}

func (m moment) compare(o moment) int {
	switch {
	case m.at != o.at:
		return cmp.Compare(m.at, o.at)
	case m.batch != o.batch:
		if o.batch {
			return -1
		}
		return 1
	}
	return cmp.Compare(m.order, o.order)
}

// itemKey tells what came in apart: events of one cell, month and kind come as one.
type itemKey struct {
	when  moment
	cell  mesh.Cell
	month grids.Month
	kind  uint16
}

// take brings events into the releases in the order in which they came, up to the months that are over today. It returns the cells of
// the groups that are new or other than before, by class.
func (l *ledger) take(c grids.CaseColumns, today grids.Day) (touched map[grids.Class][]mesh.Cell) {
	l.any = l.any || len(c.Cells) > 0
	in, out := l.sort(c, today)
	if len(out) > 0 {
		l.at = map[itemKey]int{}
	}
	moments := slices.SortedFunc(maps.Keys(in), moment.compare)
	for m := range out {
		if _, ok := in[m]; !ok {
			moments = append(moments, m)
		}
	}
	slices.SortFunc(moments, moment.compare)
	touched = map[grids.Class][]mesh.Cell{}
	for _, m := range moments {
		step := disclosure.Step{Closed: closedAt(m), In: in[m]}
		for _, k := range out[m] {
			if i, ok := l.at[k]; ok {
				step.Out = append(step.Out, disclosure.Cut{Group: i, N: 1})
			}
		}
		for i, g := range in[m] {
			if l.at != nil {
				l.at[itemKey{m, g.Cell, g.From, g.Kinds}] = l.items + i
			}
		}
		for _, g := range in[m] {
			step.Came += int(g.N)
		}
		l.items += len(in[m])
		for i, r := range l.releases {
			step = r.Take(step)
			for _, g := range step.In {
				touched[grids.Classes[i]] = append(touched[grids.Classes[i]], g.Cell)
			}
			for _, cut := range step.Out {
				touched[grids.Classes[i]] = append(touched[grids.Classes[i]], r.Groups()[cut.Group].Cell)
			}
		}
	}
	return touched
}

// closedAt is the last month that is over at a moment.
func closedAt(m moment) grids.Month { return grids.MonthAt(m.at) - 1 }

// sort is the events by the moment at which they come in, those of one cell, month and kind as one group, and by the moment at which
// they were taken back. What came and went before its month was over never comes in.
func (l *ledger) sort(c grids.CaseColumns, today grids.Day) (in map[moment][]disclosure.Group, out map[moment][]itemKey) {
	finest := l.releases[0].Rule().Finest
	in, out = map[moment][]disclosure.Group{}, map[moment][]itemKey{}
	var keys []itemKey // of one cell
	var last mesh.Cell
	flush := func() {
		slices.SortFunc(keys, func(a, b itemKey) int {
			return cmp.Or(a.when.compare(b.when), cmp.Compare(a.month, b.month), cmp.Compare(a.kind, b.kind))
		})
		for i, k := range keys {
			if i > 0 && k == keys[i-1] {
				list := in[k.when]
				list[len(list)-1].N++
				continue
			}
			in[k.when] = append(in[k.when], disclosure.Group{Cell: k.cell, From: k.month, To: k.month, Kinds: k.kind, N: 1})
		}
		keys = keys[:0]
	}
	batches := make([]moment, len(c.At))
	for i, at := range c.At {
		batches[i] = moment{at.UnixMicro(), true, i}
	}
	for i, raw := range c.Cells {
		cell, month := mesh.Cell(raw), grids.Month(c.Months[i])
		if month >= today.Month() || cell.Resolution() < disclosure.CoarsestCell {
			continue
		}
		when := batches[c.Batches[i]]
		if over := (moment{at: (month + 1).Begin()}); over.compare(when) > 0 {
			when = over
		}
		cell = cell.Parent(min(cell.Resolution(), finest))
		k := itemKey{when, cell, month, 1 << c.Kinds[i]}
		if until := c.Until[i]; until != grids.Still {
			if batches[until].compare(when) <= 0 {
				continue
			}
			out[batches[until]] = append(out[batches[until]], k)
		}
		if cell != last {
			flush()
			last = cell
		}
		keys = append(keys, k)
	}
	flush()
	return in, out
}

// differing is the cells of the groups that a cube holds and the list does not, or the other way round.
func differing(c *tiles.Cube, list []disclosure.Group) (cells []mesh.Cell) {
	times := map[disclosure.Group]int{}
	for g := range c.All() {
		times[g]++
	}
	for _, g := range list {
		if g.N > 0 {
			times[g]--
		}
	}
	for g, n := range times {
		if n != 0 {
			cells = append(cells, g.Cell)
		}
	}
	return cells
}
