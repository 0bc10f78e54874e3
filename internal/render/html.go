package render

import "strings"

// htmlKind is a kind of HTML token.
type htmlKind byte

const (
	htmlText htmlKind = iota
	htmlStart
	htmlEnd
	htmlComment
	htmlDecl
	htmlRaw // the content of script, style, title, textarea
)

// htmlToken is a piece of an HTML source, by offsets into it.
type htmlToken struct {
	kind       htmlKind
	start, end int
	name       string // of a start or end tag, or of the element around raw text; lower case
	nameEnd    int
	attrs      []htmlAttr
	closed     bool // <x/>
}

// htmlAttr is an attribute; vs, ve enclose its value without quotes.
type htmlAttr struct {
	name       string // lower case
	start, end int
	vs, ve     int
	quote      byte // ", ' or 0
	hasValue   bool
}

// attr finds an attribute by its name.
func (t *htmlToken) attr(name string) *htmlAttr {
	for i := range t.attrs {
		if t.attrs[i].name == name {
			return &t.attrs[i]
		}
	}
	return nil
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' }

func isLetter(c byte) bool { c |= 0x20; return c >= 'a' && c <= 'z' }

// endsName holds for the bytes that end the name of a tag.
var endsName = func() (ends [256]bool) {
	for _, c := range []byte{' ', '\t', '\n', '\r', '\f', '/', '>', holeOpen[0]} {
		ends[c] = true
	}
	return ends
}()

// isRawElement tells whether a tag's content is text up to its end tag.
func isRawElement(name string) bool {
	switch name {
	case "script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes":
		return true
	}
	return false
}

// scanHTML calls f for each token of s[from:to], in order and without gaps. It
// accepts anything; what is not markup is text. The token is reused. Templates
// are scanned with placeholders in them, which may stand where an attribute
// does.
func scanHTML(s string, from, to int, f func(*htmlToken)) {
	var t, plain htmlToken
	i, text := from, from
	for i < to {
		j := strings.IndexByte(s[i:to], '<')
		if j < 0 || i+j+1 >= to {
			break
		}
		i += j
		end := scanMarkup(s, i, to, &t)
		if end < 0 {
			i++
			continue
		}
		if text < i {
			plain.kind, plain.start, plain.end = htmlText, text, i
			f(&plain)
		}
		t.start, t.end = i, end
		kind, name, closed := t.kind, t.name, t.closed
		f(&t)
		i, text = end, end
		if kind == htmlStart && !closed && isRawElement(name) {
			close := rawEnd(s, i, to, name)
			if close > i {
				raw := htmlToken{kind: htmlRaw, start: i, end: close, name: name}
				f(&raw)
			}
			i, text = close, close
		}
	}
	if text < to {
		plain.kind, plain.start, plain.end = htmlText, text, to
		f(&plain)
	}
}

// scanMarkup reads the markup that begins with the < at i into t and returns
// where it ends, or -1 when it is text after all.
func scanMarkup(s string, i, to int, t *htmlToken) int {
	c := s[i+1]
	t.attrs, t.closed = t.attrs[:0], false
	switch {
	case isLetter(c):
		return scanTag(s, i+1, to, t, htmlStart)
	case c == '/' && i+2 < to && isLetter(s[i+2]):
		return scanTag(s, i+2, to, t, htmlEnd)
	case strings.HasPrefix(s[i:to], "<!--"):
		t.kind, t.name = htmlComment, ""
		body := s[i+4 : to]
		if strings.HasPrefix(body, ">") {
			return i + 5
		}
		if strings.HasPrefix(body, "->") {
			return i + 6
		}
		if end := strings.Index(body, "-->"); end >= 0 {
			return i + 4 + end + 3
		}
		return to
	case c == '!' || c == '?':
		t.kind, t.name = htmlDecl, ""
		if end := strings.IndexByte(s[i:to], '>'); end >= 0 {
			return i + end + 1
		}
	}
	return -1
}

// scanTag reads a tag whose name begins at i.
func scanTag(s string, i, to int, t *htmlToken, kind htmlKind) int {
	t.kind = kind
	start := i
	for i < to && !endsName[s[i]] {
		i++
	}
	t.name, t.nameEnd = lower(s[start:i]), i
	for i < to {
		switch {
		case isSpace(s[i]):
			i++
		case s[i] == '/':
			t.closed = i+1 < to && s[i+1] == '>'
			i++
		case s[i] == '>':
			return i + 1
		default:
			var a htmlAttr
			if a, i = scanAttr(s, i, to); i < 0 {
				return -1
			}
			t.attrs = append(t.attrs, a)
		}
	}
	return -1 // cut off: text
}

// scanAttr reads the attribute at i and returns it with where it ends.
func scanAttr(s string, i, to int) (htmlAttr, int) {
	a := htmlAttr{start: i}
	if s[i] == holeOpen[0] && strings.HasPrefix(s[i:to], holeOpen) {
		if end := strings.Index(s[i:to], holeClose); end >= 0 {
			a.end = i + end + len(holeClose)
			a.name = s[i:a.end]
			return a, a.end
		}
	}
	for i++; i < to && !endsName[s[i]] && s[i] != '='; i++ {
	}
	a.name, a.end = lower(s[a.start:i]), i
	j := i
	for j < to && isSpace(s[j]) {
		j++
	}
	if j >= to || s[j] != '=' {
		return a, i
	}
	for j++; j < to && isSpace(s[j]); j++ {
	}
	a.hasValue = true
	if j < to && (s[j] == '"' || s[j] == '\'') {
		end := strings.IndexByte(s[j+1:to], s[j])
		if end < 0 {
			return a, -1
		}
		a.quote, a.vs, a.ve = s[j], j+1, j+1+end
		a.end = a.ve + 1
		return a, a.end
	}
	a.vs = j
	for j < to && !isSpace(s[j]) && s[j] != '>' {
		j++
	}
	a.ve, a.end = j, j
	return a, j
}

// rawEnd is where the raw content that begins at i ends: at its end tag.
func rawEnd(s string, i, to int, name string) int {
	for j := i; j < to; j++ {
		k := strings.Index(s[j:to], "</")
		if k < 0 {
			break
		}
		j += k
		if e := j + 2 + len(name); e <= to && strings.EqualFold(s[j+2:e], name) && (e == to || isSpace(s[e]) || s[e] == '>' || s[e] == '/') {
			return j
		}
	}
	return to
}

// lower is strings.ToLower without work where there is none to do.
func lower(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= 0x80 || c-'A' < 26 {
			return strings.ToLower(s)
		}
	}
	return s
}
