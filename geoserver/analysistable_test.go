package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"wangge/geoserver/analysis"
	"wangge/grids"
)

// aRun asks for a run whose result is made by the caller, and waits for it.
func (s *server) aRun(t *testing.T, by *server, result analysis.Result) string {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- s.store.WorkOff(ctx, 1, slog.New(slog.DiscardHandler), func(context.Context, grids.Run, func(float64)) ([]byte, string, error) {
			text, err := json.Marshal(result)
			return text, "d1", err
		})
	}()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the queue ended with %v", err)
		}
	}()
	id := grids.NewID().String()
	request := map[string]any{"method": "hotspots", "from": "2023-01", "to": "2025-12"}
	if status := by.json(t, "POST", "/api/analysis/runs", map[string]any{"id": id, "request": request}, nil); status != http.StatusAccepted {
		t.Fatalf("asking for a run: %d", status)
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		var run struct{ State string }
		if status := by.json(t, "GET", "/api/analysis/runs/"+id, nil, &run); status == 200 && run.State == "done" {
			return id
		} else if time.Now().After(end) {
			t.Fatalf("the run is %q (%d)", run.State, status)
		}
	}
}

// exports lists what the audit log says was taken away, the newest first.
func (s *server) exports(t *testing.T) (list []struct {
	Actor, Purpose string
	Detail         map[string]any
}) {
	t.Helper()
	var page struct {
		Rows []struct {
			Actor, Purpose string
			Detail         map[string]any
		}
	}
	if status := s.json(t, "GET", "/api/audit?action=export", nil, &page); status != 200 {
		t.Fatalf("the audit log: %d", status)
	}
	list = append(list, page.Rows...)
	return list
}

// A result is taken away by whoever may analyse the whole district, with a purpose, and never without a row in the log.
func TestTablesOfAnalyses(t *testing.T) {
	s := newServer(t)
	district, town := grids.Scope{Level: grids.LevelDistrict}, grids.Scope{Level: grids.LevelTowns, Code: "310151101000"}
	commander := s.sessionOf(t, s.account(t, granted(grids.Commander, district)))
	figure := 1. / 3
	id := s.aRun(t, commander, analysis.Result{Method: "hotspots", Title: grids.Text{ZH: "热点", EN: "Hot spots"}, Level: "grids", Columns: []analysis.Column{{ID: "z"}},
		Units: []analysis.Unit{{Code: "310151101W01", Name: "=1+1", Town: "310151101000", Values: []*float64{&figure}}}})
	table := "/api/analysis/runs/" + id + "/table."

	res, b := commander.do(t, "GET", table+"csv?purpose=briefing&lang=en", nil)
	if want := "\ufeffcode,name,town,class,class_title,z,why,reason\n310151101W01,'=1+1,"; res.StatusCode != 200 || !strings.HasPrefix(string(b), want) || !strings.Contains(string(b), ",0.3333333333333333,") {
		t.Errorf("CSV: %d %q, want %q", res.StatusCode, b, want)
	}
	if got := res.Header.Get("Content-Disposition"); got != `attachment; filename="wangge-hotspots-grids-`+id[:8]+`.csv"` || res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", res.Header)
	}
	res, b = commander.do(t, "GET", table+"xlsx?purpose=briefing", nil)
	f, err := excelize.OpenReader(bytes.NewReader(b))
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("XLSX: %d, %v", res.StatusCode, err)
	}
	if name, err := f.GetCellValue("单元", "B2"); err != nil || name != "=1+1" {
		t.Errorf("the name is %q (%v)", name, err)
	}
	if status := commander.json(t, "POST", "/api/analysis/runs/"+id+"/printed", map[string]any{"purpose": "briefing", "form": "pdf"}, nil); status != http.StatusNoContent {
		t.Errorf("a print: %d", status)
	}
	auditor := s.sessionOf(t, s.account(t, granted(grids.Auditor, district)))
	said := auditor.exports(t)
	for i, want := range []map[string]any{{"what": "analysis-map", "form": "pdf"}, {"what": "analysis-table", "form": "xlsx", "rows": 1.}, {"what": "analysis-table", "form": "csv", "rows": 1.}} {
		if i >= len(said) {
			t.Fatalf("the log has %v", said)
		}
		for key, value := range want {
			got := said[i]
			if hash, _ := got.Detail["hash"].(string); got.Detail[key] != value || got.Purpose != "briefing" || got.Detail["run"] != id || len(hash) != 64 {
				t.Errorf("row %d is %+v, want %v", i, got, want)
			}
		}
	}

	for name, c := range map[string]struct {
		by     *server
		path   string
		status int
		says   string
	}{
		"no purpose":            {commander, table + "csv", 400, "purpose"},
		"another language":      {commander, table + "csv?purpose=briefing&lang=la", 400, "zh or en"},
		"a run that is not":     {commander, "/api/analysis/runs/" + grids.NewID().String() + "/table.csv?purpose=briefing", 404, "there is no analysis"},
		"no run's name":         {commander, "/api/analysis/runs/7/table.csv?purpose=briefing", 400, "UUID"},
		"a commander of a town": {s.sessionOf(t, s.account(t, granted(grids.Commander, town))), table + "csv?purpose=briefing", 403, "whole district"},
		"town duty":             {s.sessionOf(t, s.account(t, granted(grids.TownDuty, town))), table + "csv?purpose=briefing", 403, "whole district"},
		"a patrol":              {s.sessionOf(t, s.account(t, granted(grids.Patrol, district))), table + "xlsx?purpose=briefing", 403, "right"},
		"the auditor":           {auditor, table + "csv?purpose=briefing", 403, "whole district"},
		"nobody":                {&server{Server: s.Server}, table + "csv?purpose=briefing", 401, "sign in"},
	} {
		if res, b := c.by.do(t, "GET", c.path, nil); res.StatusCode != c.status || !strings.Contains(string(b), c.says) {
			t.Errorf("%s: %d %s, want %d and %q", name, res.StatusCode, b, c.status, c.says)
		}
	}
	for name, body := range map[string]map[string]any{"no purpose": {"purpose": " ", "form": "png"}, "another form": {"purpose": "briefing", "form": "svg"}} {
		if status := commander.json(t, "POST", "/api/analysis/runs/"+id+"/printed", body, nil); status < 400 || status >= 500 {
			t.Errorf("a print with %s: %d", name, status)
		}
	}
	if now := auditor.exports(t); len(now) != len(said) {
		t.Errorf("what was refused is in the log as taken away: %v", now)
	}
}
