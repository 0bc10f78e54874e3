package store

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/intake"
)

// Facts of before make ranks of later days wrong: they go with the transaction
// that brings them. What is of now leaves them be.
func TestFactsOfBeforeForgetRanks(t *testing.T) {
	ctx := context.Background()
	s, err := Open(ctx, "sqlite:"+filepath.Join(t.TempDir(), "test.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC)
	days := []time.Time{now.AddDate(0, 0, -3), now.AddDate(0, 0, -1)}
	event := func(at, known time.Time) *campaign.Event {
		return &campaign.Event{UID: at.String() + known.String(), Customer: campaign.Ref{ID: "ann"}, Name: "Order Completed", OccurredAt: at, KnownAt: known}
	}
	traits := func(at time.Time) *campaign.Traits {
		return &campaign.Traits{Customer: campaign.Ref{ID: "ann"}, At: at, KnownAt: now, Attributes: map[string]any{"tier": at.String()}}
	}
	for _, tt := range []struct {
		what string
		do   func() error
		left int
	}{
		{"an event of before, received now", func() error { return s.Accept(ctx, []intake.Item{{Event: event(now.AddDate(0, 0, -9), now)}}) }, 2},
		{"attributes from now on", func() error { return s.Accept(ctx, []intake.Item{{Traits: traits(now)}}) }, 2},
		{"attributes from two days ago on", func() error { return s.Accept(ctx, []intake.Item{{Traits: traits(now.AddDate(0, 0, -2))}}) }, 1},
		{"an event from a file", func() error {
			at := now.AddDate(0, 0, -9)
			_, err := s.ImportEvents(ctx, func(yield func(intake.EventRow, error) bool) { yield(intake.EventRow{Event: *event(at, at)}, nil) }, ImportOptions{Now: now})
			return err
		}, 0},
	} {
		if err := s.write(ctx, func(tx *sql.Tx) error {
			for _, day := range days {
				if _, err := tx.ExecContext(ctx, `INSERT INTO ranked (kind, day) VALUES ('rfm', $1) ON CONFLICT DO NOTHING`, campaign.Micros(day)); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if err := tt.do(); err != nil {
			t.Fatalf("%s: %v", tt.what, err)
		}
		var left int
		if err := s.db.QueryRowContext(ctx, `SELECT count(*) FROM ranked`).Scan(&left); err != nil || left != tt.left {
			t.Errorf("%s: %d days are ranked still, %v; want %d", tt.what, left, err, tt.left)
		}
	}
}
