package audience

import (
	"context"
	"database/sql"
	"maps"
	"math"
	"slices"
	"time"

	"tidings/internal/campaign"
)

// usualGaps are the gaps of each order's lines, 0 where none is known; kept tells
// that purchases are.
func (e *Evaluator) usualGaps(ctx context.Context, q Querier, t campaign.Replenishment, orders []supply, kept bool) ([][]time.Duration, error) {
	out := make([][]time.Duration, len(orders))
	for i, o := range orders {
		out[i] = make([]time.Duration, len(o.lines))
	}
	if t.Gap == campaign.GapFixed || len(orders) == 0 {
		return out, nil
	}
	if t.Gap == campaign.GapCustomer {
		return out, e.ownGaps(ctx, q, t, orders, out)
	}
	return out, e.productGaps(ctx, q, orders, kept, out)
}

// purchase is what a customer bought of a stock at one moment.
type purchase struct {
	customer int64
	at       time.Time
	moment   time.Time // from when on it was known
	pieces   float64
}

// ownGaps fills in the customers' own gaps.
func (e *Evaluator) ownGaps(ctx context.Context, q Querier, t campaign.Replenishment, orders []supply, out [][]time.Duration) error {
	mine := map[int64][]supply{}
	for part := range slices.Chunk(slices.Sorted(maps.Keys(customersOf(orders))), batch) {
		err := e.orderHistory(ctx, q, part, func(o supply) {
			if o.lines = supplyLines(t.Of, o.properties, o.moment()); len(o.lines) > 0 {
				mine[o.customer] = append(mine[o.customer], o)
			}
		})
		if err != nil {
			return err
		}
	}
	for i, o := range orders {
		for n, line := range o.lines {
			var stock gapList
			for _, k := range mine[o.customer] {
				if k.moment().After(o.moment()) || k.at.After(o.at) {
					continue
				}
				pieces := 0.0
				for _, l := range k.lines {
					if len(t.Of) > 0 || l.product == line.product {
						pieces += l.pieces
					}
				}
				if pieces > 0 {
					stock.add(purchase{customer: k.customer, at: k.at, pieces: pieces})
				}
			}
			out[i][n] = stock.median(fewestOwnGaps)
		}
	}
	return nil
}

func customersOf(orders []supply) map[int64]bool {
	out := map[int64]bool{}
	for _, o := range orders {
		out[o.customer] = true
	}
	return out
}

// usual names the gap that was usual for a product when a UTC day began.
type usual struct {
	product string
	day     int64
}

// productDays are the days as of whose start products' gaps are asked for.
type productDays map[string][]int64

func (d productDays) add(product string, day int64) { d[product] = append(d[product], day) }

// daysBought are the products of orders with the days on which they were bought.
func daysBought(orders []supply) productDays {
	out := productDays{}
	for _, o := range orders {
		for _, l := range o.lines {
			if l.product != "" {
				out.add(l.product, campaign.Micros(o.day()))
			}
		}
	}
	return out
}

// last is the last of all days.
func (d productDays) last() int64 {
	last := int64(math.MinInt64)
	for _, days := range d {
		last = max(last, slices.Max(days))
	}
	return last
}

// productGaps fills in the products' gaps.
func (e *Evaluator) productGaps(ctx context.Context, q Querier, orders []supply, kept bool, out [][]time.Duration) error {
	asked := daysBought(orders)
	if len(asked) == 0 {
		return nil
	}
	find := e.gapsOfOrders
	if kept {
		find = e.keptGaps
	}
	gaps, err := find(ctx, q, asked)
	if err != nil {
		return err
	}
	for i, o := range orders {
		for n, l := range o.lines {
			out[i][n] = gaps[usual{l.product, campaign.Micros(o.day())}]
		}
	}
	return nil
}

// gapsOfOrders works the gaps out from all orders.
func (e *Evaluator) gapsOfOrders(ctx context.Context, q Querier, asked productDays) (map[usual]time.Duration, error) {
	bought := map[string][]purchase{}
	b := e.builder(nil)
	last := b.int(asked.last())
	where := and("e.name = "+b.text(campaign.OrderCompleted), "e.occurred_at < "+last, "e.known_at < "+last)
	err := e.orderHistoryOf(ctx, q, b, "events e", where, func(o supply) {
		for _, l := range supplyLines(nil, o.properties, o.at) {
			if asked[l.product] != nil {
				bought[l.product] = append(bought[l.product], purchase{customer: o.customer, at: o.at, moment: o.moment(), pieces: l.pieces})
			}
		}
	})
	if err != nil {
		return nil, err
	}
	out := map[usual]time.Duration{}
	asked.walk(bought, out)
	return out, nil
}

// walk goes once through the purchases of each product, given in order of time, in
// the order in which they became known, and notes the gaps of the days on the way.
func (d productDays) walk(bought map[string][]purchase, out map[usual]time.Duration) {
	for product, days := range d {
		slices.Sort(days)
		known := bought[product]
		slices.SortStableFunc(known, func(a, b purchase) int { return a.moment.Compare(b.moment) })
		var stock gapList
		for _, day := range slices.Compact(days) {
			for ; len(known) > 0 && campaign.Micros(known[0].moment) < day; known = known[1:] {
				stock.add(known[0])
			}
			out[usual{product, day}] = stock.median(fewestProductGaps)
		}
	}
}

// orderHistory gives f every order of customers, in order.
func (e *Evaluator) orderHistory(ctx context.Context, q Querier, customers []int64, f func(supply)) error {
	b := e.builder(nil)
	table, err := b.ids(customers)
	if err != nil {
		return err
	}
	return e.orderHistoryOf(ctx, q, b, table+" p CROSS JOIN events e", and("e.customer_id = p.id", "e.name = "+b.text(campaign.OrderCompleted)), f)
}

func (e *Evaluator) orderHistoryOf(ctx context.Context, q Querier, b *builder, from, where string, f func(supply)) error {
	rows, err := b.query(ctx, q, "SELECT e.id, e.uid, e.customer_id, e.occurred_at, e.known_at, e.properties FROM "+from+" WHERE "+where+" ORDER BY e.occurred_at, e.id")
	return each(rows, err, func(rows *sql.Rows) error {
		var o supply
		var at, known int64
		var properties []byte
		if err := rows.Scan(&o.id, &o.uid, &o.customer, &at, &known, &properties); err != nil {
			return err
		}
		o.at, o.known, o.properties = campaign.FromMicros(at), campaign.FromMicros(known), object(properties)
		f(o)
		return nil
	})
}
