package analysis

import (
	"context"
	"math"
	"slices"
	"strconv"

	"github.com/paulmach/orb"

	"wangge/grids"
	"wangge/grids/risk/interaction"
	"wangge/grids/risk/kde"
	"wangge/grids/risk/scan"
	"wangge/grids/risk/stat"
	"wangge/grids/risk/weights"
)

// points is where the indicator's events lie in the plane, and how many each stands for.
func (j *job) points(f *frame, r *Result) (p kde.Points, n float64, err error) {
	add := func(at orb.Point, weight float64) error {
		q, err := f.plane.FromWGS84(at)
		p.XY, p.Weights, n = append(p.XY, q), append(p.Weights, weight), n+weight
		return err
	}
	if j.Indicator == "casework" {
		r.note("info", "案件以六边形的中心代表，按组发布：比六边形小的起伏看不到。", "Casework stands in the middle of its hexagons, as it is told in groups: nothing finer can be seen.")
		for _, s := range j.sight.CaseSpots(j.Kinds, j.period()) {
			if err := add(s.At, s.N); err != nil {
				return p, n, err
			}
		}
		return p, n, nil
	}
	for _, s := range j.findings() {
		if err := add(s.at, 1); err != nil {
			return p, n, err
		}
	}
	return p, n, nil
}

// selectors names the rules for a bandwidth.
var selectors = map[string]kde.Selector{"scott": kde.Scott, "arcgis": kde.ArcGIS, "lscv": kde.LeastSquaresCV, "likelihood": kde.LikelihoodCV}

// density is the kernel density over the land.
func density(ctx context.Context, j *job, r *Result) error {
	f, err := j.place()
	if err != nil {
		return err
	}
	p, n, err := j.points(f, r)
	if err != nil {
		return err
	}
	if n < fewestEvents {
		return refuse("events", n, fewestEvents)
	}
	land, err := f.flat(j.state.Territory().District.Geometry)
	if err != nil {
		return err
	}
	window, err := kde.NewWindow(land)
	if err != nil {
		return err
	}
	o, err := j.kernelOptions(ctx, p, window, r)
	if err != nil {
		return err
	}
	lattice, err := kde.LatticeOver(window, j.Kernel.CellM)
	if err != nil {
		return err
	}
	o.Mode = kde.Binned // its bound stands in the result
	o.Progress = func(done, total int) { j.progress(.3 + .6*float64(done)/float64(max(total, 1))) }
	s, err := kde.Estimate(ctx, p, window, lattice, o)
	if err != nil {
		return err
	}
	r.Meta = append(r.Meta, s.Meta)
	r.fact("total", grids.Text{ZH: "总数", EN: "In all"}, stat.Of(n), "", 0)
	r.fact("bound", grids.Text{ZH: "计算误差上限", EN: "Bound of the numerical error"}, stat.Of(s.Bound.Absolute), "/km²", 6)
	if err := j.surface(f, s, r); err != nil {
		return err
	}
	return j.unitDensity(ctx, f, p, window, o, r)
}

// kernelOptions is the kernel as asked for; a rule for its width is carried out.
func (j *job) kernelOptions(ctx context.Context, p kde.Points, w *kde.Window, r *Result) (o kde.Options, err error) {
	o = kde.Options{Kernel: kde.Kernel(j.Kernel.Shape), Edge: kde.Edge(j.Kernel.Edge)}
	width := j.Kernel.BandwidthM
	if rule, ok := selectors[j.Kernel.Bandwidth]; ok {
		b, err := kde.Select(ctx, p.XY, w, rule, kde.BandwidthOptions{PixelM: j.Kernel.CellM})
		if err != nil {
			return o, err
		}
		r.Meta = append(r.Meta, b.Meta)
		if b.AtBound || b.Duplicates > 0 {
			r.note("warning", "带宽规则被重复或取整的坐标拉到下限 "+strconv.Itoa(int(b.LowerM))+" 米：有 "+strconv.Itoa(b.Duplicates)+" 个重复位置，请自行给定带宽作对照。",
				"Repeated or rounded coordinates draw the rule down towards its bound of "+strconv.Itoa(int(b.LowerM))+" m: "+strconv.Itoa(b.Duplicates)+" places are repeated. Compare with a bandwidth of your own.")
		}
		if width = b.SigmaM; o.Kernel == kde.Quartic {
			width = b.RadiusM
		}
	}
	if o.Kernel == kde.Quartic {
		o.RadiusM = width
	} else {
		o.SigmaM = width
	}
	r.note("info", "带宽 "+strconv.Itoa(int(math.Round(width)))+" 米：比它小的起伏被抹平，换一个带宽再看一次。", "The bandwidth is "+strconv.Itoa(int(math.Round(width)))+" m: nothing finer is left. Look again with another one.")
	r.fact("bandwidth", grids.Text{ZH: "带宽", EN: "Bandwidth"}, stat.Of(width), "m", 0)
	return o, nil
}

// contourShares is where contours lie, as shares of the highest density.
var contourShares = []float64{.1, .25, .5, .75, .9}

// surface puts the raster and its contours into the result.
func (j *job) surface(f *frame, s *kde.Surface, r *Result) error {
	l := s.Lattice
	out := &Surface{NX: l.NX, NY: l.NY, CellM: l.CellM, Unit: "/km²", Values: make([]*float32, l.Cells()), Contours: []Contour{}}
	for row := range l.NY {
		for col := range l.NX {
			if v, ok := s.Value(col, row).Known(); ok {
				short := float32(v)
				out.Values[row*l.NX+col] = &short
				out.Most = max(out.Most, v)
			}
		}
	}
	w, h := float64(l.NX)*l.CellM, float64(l.NY)*l.CellM
	out.Corners = [4][2]float64{f.lonLat(l.OriginXM, l.OriginYM+h), f.lonLat(l.OriginXM+w, l.OriginYM+h), f.lonLat(l.OriginXM+w, l.OriginYM), f.lonLat(l.OriginXM, l.OriginYM)}
	var levels []float64
	for _, share := range contourShares {
		levels = append(levels, out.Most*share)
	}
	lines, err := s.Contours(levels)
	if err != nil {
		return err
	}
	for i, m := range lines {
		c := Contour{Value: levels[i], Lines: [][][2]float64{}}
		for _, line := range m {
			var on [][2]float64
			for _, p := range line {
				on = append(on, f.lonLat(p[0], p[1]))
			}
			c.Lines = append(c.Lines, on)
		}
		out.Contours = append(out.Contours, c)
	}
	r.Surface = out
	return nil
}

// unitDensity is the density in the middle of each unit, for the table.
func (j *job) unitDensity(ctx context.Context, f *frame, p kde.Points, w *kde.Window, o kde.Options, r *Result) error {
	o.Mode, o.Progress = "", nil
	var middles []orb.Point
	for _, u := range f.units.Polygons {
		c, _ := weights.Centroid(u)
		middles = append(middles, c)
	}
	sites, err := kde.At(ctx, p, w, middles, o)
	if err != nil {
		return err
	}
	r.Columns = []Column{{"density", grids.Text{ZH: "单元中心的密度", EN: "Density in the middle"}, "/km²", 3, grids.Text{ZH: "单元重心处的核密度", EN: "kernel density at the unit's centroid"}}}
	j.rows(r)
	for i, v := range sites.Values {
		r.Units[i].Values, r.Units[i].Why = figures(v), v.Reason()
	}
	r.quantiles(0)
	return nil
}

// whole makes whole numbers of estimates, of the same sum, rounded: what is left goes to the largest remainders, the first unit of equals first.
func whole(x []float64) []int {
	out, order, sum := make([]int, len(x)), make([]int, len(x)), 0.0
	given := 0
	for i, v := range x {
		out[i], order[i] = int(v), i
		sum += v
		given += out[i]
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch ra, rb := x[a]-float64(out[a]), x[b]-float64(out[b]); {
		case ra > rb:
			return -1
		case ra < rb:
			return 1
		}
		return 0
	})
	for _, i := range order[:max(0, min(len(order), int(math.Round(sum))-given))] {
		out[i]++
	}
	return out
}

// fewestInScan is the least events that a scan looks at.
const fewestInScan = 10

// clusters is the scan statistic.
func clusters(ctx context.Context, j *job, r *Result) error {
	f, err := j.place()
	if err != nil {
		return err
	}
	steps := []grids.Period{j.period()}
	if j.Scan.Time != "space" {
		if steps = j.steps(); len(steps) < 4 {
			return refuse("whole periods of the step "+j.Step, float64(len(steps)), 4)
		}
	}
	c, err := j.count(steps, located, r)
	if err != nil {
		return err
	}
	if c.total < fewestInScan {
		return refuse("events", c.total, fewestInScan)
	}
	cases := make([][]int, len(j.ground)) // by unit and period
	for i := range cases {
		cases[i] = make([]int, len(steps))
	}
	for k := range steps {
		column := make([]float64, len(j.ground))
		for i := range column {
			column[i] = c.byUnit[i][k]
		}
		for i, n := range whole(column) {
			cases[i][k] = n
		}
	}
	if !c.whole {
		r.note("warning", "扫描只数整数：分摊的案件已取整，总数不变，位置是人为的。", "A scan counts whole events: what was shared out was rounded, with the same sum, to places that nobody knows.")
	}
	at := scan.Places{MaxShare: j.Scan.MaxShare, MaxRadiusM: j.Scan.MaxRadiusM, Population: f.area}
	for _, u := range f.units.Polygons {
		p, _ := weights.Centroid(u)
		at.Points = append(at.Points, p)
	}
	res, err := j.scan(ctx, at, cases, f.area, len(steps))
	if err != nil {
		return err
	}
	r.Meta = append(r.Meta, res.Meta)
	j.circles(f, at, res, steps, r)
	return nil
}

// scan runs the model that was asked for: with expected counts by area, alike in all periods, or by the permutation of times.
func (j *job) scan(ctx context.Context, at scan.Places, cases [][]int, area []float64, steps int) (*scan.Result, error) {
	o := scan.Options{Replicates: j.Replicates, Alpha: j.Alpha, Seed: j.Seed, MaxClusters: 10, Workers: 1, Prospective: j.Scan.Time == "prospective",
		Progress: func(done, total int) { j.progress(float64(done) / float64(max(total, 1))) }}
	if j.Scan.Low {
		o.Rates = scan.Low
	}
	if j.Scan.Time == "space" {
		n := make([]int, len(cases))
		for i, row := range cases {
			n[i] = row[0]
		}
		return scan.Poisson(ctx, at, n, area, o)
	}
	o.MaxPeriods = max(1, int(j.Scan.MaxDuration*float64(steps)))
	if j.Scan.Time == "permutation" {
		return scan.SpaceTimePermutation(ctx, at, cases, o)
	}
	expected := make([][]float64, len(cases))
	for i := range expected {
		expected[i] = slices.Repeat([]float64{area[i]}, steps)
	}
	return scan.SpaceTimePoisson(ctx, at, cases, expected, o)
}

// circles puts the clusters into the result, and each unit into the first that holds it.
func (j *job) circles(f *frame, at scan.Places, res *scan.Result, steps []grids.Period, r *Result) {
	r.Columns = []Column{
		{"rank", grids.Text{ZH: "聚集圈", EN: "Cluster"}, "", 0, grids.Text{ZH: "1 为最可能的", EN: "1 is the most likely"}},
		{"llr", grids.Text{ZH: "以此为中心的最大 LLR", EN: "Best LLR around it"}, "", 3, grids.Text{ZH: "对数似然比", EN: "log likelihood ratio"}},
		{"cases", grids.Text{ZH: "圈内件数", EN: "Cases in that circle"}, "", 0, grids.Text{}},
		{"expected", grids.Text{ZH: "圈内期望", EN: "Expected in it"}, "", 2, grids.Text{}},
		{"radius", grids.Text{ZH: "半径", EN: "Radius"}, "m", 0, grids.Text{}},
	}
	j.rows(r)
	rank := make([]int, len(r.Units))
	r.Circles = []Circle{}
	for k, c := range res.Clusters {
		centre := f.lonLat(at.Points[c.Centre][0], at.Points[c.Centre][1])
		out := Circle{Rank: k + 1, Lon: centre[0], Lat: centre[1], RadiusM: c.RadiusM, Observed: float64(c.Cases), Expected: c.Expected, Ratio: figure(c.RelativeRisk), LLR: c.LLR,
			P: exactly(c.P), Gumbel: figure(c.PGumbel), Recurs: figure(c.RecurrenceIntervals), Certain: c.P <= j.Alpha, Codes: []string{}}
		if len(steps) > 1 {
			out.From, out.To = steps[c.From].From.String(), steps[c.To].To.String()
		}
		for _, m := range c.Members {
			out.Codes = append(out.Codes, r.Units[m].Code)
			if rank[m] == 0 && out.Certain {
				rank[m] = k + 1
			}
		}
		r.Circles = append(r.Circles, out)
	}
	for i, z := range res.Centres {
		u := &r.Units[i]
		u.Class = "outside"
		where := stat.None(stat.Missing)
		if rank[i] > 0 {
			where = stat.Of(float64(rank[i]))
			if u.Class = "secondary"; rank[i] == 1 {
				u.Class = "primary"
			}
		}
		u.Values = figures(where, stat.Of(z.LLR), stat.Of(float64(z.Cases)), stat.Of(z.Expected), stat.Of(z.RadiusM))
	}
	if !slices.ContainsFunc(r.Circles, func(c Circle) bool { return c.Certain }) {
		r.note("warning", "没有聚集圈显著：所见之集中可以全由偶然造成。", "No circle is significant: chance alone can make what is seen.")
	}
	r.note("info", "期望按面积：人多的地方本来就会更多。", "Expected by area: where more people live there is more to begin with.")
}

// pairs is the near-repeat table of the findings.
func pairs(ctx context.Context, j *job, r *Result) error {
	f, err := j.place()
	if err != nil {
		return err
	}
	var events []interaction.Event
	for _, s := range j.findings() {
		p, err := f.plane.FromWGS84(s.at)
		if err != nil {
			return err
		}
		events = append(events, interaction.Event{X: p[0], Y: p[1], Day: float64(s.day)})
	}
	if len(events) < fewestInScan {
		return refuse("findings", float64(len(events)), fewestInScan)
	}
	o := interaction.Options{Replicates: j.Replicates, Seed: j.Seed, Progress: func(done, total int) { j.progress(float64(done) / float64(max(total, 1))) }}
	if o.Replicates == 0 {
		o.Replicates = 999
	}
	t, err := interaction.NearRepeat(ctx, events, append([]float64{0}, j.Pairs.DistancesM...), append([]float64{0}, j.Pairs.Days...), o)
	if err != nil {
		return err
	}
	r.Meta = append(r.Meta, t.Meta)
	m := &Matrix{RowTitle: grids.Text{ZH: "距离（米）", EN: "Distance, m"}, ColTitle: grids.Text{ZH: "间隔（天）", EN: "Days between"}}
	span := func(b interaction.Band) string {
		return strconv.FormatFloat(b.From, 'f', -1, 64) + "–" + strconv.FormatFloat(b.To, 'f', -1, 64)
	}
	for _, b := range t.Time {
		m.Cols = append(m.Cols, span(b))
	}
	for k, b := range t.Space {
		m.Rows = append(m.Rows, span(b))
		var row []Cell
		for _, c := range t.Cells[k*len(t.Time) : (k+1)*len(t.Time)] {
			p := c.MonteCarlo.Upper
			if j.Correct {
				p = c.Adjusted.Upper
			}
			v, ok := p.Known()
			row = append(row, Cell{Observed: float64(c.Observed), Expected: exactly(c.Expected), Ratio: figure(c.Ratio), P: figure(p), Certain: ok && v <= j.Alpha})
		}
		m.Cells = append(m.Cells, row)
	}
	r.Matrix = m
	r.fact("events", grids.Text{ZH: "发现数", EN: "Findings"}, stat.Of(float64(len(events))), "", 0)
	r.fact("duplicates", grids.Text{ZH: "同地同日", EN: "At one place on one day"}, stat.Of(float64(t.Duplicates)), "", 0)
	r.note("info", "踏查集中在几周内：时间上的接近部分来自踏查的安排，而不是种植。", "Campaigns last a few weeks: that finds lie close in time comes in part from when people looked, not from when somebody sowed.")
	return nil
}
