package cli_test

import (
	"bytes"
	"encoding/json"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"tidings/internal/mail/smtptest"
)

// previewShop has mails of several kinds, a customer with a name and one without, in
// two languages, and what begins the campaigns for both.
func previewShop(t *testing.T, databaseURL string) *shop {
	t.Helper()
	s := newShop(t, databaseURL)
	workspace, err := os.ReadFile(filepath.Join(s.dir, "tidings.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, "tidings.yaml", regexp.MustCompile(`(?m)^locales:.*$`).ReplaceAllString(string(workspace), "locales: [en, he]"))
	const end = `<p>{{ brand.address }} <a href="{{ links.unsubscribe }}">Unsubscribe</a> <a href="{{ links.preferences }}">Choose</a></p>`
	s.write(t, "templates/basket.html", "---\nsubject: { en: \"{{ customer.first_name | default: 'Hello' }}, {{ cart.count }} things wait\", he: \"{{ cart.count }} דברים מחכים\" }\npreheader: A basket\n---\n"+
		`<p>{{ customer.first_name | default: 'Hello' }}, of {{ now | date: "%e %B %Y" }}</p><ul>{% for p in cart.products %}<li><a href="{{ p.url }}">{{ p.quantity }} × {{ p.name }}</a> {{ p.price | money }}</li>{% endfor %}</ul>`+end)
	s.write(t, "templates/thanks.html", "---\nsubject: \"Order {{ order.order_id }}\"\n---\n<p>{{ order.total | money }} for {{ order.products.size }}, {{ customer.city | default: 'somewhere' }}</p>"+end)
	s.write(t, "templates/booked.html", "---\nsubject: Booked\n---\n<p>Table {{ trigger.table }} at {{ trigger.place.name }}</p>"+end)
	s.campaigns(t, map[string]string{
		"basket": "status: active\nactive_from: 2025-01-01\ntopic: offers\nholdout: 0%\ntrigger: { abandoned_cart: { after: 1h } }\nsteps: [ { send: basket }, { wait: 20h }, { send: basket, id: again, subject: Still here } ]\n",
		"thanks": "status: active\nactive_from: 2025-01-01\ntransactional: true\ntrigger: { past_purchase: { after: 0s } }\nsteps: [ { send: thanks } ]\n",
		"booked": "status: active\nactive_from: 2025-01-01\ntransactional: true\ntrigger: { event: { name: Table Booked } }\nsteps: [ { send: booked } ]\n",
	})
	file := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	s.run(t, "import", "customers", "--consent", "a box", file("customers.csv",
		"id,email,first_name,locale,city\nana,ana@shop.example,Ana,en,Cebu\nnoa,noa@shop.example,,he,\n"))
	events := `{"event_id":"1","customer_id":"ana","name":"Product Added","occurred_at":"2025-03-01T10:00:00Z","properties":{"product_id":"p","name":"Mug <big>","price":12.5,"quantity":2,"url":"https://shop.example/p?a=1&b=2"}}
{"event_id":"2","customer_id":"noa","name":"Product Added","occurred_at":"2025-03-01T10:30:00Z","properties":{"product_id":"q","name":"קנקן","price":40,"url":"https://shop.example/q"}}
{"event_id":"3","customer_id":"ana","name":"Table Booked","occurred_at":"2025-03-01T11:00:00Z","properties":{"table":7,"place":{"name":"Window"}}}
`
	s.run(t, "import", "events", file("events.ndjson", events))
	return s
}

// like is a mail without what differs from message to message: its ids, its tokens
// and the boundary that is made of one.
func like(body []byte) string {
	s := regexp.MustCompile(`/([coup])/[A-Za-z0-9_-]+`).ReplaceAllString(string(body), "/$1/TOKEN")
	s = regexp.MustCompile(`(?m)^Message-ID: <t\d+\.[^@]*@`).ReplaceAllString(s, "Message-ID: <tN@")
	s = regexp.MustCompile(`(?m)^X-Tidings-Message: \d+`).ReplaceAllString(s, "X-Tidings-Message: N")
	return regexp.MustCompile(`=_[A-Za-z0-9_-]+`).ReplaceAllString(s, "=_B")
}

// What preview shows is, to the byte, what the worker then sends: before the campaign
// has begun, and of each of its mails once it has.
func TestPreviewIsWhatIsSent(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, databaseURL string) {
		s := previewShop(t, databaseURL)
		server := smtptest.New(t)
		s.env["SMTP_URL"], s.env["PUBLIC_URL"] = server.URL(), "https://t.shop.example"
		taken := func(address, subject string) (found []byte) {
			t.Helper()
			for _, m := range server.Messages() {
				parsed, err := mail.ReadMessage(bytes.NewReader(m.Body))
				if err != nil {
					t.Fatal(err)
				}
				if m.To == address && strings.Contains(parsed.Header.Get("Subject"), subject) {
					found = m.Body
				}
			}
			if found == nil {
				t.Fatalf("no mail %q to %s", subject, address)
			}
			return found
		}
		shown := func(at time.Time, campaign, step, customer string) string {
			t.Helper()
			code, stdout, stderr := s.command("preview", campaign, "--step", step, "--customer", customer, "--at", at.Format(time.RFC3339))
			if code != 0 {
				t.Fatalf("preview: exit %d, %s", code, stderr)
			}
			return like([]byte(stdout))
		}
		start := time.Date(2025, 3, 1, 9, 0, 0, 0, time.UTC)
		tick := func(at time.Time) {
			t.Helper()
			s.drained = true
			s.run(t, "tick", "--drain", "--at", at.Format(time.RFC3339))
		}
		tick(start)
		first, second := start.Add(150*time.Minute), start.Add(30*time.Hour)
		before := map[string]string{}
		for _, customer := range []string{"ana", "noa"} {
			before[customer] = shown(first, "basket", "1", customer)
		}
		booked := shown(first, "booked", "1", "ana")
		tick(first)
		for customer, want := range map[string]string{"ana": "things wait", "noa": "=?utf-8?"} {
			sent := like(taken(customer+"@shop.example", want))
			if after := shown(first, "basket", "basket", customer); after != sent {
				t.Errorf("%s: preview is\n%s\nand the mail\n%s", customer, after, sent)
			}
			if before[customer] != sent {
				t.Errorf("%s: the preview before it began was\n%s\nand the mail is\n%s", customer, before[customer], sent)
			}
		}
		if sent := like(taken("ana@shop.example", "Booked")); booked != sent || !strings.Contains(sent, "Table 7 at Window") {
			t.Errorf("preview is\n%s\nand the mail\n%s", booked, sent)
		}
		tick(second)
		if sent := like(taken("ana@shop.example", "Still here")); shown(second, "basket", "2", "ana") != sent {
			t.Errorf("the second mail differs:\n%s", sent)
		}
		// Who has no first name is one of the sample, and gets mails all the same.
		code, stdout, stderr := s.command("preview", "--all", "--json", "--at", second.Format(time.RFC3339))
		var all struct {
			OK               bool
			Mails, Customers int
		}
		if err := json.Unmarshal([]byte(stdout), &all); err != nil || code != 0 || !all.OK || all.Customers != 2 || all.Mails != 4*2*8 {
			t.Errorf("preview --all: exit %d, %+v, %v\n%s%s", code, all, err, stdout, stderr)
		}
		if n := server.Total(); n != 5 {
			t.Errorf("%d mails: previews send none", n)
		}
	})
}
