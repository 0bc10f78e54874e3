package store

import (
	"context"
	"fmt"
	"time"

	"tidings/internal/campaign"
	"tidings/scheduler"
)

const (
	// The queue of a lane holds what is worked off in this time at the speed seen. Who
	// comes later and is more urgent waits for no more than that: the queue itself
	// knows of no turns.
	depthTime = 30 * time.Second
	// The speed is looked at this often at most, and is a mean over about speedTime.
	depthLook = time.Second
	speedTime = 5 * time.Second
	// Messages for each worker that nobody has taken: at least, and before any speed is seen.
	depthLeast, depthFirst = 2, 20
)

// depthRule is how many messages may wait in a lane's queue, by how fast it was seen
// to be worked off. What workers have taken is bounded by their slices alone: were it
// counted, what a dead one has would keep the others idle. It stands in the ledger, since schedulers take turns.
type depthRule struct {
	Most  int     `json:"most"`  // messages; 0: nothing is known yet
	Speed float64 `json:"speed"` // mails a second that came to an end
	At    int64   `json:"at"`    // since when they are counted
	Open  int     `json:"open"`  // messages in the queue or claimed when the last round ended
	Full  bool    `json:"full"`  // that round left Most waiting
}

// dry is the rule when a full queue was found all but empty: it was not deep enough,
// whatever speed was seen.
func (r depthRule) dry(waiting int, o scheduler.RelayOptions) depthRule {
	if r.Full && waiting < max(1, o.Workers) {
		r.Most = r.bounded(2*r.Most, o)
	}
	return r
}

// saw is the rule after n mails came to an end in a time, and as many as waiting
// still wait for a worker. A queue that ran dry says how fast mail was let out, not how fast it could
// go: then it is not made smaller.
func (r depthRule) saw(n, waiting int, in time.Duration, o scheduler.RelayOptions) depthRule {
	weight := min(1, in.Seconds()/speedTime.Seconds())
	r.Speed += (float64(n)/in.Seconds() - r.Speed) * weight
	fit := r.bounded(int(min(r.Speed*depthTime.Seconds(), 1e9)), o)
	if waiting >= max(1, o.Workers) || fit > r.Most {
		r.Most = fit
	}
	return r
}

func (depthRule) bounded(n int, o scheduler.RelayOptions) int {
	return min(max(n, depthLeast*max(1, o.Workers)), o.MaxQueued)
}

// deep finds how deep each lane's queue may be. Where the clock is made up, speed
// means nothing, and nobody waits.
func (r *round) deep(ctx context.Context) error {
	if !r.s.live.Load() {
		return nil
	}
	if r.turn.Depth == nil {
		r.turn.Depth = map[campaign.Lane]depthRule{}
	}
	now := campaign.Micros(r.now)
	for _, lane := range lanes {
		d, waiting := r.turn.Depth[lane], r.depths[lane].waiting
		if d.Most == 0 {
			d = depthRule{Most: d.bounded(depthFirst*max(1, r.o.Workers), r.o), At: now}
		}
		d = d.dry(waiting, r.o)
		if past := time.Duration(now-d.At) * time.Microsecond; d.Open > 0 && past >= depthLook {
			n, err := r.ended(ctx, lane, d.At)
			if err != nil {
				return err
			}
			d = d.saw(n, waiting, past, r.o)
			d.At = now
		}
		r.turn.Depth[lane] = d
	}
	return nil
}

// ended counts a lane's mails that were accepted or have failed after a moment. What
// only came back does not count: it is still to be sent.
func (r *round) ended(ctx context.Context, lane campaign.Lane, after int64) (n int, err error) {
	topic := `<> ''`
	if lane == campaign.LaneTransactional {
		topic = `= ''`
	}
	err = r.tx.QueryRowContext(ctx, `SELECT count(*) FROM campaigns k JOIN messages m ON m.campaign_id = k.id
		WHERE k.topic `+topic+` AND m.stage IN ('accepted', 'failed') AND m.done_at > $1`, after).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count what was sent: %w", err)
	}
	return n, nil
}

// deepEnough notes what a round leaves in each lane's queue.
func (r *round) deepEnough(queued map[campaign.Lane]int) {
	for lane, d := range r.turn.Depth {
		open := r.depths[lane].messages + queued[lane]
		if d.Open == 0 && open > 0 {
			d.At = campaign.Micros(r.now)
		}
		d.Open, d.Full = open, r.depths[lane].waiting+queued[lane] >= d.Most
		r.turn.Depth[lane] = d
	}
}

// full notes that a lane has more due than its queue has room for, and how long what
// waits there lasts.
func (r *round) full(lane campaign.Lane) {
	var lasts time.Duration
	if d := r.turn.Depth[lane]; d.Speed > 0 {
		waiting := float64(r.depths[lane].waiting + r.queued[lane])
		lasts = max(1, time.Duration(min(waiting/d.Speed, depthTime.Seconds())*float64(time.Second)))
	}
	if !r.out.Full || lasts < r.out.Lasts {
		r.out.Lasts = lasts
	}
	r.out.Full = true
}
