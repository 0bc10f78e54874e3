package audience

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"tidings/internal/campaign"
)

// Exits tells which of the passes have ended as of their AsOf, by the trigger's
// own cancel or by exit_on, whichever was first (the cancel, of two in one
// instant). Passes that go on are not in the answer.
func (e *Evaluator) Exits(ctx context.Context, q Querier, c *campaign.Campaign, passes []PassAt) (map[int64]Exit, error) {
	out := map[int64]Exit{}
	note := func(id int64, at time.Time, reason string) {
		if have, ok := out[id]; !ok || at.Before(have.At) {
			out[id] = Exit{at, reason}
		}
	}
	_, cart := c.Trigger.(campaign.AbandonedCart)
	change, segment := c.Trigger.(campaign.SegmentChange)
	for part := range slices.Chunk(passes, batch) {
		if cart {
			if err := e.emptied(ctx, q, part, note); err != nil {
				return nil, fmt.Errorf("find exits of %s: %w", c.Name, err)
			}
		}
		if segment {
			back, err := e.changedBack(ctx, q, change, part)
			if err != nil {
				return nil, fmt.Errorf("find exits of %s: %w", c.Name, err)
			}
			for id, at := range back {
				note(id, at, campaign.ExitTriggerCancel)
			}
		}
		if err := e.ended(ctx, q, c, part, note); err != nil {
			return nil, fmt.Errorf("find exits of %s: %w", c.Name, err)
		}
		if err := e.turnedOff(ctx, q, c, part, note); err != nil {
			return nil, fmt.Errorf("find exits of %s: %w", c.Name, err)
		}
	}
	return out, nil
}

// ended asks SQL for the moments at which passes ended: of the trigger's own
// cancel first, then of each condition of exit_on that one event makes true.
func (e *Evaluator) ended(ctx context.Context, q Querier, c *campaign.Campaign, passes []PassAt, note func(int64, time.Time, string)) error {
	b := e.builder(c)
	query, err := b.passTable(passes)
	if err != nil {
		return err
	}
	query += "SELECT x.id"
	var reasons []string
	if from := b.cancels(c.Trigger); from != "" {
		// The plus keeps SQLite from seeking the least by (name, occurred_at), which
		// is a walk through the events of all customers.
		query += ", (SELECT min(+k.occurred_at)" + from + ")"
		reasons = append(reasons, campaign.ExitTriggerCancel)
	}
	for _, cond := range alternatives(c.ExitOn) {
		if m, ok := plain(cond); ok {
			at, err := b.firstAt(m)
			if err != nil {
				return err
			}
			query += ", " + at
			reasons = append(reasons, campaign.ExitOnReason)
		}
	}
	if len(reasons) == 0 {
		return nil
	}
	rows, err := b.query(ctx, q, query+" FROM x")
	return each(rows, err, func(rows *sql.Rows) error {
		var id int64
		at := make([]sql.NullInt64, len(reasons))
		dest := []any{&id}
		for i := range at {
			dest = append(dest, &at[i])
		}
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		for i, a := range at {
			if a.Valid {
				note(id, campaign.FromMicros(a.Int64), reasons[i])
			}
		}
		return nil
	})
}

// turnedOff notes the passes that ended by conditions which no single event makes
// true: from the entry on, and when each first held.
func (e *Evaluator) turnedOff(ctx context.Context, q Querier, c *campaign.Campaign, passes []PassAt, note func(int64, time.Time, string)) error {
	spans := make([]Span, len(passes))
	for i, p := range passes {
		spans[i] = Span{PassAt: p, Until: p.AsOf}
		if !p.Entered.IsZero() && p.Entered.Before(p.AsOf) {
			spans[i].AsOf = p.Entered
		}
	}
	for _, cond := range alternatives(c.ExitOn) {
		if _, ok := plain(cond); ok {
			continue
		}
		held, err := e.FirstHeld(ctx, q, c, cond, spans)
		if err != nil {
			return err
		}
		for id, at := range held {
			note(id, at, campaign.ExitOnReason)
		}
	}
	return nil
}

// alternatives takes lists and `any:` apart, so that each event in them gives
// its own moment.
func alternatives(conds []campaign.Condition) []campaign.Condition {
	var out []campaign.Condition
	for _, c := range conds {
		if parts, ok := c.(campaign.Any); ok {
			out = append(out, alternatives(parts)...)
		} else if c != nil {
			out = append(out, c)
		}
	}
	return out
}

// emptied notes the passes whose cart was emptied after the anchor: by a removal
// that left nothing, or by a snapshot without products. What is put in later
// begins a new pass, it does not bring this one back.
func (e *Evaluator) emptied(ctx context.Context, q Querier, passes []PassAt, note func(int64, time.Time, string)) error {
	asked := make([]cartAt, len(passes))
	for i, p := range passes {
		asked[i] = cartAt{id: p.ID, customer: p.Customer, asOf: p.AsOf, until: p.Anchor.Add(-time.Microsecond), cart: cartOf(p.Trigger)}
	}
	histories, err := e.histories(ctx, q, asked, true)
	if err != nil {
		return err
	}
	for _, p := range passes {
		history := histories[p.ID]
		for i, one := range history {
			if !one.OccurredAt.After(p.Anchor) || one.Name == campaign.ProductAdded {
				continue
			}
			_, snapshot := one.Properties["products"].([]any)
			if one.Name != campaign.ProductRemoved && !snapshot {
				continue
			}
			if campaign.FoldCart("", history[:i+1]).Empty() {
				note(p.ID, one.OccurredAt, campaign.ExitTriggerCancel)
				break
			}
		}
	}
	return nil
}
