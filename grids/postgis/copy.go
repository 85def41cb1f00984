package postgis

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"wangge/grids"
)

// copyRow appends the fields of rows in PostgreSQL's binary COPY format (documentation of COPY, "Binary Format"): it
// spares what a driver spends on finding out each value's type, a third of the client's time in an import. Every field
// must be of its column's type; PostgreSQL refuses another length, the tests read every column back.
type copyRow struct{ b []byte }

// sized appends a field of n bytes for the caller to fill.
func (r *copyRow) sized(n int) []byte {
	r.b = binary.BigEndian.AppendUint32(r.b, uint32(n))
	r.b = append(r.b, make([]byte, n)...)
	return r.b[len(r.b)-n:]
}

func (r *copyRow) null()           { r.b = binary.BigEndian.AppendUint32(r.b, math.MaxUint32) }
func (r *copyRow) int2(v int16)    { binary.BigEndian.PutUint16(r.sized(2), uint16(v)) }
func (r *copyRow) int4(v int32)    { binary.BigEndian.PutUint32(r.sized(4), uint32(v)) }
func (r *copyRow) int8(v int64)    { binary.BigEndian.PutUint64(r.sized(8), uint64(v)) }
func (r *copyRow) float(v float64) { binary.BigEndian.PutUint64(r.sized(8), math.Float64bits(v)) }
func (r *copyRow) uuid(v grids.ID) { copy(r.sized(16), v[:]) }
func (r *copyRow) bytes(v []byte)  { copy(r.sized(len(v)), v) } // bytea, and geometry as EWKB
func (r *copyRow) text(v string)   { copy(r.sized(len(v)), v) }

func (r *copyRow) bool(v bool) {
	b := r.sized(1)
	if v {
		b[0] = 1
	}
}

// json is a jsonb field: its version, then the text.
func (r *copyRow) json(v []byte) {
	b := r.sized(1 + len(v))
	b[0] = 1
	copy(b[1:], v)
}

// date is a calendar day: PostgreSQL counts from 2000-01-01.
func (r *copyRow) date(d grids.Day) { r.int4(int32(d - grids.DayFrom(2000, time.January, 1))) }

// instant is a timestamptz: microseconds since 2000-01-01 UTC.
func (r *copyRow) instant(t time.Time) {
	r.int8(t.UnixMicro() - time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro())
}

// copyReader turns a stream of nouns into the bytes of a COPY.
type copyReader[T any] struct {
	next    func() (T, bool)
	row     func(T, *copyRow) error
	columns int
	buf     copyRow
	at      int // how much of buf is read
	rows    int64
	ended   bool
	err     error // of row: PostgreSQL's answer to it says less
}

// Read implements io.Reader.
func (c *copyReader[T]) Read(p []byte) (int, error) {
	if c.at == len(c.buf.b) {
		if c.ended {
			return 0, io.EOF
		}
		c.at, c.buf.b = 0, c.buf.b[:0]
		if c.err = c.fill(); c.err != nil {
			return 0, c.err
		}
	}
	n := copy(p, c.buf.b[c.at:])
	c.at += n
	return n, nil
}

// fill encodes the next 64 KiB of rows; the head before the first, the mark of the end after the last.
func (c *copyReader[T]) fill() error {
	const enough = 64 << 10
	if c.rows == 0 {
		c.buf.b = append(c.buf.b, "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
	}
	for len(c.buf.b) < enough {
		item, ok := c.next()
		if !ok {
			c.ended = true
			c.buf.b = append(c.buf.b, 0xff, 0xff)
			return nil
		}
		c.rows++
		c.buf.b = binary.BigEndian.AppendUint16(c.buf.b, uint16(c.columns))
		if err := c.row(item, &c.buf); err != nil {
			return err
		}
	}
	return nil
}

// copyRows sends the nouns that next gives into a table and returns how many.
func copyRows[T any](ctx context.Context, tx pgx.Tx, into string, columns []string, next func() (T, bool), row func(T, *copyRow) error) (int64, error) {
	c := &copyReader[T]{next: next, row: row, columns: len(columns)}
	_, err := tx.Conn().PgConn().CopyFrom(ctx, c, "copy "+into+" ("+strings.Join(columns, ", ")+") from stdin (format binary)")
	if c.err != nil {
		err = errors.Join(c.err, err)
	}
	return c.rows, err
}
