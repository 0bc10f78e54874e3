package store

import (
	"context"
	"time"

	"tidings/internal/campaign"
)

// StreamsQuery finds what is due, ManyQuery and OneQuery read it on, for tests of
// their plans.
func StreamsQuery() string                { return streamsQuery }
func (s *Store) ManyQuery() string        { return s.manyQuery(emailOf) }
func OneQuery() string                    { return oneQuery(emailOf) }
func (s *Store) ArrayOf(v [][]any) string { return array(v) }

// InSync tells whether a Sync would write nothing.
func (s *Store) InSync(ctx context.Context, cat *campaign.Catalog, now time.Time) (bool, error) {
	return s.inSync(ctx, cat, now)
}
