package cli

type migrateCmd struct{}

// Run creates or updates the tables. Two at once are as good as one.
func (c *migrateCmd) Run(rt *runtime) error {
	s, err := rt.open()
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Migrate(rt.ctx); err != nil {
		return err
	}
	if rt.json {
		return rt.printJSON(map[string]any{"ok": true, "engine": s.Engine().String()})
	}
	rt.printf("the tables are up to date (%s)\n", s.Engine())
	return nil
}
