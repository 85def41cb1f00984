package analysis

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"wangge/geoserver/live"
	"wangge/grids"
	"wangge/grids/risk"
)

// seeker is a job that looks for a species in a district where nothing was ever found.
func seeker(species grids.FindingKind) *job {
	j := &job{Request: Defaults(), analyst: &Analyst{phenology: risk.DefaultPhenology()}, state: &live.State{Today: grids.DayFrom(2026, 12, 1)}}
	j.Level, j.Composite.Species = "villages", species
	return j
}

func quarter(round string, m time.Month, done float64) live.Look {
	return live.Look{Round: round, From: grids.DayFrom(2026, m-2, 1), On: grids.DayFrom(2026, m, 1).Month().Last(), Completion: done}
}

// A look outside of the season leaves the prior, and the same one in season lowers it, by as much as the plant could be seen.
func TestResidualBySeason(t *testing.T) {
	units := []live.Figures{{Code: "in season", AreaKm2: 1, Looks: []live.Look{quarter("Q2", 6, .5)}}, {Code: "out of it", AreaKm2: 3, Looks: []live.Look{quarter("autumn", 10, .5)}},
		{Code: "nobody", AreaKm2: 1}, {Code: "twice", AreaKm2: 1, Looks: []live.Look{quarter("Q1", 3, 1), quarter("Q2", 6, .5)}}}
	s, err := seeker(grids.OpiumPoppy).residual(units)
	if err != nil {
		t.Fatal(err)
	}
	prior, err := risk.PriorOf(0, 2, .95) // of those that were looked at in season
	if err != nil {
		t.Fatal(err)
	}
	table := risk.DefaultPhenology()
	g := table.Mean(grids.OpiumPoppy, grids.DayFrom(2026, 4, 1), grids.DayFrom(2026, 6, 30))
	q1 := table.Mean(grids.OpiumPoppy, grids.DayFrom(2026, 1, 1), grids.DayFrom(2026, 3, 31))
	left := func(missed float64) float64 { return prior.Best * missed / (1 - prior.Best + prior.Best*missed) }
	for i, want := range []struct{ residual, seen float64 }{{left(1 - .5*g*.5), .5 * g}, {prior.Best, 0}, {prior.Best, 0}, {left((1 - .5*g*.5) * (1 - q1*.5)), 1 - (1-q1)*(1-.5*g)}} {
		if got := s.of[i].Value.Or(9); math.Abs(got-want.residual) > 1e-12 || math.Abs(s.seen[i]-want.seen) > 1e-12 {
			t.Errorf("%s: %v, looked at in season %v, want %+v", units[i].Code, got, s.seen[i], want)
		}
	}
	if want := (.5*g + q1 + .5*g) / (.5 + 3*.5 + 1 + .5); math.Abs(s.inSeason.Or(9)-want) > 1e-12 {
		t.Errorf("of all ground in season %v, want %v", s.inSeason, want)
	}
	hemp, err := seeker(grids.Cannabis).residual(units)
	if err != nil {
		t.Fatal(err)
	}
	if !(hemp.of[1].Value.Or(9) < hemp.of[0].Value.Or(0)) || !(hemp.of[0].Value.Or(9) < hemp.of[2].Value.Or(0)) {
		t.Errorf("hemp: in spring %v, late in summer %v, never %v", hemp.of[0].Value, hemp.of[1].Value, hemp.of[2].Value)
	}
}

// Parts of a unit that were looked at in one round, each in its time, are one look over all of them.
func TestLooksOfARound(t *testing.T) {
	j := seeker(grids.OpiumPoppy)
	winter, may := quarter("A", 3, .25), quarter("A", 5, .75)
	got := j.looks([]live.Look{winter, may, quarter("B", 6, 0)})
	mean := func(l live.Look) float64 { return j.analyst.phenology.Mean(grids.OpiumPoppy, l.From, l.On) }
	want := .25*mean(winter) + .75*mean(may)
	if len(got) != 2 || got[0].Coverage != 1 || math.Abs(got[0].Growth-want) > 1e-12 || got[1] != (risk.Look{Detectability: detectability}) {
		t.Errorf("%+v, want one of growth %v and one of nothing", got, want)
	}
	rapid.Check(t, func(t *rapid.T) {
		var list []live.Look
		for range rapid.IntRange(0, 8).Draw(t, "looks") {
			on := grids.Day(rapid.IntRange(20000, 20400).Draw(t, "on"))
			list = append(list, live.Look{Round: rapid.SampledFrom([]string{"A", "B", ""}).Draw(t, "round"), From: on - grids.Day(rapid.IntRange(0, 91).Draw(t, "days")), On: on,
				Completion: rapid.Float64Range(0, 1).Draw(t, "done")})
		}
		s, err := j.residual([]live.Figures{{Code: "a", AreaKm2: 1, Looks: list}}) // refuses looks that are none
		if err != nil || s.seen[0] < 0 || s.seen[0] > 1 {
			t.Fatalf("%v, %+v", err, s)
		}
	})
}

// Where nothing can be told of the prior the result says so.
func TestNobodyLookedInSeason(t *testing.T) {
	for name, tt := range map[string]struct {
		look live.Look
		says bool
	}{"in autumn": {quarter("A", 10, 1), true}, "in spring": {quarter("A", 5, 1), false}} {
		j, r := seeker(grids.OpiumPoppy), &Result{}
		s, err := j.residual([]live.Figures{{Code: "a", AreaKm2: 1, Looks: []live.Look{tt.look}}})
		if err != nil {
			t.Fatal(err)
		}
		s.tell(j, r)
		said, when := false, false
		for _, n := range r.Notes {
			said, when = said || strings.Contains(n.Text.EN, "tell the prior by"), when || strings.Contains(n.Text.EN, "(opium poppy)") && strings.Contains(n.Text.ZH, "2026-12-01")
		}
		if said != tt.says || !when {
			t.Errorf("%s: %v", name, r.Notes)
		}
	}
}
