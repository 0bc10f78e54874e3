package render

import (
	"bytes"
	"strings"
)

// closeLink writes a link's address behind its text, unless that is the text.
func (w *textWriter) closeLink() {
	href := w.href
	w.href = ""
	if href == "" || strings.HasPrefix(href, "#") {
		return
	}
	said := ""
	if w.linkText >= 0 {
		said = strings.TrimSpace(string(w.out[w.linkText:]))
	}
	bare := href
	for _, scheme := range []string{"mailto:", "tel:"} {
		bare = strings.TrimPrefix(bare, scheme)
	}
	switch {
	case w.again(href, said):
		return
	case said == href || said == bare:
		w.last = textLink{href, said, w.linkText, len(w.out)}
	case said == "":
		w.put(bare)
		w.last = textLink{href, "", len(w.out) - len(bare), len(w.out)}
	default:
		from := w.linkText
		w.lines, w.space = 0, true // it belongs to its text
		w.put("(" + bare + ")")
		w.last = textLink{href, said, from, len(w.out)}
	}
}

// textLink is a link that was written: where it leads, its words and where it stands.
type textLink struct {
	href, said string
	from, to   int
}

// again tells whether a link says what the one right before it has said, as a picture
// and its caption do. A link without words gives way to one with words.
func (w *textWriter) again(href, said string) bool {
	last, from := w.last, w.linkText
	if from < 0 {
		from = len(w.out)
	}
	if last.href != href || last.to > from || len(bytes.TrimSpace(w.out[last.to:from])) > 0 {
		return false
	}
	if said == "" || said == last.said {
		w.out = w.out[:last.to]
		return true
	}
	if last.said == "" {
		w.out = append(w.out[:last.from], w.out[w.linkText:]...)
		w.linkText = last.from
	}
	return false
}
