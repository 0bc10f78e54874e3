package store_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"tidings/internal/audience"
	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
	"tidings/scheduler"
)

// Fifty claims at once of slices that share their customers: no cap is ever exceeded,
// nobody waits for ever, and each mail goes once.
func TestCapUnderParallelClaims(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const customers, claims = 24, 50
		caps := []campaign.Cap{{Max: 1, Per: campaign.Of(16 * time.Hour)}, {Max: 4, Per: campaign.Days(7)}}
		files := map[string]string{}
		for i := range 6 {
			files[fmt.Sprintf("c%d", i)] = onGo("expires: 60d", fmt.Sprintf("priority: %d", 10+10*(i%3)), sendOne)
		}
		d := newDesk(t, s, files, "cap: [ 1 per 16h, 4 per 7d ]")
		if s.Engine() == audience.Postgres {
			store.RawDB(s).SetMaxOpenConns(20)
		}
		d.sched.Relay.SliceSize = 4
		d.join(names(customers)...)
		for _, name := range names(customers) {
			d.track(name, "Go", "")
		}
		d.tick(0)
		sent := map[int64][]time.Time{}
		var mu sync.Mutex
		for round := 0; ; round++ {
			if round > 400 {
				t.Fatalf("not all were sent: %v", table(t, s, `SELECT state, gate, count(*) FROM messages GROUP BY state, gate`))
			}
			d.relay()
			work := make(chan scheduler.Slice, len(d.queue.slices))
			for _, slice := range d.queue.slices {
				work <- slice
			}
			close(work)
			d.queue.slices = nil
			var wg sync.WaitGroup
			for range claims {
				wg.Go(func() {
					for slice := range work {
						for {
							out, err := s.Claim(t.Context(), slice.ID, 3, d.now)
							if err != nil {
								t.Error(err)
								return
							}
							if len(out) == 0 {
								break
							}
							for _, o := range out {
								admitted, err := s.Commit(t.Context(), handoffOf(o), d.now)
								if err != nil || !admitted[claimOf(o)] {
									t.Errorf("hand-over of message %d: %v", o.ID, err)
									return
								}
								if _, err := s.Commit(t.Context(), acceptedOf(o), d.now); err != nil {
									t.Error(err)
									return
								}
								mu.Lock()
								sent[o.Customer.ID] = append(sent[o.Customer.ID], d.now)
								mu.Unlock()
							}
						}
					}
				})
			}
			wg.Wait()
			if t.Failed() {
				return
			}
			var next *int64
			if err := store.RawDB(s).QueryRow(`SELECT min(due_at) FROM messages WHERE state = 'pending'`).Scan(&next); err != nil {
				t.Fatal(err)
			}
			if next == nil {
				break
			}
			d.now = campaign.FromMicros(*next)
		}
		for customer, times := range sent {
			if len(times) != 6 {
				t.Errorf("customer %d got %d mails", customer, len(times))
			}
			for i := range times {
				for _, limit := range caps {
					n := 0
					for _, at := range times[:i+1] {
						if limit.Per.After(at).After(times[i]) {
							n++
						}
					}
					if n > limit.Max {
						t.Errorf("customer %d got %d mails within %s: %v", customer, n, limit.Per, times)
					}
				}
			}
		}
		if len(sent) != customers {
			t.Errorf("%d customers got mail", len(sent))
		}
		// Those of a higher priority went first, and all at the first moment.
		is(t, s, []string{"30 2", "20 2", "10 2"}, `SELECT k.priority, count(DISTINCT k.id) FROM messages m JOIN campaigns k ON k.id = m.campaign_id
			GROUP BY k.priority ORDER BY max(m.done_at)`)
		is(t, s, []string{"6 6"}, `SELECT count(DISTINCT done_at), count(*) / 24 FROM messages`)
	})
}

// A claim waits for whoever has its customer, and counts what they have done.
func TestCapCountsUnderTheLock(t *testing.T) {
	t.Parallel()
	s := storetest.Postgres(t)
	d := newDesk(t, s, map[string]string{"a": onGo("priority: 10", sendOne), "b": onGo("priority: 90", sendOne)}, "cap: 1 per 16h")
	d.join("ana")
	d.track("ana", "Go", "")
	d.tick(0)
	d.relay()
	ctx := t.Context()
	tx, err := store.RawDB(s).BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	var pid int
	var slice int64
	if err := tx.QueryRow(`SELECT pg_backend_pid(), m.slice_id FROM messages m JOIN campaigns k ON k.id = m.campaign_id WHERE k.name = 'b'`).Scan(&pid, &slice); err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{
		`SELECT id FROM customers FOR NO KEY UPDATE`,
		`UPDATE messages SET state = 'claimed' WHERE slice_id <> ` + fmt.Sprint(slice),
	} {
		if _, err := tx.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	claimed := make(chan error, 1)
	go func() {
		out, err := s.Claim(ctx, slice, 10, d.now)
		if err == nil && len(out) > 0 {
			err = fmt.Errorf("%d claimed over the cap", len(out))
		}
		claimed <- err
	}()
	waitBlocked(t, s, pid)
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-claimed; err != nil {
		t.Error(err)
	}
	is(t, s, []string{"b cap a"}, `SELECT k.name, m.gate, m.gate_by FROM messages m JOIN campaigns k ON k.id = m.campaign_id WHERE m.state = 'pending'`)
}
