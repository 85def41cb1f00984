// Package sandbox reads files that only GDAL can read, without letting GDAL into the server: it runs the program
// wangge-reader on one file, as a child that is fenced in, and turns what the child says into records.
//
// The fence, put up by the parent (P) and by the child before it looks at the file (C):
//
//   - an empty environment, a fresh private folder as the only place to write, the file as an open
//     descriptor and not as a path, an own process group, death with the parent (P)
//   - as root also the user nobody, and own network and IPC namespaces where the system permits them (P)
//   - limits on address space, CPU time, file size, open files, no core dumps (C)
//   - Landlock: the own folder and the system's libraries and nothing else, no TCP (C); a seccomp filter: no sockets
//     of any kind, no new process or program, no signals to others (C)
//   - GDAL with the drivers of the format table and no other (C)
//   - limits on the time spent waiting and on the bytes that come out (P)
//
// A kernel with Landlock on which it cannot be put up ends the child. On a kernel without Landlock a child that
// runs as nobody (the server is root) goes on behind the rest of the fence, and every file read so is logged as a
// warning; a child with the server's own rights refuses to read.
//
// A crash, a hang or a bomb ends the child and comes back as a [grids.Error]. Text out of the child is data: it is
// bounded, and no error sentence holds more of it than short quoted names.
package sandbox

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/paulmach/orb"

	"wangge/grids"
)

// Reader opens files through the reader program. It is a value without state, safe for concurrent use.
type Reader struct {
	Program string // path of wangge-reader, see Find
	Limits  Limits // zero fields stand for the defaults
}

// Limits bound one child.
type Limits struct {
	MemoryBytes int64         // address space beyond what the idle reader has; default 2 GiB
	DiskBytes   int64         // the input, what it unpacks to, and any file that is written; default 1 GiB
	OutputBytes int64         // what may come out; default 4 GiB
	CPU         time.Duration // default 2 minutes, whole seconds
	Wait        time.Duration // sum of the times that the parent waited for the child; default 3 minutes
}

func (l Limits) withDefaults() Limits {
	l.MemoryBytes = either(l.MemoryBytes, 2<<30)
	l.DiskBytes = either(l.DiskBytes, 1<<30)
	l.OutputBytes = either(l.OutputBytes, 4<<30)
	l.CPU = either(l.CPU, 2*time.Minute)
	l.Wait = either(l.Wait, 3*time.Minute)
	return l
}

func either[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// Options choose what to read of a file.
type Options struct {
	Layer    string // name of the layer; "" takes the only one
	Encoding string // of a shapefile's attribute table, such as "GBK"; "" decides by .cpg, language id and content
}

// Layer describes what is read.
type Layer struct {
	Name         string
	GeometryType string // as in WKT, in upper case: "MULTIPOLYGON"; "GEOMETRY" when mixed, "NONE" without geometry
	CRSWKT       string // well-known text for crs.FromPRJ; "" when the file names no system
	Fields       []Field
	Features     int64    // -1 when unknown
	Encoding     string   // used for the text
	Warnings     []string // sentences about what was healed or looks odd
}

// Field is a column. Type is "string", "integer", "real", "date", "time", "datetime" or "other".
type Field struct{ Name, Type string }

// Record is a row of the layer.
type Record struct {
	Row      int          // 1 for the first
	Geometry orb.Geometry // x, y in the file's own coordinate system, Z and M dropped; nil when the row has none
	Values   []any        // one for each field: nil, string, int64, float64; dates and times are strings in ISO 8601
}

// Find looks for the reader program beside the running executable, then where WANGGE_READER points. The error is
// Unavailable and says how to build it.
func Find() (string, error) {
	var tried []string
	if self, err := os.Executable(); err == nil {
		tried = append(tried, filepath.Join(filepath.Dir(self), "wangge-reader"))
	}
	if path := os.Getenv("WANGGE_READER"); path != "" {
		tried = append(tried, path)
	}
	for _, path := range tried {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", grids.Errorf(grids.Unavailable, "the program wangge-reader, which reads Shapefile, GeoPackage and KML, is neither beside the server nor where WANGGE_READER points: build it with \"make build\"")
}

// input opens the file that the child will read, and refuses what is no file or is too large.
func input(path string, limit int64) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, grids.Hide(grids.NotFound, err, "there is no file %s", display(path))
		}
		return nil, grids.Hide(grids.Invalid, err, "the file %s cannot be opened", display(path))
	}
	info, err := f.Stat()
	switch {
	case err != nil:
		err = grids.Hide(grids.Internal, err, "the file %s cannot be examined", display(path))
	case !info.Mode().IsRegular():
		err = grids.Errorf(grids.Invalid, "%s is not a file", display(path))
	case info.Size() > limit:
		err = grids.Errorf(grids.TooLarge, "the file %s has %d MiB; files up to %d MiB are read: split it", display(path), info.Size()>>20, limit>>20)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
