package tiles

import (
	"net/url"
	"strconv"
	"strings"

	"wangge/grids"
)

// Filter says which casework counts: the closed range of calendar months, and the kinds. The zero Filter is all of it.
type Filter struct {
	Period grids.Period
	Kinds  []grids.CaseKind // each once, in the order of grids.CaseKinds; empty for all
}

// The parameters a filter is read from.
const (
	fromParameter = "from"
	toParameter   = "to"
	kindParameter = "kind"
)

// maxKindText bounds the list of kinds; all of them together take 70 bytes.
const maxKindText = 200

// ParseFilter reads the parameters from and to (calendar months, 2025-03) and kind (comma separated) of a query. An
// empty one is not given, and naming every kind is naming none. Other parameters are the caller's business, but those that are
// taken for ours (From, kinds) are refused: a map that looks filtered and is not would be read wrongly. The error is Invalid.
func ParseFilter(q url.Values) (Filter, error) {
	var f Filter
	for name, values := range q {
		own := strings.TrimSuffix(strings.ToLower(name), "s")
		if own != fromParameter && own != toParameter && own != kindParameter {
			continue
		}
		if name != own {
			return f, grids.Errorf(grids.Invalid, "the parameter is called %q, not %q", own, name)
		}
		if len(values) != 1 {
			return f, grids.Errorf(grids.Invalid, "parameter %q is given %d times; give it once", name, len(values))
		}
	}
	var err error
	if f.Period.From, err = monthOf(q, fromParameter); err != nil {
		return Filter{}, err
	}
	if f.Period.To, err = monthOf(q, toParameter); err != nil {
		return Filter{}, err
	}
	if f.Period.From > f.Period.To && f.Period.To != 0 {
		return Filter{}, grids.Errorf(grids.Invalid, "the period runs backwards: from %s is after to %s", f.Period.From, f.Period.To)
	}
	f.Kinds, err = kindsOf(q.Get(kindParameter))
	return f, err
}

// monthOf reads one month, 0 when it is not given.
func monthOf(q url.Values, name string) (grids.Month, error) {
	text := q.Get(name)
	if text == "" {
		return 0, nil
	}
	m, err := grids.ParseMonth(text)
	if err != nil {
		return 0, grids.Errorf(grids.Invalid, "parameter %q: %w", name, err)
	}
	return m, nil
}

// kindsOf reads the list of kinds.
func kindsOf(text string) ([]grids.CaseKind, error) {
	if text == "" {
		return nil, nil
	}
	if len(text) > maxKindText {
		return nil, grids.Errorf(grids.Invalid, "parameter %q has %d characters; give at most %d", kindParameter, len(text), maxKindText)
	}
	var asked [len(grids.CaseKinds)]bool
	for name := range strings.SplitSeq(text, ",") {
		n := grids.CaseKind(name).Number()
		if n == 0 {
			return nil, grids.Errorf(grids.Invalid, "kind %.40q is not known; use some of %s, separated by commas", name, kindList(grids.CaseKinds[:]))
		}
		asked[n-1] = true
	}
	var kinds []grids.CaseKind
	for i, k := range grids.CaseKinds {
		if asked[i] {
			kinds = append(kinds, k)
		}
	}
	if len(kinds) == len(grids.CaseKinds) {
		return nil, nil
	}
	return kinds, nil
}

func kindList(kinds []grids.CaseKind) string {
	text := make([]string, len(kinds))
	for i, k := range kinds {
		text[i] = string(k)
	}
	return strings.Join(text, ",")
}

// Values is the query that ParseFilter reads as f; empty for all casework.
func (f Filter) Values() url.Values {
	q := url.Values{}
	if f.Period.From != 0 {
		q.Set(fromParameter, f.Period.From.String())
	}
	if f.Period.To != 0 {
		q.Set(toParameter, f.Period.To.String())
	}
	if len(f.Kinds) > 0 {
		q.Set(kindParameter, kindList(f.Kinds))
	}
	return q
}

// appendKey appends what tells filters apart, and equal ones not.
func (f Filter) appendKey(b []byte) []byte {
	for _, n := range [...]int64{int64(f.Period.From), int64(f.Period.To), int64(f.Mask())} {
		b = append(strconv.AppendInt(b, n, 36), '.')
	}
	return b
}

// Mask has bit n set for each kind of number n that f lets through.
func (f Filter) Mask() (m uint16) {
	if len(f.Kinds) == 0 {
		return 1<<16 - 1
	}
	for _, k := range f.Kinds {
		m |= 1 << k.Number()
	}
	return m
}

// HeatResolution is the H3 resolution of the heat layer's hexagons at zoom z: 6 for the whole district, 8 from 1:200 000 on.
func HeatResolution(z int) int {
	return min(max(z/2+3, coarsestHeat), finestHeat)
}

// The resolutions of the heat layer.
const (
	coarsestHeat = 6
	finestHeat   = 8 // no reader sees casework by smaller cells
)
