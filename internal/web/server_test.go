package web

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"tidings/internal/campaign"
)

func TestHealth(t *testing.T) {
	b := setup(t, func(c *Config) { c.MaxTickAge = time.Minute })
	wantStatus(t, b.do("GET", "/healthz", ""), 200)
	wantBody(t, b.do("GET", "/readyz", ""), `{"ready":true}`)
	b.tick = start.Add(-30 * time.Second)
	wantBody(t, b.do("GET", "/readyz", ""), `"last_tick_seconds_ago":30`)
	b.tick = start.Add(-2 * time.Minute)
	wantStatus(t, b.do("GET", "/readyz", ""), 503)
	b.readErr = errDown
	w := b.do("GET", "/readyz", "")
	wantStatus(t, w, 503)
	if strings.Contains(w.Body.String(), errDown.Error()) {
		t.Errorf("the reply tells an inner error: %s", w.Body)
	}
	wantStatus(t, b.do("GET", "/healthz", ""), 200)
}

func TestBeforeOpen(t *testing.T) {
	s, err := NewServer(Config{Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return start }})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{srv: s}
	wantStatus(t, b.do("GET", "/healthz", ""), 200)
	wantStatus(t, b.do("GET", "/readyz", ""), 503)
	wantStatus(t, b.do("GET", "/c/x", ""), 503)
	if err := s.Open(Backend{}); err == nil {
		t.Error("an empty backend was taken")
	}
}

func TestPanicBecomes500(t *testing.T) {
	b := setup(t)
	err := b.srv.Open(Backend{Tokens: b.signs, Intake: b, Tracker: b, Subscriptions: b, Preferences: b, Confirmations: b, Links: b.signs, Reporter: panicking{}, Health: b})
	if err != nil {
		t.Fatal(err)
	}
	wantStatus(t, b.do("GET", "/report", ""), 500)
	if !strings.Contains(b.log.String(), "handler panicked") {
		t.Errorf("log: %s", b.log)
	}
}

type panicking struct{ Reporter }

func (panicking) Report(context.Context, string, time.Time) (campaign.Report, error) { panic("a bug") }

// slow holds a report until released.
type slow struct {
	Reporter
	entered, release chan struct{}
}

func (s slow) Report(context.Context, string, time.Time) (campaign.Report, error) {
	close(s.entered)
	<-s.release
	return campaign.Report{}, nil
}

func TestRunDrains(t *testing.T) {
	for name, c := range map[string]struct {
		drain   time.Duration
		release bool // let the request end while draining
		ok      bool
	}{
		"request finishes": {time.Minute, true, true},
		"time runs out":    {time.Millisecond, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t, func(cfg *Config) { cfg.DrainTime = c.drain })
			s := slow{nil, make(chan struct{}), make(chan struct{})}
			if err := b.srv.Open(Backend{Tokens: b.signs, Intake: b, Tracker: b, Subscriptions: b, Preferences: b, Confirmations: b, Links: b.signs, Reporter: s, Health: b}); err != nil {
				t.Fatal(err)
			}
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- b.srv.Run(ctx, ln) }()

			answered := make(chan error, 1)
			go func() {
				resp, err := http.Get("http://" + ln.Addr().String() + "/report")
				if err == nil {
					_, err = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
				answered <- err
			}()
			<-s.entered
			stop()
			if c.release {
				close(s.release)
			} else {
				defer close(s.release)
			}
			if err := <-answered; (err == nil) != c.ok {
				t.Errorf("the request under way ended with %v", err)
			}
			if err := <-ended; (err == nil) != c.ok {
				t.Errorf("Run ended with %v", err)
			}
			if w := b.do("GET", "/readyz", ""); w.Code != 503 {
				t.Errorf("ready while stopping: %d", w.Code)
			}
		})
	}
}

func TestPagesMayNotBeFramedOrScripted(t *testing.T) {
	b := setup(t)
	for _, path := range []string{"/", "/report", b.link()} {
		w := b.do("GET", path, "")
		if got := w.Header().Get("Content-Security-Policy"); !strings.Contains(got, "default-src 'none'") || !strings.Contains(got, "frame-ancestors 'none'") {
			t.Errorf("%s: policy %q", path, got)
		}
		if strings.Contains(w.Body.String(), "style=") {
			t.Errorf("%s has a style attribute, which its policy blocks", path)
		}
	}
	_, rest, _ := strings.Cut(b.do("GET", "/report", "").Body.String(), `rel="stylesheet" href="`)
	css, _, _ := strings.Cut(rest, `"`)
	if !strings.HasPrefix(css, "/assets/style.css?v=") {
		t.Errorf("stylesheet at %q", css)
	}
	wantBody(t, b.do("GET", css, ""), ":root")
	wantBody(t, b.do("GET", "/robots.txt", ""), "Disallow: /")
	wantStatus(t, b.do("GET", "/nothing", ""), 404)
}

func TestInboxIsGuarded(t *testing.T) {
	b := setup(t)
	wantStatus(t, b.do("GET", "/inbox/", ""), 404)
	inbox := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { plain(w, 200, "mails") })
	if err := b.srv.Open(Backend{Tokens: b.signs, Intake: b, Tracker: b, Subscriptions: b, Preferences: b, Confirmations: b, Links: b.signs, Reporter: b, Health: b, Inbox: inbox}); err != nil {
		t.Fatal(err)
	}
	wantBody(t, b.do("GET", "/inbox/1/html", ""), "mails")
	wantStatus(t, b.do("GET", "/inbox/1/html", "", from("203.0.113.9:1")), 403)
}

func TestServerLinesLoseAddresses(t *testing.T) {
	b := setup(t)
	l := errorLog(b.srv.Log)
	l.Print("http: TLS handshake error from 203.0.113.9:5151: EOF")
	l.Print("http: panic serving [2001:db8::7]:80: boom\ngoroutine 1")
	if log := b.log.String(); strings.Contains(log, "203.0.113") || strings.Contains(log, "2001:db8") || strings.Count(log, "peer") != 2 {
		t.Errorf("log: %s", log)
	}
}

// Webhooks are where they were given, and nowhere else; what their address holds is
// no word of the log.
func TestHooks(t *testing.T) {
	b := setup(t)
	wantStatus(t, b.do("POST", "/hooks/ses", "{}"), http.StatusNotFound)
	got := ""
	hooks := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got += r.PathValue("provider") + " "
		w.WriteHeader(http.StatusForbidden)
	})
	b.back.Hooks = hooks
	if err := b.srv.Open(b.back); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, b.do("POST", "/hooks/ses?secret=s3cret", "{}"), http.StatusForbidden)
	wantStatus(t, b.do("GET", "/hooks/ses", ""), http.StatusMethodNotAllowed)
	if got != "ses " || strings.Contains(b.log.String(), "s3cret") || !strings.Contains(b.log.String(), "POST /hooks/{provider}") {
		t.Errorf("taken %q, log %s", got, b.log)
	}
}
