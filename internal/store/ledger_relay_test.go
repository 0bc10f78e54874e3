package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
	"tidings/scheduler"
	"tidings/worker"
)

// names are customers c00, c01, …
func names(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("c%02d", i)
	}
	return out
}

// pending is a desk with a pending message of campaign x for each of n customers.
func pending(t *testing.T, s *store.Store, campaigns map[string]string, n int) *desk {
	t.Helper()
	d := newDesk(t, s, campaigns)
	d.join(names(n)...)
	for _, name := range names(n) {
		d.track(name, "Go", "")
	}
	d.tick(time.Minute)
	return d
}

func count(d *desk, where string) string {
	d.t.Helper()
	return table(d.t, d.Store, `SELECT count(*) FROM messages WHERE `+where)[0]
}

func TestRelayDepth(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := pending(t, s, map[string]string{"x": onGo(twoSteps)}, 9)
		d.sched.Relay = scheduler.RelayOptions{MaxQueued: 5, SliceSize: 2, Workers: 1}
		if n := d.relay(); n != 3 {
			t.Errorf("%d slices, want 3", n)
		}
		is(t, s, []string{"1", "2", "2"}, `SELECT count(*) FROM messages WHERE state = 'queued' GROUP BY slice_id ORDER BY 1`)
		if n := d.relay(); n != 0 {
			t.Errorf("%d slices above the depth", n)
		}
		out := d.claim()
		if n := d.relay(); n != 0 || len(out) != 5 {
			t.Errorf("%d slices while %d are claimed", n, len(out))
		}
		d.handoff(out[0])
		if n := d.relay(); n != 0 {
			t.Errorf("%d slices while one is handed over and four are claimed", n)
		}
		d.result(out[0], campaign.WasAccepted)
		d.handoff(out[1])
		d.result(out[1], campaign.WasUncertain)
		if n := d.relay(); n != 1 || count(d, "state = 'queued'") != "2" {
			t.Errorf("%d slices, %s queued, want the two places that are free", n, count(d, "state = 'queued'"))
		}
	})
}

// Few messages are spread over the workers; many fill the slices.
func TestSliceSizes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := pending(t, s, map[string]string{"x": onGo(twoSteps)}, 7)
		d.sched.Relay = scheduler.RelayOptions{MaxQueued: 100, SliceSize: 100, Workers: 3}
		d.relay()
		is(t, s, []string{"1", "3", "3"}, `SELECT count(*) FROM messages GROUP BY slice_id ORDER BY 1`)
	})
}

// A slice holds a customer once, messages of one campaign and of one lane.
func TestSlicesHoldACustomerOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{
			"x": onGo(twoSteps), "y": onGo("steps: [ { send: three } ]"),
			"z": "status: active\ntransactional: true\ntrigger: { event: { name: Go } }\nsteps: [ { send: four } ]\n",
		})
		d.join("ana", "ben")
		for range 3 {
			d.track("ana", "Go", "")
		}
		d.track("ben", "Go", "")
		d.tick(time.Minute)
		d.relay()
		is(t, s, nil, `SELECT slice_id FROM messages GROUP BY slice_id, customer_id HAVING count(*) > 1`)
		is(t, s, nil, `SELECT slice_id FROM messages GROUP BY slice_id HAVING count(DISTINCT campaign_id) > 1 OR count(DISTINCT lane) > 1`)
		is(t, s, []string{"12"}, `SELECT count(*) FROM messages WHERE state = 'queued'`)
		lanes := make([]campaign.Lane, len(d.queue.slices))
		for i, slice := range d.queue.slices {
			lanes[i] = slice.Lane
		}
		// Transactional mail goes first, each by itself.
		if first := slices.Index(lanes, campaign.LaneBulk); first != 4 || slices.Contains(lanes[first:], campaign.LaneTransactional) {
			t.Errorf("lanes %q", lanes)
		}
		if out := d.claim(); len(out) != 12 {
			t.Errorf("%d claimed", len(out))
		}
	})
}

// Bulk that has filled its lane leaves transactional mail all of its own.
func TestTransactionalGoesFirst(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := pending(t, s, map[string]string{
			"x": onGo("steps: [ { send: one } ]"),
			"z": "status: active\ntransactional: true\ntrigger: { event: { name: Pay } }\nsteps: [ { send: four } ]\n",
		}, 4)
		d.sched.Relay = scheduler.RelayOptions{MaxQueued: 2, SliceSize: 100, Workers: 1}
		d.relay()
		is(t, s, []string{"bulk", "bulk"}, `SELECT lane FROM messages WHERE state = 'queued'`)
		for _, name := range names(3) {
			d.track(name, "Pay", "") // due last of all
		}
		d.tick(time.Minute)
		if n := d.relay(); n != 2 {
			t.Errorf("%d slices", n)
		}
		is(t, s, []string{"bulk 2", "transactional 2"}, `SELECT lane, count(*) FROM messages WHERE state = 'queued' GROUP BY lane ORDER BY lane`)
	})
}

// Tasks are bounded too: a customer's many messages each need a slice.
func TestRelaySlices(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"x": onGo("steps: [ { send: one } ]")})
		d.join("ana")
		for range 5 {
			d.track("ana", "Go", "")
		}
		d.tick(time.Minute)
		d.sched.Relay = scheduler.RelayOptions{MaxQueued: 100, MaxSlices: 2, SliceSize: 100, Workers: 1}
		if n := d.relay(); n != 2 || count(d, "state = 'queued'") != "2" {
			t.Errorf("%d slices, %s queued", n, count(d, "state = 'queued'"))
		}
		if n := d.relay(); n != 0 {
			t.Errorf("%d slices above the bound", n)
		}
		d.send(d.claim()...)
		if n := d.relay(); n != 2 {
			t.Errorf("%d slices when those before are done", n)
		}
	})
}

// Slices go a week after they were queued, but not while a message is in them.
func TestOldSlicesGo(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := pending(t, s, map[string]string{"x": onGo("steps: [ { send: one } ]")}, 2)
		d.sched.Relay.SliceSize = 1
		d.relay()
		out := d.claim()
		d.send(out[0])
		if !d.handoff(out[1]) {
			t.Fatal("hand-over refused")
		}
		d.now = d.now.Add(7 * 24 * time.Hour)
		d.sweep(0)
		is(t, s, []string{"2"}, `SELECT count(*) FROM slices`)
		d.sweep(time.Second) // the hand-over has become uncertain with the first sweep
		is(t, s, nil, `SELECT id FROM slices`)
		is(t, s, []string{"accepted", "uncertain"}, `SELECT state FROM messages ORDER BY state`)
	})
}

func TestClaimInParts(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := pending(t, s, map[string]string{"x": onGo("audience: { not: { attribute: gone, exists: true } }", twoSteps)}, 7)
		d.relay()
		// All of the first part are turned away: the claim goes on to the next.
		for _, name := range names(3) {
			d.identify(name, `{"gone":1}`)
		}
		for _, want := range []int{3, 1, 0} {
			out, err := s.Claim(t.Context(), d.queue.slices[0].ID, 3, d.now)
			if err != nil || len(out) != want {
				t.Errorf("%d claimed, want %d; %v", len(out), want, err)
			}
		}
		if out, err := s.Claim(t.Context(), 987, 3, d.now); err != nil || len(out) != 0 {
			t.Errorf("%d claimed of no slice, %v", len(out), err)
		}
	})
}

// Slices that the queue refuses or loses are relayed again.
func TestQueueRefuses(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := pending(t, s, map[string]string{"x": onGo(twoSteps)}, 6)
		d.sched.Relay.SliceSize = 2
		d.queue.most = 1
		if n, err := d.sched.RelayDue(t.Context(), d.now); err == nil || n != 1 {
			t.Errorf("%d slices, %v", n, err)
		}
		if got := count(d, "state = 'pending' AND slice_id IS NULL"); got != "4" {
			t.Errorf("%s messages are pending, want those of the two slices refused", got)
		}
		d.queue.most = 0
		if n := d.relay(); n != 2 {
			t.Errorf("%d slices", n)
		}
		is(t, s, []string{"5"}, `SELECT count(*) FROM slices`)
	})
}

func TestQueueLost(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := pending(t, s, map[string]string{"x": onGo(twoSteps)}, 4)
		d.sched.Relay.SliceSize = 2
		d.relay()
		lost := d.queue.slices
		d.queue.slices = lost[:1]
		held := d.claim() // a worker holds the first slice
		d.handoff(held[0])
		if n, err := s.Requeue(t.Context(), "first"); n != 0 || err != nil {
			t.Errorf("%d put back of a queue that is there, %v", n, err)
		}
		d.queue.epoch, d.queue.slices = "second", nil
		if n := d.relay(); n != 1 {
			t.Errorf("%d slices, want that of the two lost messages", n)
		}
		if count(d, "state = 'handoff'")+count(d, "state = 'claimed'")+count(d, "state = 'queued'") != "112" {
			t.Errorf("ledger %q", d.ledger())
		}
		// The task was not lost after all: it finds nothing to do.
		if out, err := s.Claim(t.Context(), lost[1].ID, 10, d.now); err != nil || len(out) != 0 {
			t.Errorf("%d claimed of the lost slice, %v", len(out), err)
		}
		if out := d.claim(); len(out) != 2 {
			t.Errorf("%d claimed", len(out))
		}
	})
}

// Slices that nobody takes up, or that are dropped half way, come back.
func TestSlicesLeftLying(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := pending(t, s, map[string]string{"x": onGo(twoSteps)}, 4)
		d.sched.Relay.SliceSize = 2
		d.relay()
		queued := d.now
		untaken := func(want ...int64) {
			t.Helper()
			if got, err := s.Untaken(t.Context(), queued); !slices.Equal(got, want) || err != nil {
				t.Errorf("untaken %v, %v; want %v", got, err, want)
			}
		}
		untaken(d.queue.slices[0].ID, d.queue.slices[1].ID)
		if n := d.sweep(5 * time.Minute); n != 0 {
			t.Errorf("%d moved within the grace", n)
		}
		// The second slice is taken up, one message of it.
		out, err := s.Claim(t.Context(), d.queue.slices[1].ID, 1, d.now)
		if err != nil || len(out) != 1 {
			t.Fatal(out, err)
		}
		untaken(d.queue.slices[0].ID, d.queue.slices[1].ID)
		if n := d.sweep(time.Microsecond); n != 2 {
			t.Errorf("%d moved, want the first slice's", n)
		}
		d.send(out[0])
		untaken(d.queue.slices[1].ID)
		if n := d.sweep(worker.Lease); n != 1 {
			t.Errorf("%d moved, want what was left of the second slice", n)
		}
		if got := count(d, "state = 'pending' AND slice_id IS NULL"); got != "3" {
			t.Errorf("%s pending", got)
		}
	})
}

// A paused campaign's mails wait, whether pending or queued, and expire.
func TestPaused(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		paused := map[string]string{"x": "status: paused\n" + onGo(twoSteps)[len("status: active\n"):]}
		d := pending(t, s, map[string]string{"x": onGo(twoSteps)}, 2)
		d.load(paused)
		d.tick(time.Minute)
		if n := d.relay(); n != 0 || count(d, "state = 'pending'") != "2" {
			t.Errorf("%d slices, ledger %q", n, d.ledger())
		}
		d.track("c00", "Go", "") // nobody enters meanwhile
		if got := d.tick(time.Minute)["x"]; got.Entered != 0 {
			t.Errorf("%+v", got)
		}
		d.load(map[string]string{"x": onGo(twoSteps)})
		if got := d.tick(time.Minute)["x"]; got.Entered != 1 {
			t.Errorf("resumed: %+v", got)
		}
		d.load(paused)
		d.tick(73 * time.Hour)
		d.relay()
		if got := count(d, "state = 'cancelled' AND reason = 'expired'"); got != "3" {
			t.Errorf("%s expired, ledger %q", got, d.ledger())
		}
	})
}

func TestLead(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for _, c := range []struct {
			owner string
			after time.Duration
			want  bool
		}{{"a", 0, true}, {"b", time.Second, false}, {"a", 20 * time.Second, true}, {"b", 50 * time.Second, false}, {"b", 51 * time.Second, true}, {"a", 52 * time.Second, false}} {
			got, err := s.Lead(t.Context(), "tick", c.owner, t0.Add(c.after), 30*time.Second)
			if err != nil || got != c.want {
				t.Errorf("%s after %s: %t, %v", c.owner, c.after, got, err)
			}
		}
		if got, err := s.Lead(t.Context(), "other", "b", t0, time.Second); !got || err != nil {
			t.Error(got, err)
		}
	})
}
