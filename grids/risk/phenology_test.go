package risk

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"wangge/grids"
)

// counting is a table whose value tells the half-month: 0, 1/23, … 1.
func counting() Phenology {
	var s Season
	for i := range s {
		s[i] = float64(i) / 23
	}
	return Phenology{Version: "t", Seasons: map[grids.FindingKind]Season{grids.Cannabis: s}}
}

func TestPhenologyByDay(t *testing.T) {
	p := counting()
	for _, tt := range []struct {
		y    int
		m    time.Month
		d    int
		want int
	}{
		{2026, 1, 1, 0}, {2026, 1, 15, 0}, {2026, 1, 16, 1}, {2026, 1, 31, 1}, {2026, 2, 1, 2}, {2026, 2, 15, 2}, {2026, 2, 16, 3}, {2026, 2, 28, 3}, {2026, 3, 1, 4},
		{2024, 2, 29, 3}, {2024, 3, 1, 4}, {2026, 4, 30, 7}, {2026, 5, 1, 8}, {2026, 12, 15, 22}, {2026, 12, 16, 23}, {2026, 12, 31, 23}, {2027, 1, 1, 0}, {1969, 12, 31, 23},
	} {
		if got := 23 * p.At(grids.Cannabis, grids.DayFrom(tt.y, tt.m, tt.d)); math.Abs(got-float64(tt.want)) > 1e-12 {
			t.Errorf("%d-%d-%d is in half-month %v, want %d", tt.y, tt.m, tt.d, got, tt.want)
		}
	}
	if v := p.At(grids.Ephedra, 20000); v != 0 {
		t.Errorf("a species without a season is seen: %v", v)
	}
}

func TestPhenologyOverDays(t *testing.T) {
	p := counting()
	day := grids.DayFrom
	for name, tt := range map[string]struct {
		first, last grids.Day
		want        float64 // in half-months
	}{
		"a day":                  {day(2026, 3, 16), day(2026, 3, 16), 5},
		"both sides of the 15th": {day(2026, 3, 15), day(2026, 3, 16), 4.5},
		"a month of 31 days":     {day(2026, 3, 1), day(2026, 3, 31), (15*4 + 16*5) / 31.},
		"February":               {day(2026, 2, 1), day(2026, 2, 28), (15*2 + 13*3) / 28.},
		"February of a leap year": {day(2024, 2, 1), day(2024, 3, 1),
			(15*2 + 14*3 + 4) / 30.},
		"over the new year": {day(2025, 12, 31), day(2026, 1, 1), 11.5},
		"a year and a day": {day(2025, 1, 1), day(2026, 1, 1),
			23 * p.Mean(grids.Cannabis, day(2025, 1, 1), day(2025, 12, 31)) * 365 / 366},
		"backwards": {day(2026, 4, 1), day(2026, 3, 20), 5},
	} {
		if got := 23 * p.Mean(grids.Cannabis, tt.first, tt.last); math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

// The mean of a span is that of its days, between the least and the most of them, and that of its parts by how long they are.
func TestPhenologyProperties(t *testing.T) {
	table := DefaultPhenology()
	rapid.Check(t, func(t *rapid.T) {
		species := rapid.SampledFrom(table.Species()).Draw(t, "species")
		first := grids.Day(rapid.IntRange(-2000, 40000).Draw(t, "first"))
		n := grids.Day(rapid.IntRange(2, 900).Draw(t, "days"))
		cut := grids.Day(rapid.IntRange(1, int(n)-1).Draw(t, "cut"))
		mean := table.Mean(species, first, first+n-1)
		sum, least, most := 0.0, 1.0, 0.0
		for d := first; d < first+n; d++ {
			v := table.At(species, d)
			sum, least, most = sum+v, min(least, v), max(most, v)
		}
		if math.Abs(mean-sum/float64(n)) > 1e-9 || mean < least-1e-12 || mean > most+1e-12 {
			t.Fatalf("a mean of %v; of the days %v, from %v to %v", mean, sum/float64(n), least, most)
		}
		parts := table.Mean(species, first, first+cut-1)*float64(cut) + table.Mean(species, first+cut, first+n-1)*float64(n-cut)
		if math.Abs(mean-parts/float64(n)) > 1e-9 {
			t.Fatalf("a mean of %v, of its parts %v", mean, parts/float64(n))
		}
	})
}

func TestPhenologyInForce(t *testing.T) {
	p := DefaultPhenology()
	if err := p.Check(); err != nil || len(p.Species()) != 3 || p.Source == "" {
		t.Fatalf("%v, species %v, source %q", err, p.Species(), p.Source)
	}
	for name, tt := range map[string]struct {
		species grids.FindingKind
		m       time.Month
		least   float64
		most    float64
	}{
		"poppy in winter": {grids.OpiumPoppy, 1, 0, .1}, "poppy in flower": {grids.OpiumPoppy, 5, 1, 1}, "poppy in August": {grids.OpiumPoppy, 8, 0, 0},
		"hemp in February": {grids.Cannabis, 2, 0, 0}, "hemp in August": {grids.Cannabis, 8, 1, 1}, "ephedra in January": {grids.Ephedra, 1, .5, .9}, "ephedra in June": {grids.Ephedra, 6, 1, 1},
	} {
		first := grids.DayFrom(2026, tt.m, 1)
		if got := p.Mean(tt.species, first, first.Month().Last()); got < tt.least || got > tt.most {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestPhenologyRefuses(t *testing.T) {
	with := func(k grids.FindingKind, at int, v float64) Phenology {
		p := counting()
		s := p.Seasons[grids.Cannabis]
		s[at] = v
		p.Seasons = map[grids.FindingKind]Season{k: s}
		return p
	}
	for says, p := range map[string]Phenology{
		"no version":           {Seasons: counting().Seasons},
		"one species at least": {Version: "t"},
		"is not known":         with("nightshade", 0, 0),
		"no species":           with(grids.UnknownPlant, 0, 0),
		"NaN in half-month 5":  with(grids.Cannabis, 4, math.NaN()),
		"1.5 in half-month 24": with(grids.Cannabis, 23, 1.5),
		"-1 in half-month 1":   with(grids.Cannabis, 0, -1),
		"never fully seen":     with(grids.Cannabis, 23, .9),
	} {
		if err := p.Check(); grids.KindOf(err) != grids.Invalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
}
