package audience

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"tidings/internal/campaign"
)

// batch is how many passes one statement carries.
const batch = 2000

// passTable is the relation x for passes, with id beside it. It is materialised
// because every condition would otherwise read the JSON again.
func (b *builder) passTable(passes []PassAt) (string, error) {
	rows := make([][]any, len(passes))
	for i, p := range passes {
		row := []any{p.ID, p.Customer, campaign.Micros(p.AsOf), nil, nil, nil}
		if !p.Anchor.IsZero() {
			row[3] = campaign.Micros(p.Anchor)
		}
		if !p.Entered.IsZero() {
			row[4] = campaign.Micros(p.Entered)
		}
		if len(p.Trigger) > 0 {
			row[5] = p.Trigger
		}
		rows[i] = row
	}
	b.days = func() []time.Time { return daysOf(passes, b.cat.Workspace.Zone) }
	table, err := b.table([]column{{"id", "bigint"}, {"customer_id", "bigint"}, {"as_of", "bigint"}, {"anchor_at", "bigint"}, {"entered_at", "bigint"}, {"anchor", "json"}}, rows)
	return "WITH x AS MATERIALIZED " + table + " ", err
}

// Holds tells for which passes cond holds, by PassAt.ID; every pass asked for
// is in the answer. c is the campaign whose passes they are, nil for plain
// customers; a nil cond holds for all.
func (e *Evaluator) Holds(ctx context.Context, q Querier, c *campaign.Campaign, cond campaign.Condition, passes []PassAt) (map[int64]bool, error) {
	each, err := e.HoldsEach(ctx, q, c, []campaign.Condition{cond}, passes)
	if err != nil {
		return nil, err
	}
	out := make(map[int64]bool, len(each))
	for id, held := range each {
		out[id] = held[0]
	}
	return out, nil
}

// HoldsEach judges several conditions in one statement: the answers stand in
// the order of conds.
func (e *Evaluator) HoldsEach(ctx context.Context, q Querier, c *campaign.Campaign, conds []campaign.Condition, passes []PassAt) (map[int64][]bool, error) {
	out := make(map[int64][]bool, len(passes))
	for part := range e.parts(conds, passes) {
		b := e.builder(c)
		query, err := b.passTable(part)
		if err != nil {
			return nil, err
		}
		query += "SELECT x.id"
		for _, cond := range conds {
			s, err := b.condition(cond)
			if err != nil {
				return nil, err
			}
			query += ", " + s
		}
		rows, err := b.query(ctx, q, query+" FROM x")
		if err := each(rows, err, func(rows *sql.Rows) error {
			var id int64
			held := make([]bool, len(conds))
			dest := []any{&id}
			for i := range held {
				dest = append(dest, &held[i])
			}
			if err := rows.Scan(dest...); err != nil {
				return err
			}
			out[id] = held
			return nil
		}); err != nil {
			return nil, fmt.Errorf("judge passes: %w", err)
		}
	}
	return out, nil
}

// Members are the customers for whom cond holds as of asOf, by id. A customer
// is one from created_at on.
func (e *Evaluator) Members(ctx context.Context, q Querier, cond campaign.Condition, asOf time.Time) ([]int64, error) {
	b := e.builder(nil)
	query, err := b.members("x.customer_id", cond, asOf)
	if err != nil {
		return nil, err
	}
	var out []int64
	rows, err := b.query(ctx, q, query+" ORDER BY x.customer_id")
	if err := each(rows, err, func(rows *sql.Rows) error {
		var id int64
		defer func() { out = append(out, id) }()
		return rows.Scan(&id)
	}); err != nil {
		return nil, fmt.Errorf("list members: %w", err)
	}
	return out, nil
}

// Count is how many Members there are.
func (e *Evaluator) Count(ctx context.Context, q Querier, cond campaign.Condition, asOf time.Time) (int, error) {
	b := e.builder(nil)
	query, err := b.members("count(*)", cond, asOf)
	if err != nil {
		return 0, err
	}
	var n int
	rows, err := b.query(ctx, q, query)
	if err := each(rows, err, func(rows *sql.Rows) error { return rows.Scan(&n) }); err != nil {
		return 0, fmt.Errorf("count members: %w", err)
	}
	return n, nil
}

func (b *builder) members(what string, cond campaign.Condition, asOf time.Time) (string, error) {
	from, err := b.population(cond, asOf)
	return "SELECT " + what + from, err
}

// each reads every row of a query and closes it.
func each(rows *sql.Rows, err error, f func(*sql.Rows) error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := f(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// and is the conjunction of conditions that are never null.
func and(conds ...string) string { return strings.Join(conds, " AND ") }
