package sandbox

import (
	"log/slog"
	"strconv"
	"strings"

	"wangge/grids"
	"wangge/importers/sandbox/wire"
)

// formats is what to offer in a refusal.
const formats = "a zipped Shapefile, a GeoPackage or a KML"

// refuse makes the sentence for a failure that the child reports. Only fixed codes choose the sentence; details out
// of the file are shown as short quoted names, the child's own words go to the log.
func (s *Stream) refuse(f *wire.Failure) error {
	s.child.stop()
	slog.Info("the reader refused a file", "file", s.child.name, "code", display(f.Code), "row", f.Row, "log", clip(strings.ToValidUTF8(bounded(f.Log, 1<<10), "?")))
	name, details := s.child.name, quoted(f.Details)
	invalid := func(format string, args ...any) error { return grids.Errorf(grids.Invalid, format, args...) }
	switch f.Code {
	case wire.FailFormat:
		return invalid("the content of %s is not %s, whatever its name says", name, formats)
	case wire.FailLoose:
		return invalid("%s is one part of a shapefile: zip its .shp, .shx, .dbf, .prj and .cpg together", name)
	case wire.FailZip:
		return invalid("the zip file %s is damaged or packed in an unusual way (%s): pack it again", name, details)
	case wire.FailEncrypted:
		return invalid("the zip file %s is protected by a password: pack it again without one", name)
	case wire.FailBomb:
		return grids.Errorf(grids.TooLarge, "the zip file %s unpacks to more than %d MiB or 1000 members: split it", name, s.limits.DiskBytes>>20)
	case wire.FailName:
		return invalid("the zip file %s holds a member whose name leaves its folder, %s: it is not accepted", name, details)
	case wire.FailNothing:
		return invalid("the zip file %s holds none of %s; it holds %s", name, formats, details)
	case wire.FailSeveral:
		return invalid("the zip file %s holds several data sets, %s: zip each on its own", name, details)
	case wire.FailPart:
		return invalid("the shapefile in %s lacks %s: zip its .shp, .shx, .dbf, .prj and .cpg together", name, details)
	case wire.FailTable:
		return invalid("the attribute table (.dbf) in %s is damaged or cut short: export it again", name)
	case wire.FailRows:
		return invalid("the parts of the shapefile in %s do not belong together, %s: export it again", name, details)
	}
	return s.refuseReading(f, name, details)
}

// refuseReading makes the sentences for what goes wrong once the format is known.
func (s *Stream) refuseReading(f *wire.Failure, name, details string) error {
	where := ""
	if f.Row > 0 {
		where = " at row " + strconv.FormatInt(f.Row, 10)
	}
	switch f.Code {
	case wire.FailDamaged:
		return grids.Errorf(grids.Invalid, "the file %s is damaged, incomplete or too large for the reader%s: open it in a GIS and export it again", name, where)
	case wire.FailLayers:
		return grids.Errorf(grids.Invalid, "the file %s holds several layers, choose one: %s", name, details)
	case wire.FailNoLayer:
		return grids.Errorf(grids.Invalid, "the file %s has no layer of that name; it has %s", name, details)
	case wire.FailEmpty:
		return grids.Errorf(grids.Invalid, "the file %s holds no layer with rows", name)
	case wire.FailFields:
		return grids.Errorf(grids.TooLarge, "the file %s has more than %d columns", name, wire.MaxFields)
	case wire.FailLarge:
		return grids.Errorf(grids.TooLarge, "the file %s has a row of more than %d MiB%s: simplify its geometry", name, wire.MaxFrameBytes>>20, where)
	case wire.FailUnfenced:
		return grids.Errorf(grids.Unavailable, "this machine cannot fence the reader program in (no Landlock in the kernel, and the server does not run as root): %s cannot be read here; import it as GeoJSON", name)
	case wire.FailFence:
		return grids.Errorf(grids.Unavailable, "the fence around the reader program cannot be put up, so %s was not opened: see the server's log", name)
	}
	return grids.Errorf(grids.Internal, "the reader program failed on %s: see the server's log", name)
}

// quoted lists up to ten raw names.
func quoted(names [][]byte) string {
	list := make([]string, 0, 11)
	for i, n := range names {
		if i == 10 {
			list = append(list, "...")
			break
		}
		list = append(list, strconv.Quote(guess(n)))
	}
	if len(list) == 0 {
		return "nothing"
	}
	return strings.Join(list, ", ")
}

// noteSentence is the warning for a note, none for a code that is not known.
func noteSentence(n wire.Note) []string {
	count := strconv.FormatInt(n.Count, 10)
	switch n.Code {
	case wire.NoteFolders:
		return []string{count + " folders were read as one layer; the column \"folder\" says which"}
	case wire.NoteBinary:
		return []string{count + " columns of binary data were left out"}
	}
	return nil
}
