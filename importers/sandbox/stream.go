package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"

	"wangge/grids"
	"wangge/importers/sandbox/wire"
)

// Stream is one file being read. It is not safe for concurrent use and must be closed.
type Stream struct {
	ctx     context.Context // of Open: it bounds the child's whole life
	limits  Limits
	child   *child
	decoder *wire.Decoder
	charset charset
	layer   Layer
	err     error // that ended the records
	ended   bool
}

// Open starts the reader program on the file and reads the description of its layer. Cancelling ctx ends the child
// at any time. Errors: NotFound; Invalid for a file that cannot be read or leaves a choice open (its sentence lists
// the layers); TooLarge over a limit; Unavailable when the program or its sandbox is missing.
func (r Reader) Open(ctx context.Context, path string, opts Options) (*Stream, error) {
	r.Limits = r.Limits.withDefaults()
	file, err := input(path, r.Limits.DiskBytes)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	c, err := start(ctx, r, file, opts.Layer)
	if err != nil {
		return nil, err
	}
	s := &Stream{ctx: ctx, limits: r.Limits, child: c, decoder: wire.NewDecoder(c.out)}
	if err := s.describe(opts); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// describe reads the header and decides on the text.
func (s *Stream) describe(opts Options) error {
	h, failure, err := s.decoder.Header()
	if err != nil {
		return s.child.fate(s.ctx, s.limits, err)
	}
	if failure != nil {
		return s.refuse(failure)
	}
	if !h.Fenced {
		slog.Warn("this kernel has no Landlock: the reader runs behind the user nobody, seccomp and limits alone", "file", s.child.name)
	}
	var warnings []string
	if s.charset, warnings, err = choose(h.Table, opts.Encoding); err != nil {
		return err
	}
	s.layer = Layer{GeometryType: display(h.Geometry), CRSWKT: bounded(h.CRSWKT, 64<<10), Features: max(-1, h.Features), Encoding: s.charset.name, Warnings: warnings}
	s.layer.Name = guess(h.Name) // of a zip member or a table: not in the encoding of the attributes
	if err := s.columns(h); err != nil {
		return err
	}
	for _, note := range h.Notes {
		s.layer.Warnings = append(s.layer.Warnings, noteSentence(note)...)
	}
	return nil
}

// columns decodes the names of the columns, makes them unique, and refuses text that is lost.
func (s *Stream) columns(h wire.Header) error {
	taken := make(map[string]bool, len(h.Fields))
	for i, f := range h.Fields {
		name, cut, ok := s.charset.decode(f.Name)
		if !ok {
			return grids.Errorf(grids.Invalid, "the name of column %d of %s is not %s text (it looks like %q): name the right encoding", i+1, s.child.name, s.charset.name, guess(f.Name))
		}
		name = display(name)
		if cut {
			s.warn("the name of column %d was cut off in the middle of a character and is read as %q", i+1, name)
		}
		if unique := distinct(name, taken); unique != name {
			s.warn("column %d has a name that is taken, %q, and is read as %q", i+1, name, unique)
			name = unique
		}
		taken[name] = true
		s.layer.Fields = append(s.layer.Fields, Field{Name: name, Type: typeName(f.Type)})
	}
	if h.Table == nil {
		return nil
	}
	cut := h.Table.GB18030.Cut
	if s.charset.decoder == nil {
		cut = h.Table.UTF8.Cut
	}
	if cut > 0 {
		s.warn("%d values were cut off in the middle of a character by the width of their column; the broken character was dropped", cut)
	}
	for _, lost := range h.Table.Lost {
		if lost.Column >= 0 && lost.Column < len(s.layer.Fields) {
			return grids.Errorf(grids.Invalid, "the characters of column %d (%s) of %s are lost: an earlier export has replaced them, as in %s; export again from the original data in UTF-8",
				lost.Column+1, s.layer.Fields[lost.Column].Name, s.child.name, quoted(lost.Samples))
		}
	}
	return nil
}

func (s *Stream) warn(format string, args ...any) {
	s.layer.Warnings = append(s.layer.Warnings, fmt.Sprintf(format, args...))
}

// Layer describes what is read.
func (s *Stream) Layer() Layer { return s.layer }

// Records are the rows in the file's order. The sequence can be walked once; an error ends it. Errors as of Open, and
// Invalid for text that is not in the encoding used, with row and column.
func (s *Stream) Records() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for !s.ended {
			r, err := s.next()
			if errors.Is(err, io.EOF) {
				s.ended = true
				return
			}
			if err != nil {
				s.ended, s.err = true, err
				yield(Record{}, err)
				return
			}
			if !yield(r, nil) {
				return
			}
		}
		if s.err != nil {
			yield(Record{}, s.err)
		}
	}
}

// next is the next row; io.EOF after the last of a child that ended well.
func (s *Stream) next() (Record, error) {
	raw, failure, err := s.decoder.Next()
	switch {
	case errors.Is(err, io.EOF):
		if ended := s.child.finish(); ended != nil {
			return Record{}, s.child.fate(s.ctx, s.limits, ended)
		}
		return Record{}, io.EOF
	case err != nil:
		return Record{}, s.child.fate(s.ctx, s.limits, err)
	case failure != nil:
		return Record{}, s.refuse(failure)
	}
	r := Record{Row: int(raw.Row), Values: raw.Values}
	if r.Geometry, err = wkb(raw.WKB); err != nil {
		return Record{}, grids.Hide(grids.Invalid, err, "row %d of %s has a geometry of a kind that is not read", raw.Row, s.child.name)
	}
	for i, v := range r.Values {
		switch v := v.(type) {
		case wire.Stamp:
			r.Values[i] = bounded(string(v), 64)
		case wire.Text:
			text, _, ok := s.charset.decode(v)
			if !ok {
				return Record{}, grids.Errorf(grids.Invalid, "row %d, column %s of %s: the text is not %s (it looks like %q): name the right encoding", raw.Row, s.layer.Fields[i].Name, s.child.name, s.charset.name, guess(v))
			}
			r.Values[i] = text
		}
	}
	return r, nil
}

// Close ends the child, waits for it and removes its folder. It may be called more than once; it always answers nil.
func (s *Stream) Close() error {
	s.ended = true
	_ = s.child.stop() // how a child ended that nobody listens to any more says nothing
	return nil
}

// distinct is name, with a number behind it if it is taken.
func distinct(name string, taken map[string]bool) string {
	if name == "" {
		name = "column"
	}
	unique := name
	for n := 2; taken[unique]; n++ {
		unique = fmt.Sprintf("%s_%d", name, n)
	}
	return unique
}

func typeName(t string) string {
	switch t {
	case "string", "integer", "real", "date", "time", "datetime":
		return t
	}
	return "other"
}

// bounded cuts text that is not read by people.
func bounded(s string, bytes int) string { return s[:min(len(s), bytes)] }
