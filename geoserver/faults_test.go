package main

import (
	"bytes"
	"context"
	"iter"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/paulmach/orb"

	"wangge/geoserver/demo"
	"wangge/geoserver/live"
	"wangge/grids"
	"wangge/grids/risk"
	"wangge/tiles"
)

// journal is a log that a test can read.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

// clock is one that a test sets.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time                { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(further time.Duration) { c.ahead.Add(int64(further)) }

// beside is another server on the same store, with a clock and a log of the test.
func (s *server) beside(t *testing.T) (*server, *clock, *journal) {
	t.Helper()
	c, j := &clock{}, &journal{}
	view, err := live.New(s.store, live.Options{Land: demo.Land(), K: 3, Weights: risk.Default(), CacheBytes: 16 << 20, Now: c.now,
		Log: slog.New(slog.NewTextHandler(j, nil))})
	if err != nil {
		t.Fatal(err)
	}
	a := *s.api
	a.View = view
	next := &server{Server: httptest.NewServer(a.Handler()), api: &a, store: s.store, dsn: s.dsn, as: s.as}
	t.Cleanup(next.Close)
	return next, c, j
}

// sql runs statements beside the store.
func (s *server) sql(t *testing.T, statements ...string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	for _, sql := range statements {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

// touchFindings is a change of the findings that may be anything.
const touchFindings = `with v as (update wangge.district_version set version = version + 1 where subject = 'findings' returning district_id, subject, version)
	insert into wangge.outbox (district_id, subject, version) select * from v`

// at is the tile around the place where these tests mark, by layer.
func (s *server) at(layer string) string { return "/tiles/" + layer + "/14/13717/6672.mvt" }

// isStale asks for a tile and reports whether it says that it may be old, and for how many seconds.
func (s *server) isStale(t *testing.T, layer string) (yes bool, seconds int) {
	t.Helper()
	res, b := s.do(t, "GET", s.at(layer), nil)
	if res.StatusCode != 200 {
		t.Fatalf("%s: %d %s", layer, res.StatusCode, b)
	}
	w, age := res.Header.Get("Warning"), res.Header.Get("Age")
	if (w == "") != (age == "") || w != "" && !strings.HasPrefix(w, "110 ") {
		t.Errorf("%s: Warning %q, Age %q", layer, w, age)
	}
	seconds, _ = strconv.Atoi(age)
	return w != "", seconds
}

// stateOf is the state in which a tile shows a finding, "" when it does not.
func (s *server) stateOf(t *testing.T, id string) string {
	t.Helper()
	for _, f := range featuresOf(s.layers(t, s.at("findings"))["findings"]) {
		if f.Properties["id"] == id {
			return f.Properties["state"].(string)
		}
	}
	return ""
}

// problems is what /readyz says.
func (s *server) problems(t *testing.T) []string {
	t.Helper()
	var ready struct {
		Ready    bool
		Problems []string
	}
	if status := s.json(t, "GET", "/readyz", nil, &ready); ready.Ready != (status == 200) || ready.Ready != (len(ready.Problems) == 0) {
		t.Errorf("readyz: %d %+v", status, ready)
	}
	return ready.Problems
}

// openAt is how many open findings the grid at the place counts.
func (s *server) openAt(t *testing.T, place string) int {
	t.Helper()
	var here struct {
		Grid struct {
			Findings_open struct{ N int }
			Code          string
		}
	}
	if status := s.json(t, "GET", "/api/here?"+place, nil, &here); status != 200 || here.Grid.Code == "" {
		t.Fatalf("here: %d", status)
	}
	return here.Grid.Findings_open.N
}

const bowTieID = "bad00000-0000-4000-8000-000000000000"

// A layer that cannot be loaded shows what it showed, and says so; the others go on; then all is well again and nothing is missing.
func TestFaultsOfALayer(t *testing.T) {
	plain := newServer(t)
	const place = "lon=121.41&lat=31.65"
	for _, c := range []struct {
		name     string
		do, mend []string
		logged   []string
		village  grids.Code // whose status changes meanwhile
	}{
		{"its SQL fails", []string{"alter table wangge.finding rename column confidence to sure"}, []string{"alter table wangge.finding rename column sure to confidence"},
			[]string{"layer=findings", "column", "confidence", "does not exist"}, "310151101001"},
		{"an outline crosses itself", []string{`insert into wangge.finding (district_id, finding_id, kind, confidence, state, source, seen_at, town_code, village_code, grid_code, area_m2, geom, content_hash, actor, synthetic)
			values (310151, '` + bowTieID + `', 'cannabis', 1, 'spotted', 'foot', now(), '', '', '', 1, 'SRID=4326;POLYGON((121.40 31.63,121.42 31.65,121.42 31.63,121.40 31.645,121.40 31.63))', '', 'test', true)`},
			[]string{"delete from wangge.finding where finding_id = '" + bowTieID + "'"},
			[]string{"layer=findings", "row ", "id " + strconv.FormatUint(tiles.FindingID(bowTieID), 10), "crosses itself"}, "310151101002"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, clock, log := plain.beside(t)
			id := s.markAt(t, 121.41, 31.65)
			if yes, _ := s.isStale(t, "findings"); yes || s.stateOf(t, id) != "spotted" || len(s.problems(t)) > 0 {
				t.Fatalf("before: %q, problems %q", s.stateOf(t, id), s.problems(t))
			}
			before := s.openAt(t, place)
			s.sql(t, c.do...)
			s.sql(t, "update wangge.finding set state = 'dismissed' where finding_id = '"+id+"'", touchFindings)
			if yes, _ := s.isStale(t, "findings"); !yes || s.stateOf(t, id) != "spotted" {
				t.Errorf("the tile says it may be old: %v, and shows the finding as %q", yes, s.stateOf(t, id))
			}
			clock.advance(7 * time.Second)
			if _, age := s.isStale(t, "grids,findings"); age < 7 || age > 20 {
				t.Errorf("after 7 seconds the age is %d", age)
			}
			if yes, _ := s.isStale(t, "grids"); yes {
				t.Error("the grids say they may be old")
			}
			if list := s.problems(t); len(list) != 1 || !strings.Contains(list[0], "layer findings") || strings.Contains(list[0], "column") {
				t.Errorf("problems %q", list)
			}
			for _, part := range c.logged {
				if !strings.Contains(log.String(), part) {
					t.Errorf("the log does not name %q: %s", part, log)
				}
			}
			s.othersFollow(t, c.village)
			if yes, _ := s.isStale(t, "findings"); !yes || s.stateOf(t, id) != "spotted" {
				t.Errorf("after changes of others the tile says it may be old: %v, and shows the finding as %q", yes, s.stateOf(t, id))
			}
			s.sql(t, c.mend...)
			if yes, _ := s.isStale(t, "findings"); !yes {
				t.Error("it was tried again at once")
			}
			clock.advance(31 * time.Second)
			if yes, _ := s.isStale(t, "findings"); yes || s.stateOf(t, id) != "dismissed" || len(s.problems(t)) > 0 {
				t.Errorf("mended: stale %v, the finding is %q, problems %q", yes, s.stateOf(t, id), s.problems(t))
			}
			if n := s.openAt(t, place); n != before-1 {
				t.Errorf("the grid counts %d open findings, want %d", n, before-1)
			}
			s.nothingIsMissing(t)
		})
	}
}

// othersFollow changes a village's status and the casework, and fails unless both are shown at once.
func (s *server) othersFollow(t *testing.T, village grids.Code) {
	t.Helper()
	status := func() string {
		var u struct{ Status string }
		if code := s.json(t, "GET", "/api/area/villages/"+village, nil, &u); code != 200 {
			t.Fatalf("area: %d", code)
		}
		return u.Status
	}
	next := grids.Revoked
	if status() == string(next) {
		next = grids.CertifiedModel
	}
	one := func() *grids.Batch {
		return &grids.Batch{ID: grids.NewID(), Subject: "test", File: "test", Rows: 1, Accepted: 1}
	}
	fine := func() error { return nil }
	list := []grids.VillageStatus{{ID: grids.NewID(), VillageCode: village, Status: next, ValidFrom: grids.DayOf(time.Now())}}
	if _, err := s.store.ImportVillageStatuses(t.Context(), grids.Operator, one(), func() iter.Seq[grids.VillageStatus] { return slices.Values(list) }, fine); err != nil {
		t.Fatal(err)
	}
	if got := status(); got != string(next) {
		t.Errorf("the village is %s, want %s", got, next)
	}
	_, before := s.do(t, "GET", s.at("heat"), nil)
	cases := s.cases(t, 5)
	if _, err := s.store.ImportCasework(t.Context(), grids.Operator, one(), func() iter.Seq[grids.CaseEvent] { return slices.Values(cases) }, fine); err != nil {
		t.Fatal(err)
	}
	if _, after := s.do(t, "GET", s.at("heat"), nil); bytes.Equal(before, after) {
		t.Error("the heat did not follow five new cases")
	}
}

// cases is n events at the place where these tests mark.
func (s *server) cases(t *testing.T, n int) (list []grids.CaseEvent) {
	t.Helper()
	places, err := live.ReadPlaces(t.Context(), s.store)
	if err != nil {
		t.Fatal(err)
	}
	p := orb.Point{121.41, 31.65}
	for range n {
		e := grids.CaseEvent{ID: grids.NewID(), Kind: grids.TipOff, On: (grids.DayOf(time.Now()).Month() - 1).First(), Precision: grids.ByDay, Point: &p, Cell: places.Cell(p)}
		e.TownCode, e.VillageCode, e.GridCode, _ = places.Locate(p)
		list = append(list, e)
	}
	return list
}

// nothingIsMissing compares the findings in the tiles of the whole district with those in the store.
func (s *server) nothingIsMissing(t *testing.T) {
	t.Helper()
	shown := map[string]bool{}
	for _, path := range tilesOver(9, 121.1, 31.2, 122.1, 31.9) {
		for _, f := range featuresOf(s.layers(t, "/tiles/findings/"+path+".mvt")["findings"]) {
			shown[f.Properties["id"].(string)] = true
		}
	}
	var stored int
	conn, err := pgx.Connect(t.Context(), s.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if err := conn.QueryRow(t.Context(), "select count(*) from wangge.finding").Scan(&stored); err != nil {
		t.Fatal(err)
	}
	if len(shown) != stored || stored == 0 {
		t.Errorf("%d findings are shown, %d are stored", len(shown), stored)
	}
}

// A layer that is broken when the server starts has no tiles yet, says why, and keeps nothing else from being served.
func TestALayerThatIsBrokenAtTheStart(t *testing.T) {
	plain := newServer(t)
	plain.sql(t, "alter table wangge.village_status rename column status to standing")
	s, clock, log := plain.beside(t)
	for _, layer := range []string{"towns", "villages", "grids"} {
		var p struct{ Detail string }
		if status := s.json(t, "GET", s.at(layer), nil, &p); status != 503 || !strings.Contains(p.Detail, layer) || !strings.Contains(p.Detail, "try again") {
			t.Errorf("%s: %d %q", layer, status, p.Detail)
		}
	}
	for _, layer := range []string{"land", "district", "cells", "surveys", "heat", "hexagons", "labels"} {
		if yes, _ := s.isStale(t, layer); yes {
			t.Errorf("%s says it may be old", layer)
		}
	}
	for _, path := range []string{"/api/meta", "/api/periods", "/api/here?lon=121.41&lat=31.65", "/api/search?q=310151", "/styles/light-zh.json", "/api/legend?indicator=cases&level=cells"} {
		if res, b := s.do(t, "GET", path, nil); res.StatusCode != 200 {
			t.Errorf("%s: %d %s", path, res.StatusCode, b)
		}
	}
	if id := s.markAt(t, 121.411, 31.651); s.stateOf(t, id) != "spotted" { // the patrol does not care for grids
		t.Error("the mark is not shown")
	}
	list := s.problems(t)
	for _, layer := range []string{"towns", "villages", "grids"} {
		if !slices.ContainsFunc(list, func(p string) bool { return strings.Contains(p, "layer "+layer) }) || !strings.Contains(log.String(), "layer="+layer) {
			t.Errorf("%s is not among the problems %q, or not in the log", layer, list)
		}
	}
	plain.sql(t, "alter table wangge.village_status rename column standing to status")
	clock.advance(31 * time.Second)
	for _, layer := range []string{"towns", "villages", "grids", "cells"} {
		if yes, _ := s.isStale(t, layer); yes {
			t.Errorf("mended, %s says it may be old", layer)
		}
		_, got := s.do(t, "GET", s.at(layer), nil)
		if _, want := plain.do(t, "GET", s.at(layer), nil); !bytes.Equal(got, want) {
			t.Errorf("mended, %s is not what a server shows that never was without", layer)
		}
	}
	if list := s.problems(t); len(list) > 0 {
		t.Errorf("mended, problems %q", list)
	}
}
