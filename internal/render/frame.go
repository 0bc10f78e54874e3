package render

import (
	"html"
	"sort"
	"strings"
)

// direction is rtl for the languages written from right to left.
func direction(locale string) string {
	switch lang, _, _ := strings.Cut(strings.ReplaceAll(locale, "_", "-"), "-"); lang {
	case "he", "iw", "ar", "fa", "ur":
		return "rtl"
	}
	return "ltr"
}

// frame looks at a start tag for what every mail needs: the language on <html>,
// the preheader behind <body>.
func (d *document) frame(t *htmlToken) {
	switch {
	case t.name == "html" && !d.marks.html:
		d.marks.html = true
		d.language(t)
	case t.name == "body" && !d.marks.body:
		d.marks.body = true
		d.preheader(t.end)
	}
}

// language adds lang and dir where the author has not written them.
func (d *document) language(t *htmlToken) {
	hasLang, hasDir := t.attr("lang") != nil, t.attr("dir") != nil
	if hasLang && hasDir {
		return
	}
	h := d.insert(&piece{kind: pieceMade, made: func(st *state) {
		if !hasLang {
			st.out = append(append(append(st.out, `lang="`...), html.EscapeString(st.locale)...), `" `...)
		}
		if !hasDir {
			st.out = append(append(append(st.out, `dir="`...), direction(st.locale)...), '"')
		}
	}})
	d.patches = append(d.patches, patch{t.nameEnd, t.nameEnd, " " + h})
}

// preheader puts the text that inboxes show beside the subject, hidden, at
// offset at; unless the template prints it itself.
func (d *document) preheader(at int) {
	for _, p := range d.pieces {
		if p.kind == pieceOutput && len(refsOf(p.body)) > 0 && refsOf(p.body)[0].path[0] == "preheader" {
			return
		}
	}
	h := d.insert(&piece{kind: pieceMade, made: func(st *state) {
		if st.preheader == "" {
			return
		}
		st.out = append(st.out, `<div style="display:none;max-height:0;overflow:hidden;mso-hide:all">`...)
		st.out = appendHTML(st.out, st.preheader, false)
		st.out = append(st.out, "</div>"...)
	}})
	d.patches = append(d.patches, patch{at, at, h})
}

// pixel puts the image that counts an opening at offset at.
func (d *document) pixel(at int) {
	h := d.insert(&piece{kind: pieceMade, made: func(st *state) {
		if st.settings.Untracked {
			return
		}
		st.out = append(st.out, `<img src="`...)
		st.out = appendHTML(st.out, st.settings.PublicURL+"/o/"+st.opened()+".gif", false)
		st.out = append(st.out, `" width="1" height="1" alt="" style="display:block;border:0">`...)
	}})
	d.patches = append(d.patches, patch{at, at, h})
}

// finishFrame adds what the author's HTML lacks around its content.
func (d *document) finishFrame() {
	end := len(d.src)
	before, after := "", ""
	if !d.marks.html && !d.marks.body {
		h := d.insert(&piece{kind: pieceMade, made: func(st *state) {
			st.out = append(st.out, "<!doctype html>\n<html lang=\""...)
			st.out = append(append(st.out, html.EscapeString(st.locale)...), `" dir="`...)
			st.out = append(append(st.out, direction(st.locale)...), "\">\n<head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>"...)
			st.out = append(appendHTML(st.out, st.subject, false), "</title></head>\n<body>"...)
		}})
		before, after = h, "</body>\n</html>\n"
		d.patches = append(d.patches, patch{0, 0, before})
		d.preheader(0)
	}
	if !d.marks.bodyEnd {
		d.pixel(end)
	}
	if after != "" {
		d.patches = append(d.patches, patch{end, end, after})
	}
}

// placeStatic checks an address that is written out, and prepares its tracked
// form.
func (d *document) placeStatic(a *htmlAttr, l *linkPlace) {
	raw := strings.TrimSpace(html.UnescapeString(d.src[a.vs:a.ve]))
	at := d.pieceAt(a.vs)
	if at.loose {
		at = d.find(raw, at)
	}
	if raw == "" {
		return
	}
	if err := l.check(raw); err != nil {
		d.report(at, a.name+" "+err.Error(), "write an address that begins with https://")
		return
	}
	if !l.tracked || !isWeb(raw) {
		return
	}
	d.statics[raw] = true
	id := linkID(raw)
	h := d.insert(&piece{kind: pieceMade, file: at.file, line: at.line, made: func(st *state) {
		if st.settings.own(raw) {
			st.out = appendHTML(st.out, raw, false)
			return
		}
		st.out = appendHTML(st.out, st.track(st.static(raw, id)), false)
	}})
	if a.quote == 0 {
		h = `"` + h + `"`
	}
	d.patches = append(d.patches, patch{a.vs, a.ve, h})
}

// find is where the author has written a text of which the place was lost when
// the source was turned into HTML; near, where that is not to be found.
func (d *document) find(text string, near *piece) *piece {
	i := strings.Index(d.file.Source, text)
	if i < 0 || text == "" {
		return near
	}
	before := d.file.Source[:i]
	p := *near
	p.file, p.line = d.file.File, max(d.file.Line, 1)+strings.Count(before, "\n")
	p.col = len([]rune(before[strings.LastIndexByte(before, '\n')+1:])) + 1
	return &p
}

// pieceAt tells the author's place of a byte of the document: that of the hole
// before it, and of the text since.
func (d *document) pieceAt(at int) *piece {
	p := &piece{file: d.file.File, line: max(d.file.Line, 1)}
	owners := d.pieces[:d.authored]
	starts := make([]int, len(owners))
	off := 0
	for i, q := range owners {
		starts[i] = off
		if q.kind == pieceText {
			off += len(q.text)
		} else {
			off += len(hole(i))
		}
	}
	i := sort.SearchInts(starts, at+1) - 1
	if i < 0 || owners[i].kind != pieceText {
		return p
	}
	q := *owners[i]
	if q.loose {
		return &q
	}
	text := q.text[:min(at-starts[i], len(q.text))]
	if n := strings.Count(text, "\n"); n > 0 {
		q.line, q.col = q.line+n, 0
		text = text[strings.LastIndexByte(text, '\n')+1:]
	}
	q.col += len([]rune(text))
	if q.line > owners[i].line {
		q.col++
	}
	return &q
}
