package risk

import (
	"math"

	"gonum.org/v1/gonum/mathext"

	"wangge/grids"
	"wangge/grids/risk/stat"
)

// Share is a share from 0 to 1 that is known only so far: the best guess and the range that holds it. Low ≤ Best ≤ High.
type Share struct {
	Low  float64 `json:"low"`
	Best float64 `json:"best"`
	High float64 `json:"high"`
}

// Exactly is a share without a range.
func Exactly(p float64) Share { return Share{p, p, p} }

// ok reports whether the share is in order.
func (s Share) ok() bool { return s.Low >= 0 && s.Low <= s.Best && s.Best <= s.High && s.High <= 1 }

// Look is one look over a unit: a flight, a patrol, a leg of a survey.
type Look struct {
	Coverage      float64 // share of the unit that was looked at, 0…1
	Detectability Share   // of a plot within sight and fully grown, by method
	Growth        float64 // how far the season lets it be seen, 0…1, see [Phenology]
}

// Search is what was done in a unit, and led to no finding.
type Search struct {
	Key   string
	Prior Share  // probability that a plot is in the unit, before any look
	Looks []Look // in order of time
}

// LookPart is what one look adds.
type LookPart struct {
	Detection float64 `json:"detection"` // c·d·g: probability that this look alone would have found a plot in the unit
	Residual  float64 `json:"residual"`  // probability that a plot is there, after this look and those before
	Drop      float64 `json:"drop"`      // by how much this look lowered it
}

// NotLooked is the reason of a residual that is the prior: nobody looked, or no look could have found anything.
const NotLooked = "not-looked"

// Residual is the probability that a plot is in a unit although none was found.
type Residual struct {
	Key       string     `json:"key"`
	Prior     Share      `json:"prior"`
	Detection Share      `json:"detection"`        // D: that a plot in the unit would have been found by one look at least
	Value     stat.Value `json:"value"`            // by the best guesses
	Low       stat.Value `json:"low"`              // by the lowest prior and the highest detectabilities
	High      stat.Value `json:"high"`             // by the highest prior and the lowest detectabilities
	Reason    string     `json:"reason,omitempty"` // "not-looked", or ""
	Parts     []LookPart `json:"parts"`            // one a look, by the best guesses; prior − Σ drop is the value
}

// Residuals is the residual risk of all units.
type Residuals struct {
	Meta  stat.Meta  `json:"meta"` // Used counts units that were looked at
	Units []Residual `json:"units"`
}

// ResidualRisk says how far the absence of findings can be trusted: only as far as the place was looked at. A plot somewhere in the unit, each
// place as likely, is found by look j with the probability cⱼ·dⱼ·gⱼ, by the looks independently of each other (random search: Koopman 1980,
// Search and Screening, ch. 3; Stone 1975), and Bayes' rule turns the prior π of a plot into what is left without a finding:
//
//	D = 1 − Π(1 − cⱼ·dⱼ·gⱼ)
//	residual = π(1 − D)/(1 − π·D)
//
// A unit that nobody looked at keeps its prior and says so: no looks is not no plots. Low and High are the values at the ends of the ranges of
// π and dⱼ, all at their worst or best together; they are limits, not a confidence interval. The looks are taken as independent: where the same
// trees hide the same plot from every flight the residual is larger than told. For a unit with a finding none of this is needed.
//
// A residual has no figure (NotANumber) when the prior is 1 and a look could not have missed: the two contradict each other. The error is
// Invalid and names the unit and the look: a share outside 0 to 1 or a range out of order.
func ResidualRisk(searches []Search) (*Residuals, error) {
	for i, s := range searches {
		if err := s.check(i); err != nil {
			return nil, err
		}
	}
	out := &Residuals{Units: make([]Residual, len(searches))}
	out.Meta = stat.Meta{Method: "residual-risk", Version: "1", Source: "Koopman 1980 ch. 3; Stone 1975; Bayes",
		Params: map[string]any{"looks": "independent", "interval": "ends of the ranges of prior and detectability"}}
	for i, s := range searches {
		out.Units[i] = s.residual()
		if out.Units[i].Reason != NotLooked {
			out.Meta.Used++
		}
	}
	return out, nil
}

// check reports what is wrong with a search. The error is Invalid.
func (s Search) check(at int) error {
	if !s.Prior.ok() {
		return grids.Errorf(grids.Invalid, "unit %d (%.40s): the prior %v to %v to %v is not in order within 0 to 1",
			at, s.Key, s.Prior.Low, s.Prior.Best, s.Prior.High)
	}
	for j, l := range s.Looks {
		switch d := l.Detectability; {
		case !(l.Coverage >= 0 && l.Coverage <= 1):
			return grids.Errorf(grids.Invalid, "unit %d (%.40s), look %d: coverage %v is outside 0 to 1", at, s.Key, j, l.Coverage)
		case !(l.Growth >= 0 && l.Growth <= 1):
			return grids.Errorf(grids.Invalid, "unit %d (%.40s), look %d: the growth factor %v is outside 0 to 1", at, s.Key, j, l.Growth)
		case !d.ok():
			return grids.Errorf(grids.Invalid, "unit %d (%.40s), look %d: the detectability %v to %v to %v is not in order within 0 to 1",
				at, s.Key, j, d.Low, d.Best, d.High)
		}
	}
	return nil
}

// residual computes one unit.
func (s Search) residual() Residual {
	r := Residual{Key: s.Key, Prior: s.Prior, Parts: make([]LookPart, len(s.Looks))}
	missed := Exactly(1) // probability that a plot was missed by all looks: Low by the lowest detectabilities
	before := s.Prior.Best
	for j, l := range s.Looks {
		seen := l.Coverage * l.Growth
		missed.Low *= 1 - seen*l.Detectability.Low
		missed.Best *= 1 - seen*l.Detectability.Best
		missed.High *= 1 - seen*l.Detectability.High
		after := posterior(s.Prior.Best, missed.Best).Or(before)
		r.Parts[j] = LookPart{Detection: seen * l.Detectability.Best, Residual: after, Drop: before - after}
		before = after
	}
	r.Detection = Share{1 - missed.Low, 1 - missed.Best, 1 - missed.High}
	r.Value = posterior(s.Prior.Best, missed.Best)
	r.Low, r.High = posterior(s.Prior.Low, missed.High), posterior(s.Prior.High, missed.Low)
	if missed.High == 1 {
		r.Reason = NotLooked
	}
	return r
}

// posterior is π·m/(1 − π + π·m), with m the probability that a plot was missed: the same as π(1 − D)/(1 − π·D), without cancelling.
func posterior(prior, missed float64) stat.Value {
	if prior == 1 && missed == 0 {
		return stat.None(stat.NotANumber)
	}
	return stat.Of(prior * missed / (1 - prior + prior*missed))
}

// PriorOf is a prior from experience: of so many units examined closely so many were occupied. The best guess is the mean of Beta(occupied + ½,
// examined − occupied + ½), the range its equal-tailed interval at the level, such as .95 (Jeffreys; Brown, Cai & DasGupta 2001, eq. 9). The
// error is Invalid.
func PriorOf(occupied, examined int, level float64) (Share, error) {
	switch {
	case occupied < 0 || examined < occupied:
		return Share{}, grids.Errorf(grids.Invalid, "%d occupied units of %d examined: there cannot be more of them than were examined, nor fewer than none",
			occupied, examined)
	case !(level > 0 && level < 1):
		return Share{}, grids.Errorf(grids.Invalid, "the level %v is outside 0 to 1: take .95", level)
	}
	a, b := float64(occupied)+.5, float64(examined-occupied)+.5
	s := Share{mathext.InvRegIncBeta(a, b, (1-level)/2), a / (a + b), mathext.InvRegIncBeta(a, b, (1+level)/2)}
	if math.IsNaN(s.Low) || math.IsNaN(s.High) {
		return Share{}, grids.Errorf(grids.Invalid, "no range at the level %v can be told for %d of %d units: take .95", level, occupied, examined)
	}
	s.Low, s.High = min(s.Low, s.Best), max(s.High, s.Best) // a narrow interval of a skew distribution need not hold its mean
	return s, nil
}
