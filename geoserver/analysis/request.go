package analysis

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"

	"wangge/grids"
	"wangge/grids/risk"
	"wangge/grids/risk/weights"
)

// Request is what somebody asks for. Every field but the method has a value of its own when it is left out, see [Defaults].
type Request struct {
	Method     string           `json:"method" doc:"one of the methods of the catalogue"`
	Indicator  string           `json:"indicator" doc:"what is counted: casework, findings or confirmed"`
	Level      string           `json:"level" doc:"grids, villages, towns or cells"`
	Edition    string           `json:"edition" doc:"id of the edition of the grids whose grids are the units; the one on the map when empty"`
	Kinds      []grids.CaseKind `json:"kinds" doc:"of casework; all when empty"`
	Casework   string           `json:"casework" doc:"how it is counted: located, whole groups in the unit that holds most of their cell; shared, all groups by area; auto, as suits the method"`
	From       string           `json:"from" doc:"first calendar month, 2023-01"`
	To         string           `json:"to" doc:"last calendar month: one that is over"`
	Step       string           `json:"step" doc:"of methods that look at change: month, quarter or year"`
	Weights    *weights.Spec    `json:"weights,omitempty" doc:"who is whose neighbour"`
	Inference  string           `json:"inference" doc:"auto, exact, permutation or normal"`
	Draw       string           `json:"draw" doc:"what chance is in the p of hot spots: total, the unit's own value is drawn with its neighbours'; conditional, it is held"`
	Replicates int              `json:"replicates" doc:"of Monte Carlo tests; 0: as many as the correction needs"`
	Seed       uint64           `json:"seed" maximum:"9007199254740991"`
	Alpha      float64          `json:"alpha" doc:"level of significance, 0…0.5"`
	Correct    bool             `json:"correct" doc:"for the false discovery rate (Benjamini and Hochberg 1995)"`
	Smoothing  string           `json:"smoothing" doc:"of rates: none, global or local (empirical Bayes)"`
	Kernel     Kernel           `json:"kernel"`
	Scan       Scan             `json:"scan"`
	Pairs      Pairs            `json:"pairs"`
	Composite  Composite        `json:"composite"`
	Areas      []float64        `json:"areas" doc:"shares of the area at which a forecast is judged"`
}

// Composite is how the composite index is made.
type Composite struct {
	Weights    map[string]float64 `json:"weights" doc:"by factor, scaled to sum to 1; empty for those in force"`
	Judgements [][]float64        `json:"judgements" doc:"pairwise comparisons of the factors in their order (AHP), instead of weights; empty for none"`
	Normalise  string             `json:"normalise" doc:"index as on the map, z-score, min-max, percentile-rank or raw"`
	Missing    string             `json:"missing" doc:"of a unit that lacks a factor: renormalise its other weights, or null"`
	Species    grids.FindingKind  `json:"species" doc:"whose plots the residual risk is of: opium_poppy, cannabis or ephedra"`
}

// Kernel is how density is smoothed.
type Kernel struct {
	Shape      string  `json:"shape" doc:"gaussian or quartic"`
	Bandwidth  string  `json:"bandwidth" doc:"fixed, scott, arcgis, lscv or likelihood"`
	BandwidthM float64 `json:"bandwidth_m" doc:"of a fixed one, metres: standard deviation of the Gaussian, radius of the quartic"`
	Edge       string  `json:"edge" doc:"none, uniform or diggle"`
	CellM      float64 `json:"cell_m" doc:"side of the cells of the surface, metres"`
}

// Scan is how clusters are sought.
type Scan struct {
	Time        string  `json:"time" doc:"space, retrospective, prospective or permutation"`
	MaxShare    float64 `json:"max_share" doc:"of what is expected in a circle at most"`
	MaxRadiusM  float64 `json:"max_radius_m" doc:"0 for none"`
	MaxDuration float64 `json:"max_duration" doc:"share of the periods that a cluster lasts at most"`
	Low         bool    `json:"low" doc:"where there is too little rather than too much"`
}

// Pairs is the bands of near repeats.
type Pairs struct {
	DistancesM []float64 `json:"distances_m" doc:"where the bands of distance end, metres, ascending"`
	Days       []float64 `json:"days" doc:"where the bands of time end, days, ascending"`
}

// Defaults is the usual request of a method: three years of findings, or of casework, on grids.
func Defaults() Request {
	return Request{
		Indicator: "casework", Level: "grids", Kinds: []grids.CaseKind{}, Casework: "auto", Step: "year", Inference: "auto", Draw: drawTotal, Seed: 310151, Alpha: .05, Correct: true, Smoothing: "local",
		Kernel:    Kernel{Shape: "gaussian", Bandwidth: "arcgis", BandwidthM: 2000, Edge: "uniform", CellM: 250},
		Scan:      Scan{Time: "space", MaxShare: .25, MaxDuration: .5},
		Pairs:     Pairs{DistancesM: []float64{250, 500, 1000, 2000}, Days: []float64{7, 14, 30, 60}},
		Areas:     []float64{.01, .05, .1, .2},
		Composite: Composite{Weights: map[string]float64{}, Judgements: [][]float64{}, Normalise: inForce, Missing: string(risk.Renormalise), Species: grids.OpiumPoppy},
	}
}

// Parse reads a request from JSON, with the values of [Defaults] for what it leaves out, and checks it. The error is Invalid.
func Parse(text []byte) (Request, error) {
	r := Defaults()
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil {
		return r, grids.Errorf(grids.Invalid, "the request cannot be read: %w", err)
	}
	return r, r.Check()
}

// The limits of a request.
const (
	maxReplicates = 99_999
	maxSeed       = 1<<53 - 1 // what JSON carries exactly
	maxBands      = 8
	maxAreas      = 20
	maxMonths     = 12 * 30
)

// Check refuses what cannot be computed, before anything is read. The error is Invalid and names the field.
func (r Request) Check() error {
	for _, f := range []struct {
		name, value string
		list        []string
	}{
		{"method", r.Method, methodNames()}, {"indicator", r.Indicator, indicatorNames()}, {"level", r.Level, []string{"grids", "villages", "towns", "cells"}},
		{"casework", r.Casework, []string{"auto", located, shared}}, {"step", r.Step, []string{"month", "quarter", "year"}}, {"inference", r.Inference, []string{"auto", "exact", "permutation", "normal"}}, {"draw", r.Draw, []string{drawTotal, drawConditional}},
		{"smoothing", r.Smoothing, []string{"none", "global", "local"}}, {"kernel.shape", r.Kernel.Shape, []string{"gaussian", "quartic"}},
		{"kernel.bandwidth", r.Kernel.Bandwidth, []string{"fixed", "scott", "arcgis", "lscv", "likelihood"}}, {"kernel.edge", r.Kernel.Edge, []string{"none", "uniform", "diggle"}},
		{"composite.normalise", r.Composite.Normalise, []string{inForce, string(risk.ZScore), string(risk.MinMax), string(risk.PercentileRank), string(risk.Raw)}},
		{"composite.missing", r.Composite.Missing, []string{string(risk.Renormalise), string(risk.NullValue)}}, {"scan.time", r.Scan.Time, []string{"space", "retrospective", "prospective", "permutation"}},
	} {
		if !slices.Contains(f.list, f.value) {
			return grids.Errorf(grids.Invalid, "%s %.40q is not known; use one of %v", f.name, f.value, f.list)
		}
	}
	for _, f := range []struct {
		name               string
		value, least, most float64
	}{
		{"replicates", float64(r.Replicates), 0, maxReplicates}, {"seed", float64(r.Seed), 0, maxSeed}, {"alpha", r.Alpha, 1e-6, .5},
		{"kernel.bandwidth_m", r.Kernel.BandwidthM, 50, 20_000}, {"kernel.cell_m", r.Kernel.CellM, 50, 5_000}, {"scan.max_share", r.Scan.MaxShare, .001, .5},
		{"scan.max_radius_m", r.Scan.MaxRadiusM, 0, 100_000}, {"scan.max_duration", r.Scan.MaxDuration, .01, .9},
	} {
		if !(f.value >= f.least && f.value <= f.most) {
			return grids.Errorf(grids.Invalid, "%s is %v, and must be %v to %v", f.name, f.value, f.least, f.most)
		}
	}
	if r.Edition != "" {
		if _, err := grids.ParseID(r.Edition); err != nil {
			return grids.Errorf(grids.Invalid, "edition: %w", err)
		}
		if r.Level != "grids" {
			return grids.Errorf(grids.Invalid, "edition: an edition is of grids, and the level is %s; ask for the level grids, or leave the edition out", r.Level)
		}
	}
	for _, k := range r.Kinds {
		if k.Number() == 0 {
			return grids.Errorf(grids.Invalid, "the kind of casework %.40q is not known; use some of %v", k, grids.CaseKinds)
		}
	}
	if r.Weights != nil {
		if err := r.Weights.Check(); err != nil {
			return err
		}
	}
	if err := r.Composite.check(); err != nil {
		return err
	}
	if err := ascending("areas", r.Areas, maxAreas, 1); err != nil {
		return err
	}
	if err := ascending("pairs.distances_m", r.Pairs.DistancesM, maxBands, 1e5); err != nil {
		return err
	}
	if err := ascending("pairs.days", r.Pairs.Days, maxBands, 3660); err != nil {
		return err
	}
	_, err := r.parsePeriod()
	return err
}

// check refuses a species without a season and weights that are none. The error is Invalid.
func (c Composite) check() error {
	if list := risk.DefaultPhenology().Species(); !slices.Contains(list, c.Species) {
		return grids.Errorf(grids.Invalid, "composite.species %.40q has no season in the phenology table; use one of %v", c.Species, list)
	}
	sum := 0.0
	for f, w := range c.Weights {
		if !slices.Contains(risk.Factors[:], risk.Factor(f)) {
			return grids.Errorf(grids.Invalid, "composite.weights: the factor %.40q is not known; use some of %v", f, risk.Factors)
		}
		if !(w >= 0 && w <= 1000) {
			return grids.Errorf(grids.Invalid, "composite.weights: %s has the weight %v; give 0 to 1000", f, w)
		}
		sum += w
	}
	if len(c.Weights) > 0 && sum == 0 {
		return grids.Errorf(grids.Invalid, "composite.weights are all 0: give one factor a weight at least")
	}
	return nil
}

// ascending refuses a list of ends that is empty, too long, out of range or out of order.
func ascending(name string, list []float64, most int, last float64) error {
	if len(list) == 0 || len(list) > most {
		return grids.Errorf(grids.Invalid, "%s has %d numbers; give 1 to %d", name, len(list), most)
	}
	for i, v := range list {
		if !(v > 0 && v <= last) || i > 0 && v <= list[i-1] || math.IsNaN(v) {
			return grids.Errorf(grids.Invalid, "%s: number %d is %v; numbers must ascend, above 0 and up to %v", name, i+1, v, last)
		}
	}
	return nil
}

func (r Request) parsePeriod() (p grids.Period, err error) {
	if p.From, err = grids.ParseMonth(r.From); err != nil {
		return p, grids.Errorf(grids.Invalid, "from: %.20q is no calendar month; write it as 2023-01", r.From)
	}
	if p.To, err = grids.ParseMonth(r.To); err != nil {
		return p, grids.Errorf(grids.Invalid, "to: %.20q is no calendar month; write it as 2025-12", r.To)
	}
	if p.To < p.From || p.To-p.From >= maxMonths {
		return p, grids.Errorf(grids.Invalid, "the period %s to %s does not work: it must go forward, over at most %d years", r.From, r.To, maxMonths/12)
	}
	return p, nil
}

// period is the months that were asked for; a request that was checked has them.
func (r Request) period() grids.Period {
	p, _ := r.parsePeriod()
	return p
}

// steps divides the period into whole steps of the calendar. A step that does not lie wholly in it is left out: its figures would be too low.
func (r Request) steps() (list []grids.Period) {
	n := map[string]grids.Month{"month": 1, "quarter": 3, "year": 12}[r.Step]
	p := r.period()
	for from := (p.From + n - 1) / n * n; from+n-1 <= p.To; from += n {
		list = append(list, grids.Period{From: from, To: from + n - 1})
	}
	return list
}

// Subject is what the request looks at.
func (r Request) Subject() grids.Subject {
	if r.Indicator == "casework" {
		return grids.OnCasework
	}
	return grids.OnFindings
}
