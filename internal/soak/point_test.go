package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"tidings/internal/fault"
	"tidings/internal/store/storetest"
)

func TestMain(m *testing.M) {
	beTidings()
	os.Exit(m.Run())
}

// engine is what a rig works on.
type engine struct{ name, database, redis string }

// engines runs f on SQLite with a queue in the process, and on PostgreSQL with
// Redis where there are both.
func engines(t *testing.T, f func(t *testing.T, e engine)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		f(t, engine{name: "sqlite"})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		f(t, engine{name: "postgres", database: storetest.PostgresURL(t), redis: redisURL(t)})
	})
}

// redisURL is the Redis of the test run; without one the test is skipped.
func redisURL(t *testing.T) string {
	t.Helper()
	url := os.Getenv("TEST_REDIS_URL")
	if url == "" {
		t.Skip("TEST_REDIS_URL is not set")
	}
	return url
}

// rigOn is a simulated rig that ends with the test.
func rigOn(t *testing.T, e engine) *rig {
	t.Helper()
	return startRig(t, e, false)
}

func startRig(t *testing.T, e engine, live bool) *rig {
	t.Helper()
	r, err := newRig(t.Context(), t.TempDir(), e.database, e.redis, live)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if e.redis != "" {
			if err := forget(context.WithoutCancel(t.Context()), e.redis, r.store.ID()); err != nil {
				t.Error(err)
			}
		}
		r.close()
	})
	return r
}

// must fails the test for any of the errors.
func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// atRest settles the rig and demands that nothing is wrong with it.
func (r *rig) atRest(t *testing.T) *verdict {
	t.Helper()
	must(t, r.settle(t.Context()))
	v, err := r.verify(t.Context())
	must(t, err)
	for _, p := range v.Problems {
		t.Error(p)
	}
	return v
}

// struck waits until the process has said that a fault has struck it.
func (p *process) struck(t *testing.T) {
	t.Helper()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	limit := time.After(patience)
	for !strings.Contains(p.words(), "fault: ") {
		select {
		case <-p.ended:
			if !strings.Contains(p.words(), "fault: ") {
				t.Fatalf("%s has ended, and nothing struck it: %s", p.name, p.words())
			}
		case <-look.C:
		case <-limit:
			t.Fatalf("%s was not struck in %s: %s", p.name, patience, p.words())
		}
	}
}

// passAt is the pass through a point that a fault strikes at: the first where
// there are few, one amid the others where there are many.
func passAt(point string) int {
	switch {
	case strings.HasPrefix(point, "store."), strings.HasPrefix(point, "redis."):
		return 12
	case point == "worker.after_claim", point == "worker.before_ack", point == "eval.before_commit", strings.HasPrefix(point, "relay."):
		return 2
	}
	return 7
}

// pointMails is how many customers come before each fault.
const pointMails = 12

// At every point of a mail's way the process is killed, asked to stop, frozen
// until others have taken its work for lost, and told that the database has
// failed: before what it did was stored, and after.
func TestPoints(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, e engine) {
		r := rigOn(t, e)
		for _, point := range fault.Points() {
			if strings.HasPrefix(point, "redis.") && e.redis == "" {
				continue // its queue is inside: the process has no Redis to lose
			}
			t.Run(point, func(t *testing.T) {
				for _, action := range []fault.Action{fault.Kill, fault.Term, fault.Stop, fault.Fail} {
					switch {
					case action == fault.Fail && !fault.Errs(point):
					case action == fault.Stop && e.redis == "":
						// Nobody else can write to the file of a frozen process.
					case action != fault.Kill && testing.Short():
					default:
						r.atPoint(t, point, action)
					}
				}
				r.atRest(t)
			})
		}
	})
}

// inDoubt counts what a graceful stop leaves nothing of.
const inDoubt = `SELECT count(*) FROM messages WHERE state IN ('claimed', 'handoff', 'uncertain')`

func (r *rig) atPoint(t *testing.T, point string, action fault.Action) {
	ctx := t.Context()
	r.at = r.at.Add(10 * time.Minute)
	must(t, r.newcomers(ctx, pointMails))
	doubt, err := r.count(ctx, inDoubt)
	must(t, err)
	p, err := r.drain(ctx, r.child(map[string]string{"TIDINGS_FAULT": fmt.Sprintf("%s:%d=%s", point, passAt(point), action)}))
	must(t, err)
	p.struck(t)
	switch action {
	case fault.Kill:
		r.kills++
		r.doubts += doubtful
	case fault.Stop:
		// Its work is taken for lost, and done by others; then it wakes.
		r.doubts += doubtful
		for range 3 {
			r.at = r.at.Add(20 * time.Minute)
			_, err := r.tick(ctx)
			must(t, err)
		}
		p.signal(syscall.SIGCONT)
	}
	must(t, p.wait())
	switch action {
	case fault.Kill:
		if !p.killed() {
			t.Errorf("%s=%s: not killed: exit code %d: %s", point, action, p.code(), p.words())
		}
	case fault.Term:
		open, err := r.count(ctx, inDoubt)
		must(t, err)
		if open > doubt {
			t.Errorf("%s=%s: asked to stop, it left %d messages in doubt or claimed: %s", point, action, open, p.words())
		}
	}
}
