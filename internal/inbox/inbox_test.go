package inbox

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"strings"
	"sync"
	"testing"
	"time"
)

var start = time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)

func setup(t *testing.T, change ...func(*Options)) *Inbox {
	t.Helper()
	o := Options{Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return start }}
	for _, f := range change {
		f(&o)
	}
	i, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func mailTo(n int) []byte {
	return fmt.Appendf(nil, "Subject: mail %d\r\nFeedback-ID: c%d:x:y:z\r\n\r\nhello", n, n%2)
}

func TestServe(t *testing.T) {
	i := setup(t)
	got := make(chan Mail, 4)
	stop := i.OnMail(func(m Mail) { got <- m })
	ln, err := Listen()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- i.Serve(ctx, ln) }()

	send := func(to ...string) {
		t.Helper()
		if err := smtp.SendMail(ln.Addr().String(), nil, "b+1@bounce.kape.example", to, crlf(reminder)); err != nil {
			t.Fatal(err)
		}
	}
	send("ana@example.com", "bo@example.com")
	a, b := <-got, <-got
	if a.ID != 1 || a.To != "ana@example.com" || b.ID != 2 || b.To != "bo@example.com" || a.Sender != "b+1@bounce.kape.example" || !a.At.Equal(start) {
		t.Errorf("got %d %q, %d %q, from %q at %v", a.ID, a.To, b.ID, b.To, a.Sender, a.At)
	}
	if len(a.Links) != 2 || a.Campaign != "abandoned-cart" {
		t.Errorf("links %v, campaign %q", a.Links, a.Campaign)
	}
	stop()
	send("cy@example.com")
	if len(got) != 0 {
		t.Error("told after stop")
	}
	if all := i.Messages(); len(all) != 3 || all[0].To != "cy@example.com" || len(all[0].Links) != 2 {
		t.Errorf("%d messages, newest to %q", len(all), all[0].To)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Serve ended with %v", err)
	}
}

func TestServeRefusesWhatOthersReach(t *testing.T) {
	ln, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := setup(t).Serve(t.Context(), ln); err == nil || !strings.Contains(err.Error(), "listen on 127.0.0.1") {
		t.Errorf("got %v", err)
	}
	if _, err := ln.Accept(); err == nil {
		t.Error("the listener is still open")
	}
}

func TestBounds(t *testing.T) {
	t.Run("number", func(t *testing.T) {
		i := setup(t, func(o *Options) { o.Keep = 3 })
		for n := range 10 {
			i.Accept("s@x.example", []string{"a@x.example"}, mailTo(n))
		}
		if all := i.Messages(); len(all) != 3 || all[0].ID != 10 || all[2].ID != 8 {
			t.Errorf("kept %d, newest %d", len(all), all[0].ID)
		}
		if _, ok := i.Get(7); ok {
			t.Error("an old mail is still there")
		}
		if m, ok := i.Get(9); !ok || m.Subject != "mail 8" || m.From != "s@x.example" {
			t.Errorf("got %+v, %v", m, ok)
		}
	})
	t.Run("bytes", func(t *testing.T) {
		i := setup(t, func(o *Options) { o.Bytes = 10_000 })
		for range 20 {
			i.Accept("", []string{"a@x.example"}, append(mailTo(1), strings.Repeat("x", 3000)...))
		}
		if all := i.Messages(); len(all) != 3 {
			t.Errorf("kept %d mails of 3 KB in 10 KB", len(all))
		}
		i.Accept("", []string{"a@x.example"}, append(mailTo(1), strings.Repeat("x", 50_000)...))
		if all := i.Messages(); len(all) != 1 {
			t.Errorf("kept %d, want the one that is too large alone", len(all))
		}
	})
}

func TestManyAtOnce(t *testing.T) {
	i := setup(t, func(o *Options) { o.Keep = 50 })
	var told sync.Map
	i.OnMail(func(m Mail) { told.Store(m.ID, true) })
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			for range 50 {
				i.Accept("", []string{"a@x.example"}, mailTo(n))
				i.Messages()
			}
		})
	}
	wg.Wait()
	count := 0
	told.Range(func(any, any) bool { count++; return true })
	if count != 400 || len(i.Messages()) != 50 {
		t.Errorf("told of %d mails, kept %d", count, len(i.Messages()))
	}
}

func get(t *testing.T, i *Inbox, path string) *httptest.ResponseRecorder {
	t.Helper()
	h, err := i.Handler("/inbox")
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return w
}

func TestListPage(t *testing.T) {
	i := setup(t)
	if w := get(t, i, "/inbox/"); !strings.Contains(w.Body.String(), "No mail yet") {
		t.Errorf("empty inbox: %s", w.Body)
	}
	for n := range 120 {
		i.Accept("", []string{fmt.Sprintf("p%d@x.example", n)}, mailTo(n))
	}
	i.Accept("", []string{"<script>@x.example"}, []byte("Subject: <script>alert(1)</script>\r\n\r\n"))
	for name, c := range map[string]struct {
		query     string
		has, lack []string
	}{
		"newest first": {"", []string{`http-equiv="refresh" content="3"`, "mail 119", "121 of 121", "before=72", "&lt;script&gt;"}, []string{"mail 70<", "<script"}},
		"older":        {"?before=72", []string{"mail 70<", "newest"}, []string{"refresh", "mail 71<"}},
		"recipient":    {"?q=P7%40", []string{"mail 7<", "1 of 121"}, []string{"mail 17<"}},
		"campaign":     {"?campaign=c1", []string{"mail 119", "60 of 121", "<option selected>c1"}, []string{"mail 118"}},
		"paused":       {"?live=off", []string{"paused"}, []string{"http-equiv"}},
		"none":         {"?q=nobody", []string{"No mail matches"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			body := get(t, i, "/inbox/"+c.query).Body.String()
			for _, s := range c.has {
				if !strings.Contains(body, s) {
					t.Errorf("lacks %q", s)
				}
			}
			for _, s := range c.lack {
				if strings.Contains(body, s) {
					t.Errorf("has %q", s)
				}
			}
		})
	}
}

func TestMailPage(t *testing.T) {
	i := setup(t)
	i.Accept("s@x.example", []string{"ana@example.com"}, crlf(reminder))
	i.Accept("s@x.example", []string{"ana@example.com"}, []byte("Subject: plain\r\n\r\n<b>not bold</b>"))
	for path, has := range map[string]string{
		"/inbox/1":                           `<iframe class="" title="The mail" sandbox="allow-popups allow-popups-to-escape-sandbox" src="/inbox/1/html">`,
		"/inbox/1?view=html&width=phone":     `<iframe class="phone"`,
		"/inbox/1?view=text":                 "Your basket:",
		"/inbox/1?view=links":                `<a href="https://t.kape.example/c/one" target="_blank"`,
		"/inbox/1?view=headers":              "42@kape.example",
		"/inbox/1?view=source":               "Caf=E9",
		"/inbox/2":                           "&lt;b&gt;not bold",
		"/inbox/1/html":                      `<head><base target="_blank">`,
		"/inbox/1/mail.eml":                  "Feedback-ID: abandoned-cart",
		"/inbox/2?view=html":                 "not bold",
		"/inbox/style.css":                   "iframe",
		"/inbox/1?view=nonsense&width=banna": "<iframe",
	} {
		w := get(t, i, path)
		if w.Code != 200 || !strings.Contains(w.Body.String(), has) {
			t.Errorf("%s: %d lacks %q:\n%s", path, w.Code, has, w.Body)
		}
	}
	for _, path := range []string{"/inbox/3", "/inbox/0", "/inbox/x", "/inbox/9/html", "/inbox/-1/mail.eml"} {
		if w := get(t, i, path); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	policy := get(t, i, "/inbox/1/html").Header().Get("Content-Security-Policy")
	for _, s := range []string{"sandbox allow-popups allow-popups-to-escape-sandbox;", "default-src 'none'", "frame-ancestors 'self'"} {
		if !strings.Contains(policy, s) {
			t.Errorf("policy of a mail %q lacks %q", policy, s)
		}
	}
	if strings.Contains(policy, "allow-scripts") || strings.Contains(policy, "script-src") {
		t.Errorf("policy of a mail lets scripts run: %q", policy)
	}
}

func TestInNewTab(t *testing.T) {
	const b = `<base target="_blank">`
	for in, want := range map[string]string{
		"<!DOCTYPE html><HTML><Head lang=x><title>": "<!DOCTYPE html><HTML><Head lang=x>" + b + "<title>",
		"<!doctype html><html><header>x":            "<!doctype html><html>" + b + "<header>x",
		"<!doctype html>x":                          "<!doctype html>" + b + "x",
		"İ<p>x":                                     b + "İ<p>x",
	} {
		if got := inNewTab(in); got != want {
			t.Errorf("inNewTab(%q) = %q", in, got)
		}
	}
}
