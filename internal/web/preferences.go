package web

import (
	"cmp"
	"context"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/token"
)

// Preferences knows what a message's reader has chosen, changes it, and opens what
// only the reader of the address's own mail may see. campaign.ErrLink: that is not
// open.
type Preferences interface {
	// Preferences is what the message's link shows; ok is false when the message or its
	// customer is gone.
	Preferences(ctx context.Context, message int64, at time.Time) (p campaign.Preferences, ok bool, err error)
	ChangePreferences(ctx context.Context, message int64, c campaign.PreferenceChange, hit campaign.Hit) error
	// AskLink has a one-time link mailed; sent is false for who asks too often.
	AskLink(ctx context.Context, message int64, hit campaign.Hit) (sent bool, err error)
	// OpenLink uses a one-time link up.
	OpenLink(ctx context.Context, message int64, hit campaign.Hit) (campaign.LinkState, error)
	// Managed tells whether what a one-time link opened is still open.
	Managed(ctx context.Context, message int64, at time.Time) (bool, error)
	ExportManaged(ctx context.Context, message int64, at time.Time) (document []byte, err error)
	EraseManaged(ctx context.Context, message int64, hit campaign.Hit) error
	AskAddress(ctx context.Context, message int64, address string, hit campaign.Hit) (sent bool, err error)
}

// Links signs what stands in links.
type Links interface {
	Sign(p token.Purpose, message, link int64) string
}

type preferences struct {
	*Server
	tokens Tokens
	links  Links
	store  Preferences
}

// choices is what the page shows.
type choices struct {
	blanks
	Texts
	W       words
	Heading string
	Problem string        // instead of the page
	Notice  template.HTML // above it: what a button did
	Bad     bool          // the notice: it did not
	At      string        // where the forms go
	Kind    token.Purpose // what the link is for; empty: for nothing
	Ask     bool          // with a problem: a new link can be asked for
	Gone    bool          // all is deleted
	P       campaign.Preferences
	Topics  []topicRow
	Locales []localeRow
	Why     template.HTML
	Now     campaign.Frequency
}

type topicRow struct {
	campaign.TopicChoice
	Name string
}

type localeRow struct {
	Code, Name string
	Chosen     bool
}

// Say fills in a text of the page's language.
func (c choices) Say(key string) template.HTML { return c.fill(c.W[key]) }

// Open tells whether all is open that a one-time link is for.
func (c choices) Open() bool { return c.Kind == token.Managing }

// show shows the page; it changes nothing, since scanners follow every link.
func (p preferences) show(w http.ResponseWriter, r *http.Request) {
	v, _, status := p.look(r)
	p.customerPage(w, status, "preferences.html", v)
}

// look finds what the link is for and what it shows, in the customer's language.
func (p preferences) look(r *http.Request) (v choices, message int64, status int) {
	v = p.view("", r)
	t := r.PathValue("token")
	for _, kind := range []token.Purpose{token.Preferences, token.Manage, token.Managing} {
		var err error
		if message, _, err = p.tokens.Verify(kind, t); err == nil {
			v.Kind = kind
			break
		}
	}
	if v.Kind == "" {
		v.Problem, v.Heading = v.BadLink, v.BadTitle
		return v, 0, http.StatusNotFound
	}
	return p.shown(v, message, r)
}

// shown fills in what there is to show.
func (p preferences) shown(v choices, message int64, r *http.Request) (choices, int64, int) {
	ctx, cancel := recording(r)
	defer cancel()
	is, ok, err := p.store.Preferences(ctx, message, p.Now())
	open := err == nil && v.Kind == token.Managing
	if open {
		open, err = p.store.Managed(ctx, message, p.Now())
	}
	switch {
	case err != nil:
		p.Log.Error("preferences not looked up", "message", message, "error", err)
		v.Problem = v.Later
		return v, 0, http.StatusServiceUnavailable
	case !ok:
		v.Problem, v.Heading = v.BadLink, v.BadTitle
		return v, 0, http.StatusNotFound
	}
	kind := v.Kind
	v = p.view(is.Locale, r)
	v.Kind, v.P, v.At = kind, is, "/p/"+r.PathValue("token")
	v.Address = campaign.MaskAddress(is.Address)
	if kind == token.Managing && !open {
		v.Problem, v.Ask, v.Heading = v.W["closed"], true, v.W["manage_title"]
		return v, message, http.StatusGone
	}
	p.fill(&v)
	return v, message, http.StatusOK
}

// fill puts the customer's own into the page.
func (p preferences) fill(v *choices) {
	is := v.P
	for _, t := range is.Topics {
		v.Topics = append(v.Topics, topicRow{t, p.topicName(t.Key, cmp.Or(is.Locale, v.Lang))})
	}
	spoken := is.Locale
	for _, l := range p.Workspace.LocaleChain(is.Locale) {
		if slices.Contains(p.Workspace.Locales, l) {
			spoken = l
			break
		}
	}
	for _, l := range p.Workspace.Locales {
		v.Locales = append(v.Locales, localeRow{l, languageName(l), l == spoken})
	}
	v.Now = campaign.AsUsual
	if is.LessOften {
		v.Now = campaign.LessOften
	}
	if !is.PausedTill.IsZero() {
		v.Now, v.Date = campaign.PauseMail, is.PausedTill.UTC().Format(time.DateOnly)
	}
	v.Campaign = cmp.Or(is.Label, is.Campaign)
	v.Why = v.Say("why_plain")
	if reason := v.W[reasonFor(is.Trigger)]; reason != "" && is.Campaign != campaign.ServiceCampaign {
		v.Reason = reason
		v.Why = v.Say("why_campaign")
	}
	switch v.Kind {
	case token.Manage:
		v.Heading = v.W["open_title"]
	case token.Managing:
		v.Heading, v.Address = v.W["manage_title"], is.Address
	default:
		v.Heading = v.plain(v.W["title"])
	}
}

// reasonFor is the key of the words for a trigger.
func reasonFor(verb string) string {
	switch verb {
	case "past_purchase":
		return "why_order"
	case "abandoned_cart", "abandoned_checkout":
		return "why_cart"
	case "abandoned_browse":
		return "why_viewed"
	case "replenishment":
		return "why_supply"
	case "inactivity":
		return "why_inactive"
	case "back_in_stock", "price_drop":
		return "why_product"
	case "event", "date", "segment", "schedule":
		return "why_" + verb
	}
	return ""
}

func (p preferences) view(locale string, r *http.Request) choices {
	texts := textsFor(locale, r.Header.Get("Accept-Language"), p.Workspace.Locales)
	w := p.words[texts.Lang]
	return choices{Texts: texts, W: w, blanks: blanks{Shop: p.Workspace.Name}, Heading: w["open_title"]}
}

// topicNames are the topics that a question is about, as the customer reads them.
func (s *Server) topicNames(keys, locale string) string {
	var names []string
	for key := range strings.SplitSeq(keys, ",") {
		names = append(names, s.topicName(key, locale))
	}
	return strings.Join(names, ", ")
}

// topicName is the topic as the customer reads it; a topic that the workspace
// no longer has goes by its key.
func (s *Server) topicName(key, locale string) string {
	if t, ok := s.Workspace.Topics[key]; ok {
		if name := s.Workspace.Text(t.Name, locale); name != "" {
			return name
		}
	}
	return key
}
