package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"tidings/internal/campaign"
	"tidings/scheduler"
)

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
	r.queued = queued
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
