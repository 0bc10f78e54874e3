package cli

import (
	"errors"
	"os"
	"strings"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/scheduler"
)

type planCmd struct {
	At      moment `help:"The moment of the tick to plan, instead of now (a simulation's last tick)." placeholder:"TIME"`
	Sample  int    `help:"Customers to name of each count." default:"5" placeholder:"N"`
	Against string `help:"Another version of the workspace, a folder or a git ref: say what changes for people." placeholder:"DIR|REF"`
	Format  string `help:"text, markdown (for a pull request) or json." enum:"text,markdown,json" default:"text" placeholder:"FORMAT"`
}

// planOutput is what `plan --json` prints.
type planOutput struct {
	At        time.Time               `json:"at"`
	Campaigns map[string]campaignPlan `json:"campaigns"`
}

// campaignPlan is what the next tick would do for a campaign, in a tick's words.
type campaignPlan struct {
	Status       string                `json:"status"`
	Entered      int                   `json:"entered"`
	HeldOut      int                   `json:"held_out"` // of entered
	Held         map[string]int        `json:"held"`
	Sample       []string              `json:"sample"`      // customers who would enter
	HeldSample   map[string][]string   `json:"held_sample"` // customers held, by reason
	Messages     int                   `json:"messages"`
	Exits        map[string]int        `json:"exits"`
	Fuse         *fusePlan             `json:"fuse,omitempty"`
	Paused       *campaign.PauseReport `json:"paused,omitempty"`          // by hand or by the breaker
	IfActive     *activePlan           `json:"if_active,omitempty"`       // of a draft
	MailsPerHour []hourPlan            `json:"mails_per_hour"`            // the next 24 hours
	GatedPerHour []hourPlan            `json:"mails_per_hour_with_gates"` // the same, by estimate
	WouldHold    map[string]int        `json:"would_hold"`                // of the mails that are due, and of those that wait already, by gate
	WouldDrop    map[string]int        `json:"would_drop"`                // those that would never go
	Waits        []campaign.Waits      `json:"waits"`                     // of would_hold: until when, and for whom
	Pace         *pacePlan             `json:"pace,omitempty"`            // the rates that mails of the next 24 hours wait for
	// Error is why the campaign cannot be evaluated: the tick then decides nothing.
	Error string `json:"error,omitempty"`
}

// fusePlan says why a campaign's entries are held for a person.
type fusePlan struct {
	Entries int     `json:"entries"` // that would enter
	Allowed int     `json:"allowed"`
	Usual   float64 `json:"usual"`
	Release string  `json:"release"` // the command that lets them go
}

// activePlan is what a draft would have done, had it been active since a moment.
type activePlan struct {
	Since    time.Time      `json:"since"`
	Entered  int            `json:"entered"`
	HeldOut  int            `json:"held_out"`
	Held     map[string]int `json:"held"`
	Sample   []string       `json:"sample"`
	Messages int            `json:"messages"`
}

type hourPlan struct {
	Hour     time.Time `json:"hour"`
	Messages int       `json:"messages"`
}

// draftSpan is how long a draft is taken to have been active: at the moment of its
// activation nothing is due yet, so one day is what a person can compare.
const draftSpan = 24 * time.Hour

// Run rehearses the next tick and says what it would do.
func (c *planCmd) Run(rt *runtime) error {
	rt.json = rt.json || c.Format == "json"
	if c.Sample < 0 {
		return usage("--sample %d: write 0 or more", c.Sample)
	}
	if c.Against != "" {
		return c.compare(rt)
	}
	if c.Format == "markdown" {
		return usage("--format markdown shows what changes between two versions; name the other one with --against DIR or REF")
	}
	cat, _, err := rt.catalog()
	if err != nil {
		return err
	}
	s, err := rt.openExisting()
	if err != nil {
		return err
	}
	defer s.Close()
	now, err := c.now(rt, s)
	if err != nil {
		return err
	}
	out := planOutput{At: now}
	var failed *scheduler.FailedError
	err = s.Rehearse(rt.ctx, cat, func(s *store.Store) error {
		r, err := rt.rehearse(s, cat, now, nil)
		if err == nil {
			failed = r.failed
			out.Campaigns, err = r.campaigns(rt, s, cat, c.Sample)
		}
		return err
	})
	if err != nil {
		return past(err)
	}
	if rt.json {
		if err := rt.printJSON(out); err != nil {
			return err
		}
	} else {
		printPlan(rt, cat, out)
	}
	if failed != nil { // the answer names it, and what the others would do
		return failed
	}
	return nil
}

// now is the moment to plan for: --at, else a simulation's last tick or now.
func (c *planCmd) now(rt *runtime, s *store.Store) (time.Time, error) {
	if !c.At.IsZero() {
		return campaign.Moment(c.At.Time), nil
	}
	return rt.reportNow(s)
}

// past makes a moment before the last tick the user's fault.
func past(err error) error {
	var past *store.PastError
	if errors.As(err, &past) {
		return usage("%v", err)
	}
	return err
}

// openExisting connects to a database that is there already, and never creates
// or changes its tables: for commands that only look.
func (rt *runtime) openExisting() (*store.Store, error) {
	if rt.cfg.SQLite() {
		path := strings.TrimPrefix(rt.cfg.DatabaseURL, "sqlite:")
		if _, err := os.Stat(path); path != "" && errors.Is(err, os.ErrNotExist) {
			return nil, usage("there is no database %s yet; import customers and events first, or name another with --database-url", path)
		}
	}
	s, err := rt.open()
	if err != nil {
		return nil, err
	}
	if err := s.Ready(rt.ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// rehearsal is what the next tick would do, with that of the drafts as if they
// had been active for a while.
type rehearsal struct {
	now     time.Time
	planned map[string]scheduler.Planned
	drafts  map[string]scheduler.Planned
	pauses  map[string]store.Pause
	outlook map[string]*campaign.Forecast // of the active ones, after the tick
	gates   map[string]campaign.WouldHold // of their mails that are due then
	gated   map[string]campaign.Gated     // of their outlook
	// failed names the campaigns that could not be evaluated, whose errors are.
	failed *scheduler.FailedError
	errors map[string]string
}

// fails notes campaigns that could not be evaluated, each once. It gives back an
// error that is of none of them.
func (r *rehearsal) fails(err error) error {
	var failed *scheduler.FailedError
	if !errors.As(err, &failed) {
		return err
	}
	if r.failed == nil {
		r.failed = &scheduler.FailedError{Err: failed.Err}
	}
	for _, name := range failed.Campaigns {
		if r.errors[name] == "" {
			r.failed.Campaigns = append(r.failed.Campaigns, name)
			r.errors[name] = failed.Err.Error()
		}
	}
	return nil
}

// tick plans, and notes the campaigns that could not be evaluated.
func (r *rehearsal) tick(rt *runtime, s *store.Store, cat *campaign.Catalog, o scheduler.PlanOptions) (map[string]scheduler.Planned, error) {
	planned, err := rt.planner(s, cat).Plan(rt.ctx, r.now, o)
	if rt.ctx.Err() != nil {
		return nil, rt.ctx.Err()
	}
	err = r.fails(err)
	for name, p := range planned {
		if p.Error != "" {
			r.errors[name] = p.Error
		}
	}
	return planned, err
}

// ahead foresees an active campaign. One that cannot be foreseen leaves nothing
// behind, and the others go on.
func (r *rehearsal) ahead(rt *runtime, s *store.Store, cat *campaign.Catalog, c *campaign.Campaign) error {
	if r.errors[c.Name] != "" {
		return nil
	}
	err := s.Rehearse(rt.ctx, cat, func(s *store.Store) (err error) {
		r.outlook[c.Name], err = (&scheduler.Forecaster{Store: s, Catalog: cat}).Outlook(rt.ctx, c, r.now, r.now.Add(outlookSpan))
		if err == nil {
			r.gated[c.Name], err = s.Gated(rt.ctx, c, r.outlook[c.Name], r.now, r.now.Add(outlookSpan))
		}
		if err == nil {
			r.gates[c.Name], err = s.WouldHold(rt.ctx, c, r.now)
		}
		return err
	})
	if err == nil || rt.ctx.Err() != nil {
		return err
	}
	return r.fails(&scheduler.FailedError{Campaigns: []string{c.Name}, Err: err})
}

// rehearse plans on a store that takes everything back. Each of the two parts
// leaves nothing behind for the other. Campaigns that cannot be evaluated are
// noted, and do not keep the others from theirs. also, unless it is nil, looks at
// what either tick has done before that is taken back.
func (rt *runtime) rehearse(s *store.Store, cat *campaign.Catalog, now time.Time, also func(s *store.Store, r *rehearsal, drafts bool) error) (rehearsal, error) {
	r := rehearsal{now: now, outlook: map[string]*campaign.Forecast{}, gates: map[string]campaign.WouldHold{}, gated: map[string]campaign.Gated{}, errors: map[string]string{}}
	err := s.Rehearse(rt.ctx, cat, func(s *store.Store) (err error) {
		if r.planned, err = r.tick(rt, s, cat, scheduler.PlanOptions{}); err != nil {
			return err
		}
		if r.pauses, err = s.Pauses(rt.ctx); err != nil {
			return err
		}
		for _, c := range cat.Campaigns {
			if _, paused := r.pauses[c.Name]; paused || c.Status != campaign.Active {
				continue
			}
			if err = r.ahead(rt, s, cat, c); err != nil {
				return err
			}
		}
		if err = r.pace(rt, s, cat); err != nil {
			return err
		}
		if also != nil {
			return also(s, &r, false)
		}
		return nil
	})
	active, drafts := activated(cat)
	if err != nil || len(drafts) == 0 {
		return r, err
	}
	err = s.Rehearse(rt.ctx, active, func(s *store.Store) (err error) {
		if r.drafts, err = r.tick(rt, s, active, scheduler.PlanOptions{Only: drafts, Since: now.Add(-draftSpan)}); err == nil && also != nil {
			err = also(s, &r, true)
		}
		return err
	})
	return r, err
}

// planner ticks on a store that takes everything back.
func (rt *runtime) planner(s *store.Store, cat *campaign.Catalog) *scheduler.Scheduler {
	return &scheduler.Scheduler{Store: s, Catalog: cat, Log: rt.log}
}

// outlookSpan is how far ahead of the tick mails are foreseen.
const outlookSpan = 24 * time.Hour

// perHour are the hours of an outlook in which mails go out, in order.
func perHour(f *campaign.Forecast, zone *time.Location) []hourPlan {
	out := []hourPlan{}
	if f == nil {
		return out
	}
	for _, h := range sortedKeys(f.Hours) {
		if n := f.Hours[h].Messages; n > 0 {
			out = append(out, hourPlan{time.Unix(h, 0).In(zone), n})
		}
	}
	return out
}

// activated is the catalog with its drafts active, and their names.
func activated(cat *campaign.Catalog) (*campaign.Catalog, []string) {
	active := *cat
	active.Campaigns = nil
	var drafts []string
	for _, c := range cat.Campaigns {
		if c.Status == campaign.Draft {
			copied := *c
			copied.Status, copied.ActiveFrom = campaign.Active, time.Time{}
			c = &copied
			drafts = append(drafts, c.Name)
		}
		active.Campaigns = append(active.Campaigns, c)
	}
	return &active, drafts
}

// campaigns writes a rehearsal as --json has it, naming the first customers of
// each count.
func (r rehearsal) campaigns(rt *runtime, s *store.Store, cat *campaign.Catalog, sample int) (map[string]campaignPlan, error) {
	out := map[string]campaignPlan{}
	for _, c := range cat.Campaigns {
		p, ok := r.planned[c.Name]
		if !ok {
			continue
		}
		one := campaignPlan{
			Status: string(c.Status), Entered: p.Entered, HeldOut: p.HeldOut, Held: p.Held,
			HeldSample: map[string][]string{}, Messages: p.Messages, Exits: p.Exits, MailsPerHour: perHour(r.outlook[c.Name], cat.Workspace.Zone),
			Error: r.errors[c.Name], GatedPerHour: gatedPerHour(r.gated[c.Name], r.now.Add(outlookSpan), cat.Workspace.Zone),
		}
		one.gated(r.gates[c.Name], cat.Workspace.Zone)
		one.Pace = paceOf(c.Name, r.gated[c.Name].Paced, cat.Workspace.Zone)
		var err error
		if one.Sample, err = rt.labels(s, p.Entering, sample); err != nil {
			return nil, err
		}
		for reason, customers := range p.HeldBack {
			if one.HeldSample[reason], err = rt.labels(s, customers, sample); err != nil {
				return nil, err
			}
		}
		if pause, paused := r.pauses[c.Name]; paused {
			one.Paused = pause.Report()
		}
		if p.Fuse != nil {
			one.Fuse = &fusePlan{p.Fuse.Decided, p.Fuse.Allowed, p.Fuse.Usual, "tidings release " + c.Name + " --yes"}
		}
		if d, ok := r.drafts[c.Name]; ok && d.Error == "" {
			one.IfActive = &activePlan{Since: r.now.Add(-draftSpan), Entered: d.Entered, HeldOut: d.HeldOut, Held: d.Held, Messages: d.Messages}
			if one.IfActive.Sample, err = rt.labels(s, d.Entering, sample); err != nil {
				return nil, err
			}
		}
		out[c.Name] = one
	}
	return out, nil
}

// labels names the first n of customers.
func (rt *runtime) labels(s *store.Store, customers []int64, n int) ([]string, error) {
	return s.Labels(rt.ctx, customers[:min(n, len(customers))])
}
