package live

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math"
	"slices"
	"testing"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/encoding/mvt"
	"github.com/paulmach/orb/geojson"

	"wangge/grids"
	"wangge/grids/disclosure"
	"wangge/grids/mesh"
	"wangge/tiles"
)

// features is what the tiles of a layer over the district hold for a class, as an independent decoder reads it, by id.
func features(t *testing.T, s *Sight, layer string, z int, within ...grids.Scope) map[uint64]*geojson.Feature {
	t.Helper()
	out := map[uint64]*geojson.Feature{}
	for _, r := range tiles.Over(s.State().Territory().District.Geometry.Bound(), z) {
		r.Layers, r.Within = []string{layer}, within
		tile, err := s.Tiles().Tile(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if tile.Empty {
			continue
		}
		zr, err := gzip.NewReader(bytes.NewReader(tile.Gzip))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(zr)
		if err != nil {
			t.Fatal(err)
		}
		layers, err := mvt.Unmarshal(raw)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range layers[0].Features {
			out[uint64(f.ID.(float64))] = f
		}
	}
	return out
}

// shownAs fails unless v is n as the rule says it: below K nothing, else a number or the band that holds it.
func shownAs(t *testing.T, what string, v disclosure.Value, n, k int, bands bool) {
	t.Helper()
	switch {
	case n == 0:
		if v != disclosure.Zero() {
			t.Errorf("%s: 0 is shown as %v", what, v)
		}
	case n < k:
		if v != disclosure.Suppressed() {
			t.Errorf("%s: %d is shown as %v", what, n, v)
		}
	case !bands:
		if v != disclosure.Number(float64(n)) {
			t.Errorf("%s: %d is shown as %v", what, n, v)
		}
	default:
		begin := []int{5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000}
		i := slices.IndexFunc(append(begin, math.MaxInt), func(b int) bool { return b > n }) - 1
		if v.State != disclosure.IsBand || v.N != float64(max(begin[i], k)) || i+1 < len(begin) && v.To != float64(begin[i+1]-1) {
			t.Errorf("%s: %d is shown as %v", what, n, v)
		}
	}
}

// Each class sees what the table of classes says, in the figures and in the tiles: numbers or bands of casework from its K on, by its own
// cells; findings as they are, by cells, in bands or not at all; and those of the territory alone nothing that happens in it.
func TestWhatEachClassSees(t *testing.T) {
	d := chongming(t, 3000)
	d.newFindings(t, 40)
	v := fresh(t, d.view(t))
	exact := v.Sight(grids.ClassCommand)
	rules := map[grids.Class]struct {
		k, finest int
		bands     bool
	}{grids.ClassCommand: {3, 8, false}, grids.ClassField: {5, 8, true}, grids.ClassVillage: {5, 7, true}, grids.ClassBands: {10, 6, true}}
	for class, rule := range rules {
		s := v.Sight(class)
		estimates, known := s.State().ground.share(v.memory.casework.of(class), s.State().Window), 0
		for _, level := range Levels() {
			for i, u := range s.State().Units(level) {
				what := fmt.Sprint(class, " ", level, " ", u.Code)
				n := int(math.Round(estimates[place{level, u.Code}]))
				if u.Cases.State != disclosure.IsSuppressed || n >= rule.k {
					shownAs(t, what, u.Cases, n, rule.k, rule.bands)
					known++
				}
				all := exact.State().Units(level)[i]
				open, confirmed := int(all.FindingsOpen.N), int(all.FindingsConfirmed.N)
				switch {
				case class == grids.ClassCommand || class == grids.ClassField:
					shownAs(t, what, u.FindingsOpen, open, 0, false)
					shownAs(t, what, u.FindingsConfirmed, confirmed, 0, false)
				case class == grids.ClassVillage || level == "towns":
					shownAs(t, what, u.FindingsOpen, open, rule.k, true)
					shownAs(t, what, u.FindingsConfirmed, confirmed, rule.k, true)
				default:
					if u.FindingsOpen != disclosure.NoData() || u.FindingsConfirmed != disclosure.NoData() {
						t.Errorf("%s: findings %v, %v", what, u.FindingsOpen, u.FindingsConfirmed)
					}
				}
				if _, ranked := u.Risk.Value.Known(); class == grids.ClassBands && (ranked || u.Risk.Value != disclosure.NoData()) {
					t.Errorf("%s: risk %v", what, u.Risk.Value)
				}
				if u.Survey != all.Survey || u.CertifiedShare != all.CertifiedShare || u.Status != all.Status {
					t.Errorf("%s: survey %v, share %v, status %v", what, u.Survey, u.CertifiedShare, u.Status)
				}
			}
		}
		if known == 0 {
			t.Errorf("%s sees no casework", class)
		}
		finest := 0.0
		for _, f := range features(t, s, tiles.Heat, 12) {
			n, _ := f.Properties["cases"].(float64)
			_, band := f.Properties["cases_to"]
			if finest = max(finest, f.Properties["res"].(float64)); int(n) < rule.k || band != rule.bands && n < 5000 {
				t.Errorf("%s: heat %v", class, f.Properties)
			}
		}
		if int(finest) != rule.finest {
			t.Errorf("%s sees heat of resolution %v, want %d", class, finest, rule.finest)
		}
		for _, level := range Levels() {
			sameAttributes(t, s, level)
		}
	}
	nothingHappens(t, v.Sight(grids.ClassGround), exact)
	if v.Sight("no such class") != v.Sight(grids.ClassGround) {
		t.Error("a class that does not exist sees more than the territory")
	}
}

// sameAttributes holds what the tiles of a level say to what the figures say.
func sameAttributes(t *testing.T, s *Sight, level string) {
	t.Helper()
	key := "code"
	if level == "cells" {
		key = "id"
	}
	rows := features(t, s, level, 12)
	for _, f := range rows {
		u, ok := s.State().Unit(level, f.Properties[key].(string))
		if !ok {
			t.Fatalf("%s: %v is no unit", s.class, f.Properties)
		}
		for name, v := range map[string]disclosure.Value{"cases": u.Cases, "findings_open": u.FindingsOpen, "findings_confirmed": u.FindingsConfirmed, "risk": Round(u.Risk.Value, RiskDecimals), "density": Round(u.Density, DensityDecimals)} {
			n, known := v.Known()
			if got, shown := f.Properties[name].(float64); known != shown || got != n {
				t.Errorf("%s, %s %s: %s is %v, want %v", s.class, level, u.Code, name, f.Properties[name], v)
			}
		}
		if to, _ := f.Properties["cases_to"].(float64); to != u.Cases.To || f.Properties["cases_state"] != string(u.Cases.State) {
			t.Errorf("%s, %s %s: to %v, %v, want %v", s.class, level, u.Code, to, f.Properties["cases_state"], u.Cases)
		}
	}
	if want := len(s.State().Units(level)); len(rows) != want {
		t.Errorf("%s: %d %s in the tiles, want %d", s.class, len(rows), level, want)
	}
}

// nothingHappens fails when readers of the territory alone learn of anything else.
func nothingHappens(t *testing.T, s, all *Sight) {
	t.Helper()
	none := disclosure.NoData()
	for _, level := range Levels() {
		for i, u := range s.State().Units(level) {
			is := all.State().Units(level)[i]
			if u.Code != is.Code || u.Name != is.Name || u.AreaKm2 != is.AreaKm2 || u.TownCode != is.TownCode || u.Kind != is.Kind || u.Bound != is.Bound {
				t.Errorf("the territory is another: %+v", u)
			}
			if u.Cases != none || u.Density != none || u.Estimate != 0 || u.FindingsOpen != none || u.FindingsConfirmed != none || u.Survey != none || u.CertifiedShare != none || u.Status != "" || u.Risk.Value != none {
				t.Errorf("%s %s: %+v", level, u.Code, u)
			}
		}
		rows := features(t, s, level, 12)
		for _, f := range rows {
			for name := range f.Properties {
				if !slices.Contains([]string{"id", "code", "name", "kind", "town", "town_code", "area_km2"}, name) {
					t.Errorf("%s: tiles say %s: %v", level, name, f.Properties[name])
				}
			}
		}
		if len(rows) != len(s.State().Units(level)) || len(rows) == 0 {
			t.Errorf("%d %s in the tiles", len(rows), level)
		}
	}
	for _, layer := range []string{tiles.Heat, tiles.Hexagons, tiles.Findings, "surveys"} {
		if n := len(features(t, s, layer, 10)); n != 0 {
			t.Errorf("%d features of %s", n, layer)
		}
	}
	if s.Tiles().Cube().Told() != 0 || s.rule.K != 0 {
		t.Errorf("%d events are told by %+v", s.Tiles().Cube().Told(), s.rule)
	}
	told, ok := s.Told("towns", s.State().Units("towns")[0].Code, tiles.Filter{})
	if !ok || told.Value != none || len(told.ByCell) > 0 || told.Wider {
		t.Errorf("told %+v", told)
	}
}

// Readers with an area see the findings in it where they are and the others by cell; command sees all of them, bands and ground none.
func TestFindingsByArea(t *testing.T) {
	d := chongming(t, 300)
	v := fresh(t, d.view(t))
	town := v.State().Territory().Towns[0].Code
	mine := grids.Scope{Level: grids.LevelTowns, Code: town}
	all := features(t, v.Sight(grids.ClassCommand), tiles.Findings, 12)
	inside := 0
	for _, f := range v.memory.findings {
		if f.places[0].code == town {
			inside++
		}
	}
	if len(all) != len(v.memory.findings) || inside == 0 || inside == len(all) {
		t.Fatalf("%d findings of %d, %d in the town", len(all), len(v.memory.findings), inside)
	}
	for _, class := range []grids.Class{grids.ClassField, grids.ClassVillage} {
		s := v.Sight(class)
		for _, scopes := range [][]grids.Scope{nil, {mine}} {
			exact, cells := 0, map[string]bool{}
			for id, f := range features(t, s, tiles.Findings, 12, scopes...) {
				if was, ok := all[id]; ok {
					if exact++; v.memory.findings[id].places[0].code != town || scopes == nil || f.Properties["id"] != was.Properties["id"] {
						t.Errorf("%s: finding %v is shown", class, f.Properties)
					}
					continue
				}
				cells[f.Properties["cell"].(string)] = true
				for name := range f.Properties {
					if !slices.Contains([]string{"cell", "state", "findings", "findings_to"}, name) {
						t.Errorf("%s: a cell says %s", class, name)
					}
				}
				if n, ok := f.Properties["findings"].(float64); ok && (n < 5 || f.Properties["findings_to"].(float64) < n) {
					t.Errorf("%s: %v", class, f.Properties)
				}
			}
			want := map[string]bool{}
			for _, f := range v.memory.findings {
				if scopes == nil || f.places[0].code != town {
					cell, err := mesh.At(f.row.Geometry.Bound().Center(), s.findingsRes())
					if err != nil {
						t.Fatal(err)
					}
					want[cell.String()] = true
				}
			}
			if scopes != nil && exact != inside || fmt.Sprint(cells) != fmt.Sprint(want) {
				t.Errorf("%s %v: %d of %d findings where they are, %d cells, want %d", class, scopes, exact, inside, len(cells), len(want))
			}
		}
	}
	for _, class := range []grids.Class{grids.ClassBands, grids.ClassGround} {
		if n := len(features(t, v.Sight(class), tiles.Findings, 12)); n > 0 {
			t.Errorf("%s sees %d findings", class, n)
		}
	}
}

// Of a plot that lies across borders of cells, those who see it by cells learn of its middle's alone: otherwise they would know that it
// lies on the border. Whoever sees it where it is gets new tiles all over it.
func TestAPlotAcrossCellsIsToldByOne(t *testing.T) {
	d := chongming(t, 30)
	v := fresh(t, d.view(t))
	ears := listen(v)
	f := d.finding()
	c := orb.Point{121.42, 31.64}
	town, _, _, ok := d.places.Locate(c)
	if !ok {
		t.Fatal("not in the district")
	}
	const w, h = 0.015, 0.001 // degrees: longer than a cell of resolution 8, and not more than a plot may be
	f.Geometry = orb.Polygon{{{c[0] - w, c[1] - h}, {c[0] + w, c[1] - h}, {c[0] + w, c[1] + h}, {c[0] - w, c[1] + h}, {c[0] - w, c[1] - h}}}
	sight := v.Sight(grids.ClassField)
	var corners []seen
	for _, p := range f.Geometry.(orb.Polygon)[0][:4] {
		r := tiles.Over(orb.Bound{Min: p, Max: p}, 16)[0]
		r.Layers, r.Within = []string{tiles.Findings}, []grids.Scope{{Level: grids.LevelTowns, Code: town}}
		tile, err := sight.Tiles().Tile(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		corners = append(corners, seen{r, sight.class, tile.ETag})
	}
	if _, created, _, err := d.Mark(t.Context(), grids.Operator, f); err != nil || !created {
		t.Fatal(err)
	}
	fresh(t, v)
	for _, class := range []grids.Class{grids.ClassField, grids.ClassVillage} {
		s := v.Sight(class)
		cell, err := mesh.At(f.Geometry.Bound().Center(), s.findingsRes())
		if err != nil {
			t.Fatal(err)
		}
		whole, _ := tiles.GroundOf(tiles.Findings, cell).Bounds()
		if bounds, ok := markTold(t, s, ears[class].events); !ok || len(bounds) != 1 || bounds[0] != whole {
			t.Errorf("%s: told of %v, want %v", class, bounds, whole)
		}
	}
	for _, was := range corners {
		if tile, err := sight.Tiles().Tile(t.Context(), was.Request); err != nil || tile.ETag == was.tag {
			t.Errorf("the tile %d/%d/%d is as before, %v", was.Z, was.X, was.Y, err)
		}
	}
}

// What is shared out to the units is what was released, no more and no less, on every level; what is told of one unit is its share.
func TestSharesSumToWhatIsTold(t *testing.T) {
	d := chongming(t, 3000)
	v := fresh(t, d.view(t))
	for _, s := range v.sights[:len(v.sights)-1] {
		st := s.State()
		total := 0.0
		for _, g := range v.memory.casework.of(s.class).Groups() {
			if st.ground.landM2[g.Cell] > 0 && g.From >= st.Window.From && g.To <= st.Window.To {
				total += float64(g.N)
			}
		}
		for _, level := range Levels() {
			sum := 0.0
			for _, u := range st.Units(level) {
				sum += u.Estimate
			}
			if math.Abs(sum-total) > 1e-9*total || total == 0 {
				t.Errorf("%s: %v events in the %s, told are %v", s.class, sum, level, total)
			}
			for i, u := range st.Units(level) {
				if i%7 > 0 {
					continue
				}
				told, ok := s.Told(level, u.Code, tiles.Filter{Period: st.Window})
				parts := 0.0
				for res, part := range told.ByCell {
					if parts += part; res < disclosure.CoarsestCell || res > s.rule.Finest || part <= 0 {
						t.Errorf("%s, %s %s: %v of it by cells of resolution %d", s.class, level, u.Code, part, res)
					}
				}
				if !ok || told.Value != u.Cases || len(told.ByCell) > 0 && math.Abs(parts-1) > 1e-9 || (len(told.ByCell) > 0) != (u.Estimate > 0) {
					t.Errorf("%s, %s %s: told %+v, shown %v of %v", s.class, level, u.Code, told, u.Cases, u.Estimate)
				}
			}
		}
		if _, ok := s.Told("towns", "no such town", tiles.Filter{}); ok {
			t.Error("a town that does not exist is told of")
		}
	}
}

// square is an outline of some degrees.
func square(west, south, east, north float64) orb.MultiPolygon {
	return orb.MultiPolygon{{{{west, south}, {east, south}, {east, north}, {west, north}, {west, south}}}}
}

// A group is shared out by the land of its cell, a coarse one over all its land, and of a unit that lies in several cells each gives its
// part. Groups that reach out of the window, and those at sea, are not in it.
func TestShareIsByLand(t *testing.T) {
	top, err := mesh.At(orb.Point{121.5, 31.62}, 7)
	if err != nil {
		t.Fatal(err)
	}
	b := top.Boundary().Bound()
	mid := b.Center()
	for _, villages := range []bool{true, false} {
		terr := grids.Territory{District: grids.District{Geometry: square(b.Min[0], b.Min[1], b.Max[0], b.Max[1])},
			Towns: []grids.Town{{Code: "1", Geometry: square(b.Min[0], b.Min[1], mid[0], b.Max[1])}, {Code: "2", Geometry: square(mid[0], b.Min[1], b.Max[0], b.Max[1])}},
			Grids: []grids.Grid{{Code: "w", TownCode: "1", Geometry: square(b.Min[0], b.Min[1], mid[0], b.Max[1])}, {Code: "e", TownCode: "2", Geometry: square(mid[0], b.Min[1], b.Max[0], b.Max[1])}}}
		if villages {
			terr.Villages = []grids.Village{{Code: "v1", TownCode: "1", Geometry: terr.Towns[0].Geometry}, {Code: "v2", TownCode: "2", Geometry: terr.Towns[1].Geometry}}
		}
		g := newGround(terr, nil)
		if err := g.cover(); err != nil {
			t.Fatal(err)
		}
		sea, _ := mesh.At(orb.Point{123, 31}, 8)
		fine := top.Children(8)[0]
		rel := disclosure.NewRelease(disclosure.RuleOf(grids.ClassCommand, 3))
		rel.Take(disclosure.Step{Closed: 24320, Came: 100, In: []disclosure.Group{{Cell: top, From: 24300, To: 24300, Kinds: 2, N: 30}, {Cell: fine, From: 24300, To: 24300, Kinds: 2, N: 12},
			{Cell: fine, From: 24299, To: 24299, Kinds: 2, N: 50}, {Cell: sea, From: 24300, To: 24300, Kinds: 2, N: 8}}})
		e := g.share(rel, grids.Period{From: 24300, To: 24310})
		land := func(in func(groundCell) bool) (m2 float64) {
			for _, c := range g.cells {
				if in(c) {
					m2 += c.landM2
				}
			}
			return m2
		}
		inTop := land(func(c groundCell) bool { return c.cell.Parent(7) == top })
		sum, far := 0.0, 0.0
		for _, c := range g.cells {
			want := 0.0
			if c.cell.Parent(7) == top {
				want = 30 * c.landM2 / inTop
			}
			if c.cell == fine {
				want += 12
			}
			got := e[place{"cells", c.code}]
			if sum, far = sum+got, max(far, math.Abs(got-want)); far > 1e-9 {
				t.Fatalf("cell %s has %v, want %v", c.code, got, want)
			}
		}
		if math.Abs(sum-42) > 1e-9 || math.Abs(e[place{"towns", "1"}]+e[place{"towns", "2"}]-42) > 1e-9 || math.Abs(e[place{"grids", "w"}]+e[place{"grids", "e"}]-42) > 1e-9 {
			t.Errorf("villages %v: %v in the cells, %v and %v in the towns, %v and %v in the grids", villages, sum, e[place{"towns", "1"}], e[place{"towns", "2"}], e[place{"grids", "w"}], e[place{"grids", "e"}])
		}
		if east := e[place{"towns", "2"}]; east < 5 || east > 37 {
			t.Errorf("the east has %v", east)
		}
		for at, n := range e {
			w, got := g.weigher(at), 0.0
			for _, group := range rel.Groups() {
				if group.From == 24300 {
					got += float64(group.N) * w.weight(group.Cell)
				}
			}
			if math.Abs(got-n) > 1e-9 {
				t.Errorf("villages %v: %v has %v by weight, %v of the shares", villages, at, got, n)
			}
		}
		if none := g.share(nil, grids.Period{}); len(none) > 0 {
			t.Errorf("without a release: %v", none)
		}
	}
}

// The window of the figures begins with the January in which the months that the risk index looks at begin.
func TestTheWindowBeginsInJanuary(t *testing.T) {
	for _, c := range []struct {
		today    string
		n        int
		from, to string
	}{{"2026-06-15", 12, "2025-01", "2026-05"}, {"2026-12-31", 12, "2025-01", "2026-11"}, {"2027-01-01", 12, "2026-01", "2026-12"}, {"2026-01-01", 1, "2025-01", "2025-12"},
		{"2026-06-15", 17, "2025-01", "2026-05"}, {"2026-06-15", 18, "2024-01", "2026-05"}} {
		if w := window(dayOf(t, c.today), c.n); w.From.String() != c.from || w.To.String() != c.to {
			t.Errorf("%d months on %s: %s to %s, want %s to %s", c.n, c.today, w.From, w.To, c.from, c.to)
		}
	}
}
