package mjml

import "strconv"

// rows renders the components of a column or hero, each in a row of its table.
// width is what they have, in px.
func (m *mail) rows(n *node, width float64) {
	for _, child := range n.children {
		if m.out.full() {
			return
		}
		if child.name == raw {
			m.out.put(child.content, "\n")
			continue
		}
		m.out.put("<tr>\n")
		style := []string{"background", child.get("container-background-color"), "font-size", "0px"}
		style = append(append(style, child.padding("padding")...), "word-break", "break-word")
		m.out.tag("td", at("align", child.get("align")), at("class", child.get("css-class")), css(style...))
		m.out.put("\n")
		m.component(child, width)
		m.out.put("</td>\n</tr>\n")
	}
}

func (m *mail) component(n *node, width float64) {
	switch n.name {
	case "mj-text":
		m.text(n)
	case "mj-button":
		m.button(n)
	case "mj-image":
		m.image(n, width)
	case "mj-divider":
		m.divider(n, width)
	case "mj-spacer":
		m.out.tag("div", css("height", n.get("height"), "line-height", n.get("height")))
		m.out.put("&#8202;</div>\n")
	case "mj-table":
		m.table(n)
	case "mj-social":
		m.social(n)
	case "mj-navbar":
		m.navbar(n)
	case "mj-accordion":
		m.accordion(n)
	case "mj-carousel":
		m.carousel(n, width)
	}
}

func (m *mail) text(n *node) {
	height := n.get("height")
	if height != "" {
		m.out.mso()
		m.out.put(`<table role="presentation" border="0" cellpadding="0" cellspacing="0"><tr>`)
		m.out.tag("td", at("height", height), css("vertical-align", "top", "height", height))
		m.out.endMSO()
	}
	style := n.pairs("font-family", "font-size", "font-style", "font-weight", "letter-spacing", "line-height")
	style = append(style, "text-align", n.get("align"))
	style = append(style, n.pairs("text-decoration", "text-transform", "color", "height")...)
	m.out.tag("div", css(style...))
	m.out.put(n.content, "</div>\n")
	if height != "" {
		m.out.mso()
		m.out.put("</td></tr></table>")
		m.out.endMSO()
	}
}

func (m *mail) button(n *node) {
	color := n.get("background-color")
	m.out.tag("table", tableAttrs(css("border-collapse", "separate", "width", n.get("width"), "line-height", "100%"))...)
	m.out.put("\n<tbody>\n<tr>\n")
	style := n.pairs("border", "border-bottom", "border-left", "border-radius", "border-right", "border-top")
	style = append(style, "cursor", "auto", "font-style", n.get("font-style"), "height", n.get("height"),
		"mso-padding-alt", n.get("inner-padding"), "text-align", n.get("text-align"), "background", color)
	m.out.tag("td", at("align", "center"), at("bgcolor", color), at("role", "presentation"), css(style...), at("valign", n.get("vertical-align")))
	m.out.put("\n")
	name, href, target := "a", n.get("href"), n.get("target")
	if href == "" {
		name, target = "p", ""
	}
	style = append([]string{"display", "inline-block", "width", n.linkWidth(), "background", color},
		n.pairs("color", "font-family", "font-size", "font-style", "font-weight", "line-height", "letter-spacing")...)
	style = append(style, "margin", "0", "text-decoration", n.get("text-decoration"), "text-transform", n.get("text-transform"),
		"padding", n.get("inner-padding"), "mso-padding-alt", "0px", "border-radius", n.get("border-radius"))
	m.out.tag(name, at("href", href), at("name", n.get("name")), at("rel", n.get("rel")), at("title", n.get("title")), css(style...), at("target", target))
	m.out.put(n.content, "</", name, ">\n</td>\n</tr>\n</tbody>\n</table>\n")
}

// linkWidth is the width of a button's link if the button's is given in px.
func (n *node) linkWidth() string {
	value, unit := measure(n.get("width"))
	if unit != "px" {
		return ""
	}
	value = float64(int(value))
	value -= float64(n.side("inner-padding", "left") + n.side("inner-padding", "right") + n.border("border", "left") + n.border("border", "right"))
	return px(value)
}

func (m *mail) image(n *node, width float64) {
	width = float64(int(width)) - n.sidewise()
	if given := n.get("width"); given != "" {
		width = min(width, float64(whole10(given)))
	}
	fluid := ""
	if n.get("fluid-on-mobile") == "true" {
		fluid = "mj-full-width-mobile"
	}
	m.css("@media only screen and (max-width:" + m.below() + ") {\n" +
		"table.mj-full-width-mobile { width: 100% !important; }\ntd.mj-full-width-mobile { width: auto !important; }\n}")
	m.out.tag("table", tableAttrs(css("border-collapse", "collapse", "border-spacing", "0px"), at("class", fluid))...)
	m.out.put("\n<tbody>\n<tr>\n")
	m.out.tag("td", css("width", px(width)), at("class", fluid))
	m.out.put("\n")
	if href := n.get("href"); href != "" {
		m.out.tag("a", at("href", href), at("target", n.get("target")), at("rel", n.get("rel")), at("name", n.get("name")), at("title", n.get("title")))
	}
	style := n.pairs("border", "border-left", "border-right", "border-top", "border-bottom", "border-radius")
	style = append(style, "display", "block", "outline", "none", "text-decoration", "none", "height", n.get("height"),
		"max-height", n.get("max-height"), "width", "100%", "font-size", n.get("font-size"))
	m.out.empty("img", keep("alt", n.get("alt")), at("src", n.get("src")), at("srcset", n.get("srcset")), at("sizes", n.get("sizes")),
		css(style...), at("title", n.get("title")), at("width", num(width)), at("usemap", n.get("usemap")),
		at("height", wholeHeight(n.get("height"))))
	if n.get("href") != "" {
		m.out.put("</a>")
	}
	m.out.put("\n</td>\n</tr>\n</tbody>\n</table>\n")
}

// wholeHeight is a height as an attribute has it: without its unit.
func wholeHeight(height string) string {
	if height == "auto" {
		return height
	}
	return strconv.Itoa(whole10(height))
}

func (m *mail) divider(n *node, width float64) {
	margin := map[string]string{"left": "0px", "right": "0px 0px 0px auto"}[n.get("align")]
	if margin == "" {
		margin = "0px auto"
	}
	style := []string{"border-top", n.get("border-style") + " " + n.get("border-width") + " " + n.get("border-color"), "font-size", "1px", "margin", margin}
	m.out.tag("p", css(append(style, "width", n.get("width"))...))
	m.out.put("\n</p>\n")
	inOutlook := n.get("width")
	if value, unit := measure(inOutlook); unit == "%" {
		inOutlook = px((float64(int(width)) - float64(n.side("padding", "left")+n.side("padding", "right"))) * (float64(int(value)) / 100))
	}
	m.out.mso()
	m.out.tag("table", at("align", n.get("align")), at("border", "0"), at("cellpadding", "0"), at("cellspacing", "0"),
		css(append(style, "width", inOutlook)...), at("role", "presentation"), at("width", inOutlook))
	m.out.put(`<tr><td style="height:0;line-height:0;">&nbsp;</td></tr></table>`)
	m.out.endMSO()
}

func (m *mail) table(n *node) {
	width := n.get("width")
	if value, unit := measure(width); unit == "px" {
		width = num(float64(int(value)))
	}
	collapse := ""
	if whole10(n.get("cellspacing")) > 0 {
		collapse = "separate"
	}
	style := append(n.pairs("color", "font-family", "font-size", "line-height", "table-layout", "width", "border"), "border-collapse", collapse)
	m.out.tag("table", at("cellpadding", n.get("cellpadding")), at("cellspacing", n.get("cellspacing")), at("role", n.get("role")),
		at("width", width), at("border", "0"), css(style...))
	m.out.put("\n", n.content, "\n</table>\n")
}
