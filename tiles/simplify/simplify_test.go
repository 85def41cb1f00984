package simplify

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// layer is rings as Ranks takes them.
type layer struct {
	xy   [][2]uint32
	ends []uint32
}

func (l *layer) add(ring [][2]uint32) {
	l.xy = append(l.xy, ring...)
	l.ends = append(l.ends, uint32(len(l.xy)))
}

func layerOf(rings ...[][2]uint32) (l layer) {
	for _, r := range rings {
		l.add(r)
	}
	return l
}

// each calls do with the range of each ring.
func (l layer) each(do func(from, to int)) {
	from := 0
	for _, end := range l.ends {
		do(from, int(end))
		from = int(end)
	}
}

// drawn is the vertices of a ring at zoom z.
func drawn(ring [][2]uint32, ranks []uint8, z int) (out [][2]uint32) {
	for i, p := range ring {
		if int(ranks[i]) <= z {
			out = append(out, p)
		}
	}
	return out
}

// area2 is twice the signed area of an open ring.
func area2(ring [][2]uint32) (sum int64) {
	for i, p := range ring {
		q := ring[(i+1)%len(ring)]
		sum += int64(p[0])*int64(q[1]) - int64(q[0])*int64(p[1])
	}
	return sum
}

// area2 is twice the sum of the signed areas at zoom z.
func (l layer) area2(ranks []uint8, z int) (sum int64) {
	l.each(func(from, to int) { sum += area2(drawn(l.xy[from:to], ranks[from:to], z)) })
	return sum
}

// unit is the lattice unit of zoom z.
func unit(z int) float64 { return math.Exp2(float64(20 - z)) }

// fromSegment is the distance of p from the segment ab.
func fromSegment(p, a, b [2]uint32) float64 {
	ax, ay := float64(a[0]), float64(a[1])
	dx, dy, ux, uy := float64(b[0])-ax, float64(b[1])-ay, float64(p[0])-ax, float64(p[1])-ay
	s := 0.0
	if l := dx*dx + dy*dy; l > 0 {
		s = min(max((ux*dx+uy*dy)/l, 0), 1)
	}
	return math.Hypot(ux-s*dx, uy-s*dy)
}

// deviation is the largest distance of a vertex that is not drawn from the segment drawn in its place.
func deviation(ring [][2]uint32, ranks []uint8, z int) (worst float64) {
	var kept []int
	for i, r := range ranks {
		if int(r) <= z {
			kept = append(kept, i)
		}
	}
	if len(kept) == 0 && len(ring) > 0 {
		return math.Inf(1)
	}
	for k, a := range kept {
		b := kept[(k+1)%len(kept)]
		for i := (a + 1) % len(ring); i != b; i = (i + 1) % len(ring) {
			worst = max(worst, fromSegment(ring[i], ring[a], ring[b]))
		}
	}
	return worst
}

// checkDeviation tells whether the layer keeps to the tolerance at every zoom.
func checkDeviation(t failer, l layer, ranks []uint8, tolerance float64) {
	t.Helper()
	for z := range Never {
		l.each(func(from, to int) {
			if d := deviation(l.xy[from:to], ranks[from:to], z); d > tolerance*unit(z)*(1+1e-9)+1e-4 {
				t.Fatalf("zoom %d: the ring at %d departs by %g units", z, from, d/unit(z))
			}
		})
	}
}

type failer interface {
	Helper()
	Fatalf(string, ...any)
}

// byPosition is the ranks by position; it fails when a position has two.
func byPosition(t failer, l layer, ranks []uint8) map[[2]uint32]uint8 {
	t.Helper()
	out := map[[2]uint32]uint8{}
	for i, p := range l.xy {
		if r, ok := out[p]; ok && r != ranks[i] {
			t.Fatalf("%v has the ranks %d and %d", p, r, ranks[i])
		}
		out[p] = ranks[i]
	}
	return out
}

// turned is the ring from another start, and the other way round.
func turned(t *rapid.T, ring [][2]uint32) [][2]uint32 {
	if len(ring) == 0 {
		return nil
	}
	s := rapid.IntRange(0, len(ring)-1).Draw(t, "start")
	out := slices.Concat(ring[s:], ring[:s])
	if rapid.Bool().Draw(t, "reverse") {
		slices.Reverse(out)
	}
	return out
}

// shuffled is the layer with its rings in another order, each turned.
func shuffled(t *rapid.T, l layer) (out layer) {
	var rings [][][2]uint32
	l.each(func(from, to int) { rings = append(rings, l.xy[from:to]) })
	for _, r := range rapid.Permutation(rings).Draw(t, "order") {
		out.add(turned(t, r))
	}
	return out
}

// tolerances are drawn as callers have them.
var tolerances = rapid.SampledFrom([]float64{0, .5, 1, 2, 4})

// checkAll holds the ranks of a layer against everything that is promised for any input.
func checkAll(t *rapid.T, l layer, tolerance float64) []uint8 {
	ranks := Ranks(l.xy, l.ends, tolerance)
	for i, r := range ranks {
		if r > Never {
			t.Fatalf("vertex %d has rank %d", i, r)
		}
	}
	checkDeviation(t, l, ranks, tolerance)
	mine := byPosition(t, l, ranks)
	other := shuffled(t, l)
	for p, r := range byPosition(t, other, Ranks(other.xy, other.ends, tolerance)) {
		if mine[p] != r {
			t.Fatalf("%v has rank %d, and %d when the rings are shuffled", p, mine[p], r)
		}
	}
	return ranks
}

// partition is a jittered lattice of quadrilaterals with many bends along each side, shared exactly, and its outer outline.
// Some cells are joined with their eastern neighbour, some have a ring inside that is a hole of theirs and a polygon.
func partition(t *rapid.T) (l layer, outer [][2]uint32) {
	const size, left, top = 1 << 14, 3_600_000_000, 1_700_000_000
	n := rapid.IntRange(1, 4).Draw(t, "n")
	bends, scale := rapid.IntRange(0, 12).Draw(t, "bends"), rapid.IntRange(1, size/3).Draw(t, "scale")
	jitter := rapid.IntRange(-scale, scale)
	corners := map[[2]int][2]uint32{}
	for i := range n + 1 {
		for j := range n + 1 {
			corners[[2]int{i, j}] = [2]uint32{uint32(left + size*i + jitter.Draw(t, "x")), uint32(top + size*j + jitter.Draw(t, "y"))}
		}
	}
	sides := map[[4]int][][2]uint32{}
	side := func(i, j, k, m int) (out [][2]uint32) { // with its first corner, without its second
		if i > k || j > m {
			out = slices.Clone(sides[[4]int{k, m, i, j}])
			slices.Reverse(out)
		} else if out = sides[[4]int{i, j, k, m}]; out == nil {
			a, b := corners[[2]int{i, j}], corners[[2]int{k, m}]
			for s := range bends {
				at := func(c int) uint32 {
					return uint32((int64(a[c])*int64(bends-s)+int64(b[c])*int64(s+1))/int64(bends+1) + int64(jitter.Draw(t, "bend")))
				}
				out = append(out, [2]uint32{at(0), at(1)})
			}
			sides[[4]int{i, j, k, m}] = out
		}
		return append([][2]uint32{corners[[2]int{i, j}]}, out...)
	}
	for j := range n { // all sides, drawn before they are used the other way
		for i := range n {
			side(i, j, i+1, j)
			side(i, j, i, j+1)
			side(i, j+1, i+1, j+1)
			side(i+1, j, i+1, j+1)
		}
	}
	for j := range n {
		for i := 0; i < n; i++ {
			k := i + 1
			if k < n && rapid.Bool().Draw(t, "join") {
				k++
			}
			var ring [][2]uint32
			for c := i; c < k; c++ {
				ring = append(ring, side(c, j, c+1, j)...)
			}
			ring = append(ring, side(k, j, k, j+1)...)
			for c := k; c > i; c-- {
				ring = append(ring, side(c, j+1, c-1, j+1)...)
			}
			l.add(append(ring, side(i, j+1, i, j)...))
			if rapid.Bool().Draw(t, "enclave") {
				l.enclave(t, uint32(left+size*i), uint32(top+size*j), size)
			}
			i = k - 1
		}
	}
	for c := range n {
		outer = append(outer, side(c, 0, c+1, 0)...)
	}
	for c := range n {
		outer = append(outer, side(n, c, n, c+1)...)
	}
	for c := n; c > 0; c-- {
		outer = append(outer, side(c, n, c-1, n)...)
	}
	for c := n; c > 0; c-- {
		outer = append(outer, side(0, c, 0, c-1)...)
	}
	return l, outer
}

// enclave adds a ring twice, as a hole and as a polygon that starts elsewhere.
func (l *layer) enclave(t *rapid.T, x, y uint32, size int) {
	var ring [][2]uint32
	for range rapid.IntRange(3, 12).Draw(t, "corners") {
		ring = append(ring, [2]uint32{x + uint32(rapid.IntRange(0, size).Draw(t, "x")), y + uint32(rapid.IntRange(0, size).Draw(t, "y"))})
	}
	hole := slices.Clone(ring)
	slices.Reverse(hole)
	s := rapid.IntRange(0, len(ring)-1).Draw(t, "start")
	l.add(hole)
	l.add(slices.Concat(ring[s:], ring[:s]))
}

func TestPartitionsStayClosed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, outer := partition(t)
		tolerance := tolerances.Draw(t, "tolerance")
		ranks := checkAll(t, l, tolerance)
		at := byPosition(t, l, ranks)
		border := make([]uint8, len(outer))
		for i, p := range outer {
			border[i] = at[p]
		}
		for z := range Never {
			if got, want := l.area2(ranks, z), area2(drawn(outer, border, z)); got != want {
				t.Fatalf("zoom %d: twice the areas are %d, of the outline %d", z, got, want)
			}
		}
	})
}

// Rings out of a handful of positions: repeats, spikes, figures of eight, rings of one vertex or none.
func TestAnythingGoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		coordinate := rapid.SampledFrom([]uint32{0, 1, 2, 1 << 10, 1 << 20, 3 << 20, 1<<32 - 1})
		var l layer
		for range rapid.IntRange(0, 5).Draw(t, "rings") {
			var ring [][2]uint32
			for range rapid.IntRange(0, 12).Draw(t, "vertices") {
				ring = append(ring, [2]uint32{coordinate.Draw(t, "x"), coordinate.Draw(t, "y")})
			}
			l.add(ring)
		}
		checkAll(t, l, tolerances.Draw(t, "tolerance"))
	})
}

// A border that two polygons share keeps its ranks when a third one, elsewhere, comes or goes.
func TestAnArcKnowsNothingOfOthers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, _ := partition(t)
		tolerance := tolerances.Draw(t, "tolerance")
		apart := layer{slices.Clone(l.xy), slices.Clone(l.ends)}
		apart.add([][2]uint32{{1, 1}, {1 << 30, 7}, {1 << 29, 1 << 30}})
		if got, want := Ranks(apart.xy, apart.ends, tolerance)[:len(l.xy)], Ranks(l.xy, l.ends, tolerance); !slices.Equal(got, want) {
			t.Fatalf("the ranks %v became %v", want, got)
		}
	})
}

// peucker marks what Douglas and Peucker keep of a chain, the plain way.
func peucker(chain []point, tolerance float64, keep []bool) {
	if at, d2 := farthest(chain); d2 > tolerance*tolerance {
		keep[at] = true
		peucker(chain[:at+1], tolerance, keep[:at+1])
		peucker(chain[at:], tolerance, keep[at:])
	}
}

// A border between two polygons that have other corners too is what the plain algorithm makes of it at each zoom.
func TestArcsAreDouglasPeucker(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := uint32(1) << rapid.IntRange(8, 28).Draw(t, "size")
		at := rapid.Uint32Range(1, size)
		border := [][2]uint32{{0, at.Draw(t, "y")}}
		bend := rapid.Custom(func(t *rapid.T) [2]uint32 { return [2]uint32{at.Draw(t, "x"), at.Draw(t, "y")} })
		border = append(border, rapid.SliceOfNDistinct(bend, 0, 60, rapid.ID[[2]uint32]).Draw(t, "bends")...)
		border = append(border, [2]uint32{size + 1, at.Draw(t, "y")})
		north, south := [2]uint32{size / 2, 0}, [2]uint32{size / 2, size + 1}
		back := slices.Clone(border)
		slices.Reverse(back)
		l := layerOf(append(back, north), append(slices.Clone(border), south), [][2]uint32{north}, [][2]uint32{south})
		tolerance := tolerances.Draw(t, "tolerance")
		got := checkAll(t, l, tolerance)[len(back)+1:][:len(border)]
		chain := make([]point, len(border))
		for i, p := range border {
			chain[i] = point{float64(p[0]), float64(p[1])}
		}
		for z := range Never {
			keep := make([]bool, len(border))
			keep[0], keep[len(keep)-1] = true, true
			peucker(chain, tolerance*unit(z), keep)
			for i := range keep {
				if keep[i] != (int(got[i]) <= z) {
					t.Fatalf("zoom %d: vertex %d has rank %d, the plain algorithm keeps it: %v", z, i, got[i], keep[i])
				}
			}
		}
	})
}

// Two vertices are farthest in a ring that is its own mirror image: the turn of the ring must not decide between them.
func TestMirrorImages(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.Uint32Range(1, 6)
		half := [][2]uint32{}
		for range rapid.IntRange(1, 8).Draw(t, "vertices") {
			half = append(half, [2]uint32{at.Draw(t, "x") << 12, at.Draw(t, "y") << 12})
		}
		ring := append([][2]uint32{{0, 0}}, half...)
		for _, p := range slices.Backward(half) {
			ring = append(ring, [2]uint32{p[1], p[0]})
		}
		checkAll(t, layerOf(ring), tolerances.Draw(t, "tolerance"))
	})
}

func TestRanks(t *testing.T) {
	const u = 1 << 10 // a unit of zoom 10
	for _, tt := range []struct {
		name  string
		rings [][][2]uint32
		ranks []uint8
	}{
		{"nothing", nil, []uint8{}},
		{"a ring of none", [][][2]uint32{{}}, []uint8{}},
		{"one vertex", [][][2]uint32{{{5, 5}}}, []uint8{0}},
		{"one vertex, repeated", [][][2]uint32{{{5, 5}, {5, 5}, {5, 5}}}, []uint8{0, 0, 0}},
		{"there and back", [][][2]uint32{{{5, 5}, {9, 5}}}, []uint8{0, 0}},
		{"a spike", [][][2]uint32{{{0, 0}, {u, 0}, {2 * u, 0}, {u, 0}}}, []uint8{0, 0, 0, 0}},
		// Its diagonal is more than a unit of zoom 10, less than one of zoom 9.
		{"a square", [][][2]uint32{{{0, 0}, {u, 0}, {u, u}, {0, u}}}, []uint8{0, 10, 10, 10}},
		{"one unit is within the tolerance", [][][2]uint32{{{0, 0}, {u, 0}, {u / 2, 1}}}, []uint8{0, 11, 11}},
		{"a vertex on an edge", [][][2]uint32{{{0, 0}, {u, 0}, {2 * u, 0}, {2 * u, 2 * u}}}, []uint8{0, Never, 9, 9}},
		{"too fine for any zoom", [][][2]uint32{{{0, 0}, {9, 9}, {0, 9}}}, []uint8{0, Never, Never}},
		// Long and narrow: the ring keeps a vertex on each side while it is longer than the tolerance.
		{"a needle", [][][2]uint32{{{0, 8}, {9 * u, 0}, {20 * u, 8}, {9 * u, 16}}}, []uint8{0, 6, 6, 6}},
		{"a needle with a slight bend", [][][2]uint32{{{0, 8}, {4 * u, 3}, {9 * u, 0}, {20 * u, 8}, {9 * u, 16}}}, []uint8{0, Never, 6, 6, 6}},
		{"a lens between two junctions", [][][2]uint32{
			{{0, 0}, {9 * u, 8}, {20 * u, 0}, {20 * u, 50 * u}},
			{{0, 0}, {9 * u, 8}, {20 * u, 0}},
		}, []uint8{0, 6, 0, 5, 0, 6, 0}},
	} {
		l := layerOf(tt.rings...)
		got := Ranks(l.xy, l.ends, 1)
		if !slices.Equal(got, tt.ranks) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.ranks)
		}
	}
}

// What a ring larger than the tolerance keeps has an area, if the ring has.
func TestRingsKeepTheirShape(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(3, 40).Draw(t, "corners")
		a, b := rapid.IntRange(64, 1<<24).Draw(t, "a"), rapid.IntRange(64, 1<<24).Draw(t, "b")
		var ring [][2]uint32
		for i := range n {
			s, c := math.Sincos(2 * math.Pi * float64(i) / float64(n))
			p := [2]uint32{uint32(1<<30 + math.Round(float64(a)*c)), uint32(1<<30 + math.Round(float64(b)*s))}
			if i == 0 || ring[len(ring)-1] != p {
				ring = append(ring, p)
			}
		}
		if area2(ring) == 0 {
			t.Fatal("rounded to a line: the radii are too small to test with")
		}
		ring = turned(t, ring)
		ranks := Ranks(ring, []uint32{uint32(len(ring))}, 2)
		first := slices.MinFunc(ring, inOrder)
		for z := range Never {
			far := 0.0
			for _, p := range ring {
				far = max(far, fromSegment(p, first, first))
			}
			if kept := drawn(ring, ranks, z); far > 2*unit(z) && (len(kept) < 3 || area2(kept) == 0) {
				t.Fatalf("zoom %d: of a ring %g units long %d vertices are left", z, far/unit(z), len(kept))
			}
		}
	})
}

// zigzag is a ring whose every split takes off one vertex: ever wider swings around one line.
func zigzag(n int) [][2]uint32 {
	ring := make([][2]uint32, 0, n)
	for i := range n {
		y := 1<<31 + i*64
		if i%2 == 0 {
			y = 1<<31 - i*64
		}
		ring = append(ring, [2]uint32{uint32(1 << 30), uint32(y)})
	}
	for i := range ring {
		ring[i][0] += uint32(i)
	}
	return ring
}

// Splitting at the farthest vertex alone would take longer than a test may.
func TestWorstInputEnds(t *testing.T) {
	l := layerOf(zigzag(1_000_000))
	ranks := Ranks(l.xy, l.ends, 1)
	checkDeviation(t, l, ranks, 1)
}
