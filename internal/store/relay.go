package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"tidings/internal/campaign"
	"tidings/scheduler"
)

// Relay marks due messages of running campaigns as queued and cuts them into
// slices: of one campaign, each customer at most once. No more than
// o.MaxQueued messages of a lane, in o.MaxSlices slices, are queued or claimed
// at a time, in a live store about as many as are sent in half a minute, and no
// more are let out than rates, the provider's daily quota and whoever has asked
// for less allow. Each campaign gets its share of the room.
// Transactional slices come first, and never wait for bulk to go.
func (s *Store) Relay(ctx context.Context, now time.Time, o scheduler.RelayOptions) (out scheduler.Relayed, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		r := &round{s: s, tx: tx, o: o}
		if err := r.begin(ctx, now); err != nil {
			return err
		}
		if err := r.pick(ctx); err != nil {
			return fmt.Errorf("find due messages: %w", err)
		}
		if err := r.queue(ctx); err != nil {
			return fmt.Errorf("queue slices: %w", err)
		}
		if err := r.end(ctx); err != nil {
			return err
		}
		out = r.out
		return nil
	})
	return out, err
}

// round is one relay.
type round struct {
	s      *Store
	tx     *sql.Tx
	o      scheduler.RelayOptions
	now    time.Time
	turn   turns
	before string // the turn as it is stored
	depths map[campaign.Lane]depth
	limits *limits
	lanes  map[campaign.Lane]*sharer
	out    scheduler.Relayed
}

// turns are where one round leaves off for the next.
type turns struct {
	Last map[campaign.Lane]int64 `json:"last"` // the campaign after which the next is first, by lane
	Owed int                     `json:"owed"` // transactional mails for which bulk has waited
	// Depth is kept of a live store alone.
	Depth map[campaign.Lane]depthRule `json:"depth,omitempty"`
}

// bulkShare is the part of the provider's rate that transactional mail leaves to
// bulk even when it could use all of it.
const bulkShare = 10

// begin reads what the round is decided by. The relay of another process waits.
func (r *round) begin(ctx context.Context, now time.Time) (err error) {
	s, tx := r.s, r.tx
	if r.turn, err = s.lockTurn(ctx, tx); err != nil {
		return fmt.Errorf("lock the relay: %w", err)
	}
	r.before = array(r.turn)
	// What is let out counts from the moment that it is: a tick may have taken a
	// while since now.
	if r.now, err = s.stamp(ctx, tx, now); err != nil {
		return err
	}
	r.out.At = r.now
	throttles, err := s.forget(ctx, tx, r.now)
	if err != nil {
		return err
	}
	for key, t := range throttles {
		r.out.Throttles = append(r.out.Throttles, scheduler.Throttled{Key: key, Throttle: t})
	}
	slices.SortFunc(r.out.Throttles, func(a, b scheduler.Throttled) int { return cmp.Compare(a.Key, b.Key) })
	if r.depths, err = s.depths(ctx, tx); err != nil {
		return fmt.Errorf("count what is queued: %w", err)
	}
	if err := r.deep(ctx); err != nil {
		return err
	}
	ids := map[string]int64{}
	r.lanes = map[campaign.Lane]*sharer{}
	for _, lane := range lanes {
		if r.lanes[lane], err = r.sharer(ctx, lane, ids); err != nil {
			return fmt.Errorf("find what is due: %w", err)
		}
	}
	r.limits = s.newLimits(r.now, throttles, ids)
	for _, f := range r.lanes {
		f.limits = r.limits
	}
	if err := r.limits.prune(ctx, s, tx); err != nil {
		return err
	}
	if len(ids) == 0 {
		return nil
	}
	if err := r.limits.read(ctx, s, tx); err != nil {
		return fmt.Errorf("read what was let out: %w", err)
	}
	return nil
}

var lanes = []campaign.Lane{campaign.LaneTransactional, campaign.LaneBulk}

// lockTurn reads the turn and lets one relay work at a time.
func (s *Store) lockTurn(ctx context.Context, tx *sql.Tx) (t turns, err error) {
	lock := `SELECT value FROM meta WHERE key = 'relay'` + s.forNoKeyUpdate()
	var v string
	err = tx.QueryRowContext(ctx, lock).Scan(&v)
	if errors.Is(err, sql.ErrNoRows) {
		if _, err = tx.ExecContext(ctx, `INSERT INTO meta (key, value) VALUES ('relay', '{}') ON CONFLICT DO NOTHING`); err == nil {
			err = tx.QueryRowContext(ctx, lock).Scan(&v)
		}
	}
	if err == nil {
		err = json.Unmarshal([]byte(v), &t)
	}
	if t.Last == nil {
		t.Last = map[campaign.Lane]int64{}
	}
	return t, err
}

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

// queue cuts what was picked into slices and marks it as queued.
func (r *round) queue(ctx context.Context) error {
	var out []duePick
	queued := map[campaign.Lane]int{}
	for _, lane := range lanes {
		f := r.lanes[lane]
		switch {
		case f.last != 0 && f.short:
			r.turn.Last[lane] = f.last
		case f.last != 0 && len(r.limits.domains) > 0:
			// The first places of a domain are another's next time.
			r.turn.Last[lane] = f.turn[0]
		}
		cuts := cutSlices(f.picked, r.sliceSize(lane, len(f.picked)))
		if r.o.MaxSlices > 0 {
			cuts = cuts[:min(len(cuts), max(0, r.o.MaxSlices-r.depths[lane].slices))]
		}
		if err := r.queueSlices(ctx, lane, cuts); err != nil {
			return err
		}
		for _, cut := range cuts {
			out = append(out, cut...)
			queued[lane] += len(cut)
		}
	}
	r.deepEnough(queued)
	if err := r.limits.count(ctx, r.s, r.tx, out); err != nil {
		return fmt.Errorf("count what is let out: %w", err)
	}
	return nil
}

// sliceSize is how many of so many messages go into a slice: few enough for every
// worker that has none to get one, and else as many as one may carry, since a slice
// and a claim cost the same whatever is in them. All workers together carry no more
// than the lane's queue may be deep. Someone waits for each transactional mail, and
// none of them for another in its slice, as long as there are slices enough.
func (r *round) sliceSize(lane campaign.Lane, picked int) int {
	in := max(1, r.o.Workers-r.depths[lane].slices)
	if lane == campaign.LaneTransactional {
		in = max(1, picked)
		if r.o.MaxSlices > 0 {
			in = max(1, r.o.MaxSlices-r.depths[lane].slices)
		}
	}
	size := min(r.o.SliceSize, (picked+in-1)/in)
	if d, is := r.turn.Depth[lane]; is {
		size = min(size, d.Most/max(1, r.o.Workers))
	}
	return max(1, size)
}

// cutSlices groups messages by campaign, at most size each; a customer's second
// message goes into a later slice of the same cut. The campaigns' slices take
// turns, so that nobody's first waits for another's last.
func cutSlices(due []duePick, size int) [][]duePick {
	type filling struct {
		of        *[][]duePick
		customers map[int64]bool
	}
	open := map[int64]*filling{}
	var all []*[][]duePick
	for _, p := range due {
		f := open[p.campaign]
		if f == nil {
			f = &filling{of: &[][]duePick{}}
			open[p.campaign] = f
			all = append(all, f.of)
		}
		last := len(*f.of) - 1
		if last < 0 || len((*f.of)[last]) >= size || f.customers[p.customer] {
			*f.of = append(*f.of, nil)
			f.customers = map[int64]bool{}
			last++
		}
		(*f.of)[last] = append((*f.of)[last], p)
		f.customers[p.customer] = true
	}
	var out [][]duePick
	for n, more := 0, true; more; n++ {
		more = false
		for _, of := range all {
			if n < len(*of) {
				out = append(out, (*of)[n])
				more = true
			}
		}
	}
	return out
}

// queueSlices writes slices, and puts their messages into them.
func (r *round) queueSlices(ctx context.Context, lane campaign.Lane, cuts [][]duePick) error {
	if len(cuts) == 0 {
		return nil
	}
	campaigns := make([]int64, len(cuts))
	for i, cut := range cuts {
		campaigns[i] = cut[0].campaign
	}
	rows, err := r.tx.QueryContext(ctx, `INSERT INTO slices (campaign_id, lane, queued_at) SELECT x.campaign, $2, $3 FROM `+
		r.s.rows("$1", "campaign bigint")+` x RETURNING id, campaign_id`, array(wrap(campaigns)), string(lane), campaign.Micros(r.now))
	made := map[int64][]int64{} // by campaign: which of its slices is which does not matter
	_, err = collect(rows, err, func(rows *sql.Rows) (id int64, err error) {
		var of int64
		err = rows.Scan(&id, &of)
		made[of] = append(made[of], id)
		return id, err
	})
	if err != nil {
		return err
	}
	var in [][]any
	for _, cut := range cuts {
		ids := made[cut[0].campaign]
		slices.Sort(ids)
		made[cut[0].campaign] = ids[1:]
		for _, p := range cut {
			in = append(in, []any{p.id, ids[0]})
		}
		r.out.Slices = append(r.out.Slices, scheduler.Slice{ID: ids[0], Lane: lane})
	}
	_, err = r.tx.ExecContext(ctx, `UPDATE messages SET state = 'queued', slice_id = x.slice
		FROM `+r.s.rows("$1", "id bigint", "slice bigint")+` x WHERE messages.id = x.id AND messages.state = 'pending'`, array(in))
	return err
}

// end puts aside what waits for its domain, and tells when more can go.
func (r *round) end(ctx context.Context) error {
	var moved [][]any
	more := false
	for _, lane := range lanes {
		f := r.lanes[lane]
		room := min(r.room(lane)-len(f.picked), r.limits.provider.roomLeft(), r.limits.daily.roomLeft())
		for _, p := range f.moved {
			moved = append(moved, []any{p.id, p.domain})
			// It went behind others, and there is room for it still.
			more = more || room > 0 && f.domainRoom(p.domain) > 0
		}
		more = more || len(f.moved) >= mostMoved
		if !f.any() {
			continue
		}
		r.out.Full = r.out.Full || r.room(lane) <= len(f.picked)
		// What is left waits for the provider when its campaign and its domain would let
		// it go.
		switch {
		case r.limits.provider.roomLeft() <= 0:
			r.limits.provider.wait()
		case lane == campaign.LaneBulk && r.limits.daily.roomLeft() <= 0:
			r.limits.daily.wait()
		}
	}
	if len(moved) > 0 {
		if _, err := r.tx.ExecContext(ctx, `UPDATE messages SET domain = x.domain FROM `+r.s.rows("$1", "id bigint", "domain text")+` x
			WHERE messages.id = x.id AND messages.state = 'pending'`, array(moved)); err != nil {
			return fmt.Errorf("put aside what waits for its domain: %w", err)
		}
	}
	r.out.Next = r.limits.next()
	if more {
		r.out.Next = r.now
	}
	if turn := array(r.turn); turn != r.before {
		if err := r.s.setMeta(ctx, r.tx, "relay", turn); err != nil {
			return fmt.Errorf("store whose turn it is: %w", err)
		}
	}
	return nil
}

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
