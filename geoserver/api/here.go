package api

import (
	"cmp"
	"context"
	"fmt"
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
