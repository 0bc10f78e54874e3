package render

import (
	"bytes"
	"html"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// appendTextOf appends the text part of a mail, made from its HTML: what a reader
// would see, links with their addresses, rows on lines of their own, cells apart.
// Hidden elements, styles and comments are left out.
func appendTextOf(dst []byte, src string) []byte {
	w := &textWriter{src: src, out: dst, base: len(dst)}
	scanHTML(src, 0, len(src), w.token)
	text := bytes.TrimRightFunc(w.out[w.base:], unicode.IsSpace)
	if len(text) == 0 {
		return dst
	}
	return append(w.out[:w.base+len(text)], '\n')
}

type textWriter struct {
	src   string
	out   []byte
	base  int  // where the text begins in out
	lines int  // line ends wanted before the next text
	space bool // a space wanted before the next text
	cells int  // cells of this row with text in them
	cell  bool // a gap wanted before the next text: a cell ended
	col   int  // whether something stands on this line

	hidden string // the element being skipped
	depth  int    // of elements of its name

	href     string
	linkText int // where the link's text begins
	last     textLink
	lists    []int
	pre      int
}

func (w *textWriter) token(t *htmlToken) {
	if w.hidden != "" {
		w.skip(t)
		return
	}
	switch t.kind {
	case htmlText:
		w.text(w.src[t.start:t.end])
	case htmlStart:
		w.start(t)
	case htmlEnd:
		w.end(t.name)
	case htmlRaw:
		if t.name == "textarea" {
			w.text(w.src[t.start:t.end])
		}
	}
}

// skip waits for the end of a hidden element.
func (w *textWriter) skip(t *htmlToken) {
	if t.name != w.hidden {
		return
	}
	switch t.kind {
	case htmlStart:
		if !isVoid(t.name) {
			w.depth++
		}
	case htmlEnd:
		if w.depth--; w.depth == 0 {
			w.hidden = ""
		}
	}
}

func isVoid(name string) bool {
	switch name {
	case "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr":
		return true
	}
	return false
}

// isHidden tells whether a reader of the HTML does not see an element.
func (w *textWriter) isHidden(t *htmlToken) bool {
	switch t.name {
	case "head", "script", "style", "title", "template", "noscript":
		return true
	}
	for i := range t.attrs {
		switch a := &t.attrs[i]; a.name {
		case "hidden":
			return true
		case "style":
			v := w.src[a.vs:a.ve]
			if i := strings.Index(v, "display"); i >= 0 && strings.Contains(strings.ReplaceAll(v[i:], " ", ""), "display:none") {
				return true
			}
		}
	}
	return false
}

// breaksOf is how many line ends an element has around it: 1 begins a line, 2
// leaves one empty.
func breaksOf(name string) int {
	switch name {
	case "p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "blockquote", "dl", "pre":
		return 2
	case "div", "table", "tr", "li", "section", "article", "header", "footer", "main", "center", "dt", "dd", "form", "address", "caption", "body", "aside", "nav", "figure", "tbody", "thead", "tfoot":
		return 1
	}
	return 0
}

func (w *textWriter) start(t *htmlToken) {
	if w.isHidden(t) {
		if !isVoid(t.name) && !t.closed {
			w.hidden, w.depth = t.name, 1
		}
		return
	}
	w.lines = max(w.lines, breaksOf(t.name))
	switch t.name {
	case "br":
		w.lines++
		w.space = false
	case "hr":
		w.lines = 2
		w.put("---")
		w.lines = 2
	case "tr":
		w.cells = 0
	case "table":
		w.cell = false
	case "td", "th":
		w.cell = w.cells > 0 && w.lines == 0
	case "img":
		if a := t.attr("alt"); a != nil {
			w.text(" " + w.src[a.vs:a.ve] + " ")
		}
	case "a":
		if w.href != "" { // links do not nest: the one before was left open
			w.closeLink()
			w.space = true
		}
		if a := t.attr("href"); a != nil {
			w.href, w.linkText = strings.TrimSpace(html.UnescapeString(w.src[a.vs:a.ve])), -1
		}
	case "ul":
		w.lists = append(w.lists, -1)
	case "ol":
		w.lists = append(w.lists, 0)
	case "li":
		w.item()
	case "pre":
		w.pre++
	}
}

// item writes a list's mark.
func (w *textWriter) item() {
	mark := "- "
	if n := len(w.lists); n > 0 && w.lists[n-1] >= 0 {
		w.lists[n-1]++
		mark = strconv.Itoa(w.lists[n-1]) + ". "
	}
	w.put(mark)
	w.space, w.cell = false, false
}

func (w *textWriter) end(name string) {
	switch name {
	case "a":
		w.closeLink()
	case "td", "th":
		if w.col > 0 {
			w.cells++
		}
	case "ul", "ol":
		if n := len(w.lists); n > 0 {
			w.lists = w.lists[:n-1]
		}
	case "pre":
		w.pre = max(0, w.pre-1)
	}
	w.lines = max(w.lines, breaksOf(name))
}

// text writes text with its white space drawn together.
func (w *textWriter) text(s string) {
	if strings.IndexByte(s, '&') >= 0 {
		s = html.UnescapeString(s)
	}
	if w.pre > 0 {
		for i, line := range strings.Split(s, "\n") {
			if i > 0 {
				w.lines = max(w.lines, 1)
			}
			w.put(strings.TrimRight(line, "\r "))
		}
		return
	}
	for s != "" {
		i := 0
		for i < len(s) && (s[i] > ' ' && s[i] < 0x80 || !isGap(s, i)) {
			i++
		}
		if i > 0 {
			w.put(s[:i])
		}
		s = s[i:]
		if s == "" {
			return
		}
		_, n := utf8.DecodeRuneInString(s)
		if isSpace(s[0]) || s[0] == 0xc2 || strings.HasPrefix(s, "\u200a") { // not for the invisible ones
			w.space = true
		}
		s = s[n:]
	}
}

// isGap tells whether white space or an invisible character begins at s[i].
func isGap(s string, i int) bool {
	c := s[i]
	switch {
	case c < 0x80:
		return c <= ' '
	case c == 0xc2:
		return i+1 < len(s) && s[i+1] == 0xa0 // no-break space
	case c == 0xe2:
		return strings.HasPrefix(s[i:], "\u200a") || strings.HasPrefix(s[i:], "\u200b") || strings.HasPrefix(s[i:], "\u200c")
	case c == 0xcd:
		return strings.HasPrefix(s[i:], "\u034f")
	case c == 0xef:
		return strings.HasPrefix(s[i:], "\ufeff")
	}
	return false
}

// put writes a word after the line ends and gaps that are due.
func (w *textWriter) put(s string) {
	if s == "" {
		return
	}
	switch {
	case len(w.out) == w.base:
	case w.lines > 0:
		for range min(w.lines, 2) {
			w.out = append(w.out, '\n')
		}
		w.col, w.cells = 0, 0
	case w.cell && w.col > 0:
		w.out = append(w.out, "  "...)
	case w.space && w.col > 0:
		w.out = append(w.out, ' ')
	}
	w.lines, w.space, w.cell = 0, false, false
	if w.href != "" && w.linkText < 0 {
		w.linkText = len(w.out)
	}
	w.out = append(w.out, s...)
	w.col += len(s)
}
