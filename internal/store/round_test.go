package store_test

import (
	"context"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
	"tidings/scheduler"
)

// Sync writes when a file has changed, and not otherwise.
func TestSyncWritesOnlyChanges(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		first := map[string]string{"x": onGo(twoSteps)}
		d := newDesk(t, s, first)
		same := func(want bool, what string) {
			t.Helper()
			if got, err := s.InSync(t.Context(), d.sched.Catalog, d.now); got != want || err != nil {
				t.Errorf("%s: in sync %t, %v", what, got, err)
			}
		}
		same(true, "nothing changed")
		later := map[string]string{"x": onGo("active_from: 2026-12-01T09:00:00Z", twoSteps)}
		for what, files := range map[string]map[string]string{
			"one more": {"x": first["x"], "y": first["x"]}, "none": {}, "another name": {"y": first["x"]},
			"another step": {"x": onGo("steps: [ { send: three } ]")},
			"paused":       {"x": "status: paused\n" + onGo(twoSteps)[len("status: active\n"):]},
			"begins later": later,
		} {
			d.load(files)
			same(false, what)
		}
		d.load(later)
		d.tick(time.Minute)
		same(true, "what begins later is loaded")
		d.load(map[string]string{})
		d.tick(time.Minute)
		same(true, "all are removed")
	})
}

// A lease that its owner gives up is free at once; nobody else can give it up.
func TestResign(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		lead := func(owner string) bool {
			t.Helper()
			leads, err := s.Lead(t.Context(), "tick", owner, t0, time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			return leads
		}
		for _, c := range []struct {
			lead, resign string
			want         bool
		}{{"a", "b", true}, {"b", "a", false}, {"b", "b", true}, {"a", "a", true}} {
			if got := lead(c.lead); got != c.want {
				t.Errorf("%s leads: %t", c.lead, got)
			}
			if err := s.Resign(t.Context(), "tick", c.resign); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// A candidate whose customer is not there any more is gone, beside one who is;
// more candidates than one statement carries are answered all the same.
func TestStandings(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := newDesk(t, s, map[string]string{"x": onGo(twoSteps)})
		d.join("ana")
		c, _ := d.sched.Catalog.Campaign("x")
		cs := make([]campaign.Candidate, 5_003)
		for i := range cs {
			cs[i] = campaign.Candidate{Customer: 1, Key: "k", AsOf: d.now}
		}
		cs[1].Customer, cs[5_001].Customer = 987, 988
		err := s.InCampaign(t.Context(), c, d.now, func(b scheduler.Books) error {
			standings, err := b.Standings(context.Background(), cs)
			if len(standings) != len(cs) {
				t.Errorf("%d standings", len(standings))
			}
			for i, st := range standings {
				if gone := i == 1 || i == 5_001; st.Gone != gone || !gone && (st.External != "ana" || !st.Reachable) {
					t.Fatalf("%d: %+v", i, st)
				}
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// A message given back with a wait costs no attempt, and comes when it is over.
func TestReleaseUntilLater(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := pending(t, s, map[string]string{"x": onGo(twoSteps)}, 1)
		d.relay()
		o := d.one(d.claim())
		d.result(o, campaign.WasRelease, func(r *campaign.Result) { r.RetryIn = time.Minute })
		if n := len(d.work(time.Minute - time.Microsecond)); n != 0 {
			t.Errorf("%d claimed too early", n)
		}
		if o = d.one(d.work(time.Microsecond)); o.Attempt != 1 {
			t.Errorf("attempt %d", o.Attempt)
		}
		d.result(o, campaign.WasRelease)
		d.one(d.work(0))
	})
}
