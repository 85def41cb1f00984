package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/simplifiedchinese"

	"wangge/importers/sandbox/wire"
)

// inspect checks that the parts of a shapefile are there and belong together, and reads all text of its attribute
// table to find out how it is encoded.
func inspect(src source) (*wire.Table, error) {
	stem := strings.TrimSuffix(src.path, src.format.ext)
	var missing []string
	for _, ext := range []string{".shx", ".dbf"} {
		if _, err := os.Stat(stem + ext); err != nil {
			missing = append(missing, ext)
		}
	}
	if len(missing) > 0 {
		return nil, fail(wire.FailPart, missing...)
	}
	f, err := os.Open(stem + ".dbf")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	d, err := openDBF(f, info.Size())
	if err != nil {
		return nil, failBecause(wire.FailTable, err)
	}
	if err := d.agrees(stem); err != nil {
		return nil, err
	}
	t := &wire.Table{LanguageID: d.languageID, CodePage: codePage(stem + ".cpg")}
	if err := d.scan(t); err != nil {
		return nil, failBecause(wire.FailTable, err)
	}
	return t, nil
}

// codePage is the content of a .cpg, "" without one.
func codePage(name string) string {
	f, err := os.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	b, _ := io.ReadAll(io.LimitReader(f, 64)) // what cannot be read is no name
	return strings.TrimSpace(strings.TrimPrefix(strings.ToValidUTF8(string(b), "?"), "\ufeff"))
}

// dbf is an attribute table in dBASE III format and its relatives.
type dbf struct {
	r          *bufio.Reader
	rows       int64
	rowBytes   int
	languageID byte
	columns    []column
}

type column struct {
	name  []byte
	at    int // of the value in a row
	width int
	text  bool
}

// openDBF reads the header: 32 bytes, 32 for each column, 0x0D. size is the file's.
func openDBF(r io.Reader, size int64) (*dbf, error) {
	d := &dbf{r: bufio.NewReaderSize(r, 256<<10)}
	head := make([]byte, 32)
	if _, err := io.ReadFull(d.r, head); err != nil {
		return nil, err
	}
	d.rows = int64(binary.LittleEndian.Uint32(head[4:]))
	headBytes := int(binary.LittleEndian.Uint16(head[8:]))
	d.rowBytes = int(binary.LittleEndian.Uint16(head[10:]))
	d.languageID = head[29]
	if headBytes < 33 || d.rowBytes < 1 || size < int64(headBytes)+d.rows*int64(d.rowBytes) {
		return nil, fmt.Errorf("dbf: %d bytes for a header of %d and %d rows of %d", size, headBytes, d.rows, d.rowBytes)
	}
	rest := make([]byte, headBytes-32)
	if _, err := io.ReadFull(d.r, rest); err != nil {
		return nil, err
	}
	at := 1 // after the deletion mark
	for ; len(rest) >= 32 && rest[0] != 0x0d; rest = rest[32:] {
		c := column{name: trimName(rest[:11]), at: at, width: int(rest[16]), text: rest[11] == 'C'}
		if c.text {
			c.width |= int(rest[17]) << 8 // long text columns keep the high byte where numbers keep their decimals
		}
		at += c.width
		d.columns = append(d.columns, c)
	}
	if at > d.rowBytes {
		return nil, fmt.Errorf("dbf: columns of %d bytes in rows of %d", at, d.rowBytes)
	}
	return d, nil
}

func trimName(b []byte) []byte {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return bytes.TrimRight(bytes.Clone(b), " ")
}

// agrees checks the lengths that the .shp and .shx claim, and that the .dbf has as many rows as the .shx.
func (d *dbf) agrees(stem string) error {
	var shapes int64
	for _, ext := range []string{".shp", ".shx"} {
		head := make([]byte, 28)
		f, err := os.Open(stem + ext)
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return err
		}
		_, err = io.ReadFull(f, head)
		if claimed := 2 * int64(binary.BigEndian.Uint32(head[24:])); err != nil || claimed < 100 || claimed > info.Size() {
			return failBecause(wire.FailDamaged, fmt.Errorf("%s has %d bytes and claims %d", ext, info.Size(), claimed))
		}
		shapes = (info.Size() - 100) / 8
	}
	if shapes != d.rows {
		return fail(wire.FailRows, fmt.Sprintf(".shx: %d rows", shapes), fmt.Sprintf(".dbf: %d rows", d.rows))
	}
	return nil
}

// scan reads the names and the text of all rows that are not deleted.
func (d *dbf) scan(t *wire.Table) error {
	t.UTF8.Valid, t.GB18030.Valid = true, true
	s := survey{table: t, gb: simplifiedchinese.GB18030.NewDecoder(), columns: make([]tally, len(d.columns))}
	for i, c := range d.columns {
		s.add(c.name, true)
		if lost(c.name) {
			t.Lost = append(t.Lost, wire.Damage{Column: i, Samples: [][]byte{c.name}})
		}
	}
	t.UTF8.Cut, t.GB18030.Cut = 0, 0 // names are reported one by one
	row := make([]byte, d.rowBytes)
	for range d.rows {
		if _, err := io.ReadFull(d.r, row); err != nil {
			return err
		}
		if row[0] == '*' {
			continue
		}
		for i, c := range d.columns {
			if !c.text {
				continue
			}
			value := row[c.at : c.at+c.width]
			if end := bytes.IndexByte(value, 0); end >= 0 {
				value = value[:end]
			}
			value = bytes.TrimRight(value, " ")
			s.count(i, value, len(value) == c.width)
		}
	}
	for i, c := range s.columns {
		if c.lost > 0 && 2*c.lost >= c.filled {
			t.Lost = append(t.Lost, wire.Damage{Column: i, Samples: c.samples})
		}
	}
	return nil
}

// survey gathers what all text of a table has in common.
type survey struct {
	table   *wire.Table
	gb      *encoding.Decoder
	columns []tally
}

// tally counts the values of a column, and those with lost characters.
type tally struct {
	filled, lost int64
	samples      [][]byte
}

// count takes one value into account; full allows its last character to be cut off.
func (s *survey) count(column int, value []byte, full bool) {
	if len(value) == 0 {
		return
	}
	t := &s.columns[column]
	t.filled++
	if lost(value) {
		t.lost++
		if len(t.samples) < 3 {
			t.samples = append(t.samples, bytes.Clone(value))
		}
	}
	s.add(value, full)
}

// add tries text as UTF-8 and as GB18030.
func (s *survey) add(text []byte, full bool) {
	if !nonASCII(text) {
		return
	}
	s.table.NonASCII = true
	s.table.UTF8.Try(text, full, utf8.Valid, wire.BeginsUTF8)
	s.table.GB18030.Try(text, full, s.isGB18030, wire.BeginsGB18030)
	s.table.UTF8Wide = s.table.UTF8Wide || bytes.ContainsFunc(text, func(r rune) bool { return r > 0x7ff && r != utf8.RuneError })
}

func (s *survey) isGB18030(b []byte) bool {
	text, err := s.gb.Bytes(b)
	return err == nil && !bytes.ContainsRune(text, utf8.RuneError)
}

// lost recognises what is left of characters that an earlier export could not write: a run of question marks, or
// U+FFFD in UTF-8 (which reads 锟斤拷 as GBK).
func lost(text []byte) bool {
	return bytes.Contains(text, []byte("??")) || bytes.Contains(text, []byte("\xef\xbf\xbd"))
}

func nonASCII(text []byte) bool {
	for _, b := range text {
		if b >= utf8.RuneSelf {
			return true
		}
	}
	return false
}
