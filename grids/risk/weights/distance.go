package weights

import (
	"cmp"
	"container/heap"
	"context"
	"math"
	"slices"

	"github.com/paulmach/orb"

	"wangge/grids"
)

// tie is how far two distances may differ, relatively, and still be equal: coordinates of a few thousand kilometres are rounded to a
// nanometre, so that the sides of a regular grid are not all of one length.
const tie = 1e-9

// sweep is points sorted along the axis in which they spread most.
type sweep struct {
	sites []orb.Point
	axis  int
	order []int32 // of the points along the axis
	at    []int32 // where each is in order
}

func newSweep(sites []orb.Point) *sweep {
	s := &sweep{sites: sites, order: make([]int32, len(sites)), at: make([]int32, len(sites))}
	box := orb.MultiPoint(sites).Bound()
	if box.Max[1]-box.Min[1] > box.Max[0]-box.Min[0] {
		s.axis = 1
	}
	for i := range s.order {
		s.order[i] = int32(i)
	}
	slices.SortStableFunc(s.order, func(i, j int32) int { return cmp.Compare(sites[i][s.axis], sites[j][s.axis]) })
	for at, i := range s.order {
		s.at[i] = int32(at)
	}
	return s
}

// from calls visit with the others in the order of their distance from i along the axis, and that distance, until it says false.
func (s *sweep) from(i int, visit func(j int32, alongM float64) bool) {
	here := s.sites[i][s.axis]
	down, up := int(s.at[i])-1, int(s.at[i])+1
	for down >= 0 || up < len(s.order) {
		below, above := math.Inf(1), math.Inf(1)
		if down >= 0 {
			below = here - s.sites[s.order[down]][s.axis]
		}
		if up < len(s.order) {
			above = s.sites[s.order[up]][s.axis] - here
		}
		j, along := int32(0), min(below, above)
		if below <= above {
			j, down = s.order[down], down-1
		} else {
			j, up = s.order[up], up+1
		}
		if !visit(j, along) {
			return
		}
	}
}

// distanceM is the distance of two points.
func distanceM(p, q orb.Point) float64 { return math.Hypot(p[0]-q[0], p[1]-q[1]) }

// nearby is the graph of points at most mostM apart and more than aboveM; the latter 0 for any.
func nearby(ctx context.Context, sites []orb.Point, mostM, aboveM float64) (graph, error) {
	g, s, links := make(graph, len(sites)), newSweep(sites), 0
	most, above := mostM*(1+tie), aboveM*(1+tie)
	for i := range sites {
		if err := goOn(ctx, links); err != nil {
			return nil, err
		}
		s.from(i, func(j int32, along float64) bool {
			if along > most {
				return false
			}
			if d := distanceM(sites[i], sites[j]); d <= most && (aboveM == 0 || d > above) {
				g[i] = append(g[i], j)
			}
			return true
		})
		links += len(g[i])
	}
	g.sort()
	return g, nil
}

// nearest is the graph of the k nearest points of each; of equally near ones those with the lowest index.
func nearest(ctx context.Context, sites []orb.Point, k int) (graph, error) {
	if k >= len(sites) {
		return nil, grids.Errorf(grids.Invalid, "%d nearest neighbours need at least %d units, and there are %d: take a lower k", k, k+1, len(sites))
	}
	if err := goOn(ctx, k*len(sites)); err != nil {
		return nil, err
	}
	g, s := make(graph, len(sites)), newSweep(sites)
	for i := range sites {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		g[i] = s.nearest(i, k)
	}
	g.sort()
	return g, nil
}

// farthest is a heap of distances, the largest first.
type farthest []float64

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (f farthest) Len() int           { return len(f) }
func (f farthest) Less(i, j int) bool { return f[i] > f[j] }
func (f farthest) Swap(i, j int)      { f[i], f[j] = f[j], f[i] }
func (f *farthest) Push(x any)        { *f = append(*f, x.(float64)) }
func (f *farthest) Pop() any          { x := (*f)[len(*f)-1]; *f = (*f)[:len(*f)-1]; return x }

// nearest is the k nearest points of i, in no order.
func (s *sweep) nearest(i, k int) []int32 {
	type other struct {
		j int32
		d float64
	}
	var found []other
	best := make(farthest, 0, k) // the k shortest distances
	s.from(i, func(j int32, along float64) bool {
		full := len(best) == k
		if full && along > best[0]*(1+tie) {
			return false
		}
		d := distanceM(s.sites[i], s.sites[j])
		if full && d > best[0]*(1+tie) {
			return true
		}
		found = append(found, other{j, d})
		if !full {
			heap.Push(&best, d)
		} else if d < best[0] {
			best[0] = d
			heap.Fix(&best, 0)
		}
		return true
	})
	cut := best[0]
	slices.SortFunc(found, func(a, b other) int { return cmp.Compare(a.j, b.j) })
	out := make([]int32, 0, k)
	for _, o := range found {
		if o.d < cut*(1-tie) {
			out = append(out, o.j)
		}
	}
	for _, o := range found {
		if len(out) < k && o.d >= cut*(1-tie) && o.d <= cut*(1+tie) {
			out = append(out, o.j)
		}
	}
	return out
}

// ReachM is the shortest distance band in which every point has a neighbour, the longest distance to a nearest neighbour, in metres. The
// error is Invalid: fewer than two points, or one that is not finite.
func ReachM(sites []orb.Point) (float64, error) {
	if err := (Units{Centroids: sites}).check(); err != nil {
		return 0, err
	}
	g, err := nearest(context.Background(), sites, 1)
	if err != nil {
		return 0, err
	}
	reach := 0.0
	for i, to := range g {
		reach = max(reach, distanceM(sites[i], sites[to[0]]))
	}
	return reach, nil
}
