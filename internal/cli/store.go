package cli

import (
	"errors"
	"fmt"

	"tidings/internal/store"
)

// open connects to the database without touching its tables.
func (rt *runtime) open() (*store.Store, error) {
	if err := rt.cfg.Durable(); err != nil {
		return nil, usage("%v", err)
	}
	s, err := store.Open(rt.ctx, rt.cfg.DatabaseURL, store.Options{MaxConns: rt.cfg.DBMaxConns, Confirmations: rt.cfg.Confirmations})
	var unreadable store.URLError
	switch {
	case errors.As(err, &unreadable):
		return nil, usage("%v", err)
	case err != nil && rt.cfg.SQLite():
		return nil, fmt.Errorf("%w: %s must be a file that can be written, in a folder that exists", err, rt.cfg.DatabaseURL)
	}
	return s, err
}

// openMigrated connects for a command by hand, which brings the tables along.
func (rt *runtime) openMigrated() (*store.Store, error) {
	s, err := rt.open()
	if err != nil {
		return nil, err
	}
	if err := s.Migrate(rt.ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}
