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

// Mode is what a store's clock is: the database's, or one given with --at. It is
// fixed by the first tick, so that no replay of history ever mails a person.
type Mode string

// The modes. A store that has never ticked has none.
const (
	Untouched Mode = ""
	Live      Mode = "live"
	Simulated Mode = "simulated"
)

// ModeError tells that a store is of the other mode.
type ModeError struct{ Is, Wanted Mode }

func (e *ModeError) Error() string {
	if e.Is == Simulated {
		return "this store is simulated: its clock was set with --at, and no live process may use it; take another DATABASE_URL for live mail"
	}
	return "this store is live: its clock is the real one and cannot be set with --at; take another DATABASE_URL for a simulation"
}

// Mode reads the store's mode.
func (s *Store) Mode(ctx context.Context) (Mode, error) {
	m, err := s.meta(ctx, s.db, "mode")
	return Mode(m), err
}

// Fix makes m the store's mode, or fails with a *ModeError if it has another.
func (s *Store) Fix(ctx context.Context, m Mode) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO meta (key, value) VALUES ('mode', $1) ON CONFLICT DO NOTHING`, string(m)); err != nil {
			return fmt.Errorf("fix the store's mode: %w", err)
		}
		is, err := s.meta(ctx, tx, "mode")
		if err != nil {
			return fmt.Errorf("read the store's mode: %w", err)
		}
		if Mode(is) != m {
			return &ModeError{Is: Mode(is), Wanted: m}
		}
		s.live.Store(m == Live)
		return nil
	})
}

// Live tells whether the store is known to be live: moments given to Claim and
// Commit count for nothing then, see stamp.
func (s *Store) Live() bool { return s.live.Load() }

// stamp is the moment at which a transaction of a live store happens, by the
// store's own clock, whatever the clock of the process says; one clock for all
// is what lets a last look see what was taken in before it. In a simulation the
// given moment stands.
func (s *Store) stamp(ctx context.Context, q querier, given time.Time) (time.Time, error) {
	if !s.live.Load() {
		return given, nil
	}
	return s.clock(ctx, q)
}

// Now is the time of a live store: PostgreSQL's clock, whatever the clocks of
// the processes say. SQLite's is that of the one machine it is on.
func (s *Store) Now(ctx context.Context) (time.Time, error) { return s.clock(ctx, s.db) }

func (s *Store) clock(ctx context.Context, q querier) (time.Time, error) {
	if s.engine == audience.SQLite {
		return campaign.Moment(time.Now()), nil
	}
	var now time.Time
	if err := q.QueryRowContext(ctx, `SELECT clock_timestamp()`).Scan(&now); err != nil {
		return time.Time{}, fmt.Errorf("read the database's clock: %w", err)
	}
	return campaign.Moment(now), nil
}

// PastError tells that a tick would go back in time.
type PastError struct{ At, Last time.Time }

func (e *PastError) Error() string {
	return fmt.Sprintf("%s lies before the last tick, at %s; a tick cannot go back",
		e.At.Format(time.RFC3339Nano), e.Last.Format(time.RFC3339Nano))
}

// liveSlack is how far two live schedulers' readings of the clock may cross.
const liveSlack = time.Minute

// Advance notes a tick at now. Into the past it fails with a *PastError.
func (s *Store) Advance(ctx context.Context, now time.Time) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		last, err := s.lastTick(ctx, tx)
		if err != nil {
			return err
		}
		mode, err := s.meta(ctx, tx, "mode")
		if err != nil {
			return fmt.Errorf("read the store's mode: %w", err)
		}
		slack := liveSlack
		if Mode(mode) == Simulated {
			slack = 0
		}
		if now.Add(slack).Before(last) {
			return &PastError{At: now, Last: last}
		}
		if now.Before(last) {
			return nil
		}
		return s.setMeta(ctx, tx, "last_tick", strconv.FormatInt(campaign.Micros(now), 10))
	})
}

// LastTick is the moment of the last tick; zero: there was none.
func (s *Store) LastTick(ctx context.Context) (time.Time, error) { return s.lastTick(ctx, s.db) }

func (s *Store) lastTick(ctx context.Context, q querier) (time.Time, error) {
	v, err := s.meta(ctx, q, "last_tick")
	if err != nil || v == "" {
		return time.Time{}, err
	}
	us, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("read the last tick: %w", err)
	}
	return campaign.FromMicros(us), nil
}
