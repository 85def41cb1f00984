package live

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/paulmach/orb"
	"pgregory.net/rapid"

	"wangge/grids"
	"wangge/grids/disclosure"
	"wangge/grids/mesh"
	"wangge/tiles"
)

// came is so many events of a cell, month and kind, the batch that brought them and the one that changed them.
type came struct {
	n     int
	cell  mesh.Cell
	month string
	kind  uint8
	batch uint32
	until uint32
}

// columnsOfEvents is what a store that has them reads; the batches are stored at these times.
func columnsOfEvents(t failing, list []came, at ...string) (c grids.CaseColumns) {
	t.Helper()
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b came) int { return cmp.Compare(a.cell, b.cell) })
	for _, e := range list {
		m, err := grids.ParseMonth(e.month)
		if err != nil {
			t.Fatal(err)
		}
		for range e.n {
			c.Cells, c.Months, c.Kinds = append(c.Cells, int64(e.cell)), append(c.Months, int32(m)), append(c.Kinds, e.kind)
			c.Batches, c.Until = append(c.Batches, e.batch), append(c.Until, e.until)
		}
	}
	for _, text := range at {
		when, err := time.ParseInLocation("2006-01-02 15:04", text, grids.Shanghai)
		if err != nil {
			t.Fatal(err)
		}
		c.At = append(c.At, when)
	}
	return c
}

type failing interface {
	Helper()
	Fatal(...any)
}

// dayOf is a day of a test.
func dayOf(t *testing.T, text string) grids.Day {
	t.Helper()
	when, err := time.ParseInLocation("2006-01-02", text, grids.Shanghai)
	if err != nil {
		t.Fatal(err)
	}
	return grids.DayOf(when)
}

// someCell is the n-th cell of resolution 12 around one place.
func someCell(t failing, n int) mesh.Cell {
	t.Helper()
	top, err := mesh.At(orb.Point{121.5, 31.62}, 6)
	if err != nil {
		t.Fatal(err)
	}
	fine := top.Children(8)
	return fine[n%len(fine)].Children(12)[n/len(fine)%2401]
}

// told is the months of the groups of a class and how many events each holds, in the order in which they were made.
func toldOf(l *ledger, c grids.Class) (text []string) {
	for _, g := range l.of(c).Groups() {
		text = append(text, fmt.Sprintf("%s–%s:%d", g.From, g.To, g.N))
	}
	return text
}

// Events come in with their batch when their month was over by then, else when it is; so the order of the groups is that in which they
// could first be told, and no month is told before it is over.
func TestEventsComeWhenTheirMonthIsOver(t *testing.T) {
	a := someCell(t, 0)
	events := []came{
		{3, a, "2024-01", 1, 0, grids.Still}, {4, a, "2024-03", 1, 0, grids.Still}, // the second waits for April
		{5, a, "2024-02", 1, 1, grids.Still}, // comes before it
		{6, a, "2024-03", 2, 2, grids.Still}, // comes with its batch, after it
		{7, a, "2024-04", 2, 2, grids.Still},
	}
	at := []string{"2024-03-10 09:00", "2024-03-20 09:00", "2024-04-01 00:00"}
	for _, c := range []struct {
		today string
		want  []string
	}{
		{"2024-01-31", nil},
		{"2024-03-31", []string{"2024-01–2024-01:3", "2024-02–2024-02:5"}},
		{"2024-04-01", []string{"2024-01–2024-01:3", "2024-02–2024-02:5", "2024-03–2024-03:4", "2024-03–2024-03:6"}},
		{"2024-04-30", []string{"2024-01–2024-01:3", "2024-02–2024-02:5", "2024-03–2024-03:4", "2024-03–2024-03:6"}},
		{"2024-05-01", []string{"2024-01–2024-01:3", "2024-02–2024-02:5", "2024-03–2024-03:4", "2024-03–2024-03:6", "2024-04–2024-04:7"}},
	} {
		l := newLedger(3)
		touched := l.take(columnsOfEvents(t, events, at...), dayOf(t, c.today))
		if got := toldOf(l, grids.ClassCommand); !slices.Equal(got, c.want) {
			t.Errorf("on %s: %v, want %v", c.today, got, c.want)
		}
		if len(touched[grids.ClassCommand]) != len(c.want) || len(c.want) > 0 && touched[grids.ClassCommand][0] != a.Parent(8) || !l.stored() {
			t.Errorf("on %s: touched %v", c.today, touched)
		}
	}
	if l := newLedger(3); l.stored() || l.of(grids.ClassGround) != nil || l.of(grids.ClassBands).Rule().K != 10 {
		t.Error("an empty ledger has casework, or the classes are mixed up")
	}
}

// A year that is not over when events come is told as far as it is over: what comes later is told apart.
func TestTheYearSoFarEndsWithTheMonthThatIsOver(t *testing.T) {
	a := someCell(t, 0)
	l := newLedger(3)
	l.take(columnsOfEvents(t, []came{{2, a, "2024-01", 1, 0, grids.Still}, {1, a, "2024-05", 2, 0, grids.Still}, {2, a, "2024-02", 3, 1, grids.Still}, {1, a, "2024-08", 2, 1, grids.Still}},
		"2024-07-10 09:00", "2024-10-10 09:00"), dayOf(t, "2024-12-01"))
	if got, want := toldOf(l, grids.ClassCommand), []string{"2024-01–2024-06:3", "2024-01–2024-09:3"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// Moments are in the order of time; the end of a month comes before what is stored in that very moment, and batches by their number.
func TestMoments(t *testing.T) {
	list := []moment{{1, false, 0}, {1, true, 0}, {1, true, 3}, {2, false, 0}, {2, true, 1}}
	for i, a := range list {
		for k, b := range list {
			if got := a.compare(b); got != cmp.Compare(i, k) {
				t.Errorf("%v and %v: %d", a, b, got)
			}
		}
	}
}

// What was told of events that were changed is taken back K by K, for every class by its own rule, and so that never fewer than K stay but
// none; the changed events come in anew with their batch. What came and went before its month was over never came.
func TestChangedEventsAreTakenBack(t *testing.T) {
	a, b := someCell(t, 0), someCell(t, 1)
	at := []string{"2024-02-01 09:00", "2024-03-01 09:00", "2024-03-02 09:00"}
	for _, c := range []struct {
		name           string
		gone, later    int // with the second batch, with the third
		command, field []string
	}{
		{"none", 0, 0, []string{"2024-01–2024-01:20"}, []string{"2024-01–2024-01:20"}},
		{"two", 2, 0, []string{"2024-01–2024-01:20"}, []string{"2024-01–2024-01:20"}},
		{"two and one", 2, 1, []string{"2024-01–2024-01:17", "2024-01–2024-01:3"}, []string{"2024-01–2024-01:20"}},
		{"four", 4, 0, []string{"2024-01–2024-01:17", "2024-01–2024-01:4"}, []string{"2024-01–2024-01:20"}},
		{"seven", 7, 0, []string{"2024-01–2024-01:14", "2024-01–2024-01:7"}, []string{"2024-01–2024-01:14", "2024-01–2024-01:7"}},
		{"all but two", 18, 0, []string{"2024-01–2024-01:5", "2024-01–2024-01:18"}, []string{"2024-01–2024-01:8", "2024-01–2024-01:18"}},
		{"all but two, and these", 18, 2, []string{"2024-01–2024-01:0", "2024-01–2024-01:18"}, []string{"2024-01–2024-01:0", "2024-01–2024-01:18"}},
	} {
		events := []came{{20 - c.gone - c.later, a, "2024-01", 1, 0, grids.Still}, {c.gone, a, "2024-01", 1, 0, 1}, {c.later, a, "2024-01", 1, 0, 2},
			{c.gone, b, "2024-01", 1, 1, grids.Still}, {c.later, b, "2024-01", 1, 2, grids.Still}}
		l := newLedger(3)
		touched := l.take(columnsOfEvents(t, events, at...), dayOf(t, "2024-04-01"))
		if got := toldOf(l, grids.ClassCommand); !slices.Equal(got, c.command) {
			t.Errorf("%s: %v, want %v", c.name, got, c.command)
		}
		if got := toldOf(l, grids.ClassField); !slices.Equal(got, c.field) {
			t.Errorf("%s, field: %v, want %v", c.name, got, c.field)
		}
		if len(touched[grids.ClassCommand]) < len(c.command) {
			t.Errorf("%s: touched %v", c.name, touched)
		}
	}
	l := newLedger(3)
	l.take(columnsOfEvents(t, []came{{9, a, "2024-03", 1, 0, 1}, {9, b, "2024-03", 1, 1, grids.Still}}, "2024-03-01 09:00", "2024-03-02 09:00"), dayOf(t, "2024-04-01"))
	if _, all := l.releases[0].Told(); all != 9 {
		t.Errorf("%d events came in, want 9", all)
	}
}

// What is taken back by a batch that brings nothing is taken back before what comes later: an event that still waited is in no group.
func TestTakingBackIsInTheOrderOfTime(t *testing.T) {
	a := someCell(t, 0)
	l := newLedger(3)
	l.take(columnsOfEvents(t, []came{{1, a, "2024-01", 1, 0, grids.Still}, {1, a, "2024-01", 1, 0, 1}, {2, a, "2024-01", 1, 2, grids.Still}},
		"2024-02-01 09:00", "2024-02-02 09:00", "2024-02-03 09:00"), dayOf(t, "2024-04-01"))
	if got, want := toldOf(l, grids.ClassCommand), []string{"2024-01–2024-01:3"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// A class is told sums of what the class above is told, as its rule knows: six events of two cells that are told as three and three above
// would say how they lie.
func TestAClassKnowsWhatItIsMadeOf(t *testing.T) {
	a, b := someCell(t, 0), someCell(t, 1)
	for n, want := range map[int]int{3: 0, 4: 1} {
		l := newLedger(3)
		l.take(columnsOfEvents(t, []came{{3, a, "2024-01", 1, 0, grids.Still}, {n, b, "2024-01", 1, 0, grids.Still}}, "2024-03-01 09:00"), dayOf(t, "2024-04-01"))
		if above, got := toldOf(l, grids.ClassCommand), toldOf(l, grids.ClassField); len(above) != 2 || len(got) != want {
			t.Errorf("3 and %d: %v above, %v", n, above, got)
		}
	}
}

// Events that are known by nothing finer than a district's half are not told; those known by a cell of resolution 7 are told by it.
func TestCoarsePlaces(t *testing.T) {
	a := someCell(t, 0)
	l := newLedger(3)
	l.take(columnsOfEvents(t, []came{{5, 0, "2024-01", 1, 0, grids.Still}, {5, a.Parent(4), "2024-01", 1, 0, grids.Still}, {5, a.Parent(7), "2024-01", 1, 0, grids.Still}}, "2024-03-01 09:00"), dayOf(t, "2024-04-01"))
	if groups := l.of(grids.ClassCommand).Groups(); len(groups) != 1 || groups[0].Cell != a.Parent(7) || groups[0].N != 5 {
		t.Errorf("%v", groups)
	}
}

// A ledger that takes batch by batch, as they are stored, is that which takes all of them at once, for every class; it names every cell
// whose groups became others. And one that begins anew at any later time, with more batches, changed events and months over, still tells
// all that was told, group by group, but for what was taken back by the rules.
func TestALedgerOnlyGrows(t *testing.T) {
	const batches = 5
	first, _ := grids.ParseMonth("2023-11")
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		var at []string
		when := time.Date(2024, 1, 3, 9, 0, 0, 0, grids.Shanghai)
		for range batches {
			at = append(at, when.Format("2006-01-02 15:04"))
			when = when.Add(time.Duration(r.IntN(50*24)) * time.Hour)
		}
		var events []came
		for range rapid.IntRange(1, 60).Draw(t, "events") {
			e := came{1 + r.IntN(5), someCell(t, r.IntN(6)+500*r.IntN(3)), (first + grids.Month(r.IntN(8))).String(), uint8(1 + r.IntN(2)), uint32(r.IntN(batches)), grids.Still}
			if r.IntN(6) == 0 {
				e.cell = e.cell.Parent(7)
			}
			events = append(events, e)
		}
		// what is stored after a batch, as all of it is read; a change names its batch only once that is stored
		after := func(n uint32, changes bool) (list []came) {
			for _, e := range events {
				if e.batch <= n {
					if !changes || e.until > n {
						e.until = grids.Still
					}
					list = append(list, e)
				}
			}
			return list
		}
		end := grids.DayOf(when) + 1
		whole, parts := newLedger(3), newLedger(3)
		for n := range uint32(batches) {
			before := [len(grids.Classes)]*tiles.Cube{}
			for i, rel := range parts.releases {
				before[i] = tiles.NewCube(rel.Groups(), rel.Rule(), tiles.Stamp{})
			}
			own := slices.DeleteFunc(after(n, false), func(e came) bool { return e.batch != n })
			touched := parts.take(columnsOfEvents(t, own, at...), end)
			_ = whole.take(grids.CaseColumns{}, end)
			for i, rel := range parts.releases {
				for _, cell := range differing(before[i], rel.Groups()) {
					if !slices.Contains(touched[grids.Classes[i]], cell) {
						t.Fatal("a cell that is not told of: ", grids.Classes[i], cell)
					}
				}
			}
		}
		_ = whole.take(columnsOfEvents(t, after(batches, false), at...), end)
		late := slices.ContainsFunc(events, func(e came) bool { return e.month > at[e.batch][:7] || e.month == at[e.batch][:7] })
		for i := range whole.releases {
			if i > 0 { // what a class is told is made of what the class above is told, and of nothing else
				above, _ := whole.releases[i-1].Told()
				if _, in := whole.releases[i].Told(); in != above {
					t.Fatal(grids.Classes[i], in, " events came in, the class above is told of ", above)
				}
			}
			if !late && !slices.Equal(whole.releases[i].Groups(), parts.releases[i].Groups()) { // one that waits for its month came at another time
				t.Fatal(grids.Classes[i], whole.releases[i].Groups(), parts.releases[i].Groups())
			}
		}
		for i := range events {
			if events[i].batch < batches-1 && r.IntN(3) == 0 {
				events[i].until = events[i].batch + 1 + uint32(r.IntN(batches-1-int(events[i].batch)))
			}
		}
		var was *ledger
		for n := range uint32(batches) {
			stored, _ := time.ParseInLocation("2006-01-02 15:04", at[n], grids.Shanghai)
			for _, day := range []grids.Day{grids.DayOf(stored), end} {
				if n+1 < batches {
					next, _ := time.ParseInLocation("2006-01-02 15:04", at[n+1], grids.Shanghai)
					day = min(day, grids.DayOf(next)) // a look before the next batch
				}
				now := newLedger(3)
				now.take(columnsOfEvents(t, after(n, true), at[:n+1]...), day)
				if was != nil {
					grown(t, was, now)
				}
				was = now
			}
		}
	})
}

// grown fails unless all that was told still is.
func grown(t *rapid.T, was, now *ledger) {
	t.Helper()
	for i, rel := range was.releases {
		k, next := int32(rel.Rule().K), now.releases[i].Groups()
		if len(next) < len(rel.Groups()) {
			t.Fatal(grids.Classes[i], "groups are gone: ", rel.Groups(), next)
		}
		for n, old := range rel.Groups() {
			less := old.N - next[n].N
			if old.N = next[n].N; old != next[n] || less < 0 || less > 0 && less < k || old.N > 0 && old.N < k {
				t.Fatal(grids.Classes[i], fmt.Sprintf("group %d was %v with %d more, it is %v", n, old, less, next[n]))
			}
		}
	}
}

// What differs between a cube and a list of groups is found, whatever their order, and nothing else.
func TestDiffering(t *testing.T) {
	a, b, c := someCell(t, 0).Parent(8), someCell(t, 1).Parent(8), someCell(t, 2).Parent(7)
	g := func(cell mesh.Cell, n int32) disclosure.Group {
		return disclosure.Group{Cell: cell, From: 24300, To: 24300, Kinds: 2, N: n}
	}
	cube := tiles.NewCube([]disclosure.Group{g(a, 3), g(b, 4), g(b, 4), g(c, 5)}, disclosure.RuleOf(grids.ClassCommand, 3), tiles.Stamp{})
	for _, tt := range []struct {
		name string
		list []disclosure.Group
		want []mesh.Cell
	}{
		{"the same", []disclosure.Group{g(b, 4), g(c, 5), g(a, 3), g(b, 4)}, nil},
		{"the same with one that is gone", []disclosure.Group{g(b, 4), g(b, 0), g(c, 5), g(a, 3), g(b, 4)}, nil},
		{"one less of two", []disclosure.Group{g(a, 3), g(b, 4), g(c, 5)}, []mesh.Cell{b}},
		{"another number", []disclosure.Group{g(a, 3), g(b, 4), g(b, 4), g(c, 6)}, []mesh.Cell{c}},
		{"none", nil, []mesh.Cell{c, a, b}},
	} {
		got := differing(cube, tt.list)
		slices.Sort(got)
		want := slices.Sorted(slices.Values(tt.want))
		if got = slices.Compact(got); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", tt.name, got, want)
		}
	}
}
