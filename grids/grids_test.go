package grids

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paulmach/orb"
)

func TestIDs(t *testing.T) {
	a, b := NewID(), NewID()
	if a == b || a[6]>>4 != 7 || a[8]>>6 != 2 {
		t.Errorf("%s and %s are not two version-7 UUIDs", a, b)
	}
	if got, err := ParseID(a.String()); err != nil || got != a {
		t.Errorf("%s came back as %s, %v", a, got, err)
	}
	for _, bad := range []string{"", "7", strings.Repeat("g", 36), "0190b6c4-7b1e-7c3a-9d7e+2f6a5b4c3d2e", "0190b6c4-7b1e-7c3a-9d7e-2f6a5b4c3d2g"} {
		if _, err := ParseID(bad); KindOf(err) != Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if IDFrom("casework", a.String()) != a {
		t.Error("a UUID did not keep its value")
	}
	if x := IDFrom("casework", "A-1"); x != IDFrom("casework", "A-1") || x == IDFrom("surveys", "A-1") || x == IDFrom("casework", "A-2") || x[6]>>4 != 8 {
		t.Errorf("foreign ids: %s", x)
	}
}

func TestCalendar(t *testing.T) {
	// 16:30 UTC is the next morning in Shanghai
	d := DayOf(time.Date(2025, 12, 31, 16, 30, 0, 0, time.UTC))
	if d.String() != "2026-01-01" || d.Month().String() != "2026-01" {
		t.Errorf("day %s, month %s", d, d.Month())
	}
	m, err := ParseMonth("2024-02")
	if err != nil || m.First().String() != "2024-02-01" || m.Last().String() != "2024-02-29" {
		t.Errorf("%s–%s, %v", m.First(), m.Last(), err)
	}
	for _, bad := range []string{"", "2024", "2024-13", "2024-2", "24-02", "0001-01", "9999-01"} {
		if _, err := ParseMonth(bad); KindOf(err) != Invalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
	p := Period{From: m, To: m}
	for day, in := range map[Day]bool{m.First() - 1: false, m.First(): true, m.Last(): true, m.Last() + 1: false} {
		if p.Contains(day) != in {
			t.Errorf("%s in %s: %v", day, m, !in)
		}
	}
	if !(Period{}).Contains(0) {
		t.Error("the open period holds everything")
	}
}

func TestCodes(t *testing.T) {
	if TownOf("310151101001") != "310151101000" || TownOf("31015110100a") != "" || IsCode12("3101511010012") {
		t.Error("codes")
	}
	for i, k := range CaseKinds {
		if k.Number() != int16(i+1) {
			t.Errorf("%s has number %d", k, k.Number())
		}
	}
	if CaseKind("gossip").Number() != 0 {
		t.Error("an unknown kind has a number")
	}
}

func TestErrors(t *testing.T) {
	cause := errors.New("pq: secret")
	err := Hide(Unavailable, cause, "try again")
	if err.Error() != "try again" || !errors.Is(err, cause) || KindOf(err) != Unavailable || !errors.Is(err, &Error{Kind: Unavailable}) || errors.Is(err, &Error{Kind: Invalid}) {
		t.Errorf("%v", err)
	}
	if KindOf(cause) != Internal || Kind(99).String() != "internal" {
		t.Error("a foreign error is internal")
	}
}

func TestAFindingIsChecked(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	good := Finding{Geometry: orb.Point{121, 31}, Kind: OpiumPoppy, Confidence: 2, State: Spotted, Source: FromFoot, SeenAt: now}
	if err := good.Check(now, 0); err != nil {
		t.Fatal(err)
	}
	square := orb.Polygon{{{0, 0}, {1, 0}, {1, 1}, {0, 1}, {0, 0}}}
	long := orb.Ring{}
	for i := range 1002 {
		long = append(long, orb.Point{float64(i), float64(i * i)})
	}
	long = append(long, long[0])
	for name, c := range map[string]struct {
		change func(*Finding)
		area   float64
		ok     bool
	}{
		"a plot":             {func(f *Finding) { f.Geometry = square }, 300, true},
		"a huge plot":        {func(f *Finding) { f.Geometry = square }, 2e6, false},
		"a plot with a hole": {func(f *Finding) { f.Geometry = orb.Polygon{square[0], square[0]} }, 1, false},
		"an open plot":       {func(f *Finding) { f.Geometry = orb.Polygon{square[0][:4]} }, 1, false},
		"a bow tie":          {func(f *Finding) { f.Geometry = orb.Polygon{{{0, 0}, {1, 1}, {1, 0}, {0, 1}, {0, 0}}} }, 1, false},
		"a touching plot":    {func(f *Finding) { f.Geometry = orb.Polygon{{{0, 0}, {2, 0}, {2, 2}, {1, 0}, {0, 2}, {0, 0}}} }, 1, false},
		"too many corners":   {func(f *Finding) { f.Geometry = orb.Polygon{long} }, 1, false},
		"a line":             {func(f *Finding) { f.Geometry = orb.LineString{{0, 0}, {1, 1}} }, 0, false},
		"confidence 0":       {func(f *Finding) { f.Confidence = 0 }, 0, false},
		"off the earth":      {func(f *Finding) { f.Geometry = orb.Point{200, 0} }, 0, false},
		"axes swapped":       {func(f *Finding) { f.Geometry = orb.Point{31.65, 121.41} }, 0, false},
		"an unknown kind":    {func(f *Finding) { f.Kind = "tulip" }, 0, false},
		"an unknown state":   {func(f *Finding) { f.State = "lost" }, 0, false},
		"an unknown source":  {func(f *Finding) { f.Source = "rumour" }, 0, false},
		"no time":            {func(f *Finding) { f.SeenAt = time.Time{} }, 0, false},
		"a clock a bit fast": {func(f *Finding) { f.SeenAt = now.Add(4 * time.Minute) }, 0, true},
		"the future":         {func(f *Finding) { f.SeenAt = now.Add(time.Hour) }, 0, false},
	} {
		f := good
		c.change(&f)
		if err := f.Check(now, c.area); (err == nil) != c.ok || err != nil && KindOf(err) != Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEveryFlawHasItsSentence(t *testing.T) {
	codes := []FlawCode{FlawRepaired, FlawBroken, FlawOverlap, FlawGap, FlawOutside, FlawSum, FlawNoParent, FlawCodeForm, FlawEmpty, FlawDuplicated}
	var seen []string
	for _, c := range codes {
		m := Flaw{Code: c, Place: "P1", Other: "P2", AreaM2: 12}.Message()
		if !strings.Contains(m.EN, "P1") || !strings.Contains(m.ZH, "P1") || strings.Contains(m.EN, "%!") || strings.Contains(m.ZH, "%!") || slices.Contains(seen, m.EN) {
			t.Errorf("%s: %+v", c, m)
		}
		seen = append(seen, m.EN)
	}
	if Stops([]Flaw{{Severity: Minor}}) || !Stops([]Flaw{{Severity: Minor}, {Severity: Serious}}) {
		t.Error("only serious flaws stop an import")
	}
}

func TestVersionsAsAWord(t *testing.T) {
	v := Versions{Generation: "0123456789abcdef", Of: map[Subject]int64{OnFindings: 12, OnVillages: 3}}
	back, err := ParseVersions(v.String())
	if err != nil || !back.Same(v) || v.String() != "0123456789abcdef.village-status.3.findings.12" {
		t.Errorf("%s comes back as %+v, %v", v, back, err)
	}
	for _, text := range []string{"", "garbage", "0123456789abcdef.findings", "0123456789abcdef.findings.0", "0123456789abcdef.gossip.1",
		"0123456789abcdef.findings.x", "0123456789ABCDEF.findings.1", "0123456789abcdef.findings.1.findings.2"} {
		if got, err := ParseVersions(text); KindOf(err) != Invalid || err == nil {
			t.Errorf("%q is read as %+v, %v", text, got, err)
		}
	}
	later := Versions{Generation: v.Generation, Of: map[Subject]int64{OnFindings: 13, OnVillages: 3}}
	if !later.Covers(v) || v.Covers(later) || later.Covers(Versions{Generation: "other"}) {
		t.Error("Covers")
	}
}
