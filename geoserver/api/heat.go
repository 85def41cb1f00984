package api

import (
	"context"
	"strconv"
	"strings"

	"wangge/grids"
	"wangge/tiles"
)

// maxPeriods is how many periods one answer may hold: more than the months of five years.
const maxPeriods = 64

// heatQuery asks for the counts of a part of the map.
type heatQuery struct {
	BBox    string `query:"bbox" required:"true" doc:"west,south,east,north in degrees"`
	Z       int    `query:"z" required:"true" minimum:"0" maximum:"16" doc:"zoom of the tiles on the screen: it decides the resolution"`
	Kind    string `query:"kind" doc:"kinds of casework, separated by commas; all when empty"`
	Periods string `query:"periods" required:"true" maxLength:"2000" doc:"closed ranges of months, separated by commas: 2024-01..2024-03; an end may be left open"`
}

// HeatValues is counts of hexagons as columns: those of the tiles of the layer "hexagons", by feature id.
type HeatValues struct {
	Res     int       `json:"res" doc:"the finest H3 resolution in it"`
	Periods []string  `json:"periods"`
	IDs     []uint64  `json:"ids"`
	AreaKm2 []float64 `json:"area_km2" doc:"by id"`
	Cases   [][]int   `json:"cases" doc:"by period and id; 0 = nothing to show there"`
}

// heatValues answers with what the heat tiles of each period would show, without their outlines: the map recolours the hexagons that
// it has.
func (s *Server) heatValues(ctx context.Context, q *heatQuery) (*body[HeatValues], error) {
	if _, err := s.state(); err != nil {
		return nil, s.faults().Huma(err)
	}
	v, err := s.heatColumns(ctx, q)
	if err != nil {
		return nil, s.faults().Huma(err)
	}
	return &body[HeatValues]{*v}, nil
}

func (s *Server) heatColumns(ctx context.Context, q *heatQuery) (*HeatValues, error) {
	box, err := parseBox(q.BBox)
	if err != nil {
		return nil, err
	}
	f, err := CaseFilter{Kind: q.Kind}.filter()
	if err != nil {
		return nil, err
	}
	names := strings.Split(q.Periods, ",")
	if len(names) > maxPeriods {
		return nil, grids.Errorf(grids.Invalid, "%d periods are asked for; ask for at most %d at a time", len(names), maxPeriods)
	}
	periods := make([]grids.Period, len(names))
	for i, name := range names {
		if periods[i], err = parsePeriod(name); err != nil {
			return nil, err
		}
	}
	cube := s.View.Tiles().Cube()
	if cube == nil {
		return nil, grids.Errorf(grids.Unavailable, "the casework is not loaded yet; try again in a moment")
	}
	v, err := cube.Values(ctx, f.Kinds, periods, box, tiles.HeatResolution(q.Z), s.View.Policy())
	if err != nil {
		return nil, err
	}
	out := &HeatValues{Res: v.Res, Periods: names, IDs: v.IDs, AreaKm2: v.AreaKm2, Cases: v.Cases}
	if out.IDs == nil { // an empty list, not null
		out.IDs, out.AreaKm2 = []uint64{}, []float64{}
	}
	return out, nil
}

// parseBox reads west,south,east,north.
func parseBox(text string) (box [4]float64, err error) {
	bad := grids.Errorf(grids.Invalid, "bbox is not a box: write west,south,east,north in degrees, as in 121.2,31.4,121.9,31.8")
	parts := strings.Split(text, ",")
	if len(parts) != 4 {
		return box, bad
	}
	for i, p := range parts {
		if box[i], err = strconv.ParseFloat(strings.TrimSpace(p), 64); err != nil {
			return box, bad
		}
	}
	if !(box[0] >= -180 && box[2] <= 180 && box[0] <= box[2] && box[1] >= -90 && box[3] <= 90 && box[1] <= box[3]) {
		return box, bad
	}
	return box, nil
}

// parsePeriod reads from..to with calendar months; an end that is left out is open.
func parsePeriod(text string) (grids.Period, error) {
	from, to, ok := strings.Cut(text, "..")
	if !ok {
		return grids.Period{}, grids.Errorf(grids.Invalid, "%.30q is not a period: write the first and the last month as 2024-01..2024-03", text)
	}
	f, err := CaseFilter{From: from, To: to}.filter()
	return f.Period, err
}
