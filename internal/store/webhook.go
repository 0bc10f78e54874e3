package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"tidings/internal/campaign"
)

// webhookKept is how long a call of a webhook is known again: longer than any
// provider's signature is taken for fresh.
const webhookKept = 7 * 24 * time.Hour

// Arrived records that a provider has delivered a message: one whose hand-over was
// uncertain is known to have gone out. Of any other it tells nothing new.
// campaign.ErrUnderWay says that the hand-over is not settled yet and the report
// should be brought again.
func (s *Store) Arrived(ctx context.Context, message int64, at time.Time) (out campaign.Outcome, err error) {
	var state string
	var uncertain int
	err = s.db.QueryRowContext(ctx, `SELECT state, uncertain FROM messages WHERE id = $1`, message).Scan(&state, &uncertain)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return out, nil
	case err != nil:
		return out, fmt.Errorf("look at message %d: %w", message, err)
	case campaign.State(state) == campaign.Handoff:
		return out, campaign.ErrUnderWay
	case uncertain == 0 || campaign.State(state).Terminal():
		return campaign.Outcome{Found: true}, nil
	}
	err = s.write(ctx, func(tx *sql.Tx) error {
		m, ok, err := findMail(ctx, tx, message)
		if out.Found = ok; err != nil || !ok {
			return err
		}
		if err := s.lockCustomer(ctx, tx, m.customer); err != nil {
			return err
		}
		// Read again, now that nobody else moves it.
		if m, ok, err = findMail(ctx, tx, message); err != nil || !ok {
			return err
		}
		now, err := s.stamp(ctx, tx, at)
		if err != nil {
			return err
		}
		out.New = !campaign.State(m.state).Terminal()
		if err := s.arrived(ctx, tx, m, now); err != nil {
			return err
		}
		return s.notify(ctx, tx)
	})
	if err != nil {
		return out, fmt.Errorf("record that message %d has arrived: %w", message, err)
	}
	return out, nil
}

// UnsubscribeOnce is Unsubscribe for a report that may come again: what the customer
// has said since stays. It tells whether the report is new.
func (s *Store) UnsubscribeOnce(ctx context.Context, message int64, everything bool, hit campaign.Hit, uid string) (fresh bool, err error) {
	var known bool
	if err := s.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM webhook_calls WHERE key = $1)`, uid).Scan(&known); err != nil {
		return false, fmt.Errorf("look for a report: %w", err)
	}
	if known {
		return false, nil
	}
	if err := s.Unsubscribe(ctx, message, everything, hit); err != nil {
		return false, err
	}
	// Behind it: should we end here, the report comes again and says the same.
	_, err = s.WebhookCall(ctx, uid, "", hit.At)
	return true, err
}

// WebhookCall notes a call of a webhook, and tells whether it is the only one of its
// name: the same name with another body is somebody else's.
func (s *Store) WebhookCall(ctx context.Context, key, body string, at time.Time) (same bool, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM webhook_calls WHERE key IN (SELECT c.key FROM webhook_calls c WHERE c.at < $1 ORDER BY c.at LIMIT 100`+s.forUpdate("SKIP LOCKED")+`)`,
			campaign.Micros(at.Add(-webhookKept))); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO webhook_calls (key, body, at) VALUES ($1, $2, $3) ON CONFLICT (key) DO NOTHING`, key, body, campaign.Micros(at)); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `SELECT body = $2 FROM webhook_calls WHERE key = $1`, key, body).Scan(&same)
	})
	if err != nil {
		return false, fmt.Errorf("note a call: %w", err)
	}
	return same, nil
}

// CountWebhooks adds to the counts of what webhooks have said.
func (s *Store) CountWebhooks(ctx context.Context, counts []campaign.WebhookCount) error {
	in := make([][]any, 0, len(counts))
	for _, c := range counts {
		in = append(in, []any{c.Provider, clip(c.Event), c.TakenAs, c.Count, campaign.Micros(c.At)})
	}
	_, err := s.db.ExecContext(ctx, `INSERT INTO webhook_counts (provider, event, taken_as, count, at)
		SELECT x.provider, x.event, x.taken_as, x.count, x.at FROM `+s.rows("$1", "provider text", "event text", "taken_as text", "count bigint", "at bigint")+` x
		WHERE TRUE ORDER BY x.provider, x.event, x.taken_as
		ON CONFLICT (provider, event, taken_as) DO UPDATE SET count = webhook_counts.count + excluded.count,
			at = CASE WHEN excluded.at > webhook_counts.at THEN excluded.at ELSE webhook_counts.at END`, array(in))
	if err != nil {
		return fmt.Errorf("count reports: %w", err)
	}
	return nil
}

// WebhookCounts is what webhooks have said so far.
func (s *Store) WebhookCounts(ctx context.Context) ([]campaign.WebhookCount, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT provider, event, taken_as, count, at FROM webhook_counts ORDER BY provider, event, taken_as`)
	counts, err := collect(rows, err, func(rows *sql.Rows) (c campaign.WebhookCount, err error) {
		var at int64
		err = rows.Scan(&c.Provider, &c.Event, &c.TakenAs, &c.Count, &at)
		c.At = campaign.FromMicros(at)
		return c, err
	})
	if err != nil {
		return nil, fmt.Errorf("read the counts of reports: %w", err)
	}
	return counts, nil
}
