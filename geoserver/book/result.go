package book

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"wangge/geoserver/analysis"
	"wangge/grids"
	"wangge/grids/risk/stat"
)

// reasons says why there is no figure.
var reasons = map[stat.Reason]grids.Text{
	stat.Constant:     {ZH: "数值全部相同", EN: "all values are equal"},
	stat.Isolate:      {ZH: "没有相邻单元", EN: "no neighbours"},
	stat.AllUnits:     {ZH: "邻域覆盖全部单元", EN: "the neighbourhood covers every unit"},
	stat.TooFew:       {ZH: "数量太少", EN: "too few"},
	stat.Missing:      {ZH: "缺少数据", EN: "no data"},
	stat.NoPopulation: {ZH: "基数为零", EN: "the base is 0"},
	stat.AboveCount:   {ZH: "数量超过基数", EN: "more than the base"},
	stat.NotANumber:   {ZH: "不是有限的数", EN: "not a finite number"},
	stat.AtMean:       {ZH: "正处于均值", EN: "at the mean"},
	stat.Cancelled:    {ZH: "运行被中止", EN: "the run was ended"},
}

func reasonIn(why stat.Reason, lang string) string {
	if words, known := reasons[why]; known {
		return words.In(lang)
	}
	return string(why)
}

// Of puts a result into tables: what it found, how it was made, and whatever else the method gives. town names a town by its code.
func Of(run grids.Run, r analysis.Result, lang string, town func(string) string) Book {
	b := Book{lang: lang, title: r.Title.In(lang), run: run.ID.String()}
	for _, s := range []sheet{unitSheet(r, lang, town), circleSheet(r), matrixSheet(r), judgedSheet(r, lang), surfaceSheet(r), memberSheet(r), seriesSheet(r), partSheet(r, lang), curveSheet(r, lang)} {
		if len(s.rows) > 0 {
			b.sheets = append(b.sheets, s)
		}
	}
	if len(b.sheets) == 0 {
		b.sheets = append(b.sheets, factSheet(r, lang))
	}
	b.sheets = slices.Insert(b.sheets, 1, parameterSheet(run, r, lang))
	return b
}

// orNil is a number, or an empty cell.
func orNil(n *float64) any {
	if n == nil {
		return nil
	}
	return *n
}

// same is a heading whose two languages need no other word than its name.
func same(id string) heading { return heading{id, grids.Text{ZH: id, EN: id}} }

var (
	codeHead = heading{"code", grids.Text{ZH: "编码", EN: "Code"}}
	nameHead = heading{"name", grids.Text{ZH: "名称", EN: "Name"}}
	townHead = heading{"town", grids.Text{ZH: "乡镇", EN: "Town"}}
	rankHead = heading{"rank", grids.Text{ZH: "名次", EN: "Rank"}}
	observed = heading{"observed", grids.Text{ZH: "实际", EN: "Observed"}}
	expected = heading{"expected", grids.Text{ZH: "期望", EN: "Expected"}}
	certain  = heading{"certain", grids.Text{ZH: "显著", EN: "Significant"}}
	curve    = heading{"curve", grids.Text{ZH: "预测方法", EN: "Forecast"}}
	areaHead = heading{"area", grids.Text{ZH: "面积份额", EN: "Share of the area"}}
)

// unitSheet has one row a unit.
func unitSheet(r analysis.Result, lang string, town func(string) string) sheet {
	s := sheet{title: grids.Text{ZH: "单元", EN: "Units"}, head: []heading{codeHead, nameHead, townHead, {"class", grids.Text{ZH: "类别代码", EN: "Class id"}}, {"class_title", grids.Text{ZH: "类别", EN: "Class"}}}}
	for _, c := range r.Columns {
		s.head = append(s.head, heading{c.ID, grids.Text{ZH: c.Title.ZH + inUnit(c.Unit, "份额 0–1"), EN: c.Title.EN + inUnit(c.Unit, "share 0–1")}})
	}
	s.head = append(s.head, heading{"why", grids.Text{ZH: "原因代码", EN: "Reason id"}}, heading{"reason", grids.Text{ZH: "无数值的原因", EN: "Why there is no figure"}})
	if r.Other != nil {
		s.head = append(s.head, heading{"interpolated", grids.Text{ZH: "插值", EN: "Interpolated"}})
	}
	titles := map[string]string{"": ""}
	for _, e := range r.Legend {
		titles[e.ID] = e.Title.In(lang)
	}
	for _, u := range r.Units {
		row := []any{u.Code, u.Name, town(u.Town), u.Class, titles[u.Class]}
		for i := range r.Columns {
			row = append(row, orNil(at(u.Values, i)))
		}
		row = append(row, string(u.Why), reasonIn(u.Why, lang))
		if r.Other != nil {
			row = append(row, u.Interpolated)
		}
		s.rows = append(s.rows, row)
	}
	return s
}

// inUnit is a unit as a heading has it.
func inUnit(unit, share string) string {
	switch unit {
	case "":
		return ""
	case "%":
		return " (" + share + ")"
	}
	return " (" + unit + ")"
}

// at is an item of a list, nil beyond its end.
func at(list []*float64, i int) *float64 {
	if i < len(list) {
		return list[i]
	}
	return nil
}

func circleSheet(r analysis.Result) sheet {
	s := sheet{title: grids.Text{ZH: "聚集圈", EN: "Clusters"}, head: []heading{rankHead, {"lon", grids.Text{ZH: "经度", EN: "Longitude"}}, {"lat", grids.Text{ZH: "纬度", EN: "Latitude"}},
		{"radius_m", grids.Text{ZH: "半径（米）", EN: "Radius (m)"}}, {"units", grids.Text{ZH: "单元数", EN: "Units"}}, {"from", grids.Text{ZH: "起", EN: "From"}}, {"to", grids.Text{ZH: "止", EN: "To"}}, observed, expected,
		{"ratio", grids.Text{ZH: "相对风险", EN: "Relative risk"}}, same("llr"), same("p"), {"gumbel", grids.Text{ZH: "Gumbel p", EN: "Gumbel p"}}, {"recurs", grids.Text{ZH: "重现期（时段数）", EN: "Recurrence interval (periods)"}}, certain}}
	for _, c := range r.Circles {
		s.rows = append(s.rows, []any{c.Rank, c.Lon, c.Lat, c.RadiusM, len(c.Codes), c.From, c.To, c.Observed, c.Expected, orNil(c.Ratio), c.LLR, orNil(c.P), orNil(c.Gumbel), orNil(c.Recurs), c.Certain})
	}
	return s
}

// memberSheet says which units lie in which circle: a unit may be in several.
func memberSheet(r analysis.Result) sheet {
	s := sheet{title: grids.Text{ZH: "聚集圈内单元", EN: "Units of clusters"}, head: []heading{rankHead, codeHead}}
	for _, c := range r.Circles {
		for _, code := range c.Codes {
			s.rows = append(s.rows, []any{c.Rank, code})
		}
	}
	return s
}

// matrixSheet has one row a pair of bands.
func matrixSheet(r analysis.Result) sheet {
	s := sheet{title: grids.Text{ZH: "近重复", EN: "Near repeats"}}
	if r.Matrix == nil {
		return s
	}
	s.head = []heading{{"row", r.Matrix.RowTitle}, {"col", r.Matrix.ColTitle}, observed, expected, {"ratio", grids.Text{ZH: "比值", EN: "Ratio"}}, same("p"), certain}
	for i, row := range r.Matrix.Cells {
		for j, c := range row {
			s.rows = append(s.rows, []any{r.Matrix.Rows[i], r.Matrix.Cols[j], c.Observed, orNil(c.Expected), orNil(c.Ratio), orNil(c.P), c.Certain})
		}
	}
	return s
}

// judgedSheet has one row a forecast and share of the area.
func judgedSheet(r analysis.Result, lang string) sheet {
	s := sheet{title: grids.Text{ZH: "预测检验", EN: "Forecasts"}, head: []heading{{"id", grids.Text{ZH: "代码", EN: "Id"}}, curve, areaHead, {"hits", grids.Text{ZH: "命中", EN: "Hits"}}, {"of", grids.Text{ZH: "检验期总数", EN: "Events of the test"}},
		{"hit_rate", grids.Text{ZH: "命中率", EN: "Hit rate"}}, {"low", grids.Text{ZH: "95 % 下限", EN: "95 % from"}}, {"high", grids.Text{ZH: "95 % 上限", EN: "95 % to"}}, same("PAI"), same("PEI"), same("RRI"), same("SER")}}
	for _, c := range r.Curves {
		for _, p := range c.Points {
			s.rows = append(s.rows, []any{c.ID, c.Title.In(lang), p.Area, p.Hits, p.Of, orNil(p.HitRate), orNil(p.Low), orNil(p.High), orNil(p.PAI), orNil(p.PEI), orNil(p.RRI), orNil(p.SER)})
		}
	}
	return s
}

func curveSheet(r analysis.Result, lang string) sheet {
	s := sheet{title: grids.Text{ZH: "命中曲线", EN: "Hit-rate curves"}, head: []heading{{"id", grids.Text{ZH: "代码", EN: "Id"}}, curve, areaHead, {"hits", grids.Text{ZH: "命中份额", EN: "Share of the events"}}}}
	for _, c := range r.Curves {
		for i := range min(len(c.Area), len(c.Hits)) {
			s.rows = append(s.rows, []any{c.ID, c.Title.In(lang), c.Area[i], c.Hits[i]})
		}
	}
	return s
}

// surfaceSheet has one row a cell of the raster that lies on land, by column and row from the south-west.
func surfaceSheet(r analysis.Result) sheet {
	s := sheet{title: grids.Text{ZH: "密度面", EN: "Surface"}}
	if r.Surface == nil {
		return s
	}
	s.head = []heading{{"column", grids.Text{ZH: "列（自西）", EN: "Column (from the west)"}}, {"row", grids.Text{ZH: "行（自南）", EN: "Row (from the south)"}}, {"value", grids.Text{ZH: "密度" + inUnit(r.Surface.Unit, ""), EN: "Density" + inUnit(r.Surface.Unit, "")}}}
	for i, v := range r.Surface.Values {
		if v != nil {
			s.rows = append(s.rows, []any{i % r.Surface.NX, i / r.Surface.NX, *v})
		}
	}
	return s
}

// seriesSheet has one row a unit and one column a period.
func seriesSheet(r analysis.Result) sheet {
	s := sheet{title: grids.Text{ZH: "时间序列", EN: "Series"}, head: []heading{codeHead, nameHead}}
	for _, p := range r.Periods {
		s.head = append(s.head, same(p))
	}
	for _, u := range r.Units {
		if len(u.Series) == 0 {
			continue
		}
		row := []any{u.Code, u.Name}
		for _, n := range u.Series {
			row = append(row, n)
		}
		s.rows = append(s.rows, row)
	}
	return s
}

// partSheet says what each value is made of.
func partSheet(r analysis.Result, lang string) sheet {
	s := sheet{title: grids.Text{ZH: "构成", EN: "Composition"}, head: []heading{codeHead, nameHead, {"part", grids.Text{ZH: "成分", EN: "Part"}}, {"value", grids.Text{ZH: "数值", EN: "Value"}}, {"contribution", grids.Text{ZH: "贡献", EN: "Contribution"}}}}
	for _, u := range r.Units {
		for _, p := range u.Parts {
			s.rows = append(s.rows, []any{u.Code, u.Name, p.Title.In(lang), orNil(p.Value), p.Contribution})
		}
	}
	return s
}

// factSheet stands in for the units of a method that has figures of the whole alone.
func factSheet(r analysis.Result, lang string) sheet {
	s := sheet{title: grids.Text{ZH: "指标", EN: "Figures"}, head: []heading{{"id", grids.Text{ZH: "代码", EN: "Id"}}, nameHead, {"value", grids.Text{ZH: "数值", EN: "Value"}}, {"unit", grids.Text{ZH: "计量单位", EN: "Unit"}}, {"text", grids.Text{ZH: "说明", EN: "In words"}}}}
	for _, f := range r.Facts {
		s.rows = append(s.rows, []any{f.ID, f.Title.In(lang), orNil(f.Value), f.Unit, f.Text.In(lang)})
	}
	return s
}

var levelTitles = map[string]grids.Text{"grids": {ZH: "网格", EN: "grids"}, "villages": {ZH: "村居", EN: "villages"}, "towns": {ZH: "乡镇", EN: "towns"}, "cells": {ZH: "六边形", EN: "cells"}}

// parameterSheet says how the result was made, so that it can be made again.
func parameterSheet(run grids.Run, r analysis.Result, lang string) sheet {
	s := sheet{title: grids.Text{ZH: "参数", EN: "Parameters"}, head: []heading{{"what", grids.Text{ZH: "项目", EN: "What"}}, {"value", grids.Text{ZH: "内容", EN: "Value"}}, {"unit", grids.Text{ZH: "计量单位", EN: "Unit"}}, {"text", grids.Text{ZH: "说明", EN: "In words"}}}}
	add := func(zh, en string, v any) { s.rows = append(s.rows, []any{grids.Text{ZH: zh, EN: en}.In(lang), v}) }
	add("标题", "Title", r.Title.In(lang))
	add("时段", "Period", r.Period)
	add("单元", "Level", levelTitles[r.Level].In(lang))
	add("网格版本", "Edition of the grids", r.Edition)
	if o := r.Other; o != nil {
		add("网格版本编号", "Id of the edition", o.ID)
		add("网格版本生效日", "In force from", o.From)
		add("地图上的网格版本", "Edition on the map", o.OnMap)
		add("面积换算校验（crosswalk）", "Hash of the crosswalk", o.Crosswalk)
		add("插值单元数", "Units with interpolated figures", o.Units)
		add("插值单元中的案件份额（0–1）", "Share of the casework in interpolated units, 0–1", o.Interpolated)
	}
	add("数据", "Data", r.Data)
	add("披露等级", "Class of disclosure", r.Class)
	add("最小可见数", "Smallest count told (k)", r.K)
	add("运行编号", "Run", run.ID.String())
	add("结果校验（SHA-256）", "SHA-256 of the result", run.Hash)
	add("申请人", "Asked by", run.Actor)
	add("申请时间", "Asked at", run.AskedAt.UTC().Format(time.RFC3339))
	add("合成数据", "Synthetic data", r.Synthetic)
	add("署名", "Attribution", grids.Attribution)
	for _, f := range flat("", jsonValue(r.Request)) {
		add("请求 "+f.name, "request "+f.name, f.value)
	}
	for _, m := range r.Meta {
		add("方法", "Method", m.Method)
		add("方法版本", "Version", m.Version)
		add("文献", "Source", m.Source)
		add("随机种子", "Seed", seedOf(m))
		add("权重校验", "Hash of the weights", m.Weights)
		add("使用的单元或事件", "Units or events used", m.Used)
		for _, why := range slices.Sorted(maps.Keys(m.Dropped)) {
			add("未使用："+reasonIn(why, "zh"), "dropped: "+reasonIn(why, "en"), m.Dropped[why])
		}
		for _, f := range flat("", jsonValue(m.Params)) {
			add("参数 "+f.name, "parameter "+f.name, f.value)
		}
	}
	for _, f := range r.Facts {
		s.rows = append(s.rows, []any{f.Title.In(lang), orNil(f.Value), f.Unit, f.Text.In(lang)})
	}
	for _, e := range r.Legend {
		s.rows = append(s.rows, []any{grids.Text{ZH: "图例 ", EN: "legend "}.In(lang) + e.Title.In(lang), e.N, "", between(e)})
	}
	for _, n := range r.Notes {
		add("说明", "Note", n.Text.In(lang))
	}
	return s
}

// seedOf is the seed of a method, nothing when it drew no numbers.
func seedOf(m stat.Meta) any {
	if m.Seed == 0 {
		return nil
	}
	return float64(m.Seed) // at most 2⁵³
}

// between is the range of a class of numbers.
func between(e analysis.Entry) string {
	if e.From == nil || e.To == nil {
		return ""
	}
	return exactText(*e.From) + " – " + exactText(*e.To)
}

// jsonValue is a value as JSON has it; nil for what JSON cannot hold.
func jsonValue(v any) (out any) {
	text, err := json.Marshal(v)
	if err == nil {
		_ = json.Unmarshal(text, &out) // it was just made
	}
	return out
}

// field is a value within a JSON value, by its path.
type field struct {
	name  string
	value any
}

// flat lists the texts, numbers and lists of a JSON value by their paths, sorted.
func flat(name string, v any) (list []field) {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			list = append(list, flat(strings.TrimPrefix(name+"."+key, "."), v[key])...)
		}
		return list
	case []any:
		text, _ := json.Marshal(v) // it was JSON
		return []field{{name, string(text)}}
	}
	return []field{{name, v}}
}
