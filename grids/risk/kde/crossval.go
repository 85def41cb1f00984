package kde

import (
	"math"
	"slices"

	"github.com/paulmach/orb"

	"wangge/grids"
)

// nearest is the distance of each point to the nearest other; the points are sorted by x.
func nearest(p []orb.Point) []float64 {
	out := make([]float64, len(p))
	for i := range p {
		best := math.Inf(1)
		for _, step := range [2]int{-1, 1} {
			for j := i + step; j >= 0 && j < len(p); j += step {
				dx := p[j][0] - p[i][0]
				if dx*dx >= best {
					break
				}
				dy := p[j][1] - p[i][1]
				best = min(best, dx*dx+dy*dy)
			}
		}
		out[i] = math.Sqrt(best)
	}
	return out
}

// pairs calls f with every pair i < j of points within reach and their squared distance. The error is the context's.
func (c *chooser) pairs(reach float64, f func(i, j int, d2 float64)) error {
	for i, p := range c.p {
		if i%256 == 0 && c.ctx.Err() != nil {
			return c.ctx.Err()
		}
		for j := i + 1; j < len(c.p); j++ {
			dx, dy := c.p[j][0]-p[0], c.p[j][1]-p[1]
			if dx > reach {
				break
			}
			if d2 := dx*dx + dy*dy; d2 <= reach*reach {
				f(i, j, d2)
			}
		}
	}
	return nil
}

// geometric is n numbers in geometric order.
func geometric(from, to float64, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = math.Exp(math.Log(from) + (math.Log(to)-math.Log(from))*float64(i)/float64(n-1))
	}
	out[0], out[n-1] = from, to
	return out
}

// halfDiagonal is half the diagonal of the window, or of the points without one.
func (c *chooser) halfDiagonal() float64 {
	b := orb.MultiPoint(c.p).Bound()
	if c.w != nil {
		b = c.w.box
	}
	return math.Hypot(b.Max[0]-b.Min[0], b.Max[1]-b.Min[1]) / 2
}

// candidates is the σ to try.
func (c *chooser) candidates() []float64 {
	if c.o.Candidates != nil {
		return c.o.Candidates
	}
	least := math.Inf(1)
	for _, d := range c.nearest {
		if d > 0 {
			least = min(least, d)
		}
	}
	if math.IsInf(least, 1) { // every point has a twin
		least = c.out.LowerM
	}
	return geometric(max(least, minBandwidth), max(c.halfDiagonal(), 2*least), 16)
}

// search takes the candidate with the least criterion, and searches on between its neighbours when refine is set.
func (c *chooser) search(candidates []float64, criterion func(sigma float64) (float64, error), refine bool) error {
	const more = 32 // steps of the golden section: 0.618³² ≈ 2·10⁻⁷ of the range
	total := len(candidates)
	if refine {
		total += more
	}
	best := -1
	at := func(sigma float64) (float64, error) {
		v, err := criterion(sigma)
		if err == nil && (math.IsNaN(v) || math.IsInf(v, 0)) {
			v = math.MaxFloat64
		}
		if c.o.Progress != nil && err == nil {
			c.o.Progress(min(len(c.out.Tried)+1, total), total)
		}
		return v, err
	}
	for i, sigma := range candidates {
		v, err := at(sigma)
		if err != nil {
			return err
		}
		c.out.Tried, c.out.Criterion = append(c.out.Tried, sigma), append(c.out.Criterion, v)
		if best < 0 || v < c.out.Criterion[best] {
			best = i
		}
	}
	if best < 0 {
		return grids.Errorf(grids.Invalid, "there are no candidates: give some, or nil for those usual")
	}
	sigma := candidates[best]
	falling := best == 0 && sigma <= c.out.LowerM
	if best == len(candidates)-1 || best == 0 && !falling {
		c.warn("the best candidate, %.4g m, is the first or last of those tried: others may be better", sigma)
	}
	if refine && best > 0 && best < len(candidates)-1 {
		var err error
		if sigma, err = golden(candidates[best-1], candidates[best+1], more, at); err != nil {
			return err
		}
	}
	c.settle(sigma, sigma, falling)
	return nil
}

// golden is the least of a function between two numbers, by golden section of their logarithms.
func golden(lo, hi float64, steps int, f func(float64) (float64, error)) (float64, error) {
	ratio := (math.Sqrt(5) - 1) / 2
	lo, hi = math.Log(lo), math.Log(hi)
	a, b := hi-ratio*(hi-lo), lo+ratio*(hi-lo)
	fa, err := f(math.Exp(a))
	if err != nil {
		return 0, err
	}
	fb, err := f(math.Exp(b))
	for ; steps > 0 && err == nil; steps-- {
		if fa <= fb {
			hi, b, fb = b, a, fa
			a = hi - ratio*(hi-lo)
			fa, err = f(math.Exp(a))
		} else {
			lo, a, fa = a, b, fb
			b = lo + ratio*(hi-lo)
			fb, err = f(math.Exp(b))
		}
	}
	return math.Exp((lo + hi) / 2), err
}

// leastSquares searches from the bound below to half the diagonal.
func (c *chooser) leastSquares() error {
	low := c.out.LowerM
	return c.search(geometric(low, max(c.halfDiagonal(), 2*low), 40), c.squares, true)
}

// squares is the criterion of least-squares cross-validation.
func (c *chooser) squares(h float64) (float64, error) {
	n := float64(len(c.p))
	wide, narrow := 0.0, 0.0 // sums over pairs of exp(−d²/4h²) and exp(−d²/2h²)
	err := c.pairs(2*h*math.Sqrt(38+math.Log(n)), func(_, _ int, d2 float64) {
		e := math.Exp(-d2 / (4 * h * h))
		wide += e
		narrow += e * e
	})
	return (n+2*wide)/(4*math.Pi*h*h*n*n) - 2*2*narrow/(n*(n-1)*2*math.Pi*h*h), err
}

// sums is Σ exp(−d²/2σ²) over the other points, for each point; terms below e⁻⁴⁵/n are left out.
func (c *chooser) sums(sigma float64) ([]float64, error) {
	out, p := make([]float64, len(c.p)), c.p
	reach := sigma * math.Sqrt(2*(45+math.Log(float64(len(p)))))
	for i := range p {
		if i%256 == 0 && c.ctx.Err() != nil {
			return nil, c.ctx.Err()
		}
		x, y, sum := p[i][0], p[i][1], 0.0
		for j := i + 1; j < len(p) && p[j][0]-x <= reach; j++ {
			dx, dy := (p[j][0]-x)/sigma, (p[j][1]-y)/sigma
			if dy*sigma <= reach && dy*sigma >= -reach {
				e := math.Exp(-(dx*dx + dy*dy) / 2)
				sum += e
				out[j] += e
			}
		}
		out[i] += sum
	}
	return out, nil
}

// cronie is the criterion of Cronie & van Lieshout.
func (c *chooser) cronie(sigma float64) (float64, error) {
	sums, err := c.sums(sigma)
	area := 0.0
	for _, v := range sums {
		area += 2 * math.Pi * sigma * sigma / (1 + v)
	}
	return (area - c.w.area) * (area - c.w.area), err
}

// likelihood is minus the cross-validated log-likelihood. The logarithms are right for points however lonely.
func (c *chooser) likelihood(sigma float64) (float64, error) {
	sums, err := c.sums(sigma)
	if err != nil {
		return 0, err
	}
	total, k := 0.0, kernelOf{Gaussian, sigma}
	for i, v := range sums {
		if v > 1e-3 {
			total += math.Log(v)
		} else {
			total += c.lonely(i, sigma)
		}
		total += math.Log(k.peak() / max(c.w.mass(c.p[i], k), c.w.leastMass()))
	}
	whole, err := c.integral(k)
	return whole - total, err
}

// lonely is log Σ exp(−d²/2σ²) over the other points for a point far from all of them.
func (c *chooser) lonely(i int, sigma float64) float64 {
	near := c.nearest[i] * c.nearest[i]
	reach := math.Sqrt(near + 2*sigma*sigma*(40+math.Log(float64(len(c.p)))))
	sum := 0.0
	for _, step := range [2]int{-1, 1} {
		for j := i + step; j >= 0 && j < len(c.p) && math.Abs(c.p[j][0]-c.p[i][0]) <= reach; j += step {
			dx, dy := c.p[j][0]-c.p[i][0], c.p[j][1]-c.p[i][1]
			sum += math.Exp((near - dx*dx - dy*dy) / (2 * sigma * sigma))
		}
	}
	return math.Log(sum) - near/(2*sigma*sigma)
}

// integral is ∫λ̂ over the window, edge corrected uniformly. In a rectangle it is a sum of products of one-dimensional integrals; in polygons
// it is summed over a lattice of 256 cells along the longer side, and n where σ is below two of them (only points near the border differ).
func (c *chooser) integral(k kernelOf) (float64, error) {
	b, n := c.w.box, float64(len(c.p))
	if c.w.rectangle {
		sum := 0.0
		for _, p := range c.p {
			sum += shared(p[0], b.Min[0], b.Max[0], k.size) * shared(p[1], b.Min[1], b.Max[1], k.size)
		}
		return sum, nil
	}
	width, height := b.Max[0]-b.Min[0], b.Max[1]-b.Min[1]
	cell := min(max(width, height)/256, k.size/3)
	if width*height/(cell*cell) > 1<<18 {
		return n, nil
	}
	l, err := LatticeOver(c.w, cell)
	if err != nil {
		return 0, err
	}
	s, err := Estimate(c.ctx, Points{XY: c.p}, c.w, l, Options{SigmaM: k.size, Mode: Binned})
	if err != nil {
		return 0, err
	}
	return s.Integral(), nil
}

// shared is ∫φ((x−u)/σ)/σ / e(x) dx from lo to hi, e(x) the share of a Gaussian around x that lies there: by 16 points a panel of 2σ.
func shared(u, lo, hi, sigma float64) float64 {
	if u-lo > 18*sigma && hi-u > 18*sigma {
		return 1
	}
	from, to := max(lo, u-9*sigma), min(hi, u+9*sigma)
	panels := int(math.Ceil((to - from) / (2 * sigma)))
	half, sum := (to-from)/float64(2*panels), 0.0
	at := func(x float64) float64 {
		d := (x - u) / sigma
		return math.Exp(-d*d/2) / span(x, lo, hi, sigma)
	}
	for i := range panels {
		middle := from + float64(2*i+1)*half
		for _, node := range legendre() {
			sum += node[1] * (at(middle-half*node[0]) + at(middle+half*node[0]))
		}
	}
	return sum * half / (sigma * math.Sqrt(2*math.Pi))
}

// bermanDiggle takes the disc radius h with the least mean squared error; its standard deviation along each axis is h/2.
func (c *chooser) bermanDiggle() error {
	const n = 512
	width, height := c.w.box.Max[0]-c.w.box.Min[0], c.w.box.Max[1]-c.w.box.Min[1]
	lambda := float64(len(c.p)) / c.w.area
	most := min(min(width, height)/4, math.Sqrt(1000/(math.Pi*lambda)))
	step := most / (n - 1)
	k, err := c.ripley(step, n)
	if err != nil {
		return err
	}
	best := -1
	for i := 1; 2*i < len(k); i++ {
		h := float64(i) * step
		disc := math.Pi * h * h
		v := (1/lambda-2*k[i])/disc + overlaps(k, i)*step*step/(disc*disc)
		c.out.Tried, c.out.Criterion = append(c.out.Tried, h/2), append(c.out.Criterion, v)
		if best < 0 || v < c.out.Criterion[best] {
			best = i - 1
		}
	}
	if best < 0 {
		return grids.Errorf(grids.Invalid, "no point is far enough from the border for the K function: take another selector")
	}
	sigma := c.out.Tried[best]
	if best == len(c.out.Tried)-1 {
		c.warn("the best bandwidth, %.4g m, is the last of those tried: a larger one may be better", sigma)
	}
	c.settle(sigma, sigma, best == 0)
	return nil
}

// overlaps is ∫φ(t)dK(t) with φ the area of the overlap of two discs of radius r, t apart, over 1/(2π)·2π: 2r²(acos y − y√(1−y²)), y = t/2r; in
// units of the step, r = i.
func overlaps(k []float64, i int) float64 {
	sum := 0.0
	for j := 0; j < 2*i && j+1 < len(k); j++ {
		y := float64(j) / float64(2*i)
		sum += (math.Acos(y) - y*math.Sqrt(1-y*y)) * (k[j+1] - k[j])
	}
	return 2 * float64(i*i) * sum
}

// ripley is the K function at 0, 1 … n−1 steps: with the translation correction in rectangles below 3000 points (Ohser 1983), otherwise with the
// border method (Ripley 1988). It ends where no point is far enough from the border.
func (c *chooser) ripley(step float64, n int) ([]float64, error) {
	width, height := c.w.box.Max[0]-c.w.box.Min[0], c.w.box.Max[1]-c.w.box.Min[1]
	points, sums := float64(len(c.p)), make([]float64, n+1)
	if c.w.rectangle && len(c.p) < 3000 {
		c.out.Meta.Params["k_edge"] = "translation"
		err := c.pairs(float64(n)*step, func(i, j int, d2 float64) {
			if bin := int(math.Ceil(math.Sqrt(d2) / step)); bin < n {
				sums[bin] += 2 / ((width - math.Abs(c.p[j][0]-c.p[i][0])) * (height - math.Abs(c.p[j][1]-c.p[i][1])))
			}
		})
		cumulate(sums)
		for i := range sums {
			sums[i] *= c.w.area * c.w.area / (points * (points - 1))
		}
		return sums[:n], err
	}
	c.out.Meta.Params["k_edge"] = "border"
	far, counts := make([]int, len(c.p)), make([]float64, n+1)
	for i, p := range c.p {
		far[i] = int(min(c.w.toBorder(p)/step, float64(n-1)))
		counts[far[i]]++
	}
	err := c.pairs(float64(n)*step, func(i, j int, d2 float64) {
		bin := int(math.Ceil(math.Sqrt(d2) / step))
		for _, at := range [2]int{far[i], far[j]} {
			if bin <= at {
				sums[bin]++
				sums[at+1]--
			}
		}
	})
	cumulate(sums)
	slices.Reverse(counts)
	cumulate(counts)
	slices.Reverse(counts)
	for i := range n {
		if counts[i] == 0 {
			return sums[:i], err
		}
		sums[i] *= c.w.area / (points * counts[i])
	}
	return sums[:n], err
}

// cumulate replaces numbers by their running sums.
func cumulate(v []float64) {
	for i := 1; i < len(v); i++ {
		v[i] += v[i-1]
	}
}

// toBorder is the distance of a point of the window to its border, metres.
func (w *Window) toBorder(p orb.Point) float64 {
	best := min(p[0]-w.box.Min[0], w.box.Max[0]-p[0], p[1]-w.box.Min[1], w.box.Max[1]-p[1])
	if w.rectangle {
		return best
	}
	for _, e := range w.edges {
		dx, dy, px, py := e.b[0]-e.a[0], e.b[1]-e.a[1], p[0]-e.a[0], p[1]-e.a[1]
		t := min(max((px*dx+py*dy)/(dx*dx+dy*dy), 0), 1)
		best = min(best, math.Hypot(px-t*dx, py-t*dy))
	}
	return best
}
