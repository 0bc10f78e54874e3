package render

import (
	"strings"
	"testing"
	"time"

	"tidings/internal/campaign"
)

// A marketing mail that says nothing of who writes and how to leave fails check, and
// is sent with the block footer, inside its body; one that says half of it is its
// author's to mend.
func TestFooter(t *testing.T) {
	marketing := func(src string) *campaign.Catalog {
		cat := bare(t, src)
		cat.Workspace.Locales = []string{"en"}
		for _, c := range cat.Campaigns {
			c.Transactional, c.Topic = false, "offers"
		}
		return cat
	}
	for _, src := range []string{"<p>Hello</p>", "<html><body><p>Hello</p></body></html>\n"} {
		cat := marketing(src)
		r, problems := Compile(cat)
		const want = `templates/receipt.html:1:1: a marketing mail must say who writes, how to leave and where to choose: it has no postal address and no links to unsubscribe and to the preferences; write {% render "footer" %} at its end, or in a layout, such as templates/layouts/base.html`
		if r == nil || len(problems) != 1 || problems[0].Warning || problems[0].Stops() || problems[0].String() != want {
			t.Fatalf("%s: %v", src, problems)
		}
		if got := cat.Templates["receipt"][""].Source; got != src {
			t.Errorf("the catalog was changed: %s", got)
		}
		e, err := r.Render(campaign.Outgoing{ID: 1, Campaign: cat.Campaigns[0].Name, Step: "receipt", Now: time.Unix(0, 0),
			Trigger: []byte("{}"), Customer: campaign.Customer{Email: "ana@example.com"}}, settings(t))
		if err != nil {
			t.Fatal(err)
		}
		body := strings.ReplaceAll(string(e.Body), "=\r\n", "")
		for _, want := range []string{"Unsubscribe", "https://t.kape.example/u/", "List-Unsubscribe-Post", r.brand["address"].(string)} {
			if !strings.Contains(body, want) {
				t.Errorf("%s: no %q in\n%s", src, want, body)
			}
		}
		if strings.LastIndex(body, "Unsubscribe</a>") > strings.LastIndex(body, "</body>") {
			t.Errorf("%s: the footer is outside the body:\n%s", src, body)
		}
	}
	if r, problems := Compile(marketing("<p>{{ brand.address }}</p>")); r != nil || !hasErrors(problems) {
		t.Errorf("half a footer: %v", problems)
	}
}

// Each of the three parts is asked for where it would stand, and a layout that has
// them serves all its mails.
func TestFooterParts(t *testing.T) {
	const (
		leave, choose = `<a href="{{ links.unsubscribe }}">x</a>`, `<a href="{{ links.preferences }}">y</a>`
		address       = "{{ brand.address }}"
	)
	for _, c := range []struct {
		layout, want string
		stops        bool
	}{
		{leave + choose + address, "", false},
		{`{% render "footer" %}`, "", false},
		{`{% render "own" %}` + choose + address, "", false},
		{leave + address, `templates/layouts/base.html:2:10: a marketing mail must hold a link to the customer's preferences; write <a href="{{ links.preferences }}"> beside the link to unsubscribe, or {% render "footer" %} for both`, false},
		{`{% render "own" %}` + address, `templates/partials/own.html:1:10: a marketing mail must hold a link to the customer's preferences; `, false},
		{leave + choose, "templates/receipt.html:1:1: a marketing mail must hold the sender's postal address; print {{ brand.address }} in the template or its layout templates/layouts/base.html", true},
		{choose + address, "templates/receipt.html:1:1: a marketing mail must hold a link to unsubscribe; ", true},
		{"", "templates/receipt.html:1:1: a marketing mail must say who writes, how to leave and where to choose", false},
	} {
		cat := bare(t, "Hello\n")
		cat.Workspace.Locales = []string{"en"}
		cat.Campaigns[0].Transactional, cat.Campaigns[0].Topic = false, "offers"
		cat.Templates["receipt"][""].Layout = "base"
		cat.Layouts = map[string]map[string]*campaign.Template{"base": {"": {Name: "base", File: "templates/layouts/base.html", Line: 1, Source: "<html><body>{{ content }}\n" + c.layout + "</body></html>"}}}
		if strings.Contains(c.layout, "own") {
			cat.Partials["own"] = &campaign.Template{Name: "own", File: "templates/partials/own.html", Line: 1, Source: leave}
		}
		r, problems := Compile(cat)
		switch {
		case (r == nil) != c.stops:
			t.Errorf("%s: stops %t: %v", c.layout, r == nil, problems)
		case c.want == "" && len(problems) > 0, c.want != "" && (len(problems) != 1 || problems[0].Warning || !strings.HasPrefix(problems[0].String(), c.want)):
			t.Errorf("%s: %v", c.layout, problems)
		}
	}
}
