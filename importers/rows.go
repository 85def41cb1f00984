package importers

import (
	"hash/maphash"
	"iter"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/paulmach/orb"

	"wangge/grids"
)

// Checker holds what rows are checked against.
type Checker struct {
	Places grids.Places // nil only while an empty district is filled with its territory
	Now    time.Time    // what lies after it is in the future; the zero time stands for the time of the call
}

// noun is how rows become nouns of one kind.
type noun[T any] struct {
	subject string
	build   func(r *row) T
	setID   func(v *T, id grids.ID)     // nil for a noun that is named by its code
	content func(b []byte, v *T) []byte // everything that makes two of them equal, the id left out
	natural func(b []byte, v *T) []byte // what names it without an id; nil: its content and how often that came
}

// reading is one walk over a source for one kind of noun.
type reading[T any] struct {
	noun[T]
	row
	named   *seen // content by id
	unnamed *seen // occurrences by content
	scratch []byte
}

// nouns reads s from its beginning.
func nouns[T any](s *Source, c Checker, rep *Report, n noun[T]) iter.Seq[T] {
	return func(yield func(T) bool) {
		rep.Subject = n.subject
		if c.Now.IsZero() {
			c.Now = time.Now()
		}
		r := &reading[T]{noun: n, named: newSeen(), unnamed: newSeen(), row: row{
			Checker: c, rep: rep, src: s, today: grids.DayOf(c.Now), once: map[string]bool{},
		}}
		sub := subjectOf(n.subject)
		r.cols = plan(s, sub, rep)
		if c.Places == nil && !sub.shaped {
			rep.Refuse(say("尚无区划数据：请先导入区、乡镇、村居和网格", "there is no territory yet: import the district, towns, villages and grids first"))
		}
		for rec, err := range s.Records() {
			if rep.Refused {
				return
			}
			if err != nil {
				rep.Refuse(grids.Text{ZH: "文件读取中断，内容一概不保存：" + err.Error(), EN: err.Error()})
				return
			}
			if !r.begin(rec) {
				continue
			}
			if v, ok := r.take(); ok && !yield(v) {
				return
			}
		}
		r.end()
	}
}

// take builds the noun of the current row and reports whether it is to be yielded.
func (r *reading[T]) take() (v T, ok bool) {
	r.rep.Rows++
	if !r.rec.unread {
		v = r.build(&r.row)
	}
	if !r.bad {
		r.scratch = r.content(r.scratch[:0], &v)
		switch r.identify(&v) {
		case dataNew:
			r.rep.Accepted++
			r.rep.extend(r.rec.Geometry)
			return v, true
		case dataSame:
			r.rep.Duplicates++
			return v, false
		case dataOther:
			r.fail(r.idField(), wrong("duplicate_id", "同一编号在文件中出现多次而内容不同", "the same id stands in the file more than once with different content"))
		}
	}
	r.rep.Rejected++
	return v, false
}

// idField is the field that names a row: its id, else its code or place.
func (r *reading[T]) idField() field {
	for _, f := range [...]field{fieldID, fieldCode, fieldVillage} {
		if r.text(f) != "" {
			return f
		}
	}
	return fieldGrid
}

// identify gives the noun its id and says whether the file had it before. The content of the noun is in scratch.
func (r *reading[T]) identify(v *T) fate {
	content := r.named.hash(r.scratch)
	given := r.text(fieldID)
	switch {
	case given != "" && r.setID != nil:
	case r.natural != nil:
		given = string(r.natural([]byte("natural\x00"), v))
	default:
		r.aboutFile(fieldID, wrong("no_id", "没有编号列或编号为空：编号由内容生成，重复导入同一文件不会重复，但改动过的行会成为新记录",
			"without an id, one is made from the row's content: importing the same file again adds nothing, but a changed row becomes a new record"))
		n := r.unnamed.count(content)
		r.scratch = strconv.AppendUint(append(r.scratch, "#"...), uint64(n), 10)
		r.setID(v, grids.IDFrom(r.subject, "content\x00"+string(r.scratch)))
		return dataNew
	}
	id := grids.IDFrom(r.subject, given)
	if r.setID != nil {
		r.setID(v, id)
	}
	return r.named.put(r.named.hash(id[:]), uint32(content))
}

// row is a record on its way to become a noun. Its methods report what is wrong under the name of the column.
type row struct {
	Checker
	rec   Record
	rep   *Report
	src   *Source
	cols  mapping
	today grids.Day
	bad   bool            // an error was reported
	lost  bool            // the geometry was lost by an error
	once  map[string]bool // codes of warnings that are given once a file
	stray stray
}

// begin takes up the next record. It is false for a row that is no data: blank, a total, or personal (the report
// is then refused).
func (r *row) begin(rec Record) bool {
	r.rec, r.bad, r.lost = rec, false, false
	blank := rec.Geometry == nil && len(rec.notes) == 0
	for i, v := range rec.Fields {
		if v == "" {
			continue
		}
		blank = false
		if i != r.src.place[fieldWKT] && personalValue(v) {
			r.rep.refusePersonal(personalCell(r.src.columns[i], rec.Row))
			return false
		}
	}
	if blank || r.isTotal() {
		return false
	}
	for _, n := range rec.notes {
		if n.severity == Warning {
			r.report(Warning, n.field, "", n.problem)
			continue
		}
		r.lost = true
		if rec.raw != (orb.Point{}) {
			r.strayed(n.problem)
			continue
		}
		r.bad = true
		r.report(Error, n.field, "", n.problem)
	}
	return true
}

// isTotal reports whether the row is a sum at the foot of a table, with a warning.
func (r *row) isTotal() bool {
	for i, v := range r.rec.Fields {
		if v == "" {
			continue
		}
		switch strings.Trim(v, ":： ") {
		case "合计", "总计", "小计", "共计", "合 计", "总 计", "Total", "total", "TOTAL", "Sum", "Grand Total":
			r.report(Warning, r.src.columns[i], v, wrong("total_row", "合计行，未读取", "a row of totals was skipped"))
			return true
		}
		return false
	}
	return false
}

// text is the text of a field's column, "" without a column.
func (r *row) text(f field) string {
	if i := r.cols[f]; i >= 0 {
		return r.rec.Fields[i]
	}
	return ""
}

// column is the name of a field's column, "" without one.
func (r *row) column(f field) string {
	if i := r.cols[f]; i >= 0 {
		return r.src.columns[i]
	}
	return ""
}

// fail reports an error in a field and keeps the row out.
func (r *row) fail(f field, p *problem) {
	r.bad = true
	r.report(Error, r.column(f), r.text(f), p)
}

// warn reports a warning on a field.
func (r *row) warn(f field, p *problem) { r.report(Warning, r.column(f), r.text(f), p) }

// report adds a finding on the row; a problem that names its own value is reported with that.
func (r *row) report(sev Severity, column, value string, p *problem) {
	if p.value != "" {
		value = p.value
	}
	r.rep.add(Finding{Severity: sev, Row: r.rec.Row, Column: column, Value: value, Code: p.code, Message: p.text})
}

// aboutFile reports a warning about the file, once.
func (r *row) aboutFile(f field, p *problem) {
	if !r.once[p.code] {
		r.once[p.code] = true
		r.rep.about(r.column(f), p)
	}
}

// check reports what a parser found wrong with a field and tells whether that is nothing.
func (r *row) check(f field, bad *problem) bool {
	if bad != nil {
		r.fail(f, bad)
	}
	return bad == nil
}

// needed is the text of a field that must not be empty.
func (r *row) needed(f field) (s string, ok bool) {
	if s = r.text(f); s == "" {
		r.fail(f, wrong("missing_value", "该单元格为空", "the cell is empty"))
	}
	return s, s != ""
}

// name is a needed text for people: readable and not too long.
func (r *row) name(f field) string {
	s, ok := r.needed(f)
	switch {
	case !ok:
	case strings.ContainsRune(s, utf8.RuneError) || strings.Contains(s, "??"):
		r.fail(f, wrong("garbled", "文字已损坏且无法恢复：请从源系统重新导出为 UTF-8", "the characters were lost and cannot be recovered: export again from the source as UTF-8"))
	case utf8.RuneCountInString(s) > maxNameRunes:
		r.fail(f, wrong("too_long", "名称最多 %d 个字符", "a name has at most %d characters", maxNameRunes))
	}
	return s
}

// code reads a code that may be empty; ok is false for one that is no code.
func (r *row) code(f field, parse func(string) (grids.Code, *problem, *problem)) (code grids.Code, ok bool) {
	s := r.text(f)
	if s == "" {
		return "", true
	}
	code, note, bad := parse(s)
	if note != nil {
		r.warn(f, note)
	}
	return code, r.check(f, bad)
}

// day reads a day that must be given, 0 when it cannot be read.
func (r *row) day(f field) grids.Day {
	s, ok := r.needed(f)
	if !ok {
		return 0
	}
	d, bad := parseDay(s)
	r.check(f, bad)
	return d
}

// notAfterToday reports a day in the future.
func (r *row) notAfterToday(f field, d grids.Day) {
	if d > r.today {
		r.fail(f, wrong("in_future", "日期在将来（今天是 %s）", "the date lies in the future (today is %s)", r.today))
	}
}

// flag reads the mark of synthetic data.
func (r *row) flag() bool {
	b, bad := parseBool(r.text(fieldSynthetic))
	return r.check(fieldSynthetic, bad) && b
}

// wordIn reads a field whose values are words.
func wordIn[T ~string](r *row, f field, s string, words []word[T]) T {
	v, bad := parseWord(s, words)
	r.check(f, bad)
	return v
}

// fate is what became of an id.
type fate uint8

const (
	dataNew   fate = iota // not met before
	dataSame              // met with the same content
	dataOther             // met with other content
)

// seen remembers hashes in twelve bytes each, so that five million rows need about 100 MB: an open-addressed table of
// 64-bit keys with a 32-bit value. Two keys of a file of that size agree by chance once in a million files.
type seen struct {
	seed   maphash.Seed
	keys   []uint64 // 0 = free
	values []uint32
	n      int
}

func newSeen() *seen {
	return &seen{seed: maphash.MakeSeed(), keys: make([]uint64, 1024), values: make([]uint32, 1024)}
}

// hash is never 0.
func (s *seen) hash(b []byte) uint64 { return max(maphash.Bytes(s.seed, b), 1) }

// slot finds the place of a key, its own or a free one.
func (s *seen) slot(key uint64) int {
	mask := len(s.keys) - 1
	i := int(key) & mask
	for s.keys[i] != 0 && s.keys[i] != key {
		i = (i + 1) & mask
	}
	return i
}

// put remembers a key with its content.
func (s *seen) put(key uint64, content uint32) fate {
	i := s.slot(key)
	switch {
	case s.keys[i] == 0:
		s.keys[i], s.values[i] = key, content
		s.grow()
		return dataNew
	case s.values[i] == content:
		return dataSame
	}
	return dataOther
}

// count says how often the key came, this time included.
func (s *seen) count(key uint64) uint32 {
	i := s.slot(key)
	fresh := s.keys[i] == 0
	s.keys[i] = key
	s.values[i]++
	n := s.values[i]
	if fresh {
		s.grow()
	}
	return n
}

// grow makes room for one key more and keeps a quarter of the table free.
func (s *seen) grow() {
	if s.n++; s.n*4 < len(s.keys)*3 {
		return
	}
	keys, values := s.keys, s.values
	s.keys, s.values = make([]uint64, 2*len(keys)), make([]uint32, 2*len(keys))
	for i, k := range keys {
		if k != 0 {
			j := s.slot(k)
			s.keys[j], s.values[j] = k, values[i]
		}
	}
}
