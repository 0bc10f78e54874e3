package render

import (
	"regexp"
	"strings"

	"tidings/internal/campaign"
)

// active is a place in HTML that runs, loads a page or asks for input.
type active struct {
	start, end int // of what is written there
	what, hint string
}

// eachActive calls f for what mail programs take out, or refuse the mail for, and by
// which filters know thieves of passwords; what only Outlook reads, too.
func eachActive(src string, from, to int, f func(active)) {
	scanHTML(src, from, to, func(t *htmlToken) {
		switch t.kind {
		case htmlStart:
			activeTag(src, t, f)
		case htmlRaw:
			if t.name == "style" {
				activeStyle(src, t.start, t.end, f)
			}
		case htmlComment:
			body := src[t.start:t.end]
			if open := strings.Index(body, "]>"); open > 0 && strings.HasPrefix(body, "<!--[if") {
				eachActive(src, t.start+open+2, t.end, f)
			}
		}
	})
}

// activeTag looks at a tag and its attributes.
func activeTag(src string, t *htmlToken, f func(active)) {
	is := func(what, hint string) { f(active{t.start, t.nameEnd, what, hint}) }
	switch t.name {
	case "script", "iframe", "frame", "frameset", "object", "embed", "applet", "form", "portal":
		is("<"+t.name+">", "take it out; a link may lead to a page that has it")
	case "textarea", "select":
		is("<"+t.name+">", "take it out; a link may lead to a page that asks")
	case "base":
		is("<base>", "take it out, and write whole addresses")
	case "input":
		// Those that are ticked work by CSS alone, as in a carousel of MJML; without
		// a form they send nothing.
		if kind := attrText(src, t, "type"); kind != "checkbox" && kind != "radio" {
			is("<input>", "take it out; a link may lead to a page that asks")
		}
	case "meta":
		if attrText(src, t, "http-equiv") == "refresh" {
			is(`<meta http-equiv="refresh">`, "take it out: a mail does not lead on by itself")
		}
	}
	for i := range t.attrs {
		a := &t.attrs[i]
		switch {
		case handler.MatchString(a.name):
			f(active{a.start, a.start + len(a.name), a.name, "take it out: mail programs run no scripts"})
		case a.name == "srcdoc":
			f(active{a.start, a.start + len(a.name), a.name, "take it out; a link may lead to a page that has it"})
		case a.name == "style":
			activeStyle(src, a.vs, a.ve, f)
		}
	}
}

// handler is an attribute that runs a script, as onclick does.
var handler = regexp.MustCompile(`^on[a-z]+$`)

// scripted is CSS that ran scripts in the mail programs of old. A behaviour of
// Outlook's own, url(#default#VML), draws buttons.
var scripted = regexp.MustCompile(`(?i)expression\s*\(|(?:javascript|vbscript)\s*:|-moz-binding|behavior\s*:\s*url\(\s*["']?[^#"'\s)]`)

func activeStyle(src string, from, to int, f func(active)) {
	if at := scripted.FindStringIndex(unescaped(src[from:to])); at != nil {
		f(active{from, to, "a style that runs a script", "take it out: mail programs run no scripts"})
	}
}

// lintActive refuses what is active in the mail as its author has written it.
func (d *document) lintActive() {
	eachActive(d.src, 0, len(d.src), func(a active) {
		d.report(d.pieceOf(a.start, d.src[a.start:a.end]), "a mail cannot hold "+a.what, a.hint)
	})
}

// activeWords refuses it in what raw prints as it is: the brand's values, and words
// in quotes.
func (c *checker) activeWords(p *piece, expr string) {
	for _, r := range refsOf(expr) {
		if r.path[0] == "brand" {
			name := strings.Join(r.path[1:], ".")
			c.activeText(p, "brand."+name, c.workspace.Brand[name])
		}
	}
	for _, l := range lexExpr(expr) {
		if l.kind == 's' {
			c.activeText(p, "the text", l.text)
		}
	}
}

func (c *checker) activeText(p *piece, what, text string) {
	eachActive(text, 0, len(text), func(a active) {
		c.report(p, a.hint, "%s holds %s, and a mail cannot", what, a.what)
	})
}

// activeAfterAll refuses what only the mail as it comes out shows, being put
// together of harmless parts.
func (c *compiler) activeAfterAll(file string, html []byte) {
	src := string(html)
	eachActive(src, 0, len(src), func(a active) {
		c.problems = append(c.problems, campaign.Problem{File: file, Message: "the mail, once it is put together, holds " + a.what, Hint: a.hint})
	})
}

// attrText is an attribute's value in small letters.
func attrText(src string, t *htmlToken, name string) string {
	a := t.attr(name)
	if a == nil {
		return ""
	}
	return lower(strings.TrimSpace(unescaped(src[a.vs:a.ve])))
}

// insideURL tells whether what follows the beginning of a style stands in url( … ).
func insideURL(before string) bool {
	before = lower(unescaped(before))
	open := strings.LastIndex(before, "url(")
	return open >= 0 && !strings.Contains(before[open:], ")")
}

// isOwnOutput tells whether an output prints nothing but the author's own words.
func isOwnOutput(p *piece) bool {
	base, filters, _ := splitFilters(p.body)
	return ownWords(base, filters)
}
