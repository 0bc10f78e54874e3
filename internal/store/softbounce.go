package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"tidings/internal/campaign"
)

// softened notes the refusals among what has moved that count against an address
// only together with others, and gives those messages whose address has had
// enough of them since the last mail that it took. It costs a statement or two,
// and only where there was such a refusal.
func (s *Store) softened(ctx context.Context, tx *sql.Tx, moved []settled, reasons map[int64]string, now time.Time) ([]settled, error) {
	var in [][]any
	var counted []settled
	day := dayOf(now)
	for _, m := range moved {
		if _, counts := campaign.SoftRule(reasons[m.id]); !counts || !m.hash.Valid || m.hash.String == "" {
			continue
		}
		in = append(in, []any{m.id, m.customer, m.hash.String, reasons[m.id], day})
		counted = append(counted, m)
	}
	if len(in) == 0 {
		return nil, nil
	}
	refused := s.rows("$1", "id bigint", "customer bigint", "hash text", "reason text", "day bigint")
	if _, err := tx.ExecContext(ctx, `INSERT INTO soft_bounces (email_hash, reason, day)
		SELECT DISTINCT x.hash, x.reason, x.day FROM `+refused+` x WHERE TRUE ORDER BY 1, 2 ON CONFLICT DO NOTHING`, array(in)); err != nil {
		return nil, fmt.Errorf("note soft bounces: %w", err)
	}
	rows, err := tx.QueryContext(ctx, `SELECT x.id, b.day FROM `+refused+` x
		JOIN soft_bounces b ON b.email_hash = x.hash AND b.reason = x.reason
		WHERE b.day > coalesce((SELECT max(m.done_at) / 86400000000 FROM messages m
			WHERE m.customer_id = x.customer AND m.stage = 'accepted' AND m.email_hash = x.hash
				-- A mail that came back was not taken. Anybody can say that it did.
				AND NOT EXISTS (SELECT 1 FROM events v WHERE v.customer_id = m.customer_id AND v.name = 'Email Bounced'
					AND CAST(v.properties ->> 'message' AS TEXT) = CAST(m.id AS TEXT)
					AND coalesce(v.properties ->> 'type', '') <> '`+campaign.Unverified+`')), -1)`, array(in))
	days := map[int64][]int64{}
	_, err = collect(rows, err, func(rows *sql.Rows) (id int64, err error) {
		var day int64
		err = rows.Scan(&id, &day)
		days[id] = append(days[id], day)
		return id, err
	})
	if err != nil {
		return nil, fmt.Errorf("count soft bounces: %w", err)
	}
	var dead []settled
	for _, m := range counted {
		if rule, _ := campaign.SoftRule(reasons[m.id]); rule.GivesUp(days[m.id]) {
			dead = append(dead, m)
		}
	}
	return dead, nil
}

// dayOf counts the days since 1970 in UTC.
func dayOf(t time.Time) int64 { return campaign.Micros(t) / (24 * time.Hour).Microseconds() }
