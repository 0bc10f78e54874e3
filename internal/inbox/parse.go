package inbox

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // decoders for what is not UTF-8
	"golang.org/x/net/html"
)

// The limits of what is read of one mail; more is left to Raw.
const (
	maxDepth = 10
	maxParts = 100
	maxPart  = 4 << 20 // bytes of a text
)

// Parse reads a mail as far as it can be read.
func Parse(raw []byte) Mail {
	m := Mail{Raw: raw}
	e, err := message.Read(bytes.NewReader(raw))
	if e == nil {
		m.Problem = fmt.Sprintf("the header cannot be read: %v", err)
		m.Text = utf8Of(raw)
		return m
	}
	for f := e.Header.Fields(); f.Next(); {
		m.Header = append(m.Header, Field{f.Key(), decoded(f)})
	}
	m.From, m.Subject, m.Campaign = m.Header.Get("From"), m.Header.Get("Subject"), campaignOf(m.Header)
	r := reader{mail: &m}
	r.note(err)
	r.walk(e, 0)
	if m.HTML != "" {
		m.Links, m.Images = linksOf(m.HTML)
	} else {
		m.Links = urlsOf(m.Text)
	}
	return m
}

func decoded(f message.HeaderFields) string {
	v, err := f.Text()
	if err != nil {
		v = f.Value()
	}
	return strings.ToValidUTF8(v, "�")
}

// reader collects the texts of a mail's parts.
type reader struct {
	mail  *Mail
	parts int
}

func (r *reader) note(err error) {
	if err != nil && r.mail.Problem == "" {
		r.mail.Problem = err.Error()
	}
}

func (r *reader) walk(e *message.Entity, depth int) {
	if r.parts++; r.parts > maxParts || depth > maxDepth {
		r.note(fmt.Errorf("the mail has more than %d parts, or parts in parts more than %d deep", maxParts, maxDepth))
		return
	}
	if parts := e.MultipartReader(); parts != nil {
		for r.parts <= maxParts {
			part, err := parts.NextPart()
			if err == io.EOF {
				return
			}
			r.note(err)
			if part == nil {
				return
			}
			r.walk(part, depth+1)
		}
		return
	}
	kind, _, _ := e.Header.ContentType()
	disposition, _, _ := e.Header.ContentDisposition()
	if disposition == "attachment" {
		return
	}
	switch {
	case kind == "text/html" && r.mail.HTML == "":
		r.mail.HTML = r.read(e.Body)
	case (kind == "text/plain" || kind == "") && r.mail.Text == "":
		r.mail.Text = r.read(e.Body)
	}
}

func (r *reader) read(body io.Reader) string {
	b, err := io.ReadAll(io.LimitReader(body, maxPart))
	r.note(err)
	return utf8Of(b)
}

func utf8Of(b []byte) string { return strings.ToValidUTF8(string(b), "�") }

// linksOf lists the targets and images of a page.
func linksOf(page string) (links, images []string) {
	z := html.NewTokenizer(strings.NewReader(page))
	var l, i set
	for {
		switch z.Next() {
		case html.ErrorToken:
			return l.list, i.list
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			for _, a := range t.Attr {
				switch {
				case !isWeb(a.Val):
				case a.Key == "href" && (t.Data == "a" || t.Data == "area"):
					l.add(a.Val)
				case a.Key == "src" && t.Data == "img":
					i.add(a.Val)
				}
			}
		}
	}
}

// urlsOf lists the addresses in a plain text.
func urlsOf(text string) []string {
	var l set
	for _, word := range strings.Fields(text) {
		if i := strings.Index(word, "http"); i >= 0 {
			if u := strings.TrimRight(word[i:], `.,;:!?)>]"'`); isWeb(u) {
				l.add(u)
			}
		}
	}
	return l.list
}

func isWeb(u string) bool {
	return strings.HasPrefix(u, "https://") || strings.HasPrefix(u, "http://")
}

// set is a list without repeats, in order.
type set struct {
	list []string
	seen map[string]bool
}

func (s *set) add(v string) {
	if s.seen[v] {
		return
	}
	if s.seen == nil {
		s.seen = map[string]bool{}
	}
	s.seen[v] = true
	s.list = append(s.list, v)
}
