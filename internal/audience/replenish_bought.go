package audience

import (
	"context"
	"database/sql"
	"math"
	"slices"

	"tidings/internal/campaign"
)

// news is what orders committed since a mark may change.
type news struct {
	orders    []int64
	customers map[int64]bool
	products  map[string]int64 // since the earliest moment at which a purchase was known
}

// newOrders are those committed since cursor, which is not empty, and those of this
// very transaction: a rehearsal brings some, that no snapshot tells apart.
func (e *Evaluator) newOrders(ctx context.Context, q Querier, cursor string) (news, error) {
	out := news{customers: map[int64]bool{}, products: map[string]int64{}}
	b := e.builder(nil)
	fresh, name, err := b.fresh("e", cursor)
	if err != nil {
		return out, err
	}
	if e.engine == Postgres {
		fresh = "(" + fresh + " OR e.xid = pg_current_xact_id())"
	}
	return out, e.orderHistoryOf(ctx, q, b, "events e", and(fresh, name+" = "+b.text(campaign.OrderCompleted)), func(o supply) {
		out.orders = append(out.orders, o.id)
		out.customers[o.customer] = true
		for _, l := range supplyLines(nil, o.properties, o.at) {
			known := campaign.Micros(o.moment())
			if earlier, ok := out.products[l.product]; !ok || known < earlier {
				out.products[l.product] = known
			}
		}
	})
}

// ordersSince are the ids of the orders that happened after since, those of one
// customer together.
func (e *Evaluator) ordersSince(ctx context.Context, q Querier, since int64) ([]int64, error) {
	b := e.builder(nil)
	return b.list(ctx, q, "SELECT e.id FROM events e WHERE "+and("e.name = "+b.text(campaign.OrderCompleted), "e.occurred_at > "+b.int(since))+" ORDER BY e.customer_id, e.id")
}

// list runs a query for numbers.
func (b *builder) list(ctx context.Context, q Querier, query string) ([]int64, error) {
	var out []int64
	rows, err := b.query(ctx, q, query)
	return out, each(rows, err, func(rows *sql.Rows) error {
		var n int64
		err := rows.Scan(&n)
		out = append(out, n)
		return err
	})
}

// ids is a table of numbers as rows.
func (b *builder) ids(ids []int64) (string, error) {
	rows := make([][]any, len(ids))
	for i, id := range ids {
		rows[i] = []any{id}
	}
	return b.table([]column{{"id", "bigint"}}, rows)
}

// ordersOf reads orders by their ids.
func (e *Evaluator) ordersOf(ctx context.Context, q Querier, ids []int64) ([]supply, error) {
	b := e.builder(nil)
	table, err := b.ids(ids)
	if err != nil {
		return nil, err
	}
	var out []supply
	where := and("e.id = p.id", b.unled("e.name")+" = "+b.text(campaign.OrderCompleted))
	return out, e.orderHistoryOf(ctx, q, b, table+" p CROSS JOIN events e", where, func(o supply) { out = append(out, o) })
}

// keepPurchases adds what was bought since, and forgets the usual gaps of days
// before which that was known already: facts of before, as a file brings them or a
// merge moves them.
func (e *Evaluator) keepPurchases(ctx context.Context, x Execer, w Window) error {
	m, err := e.openMark(ctx, x, purchasesRule)
	if err != nil || m.cursor == m.next {
		return err
	}
	var n news
	if m.cursor == "" {
		n.orders, err = e.ordersSince(ctx, x, math.MinInt64)
	} else {
		n, err = e.newOrders(ctx, x, m.cursor)
	}
	if err != nil {
		return err
	}
	for part := range slices.Chunk(n.orders, batch) {
		if err := e.addPurchases(ctx, x, part); err != nil {
			return err
		}
	}
	if err := e.forgetGaps(ctx, x, n.products); err != nil {
		return err
	}
	if err := e.analyze(ctx, x, len(n.orders), "purchases"); err != nil {
		return err
	}
	return m.close(ctx, x, w)
}

func (e *Evaluator) addPurchases(ctx context.Context, x Execer, ids []int64) error {
	orders, err := e.ordersOf(ctx, x, ids)
	if err != nil {
		return err
	}
	var rows [][]any
	for _, o := range orders {
		for _, l := range supplyLines(nil, o.properties, o.at) {
			if storable(l.product) {
				rows = append(rows, []any{l.product, campaign.Micros(o.at), o.id, o.customer, campaign.Micros(o.moment()), l.pieces})
			}
		}
	}
	if len(rows) == 0 {
		return nil
	}
	b := e.builder(nil)
	table, err := b.table([]column{{"product", "text"}, {"occurred_at", "bigint"}, {"event_id", "bigint"}, {"customer_id", "bigint"}, {"moment", "bigint"}, {"pieces", "float8"}}, rows)
	if err != nil {
		return err
	}
	return b.exec(ctx, x, `INSERT INTO purchases (product, occurred_at, event_id, customer_id, moment, pieces)
		SELECT v.product, v.occurred_at, v.event_id, v.customer_id, v.moment, v.pieces FROM `+table+` v`+customerThere+`
		ON CONFLICT DO NOTHING`)
}

// customerThere leaves out who was merged away since the orders were read: under
// the other customer they come again.
const customerThere = " WHERE EXISTS (SELECT 1 FROM customers c WHERE c.id = v.customer_id)"

// productTable is a table of products with a moment each.
func (b *builder) productTable(products map[string]int64) (string, error) {
	rows := make([][]any, 0, len(products))
	for product, at := range products {
		if storable(product) {
			rows = append(rows, []any{product, at})
		}
	}
	return b.table([]column{{"product", "text"}, {"at", "bigint"}}, rows)
}

func (e *Evaluator) forgetGaps(ctx context.Context, x Execer, products map[string]int64) error {
	if len(products) == 0 {
		return nil
	}
	b := e.builder(nil)
	table, err := b.productTable(products)
	if err != nil {
		return err
	}
	return b.exec(ctx, x, "DELETE FROM usual_gaps WHERE (product, day) IN (SELECT g.product, g.day FROM "+table+" m CROSS JOIN usual_gaps g WHERE g.product = m.product AND g.day > m.at)")
}
