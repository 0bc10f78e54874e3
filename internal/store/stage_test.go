package store_test

import (
	"testing"

	"tidings/internal/audience"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// No index knows a message's state, only its stage: PostgreSQL rewrites a row within
// its page, and leaves the indexes alone, only where nothing changes that any index is
// on or asks about.
func TestIndexesKnowStages(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		query := `SELECT sum(CASE WHEN sql GLOB '*[( ]state[,) ]*' THEN 1 ELSE 0 END), sum(CASE WHEN sql GLOB '*stage*' THEN 1 ELSE 0 END) FROM sqlite_master WHERE type = 'index' AND tbl_name = 'messages'`
		if s.Engine() == audience.Postgres {
			query = `SELECT sum(CASE WHEN indexdef ~ '\mstate\M' THEN 1 ELSE 0 END), sum(CASE WHEN indexdef ~ '\mstage\M' THEN 1 ELSE 0 END) FROM pg_indexes WHERE schemaname = current_schema() AND tablename = 'messages'`
		}
		is(t, s, []string{"0 6"}, query)
	})
}
