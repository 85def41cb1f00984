package crs

import (
	"math"
	"strconv"

	"github.com/paulmach/orb"
)

// Boxes in degrees, and the half width in metres of the strip in which a transverse Mercator is used here.
var (
	world = orb.Bound{Min: orb.Point{-180, -90}, Max: orb.Point{180, 90}}
	china = orb.Bound{Min: orb.Point{72.004, 0.8293}, Max: orb.Point{137.8347, 55.8271}} // where GCJ-02 and BD-09 are defined
)

const (
	stripM     = 500_000
	northingM  = 9_400_000  // about 85° N
	mercatorM  = 20037508.4 // ±180° of Web Mercator
	zonePlaceM = 1_000_000  // a zone number stands in the millions of the easting
)

// misplaced says why p cannot be a coordinate of this system, "" when it can.
func (c CRS) misplaced(p orb.Point) string {
	swapped := orb.Point{p[1], p[0]}
	switch {
	case c.method == unset:
		return "no coordinate system was chosen"
	case !finite(p):
		return "it is not a number"
	case c.planar() && (within(p, world) || within(swapped, world)): // 180 m beside the origin, where no district lies
		return "it is in degrees; use EPSG:4490 (CGCS2000) or EPSG:4326 (WGS 84)"
	case c.inside(p):
		return ""
	case c.inside(swapped):
		return "its axes look swapped; expected are " + c.axes()
	case c.method == transverseMercator:
		return c.misplacedInStrip(p)
	case c.method == webMercator:
		return "it lies beyond the edge of the Web Mercator plane (20037508.34 m)"
	case (c.method == gcj02 || c.method == bd09) && within(p, world):
		return "it lies outside China, where this datum is not defined; use EPSG:4326"
	case zoneOf(p) != 0:
		return "it is not in degrees but in metres, with the zone number " + strconv.Itoa(zoneOf(p)) + " before the easting; " + zonePrefixed(zoneOf(p))
	}
	return "expected are " + c.axes()
}

// misplacedInStrip names the likely cause for a coordinate outside a transverse Mercator's strip.
func (c CRS) misplacedInStrip(p orb.Point) string {
	own := zoneOf(orb.Point{c.tm.falseEasting, 1})
	swapped := orb.Point{p[1], p[0]}
	switch {
	case zoneOf(p) != 0 && zoneOf(p) != own:
		return "its easting begins with the zone number " + strconv.Itoa(zoneOf(p)) + "; " + zonePrefixed(zoneOf(p))
	case zoneOf(swapped) != 0 && zoneOf(swapped) != own:
		return "its axes look swapped and its easting begins with the zone number " + strconv.Itoa(zoneOf(swapped)) + "; expected are " + c.axes()
	case own != 0 && c.inside(orb.Point{p[0] + float64(own)*zonePlaceM, p[1]}):
		return "its easting lacks the zone number " + strconv.Itoa(own) + "; " + c.unprefixed(own)
	}
	return "expected are " + c.axes() + ", not more than 500 km from the central meridian"
}

// inside reports whether p lies in the system's domain of use.
func (c CRS) inside(p orb.Point) bool {
	switch c.method {
	case geographic:
		return within(p, world)
	case gcj02, bd09:
		return within(p, orb.Bound{Min: orb.Point{china.Min[0] - 0.02, china.Min[1] - 0.02}, Max: orb.Point{china.Max[0] + 0.02, china.Max[1] + 0.02}})
	case webMercator:
		return math.Abs(p[0]) <= mercatorM && math.Abs(p[1]) <= mercatorM
	case transverseMercator:
		y := p[1] - c.tm.falseNorthing
		return math.Abs(p[0]-c.tm.falseEasting) <= stripM && y >= 0 && y <= northingM
	}
	return false
}

func (c CRS) planar() bool { return c.method == transverseMercator || c.method == webMercator }

func (c CRS) axes() string {
	if c.planar() {
		return "easting, northing in metres"
	}
	return "longitude, latitude in degrees"
}

// zoneOf is the zone number (13-23 of 6°, 25-45 of 3°) in the millions of an easting, 0 when there is none.
func zoneOf(p orb.Point) int {
	zone := int(math.Floor(math.Max(-1, math.Min(p[0]/zonePlaceM, 99))))
	if p[1] < 0 || p[1] > northingM || zone < 13 || zone > 45 || zone == 24 {
		return 0
	}
	return zone
}

func zonePrefixed(zone int) string {
	code := 4513 + zone - 25
	if zone < 24 {
		code = 4491 + zone - 13
	}
	return "use EPSG:" + strconv.Itoa(code) + " (CGCS2000, zone " + strconv.Itoa(zone) + ")"
}

// unprefixed advises the system without zone number that has this one's central meridian.
func (c CRS) unprefixed(zone int) string {
	code := 4534 + zone - 25
	if zone < 24 {
		code = 4502 + zone - 13
	}
	return "use EPSG:" + strconv.Itoa(code) + " (CGCS2000, central meridian " + strconv.FormatFloat(c.tm.lon0, 'f', -1, 64) + "°E)"
}

func within(p orb.Point, b orb.Bound) bool {
	return p[0] >= b.Min[0] && p[0] <= b.Max[0] && p[1] >= b.Min[1] && p[1] <= b.Max[1]
}

func finite(p orb.Point) bool {
	return !math.IsNaN(p[0]+p[1]) && !math.IsInf(p[0]+p[1], 0)
}
