package web

import (
	"cmp"
	"context"
	"html/template"
	"net/http"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/token"
)

// Confirmations knows what the links of service mails would confirm, and does it.
type Confirmations interface {
	Confirmation(ctx context.Context, message int64, at time.Time) (campaign.Confirmation, error)
	// Confirm does it once; text is the version of the words that were shown.
	Confirm(ctx context.Context, message int64, text string, hit campaign.Hit) (campaign.Confirmation, error)
}

type confirming struct {
	*Server
	tokens Tokens
	store  Confirmations
}

// question is what the page of a confirming link shows.
type question struct {
	blanks
	Texts
	W       words
	Heading string
	Problem template.HTML // instead of the question
	Text    template.HTML
	Button  string
	Done    template.HTML
}

// Say fills in a text of the page's language.
func (q question) Say(key string) template.HTML { return q.fill(q.W[key]) }

// show asks; nothing is confirmed by following a link, as scanners do.
func (c confirming) show(w http.ResponseWriter, r *http.Request) {
	q, _, _, status := c.look(r)
	c.customerPage(w, status, "confirm.html", q)
}

func (c confirming) act(w http.ResponseWriter, r *http.Request) {
	q, is, message, status := c.look(r)
	if status != http.StatusOK {
		c.customerPage(w, status, "confirm.html", q)
		return
	}
	ctx, cancel := recording(r)
	defer cancel()
	done, err := c.store.Confirm(ctx, message, version(q.Lang, q.Text), c.hit(r))
	switch {
	case err != nil:
		c.Log.Error("confirmation not stored", "message", message, "error", err)
		q.Problem, status = template.HTML(template.HTMLEscapeString(q.Later)), http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "60")
	case done.State != campaign.LinkGood:
		status = q.dead(done)
	case is.New != "":
		q.Heading, q.Done = q.W["move_title"], q.Say("moved")
	default:
		q.Heading, q.Done = q.W["confirmed_title"], q.Say("confirmed")
	}
	c.customerPage(w, status, "confirm.html", q)
}

// look finds what is asked, in the customer's language.
func (c confirming) look(r *http.Request) (q question, is campaign.Confirmation, message int64, status int) {
	q = c.view("", r)
	message, _, err := c.tokens.Verify(token.Confirm, r.PathValue("token"))
	if err != nil {
		return q, is, 0, q.dead(campaign.Confirmation{State: campaign.LinkGone})
	}
	ctx, cancel := recording(r)
	defer cancel()
	if is, err = c.store.Confirmation(ctx, message, c.Now()); err != nil {
		c.Log.Error("confirmation not looked up", "message", message, "error", err)
		q.Problem = template.HTML(template.HTMLEscapeString(q.Later))
		return q, is, 0, http.StatusServiceUnavailable
	}
	q = c.view(is.Locale, r)
	// Whoever has the link may have it from another: it names the address as any link
	// of a mail does.
	q.Address = campaign.MaskAddress(cmp.Or(is.New, is.Address))
	if is.State != campaign.LinkGood {
		return q, is, 0, q.dead(is)
	}
	key := "confirm_all"
	switch {
	case is.New != "":
		q.Heading, key, q.Button = q.W["move_title"], "move_text", q.W["move_button"]
	case is.Topic != "" && is.Topic != "*":
		q.Topic, key = c.topicNames(is.Topic, cmp.Or(is.Locale, q.Lang)), "confirm_text"
	}
	q.Text = q.Say(key)
	return q, is, message, http.StatusOK
}

// dead says why a link does nothing, and answers how.
func (q *question) dead(is campaign.Confirmation) int {
	switch is.State {
	case campaign.LinkUsed:
		q.Problem = q.Say("already")
	case campaign.LinkExpired:
		q.Problem = q.Say("too_late")
		if is.New != "" {
			q.Problem = q.Say("move_late")
		}
	default:
		q.Heading, q.Problem = q.BadTitle, template.HTML(template.HTMLEscapeString(q.BadLink))
		return http.StatusNotFound
	}
	return http.StatusGone
}

func (c confirming) view(locale string, r *http.Request) question {
	texts := textsFor(locale, r.Header.Get("Accept-Language"), c.Workspace.Locales)
	w := c.words[texts.Lang]
	return question{Texts: texts, W: w, blanks: blanks{Shop: c.Workspace.Name}, Heading: w["confirm_title"], Button: w["confirm_button"]}
}
