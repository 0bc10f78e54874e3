package store_test

import (
	"context"
	"sync"
	"testing"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// A person cancels, and pauses, while workers claim and hand over: what was admitted
// to its last byte is sent, all else is not, and nothing is both.
func TestByHandMeetsWorkers(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const customers, workers = 60, 4
		d := pending(t, s, map[string]string{"x": onGo("steps: [ { send: one } ]")}, customers)
		d.sched.Relay.SliceSize = 5
		d.relay()
		slices := make(chan int64, len(d.queue.slices))
		for _, slice := range d.queue.slices {
			slices <- slice.ID
		}
		close(slices)
		ctx := context.WithoutCancel(t.Context())
		var mu sync.Mutex
		out := map[int64]bool{} // admitted
		var work sync.WaitGroup
		for range workers {
			work.Go(func() {
				for slice := range slices {
					claimed, err := s.Claim(ctx, slice, 5, d.now)
					if err != nil {
						t.Error(err)
						return
					}
					for _, o := range claimed {
						admitted, err := s.Commit(ctx, handoffOf(o), d.now)
						if err != nil {
							t.Error(err)
							return
						}
						if !admitted[claimOf(o)] {
							continue
						}
						mu.Lock()
						out[o.ID] = true
						mu.Unlock()
						if _, err := s.Commit(ctx, acceptedOf(o), d.now); err != nil {
							t.Error(err)
						}
					}
				}
			})
		}
		work.Go(func() {
			for id := int64(1); id <= customers; id += 3 {
				if _, err := s.Act(ctx, store.ActCancel, named(id), "ann", d.now); err != nil {
					t.Error(err)
				}
			}
			if _, err := s.Pause(ctx, "x", "", "ann", d.now); err != nil {
				t.Error(err)
			}
		})
		work.Wait()
		for id := int64(1); id <= customers; id++ {
			got := campaign.State(d.column(id, "state"))
			if (got == campaign.Accepted) != out[id] || got != campaign.Accepted && got != campaign.Cancelled && got != campaign.Pending {
				t.Errorf("message %d is %s, handed over: %v", id, got, out[id])
			}
			if id%3 == 1 && got == campaign.Pending {
				t.Errorf("message %d was not cancelled", id)
			}
		}
		d.sound()
	})
}
