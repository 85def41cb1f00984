package live

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/paulmach/orb"

	"wangge/grids"
	"wangge/grids/disclosure"
	"wangge/grids/mesh"
	"wangge/tiles"
)

// A program that asks for all that a class can fetch of casework, all cells, periods, kinds and days, and works out what it can. It knows
// the rules of the release and which cells hold land. It has won when it can name fewer than K events of a place, period and kinds.

// question is what a reader can ask for; the answer is a count by cell.
type question struct {
	res    int
	period grids.Period
	kinds  uint16
}

// outputs answers every question as of one moment.
type outputs func(q question) map[mesh.Cell]int

// span is what the attacker has worked out to be told as one.
type span struct {
	cell     mesh.Cell
	from, to grids.Month
	kinds    uint16
}

// attacker is what the program knows and what it found.
type attacker struct {
	k, least int // the smallest count of the class, and of what its groups are made of
	months   []grids.Month
	kinds    []uint16 // single ones
	finest   int
	land     map[below]int  // how many finer cells hold land
	known    map[int][]bool // what sums found
	quiet    int            // events that came since the last division
	leaks    []string
}

func (a *attacker) leak(format string, args ...any) {
	a.leaks = append(a.leaks, fmt.Sprintf(format, args...))
}

// small reports whether a number names fewer than K events.
func (a *attacker) small(n int) bool { return n > 0 && n < a.k }

// look asks every question and subtracts the answers: periods and kinds that lie in others, coarse cells less the finer ones. What is
// left when all that is told within is taken away is what the release tells as one.
func (a *attacker) look(out outputs) map[span]int {
	found := map[span]int{}
	sets := append(slices.Clone(a.kinds), disclosure.AllKinds())
	for _, kinds := range sets {
		answers := map[grids.Period]map[mesh.Cell]int{}
		for i := range a.months {
			for j := i; j < len(a.months); j++ {
				p := grids.Period{From: a.months[i], To: a.months[j]}
				answers[p] = a.byCell(out, p, kinds)
			}
		}
		for p, cells := range answers {
			for cell, n := range cells {
				rest := n
				if p.From < p.To {
					rest -= answers[grids.Period{From: p.From + 1, To: p.To}][cell] + answers[grids.Period{From: p.From, To: p.To - 1}][cell]
				}
				if p.From+1 < p.To {
					rest += answers[grids.Period{From: p.From + 1, To: p.To - 1}][cell]
				}
				for _, q := range []grids.Period{{From: p.From + 1, To: p.To}, {From: p.From, To: p.To - 1}} {
					if d := n - answers[q][cell]; q.From <= q.To && a.small(d) {
						a.leak("%v: %v less %v is %d", cell, p, q, d)
					}
				}
				if rest != 0 {
					found[span{cell, p.From, p.To, kinds}] = rest
				}
			}
		}
	}
	// what is told of all kinds includes each kind's
	for _, s := range slices.Collect(maps.Keys(found)) {
		if s.kinds != disclosure.AllKinds() {
			all := s
			all.kinds = disclosure.AllKinds()
			found[all] -= found[s]
		}
	}
	for s, n := range found {
		if n == 0 {
			delete(found, s)
		} else if a.small(n) || n < 0 {
			a.leak("%d events are told of %v", n, s)
		}
	}
	return found
}

// byCell is what is told in each cell itself: the answer for a coarse cell less those for the finer ones inside.
func (a *attacker) byCell(out outputs, p grids.Period, kinds uint16) map[mesh.Cell]int {
	own := map[mesh.Cell]int{}
	finer := map[mesh.Cell]int{}
	for res := a.finest; res >= 6; res-- {
		answer := out(question{res, p, kinds})
		inside := map[mesh.Cell]int{}
		for cell, n := range finer {
			if cell.Resolution() == res+1 {
				inside[cell.Parent(res)] += n
			}
		}
		for cell, n := range answer {
			if cell.Resolution() > res {
				continue
			}
			d := n
			if cell.Resolution() == res {
				d -= inside[cell]
			} else if own[cell] != 0 {
				continue // told at every finer zoom the same
			}
			if a.small(d) {
				a.leak("%v in %v: the cell less the finer ones is %d", cell, p, d)
			}
			if d != 0 {
				own[cell] = d
			}
		}
		finer = answer
	}
	return own
}

// compare subtracts what was told before from what is told after a batch, and returns what the batch added. A small difference is a leak
// when it is what the batch really did there: the sum of some that came and others that went says nothing of either.
func (a *attacker) compare(before, after map[span]int, did func(span) (came, went int)) map[span]int {
	added := map[span]int{}
	for s := range union(before, after) {
		d := after[s] - before[s]
		came, went := did(s)
		switch {
		case a.small(d) && came == d && went == 0:
			a.leak("%v: the batch brought %d", s, d)
		case a.small(-d) && went == -d && came == 0:
			a.leak("%v: the batch took %d back", s, -d)
		case d > 0 && went == 0:
			added[s] = d
		}
	}
	return added
}

func union(a, b map[span]int) map[span]bool {
	all := map[span]bool{}
	for s := range a {
		all[s] = true
	}
	for s := range b {
		all[s] = true
	}
	return all
}

// bound works out how the events that a batch added to each group can lie below it, knowing that fewer than K were left in every place there: when some place
// can only hold one number of them, and that is small, it is known.
func (a *attacker) bound(added map[span]int) {
	for s, n := range added {
		if n <= 0 {
			continue
		}
		for _, places := range a.placesBelow(s) {
			if v, only := a.forced(n, places); only && a.small(v) {
				a.leak("%v: each of its %d places below holds %d of %d", s, places, v, n)
			}
		}
	}
}

// placesBelow is the numbers of places that a group can have been put together from, by each rung below its own.
func (a *attacker) placesBelow(s span) (out []int) {
	months := int(s.to-s.from) + 1
	kinds := 1
	if s.kinds == disclosure.AllKinds() {
		kinds = len(grids.CaseKinds)
	}
	parts := []int{1}
	if months > 1 {
		parts = append(parts, months, months*kinds)
	}
	if months > 3 {
		quarters := int(s.to/3-s.from/3) + 1
		parts = append(parts, quarters, quarters*kinds)
	}
	if kinds > 1 {
		parts = append(parts, kinds, kinds*months)
	}
	for res := s.cell.Resolution(); res <= a.finest; res++ {
		cells := a.land[below{s.cell, res}]
		if cells == 0 {
			continue
		}
		for _, p := range parts {
			if cells*p > 1 {
				out = append(out, cells*p)
			}
		}
	}
	return out
}

// forced reports whether n events in so many places, in each none or least…K−1, leave any place only one number.
func (a *attacker) forced(n, places int) (v int, only bool) {
	if n > places*(a.k-1) {
		return 0, false // the rules were not kept: the rest is told otherwise
	}
	can := a.sums(places - 1)
	var values []int
	for _, v := range a.values() {
		for aside := range n - v + 1 { // a group that lies in no place of the rung alone, made of what the class above is told
			if rest := n - v - aside; rest < len(can) && can[rest] && (aside == 0 || a.least > 0 && aside >= a.least) {
				values = append(values, v)
				break
			}
		}
	}
	if len(values) == 1 {
		return values[0], true
	}
	return 0, false
}

// values is what a place can hold.
func (a *attacker) values() []int {
	out := []int{0}
	for v := max(a.least, 1); v < a.k; v++ {
		out = append(out, v)
	}
	return out
}

// sums is which numbers so many places can hold together.
func (a *attacker) sums(places int) []bool {
	places = min(places, 40) // more leave everything open
	if can, ok := a.known[places]; ok {
		return can
	}
	can := make([]bool, places*(a.k-1)+1)
	can[0] = true
	for range places {
		next := make([]bool, len(can))
		for n, ok := range can {
			for _, v := range a.values() {
				if ok && n+v < len(next) {
					next[n+v] = true
				}
			}
		}
		can = next
	}
	a.known[places] = can
	return can
}

// dataset is casework as it comes in, batch by batch; what a batch changes of earlier ones names them.
type dataset struct {
	name    string
	batches [][]caseRow
}

// caseRow is an event; with was above 0 it takes the place of the event of that number, counted from 1 over all batches.
type caseRow struct {
	at    orb.Point
	month int // from the first
	kind  uint8
	was   int
}

const (
	attackMonths = 15 // from January 2025: a year, a quarter
	attackKinds  = 3
)

var attackFirst = grids.Month(2025 * 12)

// columns is the events of the first n batches as the store reads them.
func (d dataset) columns(n int) (c grids.CaseColumns) {
	type row struct {
		cell         int64
		month        int32
		kind         uint8
		batch, until uint32
	}
	var rows []row
	for b, batch := range d.batches[:n] {
		c.At = append(c.At, time.Date(2026, 5, 1+b, 8, 0, 0, 0, grids.Shanghai))
		for _, e := range batch {
			cell, _ := mesh.At(e.at, 12)
			if e.was > 0 {
				rows[e.was-1].until = uint32(b)
			}
			rows = append(rows, row{int64(cell), int32(attackFirst) + int32(e.month), e.kind, uint32(b), grids.Still})
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(a.cell, b.cell) })
	for _, r := range rows {
		c.Cells, c.Months, c.Kinds = append(c.Cells, r.cell), append(c.Months, r.month), append(c.Kinds, r.kind)
		c.Batches, c.Until = append(c.Batches, r.batch), append(c.Until, r.until)
	}
	return c
}

// did says what the n-th batch really did in the place, months and kinds of a span: how many events came, and how many went.
func (d dataset) did(n int) func(s span) (came, went int) {
	var all []caseRow
	for _, b := range d.batches[:n] {
		all = append(all, b...)
	}
	batch := d.batches[n-1]
	return func(s span) (came, went int) {
		in := func(e caseRow) bool {
			cell, _ := mesh.At(e.at, s.cell.Resolution())
			m := attackFirst + grids.Month(e.month)
			return cell == s.cell && m >= s.from && m <= s.to && s.kinds>>e.kind&1 == 1
		}
		for _, e := range batch {
			if in(e) {
				came++
			}
			if e.was > 0 && in(all[e.was-1]) {
				went++
			}
		}
		return came, went
	}
}

// randomData is some batches around a few places.
func randomData(seed uint64) dataset {
	r := rand.New(rand.NewPCG(310151, seed))
	d := dataset{name: fmt.Sprintf("random %d", seed)}
	places := make([]orb.Point, 1+r.IntN(6))
	for i := range places {
		places[i] = orb.Point{121.40 + .06*r.Float64(), 31.62 + .05*r.Float64()}
	}
	spread := []float64{.001, .004, .012}[r.IntN(3)]
	events := 0
	for range 1 + r.IntN(4) {
		var batch []caseRow
		for range []int{1, 2, 5, 20, 60, 120}[r.IntN(6)] {
			at := places[r.IntN(len(places))]
			e := caseRow{at: orb.Point{at[0] + spread*r.NormFloat64(), at[1] + spread*r.NormFloat64()}, month: r.IntN(attackMonths), kind: uint8(1 + r.IntN(attackKinds))}
			if events > 0 && r.IntN(12) == 0 {
				e.was = 1 + r.IntN(events)
			}
			batch = append(batch, e)
		}
		// an event is changed once
		seen := map[int]bool{}
		for i := range batch {
			if w := batch[i].was; w > 0 && (seen[w] || slices.ContainsFunc(d.batches, func(b []caseRow) bool {
				return slices.ContainsFunc(b, func(e caseRow) bool { return e.was == w })
			})) {
				batch[i].was = 0
			}
			seen[batch[i].was] = true
		}
		events += len(batch)
		d.batches = append(d.batches, batch)
	}
	return d
}

// hostileData is made to be worked out: full places, single events, one more of everything.
func hostileData() (list []dataset) {
	centre, err := mesh.At(orb.Point{121.42, 31.64}, 7)
	if err != nil {
		panic(err)
	}
	kids := centre.Children(8)
	in := func(c mesh.Cell, n, month int, kind uint8) (rows []caseRow) {
		for range n {
			rows = append(rows, caseRow{at: c.Center(), month: month, kind: kind})
		}
		return rows
	}
	each := func(n func(i int) []caseRow) (rows []caseRow) {
		for i := range kids {
			rows = append(rows, n(i)...)
		}
		return rows
	}
	add := func(name string, batches ...[]caseRow) { list = append(list, dataset{name, batches}) }
	add("two in every cell", each(func(i int) []caseRow { return in(kids[i], 2, 3, 1) }))
	add("two in two cells", slices.Concat(in(kids[0], 2, 3, 1), in(kids[1], 2, 3, 1)))
	add("two in every cell, month and kind", each(func(i int) (rows []caseRow) {
		for m := range 6 {
			rows = append(rows, slices.Concat(in(kids[i], 2, m, 1), in(kids[i], 2, m, 2), in(kids[i], 2, m, 3))...)
		}
		return rows
	}))
	add("three and four of everything", each(func(i int) []caseRow { return in(kids[i], 3+i%2, i%3, 1) }))
	add("one more than K beside one", slices.Concat(in(kids[0], 40, 2, 1), in(kids[1], 1, 2, 1)), in(kids[1], 1, 2, 1), in(kids[1], 1, 2, 1), in(kids[1], 1, 2, 1))
	var single [][]caseRow
	for i := range 12 {
		single = append(single, in(kids[i%2], 1, i%4, uint8(1+i%3)))
	}
	add("batches of one", single...)
	add("a month for every event", each(func(i int) (rows []caseRow) {
		for m := range attackMonths {
			rows = append(rows, in(kids[i], 1, m, uint8(1+m%3))...)
		}
		return rows
	}))
	add("one more of every group", each(func(i int) []caseRow { return in(kids[i], 5, i, 1) }), each(func(i int) []caseRow { return in(kids[i], 1, i, 1) }),
		each(func(i int) []caseRow { return in(kids[i], 2, i, 2) }))
	moved := in(kids[0], 9, 1, 1)
	one := in(kids[1], 1, 1, 1)
	one[0].was = 1
	other := in(kids[1], 1, 1, 1)
	other[0].was = 2
	third := in(kids[2], 1, 1, 2)
	third[0].was = 3
	add("events moved one by one", moved, one, other, third)
	all := in(kids[3], 9, 1, 1)
	for i := range all {
		all[i].was = i + 1
	}
	add("a batch that moves all", moved, all)
	seven := in(kids[3], 7, 1, 1)
	for i := range seven {
		seven[i].was = i + 1
	}
	add("a batch that leaves two", moved, seven)
	add("late events of months told long ago", each(func(i int) []caseRow { return in(kids[i], 4, 0, 1) }), in(kids[0], 2, 0, 1), in(kids[0], 2, 1, 1), in(kids[0], 2, 0, 2))
	return list
}

// attack runs the program on what each class is told of a data set after every batch, and returns what it found, and the part of the
// events that the class is told.
func attack(d dataset, land map[below]int, naive bool) (leaks []string, told []float64, cellKm2 []float64) {
	const k = 3
	today := grids.DayFrom(2026, 6, 15)
	for class := range len(grids.Classes) - 1 {
		rule := disclosure.RuleOf(grids.Classes[class], k)
		a := &attacker{k: rule.K, finest: rule.Finest, land: land, known: map[int][]bool{}}
		if class > 0 {
			a.least = disclosure.RuleOf(grids.Classes[class-1], k).K
		}
		for m := range attackMonths + 2 { // up to the last that was over when the batches came
			a.months = append(a.months, attackFirst+grids.Month(m))
		}
		for kind := range attackKinds {
			a.kinds = append(a.kinds, 1<<(kind+1))
		}
		before := map[span]int{}
		for n := 1; n <= len(d.batches); n++ {
			columns := d.columns(n)
			out := thresholded(columns, rule.K)
			if !naive {
				l := newLedger(k)
				l.take(columns, today)
				groups := l.of(grids.Classes[class]).Groups()
				out = released(groups, rule)
				if n == len(d.batches) {
					t, all, m2 := 0, 0, 0.0
					for _, g := range groups {
						t += int(g.N)
						m2 += float64(g.N) * g.Cell.AreaM2()
					}
					for _, until := range columns.Until {
						if until == grids.Still {
							all++
						}
					}
					told, cellKm2 = append(told, float64(t)/float64(all)), append(cellKm2, m2/1e6/float64(max(t, 1)))
				}
			}
			found := a.look(out)
			a.bound(a.compare(before, found, d.did(n)))
			if a.quiet += len(d.batches[n-1]); a.quiet >= a.k {
				a.quiet = 0
			} else if !maps.Equal(before, found) && slices.IndexFunc(d.batches[n-1], func(e caseRow) bool { return e.was > 0 }) < 0 {
				a.leak("something is told anew after %d events: they are there", a.quiet)
			}
			before = found
		}
		for _, l := range a.leaks {
			leaks = append(leaks, string(grids.Classes[class])+": "+l)
		}
	}
	return leaks, told, cellKm2
}

// released answers from the cube that the tiles and the values are cut from, with numbers where the class sees bands: the attacker is
// given more than a reader.
func released(groups []disclosure.Group, rule disclosure.Rule) outputs {
	rule.Bands = nil
	cube := tiles.NewCube(groups, rule, tiles.Stamp{})
	return func(q question) map[mesh.Cell]int {
		f := tiles.Filter{Period: q.period}
		for i, kind := range grids.CaseKinds {
			if q.kinds != disclosure.AllKinds() && q.kinds>>(i+1)&1 == 1 {
				f.Kinds = append(f.Kinds, kind)
			}
		}
		buckets, err := cube.Released(context.Background(), f, q.res)
		if err != nil {
			panic(err)
		}
		out := map[mesh.Cell]int{}
		for _, b := range buckets {
			out[b.Cell] = b.N
		}
		return out
	}
}

// thresholded answers with every count from K on: what not to do.
func thresholded(c grids.CaseColumns, k int) outputs {
	return func(q question) map[mesh.Cell]int {
		out := map[mesh.Cell]int{}
		for i, cell := range c.Cells {
			if m := grids.Month(c.Months[i]); c.Until[i] == grids.Still && m >= q.period.From && m <= q.period.To && q.kinds>>c.Kinds[i]&1 == 1 {
				out[mesh.Cell(cell).Parent(q.res)]++
			}
		}
		maps.DeleteFunc(out, func(_ mesh.Cell, n int) bool { return n < k })
		return out
	}
}

// below is the cells of a resolution in a coarser one.
type below struct {
	cell mesh.Cell
	res  int
}

// landAround is how many cells there are in cells around the places of the data sets; all of it is land.
func landAround() map[below]int {
	cells := map[mesh.Cell]bool{}
	for x := 121.2; x < 121.7; x += .002 {
		for y := 31.45; y < 31.85; y += .002 {
			c, err := mesh.At(orb.Point{x, y}, 8)
			if err != nil {
				panic(err)
			}
			for res := 5; res <= 8; res++ {
				cells[c.Parent(res)] = true
			}
		}
	}
	land := map[below]int{}
	for c := range cells {
		for res := 5; res <= c.Resolution(); res++ {
			land[below{c.Parent(res), c.Resolution()}]++
		}
	}
	return land
}

func TestNobodyWorksOutASmallCount(t *testing.T) {
	land := landAround()
	sets := hostileData()
	for seed := range uint64(100) {
		sets = append(sets, randomData(seed))
	}
	var told, km2 [4]float64
	broken := 0
	for _, d := range sets {
		leaks, share, area := attack(d, land, false)
		if len(leaks) > 0 {
			t.Errorf("%s: %d leaks, the first: %s", d.name, len(leaks), leaks[0])
		}
		for i := range share {
			told[i] += share[i] / float64(len(sets))
			km2[i] += area[i] / float64(len(sets))
		}
		if leaks, _, _ := attack(d, land, true); len(leaks) > 0 {
			broken++
		}
	}
	t.Logf("%d data sets; naive thresholds fall in %d of them", len(sets), broken)
	for i := range told {
		t.Logf("%s: %.0f %% of the events are told, by cells of %.1f km² in the mean", grids.Classes[i], 100*told[i], km2[i])
	}
	if broken < len(sets)*3/4 {
		t.Errorf("the program breaks naive thresholds in %d of %d data sets only: it is too weak to tell", broken, len(sets))
	}
}
