package store_test

import (
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// A mail that was let out for one domain, and goes to another since its customer has
// another address, counts for that one alone, claimed or not.
func TestRateOfAnotherAddress(t *testing.T) {
	t.Parallel()
	for _, claimed := range []bool{false, true} {
		storetest.Each(t, func(t *testing.T, s *store.Store) {
			d := newDesk(t, s, map[string]string{"x": onGo("steps: [ { send: one } ]")})
			hourly := campaign.Pace{Max: 1, Per: time.Hour}
			d.limit(campaign.Provider{Domains: map[string]campaign.Pace{"slow.example": hourly, "kape.example": hourly}})
			d.join("ana", "bela")
			d.identify("ana", `{"email":"ana@slow.example"}`)
			d.track("ana", "Go", "")
			d.track("bela", "Go", "")
			d.tick(time.Minute)
			d.relay()
			if claimed {
				if out := d.claim(); len(out) != 2 {
					t.Fatal(out)
				}
			}
			d.identify("bela", `{"email":"bela@slow.example"}`)
			d.relay()
			is(t, s, []string{"domain:kape.example 0", "domain:slow.example 1"}, `SELECT key, sum(n) FROM spent WHERE key LIKE 'domain:%' GROUP BY key ORDER BY key`)
			is(t, s, []string{"bela pending"}, `SELECT c.external_id || ' ' || m.state FROM messages m JOIN customers c ON c.id = m.customer_id WHERE c.external_id = 'bela'`)
		})
	}
}
