package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"tidings/internal/audience"
	"tidings/internal/campaign"
	"tidings/internal/intake"
)

// everyTopic is the topic of a consent that is about all of them.
const everyTopic = "*"

// consent is what a customer said about a topic.
type consent struct {
	customer int64
	topic    string
	given    bool
	at       int64 // from when on it holds
	recorded int64
	source   string
	text     string // which version of the words stood beside it
	proof    string // where it can be shown; empty: nowhere
}

func consentRows(cs []consent) string {
	in := make([][]any, len(cs))
	for i, c := range cs {
		given := 0
		if c.given {
			given = 1
		}
		in[i] = []any{c.customer, c.topic, given, c.at, c.recorded, c.source, c.text, c.proof}
	}
	return array(in)
}

// addressOf is the address that the customer of row x has at this moment, as a hash.
const addressOf = `(SELECT c.email_hash FROM customers c WHERE c.id = x.customer_id)`

func (s *Store) consentTable() string {
	return s.rows("$1", "customer_id bigint", "topic text", "given int", "at bigint", "recorded_at bigint", "source text", "text text", "proof text")
}

// vouch stores consents that an import vouches for. Where anything is on record
// about the topic nothing is added, so nobody is ever subscribed again by a
// file. It tells whose consents were stored.
func (s *Store) vouch(ctx context.Context, tx *sql.Tx, cs []consent) ([]int64, error) {
	if len(cs) == 0 {
		return nil, nil
	}
	rows, err := tx.QueryContext(ctx, `INSERT INTO consents (customer_id, topic, given, at, recorded_at, source, text, proof, email_hash)
		SELECT x.customer_id, x.topic, x.given = 1, x.at, x.recorded_at, x.source, x.text, x.proof, `+addressOf+` FROM `+s.consentTable()+` x
		WHERE NOT EXISTS (SELECT 1 FROM consents k WHERE k.customer_id = x.customer_id AND k.topic = x.topic)
		RETURNING customer_id`, consentRows(cs))
	ids, err := collect(rows, err, scanID)
	if err != nil {
		return nil, fmt.Errorf("store consents: %w", err)
	}
	return ids, nil
}

// say appends what customers said themselves. Whoever leaves a topic gets
// nothing more of it: what is open of it is cancelled.
func (s *Store) say(ctx context.Context, tx *sql.Tx, cs []consent, now time.Time) error {
	if len(cs) == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO consents (customer_id, topic, given, at, recorded_at, source, text, proof, email_hash)
		SELECT x.customer_id, x.topic, x.given = 1, x.at, x.recorded_at, x.source, x.text, x.proof, `+addressOf+` FROM `+s.consentTable()+` x`, consentRows(cs))
	if err != nil {
		return fmt.Errorf("store consents: %w", err)
	}
	var left [][]any
	for _, c := range cs {
		if !c.given {
			left = append(left, []any{c.customer, c.topic})
		}
	}
	if len(left) == 0 {
		return nil
	}
	if err := s.suppressLeft(ctx, tx, cs); err != nil {
		return err
	}
	return s.cancelLeft(ctx, tx, array(left), now)
}

// suppressLeft suppresses the addresses of customers who left a topic, so that
// their no outlives the customer and any new import.
func (s *Store) suppressLeft(ctx context.Context, tx *sql.Tx, cs []consent) error {
	last := map[[2]any]int64{}
	for _, c := range cs {
		if key := [2]any{c.customer, suppressedTopic(c.topic)}; !c.given && c.at >= last[key] {
			last[key] = c.at
		}
	}
	in := make([][]any, 0, len(last))
	for key, at := range last {
		in = append(in, []any{key[0], key[1], at})
	}
	left := s.rows("$1", "customer_id bigint", "topic text", "at bigint")
	rows, err := tx.QueryContext(ctx, `SELECT DISTINCT c.email_hash FROM `+left+` x JOIN customers c ON c.id = x.customer_id AND c.email_hash IS NOT NULL`, array(in))
	hashes, err := collect(rows, err, func(rows *sql.Rows) (hash string, err error) { return hash, rows.Scan(&hash) })
	if err != nil || len(hashes) == 0 {
		return err
	}
	return s.listing(ctx, tx, array(wrap(hashes)), func() error {
		_, err := tx.ExecContext(ctx, `INSERT INTO suppressions (email_hash, topic, reason, at)
			SELECT c.email_hash, x.topic, '`+unsubscribed+`', max(x.at) FROM `+left+` x
			JOIN customers c ON c.id = x.customer_id AND c.email_hash IS NOT NULL GROUP BY c.email_hash, x.topic ORDER BY c.email_hash`+suppressAgain, array(in))
		return err
	})
}

// cancelLeft ends the passes of campaigns, and cancels the messages, of topics
// that customers have left and not joined again since. left is an array of
// [customer, topic]. Transactional mail goes on.
func (s *Store) cancelLeft(ctx context.Context, tx *sql.Tx, left string, now time.Time) error {
	gone := func(customer, topic string) string {
		return topic + ` <> '' AND EXISTS (SELECT 1 FROM ` + s.rows("$1", "customer_id bigint", "topic text") + ` x
			WHERE x.customer_id = ` + customer + ` AND (x.topic = '` + everyTopic + `' OR x.topic = ` + topic + `))
			AND NOT ` + audience.Consented(customer, topic, "$2", "FALSE")
	}
	whom := func(customer string) string {
		return customer + ` IN (SELECT x.customer_id FROM ` + s.rows("$1", "customer_id bigint") + ` x)`
	}
	rows, err := tx.QueryContext(ctx, `SELECT e.id FROM enrollments e JOIN campaigns k ON k.id = e.campaign_id
		WHERE e.state = 'running' AND `+whom("e.customer_id")+` AND `+gone("e.customer_id", "k.topic"), left, campaign.Micros(now))
	passes, err := collect(rows, err, scanID)
	if err != nil {
		return fmt.Errorf("find passes of the topic: %w", err)
	}
	if err := s.endPasses(ctx, tx, passes, campaign.ExitUnsubscribed, now); err != nil {
		return err
	}
	// Steps of a topic of their own, in campaigns of another.
	rows, err = tx.QueryContext(ctx, `SELECT m.id FROM messages m
		WHERE m.stage IN ('pending', 'moving') AND m.state IN ('pending', 'queued', 'claimed') AND `+whom("m.customer_id")+` AND `+gone("m.customer_id", "m.topic"), left, campaign.Micros(now))
	messages, err := collect(rows, err, scanID)
	if err != nil || len(messages) == 0 {
		return err
	}
	if err := s.cancelOpen(ctx, tx, `id IN `+s.ids("$1"), array(messages), campaign.ExitUnsubscribed, now); err != nil {
		return err
	}
	return s.wake(ctx, tx, messages, now)
}

// consentOf is the consent that an event states; ok is false for all but
// Subscribed and Unsubscribed.
func consentOf(customer int64, e *campaign.Event) (c consent, ok bool) {
	if e.Name != campaign.Subscribed && e.Name != campaign.Unsubscribed {
		return c, false
	}
	topic := everyTopic
	if v := e.Properties["topic"]; v != nil && v != "" {
		topic = fmt.Sprint(v)
	}
	if r := []rune(topic); len(r) > intake.MaxName {
		topic = string(r[:intake.MaxName]) // what no index holds is no topic of ours
	}
	known := campaign.Micros(e.KnownAt)
	source := "event " + e.UID
	if from := stated(e, "source"); from != "" {
		source = from + ", " + source
	}
	return consent{
		customer: customer, topic: topic, given: e.Name == campaign.Subscribed,
		// A sender's clock that is ahead puts nothing off.
		at: min(campaign.Micros(e.OccurredAt), known), recorded: known, source: source,
		text: stated(e, "text_version"), proof: stated(e, "proof"),
	}, true
}

// stated is what an event says of a consent, empty where it does not.
func stated(e *campaign.Event, property string) string {
	text, _ := e.Properties[property].(string)
	return clip(text)
}
