package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"tidings/internal/campaign"
)

const (
	// Counts that no limit asks for are looked for this often,
	pruneEvery = time.Hour
	// and kept for this long, since a limit may come back with the next deploy.
	pruneAfter = 48 * time.Hour
	// No pace is over more than 31 days.
	pruneAll = 32 * 24 * time.Hour
)

// prune drops what was counted for limits that there are not any more: a rate that
// was taken out of the workspace, a slow-down that is over. Which campaigns have a
// rate is known only of those with mail due, so theirs stay for as long as any pace
// may look back.
func (l *limits) prune(ctx context.Context, s *Store, tx *sql.Tx) error {
	now := campaign.Micros(l.now)
	if last := s.pruned.Load(); now >= last && now < last+pruneEvery.Microseconds() {
		return nil
	}
	var kept []string
	for _, a := range l.all() {
		kept = append(kept, a.key)
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM spent WHERE (key, at) IN (SELECT p.key, p.at FROM spent p
		WHERE p.at < $2 OR p.at < $3 AND p.key NOT LIKE 'campaign:%' AND p.key NOT IN (SELECT x.key FROM `+s.rows("$1", "key text")+` x)`+s.forUpdate("OF p SKIP LOCKED")+`)`,
		array(wrap(kept)), campaign.Micros(l.now.Add(-pruneAll)), campaign.Micros(l.now.Add(-pruneAfter))); err != nil {
		return fmt.Errorf("drop old counts: %w", err)
	}
	s.pruned.Store(now)
	return nil
}
