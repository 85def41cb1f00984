package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"wangge/geoserver/api"
	"wangge/geoserver/demo"
	"wangge/geoserver/live"
	"wangge/grids"
	"wangge/grids/postgis"
	"wangge/grids/risk"
	"wangge/importers"
)

// errRefused is the end of a command that did its work and whose answer is no: the report says why.
var errRefused = errors.New("refused")

type importCmd struct {
	File     string `arg:"" type:"existingfile" help:"GeoJSON, GeoJSONSeq, CSV, zipped Shapefile, GeoPackage or KML; found by content."`
	Subject  string `help:"What the file holds: ${enum}." required:"" enum:"district,towns,villages,grids,casework,village-status,surveys,findings"`
	CRS      string `name:"crs" help:"Coordinate system when the file does not say: EPSG:4549, GCJ-02, BD-09 …"`
	Encoding string `help:"Encoding of text when detection errs: UTF-8 or GB18030."`
	Family   string `help:"Family of the grids." default:"drug-control"`
	Edition  string `help:"Name of the edition of the grids (default: the file's name)."`
	DryRun   bool   `help:"Check everything and store nothing."`
	JSON     bool   `name:"json" help:"Print the report as JSON."`
}

// Run imports one file.
func (c *importCmd) Run(ctx context.Context, conf *config) (err error) {
	log := conf.quiet()
	db, err := conf.open(ctx, log, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.close()) }()
	path, err := filepath.Abs(c.File)
	if err != nil {
		return err
	}
	m := &imports{store: db.Store, reader: conf.reader(), toleranceM2: conf.ToleranceM2}
	in := api.ImportRequest{Path: path, Name: filepath.Base(path), Subject: c.Subject, CRS: c.CRS, Encoding: c.Encoding, Family: grids.Family(c.Family), Edition: c.Edition}
	var done func()
	m.counted, done = progress("checking and storing " + in.Name)
	report, _, err := m.run(ctx, grids.Operator, in, grids.NewID(), c.DryRun)
	done()
	if err != nil {
		return err
	}
	if c.JSON {
		if err := json.NewEncoder(os.Stdout).Encode(report); err != nil {
			return err
		}
	} else {
		printReport(os.Stdout, report)
	}
	if report.Refused {
		return errRefused
	}
	return nil
}

// quiet is a logger for commands at a terminal: warnings and worse.
func (c *config) quiet() *slog.Logger {
	d := *c
	if d.LogLevel == "info" {
		d.LogLevel = "warn"
	}
	return d.logger()
}

// progress shows on a terminal that something is under way and how many rows it has read; done ends it.
func progress(what string) (counted func(rows int), done func()) {
	if !term.IsTerminal(int(os.Stderr.Fd())) {
		return nil, func() {}
	}
	bar := progressbar.NewOptions64(-1, progressbar.OptionSetDescription(what), progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSpinnerType(14),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("rows"), progressbar.OptionClearOnFinish())
	// only looks: a terminal that fails must not stop an import
	return func(rows int) { _ = bar.Set(rows) }, func() { _ = bar.Finish() }
}

// printReport writes a report for a person: the counts, the extent, and what was found by row.
func printReport(w io.Writer, r *importers.Report) {
	out := bufio.NewWriter(w)
	defer func() { _ = out.Flush() }() // to a terminal
	fmt.Fprintf(out, "%s: %s", r.File, r.Format)
	if r.Encoding != "" {
		fmt.Fprintf(out, ", %s", r.Encoding)
	}
	fmt.Fprintf(out, ", %s\n", r.CRS)
	fmt.Fprintf(out, "rows %d, accepted %d, rejected %d, duplicates %d, unchanged %d\n", r.Rows, r.Accepted, r.Rejected, r.Duplicates, r.Unchanged)
	if e := r.Extent; e != nil {
		fmt.Fprintf(out, "extent %.6f %.6f – %.6f %.6f\n", e[0], e[1], e[2], e[3])
	}
	for _, f := range r.Findings {
		where := ""
		if f.Row > 0 {
			where = fmt.Sprintf("row %d", f.Row)
		}
		if f.Column != "" {
			where += " " + f.Column
		}
		fmt.Fprintf(out, "  %-7s %-22s %q %s / %s\n", f.Severity, where, f.Value, f.Message.EN, f.Message.ZH)
	}
	if more := r.FindingsTotal - len(r.Findings); more > 0 {
		fmt.Fprintf(out, "  … and %d more\n", more)
	}
	switch {
	case r.Refused:
		fmt.Fprintf(out, "refused: %s / %s\n", r.Refusal.EN, r.Refusal.ZH)
	case r.Committed:
		fmt.Fprintln(out, "stored")
	default:
		fmt.Fprintln(out, "dry run: nothing was stored")
	}
}

type demoCmd struct {
	Cases int    `help:"How many casework events (0 = the real order of magnitude; up to 5000000)." default:"0"`
	Seed  uint64 `help:"Seed of the synthetic data." default:"310151"`
	Force bool   `help:"Load the demo beside what is stored already."`
}

// Run loads the demo.
func (c *demoCmd) Run(ctx context.Context, conf *config) (err error) {
	if c.Cases < 0 || c.Cases > 5_000_000 {
		return grids.Errorf(grids.Invalid, "--cases is %d: give 0 to 5000000", c.Cases)
	}
	db, err := conf.open(ctx, conf.quiet(), true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.close()) }()
	v, err := db.Versions(ctx)
	if err != nil {
		return err
	}
	if holdsData(v) && !c.Force {
		return grids.Errorf(grids.Conflict, "the database holds data already: the demo was not loaded. Add --force to load it beside that data, or choose an empty --data folder")
	}
	return loadDemo(ctx, conf, db.Store, demo.Options{Seed: c.Seed, Cases: c.Cases, Today: grids.DayOf(time.Now())}, func(line string) { fmt.Println(line) })
}

// holdsData reports whether anything but accounts was ever written.
func holdsData(v grids.Versions) bool {
	return slices.ContainsFunc(grids.ContentSubjects(), func(s grids.Subject) bool { return v.Of[s] > 0 })
}

// loadDemoIfEmpty loads the demo into a database that holds no data.
func loadDemoIfEmpty(ctx context.Context, conf *config, store *postgis.Store, log *slog.Logger) error {
	v, err := store.Versions(ctx)
	if err != nil || holdsData(v) {
		return err
	}
	log.Info("loading the demo")
	return loadDemo(ctx, conf, store, demo.Options{Seed: 310151, Today: grids.DayOf(time.Now())}, func(line string) { log.Info("demo", "loaded", line) })
}

// loadDemo writes the demo's files and imports them as a user would.
func loadDemo(ctx context.Context, conf *config, store *postgis.Store, o demo.Options, say func(string)) error {
	uploads, err := conf.uploads()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(uploads, "demo-")
	if err != nil {
		return grids.Hide(grids.Full, err, "there is no room for the demo's files in %s", uploads)
	}
	defer func() { _ = os.RemoveAll(dir) }() // emptied at the next start
	m := &imports{store: store, toleranceM2: conf.ToleranceM2}
	load := func(f demo.File, in api.ImportRequest) error {
		in.Path, in.Name, in.Subject, in.Family = filepath.Join(dir, f.Name), f.Name, f.Subject, grids.DrugControl
		if err := writeFile(in.Path, f.Write); err != nil {
			return grids.Hide(grids.Full, err, "the demo's file %s could not be written", f.Name)
		}
		var done func()
		m.counted, done = progress("loading " + f.Name)
		r, _, err := m.run(ctx, grids.Operator, in, grids.NewID(), false)
		done()
		if err != nil {
			return err
		}
		if r.Refused || r.Rejected > 0 {
			printReport(os.Stderr, r)
			return grids.Errorf(grids.Internal, "the demo's file %s was not accepted", f.Name)
		}
		say(fmt.Sprintf("%s: %d rows", f.Name, r.Accepted))
		_ = os.Remove(in.Path) // removed with the folder otherwise
		return nil
	}
	before, err := store.Versions(ctx)
	if err != nil {
		return err
	}
	for _, f := range demo.Files(o) {
		if f.Subject == string(grids.LevelGrids) && before.Of[grids.OnGrids] == 0 { // what is imported last is on the map
			if err := load(demo.OlderGrids(), api.ImportRequest{Edition: demo.OlderEdition, From: demo.OlderFrom()}); err != nil {
				return err
			}
		}
		if err := load(f, api.ImportRequest{Edition: "演示 demo"}); err != nil {
			return err
		}
	}
	return nil
}

func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	b := bufio.NewWriterSize(f, 1<<20)
	return errors.Join(write(b), b.Flush(), f.Close())
}

type checkCmd struct{}

// Run checks the stored territory.
func (checkCmd) Run(ctx context.Context, conf *config) (err error) {
	db, err := conf.open(ctx, conf.quiet(), true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.close()) }()
	byLevel, err := db.CheckTerritory(ctx, grids.Operator, grids.DrugControl, conf.ToleranceM2)
	if err != nil {
		return err
	}
	bad := false
	for _, level := range []grids.Level{grids.LevelDistrict, grids.LevelTowns, grids.LevelVillages, grids.LevelGrids} {
		flaws, there := byLevel[level]
		if !there {
			fmt.Printf("%-9s nothing stored\n", level)
			continue
		}
		fmt.Printf("%-9s %d findings\n", level, len(flaws))
		for _, f := range flaws {
			t := f.Message()
			fmt.Printf("  %-7s %s / %s\n", f.Severity, t.EN, t.ZH)
		}
		bad = bad || grids.Stops(flaws)
	}
	if bad {
		return errRefused
	}
	return nil
}

type openAPICmd struct{}

// Run prints the description of the API, which the web map's types are made from.
func (openAPICmd) Run() error {
	log := slog.New(slog.DiscardHandler)
	view, err := live.New(nil, live.Options{Land: demo.Land(), K: 1, Weights: risk.Default(), CacheBytes: 1, Log: log})
	if err != nil {
		return err
	}
	s := &api.Server{View: view, Log: log, Version: "1", Observe: func(string, int, time.Duration) {}, Metrics: http.NotFoundHandler(), Writable: func() error { return nil }}
	b, err := s.OpenAPI()
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(append(b, '\n'))
	return err
}
