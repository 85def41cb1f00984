// Package crs brings coordinates of the field's files to WGS 84: the CGCS2000 and UTM projections, Web
// Mercator, and the offset datums GCJ-02 and BD-09 of Chinese map apps. It is pure Go and does no I/O.
//
// Axis order is always x, y as GIS files store it: longitude, latitude in degrees for a geographic system,
// easting, northing in metres for a projected one (whatever order the EPSG register prints). CGCS2000 and
// WGS 84 longitudes and latitudes are taken as equal, as PROJ does: they differ by centimetres.
//
// A [CRS] is an immutable comparable value, safe for concurrent use.
package crs

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/paulmach/orb"

	"wangge/grids"
)

// CRS is a coordinate reference system that this package can bring to WGS 84. Two CRS are the same system when
// they are ==. The zero CRS is no system: its methods answer Invalid.
type CRS struct {
	code   int // EPSG code, 0 for the systems that have none
	method method
	tm     transverse // of a transverse Mercator, else zero
}

type method uint8

const (
	unset method = iota
	geographic
	webMercator
	transverseMercator
	gcj02
	bd09
)

// Parse reads the name of a system: "EPSG:4549", "4549", "GCJ-02", "gcj02", "BD-09", "bd09". The error is
// Invalid: it lists what is known, and says why a known system cannot be served.
func Parse(s string) (CRS, error) {
	name := strings.ToUpper(strings.TrimSpace(s))
	switch strings.NewReplacer("-", "", "_", "", " ", "").Replace(name) {
	case "GCJ02":
		return CRS{method: gcj02}, nil
	case "BD09", "BD09LL":
		return CRS{method: bd09}, nil
	case "WGS84", "CRS84", "OGC:CRS84":
		return fromCode(4326)
	case "CGCS2000":
		return fromCode(4490)
	}
	code, err := strconv.Atoi(strings.TrimPrefix(name, "EPSG:"))
	if err != nil {
		return CRS{}, grids.Errorf(grids.Invalid, "%q names no coordinate system; known are %s", clip(s), known())
	}
	return fromCode(code)
}

// fromCode is the system of an EPSG code. The families are regular: each code is the family's first plus
// the zone's place in it.
func fromCode(code int) (CRS, error) {
	gk := func(lon0, falseEasting int) (CRS, error) {
		return CRS{code: code, method: transverseMercator,
			tm: transverse{ellipsoid: cgcs2000, lon0: float64(lon0), falseEasting: float64(falseEasting), scale: 1}}, nil
	}
	switch {
	case code == 4979, code == 4480: // the same with heights, which are not read
		return fromCode(map[int]int{4979: 4326, 4480: 4490}[code])
	case code == 4326, code == 4490:
		return CRS{code: code, method: geographic}, nil
	case code == 3857:
		return CRS{code: code, method: webMercator}, nil
	case code >= 4491 && code <= 4501: // CGCS2000 / Gauss-Kruger zone 13 to 23, zone number before the easting
		return gk(75+6*(code-4491), (13+code-4491)*1_000_000+500_000)
	case code >= 4502 && code <= 4512: // CGCS2000 / Gauss-Kruger CM 75E to 135E
		return gk(75+6*(code-4502), 500_000)
	case code >= 4513 && code <= 4533: // CGCS2000 / 3-degree Gauss-Kruger zone 25 to 45
		return gk(75+3*(code-4513), (25+code-4513)*1_000_000+500_000)
	case code >= 4534 && code <= 4554: // CGCS2000 / 3-degree Gauss-Kruger CM 75E to 135E
		return gk(75+3*(code-4534), 500_000)
	case code >= 32643 && code <= 32653: // WGS 84 / UTM zone 43N to 53N
		return CRS{code: code, method: transverseMercator,
			tm: transverse{ellipsoid: wgs84, lon0: float64(6*(code-32600) - 183), falseEasting: 500_000, scale: 0.9996}}, nil
	}
	if reason := refused(code); reason != "" {
		return CRS{}, grids.Errorf(grids.Invalid, "EPSG:%d (%s); known are %s", code, reason, known())
	}
	return CRS{}, grids.Errorf(grids.Invalid, "the coordinate system EPSG:%d is not known here; known are %s", code, known())
}

// refused says why a system that people do meet cannot be brought to WGS 84; "" for all others.
func refused(code int) string {
	const parameters = " needs the seven parameters of the local survey office: convert the file to EPSG:4490 with them first"
	switch {
	case code == 4214, code >= 21413 && code <= 21423, code >= 2401 && code <= 2442:
		return "Beijing 1954" + parameters
	case code == 4610, code >= 2327 && code <= 2390:
		return "Xian 1980" + parameters
	case code == 4555, code >= 4568 && code <= 4589, code >= 4652 && code <= 4800:
		return "New Beijing" + parameters
	}
	return ""
}

// Known are the systems met in the district, in the order to offer them. Parse knows the other zones of the same
// families too: EPSG:4491-4554 (CGCS2000 Gauss-Kruger) and 32643-32653 (UTM).
func Known() []CRS {
	list := make([]CRS, 0, 11)
	for _, code := range []int{4326, 4490, 4549, 4550, 4528, 4529, 4510, 32651, 3857} {
		c, err := fromCode(code)
		if err != nil {
			continue
		}
		list = append(list, c)
	}
	return append(list, CRS{method: gcj02}, CRS{method: bd09})
}

func known() string {
	names := make([]string, 0, 12)
	for _, c := range Known() {
		names = append(names, c.String())
	}
	return strings.Join(names, ", ") + " and the other zones of EPSG:4491-4554 and EPSG:32643-32653"
}

// String is the name that Parse reads, such as "EPSG:4549" or "GCJ-02". A transverse Mercator without an EPSG
// code is written as a PROJ string, which Parse does not read.
func (c CRS) String() string {
	switch {
	case c.code != 0:
		return "EPSG:" + strconv.Itoa(c.code)
	case c.method == gcj02:
		return "GCJ-02"
	case c.method == bd09:
		return "BD-09"
	case c.method == transverseMercator:
		return c.tm.String()
	}
	return "unknown"
}

// ToWGS84 is the longitude and latitude in degrees of p, given as x, y of this system. The error is Invalid when
// p lies outside the system's domain of use (500 km on either side of a central meridian, the box of China for
// GCJ-02 and BD-09); it names the likely cause: swapped axes, degrees for metres, or a zone number before the easting.
func (c CRS) ToWGS84(p orb.Point) (orb.Point, error) {
	if why := c.misplaced(p); why != "" {
		return orb.Point{}, grids.Errorf(grids.Invalid, "the coordinate %s does not fit %s: %s", format(p), c, why)
	}
	q := p
	switch c.method {
	case webMercator:
		q = mercatorInverse(p)
	case transverseMercator:
		q = c.tm.inverse(p)
	case gcj02:
		q = invert(gcj, p)
	case bd09:
		q = invert(bd, p)
	}
	return q, nil
}

// FromWGS84 is the x, y in this system of a longitude and latitude in degrees. The error is Invalid when the
// place lies outside the system's domain of use.
func (c CRS) FromWGS84(p orb.Point) (orb.Point, error) {
	if !within(p, world) || c.method == unset {
		return orb.Point{}, grids.Errorf(grids.Invalid, "%s is not a longitude and latitude that %s can take", format(p), c)
	}
	q := p
	switch c.method {
	case webMercator:
		q = mercatorForward(p)
	case transverseMercator:
		if math.Abs(p[0]-c.tm.lon0) > 60 { // far from the series' domain: the answer could come back into the strip
			q = orb.Point{math.Inf(1), 0}
		} else {
			q = c.tm.forward(p)
		}
	case gcj02:
		q = gcj(p)
	case bd09:
		q = bd(p)
	}
	outside := (c.method == gcj02 || c.method == bd09) && !within(p, china)
	if outside || c.misplaced(q) != "" {
		return orb.Point{}, grids.Errorf(grids.Invalid, "the place %s lies outside the area in which %s is used", format(p), c)
	}
	return q, nil
}

// Geometry is g with every position brought to WGS 84 longitude and latitude in degrees; g is left as it was.
// A nil geometry stays nil. The error is Invalid, and that of ToWGS84 for the first position that does not fit.
func (c CRS) Geometry(g orb.Geometry) (orb.Geometry, error) {
	if g == nil {
		return nil, nil
	}
	if b, ok := g.(orb.Bound); ok {
		g = b.ToPolygon() // the image of a rectangle is no rectangle
	}
	g = orb.Clone(g)
	if c.method == geographic {
		return g, c.check(g)
	}
	return c.transform(g)
}

// transform rewrites g in place where its type allows and answers the result.
func (c CRS) transform(g orb.Geometry) (orb.Geometry, error) {
	var err error
	switch g := g.(type) {
	case orb.Point:
		return c.ToWGS84(g)
	case orb.MultiPoint:
		err = c.line(g)
	case orb.LineString:
		err = c.line(g)
	case orb.Ring:
		err = c.line(g)
	case orb.MultiLineString:
		err = each(g, func(l orb.LineString) error { return c.line(l) })
	case orb.Polygon:
		err = c.polygon(g)
	case orb.MultiPolygon:
		err = each(g, c.polygon)
	case orb.Collection:
		for i, member := range g {
			if g[i], err = c.transform(member); err != nil {
				return nil, err
			}
		}
	default:
		err = grids.Errorf(grids.Invalid, "a geometry of type %s cannot be brought to WGS 84", g.GeoJSONType())
	}
	if err != nil {
		return nil, err
	}
	return g, nil
}

func (c CRS) polygon(p orb.Polygon) error {
	return each(p, func(r orb.Ring) error { return c.line(r) })
}

// line transforms the positions of l in place.
func (c CRS) line(l []orb.Point) (err error) {
	for i := range l {
		if l[i], err = c.ToWGS84(l[i]); err != nil {
			return err
		}
	}
	return nil
}

// check reports the first position of a longitude-latitude geometry that does not fit.
func (c CRS) check(g orb.Geometry) error {
	_, err := c.transform(g) // the identity: only the check remains
	return err
}

func each[T any](list []T, do func(T) error) error {
	for _, item := range list {
		if err := do(item); err != nil {
			return err
		}
	}
	return nil
}

func format(p orb.Point) string {
	return fmt.Sprintf("(%s, %s)", strconv.FormatFloat(p[0], 'f', -1, 64), strconv.FormatFloat(p[1], 'f', -1, 64))
}

// clip shortens a foreign text for an error message.
func clip(s string) string {
	r := []rune(s)
	if len(r) <= 60 {
		return s
	}
	return string(r[:57]) + "..."
}
