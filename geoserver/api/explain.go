package api

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"wangge/grids"
	"wangge/grids/disclosure"
	"wangge/tiles"
)

// Explanation says why casework is shown in a unit as it is.
type Explanation struct {
	Level   string           `json:"level"`
	Code    string           `json:"code"`
	Value   disclosure.Value `json:"value"`
	Rule    grids.Text       `json:"rule" doc:"in a few sentences"`
	Class   string           `json:"class" doc:"of disclosure: whose rule it is"`
	K       int              `json:"k" doc:"the smallest number that is told"`
	Finest  int              `json:"finest" doc:"H3 resolution of the finest cells that it is told by"`
	Period  explainedPeriod  `json:"period"`
	Release string           `json:"release" doc:"names all that is told: another word when any of it is other"`
	Parts   []ExplainedPart  `json:"parts" doc:"by which cells it is told, the finest first"`
	Wider   bool             `json:"wider" doc:"more is told for a wider period, or for all kinds together"`
}

type explainedPeriod struct {
	From   string `json:"from,omitempty"`
	To     string `json:"to,omitempty"`
	Closed string `json:"closed" doc:"the last month that is over: none after it is told"`
}

// ExplainedPart is what is told by cells of one resolution.
type ExplainedPart struct {
	Res     int     `json:"res"`
	AreaKm2 float64 `json:"area_km2" doc:"about, of a cell here"`
	Share   float64 `json:"share" doc:"of the events in the unit, 0 to 1"`
}

// cellKm2 is about the area of the cells here: they are a quarter smaller than the mean over the earth.
var cellKm2 = map[int]float64{5: 190, 6: 27, 7: 3.9, 8: 0.56}

func (s *Server) explain(ctx context.Context, q *struct {
	CaseFilter
	Level string `query:"level" required:"true" enum:"towns,villages,grids,cells"`
	Code  string `query:"code" required:"true" maxLength:"32"`
}) (*body[Explanation], error) {
	f, err := q.filter()
	if err != nil {
		return nil, s.faults().Huma(err)
	}
	sight, st, err := s.seen(ctx)
	if err != nil {
		return nil, s.faults().Huma(err)
	}
	told, ok := sight.Told(q.Level, q.Code, f)
	if !ok {
		return nil, s.faults().Huma(noUnit(q.Level, q.Code))
	}
	rule := sight.Rule()
	e := Explanation{Level: q.Level, Code: q.Code, Value: told.Value, Class: string(sight.Class()), K: rule.K, Finest: rule.Finest, Release: sight.Release(),
		Period: explainedPeriod{Closed: (st.Today.Month() - 1).String()}, Parts: []ExplainedPart{}, Wider: told.Wider, Rule: reason(told.Value, told.Wider, rule, f)}
	if f.Period.From != 0 {
		e.Period.From = f.Period.From.String()
	}
	if f.Period.To != 0 {
		e.Period.To = f.Period.To.String()
	}
	for _, res := range slices.Backward(slices.Sorted(maps.Keys(told.ByCell))) {
		e.Parts = append(e.Parts, ExplainedPart{res, cellKm2[res], math.Round(told.ByCell[res]*100) / 100})
	}
	return &body[Explanation]{e}, nil
}

// reason is why a value is shown as it is.
func reason(v disclosure.Value, wider bool, r disclosure.Rule, f tiles.Filter) grids.Text {
	var t grids.Text
	say := func(zh, en string, args ...any) {
		t.ZH += fmt.Sprintf(zh, args...)
		if t.EN != "" {
			t.EN += " "
		}
		t.EN += fmt.Sprintf(en, args...)
	}
	switch v.State {
	case disclosure.IsNoData:
		if r.K == 0 {
			say("你的角色只看辖区，不看案件。如需查看，请系统管理员授予相应角色。", "Your role sees the territory, not the casework. If you need it, ask a system administrator for a role that does.")
			return t
		}
		say("尚未导入案件。", "No casework was imported yet.")
		return t
	case disclosure.IsSuppressed:
		say("这里能公布的不足 %d 起（也可能没有），所以留空。", "Fewer than %d events, and perhaps none, can be told for this place, so it is left blank.", r.K)
	case disclosure.IsBand:
		say("你的角色按区间看数量。", "Your role sees numbers as bands.")
	}
	say("案件只按至少 %d 起一组公布：太少的并入更大的单元格，或并入季度、全年；本单元的数字由这些组按面积分摊而来，是估计值。",
		"Casework is told in groups of at least %d only: what is too little goes to larger cells, or to the quarter or the year. The number of this unit is shared out from those groups by area: an estimate.", r.K)
	if wider && (f.Period != grids.Period{} || len(f.Kinds) > 0) {
		say("另有一些只按更长的时段或不分种类公布：选择整年和全部种类可以看到。", "Some more is told for a longer period or for all kinds together only: choose whole years and all kinds to see it.")
	}
	say("未结束的月份不公布。", "A month is told when it is over.")
	return t
}
