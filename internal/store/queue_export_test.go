package store

// HandoffGrace is how long after its lease a hand-over is given up.
const HandoffGrace = handoffGrace

// ChooseQuery chooses a campaign's messages, for tests of its plan.
func (s *Store) ChooseQuery(act Act) string { return s.chooseQuery(actStates[act]) }

// OnPostgres tells the engine, for the words in which it tells a plan.
func (s *Store) OnPostgres() bool { return s.writer == nil }
