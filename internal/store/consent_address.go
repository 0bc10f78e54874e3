package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// said is how we know what a customer's attributes are by now.
type said struct {
	at    time.Time
	key   int    // the write key by which it came, from 1 on; 0: by none
	proof string // that a new address is the customer's; empty: none
}

// Sources of what follows from another address.
const (
	fromAnother = "another address"
	fromBefore  = "the address that was confirmed before"
	fromLink    = "the new address was confirmed"
)

// word is the last that is on record of a topic, and what holds for the address that
// the customer has.
type word struct {
	customer int64
	topic    string
	is, holds,
	follows bool
	// From when on what follows counts: since the address is another one, and behind the
	// last word.
	at int64
}

// readdress brings consents to topics of double opt-in in line with the addresses that
// customers have got. A yes holds for the address that it was said of: with another
// one it has to be confirmed anew, unless h has the proof that this is the customer's,
// or it was confirmed before and not taken back. Customers must be locked.
func (s *Store) readdress(ctx context.Context, tx *sql.Tx, customers []int64, h said) error {
	o, err := s.doubleTopics(ctx, tx)
	if err != nil || len(o.Double) == 0 || len(customers) == 0 {
		return err
	}
	words, err := s.wordsOf(ctx, tx, customers, o.Double)
	if err != nil {
		return err
	}
	us := campaign.Micros(h.at)
	var fresh, asks []consent
	for _, w := range words {
		c := consent{customer: w.customer, topic: w.topic, at: w.at, recorded: us, source: fromAnother}
		switch {
		case w.is && !w.holds && h.proof != "":
			c.given, c.source, c.proof = true, fromLink, h.proof
		case w.is && !w.holds:
			asks = append(asks, c)
		case !w.is && w.holds && w.follows:
			c.given, c.source = true, fromBefore
		default:
			continue
		}
		fresh = append(fresh, c)
	}
	if err := s.follow(ctx, tx, fresh); err != nil {
		return err
	}
	return s.askToConfirm(ctx, tx, asks, h.key)
}

// wordsOf reads the words of customers who have an address. A yes of before there was
// any address holds for the first one.
func (s *Store) wordsOf(ctx context.Context, tx *sql.Tx, customers []int64, topics []string) ([]word, error) {
	of := ` FROM consents w WHERE w.customer_id = c.id AND (w.topic = t.topic OR w.topic = '` + everyTopic + `')`
	last := func(column, more string) string {
		return `coalesce((SELECT w.` + column + of + more + ` ORDER BY w.at DESC, w.id DESC LIMIT 1), FALSE)`
	}
	rows, err := tx.QueryContext(ctx, `SELECT c.id, t.topic, `+last("given", "")+`, `+last("follows", "")+`,
			`+last("given", ` AND (NOT w.follows OR w.proof <> '') AND (NOT w.given OR w.email_hash = c.email_hash OR w.email_hash IS NULL AND NOT EXISTS (
				SELECT 1 FROM attribute_facts f WHERE f.customer_id = c.id AND f.name = 'email' AND f.kind = 'text' AND lower(f.text) <> lower(c.email)))`)+`,
			coalesce((SELECT max(f.at) FROM attribute_facts f WHERE f.customer_id = c.id AND f.name = 'email'), 0), coalesce((SELECT max(w.at)`+of+`), 0)
		FROM customers c CROSS JOIN `+s.rows("$2", "topic text")+` t
		WHERE c.id IN `+s.ids("$1")+` AND c.email_hash IS NOT NULL ORDER BY c.id, t.topic`, array(customers), array(wrap(topics)))
	words, err := collect(rows, err, func(rows *sql.Rows) (w word, err error) {
		var moved, said int64
		err = rows.Scan(&w.customer, &w.topic, &w.is, &w.follows, &w.holds, &moved, &said)
		w.at = max(moved, said)
		return w, err
	})
	if err != nil {
		return nil, fmt.Errorf("look for consents to other addresses: %w", err)
	}
	return words, nil
}

// follow appends what nobody has said, but follows from another address.
func (s *Store) follow(ctx context.Context, tx *sql.Tx, cs []consent) error {
	if len(cs) == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO consents (customer_id, topic, given, at, recorded_at, source, text, proof, email_hash, follows)
		SELECT x.customer_id, x.topic, x.given = 1, x.at, x.recorded_at, x.source, x.text, x.proof, `+addressOf+`, TRUE FROM `+s.consentTable()+` x`, consentRows(cs))
	if err != nil {
		return fmt.Errorf("store what follows from another address: %w", err)
	}
	return nil
}

// movers are those of the rows x (id, hash) who get another address than they have.
func (s *Store) movers(ctx context.Context, tx *sql.Tx, in [][]any) ([]int64, error) {
	rows, err := tx.QueryContext(ctx, `SELECT c.id FROM `+s.rows("$1", "id bigint", "email text", "hash text")+` x JOIN customers c ON c.id = x.id
		WHERE x.hash IS NOT NULL AND x.hash <> coalesce(c.email_hash, '') ORDER BY c.id`, array(in))
	ids, err := collect(rows, err, scanID)
	if err != nil {
		return nil, fmt.Errorf("find whose address is another one: %w", err)
	}
	return ids, nil
}

// vouchAnew stores consents with proof, of an import, to topics whose confirmation was
// one of another address than the file has.
func (s *Store) vouchAnew(ctx context.Context, tx *sql.Tx, cs []consent, o optIns, now time.Time) ([]int64, error) {
	var in []consent
	for _, c := range cs {
		for _, topic := range o.Double {
			if c.proof != "" && (c.topic == topic || c.topic == everyTopic) {
				c := c
				c.topic, c.at = topic, campaign.Micros(now)
				in = append(in, c)
			}
		}
	}
	if len(in) == 0 {
		return nil, nil
	}
	rows, err := tx.QueryContext(ctx, `INSERT INTO consents (customer_id, topic, given, at, recorded_at, source, text, proof, email_hash)
		SELECT x.customer_id, x.topic, x.given = 1, x.at, x.recorded_at, x.source, x.text, x.proof, `+addressOf+` FROM `+s.consentTable()+` x
		WHERE (SELECT k.follows AND NOT k.given FROM consents k WHERE k.customer_id = x.customer_id AND k.topic IN (x.topic, '`+everyTopic+`') ORDER BY k.at DESC, k.id DESC LIMIT 1)
			AND NOT `+audience.Consented("x.customer_id", "x.topic", "x.at", "FALSE")+`
		RETURNING customer_id`, consentRows(in))
	ids, err := collect(rows, err, scanID)
	if err != nil {
		return nil, fmt.Errorf("store consents: %w", err)
	}
	return ids, nil
}
