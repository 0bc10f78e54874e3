package hook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/inbound"
)

// Store records what webhooks tell.
type Store interface {
	Returned(ctx context.Context, message int64, r campaign.Returned, at time.Time) (campaign.Outcome, error)
	Arrived(ctx context.Context, message int64, at time.Time) (campaign.Outcome, error)
	UnsubscribeOnce(ctx context.Context, message int64, everything bool, hit campaign.Hit, uid string) (bool, error)
	WebhookCall(ctx context.Context, key, body string, at time.Time) (bool, error)
	CountWebhooks(ctx context.Context, counts []campaign.WebhookCount) error
}

// Options are what webhooks need.
type Options struct {
	Desk  *inbound.Desk // finds mails, and takes inbound ones
	Store Store
	Keys  map[string][]string // by the name of the provider; those without are not there
	Fetch Fetcher             // for what SNS asks to be fetched, and the mails that Resend has received
	// ResendKey is a key of Resend's API; without one its received mails are only counted.
	ResendKey string
	Now       func() time.Time
	Log       *slog.Logger
	// Forward sends on a mail that is for a person; nil: nobody gets it.
	Forward func(ctx context.Context, t inbound.Taken, raw []byte) error
}

// Inbound is the name of the webhook that takes whole mails.
const Inbound = "inbound"

// Providers are the names of all webhooks, each with what its keys are.
var Providers = []struct{ Name, Keys string }{
	{"ses", "SES_WEBHOOK_TOPIC"}, {"postmark", "POSTMARK_WEBHOOK_SECRET"}, {"sendgrid", "SENDGRID_WEBHOOK_KEY"}, {"mailgun", "MAILGUN_WEBHOOK_KEY"},
	{"resend", "RESEND_WEBHOOK_SECRET"}, {"brevo", "BREVO_WEBHOOK_SECRET"}, {Inbound, "INBOUND_WEBHOOK_SECRET"},
}

// Handler answers POST /hooks/{provider}.
type Handler struct {
	Options
	providers map[string]provider
	inbound   secrets
	busy      chan struct{} // mails that are being taken in
	tally     *tally
}

// New makes a handler of the webhooks whose keys are there.
func New(o Options) (*Handler, error) {
	h := &Handler{Options: o, providers: map[string]provider{}, busy: make(chan struct{}, inboundAtOnce), tally: newTally(o.Store, o.Log)}
	for _, p := range Providers {
		keys := o.Keys[p.Name]
		if len(keys) == 0 {
			continue
		}
		var err error
		if p.Name == Inbound {
			h.inbound, err = newSecrets(keys)
		} else {
			h.providers[p.Name], err = newProvider(p.Name, keys, o.Fetch)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Keys, err)
		}
	}
	return h, nil
}

func newProvider(name string, keys []string, by Fetcher) (provider, error) {
	parse := map[string]func([]byte) ([]Report, error){"postmark": parsePostmark, "brevo": parseBrevo}[name]
	switch name {
	case "ses":
		return newSNS(keys, by)
	case "sendgrid":
		return newSendGrid(keys)
	case "mailgun":
		return newMailgun(keys)
	case "resend":
		return newResend(keys)
	}
	s, err := newSecrets(keys)
	return trusted{s, parse}, err
}

// Close stores what was counted last.
func (h *Handler) Close(ctx context.Context) { h.tally.flush(ctx) }

const (
	maxBody = 1 << 20 // more than any provider's batch of events
	// A provider writes its body at once.
	bodyTime = 10 * time.Second
)

// ServeHTTP takes a call.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("provider")
	if name == Inbound && h.inbound != nil {
		h.takeMail(w, r)
		return
	}
	p := h.providers[name]
	if p == nil {
		answer(w, http.StatusNotFound, "no webhook of this name is set up here")
		return
	}
	err := p.greet(r)
	if err == nil {
		var c call
		if c, err = h.read(w, r); err == nil {
			err = h.take(r.Context(), name, p, c)
		}
	}
	h.reply(w, name, p, err)
}

// read reads the body.
func (h *Handler) read(w http.ResponseWriter, r *http.Request) (call, error) {
	// Where the connection cannot do it, the server's own limit holds.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return call{}, &bodyError{err}
	}
	return call{r, body, campaign.Moment(h.Now())}, nil
}

// bodyError is a body that could not be read.
type bodyError struct{ err error }

func (e *bodyError) Error() string { return "read the body: " + e.err.Error() }
func (e *bodyError) Unwrap() error { return e.err }

// take acts on a call that is the provider's.
func (h *Handler) take(ctx context.Context, name string, p provider, c call) error {
	opened, err := p.open(ctx, c)
	if err != nil {
		return err
	}
	if opened.once != "" {
		same, err := h.Store.WebhookCall(ctx, name+":"+digest(opened.once), digest(string(c.body)), c.at)
		if err != nil {
			return err
		}
		if !same {
			return errUnsigned
		}
	}
	if err := h.takeReceived(ctx, name, opened.mails, c.at); err != nil {
		return err
	}
	var later error
	for _, r := range opened.reports {
		as, err := h.act(ctx, name, r, c.at)
		if errors.Is(err, campaign.ErrUnderWay) {
			later = err
			continue
		}
		if err != nil {
			return err
		}
		h.tally.add(name, r.Event, as, c.at)
	}
	return later
}

// act does what a report asks for, and says what it was taken as.
func (h *Handler) act(ctx context.Context, name string, r Report, at time.Time) (string, error) {
	switch r.Kind {
	case "":
		return "unknown", nil
	case inbound.Other:
		return "nothing", nil
	}
	message := h.Desk.About(r.result())
	if message == 0 {
		return "no_mail", nil
	}
	uid := fmt.Sprintf("%s:%d", r.uid(name), message)
	out, err := campaign.Outcome{Found: true}, error(nil)
	switch r.Kind {
	case inbound.Delivered:
		out, err = h.Store.Arrived(ctx, message, at)
	case inbound.Bounce:
		out, err = h.Store.Returned(ctx, message, r.Bounced.Bounced(uid, true), at)
	case inbound.Complaint:
		out, err = h.Store.Returned(ctx, message, campaign.Returned{Event: campaign.EmailComplained, UID: uid, Signed: true, Address: r.Address, Feedback: r.Feedback}, at)
	case inbound.Unsubscribe:
		_, err = h.Store.UnsubscribeOnce(ctx, message, r.Everything, campaign.Hit{At: at, UserAgent: "webhook"}, uid)
	}
	if err == nil && !out.Found {
		return "no_mail", nil
	}
	return string(r.Kind), err
}

// reply answers a call, in words that help who sets it up and nobody else.
func (h *Handler) reply(w http.ResponseWriter, name string, p provider, err error) {
	var big *http.MaxBytesError
	var body *bodyError
	refused := http.StatusForbidden
	if _, byPassword := p.(trusted); byPassword {
		refused = http.StatusUnauthorized
	}
	switch {
	case err == nil:
		answer(w, http.StatusOK, "taken")
		return
	case errors.As(err, &big):
		answer(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the body holds more than %d KB", big.Limit>>10))
	case errors.As(err, &body):
		answer(w, http.StatusBadRequest, "the body could not be read")
	case errors.Is(err, errUnsigned):
		if refused == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Basic realm="Tidings"`)
		}
		answer(w, refused, "not taken: "+err.Error()+"; compare "+keysOf(name)+" with the provider's settings")
	case errors.Is(err, errStale):
		answer(w, http.StatusForbidden, "not taken: "+err.Error())
	case errors.Is(err, errBody):
		answer(w, http.StatusBadRequest, "not taken: "+err.Error())
	default:
		h.Log.Error("webhook not taken", "provider", name, "error", campaign.WithoutAddresses(err.Error()))
		w.Header().Set("Retry-After", "60")
		answer(w, http.StatusServiceUnavailable, "not taken now; send it again")
		return
	}
	h.Log.Warn("webhook refused", "provider", name, "why", refusal(err))
}

// refusal is an error for the log, which holds nothing of what a stranger sends.
func refusal(err error) string {
	for _, known := range []error{errUnsigned, errStale, errBody} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return "the body could not be read"
}

func keysOf(name string) string {
	i := slices.IndexFunc(Providers, func(p struct{ Name, Keys string }) bool { return p.Name == name })
	return Providers[i].Keys
}

func answer(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	io.Copy(w, strings.NewReader(text+"\n"))
}
