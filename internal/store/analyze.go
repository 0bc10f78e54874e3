package store

import (
	"context"
	"fmt"
	"strings"

	"tidings/internal/audience"
)

// analyzeFrom is from how many new rows on the engine's statistics are brought
// up to date at once.
const analyzeFrom = 1000

// analyze tells PostgreSQL's planner of many new rows, which it would otherwise
// learn of only a minute or more later: until then it plans for the few rows
// that there were, and walks through tables by the wrong index. SQLite's plans
// do without.
func (s *Store) analyze(ctx context.Context, rows int, tables ...string) error {
	if rows < analyzeFrom || s.engine == audience.SQLite || s.bound != nil {
		return nil
	}
	if _, err := s.db.ExecContext(ctx, "ANALYZE "+strings.Join(tables, ", ")); err != nil {
		return fmt.Errorf("analyze: %w", err)
	}
	return nil
}
