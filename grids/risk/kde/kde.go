// Package kde estimates the intensity of points in the plane by kernel density: how many per km² there are around a place, with the mass that
// a kernel loses beyond the coast given back. It also chooses bandwidths, divides one surface by another (relative risk) and draws contours.
//
// Coordinates are metres in one projected CRS, x then y. The results are points per km², or per m² where [PerM2] is asked for; with weights
// read "weight" for "points". The bandwidth of the Gaussian kernel is SigmaM, its standard deviation along each axis; that of the quartic
// kernel is RadiusM, the distance h beyond which it is 0. A quartic kernel of radius h has a standard deviation of h/√8: see [SigmaOf].
//
// Two ways lead to a surface. [Exact] sums the kernels themselves. [Binned] first moves every point to the four nodes around it (linear
// binning, Jones & Lotwick 1984, Wand 1994) and is fast; every surface states how far it may be from the exact one, in [Surface.Bound].
//
// The sums run over the points in their order: another order of the same points changes the last digits and nothing else.
// Everything here is pure and safe for concurrent use. Nothing starts goroutines, so the results do not depend on their number.
package kde

import (
	"context"
	"math"

	"github.com/paulmach/orb"

	"wangge/grids"
	"wangge/grids/risk/stat"
)

// Version is the version of all methods here.
const Version = "1"

// Kernel is the shape of the bump that stands for a point.
type Kernel string

// The kernels.
const (
	Gaussian Kernel = "gaussian" // exp(−d²/2σ²)/(2πσ²), bandwidth SigmaM
	Quartic  Kernel = "quartic"  // 3/(πh²)·(1 − d²/h²)² for d < h, bandwidth RadiusM (Silverman 1986, eq. 4.5)
)

// Edge is what is done about the mass that kernels lose beyond the border of the window.
type Edge string

// The edge corrections. The mass e(x) is the integral over the window of the kernel that is centred at x.
const (
	None    Edge = "none"
	Uniform Edge = "uniform" // divide the density at x by e(x) (Diggle 1985)
	Diggle  Edge = "diggle"  // divide the weight of the point i by e(xᵢ) (Jones 1993): the surface integrates to the number of points
)

// Mode is how the sums are done.
type Mode string

// The modes.
const (
	Exact  Mode = "exact"  // sums of the kernels themselves; time grows as points × cells
	Binned Mode = "binned" // points are moved to the lattice; time grows as points + cells
)

// Unit is what the densities count.
type Unit string

// The units.
const (
	PerKm2 Unit = "per_km2"
	PerM2  Unit = "per_m2" // per square unit of the coordinates, whatever that is
)

// factor is how many of the unit are one per square metre.
func (u Unit) factor() float64 {
	if u == PerM2 {
		return 1
	}
	return 1e6
}

// OutsideWindow is why a point was dropped, or why a cell has no figure: it does not lie in the window.
const OutsideWindow stat.Reason = "outside-window"

// SigmaOf is the standard deviation, along each axis, of the quartic kernel of radius h: h/√8.
func SigmaOf(radiusM float64) float64 { return radiusM / math.Sqrt(8) }

// RadiusOf is the radius of the quartic kernel whose standard deviation along each axis is sigma: σ√8.
func RadiusOf(sigmaM float64) float64 { return sigmaM * math.Sqrt(8) }

// Points is where things are, and how much each counts.
type Points struct {
	XY      []orb.Point // metres
	Weights []float64   // finite, at least 0, one a point; nil for 1 each
}

// weight is the weight of the point i.
func (p Points) weight(i int) float64 {
	if p.Weights == nil {
		return 1
	}
	return p.Weights[i]
}

// check reports what is wrong with the points. The error is Invalid.
func (p Points) check() error {
	if p.Weights != nil && len(p.Weights) != len(p.XY) {
		return grids.Errorf(grids.Invalid, "there are %d weights for %d points: give one a point, or none at all", len(p.Weights), len(p.XY))
	}
	for i, at := range p.XY {
		if !(math.Abs(at[0]) <= maxCoordinate && math.Abs(at[1]) <= maxCoordinate) {
			return grids.Errorf(grids.Invalid, "point %d at (%v, %v) is not a place within ±%g m", i, at[0], at[1], float64(maxCoordinate))
		}
	}
	for i, w := range p.Weights {
		if !(w >= 0 && w <= maxWeight) {
			return grids.Errorf(grids.Invalid, "the weight of point %d is %v: give one from 0 to %g", i, w, float64(maxWeight))
		}
	}
	return nil
}

// The limits of what is taken. They keep every sum finite.
const (
	maxCoordinate = 1e9     // metres
	maxWeight     = 1e12    // of one point
	minBandwidth  = 1e-6    // metres
	maxBandwidth  = 1e9     // metres
	maxCells      = 1 << 26 // of a lattice
)

// Lattice is a grid of square cells. The cell (column, row) stands for its centre and has the index row·NX + column; row 0 is the
// southernmost, column 0 the westernmost.
type Lattice struct {
	OriginXM float64 `json:"origin_x_m"` // the south-western corner of the cell (0, 0), metres
	OriginYM float64 `json:"origin_y_m"`
	CellM    float64 `json:"cell_m"` // the side of a cell, metres
	NX       int     `json:"nx"`     // columns
	NY       int     `json:"ny"`     // rows
}

// Cells is the number of cells.
func (l Lattice) Cells() int { return l.NX * l.NY }

// Centre is the centre of a cell.
func (l Lattice) Centre(column, row int) orb.Point { return orb.Point{l.x(column), l.y(row)} }

func (l Lattice) x(column int) float64 { return l.OriginXM + (float64(column)+.5)*l.CellM }
func (l Lattice) y(row int) float64    { return l.OriginYM + (float64(row)+.5)*l.CellM }

// LatticeOver is the smallest lattice of cells of that side that covers the window, its origin at whole multiples of the side. The error is
// Invalid or TooLarge.
func LatticeOver(w *Window, cellM float64) (Lattice, error) {
	if w == nil || !(cellM > 0 && cellM <= maxBandwidth) {
		return Lattice{}, grids.Errorf(grids.Invalid, "a lattice needs a window and cells of more than 0 m, not %v m", cellM)
	}
	l := Lattice{OriginXM: math.Floor(w.box.Min[0]/cellM) * cellM, OriginYM: math.Floor(w.box.Min[1]/cellM) * cellM, CellM: cellM}
	nx, ny := math.Ceil((w.box.Max[0]-l.OriginXM)/cellM), math.Ceil((w.box.Max[1]-l.OriginYM)/cellM)
	if !(nx*ny <= maxCells) {
		return Lattice{}, grids.Errorf(grids.TooLarge, "cells of %v m make a lattice of %.0f × %.0f, above %d cells: take larger cells", cellM, nx, ny, maxCells)
	}
	l.NX, l.NY = int(nx), int(ny)
	return l, l.check()
}

// check reports what is wrong with the lattice. The error is Invalid or TooLarge.
func (l Lattice) check() error {
	if l.NX < 1 || l.NY < 1 {
		return grids.Errorf(grids.Invalid, "a lattice of %d × %d has no cells: give at least one column and one row", l.NX, l.NY)
	}
	if l.NX > maxCells || l.NY > maxCells/l.NX {
		return grids.Errorf(grids.TooLarge, "a lattice of %d × %d is above %d cells: take larger cells", l.NX, l.NY, maxCells)
	}
	if !(l.CellM >= minBandwidth && l.CellM <= maxBandwidth) {
		return grids.Errorf(grids.Invalid, "the lattice has cells of %v m: give a side of %g to %g m", l.CellM, float64(minBandwidth), float64(maxBandwidth))
	}
	for _, at := range [4]float64{l.OriginXM, l.OriginYM, l.x(l.NX), l.y(l.NY)} {
		if !(math.Abs(at) <= 2*maxCoordinate) {
			return grids.Errorf(grids.Invalid, "the lattice reaches to %v m: keep it within ±%g m", at, float64(2*maxCoordinate))
		}
	}
	return nil
}

// Options is how a surface is made.
type Options struct {
	Kernel   Kernel                // "" is Gaussian
	SigmaM   float64               // of the Gaussian kernel: its standard deviation along each axis, metres; needed, there is no default
	RadiusM  float64               // of the quartic kernel: the distance where it ends, metres; needed, there is no default
	Edge     Edge                  // "" is Uniform
	Mode     Mode                  // "" is Exact; ignored at single sites, which are always exact
	Unit     Unit                  // "" is PerKm2
	Adaptive bool                  // the bandwidth follows the density (Abramson 1982), see [Estimate]; needs Exact, and the edge None or Diggle
	MaxRatio float64               // of Adaptive: a bandwidth is at most so many times the one given, at least 1; 0 is 10
	Progress func(done, total int) // told from time to time, from the caller's goroutine; nil for silence
}

// kernelOf is a kernel with its bandwidth.
type kernelOf struct {
	shape Kernel
	size  float64 // sigma or radius, metres
}

// peak is the kernel at its centre, per m².
func (k kernelOf) peak() float64 {
	if k.shape == Quartic {
		return 3 / (math.Pi * k.size * k.size)
	}
	return 1 / (2 * math.Pi * k.size * k.size)
}

// reach is the distance beyond which the kernel is 0 in double precision, metres.
func (k kernelOf) reach() float64 {
	if k.shape == Quartic {
		return k.size
	}
	return cutoff * k.size
}

// at is the kernel at the squared distance d2, per m².
func (k kernelOf) at(d2 float64) float64 {
	if k.shape == Quartic {
		u := 1 - d2/(k.size*k.size)
		if u <= 0 {
			return 0
		}
		return k.peak() * u * u
	}
	return k.peak() * math.Exp(-d2/(2*k.size*k.size))
}

// cutoff is the distance in σ at which the exact mode leaves a Gaussian: the kernel there is e⁻⁷²² ≈ 10⁻³¹⁴ of its peak, below what double
// precision holds in full.
const cutoff = 38

// settled is the options with their defaults filled in. The error is Invalid.
func (o Options) settled() (Options, kernelOf, error) {
	def(&o.Kernel, Gaussian)
	def(&o.Edge, Uniform)
	def(&o.Mode, Exact)
	def(&o.Unit, PerKm2)
	def(&o.MaxRatio, 10)
	size, other, name := o.SigmaM, o.RadiusM, "SigmaM"
	switch o.Kernel {
	case Gaussian:
	case Quartic:
		size, other, name = o.RadiusM, o.SigmaM, "RadiusM"
	default:
		return o, kernelOf{}, grids.Errorf(grids.Invalid, "there is no kernel %q: take %q or %q", o.Kernel, Gaussian, Quartic)
	}
	if !(size >= minBandwidth && size <= maxBandwidth) || other != 0 {
		return o, kernelOf{}, grids.Errorf(grids.Invalid, "the %s kernel needs %s from %g to %g m and no other bandwidth; it has SigmaM %v and RadiusM %v",
			o.Kernel, name, float64(minBandwidth), float64(maxBandwidth), o.SigmaM, o.RadiusM)
	}
	return o, kernelOf{o.Kernel, size}, o.checkChoices()
}

// checkChoices reports a choice that is not known or does not go with the others. The error is Invalid.
func (o Options) checkChoices() error {
	switch {
	case o.Edge != None && o.Edge != Uniform && o.Edge != Diggle:
		return grids.Errorf(grids.Invalid, "there is no edge correction %q: take %q, %q or %q", o.Edge, None, Uniform, Diggle)
	case o.Mode != Exact && o.Mode != Binned:
		return grids.Errorf(grids.Invalid, "there is no mode %q: take %q or %q", o.Mode, Exact, Binned)
	case o.Unit != PerKm2 && o.Unit != PerM2:
		return grids.Errorf(grids.Invalid, "there is no unit %q: take %q or %q", o.Unit, PerKm2, PerM2)
	case !(o.MaxRatio >= 1 && o.MaxRatio <= 1e3):
		return grids.Errorf(grids.Invalid, "MaxRatio is %v: give one from 1 to 1000", o.MaxRatio)
	case o.Adaptive && o.Mode == Binned:
		return grids.Errorf(grids.Invalid, "an adaptive bandwidth cannot be binned: take the mode %q", Exact)
	case o.Adaptive && o.Edge == Uniform:
		return grids.Errorf(grids.Invalid, "an adaptive bandwidth has no one mass at a place: take the edge correction %q or %q", Diggle, None)
	}
	return nil
}

// def gives *v a value where it has none.
func def[T comparable](v *T, other T) {
	var zero T
	if *v == zero {
		*v = other
	}
}

// meta is the account of a surface.
func (o Options) meta(method string, w *Window) stat.Meta {
	source := "Silverman 1986, eq. 4.1"
	if o.Kernel == Quartic {
		source = "Silverman 1986, eq. 4.5"
	}
	switch o.Edge {
	case Uniform:
		source += "; edge: Diggle 1985"
	case Diggle:
		source += "; edge: Jones 1993"
	}
	params := map[string]any{"kernel": o.Kernel, "edge": o.Edge, "unit": o.Unit, "mode": o.Mode, "adaptive": o.Adaptive, "window_area_m2": w.area}
	if o.Kernel == Quartic {
		params["radius_m"] = o.RadiusM
	} else {
		params["sigma_m"] = o.SigmaM
	}
	switch {
	case o.Adaptive:
		source += "; adaptive: Abramson 1982"
		params["max_ratio"] = o.MaxRatio
	case o.Mode == Binned:
		source += "; linear binning: Jones & Lotwick 1984, Wand 1994"
	}
	return stat.Meta{Method: method, Version: Version, Source: source, Params: params}
}

// Estimate is the density of the points over the lattice. Points outside the window are dropped and counted; cells whose centre is outside
// it have no figure. No points at all have the density 0.
//
// With Adaptive, the bandwidth of the point i is the one given times (g/p(xᵢ))^½, p the density of all points there with that bandwidth and
// the edge corrected uniformly, g the geometric mean of the p (Abramson 1982; Silverman 1986, section 5.3), at most MaxRatio times it.
//
// The error is Invalid (also when every point is outside the window), TooLarge, or that of the context.
func Estimate(ctx context.Context, p Points, w *Window, l Lattice, o Options) (*Surface, error) {
	o, k, err := o.settled()
	if err == nil {
		err = l.check()
	}
	if err == nil {
		err = checkWindow(w)
	}
	if err == nil {
		err = p.check()
	}
	if err != nil {
		return nil, err
	}
	s := &Surface{Meta: o.meta("kernel-density", w), Lattice: l, Unit: o.Unit}
	s.Meta.Params["lattice"] = l
	if o.Mode == Binned {
		err = s.binned(ctx, p, w, k, o)
	} else {
		err = s.exact(ctx, p, w, k, o)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Sites is the density at single places.
type Sites struct {
	Meta   stat.Meta    `json:"meta"`
	Unit   Unit         `json:"unit"`
	Values []stat.Value `json:"values"` // as the places are ordered; none with OutsideWindow at those outside the window
}

// At is the density of the points at the given places, summed exactly. The error is as that of [Estimate].
func At(ctx context.Context, p Points, w *Window, places []orb.Point, o Options) (*Sites, error) {
	o.Mode = Exact
	o, k, err := o.settled()
	if err == nil {
		err = checkWindow(w)
	}
	if err == nil {
		err = p.check()
	}
	if err == nil {
		err = Points{XY: places}.check()
	}
	if err != nil {
		return nil, err
	}
	out := &Sites{Meta: o.meta("kernel-density-at", w), Unit: o.Unit, Values: make([]stat.Value, len(places))}
	bumps, err := bumpsOf(ctx, p, w, k, o, &out.Meta)
	if err != nil {
		return nil, err
	}
	for i, at := range places {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		out.Values[i] = siteValue(bumps, w, k, o, at)
		if o.Progress != nil && i%1024 == 0 {
			o.Progress(i, len(places))
		}
	}
	return out, nil
}

// siteValue is the density at one place.
func siteValue(bumps []bump, w *Window, k kernelOf, o Options, at orb.Point) stat.Value {
	if !w.covers(at) {
		return stat.None(OutsideWindow)
	}
	sum := 0.0
	for _, b := range bumps {
		dx, dy := at[0]-b.x, at[1]-b.y
		sum += b.w * b.k.at(dx*dx+dy*dy)
	}
	if o.Edge == Uniform {
		e := w.mass(at, k)
		if e < w.leastMass() {
			return stat.None(NoMass)
		}
		sum /= e
	}
	return stat.Of(sum * o.Unit.factor())
}
