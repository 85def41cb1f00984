package crs

import (
	"math"
	"strconv"
	"strings"

	"wangge/grids"
)

// FromPRJ reads the coordinate system of a shapefile's .prj or another well-known text (ESRI, OGC WKT 1, WKT 2). It
// goes by what the text describes (datum, method, parameters) and gives it its EPSG code; a code that the text states
// itself must agree. A transverse Mercator of CGCS2000 or WGS 84 with a central meridian of its own is accepted too.
// The error is Invalid: what cannot be served and why, such as a datum that needs parameters or a local system.
func FromPRJ(wkt string) (CRS, error) {
	root, err := parseWKT(wkt)
	if err != nil {
		return CRS{}, err
	}
	n := root.find("PROJCS", "PROJCRS", "PROJECTEDCRS")
	if n == nil {
		n = root.find("GEOGCS", "GEOGCRS", "GEOGRAPHICCRS", "GEODCRS", "GEODETICCRS", "BASEGEOGCRS")
	}
	if n == nil {
		return CRS{}, grids.Errorf(grids.Invalid, "the coordinate system %q (%s) has no place on the earth by itself: convert the file to EPSG:4490 with the parameters of the local survey office first", clip(root.name()), clip(root.key))
	}
	stated := n.code()
	if reason := refused(stated); reason != "" {
		return CRS{}, grids.Errorf(grids.Invalid, "the coordinate system %q (EPSG:%d, %s)", clip(n.name()), stated, reason)
	}
	described, err := n.describe()
	if err != nil {
		return CRS{}, err
	}
	if stated == 0 {
		return described, nil
	}
	c, err := fromCode(stated)
	if err != nil || c.method == described.method && c.tm == described.tm && c.datum() == described.datum() {
		return c, err
	}
	return CRS{}, grids.Errorf(grids.Invalid, "the coordinate system text contradicts itself: it states EPSG:%d but describes %s; give the right one by hand", stated, described)
}

// code is the EPSG code that the node states for itself, 0 when it states none.
func (n *node) code() int {
	id := n.child("AUTHORITY", "ID")
	if id == nil || !strings.EqualFold(id.name(), "EPSG") {
		return 0
	}
	if len(id.texts) > 1 {
		code, _ := strconv.Atoi(id.texts[1])
		return code
	}
	if v := id.number(); v > 0 && v < 1e6 {
		return int(v)
	}
	return 0
}

// datum is the ellipsoid that stands for the datum of a geographic or transverse Mercator system.
func (c CRS) datum() ellipsoid {
	if c.code == 4490 {
		return cgcs2000
	}
	return c.tm.ellipsoid
}

// describe is the system by datum, method and parameters.
func (n *node) describe() (CRS, error) {
	datum, err := n.geodetic()
	if err != nil {
		return CRS{}, err
	}
	if err := n.units(); err != nil {
		return CRS{}, err
	}
	method := n.find("PROJECTION", "METHOD")
	if method == nil {
		if datum == cgcs2000 {
			return fromCode(4490)
		}
		return fromCode(4326)
	}
	switch key := plain(method.name()); {
	case key == "transversemercator", key == "gausskruger":
		return n.transverse(datum)
	case key == "mercatorauxiliarysphere", key == "popularvisualisationpseudomercator",
		key == "mercator1sp" && strings.Contains(plain(n.name()), "pseudomercator"):
		return fromCode(3857)
	}
	return CRS{}, grids.Errorf(grids.Invalid, "the projection %q of %q is not known here; known are %s", clip(method.name()), clip(n.name()), known())
}

// geodetic is the datum: CGCS2000 or WGS 84, by name and by the figures of the ellipsoid.
func (n *node) geodetic() (ellipsoid, error) {
	figure := n.find("SPHEROID", "ELLIPSOID")
	datum := n.find("DATUM", "GEODETICDATUM", "TRF", "ENSEMBLE")
	if figure == nil || datum == nil || len(figure.numbers) < 2 {
		return 0, grids.Errorf(grids.Invalid, "the coordinate system %q names no datum with an ellipsoid; give the system by hand", clip(n.name()))
	}
	e, known := datumOf(datum.name(), figure.name())
	if !known {
		return 0, grids.Errorf(grids.Invalid, "the datum %q of %q is neither CGCS2000 nor WGS 84: moving it there needs parameters of the local survey office; convert the file to EPSG:4490 with them first", clip(datum.name()), clip(n.name()))
	}
	if math.Abs(figure.numbers[0]-semiMajorM) > 1e-3 || math.Abs(figure.numbers[1]*e.flattening()-1) > 1e-10 {
		return 0, grids.Errorf(grids.Invalid, "the ellipsoid %q of %q has the figures %v, not those of its datum; give the system by hand", clip(figure.name()), clip(n.name()), figure.numbers[:2])
	}
	if shift := n.find("TOWGS84"); shift != nil {
		for _, v := range shift.numbers {
			if v != 0 {
				return 0, grids.Errorf(grids.Invalid, "the coordinate system %q carries a datum shift (TOWGS84), which CGCS2000 and WGS 84 have not; give the system by hand", clip(n.name()))
			}
		}
	}
	if meridian := n.find("PRIMEM", "PRIMEMERIDIAN"); meridian != nil && meridian.number() != 0 {
		return 0, grids.Errorf(grids.Invalid, "the coordinate system %q counts longitude from %q, not from Greenwich", clip(n.name()), clip(meridian.name()))
	}
	return e, nil
}

// datumOf recognises a datum by its name, or by its ellipsoid's where the writer left the datum unnamed.
func datumOf(datum, figure string) (ellipsoid, bool) {
	name := plain(datum)
	if name == "unknown" || name == "dunknown" || name == "" {
		name = plain(figure)
	}
	for _, known := range []struct {
		part string
		e    ellipsoid
	}{
		{"china2000", cgcs2000}, {"cgcs2000", cgcs2000}, {"chinageodeticcoordinatesystem2000", cgcs2000},
		{"wgs1984", wgs84}, {"wgs84", wgs84}, {"worldgeodeticsystem1984", wgs84},
	} {
		if strings.Contains(name, known.part) {
			return known.e, true
		}
	}
	return 0, false
}

// units refuses everything but degrees for angles and metres for lengths.
func (n *node) units() error {
	const degree = math.Pi / 180
	for i := range n.parts {
		part := &n.parts[i]
		want := 0.0
		switch angular := strings.HasPrefix(n.key, "GEO") || n.key == "BASEGEOGCRS"; {
		case part.key == "ANGLEUNIT", part.key == "UNIT" && angular:
			want = degree
		case part.key == "LENGTHUNIT", part.key == "UNIT":
			want = 1
		}
		if want != 0 && !(math.Abs(part.number()/want-1) < 1e-8) {
			return grids.Errorf(grids.Invalid, "the coordinate system counts in %q; only degrees and metres are read", clip(part.name()))
		}
		if err := part.units(); err != nil {
			return err
		}
	}
	return nil
}

// transverse is the transverse Mercator by its parameters, under its EPSG code if it has one.
func (n *node) transverse(datum ellipsoid) (CRS, error) {
	c := CRS{method: transverseMercator, tm: transverse{ellipsoid: datum, lon0: math.NaN(), scale: 1}}
	for _, p := range n.parameters() {
		switch v := p.number(); plain(p.name()) {
		case "centralmeridian", "longitudeofnaturalorigin", "longitudeoforigin":
			c.tm.lon0 = v
		case "scalefactor", "scalefactoratnaturalorigin":
			c.tm.scale = v
		case "falseeasting":
			c.tm.falseEasting = v
		case "falsenorthing":
			c.tm.falseNorthing = v
		case "latitudeoforigin", "latitudeofnaturalorigin":
			if v != 0 {
				return CRS{}, grids.Errorf(grids.Invalid, "the transverse Mercator %q starts at latitude %v; only the equator is read", clip(n.name()), v)
			}
		default:
			return CRS{}, grids.Errorf(grids.Invalid, "the parameter %q of the transverse Mercator %q is not known", clip(p.name()), clip(n.name()))
		}
	}
	if !c.tm.sane() {
		return CRS{}, grids.Errorf(grids.Invalid, "the transverse Mercator %q lacks a usable central meridian, scale or false origin; give the system by hand", clip(n.name()))
	}
	return c.coded(), nil
}

// parameters are the PARAMETER nodes, of WKT 2 inside CONVERSION.
func (n *node) parameters() []node {
	var list []node
	for _, part := range n.parts {
		switch part.key {
		case "PARAMETER":
			list = append(list, part)
		case "CONVERSION":
			list = append(list, part.parameters()...)
		}
	}
	return list
}

func (t transverse) sane() bool {
	return math.Abs(t.lon0) <= 180 && t.scale > 0.99 && t.scale < 1.01 && math.Abs(t.falseEasting) < 1e8 && math.Abs(t.falseNorthing) < 1e7
}

// coded is c under the EPSG code of the same parameters, of a 3° zone rather than a 6° one; c itself when there is none.
func (c CRS) coded() CRS {
	for _, family := range [][2]int{{4513, 4554}, {4491, 4512}, {32643, 32653}} {
		for code := family[0]; code <= family[1]; code++ {
			if k, err := fromCode(code); err == nil && k.tm == c.tm {
				return k
			}
		}
	}
	return c
}

// plain keeps the letters and digits of a name, in lower case: writers differ in all the rest.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return -1
	}, s)
}
