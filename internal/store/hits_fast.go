package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

const insertHits = `INSERT INTO hits (` + hitColumns + `) SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[],
	$6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::int[])`

// storeHits is recordHits as one statement, which is a transaction by itself and one
// round trip.
const storeHits = `WITH h AS (` + insertHits + `)
	UPDATE messages AS m` + setMarks + `
	FROM unnest($13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[], $17::bigint[]) AS x(id, opened, clicked, machine_opened, machine_clicked) WHERE m.id = x.id`

// recordFast stores a batch as nearly all are: on PostgreSQL, without a flood and with
// no message that is settled by it. It is false for another, of which it stores nothing.
func (s *Store) recordFast(ctx context.Context, batch []*newHit) (bool, error) {
	var err error
	for range 5 {
		var p hitPlan
		if p, err = s.planHits(ctx, s.db, batch, ""); err != nil || len(p.mails) == 0 {
			return err == nil, err
		}
		if len(p.shed) > 0 {
			return false, nil
		}
		for _, m := range p.mails {
			if m.doubtful {
				return false, nil
			}
		}
		args := hitArrays(p.rows)
		if len(p.first) == 0 {
			_, err = s.db.ExecContext(ctx, insertHits, args...)
		} else {
			_, err = s.db.ExecContext(ctx, storeHits, append(args, markArrays(p.first)...)...)
		}
		var pg *pgconn.PgError
		if errors.As(err, &pg) && pg.Code == foreignKeyViolation {
			return false, nil // a message went in between
		}
		if err == nil || !retryable(err) {
			break
		}
	}
	if err != nil {
		err = fmt.Errorf("write hits: %w", err)
	}
	return err == nil, err
}

const foreignKeyViolation = "23503"

// hitArrays are the arguments of insertHits.
func hitArrays(in []hitRow) []any {
	n := len(in)
	messages, links, ats, afters, rules := make([]int64, n), make([]int64, n), make([]int64, n), make([]sql.NullInt64, n), make([]int32, n)
	var texts [7][]string // kind, method, user agent, network, purpose, grade, reasons
	for i := range texts {
		texts[i] = make([]string, n)
	}
	for i, r := range in {
		messages[i], links[i], ats[i], afters[i], rules[i] = r.message, r.link, r.at, r.after, int32(r.result.Version)
		for k, text := range [...]string{string(r.kind), r.method, r.agent, r.network, r.purpose, string(r.result.Grade), reasonsText(r.result)} {
			texts[k][i] = text
		}
	}
	return []any{messages, texts[0], links, ats, afters, texts[1], texts[2], texts[3], texts[4], texts[5], texts[6], rules}
}

// markArrays are the first times as columns.
func markArrays(first [][]any) []any {
	ids := make([]int64, len(first))
	var times [hitMarks][]sql.NullInt64
	for m := range times {
		times[m] = make([]sql.NullInt64, len(first))
	}
	for i, row := range first {
		ids[i] = row[0].(int64)
		for m := range times {
			if at, ok := row[m+1].(int64); ok {
				times[m][i] = sql.NullInt64{Int64: at, Valid: true}
			}
		}
	}
	return []any{ids, times[0], times[1], times[2], times[3]}
}
