package store

import (
	"context"
	"database/sql"
	"time"

	"tidings/internal/campaign"
)

// trip is an attempt at a message as those see it who decide how much is let out.
type trip struct {
	id, token, campaign int64
	lane, domain        string
	name, step          string // of the campaign, and in it
	letOut              time.Time
}

// trips reads the attempts that are under way at some messages, and locks these.
func (s *Store) trips(ctx context.Context, tx *sql.Tx, ids []int64) (map[int64]trip, error) {
	ts, err := s.tripsWhere(ctx, tx, `m.id IN `+s.ids("$1")+` AND m.state IN ('claimed', 'handoff')`, array(ids))
	out := make(map[int64]trip, len(ts))
	for _, t := range ts {
		out[t.id] = t
	}
	return out, err
}

func (s *Store) tripsWhere(ctx context.Context, tx *sql.Tx, where string, args ...any) ([]trip, error) {
	rows, err := tx.QueryContext(ctx, `SELECT m.id, m.token, m.campaign_id, k.name, m.step, m.lane, l.queued_at, coalesce(c.email, '')
		FROM messages m JOIN slices l ON l.id = m.slice_id JOIN campaigns k ON k.id = m.campaign_id LEFT JOIN customers c ON c.id = m.customer_id WHERE `+where+` ORDER BY m.id`+s.forUpdate("OF m"), args...)
	return collect(rows, err, func(rows *sql.Rows) (t trip, err error) {
		var at int64
		var email string
		err = rows.Scan(&t.id, &t.token, &t.campaign, &t.name, &t.step, &t.lane, &at, &email)
		t.letOut, t.domain = campaign.FromMicros(at), campaign.AddressDomain(email)
		return t, err
	})
}
