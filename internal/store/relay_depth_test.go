package store_test

import (
	"fmt"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// In a live store the relay lets out what is sent in half a minute by the speed that
// the ledger shows; what only came back is not counted as sent.
func TestRelayDepthIsOfTheLedger(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newRated(t, s, campaign.Provider{})
		if err := s.Fix(t.Context(), store.Live); err != nil {
			t.Fatal(err)
		}
		now, err := s.Now(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		d.now = now
		d.sched.Relay.MaxQueued, d.sched.Relay.Workers = 1000, 2
		d.makeDue(due{"letter", 500, now.Add(-time.Hour), time.Millisecond, []string{"gmail.com"}})
		d.exec(`UPDATE messages SET expires_at = $1`, campaign.Micros(now.Add(time.Hour)))
		d.relay()
		is(t, s, []string{"40"}, `SELECT count(*) FROM messages WHERE state = 'queued'`)
		// In a hundred seconds twenty were sent, and of the others fifteen have come back.
		sent := campaign.Micros(now.Add(-time.Second))
		d.exec(`UPDATE messages SET state = 'accepted', done_at = $1 WHERE id IN (SELECT id FROM messages WHERE state = 'queued' ORDER BY id LIMIT 20)`, sent)
		d.exec(`UPDATE messages SET state = 'pending', slice_id = NULL WHERE id IN (SELECT id FROM messages WHERE state = 'queued' ORDER BY id LIMIT 15)`)
		was := table(t, s, `SELECT value FROM meta WHERE key = 'relay'`)
		if len(was) != 1 {
			t.Fatal(was)
		}
		d.exec(`UPDATE meta SET value = $1 WHERE key = 'relay'`, fmt.Sprintf(`{"last":{},"owed":0,"depth":{"bulk":{"most":40,"speed":0,"at":%d,"open":40,"full":true}}}`,
			campaign.Micros(now.Add(-100*time.Second))))
		d.relay()
		// A little less than 0.2 a second are five in half a minute, and five are still
		// there.
		is(t, s, []string{"5"}, `SELECT count(*) FROM messages WHERE state = 'queued'`)
		d.exec(`UPDATE messages SET state = 'accepted', done_at = $1 WHERE state = 'queued'`, sent)
		d.relay()
		// All were gone: it was not deep enough.
		is(t, s, []string{"10"}, `SELECT count(*) FROM messages WHERE state = 'queued'`)
	})
}
