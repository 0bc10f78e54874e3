package store

import (
	"context"
	"database/sql"
	"fmt"

	"tidings/internal/audience"
)

// Suppressions name a topic, or one of these.
const (
	allMail      = "*"          // the address is bad
	allMarketing = "@marketing" // all but transactional mail: unsubscribed, or complained
)

// unsubscribed is the one reason that the customer can take back, by
// subscribing anew.
const unsubscribed = "unsubscribed"

// suppressAgain ends an INSERT of suppressions: a customer who had come back and
// leaves once more has left from then on.
const suppressAgain = ` ON CONFLICT (email_hash, topic) DO UPDATE SET at = excluded.at
	WHERE suppressions.reason = '` + unsubscribed + `' AND excluded.reason = '` + unsubscribed + `' AND excluded.at > suppressions.at`

// listing puts addresses on the list by insert, and takes back what workers have claimed
// for any customer who has one of them and is barred from it, who need not be the one
// that it is about: it goes through the last look again. rows is an array whose first column is the address.
func (s *Store) listing(ctx context.Context, tx *sql.Tx, rows string, insert func() error) error {
	if err := s.lockListed(ctx, tx, rows); err != nil {
		return err
	}
	if err := insert(); err != nil {
		return fmt.Errorf("suppress: %w", err)
	}
	_, err := s.putBack(ctx, tx, fenceOff, `m.stage = 'moving' AND m.state = 'claimed' AND EXISTS (SELECT 1 FROM customers c
		JOIN suppressions b ON b.email_hash = c.email_hash AND (b.topic = '`+allMail+`' OR m.topic <> '' AND b.topic IN ('`+allMarketing+`', m.topic))
		WHERE c.id = m.customer_id AND c.email_hash IN (SELECT x.hash FROM `+s.rows("$1", "hash text")+` x))`, rows)
	if err != nil {
		return fmt.Errorf("take claimed messages back: %w", err)
	}
	return nil
}

// suppressedTopic is the suppressions' word for a consent's topic.
func suppressedTopic(topic string) string {
	if topic == everyTopic {
		return allMarketing
	}
	return topic
}

// resubscribed is audience.Resubscribed.
func resubscribed(customer, topic, asOf string) string {
	return audience.Resubscribed(customer, topic, asOf)
}

// reachable is an SQL expression: why no mail of topic may go to customer c as of a
// moment; empty when it may.
func reachable(topic, asOf string) string { return reachableFor(topic, asOf, "FALSE") }

// reachableFor is reachable for a mail that the customer has asked for where asked
// holds.
func reachableFor(topic, asOf, asked string) string {
	return audience.Unreachable("c.id", "c.email", "c.email_hash", topic, asOf, asked)
}
