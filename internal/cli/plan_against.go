package cli

import (
	"maps"
	"slices"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/render"
	"tidings/internal/store"
	"tidings/scheduler"
)

// comparison is what `plan --against --json` prints.
type comparison struct {
	At        time.Time                     `json:"at"`
	Against   string                        `json:"against"`
	OK        bool                          `json:"ok"`
	Errors    []campaign.Problem            `json:"errors"`
	Warnings  []campaign.Problem            `json:"warnings"`
	Templates []string                      `json:"templates"` // added, removed or changed
	Failed    []string                      `json:"failed"`    // campaigns of this version that cannot be evaluated
	Campaigns map[string]campaignComparison `json:"campaigns"` // those for which anything changes
}

// campaignComparison is what a change of its file does to people.
type campaignComparison struct {
	Change         string             `json:"change"` // added, removed, renamed, changed, or same: only its effect differs
	Was            string             `json:"was,omitempty"`
	Differences    []string           `json:"differences"`
	Enter          int                `json:"enter"` // at the next tick
	EnterBefore    int                `json:"enter_before"`
	Newly          int                `json:"newly"`     // customers who enter by this version only
	NoLonger       int                `json:"no_longer"` // who enter by the other only
	NewlySample    []string           `json:"newly_sample"`
	NoLongerSample []string           `json:"no_longer_sample"`
	Held           map[string]int     `json:"held"`
	InFlight       *campaign.InFlight `json:"in_flight,omitempty"`
	Mails          int                `json:"mails"` // of the next 24 hours
	MailsBefore    int                `json:"mails_before"`
	BusiestHour    *hourPlan          `json:"busiest_hour,omitempty"`
	// WouldHold, WouldDrop and Waits are a plan's, of this version.
	WouldHold map[string]int   `json:"would_hold,omitempty"`
	WouldDrop map[string]int   `json:"would_drop,omitempty"`
	Waits     []campaign.Waits `json:"waits,omitempty"`
	// Lapsed, of a campaign that becomes active, counts the occurrences that lie
	// before its activation and so never enter.
	Lapsed int `json:"lapsed,omitempty"`
	// Failing, Untranslated are of this version's mails to those who are to get them.
	// Error, ErrorBefore are why this version's or the other's cannot be evaluated:
	// then whom the change concerns is not known.
	Failing      []failingMail  `json:"failing,omitempty"`
	Untranslated []untranslated `json:"untranslated,omitempty"`
	Error        string         `json:"error,omitempty"`
	ErrorBefore  string         `json:"error_before,omitempty"`
}

// compare plans both versions of the workspace from one state of the database.
func (c *planCmd) compare(rt *runtime) error {
	files, dir, err := rt.workspace()
	if err != nil {
		return err
	}
	old, done, err := rt.version(dir, c.Against)
	if err != nil {
		return err
	}
	defer done()
	before, _, problems := load(old)
	if before == nil {
		return &exitError{exitNo, "the version " + c.Against + " has errors of its own and cannot be compared with:\n" + firstError(problems)}
	}
	out := comparison{
		Against: c.Against, Errors: []campaign.Problem{}, Warnings: []campaign.Problem{}, Templates: []string{}, Failed: []string{},
		Campaigns: map[string]campaignComparison{},
	}
	after, renderer, problems := load(files)
	for _, p := range problems {
		if p.Warning {
			out.Warnings = append(out.Warnings, p)
		} else {
			out.Errors = append(out.Errors, p)
		}
	}
	var failed *scheduler.FailedError
	if after != nil {
		if failed, err = c.effect(rt, &out, before, after, renderer); err != nil {
			return past(err)
		}
	}
	if failed != nil {
		out.Failed = failed.Campaigns
	}
	out.OK = len(out.Errors) == 0 && failed == nil && out.failing() == 0
	if err := c.printComparison(rt, out); err != nil {
		return err
	}
	switch {
	case failed != nil: // the answer names it, and what changes for the others
		return failed
	case !out.OK:
		return &exitError{code: exitNo}
	}
	return nil
}

// failing counts the mails of this version that cannot be rendered for somebody.
func (out comparison) failing() (n int) {
	for _, one := range out.Campaigns {
		n += len(one.Failing)
	}
	return n
}

func firstError(problems []campaign.Problem) string {
	for _, p := range problems {
		if !p.Warning {
			return p.String()
		}
	}
	return ""
}

// effect rehearses the next tick by both versions, the other one first. failed
// names the campaigns that cannot be evaluated by this one.
func (c *planCmd) effect(rt *runtime, out *comparison, before, after *campaign.Catalog, renderer *render.Renderer) (failed *scheduler.FailedError, err error) {
	s, err := rt.openExisting()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if out.At, err = c.now(rt, s); err != nil {
		return nil, err
	}
	out.Templates = changedTemplates(before, after)
	x := comparing{rt: rt, sample: c.Sample, before: before, after: after}
	out.Warnings = append(out.Warnings, renamed(before, after, x.earlier)...)
	concern := concerned(before, after, x.earlier, out.Templates)
	if x.mails, err = rt.newMailTrial(after, renderer); err != nil {
		return nil, err
	}
	err = s.Rehearse(rt.ctx, before, func(s *store.Store) error {
		at, err := s.Standing(rt.ctx)
		if err != nil {
			return err
		}
		was, err := rt.rehearse(s, before, out.At, nil)
		if err != nil {
			return err
		}
		is, err := rt.rehearse(s, after, out.At, func(s *store.Store, r *rehearsal, drafts bool) error {
			return x.mails.collect(s, r, concern, drafts)
		})
		if err != nil {
			return err
		}
		failed = is.failed
		clear(out.Campaigns)
		x.store, x.was, x.is, x.at = s, was, is, at
		return x.campaigns(out)
	})
	return failed, err
}

// comparing is a comparison under way.
type comparing struct {
	rt            *runtime
	store         *store.Store
	sample        int
	before, after *campaign.Catalog
	was, is       rehearsal
	at            map[string]map[string]int // running passes by step
	mails         *mailTrial
}

func (x *comparing) campaigns(out *comparison) error {
	seen := map[string]bool{}
	for _, a := range x.after.Campaigns {
		b := x.earlier(a)
		if b != nil {
			seen[b.Name] = true
		}
		one, same, err := x.compare(b, a)
		if err != nil {
			return err
		}
		if !same {
			out.Campaigns[a.Name] = one
		}
	}
	for _, b := range x.before.Campaigns {
		if seen[b.Name] {
			continue
		}
		one, _, err := x.compare(b, nil)
		if err != nil {
			return err
		}
		out.Campaigns[b.Name] = one
	}
	return nil
}

// earlier is what a campaign was in the other version, by its name or one of its
// earlier ones.
func (x *comparing) earlier(a *campaign.Campaign) *campaign.Campaign {
	for _, name := range append([]string{a.Name}, a.Was...) {
		if _, taken := x.after.Campaign(name); taken && name != a.Name {
			continue
		}
		if b, ok := x.before.Campaign(name); ok {
			return b
		}
	}
	return nil
}

// compare is one campaign's; either may be nil. same tells that nothing changes.
func (x *comparing) compare(b, a *campaign.Campaign) (one campaignComparison, same bool, err error) {
	one = campaignComparison{Change: "same", Differences: []string{}, Held: map[string]int{}}
	var was, is []int64
	if b != nil {
		was = x.was.planned[b.Name].Entering
		one.EnterBefore, one.ErrorBefore = x.was.planned[b.Name].Entered, x.was.errors[b.Name]
		one.MailsBefore, _ = busiest(perHour(x.was.outlook[b.Name], x.before.Workspace.Zone))
	}
	if a != nil {
		p := x.is.planned[a.Name]
		is, one.Enter, one.Held, one.Error = p.Entering, p.Entered, p.Held, x.is.errors[a.Name]
		var most hourPlan
		one.Mails, most = busiest(perHour(x.is.outlook[a.Name], x.after.Workspace.Zone))
		if most.Messages > 0 {
			one.BusiestHour = &most
		}
		var gated campaignPlan
		gated.gated(x.is.gates[a.Name], x.after.Workspace.Zone)
		one.WouldHold, one.WouldDrop, one.Waits = gated.WouldHold, gated.WouldDrop, gated.Waits
	}
	switch {
	case b == nil:
		one.Change = "added"
	case a == nil:
		one.Change = "removed"
	default:
		one.Differences = append(one.Differences, campaign.Differences(b, a)...)
		if len(one.Differences) > 0 {
			one.Change = "changed"
		}
		if a.Name != b.Name {
			one.Change, one.Was = "renamed", b.Name
		}
	}
	if one.Error != "" || one.ErrorBefore != "" {
		was, is = nil, nil
	}
	newly, gone := missing(is, was), missing(was, is)
	one.Newly, one.NoLonger = len(newly), len(gone)
	if one.NewlySample, err = x.rt.labels(x.store, newly, x.sample); err != nil {
		return one, false, err
	}
	if one.NoLongerSample, err = x.rt.labels(x.store, gone, x.sample); err != nil {
		return one, false, err
	}
	if b != nil && len(x.at[b.Name]) > 0 {
		f := campaign.Fly(b, a, x.at[b.Name])
		one.InFlight = &f
	}
	if err := x.lapsed(b, a, &one); err != nil {
		return one, false, err
	}
	if a != nil {
		if one.Failing, one.Untranslated, err = x.mails.judge(x.store, a, x.sample); err != nil {
			return one, false, err
		}
	}
	same = one.Change == "same" && one.Newly+one.NoLonger == 0 && one.Mails == one.MailsBefore && one.Error+one.ErrorBefore == "" && len(one.Failing) == 0
	return one, same, nil
}

// lapsed counts, for a campaign that becomes active, whom its activation leaves
// out. A schedule has no such people: its earlier moments were nobody's.
func (x *comparing) lapsed(b, a *campaign.Campaign, one *campaignComparison) error {
	if a == nil || one.Error != "" || a.Status != campaign.Active || b != nil && b.Status == campaign.Active || len(a.Trigger.AnchorNames()) == 0 {
		return nil
	}
	return x.store.Rehearse(x.rt.ctx, x.after, func(s *store.Store) (err error) {
		one.Lapsed, err = s.Lapsed(x.rt.ctx, a, x.is.now)
		return err
	})
}

// missing are those of a that are not in b.
func missing(a, b []int64) []int64 {
	in := make(map[int64]bool, len(b))
	for _, id := range b {
		in[id] = true
	}
	return slices.DeleteFunc(slices.Clone(a), func(id int64) bool { return in[id] })
}

// changedTemplates names the templates of which any locale was added, taken away
// or changed.
func changedTemplates(before, after *campaign.Catalog) []string {
	names := map[string]bool{}
	for _, pair := range [][2]*campaign.Catalog{{before, after}, {after, before}} {
		for name, locales := range pair[0].Templates {
			other := pair[1].Templates[name]
			for locale, t := range locales {
				o := other[locale]
				if o == nil || o.Source != t.Source || !maps.Equal(o.Subject, t.Subject) {
					names[name] = true
				}
			}
		}
	}
	return append([]string{}, sortedKeys(names)...)
}
