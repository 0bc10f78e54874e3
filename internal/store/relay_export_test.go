package store

import (
	"context"
	"time"

	"tidings/internal/campaign"
)

// DueQuery is the relay's search, for a test of its plan.
func (s *Store) DueQuery() string { return s.dueQuery() }

// InSync tells whether a Sync would write nothing.
func (s *Store) InSync(ctx context.Context, cat *campaign.Catalog, now time.Time) (bool, error) {
	return s.inSync(ctx, cat, now)
}
