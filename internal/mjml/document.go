package mjml

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// render writes the whole document.
func (m *mail) render() []byte {
	m.out.msoEnd = -1
	width, _ := measure(m.body.get("width"))
	m.eachBlock(m.body, width)
	body := string(m.out.b)
	if len(body)+m.carouselSize > maxOutput {
		m.at(m.root.file, m.root.pos, "", "the HTML would be larger than %d bytes", maxOutput)
		return nil
	}

	m.out = writer{msoEnd: -1}
	for _, text := range m.before {
		m.out.put(text, "\n")
	}
	m.out.put("<!doctype html>\n")
	m.out.tag("html", at("lang", m.lang()), at("dir", m.dir()), at("xmlns", "http://www.w3.org/1999/xhtml"),
		at("xmlns:v", "urn:schemas-microsoft-com:vml"), at("xmlns:o", "urn:schemas-microsoft-com:office:office"))
	m.head(body)
	m.bodyTag()
	m.out.put(body, "</div>\n</body>\n</html>\n")
	return m.finish()
}

// finish puts styles and attributes into the HTML that the head asks for by
// selectors.
func (m *mail) finish() []byte {
	html := m.out.b
	if len(m.selectors) > 0 || len(m.inline) > 0 {
		html = m.applySelectors(html)
	}
	if len(html) > maxOutput {
		m.at(m.root.file, m.root.pos, "", "the HTML would be larger than %d bytes", maxOutput)
		return nil
	}
	return html
}

func (m *mail) lang() string { return m.rootAttr("lang", "und") }

func (m *mail) dir() string { return m.rootAttr("dir", "auto") }

func (m *mail) rootAttr(name, standard string) string {
	if value, ok := m.root.own(name); ok && value != "" {
		return value
	}
	return standard
}

// head writes the head element. The parts for Outlook and old clients are those
// of the reference.
func (m *mail) head(body string) {
	m.out.put("\n<head>\n<title>", m.title, "</title>\n")
	m.out.put(`<!--[if !mso]><!-->
<meta http-equiv="X-UA-Compatible" content="IE=edge">
<!--<![endif]-->
<meta http-equiv="Content-Type" content="text/html; charset=UTF-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style type="text/css">
#outlook a { padding:0; }
body { margin:0;padding:0;-webkit-text-size-adjust:100%;-ms-text-size-adjust:100%; }
table, td { border-collapse:collapse;mso-table-lspace:0pt;mso-table-rspace:0pt; }
img { border:0;height:auto;line-height:100%; outline:none;text-decoration:none;-ms-interpolation-mode:bicubic; }
p { display:block;margin:13px 0; }
</style>
<!--[if mso]>
<noscript>
<xml>
<o:OfficeDocumentSettings>
<o:AllowPNG/>
<o:PixelsPerInch>96</o:PixelsPerInch>
</o:OfficeDocumentSettings>
</xml>
</noscript>
<![endif]-->
<!--[if lte mso 11]>
<style type="text/css">
.mj-outlook-group-fix { width:100% !important; }
</style>
<![endif]-->
`)
	m.fontLinks(body)
	m.columnRules()
	m.ownStyles()
	for _, text := range m.headRaw {
		m.out.put(text, "\n")
	}
	m.out.put("</head>\n")
}

// fontLinks loads the fonts that the body asks for.
func (m *mail) fontLinks(body string) {
	asked := m.askedFonts(body)
	used := slices.DeleteFunc(slices.Clone(m.fonts), func(f fontFile) bool { return !strings.Contains(asked, f.name) })
	if len(used) == 0 {
		return
	}
	m.out.put("<!--[if !mso]><!-->\n")
	for _, f := range used {
		m.out.tag("link", at("href", f.href), at("rel", "stylesheet"), at("type", "text/css"))
		m.out.put("\n")
	}
	m.out.put("<style type=\"text/css\">\n")
	for _, f := range used {
		m.out.put("@import url(", f.href, ");\n")
	}
	m.out.put("</style>\n<!--<![endif]-->\n")
}

// askedFonts are the values of font-family in style attributes and in styles that
// go there, each once.
func (m *mail) askedFonts(body string) string {
	const property = "font-family:"
	asked := map[string]bool{}
	for rest := body; ; {
		k := strings.Index(rest, property)
		if k < 0 {
			break
		}
		start := strings.LastIndexAny(rest[:k], "\"<>")
		quote := "\""
		if strings.LastIndex(rest[:k], "='") > start {
			quote = "'"
		} else if start >= 0 && rest[start] != '"' {
			quote = "" // not in an attribute
		}
		rest = rest[k+len(property):]
		if quote != "" {
			asked[until(rest, quote)] = true
		}
	}
	for _, style := range m.inline {
		for _, piece := range strings.Split(style.content, property)[1:] {
			asked[until(piece, ";}")] = true
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(asked)), "\n")
}

// columnRules are the widths of columns from the breakpoint on; the second copy
// is for Thunderbird, which doesn't take the first.
func (m *mail) columnRules() {
	if len(m.columns) == 0 {
		return
	}
	m.out.put("<style type=\"text/css\">\n@media only screen and (min-width:", m.breakpoint, ") {\n")
	m.joinedRules(".")
	m.out.put("}\n</style>\n<style media=\"screen and (min-width:", m.breakpoint, ")\">\n")
	m.joinedRules(".moz-text-html .")
	m.out.put("</style>\n")
	if m.rootAttr("owa", "mobile") == "desktop" {
		// Outlook on the web, which takes no media query, shows columns side by side.
		m.out.put("<style type=\"text/css\">\n")
		m.joinedRules("[owa] .")
		m.out.put("</style>\n")
	}
}

// joinedRules writes the rules of columns, those that say the same as one.
func (m *mail) joinedRules(before string) {
	done := map[string]bool{}
	for i, r := range m.columns {
		if done[r.css] {
			continue
		}
		done[r.css] = true
		m.out.put(before, r.class)
		for _, other := range m.columns[i+1:] {
			if other.css == r.css {
				m.out.put(", ", before, other.class)
			}
		}
		m.out.put(" ", r.css, "\n")
	}
}

func (m *mail) ownStyles() {
	if all := slices.Concat(m.carousels, m.components); len(all) > 0 {
		m.out.put("<style type=\"text/css\">\n", strings.Join(all, "\n"), "\n</style>\n")
	}
	if len(m.styles) > 0 {
		m.out.put("<style type=\"text/css\">\n", strings.Join(m.styles, "\n"), "\n</style>\n")
	}
}

func (m *mail) bodyTag() {
	color := m.body.get("background-color")
	style := css("word-spacing", "normal", "background-color", color)
	m.out.tag("body", at("id", m.body.get("id")), at("class", m.body.get("css-class")), style)
	m.out.put("\n")
	if m.preview != "" {
		m.out.put(`<div style="display:none;font-size:1px;color:#ffffff;line-height:1px;max-height:0px;max-width:0px;opacity:0;overflow:hidden;">`, m.preview, "</div>\n")
	}
	m.out.tag("div", at("aria-label", m.title), at("aria-roledescription", "email"), at("role", "article"),
		at("lang", m.lang()), at("dir", m.dir()), style)
	m.out.put("\n")
}

// css keeps CSS of a component for the head, once.
func (m *mail) css(css string) {
	if !slices.Contains(m.components, css) {
		m.components = append(m.components, css)
	}
}

// column keeps the rule of a column's class. The class of a group says its width
// in whole percents, so that two may have one class: the last wins.
func (m *mail) column(class, css string) {
	if i, ok := m.columnAt[class]; ok {
		m.columns[i].css = css
		return
	}
	m.columnAt[class] = len(m.columns)
	m.columns = append(m.columns, rule{class, css})
}

// below is the width in px up to which the mail is on a phone.
func (m *mail) below() string {
	width, _ := measure(m.breakpoint)
	return px(float64(int(width)) - 1)
}

// id is a name for what has to be told from its like in one mail. The reference
// draws it; here the same source gives the same HTML.
func (m *mail) id() string {
	m.ids++
	return "m" + strconv.Itoa(m.ids)
}
