package main

import (
	"context"
	"testing"

	"tidings/internal/fault"
	"tidings/internal/store/storetest"
)

// The same faults with a mail server that others have written: PostgreSQL, Redis and
// Postfix, which delivers into files. What is in these is compared with the ledger:
// nothing is lost, nothing cut short, and nothing there twice without its mark.
func TestPostfix(t *testing.T) {
	t.Parallel()
	postfix(t) // or skip, before there is a rig
	e := engine{database: storetest.PostgresURL(t), redis: redisURL(t)}
	r, d := rigOn(t, e), newDice(17)
	m := newMaildir(t, r)
	r.use(m)
	r.domain = "example.com" // for which it takes mail
	flush := func(ctx context.Context, r *rig, d *dice, _ []*process) error {
		r.amid(ctx, d)
		return forget(ctx, e.redis, r.store.ID()) // all that the store has there
	}
	at := func(point string, action fault.Action) func(*dice) map[string]string {
		return func(*dice) map[string]string {
			return map[string]string{"TIDINGS_FAULT": point + ":5=" + string(action)}
		}
	}
	for _, c := range []struct {
		trouble
		drains int
		kills  int // at least
	}{
		{trouble{name: "kill -9 behind the dot", env: at("worker.after_dot", fault.Kill)}, 1, 1},
		{trouble{name: "kill -9 in the body", env: at("worker.mid_body", fault.Kill)}, 1, 1},
		{trouble{name: "kill -9 with the reply not stored", env: at("worker.after_reply", fault.Kill)}, 1, 1},
		{trouble{name: "SIGTERM behind the dot", env: at("worker.after_dot", fault.Term)}, 1, 0},
		{trouble{name: "kill -9", hit: killAll}, 2, 0},
		{trouble{name: "SIGTERM twice", hit: termAll}, 2, 0},
		{trouble{name: "database connections cut", hit: cutDatabase}, 1, 0},
		{trouble{name: "Redis emptied", hit: flush}, 1, 0},
	} {
		killed, err := r.round(t.Context(), d, c.trouble, 8, c.drains)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if killed < c.kills {
			t.Errorf("%s: nothing was killed", c.name)
		}
	}
	must(t, r.settle(t.Context()))
	m.delivered(t)
	v, err := r.verify(t.Context())
	must(t, err)
	for _, p := range v.Problems {
		t.Error(p)
	}
	// One mail each that nothing holds back, and the first of the series.
	if sent := v.States["accepted"]; sent < 2*r.made {
		t.Errorf("%d mails to %d customers: %v", sent, r.made, v.States)
	}
	t.Logf("%d kills, %d mails, %d in files, %d twice of at most %d, %v", r.kills, v.Messages, v.Taken, v.Twice, v.Bound, v.States)
}
