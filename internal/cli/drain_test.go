package cli

import (
	"context"
	"database/sql"
	"io"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/queue"
	"tidings/internal/store"
)

// Slices whose task is lost are waited for once by a drain, not in each of its
// rounds.
func TestDrainWaitsOnceForLostSlices(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	path := filepath.Join(t.TempDir(), "shop.db")
	s, err := store.Open(ctx, "sqlite:"+path, store.Options{Throwaway: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(15000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	queued := func(slice int64) {
		t.Helper()
		for _, q := range []string{
			`INSERT INTO customers (id) VALUES ($1)`,
			`INSERT INTO campaigns (id, name, seed, status, loaded_at) VALUES ($1, 'c' || $1, 'c', 'active', 0)`,
			`INSERT INTO enrollments (id, campaign_id, customer_id, key, anchor_at, entered_at, decided_at, anchor, state) VALUES ($1, $1, $1, 'k', 0, 0, 0, '{}', 'running')`,
			`INSERT INTO slices (id, campaign_id, lane, queued_at) VALUES ($1, $1, 'bulk', $2)`,
			`INSERT INTO messages (enrollment_id, campaign_id, customer_id, step, topic, lane, state, created_at, reached_at, due_at, expires_at, slice_id)
				VALUES ($1, $1, $1, 'one', 'offers', 'bulk', 'queued', 0, 0, 0, $2, $1)`,
		} {
			if _, err := db.ExecContext(ctx, q, slice, campaign.Micros(now)); err != nil {
				t.Fatalf("%s: %v", q, err)
			}
		}
	}
	q, err := queue.Open(ctx, "", s.ID(), slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	d := &sender{machine: &machine{store: s, queue: q}, idle: make(chan struct{}, 1), lost: lost{}, looks: 1}
	settle := func(what string, looks int, want bool) {
		t.Helper()
		d.looks = looks
		if quiet, err := d.settle(ctx, now); err != nil || quiet != want {
			t.Fatalf("%s: quiet %t, %v", what, quiet, err)
		}
	}
	const never = 1 << 30
	settle("nothing is queued", never, true)
	queued(1)
	settle("nobody takes it up", 1, true)
	settle("the same again", never, true)
	// One that is queued later is not lost for that.
	queued(2)
	if left, err := s.Untaken(ctx, now); err != nil || len(left) != 2 || len(d.lost.without(left)) != 1 {
		t.Errorf("%v of which %v are lost, %v", left, d.lost, err)
	}
	settle("nobody takes that up either", 1, true)
	settle("all are lost", never, true)
}
