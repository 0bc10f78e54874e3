package store

import (
	"context"
	"database/sql"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// sharer makes the sharer of a lane from what is due in it, and adds the campaigns'
// ids to ids.
func (r *round) sharer(ctx context.Context, lane campaign.Lane, ids map[string]int64) (*sharer, error) {
	f := &sharer{lane: lane, streams: map[int64][]*stream{}}
	f.read = func(ctx context.Context, asks []ask) error { return r.read(ctx, f, asks) }
	var later []int64
	rows, err := r.tx.QueryContext(ctx, streamsQuery, string(lane), campaign.Micros(r.now))
	_, err = collect(rows, err, func(rows *sql.Rows) (id int64, err error) {
		var name string
		s := &stream{due: -1}
		if err := rows.Scan(&s.campaign, &name, &s.domain); err != nil {
			return 0, err
		}
		ids[name] = s.campaign
		if f.streams[s.campaign] == nil {
			// Whoever comes after the one that had the last place is next.
			if s.campaign > r.turn.Last[lane] {
				f.turn = append(f.turn, s.campaign)
			} else {
				later = append(later, s.campaign)
			}
		}
		f.streams[s.campaign] = append(f.streams[s.campaign], s)
		return s.campaign, nil
	})
	f.turn = append(f.turn, later...)
	return f, err
}

// streamsQuery finds the running campaigns that have something due in a lane, for
// each domain that mail is kept aside for and for none. It looks at one entry of
// messages_pending each, however much there is; PostgreSQL would join an EXISTS with
// all of it.
var streamsQuery = `WITH RECURSIVE domains (domain) AS (
		SELECT '' UNION ALL
		SELECT (SELECT m.domain FROM messages m WHERE m.stage = 'pending' AND m.lane = $1 AND m.domain > d.domain ORDER BY m.domain LIMIT 1)
		FROM domains d WHERE d.domain IS NOT NULL)
	SELECT k.id, k.name, d.domain FROM campaigns k CROSS JOIN domains d
	WHERE d.domain IS NOT NULL AND ` + campaignRuns("k") + ` AND (SELECT m.due_at FROM messages m
		WHERE m.stage = 'pending' AND m.lane = $1 AND m.domain = d.domain AND m.campaign_id = k.id AND m.due_at <= $2
		ORDER BY m.due_at, m.id LIMIT 1) IS NOT NULL
	ORDER BY k.id, d.domain`

// dueQuery reads a stream on from where it was read to, in the order of
// messages_pending: whatever is due, it looks at no more than it returns.
func dueQuery(campaignID, domain, due, id, n string) string {
	return `SELECT m.id, m.due_at, m.customer_id, m.step FROM messages m
		WHERE m.stage = 'pending' AND m.lane = $1 AND m.domain = ` + domain + ` AND m.campaign_id = ` + campaignID + `
			AND m.due_at <= $2 AND (m.due_at, m.id) > (` + due + `, ` + id + `)
		ORDER BY m.due_at, m.id LIMIT ` + n
}

// emailOf reads the address that a mail would go to, where its domain matters.
const emailOf = `coalesce((SELECT c.email FROM customers c WHERE c.id = p.customer_id), '')`

// manyQuery reads several streams; the first column tells which a row is of.
func (s *Store) manyQuery(email string) string {
	return `SELECT x.i, p.id, p.due_at, p.customer_id, p.step, ` + email + ` FROM ` +
		s.rows("$3", "i int", "campaign bigint", "domain text", "due bigint", "id bigint", "n int") + ` x
		CROSS JOIN LATERAL (` + dueQuery("x.campaign", "x.domain", "x.due", "x.id", "x.n") + s.forUpdate("SKIP LOCKED") + `) p
		ORDER BY x.i, p.due_at, p.id`
}

// oneQuery reads one stream, for SQLite, which has no lateral joins and needs none.
func oneQuery(email string) string {
	return `SELECT 0, p.id, p.due_at, p.customer_id, p.step, ` + email + ` FROM (` + dueQuery("$3", "$4", "$5", "$6", "$7") + `) p ORDER BY p.due_at, p.id`
}

// read reads streams on.
func (r *round) read(ctx context.Context, f *sharer, asks []ask) error {
	email := `''`
	if len(r.limits.domains) > 0 {
		email = emailOf
	}
	got := make([]int, len(asks))
	lane, now := string(f.lane), campaign.Micros(r.now)
	take := func(first int) func(*sql.Rows) (duePick, error) {
		return func(rows *sql.Rows) (p duePick, err error) {
			var i int
			var email string
			if err := rows.Scan(&i, &p.id, &p.due, &p.customer, &p.step, &email); err != nil {
				return p, err
			}
			i += first
			a := asks[i]
			p.campaign, p.lane, p.domain = a.campaign, lane, campaign.AddressDomain(email)
			a.due, a.id = p.due, p.id
			a.stream.read = append(a.stream.read, p)
			got[i]++
			return p, nil
		}
	}
	if r.s.engine == audience.SQLite {
		for i, a := range asks {
			rows, err := r.tx.QueryContext(ctx, oneQuery(email), lane, now, a.campaign, a.domain, a.due, a.id, a.n)
			if _, err = collect(rows, err, take(i)); err != nil {
				return err
			}
		}
	} else {
		in := make([][]any, len(asks))
		for i, a := range asks {
			in[i] = []any{i, a.campaign, a.domain, a.due, a.id, a.n}
		}
		rows, err := r.tx.QueryContext(ctx, r.s.manyQuery(email), lane, now, array(in))
		if _, err = collect(rows, err, take(0)); err != nil {
			return err
		}
	}
	for i, a := range asks {
		a.end = got[i] < a.n
	}
	return nil
}
