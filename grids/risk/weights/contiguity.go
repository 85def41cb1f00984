package weights

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/paulmach/orb"

	"wangge/grids"
)

// rookSnaps is how many snaps boundaries must run together to share a border. Where two units meet in a point alone, their edges stay within
// the snap of each other beside it, and the shallower the gap the longer: up to twice the snap on either side for a gap of 30°.
const rookSnaps = 4

// segment is one straight piece of a unit's boundary, with its box.
type segment struct {
	a, b                   orb.Point
	minX, minY, maxX, maxY float64
	unit                   int32
}

// segments lists the pieces of all boundaries; rings are closed.
func segments(polygons []orb.MultiPolygon) []segment {
	var out []segment
	for i, m := range polygons {
		for _, p := range m {
			for _, r := range p {
				a := r[len(r)-1]
				for _, b := range r {
					if a != b {
						out = append(out, segment{a, b, min(a[0], b[0]), min(a[1], b[1]), max(a[0], b[0]), max(a[1], b[1]), int32(i)})
					}
					a = b
				}
			}
		}
	}
	return out
}

// pair is two units, the lower first.
type pair struct{ i, j int32 }

// contiguous is the graph of polygons whose boundaries come within snapM of each other somewhere (queen), or run together for more than
// rookSnaps·snapM in all (rook): crossings, corners on edges, gaps and overlaps within the snap count.
func contiguous(ctx context.Context, polygons []orb.MultiPolygon, snapM float64, rook bool) (graph, error) {
	met := map[pair]float64{} // metres that they share
	err := near(ctx, segments(polygons), snapM, func(s, t *segment) error {
		p := pair{min(s.unit, t.unit), max(s.unit, t.unit)}
		if rook {
			if l := sharedM(s, t, snapM); l > 0 {
				met[p] += l
			}
		} else if _, known := met[p]; !known && s.within(t, snapM) {
			met[p] = 0
		}
		return goOn(ctx, 2*len(met))
	})
	if err != nil {
		return nil, err
	}
	g := make(graph, len(polygons))
	for p, l := range met {
		if !rook || l > rookSnaps*snapM {
			g[p.i] = append(g[p.i], p.j)
			g[p.j] = append(g[p.j], p.i)
		}
	}
	g.sort()
	return g, nil
}

// near calls visit for every two segments of different units whose boxes come within snapM, once: a sweep from west to east in each of a
// number of strips.
func near(ctx context.Context, segs []segment, snapM float64, visit func(s, t *segment) error) error {
	slices.SortStableFunc(segs, func(s, t segment) int { return cmp.Compare(s.minX, t.minX) })
	st := stripsOf(segs, snapM)
	for at, strip := range st.list {
		if err := goOn(ctx, 0); err != nil {
			return err
		}
		for from, i := range strip {
			s := &segs[i]
			first := st.of(s.minY - snapM)
			for _, j := range strip[from+1:] {
				t := &segs[j]
				if t.minX > s.maxX+snapM {
					break
				}
				if s.unit == t.unit || t.minY > s.maxY+snapM || s.minY > t.maxY+snapM || max(first, st.of(t.minY-snapM)) != at {
					continue
				}
				if err := visit(s, t); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// strips cuts the plane into strips of equal height from south to north, and lists the segments in each.
type strips struct {
	minY, perM float64
	list       [][]int32
}

// stripsOf makes strips that are few enough that a segment is in two or three on average.
func stripsOf(segs []segment, snapM float64) strips {
	minY, maxY, height := math.Inf(1), math.Inf(-1), 0.0
	for i := range segs {
		minY, maxY = min(minY, segs[i].minY), max(maxY, segs[i].maxY)
		height += segs[i].maxY - segs[i].minY
	}
	n := float64(len(segs))
	high := max(height/n+2*snapM, (maxY-minY)/math.Sqrt(n))
	st := strips{minY: minY, list: make([][]int32, 1)}
	if high > 0 {
		st.perM = 1 / high
		st.list = make([][]int32, int((maxY-minY)/high)+1)
	}
	for i := range segs {
		for s := st.of(segs[i].minY - snapM); s <= st.of(segs[i].maxY+snapM); s++ {
			st.list[s] = append(st.list[s], int32(i))
		}
	}
	return st
}

// of is the strip of a y.
func (st *strips) of(y float64) int { return min(max(int((y-st.minY)*st.perM), 0), len(st.list)-1) }

// within reports whether two segments come within snapM: they cross, or an end of one is that near to the other.
func (s *segment) within(t *segment, snapM float64) bool {
	square := snapM * snapM
	return s.squareTo(t.a) <= square || s.squareTo(t.b) <= square || t.squareTo(s.a) <= square || t.squareTo(s.b) <= square ||
		cross(s.a, s.b, t.a)*cross(s.a, s.b, t.b) < 0 && cross(t.a, t.b, s.a)*cross(t.a, t.b, s.b) < 0
}

// squareTo is the square of the distance from a segment to a point.
func (s *segment) squareTo(p orb.Point) float64 {
	if p == s.a || p == s.b {
		return 0
	}
	dx, dy, px, py := s.b[0]-s.a[0], s.b[1]-s.a[1], p[0]-s.a[0], p[1]-s.a[1]
	at := min(max((px*dx+py*dy)/(dx*dx+dy*dy), 0), 1)
	return square(px-at*dx, py-at*dy)
}

func square(x, y float64) float64 { return x*x + y*y }

// cross is above 0 when a, b, c turn to the left.
func cross(a, b, c orb.Point) float64 {
	return (b[0]-a[0])*(c[1]-a[1]) - (b[1]-a[1])*(c[0]-a[0])
}

// steepest is the cosine of the largest angle, 60°, between two pieces that run together.
const steepest = .5

// sharedM is the length for which two segments run together: that of their overlap along the line halfway between their directions, if they
// are within snapM of each other at both ends of it, and 0 otherwise. It is the same either way round.
func sharedM(s, t *segment, snapM float64) float64 {
	sx, sy := s.direction()
	tx, ty := t.direction()
	cosine := sx*tx + sy*ty
	if math.Abs(cosine) < steepest {
		return 0
	}
	if cosine < 0 {
		tx, ty = -tx, -ty
	}
	x, y := sx+tx, sy+ty
	l := math.Hypot(x, y)
	x, y = x/l, y/l
	from := orb.Point{s.minX, s.minY}
	if c := cmp.Or(cmp.Compare(t.minX, s.minX), cmp.Compare(t.minY, s.minY)); c < 0 {
		from = orb.Point{t.minX, t.minY}
	}
	along := func(p orb.Point) float64 { return (p[0]-from[0])*x + (p[1]-from[1])*y }
	sa, sb, ta, tb := along(s.a), along(s.b), along(t.a), along(t.b)
	lo, hi := max(min(sa, sb), min(ta, tb)), min(max(sa, sb), max(ta, tb))
	if !(hi > lo) {
		return 0
	}
	for _, end := range []float64{lo, hi} {
		p, q := s.at(end, sa, sb), t.at(end, ta, tb)
		if square(p[0]-q[0], p[1]-q[1]) > snapM*snapM {
			return 0
		}
	}
	return hi - lo
}

// direction is the unit vector along a segment.
func (s *segment) direction() (x, y float64) {
	x, y = s.b[0]-s.a[0], s.b[1]-s.a[1]
	l := math.Hypot(x, y)
	return x / l, y / l
}

// at is the point of a segment whose ends lie at fa and fb of a line, where the line is at f; an end itself to the last bit.
func (s *segment) at(f, fa, fb float64) orb.Point {
	switch f {
	case fa:
		return s.a
	case fb:
		return s.b
	}
	part := (f - fa) / (fb - fa)
	return orb.Point{s.a[0] + part*(s.b[0]-s.a[0]), s.a[1] + part*(s.b[1]-s.a[1])}
}

// maxLinks is how many links weights may have: a quarter of a gigabyte.
const maxLinks = 20_000_000

// goOn is an error when ctx has ended or there are more than maxLinks.
func goOn(ctx context.Context, links int) error {
	if links > maxLinks {
		return grids.Errorf(grids.TooLarge, "the weights have more than %d links: take a shorter distance, fewer neighbours or a lower order", maxLinks)
	}
	return ctx.Err()
}
