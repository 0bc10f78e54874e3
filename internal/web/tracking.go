package web

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/token"
)

// Tokens reads the signed parts of links in mails. An error means that nobody
// may act on it; the ids are then without meaning.
type Tokens interface {
	Verify(p token.Purpose, s string) (message, link int64, err error)
}

// Tracker knows the links and pages of messages and records what customers do with them.
// Opened and Clicked return once the hit is durable.
type Tracker interface {
	Pages
	// Target is the URL of a link; ok is false when there is none.
	Target(ctx context.Context, message, link int64) (target string, ok bool, err error)
	Opened(ctx context.Context, message int64, hit campaign.Hit) error
	Clicked(ctx context.Context, message, link int64, hit campaign.Hit) error
}

// recordTime bounds one look-up or record, so that a stuck database cannot keep
// a customer waiting for a shop's page.
const recordTime = 5 * time.Second

// pixel is a GIF of one transparent dot.
const pixel = "GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x01D\x00;"

type tracking struct {
	*Server
	tokens  Tokens
	tracker Tracker
}

// open answers the pixel whatever was asked, so that no mail shows a broken
// image, and records it when the token holds: by HEAD too, for programs that ask so
// are told from people by it.
func (t tracking) open(w http.ResponseWriter, r *http.Request) {
	if name, ok := strings.CutSuffix(r.PathValue("file"), ".gif"); ok {
		if message, _, err := t.tokens.Verify(token.Open, name); err == nil {
			ctx, cancel := recording(r)
			defer cancel()
			if err := t.tracker.Opened(ctx, message, t.hit(r)); err != nil {
				t.Log.Error("open not recorded", "message", message, "error", err)
			}
		}
	}
	neverCached(w)
	answer(w, http.StatusOK, "image/gif", []byte(pixel))
}

// click sends the customer on to the stored target. A record that fails does
// not stop them.
func (t tracking) click(w http.ResponseWriter, r *http.Request) {
	neverCached(w)
	message, link, err := t.tokens.Verify(token.Click, r.PathValue("token"))
	if err != nil {
		deadLink(w)
		return
	}
	ctx, cancel := recording(r)
	defer cancel()
	target, ok, err := t.tracker.Target(ctx, message, link)
	if err != nil {
		t.Log.Error("link not looked up", "message", message, "link", link, "error", err)
		w.Header().Set("Retry-After", "5")
		plain(w, http.StatusServiceUnavailable, "this link cannot be looked up right now; open it again in a minute")
		return
	}
	if !ok || !redirectable(target) {
		deadLink(w)
		return
	}
	if err := t.tracker.Clicked(ctx, message, link, t.hit(r)); err != nil {
		t.Log.Error("click not recorded", "message", message, "link", link, "error", err)
	}
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, target, http.StatusFound)
}

func deadLink(w http.ResponseWriter) {
	plain(w, http.StatusNotFound, "this link leads nowhere; it may have been cut off when it was copied")
}

// redirectable keeps every scheme but the web's out of a redirect.
func redirectable(target string) bool {
	u, err := url.Parse(target)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// neverCached makes every view of a mail ask again.
func neverCached(w http.ResponseWriter) {
	h := w.Header()
	h["Cache-Control"], h["Pragma"], h["Expires"] = never, noCache, expired
}

var never, noCache, expired = []string{"no-store, no-cache, must-revalidate, private"}, []string{"no-cache"}, []string{"0"}

// recording is a context for what must be stored even when the customer's
// program has hung up: mail clients often do as soon as they have the headers.
func recording(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(r.Context()), recordTime)
}

// What is kept of a request's headers is bounded, in bytes.
const (
	maxUserAgent = 512
	maxPurpose   = 64
)

// hit is the raw fact that a request stands for.
func (s *Server) hit(r *http.Request) campaign.Hit {
	return campaign.Hit{
		At: campaign.Moment(s.Now()), Method: r.Method, Addr: clientAddr(r, s.Proxies),
		UserAgent: bounded(r.UserAgent(), maxUserAgent), Purpose: bounded(purpose(r.Header), maxPurpose),
	}
}

// purpose is what a browser says of a page that it loads before anybody has asked
// for it.
func purpose(h http.Header) string {
	return cmp.Or(h.Get("Sec-Purpose"), h.Get("Purpose"), h.Get("X-Purpose"), h.Get("X-Moz"))
}

func bounded(s string, most int) string {
	return strings.ToValidUTF8(s[:min(len(s), most)], "")
}
