package store

import (
	"context"
	"fmt"

	"tidings/internal/audience"
)

// Analyze tells PostgreSQL's planner at once what an import has brought, which
// it would find out by itself a minute later, after the first tick. SQLite plans
// without.
func (s *Store) Analyze(ctx context.Context) error {
	if s.engine != audience.Postgres {
		return nil
	}
	if _, err := s.db.ExecContext(ctx, `ANALYZE customers, attribute_facts, consents, events`); err != nil {
		return fmt.Errorf("analyze tables: %w", err)
	}
	return nil
}
