package web

import (
	"context"
	"net/http"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/token"
)

// Pages keeps what readers of messages were shown.
type Pages interface {
	// Page is that of a message; ok is false when it is kept no longer, or never was.
	Page(ctx context.Context, message int64, now time.Time) (p campaign.Page, ok bool, err error)
}

// mailPolicy lets a mail show its pictures, fonts and styles, and run nothing: it is
// served from where the dashboard is.
const mailPolicy = "default-src 'none'; img-src https: http: data:; style-src 'unsafe-inline' https: http:; font-src https: http: data:; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"

// view shows a mail in the browser, as it was sent. Nothing is recorded: who reads it
// here was counted where the link stands.
func (t tracking) view(w http.ResponseWriter, r *http.Request) {
	message, _, err := t.tokens.Verify(token.View, r.PathValue("token"))
	if err != nil {
		deadLink(w)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), recordTime)
	defer cancel()
	page, ok, err := t.tracker.Page(ctx, message, campaign.Moment(t.Now()))
	var html []byte
	if ok && err == nil {
		html, err = page.HTML()
	}
	h := w.Header()
	h.Set("X-Robots-Tag", "noindex, nofollow, noarchive")
	switch {
	case err != nil:
		t.Log.Error("page of a mail not shown", "message", message, "error", err)
		h.Set("Retry-After", "5")
		plain(w, http.StatusServiceUnavailable, "this mail cannot be shown right now; open it again in a minute")
	case !ok:
		t.gone(w, r)
	default:
		h.Set("Content-Security-Policy", mailPolicy)
		h.Set("X-Frame-Options", "DENY")
		answer(w, http.StatusOK, "text/html; charset=utf-8", html)
	}
}

// gone says that a mail is shown no longer.
func (t tracking) gone(w http.ResponseWriter, r *http.Request) {
	texts := textsFor("", r.Header.Get("Accept-Language"), t.Workspace.Locales)
	t.page(w, http.StatusGone, "unsubscribe.html", view{Texts: texts, Shop: t.Workspace.Name, Heading: texts.GoneTitle, Problem: texts.Gone})
}
