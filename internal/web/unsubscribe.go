package web

import (
	"cmp"
	"context"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"

	"tidings/internal/campaign"
	"tidings/internal/token"
)

// Subscriptions knows what a message's reader is subscribed to and ends it.
type Subscriptions interface {
	// Subscription is what the message was sent under; ok is false when the
	// message or its customer is gone.
	Subscription(ctx context.Context, message int64) (s campaign.Subscription, ok bool, err error)
	// Unsubscribe ends the message's topic, or everything that is not
	// transactional. It is durable on return and may be repeated.
	Unsubscribe(ctx context.Context, message int64, everything bool, hit campaign.Hit) error
}

type unsubscribe struct {
	*Server
	tokens        Tokens
	subscriptions Subscriptions
}

// view is what the pages of unsubscribing show.
type view struct {
	Texts
	Shop    string
	Topic   string // empty: only everything can be left
	Address string // masked
	Done    bool
	All     bool   // with Done: everything was left
	Problem string // instead of the form
	Heading string
}

// show asks; it changes nothing, since scanners follow every link of a mail.
func (u unsubscribe) show(w http.ResponseWriter, r *http.Request) {
	v, _, status := u.look(r)
	u.customerPage(w, status, "unsubscribe.html", v)
}

// act unsubscribes: at once for a mail program's one-click request (RFC 8058),
// else by what was chosen on the page. The token is all the authority there is
// and all that is needed, so there is no cookie and nothing to forge.
func (u unsubscribe) act(w http.ResponseWriter, r *http.Request) {
	v, message, status := u.look(r)
	form := readForm(w, r)
	oneClick := form.Get("List-Unsubscribe") == "One-Click"
	if status != http.StatusOK {
		if oneClick {
			plain(w, status, http.StatusText(status))
			return
		}
		u.customerPage(w, status, "unsubscribe.html", v)
		return
	}
	scope := form.Get("scope")
	if !oneClick && scope != "topic" && scope != "everything" {
		u.customerPage(w, http.StatusBadRequest, "unsubscribe.html", v)
		return
	}
	v.All = scope == "everything" && !oneClick || v.Topic == ""
	ctx, cancel := recording(r)
	defer cancel()
	if err := u.subscriptions.Unsubscribe(ctx, message, v.All, u.hit(r)); err != nil {
		u.Log.Error("unsubscribe not stored", "message", message, "error", err)
		v.Problem, status = v.Later, http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "60")
	} else {
		v.Done, v.Heading = true, v.DoneTitle
	}
	if oneClick {
		plain(w, status, strings.ToLower(http.StatusText(status)))
		return
	}
	u.customerPage(w, status, "unsubscribe.html", v)
}

// look finds what the token stands for, in the customer's language.
func (u unsubscribe) look(r *http.Request) (v view, message int64, status int) {
	accept := r.Header.Get("Accept-Language")
	v = u.view("", accept)
	message, _, err := u.tokens.Verify(token.Unsubscribe, r.PathValue("token"))
	if err != nil {
		v.Problem, v.Heading = v.BadLink, v.BadTitle
		return v, 0, http.StatusNotFound
	}
	ctx, cancel := recording(r)
	defer cancel()
	sub, ok, err := u.subscriptions.Subscription(ctx, message)
	switch {
	case err != nil:
		u.Log.Error("subscription not looked up", "message", message, "error", err)
		v.Problem = v.Later
		return v, 0, http.StatusServiceUnavailable
	case !ok:
		v.Problem, v.Heading = v.BadLink, v.BadTitle
		return v, 0, http.StatusNotFound
	}
	v = u.view(sub.Locale, accept)
	v.Address = campaign.MaskAddress(sub.Address)
	v.Topic = u.topicName(sub.Topic, cmp.Or(sub.Locale, v.Lang))
	return v, message, http.StatusOK
}

func (u unsubscribe) view(locale, accept string) view {
	texts := textsFor(locale, accept, u.Workspace.Locales)
	return view{Texts: texts, Shop: u.Workspace.Name, Heading: texts.Title}
}

// maxForm is far above what the page or a mail program posts.
const maxForm = 16 << 10

// readForm reads a form however it is packed. Not every mail program names the
// type of its one-click body, so whatever is not multipart is read as URL
// encoded.
func readForm(w http.ResponseWriter, r *http.Request) url.Values {
	body := http.MaxBytesReader(w, r.Body, maxForm)
	kind, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind == "multipart/form-data" {
		form, err := multipart.NewReader(body, params["boundary"]).ReadForm(maxForm)
		if err != nil {
			return url.Values{}
		}
		defer form.RemoveAll()
		return form.Value
	}
	raw, err := io.ReadAll(body)
	if err != nil {
		return url.Values{}
	}
	values, _ := url.ParseQuery(strings.TrimSpace(string(raw)))
	return values
}
