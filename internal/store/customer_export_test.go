package store

import "database/sql"

// RawDB lets conformance tests look into the tables and prepare rows that
// another part of the program writes.
func RawDB(s *Store) *sql.DB { return s.db }
