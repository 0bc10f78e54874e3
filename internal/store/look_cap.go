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

// capRecheck is when a mail that is over the cap is looked at again, where the place
// is held by one that may yet fail or be cancelled.
const capRecheck = 15 * time.Minute

// place is a mail that counts against a customer's cap.
type place struct {
	customer, id int64
	campaign     string
	priority     int
	sent         time.Time // zero: it has not been handed over yet
	sure         bool      // it is sent, and stays so
	due          time.Time // of one that is open
	turn         time.Time // by which open ones of one priority come before each other
	supposed     time.Time // when it goes, in a forecast; zero: nobody knows
}

// before tells whether an open mail has the place rather than the other: the one of
// higher priority, else the one that is due earlier, else by the campaign's name.
func (p place) before(o place) bool {
	return cmp.Or(-cmp.Compare(p.priority, o.priority), p.turn.Compare(o.turn),
		cmp.Compare(p.campaign, o.campaign), cmp.Compare(p.id, o.id)) < 0
}

// frees is the first moment at which the place may be free again.
func (p place) frees(c campaign.Cap, now time.Time) time.Time {
	switch {
	case p.sure:
		return c.Per.After(p.sent)
	case !p.supposed.IsZero():
		return c.Per.After(p.supposed)
	}
	again := now.Add(capRecheck)
	if p.due.After(again) {
		return p.due
	}
	return again
}

// caps puts off, or drops, what would be over a customer's cap. It is right however
// many claim at once, since each has locked its customers before it counts.
func (l *look) caps(ctx context.Context, c *campaign.Campaign, rows []*candidateRow) error {
	usual := l.s.catalog.Workspace.Caps
	if c.Transactional || !slices.ContainsFunc(rows, func(r *candidateRow) bool {
		return whenCapped(c, r.send) != campaign.CappedIgnore && len(r.caps(usual)) > 0
	}) {
		return nil
	}
	longest := usual
	if slices.ContainsFunc(rows, func(r *candidateRow) bool { return r.lessOften }) {
		longest = campaign.RareCaps(usual)
	}
	taken, err := l.places(ctx, longest, rows, c.Priority)
	if err != nil {
		return fmt.Errorf("count what the cap counts: %w", err)
	}
	for _, r := range rows {
		own := place{customer: r.out.Customer.ID, id: r.out.ID, campaign: c.Name, priority: c.Priority, turn: turn(r.gate, r.reached, r.due)}
		then := whenCapped(c, r.send)
		if then != campaign.CappedIgnore {
			if by, till, sure, over := capped(r.caps(usual), taken[own.customer], own, l.now); over {
				r.putOff(wait{till: till, gate: campaign.GateCap, by: by}, sure)
				if then == campaign.CappedDrop {
					r.cancel = campaign.CancelCapped
				}
				continue
			}
		}
		// After a merge a slice can have two mails of one customer.
		own.sent = l.now
		taken[own.customer] = append(taken[own.customer], own)
	}
	return nil
}

// caps are those that hold for the row's customer.
func (r *candidateRow) caps(usual []campaign.Cap) []campaign.Cap {
	if r.lessOften {
		return campaign.RareCaps(usual)
	}
	return usual
}

func whenCapped(c *campaign.Campaign, send *campaign.Send) campaign.WhenCapped {
	return cmp.Or(send.WhenCapped, c.WhenCapped, campaign.CappedWait)
}

// turn is the moment by which a mail's turn goes: when it is due but, once it has
// waited for a place, when it first was, so that nobody who comes later overtakes it.
func turn(gate string, reached, due time.Time) time.Time {
	if gate == campaign.GateCap {
		return reached
	}
	return due
}

// places reads what may count against the customers of rows: what was sent to them
// or is on its way, and what of at least the priority given is still to come.
func (l *look) places(ctx context.Context, limits []campaign.Cap, rows []*candidateRow, priority int) (map[int64][]place, error) {
	customers := make([]int64, len(rows))
	for i, r := range rows {
		customers[i] = r.out.Customer.ID
	}
	since, ahead := l.now, l.now
	for _, limit := range limits {
		// A month back from now can begin later than the one that ends now began.
		from := limit.Per.Before(l.now)
		if limit.Per.Months > 0 {
			from = from.Add(-4 * 24 * time.Hour)
		}
		if from.Before(since) {
			since = from
		}
		if until := limit.Per.After(l.now); until.After(ahead) {
			ahead = until
		}
	}
	const columns = `SELECT m.customer_id, m.id, k.name, k.priority, m.state, m.uncertain, m.gate, m.reached_at, m.due_at, m.done_at, m.handoff_at
		FROM messages m JOIN campaigns k ON k.id = m.campaign_id WHERE m.topic <> '' AND m.customer_id IN `
	got, err := l.tx.QueryContext(ctx, columns+l.s.ids("$1")+` AND m.stage = 'accepted' AND m.done_at > $2
		UNION ALL `+columns+l.s.ids("$1")+` AND m.stage IN ('failed', 'cancelled') AND m.done_at > $2 AND m.uncertain > 0
		UNION ALL `+columns+l.s.ids("$1")+` AND m.stage IN ('pending', 'moving', 'uncertain')
			AND (m.state NOT IN ('pending', 'queued') OR m.uncertain > 0
				OR k.priority >= $4 AND m.due_at <= $3 AND m.expires_at >= m.due_at AND `+campaignRuns("k")+`)`,
		array(customers), campaign.Micros(since), campaign.Micros(ahead), priority)
	ps, err := collect(got, err, l.scanPlace)
	out := make(map[int64][]place, len(rows))
	for _, p := range ps {
		out[p.customer] = append(out[p.customer], p)
	}
	return out, err
}

func (l *look) scanPlace(rows *sql.Rows) (place, error) {
	var p place
	var state campaign.State
	var uncertain int
	var gate string
	var reached, due int64
	var done, handoff sql.NullInt64
	err := rows.Scan(&p.customer, &p.id, &p.campaign, &p.priority, &state, &uncertain, &gate, &reached, &due, &done, &handoff)
	p.due = campaign.FromMicros(due)
	p.turn = turn(gate, campaign.FromMicros(reached), p.due)
	switch {
	case state == campaign.Accepted:
		p.sent, p.sure = campaign.FromMicros(done.Int64), true
	case state == campaign.Uncertain || uncertain > 0 && handoff.Valid:
		// It may have arrived, even when it is about to be sent once more, or was to be
		// and did not go.
		p.sent, p.sure = campaign.FromMicros(handoff.Int64), state.Terminal()
	case state == campaign.Claimed || state == campaign.Handoff:
		p.sent = l.now
	}
	if l.foretells {
		p.supposed = p.due
		if l.now.After(p.due) {
			p.supposed = l.now
		}
	}
	return p, err
}

// capped tells whether a mail is over one of the limits, which campaign took the last
// place, and when the mail may go: sure, where no other mail's failing can make it
// sooner.
func capped(limits []campaign.Cap, taken []place, own place, now time.Time) (by string, till time.Time, sure, over bool) {
	for _, limit := range limits {
		counted := counting(limit, taken, own, now)
		if len(counted) < limit.Max {
			continue
		}
		slices.SortFunc(counted, func(a, b place) int { return a.frees(limit, now).Compare(b.frees(limit, now)) })
		leaves := counted[len(counted)-max(limit.Max, 1)]
		frees := leaves.frees(limit, now)
		if over && !frees.After(till) {
			continue
		}
		over, till, sure = true, frees, leaves.sure
		slices.SortFunc(counted, inTurn)
		by = counted[max(limit.Max, 1)-1].campaign
	}
	return by, till, sure, over
}

// counting are the places that a cap counts against a mail: what was sent within its
// time, and what is still to come before that mail.
func counting(limit campaign.Cap, taken []place, own place, now time.Time) []place {
	var out []place
	for _, p := range taken {
		switch {
		case p.id == own.id:
		case p.sent.IsZero() && !p.due.After(limit.Per.After(now)) && p.before(own),
			!p.sent.IsZero() && limit.Per.After(p.sent).After(now):
			out = append(out, p)
		}
	}
	return out
}

// inTurn orders places as they are taken: by those that were sent, the earliest
// first, and then by those to come.
func inTurn(a, b place) int {
	switch {
	case a.sent.IsZero() && b.sent.IsZero():
		if a.before(b) {
			return -1
		}
		return 1
	case a.sent.IsZero():
		return 1
	case b.sent.IsZero():
		return -1
	}
	return cmp.Or(a.sent.Compare(b.sent), cmp.Compare(a.id, b.id))
}
