package audience

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"time"

	"tidings/internal/campaign"
)

// When an order runs out follows from the order and from what was known of earlier
// ones, so it changes only when facts come in. It is kept in the table supplies for
// each rule, and brought up to date by what came in since the rule's mark: a tick
// costs what is new and what is due. Those found due are worked out again, so that
// what is kept leads to orders but decides nothing.

const (
	// purchasesRule is the mark of purchases, which all rules share.
	purchasesRule = ""
	// sinceBefore is how much further back than its first tick asks for a rule is
	// kept, so that a campaign of the same rule that is a little behind has it too.
	sinceBefore = 31 * 24 * time.Hour
	// unusedFor is how long a rule that no tick asks for is kept.
	unusedFor = 31 * 24 * time.Hour
	// analyzeFrom is from how many orders at once on PostgreSQL is told of them: until
	// it looks by itself it would plan for tables that were empty.
	analyzeFrom = 1000
)

// supplyRule names all that decides when an order runs out but facts.
func supplyRule(t campaign.Replenishment) string {
	t.Where = nil
	return kindOf("supply", fmt.Sprintf("%#v", t))
}

// Supply brings up to date what is kept of when orders run out, where that is what
// c is triggered by. The window that it gives back is w with the knowledge that it
// is kept; it is for Candidates in the same transaction.
func (e *Evaluator) Supply(ctx context.Context, x Execer, c *campaign.Campaign, w Window) (Window, error) {
	t, ok := c.Trigger.(campaign.Replenishment)
	if !ok {
		return w, nil
	}
	if t.Gap == campaign.GapProduct {
		if err := e.keepPurchases(ctx, x, w); err != nil {
			return w, fmt.Errorf("keep purchases: %w", err)
		}
	}
	if err := e.keepSupplies(ctx, x, t, w); err != nil {
		return w, fmt.Errorf("keep when orders run out: %w", err)
	}
	w.supplied = true
	return w, nil
}

// supplyMark is how far a rule is kept.
type supplyMark struct {
	rule   string
	cursor string // empty: nothing is
	since  int64
	next   string // the cursor from now on
}

// openMark locks a rule's mark until the transaction ends. The next cursor is read
// before any order is: what commits meanwhile is read twice rather than never.
func (e *Evaluator) openMark(ctx context.Context, x Execer, rule string) (supplyMark, error) {
	m := supplyMark{rule: rule}
	if _, err := x.ExecContext(ctx, "INSERT INTO supplied (rule, cursor, since, used_at) VALUES ($1, '', 0, 0) ON CONFLICT DO NOTHING", rule); err != nil {
		return m, err
	}
	query := "SELECT cursor, since FROM supplied WHERE rule = $1"
	if e.engine == Postgres {
		query += " FOR UPDATE"
	}
	rows, err := x.QueryContext(ctx, query, rule)
	if err := each(rows, err, func(rows *sql.Rows) error { return rows.Scan(&m.cursor, &m.since) }); err != nil {
		return m, err
	}
	m.next, err = e.Cursor(ctx, x)
	return m, err
}

func (m supplyMark) close(ctx context.Context, x Execer, w Window) error {
	_, err := x.ExecContext(ctx, "UPDATE supplied SET cursor = $2, since = $3, used_at = $4 WHERE rule = $1", m.rule, m.next, m.since, campaign.Micros(w.To))
	return err
}

// keepSupplies works out when the orders run out that came in since the rule's
// mark, and those for which the usual gap has changed by it.
func (e *Evaluator) keepSupplies(ctx context.Context, x Execer, t campaign.Replenishment, w Window) error {
	m, err := e.openMark(ctx, x, supplyRule(t))
	if err != nil {
		return err
	}
	from := campaign.Micros(w.From)
	if m.cursor == m.next && m.since <= from {
		return nil
	}
	var orders []int64
	year := campaign.Micros(campaign.FromMicros(m.since).Add(-longestSupply))
	if m.cursor == "" || from < m.since {
		m.since = campaign.Micros(w.From.Add(-sinceBefore))
		year = campaign.Micros(w.From.Add(-sinceBefore - longestSupply))
		if err := forgetSupplies(ctx, x, m.rule, campaign.Micros(w.To.Add(-unusedFor))); err != nil {
			return err
		}
		orders, err = e.ordersSince(ctx, x, year)
	} else {
		orders, err = e.touched(ctx, x, t, m.cursor, year)
	}
	if err != nil {
		return err
	}
	if len(orders) > batch && t.Gap == campaign.GapProduct {
		if err := e.keepAllGaps(ctx, x, year); err != nil {
			return err
		}
	}
	for part := range slices.Chunk(orders, batch) {
		if err := e.keepDue(ctx, x, t, m, part); err != nil {
			return err
		}
	}
	if err := e.analyze(ctx, x, len(orders), "supplies, usual_gaps"); err != nil {
		return err
	}
	if m, err = m.prune(ctx, x, w); err != nil {
		return err
	}
	return m.close(ctx, x, w)
}

// analyze tells PostgreSQL of many new rows at once.
func (e *Evaluator) analyze(ctx context.Context, x Execer, orders int, tables string) error {
	if e.engine != Postgres || orders < analyzeFrom {
		return nil
	}
	_, err := x.ExecContext(ctx, "ANALYZE "+tables)
	return err
}

// prune forgets what ran out long ago, some weeks of it at a time, and the usual gaps
// of days that no order is left of that could run out again.
func (m supplyMark) prune(ctx context.Context, x Execer, w Window) (supplyMark, error) {
	if w.From.Sub(campaign.FromMicros(m.since)) <= 2*sinceBefore {
		return m, nil
	}
	m.since = campaign.Micros(w.From.Add(-sinceBefore))
	if _, err := x.ExecContext(ctx, "DELETE FROM supplies WHERE rule = $1 AND due_at <= $2", m.rule, m.since); err != nil {
		return m, err
	}
	_, err := x.ExecContext(ctx, "DELETE FROM usual_gaps WHERE day < (SELECT min(CASE WHEN d.rule = $1 THEN $2 ELSE d.since END) FROM supplied d WHERE d.rule <> '') - $3",
		m.rule, m.since, longestSupply.Microseconds()+(24*time.Hour).Microseconds())
	return m, err
}

// forgetSupplies forgets what is kept by the rule, to begin anew, and by rules that
// were last used before a moment.
func forgetSupplies(ctx context.Context, x Execer, rule string, before int64) error {
	unused := "SELECT d.rule FROM supplied d WHERE d.used_at < $2 AND d.rule <> '' AND d.rule <> $1"
	for _, query := range []string{
		"DELETE FROM supplies WHERE rule = $1 OR rule IN (" + unused + ")",
		"DELETE FROM supplied WHERE rule IN (" + unused + ")",
	} {
		if _, err := x.ExecContext(ctx, query, rule, before); err != nil {
			return err
		}
	}
	return nil
}

// touched are the orders committed since cursor, and those after year that run out
// at another moment because of them: by the customer's own gap all of the customer,
// by the product's those of days before which the new ones were known.
func (e *Evaluator) touched(ctx context.Context, q Querier, t campaign.Replenishment, cursor string, year int64) ([]int64, error) {
	n, err := e.newOrders(ctx, q, cursor)
	if err != nil || len(n.orders) == 0 {
		return nil, err
	}
	out := map[int64]bool{}
	note := func(ids []int64) {
		for _, id := range ids {
			out[id] = true
		}
	}
	note(n.orders)
	switch t.Gap {
	case campaign.GapCustomer:
		for part := range slices.Chunk(slices.Sorted(maps.Keys(n.customers)), batch) {
			b := e.builder(nil)
			table, err := b.ids(part)
			if err != nil {
				return nil, err
			}
			ids, err := b.list(ctx, q, "SELECT e.id FROM "+table+" p CROSS JOIN events e WHERE "+
				and("e.customer_id = p.id", "e.name = "+b.text(campaign.OrderCompleted), "e.occurred_at > "+b.int(year)))
			if err != nil {
				return nil, err
			}
			note(ids)
		}
	case campaign.GapProduct:
		const day = int64(24 * time.Hour / time.Microsecond)
		for product, known := range n.products {
			n.products[product] = max(known-known%day+day, year+1)
		}
		b := e.builder(nil)
		table, err := b.productTable(n.products)
		if err != nil {
			return nil, err
		}
		ids, err := b.list(ctx, q, "SELECT p.event_id FROM "+b.purchasesOf(table, "p.product = m.product AND p.occurred_at >= m.at"))
		if err != nil {
			return nil, err
		}
		note(ids)
	}
	return slices.Sorted(maps.Keys(out)), nil
}

// keepDue keeps when orders run out, as far as that is after the mark's since.
func (e *Evaluator) keepDue(ctx context.Context, x Execer, t campaign.Replenishment, m supplyMark, ids []int64) error {
	orders, err := e.ordersOf(ctx, x, ids)
	if err != nil {
		return err
	}
	for i, o := range orders {
		orders[i].lines = supplyLines(t.Of, o.properties, o.moment())
	}
	if t.Gap == campaign.GapProduct {
		if err := e.keepGaps(ctx, x, daysBought(orders)); err != nil {
			return err
		}
	}
	gaps, err := e.usualGaps(ctx, x, t, orders, true)
	if err != nil {
		return err
	}
	var due [][]any
	for i, o := range orders {
		if one, _, ok := o.runsOut(t, gaps[i]); ok && campaign.Micros(one.Due) > m.since {
			due = append(due, []any{o.id, o.customer, campaign.Micros(one.Due)})
		}
	}
	b := e.builder(nil)
	table, err := b.ids(ids)
	if err != nil {
		return err
	}
	if err := b.exec(ctx, x, "DELETE FROM supplies WHERE rule = "+b.text(m.rule)+" AND event_id IN (SELECT p.id FROM "+table+" p)"); err != nil {
		return err
	}
	if len(due) == 0 {
		return nil
	}
	b = e.builder(nil)
	if table, err = b.table([]column{{"event_id", "bigint"}, {"customer_id", "bigint"}, {"due_at", "bigint"}}, due); err != nil {
		return err
	}
	return b.exec(ctx, x, "INSERT INTO supplies (rule, event_id, customer_id, due_at) SELECT "+b.text(m.rule)+", v.event_id, v.customer_id, v.due_at FROM "+table+" v"+customerThere)
}
