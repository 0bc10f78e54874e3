package cli_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"net/textproto"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-msgauth/dkim"

	"tidings/internal/campaign"
	"tidings/internal/mail/smtptest"
	"tidings/internal/store"
	"tidings/internal/token"
	"tidings/internal/web"
)

// oneClick unsubscribes from a mail as RFC 8058 has a receiver do it, and by nothing
// that it does not: section 4 on which mails may be offered so, 3.1 and 3.2 on the
// request.
func oneClick(client *http.Client, raw []byte, key func(name string) ([]string, error)) (*http.Response, error) {
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	post, where := m.Header[textproto.CanonicalMIMEHeaderKey("List-Unsubscribe-Post")], m.Header["List-Unsubscribe"]
	if len(post) != 1 || len(where) != 1 || post[0] != "List-Unsubscribe=One-Click" {
		return nil, fmt.Errorf("List-Unsubscribe-Post %q, List-Unsubscribe %q", post, where)
	}
	found, err := dkim.VerifyWithOptions(bytes.NewReader(raw), &dkim.VerifyOptions{LookupTXT: key})
	if err != nil {
		return nil, err
	}
	covered := false
	for _, v := range found {
		names := strings.ToLower(strings.Join(v.HeaderKeys, " ") + " ")
		covered = covered || v.Err == nil && strings.Contains(names, "list-unsubscribe ") && strings.Contains(names, "list-unsubscribe-post ")
	}
	if !covered {
		return nil, errors.New("no valid signature covers both fields")
	}
	uris := regexp.MustCompile(`<(https://[^<>\s]+)>`).FindAllStringSubmatch(where[0], -1)
	if len(uris) != 1 {
		return nil, fmt.Errorf("%d https addresses in %q", len(uris), where[0])
	}
	ask, err := http.NewRequest(http.MethodPost, uris[0][1], strings.NewReader("List-Unsubscribe=One-Click"))
	if err != nil {
		return nil, err
	}
	ask.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return client.Do(ask)
}

// webOf serves a shop's pages under its public host, over TLS.
func webOf(t *testing.T, s *shop, at time.Time) *http.Client {
	t.Helper()
	db, err := store.Open(t.Context(), s.env["DATABASE_URL"], store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	signs, err := token.New([]string{s.env["SECRET_KEY"]})
	if err != nil {
		t.Fatal(err)
	}
	srv, err := web.NewServer(web.Config{
		Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return at },
		Workspace: campaign.Workspace{Name: "Shop", Locales: []string{"en"}, Topics: map[string]campaign.Topic{"offers": {Key: "offers"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Open(web.Backend{
		Tokens: signs, Links: signs, Intake: db, Tracker: db, Subscriptions: db, Preferences: db, Confirmations: db, Reporter: db, Health: db,
	}); err != nil {
		t.Fatal(err)
	}
	host := httptest.NewTLSServer(srv)
	t.Cleanup(host.Close)
	client := host.Client()
	line := client.Transport.(*http.Transport)
	line.TLSClientConfig = &tls.Config{RootCAs: line.TLSClientConfig.RootCAs, ServerName: "example.com"}
	line.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, host.Listener.Addr().String())
	}
	// What RFC 8058 forbids to answer, and to send.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return errors.New("a redirect") }
	return client
}

// A mail program that keeps to RFC 8058 unsubscribes with one request, and again with
// no harm; a scanner that fetches every address does not. The mail opens in the browser
// as it was sent, also afterwards, with links that lead on; it counts no opening there,
// and after 30 days it is gone.
func TestOneClickAndView(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, databaseURL string) {
		server := smtptest.New(t)
		s := newShop(t, databaseURL)
		s.env["SMTP_URL"], s.env["PUBLIC_URL"], s.env["SECRET_KEY"], s.env["RETURN_ADDRESS"] = server.URL(), "https://go.shop.example", "0123456789abcdef0123456789abcdef", "back@shop.example"
		file := filepath.Join(s.dir, "key.pem")
		_, out, _ := s.command("dkim", "keygen", "--domain", "shop.example", "--selector", "s", "--algorithm", "ed25519", "--out", file, "--json")
		value := regexp.MustCompile(`"value": *"([^"]+)"`).FindStringSubmatch(out)
		if value == nil {
			t.Fatal(out)
		}
		s.env["DKIM_KEYS"] = "s@shop.example=" + file
		s.write(t, "tidings.yaml", "name: Shop\nzone: UTC\nlocales: [en]\ncurrency: EUR\nbrand: { name: Shop, site: https://shop.example, address: 1 Test Street }\nsenders: { hello: { from: \"Shop <hello@shop.example>\" } }\ntopics: { offers: {} }\ndefaults: { from: hello }\n")
		s.write(t, "templates/letter.html", strings.Replace(letter, "Hello.", `Hello {{ customer.first_name }}. <a href="https://shop.example/p?n=1">Look</a> <a href="{{ links.view }}">In the browser</a>`, 1))
		s.campaigns(t, map[string]string{"hello": "status: active\ntopic: offers\nactive_from: 2025-01-01\nholdout: 0%\nmax_lateness: 30d\ntrigger: { inactivity: { after: 90d, of: [Order Completed] } }\nsteps: [ { send: letter } ]\n"})
		s.write(t, "customers.csv", "id,email,first_name\na,ana@shop.example,Añá\nb,ben@shop.example,Ben\n")
		s.write(t, "orders.csv", "customer_id,name,occurred_at,total\na,Order Completed,2025-01-02,10\nb,Order Completed,2025-01-02,10\n")
		s.run(t, "import", "customers", s.dir+"/customers.csv", "--consent", "a box")
		s.run(t, "import", "events", s.dir+"/orders.csv")
		s.run(t, "tick", "--at", "2025-04-03", "--drain")
		i := slices.IndexFunc(server.Messages(), func(m smtptest.Message) bool { return m.To == "ana@shop.example" })
		if i < 0 {
			t.Fatalf("no mail to Ana among %d", len(server.Messages()))
		}
		raw := server.Messages()[i].Body
		sent := time.Date(2025, 4, 3, 0, 0, 0, 0, time.UTC)
		client := webOf(t, s, sent.Add(time.Hour))
		lookAtAll(t, client, raw)
		if n := s.count(t, `SELECT count(*) FROM consents WHERE NOT given`); n > 0 {
			t.Errorf("a scanner unsubscribed %d times", n)
		}
		for range 2 {
			resp, err := oneClick(client, raw, func(string) ([]string, error) { return []string{value[1]}, nil })
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK || len(resp.Cookies()) > 0 {
				t.Errorf("%s, cookies %v", resp.Status, resp.Cookies())
			}
		}
		for _, what := range []string{`consents WHERE NOT given`, `events WHERE name = 'Unsubscribed'`, `suppressions`} {
			if n := s.count(t, `SELECT count(*) FROM `+what); n != 1 {
				t.Errorf("%d %s", n, what)
			}
		}
		viewed(t, client, s, raw, sent)
	})
}

// text is a mail's HTML as it stands on the line, without the marks of its encoding.
func text(raw []byte) string {
	return strings.NewReplacer("=\r\n", "", "=3D", "=", "=\n", "").Replace(string(raw))
}

// lookAtAll fetches every address of a mail as a scanner does, twice.
func lookAtAll(t *testing.T, client *http.Client, raw []byte) {
	t.Helper()
	asks := 0
	scanner := &http.Client{Transport: client.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, at := range regexp.MustCompile(`https://go\.shop\.example/[A-Za-z0-9/_.-]+`).FindAllString(text(raw), -1) {
		for _, method := range []string{http.MethodHead, http.MethodGet} {
			ask, err := http.NewRequest(method, at, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := scanner.Do(ask)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode >= 400 {
				t.Errorf("%s %s: %s", method, at, resp.Status)
			}
			asks++
		}
	}
	if asks < 10 {
		t.Errorf("%d addresses looked at", asks)
	}
}

// viewed opens a mail in the browser, now and when it is kept no longer.
func viewed(t *testing.T, client *http.Client, s *shop, raw []byte, sent time.Time) {
	t.Helper()
	at := regexp.MustCompile(`https://go\.shop\.example/v/[A-Za-z0-9_-]+`).FindString(text(raw))
	get := func(client *http.Client) (int, string) {
		resp, err := client.Get(at)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	code, body := get(client)
	if code != http.StatusOK || !strings.Contains(body, "Hello Añá.") || strings.Contains(body, "/o/") || !strings.Contains(body, "https://go.shop.example/c/") || !strings.Contains(body, "https://go.shop.example/u/") {
		t.Errorf("%d: %s", code, body)
	}
	// What the template says by now changes nothing.
	s.write(t, "templates/letter.html", letter)
	if code, again := get(client); code != http.StatusOK || again != body {
		t.Errorf("%d: %s", code, again)
	}
	if code, body := get(webOf(t, s, sent.Add(campaign.PageKept+time.Hour))); code != http.StatusGone || strings.Contains(body, "Añá") {
		t.Errorf("%d: %s", code, body)
	}
}
