package analysis

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/paulmach/orb"

	"wangge/geoserver/live"
	"wangge/grids"
	"wangge/grids/disclosure"
	"wangge/grids/risk"
	"wangge/grids/risk/kde"
	"wangge/grids/risk/predict"
	"wangge/grids/risk/stat"
	"wangge/grids/risk/weights"
)

// fewestSteps is the least periods of a hold-out: two to learn from and one to be judged by.
const fewestSteps = 3

// prediction holds the last periods out and asks how well each forecast would have done.
func prediction(ctx context.Context, j *job, r *Result) error {
	steps := j.steps()
	if len(steps) < fewestSteps {
		return refuse("whole periods of the step "+j.Step, float64(len(steps)), fewestSteps)
	}
	c, err := j.count(steps, located, r)
	if err != nil {
		return err
	}
	f, err := j.place()
	if err != nil {
		return err
	}
	if !c.whole {
		return grids.Errorf(grids.Invalid, "a forecast is judged by events that are in a unit: what was shared out by area would predict itself. Ask for located casework")
	}
	counts := make([][]int, len(steps))
	column := make([]float64, len(j.ground))
	for k := range steps {
		for i := range column {
			column[i] = c.byUnit[i][k]
		}
		counts[k] = whole(column)
	}
	areaM2 := make([]float64, len(f.area))
	for i, km2 := range f.area {
		areaM2[i] = km2 * 1e6
	}
	scorers, err := j.forecasts(ctx, f, steps)
	if err != nil {
		return err
	}
	out, err := predict.Compare(ctx, counts, areaM2, scorers, predict.Options{Train: max(2, len(steps)/2), Shares: j.Areas, Baseline: "counts", Seed: j.Seed, CurvePoints: 100,
		Progress: func(done, total int) { j.progress(float64(done) / float64(max(total, 1))) }})
	if err != nil {
		return err
	}
	r.Meta = append(r.Meta, out.Meta)
	r.fact("events", grids.Text{ZH: "检验期事件", EN: "Events of the test"}, stat.Of(float64(out.Events)), "", 0)
	r.fact("windows", grids.Text{ZH: "检验期数", EN: "Periods held out"}, stat.Of(float64(len(out.Windows))), "", 0)
	r.Curves = curvesOf(out)
	r.verdict(out)
	return j.lastForecast(f, scorers, counts, r)
}

// forecastTitles names the forecasts.
var forecastTitles = map[string]grids.Text{
	"index": {ZH: "综合指数", EN: "Composite index"}, "counts": {ZH: "简单计数", EN: "Plain counts"}, "last": {ZH: "上期", EN: "Last period"}, "kde": {ZH: "核密度", EN: "Kernel density"}, "chance": {ZH: "随机", EN: "Chance"},
}

// perKm2 is a scorer's totals as densities: area is what is searched, so all forecasts are ordered by density.
func perKm2(name string, s predict.Scorer, area []float64) predict.Scorer {
	return predict.Scorer{Name: name, Score: func(t predict.Train) ([]float64, error) {
		score, err := s.Score(t)
		if err != nil {
			return nil, err
		}
		score = slices.Clone(score)
		for i := range score {
			score[i] /= area[i]
		}
		return score, nil
	}}
}

// forecasts is what is compared. All that a forecast uses was there before the period it is judged by.
func (j *job) forecasts(ctx context.Context, f *frame, steps []grids.Period) ([]predict.Scorer, error) {
	land, err := f.flat(j.state.Territory().District.Geometry)
	if err != nil {
		return nil, err
	}
	window, err := kde.NewWindow(land)
	if err != nil {
		return nil, err
	}
	chance := predict.Random()
	chance.Name = "chance"
	return []predict.Scorer{{Name: "index", Score: j.pastIndex(ctx, f, steps)}, perKm2("counts", predict.Counts(), f.area), perKm2("last", predict.LastPeriod(), f.area),
		{Name: "kde", Score: pastDensity(ctx, f, window)}, chance}, nil
}

// pastIndex is the composite index as it could have been known then: casework and confirmed findings of the training periods, certification and
// survey as they were on their last day, by the records of now. Which findings were open then is not kept: none count.
func (j *job) pastIndex(ctx context.Context, f *frame, steps []grids.Period) func(predict.Train) ([]float64, error) {
	cases, err := j.casework(nil, steps)
	k := *j
	k.Indicator = "confirmed"
	found, wrong := k.countFindings(steps)
	err = cmp.Or(err, wrong)
	return func(t predict.Train) ([]float64, error) {
		if err != nil {
			return nil, err
		}
		past, err := j.past(ctx, steps[t.To-1].To)
		if err != nil {
			return nil, err
		}
		units := make([]risk.Unit, len(j.ground))
		for i, g := range j.ground {
			u := risk.Unit{Key: g.Code, AreaM2: f.area[i] * 1e6, CertifiedShare: past[i].CertifiedShare, Survey: past[i].Survey}
			n := 0.0
			for p := t.From; p < t.To; p++ {
				n += cases.ByUnit[i][p]
				u.FindingsConfirmed += found.byUnit[i][p]
			}
			u.Cases = disclosure.Number(n)
			units[i] = u
		}
		score := make([]float64, len(units))
		for i, s := range risk.Rank(units, j.analyst.weights, j.sight.Rule().K) {
			score[i], _ = s.Value.Known()
		}
		return score, nil
	}
}

// past is the units with the certification and the survey of the last day of a month, or of today.
func (j *job) past(ctx context.Context, m grids.Month) ([]live.Figures, error) {
	last := min(m.Last(), j.state.Today)
	units, err := j.analyst.view.Past(ctx, j.sight, j.state, j.Level, last)
	if err != nil || j.other == nil {
		return units, err
	}
	villages, err := j.analyst.view.Past(ctx, j.sight, j.state, "villages", last)
	if err != nil {
		return nil, err
	}
	list, _, err := j.other.shares(ctx, j.state, units, villages)
	return list, err
}

// pastDensity is the kernel density of the training periods in the middle of each unit, with what lies in a unit in its middle, and without edge
// correction: a forecast only ranks.
func pastDensity(ctx context.Context, f *frame, window *kde.Window) func(predict.Train) ([]float64, error) {
	middles := make([]orb.Point, len(f.units.Polygons))
	for i, u := range f.units.Polygons {
		middles[i], _ = weights.Centroid(u)
	}
	return func(t predict.Train) ([]float64, error) {
		score := make([]float64, len(middles))
		var p kde.Points
		for i, m := range middles {
			n := 0
			for _, row := range t.Counts {
				n += row[i]
			}
			if n > 0 {
				p.XY, p.Weights = append(p.XY, m), append(p.Weights, float64(n))
			}
		}
		if len(p.XY) < fewestEvents {
			return score, nil // nothing to smooth: as good as chance
		}
		b, err := kde.Select(ctx, p.XY, window, kde.Scott, kde.BandwidthOptions{})
		if err != nil {
			return nil, err
		}
		sites, err := kde.At(ctx, p, window, middles, kde.Options{SigmaM: b.SigmaM, Edge: kde.None})
		if err != nil {
			return nil, err
		}
		for i, v := range sites.Values {
			score[i] = v.Or(0)
		}
		return score, nil
	}
}

func curvesOf(out *predict.Comparison) (list []Curve) {
	for _, f := range out.Forecasts {
		c := Curve{ID: f.Name, Title: forecastTitles[f.Name]}
		for _, p := range f.Curve {
			c.Area, c.Hits = append(c.Area, round(p.AreaShare, 6)), append(c.Hits, round(p.EventShare, 6))
		}
		for _, a := range f.At {
			c.Points = append(c.Points, Judged{Area: a.Share, Hits: a.Hits, Of: float64(a.Events), HitRate: figure(a.HitRate), Low: figure(a.Lower), High: figure(a.Upper),
				PAI: figure(a.PAI), PEI: figure(a.PEI), RRI: figure(a.RRI), SER: figure(a.SERPerKm2)})
		}
		list = append(list, c)
	}
	return list
}

// verdict says plainly how the index did beside plain counts, and at which shares of the area.
func (r *Result) verdict(out *predict.Comparison) {
	var wins, loses []string
	for _, f := range out.Forecasts {
		if f.Name != "index" {
			continue
		}
		for at, v := range f.Versus {
			share := strconv.FormatFloat(100*f.At[at].Share, 'g', 3, 64)
			switch v.Outcome {
			case predict.Wins:
				wins = append(wins, share)
			case predict.Loses:
				loses = append(loses, share)
			}
		}
	}
	at := func(list []string) (zh, en string) {
		return strings.Join(list, "、") + " %", strings.Join(list, ", ") + " %"
	}
	zhWins, enWins := at(wins)
	zhLoses, enLoses := at(loses)
	switch {
	case len(wins) > 0 && len(loses) > 0:
		r.note("warning", "检查前 "+zhWins+" 的面积时综合指数胜过简单计数，检查前 "+zhLoses+" 时不如：按要检查的面积选用。",
			"In the first "+enWins+" of the area the composite index does better than plain counts, in the first "+enLoses+" worse: go by how much you can check.")
	case len(wins) > 0:
		r.note("info", "检查前 "+zhWins+" 的面积时综合指数胜过简单计数；其余分不出高下。", "In the first "+enWins+" of the area the composite index does better than plain counts; elsewhere the events do not tell them apart.")
	case len(loses) > 0:
		r.note("warning", "检查前 "+zhLoses+" 的面积时综合指数不如简单计数：请以计数为准；其余分不出高下。", "In the first "+enLoses+" of the area the composite index does worse than plain counts: go by the counts there; elsewhere the events do not tell them apart.")
	default:
		r.note("warning", "检验期的事件太少，分不出综合指数与简单计数的高下。", "The events of the test do not tell the composite index and plain counts apart.")
	}
	r.note("info", "指数用当时的案件、确认发现、达标与调查状态（按现有记录）；当时未办结的发现没有保存，不计。", "The index uses what was there then, by the records of now: casework, confirmed findings, certification and survey. Which findings were open then is not kept, and none count.")
}

// lastForecast is what each forecast says of the period to come, from all periods: the map and the table.
func (j *job) lastForecast(f *frame, scorers []predict.Scorer, counts [][]int, r *Result) error {
	j.rows(r)
	for _, s := range scorers {
		if s.Score == nil || s.Name == "chance" {
			continue
		}
		score, err := s.Score(predict.Train{From: 0, To: len(counts), Counts: counts})
		if err != nil {
			return err
		}
		unit := "/km²"
		if s.Name == "index" {
			unit = ""
		}
		r.Columns = append(r.Columns, Column{s.Name, forecastTitles[s.Name], unit, 3, grids.Text{ZH: "由全部时段得出，供下一时段", EN: "from all periods, for the next one"}})
		for i := range r.Units {
			r.Units[i].Values = append(r.Units[i].Values, exactly(score[i]))
		}
	}
	r.quantiles(0)
	return nil
}
