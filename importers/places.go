package importers

import (
	"fmt"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/geo"
	"github.com/paulmach/orb/planar"

	"wangge/grids"
	"wangge/importers/crs"
)

// place is where something happened.
type place struct {
	town, village, grid grids.Code
}

// stray counts the points inside and outside the district, and keeps some of those outside as the file gives them.
type stray struct {
	inside, outside int
	raw             []orb.Point
}

// keptStray is how many points outside are kept, to guess from them what went wrong.
const keptStray = 200

// locate finds the place of a point in the district.
func (r *row) locate(p orb.Point) (at place, ok bool) {
	if at.town, at.village, at.grid, ok = r.Places.Locate(p); ok {
		r.stray.inside++
		return at, true
	}
	r.strayed(wrong("outside_district", "该点不在区内", "the point lies outside the district").of(degrees(p)))
	return at, false
}

// strayed reports a point that is not in the district for the reason p, or because its axes are swapped.
func (r *row) strayed(p *problem) {
	r.stray.outside++
	raw := r.rec.raw
	if raw == (orb.Point{}) {
		r.failPlace(p)
		return
	}
	if len(r.stray.raw) < keptStray {
		r.stray.raw = append(r.stray.raw, raw)
	}
	if r.fits(r.src.crs, orb.Point{raw[1], raw[0]}) {
		p = wrong("axes_swapped", "经度与纬度颠倒：交换后落在区内", "longitude and latitude are swapped: the other way round the point lies in the district")
	}
	r.failPlace(p.of(fmt.Sprintf("%v %v", raw[0], raw[1])))
}

// degrees writes a position for a finding.
func degrees(p orb.Point) string { return fmt.Sprintf("%.6f %.6f", p[0], p[1]) }

// failPlace reports an error in the coordinates, under the column they came from.
func (r *row) failPlace(p *problem) {
	column := ""
	for _, f := range [...]field{fieldLon, fieldWKT} {
		if r.src.place[f] >= 0 && column == "" {
			column = r.src.columns[r.src.place[f]]
		}
	}
	r.bad = true
	r.report(Error, column, "", p)
}

// fits reports whether a point of the file, read in the system c, lies in the district.
func (r *row) fits(c crs.CRS, raw orb.Point) bool {
	if r.Places == nil {
		return false
	}
	p, err := c.ToWGS84(raw)
	if err != nil || !inRange(p.Bound()) {
		return false
	}
	_, _, _, ok := r.Places.Locate(p)
	return ok
}

// end closes a reading: when more than half of the points lie outside, it says what may be the cause.
func (r *row) end() {
	n := r.stray.inside + r.stray.outside
	if 2*r.stray.outside <= n {
		return
	}
	p := wrong("implausible_coordinates", "有 %d 个点（共 %d 个）不在区内：坐标来自地图软件（试 GCJ-02）？坐标轴颠倒？属于另一个投影带？",
		"%d of %d points lie outside the district: are they from a map app (try GCJ-02), are the axes swapped, is it another zone?", r.stray.outside, n)
	if name, swapped := r.guess(); name != "" {
		order := grids.Text{}
		if swapped {
			order = grids.Text{ZH: "（交换坐标轴）", EN: " with the axes swapped"}
		}
		p.text.ZH += "按 " + name + order.ZH + " 读取时多数点落在区内。"
		p.text.EN += " Read as " + name + order.EN + ", most of them lie inside."
	}
	r.rep.about("", p)
}

// guess finds the coordinate system in which most of the stray points lie in the district, "" when none does.
func (r *row) guess() (name string, swapped bool) {
	best := len(r.stray.raw) * 8 / 10
	for _, c := range crs.Known() {
		var direct, reverse int
		for _, p := range r.stray.raw {
			if r.fits(c, p) {
				direct++
			}
			if r.fits(c, orb.Point{p[1], p[0]}) {
				reverse++
			}
		}
		if direct > best && c != r.src.crs {
			best, name, swapped = direct, c.String(), false
		}
		if reverse > best {
			best, name, swapped = reverse, c.String(), true
		}
	}
	return name, swapped
}

// event finds the place of a casework event from its point, else its village, else its grid.
func (r *row) event(e *grids.CaseEvent) {
	village, ok1 := r.code(fieldVillage, parseCode)
	grid, ok2 := r.code(fieldGrid, parseGridCode)
	point, has, ok3 := r.point()
	switch {
	case !ok1 || !ok2 || !ok3:
	case has:
		r.eventAt(e, point, village, grid)
	case village != "":
		e.VillageCode = village
		e.TownCode, e.GridCode = r.village(village, grid)
		e.Cell = r.Places.CellOf(grids.LevelVillages, village)
	case grid != "":
		e.GridCode, e.TownCode = grid, r.grid(grid)
		e.Cell = r.Places.CellOf(grids.LevelGrids, grid)
	default:
		r.fail(fieldVillage, wrong("no_place", "没有地点：请给出坐标、村居代码或网格代码", "there is no place: give coordinates, a village code or a grid code"))
	}
}

// point is the row's point, if it has one; ok is false for a geometry that is no point or was lost.
func (r *row) point() (p orb.Point, has, ok bool) {
	switch g := r.rec.Geometry.(type) {
	case nil:
		return p, false, !r.lost
	case orb.Point:
		return g, true, true
	case orb.MultiPoint:
		if len(g) == 1 {
			return g[0], true, true
		}
	}
	r.failPlace(wrong("geometry_type", "须为单个点，而不是 %s", "one point is needed, not a %s", r.rec.Geometry.GeoJSONType()))
	return p, false, false
}

// eventAt fills in what follows from the point, and warns where the codes beside it say otherwise.
func (r *row) eventAt(e *grids.CaseEvent, p orb.Point, village, grid grids.Code) {
	at, ok := r.locate(p)
	if !ok {
		return
	}
	r.mismatch(fieldVillage, village, at.village)
	r.mismatch(fieldGrid, grid, at.grid)
	e.Point, e.Cell = &orb.Point{p[0], p[1]}, r.Places.Cell(p)
	e.TownCode, e.VillageCode, e.GridCode = at.town, at.village, at.grid
}

// mismatch warns when a code beside a point is not that of the place where the point lies.
func (r *row) mismatch(f field, given, found grids.Code) {
	if given != "" && given != found {
		r.warn(f, wrong("place_mismatch", "代码与坐标不一致：该点位于 %s，以坐标为准", "the code and the coordinates disagree: the point lies in %s, which was taken", orNone(found)))
	}
}

// orNone is a code as it is named in a sentence.
func orNone(code grids.Code) string {
	if code == "" {
		return "—"
	}
	return code
}

// village looks a village up, with the grid that the row gives beside it or that follows.
func (r *row) village(code, given grids.Code) (town, grid grids.Code) {
	town, grid, ok := r.Places.Village(code)
	if !ok {
		r.fail(fieldVillage, wrong("unknown_code", "没有这个村居代码", "no village has this code"))
		return "", ""
	}
	if given == "" {
		return town, grid
	}
	if of := r.grid(given); of != "" && of != town {
		r.fail(fieldGrid, wrong("place_mismatch", "网格与村居不在同一乡镇", "the grid and the village lie in different towns"))
	}
	return town, given
}

// grid looks a grid up.
func (r *row) grid(code grids.Code) (town grids.Code) {
	town, ok := r.Places.Grid(code)
	if !ok {
		r.fail(fieldGrid, wrong("unknown_code", "没有这个网格代码", "no grid has this code"))
	}
	return town
}

// plot is the geometry of a finding, a point or one polygon, with its place.
func (r *row) plot() (orb.Geometry, place) {
	g := r.rec.Geometry
	switch t := g.(type) {
	case nil:
		if !r.lost {
			r.failPlace(wrong("no_place", "没有地点：请给出坐标或地块图形", "there is no place: give coordinates or an outline"))
		}
		return nil, place{}
	case orb.MultiPolygon:
		if len(t) == 1 {
			g = t[0]
		}
	case orb.MultiPoint:
		if len(t) == 1 {
			g = t[0]
		}
	}
	switch t := g.(type) {
	case orb.Point:
		at, _ := r.locate(t)
		return t, at
	case orb.Polygon:
		at, _ := r.locate(inner(t))
		return t, at
	}
	r.failPlace(wrong("geometry_type", "须为点或单个面，而不是 %s", "a point or one polygon is needed, not a %s", g.GeoJSONType()))
	return nil, place{}
}

// inner is a point to look a plot up by: its centroid, or a corner where the centroid falls outside a bent plot.
func inner(p orb.Polygon) orb.Point {
	c, _ := planar.CentroidArea(p)
	if planar.PolygonContains(p, c) {
		return c
	}
	return p[0][0]
}

// area is the area of a plot in m², 0 for a point.
func area(g orb.Geometry) float64 { return geo.Area(g) }

// region is the geometry of a unit of territory.
func (r *row) region() orb.MultiPolygon {
	switch g := r.rec.Geometry.(type) {
	case orb.MultiPolygon:
		return g
	case orb.Polygon:
		return orb.MultiPolygon{g}
	case nil:
		if !r.lost {
			r.failPlace(wrong("no_geometry", "没有图形：需要面", "there is no geometry: a polygon is needed"))
		}
	default:
		r.failPlace(wrong("geometry_type", "须为面，而不是 %s", "a polygon is needed, not a %s", g.GeoJSONType()))
	}
	return nil
}
