// Program wangge-reader reads one file of a vector format with GDAL and writes its rows to standard output, in the
// frames of package wire. It is run by package sandbox as a fenced child and is the only part of the product that
// links GDAL.
//
//	wangge-reader [-memory BYTES] [-disk BYTES] [-cpu SECONDS] [-layer NAME] < FILE
//
// The file comes as standard input; the working directory must be an empty folder that it may fill. Before it looks
// at the file, the program gives up everything else: see fence. Run with -selftest it tries to break out of that
// fence and says on standard output what it could do.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"wangge/importers/sandbox/wire"
)

// task is what the parent asks for.
type task struct {
	memory, disk, cpu int64
	layer             string
}

func main() {
	var t task
	flag.Int64Var(&t.memory, "memory", 2<<30, "address space in bytes, beyond what the program has when it starts")
	flag.Int64Var(&t.disk, "disk", 1<<30, "bytes to unpack or write")
	flag.Int64Var(&t.cpu, "cpu", 120, "seconds of computing")
	flag.StringVar(&t.layer, "layer", "", "layer to read")
	selftest := flag.Bool("selftest", false, "try to break out of the fence")
	flag.Parse()
	runtime.LockOSThread() // GDAL keeps its last error by thread
	debug.SetMemoryLimit(t.memory / 4)
	w := wire.NewWriter(os.Stdout)
	fenced, err := fence(t)
	if err == nil && *selftest {
		os.Exit(escape(os.Stdout))
	}
	if err == nil {
		err = read(w, os.Stdin, t, fenced)
	}
	if err == nil {
		return
	}
	if err := w.Failure(failureOf(err)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// failed is an error with the code under which the parent knows it.
type failed struct {
	wire.Failure
}

// Error implements error.
func (f *failed) Error() string { return f.Code + ": " + f.Log }

// fail makes a failure with raw details.
func fail(code string, details ...string) error {
	f := &failed{wire.Failure{Code: code}}
	for _, d := range details {
		f.Details = append(f.Details, []byte(d))
	}
	return f
}

// failBecause makes a failure whose cause goes to the parent's log.
func failBecause(code string, cause error) error {
	return &failed{wire.Failure{Code: code, Log: cause.Error()}}
}

func failureOf(err error) wire.Failure {
	var f *failed
	if errors.As(err, &f) {
		return f.Failure
	}
	return wire.Failure{Code: wire.FailInternal, Log: err.Error()}
}

// read recognises the file, opens it and streams it.
func read(w *wire.Writer, file *os.File, t task, fenced bool) error {
	src, err := unpack(file, t.disk)
	if err != nil {
		return err
	}
	var table *wire.Table
	if src.format.ext == ".shp" {
		if table, err = inspect(src); err != nil {
			return err
		}
	}
	ds, err := open(src.path, src.format.driver)
	if err != nil {
		return failBecause(wire.FailDamaged, err)
	}
	defer ds.close()
	layers, err := choose(ds.layers(), t.layer, src.format.merge)
	if err != nil {
		return err
	}
	s := newStream(layers, src)
	s.header.Table, s.header.Fenced = table, fenced
	if len(s.header.Fields) > wire.MaxFields {
		return fail(wire.FailFields)
	}
	if err := w.Header(s.header); err != nil {
		return err
	}
	return s.copy(w)
}
