package preview

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/render"
	"tidings/internal/token"
)

// Store is where customers are.
type Store interface {
	// Letter is what a mail of a campaign to the customer whom ref names is made of.
	// Without such a customer the error is ErrUnknown; with Nothing, only the customer
	// is known.
	Letter(ctx context.Context, c *campaign.Campaign, ref string) (campaign.Outgoing, Occasion, error)
	// Sample are up to n customers from all over the store.
	Sample(ctx context.Context, n int) ([]campaign.Customer, error)
}

// ErrUnknown says that the store has no such customer.
var ErrUnknown = errors.New("no such customer")

// Occasion says what of a mail's data is real.
type Occasion string

// The occasions, the most real first.
const (
	Entered  Occasion = "entered"  // the customer is or was in the campaign
	Occurred Occasion = "occurred" // the trigger has fired for the customer, but has let nobody in
	Nothing  Occasion = "nothing"  // the customer is real; what the mail is about is made up
	MadeUp   Occasion = "made up"  // all of it is
)

// Studio renders the mails of one version of a workspace. It is safe for use by many
// goroutines.
type Studio struct {
	Catalog  *campaign.Catalog
	Problems []campaign.Problem // what check says of the workspace
	renderer *render.Renderer
	store    Store // nil: there is none
	settings render.Settings
	now      func() time.Time // for mails of which the store knows nothing
	named    []render.Named
}

// Options set up a Studio.
type Options struct {
	Catalog   *campaign.Catalog
	Renderer  *render.Renderer
	Problems  []campaign.Problem
	Store     Store             // nil: only made-up customers
	PublicURL string            // under which the links of mails lead
	Products  *render.Catalogue // of the shop; nil: made-up ones
	Now       func() time.Time
}

// New makes a Studio.
func New(o Options) (*Studio, error) {
	// The same mail is the same bytes each time; no store signs by this key, so that
	// what its links would record is refused.
	signer, err := token.New([]string{"a key for previews, whose links record nothing"})
	if err != nil {
		return nil, err
	}
	products := o.Products
	if products == nil {
		products = render.SampleCatalogue()
	}
	return &Studio{
		Catalog: o.Catalog, Problems: o.Problems, renderer: o.Renderer, store: o.Store, now: o.Now,
		settings: render.Settings{PublicURL: o.PublicURL, Signer: signer, StoreID: "preview", Catalogue: func() *render.Catalogue { return products }},
		named:    render.NamesIn(o.Catalog),
	}, nil
}

// Choice says which mail to show. Empty fields choose the first there is; an empty
// locale is the customer's own.
type Choice struct{ Campaign, Step, Locale, Customer string }

// letter is a mail to be rendered.
type letter struct {
	campaign *campaign.Campaign
	step     Step
	out      campaign.Outgoing
	occasion Occasion
	customer string // what people call the customer
}

// find is the letter of a choice. The error is for a person: of what was chosen there
// is none.
func (s *Studio) find(ctx context.Context, ch Choice) (*letter, error) {
	l := &letter{}
	var err error
	if l.campaign, err = s.campaign(ch.Campaign); err != nil {
		return nil, err
	}
	if l.step, err = stepOf(l.campaign, ch.Step); err != nil {
		return nil, err
	}
	if ch.Locale != "" && len(s.Catalog.Workspace.Locales) > 0 && !slices.Contains(s.Catalog.Workspace.Locales, ch.Locale) {
		return nil, chosen("locale "+ch.Locale, ch.Locale, s.Catalog.Workspace.Locales)
	}
	if err := s.fill(ctx, l, ch); err != nil {
		return nil, err
	}
	if ch.Locale != "" {
		l.out.Customer.Locale = ch.Locale
	}
	l.out.ID, l.out.Step = 0, l.step.ID
	return l, nil
}

// fill finds the customer, and what the mail is about.
func (s *Studio) fill(ctx context.Context, l *letter, ch Choice) error {
	locale := ch.Locale
	if locale == "" && len(s.Catalog.Workspace.Locales) > 0 {
		locale = s.Catalog.Workspace.Locales[0]
	}
	ref := ch.Customer
	if ref == "" {
		ref = "ana"
	}
	made, known := personBy(ref, rtl(locale))
	if s.store != nil && ch.Customer != "" {
		o, occasion, err := s.store.Letter(ctx, l.campaign, ref)
		switch {
		case err == nil:
			l.out, l.occasion, l.customer = o, occasion, cmp.Or(o.Customer.ExternalID, ref)
			if occasion == Nothing {
				l.out = s.onto(o, l, locale)
			}
			return nil
		case !errors.Is(err, ErrUnknown):
			return err
		}
	}
	if !known {
		made = people(false)[0]
	}
	l.out, l.occasion, l.customer = made.outgoing(s, l.campaign, l.step.ID, locale), MadeUp, made.key
	l.out.Now = s.now()
	return nil
}

// onto puts a made-up occasion before a customer to whom nothing has happened.
func (s *Studio) onto(o campaign.Outgoing, l *letter, locale string) campaign.Outgoing {
	made := people(false)[0].outgoing(s, l.campaign, l.step.ID, locale)
	made.Customer, made.Now, made.Anchor = o.Customer, o.Now, o.Now
	return made
}

func (s *Studio) campaign(name string) (*campaign.Campaign, error) {
	if len(s.Catalog.Campaigns) == 0 {
		return nil, errors.New("the workspace has no campaign")
	}
	if name == "" {
		return s.Catalog.Campaigns[0], nil
	}
	if c, ok := s.Catalog.Campaign(name); ok {
		return c, nil
	}
	var names []string
	for _, c := range s.Catalog.Campaigns {
		names = append(names, c.Name)
	}
	return nil, chosen("campaign "+name, name, names)
}

// chosen is the error for something that there is not.
func chosen(what, name string, known []string) error {
	hint := "there is " + strings.Join(known, ", ")
	if best := campaign.Nearest(name, known); best != "" {
		hint = "did you mean " + best + "?"
	}
	return fmt.Errorf("there is no %s; %s", what, hint)
}

// Unknown tells whether a choice names a customer of whom nobody knows, for whom a
// made-up one stands.
func (s *Studio) Unknown(ch Choice, m *Mail) bool {
	_, made := personBy(ch.Customer, false)
	return ch.Customer != "" && !made && m.Occasion == MadeUp
}

// Remark says what of a mail is made up; empty: nothing is.
func (s *Studio) Remark(ch Choice, m *Mail) string {
	switch {
	case s.Unknown(ch, m) && s.store == nil:
		return "there is no database yet, so the customer is made up: Ana"
	case s.Unknown(ch, m):
		return "no customer " + ch.Customer + " is in the database, so the customer is made up: Ana"
	case m.Occasion == Occurred:
		return "the customer has not entered the campaign; the mail is about the latest occurrence of its trigger"
	case m.Occasion == Nothing:
		return "nothing has begun the campaign for this customer; what the mail is about is made up"
	}
	return ""
}

func rtl(locale string) bool {
	language, _, _ := strings.Cut(strings.ReplaceAll(locale, "_", "-"), "-")
	return slices.Contains([]string{"ar", "dv", "fa", "he", "iw", "ps", "sd", "ug", "ur", "yi"}, language)
}

func object(raw json.RawMessage) map[string]any {
	out := map[string]any{}
	if json.Unmarshal(raw, &out) != nil || out == nil {
		return map[string]any{}
	}
	return out
}

func encode(object map[string]any) json.RawMessage {
	raw, err := json.Marshal(maps.Clone(object))
	if err != nil {
		return json.RawMessage(`{}`) // strings and numbers always marshal
	}
	return raw
}
