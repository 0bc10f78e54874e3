package store

import (
	"context"
	"database/sql"

	"tidings/internal/campaign"
)

// bulkShare is the part of the provider's rate that transactional mail leaves to
// bulk even when it could use all of it.
const bulkShare = 10

// depth is how much of a lane is in the queue or claimed. Of its messages so many
// wait in slices that nobody has taken: what a worker has taken may lie with it, dead,
// until its lease runs out.
type depth struct{ messages, slices, waiting int }

func (s *Store) depths(ctx context.Context, tx *sql.Tx) (map[campaign.Lane]depth, error) {
	rows, err := tx.QueryContext(ctx, `SELECT lane, sum(n), count(*),
		sum(CASE WHEN (SELECT t.lease_until FROM slices t WHERE t.id = x.slice_id) IS NULL THEN queued ELSE 0 END)
		FROM (SELECT slice_id, lane, count(*) AS n, sum(CASE state WHEN 'queued' THEN 1 ELSE 0 END) AS queued FROM messages
			WHERE stage = 'moving' AND slice_id IS NOT NULL GROUP BY slice_id, lane) x GROUP BY lane`)
	out := map[campaign.Lane]depth{}
	_, err = collect(rows, err, func(rows *sql.Rows) (lane campaign.Lane, err error) {
		var d depth
		err = rows.Scan(&lane, &d.messages, &d.slices, &d.waiting)
		out[lane] = d
		return lane, err
	})
	return out, err
}

// room is how many more messages of a lane the queue takes.
func (r *round) room(lane campaign.Lane) int {
	open := r.depths[lane]
	if r.o.MaxSlices > 0 && open.slices >= r.o.MaxSlices {
		return 0
	}
	room := r.o.MaxQueued - open.messages
	if d, is := r.turn.Depth[lane]; is {
		room = min(room, d.Most-open.waiting)
	}
	return max(0, room)
}

// pick shares out the room: to transactional mail first, within the provider's
// rate, of which bulk has a part; to bulk within the daily quota too.
func (r *round) pick(ctx context.Context) error {
	urgent, bulk := r.lanes[campaign.LaneTransactional], r.lanes[campaign.LaneBulk]
	provider := r.limits.provider
	for _, f := range []struct {
		*sharer
		keep bool // a part of the provider's rate is bulk's
	}{{urgent, true}, {bulk, false}, {urgent, false}} {
		room := min(r.room(f.lane)-len(f.picked), provider.roomLeft())
		if room > 0 && f.keep && provider != nil && r.room(bulk.lane) > 0 && bulk.any() {
			room -= (r.turn.Owed + room) / bulkShare
		}
		if f.lane == campaign.LaneBulk {
			room = min(room, r.limits.daily.roomLeft())
		}
		before := len(f.picked)
		if err := f.share(ctx, room); err != nil {
			return err
		}
		for range f.picked[before:] {
			provider.take()
			r.limits.daily.take()
		}
	}
	if !bulk.any() {
		r.turn.Owed = 0
	} else if provider != nil {
		r.turn.Owed = max(0, min(r.turn.Owed+len(urgent.picked)-(bulkShare-1)*len(bulk.picked), bulkShare*bulkShare))
	}
	return nil
}
