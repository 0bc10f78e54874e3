package store_test

import (
	"testing"

	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// A process that dies between storing a pause and taking back what moves leaves that to
// the sweep: nothing of it is handed over, and it counts for no try.
func TestSweepTakesBackWhatRests(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := pending(t, s, map[string]string{"x": onGo(sendOne)}, 2)
		for _, c := range []struct{ pause, resume string }{
			{`UPDATE campaigns SET status = 'paused'`, `UPDATE campaigns SET status = 'active'`},
			{`UPDATE campaigns SET paused_at = 1`, `UPDATE campaigns SET paused_at = NULL`},
		} {
			d.sched.Relay.MaxQueued = 1
			d.relay()
			o := d.one(d.claim())
			d.sched.Relay.MaxQueued = 2
			d.relay()
			is(t, s, []string{"claimed 1", "queued 0"}, `SELECT state, attempt FROM messages ORDER BY state`)
			if n := d.sweep(0); n != 0 {
				t.Errorf("%d taken back of a campaign that runs", n)
			}
			d.exec(c.pause)
			if n := d.sweep(0); n != 2 {
				t.Errorf("%d taken back, want 2", n)
			}
			if d.handoff(o) {
				t.Error("handed over by a campaign that rests")
			}
			is(t, s, []string{"pending 0", "pending 0"}, `SELECT state, attempt FROM messages`)
			d.queue.slices = nil
			d.exec(c.resume)
		}
	})
}
