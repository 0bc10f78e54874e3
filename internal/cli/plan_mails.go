package cli

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"tidings/internal/campaign"
	"tidings/internal/render"
	"tidings/internal/store"
	"tidings/internal/token"
)

// failingMail is a mail of the new version that cannot be rendered for customers
// who are to get it.
type failingMail struct {
	Step      string   `json:"step"`
	Template  string   `json:"template"`
	Error     string   `json:"error"`
	Customers int      `json:"customers"`
	Of        int      `json:"of"` // customers that it was rendered for
	Sample    []string `json:"sample"`
	// Past: nobody is to get it now; the customers are those of the trigger's latest
	// occurrences.
	Past bool `json:"past,omitempty"`
}

// untranslated is a language that customers speak and a template does not.
type untranslated struct {
	Template  string `json:"template"`
	Locale    string `json:"locale"`
	Customers int    `json:"customers"`
	Past      bool   `json:"past,omitempty"` // as of a failingMail
}

// trialPasses is for how many passes of a campaign, the latest ones, its mails are
// rendered.
const trialPasses = 200

// mailTrial renders the mails of a version for those who are to get them.
type mailTrial struct {
	rt       *runtime
	cat      *campaign.Catalog
	renderer *render.Renderer
	settings render.Settings
	letters  map[string][]campaign.Outgoing // by campaign
	past     map[string]bool                // whose letters are of past occurrences
}

func (rt *runtime) newMailTrial(cat *campaign.Catalog, renderer *render.Renderer) (*mailTrial, error) {
	signer, err := token.New([]string{"a key for trials, which sign nothing"})
	if err != nil {
		return nil, err
	}
	return &mailTrial{
		rt: rt, cat: cat, renderer: renderer, letters: map[string][]campaign.Outgoing{}, past: map[string]bool{},
		settings: render.Settings{PublicURL: "https://sample.example", Signer: signer, StoreID: "sample"},
	}, nil
}

// collect reads who is to get mails of campaigns after a rehearsed tick: of drafts,
// or of the others. Where it is nobody, as of a campaign that has just become active,
// the trigger's latest occurrences show who will.
func (m *mailTrial) collect(s *store.Store, r *rehearsal, campaigns []*campaign.Campaign, drafts bool) (err error) {
	for _, c := range campaigns {
		if drafts != (c.Status == campaign.Draft) || r.errors[c.Name] != "" {
			continue
		}
		if m.letters[c.Name], err = s.Letters(m.rt.ctx, c, r.now, trialPasses); err != nil {
			return err
		}
		if len(m.letters[c.Name]) == 0 {
			m.past[c.Name] = true
			if m.letters[c.Name], err = s.PastLetters(m.rt.ctx, c, r.now, trialPasses); err != nil {
				return err
			}
		}
	}
	return nil
}

// judge renders every mail of a campaign that its passes have yet to meet.
func (m *mailTrial) judge(s *store.Store, c *campaign.Campaign, sample int) (failing []failingMail, foreign []untranslated, err error) {
	foreign = m.foreign(c)
	for i, n := range c.Program.Nodes {
		if n.Send == nil {
			continue
		}
		of, failed := 0, map[string][]int64{}
		for _, l := range m.letters[c.Name] {
			if !ahead(c.Program, l.Step, i) {
				continue
			}
			of++
			o := l
			o.ID, o.Step = 1, n.ID
			if _, err := m.renderer.Render(o, m.settings); err != nil {
				failed[renderError(err)] = append(failed[renderError(err)], o.Customer.ID)
			}
		}
		for _, why := range sortedKeys(failed) {
			one := failingMail{Step: n.ID, Template: n.Send.Template, Error: why, Customers: len(failed[why]), Of: of, Past: m.past[c.Name]}
			if one.Sample, err = m.rt.labels(s, failed[why], sample); err != nil {
				return nil, nil, err
			}
			failing = append(failing, one)
		}
	}
	return failing, foreign, nil
}

// ahead tells whether a pass at a step may still meet the one at position i. Of a
// pass whose step is gone nothing is known.
func ahead(p *campaign.Program, step string, i int) bool {
	at, known := p.Index(step)
	return !known || at <= i
}

// renderError is a rendering's error without the number of the trial's message.
func renderError(err error) string {
	var own *render.Error
	if errors.As(err, &own) {
		return own.Error()
	}
	return err.Error()
}

// foreign counts, in a workspace of several languages, the customers who get a
// mail in another one than theirs, for want of a translation.
func (m *mailTrial) foreign(c *campaign.Campaign) []untranslated {
	locales := m.cat.Workspace.Locales
	if len(locales) < 2 {
		return nil
	}
	who := map[untranslated]map[int64]bool{}
	for i, n := range c.Program.Nodes {
		if n.Send == nil {
			continue
		}
		for _, l := range m.letters[c.Name] {
			locale := l.Customer.Locale
			if locale == "" || !ahead(c.Program, l.Step, i) || language(locale) == language(locales[0]) {
				continue
			}
			sources := m.cat.Templates[n.Send.Template]
			own := slices.ContainsFunc(m.cat.Workspace.OwnLocales(locale), func(k string) bool { return sources[k] != nil })
			if !own {
				u := untranslated{Template: n.Send.Template, Locale: language(locale), Past: m.past[c.Name]}
				if who[u] == nil {
					who[u] = map[int64]bool{}
				}
				who[u][l.Customer.ID] = true
			}
		}
	}
	var out []untranslated
	for u, customers := range who {
		u.Customers = len(customers)
		out = append(out, u)
	}
	slices.SortFunc(out, func(a, b untranslated) int { return strings.Compare(a.Template+" "+a.Locale, b.Template+" "+b.Locale) })
	return out
}

func language(locale string) string {
	name, _, _ := strings.Cut(strings.ReplaceAll(locale, "_", "-"), "-")
	return name
}

// concerned are the campaigns whose mails this version may change: those whose
// file or template does; all of them when a layout or a partial does.
func concerned(before, after *campaign.Catalog, earlier func(*campaign.Campaign) *campaign.Campaign, templates []string) []*campaign.Campaign {
	all := !sameSources(before, after)
	var out []*campaign.Campaign
	for _, a := range after.Campaigns {
		b := earlier(a)
		other := slices.ContainsFunc(a.Program.Nodes, func(n campaign.Node) bool { return n.Send != nil && slices.Contains(templates, n.Send.Template) })
		if all || other || b == nil || len(campaign.Differences(b, a)) > 0 {
			out = append(out, a)
		}
	}
	return out
}

// sameSources tells whether layouts, partials, texts and the brand are the same.
func sameSources(a, b *campaign.Catalog) bool {
	same := func(x, y *campaign.Template) bool { return x.Source == y.Source }
	words := func(x, y map[string]campaign.Phrase) bool {
		return maps.EqualFunc(x, y, func(p, q campaign.Phrase) bool { return p.Source == q.Source })
	}
	return maps.EqualFunc(a.Partials, b.Partials, same) && maps.EqualFunc(a.Includes, b.Includes, same) &&
		maps.EqualFunc(a.Texts, b.Texts, words) && maps.Equal(a.Workspace.Brand, b.Workspace.Brand) &&
		maps.EqualFunc(a.Layouts, b.Layouts, func(x, y map[string]*campaign.Template) bool { return maps.EqualFunc(x, y, same) })
}

// renamed warns of campaigns that look like one of the other version under a new
// name: without `was` they begin anew, and everybody may enter again.
func renamed(before, after *campaign.Catalog, earlier func(*campaign.Campaign) *campaign.Campaign) []campaign.Problem {
	kept := map[string]bool{}
	for _, a := range after.Campaigns {
		if b := earlier(a); b != nil {
			kept[b.Name] = true
		}
	}
	var out []campaign.Problem
	for _, a := range after.Campaigns {
		if earlier(a) != nil {
			continue
		}
		for _, b := range before.Campaigns {
			if kept[b.Name] || !alike(b, a) {
				continue
			}
			kept[b.Name] = true
			out = append(out, campaign.Problem{
				File: "campaigns/" + a.Name + ".yaml", Line: 1, Column: 1, Warning: true,
				Message: fmt.Sprintf("%s.yaml looks like %s.yaml, which is gone", a.Name, b.Name),
				Hint:    "write was: " + b.Name + ", else everybody may enter again",
			})
			break
		}
	}
	return out
}

// alike tells whether a campaign may be another one under a new name: both begin by
// the same kind of trigger, and either the trigger or all steps are the same.
func alike(b, a *campaign.Campaign) bool {
	if reflect.TypeOf(b.Trigger) != reflect.TypeOf(a.Trigger) {
		return false
	}
	added, gone := len(campaign.AddedSteps(b, a)), len(campaign.AddedSteps(a, b))
	kept := len(a.Program.Nodes) - added
	return added+gone == 0 || kept > 0 && campaign.DescribeTrigger(b.Trigger) == campaign.DescribeTrigger(a.Trigger)
}

// mailLines say which mails of the new version will fail, and who gets one in
// another language.
func (one campaignComparison) mailLines() []said {
	var lines []said
	lately := map[bool]string{true: " of the trigger's latest occurrences"}
	for _, f := range one.Failing {
		lines = append(lines, said{"FAILS", fmt.Sprintf("mail %s for %s of %s%s%s: %s", f.Step, thousands(f.Customers), count(f.Of, "customer"), lately[f.Past], who(f.Sample, f.Customers), f.Error)})
	}
	for _, u := range one.Untranslated {
		lines = append(lines, said{"locale", fmt.Sprintf("template %s has no %s: %s%s would get it in another language", u.Template, u.Locale, count(u.Customers, "customer"), lately[u.Past])})
	}
	return lines
}
