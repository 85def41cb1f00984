package risk

import (
	"math"
	"slices"

	"wangge/grids/disclosure"
)

// Rank scores the units against each other, in the order given. k is the smallest count that the units' cases were
// disclosed at. With weights that do not pass Check every score is NoData.
//
// The score is 100 · Σ wᵢ·fᵢ over the factors that are known, their weights scaled to sum to 1 (a weighted additive index,
// OECD & JRC 2008, Handbook on Constructing Composite Indicators, §6). With d a count per km² and D the percentile of all
// positive d of that factor, but at least the factor's floor:
//
//	casework, findings:  f = min(1, d / D)
//	status:              f = 1 − certified share
//	survey:              f = 1 − completion
//
// A suppressed number of cases enters as the middle of its band 1…k−1, which is k/2. Contributions are rounded to 1/1024 of
// a point, so that they sum without rounding.
func Rank(units []Unit, w Weights, k int) []Score {
	scores := make([]Score, len(units))
	for i, u := range units {
		scores[i] = Score{Key: u.Key, Value: disclosure.NoData(), Parts: make([]Part, len(Factors))}
	}
	if w.Check() != nil {
		w = Weights{}
	}
	for at, f := range Factors {
		levels := make([]float64, len(units))
		for i, u := range units {
			levels[i], scores[i].Parts[at] = measure(u, f, k)
		}
		full := fullLevel(f, levels, w)
		for i := range scores {
			if p := &scores[i].Parts[at]; !p.Missing {
				p.Normalised = min(1, levels[i]/full)
			}
		}
	}
	for i := range scores {
		scores[i].Value = weigh(scores[i].Parts, w)
	}
	return scores
}

// measure reads one factor of a unit: its level (per km², or a share; more is riskier; 0 when missing) and the part
// that shows it.
func measure(u Unit, f Factor, k int) (level float64, p Part) {
	switch f {
	case Casework:
		level, p = density(u.Cases, u.AreaM2, k)
	case FindingsOpen:
		level, p = density(disclosure.Number(u.FindingsOpen), u.AreaM2, k)
	case FindingsConfirmed:
		level, p = density(disclosure.Number(u.FindingsConfirmed), u.AreaM2, k)
	case Status:
		level, p = lack(u.CertifiedShare)
	case Survey:
		level, p = lack(u.Survey)
	}
	p.Factor = f
	return level, p
}

// density is the level and the part of a count in an area.
func density(count disclosure.Value, areaM2 float64, k int) (float64, Part) {
	n, known := count.Known()
	reason := ""
	if count.State == disclosure.IsSuppressed && k >= 2 {
		n, known, reason = float64(k)/2, true, SuppressedMidpoint
	}
	level := n / (areaM2 / 1e6)
	switch {
	case !known:
		return 0, unknown(count, perKm2)
	case !(areaM2 > 0):
		return 0, missing(disclosure.NoData(), perKm2, NoArea)
	case !(level >= 0 && level <= math.MaxFloat64):
		return 0, missing(disclosure.NoData(), perKm2, NotANumber)
	case reason != "":
		return level, Part{Raw: count, Unit: perKm2, Reason: reason}
	}
	return level, Part{Raw: disclosure.Number(level), Unit: perKm2}
}

// lack is the level and the part of what is lacking of a share that lowers the risk.
func lack(of disclosure.Value) (float64, Part) {
	n, known := of.Known()
	switch {
	case !known:
		return 0, unknown(of, share)
	case !(n >= 0 && n <= 1):
		return 0, missing(disclosure.NoData(), share, NotANumber)
	}
	return 1 - n, Part{Raw: disclosure.Number(math.Round((1-n)*1e9) / 1e9), Unit: share} // what is lacking, as the factor's title says
}

// missing is the part of a factor that is not known.
func missing(raw disclosure.Value, unit, reason string) Part {
	return Part{Raw: raw, Unit: unit, Missing: true, Reason: reason}
}

// unknown is the part of a figure that is not shown; its state is the reason.
func unknown(v disclosure.Value, unit string) Part {
	if v.State != disclosure.IsSuppressed && v.State != disclosure.IsNotLooked {
		v = disclosure.NoData()
	}
	return missing(v, unit, string(v.State))
}

// fullLevel is the level that counts in full: 1 for a share; for a density the percentile of the positive ones,
// linear between order statistics (Hyndman & Fan 1996, type 7), but at least the floor.
func fullLevel(f Factor, levels []float64, w Weights) float64 {
	if !isDensity(f) {
		return 1
	}
	positive := slices.DeleteFunc(slices.Clone(levels), func(d float64) bool { return d <= 0 })
	if len(positive) == 0 {
		return 1 // any will do
	}
	slices.Sort(positive)
	at, g := math.Modf(w.Percentile * float64(len(positive)-1))
	i := int(at)
	next := positive[min(i+1, len(positive)-1)]
	return max(positive[i]+g*(next-positive[i]), w.FloorPerKm2[f])
}

// step is the smallest contribution told apart, in points: a binary fraction, so that sums are exact.
const step = 1. / 1024

// weigh gives the known parts their weights and contributions and sums them; NoData when nothing with a weight is known.
func weigh(parts []Part, w Weights) disclosure.Value {
	known := 0.0
	for _, p := range parts {
		if !p.Missing {
			known += w.Weight[p.Factor]
		}
	}
	if known <= 0 {
		return disclosure.NoData()
	}
	sum, largest := 0.0, &parts[0]
	for i := range parts {
		p := &parts[i]
		if p.Missing {
			continue
		}
		p.Weight = w.Weight[p.Factor] / known
		p.Contribution = math.Round(100*p.Weight*p.Normalised/step) * step
		sum += p.Contribution
		if p.Contribution > largest.Contribution {
			largest = p
		}
	}
	if over := sum - 100; over > 0 { // what rounding put on top
		largest.Contribution -= over
		sum = 100
	}
	return disclosure.Number(sum)
}
