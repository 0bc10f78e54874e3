package mjml

import (
	"strings"
)

// writer holds the HTML as it grows.
type writer struct {
	b      []byte
	msoEnd int // where the last conditional comment of ours was ended, -1 if not
}

const (
	msoStart = "<!--[if mso | IE]>"
	msoStop  = "<![endif]-->"
)

// full tells whether the HTML is larger than any mail; what comes then is left
// out, and told as a problem at the end.
func (w *writer) full() bool { return len(w.b) > maxOutput }

func (w *writer) put(s ...string) {
	for _, part := range s {
		if w.full() {
			return
		}
		w.b = append(w.b, part...)
	}
}

// mso begins what only Outlook reads. What follows on another such piece becomes
// one with it.
func (w *writer) mso() {
	if w.msoEnd >= 0 && strings.TrimSpace(string(w.b[w.msoEnd:])) == msoStop {
		w.b = w.b[:w.msoEnd]
		w.msoEnd = -1
		return
	}
	w.put(msoStart)
}

func (w *writer) endMSO() {
	w.msoEnd = len(w.b)
	w.put(msoStop, "\n")
}

// tag writes a start tag.
func (w *writer) tag(name string, attrs ...htmlAttr) {
	w.put("<", name)
	for _, a := range attrs {
		if a.value == "" && !a.keep {
			continue
		}
		w.put(" ", a.name, "=")
		w.quoted(a.value)
	}
	w.put(">")
}

// empty writes an element without an end tag.
func (w *writer) empty(name string, attrs ...htmlAttr) {
	w.tag(name, attrs...)
	w.b = append(w.b[:len(w.b)-1], " />"...)
}

// quoted writes an attribute's value. Quotes in it are escaped, but for those in
// Liquid, which gives other text in their place.
func (w *writer) quoted(value string) {
	if !strings.Contains(value, `"`) {
		w.put(`"`, value, `"`)
		return
	}
	if !strings.Contains(value, `'`) {
		w.put(`'`, value, `'`)
		return
	}
	w.put(`"`)
	for i := 0; i < len(value); {
		if end := liquidEnd(value[i:]); end > 0 {
			w.put(value[i : i+end])
			i += end
			continue
		}
		if value[i] == '"' {
			w.put("&quot;")
		} else {
			w.b = append(w.b, value[i])
		}
		i++
	}
	w.put(`"`)
}

// htmlAttr is an attribute of the HTML; an empty one is left out unless kept.
type htmlAttr struct {
	name, value string
	keep        bool
}

func at(name, value string) htmlAttr { return htmlAttr{name: name, value: value} }

func keep(name, value string) htmlAttr { return htmlAttr{name, value, true} }

// css makes a style attribute of properties and values in turn; those without a
// value are left out.
func css(pairs ...string) htmlAttr { return at("style", declarations(pairs...)) }

func declarations(pairs ...string) string {
	var b strings.Builder
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			b.WriteString(pairs[i] + ":" + pairs[i+1] + ";")
		}
	}
	return b.String()
}

// tableAttrs are those of every table that only lays out.
func tableAttrs(more ...htmlAttr) []htmlAttr {
	return append([]htmlAttr{at("border", "0"), at("cellpadding", "0"), at("cellspacing", "0"), at("role", "presentation")}, more...)
}
