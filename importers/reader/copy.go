package main

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"

	"wangge/importers/sandbox/wire"
)

// choose picks the layers to read: the one of that name, else the only one, else the only one with geometry, else all
// where layers are folders of one data set.
func choose(layers []layer, name string, merge bool) ([]layer, error) {
	var names []string
	var spatial []layer
	for _, l := range layers {
		if name != "" && l.name() == name {
			return []layer{l}, nil
		}
		names = append(names, l.name())
		if l.geometry() != "NONE" {
			spatial = append(spatial, l)
		}
	}
	switch {
	case len(layers) == 0:
		return nil, fail(wire.FailEmpty)
	case name != "":
		return nil, fail(wire.FailNoLayer, names...)
	case len(layers) == 1, merge:
		return layers, nil
	case len(spatial) == 1:
		return spatial, nil
	}
	return nil, fail(wire.FailLayers, names...)
}

// stream copies layers, as one, to the parent.
type stream struct {
	header wire.Header
	parts  []part
	folder int // index of the column that holds a part's name, -1 without one
}

// part is a layer and where its columns go.
type part struct {
	layer layer
	to    []int // index in Header.Fields, -1 for a column that is left out
}

// newStream describes the layers: the union of their columns in order, by name and type.
func newStream(layers []layer, src source) *stream {
	s := &stream{folder: -1}
	s.header.Name = []byte(layers[0].name())
	if src.name != "" {
		s.header.Name = []byte(src.name)
	}
	s.header.Geometry, s.header.CRSWKT = layers[0].geometry(), layers[0].crs()
	if src.format.ext == ".shp" {
		s.header.CRSWKT = projection(src)
	}
	if len(layers) > 1 {
		s.header.Name = []byte("folders")
		s.header.Notes = append(s.header.Notes, wire.Note{Code: wire.NoteFolders, Count: int64(len(layers))})
	}
	binary := int64(0)
	for _, l := range layers {
		if l.geometry() != s.header.Geometry {
			s.header.Geometry = "GEOMETRY"
		}
		if n := l.count(); n < 0 || s.header.Features < 0 {
			s.header.Features = -1
		} else {
			s.header.Features += n
		}
		p, left := s.place(l, src.format.ignore, len(layers) == 1)
		s.parts, binary = append(s.parts, p), binary+left
	}
	if binary > 0 {
		s.header.Notes = append(s.header.Notes, wire.Note{Code: wire.NoteBinary, Count: binary})
	}
	if len(layers) > 1 {
		s.folder = len(s.header.Fields)
		s.header.Fields = append(s.header.Fields, wire.Field{Name: []byte("folder"), Type: "string"})
	}
	return s
}

// place finds a column of the header for each column of the layer; left counts binary ones, which have none.
func (s *stream) place(l layer, ignore []string, alone bool) (p part, left int64) {
	p.layer = l
	for _, f := range l.fields() {
		to := -1
		switch {
		case slices.Contains(ignore, string(f.Name)):
		case f.Type == "other":
			left++
		default:
			if to = s.index(f); to < 0 || alone {
				to = len(s.header.Fields)
				s.header.Fields = append(s.header.Fields, f)
			}
		}
		p.to = append(p.to, to)
	}
	return p, left
}

func (s *stream) index(f wire.Field) int {
	return slices.IndexFunc(s.header.Fields, func(g wire.Field) bool { return bytes.Equal(g.Name, f.Name) && g.Type == f.Type })
}

// projection is the text of a shapefile's .prj as it is, "" without one.
func projection(src source) string {
	b, err := os.ReadFile(strings.TrimSuffix(src.path, src.format.ext) + ".prj")
	if err != nil {
		return ""
	}
	return strings.ToValidUTF8(string(b[:min(len(b), 64<<10)]), "?")
}

// copy writes all rows and the end.
func (s *stream) copy(w *wire.Writer) error {
	row := int64(0)
	for _, p := range s.parts {
		for {
			f, err := p.layer.next()
			if err != nil {
				return at(row+1, wire.FailDamaged, err)
			}
			if f.h == nil {
				break
			}
			row++
			if err := s.row(w, p, f, row); err != nil {
				return err
			}
		}
	}
	return w.End(row)
}

// row writes one row and frees it.
func (s *stream) row(w *wire.Writer, p part, f feature, number int64) error {
	defer f.close()
	r := wire.Record{Row: number, Values: make([]any, len(s.header.Fields))}
	for i, to := range p.to {
		if to >= 0 {
			r.Values[to] = f.value(i)
		}
	}
	if s.folder >= 0 {
		r.Values[s.folder] = wire.Text(p.layer.name())
	}
	var err error
	if r.WKB, err = f.geometry(); err == nil {
		err = w.Record(r)
	}
	if errors.Is(err, wire.ErrLarge) {
		return at(number, wire.FailLarge, err)
	}
	return err
}

// at is a failure at a row.
func at(row int64, code string, cause error) error {
	return &failed{wire.Failure{Code: code, Row: row, Log: cause.Error()}}
}
