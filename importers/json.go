package importers

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/paulmach/orb"
)

// errTooLong ends the reading of a JSON value over the limit.
var errTooLong = errors.New("value over the limit")

// errNotJSON says that the text between values is not JSON.
var errNotJSON = errors.New("not JSON")

// splitter takes a stream of JSON apart into values without understanding them: brackets and quotes alone.
// Each value is checked by the caller.
type splitter struct {
	r   *bufio.Reader
	max int
	buf []byte
}

// peek skips blanks and shows the next byte.
func (s *splitter) peek() (byte, error) {
	for {
		c, err := s.r.ReadByte()
		if err != nil {
			return 0, err
		}
		switch c {
		case ' ', '\t', '\r', '\n':
			continue
		}
		return c, s.r.UnreadByte()
	}
}

// accept consumes the next byte if it is c.
func (s *splitter) accept(c byte) (bool, error) {
	got, err := s.peek()
	if err != nil || got != c {
		return false, err
	}
	_, err = s.r.ReadByte()
	return err == nil, err
}

// expect consumes the next byte, which has to be c.
func (s *splitter) expect(c byte) error {
	ok, err := s.accept(c)
	if err == nil && !ok {
		return errNotJSON
	}
	return err
}

// value reads one value whole; it is valid until the next call. keep false reads over it.
func (s *splitter) value(keep bool) ([]byte, error) {
	first, err := s.peek()
	if err != nil {
		return nil, err
	}
	s.buf = s.buf[:0]
	depth, quoted, escaped := 0, false, false
	for {
		c, err := s.r.ReadByte()
		if err != nil {
			if err == io.EOF && depth == 0 && !quoted && len(s.buf) > 0 {
				return s.buf, nil // a bare number at the end of the file
			}
			return nil, noEOF(err)
		}
		if depth == 0 && !quoted && endsScalar(c) && (first != '{' && first != '[') {
			return s.buf, s.r.UnreadByte()
		}
		if keep || len(s.buf) == 0 {
			s.buf = append(s.buf, c)
		}
		if len(s.buf) > s.max {
			return nil, errTooLong
		}
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
			if !quoted && depth == 0 {
				return s.buf, nil
			}
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth <= 0 {
				return s.buf, nil
			}
		}
	}
}

// endsScalar reports whether c stands after a number or a literal.
func endsScalar(c byte) bool {
	return c == ',' || c == '}' || c == ']' || c == ':' || c == ' ' || c == '\n' || c == '\r' || c == '\t'
}

// noEOF makes the end of the file inside a value an error of its own.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// list calls each at the beginning of every element of a bracketed list: of an array '[' or an object '{'.
func (s *splitter) list(open byte, each func() error) error {
	closing := open + 2 // '[' → ']', '{' → '}'
	if err := s.expect(open); err != nil {
		return noEOF(err)
	}
	if done, err := s.accept(closing); done || err != nil {
		return noEOF(err)
	}
	for {
		if err := each(); err != nil {
			return noEOF(err)
		}
		if done, err := s.accept(closing); done || err != nil {
			return noEOF(err)
		}
		if err := s.expect(','); err != nil {
			return noEOF(err)
		}
	}
}

// walker reads a JSON value that is known to be valid.
type walker struct {
	b []byte
	i int
}

// next skips blanks, commas and colons and shows the next byte, 0 at the end.
func (w *walker) next() byte {
	for w.i < len(w.b) {
		switch c := w.b[w.i]; c {
		case ' ', '\t', '\r', '\n', ',', ':':
			w.i++
		default:
			return c
		}
	}
	return 0
}

// raw takes one value.
func (w *walker) raw() []byte {
	first := w.next()
	start, depth, quoted := w.i, 0, false
	for ; w.i < len(w.b); w.i++ {
		c := w.b[w.i]
		switch {
		case quoted && c == '\\':
			w.i++
		case c == '"':
			quoted = !quoted
			if !quoted && depth == 0 {
				w.i++
				return w.b[start:w.i]
			}
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth <= 0 {
				if depth == 0 && (first == '{' || first == '[') {
					w.i++
				}
				return w.b[start:w.i]
			}
		case depth == 0 && endsScalar(c):
			return w.b[start:w.i]
		}
	}
	return w.b[start:]
}

// members calls f for every member of an object; anything else has none. The key is valid during the call.
func members(object []byte, f func(key, value []byte)) {
	w := walker{b: object}
	if w.next() != '{' {
		return
	}
	w.i++
	for w.next() == '"' {
		key := w.raw()
		if bytes.IndexByte(key, '\\') >= 0 {
			key = []byte(unquote(key))
		} else {
			key = key[1 : len(key)-1]
		}
		f(key, w.raw())
	}
}

// unquote is the text of a JSON string; anything else stays as it is written.
func unquote(raw []byte) string {
	if len(raw) < 2 || raw[0] != '"' {
		return string(raw)
	}
	body := raw[1 : len(raw)-1]
	if bytes.IndexByte(body, '\\') < 0 && utf8.Valid(body) {
		return string(body)
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return string(body)
	}
	return s
}

// badShape says what is wrong with the coordinates of a geometry.
func badShape(zh, en string, args ...any) *problem { return wrong("bad_geometry", zh, en, args...) }

// parseGeometry reads a GeoJSON geometry object (RFC 7946 §3.1) that is valid JSON. Heights are dropped. null is
// no geometry.
func parseGeometry(raw []byte) (g orb.Geometry, bad *problem) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var kind string
	var coords []byte
	members(raw, func(key, value []byte) {
		switch string(key) {
		case "type":
			kind = unquote(value)
		case "coordinates":
			coords = value
		}
	})
	w := walker{b: coords}
	switch kind {
	case "Point":
		g, bad = w.position()
	case "MultiPoint":
		g, bad = many[orb.MultiPoint](&w, (*walker).position)
	case "LineString":
		g, bad = many[orb.LineString](&w, (*walker).position)
	case "MultiLineString":
		g, bad = many[orb.MultiLineString](&w, (*walker).line)
	case "Polygon":
		g, bad = w.polygon()
	case "MultiPolygon":
		g, bad = many[orb.MultiPolygon](&w, (*walker).polygon)
	case "GeometryCollection":
		return orb.Collection{}, nil
	case "":
		return nil, badShape("几何没有 type", "the geometry has no type")
	default:
		return nil, badShape("未知的几何类型", "not a type of geometry").of(kind)
	}
	if bad != nil {
		return nil, bad
	}
	return g, nil
}

func (w *walker) line() (orb.LineString, *problem) {
	return many[orb.LineString](w, (*walker).position)
}
func (w *walker) ring() (orb.Ring, *problem)       { return many[orb.Ring](w, (*walker).position) }
func (w *walker) polygon() (orb.Polygon, *problem) { return many[orb.Polygon](w, (*walker).ring) }

// many reads an array of parts.
func many[S ~[]E, E any](w *walker, part func(*walker) (E, *problem)) (S, *problem) {
	if w.next() != '[' {
		return nil, badShape("坐标的嵌套层数与类型不符", "the coordinates are not nested as deep as the type asks")
	}
	w.i++
	var out S
	for {
		switch w.next() {
		case ']':
			w.i++
			return out, nil
		case 0:
			return nil, badShape("坐标不完整", "the coordinates are not complete")
		}
		e, bad := part(w)
		if bad != nil {
			return nil, bad
		}
		out = append(out, e)
	}
}

// position reads [lon, lat, …].
func (w *walker) position() (p orb.Point, bad *problem) {
	if w.next() != '[' {
		return p, badShape("坐标的嵌套层数与类型不符", "the coordinates are not nested as deep as the type asks")
	}
	w.i++
	n := 0
	for ; w.next() != ']'; n++ {
		raw := w.raw()
		f, err := strconv.ParseFloat(string(raw), 64)
		if err != nil || math.IsInf(f, 0) {
			return p, badShape("坐标不是数字", "a coordinate is not a number").of(clip(string(raw)))
		}
		if n < 2 {
			p[n] = f
		}
	}
	w.i++
	if n < 2 {
		return p, badShape("坐标须有经度和纬度两个数", "a position needs two numbers, longitude and latitude")
	}
	return p, nil
}
