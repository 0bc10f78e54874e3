package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"tidings/internal/campaign"
	"tidings/worker"
)

const (
	// A slice that no worker has taken up for this long is lost with its task.
	queueGrace = 5 * time.Minute
	// A hand-over is given up this long after its lease: longer than any socket
	// deadline, so that a worker that was frozen cannot still be sending.
	handoffGrace = worker.ReplyLimit + 30*time.Second
	// Evidence (a bounce, an open, a click) gets this long to settle an uncertain
	// hand-over before the campaign's policy does.
	evidenceGrace = 15 * time.Minute
)

// Sweep takes up what was left lying and returns how many messages it moved.
// Any process may run it at any time; it touches only what nobody holds.
func (s *Store) Sweep(ctx context.Context, now time.Time) (int, error) {
	us := func(d time.Duration) int64 { return campaign.Micros(now.Add(-d)) }
	steps := []struct {
		what, query string
		args        []any
	}{
		{"slices that nobody took up", `UPDATE messages SET state = 'pending', slice_id = NULL WHERE state = 'queued' AND EXISTS
			(SELECT 1 FROM slices l WHERE l.id = messages.slice_id AND (l.lease_until IS NULL AND l.queued_at < $1 OR l.lease_until < $2))`,
			[]any{us(queueGrace), us(0)}},
		// The token is raised, so that the worker whose lease ran out is fenced off.
		{"claims whose lease ran out", `UPDATE messages SET state = 'pending', slice_id = NULL, lease_until = NULL, token = token + 1
			WHERE state = 'claimed' AND slice_id IS NOT NULL AND lease_until < $1`, []any{us(0)}},
		// The token stays: should the worker still learn the outcome, it may tell.
		{"hand-overs without an end", `UPDATE messages SET state = 'uncertain', uncertain = uncertain + 1, uncertain_at = $2, reason = 'no_reply', slice_id = NULL
			WHERE state = 'handoff' AND slice_id IS NOT NULL AND lease_until < $1`, []any{us(handoffGrace), campaign.Micros(now)}},
	}
	moved := 0
	for _, step := range steps {
		n, err := s.sweepStep(ctx, step.query, step.args)
		if err != nil {
			return moved, fmt.Errorf("%s: %w", step.what, err)
		}
		moved += n
	}
	for _, step := range []struct {
		what string
		do   func(context.Context, time.Time) (int, error)
	}{{"uncertain ones that came back", s.settleSeen}, {"uncertain ones to send again", s.sendAgain}, {"expired messages", s.expire}} {
		n, err := step.do(ctx, now)
		if err != nil {
			return moved, fmt.Errorf("%s: %w", step.what, err)
		}
		moved += n
	}
	if err := s.dropSlices(ctx, now); err != nil {
		return moved, fmt.Errorf("old slices: %w", err)
	}
	return moved, nil
}

const (
	// A slice whose messages are all done is kept for this long, for a person.
	sliceKept = 7 * 24 * time.Hour
	// One sweep deletes at most so many.
	dropBatch = 1000
)

// dropSlices deletes old slices of which nothing is open any more.
func (s *Store) dropSlices(ctx context.Context, now time.Time) error {
	_, err := s.sweepStep(ctx, `DELETE FROM slices WHERE id IN (SELECT l.id FROM slices l WHERE l.queued_at < $1 AND NOT EXISTS
		(SELECT 1 FROM messages m WHERE m.slice_id = l.id AND m.state IN ('queued', 'claimed', 'handoff')) ORDER BY l.queued_at LIMIT $2)`,
		[]any{campaign.Micros(now.Add(-sliceKept)), dropBatch})
	return err
}

// settleSeen settles uncertain messages that were opened or clicked before they
// became uncertain: while their worker was dying, or in the first of two tries.
func (s *Store) settleSeen(ctx context.Context, now time.Time) (n int, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT id FROM messages WHERE state = 'uncertain' AND (opened_at IS NOT NULL OR clicked_at IS NOT NULL)`)
		ids, err := collect(rows, err, scanID)
		if err != nil {
			return err
		}
		for _, id := range ids {
			m, ok, err := findMail(ctx, tx, id)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			if err := s.arrived(ctx, tx, m, now); err != nil {
				return err
			}
		}
		n = len(ids)
		return nil
	})
	return n, err
}

// sendAgain gives uncertain messages their second and last try, once evidence
// has had its time.
func (s *Store) sendAgain(ctx context.Context, now time.Time) (int, error) {
	return s.sweepStep(ctx, `UPDATE messages SET state = 'pending', slice_id = NULL, due_at = $2, duplicate = TRUE, token = token + 1
		WHERE state = 'uncertain' AND uncertain_at < $1 AND uncertain < $3
		AND campaign_id IN (SELECT id FROM campaigns WHERE NOT hold_uncertain)`,
		[]any{campaign.Micros(now.Add(-evidenceGrace)), campaign.Micros(now), campaign.MaxUncertain})
}

func (s *Store) sweepStep(ctx context.Context, query string, args []any) (n int, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, query, args...)
		if err != nil {
			return err
		}
		moved, err := res.RowsAffected()
		n = int(moved)
		return err
	})
	return n, err
}

// expire cancels pending messages that are too old to be sent; their passes go
// on.
func (s *Store) expire(ctx context.Context, now time.Time) (n int, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `UPDATE messages SET state = 'cancelled', reason = 'expired', done_at = $1, token = token + 1
			WHERE state = 'pending' AND expires_at < $1 RETURNING id`, campaign.Micros(now))
		ids, err := collect(rows, err, scanID)
		if err != nil || len(ids) == 0 {
			return err
		}
		n = len(ids)
		return s.wake(ctx, tx, ids, now)
	})
	return n, err
}

// wake lets the passes of finished messages go on from now.
func (s *Store) wake(ctx context.Context, tx *sql.Tx, messages []int64, now time.Time) error {
	_, err := tx.ExecContext(ctx, `UPDATE enrollments SET wake_at = $2
		FROM messages m WHERE m.id IN `+s.ids("$1")+` AND enrollments.id = m.enrollment_id
		AND enrollments.state = 'running' AND enrollments.step = m.step AND enrollments.wake_at IS NULL`, array(messages), campaign.Micros(now))
	if err != nil {
		return fmt.Errorf("wake passes: %w", err)
	}
	return nil
}
