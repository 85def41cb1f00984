package kde

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/paulmach/orb"

	"wangge/grids"
	"wangge/grids/risk/stat"
)

// Selector is a rule that chooses a bandwidth from the points. The rules answer different questions and differ by factors of ten and more on
// the same points: show the number with every map.
type Selector string

// The selectors.
const (
	// Scott is sdₖ·n^(−1/6) along each axis, together their geometric mean (Scott 1992); in the plane it is Silverman's rule too.
	Scott Selector = "scott"
	// ArcGIS is the default search radius of ArcGIS, 0.9·min(SD, √(1/ln 2)·Dm)·n^(−1/5), SD the standard distance, Dm the median distance
	// from the mean centre: a RadiusM for the quartic kernel.
	ArcGIS Selector = "arcgis"
	// LeastSquaresCV minimises ∫f̂² − (2/n)·Σf̂₋ᵢ(xᵢ) of the density f̂, Gaussian, without edge correction (Silverman 1986, section 3.4.3).
	LeastSquaresCV Selector = "least-squares-cv"
	// LikelihoodCV maximises Σ log λ̂₋ᵢ(xᵢ) − ∫λ̂, Gaussian, edge corrected uniformly (Loader 1999, section 5.3).
	LikelihoodCV Selector = "likelihood-cv"
	// CronieVanLieshout minimises (Σ 1/λ̂(xᵢ) − |W|)², Gaussian, without edge correction (Cronie & van Lieshout 2018).
	CronieVanLieshout Selector = "cronie-van-lieshout"
	// BermanDiggle minimises the mean squared error for a Cox process, by its K function (Diggle 1985; Berman & Diggle 1989).
	BermanDiggle Selector = "berman-diggle"
)

// The limits of the selectors.
const (
	leastPoints = 5
	mostPoints  = 20000 // of those that compare all pairs
)

// BandwidthOptions is how a bandwidth is chosen. The usual candidates are 16 in geometric order, from the least distance of two places that
// differ to half the diagonal of the window's box.
type BandwidthOptions struct {
	PixelM     float64               // the cell of the lattice that will be made, metres: no bandwidth is below it; 0 for none
	PrecisionM float64               // to which the coordinates are given, metres: no bandwidth is below it; 0 to find it, see [Precision]
	Candidates []float64             // for LikelihoodCV and CronieVanLieshout: the σ to try, ascending, metres; nil for the usual 16
	Refine     bool                  // for these two: search on between the neighbours of the best candidate
	Progress   func(done, total int) // told after every bandwidth tried; nil for silence
}

// Bandwidth is a chosen bandwidth.
type Bandwidth struct {
	Meta       stat.Meta `json:"meta"`
	SigmaM     float64   `json:"sigma_m"`    // for the Gaussian kernel
	RadiusM    float64   `json:"radius_m"`   // for the quartic kernel of the same standard deviation; with ArcGIS the figure that the rule gives
	AlongXM    float64   `json:"along_x_m"`  // σ along x, of [Scott]; otherwise SigmaM
	AlongYM    float64   `json:"along_y_m"`  // σ along y, of [Scott]; otherwise SigmaM
	LowerM     float64   `json:"lower_m"`    // the least that was allowed: the larger of pixel and coordinate precision
	AtBound    bool      `json:"at_bound"`   // the rule went below LowerM, or was still going down there
	Duplicates int       `json:"duplicates"` // points at the place of an earlier one
	Warnings   []string  `json:"warnings"`   // for people; nil when there is nothing to say
	Tried      []float64 `json:"tried"`      // the bandwidths that were compared, metres, ascending; nil for the rules of thumb
	Criterion  []float64 `json:"criterion"`  // the criterion at each of them, as the selector defines it
}

// Select chooses a bandwidth. Points outside the window are dropped; Scott, ArcGIS and LeastSquaresCV do without a window (nil). Points count 1
// each. The error is Invalid (fewer than 5 points, all at one place), TooLarge (more than 20 000 points for a rule that compares all pairs), or
// that of the context.
func Select(ctx context.Context, xy []orb.Point, w *Window, rule Selector, o BandwidthOptions) (*Bandwidth, error) {
	c, err := newChooser(ctx, xy, w, rule, o)
	if err != nil {
		return nil, err
	}
	switch rule {
	case Scott:
		c.scott()
	case ArcGIS:
		c.arcgis()
	case LeastSquaresCV:
		err = c.leastSquares()
	case LikelihoodCV:
		err = c.search(c.candidates(), c.likelihood, o.Refine)
	case CronieVanLieshout:
		err = c.search(c.candidates(), c.cronie, o.Refine)
	case BermanDiggle:
		err = c.bermanDiggle()
	}
	if err != nil {
		return nil, err
	}
	return c.out, nil
}

// sources is where each selector is from.
func (s Selector) source() string {
	switch s {
	case Scott:
		return "Scott 1992, eq. 6.42"
	case ArcGIS:
		return "ArcGIS Pro, How Kernel Density works"
	case LeastSquaresCV:
		return "Silverman 1986, section 3.4.3"
	case LikelihoodCV:
		return "Loader 1999, section 5.3; Baddeley, Rubak & Turner 2015, section 6.5.1"
	case CronieVanLieshout:
		return "Cronie & van Lieshout 2018, eq. 3"
	case BermanDiggle:
		return "Diggle 1985; Berman & Diggle 1989, eq. 2.3"
	}
	return ""
}

// chooser is the work on one bandwidth.
type chooser struct {
	ctx     context.Context
	p       []orb.Point // by x, then y
	nearest []float64   // the distance of each to the nearest other, 0 for duplicates; nil for the rules of thumb
	w       *Window
	o       BandwidthOptions
	out     *Bandwidth
}

// newChooser checks the input.
func newChooser(ctx context.Context, xy []orb.Point, w *Window, rule Selector, o BandwidthOptions) (*chooser, error) {
	if rule.source() == "" {
		return nil, grids.Errorf(grids.Invalid, "there is no bandwidth selector %q", rule)
	}
	pairs := rule != Scott && rule != ArcGIS
	if err := (Points{XY: xy}).check(); err != nil {
		return nil, err
	}
	if w != nil || pairs && rule != LeastSquaresCV {
		if err := checkWindow(w); err != nil {
			return nil, err
		}
	}
	for _, v := range append([]float64{o.PixelM, o.PrecisionM}, o.Candidates...) {
		if !(v >= 0 && v <= maxBandwidth) {
			return nil, grids.Errorf(grids.Invalid, "a pixel, precision or candidate is %v m: give lengths up to %g m", v, float64(maxBandwidth))
		}
	}
	if !slices.IsSorted(o.Candidates) || len(o.Candidates) > 0 && o.Candidates[0] < minBandwidth {
		return nil, grids.Errorf(grids.Invalid, "the candidates have to ascend, from %g m on", float64(minBandwidth))
	}
	c := &chooser{ctx: ctx, w: w, o: o, out: &Bandwidth{Meta: stat.Meta{Method: "bandwidth-" + string(rule), Version: Version, Source: rule.source()}}}
	for _, p := range xy {
		if w == nil || w.covers(p) {
			c.p = append(c.p, p)
		}
	}
	return c, c.start(len(xy), pairs)
}

// start sorts the points and fills the account.
func (c *chooser) start(all int, pairs bool) error {
	if err := tally(&c.out.Meta, all, len(c.p)); err != nil {
		return err
	}
	if len(c.p) < leastPoints {
		return grids.Errorf(grids.Invalid, "%d points are too few to choose a bandwidth: it takes at least %d", len(c.p), leastPoints)
	}
	if pairs && len(c.p) > mostPoints {
		return grids.Errorf(grids.TooLarge, "%d points are above %d, the most whose pairs are all compared: choose from a random sample of m points and "+
			"take (m/n)^(1/6) of the result, or use %s or %s", len(c.p), mostPoints, Scott, ArcGIS)
	}
	slices.SortFunc(c.p, func(a, b orb.Point) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	if c.p[0] == c.p[len(c.p)-1] {
		return grids.Errorf(grids.Invalid, "all %d points are at one place, (%v, %v): there is no bandwidth", len(c.p), c.p[0][0], c.p[0][1])
	}
	for i := 1; i < len(c.p); i++ {
		if c.p[i] == c.p[i-1] {
			c.out.Duplicates++
		}
	}
	def(&c.o.PrecisionM, Precision(c.p))
	c.out.LowerM = max(c.o.PixelM, c.o.PrecisionM, minBandwidth)
	c.out.Meta.Params = map[string]any{"pixel_m": c.o.PixelM, "precision_m": c.o.PrecisionM, "refine": c.o.Refine, "candidates": c.o.Candidates}
	if pairs {
		c.nearest = nearest(c.p)
		if c.out.Duplicates > 0 {
			c.warn("%d of %d points are at the place of another: cross-validation takes that for clusters of size 0", c.out.Duplicates, len(c.p))
		}
	}
	return nil
}

func (c *chooser) warn(format string, args ...any) {
	c.out.Warnings = append(c.out.Warnings, fmt.Sprintf(format, args...))
}

// settle writes the chosen σ, not below the bound. falling tells that the criterion was still improving there.
func (c *chooser) settle(x, y float64, falling bool) {
	b := c.out
	if min(x, y) < b.LowerM || falling {
		b.AtBound = true
		c.warn("the rule leads to %.3g m, the bound below is %.3g m (pixel %.3g m, coordinates to %.3g m): rounded or repeated coordinates drive it down, "+
			"so this is not a bandwidth of the points", min(x, y), b.LowerM, c.o.PixelM, c.o.PrecisionM)
	}
	b.AlongXM, b.AlongYM = max(x, b.LowerM), max(y, b.LowerM)
	b.SigmaM = b.AlongXM
	if b.AlongYM != b.AlongXM {
		b.SigmaM = math.Sqrt(b.AlongXM * b.AlongYM)
	}
	b.RadiusM = RadiusOf(b.SigmaM)
}

// Precision is the power of ten, from 10⁶ down to 10⁻⁶ m, to which all coordinates seem rounded; 0 when they are finer, and without points.
func Precision(xy []orb.Point) float64 {
	if len(xy) == 0 {
		return 0
	}
	for k := -6; k <= 6; k++ {
		if isRounded(xy, math.Pow10(k)) {
			return math.Pow10(-k)
		}
	}
	return 0
}

// isRounded reports whether all coordinates times scale are whole, but for the rounding of decimal numbers.
func isRounded(xy []orb.Point, scale float64) bool {
	for _, p := range xy {
		for _, v := range p {
			v = math.Abs(v) * scale
			if math.Abs(v-math.Round(v)) > min(v*0x1p-51, .05) {
				return false
			}
		}
	}
	return true
}

// moments is the means and the standard deviations (n−1) along both axes.
func moments(p []orb.Point) (mean, sd orb.Point) {
	n := float64(len(p))
	for axis := range mean {
		sum, squares := 0.0, 0.0
		for _, q := range p {
			sum += q[axis] - p[0][axis]
		}
		mean[axis] = p[0][axis] + sum/n
		for _, q := range p {
			squares += (q[axis] - mean[axis]) * (q[axis] - mean[axis])
		}
		sd[axis] = math.Sqrt(squares / (n - 1))
	}
	return mean, sd
}

// scott is Scott's rule along each axis.
func (c *chooser) scott() {
	_, sd := moments(c.p)
	f := math.Pow(float64(len(c.p)), -1.0/6)
	c.settle(sd[0]*f, sd[1]*f, false)
}

// arcgis is the default search radius of ArcGIS: SD is the standard distance (over n), Dm the median distance from the mean centre.
func (c *chooser) arcgis() {
	mean, sd := moments(c.p)
	n := float64(len(c.p))
	away := make([]float64, len(c.p))
	for i, p := range c.p {
		away[i] = math.Hypot(p[0]-mean[0], p[1]-mean[1])
	}
	slices.Sort(away)
	median := (away[(len(away)-1)/2] + away[len(away)/2]) / 2
	distance := math.Hypot(sd[0], sd[1]) * math.Sqrt((n-1)/n)
	radius := .9 * min(distance, math.Sqrt(1/math.Ln2)*median) * math.Pow(n, -.2)
	sigma := SigmaOf(radius)
	c.settle(sigma, sigma, false)
	if !c.out.AtBound {
		c.out.RadiusM = radius
	}
}
