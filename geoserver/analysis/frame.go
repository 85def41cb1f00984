package analysis

import (
	"context"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/paulmach/orb"

	"wangge/grids"
	"wangge/grids/mesh"
	"wangge/grids/risk/weights"
	"wangge/importers/crs"
)

// planeName is the projected system of every analysis: UTM zone 51N, metres, x east then y north.
const planeName = "EPSG:32651"

// frame is the units of a level in the plane.
type frame struct {
	plane crs.CRS
	units weights.Units
	area  []float64 // km², on the ellipsoid
}

// place projects the units, once a job. The error is Invalid for a territory outside the system.
func (j *job) place() (*frame, error) {
	if j.frame != nil {
		return j.frame, nil
	}
	plane, err := crs.Parse(planeName)
	if err != nil {
		return nil, err
	}
	f := &frame{plane: plane}
	var cells []mesh.Cell
	for _, g := range j.ground {
		outline, err := f.flat(g.Outline)
		if err != nil {
			return nil, err
		}
		f.units.Keys = append(f.units.Keys, g.Code)
		f.units.Polygons = append(f.units.Polygons, outline)
		f.area = append(f.area, g.AreaM2/1e6)
		if g.Cell != 0 {
			cells = append(cells, g.Cell)
		}
	}
	if len(cells) == len(j.ground) {
		f.units.Cells = cells
	}
	j.frame = f
	return f, nil
}

// flat is an outline in the plane.
func (f *frame) flat(m orb.MultiPolygon) (orb.MultiPolygon, error) {
	out := make(orb.MultiPolygon, len(m))
	for i, p := range m {
		out[i] = make(orb.Polygon, len(p))
		for k, ring := range p {
			out[i][k] = make(orb.Ring, len(ring))
			for at, q := range ring {
				var err error
				if out[i][k][at], err = f.plane.FromWGS84(q); err != nil {
					return nil, err
				}
			}
		}
	}
	return out, nil
}

// lonLat is a place of the plane in degrees; it was projected before, so it goes back.
func (f *frame) lonLat(x, y float64) [2]float64 {
	p, _ := f.plane.ToWGS84(orb.Point{x, y})
	return [2]float64{round(p[0], 7), round(p[1], 7)}
}

func round(x float64, decimals int) float64 {
	scale := math.Pow10(decimals)
	return math.Round(x*scale) / scale
}

// neighbours is the spatial weights: as asked for, else those that suit the level and the method.
func (j *job) neighbours(ctx context.Context, style weights.Style, self bool) (*weights.Built, error) {
	f, err := j.place()
	if err != nil {
		return nil, err
	}
	spec := weights.Default(weights.Queen)
	if j.Level == "cells" {
		spec = weights.Default(weights.Ring)
	}
	spec.Style = style
	if j.Weights != nil {
		spec = *j.Weights
	}
	spec.Self = self
	j.Weights = &spec
	return weights.Build(ctx, spec, f.units)
}

// show puts the weights into the result: how they came about, who is whose neighbour, and who has none.
func (r *Result) show(b *weights.Built) {
	r.Meta = append(r.Meta, b.Meta)
	if b.Links > mostLinks {
		r.note("info", "相邻关系共 "+strconv.Itoa(b.Links)+" 条，过多，不在地图上显示。", "There are "+strconv.Itoa(b.Links)+" links between neighbours, too many to be shown on the map.")
	} else {
		for i := range b.Matrix.N() {
			to, _ := b.Matrix.Row(i)
			for _, k := range to {
				if int(k) > i || int(k) < i && !linked(b.Matrix, int(k), i) {
					r.Links = append(r.Links, [2]int{i, int(k)})
				}
			}
		}
	}
	if k := len(b.Isolates); k > 0 {
		r.note("info", strconv.Itoa(k)+" 个单元没有相邻单元（例如小岛），因此没有结果。", strconv.Itoa(k)+" units have no neighbours (small islands, say), so there is no figure for them.")
	}
}

// mostLinks is up to how many links, each way counted, they are shown.
const mostLinks = 40_000

func linked(m *weights.Matrix, from, to int) bool {
	row, _ := m.Row(from)
	for _, k := range row {
		if int(k) == to {
			return true
		}
	}
	return false
}

// counted is what is counted in the units, by period.
type counted struct {
	byUnit [][]float64 // by unit and period
	whole  bool        // the numbers are whole: events are where they are, and not shared out
	total  float64
}

// sum is what is counted in each unit over all periods.
func (c counted) sum() []float64 {
	out := make([]float64, len(c.byUnit))
	for i, row := range c.byUnit {
		for _, v := range row {
			out[i] += v
		}
	}
	return out
}

// How casework is counted in units.
const (
	located = "located" // whole groups, in the unit that holds most of their cell
	shared  = "shared"  // all groups, shared out to the units by area
)

// count counts the indicator in the units by period, casework in the given way unless another was asked for, and notes in the result what is
// not in it.
func (j *job) count(periods []grids.Period, way string, r *Result) (c counted, err error) {
	if j.Indicator != "casework" {
		r.note("info", "发现只出现在看过的地方：没有发现不等于没有。", "Findings are where people looked: nothing found is not nothing there.")
		return j.countFindings(periods)
	}
	if j.Casework == "auto" {
		j.Casework = way
	}
	r.Request.Casework = j.Casework
	if j.Casework == located {
		return j.countLocated(periods, r)
	}
	told, err := j.casework(j.Kinds, periods)
	if err != nil {
		return c, err
	}
	for _, n := range told.Told {
		c.total += n
	}
	c.byUnit = told.ByUnit
	if j.other != nil {
		c.total -= j.other.outside
	}
	r.note("info", "案件是按组发布的：每组至少 "+strconv.Itoa(r.K)+" 件，按面积分摊到单元，因此单元的数值是估计。",
		"Casework is told in groups of at least "+strconv.Itoa(r.K)+", shared out to the units by area: figures of units are estimates.")
	if told.Finer < .5 && c.total > 0 {
		r.note("warning", percent(1-told.Finer)+" % 的案件只按比单元更大的六边形发布：相邻单元因此看起来相似，聚集会被高估。",
			percent(1-told.Finer)+" % of the casework is told by hexagons larger than the units: neighbours look alike because of that, and clustering is overstated.")
	}
	if told.Wider > 0 {
		r.note("info", "另有 "+strconv.Itoa(int(told.Wider))+" 件只按更长的时段或不分类别发布，未计入。", strconv.Itoa(int(told.Wider))+" more are told for longer periods or for all kinds together only, and are not counted.")
	}
	return c, nil
}

// countLocated counts the groups that can be placed in one unit.
func (j *job) countLocated(periods []grids.Period, r *Result) (counted, error) {
	homes, err := j.state.Homes(j.Level)
	if j.other != nil {
		homes, err = j.state.HomesIn(j.ground)
	}
	if err != nil {
		return counted{}, err
	}
	l := j.sight.Located(homes, j.Kinds, periods)
	r.note("info", "只计六边形大半在一个单元内的案件组，整组归入该单元。", "Only groups of casework whose hexagon lies mostly in one unit are counted, each whole in that unit.")
	if left := l.Told - l.Placed; left > 0 {
		r.note("warning", strconv.Itoa(int(left))+" 件（"+percent(left/l.Told)+" %）只按更大的六边形发布，无法归入单元，未计入：案件稀疏处因此显得更空。",
			strconv.Itoa(int(left))+" cases ("+percent(left/l.Told)+" %) are told by larger hexagons, belong to no one unit and are not counted: where casework is thin it looks thinner.")
	}
	return counted{byUnit: l.ByUnit, whole: true, total: l.Placed}, nil
}

func percent(share float64) string { return strconv.Itoa(int(math.Round(100 * share))) }

// spotted is one finding.
type spotted struct {
	at    orb.Point // EPSG:4326
	by    orb.Point // the point by which its units are found: on the plot, where at is the middle of its box
	place grids.Place
	day   grids.Day
}

// pointOn is the point on a finding by which its units are found, EPSG:4326.
func pointOn(column func(string) any) orb.Point {
	lon, _ := column("_lon").(float64)
	lat, _ := column("_lat").(float64)
	return orb.Point{lon, lat}
}

// findings lists the findings of the indicator within the months asked for, in the order of their ids.
func (j *job) findings() (list []spotted) {
	within := j.period()
	j.state.Findings(func(f grids.Feature, column func(string) any, p grids.Place) {
		text := func(name string) string { s, _ := column(name).(string); return s }
		state := grids.FindingState(text("state"))
		seen, err := time.Parse(time.DateOnly, text("seen"))
		if err != nil || state == grids.Dismissed || j.Indicator == "confirmed" && !state.WasConfirmed() {
			return
		}
		day := grids.DayFrom(seen.Year(), seen.Month(), seen.Day())
		if m := day.Month(); m >= within.From && m <= within.To {
			list = append(list, spotted{f.Geometry.Bound().Center(), pointOn(column), p, day})
		}
	})
	return list
}

func (j *job) countFindings(periods []grids.Period) (c counted, err error) {
	at := make(map[string]int, len(j.ground))
	for i, g := range j.ground {
		at[g.Code] = i
	}
	c.whole = true
	c.byUnit = make([][]float64, len(j.ground))
	for i := range c.byUnit {
		c.byUnit[i] = make([]float64, len(periods))
	}
	for _, f := range j.findings() {
		code := ""
		switch j.Level {
		case "grids":
			code = j.gridOf(f)
		case "villages":
			code = f.place.Village
		case "towns":
			code = f.place.Town
		case "cells":
			cell, err := mesh.At(f.at, j.ground[0].Cell.Resolution())
			if err != nil {
				return c, err
			}
			code = cell.String()
		}
		i, ok := at[code]
		for k, p := range periods {
			if ok && p.Contains(f.day) {
				c.byUnit[i][k]++
				c.total++
			}
		}
	}
	return c, nil
}

// rows makes a row for each unit, without figures; with its middle where there are links to draw.
func (j *job) rows(r *Result) {
	for i, g := range j.ground {
		u := Unit{Code: g.Code, Name: g.Name, Town: g.Town}
		if len(r.Links) > 0 {
			c, _ := weights.Centroid(j.frame.units.Polygons[i])
			at := j.frame.lonLat(c[0], c[1])
			u.At = []float64{round(at[0], 5), round(at[1], 5)}
		}
		if j.other != nil {
			u.Outline, u.Interpolated = j.other.drawn[i], j.other.cut != nil && j.other.cut[i]
		}
		r.Units = append(r.Units, u)
	}
}

// refuse is a method that the data are too few for: it says what would be enough.
func refuse(what string, has, needs float64) error {
	return grids.Errorf(grids.Invalid, "%s: there are %s, and this method needs at least %s. Choose a longer period, all kinds, or a coarser level", what,
		strings.TrimSuffix(strconv.FormatFloat(has, 'f', 1, 64), ".0"), strconv.FormatFloat(needs, 'f', -1, 64))
}
