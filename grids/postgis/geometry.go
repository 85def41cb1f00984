package postgis

import (
	"encoding/binary"

	"github.com/paulmach/orb"
	"github.com/twpayne/go-geom"
	"github.com/twpayne/go-geom/encoding/ewkb"

	"wangge/grids"
)

// srid is the reference system of every geometry column: WGS 84, lon before lat.
const srid = 4326

// encode is the EWKB of g with SRID 4326. Multi-part types stay what they are. The error is Invalid.
func encode(g orb.Geometry) ([]byte, error) {
	var t geom.T
	switch g := g.(type) {
	case orb.Point:
		t = geom.NewPointFlat(geom.XY, g[:]).SetSRID(srid)
	case orb.Polygon:
		flat, ends := flatten(g, nil)
		t = geom.NewPolygonFlat(geom.XY, flat, ends).SetSRID(srid)
	case orb.MultiPolygon:
		var flat []float64
		endss := make([][]int, 0, len(g))
		for _, p := range g {
			var ends []int
			flat, ends = flatten(p, flat)
			endss = append(endss, ends)
		}
		t = geom.NewMultiPolygonFlat(geom.XY, flat, endss).SetSRID(srid)
	default:
		return nil, grids.Errorf(grids.Invalid, "a %T cannot be stored: points and polygons can", g)
	}
	return ewkb.Marshal(t, binary.LittleEndian)
}

// flatten appends the rings' coordinates to flat; the ends are offsets into the whole of flat.
func flatten(p orb.Polygon, flat []float64) (all []float64, ends []int) {
	for _, ring := range p {
		for _, c := range ring {
			flat = append(flat, c[0], c[1])
		}
		ends = append(ends, len(flat))
	}
	return flat, ends
}

// decode reads EWKB. It refuses another SRID than 4326, which would silently misplace everything.
func decode(b []byte) (orb.Geometry, error) {
	t, err := ewkb.Unmarshal(b)
	if err != nil {
		return nil, err
	}
	if t.SRID() != srid {
		return nil, grids.Errorf(grids.Internal, "a stored geometry has SRID %d instead of %d", t.SRID(), srid)
	}
	switch t := t.(type) {
	case *geom.Point:
		if t.Empty() {
			return nil, grids.Errorf(grids.Internal, "a stored geometry is an empty point")
		}
		return orb.Point{t.X(), t.Y()}, nil
	case *geom.Polygon:
		return polygon(t.FlatCoords(), t.Ends(), t.Stride(), 0), nil
	case *geom.MultiPolygon:
		var mp orb.MultiPolygon
		from := 0
		for _, ends := range t.Endss() {
			mp = append(mp, polygon(t.FlatCoords(), ends, t.Stride(), from))
			if len(ends) > 0 {
				from = ends[len(ends)-1]
			}
		}
		return mp, nil
	}
	return nil, grids.Errorf(grids.Internal, "a stored geometry is a %T", t)
}

func polygon(flat []float64, ends []int, stride, from int) orb.Polygon {
	p := make(orb.Polygon, 0, len(ends))
	for _, end := range ends {
		ring := make(orb.Ring, 0, (end-from)/stride)
		for i := from; i < end; i += stride {
			ring = append(ring, orb.Point{flat[i], flat[i+1]})
		}
		p, from = append(p, ring), end
	}
	return p
}

// multi is g as a MultiPolygon; the error is Internal when it is no area.
func multi(g orb.Geometry) (orb.MultiPolygon, error) {
	switch g := g.(type) {
	case orb.Polygon:
		return orb.MultiPolygon{g}, nil
	case orb.MultiPolygon:
		return g, nil
	}
	return nil, grids.Errorf(grids.Internal, "an area was expected, not a %T", g)
}
