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
// However many domains there are, the database hands over those of mailbox providers
// that we know and the largest of the others; what is beyond is counted together.
func (s *Store) Deliverability(ctx context.Context, at time.Time, days int) (campaign.Deliverability, error) {
	from := at.UTC().Truncate(24*time.Hour).AddDate(0, 0, 1-days)
	counts := map[campaign.DeliveryKey]*campaign.Delivery{}
	named, err := s.deliveries(ctx, from, at, counts)
	if err != nil {
		return campaign.Deliverability{}, fmt.Errorf("count mails by domain: %w", err)
	}
	if err := s.returns(ctx, from, at, named, counts); err != nil {
		return campaign.Deliverability{}, fmt.Errorf("count what came back by domain: %w", err)
	}
	return campaign.NewDeliverability(from, at, counts), nil
}

// namedDomains are counted by themselves, beside those of mailbox providers.
const namedDomains = 100

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
	switch domain {
	case "":
		return campaign.MovedAddress
	case campaign.OtherDomains:
		return domain
	}
	return campaign.AddressDomain("a@" + domain)
}

// deliveries counts what mail servers said while they were spoken with, and tells which
// domains are counted by themselves.
func (s *Store) deliveries(ctx context.Context, from, at time.Time, counts map[campaign.DeliveryKey]*campaign.Delivery) (named []string, err error) {
	rows, err := s.reader().QueryContext(ctx, `WITH sent AS MATERIALIZED (
			SELECT m.done_at / `+strconv.Itoa(dayMicros)+` AS day, `+s.sentDomain()+` AS domain, count(*) AS mails,
				count(CASE WHEN m.stage = 'accepted' THEN 1 END) AS accepted,
				count(CASE WHEN m.stage = 'failed' AND m.reason IN ('mailbox_full', 'rejected') THEN 1 END) AS soft,
				count(CASE WHEN m.stage = 'failed' AND m.reason = 'bad_address' THEN 1 END) AS hard,
				count(CASE WHEN m.stage = 'failed' AND m.reason = 'policy' THEN 1 END) AS policy,
				count(CASE WHEN m.stage = 'accepted' AND m.opened_at <= $2 THEN 1 END) AS opened
			FROM campaigns k JOIN messages m ON m.campaign_id = k.id JOIN customers c ON c.id = m.customer_id
			WHERE m.stage IN ('accepted', 'failed') AND m.done_at >= $1 AND m.done_at <= $2 GROUP BY 1, 2),
		named AS (SELECT domain FROM sent GROUP BY domain ORDER BY sum(mails) DESC, domain LIMIT $4),
		known AS (SELECT x.domain FROM `+s.rows("$3", "domain text")+` x)
		SELECT day, CASE WHEN domain = '' OR domain IN (SELECT domain FROM named) OR domain IN (SELECT domain FROM known) THEN domain ELSE '`+campaign.OtherDomains+`' END,
			CAST(sum(accepted) AS BIGINT), CAST(sum(soft) AS BIGINT), CAST(sum(hard) AS BIGINT), CAST(sum(policy) AS BIGINT), CAST(sum(opened) AS BIGINT)
		FROM sent GROUP BY 1, 2`, campaign.Micros(from), campaign.Micros(at), array(wrap(campaign.MailboxDomains())), namedDomains)
	seen := map[string]bool{}
	_, err = collect(rows, err, func(rows *sql.Rows) (key campaign.DeliveryKey, err error) {
		var d campaign.Delivery
		if err := rows.Scan(&key.Day, &key.Domain, &d.Accepted, &d.Soft, &d.Hard, &d.Policy, &d.Opened); err != nil {
			return key, err
		}
		if !seen[key.Domain] {
			seen[key.Domain], named = true, append(named, key.Domain)
		}
		if d == (campaign.Delivery{}) {
			return key, nil
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
	return named, err
}

func delivery(counts map[campaign.DeliveryKey]*campaign.Delivery, key campaign.DeliveryKey) *campaign.Delivery {
	if counts[key] == nil {
		counts[key] = &campaign.Delivery{}
	}
	return counts[key]
}

// messageOf is an SQL expression: the message that an event names; null: it names none.
func (s *Store) messageOf() string {
	of, digits := `CAST(properties ->> 'message' AS TEXT)`, ` ~ '^[0-9]{1,18}$'`
	if s.engine == audience.SQLite {
		digits = ` NOT GLOB '*[^0-9]*'`
	}
	return `CASE WHEN ` + of + digits + ` THEN CAST(` + of + ` AS BIGINT) END`
}

// returns counts what came back of accepted mails later: each mail once for each kind.
// What has no proof, or is of no mail of ours, does not count.
func (s *Store) returns(ctx context.Context, from, at time.Time, named []string, counts map[campaign.DeliveryKey]*campaign.Delivery) error {
	rows, err := s.reader().QueryContext(ctx, `WITH back AS MATERIALIZED (
			SELECT `+s.messageOf()+` AS id, max(CASE WHEN name = 'Email Complained' THEN 1 ELSE 0 END) AS complaint,
				max(CASE WHEN name = 'Email Bounced' AND properties ->> 'type' = '`+campaign.BounceHard+`' THEN 1 ELSE 0 END) AS hard,
				max(CASE WHEN name = 'Email Bounced' AND properties ->> 'type' = '`+campaign.BouncePolicy+`' THEN 1 ELSE 0 END) AS policy,
				max(CASE WHEN name = 'Email Bounced' AND properties ->> 'type' = '`+campaign.BounceSoft+`' THEN 1 ELSE 0 END) AS soft
			FROM events WHERE name IN ('Email Bounced', 'Email Complained') AND occurred_at >= $1 AND occurred_at <= $2 AND known_at <= $2
				AND coalesce(properties ->> 'type', '') <> '`+campaign.Unverified+`' GROUP BY 1),
		sent AS (SELECT m.done_at / `+strconv.Itoa(dayMicros)+` AS day, `+s.sentDomain()+` AS domain, b.complaint, b.hard, b.policy, b.soft
			FROM back b JOIN messages m ON m.id = b.id JOIN customers c ON c.id = m.customer_id
			WHERE m.stage = 'accepted' AND m.done_at >= $1 AND m.done_at <= $2),
		named AS (SELECT x.domain FROM `+s.rows("$3", "domain text")+` x)
		SELECT day, CASE WHEN domain IN (SELECT domain FROM named) THEN domain ELSE '`+campaign.OtherDomains+`' END, sum(complaint), sum(hard),
			sum(CASE WHEN hard = 0 THEN policy ELSE 0 END), sum(CASE WHEN hard + policy = 0 THEN soft ELSE 0 END)
		FROM sent GROUP BY 1, 2`, campaign.Micros(from), campaign.Micros(at), array(wrap(named)))
	_, err = collect(rows, err, func(rows *sql.Rows) (key campaign.DeliveryKey, err error) {
		var d campaign.Delivery
		if err := rows.Scan(&key.Day, &key.Domain, &d.Complaints, &d.Hard, &d.Policy, &d.Soft); err != nil {
			return key, err
		}
		key.Domain = sentTo(key.Domain)
		at := delivery(counts, key)
		at.Complaints += d.Complaints
		at.Hard += d.Hard
		at.Policy += d.Policy
		at.Soft += d.Soft
		return key, nil
	})
	return err
}
