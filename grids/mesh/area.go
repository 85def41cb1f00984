package mesh

import (
	"math"

	"github.com/paulmach/orb"
)

// WGS 84: the half axis in metres, and the square of the eccentricity.
const (
	halfAxisM = 6378137.0
	e2        = 0.0066943799901413165
)

// AreaM2 is the area of g in m² on the WGS 84 ellipsoid, with edges that are straight in lon/lat; holes are
// subtracted whichever way the rings turn. Points, lines and nil have none.
//
// Method: Green's theorem in the equal-area cylindrical projection of the ellipsoid (Snyder 1987, Map Projections: A
// Working Manual, eq. 3-12 and 10-15), each edge by Simpson's rule. PostGIS ST_Area(geography) takes edges as
// geodesics: the two differ by 1e-5 where edges are kilometres long, and not at all where they are short.
func AreaM2(g orb.Geometry) float64 {
	switch g := g.(type) {
	case orb.Polygon:
		return polygonAreaM2(g)
	case orb.MultiPolygon:
		sum := 0.0
		for _, p := range g {
			sum += polygonAreaM2(p)
		}
		return sum
	case orb.Ring:
		return math.Abs(ringAreaM2(g))
	case orb.Bound:
		return math.Abs(ringAreaM2(g.ToRing()))
	case orb.Collection:
		sum := 0.0
		for _, m := range g {
			sum += AreaM2(m)
		}
		return sum
	}
	return 0
}

// polygonAreaM2 is the area of the first ring less that of the others.
func polygonAreaM2(p orb.Polygon) float64 {
	sum := 0.0
	for i, r := range p {
		a := math.Abs(ringAreaM2(r))
		if i > 0 {
			a = -a
		}
		sum += a
	}
	return sum
}

// ringAreaM2 is the signed area of a ring, positive when it turns counter-clockwise. An open ring is closed.
func ringAreaM2(r []orb.Point) float64 {
	if len(r) < 3 {
		return 0
	}
	const rad = math.Pi / 180
	base := zoneM2(r[0][1] * rad)
	a, za := r[len(r)-1], zoneM2(r[len(r)-1][1]*rad)-base
	sum := 0.0
	for _, b := range r {
		zb := zoneM2(b[1]*rad) - base
		zm := zoneM2((a[1]+b[1])/2*rad) - base
		sum -= (b[0] - a[0]) * (za + 4*zm + zb)
		a, za = b, zb
	}
	return sum * rad / 6
}

// zoneM2 is the area between the equator and latitude phi (radians) over one radian of longitude, in m²:
// a²(1−e²)/2 · (s/(1−e²s²) + artanh(e·s)/e) with s = sin phi, as a power series in e²s² that is exact to the last bits.
func zoneM2(phi float64) float64 {
	s := math.Sin(phi)
	x := e2 * s * s
	series := 2 + x*(4./3+x*(6./5+x*(8./7+x*(10./9+x*(12./11+x*(14./13+x*16./15))))))
	return halfAxisM * halfAxisM * (1 - e2) / 2 * s * series
}
