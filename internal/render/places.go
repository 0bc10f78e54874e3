package render

import (
	"slices"
	"strconv"
	"strings"

	"tidings/internal/campaign"
)

// hole is what stands for piece i in a document.
func hole(i int) string { return holeOpen + strconv.Itoa(i) + holeClose }

// eachHole calls f for the holes of s[from:to] with the piece's position and
// where the hole begins and ends.
func eachHole(s string, from, to int, f func(i, start, end int)) {
	for {
		k := strings.Index(s[from:to], holeOpen)
		if k < 0 {
			return
		}
		start := from + k
		e := strings.Index(s[start:to], holeClose)
		if e < 0 {
			return
		}
		end := start + e + len(holeClose)
		if i, err := strconv.Atoi(s[start+len(holeOpen) : end-len(holeClose)]); err == nil {
			f(i, start, end)
		}
		from = end
	}
}

// document is a joined mail while it is looked at as HTML.
type document struct {
	pieces   []*piece
	authored int    // how many pieces come from the author; ours follow
	src      string // with holes
	patches  []patch
	problems []campaign.Problem
	file     *campaign.Template
	marks    struct{ html, body, bodyEnd bool }
	statics  map[string]bool // addresses of links that are written out
	within   int             // where the conditional comment begins that is being read, or 0
}

func (d *document) report(p *piece, message, hint string) {
	d.problems = append(d.problems, p.problem(message, hint))
}

// insert makes a piece of ours and gives the hole that stands for it.
func (d *document) insert(p *piece) string {
	d.pieces = append(d.pieces, p)
	return hole(len(d.pieces) - 1)
}

// varies tells whether the HTML's classes or structure of tags depend on data,
// so that CSS can be matched only after rendering.
func (d *document) varies() bool {
	found := false
	scanHTML(d.src, 0, len(d.src), func(t *htmlToken) {
		switch t.kind {
		case htmlStart:
			for _, a := range t.attrs {
				if strings.HasPrefix(a.name, holeOpen) || (a.name == "class" || a.name == "id") && strings.Contains(d.src[a.vs:a.ve], holeOpen) {
					found = true
				}
			}
		case htmlRaw:
			found = found || t.name == "style" && strings.Contains(d.src[t.start:t.end], holeOpen)
		}
	})
	return found
}

// place finds out where each output stands, and lists the changes to make.
func (d *document) place(from, to int, comment bool) {
	scanHTML(d.src, from, to, func(t *htmlToken) {
		switch t.kind {
		case htmlStart:
			d.placeTag(t, comment)
		case htmlEnd:
			if !comment && t.name == "body" && !d.marks.bodyEnd {
				d.marks.bodyEnd = true
				d.pixel(t.start)
			}
			d.inText(t, "in an end tag")
		case htmlText:
			d.inText(t, "")
		case htmlRaw:
			where := ""
			if t.name != "title" && t.name != "textarea" {
				where = "within <" + t.name + ">"
			}
			d.inText(t, where)
		case htmlComment:
			d.placeComment(t)
		case htmlDecl:
			d.inText(t, "within <! … >")
		}
	})
}

// placeComment looks into a conditional comment, which Outlook reads as HTML.
func (d *document) placeComment(t *htmlToken) {
	body := d.src[t.start:t.end]
	open := strings.Index(body, "]>")
	if !strings.HasPrefix(strings.TrimSpace(body[min(4, len(body)):]), "[if") || open < 0 {
		d.inText(t, "")
		return
	}
	end := len(body)
	if e := strings.LastIndex(body, "<!["); e > open {
		end = e
	}
	outer := d.within
	d.within = t.start
	d.place(t.start+open+2, t.start+end, true)
	d.within = outer
}

// straddling reports conditions and loops that begin in one part of a tag and
// end in another: what is quoted would then depend on data.
func (d *document) straddling() {
	var stack []*piece
	for _, p := range d.pieces[:d.authored] {
		if p.kind != pieceTag {
			continue
		}
		_, isBlock := blocks[p.name]
		switch {
		case isBlock:
			stack = append(stack, p)
		case len(stack) > 0 && (strings.HasPrefix(p.name, "end") || slices.Contains(blocks[stack[len(stack)-1].name], p.name)):
			open := stack[len(stack)-1]
			if p.spot != open.spot {
				d.report(open, "{% "+open.name+" %} and its {% "+p.name+" %} stand in different parts of the HTML", "open and close it within one text, one tag or one attribute")
			}
			if strings.HasPrefix(p.name, "end") {
				stack = stack[:len(stack)-1]
			}
		}
	}
}

// inText places the outputs of a token that stands between tags; a where that
// is not empty says why none may.
func (d *document) inText(t *htmlToken, where string) {
	spot := t.start // conditions must end within the same token, but for text
	if t.kind == htmlText {
		spot = d.within
	}
	eachHole(d.src, t.start, t.end, func(i, start, _ int) {
		p := d.pieces[i]
		p.spot = spot
		if p.kind != pieceOutput {
			return
		}
		p.ctx = ctxText
		if before := d.src[:start]; strings.HasSuffix(before, "<") || strings.HasSuffix(before, "</") {
			where = "as the name of a tag"
		}
		if where != "" {
			d.report(p, "an output cannot stand "+where, "customers' data is not safe there; put it into text or a quoted attribute")
		}
	})
}

// placeTag places the outputs of a start tag.
func (d *document) placeTag(t *htmlToken, comment bool) {
	if !comment {
		d.frame(t)
	}
	for i := range t.attrs {
		a := &t.attrs[i]
		if strings.HasPrefix(a.name, holeOpen) || strings.Contains(a.name, holeOpen) {
			eachHole(d.src, a.start, a.end, func(i, _, _ int) {
				p := d.pieces[i]
				p.spot = t.start
				if p.kind == pieceOutput {
					p.ctx = ctxAttr
					d.report(p, "an output cannot make attributes of a tag", `write attribute="{{ … }}"`)
				}
			})
			continue
		}
		if !a.hasValue {
			continue
		}
		switch {
		case isURLAttr(a.name):
			d.placeURL(t, a)
		default:
			d.placeAttr(a)
		}
	}
}

func (d *document) placeAttr(a *htmlAttr) {
	eachHole(d.src, a.vs, a.ve, func(i, start, _ int) {
		p := d.pieces[i]
		p.spot = a.start
		if p.kind != pieceOutput {
			return
		}
		p.ctx = ctxAttr
		if a.name == "style" {
			p.ctx = ctxStyle
		}
		switch {
		case p.ctx == ctxStyle && insideURL(d.src[a.vs:start]) && !isOwnOutput(p):
			d.report(p, "an output cannot stand in url( … ) of a style", `show the picture with <img src="{{ … }}">, where its address is checked`)
		case a.quote == 0:
			d.report(p, "an output cannot stand in "+a.name+" without quotes", a.name+`="{{ … }}"`)
		case strings.HasPrefix(a.name, "on"):
			d.report(p, "an output cannot stand in "+a.name, "mail clients run no scripts; take it out")
		case a.name == "srcset" || a.name == "srcdoc":
			d.report(p, "an output cannot stand in "+a.name, "use src")
		}
	})
}

// placeURL places the outputs of an address, and has the address checked: now,
// if it is all written out, else when it is rendered.
func (d *document) placeURL(t *htmlToken, a *htmlAttr) {
	value := d.src[a.vs:a.ve]
	l := &linkPlace{attr: a.name, tracked: a.name == "href" && (t.name == "a" || t.name == "area" || strings.HasPrefix(t.name, "v:"))}
	if !strings.Contains(value, holeOpen) {
		d.placeStatic(a, l)
		return
	}
	var first *piece
	u := urlWalk{d: d}
	at := a.vs
	eachHole(d.src, a.vs, a.ve, func(i, start, end int) {
		p := d.pieces[i]
		p.spot = a.start
		if first == nil {
			first = p
		}
		u.text(d.src[at:start])
		u.piece(p)
		at = end
		if p.kind == pieceOutput && a.quote == 0 {
			d.report(p, "an output cannot stand in "+a.name+" without quotes", a.name+`="{{ … }}"`)
		}
	})
	l.at = first
	begin := &piece{kind: pieceMade, link: l, file: first.file, line: first.line}
	end := *begin
	end.ends = true
	d.patches = append(d.patches, patch{a.vs, a.vs, d.insert(begin)}, patch{a.ve, a.ve, d.insert(&end)})
}

// urlWalk goes through an address from left to right. Clauses of a condition
// begin where their condition began.
type urlWalk struct {
	d      *document
	before string // text and values so far, values as x
	stack  []string
}

func (u *urlWalk) text(s string) { u.before += s }

func (u *urlWalk) piece(p *piece) {
	switch {
	case p.kind == pieceOutput:
		u.output(p)
		u.before += "x"
	case p.kind != pieceTag:
	case p.name == "if" || p.name == "unless" || p.name == "case":
		u.stack = append(u.stack, u.before)
	case p.name == "else" || p.name == "elsif" || p.name == "when":
		if n := len(u.stack); n > 0 {
			u.before = u.stack[n-1]
		}
	case p.name == "endif" || p.name == "endunless" || p.name == "endcase":
		if n := len(u.stack); n > 0 {
			u.stack = u.stack[:n-1]
		}
	}
}

func (u *urlWalk) output(p *piece) {
	_, filters, _ := splitFilters(p.body)
	encoded := len(filters) > 0 && filters[len(filters)-1].name == "url_encode"
	before := strings.TrimSpace(u.before)
	switch {
	case before == "":
		p.ctx = ctxURLHead
	case encoded:
		p.ctx = ctxURLReady
	case strings.ContainsAny(before, "?#") || strings.HasSuffix(before, "=") || strings.HasSuffix(before, "&") || strings.HasPrefix(before, "mailto:"):
		p.ctx = ctxURLQuery
		pr := p.problem("an output in an address without url_encode is encoded by itself", "write {{ "+p.body+" | url_encode }}")
		pr.Warning = true
		u.d.problems = append(u.d.problems, pr)
	default:
		p.ctx = ctxURLPath
	}
}
