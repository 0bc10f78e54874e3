package hook

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/inbound"
	"tidings/internal/token"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

const secret = "a secret of our own making"

// book keeps what was recorded.
type book struct {
	mu       sync.Mutex
	err      error
	returned []campaign.Returned
	arrived  []int64
	left     []string
	calls    map[string]string
	counts   map[string]int64
	under    bool // the hand-over is under way
}

func (b *book) Returned(_ context.Context, message int64, r campaign.Returned, _ time.Time) (campaign.Outcome, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return campaign.Outcome{}, b.err
	}
	b.returned = append(b.returned, r)
	return campaign.Outcome{Found: message == 7}, nil
}

func (b *book) Arrived(_ context.Context, message int64, _ time.Time) (campaign.Outcome, error) {
	if b.under {
		return campaign.Outcome{}, campaign.ErrUnderWay
	}
	b.arrived = append(b.arrived, message)
	return campaign.Outcome{Found: true}, b.err
}

func (b *book) Unsubscribe(context.Context, int64, bool, campaign.Hit) error {
	b.left = append(b.left, "by mail")
	return b.err
}

func (b *book) UnsubscribeOnce(_ context.Context, _ int64, everything bool, _ campaign.Hit, uid string) (bool, error) {
	b.left = append(b.left, map[bool]string{true: "everything", false: "topic"}[everything])
	return !strings.Contains(uid, "hook:"), b.err
}

func (b *book) WebhookCall(_ context.Context, key, body string, _ time.Time) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if have, known := b.calls[key]; known {
		return have == body, b.err
	}
	b.calls[key] = body
	return true, b.err
}

func (b *book) CountWebhooks(_ context.Context, counts []campaign.WebhookCount) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range counts {
		b.counts[c.Provider+" "+c.Event+" "+c.TakenAs] += c.Count
	}
	return b.err
}

// empty tells whether nothing was recorded, counts included.
func (b *book) empty() bool {
	return len(b.returned)+len(b.arrived)+len(b.left)+len(b.calls)+len(b.counts) == 0
}

// desk is webhooks over a book.
type desk struct {
	*book
	handler *Handler
	signer  *token.Signer
	log     *bytes.Buffer
}

func newDesk(t *testing.T, keys map[string][]string, change ...func(*Options)) *desk {
	t.Helper()
	signer, err := token.New([]string{strings.Repeat("k", 32)})
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{book: &book{calls: map[string]string{}, counts: map[string]int64{}}, signer: signer, log: &bytes.Buffer{}}
	o := Options{
		Desk:  &inbound.Desk{Store: d.book, Tokens: signer, StoreID: "s1"},
		Store: d.book, Keys: keys, Now: func() time.Time { return noon }, Log: slog.New(slog.NewTextHandler(d.log, nil)),
		Fetch: noFetch{},
	}
	for _, f := range change {
		f(&o)
	}
	if d.handler, err = New(o); err != nil {
		t.Fatal(err)
	}
	return d
}

// noFetch reaches nobody.
type noFetch struct{}

func (noFetch) Do(*http.Request) (*http.Response, error) { return nil, errors.New("no network here") }

// post sends a call and gives the status back.
func (d *desk) post(t *testing.T, name, body string, edit ...func(*http.Request)) int {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/hooks/"+name, strings.NewReader(body))
	for _, f := range edit {
		f(r)
	}
	w := httptest.NewRecorder()
	mux := http.NewServeMux()
	mux.Handle("POST /hooks/{provider}", d.handler)
	mux.ServeHTTP(w, r)
	if strings.Contains(d.log.String(), "ana@") {
		t.Errorf("an address in the log: %s", d.log)
	}
	d.handler.Close(t.Context())
	return w.Code
}

func head(k, v string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(k, v) }
}

// password proves a call by a secret.
func password(s string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth("tidings", s) }
}
