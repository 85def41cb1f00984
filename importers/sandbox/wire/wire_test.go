package wire_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"pgregory.net/rapid"

	"wangge/importers/sandbox/wire"
)

var header = wire.Header{Name: []byte{0xCD, 0xF8}, Geometry: "POINT", CRSWKT: "x", Features: 2, Fenced: true,
	Fields: []wire.Field{{Name: []byte("a"), Type: "string"}, {Name: []byte{0xB8, 0xF1}, Type: "real"}},
	Table:  &wire.Table{LanguageID: 0x4D, NonASCII: true, GB18030: wire.Reading{Valid: true, Cut: 3}, Lost: []wire.Damage{{Column: 1, Samples: [][]byte{[]byte("??")}}}},
	Notes:  []wire.Note{{Code: wire.NoteFolders, Count: 2}}}

// written is a stream of the header, the records and the end.
func written(t testing.TB, records ...wire.Record) []byte {
	t.Helper()
	var b bytes.Buffer
	w := wire.NewWriter(&b)
	err := w.Header(header)
	for _, r := range records {
		err = errors.Join(err, w.Record(r))
	}
	if err = errors.Join(err, w.End(int64(len(records)))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// read is everything in a stream and how it ended.
func read(r io.Reader) (wire.Header, []wire.Record, *wire.Failure, error) {
	d := wire.NewDecoder(r)
	h, f, err := d.Header()
	if err != nil || f != nil {
		return h, nil, f, err
	}
	var list []wire.Record
	for {
		r, f, err := d.Next()
		if err != nil || f != nil {
			return h, list, f, err
		}
		list = append(list, r)
	}
}

func value() *rapid.Generator[any] {
	return rapid.OneOf(
		rapid.Just[any](nil),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) any { return wire.Text(append([]byte{}, b...)) }),
		rapid.Map(rapid.String(), func(s string) any { return wire.Stamp(s) }),
		rapid.Map(rapid.Int64(), func(v int64) any { return v }),
		rapid.Map(rapid.Float64(), func(v float64) any { return v }),
	)
}

// TestRoundTrip: what is written is read, however the bytes arrive.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var want []wire.Record
		for i := range rapid.IntRange(0, 5).Draw(rt, "rows") {
			want = append(want, wire.Record{Row: int64(i + 1), WKB: rapid.SliceOf(rapid.Byte()).Draw(rt, "wkb"), Values: []any{value().Draw(rt, "a"), value().Draw(rt, "b")}})
		}
		h, got, f, err := read(iotest.HalfReader(bytes.NewReader(written(t, want...))))
		if !errors.Is(err, io.EOF) || f != nil || !reflect.DeepEqual(h, header) || len(got) != len(want) {
			rt.Fatalf("%v, %d rows, %v, %v", h, len(got), f, err)
		}
		for i := range got {
			if got[i].Row != want[i].Row || !bytes.Equal(got[i].WKB, want[i].WKB) || !reflect.DeepEqual(got[i].Values, want[i].Values) {
				rt.Fatalf("%v; want %v", got[i], want[i])
			}
		}
	})
}

func TestFailure(t *testing.T) {
	want := wire.Failure{Code: wire.FailDamaged, Row: 7, Details: [][]byte{{0xff}}, Log: "x"}
	var b bytes.Buffer
	if err := wire.NewWriter(&b).Failure(want); err != nil {
		t.Fatal(err)
	}
	if _, _, f, err := read(bytes.NewReader(b.Bytes())); err != nil || !reflect.DeepEqual(*f, want) {
		t.Errorf("instead of a header: %v, %v", f, err)
	}
	whole := written(t, wire.Record{Row: 1, Values: []any{nil, nil}})
	end := bytes.LastIndexByte(whole, 'E')
	if _, rows, f, err := read(bytes.NewReader(append(whole[:end:end], b.Bytes()...))); err != nil || !reflect.DeepEqual(*f, want) || len(rows) != 1 {
		t.Errorf("after a row: %d rows, %v, %v", len(rows), f, err)
	}
}

func frame(kind byte, payload string) []byte {
	b := binary.BigEndian.AppendUint32([]byte{kind}, uint32(len(payload)))
	return append(b, payload...)
}

// TestMalformed: every breach is an error, and a stream that stops early is not a stream that ended.
func TestMalformed(t *testing.T) {
	whole := written(t, wire.Record{Row: 1, WKB: []byte("g"), Values: []any{wire.Text("x"), 1.5}})
	for n := range whole {
		if _, _, _, err := read(bytes.NewReader(whole[:n])); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
	head := written(t)
	head = head[:len(head)-6]
	for name, tail := range map[string][]byte{
		"unknown frame":          frame('?', ""),
		"second header":          frame('H', "{}"),
		"huge frame":             {'R', 0xff, 0, 0, 0},
		"row without values":     frame('R', "\x01\x00"),
		"row with one value":     frame('R', "\x01\x00\x00"),
		"bytes after the row":    frame('R', "\x01\x00\x00\x00x"),
		"geometry too long":      frame('R', "\x01\x7fx"),
		"length over 64 bits":    frame('R', "\x01"+strings.Repeat("\xff", 11)),
		"length that wraps":      frame('R', "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01x"),
		"huge row number":        frame('R', "\xff\xff\xff\xff\xff\x01\x00\x00\x00"),
		"unknown tag":            frame('R', "\x01\x00\x00\x09"),
		"text too long":          frame('R', "\x01\x00\x00\x01\x05x"),
		"half a real":            frame('R', "\x01\x00\x00\x03xxxx"),
		"integer without an end": frame('R', "\x01\x00\x00\x02\xff"),
		"wrong count":            frame('E', "\x01"),
		"empty end":              frame('E', ""),
		"failure without sense":  frame('X', "{"),
	} {
		if _, _, f, err := read(bytes.NewReader(append(head[:len(head):len(head)], tail...))); f != nil || !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("%s: %v, %v", name, f, err)
		}
	}
	many := `{"Fields":[` + strings.TrimSuffix(strings.Repeat("{},", wire.MaxFields+1), ",") + `]}`
	for name, b := range map[string][]byte{"record first": frame('R', ""), "no JSON": frame('H', "x"), "columns": frame('H', many), "long header": frame('H', strings.Repeat(" ", wire.MaxHeaderBytes+1)), "long failure": frame('X', strings.Repeat(" ", wire.MaxHeaderBytes+1))} {
		if _, _, f, err := read(bytes.NewReader(b)); f != nil || !errors.Is(err, wire.ErrMalformed) {
			t.Errorf("%s: %v, %v", name, f, err)
		}
	}
}

// TestHungry: a frame that claims 64 MiB and ends is not given 64 MiB.
func TestHungry(t *testing.T) {
	b := []byte{'H', 0x04, 0, 0, 0, 'x'}
	if n := testing.AllocsPerRun(5, func() { _, _, _, _ = read(bytes.NewReader(b)) }); n > 50 {
		t.Errorf("%v allocations", n)
	}
	result := testing.Benchmark(func(tb *testing.B) {
		for tb.Loop() {
			_, _, _, _ = read(bytes.NewReader(b))
		}
	})
	if result.AllocedBytesPerOp() > 1<<20 {
		t.Errorf("%d bytes", result.AllocedBytesPerOp())
	}
}

func TestLarge(t *testing.T) {
	w := wire.NewWriter(io.Discard)
	if err := w.Record(wire.Record{WKB: make([]byte, wire.MaxFrameBytes+1)}); !errors.Is(err, wire.ErrLarge) {
		t.Error(err)
	}
	if err := w.Record(wire.Record{Values: []any{true}}); err == nil {
		t.Error("a boolean was written")
	}
}

func TestWhole(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "abc": "abc", "网格": "网格", "网格\xe7": "网格", "网格\xe7\xbd": "网格", "x\xf0\x9f\x98": "x",
	} {
		if rest, ok := wire.Whole([]byte(in), utf8.Valid, wire.BeginsUTF8); !ok || string(rest) != want {
			t.Errorf("%q: %q, %v", in, rest, ok)
		}
	}
	for _, in := range []string{"\xff", "caf\xff x", "a\xe7\xbdb", "x\xcd\xf8\xb8", "网\xe7\xbd\x80\x80\x80\x80", "\xe7\xbdabc"} {
		if rest, ok := wire.Whole([]byte(in), utf8.Valid, wire.BeginsUTF8); ok {
			t.Errorf("%q is taken as %q", in, rest)
		}
	}
}

func FuzzDecoder(f *testing.F) {
	f.Add(written(f, wire.Record{Row: 1, WKB: []byte("g"), Values: []any{wire.Text("x"), math.Pi}}, wire.Record{Row: 2, Values: []any{int64(-1), wire.Stamp("2024-01-01")}}))
	f.Add(frame('X', `{"Code":"zip","Details":["eA=="]}`))
	f.Add(frame('R', "\x01\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, rows, _, _ := read(bytes.NewReader(b))
		for _, r := range rows {
			for _, v := range r.Values {
				switch v.(type) {
				case nil, wire.Text, wire.Stamp, int64, float64:
				default:
					t.Fatalf("a value of type %T", v)
				}
			}
		}
		size := 0
		for _, r := range rows {
			size += len(r.WKB)
			if len(r.Values) > wire.MaxFields {
				t.Fatalf("%d values", len(r.Values))
			}
		}
		if size+len(h.CRSWKT) > 3*len(b) { // JSON may replace a bad byte by three
			t.Fatalf("%d bytes out of %d", size, len(b))
		}
	})
}
