package mjml

import (
	"strconv"
	"strings"
)

// images are the pictures of a carousel.
func images(n *node) []*node {
	var all []*node
	for _, child := range n.children {
		if child.name == "mj-carousel-image" {
			all = append(all, child)
		}
	}
	return all
}

// carousel renders mj-carousel: pictures that radio buttons show one of, without
// any script. Where a client can't do that, it shows the first.
func (m *mail) carousel(n *node, width float64) {
	pictures := images(n)
	class := "mj-carousel-" + m.id()
	if m.carouselSize <= maxOutput {
		m.carousels = append(m.carousels, carouselCSS(n, class, len(pictures)))
		m.carouselSize += len(m.carousels[len(m.carousels)-1])
	}
	m.out.put("<!--[if !mso]><!--><div class=\"mj-carousel\">\n")
	for i := range pictures {
		m.carouselRadio(class, i)
	}
	m.out.tag("div", at("class", "mj-carousel-content "+class+"-content"),
		css("display", "table", "width", "100%", "table-layout", "fixed", "text-align", "center", "font-size", "0px"))
	m.out.put("\n")
	if n.get("thumbnails") != "hidden" {
		for i, p := range pictures {
			m.thumbnail(n, p, class, i, thumbnailWidth(n))
		}
	}
	m.out.tag("table", css("caption-side", "top", "display", "table-caption", "table-layout", "fixed", "width", "100%"),
		at("border", "0"), at("cellpadding", "0"), at("cellspacing", "0"), at("width", "100%"), at("role", "presentation"), at("class", "mj-carousel-main"))
	m.out.put("\n<tbody>\n<tr>\n")
	m.carouselIcons(n, class, "previous", n.get("left-icon"), len(pictures))
	m.out.put(`<td style="padding:0px;"><div class="mj-carousel-images">`, "\n")
	for i, p := range pictures {
		m.carouselImage(n, p, width, i)
	}
	m.out.put("</div></td>\n")
	m.carouselIcons(n, class, "next", n.get("right-icon"), len(pictures))
	m.out.put("</tr>\n</tbody>\n</table>\n</div></div><!--<![endif]-->\n")
	m.out.put("<!--[if mso]>")
	m.carouselImage(n, pictures[0], width, 0)
	m.out.put("<![endif]-->\n")
}

// thumbnailWidth is, unless given, as wide as the reference makes it, however
// many there are.
func thumbnailWidth(n *node) string {
	if given := n.get("tb-width"); given != "" {
		return given
	}
	return "110px"
}

func (m *mail) carouselRadio(class string, i int) {
	checked := ""
	if i == 0 {
		checked = "checked"
	}
	radio := class + "-radio"
	own := radio + "-" + strconv.Itoa(i+1)
	m.out.empty("input", at("class", "mj-carousel-radio "+radio+" "+own), at("checked", checked), at("type", "radio"),
		at("name", strings.Replace(class, "mj-carousel-", "mj-carousel-radio-", 1)), at("id", own), css("display", "none", "mso-hide", "all"))
	m.out.put("\n")
}

func (m *mail) thumbnail(n, p *node, class string, i int, width string) {
	number := strconv.Itoa(i + 1)
	border, radius, src, display := p.get("tb-border"), p.get("tb-border-radius"), p.get("thumbnails-src"), "inline-block"
	if border == "" {
		border = n.get("tb-border")
	}
	if radius == "" {
		radius = n.get("tb-border-radius")
	}
	if src == "" {
		src = p.get("src")
	}
	if n.get("thumbnails") == "supported" {
		display = "none"
	}
	m.out.tag("a", css("border", border, "border-radius", radius, "display", display, "overflow", "hidden", "width", width),
		at("href", "#"+number), at("target", p.get("target")),
		at("class", classes("mj-carousel-thumbnail", class+"-thumbnail", class+"-thumbnail-"+number, p.classesWith("-thumbnail"))))
	m.out.tag("label", at("for", class+"-radio-"+number))
	value, _ := measure(width)
	m.out.empty("img", css("display", "block", "width", "100%", "height", "auto"), at("src", src), keep("alt", p.get("alt")), at("width", num(float64(int(value)))))
	m.out.put("</label></a>\n")
}

func (m *mail) carouselIcons(n *node, class, direction, icon string, count int) {
	m.out.tag("td", at("class", class+"-icons-cell"), css("font-size", "0px", "display", "none", "mso-hide", "all", "padding", "0px"))
	m.out.tag("div", at("class", "mj-carousel-"+direction+"-icons"), css("display", "none", "mso-hide", "all"))
	m.out.put("\n")
	width, _ := measure(n.get("icon-width"))
	for i := range count {
		number := strconv.Itoa(i + 1)
		m.out.tag("label", at("for", class+"-radio-"+number), at("class", "mj-carousel-"+direction+" mj-carousel-"+direction+"-"+number))
		m.out.empty("img", at("src", icon), at("alt", direction), css("display", "block", "width", n.get("icon-width"), "height", "auto"), at("width", num(float64(int(width)))))
		m.out.put("</label>\n")
	}
	m.out.put("</div></td>\n")
}

func (m *mail) carouselImage(n, p *node, width float64, i int) {
	hidden := keep("style", "")
	if i > 0 {
		hidden = css("display", "none", "mso-hide", "all")
	}
	radius := p.get("border-radius")
	if radius == "" {
		radius = n.get("border-radius")
	}
	m.out.tag("div", at("class", classes("mj-carousel-image mj-carousel-image-"+strconv.Itoa(i+1), p.get("css-class"))), hidden)
	href := p.get("href")
	if href != "" {
		m.out.tag("a", at("href", href), at("rel", p.get("rel")), at("target", "_blank"))
	}
	m.out.empty("img", at("title", p.get("title")), at("src", p.get("src")), keep("alt", p.get("alt")),
		css("border-radius", radius, "display", "block", "width", px(width), "max-width", "100%", "height", "auto"),
		at("width", num(float64(int(width)))), at("border", "0"))
	if href != "" {
		m.out.put("</a>")
	}
	m.out.put("</div>\n")
}

// after is the selector from the i-th of count radios, or thumbnails, to what
// comes after the last.
func after(i, count int) string { return strings.Repeat("+ * ", count-1-i) + "+ " }

// carouselCSS shows the picture of the radio that is checked, or of the
// thumbnail under the mouse.
func carouselCSS(n *node, class string, count int) string {
	content := ".mj-carousel-content "
	checked := func(i int, target string) string {
		return "." + class + "-radio-" + strconv.Itoa(i+1) + ":checked " + after(i, count) + content + target
	}
	each := func(selector func(i int) string) string {
		var all []string
		for i := range count {
			all = append(all, selector(i))
		}
		return strings.Join(all, ",")
	}
	numbered := func(name string, by int) string {
		return each(func(i int) string { return checked(i, name+strconv.Itoa((i+by+count)%count+1)) })
	}
	hide, show := " {\ndisplay: none !important;\n}\n", " {\ndisplay: block !important;\n}\n"
	var b strings.Builder
	b.WriteString(".mj-carousel {\n-webkit-user-select: none;\n-moz-user-select: none;\nuser-select: none;\n}\n" +
		"." + class + "-icons-cell {\ndisplay: table-cell !important;\nwidth: " + n.get("icon-width") + " !important;\n}\n" +
		".mj-carousel-radio,\n.mj-carousel-next,\n.mj-carousel-previous" + hide +
		".mj-carousel-thumbnail,\n.mj-carousel-next,\n.mj-carousel-previous {\ntouch-action: manipulation;\n}\n")
	b.WriteString(each(func(i int) string {
		return "." + class + "-radio:checked " + after(count-1-i, count) + content + ".mj-carousel-image"
	}) + hide)
	b.WriteString(numbered(".mj-carousel-image-", 0) + show)
	b.WriteString(".mj-carousel-previous-icons,\n.mj-carousel-next-icons,\n" + numbered(".mj-carousel-next-", 1) + ",\n" + numbered(".mj-carousel-previous-", -1) + show)
	b.WriteString(numbered("."+class+"-thumbnail-", 0) + " {\nborder-color: " + n.get("tb-selected-border-color") + " !important;\n}\n")
	b.WriteString(each(func(i int) string { return checked(i, "."+class+"-thumbnail") }) + " {\ndisplay: inline-block !important;\n}\n")
	b.WriteString(".mj-carousel-image img + div,\n.mj-carousel-thumbnail img + div" + hide)
	hover := func(thumbnail string, i int, image string) string {
		return "." + class + thumbnail + ":hover " + after(i, count) + ".mj-carousel-main " + image
	}
	b.WriteString(each(func(i int) string { return hover("-thumbnail", i, ".mj-carousel-image") }) + hide)
	b.WriteString(".mj-carousel-thumbnail:hover {\nborder-color: " + n.get("tb-hover-border-color") + " !important;\n}\n")
	b.WriteString(each(func(i int) string {
		return hover("-thumbnail-"+strconv.Itoa(i+1), i, ".mj-carousel-image-"+strconv.Itoa(i+1))
	}) + show)
	b.WriteString(".mj-carousel noinput { display:block !important; }\n.mj-carousel noinput .mj-carousel-image-1 { display: block !important; }\n" +
		".mj-carousel noinput .mj-carousel-arrows,\n.mj-carousel noinput .mj-carousel-thumbnails { display: none !important; }\n" +
		"[owa] .mj-carousel-thumbnail { display: none !important; }\n@media screen yahoo {\n" +
		"." + class + "-icons-cell,\n.mj-carousel-previous-icons,\n.mj-carousel-next-icons" + hide +
		checked(0, "."+class+"-thumbnail-1") + " {\nborder-color: transparent;\n}\n}")
	return b.String()
}
