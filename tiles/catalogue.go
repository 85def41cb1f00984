package tiles

import "wangge/grids"

// firstZoom is where the units of the district become worth drawing: the whole of it is then 2 km a pixel and finer.
const firstZoom = 6

// Layers is the catalogue in draw order, the ground first. The slice is the caller's own.
func Layers() []Layer {
	ground := []grids.Subject{grids.OnTerritory}
	all := grids.Subjects[:]
	return []Layer{
		{Name: "land", Title: Title{ZH: "陆地", EN: "Land"}, Geometry: "polygon", MaxZoom: MaxZoom, Subjects: ground, Fields: []Field{}},
		{Name: "district", Title: Title{ZH: "行政区", EN: "District"}, Geometry: "polygon", MaxZoom: MaxZoom, Subjects: ground,
			Fields: []Field{codeField(), nameField(), text("name_en", "英文名称", "English name"), flag("synthetic", "演示数据", "Synthetic")}},
		{Name: "towns", Title: Title{ZH: "乡镇", EN: "Towns"}, Geometry: "polygon", MinZoom: firstZoom, MaxZoom: MaxZoom, Subjects: all,
			Fields: append(unit(text("kind", "类型", "Kind")), certifiedField())},
		{Name: "villages", Title: Title{ZH: "村居", EN: "Villages"}, Geometry: "polygon", MinZoom: firstZoom, MaxZoom: MaxZoom, Subjects: all,
			Fields: unit(text("kind", "类型", "Kind"), text("town", "乡镇", "Town"), text("town_code", "乡镇代码", "Town code"), text("status", "无毒创建状态", "Drug-free status"))},
		{Name: "grids", Title: Title{ZH: "网格", EN: "Grids"}, Geometry: "polygon", MinZoom: firstZoom, MaxZoom: MaxZoom, Subjects: all,
			Fields: append(unit(text("town", "乡镇", "Town"), text("town_code", "乡镇代码", "Town code")), certifiedField())},
		{Name: "cells", Title: Title{ZH: "六边形单元", EN: "H3 cells"}, Geometry: "polygon", MinZoom: firstZoom, MaxZoom: MaxZoom, Subjects: all,
			Fields: []Field{text("id", "单元编号", "Cell"), areaField(), casesField(), stateField(), densityField(), openField(), surveyField("survey"), certifiedField(), riskField()}},
		{Name: "surveys", Title: Title{ZH: "滚动调查", EN: "Surveys"}, Geometry: "polygon", MinZoom: firstZoom, MaxZoom: MaxZoom,
			Subjects: []grids.Subject{grids.OnTerritory, grids.OnGrids, grids.OnSurveys},
			Fields:   []Field{codeField(), nameField(), text("round", "轮次", "Round"), surveyField("completion"), text("level", "层级", "Level")}},
		{Name: Heat, Title: Title{ZH: "案件热力", EN: "Casework density"}, Geometry: "polygon", MaxZoom: MaxZoom, Subjects: []grids.Subject{grids.OnCasework}, Filtered: true,
			Fields: []Field{text("id", "单元编号", "Cell"), number("res", "精度", "Resolution", ""), casesField(), densityField(), areaField()}},
		{Name: Findings, Title: Title{ZH: "踏查发现", EN: "Findings"}, Geometry: "mixed", MinZoom: firstZoom, MaxZoom: MaxZoom, Subjects: []grids.Subject{grids.OnFindings},
			Fields: []Field{text("id", "编号", "Id"), text("kind", "种类", "Kind"), text("state", "状态", "State"), number("confidence", "把握程度", "Confidence", ""),
				text("seen", "发现日期", "Seen on"), text("source", "来源", "Source"), number("area_m2", "面积", "Area", "m²"), flag("plot", "有地块轮廓", "Has an outline")}},
		{Name: "labels", Title: Title{ZH: "注记", EN: "Labels"}, Geometry: "point", MinZoom: firstZoom, MaxZoom: MaxZoom, Subjects: []grids.Subject{grids.OnTerritory, grids.OnGrids},
			Fields: []Field{codeField(), nameField(), text("level", "层级", "Level"), number("rank", "次序", "Rank", "")}},
	}
}

func text(name, zh, en string) Field { return Field{Name: name, Type: "string", Title: Title{ZH: zh, EN: en}} }
func flag(name, zh, en string) Field { return Field{Name: name, Type: "boolean", Title: Title{ZH: zh, EN: en}} }
func number(name, zh, en, unit string) Field {
	return Field{Name: name, Type: "number", Title: Title{ZH: zh, EN: en}, Unit: unit}
}

func codeField() Field    { return text("code", "代码", "Code") }
func nameField() Field    { return text("name", "名称", "Name") }
func areaField() Field    { return number("area_km2", "面积", "Area", "km²") }
func casesField() Field   { return number("cases", "案件数", "Cases", "") }
func stateField() Field   { return text("cases_state", "案件数状态", "State of the count") }
func openField() Field    { return number("findings_open", "未结发现", "Open findings", "") }
func riskField() Field    { return number("risk", "风险指数", "Risk index", "0–100") }
func densityField() Field { return number("density", "案件密度", "Case density", "1/km²") }
func certifiedField() Field {
	return number("certified_share", "无毒村居占比", "Certified share", "0–1")
}
func surveyField(name string) Field {
	return number(name, "调查完成率", "Survey completion", "0–1")
}

// unit is the fields of a unit of territory: what it is, more about it, and what was measured in it.
func unit(more ...Field) []Field {
	fields := append([]Field{codeField(), nameField()}, more...)
	return append(fields, areaField(), casesField(), stateField(), densityField(), openField(),
		number("findings_confirmed", "已确认发现", "Confirmed findings", ""), surveyField("survey"), riskField())
}
