package audience

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"time"

	"tidings/internal/campaign"
)

// productsAtOnce is how many products' purchases are in memory at once.
const productsAtOnce = 100

// keepAllGaps keeps the usual gaps of all days after since on which products were
// bought, reading the purchases of each product once.
func (e *Evaluator) keepAllGaps(ctx context.Context, x Execer, since int64) error {
	b := e.builder(nil)
	asked := productDays{}
	rows, err := b.query(ctx, x, "SELECT p.product, p.occurred_at FROM purchases p WHERE p.occurred_at > "+b.int(since)+" ORDER BY p.product, p.occurred_at")
	err = each(rows, err, func(rows *sql.Rows) error {
		var product string
		var at int64
		if err := rows.Scan(&product, &at); err != nil {
			return err
		}
		day := campaign.Micros(supply{at: campaign.FromMicros(at)}.day())
		if days := asked[product]; len(days) == 0 || days[len(days)-1] != day {
			asked.add(product, day)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for part := range slices.Chunk(slices.Sorted(maps.Keys(asked)), productsAtOnce) {
		some := productDays{}
		for _, product := range part {
			some[product] = asked[product]
		}
		if err := e.keepGaps(ctx, x, some); err != nil {
			return err
		}
	}
	return nil
}

// keepGaps keeps the usual gaps asked for that are not kept yet.
func (e *Evaluator) keepGaps(ctx context.Context, x Execer, asked productDays) error {
	_, missing, err := e.lookUpGaps(ctx, x, asked)
	if err != nil || len(missing) == 0 {
		return err
	}
	found, err := e.gapsOfPurchases(ctx, x, missing)
	if err != nil {
		return err
	}
	rows := make([][]any, 0, len(found))
	for of, gap := range found {
		rows = append(rows, []any{of.product, of.day, int64(gap)})
	}
	for part := range slices.Chunk(rows, batch) {
		b := e.builder(nil)
		table, err := b.table([]column{{"product", "text"}, {"day", "bigint"}, {"gap", "bigint"}}, part)
		if err != nil {
			return err
		}
		if err := b.exec(ctx, x, "INSERT INTO usual_gaps (product, day, gap) SELECT v.product, v.day, v.gap FROM "+table+" v"); err != nil {
			return err
		}
	}
	return nil
}

// keptGaps are the usual gaps asked for: as kept, and else from the purchases kept.
func (e *Evaluator) keptGaps(ctx context.Context, q Querier, asked productDays) (map[usual]time.Duration, error) {
	out, missing, err := e.lookUpGaps(ctx, q, asked)
	if err != nil || len(missing) == 0 {
		return out, err
	}
	found, err := e.gapsOfPurchases(ctx, q, missing)
	maps.Copy(out, found)
	return out, err
}

// lookUpGaps finds the usual gaps that are kept, and which are not.
func (e *Evaluator) lookUpGaps(ctx context.Context, q Querier, asked productDays) (kept map[usual]time.Duration, missing productDays, err error) {
	var wanted [][]any
	for product, days := range asked {
		slices.Sort(days)
		for _, day := range slices.Compact(days) {
			if storable(product) {
				wanted = append(wanted, []any{product, day})
			}
		}
	}
	kept, missing = map[usual]time.Duration{}, productDays{}
	for part := range slices.Chunk(wanted, batch) {
		b := e.builder(nil)
		table, err := b.table([]column{{"product", "text"}, {"day", "bigint"}}, part)
		if err != nil {
			return nil, nil, err
		}
		rows, err := b.query(ctx, q, "SELECT g.product, g.day, g.gap FROM "+table+" p CROSS JOIN usual_gaps g WHERE g.product = p.product AND g.day = p.day")
		err = each(rows, err, func(rows *sql.Rows) error {
			var of usual
			var gap int64
			err := rows.Scan(&of.product, &of.day, &gap)
			kept[of] = time.Duration(gap)
			return err
		})
		if err != nil {
			return nil, nil, err
		}
	}
	for _, w := range wanted {
		product, day := w[0].(string), w[1].(int64)
		if _, ok := kept[usual{product, day}]; !ok {
			missing.add(product, day)
		}
	}
	return kept, missing, nil
}

// purchasesOf are the purchases p for each row m of a table. PostgreSQL, which takes
// any such table for a long one, would go through all purchases at once: OFFSET
// makes it look for each row's own.
func (b *builder) purchasesOf(table, cond string) string {
	if b.engine == SQLite {
		return table + " m CROSS JOIN purchases p WHERE " + cond
	}
	return table + " m CROSS JOIN LATERAL (SELECT * FROM purchases p WHERE " + cond + " OFFSET 0) p"
}

// gapsOfPurchases works the gaps out from the purchases kept.
func (e *Evaluator) gapsOfPurchases(ctx context.Context, q Querier, asked productDays) (map[usual]time.Duration, error) {
	b := e.builder(nil)
	last := asked.last()
	products := map[string]int64{}
	for product := range asked {
		products[product] = last
	}
	table, err := b.productTable(products)
	if err != nil {
		return nil, err
	}
	bought := map[string][]purchase{}
	rows, err := b.query(ctx, q, "SELECT p.product, p.customer_id, p.occurred_at, p.moment, p.pieces FROM "+
		b.purchasesOf(table, "p.product = m.product AND p.occurred_at < m.at AND p.moment < m.at")+" ORDER BY p.product, p.occurred_at, p.event_id")
	err = each(rows, err, func(rows *sql.Rows) error {
		var product string
		var p purchase
		var at, known int64
		if err := rows.Scan(&product, &p.customer, &at, &known, &p.pieces); err != nil {
			return err
		}
		p.at, p.moment = campaign.FromMicros(at), campaign.FromMicros(known)
		bought[product] = append(bought[product], p)
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := map[usual]time.Duration{}
	asked.walk(bought, out)
	return out, nil
}
