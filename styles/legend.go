package styles

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"wangge/grids"
)

// The states of a value. They are different things and never share a look.
const (
	Number     = "number"
	Band       = "band" // a range; what is known of it is where it begins
	Zero       = "zero"
	Suppressed = "suppressed" // too small to be shown; of casework that may be none
	NoData     = "nodata"
	NotLooked  = "notlooked"
)

// The images that the client adds to the map for the patterns.
const (
	HatchImage      = "hatch"
	NotLookedImage  = "notlooked"
	SuppressedImage = "suppressed"
	BandImage       = "band"
)

// Sample is the value of one place: a number N (State Number), a band that begins with N, a Category, or a state without a number.
type Sample struct {
	State    string
	N        float64
	Category string
}

// Class is one class of a legend: the numbers From ≤ v < To (the last class: ≤ To), or the category Value.
type Class struct {
	From  *float64 `json:"from,omitempty"`
	To    *float64 `json:"to,omitempty"`
	Value string   `json:"value,omitempty"`
	Color string   `json:"color"`
	Label string   `json:"label"`
	Count int      `json:"count"`
}

// Special is the legend's entry of a state that is not a number. Pattern, if any, is the image drawn over Color; over that of its class for
// a band, which is counted there, too.
type Special struct {
	State   string `json:"state"`
	Color   string `json:"color"`
	Label   string `json:"label"`
	Count   int    `json:"count"`
	Pattern string `json:"pattern,omitempty"`
}

// Legend says how an indicator is drawn: the panel shows it and [Style] draws by it, so that they cannot differ.
type Legend struct {
	Level     string    `json:"level"`
	Indicator string    `json:"indicator"`
	Title     string    `json:"title"`
	Unit      string    `json:"unit"`
	Method    Method    `json:"method"`
	Classes   []Class   `json:"classes"`
	Special   []Special `json:"special"`
}

// NewLegend classifies the samples of an indicator on a level. Numbers are cut by [Breaks] (m, n, manual), bands by
// where they begin: no class of a count parts a band. A number that is 0 counts as the state Zero and is in no class. For
// a category indicator m, n and manual are ignored, and every category of [Statuses] is listed, also those with no sample.
// The states the indicator can have are always listed, bands when there are any; one that its tiles cannot tell from
// missing counts as missing. The error is Invalid, from Breaks or a sample of unknown state or category.
func NewLegend(ind Indicator, level string, samples []Sample, m Method, n int, manual []float64, t Theme, l Lang) (Legend, error) {
	leg := Legend{Level: level, Indicator: ind.ID, Title: ind.Title.In(string(l)), Unit: ind.Unit, Method: m, Classes: []Class{}}
	count, missing := map[string]int{}, ind.missing(samples)
	var numbers []float64
	for _, s := range samples {
		state, err := ind.stateOf(s, missing)
		if err != nil {
			return Legend{}, err
		}
		count[state]++
		if state == Number || state == Band {
			numbers = append(numbers, s.N)
		}
	}
	leg.Special = specials(ind, missing, count, t, l)
	if ind.Kind == CategoryKind {
		leg.Method = ""
		return leg, leg.categorise(samples, l)
	}
	edges, err := Breaks(numbers, m, n, manual)
	if err != nil {
		return Legend{}, err
	}
	if count[Band] > 0 && ind.whole() {
		edges = bandEdges(edges, numbers)
	}
	leg.classify(ind, edges, numbers, count[Band] > 0, t)
	return leg, nil
}

// stateOf is the state under which the map draws a sample: a number 0 is Zero, and a state that the indicator's
// tiles cannot tell apart is its missing one.
func (ind Indicator) stateOf(s Sample, missing string) (string, error) {
	state := s.State
	if state == Number && s.N == 0 && ind.Kind == NumberKind {
		state = Zero
	}
	switch {
	case state == Number || state == Band || slices.Contains(ind.states(missing), state):
		return state, nil
	case slices.Contains([]string{Zero, Suppressed, NoData, NotLooked}, state):
		return missing, nil
	}
	return "", grids.Errorf(grids.Invalid, "%q is not the state of a value", s.State)
}

// specials lists the indicator's states in the order of the legend, with their counts.
func specials(ind Indicator, missing string, count map[string]int, t Theme, l Lang) []Special {
	states := ind.states(missing)
	if count[Band] > 0 && ind.fromCases() { // the tiles say so of these alone
		states = append([]string{Band}, states...)
	}
	var out []Special
	for _, state := range states {
		out = append(out, Special{
			State: state, Color: stateColor(t, state), Label: stateTitle(state, ind).In(string(l)), Count: count[state], Pattern: statePattern(state),
		})
	}
	return out
}

// stateColor is the fill under a state; for those that have no colour of their own it is the land's.
func stateColor(t Theme, state string) string {
	p := paletteOf(t)
	switch state {
	case Zero:
		return p.zero
	case Suppressed:
		return p.suppressed
	}
	return p.nothing
}

// statePattern is the image drawn over a state, "" for none.
func statePattern(state string) string {
	switch state {
	case Band:
		return BandImage
	case Suppressed:
		return SuppressedImage
	case NoData:
		return HatchImage
	case NotLooked:
		return NotLookedImage
	}
	return ""
}

// bandEdges moves the inner edges up to where a band begins, so that no band lies in two classes.
func bandEdges(edges, begins []float64) []float64 {
	if len(edges) < 2 {
		return edges
	}
	begins = slices.Sorted(slices.Values(begins))
	out, last := edges[:1:1], len(edges)-1
	for _, e := range edges[1:last] {
		if i, _ := slices.BinarySearch(begins, e); i < len(begins) && begins[i] > out[len(out)-1] {
			out = append(out, begins[i])
		}
	}
	return append(out, edges[last])
}

// classify fills the classes between the edges and counts the numbers in them. The last class of bands is open.
func (leg *Legend) classify(ind Indicator, edges, numbers []float64, banded bool, t Theme) {
	if len(edges) < 2 {
		return
	}
	labels := classLabels(ind, edges)
	if banded {
		labels[len(labels)-1] = "≥ " + edgeLabels(ind, edges)[len(labels)-1]
	}
	for i, color := range Ramp(t, len(labels)) {
		leg.Classes = append(leg.Classes, Class{From: &edges[i], To: &edges[i+1], Color: color, Label: labels[i]})
	}
	for _, v := range numbers {
		leg.Classes[classOf(edges, v)].Count++
	}
}

// classOf is the class that holds v, a number between the first and the last edge.
func classOf(edges []float64, v float64) int {
	i, found := slices.BinarySearch(edges[1:len(edges)-1], v)
	if found {
		i++
	}
	return i
}

// classLabels writes what each class holds: "2–4" for whole numbers from 2 to below 5, "1.5–2.0" otherwise.
func classLabels(ind Indicator, edges []float64) []string {
	texts := edgeLabels(ind, edges)
	labels := make([]string, len(edges)-1)
	for i := range labels {
		from, to := texts[i], texts[i+1]
		if lo, hi := math.Ceil(edges[i]), math.Ceil(edges[i+1])-1; ind.whole() {
			if i == len(labels)-1 {
				hi = math.Floor(edges[i+1])
			}
			if lo <= hi {
				from, to = strconv.FormatFloat(lo, 'f', 0, 64), strconv.FormatFloat(hi, 'f', 0, 64)
			}
		}
		labels[i] = from + "–" + to
		if from == to {
			labels[i] = from
		}
	}
	return labels
}

// edgeLabels writes the edges with as few decimals as keep different edges different, and not fewer than the
// indicator's.
func edgeLabels(ind Indicator, edges []float64) []string {
	scale := 1.0
	if ind.Unit == "%" {
		scale = 100
	}
	labels := make([]string, len(edges))
	for decimals := ind.Decimals; decimals <= 9; decimals++ {
		for i, e := range edges {
			labels[i] = strconv.FormatFloat(e*scale, 'f', decimals, 64)
			if strings.Trim(labels[i], "-0.") == "" {
				labels[i] = "0"
			}
		}
		if faithful(labels, edges, scale, decimals) {
			break
		}
	}
	return labels
}

// faithful reports whether different edges read differently and the inner edges, where classes part, read within
// half a percent of their value.
func faithful(labels []string, edges []float64, scale float64, decimals int) bool {
	step := math.Pow10(-decimals)
	for i, e := range edges {
		if i > 0 && labels[i] == labels[i-1] && edges[i] != edges[i-1] {
			return false
		}
		inner := i > 0 && i < len(edges)-1
		off := math.Abs(math.Round(e*scale/step)*step - e*scale)
		if inner && off > 0.005*math.Abs(e*scale) {
			return false
		}
	}
	return true
}

// categorise counts the samples of each status.
func (leg *Legend) categorise(samples []Sample, l Lang) error {
	count := map[string]int{}
	for _, s := range samples {
		if s.State == Number {
			count[s.Category]++
		}
	}
	for _, c := range Statuses() {
		leg.Classes = append(leg.Classes, Class{Value: c.ID, Color: c.Color, Label: c.Title.In(string(l)), Count: count[c.ID]})
		delete(count, c.ID)
	}
	for id := range count {
		return grids.Errorf(grids.Invalid, "%q is not a village status", id)
	}
	return nil
}
