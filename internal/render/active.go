package render

import (
	"strings"
)

// lintActive refuses what runs, loads a page or asks for input: mail programs take
// it out or refuse the mail, and filters take its sender for a thief of passwords.
func (d *document) lintActive(t *htmlToken) {
	switch t.name {
	case "script", "iframe", "frame", "object", "embed", "applet", "form":
		d.refuse(t, "<"+t.name+">", "take it out; a link may lead to a page that has it")
	case "input":
		// Those that are ticked work by CSS alone, as in a carousel of MJML; without
		// a form they send nothing.
		if kind := d.attrText(t, "type"); kind != "checkbox" && kind != "radio" {
			d.refuse(t, "<input>", "take it out; a link may lead to a page that asks")
		}
	case "meta":
		if d.attrText(t, "http-equiv") == "refresh" {
			d.refuse(t, `<meta http-equiv="refresh">`, "take it out: a mail does not lead on by itself")
		}
	}
}

// refuse reports a tag that no mail may hold.
func (d *document) refuse(t *htmlToken, what, hint string) {
	d.report(d.pieceOf(t.start, d.src[t.start:t.nameEnd]), "a mail cannot hold "+what, hint)
}

// attrText is an attribute's value in small letters.
func (d *document) attrText(t *htmlToken, name string) string {
	a := t.attr(name)
	if a == nil {
		return ""
	}
	return lower(strings.TrimSpace(unescaped(d.src[a.vs:a.ve])))
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
