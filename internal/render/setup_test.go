package render

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-message/mail"

	"tidings/internal/campaign"
	"tidings/internal/token"
)

var now = time.Date(2026, 11, 2, 9, 30, 0, 0, time.UTC)

func read(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// shop is a workspace with a cart campaign (marketing), a receipt
// (transactional) and nothing else; tests change what they are about.
func shop(t testing.TB) *campaign.Catalog {
	t.Helper()
	manila, err := time.LoadLocation("Asia/Manila")
	if err != nil {
		t.Fatal(err)
	}
	tpl := func(name, file, src string) *campaign.Template {
		return &campaign.Template{Name: name, File: "templates/" + file, Line: 1, Source: src}
	}
	cart := tpl("cart-reminder", "cart-reminder.html", read(t, "cart.html"))
	cart.Subject = campaign.Localized{"en": "{{ customer.first_name | default: 'Hello' }}, your basket 🛒 is waiting", "he": "הסל שלך מחכה", "de": "Ihr Korb wartet"}
	cart.Preheader = campaign.Plain("{{ cart.count }} pieces, {{ cart.value | money }}")
	receipt := tpl("receipt", "receipt.html", "<p>Thank you for order {{ order.order_id }}: {{ trigger.total | money: 'EUR' }}</p>")
	receipt.Subject = campaign.Plain("Order {{ order.order_id }}")
	send := func(id, template string) []campaign.Step {
		return []campaign.Step{{ID: id, Send: &campaign.Send{Template: template}}}
	}
	return &campaign.Catalog{
		Workspace: campaign.Workspace{
			Name: "Kape & Co", Zone: manila, Locales: []string{"en", "he", "de"}, Currency: "PHP",
			Brand:   map[string]string{"address": "12 Calle Real, Iloilo", "site": "https://kape.example", "colour": "#5b3a29"},
			Senders: map[string]campaign.Sender{"shop": {From: "Kape <hello@kape.example>", ReplyTo: "care@kape.example"}},
			Topics:  map[string]campaign.Topic{"offers": {Key: "offers"}},
			Defaults: campaign.Defaults{
				From: "shop",
			},
		},
		Campaigns: []*campaign.Campaign{
			{Name: "abandoned-cart", Label: "Abandoned cart", Topic: "offers", Trigger: campaign.AbandonedCart{}, Steps: send("cart-reminder", "cart-reminder")},
			{Name: "receipt", Transactional: true, Trigger: campaign.PastPurchase{}, Steps: send("receipt", "receipt")},
		},
		Templates: map[string]map[string]*campaign.Template{"cart-reminder": {"": cart}, "receipt": {"": receipt}},
		Layouts:   map[string]map[string]*campaign.Template{"base": {"": tpl("base", "layouts/base.html", read(t, "base.html"))}},
		Partials:  map[string]*campaign.Template{"button": tpl("button", "partials/button.html", read(t, "button.html"))},
	}
}

// bare is a workspace with one transactional mail without layout.
func bare(t testing.TB, src string) *campaign.Catalog {
	t.Helper()
	cat := shop(t)
	cat.Campaigns = cat.Campaigns[1:]
	m := &campaign.Template{Name: "receipt", File: "templates/receipt.html", Line: 1, Source: src, Layout: "none", Subject: campaign.Plain("Order")}
	cat.Templates = map[string]map[string]*campaign.Template{"receipt": {"": m}}
	cat.Layouts = nil
	return cat
}

func compile(t testing.TB, cat *campaign.Catalog) *Renderer {
	t.Helper()
	r, problems := Compile(cat)
	for _, p := range problems {
		if !p.Warning {
			t.Errorf("problem: %s", p)
		}
	}
	if r == nil {
		t.Fatal("no renderer")
	}
	return r
}

func settings(t testing.TB) Settings {
	t.Helper()
	s, err := token.New([]string{"a key of the tests, long enough"})
	if err != nil {
		t.Fatal(err)
	}
	return Settings{PublicURL: "https://t.kape.example", Signer: s, StoreID: "s1"}
}

func cartMessage() campaign.Outgoing {
	line := func(id, name string, n, price float64) campaign.Line {
		return campaign.Line{ProductID: id, Quantity: n, Price: price, Properties: map[string]any{
			"name": name, "url": "https://kape.example/p/" + id + "?a=1&b=2", "image_url": "https://kape.example/i/" + id + ".jpg",
		}}
	}
	return campaign.Outgoing{
		ID: 42, Campaign: "abandoned-cart", Step: "cart-reminder", Now: now, Anchor: now.Add(-time.Hour),
		Customer: campaign.Customer{
			ID: 7, ExternalID: "c7", Email: "ana@shop.example", Locale: "en", Timezone: "Asia/Manila",
			Attributes: map[string]any{"first_name": "Ana", "last_name": "Cruz"},
		},
		Trigger: json.RawMessage(`{"last_change":"2026-11-01T20:00:00Z","order_id":12345678}`),
		Cart:    &campaign.Cart{ID: "k", Lines: []campaign.Line{line("1", "Barako 250 g", 2, 349.5), line("2", "Filter papers <100>", 1, 95)}},
	}
}

// receiptMessage has the given trigger and customer's attributes.
func receiptMessage(trigger string, attributes map[string]any) campaign.Outgoing {
	o := cartMessage()
	o.Campaign, o.Step, o.Cart = "receipt", "receipt", nil
	o.Trigger = json.RawMessage(trigger)
	o.Customer.Attributes = attributes
	return o
}

// parts reads an email back with a parser that is not the writer's.
type parts struct {
	header     mail.Header
	text, html string
}

func readBack(t testing.TB, body []byte) parts {
	t.Helper()
	r, err := mail.CreateReader(bytes.NewReader(body))
	if err != nil {
		t.Fatalf("read message: %v\n%s", err, body)
	}
	p := parts{header: r.Header}
	for i := 0; ; i++ {
		part, err := r.NextPart()
		if err == io.EOF {
			return p
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(part.Body)
		if err != nil {
			t.Fatal(err)
		}
		// Line ends are the wire's; templates have plain ones.
		s := strings.ReplaceAll(string(b), "\r\n", "\n")
		switch kind := part.Header.Get("Content-Type"); {
		case strings.HasPrefix(kind, "text/plain") && i == 0:
			p.text = s
		case strings.HasPrefix(kind, "text/html") && i == 1:
			p.html = s
		default:
			t.Fatalf("part %d is %s", i, kind)
		}
	}
}

func mustRender(t testing.TB, r *Renderer, o campaign.Outgoing) (campaign.Email, parts) {
	t.Helper()
	e, err := r.Render(o, settings(t))
	if err != nil {
		t.Fatal(err)
	}
	return e, readBack(t, e.Body)
}

// renderBare renders a template on its own and gives what stands in its body.
func renderBare(t testing.TB, src, trigger string, attributes map[string]any) (string, error) {
	t.Helper()
	e, err := compile(t, bare(t, "<html><body>"+src+"</body></html>")).Render(receiptMessage(trigger, attributes), settings(t))
	if err != nil {
		return "", err
	}
	html := readBack(t, e.Body).html
	_, html, _ = strings.Cut(html, "<body>")
	html, _, _ = strings.Cut(html, `<img src="https://t.kape.example/o/`)
	return html, nil
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile("testdata/"+name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := read(t, name)
	if got != want {
		t.Errorf("%s differs; UPDATE_GOLDEN=1 writes it anew:\n%s", name, firstDifference(got, want))
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		var a, b string
		if i < len(g) {
			a = g[i]
		}
		if i < len(w) {
			b = w[i]
		}
		if a != b {
			return fmt.Sprintf("line %d\n got %q\nwant %q", i+1, a, b)
		}
	}
	return ""
}
