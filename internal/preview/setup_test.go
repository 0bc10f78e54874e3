package preview_test

import (
	"context"
	"io/fs"
	"testing"
	"testing/fstest"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/content"
	"tidings/internal/preview"
	"tidings/internal/render"
)

var now = time.Date(2026, 11, 2, 9, 30, 0, 0, time.UTC)

// files are a small workspace: a basket in two languages, and a branch.
func files() fstest.MapFS {
	const end = `<p>{{ brand.address }} <a href="{{ links.unsubscribe }}">Unsubscribe</a> <a href="{{ links.preferences }}">Choose</a></p>`
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s), ModTime: now} }
	return fstest.MapFS{
		"tidings.yaml": file("name: Kape\nzone: UTC\nlocales: [en, he]\ncurrency: EUR\nbrand: { address: a street }\n" +
			"senders: { hello: { from: Kape <hello@kape.example> } }\ntopics: { offers: {} }\ndefaults: { from: hello }\n"),
		"campaigns/basket.yaml": file("status: active\ntopic: offers\ntrigger: { abandoned_cart: { after: 1h } }\nsteps:\n" +
			"  - send: basket\n  - branch:\n      - { name: regulars, when: { attribute: city, is: Cebu }, steps: [ { send: thanks } ] }\n      - { name: others, steps: [ { send: basket, id: again } ] }\n"),
		"campaigns/letter.yaml":    file("status: draft\ntopic: offers\ntrigger: { event: { name: Go } }\nsteps: [ { send: thanks } ]\n"),
		"templates/basket.html":    file("---\nsubject: \"{{ customer.first_name | default: 'Hello' }}, your basket\"\npreheader: All {{ cart.count }} of it\n---\n<style>@media (prefers-color-scheme: dark) { p { color: #fff } }</style>\n<p>Here is all that you have picked out so far. It waits for you until you come back, and nothing in it is lost.</p><ul>{% for p in cart.products %}<li><img src=\"{{ p.image_url | default: 'https://kape.example/none.png' }}\" alt=\"\"><a href=\"{{ p.url }}\" dir=\"auto\">{{ p.name }}</a></li>{% endfor %}</ul>" + end),
		"templates/thanks.html":    file("---\nsubject: Thanks\n---\n<p>Thank you, <bdi>{{ customer.first_name }}</bdi> of {{ customer.city }}</p>" + end),
		"templates/thanks.he.html": file("---\nsubject: תודה\n---\n<p>תודה</p>" + end),
	}
}

// loaded is what the command line does with files.
func loaded(fsys fs.FS, store preview.Store) preview.Loaded {
	fail := func(ps []campaign.Problem) (out []campaign.Problem) {
		for _, p := range ps {
			if p.Stops() {
				out = append(out, p)
			}
		}
		return out
	}
	cat, problems, _ := content.LoadSound(fsys)
	if cat == nil {
		return preview.Loaded{Errors: fail(problems)}
	}
	renderer, more := render.Compile(cat)
	problems = append(problems, more...)
	if wrong := fail(problems); len(wrong) > 0 {
		return preview.Loaded{Errors: wrong}
	}
	s, err := preview.New(preview.Options{
		Catalog: cat, Renderer: renderer, Problems: problems, Store: store, PublicURL: "https://t.kape.example",
		Now: func() time.Time { return now },
	})
	if err != nil {
		return preview.Loaded{Errors: []campaign.Problem{{Message: err.Error()}}}
	}
	return preview.Loaded{Studio: s}
}

func studio(t testing.TB, fsys fstest.MapFS, store preview.Store) *preview.Studio {
	t.Helper()
	l := loaded(fsys, store)
	if l.Studio == nil {
		t.Fatal(l.Errors)
	}
	return l.Studio
}

// town is a store of a few customers, of whom some have a basket.
type town []resident

type resident struct {
	campaign.Customer
	occasion preview.Occasion
}

func (s town) Letter(_ context.Context, c *campaign.Campaign, ref string) (campaign.Outgoing, preview.Occasion, error) {
	for _, r := range s {
		if r.ExternalID != ref {
			continue
		}
		o := campaign.Outgoing{Campaign: c.Name, Customer: r.Customer, Now: now, Anchor: now, Trigger: []byte(`{}`)}
		if r.occasion != preview.Nothing {
			o.Cart = &campaign.Cart{ID: "1", Lines: []campaign.Line{{ProductID: "p", Quantity: 1, Price: 3, Properties: map[string]any{"name": "Their own mug", "url": "https://kape.example/mug"}}}}
		}
		return o, r.occasion, nil
	}
	return campaign.Outgoing{}, "", preview.ErrUnknown
}

func (s town) Sample(_ context.Context, n int) (out []campaign.Customer, err error) {
	for _, r := range s[:min(n, len(s))] {
		out = append(out, r.Customer)
	}
	return out, nil
}

func customer(id int64, external, locale string, attributes map[string]any) campaign.Customer {
	return campaign.Customer{ID: id, ExternalID: external, Email: external + "@shop.example", Locale: locale, Attributes: attributes}
}

func people() town {
	return town{
		{customer(1, "bea", "en", map[string]any{"first_name": "Bea", "city": "Cebu"}), preview.Entered},
		{customer(2, "cy", "he", map[string]any{"first_name": "Cy", "city": "Iloilo"}), preview.Nothing},
		{customer(3, "dan", "en", map[string]any{"first_name": "Dan"}), preview.Occurred},
	}
}
