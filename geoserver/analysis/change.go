package analysis

import (
	"context"
	"slices"

	"wangge/grids"
	"wangge/grids/risk/rates"
	"wangge/grids/risk/stat"
	"wangge/grids/risk/trend"
	"wangge/grids/risk/weights"
)

// emerging is the emerging hot spots over the steps of the period.
func emerging(ctx context.Context, j *job, r *Result) error {
	steps, o := j.steps(), trend.Defaults()
	if len(steps) < o.MinPeriods {
		return refuse("whole periods of the step "+j.Step, float64(len(steps)), float64(o.MinPeriods))
	}
	c, err := j.count(steps, shared, r)
	if err != nil {
		return err
	}
	if c.total < 2*fewestEvents {
		return refuse("events", c.total, 2*fewestEvents)
	}
	w, err := j.neighbours(ctx, weights.B, true)
	if err != nil {
		return err
	}
	r.Request = j.Request
	j.progress(.2)
	f, err := j.place()
	if err != nil {
		return err
	}
	cube := trend.Cube{Units: len(j.ground), Periods: len(steps)}
	for i, row := range c.byUnit {
		for _, v := range row {
			if !c.whole {
				v /= f.area[i]
			}
			cube.Values = append(cube.Values, v)
		}
	}
	o.P, o.Alpha, o.TrendAlpha, o.FDR = trend.AutoP, j.Alpha, j.Alpha, j.Correct
	h, err := trend.EmergingHotSpots(ctx, cube, w.Matrix, o)
	if err != nil {
		return err
	}
	j.progress(.7)
	slopes, err := trend.Trends(ctx, cube, true)
	if err != nil {
		return err
	}
	r.Meta = append(r.Meta, h.Meta, slopes.Meta)
	r.show(w)
	r.Columns = []Column{
		{"value", grids.Text{ZH: "合计", EN: "In all"}, "", 1, grids.Text{ZH: "全部时段之和", EN: "over all periods"}},
		{"hot", grids.Text{ZH: "热的时段", EN: "Hot periods"}, "", 0, grids.Text{ZH: "显著为热的时段数", EN: "periods that are significantly hot"}},
		{"cold", grids.Text{ZH: "冷的时段", EN: "Cold periods"}, "", 0, grids.Text{ZH: "显著为冷的时段数", EN: "periods that are significantly cold"}},
		{"last_z", grids.Text{ZH: "末期 z", EN: "Last z"}, "", 2, grids.Text{ZH: "最后一个时段的 Gi*", EN: "Gi* of the last period"}},
		{"trend_z", grids.Text{ZH: "趋势 z", EN: "Trend z"}, "", 2, grids.Text{ZH: "Gi* 序列的 Mann-Kendall 检验", EN: "Mann-Kendall test of the series of Gi*"}},
		{"trend_p", grids.Text{ZH: "趋势 p", EN: "Trend p"}, "", 4, grids.Text{ZH: "双侧", EN: "two-sided"}},
		{"slope", grids.Text{ZH: "Sen 斜率", EN: "Sen slope"}, "", 3, grids.Text{ZH: "数值每时段的变化", EN: "change of the value a period"}},
	}
	for _, s := range steps {
		r.Periods = append(r.Periods, s.From.String()+".."+s.To.String())
	}
	total := c.sum()
	j.rows(r)
	if !slices.ContainsFunc(h.Places, func(p trend.Place) bool { return p.Category != trend.NoPattern }) {
		r.note("info", "没有单元有规律：事件少而时空格多时，校正后很难有显著的格。可改用更长的步长、更大的单元，或不校正。",
			"No unit has a pattern: with few events in many bins of space and time hardly any bin stays significant after the correction. Try longer steps, larger units, or no correction.")
	}
	for i, p := range h.Places {
		u := &r.Units[i]
		u.Class = string(p.Category)
		last := h.Bins.Z(i, len(steps)-1)
		if _, ok := last.Known(); !ok {
			u.Why = last.Reason()
			if last.Reason() == stat.Isolate {
				u.Class = "insufficient"
			}
		}
		u.Values = figures(stat.Of(total[i]), stat.Of(float64(p.Hot)), stat.Of(float64(p.Cold)), last, p.Trend.Z, p.Trend.P, slopes.Units[i].Slope)
		u.Series = slices.Clone(c.byUnit[i])
	}
	if h.Meta.Params["p"] == string(trend.ExactP) {
		r.note("info", "时空 Gi* 的 p 是精确的：从全部时段与单元中不放回地抽取同样多格。", "The p of Gi* over space and time are exact: as many bins as a neighbourhood has, drawn from all bins without replacement.")
	} else {
		r.note("warning", "时空 Gi* 的 p 按正态近似：事件稀少时偏小，边缘类别请谨慎。整数计数（发现，或能归入单元的案件组）且权重相等时 p 是精确的。",
			"The p of Gi* over space and time are by the normal approximation: with few events they are too small, so be wary of weak categories. Of whole counts (findings, or groups of casework that lie in one unit) with equal weights they are exact.")
	}
	return nil
}

// smoothed is the density of each unit, smoothed by empirical Bayes with the area as the population at risk.
func smoothed(ctx context.Context, j *job, r *Result) error {
	c, err := j.count([]grids.Period{j.period()}, shared, r)
	if err != nil {
		return err
	}
	if c.total < 1 {
		return refuse("events", c.total, 1)
	}
	f, err := j.place()
	if err != nil {
		return err
	}
	cases := c.sum()
	rounded := make([]float64, len(cases)) // exact intervals are of whole counts
	for i, n := range whole(cases) {
		rounded[i] = float64(n)
	}
	crude, err := rates.Crude(rounded, f.area, rates.CrudeOptions{})
	if err != nil {
		return err
	}
	r.Meta = append(r.Meta, crude.Meta)
	estimates := make([]rates.Estimate, len(cases))
	switch j.Smoothing {
	case "local":
		w, err := j.neighbours(ctx, weights.B, false)
		if err != nil {
			return err
		}
		l, err := rates.Local(cases, f.area, w.Matrix, rates.LocalOptions{})
		if err != nil {
			return err
		}
		r.Meta = append(r.Meta, l.Meta)
		r.show(w)
		for i, u := range l.Units {
			estimates[i] = u.Estimate
		}
	default:
		g, err := rates.Global(cases, f.area, rates.GlobalOptions{})
		if err != nil {
			return err
		}
		r.Meta = append(r.Meta, g.Meta)
		copy(estimates, g.Units)
		if g.AllShrunk && j.Smoothing == "global" {
			r.note("warning", "各单元的差异不超过偶然：平滑后处处相同。", "The units differ no more than by chance: smoothed, all are the same.")
		}
	}
	r.Request = j.Request
	r.Columns = []Column{
		{"smoothed", grids.Text{ZH: "平滑密度", EN: "Smoothed density"}, "/km²", 3, grids.Text{ZH: "经验贝叶斯估计", EN: "the empirical Bayes estimate"}},
		{"raw", grids.Text{ZH: "原密度", EN: "Raw density"}, "/km²", 3, grids.Text{ZH: "数量除以面积", EN: "number by area"}},
		{"low", grids.Text{ZH: "95 % 下限", EN: "95 % from"}, "/km²", 3, grids.Text{ZH: "原密度的精确泊松区间", EN: "exact Poisson interval of the raw density"}},
		{"high", grids.Text{ZH: "95 % 上限", EN: "95 % to"}, "/km²", 3, grids.Text{ZH: "原密度的精确泊松区间", EN: "exact Poisson interval of the raw density"}},
		{"own", grids.Text{ZH: "自身权重", EN: "Own weight"}, "%", 0, grids.Text{ZH: "估计中有多少来自本单元自身", EN: "how much of the estimate is the unit's own"}},
		{"cases", grids.Text{ZH: "数量", EN: "Number"}, "", 1, grids.Text{}},
		{"area", grids.Text{ZH: "面积", EN: "Area"}, "km²", 2, grids.Text{}},
	}
	j.rows(r)
	for i := range r.Units {
		e, interval := estimates[i], crude.Units[i].Interval
		shown, raw := e.Smoothed, e.Raw
		if j.Smoothing == "none" {
			shown = raw
		}
		r.Units[i].Why = shown.Reason()
		r.Units[i].Values = figures(shown, raw, interval.Lower, interval.Upper, e.Shrinkage, stat.Of(cases[i]), stat.Of(f.area[i]))
	}
	r.fact("all", grids.Text{ZH: "全区密度", EN: "Density of the district"}, crude.All.Rate, "/km²", 3)
	r.fact("total", grids.Text{ZH: "总数", EN: "In all"}, stat.Of(c.total), "", 0)
	if !c.whole {
		r.note("info", "区间把分摊后取整的数值当作计数：它只反映泊松起伏，不反映分摊的误差。", "The interval takes what was shared out, rounded, for a count: it tells of Poisson variation, not of the error of sharing out.")
	}
	r.quantiles(0)
	return nil
}
