package demo

import (
	"encoding/json"
	"math"
	"math/rand/v2"
)

// point is a place in millionths of a degree, east and north. The boundaries have six decimals, so these are exact.
type point struct{ x, y float64 }

// Lengths of a metre in millionths of a degree at the latitude of Chongming (31.6° N).
const (
	metreX = 1e6 / 94810.0
	metreY = 1e6 / 110870.0
)

// margin is how far inside a boundary a place must lie, about half a metre in millionths of a degree: a change of
// datum there and back leaves it inside.
const margin = 5

// distanceM is the distance of two near places in metres.
func distanceM(p, q point) float64 { return math.Hypot((p.x-q.x)/metreX, (p.y-q.y)/metreY) }

// unit is the ground of one village or community.
type unit struct {
	code, town, grid string
	kind             string
	edges            [][2]point // of all its rings
	low, high        point      // its box
	seat             point      // a place well inside
}

// groundOf reads the villages, their seats and their grids.
func groundOf() []unit {
	grid := map[string]string{}
	for _, g := range features[properties]("grids_synthetic") {
		for _, code := range g.Properties.Units {
			grid[code] = g.Properties.Code
		}
	}
	seats := map[string]point{}
	for _, f := range features[properties]("unit_label_points") {
		var g struct{ Coordinates [2]float64 }
		if err := json.Unmarshal(f.Geometry, &g); err != nil {
			panic(err) // embedded: a fault of the build
		}
		seats[f.Properties.Code] = micro(g.Coordinates)
	}
	var units []unit
	for _, f := range features[properties]("units_synthetic") {
		p := f.Properties
		u := unit{code: p.Code, town: p.TownCode, kind: p.Kind, grid: grid[p.Code], seat: seats[p.Code]}
		u.outline(rings(f.Geometry))
		units = append(units, u)
	}
	return units
}

// micro is a position in millionths of a degree.
func micro(c [2]float64) point { return point{math.Round(c[0] * 1e6), math.Round(c[1] * 1e6)} }

// rings lists all rings of a GeoJSON polygon or multipolygon.
func rings(geometry json.RawMessage) [][][2]float64 {
	var g struct {
		Type        string
		Coordinates json.RawMessage
	}
	var polygons [][][][2]float64
	err := json.Unmarshal(geometry, &g)
	if err == nil && g.Type == "Polygon" {
		polygons = make([][][][2]float64, 1)
		err = json.Unmarshal(g.Coordinates, &polygons[0])
	} else if err == nil {
		err = json.Unmarshal(g.Coordinates, &polygons)
	}
	if err != nil {
		panic(err) // embedded: a fault of the build
	}
	var all [][][2]float64
	for _, p := range polygons {
		all = append(all, p...)
	}
	return all
}

// outline sets the edges and the box.
func (u *unit) outline(rings [][][2]float64) {
	u.low, u.high = point{math.Inf(1), math.Inf(1)}, point{math.Inf(-1), math.Inf(-1)}
	for _, ring := range rings {
		for i := 1; i < len(ring); i++ {
			p, q := micro(ring[i-1]), micro(ring[i])
			u.edges = append(u.edges, [2]point{p, q})
			u.low = point{min(u.low.x, p.x), min(u.low.y, p.y)}
			u.high = point{max(u.high.x, p.x), max(u.high.y, p.y)}
		}
	}
}

// holds reports whether p lies inside the unit, at least margin away from its boundary: the even-odd rule, exact
// because all numbers are whole and products stay below 2^53.
func (u *unit) holds(p point) bool {
	if p.x < u.low.x || p.x > u.high.x || p.y < u.low.y || p.y > u.high.y {
		return false
	}
	inside := false
	for i := range u.edges {
		a, b := u.edges[i][0], u.edges[i][1]
		if p.y < min(a.y, b.y)-margin || p.y > max(a.y, b.y)+margin || p.x > max(a.x, b.x)+margin {
			continue
		}
		if near(p, a, b) {
			return false
		}
		if (a.y > p.y) != (b.y > p.y) && ((b.x-a.x)*(p.y-a.y)-(p.x-a.x)*(b.y-a.y) > 0) == (b.y > a.y) {
			inside = !inside
		}
	}
	return inside
}

// near reports whether p is within margin of the edge ab.
func near(p, a, b point) bool {
	dx, dy := b.x-a.x, b.y-a.y
	t := 0.0
	if l := dx*dx + dy*dy; l > 0 {
		t = min(max(((p.x-a.x)*dx+(p.y-a.y)*dy)/l, 0), 1)
	}
	ex, ey := p.x-a.x-t*dx, p.y-a.y-t*dy
	return ex*ex+ey*ey < margin*margin
}

// somewhere is a place in the unit, every one as likely.
func (u *unit) somewhere(r *rand.Rand) point {
	for range 1000 {
		p := point{
			math.Round(u.low.x + r.Float64()*(u.high.x-u.low.x)),
			math.Round(u.low.y + r.Float64()*(u.high.y-u.low.y)),
		}
		if u.holds(p) {
			return p
		}
	}
	return u.seat
}

// around is a place in the unit near p, which lies in it: normally spread by so many metres, p itself when the
// spread keeps falling outside.
func (u *unit) around(r *rand.Rand, p point, spreadM float64) point {
	for range 6 {
		q := point{
			math.Round(p.x + r.NormFloat64()*spreadM*metreX),
			math.Round(p.y + r.NormFloat64()*spreadM*metreY),
		}
		if u.holds(q) {
			return q
		}
	}
	return p
}

// unitAt is the index of the unit that holds p, -1 for none.
func unitAt(units []unit, p point) int {
	for i := range units {
		if units[i].holds(p) {
			return i
		}
	}
	return -1
}
