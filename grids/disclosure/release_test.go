package disclosure

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/paulmach/orb"
	"pgregory.net/rapid"

	"wangge/grids"
	"wangge/grids/mesh"
)

func at(t testing.TB, lon, lat float64, res int) mesh.Cell {
	t.Helper()
	c, err := mesh.At(orb.Point{lon, lat}, res)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// jan is January 2024.
const jan = grids.Month(2024 * 12)

// bit is the mask of one kind.
func bit(k grids.CaseKind) uint16 { return 1 << k.Number() }

// step is a step of events themselves.
func step(closed grids.Month, in ...Group) Step {
	s := Step{Closed: closed, In: in}
	for _, g := range in {
		s.Came += int(g.N)
	}
	return s
}

// events is n events of one cell, month and kind.
func events(c mesh.Cell, m grids.Month, kind uint16, n int32) Group { return Group{c, m, m, kind, n} }

func TestTheLadder(t *testing.T) {
	top := at(t, 121.5, 31.62, 7)
	a, b, c := top.Children(8)[0], top.Children(8)[1], top.Children(8)[2]
	tip, other := bit(grids.TipOff), bit(grids.OtherCase)
	everything := AllKinds()
	for _, tt := range []struct {
		name    string
		in      []Group
		groups  []Group
		waiting int
	}{
		{name: "nothing"},
		{"one month and kind", []Group{events(a, jan, tip, 3)}, []Group{{a, jan, jan, tip, 3}}, 0},
		{"two kinds together", []Group{events(a, jan, tip, 2), events(a, jan, other, 1)}, []Group{{a, jan, jan, everything, 3}}, 0},
		{"a quarter", []Group{events(a, jan, tip, 2), events(a, jan+2, tip, 1)}, []Group{{a, jan, jan + 2, tip, 3}}, 0},
		{"not over the border of a quarter, but in the year", []Group{events(a, jan+2, tip, 2), events(a, jan+3, tip, 1)}, []Group{{a, jan, jan + 11, tip, 3}}, 0},
		{"not over the border of a year", []Group{events(a, jan+11, tip, 2), events(a, jan+12, tip, 1)}, nil, 3},
		{"cells together in their month", []Group{events(a, jan, tip, 2), events(b, jan, tip, 1)}, []Group{{top, jan, jan, tip, 3}}, 0},
		{"a fine year before a coarse month", []Group{events(a, jan, tip, 2), events(a, jan+5, tip, 2), events(b, jan, tip, 2)}, []Group{{a, jan, jan + 11, tip, 4}}, 2},
		{"what is enough stands alone", []Group{events(a, jan, tip, 7), events(b, jan, tip, 2), events(c, jan, tip, 1)}, []Group{{a, jan, jan, tip, 7}, {top, jan, jan, tip, 3}}, 0},
		{"two full places are not told as one", []Group{events(a, jan, tip, 2), events(b, jan, tip, 2)}, nil, 4},
		{"nor with kinds apart", []Group{events(a, jan, tip, 2), events(b, jan, other, 2)}, nil, 4},
		{"three months of one place are not full", []Group{events(a, jan, tip, 2), events(a, jan+1, tip, 2)}, []Group{{a, jan, jan + 2, tip, 4}}, 0},
		{"but with two each", []Group{events(a, jan, tip, 2), events(a, jan+1, tip, 2), events(a, jan+2, tip, 2)}, []Group{{a, jan, jan + 11, tip, 6}}, 0},
		{"a place that is only known coarsely", []Group{events(top, jan, tip, 2), events(a, jan, tip, 1)}, []Group{{top, jan, jan, tip, 3}}, 0},
		{"too few anywhere", []Group{events(a, jan, tip, 2)}, nil, 2},
	} {
		r := NewRelease(Rule{K: 3, Finest: 8})
		added := r.Take(step(jan+40, tt.in...))
		told, all := r.Told()
		if !slices.Equal(r.Groups(), tt.groups) || all-told != tt.waiting || !slices.Equal(added.In, tt.groups) {
			t.Errorf("%s: %v and %d wait, want %v and %d", tt.name, r.Groups(), all-told, tt.groups, tt.waiting)
		}
	}
}

// What a class below is told is made of groups of at least three: two places with six can only hold three each.
func TestTwoPlacesOfThree(t *testing.T) {
	top := at(t, 121.5, 31.62, 7)
	a, b := top.Children(8)[0], top.Children(8)[1]
	for n, want := range map[int32]int{3: 0, 4: 1} {
		r := NewRelease(Rule{K: 3, Finest: 8})
		below := r.Below(Rule{K: 5, Finest: 8})
		below.Take(r.Take(step(jan, events(a, jan, 2, n), events(b, jan, 2, 3))))
		if len(below.Groups()) != want {
			t.Errorf("%d and 3: %v", n, below.Groups())
		}
	}
}

func TestStepsOnlyAdd(t *testing.T) {
	a := at(t, 121.5, 31.62, 8)
	tip := bit(grids.TipOff)
	r := NewRelease(Rule{K: 3, Finest: 8})
	r.Take(step(jan+4, events(a, jan, tip, 2))) // too few to look at
	if len(r.Groups()) > 0 {
		t.Fatal("two are told")
	}
	r.Take(step(jan+4, events(a, jan, tip, 1)))
	r.Take(step(jan+4, events(a, jan, tip, 1), events(a, jan+1, tip, 4)))
	r.Take(step(jan+5, events(a, jan+5, tip, 1)))
	r.Take(step(jan+5, events(a, jan+4, tip, 2)))
	want := []Group{{a, jan, jan, tip, 3}, {a, jan + 1, jan + 1, tip, 4}, {a, jan + 3, jan + 5, tip, 3}}
	if !slices.Equal(r.Groups(), want) {
		t.Errorf("%v, want %v", r.Groups(), want)
	}
}

// The year that is not over ends with its last closed month.
func TestTheYearSoFar(t *testing.T) {
	a := at(t, 121.5, 31.62, 8)
	r := NewRelease(Rule{K: 3, Finest: 8})
	r.Take(step(jan+6, events(a, jan, 2, 2), events(a, jan+6, 2, 1)))
	if want := []Group{{a, jan, jan + 6, 2, 3}}; !slices.Equal(r.Groups(), want) {
		t.Errorf("%v, want %v", r.Groups(), want)
	}
}

func TestTakingBack(t *testing.T) {
	a := at(t, 121.5, 31.62, 8)
	tip := bit(grids.TipOff)
	r := NewRelease(Rule{K: 3, Finest: 8})
	r.Take(step(jan, events(a, jan, tip, 9), events(a.Parent(5), jan, tip, 1)))
	held := r.Groups()
	for _, tt := range []struct {
		name string
		cut  Cut
		n    int32
		told []Cut
	}{
		{"one is not told", Cut{0, 1}, 9, nil},
		{"nor the second", Cut{0, 1}, 9, nil},
		{"the third: all three", Cut{0, 1}, 6, []Cut{{0, 3}}},
		{"four more would leave two", Cut{0, 4}, 6, nil},
		{"all gone", Cut{0, 2}, 0, []Cut{{0, 6}}},
		{"one that waited", Cut{1, 1}, 0, nil},
	} {
		out := r.Take(Step{Closed: jan, Out: []Cut{tt.cut}})
		if r.Groups()[0].N != tt.n || !slices.Equal(out.Out, tt.told) {
			t.Errorf("%s: %v, %v", tt.name, r.Groups(), out.Out)
		}
	}
	if held[0].N != 9 {
		t.Error("what was handed out changed")
	}
	r.Take(step(jan, events(a, jan, tip, 3)))
	if told, all := r.Told(); told != 3 || all != 3 {
		t.Errorf("%d of %d told at the end", told, all)
	}
}

func TestNobodyLivesThere(t *testing.T) {
	a, b := at(t, 121.5, 31.62, 8), at(t, 121.7, 31.5, 8)
	people := map[mesh.Cell]int{a: 400, b: 1000}
	r := NewRelease(Rule{K: 3, Finest: 8, Floor: 1000, Residents: func(c mesh.Cell) (int, bool) { n, ok := people[c]; return n, ok }})
	c := at(t, 121.2, 31.7, 8) // unknown
	r.Take(step(jan, events(a, jan, 2, 9), events(b, jan, 2, 3), events(c, jan, 2, 3)))
	for _, g := range r.Groups() {
		if g.Cell == a || g.Cell.Resolution() < 8 && !(g.Cell == a.Parent(g.Cell.Resolution())) {
			t.Errorf("%v is told", g)
		}
	}
	if told, _ := r.Told(); told != 6 {
		t.Errorf("%d told", told)
	}
}

// drawn is steps of events in a few towns' worth of cells, dense enough that all rungs occur, with some taken back.
func drawn(t *rapid.T) []Step {
	var steps []Step
	var sizes []int32
	closed := jan + 3
	for range rapid.IntRange(1, 5).Draw(t, "steps") {
		closed += grids.Month(rapid.IntRange(0, 14).Draw(t, "months"))
		s := Step{Closed: closed}
		for i := range sizes {
			if sizes[i] > 0 && rapid.IntRange(0, 9).Draw(t, "back") == 0 {
				n := rapid.Int32Range(1, sizes[i]).Draw(t, "n")
				s.Out, sizes[i] = append(s.Out, Cut{i, n}), sizes[i]-n
			}
		}
		for range rapid.IntRange(0, 60).Draw(t, "events") {
			p := orb.Point{121.5 + rapid.Float64Range(0, .08).Draw(t, "lon"), 31.6 + rapid.Float64Range(0, .08).Draw(t, "lat")}
			c, err := mesh.At(p, rapid.SampledFrom([]int{7, 12, 12, 12, 12}).Draw(t, "res"))
			if err != nil {
				t.Fatal(err)
			}
			g := events(c, closed-grids.Month(rapid.IntRange(0, 15).Draw(t, "ago")), 1<<rapid.IntRange(1, 3).Draw(t, "kind"), rapid.Int32Range(1, 3).Draw(t, "n"))
			s.In, sizes = append(s.In, g), append(sizes, g.N)
			s.Came += int(g.N)
		}
		steps = append(steps, s)
	}
	return steps
}

// Whatever comes: every group is of at least K events that exist, lie in it and are in no other; what was told once is told ever after but
// for what was taken back, and of that at least K at a time.
func TestAReleaseKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rule := Rule{K: rapid.IntRange(2, 6).Draw(t, "k"), Finest: rapid.IntRange(6, 9).Draw(t, "finest")}
		r := NewRelease(rule)
		below := r.Below(Rule{K: rule.K + rapid.IntRange(0, 5).Draw(t, "more"), Finest: rapid.IntRange(5, rule.Finest).Draw(t, "below")})
		var in, inBelow []Group
		back := map[int]int32{}
		for _, s := range drawn(t) {
			before, beforeBelow := slices.Clone(r.Groups()), slices.Clone(below.Groups())
			in = append(in, s.In...)
			for _, c := range s.Out {
				back[c.Group] += c.N
			}
			next := r.Take(s)
			inBelow = append(inBelow, next.In...)
			below.Take(next)
			onlyAdded(t, before, r, s.Closed)
			onlyAdded(t, beforeBelow, below, s.Closed)
			contains(t, r, in)
			contains(t, below, inBelow)
		}
		told, all := r.Told()
		total, gone := 0, 0
		for i, g := range in {
			total, gone = total+int(g.N), gone+int(back[i])
		}
		if all < total-gone || all > total || told > all {
			t.Fatalf("%d of %d told, of %d events less %d", told, all, total, gone)
		}
	})
}

func onlyAdded(t *rapid.T, before []Group, r *Release, closed grids.Month) {
	k := int32(r.Rule().K)
	for i, g := range r.Groups() {
		switch {
		case g.N != 0 && g.N < k:
			t.Fatalf("a group of %d at K = %d", g.N, k)
		case g.To > closed || g.From > g.To:
			t.Fatalf("%v ends after the last closed month %v", g, closed)
		case i >= len(before):
		case g.Cell != before[i].Cell || g.From != before[i].From || g.To != before[i].To || g.Kinds != before[i].Kinds:
			t.Fatalf("%v became %v", before[i], g)
		case g.N > before[i].N || g.N < before[i].N && before[i].N-g.N < k:
			t.Fatalf("%v became %v", before[i], g)
		}
	}
}

// contains holds the groups against what came in, by the numbers that the release keeps.
func contains(t *rapid.T, r *Release, in []Group) {
	sums := make([]int32, len(r.groups))
	for i, at := range r.within {
		if at == notYet {
			continue
		}
		g := r.groups[at]
		if in[i].Cell.Parent(g.Cell.Resolution()) != g.Cell || in[i].From < g.From || in[i].To > g.To || in[i].Kinds&^g.Kinds != 0 {
			t.Fatalf("%v is told in %v", in[i], g)
		}
		sums[at] += in[i].N
	}
	for i, n := range sums {
		if r.groups[i].N > n {
			t.Fatalf("%v is of %d events", r.groups[i], n)
		}
	}
}

// clustered is events as a district has them, by cell of resolution 12, month and kind.
func clustered(b testing.TB, n int) []Group {
	random := rand.New(rand.NewPCG(310151, 13))
	out := make([]Group, n)
	for i := range out {
		spread := .02 + .25*random.Float64()*random.Float64()
		c := at(b, 121.5+spread*random.NormFloat64(), 31.6+.6*spread*random.NormFloat64(), 12)
		out[i] = events(c, jan+grids.Month(random.IntN(60)), 1<<(1+random.IntN(len(grids.CaseKinds))), 1)
	}
	return out
}

// BenchmarkRelease divides events of five years at once, for all classes, and one more batch of a thousand.
func BenchmarkRelease(b *testing.B) {
	for _, n := range []int{400, 100_000, 1_000_000} {
		in := clustered(b, n+1000)
		b.Run(fmt.Sprintf("events=%d", n), func(b *testing.B) {
			for b.Loop() {
				r := NewRelease(RuleOf(grids.ClassCommand, 3))
				r.Take(step(jan+60, in[:n]...))
				told, all := r.Told()
				b.ReportMetric(float64(len(r.Groups())), "groups")
				b.ReportMetric(float64(told)/float64(all), "told")
			}
		})
		b.Run(fmt.Sprintf("events=%d/classes", n), func(b *testing.B) {
			for b.Loop() {
				r := NewRelease(RuleOf(grids.ClassCommand, 3))
				list := []*Release{r}
				for _, c := range grids.Classes[1:4] {
					list = append(list, list[len(list)-1].Below(RuleOf(c, 3)))
				}
				s := step(jan+60, in[:n]...)
				for i, r := range list {
					s = r.Take(s)
					told, _ := r.Told()
					b.ReportMetric(float64(told)/float64(n), fmt.Sprintf("told%d", i))
				}
			}
		})
	}
}
