package styles

import "wangge/grids"

// Category is one value of a category: its id in data and tiles, its title, and its colour on both themes, if it has one.
type Category struct {
	ID    string     `json:"id"`
	Title grids.Text `json:"title"`
	Color string     `json:"color,omitempty"`
}

// Statuses lists the standings of a village in workflow order. Colours run from grey through blue (under way) to
// green (certified); lapsed ones are warm. Any two differ by a CIEDE2000 of 15 or more for normal, protanope,
// deuteranope and tritanope eyes; eleven greys cannot, so a print in grey needs the legend's order.
func Statuses() []Category {
	return []Category{
		{string(grids.StatusNone), grids.Text{ZH: "未申报", EN: "Not declared"}, "#d2cecf"},
		{string(grids.Declared), grids.Text{ZH: "申报", EN: "Declared"}, "#b2bbee"},
		{string(grids.Screening), grids.Text{ZH: "初审", EN: "Screening"}, "#7486e1"},
		{string(grids.Building), grids.Text{ZH: "创建期", EN: "Building"}, "#416987"},
		{string(grids.OnSite), grids.Text{ZH: "验收", EN: "On-site assessment"}, "#251588"},
		{string(grids.Certified), grids.Text{ZH: "达标", EN: "Certified"}, "#b4faae"},
		{string(grids.CertifiedGood), grids.Text{ZH: "先进", EN: "Advanced"}, "#36ba87"},
		{string(grids.CertifiedModel), grids.Text{ZH: "示范", EN: "Model"}, "#053900"},
		{string(grids.Expired), grids.Text{ZH: "到期", EN: "Expired"}, "#f2c124"},
		{string(grids.StatusSuspended), grids.Text{ZH: "暂停", EN: "Suspended"}, "#b7702e"},
		{string(grids.Revoked), grids.Text{ZH: "撤销", EN: "Revoked"}, "#923844"},
	}
}

// FindingStates lists the states of a finding in workflow order, with the colours of their plots and icons: any two
// differ by a CIEDE2000 of 20 or more for the same eyes.
func FindingStates() []Category {
	return []Category{
		{string(grids.Spotted), grids.Text{ZH: "发现", EN: "Spotted"}, "#f8f924"},
		{string(grids.Assigned), grids.Text{ZH: "派单", EN: "Assigned"}, "#d87f4a"},
		{string(grids.GroundChecked), grids.Text{ZH: "核查", EN: "Ground-checked"}, "#ad0007"},
		{string(grids.Confirmed), grids.Text{ZH: "确认", EN: "Confirmed"}, "#540f25"},
		{string(grids.Eradicated), grids.Text{ZH: "铲除", EN: "Eradicated"}, "#471187"},
		{string(grids.ReInspected), grids.Text{ZH: "复查", EN: "Re-inspected"}, "#6a78ef"},
		{string(grids.Closed), grids.Text{ZH: "结案", EN: "Closed"}, "#15edd7"},
		{string(grids.Dismissed), grids.Text{ZH: "排除", EN: "Dismissed"}, "#767172"},
	}
}

// FindingKinds lists what a finding may be.
func FindingKinds() (list []Category) {
	for _, k := range grids.FindingKinds {
		list = append(list, Category{ID: string(k), Title: k.Title()})
	}
	return list
}

// FindingSources lists how a finding came in.
func FindingSources() []Category {
	return []Category{
		{ID: string(grids.FromPhoto), Title: grids.Text{ZH: "照片", EN: "Photo"}},
		{ID: string(grids.FromFlight), Title: grids.Text{ZH: "航飞", EN: "Drone flight"}},
		{ID: string(grids.FromFoot), Title: grids.Text{ZH: "踏查", EN: "Foot patrol"}},
		{ID: string(grids.FromHotline), Title: grids.Text{ZH: "热线", EN: "Hotline"}},
	}
}

// CaseKinds lists what a casework event is about.
func CaseKinds() []Category {
	return []Category{
		{ID: string(grids.Trafficking), Title: grids.Text{ZH: "贩运", EN: "Trafficking"}},
		{ID: string(grids.Manufacture), Title: grids.Text{ZH: "制造", EN: "Manufacture"}},
		{ID: string(grids.Cultivation), Title: grids.Text{ZH: "种植", EN: "Cultivation"}},
		{ID: string(grids.Possession), Title: grids.Text{ZH: "持有", EN: "Possession"}},
		{ID: string(grids.Premises), Title: grids.Text{ZH: "容留场所", EN: "Premises"}},
		{ID: string(grids.TipOff), Title: grids.Text{ZH: "举报线索", EN: "Tip-off"}},
		{ID: string(grids.OtherCase), Title: grids.Text{ZH: "其他", EN: "Other"}},
	}
}

// stateTitle is what the legend of an indicator calls a value that is not a number.
func stateTitle(state string, ind Indicator) grids.Text {
	switch {
	case state == Band:
		return grids.Text{ZH: "区间，按起点着色", EN: "Band, coloured by where it begins"}
	case state == Zero:
		return grids.Text{ZH: "零", EN: "Zero"}
	case state == Suppressed && ind.fromCases():
		return grids.Text{ZH: "过少，或没有", EN: "Too few, perhaps none"}
	case state == Suppressed:
		return grids.Text{ZH: "数量过少，不显示", EN: "Too few to show"}
	case state == NotLooked:
		return grids.Text{ZH: "未调查", EN: "Not looked"}
	}
	return grids.Text{ZH: "无数据", EN: "No data"}
}
