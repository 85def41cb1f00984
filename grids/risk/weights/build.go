package weights

import (
	"context"
	"math"
	"slices"
	"strings"

	"github.com/paulmach/orb"

	"wangge/grids"
	"wangge/grids/mesh"
	"wangge/grids/risk/stat"
)

// Built is weights as they were made, with what there is to know about them.
type Built struct {
	Matrix    *Matrix   `json:"-"`
	Meta      stat.Meta `json:"meta"`      // Params: the "spec" and, as "units", the hash of the units; isolates are dropped
	Links     int       `json:"links"`     // without those of units to themselves
	Isolates  []int     `json:"isolates"`  // units without neighbours, ascending; nil when there are none
	Linked    [][2]int  `json:"linked"`    // units that had none, each with the one it was joined to; nil when there are none
	Symmetric bool      `json:"symmetric"` // every link has one back; the weights of the two may differ
	Sums      Sums      `json:"sums"`
}

// Build makes the weights of a spec. In this order: who meets or is near whom; bridges; isolates, by the policy; the order; self; the style.
// A policy of Refuse looks again after the order, and units that have no neighbours of just that order are isolates.
//
// The result depends on nothing but spec and units. The error is Invalid for what [Spec.Check] refuses and for units that do not suit the
// spec, TooLarge for more than 20 million links, and that of ctx when it ends before.
func Build(ctx context.Context, s Spec, u Units) (*Built, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	if err := u.check(); err != nil {
		return nil, err
	}
	var sites []orb.Point
	if s.Kind == KNN || s.Kind == Band || s.Kind == Inverse || s.Isolates == LinkNearest {
		var err error
		if sites, err = u.sites(); err != nil {
			return nil, err
		}
	}
	g, err := first(ctx, s, u, sites)
	if err != nil {
		return nil, err
	}
	if err := g.bridge(s.Bridges, u); err != nil {
		return nil, err
	}
	linked, err := g.isolates(s.Isolates, sites, u)
	if err != nil {
		return nil, err
	}
	if s.Order > 1 {
		if g, err = g.steps(ctx, s.Order, s.Cumulative); err != nil {
			return nil, err
		}
		if err := g.refuse(s.Isolates, u); err != nil {
			return nil, err
		}
	}
	m, err := weigh(g, s, u, sites)
	if err != nil {
		return nil, err
	}
	return report(m, s, u, linked), nil
}

// first is the graph of first order.
func first(ctx context.Context, s Spec, u Units, sites []orb.Point) (graph, error) {
	switch s.Kind {
	case Queen, Rook:
		if u.Polygons == nil {
			return nil, grids.Errorf(grids.Invalid, "%s weights go by shape: give the units polygons", s.Kind)
		}
		return contiguous(ctx, u.Polygons, s.SnapM, s.Kind == Rook)
	case KNN:
		return nearest(ctx, sites, s.K)
	case Ring:
		return rings(ctx, u.Cells, s.K)
	}
	return nearby(ctx, sites, s.BandM, s.LowerM)
}

// rings is the graph of cells at most k steps apart.
func rings(ctx context.Context, cells []mesh.Cell, k int) (graph, error) {
	if cells == nil {
		return nil, grids.Errorf(grids.Invalid, "ring weights go by H3 cells: give the units cells")
	}
	at := make(map[mesh.Cell]int32, len(cells))
	for i, c := range cells {
		at[c] = int32(i)
	}
	g, links := make(graph, len(cells)), 0
	for i, c := range cells {
		if err := goOn(ctx, links); err != nil {
			return nil, err
		}
		disk, err := c.Disk(k)
		if err != nil {
			return nil, err
		}
		for _, d := range disk {
			if j, ok := at[d]; ok && d != c {
				g[i] = append(g[i], j)
			}
		}
		links += len(g[i])
	}
	g.sort()
	return g, nil
}

// weigh gives the links their weights, and the matrix its style.
func weigh(g graph, s Spec, u Units, sites []orb.Point) (*Matrix, error) {
	rows := make([][]Link, len(g))
	for i, to := range g {
		if s.Self {
			to = append(slices.Clip(to), int32(i))
		}
		rows[i] = make([]Link, len(to))
		for at, j := range to {
			l := Link{To: int(j), Weight: 1}
			if s.Kind == Inverse {
				d := max(distanceM(sites[i], sites[j]), s.FloorM)
				if d == 0 {
					return nil, grids.Errorf(grids.Invalid, "the units %s and %s have the same centroid, and 1/0 is no weight: give floor_m, the least distance",
						u.name(i), u.name(int(j)))
				}
				l.Weight = 1 / math.Pow(d, s.Power)
			}
			rows[i][at] = l
		}
	}
	m, err := New(rows)
	if err != nil {
		return nil, err
	}
	return m.Styled(s.Style)
}

// report tells what there is to know of the matrix.
func report(m *Matrix, s Spec, u Units, linked [][2]int) *Built {
	b := &Built{Matrix: m, Isolates: m.Isolates(), Linked: linked, Sums: m.Sums(), Links: m.Links()}
	b.Symmetric, _ = m.Symmetric()
	if s.Self {
		b.Links -= m.N()
	}
	b.Meta = stat.Meta{
		Method: "weights-" + string(s.Kind), Version: "1", Source: source(s), Weights: m.Hash(),
		Params: map[string]any{"spec": s, "units": u.Hash()}, Used: m.N() - len(b.Isolates),
	}
	if len(b.Isolates) > 0 {
		b.Meta.Dropped = map[stat.Reason]int{stat.Isolate: len(b.Isolates)}
	}
	return b
}

// source is who described what the spec does.
func source(s Spec) string {
	of := "Cliff & Ord 1981, ch. 1"
	if s.Kind == Ring {
		of = "H3 grid disk"
	}
	if s.Order > 1 {
		of += "; order: Blommestein 1985"
	}
	if s.Style == C || s.Style == U || s.Style == S {
		of += "; style: Tiefelsdorf, Griffith & Boots 1999"
	}
	return of
}

// bridge joins the pairs, both ways.
func (g graph) bridge(pairs [][2]string, u Units) error {
	if len(pairs) == 0 {
		return nil
	}
	at := make(map[string]int, len(g))
	for i := range g {
		at[u.name(i)] = i
	}
	for n, p := range pairs {
		for _, key := range p {
			if _, known := at[key]; !known {
				return grids.Errorf(grids.Invalid, "bridge %d names the unit %.40q, which is not there", n, key)
			}
		}
		g.join(at[p[0]], at[p[1]])
	}
	return nil
}

// isolates does with units without neighbours what the policy says, and lists those that it linked.
func (g graph) isolates(p Isolates, sites []orb.Point, u Units) (linked [][2]int, err error) {
	if err := g.refuse(p, u); err != nil || p != LinkNearest {
		return nil, err
	}
	var sw *sweep
	for i := range g {
		if len(g[i]) > 0 {
			continue
		}
		if len(g) == 1 {
			return nil, grids.Errorf(grids.Invalid, "there is one unit alone: it cannot be linked")
		}
		if sw == nil {
			sw = newSweep(sites)
		}
		linked = append(linked, [2]int{i, int(sw.nearest(i, 1)[0])})
	}
	for _, l := range linked {
		g.join(l[0], l[1])
	}
	return linked, nil
}

// namedIsolates is how many isolates an error names.
const namedIsolates = 5

// refuse is an error when the policy is Refuse and there are units without neighbours.
func (g graph) refuse(p Isolates, u Units) error {
	if p != Refuse {
		return nil
	}
	var names []string
	n := 0
	for i := range g {
		if len(g[i]) > 0 {
			continue
		}
		if n++; n <= namedIsolates {
			names = append(names, u.name(i))
		}
	}
	if n == 0 {
		return nil
	}
	return grids.Errorf(grids.Invalid, "%d units have no neighbours (%.200s): give bridges, another kind, or the policy keep or link",
		n, strings.Join(names, ", "))
}
