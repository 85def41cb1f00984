package live

import (
	"context"

	"github.com/paulmach/orb"

	"wangge/grids"
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
	extents                map[place]extent
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
	for _, o := range over {
		at[o.Cell] = len(g.cells)
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
