package live

import (
	"context"
	"slices"
	"sync"

	"github.com/paulmach/orb"

	"wangge/grids"
	"wangge/grids/disclosure"
	"wangge/grids/mesh"
)

// ground is a territory with what is computed from it once: the look-up of places, and the H3 cells over it.
type ground struct {
	territory              grids.Territory
	towns, villages, grids *mesh.Locator
	townSet                map[grids.Code]bool
	townOfVillage, gridOf  map[grids.Code]grids.Code
	townOfGrid             map[grids.Code]grids.Code
	cells                  []groundCell
	landM2                 map[mesh.Cell]float64 // of the coarser cells that hold casework, down to the cells
	extents                map[place]extent
	cellOf                 sync.Map // place → int64
	homes                  sync.Map // level → Homes
}

// extent is how large a unit is and where.
type extent struct {
	m2    float64
	bound orb.Bound
}

// groundCell is an H3 cell over the district, with what it overlaps. Units are indexes into the territory's order.
type groundCell struct {
	cell            mesh.Cell
	code            string
	ring            orb.Ring
	landM2          float64 // of the cell inside the district
	villages, grids []part
}

type part struct {
	unit int
	m2   float64
}

func newGround(t grids.Territory, gridOf map[grids.Code]grids.Code) *ground {
	g := &ground{territory: t, gridOf: gridOf, townSet: map[grids.Code]bool{}, townOfVillage: map[grids.Code]grids.Code{}, townOfGrid: map[grids.Code]grids.Code{}, extents: map[place]extent{}}
	zones := make([]mesh.Zone, 0, len(t.Villages))
	note := func(level, code string, area orb.MultiPolygon) {
		g.extents[place{level, code}] = extent{mesh.AreaM2(area), area.Bound()}
	}
	for _, v := range t.Towns {
		note("towns", v.Code, v.Geometry)
		g.townSet[v.Code] = true
		zones = append(zones, mesh.Zone{Code: v.Code, Geometry: v.Geometry})
	}
	g.towns = mesh.NewLocator(zones)
	zones = zones[:0:0]
	for _, v := range t.Villages {
		note("villages", v.Code, v.Geometry)
		g.townOfVillage[v.Code] = v.TownCode
		zones = append(zones, mesh.Zone{Code: v.Code, Geometry: v.Geometry})
	}
	g.villages = mesh.NewLocator(zones)
	zones = zones[:0:0]
	for _, v := range t.Grids {
		note("grids", v.Code, v.Geometry)
		g.townOfGrid[v.Code] = v.TownCode
		zones = append(zones, mesh.Zone{Code: v.Code, Geometry: v.Geometry})
	}
	g.grids = mesh.NewLocator(zones)
	return g
}

// ReadPlaces reads the stored territory for looking places up. The error is NotFound when there is none.
func ReadPlaces(ctx context.Context, store Store) (grids.Places, error) {
	c, err := store.Read(ctx, grids.Versions{}, func(grids.Versions, []grids.Change) grids.Query { return grids.Query{Territory: true} })
	if err != nil {
		return nil, err
	}
	return newGround(c.Territory, c.GridOf), nil
}

// cover finds the cells over the district and what each overlaps.
func (g *ground) cover() error {
	over, err := mesh.Cover(g.territory.District.Geometry, cellResolution)
	if err != nil {
		return err
	}
	at := make(map[mesh.Cell]int, len(over))
	g.landM2 = map[mesh.Cell]float64{}
	for _, o := range over {
		at[o.Cell] = len(g.cells)
		for res := disclosure.CoarsestCell; res <= cellResolution; res++ {
			g.landM2[o.Cell.Parent(res)] += o.AreaM2
		}
		g.cells = append(g.cells, groundCell{cell: o.Cell, code: o.Cell.String(), ring: o.Cell.Boundary(), landM2: o.AreaM2})
	}
	add := func(unit int, geometry orb.MultiPolygon, list func(*groundCell) *[]part) error {
		over, err := mesh.Cover(geometry, cellResolution)
		for _, o := range over {
			if i, ok := at[o.Cell]; ok {
				p := list(&g.cells[i])
				*p = append(*p, part{unit, o.AreaM2})
			}
		}
		return err
	}
	for i, v := range g.territory.Villages {
		if err := add(i, v.Geometry, func(c *groundCell) *[]part { return &c.villages }); err != nil {
			return err
		}
	}
	for i, v := range g.territory.Grids {
		if err := add(i, v.Geometry, func(c *groundCell) *[]part { return &c.grids }); err != nil {
			return err
		}
	}
	return nil
}

// estimates is how many released events lie in each unit, as far as that can be said: those of a group are shared out over the land of
// its cell by area.
type estimates map[place]float64

// share shares the groups of a release that lie in the window out to the units of all levels. It is made of released groups and of the
// ground alone, so nothing can be worked out from it that the groups do not say. The release may be nil.
func (g *ground) share(r *disclosure.Release, window grids.Period) estimates {
	if r == nil {
		return estimates{}
	}
	sums := map[mesh.Cell]float64{}
	for _, group := range r.Groups() {
		if group.Told(window, disclosure.AllKinds()) {
			sums[group.Cell] += float64(group.N)
		}
	}
	return g.spread(sums)
}

// spread shares sums by cell out over the land of each, and from there to the units of all levels.
func (g *ground) spread(sums map[mesh.Cell]float64) estimates {
	e := estimates{}
	for _, c := range g.cells {
		n := 0.0
		for res := disclosure.CoarsestCell; res <= cellResolution; res++ {
			if up := c.cell.Parent(res); sums[up] > 0 {
				n += sums[up] * c.landM2 / g.landM2[up]
			}
		}
		if n == 0 {
			continue
		}
		e[place{"cells", c.code}] = n
		e.part(n, c.villages, func(i int) []place {
			v := g.territory.Villages[i]
			return []place{{"villages", v.Code}, {"towns", v.TownCode}}
		})
		e.part(n, c.grids, func(i int) []place {
			v := g.territory.Grids[i]
			if len(g.territory.Villages) > 0 {
				return []place{{"grids", v.Code}}
			}
			return []place{{"grids", v.Code}, {"towns", v.TownCode}}
		})
	}
	return e
}

// part shares n out over parts by their area.
func (e estimates) part(n float64, parts []part, units func(int) []place) {
	all := 0.0
	for _, p := range parts {
		all += p.m2
	}
	for _, p := range parts {
		for _, u := range units(p.unit) {
			e[u] += n * p.m2 / all
		}
	}
}

// weigher says what part of the events of a group lies in one unit.
type weigher struct {
	g  *ground
	m2 map[mesh.Cell]float64 // of the unit, in cells of every resolution
}

// weigher is nil when there is no such unit.
func (g *ground) weigher(at place) *weigher {
	w := &weigher{g, map[mesh.Cell]float64{}}
	for _, c := range g.cells {
		part := 0.0
		switch at.level {
		case "cells":
			if c.code == at.code {
				part = 1
			}
		case "grids":
			part = partOf(c.grids, func(i int) bool { return g.territory.Grids[i].Code == at.code })
		case "villages":
			part = partOf(c.villages, func(i int) bool { return g.territory.Villages[i].Code == at.code })
		case "towns":
			if part = partOf(c.villages, func(i int) bool { return g.territory.Villages[i].TownCode == at.code }); len(g.territory.Villages) == 0 {
				part = partOf(c.grids, func(i int) bool { return g.territory.Grids[i].TownCode == at.code })
			}
		}
		for res := disclosure.CoarsestCell; part > 0 && res <= cellResolution; res++ {
			w.m2[c.cell.Parent(res)] += part * c.landM2
		}
	}
	return w
}

// partOf is the part of the overlapped ground that belongs to some units.
func partOf(parts []part, of func(int) bool) float64 {
	some, all := 0.0, 0.0
	for _, p := range parts {
		if all += p.m2; of(p.unit) {
			some += p.m2
		}
	}
	if all == 0 {
		return 0
	}
	return some / all
}

// weight is the part of the events of a group that is shared out to the unit, 0…1.
func (w *weigher) weight(c mesh.Cell) float64 {
	if m2 := w.m2[c]; m2 > 0 {
		return m2 / w.g.landM2[c]
	}
	return 0
}

// Locate implements grids.Places. A point that a village but no grid covers has the grid "".
func (g *ground) Locate(p orb.Point) (town, village, grid grids.Code, ok bool) {
	t, inTown := g.towns.Locate(p)
	if !inTown {
		return "", "", "", false
	}
	town = g.territory.Towns[t].Code
	if i, ok := g.villages.Locate(p); ok {
		village = g.territory.Villages[i].Code
	}
	if i, ok := g.grids.Locate(p); ok {
		grid = g.territory.Grids[i].Code
	}
	return town, village, grid, true
}

// Village implements grids.Places.
func (g *ground) Village(code grids.Code) (town, grid grids.Code, ok bool) {
	town, ok = g.townOfVillage[code]
	return town, g.gridOf[code], ok
}

// Grid implements grids.Places.
func (g *ground) Grid(code grids.Code) (town grids.Code, ok bool) {
	town, ok = g.townOfGrid[code]
	return town, ok
}

// CellOf implements grids.Places.
func (g *ground) CellOf(level grids.Level, code grids.Code) int64 {
	at := place{string(level), code}
	if c, ok := g.cellOf.Load(at); ok {
		return c.(int64)
	}
	area, ok := g.outline(at)
	if !ok {
		return 0
	}
	best := mesh.Overlap{}
	over, _ := mesh.Cover(area, areaResolution) // an area that no cell covers has none
	for _, o := range over {
		if o.AreaM2 > best.AreaM2 {
			best = o
		}
	}
	g.cellOf.Store(at, int64(best.Cell))
	return int64(best.Cell)
}

// areaResolution is the H3 resolution by which an event is known of which only the village or the grid is.
const areaResolution = 7

// outline is the ground of a village or grid.
func (g *ground) outline(at place) (orb.MultiPolygon, bool) {
	switch grids.Level(at.level) {
	case grids.LevelVillages:
		if i := slices.IndexFunc(g.territory.Villages, func(v grids.Village) bool { return v.Code == at.code }); i >= 0 {
			return g.territory.Villages[i].Geometry, true
		}
	case grids.LevelGrids:
		if i := slices.IndexFunc(g.territory.Grids, func(v grids.Grid) bool { return v.Code == at.code }); i >= 0 {
			return g.territory.Grids[i].Geometry, true
		}
	}
	return nil, false
}

// Town implements grids.Places.
func (g *ground) Town(code grids.Code) bool { return g.townSet[code] }

// Cell implements grids.Places: the cell at resolution 12, 0 off the earth.
func (g *ground) Cell(p orb.Point) int64 {
	c, err := mesh.At(p, 12)
	if err != nil {
		return 0
	}
	return int64(c)
}

var _ grids.Places = (*ground)(nil)

// Name is the name of a unit, "" when there is none.
func (s *State) Name(level, code string) string {
	u, _ := s.Unit(level, code)
	return u.Name
}
