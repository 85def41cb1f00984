package demo

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/paulmach/orb"

	"wangge/grids"
)

func TestCaseworkCounts(t *testing.T) {
	for _, n := range []int{1, 7, 500, 12_345} {
		o := usual()
		o.Cases = n
		if got := len(table(t, o, "casework")); got != n {
			t.Errorf("%d events asked for, %d written", n, got)
		}
	}
	for seed := range uint64(8) {
		o := Options{Seed: seed, Today: today}
		years := map[int]int{}
		for _, row := range table(t, o, "casework") {
			if row["date"] != "" {
				years[int(today-day(t, row["date"]))*100/36525]++
			}
		}
		if len(years) != 5 {
			t.Fatalf("seed %d: events in %d years", seed, len(years))
		}
		for y, n := range years {
			if n < 55 || n > 90 {
				t.Errorf("seed %d, %d years ago: %d dated events, want 60 to 90 less a few known by week", seed, y, n)
			}
		}
	}
}

func TestCaseworkRowsAreWhole(t *testing.T) {
	o := usual()
	o.Cases = 20_000
	outline := district(t)
	units, gridCodes, ids := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, u := range groundOf() {
		units[u.code], gridCodes[u.grid] = true, true
	}
	if len(gridCodes) != 351 || gridCodes[""] {
		t.Fatalf("villages lie in %d grids", len(gridCodes))
	}
	for _, row := range table(t, o, "casework") {
		ids[row["id"]] = true
		if grids.CaseKind(row["kind"]).Number() == 0 {
			t.Fatalf("kind %q", row["kind"])
		}
		on := row["date"]
		if on == "" {
			on = mondayOf(t, row["week"]).String()
		} else if row["week"] != "" {
			t.Fatalf("both day and week: %v", row)
		}
		if d := day(t, on); d > today || d < grids.DayFrom(2021, 11, 24)-6 {
			t.Fatalf("event on %s", on)
		}
		point, village, grid := row["lon"] != "" && row["lat"] != "", units[row["village_code"]], gridCodes[row["grid_code"]]
		if n := strings.Count(row["lon"]+row["village_code"]+row["grid_code"], "310151"); point == (n > 0) || n > 1 {
			t.Fatalf("not one place: %v", row)
		}
		if !point && !village && !grid {
			t.Fatalf("unknown place: %v", row)
		}
		if point && !covers(outline, position(t, row)) {
			t.Fatalf("outside the district: %v", row)
		}
	}
	if len(ids) != o.Cases {
		t.Errorf("%d ids for %d events", len(ids), o.Cases)
	}
}

// position is the point of a row.
func position(t testing.TB, row map[string]string) orb.Point {
	t.Helper()
	lon, err1 := strconv.ParseFloat(row["lon"], 64)
	lat, err2 := strconv.ParseFloat(row["lat"], 64)
	if err1 != nil || err2 != nil || len(row["lon"]) != 10 || len(row["lat"]) != 9 {
		t.Fatalf("position %q, %q", row["lon"], row["lat"])
	}
	return orb.Point{lon, lat}
}

// mondayOf is the first day of an ISO week such as 2026-W07; week 1 holds 4 January.
func mondayOf(t testing.TB, week string) grids.Day {
	t.Helper()
	var y, w int
	if _, err := fmt.Sscanf(week, "%d-W%d", &y, &w); err != nil || len(week) != 8 {
		t.Fatalf("week %q", week)
	}
	fourth := grids.DayFrom(y, time.January, 4)
	return fourth - grids.Day((int(fourth.Date().Weekday())+6)%7) + grids.Day(7*(w-1))
}

// A week must have ended: it would reach into the future otherwise.
func TestWeeksHaveEnded(t *testing.T) {
	o := usual()
	o.Cases, o.Years = 20_000, 1
	weeks := 0
	for _, row := range table(t, o, "casework") {
		if row["week"] != "" {
			weeks++
			if sunday := mondayOf(t, row["week"]) + 6; sunday > today {
				t.Errorf("week %s ends after %s", row["week"], today)
			}
		}
	}
	if share := float64(weeks) / 20_000; share < 0.06 || share > 0.10 {
		t.Errorf("%.3f of the events are known by week", share)
	}
}

func TestCaseworkDistribution(t *testing.T) {
	o := usual()
	o.Cases = 50_000
	kinds, months, forms := map[string]int{}, map[time.Month]int{}, map[string]int{}
	for _, row := range table(t, o, "casework") {
		kinds[row["kind"]]++
		switch {
		case row["village_code"] != "":
			forms["village"]++
		case row["grid_code"] != "":
			forms["grid"]++
		}
		if row["date"] == "" {
			continue
		}
		m := day(t, row["date"]).Date().Month()
		months[m]++
		if row["kind"] == string(grids.Cultivation) && (m < time.March || m > time.June) {
			t.Fatalf("plants seen in %s", m)
		}
	}
	share := func(n int) float64 { return float64(n) / float64(o.Cases) }
	criminal := share(kinds["trafficking"] + kinds["manufacture"] + kinds["possession"] + kinds["premises"])
	if perYear := criminal * yearlyCases; perYear < 6 || perYear > 9 {
		t.Errorf("%.1f criminal cases a year at the real order of magnitude, want about 7", perYear)
	}
	if share(kinds["tipoff"]) < 0.6 || share(kinds["cultivation"]) < 0.04 || len(kinds) != len(grids.CaseKinds) {
		t.Errorf("kinds %v", kinds)
	}
	if months[time.June] < 3*months[time.February]/2 {
		t.Errorf("no season: %v", months)
	}
	if v, g := share(forms["village"]), share(forms["grid"]); math.Abs(v-byVillage) > 0.005 || math.Abs(g-byGrid) > 0.005 {
		t.Errorf("%.3f by village, %.3f by grid", v, g)
	}
}

// Hot areas: a twentieth of the ground of about a square kilometre each holds most events; the same number thrown at random
// over the district does not.
func TestCaseworkIsClustered(t *testing.T) {
	for _, n := range []int{0, 200_000} {
		o := usual()
		o.Cases = n
		squares := map[[2]int]int{}
		total := 0
		for _, row := range table(t, o, "casework") {
			if row["lon"] != "" {
				p := position(t, row)
				squares[[2]int{int(p[0] * 94.81), int(p[1] * 110.87)}]++
				total++
			}
		}
		counts := make([]int, 0, len(squares))
		for _, c := range squares {
			counts = append(counts, c)
		}
		slices.Sort(counts)
		slices.Reverse(counts)
		top := 0
		for _, c := range counts[:min(79, len(counts))] { // 5 % of 1 582 km²
			top += c
		}
		if share := float64(top) / float64(total); share < 0.6 {
			t.Errorf("%d events: the 79 busiest squares of 1 km hold %.2f of them", total, share)
		}
		if n > 0 && len(squares) < 300 {
			t.Errorf("%d events lie in %d squares of 1 km only", total, len(squares))
		}
	}
}

func TestLoneSitesKeepTheirDistance(t *testing.T) {
	r := usual().random(caseworkStream)
	s := newScene(r, 375)
	least := math.Inf(1)
	for i, a := range s.lone {
		for _, b := range s.lone[:i] {
			least = min(least, distanceM(a.at, b.at))
		}
	}
	if len(s.lone) < 100 || least < 1000 {
		t.Errorf("%d lone sites, two of them %.0f m apart", len(s.lone), least)
	}
	for i, a := range s.hot {
		if len(a.sites) < sitesInArea/2 {
			t.Errorf("hot area %d has %d sites", i, len(a.sites))
		}
	}
}

// blocks notes the largest write.
type blocks struct{ n, largest, total int }

func (b *blocks) Write(p []byte) (int, error) {
	b.n, b.largest, b.total = b.n+1, max(b.largest, len(p)), b.total+len(p)
	return len(p), nil
}

func TestCaseworkStreams(t *testing.T) {
	o := usual()
	o.Cases = 300_000
	var b blocks
	if err := writeCasework(&b, o); err != nil {
		t.Fatal(err)
	}
	if b.largest > flushAt+rowBytes || b.n < b.total/(flushAt+rowBytes) {
		t.Errorf("%d bytes in %d writes, the largest %d", b.total, b.n, b.largest)
	}
}

func TestAppendDegrees(t *testing.T) {
	for micro, want := range map[float64]string{121393473: "121.393473", 31000005: "31.000005", 31600000: "31.600000", 7: "0.000007"} {
		if got := string(appendDegrees(nil, micro)); got != want {
			t.Errorf("%.0f: %s, want %s", micro, got, want)
		}
	}
	var b bytes.Buffer
	for _, n := range []int{0, 9, 10, 99, 12345678} {
		b.Write(append(appendPadded(nil, n, 100), ' '))
	}
	if b.String() != "000 009 010 099 12345678 " {
		t.Errorf("padded: %s", b.String())
	}
}

func BenchmarkCasework(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000, 5_000_000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			o := usual()
			o.Cases = n
			b.ReportAllocs()
			for b.Loop() {
				if err := writeCasework(io.Discard, o); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
