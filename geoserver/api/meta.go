package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/paulmach/orb"

	"wangge/geoserver/gate"
	"wangge/geoserver/live"
	"wangge/grids"
	"wangge/grids/disclosure"
	"wangge/grids/risk"
	"wangge/styles"
	"wangge/tiles"
)

type metaDistrict struct {
	Code   string     `json:"code"`
	Name   string     `json:"name"`
	NameEN string     `json:"name_en"`
	BBox   [4]float64 `json:"bbox" doc:"west, south, east, north"`
}

type metaEdition struct {
	ID            string `json:"id"`
	Family        string `json:"family"`
	Name          string `json:"name"`
	State         string `json:"state"`
	EffectiveFrom string `json:"effective_from"`
	Grids         int    `json:"grids"`
}

type metaPeriod struct {
	First string `json:"first"`
	Last  string `json:"last"`
}

type metaWeight struct {
	Factor string     `json:"factor"`
	Weight float64    `json:"weight"`
	Title  grids.Text `json:"title"`
}

type metaRisk struct {
	Version    string       `json:"version"`
	WindowFrom string       `json:"window_from"`
	WindowTo   string       `json:"window_to"`
	Weights    []metaWeight `json:"weights"`
}

type metaLayer struct {
	ID       string        `json:"id"`
	Title    grids.Text    `json:"title"`
	Geometry string        `json:"geometry"`
	MinZoom  int           `json:"minzoom"`
	MaxZoom  int           `json:"maxzoom"`
	Version  int64         `json:"version" doc:"sum of the versions of its subjects: grows with every change"`
	Fields   []tiles.Field `json:"fields"`
	Subjects []string      `json:"subjects"`
}

// Meta is what a client needs to know first.
type Meta struct {
	Version     string             `json:"version"`
	Generation  string             `json:"generation"`
	Now         string             `json:"now"`
	Synthetic   bool               `json:"synthetic"`
	K           int                `json:"k" doc:"smallest count that is shown"`
	District    metaDistrict       `json:"district"`
	Edition     *metaEdition       `json:"edition,omitempty"`
	Period      *metaPeriod        `json:"period,omitempty"`
	Risk        metaRisk           `json:"risk"`
	Layers      []metaLayer        `json:"layers"`
	Indicators  []styles.Indicator `json:"indicators"`
	CaseKinds   []styles.Category  `json:"case_kinds"`
	Kinds       []styles.Category  `json:"finding_kinds"`
	States      []styles.Category  `json:"finding_states"`
	Sources     []styles.Category  `json:"finding_sources"`
	Statuses    []styles.Category  `json:"statuses"`
	Attribution []string           `json:"attribution"`
}

func (s *Server) meta(ctx context.Context, _ *struct{}) (*body[Meta], error) {
	st, err := s.state()
	if err != nil {
		return nil, s.faults().Huma(err)
	}
	t := st.Territory()
	m := Meta{
		Version: s.Version, Generation: st.Versions.Generation, Now: st.Today.String(), Synthetic: synthetic(t), K: s.View.Policy().K,
		District:   metaDistrict{t.District.Code, t.District.Name, t.District.NameEN, bbox(t.District.Geometry.Bound())},
		Risk:       s.metaRisk(st),
		Indicators: styles.Indicators(), CaseKinds: styles.CaseKinds(), Kinds: styles.FindingKinds(), States: styles.FindingStates(),
		Sources: styles.FindingSources(), Statuses: styles.Statuses(),
		Attribution: []string{"© OpenStreetMap contributors (ODbL)"},
	}
	if e := t.Edition; !e.ID.IsZero() {
		m.Edition = &metaEdition{e.ID.String(), string(e.Family), e.Name, string(e.State), e.EffectiveFrom.String(), e.Grids}
	}
	if cube := s.View.Tiles().Cube(); cube != nil {
		if first, counts := cube.Months(tiles.Filter{}); len(counts) > 0 {
			m.Period = &metaPeriod{first.String(), (first + grids.Month(len(counts)-1)).String()}
		}
	}
	for _, l := range tiles.Layers() {
		ml := metaLayer{ID: l.Name, Title: l.Title, Geometry: l.Geometry, MinZoom: l.MinZoom, MaxZoom: l.MaxZoom, Fields: l.Fields, Subjects: []string{}}
		for _, sub := range l.Subjects {
			ml.Version += st.Versions.Of[sub]
			ml.Subjects = append(ml.Subjects, string(sub))
		}
		m.Layers = append(m.Layers, ml)
	}
	return &body[Meta]{m}, nil
}

func (s *Server) metaRisk(st *live.State) metaRisk {
	w := s.View.Weights()
	r := metaRisk{Version: w.Version, WindowFrom: st.Window.From.String(), WindowTo: st.Window.To.String()}
	for _, f := range risk.Factors {
		r.Weights = append(r.Weights, metaWeight{string(f), w.Weight[f], factorTitle(f)})
	}
	return r
}

func factorTitle(f risk.Factor) grids.Text {
	t := risk.Title(f)
	return grids.Text{ZH: t["zh"], EN: t["en"]}
}

// synthetic reports whether any part of the territory was made for the demo.
func synthetic(t grids.Territory) bool {
	return t.District.Synthetic || slices.ContainsFunc(t.Grids, func(g grids.Grid) bool { return g.Synthetic }) ||
		slices.ContainsFunc(t.Villages, func(v grids.Village) bool { return v.Synthetic })
}

func bbox(b orb.Bound) [4]float64 { return [4]float64{b.Min[0], b.Min[1], b.Max[0], b.Max[1]} }

// CaseFilter is the query of everything that counts casework.
type CaseFilter struct {
	From string `query:"from" doc:"first calendar month, 2025-01"`
	To   string `query:"to" doc:"last calendar month, 2025-12"`
	Kind string `query:"kind" doc:"kinds of casework, separated by commas; all when absent"`
}

func (q CaseFilter) filter() (tiles.Filter, error) {
	v := map[string][]string{}
	for name, value := range map[string]string{"from": q.From, "to": q.To, "kind": q.Kind} {
		if value != "" {
			v[name] = []string{value}
		}
	}
	return tiles.ParseFilter(v)
}

// MonthCount is one bar of the period bar.
type MonthCount struct {
	Month string           `json:"month"`
	Value disclosure.Value `json:"value"`
}

// Periods is the histogram of the period bar.
type Periods struct {
	K      int          `json:"k"`
	Months []MonthCount `json:"months"`
}

func (s *Server) periods(ctx context.Context, q *struct {
	Kind string `query:"kind" doc:"kinds of casework, separated by commas; all when absent"`
}) (*body[Periods], error) {
	if _, err := s.state(); err != nil {
		return nil, s.faults().Huma(err)
	}
	f, err := CaseFilter{Kind: q.Kind}.filter()
	if err != nil {
		return nil, s.faults().Huma(err)
	}
	p := Periods{K: s.View.Policy().K, Months: []MonthCount{}}
	if cube := s.View.Tiles().Cube(); cube != nil {
		first, counts := cube.Months(f)
		for i, n := range counts {
			p.Months = append(p.Months, MonthCount{(first + grids.Month(i)).String(), s.View.Policy().Count(n)})
		}
	}
	return &body[Periods]{p}, nil
}

// healthz answers GET /healthz: the process works.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) error {
	if err := s.Healthy(); err != nil {
		gate.WriteProblem(w, http.StatusServiceUnavailable, gate.Sentence(err))
		return nil
	}
	return gate.WriteJSON(w, map[string]string{"status": "ok", "version": s.Version})
}

// readyz answers GET /readyz: 200 only when every layer can be served and the store can be followed.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) error {
	_ = s.View.Fresh(r.Context()) // its fault is among the problems
	problems := s.View.Problems()
	if problems == nil {
		problems = []string{}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if len(problems) > 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	return json.NewEncoder(w).Encode(map[string]any{"ready": len(problems) == 0, "problems": problems})
}
