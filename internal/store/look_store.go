package store

import (
	"context"
	"fmt"

	"tidings/internal/campaign"
)

// store writes what the gates decided.
func (l *look) store(ctx context.Context) error {
	var paused, done []int64
	var cancel, later [][]any
	for _, r := range l.rows {
		switch {
		case r.cancel != "":
			cancel = append(cancel, []any{r.out.ID, r.cancel, r.wait.gate, r.wait.by})
			done = append(done, r.out.ID)
		case !r.runs || r.recalled:
			paused = append(paused, r.out.ID)
		case !r.wait.till.IsZero():
			later = append(later, []any{r.out.ID, campaign.Micros(r.wait.till), r.wait.gate, r.wait.by})
		}
	}
	if len(cancel) > 0 {
		if _, err := l.tx.ExecContext(ctx, `UPDATE messages SET state = 'cancelled', reason = x.reason, gate = x.gate, gate_by = x.gate_by, done_at = $2, token = token + 1
			FROM `+l.s.rows("$1", "id bigint", "reason text", "gate text", "gate_by text")+` x WHERE messages.id = x.id`, array(cancel), campaign.Micros(l.now)); err != nil {
			return fmt.Errorf("cancel at the last look: %w", err)
		}
		if err := l.s.wake(ctx, l.tx, done, l.now); err != nil {
			return err
		}
	}
	for reason, ids := range l.ends {
		if err := l.s.endPasses(ctx, l.tx, ids, reason, l.now); err != nil {
			return err
		}
	}
	if len(paused) > 0 {
		if _, err := l.tx.ExecContext(ctx, `UPDATE messages SET state = 'pending', slice_id = NULL WHERE id IN `+l.s.ids("$1"), array(paused)); err != nil {
			return fmt.Errorf("put back what is paused or recalled: %w", err)
		}
	}
	if len(later) > 0 {
		if _, err := l.tx.ExecContext(ctx, `UPDATE messages SET state = 'pending', slice_id = NULL, due_at = x.due_at, gate = x.gate, gate_by = x.gate_by
			FROM `+l.s.rows("$1", "id bigint", "due_at bigint", "gate text", "gate_by text")+` x WHERE messages.id = x.id`, array(later)); err != nil {
			return fmt.Errorf("put back what may not go yet: %w", err)
		}
	}
	return nil
}
