package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"

	"tidings/internal/grade"
)

// acceptedBy is when a mail server took a message m, or was about to.
const acceptedBy = `CASE WHEN m.state = 'accepted' AND m.reason <> 'evidence' THEN m.done_at ELSE m.handoff_at END`

// storeHits is a transaction by itself and one round trip. It stores the hits, no two
// of one message, of messages that were accepted long enough ago for the time not to
// count, and returns whose they are: the others want a look at their messages first.
// Each hit that it stores holds its message's lock, by the mark or else by asking.
func storeHits(live bool) string {
	at := "at"
	if live {
		at = "(SELECT (extract(epoch FROM statement_timestamp()) * 1000000)::bigint)"
	}
	ordinary := `m.id = h.message_id AND m.state = 'accepted' AND ` + acceptedBy + ` <= h.at - ` + strconv.FormatInt(grade.Soonest.Microseconds(), 10)
	marked := `CASE h.mark WHEN 0 THEN m.opened_at WHEN 1 THEN m.clicked_at WHEN 2 THEN m.machine_opened_at ELSE m.machine_clicked_at END`
	set := func(column string, mark hitMark) string {
		return column + ` = CASE h.mark WHEN ` + strconv.Itoa(int(mark)) + ` THEN h.at ELSE m.` + column + ` END`
	}
	const row = `h.message_id, h.kind, h.link_id, h.at, h.at - ` + acceptedBy + `, h.method, h.user_agent, h.network, h.purpose, h.grade, h.reasons, h.rules`
	return `WITH h AS MATERIALIZED (SELECT message_id, kind, link_id, ` + at + ` AS at, mark, method, user_agent, network, purpose, grade, reasons, rules
		FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::int[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::int[])
			AS h(message_id, kind, link_id, at, mark, method, user_agent, network, purpose, grade, reasons, rules)),
	marked AS (UPDATE messages AS m SET ` + set("opened_at", openedAt) + `, ` + set("clicked_at", clickedAt) + `,
			` + set("machine_opened_at", machineOpenedAt) + `, ` + set("machine_clicked_at", machineClickedAt) + `
		FROM h WHERE ` + ordinary + ` AND ` + marked + ` IS NULL RETURNING ` + row + `),
	again AS (SELECT ` + row + ` FROM h JOIN messages m ON ` + ordinary + ` AND ` + marked + ` IS NOT NULL FOR KEY SHARE OF m)
	INSERT INTO hits (` + hitColumns + `) SELECT * FROM marked UNION ALL SELECT * FROM again RETURNING message_id`
}

var storeHitsLive, storeHitsSimulated = storeHits(true), storeHits(false)

// recordFast stores what it can of a batch by one statement, and says so to those who
// wait for it. It returns the others.
func (s *Store) recordFast(ctx context.Context, batch []*newHit) ([]*newHit, error) {
	ours := make(map[int64]*newHit, len(batch))
	var rows []hitRow
	for _, h := range batch {
		if !h.often && ours[h.message] == nil {
			ours[h.message], rows = h, append(rows, h.row(&hitMail{}))
		}
	}
	if len(rows) == 0 {
		return batch, nil
	}
	// In one order, so that two who mark the same messages wait for each other.
	slices.SortFunc(rows, func(a, b hitRow) int { return cmp.Compare(a.message, b.message) })
	stored, err := s.storeFast(ctx, rows)
	if err != nil {
		return batch, fmt.Errorf("write hits: %w", err)
	}
	for _, message := range stored {
		ours[message].stored <- nil
		ours[message].done = true
	}
	if len(stored) == len(batch) {
		return nil, nil
	}
	return slices.DeleteFunc(batch, func(h *newHit) bool { return h.done }), nil
}

func (s *Store) storeFast(ctx context.Context, rows []hitRow) (stored []int64, err error) {
	statement := storeHitsSimulated
	if s.live.Load() {
		statement = storeHitsLive
	}
	marks := make([]int32, len(rows))
	for i, r := range rows {
		marks[i] = int32(markOf(r.kind, r.result.Grade))
	}
	args := hitArrays(rows)
	args[4] = marks // in place of the time since the mail was accepted
	for range 5 {
		got, err := s.db.QueryContext(ctx, statement, args...)
		if stored, err = collect(got, err, scanID); err == nil || !retryable(err) {
			return stored, err
		}
	}
	return nil, err
}

const insertHits = `INSERT INTO hits (` + hitColumns + `) SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[],
	$6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::int[])`

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
