package preview

import (
	"context"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"tidings/internal/campaign"
	"tidings/internal/render"
)

// look is what a page shows, and how: the query of its address.
type look struct {
	Choice
	View   string // mail, text, headers, source
	Width  string // both, desktop, phone
	Scheme string // light, dark
}

func lookOf(r *http.Request) look { return lookFrom(r.URL.Query()) }

func lookFrom(q url.Values) look {
	one := func(key string, allowed ...string) string {
		if v := q.Get(key); slices.Contains(allowed, v) {
			return v
		}
		return allowed[0]
	}
	l := look{
		Choice: Choice{Campaign: q.Get("campaign"), Step: q.Get("step"), Locale: q.Get("locale"), Customer: q.Get("customer")},
		View:   one("view", "mail", "text", "headers", "source"),
		Width:  one("width", "both", "desktop", "phone"),
		Scheme: one("scheme", "light", "dark"),
	}
	if id := strings.TrimSpace(q.Get("id")); id != "" {
		l.Customer = id
	}
	return l
}

// query writes the look as a query, with pairs put over it.
func (l look) query(pairs ...string) template.URL {
	q := url.Values{}
	for key, v := range map[string]string{
		"campaign": l.Campaign, "step": l.Step, "locale": l.Locale, "customer": l.Customer, "view": l.View, "width": l.Width, "scheme": l.Scheme,
	} {
		if v != "" {
			q.Set(key, v)
		}
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return template.URL(q.Encode())
}

// choice is the look's, without what this version of the workspace does not have.
func (l look) choice(s *Studio) Choice {
	ch := l.Choice
	c, err := s.campaign(ch.Campaign)
	if err != nil {
		return Choice{Customer: ch.Customer}
	}
	ch.Campaign = c.Name
	if _, err := stepOf(c, ch.Step); err != nil {
		ch.Step = ""
	}
	if !slices.Contains(s.Catalog.Workspace.Locales, ch.Locale) {
		ch.Locale = ""
	}
	return ch
}

// page is what preview.html shows.
type page struct {
	look
	Version   int
	Workspace string
	Stale     bool
	Broken    []campaign.Problem // errors of the files
	Campaigns []option
	Steps     []option
	Locales   []option
	Made      []option
	Real      []option
	Mail      *Mail
	Preheader string
	Size      int // bytes of HTML
	Share     int // of what Gmail shows, in percent, at most 100
	Failure   *campaign.Problem
	Absent    string // what was chosen and is not there
	Remark    string
	Errors    []campaign.Problem
	Warnings  []campaign.Problem
	Headers   []Field
	Source    string
	Token     string
	CanSend   bool
	Address   string
	TestError string
	Told      string
}

type option struct {
	Value, Label string
	Chosen       bool
}

// Tab is a way to look at a mail.
type Tab struct {
	Label   string
	Query   template.URL
	Current bool
}

// Views, Widths and Schemes are the page's tabs.
func (p page) Views() []Tab {
	return p.tabs("view", p.View, "mail", "Mail", "text", "Text", "headers", "Headers", "source", "Source")
}

// Widths are those of the frames.
func (p page) Widths() []Tab {
	return p.tabs("width", p.Width, "both", "Both", "desktop", "Desktop", "phone", "Phone")
}

// Schemes are light and dark.
func (p page) Schemes() []Tab { return p.tabs("scheme", p.Scheme, "light", "Light", "dark", "Dark") }

func (p page) tabs(key, current string, pairs ...string) []Tab {
	var out []Tab
	for i := 0; i+1 < len(pairs); i += 2 {
		out = append(out, Tab{pairs[i+1], p.query(key, pairs[i]), pairs[i] == current})
	}
	return out
}

// Query is the look's own.
func (p page) Query() template.URL { return p.query() }

// sampleShown is how many of the store's customers a page offers.
const sampleShown = 20

func (s *Server) page(ctx context.Context, l look) page {
	v := s.workspace.current()
	p := page{look: l, Version: v.n, Stale: v.stale && v.studio != nil, Broken: v.loaded.Errors, Token: s.token, CanSend: s.o.Send != nil}
	if v.studio == nil {
		return p
	}
	studio := v.studio
	p.Workspace = studio.Catalog.Workspace.Name
	p.Choice = l.choice(studio)
	m, err := studio.Mail(ctx, p.Choice)
	var broken *render.Error
	switch {
	case errors.As(err, &broken):
		problem := ProblemOf(err)
		p.Failure = &problem
	case err != nil:
		p.Absent = err.Error()
	}
	p.options(ctx, studio)
	if m != nil {
		p.fill(studio, m)
	}
	return p
}

// fill takes over what a mail has to show.
func (p *page) fill(s *Studio, m *Mail) {
	p.Mail, p.Preheader, p.Size = m, preheaderOf(m.Shown), len(m.HTML)
	p.Share = min(100, len(m.HTML)*100/ClipSize)
	p.Remark = s.Remark(p.Choice, m)
	for _, problem := range m.Problems {
		if problem.Warning {
			p.Warnings = append(p.Warnings, problem)
		} else {
			p.Errors = append(p.Errors, problem)
		}
	}
	if p.View == "source" {
		p.Source = strings.ToValidUTF8(string(m.Email.Body), "\ufffd")
	}
}

// options are what can be chosen.
func (p *page) options(ctx context.Context, s *Studio) {
	c, err := s.campaign(p.Campaign)
	if err != nil {
		return
	}
	for _, one := range s.Catalog.Campaigns {
		label := one.Name
		if one.Status != campaign.Active {
			label += " (" + string(one.Status) + ")"
		}
		p.Campaigns = append(p.Campaigns, option{one.Name, label, one == c})
	}
	chosen, _ := stepOf(c, p.Step)
	for _, one := range Steps(c) {
		label := one.ID
		if one.Way != "" {
			label += " (" + one.Way + ")"
		}
		p.Steps = append(p.Steps, option{one.ID, label, one == chosen})
	}
	p.Locales = append(p.Locales, option{"", "the customer's own", p.Locale == ""})
	for _, one := range s.Catalog.Workspace.Locales {
		p.Locales = append(p.Locales, option{one, one, one == p.Locale})
	}
	listed := p.Customer == ""
	for i, one := range people(rtl(p.Locale)) {
		is := one.key == p.Customer || i == 0 && p.Customer == ""
		listed = listed || is
		p.Made = append(p.Made, option{one.key, one.label, is})
	}
	for _, one := range s.sample(ctx) {
		is := one.ExternalID == p.Customer
		listed = listed || is
		p.Real = append(p.Real, option{one.ExternalID, one.ExternalID, is})
	}
	if !listed {
		p.Real = append(p.Real, option{p.Customer, p.Customer, true})
	}
}

// sample are customers of the store to offer. A store that errs offers none: what is
// wrong is said when one is asked for.
func (s *Studio) sample(ctx context.Context) []campaign.Customer {
	if s.store == nil {
		return nil
	}
	found, err := s.store.Sample(ctx, sampled)
	if err != nil {
		return nil
	}
	return Awkward(found, sampleShown)
}

var colourScheme = regexp.MustCompile(`(?i)\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)`)

// framed is a mail for a frame: its links open in tabs, made-up pictures come from
// here, and it takes the scheme that was chosen for the browser's.
func framed(source string, dark bool) string {
	source = strings.ReplaceAll(source, `src="`+pictures, `src="/sample/`)
	source = colourScheme.ReplaceAllStringFunc(source, func(query string) string {
		if strings.Contains(strings.ToLower(query), "dark") == dark {
			return "(min-width: 0)"
		}
		return "(max-width: 0)"
	})
	const base = `<base target="_blank">`
	if at := headTag.FindStringIndex(source); at != nil {
		return source[:at[1]] + base + source[at[1]:]
	}
	return source
}

var headTag = regexp.MustCompile(`(?i)<head\b[^>]*>`)

// preheaderOf is the text that a mail hides at its beginning for lists of mails.
func preheaderOf(source string) string {
	doc, err := html.Parse(strings.NewReader(source))
	if err != nil {
		return ""
	}
	return hidden(doc)
}

func hidden(n *html.Node) string {
	for _, a := range n.Attr {
		if a.Key == "style" && strings.Contains(strings.ReplaceAll(a.Val, " ", ""), "display:none") && n.FirstChild != nil {
			return strings.Join(strings.Fields(textOf(n)), " ")
		}
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if text := hidden(c); text != "" {
			return text
		}
	}
	return ""
}

func textOf(n *html.Node) string {
	if n.Type == html.TextNode {
		return n.Data
	}
	text := ""
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		text += textOf(c)
	}
	return text
}
