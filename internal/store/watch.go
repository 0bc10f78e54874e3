package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"tidings/internal/campaign"
	"tidings/scheduler"
)

const (
	// A person is told of a quiet feed this often.
	feedTold = time.Hour
	// A feed for which no mail has waited for so long is not quiet any more.
	feedKept = 2 * freshRecheck
)

// Watch pauses campaigns whose mails bounce, or are complained of, too often, and
// tells of them and of the feeds whose silence holds mails back. What one look fails
// at does not keep the others from theirs: with an error comes what was found.
func (s *Store) Watch(ctx context.Context, now time.Time) (w scheduler.Watched, err error) {
	berr := s.breakers(ctx, now, &w)
	if berr != nil {
		berr = fmt.Errorf("look at bounces and complaints: %w", berr)
	}
	perr := s.providerBreakers(ctx, now, &w)
	if perr != nil {
		perr = fmt.Errorf("look at mailbox providers: %w", perr)
	}
	if w.Quiet, err = s.tellFeeds(ctx, now); err != nil {
		err = fmt.Errorf("look for quiet feeds: %w", err)
	}
	return w, errors.Join(berr, perr, err)
}

// tellFeeds are the quiet feeds that a person has not been told of for a while, each
// time once.
func (s *Store) tellFeeds(ctx context.Context, now time.Time) ([]scheduler.QuietFeed, error) {
	us, told, kept := campaign.Micros(now), campaign.Micros(now.Add(-feedTold)), campaign.Micros(now.Add(-feedKept))
	// A feed for which mails still wait stays known, however far apart the looks are.
	const due = `at >= $1 AND (told_at IS NULL OR told_at <= $2)`
	const over = `at < $1 AND NOT EXISTS (SELECT 1 FROM messages m
		WHERE m.campaign_id = quiet_feeds.campaign_id AND m.stage = 'pending' AND m.gate = '` + campaign.GateFresh + `')`
	var news bool
	if err := s.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM quiet_feeds WHERE `+due+` OR `+over+`)`, kept, told).Scan(&news); err != nil || !news {
		return nil, err
	}
	var quiet []scheduler.QuietFeed
	err := s.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM quiet_feeds WHERE `+over, kept); err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, `UPDATE quiet_feeds SET told_at = $3 WHERE `+due+`
			RETURNING (SELECT k.name FROM campaigns k WHERE k.id = campaign_id), event, heard_at, since`, kept, told, us)
		quiet, err = collect(rows, err, func(rows *sql.Rows) (q scheduler.QuietFeed, err error) {
			var heard, since int64
			err = rows.Scan(&q.Campaign, &q.Event, &heard, &since)
			q.Heard, q.Since = campaign.FromMicros(heard), campaign.FromMicros(since)
			return q, err
		})
		return err
	})
	return quiet, err
}
