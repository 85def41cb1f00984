package kde

import (
	"context"
	"math"
)

// taps is how many coarse nodes a value between them is made of: Lagrange's polynomial through eight.
const taps = 8

// maxStep is the most nodes from one coarse node to the next.
const maxStep = 64

// reachSigma is where the binned mode cuts a Gaussian off, in σ.
const reachSigma = 5.5

// smoother convolves arrays with a separable kernel. A Gaussian leaves nothing that changes within a fraction of σ, so the sums are made at
// every step-th node only, and the nodes between are interpolated.
type smoother struct {
	nx, ny int       // of the arrays
	half   []float64 // the kernel at 0, 1, 2 … nodes, along each axis
	step   int       // nodes from one coarse node to the next
}

// smootherOf is the smoother for a Gaussian of sigma metres, whose kernel half gives. Its step is the largest for which the interpolation adds
// at most a tenth to what the binning may be off.
func smootherOf(l Lattice, sigma float64, half func(sigma, cell float64, most int) []float64) smoother {
	most := max(l.NX, l.NY) + (taps+1)*maxStep // more the arrays do not need
	s := smoother{nx: l.NX, ny: l.NY, half: half(sigma, l.CellM, most), step: 1}
	for s.step < maxStep && interpolationShare(s.step+1, sigma/l.CellM) <= binningShare(l.CellM/sigma)/10 {
		s.step++
	}
	return s
}

// samples is a one-dimensional Gaussian kernel at the nodes, at most so many, per m.
func samples(sigma, cell float64, most int) []float64 {
	half := make([]float64, int(min(math.Ceil(reachSigma*sigma/cell), float64(most)))+1)
	for i := range half {
		d := float64(i) * cell / sigma
		half[i] = math.Exp(-d*d/2) / (sigma * math.Sqrt(2*math.Pi))
	}
	return half
}

// means is a one-dimensional Gaussian kernel integrated over the cells, at most so many, a share.
func means(sigma, cell float64, most int) []float64 {
	half := make([]float64, int(min(math.Ceil(reachSigma*sigma/cell), float64(most)))+1)
	for i := range half {
		lo, hi := (float64(i)-.5)*cell/sigma, (float64(i)+.5)*cell/sigma
		half[i] = (math.Erfc(lo/math.Sqrt2) - math.Erfc(hi/math.Sqrt2)) / 2
	}
	return half
}

// coarse is the number of coarse nodes for n nodes, with those beyond both ends that the interpolation needs.
func (s smoother) coarse(n int) int {
	if s.step == 1 {
		return n
	}
	return (n-1)/s.step + 1 + 1 + 2*s.margin()
}

// margin is how many coarse nodes lie before the first node.
func (s smoother) margin() int {
	if s.step == 1 {
		return 0
	}
	return taps/2 - 1
}

// run replaces the array by its convolution with the kernel; it is 0 beyond its ends. The error is the context's.
func (s smoother) run(ctx context.Context, data []float64) error {
	cx, cy := s.coarse(s.nx), s.coarse(s.ny)
	rows, empty, err := s.along(ctx, data, cx)
	if err != nil {
		return err
	}
	small, err := s.up(ctx, rows, empty, cx, cy)
	if err != nil {
		return err
	}
	if s.step == 1 {
		copy(data, small)
		return nil
	}
	weights := s.lagrange()
	mixed := make([]float64, cx)
	for row := range s.ny {
		if row%256 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		first, phase := row/s.step, row%s.step
		blend(mixed, small[first*cx:(first+taps)*cx], weights[phase])
		s.spread(data[row*s.nx:(row+1)*s.nx], mixed, weights)
	}
	return nil
}

// along convolves the rows and keeps the coarse columns. empty tells which rows are 0.
func (s smoother) along(ctx context.Context, data []float64, cx int) (rows []float64, empty []bool, err error) {
	rows, empty = make([]float64, s.ny*cx), make([]bool, s.ny)
	reach := len(s.half) - 1
	before := reach + s.margin()*s.step
	line := make([]float64, before+max(s.nx, (cx-s.margin())*s.step)+reach+1)
	whole := make([]float64, 2*reach+1)
	for i, v := range s.half {
		whole[reach+i], whole[reach-i] = v, v
	}
	for row := range s.ny {
		if row%256 == 0 && ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		in := data[row*s.nx : (row+1)*s.nx]
		if empty[row] = allZero(in); empty[row] {
			continue
		}
		copy(line[before:], in)
		out := rows[row*cx : (row+1)*cx]
		i := 0
		for ; i+4 <= len(out); i += 4 {
			dots(out[i:i+4], line[i*s.step:], whole, s.step)
		}
		for ; i < len(out); i++ {
			dots(out[i:i+1], line[i*s.step:], whole, 0)
		}
	}
	return rows, empty, nil
}

func allZero(in []float64) bool {
	for _, v := range in {
		if v != 0 {
			return false
		}
	}
	return true
}

// dots is the sums of the products of the kernel with the line from 0, step, 2·step and 3·step on; one sum when out has room for one.
func dots(out, line, kernel []float64, step int) {
	n := len(kernel)
	l0, l1, l2, l3 := line[:n], line[step:][:n], line[2*step:][:n], line[3*step:][:n]
	var a, b, c, d float64
	for i, v := range kernel {
		a += v * l0[i]
		b += v * l1[i]
		c += v * l2[i]
		d += v * l3[i]
	}
	for i, v := range [4]float64{a, b, c, d} {
		if i < len(out) {
			out[i] = v
		}
	}
}

// up convolves the columns and keeps the coarse rows.
func (s smoother) up(ctx context.Context, rows []float64, empty []bool, cx, cy int) ([]float64, error) {
	out, nothing := make([]float64, cy*cx), make([]float64, cx)
	reach := len(s.half) - 1
	for i := range cy {
		if i%64 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		centre, sum := (i-s.margin())*s.step, out[i*cx:(i+1)*cx]
		at := func(row int) []float64 {
			if row < 0 || row >= s.ny || empty[row] {
				return nothing
			}
			return rows[row*cx : (row+1)*cx]
		}
		addScaled(sum, at(centre), s.half[0])
		for d := 1; d <= reach; d++ {
			addPair(sum, at(centre-d), at(centre+d), s.half[d])
		}
	}
	return out, nil
}

// addPair adds f·(a + b) to out; all are as long.
func addPair(out, a, b []float64, f float64) {
	a, b = a[:len(out)], b[:len(out)]
	for len(out) >= 4 && len(a) >= 4 && len(b) >= 4 {
		out[0] += f * (a[0] + b[0])
		out[1] += f * (a[1] + b[1])
		out[2] += f * (a[2] + b[2])
		out[3] += f * (a[3] + b[3])
		out, a, b = out[4:], a[4:], b[4:]
	}
	for i := range out {
		out[i] += f * (a[i] + b[i])
	}
}

// lagrange is the weights of the eight coarse nodes for each place between the middle two.
func (s smoother) lagrange() [][taps]float64 {
	out := make([][taps]float64, s.step)
	for phase := range out {
		at := float64(taps/2-1) + float64(phase)/float64(s.step)
		for k := range out[phase] {
			v := 1.0
			for j := range taps {
				if j != k {
					v *= (at - float64(j)) / float64(k-j)
				}
			}
			out[phase][k] = v
		}
	}
	return out
}

// blend is the weighted sum of eight rows that follow each other.
func blend(out, rows []float64, w [taps]float64) {
	n := len(out)
	r0, r1, r2, r3 := rows[:n], rows[n:][:n], rows[2*n:][:n], rows[3*n:][:n]
	r4, r5, r6, r7 := rows[4*n:][:n], rows[5*n:][:n], rows[6*n:][:n], rows[7*n:][:n]
	for i := range out {
		out[i] = w[0]*r0[i] + w[1]*r1[i] + w[2]*r2[i] + w[3]*r3[i] + (w[4]*r4[i] + w[5]*r5[i] + w[6]*r6[i] + w[7]*r7[i])
	}
}

// spread interpolates a row between its coarse nodes.
func (s smoother) spread(out, in []float64, weights [][taps]float64) {
	for first := 0; len(out) > 0; first++ {
		c := in[first : first+taps]
		c0, c1, c2, c3, c4, c5, c6, c7 := c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]
		n := min(s.step, len(out))
		out[0] = c3
		for phase := 1; phase < n; phase++ {
			w := &weights[phase]
			out[phase] = (w[0]*c0 + w[1]*c1 + w[2]*c2 + w[3]*c3) + (w[4]*c4 + w[5]*c5 + w[6]*c6 + w[7]*c7)
		}
		out = out[n:]
	}
}
