package main

import (
	"context"
	"errors"
	"iter"
	"os"
	"slices"
	"sync"
	"time"

	"wangge/geoserver/api"
	"wangge/geoserver/live"
	"wangge/grids"
	"wangge/grids/postgis"
	"wangge/importers"
)

// keepUploads is how long a file waits for its commit after a dry run, and how many may wait.
const (
	keepUploads = time.Hour
	mostUploads = 20
)

// imports takes files from their bytes to the store. Dry run and commit walk the same path; only the last step differs.
// It is safe for concurrent use.
type imports struct {
	store       *postgis.Store
	reader      string
	toleranceM2 float64
	counted     func(rows int) // told as rows are read; nil for nobody

	mu      sync.Mutex
	waiting map[string]*upload
}

// upload is a file that waits for its commit.
type upload struct {
	api.ImportRequest
	at   time.Time
	busy bool
}

// newImports begins with an empty folder of uploads: what an earlier run left there was never promised.
func newImports(store *postgis.Store, conf *config, uploads string) *imports {
	if left, err := os.ReadDir(uploads); err == nil {
		for _, e := range left {
			_ = os.Remove(uploads + "/" + e.Name()) // a leftover that stays does no harm
		}
	}
	return &imports{store: store, reader: conf.reader(), toleranceM2: conf.ToleranceM2, waiting: map[string]*upload{}}
}

// DryRun implements api.Imports.
func (m *imports) DryRun(ctx context.Context, in api.ImportRequest) (*importers.Report, error) {
	report, _, err := m.run(ctx, grids.Operator, in, grids.NewID(), true)
	if err != nil || report.Refused {
		_ = os.Remove(in.Path) // it will not be needed
		return report, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, u := range m.waiting {
		if !u.busy && (time.Since(u.at) > keepUploads || len(m.waiting) >= mostUploads) {
			m.drop(id)
		}
	}
	m.waiting[report.ID] = &upload{ImportRequest: in, at: time.Now()}
	return report, nil
}

// Commit implements api.Imports.
func (m *imports) Commit(ctx context.Context, actor grids.Actor, id string) (*importers.Report, grids.Versions, error) {
	m.mu.Lock()
	u, ok := m.waiting[id]
	if ok && u.busy {
		m.mu.Unlock()
		return nil, grids.Versions{}, grids.Errorf(grids.Conflict, "this import is being stored already")
	}
	if ok {
		u.busy = true
	}
	m.mu.Unlock()
	batch, err := grids.ParseID(id)
	if !ok || err != nil {
		return nil, grids.Versions{}, grids.Errorf(grids.NotFound, "this dry run is gone (it is kept for an hour): send the file again")
	}
	report, v, err := m.run(context.WithoutCancel(ctx), actor, u.ImportRequest, batch, false) // a closed browser does not half-store a file
	m.mu.Lock()
	defer m.mu.Unlock()
	if u.busy = false; err == nil {
		m.drop(id)
	}
	return report, v, err
}

// Discard implements api.Imports.
func (m *imports) Discard(id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	u, ok := m.waiting[id]
	if !ok {
		return grids.Errorf(grids.NotFound, "there is no such dry run")
	}
	if u.busy {
		return grids.Errorf(grids.Conflict, "this import is being stored: it can no longer be discarded")
	}
	m.drop(id)
	return nil
}

func (m *imports) drop(id string) {
	_ = os.Remove(m.waiting[id].Path) // the folder is emptied at the next start
	delete(m.waiting, id)
}

// run reads a file for its subject and, unless dry, stores what is in order. A report that is refused stored nothing.
func (m *imports) run(ctx context.Context, actor grids.Actor, in api.ImportRequest, id grids.ID, dry bool) (*importers.Report, grids.Versions, error) {
	src, err := importers.Open(ctx, in.Path, importers.Options{Name: in.Name, Subject: in.Subject, CRS: in.CRS, Encoding: in.Encoding, ReaderProgram: m.reader})
	if err != nil {
		return nil, grids.Versions{}, err
	}
	defer func() { _ = src.Close() }() // only read
	checker := importers.Checker{Now: time.Now()}
	territory := slices.Contains([]string{string(grids.LevelDistrict), string(grids.LevelTowns), string(grids.LevelVillages), string(grids.LevelGrids)}, in.Subject)
	if !territory {
		if checker.Places, err = live.ReadPlaces(ctx, m.store); err != nil {
			return nil, grids.Versions{}, err
		}
	}
	j := job{imports: m, ctx: ctx, actor: actor, in: in, src: src, checker: checker, batch: grids.Batch{ID: id, Subject: in.Subject, File: in.Name}, dry: dry}
	var v grids.Versions
	if territory {
		v, err = j.territory()
	} else {
		v, err = j.rows()
	}
	if j.report != nil {
		j.report.ID = id.String()
		j.report.Subject = in.Subject
	}
	if errors.Is(err, errNotStored) {
		err = nil
	}
	return j.report, v, err
}

// job is one run over one file.
type job struct {
	*imports
	ctx     context.Context
	actor   grids.Actor
	in      api.ImportRequest
	src     *importers.Source
	checker importers.Checker
	batch   grids.Batch
	dry     bool
	report  *importers.Report
}

// errNotStored ends a transaction of a file that turned out to be refused while it was read.
var errNotStored = errors.New("the file is refused")

// rows imports one of the four subjects.
func (j *job) rows() (grids.Versions, error) {
	switch grids.Subject(j.in.Subject) {
	case grids.OnCasework:
		return importRows(j, importers.Casework, j.store.ImportCasework)
	case grids.OnVillages:
		return importRows(j, importers.VillageStatuses, j.store.ImportVillageStatuses)
	case grids.OnSurveys:
		return importRows(j, importers.Surveys, j.store.ImportSurveys)
	}
	return importRows(j, importers.Findings, j.store.ImportFindings)
}

// importRows streams nouns from their reader into the store; a dry run only walks them. The stream is read on a
// goroutine of its own, so that parsing and the database work at the same time.
func importRows[T any](j *job, read func(*importers.Source, importers.Checker, *importers.Report) iter.Seq[T],
	store func(context.Context, grids.Actor, *grids.Batch, func() iter.Seq[T], func() error) (grids.Stored, error)) (grids.Versions, error) {
	open := func() iter.Seq[T] {
		j.report = importers.NewReport(j.src)
		return count(read(j.src, j.checker, j.report), j.counted)
	}
	if j.dry {
		for range open() {
			if err := j.ctx.Err(); err != nil {
				return grids.Versions{}, err
			}
		}
		return grids.Versions{}, nil
	}
	stored, err := store(j.ctx, j.actor, &j.batch, func() iter.Seq[T] { return ahead(open()) }, func() error {
		j.batch.Rows, j.batch.Accepted, j.batch.Rejected = j.report.Rows, j.report.Accepted, j.report.Rejected
		if j.report.Refused {
			return errNotStored
		}
		return nil
	})
	if err != nil {
		return grids.Versions{}, err
	}
	j.report.Committed, j.report.Unchanged = true, int(stored.Unchanged)
	return stored.Versions, nil
}

// count tells of every thousandth row that goes by.
func count[T any](seq iter.Seq[T], tell func(rows int)) iter.Seq[T] {
	if tell == nil {
		return seq
	}
	return func(yield func(T) bool) {
		n := 0
		for v := range seq {
			if n++; n%1000 == 0 {
				tell(n)
			}
			if !yield(v) {
				return
			}
		}
	}
}

// ahead reads seq on another goroutine, some rows ahead of the consumer.
func ahead[T any](seq iter.Seq[T]) iter.Seq[T] {
	const chunk = 512
	return func(yield func(T) bool) {
		chunks, stop := make(chan []T, 8), make(chan struct{})
		go func() {
			defer close(chunks)
			list := make([]T, 0, chunk)
			for v := range seq {
				if list = append(list, v); len(list) == chunk {
					select {
					case chunks <- list:
					case <-stop:
						return
					}
					list = make([]T, 0, chunk)
				}
			}
			select {
			case chunks <- list:
			case <-stop:
			}
		}()
		defer func() {
			close(stop)
			for range chunks { // wait until the reader has let go of the source
			}
		}()
		for list := range chunks {
			for _, v := range list {
				if !yield(v) {
					return
				}
			}
		}
	}
}

// territory imports a level of territory: every row must be in order, and PostGIS must find no serious flaw.
func (j *job) territory() (grids.Versions, error) {
	if j.in.Family == "" {
		j.in.Family = grids.DrugControl
	}
	if !slices.Contains(grids.Families[:], j.in.Family) {
		return grids.Versions{}, grids.Errorf(grids.Invalid, "%q is not a family of grids; use one of %v", j.in.Family, grids.Families)
	}
	if j.in.Edition == "" {
		j.in.Edition = j.in.Name
	}
	j.report = importers.NewReport(j.src)
	areas := j.areas()
	if j.report.Refused {
		return grids.Versions{}, nil
	}
	if j.report.Rejected > 0 || j.report.Accepted == 0 {
		j.report.Refuse(grids.Text{ZH: "边界数据须整体导入：请先改正所列各行，未存入任何数据", EN: "territory is stored whole or not at all: mend the rows listed first; nothing was stored"})
		return grids.Versions{}, nil
	}
	j.batch.Rows, j.batch.Accepted, j.batch.Rejected = j.report.Rows, j.report.Accepted, j.report.Rejected
	if j.in.From == 0 {
		j.in.From = grids.DayOf(time.Now())
	}
	res, err := j.store.ImportAreas(j.ctx, j.actor, grids.AreaImport{Level: grids.Level(j.in.Subject), Areas: areas, Family: j.in.Family, Edition: j.in.Edition,
		From: j.in.From, ToleranceM2: j.toleranceM2, DryRun: j.dry, Batch: j.batch})
	if err != nil {
		return grids.Versions{}, err
	}
	for _, f := range res.Flaws {
		text := f.Message()
		j.report.Note(importers.Finding{Severity: importers.Severity(f.Severity), Value: f.Place, Code: string(f.Code), Message: text})
	}
	if grids.Stops(res.Flaws) {
		j.report.Refuse(grids.Text{ZH: "边界检查未通过，未存入任何数据", EN: "the check of the territory found damage; nothing was stored"})
	}
	if res.Unchanged {
		j.report.Unchanged = j.report.Accepted
	}
	j.report.Committed = res.Stored || res.Unchanged && !j.dry
	return res.Versions, nil
}

// areas reads the level's rows as areas.
func (j *job) areas() (list []grids.Area) {
	switch grids.Level(j.in.Subject) {
	case grids.LevelDistrict:
		for d := range importers.Districts(j.src, j.checker, j.report) {
			list = append(list, grids.Area{Code: d.Code, Name: d.Name, NameEN: d.NameEN, Synthetic: d.Synthetic, Geometry: d.Geometry})
		}
	case grids.LevelTowns:
		for t := range importers.Towns(j.src, j.checker, j.report) {
			list = append(list, grids.Area{Code: t.Code, Name: t.Name, Kind: t.Kind, Synthetic: t.Synthetic, Geometry: t.Geometry})
		}
	case grids.LevelVillages:
		for v := range importers.Villages(j.src, j.checker, j.report) {
			list = append(list, grids.Area{Code: v.Code, TownCode: v.TownCode, Name: v.Name, Kind: v.Kind, Synthetic: v.Synthetic, Geometry: v.Geometry})
		}
	case grids.LevelGrids:
		for g := range importers.Grids(j.src, j.checker, j.report) {
			list = append(list, grids.Area{Code: g.Code, TownCode: g.TownCode, Name: g.Name, Synthetic: g.Synthetic, Geometry: g.Geometry})
		}
	}
	return list
}
