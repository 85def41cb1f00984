package analysis

import (
	"context"
	"slices"

	"wangge/grids"
)

// Method is a way to answer, as the catalogue shows it.
type Method struct {
	ID         string     `json:"id"`
	Title      grids.Text `json:"title"`
	Question   grids.Text `json:"question" doc:"what it answers, in a commander's words"`
	About      grids.Text `json:"about" doc:"what it does and how to read it"`
	Source     string     `json:"source" doc:"author, year"`
	Needs      grids.Text `json:"needs" doc:"the least that it works with"`
	Levels     []string   `json:"levels"`
	Indicators []string   `json:"indicators"`
	Options    []string   `json:"options" doc:"members of the request that it takes, beside method, indicator, level, kinds, from and to; edition only of grids"`
	Classes    []string   `json:"classes" doc:"classes of its map; empty when the map has classes of numbers"`

	run func(ctx context.Context, j *job, r *Result) error
}

// Indicator is what is counted.
type Indicator struct {
	ID    string     `json:"id"`
	Title grids.Text `json:"title"`
	Hint  grids.Text `json:"hint"`
}

// Class is a class of a map that is no range of numbers.
type Class struct {
	ID      string     `json:"id"`
	Title   grids.Text `json:"title"`
	Light   string     `json:"light" doc:"colour on a light ground"`
	Dark    string     `json:"dark" doc:"colour on a dark ground"`
	Pattern string     `json:"pattern" doc:"hatch, dots or nothing"`
}

// Catalogue is everything that can be asked.
type Catalogue struct {
	Methods    []Method    `json:"methods"`
	Indicators []Indicator `json:"indicators"`
	Classes    []Class     `json:"classes"`
	Defaults   Request     `json:"defaults"`
	First      string      `json:"first" doc:"first month of which there is anything"`
	Last       string      `json:"last" doc:"last month that is over"`
	Waiting    int         `json:"waiting" doc:"how many analyses of one account may wait or run"`
}

// Catalogue is what can be asked now. The period of the defaults is the last three whole years.
func (a *Analyst) Catalogue(class grids.Class) Catalogue {
	c := Catalogue{Methods: methods(), Indicators: indicators(), Classes: classes(), Defaults: Defaults(), Waiting: grids.MaxRunsWaiting}
	sight := a.view.Sight(class)
	st := sight.State()
	if st == nil {
		return c
	}
	last := st.Today.Month() - 1
	first := last - 35
	for g := range sight.Tiles().Cube().All() {
		first = min(first, g.From)
	}
	c.First, c.Last = first.String(), last.String()
	to := (last + 1) / 12 * 12 // the beginning of this year, or of the next when December is over
	c.Defaults.From, c.Defaults.To = (to - 36).String(), (to - 1).String()
	return c
}

var (
	allLevels  = []string{"grids", "villages", "towns", "cells"}
	fineLevels = []string{"grids", "villages", "cells"}
	anything   = []string{"casework", "findings", "confirmed"}
)

// methods lists the methods in the order of the menu.
func methods() []Method {
	return []Method{
		{"hotspots", grids.Text{ZH: "热点与冷点（Gi*）", EN: "Hot and cold spots (Gi*)"},
			grids.Text{ZH: "哪里比偶然更集中？", EN: "Where is there more than chance would put there?"},
			grids.Text{ZH: "每个单元与相邻单元合起来，与全区比较。p 值由精确分布或置换得出，并按错误发现率校正。", EN: "Each unit together with its neighbours against the whole district. p is exact or by permutation, corrected for the false discovery rate."},
			"Ord and Getis 1995; Benjamini and Hochberg 1995", grids.Text{ZH: "至少 8 个单元，且数值不全相等", EN: "8 units or more, not all of them equal"},
			fineLevels, anything, []string{"edition", "casework", "weights", "inference", "draw", "replicates", "seed", "alpha", "correct"}, []string{"hot99", "hot95", "hot90", "cold90", "cold95", "cold99", "ns", "insufficient"}, hotspots},
		{"lisa", grids.Text{ZH: "聚集与异常（局部莫兰）", EN: "Clusters and outliers (local Moran)"},
			grids.Text{ZH: "哪里高值相连，哪里一枝独秀？", EN: "Where do high values touch, and where does one stand out?"},
			grids.Text{ZH: "高-高与低-低是聚集，高-低与低-高是异常。只显示校正后显著的单元。", EN: "High-high and low-low are clusters, high-low and low-high outliers. Only units that stay significant after the correction are coloured."},
			"Anselin 1995; Sokal, Oden and Thomson 1998", grids.Text{ZH: "至少 8 个单元，且数值不全相等", EN: "8 units or more, not all of them equal"},
			fineLevels, anything, []string{"edition", "casework", "weights", "inference", "replicates", "seed", "alpha", "correct"}, []string{"hh", "ll", "hl", "lh", "ns", "insufficient"}, lisa},
		{"global", grids.Text{ZH: "全区是否聚集", EN: "Is the district clustered at all?"},
			grids.Text{ZH: "整个区的分布是偶然的吗？", EN: "Could the whole pattern be chance?"},
			grids.Text{ZH: "莫兰 I、Geary C、Getis-Ord G。", EN: "Moran's I, Geary's C, Getis-Ord G."},
			"Cliff and Ord 1981; Getis and Ord 1992", grids.Text{ZH: "至少 8 个单元", EN: "8 units or more"},
			fineLevels, anything, []string{"edition", "casework", "weights", "inference", "replicates", "seed", "alpha"}, nil, global},
		{"rates", grids.Text{ZH: "平滑后的密度", EN: "Smoothed density"},
			grids.Text{ZH: "去掉偶然起伏后，每平方公里有多少？", EN: "How much is there per km² once chance is smoothed out?"},
			grids.Text{ZH: "经验贝叶斯：小单元的密度向全区或邻域收缩；附精确泊松区间。", EN: "Empirical Bayes: the density of small units is drawn towards that of the district or of the neighbourhood; with exact Poisson intervals."},
			"Marshall 1991; Garwood 1936", grids.Text{ZH: "至少 1 件", EN: "1 event or more"},
			allLevels, anything, []string{"edition", "casework", "weights", "smoothing"}, nil, smoothed},
		{"density", grids.Text{ZH: "密度面与等值线", EN: "Density surface with contours"},
			grids.Text{ZH: "不看边界，哪里密？", EN: "Where is it dense, borders aside?"},
			grids.Text{ZH: "核密度，边缘校正，只在陆地上。", EN: "Kernel density with edge correction, on land alone."},
			"Silverman 1986; Diggle 1985; Jones 1993", grids.Text{ZH: "至少 5 件", EN: "5 events or more"},
			[]string{"grids"}, anything, []string{"edition", "kernel"}, nil, density},
		{"clusters", grids.Text{ZH: "聚集圈（扫描统计）", EN: "Clusters as circles (scan statistic)"},
			grids.Text{ZH: "哪一片地方、哪一段时间最不像偶然？", EN: "Which ground, and which time, is least like chance?"},
			grids.Text{ZH: "以面积为期望的 Kulldorff 扫描；p 由蒙特卡洛得出。", EN: "Kulldorff's scan, expecting by area; p by Monte Carlo."},
			"Kulldorff 1997, 2001, 2005", grids.Text{ZH: "至少 10 件", EN: "10 events or more"},
			fineLevels, anything, []string{"edition", "casework", "scan", "step", "replicates", "seed", "alpha"}, []string{"primary", "secondary", "outside"}, clusters},
		{"emerging", grids.Text{ZH: "新兴热点", EN: "Emerging hot spots"},
			grids.Text{ZH: "哪里在升温，哪里在降温？", EN: "Where is it heating up, where cooling down?"},
			grids.Text{ZH: "时空立方体的 Gi* 与 Mann-Kendall 趋势，17 类。", EN: "Gi* over a cube of space and time, and the Mann-Kendall trend: 17 categories."},
			"Getis and Ord 1992; Mann 1945; Esri 2021 (categories)", grids.Text{ZH: "至少 10 个时段", EN: "10 periods or more"},
			fineLevels, anything, []string{"edition", "casework", "weights", "step", "alpha", "correct"}, emergingClasses(), emerging},
		{"pairs", grids.Text{ZH: "近重复", EN: "Near repeats"},
			grids.Text{ZH: "一处发现之后，附近短期内会再有吗？", EN: "After one find, is there soon another one near by?"},
			grids.Text{ZH: "按距离与时间分带的 Knox 比，精确期望与置换 p。", EN: "Knox ratios by bands of distance and time, with exact expectations and p by permutation."},
			"Knox 1964; Barton and David 1966; Ratcliffe 2009", grids.Text{ZH: "至少 10 个疑似点", EN: "10 findings or more"},
			[]string{"grids"}, []string{"findings", "confirmed"}, []string{"pairs", "replicates", "seed", "alpha", "correct"}, nil, pairs},
		{"index", grids.Text{ZH: "综合风险与剩余风险", EN: "Composite and residual risk"},
			grids.Text{ZH: "先去哪里？哪些地方没发现只是因为没看？", EN: "Where to go first? And where was nothing found only because nobody looked?"},
			grids.Text{ZH: "案件、发现、达标与调查的加权指数，附权重 ±20 % 的敏感性；没有发现只按看过的程度与当时的季节计。", EN: "A weighted index of casework, findings, certification and survey with its sensitivity to weights ± 20 %; that nothing was found counts only as far as the place was looked at, and in season."},
			"OECD and JRC 2008; Stone 1975", grids.Text{ZH: "任何数据", EN: "any data"},
			[]string{"grids", "villages"}, []string{"casework"}, []string{"edition", "composite", "seed"}, nil, index},
		{"prediction", grids.Text{ZH: "预测得准吗", EN: "Does it predict?"},
			grids.Text{ZH: "这样的图以前预测得准吗？", EN: "How well did such maps predict before?"},
			grids.Text{ZH: "按年留出检验：命中率、PAI、PEI、RRI、SER；指数与简单计数、核密度、上期比较，输了也照样显示。", EN: "Held-out years: hit rate, PAI, PEI, RRI, SER; the index against plain counts, kernel density and the last period, shown even when it loses."},
			"Chainey et al. 2008; Hunt 2016; Levine 2008", grids.Text{ZH: "至少 3 个时段，检验期至少 20 件", EN: "3 periods or more, and 20 events in the test"},
			allLevels, anything, []string{"edition", "step", "areas", "seed"}, nil, prediction},
	}
}

func methodNames() (names []string) {
	for _, m := range methods() {
		names = append(names, m.ID)
	}
	return names
}

func findMethod(id string) (Method, bool) {
	list := methods()
	if i := slices.IndexFunc(list, func(m Method) bool { return m.ID == id }); i >= 0 {
		return list[i], true
	}
	return Method{}, false
}

func indicators() []Indicator {
	return []Indicator{
		{"casework", grids.Text{ZH: "案件", EN: "Casework"}, grids.Text{ZH: "已发布的成组案件", EN: "casework as it is told, in groups"}},
		{"findings", grids.Text{ZH: "疑似点（未排除）", EN: "Findings (not dismissed)"}, grids.Text{ZH: "无人机与踏查的发现，按所在单元精确计数", EN: "what drones and patrols found, counted exactly by unit"}},
		{"confirmed", grids.Text{ZH: "确认的种植点", EN: "Confirmed cultivation"}, grids.Text{ZH: "现场确认过的发现", EN: "findings that were confirmed on the ground"}},
	}
}

func indicatorNames() (names []string) {
	for _, i := range indicators() {
		names = append(names, i.ID)
	}
	return names
}

// TitleOf is the title of a method, nothing for one that does not exist.
func TitleOf(method string) grids.Text {
	m, _ := findMethod(method)
	return m.Title
}
