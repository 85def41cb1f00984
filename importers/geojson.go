package importers

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"wangge/grids"
	"wangge/importers/crs"
)

// maxMember bounds what is kept of a member of a feature collection that is not a feature.
const maxMember = 64 << 10

// features is how a GeoJSON file is to be read.
type features struct {
	s     *Source
	index map[string]int // column by name
	kind  string         // type of the first value
	crs   []byte         // the old "crs" member
}

// openJSON reads the file once: what it is, its columns, its coordinate system.
func (s *Source) openJSON() error {
	s.format, s.encoding, s.geometry = "GeoJSON", "UTF-8", true
	t := &features{s: s, index: map[string]int{}}
	if err := t.recognise(); err != nil {
		return err
	}
	valid, damaged := 0, "" // how many features are JSON, and what is wrong with the first that is not
	err := t.read(func(row int, raw []byte) error {
		if json.Valid(raw) {
			valid++
			t.learn(raw)
		} else if damaged == "" {
			damaged = fmt.Sprintf("feature %d %s", row, badJSON(raw).text.EN)
		}
		if len(s.columns) > s.limits.Columns {
			return grids.Errorf(grids.TooLarge, "%s has more than %d different properties: keep those that are needed", s.name, s.limits.Columns)
		}
		return nil
	})
	switch {
	case grids.KindOf(err) == grids.TooLarge:
		return err
	case valid == 0 && damaged != "":
		return grids.Errorf(grids.Invalid, "%s: %s", s.name, damaged)
	}
	s.rows = t.records // other damage is told where it stands, when the rows are read
	return t.settle()
}

// recognise looks at the first value: a collection, a sequence of features, or something else.
func (t *features) recognise() error {
	f, r, err := t.s.reopen()
	if err != nil {
		return err
	}
	defer f.Close()
	dropMark(r)
	if head, _ := r.Peek(1); string(head) == "\x1E" {
		t.s.format = "GeoJSONSeq"
		return nil
	}
	line, err := firstLine(r, t.s.limits.Line)
	if err == nil && json.Valid(line) {
		if next, err := (&splitter{r: r}).peek(); err == nil && next == '{' {
			t.s.format = "GeoJSONSeq"
			return nil
		}
	}
	t.kind, err = t.typeOf()
	return err
}

// dropMark drops a byte order mark.
func dropMark(r *bufio.Reader) {
	if mark, _ := r.Peek(3); string(mark) == "\uFEFF" {
		_, _ = r.Discard(3)
	}
}

// firstLine reads the first line that is not blank; the error is errTooLong for a line over the limit.
func firstLine(r *bufio.Reader, limit int) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > limit {
			return nil, errTooLong
		}
		if err == nil && len(bytes.TrimSpace(line)) == 0 {
			line = line[:0]
			continue
		}
		if err != bufio.ErrBufferFull {
			return line, nil
		}
	}
}

// typeOf reads over the members of the one value of the file to find its type and its "crs".
func (t *features) typeOf() (kind string, err error) {
	f, r, err := t.s.reopen()
	if err != nil {
		return "", err
	}
	defer f.Close()
	dropMark(r)
	sp := &splitter{r: r, max: t.s.limits.Line}
	if c, _ := sp.peek(); c == '[' {
		return "", grids.Errorf(grids.Invalid, "%s is a JSON array, not GeoJSON: wrap the features in {\"type\":\"FeatureCollection\",\"features\":[…]}", t.s.name)
	}
	var keys []string
	err = sp.list('{', func() error {
		key, value, err := t.member(sp)
		if err != nil {
			return err
		}
		keys = append(keys, key)
		switch key {
		case "type":
			kind = unquote(value)
		case "crs":
			t.crs = bytes.Clone(value)
		}
		if len(keys) > 1000 {
			return errNotJSON
		}
		return nil
	})
	switch {
	case kind == "Topology" || slices.Contains(keys, "arcs") && slices.Contains(keys, "objects"):
		return "", grids.Errorf(grids.Invalid, "%s is TopoJSON: convert it to GeoJSON first (topo2geo, mapshaper or QGIS)", t.s.name)
	case kind == "" && slices.Contains(keys, "features"):
		kind = "FeatureCollection"
	}
	switch kind {
	case "FeatureCollection", "Feature", "Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection":
		return kind, nil
	}
	if err != nil {
		return "", grids.Hide(grids.Invalid, err, "%s is not complete JSON: export or copy it again", t.s.name)
	}
	return "", grids.Errorf(grids.Invalid, "%s is JSON but not GeoJSON (type %q): export it as a GeoJSON FeatureCollection", t.s.name, clip(kind))
}

// member reads the key of a member and its value, or over it where it is long.
func (t *features) member(sp *splitter) (key string, value []byte, err error) {
	raw, err := sp.value(true)
	if err != nil {
		return "", nil, err
	}
	key = unquote(raw)
	if err := sp.expect(':'); err != nil {
		return "", nil, err
	}
	value, err = sp.value(key == "type" || key == "crs")
	if len(value) > maxMember {
		value = nil
	}
	return key, value, err
}

// read calls each with the number and the text of every feature.
func (t *features) read(each func(row int, raw []byte) error) error {
	f, r, err := t.s.reopen()
	if err != nil {
		return err
	}
	defer f.Close()
	dropMark(r)
	if t.s.format == "GeoJSONSeq" {
		return t.sequence(r, each)
	}
	sp := &splitter{r: r, max: t.s.limits.Line}
	row := 0
	one := func() error {
		raw, err := sp.value(true)
		if err != nil {
			return t.broken(row+1, err)
		}
		row++
		return each(row, raw)
	}
	if t.kind != "FeatureCollection" {
		return one()
	}
	err = sp.list('{', func() error {
		raw, err := sp.value(true)
		if err != nil {
			return err
		}
		key := unquote(raw)
		if err := sp.expect(':'); err != nil {
			return err
		}
		if c, err := sp.peek(); key != "features" || err != nil || c != '[' {
			_, err := sp.value(false)
			return err
		}
		return sp.list('[', one)
	})
	return t.broken(row+1, err)
}

// broken turns damage between values into an error for a person; one that is already passes.
func (t *features) broken(row int, err error) error {
	var known *grids.Error
	switch {
	case err == nil || errors.As(err, &known) || errors.Is(err, errStop):
		return err
	case errors.Is(err, errTooLong):
		return grids.Errorf(grids.TooLarge, "%s: feature %d is longer than %d bytes", t.s.name, row, t.s.limits.Line)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return grids.Errorf(grids.Invalid, "%s ends in the middle of feature %d: it was not copied whole; copy it again", t.s.name, row)
	case errors.Is(err, errNotJSON):
		return grids.Errorf(grids.Invalid, "%s is not JSON near feature %d: a comma or bracket is missing", t.s.name, row)
	}
	return grids.Hide(grids.Internal, err, "%s cannot be read after feature %d", t.s.name, row-1)
}

// errStop ends a reading that its caller has enough of.
var errStop = errors.New("stop")

// sequence reads features one a line, or each after a record separator (RFC 8142). What is not JSON between two
// separators or on one line is one damaged row.
func (t *features) sequence(r *bufio.Reader, each func(row int, raw []byte) error) error {
	end := byte('\n')
	if c, _ := r.Peek(1); len(c) == 1 && c[0] == 0x1E {
		end = 0x1E
	}
	var buf []byte
	for row := 0; ; {
		part, err := r.ReadSlice(end)
		buf = append(buf, part...)
		if len(buf) > t.s.limits.Line {
			return t.broken(row+1, errTooLong)
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		if err != nil && err != io.EOF {
			return t.broken(row+1, err)
		}
		if raw := bytes.Trim(buf, " \t\r\n\x1E"); len(raw) > 0 {
			row++
			if err := each(row, raw); err != nil {
				return err
			}
		}
		buf = buf[:0]
		if err == io.EOF {
			return nil
		}
	}
}

// learn adds the properties of a feature to the columns.
func (t *features) learn(raw []byte) {
	feature(raw, func(key, _ []byte) {
		if _, ok := t.index[string(key)]; !ok {
			name := string(key)
			t.index[name] = len(t.s.columns)
			t.s.columns = append(t.s.columns, strings.TrimSpace(name))
		}
	})
}

// feature calls value for the id, every property (nested ones as a.b) and every foreign member of a
// feature, and returns its geometry. A bare geometry is a feature without properties.
func feature(raw []byte, value func(name, raw []byte)) (geometry []byte) {
	bare := false
	members(raw, func(key, v []byte) {
		switch string(key) {
		case "type":
			bare = string(v) != `"Feature"`
		case "geometry":
			geometry = v
		case "properties":
			flatten(nil, v, 0, value)
		case "bbox", "coordinates", "geometries":
		default:
			flatten(key, v, 0, value)
		}
	})
	if bare && geometry == nil {
		geometry = raw
	}
	return geometry
}

// flatten calls value for the leaves of a property.
func flatten(name, raw []byte, depth int, value func(name, raw []byte)) {
	if len(raw) == 0 || raw[0] != '{' || depth > 4 {
		if name != nil {
			value(name, raw)
		}
		return
	}
	members(raw, func(key, v []byte) {
		if name != nil {
			key = slices.Concat(name, []byte("."), key)
		}
		flatten(key, v, depth+1, value)
	})
}

// settle reads the old "crs" member.
func (t *features) settle() error {
	if len(t.crs) == 0 || string(t.crs) == "null" {
		return nil
	}
	var old struct {
		Properties struct {
			Name string `json:"name"`
		} `json:"properties"`
	}
	if err := json.Unmarshal(t.crs, &old); err != nil || old.Properties.Name == "" {
		return grids.Errorf(grids.Invalid, "%s: its \"crs\" member names no coordinate system: remove it, or name one like EPSG:4549", t.s.name)
	}
	c, err := crs.Parse(plainCRSName(old.Properties.Name))
	if err != nil {
		return err
	}
	t.s.crs = c
	return nil
}

// plainCRSName turns urn:ogc:def:crs:EPSG::4549 and CRS84 into the form EPSG:4549.
func plainCRSName(name string) string {
	rest, ok := strings.CutPrefix(strings.ToLower(name), "urn:ogc:def:crs:")
	if !ok {
		return name
	}
	parts := strings.Split(rest, ":")
	authority, code := parts[0], parts[len(parts)-1]
	if authority == "ogc" && code == "crs84" {
		return "EPSG:4326"
	}
	return strings.ToUpper(authority) + ":" + code
}

// records reads the file once.
func (t *features) records(yield func(Record, error) bool) {
	fields := make([]string, len(t.s.columns))
	err := t.read(func(row int, raw []byte) error {
		rec := Record{Row: row, Fields: fields}
		clear(fields)
		t.fill(&rec, raw)
		if !yield(rec, nil) {
			return errStop
		}
		return nil
	})
	if err != nil && !errors.Is(err, errStop) {
		yield(Record{}, err)
	}
}

// fill takes a feature apart.
func (t *features) fill(rec *Record, raw []byte) {
	if !json.Valid(raw) {
		rec.unread = true
		rec.spoil("", badJSON(raw))
		return
	}
	if raw[0] != '{' {
		rec.unread = true
		rec.spoil("", wrong("bad_feature", "不是 GeoJSON 要素", "not a GeoJSON feature").of(clip(string(raw))))
		return
	}
	geometry := feature(raw, func(name, v []byte) {
		if i, ok := t.index[string(name)]; ok && string(v) != "null" {
			rec.Fields[i] = strings.TrimSpace(unquote(v))
		}
	})
	g, bad := parseGeometry(geometry)
	if bad != nil {
		rec.spoil("", bad)
		return
	}
	rec.Geometry = g
}

// badJSON says what is wrong with a feature that is not JSON.
func badJSON(raw []byte) *problem {
	for _, word := range [...]string{"NaN", "Infinity", "nan"} {
		if bytes.Contains(raw, []byte(word)) {
			return wrong("bad_json", "含有 %s，这不是合法的 JSON：请改为 null 或数字", "holds %s, which is not JSON: write null or a number", word).of(word)
		}
	}
	return wrong("bad_json", "不是合法的 JSON，该要素无法读取", "is not valid JSON: the feature cannot be read")
}
