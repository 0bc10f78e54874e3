package cli

import (
	"fmt"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
)

const maxDays = 366

// deliverability prints how mails arrived.
func (c *reportCmd) deliverability(rt *runtime, s *store.Store, at time.Time) error {
	if c.Campaign != "" {
		return usage("mailbox providers judge all your mail together, so --deliverability is of all campaigns; leave %s out", c.Campaign)
	}
	if c.Days < 1 || c.Days > maxDays {
		return usage("--days is a whole number from 1 to %d", maxDays)
	}
	d, err := s.Deliverability(rt.ctx, at, c.Days)
	if err != nil {
		return err
	}
	if rt.json {
		return rt.printJSON(d)
	}
	if len(d.Providers) == 0 {
		rt.printf("no mail has been sent since %s\n", d.From.Format(time.DateOnly))
		return nil
	}
	rt.printf("since %s (UTC), by who runs the mailboxes\n\n", d.From.Format(time.DateOnly))
	deliveryHead(rt, "")
	for _, r := range d.Providers {
		deliveryLine(rt, r.Provider, r)
	}
	day := ""
	for _, r := range d.Days {
		if r.Day != day {
			day = r.Day
			rt.printf("\n")
			deliveryHead(rt, day)
		}
		deliveryLine(rt, r.Domain, r)
	}
	return nil
}

func deliveryHead(rt *runtime, day string) {
	rt.printf("%-24s %9s %17s %17s %17s %18s %18s\n", day, "accepted", "soft", "hard", "policy", "complaints", "opened")
}

func deliveryLine(rt *runtime, name string, r campaign.DeliveryRow) {
	part := func(n int) string {
		if n == 0 || r.Accepted == 0 {
			return thousands(n)
		}
		return fmt.Sprintf("%s (%.2f %%)", thousands(n), 100*float64(n)/float64(r.Accepted))
	}
	note := ""
	switch r.Mark {
	case campaign.MarkNever:
		note = "   0.3 % and more: such mail is refused"
	case campaign.MarkAim:
		note = "   0.1 % and more: too many complaints"
	}
	rt.printf("%-24s %9s %17s %17s %17s %18s %18s%s\n", name, thousands(r.Accepted), part(r.Soft), part(r.Hard), part(r.Policy), part(r.Complaints), part(r.Opened), note)
}
