package demo

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/paulmach/orb"

	"wangge/grids"
)

func TestStatusShares(t *testing.T) {
	for seed := range uint64(12) {
		now, size, good := map[string]grids.Status{}, map[string]int{}, map[string]int{}
		for _, row := range table(t, Options{Seed: seed, Today: today}, "village-status") {
			if day(t, row["valid_from"]) <= today && (row["valid_to"] == "" || day(t, row["valid_to"]) >= today) {
				if now[row["village_code"]] != "" {
					t.Fatalf("seed %d: %s has two statuses today", seed, row["village_code"])
				}
				now[row["village_code"]] = grids.Status(row["status"])
			}
		}
		mix, certified := map[grids.Status]int{}, 0
		for code, s := range now {
			mix[s]++
			size[grids.TownOf(code)]++
			if s.IsCertified() {
				certified++
				good[grids.TownOf(code)]++
			}
		}
		if len(now) != 358 || certified != 247 || mix[grids.CertifiedModel] != 36 {
			t.Errorf("seed %d: %d villages, %d certified, %d of them models", seed, len(now), certified, mix[grids.CertifiedModel])
		}
		if len(mix) != len(grids.Statuses) {
			t.Errorf("seed %d: a status is missing in %v", seed, mix)
		}
		towns, above := 0, 0
		for town, n := range size {
			towns++
			share := float64(good[town]) / float64(n)
			if share >= townThreshold {
				above++
			} else if share > 0.55 {
				t.Errorf("seed %d: town %s is neither above nor clearly below with %.2f", seed, town, share)
			}
		}
		if towns != 18 || above != 15 {
			t.Errorf("seed %d: %d of %d towns certified", seed, above, towns)
		}
	}
}

// The spans of a village follow each other without a gap, and only the last may be open or reach beyond today.
func TestStatusHistoryIsWhole(t *testing.T) {
	rows := table(t, usual(), "village-status")
	ids := map[string]bool{}
	for i, row := range rows {
		ids[row["id"]] = true
		if !slices.Contains(grids.Statuses[:], grids.Status(row["status"])) {
			t.Fatalf("status %q", row["status"])
		}
		if row["valid_to"] != "" && row["valid_to"] < row["valid_from"] {
			t.Errorf("%v ends before it begins", row)
		}
		last := i == len(rows)-1 || rows[i+1]["village_code"] != row["village_code"]
		if last {
			if d := day(t, row["valid_from"]); d > today || row["valid_to"] != "" && day(t, row["valid_to"]) <= today {
				t.Errorf("the last status is not that of today: %v", row)
			}
			continue
		}
		if row["valid_to"] == "" || day(t, row["valid_to"])+1 != day(t, rows[i+1]["valid_from"]) {
			t.Errorf("gap after %v", row)
		}
	}
	if len(ids) != len(rows) {
		t.Errorf("%d ids for %d rows", len(ids), len(rows))
	}
}

func TestSurveyRounds(t *testing.T) {
	looked, grown, villages := map[string]int{}, map[string]float64{}, map[string]int{}
	ids := map[string]bool{}
	for _, row := range table(t, usual(), "surveys") {
		ids[row["id"]] = true
		done, err := strconv.ParseFloat(row["completion"], 64)
		if err != nil || done < 0 || done > 1 || (row["grid_code"] == "") == (row["village_code"] == "") {
			t.Fatalf("row %v", row)
		}
		d := day(t, row["date"])
		if q := (int(d.Date().Month()) + 2) / 3; d > today || row["round"] != d.String()[:4]+"-Q"+strconv.Itoa(q) {
			t.Errorf("date %s in round %s", d, row["round"])
		}
		if answers := row["jobs_needs"] + row["aid_needs"] + row["medical_needs"] + row["schooling_needs"]; (answers == "") != (row["grid_code"] == "") {
			t.Errorf("answers %q in %v: they belong in the grids' rows alone", answers, row)
		}
		if row["grid_code"] == "" {
			villages[row["round"]]++
			continue
		}
		looked[row["round"]]++
		grown[row["round"]] += done
	}
	if len(looked) != rounds || looked["2025-Q1"] == 0 || looked["2026-Q4"] == 0 {
		t.Fatalf("rounds %v", looked)
	}
	for round, n := range looked {
		mean := grown[round] / float64(n)
		if latest := round == "2026-Q4"; latest && (n < 290 || n > 330 || mean > 0.75) || !latest && (n < 325 || n > 351 || mean < 0.85) {
			t.Errorf("round %s: %d grids looked at, mean completion %.2f", round, n, mean)
		}
		if villages[round] < n {
			t.Errorf("round %s: %d villages for %d grids", round, villages[round], n)
		}
	}
	if total := len(table(t, usual(), "surveys")); len(ids) != total {
		t.Errorf("%d ids for %d rows", len(ids), total)
	}
}

func TestFindings(t *testing.T) {
	outline := district(t)
	all := collection(t, usual(), "findings")
	if len(all) < 110 || len(all) > 130 {
		t.Errorf("%d findings", len(all))
	}
	states, shapes, ids, open, closedOrDismissed := map[grids.FindingState]int{}, map[string]int{}, map[string]bool{}, 0, 0
	for _, f := range all {
		seen, err := time.Parse(time.RFC3339, f.text("seen_at"))
		if err != nil {
			t.Fatal(err)
		}
		confidence, _ := f.Properties["confidence"].(float64)
		finding := grids.Finding{
			Geometry: f.Geometry, Kind: grids.FindingKind(f.text("kind")), Confidence: int(confidence),
			State: grids.FindingState(f.text("state")), Source: grids.FindingSource(f.text("source")), SeenAt: seen,
		}
		if err := finding.Check(today.Date(), 300); err != nil {
			t.Errorf("%v: %v", f.Properties, err)
		}
		if m := seen.In(grids.Shanghai).Month(); m < time.March || m > time.June {
			t.Errorf("seen out of season: %s", seen)
		}
		ids[f.text("id")] = true
		states[finding.State]++
		shapes[f.Geometry.GeoJSONType()]++
		if finding.State.Open() {
			open++
			if seen.Year() != 2026 {
				t.Errorf("still open: %v", f.Properties)
			}
		} else {
			closedOrDismissed++
		}
		for _, p := range corners(f.Geometry) {
			if !covers(outline, p) {
				t.Errorf("%v lies outside the district", f.Properties["id"])
			}
		}
	}
	if len(ids) != len(all) || len(states) != len(grids.FindingStates) || shapes["Polygon"] < 40 || shapes["Point"] < 30 {
		t.Errorf("%d ids, states %v, shapes %v", len(ids), states, shapes)
	}
	if open < 8 || closedOrDismissed < 3*open || 2*states[grids.Dismissed] < len(all) {
		t.Errorf("%d open, %d dismissed of %d", open, states[grids.Dismissed], len(all))
	}
}

// corners is the positions of a point or polygon.
func corners(g orb.Geometry) []orb.Point {
	if p, ok := g.(orb.Polygon); ok {
		return p[0]
	}
	return []orb.Point{g.(orb.Point)}
}

// A season that has just begun has brought few findings, and the one before it counts as the older one.
func TestSeasonUnderWay(t *testing.T) {
	for date, want := range map[grids.Day][2]int{
		grids.DayFrom(2026, 2, 1): {60, 60}, grids.DayFrom(2026, 3, 15): {60, 60}, grids.DayFrom(2026, 3, 16): {60, 1},
		grids.DayFrom(2026, 5, 1): {60, 31}, grids.DayFrom(2026, 6, 16): {60, 60},
	} {
		s := seasons(date)
		if len(s) != 2 || s[0].findings != want[0] || s[1].findings != want[1] || s[0].latest || !s[1].latest || s[1].last >= date {
			t.Errorf("%s: %+v, want %v findings", date, s, want)
		}
	}
}
