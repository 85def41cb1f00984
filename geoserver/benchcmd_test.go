package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"wangge/geoserver/bench"
	"wangge/geoserver/localpg/pgtest"
	"wangge/grids"
	"wangge/grids/postgis"
	"wangge/tiles"
)

// The command on a temporary database: it measures every way, finds every mark, and leaves nothing behind.
func TestBenchTiles(t *testing.T) {
	dir := pgtest.Folder(t)
	raw, plot := filepath.Join(dir, "bench.json"), filepath.Join(dir, "bench.svg")
	cmd := wangge(t, "bench", "tiles", "--cases", "0", "--runs", "1", "--requests", "50", "--concurrency", "1,4", "--writes", "5", "--reads", "10", "--seconds", "1",
		"--json", raw, "--plot", plot)
	cmd.Env = append(cmd.Env, "TMPDIR="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	b, err := os.ReadFile(raw)
	if err != nil {
		t.Fatal(err)
	}
	var r bench.Report
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	if r.Tiles < 150 || r.Events == 0 || r.Marks == nil || r.Marks.Marks != 5 || r.Marks.Stale != 0 || r.Marks.Failed != 0 || r.Marks.Reads != 10 {
		t.Errorf("%s", b)
	}
	if n := len(layerSets()) * 2 * 4; len(r.Loaded) != n { // by concurrency and way
		t.Errorf("%d loads were measured, want %d", len(r.Loaded), n)
	}
	for _, l := range r.Loaded {
		if l.Rate.Median <= 0 || (l.Bytes.Median == 0) != (l.Way == bench.NotModified) {
			t.Errorf("%+v", l)
		}
	}
	if svg, err := os.ReadFile(plot); err != nil || !bytes.Contains(svg, []byte("</svg>")) {
		t.Errorf("the drawing: %v", err)
	}
	for _, says := range []string{"wangge / floor = ", "5 marks, 0 stale, 0 failed"} {
		if !strings.Contains(string(out), says) {
			t.Errorf("%q is not in\n%s", says, out)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "wangge-bench-*")); len(left) > 0 {
		t.Errorf("%v is left behind", left)
	}
}

// A database in use is not written to unless that was said.
func TestBenchTilesAsksBeforeItWrites(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{nil, "--allow-writes"},
		{[]string{"--concurrency", "0"}, "--concurrency"},
		{[]string{"--runs", "0"}, "--runs"},
		{[]string{"--cases", "6000000"}, "--cases"},
	} {
		out, code := command(t, append([]string{"bench", "tiles", "--data", filepath.Join(pgtest.Folder(t), "none")}, c.args...)...)
		if code != 1 || !strings.Contains(out, c.says) {
			t.Errorf("%v: exit %d, %s", c.args, code, out)
		}
	}
}

// With an oracle for each layer the database's own CPU is in the figures; on a database in use the marks are withdrawn.
func TestBenchTilesAgainstTheDatabase(t *testing.T) {
	dsn := pgtest.Database(t)
	store, err := postgis.Open(t.Context(), dsn, grids.Chongming)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	conf := &config{Data: pgtest.Folder(t), K: 3, ToleranceM2: 10, LogLevel: "error"}
	if err := loadDemoIfEmpty(t.Context(), conf, store, conf.quiet()); err != nil {
		t.Fatal(err)
	}
	c := &benchTilesCmd{Concurrency: []int{2}, Runs: 1, Requests: 1, Cases: -1, Writes: 4, Seconds: 1, AllowWrites: true}
	r, err := c.measure(t.Context(), conf, &database{Store: store}, func(layer string, _ grids.Territory) (tileOracle, error) {
		if layer == tiles.Heat {
			return nil, grids.Errorf(grids.NotFound, "no heat here")
		}
		return oracle(t, store, layer), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	measured := map[string]bool{}
	for _, m := range r.Made {
		if m.Way == bench.AsMVT {
			measured[m.Layers] = true
			if !m.BackendCPU || m.CPU.Median < 50 {
				t.Errorf("%s: %+v", m.Layers, m)
			}
		}
	}
	if len(measured) != 2 || !measured["grids"] || !measured["villages"] { // the sets with heat have no whole oracle
		t.Errorf("ST_AsMVT was measured for %v", measured)
	}
	if !strings.Contains(strings.Join(r.Notes, "\n"), "no heat here") {
		t.Errorf("notes %q", r.Notes)
	}
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	var open, withdrawn int
	if err := conn.QueryRow(t.Context(), `select count(*) filter (where state = 'spotted'), count(*) filter (where state = 'dismissed')
		from wangge.finding where not synthetic`).Scan(&open, &withdrawn); err != nil || open != 0 || withdrawn != 4 {
		t.Errorf("%d marks are open and %d withdrawn (%v), want 0 and 4", open, withdrawn, err)
	}
}
