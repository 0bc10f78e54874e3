package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"tidings/internal/campaign"
	"tidings/scheduler"
)

// duePick is a due message as the relay sees it.
type duePick struct {
	id, campaign, customer int64
	lane                   string
}

// Relay marks due messages of active campaigns as queued and cuts them into
// slices: of one campaign, each customer at most once. No more than
// o.MaxQueued messages are queued or claimed at a time.
func (s *Store) Relay(ctx context.Context, now time.Time, o scheduler.RelayOptions) ([]scheduler.Slice, error) {
	var slices []scheduler.Slice
	err := s.write(ctx, func(tx *sql.Tx) error {
		slices = nil
		var open int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM messages WHERE state IN ('queued', 'claimed', 'handoff') AND slice_id IS NOT NULL`).Scan(&open); err != nil {
			return fmt.Errorf("count what is queued: %w", err)
		}
		if open >= o.MaxQueued {
			return nil
		}
		due, err := s.due(ctx, tx, now, o.MaxQueued-open)
		if err != nil {
			return fmt.Errorf("find due messages: %w", err)
		}
		size := max(1, min(o.SliceSize, (len(due)+o.Workers-1)/max(1, o.Workers)))
		for _, cut := range cutSlices(due, size) {
			slice, err := s.queueSlice(ctx, tx, cut, now)
			if err != nil {
				return fmt.Errorf("queue a slice: %w", err)
			}
			slices = append(slices, slice)
		}
		return nil
	})
	return slices, err
}

// due picks due messages, transactional ones first and then the longest due.
func (s *Store) due(ctx context.Context, tx *sql.Tx, now time.Time, n int) ([]duePick, error) {
	rows, err := tx.QueryContext(ctx, `SELECT m.id, m.campaign_id, m.customer_id, m.lane FROM messages m
		JOIN campaigns k ON k.id = m.campaign_id AND k.status = 'active' AND k.removed_at IS NULL
		WHERE m.state = 'pending' AND m.due_at <= $1
		ORDER BY CASE m.lane WHEN 'transactional' THEN 0 ELSE 1 END, m.due_at, m.id LIMIT $2`+s.forUpdate("OF m SKIP LOCKED"),
		campaign.Micros(now), n)
	return collect(rows, err, func(rows *sql.Rows) (p duePick, err error) {
		return p, rows.Scan(&p.id, &p.campaign, &p.customer, &p.lane)
	})
}

// cutSlices groups messages by campaign, at most size each; a customer's second
// message goes into a later slice of the same cut.
func cutSlices(due []duePick, size int) [][]duePick {
	var out [][]duePick
	type key struct {
		campaign int64
		lane     string
	}
	type filling struct {
		at        int
		customers map[int64]bool
	}
	open := map[key]*filling{}
	for _, p := range due {
		k := key{p.campaign, p.lane}
		f := open[k]
		if f == nil || len(out[f.at]) >= size || f.customers[p.customer] {
			out = append(out, nil)
			f = &filling{at: len(out) - 1, customers: map[int64]bool{}}
			open[k] = f
		}
		out[f.at] = append(out[f.at], p)
		f.customers[p.customer] = true
	}
	return out
}

func (s *Store) queueSlice(ctx context.Context, tx *sql.Tx, cut []duePick, now time.Time) (scheduler.Slice, error) {
	slice := scheduler.Slice{Lane: campaign.Lane(cut[0].lane)}
	if err := tx.QueryRowContext(ctx, `INSERT INTO slices (campaign_id, lane, queued_at) VALUES ($1, $2, $3) RETURNING id`,
		cut[0].campaign, cut[0].lane, campaign.Micros(now)).Scan(&slice.ID); err != nil {
		return slice, err
	}
	ids := make([]int64, len(cut))
	for i, p := range cut {
		ids[i] = p.id
	}
	_, err := tx.ExecContext(ctx, `UPDATE messages SET state = 'queued', slice_id = $2, gen = gen + 1
		WHERE id IN `+s.ids("$1")+` AND state = 'pending'`, array(ids), slice.ID)
	return slice, err
}

// Return puts back the messages of slices that the queue did not take.
func (s *Store) Return(ctx context.Context, slices []scheduler.Slice) error {
	ids := make([]int64, len(slices))
	for i, slice := range slices {
		ids[i] = slice.ID
	}
	return s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE messages SET state = 'pending', slice_id = NULL
			WHERE state = 'queued' AND slice_id IN `+s.ids("$1"), array(ids))
		return err
	})
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
		res, err := tx.ExecContext(ctx, `UPDATE messages SET state = 'pending', slice_id = NULL WHERE state = 'queued' AND slice_id IS NOT NULL`)
		if err != nil {
			return err
		}
		if n, err = res.RowsAffected(); err != nil {
			return err
		}
		return s.setMeta(ctx, tx, "queue_epoch", epoch)
	})
	return int(n), err
}
