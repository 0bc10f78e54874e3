package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"tidings/internal/campaign"
)

// Preferences is what the page behind a message's link shows at a moment; ok is false
// when the message or its customer is gone.
func (s *Store) Preferences(ctx context.Context, message int64, at time.Time) (p campaign.Preferences, ok bool, err error) {
	if at, err = s.stamp(ctx, s.db, at); err != nil {
		return p, false, err
	}
	var paused sql.NullInt64
	err = s.db.QueryRowContext(ctx, `SELECT c.id, coalesce(c.email, ''), c.locale, c.less_often, c.paused_till, k.name, k.label, m.topic
		FROM messages m JOIN customers c ON c.id = m.customer_id JOIN campaigns k ON k.id = m.campaign_id WHERE m.id = $1`, message).
		Scan(&p.Customer, &p.Address, &p.Locale, &p.LessOften, &paused, &p.Campaign, &p.Label, &p.Topic)
	if errors.Is(err, sql.ErrNoRows) {
		return p, false, nil
	}
	if err != nil {
		return p, false, fmt.Errorf("read preferences: %w", err)
	}
	if till := campaign.FromMicros(paused.Int64); paused.Valid && till.After(at) {
		p.PausedTill = till
	}
	if c, known := s.campaignOf(p.Campaign); known && c.Trigger != nil {
		p.Trigger = c.Trigger.Verb()
	}
	p.Topics, err = s.choices(ctx, p.Customer, at)
	return p, err == nil, err
}

func (s *Store) campaignOf(name string) (*campaign.Campaign, bool) {
	if s.catalog == nil {
		return nil, false
	}
	return s.catalog.Campaign(name)
}

// choices are the workspace's topics as a customer has chosen them.
func (s *Store) choices(ctx context.Context, customer int64, at time.Time) ([]campaign.TopicChoice, error) {
	if s.catalog == nil {
		return nil, nil
	}
	keys := slices.Sorted(maps.Keys(s.catalog.Workspace.Topics))
	if len(keys) == 0 {
		return nil, nil
	}
	// Which of them matters is asked of an address that there is: without one no mail
	// goes, and none was chosen away.
	rows, err := s.db.QueryContext(ctx, `SELECT x.topic, `+reachable("x.topic", "$3")+` = '',
			EXISTS (SELECT 1 FROM suppressions p WHERE p.email_hash = c.email_hash AND p.reason <> '`+unsubscribed+`'
				AND p.topic IN ('`+allMail+`', '`+allMarketing+`', x.topic))
		FROM customers c CROSS JOIN `+s.rows("$2", "topic text")+` x WHERE c.id = $1 ORDER BY x.topic`,
		customer, array(wrap(keys)), campaign.Micros(at))
	out, err := collect(rows, err, func(rows *sql.Rows) (t campaign.TopicChoice, err error) {
		return t, rows.Scan(&t.Key, &t.On, &t.Stuck)
	})
	if err != nil {
		return nil, fmt.Errorf("read topics: %w", err)
	}
	log, err := s.consentLog(ctx, s.db, customer)
	if err != nil {
		return nil, err
	}
	for i, t := range out {
		out[i].Pending = !t.On && !t.Stuck && pendingIn(log, t.Key)
	}
	return out, nil
}

// pendingIn tells whether a customer has yet to confirm a topic for their address.
func pendingIn(log []campaign.ConsentEntry, topic string) bool {
	pending := false
	for _, e := range log {
		if e.Topic == topic || e.Topic == everyTopic {
			pending = e.Pending || e.Follows && !e.Given
		}
	}
	return pending
}

// ChangePreferences stores what a customer has chosen on the page behind a message's
// link: all of it or nothing, durable on return. What makes mail more is taken only
// from the page that a one-time link has opened.
func (s *Store) ChangePreferences(ctx context.Context, message int64, c campaign.PreferenceChange, hit campaign.Hit) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		m, ok, err := findMail(ctx, tx, message)
		if err != nil || !ok {
			return err
		}
		if err := s.lockCustomer(ctx, tx, m.customer); err != nil {
			return err
		}
		at, err := s.stamp(ctx, tx, hit.At)
		if err != nil {
			return err
		}
		_, open, err := s.managed(ctx, tx, message, at)
		if err != nil {
			return err
		}
		if c.More() && !open {
			return campaign.ErrLink
		}
		if err := s.changeTopics(ctx, tx, m, c, at); err != nil {
			return err
		}
		if err := s.changeFrequency(ctx, tx, m, c.Frequency, open, at); err != nil {
			return err
		}
		if c.Locale != "" {
			us := campaign.Micros(at)
			fs, err := facts(m.customer, us, us, map[string]any{"locale": c.Locale})
			if err != nil {
				return err
			}
			if _, err := s.learn(ctx, tx, fs, said{at: at}); err != nil {
				return err
			}
		}
		// What a worker holds was looked at before all this.
		if err := s.takeBack(ctx, tx, []int64{m.customer}); err != nil {
			return err
		}
		return s.notify(ctx, tx)
	})
}

// changeTopics switches topics off, and on. On comes last: who leaves all and keeps
// one topic has that one.
func (s *Store) changeTopics(ctx context.Context, tx *sql.Tx, m mailRow, c campaign.PreferenceChange, at time.Time) error {
	off := c.Off
	if c.Everything {
		off = []string{everyTopic}
	}
	for _, topic := range off {
		if err := s.leave(ctx, tx, m, topic, "preferences page", c.Text, at); err != nil {
			return err
		}
	}
	if len(off) > 0 {
		if _, err := tx.ExecContext(ctx, `UPDATE messages SET unsubscribed_at = $2 WHERE id = $1 AND unsubscribed_at IS NULL AND topic <> ''`, m.id, campaign.Micros(at)); err != nil {
			return fmt.Errorf("mark the message: %w", err)
		}
	}
	var on []ownEvent
	if len(off) > 0 {
		at = at.Add(time.Microsecond) // only what is said later lifts an unsubscribe
	}
	for _, topic := range c.On {
		properties := mailProperties(m.campaign, m.step, m.id)
		properties["topic"], properties["source"] = topic, "preferences page"
		// Whoever has opened the link reads the address's mail.
		properties["proof"], properties["text_version"] = fmt.Sprintf("one-time link of message %d", m.id), c.Text
		on = append(on, ownEvent{m.customer, 0, &campaign.Event{
			UID: randomUID("choice"), Name: campaign.Subscribed, OccurredAt: at, KnownAt: at, Properties: properties}})
	}
	if len(on) == 0 {
		return nil
	}
	_, err := s.happened(ctx, tx, on, at)
	return err
}

// leave ends a topic, or all of them, for a message's customer, unless they have left
// it already.
func (s *Store) leave(ctx context.Context, tx *sql.Tx, m mailRow, topic, source, text string, at time.Time) error {
	left, err := s.hasLeft(ctx, tx, m, topic, at)
	if err != nil || left {
		return err
	}
	// The address that got the mail, should it not be the customer's any more.
	if err := s.suppress(ctx, tx, m.hash.String, suppressedTopic(topic), unsubscribed, at); err != nil {
		return err
	}
	properties := mailProperties(m.campaign, m.step, m.id)
	properties["topic"] = topic
	if err := s.mailEvents(ctx, tx, campaign.Unsubscribed, [][]any{{randomUID("hit"), m.customer, properties}}, at); err != nil {
		return err
	}
	us := campaign.Micros(at)
	return s.say(ctx, tx, []consent{{customer: m.customer, topic: topic, at: us, recorded: us, source: source, text: text}}, at)
}

// changeFrequency stores how often a customer wants mail, and that they said so. A
// pause is ended, by another choice, only from the page that a one-time link has
// opened.
func (s *Store) changeFrequency(ctx context.Context, tx *sql.Tx, m mailRow, f campaign.Frequency, open bool, at time.Time) error {
	less, till := false, sql.NullInt64{}
	properties := mailProperties(m.campaign, m.step, m.id)
	properties["frequency"] = string(f)
	switch f {
	case campaign.AsUsual:
	case campaign.LessOften:
		less = true
	case campaign.PauseMail:
		ends := at.Add(campaign.PauseLength)
		till = sql.NullInt64{Int64: campaign.Micros(ends), Valid: true}
		properties["paused_till"] = ends.UTC().Format(time.RFC3339)
	default:
		return nil
	}
	set := `less_often = $2, paused_till = $3`
	switch {
	case f == campaign.PauseMail:
		set = `less_often = (less_often OR $2), paused_till = $3` // less often, afterwards too
	case !open:
		set = `less_often = $2, paused_till = coalesce(paused_till, $3)`
	}
	if _, err := tx.ExecContext(ctx, `UPDATE customers SET `+set+` WHERE id = $1`, m.customer, less, till); err != nil {
		return fmt.Errorf("store the frequency: %w", err)
	}
	if open && f != campaign.PauseMail {
		if err := s.unpause(ctx, tx, m.customer, at); err != nil {
			return err
		}
	}
	return s.mailEvents(ctx, tx, campaign.PreferencesChanged, [][]any{{randomUID("choice"), m.customer, properties}}, at)
}

// unpause lets the mails go to their next look that wait for a pause to end.
func (s *Store) unpause(ctx context.Context, tx *sql.Tx, customer int64, at time.Time) error {
	_, err := tx.ExecContext(ctx, `UPDATE messages SET due_at = $2 WHERE customer_id = $1 AND stage = 'pending' AND gate = '`+campaign.GateCustomer+`' AND due_at > $2`,
		customer, campaign.Micros(at))
	if err != nil {
		return fmt.Errorf("end the pause: %w", err)
	}
	return nil
}
