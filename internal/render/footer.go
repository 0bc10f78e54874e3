package render

import (
	"maps"
	"regexp"
	"strings"

	"tidings/internal/campaign"
)

// footerCall prints all that a marketing mail must hold.
const footerCall = `{% render "footer" %}`

// withFooters is cat with the block footer in those marketing templates that have, in
// themselves, their layouts and all partials, no word of leaving and none of the
// sender's address. That fails check, and yet nothing unlawful is sent. A template
// that has one of the two is left to its author: see printed.
func (c *compiler) withFooters(cat *campaign.Catalog) *campaign.Catalog {
	if cat.Partials["footer"] != nil {
		return cat // its author's own: printed tells where it is not called
	}
	shared := &strings.Builder{}
	for _, t := range cat.Partials {
		shared.WriteString(t.Source)
	}
	out := *cat
	out.Templates = maps.Clone(cat.Templates)
	for name, locales := range cat.Templates {
		if !c.marketing(name) {
			continue
		}
		own := maps.Clone(locales)
		for locale, t := range locales {
			if text := t.Source + shared.String() + c.layoutText(t); strings.Contains(text, "links.unsubscribe") || strings.Contains(text, "brand.address") || footerBlock.MatchString(text) {
				continue
			}
			own[locale] = endingWith(t, footerCall)
			c.problems = append(c.problems, campaign.Problem{
				File: t.File, Line: max(t.Line, 1), Column: 1, Mended: true,
				Message: "a marketing mail must say who writes, how to leave and where to choose: it has no postal address and no links to unsubscribe and to the preferences",
				Hint:    "write " + footerCall + " at its end, or in " + c.layoutFile(t),
			})
		}
		out.Templates[name] = own
	}
	return &out
}

// footerBlock is a call of the partial or block that says both.
var footerBlock = regexp.MustCompile(`render\s+["']footer["']`)

// layoutFile is where a template's layout stands, or would.
func (c *compiler) layoutFile(t *campaign.Template) string {
	name, _ := layoutName(c.catalog, t)
	layouts := c.catalog.Layouts[name]
	for _, locale := range []string{t.Locale, ""} {
		if l := layouts[locale]; l != nil {
			return "its layout " + l.File
		}
	}
	return "a layout, such as templates/layouts/base.html"
}

func (c *compiler) layoutText(t *campaign.Template) string {
	name, _ := layoutName(c.catalog, t)
	b := &strings.Builder{}
	for _, l := range c.catalog.Layouts[name] {
		b.WriteString(l.Source)
	}
	return b.String()
}

// endingWith is t with more before the end of its body, on its last line, so
// that no line moves.
func endingWith(t *campaign.Template, more string) *campaign.Template {
	changed := *t
	if i := strings.LastIndex(t.Source, "</mj-body"); t.Format == campaign.MJML && i >= 0 {
		changed.Source = t.Source[:i] + "<mj-section><mj-column><mj-text>" + more + "</mj-text></mj-column></mj-section>" + t.Source[i:]
		return &changed
	}
	if t.Format == campaign.Markdown {
		changed.Source = strings.TrimRight(t.Source, "\r\n") + "\n\n" + more + "\n"
		return &changed
	}
	if i := strings.LastIndex(strings.ToLower(t.Source), "</body"); i >= 0 && len(strings.ToLower(t.Source)) == len(t.Source) {
		changed.Source = t.Source[:i] + more + t.Source[i:]
	} else {
		changed.Source = strings.TrimRight(t.Source, "\r\n") + more + "\n"
	}
	return &changed
}
