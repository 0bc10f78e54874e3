package store

// SetConfirmHourly sets how many questions one write key may have mailed within an hour.
func SetConfirmHourly(s *Store, n int) { s.confirmHourly = n }
