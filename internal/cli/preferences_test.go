package cli_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"tidings/internal/content"
	"tidings/internal/mail/smtptest"
	"tidings/internal/store"
	"tidings/internal/token"
	"tidings/internal/web"
)

// pages are a shop's pages for its customers, at a moment of its simulation.
type pages struct {
	t  *testing.T
	h  http.Handler
	at time.Time
}

func pagesOf(t *testing.T, s *shop) *pages {
	t.Helper()
	db, err := store.Open(t.Context(), s.env["DATABASE_URL"], store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	cat, problems := content.Load(os.DirFS(s.dir))
	if cat == nil {
		t.Fatal(problems)
	}
	db.Use(cat)
	signs, err := token.New([]string{s.env["SECRET_KEY"]})
	if err != nil {
		t.Fatal(err)
	}
	p := &pages{t: t}
	srv, err := web.NewServer(web.Config{Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return p.at }, Workspace: cat.Workspace})
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Open(web.Backend{
		Tokens: signs, Links: signs, Intake: db, Tracker: db, Subscriptions: db, Preferences: db, Confirmations: db, Reporter: db, Health: db,
	}); err != nil {
		t.Fatal(err)
	}
	p.h = srv
	return p
}

// ask sends a request and gives what it was answered with; want is its status.
func (p *pages) ask(method, at string, form url.Values, want int) string {
	p.t.Helper()
	r := httptest.NewRequest(method, at, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	p.h.ServeHTTP(w, r)
	if w.Code != want {
		p.t.Fatalf("%s %s: status %d, want %d\n%s", method, at, w.Code, want, w.Body)
	}
	return w.Body.String()
}

// linkIn is a mail's link to a page of a kind. A scanner follows it first, twice.
func (p *pages) linkIn(m smtptest.Message, kind string) string {
	p.t.Helper()
	at := regexp.MustCompile(`https://go\.shop\.example/` + kind + `/[A-Za-z0-9_-]+`).FindString(text(m.Body))
	if at == "" {
		p.t.Fatalf("no link to /%s/ in\n%s", kind, m.Body)
	}
	for range 2 {
		for _, method := range []string{http.MethodHead, http.MethodGet} {
			p.ask(method, at, nil, http.StatusOK)
		}
	}
	return at
}

// From a sign-up to its erasure, by mails and pages alone: what a scanner follows
// changes nothing, and a passed-on mail shows and opens nothing.
func TestCustomersOwnPages(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, databaseURL string) {
		server := smtptest.New(t)
		s := newShop(t, databaseURL)
		s.env["SMTP_URL"], s.env["PUBLIC_URL"], s.env["SECRET_KEY"] = server.URL(), "https://go.shop.example", "0123456789abcdef0123456789abcdef"
		s.write(t, "tidings.yaml", "name: Shop\nzone: UTC\nlocales: [en]\ncurrency: EUR\nbrand: { name: Shop, site: https://shop.example, address: 1 Test Street }\nsenders: { hello: { from: \"Shop <hello@shop.example>\" } }\ntopics: { offers: { opt_in: double }, news: {} }\ndefaults: { from: hello }\n")
		s.campaigns(t, map[string]string{"hello": "status: active\ntopic: offers\nholdout: 0%\ntrigger: { event: { name: Subscribed, where: { topic: offers } } }\nsteps: [ { send: letter } ]\n"})
		s.write(t, "customers.csv", "id,email\na,ana@shop.example\n")
		s.write(t, "events.csv", "customer_id,name,occurred_at,topic\na,Subscribed,2025-04-03T10:00:00Z,offers\n")
		s.run(t, "import", "customers", s.dir+"/customers.csv")
		s.run(t, "tick", "--at", "2025-04-03T09:00:00Z")
		s.run(t, "import", "events", s.dir+"/events.csv")
		p := pagesOf(t, s)
		mailed := func(at string) smtptest.Message {
			t.Helper()
			before := len(server.Messages())
			s.run(t, "tick", "--at", at, "--drain")
			p.at, _ = time.Parse(time.RFC3339, at)
			p.at = p.at.Add(time.Minute)
			all := server.Messages()
			if len(all) != before+1 || all[before].To != "ana@shop.example" {
				t.Fatalf("%d mails at %s", len(all)-before, at)
			}
			return all[before]
		}
		confirm := p.linkIn(mailed("2025-04-03T10:05:00Z"), "confirm")
		if n := s.count(t, `SELECT count(*) FROM consents`); n != 0 {
			t.Errorf("a scanner has confirmed: %d", n)
		}
		p.ask(http.MethodPost, confirm, nil, http.StatusOK)
		p.ask(http.MethodPost, confirm, nil, http.StatusGone)
		if n := s.count(t, `SELECT count(*) FROM consents WHERE given AND proof <> ''`); n != 1 {
			t.Errorf("%d consents", n)
		}
		choose := p.linkIn(mailed("2025-04-03T11:00:00Z"), "p")
		for _, what := range []string{"/export", "/erase", "/address"} {
			p.ask(http.MethodPost, choose+what, url.Values{"sure": {"yes"}, "address": {"eve@shop.example"}}, http.StatusForbidden)
		}
		p.ask(http.MethodPost, choose, url.Values{"shown": {"offers"}}, http.StatusOK)
		if body := p.ask(http.MethodPost, choose, url.Values{"keep": {"offers"}}, http.StatusOK); strings.Contains(body, "ana@") || strings.Contains(body, `value="offers"`) {
			t.Errorf("a link alone has switched on, or shows the address:\n%s", body)
		}
		p.ask(http.MethodPost, choose+"/link", nil, http.StatusOK)
		once := p.linkIn(mailed("2025-04-03T12:00:00Z"), "p")
		body := p.ask(http.MethodPost, once, nil, http.StatusOK)
		p.ask(http.MethodPost, once, nil, http.StatusGone)
		session := regexp.MustCompile(`action="(/p/[A-Za-z0-9_-]+)"`).FindStringSubmatch(body)
		if session == nil || !strings.Contains(body, "ana@shop.example") {
			t.Fatal(body)
		}
		if body = p.ask(http.MethodPost, session[1], url.Values{"keep": {"offers"}}, http.StatusOK); !strings.Contains(body, `name="shown" value="offers"`) {
			t.Errorf("not switched on:\n%s", body)
		}
		var stored struct {
			Customer struct{ Email string }
			Consents []struct{ Given bool }
			Mails    []struct{ Mail string }
		}
		if err := json.Unmarshal([]byte(p.ask(http.MethodPost, session[1]+"/export", nil, http.StatusOK)), &stored); err != nil || stored.Customer.Email != "ana@shop.example" || len(stored.Consents) != 3 || len(stored.Mails) != 3 {
			t.Errorf("%+v, %v", stored, err)
		}
		p.ask(http.MethodPost, session[1]+"/erase", url.Values{"sure": {"yes"}}, http.StatusOK)
		p.ask(http.MethodPost, session[1]+"/export", nil, http.StatusNotFound)
		for table, want := range map[string]int{"customers": 0, "events": 0, "messages": 0, "consents": 0, "suppressions": 2} {
			if n := s.count(t, `SELECT count(*) FROM `+table); n != want {
				t.Errorf("%d %s left, want %d", n, table, want)
			}
		}
	})
}
