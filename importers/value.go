package importers

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"wangge/grids"
)

// Days that a file of this district can speak of; Excel counts the same range as serials.
const (
	firstYear    = 1950
	lastYear     = 2100
	excelEpoch   = -25569 // 1899-12-30, the day 0 of Excel's 1900 system after 1900-03-01, in days since 1970
	maxGridCode  = 32
	oldDistrict  = "310230" // Chongming until 2016
	newDistrict  = "310151"
	maxNameRunes = 100
)

// parseDay reads a calendar day as files write it: 2023-04-12, 2023/4/12, 2023.4.12, 20230412, 2023年4月12日, an Excel
// serial, or a date with a time, whose zone (if any) is turned to Asia/Shanghai.
func parseDay(s string) (grids.Day, *problem) {
	if d, rest, ok := civil(s); ok {
		if rest == "" {
			return d, nil
		}
		t, bad := clock(d, rest, s)
		if bad != nil {
			return 0, bad
		}
		return grids.DayOf(t), nil
	}
	if d, ok := compactDay(s); ok {
		return d, nil
	}
	if t := halfWidth(s); t != s {
		return parseDay(t)
	}
	return 0, badDate(s)
}

// badDate says how to write a date.
func badDate(s string) *problem {
	separated := strings.Count(s, "/") == 2 || strings.Count(s, "-") == 2
	switch {
	case separated && digitRun(s) == 4, digitRun(s) == 8:
		return wrong("bad_date", "没有这一天（或年份不在 %d–%d 之间）", "there is no such day (or its year is not within %d–%d)", firstYear, lastYear)
	case separated:
		return wrong("bad_date", "不是可读的日期：年份须为四位并写在最前，例如 2023-04-12", "not a readable date: write the four-digit year first, as in 2023-04-12")
	}
	return wrong("bad_date", "不是可读的日期，请写成 2023-04-12", "not a readable date: write it as 2023-04-12")
}

// civil reads the year, month and day that s begins with and returns what follows.
func civil(s string) (d grids.Day, rest string, ok bool) {
	y, s, ok := leading(s, 4, 4)
	if !ok || s == "" {
		return 0, "", false
	}
	first, end := 1, ""
	switch {
	case s[0] == '-' || s[0] == '/' || s[0] == '.':
		end = s[:1]
	case strings.HasPrefix(s, "年"):
		first, end = len("年"), "月"
	default:
		return 0, "", false
	}
	m, s, ok := leading(strings.TrimLeft(s[first:], " "), 1, 2)
	if !ok || !strings.HasPrefix(s, end) {
		return 0, "", false
	}
	day, s, ok := leading(strings.TrimLeft(s[len(end):], " "), 1, 2)
	if !ok {
		return 0, "", false
	}
	if end == "月" {
		s = strings.TrimPrefix(strings.TrimPrefix(s, "日"), "号")
	}
	d, ok = dayOf(y, m, day)
	return d, s, ok
}

// leading reads a number of min to max digits that s begins with; a digit more is no match.
func leading(s string, min, max int) (n int, rest string, ok bool) {
	i := 0
	for i < len(s) && i <= max && s[i]-'0' <= 9 {
		n = n*10 + int(s[i]-'0')
		i++
	}
	return n, s[i:], i >= min && i <= max
}

// dayOf is the day of a civil date that exists.
func dayOf(y, m, d int) (grids.Day, bool) {
	if y < firstYear || y > lastYear || m < 1 || m > 12 || d < 1 || d > 28 && d > daysIn(y, m) {
		return 0, false
	}
	return grids.DayFrom(y, time.Month(m), d), true
}

// daysIn is the number of days of a month.
func daysIn(y, m int) int {
	return time.Date(y, time.Month(m)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// compactDay reads 20230412 and Excel serials (with or without a fraction of a day).
func compactDay(s string) (grids.Day, bool) {
	run := digitRun(s)
	if run == 8 && len(s) == 8 {
		n, _ := strconv.Atoi(s)
		return dayOf(n/10000, n/100%100, n%100)
	}
	if run != 5 || len(s) > 5 && s[5] != '.' || len(s) > 6 && digitRun(s[6:]) != len(s)-6 {
		return 0, false
	}
	n, _ := strconv.Atoi(s[:5])
	d := grids.Day(n + excelEpoch)
	return d, d >= grids.DayFrom(firstYear, 1, 1) && d < grids.DayFrom(lastYear, 1, 1)
}

// clock reads what follows a civil date: a time of day, with or without a zone; without one it is Shanghai's.
func clock(d grids.Day, rest, whole string) (time.Time, *problem) {
	rest = strings.TrimLeft(strings.TrimPrefix(rest, "T"), " ")
	for _, layout := range [...]string{"15:04:05Z07:00", "15:04:05", "15:04:05-0700", "15:04:05 -07:00", "15:04", "15:04Z07:00", "15时04分05秒", "15时04分"} {
		if t, err := time.ParseInLocation(layout, rest, grids.Shanghai); err == nil {
			y, m, day := d.Date().Date()
			return time.Date(y, m, day, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), t.Location()), nil
		}
	}
	return time.Time{}, badDate(whole)
}

// parseTime reads an instant: RFC 3339, or a date with or without a time of day in Asia/Shanghai.
func parseTime(s string) (time.Time, *problem) {
	s = halfWidth(s)
	d, rest, ok := civil(s)
	if ok && rest != "" {
		return clock(d, rest, s)
	}
	d, bad := parseDay(s)
	if bad != nil {
		return time.Time{}, wrong("bad_time", "不是可读的时间，请写成 2023-04-12T08:30:00+08:00", "not a readable time: write it as 2023-04-12T08:30:00+08:00")
	}
	day := d.Date()
	at := time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, grids.Shanghai)
	if i := strings.IndexByte(s, '.'); i == 5 { // the fraction of an Excel serial
		part, err := strconv.ParseFloat(s[i:], 64)
		if err == nil {
			at = at.Add(time.Duration(math.Round(part*86400)) * time.Second)
		}
	}
	return at, nil
}

// parseWeek reads an ISO 8601 week, 2023-W15 or 2023年第15周, and returns its Monday.
func parseWeek(s string) (grids.Day, *problem) {
	bad := wrong("bad_week", "不是可读的周，请写成 2023-W15 或 2023年第15周", "not a readable week: write it as 2023-W15")
	y, rest, ok := leading(halfWidth(s), 4, 4)
	if !ok {
		return 0, bad
	}
	rest = strings.TrimPrefix(strings.TrimPrefix(rest, "-"), "年")
	rest = strings.TrimPrefix(strings.TrimLeft(rest, " Ww"), "第")
	w, rest, ok := leading(rest, 1, 2)
	if !ok || rest != "" && rest != "周" || y < firstYear || y > lastYear || w < 1 || len(s) < 6 {
		return 0, bad
	}
	fourth := time.Date(y, 1, 4, 0, 0, 0, 0, time.UTC) // always in week 1
	monday := fourth.AddDate(0, 0, -(int(fourth.Weekday())+6)%7+7*(w-1))
	if gotYear, gotWeek := monday.ISOWeek(); gotYear != y || gotWeek != w {
		return 0, wrong("bad_week", "%d 年没有第 %d 周", "%d has no week %d", y, w)
	}
	return grids.DayFrom(monday.Date()), nil
}

// looksLikeWeek reports whether a date column holds a week.
func looksLikeWeek(s string) bool {
	return strings.ContainsAny(s, "Ww") || strings.Contains(s, "周")
}

// parseNumber reads a finite decimal number.
func parseNumber(s string) (float64, *problem) {
	f, err := strconv.ParseFloat(s, 64)
	if err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) && strings.IndexByte("0123456789.-+", s[0]) >= 0 && !strings.ContainsAny(s, "xX_") {
		return f, nil
	}
	if t := strings.TrimSpace(halfWidth(s)); t != s && t != "" {
		return parseNumber(t)
	}
	return 0, wrong("bad_number", "不是数字，请写成十进制数，例如 121.503", "not a number: write it in decimals, as in 121.503")
}

// parseCode reads an administrative code of 12 digits. Nine digits of a town are completed; note says what was
// mended on the way.
func parseCode(s string) (code grids.Code, note, bad *problem) {
	code, note, bad = plainCode(s)
	if bad != nil {
		return "", nil, bad
	}
	if digitRun(code) == len(code) {
		switch len(code) {
		case 6:
			code += "000000"
		case 9:
			code += "000"
		}
	}
	if !grids.IsCode12(code) {
		return "", nil, wrong("bad_code", "代码须为 12 位数字（乡镇 9 位亦可），例如 310151101001", "a code has 12 digits (9 for a town), as in 310151101001")
	}
	return code, note, nil
}

// parseGridCode reads the code of a grid: free text of at most 32 characters.
func parseGridCode(s string) (code grids.Code, note, bad *problem) {
	code, note, bad = plainCode(s)
	if bad != nil {
		return "", nil, bad
	}
	if len(code) > maxGridCode && utf8.RuneCountInString(code) > maxGridCode {
		return "", nil, wrong("bad_code", "网格代码最多 %d 个字符", "a grid code has at most %d characters", maxGridCode)
	}
	if strings.ContainsFunc(code, func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError }) {
		return "", nil, wrong("bad_code", "网格代码含不可见或无法识别的字符", "the grid code holds control or unreadable characters")
	}
	return code, note, nil
}

// plainCode undoes what spreadsheets do to codes, and refuses what cannot be undone.
func plainCode(s string) (code string, note, bad *problem) {
	code = strings.TrimSpace(strings.TrimLeft(s, "'`"))
	if half := strings.TrimSpace(halfWidth(code)); half != code {
		note = wrong("full_width", "代码含全角字符，已按半角读取", "the code holds full-width characters and was read as half-width")
		code = half
	}
	if whole, ok := strings.CutSuffix(code, ".0"); ok && digitRun(whole) == len(whole) {
		code = whole
	}
	if code == "" {
		return "", nil, wrong("missing_code", "代码为空", "the code is empty")
	}
	if isScientific(code) {
		return "", nil, wrong("code_scientific", "代码被电子表格改成了科学计数法，后几位已经丢失：请把该列设为“文本”后重新导出",
			"a spreadsheet turned the code into scientific notation and its last digits are lost: format the column as text and export again")
	}
	if strings.HasPrefix(code, oldDistrict) && digitRun(code) >= 9 {
		return "", nil, wrong("code_old", "这是 2016 年撤县设区前的旧代码（%s…）：请换成现行代码（%s…）",
			"a code from before 2016 (%s…): replace it by the present one (%s…)", oldDistrict, newDistrict)
	}
	return code, note, nil
}

// isScientific reports whether s looks like 3.10151E+11.
func isScientific(s string) bool {
	e := strings.IndexAny(s, "eE")
	if e < 1 || !strings.Contains(s[:e], ".") && !strings.Contains(s, "+") {
		return false
	}
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}

// parseShare reads a share: 0.85, 85%, or 85 in a column that says percent.
func parseShare(s string, percent bool) (float64, *problem) {
	s = halfWidth(s)
	if rest, ok := strings.CutSuffix(s, "%"); ok {
		s, percent = strings.TrimSpace(rest), true
	}
	if s == "" {
		s = "?"
	}
	f, bad := parseNumber(s)
	if bad != nil {
		return 0, bad
	}
	if percent {
		f /= 100
	}
	if f < 0 || f > 1 {
		return 0, wrong("bad_share", "完成率须在 0 与 1 之间，或写成百分数（85%%）", "a completion lies between 0 and 1, or is written as a percentage (85%%)")
	}
	return f, nil
}

// parseBool reads a flag; an empty text is false.
func parseBool(s string) (bool, *problem) {
	switch strings.ToLower(s) {
	case "", "0", "false", "f", "no", "n", "否":
		return false, nil
	case "1", "true", "t", "yes", "y", "是":
		return true, nil
	}
	return false, wrong("bad_flag", "不是“是/否”，请写 true 或 false", "not a flag: write true or false")
}

// word is one way in which files write a value.
type word[T ~string] struct {
	text  string
	value T
}

// caseWords are the kinds of casework as files write them.
var caseWords = [...]word[grids.CaseKind]{
	{"trafficking", grids.Trafficking}, {"贩运", grids.Trafficking}, {"manufacture", grids.Manufacture}, {"制造", grids.Manufacture},
	{"cultivation", grids.Cultivation}, {"种植", grids.Cultivation}, {"possession", grids.Possession}, {"持有", grids.Possession},
	{"premises", grids.Premises}, {"容留场所", grids.Premises}, {"tipoff", grids.TipOff}, {"举报线索", grids.TipOff},
	{"other", grids.OtherCase}, {"其他", grids.OtherCase},
	{"贩毒", grids.Trafficking}, {"贩卖", grids.Trafficking}, {"贩卖毒品", grids.Trafficking}, {"运输毒品", grids.Trafficking}, {"走私", grids.Trafficking},
	{"走私毒品", grids.Trafficking}, {"走私贩卖运输制造毒品", grids.Trafficking}, {"制毒", grids.Manufacture}, {"制造毒品", grids.Manufacture},
	{"非法种植", grids.Cultivation}, {"种植毒品原植物", grids.Cultivation}, {"非法种植毒品原植物", grids.Cultivation}, {"非法持有", grids.Possession},
	{"持有毒品", grids.Possession}, {"非法持有毒品", grids.Possession}, {"容留", grids.Premises}, {"容留吸毒", grids.Premises},
	{"容留他人吸毒", grids.Premises}, {"举报", grids.TipOff}, {"线索", grids.TipOff}, {"tip-off", grids.TipOff}, {"tip off", grids.TipOff}, {"其它", grids.OtherCase},
}

// findingWords are the kinds of finding as files write them.
var findingWords = [...]word[grids.FindingKind]{
	{"opium_poppy", grids.OpiumPoppy}, {"罂粟", grids.OpiumPoppy}, {"cannabis", grids.Cannabis}, {"大麻", grids.Cannabis},
	{"ephedra", grids.Ephedra}, {"麻黄", grids.Ephedra}, {"unknown", grids.UnknownPlant}, {"待辨认", grids.UnknownPlant},
	{"poppy", grids.OpiumPoppy}, {"opium poppy", grids.OpiumPoppy}, {"疑似罂粟", grids.OpiumPoppy}, {"疑似大麻", grids.Cannabis},
	{"麻黄草", grids.Ephedra}, {"未知", grids.UnknownPlant}, {"不明", grids.UnknownPlant},
}

// stateWords are the states of a finding as files write them.
var stateWords = [...]word[grids.FindingState]{
	{"spotted", grids.Spotted}, {"发现", grids.Spotted}, {"assigned", grids.Assigned}, {"派单", grids.Assigned},
	{"ground_checked", grids.GroundChecked}, {"核查", grids.GroundChecked}, {"confirmed", grids.Confirmed}, {"确认", grids.Confirmed},
	{"eradicated", grids.Eradicated}, {"铲除", grids.Eradicated}, {"re_inspected", grids.ReInspected}, {"复查", grids.ReInspected},
	{"closed", grids.Closed}, {"结案", grids.Closed}, {"dismissed", grids.Dismissed}, {"排除", grids.Dismissed},
	{"已派单", grids.Assigned}, {"已核查", grids.GroundChecked}, {"已确认", grids.Confirmed}, {"已铲除", grids.Eradicated},
	{"已复查", grids.ReInspected}, {"已结案", grids.Closed}, {"已排除", grids.Dismissed},
}

// sourceWords are the sources of a finding as files write them.
var sourceWords = [...]word[grids.FindingSource]{
	{"photo", grids.FromPhoto}, {"照片", grids.FromPhoto}, {"flight", grids.FromFlight}, {"航飞", grids.FromFlight},
	{"foot", grids.FromFoot}, {"踏查", grids.FromFoot}, {"hotline", grids.FromHotline}, {"举报", grids.FromHotline},
	{"航拍", grids.FromPhoto}, {"无人机", grids.FromFlight}, {"飞行", grids.FromFlight}, {"步行", grids.FromFoot}, {"徒步", grids.FromFoot}, {"热线", grids.FromHotline},
}

// statusWords are the statuses of a village as files write them.
var statusWords = [...]word[grids.Status]{
	{"none", grids.StatusNone}, {"未申报", grids.StatusNone}, {"declared", grids.Declared}, {"申报", grids.Declared},
	{"screening", grids.Screening}, {"初审", grids.Screening}, {"building", grids.Building}, {"创建期", grids.Building},
	{"on_site", grids.OnSite}, {"验收", grids.OnSite}, {"certified", grids.Certified}, {"达标", grids.Certified},
	{"advanced", grids.CertifiedGood}, {"先进", grids.CertifiedGood}, {"model", grids.CertifiedModel}, {"示范", grids.CertifiedModel},
	{"expired", grids.Expired}, {"到期", grids.Expired}, {"suspended", grids.StatusSuspended}, {"暂停", grids.StatusSuspended},
	{"revoked", grids.Revoked}, {"撤销", grids.Revoked},
	{"已申报", grids.Declared}, {"创建中", grids.Building}, {"创建", grids.Building}, {"无毒村居", grids.Certified}, {"达标村居", grids.Certified},
	{"先进村居", grids.CertifiedGood}, {"示范村居", grids.CertifiedModel}, {"已到期", grids.Expired}, {"已暂停", grids.StatusSuspended}, {"已撤销", grids.Revoked},
}

// parseWord finds the value that files write as s, whatever the case and width of its letters.
func parseWord[T ~string](s string, words []word[T]) (T, *problem) {
	for i := range words {
		if words[i].text == s {
			return words[i].value, nil
		}
	}
	plain := strings.ToLower(halfWidth(s))
	for i := range words {
		if words[i].text == plain {
			return words[i].value, nil
		}
	}
	var names []string
	seen := map[T]bool{}
	for _, w := range words {
		if !seen[w.value] {
			names = append(names, string(w.value))
			seen[w.value] = true
		} else if len(names) > 0 && names[len(names)-1] == string(w.value) && !isASCII(w.text) {
			names[len(names)-1] += " " + w.text
		}
	}
	var zero T
	list := strings.Join(names, ", ")
	return zero, wrong("unknown_word", "不认识的取值，可用：%s", "not a known value; use one of %s", list)
}

// parseConfidence reads 1 (unsure) to 3 (sure), or 低, 中, 高.
func parseConfidence(s string) (int, *problem) {
	switch strings.ToLower(strings.TrimSuffix(halfWidth(s), ".0")) {
	case "1", "低", "low":
		return 1, nil
	case "2", "中", "medium":
		return 2, nil
	case "3", "高", "high":
		return 3, nil
	}
	return 0, wrong("bad_confidence", "把握须为 1（不确定）、2 或 3（确定）", "confidence is 1 (unsure), 2 or 3 (sure)")
}
