package store

import (
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
