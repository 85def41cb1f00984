package disclosure

import (
	"cmp"
	"math/bits"
	"slices"

	"wangge/grids"
	"wangge/grids/mesh"
)

// CoarsestCell is the coarsest H3 resolution of a group: about 190 km² here. What is too few even there is not told.
const CoarsestCell = 5

// Group is casework events that are told together, as one number.
type Group struct {
	Cell     mesh.Cell   // all of them lie in it
	From, To grids.Month // all of them are from these months, both included
	Kinds    uint16      // bit n is set for each kind of number n that they may have
	N        int32       // how many they are
}

// Told reports whether a question for a period and kinds (a mask like Kinds) takes the group in: wholly or not at all.
func (g Group) Told(p grids.Period, kinds uint16) bool {
	return g.Kinds&^kinds == 0 && g.From >= p.From && (p.To == 0 || g.To <= p.To)
}

// Meets reports whether some of the events of the group may be of the period and kinds.
func (g Group) Meets(p grids.Period, kinds uint16) bool {
	return g.Kinds&kinds != 0 && g.To >= p.From && (p.To == 0 || g.From <= p.To)
}

// Step is what comes to a release at one time.
type Step struct {
	Closed grids.Month // the last month that is over
	Came   int         // how many events came, whether they are in groups by now or not
	In     []Group     // further events, of months up to Closed; each is given the next number, from 0 on over all steps
	Out    []Cut       // what was taken back of earlier ones
}

// Cut takes N events of a group back.
type Cut struct {
	Group int
	N     int32
}

// Release is the one division of casework into groups that may be told. It grows by steps: a group, once told, is not divided, joined
// or added to; what comes later makes further groups. So all that was ever told is sums of the same groups, of at least K events each,
// and neither comparing places, periods and kinds nor comparing today with yesterday isolates fewer.
//
// A group is made on the first rung of a ladder on which K events come together: cells from fine to coarse, in each of them a month, a
// quarter, a year, first with the kinds apart and then together. What finds no company waits for the next step. On the way three things are seen to:
//
//   - Until K events have come since the last division all wait: otherwise whoever knows that little came would see where.
//   - What is left on a rung is fewer than K in each place; when a group holds as many as can be left, all of its parts are known to be
//     full. Such a group is not made; its events go on to the next rung.
//   - Where events are taken back the number stays until K of a group are gone and K or none are left.
//
// A release may be made of the groups of another one, for readers who see less: its groups are then sums of those, and who reads both
// learns no more than from the finer one.
//
// The idea of rolling small cells up is that of bottom-up generalisation under k-anonymity (Sweeney 2002), with suppression made
// unnecessary by never telling a total; the rules above answer the attacks on it by differencing (Duncan, Elliot and Salazar-González
// 2011, Statistical Confidentiality, ch. 4) and on what is released again (Xiao and Tao 2007, m-invariance).
//
// Not safe for concurrent use, but the groups that [Release.Groups] gave do not change.
type Release struct {
	rule    Rule
	least   int32 // what comes in is groups of at least so many; 0 for events themselves
	ladder  []rung
	groups  []Group
	waiting []item  // in no group yet; descendants before their ancestors
	arrived int     // events since the last division
	within  []int32 // by item: its group, notYet, or gone
	gone    []int32 // by group: events taken back and still told
	desk    desk
}

// desk is the room that a division works in.
type desk struct {
	keys    []key
	cells   []mesh.Cell
	order   []int
	members []item
}

// item is something that came in, with its number.
type item struct {
	Group
	id int32
}

// notYet stands for the group of an item that waits.
const notYet = int32(-1)

// rung says what comes together on it.
type rung struct {
	res    int
	months int32 // 1, 3 or 12
	oneOf  bool  // kinds apart
}

// NewRelease is a release of events themselves, without any.
func NewRelease(r Rule) *Release { return newRelease(r, 0) }

// Below is a release for readers who see less, to be made of the groups of r.
func (r *Release) Below(rule Rule) *Release { return newRelease(rule, int32(max(r.rule.K, 1))) }

func newRelease(rule Rule, least int32) *Release {
	r := &Release{rule: rule, least: least}
	for res := rule.Finest; res >= CoarsestCell; res-- {
		for _, kindsApart := range []bool{true, false} {
			r.ladder = append(r.ladder, rung{res, 1, kindsApart}, rung{res, 3, kindsApart}, rung{res, 12, kindsApart})
		}
	}
	return r
}

// Rule is what the release was made by.
func (r *Release) Rule() Rule { return r.rule }

// Groups is all groups, in the order in which they were made. The slice is shared: it is not to be changed.
func (r *Release) Groups() []Group { return slices.Clip(r.groups) }

// Told is how many events are in groups, and how many came in.
func (r *Release) Told() (told, all int) {
	for _, g := range r.groups {
		told += int(g.N)
	}
	return told, told + sum(r.waiting)
}

// Take makes the release one step older. What it returns is the same step for a release below: the groups that were made, and what
// was taken back of earlier ones.
func (r *Release) Take(s Step) Step {
	out := Step{Closed: s.Closed, Came: s.Came}
	for _, c := range s.Out {
		r.cut(c, &out)
	}
	for _, g := range s.In {
		r.waiting = append(r.waiting, item{g, int32(len(r.within))})
		r.within = append(r.within, notYet)
	}
	if r.arrived += s.Came; r.arrived < r.rule.K {
		return out
	}
	r.arrived = 0
	slices.SortStableFunc(r.waiting, func(a, b item) int { return mesh.DescendantsFirst(a.Cell, b.Cell) })
	before := len(r.groups)
	for at := range r.ladder {
		r.climb(at, s.Closed)
	}
	r.waiting = slices.Clone(r.waiting) // what it once held was much larger
	r.gone = append(r.gone, make([]int32, len(r.groups)-len(r.gone))...)
	out.In = r.groups[before:len(r.groups):len(r.groups)]
	return out
}

// cut takes events back.
func (r *Release) cut(c Cut, out *Step) {
	g := r.within[c.Group]
	if g == notYet {
		i := slices.IndexFunc(r.waiting, func(w item) bool { return int(w.id) == c.Group })
		r.waiting[i].N -= c.N // a later division leaves out what is nothing
		return
	}
	r.gone[g] += c.N
	left := r.groups[g].N - r.gone[g]
	if int(r.gone[g]) < r.rule.K || left != 0 && int(left) < r.rule.K {
		return
	}
	out.Out = append(out.Out, Cut{int(g), r.gone[g]})
	r.groups = slices.Clone(r.groups) // others hold the old ones
	r.groups[g].N, r.gone[g] = left, 0
}

// climb makes the groups of one rung out of what waits.
func (r *Release) climb(at int, closed grids.Month) {
	step := r.ladder[at]
	rest := r.waiting[:0]
	var same []item
	for from := 0; from < len(r.waiting); {
		if r.waiting[from].Cell.Resolution() < step.res {
			rest = append(rest, r.waiting[from])
			from++
			continue
		}
		cell := r.waiting[from].Cell.Parent(step.res)
		to := from + 1
		for to < len(r.waiting) && r.waiting[to].Cell.Resolution() >= step.res && r.waiting[to].Cell.Parent(step.res) == cell {
			to++
		}
		same = append(same[:0], r.waiting[from:to]...)
		rest = r.join(rest, same, at, closed)
		from = to
	}
	r.waiting = rest
}

// join makes groups of items of one cell, and appends those that stay alone to rest, in their order.
func (r *Release) join(rest, same []item, at int, closed grids.Month) []item {
	step := r.ladder[at]
	if len(same) == 0 || sum(same) < r.rule.K {
		return append(rest, same...)
	}
	d := &r.desk
	d.keys, d.order = d.keys[:0], d.order[:0]
	for i, it := range same {
		k, ok := step.key(it.Group)
		if d.keys = append(d.keys, k); ok {
			d.order = append(d.order, i)
		}
	}
	slices.SortStableFunc(d.order, func(a, b int) int { return d.keys[a].compare(d.keys[b]) })
	for order := d.order; len(order) > 0; {
		n := 1
		for n < len(order) && d.keys[order[n]] == d.keys[order[0]] {
			n++
		}
		d.members = d.members[:0]
		for _, m := range order[:n] {
			d.members = append(d.members, same[m])
		}
		if g := step.group(d.keys[order[0]], sum(d.members), closed); r.mayTell(g, d.members, at) {
			for _, m := range order[:n] {
				r.within[same[m].id] = int32(len(r.groups))
			}
			r.groups = append(r.groups, g)
			for _, m := range order[:n] {
				same[m].N = 0
			}
		}
		order = order[n:]
	}
	for _, it := range same {
		if it.N > 0 {
			rest = append(rest, it)
		}
	}
	return rest
}

// key is what events have in common on a rung.
type key struct {
	cell   mesh.Cell
	period int32
	kinds  uint16
}

func (k key) compare(o key) int {
	return cmp.Or(cmp.Compare(k.cell, o.cell), cmp.Compare(k.period, o.period), cmp.Compare(k.kinds, o.kinds))
}

// key is where g belongs on the rung; false when it is too coarse for it.
func (s rung) key(g Group) (key, bool) {
	k := key{period: int32(g.From) / s.months, kinds: allKinds}
	if !s.takes(g) {
		return k, false
	}
	if k.cell = g.Cell.Parent(s.res); s.oneOf {
		k.kinds = g.Kinds
	}
	return k, true
}

// takes reports whether g is fine enough for the rung.
func (s rung) takes(g Group) bool {
	return g.Cell.Resolution() >= s.res && int32(g.From)/s.months == int32(g.To)/s.months && (!s.oneOf || bits.OnesCount16(g.Kinds) == 1)
}

// allKinds has the bit of every kind.
const allKinds = uint16(1<<(len(grids.CaseKinds)+1) - 2)

// AllKinds is the mask of every kind.
func AllKinds() uint16 { return allKinds }

func (s rung) group(k key, n int, closed grids.Month) Group {
	from := grids.Month(k.period * s.months)
	return Group{Cell: k.cell, From: from, To: min(from+grids.Month(s.months)-1, closed), Kinds: k.kinds, N: int32(n)}
}

func sum(items []item) (n int) {
	for _, it := range items {
		n += int(it.N)
	}
	return n
}

// mayTell reports whether the items may be told as the group g: they are enough, and how they lie below cannot be worked out.
func (r *Release) mayTell(g Group, members []item, at int) bool {
	if !r.rule.shows(int(g.N)) || !r.rule.peopled(members) {
		return false
	}
	for _, below := range r.ladder[:at] {
		if r.full(g, members, below) {
			return false
		}
	}
	return true
}

// full reports whether g holds as many events as can be left of all its places on the rung, K−1 in each, or as few as there must be when
// none is empty. Of its cells those count that hold any: the others may be water. Which months and kinds are empty nobody knows.
func (r *Release) full(g Group, members []item, below rung) bool {
	cells := r.desk.cells[:0]
	for _, m := range members {
		if !below.takes(m.Group) {
			return false
		}
		cells = append(cells, m.Cell.Parent(below.res))
	}
	r.desk.cells = cells
	slices.Sort(cells)
	places := len(slices.Compact(cells)) * int(int32(g.To)/below.months-int32(g.From)/below.months+1)
	if below.oneOf {
		places *= bits.OnesCount16(g.Kinds)
	}
	return int(g.N) >= places*(r.rule.K-1) || int(g.N) == places*int(r.least)
}
