package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"wangge/geoserver/analysis"
	"wangge/grids"
)

// TestAnalysis asks a server on the demo for every analysis that the catalogue offers.
func TestAnalysis(t *testing.T) {
	s := newServer(t)
	if err := s.api.View.Fresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.store.WorkOff(t.Context(), 1, slog.New(slog.DiscardHandler), s.api.Analyst.Compute) }() // ends with the test
	for _, part := range []struct {
		name string
		run  func(*testing.T, *server)
	}{
		{"EveryMethodAnswers", testEveryMethodAnswers},
		{"ThroughTheQueue", testAnalysisThroughTheQueue},
		{"WhatChanceIs", testWhatChanceIs},
		{"BadRequests", testBadAnalyses},
		{"TooMuchWork", testTooMuchWork},
		{"EmergingIsExact", testEmergingIsExact},
		{"NothingUnderK", testAnalysesAreOfReleasedGroups},
		{"OwnWeights", testTheIndexWithOwnWeights},
		{"Species", testTheResidualOfASpecies},
		{"Season", testTheResidualHasASeason},                        // the last one: it leaves other surveys
		{"TheForecastKnowsTheGround", testTheForecastKnowsTheGround}, // the last one: it takes that away
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, s) })
	}
}

// compute is the result of a request, by the command class.
func (s *server) compute(t *testing.T, req map[string]any) (*analysis.Result, []byte, error) {
	t.Helper()
	text, err := json.Marshal(req)
	if err != nil {
		t.Fatal(err)
	}
	out, _, err := s.api.Analyst.Compute(t.Context(), grids.Run{ID: grids.NewID(), Class: grids.ClassCommand, Request: text}, func(float64) {})
	if err != nil {
		return nil, nil, err
	}
	r := &analysis.Result{}
	if err := json.Unmarshal(out, r); err != nil {
		t.Fatal(err)
	}
	return r, out, nil
}

// asked is a request of a method that has enough data in the demo.
func asked(c analysis.Catalogue, method, indicator, level string) map[string]any {
	req := map[string]any{"method": method, "indicator": indicator, "level": level, "from": c.First, "to": c.Last, "replicates": 99, "correct": false}
	switch {
	case method == "emerging" || method == "clusters":
		req["step"] = "quarter"
	case method == "prediction" && indicator != "casework": // findings are of two seasons
		req["step"] = "month"
	}
	return req
}

func testEveryMethodAnswers(t *testing.T, s *server) {
	c := s.api.Analyst.Catalogue(grids.ClassCommand)
	if c.First >= c.Last || len(c.Methods) < 9 {
		t.Fatalf("%+v", c)
	}
	for _, m := range c.Methods {
		for _, indicator := range m.Indicators {
			levels := m.Levels // of one indicator, the others on one level: what differs is what is counted
			if indicator != m.Indicators[0] {
				levels = levels[:1]
			}
			for _, level := range levels {
				t.Run(m.ID+"/"+indicator+"/"+level, func(t *testing.T) {
					began := time.Now()
					r, text, err := s.compute(t, asked(c, m.ID, indicator, level))
					if err != nil {
						t.Fatal(err)
					}
					t.Logf("%d bytes in %v", len(text), time.Since(began).Round(time.Millisecond))
					checkResult(t, c, m, r)
					if level != "grids" {
						return
					}
					if _, again, err := s.compute(t, asked(c, m.ID, indicator, level)); err != nil || !bytes.Equal(text, again) {
						t.Errorf("the same run gave other bytes (%v)", err)
					}
				})
			}
		}
	}
}

func checkResult(t *testing.T, c analysis.Catalogue, m analysis.Method, r *analysis.Result) {
	t.Helper()
	if len(r.Meta) == 0 || r.Meta[0].Method == "" || r.Meta[0].Source == "" {
		t.Errorf("how it came about: %+v", r.Meta)
	}
	if len(r.Notes) == 0 || r.Data == "" || r.Class != "command" || r.K != 3 || !r.Synthetic || r.Title.ZH == "" || r.Title.EN == "" {
		t.Errorf("%d notes, data %q, class %q, k %d, title %v", len(r.Notes), r.Data, r.Class, r.K, r.Title)
	}
	if r.Matrix == nil && len(r.Units) == 0 {
		t.Error("no units")
	}
	counts := map[string]int{}
	for _, u := range r.Units {
		if len(u.Values) != len(r.Columns) {
			t.Fatalf("%s has %d values for %d columns", u.Code, len(u.Values), len(r.Columns))
		}
		for i, v := range u.Values {
			if v != nil && (math.IsNaN(*v) || math.IsInf(*v, 0)) {
				t.Errorf("%s: %s is %v", u.Code, r.Columns[i].ID, *v)
			}
			if strings.HasPrefix(r.Columns[i].ID, "p_") && v != nil && (*v <= 0 || *v > 1) {
				t.Errorf("%s: %s is %v", u.Code, r.Columns[i].ID, *v)
			}
		}
		counts[u.Class]++
	}
	for _, e := range r.Legend {
		if counts[e.ID] != e.N {
			t.Errorf("the legend says that %d units are %s; %d are", e.N, e.ID, counts[e.ID])
		}
		delete(counts, e.ID)
		known := slices.ContainsFunc(c.Classes, func(k analysis.Class) bool { return k.ID == e.ID }) || strings.HasPrefix(e.ID, "q")
		if !known || e.Title.ZH == "" || e.Title.EN == "" {
			t.Errorf("the class %q has no colour or title", e.ID)
		}
	}
	if len(counts) > 0 {
		t.Errorf("classes that are not in the legend: %v", counts)
	}
	for _, l := range r.Links {
		if l[0] == l[1] || l[0] < 0 || l[1] < 0 || l[0] >= len(r.Units) || l[1] >= len(r.Units) {
			t.Fatalf("a link of %v", l)
		}
	}
	for _, u := range r.Units {
		inside := len(u.At) == 2 && u.At[0] > 121 && u.At[0] < 122.1 && u.At[1] > 31.2 && u.At[1] < 32
		if inside != (len(r.Links) > 0) {
			t.Fatalf("%d links, and %s is at %v", len(r.Links), u.Code, u.At)
		}
	}
}

func testAnalysisThroughTheQueue(t *testing.T, s *server) {
	var c analysis.Catalogue
	if status := s.json(t, "GET", "/api/analysis/catalogue", nil, &c); status != http.StatusOK {
		t.Fatal(status)
	}
	id := grids.NewID().String()
	body := map[string]any{"id": id, "request": asked(c, "hotspots", "findings", "grids")}
	var run struct {
		State, Problem, Hash, Data string
		Current, Own               bool
	}
	if status := s.json(t, "POST", "/api/analysis/runs", body, &run); status != http.StatusAccepted || run.State != "queued" || !run.Own {
		t.Fatalf("%d, %+v", status, run)
	}
	for end := time.Now().Add(time.Minute); run.State != "done"; time.Sleep(50 * time.Millisecond) {
		if s.json(t, "GET", "/api/analysis/runs/"+id, nil, &run); run.State == "failed" || time.Now().After(end) {
			t.Fatalf("%+v", run)
		}
	}
	if !run.Current || run.Hash == "" {
		t.Errorf("%+v", run)
	}
	var r analysis.Result
	if status := s.json(t, "GET", "/api/analysis/runs/"+id+"/result", nil, &r); status != http.StatusOK || len(r.Units) != 351 || len(r.Circles) != 0 {
		t.Fatalf("%d, %d units", status, len(r.Units))
	}
	s.sessionOf(t, s.account(t, granted(grids.Volunteer, grids.Scope{Level: grids.LevelDistrict}))) // somebody else signs in
	if s.json(t, "GET", "/api/analysis/runs/"+id, nil, &run); !run.Current {
		t.Error("a sign-in made the result old")
	}
	s.markAt(t, 121.51, 31.62)
	if s.json(t, "GET", "/api/analysis/runs/"+id, nil, &run); run.Current {
		t.Error("after a mark the result is still current")
	}
	village := s.sessionOf(t, s.account(t, grids.Grant{ID: grids.NewID(), Role: grids.Commander, Scope: grids.Scope{Level: grids.LevelTowns, Code: "310151101000"}}))
	if status := village.json(t, "GET", "/api/analysis/runs/"+id+"/result", nil, nil); status != http.StatusForbidden {
		t.Errorf("a commander of a town reads it: %d", status)
	}
}

// Hot spots by a total draw are where there is much; held fixed, a unit's own number makes no hot spot of it.
func testWhatChanceIs(t *testing.T, s *server) {
	c := s.api.Analyst.Catalogue(grids.ClassCommand)
	uppers := map[string]map[string]float64{}
	for _, draw := range []string{"total", "conditional"} {
		req := asked(c, "hotspots", "findings", "grids")
		req["draw"] = draw
		r, _, err := s.compute(t, req)
		if err != nil {
			t.Fatal(err)
		}
		if r.Request.Draw != draw || r.Meta[0].Params["star_draw"] != draw {
			t.Fatalf("asked for %s: %+v", draw, r.Meta[0].Params)
		}
		at := slices.IndexFunc(r.Columns, func(c analysis.Column) bool { return c.ID == "p_upper" })
		uppers[draw] = map[string]float64{}
		for _, u := range r.Units {
			if value, p := u.Values[0], u.Values[at]; value != nil && p != nil && *value > 0 {
				uppers[draw][u.Code] = *p
			}
		}
	}
	smaller := 0
	for code, p := range uppers["total"] {
		if p < uppers["conditional"][code] {
			smaller++
		}
	}
	if n := len(uppers["total"]); n == 0 || smaller < n*9/10 { // a unit with findings is itself a part of the surprise
		t.Errorf("of %d grids with findings %d have a smaller p by a total draw", n, smaller)
	}
}

func testBadAnalyses(t *testing.T, s *server) {
	c := s.api.Analyst.Catalogue(grids.ClassCommand)
	for name, tt := range map[string]struct {
		with map[string]any
		says string
	}{
		"no method":            {map[string]any{"method": ""}, "method"},
		"a method of nothing":  {map[string]any{"method": "tea-leaves"}, "tea-leaves"},
		"an indicator":         {map[string]any{"indicator": "persons"}, "persons"},
		"a level":              {map[string]any{"level": "houses"}, "houses"},
		"a period backwards":   {map[string]any{"from": "2025-12", "to": "2025-01"}, "forward"},
		"a month of nothing":   {map[string]any{"from": "2025-13"}, "2025-13"},
		"alpha":                {map[string]any{"alpha": 0}, "alpha"},
		"a draw":               {map[string]any{"draw": "lots"}, "lots"},
		"a field of nothing":   {map[string]any{"radius": 3}, "radius"},
		"weights of nothing":   {map[string]any{"weights": map[string]any{"kind": "cousin", "order": 1, "style": "W", "isolates": "keep"}}, "cousin"},
		"too many replicates":  {map[string]any{"replicates": 1e7}, "replicates"},
		"too few replicates":   {map[string]any{"replicates": 99, "correct": true, "inference": "permutation"}, "are enough"},
		"bands that descend":   {map[string]any{"pairs": map[string]any{"distances_m": []float64{500, 100}, "days": []float64{7}}}, "ascend"},
		"rings of grids":       {map[string]any{"weights": map[string]any{"kind": "ring", "order": 1, "k": 1, "style": "B", "isolates": "keep"}}, "cells"},
		"a short emerging":     {map[string]any{"method": "emerging", "step": "year"}, "at least 10"},
		"towns for hot spots":  {map[string]any{"level": "towns"}, "does not go"},
		"a kind of casework":   {map[string]any{"kinds": []string{"jaywalking"}}, "jaywalking"},
		"a factor of nothing":  {map[string]any{"composite": map[string]any{"weights": map[string]any{"luck": 1}}}, "luck"},
		"weights of 0":         {map[string]any{"composite": map[string]any{"weights": map[string]any{"survey": 0}}}, "all 0"},
		"a negative weight":    {map[string]any{"composite": map[string]any{"weights": map[string]any{"survey": -1}}}, "survey"},
		"a species of nothing": {map[string]any{"composite": map[string]any{"species": "nightshade"}}, "nightshade"},
		"no species":           {map[string]any{"composite": map[string]any{"species": ""}}, "species"},
		"any plant":            {map[string]any{"composite": map[string]any{"species": "unknown"}}, "no season"},
		"comparisons of two":   {map[string]any{"method": "index", "indicator": "casework", "composite": map[string]any{"judgements": [][]float64{{1, 2}, {.5, 1}}}}, "there are 5"},
		"a forecast of shares": {map[string]any{"method": "prediction", "indicator": "casework", "casework": "shared", "step": "year"}, "predict itself"},
		"an empty period":      {map[string]any{"from": "1999-01", "to": "1999-12"}, "at least"},
		"a scan without alpha": {map[string]any{"method": "clusters", "replicates": 9}, "replicates"},
	} {
		t.Run(name, func(t *testing.T) {
			req := asked(c, "hotspots", "findings", "grids")
			for k, v := range tt.with {
				req[k] = v
			}
			_, _, err := s.compute(t, req)
			if grids.KindOf(err) != grids.Invalid || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v", err)
			}
		})
	}
}

// Emerging hot spots of whole counts have exact p, those of shares normal ones, and the result says which.
func testEmergingIsExact(t *testing.T, s *server) {
	c := s.api.Analyst.Catalogue(grids.ClassCommand)
	some, none := 0, 0
	for _, tt := range []struct {
		indicator, p, says string
		correct            bool
	}{{"findings", "exact", "are exact", false}, {"findings", "exact", "are exact", true}, {"confirmed", "exact", "are exact", false}, {"casework", "normal", "normal approximation", false}} {
		req := asked(c, "emerging", tt.indicator, "grids")
		req["correct"] = tt.correct
		r, _, err := s.compute(t, req)
		if err != nil {
			t.Fatal(err)
		}
		says := func(text string) bool {
			return slices.ContainsFunc(r.Notes, func(n analysis.Note) bool { return strings.Contains(n.Text.EN, text) })
		}
		said := says(tt.says)
		patterns := slices.ContainsFunc(r.Units, func(u analysis.Unit) bool { return u.Class != "no-pattern" && u.Class != "insufficient" })
		if patterns == says("No unit has a pattern") {
			t.Errorf("%s: patterns %v, and the result says otherwise", tt.indicator, patterns)
		}
		if patterns {
			some++
		} else {
			none++
		}
		if r.Meta[0].Params["p"] != tt.p || !said {
			t.Errorf("%s: p are %v, said %v", tt.indicator, r.Meta[0].Params["p"], said)
		}
	}
	if some == 0 || none == 0 {
		t.Errorf("%d results have patterns, %d have none: the demo no longer shows both", some, none)
	}
}

// What would run until the limit of time and hold the queue is refused before it begins, and says what to do.
func testTooMuchWork(t *testing.T, s *server) {
	req := asked(s.api.Analyst.Catalogue(grids.ClassCommand), "lisa", "casework", "cells")
	req["weights"], req["casework"], req["correct"] = map[string]any{"kind": "band", "order": 1, "band_m": 20_000, "style": "W", "isolates": "keep"}, "shared", true
	delete(req, "replicates")
	began := time.Now()
	if _, _, err := s.compute(t, req); grids.KindOf(err) != grids.TooLarge || !strings.Contains(err.Error(), "ask for fewer neighbours") {
		t.Errorf("%v", err)
	}
	t.Logf("refused after %v", time.Since(began).Round(time.Millisecond))
}

// Casework in a result is sums of released groups, shared out by area: the sum over the units is that of the groups told in the period.
func testAnalysesAreOfReleasedGroups(t *testing.T, s *server) {
	c := s.api.Analyst.Catalogue(grids.ClassCommand)
	r, _, err := s.compute(t, asked(c, "rates", "casework", "grids"))
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(r.Columns, func(c analysis.Column) bool { return c.ID == "cases" })
	sum := 0.0
	for _, u := range r.Units {
		sum += *u.Values[at]
	}
	first, _ := grids.ParseMonth(c.First)
	last, _ := grids.ParseMonth(c.Last)
	told := 0
	for g := range s.api.View.Sight(grids.ClassCommand).Tiles().Cube().All() {
		if g.From >= first && g.To <= last {
			if g.N < 3 {
				t.Errorf("a group of %d", g.N)
			}
			told += int(g.N)
		}
	}
	if told == 0 || math.Abs(sum-float64(told)) > 1e-6*float64(told) {
		t.Errorf("the units hold %v events, the groups %d", sum, told)
	}
}
