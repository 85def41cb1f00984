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
	"wangge/grids/disclosure"
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

	mu      sync.Mutex      // guards what follows while layers are made side by side
	changes []*tiles.Change // by class
	faults  map[string]error
}

// load makes the next state: it reads what changed since was and keeps the rest.
func (v *View) load(ctx context.Context, was *State, today grids.Day) error {
	began := time.Now()
	l := &load{View: v, was: was, faults: map[string]error{}}
	for range v.sights {
		l.changes = append(l.changes, &tiles.Change{})
	}
	var since grids.Versions
	if was != nil {
		since = was.Versions
	}
	if v.memory == nil { // lost in the middle of a load
		v.memory, l.was = newMemory(v.o.K), nil
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
	l.next = &State{Versions: l.Versions, Today: today, Window: window(today, l.o.Weights.WindowMonths), ReadAt: v.o.Now()}
	if err := l.take(); err != nil {
		return err
	}
	states := l.levels()
	l.layers()
	ground := make([][]tiles.Ground, len(v.sights))
	for i, s := range v.sights {
		ground[i] = s.set.Publish(*l.changes[i])
	}
	for i, s := range slices.Backward(v.sights) { // whoever sees the versions in the first finds all classes there
		s.state.Store(states[i])
	}
	v.noteFaults(l.faults, l.loaded())
	say := v.o.Log.Debug // one mark
	if l.anew {
		say = v.o.Log.Info
	}
	say("layers loaded", "took", time.Since(began).Round(time.Millisecond), "versions", l.next.Versions.Of)
	exact := l.exact()
	for i, s := range v.sights {
		if s.findingsRes() >= 0 { // cells alone are told of
			ground[i] = slices.DeleteFunc(slices.Clone(ground[i]), func(g tiles.Ground) bool { return slices.Contains(exact, g) })
		}
		s.hub.changed(ground[i])
	}
	return nil
}

// plan asks for what differs between the state before and the versions of now.
func (l *load) plan(now grids.Versions, changes []grids.Change, today grids.Day) {
	changed := func(subjects ...grids.Subject) bool {
		return l.was == nil || slices.ContainsFunc(subjects, func(s grids.Subject) bool { return l.was.Versions.Of[s] != now.Of[s] })
	}
	l.anew = changed(grids.OnTerritory, grids.OnGrids)
	q := grids.Query{Today: today, Territory: l.anew}
	if q.Cases = l.anew || changed(grids.OnCasework); q.Cases && !l.anew {
		q.Batches = touched(changes, grids.OnCasework)
	}
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
		q.Done = l.progress(len(q.Layers) + 2)
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

// window is the calendar months that the risk index looks at: the last one that is over and at least the n−1 before it, from the
// beginning of a year, because scarce casework is told by whole years.
func window(today grids.Day, n int) grids.Period {
	closed := today.Month() - 1
	from := closed - grids.Month(n-1)
	return grids.Period{From: from - from%12, To: closed}
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
		l.takeCubes()
	}
	for _, level := range storedLevels {
		t, read := l.Tables[level]
		switch {
		case read:
			m.tables[level], m.looks[level] = without(t), looksOf(t)
		case l.anew: // its rows are those of another ground
			delete(m.tables, level)
			delete(m.looks, level)
			for _, s := range l.sights {
				delete(s.shown, level)
			}
		}
	}
	return nil
}

func (l *load) stamp() tiles.Stamp {
	return tiles.Stamp{Generation: l.Versions.Generation, Versions: l.Versions.Of, Day: l.next.Today}
}

// takeCubes makes the casework of the next state for every class, with the outlines of its hexagons: the first who looks does not wait
// for them.
func (l *load) takeCubes() {
	more := len(l.query.Batches) > 0
	if !more {
		l.memory.casework = newLedger(l.o.K)
	}
	touched := l.memory.casework.take(l.Cases, l.query.Today)
	for i, s := range l.sights {
		c := l.changes[i]
		var groups []disclosure.Group
		if r := l.memory.casework.of(s.class); r != nil {
			groups = r.Groups()
		}
		if was := s.set.Cube(); l.was != nil && was != nil {
			cells := touched[s.class]
			if !more {
				cells = differing(was, groups)
			}
			var ground []tiles.Ground
			c.Cube, ground = was.With(groups, cells, l.stamp())
			c.Ground = append(c.Ground, ground...)
		} else {
			c.Cube = tiles.NewCube(groups, s.rule, l.stamp())
		}
		_, _ = c.Cube.Hexagons(context.Background(), tiles.HeatResolution(tiles.MaxZoom)) // a fault shows when they are asked for
	}
}

// levels computes the figures of every unit for every class, and the rows that show them.
func (l *load) levels() (states []*State) {
	m := l.memory
	if l.was != nil {
		l.next.rows, l.next.found = l.was.rows, l.was.found
	}
	if t, read := l.Tables[tiles.Findings]; read {
		l.findings(t)
	}
	l.next.known = m.casework.stored()
	states = make([]*State, len(l.sights))
	for i, s := range l.sights { // the first gives the others its outlines
		st := *l.next
		states[i] = &st
		if l.query.Cases || l.was == nil {
			s.cases = st.ground.share(m.casework.of(s.class), st.Window)
		}
		if !s.sees() && l.was != nil && !l.readUnits() {
			st.units, st.byCode = s.State().units, s.State().byCode
			continue
		}
		if l.onlyFindings(s) {
			l.patch(i, &st)
			continue
		}
		st.units = map[string][]Figures{}
		for _, level := range Levels() {
			if level == "cells" {
				st.units[level] = st.cellFigures(m, s.cases, s)
			} else {
				st.units[level] = st.figures(level, m, s.cases, s)
			}
		}
		var wg sync.WaitGroup
		for _, level := range Levels() {
			wg.Go(func() { l.level(i, &st, level) })
		}
		wg.Wait()
		st.index()
	}
	return states
}

// exact is where findings look different to those who see them where they are.
func (l *load) exact() []tiles.Ground {
	return slices.DeleteFunc(slices.Clone(l.changes[0].Ground), func(g tiles.Ground) bool { return g.Layer != tiles.Findings })
}

// findings counts the findings that were read, and makes the layers that show them.
func (l *load) findings(t grids.Table) {
	m := l.memory
	ids := l.idsOf(tiles.Findings)
	gone, centres := m.takeFindings(t, ids)
	l.layer(0, tiles.Findings, t, gone, len(ids) > 0)
	if l.faults[tiles.Findings] != nil {
		return
	}
	l.next.rows, l.next.found = m.found()
	for i, s := range l.sights[1:] {
		c := l.changes[i+1]
		if s.findingsRes() == 0 && l.was != nil && !slices.Contains(s.set.Missing(), tiles.Findings) {
			continue // sees none, as before
		}
		c.Near = tiles.NewNear(l.next.rows, l.next.found, s.findingsRes(), s.rule, l.stamp())
		if len(ids) == 0 {
			c.Ground = append(c.Ground, tiles.Everywhere(tiles.Findings))
			continue
		}
		c.Ground = append(append(c.Ground, l.exact()...), s.blurred(centres)...)
	}
}

// readUnits reports whether any level was read.
func (l *load) readUnits() bool {
	return l.anew || slices.ContainsFunc(Levels(), func(level string) bool { _, read := l.Tables[level]; return read })
}

// idsOf is the ids that a layer was read by, nil for all.
func (l *load) idsOf(layer string) []grids.ID {
	i := slices.IndexFunc(l.query.Layers, func(q grids.LayerQuery) bool { return q.Name == layer })
	return l.query.Layers[i].IDs
}

// level ranks the units of a level and brings the layer of a class up to date.
func (l *load) level(class int, s *State, level string) {
	by := l.sights[class]
	units := s.units[level]
	if by.ranks() {
		for i, score := range by.Rank(units, l.o.Weights) {
			units[i].Risk = score
		}
	} else {
		for i := range units {
			units[i].Risk = risk.Score{Key: units[i].Code, Value: disclosure.NoData()}
		}
	}
	t := l.Tables[level]
	if level == "cells" {
		t = s.cellTable()
	}
	l.mu.Lock()
	base, unread := l.memory.tables[level], l.faults[level] != nil
	was, known := by.shown[level]
	l.mu.Unlock()
	if unread {
		return
	}
	if level == "cells" {
		base = without(t)
	}
	now := withFigures(base, units)
	if !by.sees() {
		now = bareOf(now)
	}
	changed, same := changedRows(was, now)
	switch {
	case !known || l.anew || !same:
		l.whole(class, level, now, t)
	case len(changed.Features) > 0:
		l.layer(class, level, changed, nil, true)
	}
	l.mu.Lock()
	by.shown[level] = now
	if l.faults[level] != nil {
		delete(by.shown, level) // to be made whole next time
	}
	l.mu.Unlock()
}

// whole makes a level's layer anew: of its rows with their outlines, or, for a further class, with those that the first has drawn.
func (l *load) whole(class int, level string, now, outlines grids.Table) {
	if class > 0 {
		l.mu.Lock()
		i := slices.IndexFunc(l.changes[0].Snapshots, func(s *tiles.Snapshot) bool { return s.Layer().Name == level })
		var first *tiles.Snapshot
		if i >= 0 {
			first = l.changes[0].Snapshots[i]
		} else if s, ok := l.sights[0].set.Snapshot(level); ok {
			first = s
		}
		l.mu.Unlock()
		if first != nil {
			s, _, err := first.Fork().With(now, nil, l.stamp())
			l.put(class, level, s, []tiles.Ground{tiles.Everywhere(level)}, err)
			return
		}
	}
	rows := grids.Table{Columns: now.Columns, Features: slices.Clone(now.Features)}
	for i := range rows.Features {
		rows.Features[i].Geometry = outlines.Features[i].Geometry
	}
	l.layer(class, level, rows, nil, false)
}

// layers makes the layers that are nothing but their table, the same for every class.
func (l *load) layers() {
	var wg sync.WaitGroup
	for name, t := range l.Tables {
		if name == tiles.Findings || slices.Contains(Levels(), name) {
			continue
		}
		wg.Go(func() {
			l.layer(0, name, t, nil, false)
			l.mu.Lock()
			defer l.mu.Unlock()
			i := slices.IndexFunc(l.changes[0].Snapshots, func(s *tiles.Snapshot) bool { return s.Layer().Name == name })
			for class, s := range l.sights {
				if class > 0 && i >= 0 && (s.sees() || name != "surveys") {
					l.changes[class].Snapshots = append(l.changes[class].Snapshots, l.changes[0].Snapshots[i])
				}
			}
		})
	}
	wg.Wait()
	if row, ok := tiles.Find("surveys"); ok && l.was == nil {
		empty, _ := tiles.NewSnapshot(row, grids.Table{}, l.stamp())
		blind := len(l.sights) - 1
		l.changes[blind].Snapshots = append(l.changes[blind].Snapshots, empty)
	}
}

// layer puts rows into a layer of a class: further ones, or all it has. When they are broken the layer stays as it is.
func (l *load) layer(class int, name string, t grids.Table, gone []uint64, further bool) {
	var s *tiles.Snapshot
	var ground []tiles.Ground
	var err error
	if was, ok := l.sights[class].set.Snapshot(name); ok && further {
		s, ground, err = was.With(t, gone, l.stamp())
	} else {
		row, _ := tiles.Find(name)
		s, err = tiles.NewSnapshot(row, t, l.stamp())
	}
	l.put(class, name, s, ground, err)
}

// put enters a snapshot into the change of a class, or why there is none.
func (l *load) put(class int, name string, s *tiles.Snapshot, ground []tiles.Ground, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.faults[name] = err
		return
	}
	l.changes[class].Snapshots = append(l.changes[class].Snapshots, s)
	l.changes[class].Ground = append(l.changes[class].Ground, ground...)
}

// loaded is the layers that are as the store has them now.
func (l *load) loaded() []string {
	names := make([]string, len(l.changes[0].Snapshots))
	for i, s := range l.changes[0].Snapshots {
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

// figureColumns is what withFigures adds, in its order.
var figureColumns = []string{"findings_open", "findings_confirmed", "cases", "cases_to", "cases_state", "density", "risk"}

// withFigures adds to a level's table what is not in its SQL: the counts as they may be shown, and the risk.
func withFigures(t grids.Table, figures []Figures) grids.Table {
	out := grids.Table{Columns: slices.Concat(t.Columns, figureColumns), Features: make([]grids.Feature, len(t.Features))}
	for i, f := range t.Features {
		fig := &figures[i]
		values := make([]any, 0, len(out.Columns))
		values = append(append(values, f.Values...), number(fig.FindingsOpen, 0), number(fig.FindingsConfirmed, 0), number(fig.Cases, 0), upTo(fig.Cases), string(fig.Cases.State),
			number(fig.Density, DensityDecimals), number(fig.Risk.Value, RiskDecimals))
		out.Features[i] = grids.Feature{ID: f.ID, Values: values}
	}
	return out
}

// upTo is the end of a band as a tile attribute: nil where there is none.
func upTo(v disclosure.Value) any {
	if v.To == 0 {
		return nil
	}
	return v.To
}
