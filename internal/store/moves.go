package store

import (
	"context"
	"fmt"
	"time"

	"tidings/internal/campaign"
	"tidings/scheduler"
)

// Save stores where passes stand and what they have come to. A pass that has
// ended in the meantime stays ended.
func (b *books) Save(ctx context.Context, moves []scheduler.Move, messages []scheduler.Message, now time.Time) error {
	for begin := 0; begin < len(moves); begin += insertBatch {
		if err := b.saveMoves(ctx, moves[begin:min(begin+insertBatch, len(moves))], now); err != nil {
			return fmt.Errorf("move passes: %w", err)
		}
	}
	ended := map[string][]int64{}
	for _, m := range moves {
		if m.State == campaign.PassExited {
			ended[m.Reason] = append(ended[m.Reason], m.Pass)
		}
	}
	for reason, ids := range ended {
		if err := b.cancelOpen(ctx, b.tx, `enrollment_id IN `+b.ids("$1"), array(ids), reason, now); err != nil {
			return err
		}
	}
	for begin := 0; begin < len(messages); begin += insertBatch {
		if err := b.saveMessages(ctx, messages[begin:min(begin+insertBatch, len(messages))], now); err != nil {
			return fmt.Errorf("write messages: %w", err)
		}
	}
	return b.wakeDone(ctx, messages, now)
}

// wakeDone lets passes go on whose message at the step that they have come to
// was done before: a changed file can lead a pass to a step that it has been at.
func (b *books) wakeDone(ctx context.Context, messages []scheduler.Message, now time.Time) error {
	for begin := 0; begin < len(messages); begin += insertBatch {
		part := messages[begin:min(begin+insertBatch, len(messages))]
		passes := make([]int64, len(part))
		for i, m := range part {
			passes[i] = m.Pass
		}
		rows, err := b.tx.QueryContext(ctx, `SELECT m.id FROM messages m JOIN enrollments e ON e.id = m.enrollment_id AND e.step = m.step
			WHERE e.id IN `+b.ids("$1")+` AND m.state IN ('accepted', 'failed', 'cancelled')`, array(passes))
		done, err := collect(rows, err, scanID)
		if err != nil {
			return fmt.Errorf("find messages done before: %w", err)
		}
		if len(done) == 0 {
			continue
		}
		if err := b.wake(ctx, b.tx, done, now); err != nil {
			return err
		}
	}
	return nil
}

func (b *books) saveMoves(ctx context.Context, moves []scheduler.Move, now time.Time) error {
	in := make([][]any, len(moves))
	for i, m := range moves {
		in[i] = []any{m.Pass, string(m.State), m.Reason, m.Step, micros(m.Wake), micros(m.Deadline), micros(m.Since), micros(m.Ended)}
	}
	_, err := b.tx.ExecContext(ctx, `UPDATE enrollments SET state = x.state, reason = x.reason, step = x.step,
			wake_at = x.wake_at, deadline = x.deadline, waits_since = x.waits_since, ended_at = x.ended_at,
			end_decided_at = CASE WHEN x.ended_at < $2 THEN $2 END
		FROM `+b.rows("$1", "id bigint", "state text", "reason text", "step text", "wake_at bigint", "deadline bigint", "waits_since bigint", "ended_at bigint")+` x
		WHERE enrollments.id = x.id AND enrollments.state || '' = 'running'`, array(in), campaign.Micros(now)) // by id: an index on states would be walked once for each row
	return err
}

// saveMessages writes messages as pending. A message that is there already, of
// the same pass and step, stays what it is. It is the customer's whose the pass is by
// now: since it was read they may have been merged into another.
func (b *books) saveMessages(ctx context.Context, messages []scheduler.Message, now time.Time) error {
	in := make([][]any, len(messages))
	for i, m := range messages {
		in[i] = []any{m.Pass, m.Step, m.Topic, campaign.Micros(m.Reached), campaign.Micros(m.Due), campaign.Micros(m.Expires)}
	}
	_, err := b.tx.ExecContext(ctx, `INSERT INTO messages
			(enrollment_id, campaign_id, customer_id, step, topic, lane, state, created_at, reached_at, due_at, expires_at)
		SELECT x.pass, $2, e.customer_id, x.step, x.topic, $3, 'pending', $4, x.reached_at, x.due_at, x.expires_at
		FROM `+b.rows("$1", "pass bigint", "step text", "topic text", "reached_at bigint", "due_at bigint", "expires_at bigint")+` x
		JOIN enrollments e ON e.id = x.pass
		WHERE TRUE ON CONFLICT (enrollment_id, step) DO NOTHING`,
		array(in), b.id, string(b.c.Lane()), campaign.Micros(now))
	return err
}

// micros is a moment as a parameter; the zero moment is null.
func micros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return campaign.Micros(t)
}

// Watermark stores how far the campaign is evaluated. With advance false, as
// when a fuse blew, the next tick looks at the same stretch again.
func (b *books) Watermark(ctx context.Context, w scheduler.Window, entered int, held map[string]int, advance bool) error {
	if advance {
		if _, err := b.tx.ExecContext(ctx, `UPDATE campaigns SET watermark = $2, cursor = $3 WHERE id = $1`,
			b.id, campaign.Micros(w.To), w.Next); err != nil {
			return fmt.Errorf("store the watermark: %w", err)
		}
	}
	if entered == 0 && len(held) == 0 {
		return nil
	}
	_, err := b.tx.ExecContext(ctx, `INSERT INTO ticks (campaign_id, at, entered, held) VALUES ($1, $2, $3, $4)
		ON CONFLICT (campaign_id, at) DO UPDATE SET entered = ticks.entered + excluded.entered,
			held = CASE excluded.held WHEN '{}' THEN ticks.held ELSE excluded.held END`,
		b.id, campaign.Micros(w.To), entered, array(held))
	if err != nil {
		return fmt.Errorf("store the tick: %w", err)
	}
	return nil
}
