package render

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"

	"tidings/internal/campaign"
)

// What a customer or a product feed says stays text in every language that a mail
// can be written in, in texts of locales/, in blocks, and in addresses with
// parameters.
func TestInjectionEverywhere(t *testing.T) {
	const blocks = `{% render "product-grid", products: products %}{% render "cart-lines", products: trigger.products, total: 5 %}{% render "button", url: brand.site, label: customer.n %}{% render "footer" %}`
	const words = `{{ 'hello' | t: name: customer.n }} {{ 'pick' | t: tier: customer.n }} {{ customer.n | upcase }}{{ customer.n | titleize }}{{ customer.n | base64_encode }}`
	mails := map[string]struct {
		format campaign.Format
		src    string
	}{
		"html":     {campaign.HTML, `<html><body><p title="` + words + `">` + words + `</p>{% assign u = brand.site | url_param: "n", customer.n %}<a href="{{ u }}">x</a>` + blocks + `</body></html>`},
		"markdown": {campaign.Markdown, "# " + words + "\n\n*{{ customer.n }}* [x]({{ brand.site }}/?q={{ customer.n | url_encode }} \"{{ customer.n }}\")\n\n{% for p in trigger.products %}\n- {{ p.name }}\n{% endfor %}\n\n| a |\n|---|\n{% for p in products %}\n| {{ p.name }} |\n{% endfor %}\n\n" + blocks},
		"mjml": {campaign.MJML, `<mjml><mj-head><mj-title>{{ customer.n }}</mj-title><mj-preview>{{ customer.n }}</mj-preview></mj-head><mj-body><mj-section><mj-column>
			<mj-text>` + words + blocks + `</mj-text><mj-button href="{{ brand.site }}/?q={{ customer.n | url_encode }}" title="{{ customer.n }}">{{ customer.n }}</mj-button>
			<mj-image src="https://kape.example/i.png" alt="{{ customer.n }}" title="{{ customer.n }}" href="{{ brand.site }}" /></mj-column></mj-section></mj-body></mjml>`},
	}
	for name, m := range mails {
		t.Run(name, func(t *testing.T) {
			cat := worded(t, m.src, map[string]string{"en": "hello: Hello {name}, {name}!\npick: {tier, select, gold {Gold} other {{tier}}}"})
			cat.Workspace.Locales = []string{"en"}
			cat.Templates["receipt"][""].Format = m.format
			cat.Templates["receipt"][""].Subject = campaign.Plain("{{ 'hello' | t: name: customer.n }}")
			r, s := compile(t, cat), settings(t)
			shape := func(n string) (parts, []campaign.Link) {
				t.Helper()
				product := map[string]any{"product_id": "1", "name": n, "price": 2.0, "quantity": 2.0}
				trigger, err := json.Marshal(map[string]any{"products": []any{product}})
				if err != nil {
					t.Fatal(err)
				}
				c := NewCatalogue([]campaign.Product{{ID: "1", InStock: true, Properties: map[string]any{"name": n, "price": 2.0}}})
				s.Catalogue = func() *Catalogue { return c }
				e, err := r.Render(receiptMessage(string(trigger), map[string]any{"n": n}), s)
				if err != nil {
					t.Fatalf("%q: %v", n, err)
				}
				return readBack(t, e.Body), e.Links
			}
			harmless, _ := shape("Ana")
			want := shapeOf(t, harmless.html)
			for _, n := range nasty {
				p, links := shape(n)
				if got := shapeOf(t, p.html); !slices.Equal(got, want) {
					t.Errorf("%q changes the elements:\n got %v\nwant %v", n, got, want)
				}
				if p.header.Get("Bcc") != "" {
					t.Errorf("%q makes a header", n)
				}
				for _, l := range links {
					if u, err := url.Parse(l.URL); err != nil || u.Scheme != "https" || !strings.HasSuffix(u.Host, "kape.example") {
						t.Errorf("%q makes the link %s", n, l.URL)
					}
				}
			}
		})
	}
}

// A feed's addresses are checked like any other: an address that is none stops the
// mail, and never becomes one.
func TestFeedAddresses(t *testing.T) {
	for _, address := range []string{"javascript:alert(1)//https://", "data:text/html,https://x", "https://a.example/\"><script>", "//evil.example/https://"} {
		c := NewCatalogue([]campaign.Product{{ID: "1", InStock: true, Properties: map[string]any{"name": "x", "url": address, "image_url": address}}})
		s := settings(t)
		s.Catalogue = func() *Catalogue { return c }
		e, err := compile(t, bare(t, `<html><body>{% render "product-grid", products: products %}</body></html>`)).Render(receiptMessage(`{}`, nil), s)
		if err != nil {
			continue
		}
		html := readBack(t, e.Body).html
		if strings.Contains(html, "<script") || strings.Contains(html, `"javascript:`) || strings.Contains(html, `"data:`) || strings.Contains(html, `"//`) {
			t.Errorf("%q:\n%s", address, html)
		}
	}
}
