package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/gorilla/mux"

	"wangge/geoserver/gate"
	"wangge/geoserver/live"
	"wangge/grids"
	"wangge/grids/disclosure"
	"wangge/styles"
	"wangge/tiles"
)

// heatReference is the H3 resolution whose densities set the classes of the heat map: one legend for all zooms.
const heatReference = 8

// legendQuery says what is coloured and how.
type legendQuery struct {
	CaseFilter
	Level     string `query:"level" default:"grids" doc:"grids, villages, towns, cells or heat"`
	Indicator string `query:"indicator" default:"risk"`
	Method    string `query:"method" default:"quantile" doc:"quantile, jenks, equal or manual"`
	Classes   int    `query:"classes" default:"6" doc:"how many classes, 2 to 7"`
	Breaks    string `query:"breaks" doc:"edges of the classes for manual, separated by commas"`
	Theme     string `query:"theme" default:"light"`
	Lang      string `query:"lang" default:"zh"`
}

func (s *Server) legend(ctx context.Context, q *legendQuery) (*body[styles.Legend], error) {
	_, st, err := s.seen(ctx)
	if err != nil {
		return nil, s.faults().Huma(err)
	}
	l, err := s.makeLegend(ctx, st, *q)
	if err != nil {
		return nil, s.faults().Huma(err)
	}
	return &body[styles.Legend]{*l}, nil
}

// makeLegend is the one source of classes for the panel and for the style.
func (s *Server) makeLegend(ctx context.Context, st *live.State, q legendQuery) (*styles.Legend, error) {
	theme, err := styles.ParseTheme(q.Theme)
	if err != nil {
		return nil, err
	}
	lang, err := styles.ParseLang(q.Lang)
	if err != nil {
		return nil, err
	}
	manual, err := numbers(q.Breaks)
	if err != nil {
		return nil, err
	}
	level, indicator := q.Level, q.Indicator
	var samples []styles.Sample
	if level == "heat" {
		level, indicator = styles.OnCells, "density"
		if samples, err = s.heatSamples(ctx, q.CaseFilter); err != nil {
			return nil, err
		}
	}
	ind, err := styles.IndicatorAt(indicator, level)
	if err != nil {
		return nil, err
	}
	if q.Level != "heat" {
		samples = samplesOf(st.Units(level), ind.ID)
	}
	l, err := styles.NewLegend(ind, q.Level, samples, styles.Method(q.Method), q.Classes, manual, theme, lang)
	return &l, err
}

func (s *Server) heatSamples(ctx context.Context, q CaseFilter) ([]styles.Sample, error) {
	f, err := q.filter()
	if err != nil {
		return nil, err
	}
	sight, _, err := s.seen(ctx)
	if err != nil {
		return nil, err
	}
	cube := sight.Tiles().Cube()
	buckets, err := cube.Released(ctx, f, cube.Finest(heatReference))
	if err != nil {
		return nil, err
	}
	var samples []styles.Sample
	for _, b := range buckets {
		v := sight.Rule().Count(b.N)
		if n, ok := disclosure.Density(v, b.Cell.AreaM2()).Known(); ok {
			samples = append(samples, styles.Sample{State: string(v.State), N: n})
		}
	}
	return samples, nil
}

// samplesOf is an indicator's value of every unit, rounded as the tiles hold it, so that class edges mean the same.
func samplesOf(units []live.Figures, indicator string) []styles.Sample {
	samples := make([]styles.Sample, len(units))
	for i, u := range units {
		if indicator == "status" {
			samples[i] = styles.Sample{State: styles.NoData}
			if u.Status != "" {
				samples[i] = styles.Sample{State: styles.Number, Category: u.Status}
			}
			continue
		}
		v := valueOf(u, indicator)
		samples[i] = styles.Sample{State: string(v.State), N: v.N}
	}
	return samples
}

// valueOf is an indicator's value of a unit.
func valueOf(u live.Figures, indicator string) disclosure.Value {
	switch indicator {
	case "risk":
		return live.Round(u.Risk.Value, live.RiskDecimals)
	case "cases":
		return u.Cases
	case "density":
		d := live.Round(u.Density, live.DensityDecimals)
		if u.Cases.State == disclosure.IsBand && d.State == disclosure.IsNumber {
			d.State = disclosure.IsBand // that of its beginning
		}
		return d
	case "findings_open":
		return u.FindingsOpen
	case "findings_confirmed":
		return u.FindingsConfirmed
	case "survey":
		return live.Round(u.Survey, live.ShareDecimals)
	case "certified_share":
		return live.Round(u.CertifiedShare, live.ShareDecimals)
	}
	return disclosure.NoData()
}

func numbers(list string) ([]float64, error) {
	if list == "" {
		return nil, nil
	}
	var out []float64
	for part := range strings.SplitSeq(list, ",") {
		n, err := strconv.ParseFloat(strings.TrimSpace(part), 64)
		if err != nil {
			return nil, grids.Errorf(grids.Invalid, "breaks holds %q, which is not a number: write them as 1,2.5,10", part)
		}
		out = append(out, n)
	}
	return out, nil
}

// style answers GET /styles/{theme}-{lang}.json with a complete MapLibre style.
func (s *Server) style(w http.ResponseWriter, r *http.Request) error {
	_, st, err := s.seen(r.Context())
	if err != nil {
		return err
	}
	v := r.URL.Query()
	param := func(name, otherwise string) string {
		if p := v.Get(name); p != "" {
			return p
		}
		return otherwise
	}
	vars := mux.Vars(r)
	q := legendQuery{
		CaseFilter: CaseFilter{v.Get("from"), v.Get("to"), v.Get("kind")},
		Level:      param("level", styles.OnGrids), Indicator: param("indicator", "risk"), Method: param("method", "quantile"),
		Breaks: v.Get("breaks"), Theme: vars["theme"], Lang: vars["lang"],
	}
	if q.Classes, err = strconv.Atoi(param("classes", "6")); err != nil {
		return grids.Errorf(grids.Invalid, "classes is not a whole number")
	}
	o := styles.Options{Theme: styles.Theme(q.Theme), Lang: styles.Lang(q.Lang), Level: q.Level, TileBase: gate.BaseURL(r) + "/tiles",
		Show: map[string]bool{}, Bounds: bbox(st.Territory().District.Geometry.Bound())}
	if _, err := q.filter(); err != nil {
		return err
	}
	if q.Level != styles.OnNothing {
		if o.Legend, err = s.makeLegend(r.Context(), st, q); err != nil {
			return err
		}
	} else if _, err := styles.ParseTheme(q.Theme); err != nil {
		return err
	} else if _, err := styles.ParseLang(q.Lang); err != nil {
		return err
	}
	for show := range strings.SplitSeq(param("show", "heat,findings,labels"), ",") {
		o.Show[show] = true
	}
	if o.Show[styles.ShowHeat] {
		q.Level, q.Method, q.Classes = tiles.Heat, "quantile", 6
		if o.HeatLegend, err = s.makeLegend(r.Context(), st, q); err != nil {
			return err
		}
	}
	return gate.WriteJSON(w, styles.Style(o))
}
