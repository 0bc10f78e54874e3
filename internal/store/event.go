package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"tidings/internal/campaign"
)

// ownEvent is an event with the customer whose it is.
type ownEvent struct {
	customer int64
	key      int // the write key by which it came, from 1 on; 0: by none
	*campaign.Event
}

// happened stores events, in order, and what follows from them at once: what a
// customer says of topics is put on record, and a message that a worker holds
// for one of the customers is taken back for another last look. An event whose
// uid is known is left out. It returns how many were new. The customers must be
// locked.
func (s *Store) happened(ctx context.Context, tx *sql.Tx, es []ownEvent, now time.Time) (int, error) {
	var plain, speaking []ownEvent
	for _, e := range es {
		if _, says := consentOf(e.customer, e.Event); says {
			speaking = append(speaking, e)
		} else {
			plain = append(plain, e)
		}
	}
	fresh, err := s.insertEvents(ctx, tx, plain)
	if err != nil {
		return 0, err
	}
	spoken, err := s.insertSpeaking(ctx, tx, speaking, now)
	if err != nil {
		return 0, err
	}
	if fresh+spoken == 0 {
		return 0, nil
	}
	ids := make([]int64, len(es))
	for i, e := range es {
		ids[i] = e.customer
	}
	return fresh + spoken, s.takeBack(ctx, tx, ids)
}

const insertEvents = `INSERT INTO events (uid, customer_id, name, occurred_at, known_at, properties)
	SELECT x.uid, x.customer_id, x.name, x.occurred_at, x.known_at, x.properties FROM `

func (s *Store) eventTable() string {
	return s.rows("$1", "uid text", "customer_id bigint", "name text", "occurred_at bigint", "known_at bigint", "properties json") +
		` x WHERE TRUE ON CONFLICT (uid) DO NOTHING`
}

func eventRows(es []ownEvent) string {
	in := make([][]any, len(es))
	for i, e := range es {
		properties := e.Properties
		if properties == nil {
			properties = map[string]any{}
		}
		in[i] = []any{e.UID, e.customer, e.Name, campaign.Micros(e.OccurredAt), campaign.Micros(e.KnownAt), properties}
	}
	return array(in)
}

// insertEvents stores events and returns how many were new.
func (s *Store) insertEvents(ctx context.Context, tx *sql.Tx, es []ownEvent) (int, error) {
	if len(es) == 0 {
		return 0, nil
	}
	res, err := tx.ExecContext(ctx, insertEvents+s.eventTable(), eventRows(es))
	if err != nil {
		return 0, fmt.Errorf("store events: %w", err)
	}
	n, err := res.RowsAffected()
	return int(n), err
}

// insertSpeaking stores Subscribed and Unsubscribed events, and the consents
// that the new ones among them state.
func (s *Store) insertSpeaking(ctx context.Context, tx *sql.Tx, es []ownEvent, now time.Time) (int, error) {
	if len(es) == 0 {
		return 0, nil
	}
	rows, err := tx.QueryContext(ctx, insertEvents+s.eventTable()+` RETURNING uid`, eventRows(es))
	uids, err := collect(rows, err, func(rows *sql.Rows) (uid string, err error) {
		return uid, rows.Scan(&uid)
	})
	if err != nil {
		return 0, fmt.Errorf("store events: %w", err)
	}
	isNew := make(map[string]bool, len(uids))
	for _, uid := range uids {
		isNew[uid] = true
	}
	double, err := s.doubleTopics(ctx, tx)
	if err != nil {
		return 0, err
	}
	var said, asked []consent
	for _, e := range es {
		if c, _ := consentOf(e.customer, e.Event); isNew[e.UID] {
			counts, asks := double.part(c)
			said, asked = append(said, counts...), append(asked, asks...)
			delete(isNew, e.UID) // the same event twice says it once
		}
	}
	if err := s.say(ctx, tx, said, now); err != nil {
		return 0, err
	}
	return len(uids), s.askToConfirm(ctx, tx, asked, es[0].key)
}

// takeBack fences off what workers hold for the customers: the hand-over is
// refused, and the message goes through the last look again, which sees what
// has just happened. It costs no attempt.
func (s *Store) takeBack(ctx context.Context, tx *sql.Tx, customers []int64) error {
	if len(customers) == 0 {
		return nil
	}
	_, err := s.putBack(ctx, tx, `, token = token + 1, attempt = attempt - 1, lease_until = NULL`,
		`m.stage = 'moving' AND m.state = 'claimed' AND m.customer_id IN `+s.ids("$1"), array(customers))
	if err != nil {
		return fmt.Errorf("take claimed messages back: %w", err)
	}
	return nil
}
