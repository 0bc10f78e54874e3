package cli

import (
	"tidings/internal/store"
)

// open connects to the database without touching its tables.
func (rt *runtime) open() (*store.Store, error) {
	if err := rt.cfg.Durable(); err != nil {
		return nil, usage("%v", err)
	}
	return store.Open(rt.ctx, rt.cfg.DatabaseURL, store.Options{MaxConns: rt.cfg.DBMaxConns})
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
