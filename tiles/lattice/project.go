// Package lattice is geometry on whole numbers: the outlines of polygons on the lattice of a zoom, clipped, checked and made
// valid by exact arithmetic. It knows nothing of features, tiles or layers.
//
// Positions come in as EPSG:4326 (lon, lat) and are kept in fixed-point spherical Mercator (EPSG:3857): x to the east and y
// to the south from the north-western corner of the world, in 2^-32 of its width (9.3 mm at the equator). The lattice of
// zoom z has 4096 units along the side of a tile: 2^(20-z) of those fixed-point steps each.
package lattice

import (
	"math"

	"github.com/paulmach/orb"
)

// WorldBits is the width of the world in bits of fixed-point Mercator.
const WorldBits = 32

// UnitBits is how many bits of a fixed-point coordinate are finer than one unit of the lattice of zoom z.
func UnitBits(z int) uint { return uint(WorldBits - 12 - z) }

// Project is the fixed-point Mercator position of p in degrees. Latitudes beyond the square world go to its edge.
func Project(p orb.Point) [2]uint32 {
	lat := p[1] * math.Pi / 180
	return [2]uint32{fixed((p[0] + 180) / 360), fixed(0.5 - math.Asinh(math.Tan(lat))/(2*math.Pi))}
}

// fixed is v, 0 to 1, in 2^-32.
func fixed(v float64) uint32 {
	return uint32(min(max(math.Round(v*(1<<WorldBits)), 0), 1<<WorldBits-1))
}

// Unproject is the position in degrees of a fixed-point position.
func Unproject(x, y uint32) orb.Point {
	lat := math.Atan(math.Sinh(math.Pi * (1 - float64(y)/(1<<(WorldBits-1)))))
	return orb.Point{float64(x)/(1<<WorldBits)*360 - 180, lat * 180 / math.Pi}
}

// Snap is the lattice point nearest to p, half a unit rounded up.
func Snap(p [2]uint32, bits uint) Point {
	half := uint64(1) << (bits - 1)
	return Point{int32((uint64(p[0]) + half) >> bits), int32((uint64(p[1]) + half) >> bits)}
}
