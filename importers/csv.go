package importers

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/transform"

	"wangge/grids"
)

// table is how a CSV file is to be read.
type table struct {
	s        *Source
	comma    rune
	headerAt int // row of the header; what stands above it is a title
}

// errLine ends the reading of a row over the limit.
var errLine = errors.New("row over the limit")

// openCSV finds the encoding, the delimiter and the header.
func (s *Source) openCSV(encoding string) error {
	s.format = "CSV"
	if err := s.textEncoding(encoding); err != nil {
		return err
	}
	t := table{s: s}
	if err := t.header(); err != nil {
		return err
	}
	s.rows = t.records
	return nil
}

// textEncoding settles the encoding: as asked, else UTF-8 if all of the file is, else GB18030.
func (s *Source) textEncoding(asked string) error {
	switch strings.ToLower(strings.NewReplacer("-", "", "_", "", " ", "").Replace(asked)) {
	case "utf8", "utf8bom":
		s.encoding = "UTF-8"
		return nil
	case "gb18030", "gbk", "gb2312", "cp936", "936", "ms936":
		s.encoding = "GB18030"
		return nil
	case "":
	default:
		return grids.Errorf(grids.Invalid, "encoding %q is not supported: use UTF-8 or GB18030 (also for GBK and GB2312)", clip(asked))
	}
	f, r, err := s.reopen()
	if err != nil {
		return err
	}
	defer f.Close()
	line, runes, valid, err := scanUTF8(r)
	switch {
	case err != nil:
		return grids.Hide(grids.Internal, err, "%s cannot be read", s.name)
	case valid:
		s.encoding = "UTF-8"
	case runes >= 16: // so many do not come out of GB18030 by chance
		return grids.Errorf(grids.Invalid, "%s is UTF-8 but its line %d holds broken characters: export it again, or name its encoding", s.name, line)
	default:
		s.encoding = "GB18030"
	}
	return nil
}

// scanUTF8 reads r to the end or to the first byte that is not UTF-8, and says on which line that is and how many
// characters beyond ASCII came before.
func scanUTF8(r *bufio.Reader) (line, runes int, valid bool, err error) {
	line = 1
	buf, kept := make([]byte, 256<<10), 0
	for {
		n, err := io.ReadFull(r, buf[kept:])
		b := buf[:kept+n]
		for len(b) > 0 {
			ru, size := utf8.DecodeRune(b)
			if ru == utf8.RuneError && size == 1 {
				break
			}
			if size == 1 {
				ascii := asciiRun(b)
				line += bytes.Count(b[:ascii], []byte("\n"))
				b = b[ascii:]
				continue
			}
			runes++
			b = b[size:]
		}
		ended := err == io.EOF || err == io.ErrUnexpectedEOF
		switch {
		case len(b) > 0 && (ended || utf8.FullRune(b)):
			return line, runes, false, nil
		case ended:
			return line, runes, true, nil
		case err != nil:
			return line, runes, false, err
		}
		kept = copy(buf, b)
	}
}

// asciiRun is the number of ASCII bytes that b begins with.
func asciiRun(b []byte) int {
	n := 0
	for n < len(b) && b[n] < utf8.RuneSelf {
		n++
	}
	return n
}

// guard lets at most left bytes through until it is refilled, so that a quote that is never closed cannot fill
// the memory.
type guard struct {
	r    io.Reader
	left int
}

// Read implements io.Reader.
func (g *guard) Read(p []byte) (int, error) {
	if g.left <= 0 {
		return 0, errLine
	}
	n, err := g.r.Read(p)
	g.left -= n
	return n, err
}

// text decodes r and drops the byte order mark and Excel's "sep=" line; comma is what that line says, 0 without.
func (t *table) text(r io.Reader) (text *bufio.Reader, comma rune) {
	if t.s.encoding == "GB18030" {
		r = transform.NewReader(r, simplifiedchinese.GB18030.NewDecoder())
	}
	b := bufio.NewReaderSize(r, 64<<10)
	if mark, _ := b.Peek(3); string(mark) == "\uFEFF" {
		_, _ = b.Discard(3)
	}
	if head, _ := b.Peek(5); len(head) == 5 && strings.EqualFold(string(head[:4]), "sep=") {
		_, _ = b.ReadString('\n')
		return b, rune(head[4])
	}
	return b, 0
}

// header finds the delimiter and the first row with at least two filled cells, or the first row of a
// file with one column.
func (t *table) header() error {
	f, r, err := t.s.reopen()
	if err != nil {
		return err
	}
	defer f.Close()
	text, comma := t.text(r)
	start, _ := text.Peek(32 << 10)
	if t.comma = comma; comma == 0 {
		t.comma = delimiter(start)
	}
	c := t.reader(&guard{r: text, left: t.s.limits.Line + 128<<10})
	var first []string
	firstRow := 0
	for range 8 {
		row, err := c.next()
		if err != nil {
			break
		}
		if first == nil && filled(row) > 0 {
			first, firstRow = bytesClone(row), c.row
		}
		if filled(row) > 1 {
			first, firstRow = bytesClone(row), c.row
			break
		}
	}
	if first == nil {
		return grids.Errorf(grids.Invalid, "%s: no header row was found; the first row names the columns", t.s.name)
	}
	if firstRow > 1 {
		t.s.notes = append(t.s.notes, wrong("title_skipped", "第 %d 行作为列名，其上各行未读取", "row %d was taken as the header; the rows above were not read", firstRow))
	}
	t.headerAt = firstRow
	return t.s.nameColumns(first)
}

// bytesClone copies the cells of a row that the reader will use again.
func bytesClone(row []string) []string {
	out := make([]string, len(row))
	for i, c := range row {
		out[i] = strings.Clone(c)
	}
	return out
}

// filled counts the cells that are not blank.
func filled(row []string) int {
	n := 0
	for _, c := range row {
		if strings.TrimSpace(c) != "" {
			n++
		}
	}
	return n
}

// nameColumns takes the cells of the header as column names: trimmed, the empty and the repeated made distinct.
func (s *Source) nameColumns(cells []string) error {
	for len(cells) > 1 && strings.TrimSpace(cells[len(cells)-1]) == "" {
		cells = cells[:len(cells)-1]
	}
	seen := make(map[string]int, len(cells))
	for i, c := range cells {
		c = strings.TrimSpace(strings.Trim(strings.TrimSpace(c), "\uFEFF"))
		if strings.ContainsRune(c, utf8.RuneError) || strings.Contains(c, "??") {
			return grids.Errorf(grids.Invalid, "%s: the column names are unreadable (%q): the characters were lost when the file was saved; export it again as UTF-8", s.name, clip(c))
		}
		if c == "" {
			c = unnamed(i)
		}
		if seen[c]++; seen[c] > 1 {
			s.notes = append(s.notes, wrong("repeated_column", "列名“%s”重复，只读取第一个", "the column name %q is repeated; only the first is read", c))
			c += "_" + strconv.Itoa(seen[c])
		}
		s.columns = append(s.columns, c)
	}
	return nil
}

// unnamed is the name of column i (from 0) of a file that gives it none.
func unnamed(i int) string { return fmt.Sprintf("column %d", i+1) }

// delimiter is the most frequent of the usual delimiters in the first line with any, a comma when there is none.
func delimiter(start []byte) rune {
	for line := range bytes.Lines(start) {
		quoted := false
		var n [128]int
		for _, c := range line {
			if c == '"' {
				quoted = !quoted
			} else if !quoted && c < 128 {
				n[c]++
			}
		}
		best := ','
		for _, d := range ";\t|" {
			if n[d] > n[best] {
				best = d
			}
		}
		if n[best] > 0 {
			return best
		}
	}
	return ','
}

// rowReader counts rows as a spreadsheet does: blank ones too, line breaks inside quotes not.
type rowReader struct {
	*csv.Reader
	guard  *guard
	limit  int
	row    int
	breaks int // line breaks inside quotes so far
}

// reader is a CSV reader over decoded text.
func (t *table) reader(g *guard) *rowReader {
	c := &rowReader{Reader: csv.NewReader(bufio.NewReaderSize(g, 64<<10)), guard: g, limit: t.s.limits.Line}
	c.Comma = t.comma
	c.FieldsPerRecord = -1
	c.ReuseRecord = true
	return c
}

// next reads one row and sets its number; the cells are valid until the following call.
func (c *rowReader) next() ([]string, error) {
	c.guard.left = c.limit + 128<<10
	cells, err := c.Read()
	if err != nil {
		var syntax *csv.ParseError
		if errors.As(err, &syntax) {
			c.row = syntax.StartLine - c.breaks
			c.breaks += syntax.Line - syntax.StartLine
		}
		return cells, err
	}
	line, _ := c.FieldPos(0)
	c.row = line - c.breaks
	size := 0
	for _, cell := range cells {
		size += len(cell)
		c.breaks += strings.Count(cell, "\n")
	}
	if size > c.limit {
		return nil, errLine
	}
	return cells, nil
}

// records reads the file once.
func (t *table) records(yield func(Record, error) bool) {
	f, r, err := t.s.reopen()
	if err != nil {
		yield(Record{}, err)
		return
	}
	defer f.Close()
	text, _ := t.text(r)
	c := t.reader(&guard{r: text})
	fields := make([]string, len(t.s.columns))
	for {
		cells, err := c.next()
		if err == io.EOF {
			return
		}
		rec := Record{Row: c.row}
		switch {
		case err == nil && c.row <= t.headerAt:
			continue
		case err == nil:
			rec.Fields = fields
			fill(&rec, cells)
		default:
			if err = t.damage(&rec, err); err == nil {
				clear(fields)
				rec.Fields = fields
			}
		}
		if !yield(rec, err) || err != nil {
			return
		}
	}
}

// fill copies the trimmed cells; short rows are filled up, and a cell beyond the last column is an error.
func fill(rec *Record, cells []string) {
	for i := range rec.Fields {
		if i < len(cells) {
			rec.Fields[i] = strings.TrimSpace(cells[i])
		} else {
			rec.Fields[i] = ""
		}
	}
	for i := len(rec.Fields); i < len(cells); i++ {
		if strings.TrimSpace(cells[i]) != "" {
			rec.notes = append(rec.notes, note{Error, "", wrong("too_many_cells", "该行有 %d 个单元格，而列名只有 %d 个：是否有未加引号的分隔符？",
				"the row has %d cells for %d columns: is a delimiter inside a text not quoted?", len(cells), len(rec.Fields))})
			return
		}
	}
}

// damage turns an error of the CSV reader into a note on the row, or into the error that ends the reading.
func (t *table) damage(rec *Record, err error) error {
	if errors.Is(err, errLine) {
		return grids.Errorf(grids.TooLarge, "%s: row %d is longer than %d bytes: is a quotation mark never closed?", t.s.name, rec.Row+1, t.s.limits.Line)
	}
	var syntax *csv.ParseError
	if !errors.As(err, &syntax) {
		return grids.Hide(grids.Invalid, err, "%s cannot be read after row %d", t.s.name, rec.Row)
	}
	n := syntax.Line - syntax.StartLine + 1
	rec.unread = true
	rec.notes = append(rec.notes, note{Error, "", wrong("bad_quotes", "引号不成对，自该行起 %d 行无法读取", "the quotation marks do not pair: %d line(s) from here cannot be read", n)})
	return nil
}
