package api

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"wangge/geoserver/gate"
	"wangge/grids"
	"wangge/tiles"
)

// tilePrefix begins the address of every tile. The rest is read here: a pattern would be matched twice for each tile.
const tilePrefix = "/tiles/"

// tiles answers below /tiles/: with a tile, or with the TileJSON of layers.
func (s *Server) tiles(w http.ResponseWriter, r *http.Request) error {
	if layers, ok := strings.CutSuffix(r.URL.Path[len(tilePrefix):], ".json"); ok {
		return s.tileJSON(w, r, strings.Split(layers, ","))
	}
	return s.tile(w, r)
}

// tile answers GET /tiles/{layers}/{z}/{x}/{y}.mvt: 200, 204 for a tile without features, 304, 404 for an unknown
// layer, 400 outside the pyramid or for a malformed filter.
func (s *Server) tile(w http.ResponseWriter, r *http.Request) error {
	req, err := tileRequest(r)
	if err != nil {
		return err
	}
	who := actor(r.Context())
	class := classOf(who)
	set := s.View.Sight(class).Tiles()
	if err := set.Check(req); err != nil {
		return err
	}
	if slices.Contains(req.Layers, tiles.Findings) && who.May(grids.LookExact) {
		if err := s.noteExact(r, who); err != nil {
			return err
		}
	}
	if class != grids.ClassCommand { // which sees them everywhere
		req.Within = who.Scopes(grids.LookExact)
	}
	h := w.Header()
	if since, stale := s.View.StaleLayers(req.Layers); stale && h.Get("Warning") == "" {
		s.labelStale(h, "a layer could not be loaded: shown as it was before", since)
	}
	h["Cache-Control"], h["Vary"] = revalidate, byEncoding
	gzip := strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")
	t, err := set.Tile(r.Context(), req)
	if err != nil {
		return err
	}
	if t.Empty {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	etag := represented(t.ETag, gzip)
	h.Set("ETag", etag)
	if matches(r.Header.Get("If-None-Match"), etag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	b := t.Gzip
	if gzip {
		h["Content-Encoding"] = gzipped
	} else if b, err = t.Raw(); err != nil {
		return err
	}
	h["Content-Type"] = tileType
	h.Set("Content-Length", strconv.Itoa(len(b)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(b) // the client may be gone
	}
	return nil
}

// represented is the tag of one representation: plain bytes are another than gzipped ones.
func represented(etag string, gzip bool) string {
	if gzip {
		return etag
	}
	return strings.TrimSuffix(etag, `"`) + `-i"`
}

// matches reports whether an If-None-Match header names the tag.
func matches(header, etag string) bool {
	for tag := range strings.SplitSeq(header, ",") {
		if tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/"); tag == etag || tag == "*" {
			return true
		}
	}
	return false
}

// tileRequest reads /tiles/{layers}/{z}/{x}/{y}.mvt. The error is NotFound for an address of another form, Invalid for what is no
// number.
func tileRequest(r *http.Request) (req tiles.Request, err error) {
	name, mvt := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, tilePrefix), ".mvt")
	layers, at, _ := strings.Cut(name, "/")
	z, xy, _ := strings.Cut(at, "/")
	x, y, whole := strings.Cut(xy, "/")
	if !whole || !mvt || strings.Contains(y, "/") {
		return req, grids.Errorf(grids.NotFound, "there is nothing at %.80s: an address of a tile looks like /tiles/grids/12/3430/1665.mvt", r.URL.Path)
	}
	req.Layers = strings.Split(layers, ",")
	for i, to := range [...]*int{&req.Z, &req.X, &req.Y} {
		text := [...]string{z, x, y}[i]
		if *to, err = strconv.Atoi(text); err != nil || strconv.Itoa(*to) != text {
			return req, grids.Errorf(grids.Invalid, "%s of the tile is not a whole number: an address looks like /tiles/grids/12/3430/1665.mvt", "zxy"[i:i+1])
		}
	}
	if r.URL.RawQuery != "" {
		req.Filter, err = tiles.ParseFilter(r.URL.Query())
	}
	return req, err
}

// tileJSON answers GET /tiles/{layers}.json with TileJSON 3.0.
func (s *Server) tileJSON(w http.ResponseWriter, r *http.Request, layers []string) error {
	url := gate.BaseURL(r) + "/tiles/" + strings.Join(layers, ",") + "/{z}/{x}/{y}.mvt"
	if _, err := tiles.ParseFilter(r.URL.Query()); err != nil {
		return err
	}
	if r.URL.RawQuery != "" {
		url += "?" + r.URL.RawQuery
	}
	t, err := s.View.Sight(classOf(actor(r.Context()))).Tiles().TileJSON(layers, url)
	if err != nil {
		return err
	}
	return gate.WriteJSON(w, t)
}

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
	Cases   [][]int   `json:"cases" doc:"by period and id: the number, or that which its band begins with; 0 = nothing to show there"`
}

// heatValues answers with what the heat tiles of each period would show, without their outlines: the map recolours the hexagons that
// it has.
func (s *Server) heatValues(ctx context.Context, q *heatQuery) (*body[HeatValues], error) {
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
	sight, _, err := s.seen(ctx)
	if err != nil {
		return nil, err
	}
	cube := sight.Tiles().Cube()
	v, err := cube.Values(ctx, f.Kinds, periods, box, cube.Finest(tiles.HeatResolution(q.Z)))
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
