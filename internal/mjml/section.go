package mjml

import (
	"regexp"
	"strings"
)

// eachBlock renders what stands in mj-body below each other.
func (m *mail) eachBlock(n *node, width float64) {
	for _, child := range n.children {
		if m.out.full() {
			return
		}
		m.block(child, width, gap{})
	}
}

// gap is the space between the sections of a wrapper.
type gap struct {
	within string // as the wrapper says
	above  string // none above the first
}

func (m *mail) block(n *node, width float64, gap gap) {
	switch n.name {
	case raw:
		m.out.put(n.content, "\n")
	case "mj-hero":
		m.hero(n, width)
	default:
		m.section(n, width, gap)
	}
}

// section renders mj-section and mj-wrapper: a table as wide as the mail, with
// another one around it if its background is to be as wide as the window.
func (m *mail) section(n *node, width float64, gap gap) {
	if n.get("full-width") != "full-width" {
		m.outlookTable(n, width, gap)
		m.rect(n, px(width))
		m.out.endMSO()
		m.sectionDiv(n, width, gap, false)
		m.out.mso()
		m.endRect(n)
		m.out.put("</td></tr></table>")
		m.out.endMSO()
		return
	}
	m.out.tag("table", append([]htmlAttr{at("align", "center"), at("class", n.get("css-class")), at("background", n.get("background-url"))},
		tableAttrs(css(append(n.background(), "width", "100%", "border-radius", n.get("full-border-radius"))...))...)...)
	m.out.put("\n<tbody>\n<tr>\n<td>\n")
	if n.get("background-url") != "" {
		m.out.mso()
		m.rect(n, "")
		m.out.endMSO()
	}
	m.outlookTable(n, width, gap)
	m.out.endMSO()
	m.sectionDiv(n, width, gap, true)
	m.out.mso()
	m.out.put("</td></tr></table>")
	m.endRect(n)
	m.out.endMSO()
	m.out.put("</td>\n</tr>\n</tbody>\n</table>\n")
}

// outlookTable begins the table that gives Outlook a width; it leaves the comment
// open.
func (m *mail) outlookTable(n *node, width float64, gap gap) {
	color := n.get("background-color")
	if gap.within != "" {
		color = "" // it would show in the gap
	}
	m.out.mso()
	m.out.tag("table", at("align", "center"), at("border", "0"), at("cellpadding", "0"), at("cellspacing", "0"),
		keep("class", n.outlookClass()), at("role", "presentation"), css("width", px(width), "padding-top", gap.above),
		at("width", num(width)), at("bgcolor", color))
	m.out.put(`<tr><td style="line-height:0px;font-size:0px;mso-line-height-rule:exactly;">`)
}

func (m *mail) sectionDiv(n *node, width float64, gap gap, full bool) {
	var background []string
	class, url := n.get("css-class"), n.get("background-url")
	if !full {
		background = n.background()
	} else {
		class, url = "", ""
	}
	radius, overflow, collapse := n.get("border-radius"), "", ""
	if radius != "" {
		overflow, collapse = "hidden", "separate"
	}
	m.out.tag("div", at("class", class), css(append(background, "margin", "0px auto", "max-width", px(width),
		"border-radius", radius, "overflow", overflow, "margin-top", gap.above)...))
	m.out.put("\n")
	if n.get("background-url") != "" {
		m.out.put(`<div style="line-height:0;font-size:0;">`, "\n")
	}
	m.out.tag("table", append([]htmlAttr{at("align", "center"), at("background", url)},
		tableAttrs(css(append(background, "width", "100%", "border-collapse", collapse)...))...)...)
	m.out.put("\n<tbody>\n<tr>\n")
	style := n.pairs("border", "border-bottom", "border-left", "border-right", "border-top", "border-radius", "direction")
	style = append(style, "font-size", "0px")
	style = append(style, n.pairs("padding", "padding-bottom", "padding-left", "padding-right", "padding-top", "text-align")...)
	m.out.tag("td", css(style...))
	m.out.put("\n")
	m.sectionContent(n, width)
	m.out.put("</td>\n</tr>\n</tbody>\n</table>\n")
	if n.get("background-url") != "" {
		m.out.put("</div>\n")
	}
	m.out.put("</div>\n")
}

func (m *mail) sectionContent(n *node, width float64) {
	inner := width - n.sidewise()
	m.out.mso()
	m.out.put(`<table role="presentation" border="0" cellpadding="0" cellspacing="0">`)
	if n.name == "mj-wrapper" {
		m.wrapped(n, width, inner)
	} else {
		m.out.put("<tr>")
		m.out.endMSO()
		m.eachColumn(n, inner)
		m.out.mso()
		m.out.put("</tr>")
	}
	m.out.put("</table>")
	m.out.endMSO()
}

// wrapped renders the sections of a wrapper, each a row for Outlook.
func (m *mail) wrapped(n *node, width, inner float64) {
	m.out.endMSO()
	space := gap{within: n.get("gap")}
	for _, child := range n.children {
		if child.name == raw {
			m.block(child, inner, gap{})
			space.above = space.within
			continue
		}
		m.out.mso()
		m.out.put("<tr>")
		m.out.tag("td", at("align", child.get("align")), keep("class", child.outlookClass()), at("width", px(width)))
		m.out.endMSO()
		m.block(child, inner, space)
		m.out.mso()
		m.out.put("</td></tr>")
		m.out.endMSO()
		space.above = space.within
	}
	m.out.mso()
}

// background are the CSS declarations of a section's background.
func (n *node) background() []string {
	color, url := n.get("background-color"), n.get("background-url")
	if url == "" {
		return []string{"background", color, "background-color", color}
	}
	x, y := n.backgroundPosition()
	size, repeat := n.get("background-size"), n.get("background-repeat")
	all := []string{color, "url('" + url + "')", x, y, "/", size, repeat}
	return []string{
		"background", strings.TrimSpace(strings.Join(all, " ")),
		"background-position", x + " " + y, "background-repeat", repeat, "background-size", size,
	}
}

// backgroundPosition is where the picture lies across and down. Of two words
// either may come first, if it is clear which is which.
func (n *node) backgroundPosition() (x, y string) {
	x, y = "center", "top"
	switch words := strings.Fields(n.get("background-position")); {
	case len(words) == 1 && (words[0] == "top" || words[0] == "bottom"):
		y = words[0]
	case len(words) == 1:
		x, y = words[0], "center"
	case len(words) == 2 && (words[0] == "top" || words[0] == "bottom" || words[0] == "center" && (words[1] == "left" || words[1] == "right")):
		x, y = words[1], words[0]
	case len(words) == 2:
		x, y = words[0], words[1]
	}
	if own := n.get("background-position-x"); own != "" {
		x = own
	}
	if own := n.get("background-position-y"); own != "" {
		y = own
	}
	return x, y
}

var percent = regexp.MustCompile(`^\d+(\.\d+)?%$`)

// rect begins the VML that shows Outlook a section's background picture; width is
// empty for one as wide as the window.
func (m *mail) rect(n *node, width string) {
	if n.get("background-url") == "" {
		return
	}
	style := css("width", width)
	if width == "" {
		style = css("mso-width-percent", "1000")
	}
	m.out.tag("v:rect", style, at("xmlns:v", "urn:schemas-microsoft-com:vml"), at("fill", "true"), at("stroke", "false"))
	kind, size, aspect := n.fill()
	position := n.fillPosition()
	m.out.empty("v:fill", at("origin", position), at("position", position), at("src", n.get("background-url")),
		at("color", n.get("background-color")), at("type", kind), at("size", size), at("aspect", aspect))
	m.out.put(`<v:textbox style="mso-fit-shape-to-text:true" inset="0,0,0,0">`)
}

func (m *mail) endRect(n *node) {
	if n.get("background-url") != "" {
		m.out.put("</v:textbox></v:rect>")
	}
}

// fill says how Outlook lays the picture.
func (n *node) fill() (kind, size, aspect string) {
	kind = "tile"
	if n.get("background-repeat") == "no-repeat" {
		kind = "frame"
	}
	switch value := n.get("background-size"); {
	case value == "cover":
		return kind, "1,1", "atleast"
	case value == "contain":
		return kind, "1,1", "atmost"
	case value == "auto":
		return "tile", "", ""
	case !strings.Contains(value, " "):
		return kind, value, "atmost"
	default:
		return kind, strings.Join(strings.Split(value, " "), ","), ""
	}
}

// fillPosition is the picture's position as VML wants it: parts of the way for a
// tile, parts off the middle for a frame.
func (n *node) fillPosition() string {
	if n.get("background-size") == "auto" {
		return "0.5, 0"
	}
	x, y := n.backgroundPosition()
	part := func(word string, standard float64) string {
		value := standard
		switch {
		case word == "left" || word == "top":
			value = 0
		case word == "center":
			value = 50
		case word == "right" || word == "bottom":
			value = 100
		case percent.MatchString(word):
			value, _ = measure(word)
		}
		if n.get("background-repeat") == "no-repeat" {
			return num((value - 50) / 100)
		}
		return num(value / 100)
	}
	return part(x, 50) + ", " + part(y, 0)
}
