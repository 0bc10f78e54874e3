package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"tidings/internal/audience"
	"tidings/internal/campaign"
	"tidings/worker"
)

// simple tells whether a batch is one of those that nearly all are: on
// PostgreSQL, with results that are all acceptances, which nobody has to hear of.
func (s *Store) simple(b worker.Batch) bool {
	return s.engine == audience.Postgres && s.bound == nil && !s.slowed.Load() &&
		!slices.ContainsFunc(b.Results, func(r campaign.Result) bool {
			return r.Verdict != campaign.WasAccepted || r.Slow != campaign.SlowNothing || r.Suppress
		})
}

// commitSimple is record and admit as one statement, which is a transaction by
// itself and one round trip. What happens to a row is the same as there.
var commitSimple = `WITH n AS MATERIALIZED (SELECT %s AS now),
r AS (UPDATE messages m SET state = 'accepted', reason = '', detail = '', gate = '', lease_until = NULL, done_at = n.now,
		smtp_code = x.code, smtp_enhanced = x.enhanced, smtp_text = x.text
	FROM unnest($2::bigint[], $3::bigint[], $4::int[], $5::text[], $6::text[], $11::bool[]) AS x(id, token, code, enhanced, text, last), n
	WHERE m.id = x.id AND m.token = x.token AND m.state IN ('claimed', 'handoff', 'uncertain')
	RETURNING m.id, m.customer_id, m.campaign_id, m.enrollment_id, m.step, x.last AND ` + sameVersion + ` AS last),
w AS (UPDATE enrollments e SET state = CASE WHEN r.last THEN 'finished' ELSE e.state END,
		wake_at = CASE WHEN NOT r.last THEN n.now END, ended_at = CASE WHEN r.last THEN n.now END
	FROM r, n
	WHERE e.id = r.enrollment_id AND e.step = r.step AND e.state || '' = 'running' AND e.wake_at IS NULL),
s AS (INSERT INTO events (uid, customer_id, name, occurred_at, known_at, properties)
	SELECT 'sent:' || r.id, r.customer_id, 'Email Sent', n.now, n.now,
		jsonb_build_object('campaign', (SELECT k.name FROM campaigns k WHERE k.id = r.campaign_id), 'step', r.step, 'message', r.id)
	FROM r, n ON CONFLICT (uid) DO NOTHING),
l AS (INSERT INTO links (id, url, customer_id) SELECT x.id, x.url, ` + linkOwner + ` FROM unnest($9::bigint[], $10::text[], $13::bigint[]) AS x(id, url, customer_id)
	WHERE ` + linkStands(keyShare) + ` ORDER BY x.id` + keepLinks + `)`

// commitAdmit is its last part; with pages to be kept it stands before these, which
// are of the mails alone that it lets go.
const commitAdmit = `UPDATE messages m SET state = 'handoff', handoff_at = n.now, links = x.links
	FROM unnest($7::bigint[], $8::bigint[], $12::int[]) AS x(id, token, links), n
	WHERE m.id = x.id AND m.token = x.token AND m.state = 'claimed' AND m.lease_until >= n.now AND $1::bigint IS NOT NULL
	RETURNING m.id, m.token`

const commitPages = `,
h AS (` + commitAdmit + `),
p AS (INSERT INTO sent_pages (message_id, at, page)
	SELECT h.id, n.now, x.page FROM unnest($14::bigint[], $15::bytea[]) AS x(id, page) JOIN h ON h.id = x.id, n` + savePage + `)
SELECT h.id, h.token FROM h`

// The clock of a live store is the database's own: see stamp.
const liveClock, simulatedClock = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint", "$1::bigint"

var (
	commitLive           = fmt.Sprintf(commitSimple, liveClock) + "\n" + commitAdmit
	commitSimulated      = fmt.Sprintf(commitSimple, simulatedClock) + "\n" + commitAdmit
	commitLivePages      = fmt.Sprintf(commitSimple, liveClock) + commitPages
	commitSimulatedPages = fmt.Sprintf(commitSimple, simulatedClock) + commitPages
)

func (s *Store) commitFast(ctx context.Context, b worker.Batch, links []sentLink, now time.Time) (map[campaign.Claim]bool, error) {
	n := len(b.Results)
	ids, tokens, codes, enhanced, texts := make([]int64, n), make([]int64, n), make([]int32, n), make([]string, n), make([]string, n)
	last := make([]bool, n)
	for i, r := range b.Results {
		last[i], ids[i], tokens[i], codes[i], enhanced[i], texts[i] = r.Last, r.ID, r.Token, int32(r.Reply.Code), r.Reply.Enhanced, clip(r.Reply.Text)
	}
	handoffs, fences, counts := make([]int64, len(b.Handoffs)), make([]int64, len(b.Handoffs)), make([]int32, len(b.Handoffs))
	for i, h := range b.Handoffs {
		handoffs[i], fences[i], counts[i] = h.ID, h.Token, int32(len(h.Links))
	}
	linkIDs, urls, owners := []int64{}, []string{}, []int64{}
	for _, l := range links {
		linkIDs, urls, owners = append(linkIDs, l.id), append(urls, l.url), append(owners, l.customer)
	}
	query, paged := commitSimulated, commitSimulatedPages
	if s.live.Load() {
		query, paged = commitLive, commitLivePages
	}
	args := []any{campaign.Micros(now), ids, tokens, codes, enhanced, texts, handoffs, fences, linkIDs, urls, last, counts, owners}
	var pageIDs []int64
	var pages [][]byte
	for _, h := range b.Handoffs {
		if h.Page != nil {
			pageIDs, pages = append(pageIDs, h.ID), append(pages, h.Page)
		}
	}
	if len(pages) > 0 {
		query, args = paged, append(args, pageIDs, pages)
	}
	var err error
	for range 5 {
		var rows *sql.Rows
		rows, err = s.db.QueryContext(ctx, query, args...)
		claims, cerr := collect(rows, err, func(rows *sql.Rows) (c campaign.Claim, err error) { return c, rows.Scan(&c.ID, &c.Token) })
		if err = cerr; err == nil {
			admitted := make(map[campaign.Claim]bool, len(claims))
			for _, c := range claims {
				admitted[c] = true
			}
			return admitted, nil
		}
		if !retryable(err) {
			break
		}
	}
	return nil, err
}
