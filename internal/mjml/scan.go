package mjml

import "strings"

// htmlTag is a start tag of the HTML, with its place in the tree. Comments, which
// hold what only Outlook reads, are not looked into.
type htmlTag struct {
	name                     string
	attrs                    []tagAttr
	parent, before           *htmlTag
	index, children          int // of elements, from 1
	end                      int // where its attributes end in the document
	nameEnd                  int
	met, metAbove, metBefore uint16 // see selector.find
	edits                    map[string]string
	edited                   []string // names in edits, in order
}

// tagAttr is an attribute with the place of all of it.
type tagAttr struct {
	name, value string
	start, end  int
}

func (t *htmlTag) get(name string) (string, bool) {
	if value, ok := t.edits[name]; ok {
		return value, true
	}
	for _, a := range t.attrs {
		if a.name == name {
			return a.value, true
		}
	}
	return "", false
}

func (t *htmlTag) set(name, value string) {
	if t.edits == nil {
		t.edits = map[string]string{}
	}
	if _, ok := t.edits[name]; !ok {
		t.edited = append(t.edited, name)
	}
	t.edits[name] = value
}

// siblings counts the element's parent's children, itself too.
func (t *htmlTag) siblings() int {
	if t.parent == nil {
		return 1
	}
	return t.parent.children
}

var voidTags = words("area base br col embed hr img input link meta param source track wbr")

// unnested are tags that end one of their kind that is open, and within what.
var unnested = map[string]string{"li": "ul ol", "tr": "table tbody thead tfoot", "td": "tr table", "th": "tr table", "p": "td div body", "option": "select", "tbody": "table"}

// scanTags lists the start tags of a document. It leaves Liquid alone, so that
// what stands around it needn't be whole.
func scanTags(doc string) []*htmlTag {
	s := &tagScanner{doc: doc, lastChild: map[*htmlTag]*htmlTag{}}
	for s.i < len(doc) {
		s.step()
	}
	return s.tags
}

type tagScanner struct {
	doc       string
	i         int
	tags      []*htmlTag
	open      []*htmlTag
	lastChild map[*htmlTag]*htmlTag
}

func (s *tagScanner) step() {
	rest := s.doc[s.i:]
	if end := liquidEnd(rest); end > 0 {
		s.i += end
		return
	}
	if rest[0] != '<' || len(rest) < 2 {
		s.i++
		return
	}
	switch {
	case strings.HasPrefix(rest, "<!--"):
		s.skipTo("-->")
	case strings.HasPrefix(rest, "</"):
		s.endTag()
	case rest[1] == '!' || rest[1] == '?':
		s.skipTo(">")
	case isLetter(rest[1]):
		s.startTag()
	default:
		s.i++
	}
}

func (s *tagScanner) skipTo(stop string) {
	if k := strings.Index(s.doc[s.i:], stop); k >= 0 {
		s.i += k + len(stop)
		return
	}
	s.i = len(s.doc)
}

func (s *tagScanner) tagName() string {
	start := s.i
	for s.i < len(s.doc) && strings.IndexByte(" \t\n\r\f/>", s.doc[s.i]) < 0 {
		s.i++
	}
	return strings.ToLower(s.doc[start:s.i])
}

func (s *tagScanner) endTag() {
	s.i += 2
	name := s.tagName()
	s.skipTo(">")
	for k := len(s.open) - 1; k >= 0; k-- {
		if s.open[k].name == name {
			s.open = s.open[:k]
			return
		}
		// A cell's end tag doesn't reach out of its table.
		if s.open[k].name == "table" && (name == "td" || name == "tr" || name == "p") {
			return
		}
	}
}

func (s *tagScanner) startTag() {
	s.i++
	t := &htmlTag{name: s.tagName()}
	t.nameEnd = s.i
	closed := s.attributes(t)
	s.closeOpen(t.name)
	if len(s.open) > 0 {
		t.parent = s.open[len(s.open)-1]
		t.before = s.lastChild[t.parent]
		t.parent.children++
		t.index = t.parent.children
		s.lastChild[t.parent] = t
	} else {
		t.index = 1
	}
	s.tags = append(s.tags, t)
	switch {
	case closed || voidTags[t.name]:
	case t.name == "style" || t.name == "script" || t.name == "title":
		s.skipTo("</" + t.name)
		s.skipTo(">")
	default:
		s.open = append(s.open, t)
	}
}

// closeOpen ends elements that a start tag ends: <li> one more <li>.
func (s *tagScanner) closeOpen(name string) {
	within, ok := unnested[name]
	if !ok {
		return
	}
	for k := len(s.open) - 1; k >= 0; k-- {
		open := s.open[k].name
		if open == name {
			s.open = s.open[:k]
			return
		}
		for _, stop := range strings.Fields(within) {
			if open == stop {
				return
			}
		}
		if name == "p" {
			return // it is in another element
		}
	}
}

// attributes reads those of a tag, to after its ">".
func (s *tagScanner) attributes(t *htmlTag) (closed bool) {
	for s.i < len(s.doc) {
		if end := liquidEnd(s.doc[s.i:]); end > 0 {
			s.i += end
			continue
		}
		switch s.doc[s.i] {
		case ' ', '\t', '\n', '\r', '\f':
			s.i++
		case '/':
			s.i++
			closed = s.i < len(s.doc) && s.doc[s.i] == '>'
			if closed {
				t.end = s.i - 1
				s.i++
				return true
			}
		case '>':
			t.end = s.i
			s.i++
			return false
		default:
			s.attribute(t)
		}
	}
	t.end = len(s.doc)
	return false
}

func (s *tagScanner) attribute(t *htmlTag) {
	a := tagAttr{start: s.i}
	for s.i < len(s.doc) && (strings.IndexByte(" \t\n\r\f/>=", s.doc[s.i]) < 0 || s.i == a.start) {
		s.i++
	}
	a.name = strings.ToLower(s.doc[a.start:s.i])
	after := s.i
	for after < len(s.doc) && strings.IndexByte(" \t\n", s.doc[after]) >= 0 {
		after++
	}
	if after < len(s.doc) && s.doc[after] == '=' {
		s.i = after + 1
		a.value = s.attributeValue()
	}
	a.end = s.i
	t.attrs = append(t.attrs, a)
}

func (s *tagScanner) attributeValue() string {
	for s.i < len(s.doc) && strings.IndexByte(" \t\n", s.doc[s.i]) >= 0 {
		s.i++
	}
	if s.i >= len(s.doc) {
		return ""
	}
	if quote := s.doc[s.i]; quote == '"' || quote == '\'' {
		start := s.i + 1
		end := quoted(s.doc[start:], quote)
		if end < 0 {
			end = len(s.doc) - start
		}
		s.i = min(start+end+1, len(s.doc))
		return s.doc[start : start+end]
	}
	start := s.i
	for s.i < len(s.doc) && strings.IndexByte(" \t\n\r\f>", s.doc[s.i]) < 0 {
		if end := liquidEnd(s.doc[s.i:]); end > 0 {
			s.i += end
			continue
		}
		s.i++
	}
	return s.doc[start:s.i]
}
