package live

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/paulmach/orb"

	"wangge/grids"
	"wangge/tiles"
)

// hubOnly is a sight whose readers are told what a test says.
func hubOnly() *Sight { return &Sight{hub: newHub()} }

// change tells of a change of findings at the places.
func change(t *testing.T, s *Sight, places ...orb.Point) {
	t.Helper()
	s.hub.changed(groundAt(t, places...))
}

// groundAt is the ground of findings at the places.
func groundAt(t *testing.T, places ...orb.Point) []tiles.Ground {
	t.Helper()
	layer, _ := tiles.Find(tiles.Findings)
	empty, err := tiles.NewSnapshot(layer, grids.Table{Columns: []string{"kind"}}, tiles.Stamp{})
	if err != nil {
		t.Fatal(err)
	}
	rows := grids.Table{Columns: []string{"kind"}}
	for i, p := range places {
		rows.Features = append(rows.Features, grids.Feature{ID: uint64(i + 1), Geometry: p, Values: []any{"x"}})
	}
	_, ground, err := empty.With(rows, nil, tiles.Stamp{})
	if err != nil || len(ground) != len(places) {
		t.Fatal(ground, err)
	}
	return ground
}

// line is n places in a row.
func line(n int) (list []orb.Point) {
	for i := range n {
		list = append(list, orb.Point{121 + float64(i)/100, 31.5})
	}
	return list
}

// says is what an event says of its one layer, and how many changes there were before it.
func says(s *Sight, e *Event) string {
	if e == nil {
		return "not known"
	}
	text, _ := strings.CutPrefix(e.ID, s.hub.name+".")
	for _, c := range e.Changed {
		text += " " + c.Layer
		for _, b := range c.Bounds {
			text += fmt.Sprintf(" %.2f–%.2f", b[0], b[2])
		}
	}
	return text
}

// Who comes back is told what it missed, put together; who cannot be told is told so.
func TestWhatAReaderMissed(t *testing.T) {
	s := hubOnly()
	_, start, _, _ := s.Subscribe("")
	change(t, s, orb.Point{121.1, 31.5})
	_, one, _, _ := s.Subscribe("")
	change(t, s, orb.Point{121.2, 31.5}, orb.Point{121.3, 31.5})
	s.hub.changed(nil) // nothing that these readers see
	_, two, _, _ := s.Subscribe("")
	for _, c := range []struct{ name, known, want string }{
		{"all", start, "2 findings 121.10–121.10 121.20–121.20 121.30–121.30"},
		{"one", one, "2 findings 121.20–121.20 121.30–121.30"},
		{"nothing", two, "2"},
		{"before the first", s.hub.id(-1), "not known"},
		{"the future", s.hub.id(3), "not known"},
		{"nobody's", "", "not known"},
		{"another server's, or another class's", hubOnly().hub.id(1), "not known"},
	} {
		_, now, missed, cancel := s.Subscribe(c.known)
		if got := says(s, missed); got != c.want || now != two {
			t.Errorf("%s: %s at %s, want %s", c.name, got, now, c.want)
		}
		cancel()
	}
	s.hub.changed([]tiles.Ground{tiles.Everywhere(tiles.Findings)})
	change(t, s, orb.Point{121.4, 31.5})
	if _, _, missed, _ := s.Subscribe(two); says(s, missed) != "4 findings" { // anywhere and somewhere is anywhere
		t.Error(says(s, missed))
	}
}

// The word of a layer is another one after a change that touched it, and only then; it tells no server's or class's from another what it
// has in common with them.
func TestRevisions(t *testing.T) {
	s, other := hubOnly(), hubOnly()
	before := s.Revisions()
	if len(before) != len(tiles.Names()) || before["heat"] == before["grids"] || before["heat"] == other.Revisions()["heat"] {
		t.Errorf("words %v, of another %v", before, other.Revisions())
	}
	change(t, s, orb.Point{121.1, 31.5})
	after := s.Revisions()
	for _, name := range tiles.Names() {
		if (before[name] == after[name]) != (name != tiles.Findings) {
			t.Errorf("%s: %s, it was %s", name, after[name], before[name])
		}
	}
	if s.hub.changed(nil); !maps.Equal(after, s.Revisions()) {
		t.Error("a change that nobody sees gives other words")
	}
}

func TestManyBoundsBecomeOne(t *testing.T) {
	s := hubOnly()
	events, start, _, cancel := s.Subscribe("")
	defer cancel()
	for _, c := range []struct {
		places int
		want   int
	}{{maxBounds, maxBounds}, {maxBounds + 1, 1}} {
		change(t, s, line(c.places)...)
		if e := <-events; len(e.Changed) != 1 || len(e.Changed[0].Bounds) != c.want {
			t.Errorf("%d places: %s", c.places, says(s, e))
		}
	}
	change(t, s, orb.Point{120, 30}, orb.Point{122, 31})
	if _, _, missed, _ := s.Subscribe(start); says(s, missed) != "3 findings 121.00–121.24 120.00–120.00 122.00–122.00" {
		t.Errorf("merged: %s", says(s, missed))
	}
}

// A reader that does not read is dropped and holds up nobody; the others get everything, in order.
func TestASlowReaderIsDropped(t *testing.T) {
	s := hubOnly()
	v := &View{sights: []*Sight{s, hubOnly()}}
	slow, _, _, cancelSlow := s.Subscribe("")
	quick, _, _, cancelQuick := s.Subscribe("")
	left, _, _, cancelLeft := s.Subscribe("")
	cancelLeft()
	for n := range backlog + 10 {
		change(t, s, orb.Point{121, 31.5})
		if e := <-quick; e.ID != s.hub.id(n+1) {
			t.Fatalf("the quick one got %s after change %d", says(s, e), n+1)
		}
	}
	if len(slow) != backlog || v.Readers() != 1 {
		t.Fatalf("the slow one got %d events before it was dropped, %d readers are left", len(slow), v.Readers())
	}
	var last *Event
	for range backlog {
		last = <-slow
	}
	select {
	case _, open := <-slow:
		if open {
			t.Error("the slow one is told more")
		}
	default:
		t.Error("the slow one does not learn that it was dropped")
	}
	cancelSlow() // twice is no harm
	if cancelQuick(); v.Readers() != 0 {
		t.Errorf("%d readers are left", v.Readers())
	}
	if len(left) != 0 {
		t.Error("who left is told")
	}
	// with the id that it got last, the slow one comes back and has missed nothing
	if _, _, missed, _ := s.Subscribe(last.ID); missed == nil || missed.ID != s.hub.id(backlog+10) {
		t.Errorf("coming back: %s", says(s, missed))
	}
}

// So many changes are remembered and no more.
func TestOldChangesAreForgotten(t *testing.T) {
	s := hubOnly()
	const n = maxEvents + 3
	for range n {
		change(t, s, orb.Point{121, 31.5})
	}
	var known []bool
	for i := range n + 1 {
		_, _, missed, cancel := s.Subscribe(s.hub.id(i))
		cancel()
		known = append(known, missed != nil)
	}
	if first := slices.Index(known, true); first != 3 || slices.Contains(known[first:], false) || len(s.hub.past) != maxEvents {
		t.Errorf("of changes 0 to %d, the first that is known is %d; %d events are kept", n, first, len(s.hub.past))
	}
}

// The text of an event is made once, for all readers.
func TestAnEventIsWrittenOnce(t *testing.T) {
	e, times := &Event{}, 0
	for range 3 {
		if got := e.Text(func(*Event) []byte { times++; return []byte("text") }); string(got) != "text" {
			t.Errorf("%s", got)
		}
	}
	if times != 1 {
		t.Errorf("written %d times", times)
	}
}

// A problem is told once when it begins and once when it ends, and is no change.
func TestAProblemIsToldOnce(t *testing.T) {
	s := newSmall()
	v := fresh(t, newView(t, s, nil))
	sight := v.Sight(grids.ClassBands)
	events, known, _, cancel := sight.Subscribe("")
	defer cancel()
	s.set(at(1), grids.Errorf(grids.Unavailable, "the database is away"))
	for range 3 {
		if err := v.Fresh(t.Context()); grids.KindOf(err) != grids.Unavailable {
			t.Fatal(err)
		}
	}
	if p := v.Problem(); p.Since == nil || p.Detail != "the database is away" {
		t.Errorf("the problem is %+v", p)
	}
	s.set(at(2), nil) // a change of findings, which these readers do not see
	for range 3 {
		fresh(t, v)
	}
	var got []string
	for len(events) > 0 {
		switch e := <-events; {
		case e.Problem == nil:
			got = append(got, "change")
		case e.Problem.Since == nil:
			got = append(got, "well again")
		default:
			got = append(got, e.Problem.Detail)
		}
	}
	if want := []string{"the database is away", "well again"}; !slices.Equal(got, want) || v.Problem() != (Problem{}) {
		t.Errorf("told %q, want %q; the problem is %+v", got, want, v.Problem())
	}
	if _, now, missed, _ := sight.Subscribe(known); missed == nil || missed.Problem != nil || now != known {
		t.Errorf("missed: %+v at %s, it was %s", missed, now, known)
	}
}
