package store

// DueQuery is the relay's search, for a test of its plan.
func (s *Store) DueQuery() string { return s.dueQuery() }
