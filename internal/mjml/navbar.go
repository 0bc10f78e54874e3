package mjml

// navbarCSS shows the links behind an icon on a phone, where the client can do it.
func navbarCSS(below string) string {
	return `noinput.mj-menu-checkbox { display:block!important; max-height:none!important; visibility:visible!important; }
@media only screen and (max-width:` + below + `) {
.mj-menu-checkbox[type="checkbox"] ~ .mj-inline-links { display:none!important; }
.mj-menu-checkbox[type="checkbox"]:checked ~ .mj-inline-links,
.mj-menu-checkbox[type="checkbox"] ~ .mj-menu-trigger { display:block!important; max-width:none!important; max-height:none!important; font-size:inherit!important; }
.mj-menu-checkbox[type="checkbox"] ~ .mj-inline-links > a { display:block!important; }
.mj-menu-checkbox[type="checkbox"]:checked ~ .mj-menu-trigger .mj-menu-icon-close { display:block!important; }
.mj-menu-checkbox[type="checkbox"]:checked ~ .mj-menu-trigger .mj-menu-icon-open { display:none!important; }
}`
}

func (m *mail) navbar(n *node) {
	m.css(navbarCSS(m.below()))
	if n.get("hamburger") == "hamburger" {
		m.hamburger(n)
	}
	m.out.put(`<div class="mj-inline-links" style="">`, "\n")
	m.out.mso()
	m.out.tag("table", at("role", "presentation"), at("border", "0"), at("cellpadding", "0"), at("cellspacing", "0"), at("align", n.get("align")))
	m.out.put("<tr>")
	m.out.endMSO()
	for _, child := range n.children {
		if child.name == raw {
			m.out.put(child.content, "\n")
			continue
		}
		m.navbarLink(child, n.get("base-url"))
	}
	m.out.mso()
	m.out.put("</tr></table>")
	m.out.endMSO()
	m.out.put("</div>\n")
}

func (m *mail) navbarLink(n *node, base string) {
	m.out.mso()
	m.out.tag("td", css(n.sidesOf("padding", "-top", "-left", "-right", "-bottom")...), keep("class", n.outlookClass()))
	m.out.endMSO()
	href := n.get("href")
	if href != "" {
		href = base + href
	}
	style := append([]string{"display", "inline-block"}, n.pairs("color", "font-family", "font-size", "font-style", "font-weight",
		"letter-spacing", "line-height", "text-decoration", "text-transform")...)
	m.out.tag("a", at("class", classes("mj-link", n.get("css-class"))), at("href", href), at("rel", n.get("rel")),
		at("target", n.get("target")), at("name", n.get("name")), css(append(style, n.sidesOf("padding", "-top", "-left", "-right", "-bottom")...)...))
	m.out.put(n.content, "</a>\n")
	m.out.mso()
	m.out.put("</td>")
	m.out.endMSO()
}

func (m *mail) hamburger(n *node) {
	id := m.id()
	m.out.put("<!--[if !mso]><!-->")
	m.out.empty("input", at("type", "checkbox"), at("id", id), at("class", "mj-menu-checkbox"),
		at("style", "display:none !important; max-height:0; visibility:hidden;"))
	m.out.put("<!--<![endif]-->\n")
	m.out.tag("div", at("class", "mj-menu-trigger"), css("display", "none", "max-height", "0px", "max-width", "0px", "font-size", "0px", "overflow", "hidden"))
	m.out.put("\n")
	style := []string{"display", "block", "cursor", "pointer", "mso-hide", "all", "-moz-user-select", "none", "user-select", "none",
		"color", n.get("ico-color"), "font-size", n.get("ico-font-size"), "font-family", n.get("ico-font-family"),
		"text-transform", n.get("ico-text-transform"), "text-decoration", n.get("ico-text-decoration"), "line-height", n.get("ico-line-height")}
	m.out.tag("label", at("for", id), at("class", "mj-menu-label"), css(append(style, n.padding("ico-padding")...)...), at("align", n.get("ico-align")))
	m.out.put("\n")
	m.out.tag("span", at("class", "mj-menu-icon-open"), css("mso-hide", "all"))
	m.out.put(n.get("ico-open"), "</span>\n")
	m.out.tag("span", at("class", "mj-menu-icon-close"), css("display", "none", "mso-hide", "all"))
	m.out.put(n.get("ico-close"), "</span>\n</label>\n</div>\n")
}
