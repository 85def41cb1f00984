package kde

import (
	"math"
	"math/big"

	"github.com/paulmach/orb"

	"wangge/grids"
)

// Window is where points can be: a rectangle, or polygons with holes. It does not change once made.
type Window struct {
	box       orb.Bound
	rectangle bool
	area      float64 // m²
	edges     []edge  // of polygons; none for a rectangle
	slabs     [][]int32
	slabM     float64
}

// edge is a side of a polygon; the interior is on its left.
type edge struct{ a, b orb.Point }

// Rectangle is the window of an axis-parallel rectangle, its border included. The error is Invalid.
func Rectangle(b orb.Bound) (*Window, error) {
	if err := (Points{XY: []orb.Point{b.Min, b.Max}}).check(); err != nil {
		return nil, grids.Errorf(grids.Invalid, "the corners of the window: %w", err)
	}
	w, h := b.Max[0]-b.Min[0], b.Max[1]-b.Min[1]
	if !(w >= minBandwidth && h >= minBandwidth) {
		return nil, grids.Errorf(grids.Invalid, "the window is %v × %v m: give a rectangle with an area", w, h)
	}
	return &Window{box: b, rectangle: true, area: w * h}, nil
}

// NewWindow is the window of polygons with holes, their borders included. They must be valid and must not overlap; the direction of their
// rings does not matter, nor whether the last point of a ring repeats the first. The error is Invalid.
func NewWindow(polygons orb.MultiPolygon) (*Window, error) {
	w := &Window{box: orb.Bound{Min: orb.Point{math.Inf(1), math.Inf(1)}, Max: orb.Point{math.Inf(-1), math.Inf(-1)}}}
	for i, polygon := range polygons {
		for j, ring := range polygon {
			if err := w.addRing(ring, j > 0); err != nil {
				return nil, grids.Errorf(grids.Invalid, "polygon %d, ring %d of the window: %w", i, j, err)
			}
		}
	}
	width, height := w.box.Max[0]-w.box.Min[0], w.box.Max[1]-w.box.Min[1]
	if !(w.area > 0 && width >= minBandwidth && height >= minBandwidth) {
		return nil, grids.Errorf(grids.Invalid, "the window of %d polygons has no area: give polygons with an area, and holes smaller than them", len(polygons))
	}
	w.index()
	return w, nil
}

// addRing adds the edges of a ring, turned so that the interior is on the left.
func (w *Window) addRing(ring orb.Ring, hole bool) error {
	points := ring
	if n := len(points); n > 1 && points[0] == points[n-1] {
		points = points[:n-1]
	}
	if len(points) < 3 {
		return grids.Errorf(grids.Invalid, "it has %d corners: give at least 3", len(points))
	}
	if err := (Points{XY: points}).check(); err != nil {
		return err
	}
	twice, first := 0.0, points[0]
	for i, p := range points {
		q := points[(i+1)%len(points)]
		twice += (p[0]-first[0])*(q[1]-first[1]) - (q[0]-first[0])*(p[1]-first[1])
	}
	if twice == 0 {
		return grids.Errorf(grids.Invalid, "it has no area")
	}
	area := math.Abs(twice) / 2
	if hole {
		area = -area
	}
	w.area += area
	turn := (twice > 0) == hole
	for i, p := range points {
		q := points[(i+1)%len(points)]
		w.box = w.box.Extend(p)
		switch {
		case p == q:
		case turn:
			w.edges = append(w.edges, edge{q, p})
		default:
			w.edges = append(w.edges, edge{p, q})
		}
	}
	return nil
}

// index sorts the edges into slabs from south to north, so that a point meets few of them.
func (w *Window) index() {
	n := min(max(len(w.edges), 1), 1<<11)
	w.slabM = (w.box.Max[1] - w.box.Min[1]) / float64(n)
	w.slabs = make([][]int32, n)
	for i, e := range w.edges {
		for s := w.slab(min(e.a[1], e.b[1])); s <= w.slab(max(e.a[1], e.b[1])); s++ {
			w.slabs[s] = append(w.slabs[s], int32(i))
		}
	}
}

// slab is the number of the slab at y, which rises with y.
func (w *Window) slab(y float64) int {
	return int(min(max((y-w.box.Min[1])/w.slabM, 0), float64(len(w.slabs)-1)))
}

// AreaM2 is the area of the window in m².
func (w *Window) AreaM2() float64 { return w.area }

// Bound is the box around the window, metres.
func (w *Window) Bound() orb.Bound { return w.box }

// Covers reports whether a point lies in the window or on its border, decided without rounding. It is false for what is not finite.
func (w *Window) Covers(p orb.Point) bool { return w.covers(p) }

func (w *Window) covers(p orb.Point) bool {
	if !(p[0] >= w.box.Min[0] && p[0] <= w.box.Max[0] && p[1] >= w.box.Min[1] && p[1] <= w.box.Max[1]) {
		return false
	}
	if w.rectangle {
		return true
	}
	in := false
	for _, i := range w.slabs[w.slab(p[1])] {
		e := w.edges[i]
		if e.a[1] > p[1] && e.b[1] > p[1] || e.a[1] < p[1] && e.b[1] < p[1] {
			continue
		}
		side := orient(e.a, e.b, p)
		if side == 0 && p[0] >= min(e.a[0], e.b[0]) && p[0] <= max(e.a[0], e.b[0]) {
			return true
		}
		if up := e.b[1] > p[1]; up != (e.a[1] > p[1]) && (side > 0) == up {
			in = !in
		}
	}
	return in
}

// checkWindow reports a window that was not made by [Rectangle] or [NewWindow]. The error is Invalid.
func checkWindow(w *Window) error {
	if w == nil || !(w.area > 0) {
		return grids.Errorf(grids.Invalid, "there is no window: make one with Rectangle or NewWindow")
	}
	return nil
}

// orient tells on which side of the line a→b the point c lies: +1 left, −1 right, 0 exactly on it. A floating-point filter decides nearly
// always (Shewchuk 1997, orient2d), rational numbers the rest. The conversions keep the compiler from fusing a product into a sum.
func orient(a, b, c orb.Point) int {
	const bound = (3 + 16*0x1p-53) * 0x1p-53
	left := float64((a[0] - c[0]) * (b[1] - c[1]))
	right := float64((a[1] - c[1]) * (b[0] - c[0]))
	det := left - right
	switch limit := bound * (math.Abs(left) + math.Abs(right)); {
	case det > limit:
		return 1
	case -det > limit:
		return -1
	}
	return orientExact(a, b, c)
}

// orientExact is orient in rational numbers.
func orientExact(a, b, c orb.Point) int {
	minus := func(p, q float64) *big.Rat {
		d := new(big.Rat).SetFloat64(p)
		return d.Sub(d, new(big.Rat).SetFloat64(q))
	}
	left, right := minus(a[0], c[0]), minus(a[1], c[1])
	left.Mul(left, minus(b[1], c[1]))
	right.Mul(right, minus(b[0], c[0]))
	return left.Cmp(right)
}

// The classes of a cell in a mask: a byte each.
const (
	cellOut   = uint8(iota) // wholly outside the window
	cellIn                  // wholly inside
	cellMixed               // the border passes through it, or so near that rounding does not tell
)

// mask is a window over the cells of a lattice.
type mask struct {
	l     Lattice
	share []float64 // of each cell's area that is in the window
	class []uint8   // of each cell
}

// maskOf draws the polygons of a window over a lattice. Shares are exact but for rounding: every side adds the signed area between it and
// the eastern end of its row, cell by cell.
func maskOf(w *Window, l Lattice) mask {
	m := mask{l: l, share: make([]float64, l.Cells()), class: make([]uint8, l.Cells())}
	for _, e := range w.edges {
		x0, y0 := (e.a[0]-l.OriginXM)/l.CellM, (e.a[1]-l.OriginYM)/l.CellM
		x1, y1 := (e.b[0]-l.OriginXM)/l.CellM, (e.b[1]-l.OriginYM)/l.CellM
		m.side(x0, y0, x1, y1)
	}
	for row := range l.NY {
		sum, share, class := 0.0, m.share[row*l.NX:(row+1)*l.NX], m.class[row*l.NX:(row+1)*l.NX]
		for i, v := range share {
			sum += v
			switch {
			case class[i] == cellMixed:
				share[i] = min(max(sum, 0), 1)
			case sum > .5:
				share[i], class[i] = 1, cellIn
			default:
				share[i] = 0
			}
		}
	}
	return m
}

// near is the distance in cells at which a side counts as passing through a cell: well above the rounding of the coordinates.
const near = 1e-6

// side adds a side from (x0, y0) to (x1, y1), in cells, row by row.
func (m *mask) side(x0, y0, x1, y1 float64) {
	lo, hi := min(y0, y1), max(y0, y1)
	first := int(math.Floor(min(max(lo-near, 0), float64(m.l.NY))))
	slope := 0.0
	if y1 != y0 {
		slope = (x1 - x0) / (y1 - y0)
	}
	for row := first; row < m.l.NY && float64(row) <= hi+near; row++ {
		from, to := min(max(y0, float64(row)), float64(row+1)), min(max(y1, float64(row)), float64(row+1))
		left, right := x0, x1
		if slope != 0 {
			left, right = x0+(from-y0)*slope, x0+(to-y0)*slope
		}
		m.touch(row, min(left, right), max(left, right))
		m.strip(row, left, right, from-to)
	}
}

// touch marks the cells of a row that a side passes from left to right.
func (m *mask) touch(row int, left, right float64) {
	n := float64(m.l.NX)
	if right < -near || left > n+near {
		return
	}
	for i := int(max(left-near, 0)); i < m.l.NX && float64(i) <= right+near; i++ {
		m.class[row*m.l.NX+i] = cellMixed
	}
}

// strip adds a piece of a side within one row, from the column from to to; area is its signed height.
func (m *mask) strip(row int, from, to, area float64) {
	if area == 0 {
		return
	}
	share := m.share[row*m.l.NX : (row+1)*m.l.NX]
	left, right := min(from, to), max(from, to)
	n := float64(m.l.NX)
	if right <= 0 {
		share[0] += area
		return
	}
	if left >= n {
		return
	}
	if right-left < 1e-12 {
		addArea(share, left, left, area)
		return
	}
	perColumn := area / (right - left)
	if left < 0 {
		share[0] += -left * perColumn
		left = 0
	}
	for left < min(right, n) {
		next := min(math.Floor(left)+1, right)
		addArea(share, left, next, (next-left)*perColumn)
		left = next
	}
}

// addArea adds a piece within one cell: the part east of it in the cell, the whole in the next cells.
func addArea(share []float64, from, to, area float64) {
	i := min(int(from), len(share)-1)
	east := float64(i+1) - (from+to)/2
	share[i] += area * east
	if i+1 < len(share) {
		share[i+1] += area * (1 - east)
	}
}

// massBound is how far the mass of a Gaussian, summed over the shares of cells, may be from the integral over the window: cells wholly inside
// are integrated exactly, a mixed one is off by at most ¼ of the range of the kernel over it, a√2·sup|∇K|, times its area a². The sum over
// mixed cells runs over squares of b cells by their Chebyshev distance.
func (m *mask) massBound(sigma float64) float64 {
	l := m.l
	b := max(int(sigma/(2*l.CellM)), 1)
	nx, ny := (l.NX+b-1)/b, (l.NY+b-1)/b
	count := make([]int, (nx+1)*(ny+1)) // of mixed cells in the squares south-west of a corner
	for at, c := range m.class {
		if c == cellMixed {
			count[(at/l.NX/b+1)*(nx+1)+at%l.NX/b+1]++
		}
	}
	for j := 1; j <= ny; j++ {
		for i := 1; i <= nx; i++ {
			count[j*(nx+1)+i] += count[j*(nx+1)+i-1] + count[(j-1)*(nx+1)+i] - count[(j-1)*(nx+1)+i-1]
		}
	}
	within := func(i, j, k int) int {
		x0, x1, y0, y1 := max(i-k, 0), min(i+k+1, nx), max(j-k, 0), min(j+k+1, ny)
		return count[y1*(nx+1)+x1] - count[y0*(nx+1)+x1] - count[y1*(nx+1)+x0] + count[y0*(nx+1)+x0]
	}
	var slopes []float64
	for k := 0; float64(k-1)*float64(b)*l.CellM < 10*sigma; k++ {
		slopes = append(slopes, steepest(float64((k-1)*b)*l.CellM, sigma))
	}
	worst := 0.0
	for j := range ny {
		for i := range nx {
			sum, before := 0.0, 0
			for k, slope := range slopes {
				now := within(i, j, k)
				sum += float64(now-before) * slope
				before = now
			}
			worst = max(worst, sum)
		}
	}
	return math.Sqrt2 / 4 * l.CellM * l.CellM * l.CellM * worst
}

// steepest is the largest slope of a Gaussian kernel at the distance d or farther, per m³.
func steepest(d, sigma float64) float64 {
	d = max(d/sigma, 1)
	return d * math.Exp(-d*d/2) / (2 * math.Pi * sigma * sigma * sigma)
}
