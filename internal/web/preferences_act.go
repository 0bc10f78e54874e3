package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/token"
)

// act does what a button of the page asks for: opens a one-time link, or stores the
// choices.
func (p preferences) act(w http.ResponseWriter, r *http.Request) {
	v, message, status := p.look(r)
	form := readForm(w, r)
	if status != http.StatusOK {
		p.customerPage(w, status, "preferences.html", v)
		return
	}
	if v.Kind == token.Manage {
		p.open(w, r, v, message)
		return
	}
	change := v.change(form, p.Workspace.Locales)
	ctx, cancel := recording(r)
	defer cancel()
	if err := p.store.ChangePreferences(ctx, message, change, p.hit(r)); err != nil {
		p.failed(w, r, v, message, err)
		return
	}
	said := "saved"
	if change.Everything {
		said = "left_all"
	}
	p.again(w, r, v, message, said, false)
}

// change reads what was chosen. Only what the page showed is switched, so that a page
// that was open for long undoes nothing.
func (c choices) change(form url.Values, locales []string) campaign.PreferenceChange {
	out := campaign.PreferenceChange{Everything: form.Get("action") == "everything"}
	said := []any{c.W["topics"], c.W["frequency"]}
	for _, t := range c.Topics {
		shown, keeps := slices.Contains(form["shown"], t.Key), slices.Contains(form["keep"], t.Key)
		if t.On && shown && !keeps {
			out.Off = append(out.Off, t.Key)
		}
		if c.Open() && !t.On && keeps && !out.Everything {
			out.On = append(out.On, t.Key)
			said = append(said, t.Name)
		}
	}
	out.Text = version(c.Lang, said...)
	if f := campaign.Frequency(form.Get("frequency")); f != c.Now && !out.Everything {
		switch f {
		case campaign.LessOften, campaign.PauseMail:
			out.Frequency = f
		case campaign.AsUsual:
			if c.Open() {
				out.Frequency = f
			}
		}
	}
	if l := form.Get("locale"); slices.Contains(locales, l) && !slices.ContainsFunc(c.Locales, func(o localeRow) bool { return o.Chosen && o.Code == l }) {
		out.Locale = l
	}
	return out
}

// again shows the page as it is now, with a word on what was done.
func (p preferences) again(w http.ResponseWriter, r *http.Request, v choices, message int64, said string, bad bool) {
	v, _, status := p.shown(choices{Kind: v.Kind, Texts: v.Texts, W: v.W, blanks: v.blanks}, message, r)
	if status == http.StatusOK {
		v.Notice, v.Bad = v.Say(said), bad
	}
	p.customerPage(w, status, "preferences.html", v)
}

// failed says that something was not done, and why.
func (p preferences) failed(w http.ResponseWriter, r *http.Request, v choices, message int64, err error) {
	if errors.Is(err, campaign.ErrLink) {
		v.Problem, v.Ask = v.W["closed"], true
		p.customerPage(w, http.StatusGone, "preferences.html", v)
		return
	}
	p.Log.Error("preferences not stored", "message", message, "error", err)
	v.Problem = v.Later
	w.Header().Set("Retry-After", "60")
	p.customerPage(w, http.StatusServiceUnavailable, "preferences.html", v)
}

// open uses a one-time link up and shows what it is for. The page's forms go to an
// address of their own, so the link that was mailed is worth nothing any more.
func (p preferences) open(w http.ResponseWriter, r *http.Request, v choices, message int64) {
	ctx, cancel := recording(r)
	defer cancel()
	state, err := p.store.OpenLink(ctx, message, p.hit(r))
	if err != nil {
		p.failed(w, r, v, message, err)
		return
	}
	if state != campaign.LinkGood {
		v.Ask, v.Problem = true, v.W["expired"]
		if state == campaign.LinkUsed {
			v.Problem = v.W["used"]
		}
		p.customerPage(w, http.StatusGone, "preferences.html", v)
		return
	}
	r.SetPathValue("token", p.links.Sign(token.Managing, message, 0))
	v.Kind = token.Managing
	v, _, status := p.shown(v, message, r)
	p.customerPage(w, status, "preferences.html", v)
}

// link has a one-time link mailed to the address on file.
func (p preferences) link(w http.ResponseWriter, r *http.Request) {
	v, message, status := p.look(r)
	if v.Kind == "" || message == 0 {
		p.customerPage(w, status, "preferences.html", v)
		return
	}
	ctx, cancel := recording(r)
	defer cancel()
	sent, err := p.store.AskLink(ctx, message, p.hit(r))
	if err != nil {
		p.failed(w, r, v, message, err)
		return
	}
	v.Problem, v.Ask, v.Address = "", false, campaign.MaskAddress(v.P.Address)
	said := "link_sent"
	if !sent {
		said = "link_often"
	}
	v.Notice, v.Bad, v.Heading = v.Say(said), !sent, v.W["open_title"]
	p.customerPage(w, http.StatusOK, "preferences.html", v.only())
}

// only is the page with nothing on it but its notice.
func (c choices) only() choices {
	c.Kind = ""
	return c
}

// managed finds the page that a one-time link has opened; ok is false when it has
// answered that there is none.
func (p preferences) managed(w http.ResponseWriter, r *http.Request) (v choices, message int64, ok bool) {
	v, message, status := p.look(r)
	if status == http.StatusOK && v.Kind != token.Managing {
		v.Problem, v.Ask, status = v.W["closed"], true, http.StatusForbidden
	}
	if status != http.StatusOK {
		p.customerPage(w, status, "preferences.html", v)
		return v, 0, false
	}
	return v, message, true
}

// export hands all that is stored of the customer over, as a file.
func (p preferences) export(w http.ResponseWriter, r *http.Request) {
	v, message, ok := p.managed(w, r)
	if !ok {
		return
	}
	document, err := p.store.ExportManaged(r.Context(), message, p.Now())
	if err != nil {
		p.failed(w, r, v, message, err)
		return
	}
	w.Header().Set("Content-Disposition", `attachment; filename="my-data.json"`)
	answer(w, http.StatusOK, "application/json", append(document, '\n'))
}

// erase deletes the customer.
func (p preferences) erase(w http.ResponseWriter, r *http.Request) {
	v, message, ok := p.managed(w, r)
	if !ok {
		return
	}
	if readForm(w, r).Get("sure") != "yes" {
		p.again(w, r, v, message, "erase_missing", true)
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), eraseTime)
	defer cancel()
	if err := p.store.EraseManaged(ctx, message, p.hit(r)); err != nil {
		p.failed(w, r, v, message, err)
		return
	}
	v.Heading, v.Notice, v.Gone = v.W["erased_title"], v.Say("erased"), true
	p.customerPage(w, http.StatusOK, "preferences.html", v.only())
}

// eraseTime bounds an erasure: it rewrites more than a choice does.
const eraseTime = 30 * time.Second

// address has the address that the customer wants to change to asked.
func (p preferences) address(w http.ResponseWriter, r *http.Request) {
	v, message, ok := p.managed(w, r)
	if !ok {
		return
	}
	ctx, cancel := recording(r)
	defer cancel()
	sent, err := p.store.AskAddress(ctx, message, strings.TrimSpace(readForm(w, r).Get("address")), p.hit(r))
	switch {
	case errors.Is(err, campaign.ErrAddress):
		p.again(w, r, v, message, "address_bad", true)
	case err != nil:
		p.failed(w, r, v, message, err)
	case !sent:
		p.again(w, r, v, message, "address_often", true)
	default:
		p.again(w, r, v, message, "address_sent", false)
	}
}
