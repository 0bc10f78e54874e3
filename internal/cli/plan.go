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
	Status       string              `json:"status"`
	Entered      int                 `json:"entered"`
	HeldOut      int                 `json:"held_out"` // of entered
	Held         map[string]int      `json:"held"`
	Sample       []string            `json:"sample"`      // customers who would enter
	HeldSample   map[string][]string `json:"held_sample"` // customers held, by reason
	Messages     int                 `json:"messages"`
	Exits        map[string]int      `json:"exits"`
	Fuse         *fusePlan           `json:"fuse,omitempty"`
	IfActive     *activePlan         `json:"if_active,omitempty"` // of a draft
	MailsPerHour []hourPlan          `json:"mails_per_hour"`      // the next 24 hours
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
	err = s.Rehearse(rt.ctx, cat, func(s *store.Store) error {
		r, err := rt.rehearse(s, cat, now)
		if err == nil {
			out.Campaigns, err = r.campaigns(rt, s, cat, c.Sample)
		}
		return err
	})
	if err != nil {
		return past(err)
	}
	if rt.json {
		return rt.printJSON(out)
	}
	printPlan(rt, cat, out)
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
	outlook map[string]*campaign.Forecast // of the active ones, after the tick
}

// rehearse plans on a store that takes everything back. Each of the two parts
// leaves nothing behind for the other.
func (rt *runtime) rehearse(s *store.Store, cat *campaign.Catalog, now time.Time) (rehearsal, error) {
	r := rehearsal{now: now, outlook: map[string]*campaign.Forecast{}}
	err := s.Rehearse(rt.ctx, cat, func(s *store.Store) (err error) {
		if r.planned, err = rt.planner(s, cat).Plan(rt.ctx, now, scheduler.PlanOptions{}); err != nil {
			return err
		}
		for _, c := range cat.Campaigns {
			if c.Status != campaign.Active {
				continue
			}
			if r.outlook[c.Name], err = (&scheduler.Forecaster{Store: s, Catalog: cat}).Outlook(rt.ctx, c, now, now.Add(outlookSpan)); err != nil {
				return err
			}
		}
		return nil
	})
	active, drafts := activated(cat)
	if err != nil || len(drafts) == 0 {
		return r, err
	}
	err = s.Rehearse(rt.ctx, active, func(s *store.Store) (err error) {
		r.drafts, err = rt.planner(s, active).Plan(rt.ctx, now, scheduler.PlanOptions{Only: drafts, Since: now.Add(-draftSpan)})
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
		}
		var err error
		if one.Sample, err = rt.labels(s, p.Entering, sample); err != nil {
			return nil, err
		}
		for reason, customers := range p.HeldBack {
			if one.HeldSample[reason], err = rt.labels(s, customers, sample); err != nil {
				return nil, err
			}
		}
		if p.Fuse != nil {
			one.Fuse = &fusePlan{p.Fuse.Decided, p.Fuse.Allowed, p.Fuse.Usual, "tidings release " + c.Name + " --yes"}
		}
		if d, ok := r.drafts[c.Name]; ok {
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
