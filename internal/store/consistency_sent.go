package store

import (
	"context"
	"database/sql"
	"fmt"

	"tidings/internal/audience"
)

// sentAgrees holds accepted messages to the events Email Sent of ours, and these to
// the messages. On PostgreSQL both sides are read once and laid beside each other. n is
// how many rules these are.
func (s *Store) sentAgrees(ctx context.Context) (out []Violation, n int, err error) {
	unheard := Violation{Rule: "sent_event", What: "every accepted message has its event Email Sent", Of: "messages",
		Do: "conditions and reports miss these mails: report it with the ids"}
	unsent := Violation{Rule: "event_sent", What: "every event Email Sent of ours is of an accepted message", Of: "events",
		Do: "conditions and reports count mails that were not sent: report it with the ids"}
	own := s.ownUID("e.uid")
	query := `SELECT m.id, x.id FROM (SELECT id FROM messages WHERE state = 'accepted') m
		FULL JOIN (SELECT e.id, ` + own + ` AS message FROM events e WHERE e.name = 'Email Sent') x ON x.message = m.id
		WHERE x.id IS NULL OR m.id IS NULL AND x.message IS NOT NULL ORDER BY 1, 2`
	if s.engine == audience.SQLite { // which joins row by row, and has an index either way
		query = `SELECT m.id, NULL FROM messages m WHERE m.state = 'accepted' AND NOT EXISTS (SELECT 1 FROM events e WHERE e.uid = 'sent:' || m.id AND e.name = 'Email Sent')
			UNION ALL SELECT NULL, e.id FROM events e WHERE e.name = 'Email Sent' AND ` + own + ` IS NOT NULL
				AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = ` + own + ` AND m.state = 'accepted') ORDER BY 1, 2`
	}
	rows, err := s.db.QueryContext(ctx, query)
	_, err = collect(rows, err, func(rows *sql.Rows) (struct{}, error) {
		var message, event sql.NullInt64
		err := rows.Scan(&message, &event)
		v, id := &unheard, message.Int64
		if !message.Valid {
			v, id = &unsent, event.Int64
		}
		if v.Count++; len(v.IDs) < examples {
			v.IDs = append(v.IDs, id)
		}
		return struct{}{}, err
	})
	if err != nil {
		return nil, 2, fmt.Errorf("rules sent_event and event_sent: %w", err)
	}
	for _, v := range []Violation{unheard, unsent} {
		if v.Count > 0 {
			out = append(out, v)
		}
	}
	return out, 2, nil
}

// ownUID is an SQL expression: the message whose Email Sent has the uid; null for
// a uid of the shop's.
func (s *Store) ownUID(uid string) string {
	if s.engine == audience.SQLite {
		return `CASE WHEN ` + uid + ` GLOB 'sent:[0-9]*' AND ` + uid + ` NOT GLOB 'sent:*[^0-9]*' THEN CAST(substr(` + uid + `, 6) AS INTEGER) END`
	}
	// Cheaper by far than a pattern, of which there is one for each mail ever sent.
	return `CASE WHEN left(` + uid + `, 5) = 'sent:' AND length(` + uid + `) BETWEEN 6 AND 23 AND translate(substr(` + uid + `, 6), '0123456789', '') = '' THEN substr(` + uid + `, 6)::bigint END`
}
