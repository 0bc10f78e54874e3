package store

// SetConfirmHourly sets how many questions one write key may have mailed within an hour.
func SetConfirmHourly(s *Store, n int) { s.confirmHourly = n }

// Another is the store as another process has it, which remembers nothing of this one.
func Another(s *Store) *Store {
	return &Store{db: s.db, engine: s.engine, writer: s.writer, confirmHourly: s.confirmHourly}
}
