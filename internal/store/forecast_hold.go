package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"tidings/internal/campaign"
)

// Gated takes the mails of a campaign's forecast of (from, to] through send_at, send
// windows, quiet hours and caps. It is an estimate: beside the campaign's own mails
// those count that were really accepted, of other campaigns in all of that time and
// of its own up to from; and what a mail's moving would change later is left as it is.
// The gates' order and words are those of the last look.
func (s *Store) Gated(ctx context.Context, c *campaign.Campaign, f *campaign.Forecast, from, to time.Time) (campaign.Gated, error) {
	g := gating{look: &look{s: s, zones: map[string]*time.Location{}}, c: c, out: campaign.Gated{Hours: map[int64]int{}}}
	if !c.Transactional {
		g.limits = s.catalog.Workspace.Caps
	}
	if len(f.Mails) == 0 {
		return g.out, nil
	}
	mails := slices.Clone(f.Mails)
	slices.SortFunc(mails, func(a, b campaign.ForecastMail) int {
		return cmp.Or(cmp.Compare(a.Customer, b.Customer), cmp.Compare(a.At, b.At))
	})
	zones, err := s.timezones(ctx)
	if err != nil {
		return g.out, fmt.Errorf("read customers' time zones: %w", err)
	}
	stored, err := g.stored(ctx, mails, from, to)
	if err != nil {
		return g.out, fmt.Errorf("find mails that caps count: %w", err)
	}
	for i, m := range mails {
		if i == 0 || mails[i-1].Customer != m.Customer {
			g.taken = stored[m.Customer]
		}
		g.mail(int64(-1-i), m, zones[m.Customer])
	}
	g.out.Sort()
	return g.out, nil
}

// gating is a forecast's way through the gates.
type gating struct {
	*look
	c      *campaign.Campaign
	limits []campaign.Cap
	taken  []place // of the customer at hand
	out    campaign.Gated
}

// roundsOfGates is how often a mail that a cap or its hours put off is looked at
// again: each time another gate may hold it.
const roundsOfGates = 100

func (g *gating) mail(id int64, m campaign.ForecastMail, zone string) {
	i, ok := g.c.Program.Index(m.Step)
	if !ok || g.c.Program.Nodes[i].Send == nil {
		return
	}
	send := g.c.Program.Nodes[i].Send
	reached := campaign.FromMicros(m.At)
	lasts := g.c.Expires
	if !send.Expires.IsZero() {
		lasts = send.Expires
	}
	expires := lasts.After(reached)
	times, timed := g.opening(g.c, send, reached, zone)
	then := whenCapped(g.c, send)
	held := map[string]string{} // by gate: who took the place
	g.out.Of++
	at := reached
	for range roundsOfGates {
		if timed {
			till, gate := times.after(at)
			if gate != "" {
				held[gate] = ""
				if at = till; till.IsZero() || till.After(expires) {
					g.out.Drop(campaign.CancelExpired)
					return
				}
			}
		}
		own := place{customer: m.Customer, id: id, campaign: g.c.Name, priority: g.c.Priority, turn: reached}
		by, till, _, over := capped(g.limits, g.by(at), own, at)
		if !over || then == campaign.CappedIgnore {
			break
		}
		if _, again := held[campaign.GateCap]; !again {
			held[campaign.GateCap] = by
		}
		switch {
		case then == campaign.CappedDrop:
			g.out.Drop(campaign.CancelCapped)
			return
		case till.After(expires):
			g.out.Drop(campaign.CancelExpired)
			return
		}
		at = till
	}
	for gate, by := range held {
		g.out.Wait(gate, by, 1, at, at)
	}
	g.out.Messages++
	g.out.Hours[campaign.HourOf(at, g.s.catalog.Workspace.Zone)]++
	g.out.Mails = append(g.out.Mails, campaign.Departure{Customer: m.Customer, At: campaign.Micros(at), Expires: campaign.Micros(expires)})
	if len(g.limits) > 0 {
		g.taken = append(g.taken, place{customer: m.Customer, id: id, campaign: g.c.Name, priority: g.c.Priority,
			due: at, turn: reached, supposed: at})
	}
}

// by are the places as they stand at a moment: what went by then has gone, what is of
// this campaign and goes later is still to come, and of others nothing is known.
func (g *gating) by(at time.Time) []place {
	out := make([]place, 0, len(g.taken))
	for _, p := range g.taken {
		switch {
		case !p.supposed.IsZero() && !p.supposed.After(at):
			p.sent, p.sure = p.supposed, true
		case p.supposed.IsZero() && p.sent.After(at):
			continue
		}
		out = append(out, p)
	}
	return out
}

// stored are the mails that were accepted and take a place in a cap, by customer.
func (g *gating) stored(ctx context.Context, mails []campaign.ForecastMail, from, to time.Time) (map[int64][]place, error) {
	out := map[int64][]place{}
	if len(g.limits) == 0 {
		return out, nil
	}
	since := from
	for _, limit := range g.limits {
		// A month back can begin later than the one that ends began.
		if begin := limit.Per.Before(from).Add(-4 * 24 * time.Hour); begin.Before(since) {
			since = begin
		}
	}
	concerned := make(map[int64]bool, len(mails))
	for _, m := range mails {
		concerned[m.Customer] = true
	}
	rows, err := g.s.reader().QueryContext(ctx, `SELECT m.customer_id, m.id, k.name, k.priority, m.done_at FROM messages m JOIN campaigns k ON k.id = m.campaign_id
		WHERE m.state = 'accepted' AND m.topic <> '' AND m.done_at > $1 AND m.done_at <= $2 AND (k.name <> $3 OR m.done_at <= $4)`,
		campaign.Micros(since), campaign.Micros(to), g.c.Name, campaign.Micros(from))
	_, err = collect(rows, err, func(rows *sql.Rows) (struct{}, error) {
		var p place
		var done int64
		err := rows.Scan(&p.customer, &p.id, &p.campaign, &p.priority, &done)
		if p.sent, p.sure = campaign.FromMicros(done), true; concerned[p.customer] {
			out[p.customer] = append(out[p.customer], p)
		}
		return struct{}{}, err
	})
	return out, err
}

// timezones are those of the customers who have one.
func (s *Store) timezones(ctx context.Context) (map[int64]string, error) {
	out := map[int64]string{}
	rows, err := s.reader().QueryContext(ctx, `SELECT id, timezone FROM customers WHERE timezone <> ''`)
	_, err = collect(rows, err, func(rows *sql.Rows) (id int64, err error) {
		var zone string
		err = rows.Scan(&id, &zone)
		out[id] = zone
		return id, err
	})
	return out, err
}
