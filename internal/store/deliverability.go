package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"time"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// Deliverability says how the mails that were done with in the days before a moment
// arrived, by their recipients' domains; days counts whole ones, today's among them.
func (s *Store) Deliverability(ctx context.Context, at time.Time, days int) (campaign.Deliverability, error) {
	from := at.UTC().Truncate(24*time.Hour).AddDate(0, 0, 1-days)
	counts := map[campaign.DeliveryKey]*campaign.Delivery{}
	if err := s.deliveries(ctx, from, at, counts); err != nil {
		return campaign.Deliverability{}, fmt.Errorf("count mails by domain: %w", err)
	}
	if err := s.returns(ctx, from, at, counts); err != nil {
		return campaign.Deliverability{}, fmt.Errorf("count what came back by domain: %w", err)
	}
	return campaign.NewDeliverability(from, at, counts), nil
}

const dayMicros = 24 * 3600 * 1_000_000

// sentDomain is an SQL expression: the domain of the address that a message m went to,
// as its customer c has written it; empty when they have another by now.
func (s *Store) sentDomain() string {
	of := `split_part(coalesce(c.email, ''), '@', 2)`
	if s.engine == audience.SQLite {
		of = `substr(coalesce(c.email, ''), instr(coalesce(c.email, ''), '@') + 1)`
	}
	return `CASE WHEN c.email_hash = m.email_hash THEN lower(` + of + `) ELSE '' END`
}

func sentTo(domain string) string {
	if domain == "" {
		return campaign.MovedAddress
	}
	return campaign.AddressDomain("a@" + domain)
}

// deliveries counts what mail servers said while they were spoken with.
func (s *Store) deliveries(ctx context.Context, from, at time.Time, counts map[campaign.DeliveryKey]*campaign.Delivery) error {
	rows, err := s.reader().QueryContext(ctx, `SELECT m.done_at / `+strconv.Itoa(dayMicros)+` AS day, `+s.sentDomain()+` AS domain,
			count(CASE WHEN m.stage = 'accepted' THEN 1 END),
			count(CASE WHEN m.stage = 'failed' AND m.reason IN ('mailbox_full', 'rejected') THEN 1 END),
			count(CASE WHEN m.stage = 'failed' AND m.reason = 'bad_address' THEN 1 END),
			count(CASE WHEN m.stage = 'failed' AND m.reason = 'policy' THEN 1 END),
			count(CASE WHEN m.stage = 'accepted' AND m.opened_at <= $2 THEN 1 END)
		FROM campaigns k JOIN messages m ON m.campaign_id = k.id JOIN customers c ON c.id = m.customer_id
		WHERE m.stage IN ('accepted', 'failed') AND m.done_at >= $1 AND m.done_at <= $2 GROUP BY 1, 2`, campaign.Micros(from), campaign.Micros(at))
	_, err = collect(rows, err, func(rows *sql.Rows) (key campaign.DeliveryKey, err error) {
		var d campaign.Delivery
		if err := rows.Scan(&key.Day, &key.Domain, &d.Accepted, &d.Soft, &d.Hard, &d.Policy, &d.Opened); err != nil || d == (campaign.Delivery{}) {
			return key, err
		}
		key.Domain = sentTo(key.Domain)
		at := delivery(counts, key)
		at.Accepted += d.Accepted
		at.Soft += d.Soft
		at.Hard += d.Hard
		at.Policy += d.Policy
		at.Opened += d.Opened
		return key, nil
	})
	return err
}

func delivery(counts map[campaign.DeliveryKey]*campaign.Delivery, key campaign.DeliveryKey) *campaign.Delivery {
	if counts[key] == nil {
		counts[key] = &campaign.Delivery{}
	}
	return counts[key]
}

// returns counts what came back of accepted mails later: each mail once for each kind.
func (s *Store) returns(ctx context.Context, from, at time.Time, counts map[campaign.DeliveryKey]*campaign.Delivery) error {
	type back struct{ soft, hard, policy, complaint bool }
	found := map[int64]*back{}
	rows, err := s.reader().QueryContext(ctx, `SELECT name, coalesce(CAST(properties ->> 'message' AS TEXT), ''), coalesce(properties ->> 'type', '') FROM events
		WHERE name IN ('Email Bounced', 'Email Complained') AND occurred_at >= $1 AND occurred_at <= $2 AND known_at <= $2`, campaign.Micros(from), campaign.Micros(at))
	_, err = collect(rows, err, func(rows *sql.Rows) (id int64, err error) {
		var name, message, class string
		if err := rows.Scan(&name, &message, &class); err != nil {
			return 0, err
		}
		if id, err = strconv.ParseInt(message, 10, 64); err != nil || class == campaign.Unverified {
			return 0, nil // not of a mail of ours, or nobody knows
		}
		if found[id] == nil {
			found[id] = &back{}
		}
		b := found[id]
		switch {
		case name == campaign.EmailComplained:
			b.complaint = true
		case class == campaign.BounceHard:
			b.hard = true
		case class == campaign.BouncePolicy:
			b.policy = true
		case class == campaign.BounceSoft:
			b.soft = true
		}
		return id, nil
	})
	if err != nil || len(found) == 0 {
		return err
	}
	ids := make([]int64, 0, len(found))
	for id := range found {
		ids = append(ids, id)
	}
	rows, err = s.reader().QueryContext(ctx, `SELECT m.id, m.done_at / `+strconv.Itoa(dayMicros)+`, `+s.sentDomain()+`
		FROM messages m JOIN customers c ON c.id = m.customer_id
		WHERE m.id IN `+s.ids("$1")+` AND m.stage = 'accepted' AND m.done_at >= $2 AND m.done_at <= $3`, array(ids), campaign.Micros(from), campaign.Micros(at))
	_, err = collect(rows, err, func(rows *sql.Rows) (id int64, err error) {
		var key campaign.DeliveryKey
		if err := rows.Scan(&id, &key.Day, &key.Domain); err != nil {
			return 0, err
		}
		key.Domain = sentTo(key.Domain)
		d, b := delivery(counts, key), found[id]
		for to, is := range map[*int]bool{&d.Complaints: b.complaint, &d.Hard: b.hard, &d.Policy: b.policy && !b.hard, &d.Soft: b.soft && !b.hard && !b.policy} {
			if is {
				*to++
			}
		}
		return id, nil
	})
	return err
}
