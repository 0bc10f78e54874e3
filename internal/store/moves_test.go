package store_test

import (
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// A fact that comes late ends a pass as of when it happened. What waits for that end
// hears of it though its tick of that time is over.
func TestEndOfBeforeIsHeardOf(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{
			"before": onGo("exit_on: { event: Stop, since: anchor }", "steps: [ { wait: 9d }, { send: two } ]"),
			"after":  onGo("exit_on: { not: { campaign: before, is: running } }", "steps: [ { wait: 9d }, { send: one } ]"),
		})
		d.join("ana")
		d.track("ana", "Go", "")
		d.tick(time.Minute)
		d.tick(time.Hour)
		d.passes("ana before running at wait-1", "ana after running at wait-1")
		d.now = d.now.Add(10 * time.Minute)
		d.exec(`INSERT INTO events (uid, customer_id, name, occurred_at, known_at, properties) SELECT 'late', id, 'Stop', $1, $2, '{}' FROM customers`,
			campaign.Micros(d.now.Add(-30*time.Minute)), campaign.Micros(d.now))
		// Whichever of the two is ticked first.
		d.tick(time.Minute)
		d.tick(time.Minute)
		d.passes("ana before exited exit_on", "ana after exited exit_on")
	})
}
