// Package wire is the language between the sandboxed reader program and its parent: frames on the reader's
// standard output.
//
//	frame   = kind (1 byte) · length of the payload (4 bytes, big endian) · payload
//	stream  = header · record … · end   |   any prefix of it · failure
//	header  'H' JSON of Header
//	record  'R' uvarint row · uvarint bytes of geometry · geometry (little-endian 2D WKB, none when empty) · values
//	value   tag (1 byte): 0 null · 1 text: uvarint length, raw bytes · 2 integer: zigzag varint
//	        · 3 real: IEEE 754, 8 bytes little endian · 4 date or time: as text, ISO 8601
//	end     'E' uvarint count of records
//	failure 'X' JSON of Failure
//
// The reader may have been taken over by the file that it reads, so its frames are data to be checked: the
// decoder allocates no more than the bytes that arrived, and every text is bounded.
package wire

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"unicode/utf8"
)

// Bounds of a stream.
const (
	MaxFrameBytes  = 64 << 20 // one geometry of four million vertices
	MaxHeaderBytes = 4 << 20
	MaxFields      = 2048
)

// Header opens a stream: what the chosen layer is.
type Header struct {
	Name     []byte  // the layer's, raw: the encoding is the parent's decision
	Geometry string  // as in WKT, in upper case: "MULTIPOLYGON", "GEOMETRY", "NONE"
	CRSWKT   string  // well-known text, "" when the file names no system
	Features int64   // -1 when unknown
	Fields   []Field // in the file's order
	Table    *Table  // of a DBF; nil means that all text is UTF-8
	Fenced   bool    // whether the kernel's Landlock holds the reader
	Notes    []Note  // oddities that were healed
}

// Field is a column: its raw name and one of the types "string", "integer", "real", "date", "time", "datetime", "other".
type Field struct {
	Name []byte
	Type string
}

// Table is what a DBF tells about its own text, found by reading all of it.
type Table struct {
	LanguageID byte     // of the header; 0x4D is cp936
	CodePage   string   // content of the .cpg, "" without one
	NonASCII   bool     // some text or name is not ASCII
	UTF8       Reading  // of all text
	UTF8Wide   bool     // some text needs three bytes in UTF-8, as Chinese characters do
	GB18030    Reading  // of all text
	Lost       []Damage // columns whose text an earlier program has replaced by question marks
}

// Reading says whether text is valid in an encoding, apart from last characters cut off by a column's width.
type Reading struct {
	Valid bool
	Cut   int64 // values whose last character is cut off
}

// Try takes one text into account; full allows its last character to be cut off. The rest is as in Whole.
func (r *Reading) Try(text []byte, full bool, is, begins func([]byte) bool) {
	if !r.Valid {
		return
	}
	rest, ok := Whole(text, is, begins)
	r.Valid = ok && (full || len(rest) == len(text))
	if r.Valid && len(rest) < len(text) {
		r.Cut++
	}
}

// Whole is text without the beginning of a character at its end, the rest of which was cut off: one to three bytes.
// is knows text of the encoding, begins the beginning of a character. It is not ok if what is left is no such text.
func Whole(text []byte, is, begins func([]byte) bool) (rest []byte, ok bool) {
	if is(text) {
		return text, true
	}
	for n := len(text) - 1; n >= 0 && n >= len(text)-3; n-- {
		if begins(text[n:]) && is(text[:n]) {
			return text[:n], true
		}
	}
	return nil, false
}

// BeginsUTF8 reports whether b is the beginning of a character in UTF-8, and not all of it.
func BeginsUTF8(b []byte) bool { return !utf8.FullRune(b) }

// BeginsGB18030 reports whether b is the beginning of a character in GB18030 (two bytes, or four with digits in the second
// and fourth place), and not all of it. It holds for the two-byte encodings of East Asia as well.
func BeginsGB18030(b []byte) bool {
	lead := func(c byte) bool { return c > 0x80 && c < 0xff }
	digit := func(c byte) bool { return c >= '0' && c <= '9' }
	return len(b) > 0 && len(b) < 4 && lead(b[0]) && (len(b) == 1 || digit(b[1])) && (len(b) < 3 || lead(b[2]))
}

// Damage is a column (or a column name) whose characters are lost, with samples of what is left.
type Damage struct {
	Column  int // index in Header.Fields
	Samples [][]byte
}

// Note is an oddity that the reader has healed: a fixed code, with a count.
type Note struct {
	Code  string
	Count int64
}

// Codes of notes.
const (
	NoteFolders = "folders" // the layers of a KML were read as one
	NoteBinary  = "binary"  // binary columns were left out
)

// Failure ends a stream early: a fixed code, with raw details from the file.
type Failure struct {
	Code    string
	Row     int64    // 0 when it concerns no row
	Details [][]byte // names out of the file
	Log     string   // for the log only
}

// Codes of failures. The parent owns the sentences.
const (
	FailFormat    = "format"    // no format of the table
	FailLoose     = "loose"     // a .shp or .dbf without its zip
	FailZip       = "zip"       // not a readable zip
	FailEncrypted = "encrypted" // zip with a password
	FailBomb      = "bomb"      // unpacks to more than the limit
	FailName      = "name"      // zip member that climbs out of its folder
	FailNothing   = "nothing"   // zip without a readable file
	FailSeveral   = "several"   // zip with several readable files; Details are their names
	FailPart      = "part"      // shapefile without a part; Details are its names
	FailTable     = "table"     // damaged DBF
	FailRows      = "rows"      // .dbf and .shx disagree on the number of rows; Details are the two
	FailDamaged   = "damaged"   // GDAL could not open or read it
	FailLayers    = "layers"    // several layers and none chosen; Details are their names
	FailNoLayer   = "no layer"  // the layer asked for does not exist; Details are those that do
	FailEmpty     = "empty"     // no layer at all
	FailFields    = "fields"    // too many columns
	FailLarge     = "large"     // a record larger than a frame
	FailFence     = "fence"     // the sandbox could not be put up
	FailUnfenced  = "unfenced"  // no Landlock in the kernel, and the reader has the server's rights
	FailInternal  = "internal"  // a fault of the reader itself
)

// Record is a row as it comes from the reader.
type Record struct {
	Row    int64
	WKB    []byte
	Values []any // nil, Text, Stamp, int64, float64
}

// Text is a raw text value.
type Text []byte

// Stamp is a date or time in ISO 8601.
type Stamp string

// Kinds of frames.
const (
	kindHeader  = 'H'
	kindRecord  = 'R'
	kindEnd     = 'E'
	kindFailure = 'X'
)

// Tags of values.
const (
	tagNull = iota
	tagText
	tagInteger
	tagReal
	tagStamp
)

// Writer writes a stream. Not safe for concurrent use.
type Writer struct {
	w   *bufio.Writer
	buf []byte
}

// NewWriter writes to w; Close, or a failure, sends what is buffered.
func NewWriter(w io.Writer) *Writer { return &Writer{w: bufio.NewWriterSize(w, 64<<10)} }

// Header writes the header and sends it at once, so that the parent can decide.
func (w *Writer) Header(h Header) error {
	if err := w.json(kindHeader, h); err != nil {
		return err
	}
	return w.w.Flush()
}

// Failure ends the stream with f.
func (w *Writer) Failure(f Failure) error {
	if err := w.json(kindFailure, f); err != nil {
		return err
	}
	return w.w.Flush()
}

// End ends the stream after count records.
func (w *Writer) End(count int64) error {
	w.buf = binary.AppendUvarint(w.buf[:0], uint64(count))
	if err := w.frame(kindEnd); err != nil {
		return err
	}
	return w.w.Flush()
}

// ErrLarge is a record that does not fit a frame.
var ErrLarge = errors.New("wire: record larger than a frame")

// Record writes one row.
func (w *Writer) Record(r Record) error {
	b := binary.AppendUvarint(w.buf[:0], uint64(r.Row))
	b = binary.AppendUvarint(b, uint64(len(r.WKB)))
	b = append(b, r.WKB...)
	for _, v := range r.Values {
		switch v := v.(type) {
		case nil:
			b = append(b, tagNull)
		case Text:
			b = binary.AppendUvarint(append(b, tagText), uint64(len(v)))
			b = append(b, v...)
		case Stamp:
			b = binary.AppendUvarint(append(b, tagStamp), uint64(len(v)))
			b = append(b, v...)
		case int64:
			b = binary.AppendVarint(append(b, tagInteger), v)
		case float64:
			b = binary.LittleEndian.AppendUint64(append(b, tagReal), math.Float64bits(v))
		default:
			return fmt.Errorf("wire: a value of type %T", v)
		}
	}
	w.buf = b
	return w.frame(kindRecord)
}

func (w *Writer) json(kind byte, v any) (err error) {
	if w.buf, err = json.Marshal(v); err != nil {
		return err
	}
	return w.frame(kind)
}

func (w *Writer) frame(kind byte) error {
	if len(w.buf) > MaxFrameBytes {
		return ErrLarge
	}
	var head [5]byte
	head[0] = kind
	binary.BigEndian.PutUint32(head[1:], uint32(len(w.buf)))
	if _, err := w.w.Write(head[:]); err != nil {
		return err
	}
	_, err := w.w.Write(w.buf)
	return err
}
