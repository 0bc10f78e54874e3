package store_test

import (
	"strings"
	"testing"

	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// The relay finds what is due by one look at the index for each campaign and
// domain, and reads it in the index's order: it neither sorts it nor looks at what
// it has no room for.
func TestRelayDoesNotSort(t *testing.T) {
	t.Parallel()
	s := storetest.SQLite(t)
	for name, query := range map[string]string{
		"streams": strings.NewReplacer("$1", "'bulk'", "$2", "1").Replace(store.StreamsQuery()),
		"read":    strings.NewReplacer("$1", "'bulk'", "$2", "1", "$3", "1", "$4", "'gmail.com'", "$5", "0", "$6", "0", "$7", "10").Replace(store.OneQuery()),
	} {
		plan := strings.Join(table(t, s, "EXPLAIN QUERY PLAN "+query), "; ")
		if !strings.Contains(plan, "messages_pending") || strings.Contains(plan, "SCAN m") || name == "read" && strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s: %s", name, plan)
		}
	}
}
