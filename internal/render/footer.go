package render

import (
	"maps"
	"regexp"
	"strings"

	"tidings/internal/campaign"
)

// footer is what a marketing mail ends with that says neither who writes nor how
// to leave: the law asks for both in every one.
const footer = `<p style="font-size:12px;line-height:18px;color:#666666;text-align:center">{{ workspace.name }}, {{ brand.address }}<br>` +
	`<a href="{{ links.unsubscribe }}" style="color:#666666">Unsubscribe</a></p>`

// withFooters is cat with a footer in those marketing templates that have, in
// themselves, their layouts and all partials, no word of leaving and none of the
// sender's address. A template that has one of the two is left to its author,
// with a problem: see printed.
func (c *compiler) withFooters(cat *campaign.Catalog) *campaign.Catalog {
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
			own[locale] = endingWith(t, footer)
			c.problems = append(c.problems, campaign.Problem{
				File: t.File, Warning: true,
				Message: "a marketing mail must say who writes and how to leave; a plain footer is added",
				Hint:    "print {{ brand.address }} and {{ links.unsubscribe }} in the template or its layout",
			})
		}
		out.Templates[name] = own
	}
	return &out
}

// footerBlock is a call of the partial or block that says both.
var footerBlock = regexp.MustCompile(`render\s+["']footer["']`)

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
