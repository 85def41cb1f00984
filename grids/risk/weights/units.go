package weights

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"slices"
	"strconv"

	"github.com/paulmach/orb"

	"wangge/grids"
	"wangge/grids/mesh"
)

// Units are the places that weights are between, in the order of the matrix's rows. Of the lists, those that the kind needs must be there,
// and all that are there must have the same length. Coordinates are metres in one projected CRS, x then y.
type Units struct {
	Keys      []string           // unique; nil for the places in the list: "0", "1", …
	Polygons  []orb.MultiPolygon // of Queen and Rook; one MultiPolygon is one unit, however many parts it has
	Centroids []orb.Point        // of KNN, Band, Inverse and the policy LinkNearest; nil for the area centroids of Polygons
	Cells     []mesh.Cell        // of Ring; of one resolution, unique
}

// N is the number of units: the length of the longest list.
func (u Units) N() int { return max(len(u.Keys), len(u.Polygons), len(u.Centroids), len(u.Cells)) }

// Hash names the units: 16 hexadecimal digits, the first half of those of a SHA-256 over their keys, polygons, centroids and cells in their
// order. Other units, and the same ones in another order, have another hash.
func (u Units) Hash() string {
	h := sha256.New()
	var buf []byte
	count := func(n int) { buf = binary.BigEndian.AppendUint64(buf, uint64(n)) }
	point := func(p orb.Point) {
		buf = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(buf, math.Float64bits(p[0])), math.Float64bits(p[1]))
	}
	for _, n := range []int{len(u.Keys), len(u.Polygons), len(u.Centroids), len(u.Cells)} {
		count(n)
	}
	for _, k := range u.Keys {
		count(len(k))
		buf = append(buf, k...)
	}
	for _, m := range u.Polygons {
		count(len(m))
		for _, p := range m {
			count(len(p))
			for _, r := range p {
				count(len(r))
				for _, v := range r {
					point(v)
				}
			}
		}
		h.Write(buf)
		buf = buf[:0]
	}
	for _, c := range u.Centroids {
		point(c)
	}
	for _, c := range u.Cells {
		count(int(c))
	}
	h.Write(buf)
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// check reports what is wrong with the lists, whatever they are used for.
func (u Units) check() error {
	n := u.N()
	if n == 0 {
		return grids.Errorf(grids.Invalid, "there are no units: weights need at least one")
	}
	for _, l := range []struct {
		name string
		n    int
	}{{"keys", len(u.Keys)}, {"polygons", len(u.Polygons)}, {"centroids", len(u.Centroids)}, {"cells", len(u.Cells)}} {
		if l.n != 0 && l.n != n {
			return grids.Errorf(grids.Invalid, "there are %d %s for %d units: give one each", l.n, l.name, n)
		}
	}
	for i, m := range u.Polygons {
		if err := u.checkPolygon(i, m); err != nil {
			return err
		}
	}
	for i, c := range u.Centroids {
		if !inPlane(c) {
			return grids.Errorf(grids.Invalid, "the centroid %v of unit %s is no place in metres", c, u.name(i))
		}
	}
	return u.checkNames()
}

// checkNames holds keys and cells to being unique, and cells to one resolution.
func (u Units) checkNames() error {
	at := make(map[string]int, len(u.Keys))
	for i, k := range u.Keys {
		if j, twice := at[k]; twice {
			return grids.Errorf(grids.Invalid, "the units %d and %d have the same key %.40q", j, i, k)
		}
		at[k] = i
	}
	cells := make(map[mesh.Cell]int, len(u.Cells))
	for i, c := range u.Cells {
		if _, err := mesh.ParseCell(c.String()); err != nil {
			return grids.Errorf(grids.Invalid, "unit %s: %w", u.name(i), err)
		}
		if c.Resolution() != u.Cells[0].Resolution() {
			return grids.Errorf(grids.Invalid, "the cells of units %s and %s are of resolutions %d and %d: give cells of one", u.name(0), u.name(i),
				u.Cells[0].Resolution(), c.Resolution())
		}
		if j, twice := cells[c]; twice {
			return grids.Errorf(grids.Invalid, "the units %s and %s are the same cell %v", u.name(j), u.name(i), c)
		}
		cells[c] = i
	}
	return nil
}

// checkPolygon wants at least one ring, three different corners in each, and numbers.
func (u Units) checkPolygon(i int, m orb.MultiPolygon) error {
	rings := 0
	for _, p := range m {
		for _, r := range p {
			rings++
			for at, v := range r {
				if !inPlane(v) {
					return grids.Errorf(grids.Invalid, "corner %d of ring %d of unit %s is %v: no place in metres", at, rings, u.name(i), v)
				}
			}
			if corners(r) < 3 {
				return grids.Errorf(grids.Invalid, "ring %d of unit %s has fewer than three different corners", rings, u.name(i))
			}
		}
	}
	if rings == 0 {
		return grids.Errorf(grids.Invalid, "unit %s has no polygon: leave it out, or give it one", u.name(i))
	}
	return nil
}

// corners counts the different corners of a ring, up to three.
func corners(r orb.Ring) int {
	var seen []orb.Point
	for _, v := range r {
		if !slices.Contains(seen, v) {
			seen = append(seen, v)
		}
		if len(seen) == 3 {
			break
		}
	}
	return len(seen)
}

// inPlane reports whether a point is finite and within what projections reach.
func inPlane(p orb.Point) bool { return math.Abs(p[0]) <= maxM && math.Abs(p[1]) <= maxM }

// name is the key of a unit.
func (u Units) name(i int) string {
	if u.Keys != nil {
		return u.Keys[i]
	}
	return strconv.Itoa(i)
}

// sites are the centroids that distances are between.
func (u Units) sites() ([]orb.Point, error) {
	if u.Centroids != nil {
		return u.Centroids, nil
	}
	if u.Polygons == nil {
		return nil, grids.Errorf(grids.Invalid, "these weights or their policy for isolates go by distance: give the units centroids or polygons")
	}
	out := make([]orb.Point, len(u.Polygons))
	for i, m := range u.Polygons {
		c, ok := Centroid(m)
		if !ok {
			return nil, grids.Errorf(grids.Invalid, "the polygon of unit %s has no area, and so no centroid: mend it, or give the centroids", u.name(i))
		}
		out[i] = c
	}
	return out, nil
}

// Centroid is the centre of gravity of the area, in the plane: holes are taken out whichever way the rings turn, and rings may be open. It
// may lie outside a crooked polygon. ok is false without an area.
func Centroid(m orb.MultiPolygon) (c orb.Point, ok bool) {
	from := m.Bound().Center() // near the shape: products of large coordinates lose digits
	var area, x, y float64
	for _, p := range m {
		for at, r := range p {
			if len(r) == 0 {
				continue
			}
			a, ax, ay := moments(r, from)
			if (a < 0) != (at > 0) {
				a, ax, ay = -a, -ax, -ay
			}
			area, x, y = area+a, x+ax, y+ay
		}
	}
	c = orb.Point{from[0] + x/area/3, from[1] + y/area/3}
	if !(area > 0) || !inPlane(c) {
		return orb.Point{}, false
	}
	return c, true
}

// moments are twice the area of a ring, positive when it turns counter-clockwise, and six times its first moments about a point.
func moments(r orb.Ring, about orb.Point) (a, x, y float64) {
	last := r[len(r)-1]
	ax, ay := last[0]-about[0], last[1]-about[1]
	for _, v := range r {
		bx, by := v[0]-about[0], v[1]-about[1]
		cross := ax*by - bx*ay
		a, x, y = a+cross, x+(ax+bx)*cross, y+(ay+by)*cross
		ax, ay = bx, by
	}
	return a, x, y
}
