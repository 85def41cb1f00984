// Package mesh turns places into cells and areas: H3 cells of a point or a polygon, roll-up to coarser cells, areas
// on the ellipsoid, and the exact look-up of the zone that covers a point.
//
// All coordinates are EPSG:4326 degrees, lon before lat; edges of polygons and cells are straight in lon/lat. The H3
// library speaks (lat, lng) in its own types: it is known to this package alone. Nothing here handles shapes across
// the antimeridian or around a pole. Every function is pure and every value safe for concurrent use once built.
package mesh

import (
	"cmp"
	"maps"
	"math"
	"math/bits"
	"slices"
	"strconv"

	"github.com/paulmach/orb"
	"github.com/uber/h3-go/v4"

	"wangge/grids"
)

// Cell is the index of an H3 cell, the same 64 bits as in every other H3 tool. The zero Cell is no cell.
type Cell int64

// finest is the finest resolution of H3.
const finest = 15

// maxDisk bounds how far Disk goes: 7 651 cells.
const maxDisk = 50

// maxSteps bounds how many resolutions Children goes down: 7⁶ = 117 649 cells.
const maxSteps = 6

// At is the cell of resolution res (0…15) that holds p. The error is Invalid when p is not a place on Earth or res
// is out of range.
func At(p orb.Point, res int) (Cell, error) {
	if res < 0 || res > finest {
		return 0, grids.Errorf(grids.Invalid, "H3 resolution %d is outside 0 to %d", res, finest)
	}
	if !onEarth(p) {
		return 0, grids.Errorf(grids.Invalid, "lon %v, lat %v is no place on Earth: give degrees, longitude first", p[0], p[1])
	}
	c, err := h3.LatLngToCell(h3.LatLng{Lat: p[1], Lng: p[0]}, res)
	if err != nil {
		return 0, grids.Errorf(grids.Internal, "no H3 cell for lon %v, lat %v: %w", p[0], p[1], err)
	}
	return Cell(c), nil
}

// onEarth reports whether p is finite and within ±180, ±90 degrees.
func onEarth(p orb.Point) bool {
	return math.Abs(p[0]) <= 180 && math.Abs(p[1]) <= 90 // false for NaN
}

// ParseCell reads the hexadecimal form that [Cell.String] writes. The error is Invalid.
func ParseCell(s string) (Cell, error) {
	u, err := strconv.ParseUint(s, 16, 64)
	if err != nil || !h3.Cell(u).IsValid() {
		return 0, grids.Errorf(grids.Invalid, "%.20q is not an H3 cell (15 hexadecimal digits, like 8a309c99a2d7fff)", s)
	}
	return Cell(u), nil
}

// String is the hexadecimal form, as H3 writes it.
func (c Cell) String() string { return strconv.FormatUint(uint64(c), 16) }

// resolutionBits are those of a cell's index that hold its resolution. The base cell and one digit a resolution lie below;
// those of finer resolutions are all ones.
const resolutionBits = 15 << 52

// Resolution is the cell's resolution, 0 (coarse) to 15 (fine).
func (c Cell) Resolution() int { return int(c >> 52 & 15) }

// isCell reports whether the mode bits are those of a cell; the library goes on without a look.
func (c Cell) isCell() bool { return c>>59 == 1 }

// Parent is the ancestor of resolution res, the cell itself at its own resolution, and the zero Cell when res is
// negative or finer than the cell. The hierarchy is logical: near its border a cell sticks out of its parent.
func (c Cell) Parent(res int) Cell {
	if res < 0 || res > c.Resolution() || !c.isCell() {
		return 0
	}
	return c&^resolutionBits | Cell(res)<<52 | (1<<(3*(finest-res)) - 1)
}

// Shared is the resolution of the finest cell that both cells lie in, where a cell lies in itself; -1 when they are in
// different base cells.
func (c Cell) Shared(d Cell) int {
	differ := bits.Len64(uint64((c ^ d) &^ resolutionBits))
	if differ == 0 {
		return c.Resolution()
	}
	return max(finest-1-(differ-1)/3, -1) // three bits a resolution, the finest lowest, below the base cell
}

// DescendantsFirst compares cells for sorting: a cell comes after all that lie in it, and cells of one resolution ascend.
// Sorted like this, the cells of any ancestor are contiguous.
func DescendantsFirst(c, d Cell) int { return cmp.Compare(c&^resolutionBits, d&^resolutionBits) }

// Children are the descendants of resolution res in ascending order, nil when res is coarser than the cell or more
// than six resolutions finer.
func (c Cell) Children(res int) []Cell {
	if res < c.Resolution() || res > min(finest, c.Resolution()+maxSteps) || !c.isCell() {
		return nil
	}
	kids, err := h3.Cell(c).Children(res)
	if err != nil {
		return nil
	}
	return cells(kids)
}

// Disk is the cells at most k steps (0…50) from the cell, itself included, in ascending order: 3k(k+1)+1 of them, fewer around one of the
// twelve pentagons. The error is Invalid when k is out of range or c is no cell.
func (c Cell) Disk(k int) ([]Cell, error) {
	if k < 0 || k > maxDisk {
		return nil, grids.Errorf(grids.Invalid, "%d steps around an H3 cell are outside 0 to %d", k, maxDisk)
	}
	if !h3.Cell(c).IsValid() {
		return nil, grids.Errorf(grids.Invalid, "%v is not an H3 cell", c)
	}
	disk, err := h3.GridDisk(h3.Cell(c), k)
	if err != nil {
		return nil, grids.Errorf(grids.Internal, "no disk of %d steps around the H3 cell %v: %w", k, c, err)
	}
	return cells(disk), nil
}

// cells converts the library's cells to ours, in ascending order.
func cells(in []h3.Cell) []Cell {
	out := make([]Cell, len(in))
	for i, c := range in {
		out[i] = Cell(c)
	}
	slices.Sort(out)
	return out
}

// Center is the middle of the cell, the zero Point for a value that is no cell.
func (c Cell) Center() orb.Point {
	p, err := h3.Cell(c).LatLng()
	if err != nil || !c.isCell() {
		return orb.Point{}
	}
	return orb.Point{p.Lng, p.Lat}
}

// Boundary is the outline of the cell: closed, counter-clockwise, usually six corners; nil for a value that is no cell.
func (c Cell) Boundary() orb.Ring {
	b, err := h3.Cell(c).Boundary()
	if err != nil || !c.isCell() {
		return nil
	}
	ring := make(orb.Ring, 0, len(b)+1)
	for _, p := range b {
		ring = append(ring, orb.Point{p.Lng, p.Lat})
	}
	return append(ring, ring[0])
}

// AreaM2 is the cell's own area in m² on the WGS 84 ellipsoid, the measure that [AreaM2] and [Cover] use, so that a
// cell inside a polygon overlaps it by exactly this much. H3's cellArea takes latitudes as if on a sphere: at 31.6° N it
// is 0.08 % larger.
func (c Cell) AreaM2() float64 { return math.Abs(ringAreaM2(c.Boundary())) }

// RollUp sums counts into the parents of resolution res. Cells that are coarser than res stay as they are, so the
// total is kept. The sums do not depend on the order of the map.
func RollUp(counts map[Cell]float64, res int) map[Cell]float64 {
	out := make(map[Cell]float64, len(counts)/7+1)
	for _, c := range slices.SortedFunc(maps.Keys(counts), cmp.Compare[Cell]) {
		out[c.Parent(min(res, c.Resolution()))] += counts[c]
	}
	return out
}
