package api

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/paulmach/orb"

	"wangge/geoserver/live"
	"wangge/grids"
	"wangge/grids/disclosure"
	"wangge/grids/mesh"
	"wangge/grids/risk"
	"wangge/styles"
	"wangge/tiles"
)

// RiskPart is what one factor adds to a risk value.
type RiskPart struct {
	Factor       string           `json:"factor"`
	Title        grids.Text       `json:"title"`
	Raw          disclosure.Value `json:"raw"`
	Unit         string           `json:"unit"`
	Normalised   *float64         `json:"normalised" doc:"0…1, null when missing"`
	Weight       float64          `json:"weight"`
	Contribution float64          `json:"contribution" doc:"points of the 0…100"`
	Note         grids.Text       `json:"note"`
}

// RiskValue is a risk index with its parts.
type RiskValue struct {
	Value   disclosure.Value `json:"value"`
	Version string           `json:"version"`
	Parts   []RiskPart       `json:"parts"`
}

// Unit is one unit's figures.
type Unit struct {
	Level             string           `json:"level"`
	Code              string           `json:"code"`
	Name              string           `json:"name"`
	Town              string           `json:"town,omitempty"`
	AreaKm2           float64          `json:"area_km2"`
	BBox              [4]float64       `json:"bbox"`
	Status            string           `json:"status,omitempty"`
	StatusTitle       *grids.Text      `json:"status_title,omitempty"`
	Cases             disclosure.Value `json:"cases"`
	Density           disclosure.Value `json:"density"`
	FindingsOpen      disclosure.Value `json:"findings_open"`
	FindingsConfirmed disclosure.Value `json:"findings_confirmed"`
	Survey            disclosure.Value `json:"survey_completion"`
	CertifiedShare    disclosure.Value `json:"certified_share"`
	Risk              RiskValue        `json:"risk"`
	Res               int              `json:"res,omitempty" doc:"H3 resolution of a cell"`
}

// Here is what is at a place.
type Here struct {
	Lon     float64 `json:"lon"`
	Lat     float64 `json:"lat"`
	Inside  bool    `json:"inside"`
	Town    *Unit   `json:"town,omitempty"`
	Village *Unit   `json:"village,omitempty"`
	Grid    *Unit   `json:"grid,omitempty"`
	Cell    *Unit   `json:"cell,omitempty"`
}

func (s *Server) here(ctx context.Context, q *struct {
	Lon float64 `query:"lon" required:"true" minimum:"-180" maximum:"180"`
	Lat float64 `query:"lat" required:"true" minimum:"-90" maximum:"90"`
}) (*body[Here], error) {
	_, st, err := s.seen(ctx)
	if err != nil {
		return nil, s.faults().Huma(err)
	}
	p := orb.Point{q.Lon, q.Lat}
	h := Here{Lon: q.Lon, Lat: q.Lat}
	town, village, grid, inside := st.Places().Locate(p)
	if h.Inside = inside; !inside {
		return &body[Here]{h}, nil
	}
	h.Town, h.Village, h.Grid = s.unit(ctx, st, "towns", town), s.unit(ctx, st, "villages", village), s.unit(ctx, st, "grids", grid)
	if cell, err := live.CellAt(p); err == nil {
		if h.Cell = s.unit(ctx, st, "cells", cell); h.Cell != nil {
			h.Cell.Res = live.CellResolution()
		}
	}
	return &body[Here]{h}, nil
}

func (s *Server) area(ctx context.Context, q *struct {
	Level string `path:"level" enum:"towns,villages,grids,cells"`
	Code  string `path:"code" maxLength:"32"`
}) (*body[Unit], error) {
	_, st, err := s.seen(ctx)
	if err != nil {
		return nil, s.faults().Huma(err)
	}
	u := s.unit(ctx, st, q.Level, q.Code)
	if u == nil {
		return nil, s.faults().Huma(noUnit(q.Level, q.Code))
	}
	return &body[Unit]{*u}, nil
}

func noUnit(level, code string) error {
	return grids.Errorf(grids.NotFound, "there is no %s with the code %s", strings.TrimSuffix(level, "s"), code)
}

// unit is a unit's figures for the client, nil when there is none of that code. Findings in the reader's own area are counted exactly.
func (s *Server) unit(ctx context.Context, st *live.State, level, code string) *Unit {
	f, ok := st.Unit(level, code)
	if !ok {
		return nil
	}
	if own, ok := s.View.State().Unit(level, code); ok && actor(ctx).MayAt(grids.LookExact, placeOf(own)) {
		f.FindingsOpen, f.FindingsConfirmed = own.FindingsOpen, own.FindingsConfirmed
	}
	u := &Unit{Level: level, Code: f.Code, Name: f.Name, Town: f.Town, AreaKm2: f.AreaKm2, BBox: bbox(f.Bound), Status: f.Status,
		Cases: f.Cases, Density: live.Round(f.Density, live.DensityDecimals), FindingsOpen: f.FindingsOpen, FindingsConfirmed: f.FindingsConfirmed,
		Survey: live.Round(f.Survey, live.ShareDecimals), CertifiedShare: live.Round(f.CertifiedShare, live.ShareDecimals), Risk: s.riskValue(f.Risk)}
	for _, c := range styles.Statuses() {
		if c.ID == f.Status {
			u.StatusTitle = &c.Title
		}
	}
	return u
}

// placeOf is where a unit lies, as grants name places; a cell lies in none of them.
func placeOf(f live.Figures) grids.Place {
	switch f.Level {
	case "towns":
		return grids.Place{Town: f.Code}
	case "villages":
		return grids.Place{Town: f.TownCode, Village: f.Code}
	case "grids":
		return grids.Place{Town: f.TownCode, Grid: f.Code}
	}
	return grids.Place{}
}

func (s *Server) riskValue(score risk.Score) RiskValue {
	r := RiskValue{Value: live.Round(score.Value, live.RiskDecimals), Version: s.View.Weights().Version, Parts: []RiskPart{}}
	for _, p := range score.Parts {
		part := RiskPart{Factor: string(p.Factor), Title: factorTitle(p.Factor), Raw: p.Raw, Unit: p.Unit, Weight: p.Weight, Contribution: p.Contribution, Note: note(p)}
		if !p.Missing {
			n := p.Normalised
			part.Normalised = &n
		}
		r.Parts = append(r.Parts, part)
	}
	return r
}

// note says in words why a part is missing or approximate.
func note(p risk.Part) grids.Text {
	switch {
	case p.Reason == risk.SuppressedMidpoint:
		return grids.Text{ZH: "数量过少不显示，按区间中值计入", EN: "too few to show: counted as the middle of its band"}
	case p.Missing && p.Raw.State == disclosure.IsNotLooked:
		return grids.Text{ZH: "尚未调查，权重由其他因素分担", EN: "not looked yet: its weight went to the other factors"}
	case p.Missing:
		return grids.Text{ZH: "无数据，权重由其他因素分担", EN: "no data: its weight went to the other factors"}
	}
	return grids.Text{}
}

// Hit is one place that a search found.
type Hit struct {
	Level  string     `json:"level" enum:"town,village,grid,cell,point"`
	Code   string     `json:"code"`
	Name   string     `json:"name"`
	Detail string     `json:"detail"`
	Lon    float64    `json:"lon"`
	Lat    float64    `json:"lat"`
	BBox   [4]float64 `json:"bbox"`
}

// Hits is what a search found, the best first.
type Hits struct {
	Hits []Hit `json:"hits"`
}

const mostHits = 20

func (s *Server) search(ctx context.Context, q *struct {
	Q string `query:"q" required:"true" maxLength:"80" doc:"a name, a code, an H3 cell, or lon,lat"`
}) (*body[Hits], error) {
	_, st, err := s.seen(ctx)
	if err != nil {
		return nil, s.faults().Huma(err)
	}
	text := strings.ToLower(strings.TrimSpace(q.Q))
	if text == "" {
		return nil, huma.NewError(400, "q is empty: give a name, a code, or lon,lat")
	}
	type ranked struct {
		hit  Hit
		rank int
	}
	var found []ranked
	for _, level := range []string{"towns", "villages", "grids"} {
		for _, u := range st.Units(level) {
			if rank := match(text, strings.ToLower(u.Name), strings.ToLower(u.Code)); rank > 0 {
				c := u.Bound.Center()
				found = append(found, ranked{Hit{strings.TrimSuffix(level, "s"), u.Code, u.Name, strings.TrimSpace(u.Town + " " + u.Code), c[0], c[1], bbox(u.Bound)}, rank})
			}
		}
	}
	slices.SortStableFunc(found, func(a, b ranked) int { return cmp.Compare(a.rank, b.rank) })
	hits := Hits{Hits: []Hit{}}
	if h, ok := pointHit(text); ok {
		hits.Hits = append(hits.Hits, h)
	}
	if c, err := mesh.ParseCell(text); err == nil {
		b := c.Boundary().Bound()
		hits.Hits = append(hits.Hits, Hit{"cell", text, text, fmt.Sprintf("H3 r%d", c.Resolution()), b.Center()[0], b.Center()[1], bbox(b)})
	}
	for _, f := range found[:min(len(found), mostHits-len(hits.Hits))] {
		hits.Hits = append(hits.Hits, f.hit)
	}
	return &body[Hits]{hits}, nil
}

// match ranks how well a unit answers a search: 1 the whole, 2 the beginning, 3 a part, 0 not at all.
func match(text, name, code string) int {
	switch {
	case text == name || text == code:
		return 1
	case strings.HasPrefix(name, text) || strings.HasPrefix(code, text):
		return 2
	case strings.Contains(name, text) || strings.Contains(code, text):
		return 3
	}
	return 0
}

// pointHit reads "121.5, 31.6" (lon, lat, also the other way round where only that can be meant).
func pointHit(text string) (Hit, bool) {
	a, b, ok := strings.Cut(strings.ReplaceAll(text, "，", ","), ",")
	if !ok {
		return Hit{}, false
	}
	lon, err1 := strconv.ParseFloat(strings.TrimSpace(a), 64)
	lat, err2 := strconv.ParseFloat(strings.TrimSpace(b), 64)
	if err1 != nil || err2 != nil {
		return Hit{}, false
	}
	if lat > 90 && lon <= 90 {
		lon, lat = lat, lon
	}
	if !(lon >= -180 && lon <= 180 && lat >= -90 && lat <= 90) {
		return Hit{}, false
	}
	name := fmt.Sprintf("%.6f, %.6f", lon, lat)
	const around = 0.005
	return Hit{"point", name, name, "", lon, lat, [4]float64{lon - around, lat - around, lon + around, lat + around}}, true
}

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
