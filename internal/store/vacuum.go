package store

import (
	"context"
	"fmt"

	"tidings/internal/audience"
)

// NoVacuum are the settings by which PostgreSQL leaves tables as they grow: nobody takes
// away what is dead in them, nor counts what is there. Empty: it cleans up by itself, as
// SQLite has no need to.
func (s *Store) NoVacuum(ctx context.Context) (settings []string, err error) {
	if s.engine == audience.SQLite {
		return nil, nil
	}
	rows, err := s.db.QueryContext(ctx, `SELECT name FROM pg_settings WHERE name IN ('autovacuum', 'track_counts') AND setting = 'off' ORDER BY name`)
	settings, err = collect(rows, err, scanText)
	if err != nil {
		return nil, fmt.Errorf("read PostgreSQL's settings: %w", err)
	}
	return settings, nil
}
