// Package importers reads the files of the field (GeoJSON, GeoJSONSeq, CSV, and through the sandboxed reader zipped
// Shapefile, GeoPackage and KML) into the nouns of package grids, with a report by row.
//
// [Open] finds the format by content and gives a [Source], a stream of rows that can be read any number of times in
// constant memory. A reader a subject ([Casework], [Grids], …) turns rows into nouns: a row that is not in order is
// reported with its column and value and not yielded. A file that holds personal data is refused as a whole.
//
// Geometry leaves this package in EPSG:4326, longitude before latitude, degrees. Errors are *grids.Error.
package importers

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"io"
	"iter"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/paulmach/orb"

	"wangge/grids"
	"wangge/importers/crs"
	"wangge/importers/sandbox"
)

// Options say how to read a file.
type Options struct {
	Name          string // the file's name as given by the user, for the report
	Subject       string // one of Subjects()
	CRS           string // "" = what the file says, else EPSG:4326 with a finding
	ReaderProgram string // the sandboxed reader's program, "" = beside our own
	Encoding      string // of text, such as GB18030; "" = detected
	Limits        Limits
}

// Limits bound what a file may hold; a zero field stands for its default.
type Limits struct {
	Bytes   int64 // of the file, default 4 GiB
	Rows    int   // default 10,000,000
	Line    int   // bytes of one row or feature, default 16 MiB
	Columns int   // default 256
}

// orDefault fills in the defaults.
func (l Limits) orDefault() Limits {
	def := Limits{Bytes: 4 << 30, Rows: 10_000_000, Line: 16 << 20, Columns: 256}
	if l.Bytes > 0 {
		def.Bytes = l.Bytes
	}
	if l.Rows > 0 {
		def.Rows = l.Rows
	}
	if l.Line > 0 {
		def.Line = l.Line
	}
	if l.Columns > 0 {
		def.Columns = l.Columns
	}
	return def
}

// Record is one row of a file.
type Record struct {
	Row      int          // 1-based as a person counts: the header of a CSV is row 1, the first feature is 1
	Geometry orb.Geometry // WGS 84 (lon, lat), nil without one or when it cannot be read
	Fields   []string     // trimmed, in the order of Columns; valid until the next record

	raw    orb.Point // the point as the file gives it
	notes  []note    // what was found in or done to the geometry and the row
	unread bool      // the row could not be taken apart at all
}

// Source is an open file: a stream of rows. It is not safe for concurrent use.
type Source struct {
	ctx      context.Context
	name     string
	path     string
	format   string
	encoding string
	crs      crs.CRS
	plain    bool // the CRS is WGS 84 or the same within centimetres: nothing to compute
	columns  []string
	cutNames bool // column names may be cut at ten bytes
	geometry bool // the format carries geometry of its own
	place    mapping
	personal *grids.Text // why the columns alone refuse the file
	notes    []*problem  // about the file as a whole
	limits   Limits
	rows     iter.Seq2[Record, error] // in the file's CRS
}

// Open finds out what the file at path is, by its content, and prepares to read it. The errors are Invalid (not a
// file we read, damaged, unknown coordinate system or encoding), TooLarge (over a limit) and Internal. The context
// ends every later reading too.
func Open(ctx context.Context, path string, o Options) (*Source, error) {
	sub := subjectOf(o.Subject)
	if sub == nil {
		return nil, grids.Errorf(grids.Invalid, "%q is not a subject of an import; use one of %s", clip(o.Subject), strings.Join(Subjects(), ", "))
	}
	s := &Source{ctx: ctx, name: o.Name, path: path, limits: o.Limits.orDefault()}
	if s.name == "" {
		s.name = filepath.Base(path)
	}
	head, err := s.head()
	if err != nil {
		return nil, err
	}
	if err := s.open(head, o); err != nil {
		return nil, err
	}
	if len(s.columns) > s.limits.Columns {
		return nil, grids.Errorf(grids.TooLarge, "%s has %d columns, over the limit of %d: keep the columns that are needed", s.name, len(s.columns), s.limits.Columns)
	}
	s.personal = personalHeader(s.columns)
	s.place = mapColumns(placesOf(sub), s.columns, s.cutNames)
	return s, s.settleCRS(o.CRS)
}

// placesOf are the coordinate columns that a subject reads.
func placesOf(sub *subject) []reads {
	var out []reads
	for _, f := range sub.reads {
		switch f.field {
		case fieldLon, fieldLat, fieldWKT:
			out = append(out, f)
		}
	}
	return out
}

// head reads the first bytes of the file and checks its size.
func (s *Source) head() ([]byte, error) {
	f, err := os.Open(s.path)
	if err != nil {
		return nil, grids.Hide(grids.Internal, err, "%s cannot be opened", s.name)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return nil, grids.Hide(grids.Invalid, err, "%s is not a regular file", s.name)
	}
	if info.Size() > s.limits.Bytes {
		return nil, grids.Errorf(grids.TooLarge, "%s has %d bytes, over the limit of %d: split it into several files", s.name, info.Size(), s.limits.Bytes)
	}
	head := make([]byte, 64<<10)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, grids.Hide(grids.Internal, err, "%s cannot be read", s.name)
	}
	return head[:n], nil
}

// known are the beginnings of files that we can name but not read, with what to do instead.
var known = [...]struct{ magic, what string }{
	{"\xD0\xCF\x11\xE0", "an old Excel or Word file (.xls, .doc): save the sheet as CSV UTF-8"},
	{"%PDF", "a PDF document: export the data as CSV or GeoJSON"},
	{"Rar!", "a RAR archive: pack the files as .zip"},
	{"7z\xBC\xAF", "a 7-Zip archive: pack the files as .zip"},
	{"\x1F\x8B", "a gzip archive: unpack it first"},
	{"\x89PNG", "a picture: it holds no data"},
	{"\xFF\xD8\xFF", "a photo: it holds no table"},
	{"II*\x00", "a GeoTIFF picture: it holds no table"},
	{"MM\x00*", "a GeoTIFF picture: it holds no table"},
	{"\x00\x00\x27\x0A", "a bare .shp: pack the .shp, .shx, .dbf, .prj (and .cpg) together as one .zip"},
	{"\xFF\xFE", "text in UTF-16: save it as UTF-8 (in Excel: CSV UTF-8)"},
	{"\xFE\xFF", "text in UTF-16: save it as UTF-8 (in Excel: CSV UTF-8)"},
}

// open chooses the format by the first bytes.
func (s *Source) open(head []byte, o Options) error {
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xEF\xBB\xBF")), " \t\r\n")
	for _, k := range known {
		if bytes.HasPrefix(head, []byte(k.magic)) {
			return grids.Errorf(grids.Invalid, "%s is %s", s.name, k.what)
		}
	}
	switch {
	case len(text) == 0:
		return grids.Errorf(grids.Invalid, "%s is empty", s.name)
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return s.openZip(o)
	case bytes.HasPrefix(head, []byte("SQLite format 3\x00")):
		return s.openVector("GeoPackage", o)
	case text[0] == '<':
		return s.openXML(text, o)
	case utf16Text(head):
		return grids.Errorf(grids.Invalid, "%s is text in UTF-16: save it as UTF-8 (in Excel: CSV UTF-8)", s.name)
	case bytes.IndexByte(head, 0) >= 0:
		return grids.Errorf(grids.Invalid, "%s is not a format we read: use GeoJSON, CSV, a zipped Shapefile, GeoPackage or KML", s.name)
	case text[0] == '{' || text[0] == 0x1E || text[0] == '[':
		return s.openJSON()
	}
	return s.openCSV(o.Encoding)
}

// utf16Text reports whether text without a mark is UTF-16: every other byte of plain ASCII is zero.
func utf16Text(head []byte) bool {
	n := min(len(head)/2*2, 512)
	var even, odd int
	for i := 0; i < n; i += 2 {
		if head[i] == 0 {
			even++
		}
		if head[i+1] == 0 {
			odd++
		}
	}
	return n >= 8 && (odd > n/4 && even == 0 || even > n/4 && odd == 0)
}

// openXML accepts KML among XML files.
func (s *Source) openXML(text []byte, o Options) error {
	start := bytes.ToLower(text[:min(len(text), 4096)])
	switch {
	case bytes.Contains(start, []byte("<kml")):
		return s.openVector("KML", o)
	case bytes.Contains(start, []byte("<html")), bytes.Contains(start, []byte("<!doctype html")):
		return grids.Errorf(grids.Invalid, "%s is a web page, not data: download the file itself", s.name)
	}
	return grids.Errorf(grids.Invalid, "%s is XML but not KML: export it as KML or GeoJSON", s.name)
}

// settleCRS decides in which coordinate system the file is read: what the user says, else what the file says,
// else EPSG:4326 with a note.
func (s *Source) settleCRS(asked string) error {
	stated := s.crs != crs.CRS{}
	switch {
	case asked != "":
		c, err := crs.Parse(asked)
		if err != nil {
			return err
		}
		if stated && s.crs != c {
			s.notes = append(s.notes, wrong("crs_overridden", "文件标明坐标系 %s，按您的选择用 %s 读取", "the file says %s; read as %s, as you chose", s.crs.String(), c.String()))
		}
		s.crs = c
	case !stated:
		c, err := crs.Parse("EPSG:4326")
		if err != nil {
			return err
		}
		s.crs = c
		if s.format != "GeoJSON" && s.format != "GeoJSONSeq" && s.hasGeometry() {
			s.notes = append(s.notes, wrong("crs_assumed", "文件没有标明坐标系，按 EPSG:4326（WGS 84 经纬度）读取；若来自地图软件请选 GCJ-02 或 BD-09",
				"the file does not say its coordinate system; read as EPSG:4326 (WGS 84 degrees). Choose GCJ-02 or BD-09 for coordinates from a map app"))
		}
	}
	name := s.crs.String()
	s.plain = name == "EPSG:4326" || name == "EPSG:4490"
	return nil
}

// hasGeometry reports whether rows can have a geometry: of the format, or from columns.
func (s *Source) hasGeometry() bool {
	return s.geometry || s.place[fieldWKT] >= 0 || s.place[fieldLon] >= 0 && s.place[fieldLat] >= 0
}

// Format is the file's format: GeoJSON, GeoJSONSeq, CSV, Shapefile, GeoPackage or KML.
func (s *Source) Format() string { return s.format }

// Encoding is the encoding of the file's text: UTF-8, GB18030 or as the sandboxed reader found it.
func (s *Source) Encoding() string { return s.encoding }

// CRS is the coordinate system that the file is read in, such as EPSG:4549.
func (s *Source) CRS() string { return s.crs.String() }

// Columns are the names of the columns as the file has them. The caller must not change them.
func (s *Source) Columns() []string { return s.columns }

// Close ends the use of s. The file itself is the caller's.
func (s *Source) Close() error {
	s.rows = nil
	return nil
}

// Records yields the rows of the file from its beginning, every time it is called. A row whose geometry cannot be
// read comes without one. An error (Invalid, TooLarge, Unavailable when the context ended) is the last thing yielded.
func (s *Source) Records() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		if s.rows == nil {
			yield(Record{}, grids.Errorf(grids.Internal, "%s was closed", s.name))
			return
		}
		n := 0
		for rec, err := range s.rows {
			if n++; err == nil && n > s.limits.Rows {
				err = grids.Errorf(grids.TooLarge, "%s has more than %d rows: split it into several files", s.name, s.limits.Rows)
			}
			if err == nil && n&1023 == 0 && s.ctx.Err() != nil {
				err = grids.Hide(grids.Unavailable, s.ctx.Err(), "reading %s was stopped in row %d", s.name, rec.Row)
			}
			if err != nil {
				yield(rec, err)
				return
			}
			s.shape(&rec)
			if !yield(rec, nil) {
				return
			}
		}
	}
}

// reopen opens the file for one reading.
func (s *Source) reopen() (*os.File, *bufio.Reader, error) {
	f, err := os.Open(s.path)
	if err != nil {
		return nil, nil, grids.Hide(grids.Internal, err, "%s cannot be opened again", s.name)
	}
	return f, bufio.NewReaderSize(f, 64<<10), nil
}

// vector is how a file is to be read through the sandboxed reader.
type vector struct {
	s      *Source
	reader sandbox.Reader
	opts   sandbox.Options
}

// openZip looks at the names inside an archive and accepts a zipped Shapefile or a KMZ.
func (s *Source) openZip(o Options) error {
	z, err := zip.OpenReader(s.path)
	if err != nil {
		return grids.Hide(grids.Invalid, err, "%s is a damaged zip archive: copy it again", s.name)
	}
	defer z.Close()
	var inside []string
	for _, f := range z.File {
		name := strings.ToLower(f.Name)
		switch {
		case strings.HasPrefix(name, "__macosx/") || strings.HasSuffix(name, "/"):
			continue
		case strings.HasPrefix(name, "xl/"):
			return grids.Errorf(grids.Invalid, "%s is an Excel workbook: save the sheet as CSV UTF-8", s.name)
		case strings.HasPrefix(name, "word/"):
			return grids.Errorf(grids.Invalid, "%s is a Word document: save its table as CSV UTF-8", s.name)
		case path.Ext(name) == ".shp":
			return s.openVector("Shapefile", o)
		case path.Ext(name) == ".kml":
			return s.openVector("KML", o)
		}
		inside = append(inside, path.Base(f.Name))
	}
	return grids.Errorf(grids.Invalid, "%s is a zip archive without a .shp inside (it holds %s): a zipped Shapefile has .shp, .shx, .dbf and .prj; send other files unpacked",
		s.name, clip(strings.Join(inside, ", ")))
}

// openVector reads the description of the layer through the sandboxed reader.
func (s *Source) openVector(format string, o Options) error {
	program := o.ReaderProgram
	if program == "" {
		var err error
		if program, err = sandbox.Find(); err != nil {
			return err
		}
	}
	s.format, s.cutNames = format, format == "Shapefile"
	v := &vector{s: s, reader: sandbox.Reader{Program: program}, opts: sandbox.Options{Encoding: o.Encoding}}
	stream, err := v.reader.Open(s.ctx, s.path, v.opts)
	if err != nil {
		return err
	}
	defer stream.Close()
	return v.describe(stream.Layer())
}

// describe takes over what the reader says of the layer.
func (v *vector) describe(layer sandbox.Layer) error {
	s := v.s
	s.encoding = layer.Encoding
	s.geometry = layer.GeometryType != "NONE"
	for _, w := range layer.Warnings {
		s.notes = append(s.notes, wrong("reader_warning", "读取程序提示：%s", "the reader says: %s", w))
	}
	names := make([]string, len(layer.Fields))
	for i, f := range layer.Fields {
		names[i] = f.Name
	}
	if layer.CRSWKT != "" {
		c, err := crs.FromPRJ(layer.CRSWKT)
		if err != nil {
			return err
		}
		s.crs = c
	}
	s.rows = v.records
	if len(names) == 0 {
		return nil
	}
	return s.nameColumns(names)
}

// records reads the file once, in a child of its own.
func (v *vector) records(yield func(Record, error) bool) {
	stream, err := v.reader.Open(v.s.ctx, v.s.path, v.opts)
	if err != nil {
		yield(Record{}, err)
		return
	}
	defer stream.Close()
	fields := make([]string, len(v.s.columns))
	for r, err := range stream.Records() {
		if err != nil {
			yield(Record{Row: r.Row}, err)
			return
		}
		for i := range fields {
			fields[i] = ""
			if i < len(r.Values) {
				fields[i] = plainValue(r.Values[i])
			}
		}
		if !yield(Record{Row: r.Row, Geometry: r.Geometry, Fields: fields}, nil) {
			return
		}
	}
}

// plainValue writes a value as a person would: whole numbers without exponent or decimals.
func plainValue(v any) string {
	switch v := v.(type) {
	case string:
		return strings.TrimSpace(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}
