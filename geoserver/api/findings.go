package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/paulmach/orb"
	"github.com/paulmach/orb/geojson"

	"wangge/geoserver/live"
	"wangge/grids"
	"wangge/grids/mesh"
)

// MarkedFinding is the answer to a mark or its undo.
type MarkedFinding struct {
	ID          string  `json:"id"`
	State       string  `json:"state"`
	TownCode    string  `json:"town_code"`
	VillageCode string  `json:"village_code"`
	GridCode    string  `json:"grid_code"`
	AreaM2      float64 `json:"area_m2"`
	V           string  `json:"v" doc:"names the change: with ?v= any address is answered only by what holds it"`
}

// FindingDetail is one finding.
type FindingDetail struct {
	ID         string          `json:"id"`
	Geometry   json.RawMessage `json:"geometry" doc:"GeoJSON Point or Polygon, lon lat"`
	Kind       string          `json:"kind"`
	Confidence int             `json:"confidence"`
	State      string          `json:"state"`
	Source     string          `json:"source"`
	SeenAt     time.Time       `json:"seen_at"`
	Town       string          `json:"town"`
	Village    string          `json:"village"`
	Grid       string          `json:"grid"`
	AreaM2     float64         `json:"area_m2"`
	Synthetic  bool            `json:"synthetic"`
}

// NewFinding is what a patrol sends.
type NewFinding struct {
	ID         string          `json:"id" format:"uuid" doc:"made by the client: the same mark may be sent twice"`
	Geometry   json.RawMessage `json:"geometry" doc:"GeoJSON Point or Polygon, lon lat"`
	Kind       string          `json:"kind"`
	Confidence int             `json:"confidence"`
	Source     string          `json:"source"`
	SeenAt     time.Time       `json:"seen_at"`
}

func (s *Server) mark(ctx context.Context, in *struct{ Body NewFinding }) (*struct {
	Status int
	Body   MarkedFinding
}, error) {
	f, err := newFinding(in.Body)
	if err != nil {
		return nil, s.faults().Huma(err)
	}
	area := mesh.AreaM2(f.Geometry)
	if err := f.Check(s.View.Now(), area); err != nil {
		return nil, s.faults().Huma(err)
	}
	stored, created, v, err := s.Store.Mark(ctx, actor(ctx), f)
	if err != nil {
		return nil, s.faults().Huma(err)
	}
	s.View.Nudge()
	out := &struct {
		Status int
		Body   MarkedFinding
	}{http.StatusOK, marked(stored, area, v)}
	if created {
		out.Status = http.StatusCreated
	}
	return out, nil
}

func marked(f grids.Finding, areaM2 float64, v grids.Versions) MarkedFinding {
	return MarkedFinding{f.ID.String(), string(f.State), f.TownCode, f.VillageCode, f.GridCode, areaM2, sealed(v)}
}

// newFinding reads what a patrol sent. The error is Invalid.
func newFinding(n NewFinding) (grids.Finding, error) {
	id, err := grids.ParseID(n.ID)
	if err != nil {
		return grids.Finding{}, err
	}
	g, err := geojson.UnmarshalGeometry(n.Geometry)
	if err != nil {
		return grids.Finding{}, grids.Errorf(grids.Invalid, "geometry is not GeoJSON: a Point or a Polygon is needed")
	}
	shape := g.Geometry()
	if p, ok := shape.(orb.Polygon); ok && len(p) == 1 && len(p[0]) > 2 && p[0][0] != p[0][len(p[0])-1] {
		p[0] = append(p[0], p[0][0]) // a phone may leave the outline open
	}
	return grids.Finding{ID: id, Geometry: shape, Kind: grids.FindingKind(n.Kind), Confidence: n.Confidence, State: grids.Spotted,
		Source: grids.FindingSource(n.Source), SeenAt: n.SeenAt}, nil
}

type byID struct {
	ID string `path:"id" format:"uuid"`
}

func (s *Server) finding(ctx context.Context, in *byID) (*body[FindingDetail], error) {
	id, err := grids.ParseID(in.ID)
	if err != nil {
		return nil, s.faults().Huma(err)
	}
	f, err := s.Store.Finding(ctx, actor(ctx), id)
	if err != nil {
		return nil, s.faults().Huma(err)
	}
	_, st, err := s.seen(ctx)
	if err != nil {
		return nil, s.faults().Huma(err)
	}
	if err := s.Store.Note(ctx, actor(ctx), "look-exact", grids.OnFindings, map[string]string{"finding": id.String()}); err != nil {
		return nil, s.faults().Huma(err)
	}
	return &body[FindingDetail]{detail(st, f)}, nil
}

func detail(st *live.State, f grids.Finding) FindingDetail {
	g, err := geojson.NewGeometry(f.Geometry).MarshalJSON()
	if err != nil {
		g = []byte("null")
	}
	return FindingDetail{ID: f.ID.String(), Geometry: g, Kind: string(f.Kind), Confidence: f.Confidence, State: string(f.State), Source: string(f.Source), SeenAt: f.SeenAt,
		Town: st.Name("towns", f.TownCode), Village: st.Name("villages", f.VillageCode), Grid: st.Name("grids", f.GridCode), AreaM2: mesh.AreaM2(f.Geometry), Synthetic: f.Synthetic}
}

func (s *Server) withdraw(ctx context.Context, in *byID) (*body[MarkedFinding], error) {
	id, err := grids.ParseID(in.ID)
	if err != nil {
		return nil, s.faults().Huma(err)
	}
	f, v, err := s.Store.Withdraw(ctx, actor(ctx), id)
	if err != nil {
		return nil, s.faults().Huma(err)
	}
	s.View.Nudge()
	return &body[MarkedFinding]{marked(f, mesh.AreaM2(f.Geometry), v)}, nil
}
