// Package predict measures whether a forecast of where events will be is any good: hit rate, prediction accuracy index (PAI), prediction
// efficiency index (PEI), recapture rate index (RRI) and search efficiency rate (SER) on periods that the forecast has not seen, beside
// plain forecasts that cost nothing. It can say that a forecast loses to last month's map.
//
// Units are numbered from 0; counts are whole events, up to 10⁹ a unit and period; areas are in m², from 10⁻⁶ to 10¹⁵. Units are searched in
// descending order of score, equal scores in ascending order of their number. An area share takes whole units as long as they fit, and of the
// unit that does not the part that does, with the same part of its events.
//
// Everything here is pure and safe for concurrent use; arguments are never changed.
package predict

import (
	"math"
	"slices"

	"wangge/grids"
	"wangge/grids/risk/stat"
)

// The bounds of what is taken.
const (
	mostCount = 1_000_000_000
	leastArea = 1e-6
	mostArea  = 1e15
	mostScore = 1e300
)

// Accuracy is how many events were where a forecast had them, at one size of the area searched. The counts are the numerators and
// denominators of the measures; over several hold-out windows they are sums, so that measures are never averaged.
type Accuracy struct {
	Share  float64 // of the area, as asked for; of so many units, as it came out
	Units  int     // searched as a whole, in all windows together; 0 of a forecast without order
	Part   float64 // of further units, in all windows together
	AreaM2 float64 // searched

	TotalAreaM2 float64
	Hits        float64 // events in the area searched
	Events      int     // in all units
	BestHits    float64 // events in the best area of the same size
	TrainHits   float64 // events of the training periods in the area searched
	TrainEvents int     // events of the training periods

	HitRate   stat.Value // n/N
	Lower     stat.Value // of the interval of the hit rate
	Upper     stat.Value
	PAI       stat.Value // (n/N)/(a/A), Chainey, Tompson & Uhlig 2008; 1 is chance
	PEI       stat.Value // n/n*, n* of the best area of the same size, Hunt 2016
	BestPAI   stat.Value // (n*/N)/(a/A)
	RRI       stat.Value // (n₂/n₁)/(N₂/N₁) of test and training, Levine 2008; TooFew without training events in the area
	SERPerKm2 stat.Value // n per km² searched and window
}

// Point is one point of a curve.
type Point struct {
	AreaShare  float64 // cumulative, 0…1
	EventShare float64 // cumulative, 0…1
}

// add sums the counts of another window.
func (a *Accuracy) add(b Accuracy) {
	a.Units, a.Part = a.Units+b.Units, a.Part+b.Part
	a.AreaM2, a.TotalAreaM2 = a.AreaM2+b.AreaM2, a.TotalAreaM2+b.TotalAreaM2
	a.Hits, a.Events, a.BestHits = a.Hits+b.Hits, a.Events+b.Events, a.BestHits+b.BestHits
	a.TrainHits, a.TrainEvents = a.TrainHits+b.TrainHits, a.TrainEvents+b.TrainEvents
}

// measure computes the measures from the counts, with the interval of Wilson (1927) at the level.
func (a *Accuracy) measure(level float64) {
	n := float64(a.Events)
	a.HitRate = over(a.Hits, n)
	lower, upper := wilson(a.Hits, n, level)
	a.Lower, a.Upper = stat.Of(lower), stat.Of(upper)
	a.PAI = over(a.Hits*a.TotalAreaM2, n*a.AreaM2)
	a.BestPAI = over(a.BestHits*a.TotalAreaM2, n*a.AreaM2)
	a.PEI = over(a.Hits, a.BestHits)
	a.RRI = over(a.Hits*float64(a.TrainEvents), a.TrainHits*n)
	a.SERPerKm2 = over(a.Hits, a.AreaM2/1e6)
}

// over is a/b; TooFew when b is 0.
func over(a, b float64) stat.Value {
	if b == 0 {
		return stat.None(stat.TooFew)
	}
	return stat.Of(a / b)
}

// HoldOut is one hold-out: what was seen before a forecast and what came after it, by unit.
type HoldOut struct {
	Train  []int // events before; nil when not known: there is no RRI then
	Test   []int // events after
	AreaM2 []float64
}

// EvaluateOptions is at what sizes of the area a forecast is measured.
type EvaluateOptions struct {
	Units     []int     // so many units of the highest score
	Shares    []float64 // of the area, above 0 and up to 1; nil without Units is 1, 5, 10 and 20 %
	PerArea   bool      // order by score per m²: for scores that are totals of units of unequal area
	MinEvents int       // fewest test events, at least 1; 0 is 20
	Level     float64   // of the intervals; 0 is 0.95
}

// Evaluation is the accuracy of one forecast in one hold-out.
type Evaluation struct {
	Meta   stat.Meta
	Events int        // test events
	At     []Accuracy // at Units, then at Shares, in the order given
	Curve  []Point    // from 0, 0 to 1, 1, a point a unit in the order they are searched
	AUC    stat.Value // area under the curve; a random order has 0.5
}

// Evaluate measures one forecast, a score for each unit. The error is Invalid: bad input, or fewer test events than the minimum.
func Evaluate(score []float64, h HoldOut, o EvaluateOptions) (*Evaluation, error) {
	if o.Shares == nil && o.Units == nil {
		o.Shares = defaultShares()
	}
	o.MinEvents, o.Level = orDefault(o.MinEvents, 20), orDefault(o.Level, .95)
	if err := checkEvaluation(score, h, o); err != nil {
		return nil, err
	}
	events := sum(h.Test)
	if events < o.MinEvents {
		return nil, grids.Errorf(grids.Invalid, "%d test events: at least %d are needed; wait, or hold out a longer period", events, o.MinEvents)
	}
	train := h.Train
	if train == nil {
		train = make([]int, len(score))
	}
	best := newSearch(density(h.Test, h.AreaM2), h.AreaM2, h.Test, train)
	s := newSearch(scoreOf(score, h.AreaM2, o.PerArea), h.AreaM2, h.Test, train)
	out := &Evaluation{Events: events, Curve: s.curve(), AUC: stat.Of(s.under() / float64(events))}
	for _, k := range o.Units {
		out.At = append(out.At, s.accuracy(s.units(k), best))
	}
	for _, share := range o.Shares {
		a := s.accuracy(s.share(share), best)
		a.Share = share
		out.At = append(out.At, a)
	}
	for i := range out.At {
		out.At[i].measure(o.Level)
	}
	out.Meta = stat.Meta{
		Method: "forecast-accuracy", Version: "1", Source: source, Used: events,
		Params: map[string]any{
			"units": slices.Clone(o.Units), "shares": slices.Clone(o.Shares), "per_area": o.PerArea, "min_events": o.MinEvents, "level": o.Level, "last_unit": "part",
		},
	}
	return out, nil
}

// source is where the measures come from.
const source = "Chainey, Tompson & Uhlig 2008 (PAI); Hunt 2016 (PEI); Levine 2008 (RRI); Wilson 1927"

// defaultShares is 1, 5, 10 and 20 % of the area.
func defaultShares() []float64 { return []float64{.01, .05, .1, .2} }

// checkEvaluation reports what is wrong with the input of Evaluate. The error is Invalid.
func checkEvaluation(score []float64, h HoldOut, o EvaluateOptions) error {
	n := len(h.AreaM2)
	if err := checkAreas(h.AreaM2); err != nil {
		return err
	}
	if err := checkScore("the forecast", score, n); err != nil {
		return err
	}
	if err := checkCounts("test", h.Test, n); err != nil {
		return err
	}
	if h.Train != nil {
		if err := checkCounts("training", h.Train, n); err != nil {
			return err
		}
	}
	for _, k := range o.Units {
		if k < 1 || k > n {
			return grids.Errorf(grids.Invalid, "the first %d of %d units: give a number from 1 to %d", k, n, n)
		}
	}
	if err := checkShares(o.Shares); err != nil {
		return err
	}
	return checkLimits(o.MinEvents, o.Level)
}

// checkAreas reports areas that no unit has. The error is Invalid.
func checkAreas(areaM2 []float64) error {
	if len(areaM2) < 2 {
		return grids.Errorf(grids.Invalid, "%d units: where events will be is a question from 2 units on", len(areaM2))
	}
	for i, a := range areaM2 {
		if !(a >= leastArea && a <= mostArea) {
			return grids.Errorf(grids.Invalid, "the area of unit %d is %v m²: give one from %v to %v", i, a, float64(leastArea), float64(mostArea))
		}
	}
	return nil
}

// checkCounts reports counts that are none. The error is Invalid.
func checkCounts(name string, counts []int, n int) error {
	if len(counts) != n {
		return grids.Errorf(grids.Invalid, "%s counts of %d units for %d areas: give one of each for every unit", name, len(counts), n)
	}
	for i, c := range counts {
		if c < 0 || c > mostCount {
			return grids.Errorf(grids.Invalid, "the %s count of unit %d is %d: give a number from 0 to %d", name, i, c, mostCount)
		}
	}
	return nil
}

// checkScore reports scores that cannot be put in order. The error is Invalid.
func checkScore(name string, score []float64, n int) error {
	if len(score) != n {
		return grids.Errorf(grids.Invalid, "%s has scores of %d units for %d: give one for every unit", name, len(score), n)
	}
	for i, s := range score {
		if !(math.Abs(s) <= mostScore) {
			return grids.Errorf(grids.Invalid, "%s has the score %v in unit %d: give a number, the lowest of all to units without a score", name, s, i)
		}
	}
	return nil
}

// checkShares reports shares that no area has. The error is Invalid.
func checkShares(shares []float64) error {
	for _, s := range shares {
		if !(s >= 1e-9 && s <= 1) {
			return grids.Errorf(grids.Invalid, "an area share of %v: give one above 0 and up to 1, such as 0.05", s)
		}
	}
	return nil
}

// checkLimits reports a minimum or a level that is none. The error is Invalid.
func checkLimits(minEvents int, level float64) error {
	if minEvents < 1 {
		return grids.Errorf(grids.Invalid, "a minimum of %d test events: give at least 1", minEvents)
	}
	if !(level > 0 && 1-level >= 1e-12) {
		return grids.Errorf(grids.Invalid, "a level of %v: give one above 0 and below 1, such as 0.95", level)
	}
	return nil
}

// orDefault is x, or the default when x is 0.
func orDefault[T int | float64](x, byDefault T) T {
	if x == 0 {
		return byDefault
	}
	return x
}

// sum is the sum of counts.
func sum(counts []int) int {
	total := 0
	for _, c := range counts {
		total += c
	}
	return total
}
