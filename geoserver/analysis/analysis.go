// Package analysis answers what a commander asks of the district with the statistics of grids/risk: it takes the figures as the class of
// the reader is told them, runs a method, and puts the answer into one shape that the map, the tables and the exports show.
//
// What goes in is released groups of casework, the findings that the class may see, and the ground: the outlines of the units, of whatever
// edition. So whatever comes out tells no more than they do: a z-score of a unit, and a figure that was brought over to the grids of another
// edition, too, is a function of what the map shows already.
//
// An [Analyst] is safe for concurrent use. The same request over the same data gives the same bytes.
package analysis

import (
	"context"
	"encoding/json"
	"slices"

	"wangge/geoserver/live"
	"wangge/grids"
	"wangge/grids/risk"
)

// Editions reads grids that the server does not hold in memory. The error is NotFound for an edition that does not exist.
type Editions interface {
	EditionGrids(ctx context.Context, actor grids.Actor, id grids.ID) ([]grids.Grid, error)
}

// Analyst computes runs from what the server holds in memory.
type Analyst struct {
	view      *live.View
	weights   risk.Weights
	phenology risk.Phenology
	editions  Editions
}

// New is an analyst over a view, which asks for other editions of the grids than that of the view.
func New(v *live.View, e Editions) *Analyst {
	return &Analyst{v, v.Weights(), risk.DefaultPhenology(), e}
}

// Compute is the result of a run as JSON, and the name of the data that it is made of. It ends early with ctx. Errors: Invalid, a sentence for
// whoever asked, when the request or the data do not allow the method.
func (a *Analyst) Compute(ctx context.Context, r grids.Run, progress func(share float64)) (result []byte, data string, err error) {
	req, err := Parse(r.Request)
	if err != nil {
		return nil, "", err
	}
	for tries := 0; ; tries++ {
		result, data, err = a.compute(ctx, req, r.Class, progress)
		if grids.KindOf(err) != grids.Unavailable || tries == mostTries || ctx.Err() != nil {
			return result, data, err
		}
	}
}

// mostTries is how often an analysis begins anew because the data changed meanwhile.
const mostTries = 3

// compute is Compute of one state.
func (a *Analyst) compute(ctx context.Context, req Request, class grids.Class, progress func(float64)) (result []byte, data string, err error) {
	if err := a.view.Fresh(ctx); err != nil {
		return nil, "", err
	}
	sight := a.view.Sight(class)
	if sight.State() == nil || len(sight.State().Units(req.Level)) == 0 {
		return nil, "", grids.Errorf(grids.Invalid, "there is nothing on the level %s yet: import the territory first", req.Level)
	}
	data = sight.Data()
	j := &job{Request: req, analyst: a, sight: sight, state: sight.State(), progress: progress}
	res, err := j.run(ctx)
	if err != nil {
		return nil, "", err
	}
	res.Data = data
	text, err := json.Marshal(res)
	return text, data, err
}

// job is one run under way.
type job struct {
	Request
	analyst  *Analyst
	sight    *live.Sight
	state    *live.State
	progress func(float64)

	ground []live.Ground
	other  *division // nil for the units on the map
	frame  *frame
}

// run calls the method and fills in what every result has.
func (j *job) run(ctx context.Context) (*Result, error) {
	j.ground = j.state.Grounds(j.Level)
	m, ok := findMethod(j.Method)
	if !ok {
		return nil, grids.Errorf(grids.Invalid, "the method %.40q is not known", j.Method)
	}
	if !slices.Contains(m.Levels, j.Level) || !slices.Contains(m.Indicators, j.Indicator) {
		return nil, grids.Errorf(grids.Invalid, "%s does not go with the level %s and the indicator %s", m.Title.EN, j.Level, j.Indicator)
	}
	res := &Result{Method: j.Method, Title: m.Title, Request: j.Request, Level: j.Level, Class: string(j.sight.Class()), K: j.sight.Rule().K,
		Period: j.period().From.String() + ".." + j.period().To.String(), Edition: j.state.Territory().Edition.Name, Synthetic: j.state.Territory().District.Synthetic}
	if err := j.divide(ctx, m); err != nil {
		return nil, err
	}
	if err := m.run(ctx, j, res); err != nil {
		return nil, err
	}
	if j.other != nil {
		j.other.tell(res)
	}
	res.finish(m)
	return res, nil
}
