package web

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"tidings/internal/campaign"
	"tidings/internal/token"
)

// A mail in the browser is what was sent, is kept by nobody on the way, found by no
// search engine, and runs nothing. Nothing is recorded of who looks.
func TestView(t *testing.T) {
	b := setup(t)
	const html = `<!doctype html><p>Hello Añá</p><script>alert(1)</script>`
	b.pages = map[int64]campaign.Page{7: campaign.PackPage([]byte(html)), 9: campaign.Page("not packed")}
	path := "/v/" + b.signs.Sign(token.View, 7, 0)
	for _, method := range []string{"GET", "HEAD"} {
		w := b.do(method, path, "")
		wantStatus(t, w, 200)
		for name, want := range map[string]string{
			"Content-Type": "text/html; charset=utf-8", "X-Robots-Tag": "noindex, nofollow, noarchive", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s %s: %q, want %q", method, name, got, want)
			}
		}
		policy := w.Header().Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "script") || !strings.Contains(policy, "form-action 'none'") {
			t.Errorf("policy %q", policy)
		}
	}
	if w := b.do("GET", path, ""); w.Body.String() != html {
		t.Errorf("shown: %s", w.Body)
	}
	if len(b.calls) > 0 {
		t.Errorf("recorded: %v", b.calls)
	}
	wantStatus(t, b.do("POST", path, ""), 405)

	language := func(r *http.Request) { r.Header.Set("Accept-Language", "he") }
	gone := "/v/" + b.signs.Sign(token.View, 8, 0)
	wantStatus(t, b.do("GET", gone, ""), 410)
	wantBody(t, b.do("GET", gone, ""), english().GoneTitle, english().Gone, "Kape &amp; Co")
	wantBody(t, b.do("GET", gone, "", language), `dir="rtl"`, hebrew().GoneTitle)

	for _, p := range []token.Purpose{token.Open, token.Click, token.Unsubscribe, token.Bounce} {
		w := b.do("GET", "/v/"+b.signs.Sign(p, 7, 0), "")
		wantStatus(t, w, 404)
		if !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
			t.Errorf("%s: %s", p, w.Header())
		}
	}
	for _, path := range []string{"/o/" + b.signs.Sign(token.View, 7, 0) + ".gif", "/c/" + b.signs.Sign(token.View, 7, 3), "/u/" + b.signs.Sign(token.View, 7, 0)} {
		b.do("POST", path, "List-Unsubscribe=One-Click")
		b.do("GET", path, "")
	}
	if len(b.calls) > 0 {
		t.Errorf("a token of /v did %v", b.calls)
	}
	wantStatus(t, b.do("GET", "/v/"+b.signs.Sign(token.View, 9, 0), ""), 503)
	b.readErr = errors.New("down")
	wantStatus(t, b.do("GET", path, ""), 503)
}
