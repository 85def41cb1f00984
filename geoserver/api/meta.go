package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/paulmach/orb"

	"wangge/geoserver/accounts"
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
	Revision string        `json:"revision" doc:"another word when the layer may look different; good on this server only"`
	Fields   []tiles.Field `json:"fields"`
	Subjects []string      `json:"subjects"`
}

// Meta is what a client needs to know first.
type Meta struct {
	Version     string             `json:"version"`
	Now         string             `json:"now"`
	Synthetic   bool               `json:"synthetic"`
	K           int                `json:"k" doc:"smallest count that is shown"`
	Class       string             `json:"class" doc:"of disclosure: what the reader sees"`
	Bands       []int              `json:"bands" doc:"where bands of counts begin; empty for numbers"`
	District    metaDistrict       `json:"district"`
	Edition     *metaEdition       `json:"edition,omitempty"`
	Editions    []metaEdition      `json:"editions" doc:"every edition of the grids, the newest first: an analysis may ask for any"`
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
	sight, st, err := s.seen(ctx)
	if err != nil {
		return nil, s.faults().Huma(err)
	}
	t := st.Territory()
	m := Meta{
		Version: s.Version, Now: st.Today.String(), Synthetic: synthetic(t), K: sight.Rule().K, Class: string(sight.Class()),
		Bands:      append([]int{}, sight.Rule().Bands...),
		District:   metaDistrict{t.District.Code, t.District.Name, t.District.NameEN, bbox(t.District.Geometry.Bound())},
		Risk:       s.metaRisk(st),
		Indicators: styles.Indicators(), CaseKinds: styles.CaseKinds(), Kinds: styles.FindingKinds(), States: styles.FindingStates(),
		Sources: styles.FindingSources(), Statuses: styles.Statuses(),
		Attribution: []string{grids.Attribution}, Editions: []metaEdition{},
	}
	for _, e := range t.Editions {
		told := metaEdition{e.ID.String(), string(e.Family), e.Name, string(e.State), e.EffectiveFrom.String(), e.Grids}
		m.Editions = append(m.Editions, told)
		if e.ID == t.Edition.ID {
			m.Edition = &told
		}
	}
	if p := told(sight.Tiles().Cube().Spans(tiles.Filter{})); p.From != 0 {
		m.Period = &metaPeriod{p.From.String(), p.To.String()}
	}
	revisions := sight.Revisions()
	for _, l := range tiles.Layers() {
		ml := metaLayer{ID: l.Name, Title: l.Title, Geometry: l.Geometry, MinZoom: l.MinZoom, MaxZoom: l.MaxZoom, Fields: l.Fields, Subjects: []string{}, Revision: revisions[l.Name]}
		for _, sub := range l.Subjects {
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

// SpanCount is casework that is told for several months together only.
type SpanCount struct {
	From  string           `json:"from"`
	To    string           `json:"to"`
	Value disclosure.Value `json:"value"`
}

// Periods is the histogram of the period bar.
type Periods struct {
	K      int          `json:"k"`
	Months []MonthCount `json:"months"`
	Wider  []SpanCount  `json:"wider" doc:"what is too little to be told by month, by the quarter or year it is told for: it is in no bar"`
	Closed string       `json:"closed" doc:"the last month that is told: a month is told when it is over"`
}

func (s *Server) periods(ctx context.Context, q *struct {
	Kind string `query:"kind" doc:"kinds of casework, separated by commas; all when absent"`
}) (*body[Periods], error) {
	sight, st, err := s.seen(ctx)
	if err != nil {
		return nil, s.faults().Huma(err)
	}
	f, err := CaseFilter{Kind: q.Kind}.filter()
	if err != nil {
		return nil, s.faults().Huma(err)
	}
	rule, cube := sight.Rule(), sight.Tiles().Cube()
	p := Periods{K: rule.K, Months: []MonthCount{}, Wider: []SpanCount{}, Closed: (st.Today.Month() - 1).String()}
	byMonth := map[grids.Month]int{}
	for _, span := range cube.Spans(f) {
		if span.Period.From == span.Period.To {
			byMonth[span.Period.From] = span.N
		} else {
			p.Wider = append(p.Wider, SpanCount{span.Period.From.String(), span.Period.To.String(), rule.Estimate(float64(span.N))})
		}
	}
	if all := told(cube.Spans(tiles.Filter{})); all.From != 0 {
		for m := all.From; m <= all.To; m++ {
			p.Months = append(p.Months, MonthCount{m.String(), rule.Estimate(float64(byMonth[m]))})
		}
	}
	return &body[Periods]{p}, nil
}

// told is the months from the first span to the last, the zero Period without any.
func told(spans []tiles.Span) (p grids.Period) {
	for _, s := range spans {
		if p.From == 0 || s.Period.From < p.From {
			p.From = s.Period.From
		}
		p.To = max(p.To, s.Period.To)
	}
	return p
}

// healthz answers GET /healthz: the process works.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) error {
	if err := s.Healthy(); err != nil {
		gate.WriteProblem(w, http.StatusServiceUnavailable, gate.Sentence(err))
		return nil
	}
	return gate.WriteJSON(w, map[string]string{"status": "ok", "version": s.Version})
}

// readyz answers GET /readyz: 200 only when every layer can be served and the store can be followed. Why it is not is for those who operate
// the server; anybody else learns yes or no.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) error {
	_ = s.View.Fresh(r.Context()) // its fault is among the problems
	problems := s.View.Problems()
	ready := len(problems) == 0
	if _, may := s.Accounts.Still(r, accounts.Need(grids.Operate)); problems == nil || !may {
		problems = []string{}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if !ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	return json.NewEncoder(w).Encode(map[string]any{"ready": ready, "problems": problems})
}
