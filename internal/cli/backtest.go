package cli

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/scheduler"
)

type backtestCmd struct {
	Campaign string `arg:"" help:"Whose past to play."`
	From     moment `required:"" help:"The moment from which the campaign counts as active; entries are due after it." placeholder:"TIME"`
	To       moment `help:"The end, included; by default now, or a simulation's last tick." placeholder:"TIME"`
	CSV      bool   `help:"Print the days as CSV and nothing else." name:"csv"`
	Alone    bool   `help:"Don't look which other campaigns the customers would be in."`
}

// backtestOutput is what `backtest --json` prints.
type backtestOutput struct {
	Campaign        string          `json:"campaign"`
	From            time.Time       `json:"from"`
	To              time.Time       `json:"to"`
	Entered         int             `json:"entered"` // held out or not
	HeldOut         int             `json:"held_out"`
	Messages        int             `json:"messages"` // at most
	MessagesAtMost  int             `json:"messages_at_most"`
	MessagesAtLeast int             `json:"messages_at_least"`
	Held            map[string]int  `json:"held"`
	Cancelled       map[string]int  `json:"cancelled"` // mails that the last look turns away
	Organic         int             `json:"organic"`
	OrganicOf       int             `json:"organic_of"`   // customers whom no mail reached in that time
	WouldHold       map[string]int  `json:"would_hold"`   // of messages: that gates would put off, by gate; an estimate
	WouldDrop       map[string]int  `json:"would_drop"`   // and that would never go, by reason
	CapTakenBy      map[string]int  `json:"cap_taken_by"` // of would_hold's cap: the campaigns that took the places
	GatedHour       *busiestHour    `json:"busiest_hour_with_gates"`
	Days            []backtestDay   `json:"days"`
	BusiestDay      *busiestDay     `json:"busiest_day"`
	BusiestHour     *busiestHour    `json:"busiest_hour"`
	Overlap         []overlap       `json:"overlap"`
	NotCompared     []string        `json:"not_compared"` // campaigns for which there was no time
	Holdout         *holdoutOutlook `json:"holdout"`
	Fuse            *fuseOutlook    `json:"fuse"`
	TodayValues     []todayValue    `json:"today_values"`

	zone *time.Location
	goal *campaign.Goal
}

type backtestDay struct {
	Date     string `json:"date"`
	Entered  int    `json:"entered"`
	Messages int    `json:"messages"`
}

type busiestDay struct {
	Date     string `json:"date"`
	Messages int    `json:"messages"`
}

type busiestHour struct {
	At       time.Time `json:"at"`
	Messages int       `json:"messages"`
}

// overlap are customers who would be in another campaign's pass at the same time.
type overlap struct {
	Campaign  string `json:"campaign"`
	Customers int    `json:"customers"`
}

// holdoutOutlook says how long it takes to see a lift of three points.
type holdoutOutlook struct {
	Share    float64       `json:"share"`
	PerMonth float64       `json:"held_out_per_month"`
	Months   []monthsToSee `json:"months_to_see_3_points"`
}

type monthsToSee struct {
	Share  float64 `json:"share"`
	Months float64 `json:"months"`
}

type fuseOutlook struct {
	Hours int       `json:"hours"`
	First time.Time `json:"first"`
	Most  int       `json:"most"`
}

type todayValue struct {
	Attribute string     `json:"attribute"`
	Since     *time.Time `json:"since"` // null: never
	Customers int        `json:"customers"`
}

// Run plays the campaign through a stretch of the past and says what it would
// have done.
func (c *backtestCmd) Run(rt *runtime) error {
	if c.CSV && rt.json {
		return usage("--csv and --json: take one of them")
	}
	cat, _, err := rt.catalog()
	if err != nil {
		return err
	}
	camp, ok := cat.Campaign(c.Campaign)
	if !ok {
		return unknownCampaign(cat, c.Campaign)
	}
	s, err := rt.openExisting()
	if err != nil {
		return err
	}
	defer s.Close()
	s.Use(cat)
	from, to, err := c.window(rt, s)
	if err != nil {
		return err
	}
	out, err := c.play(rt, s, cat, camp, from, to)
	if err != nil {
		return err
	}
	switch {
	case rt.json:
		return rt.printJSON(out)
	case c.CSV:
		return rt.printDays(out.Days)
	}
	printBacktest(rt, camp, out)
	return nil
}

// unknownCampaign is the answer for a name that no file has.
func unknownCampaign(cat *campaign.Catalog, name string) error {
	var names []string
	for _, c := range cat.Campaigns {
		names = append(names, c.Name)
	}
	if best := campaign.Nearest(name, names); best != "" {
		return &exitError{exitNo, fmt.Sprintf("there is no campaign %s; did you mean %s?", name, best)}
	}
	return &exitError{exitNo, fmt.Sprintf("there is no campaign %s; `tidings check` lists what is in the workspace", name)}
}

// window is the stretch to play, which some of the history must lie in.
func (c *backtestCmd) window(rt *runtime, s *store.Store) (from, to time.Time, err error) {
	from, to = campaign.Moment(c.From.Time), campaign.Moment(c.To.Time)
	if c.To.IsZero() {
		if to, err = rt.reportNow(s); err != nil {
			return from, to, err
		}
	}
	if !from.Before(to) {
		return from, to, usage("--from %s is not before --to %s; the campaign is played from the one to the other", from.Format(time.RFC3339), to.Format(time.RFC3339))
	}
	first, last, ok, err := s.HistorySpan(rt.ctx)
	switch {
	case err != nil:
		return from, to, fmt.Errorf("look for a history: %w", err)
	case !ok:
		return from, to, &exitError{exitNo, "there are no events to play; take some in with `tidings import events FILE`"}
	case to.Before(first):
		return from, to, &exitError{exitNo, fmt.Sprintf("the history begins after --to: its first event is of %s, its last of %s", first.Format(time.RFC3339), last.Format(time.RFC3339))}
	}
	// What waits since then, as inactivity does, is played all the same.
	if from.After(last) {
		fmt.Fprintf(rt.stderr, "no event lies in the range: the last one is of %s\n", last.Format(time.RFC3339))
	}
	return from, to, nil
}

func (c *backtestCmd) play(rt *runtime, s *store.Store, cat *campaign.Catalog, camp *campaign.Campaign, from, to time.Time) (backtestOutput, error) {
	var out backtestOutput
	f := &scheduler.Forecaster{Store: s, Catalog: cat}
	found, err := f.Backtest(rt.ctx, camp, from, to)
	if err != nil {
		return out, err
	}
	organic, err := s.Organic(rt.ctx, camp, from, to, found.Most.Spans)
	if err != nil {
		return out, fmt.Errorf("count who reached the goal anyway: %w", err)
	}
	today, err := s.TodayValues(rt.ctx, camp.LookedAt(cat), found.Most.Spans)
	if err != nil {
		return out, err
	}
	gated, err := s.Gated(rt.ctx, camp, found.Most, from, to)
	if err != nil {
		return out, fmt.Errorf("estimate what gates would hold: %w", err)
	}
	by := map[*campaign.Campaign]campaign.Gated{camp: gated}
	if err := s.Pace(rt.ctx, time.Time{}, by); err != nil {
		return out, fmt.Errorf("estimate by the rates when mails go: %w", err)
	}
	gated = by[camp]
	out = backtestAnswer(camp, cat.Workspace.Zone, from, to, found, organic, today)
	out.gates(gated)
	if !c.Alone {
		err = out.compare(rt.ctx, f, cat, camp, found.Most)
	}
	return out, err
}

func backtestAnswer(camp *campaign.Campaign, zone *time.Location, from, to time.Time, found scheduler.Bounds, organic campaign.Organic, today []campaign.TodayValue) backtestOutput {
	m := found.Most
	out := backtestOutput{
		Campaign: camp.Name, From: from, To: to, Entered: m.Entered, HeldOut: m.HeldOut,
		Messages: m.Messages, MessagesAtMost: m.Messages, MessagesAtLeast: found.Least.Messages,
		Held: m.Held, Cancelled: m.Cancelled, Organic: organic.Converted, OrganicOf: organic.Of,
		Days: []backtestDay{}, Overlap: []overlap{}, NotCompared: []string{}, TodayValues: []todayValue{},
		zone: zone, goal: camp.Goal,
	}
	for _, d := range m.Days(from, to, zone) {
		out.Days = append(out.Days, backtestDay{d.Date, d.Entered, d.Messages})
		if d.Messages > 0 && (out.BusiestDay == nil || d.Messages > out.BusiestDay.Messages) {
			out.BusiestDay = &busiestDay{d.Date, d.Messages}
		}
	}
	if hour, n, ok := m.BusiestHour(); ok {
		out.BusiestHour = &busiestHour{time.Unix(hour, 0).In(zone), n}
	}
	if fuse := m.Fuse(camp); fuse.Hours > 0 {
		out.Fuse = &fuseOutlook{fuse.Hours, time.Unix(fuse.First, 0).In(zone), fuse.Most}
	}
	for _, v := range today {
		t := todayValue{Attribute: v.Attribute, Customers: v.Customers}
		if !v.Since.IsZero() {
			t.Since = &v.Since
		}
		out.TodayValues = append(out.TodayValues, t)
	}
	out.Holdout = holdoutOf(camp, out)
	return out
}

// gates says what caps and times of day would have done.
func (o *backtestOutput) gates(g campaign.Gated) {
	o.WouldHold, o.WouldDrop, o.CapTakenBy = g.Gates(), map[string]int{}, map[string]int{}
	maps.Copy(o.WouldDrop, g.Drops)
	for _, w := range g.Waits {
		if w.Gate == campaign.GateCap {
			maps.Copy(o.CapTakenBy, w.By)
		}
	}
	if hour, n, ok := g.BusiestHour(); ok {
		o.GatedHour = &busiestHour{time.Unix(hour, 0).In(o.zone), n}
	}
}

const (
	hoursAMonth = 365.25 / 12 * 24
	// The lift that a holdout is asked to show, and the share that is offered where
	// the campaign's own shows it late.
	liftToSee  = 0.03
	largeShare = campaign.Share(0.3)
)

// holdoutOf says how long the campaign's holdout takes to show a lift; nil where
// it has none, or where nobody's conversion without mail is known.
func holdoutOf(camp *campaign.Campaign, out backtestOutput) *holdoutOutlook {
	perMonth := float64(out.Entered) / out.To.Sub(out.From).Hours() * hoursAMonth
	if camp.Transactional || camp.Holdout <= 0 || out.OrganicOf == 0 || perMonth == 0 {
		return nil
	}
	h := &holdoutOutlook{Share: float64(camp.Holdout), PerMonth: perMonth * float64(camp.Holdout)}
	rate := float64(out.Organic) / float64(out.OrganicOf)
	for _, share := range []campaign.Share{camp.Holdout, largeShare} {
		size := campaign.HoldoutSize(rate, liftToSee, share)
		if size > 1e9 || share == largeShare && share <= camp.Holdout {
			continue
		}
		h.Months = append(h.Months, monthsToSee{float64(share), size / (perMonth * float64(share))})
	}
	return h
}

// compareBudget is how long a backtest looks at other campaigns.
const compareBudget = 10 * time.Second

// compare plays the other campaigns that are not drafts over the same time, as
// long as that is a matter of seconds.
func (o *backtestOutput) compare(ctx context.Context, f *scheduler.Forecaster, cat *campaign.Catalog, camp *campaign.Campaign, own *campaign.Forecast) error {
	if own.Entered == 0 {
		return nil
	}
	within, cancel := context.WithTimeout(ctx, compareBudget)
	defer cancel()
	for _, other := range cat.Campaigns {
		if other == camp || other.Status == campaign.Draft {
			continue
		}
		b, err := f.Backtest(within, other, o.From, o.To)
		switch {
		case err != nil && errors.Is(within.Err(), context.DeadlineExceeded) && ctx.Err() == nil:
			o.NotCompared = append(o.NotCompared, other.Name)
			continue
		case err != nil:
			return err
		}
		if n := own.Overlapping(b.Most); n > 0 {
			o.Overlap = append(o.Overlap, overlap{other.Name, n})
		}
	}
	return nil
}

// printDays writes the days as CSV.
func (rt *runtime) printDays(days []backtestDay) error {
	w := csv.NewWriter(rt.stdout)
	rows := [][]string{{"date", "entered", "messages"}}
	for _, d := range days {
		rows = append(rows, []string{d.Date, strconv.Itoa(d.Entered), strconv.Itoa(d.Messages)})
	}
	return w.WriteAll(rows)
}
