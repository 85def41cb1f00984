package live

import (
	"slices"
	"sync"

	"wangge/grids"
)

// onlyFindings reports whether nothing changed for a class but findings, of which some may be counted otherwise than before.
func (l *load) onlyFindings(s *Sight) bool {
	return l.was != nil && !l.query.Cases && !l.readUnits() && !slices.ContainsFunc(Levels(), func(level string) bool {
		_, shown := s.shown[level]
		return !shown || l.faults[level] != nil
	})
}

// patch makes the figures of a class out of those before: it counts the findings of each unit again, and where the class sees another
// number, ranks the level and brings the rows up to date that look different.
func (l *load) patch(class int, s *State) {
	before := l.sights[class].State()
	s.units, s.byCode = map[string][]Figures{}, before.byCode
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, level := range Levels() {
		wg.Go(func() {
			units := l.patched(class, s, level, before.units[level])
			mu.Lock()
			defer mu.Unlock()
			s.units[level] = units
		})
	}
	wg.Wait()
}

// patched is the units of a level with their findings counted again: those before when the class sees no difference.
func (l *load) patched(class int, s *State, level string, was []Figures) []Figures {
	by := l.sights[class]
	touched := make([]bool, len(was))
	var units []Figures
	for i := range was {
		u := was[i]
		if u.setFindings(l.memory, by); u.FindingsOpen == was[i].FindingsOpen && u.FindingsConfirmed == was[i].FindingsConfirmed {
			continue
		}
		if units == nil {
			units = slices.Clone(was)
		}
		units[i], touched[i] = u, true
	}
	if units == nil {
		return was
	}
	if by.ranks() {
		for i, score := range by.Rank(units, l.o.Weights) {
			units[i].Risk = score
			touched[i] = touched[i] || number(score.Value, RiskDecimals) != number(was[i].Risk.Value, RiskDecimals)
		}
	}
	l.show(class, level, units, touched)
	return units
}

// show brings some rows of a level's layer up to date. A row ends in the figures; what stands before them stays.
func (l *load) show(class int, level string, units []Figures, touched []bool) {
	by := l.sights[class]
	l.mu.Lock()
	shown := by.shown[level]
	l.mu.Unlock()
	own := len(shown.Columns) - len(figureColumns)
	rows := grids.Table{Columns: shown.Columns[:own]}
	var figures []Figures
	for i, f := range shown.Features {
		if touched[i] {
			rows.Features, figures = append(rows.Features, grids.Feature{ID: f.ID, Values: f.Values[:own]}), append(figures, units[i])
		}
	}
	changed := withFigures(rows, figures)
	l.layer(class, level, changed, nil, true)
	next := grids.Table{Columns: shown.Columns, Features: slices.Clone(shown.Features)}
	for i, k := 0, 0; i < len(touched); i++ {
		if touched[i] {
			next.Features[i], k = changed.Features[k], k+1
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if by.shown[level] = next; l.faults[level] != nil {
		delete(by.shown, level) // to be made whole next time
	}
}
