package analysis

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/paulmach/orb"

	"wangge/geoserver/live"
	"wangge/grids"
	"wangge/grids/disclosure"
	"wangge/grids/mesh"
	"wangge/grids/risk/areal"
	"wangge/grids/risk/stat"
)

// division is the grids of an edition that is not on the map, as the units of a job.
//
// Findings lie in its grids where they are, and whole groups of casework in the grid that holds most of their cell. What is known by the grids on
// the map, casework that is shared out and the survey, is brought over from them by the areas that the two editions share: so it is made
// of what these are told and of the ground, that is of released groups alone, and tells no more than the groups do.
type division struct {
	edition    grids.Edition
	onMap      grids.Edition
	ground     []live.Ground // by code
	at         *mesh.Locator
	drawn      [][][][][2]float64 // outlines, by unit
	walk       *areal.Crosswalk   // from the grids on the map; nil when nothing can be asked for that is known by them
	ofVillages *areal.Crosswalk   // from the villages, once it is needed

	// of the casework that was brought over last
	meta    []stat.Meta
	cut     []bool  // by unit: its figure is interpolated; nil for none
	bare    int     // units, a part of which lies where there is no grid on the map
	share   float64 // of it, that in interpolated units
	outside float64 // events that lie in no unit
}

// How far two drawings of one border may be apart: grids of two editions that differ by less of their area are the same ground.
const (
	sliver = 1e-4 // of the smaller one: a decimetre along a side of a square kilometre
	redraw = .01  // of a grid whose coast was drawn anew, so that totals are kept
)

// divide takes the grids of another edition for units where the request names one. Errors: Invalid, in a sentence; those of the store.
func (j *job) divide(ctx context.Context, m Method) error {
	t := j.state.Territory()
	if j.Edition == "" || strings.EqualFold(j.Edition, t.Edition.ID.String()) {
		return nil
	}
	if !slices.Contains(m.Options, "edition") {
		return grids.Errorf(grids.Invalid, "%s is of the grids on the map alone. Leave the edition out, or ask on it for one of %v", m.Title.EN, divisible())
	}
	id, err := grids.ParseID(j.Edition)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(t.Editions, func(e grids.Edition) bool { return e.ID == id })
	if i < 0 || t.Editions[i].Grids == 0 {
		return grids.Errorf(grids.Invalid, "there is no edition of the grids with the id %s: /api/meta lists those that there are", id)
	}
	list, err := j.analyst.editions.EditionGrids(ctx, grids.Serving, id)
	if err != nil {
		return err
	}
	d := &division{edition: t.Editions[i], onMap: t.Edition}
	d.take(list)
	if j.Indicator == "casework" && m.ID != "density" || m.ID == "prediction" { // the index that is judged knows casework
		if d.walk, err = crosswalk(ctx, j.ground, d.ground); err != nil {
			return err
		}
	}
	j.other, j.ground = d, d.ground
	return nil
}

// divisible lists the methods that work on any edition.
func divisible() (ids []string) {
	for _, m := range methods() {
		if slices.Contains(m.Options, "edition") {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

// take makes units of grids.
func (d *division) take(list []grids.Grid) {
	zones := make([]mesh.Zone, len(list))
	for i, g := range list {
		d.ground = append(d.ground, live.Ground{Code: g.Code, Name: g.Name, Town: g.TownCode, AreaM2: mesh.AreaM2(g.Geometry), Outline: g.Geometry})
		zones[i] = mesh.Zone{Code: g.Code, Geometry: g.Geometry}
	}
	d.at, d.drawn = mesh.NewLocator(zones), drawings(list)
}

// crosswalk is the way from some units to others, in the plane.
func crosswalk(ctx context.Context, from, to []live.Ground) (*areal.Crosswalk, error) {
	var flat [2][]orb.MultiPolygon
	for side, list := range [][]live.Ground{from, to} {
		j := job{ground: list}
		f, err := j.place()
		if err != nil {
			return nil, err
		}
		flat[side] = f.units.Polygons
	}
	return areal.NewCrosswalk(ctx, flat[0], flat[1], areal.Options{Tolerance: redraw, SliverShare: sliver})
}

// casework is what the class is told in the units of the job.
func (j *job) casework(kinds []grids.CaseKind, periods []grids.Period) (live.Casework, error) {
	told := j.sight.Casework(j.Level, kinds, periods)
	if j.other == nil {
		return told, nil
	}
	var err error
	told.ByUnit, err = j.other.bring(told.ByUnit, len(periods))
	return told, err
}

// bring brings figures of the grids on the map over, by unit and period. What it says of them, it says of the last ones.
func (d *division) bring(from [][]float64, periods int) ([][]float64, error) {
	to := make([][]float64, len(d.ground))
	for i := range to {
		to[i] = make([]float64, periods)
	}
	d.meta, d.cut, d.bare, d.outside = nil, make([]bool, len(to)), 0, 0
	values := make([]stat.Value, len(from))
	all, cut := 0.0, 0.0
	for k := range periods {
		for i := range from {
			values[i] = stat.Of(from[i][k])
		}
		e, err := d.walk.Extensive(values, areal.Known)
		if err != nil {
			return nil, err
		}
		d.outside += e.Uncovered.Or(0)
		for i, v := range e.Values {
			to[i][k] = v.Value.Or(0)
			part := v.CoveredShare < 1-redraw
			d.cut[i] = part || v.Mark == areal.Interpolated
			if all += to[i][k]; d.cut[i] {
				cut += to[i][k]
			}
			if k == 0 && part {
				d.bare++
			}
		}
		if k == 0 {
			d.meta = []stat.Meta{d.walk.Meta, e.Meta}
		}
	}
	if d.share = 0; all > 0 {
		d.share = cut / all
	}
	return to, nil
}

// figures is what the grids of the edition have of what the state knows now, scored against each other. Casework comes over as in [division.bring]
// and the survey and its looks by the mean over the ground; certification is that of the villages in the grid by area, as it is on the map. Findings lie
// where they are.
func (d *division) figures(ctx context.Context, j *job) ([]live.Figures, error) {
	now := j.state.Units(j.Level)
	cases := make([][]float64, len(now))
	known := false
	for i, u := range now {
		cases[i] = []float64{u.Estimate}
		known = known || u.Cases != disclosure.NoData()
	}
	brought, err := d.bring(cases, 1)
	if err != nil {
		return nil, err
	}
	list, meta, err := d.shares(ctx, j.state, now, j.state.Units("villages"))
	if err != nil {
		return nil, err
	}
	d.meta = append(d.meta, meta...)
	open, confirmed := d.findings(j.state)
	for i := range list {
		u := &list[i]
		u.FindingsOpen, u.FindingsConfirmed = disclosure.Number(open[i]), disclosure.Number(confirmed[i])
		if u.Cases = disclosure.NoData(); known {
			u.Estimate, u.Cases = brought[i][0], j.sight.Rule().Estimate(brought[i][0])
		}
	}
	d.looks(now, list)
	for i, score := range j.sight.Rank(list, j.analyst.weights) {
		list[i].Risk = score
	}
	return list, nil
}

// shares is the grids of the edition with their survey and certification alone: of the grids on the map and the villages as they are, or were.
func (d *division) shares(ctx context.Context, st *live.State, onMap, villages []live.Figures) (list []live.Figures, meta []stat.Meta, err error) {
	survey, status := make([]stat.Value, len(onMap)), make([]stat.Value, len(villages))
	declared := false
	for i, u := range onMap {
		survey[i] = shareOf(u.Survey)
	}
	for i, u := range villages {
		status[i] = shareOf(u.CertifiedShare)
		declared = declared || status[i].Reason() == ""
	}
	for i := range status { // beside villages with a status, one without is not certified
		if declared {
			status[i] = stat.Of(status[i].Or(0))
		}
	}
	if d.ofVillages == nil {
		if d.ofVillages, err = crosswalk(ctx, st.Grounds("villages"), d.ground); err != nil {
			return nil, nil, err
		}
	}
	surveyed, err := d.walk.Intensive(survey, areal.Known)
	if err != nil {
		return nil, nil, err
	}
	certified, err := d.ofVillages.Intensive(status, areal.Known)
	if err != nil {
		return nil, nil, err
	}
	list = make([]live.Figures, len(d.ground))
	for i, g := range d.ground {
		u := live.Figures{Level: string(grids.LevelGrids), Code: g.Code, Name: g.Name, TownCode: g.Town, AreaKm2: g.AreaM2 / 1e6, Survey: disclosure.NotLooked(), CertifiedShare: disclosure.NoData()}
		if n, ok := surveyed.Values[i].Value.Known(); ok { // ground that nobody looked at counts as nothing done, as in the cells on the map
			u.Survey = disclosure.Number(n * surveyed.Values[i].KnownShare)
		}
		if n, ok := certified.Values[i].Value.Known(); ok {
			u.CertifiedShare = disclosure.Number(n)
		}
		list[i] = u
	}
	return list, []stat.Meta{surveyed.Meta, certified.Meta}, nil
}

// looks brings the looks over the grids on the map over: over a part of a grid of the edition, as large as what the two share.
func (d *division) looks(from, to []live.Figures) {
	for _, s := range d.walk.Shares {
		u := &to[s.Target]
		for _, l := range from[s.Source].Looks {
			l.Completion *= s.AreaM2 / d.walk.TargetAreaM2[s.Target]
			u.Looks = append(u.Looks, l)
		}
	}
	for i := range to {
		slices.SortStableFunc(to[i].Looks, func(a, b live.Look) int { return cmp.Compare(a.On, b.On) })
	}
}

// findings counts the findings of now in the grids.
func (d *division) findings(s *live.State) (open, confirmed []float64) {
	open, confirmed = make([]float64, len(d.ground)), make([]float64, len(d.ground))
	s.Findings(func(_ grids.Feature, column func(string) any, _ grids.Place) {
		name, _ := column("state").(string)
		i, ok := d.at.Locate(pointOn(column))
		if !ok {
			return
		}
		if grids.FindingState(name).Open() {
			open[i]++
		}
		if grids.FindingState(name).WasConfirmed() {
			confirmed[i]++
		}
	})
	return open, confirmed
}

// shareOf is a share as a statistic takes it.
func shareOf(v disclosure.Value) stat.Value {
	if n, ok := v.Known(); ok {
		return stat.Of(n)
	}
	return stat.None(stat.Missing)
}

// gridOf is the code of the grid that a finding lies in, "" for none.
func (j *job) gridOf(f spotted) string {
	if j.other == nil {
		return f.place.Grid
	}
	if i, ok := j.other.at.Locate(f.by); ok {
		return j.ground[i].Code
	}
	return ""
}

// tell says in the result which edition it is of, and what was brought over to it.
func (d *division) tell(r *Result) {
	e := d.edition
	r.Edition = e.Name
	r.Other = &Other{ID: e.ID.String(), Name: e.Name, State: string(e.State), From: e.EffectiveFrom.String(), OnMap: d.onMap.Name}
	r.note("info", "单元是网格版本“"+e.Name+"”（"+r.Other.From+" 起）的网格，不是地图上的现行版本“"+d.onMap.Name+"”。",
		"The units are grids of the edition “"+e.Name+"”, in force from "+r.Other.From+", and not of the one on the map, “"+d.onMap.Name+"”.")
	if d.meta == nil {
		return
	}
	for _, cut := range d.cut {
		if cut {
			r.Other.Units++
		}
	}
	r.Meta = append(r.Meta, d.meta...)
	r.Other.Crosswalk, r.Other.Interpolated, r.Other.Outside = d.walk.Hash(), d.share, d.outside
	r.fact("interpolated", grids.Text{ZH: "插值单元中的案件份额", EN: "Share of the casework in interpolated units"}, stat.Of(d.share), "%", 1)
	r.note("info", "案件由现行网格按面积换算到该版本："+strconv.Itoa(r.Other.Units)+" 个单元的现行网格被切分，其数值为插值；其余单元由整个现行网格组成，数值就是它们之和。",
		"Casework comes from the grids on the map by area: "+strconv.Itoa(r.Other.Units)+" units cut some of these, and their figures are interpolated; the others are made of whole ones, and have their sum.")
	if d.bare > 0 {
		r.note("warning", strconv.Itoa(d.bare)+" 个单元有一部分不在任何现行网格内：那里没有案件数据，按 0 计。",
			strconv.Itoa(d.bare)+" units lie in part where there is no grid on the map: nothing is told of casework there, and it counts as 0.")
	}
	if d.outside >= .05 {
		text := strconv.FormatFloat(d.outside, 'f', 1, 64)
		r.note("warning", text+" 件案件不在该版本的任何网格内，未计入。", text+" cases lie in no grid of the edition and are not counted.")
	}
}

// mostCorners is how many corners the outlines in a result have together, about 20 bytes each, unless they would be coarser than coarsest.
const (
	mostCorners = 100_000
	finest      = 5 // decimals of a degree: a metre
	coarsest    = 3
)

// drawings is the outlines of grids for a map, by grid. Corners are rounded, each by itself, so that neighbours still share their borders; a part
// that comes to nothing is left out, unless the grid has no other.
func drawings(list []grids.Grid) (out [][][][][2]float64) {
	for decimals := finest; ; decimals-- {
		corners := 0
		out = make([][][][][2]float64, len(list))
		for i, g := range list {
			for _, p := range g.Geometry {
				if rings := drawing(p, decimals); len(rings) > 0 {
					out[i] = append(out[i], rings)
				}
			}
			if out[i] == nil && len(g.Geometry) > 0 {
				out[i] = [][][][2]float64{drawing(g.Geometry[0], 9)}
			}
			for _, rings := range out[i] {
				for _, r := range rings {
					corners += len(r)
				}
			}
		}
		if corners <= mostCorners || decimals == coarsest {
			return out
		}
	}
}

// drawing is the rings of a polygon with rounded corners, nothing when its outer ring comes to nothing.
func drawing(p orb.Polygon, decimals int) (rings [][][2]float64) {
	scale := math.Pow10(decimals)
	for at, r := range p {
		var ring [][2]float64
		for _, q := range r {
			c := [2]float64{math.Round(q[0]*scale) / scale, math.Round(q[1]*scale) / scale}
			if n := len(ring); n == 0 || ring[n-1] != c {
				ring = append(ring, c)
			}
		}
		if len(ring) >= 4 {
			rings = append(rings, ring)
		} else if at == 0 {
			return nil
		}
	}
	return rings
}
