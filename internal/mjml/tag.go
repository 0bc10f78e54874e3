package mjml

import "strings"

// name reads the name of an element or attribute.
func (p *parser) name() string {
	start := p.i
	for p.i < len(p.file.text) && !strings.ContainsRune(" \t\n\r\f/>=\"'<", rune(p.file.text[p.i])) {
		p.i++
	}
	return p.file.text[start:p.i]
}

func (p *parser) space() {
	for p.i < len(p.file.text) && strings.IndexByte(" \t\n\r\f", p.file.text[p.i]) >= 0 {
		p.i++
	}
}

// attributes reads those of a start tag and its end.
func (p *parser) attributes(n *node) (selfClosed, ok bool) {
	for {
		p.space()
		rest := p.rest()
		switch {
		case rest == "", rest[0] == '<':
			p.problem(n.pos, "end it with >", "the tag of %s is not complete", n.name)
			return false, false
		case rest[0] == '>':
			p.i++
			return false, true
		case strings.HasPrefix(rest, "/>"):
			p.i += 2
			return true, true
		}
		at := p.i
		name := p.name()
		if name == "" {
			p.problem(at, "an attribute is name=\"value\"", "%q is out of place in a tag", shorten(rest[:1]))
			return false, false
		}
		if !p.attribute(n, name, at) {
			return false, false
		}
	}
}

func (p *parser) attribute(n *node, name string, at int) bool {
	p.space()
	if !strings.HasPrefix(p.rest(), "=") {
		p.problem(at, "an attribute is name=\"value\"", "attribute %s has no value", shorten(name))
		return false
	}
	p.i++
	p.space()
	if p.i >= len(p.file.text) || (p.file.text[p.i] != '"' && p.file.text[p.i] != '\'') {
		p.problem(p.i, "an attribute is name=\"value\"", "the value of attribute %s is not in quotes", shorten(name))
		return false
	}
	quote := p.file.text[p.i]
	p.i++
	start := p.i
	end := quoted(p.rest(), quote)
	if end < 0 {
		p.problem(start-1, "", "the value of attribute %s has no closing quote", shorten(name))
		return false
	}
	p.i += end + 1
	if _, twice := n.own(name); twice {
		p.c.at(p.file, at, "keep one of them", "attribute %s is given twice", name)
		return true
	}
	n.attrs = append(n.attrs, attribute{name: name, value: p.file.text[start : start+end], pos: at, valuePos: start})
	return true
}

// quoted is where the closing quote stands. Quotes in Liquid don't close, unless
// there is no other.
func quoted(s string, quote byte) int {
	for i := 0; i < len(s); i++ {
		if end := liquidEnd(s[i:]); end > 0 {
			i += end - 1
			continue
		}
		if s[i] == quote {
			return i
		}
	}
	return -1
}
