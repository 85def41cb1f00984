package importers

import (
	"slices"
	"strings"
	"unicode/utf8"

	"wangge/grids"
)

// field is a value that a subject reads from a column.
type field uint8

const (
	fieldID field = iota
	fieldKind
	fieldDate
	fieldWeek
	fieldLon
	fieldLat
	fieldWKT
	fieldVillage
	fieldGrid
	fieldTown
	fieldCode
	fieldName
	fieldNameEN
	fieldStatus
	fieldFrom
	fieldTo
	fieldRound
	fieldCompletion
	fieldConfidence
	fieldState
	fieldSource
	fieldSeenAt
	fieldSynthetic
	fieldCount
)

// reads is one field with the column names it is known by, the canonical one first.
type reads struct {
	field field
	names []string
}

// subject is what one kind of file is read for.
type subject struct {
	name   string
	reads  []reads
	needs  [][]field // of each group at least one column
	shaped bool      // every row needs a geometry
	placed bool      // a geometry is one way to give the place
	rest   bool      // the columns left over are answers
}

var (
	idNames        = reads{fieldID, []string{"id", "uuid", "guid", "编号", "案件编号", "事件编号", "警情编号", "案号", "记录编号", "唯一标识", "event_id", "case_id", "record_id", "instanceid", "key"}}
	lonNames       = reads{fieldLon, []string{"lon", "经度", "lng", "longitude", "long", "x", "东坐标", "x坐标", "坐标x", "easting", "point_x", "gps_lon", "wgs84_lon"}}
	latNames       = reads{fieldLat, []string{"lat", "纬度", "latitude", "y", "北坐标", "y坐标", "坐标y", "northing", "point_y", "gps_lat", "wgs84_lat"}}
	wktNames       = reads{fieldWKT, []string{"geometry", "wkt", "geom", "the_geom", "几何", "几何图形"}}
	villageNames   = reads{fieldVillage, []string{"village_code", "村居代码", "村居编码", "村居委代码", "村代码", "村委会代码", "居委会代码", "社区代码", "unit_code", "village"}}
	gridNames      = reads{fieldGrid, []string{"grid_code", "网格代码", "网格编码", "网格编号", "网格号", "grid_id", "grid"}}
	townNames      = reads{fieldTown, []string{"town_code", "乡镇代码", "街镇代码", "镇代码", "街道代码", "乡镇编码", "town_code9"}}
	syntheticNames = reads{fieldSynthetic, []string{"synthetic", "演示", "模拟", "合成数据"}}
)

// subjects is the table of what can be imported; its order is the order in which a new territory is filled.
var subjects = [...]subject{
	{name: "district", shaped: true, reads: []reads{
		{fieldCode, []string{"code", "行政区划代码", "区划代码", "区代码", "代码", "编码", "adcode", "code12", "district_code"}},
		{fieldName, []string{"name", "名称", "区名", "区名称", "district", "district_name"}},
		{fieldNameEN, []string{"name_en", "英文名", "英文名称"}}, wktNames, syntheticNames,
	}, needs: [][]field{{fieldCode}, {fieldName}}},
	{name: "towns", shaped: true, reads: []reads{
		{fieldCode, []string{"code", "town_code", "乡镇代码", "街镇代码", "镇代码", "行政区划代码", "代码", "编码", "code12", "code9"}},
		{fieldName, []string{"name", "名称", "乡镇名称", "街镇名称", "镇名", "乡镇", "街镇", "town", "town_name"}},
		{fieldKind, []string{"kind", "类型", "类别", "type"}}, wktNames, syntheticNames,
	}, needs: [][]field{{fieldCode}, {fieldName}}},
	{name: "villages", shaped: true, reads: []reads{
		{fieldCode, []string{"code", "village_code", "村居代码", "村居编码", "村居委代码", "行政区划代码", "代码", "编码", "code12", "unit_code"}},
		{fieldName, []string{"name", "名称", "村居名称", "村名", "居委名称", "村居", "village", "village_name"}},
		townNames, {fieldKind, []string{"kind", "类型", "类别", "type"}}, wktNames, syntheticNames,
	}, needs: [][]field{{fieldCode}, {fieldName}}},
	{name: "grids", shaped: true, reads: []reads{
		{fieldCode, []string{"code", "grid_code", "网格代码", "网格编码", "网格编号", "网格号", "代码", "编码", "编号", "grid_id"}},
		{fieldName, []string{"name", "名称", "网格名称", "网格名", "grid", "grid_name"}},
		townNames, wktNames, syntheticNames,
	}, needs: [][]field{{fieldCode}, {fieldName}}},
	{name: "casework", placed: true, reads: []reads{
		idNames, {fieldKind, []string{"kind", "类别", "类型", "案件类别", "案件类型", "案由", "警情类别", "案别", "type", "category", "case_kind"}},
		{fieldDate, []string{"date", "日期", "发生日期", "案发日期", "发案日期", "发生时间", "案发时间", "发案时间", "时间", "接警日期", "on", "day", "datetime", "occurred_on", "event_date"}},
		{fieldWeek, []string{"week", "周", "周次", "发生周", "iso_week"}},
		lonNames, latNames, wktNames, villageNames, gridNames, syntheticNames,
	}, needs: [][]field{{fieldKind}, {fieldDate, fieldWeek}, {fieldLon, fieldWKT, fieldVillage, fieldGrid}}},
	{name: "village-status", reads: []reads{
		idNames, {fieldVillage, append([]string{"code", "代码", "编码", "code12"}, villageNames.names...)},
		{fieldStatus, []string{"status", "状态", "创建状态", "创建情况", "等级", "无毒村居状态", "level"}},
		{fieldFrom, []string{"valid_from", "起始日期", "开始日期", "生效日期", "认定日期", "命名日期", "from", "start", "since", "date", "日期"}},
		{fieldTo, []string{"valid_to", "截止日期", "结束日期", "有效期至", "到期日期", "失效日期", "to", "end", "until"}}, syntheticNames,
	}, needs: [][]field{{fieldVillage}, {fieldStatus}, {fieldFrom}}},
	{name: "surveys", rest: true, reads: []reads{
		idNames, gridNames, villageNames,
		{fieldRound, []string{"round", "轮次", "批次", "调查轮次", "期次", "survey_round"}},
		{fieldCompletion, []string{"completion", "完成率", "完成比例", "完成度", "进度", "completion_rate", "completion_pct", "completed"}},
		{fieldDate, []string{"on", "date", "日期", "统计日期", "截至日期", "调查日期", "day"}}, syntheticNames,
	}, needs: [][]field{{fieldGrid, fieldVillage}, {fieldRound}, {fieldCompletion}, {fieldDate}}},
	{name: "findings", placed: true, reads: []reads{
		idNames, {fieldKind, []string{"kind", "类别", "类型", "植物", "疑似种类", "物种", "种类", "species", "type"}},
		{fieldConfidence, []string{"confidence", "置信度", "可信度", "把握"}},
		{fieldState, []string{"state", "状态", "处置状态", "status"}},
		{fieldSource, []string{"source", "来源", "发现方式", "线索来源"}},
		{fieldSeenAt, []string{"seen_at", "发现时间", "发现日期", "拍摄时间", "时间", "日期", "date", "datetime", "timestamp", "time", "seen"}},
		lonNames, latNames, wktNames, syntheticNames,
	}, needs: [][]field{{fieldKind}, {fieldSeenAt}, {fieldLon, fieldWKT}}},
}

// Subjects lists what can be imported, in the order in which an empty district is filled.
func Subjects() []string {
	names := make([]string, len(subjects))
	for i := range subjects {
		names[i] = subjects[i].name
	}
	return names
}

// subjectOf finds a subject by name, nil when there is none.
func subjectOf(name string) *subject {
	i := slices.IndexFunc(subjects[:], func(s subject) bool { return s.name == name })
	if i < 0 {
		return nil
	}
	return &subjects[i]
}

// mapping says in which column each field stands, −1 for none.
type mapping [fieldCount]int

// described are columns that many files carry to be read by people, and that nothing is lost with.
var described = [...]string{
	"id", "fid", "objectid", "ogc_fid", "gid", "name", "description", "名称", "备注", "说明", "序号", "remark", "note", "notes",
	"town", "town_name", "乡镇", "街镇", "乡镇名称", "village_name", "村居", "村居名称", "grid_name", "网格名称", "short_name",
	"shape_leng", "shape_area", "shape_length", "area_km2", "面积", "units", "unit", "m2", "altitudemode", "tessellate", "extrude",
	"visibility", "draworder", "icon", "snippet", "timestamp", "begin", "end",
}

// mapColumns finds the column of each field. cut says that names were cut at ten bytes (DBF).
func mapColumns(fields []reads, columns []string, cut bool) mapping {
	var m mapping
	for i := range m {
		m[i] = -1
	}
	plain := make([]string, len(columns))
	for i, c := range columns {
		plain[i] = plainName(c)
	}
	for _, f := range fields {
		for _, name := range f.names {
			if i := slices.Index(plain, plainName(name)); i >= 0 && !slices.Contains(m[:], i) {
				m[f.field] = i
				break
			}
		}
		if cut && m[f.field] < 0 {
			m[f.field] = cutColumn(f.names, columns, m[:])
		}
	}
	return m
}

// cutColumn finds a column whose name is the beginning of one of the names, cut at the ten bytes of DBF.
func cutColumn(names, columns []string, taken []int) int {
	for i, c := range columns {
		if len(c) != 10 || slices.Contains(taken, i) {
			continue
		}
		if slices.ContainsFunc(names, func(n string) bool { return len(n) > 10 && strings.EqualFold(n[:10], c) }) {
			return i
		}
	}
	return -1
}

// plainName is a column name as it is compared: lower case, half width, without blanks, _, - and a unit in brackets.
func plainName(s string) string {
	s = strings.ToLower(strings.TrimSpace(halfWidth(s)))
	if i := strings.IndexAny(s, "(["); i > 0 {
		s = s[:i]
	}
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '_' || r == '-' || r == '*' || r == ':' {
			return -1
		}
		return r
	}, s)
}

// halfWidth turns full-width ASCII (０–９, Ａ–Ｚ, punctuation) and the ideographic space into the plain forms.
func halfWidth(s string) string {
	if isASCII(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 0xFF01 && r <= 0xFF5E:
			return r - 0xFEE0
		case r == 0x3000 || r == 0xA0 || r == 0x2003:
			return ' '
		case r == 0x2212:
			return '-'
		}
		return r
	}, s)
}

// isASCII reports whether s holds ASCII alone.
func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// plan maps the columns of s for a subject and writes down in rep what was read as what. It refuses the file
// when a column is personal or a needed one is missing.
func plan(s *Source, sub *subject, rep *Report) mapping {
	m := mapColumns(sub.reads, s.columns, s.cutNames)
	s.place = mapColumns(placesOf(sub), s.columns, s.cutNames)
	if s.personal != nil {
		rep.refusePersonal(*s.personal)
		return m
	}
	for _, p := range s.notes {
		rep.about("", p)
	}
	for i, c := range s.columns {
		rep.Columns = append(rep.Columns, Column{Source: c, Target: sub.target(m, i)})
	}
	warnUnmapped(s, sub, rep)
	for _, need := range sub.needs {
		if !sub.met(need, m, s) {
			rep.Refuse(sub.missing(need, s.columns))
			return m
		}
	}
	if sub.shaped && !s.hasGeometry() {
		rep.Refuse(say("文件没有图形：%s 需要面（GeoJSON、Shapefile、GeoPackage、KML，或含 WKT 列的 CSV）",
			"the file has no geometry: %s need polygons (GeoJSON, Shapefile, GeoPackage, KML, or a CSV with a WKT column)", sub.name))
	}
	return m
}

// target is the canonical name of what column i was read as, "" when it was left out.
func (sub *subject) target(m mapping, i int) string {
	for _, f := range sub.reads {
		if m[f.field] == i {
			return f.names[0]
		}
	}
	if sub.rest {
		return "answers"
	}
	return ""
}

// met reports whether one of the fields has a column, or the place comes with the file's own geometry.
func (sub *subject) met(need []field, m mapping, s *Source) bool {
	for _, f := range need {
		if m[f] >= 0 && (f != fieldLon || m[fieldLat] >= 0) {
			return true
		}
	}
	return sub.placed && slices.Contains(need, fieldWKT) && s.hasGeometry()
}

// missing says which column is not there, and every name it could have.
func (sub *subject) missing(need []field, columns []string) grids.Text {
	var canonical, accepted []string
	for _, f := range sub.reads {
		if slices.Contains(need, f.field) {
			name := f.names[0]
			if f.field == fieldLon {
				name = "lon + lat"
			}
			canonical = append(canonical, name)
			accepted = append(accepted, strings.Join(f.names, ", "))
		}
	}
	return say("缺少必需的列：%s。可用的列名：%s。文件中的列：%s", "a required column is missing: %s. Accepted names: %s. The file has: %s",
		strings.Join(canonical, " / "), strings.Join(accepted, "; "), strings.Join(columns, ", "))
}

// warnUnmapped names the columns that were left out, all in one finding.
func warnUnmapped(s *Source, sub *subject, rep *Report) {
	var left []string
	for i, c := range rep.Columns {
		if c.Target == "" && !isDescribed(s.columns[i]) {
			left = append(left, c.Source)
		}
	}
	if len(left) > 0 {
		list := strings.Join(left, ", ")
		rep.about("", wrong("unmapped_column", "这些列没有读取，也不会保存：%s", "these columns were not read and will not be stored: %s", list).of(list))
	}
}

// isDescribed reports whether a column is one that people read and the import may pass over in silence.
func isDescribed(column string) bool {
	plain := plainName(column)
	return slices.ContainsFunc(described[:], func(d string) bool { return plainName(d) == plain })
}
