package store

import (
	"context"
	"database/sql"
)

// Write is write, for tests.
func (s *Store) Write(ctx context.Context, f func(tx *sql.Tx) error) error { return s.write(ctx, f) }
