package store_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store"
	"tidings/internal/store/storetest"
	"tidings/worker"
)

// other is a transaction of another process, and the session that it has.
func other(t *testing.T, s *store.Store, statements ...string) (tx *sql.Tx, pid int) {
	t.Helper()
	tx, err := store.RawDB(s).BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tx.Rollback() })
	if err := tx.QueryRow(`SELECT pg_backend_pid()`).Scan(&pid); err != nil {
		t.Fatal(err)
	}
	for _, q := range statements {
		if _, err := tx.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	return tx, pid
}

// A throttle that is about to be forgotten is asked for anew in that moment: it
// stays, and holds the round that met it.
func TestForgetMeetsAsked(t *testing.T) {
	t.Parallel()
	s := storetest.Postgres(t)
	d := newRated(t, s, campaign.Provider{})
	d.makeDue(due{"letter", 3, d.now.Add(-time.Hour), time.Second, []string{"gmail.com"}})
	long := campaign.Micros(d.now.Add(-24 * time.Hour))
	d.exec(`INSERT INTO throttles (key, since, at, until, step, pace, half, taken, stopped, reason)
		VALUES ('domain:gmail.com', $1, $1, $1, 1, 1, 0, 0, FALSE, 'old'), ('domain:a.example', $1, $1, $1, 1, 1, 0, 0, FALSE, 'old')`, long)
	tx, pid := other(t, s)
	if _, err := tx.Exec(`UPDATE throttles SET at = $1, until = $2, reason = 'new' WHERE key = 'domain:gmail.com'`,
		campaign.Micros(d.now), campaign.Micros(d.now.Add(time.Minute))); err != nil {
		t.Fatal(err)
	}
	type answer struct {
		slices int
		next   time.Time
		err    error
	}
	relayed := make(chan answer, 1)
	go func() {
		out, err := s.Relay(t.Context(), d.now, d.sched.Relay)
		relayed <- answer{len(out.Slices), out.Next, err}
	}()
	waitBlocked(t, s, pid)
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if a := <-relayed; a.err != nil || a.slices != 0 || !a.next.Equal(d.now.Add(time.Minute)) {
		t.Errorf("%+v; want nothing before the minute is over", a)
	}
	is(t, s, []string{"domain:gmail.com new"}, `SELECT key, reason FROM throttles`)
}

// Whoever stores what the server has said waits for the throttles before it locks
// what was let out, as the relay does: else the two would wait for each other.
func TestThrottlesAreLockedBeforeSpent(t *testing.T) {
	t.Parallel()
	s := storetest.Postgres(t)
	d := newRated(t, s, campaign.Provider{Rate: campaign.Pace{Max: 100, Per: time.Hour}})
	d.makeDue(due{"letter", 2, d.now.Add(-time.Hour), time.Second, []string{"gmail.com"}})
	d.relay()
	fs := d.fly()
	tx, pid := other(t, s, `LOCK TABLE throttles IN SHARE ROW EXCLUSIVE MODE`)
	slow := tooMuch
	back := campaign.Result{Verdict: campaign.WasRelease, Reason: "connection", RetryIn: time.Minute}
	slow.ID, slow.Token, back.ID, back.Token = fs[0].id, 7, fs[1].id, 7
	done := make(chan error, 1)
	go func() {
		_, err := s.Commit(t.Context(), worker.Batch{Results: []campaign.Result{slow, back}}, d.now)
		done <- err
	}()
	waitBlocked(t, s, pid)
	if _, err := tx.Exec(`SELECT n FROM spent FOR UPDATE NOWAIT`); err != nil {
		t.Error("what was let out is locked already:", err)
		tx.Rollback()
	} else if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	is(t, s, []string{"1"}, `SELECT n FROM spent WHERE key = 'provider:default'`)
}

// The relay drops old counts, and waits for none that somebody is just changing.
func TestRelayWaitsForNoOldCount(t *testing.T) {
	t.Parallel()
	s := storetest.Postgres(t)
	d := newRated(t, s, campaign.Provider{Rate: campaign.Pace{Max: 100, Per: time.Minute}})
	d.makeDue(due{"letter", 2, d.now.Add(-time.Hour), time.Second, []string{"gmail.com"}})
	d.exec(`INSERT INTO spent (key, at, n) VALUES ('provider:default', $1, 1), ('provider:default', $2, 1)`,
		campaign.Micros(d.now.Add(-time.Hour)), campaign.Micros(d.now.Add(-2*time.Hour)))
	tx, _ := other(t, s, `SELECT n FROM spent WHERE at = (SELECT min(at) FROM spent) FOR UPDATE`)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := s.Relay(ctx, d.now, d.sched.Relay); err != nil {
		t.Fatal(err)
	}
	tx.Rollback()
	is(t, s, []string{"-7200 1", "0 2"}, `SELECT (at - $1) / 1000000, n FROM spent WHERE key = 'provider:default' ORDER BY at`, campaign.Micros(d.now))
}
