package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"tidings/internal/campaign"
)

// mailRow is a message as what comes back from it needs it.
type mailRow struct {
	id, customer, campaignID int64
	campaign, step, topic    string
	state                    string
	hash                     sql.NullString
}

// findMail reads a message; ok is false when it, or its customer, is gone.
func findMail(ctx context.Context, q querier, id int64) (m mailRow, ok bool, err error) {
	err = q.QueryRowContext(ctx, `SELECT m.id, m.customer_id, m.campaign_id, k.name, m.step, m.topic, m.state, coalesce(m.email_hash, c.email_hash)
		FROM messages m JOIN campaigns k ON k.id = m.campaign_id JOIN customers c ON c.id = m.customer_id WHERE m.id = $1`, id).
		Scan(&m.id, &m.customer, &m.campaignID, &m.campaign, &m.step, &m.topic, &m.state, &m.hash)
	if errors.Is(err, sql.ErrNoRows) {
		return m, false, nil
	}
	return m, err == nil, err
}

// network is the part of an address that tells a provider's or a scanner's
// machines apart and no reader: IPv4 to 24 bits, IPv6 to 48. Empty: unknown.
func network(a netip.Addr) string {
	bits := 48
	if a = a.Unmap().WithZone(""); a.Is4() {
		bits = 24
	}
	p, err := a.Prefix(bits)
	if err != nil || !p.IsValid() {
		return ""
	}
	return p.String()
}

// arrived settles a message whose hand-over was uncertain: what a customer opens
// was delivered. An open of one that is on its way a second time settles it too.
func (s *Store) arrived(ctx context.Context, tx *sql.Tx, m mailRow, at time.Time) error {
	if campaign.State(m.state).Terminal() {
		return nil
	}
	res, err := tx.ExecContext(ctx, `UPDATE messages SET state = 'accepted', reason = 'evidence', done_at = $2, token = token + 1
		WHERE id = $1 AND (state = 'uncertain' OR uncertain > 0 AND state IN ('pending', 'queued', 'claimed'))`, m.id, campaign.Micros(at))
	if err != nil {
		return fmt.Errorf("settle by evidence: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return err
	}
	if err := s.mailEvents(ctx, tx, campaign.EmailSent, [][]any{{fmt.Sprintf("sent:%d", m.id), m.customer, mailProperties(m.campaign, m.step, m.id)}}, at); err != nil {
		return err
	}
	return s.wake(ctx, tx, []int64{m.id}, at)
}

// Subscription is what a message's unsubscribe page is about.
func (s *Store) Subscription(ctx context.Context, message int64) (sub campaign.Subscription, ok bool, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT coalesce(c.email, ''), c.locale, m.topic FROM messages m
		JOIN customers c ON c.id = m.customer_id WHERE m.id = $1`, message).Scan(&sub.Address, &sub.Locale, &sub.Topic)
	if errors.Is(err, sql.ErrNoRows) {
		return sub, false, nil
	}
	return sub, err == nil, err
}

// Unsubscribe ends the message's topic for its customer and address, or with
// everything all but transactional mail, and cancels what is still open of it.
// Saying it again changes nothing; saying it after having subscribed anew ends
// it anew.
func (s *Store) Unsubscribe(ctx context.Context, message int64, everything bool, hit campaign.Hit) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		m, ok, err := findMail(ctx, tx, message)
		if err != nil || !ok {
			return err
		}
		if err := s.lockCustomer(ctx, tx, m.customer); err != nil {
			return err
		}
		if hit.At, err = s.stamp(ctx, tx, hit.At); err != nil {
			return err
		}
		topic := m.topic
		if everything || topic == "" {
			topic = everyTopic
		}
		if _, err := tx.ExecContext(ctx, `UPDATE messages SET unsubscribed_at = $2 WHERE id = $1 AND unsubscribed_at IS NULL`, m.id, campaign.Micros(hit.At)); err != nil {
			return fmt.Errorf("mark the message: %w", err)
		}
		return s.leave(ctx, tx, m, topic, "unsubscribe link", "", hit.At)
	})
}

// hasLeft tells whether the message's address is off the topic already, and its
// customer has said so and not subscribed since. Another customer's no with the
// same address is not this one's.
func (s *Store) hasLeft(ctx context.Context, tx *sql.Tx, m mailRow, topic string, at time.Time) (left bool, err error) {
	err = tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM suppressions s WHERE s.email_hash = $1 AND s.topic = $2
			AND NOT `+resubscribed("$3", "$4", "$5")+`)
		AND EXISTS (SELECT 1 FROM consents n WHERE n.customer_id = $3 AND NOT n.given AND NOT n.follows AND n.at <= $5 AND (n.topic = $4 OR n.topic = '`+everyTopic+`')
			AND NOT EXISTS (SELECT 1 FROM consents y WHERE y.customer_id = $3 AND y.given AND y.at <= $5
				AND (y.at > n.at OR y.at = n.at AND y.id > n.id) AND (y.topic = $4 OR y.topic = '`+everyTopic+`' OR $4 = '`+everyTopic+`')))`,
		m.hash.String, suppressedTopic(topic), m.customer, topic, campaign.Micros(at)).Scan(&left)
	if err != nil {
		return false, fmt.Errorf("find out whether they have left: %w", err)
	}
	return left, nil
}

// suppress adds an address to the list of those not to be written to about a
// topic. An unsubscribe that is repeated counts from the last time on.
func (s *Store) suppress(ctx context.Context, tx *sql.Tx, hash, topic, reason string, at time.Time) error {
	if hash == "" {
		return nil
	}
	return s.listing(ctx, tx, array([][]any{{hash}}), func() error {
		_, err := tx.ExecContext(ctx, `INSERT INTO suppressions (email_hash, topic, reason, at) VALUES ($1, $2, $3, $4)`+suppressAgain,
			hash, topic, reason, campaign.Micros(at))
		return err
	})
}

// suppressDead suppresses all mail to an address that takes none, and ends the
// customer's passes, unless they have another address by now.
func (s *Store) suppressDead(ctx context.Context, tx *sql.Tx, customer int64, hash, reason string, at time.Time) error {
	if err := s.suppress(ctx, tx, hash, allMail, reason, at); err != nil {
		return err
	}
	return s.endSuppressed(ctx, tx, customer, hash, "TRUE", at)
}

// suppressComplaint suppresses all but transactional mail to an address whose reader
// has called a mail spam, and ends the customer's passes of such campaigns. Unlike an
// unsubscribe, no subscription lifts it: it takes the place of one.
func (s *Store) suppressComplaint(ctx context.Context, tx *sql.Tx, customer int64, hash string, at time.Time) error {
	if err := s.listing(ctx, tx, array([][]any{{hash}}), func() error {
		_, err := tx.ExecContext(ctx, `INSERT INTO suppressions (email_hash, topic, reason, at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (email_hash, topic) DO UPDATE SET reason = excluded.reason, at = excluded.at WHERE suppressions.reason = $5`,
			hash, allMarketing, campaign.ReasonComplained, campaign.Micros(at), unsubscribed)
		return err
	}); err != nil {
		return err
	}
	return s.endSuppressed(ctx, tx, customer, hash, `k.topic <> ''`, at)
}

// endSuppressed ends a customer's passes of the campaigns k that which selects, unless
// they have another address by now.
func (s *Store) endSuppressed(ctx context.Context, tx *sql.Tx, customer int64, hash, which string, at time.Time) error {
	rows, err := tx.QueryContext(ctx, `SELECT e.id FROM enrollments e JOIN customers c ON c.id = e.customer_id JOIN campaigns k ON k.id = e.campaign_id
		WHERE e.customer_id = $1 AND e.state = 'running' AND c.email_hash = $2 AND `+which, customer, hash)
	passes, err := collect(rows, err, scanID)
	if err != nil {
		return fmt.Errorf("find passes: %w", err)
	}
	return s.endPasses(ctx, tx, passes, campaign.HeldSuppressed, at)
}

// lockCustomer takes the lock under which a customer's consent and messages
// change.
func (s *Store) lockCustomer(ctx context.Context, tx *sql.Tx, id int64) error {
	lock := s.forUpdate("")
	if lock == "" {
		return nil
	}
	_, err := tx.ExecContext(ctx, `SELECT id FROM customers WHERE id = $1 FOR NO KEY UPDATE`, id)
	return err
}

// randomUID names an event that has no id of its own.
func randomUID(kind string) string {
	var b [12]byte
	rand.Read(b[:])
	return kind + ":" + hex.EncodeToString(b[:])
}
