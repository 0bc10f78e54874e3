package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tidings/internal/campaign"
)

// throttledDomain is the domain that a throttle's key is of.
func throttledDomain(key string) (domain string, is bool) {
	return strings.CutPrefix(key, domainKey(""))
}

// refusedSender is the sender that a throttle's key is of.
func refusedSender(key string) (sender string, is bool) {
	return strings.CutPrefix(key, senderKey(""))
}

const throttleColumns = `t.key, t.since, t.at, t.until, t.step, t.pace, t.half, t.taken, t.stopped, t.reason`

func scanThrottle(rows *sql.Rows) (key string, t campaign.Throttle, err error) {
	var since, at, until int64
	err = rows.Scan(&key, &since, &at, &until, &t.Step, &t.Pace, &t.Half, &t.Taken, &t.Stopped, &t.Reason)
	t.Since, t.At, t.Until = campaign.FromMicros(since), campaign.FromMicros(at), campaign.FromMicros(until)
	return key, t, err
}

// throttles reads who has asked for less, and notes whether anybody has.
func (s *Store) throttles(ctx context.Context, q querier) (map[string]campaign.Throttle, error) {
	rows, err := q.QueryContext(ctx, `SELECT `+throttleColumns+` FROM throttles t ORDER BY t.key`)
	out := map[string]campaign.Throttle{}
	_, err = collect(rows, err, func(rows *sql.Rows) (string, error) {
		key, t, err := scanThrottle(rows)
		out[key] = t
		return key, err
	})
	if err != nil {
		return nil, fmt.Errorf("read the throttles: %w", err)
	}
	s.slowed.Store(len(out) > 0)
	return out, nil
}

func (s *Store) saveThrottle(ctx context.Context, tx *sql.Tx, key string, t campaign.Throttle) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO throttles (key, since, at, until, step, pace, half, taken, stopped, reason)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (key) DO UPDATE SET since = excluded.since, at = excluded.at, until = excluded.until,
			step = excluded.step, pace = excluded.pace, half = excluded.half, taken = excluded.taken, stopped = excluded.stopped, reason = excluded.reason`,
		key, campaign.Micros(t.Since), campaign.Micros(t.At), campaign.Micros(t.Until), t.Step, t.Pace, t.Half, t.Taken, t.Stopped, t.Reason)
	return err
}

func (s *Store) dropThrottle(ctx context.Context, tx *sql.Tx, key string) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM throttles WHERE key = $1`, key)
	return err
}

// trip is an attempt at a message as those see it who decide how much is let out.
type trip struct {
	id, token, campaign int64
	lane, domain        string
	name, step          string // of the campaign, and in it
	letOut              time.Time
}

// heed takes in what results say about how much may be let out, before they are
// stored: who asks for less, who takes what was let out since, and what was not
// sent at all and counts for nothing.
func (s *Store) heed(ctx context.Context, tx *sql.Tx, results []campaign.Result, now time.Time) error {
	var ids []int64
	for _, r := range results {
		if r.Slow != campaign.SlowNothing || r.Verdict == campaign.WasAccepted && s.slowed.Load() || r.Verdict == campaign.WasRelease && s.counts() {
			ids = append(ids, r.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	trips, err := s.trips(ctx, tx, ids)
	if err != nil {
		return fmt.Errorf("read when messages were let out: %w", err)
	}
	var back []trip
	var heard []campaign.Result
	for _, r := range results {
		t, ok := trips[r.ID]
		if !ok || t.token != r.Token {
			continue
		}
		if r.Verdict == campaign.WasRelease && r.Slow == campaign.SlowNothing {
			back = append(back, t)
		} else {
			heard = append(heard, r)
		}
	}
	// Throttles before what was let out: the relay locks them in that order.
	if err := s.hear(ctx, tx, heard, trips, now); err != nil {
		return err
	}
	return s.giveBack(ctx, tx, back)
}

// trips reads the attempts that are under way at some messages, and locks these.
func (s *Store) trips(ctx context.Context, tx *sql.Tx, ids []int64) (map[int64]trip, error) {
	ts, err := s.tripsWhere(ctx, tx, `m.id IN `+s.ids("$1")+` AND m.state IN ('claimed', 'handoff')`, array(ids))
	out := make(map[int64]trip, len(ts))
	for _, t := range ts {
		out[t.id] = t
	}
	return out, err
}

func (s *Store) tripsWhere(ctx context.Context, tx *sql.Tx, where string, args ...any) ([]trip, error) {
	rows, err := tx.QueryContext(ctx, `SELECT m.id, m.token, m.campaign_id, k.name, m.step, m.lane, l.queued_at, coalesce(c.email, '')
		FROM messages m JOIN slices l ON l.id = m.slice_id JOIN campaigns k ON k.id = m.campaign_id LEFT JOIN customers c ON c.id = m.customer_id WHERE `+where+` ORDER BY m.id`+s.forUpdate("OF m"), args...)
	return collect(rows, err, func(rows *sql.Rows) (t trip, err error) {
		var at int64
		var email string
		err = rows.Scan(&t.id, &t.token, &t.campaign, &t.name, &t.step, &t.lane, &at, &email)
		t.letOut, t.domain = campaign.FromMicros(at), campaign.AddressDomain(email)
		return t, err
	})
}

// putBack makes messages pending again that were let out and not handed over: they
// count as not let out. where is of a message m; set, which may be empty, is what
// changes beside its state.
func (s *Store) putBack(ctx context.Context, tx *sql.Tx, set, where string, args ...any) (n int64, err error) {
	if s.counts() {
		back, err := s.tripsWhere(ctx, tx, where, args...)
		if err != nil {
			return 0, fmt.Errorf("read when messages were let out: %w", err)
		}
		if err := s.giveBack(ctx, tx, back); err != nil {
			return 0, err
		}
	}
	res, err := tx.ExecContext(ctx, `UPDATE messages AS m SET state = 'pending', slice_id = NULL`+set+` WHERE `+where, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// hear changes the throttles by what the server has said. They are locked only
// when something changes: a domain that is slowed down for a day must not make
// every commit wait for the one before.
func (s *Store) hear(ctx context.Context, tx *sql.Tx, results []campaign.Result, trips map[int64]trip, now time.Time) error {
	if len(results) == 0 {
		return nil
	}
	throttles, err := s.throttles(ctx, tx)
	if err != nil {
		return err
	}
	changed := s.answers(throttles, results, trips, now)
	if len(changed) == 0 {
		return nil
	}
	if err := s.lockThrottles(ctx, tx); err != nil {
		return fmt.Errorf("lock the throttles: %w", err)
	}
	if throttles, err = s.throttles(ctx, tx); err != nil {
		return err
	}
	before := maps.Clone(throttles)
	changed = s.answers(throttles, results, trips, now)
	if err := s.refused(ctx, tx, before, throttles, changed, results, trips, now); err != nil {
		return fmt.Errorf("look whether another sender is welcome: %w", err)
	}
	for _, key := range slices.Sorted(maps.Keys(changed)) {
		if t, still := throttles[key]; still {
			err = s.saveThrottle(ctx, tx, key, t)
		} else {
			err = s.dropThrottle(ctx, tx, key)
		}
		if err != nil {
			return fmt.Errorf("store a throttle: %w", err)
		}
	}
	s.slowed.Store(len(throttles) > 0)
	return nil
}

// answers puts results into the throttles and tells which have changed.
func (s *Store) answers(throttles map[string]campaign.Throttle, results []campaign.Result, trips map[int64]trip, now time.Time) map[string]bool {
	changed := map[string]bool{}
	for _, r := range results {
		t := trips[r.ID]
		switch r.Slow {
		case campaign.SlowDomain:
			s.ask(throttles, changed, domainKey(t.domain), false, t, r.Reply, now)
		case campaign.SlowSender:
			s.ask(throttles, changed, s.senderOf(t), true, t, r.Reply, now)
		case campaign.SlowProvider, campaign.SlowStop:
			s.ask(throttles, changed, providerKey, r.Slow == campaign.SlowStop, t, r.Reply, now)
		case campaign.SlowNothing:
			if r.Verdict == campaign.WasAccepted {
				p := s.provider()
				s.taken(throttles, changed, domainKey(t.domain), p.Domains[t.domain], t)
				if sender := s.senderOf(t); sender != providerKey {
					s.taken(throttles, changed, sender, campaign.Pace{}, t)
				}
				s.taken(throttles, changed, providerKey, p.Rate, t)
			}
		}
	}
	return changed
}

func (s *Store) ask(throttles map[string]campaign.Throttle, changed map[string]bool, key string, stop bool, t trip, r campaign.Reply, now time.Time) {
	before := throttles[key]
	if after := before.Asked(stop, t.letOut, now, said(r)); after != before {
		throttles[key], changed[key] = after, true
	}
}

func (s *Store) taken(throttles map[string]campaign.Throttle, changed map[string]bool, key string, usual campaign.Pace, t trip) {
	before, is := throttles[key]
	if !is {
		return
	}
	after, ends := before.Accepted(t.letOut, usual)
	if ends {
		delete(throttles, key)
	} else {
		throttles[key] = after
	}
	changed[key] = changed[key] || ends || after != before
}

// said is a server's answer for a log and a page: codes and words, no addresses.
func said(r campaign.Reply) string {
	r.Text = campaign.WithoutAddresses(r.Text)
	return clip(r.String())
}

// lockThrottles lets one transaction at a time change the throttles. SQLite's is
// the only writer already.
func (s *Store) lockThrottles(ctx context.Context, tx *sql.Tx) error {
	if s.writer != nil {
		return nil
	}
	_, err := tx.ExecContext(ctx, `LOCK TABLE throttles IN SHARE ROW EXCLUSIVE MODE`)
	return err
}

// forget drops the throttles whose last request lies long back, and returns those
// that stand. It takes no lock for that, so one that was asked for anew meanwhile is
// another by then, and stays.
func (s *Store) forget(ctx context.Context, tx *sql.Tx, now time.Time) (map[string]campaign.Throttle, error) {
	throttles, err := s.throttles(ctx, tx)
	if err != nil {
		return nil, err
	}
	missed := false
	for _, key := range slices.Sorted(maps.Keys(throttles)) {
		t := throttles[key]
		if !t.Forgotten(now) {
			continue
		}
		res, err := tx.ExecContext(ctx, `DELETE FROM throttles WHERE key = $1 AND at = $2 AND until = $3`, key, campaign.Micros(t.At), campaign.Micros(t.Until))
		if err != nil {
			return nil, fmt.Errorf("drop a throttle: %w", err)
		}
		n, err := res.RowsAffected()
		if err != nil {
			return nil, err
		}
		missed = missed || n == 0
		delete(throttles, key)
	}
	if missed {
		return s.throttles(ctx, tx)
	}
	return throttles, nil
}

// counts tells whether what is let out is counted at all.
func (s *Store) counts() bool {
	if s.slowed.Load() {
		return true
	}
	if s.catalog == nil {
		return false
	}
	p := s.provider()
	return !p.Rate.IsZero() || p.Daily > 0 || len(p.Domains) > 0 ||
		slices.ContainsFunc(s.catalog.Campaigns, func(c *campaign.Campaign) bool { return !c.Rate.IsZero() })
}

// giveBack counts what was let out, but not sent, as not let out.
func (s *Store) giveBack(ctx context.Context, tx *sql.Tx, back []trip) error {
	if len(back) == 0 || !s.counts() {
		return nil
	}
	type place struct {
		key string
		at  int64
	}
	n := map[place]int{}
	for _, t := range back {
		at := campaign.Micros(t.letOut)
		n[place{providerKey, at}]++
		n[place{domainKey(t.domain), at}]++
		n[place{campaignKey(t.campaign), at}]++
		if key := s.senderOf(t); key != providerKey {
			n[place{key, at}]++
		}
		if s.provider().Daily > 0 {
			begin, _ := dayAround(t.letOut, s.catalog.Workspace.Zone)
			n[place{dailyKey, campaign.Micros(begin)}]++
		}
	}
	in := make([][]any, 0, len(n))
	for p, n := range n {
		in = append(in, []any{p.key, p.at, n})
	}
	slices.SortFunc(in, func(a, b []any) int {
		return cmp.Or(cmp.Compare(a[0].(string), b[0].(string)), cmp.Compare(a[1].(int64), b[1].(int64)))
	})
	if err := s.lockSpent(ctx, tx, in); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE spent SET n = spent.n - x.n FROM `+s.rows("$1", "key text", "at bigint", "n int")+` x
		WHERE spent.key = x.key AND spent.at = x.at AND spent.n >= x.n`, array(in))
	if err != nil {
		return fmt.Errorf("give back what was not sent: %w", err)
	}
	return nil
}

// lockSpent locks what was let out of places, by key and moment: everyone who locks
// several does so in this order.
func (s *Store) lockSpent(ctx context.Context, tx *sql.Tx, places [][]any) error {
	lock := s.forUpdate("OF p")
	if lock == "" {
		return nil
	}
	rows, err := tx.QueryContext(ctx, `SELECT p.n FROM `+s.rows("$1", "key text", "at bigint")+` x
		JOIN spent p ON p.key = x.key AND p.at = x.at ORDER BY p.key, p.at`+lock, array(places))
	if _, err = collect(rows, err, scanID); err != nil {
		return fmt.Errorf("lock what was let out: %w", err)
	}
	return nil
}

// recalls are the keys of throttles that came after messages were let out: these are
// not sent, but go back to wait for their turn.
type recalls map[string]bool

// letOut is when a slice's messages were let out.
func (s *Store) letOut(ctx context.Context, tx *sql.Tx, slice int64) (time.Time, error) {
	var at int64
	if err := tx.QueryRowContext(ctx, `SELECT queued_at FROM slices WHERE id = $1`, slice).Scan(&at); err != nil {
		return time.Time{}, fmt.Errorf("read when the slice was queued: %w", err)
	}
	return campaign.FromMicros(at), nil
}

// recallsOf reads what recalls messages that were let out at a moment.
func (s *Store) recallsOf(ctx context.Context, tx *sql.Tx, letOut time.Time) (recalls, error) {
	throttles, err := s.throttles(ctx, tx)
	if err != nil {
		return nil, err
	}
	out := recalls{}
	for key, t := range throttles {
		if !letOut.After(t.At) {
			out[key] = true
		}
	}
	return out, nil
}

// meet tells whether mail of a lane, by a sender, to a domain goes back. Transactional
// mail waits for the provider and its sender alone.
func (r recalls) meet(lane, domain, sender string) bool {
	return r[providerKey] || r[sender] || lane != string(campaign.LaneTransactional) && r[domainKey(domain)]
}
