package demo

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"wangge/grids"
)

// findingsASeason is how many findings a poppy season brings; plotShare of them come with the outline of a plot.
const (
	findingsASeason = 60
	plotShare       = 0.6
)

// outcomes is how findings stand: those of the older season are all done with, of the latest some are open.
func outcomes(latest bool) []weighted[grids.FindingState] {
	if !latest {
		return []weighted[grids.FindingState]{{grids.Dismissed, 0.74}, {grids.Closed, 0.26}}
	}
	return []weighted[grids.FindingState]{
		{grids.Dismissed, 0.54}, {grids.Closed, 0.15}, {grids.Spotted, 0.07}, {grids.Assigned, 0.06}, {grids.GroundChecked, 0.05},
		{grids.Confirmed, 0.05}, {grids.Eradicated, 0.04}, {grids.ReInspected, 0.04},
	}
}

// plants is what is believed to be seen, given how it ended.
func plants(s grids.FindingState) []weighted[grids.FindingKind] {
	if s.WasConfirmed() {
		return []weighted[grids.FindingKind]{{grids.OpiumPoppy, 0.95}, {grids.Cannabis, 0.05}}
	}
	return []weighted[grids.FindingKind]{
		{grids.OpiumPoppy, 0.68}, {grids.UnknownPlant, 0.26}, {grids.Cannabis, 0.05}, {grids.Ephedra, 0.01},
	}
}

// origins is how findings come in. A plot was outlined on a picture or on foot; a hotline gives a point.
func origins(plot bool) []weighted[grids.FindingSource] {
	if plot {
		return []weighted[grids.FindingSource]{{grids.FromFlight, 0.65}, {grids.FromPhoto, 0.2}, {grids.FromFoot, 0.15}}
	}
	return []weighted[grids.FindingSource]{{grids.FromFoot, 0.4}, {grids.FromPhoto, 0.25}, {grids.FromHotline, 0.2}, {grids.FromFlight, 0.15}}
}

// suspicion is what a feature says of a finding.
type suspicion struct {
	ID         string              `json:"id"`
	Kind       grids.FindingKind   `json:"kind"`
	Confidence int                 `json:"confidence"`
	State      grids.FindingState  `json:"state"`
	Source     grids.FindingSource `json:"source"`
	SeenAt     string              `json:"seen_at"` // RFC 3339 at +08:00
	Synthetic  bool                `json:"synthetic"`
}

// writeFindings writes the findings of the two latest poppy seasons in the order in which they were seen: plots from
// the embedded outlines, and points in villages.
func writeFindings(w io.Writer, o Options) error {
	r := o.random(findingStream)
	plots := features[struct{}]("plots_synthetic")
	r.Shuffle(len(plots), func(i, j int) { plots[i], plots[j] = plots[j], plots[i] })
	units := groundOf()
	var all []feature[suspicion]
	for _, s := range seasons(o.Today) {
		for _, rank := range r.Perm(s.findings) { // states by quota, so that each occurs
			state := at((float64(rank)+0.5)/float64(s.findings), outcomes(s.latest))
			f := feature[suspicion]{Type: "Feature"}
			plot := r.Float64() < plotShare
			if plot {
				f.Geometry, plots = plots[0].Geometry, plots[1:]
			} else {
				f.Geometry = pointJSON(somewhereRural(r, units))
			}
			f.Properties = suspect(r, s, state, plot)
			all = append(all, f)
		}
	}
	slices.SortStableFunc(all, func(a, b feature[suspicion]) int {
		return strings.Compare(a.Properties.SeenAt, b.Properties.SeenAt)
	})
	for i := range all {
		all[i].Properties.ID = fmt.Sprintf("demo-f%04d", i+1)
	}
	return writeCollection(w, "", all)
}

// poppySeason is the days of one season that have passed, and how many findings they brought.
type poppySeason struct {
	first, last grids.Day
	latest      bool
	findings    int
}

// seasons is the two latest seasons, from mid-March to mid-June, the older first. One under way has brought its part.
func seasons(today grids.Day) []poppySeason {
	year := today.Date().Year()
	if today <= grids.DayFrom(year, time.March, 15) {
		year--
	}
	var out []poppySeason
	for _, y := range [...]int{year - 1, year} {
		first, last := grids.DayFrom(y, time.March, 15), grids.DayFrom(y, time.June, 15)
		s := poppySeason{first: first, last: min(last, today-1), latest: y == year}
		s.findings = int(math.Ceil(findingsASeason * float64(s.last-first+1) / float64(last-first+1)))
		out = append(out, s)
	}
	return out
}

// suspect draws what is known of a finding. Most are seen in late April and May, by daylight.
func suspect(r *rand.Rand, s poppySeason, state grids.FindingState, plot bool) suspicion {
	confidence := 1 + r.IntN(3)
	if state.WasConfirmed() {
		confidence = 2 + r.IntN(2)
	}
	share := (r.Float64() + r.Float64() + r.Float64()) / 3
	day := s.first + grids.Day(share*float64(s.last-s.first+1))
	t := day.Date()
	seen := time.Date(t.Year(), t.Month(), t.Day(), 8, r.IntN(9*60), 0, 0, grids.Shanghai)
	return suspicion{
		Kind: draw(r, plants(state)), Confidence: confidence, State: state, Source: draw(r, origins(plot)),
		SeenAt: seen.Format(time.RFC3339), Synthetic: true,
	}
}

// somewhereRural is a place in a village (村委会): nobody flies over the middle of a town for poppies.
func somewhereRural(r *rand.Rand, units []unit) point {
	for {
		if u := &units[r.IntN(len(units))]; u.kind == "村委会" {
			return u.somewhere(r)
		}
	}
}

// pointJSON is a GeoJSON point.
func pointJSON(p point) json.RawMessage {
	b := append([]byte(nil), `{"type":"Point","coordinates":[`...)
	b = append(appendDegrees(b, p.x), ',')
	return append(appendDegrees(b, p.y), "]}"...)
}
