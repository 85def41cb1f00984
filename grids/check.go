package grids

import "fmt"

// Severity says whether a flaw stops an import.
type Severity string

// An error stops the import of territory; a warning is only told.
const (
	Serious Severity = "error"
	Minor   Severity = "warning"
)

// FlawCode names a kind of damage to a territory.
type FlawCode string

// The kinds of damage that the check of a territory finds.
const (
	FlawRepaired   FlawCode = "repaired"       // the outline crossed itself and was made valid
	FlawBroken     FlawCode = "broken"         // the outline cannot be made valid without losing area
	FlawOverlap    FlawCode = "overlap"        // two areas of one level share ground
	FlawGap        FlawCode = "gap"            // ground of the parent that no area covers
	FlawOutside    FlawCode = "outside"        // part of an area lies outside its parent
	FlawSum        FlawCode = "sum"            // the areas of a parent do not add up to it
	FlawNoParent   FlawCode = "unknown-parent" // the town (or district) it names is not stored
	FlawCodeForm   FlawCode = "code-form"      // not 12 digits, or of another district
	FlawEmpty      FlawCode = "empty"          // no area at all
	FlawDuplicated FlawCode = "duplicate"      // the same code twice
)

// Flaw is one damage found in a territory: what, where, how large. Place is the code of the area, Other the second
// area of an overlap or the parent.
type Flaw struct {
	Severity Severity
	Code     FlawCode
	Place    Code
	Other    Code
	AreaM2   float64
}

// Text is a sentence in two languages.
type Text struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}

// In is the sentence in a language: "en", and Chinese for any other.
func (t Text) In(lang string) string {
	if lang == "en" {
		return t.EN
	}
	return t.ZH
}

// Message is the flaw as a sentence for a person.
func (f Flaw) Message() Text {
	p, o, a := f.Place, f.Other, f.AreaM2
	text := func(zh, en string, args ...any) Text { return Text{fmt.Sprintf(zh, args...), fmt.Sprintf(en, args...)} }
	switch f.Code {
	case FlawRepaired:
		return text("%s 的边界自相交，已自动修复，面积变化 %.1f m²", "the outline of %s crossed itself; it was repaired, which changed its area by %.1f m²", p, a)
	case FlawBroken:
		return text("%s 的边界无法修复（面积将变化 %.1f m²），请在源文件中改正", "the outline of %s cannot be repaired without changing its area by %.1f m²: mend it in the source file", p, a)
	case FlawOverlap:
		return text("%s 与 %s 重叠 %.1f m²", "%s and %s overlap by %.1f m²", p, o, a)
	case FlawGap:
		return text("%s 内有 %.1f m² 未被覆盖（靠近 %s）", "%s has a gap of %.1f m² that no area covers (near %s)", p, a, o)
	case FlawOutside:
		return text("%s 有 %.1f m² 位于 %s 之外", "%s lies %.1f m² outside %s", p, a, o)
	case FlawSum:
		return text("%s 的下级面积之和相差 %.1f m²", "the areas of %s do not add up: they differ from it by %.1f m²", p, a)
	case FlawNoParent:
		return text("%s 所属的 %s 不存在，请先导入", "%s belongs to %s, which is not stored: import that first", p, o)
	case FlawCodeForm:
		return text("代码 %s 不是本区的 12 位代码", "the code %s is not a 12-digit code of this district", p)
	case FlawDuplicated:
		return text("代码 %s 重复", "the code %s stands more than once", p)
	}
	return text("%s 没有面积", "%s has no area", p)
}

// Stops reports whether any flaw stops the import.
func Stops(flaws []Flaw) bool {
	for _, f := range flaws {
		if f.Severity == Serious {
			return true
		}
	}
	return false
}
