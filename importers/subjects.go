package importers

import (
	"context"
	"encoding/binary"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/paulmach/orb"

	"wangge/grids"
)

// The readers of this file walk a source once and yield what is in order; the rest is told in rep, which has to be
// fresh from [NewReport]. When rep.Refused is set after the walk, nothing that was yielded may be stored.

// Casework reads casework events (案件/警情): kind, day or ISO week, and a point, village or grid.
func Casework(s *Source, c Checker, rep *Report) iter.Seq[grids.CaseEvent] {
	return nouns(s, c, rep, noun[grids.CaseEvent]{
		subject: "casework", build: buildCase,
		setID:   func(e *grids.CaseEvent, id grids.ID) { e.ID = id },
		content: caseContent,
	})
}

func buildCase(r *row) (e grids.CaseEvent) {
	if s, ok := r.needed(fieldKind); ok {
		e.Kind = wordIn(r, fieldKind, s, caseWords[:])
	}
	e.On, e.Precision = r.dayOrWeek()
	e.Synthetic = r.flag()
	r.event(&e)
	return e
}

// dayOrWeek reads the day of an event, or the Monday of its week.
func (r *row) dayOrWeek() (grids.Day, grids.Precision) {
	f, precision, parse := fieldDate, grids.ByDay, parseDay
	if r.text(fieldDate) == "" && (r.text(fieldWeek) != "" || r.cols[fieldDate] < 0) {
		f = fieldWeek
	}
	s, ok := r.needed(f)
	if !ok {
		return 0, precision
	}
	if f == fieldWeek || looksLikeWeek(s) {
		precision, parse = grids.ByWeek, parseWeek
	}
	d, bad := parse(s)
	if r.check(f, bad) {
		r.notAfterToday(f, d)
	}
	return d, precision
}

func caseContent(b []byte, e *grids.CaseEvent) []byte {
	b = appendText(b, string(e.Kind), string(e.Precision))
	b = appendDay(b, e.On)
	b = appendFlag(b, e.Synthetic)
	if e.Point != nil {
		return appendPoint(b, *e.Point)
	}
	return appendText(b, e.VillageCode, e.GridCode)
}

// VillageStatuses reads the standing of villages: village code, status, first and last valid day.
func VillageStatuses(s *Source, c Checker, rep *Report) iter.Seq[grids.VillageStatus] {
	return nouns(s, c, rep, noun[grids.VillageStatus]{
		subject: "village-status", build: buildStatus,
		setID: func(v *grids.VillageStatus, id grids.ID) { v.ID = id },
		content: func(b []byte, v *grids.VillageStatus) []byte {
			return appendFlag(appendDay(appendText(b, v.VillageCode, string(v.Status)), v.ValidFrom, v.ValidTo), v.Synthetic)
		},
		natural: func(b []byte, v *grids.VillageStatus) []byte {
			return appendDay(appendText(b, v.VillageCode), v.ValidFrom)
		},
	})
}

func buildStatus(r *row) (v grids.VillageStatus) {
	if _, ok := r.needed(fieldVillage); ok {
		if v.VillageCode, ok = r.code(fieldVillage, parseCode); ok {
			r.village(v.VillageCode, "")
		}
	}
	if s, ok := r.needed(fieldStatus); ok {
		v.Status = wordIn(r, fieldStatus, s, statusWords[:])
	}
	v.ValidFrom = r.day(fieldFrom)
	if r.text(fieldTo) != "" {
		v.ValidTo = r.day(fieldTo)
	}
	if v.ValidTo != 0 && v.ValidTo < v.ValidFrom {
		r.fail(fieldTo, wrong("bad_period", "截止日期早于起始日期 %s", "the last day lies before the first, %s", v.ValidFrom))
	}
	if !r.bad && v.ValidFrom > r.today {
		r.warn(fieldFrom, wrong("starts_later", "起始日期在将来，届时生效", "the first day lies in the future: the status takes effect then"))
	}
	v.Synthetic = r.flag()
	return v
}

// maxAnswers bounds the numeric answers of one survey result.
const maxAnswers = 128

// Surveys reads results of the rolling survey: grid or village, round, completion, day, and every other numeric
// column as an answer under its own name.
func Surveys(s *Source, c Checker, rep *Report) iter.Seq[grids.SurveyResult] {
	return nouns(s, c, rep, noun[grids.SurveyResult]{
		subject: "surveys", build: buildSurvey,
		setID:   func(v *grids.SurveyResult, id grids.ID) { v.ID = id },
		content: surveyContent,
		natural: func(b []byte, v *grids.SurveyResult) []byte {
			return appendText(b, v.GridCode, v.VillageCode, v.Round)
		},
	})
}

func buildSurvey(r *row) (v grids.SurveyResult) {
	var gridOK, villageOK bool
	v.GridCode, gridOK = r.code(fieldGrid, parseGridCode)
	v.VillageCode, villageOK = r.code(fieldVillage, parseCode)
	switch {
	case !gridOK || !villageOK:
	case v.GridCode != "" && v.VillageCode != "":
		r.fail(fieldVillage, wrong("two_places", "网格代码与村居代码只能填一个", "give the grid code or the village code, not both"))
	case v.GridCode != "":
		r.grid(v.GridCode)
	case v.VillageCode != "":
		r.village(v.VillageCode, "")
	default:
		r.fail(fieldGrid, wrong("no_place", "没有地点：请给出网格代码或村居代码", "there is no place: give a grid code or a village code"))
	}
	v.Round, _ = r.needed(fieldRound)
	if utf8.RuneCountInString(v.Round) > 32 {
		r.fail(fieldRound, wrong("too_long", "轮次最多 32 个字符", "a round has at most 32 characters"))
	}
	if s, ok := r.needed(fieldCompletion); ok {
		var bad *problem
		v.Completion, bad = parseShare(s, saysPercent(r.column(fieldCompletion)))
		r.check(fieldCompletion, bad)
	}
	v.On = r.day(fieldDate)
	r.notAfterToday(fieldDate, v.On)
	v.Synthetic = r.flag()
	v.Answers = r.answers()
	return v
}

// saysPercent reports whether a column name says that its numbers are percentages.
func saysPercent(column string) bool {
	column = strings.ToLower(halfWidth(column))
	return strings.Contains(column, "%") || strings.Contains(column, "pct") || strings.Contains(column, "percent")
}

// answers reads the columns that are left over; what is not a number is told and left out.
func (r *row) answers() map[string]float64 {
	var out map[string]float64
	for i, s := range r.rec.Fields {
		name := r.src.columns[i]
		if s == "" || slices.Contains(r.cols[:], i) || isDescribed(name) {
			continue
		}
		f, bad := parseNumber(s)
		if bad != nil {
			r.report(Warning, name, s, wrong("answer_not_number", "不是数字，该答案未读取", "not a number: the answer was left out"))
			continue
		}
		if len(out) == maxAnswers {
			r.report(Warning, name, s, wrong("too_many_answers", "每行最多 %d 个答案，其余未读取", "a row has at most %d answers; the rest was left out", maxAnswers))
			break
		}
		if out == nil {
			out = make(map[string]float64)
		}
		out[name] = f
	}
	return out
}

func surveyContent(b []byte, v *grids.SurveyResult) []byte {
	b = appendText(b, v.GridCode, v.VillageCode, v.Round)
	b = appendFlag(appendDay(appendNumber(b, v.Completion), v.On), v.Synthetic)
	for _, name := range slices.Sorted(maps.Keys(v.Answers)) {
		b = appendNumber(appendText(b, name), v.Answers[name])
	}
	return b
}

// Findings reads what drones and patrols saw: a point or plot, kind, confidence, state, source and time.
func Findings(s *Source, c Checker, rep *Report) iter.Seq[grids.Finding] {
	return nouns(s, c, rep, noun[grids.Finding]{
		subject: "findings", build: buildFinding,
		setID:   func(f *grids.Finding, id grids.ID) { f.ID = id },
		content: findingContent,
	})
}

func buildFinding(r *row) (f grids.Finding) {
	if s, ok := r.needed(fieldKind); ok {
		f.Kind = wordIn(r, fieldKind, s, findingWords[:])
	}
	f.Confidence, f.State, f.Source = 1, grids.Spotted, grids.FromFlight
	if s := r.text(fieldConfidence); s != "" {
		var bad *problem
		f.Confidence, bad = parseConfidence(s)
		r.check(fieldConfidence, bad)
	} else {
		r.aboutFile(fieldConfidence, wrong("default_confidence", "未给出把握，按 1（不确定）读取", "no confidence is given: taken as 1 (unsure)"))
	}
	if s := r.text(fieldState); s != "" {
		f.State = wordIn(r, fieldState, s, stateWords[:])
	}
	if s := r.text(fieldSource); s != "" {
		f.Source = wordIn(r, fieldSource, s, sourceWords[:])
	} else {
		r.aboutFile(fieldSource, wrong("default_source", "未给出来源，按 flight（航飞）读取", "no source is given: taken as flight"))
	}
	if s, ok := r.needed(fieldSeenAt); ok {
		t, bad := parseTime(s)
		if f.SeenAt = t.UTC(); r.check(fieldSeenAt, bad) && t.After(r.Now.Add(5*time.Minute)) {
			r.fail(fieldSeenAt, wrong("in_future", "时间在将来：请检查设备时钟", "the time lies in the future: check the device's clock"))
		}
	}
	f.Synthetic = r.flag()
	var at place
	f.Geometry, at = r.plot()
	f.TownCode, f.VillageCode, f.GridCode = at.town, at.village, at.grid
	if !r.bad {
		r.checkFinding(&f)
	}
	return f
}

// checkFinding applies the rules of the noun itself.
func (r *row) checkFinding(f *grids.Finding) {
	if err := f.Check(r.Now, area(f.Geometry)); err != nil {
		r.failPlace(wrong("bad_finding", "不符合规则：%s", "%s", err.Error()))
	}
}

func findingContent(b []byte, f *grids.Finding) []byte {
	b = appendText(b, string(f.Kind), string(f.State), string(f.Source))
	b = append(b, byte(f.Confidence))
	b = binary.LittleEndian.AppendUint64(b, uint64(f.SeenAt.UnixNano()))
	return appendGeometry(appendFlag(b, f.Synthetic), f.Geometry)
}

// Districts reads the district: code, name, English name, polygons.
func Districts(s *Source, c Checker, rep *Report) iter.Seq[grids.District] {
	return nouns(s, c, rep, noun[grids.District]{
		subject: "district",
		build: func(r *row) (d grids.District) {
			d.Code, d.Name, d.NameEN = r.unitCode("000000"), r.name(fieldName), r.text(fieldNameEN)
			d.ID, d.Geometry, d.Synthetic = grids.Chongming, r.region(), r.flag()
			return d
		},
		content: func(b []byte, d *grids.District) []byte {
			return appendGeometry(appendFlag(appendText(b, d.Code, d.Name, d.NameEN), d.Synthetic), d.Geometry)
		},
		natural: func(b []byte, d *grids.District) []byte { return appendText(b, d.Code) },
	})
}

// Towns reads towns: code, name, kind, polygons.
func Towns(s *Source, c Checker, rep *Report) iter.Seq[grids.Town] {
	return nouns(s, c, rep, noun[grids.Town]{
		subject: "towns",
		build: func(r *row) (t grids.Town) {
			t.Code, t.Name, t.Kind = r.unitCode("000"), r.name(fieldName), r.text(fieldKind)
			t.Geometry, t.Synthetic = r.region(), r.flag()
			return t
		},
		content: func(b []byte, t *grids.Town) []byte {
			return appendGeometry(appendFlag(appendText(b, t.Code, t.Name, t.Kind), t.Synthetic), t.Geometry)
		},
		natural: func(b []byte, t *grids.Town) []byte { return appendText(b, t.Code) },
	})
}

// Villages reads villages: code, town code (or from the code), name, kind, polygons.
func Villages(s *Source, c Checker, rep *Report) iter.Seq[grids.Village] {
	return nouns(s, c, rep, noun[grids.Village]{
		subject: "villages",
		build: func(r *row) (v grids.Village) {
			v.Code, v.Name, v.Kind = r.unitCode(""), r.name(fieldName), r.text(fieldKind)
			v.TownCode = r.townOf(v.Code)
			v.Geometry, v.Synthetic = r.region(), r.flag()
			return v
		},
		content: func(b []byte, v *grids.Village) []byte {
			return appendGeometry(appendFlag(appendText(b, v.Code, v.TownCode, v.Name, v.Kind), v.Synthetic), v.Geometry)
		},
		natural: func(b []byte, v *grids.Village) []byte { return appendText(b, v.Code) },
	})
}

// Grids reads the grids of one edition: code, town code (or from the code), name, polygons.
func Grids(s *Source, c Checker, rep *Report) iter.Seq[grids.Grid] {
	return nouns(s, c, rep, noun[grids.Grid]{
		subject: "grids",
		build: func(r *row) (g grids.Grid) {
			if _, ok := r.needed(fieldCode); ok {
				g.Code, _ = r.code(fieldCode, parseGridCode)
			}
			g.Name, g.TownCode = r.name(fieldName), r.townOf(g.Code)
			g.Geometry, g.Synthetic = r.region(), r.flag()
			return g
		},
		content: func(b []byte, g *grids.Grid) []byte {
			return appendGeometry(appendFlag(appendText(b, g.Code, g.TownCode, g.Name), g.Synthetic), g.Geometry)
		},
		natural: func(b []byte, g *grids.Grid) []byte { return appendText(b, g.Code) },
	})
}

// unitCode reads the code of a unit of the district that ends as its level asks: "000000" a district, "000" a
// town, "" a village, which does not end in 000.
func (r *row) unitCode(ending string) grids.Code {
	if _, ok := r.needed(fieldCode); !ok {
		return ""
	}
	code, ok := r.code(fieldCode, parseCode)
	switch {
	case !ok:
	case !strings.HasPrefix(code, newDistrict):
		r.fail(fieldCode, wrong("foreign_code", "不是本区的代码（应以 %s 开头）", "not a code of this district, which begin with %s", newDistrict))
	case ending == "" && strings.HasSuffix(code, "000"), !strings.HasSuffix(code, ending), ending == "000" && strings.HasSuffix(code, "000000"):
		r.fail(fieldCode, wrong("wrong_level", "代码的层级不符（区以 000000 结尾，乡镇以 000 结尾，村居不以 000 结尾）",
			"the code is of another level (a district ends in 000000, a town in 000, a village does not)"))
	}
	return code
}

// townOf is the town of a unit: as the row says, else by the first nine digits of its code.
func (r *row) townOf(code grids.Code) grids.Code {
	town, ok := r.code(fieldTown, parseCode)
	if !ok || code == "" {
		return town
	}
	if town == "" && len(code) >= 9 && digitRun(code[:9]) == 9 && strings.HasPrefix(code, newDistrict) {
		town = code[:9] + "000"
	}
	f := fieldTown
	if r.cols[f] < 0 {
		f = fieldCode
	}
	switch {
	case town == "":
		r.fail(f, wrong("no_town", "没有乡镇代码，也无法由代码前 9 位得出", "there is no town code, and none follows from the first nine digits of the code"))
	case r.Places != nil && !r.Places.Town(town):
		r.fail(f, wrong("unknown_code", "没有这个乡镇代码：%s", "no town has the code %s", town))
	}
	return town
}

// DryRun reads s to its end for a subject and reports, storing nothing. The error is Invalid for an unknown subject
// and Unavailable when ctx ended; what is wrong with the file is in the report.
func DryRun(ctx context.Context, s *Source, subject string, c Checker) (*Report, error) {
	rep := NewReport(s)
	var err error
	switch subject {
	case "district":
		err = drain(ctx, Districts(s, c, rep))
	case "towns":
		err = drain(ctx, Towns(s, c, rep))
	case "villages":
		err = drain(ctx, Villages(s, c, rep))
	case "grids":
		err = drain(ctx, Grids(s, c, rep))
	case "casework":
		err = drain(ctx, Casework(s, c, rep))
	case "village-status":
		err = drain(ctx, VillageStatuses(s, c, rep))
	case "surveys":
		err = drain(ctx, Surveys(s, c, rep))
	case "findings":
		err = drain(ctx, Findings(s, c, rep))
	default:
		return nil, grids.Errorf(grids.Invalid, "%q is not a subject of an import; use one of %s", clip(subject), strings.Join(Subjects(), ", "))
	}
	if err != nil {
		return nil, err
	}
	return rep, nil
}

// drain walks a sequence and drops what it yields.
func drain[T any](ctx context.Context, seq iter.Seq[T]) error {
	n := 0
	for range seq {
		if n++; n&1023 == 0 && ctx.Err() != nil {
			break
		}
	}
	if err := ctx.Err(); err != nil {
		return grids.Hide(grids.Unavailable, err, "the check of the file was stopped")
	}
	return nil
}

func appendText(b []byte, parts ...string) []byte {
	for _, s := range parts {
		b = append(append(b, s...), 0)
	}
	return b
}

func appendDay(b []byte, days ...grids.Day) []byte {
	for _, d := range days {
		b = binary.LittleEndian.AppendUint32(b, uint32(d))
	}
	return b
}

func appendFlag(b []byte, f bool) []byte {
	if f {
		return append(b, 1)
	}
	return append(b, 0)
}

func appendNumber(b []byte, f float64) []byte {
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(f))
}

func appendPoint(b []byte, p orb.Point) []byte { return appendNumber(appendNumber(b, p[0]), p[1]) }

// appendGeometry appends the coordinates of a point, polygon or multipolygon with the lengths of its parts.
func appendGeometry(b []byte, g orb.Geometry) []byte {
	switch g := g.(type) {
	case orb.Point:
		return appendPoint(b, g)
	case orb.Polygon:
		b = binary.LittleEndian.AppendUint32(b, uint32(len(g)))
		for _, ring := range g {
			b = binary.LittleEndian.AppendUint32(b, uint32(len(ring)))
			for _, p := range ring {
				b = appendPoint(b, p)
			}
		}
	case orb.MultiPolygon:
		for _, p := range g {
			b = appendGeometry(b, p)
		}
	}
	return b
}
