package store

import (
	"context"
	"database/sql"
	"fmt"

	"tidings/scheduler"
)

// Return puts back the messages of slices that the queue did not take.
func (s *Store) Return(ctx context.Context, slices []scheduler.Slice) error {
	ids := make([]int64, len(slices))
	for i, slice := range slices {
		ids[i] = slice.ID
	}
	return s.write(ctx, func(tx *sql.Tx) error {
		_, err := s.putBack(ctx, tx, "", `m.stage = 'moving' AND m.state = 'queued' AND m.slice_id IN `+s.ids("$1"), array(ids))
		return err
	})
}

// GiveUp puts back what a worker has not come to within its time: see
// worker.Ledger.
func (s *Store) GiveUp(ctx context.Context, slice int64) error {
	return s.Return(ctx, []scheduler.Slice{{ID: slice}})
}

// Requeue puts back everything queued when epoch is not the queue's epoch of
// last time: that queue, and the tasks in it, are gone. It returns how many
// messages it put back.
func (s *Store) Requeue(ctx context.Context, epoch string) (int, error) {
	known, err := s.meta(ctx, s.db, "queue_epoch")
	if err != nil || known == epoch {
		return 0, err
	}
	var n int64
	err = s.write(ctx, func(tx *sql.Tx) error {
		if n, err = s.putBack(ctx, tx, "", `m.stage = 'moving' AND m.state = 'queued' AND m.slice_id IS NOT NULL`); err != nil {
			return err
		}
		return s.setMeta(ctx, tx, "queue_epoch", epoch)
	})
	return int(n), err
}

// putBack makes messages pending again that were let out and not handed over: they
// count as not let out. where is of a message m; set, which may be empty, is what
// changes beside its state.
func (s *Store) putBack(ctx context.Context, tx *sql.Tx, set, where string, args ...any) (n int64, err error) {
	if s.counts() {
		back, err := s.tripsWhere(ctx, tx, where, args...)
		if err != nil {
			return 0, fmt.Errorf("read when messages were let out: %w", err)
		}
		if err := s.giveBack(ctx, tx, back); err != nil {
			return 0, err
		}
	}
	res, err := tx.ExecContext(ctx, `UPDATE messages AS m SET state = 'pending', slice_id = NULL`+set+` WHERE `+where, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}
