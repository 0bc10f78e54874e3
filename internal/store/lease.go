package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"tidings/internal/campaign"
)

// Lead tells whether owner holds the lease named, taking it when it is free or
// has run out at now, and prolonging it to now + length when it is owner's
// already.
func (s *Store) Lead(ctx context.Context, name, owner string, now time.Time, length time.Duration) (bool, error) {
	var leads bool
	err := s.write(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `INSERT INTO leases (name, owner, until) VALUES ($1, $2, $3)
			ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until
			WHERE leases.owner = excluded.owner OR leases.until < $4`, name, owner, campaign.Micros(now.Add(length)), campaign.Micros(now))
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		leads = n > 0
		return err
	})
	if err != nil {
		return false, fmt.Errorf("take the %s lease: %w", name, err)
	}
	return leads, nil
}

// Resign gives up the lease named, if it is owner's, so that another need not
// wait for its end.
func (s *Store) Resign(ctx context.Context, name, owner string) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM leases WHERE name = $1 AND owner = $2`, name, owner)
		return err
	})
	if err != nil {
		return fmt.Errorf("give up the %s lease: %w", name, err)
	}
	return nil
}
