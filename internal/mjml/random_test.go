package mjml

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var randomMails = flag.Int("random", 25, "how many mails made at random to compare with the reference")

// maker writes mails at random from the table of elements: any attribute may be
// given, with any of its kinds of values.
type maker struct {
	*rand.Rand
	b       strings.Builder
	classes []string
}

func makeMail(seed uint64) string {
	m := &maker{Rand: rand.New(rand.NewPCG(seed, 7))}
	m.b.WriteString("<mjml>\n<mj-head>\n")
	if m.IntN(2) == 0 {
		m.attributes()
	}
	if m.IntN(4) == 0 {
		m.b.WriteString(`<mj-breakpoint width="` + m.one("300px", "400.5px") + "\" />\n")
	}
	if m.IntN(3) == 0 {
		m.b.WriteString("<mj-style inline=\"inline\">.hat div { color: red } p { margin: 1px; margin-top: 2px } div.hat, .cap > table { text-align: right; color: blue !important }</mj-style>\n")
	}
	m.b.WriteString("</mj-head>\n")
	m.element("mj-body", 0)
	m.b.WriteString("</mjml>\n")
	return m.b.String()
}

func (m *maker) one(values ...string) string { return values[m.IntN(len(values))] }

func (m *maker) attributes() {
	m.b.WriteString("<mj-attributes>\n")
	for range m.IntN(3) {
		name := m.one("mj-text", "mj-section", "mj-column", "mj-image", "mj-button", "mj-social-element", "mj-social", "mj-accordion", "mj-accordion-element", "mj-accordion-title", "mj-accordion-text", "mj-navbar-link", "mj-wrapper", "mj-group", "mj-hero")
		m.b.WriteString("<" + name)
		m.some(name, 3)
		m.b.WriteString(" />\n")
	}
	if m.IntN(3) == 0 {
		m.b.WriteString("<mj-all " + m.one(`padding="3px"`, `font-family="Lato, Arial"`, `color="#123"`, `border="1px solid red"`, `background-color="pink"`, `padding-left="9px"`, `font-size="12px"`, `vertical-align="middle"`, `css-class="all"`) + " />\n")
	}
	for _, class := range []string{"c1", "c2"} {
		m.b.WriteString(`<mj-class name="` + class + `" ` + m.one(`color="green"`, `padding="1px 2px"`, `css-class="hat"`, `font-size="17px"`, `border-radius="4px"`, `icon-size="33px"`) + " />\n")
		m.classes = append(m.classes, class)
	}
	m.b.WriteString("</mj-attributes>\n")
}

var childrenOf = map[string][]string{
	"mj-body":              {"mj-section", "mj-section", "mj-section", "mj-wrapper", "mj-hero"},
	"mj-wrapper":           {"mj-section", "mj-section", "mj-hero"},
	"mj-section":           {"mj-column", "mj-column", "mj-group"},
	"mj-group":             {"mj-column"},
	"mj-column":            {"mj-text", "mj-button", "mj-image", "mj-divider", "mj-spacer", "mj-table", "mj-social", "mj-navbar", "mj-accordion", "mj-carousel"},
	"mj-hero":              {"mj-text", "mj-button", "mj-image", "mj-divider", "mj-spacer", "mj-table", "mj-social", "mj-navbar"},
	"mj-social":            {"mj-social-element"},
	"mj-navbar":            {"mj-navbar-link"},
	"mj-accordion":         {"mj-accordion-element"},
	"mj-carousel":          {"mj-carousel-image"},
	"mj-accordion-element": {"mj-accordion-title", "mj-accordion-text"},
}

func (m *maker) element(name string, depth int) {
	m.b.WriteString("<" + name)
	m.some(name, 5)
	if len(m.classes) > 0 && m.IntN(4) == 0 && name != "mj-body" {
		m.b.WriteString(` mj-class="` + m.one("c1", "c2", "c1 c2", "c2 c1") + `"`)
	}
	m.b.WriteString(">")
	switch kinds := childrenOf[name]; {
	case name == "mj-accordion-element":
		for _, kind := range kinds {
			if m.IntN(4) > 0 {
				m.element(kind, depth+1)
			}
		}
	case kinds != nil:
		m.b.WriteString("\n")
		for range 1 + m.IntN(3) {
			if m.IntN(12) == 0 && name != "mj-carousel" {
				m.b.WriteString(m.one("<mj-raw>{% if a %}</mj-raw>", "<!-- note -->", "<mj-raw><b>raw</b></mj-raw>") + "\n")
			}
			m.element(kinds[m.IntN(len(kinds))], depth+1)
		}
	case name == "mj-table":
		m.b.WriteString("<tr><td>One</td><td class=\"hat\">Two</td></tr>")
	case name == "mj-text" && m.IntN(3) == 0:
		m.b.WriteString("<p>One</p><p style=\"color: green\">Two</p>")
	case elements[name].ending && name != "mj-carousel-image":
		m.b.WriteString(m.one("Text", "A <b>bold</b> text", "", "{{ customer.name }} &amp; more"))
	}
	m.b.WriteString("</" + name + ">\n")
}

// some writes up to so many attributes of an element.
func (m *maker) some(name string, most int) {
	known := slices.Sorted(maps.Keys(elements[name].attrs))
	m.Shuffle(len(known), func(i, j int) { known[i], known[j] = known[j], known[i] })
	if name == "mj-navbar-link" {
		m.b.WriteString(` href="/a"`) // without, the reference writes "undefined"
		known = slices.DeleteFunc(known, func(a string) bool { return a == "href" })
	}
	for _, a := range known[:min(len(known), m.IntN(most+1))] {
		fmt.Fprintf(&m.b, " %s=%q", a, m.value(name, a, elements[name].attrs[a].kind))
	}
}

func (m *maker) value(element, name string, k kind) string {
	switch k.name {
	case "color":
		return m.one("red", "#abc", "#a1b2c3", "rgb(1,2,3)", "transparent")
	case "bool":
		return m.one("true", "false")
	case "int":
		return m.one("0", "3")
	case "word":
		if name == "mode" && element == "mj-hero" {
			return "fixed-height" // the other needs more attributes: see the samples
		}
		return m.one(k.words...)
	case "unit":
		return m.units(element, name, k)
	}
	switch {
	case name == "css-class":
		return m.one("hat", "cap hat", "own")
	case strings.Contains(name, "radius"):
		return m.one("3px", "4px 5px", "0")
	case strings.Contains(name, "border") && name != "border-style":
		return m.one("1px solid red", "none", "0", "3px dashed #abc", "solid 2px blue", "10px double rgb(1,2,3)")
	case strings.HasPrefix(name, "background-position"):
		return m.one("left", "center", "50%", "10px", "bottom", "top right", "20% 30%")
	case name == "background-size":
		return m.one("cover", "contain", "auto", "50%", "100px", "10px 20px", "auto 50%")
	case name == "name" && element == "mj-social-element":
		return m.one("facebook", "x-noshare", "github", "web", "pinterest")
	case strings.Contains(name, "font-family"):
		return m.one("Arial", "Roboto, Arial", "'Open Sans', serif")
	case strings.HasSuffix(name, "decoration"), strings.HasSuffix(name, "transform"):
		return m.one("none", "underline")
	case strings.HasSuffix(name, "-style"):
		return m.one("dashed", "italic")
	case name == "font-weight":
		return m.one("bold", "300")
	}
	return m.one("word", "https://shop.example/a?b=1&amp;c=2", "{{ value }}")
}

func (m *maker) units(element, name string, k kind) string {
	if k.most > 1 {
		var all []string
		for range 1 + m.IntN(4) {
			all = append(all, m.one("0", "5px", "12px", "3%"))
		}
		return strings.Join(all, " ")
	}
	if slices.Contains(k.units, "auto") && m.IntN(3) == 0 {
		return "auto"
	}
	switch {
	case element == "mj-body":
		return m.one("600px", "500px")
	case slices.Contains(k.units, "num"):
		return m.one("1", "1.5", "20px", "120%")
	case slices.Contains(k.units, "em"):
		return m.one("1px", "-0.5px", "0.1em")
	case name == "width" && slices.Contains(k.units, "%"):
		return m.one("50%", "33.33%", "200px", "150.5px", "12.25%", "100%")
	case slices.Contains(k.units, "%"):
		return m.one("10px", "20%", "7.5px", "0")
	}
	return m.one("10px", "55.5px", "0", "300px")
}

// randomFiles writes mails made at random into a folder.
func randomFiles(t *testing.T, folder string) []string {
	var files []string
	for seed := range *randomMails {
		file := filepath.Join(folder, fmt.Sprintf("random%d.mjml", seed))
		if err := os.WriteFile(file, []byte(makeMail(uint64(seed))), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}
