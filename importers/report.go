package importers

import (
	"fmt"
	"math"
	"slices"

	"github.com/paulmach/orb"

	"wangge/grids"
)

// keptFindings is how many row findings a report lists; all of them are counted.
const keptFindings = 1000

// Severity says whether a finding keeps its row out.
type Severity string

// An error keeps the row out; a warning does not.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Finding is one thing to know about a row of the file, or about the whole file when Row is 0.
type Finding struct {
	Severity Severity   `json:"severity"`
	Row      int        `json:"row"`    // as a person counts: the header of a CSV is row 1, the first feature is 1
	Column   string     `json:"column"` // as the file names it, "" when no column is to blame
	Value    string     `json:"value"`  // the offending text, at most 60 characters, never personal data
	Code     string     `json:"code"`   // stable, for programs: bad_date, outside_district, …
	Message  grids.Text `json:"message"`
}

// Column says which column of the file was read as what; Target is "" for a column that was left out.
type Column struct {
	Source string `json:"source"`
	Target string `json:"target"`
}

// Report says what a file holds, row by row: the answer to a dry run and to a commit. Rows counts the rows that
// hold data, so Rows = Accepted + Rejected + Duplicates while the file was read to its end. A refused report
// means that nothing of the file may be stored. It is not safe for concurrent use.
//
// ID, Committed and Unchanged are left to the caller, who knows what the store holds already.
type Report struct {
	ID            string      `json:"id"`
	Committed     bool        `json:"committed"`
	File          string      `json:"file"`
	Format        string      `json:"format"`
	Encoding      string      `json:"encoding"`
	CRS           string      `json:"crs"`
	Subject       string      `json:"subject"`
	Rows          int         `json:"rows"`
	Accepted      int         `json:"accepted"`
	Rejected      int         `json:"rejected"`
	Duplicates    int         `json:"duplicates"`
	Unchanged     int         `json:"unchanged"`
	Extent        *[4]float64 `json:"extent"` // west, south, east, north of the accepted geometries, WGS 84 degrees; nil without one
	Columns       []Column    `json:"columns"`
	Findings      []Finding   `json:"findings"` // of the file first, then by row, at most the first 1,000 of rows
	FindingsTotal int         `json:"findings_total"`
	Refused       bool        `json:"refused"`
	Refusal       *grids.Text `json:"refusal,omitempty"`

	// Codes counts every finding by its code, listed or not.
	Codes map[string]int `json:"-"`

	ofFile int // how many of Findings are about the file
}

// NewReport is an empty report on s, to be handed to a reader such as [Casework].
func NewReport(s *Source) *Report {
	return &Report{
		File: s.name, Format: s.format, Encoding: s.encoding, CRS: s.CRS(),
		Columns: []Column{}, Findings: []Finding{}, Codes: map[string]int{},
	}
}

// Refuse marks the whole file as refused, for the first reason given.
func (r *Report) Refuse(why grids.Text) {
	if r.Refused {
		return
	}
	r.Refused, r.Refusal = true, &why
}

// refusePersonal refuses the file and forgets whatever was noted of its content: a row next to personal data
// may hold more of it than a pattern can see.
func (r *Report) refusePersonal(why grids.Text) {
	r.Refuse(why)
	r.Findings, r.ofFile, r.FindingsTotal, r.Extent = []Finding{}, 0, 0, nil
	r.Codes = map[string]int{"personal_data": 1}
	r.Accepted, r.Rejected, r.Duplicates = 0, 0, 0
}

// add counts a finding and keeps it while there is room. Those about the file (row 0) always find room, in front.
func (r *Report) add(f Finding) {
	r.FindingsTotal++
	r.Codes[f.Code]++
	f.Value = clip(f.Value)
	switch {
	case f.Row == 0:
		r.Findings = slices.Insert(r.Findings, r.ofFile, f)
		r.ofFile++
	case len(r.Findings)-r.ofFile < keptFindings:
		r.Findings = append(r.Findings, f)
	}
}

// Note adds what the caller found out after the rows were read, such as damage to a territory.
func (r *Report) Note(f Finding) { r.add(f) }

// about adds a warning about the file as a whole.
func (r *Report) about(column string, p *problem) {
	r.add(Finding{Severity: Warning, Column: column, Value: p.value, Code: p.code, Message: p.text})
}

// extend grows the extent by an accepted geometry.
func (r *Report) extend(g orb.Geometry) {
	if g == nil {
		return
	}
	b := g.Bound()
	if r.Extent == nil {
		r.Extent = &[4]float64{b.Min[0], b.Min[1], b.Max[0], b.Max[1]}
		return
	}
	e := r.Extent
	e[0], e[1] = math.Min(e[0], b.Min[0]), math.Min(e[1], b.Min[1])
	e[2], e[3] = math.Max(e[2], b.Max[0]), math.Max(e[3], b.Max[1])
}

// problem is what is wrong with one value, before it is known where the value stands.
type problem struct {
	code  string
	value string // "" = the text of the column
	text  grids.Text
}

// wrong makes a problem; the arguments fit both sentences.
func wrong(code, zh, en string, args ...any) *problem {
	return &problem{code: code, text: say(zh, en, args...)}
}

// of names the offending value.
func (p *problem) of(value string) *problem {
	p.value = value
	return p
}

// say formats one sentence in both languages.
func say(zh, en string, args ...any) grids.Text {
	return grids.Text{ZH: fmt.Sprintf(zh, args...), EN: fmt.Sprintf(en, args...)}
}

// clip shortens a foreign text to 60 characters.
func clip(s string) string {
	if len(s) <= 60 {
		return s
	}
	n := 0
	for i := range s {
		if n == 57 {
			return s[:i] + "..."
		}
		n++
	}
	return s
}
