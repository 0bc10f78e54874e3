package render_test

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"strings"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/content"
	"tidings/internal/render"
	"tidings/internal/token"
)

// workspace compiles one that lies in the repository.
func workspace(t testing.TB, dir string) (*campaign.Catalog, *render.Renderer, render.Settings) {
	t.Helper()
	cat, problems := content.Load(os.DirFS(dir))
	if cat == nil {
		t.Fatal(problems)
	}
	r, problems := render.Compile(cat)
	if r == nil {
		t.Fatal(problems)
	}
	signer, err := token.New([]string{"a key of the tests, long enough"})
	if err != nil {
		t.Fatal(err)
	}
	return cat, r, render.Settings{PublicURL: "https://t.kape.example", Signer: signer, StoreID: "s1"}
}

// outgoing is a message of a step to a customer of whom all is known.
func outgoing(t testing.TB, camp *campaign.Campaign, step, locale string) campaign.Outgoing {
	t.Helper()
	product := map[string]any{
		"product_id": "17", "sku": "17", "name": "Barako 250 g", "quantity": 2, "price": 349.5, "category": "beans", "variant": "whole", "brand": "Kape",
		"url": "https://kape.example/p/17?a=1&b=2", "image_url": "https://kape.example/i/17.jpg",
	}
	trigger := map[string]any{"order_id": 17, "cart_id": "k", "total": 699, "value": 699, "revenue": 699, "subtotal": 699, "shipping": 0, "tax": 0,
		"discount": 0, "products": []any{product, product, product}}
	for k, v := range product {
		trigger[k] = v
	}
	b, err := json.Marshal(trigger)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 2, 9, 30, 0, 0, time.UTC)
	o := campaign.Outgoing{
		ID: 42, Campaign: camp.Name, Step: step, Trigger: b, Now: now, Anchor: now.Add(-time.Hour),
		Customer: campaign.Customer{
			ID: 7, ExternalID: "c7", Email: "ana@shop.example", Locale: locale, Timezone: "Asia/Manila",
			Attributes: map[string]any{"first_name": "Añá", "last_name": "Cruz", "country": "PH", "points": 20},
		},
	}
	if _, ok := camp.Trigger.(campaign.AbandonedCart); ok {
		line := campaign.Line{ProductID: "17", Quantity: 2, Price: 349.5, Properties: product}
		o.Cart = &campaign.Cart{ID: "k", Lines: []campaign.Line{line, line, line}}
	}
	return o
}

// Each mail of the example workspace, in each language, read back from both forms
// by the standard library.
func TestExampleWorkspace(t *testing.T) {
	t.Parallel()
	cat, r, s := workspace(t, "../..")
	mails := 0
	for _, camp := range cat.Campaigns {
		program := campaign.NewProgram(camp.Steps)
		for _, node := range program.Nodes {
			if node.Send == nil {
				continue
			}
			for _, locale := range cat.Workspace.Locales {
				o := outgoing(t, camp, node.Step.ID, locale)
				e, err := r.Render(o, s)
				if err != nil {
					t.Errorf("%s %s in %s: %v", camp.Name, node.Step.ID, locale, err)
					continue
				}
				mails++
				subject, text, html := parseBack(t, e.Body)
				if subject == "" || text == "" || !strings.Contains(html, "</html>") || !strings.Contains(html, "/o/") {
					t.Errorf("%s %s in %s: subject %q, text %q", camp.Name, node.Step.ID, locale, subject, text)
				}
				if e.SevenBit == nil {
					continue
				}
				seven := e.SevenBit()
				if bytes.ContainsFunc(seven, func(r rune) bool { return r >= 0x80 }) {
					t.Errorf("%s %s in %s: 8 bits where there should be 7", camp.Name, node.Step.ID, locale)
				}
				if s7, t7, h7 := parseBack(t, seven); s7 != subject || t7 != text || h7 != html {
					t.Errorf("%s %s in %s: the forms differ", camp.Name, node.Step.ID, locale)
				}
			}
		}
	}
	if mails < 50 {
		t.Errorf("%d mails", mails)
	}
}

// A product whose address is none keeps its line, and the mail is sent; a name that
// is one long word does not widen it.
func TestExampleProductAddresses(t *testing.T) {
	t.Parallel()
	cat, r, s := workspace(t, "../..")
	camp, ok := cat.Campaign("abandoned-cart")
	if !ok {
		t.Fatal("no abandoned-cart")
	}
	send := ""
	for _, n := range campaign.NewProgram(camp.Steps).Nodes {
		if n.Send != nil && send == "" {
			send = n.Step.ID
		}
	}
	for address, linked := range map[string]bool{
		"HTTPS://kape.example/p/9": true, "http://kape.example/p/9": true,
		"javascript://kape.example/p/9": false, "javascript:https://kape.example/p/9": false, "/p/9": false, "https:kape": false, "": false,
	} {
		o := outgoing(t, camp, send, "en")
		o.Cart = &campaign.Cart{ID: "k", Lines: []campaign.Line{{ProductID: "9", Quantity: 1, Price: 7, Properties: map[string]any{
			"name": "Donaudampfschifffahrtsgesellschaftskapitän", "url": address, "image_url": address,
		}}}}
		e, err := r.Render(o, s)
		if err != nil {
			t.Errorf("%q: %v", address, err)
			continue
		}
		_, _, html := parseBack(t, e.Body)
		_, line, _ := strings.Cut(html, "class=\"line")
		line, name, _ := strings.Cut(line, "Donaudampf")
		if name == "" || strings.Contains(line, "href=") != linked || !strings.Contains(html, `overflow-wrap: anywhere" class="card"`) {
			t.Errorf("%q: linked should be %t:\n%s", address, linked, line)
		}
	}
}

// parseBack reads a message with the standard library alone.
func parseBack(t testing.TB, body []byte) (subject, text, html string) {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"From", "To"} {
		if _, err := m.Header.AddressList(name); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if _, err := m.Header.Date(); err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatal(kind, err)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for i := 0; ; i++ {
		p, err := parts.NextRawPart()
		if err == io.EOF && i == 2 {
			return subject, text, html
		}
		if err != nil {
			t.Fatal(i, err)
		}
		var in io.Reader = p
		if p.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
			in = quotedprintable.NewReader(p)
		}
		b, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			text = string(b)
		} else {
			html = string(b)
		}
	}
}
