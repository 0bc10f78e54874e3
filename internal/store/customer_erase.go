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

// EraseCustomer erases a customer by hand. Of whom it was nothing is written down but our
// own number.
func (s *Store) EraseCustomer(ctx context.Context, customer int64, who string, at time.Time) error {
	err := s.write(ctx, func(tx *sql.Tx) (err error) {
		if at, err = s.stamp(ctx, tx, at); err != nil {
			return err
		}
		if err := s.erase(ctx, tx, customer, at); err != nil {
			return err
		}
		return s.audit(ctx, tx, who, at, auditRow{action: auditErase, detail: fmt.Sprintf("customer #%d", customer)})
	})
	if err != nil {
		return fmt.Errorf("erase: %w", err)
	}
	return nil
}

// erase removes a customer and all that bears their id, and what was worked out with
// their help. Of their addresses nothing stays but hashes among the suppressions: those
// that there are, and one of all marketing mail, so that no file that still has the
// customer, be it with an address of before, brings them back among those who are
// written to.
func (s *Store) erase(ctx context.Context, tx *sql.Tx, customer int64, at time.Time) error {
	if err := s.lockCustomer(ctx, tx, customer); err != nil {
		return err
	}
	if err := s.lockAway(ctx, tx, customer); err != nil {
		return err
	}
	hashes, err := s.addressesOf(ctx, tx, customer)
	if err != nil {
		return err
	}
	own, err := s.ownAddresses(ctx, tx, customer)
	if err != nil {
		return err
	}
	var alone []string
	var current string // the hash of the address that they have
	for _, a := range own {
		if a.now {
			current = campaign.AddressHash(a.text)
		}
		if a.shared && !a.now {
			continue
		}
		if err := s.suppress(ctx, tx, campaign.AddressHash(a.text), allMarketing, unsubscribed, at); err != nil {
			return err
		}
		if !a.shared {
			alone = append(alone, a.text)
		}
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM links WHERE customer_id = $1`, customer); err != nil {
		return fmt.Errorf("erase the links of the customer's mails alone: %w", err)
	}
	if err := s.eraseLinks(ctx, tx, alone); err != nil {
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
	// Of the address that they have alone: others may be those of people who were never
	// asked, and a day ends what keeps them from being asked again.
	if _, err := tx.ExecContext(ctx, `DELETE FROM asked WHERE email_hash = $1
		AND NOT EXISTS (SELECT 1 FROM customers c WHERE c.email_hash = asked.email_hash)`, current); err != nil {
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

// ownAddress is an address that a customer has, or has had.
type ownAddress struct {
	text   string
	now    bool // it is theirs still
	shared bool // it is another customer's now
}

func (s *Store) ownAddresses(ctx context.Context, tx *sql.Tx, customer int64) ([]ownAddress, error) {
	rows, err := tx.QueryContext(ctx, `SELECT email, TRUE FROM customers WHERE id = $1 AND email <> ''
		UNION SELECT f.text, FALSE FROM attribute_facts f JOIN customers c ON c.id = f.customer_id
			WHERE f.customer_id = $1 AND f.name = 'email' AND f.kind = 'text' AND f.text <> '' AND f.text <> coalesce(c.email, '') ORDER BY 1`, customer)
	out, err := collect(rows, err, func(rows *sql.Rows) (a ownAddress, err error) { return a, rows.Scan(&a.text, &a.now) })
	if err != nil {
		return nil, fmt.Errorf("find the customer's addresses: %w", err)
	}
	for i, a := range out {
		if err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM customers WHERE email_hash = $1 AND id <> $2)`, campaign.AddressHash(a.text), customer).Scan(&out[i].shared); err != nil {
			return nil, fmt.Errorf("find whose addresses they are: %w", err)
		}
	}
	return out, nil
}
