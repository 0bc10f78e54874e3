package mjml

import (
	"slices"
	"strings"
)

// mail is what is gathered of one document while it is rendered.
type mail struct {
	*compiler
	root, body *node
	out        writer

	title, preview string
	breakpoint     string // width from which on columns stand side by side, with px
	fonts          []fontFile
	styles         []string // of mj-style, for <style>
	inline         []*node  // mj-style to be put into style attributes
	headRaw        []string
	before         []string // the doctype
	selectors      []*node

	all     map[string]string            // mj-all
	byName  map[string]map[string]string // of mj-attributes
	classes map[string]map[string]string // mj-class

	columns      []rule         // media query rules of columns, once each
	columnAt     map[string]int // their places
	carousels    []string       // CSS of each carousel
	carouselSize int
	components   []string // CSS that components bring, once each
	ids          int
}

// fontFile is a font that can be loaded by a style sheet.
type fontFile struct{ name, href string }

// rule is a class and what it sets.
type rule struct{ class, css string }

// knownFonts are those that MJML loads by itself when a text asks for them.
func knownFonts() []fontFile {
	google := func(name string) fontFile {
		return fontFile{name, "https://fonts.googleapis.com/css?family=" + strings.ReplaceAll(name, " ", "+") + ":300,400,500,700"}
	}
	return []fontFile{google("Open Sans"), google("Droid Sans"), google("Lato"), google("Roboto"), google("Ubuntu")}
}

func newMail(c *compiler, root *node) *mail {
	m := &mail{
		compiler: c, root: root, breakpoint: "480px", fonts: knownFonts(),
		columnAt: map[string]int{},
		all:      map[string]string{}, byName: map[string]map[string]string{}, classes: map[string]map[string]string{},
	}
	for _, child := range root.children {
		switch {
		case child.name == "mj-body":
			m.body = child
		case child.name == raw && !child.isComment():
			m.before = append(m.before, child.content)
		}
	}
	return m
}

func (m *mail) readHead() {
	for _, part := range m.root.children {
		if part.name != "mj-head" {
			continue
		}
		for _, n := range part.children {
			m.readHeadElement(n)
		}
	}
}

func (m *mail) readHeadElement(n *node) {
	switch n.name {
	case "mj-title":
		m.title = n.content
	case "mj-preview":
		m.preview = n.content
	case "mj-breakpoint":
		m.breakpoint, _ = n.own("width")
	case "mj-font":
		m.readFont(n)
	case "mj-style":
		if _, inline := n.own("inline"); inline {
			m.inline = append(m.inline, n)
		} else {
			m.styles = append(m.styles, n.content)
		}
	case raw:
		m.headRaw = append(m.headRaw, n.content)
	case "mj-attributes":
		for _, a := range n.children {
			m.readAttributes(a)
		}
	case "mj-html-attributes":
		m.selectors = append(m.selectors, elementsOnly(n.children)...)
	}
}

func (m *mail) readFont(n *node) {
	name, _ := n.own("name")
	href, _ := n.own("href")
	for i := range m.fonts {
		if m.fonts[i].name == name {
			m.fonts[i].href = href
			return
		}
	}
	m.fonts = append(m.fonts, fontFile{name, href})
}

// readAttributes reads one element of mj-attributes. The later of two wins.
func (m *mail) readAttributes(n *node) {
	var into map[string]string
	switch n.name {
	case raw:
		return // a comment
	case "mj-all":
		into = m.all
	case "mj-class":
		name, _ := n.own("name")
		into = sub(m.classes, name)
	default:
		into = sub(m.byName, n.name)
	}
	if inside := elementsOnly(n.children); len(inside) > 0 {
		m.at(inside[0].file, inside[0].pos, "only attributes count here", "an element within %s in mj-attributes", n.name)
	} else if n.content != "" {
		m.at(n.file, n.pos, "only attributes count here", "%s in mj-attributes holds text", n.name)
	}
	for _, a := range n.attrs {
		switch {
		case a.name == "name" && n.name == "mj-class":
		case a.name == "mj-class":
			m.at(n.file, a.pos, "write out its attributes", "mj-class has no effect in mj-attributes")
		default:
			m.readShared(n, a)
			into[a.name] = a.value
		}
	}
}

// readShared checks an attribute of mj-all or mj-class, which is for all
// elements that have it.
func (m *mail) readShared(n *node, a attribute) {
	if n.name != "mj-all" && n.name != "mj-class" {
		return
	}
	var first kind
	for _, name := range sortedElements {
		e := elements[name]
		known, ok := e.attrs[a.name]
		if !ok || !e.styled() {
			continue
		}
		if known.kind.takes(a.value) || hasLiquid(a.value) && known.kind.liquid(name, a.name) {
			return
		}
		if first.name == "" {
			first = known.kind
		}
	}
	if first.name != "" {
		m.checkValue(n.file, n.name, a, first)
		return
	}
	hint := ""
	if near := nearest(a.name, attributeNames); near != "" {
		hint = "did you mean " + near + "?"
	}
	m.at(n.file, a.pos, hint, "no element has an attribute %s", shorten(a.name))
}

var sortedElements = func() []string {
	all := make([]string, 0, len(elements))
	for name := range elements {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}()

// attributeNames are all that elements of the body have.
var attributeNames = func() []string {
	var all []string
	for _, e := range elements {
		if e.styled() {
			for name := range e.attrs {
				all = append(all, name)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}()

func sub(of map[string]map[string]string, name string) map[string]string {
	if of[name] == nil {
		of[name] = map[string]string{}
	}
	return of[name]
}
