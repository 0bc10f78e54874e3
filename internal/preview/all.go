package preview

import (
	"context"
	"errors"
	"slices"

	"tidings/internal/campaign"
	"tidings/internal/render"
)

// Finding is something wrong with a mail, and for whom.
type Finding struct {
	Campaign  string           `json:"campaign"`
	Step      string           `json:"step"`
	Template  string           `json:"template"`
	Problem   campaign.Problem `json:"problem"`
	Locales   []string         `json:"locales"`
	Customers []string         `json:"customers"` // their ids, or the names of made-up ones
	Mails     int              `json:"mails"`     // so many mails have it
}

// Result is what rendering everything has found.
type Result struct {
	Mails     int                `json:"mails"`
	Campaigns int                `json:"campaigns"`
	Templates int                `json:"templates"`
	Locales   int                `json:"locales"`
	Customers int                `json:"customers"` // of the store
	MadeUp    int                `json:"made_up"`
	Largest   int                `json:"largest_html"` // bytes
	Errors    []Finding          `json:"errors"`
	Warnings  []Finding          `json:"warnings"`
	Files     []campaign.Problem `json:"files"` // what check warns of
}

// AllOptions say how much All renders.
type AllOptions struct {
	Customers int // of the store, at most
	// Each gets every mail; nil: nobody does.
	Each func(*Mail, string) error
}

// sampled is how many customers the awkward ones are picked from.
const sampled = 500

// All renders every mail of every campaign in every language for the made-up
// customers, and for the most awkward of the store.
func (s *Studio) All(ctx context.Context, o AllOptions) (*Result, error) {
	var real []campaign.Customer
	if s.store != nil && o.Customers > 0 {
		found, err := s.store.Sample(ctx, sampled)
		if err != nil {
			return nil, err
		}
		real = Awkward(found, o.Customers)
	}
	locales := s.Catalog.Workspace.Locales
	if len(locales) == 0 {
		locales = []string{""}
	}
	a := &all{studio: s, o: o, found: map[like]*Finding{}}
	a.result = Result{Campaigns: len(s.Catalog.Campaigns), Locales: len(locales), Customers: len(real), MadeUp: len(people(false)), Errors: []Finding{}, Warnings: []Finding{}, Files: append([]campaign.Problem{}, s.Problems...)}
	templates := map[string]bool{}
	for _, c := range s.Catalog.Campaigns {
		letters, err := a.letters(ctx, c, real)
		if err != nil {
			return nil, err
		}
		for _, step := range Steps(c) {
			templates[step.Template] = true
			for _, locale := range locales {
				if err := a.locale(c, step, locale, letters); err != nil {
					return nil, err
				}
			}
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	a.result.Templates = len(templates)
	a.sort()
	return &a.result, nil
}

type all struct {
	studio *Studio
	o      AllOptions
	result Result
	found  map[like]*Finding
	order  []*Finding
}

// like is what findings have in common that are told as one.
type like struct {
	campaign, step string
	problem        campaign.Problem
}

// letters are what a campaign's mails to customers of the store are made of.
func (a *all) letters(ctx context.Context, c *campaign.Campaign, real []campaign.Customer) ([]letter, error) {
	var out []letter
	for _, customer := range real {
		l := letter{campaign: c, customer: customer.ExternalID}
		o, occasion, err := a.studio.store.Letter(ctx, c, customer.ExternalID)
		if errors.Is(err, ErrUnknown) {
			continue // erased meanwhile
		}
		if err != nil {
			return nil, err
		}
		l.out, l.occasion = o, occasion
		out = append(out, l)
	}
	return out, nil
}

// locale renders one mail in one language for everybody.
func (a *all) locale(c *campaign.Campaign, step Step, locale string, letters []letter) error {
	s := a.studio
	for _, p := range people(rtl(locale)) {
		l := &letter{campaign: c, step: step, customer: p.key, occasion: MadeUp, out: p.outgoing(s, c, step.ID, locale)}
		l.out.Now = s.now()
		if err := a.render(l, locale); err != nil {
			return err
		}
	}
	for _, l := range letters {
		l.step = step
		if l.occasion == Nothing {
			l.out = s.onto(l.out, &l, locale)
		}
		if err := a.render(&l, locale); err != nil {
			return err
		}
	}
	return nil
}

func (a *all) render(l *letter, locale string) error {
	l.out.ID, l.out.Step = 0, l.step.ID
	l.out.Customer.Locale = locale
	a.result.Mails++
	m, err := a.studio.bytes(l)
	if err != nil {
		a.note(l, locale, ProblemOf(err))
		return nil
	}
	a.result.Largest = max(a.result.Largest, len(m.HTML))
	for _, p := range m.judge(l.out.Customer) {
		a.note(l, locale, p)
	}
	if a.o.Each != nil {
		return a.o.Each(m, locale)
	}
	return nil
}

// ProblemOf is an error of rendering as a problem of its place.
func ProblemOf(err error) campaign.Problem {
	var own *render.Error
	if errors.As(err, &own) {
		return campaign.Problem{File: own.File, Line: own.Line, Column: own.Column, Message: own.Message}
	}
	return campaign.Problem{File: "templates", Message: err.Error()}
}

// note files a problem with those like it.
func (a *all) note(l *letter, locale string, p campaign.Problem) {
	key := like{l.campaign.Name, l.step.ID, p}
	f := a.found[key]
	if f == nil {
		f = &Finding{Campaign: l.campaign.Name, Step: l.step.ID, Template: l.step.Template, Problem: p}
		a.found[key] = f
		a.order = append(a.order, f)
	}
	f.Mails++
	if !slices.Contains(f.Locales, locale) {
		f.Locales = append(f.Locales, locale)
	}
	if !slices.Contains(f.Customers, l.customer) {
		f.Customers = append(f.Customers, l.customer)
	}
}

func (a *all) sort() {
	for _, f := range a.order {
		if f.Problem.Warning {
			a.result.Warnings = append(a.result.Warnings, *f)
		} else {
			a.result.Errors = append(a.result.Errors, *f)
		}
	}
}
