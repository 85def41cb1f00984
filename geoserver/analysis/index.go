package analysis

import (
	"context"
	"strconv"
	"strings"

	"wangge/geoserver/live"
	"wangge/grids"
	"wangge/grids/disclosure"
	"wangge/grids/risk"
	"wangge/grids/risk/stat"
)

// detectability is how likely a look over a place finds a plot that is there, by the surveys of the district: a provisional range.
var detectability = risk.Share{Low: .3, Best: .5, High: .7}

// index is the composite index with its sensitivity to weights, and what risk is left where nothing was found.
func index(ctx context.Context, j *job, r *Result) error {
	r.note("info", "指数用截至 "+j.state.Window.To.String()+" 的当前数据，与所选时段无关。", "The index is of the data of now, up to "+j.state.Window.To.String()+", whatever the period.")
	units, err := j.units(ctx)
	if err != nil {
		return err
	}
	if j.other != nil {
		r.note("info", "该版本网格的调查完成率由现行网格按面积平均；达标占比按其中村居的面积计；发现按所在位置计。",
			"In the grids of this edition the survey is the mean of the grids on the map by area; certification is that of the villages in them by area; findings lie where they are.")
	}
	weight, err := j.factorWeights(r)
	if err != nil {
		return err
	}
	r.Facts = append(r.Facts, weightsFact(weight))
	indicators, recipe := j.indicators(units, weight), risk.Recipe{Version: j.analyst.weights.Version, Missing: risk.MissingPolicy(j.Composite.Missing)}
	if j.ownWeights() || j.Composite.Normalise != inForce {
		recipe.Version = "own"
	}
	composed, err := risk.Compose(indicators, recipe)
	if err != nil {
		return err
	}
	sway := risk.DefaultSway()
	sway.Seed = j.Seed
	stable, err := risk.Sensitivity(ctx, indicators, recipe, sway)
	if err != nil {
		return err
	}
	j.progress(.6)
	left, err := residual(units)
	if err != nil {
		return err
	}
	r.Meta = append(r.Meta, composed.Meta, stable.Meta, left.Meta)
	r.fact("stays_mean", grids.Text{ZH: "权重 ±20 % 时前 20 名保留（平均）", EN: "Of the first 20, how many stay with weights ± 20 %, mean"}, stat.Of(stable.Mean), "%", 0)
	r.fact("stays_least", grids.Text{ZH: "权重 ±20 % 时前 20 名保留（最少）", EN: "Of the first 20, how many stay, least"}, stat.Of(stable.Least), "%", 0)
	j.indexRows(r, units, composed, left)
	r.quantiles(0)
	r.note("warning", "发现率（30–70 %）与权重是暂定的；没有飞行覆盖数据，看过的程度取自滚动调查，并当作植株已长成（未计季节）：剩余风险因此偏低。", "Detectability (30–70 %) and weights are provisional. There is no flight coverage yet: what was looked at is that of the running survey, as if every plant were fully grown, whatever the season. So the residual risk is rather told too low.")
	return nil
}

// units is the figures of the units.
func (j *job) units(ctx context.Context) ([]live.Figures, error) {
	if j.other != nil {
		return j.other.figures(ctx, j)
	}
	return j.state.Units(j.Level), nil
}

// inForce is the normalisation of the index on the map.
const inForce = "index"

func (j *job) ownWeights() bool {
	return len(j.Composite.Judgements) > 0 || len(j.Composite.Weights) > 0
}

// factorWeights is the weight of each factor, in their order: by pairwise comparison, by hand, or those in force.
func (j *job) factorWeights(r *Result) ([]float64, error) {
	weight := make([]float64, len(risk.Factors))
	switch {
	case len(j.Composite.Judgements) > 0:
		p, err := risk.AHP(j.Composite.Judgements)
		if err != nil {
			return nil, err
		}
		if len(p.Weights) != len(weight) {
			return nil, grids.Errorf(grids.Invalid, "composite.judgements compares %d factors; there are %d: %v", len(p.Weights), len(weight), risk.Factors)
		}
		r.Meta = append(r.Meta, p.Meta)
		r.fact("cr", grids.Text{ZH: "一致性比率 CR", EN: "Consistency ratio CR"}, stat.Of(p.CR), "", 3)
		if !p.Consistent {
			r.note("warning", "两两比较不一致（CR ≥ 0.1）：请先改第 "+strconv.Itoa(p.Worst.Row+1)+" 与第 "+strconv.Itoa(p.Worst.Column+1)+" 项的比较。",
				"The comparisons contradict each other (CR ≥ 0.1): look first at that of factors "+strconv.Itoa(p.Worst.Row+1)+" and "+strconv.Itoa(p.Worst.Column+1)+".")
		}
		return p.Weights, nil
	case len(j.Composite.Weights) > 0:
		sum := 0.0
		for _, f := range risk.Factors {
			sum += j.Composite.Weights[string(f)]
		}
		for i, f := range risk.Factors {
			weight[i] = j.Composite.Weights[string(f)] / sum
		}
		return weight, nil
	}
	for i, f := range risk.Factors {
		weight[i] = j.analyst.weights.Weight[f]
	}
	return weight, nil
}

// weightsFact tells the weights of the factors in words, in percent of their sum.
func weightsFact(weight []float64) Fact {
	var zh, en []string
	for i, f := range risk.Factors {
		share, title := " "+strconv.FormatFloat(100*weight[i], 'f', 1, 64)+" %", risk.Title(f)
		zh, en = append(zh, title["zh"]+share), append(en, title["en"]+share)
	}
	return Fact{ID: "weights", Title: grids.Text{ZH: "所用权重", EN: "Weights"}, Text: grids.Text{ZH: strings.Join(zh, "；"), EN: strings.Join(en, "; ")}}
}

// indicators is the factors as an index takes them: as they are normalised on the map, or their figures to be normalised otherwise.
func (j *job) indicators(units []live.Figures, weight []float64) (list []risk.Indicator) {
	for at, f := range risk.Factors {
		ind := risk.Indicator{Name: string(f), Weight: weight[at], Normalise: risk.Raw, Direction: risk.Rising}
		if j.Composite.Normalise != inForce {
			ind.Normalise = risk.Normalisation(j.Composite.Normalise)
		}
		for _, u := range units {
			v, p := stat.None(stat.Missing), u.Risk.Parts[at]
			if n, ok := p.Raw.Known(); !p.Missing && j.Composite.Normalise == inForce {
				v = stat.Of(p.Normalised)
			} else if !p.Missing && ok {
				v = stat.Of(n)
			}
			ind.Values = append(ind.Values, v)
		}
		list = append(list, ind)
	}
	return list
}

// indexRows is the table of the index.
func (j *job) indexRows(r *Result, units []live.Figures, composed *risk.Index, left *risk.Residuals) {
	scale, title := 1.0, grids.Text{ZH: "加权和", EN: "the weighted sum"}
	if j.Composite.Normalise == inForce {
		scale, title = 100, grids.Text{ZH: "0 到 100", EN: "0 to 100"}
	}
	r.Columns = []Column{
		{"risk", grids.Text{ZH: "综合风险", EN: "Composite risk"}, "", 1, title},
		{"residual", grids.Text{ZH: "剩余风险", EN: "Residual risk"}, "%", 1, grids.Text{ZH: "没有确认发现时，仍有种植点的概率", EN: "chance that a plot is there although none was confirmed"}},
		{"residual_low", grids.Text{ZH: "剩余风险（低）", EN: "Residual, low"}, "%", 1, grids.Text{ZH: "先验与发现率取最好", EN: "prior and detectability at their best"}},
		{"residual_high", grids.Text{ZH: "剩余风险（高）", EN: "Residual, high"}, "%", 1, grids.Text{ZH: "先验与发现率取最差", EN: "prior and detectability at their worst"}},
		{"looked", grids.Text{ZH: "看过的比例", EN: "Looked at"}, "%", 0, grids.Text{ZH: "滚动调查完成率", EN: "completion of the running survey"}},
	}
	j.rows(r)
	at := 0
	for i, u := range units {
		row, none, of := &r.Units[i], stat.None(stat.Missing), composed.Units[i]
		looked, value := none, of.Value
		if n, ok := value.Known(); ok {
			value = stat.Of(scale * n)
		}
		if n, ok := u.Survey.Known(); ok {
			looked = stat.Of(n)
		}
		best, low, high := none, none, none
		if !confirmed(u.FindingsConfirmed) {
			res := left.Units[at]
			best, low, high, at = res.Value, res.Low, res.High, at+1
		}
		row.Values, row.Why = figures(value, best, low, high, looked), value.Reason()
		for k, p := range u.Risk.Parts {
			t := risk.Title(p.Factor)
			part := Part{Title: grids.Text{ZH: t["zh"], EN: t["en"]}, Contribution: scale * of.Parts[k].Contribution}
			if n, ok := p.Raw.Known(); ok {
				part.Value = exactly(n)
			}
			row.Parts = append(row.Parts, part)
		}
	}
}

func confirmed(v disclosure.Value) bool {
	n, ok := v.Known()
	return ok && n > 0
}

// residual is what risk is left in the units without a confirmed finding, in the order of the units.
func residual(units []live.Figures) (*risk.Residuals, error) {
	occupied, examined := 0, 0
	for _, u := range units {
		if confirmed(u.FindingsConfirmed) {
			occupied++
		}
		if n, ok := u.Survey.Known(); ok && n > 0 || confirmed(u.FindingsConfirmed) {
			examined++
		}
	}
	prior, err := risk.PriorOf(occupied, max(examined, 1), .95)
	if err != nil {
		return nil, err
	}
	var searches []risk.Search
	for _, u := range units {
		if confirmed(u.FindingsConfirmed) {
			continue
		}
		s := risk.Search{Key: u.Code, Prior: prior}
		if n, ok := u.Survey.Known(); ok && n > 0 {
			s.Looks = []risk.Look{{Coverage: min(n, 1), Detectability: detectability, Growth: 1}}
		}
		searches = append(searches, s)
	}
	return risk.ResidualRisk(searches)
}
