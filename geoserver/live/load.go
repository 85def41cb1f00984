package live

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"wangge/grids"
	"wangge/grids/risk"
	"wangge/tiles"
)

// tableLayers are the layers that come out of SQL.
var tableLayers = [...]string{"district", "towns", "villages", "grids", "surveys", tiles.Findings, "labels"}

// cause is the text of the error below the one for people, for the log.
func cause(err error) string {
	if c := errors.Unwrap(err); c != nil {
		return c.Error()
	}
	return ""
}

// load is one way from a state to the next.
type load struct {
	*View
	was   *State // nil to begin anew
	next  *State
	query grids.Query
	grids.Content
	anew bool // the ground is another: nothing of the levels can be kept

	mu     sync.Mutex // guards what follows while layers are made side by side
	change tiles.Change
	faults map[string]error
}

// load makes the next state: it reads what changed since was and keeps the rest.
func (v *View) load(ctx context.Context, was *State, today grids.Day) error {
	began := time.Now()
	l := &load{View: v, was: was, faults: map[string]error{}}
	var since grids.Versions
	if was != nil {
		since = was.Versions
	}
	if v.memory == nil { // lost in the middle of a load
		v.memory, l.was = newMemory(), nil
	}
	var err error
	l.Content, err = v.store.Read(ctx, since, func(now grids.Versions, changes []grids.Change) grids.Query {
		if l.was != nil && (was.Versions.Generation != now.Generation || was.Today != today) {
			l.was = nil // a restore, or another window: begin anew
		}
		l.plan(now, changes, today)
		return l.query
	})
	v.parts.Store(nil)
	if err != nil {
		return err
	}
	maps.Copy(l.faults, l.Faults)
	l.next = &State{Versions: l.Versions, Today: today, Window: l.query.Window, ReadAt: v.o.Now()}
	if err := l.take(); err != nil {
		return err
	}
	l.levels()
	l.layers()
	ground := v.set.Publish(l.change)
	v.state.Store(l.next)
	v.noteFaults(l.faults, l.loaded())
	say := v.o.Log.Debug // one mark
	if l.anew {
		say = v.o.Log.Info
	}
	say("layers loaded", "took", time.Since(began).Round(time.Millisecond), "versions", l.next.Versions.Of)
	v.hub.changed(since, l.next.Versions, ground)
	return nil
}

// plan asks for what differs between the state before and the versions of now.
func (l *load) plan(now grids.Versions, changes []grids.Change, today grids.Day) {
	changed := func(subjects ...grids.Subject) bool {
		return l.was == nil || slices.ContainsFunc(subjects, func(s grids.Subject) bool { return l.was.Versions.Of[s] != now.Of[s] })
	}
	l.anew = changed(grids.OnTerritory, grids.OnGrids)
	q := grids.Query{Today: today, Window: window(today, l.o.Weights.WindowMonths), Territory: l.anew}
	if q.Cases = l.anew || changed(grids.OnCasework); q.Cases && !l.anew {
		q.Batches = touched(changes, grids.OnCasework)
	}
	q.Counts = q.Cases
	faulty := *l.faulty.Load()
	for _, name := range tableLayers {
		layer, _ := tiles.Find(name)
		_, broken := faulty[name]
		if !broken && !l.anew && !changed(readBy(layer)...) {
			continue
		}
		sql, _ := tiles.SQL(name)
		part := grids.LayerQuery{Name: name, SQL: sql}
		if name == tiles.Findings && !broken && !l.anew {
			part.IDs = touched(changes, grids.OnFindings)
		}
		q.Layers = append(q.Layers, part)
	}
	if l.was == nil {
		q.Done = l.progress(len(q.Layers) + 3)
	}
	l.query = q
}

// progress counts the parts of a load for whoever asks whether the server is ready.
func (l *load) progress(all int) func(part string) {
	var mu sync.Mutex
	done := 0
	return func(part string) {
		mu.Lock()
		defer mu.Unlock()
		done++
		text := fmt.Sprintf("the layers are being loaded: %d of %d parts, the last was %s", done, all, part)
		l.parts.Store(&text)
		l.o.Log.Info("loaded", "part", part, "done", done, "of", all)
	}
}

// readBy is the subjects that the SQL of a layer reads: casework and findings are counted here, once for all levels.
func readBy(layer tiles.Layer) []grids.Subject {
	if layer.Name == tiles.Findings {
		return layer.Subjects
	}
	return slices.DeleteFunc(slices.Clone(layer.Subjects), func(s grids.Subject) bool { return s == grids.OnCasework || s == grids.OnFindings })
}

// touched is exactly what the changes of a subject touched; nil when it may be anything.
func touched(changes []grids.Change, s grids.Subject) (ids []grids.ID) {
	for _, c := range changes {
		switch {
		case c.Subject != s:
		case len(c.IDs) == 0:
			return nil
		default:
			ids = append(ids, c.IDs...)
		}
	}
	slices.SortFunc(ids, func(a, b grids.ID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(ids)
}

// window is the calendar months that the risk index looks at: this one and the n−1 before it.
func window(today grids.Day, n int) grids.Period {
	return grids.Period{From: today.Month() - grids.Month(n-1), To: today.Month()}
}

// take fills the state and the memory from what was read.
func (l *load) take() error {
	m := l.memory
	if l.query.Territory {
		l.next.ground = newGround(l.Territory, l.GridOf)
		if err := l.next.ground.cover(); err != nil {
			return err
		}
	} else {
		l.next.ground = l.was.ground
	}
	if l.query.Cases {
		more := len(l.query.Batches) > 0
		m.takeCases(l.Cases, l.Counts, l.query.Window, more)
		l.takeCube(more)
	}
	for _, level := range []string{"towns", "villages", "grids"} {
		t, read := l.Tables[level]
		switch {
		case read:
			m.tables[level] = without(t)
		case l.anew: // its rows are those of another ground
			delete(m.tables, level)
			delete(m.shown, level)
		}
	}
	return nil
}

func (l *load) stamp() tiles.Stamp {
	return tiles.Stamp{Generation: l.Versions.Generation, Versions: l.Versions.Of, Day: l.next.Today}
}

// takeCube makes the casework of the next state, with the outlines of its hexagons: the first who looks does not wait for them.
func (l *load) takeCube(more bool) {
	defer func() {
		_, _ = l.change.Cube.Hexagons(context.Background(), tiles.HeatResolution(tiles.MaxZoom), l.o.Policy)
	}() // a fault shows when they are asked for
	if was := l.set.Cube(); more && was != nil {
		var ground []tiles.Ground
		l.change.Cube, ground = was.With(l.Cases, l.stamp())
		l.change.Ground = append(l.change.Ground, ground...)
		return
	}
	l.change.Cube = tiles.NewCube(l.Cases, l.stamp())
}

// levels computes the figures of every unit, and the rows that show them.
func (l *load) levels() {
	s, m := l.next, l.memory
	if t, read := l.Tables[tiles.Findings]; read {
		gone := m.takeFindings(t, l.idsOf(tiles.Findings))
		l.layer(tiles.Findings, t, gone, len(l.idsOf(tiles.Findings)) > 0)
	}
	s.stored = m.counts.Stored
	s.units = map[string][]Figures{}
	for _, level := range Levels() {
		if level == "cells" {
			s.units[level] = s.cellFigures(m, l.o.Policy)
		} else {
			s.units[level] = s.figures(level, m, l.o.Policy)
		}
	}
	var wg sync.WaitGroup
	for _, level := range Levels() {
		wg.Go(func() { l.level(level) })
	}
	wg.Wait()
	s.index()
}

// idsOf is the ids that a layer was read by, nil for all.
func (l *load) idsOf(layer string) []grids.ID {
	i := slices.IndexFunc(l.query.Layers, func(q grids.LayerQuery) bool { return q.Name == layer })
	return l.query.Layers[i].IDs
}

// level ranks the units of a level and brings its layer up to date.
func (l *load) level(level string) {
	s := l.next
	units := s.units[level]
	for i, score := range risk.Rank(riskUnits(units), l.o.Weights, l.o.Policy.K) {
		units[i].Risk = score
	}
	t := l.Tables[level]
	if level == "cells" {
		t = s.cellTable()
	}
	l.mu.Lock()
	base, unread := l.memory.tables[level], l.faults[level] != nil
	was, known := l.memory.shown[level]
	l.mu.Unlock()
	if unread {
		return
	}
	if level == "cells" {
		base = without(t)
	}
	now := withFigures(base, units)
	changed, same := changedRows(was, now)
	switch {
	case !known || l.anew || !same:
		whole := grids.Table{Columns: now.Columns, Features: slices.Clone(now.Features)}
		for i := range whole.Features {
			whole.Features[i].Geometry = t.Features[i].Geometry
		}
		l.layer(level, whole, nil, false)
	case len(changed.Features) > 0:
		l.layer(level, changed, nil, true)
	}
	l.mu.Lock()
	l.memory.shown[level] = now
	if l.faults[level] != nil {
		delete(l.memory.shown, level) // to be made whole next time
	}
	l.mu.Unlock()
}

// layers makes the layers that are nothing but their table.
func (l *load) layers() {
	var wg sync.WaitGroup
	for name, t := range l.Tables {
		if name != tiles.Findings && !slices.Contains(Levels(), name) {
			wg.Go(func() { l.layer(name, t, nil, false) })
		}
	}
	wg.Wait()
}

// layer puts rows into a layer: further ones, or all it has. When they are broken the layer stays as it is.
func (l *load) layer(name string, t grids.Table, gone []uint64, further bool) {
	var s *tiles.Snapshot
	var ground []tiles.Ground
	var err error
	if was, ok := l.set.Snapshot(name); ok && further {
		s, ground, err = was.With(t, gone, l.stamp())
	} else {
		row, _ := tiles.Find(name)
		s, err = tiles.NewSnapshot(row, t, l.stamp())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.faults[name] = err
		return
	}
	l.change.Snapshots = append(l.change.Snapshots, s)
	l.change.Ground = append(l.change.Ground, ground...)
}

// loaded is the layers that are as the store has them now.
func (l *load) loaded() []string {
	names := make([]string, len(l.change.Snapshots))
	for i, s := range l.change.Snapshots {
		names[i] = s.Layer().Name
	}
	return names
}

// noteFaults keeps which layers could not be loaded, until they can.
func (v *View) noteFaults(faults map[string]error, loaded []string) {
	next := maps.Clone(*v.faulty.Load())
	for _, name := range loaded {
		delete(next, name)
	}
	for name, err := range faults {
		since := v.o.Now()
		if was, ok := next[name]; ok {
			since = was.since
		}
		next[name] = fault{err, since}
		v.o.Log.Error("a layer could not be loaded and shows what it showed before", "layer", name, "err", err, "cause", cause(err))
	}
	v.faulty.Store(&next)
}

// withFigures adds to a level's table what is not in its SQL: the counts as they may be shown, and the risk.
func withFigures(t grids.Table, figures []Figures) grids.Table {
	out := grids.Table{Columns: append(slices.Clone(t.Columns), "findings_open", "findings_confirmed", "cases", "cases_state", "density", "risk"), Features: make([]grids.Feature, len(t.Features))}
	for i, f := range t.Features {
		fig := &figures[i]
		values := make([]any, 0, len(out.Columns))
		values = append(append(values, f.Values...), int64(fig.FindingsOpen), int64(fig.FindingsConfirmed), number(fig.Cases, 0), string(fig.Cases.State),
			number(fig.Density, DensityDecimals), number(fig.Risk.Value, RiskDecimals))
		out.Features[i] = grids.Feature{ID: f.ID, Values: values}
	}
	return out
}
