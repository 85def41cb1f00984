package crs

import (
	"math"
	"strconv"
	"strings"

	"wangge/grids"
)

// Bounds of a .prj text: real ones have under 5 KB and ten levels.
const (
	maxWKTBytes = 64 << 10
	maxWKTDepth = 32
)

// node is one KEYWORD[...] of well-known text; a bare keyword (an axis direction) has no parts.
type node struct {
	key     string // upper case
	texts   []string
	numbers []float64
	parts   []node
}

// child is the first direct part with one of the keywords, nil when there is none.
func (n *node) child(keys ...string) *node {
	for i := range n.parts {
		for _, key := range keys {
			if n.parts[i].key == key {
				return &n.parts[i]
			}
		}
	}
	return nil
}

// find is the first node with one of the keywords, n itself included, parents before their parts.
func (n *node) find(keys ...string) *node {
	for _, key := range keys {
		if n.key == key {
			return n
		}
	}
	for i := range n.parts {
		if m := n.parts[i].find(keys...); m != nil {
			return m
		}
	}
	return nil
}

// name is the first text, "" when there is none.
func (n *node) name() string {
	if len(n.texts) == 0 {
		return ""
	}
	return n.texts[0]
}

// number is the first number, NaN when there is none.
func (n *node) number() float64 {
	if len(n.numbers) == 0 {
		return math.NaN()
	}
	return n.numbers[0]
}

// parser reads well-known text of OGC 01-009 (WKT 1), ESRI .prj and ISO 19162 (WKT 2): one grammar serves all three.
type parser struct {
	text string
	at   int
}

func parseWKT(text string) (*node, error) {
	text = strings.TrimSpace(strings.TrimPrefix(text, "\ufeff"))
	if len(text) > maxWKTBytes {
		return nil, grids.Errorf(grids.TooLarge, "the coordinate system text has %d bytes; more than %d is no .prj", len(text), maxWKTBytes)
	}
	p := parser{text: text}
	n, ok := p.node(0)
	if p.space(); !ok || p.at != len(p.text) {
		return nil, grids.Errorf(grids.Invalid, "the coordinate system text is not well-known text (.prj): it stops making sense at character %d, near %q", p.at+1, p.near())
	}
	return &n, nil
}

func (p *parser) near() string {
	return clip(strings.ToValidUTF8(p.text[max(0, p.at-10):min(len(p.text), p.at+20)], "?"))
}

func (p *parser) space() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n\x00", p.text[p.at]) >= 0 {
		p.at++
	}
}

// accept steps over one of the characters.
func (p *parser) accept(chars string) bool {
	p.space()
	if p.at < len(p.text) && strings.IndexByte(chars, p.text[p.at]) >= 0 {
		p.at++
		return true
	}
	return false
}

// node reads KEYWORD or KEYWORD[part, part, ...].
func (p *parser) node(depth int) (node, bool) {
	p.space()
	start := p.at
	for p.at < len(p.text) && isWord(p.text[p.at]) {
		p.at++
	}
	n := node{key: strings.ToUpper(p.text[start:p.at])}
	if n.key == "" || depth > maxWKTDepth {
		return n, false
	}
	if !p.accept("[(") {
		return n, true
	}
	for {
		if !p.part(&n, depth) {
			return n, false
		}
		if p.accept("])") {
			return n, true
		}
		if !p.accept(",") {
			return n, false
		}
	}
}

// part reads one text, number or node into n.
func (p *parser) part(n *node, depth int) bool {
	p.space()
	if p.at == len(p.text) {
		return false
	}
	switch c := p.text[p.at]; {
	case c == '"':
		text, ok := p.quoted()
		n.texts = append(n.texts, text)
		return ok
	case c >= '0' && c <= '9', c == '-', c == '+', c == '.':
		start := p.at
		for p.at < len(p.text) && strings.IndexByte("0123456789+-.eE", p.text[p.at]) >= 0 {
			p.at++
		}
		v, err := strconv.ParseFloat(p.text[start:p.at], 64)
		n.numbers = append(n.numbers, v)
		return err == nil
	}
	m, ok := p.node(depth + 1)
	n.parts = append(n.parts, m)
	return ok
}

// quoted reads a text in double quotes; a doubled quote stands for one.
func (p *parser) quoted() (string, bool) {
	var b strings.Builder
	for p.at++; p.at < len(p.text); p.at++ {
		if p.text[p.at] != '"' {
			b.WriteByte(p.text[p.at])
			continue
		}
		if p.at+1 == len(p.text) || p.text[p.at+1] != '"' {
			p.at++
			return b.String(), true
		}
		b.WriteByte('"')
		p.at++
	}
	return "", false
}

func isWord(c byte) bool {
	return c == '_' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9'
}
