package store

import (
	"context"
	"database/sql"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/intake"
)

// unrankImported forgets the ranks of days from the first of the events on: what
// a file tells counts as known from when it happened.
func (s *Store) unrankImported(ctx context.Context, tx *sql.Tx, batch []intake.EventRow) error {
	if len(batch) == 0 {
		return nil
	}
	first := batch[0].Event.OccurredAt
	for i := range batch {
		if at := batch[i].Event.OccurredAt; at.Before(first) {
			first = at
		}
	}
	return s.engine.Unrank(ctx, tx, first)
}

// unrankEver forgets all ranks: facts come in that hold from the beginning of
// time.
func (s *Store) unrankEver(ctx context.Context, tx *sql.Tx) error {
	return s.engine.Unrank(ctx, tx, campaign.FromMicros(0))
}

// unrankAccepted forgets the ranks of days that attributes hold from in the past.
// Events of a call are known from its receipt on: they change no day before.
func (s *Store) unrankAccepted(ctx context.Context, tx *sql.Tx, items []intake.Item, now time.Time) error {
	first := now
	for _, it := range items {
		if it.Traits != nil && it.Traits.At.Before(first) {
			first = it.Traits.At
		}
	}
	if first.Equal(now) {
		return nil
	}
	return s.engine.Unrank(ctx, tx, first)
}

// unrankMerged forgets the ranks of the days on which a customer, about to be
// merged into another, was one of its own.
func (s *Store) unrankMerged(ctx context.Context, tx *sql.Tx, from int64) error {
	var created int64
	if err := tx.QueryRowContext(ctx, `SELECT created_at FROM customers WHERE id = $1`, from).Scan(&created); err != nil {
		return err
	}
	return s.engine.Unrank(ctx, tx, campaign.FromMicros(created))
}
