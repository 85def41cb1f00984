package bench

import (
	"encoding/binary"
	"math"

	"wangge/grids"
)

// errTile is the error of a tile whose bytes make no sense.
var errTile = grids.Errorf(grids.Internal, "a tile is not well formed")

// Features calls f for every feature of one layer of an unpacked vector tile (MVT 2.1), with its id and the values of
// the named keys: nil where the feature has none, else string, float64, int64 or bool. The slice of values is used
// again for the next feature. Geometry is not looked at. The error is Internal for bytes that are no tile.
func Features(tile []byte, layer string, keys []string, f func(id uint64, values []any)) error {
	return fields(tile, func(field int, _ uint64, b []byte) error {
		if field != 3 {
			return nil
		}
		l, err := readLayer(b)
		if err != nil || l.name != layer {
			return err
		}
		return l.each(keys, f)
	})
}

// rawLayer is a layer cut into its messages.
type rawLayer struct {
	name     string
	keys     []string
	values   [][]byte
	features [][]byte
}

func readLayer(b []byte) (l rawLayer, err error) {
	err = fields(b, func(field int, _ uint64, b []byte) error {
		switch field {
		case 1:
			l.name = string(b)
		case 2:
			l.features = append(l.features, b)
		case 3:
			l.keys = append(l.keys, string(b))
		case 4:
			l.values = append(l.values, b)
		}
		return nil
	})
	return l, err
}

// each reads the features.
func (l *rawLayer) each(keys []string, f func(id uint64, values []any)) error {
	wanted := make([]int, len(l.keys)) // by key of the layer: 1 + its place among keys
	for i, name := range l.keys {
		for j, k := range keys {
			if k == name {
				wanted[i] = j + 1
			}
		}
	}
	values := make([]any, len(keys))
	for _, b := range l.features {
		var id uint64
		clear(values)
		err := fields(b, func(field int, n uint64, b []byte) error {
			switch field {
			case 1:
				id = n
			case 2:
				return l.tags(b, wanted, values)
			}
			return nil
		})
		if err != nil {
			return err
		}
		f(id, values)
	}
	return nil
}

// tags fills the values that the tags of a feature point to.
func (l *rawLayer) tags(b []byte, wanted []int, values []any) error {
	for len(b) > 0 {
		key, n := binary.Uvarint(b)
		if n <= 0 {
			return errTile
		}
		value, m := binary.Uvarint(b[n:])
		if m <= 0 || key >= uint64(len(wanted)) || value >= uint64(len(l.values)) {
			return errTile
		}
		b = b[n+m:]
		if at := wanted[key]; at > 0 {
			var err error
			if values[at-1], err = valueOf(l.values[value]); err != nil {
				return err
			}
		}
	}
	return nil
}

// valueOf reads a value message (MVT 2.1, §4.4).
func valueOf(b []byte) (v any, err error) {
	err = fields(b, func(field int, n uint64, b []byte) error {
		switch field {
		case 1:
			v = string(b)
		case 2:
			v = float64(math.Float32frombits(uint32(n)))
		case 3:
			v = math.Float64frombits(n)
		case 4, 5:
			v = int64(n)
		case 6:
			v = int64(n>>1) ^ -int64(n&1)
		case 7:
			v = n != 0
		}
		return nil
	})
	return v, err
}

// fields calls f for each field of a protobuf message: with its number, and its value as a number or as bytes.
func fields(b []byte, f func(field int, n uint64, b []byte) error) error {
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		if n <= 0 {
			return errTile
		}
		b = b[n:]
		var number uint64
		var body []byte
		switch tag & 7 {
		case 0:
			if number, n = binary.Uvarint(b); n <= 0 {
				return errTile
			}
		case 1:
			if n = 8; len(b) < n {
				return errTile
			}
			number = binary.LittleEndian.Uint64(b)
		case 2:
			size, k := binary.Uvarint(b)
			if k <= 0 || size > uint64(len(b)-k) {
				return errTile
			}
			n = k + int(size)
			body = b[k:n]
		case 5:
			if n = 4; len(b) < n {
				return errTile
			}
			number = uint64(binary.LittleEndian.Uint32(b))
		default:
			return errTile
		}
		b = b[n:]
		if err := f(int(tag>>3), number, body); err != nil {
			return err
		}
	}
	return nil
}
