package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"tidings/internal/campaign"
)

// EraseManaged erases the customer whose page a one-time link has opened.
func (s *Store) EraseManaged(ctx context.Context, message int64, hit campaign.Hit) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		at, err := s.stamp(ctx, tx, hit.At)
		if err != nil {
			return err
		}
		customer, open, err := s.managed(ctx, tx, message, at)
		if err != nil {
			return err
		}
		if !open {
			return campaign.ErrLink
		}
		return s.erase(ctx, tx, customer, at)
	})
}

// erase removes a customer and all that bears their id, and what was worked out with
// their help. Of the address nothing stays but its hash among the suppressions: those
// that there are, and one of all marketing mail, so that no file that still has the
// customer brings them back among those who are written to.
func (s *Store) erase(ctx context.Context, tx *sql.Tx, customer int64, at time.Time) error {
	if err := s.lockCustomer(ctx, tx, customer); err != nil {
		return err
	}
	hashes, err := s.addressesOf(ctx, tx, customer)
	if err != nil {
		return err
	}
	var hash sql.NullString
	if err := tx.QueryRowContext(ctx, `SELECT email_hash FROM customers WHERE id = $1`, customer).Scan(&hash); err != nil {
		return fmt.Errorf("find customer %d: %w", customer, err)
	}
	if err := s.suppress(ctx, tx, hash.String, allMarketing, unsubscribed, at); err != nil {
		return err
	}
	if err := s.engine.Forget(ctx, tx, customer); err != nil {
		return err
	}
	for _, q := range []string{
		// What ticks have counted is what passes there are.
		`UPDATE ticks SET entered = entered - (SELECT count(*) FROM enrollments e WHERE e.customer_id = $1 AND e.campaign_id = ticks.campaign_id AND e.decided_at = ticks.at)
			WHERE EXISTS (SELECT 1 FROM enrollments e WHERE e.customer_id = $1 AND e.campaign_id = ticks.campaign_id AND e.decided_at = ticks.at)`,
		`UPDATE audit SET message_id = NULL WHERE message_id IN (SELECT m.id FROM messages m WHERE m.customer_id = $1)`,
		`DELETE FROM enrollments WHERE customer_id = $1`, // and their messages
		`DELETE FROM customers WHERE id = $1`,
	} {
		if _, err := tx.ExecContext(ctx, q, customer); err != nil {
			return fmt.Errorf("erase customer %d: %w", customer, err)
		}
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM soft_bounces WHERE email_hash IN (SELECT x.hash FROM `+s.rows("$1", "hash text")+` x)
		AND NOT EXISTS (SELECT 1 FROM customers c WHERE c.email_hash = soft_bounces.email_hash)`, array(wrap(hashes))); err != nil {
		return fmt.Errorf("erase customer %d: %w", customer, err)
	}
	return nil
}

// addressesOf are the hashes of the address that the customer has, and of those that
// their mails went to.
func (s *Store) addressesOf(ctx context.Context, tx *sql.Tx, customer int64) ([]string, error) {
	rows, err := tx.QueryContext(ctx, `SELECT email_hash FROM customers WHERE id = $1 AND email_hash IS NOT NULL
		UNION SELECT email_hash FROM messages WHERE customer_id = $1 AND email_hash IS NOT NULL ORDER BY 1`, customer)
	hashes, err := collect(rows, err, func(rows *sql.Rows) (hash string, err error) { return hash, rows.Scan(&hash) })
	if err != nil {
		return nil, fmt.Errorf("find the customer's addresses: %w", err)
	}
	return hashes, nil
}
