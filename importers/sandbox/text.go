package sandbox

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/simplifiedchinese"

	"wangge/grids"
	"wangge/importers/sandbox/wire"
)

// charset is a text encoding and the name to show for it; a nil decoder is UTF-8.
type charset struct {
	name    string
	decoder *encoding.Decoder
}

var utf8Charset = charset{name: "UTF-8"}

func gb18030() charset {
	return charset{name: "GB18030", decoder: simplifiedchinese.GB18030.NewDecoder()}
}

// charsetOf finds an encoding by the names that people and .cpg files use. GBK and GB2312 are read as GB18030, which
// holds both.
func charsetOf(name string) (charset, bool) {
	key := strings.ToLower(strings.TrimSpace(name))
	for _, prefix := range []string{"ansi ", "oem ", "cp", "windows-", "ms"} {
		key = strings.TrimPrefix(key, prefix)
	}
	switch key {
	case "utf-8", "utf8", "65001":
		return utf8Charset, true
	case "936", "gbk", "gb2312", "gb18030", "54936", "20936", "x-gbk", "euc-cn", "euccn":
		return gb18030(), true
	case "950":
		key = "big5"
	case "1252", "88591", "iso-8859-1", "iso88591":
		key = "windows-1252"
	}
	e, err := htmlindex.Get(key)
	if err != nil || key == "replacement" || key == "x-user-defined" || strings.HasPrefix(key, "utf-16") {
		return charset{}, false
	}
	return charset{name: strings.ToUpper(key), decoder: e.NewDecoder()}, true
}

// choose decides in which encoding the text of a file is. Only a DBF leaves a choice: what the user asks for, else
// its .cpg, else what its text proves to be, else the language id of its header. A warning says when two of them disagree.
func choose(t *wire.Table, asked string) (charset, []string, error) {
	if asked != "" {
		c, ok := charsetOf(asked)
		if !ok {
			return c, nil, grids.Errorf(grids.Invalid, "the text encoding %q is not known: use UTF-8, GB18030, GBK or Big5", clip(asked))
		}
		return c, nil, nil
	}
	if t == nil || !t.NonASCII {
		return utf8Charset, nil, nil
	}
	if t.CodePage != "" {
		c, ok := charsetOf(t.CodePage)
		if ok && (c.decoder != nil || t.UTF8.Valid) {
			return c, nil, nil
		}
		detected, err := detect(t)
		return detected, []string{fmt.Sprintf("the .cpg names the text encoding %q, which the attribute table is not in: it was read as %s", clip(t.CodePage), detected.name)}, err
	}
	c, err := detect(t)
	if err == nil && chineseID(t.LanguageID) && c.name != gb18030().name {
		return c, []string{"the header of the attribute table says GBK, but its text is " + c.name + " and was read so"}, nil
	}
	return c, nil, err
}

// detect goes by the text. Two-byte UTF-8 alone is no proof: many GBK characters look like it, and Chinese text
// in UTF-8 needs three bytes.
func detect(t *wire.Table) (charset, error) {
	switch {
	case t.UTF8.Valid && t.UTF8Wide:
		return utf8Charset, nil
	case t.GB18030.Valid:
		return gb18030(), nil
	case t.UTF8.Valid:
		return utf8Charset, nil
	case chineseID(t.LanguageID):
		return charset{}, grids.Errorf(grids.Invalid, "the header of the attribute table (.dbf) says GBK, but some of its text is not: export the file again in UTF-8, or name the encoding")
	}
	return charset{}, grids.Errorf(grids.Invalid, "the text of the attribute table (.dbf) is neither UTF-8 nor GB18030: name its encoding, or add a .cpg file")
}

// chineseID reports whether a DBF language id stands for code page 936.
func chineseID(id byte) bool { return id == 0x4D || id == 0x7A }

// decode reads raw text. A last character that was cut off by a column's width is dropped (cut). Anything
// else that is no text in this encoding is not ok.
func (c charset) decode(raw []byte) (text string, cut, ok bool) {
	begins := wire.BeginsGB18030
	if c.decoder == nil {
		begins = wire.BeginsUTF8
	}
	rest, ok := wire.Whole(raw, func(b []byte) bool {
		var valid bool
		text, valid = c.whole(b)
		return valid
	}, begins)
	return text, len(rest) < len(raw), ok
}

// whole reads raw text of which nothing may be cut off.
func (c charset) whole(raw []byte) (string, bool) {
	if c.decoder == nil || ascii(raw) {
		return string(raw), utf8.Valid(raw)
	}
	b, err := c.decoder.Bytes(raw)
	return string(b), err == nil && !strings.ContainsRune(string(b), utf8.RuneError)
}

func ascii(raw []byte) bool {
	for _, b := range raw {
		if b >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// display makes foreign text fit for a sentence: one line, printable, at most 60 characters.
func display(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
	return clip(s)
}

// guess shows raw text whose encoding is not known.
func guess(raw []byte) string {
	if len(raw) > 240 {
		raw = raw[:240]
	}
	for _, c := range []charset{utf8Charset, gb18030()} {
		if text, _, ok := c.decode(raw); ok {
			return display(text)
		}
	}
	return display(string(raw))
}

func clip(s string) string {
	r := []rune(s)
	if len(r) <= 60 {
		return s
	}
	return string(r[:57]) + "..."
}
