package kde

import (
	"context"
	"math"

	"github.com/paulmach/orb"

	"wangge/grids"
)

// frame is the lattice that a binned surface is worked on: that of the surface, and around it the cells from which kernels reach into it. Its
// outermost cells are beyond the window or beyond reach.
type frame struct {
	l            Lattice
	left, bottom int // cells before the first column and row of the surface
}

// frameOf is the frame for a reach, in metres.
func frameOf(l Lattice, w *Window, reach float64) (frame, error) {
	pad := func(beyond float64) float64 { return 1 + math.Ceil(max(min(beyond, reach), 0)/l.CellM) }
	left, bottom := pad(l.OriginXM-w.box.Min[0]), pad(l.OriginYM-w.box.Min[1])
	right, top := pad(w.box.Max[0]-l.OriginXM-float64(l.NX)*l.CellM), pad(w.box.Max[1]-l.OriginYM-float64(l.NY)*l.CellM)
	nx, ny := left+float64(l.NX)+right, bottom+float64(l.NY)+top
	if !(nx*ny <= 2*maxCells) {
		return frame{}, grids.Errorf(grids.TooLarge, "with what the kernels reach around it the lattice has %.0f × %.0f cells, above %d: take larger cells", nx, ny, 2*maxCells)
	}
	f := frame{l: l, left: int(left), bottom: int(bottom)}
	f.l.OriginXM, f.l.OriginYM = l.OriginXM-left*l.CellM, l.OriginYM-bottom*l.CellM
	f.l.NX, f.l.NY = int(nx), int(ny)
	return f, nil
}

// binner is the work on a binned surface.
type binner struct {
	s     *Surface
	p     Points
	w     *Window
	k     kernelOf
	o     Options
	f     frame
	m     mask      // of polygons; empty for a rectangle
	mass  []float64 // of the kernel at the nodes of the frame, for Gaussians in polygons with an edge correction; nil otherwise
	off   float64   // how far mass may be from the integral
	data  []float64 // weights at the nodes, then the density
	far   float64   // weight of the points beyond the frame
	light float64   // the least mass that a point was divided by, read from mass
}

// binned fills the surface by linear binning.
func (s *Surface) binned(ctx context.Context, p Points, w *Window, k kernelOf, o Options) error {
	b := &binner{s: s, p: p, w: w, k: k, o: o, light: 1}
	if need := map[Kernel]float64{Gaussian: 2, Quartic: 4}[k.shape]; k.size < need*s.Lattice.CellM {
		return grids.Errorf(grids.Invalid, "binned, a %s kernel of %v m needs cells of at most %v m, not %v m: take smaller cells, or the mode %q",
			k.shape, k.size, k.size/need, s.Lattice.CellM, Exact)
	}
	reach := k.size
	if k.shape == Gaussian {
		reach *= reachSigma
	}
	if o.Edge == Diggle && !w.rectangle {
		reach *= 2 // the mass at the outermost points needs the window around them
	}
	var err error
	if b.f, err = frameOf(s.Lattice, w, reach); err != nil {
		return err
	}
	steps := []func(context.Context) error{b.weigh, b.bin, b.smooth, b.finish}
	for i, step := range steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := step(ctx); err != nil {
			return err
		}
		if o.Progress != nil {
			o.Progress(i+1, len(steps))
		}
	}
	return nil
}

// weigh draws the mask, and makes the mass of the kernel at the nodes where it will be needed.
func (b *binner) weigh(ctx context.Context) error {
	if b.w.rectangle {
		return nil
	}
	b.m = maskOf(b.w, b.f.l)
	if b.o.Edge == None || b.k.shape == Quartic {
		return nil
	}
	s := smootherOf(b.f.l, b.k.size, means)
	b.mass, b.m.share = b.m.share, nil
	if err := s.run(ctx, b.mass); err != nil {
		return err
	}
	b.off = b.m.massBound(b.k.size) + 4*math.Erfc(reachSigma/math.Sqrt2)/2 + interpolationShare(s.step, b.k.size/b.f.l.CellM) + MassError
	return nil
}

// bin moves the weights of the points in the window to the four nodes around each.
func (b *binner) bin(ctx context.Context) error {
	l := b.f.l
	b.data = make([]float64, l.Cells())
	p := b.banded()
	used, lastX, lastY := 0, float64(l.NX-1), float64(l.NY-1)
	for i, at := range p.XY {
		if i%65536 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		x, y := (at[0]-l.OriginXM)/l.CellM, (at[1]-l.OriginYM)/l.CellM
		framed := x >= .5 && y >= .5 && x-.5 < lastX && y-.5 < lastY
		if !b.inside(at, x, y, framed) {
			continue
		}
		used++
		v := p.weight(i)
		if !framed {
			if b.o.Edge == Diggle {
				v /= max(b.w.mass(at, b.k), b.w.leastMass())
			}
			b.far += v
			b.s.Total += v
			continue
		}
		x, y = x-.5, y-.5
		column, row := int(x), int(y)
		x, y = x-float64(column), y-float64(row)
		n := row*l.NX + column
		if b.o.Edge == Diggle {
			v /= b.massAt(at, n, x, y)
		}
		b.s.Total += v
		up, down := v*y, v-v*y
		south, north := b.data[n:n+2:n+2], b.data[n+l.NX:n+l.NX+2:n+l.NX+2]
		south[0] += down - down*x
		south[1] += down * x
		north[0] += up - up*x
		north[1] += up * x
	}
	return tally(&b.s.Meta, len(b.p.XY), used)
}

// banded is the points sorted by bands of rows, so that neighbouring nodes are written one after the other; as they are when the frame is
// small enough for that not to matter.
func (b *binner) banded() Points {
	const cells = 1 << 15 // of a band, 256 KiB
	l := b.f.l
	if l.Cells() < 16*cells || len(b.p.XY) < 1<<16 {
		return b.p
	}
	height := float64(max(cells/l.NX, 1)) * l.CellM
	last := float64(l.NY)*l.CellM/height + 1
	band := func(at orb.Point) int { return int(min(max((at[1]-l.OriginYM)/height, 0), last)) }
	next := make([]int, int(last)+2)
	for _, at := range b.p.XY {
		next[band(at)+1]++
	}
	for i := 1; i < len(next); i++ {
		next[i] += next[i-1]
	}
	out := Points{XY: make([]orb.Point, len(b.p.XY))}
	if b.p.Weights != nil {
		out.Weights = make([]float64, len(b.p.XY))
	}
	for i, at := range b.p.XY {
		to := &next[band(at)]
		out.XY[*to] = at
		if out.Weights != nil {
			out.Weights[*to] = b.p.Weights[i]
		}
		*to++
	}
	return out
}

// inside reports whether a point is in the window; x and y are its place in cells of the frame.
func (b *binner) inside(at orb.Point, x, y float64, framed bool) bool {
	if b.w.rectangle || !framed {
		return b.w.covers(at)
	}
	class := b.m.class[int(y)*b.f.l.NX+int(x)]
	return class == cellIn || class == cellMixed && b.w.covers(at)
}

// massAt is the mass of the kernel at a point: exact in a rectangle and for a quartic kernel, otherwise read between the four nodes; x and y
// are its place between them, n the first.
func (b *binner) massAt(at orb.Point, n int, x, y float64) float64 {
	if b.mass != nil {
		south, north := b.mass[n:n+2:n+2], b.mass[n+b.f.l.NX:n+b.f.l.NX+2]
		e := (1-y)*((1-x)*south[0]+x*south[1]) + y*((1-x)*north[0]+x*north[1])
		if e > .1 && e > 4*b.readOff() {
			b.light = min(b.light, e)
			return e
		}
	}
	return max(b.w.mass(at, b.k), b.w.leastMass())
}

// readOff is how far a mass read between four nodes may be from the integral: the nodes, and a²/8 times the curvature along both axes, each
// at most ∫|x²−1|φ(x)dx/σ² = 4φ(1)/σ².
func (b *binner) readOff() float64 {
	r := b.f.l.CellM / b.k.size
	return b.off + r*r*math.Exp(-.5)/math.Sqrt(2*math.Pi)
}

// smooth turns the weights at the nodes into densities, per m².
func (b *binner) smooth(ctx context.Context) error {
	if b.k.shape == Quartic {
		return b.smoothQuartic(ctx)
	}
	s := smootherOf(b.f.l, b.k.size, samples)
	if err := s.run(ctx, b.data); err != nil {
		return err
	}
	peak := 0.0
	for _, v := range b.data {
		peak = max(peak, v)
	}
	r := b.f.l.CellM / b.k.size
	binning, cut, read := binningShare(r), cutShare(), interpolationShare(s.step, 1/r)
	peak /= 1 - r*r/4*curvature - binning - cut - read
	b.s.Bound = Bound{Binning: binning * peak, Truncation: cut*peak + b.far*b.k.peak()*math.Exp(-reachSigma*reachSigma/2), Interpolation: read * peak,
		CutoffSigma: reachSigma, CellPerSigma: r}
	return nil
}

// curvature bounds the second derivative of a density of points with a Gaussian kernel along any direction, in its peak over σ²: with
// |x²−1|exp(−x²/2) ≤ 1.0031·exp(−x²/4.5) it is at most 1.0031·1.5 times a density that is smoothed once more, which has a lower peak.
const curvature = 1.505

// binningShare is how far linear binning may move a density, in its peak over the plane; r is the cell in σ. A point moved along one axis
// changes the kernel by at most a²/8 times its second derivative somewhere within a cell; the factors take the place of that derivative to
// the point itself.
func binningShare(r float64) float64 {
	shifted := func(kappa float64) float64 {
		eta := min(r/math.Sqrt(kappa), .5)
		return math.Exp((1/eta-1)*r*r/(2*kappa)) / math.Sqrt(1-eta)
	}
	return r * r / 8 * curvature * shifted(2.25) * (1 + shifted(1))
}

// cutShare is how much cutting the kernel off may take, in the peak: beyond t σ a Gaussian is at most κ·exp(−t²/2·(1−1/κ)) times one that is √κ
// times as wide; κ = t²/2.
func cutShare() float64 {
	const half = reachSigma * reachSigma / 2
	return half * math.Exp(1-half)
}

// interpolationShare is how far the interpolation between coarse nodes may move a density, in its peak: the eighth derivative along an axis is
// at most √2·1.0865·√8! peaks (Cramér's bound on Hermite polynomials), the eight-point polynomial leaves (3.5·2.5·1.5·½)²/8! of it, and the
// second axis works with what the first left, at most 1.489 times as much. sigma is in cells.
func interpolationShare(step int, sigma float64) float64 {
	if step == 1 {
		return 0
	}
	const once = math.Sqrt2 * 1.0865 * 200.798 * 43.067 / 40320
	return 2.489 * once * math.Pow(float64(step)/sigma, taps)
}

// smoothQuartic adds the kernel around every node that has a weight.
func (b *binner) smoothQuartic(ctx context.Context) error {
	l, h := b.f.l, b.k.size
	n := int(math.Ceil(min(h/l.CellM, float64(max(l.NX, l.NY)))))
	table := make([]float64, (2*n+1)*(n+1))
	for dy := range n + 1 {
		for dx := -n; dx <= n; dx++ {
			table[dy*(2*n+1)+dx+n] = b.k.at(float64(dx*dx+dy*dy) * l.CellM * l.CellM)
		}
	}
	heaviest := b.heaviest(n + 2)
	bins := b.data
	b.data = make([]float64, len(bins))
	for at, v := range bins {
		if v == 0 {
			continue
		}
		column, row := at%l.NX, at/l.NX
		if column == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		first, last := max(column-n, 0), min(column+n, l.NX-1)
		for y := max(row-n, 0); y <= min(row+n, l.NY-1); y++ {
			kernel := table[max(row-y, y-row)*(2*n+1):]
			addScaled(b.data[y*l.NX+first:y*l.NX+last+1], kernel[first-column+n:last-column+n+1], v)
		}
	}
	// Both second derivatives together are at most 8 peaks/h², so a point within reach is off by at most a²/h² of the peak.
	b.s.Bound = Bound{Binning: heaviest * b.k.peak() * l.CellM * l.CellM / (h * h), CellPerSigma: l.CellM / SigmaOf(h)}
	return nil
}

// heaviest is the largest weight of all nodes within n nodes of any node, along both axes.
func (b *binner) heaviest(n int) float64 {
	l := b.f.l
	rows := make([]float64, len(b.data))
	for row := range l.NY {
		slide(rows[row*l.NX:], b.data[row*l.NX:], l.NX, 1, n)
	}
	columns, most := make([]float64, len(b.data)), 0.0
	for column := range l.NX {
		slide(columns[column:], rows[column:], l.NY, l.NX, n)
	}
	for _, v := range columns {
		most = max(most, v)
	}
	return most * (1 + 1e-9)
}

// slide fills out with the sums of in from n before to n after; both hold count numbers, stride apart.
func slide(out, in []float64, count, stride, n int) {
	sum := 0.0
	for i := 0; i < min(n, count); i++ {
		sum += in[i*stride]
	}
	for i := range count {
		if i+n < count {
			sum += in[(i+n)*stride]
		}
		if i-n-1 >= 0 {
			sum -= in[(i-n-1)*stride]
		}
		out[i*stride] = sum
	}
}

// finish cuts the surface out of the frame, clears what is outside the window, and corrects the edge.
func (b *binner) finish(ctx context.Context) error {
	s, l := b.s, b.s.Lattice
	s.Values = make([]float64, l.Cells())
	for row := range l.NY {
		in := b.data[(row+b.f.bottom)*b.f.l.NX+b.f.left:]
		out := s.Values[row*l.NX : (row+1)*l.NX]
		for i := range out {
			out[i] = max(in[i], 0)
		}
	}
	b.data = nil
	b.outside()
	if b.o.Edge == Uniform {
		if err := b.divide(ctx); err != nil {
			return err
		}
	}
	b.state()
	return nil
}

// outside clears the cells whose centre is outside the window.
func (b *binner) outside() {
	s, l := b.s, b.s.Lattice
	if b.w.rectangle {
		s.outside(b.w)
		return
	}
	s.States = make([]State, l.Cells())
	for row := range l.NY {
		class := b.m.class[(row+b.f.bottom)*b.f.l.NX+b.f.left:]
		for column := range l.NX {
			if c := class[column]; c == cellOut || c == cellMixed && !b.w.covers(l.Centre(column, row)) {
				s.clear(row*l.NX+column, outside)
			}
		}
	}
}

// divide divides by the mass at the nodes.
func (b *binner) divide(ctx context.Context) error {
	s, l := b.s, b.s.Lattice
	if b.mass == nil {
		return s.divideByMass(ctx, b.w, b.k)
	}
	least := max(b.w.leastMass(), 2*b.off)
	for row := range l.NY {
		mass := b.mass[(row+b.f.bottom)*b.f.l.NX+b.f.left:]
		for column := range l.NX {
			if at := row*l.NX + column; s.States[at] == Known {
				s.divide(at, min(mass[column], 1), least)
			}
		}
	}
	return nil
}

// state finishes the bound and scales everything to the unit.
func (b *binner) state() {
	s, f := b.s, b.o.Unit.factor()
	if !s.anyCleared() {
		s.States = nil
	}
	peak := 0.0
	for at, v := range s.Values {
		peak = max(peak, v)
		s.Values[at] = v * f
	}
	q := &s.Bound
	raw := q.Binning + q.Truncation + q.Interpolation
	switch {
	case b.o.Edge == Uniform && s.least > 0:
		q.MassError = max(b.off, MassError)
		q.Absolute = (raw + peak*q.MassError) / (s.least - q.MassError)
	case b.o.Edge == Diggle:
		q.MassError = MassError
		if b.mass != nil {
			q.MassError = b.readOff()
		}
		q.Absolute = raw + (peak+raw)*q.MassError/(b.light-q.MassError)
	default:
		q.Absolute = raw
	}
	for _, v := range []*float64{&q.Absolute, &q.Binning, &q.Truncation, &q.Interpolation} {
		*v *= f
	}
}
