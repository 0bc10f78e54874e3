package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"tidings/internal/campaign"
)

// Trail is what became of every pass and message of a store: small ones only, as
// those that tests are run in.
type Trail struct {
	Passes   []TrailPass // in the order of their ends, the open ones last
	Messages []TrailMessage
}

// TrailPass is a pass. Ended is zero while it runs; Reason is empty for one that
// came to its end.
type TrailPass struct {
	Customer       string // the shop's id
	State          campaign.PassState
	Reason         string
	Entered, Ended time.Time
}

// TrailMessage is a message. Done is zero while it is open.
type TrailMessage struct {
	ID       int64
	Customer string
	Step     string
	State    campaign.State
	Reason   string
	Detail   string
	Done     time.Time
}

// Trail reads all passes and messages.
func (s *Store) Trail(ctx context.Context) (Trail, error) {
	var t Trail
	rows, err := s.db.QueryContext(ctx, `SELECT coalesce(c.external_id, ''), e.state, e.reason, e.entered_at, coalesce(e.ended_at, 0)
		FROM enrollments e JOIN customers c ON c.id = e.customer_id ORDER BY coalesce(e.ended_at, 9000000000000000000), e.id`)
	t.Passes, err = collect(rows, err, func(rows *sql.Rows) (p TrailPass, err error) {
		var entered, ended int64
		err = rows.Scan(&p.Customer, &p.State, &p.Reason, &entered, &ended)
		p.Entered = campaign.FromMicros(entered)
		if ended != 0 {
			p.Ended = campaign.FromMicros(ended)
		}
		return p, err
	})
	if err != nil {
		return t, fmt.Errorf("read passes: %w", err)
	}
	rows, err = s.db.QueryContext(ctx, `SELECT m.id, coalesce(c.external_id, ''), m.step, m.state, m.reason, m.detail, coalesce(m.done_at, 0)
		FROM messages m JOIN customers c ON c.id = m.customer_id ORDER BY coalesce(m.done_at, 9000000000000000000), m.id`)
	t.Messages, err = collect(rows, err, func(rows *sql.Rows) (m TrailMessage, err error) {
		var done int64
		err = rows.Scan(&m.ID, &m.Customer, &m.Step, &m.State, &m.Reason, &m.Detail, &done)
		if done != 0 {
			m.Done = campaign.FromMicros(done)
		}
		return m, err
	})
	if err != nil {
		return t, fmt.Errorf("read messages: %w", err)
	}
	return t, nil
}

// NextWake is the first moment after now at which a pass or a message that is
// open has something to do; ok is false when none has.
func (s *Store) NextWake(ctx context.Context, now time.Time) (at time.Time, ok bool, err error) {
	var next sql.NullInt64
	err = s.db.QueryRowContext(ctx, `SELECT min(at) FROM (
			SELECT wake_at AS at FROM enrollments WHERE state = 'running' AND wake_at > $1
			UNION ALL SELECT due_at FROM messages WHERE stage = 'pending' AND due_at > $1
			UNION ALL SELECT expires_at FROM messages WHERE stage = 'pending' AND expires_at > $1) t`, campaign.Micros(now)).Scan(&next)
	if err != nil {
		return at, false, fmt.Errorf("find the next moment: %w", err)
	}
	return campaign.FromMicros(next.Int64), next.Valid, nil
}
