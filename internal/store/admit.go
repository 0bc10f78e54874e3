package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

func (b *books) Standings(ctx context.Context, cs []campaign.Candidate) ([]campaign.Standing, error) {
	out := make([]campaign.Standing, len(cs))
	for begin := 0; begin < len(cs); begin += insertBatch {
		end := min(begin+insertBatch, len(cs))
		if err := b.standingsBatch(ctx, cs[begin:end], out[begin:end]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// standingsBatch answers for candidates. One whose customer has been deleted or
// merged into another since it was found has no row, and is gone.
func (b *books) standingsBatch(ctx context.Context, cs []campaign.Candidate, out []campaign.Standing) error {
	in := make([][]any, len(cs))
	for i, c := range cs {
		out[i].Gone = true
		in[i] = []any{i, c.Customer, campaign.Micros(c.AsOf), c.Key, c.Product, bit(c.Asked)}
	}
	rows, err := b.tx.QueryContext(ctx, b.standingsQuery(), array(in), b.id, b.c.Topic, b.until)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var i int
		var s campaign.Standing
		var external sql.NullString
		var id int64
		var last, ended sql.NullInt64
		if err := rows.Scan(&i, &external, &id, &s.Timezone, &s.Why, &last, &ended, &s.Open, &s.Known); err != nil {
			return err
		}
		s.Reachable, s.External = s.Why == "", externalOr(external, id)
		if last.Valid {
			s.LastEntry = campaign.FromMicros(last.Int64)
		}
		if ended.Valid {
			s.EndedAt = campaign.FromMicros(ended.Int64)
		}
		out[i] = s
	}
	return rows.Err()
}

// standingsQuery reads what is known of candidates: their places in the list, their
// customers, and their passes.
func (b *books) standingsQuery() string {
	x := b.rows("$1", "i int", "customer_id bigint", "as_of bigint", "key text", "product text", "asked int")
	who := `SELECT x.i, c.external_id, c.id, c.timezone, ` + reachableFor("$3", "x.as_of", "x.asked = 1")
	if b.engine == audience.SQLite {
		about := ""
		if b.c.ReEntry.PerProduct {
			about = ` AND e.product = x.product`
		}
		const passes = ` FROM enrollments e WHERE e.customer_id = c.id AND e.campaign_id = $2 AND e.entered_at <= $4`
		return who + `, (SELECT max(e.entered_at)` + passes + about + `), (SELECT max(e.ended_at)` + passes + `),
			coalesce((SELECT min(e.id)` + passes + ` AND (e.state = 'running' OR e.ended_at > $4)), 0),
			EXISTS (SELECT 1 FROM enrollments e WHERE e.campaign_id = $2 AND e.key = x.key AND e.entered_at <= $4)
			FROM ` + x + ` x JOIN customers c ON c.id = x.customer_id`
	}
	last := "e.entered_at"
	if b.c.ReEntry.PerProduct {
		last = "CASE WHEN e.product = x.product THEN e.entered_at END"
	}
	// The customers' passes are joined once, not asked for by each candidate: while
	// there are few, PostgreSQL would go through all of them for every one. SQLite takes
	// the square of the candidates for that. A key names an occurrence of the
	// candidate's own customer.
	return `WITH x AS MATERIALIZED ` + x + `,
		n AS (SELECT x.i, max(` + last + `) AS last, max(e.ended_at) AS ended, min(CASE WHEN e.state = 'running' OR e.ended_at > $4 THEN e.id END) AS open,
				max(CASE WHEN e.key = x.key THEN 1 ELSE 0 END) AS known
			FROM x JOIN enrollments e ON e.customer_id = x.customer_id AND e.campaign_id = $2 AND e.entered_at <= $4 GROUP BY x.i)
		` + who + `, n.last, n.ended, coalesce(n.open, 0), coalesce(n.known, 0) = 1
		FROM x JOIN customers c ON c.id = x.customer_id LEFT JOIN n ON n.i = x.i`
}

// bit is a truth as a number, which both engines read from JSON alike.
func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// insertBatch bounds how many rows one statement carries.
const insertBatch = 5000

func (b *books) Enter(ctx context.Context, es []campaign.Entry, now time.Time) ([]campaign.Pass, error) {
	out := make([]campaign.Pass, len(es))
	for begin := 0; begin < len(es); begin += insertBatch {
		end := min(begin+insertBatch, len(es))
		if err := b.enterBatch(ctx, es[begin:end], out[begin:end], now); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (b *books) enterBatch(ctx context.Context, es []campaign.Entry, out []campaign.Pass, now time.Time) error {
	in := make([][]any, len(es))
	b.entered += len(es)
	byKey := make(map[string]int, len(es))
	for i, e := range es {
		state, ended := string(campaign.PassRunning), any(nil)
		if e.HeldOut {
			state, ended = string(campaign.PassHeldOut), campaign.Micros(e.AsOf)
		}
		in[i] = []any{e.Customer, e.Key, campaign.Micros(e.Anchor), campaign.Micros(e.AsOf), e.Trigger, state, ended, e.Product, bit(e.Asked)}
		byKey[e.Key] = i
	}
	rows, err := b.tx.QueryContext(ctx, `INSERT INTO enrollments
			(campaign_id, customer_id, key, anchor_at, entered_at, decided_at, anchor, state, ended_at, product, asked)
		SELECT $2, x.customer_id, x.key, x.anchor_at, x.entered_at, $3, x.anchor, x.state, x.ended_at, x.product, x.asked = 1
		FROM `+b.rows("$1", "customer_id bigint", "key text", "anchor_at bigint", "entered_at bigint", "anchor json", "state text", "ended_at bigint", "product text", "asked int")+` x
		WHERE TRUE ON CONFLICT (campaign_id, key) DO NOTHING RETURNING id, key`, array(in), b.id, campaign.Micros(now))
	type inserted struct {
		id  int64
		key string
	}
	got, err := collect(rows, err, func(rows *sql.Rows) (r inserted, err error) { return r, rows.Scan(&r.id, &r.key) })
	if err != nil {
		return err
	}
	for _, r := range got {
		i := byKey[r.key]
		e := es[i]
		out[i] = campaign.Pass{ID: r.id, Customer: e.Customer, Key: e.Key, Anchor: e.Anchor, Entered: e.AsOf,
			Trigger: e.Trigger, State: campaign.PassRunning, Moment: e.AsOf}
	}
	return b.nameCustomers(ctx, out)
}

// nameCustomers fills in what draws and times of day go by.
func (b *books) nameCustomers(ctx context.Context, ps []campaign.Pass) error {
	ids := make([]int64, 0, len(ps))
	for _, p := range ps {
		if p.ID != 0 {
			ids = append(ids, p.Customer)
		}
	}
	rows, err := b.tx.QueryContext(ctx, `SELECT id, external_id, timezone FROM customers WHERE id IN `+b.ids("$1"), array(ids))
	if err != nil {
		return err
	}
	defer rows.Close()
	type name struct{ external, zone string }
	names := make(map[int64]name, len(ids))
	for rows.Next() {
		var id int64
		var external sql.NullString
		var zone string
		if err := rows.Scan(&id, &external, &zone); err != nil {
			return err
		}
		names[id] = name{externalOr(external, id), zone}
	}
	for i := range ps {
		n := names[ps[i].Customer]
		ps[i].External, ps[i].Timezone = n.external, n.zone
	}
	return rows.Err()
}

// endPasses ends running passes, with what is still open of their messages. A
// claimed message's token is raised, so that its hand-over is refused.
func (s *Store) endPasses(ctx context.Context, tx *sql.Tx, ids []int64, reason string, at time.Time) error {
	if len(ids) == 0 {
		return nil
	}
	if _, err := tx.ExecContext(ctx, `UPDATE enrollments SET state = 'exited', reason = $2, ended_at = $3, wake_at = NULL, deadline = NULL
		WHERE state = 'running' AND id IN `+s.ids("$1"), array(ids), reason, campaign.Micros(at)); err != nil {
		return fmt.Errorf("end passes: %w", err)
	}
	return s.cancelOpen(ctx, tx, `enrollment_id IN `+s.ids("$1"), array(ids), reason, at)
}

// cancelOpen cancels what has not been handed over of the messages that where
// selects by its one argument.
func (s *Store) cancelOpen(ctx context.Context, tx *sql.Tx, where string, arg any, reason string, at time.Time) error {
	_, err := tx.ExecContext(ctx, `UPDATE messages SET state = 'cancelled', reason = $2, done_at = $3, token = token + 1, lease_until = NULL
		WHERE state IN ('pending', 'queued', 'claimed') AND `+where, arg, reason, campaign.Micros(at))
	if err != nil {
		return fmt.Errorf("cancel messages: %w", err)
	}
	return nil
}
