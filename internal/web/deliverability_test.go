package web

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"tidings/internal/campaign"
)

func arrivedSample() campaign.Deliverability {
	day := start.Unix() / 86400
	return campaign.NewDeliverability(start.AddDate(0, 0, -29).Truncate(24*time.Hour), start, map[campaign.DeliveryKey]*campaign.Delivery{
		{Day: day, Domain: "gmail.com"}:       {Accepted: 12_034, Soft: 12, Hard: 3, Opened: 5002},
		{Day: day, Domain: "yahoo.com"}:       {Accepted: 2000, Complaints: 4},
		{Day: day - 1, Domain: "aol.com"}:     {Accepted: 1000, Complaints: 3, Policy: 7},
		{Day: day - 1, Domain: "<b>.example"}: {Accepted: 5},
	})
}

// The page has what providers demand beside what they got; the document has the same.
func TestDeliverabilityPage(t *testing.T) {
	b := setup(t)
	wantBody(t, b.do("GET", "/deliverability", ""), "No mail has been sent since")
	b.arrived = arrivedSample()
	w := b.do("GET", "/deliverability", "")
	wantStatus(t, w, 200)
	wantBody(t, w, "Kape &amp; Co: how mails arrived", "12,034", "0.10 %", "41.57 %", "2026-11-22 (UTC)", "2026-11-21 (UTC)", "aol.com <small>Yahoo</small>",
		"0.3 % and more: such mail is refused", "0.1 % and more: too many", "since 24 October 2026", "&lt;b&gt;.example")
	if b.days != 30 || strings.Contains(w.Body.String(), "%!") {
		t.Errorf("%d days: %s", b.days, w.Body)
	}
	var got campaign.Deliverability
	if err := json.Unmarshal(b.do("GET", "/deliverability.json?days=7", "").Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if b.days != 7 || len(got.Providers) != 3 || got.Providers[1].Provider != "Yahoo" || got.Providers[1].Complaints != 7 || got.Providers[1].Mark != campaign.MarkAim || len(got.Days) != 4 {
		t.Errorf("%d days: %+v", b.days, got)
	}
	for _, days := range []string{"0", "367", "-1", "x", "1.5"} {
		wantStatus(t, b.do("GET", "/deliverability?days="+days, ""), 400)
	}
	wantBody(t, b.do("GET", "/report", ""), `<a href="/deliverability">`)
	b.readErr = errDown
	for _, path := range []string{"/deliverability", "/deliverability.json"} {
		wantStatus(t, b.do("GET", path, ""), 503)
		far := from("203.0.113.9:1")
		wantStatus(t, b.do("GET", path, "", far), 403)
	}
	b = setup(t, func(c *Config) { c.AdminPassword = "s3cret" })
	wantStatus(t, b.do("GET", "/deliverability", ""), http.StatusUnauthorized)
}
