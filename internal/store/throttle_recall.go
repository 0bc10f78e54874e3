package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"tidings/internal/campaign"
)

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
