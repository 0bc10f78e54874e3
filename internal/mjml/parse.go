package mjml

import (
	"strings"
)

// maxDepth is how deep elements may stand in each other: MJML's own rules allow
// about eight.
const maxDepth = 32

// node is an element, or a piece of raw HTML between elements.
type node struct {
	name         string
	attrs        []attribute
	children     []*node
	content      string // of an element that holds HTML or CSS, trimmed
	file         *source
	pos          int  // of its "<"
	inAttributes bool // it only sets attributes

	// values are the attributes with what mj-attributes, classes, parents and
	// defaults add. Kept after the head is read.
	values map[string]string
}

// raw is the name of what goes to the HTML as it is: mj-raw, a comment, a Liquid tag.
const raw = "mj-raw"

// attribute is one as it is written. Entities are not resolved: what it holds
// goes into an attribute again.
type attribute struct {
	name, value string
	pos         int // of its name
	valuePos    int
}

func (n *node) own(name string) (string, bool) {
	for _, a := range n.attrs {
		if a.name == name {
			return a.value, true
		}
	}
	return "", false
}

// parser reads one file to a list of trees.
type parser struct {
	c    *compiler
	file *source
	i    int
	open []*node // a list holder first, then the elements not yet closed
}

func (c *compiler) parse(file *source) []*node {
	top := &node{file: file}
	p := &parser{c: c, file: file, open: []*node{top}}
	for p.i < len(file.text) && len(c.problems) < maxProblems {
		p.step()
	}
	for _, n := range p.open[1:] {
		c.at(file, n.pos, "close it with </"+n.name+">", "%s is not closed", n.name)
	}
	return top.children
}

func (p *parser) rest() string { return p.file.text[p.i:] }

// problem tells what makes the rest of the tree uncertain.
func (p *parser) problem(at int, hint, format string, args ...any) {
	p.c.torn = true
	p.c.at(p.file, at, hint, format, args...)
}

func (p *parser) add(n *node) {
	last := p.open[len(p.open)-1]
	last.children = append(last.children, n)
}

func (p *parser) step() {
	rest := p.rest()
	switch {
	case strings.HasPrefix(rest, "<!--"):
		p.comment()
	case strings.HasPrefix(rest, "<?"), strings.HasPrefix(rest, "<!"):
		p.declaration()
	case strings.HasPrefix(rest, "</"):
		p.endTag()
	case len(rest) > 1 && rest[0] == '<' && isLetter(rest[1]):
		p.startTag()
	default:
		p.text()
	}
}

func (p *parser) comment() {
	start := p.i
	end := strings.Index(p.rest(), "-->")
	if end < 0 {
		p.problem(start, "end it with -->", "a comment is not closed")
		p.i = len(p.file.text)
		return
	}
	p.i += end + len("-->")
	p.add(&node{name: raw, content: p.file.text[start:p.i], file: p.file, pos: start})
}

// declaration skips <?xml …?> and <!doctype …>, which say nothing about a mail.
func (p *parser) declaration() {
	end := strings.IndexByte(p.rest(), '>')
	if end < 0 {
		p.problem(p.i, "end it with >", "a declaration is not closed")
		p.i = len(p.file.text)
		return
	}
	if strings.HasPrefix(p.rest(), "<![CDATA[") {
		p.problem(p.i, "write the text itself", "CDATA is not supported")
	}
	p.i += end + 1
}

// text reads to the next tag. Between elements only Liquid may stand.
func (p *parser) text() {
	start := p.i
	for p.i < len(p.file.text) {
		if end := liquidEnd(p.rest()); end > 0 {
			p.i += end
			continue
		}
		if p.i > start && p.file.text[p.i] == '<' {
			break
		}
		p.i++
	}
	text := p.file.text[start:p.i]
	trimmed := strings.TrimSpace(text)
	if trimmed == "" {
		return
	}
	start += strings.Index(text, trimmed)
	if onlyLiquid(trimmed) && len(p.open) > 1 {
		p.add(&node{name: raw, content: trimmed, file: p.file, pos: start})
		return
	}
	if last := p.open[len(p.open)-1]; last.name != "" && elements[last.name] == nil {
		return // of an unknown element, which is told
	}
	p.c.at(p.file, start, "put it in mj-text, or in mj-raw if it is HTML", "text between elements: %q", shorten(trimmed))
}

func (p *parser) endTag() {
	start := p.i
	end := strings.IndexByte(p.rest(), '>')
	if end < 0 {
		p.problem(start, "end it with >", "a closing tag is not complete")
		p.i = len(p.file.text)
		return
	}
	name := strings.TrimSpace(p.file.text[start+2 : start+end])
	p.i += end + 1
	for k := len(p.open) - 1; k > 0; k-- {
		if p.open[k].name != name {
			continue
		}
		for _, n := range p.open[k+1:] {
			p.problem(n.pos, "close it with </"+n.name+">", "%s is not closed before </%s>", n.name, name)
		}
		p.open = p.open[:k]
		return
	}
	p.problem(start, "", "</%s> closes nothing", shorten(name))
}

func (p *parser) startTag() {
	n := &node{file: p.file, pos: p.i}
	p.i++
	n.name = p.name()
	selfClosed, ok := p.attributes(n)
	if !ok {
		p.i = len(p.file.text)
		p.open = p.open[:1]
		return
	}
	p.add(n)
	if selfClosed {
		return
	}
	if e := elements[n.name]; e != nil && e.ending {
		p.content(n)
		return
	}
	if len(p.open) > maxDepth {
		p.problem(n.pos, "", "elements stand more than %d deep", maxDepth)
		p.i = len(p.file.text)
		p.open = p.open[:1]
		return
	}
	p.open = append(p.open, n)
}

// content takes what an element holds as it is, to its closing tag.
func (p *parser) content(n *node) {
	start := p.i
	from := 0
	for {
		k := strings.Index(p.rest()[from:], "</"+n.name)
		if k < 0 {
			p.problem(n.pos, "close it with </"+n.name+">", "%s is not closed", n.name)
			p.i = len(p.file.text)
			return
		}
		k += from
		after := p.rest()[k+2+len(n.name):]
		trimmed := strings.TrimLeft(after, " \t\n")
		if strings.HasPrefix(trimmed, ">") {
			n.content = strings.TrimSpace(p.file.text[start : start+k])
			p.mjmlInside(n, start, start+k)
			p.i = start + k + 2 + len(n.name) + len(after) - len(trimmed) + 1
			return
		}
		from = k + 2
	}
}

// mjmlInside finds MJML where only HTML is: it would go out as it is.
func (p *parser) mjmlInside(n *node, start, end int) {
	for start < end {
		text := p.file.text[start:end]
		if strings.HasPrefix(text, "<!--") {
			skip := strings.Index(text, "-->")
			if skip < 0 {
				return
			}
			start += skip
			continue
		}
		if strings.HasPrefix(text, "<mj-") {
			p.c.at(p.file, start, "move it out of "+n.name, "%s holds HTML, an MJML element in it is not compiled", n.name)
			return
		}
		if skip := liquidEnd(text); skip > 0 {
			start += skip
			continue
		}
		next := strings.IndexAny(text[1:], "<{")
		if next < 0 {
			return
		}
		start += 1 + next
	}
}

func isLetter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }

func shorten(s string) string {
	if runes := []rune(s); len(runes) > 40 {
		return string(runes[:40]) + "…"
	}
	return s
}
