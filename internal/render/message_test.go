package render

import (
	"strings"
	"testing"

	"tidings/internal/campaign"
	"tidings/internal/token"
)

func TestMarketingHeaders(t *testing.T) {
	s := settings(t)
	e, p := mustRender(t, compile(t, shop(t)), cartMessage())
	for name, want := range map[string]string{
		"From":                     `"Kape" <hello@kape.example>`,
		"Reply-To":                 `<care@kape.example>`,
		"To":                       `"Ana Cruz" <ana@shop.example>`,
		"Date":                     "Mon, 02 Nov 2026 09:30:00 +0000",
		"Message-Id":               "<t42.s1@kape.example>",
		"X-Tidings-Message":        "42",
		"Feedback-Id":              "abandoned-cart:offers:cart-reminder:kape-co",
		"List-Id":                  "<abandoned-cart.kape-co.kape.example>",
		"List-Unsubscribe":         "<" + s.PublicURL + "/u/" + s.Signer.Sign(token.Unsubscribe, 42, 0) + ">",
		"List-Unsubscribe-Post":    "List-Unsubscribe=One-Click",
		"Auto-Submitted":           "auto-generated",
		"X-Auto-Response-Suppress": "All",
		"Mime-Version":             "1.0",
		"User-Agent":               "",
		"X-Mailer":                 "",
	} {
		if got := p.header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if subject, err := p.header.Subject(); err != nil || subject != "Ana, your basket 🛒 is waiting" {
		t.Errorf("subject %q, %v", subject, err)
	}
	if e.From != "hello@kape.example" || e.To != "ana@shop.example" || e.UTF8 {
		t.Errorf("envelope %s → %s, UTF8 %v", e.From, e.To, e.UTF8)
	}
}

func TestTransactional(t *testing.T) {
	_, p := mustRender(t, compile(t, shop(t)), receiptMessage(`{"order_id":10023,"total":12.5}`, nil))
	for _, name := range []string{"List-Unsubscribe", "List-Unsubscribe-Post", "List-Id"} {
		if p.header.Get(name) != "" {
			t.Errorf("a transactional mail has %s", name)
		}
	}
	if got := p.header.Get("Feedback-Id"); got != "receipt:transactional:receipt:kape-co" {
		t.Errorf("Feedback-ID %q", got)
	}
	if !strings.Contains(p.html, "order 10023: €12.50") || !strings.Contains(p.html, "/o/") || !strings.Contains(p.html, "/c/") {
		t.Errorf("html:\n%s", p.html)
	}
	if p.header.Get("To") != "<ana@shop.example>" {
		t.Errorf("To %q", p.header.Get("To"))
	}
}

// A mail sent by calendar is a broadcast, not an answer to anything (RFC 3834).
func TestScheduled(t *testing.T) {
	cat := bare(t, "x")
	cat.Campaigns[0].Trigger = campaign.Schedule{}
	_, p := mustRender(t, compile(t, cat), receiptMessage(`{}`, nil))
	if got := p.header.Get("Auto-Submitted"); got != "" {
		t.Errorf("Auto-Submitted %q", got)
	}
}

// A step's own subject, sender and topic win over the template's and the
// campaign's.
func TestStepWins(t *testing.T) {
	cat := shop(t)
	cat.Workspace.Senders["care"] = campaign.Sender{From: "Kape Care <care@kape.example>"}
	cat.Workspace.Senders["zoë"] = campaign.Sender{From: "Zoë <zoe@käse.example>"}
	send := cat.Campaigns[0].Steps[0].Send
	send.Subject = campaign.Localized{"en": "For {{ customer.first_name }}", "he": "שלום"}
	send.From, send.ReplyTo, send.Topic = "zoë", "care", "news"
	r := compile(t, cat)
	e, p := mustRender(t, r, cartMessage())
	if subject, _ := p.header.Subject(); subject != "For Ana" {
		t.Errorf("subject %q", subject)
	}
	from, err := p.header.AddressList("From")
	if err != nil || from[0].Name != "Zoë" || from[0].Address != "zoe@xn--kse-qla.example" || e.From != from[0].Address {
		t.Errorf("From %v, %v, envelope %s", from, err, e.From)
	}
	if got := p.header.Get("Reply-To"); got != `<care@kape.example>` && got != `"Kape Care" <care@kape.example>` {
		t.Errorf("Reply-To %q", got)
	}
	if got := p.header.Get("Message-Id"); got != "<t42.s1@xn--kse-qla.example>" {
		t.Errorf("Message-ID %q", got)
	}
	if !strings.HasPrefix(p.header.Get("Feedback-Id"), "abandoned-cart:news:") {
		t.Errorf("Feedback-ID %q", p.header.Get("Feedback-Id"))
	}
	o := cartMessage()
	o.Customer.Locale = "he-IL"
	_, p = mustRender(t, r, o)
	if subject, _ := p.header.Subject(); subject != "שלום" {
		t.Errorf("subject %q", subject)
	}
}

func TestRecipients(t *testing.T) {
	r := compile(t, shop(t))
	for addr, want := range map[string]string{
		" Ana@Shop.example ":       "Ana@shop.example",
		"zoë@shop.example":         "zoë@shop.example",
		"a@käse.example":           "a@xn--kse-qla.example",
		"o'neil+x@shop.example":    "o'neil+x@shop.example",
		"":                         "",
		"ana":                      "",
		"a b@shop.example":         "",
		"a@shop.example\r\nBcc: b": "",
		`"a b"@shop.example`:       "",
		"a@b@shop.example":         "",
		"<a@shop.example>":         "",
		"a,b@shop.example":         "",
		"a@[127.0.0.1]":            "",
		"a@-x.example":             "",
		".a@shop.example":          "",
		"a\u202e@shop.example":     "",
	} {
		o := cartMessage()
		o.Customer.Email = addr
		e, err := r.Render(o, settings(t))
		switch {
		case want == "" && err == nil:
			t.Errorf("%q became %q", addr, e.To)
		case want == "" && addr != "" && strings.Contains(err.Error(), addr):
			t.Errorf("the error tells the address: %v", err)
		case want != "" && (err != nil || e.To != want || e.UTF8 != !isASCII(want)):
			t.Errorf("%q became %q, UTF8 %v, %v", addr, e.To, e.UTF8, err)
		}
	}
}

func TestUnknownMessages(t *testing.T) {
	r := compile(t, shop(t))
	for _, change := range []func(*campaign.Outgoing){
		func(o *campaign.Outgoing) { o.Campaign = "gone" },
		func(o *campaign.Outgoing) { o.Step = "gone" },
		func(o *campaign.Outgoing) { o.Trigger = []byte("{") },
	} {
		o := cartMessage()
		change(&o)
		if _, err := r.Render(o, settings(t)); err == nil {
			t.Error("rendered")
		}
	}
	for _, s := range []Settings{{}, {PublicURL: "https://t.example"}, {PublicURL: "t.example", Signer: settings(t).Signer}} {
		if _, err := r.Render(cartMessage(), s); err == nil {
			t.Errorf("rendered with %+v", s)
		}
	}
}

// A subject is one line of bearable length, whatever stands in it.
func TestSubject(t *testing.T) {
	cat := bare(t, "{{ subject }}")
	cat.Templates["receipt"][""].Subject = campaign.Plain("☕ {{ customer.n }}  &  more")
	r := compile(t, cat)
	for n, want := range map[string]string{
		"Ana":                     "☕ Ana & more",
		"a\r\nBcc: x@y.example":   "☕ a Bcc: x@y.example & more",
		"<b>\"quoted\"</b>":       `☕ <b>"quoted"</b> & more`,
		strings.Repeat("é", 1000): "☕ " + strings.Repeat("é", maxHeader-3) + "…",
		"👩‍👩‍👧‍👦 " + strings.Repeat("ab ", 40): "☕ 👩‍👩‍👧‍👦 " + strings.Repeat("ab ", 40) + "& more",
	} {
		_, p := mustRender(t, r, receiptMessage(`{}`, map[string]any{"n": n}))
		if got, err := p.header.Subject(); err != nil || got != want {
			t.Errorf("%q: subject %q, %v, want %q", n, got, err, want)
		}
	}
	if _, err := func() (any, error) {
		cat := bare(t, "x")
		cat.Templates["receipt"][""].Subject = campaign.Plain("{{ customer.n | default: '' }}")
		r, _ := Compile(cat)
		if r == nil {
			t.Fatal("no renderer")
		}
		return r.Render(receiptMessage(`{}`, nil), settings(t))
	}(); err == nil || !strings.Contains(err.Error(), "the subject is empty") {
		t.Errorf("error %v", err)
	}
}

// What comes back of a mail comes to an address that names it, and mail is a way to
// unsubscribe too.
func TestReturnAddress(t *testing.T) {
	s := settings(t)
	s.ReturnAddress = "bounces@mail.kape.example"
	r := compile(t, shop(t))
	e, err := r.Render(cartMessage(), s)
	if err != nil {
		t.Fatal(err)
	}
	if p, id, err := s.Signer.ReadReturn(e.From); p != token.Bounce || id != 42 || err != nil {
		t.Errorf("envelope sender %s: %s %d %v", e.From, p, id, err)
	}
	p := readBack(t, e.Body)
	want := "<" + s.PublicURL + "/u/" + s.Signer.Sign(token.Unsubscribe, 42, 0) + ">, <mailto:" + s.Signer.ReturnAddress(s.ReturnAddress, token.Unsubscribe, 42) + ">"
	if got := p.header.Get("List-Unsubscribe"); got != want {
		t.Errorf("List-Unsubscribe is %q, want %q", got, want)
	}
	if e, err = r.Render(receiptMessage(`{"order_id":10023,"total":12.5}`, nil), s); err != nil || strings.Contains(string(e.Body), "mailto:bounces") || e.From == "" || e.From == "hello@kape.example" {
		t.Errorf("transactional: %v, %s", err, e.From)
	}
}

// A provider that writes a Message-ID of its own gets the mail's name besides.
func TestReference(t *testing.T) {
	s := settings(t)
	r := compile(t, shop(t))
	for _, name := range []string{"", "X-PM-Metadata-tidings"} {
		s.Reference = name
		e, err := r.Render(cartMessage(), s)
		if err != nil {
			t.Fatal(err)
		}
		want := map[bool]string{true: "t42." + s.StoreID}[name != ""]
		p := readBack(t, e.Body)
		if got := p.header.Get("X-PM-Metadata-tidings"); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
