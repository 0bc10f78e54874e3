package store

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tidings/internal/campaign"
)

// gates tells what stands in the way of the mail at which the pass waits, by taking
// it through the last look without sending it. Of a moment that ticks have passed
// nobody knows any more.
func (d *diagnosis) gates() error {
	if d.bound == nil || !d.ticked {
		return nil
	}
	l := &look{s: d.Store, tx: d.bound, now: d.at, ends: map[string][]int64{}, zones: map[string]*time.Location{}, foretells: true}
	rows, err := d.bound.QueryContext(d.ctx, atLook("$3")+`
		WHERE e.campaign_id = $1 AND e.key = $2 AND m.state = 'pending' ORDER BY m.id`, d.id, d.occasion.Key, campaign.Micros(d.at))
	if l.rows, err = collect(rows, err, l.scan); err != nil {
		return fmt.Errorf("find the mail: %w", err)
	}
	if err := l.gates(d.ctx); err != nil {
		return fmt.Errorf("last look: %w", err)
	}
	for _, r := range l.rows {
		if err := d.gate(l, r); err != nil {
			return err
		}
	}
	return d.underway()
}

func (d *diagnosis) gate(l *look, r *candidateRow) error {
	gate, till, by := r.wait.gate, r.wait.till, r.wait.by
	if gate == "" && r.cancel == "" && r.due.After(d.at) {
		gate, till = r.gate, r.due // a refusal, or the server was not reached
	}
	step := r.out.Step
	switch {
	case !r.runs:
		d.rests("mail " + step + " waits")
		return nil
	case r.cancel != "" && gate == "":
		detail := "mail " + step + " will not be sent: " + r.cancel
		if r.cancel == campaign.HeldNoConsent {
			said, err := d.consent(campaign.Micros(d.at))
			if err != nil {
				return err
			}
			detail += " (" + said + ")"
		}
		d.check("mail", false, r.cancel, detail)
		return nil
	case gate == "":
		return d.letOut(r)
	case gate == campaign.GateRetry || gate == campaign.GateConnection:
		return d.tried(r, gate, till)
	}
	detail := "mail " + step + " waits"
	switch {
	case gate == campaign.GateFresh:
		detail += " for " + by
	case gate == campaign.GateCap && len(r.caps(l.s.catalog.Workspace.Caps)) > 0:
		filled, err := d.filled(l, r)
		if err != nil {
			return err
		}
		detail += ": " + filled
	}
	switch {
	case r.cancel != "":
		detail += "; it will not be sent: " + r.cancel
	case till.After(r.out.Expires):
		detail += "; free " + day(till) + ", and it expires before, " + day(r.out.Expires)
	case gate == campaign.GateFresh:
		detail += "; looked at again " + day(till)
	default:
		detail += "; may go " + day(till)
	}
	if r.gate == campaign.GateRetry || r.gate == campaign.GateConnection {
		tried, err := d.lastTry(r)
		if err != nil {
			return err
		}
		detail += "; before, " + tried
	}
	d.holds(gate, detail)
	return nil
}

// holds names what the pass's mail waits for.
func (d *diagnosis) holds(gate, detail string) {
	d.check(gate, false, gate, detail)
	d.out.Blocker = gate
	d.out.Detail += "; its mail waits: " + campaign.GateWord(gate)
}

// filled tells which mails take the places of the caps that the row is over.
func (d *diagnosis) filled(l *look, r *candidateRow) (string, error) {
	limits := r.caps(d.catalog.Workspace.Caps)
	taken, err := l.places(d.ctx, limits, []*candidateRow{r}, d.c.Priority)
	if err != nil {
		return "", fmt.Errorf("count what the cap counts: %w", err)
	}
	own := place{customer: r.out.Customer.ID, id: r.out.ID, campaign: d.c.Name, priority: d.c.Priority, turn: turn(r.gate, r.reached, r.due)}
	var caps []string
	for _, limit := range limits {
		counted := counting(limit, taken[own.customer], own, d.at)
		if len(counted) < limit.Max {
			continue
		}
		slices.SortFunc(counted, inTurn)
		var mails []string
		for _, p := range counted {
			if p.sent.IsZero() {
				mails = append(mails, p.campaign+" (still to go)")
			} else {
				mails = append(mails, p.campaign+" "+day(p.sent))
			}
		}
		caps = append(caps, fmt.Sprintf("%s, used %d by %s", limit, len(counted), strings.Join(mails, ", ")))
	}
	return strings.Join(caps, "; "), nil
}
