package store_test

import (
	"strings"
	"testing"

	"tidings/internal/store/storetest"
)

// The relay reads due messages in the order of an index: it neither sorts them
// nor looks at those that it has no room for.
func TestRelayDoesNotSort(t *testing.T) {
	t.Parallel()
	// PostgreSQL plans by statistics, which an empty table has not.
	s := storetest.SQLite(t)
	query := strings.NewReplacer("$1", "'bulk'", "$2", "1", "$3", "10").Replace(s.DueQuery())
	plan := strings.Join(table(t, s, "EXPLAIN QUERY PLAN "+query), "; ")
	if !strings.Contains(plan, "messages_pending") || strings.Contains(plan, "TEMP B-TREE") {
		t.Errorf("plan: %s", plan)
	}
}
