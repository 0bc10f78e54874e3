package store_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
)

// A pass is ended, and its message cancelled, while a claim is on its way: the
// claim waits for the row, and leaves it alone.
func TestClaimMeetsCancel(t *testing.T) {
	t.Parallel()
	s := storetest.Postgres(t)
	d := pending(t, s, map[string]string{"x": onGo(twoSteps)}, 2)
	d.relay()
	ctx := t.Context()
	tx, err := store.RawDB(s).BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	var pid int
	if err := tx.QueryRow(`SELECT pg_backend_pid()`).Scan(&pid); err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{
		`UPDATE enrollments SET state = 'exited', reason = 'exit_on' WHERE id = (SELECT min(id) FROM enrollments)`,
		`UPDATE messages SET state = 'cancelled', reason = 'exit_on', token = token + 1 WHERE enrollment_id = (SELECT min(id) FROM enrollments)`,
	} {
		if _, err := tx.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	type answer struct {
		out []campaign.Outgoing
		err error
	}
	claimed := make(chan answer, 1)
	go func() {
		out, err := s.Claim(ctx, d.queue.slices[0].ID, 10, d.now)
		claimed <- answer{out, err}
	}()
	waitBlocked(t, s, pid)
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	a := <-claimed
	if a.err != nil || len(a.out) != 1 {
		t.Errorf("%d claimed, %v; want the other one", len(a.out), a.err)
	}
	is(t, s, []string{"cancelled exit_on", "claimed "}, `SELECT state, reason FROM messages ORDER BY state`)
}

// All that a claim has picked is cancelled before it has their rows: it goes on with
// what else there is in the slice, which is not empty for that.
func TestClaimGoesOnBehindCancelled(t *testing.T) {
	t.Parallel()
	s := storetest.Postgres(t)
	d := pending(t, s, map[string]string{"x": onGo(twoSteps)}, 4)
	d.relay()
	tx, pid := other(t, s, `UPDATE messages SET state = 'cancelled', reason = 'exit_on', token = token + 1
		WHERE customer_id IN (SELECT customer_id FROM messages ORDER BY customer_id LIMIT 2)`)
	claimed := make(chan int, 1)
	go func() {
		out, err := s.Claim(t.Context(), d.queue.slices[0].ID, 2, d.now)
		if err != nil {
			t.Error(err)
		}
		claimed <- len(out)
	}()
	waitBlocked(t, s, pid)
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if n := <-claimed; n != 2 {
		t.Errorf("%d claimed, want the two that are left", n)
	}
	is(t, s, []string{"cancelled 2", "claimed 2"}, `SELECT state, count(*) FROM messages GROUP BY state ORDER BY state`)
}

// waitBlocked waits until a session waits for one of the backend pid.
func waitBlocked(t *testing.T, s *store.Store, pid int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for n := 0; n == 0; runtime.Gosched() {
		if err := store.RawDB(s).QueryRowContext(ctx, `SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY(pg_blocking_pids(pid))`, pid).Scan(&n); err != nil {
			t.Fatal(err)
		}
	}
}

// Relays, claims, sweeps and commits of several processes at once: each message
// is claimed by one, and accepted once.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const customers, workers = 40, 4
		d := pending(t, s, map[string]string{"x": onGo("steps: [ { send: one } ]")}, customers)
		d.sched.Relay.SliceSize = 7
		ctx := t.Context()
		var mu sync.Mutex
		claims := map[int64]int{}
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for round := 0; round < 20; round++ {
					relayed, err := s.Relay(ctx, d.now, d.sched.Relay)
					if err != nil {
						t.Error(err)
						return
					}
					if _, err := s.Sweep(ctx, d.now); err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					for _, slice := range relayed.Slices {
						d.queue.slices = append(d.queue.slices, slice, slice) // the queue may deliver twice
					}
					taken := d.queue.slices
					d.queue.slices = nil
					mu.Unlock()
					if len(taken) == 0 && round > 2 {
						return
					}
					for _, slice := range taken {
						if err := sendSlice(ctx, s, d, slice.ID, func(id int64) {
							mu.Lock()
							claims[id]++
							mu.Unlock()
						}); err != nil {
							t.Error(err)
							return
						}
					}
				}
			})
		}
		wg.Wait()
		if len(claims) != customers {
			t.Errorf("%d messages claimed, want %d", len(claims), customers)
		}
		for id, n := range claims {
			if n != 1 {
				t.Errorf("message %d claimed %d times", id, n)
			}
		}
		is(t, s, []string{fmt.Sprintf("accepted %d 1 1", customers)}, `SELECT state, count(*), min(attempt), max(token) FROM messages GROUP BY state`)
		is(t, s, []string{fmt.Sprint(customers)}, `SELECT count(*) FROM events WHERE name = 'Email Sent'`)
	})
}

func sendSlice(ctx context.Context, s *store.Store, d *desk, slice int64, claimed func(int64)) error {
	for {
		out, err := s.Claim(ctx, slice, 3, d.now)
		if err != nil || len(out) == 0 {
			return err
		}
		for _, o := range out {
			claimed(o.ID)
			admitted, err := s.Commit(ctx, handoffOf(o), d.now)
			if err != nil {
				return err
			}
			if !admitted[claimOf(o)] {
				return fmt.Errorf("hand-over of message %d refused", o.ID)
			}
			if _, err := s.Commit(ctx, acceptedOf(o), d.now); err != nil {
				return err
			}
		}
	}
}
