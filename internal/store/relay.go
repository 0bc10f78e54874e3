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
	queued map[campaign.Lane]int // messages, by this round
	out    scheduler.Relayed
}

// turns are where one round leaves off for the next.
type turns struct {
	Last map[campaign.Lane]int64 `json:"last"` // the campaign after which the next is first, by lane
	Owed int                     `json:"owed"` // transactional mails for which bulk has waited
	// Depth is kept of a live store alone.
	Depth map[campaign.Lane]depthRule `json:"depth,omitempty"`
}

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
		if r.room(lane) <= len(f.picked) {
			r.full(lane)
		}
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
