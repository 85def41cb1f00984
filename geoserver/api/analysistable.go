package api

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/gorilla/mux"
	"github.com/xuri/excelize/v2"

	"wangge/geoserver/analysis"
	"wangge/grids"
)

// tableForms are the forms in which the table of a result can be taken away, by the end of its address.
var tableForms = map[string]struct {
	mime  string
	write func(book) ([]byte, error)
}{
	"csv":  {"text/csv; charset=utf-8", func(b book) ([]byte, error) { return b.csv(), nil }},
	"xlsx": {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", book.xlsx},
}

// analysisTable answers GET /api/analysis/runs/{id}/table.csv and table.xlsx with the result of a run in full precision. As every export it is
// written down before the first byte leaves.
func (s *Server) analysisTable(form string) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		purpose, err := purposeOf(r.URL.Query().Get("purpose"))
		if err != nil {
			return err
		}
		lang := r.URL.Query().Get("lang")
		if lang != "" && lang != "zh" && lang != "en" {
			return grids.Errorf(grids.Invalid, "lang %.10q is not known; use zh or en", lang)
		}
		run, result, err := s.takenRun(r.Context(), mux.Vars(r)["id"])
		if err != nil {
			return err
		}
		b := bookOf(run, result, lang, s.townNames(run.Class))
		text, err := tableForms[form].write(b)
		if err != nil {
			return err
		}
		if err := s.noteTaken(r.Context(), run, purpose, map[string]any{"what": "analysis-table", "form": form, "rows": len(b.sheets[0].rows)}); err != nil {
			return err
		}
		h := w.Header()
		h.Set("Content-Type", tableForms[form].mime)
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Disposition", `attachment; filename="wangge-`+result.Method+`-`+result.Level+`-`+run.ID.String()[:8]+`.`+form+`"`)
		_, _ = w.Write(text) // the client may be gone
		return nil
	}
}

// takenRun is a run with its result, for whoever may take it away. Errors: Forbidden, Invalid, NotFound also while there is no result.
func (s *Server) takenRun(ctx context.Context, text string) (run grids.Run, result analysis.Result, err error) {
	id, class, err := namedRun(ctx, text)
	if err != nil {
		return run, result, err
	}
	if !actor(ctx).Everywhere(grids.Export) {
		return run, result, grids.Errorf(grids.Forbidden, "a result is of the whole district, and you may take tables of a part of it away: ask the system administrator")
	}
	if run, err = s.Analyses.Run(ctx, actor(ctx), class, id); err != nil {
		return run, result, err
	}
	result, err = s.result(ctx, text)
	return run, result, err
}

// noteTaken writes down that a result leaves the house.
func (s *Server) noteTaken(ctx context.Context, run grids.Run, purpose string, detail map[string]any) error {
	who := actor(ctx)
	who.Purpose = purpose
	detail["run"], detail["hash"], detail["class"] = run.ID, run.Hash, string(run.Class)
	return s.Store.Note(ctx, who, "export", run.Subject, detail)
}

// townNames names towns by their codes; one that is not there any more is its code.
func (s *Server) townNames(class grids.Class) func(code string) string {
	st := s.View.Sight(class).State()
	return func(code string) string {
		if st != nil {
			if name := st.Name("towns", code); name != "" {
				return name
			}
		}
		return code
	}
}

// AnalysisPrint is a map of a result that is about to be saved.
type AnalysisPrint struct {
	Purpose string `json:"purpose" doc:"what for: 2 to 200 characters"`
	Form    string `json:"form" enum:"png,pdf"`
}

// printAnalysis writes down that the map of a result is taken away: the picture is made by the client, which saves it only after this.
func (s *Server) printAnalysis(ctx context.Context, in *struct {
	ID   string `path:"id" format:"uuid"`
	Body AnalysisPrint
}) (*struct{}, error) {
	purpose, err := purposeOf(in.Body.Purpose)
	if err != nil {
		return nil, s.faults().Huma(err)
	}
	run, _, err := s.takenRun(ctx, in.ID)
	if err == nil {
		err = s.noteTaken(ctx, run, purpose, map[string]any{"what": "analysis-map", "form": in.Body.Form})
	}
	return nil, s.faults().Huma(err)
}

// book is the tables of a result. The first is the one that matters.
type book struct {
	lang   string
	title  string
	run    string // id
	sheets []sheet
}

// sheet is a table. Its cells are texts, float64, float32, int, bool, or nil for nothing.
type sheet struct {
	title grids.Text
	head  []heading
	rows  [][]any
}

// heading is a column: its name for programs, and for readers.
type heading struct {
	id    string
	title grids.Text
}

// csv is the first table as UTF-8 with a byte order mark, by which spreadsheets know it. Numbers have all their digits.
func (b book) csv() []byte {
	var to bytes.Buffer
	to.WriteString("\ufeff")
	out := csv.NewWriter(&to) // a buffer takes everything
	first := b.sheets[0]
	names := []string{}
	for _, h := range first.head {
		names = append(names, h.id)
	}
	_ = out.Write(names)
	for _, row := range first.rows {
		cells := make([]string, len(row))
		for i, v := range row {
			cells[i] = exactText(v)
		}
		_ = out.Write(plainCells(cells))
	}
	out.Flush()
	return to.Bytes()
}

// exactText is a cell as text, a number with as many digits as bring it back.
func exactText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case float32:
		return strconv.FormatFloat(float64(v), 'g', -1, 32)
	case int:
		return strconv.Itoa(v)
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}

// xlsx is all tables as a workbook: numbers are numbers, and texts are texts whatever they begin with.
func (b book) xlsx() (text []byte, err error) {
	f := excelize.NewFile()
	defer func() { _ = f.Close() }() // nothing of it is in files
	if err := f.SetDocProps(&excelize.DocProperties{Creator: "wangge", Title: b.title, Identifier: b.run}); err != nil {
		return nil, err
	}
	bold, err := f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true}})
	if err != nil {
		return nil, err
	}
	for i, s := range b.sheets {
		name := s.title.In(b.lang)
		if i == 0 {
			err = f.SetSheetName(f.GetSheetName(0), name)
		} else {
			_, err = f.NewSheet(name)
		}
		if err == nil {
			err = s.fill(f, name, b.lang, bold)
		}
		if err != nil {
			return nil, err
		}
	}
	var to bytes.Buffer
	if _, err := f.WriteTo(&to); err != nil {
		return nil, err
	}
	return to.Bytes(), nil
}

// sheetWidth is how wide the columns of a workbook are, in characters.
const sheetWidth = 16

// fill writes the table into a sheet of a workbook. The stream of excelize cuts numbers to 15 digits, where a float64 may need 17; so only
// tables without them, which are the large ones, go through it.
func (s sheet) fill(f *excelize.File, name, lang string, bold int) error {
	if len(s.rows) >= excelize.TotalRows {
		return grids.Errorf(grids.TooLarge, "the table has %d rows, and a sheet of a workbook holds %d: take the CSV, or larger cells", len(s.rows), excelize.TotalRows)
	}
	head := make([]any, len(s.head))
	for i, h := range s.head {
		head[i] = h.title.In(lang)
	}
	rows := append([][]any{head}, s.rows...)
	if !s.precise() {
		out, err := f.NewStreamWriter(name)
		if err != nil {
			return err
		}
		for i, row := range rows {
			if err := out.SetRow("A"+strconv.Itoa(i+1), row); err != nil {
				return err
			}
		}
		return out.Flush()
	}
	for i, row := range rows {
		if err := setRow(f, name, i+1, row); err != nil {
			return err
		}
	}
	last, err := excelize.ColumnNumberToName(max(len(s.head), 1))
	if err != nil {
		return err
	}
	return errors.Join(f.SetColWidth(name, "A", last, sheetWidth), f.SetRowStyle(name, 1, 1, bold),
		f.SetPanes(name, &excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}))
}

// precise reports whether the table has numbers that may need more than 15 digits.
func (s sheet) precise() bool {
	return slices.ContainsFunc(s.rows, func(row []any) bool {
		return slices.ContainsFunc(row, func(v any) bool { _, is := v.(float64); return is })
	})
}

// setRow writes the cells of a row, numbers with every digit.
func setRow(f *excelize.File, name string, at int, row []any) error {
	for i, v := range row {
		cell, err := excelize.CoordinatesToCellName(i+1, at)
		if err != nil {
			return err
		}
		switch v := v.(type) {
		case nil:
		case float64:
			err = f.SetCellFloat(name, cell, v, decimalsOf(v), 64)
		default:
			err = f.SetCellValue(name, cell, v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// decimalsOf is with how many decimals a number, rounded to them, is read back as itself. They are those of its shortest text, and one more
// where that is no rounding: beside a power of two the nearest number with so few decimals may be another's.
func decimalsOf(v float64) int {
	_, after, _ := strings.Cut(strconv.FormatFloat(v, 'f', -1, 64), ".")
	for n := len(after); ; n++ {
		if back, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'f', n, 64), 64); back == v {
			return n
		}
	}
}
