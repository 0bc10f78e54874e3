package mjml

const accordionCSS = `noinput.mj-accordion-checkbox { display:block!important; }
@media yahoo, only screen and (min-width:0) {
.mj-accordion-element { display:block; }
.mj-accordion-checkbox[type="checkbox"], .mj-accordion-less { display:none!important; }
.mj-accordion-checkbox[type="checkbox"] + * .mj-accordion-title { cursor:pointer; touch-action:manipulation; -webkit-user-select:none; -moz-user-select:none; user-select:none; }
.mj-accordion-checkbox[type="checkbox"] + * .mj-accordion-content { overflow:hidden; display:none; }
.mj-accordion-checkbox[type="checkbox"] + * .mj-accordion-more { display:block!important; }
.mj-accordion-checkbox:checked + * .mj-accordion-content { display:block; }
.mj-accordion-checkbox:checked + * .mj-accordion-more { display:none!important; }
.mj-accordion-checkbox:checked + * .mj-accordion-less { display:block!important; }
}
.moz-text-html input.mj-accordion-checkbox + * .mj-accordion-title { cursor: auto; touch-action: auto; -webkit-user-select: auto; -moz-user-select: auto; user-select: auto; }
.moz-text-html input.mj-accordion-checkbox + * .mj-accordion-content { overflow: hidden; display: block; }
.moz-text-html input.mj-accordion-checkbox + * .mj-accordion-ico { display: none; }
@goodbye { @gmail }`

func (m *mail) accordion(n *node) {
	m.css(accordionCSS)
	m.out.tag("table", at("cellspacing", "0"), at("cellpadding", "0"), at("class", "mj-accordion"),
		css("width", "100%", "border-collapse", "collapse", "border", n.get("border"), "border-bottom", "none", "font-family", n.get("font-family")))
	m.out.put("\n<tbody>\n")
	for _, child := range n.children {
		if child.name == raw {
			m.out.put(child.content, "\n")
			continue
		}
		m.accordionElement(child)
	}
	m.out.put("</tbody>\n</table>\n")
}

func (m *mail) accordionElement(n *node) {
	m.out.tag("tr", at("class", n.get("css-class")))
	m.out.put("\n")
	m.out.tag("td", css("padding", "0px", "background-color", n.get("background-color")))
	m.out.put("\n")
	m.out.tag("label", at("class", "mj-accordion-element"), css("font-size", "13px", "font-family", n.get(ownPrefix+"font-family")))
	m.out.put("\n<!--[if !mso | IE]><!-->")
	m.out.empty("input", at("class", "mj-accordion-checkbox"), at("type", "checkbox"), css("display", "none"))
	m.out.put("<!--<![endif]-->\n<div>\n")
	title, text := m.accordionPart(n, "mj-accordion-title"), m.accordionPart(n, "mj-accordion-text")
	if title.file == nil {
		m.accordionTitle(n, title)
	}
	for _, child := range n.children {
		switch child.name {
		case raw:
			m.out.put(child.content, "\n")
		case "mj-accordion-title":
			m.accordionTitle(n, child)
		case "mj-accordion-text":
			m.accordionText(n, child)
		}
	}
	if text.file == nil {
		m.accordionText(n, text)
	}
	m.out.put("</div>\n</label>\n</td>\n</tr>\n")
}

// accordionPart is the title or text of an element, or the empty one that stands
// for it: that has no file.
func (m *mail) accordionPart(n *node, name string) *node {
	for _, child := range n.children {
		if child.name == name {
			return child
		}
	}
	part := &node{name: name, values: map[string]string{}}
	for _, attribute := range inherited[n.name] {
		m.inherit(part, attribute, n.values[attribute])
	}
	part.standard(elements[name])
	return part
}

func (m *mail) accordionTitle(element, n *node) {
	m.out.put(`<div class="mj-accordion-title">`, "\n")
	m.accordionTable(element)
	if element.get("icon-position") == "left" {
		m.accordionIcon(element, n)
	}
	style := []string{"width", "100%", "background-color", n.get("background-color"), "color", n.get("color"), "font-size", n.get("font-size"),
		"font-family", n.get("font-family"), "font-weight", n.get("font-weight")}
	m.out.tag("td", at("class", n.get("css-class")), css(append(style, n.sidesOf("padding", "-bottom", "-left", "-right", "-top")...)...))
	m.out.put(n.content, "</td>\n")
	if element.get("icon-position") != "left" {
		m.accordionIcon(element, n)
	}
	m.out.put("</tr>\n</tbody>\n</table>\n</div>\n")
}

func (m *mail) accordionTable(element *node) {
	m.out.tag("table", at("cellspacing", "0"), at("cellpadding", "0"), css("width", "100%", "border-bottom", element.get("border")))
	m.out.put("\n<tbody>\n<tr>\n")
}

func (m *mail) accordionIcon(element, title *node) {
	m.out.put("<!--[if !mso | IE]><!-->")
	m.out.tag("td", at("class", "mj-accordion-ico"), css("padding", "16px", "background", title.get("background-color"), "vertical-align", element.get("icon-align")))
	size := css("display", "none", "width", element.get("icon-width"), "height", element.get("icon-height"))
	m.out.empty("img", at("src", element.get("icon-wrapped-url")), keep("alt", element.get("icon-wrapped-alt")), at("class", "mj-accordion-more"), size)
	m.out.empty("img", at("src", element.get("icon-unwrapped-url")), keep("alt", element.get("icon-unwrapped-alt")), at("class", "mj-accordion-less"), size)
	m.out.put("</td><!--<![endif]-->\n")
}

func (m *mail) accordionText(element, n *node) {
	m.out.put(`<div class="mj-accordion-content">`, "\n")
	m.accordionTable(element)
	style := append([]string{"background", n.get("background-color")},
		n.pairs("font-size", "font-family", "font-weight", "letter-spacing", "line-height", "color")...)
	m.out.tag("td", at("class", n.get("css-class")), css(append(style, n.sidesOf("padding", "-bottom", "-left", "-right", "-top")...)...))
	m.out.put(n.content, "</td>\n</tr>\n</tbody>\n</table>\n</div>\n")
}
