package mjml

import (
	"slices"
	"strconv"
	"strings"
)

// inherited says what children of an element take from it, by the child's name.
var inherited = map[string][]string{
	"mj-social": {
		"border", "border-radius", "color", "font-family", "font-size", "font-style", "font-weight", "icon-height",
		"icon-padding", "icon-size", "line-height", "text-padding", "text-decoration",
	},
	"mj-accordion": {
		"border", "font-family", "icon-align", "icon-height", "icon-position", "icon-unwrapped-alt",
		"icon-unwrapped-url", "icon-width", "icon-wrapped-alt", "icon-wrapped-url",
	},
	"mj-accordion-element": {
		"border", "font-family", "icon-align", "icon-height", "icon-position", "icon-unwrapped-alt",
		"icon-unwrapped-url", "icon-width", "icon-wrapped-alt", "icon-wrapped-url",
	},
}

// defaultAttributes gives every element of the body its attributes: its own, those
// of its classes, of mj-attributes, of its parent, of mj-all, and the standard ones.
func (m *mail) defaultAttributes(n *node) {
	if n.name == "mj-head" {
		return
	}
	for _, child := range n.children {
		if e := elements[child.name]; e.styled() {
			child.values = m.given(child)
			for _, name := range inherited[n.name] {
				m.inherit(child, name, n.values[name])
			}
			if n.name == "mj-social" {
				m.inherit(child, "padding", n.values["inner-padding"])
			}
			m.shared(child)
			child.standard(e)
		}
		m.defaultAttributes(child)
	}
}

// ownPrefix marks, among an element's values, those it doesn't have from its
// parent, where that makes a difference.
const ownPrefix = "own "

func (m *mail) inherit(n *node, name, value string) {
	if name == "font-family" && strings.HasPrefix(n.name, "mj-accordion-t") && !m.written(n, name) && value != "" {
		delete(n.values, name) // what mj-attributes says comes after the accordion's font
	}
	if _, ok := n.values[name]; ok {
		n.values[ownPrefix+name] = n.values[name]
		return
	}
	if value != "" {
		n.values[name] = value
	}
}

// written tells whether an attribute stands on the element itself, or comes by
// one of its classes.
func (m *mail) written(n *node, name string) bool {
	if _, ok := n.own(name); ok {
		return true
	}
	named, _ := n.own("mj-class")
	return slices.ContainsFunc(strings.Fields(named), func(class string) bool { return m.classes[class][name] != "" })
}

// given are the attributes that the author has set on an element or its kind.
func (m *mail) given(n *node) map[string]string {
	values := map[string]string{}
	for name, value := range m.byName[n.name] {
		values[name] = value
	}
	var classes []string
	if named, ok := n.own("mj-class"); ok {
		for _, class := range strings.Fields(named) {
			m.useClass(n, class, values, &classes)
		}
	}
	if len(classes) > 0 {
		values["css-class"] = strings.Join(classes, " ")
	}
	for _, a := range n.attrs {
		values[a.name] = a.value
	}
	return values
}

func (m *mail) useClass(n *node, class string, values map[string]string, css *[]string) {
	attrs, ok := m.classes[class]
	if !ok {
		hint := "define it in mj-attributes: <mj-class name=" + strconv.Quote(class) + " …/>"
		var all []string
		for name := range m.classes {
			all = append(all, name)
		}
		slices.Sort(all)
		if near := nearest(class, all); near != "" {
			hint = "did you mean " + near + "?"
		}
		m.at(n.file, n.pos, hint, "there is no mj-class %s", shorten(class))
		return
	}
	for name, value := range attrs {
		if name == "css-class" {
			*css = append(*css, value)
			continue
		}
		values[name] = value
	}
}

// shared fills in what mj-all says.
func (m *mail) shared(n *node) {
	for name, value := range m.all {
		if _, ok := n.values[name]; !ok {
			n.values[name] = value
		}
		if _, ok := n.values[ownPrefix+name]; !ok {
			n.values[ownPrefix+name] = value
		}
	}
}

// standard fills in MJML's own values.
func (n *node) standard(e *element) {
	for name, a := range e.attrs {
		value, ok := n.values[name]
		if !ok && a.standard != "" {
			n.values[name] = a.standard
			continue
		}
		if ok {
			n.values[name] = a.kind.full(value)
		}
	}
}
