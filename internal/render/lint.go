package render

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"tidings/internal/campaign"
)

// Limits of what reads well and arrives whole.
const (
	clipsAt   = 102 << 10 // bytes of HTML behind which Gmail cuts a mail off
	nearsClip = 80 << 10
	longTitle = 70        // characters of a subject that inboxes show on a desk; a phone shows half
	wideImage = 1200      // pixels: twice the width of a mail
	manyDots  = 4_000_000 // pixels that all pictures of a mail declare together
	fewWords  = 100       // characters of text beside pictures, below which filters see an advertisement
)

// lint tells what is lawful in HTML and bad in a mail.
func (d *document) lint() {
	ids, anchors := map[string]bool{}, []htmlAnchor{}
	dots := 0
	scanHTML(d.src, 0, len(d.src), func(t *htmlToken) {
		if t.kind != htmlStart {
			return
		}
		for _, name := range []string{"id", "name"} {
			if a := t.attr(name); a != nil {
				ids[d.src[a.vs:a.ve]] = true
			}
		}
		switch t.name {
		case "img":
			dots += d.lintImage(t)
		case "a", "area":
			// MJML's own thumbnails lead to numbers, and work by labels.
			if a, class := t.attr("href"), t.attr("class"); a != nil && a.hasValue && (class == nil || !strings.HasPrefix(d.src[class.vs:class.ve], "mj-carousel-thumbnail ")) {
				anchors = append(anchors, htmlAnchor{t.start, a.vs, unescaped(d.src[a.vs:a.ve])})
			}
		}
		for i := range t.attrs {
			a := &t.attrs[i]
			if isURLAttr(a.name) && strings.HasPrefix(strings.ToLower(unescaped(d.src[a.vs:a.ve])), "http://") {
				d.warn(a.vs, unescaped(d.src[a.vs:a.ve]), a.name+" is not encrypted on its way", "write https://")
			}
		}
	})
	d.lintActive()
	for _, a := range anchors {
		name, local := strings.CutPrefix(a.to, "#")
		switch {
		case a.to == "" || a.to == "#":
			d.warn(a.at, "", "a link leads nowhere", "give it an address, or take it out")
		case local && name != "top" && !ids[name] && !strings.Contains(name, holeOpen):
			d.warn(a.at, a.to, "a link leads to "+a.to+", and nothing has that id", "write id=\""+name+"\" where it leads")
		}
	}
	if dots > manyDots {
		d.warn(0, "", fmt.Sprintf("the pictures have %.1f million pixels by their declared sizes", float64(dots)/1e6), "a mail that loads slowly is closed: show fewer or smaller ones")
	}
}

// htmlAnchor is a link with where its tag and its address begin.
type htmlAnchor struct {
	tag, at int
	to      string
}

// lintImage looks at a picture and gives the pixels that it declares.
func (d *document) lintImage(t *htmlToken) int {
	if t.attr("alt") == nil {
		d.warn(t.start, "", "a picture has no alt text", `say in alt="…" what it shows, or alt="" where it only adorns`)
	}
	size := func(name string) int {
		a := t.attr(name)
		if a == nil {
			return 0
		}
		n, err := strconv.Atoi(strings.TrimSuffix(d.src[a.vs:a.ve], "px"))
		if err != nil || n < 0 || n > 1e5 {
			return 0
		}
		return n
	}
	if w := size("width"); w > wideImage {
		d.warn(t.start, "", fmt.Sprintf("a picture is %d pixels wide", w), fmt.Sprintf("a mail shows 600; %d are enough for sharp screens", wideImage))
	}
	return size("width") * size("height")
}

// warn reports something at a place in the HTML; text is what stands there, by
// which the place is found in a source of another language.
func (d *document) warn(at int, text, message, hint string) {
	p := d.pieceOf(at, text)
	if isBlock(p) {
		return // ours, and tested
	}
	pr := p.problem(message, hint)
	pr.Warning = true
	d.problems = append(d.problems, pr)
}

// pieceOf is the author's place of a byte of the HTML at which text stands.
func (d *document) pieceOf(at int, text string) *piece {
	p := d.pieceAt(at)
	if p.loose {
		p = d.find(text, p)
	}
	return p
}

// mergeTagsIn reports placeholders of other mailers in a file's text.
func (c *checker) mergeTagsIn(ps []*piece) {
	for _, p := range ps {
		if p.kind != pieceText {
			continue
		}
		for _, at := range campaign.MergeTags.FindAllStringIndex(p.text, -1) {
			q := *p
			before := p.text[:at[0]]
			if n := strings.Count(before, "\n"); n > 0 {
				q.line, q.col = q.line+n, 1
				before = before[strings.LastIndexByte(before, '\n')+1:]
			}
			q.col += utf8.RuneCountInString(before)
			c.report(&q, "write it in Liquid, as in {{ customer.first_name | default: 'friend' }}", "%q is a merge tag of another mailer, and customers would read it", p.text[at[0]:at[1]])
		}
	}
}

// weighed is the worst that a rehearsal has found of a mail.
type weighed struct {
	bytes, title, text int
	images, untitled   bool
	subject            string
}

// weigh looks at a mail rendered for trial.
func (c *compiler) weigh(file string, html, text []byte, subject string) {
	w, known := c.weights[file]
	if !known {
		w = &weighed{text: 1 << 30}
		c.weights[file] = w
	}
	w.bytes = max(w.bytes, len(html))
	if n := utf8.RuneCountInString(subject); n > w.title {
		w.title, w.subject = n, subject
	}
	w.untitled = w.untitled || strings.TrimSpace(subject) == ""
	w.text = min(w.text, wordsIn(text))
	w.images = w.images || bytes.Count(html, []byte("<img ")) > 1 // one is ours, which counts openings
}

// addressInText is what the text part shows of a link.
var addressInText = regexp.MustCompile(`\(?https?://\S+`)

// wordsIn counts the characters of a text part but for addresses and spaces.
func wordsIn(text []byte) int {
	n := 0
	for _, r := range string(addressInText.ReplaceAll(text, nil)) {
		if r > ' ' {
			n++
		}
	}
	return n
}

// judge reports what the rehearsals have weighed.
func (c *compiler) judge() {
	add := func(file string, warning bool, message, hint string) {
		c.problems = append(c.problems, campaign.Problem{File: file, Warning: warning, Message: message, Hint: hint})
	}
	for file, w := range c.weights {
		switch {
		case w.bytes > clipsAt:
			add(file, false, fmt.Sprintf("the mail has %d kB of HTML, and Gmail cuts it off at 102", w.bytes>>10), "shorten it, or limit its loops")
		case w.bytes > nearsClip:
			add(file, true, fmt.Sprintf("the mail has %d kB of HTML, and Gmail cuts off at 102", w.bytes>>10), "longer names and more products than in a trial add to it")
		}
		if w.title > longTitle {
			add(file, true, fmt.Sprintf("a subject has %d characters, of which inboxes show about %d", w.title, longTitle), "put what matters first, or shorten it")
		}
		if w.untitled {
			add(file, true, "a subject is empty", "write what stands there where a condition or a default leaves nothing")
		}
		switch {
		case w.text == 0:
			add(file, true, "the mail says nothing: it has no text", "write what it is about; a picture alone is not read")
		case w.text < fewWords && w.images:
			add(file, true, "the mail is nearly all pictures, which spam filters distrust and many do not see", "say in words what it is about")
		}
	}
}
