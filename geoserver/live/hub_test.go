package live

import (
	"fmt"
	"slices"
	"testing"

	"github.com/paulmach/orb"

	"wangge/grids"
	"wangge/tiles"
)

func newHub() *View {
	v := &View{hub: hub{readers: map[chan *Event]bool{}}}
	v.hub.changed(grids.Versions{}, at(1), nil)
	return v
}

// change tells of a change of findings at the places, from the n-th versions to the next.
func change(t *testing.T, v *View, n int64, places ...orb.Point) {
	t.Helper()
	v.hub.changed(at(n), at(n+1), groundAt(t, places...))
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

// says is what an event says of its one layer.
func says(e *Event) string {
	if e == nil {
		return "not known"
	}
	text := fmt.Sprint(e.Versions.Of[grids.OnFindings])
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
	v := newHub()
	change(t, v, 1, orb.Point{121.1, 31.5})
	change(t, v, 2, orb.Point{121.2, 31.5}, orb.Point{121.3, 31.5})
	v.hub.changed(at(3), at(4), nil) // nothing that is drawn
	other := at(2)
	other.Generation = "another"
	more := at(2)
	more.Of[grids.OnSurveys] = 1
	for _, c := range []struct {
		name  string
		known grids.Versions
		want  string
	}{
		{"all", at(1), "4 findings 121.10–121.10 121.20–121.20 121.30–121.30"},
		{"two", at(2), "4 findings 121.20–121.20 121.30–121.30"},
		{"one without ground", at(3), "4"},
		{"nothing", at(4), "4"},
		{"before the first", at(0), "not known"},
		{"the future", at(5), "not known"},
		{"nobody's", grids.Versions{}, "not known"},
		{"another generation", other, "not known"},
		{"versions that never were together", more, "not known"},
	} {
		_, missed, cancel := v.Subscribe(c.known)
		if got := says(missed); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		cancel()
	}
	v.hub.changed(at(4), at(5), []tiles.Ground{tiles.Everywhere(tiles.Findings)})
	change(t, v, 5, orb.Point{121.4, 31.5})
	if _, missed, _ := v.Subscribe(at(3)); says(missed) != "6 findings" { // anywhere and somewhere is anywhere
		t.Error(says(missed))
	}
	var empty View
	if _, missed, _ := (&View{hub: hub{readers: map[chan *Event]bool{}}}).Subscribe(empty.hub.start); missed != nil {
		t.Error("a server that has not loaded anything knows what was missed")
	}
}

func TestManyBoundsBecomeOne(t *testing.T) {
	v := newHub()
	events, _, cancel := v.Subscribe(at(1))
	defer cancel()
	for n, c := range []struct {
		places int
		want   int
	}{{maxBounds, maxBounds}, {maxBounds + 1, 1}} {
		change(t, v, int64(n+1), line(c.places)...)
		if e := <-events; len(e.Changed) != 1 || len(e.Changed[0].Bounds) != c.want {
			t.Errorf("%d places: %s", c.places, says(e))
		}
	}
	change(t, v, 3, orb.Point{120, 30}, orb.Point{122, 31})
	if _, missed, _ := v.Subscribe(at(1)); says(missed) != "4 findings 121.00–121.24 120.00–120.00 122.00–122.00" {
		t.Errorf("merged: %s", says(missed))
	}
}

// A reader that does not read is dropped and holds up nobody; the others get everything, in order.
func TestASlowReaderIsDropped(t *testing.T) {
	v := newHub()
	slow, _, cancelSlow := v.Subscribe(at(1))
	quick, _, cancelQuick := v.Subscribe(at(1))
	left, _, cancelLeft := v.Subscribe(at(1))
	cancelLeft()
	for n := int64(1); n <= backlog+10; n++ {
		change(t, v, n, orb.Point{121, 31.5})
		if e := <-quick; e.Versions.Of[grids.OnFindings] != n+1 {
			t.Fatalf("the quick one got %s after change %d", says(e), n)
		}
	}
	if len(slow) != backlog || v.Readers() != 1 {
		t.Fatalf("the slow one got %d events before it was dropped, %d readers are left", len(slow), v.Readers())
	}
	for range backlog {
		<-slow
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
	// with the versions that it got last, the slow one comes back and has missed nothing
	if _, missed, _ := v.Subscribe(at(backlog + 1)); missed == nil || missed.Versions.Of[grids.OnFindings] != backlog+11 {
		t.Errorf("coming back: %s", says(missed))
	}
}

// So many changes are remembered and no more.
func TestOldChangesAreForgotten(t *testing.T) {
	v := newHub()
	const n = maxEvents + 3
	for i := int64(1); i <= n; i++ {
		change(t, v, i, orb.Point{121, 31.5})
	}
	var known []bool
	for i := int64(1); i <= n+1; i++ {
		_, missed, cancel := v.Subscribe(at(i))
		cancel()
		known = append(known, missed != nil)
	}
	if first := slices.Index(known, true); first != 3 || slices.Contains(known[first:], false) || len(v.hub.past) != maxEvents {
		t.Errorf("of versions 1 to %d, the first that is known is %d; %d events are kept", n+1, first+1, len(v.hub.past))
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
	events, _, cancel := v.Subscribe(at(1))
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
	s.set(at(2), nil)
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
	if want := []string{"the database is away", "change", "well again"}; !slices.Equal(got, want) || v.Problem() != (Problem{}) {
		t.Errorf("told %q, want %q; the problem is %+v", got, want, v.Problem())
	}
	if _, missed, _ := v.Subscribe(at(1)); missed == nil || missed.Problem != nil {
		t.Errorf("missed: %+v", missed)
	}
}
