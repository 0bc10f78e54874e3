package mjml

import "strings"

// hero renders mj-hero: a picture with components on it.
func (m *mail) hero(n *node, width float64) {
	m.out.mso()
	m.out.tag("table", append([]htmlAttr{at("align", "center")}, tableAttrs(css("width", px(width)), at("width", num(width)))...)...)
	m.out.put(`<tr><td style="line-height:0;font-size:0;mso-line-height-rule:exactly;">`)
	pictureWidth := n.get("background-width")
	if pictureWidth == "" {
		pictureWidth = px(width)
	}
	m.out.empty("v:image", css("border", "0", "height", n.get("background-height"), "mso-position-horizontal", "center",
		"position", "absolute", "top", "0", "width", pictureWidth, "z-index", "-3"),
		at("src", n.get("background-url")), at("xmlns:v", "urn:schemas-microsoft-com:vml"))
	m.out.endMSO()
	m.out.tag("div", at("align", n.get("align")), at("class", n.get("css-class")), css("margin", "0 auto", "max-width", px(width)))
	m.out.put("\n")
	m.out.tag("table", tableAttrs(css("width", "100%"))...)
	m.out.put("\n<tbody>\n<tr style=\"vertical-align:top;\">\n")
	m.heroCells(n, width)
	m.out.put("</tr>\n</tbody>\n</table>\n</div>\n")
	m.out.mso()
	m.out.put("</td></tr></table>")
	m.out.endMSO()
}

// heroCells are the content and, for a hero that grows with its width, the cells
// beside it that hold it open by the picture's proportion.
func (m *mail) heroCells(n *node, width float64) {
	if n.get("mode") == "fluid-height" {
		tall, _ := measure(n.get("background-height"))
		wide, _ := measure(n.get("background-width"))
		if tall == 0 || wide == 0 {
			m.at(n.file, n.pos, "give it the picture's background-width and background-height", "mj-hero of fluid-height doesn't know how high it is")
			return
		}
		beside := `<td style="width:0.01%;padding-bottom:` + num(round(tall/wide*100)) + `%;mso-padding-bottom-alt:0;"></td>` + "\n"
		m.out.put(beside)
		m.heroCell(n, width, "")
		m.out.put(beside)
		return
	}
	height := whole10(n.get("height")) - n.side("padding", "top") - n.side("padding", "bottom")
	m.heroCell(n, width, num(float64(height)))
}

func (m *mail) heroCell(n *node, width float64, height string) {
	background := n.get("background-color")
	if url := n.get("background-url"); url != "" {
		background = strings.TrimSpace(background + " url('" + url + "') no-repeat " + n.get("background-position") + " / cover")
	}
	style := []string{"background", background, "background-position", n.get("background-position"), "background-repeat", "no-repeat",
		"border-radius", n.get("border-radius")}
	style = append(style, n.sidesOf("padding", "-top", "-left", "-right", "-bottom")...)
	style = append(style, "vertical-align", n.get("vertical-align"))
	if height != "" {
		style = append(style, "height", height+"px")
	}
	m.out.tag("td", at("background", n.get("background-url")), css(style...), at("height", height))
	m.out.put("\n")
	m.heroContent(n, width-float64(n.side("padding", "left")+n.side("padding", "right")))
	m.out.put("</td>\n")
}

func (m *mail) heroContent(n *node, width float64) {
	padding := n.sidesOf("inner-padding", "-top", "-left", "-right", "-bottom")
	color := []string{"background-color", n.get("inner-background-color")}
	m.out.mso()
	m.out.tag("table", at("align", n.get("align")), at("border", "0"), at("cellpadding", "0"), at("cellspacing", "0"), css("width", px(width)), at("width", num(width)))
	m.out.put("<tr>")
	m.out.tag("td", keep("style", declarations(append(color, padding...)...)))
	m.out.endMSO()
	m.out.tag("div", at("class", "mj-hero-content"), css(append(append(color, "margin", "0px auto"), padding...)...))
	m.out.put("\n")
	table := tableAttrs(css("width", "100%", "margin", "0px"))
	m.out.tag("table", table...)
	m.out.put("\n<tbody>\n<tr>\n<td style=\"\">\n")
	m.out.tag("table", table...)
	m.out.put("\n<tbody>\n")
	m.rows(n, width)
	m.out.put("</tbody>\n</table>\n</td>\n</tr>\n</tbody>\n</table>\n</div>\n")
	m.out.mso()
	m.out.put("</td></tr></table>")
	m.out.endMSO()
}
