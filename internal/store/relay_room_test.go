package store_test

import (
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
	"tidings/scheduler"
)

// Someone waits for each transactional mail: none lies behind another in a slice while
// there are slices enough.
func TestRelayTransactionalAlone(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := pending(t, s, map[string]string{"z": "status: active\ntransactional: true\ntrigger: { event: { name: Go } }\nsteps: [ { send: four } ]\n"}, 5)
		d.sched.Relay = scheduler.RelayOptions{MaxQueued: 3, SliceSize: 100, Workers: 1}
		if n := d.relay(); n != 3 {
			t.Errorf("%d slices for 3 mails", n)
		}
		d.sched.Relay.MaxQueued, d.sched.Relay.MaxSlices = 100, 4
		d.relay()
		is(t, s, []string{"1", "1", "1", "2"}, `SELECT count(*) FROM messages WHERE state = 'queued' GROUP BY slice_id ORDER BY 1`)
	})
}

// The relay tells when it has no room for what is due, and only then.
func TestRelayTellsFull(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := pending(t, s, map[string]string{"x": onGo("steps: [ { send: one } ]")}, 4)
		d.sched.Relay = scheduler.RelayOptions{MaxQueued: 3, SliceSize: 1, Workers: 1}
		for _, want := range []struct {
			slices, most int
			full         bool
		}{{3, 3, true}, {0, 3, true}, {1, 5, false}, {0, 4, false}} {
			d.sched.Relay.MaxQueued = want.most
			out, err := s.Relay(t.Context(), d.now, d.sched.Relay)
			if err != nil {
				t.Fatal(err)
			}
			if len(out.Slices) != want.slices || out.Full != want.full {
				t.Errorf("%d slices, full: %t; want %+v", len(out.Slices), out.Full, want)
			}
		}
	})
}

// What a dead worker has taken takes no place in the lane from what the others are to
// send, however little went out meanwhile.
func TestRelayDepthWithoutTheDead(t *testing.T) {
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
		d.makeDue(due{"letter", 100, now.Add(-time.Hour), time.Millisecond, []string{"gmail.com"}})
		d.exec(`UPDATE messages SET expires_at = $1`, campaign.Micros(now.Add(time.Hour)))
		d.relay()
		// Of what was taken some are claimed, and the others lie queued with the one who
		// took them.
		lease := campaign.Micros(now.Add(time.Minute))
		d.exec(`UPDATE slices SET lease_until = $1`, lease)
		d.exec(`UPDATE messages SET state = 'claimed', lease_until = $1 WHERE id IN (SELECT id FROM messages WHERE state = 'queued' ORDER BY id LIMIT 25)`, lease)
		const moving = `SELECT count(*) FROM messages WHERE stage = 'moving'`
		is(t, s, []string{"40"}, moving)
		d.exec(`UPDATE meta SET value = '{"last":{},"owed":0,"depth":{"bulk":{"most":4,"speed":0,"at":9000000000000000,"open":40,"full":false}}}' WHERE key = 'relay'`)
		d.relay()
		is(t, s, []string{"44"}, moving)
		is(t, s, []string{"2", "2"}, `SELECT count(*) FROM messages m JOIN slices l ON l.id = m.slice_id WHERE l.lease_until IS NULL GROUP BY l.id`)
		d.relay() // nobody has taken those
		is(t, s, []string{"44"}, moving)
		d.sched.Relay.MaxQueued = 44 // bounds what moves, with whomever it lies
		d.exec(`UPDATE slices SET lease_until = 1 WHERE lease_until IS NULL`)
		d.relay()
		is(t, s, []string{"44"}, moving)
	})
}
