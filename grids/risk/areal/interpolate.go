package areal

import (
	"math"

	"wangge/grids"
	"wangge/grids/risk/stat"
)

// Missing is what becomes of targets in which a source has no figure.
type Missing string

// The policies.
const (
	Null  Missing = "null"  // such a target has no figure either
	Known Missing = "known" // its figure is made of the sources that have one; see the shares beside it
)

// Mark says how a target's figure came about.
type Mark string

// The marks.
const (
	Exact        Mark = "exact"        // every source in the target lies in it whole, and has a figure
	Interpolated Mark = "interpolated" // a source was cut, or has no figure
)

// whole is how far from 1 the share of a source may be that lies in a target whole, and from 0 that of one that does not reach into it.
const whole = 1e-9

// Estimate is the figure of one target.
type Estimate struct {
	Value        stat.Value  `json:"value"`             // Missing: no source reaches here, or none with a figure, or the policy is Null
	Reason       stat.Reason `json:"reason,omitempty"`  // that of Value
	Mark         Mark        `json:"mark"`              // "" without a figure
	CoveredShare float64     `json:"covered_share"`     // of the target's area, that in sources; above 1 where sources overlap
	KnownShare   float64     `json:"known_share"`       // of that, the part in sources with a figure; 0 without any
	Sources      int         `json:"sources,omitempty"` // how many reach here
}

// Estimates is a series on the targets. Of counts, Sources = Targets + Uncovered + Withheld to the last digits.
type Estimates struct {
	Values    []Estimate `json:"values"`
	Sources   stat.Value `json:"sources"`   // the sum of the known figures of the sources
	Targets   stat.Value `json:"targets"`   // the sum of the figures of the targets
	Uncovered stat.Value `json:"uncovered"` // what of the sources lies in no target
	Withheld  stat.Value `json:"withheld"`  // what of the sources lies in targets that have no figure
	Meta      stat.Meta  `json:"meta"`
}

// Extensive shares out counts: the figure of target t is Σ_s V_s·|s∩t|/|s| (Goodchild & Lam 1980). The values are one for each source; the
// error is Invalid when they are not, when the crosswalk is broken, or the policy not known.
func (c *Crosswalk) Extensive(values []stat.Value, missing Missing) (*Estimates, error) {
	e, known, err := c.begin(values, missing, "areal-extensive")
	if err != nil {
		return nil, err
	}
	sums := make([]float64, len(e.Values))
	for _, s := range c.Shares {
		sums[s.Target] += known[s.Source] * s.Share
	}
	var all, told, uncovered, withheld float64
	for i, v := range known {
		all += v
		uncovered += v * c.Uncovered[i]
	}
	for t := range e.Values {
		e.Values[t].say(sums[t], missing)
		if n, ok := e.Values[t].Value.Known(); ok {
			told += n
		} else {
			withheld += sums[t]
		}
	}
	e.Sources, e.Targets, e.Uncovered, e.Withheld = stat.Of(all), stat.Of(told), stat.Of(uncovered), stat.Of(withheld)
	return e, nil
}

// Intensive averages rates, shares or densities: the figure of target t is Σ_s V_s·|s∩t| / Σ_s |s∩t| (Goodchild & Lam 1980). The four sums of
// the result are without a figure, as rates have none. The error is that of [Crosswalk.Extensive].
func (c *Crosswalk) Intensive(values []stat.Value, missing Missing) (*Estimates, error) {
	e, known, err := c.begin(values, missing, "areal-intensive")
	if err != nil {
		return nil, err
	}
	means, areas := make([]float64, len(e.Values)), make([]float64, len(e.Values))
	for _, s := range c.Shares {
		if _, ok := values[s.Source].Known(); ok { // the mean so far moves towards the value: nothing can overflow that is not larger than all
			areas[s.Target] += s.AreaM2
			part := s.AreaM2 / areas[s.Target]
			means[s.Target] = means[s.Target]*(1-part) + known[s.Source]*part
		}
	}
	for t := range e.Values {
		e.Values[t].say(means[t], missing)
	}
	none := stat.None(stat.Missing)
	e.Sources, e.Targets, e.Uncovered, e.Withheld = none, none, none, none
	return e, nil
}

// begin checks the input and makes estimates with all but their figures; known is the values, 0 where there is none.
func (c *Crosswalk) begin(values []stat.Value, missing Missing, method string) (e *Estimates, known []float64, err error) {
	if err := c.Check(); err != nil {
		return nil, nil, err
	}
	if missing != Null && missing != Known {
		return nil, nil, grids.Errorf(grids.Invalid, "the policy for missing values %.20q is not known: null or known", missing)
	}
	if len(values) != len(c.SourceAreaM2) {
		return nil, nil, grids.Errorf(grids.Invalid, "there are %d values for %d sources: give one each, with a reason where there is none",
			len(values), len(c.SourceAreaM2))
	}
	e = &Estimates{Values: make([]Estimate, len(c.TargetAreaM2)), Meta: c.meta(method, values, missing)}
	known = make([]float64, len(values))
	for i, v := range values {
		known[i] = v.Or(0)
	}
	for t := range e.Values {
		e.Values[t].Mark = Exact
	}
	for _, s := range c.Shares {
		v, share := &e.Values[s.Target], s.AreaM2/c.TargetAreaM2[s.Target]
		v.CoveredShare += share
		v.Sources++
		_, ok := values[s.Source].Known()
		if ok {
			v.KnownShare += share
		}
		if s.Share > whole && (s.Share < 1-whole || !ok) {
			v.Mark = Interpolated
		}
	}
	return e, known, nil
}

// meta is how a series came about.
func (c *Crosswalk) meta(method string, values []stat.Value, missing Missing) stat.Meta {
	m := stat.Meta{
		Method: method, Version: "1", Source: "Goodchild & Lam 1980",
		Params: map[string]any{"crosswalk": c.Hash(), "missing": string(missing), "whole": whole},
	}
	for i, v := range values {
		switch why := v.Reason(); {
		case why != "":
			if m.Dropped == nil {
				m.Dropped = map[stat.Reason]int{}
			}
			m.Dropped[why]++
		case math.Abs(c.Uncovered[i]-1) > whole:
			m.Used++
		}
	}
	return m
}

// say gives an estimate its figure, or says that there is none. Before, KnownShare is of the target's area.
func (e *Estimate) say(n float64, missing Missing) {
	covered, known := e.CoveredShare, e.KnownShare
	e.KnownShare = 0
	if covered > 0 {
		e.KnownShare = min(known/covered, 1)
	}
	e.Value = stat.Of(n)
	if known == 0 || missing == Null && known < covered {
		e.Value = stat.None(stat.Missing)
	}
	if e.Reason = e.Value.Reason(); e.Reason != "" {
		e.Mark = ""
	}
}
