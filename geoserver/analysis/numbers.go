package analysis

import (
	"slices"
	"strconv"

	"wangge/grids"
)

// numberClasses is how many classes of numbers a map has.
const numberClasses = 5

// quantiles makes classes of about equal size of a column's positive values, with 0 in the first, and puts each unit into its own. Equal values
// are in one class, so that there may be fewer classes. Units without a figure are insufficient data.
func (r *Result) quantiles(column int) {
	var known []float64
	for _, u := range r.Units {
		if v := u.Values[column]; v != nil && *v > 0 {
			known = append(known, *v)
		}
	}
	slices.Sort(known)
	var ends []float64
	for k := 1; k < numberClasses && len(known) > 0; k++ {
		if e := known[(len(known)*k-1)/numberClasses]; len(ends) == 0 || e > ends[len(ends)-1] {
			ends = append(ends, e)
		}
	}
	if n := len(ends); n > 0 && ends[n-1] == known[len(known)-1] { // the last class holds it
		ends = ends[:n-1]
	}
	r.Legend = []Entry{}
	for k := 0; k <= len(ends) && len(known) > 0; k++ {
		e := Entry{ID: "q" + strconv.Itoa(k+1), From: exactly(0), To: exactly(known[len(known)-1])}
		if k > 0 {
			e.From = exactly(ends[k-1])
		}
		if k < len(ends) {
			e.To = exactly(ends[k])
		}
		e.Title = grids.Text{ZH: "第 " + strconv.Itoa(k+1) + " 级", EN: "class " + strconv.Itoa(k+1)}
		r.Legend = append(r.Legend, e)
	}
	none := Entry{ID: "insufficient", Title: grids.Text{ZH: "数据不足", EN: "insufficient data"}}
	for i := range r.Units {
		u := &r.Units[i]
		v := u.Values[column]
		if v == nil || len(known) == 0 {
			u.Class = none.ID
			continue
		}
		at, _ := slices.BinarySearch(ends, *v)
		u.Class = "q" + strconv.Itoa(at+1)
	}
	r.Legend = append(r.Legend, none)
}
