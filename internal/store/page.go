package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"tidings/internal/campaign"
	"tidings/worker"
)

// Page is what the reader of a message was shown, for as long as that is kept; ok is
// false when it is not, or never was.
func (s *Store) Page(ctx context.Context, message int64, now time.Time) (p campaign.Page, ok bool, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT page FROM sent_pages WHERE message_id = $1 AND at > $2`,
		message, campaign.Micros(now.Add(-campaign.PageKept))).Scan((*[]byte)(&p))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read the page of a mail: %w", err)
	}
	return p, true, nil
}

// savePage is an upsert: a mail that is sent again has the page of its last time.
const savePage = ` ON CONFLICT (message_id) DO UPDATE SET at = excluded.at, page = excluded.page`

// savePages keeps the pages of the hand-overs that were admitted.
func (s *Store) savePages(ctx context.Context, tx *sql.Tx, handoffs []worker.Handoff, admitted map[campaign.Claim]bool, now time.Time) error {
	for _, h := range handoffs {
		if h.Page == nil || !admitted[h.Claim] {
			continue
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO sent_pages (message_id, at, page) VALUES ($1, $2, $3)`+savePage, h.ID, campaign.Micros(now), []byte(h.Page)); err != nil {
			return fmt.Errorf("keep the page of a mail: %w", err)
		}
	}
	return nil
}
