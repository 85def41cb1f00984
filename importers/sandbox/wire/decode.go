package wire

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
)

// ErrMalformed is a stream that breaks the rules of this package.
var ErrMalformed = errors.New("wire: malformed stream")

// Decoder reads a stream that may be hostile. Not safe for concurrent use.
type Decoder struct {
	r      *bufio.Reader
	fields int
	count  int64
	buf    bytes.Buffer
}

// NewDecoder reads from r.
func NewDecoder(r io.Reader) *Decoder { return &Decoder{r: bufio.NewReaderSize(r, 64<<10)} }

// Header reads the first frame: a header, or the failure of a reader that could not come so far. The error wraps
// ErrMalformed, or is what the underlying reader answered; a stream that ends early answers io.ErrUnexpectedEOF.
func (d *Decoder) Header() (Header, *Failure, error) {
	kind, payload, err := d.frame()
	if err != nil {
		return Header{}, nil, err
	}
	if kind == kindFailure {
		f, err := failure(payload)
		return Header{}, f, err
	}
	var h Header
	if kind != kindHeader || len(payload) > MaxHeaderBytes {
		return h, nil, malformed("a frame %q of %d bytes instead of a header", kind, len(payload))
	}
	if err := json.Unmarshal(payload, &h); err != nil {
		return h, nil, malformed("header: %v", err)
	}
	if len(h.Fields) > MaxFields {
		return h, nil, malformed("%d columns", len(h.Fields))
	}
	d.fields = len(h.Fields)
	return h, nil, nil
}

// Next reads the frame after the header: a record, or a failure, or io.EOF after the end frame. Errors as of Header.
// The record's bytes are its own.
func (d *Decoder) Next() (Record, *Failure, error) {
	kind, payload, err := d.frame()
	if err != nil {
		return Record{}, nil, err
	}
	switch kind {
	case kindRecord:
		r, err := d.record(bytes.Clone(payload))
		d.count++
		return r, nil, err
	case kindFailure:
		f, err := failure(payload)
		return Record{}, f, err
	case kindEnd:
		if count, n := binary.Uvarint(payload); n < 1 || n != len(payload) || count != uint64(d.count) {
			return Record{}, nil, malformed("the end frame does not count %d records", d.count)
		}
		return Record{}, nil, io.EOF
	}
	return Record{}, nil, malformed("a frame of kind %q", kind)
}

// frame reads a frame into the decoder's buffer, which grows with the bytes that arrive and not with the length
// that is claimed.
func (d *Decoder) frame() (byte, []byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(d.r, head[:]); err != nil {
		return 0, nil, early(err)
	}
	size := binary.BigEndian.Uint32(head[1:])
	if size > MaxFrameBytes {
		return 0, nil, malformed("a frame of %d bytes", size)
	}
	d.buf.Reset()
	if _, err := io.CopyN(&d.buf, d.r, int64(size)); err != nil {
		return 0, nil, early(err)
	}
	return head[0], d.buf.Bytes(), nil
}

func (d *Decoder) record(b []byte) (Record, error) {
	row, b, err := uvarint(b)
	if err != nil || row > math.MaxInt32 {
		return Record{}, malformed("the row number of record %d", d.count+1)
	}
	r := Record{Row: int64(row), Values: make([]any, d.fields)}
	if r.WKB, b, err = sized(b); err != nil {
		return r, err
	}
	for i := range r.Values {
		if r.Values[i], b, err = value(b); err != nil {
			return r, fmt.Errorf("row %d, column %d: %w", row, i+1, err)
		}
	}
	if len(b) != 0 {
		return r, malformed("%d bytes after the last value of row %d", len(b), row)
	}
	return r, nil
}

// value reads one value and answers the bytes after it.
func value(b []byte) (any, []byte, error) {
	if len(b) == 0 {
		return nil, nil, malformed("a record ends before its last value")
	}
	tag, b := b[0], b[1:]
	switch tag {
	case tagNull:
		return nil, b, nil
	case tagText:
		text, b, err := sized(b)
		return Text(text), b, err
	case tagStamp:
		text, b, err := sized(b)
		return Stamp(text), b, err
	case tagInteger:
		v, n := binary.Varint(b)
		if n <= 0 {
			return nil, nil, malformed("an integer")
		}
		return v, b[n:], nil
	case tagReal:
		if len(b) < 8 {
			return nil, nil, malformed("a real number")
		}
		return math.Float64frombits(binary.LittleEndian.Uint64(b)), b[8:], nil
	}
	return nil, nil, malformed("a value of tag %d", tag)
}

func uvarint(b []byte) (uint64, []byte, error) {
	v, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, nil, malformed("a length")
	}
	return v, b[n:], nil
}

// sized reads a length and as many bytes.
func sized(b []byte) ([]byte, []byte, error) {
	size, b, err := uvarint(b)
	if err != nil {
		return nil, nil, err
	}
	if size > uint64(len(b)) {
		return nil, nil, malformed("a length of %d where %d bytes are left", size, len(b))
	}
	return b[:size:size], b[size:], nil
}

func failure(payload []byte) (*Failure, error) {
	var f Failure
	if len(payload) > MaxHeaderBytes {
		return nil, malformed("a failure of %d bytes", len(payload))
	}
	if err := json.Unmarshal(payload, &f); err != nil {
		return nil, malformed("failure: %v", err)
	}
	return &f, nil
}

func early(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}
