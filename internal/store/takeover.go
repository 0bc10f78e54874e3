package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"tidings/internal/campaign"
)

// TakeOver takes back what an earlier process held when this one is the only one
// to send, as with an in-process queue: claims are queued anew, and hand-overs
// that had no end are uncertain, without waiting for their leases to run out.
// Should the other process live after all, its tokens are fenced off, and a
// reply that it still gets is taken.
func (s *Store) TakeOver(ctx context.Context, now time.Time) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		if _, err := s.putBack(ctx, tx, `, lease_until = NULL, token = token + 1, attempt = attempt - 1`,
			`m.stage = 'moving' AND m.state = 'claimed' AND m.slice_id IS NOT NULL`); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE messages SET state = 'uncertain', uncertain = uncertain + 1, uncertain_at = $1, reason = 'no_reply', slice_id = NULL
			WHERE stage = 'moving' AND state = 'handoff' AND slice_id IS NOT NULL`, campaign.Micros(now))
		return err
	})
	if err != nil {
		return fmt.Errorf("take over what was left: %w", err)
	}
	return nil
}
