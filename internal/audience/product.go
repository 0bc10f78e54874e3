package audience

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"tidings/internal/campaign"
)

// onProduct finds, for each fact of the catalogue that is due, the customers who
// wait for it: who asked, or viewed, and has neither ordered the product nor had
// a pass of this campaign about it since. Passes are those stored, entered before
// the moment: of two facts about one product in one evaluation the second does
// not know whom the first served, which re_entry then sees to.
func (e *Evaluator) onProduct(ctx context.Context, q Querier, c *campaign.Campaign, t campaign.OnProduct, w Window) ([]campaign.Candidate, error) {
	facts, err := e.catalogueFacts(ctx, q, t, w)
	if err != nil {
		return nil, err
	}
	var out []campaign.Candidate
	for part := range slices.Chunk(facts, batch) {
		waiting := make([][]waiter, len(part))
		asked := campaign.BackInStockRequested
		if t.Drop > 0 {
			asked = campaign.PriceDropRequested
		}
		for _, way := range []struct {
			event  string
			within campaign.Duration
		}{{asked, t.Asked}, {campaign.ProductViewed, t.Viewed}} {
			if way.within.IsZero() {
				continue
			}
			if err := e.waiting(ctx, q, c, part, way.event, way.within, w, t.PerUnit > 0, waiting); err != nil {
				return nil, fmt.Errorf("find who waits: %w", err)
			}
		}
		for i, fact := range part {
			for _, one := range served(waiting[i], t.PerUnit, fact.stock) {
				if w.Customer != 0 && one.customer != w.Customer {
					continue
				}
				mine := fact.Candidate
				mine.Customer, mine.Asked = one.customer, one.asked
				mine.Key = ProductKey(fact.Key, CustomerRef(one.customer, one.external))
				out = append(out, mine)
			}
		}
	}
	return out, nil
}

// catalogueFact is an anchor: a candidate of nobody yet, whose key is its uid.
type catalogueFact struct {
	campaign.Candidate
	stock float64
}

// waiter is a customer who waits for a product.
type waiter struct {
	customer int64
	external string
	since    int64 // when they asked, or viewed it
	asked    bool
	mailable bool // told only where pieces are shared out
}

// served are those of the waiting whose turn it is: who asked first comes first,
// who only viewed comes after them. A piece in stock serves perUnit of them; where
// the fact doesn't say how many there are, there is one. Whom no mail may reach
// takes nobody's turn; they come last, for it to be said why they get none.
func served(waiting []waiter, perUnit int, stock float64) []waiter {
	slices.SortFunc(waiting, func(a, b waiter) int {
		if a.asked != b.asked {
			if a.asked {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.since, b.since), cmp.Compare(a.customer, b.customer))
	})
	seen := make(map[int64]bool, len(waiting))
	waiting = slices.DeleteFunc(waiting, func(one waiter) bool { // who asked and viewed
		twice := seen[one.customer]
		seen[one.customer] = true
		return twice
	})
	if perUnit == 0 {
		return waiting
	}
	var turn, away []waiter
	for _, one := range waiting {
		switch {
		case !one.mailable:
			away = append(away, one)
		case float64(len(turn)) < max(math.Floor(stock), 0)*float64(perUnit):
			turn = append(turn, one)
		}
	}
	return append(turn, away...)
}

// catalogueFacts are the facts of t that could first be decided in w and pass its
// where: back in stock, or a price that fell far enough below the one before.
func (e *Evaluator) catalogueFacts(ctx context.Context, q Querier, t campaign.OnProduct, w Window) ([]catalogueFact, error) {
	b := e.builder(nil)
	name := campaign.ProductBackInStock
	if t.Drop > 0 {
		name = campaign.ProductPriceChanged
	}
	from, to := b.int(campaign.Micros(w.From)), b.int(campaign.Micros(w.To))
	due := b.after("e.occurred_at", t.After)
	row := "SELECT e.id, e.uid, e.product_id, e.name, e.occurred_at, e.properties, " + due + " AS due, " + b.greatest(due, "e.known_at") + " AS as_of FROM catalogue_events e WHERE "
	first, last := t.After.Before(w.From), t.After.Before(w.To)
	if t.After.Months != 0 {
		first, last = first.AddDate(0, 0, -4), last.AddDate(0, 0, 4)
	}
	parts := []string{
		row + and("e.name = "+b.text(name), "e.occurred_at > "+b.int(campaign.Micros(first)), "e.occurred_at <= "+b.int(campaign.Micros(last)),
			due+" > "+from, due+" <= "+to, "e.known_at <= "+to),
		row + and("e.name = "+b.text(name), "e.known_at > e.occurred_at", "e.known_at > "+from, "e.known_at <= "+to, due+" <= "+from),
	}
	if w.Cursor != "" {
		fresh, err := b.freshIn(freshCatalogue, "e", w.Cursor)
		if err != nil {
			return nil, err
		}
		parts = append(parts, row+and(fresh, b.unled("e.name")+" = "+b.text(name), "e.known_at <= "+from,
			due+" > "+b.int(campaign.Micros(w.LateFrom)), due+" <= "+from))
	}
	before := "NULL"
	if t.Drop > 0 {
		before = "(SELECT p.properties FROM catalogue_events p WHERE " + and("p.product_id = x.product_id", "p.name = x.name", "p.occurred_at <= x.occurred_at",
			"(p.occurred_at < x.occurred_at OR p.id < x.id)", "p.known_at <= x.as_of") + " ORDER BY p.occurred_at DESC, p.id DESC LIMIT 1)"
	}
	var out []catalogueFact
	rows, err := b.query(ctx, q, "SELECT x.uid, x.product_id, x.occurred_at, x.due, x.as_of, x.properties, "+before+" FROM ("+strings.Join(parts, " UNION ALL ")+") x ORDER BY x.as_of, x.id")
	err = each(rows, err, func(rows *sql.Rows) error {
		var one catalogueFact
		var anchor, due, asOf int64
		var properties, earlier []byte
		if err := rows.Scan(&one.Key, &one.Product, &anchor, &due, &asOf, &properties, &earlier); err != nil {
			return err
		}
		one.Anchor, one.Due, one.AsOf = campaign.FromMicros(anchor), campaign.FromMicros(due), campaign.FromMicros(asOf)
		o := object(properties)
		if t.Drop > 0 && !fell(o, object(earlier), t.Drop) || !Match(t.Where, o, one.AsOf) {
			return nil
		}
		one.stock = 1
		if n, ok := o["stock"].(float64); ok {
			one.stock = n
		}
		o["product"] = productOf(o)
		var err error
		if one.Trigger, err = json.Marshal(o); err != nil {
			return fmt.Errorf("encode product: %w", err)
		}
		out = append(out, one)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("find facts of the catalogue: %w", err)
	}
	return out, nil
}

// productOf is what a fact of the catalogue tells of its product: all of it, and
// what stands in a `product` of its own.
func productOf(fact map[string]any) map[string]any {
	product := maps.Clone(fact)
	delete(product, "product")
	if own, ok := fact["product"].(map[string]any); ok {
		maps.Copy(product, own)
	}
	return product
}

// fell tells whether the price is at least share below what it was: the fact's
// own `was`, else the price of the fact before.
func fell(fact, before map[string]any, share campaign.Share) bool {
	was, ok := fact["was"].(float64)
	if !ok {
		if was, ok = before["price"].(float64); !ok {
			return false
		}
	}
	price, ok := fact["price"].(float64)
	// Half a millionth of tolerance: 0.9 × 10 is no round number.
	return ok && was > 0 && price < was && (was-price)*1e6 >= float64(share)*was*1e6-0.5
}

// told is the condition that no pass of c about the product of fact o began since
// customer r asked, with the table that it needs, if any. A pass entered in the
// fact's own moment is this one, found again.
func (b *builder) told(c *campaign.Campaign, w Window) (cond, table string, err error) {
	since := and("n.customer_id = r.customer_id", "n.product = o.product", "n.entered_at >= r.occurred_at", "n.entered_at < o.as_of")
	stored := and(since, "p.name = "+b.text(c.Name))
	if w.Imagined == nil {
		return "NOT EXISTS (SELECT 1 FROM enrollments n JOIN campaigns p ON p.id = n.campaign_id WHERE " + stored + ")", "", nil
	}
	rows := make([][]any, len(w.Imagined.Passes))
	for i, p := range w.Imagined.Passes {
		rows[i] = []any{p.Customer, p.Product, campaign.Micros(p.Entered)}
	}
	table, err = b.table([]column{{"customer_id", "bigint"}, {"product", "text"}, {"entered_at", "bigint"}}, rows)
	stored = and(stored, "n.entered_at <= "+b.int(campaign.Micros(w.Imagined.Until)))
	return "NOT EXISTS (SELECT 1 FROM enrollments n JOIN campaigns p ON p.id = n.campaign_id WHERE " + stored + ") AND NOT EXISTS (SELECT 1 FROM imagined n WHERE " + since + ")",
		", imagined AS MATERIALIZED " + table, err
}

// Cuts are the moments in w between which no product has two facts: who waits for
// the second depends on whom the first has served, so each stretch is evaluated
// after the one before it has been decided. Only triggers on products have any.
func (e *Evaluator) Cuts(ctx context.Context, q Querier, c *campaign.Campaign, w Window) ([]time.Time, error) {
	t, ok := c.Trigger.(campaign.OnProduct)
	if !ok {
		return nil, nil
	}
	facts, err := e.catalogueFacts(ctx, q, t, w)
	if err != nil {
		return nil, fmt.Errorf("find facts of the catalogue: %w", err)
	}
	slices.SortFunc(facts, func(a, b catalogueFact) int { return a.AsOf.Compare(b.AsOf) })
	var out []time.Time
	seen := map[string]time.Time{}
	for _, f := range facts {
		if at, again := seen[f.Product]; again && f.AsOf.After(at) {
			out = append(out, f.AsOf.Add(-time.Microsecond))
			clear(seen)
		}
		seen[f.Product] = f.AsOf
	}
	return out, nil
}

// waitEvents is the condition of the index over events by their product, to the
// letter: a search without it goes through everybody's.
const waitEvents = "r.name IN ('Product Viewed', 'Back In Stock Requested', 'Price Drop Requested')"

// waiting adds to each fact's list who waits for it since an event that is at
// most within older than the fact.
func (e *Evaluator) waiting(ctx context.Context, q Querier, c *campaign.Campaign, facts []catalogueFact, event string, within campaign.Duration, w Window, all bool, out [][]waiter) error {
	b := e.builder(c)
	b.lookedAtIn(w)
	rows := make([][]any, len(facts))
	for i, f := range facts {
		rows[i] = []any{i, f.Product, campaign.Micros(f.Anchor), campaign.Micros(f.AsOf), f.Trigger}
	}
	table, err := b.table([]column{{"n", "bigint"}, {"product", "text"}, {"anchor_at", "bigint"}, {"as_of", "bigint"}, {"anchor", "json"}}, rows)
	if err != nil {
		return err
	}
	admitted, err := b.condition(admits(c))
	if err != nil {
		return err
	}
	product := "(r.properties ->> 'product_id')"
	if b.engine == SQLite {
		product = "CAST(r.properties ->> '$.product_id' AS TEXT)"
	}
	only := ""
	if !all { // who is whose turn depends on all of them
		only = b.only("r.customer_id", w)
	}
	told, imagined, err := b.told(c, w)
	if err != nil {
		return err
	}
	asked, mailable := event != campaign.ProductViewed, sqlTrue
	if all {
		mailable = b.mailable(c.Topic, asked)
	}
	since := "SELECT o.n, r.customer_id, min(r.occurred_at) AS since FROM o CROSS JOIN events r WHERE " + only + and(waitEvents, "r.name = "+b.text(event),
		product+" = o.product", b.id("r.properties", "product_id")+" = o.product",
		"r.occurred_at > "+b.before("o.anchor_at", within), "r.occurred_at <= o.anchor_at", "r.known_at <= o.as_of",
		"NOT EXISTS (SELECT 1 FROM events k WHERE "+and("k.customer_id = r.customer_id", "k.name = "+b.text(campaign.OrderCompleted),
			"k.occurred_at >= r.occurred_at", "k.occurred_at <= o.as_of", "k.known_at <= o.as_of", b.ordered("k.properties", "o.product"))+")",
		told) + " GROUP BY o.n, r.customer_id"
	query := "WITH o AS MATERIALIZED " + table + imagined + ", s AS MATERIALIZED (" + since + ") SELECT x.n, x.customer_id, x.external_id, x.since, " + mailable + " FROM " +
		"(SELECT o.n, s.customer_id, COALESCE(c.external_id, '') AS external_id, c.email, c.email_hash, s.since, o.anchor_at, o.as_of, o.as_of AS entered_at, o.anchor " +
		"FROM s JOIN o ON o.n = s.n JOIN customers c ON c.id = s.customer_id) x WHERE " + admitted
	got, err := b.query(ctx, q, query)
	return each(got, err, func(rows *sql.Rows) error {
		one := waiter{asked: asked}
		var n int
		if err := rows.Scan(&n, &one.customer, &one.external, &one.since, &one.mailable); err != nil {
			return err
		}
		out[n] = append(out[n], one)
		return nil
	})
}
