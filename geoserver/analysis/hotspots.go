package analysis

import (
	"context"
	"slices"

	"wangge/grids"
	"wangge/grids/risk/autocorr"
	"wangge/grids/risk/stat"
	"wangge/grids/risk/weights"
)

// The least that methods of neighbours work with.
const (
	fewestUnits  = 8
	fewestEvents = 5
)

// What chance is in the p of Gi*.
const (
	drawTotal       = "total"       // the unit's own value is drawn too
	drawConditional = "conditional" // it is held
)

// values is what is compared: counts of whole events as they are, so that their p can be exact; what was shared out, per km².
func (j *job) values(r *Result) (x []float64, c counted, err error) {
	if len(j.ground) < fewestUnits {
		return nil, c, refuse("units", float64(len(j.ground)), fewestUnits)
	}
	if c, err = j.count([]grids.Period{j.period()}, located, r); err != nil {
		return nil, c, err
	}
	if c.total < fewestEvents {
		return nil, c, refuse("events", c.total, fewestEvents)
	}
	x = c.sum()
	if c.whole {
		return x, c, nil
	}
	f, err := j.place()
	for i := range x {
		x[i] /= f.area[i]
	}
	return x, c, err
}

// valueColumn is the column of what is compared.
func valueColumn(c counted) Column {
	if c.whole {
		return Column{"value", grids.Text{ZH: "数量", EN: "Number"}, "", 0, grids.Text{ZH: "单元内的件数", EN: "events in the unit"}}
	}
	return Column{"value", grids.Text{ZH: "密度", EN: "Density"}, "/km²", 3, grids.Text{ZH: "每平方公里，由成组发布的案件分摊", EN: "per km², shared out from groups"}}
}

// mostDraws is how many values the permutations of a run may draw: seven minutes of one core, at 11 ns each (BenchmarkManyNeighbours).
const mostDraws = 4e10

func (j *job) localOptions() autocorr.LocalOptions {
	o := autocorr.LocalOptions{Replicates: j.Replicates, Seed: j.Seed, FDR: j.Correct, Alpha: j.Alpha, MaxDraws: mostDraws}
	switch j.Inference {
	case "exact":
		o.PMethod = autocorr.Exact
	case "permutation":
		o.PMethod = autocorr.Permutation
	case "normal":
		o.PMethod = autocorr.Normal
	}
	if j.progress != nil {
		o.Progress = func(done, total int) { j.progress(float64(done) / float64(max(total, 1))) }
	}
	return o
}

// testColumns is the columns of a local statistic.
func testColumns(statistic Column) []Column {
	return []Column{statistic,
		{"z", grids.Text{ZH: "z 值", EN: "z"}, "", 2, grids.Text{ZH: "与偶然分布的均值相差几个标准差", EN: "standard deviations from what chance gives"}},
		{"p", grids.Text{ZH: "p（双侧）", EN: "p, two-sided"}, "", 4, grids.Text{ZH: "若全是偶然，出现如此极端结果的概率", EN: "how often chance alone is as extreme"}},
		{"p_adjusted", grids.Text{ZH: "校正 p", EN: "adjusted p"}, "", 4, grids.Text{ZH: "按错误发现率校正（Benjamini–Hochberg）", EN: "corrected for the false discovery rate (Benjamini–Hochberg)"}},
		{"p_upper", grids.Text{ZH: "上侧 p", EN: "upper p"}, "", 4, grids.Text{ZH: "至少这么大的概率", EN: "of as large or larger"}},
		{"p_lower", grids.Text{ZH: "下侧 p", EN: "lower p"}, "", 4, grids.Text{ZH: "至多这么小的概率", EN: "of as small or smaller"}},
	}
}

// gClasses names the classes of Gi* on the map.
var gClasses = map[autocorr.Class]string{autocorr.Insufficient: "insufficient", autocorr.NotSignificant: "ns", autocorr.Hot90: "hot90", autocorr.Hot95: "hot95", autocorr.Hot99: "hot99",
	autocorr.Cold90: "cold90", autocorr.Cold95: "cold95", autocorr.Cold99: "cold99"}

// hotspots is Gi* of each unit.
func hotspots(ctx context.Context, j *job, r *Result) error {
	x, c, err := j.values(r)
	if err != nil {
		return err
	}
	w, err := j.neighbours(ctx, weights.B, true)
	if err != nil {
		return err
	}
	o := j.localOptions()
	if j.Draw == drawTotal {
		o.StarDraw = autocorr.Total
	}
	g, err := autocorr.LocalGStar(ctx, x, w.Matrix, o)
	if err != nil {
		return err
	}
	j.tested(r, w, g.Meta, g.Units[0].PMethod, valueColumn(c), Column{"sum", grids.Text{ZH: "与邻域合计", EN: "With neighbours"}, "", 2, grids.Text{ZH: "本单元与相邻单元之和", EN: "sum over the unit and its neighbours"}})
	for i, u := range g.Units {
		r.Units[i].Class, r.Units[i].Why = gClasses[u.Class], u.Reason
		r.Units[i].Values = figures(stat.Of(x[i]), u.Sum, u.Z, u.P, u.PAdjusted, u.Upper, u.Lower)
	}
	j.nothing(r)
	switch {
	case j.Inference == "normal":
	case j.Draw == drawTotal:
		r.note("info", "检验时本单元与邻域的值一起抽取：只问这一片合计是否超出偶然。", "The unit's value is drawn together with its neighbours': the question is whether this patch as a whole is beyond chance.")
	default:
		r.note("info", "检验时本单元的值不动，只问邻域是否异常：孤立的高值本身不算热点，它周围的空单元却可能算。", "The unit's own value is held fixed and its neighbours are tested: a lone high value is no hot spot itself, while empty units around it can be.")
	}
	return nil
}

// tested puts into the result what the local statistics have in common: the weights, the columns, a row for each unit, and how sure.
func (j *job) tested(r *Result, w *weights.Built, meta stat.Meta, by autocorr.PMethod, value, statistic Column) {
	r.Request = j.Request
	r.Meta = append(r.Meta, meta)
	r.show(w)
	r.Columns = append([]Column{value}, testColumns(statistic)...)
	j.rows(r)
	j.sureness(r, by)
}

// lisaClasses names the classes of local Moran on the map.
var lisaClasses = map[autocorr.Class]string{autocorr.Insufficient: "insufficient", autocorr.NotSignificant: "ns", autocorr.ClassHighHigh: "hh", autocorr.ClassLowLow: "ll",
	autocorr.ClassHighLow: "hl", autocorr.ClassLowHigh: "lh"}

// lisa is the local Moran of each unit.
func lisa(ctx context.Context, j *job, r *Result) error {
	x, c, err := j.values(r)
	if err != nil {
		return err
	}
	w, err := j.neighbours(ctx, weights.W, false)
	if err != nil {
		return err
	}
	m, err := autocorr.LocalMoran(ctx, x, w.Matrix, j.localOptions())
	if err != nil {
		return err
	}
	j.tested(r, w, m.Meta, m.Units[0].PMethod, valueColumn(c), Column{"i", grids.Text{ZH: "局部莫兰 I", EN: "Local Moran I"}, "", 3, grids.Text{ZH: "正：与邻域相似；负：与邻域相反", EN: "positive: like its neighbours; negative: unlike them"}})
	for i, u := range m.Units {
		r.Units[i].Class, r.Units[i].Why = lisaClasses[u.Class], u.Reason
		r.Units[i].Values = figures(stat.Of(x[i]), u.I, u.Z, u.P, u.PAdjusted, u.Upper, u.Lower)
	}
	j.nothing(r)
	return nil
}

// nothing says what to try where no unit is significant.
func (j *job) nothing(r *Result) {
	if slices.ContainsFunc(r.Units, func(u Unit) bool { return u.Class != "ns" && u.Class != "insufficient" }) {
		return
	}
	zh, en := "", ""
	if j.Correct {
		zh, en = "，或不校正", ", or no correction"
	}
	r.note("info", "没有单元显著。这里问的是高值（或低值）是否连成一片：单独一个忙碌的单元不算。可改用聚集圈（扫描统计）、更长的时段、更大的单元"+zh+"。",
		"No unit is significant. The question is whether high or low values lie together: one busy unit by itself is none of that. Try clusters as circles (scan statistic), a longer period, larger units"+en+".")
}

// sureness says how the p came about.
func (j *job) sureness(r *Result, m autocorr.PMethod) {
	switch m {
	case autocorr.Exact:
		r.note("info", "p 值是精确的（动态规划）。", "The p are exact (dynamic programming).")
	case autocorr.Permutation:
		r.note("info", "p 值由置换得出：不放回地抽取。", "The p are by permutation, drawn without replacement.")
	case autocorr.Normal:
		r.note("warning", "p 值按正态近似：计数稀少时可小到真值的 1/17。", "The p are by the normal approximation: with few events they can be 17 times too small.")
	}
	if !j.Correct {
		r.note("warning", "未作多重检验校正：即使全是偶然，也会有约 5 % 的单元显著。", "Not corrected for many tests: about one unit in twenty is significant by chance alone.")
	}
}

// global is whether the whole pattern is clustered.
func global(ctx context.Context, j *job, r *Result) error {
	x, c, err := j.values(r)
	if err != nil {
		return err
	}
	w, err := j.neighbours(ctx, weights.W, false)
	if err != nil {
		return err
	}
	r.Request = j.Request
	o := autocorr.GlobalOptions{Replicates: j.Replicates, Seed: j.Seed}
	if o.Replicates == 0 {
		o.Replicates = autocorr.DefaultReplicates
	}
	for at, s := range []struct {
		id    string
		title grids.Text
		of    func(context.Context, []float64, *weights.Matrix, autocorr.GlobalOptions) (*autocorr.GlobalResult, error)
	}{{"moran", grids.Text{ZH: "莫兰 I", EN: "Moran's I"}, autocorr.Moran}, {"geary", grids.Text{ZH: "Geary C", EN: "Geary's C"}, autocorr.Geary}, {"g", grids.Text{ZH: "Getis-Ord G", EN: "Getis-Ord G"}, autocorr.GeneralG}} {
		g, err := s.of(ctx, x, w.Matrix, o)
		if err != nil {
			return err
		}
		r.Meta = append(r.Meta, g.Meta)
		add := func(id, zh, en string, v stat.Value) {
			r.fact(s.id+"_"+id, grids.Text{ZH: s.title.ZH + zh, EN: s.title.EN + en}, v, "", 4)
		}
		add("statistic", "", "", g.Statistic)
		add("e", " 期望", ", expected", g.E)
		add("z", " z", ", z", g.Z)
		if g.Permutation != nil {
			add("p", " 置换 p（双侧）", ", p by permutation, two-sided", g.Permutation.P)
		}
		j.progress(float64(at+1) / 3)
	}
	r.show(w)
	r.Columns = []Column{valueColumn(c)}
	j.rows(r)
	for i := range r.Units {
		r.Units[i].Values = figures(stat.Of(x[i]))
	}
	r.quantiles(0)
	return nil
}
