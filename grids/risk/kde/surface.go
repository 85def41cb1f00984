package kde

import (
	"math"

	"github.com/paulmach/orb"

	"wangge/grids"
	"wangge/grids/risk/stat"
)

// State is what a cell of a surface is.
type State uint8

// The states of a cell.
const (
	Known     State = iota // it has a figure
	outside                // its centre is outside the window
	noMass                 // the window holds too little of the kernel there to divide by
	noControl              // there are no controls to divide by
	noCases                // there are no cases: the logarithm has no value
)

// The reasons for which a cell has no figure, beside OutsideWindow.
const (
	NoMass    stat.Reason = "no-mass"    // the window holds too little of the kernel there for an edge correction
	NoControl stat.Reason = "no-control" // the density of the controls is about 0
	NoCases   stat.Reason = "no-cases"   // the density of the cases is 0 and its logarithm was asked for
)

// Reason is why a cell of that state has no figure; "" when it has one.
func (s State) Reason() stat.Reason {
	switch s {
	case Known:
		return ""
	case outside:
		return OutsideWindow
	case noMass:
		return NoMass
	case noControl:
		return NoControl
	case noCases:
		return NoCases
	}
	return stat.Missing
}

// Bound is how far the figures of a surface may be from the sums of the kernels over the exact window. All but shares are in the unit of
// the surface and hold for every known cell; rounding comes on top, a few units of the fifteenth digit.
type Bound struct {
	Absolute      float64 `json:"absolute"`       // all of what follows together
	Binning       float64 `json:"binning"`        // points moved to the lattice, before the edge correction: O(cell²/bandwidth²)
	Truncation    float64 `json:"truncation"`     // kernels cut off, before the edge correction
	Interpolation float64 `json:"interpolation"`  // the smooth surface read between coarser nodes, before the edge correction
	MassError     float64 `json:"mass_error"`     // of the mass of a kernel in the window, a share
	CutoffSigma   float64 `json:"cutoff_sigma"`   // where a Gaussian is cut off, in σ; 0 for a quartic kernel, which ends by itself
	CellPerSigma  float64 `json:"cell_per_sigma"` // the cell in bandwidths, binned mode; 0 otherwise
}

// Surface is a density over a lattice.
type Surface struct {
	Meta    stat.Meta `json:"meta"`
	Lattice Lattice   `json:"lattice"`
	Unit    Unit      `json:"unit"`   // of the values: "per_km2", "per_m2"; of a relative risk "ratio" or "log_ratio"
	Values  []float64 `json:"values"` // at row·NX + column, row 0 in the south; 0 in a cell without a figure
	States  []State   `json:"states"` // of the cells; nil when all are Known
	Total   float64   `json:"total"`  // the sum of the weights of the points used, with the correction of [Diggle] in it
	Bound   Bound     `json:"bound"`

	least float64 // the least mass that a cell was divided by; 0 for none
}

// Value is the figure of a cell; none with the reason Missing outside the lattice.
func (s *Surface) Value(column, row int) stat.Value {
	if column < 0 || row < 0 || column >= s.Lattice.NX || row >= s.Lattice.NY {
		return stat.None(stat.Missing)
	}
	at := row*s.Lattice.NX + column
	if !s.known(at) {
		return stat.None(s.States[at].Reason())
	}
	return stat.Of(s.Values[at])
}

// Integral is the sum over the known cells of the density times the area of the cell: about the number of points.
func (s *Surface) Integral() float64 {
	sum := 0.0
	for at, v := range s.Values {
		if s.known(at) {
			sum += v
		}
	}
	return sum * s.Lattice.CellM * s.Lattice.CellM / s.Unit.factor()
}

func (s *Surface) known(at int) bool { return s.States == nil || s.States[at] == Known }

// clear takes the figure of a cell away.
func (s *Surface) clear(at int, why State) {
	if s.States == nil {
		s.States = make([]State, len(s.Values))
	}
	s.States[at], s.Values[at] = why, 0
}

// outside clears the cells whose centre is outside the window.
func (s *Surface) outside(w *Window) {
	l := s.Lattice
	if w.rectangle && w.covers(l.Centre(0, 0)) && w.covers(l.Centre(l.NX-1, l.NY-1)) {
		return
	}
	for at := range s.Values {
		if !w.covers(l.Centre(at%l.NX, at/l.NX)) {
			s.clear(at, outside)
		}
	}
}

// anyCleared reports whether any cell has no figure.
func (s *Surface) anyCleared() bool {
	for _, state := range s.States {
		if state != Known {
			return true
		}
	}
	return false
}

// scale multiplies all figures.
func (s *Surface) scale(f float64) {
	if f == 1 {
		return
	}
	for at := range s.Values {
		s.Values[at] *= f
	}
}

// RiskOptions is how two surfaces become a relative risk.
type RiskOptions struct {
	Log          bool    // the natural logarithm of the ratio
	Intensities  bool    // the ratio of the intensities as they are; otherwise of the densities, each divided by its Total
	ControlFloor float64 // controls at or below that share of their largest density count as none, from 0 below 1; 0 is 10⁻⁹
}

// The units of a relative risk.
const (
	Ratio    Unit = "ratio"
	LogRatio Unit = "log_ratio"
)

// RelativeRisk is the density of the cases divided by that of the controls, cell by cell (Bithell 1990; Kelsall & Diggle 1995). Both need the
// same lattice, window, unit and edge correction; a common bandwidth is best. A cell has no figure where one of the two has none, where the
// controls are about 0 (at most the ControlFloor, or what their Bound leaves open), or where the logarithm of 0 is asked for. The Bound of the
// result is empty but for Absolute, the largest over the known cells. The error is Invalid.
func RelativeRisk(cases, controls *Surface, o RiskOptions) (*Surface, error) {
	def(&o.ControlFloor, 1e-9)
	if err := checkPair(cases, controls, o); err != nil {
		return nil, err
	}
	out := &Surface{Lattice: cases.Lattice, Unit: Ratio, Values: make([]float64, len(cases.Values)), Total: cases.Total,
		Meta: stat.Meta{Method: "relative-risk", Version: Version, Source: "Kelsall & Diggle 1995", Used: cases.Meta.Used,
			Params: map[string]any{"log": o.Log, "intensities": o.Intensities, "control_floor": o.ControlFloor,
				"cases": cases.Meta.Params, "controls": controls.Meta.Params, "controls_used": controls.Meta.Used}}}
	if o.Log {
		out.Unit = LogRatio
	}
	factor, floor := 1.0, controls.Bound.Absolute
	if !o.Intensities {
		factor = controls.Total / cases.Total
	}
	for _, v := range controls.Values {
		floor = max(floor, o.ControlFloor*v)
	}
	for at := range out.Values {
		out.divideCases(at, cases, controls, factor, floor, o.Log)
	}
	return out, nil
}

// divideCases fills one cell of a relative risk.
func (s *Surface) divideCases(at int, cases, controls *Surface, factor, floor float64, log bool) {
	switch {
	case !cases.known(at):
		s.clear(at, cases.States[at])
		return
	case !controls.known(at):
		s.clear(at, controls.States[at])
		return
	case controls.Values[at] <= floor:
		s.clear(at, noControl)
		return
	}
	a, b := cases.Values[at], controls.Values[at]
	ratio := factor * a / b
	off := (factor*cases.Bound.Absolute + ratio*controls.Bound.Absolute) / (b - controls.Bound.Absolute)
	if log {
		if a <= cases.Bound.Absolute || ratio == 0 {
			s.clear(at, noCases)
			return
		}
		off = -math.Log1p(-cases.Bound.Absolute/a) - math.Log1p(-controls.Bound.Absolute/b)
		ratio = math.Log(ratio)
	}
	if math.IsInf(ratio, 0) || math.IsNaN(ratio) {
		s.clear(at, noControl)
		return
	}
	s.Values[at], s.Bound.Absolute = ratio, max(s.Bound.Absolute, min(off, math.MaxFloat64))
}

// checkPair reports surfaces that cannot be divided. The error is Invalid.
func checkPair(cases, controls *Surface, o RiskOptions) error {
	switch {
	case cases == nil || controls == nil:
		return grids.Errorf(grids.Invalid, "a relative risk needs a surface of cases and one of controls")
	case cases.Lattice != controls.Lattice || len(cases.Values) != len(controls.Values) || len(cases.Values) != cases.Lattice.Cells():
		return grids.Errorf(grids.Invalid, "cases and controls are on lattices that differ, %+v and %+v: make both on the same", cases.Lattice, controls.Lattice)
	case cases.Unit != controls.Unit || cases.Meta.Params["edge"] != controls.Meta.Params["edge"] ||
		cases.Meta.Params["window_area_m2"] != controls.Meta.Params["window_area_m2"]:
		return grids.Errorf(grids.Invalid, "cases and controls differ in their unit, edge correction or window: make both the same way")
	case !(o.ControlFloor > 0 && o.ControlFloor < 1):
		return grids.Errorf(grids.Invalid, "ControlFloor is %v: give a share of the largest density, above 0 and below 1", o.ControlFloor)
	case !(cases.Total > 0) && !o.Intensities:
		return grids.Errorf(grids.Invalid, "there are no cases: their density does not exist; ask for the ratio of the intensities")
	}
	return nil
}

// Contours is the iso-lines of the surface at each level, in the coordinates of the lattice: marching squares over the centres of the cells
// (Lorensen & Cline 1987), with linear interpolation along the sides. A line has the higher side on its left. Rings are closed, their last
// point repeats the first; lines that meet the border of the lattice or a cell without a figure end there. A square whose corners are high
// crosswise is joined where its mean is high. Lines come in the order of their first crossing, open ones first. A level without lines has an empty
// MultiLineString. The error is Invalid: a level that is not a number.
func (s *Surface) Contours(levels []float64) ([]orb.MultiLineString, error) {
	if len(s.Values) != s.Lattice.Cells() {
		return nil, grids.Errorf(grids.Invalid, "the surface has %d values for %d cells", len(s.Values), s.Lattice.Cells())
	}
	out := make([]orb.MultiLineString, len(levels))
	for i, level := range levels {
		if math.IsNaN(level) || math.IsInf(level, 0) {
			return nil, grids.Errorf(grids.Invalid, "contour level %d is %v: give a number", i, level)
		}
		t := tracer{s: s, level: level, next: map[int]int{}, last: map[int]bool{}}
		for row := range s.Lattice.NY - 1 {
			for column := range s.Lattice.NX - 1 {
				t.square(column, row)
			}
		}
		out[i] = t.lines()
	}
	return out, nil
}

// tracer follows one level. A crossing lies on the side between two neighbouring centres and is named 2·cell for the side to the east of the
// cell and 2·cell+1 for that to the north.
type tracer struct {
	s      *Surface
	level  float64
	starts []int        // crossings that lead on, in the order of the squares
	next   map[int]int  // where each of them leads
	last   map[int]bool // crossings that are led to
}

// square adds the pieces of the line within the square whose south-western corner is the cell.
func (t *tracer) square(column, row int) {
	nx := t.s.Lattice.NX
	sw := row*nx + column
	corners := [4]int{sw, sw + 1, sw + nx + 1, sw + nx}
	sides := [4]int{2 * sw, 2*(sw+1) + 1, 2 * (sw + nx), 2*sw + 1} // south, east, north, west: side i leads from corner i to i+1
	var high [4]bool
	sum, n := 0.0, 0
	for i, c := range corners {
		if !t.s.known(c) {
			return
		}
		sum += t.s.Values[c] / 4
		if high[i] = t.s.Values[c] >= t.level; high[i] {
			n++
		}
	}
	if n == 0 || n == 4 {
		return
	}
	// Around the square, anticlockwise: at an up side the line leaves the square, at a down side it comes in, so that high is on its left.
	crosswise := n == 2 && high[0] == high[2]
	for i := range 4 {
		if high[i] && !high[(i+1)%4] {
			j := (i + 1) % 4
			for high[j] || !high[(j+1)%4] { // to the next side that goes up
				j = (j + 1) % 4
			}
			if crosswise && sum < t.level {
				j = (i + 3) % 4 // cut the high corner off instead
			}
			t.link(sides[i], sides[j])
		}
	}
}

// link adds a piece of the line.
func (t *tracer) link(from, to int) {
	t.starts = append(t.starts, from)
	t.next[from] = to
	t.last[to] = true
}

// lines joins the pieces.
func (t *tracer) lines() orb.MultiLineString {
	out := orb.MultiLineString{}
	for _, open := range [2]bool{true, false} {
		for _, from := range t.starts {
			if _, left := t.next[from]; left && !(open && t.last[from]) {
				if line := t.follow(from); len(line) > 1 {
					out = append(out, line)
				}
			}
		}
	}
	return out
}

// follow takes the line that begins at a crossing out of the pieces.
func (t *tracer) follow(from int) orb.LineString {
	line := orb.LineString{t.crossing(from)}
	for at := from; ; {
		to, ok := t.next[at]
		if !ok {
			return line
		}
		delete(t.next, at)
		if p := t.crossing(to); p != line[len(line)-1] {
			line = append(line, p)
		}
		at = to
	}
}

// crossing is the place where the level is met on a side.
func (t *tracer) crossing(side int) orb.Point {
	l, a := t.s.Lattice, side/2
	b := a + 1
	if side%2 == 1 {
		b = a + l.NX
	}
	p, q := l.Centre(a%l.NX, a/l.NX), l.Centre(b%l.NX, b/l.NX)
	va, vb := t.s.Values[a], t.s.Values[b]
	share := min(max((t.level-va)/(vb-va), 0), 1)
	return orb.Point{p[0] + share*(q[0]-p[0]), p[1] + share*(q[1]-p[1])}
}
