package store_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
	"tidings/scheduler"
)

const knownNow = `{"userId":"ana","anonymousId":"device"}`

// aDevice is a desk with a pass of somebody who is nobody yet, and can be written to.
func aDevice(t *testing.T, s *store.Store, steps string) *desk {
	t.Helper()
	d := newDesk(t, s, map[string]string{"x": onGo(steps)})
	d.join("ana")
	call(t, s, d.now, "identify", `{"anonymousId":"device","traits":{"email":"ana@kape.example"}}`)
	call(t, s, d.now, "track", `{"anonymousId":"device","event":"Subscribed"}`)
	call(t, s, d.now, "track", `{"anonymousId":"device","event":"Go"}`)
	return d
}

// A tick has read a pass whose customer is merged into another before the tick has
// stored what it came to: the mail is the other one's, and goes.
func TestMergeMeetsTick(t *testing.T) {
	t.Parallel()
	s := storetest.Postgres(t)
	d := aDevice(t, s, "steps: [ { wait: 1h }, { send: one } ]")
	d.tick(0)
	c, _ := d.sched.Catalog.Campaign("x")
	now := d.now.Add(2 * time.Hour)
	if err := s.InCampaign(t.Context(), c, now, func(b scheduler.Books) error {
		due, err := b.Due(t.Context(), now)
		if err != nil || len(due) != 1 {
			t.Fatal(due, err)
		}
		call(t, s, d.now, "identify", knownNow)
		send := c.Program.Nodes[1]
		return b.Save(t.Context(), []scheduler.Move{{Pass: due[0].ID, State: campaign.PassRunning, Step: send.ID}},
			[]scheduler.Message{{Pass: due[0].ID, Customer: due[0].Customer, Step: send.ID, Topic: "offers", Reached: now, Due: now, Expires: now.Add(time.Hour)}}, now)
	}); err != nil {
		t.Fatal(err)
	}
	d.now = now
	d.relay()
	d.send(d.one(d.claim()))
	d.messages("ana one accepted")
	d.sound()
}

// The server takes a mail while its customer is merged into another: that it was sent
// stays on record, also where its pass has ended.
func TestMergeMeetsResult(t *testing.T) {
	t.Parallel()
	for i := range 4 {
		slow, ended := i%2 == 1, i > 1
		s := storetest.Postgres(t)
		d := aDevice(t, s, "steps: [ { send: one } ]")
		o := d.one(d.work(0))
		if !d.handoff(o) {
			t.Fatal("refused")
		}
		if ended {
			exec(t, s, `UPDATE enrollments SET state = 'exited', reason = 'exit_on', ended_at = $1`, campaign.Micros(d.now))
		}
		b := acceptedOf(o)
		if slow {
			b.Results = append(b.Results, campaign.Result{ID: 99, Verdict: campaign.WasRelease})
		}
		tx, pid := other(t, s, `SELECT id FROM messages FOR UPDATE`)
		done := make(chan error, 2)
		go func() { _, err := s.Commit(t.Context(), b, d.now); done <- err }()
		waitBlocked(t, s, pid)
		merged := make(chan struct{})
		go func() { call(t, s, d.now, "identify", knownNow); close(merged) }()
		waitQueue(t, s, pid, 2)
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		<-merged
		is(t, s, []string{"ana accepted 1"}, `SELECT c.external_id || ' ' || m.state || ' ' || (SELECT count(*) FROM events e WHERE e.name = 'Email Sent' AND e.customer_id = m.customer_id)
			FROM messages m JOIN customers c ON c.id = m.customer_id`)
		d.sound()
	}
}

// A customer enters while they are merged into another, or just before: the pass is
// the other one's, and is counted once.
func TestMergeMeetsEntry(t *testing.T) {
	t.Parallel()
	for _, first := range []string{"tick", "merge"} {
		s := storetest.Postgres(t)
		d := aDevice(t, s, "steps: [ { send: one } ]")
		merged := make(chan struct{})
		merge := func() { go func() { call(t, s, d.now, "identify", knownNow); close(merged) }() }
		if first == "merge" {
			// It stands before its end: it waits for the identity.
			tx, pid := other(t, s, `SELECT 1 FROM consents FOR UPDATE`)
			merge()
			waitQueue(t, s, pid, 1)
			done := make(chan error, 1)
			go func() { _, err := d.sched.Tick(t.Context(), d.now); done <- err }()
			waitQueue(t, s, pid, 2)
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
		} else {
			// What the tick does last waits: its watermark has been read by another.
			tx, pid := other(t, s, `LOCK TABLE ticks IN SHARE MODE`)
			done := make(chan error, 1)
			go func() { _, err := d.sched.Tick(t.Context(), d.now); done <- err }()
			waitQueue(t, s, pid, 1)
			var tick int
			if err := tx.QueryRow(`SELECT min(pid) FROM pg_stat_activity WHERE $1 = ANY(pg_blocking_pids(pid))`, pid).Scan(&tick); err != nil {
				t.Fatal(err)
			}
			merge()
			waitQueue(t, s, tick, 1)
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		<-merged
		d.tick(0)
		d.messages("ana one pending")
		d.sound()
	}
}

// An erasure meets a tick in which its customer enters: nothing of the pass is left, nor
// is it counted.
func TestEraseMeetsEntry(t *testing.T) {
	t.Parallel()
	s := storetest.Postgres(t)
	d := newDesk(t, s, map[string]string{"x": onGo("steps: [ { send: one } ]")})
	d.join("ana", "bela")
	d.track("ana", "Go", "")
	d.track("bela", "Go", "")
	tx, pid := other(t, s, `LOCK TABLE ticks IN SHARE MODE`)
	done := make(chan error, 2)
	go func() { _, err := d.sched.Tick(t.Context(), d.now); done <- err }()
	waitQueue(t, s, pid, 1)
	var tick int
	if err := tx.QueryRow(`SELECT min(pid) FROM pg_stat_activity WHERE $1 = ANY(pg_blocking_pids(pid))`, pid).Scan(&tick); err != nil {
		t.Fatal(err)
	}
	go func() { done <- s.EraseCustomer(t.Context(), d.customer("ana"), "olga", d.now) }()
	waitQueue(t, s, tick, 1)
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	d.messages("bela one pending")
	d.sound()
}

// The server takes a mail while its customer is erased: nothing of either is left.
func TestEraseMeetsResult(t *testing.T) {
	t.Parallel()
	for _, first := range []string{"result", "erasure"} {
		s := storetest.Postgres(t)
		d := newDesk(t, s, map[string]string{"x": onGo("steps: [ { send: one } ]")})
		d.join("ana")
		d.track("ana", "Go", "")
		o := d.one(d.work(0))
		if !d.handoff(o) {
			t.Fatal("refused")
		}
		tx, pid := other(t, s, `SELECT id FROM messages FOR UPDATE`)
		done := make(chan error, 2)
		store := func() { _, err := s.Commit(t.Context(), acceptedOf(o), d.now); done <- err }
		erase := func() { done <- s.EraseCustomer(t.Context(), o.Customer.ID, "olga", d.now) }
		both := []func(){store, erase}
		if first == "erasure" {
			both = []func(){erase, store}
		}
		for i, do := range both {
			go do()
			waitQueue(t, s, pid, i+1)
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		for range both {
			if err := <-done; err != nil {
				t.Errorf("%s first: %v", first, err)
			}
		}
		is(t, s, []string{"0 0 0"}, `SELECT (SELECT count(*) FROM messages), (SELECT count(*) FROM events), (SELECT count(*) FROM customers)`)
		d.sound()
	}
}

// waitQueue waits until so many sessions wait for one of the backend pid, or for each
// other behind it.
func waitQueue(t *testing.T, s *store.Store, pid, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for have := 0; have < n; runtime.Gosched() {
		if err := store.RawDB(s).QueryRowContext(ctx, `WITH RECURSIVE w (pid) AS (SELECT $1::int UNION
			SELECT a.pid FROM w JOIN pg_stat_activity a ON w.pid = ANY(pg_blocking_pids(a.pid)))
			SELECT count(*) - 1 FROM w`, pid).Scan(&have); err != nil {
			t.Fatal(err)
		}
	}
}
