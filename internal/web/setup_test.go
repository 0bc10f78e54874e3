package web

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/intake"
	"tidings/internal/token"
)

var errDown = errors.New("connection refused")

const target = "https://kape.example/p/7?size=250g&from=mail#reviews"

// fake is a backend that notes what was asked of it; err makes every part fail.
type fake struct {
	mu       sync.Mutex
	err      error // of what stores
	readErr  error // of what looks up
	accepted []intake.Item
	calls    []string
	hits     []campaign.Hit
	links    map[int64]string
	sub      campaign.Subscription
	gone     bool
	report   campaign.Report
	pages    map[int64]campaign.Page
	arrived  campaign.Deliverability
	days     int // that were asked for
	tick     time.Time
	chosen
}

func (f *fake) note(call string, hit campaign.Hit) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return f.err
	}
	f.calls = append(f.calls, call)
	f.hits = append(f.hits, hit)
	return nil
}

func (f *fake) Accept(_ context.Context, items []intake.Item) error {
	if f.err != nil {
		return f.err
	}
	f.accepted = append(f.accepted, items...)
	return nil
}

func (f *fake) Target(_ context.Context, _, link int64) (string, bool, error) {
	to, ok := f.links[link]
	return to, ok, f.readErr
}

func (f *fake) Opened(_ context.Context, _ int64, hit campaign.Hit) error {
	return f.note("opened", hit)
}

func (f *fake) Clicked(_ context.Context, _, _ int64, hit campaign.Hit) error {
	return f.note("clicked", hit)
}

func (f *fake) Page(_ context.Context, message int64, _ time.Time) (campaign.Page, bool, error) {
	p, ok := f.pages[message]
	return p, ok, f.readErr
}

func (f *fake) Subscription(context.Context, int64) (campaign.Subscription, bool, error) {
	return f.sub, !f.gone, f.readErr
}

func (f *fake) Unsubscribe(_ context.Context, _ int64, everything bool, hit campaign.Hit) error {
	if everything {
		return f.note("left everything", hit)
	}
	return f.note("left topic", hit)
}

func (f *fake) Report(_ context.Context, name string, at time.Time) (campaign.Report, error) {
	rep := f.report
	rep.At = at
	if name != "" {
		rep.Campaigns = nil
		for _, c := range f.report.Campaigns {
			if c.Campaign == name {
				rep.Campaigns = append(rep.Campaigns, c)
			}
		}
	}
	return rep, f.readErr
}

func (f *fake) Deliverability(_ context.Context, at time.Time, days int) (campaign.Deliverability, error) {
	d := f.arrived
	d.At, f.days = at, days
	return d, f.readErr
}

func (f *fake) Ping(context.Context) error                  { return f.readErr }
func (f *fake) LastTick(context.Context) (time.Time, error) { return f.tick, nil }

// bench is a server over a fake.
type bench struct {
	*fake
	srv   *Server
	back  Backend // that it was opened with
	signs *token.Signer
	log   *bytes.Buffer
}

var start = time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)

func setup(t *testing.T, change ...func(*Config)) *bench {
	t.Helper()
	signs, err := token.New([]string{"0123456789abcdef0123456789abcdef"})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{signs: signs, log: &bytes.Buffer{}, fake: &fake{
		links:  map[int64]string{3: target, 4: "javascript:alert(1)", 5: "mailto:a@b.example", 6: "https:///nohost"},
		sub:    campaign.Subscription{Address: "ana@example.com", Locale: "en", Topic: "offers"},
		report: sampleReport(),
		chosen: chosen{prefs: samplePreferences(), question: campaign.Confirmation{State: campaign.LinkGood, Address: "ana@example.com", Locale: "en", Topic: "offers"}},
	}}
	c := Config{
		Log: slog.New(slog.NewTextHandler(b.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Now: func() time.Time { return start },
		Workspace: campaign.Workspace{
			Name: "Kape & Co", Locales: []string{"en", "fil"},
			Topics: map[string]campaign.Topic{"offers": {Key: "offers", Name: campaign.Localized{"en": "Offers <3", "he": "מבצעים"}}},
		},
		WriteKeys: []string{"wk_old", "wk_new"},
		Proxies:   []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
	}
	for _, f := range change {
		f(&c)
	}
	if b.srv, err = NewServer(c); err != nil {
		t.Fatal(err)
	}
	b.back = Backend{Tokens: signs, Intake: b, Tracker: b, Subscriptions: b, Preferences: b, Confirmations: b, Links: signs, Reporter: b, Health: b}
	if err := b.srv.Open(b.back); err != nil {
		t.Fatal(err)
	}
	return b
}

// do sends a request from this machine; edit changes it first.
func (b *bench) do(method, path, body string, edit ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://localhost:8080"+path, strings.NewReader(body))
	r.RemoteAddr = "127.0.0.1:5151"
	for _, f := range edit {
		f(r)
	}
	w := httptest.NewRecorder()
	b.srv.ServeHTTP(w, r)
	return w
}

func header(k, v string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(k, v) }
}

func from(addr string) func(*http.Request) { return func(r *http.Request) { r.RemoteAddr = addr } }

func wantStatus(t *testing.T, w *httptest.ResponseRecorder, status int) {
	t.Helper()
	if w.Code != status {
		t.Fatalf("status %d, want %d; body %q", w.Code, status, w.Body)
	}
}

func wantBody(t *testing.T, w *httptest.ResponseRecorder, parts ...string) {
	t.Helper()
	body, _ := io.ReadAll(w.Result().Body)
	for _, p := range parts {
		if !bytes.Contains(body, []byte(p)) {
			t.Errorf("body lacks %q:\n%s", p, body)
		}
	}
}

func (b *bench) wantCalls(t *testing.T, want ...string) {
	t.Helper()
	if strings.Join(b.calls, ", ") != strings.Join(want, ", ") {
		t.Errorf("stored %q, want %q", b.calls, want)
	}
}

func sampleReport() campaign.Report {
	return campaign.Report{At: start, Campaigns: []campaign.CampaignReport{
		{
			Campaign: "abandoned-cart", Label: "Abandoned cart", Status: "active",
			Entered: 1204, HeldOut: 121, Sent: 1961, Failed: 12, Engagement: campaign.Engagement{Opened: 608, Clicked: 211, MachineOpened: 512, MachineClicked: 77}, Unsubscribed: 9,
			Converted: 180, Revenue: map[string]float64{"EUR": 7010.5, "PHP": 120345},
			FailedBy:    map[string]int{"bad_address": 9, "mailbox_full": 3},
			CancelledBy: map[string]int{"exit_on": 204, "expired": 2},
			HeldBy:      map[string]int{"no_consent": 122, "in_progress": 28, "fuse": 0},
			Waiting:     31, Uncertain: 1,
			Steps: []campaign.StepReport{
				{Step: "cart-reminder", Template: "cart-reminder", Sent: 1083, Failed: 9, Engagement: campaign.Engagement{Opened: 400, Clicked: 153, MachineOpened: 300, MachineClicked: 50}, Unsubscribed: 5, Waiting: 20},
				{Step: "offer", Template: "cart-offer", Sent: 878, Failed: 3, Cancelled: 206, Engagement: campaign.Engagement{Opened: 208, Clicked: 58}, Unsubscribed: 4, Waiting: 11, Uncertain: 1},
			},
		},
		{Campaign: "win-back", Label: "Win back", Status: "draft"},
	}}
}
