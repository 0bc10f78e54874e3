package main

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/store/storetest"
)

// A deployment as it is: two schedulers and four workers on PostgreSQL and
// Redis, by the database's clock. Processes are killed, frozen and replaced while
// customers come and unsubscribe; then all are stopped, hours go by, and the
// next deployment finishes the work.
func TestLive(t *testing.T) {
	t.Parallel()
	r := startRig(t, engine{database: storetest.PostgresURL(t), redis: redisURL(t)}, true)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	h := &house{rig: r, t: t}
	h.deploy(ctx, 2, 4)
	h.eventually(ctx, "the campaigns are taken up", func() bool {
		return h.number(`SELECT count(*) FROM campaigns WHERE name <> 'tidings.service' AND activated_at IS NOT NULL`) == 3
	})

	must(t, r.newcomers(ctx, 60))
	must(t, r.peer.Wait(ctx, 30))
	h.kill(h.workers[0])
	h.start(ctx, "worker")
	must(t, r.newcomers(ctx, 60))
	must(t, r.unsubscribe(ctx, 100), r.unsubscribe(ctx, 110))
	must(t, r.peer.Wait(ctx, 100))
	h.kill(h.workers[1])
	h.workers[2].signal(syscall.SIGSTOP) // until all is over: beyond its leases
	r.doubts += doubtful
	h.start(ctx, "worker")
	must(t, cutDatabase(ctx, r, newDice(1), nil))
	must(t, r.newcomers(ctx, 20))
	must(t, r.peer.Wait(ctx, 150))

	// A deploy: the new ones start while the old ones stop.
	old := h.running()
	h.deploy(ctx, 2, 2)
	for _, p := range old {
		if p != h.workers[2] {
			p.signal(syscall.SIGTERM)
			p.signal(syscall.SIGTERM)
		}
	}
	for _, p := range old {
		if p == h.workers[2] {
			continue
		}
		must(t, p.wait())
		if p.code() != 0 {
			t.Errorf("%s, asked to stop: exit code %d: %s", p.name, p.code(), p.words())
		}
	}
	// Hours go by, several times: leases end, evidence has had its time.
	for range 8 {
		must(t, h.age(ctx, 2*time.Hour))
		h.eventually(ctx, "what is due is sent, and what is uncertain settled", func() bool {
			return h.number(`SELECT count(*) FROM messages, (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now) t
				WHERE state IN ('pending', 'queued', 'claimed', 'handoff') AND due_at <= t.now
				OR state = 'uncertain' AND uncertain < $1 AND uncertain_at < t.now - $2`,
				campaign.MaxUncertain, time.Hour.Microseconds()) == 0
		})
	}
	h.workers[2].signal(syscall.SIGCONT)
	for _, p := range h.running() {
		p.signal(syscall.SIGTERM)
	}
	for _, p := range h.all {
		must(t, p.wait())
	}
	v, err := r.verify(ctx)
	must(t, err)
	for _, p := range v.Problems {
		t.Error(p)
	}
	t.Logf("%d mails, %d twice of at most %d, %v", v.Messages, v.Twice, v.Bound, v.States)
}

// house is the processes of a live rig.
type house struct {
	*rig
	t       *testing.T
	all     []*process
	workers []*process
}

func (h *house) start(ctx context.Context, name string) {
	h.t.Helper()
	p, err := h.rig.start(ctx, h.child(map[string]string{"DB_MAX_CONNS": "4", "STOP_GRACE": "10s"}), name)
	must(h.t, err)
	h.all = append(h.all, p)
	if name == "worker" {
		h.workers = append(h.workers, p)
	}
	h.t.Cleanup(func() {
		p.kill()
		<-p.ended
		if h.t.Failed() {
			h.t.Logf("%s said: %s", p.name, p.words())
		}
	})
}

func (h *house) deploy(ctx context.Context, schedulers, workers int) {
	h.t.Helper()
	for range schedulers {
		h.start(ctx, "scheduler")
	}
	for range workers {
		h.start(ctx, "worker")
	}
}

func (h *house) kill(p *process) {
	h.t.Helper()
	p.kill()
	must(h.t, p.wait())
	h.kills++
	h.doubts += doubtful
}

// running are the processes that have not ended.
func (h *house) running() []*process {
	var out []*process
	for _, p := range h.all {
		if !p.gone() {
			out = append(out, p)
		}
	}
	return out
}

func (h *house) number(query string, args ...any) int {
	n, err := h.count(h.t.Context(), query, args...)
	must(h.t, err)
	return n
}

// eventually looks again and again until ok, or the time is over.
func (h *house) eventually(ctx context.Context, what string, ok func() bool) {
	h.t.Helper()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			h.t.Fatalf("in vain: %s", what)
		case <-look.C:
		}
	}
}

// age lets d go by for the store: all that is to come comes so much sooner, and
// what has been has been so much longer ago.
func (h *house) age(ctx context.Context, d time.Duration) error {
	us := d.Microseconds()
	for _, query := range []string{
		`UPDATE messages SET due_at = due_at - $1, lease_until = lease_until - $1, uncertain_at = uncertain_at - $1, done_at = done_at - $1`,
		`UPDATE slices SET queued_at = queued_at - $1, lease_until = lease_until - $1`,
		`UPDATE enrollments SET wake_at = wake_at - $1 WHERE wake_at IS NOT NULL`,
		`UPDATE leases SET until = until - $1`,
	} {
		if _, err := h.db.ExecContext(ctx, query, us); err != nil {
			return fmt.Errorf("let time go by: %w", err)
		}
	}
	return nil
}
