package analysis

import (
	"slices"

	"wangge/grids"
	"wangge/grids/risk/stat"
)

// Result is what came out of a run: one shape for all methods. What a method does not have is left out.
type Result struct {
	Method    string      `json:"method"`
	Title     grids.Text  `json:"title"`
	Request   Request     `json:"request" doc:"with everything that was left out filled in"`
	Level     string      `json:"level"`
	Period    string      `json:"period" doc:"months, 2023-01..2025-12"`
	Edition   string      `json:"edition" doc:"of the grids"`
	Other     *Other      `json:"other_edition,omitempty" doc:"when the units are grids of an edition that was not on the map"`
	Data      string      `json:"data" doc:"names the data that it is made of"`
	Class     string      `json:"class" doc:"of disclosure"`
	K         int         `json:"k" doc:"the smallest count that the class is told"`
	Synthetic bool        `json:"synthetic"`
	Meta      []stat.Meta `json:"meta" doc:"method, version, source, parameters, seed, what was used and dropped"`
	Legend    []Entry     `json:"legend" doc:"the classes of the map, in the order of the legend"`
	Columns   []Column    `json:"columns" doc:"of the units"`
	Units     []Unit      `json:"units"`
	Facts     []Fact      `json:"facts" doc:"figures of the district as a whole"`
	Notes     []Note      `json:"notes" doc:"how sure: what a reader must know"`
	Circles   []Circle    `json:"circles,omitempty"`
	Surface   *Surface    `json:"surface,omitempty"`
	Periods   []string    `json:"periods,omitempty" doc:"of the units' series"`
	Curves    []Curve     `json:"curves,omitempty"`
	Matrix    *Matrix     `json:"matrix,omitempty"`
	Links     [][2]int    `json:"links,omitempty" doc:"pairs of neighbours, by index of the unit"`
}

// Entry is a class of the legend.
type Entry struct {
	ID    string     `json:"id"`
	Title grids.Text `json:"title"`
	N     int        `json:"n" doc:"units in it"`
	From  *float64   `json:"from,omitempty" doc:"of a class of numbers"`
	To    *float64   `json:"to,omitempty"`
}

// Column is one figure of every unit.
type Column struct {
	ID       string     `json:"id"`
	Title    grids.Text `json:"title"`
	Unit     string     `json:"unit" doc:"% means a share 0 to 1"`
	Decimals int        `json:"decimals" doc:"on the screen; exports have all digits"`
	Hint     grids.Text `json:"hint"`
}

// Unit is one row of the table.
type Unit struct {
	Code   string      `json:"code"`
	Name   string      `json:"name"`
	Town   string      `json:"town" doc:"its code"`
	Class  string      `json:"class" doc:"id of a legend entry"`
	Values []*float64  `json:"values" doc:"by column; null where there is none"`
	Why    stat.Reason `json:"why,omitempty" doc:"why there is no figure"`
	Series []float64   `json:"series,omitempty" doc:"by period"`
	Parts  []Part      `json:"parts,omitempty" doc:"what the value is made of"`
	At     []float64   `json:"at,omitempty" doc:"lon, lat of its middle, to 1e-5 degrees, where the result has links"`

	Interpolated bool             `json:"interpolated,omitempty" doc:"its casework or survey was shared out from grids that the edition cuts"`
	Outline      [][][][2]float64 `json:"outline,omitempty" doc:"of a grid of an edition that was not on the map, for drawing: a MultiPolygon, lon lat in degrees"`
}

// Other is an edition of the grids that was not on the map, and how figures came to its grids.
type Other struct {
	ID           string  `json:"id" format:"uuid"`
	Name         string  `json:"name"`
	State        string  `json:"state" doc:"draft, audited, published or superseded"`
	From         string  `json:"effective_from" doc:"a day"`
	OnMap        string  `json:"on_map" doc:"name of the edition that was on the map"`
	Crosswalk    string  `json:"crosswalk,omitempty" doc:"hash of the way by which casework came from the grids on the map; none for what was placed exactly"`
	Units        int     `json:"units" doc:"how many have interpolated figures"`
	Interpolated float64 `json:"interpolated" doc:"share of the casework that lies in those, 0 to 1"`
	Outside      float64 `json:"outside" doc:"events of casework that lie in no grid of the edition"`
}

// Part is a part of a value.
type Part struct {
	Title        grids.Text `json:"title"`
	Value        *float64   `json:"value"`
	Contribution float64    `json:"contribution"`
}

// Fact is one figure of the whole.
type Fact struct {
	ID       string     `json:"id"`
	Title    grids.Text `json:"title"`
	Value    *float64   `json:"value"`
	Unit     string     `json:"unit"`
	Decimals int        `json:"decimals"`
	Text     grids.Text `json:"text" doc:"in words"`
}

// Note is something to know before one believes it.
type Note struct {
	Level string     `json:"level" enum:"info,warning"`
	Text  grids.Text `json:"text"`
}

// Circle is a cluster.
type Circle struct {
	Rank     int      `json:"rank" doc:"1 for the most likely one"`
	Lon      float64  `json:"lon"`
	Lat      float64  `json:"lat"`
	RadiusM  float64  `json:"radius_m"`
	Codes    []string `json:"codes" doc:"of its units"`
	From     string   `json:"from,omitempty"`
	To       string   `json:"to,omitempty"`
	Observed float64  `json:"observed"`
	Expected float64  `json:"expected"`
	Ratio    *float64 `json:"ratio" doc:"relative risk"`
	LLR      float64  `json:"llr"`
	P        *float64 `json:"p"`
	Gumbel   *float64 `json:"gumbel"`
	Recurs   *float64 `json:"recurs" doc:"recurrence interval in periods"`
	Certain  bool     `json:"certain" doc:"p is at most alpha"`
}

// Surface is a raster in a projected system, row by row from the south-west, with its corners on the map.
type Surface struct {
	NX       int           `json:"nx"`
	NY       int           `json:"ny"`
	CellM    float64       `json:"cell_m"`
	Corners  [4][2]float64 `json:"corners" doc:"lon, lat of north-west, north-east, south-east, south-west"`
	Unit     string        `json:"unit"`
	Values   []*float32    `json:"values" doc:"null outside of the land"`
	Most     float64       `json:"most"`
	Contours []Contour     `json:"contours"`
}

// Contour is the lines of one value.
type Contour struct {
	Value float64        `json:"value"`
	Lines [][][2]float64 `json:"lines" doc:"lon, lat"`
}

// Curve is a forecast over the shares of the area.
type Curve struct {
	ID     string     `json:"id"`
	Title  grids.Text `json:"title"`
	Area   []float64  `json:"area" doc:"share of the area, 0 to 1"`
	Hits   []float64  `json:"hits" doc:"share of the events there"`
	Points []Judged   `json:"points"`
}

// Judged is a forecast at one share of the area.
type Judged struct {
	Area    float64  `json:"area"`
	Hits    float64  `json:"hits" doc:"events of the test in it"`
	Of      float64  `json:"of" doc:"events of the test"`
	HitRate *float64 `json:"hit_rate"`
	Low     *float64 `json:"low" doc:"of its 95 % interval"`
	High    *float64 `json:"high"`
	PAI     *float64 `json:"pai"`
	PEI     *float64 `json:"pei"`
	RRI     *float64 `json:"rri"`
	SER     *float64 `json:"ser"`
}

// Matrix is a table of bands.
type Matrix struct {
	RowTitle grids.Text `json:"row_title"`
	ColTitle grids.Text `json:"col_title"`
	Rows     []string   `json:"rows"`
	Cols     []string   `json:"cols"`
	Cells    [][]Cell   `json:"cells"`
}

// Cell is a figure of a matrix.
type Cell struct {
	Observed float64  `json:"observed"`
	Expected *float64 `json:"expected"`
	Ratio    *float64 `json:"ratio"`
	P        *float64 `json:"p"`
	Certain  bool     `json:"certain"`
}

// fact appends a figure of the whole.
func (r *Result) fact(id string, title grids.Text, v stat.Value, unit string, decimals int) {
	r.Facts = append(r.Facts, Fact{ID: id, Title: title, Value: figure(v), Unit: unit, Decimals: decimals})
}

// note appends something to know.
func (r *Result) note(level, zh, en string) {
	r.Notes = append(r.Notes, Note{level, grids.Text{ZH: zh, EN: en}})
}

// finish counts the classes, leaves out those that nothing is in where the method says so, and makes lists of nothing empty ones.
func (r *Result) finish(m Method) {
	if r.Legend == nil {
		r.Legend = []Entry{}
		for _, id := range m.Classes {
			c, _ := findClass(id)
			r.Legend = append(r.Legend, Entry{ID: id, Title: c.Title})
		}
	}
	for i := range r.Legend {
		e := &r.Legend[i]
		e.N = 0
		for _, u := range r.Units {
			if u.Class == e.ID {
				e.N++
			}
		}
	}
	r.Columns, r.Units, r.Facts, r.Notes, r.Meta = orEmpty(r.Columns), orEmpty(r.Units), orEmpty(r.Facts), orEmpty(r.Notes), orEmpty(r.Meta)
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return slices.Clip(list)
}

// figure is a value as JSON has it: null where there is none.
func figure(v stat.Value) *float64 {
	if n, ok := v.Known(); ok {
		return &n
	}
	return nil
}

// exactly is a number that is there.
func exactly(n float64) *float64 { return &n }

// figures is a row of values.
func figures(list ...stat.Value) []*float64 {
	out := make([]*float64, len(list))
	for i, v := range list {
		out[i] = figure(v)
	}
	return out
}
