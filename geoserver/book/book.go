// Package book puts the result of an analysis into tables that leave the house: as CSV or as a workbook, with every digit.
package book

import (
	"bytes"
	"encoding/csv"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/xuri/excelize/v2"

	"wangge/grids"
)

// Book is the tables of a result. The first is the one that matters. It is not written to once it is made.
type Book struct {
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

// Rows is how many rows the first table has.
func (b Book) Rows() int { return len(b.sheets[0].rows) }

// CSV is the first table as UTF-8 with a byte order mark, by which spreadsheets know it. Numbers have all their digits.
func (b Book) CSV() []byte {
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
		_ = out.Write(PlainCells(cells))
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

// XLSX is all tables as a workbook: numbers are numbers, and texts are texts whatever they begin with.
func (b Book) XLSX() (text []byte, err error) {
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

// PlainCells keeps a spreadsheet from taking a text for a formula. Numbers may begin with a minus.
func PlainCells(row []string) []string {
	for i, cell := range row {
		if cell == "" || !strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
			continue
		}
		if _, err := strconv.ParseFloat(cell, 64); err != nil {
			row[i] = "'" + cell
		}
	}
	return row
}
