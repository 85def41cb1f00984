package kde

import (
	"math"

	"github.com/paulmach/orb"
)

// legendre is the positive half of the nodes and weights of the Gauss-Legendre rule with 16 points.
func legendre() [8][2]float64 {
	return [8][2]float64{
		{0.98940093499164994, 0.027152459411754058},
		{0.9445750230732326, 0.062253523938647776},
		{0.86563120238783176, 0.095158511682492897},
		{0.755404408355003, 0.12462897125553395},
		{0.61787624440264377, 0.14959598881657682},
		{0.45801677765722737, 0.16915651939500256},
		{0.28160355077925892, 0.18260341504492361},
		{0.095012509837637441, 0.18945061045506847},
	}
}

// MassError is how far the mass of a kernel in a window may be from the integral, absolutely: the quadrature of Owen's function is exact to
// 10⁻¹⁶ (its integrand is bounded by 6 in the ellipse with the semi-axis sum 3.86, so 16 nodes leave 6·64/15·3.86⁻³²), the rest is rounding.
const MassError = 1e-13

// mass is the integral over the window of the kernel centred at p. For polygons it is a sum over their sides: by Green's theorem the
// integral of a radial kernel is ∮F(r)dθ with F(r) = ∫₀ʳK(s)s ds. Only sides within reach of the kernel differ from the winding number.
func (w *Window) mass(p orb.Point, k kernelOf) float64 {
	if w.rectangle && k.shape == Gaussian {
		return span(p[0], w.box.Min[0], w.box.Max[0], k.size) * span(p[1], w.box.Min[1], w.box.Max[1], k.size)
	}
	if w.rectangle {
		return rectangleMass(w.box, p, k)
	}
	reach := k.reach()
	if k.shape == Gaussian {
		reach = 9 * k.size // beyond, all sides together take less than e^−40 of it
	}
	out := 0.0
	for i := range w.edges {
		e := &w.edges[i]
		ax, ay, bx, by := e.a[0]-p[0], e.a[1]-p[1], e.b[0]-p[0], e.b[1]-p[1]
		if ax > reach && bx > reach || ax < -reach && bx < -reach || ay > reach && by > reach || ay < -reach && by < -reach {
			continue
		}
		beyond, touches := lost(ax, ay, bx, by, k)
		if touches {
			return w.massOnBorder(p, k)
		}
		out += beyond
	}
	if !w.covers(p) {
		return -out
	}
	return 1 - out
}

// massOnBorder is the mass at a point on the border, or so near it that rounding hides the side: there the winding number of every side
// is taken together with what the side takes away, so that both have the same sign.
func (w *Window) massOnBorder(p orb.Point, k kernelOf) float64 {
	sum := 0.0
	for _, e := range w.edges {
		ax, ay, bx, by := e.a[0]-p[0], e.a[1]-p[1], e.b[0]-p[0], e.b[1]-p[1]
		beyond, _ := lost(ax, ay, bx, by, k)
		if cross := ax*by - ay*bx; cross != 0 {
			sum += math.Atan2(cross, ax*bx+ay*by)/(2*math.Pi) - beyond
		}
	}
	return sum
}

// span is the share of a Gaussian around x that lies from lo to hi; x between them.
func span(x, lo, hi, sigma float64) float64 {
	return (math.Erf((hi-x)/(sigma*math.Sqrt2)) + math.Erf((x-lo)/(sigma*math.Sqrt2))) / 2
}

// rectangleMass is the mass of the kernel in a rectangle, by its four sides.
func rectangleMass(b orb.Bound, p orb.Point, k kernelOf) float64 {
	if min(p[0]-b.Min[0], b.Max[0]-p[0], p[1]-b.Min[1], b.Max[1]-p[1]) >= k.reach() {
		return 1
	}
	x0, y0, x1, y1 := b.Min[0]-p[0], b.Min[1]-p[1], b.Max[0]-p[0], b.Max[1]-p[1]
	sum := 0.0
	for _, s := range [4][4]float64{{x0, y0, x1, y0}, {x1, y0, x1, y1}, {x1, y1, x0, y1}, {x0, y1, x0, y0}} {
		if cross := s[0]*s[3] - s[1]*s[2]; cross != 0 {
			beyond, _ := lost(s[0], s[1], s[2], s[3], k)
			sum += math.Atan2(cross, s[0]*s[2]+s[1]*s[3])/(2*math.Pi) - beyond
		}
	}
	return sum
}

// lost is the share of the kernel at the origin that lies beyond the side from a to b, within the wedge that the side spans; negative when
// the origin is on the right of it. It touches when the origin is on the side as far as rounding lets tell.
func lost(ax, ay, bx, by float64, k kernelOf) (share float64, touches bool) {
	dx, dy := bx-ax, by-ay
	long := math.Hypot(dx, dy)
	if long == 0 {
		return 0, false
	}
	from, to := (ax*dx+ay*dy)/long, (bx*dx+by*dy)/long // along the side, from the foot of the perpendicular
	away := (ax*dy - ay*dx) / long                     // from the side, positive on its left
	if tiny := 1e-9 * max(k.size, long); math.Abs(away) <= tiny && from <= tiny && to >= -tiny {
		touches = true
	}
	if away == 0 {
		return 0, touches
	}
	if k.shape == Quartic {
		return lostQuartic(from/k.size, to/k.size, away/k.size), touches
	}
	h := math.Abs(away) / k.size
	share = owen(h, to/k.size) - owen(h, from/k.size)
	if away < 0 {
		share = -share
	}
	return share, touches
}

// lostQuartic is lost for the quartic kernel of radius 1: (1/2π)∫(1 − r²)³dθ over the part of the side within the circle, with r² = p² + t²
// and dθ = p dt/(p² + t²).
func lostQuartic(from, to, p float64) float64 {
	half := 1 - p*p
	if half <= 0 {
		return 0
	}
	half = math.Sqrt(half)
	from, to = max(from, -half), min(to, half)
	if from >= to {
		return 0
	}
	angle := math.Atan2(p*(to-from), p*p+from*to)
	p2 := p * p
	whole := func(t float64) float64 {
		t2 := t * t
		return t * (-3 + 3*(p2+t2/3) - (p2*p2 + 2*p2*t2/3 + t2*t2/5))
	}
	return (angle + p*(whole(to)-whole(from))) / (2 * math.Pi)
}

// owen is Owen's function T(h, t/h) for h > 0: (1/2π)∫exp(−h²(1+x²)/2)/(1+x²)dx from 0 to t/h (Owen 1956), t of any sign.
func owen(h, t float64) float64 {
	if t < 0 {
		return -owen(h, -t)
	}
	if t <= h {
		return owenNear(h, t/h)
	}
	p, q := math.Erfc(h/math.Sqrt2)/2, math.Erfc(t/math.Sqrt2)/2
	return (p+q)/2 - p*q - owenNear(t, h/t)
}

// owenNear is T(h, a) for 0 ≤ a ≤ 1.
func owenNear(h, a float64) float64 {
	if h > cutoff {
		return 0
	}
	sum, h2 := 0.0, -h*h/2
	for _, node := range legendre() {
		lo, hi := a*(1-node[0])/2, a*(1+node[0])/2
		lo, hi = 1+lo*lo, 1+hi*hi
		sum += node[1] * (math.Exp(h2*lo)/lo + math.Exp(h2*hi)/hi)
	}
	return a * sum / (4 * math.Pi)
}

// leastMass is the mass below which a density is not divided by it: what is left of the digits would be few. In a rectangle the masses are
// exact however small.
func (w *Window) leastMass() float64 {
	if w.rectangle {
		return 1e-100
	}
	return 1e4 * MassError
}
