package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"tidings/internal/campaign"
)

const (
	// A rehearsed last look goes through this many mails at once, and of one campaign
	// through no more than these, so that a plan is a matter of seconds.
	gatesBatch = 2000
	gatesMost  = 20_000
)

// WouldHold takes the campaign's mails that are due at now through the gates of the
// last look, which writes nothing here, and adds those that wait at a gate already.
// It is for rehearsals, after their tick: what that wrote is due.
func (s *Store) WouldHold(ctx context.Context, c *campaign.Campaign, now time.Time) (out campaign.WouldHold, err error) {
	if s.bound == nil {
		return out, errors.New("mails are taken through the gates without being sent in a rehearsal only")
	}
	if err := s.waiting(ctx, c, now, &out); err != nil {
		return out, fmt.Errorf("find mails that wait: %w", err)
	}
	for last := int64(0); out.Of < gatesMost; {
		l := &look{s: s, tx: s.bound, now: now, ends: map[string][]int64{}, zones: map[string]*time.Location{}, foretells: true}
		rows, err := s.bound.QueryContext(ctx, atLook("$2")+`
			WHERE k.name = $1 AND k.removed_at IS NULL AND m.stage IN ('pending', 'moving') AND m.state IN ('pending', 'queued') AND m.due_at <= $2 AND m.id > $3
			ORDER BY m.id LIMIT $4`, c.Name, campaign.Micros(now), last, gatesBatch)
		if l.rows, err = collect(rows, err, l.scan); err != nil {
			return out, fmt.Errorf("find mails that are due: %w", err)
		}
		if len(l.rows) == 0 {
			break
		}
		last = l.rows[len(l.rows)-1].out.ID
		if err := l.gates(ctx); err != nil {
			return out, fmt.Errorf("last look: %w", err)
		}
		for _, r := range l.rows {
			switch {
			case r.cancel != "" && r.wait.gate == "":
				continue // no gate keeps it back
			case r.cancel != "":
				out.Drop(r.cancel)
			case r.wait.till.After(r.out.Expires):
				out.Drop(campaign.CancelExpired)
			case r.wait.gate != "":
				out.Wait(r.wait.gate, r.wait.by, 1, r.wait.till, r.wait.till)
			}
			out.Of++
		}
	}
	out.Sort()
	return out, nil
}

// waiting are the campaign's mails at whose gate an earlier look has left them.
func (s *Store) waiting(ctx context.Context, c *campaign.Campaign, now time.Time, out *campaign.WouldHold) error {
	rows, err := s.reader().QueryContext(ctx, `SELECT m.gate, m.gate_by, count(*), min(m.due_at), max(m.due_at) FROM messages m JOIN campaigns k ON k.id = m.campaign_id
		WHERE k.name = $1 AND k.removed_at IS NULL AND m.stage = 'pending' AND m.due_at > $2 AND m.gate <> '' GROUP BY m.gate, m.gate_by`, c.Name, campaign.Micros(now))
	_, err = collect(rows, err, func(rows *sql.Rows) (n int, err error) {
		var gate, by string
		var first, last int64
		if err = rows.Scan(&gate, &by, &n, &first, &last); err == nil {
			out.Of += n
			out.Wait(gate, by, n, campaign.FromMicros(first), campaign.FromMicros(last))
		}
		return n, err
	})
	return err
}
