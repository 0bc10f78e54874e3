package store

import (
	"cmp"
	"context"
	"fmt"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// gates turns rows away, or puts them off, in the language's one order of decision:
// pause → suppression, consent, the topic's when → exit_on → audience → when →
// stock → expires → fresh → the customer's pause → send_at, send_window, quiet hours → cap. What has expired needs
// no fresh feed to say so.
func (l *look) gates(ctx context.Context) error {
	if err := l.barred(ctx); err != nil {
		return fmt.Errorf("look at the new address: %w", err)
	}
	for _, r := range l.rows {
		switch {
		case !r.runs:
			continue // goes back to pending, see store
		case r.passState != string(campaign.PassRunning):
			// A pass that finished without this message left the step behind.
			r.cancel = cmp.Or(r.passReason, campaign.CancelStepRemoved)
		case r.passStep != r.out.Step:
			r.cancel = campaign.CancelStepRemoved
		case r.why != "":
			r.cancel = r.why
			if r.ownTopic {
				l.endWith(r, campaign.ExitUnsubscribed)
			}
		}
	}
	for name, rows := range l.byCampaign() {
		c, ok := l.s.catalog.Campaign(name)
		if !ok {
			return fmt.Errorf("campaign %s is in the store but not in this process's workspace", name)
		}
		for _, gate := range []func(context.Context, *campaign.Campaign, []*candidateRow) error{
			l.topics, l.conditions, l.stock, l.expires, l.fresh, l.paused, l.hours, l.caps,
		} {
			if err := gate(ctx, c, stillOpen(rows)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *look) endWith(r *candidateRow, reason string) {
	l.ends[reason] = append(l.ends[reason], r.out.Pass)
}

// byCampaign are the rows that no gate has turned away yet.
func (l *look) byCampaign() map[string][]*candidateRow {
	out := map[string][]*candidateRow{}
	for _, r := range stillOpen(l.rows) {
		out[r.out.Campaign] = append(out[r.out.Campaign], r)
	}
	return out
}

func stillOpen(rows []*candidateRow) []*candidateRow {
	var out []*candidateRow
	for _, r := range rows {
		if r.open() {
			out = append(out, r)
		}
	}
	return out
}

// passAt is the row's pass, to be judged as of now.
func (l *look) passAt(r *candidateRow) audience.PassAt {
	return audience.PassAt{ID: r.out.Pass, Customer: r.out.Customer.ID, Anchor: r.out.Anchor, Entered: r.entered, Trigger: r.out.Trigger, AsOf: l.now}
}

func (l *look) passesAt(rows []*candidateRow) []audience.PassAt {
	out := make([]audience.PassAt, len(rows))
	for i, r := range rows {
		out[i] = l.passAt(r)
	}
	return out
}

// topics looks at what the topics themselves demand of a customer. The mail is
// skipped; the pass goes on, since what mutes a topic passes.
func (l *look) topics(ctx context.Context, c *campaign.Campaign, rows []*candidateRow) error {
	by := map[string][]*candidateRow{}
	for _, r := range rows {
		if l.s.catalog.Workspace.Topics[r.topic].When != nil {
			by[r.topic] = append(by[r.topic], r)
		}
	}
	for topic, rows := range by {
		holds, err := l.s.eval.Holds(ctx, l.tx, c, l.s.catalog.Workspace.Topics[topic].When, l.passesAt(rows))
		if err != nil {
			return fmt.Errorf("when of topic %s: %w", topic, err)
		}
		for _, r := range rows {
			if !holds[r.out.Pass] {
				r.cancel = campaign.CancelTopic
			}
		}
	}
	return nil
}

// conditions looks at exit_on, the audience and the step's own when, all as of
// now.
func (l *look) conditions(ctx context.Context, c *campaign.Campaign, rows []*candidateRow) error {
	if len(rows) == 0 {
		return nil
	}
	passes := l.passesAt(rows)
	exits, err := l.s.eval.Exits(ctx, l.tx, c, passes)
	if err != nil {
		return fmt.Errorf("exit_on: %w", err)
	}
	inside, err := l.holds(ctx, c, c.Audience, passes)
	if err != nil {
		return fmt.Errorf("audience: %w", err)
	}
	when := map[string]map[int64]bool{}
	for _, r := range rows {
		if e, ended := exits[r.out.Pass]; ended {
			r.cancel = e.Reason
			l.endWith(r, e.Reason)
			continue
		}
		if !inside[r.out.Pass] {
			r.cancel = campaign.ExitAudience
			l.endWith(r, campaign.ExitAudience)
			continue
		}
		i, ok := c.Program.Index(r.out.Step)
		if !ok && r.hash != c.Hash {
			return fmt.Errorf("step %s is not in this process's version of the campaign", r.out.Step)
		}
		if !ok || c.Program.Nodes[i].Send == nil {
			r.cancel = campaign.CancelStepRemoved
			continue
		}
		r.send = c.Program.Nodes[i].Send
		if when[r.out.Step] == nil {
			if when[r.out.Step], err = l.holds(ctx, c, c.Program.Nodes[i].When, passes); err != nil {
				return fmt.Errorf("when of step %s: %w", r.out.Step, err)
			}
		}
		if !when[r.out.Step][r.out.Pass] {
			r.cancel = campaign.CancelWhen
		}
	}
	return nil
}

func (l *look) holds(ctx context.Context, c *campaign.Campaign, cond campaign.Condition, passes []audience.PassAt) (map[int64]bool, error) {
	if cond != nil {
		return l.s.eval.Holds(ctx, l.tx, c, cond, passes)
	}
	all := make(map[int64]bool, len(passes))
	for _, p := range passes {
		all[p.ID] = true
	}
	return all, nil
}

// expires cancels what has become too old to be sent.
func (l *look) expires(_ context.Context, _ *campaign.Campaign, rows []*candidateRow) error {
	for _, r := range rows {
		if l.now.After(r.out.Expires) {
			r.cancel = campaign.CancelExpired
		}
	}
	return nil
}

// putOff lets a row wait until a moment. One whose moment is sure and comes after
// its end can never be sent: it is cancelled as expired at once, so that its pass
// goes on, and the gate at which it stood stays on record.
func (r *candidateRow) putOff(w wait, sure bool) {
	r.wait = w
	if sure && (w.till.IsZero() || w.till.After(r.out.Expires)) {
		r.cancel = campaign.CancelExpired
	}
}
