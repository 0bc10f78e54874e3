package cli

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
)

type reportCmd struct {
	Campaign       string `arg:"" optional:"" help:"Only this one."`
	Deliverability bool   `help:"How mails arrived instead, by recipients' domain and day: bounces, complaints, opens."`
	Days           int    `help:"With --deliverability: so many, the present one among them." default:"30"`
	At             moment `help:"As of this moment, instead of the last tick or now." placeholder:"TIME"`
}

// Run prints the funnel of every campaign.
func (c *reportCmd) Run(rt *runtime) error {
	cat, _, err := rt.catalog()
	if err != nil {
		return err
	}
	s, err := rt.openMigrated()
	if err != nil {
		return err
	}
	defer s.Close()
	s.Use(cat)
	at := c.At.Time
	if at.IsZero() {
		if at, err = rt.reportNow(s); err != nil {
			return err
		}
	}
	if c.Deliverability {
		return c.deliverability(rt, s, at)
	}
	r, err := s.Report(rt.ctx, c.Campaign, at)
	if err != nil {
		return err
	}
	if c.Campaign != "" && len(r.Campaigns) == 0 {
		if _, known := cat.Campaign(c.Campaign); known {
			return &exitError{exitNo, fmt.Sprintf("campaign %s is not loaded yet, so it has done nothing; the first tick loads it", c.Campaign)}
		}
		names, err := s.Loaded(rt.ctx)
		if err != nil {
			return err
		}
		return noCampaign(c.Campaign, names)
	}
	if err := addFuses(rt, s, r, at); err != nil {
		return err
	}
	if rt.json {
		return rt.printJSON(r)
	}
	printReport(rt, r)
	return nil
}

// addFuses puts what the fuse holds beside the campaigns of a report.
func addFuses(rt *runtime, s *store.Store, r campaign.Report, at time.Time) error {
	held, err := s.HeldByFuse(rt.ctx)
	if err != nil {
		return err
	}
	for _, h := range held {
		for i := range r.Campaigns {
			if c := &r.Campaigns[i]; c.Campaign == h.Campaign && !h.Since.After(at) {
				c.Fuse = &campaign.FuseReport{Entries: h.Entries, Allowed: h.Allowed, Usual: h.Usual, Since: h.Since, Release: "tidings release " + h.Campaign + " --yes"}
			}
		}
	}
	return nil
}

// reportNow is a simulation's last tick, or now.
func (rt *runtime) reportNow(s *store.Store) (time.Time, error) {
	mode, err := s.Mode(rt.ctx)
	if err != nil {
		return time.Time{}, err
	}
	if mode == store.Simulated {
		return s.LastTick(rt.ctx)
	}
	return s.Now(rt.ctx)
}

func printReport(rt *runtime, r campaign.Report) {
	for i, c := range r.Campaigns {
		if i > 0 {
			rt.printf("\n")
		}
		rt.printf("%s  %s (%s)\n", c.Campaign, c.Label, c.Status)
		rt.printf("  entered %s = mailed %s + held out %s%s\n", thousands(c.Entered), thousands(c.Entered-c.HeldOut), thousands(c.HeldOut), reasons(" · not entered", c.HeldBy))
		if c.Paused != nil {
			rt.printf("  %s\n", c.Paused)
		}
		if f := c.Fuse; f != nil {
			rt.printf("  %s, since %s\n", heldByFuse(c.Campaign, f.Entries, f.Allowed, f.Usual), f.Since.Format(time.RFC3339))
		}
		rt.printf("  sent %s · failed %s%s%s%s\n", thousands(c.Sent), thousands(c.Failed), reasons("", c.FailedBy), reasons(" · cancelled", c.CancelledBy), open(c))
		rt.printf("  opened %s · clicked %s · unsubscribed %s (of mails sent)\n",
			share(c.Opened, c.Sent), share(c.Clicked, c.Sent), share(c.Unsubscribed, c.Sent))
		rt.printf("  by machines: opened %s · clicked %s (proxies, scanners; a mail may be in both)\n",
			share(c.MachineOpened, c.Sent), share(c.MachineClicked, c.Sent))
		rt.printf("  converted %s%s (last touch within the goal's window)\n", count(c.Converted, "customer"), money(c.Revenue))
		for _, s := range c.Steps {
			rt.printf("    %-22s sent %7s   opened %16s   clicked %16s\n", s.Step, thousands(s.Sent), share(s.Opened, s.Sent), share(s.Clicked, s.Sent))
		}
	}
	if len(r.Campaigns) == 0 {
		rt.printf("no campaign has been loaded yet; the first tick does\n")
	}
}

func open(c campaign.CampaignReport) string {
	out := ""
	if c.Waiting > 0 {
		out += " · on their way " + thousands(c.Waiting)
	}
	if c.Uncertain > 0 {
		out += " · uncertain " + thousands(c.Uncertain)
	}
	return out
}

func share(n, of int) string {
	if of == 0 {
		return thousands(n)
	}
	return fmt.Sprintf("%s (%.1f %%)", thousands(n), 100*float64(n)/float64(of))
}

func money(by map[string]float64) string {
	keys := make([]string, 0, len(by))
	for k := range by {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	var b strings.Builder
	for _, k := range keys {
		fmt.Fprintf(&b, " · %s %s", k, amount(by[k]))
	}
	return b.String()
}

// amount writes 12,345.60.
func amount(v float64) string {
	whole := int(v)
	cents := int((v-float64(whole))*100 + 0.5)
	if cents == 100 {
		whole, cents = whole+1, 0
	}
	return fmt.Sprintf("%s.%02d", thousands(whole), cents)
}
