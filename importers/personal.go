package importers

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"wangge/grids"
)

// personalWords are the Chinese words that make a column personal wherever they stand in its name.
var personalWords = [...]string{
	"姓名", "身份证", "证件号", "公民身份", "电话", "手机", "联系方式", "出生", "生日", "家庭住址", "住址", "户籍地址", "车牌", "号牌",
	"嫌疑人", "当事人", "吸毒人员", "报警人", "举报人", "联系人", "监护人", "受害人", "户主", "照片", "人脸", "头像", "指纹", "未成年",
	"儿童", "病历", "病史", "诊断", "疾病", "患者", "护照", "微信号", "银行卡", "民族", "婚姻",
}

// personalPosts are personal as a name, and harmless as a count (网格员数).
var personalPosts = [...]string{"网格长", "网格员", "负责人", "责任人", "走访人", "填报人", "调查员", "民警", "飞手"}

// personalWhole are personal only when they are the whole name.
var personalWhole = [...]string{"姓", "性别", "年龄", "人员", "本人", "qq", "微信", "驾驶证"}

// personalPhrases are runs of whole English words that make a column personal.
var personalPhrases = [...]string{
	"person name", "full name", "real name", "first name", "last name", "family name", "given name", "surname", "suspect", "victim",
	"offender", "name of person", "citizen", "idcard", "id card", "identity", "national id", "idno", "passport", "phone", "phones",
	"mobile", "tel", "telephone", "cellphone", "cell phone", "wechat", "qq", "birth", "birthday", "birthdate", "dob",
	"home address", "residence", "residential address", "plate", "license plate", "licence plate", "face", "portrait", "fingerprint",
	"minor", "minors", "juvenile", "child", "children", "guardian", "diagnosis", "patient", "disease", "ethnicity",
	"gender", "sex", "age",
}

// countedPhrases are personal too, unless the name ends as that of a total (medical_needs).
var countedPhrases = [...]string{"person", "contact", "vehicle", "health", "medical", "健康", "就医"}

// counted are the endings that make a column a total over a place.
var counted = [...]string{"数", "数量", "人数", "人次", "户数", "比例", "率", "count", "total", "sum", "number of", "share", "rate", "needs", "需求"}

// personalColumn reports whether a column name speaks of a person. A name whose minor children are counted stays
// personal (nothing on minors is taken); a count of posts is not.
func personalColumn(name string) bool {
	plain := plainName(name)
	phrase := strings.ReplaceAll(plain, "发生", "") // 发生日期 is no 生日
	for _, w := range personalWords {
		if strings.Contains(phrase, w) {
			return true
		}
	}
	if slices.Contains(personalWhole[:], plain) {
		return true
	}
	words := " " + strings.Join(englishWords(name), " ") + " "
	if !isCounted(plain) && personalUnlessCounted(plain, words) {
		return true
	}
	for _, p := range personalPhrases {
		if strings.Contains(words, " "+p+" ") {
			return true
		}
	}
	return personalIDNumber(words)
}

// personalUnlessCounted reports whether a name that is not a total names a post or a person.
func personalUnlessCounted(plain, words string) bool {
	return slices.ContainsFunc(personalPosts[:], func(w string) bool { return strings.Contains(plain, w) }) ||
		slices.ContainsFunc(countedPhrases[:], func(w string) bool {
			return strings.Contains(words, " "+w+" ") || !isASCII(w) && strings.Contains(plain, w)
		})
}

// personalIDNumber reports whether the words are those of an identity number and not of a record's number.
func personalIDNumber(words string) bool {
	switch strings.TrimSpace(words) {
	case "id number", "id no", "id num", "idnumber", "person id", "id code":
		return true
	}
	return false
}

// isCounted reports whether a column name ends as that of a total.
func isCounted(plain string) bool {
	return slices.ContainsFunc(counted[:], func(c string) bool { return strings.HasSuffix(plain, c) })
}

// englishWords splits a name at everything but letters and digits, and where a capital begins a word.
func englishWords(name string) []string {
	var b strings.Builder
	lower := false
	for _, r := range halfWidth(name) {
		switch {
		case r > unicode.MaxASCII || !unicode.IsLetter(r):
			b.WriteByte(' ')
			lower = false
		case unicode.IsUpper(r):
			if lower {
				b.WriteByte(' ')
			}
			b.WriteRune(unicode.ToLower(r))
			lower = false
		default:
			b.WriteRune(r)
			lower = true
		}
	}
	return strings.Fields(b.String())
}

// personalValue reports whether a text holds a mainland mobile number, an 18-digit identity number with a valid
// date and check digit (GB 11643), or a vehicle plate (GA 36).
func personalValue(s string) bool {
	if len(s) < 8 {
		return false
	}
	digits, ascii := 0, true
	for i := range len(s) {
		switch c := s[i]; {
		case c-'0' <= 9:
			digits++
		case c >= 0x80:
			ascii = false
		}
	}
	if ascii && digits < 11 {
		return false
	}
	if !ascii {
		s = halfWidth(s)
		if holdsPlate(s) {
			return true
		}
	}
	return holdsPersonalNumber(s)
}

// holdsPersonalNumber looks for a mobile or identity number that stands alone in s.
func holdsPersonalNumber(s string) bool {
	for i := 0; i < len(s); {
		if s[i]-'0' > 9 {
			i++
			continue
		}
		run := digitRun(s[i:])
		free := i == 0 || !wordByte(s[i-1]) && s[i-1] != '.'
		if free && (isIdentity(s[i:], run) || isMobile(s[i:])) {
			return true
		}
		i += run
	}
	return false
}

// digitRun is the number of digits that s begins with.
func digitRun(s string) int {
	n := 0
	for n < len(s) && s[n]-'0' <= 9 {
		n++
	}
	return n
}

// wordByte reports whether c is an ASCII letter, digit or underscore.
func wordByte(c byte) bool {
	return c-'0' <= 9 || c|0x20-'a' < 26 || c == '_'
}

// isMobile reports whether s begins with a mobile number, with or without 86 in front and blanks or hyphens inside.
func isMobile(s string) bool {
	for _, prefix := range [...]string{"0086", "86"} {
		if rest, ok := strings.CutPrefix(s, prefix); ok && isMobileBody(strings.TrimLeft(rest, " -")) {
			return true
		}
	}
	return isMobileBody(s)
}

// isMobileBody reports whether s begins with 1[3-9] and nine more digits, whole or as 3-4-4, and ends there.
func isMobileBody(s string) bool {
	if len(s) < 11 || s[0] != '1' || s[1] < '3' || s[1] > '9' {
		return false
	}
	n := 11
	if run := digitRun(s); run != 11 {
		if run != 3 || len(s) < 13 || digitRun(s[4:]) != 4 || digitRun(s[9:]) != 4 || s[3] != s[8] || s[3] != ' ' && s[3] != '-' {
			return false
		}
		n = 13
	}
	rest := s[n:]
	if rest == "" {
		return true
	}
	if rest[0] == '.' && len(rest) > 1 && rest[1]-'0' <= 9 { // 13812345678.0 is a number that was a text; .25 measures something
		return strings.Trim(rest[1:], "0") == ""
	}
	return !wordByte(rest[0])
}

// isIdentity reports whether s begins with an identity number that ends there; run is its leading digits.
func isIdentity(s string, run int) bool {
	switch {
	case run == 17 && len(s) > 17 && s[17]|0x20 == 'x':
	case run == 18:
	default:
		return false
	}
	if len(s) > 18 && wordByte(s[18]) || s[0] == '0' {
		return false
	}
	born, err := time.Parse("20060102", s[6:14])
	if err != nil || born.Year() < 1880 || born.Year() > 2100 {
		return false
	}
	sum, weight := 0, [...]int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2}
	for i, w := range weight {
		sum += int(s[i]-'0') * w
	}
	check := "10x98765432"[sum%11]
	return s[17]|0x20 == check|0x20
}

// plateProvinces are the first characters of plates.
const plateProvinces = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"

// holdsPlate looks for a plate: a province, a letter, then five or six letters and digits with a digit among them.
func holdsPlate(s string) bool {
	for i, r := range s {
		if r < 0x80 || !strings.ContainsRune(plateProvinces, r) {
			continue
		}
		rest := strings.TrimLeft(s[i+len(string(r)):], " ")
		if rest == "" || rest[0] < 'A' || rest[0] > 'Z' {
			continue
		}
		rest = strings.TrimLeft(rest[1:], "·•. -")
		n, digits := 0, 0
		for n < len(rest) && wordByte(rest[n]) && rest[n] != '_' {
			if rest[n]-'0' <= 9 {
				digits++
			}
			n++
		}
		if (n == 5 || n == 6 || n == 4 && plateSuffix(rest[4:])) && digits >= 2 {
			return true
		}
	}
	return false
}

// plateSuffix reports whether s begins with the last character of a special plate.
func plateSuffix(s string) bool {
	return strings.HasPrefix(s, "挂") || strings.HasPrefix(s, "学") || strings.HasPrefix(s, "警") || strings.HasPrefix(s, "领")
}

// personalHeader says why the columns alone refuse the file, nil when they do not. Names that are themselves
// personal data (a file without a header row) are masked in columns.
func personalHeader(columns []string) *grids.Text {
	for i, c := range columns {
		if personalValue(c) {
			for j := range columns {
				columns[j] = unnamed(j)
			}
			t := say("第一行不是列名而是数据，且第 %d 列含个人信息。整个文件被拒绝，内容一概不保存。请删除该列并加上列名",
				"the first row holds data in place of column names, and column %d of it is personal. The whole file is refused and nothing of it is stored. Delete that column and add column names", i+1)
			return &t
		}
	}
	for _, c := range columns {
		if personalColumn(c) {
			t := say("列“%s”看起来是个人信息（姓名、证件、电话、住址、车牌、健康、未成年人等）。整个文件被拒绝，内容一概不保存。请删除该列后重试",
				"the column %q looks personal (names, identity or phone numbers, addresses, plates, health, minors). The whole file is refused and nothing of it is stored. Delete the column and try again", c)
			return &t
		}
	}
	return nil
}

// personalCell says why a value refuses the file. It never repeats the value.
func personalCell(column string, row int) grids.Text {
	return say("列“%s”第 %d 行的内容看起来是个人信息（手机号、身份证号或车牌）。整个文件被拒绝，内容一概不保存。请删除这些内容后重试",
		"column %q holds what looks like personal data (a mobile, identity or plate number), first in row %d. The whole file is refused and nothing of it is stored. Delete such data and try again", column, row)
}
