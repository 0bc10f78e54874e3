package store

import (
	"context"
	"time"
)

// Trip is the breaker's pause.
func (s *Store) Trip(ctx context.Context, name, why string, now time.Time) (bool, error) {
	return s.trip(ctx, name, why, now)
}
