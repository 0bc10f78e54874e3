package store

import (
	"context"
	"database/sql"
	"maps"
	"slices"

	"tidings/internal/audience"
)

const hitColumns = `message_id, kind, link_id, at, after_accept, method, user_agent, network, purpose, grade, reasons, rules`

func (s *Store) insertHits(ctx context.Context, tx *sql.Tx, in []hitRow) error {
	if len(in) == 0 {
		return nil
	}
	if s.engine == audience.SQLite {
		out := make([][]any, len(in))
		for i, r := range in {
			var after any
			if r.after.Valid {
				after = r.after.Int64
			}
			out[i] = []any{r.message, string(r.kind), r.link, r.at, after, r.method, r.agent, r.network, r.purpose, string(r.result.Grade), reasonsText(r.result), r.result.Version}
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO hits (`+hitColumns+`) SELECT x.* FROM `+s.rows("$1", "message_id bigint", "kind text", "link_id bigint", "at bigint", "after_accept bigint",
			"method text", "user_agent text", "network text", "purpose text", "grade text", "reasons text", "rules int")+` x`, array(out))
		return err
	}
	_, err := tx.ExecContext(ctx, insertHits, hitArrays(in)...)
	return err
}

func (s *Store) shedHits(ctx context.Context, tx *sql.Tx, shed map[hitKey]int) error {
	if len(shed) == 0 {
		return nil
	}
	var in [][]any
	for k, n := range shed {
		in = append(in, []any{k.message, k.link, k.hour, n})
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO hits_shed (message_id, link_id, hour, n)
		SELECT x.message_id, x.link_id, x.hour, x.n FROM `+s.rows("$1", "message_id bigint", "link_id bigint", "hour bigint", "n bigint")+` x
		WHERE TRUE ORDER BY 1, 2, 3 ON CONFLICT (message_id, link_id, hour) DO UPDATE SET n = hits_shed.n + excluded.n`, array(in))
	return err
}

// firstTimes are the first times of each kind for messages that have none yet.
func firstTimes(in []hitRow, mails map[int64]*hitMail) [][]any {
	first := map[int64]*[hitMarks]any{}
	for _, r := range in {
		m := markOf(r.kind, r.result.Grade)
		if mails[r.message].has(m) {
			continue
		}
		if first[r.message] == nil {
			first[r.message] = &[hitMarks]any{}
		}
		if at, ok := first[r.message][m].(int64); !ok || r.at < at {
			first[r.message][m] = r.at
		}
	}
	rows := make([][]any, 0, len(first))
	for _, id := range slices.Sorted(maps.Keys(first)) {
		f := first[id]
		rows = append(rows, []any{id, f[0], f[1], f[2], f[3]})
	}
	return rows
}

// setMarks is UPDATE messages … SET, from rows x.
const setMarks = ` SET opened_at = coalesce(m.opened_at, x.opened), clicked_at = coalesce(m.clicked_at, x.clicked),
	machine_opened_at = coalesce(m.machine_opened_at, x.machine_opened), machine_clicked_at = coalesce(m.machine_clicked_at, x.machine_clicked)`

func (s *Store) markHits(ctx context.Context, tx *sql.Tx, first [][]any) error {
	if len(first) == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `UPDATE messages AS m`+setMarks+`
		FROM `+s.rows("$1", "id bigint", "opened bigint", "clicked bigint", "machine_opened bigint", "machine_clicked bigint")+` x WHERE m.id = x.id`, array(first))
	return err
}

// settleByHits settles messages whose hand-over was uncertain: what was opened was
// delivered, whoever opened it.
func (s *Store) settleByHits(ctx context.Context, tx *sql.Tx, batch []*newHit, mails map[int64]*hitMail) error {
	for _, h := range batch {
		m := mails[h.message]
		if m == nil || !m.doubtful {
			continue
		}
		mail, ok, err := findMail(ctx, tx, h.message)
		if err != nil {
			return err
		}
		if ok {
			if err := s.arrived(ctx, tx, mail, h.At); err != nil {
				return err
			}
		}
		m.doubtful = false
	}
	return nil
}
