package importers

import (
	"math"
	"testing"
	"time"
	"unicode/utf8"

	"wangge/grids"
)

func TestParseDay(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"2023-04-12", "2023-04-12"}, {"2023/4/12", "2023-04-12"}, {"2023.4.12", "2023-04-12"}, {"20230412", "2023-04-12"},
		{"2023年4月12日", "2023-04-12"}, {"2023年04月12号", "2023-04-12"}, {"2023年 4月 2日", "2023-04-02"}, {"２０２３－０４－１２", "2023-04-12"},
		{"45028", "2023-04-12"}, {"45028.0", "2023-04-12"}, {"45028.75", "2023-04-12"}, {"2024-02-29", "2024-02-29"},
		{"2023-04-12T08:30:00Z", "2023-04-12"}, {"2023-04-12T20:30:00Z", "2023-04-13"}, {"2023-04-12T23:30:00+08:00", "2023-04-12"},
		{"2023-04-12 23:30:00", "2023-04-12"}, {"2023-04-12T23:30", "2023-04-12"}, {"2023/4/12 8:05", "2023-04-12"},
		{"2023-04-12T20:30:00.123Z", "2023-04-13"}, {"2023-04-12T20:30:00-0700", "2023-04-13"}, {"2023年4月12日 08时30分", "2023-04-12"},
		{"2023-02-29", ""}, {"2023-13-01", ""}, {"2023-00-10", ""}, {"2023-04-31", ""}, {"12/4/2023", ""}, {"4-12-2023", ""}, {"23-4-12", ""},
		{"1949-10-01", ""}, {"2101-01-01", ""}, {"20231332", ""}, {"17000", ""}, {"99999", ""}, {"450288", ""}, {"45028x", ""},
		{"2023-04", ""}, {"2023-04-12abc", ""}, {"2023-04-12T25:00:00Z", ""}, {"2023年4月", ""}, {"", ""}, {"去年", ""}, {"2023-04-123", ""},
	} {
		d, bad := parseDay(test.in)
		if (bad == nil) != (test.want != "") || bad == nil && d.String() != test.want {
			t.Errorf("parseDay(%q) = %v, %v; want %q", test.in, d, bad, test.want)
		}
	}
}

func TestParseWeek(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"2023-W15", "2023-04-10"}, {"2023W15", "2023-04-10"}, {"2023-w5", "2023-01-30"}, {"2023年第15周", "2023-04-10"}, {"2023年15周", "2023-04-10"},
		{"2026-W01", "2025-12-29"}, {"2020-W53", "2020-12-28"}, {"2023-W53", ""}, {"2023-W00", ""}, {"2023-W54", ""}, {"W15", ""}, {"2023-15-1", ""},
		{"2023", ""}, {"202315x", ""}, {"1900-W10", ""},
	} {
		d, bad := parseWeek(test.in)
		if (bad == nil) != (test.want != "") || bad == nil && d.String() != test.want {
			t.Errorf("parseWeek(%q) = %v, %v; want %q", test.in, d, bad, test.want)
		}
	}
}

func TestParseTime(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"2023-04-12T08:30:00+08:00", "2023-04-12T00:30:00Z"}, {"2023-04-12T08:30:00Z", "2023-04-12T08:30:00Z"},
		{"2023-04-12 08:30:00", "2023-04-12T00:30:00Z"}, {"2023-04-12", "2023-04-11T16:00:00Z"}, {"2023/4/12 8:30", "2023-04-12T00:30:00Z"},
		{"45028.5", "2023-04-12T04:00:00Z"}, {"2023-04-12 08:30:00 +08:00", "2023-04-12T00:30:00Z"}, {"八点", ""}, {"2023-04-12T", ""}, {"", ""},
	} {
		got, bad := parseTime(test.in)
		if (bad == nil) != (test.want != "") || bad == nil && got.UTC().Format(time.RFC3339) != test.want {
			t.Errorf("parseTime(%q) = %v, %v; want %q", test.in, got.UTC(), bad, test.want)
		}
	}
}

func TestParseCode(t *testing.T) {
	for _, test := range []struct{ in, want, note, bad string }{
		{"310151101001", "310151101001", "", ""}, {"310151101", "310151101000", "", ""}, {"310151", "310151000000", "", ""},
		{"３１０１５１１０１００１", "310151101001", "full_width", ""}, {"'310151101001", "310151101001", "", ""}, {"310151101001.0", "310151101001", "", ""},
		{"3.10151E+11", "", "", "code_scientific"}, {"3.10151101001e11", "", "", "code_scientific"}, {"3E+11", "", "", "code_scientific"},
		{"310230101001", "", "", "code_old"}, {"310230101", "", "", "code_old"}, {"31015110100", "", "", "bad_code"}, {"3101511010011", "", "", "bad_code"},
		{"31015110100A", "", "", "bad_code"}, {"", "", "", "missing_code"}, {"'", "", "", "missing_code"},
	} {
		got, note, bad := parseCode(test.in)
		if got != test.want || codeOf(note) != test.note || codeOf(bad) != test.bad {
			t.Errorf("parseCode(%q) = %q, %q, %q; want %q, %q, %q", test.in, got, codeOf(note), codeOf(bad), test.want, test.note, test.bad)
		}
	}
	for in, want := range map[string]string{"310151101W01": "", "网格1": "", "1E5": "", "3.1E+11": "code_scientific",
		"0123456789012345678901234567890123": "bad_code", "a\x01b": "bad_code", "网格\uFFFD": "bad_code"} {
		if _, _, bad := parseGridCode(in); codeOf(bad) != want {
			t.Errorf("parseGridCode(%q): %q, want %q", in, codeOf(bad), want)
		}
	}
}

// codeOf is the code of a problem, "" for none.
func codeOf(p *problem) string {
	if p == nil {
		return ""
	}
	return p.code
}

func TestParseNumbers(t *testing.T) {
	for in, want := range map[string]float64{"121.5": 121.5, "-3": -3, "+4": 4, ".5": .5, "１２１．５": 121.5, "1e3": 1000} {
		if got, bad := parseNumber(in); bad != nil || got != want {
			t.Errorf("parseNumber(%q) = %v, %v", in, got, bad)
		}
	}
	for _, in := range []string{"NaN", "Inf", "-inf", "0x1p3", "1_000", "1,000", "121°30′", "一", "", " "} {
		if got, bad := parseNumber(in); bad == nil {
			t.Errorf("parseNumber(%q) = %v, want an error", in, got)
		}
	}
	for _, test := range []struct {
		in      string
		percent bool
		want    float64
	}{{"0.85", false, .85}, {"85%", false, .85}, {"85％", false, .85}, {"85", true, .85}, {"1", false, 1}, {"1", true, .01}, {"0", false, 0},
		{"85", false, -1}, {"101%", false, -1}, {"-0.1", false, -1}, {"%", false, -1}, {"x", false, -1}} {
		got, bad := parseShare(test.in, test.percent)
		if (bad != nil) != (test.want < 0) || bad == nil && math.Abs(got-test.want) > 1e-12 {
			t.Errorf("parseShare(%q, %v) = %v, %v; want %v", test.in, test.percent, got, bad, test.want)
		}
	}
}

func TestEveryWordIsKnown(t *testing.T) {
	for _, k := range grids.CaseKinds {
		if got, bad := parseWord(string(k), caseWords[:]); bad != nil || got != k {
			t.Errorf("case kind %q is not read", k)
		}
	}
	for _, k := range grids.FindingKinds {
		if got, bad := parseWord(string(k), findingWords[:]); bad != nil || got != k {
			t.Errorf("finding kind %q is not read", k)
		}
	}
	for _, s := range grids.FindingStates {
		if got, bad := parseWord(string(s), stateWords[:]); bad != nil || got != s {
			t.Errorf("finding state %q is not read", s)
		}
	}
	for _, s := range grids.FindingSources {
		if got, bad := parseWord(string(s), sourceWords[:]); bad != nil || got != s {
			t.Errorf("finding source %q is not read", s)
		}
	}
	for _, s := range grids.Statuses {
		if got, bad := parseWord(string(s), statusWords[:]); bad != nil || got != s {
			t.Errorf("status %q is not read", s)
		}
	}
	if _, bad := parseWord("ＴＲＡＦＦＩＣＫＩＮＧ", caseWords[:]); bad != nil {
		t.Error("full-width capitals are not read")
	}
}

func FuzzDates(f *testing.F) {
	for _, s := range []string{"2023-04-12", "2023年4月12日", "45028.75", "2023-W15", "2023-04-12T20:30:00+08:00", "20230412", "２０２３"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d, bad := parseDay(s); bad == nil {
			if y := d.Date().Year(); y < firstYear-1 || y > lastYear+1 {
				t.Errorf("parseDay(%q) = %v", s, d)
			}
			if again, bad := parseDay(d.String()); d.Date().Year() >= firstYear && d.Date().Year() <= lastYear && (bad != nil || again != d) {
				t.Errorf("parseDay(%q) = %v, which reads as %v, %v", s, d, again, bad)
			}
		}
		if d, bad := parseWeek(s); bad == nil && d.Date().Weekday() != time.Monday {
			t.Errorf("parseWeek(%q) = %v, not a Monday", s, d)
		}
		if at, bad := parseTime(s); bad == nil && at.IsZero() {
			t.Errorf("parseTime(%q) is zero", s)
		}
	})
}

func FuzzCodes(f *testing.F) {
	for _, s := range []string{"310151101001", "3.10151E+11", "'310151101", "３１０１５１", "310230101001", "W01", "' ", "\u3000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if code, _, bad := parseCode(s); bad == nil && !grids.IsCode12(code) {
			t.Errorf("parseCode(%q) = %q", s, code)
		}
		if code, _, bad := parseGridCode(s); bad == nil && (code == "" || utf8.RuneCountInString(code) > maxGridCode) {
			t.Errorf("parseGridCode(%q) = %q", s, code)
		}
		personalValue(s)
		personalColumn(s)
	})
}
