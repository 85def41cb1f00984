package sandbox

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wangge/grids"
	"wangge/importers/sandbox/wire"
)

func TestCharsetNames(t *testing.T) {
	for name, want := range map[string]string{
		"UTF-8": "UTF-8", "utf8": "UTF-8", "65001": "UTF-8", "CP65001": "UTF-8",
		"936": "GB18030", "cp936": "GB18030", "GBK": "GB18030", "gb2312": "GB18030", "ANSI 936": "GB18030", "54936": "GB18030", " GB18030\n": "GB18030",
		"Big5": "BIG5", "950": "BIG5", "ISO-8859-1": "WINDOWS-1252", "88591": "WINDOWS-1252", "shift_jis": "SHIFT_JIS",
	} {
		if c, ok := charsetOf(name); !ok || c.name != want {
			t.Errorf("%q: %q, %v", name, c.name, ok)
		}
	}
	for _, name := range []string{"", "x", "utf-16", "replacement", "x-user-defined", "12345"} {
		if c, ok := charsetOf(name); ok {
			t.Errorf("%q is %q", name, c.name)
		}
	}
}

// TestChoose: what proves itself outranks what is claimed, except what the user asks for.
func TestChoose(t *testing.T) {
	yes := wire.Reading{Valid: true}
	for _, test := range []struct {
		name     string
		table    *wire.Table
		asked    string
		want     string
		warnings int
		sentence string
	}{
		{name: "no table", want: "UTF-8"},
		{name: "ASCII", table: &wire.Table{LanguageID: 0x4D}, want: "UTF-8"},
		{name: "asked for", table: &wire.Table{NonASCII: true, UTF8: yes, UTF8Wide: true}, asked: "big5", want: "BIG5"},
		{name: "looks like both, Chinese", table: &wire.Table{NonASCII: true, UTF8: yes, UTF8Wide: true, GB18030: yes}, want: "UTF-8"},
		{name: "looks like both, two bytes", table: &wire.Table{NonASCII: true, UTF8: yes, GB18030: yes}, want: "GB18030"},
		{name: "two bytes", table: &wire.Table{NonASCII: true, UTF8: yes}, want: "UTF-8"},
		{name: ".cpg of another encoding", table: &wire.Table{NonASCII: true, CodePage: "Big5", GB18030: yes}, want: "BIG5"},
		{name: ".cpg that is false", table: &wire.Table{NonASCII: true, CodePage: "65001", GB18030: yes}, want: "GB18030", warnings: 1},
		{name: "language id that is false", table: &wire.Table{NonASCII: true, LanguageID: 0x7A, UTF8: yes, UTF8Wide: true}, want: "UTF-8", warnings: 1},
		{name: "neither", table: &wire.Table{NonASCII: true}, sentence: "neither UTF-8 nor GB18030"},
		{name: "neither, and the header says GBK", table: &wire.Table{NonASCII: true, LanguageID: 0x4D}, sentence: "says GBK"},
		{name: "asked for nonsense", asked: "x", sentence: "is not known"},
	} {
		c, warnings, err := choose(test.table, test.asked)
		if test.sentence != "" {
			if grids.KindOf(err) != grids.Invalid || !strings.Contains(err.Error(), test.sentence) {
				t.Errorf("%s: %v", test.name, err)
			}
			continue
		}
		if err != nil || c.name != test.want || len(warnings) != test.warnings {
			t.Errorf("%s: %q, %q, %v", test.name, c.name, warnings, err)
		}
	}
}

func TestDecode(t *testing.T) {
	for _, test := range []struct {
		charset charset
		raw     string
		want    string
		cut     bool
	}{
		{utf8Charset, "滧", "滧", false},
		{utf8Charset, "网\xe6\xbb", "网", true},
		{gb18030(), string(gbk(t, "滧")), "滧", false},
		{gb18030(), string(gbk(t, "网格"))[:3], "网", true},
		{gb18030(), "\x95\x32\x82\x36", "𠀀", false},
		{gb18030(), "x\x95\x32\x82", "x", true},
	} {
		if got, cut, ok := test.charset.decode([]byte(test.raw)); !ok || got != test.want || cut != test.cut {
			t.Errorf("%q: %q, %v, %v", test.raw, got, cut, ok)
		}
	}
	for _, raw := range []string{"\xff", "\xff\xff\xff\xff", "a\xffb"} {
		if got, _, ok := gb18030().decode([]byte(raw)); ok {
			t.Errorf("%q: %q", raw, got)
		}
	}
}

// TestFind: beside the executable, then where the environment says, else how to build it.
func TestFind(t *testing.T) {
	if _, err := Find(); grids.KindOf(err) != grids.Unavailable || !strings.Contains(err.Error(), "make build") {
		t.Errorf("without: %v", err)
	}
	t.Setenv("WANGGE_READER", t.TempDir())
	if path, err := Find(); err == nil {
		t.Errorf("a folder: %s", path)
	}
	t.Setenv("WANGGE_READER", program)
	if path, err := Find(); err != nil || path != program {
		t.Errorf("by the environment: %s, %v", path, err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	beside := filepath.Join(filepath.Dir(self), "wangge-reader")
	if err := os.WriteFile(beside, nil, 0o755); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(beside)
	if path, err := Find(); err != nil || path != beside {
		t.Errorf("beside: %s, %v", path, err)
	}
}
