package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"tidings/internal/campaign"
	"tidings/scheduler"
)

const (
	// The breaker looks at a campaign's last mails that were accepted or bounced.
	breakerMails = 1000
	// More hard bounces, or refusals for reasons of policy, than this share of them, or
	// more complaints, pause the campaign, once there are so many that the share means
	// something.
	bouncedMost, bouncedOf       = 0.05, 100
	complainedMost, complainedOf = 0.001, breakerMails
	// Bounces and complaints that come back are looked for this often: they may come
	// days after their mail.
	breakerEvery = time.Minute
	// Who has paused the campaign, for the audit log.
	breakerName = "breaker"
)

// breaker remembers what it has looked at.
type breaker struct {
	mu     sync.Mutex
	failed map[int64]failures // by campaign
	all    time.Time          // when it last looked at all
	// By mailbox provider, and when it last looked at them.
	providers   map[string]providerLook
	providersAt time.Time
}

// failures are the mails of a campaign that failed last: when, and how many then.
type failures struct {
	at int64
	n  int
}

// suspect is a running campaign to be looked at.
type suspect struct {
	id            int64
	name          string
	transactional bool
	resumed       int64
	last          failures
}

// suspects are the campaigns with failures that there were not at the last look, and
// once in a while all: what a round of the relay costs does not grow with the ledger.
func (s *Store) suspects(ctx context.Context, now time.Time) ([]suspect, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT x.id, x.name, x.topic = '', x.resumed, x.last,
			(SELECT count(*) FROM messages m WHERE m.campaign_id = x.id AND m.stage = 'failed' AND m.done_at = x.last)
		FROM (SELECT k.id, k.name, k.topic, coalesce(k.resumed_at, 0) AS resumed,
				coalesce((SELECT max(m.done_at) FROM messages m WHERE m.campaign_id = k.id AND m.stage = 'failed'), 0) AS last
			FROM campaigns k WHERE `+campaignRuns("k")+`) x ORDER BY x.name`)
	running, err := collect(rows, err, func(rows *sql.Rows) (c suspect, err error) {
		return c, rows.Scan(&c.id, &c.name, &c.transactional, &c.resumed, &c.last.at, &c.last.n)
	})
	if err != nil {
		return nil, err
	}
	b := &s.breaker
	b.mu.Lock()
	defer b.mu.Unlock()
	all := now.Before(b.all) || !now.Before(b.all.Add(breakerEvery))
	if all {
		b.all = now
	}
	failed := make(map[int64]failures, len(running))
	var out []suspect
	for _, c := range running {
		failed[c.id] = c.last
		if all || c.last != b.failed[c.id] {
			out = append(out, c)
		}
	}
	b.failed = failed
	return out, nil
}

// breakers pauses the campaigns whose mails bounce or are complained of too often. A
// transactional one goes on, and a person is told: nobody is spared a bounce by a
// receipt or a password that does not come. One campaign that cannot be looked at
// does not keep the others from it.
func (s *Store) breakers(ctx context.Context, now time.Time, w *scheduler.Watched) error {
	found, err := s.suspects(ctx, now)
	if err != nil {
		return fmt.Errorf("find failures: %w", err)
	}
	var failed []error
	for _, c := range found {
		e, err := s.ends(ctx, c, now)
		if err != nil {
			failed = append(failed, fmt.Errorf("count the ends of campaign %s: %w", c.name, err))
			continue
		}
		why := e.tooMany()
		if why == "" {
			continue
		}
		to, act := &w.Paused, s.trip
		if c.transactional {
			to, act = &w.Alarms, s.alarm
		}
		first, err := act(ctx, c.name, why, now)
		if err != nil {
			failed = append(failed, fmt.Errorf("campaign %s: %w", c.name, err))
		} else if first {
			*to = append(*to, scheduler.Tripped{Campaign: c.name, Why: why})
		}
	}
	return errors.Join(failed...)
}

// ended counts a campaign's last mails.
type ended struct{ mails, bounced, refused, complained int }

// ends counts the last mails of a campaign since it was resumed. Of those that were
// accepted some bounce later: then an event of type hard says so. Of too few mails
// nothing else is asked, and of what has come back only what is about them.
func (s *Store) ends(ctx context.Context, c suspect, now time.Time) (e ended, err error) {
	const of = ` AND campaign_id = $1 AND done_at > $2 ORDER BY done_at DESC, id DESC LIMIT $3`
	var first, firstID int64
	err = s.db.QueryRowContext(ctx, `WITH ends AS MATERIALIZED (SELECT * FROM (
			SELECT * FROM (SELECT id, done_at, 0 AS bounced, 0 AS refused FROM messages WHERE stage = 'accepted'`+of+`) a
			UNION ALL SELECT * FROM (SELECT id, done_at, 1 AS bounced, 0 AS refused FROM messages WHERE stage = 'failed' AND reason = 'bad_address'`+of+`) f
			UNION ALL SELECT * FROM (SELECT id, done_at, 0 AS bounced, 1 AS refused FROM messages WHERE stage = 'failed' AND reason = 'policy'`+of+`) p
		) x ORDER BY done_at DESC, id DESC LIMIT $3)
		SELECT count(*), coalesce(sum(bounced), 0), coalesce(sum(refused), 0), coalesce(min(done_at), 0),
			coalesce((SELECT id FROM ends ORDER BY done_at, id LIMIT 1), 0) FROM ends`,
		c.id, c.resumed, breakerMails).Scan(&e.mails, &e.bounced, &e.refused, &first, &firstID)
	if err != nil || e.mails < min(bouncedOf, complainedOf) {
		return e, err
	}
	back, err := s.cameBack(ctx, first, now)
	if err != nil || len(back) == 0 {
		return e, err
	}
	ids := make([]int64, 0, len(back))
	for id := range back {
		ids = append(ids, id)
	}
	rows, err := s.db.QueryContext(ctx, `SELECT id, stage FROM messages WHERE id IN `+s.ids("$4")+` AND +campaign_id = $1
		AND (stage = 'accepted' OR stage = 'failed' AND reason IN ('bad_address', 'policy')) AND (done_at, id) >= ($2, $3)`, c.id, first, firstID, array(ids))
	_, err = collect(rows, err, func(rows *sql.Rows) (id int64, err error) {
		var state campaign.State
		err = rows.Scan(&id, &state)
		if back[id].bounced && state == campaign.Accepted {
			e.bounced++
		}
		if back[id].refused && !back[id].bounced && state == campaign.Accepted {
			e.refused++
		}
		if back[id].complained {
			e.complained++
		}
		return id, err
	})
	return e, err
}

// returned is what came back of a mail.
type returned struct{ bounced, refused, complained bool }

// cameBack reads of which mails the events since a moment say that they have bounced
// for good, were refused for reasons of policy, or were complained of. A report without
// proof says nothing.
func (s *Store) cameBack(ctx context.Context, since int64, now time.Time) (map[int64]returned, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT name, coalesce(CAST(properties ->> 'message' AS TEXT), ''), coalesce(properties ->> 'type', '') FROM events
		WHERE name IN ('Email Bounced', 'Email Complained') AND occurred_at >= $1 AND known_at <= $2
			AND (name = 'Email Complained' AND coalesce(properties ->> 'type', '') <> '`+campaign.Unverified+`' OR properties ->> 'type' IN ('hard', 'policy'))`,
		since, campaign.Micros(now))
	out := map[int64]returned{}
	_, err = collect(rows, err, func(rows *sql.Rows) (name string, err error) {
		var message, class string
		if err := rows.Scan(&name, &message, &class); err != nil {
			return "", err
		}
		id, err := strconv.ParseInt(message, 10, 64)
		if err != nil {
			return name, nil // not of a mail of ours
		}
		r := out[id]
		r.bounced = r.bounced || name == campaign.EmailBounced && class == campaign.BounceHard
		r.refused = r.refused || name == campaign.EmailBounced && class == campaign.BouncePolicy
		r.complained = r.complained || name == campaign.EmailComplained
		out[id] = r
		return name, nil
	})
	return out, err
}

// tooMany says of what there is too much, for a person; empty: of nothing.
func (e ended) tooMany() string {
	say := func(n int, what string, most float64) string {
		return fmt.Sprintf("%d of the last %d mails %s: %.2g %%, and more than %.2g %% pauses a campaign", n, e.mails, what, 100*float64(n)/float64(e.mails), 100*most)
	}
	switch {
	case e.mails >= bouncedOf && float64(e.bounced) > bouncedMost*float64(e.mails):
		return say(e.bounced, "went to addresses that do not exist", bouncedMost)
	case e.mails >= bouncedOf && float64(e.refused) > bouncedMost*float64(e.mails):
		return say(e.refused, "were refused by spam filters, block lists or for lack of proof of their sender", bouncedMost)
	case e.mails >= complainedOf && float64(e.complained) > complainedMost*float64(e.mails):
		return say(e.complained, "were called spam by those who got them", complainedMost)
	}
	return ""
}
