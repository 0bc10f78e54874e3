package mjml

import (
	"math"
	"strconv"
	"strings"
)

// row is what a column or group has to know of the section or group around it.
type row struct {
	width float64 // of the content, px
	count int     // of columns and groups
	group bool
	gutter
}

// newRow makes the row of a section's children, or of a group's in a section.
func newRow(n, section *node, width float64) row {
	r := row{width: width, gutter: newGutter(section.get("gutter"), n.get("direction"), width, len(n.children))}
	for _, child := range n.children {
		if child.name != raw {
			r.count++
		}
	}
	return r
}

// eachColumn renders the columns of a section, each a cell for Outlook.
func (m *mail) eachColumn(n *node, width float64) {
	r := newRow(n, n, width)
	for i, child := range n.children {
		if m.out.full() {
			return
		}
		switch child.name {
		case raw:
			m.out.put(child.content, "\n")
		case "mj-group":
			m.cell(child, css("vertical-align", child.get("vertical-align"), "width", px(r.pixels(child))))
			m.group(child, n, r)
			m.endCell()
		default:
			m.cell(child, css("vertical-align", child.get("vertical-align"),
				"width", px(round(r.pixels(child))), "padding", r.besideInPixels(i)))
			m.columnDiv(child, r, i)
			m.endCell()
		}
	}
}

func (m *mail) cell(n *node, style htmlAttr) {
	m.out.mso()
	m.out.tag("td", at("align", n.get("align")), keep("class", n.outlookClass()), style)
	m.out.endMSO()
}

func (m *mail) endCell() {
	m.out.mso()
	m.out.put("</td>")
	m.out.endMSO()
}

// share is the width of a column or group as it is given, whole pixels or
// percents; by default an equal part.
func (r row) share(n *node) (value float64, unit string) {
	if given := n.get("width"); given != "" {
		value, unit = measure(given)
		if unit != "%" {
			return float64(int(value)), "px"
		}
		return value, unit
	}
	return 100 / float64(max(r.count, 1)), "%"
}

// pixels is the width of a column or group.
func (r row) pixels(n *node) float64 {
	value, unit := r.share(n)
	if unit == "%" {
		return r.width * value / 100
	}
	return value
}

// content is the width within a column or group. A group has no padding of its
// own, but mj-all and classes may give it one.
func (r row) content(n *node) float64 {
	width := r.pixels(n) - float64(n.side("padding", "left")+n.side("padding", "right"))
	if n.name == "mj-column" {
		width -= float64(n.border("border", "left") + n.border("border", "right"))
	}
	if n.get("width") == "" {
		return math.Trunc(width)
	}
	return width
}

// columnWidth is what is left of a column's share beside the gutters.
func (r row) columnWidth(n *node, index int) (value float64, unit string) {
	value, unit = r.share(n)
	if !r.given {
		return value, unit
	}
	if unit == "%" {
		return max(0, six(value-r.percent*float64(r.parts-1)/float64(r.parts))), unit
	}
	return max(0, value-r.less(index)), unit
}

// widthClass is the class that gives a column its width beside others.
func (m *mail) widthClass(value float64, unit, named string) string {
	class := "mj-column-px-"
	if unit == "%" {
		class = "mj-column-per-"
	}
	class += strings.ReplaceAll(named, ".", "-")
	m.column(class, "{ width:"+num(value)+unit+" !important; max-width: "+num(value)+unit+"; }")
	return class
}

func (m *mail) group(n, section *node, r row) {
	value, unit := r.share(n)
	m.out.tag("div", at("class", classes(m.widthClass(value, unit, strconv.Itoa(int(value))), "mj-outlook-group-fix", n.get("css-class"))),
		css("font-size", "0", "line-height", "0", "text-align", "left", "display", "inline-block", "width", "100%",
			"direction", n.get("direction"), "vertical-align", n.get("vertical-align"), "background-color", n.get("background-color")))
	m.out.put("\n")
	m.out.mso()
	m.out.tag("table", append([]htmlAttr{at("bgcolor", n.get("background-color"))}, tableAttrs()...)...)
	m.out.put("<tr>")
	m.out.endMSO()
	inner := newRow(n, section, r.content(n))
	inner.group = true
	for i, child := range n.children {
		if child.name == raw {
			m.out.put(child.content, "\n")
			continue
		}
		m.out.mso()
		m.out.tag("td", css("align", child.get("align"), "vertical-align", child.get("vertical-align"), "width", px(round(inner.pixels(child)))))
		m.out.endMSO()
		m.columnDiv(child, inner, i)
		m.endCell()
	}
	m.out.mso()
	m.out.put("</tr></table>")
	m.out.endMSO()
	m.out.put("</div>\n")
}

func (m *mail) columnDiv(n *node, r row, index int) {
	value, unit := r.columnWidth(n, index)
	size := m.widthClass(value, unit, num(value))
	width, beside := "100%", r.stacked(index)
	gutterClass, rule := r.class(index, unit)
	if r.group {
		width, beside = r.phoneWidth(n, value, unit), r.beside(index, unit)
	} else if gutterClass != "" {
		m.column(gutterClass, rule)
	}
	m.out.tag("div", at("class", classes(size, gutterClass, "mj-outlook-group-fix", n.get("css-class"))),
		css("font-size", "0px", "text-align", "left", "direction", n.get("direction"), "display", "inline-block",
			"vertical-align", n.get("vertical-align"), "width", width, "padding", beside))
	m.out.put("\n")
	inner := r.content(n) - float64(n.border("inner-border", "left")+n.border("inner-border", "right"))
	if n.padded() {
		m.paddedColumn(n, inner)
	} else {
		m.columnTable(n, inner, n.columnStyle())
	}
	m.out.put("</div>\n")
}

// phoneWidth is a column's width in a group, which doesn't stack on a phone.
func (r row) phoneWidth(n *node, value float64, unit string) string {
	switch {
	case unit == "%" && n.get("width") == "" && !r.given:
		return strconv.Itoa(int(value)) + "%"
	case unit == "%":
		return num(value) + "%"
	case int(r.width) == 0:
		return "0%"
	}
	return num(six(value/math.Trunc(r.width)*100)) + "%"
}

// padded tells whether a column has a padding: it takes a table of its own.
func (n *node) padded() bool {
	for _, name := range []string{"padding", "padding-top", "padding-right", "padding-bottom", "padding-left"} {
		if n.get(name) != "" {
			return true
		}
	}
	return false
}

func (n *node) columnStyle() []string {
	style := append([]string{"background-color", n.get("background-color")},
		n.pairs("border", "border-bottom", "border-left", "border-radius", "border-right", "border-top", "vertical-align")...)
	if n.get("border-radius") != "" || n.get("inner-border-radius") != "" && !n.padded() {
		style = append(style, "border-collapse", "separate")
	}
	return style
}

func (m *mail) paddedColumn(n *node, inner float64) {
	collapse := ""
	if n.get("border-radius") != "" {
		collapse = "separate"
	}
	m.out.tag("table", tableAttrs(at("width", "100%"), css("border-collapse", collapse))...)
	m.out.put("\n<tbody>\n<tr>\n")
	style := append(n.columnStyle(), n.pairs("padding", "padding-top", "padding-right", "padding-bottom", "padding-left")...)
	m.out.tag("td", css(style...))
	m.out.put("\n")
	table := []string{"background-color", n.get("inner-background-color")}
	for _, side := range []string{"", "-bottom", "-left", "-radius", "-right", "-top"} {
		table = append(table, "border"+side, n.get("inner-border"+side))
	}
	if n.get("inner-border-radius") != "" {
		table = append(table, "border-collapse", "separate")
	}
	m.columnTable(n, inner, table)
	m.out.put("</td>\n</tr>\n</tbody>\n</table>\n")
}

// columnTable holds the components, a row each.
func (m *mail) columnTable(n *node, width float64, style []string) {
	m.out.tag("table", tableAttrs(keep("style", declarations(style...)), at("width", "100%"))...)
	m.out.put("\n<tbody>\n")
	m.rows(n, width)
	m.out.put("</tbody>\n</table>\n")
}
