package tiles

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// message is the fields of a protobuf message in the order they come.
type message []field

type field struct {
	number, wire int
	n            uint64 // wire types 0 and 1
	b            []byte // wire type 2
}

// parse reads a protobuf message.
func parse(b []byte) (message, error) {
	var m message
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		if n <= 0 {
			return nil, errors.New("broken tag")
		}
		b = b[n:]
		f := field{number: int(tag >> 3), wire: int(tag & 7)}
		size := 0
		switch f.wire {
		case 0:
			if f.n, size = binary.Uvarint(b); size <= 0 {
				return nil, errors.New("broken varint")
			}
		case 1, 5:
			if size = map[int]int{1: 8, 5: 4}[f.wire]; len(b) < size {
				return nil, errors.New("broken fixed number")
			}
			if f.wire == 1 {
				f.n = binary.LittleEndian.Uint64(b)
			}
		case 2:
			l, n := binary.Uvarint(b)
			if n <= 0 || l > uint64(len(b)-n) {
				return nil, errors.New("broken length")
			}
			b, size = b[n:], int(l)
			f.b = b[:size]
		default:
			return nil, fmt.Errorf("wire type %d", f.wire)
		}
		b = b[size:]
		m = append(m, f)
	}
	return m, nil
}

// packed reads the numbers of a packed field.
func packed(b []byte) ([]uint32, error) {
	var out []uint32
	for len(b) > 0 {
		v, n := binary.Uvarint(b)
		if n <= 0 || v > 1<<32-1 {
			return nil, errors.New("broken packed number")
		}
		out, b = append(out, uint32(v)), b[n:]
	}
	return out, nil
}

// fields checks numbers, wire types and how often fields come, and returns them by number.
func (m message) fields(wires map[int]int, repeated ...int) (map[int][]field, error) {
	out := map[int][]field{}
	for _, f := range m {
		wire, ok := wires[f.number]
		if !ok || wire != f.wire {
			return nil, fmt.Errorf("field %d of wire type %d is not in the specification", f.number, f.wire)
		}
		out[f.number] = append(out[f.number], f)
	}
	for number, all := range out {
		if len(all) > 1 && !contains(repeated, number) {
			return nil, fmt.Errorf("field %d comes %d times", number, len(all))
		}
	}
	return out, nil
}

func contains(list []int, n int) bool {
	for _, v := range list {
		if v == n {
			return true
		}
	}
	return false
}

// rules checks a tile against the MUSTs of the vector tile specification 2.1, independently of the encoder.
func rules(tile []byte) error {
	m, err := parse(tile)
	if err != nil {
		return err
	}
	layers, err := m.fields(map[int]int{3: 2}, 3)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, l := range layers[3] {
		name, err := layerRules(l.b)
		if err != nil {
			return fmt.Errorf("layer %q: %w", name, err)
		}
		if seen[name] {
			return fmt.Errorf("two layers are named %q", name)
		}
		seen[name] = true
	}
	return nil
}

func layerRules(b []byte) (name string, err error) {
	m, err := parse(b)
	if err != nil {
		return "", err
	}
	f, err := m.fields(map[int]int{15: 0, 1: 2, 2: 2, 3: 2, 4: 2, 5: 0}, 2, 3, 4)
	if err != nil {
		return "", err
	}
	if len(f[1]) == 0 || len(f[1][0].b) == 0 {
		return "", errors.New("no name")
	}
	name = string(f[1][0].b)
	if len(f[15]) == 0 || f[15][0].n < 1 || f[15][0].n > 2 {
		return name, errors.New("the version is not 1 or 2")
	}
	keys := map[string]bool{}
	for _, k := range f[3] {
		if keys[string(k.b)] || !utf8.Valid(k.b) {
			return name, fmt.Errorf("key %q is there twice or not UTF-8", k.b)
		}
		keys[string(k.b)] = true
	}
	for i, v := range f[4] {
		if err := valueRules(v.b); err != nil {
			return name, fmt.Errorf("value %d: %w", i, err)
		}
	}
	for i, feature := range f[2] {
		if err := featureRules(feature.b, len(f[3]), len(f[4])); err != nil {
			return name, fmt.Errorf("feature %d: %w", i, err)
		}
	}
	return name, nil
}

func valueRules(b []byte) error {
	m, err := parse(b)
	if err != nil {
		return err
	}
	if _, err := m.fields(map[int]int{1: 2, 2: 5, 3: 1, 4: 0, 5: 0, 6: 0, 7: 0}); err != nil {
		return err
	}
	if len(m) != 1 {
		return fmt.Errorf("it holds %d values", len(m))
	}
	if m[0].number == 1 && !utf8.Valid(m[0].b) {
		return errors.New("it is not UTF-8")
	}
	return nil
}

func featureRules(b []byte, keys, values int) error {
	m, err := parse(b)
	if err != nil {
		return err
	}
	f, err := m.fields(map[int]int{1: 0, 2: 2, 3: 0, 4: 2})
	if err != nil {
		return err
	}
	if len(f[3]) == 0 || f[3][0].n < 1 || f[3][0].n > 3 {
		return errors.New("no geometry type of the specification")
	}
	if len(f[4]) == 0 {
		return errors.New("no geometry")
	}
	if len(f[2]) > 0 {
		tags, err := packed(f[2][0].b)
		if err != nil {
			return err
		}
		if len(tags)%2 != 0 {
			return errors.New("an odd number of tags")
		}
		for i := 0; i < len(tags); i += 2 {
			if int(tags[i]) >= keys || int(tags[i+1]) >= values {
				return fmt.Errorf("tag %d points nowhere", i)
			}
		}
	}
	commands, err := packed(f[4][0].b)
	if err != nil {
		return err
	}
	return geometryRules(int(f[3][0].n), commands)
}

// geometryRules checks the order and the numbers of commands, §4.3.
func geometryRules(kind int, c []uint32) error {
	if len(c) == 0 {
		return errors.New("an empty geometry")
	}
	if kind == 1 {
		if c[0]&7 != 1 || c[0]>>3 == 0 || uint64(len(c)) != 1+2*uint64(c[0]>>3) {
			return errors.New("points are not one MoveTo with its parameters")
		}
		return nil
	}
	for first := true; len(c) > 0; first = false {
		if c[0] != 1<<3|1 || len(c) < 4 {
			return errors.New("a line or ring does not begin with one MoveTo")
		}
		n := uint64(c[3] >> 3)
		if c[3]&7 != 2 || n == 0 || kind == 3 && n < 2 || uint64(len(c)) < 4+2*n {
			return errors.New("no LineTo with its parameters")
		}
		steps := c[4 : 4+2*n]
		for i := 0; i < len(steps); i += 2 {
			if steps[i] == 0 && steps[i+1] == 0 {
				return errors.New("a LineTo stays where it is")
			}
		}
		ring := c[1 : 4+2*n]
		c = c[4+2*n:]
		if kind == 2 {
			continue
		}
		if len(c) == 0 || c[0] != 1<<3|7 {
			return errors.New("a ring does not end with one ClosePath")
		}
		c = c[1:]
		if area := ringArea(ring); area == 0 || first && area < 0 {
			return fmt.Errorf("a ring has area %d, the first of the feature: %v", area, first)
		}
	}
	return nil
}

// ringArea is twice the area of MoveTo's parameters, a LineTo and its parameters.
func ringArea(c []uint32) int64 {
	var x, y, area int64
	var xs, ys []int64
	unzig := func(v uint32) int64 { return int64(int32(v>>1) ^ -int32(v&1)) }
	for i := 0; i < len(c); i += 2 {
		if i == 2 {
			i++ // the LineTo
		}
		x, y = x+unzig(c[i]), y+unzig(c[i+1])
		xs, ys = append(xs, x), append(ys, y)
	}
	for i := range xs {
		j := (i + 1) % len(xs)
		area += xs[i]*ys[j] - xs[j]*ys[i]
	}
	return area
}

// tidy checks what the specification asks of encoders beyond its MUSTs, and the house's own rules: every layer has a feature and
// says its extent, ids are there and unique, no key or value is there twice or unused.
func tidy(tile []byte) error {
	m, err := parse(tile)
	if err != nil {
		return err
	}
	for _, l := range m {
		f, err := mustParse(l.b).fields(map[int]int{15: 0, 1: 2, 2: 2, 3: 2, 4: 2, 5: 0}, 2, 3, 4)
		if err != nil {
			return err
		}
		if len(f[2]) == 0 || len(f[5]) != 1 || f[5][0].n != Extent || f[15][0].n != 2 {
			return errors.New("no feature, no extent of 4096, or not version 2")
		}
		ids, keys, values := map[uint64]bool{}, make([]bool, len(f[3])), make([]bool, len(f[4]))
		for _, feature := range f[2] {
			for _, p := range mustParse(feature.b) {
				switch p.number {
				case 1:
					if ids[p.n] || p.n >= maxID {
						return fmt.Errorf("id %d is there twice or too large", p.n)
					}
					ids[p.n] = true
				case 2:
					tags, _ := packed(p.b)
					for i := 0; i < len(tags); i += 2 {
						keys[tags[i]], values[tags[i+1]] = true, true
					}
				}
			}
		}
		once := map[string]bool{}
		for i, v := range f[4] {
			if once[string(v.b)] || !values[i] {
				return fmt.Errorf("value %x is there twice or unused", v.b)
			}
			once[string(v.b)] = true
		}
		if len(ids) != len(f[2]) || !all(keys) {
			return errors.New("a feature without id, or an unused key")
		}
	}
	return nil
}

func all(list []bool) bool {
	for _, v := range list {
		if !v {
			return false
		}
	}
	return true
}

func mustParse(b []byte) message {
	m, err := parse(b)
	if err != nil {
		panic(err)
	}
	return m
}

// The rules must flag every fixture that is invalid and accept every valid one, so that they can be trusted with our tiles.
func TestRulesAgreeWithFixtures(t *testing.T) {
	undecidable := map[string]string{
		"016": "the same bytes as 003, which is invalid",
		"039": "geometry type UNKNOWN, as in 003, written out",
		"057": "the same fault as 051, which is invalid: a MoveTo without its parameters",
	}
	files, err := filepath.Glob("testdata/mvt-fixtures/*.mvt")
	if err != nil || len(files) < 70 {
		t.Fatalf("%d fixtures, %v", len(files), err)
	}
	for _, file := range files {
		number := strings.TrimSuffix(filepath.Base(file), ".mvt")
		tile, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var info struct {
			Description string
			Valid       bool
		}
		text, err := os.ReadFile(strings.TrimSuffix(file, ".mvt") + ".json")
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &info); err != nil {
			t.Fatal(err)
		}
		if _, ok := undecidable[number]; ok {
			info.Valid = false
		}
		if err := rules(tile); (err == nil) != info.Valid {
			t.Errorf("fixture %s (%s): valid %v, the rules say %v", number, info.Description, info.Valid, err)
		}
	}
}
