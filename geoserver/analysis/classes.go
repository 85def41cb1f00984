package analysis

import (
	"slices"
	"strconv"

	"wangge/grids"
	"wangge/grids/risk/trend"
)

// classes lists the classes of all maps. Hot is red and cold blue, from strong to weak as they are from sure to less sure: any two colours of one map
// differ by 13 and more (CIEDE2000), for protanope, deuteranope and tritanope eyes too; of the sixteen coloured categories of emerging hot spots, those that
// are both plain or both hatched by 9. What is not significant is hatched, and what is not known is dotted: neither is a colour.
func classes() []Class {
	list := []Class{
		{"hot99", grids.Text{ZH: "热点 99 %", EN: "hot spot, 99 %"}, "#b10026", "#df4a42", ""},
		{"hot95", grids.Text{ZH: "热点 95 %", EN: "hot spot, 95 %"}, "#e8602c", "#f78b3b", ""},
		{"hot90", grids.Text{ZH: "热点 90 %", EN: "hot spot, 90 %"}, "#fcbf6a", "#fbd396", ""},
		{"cold90", grids.Text{ZH: "冷点 90 %", EN: "cold spot, 90 %"}, "#a6cbe8", "#a3c8e6", ""},
		{"cold95", grids.Text{ZH: "冷点 95 %", EN: "cold spot, 95 %"}, "#4a90c8", "#599bd2", ""},
		{"cold99", grids.Text{ZH: "冷点 99 %", EN: "cold spot, 99 %"}, "#0b4f8a", "#2f70b2", ""},
		{"hh", grids.Text{ZH: "高-高（聚集）", EN: "high-high (cluster)"}, "#b10026", "#df4a42", ""},
		{"ll", grids.Text{ZH: "低-低（聚集）", EN: "low-low (cluster)"}, "#0b4f8a", "#2f70b2", ""},
		{"hl", grids.Text{ZH: "高-低（异常）", EN: "high-low (outlier)"}, "#f59e6c", "#f5a878", ""},
		{"lh", grids.Text{ZH: "低-高（异常）", EN: "low-high (outlier)"}, "#8fbfe6", "#9fc9ec", ""},
		{"primary", grids.Text{ZH: "最可能的聚集", EN: "most likely cluster"}, "#b10026", "#df4a42", ""},
		{"secondary", grids.Text{ZH: "其他聚集", EN: "other clusters"}, "#f08c3a", "#f5a04e", ""},
		{"outside", grids.Text{ZH: "不在聚集圈内", EN: "in no cluster"}, "#00000000", "#00000000", ""},
		{"ns", grids.Text{ZH: "不显著", EN: "not significant"}, "#00000000", "#00000000", "hatch"},
		{"insufficient", grids.Text{ZH: "数据不足", EN: "insufficient data"}, "#00000000", "#00000000", "dots"},
	}
	return append(list, emergingList()...)
}

func findClass(id string) (Class, bool) {
	list := classes()
	if i := slices.IndexFunc(list, func(c Class) bool { return c.ID == id }); i >= 0 {
		return list[i], true
	}
	return Class{}, false
}

// emergingClasses lists the categories of emerging hot spots in the order of the legend.
func emergingClasses() (ids []string) {
	for _, c := range emergingList() {
		ids = append(ids, c.ID)
	}
	return append(ids, "insufficient")
}

// emergingList is the categories with their colours: hue says hot or cold, and lightness how strong; those that are passing carry a pattern too.
func emergingList() []Class {
	return []Class{
		{string(trend.NewHot), grids.Text{ZH: "新增热点", EN: "new hot spot"}, "#f93c72", "#f782a3", ""},
		{string(trend.ConsecutiveHot), grids.Text{ZH: "连续热点", EN: "consecutive hot spot"}, "#c61755", "#d43271", ""},
		{string(trend.IntensifyingHot), grids.Text{ZH: "加剧热点", EN: "intensifying hot spot"}, "#7e0015", "#ea2f24", ""},
		{string(trend.PersistentHot), grids.Text{ZH: "持续热点", EN: "persistent hot spot"}, "#af0010", "#ff694d", ""},
		{string(trend.DiminishingHot), grids.Text{ZH: "减弱热点", EN: "diminishing hot spot"}, "#e8794f", "#d2a081", ""},
		{string(trend.SporadicHot), grids.Text{ZH: "零星热点", EN: "sporadic hot spot"}, "#f6b26b", "#fcc98e", ""},
		{string(trend.OscillatingHot), grids.Text{ZH: "振荡热点", EN: "oscillating hot spot"}, "#e6c15c", "#e6cd7a", "hatch"},
		{string(trend.HistoricalHot), grids.Text{ZH: "历史热点", EN: "historical hot spot"}, "#c29e89", "#bfa08e", "hatch"},
		{string(trend.NewCold), grids.Text{ZH: "新增冷点", EN: "new cold spot"}, "#13a0b6", "#348fe2", ""},
		{string(trend.ConsecutiveCold), grids.Text{ZH: "连续冷点", EN: "consecutive cold spot"}, "#1c7fb5", "#2ab3fa", ""},
		{string(trend.IntensifyingCold), grids.Text{ZH: "加剧冷点", EN: "intensifying cold spot"}, "#062b57", "#265aa1", ""},
		{string(trend.PersistentCold), grids.Text{ZH: "持续冷点", EN: "persistent cold spot"}, "#0b4f8a", "#3c77b2", ""},
		{string(trend.DiminishingCold), grids.Text{ZH: "减弱冷点", EN: "diminishing cold spot"}, "#6db8ff", "#8baaca", ""},
		{string(trend.SporadicCold), grids.Text{ZH: "零星冷点", EN: "sporadic cold spot"}, "#a6cbe8", "#abcfea", ""},
		{string(trend.OscillatingCold), grids.Text{ZH: "振荡冷点", EN: "oscillating cold spot"}, "#97c6c1", "#9fd3cf", "hatch"},
		{string(trend.HistoricalCold), grids.Text{ZH: "历史冷点", EN: "historical cold spot"}, "#92a5b8", "#93a0ad", "hatch"},
		{string(trend.NoPattern), grids.Text{ZH: "无规律", EN: "no pattern"}, "#00000000", "#00000000", ""},
	}
}

// numberClasses is how many classes of numbers a map has.
const numberClasses = 5

// quantiles makes classes of about equal size of a column's positive values, with 0 in the first, and puts each unit into its own. Equal values
// are in one class, so that there may be fewer classes. Units without a figure are insufficient data.
func (r *Result) quantiles(column int) {
	var known []float64
	for _, u := range r.Units {
		if v := u.Values[column]; v != nil && *v > 0 {
			known = append(known, *v)
		}
	}
	slices.Sort(known)
	var ends []float64
	for k := 1; k < numberClasses && len(known) > 0; k++ {
		if e := known[(len(known)*k-1)/numberClasses]; len(ends) == 0 || e > ends[len(ends)-1] {
			ends = append(ends, e)
		}
	}
	if n := len(ends); n > 0 && ends[n-1] == known[len(known)-1] { // the last class holds it
		ends = ends[:n-1]
	}
	r.Legend = []Entry{}
	for k := 0; k <= len(ends) && len(known) > 0; k++ {
		e := Entry{ID: "q" + strconv.Itoa(k+1), From: exactly(0), To: exactly(known[len(known)-1])}
		if k > 0 {
			e.From = exactly(ends[k-1])
		}
		if k < len(ends) {
			e.To = exactly(ends[k])
		}
		e.Title = grids.Text{ZH: "第 " + strconv.Itoa(k+1) + " 级", EN: "class " + strconv.Itoa(k+1)}
		r.Legend = append(r.Legend, e)
	}
	none := Entry{ID: "insufficient", Title: grids.Text{ZH: "数据不足", EN: "insufficient data"}}
	for i := range r.Units {
		u := &r.Units[i]
		v := u.Values[column]
		if v == nil || len(known) == 0 {
			u.Class = none.ID
			continue
		}
		at, _ := slices.BinarySearch(ends, *v)
		u.Class = "q" + strconv.Itoa(at+1)
	}
	r.Legend = append(r.Legend, none)
}
