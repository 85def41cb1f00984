package analysis

import (
	"context"
	"strconv"
	"strings"

	"wangge/geoserver/live"
	"wangge/grids"
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
	left, err := j.residual(units)
	if err != nil {
		return err
	}
	r.Meta = append(r.Meta, composed.Meta, stable.Meta, left.Meta)
	r.fact("stays_mean", grids.Text{ZH: "权重 ±20 % 时前 20 名保留（平均）", EN: "Of the first 20, how many stay with weights ± 20 %, mean"}, stat.Of(stable.Mean), "%", 0)
	r.fact("stays_least", grids.Text{ZH: "权重 ±20 % 时前 20 名保留（最少）", EN: "Of the first 20, how many stay, least"}, stat.Of(stable.Least), "%", 0)
	left.tell(j, r)
	j.indexRows(r, units, composed, left)
	r.quantiles(0)
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
func (j *job) indexRows(r *Result, units []live.Figures, composed *risk.Index, left *sought) {
	scale, title := 1.0, grids.Text{ZH: "加权和", EN: "the weighted sum"}
	if j.Composite.Normalise == inForce {
		scale, title = 100, grids.Text{ZH: "0 到 100", EN: "0 to 100"}
	}
	r.Columns = []Column{
		{"risk", grids.Text{ZH: "综合风险", EN: "Composite risk"}, "", 1, title},
		{"residual", grids.Text{ZH: "剩余风险", EN: "Residual risk"}, "%", 1, grids.Text{ZH: "近十二个月内有过该种类的种植点、却没有确认发现的概率", EN: "chance that a plot of the species stood there within the last twelve months although none was confirmed"}},
		{"residual_low", grids.Text{ZH: "剩余风险（低）", EN: "Residual, low"}, "%", 1, grids.Text{ZH: "先验与发现率取最好", EN: "prior and detectability at their best"}},
		{"residual_high", grids.Text{ZH: "剩余风险（高）", EN: "Residual, high"}, "%", 1, grids.Text{ZH: "先验与发现率取最差", EN: "prior and detectability at their worst"}},
		{"looked", grids.Text{ZH: "看过的比例", EN: "Looked at"}, "%", 0, grids.Text{ZH: "滚动调查完成率", EN: "completion of the running survey"}},
		{"seen", grids.Text{ZH: "有效查看", EN: "Looked at in season"}, "%", 0, grids.Text{ZH: "近十二个月内，在植株可见时看过的比例", EN: "share that was looked at while the plant could be seen, in the last twelve months"}},
	}
	j.rows(r)
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
		if res := left.of[i]; res != nil {
			best, low, high = res.Value, res.Low, res.High
		}
		row.Values, row.Why = figures(value, best, low, high, looked, stat.Of(left.seen[i])), value.Reason()
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

// sought is what the looks of the last twelve months leave of the risk that a species is grown, by unit.
type sought struct {
	Meta     stat.Meta
	of       []*risk.Residual // nil where a plot of the species was confirmed
	seen     []float64        // how much of the unit was looked at while the plant could be seen, 0…1
	priorOf  [2]int           // occupied units, and those that were looked at in season or are occupied
	inSeason stat.Value       // of the ground that was looked at, the share that was while the plant could be seen
}

// residual is what risk of the request's species is left in the units without a confirmed finding of it, by the looks over them. The prior is
// how many units have such a finding, of those that have one or were looked at while the plant could be seen.
func (j *job) residual(units []live.Figures) (*sought, error) {
	s := &sought{of: make([]*risk.Residual, len(units)), seen: make([]float64, len(units)), inSeason: stat.None(stat.Missing)}
	occupied, looks := j.occupied(), make([][]risk.Look, len(units))
	found, examined, looked, inSeason := 0, 0, 0.0, 0.0
	for i, u := range units {
		looks[i] = j.looks(u.Looks)
		missed := 1.0
		for _, l := range looks[i] {
			missed *= 1 - l.Coverage*l.Growth
			looked, inSeason = looked+u.AreaKm2*l.Coverage, inSeason+u.AreaKm2*l.Coverage*l.Growth
		}
		if s.seen[i] = 1 - missed; occupied[u.Code] {
			found++
		}
		if s.seen[i] > 0 || occupied[u.Code] {
			examined++
		}
	}
	if looked > 0 {
		s.inSeason = stat.Of(inSeason / looked)
	}
	s.priorOf = [2]int{found, examined}
	prior, err := risk.PriorOf(found, max(examined, 1), .95)
	if err != nil {
		return nil, err
	}
	var searches []risk.Search
	var at []int
	for i, u := range units {
		if !occupied[u.Code] {
			searches, at = append(searches, risk.Search{Key: u.Code, Prior: prior, Looks: looks[i]}), append(at, i)
		}
	}
	left, err := risk.ResidualRisk(searches)
	if err != nil {
		return nil, err
	}
	for k, i := range at {
		s.of[i] = &left.Units[k]
	}
	s.Meta = left.Meta
	for name, v := range map[string]any{"species": j.Composite.Species, "phenology": j.analyst.phenology.Version, "season": j.analyst.phenology.Seasons[j.Composite.Species],
		"detectability": detectability, "until": j.state.Today.String(), "months": 12} {
		s.Meta.Params[name] = v
	}
	return s, nil
}

// occupied is the units in which a finding of the request's species was confirmed, whenever that was.
func (j *job) occupied() map[string]bool {
	out := map[string]bool{}
	j.state.Findings(func(f grids.Feature, column func(string) any, p grids.Place) {
		kind, _ := column("kind").(string)
		state, _ := column("state").(string)
		if grids.FindingKind(kind) != j.Composite.Species || !grids.FindingState(state).WasConfirmed() {
			return
		}
		code := p.Village
		if j.Level == "grids" {
			code = j.gridOf(spotted{by: pointOn(column), place: p})
		}
		out[code] = true
	})
	return out
}

// looks is the looks over a unit as the search for a plant of the request's species takes them, one a round, in their order. Parts of the unit
// that have results of their own in one round are looked at together: their shares add up, and each was looked at in its own time.
func (j *job) looks(list []live.Look) (out []risk.Look) {
	at := map[string]int{}
	for _, l := range list {
		i, known := at[l.Round]
		if !known {
			i = len(out)
			at[l.Round], out = i, append(out, risk.Look{Detectability: detectability})
		}
		out[i].Coverage += l.Completion
		out[i].Growth += l.Completion * j.analyst.phenology.Mean(j.Composite.Species, l.From, l.On)
	}
	for i := range out {
		if c := out[i].Coverage; c > 0 {
			out[i].Coverage, out[i].Growth = min(c, 1), min(out[i].Growth/c, 1)
		}
	}
	return out
}

// tell says in the result of which species and season the residual risk is.
func (s *sought) tell(j *job, r *Result) {
	species, table := j.Composite.Species.Title(), j.analyst.phenology.Version
	r.fact("in_season", grids.Text{ZH: "看过的地面中，当季看的比例", EN: "Of what was looked at, in season"}, s.inSeason, "%", 0)
	r.Facts = append(r.Facts, Fact{ID: "species", Title: grids.Text{ZH: "剩余风险的种类", EN: "Species of the residual risk"}, Text: species},
		Fact{ID: "phenology", Title: grids.Text{ZH: "物候表版本", EN: "Phenology table"}, Text: grids.Text{ZH: table, EN: table}})
	until := j.state.Today.String()
	r.note("info", "剩余风险是截至 "+until+" 的十二个月内有过"+species.ZH+"种植点而没有确认发现的概率：每一轮调查按当时的季节能看到植株的程度计（物候表 "+table+"）。",
		"The residual risk is the chance that a plot ("+strings.ToLower(species.EN)+") stood there within the twelve months up to "+until+" although none was confirmed: each round of the survey counts as far as the season let the plant be seen (phenology table "+table+").")
	if s.priorOf[0] == s.priorOf[1] {
		r.note("warning", "近十二个月内没有在植株可见时看过任何没有发现的单元：先验无从得出，剩余风险不可信。", "No unit without a finding was looked at while the plant could be seen: there is nothing to tell the prior by, and the residual risk means nothing.")
	}
	r.note("warning", "发现率（30–70 %）、物候表与权重是暂定的；没有飞行覆盖数据，看过的程度取自滚动调查各轮。",
		"Detectability (30–70 %), phenology and weights are provisional. There is no flight coverage yet: what was looked at is that of the rounds of the running survey.")
}
