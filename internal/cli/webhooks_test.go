package cli

import (
	"bytes"
	"database/sql"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"tidings/internal/campaign"
	"tidings/internal/config"
	"tidings/internal/hook"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
	"tidings/internal/token"
)

// The variables that the environment is read by are those that webhooks name.
func TestWebhookVariables(t *testing.T) {
	t.Parallel()
	for _, p := range hook.Providers {
		cfg, err := config.Load(func(key string) string { return map[string]string{p.Keys: "one, two"}[key] })
		if err != nil || len(cfg.Webhooks) != 1 || !slices.Equal(cfg.Webhooks[p.Name], []string{"one", "two"}) {
			t.Errorf("%s: %v, %v", p.Keys, cfg.Webhooks, err)
		}
	}
}

// hooked is a live process's webhooks over a store with three mails that were sent.
func hooked(t *testing.T, s *store.Store, db *sql.DB) (post func(path, kind, body string) int, log *bytes.Buffer) {
	t.Helper()
	signer, err := token.New([]string{strings.Repeat("k", 32)})
	if err != nil {
		t.Fatal(err)
	}
	for i, q := range []string{
		`INSERT INTO campaigns (name, seed, topic, status, loaded_at) VALUES ('hello', 'h', 'offers', 'active', 0)`,
		`INSERT INTO customers (external_id, email, email_hash) VALUES ('ana', 'ana@shop.example', $1), ('bela', 'bela@shop.example', $2), ('dana', 'dana@shop.example', $3)`,
		`INSERT INTO enrollments (campaign_id, customer_id, key, anchor_at, entered_at, decided_at, anchor, state) SELECT 1, id, 'k' || id, 0, 0, 0, '{}', 'running' FROM customers ORDER BY id`,
		`INSERT INTO messages (enrollment_id, campaign_id, customer_id, step, topic, lane, state, created_at, reached_at, due_at, expires_at, email_hash)
			SELECT e.id, 1, e.customer_id, 'one', 'offers', 'bulk', 'accepted', 0, 0, 0, 0, c.email_hash FROM enrollments e JOIN customers c ON c.id = e.customer_id ORDER BY e.customer_id`,
	} {
		var args []any
		if i == 1 {
			for _, name := range []string{"ana", "bela", "dana"} {
				args = append(args, campaign.AddressHash(name+"@shop.example"))
			}
		}
		if _, err := db.Exec(q, args...); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	log = &bytes.Buffer{}
	l := &live{store: s, machine: &machine{store: s, signer: signer}, rt: &runtime{
		ctx: t.Context(), log: slog.New(slog.NewTextHandler(log, nil)), stdout: io.Discard, stderr: io.Discard,
		cfg: config.Config{Webhooks: map[string][]string{"brevo": {"a secret for the tests"}, "inbound": {"a secret for the tests"}}},
	}}
	h, err := l.hooks()
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /hooks/{provider}", h)
	t.Cleanup(func() { l.shutdown[0](t.Context()) })
	return func(path, kind, body string) int {
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		return w.Code
	}, log
}

// What providers tell reaches the list of those who get no mail, once.
func TestWebhooksAct(t *testing.T) {
	t.Parallel()
	for _, engine := range []string{"sqlite", "pgx"} {
		t.Run(engine, func(t *testing.T) { testWebhooksAct(t, engine) })
	}
}

func testWebhooksAct(t *testing.T, engine string) {
	path := "sqlite:" + storetest.SQLiteFile(t)
	if engine == "pgx" {
		path = storetest.PostgresURL(t)
	}
	s, err := store.Open(t.Context(), path, store.Options{Throwaway: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open(engine, strings.TrimPrefix(path, "sqlite:"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	post, log := hooked(t, s, db)
	event := func(message, event, email, more string) string {
		return `{"event":"` + event + `","email":"` + email + `@shop.example","ts_epoch":1795435140000,"X-Mailin-custom":"t` + message + `.` + s.ID() + `"` + more + `}`
	}
	calls := []string{
		event("1", "hard_bounce", "ana", `,"reason":"550 5.1.1 no such user"`),
		event("2", "spam", "bela", ""),
		event("3", "unsubscribed", "dana", ""),
		event("1", "levitated", "ana", ""),
		strings.Replace(event("3", "spam", "dana", ""), s.ID(), "another", 1),
	}
	for _, body := range calls {
		if got := post("/hooks/brevo", "application/json", body); got != http.StatusUnauthorized {
			t.Errorf("without a secret: %d", got)
		}
	}
	if got := texts(t, db, `SELECT reason FROM suppressions`); len(got) > 0 {
		t.Fatalf("suppressed %q by a stranger", got)
	}
	for range 2 {
		for _, body := range calls {
			if got := post("/hooks/brevo?secret=a+secret+for+the+tests", "application/json", body); got != http.StatusOK {
				t.Errorf("%s: %d", body, got)
			}
		}
	}
	mail := "From: Ana <ana@shop.example>\r\nTo: hello@shop.example\r\nSubject: Re: Hello\r\nIn-Reply-To: <t1." + s.ID() + "@shop.example>\r\n\r\nIn blue?\r\n"
	if got := post("/hooks/inbound?secret=a+secret+for+the+tests", "message/rfc822", mail); got != http.StatusOK {
		t.Errorf("inbound: %d", got)
	}
	want := []string{"ana * bad_address", "bela @marketing complained", "dana @marketing unsubscribed"}
	if got := texts(t, db, `SELECT c.external_id || ' ' || s.topic || ' ' || s.reason FROM suppressions s JOIN customers c ON c.email_hash = s.email_hash ORDER BY 1`); !slices.Equal(got, want) {
		t.Errorf("suppressed %q, want %q", got, want)
	}
	want = []string{"ana Email Bounced", "ana Email Replied", "bela Email Complained", "dana Unsubscribed"}
	if got := texts(t, db, `SELECT c.external_id || ' ' || e.name FROM events e JOIN customers c ON c.id = e.customer_id ORDER BY 1`); !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
	if strings.Contains(log.String(), "@shop.example") || strings.Contains(log.String(), "secret for") {
		t.Errorf("in the log: %s", log)
	}
}

func texts(t *testing.T, db *sql.DB, query string) (out []string) {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		out = append(out, text)
	}
	return out
}
