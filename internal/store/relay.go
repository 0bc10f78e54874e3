package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"tidings/internal/audience"
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
// o.MaxQueued messages of a lane, in o.MaxSlices slices, are queued or claimed
// at a time. Transactional slices come first, and never wait for bulk to go.
func (s *Store) Relay(ctx context.Context, now time.Time, o scheduler.RelayOptions) ([]scheduler.Slice, error) {
	var slices []scheduler.Slice
	err := s.write(ctx, func(tx *sql.Tx) error {
		slices = nil
		open, err := s.depths(ctx, tx)
		if err != nil {
			return fmt.Errorf("count what is queued: %w", err)
		}
		for _, lane := range []campaign.Lane{campaign.LaneTransactional, campaign.LaneBulk} {
			queued, err := s.relayLane(ctx, tx, lane, open[lane], now, o)
			if err != nil {
				return err
			}
			slices = append(slices, queued...)
		}
		return nil
	})
	return slices, err
}

// depth is how much of a lane is in the queue or claimed.
type depth struct{ messages, slices int }

func (s *Store) depths(ctx context.Context, tx *sql.Tx) (map[campaign.Lane]depth, error) {
	rows, err := tx.QueryContext(ctx, `SELECT lane, count(*), count(DISTINCT slice_id) FROM messages
		WHERE state IN ('queued', 'claimed', 'handoff') AND slice_id IS NOT NULL GROUP BY lane`)
	out := map[campaign.Lane]depth{}
	_, err = collect(rows, err, func(rows *sql.Rows) (lane campaign.Lane, err error) {
		var d depth
		err = rows.Scan(&lane, &d.messages, &d.slices)
		out[lane] = d
		return lane, err
	})
	return out, err
}

// relayLane queues what a lane has room for.
func (s *Store) relayLane(ctx context.Context, tx *sql.Tx, lane campaign.Lane, open depth, now time.Time, o scheduler.RelayOptions) ([]scheduler.Slice, error) {
	room := o.MaxQueued - open.messages
	if room <= 0 || o.MaxSlices > 0 && open.slices >= o.MaxSlices {
		return nil, nil
	}
	due, err := s.due(ctx, tx, lane, now, room)
	if err != nil {
		return nil, fmt.Errorf("find due messages: %w", err)
	}
	size := max(1, min(o.SliceSize, (len(due)+o.Workers-1)/max(1, o.Workers)))
	cuts := cutSlices(due, size)
	if o.MaxSlices > 0 {
		cuts = cuts[:min(len(cuts), o.MaxSlices-open.slices)]
	}
	slices := make([]scheduler.Slice, len(cuts))
	for i, cut := range cuts {
		if slices[i], err = s.queueSlice(ctx, tx, cut, now); err != nil {
			return nil, fmt.Errorf("queue a slice: %w", err)
		}
	}
	return slices, nil
}

// due picks a lane's due messages, the longest due first.
func (s *Store) due(ctx context.Context, tx *sql.Tx, lane campaign.Lane, now time.Time, n int) ([]duePick, error) {
	rows, err := tx.QueryContext(ctx, s.dueQuery(), string(lane), campaign.Micros(now), n)
	return collect(rows, err, func(rows *sql.Rows) (p duePick, err error) {
		return p, rows.Scan(&p.id, &p.campaign, &p.customer, &p.lane)
	})
}

// dueQuery reads messages_pending in its own order and stops at the limit: the
// sign keeps both engines from collecting by campaign and sorting all that is
// due, and PostgreSQL, given the campaigns as a value, from joining.
func (s *Store) dueQuery() string {
	active := `IN (SELECT id FROM campaigns WHERE status = 'active' AND removed_at IS NULL)`
	if s.engine == audience.Postgres {
		active = `= ANY (ARRAY(SELECT id FROM campaigns WHERE status = 'active' AND removed_at IS NULL))`
	}
	return `SELECT m.id, m.campaign_id, m.customer_id, m.lane FROM messages m
		WHERE m.state = 'pending' AND m.lane = $1 AND m.due_at <= $2 AND +m.campaign_id ` + active + `
		ORDER BY m.due_at, m.id LIMIT $3` + s.forUpdate("OF m SKIP LOCKED")
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
	_, err := tx.ExecContext(ctx, `UPDATE messages SET state = 'queued', slice_id = $2
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
