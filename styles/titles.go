package styles

import "wangge/grids"

// Category is one value of a category: its id in data and tiles, its title, and its colour on both themes, if it has one.
type Category struct {
	ID    string `json:"id"`
	Title Title  `json:"title"`
	Color string `json:"color,omitempty"`
}

// Statuses lists the standings of a village in workflow order. Colours run from grey through blue (under way) to
// green (certified); lapsed ones are warm. Any two differ by a CIEDE2000 of 15 or more for normal, protanope,
// deuteranope and tritanope eyes; eleven greys cannot, so a print in grey needs the legend's order.
func Statuses() []Category {
	return []Category{
		{string(grids.StatusNone), Title{"未申报", "Not declared"}, "#d2cecf"},
		{string(grids.Declared), Title{"申报", "Declared"}, "#b2bbee"},
		{string(grids.Screening), Title{"初审", "Screening"}, "#7486e1"},
		{string(grids.Building), Title{"创建期", "Building"}, "#416987"},
		{string(grids.OnSite), Title{"验收", "On-site assessment"}, "#251588"},
		{string(grids.Certified), Title{"达标", "Certified"}, "#b4faae"},
		{string(grids.CertifiedGood), Title{"先进", "Advanced"}, "#36ba87"},
		{string(grids.CertifiedModel), Title{"示范", "Model"}, "#053900"},
		{string(grids.Expired), Title{"到期", "Expired"}, "#f2c124"},
		{string(grids.StatusSuspended), Title{"暂停", "Suspended"}, "#b7702e"},
		{string(grids.Revoked), Title{"撤销", "Revoked"}, "#923844"},
	}
}

// FindingStates lists the states of a finding in workflow order, with the colours of their plots and icons: any two
// differ by a CIEDE2000 of 20 or more for the same eyes.
func FindingStates() []Category {
	return []Category{
		{string(grids.Spotted), Title{"发现", "Spotted"}, "#f8f924"},
		{string(grids.Assigned), Title{"派单", "Assigned"}, "#d87f4a"},
		{string(grids.GroundChecked), Title{"核查", "Ground-checked"}, "#ad0007"},
		{string(grids.Confirmed), Title{"确认", "Confirmed"}, "#540f25"},
		{string(grids.Eradicated), Title{"铲除", "Eradicated"}, "#471187"},
		{string(grids.ReInspected), Title{"复查", "Re-inspected"}, "#6a78ef"},
		{string(grids.Closed), Title{"结案", "Closed"}, "#15edd7"},
		{string(grids.Dismissed), Title{"排除", "Dismissed"}, "#767172"},
	}
}

// FindingKinds lists what a finding may be.
func FindingKinds() []Category {
	return []Category{
		{ID: string(grids.OpiumPoppy), Title: Title{"罂粟", "Opium poppy"}},
		{ID: string(grids.Cannabis), Title: Title{"大麻", "Cannabis"}},
		{ID: string(grids.Ephedra), Title: Title{"麻黄", "Ephedra"}},
		{ID: string(grids.UnknownPlant), Title: Title{"待辨认", "Not yet identified"}},
	}
}

// FindingSources lists how a finding came in.
func FindingSources() []Category {
	return []Category{
		{ID: string(grids.FromPhoto), Title: Title{"照片", "Photo"}},
		{ID: string(grids.FromFlight), Title: Title{"航飞", "Drone flight"}},
		{ID: string(grids.FromFoot), Title: Title{"踏查", "Foot patrol"}},
		{ID: string(grids.FromHotline), Title: Title{"热线", "Hotline"}},
	}
}

// CaseKinds lists what a casework event is about.
func CaseKinds() []Category {
	return []Category{
		{ID: string(grids.Trafficking), Title: Title{"贩运", "Trafficking"}},
		{ID: string(grids.Manufacture), Title: Title{"制造", "Manufacture"}},
		{ID: string(grids.Cultivation), Title: Title{"种植", "Cultivation"}},
		{ID: string(grids.Possession), Title: Title{"持有", "Possession"}},
		{ID: string(grids.Premises), Title: Title{"容留场所", "Premises"}},
		{ID: string(grids.TipOff), Title: Title{"举报线索", "Tip-off"}},
		{ID: string(grids.OtherCase), Title: Title{"其他", "Other"}},
	}
}

// stateTitle is what the legend calls a value that is not a number.
func stateTitle(state string) Title {
	switch state {
	case Zero:
		return Title{"零", "Zero"}
	case Suppressed:
		return Title{"数量过少，不显示", "Too few to show"}
	case NotLooked:
		return Title{"未调查", "Not looked"}
	}
	return Title{"无数据", "No data"}
}
