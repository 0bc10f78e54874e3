package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"tidings/internal/campaign"
)

// Totals are the ledger's counts of messages.
type Totals struct {
	Accepted  int
	Failed    int
	Cancelled map[string]int // by reason
	// Waiting are due at or before the moment asked about, and neither done nor
	// uncertain. Later are due after it: put off by an hour, a cap or a retry.
	Waiting, Later int
	// Uncertain may have been taken by a server; evidence or policy will settle
	// them. Unresolved wait for a person: uncertain for a second time, or held by
	// on_uncertain: hold.
	Uncertain, Unresolved int
	// Moving are on their way right now: queued, claimed or handed over.
	Moving int
}

// Totals counts the ledger as of at.
func (s *Store) Totals(ctx context.Context, at time.Time) (Totals, error) {
	t := Totals{Cancelled: map[string]int{}}
	rows, err := s.db.QueryContext(ctx, `SELECT m.state, CASE WHEN m.state = 'cancelled' THEN m.reason ELSE '' END AS why,
			m.due_at <= $1 AS due, m.state = 'uncertain' AND (m.uncertain >= $2 OR k.hold_uncertain) AS unresolved, count(*)
		FROM messages m JOIN campaigns k ON k.id = m.campaign_id GROUP BY m.state, why, due, unresolved`,
		campaign.Micros(at), campaign.MaxUncertain)
	if err != nil {
		return t, fmt.Errorf("count the ledger: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var state, why string
		var due, unresolved sql.NullBool
		var n int
		if err := rows.Scan(&state, &why, &due, &unresolved, &n); err != nil {
			return t, fmt.Errorf("count the ledger: %w", err)
		}
		t.add(campaign.State(state), why, due.Bool, unresolved.Bool, n)
	}
	return t, rows.Err()
}

func (t *Totals) add(state campaign.State, why string, due, unresolved bool, n int) {
	switch state {
	case campaign.Accepted:
		t.Accepted += n
	case campaign.Failed:
		t.Failed += n
	case campaign.Cancelled:
		t.Cancelled[why] += n
	case campaign.Uncertain:
		if unresolved {
			t.Unresolved += n
		} else {
			t.Uncertain += n
		}
	default:
		if due {
			t.Waiting += n
		} else {
			t.Later += n
		}
		if state != campaign.Pending {
			t.Moving += n
		}
	}
}

// Since is what t has more of than an earlier count; what waits is as it is now.
func (t Totals) Since(before Totals) Totals {
	t.Accepted -= before.Accepted
	t.Failed -= before.Failed
	cancelled := map[string]int{}
	for why, n := range t.Cancelled {
		if n -= before.Cancelled[why]; n > 0 {
			cancelled[why] = n
		}
	}
	t.Cancelled = cancelled
	return t
}

// Untaken are the slices queued at a moment or later of which messages are not taken
// up yet.
func (s *Store) Untaken(ctx context.Context, queuedAt time.Time) ([]int64, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT DISTINCT l.id FROM messages m JOIN slices l ON l.id = m.slice_id
		WHERE m.stage = 'moving' AND m.state = 'queued' AND l.queued_at >= $1 ORDER BY l.id`, campaign.Micros(queuedAt))
	slices, err := collect(rows, err, scanID)
	if err != nil {
		return nil, fmt.Errorf("list what is queued: %w", err)
	}
	return slices, nil
}
