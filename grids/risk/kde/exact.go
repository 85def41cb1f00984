package kde

import (
	"context"
	"math"

	"wangge/grids"
	"wangge/grids/risk/stat"
)

// bump is a point as it is summed: its place, its weight with the edge correction in it, and its kernel.
type bump struct {
	x, y, w float64
	k       kernelOf
}

// bumpsOf is the bumps of the points in the window; the others are counted in the account. The error is Invalid, or the context's.
func bumpsOf(ctx context.Context, p Points, w *Window, k kernelOf, o Options, m *stat.Meta) ([]bump, error) {
	bumps := make([]bump, 0, len(p.XY))
	for i, at := range p.XY {
		if w.covers(at) {
			bumps = append(bumps, bump{at[0], at[1], p.weight(i), k})
		}
	}
	if err := tally(m, len(p.XY), len(bumps)); err != nil {
		return nil, err
	}
	if o.Adaptive {
		if err := adapt(ctx, bumps, w, k, o); err != nil {
			return nil, err
		}
	}
	if o.Edge != Diggle {
		return bumps, nil
	}
	for i := range bumps {
		b := &bumps[i]
		e := w.mass([2]float64{b.x, b.y}, b.k)
		if e < w.leastMass() {
			return nil, grids.Errorf(grids.Invalid, "the window holds %.1g of the kernel at the point (%v, %v): take a smaller bandwidth, or no edge correction", e, b.x, b.y)
		}
		b.w /= e
		if i%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return bumps, nil
}

// tally writes how many points are used and dropped. The error is Invalid: points, but none in the window.
func tally(m *stat.Meta, all, used int) error {
	m.Used = used
	if all == used {
		return nil
	}
	if used == 0 {
		return grids.Errorf(grids.Invalid, "none of the %d points is in the window: are both in the same CRS, in metres, x before y?", all)
	}
	m.Dropped = map[stat.Reason]int{OutsideWindow: all - used}
	return nil
}

// adapt gives every bump its own bandwidth (Abramson 1982).
func adapt(ctx context.Context, bumps []bump, w *Window, k kernelOf, o Options) error {
	pilot, logs, n := make([]float64, len(bumps)), 0.0, 0.0
	for i, b := range bumps {
		if err := ctx.Err(); err != nil {
			return err
		}
		for _, c := range bumps {
			dx, dy := b.x-c.x, b.y-c.y
			pilot[i] += c.w * k.at(dx*dx+dy*dy)
		}
		pilot[i] /= max(w.mass([2]float64{b.x, b.y}, k), w.leastMass())
		if b.w > 0 {
			logs, n = logs+b.w*math.Log(pilot[i]), n+b.w
		}
	}
	if n == 0 {
		return nil
	}
	logMean := logs / n
	for i := range bumps {
		ratio := o.MaxRatio
		if pilot[i] > 0 {
			ratio = min(ratio, math.Exp((logMean-math.Log(pilot[i]))/2))
		}
		bumps[i].k.size = max(k.size*ratio, minBandwidth)
	}
	return nil
}

// exact fills the surface with the sums of the kernels.
func (s *Surface) exact(ctx context.Context, p Points, w *Window, k kernelOf, o Options) error {
	bumps, err := bumpsOf(ctx, p, w, k, o, &s.Meta)
	if err != nil {
		return err
	}
	for _, b := range bumps {
		s.Total += b.w
	}
	s.Values = make([]float64, s.Lattice.Cells())
	if k.shape == Quartic {
		err = s.sumQuartic(ctx, bumps, o.Progress)
	} else {
		err = s.sumGaussian(ctx, bumps, o.Progress)
	}
	if err != nil {
		return err
	}
	s.outside(w)
	if o.Edge == Uniform {
		err = s.divideByMass(ctx, w, k)
	}
	s.scale(o.Unit.factor())
	s.Bound = Bound{MassError: MassError}
	if k.shape == Gaussian {
		s.Bound.CutoffSigma = cutoff
		s.Bound.Truncation = s.Total * k.peak() * 1e-313 * o.Unit.factor()
	}
	s.Bound.Absolute = s.Bound.Truncation
	if s.least > 0 {
		s.Bound.Absolute /= s.least
	}
	return err
}

// blockOf is how many points are summed together, so that a row of the lattice is read once for all of them: fewer for long rows.
func blockOf(l Lattice) int { return min(max((1<<22)/max(l.NX, l.NY), 1), 32) }

// sumGaussian adds the kernels of all bumps. A Gaussian is the product of one over the columns and one over the rows.
func (s *Surface) sumGaussian(ctx context.Context, bumps []bump, progress func(done, total int)) error {
	l := s.Lattice
	block := blockOf(l)
	along, up := make([]float64, block*l.NX), make([]float64, block*l.NY)
	for from := 0; from < len(bumps); from += block {
		if err := ctx.Err(); err != nil {
			return err
		}
		part := bumps[from:min(from+block, len(bumps))]
		for i, b := range part {
			bell(along[i*l.NX:(i+1)*l.NX], l.OriginXM-b.x, l.CellM, b.k.size, 1)
			bell(up[i*l.NY:(i+1)*l.NY], l.OriginYM-b.y, l.CellM, b.k.size, b.w*b.k.peak())
		}
		for row := range l.NY {
			out := s.Values[row*l.NX : (row+1)*l.NX]
			for i := range part {
				if v := up[i*l.NY+row]; v != 0 {
					addScaled(out, along[i*l.NX:(i+1)*l.NX], v)
				}
			}
		}
		if progress != nil {
			progress(from+len(part), len(bumps))
		}
	}
	return nil
}

// bell fills out with height·exp(−d²/2σ²) at the distances d = from + (i+½)·cell.
func bell(out []float64, from, cell, sigma, height float64) {
	for i := range out {
		d := (from + (float64(i)+.5)*cell) / sigma
		if d < -cutoff || d > cutoff {
			out[i] = 0
			continue
		}
		out[i] = height * math.Exp(-d*d/2)
	}
}

// addScaled adds f·in to out, which is as long.
func addScaled(out, in []float64, f float64) {
	in = in[:len(out)]
	for len(out) >= 4 && len(in) >= 4 {
		out[0] += f * in[0]
		out[1] += f * in[1]
		out[2] += f * in[2]
		out[3] += f * in[3]
		out, in = out[4:], in[4:]
	}
	for i := range out {
		out[i] += f * in[i]
	}
}

// sumQuartic adds the kernels of all bumps, each over the cells within its radius.
func (s *Surface) sumQuartic(ctx context.Context, bumps []bump, progress func(done, total int)) error {
	for i, b := range bumps {
		if err := ctx.Err(); err != nil {
			return err
		}
		s.addQuartic(b)
		if progress != nil && i%1024 == 0 {
			progress(i, len(bumps))
		}
	}
	return nil
}

// addQuartic adds the kernel of one bump.
func (s *Surface) addQuartic(b bump) {
	l, h := s.Lattice, b.k.size
	height := b.w * b.k.peak()
	firstRow, lastRow := cellsWithin(b.y-l.OriginYM, h, l.CellM, l.NY)
	for row := firstRow; row <= lastRow; row++ {
		dy := ((l.OriginYM - b.y) + (float64(row)+.5)*l.CellM) / h
		inside := 1 - dy*dy
		if inside <= 0 {
			continue
		}
		first, last := cellsWithin(b.x-l.OriginXM, h*math.Sqrt(inside), l.CellM, l.NX)
		for column := first; column <= last; column++ {
			dx := ((l.OriginXM - b.x) + (float64(column)+.5)*l.CellM) / h
			if u := inside - dx*dx; u > 0 {
				s.Values[row*l.NX+column] += height * u * u
			}
		}
	}
}

// cellsWithin is the first and last of n cells whose centres may be within reach of at, measured from the first cell's edge.
func cellsWithin(at, reach, cell float64, n int) (first, last int) {
	lo, hi := math.Floor((at-reach)/cell-.5), math.Ceil((at+reach)/cell-.5)
	return int(min(max(lo, 0), float64(n))), int(max(min(hi, float64(n-1)), -1))
}

// divideByMass divides every known cell by the mass of the kernel at its centre.
func (s *Surface) divideByMass(ctx context.Context, w *Window, k kernelOf) error {
	l := s.Lattice
	if w.rectangle && k.shape == Gaussian {
		s.divideBySpans(w, k.size)
		return nil
	}
	for row := range l.NY {
		if err := ctx.Err(); err != nil {
			return err
		}
		for column := range l.NX {
			if at := row*l.NX + column; s.known(at) {
				s.divide(at, w.mass(l.Centre(column, row), k), w.leastMass())
			}
		}
	}
	return nil
}

// divideBySpans is divideByMass for a Gaussian in a rectangle, where the mass is a product of one a column and one a row.
func (s *Surface) divideBySpans(w *Window, sigma float64) {
	l := s.Lattice
	along := make([]float64, l.NX)
	for column := range along {
		along[column] = span(l.x(column), w.box.Min[0], w.box.Max[0], sigma)
	}
	for row := range l.NY {
		up := span(l.y(row), w.box.Min[1], w.box.Max[1], sigma)
		for column, e := range along {
			if at := row*l.NX + column; s.known(at) {
				s.divide(at, up*e, w.leastMass())
			}
		}
	}
}

// divide divides a cell by its mass, or tells that there is too little of it.
func (s *Surface) divide(at int, mass, least float64) {
	if mass < least {
		s.clear(at, noMass)
		return
	}
	if s.least == 0 || mass < s.least {
		s.least = mass
	}
	s.Values[at] /= mass
}
