package importers

import (
	"math"
	"slices"
	"strings"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/encoding/wkt"
)

// note is a problem met while a row's geometry was read: an error (the geometry is then nil) or a repair.
type note struct {
	severity Severity
	field    string // the column, "" for the geometry itself
	*problem
}

// shape reads the geometry of a record: from its coordinate columns if the format brought none, repaired where a
// repair is certain, in WGS 84.
func (s *Source) shape(rec *Record) {
	if rec.Geometry == nil && len(rec.notes) == 0 {
		s.shapeFromColumns(rec)
	}
	if rec.Geometry == nil {
		return
	}
	if p, ok := rec.Geometry.(orb.Point); ok {
		s.shapePoint(rec, p)
		return
	}
	g, notes := clean(rec.Geometry)
	rec.notes = append(rec.notes, notes...)
	if g != nil && !s.plain {
		g = s.project(rec, g)
	}
	if rec.Geometry = g; g != nil && !inRange(g.Bound()) {
		rec.spoil("", outOfRange(s.plain))
	}
}

// shapePoint is shape for the most frequent geometry.
func (s *Source) shapePoint(rec *Record, p orb.Point) {
	rec.raw = p
	if math.IsNaN(p[0]+p[1]) || math.IsInf(p[0]+p[1], 0) {
		rec.spoil("", badCoordinate())
		return
	}
	if !s.plain {
		q, err := s.crs.ToWGS84(p)
		if err != nil {
			rec.spoil("", s.unprojectable(err))
			return
		}
		p = q
		rec.Geometry = p
	}
	if !inRange(p.Bound()) {
		rec.spoil("", outOfRange(s.plain))
	}
}

// project turns a geometry into WGS 84, nil with a note when it cannot be.
func (s *Source) project(rec *Record, g orb.Geometry) orb.Geometry {
	out, err := s.crs.Geometry(g)
	if err != nil {
		rec.spoil("", s.unprojectable(err))
		return nil
	}
	return out
}

// unprojectable says that coordinates do not fit the coordinate system they were read in.
func (s *Source) unprojectable(err error) *problem {
	return wrong("bad_projection", "坐标不符合坐标系 %s：%s", "the coordinates do not fit the coordinate system %s: %s", s.CRS(), err.Error())
}

// spoil drops the geometry for an error.
func (rec *Record) spoil(column string, p *problem) {
	rec.Geometry = nil
	rec.notes = append(rec.notes, note{Error, column, p})
}

func badCoordinate() *problem {
	return wrong("bad_coordinate", "坐标不是有限的数", "a coordinate is not a finite number")
}

// outOfRange says that coordinates are no degrees; plain tells that they were read as such.
func outOfRange(plain bool) *problem {
	if plain {
		return wrong("bad_coordinate", "坐标不是经纬度（经度 ±180，纬度 ±90）：是投影坐标（米）吗？请选择坐标系，例如 EPSG:4549",
			"the coordinates are not longitude and latitude in degrees: if they are metres, choose the coordinate system, such as EPSG:4549")
	}
	return wrong("bad_coordinate", "换算后的坐标不在经纬度范围内：请检查坐标系与坐标顺序",
		"the coordinates lie outside the globe once turned to degrees: check the coordinate system and the order of the axes")
}

// inRange reports whether a bound lies on the globe.
func inRange(b orb.Bound) bool {
	return b.Min[0] >= -180 && b.Max[0] <= 180 && b.Min[1] >= -90 && b.Max[1] <= 90
}

// shapeFromColumns reads a WKT column or a pair of coordinate columns.
func (s *Source) shapeFromColumns(rec *Record) {
	if i := s.place[fieldWKT]; i >= 0 && rec.Fields[i] != "" {
		g, p := parseWKT(rec.Fields[i])
		if p != nil {
			rec.spoil(s.columns[i], p)
			return
		}
		rec.Geometry = g
		return
	}
	x, y := s.place[fieldLon], s.place[fieldLat]
	if x < 0 || y < 0 || rec.Fields[x] == "" && rec.Fields[y] == "" {
		return
	}
	lon, bad := s.coordinate(rec, x)
	lat, bad2 := s.coordinate(rec, y)
	if bad || bad2 {
		return
	}
	rec.Geometry = orb.Point{lon, lat}
}

// coordinate reads one coordinate column and notes what is wrong with it.
func (s *Source) coordinate(rec *Record, i int) (v float64, bad bool) {
	if rec.Fields[i] == "" {
		rec.spoil(s.columns[i], wrong("bad_number", "只有一个坐标，缺另一个", "one coordinate of the pair is missing"))
		return 0, true
	}
	v, p := parseNumber(rec.Fields[i])
	if p != nil {
		rec.spoil(s.columns[i], p.of(rec.Fields[i]))
	}
	return v, p != nil
}

// parseWKT reads a geometry in well-known text, with or without an EWKT prefix of WGS 84.
func parseWKT(s string) (orb.Geometry, *problem) {
	if rest, ok := strings.CutPrefix(strings.ToUpper(s), "SRID="); ok {
		srid, body, _ := strings.Cut(rest, ";")
		if srid != "4326" && srid != "4490" {
			return nil, wrong("bad_wkt", "WKT 带有 SRID=%s：请改为经纬度（SRID=4326）", "the WKT says SRID=%s: write it in degrees (SRID=4326)", clip(srid))
		}
		s = body
	}
	g, err := wkt.Unmarshal(s)
	if err != nil || g == nil {
		return nil, wrong("bad_wkt", "不是可读的 WKT 几何", "not a readable WKT geometry").of(clip(s))
	}
	return g, nil
}

// clean checks the parts of a geometry and repairs what can be repaired in one way only: rings left open are
// closed, equal neighbours are merged. Every repair is noted. A geometry that cannot be used comes back nil.
func clean(g orb.Geometry) (orb.Geometry, []note) {
	c := cleaner{}
	switch g := g.(type) {
	case orb.Polygon:
		return c.done(c.polygon(g))
	case orb.MultiPolygon:
		out := make(orb.MultiPolygon, 0, len(g))
		for _, p := range g {
			out = append(out, c.polygon(p))
		}
		c.empty = c.empty || len(out) == 0
		return c.done(out)
	case orb.Collection:
		return nil, []note{{Error, "", wrong("geometry_collection", "GeometryCollection 不是单一地物：请拆成点或面", "a GeometryCollection is not one place: split it into points or polygons")}}
	case orb.MultiPoint:
		c.points(g)
		return c.done(g)
	case orb.LineString:
		c.points(g)
		return c.done(g)
	case orb.MultiLineString:
		for _, l := range g {
			c.points(l)
		}
		return c.done(g)
	}
	return nil, []note{{Error, "", wrong("geometry_type", "不支持的几何类型", "this type of geometry is not supported")}}
}

// cleaner counts what it met on the way through a geometry.
type cleaner struct {
	empty, infinite, short bool
	closed, merged         int
}

// points looks for coordinates that are no numbers.
func (c *cleaner) points(ps []orb.Point) {
	c.empty = c.empty || len(ps) == 0
	for _, p := range ps {
		if math.IsNaN(p[0]+p[1]) || math.IsInf(p[0]+p[1], 0) {
			c.infinite = true
			return
		}
	}
}

// polygon checks and repairs every ring; the argument keeps its content.
func (c *cleaner) polygon(p orb.Polygon) orb.Polygon {
	c.empty = c.empty || len(p) == 0
	out := make(orb.Polygon, 0, len(p))
	for _, r := range p {
		c.points(r)
		n := len(r)
		r = slices.Compact(slices.Clone(r))
		c.merged += n - len(r)
		if len(r) > 0 && r[0] != r[len(r)-1] {
			r = append(r, r[0])
			c.closed++
		}
		c.short = c.short || len(r) < 4
		out = append(out, r)
	}
	return out
}

// done is the geometry with its notes, or no geometry when something is beyond repair.
func (c *cleaner) done(g orb.Geometry) (orb.Geometry, []note) {
	switch {
	case c.infinite:
		return nil, []note{{Error, "", badCoordinate()}}
	case c.empty:
		return nil, []note{{Error, "", wrong("empty_geometry", "几何为空", "the geometry is empty")}}
	case c.short:
		return nil, []note{{Error, "", wrong("short_ring", "面的边界不足四个点（首尾同点）", "a ring has fewer than four points (the last repeats the first)")}}
	}
	var notes []note
	if c.closed > 0 {
		notes = append(notes, note{Warning, "", wrong("ring_closed", "已修复：%d 条边界没有闭合，已补上终点", "repaired: %d open ring(s) were closed", c.closed)})
	}
	if c.merged > 0 {
		notes = append(notes, note{Warning, "", wrong("points_merged", "已修复：合并了 %d 个重复的相邻点", "repaired: %d repeated neighbouring point(s) were merged", c.merged)})
	}
	return g, notes
}
