package web

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"tidings/internal/campaign"
)

func TestReportPages(t *testing.T) {
	b := setup(t, func(c *Config) { c.Refresh = 5 * time.Second })
	w := b.do("GET", "/report", "")
	wantStatus(t, w, 200)
	wantBody(t, w, "Abandoned cart", "Win back", "1,961", "31.0 % of sent", "EUR 7,010.50", "PHP 120,345.00",
		`<meta http-equiv="refresh" content="5">`, "22 November 2026, 09:30 UTC")
	w = b.do("GET", "/report/abandoned-cart", "")
	wantStatus(t, w, 200)
	wantBody(t, w, "<strong>180</strong> customers met the goal", "10.0 % of entered", "no consent to the topic", "the address does not exist", "cart-offer",
		`<rect width="31.00%"`, "1 uncertain")
	if strings.Contains(w.Body.String(), "waits for a person") {
		t.Error("the page shows a reason that nobody was held by")
	}
	wantStatus(t, b.do("GET", "/report/nope", ""), 404)
	if w := b.do("GET", "/report/win-back", ""); w.Code != 200 || strings.Contains(w.Body.String(), "%!") || strings.Contains(w.Body.String(), "NaN") {
		t.Errorf("a campaign without figures: %d %s", w.Code, w.Body)
	}
}

func TestReportEmptyAndDown(t *testing.T) {
	b := setup(t)
	b.report = campaign.Report{At: start}
	wantBody(t, b.do("GET", "/report", ""), "no campaign yet")
	wantBody(t, b.do("GET", "/report.json", ""), `"campaigns":{}`)
	b.readErr = errDown
	wantStatus(t, b.do("GET", "/report", ""), 503)
}

func TestReportJSON(t *testing.T) {
	b := setup(t)
	var got struct {
		Campaigns map[string]campaign.CampaignReport
	}
	if err := json.Unmarshal(b.do("GET", "/report.json?campaign=abandoned-cart", "").Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if c := got.Campaigns["abandoned-cart"]; len(got.Campaigns) != 1 || c.Sent != 1961 || c.Revenue["EUR"] != 7010.5 {
		t.Errorf("got %+v", got)
	}
	wantStatus(t, b.do("GET", "/report.json?campaign=nope", ""), 404)
}

func TestReportGuard(t *testing.T) {
	pass := func(p string) func(*http.Request) { return func(r *http.Request) { r.SetBasicAuth("x", p) } }
	host := func(h string) func(*http.Request) { return func(r *http.Request) { r.Host = h } }
	for name, c := range map[string]struct {
		password string
		edit     []func(*http.Request)
		status   int
		says     string
	}{
		"OK local":            {"", nil, 200, ""},
		"OK local IPv6":       {"", []func(*http.Request){from("[::1]:9"), host("[::1]:8080")}, 200, ""},
		"ErrRemote":           {"", []func(*http.Request){from("203.0.113.9:1")}, 403, "ADMIN_PASSWORD"},
		"ErrProxy":            {"", []func(*http.Request){header("X-Forwarded-For", "127.0.0.1")}, 403, "proxy"},
		"ErrReboundName":      {"", []func(*http.Request){host("evil.example:8080")}, 403, "another host"},
		"OK password":         {"s3cret", []func(*http.Request){from("203.0.113.9:1"), header("X-Forwarded-For", "1.2.3.4"), pass("s3cret")}, 200, ""},
		"ErrWrongPassword":    {"s3cret", []func(*http.Request){pass("s3cre")}, 401, "ADMIN_PASSWORD"},
		"ErrNoPassword":       {"s3cret", nil, 401, "ADMIN_PASSWORD"},
		"ErrEmptyPassword":    {"s3cret", []func(*http.Request){pass("")}, 401, "ADMIN_PASSWORD"},
		"ErrUnreadableRemote": {"", []func(*http.Request){from("@")}, 403, "another machine"},
	} {
		for _, path := range []string{"/report", "/report.json", "/report/abandoned-cart"} {
			t.Run(name+path, func(t *testing.T) {
				b := setup(t, func(cfg *Config) { cfg.AdminPassword = c.password })
				w := b.do("GET", path, "", c.edit...)
				wantStatus(t, w, c.status)
				wantBody(t, w, c.says)
			})
		}
	}
}

func TestFigures(t *testing.T) {
	for in, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1234: "−1,234"} {
		if got := count(in); got != want {
			t.Errorf("count(%d) = %q, want %q", in, got, want)
		}
	}
	got := strings.Join(money(map[string]float64{"PHP": 0.005, "EUR": -1234.5}), "; ")
	if want := "EUR −1,234.50; PHP 0.01"; got != want {
		t.Errorf("money: %q, want %q", got, want)
	}
}
