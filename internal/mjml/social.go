package mjml

import (
	"maps"
	"slices"
	"strings"
)

// network is a social network that MJML knows.
type network struct {
	color string // behind the icon, which is transparent
	icon  string // the file of its icon, at MJML's maker
	share string // the address that shares [[URL]], if there is one
}

const iconFolder = "https://www.mailjet.com/images/theme/v1/icons/ico-social/"

// networks are the documented ones. With -noshare after the name a link stays
// what it is.
var networks = map[string]network{
	"facebook":   {"#3b5998", "facebook.png", "https://www.facebook.com/sharer/sharer.php?u=[[URL]]"},
	"twitter":    {"#55acee", "twitter.png", "https://twitter.com/intent/tweet?url=[[URL]]"},
	"x":          {"#000000", "twitter-x.png", "https://twitter.com/intent/tweet?url=[[URL]]"},
	"google":     {"#dc4e41", "google-plus.png", "https://plus.google.com/share?url=[[URL]]"},
	"pinterest":  {"#bd081c", "pinterest.png", "https://pinterest.com/pin/create/button/?url=[[URL]]&media=&description="},
	"linkedin":   {"#0077b5", "linkedin.png", "https://www.linkedin.com/shareArticle?mini=true&url=[[URL]]&title=&summary=&source="},
	"tumblr":     {"#344356", "tumblr.png", "https://www.tumblr.com/widgets/share/tool?canonicalUrl=[[URL]]"},
	"xing":       {"#296366", "xing.png", "https://www.xing.com/app/user?op=share&url=[[URL]]"},
	"github":     {"#000000", "github.png", ""},
	"instagram":  {"#3f729b", "instagram.png", ""},
	"web":        {"#4BADE9", "web.png", ""},
	"snapchat":   {"#FFFA54", "snapchat.png", ""},
	"youtube":    {"#EB3323", "youtube.png", ""},
	"vimeo":      {"#53B4E7", "vimeo.png", ""},
	"medium":     {"#000000", "medium.png", ""},
	"soundcloud": {"#EF7F31", "soundcloud.png", ""},
	"dribbble":   {"#D95988", "dribbble.png", ""},
}

func (m *mail) social(n *node) {
	if n.get("mode") == "vertical" {
		m.out.tag("table", tableAttrs(css("margin", "0px"))...)
		m.out.put("\n<tbody>\n")
		for _, child := range n.children {
			if child.name == raw {
				m.out.put(child.content, "\n")
				continue
			}
			m.socialElement(child)
		}
		m.out.put("</tbody>\n</table>\n")
		return
	}
	align := at("align", n.get("align"))
	m.out.mso()
	m.out.tag("table", append([]htmlAttr{align}, tableAttrs()...)...)
	m.out.put("<tr>")
	m.out.endMSO()
	for _, child := range n.children {
		if child.name == raw {
			m.out.put(child.content, "\n")
			continue
		}
		m.out.mso()
		m.out.put("<td>")
		m.out.endMSO()
		m.out.tag("table", append([]htmlAttr{align}, tableAttrs(css("float", "none", "display", "inline-table"))...)...)
		m.out.put("\n<tbody>\n")
		m.socialElement(child)
		m.out.put("</tbody>\n</table>\n")
		m.out.mso()
		m.out.put("</td>")
		m.out.endMSO()
	}
	m.out.mso()
	m.out.put("</tr></table>")
	m.out.endMSO()
}

// checkNetwork looks whether a social element has an icon to show.
func (c *compiler) checkNetwork(n *node) {
	name, ok := n.own("name")
	if _, known := networks[strings.TrimSuffix(name, "-noshare")]; !ok || known {
		return
	}
	if src, ok := n.own("src"); ok && src != "" {
		return
	}
	hint := "give it a src and a background-color"
	if near := nearest(name, slices.Sorted(maps.Keys(networks))); near != "" {
		hint = "did you mean " + near + "?"
	}
	c.at(n.file, n.pos, hint, "mj-social-element knows no network %s", shorten(name))
}

func (m *mail) socialElement(n *node) {
	name, noShare := strings.CutSuffix(n.get("name"), "-noshare")
	known := networks[name]
	href := n.get("href")
	if known.share != "" && !noShare && href != "" {
		href = strings.Replace(known.share, "[[URL]]", href, 1)
	}
	m.out.tag("tr", at("class", n.get("css-class")))
	m.out.put("\n")
	if n.get("icon-position") == "right" {
		m.socialText(n, href)
		m.socialIcon(n, known, href)
	} else {
		m.socialIcon(n, known, href)
		m.socialText(n, href)
	}
	m.out.put("</tr>\n")
}

func (m *mail) socialIcon(n *node, known network, href string) {
	color, src := n.get("background-color"), n.get("src")
	if color == "" {
		color = known.color
	}
	if src == "" && known.icon != "" {
		src = iconFolder + known.icon
	}
	size, height := n.get("icon-size"), n.get("icon-height")
	if height == "" {
		height = size
	}
	m.out.tag("td", css(append(n.padding("padding"), "vertical-align", n.get("vertical-align"))...))
	m.out.put("\n")
	m.out.tag("table", tableAttrs(css("background", color, "border-radius", n.get("border-radius"), "width", size))...)
	m.out.put("\n<tbody>\n<tr>\n")
	m.out.tag("td", css("padding", n.get("icon-padding"), "font-size", "0", "height", height, "vertical-align", "middle", "width", size))
	m.out.put("\n")
	if href != "" {
		m.out.tag("a", at("href", href), at("rel", n.get("rel")), at("target", n.get("target")))
	}
	width, _ := measure(size)
	m.out.empty("img", keep("alt", n.get("alt")), at("title", n.get("title")), at("src", src),
		css("border", n.get("border"), "border-radius", n.get("border-radius"), "display", "block"),
		at("width", num(float64(int(width)))), at("sizes", n.get("sizes")), at("srcset", n.get("srcset")))
	if href != "" {
		m.out.put("</a>")
	}
	m.out.put("\n</td>\n</tr>\n</tbody>\n</table>\n</td>\n")
}

func (m *mail) socialText(n *node, href string) {
	if n.content == "" {
		return
	}
	m.out.tag("td", css("vertical-align", "middle", "padding", n.get("text-padding"), "text-align", n.get("align")))
	m.out.put("\n")
	style := css(n.pairs("color", "font-size", "font-weight", "font-style", "font-family", "line-height", "text-decoration")...)
	if href != "" {
		m.out.tag("a", at("href", href), style, at("rel", n.get("rel")), at("target", n.get("target")))
		m.out.put(n.content, "</a>")
	} else {
		m.out.tag("span", style)
		m.out.put(n.content, "</span>")
	}
	m.out.put("\n</td>\n")
}
