package audience

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"tidings/internal/campaign"
)

const (
	// longestSupply is how long after its order a reminder can be due at most;
	// what lasts longer than that is not reminded of.
	longestSupply = 365 * 24 * time.Hour
	// fewestGaps are needed to call their median usual: the product's, of all
	// customers, and the customer's own.
	fewestProductGaps, fewestOwnGaps = 5, 2
)

// replenishments finds orders of what should have run out. SQL finds the orders of
// the last year, or where it is kept when each is due (see Supply) those that are
// due; when each runs out is worked out here, from the gaps between purchases as
// they were known when it was ordered; SQL then tells which were ordered again, or
// taken back, and lets in whom c lets in.
//
// A gap is the time between two orders divided by the pieces bought in the first;
// gaps of no time are none. The product's usual gap is the median over all
// customers of what happened and was known before the order's UTC day began; the
// customer's own that of their orders up to and with this one, as it became
// known: of the same product, or with Of of any line that passes it, those lines
// being one stock. Several lines run out on their own otherwise: the first counts.
func (e *Evaluator) replenishments(ctx context.Context, q Querier, c *campaign.Campaign, t campaign.Replenishment, w Window) ([]campaign.Candidate, error) {
	orders, err := e.supplies(ctx, q, t, w)
	if err != nil {
		return nil, fmt.Errorf("find orders: %w", err)
	}
	gaps, err := e.usualGaps(ctx, q, t, orders, w.supplied)
	if err != nil {
		return nil, fmt.Errorf("find usual gaps: %w", err)
	}
	var found []campaign.Candidate
	for i, o := range orders {
		one, first, ok := o.runsOut(t, gaps[i])
		in := one.AsOf.After(w.From) && !one.AsOf.After(w.To) || o.fresh && !one.AsOf.After(w.From) && one.Due.After(w.LateFrom)
		if !ok || !in || !Match(t.Where, o.properties, one.AsOf) {
			continue
		}
		if one.Trigger, err = o.tells(first); err != nil {
			return nil, err
		}
		found = append(found, one)
	}
	var out []campaign.Candidate
	for part := range slices.Chunk(found, batch) {
		over, err := e.over(ctx, q, c, passesOf(part))
		if err != nil {
			return nil, err
		}
		out = append(out, keep(part, func(i int) bool { return !over[int64(i)] })...)
	}
	return e.admitted(ctx, q, c, out)
}

// over tells which of the passes the trigger's own cancel has ended.
func (e *Evaluator) over(ctx context.Context, q Querier, c *campaign.Campaign, passes []PassAt) (map[int64]bool, error) {
	b := e.builder(c)
	table, err := b.passTable(passes)
	if err != nil {
		return nil, err
	}
	out := map[int64]bool{}
	rows, err := b.query(ctx, q, table+"SELECT x.id FROM x WHERE EXISTS (SELECT 1"+b.cancels(c.Trigger)+")")
	err = each(rows, err, func(rows *sql.Rows) error {
		var id int64
		defer func() { out[id] = true }()
		return rows.Scan(&id)
	})
	return out, err
}

// orderedAgain is the condition that order k has what x's order was of.
func (b *builder) orderedAgain(t campaign.Replenishment) string {
	if len(t.Of) > 0 {
		return b.someLine("k.properties", func(line string) string { return b.properties(line, t.Of) })
	}
	product := "(x.anchor -> 'product')"
	if b.engine == SQLite {
		product = "(x.anchor -> '$.product')"
	}
	return b.ordered("k.properties", b.id(product, "product_id"))
}

// supply is an order with what was bought of it.
type supply struct {
	id         int64
	uid        string
	customer   int64
	at, known  time.Time
	properties map[string]any
	lines      []supplyLine
	fresh      bool // committed since the window's cursor
}

// supplyLine is what was bought of one product, or on one line without a name.
type supplyLine struct {
	product string
	pieces  float64
	line    map[string]any
	gap     time.Duration // between two purchases of one piece, once it is known
}

// supplyLines are the lines of an order that pass of, as of asOf; lines of one
// product are one. Without of a line needs the name by which it can be ordered
// again. Nothing runs out of which no piece was bought.
func supplyLines(of []campaign.Property, properties map[string]any, asOf time.Time) []supplyLine {
	list, _ := properties["products"].([]any)
	var out []supplyLine
	for _, l := range list {
		line, ok := l.(map[string]any)
		if !ok || !Match(of, line, asOf) {
			continue
		}
		pieces := 1.0
		if n, ok := line["quantity"].(float64); ok {
			pieces = n
		}
		product := identifier(line["product_id"])
		if pieces <= 0 || product == "" && len(of) == 0 {
			continue
		}
		if i := slices.IndexFunc(out, func(o supplyLine) bool { return product != "" && o.product == product }); i >= 0 {
			out[i].pieces += pieces
			continue
		}
		out = append(out, supplyLine{product: product, pieces: pieces, line: line})
	}
	return out
}

// supplies are the orders that can run out in w: those that became known in it or
// were committed since its cursor, and those kept as due in it or all of the year
// before.
func (e *Evaluator) supplies(ctx context.Context, q Querier, t campaign.Replenishment, w Window) ([]supply, error) {
	b := e.builder(nil)
	from, to := b.int(campaign.Micros(w.From)), b.int(campaign.Micros(w.To))
	rowOf := func(table, fresh string) string {
		return "SELECT e.id, e.uid, e.customer_id, e.occurred_at, e.known_at, e.properties, " + fresh + " AS fresh FROM " + table + " WHERE " + b.only("e.customer_id", w)
	}
	row := func(fresh string) string { return rowOf("events e", fresh) }
	named := "e.name = " + b.text(campaign.OrderCompleted)
	parts := []string{row("0") + and(named, "e.known_at > e.occurred_at", "e.known_at > "+from, "e.known_at <= "+to)}
	if w.supplied {
		parts = append(parts, rowOf("supplies s CROSS JOIN events e", "0")+and("s.rule = "+b.text(supplyRule(t)), "s.due_at > "+from, "s.due_at <= "+to,
			"e.id = s.event_id", b.unled("e.name")+" = "+b.text(campaign.OrderCompleted), "e.known_at <= "+to))
	} else {
		year := b.int(campaign.Micros(w.From.Add(-longestSupply)))
		parts = append(parts, row("0")+and(named, "e.occurred_at > "+year, "e.occurred_at <= "+to, "e.known_at <= "+to))
	}
	if w.Cursor != "" {
		fresh, name, err := b.fresh("e", w.Cursor)
		if err != nil {
			return nil, err
		}
		parts = append(parts, row("1")+and(fresh, name+" = "+b.text(campaign.OrderCompleted), "e.known_at <= "+from, "e.occurred_at <= "+from,
			"e.occurred_at > "+b.int(campaign.Micros(w.LateFrom.Add(-longestSupply)))))
	}
	query := ""
	for i, part := range parts {
		if i > 0 {
			query += " UNION ALL "
		}
		query += part
	}
	var out []supply
	place := map[string]int{}
	rows, err := b.query(ctx, q, "SELECT uid, customer_id, occurred_at, known_at, properties, fresh FROM ("+query+") x ORDER BY x.id")
	err = each(rows, err, func(rows *sql.Rows) error {
		var o supply
		var at, known int64
		var properties []byte
		if err := rows.Scan(&o.uid, &o.customer, &at, &known, &properties, &o.fresh); err != nil {
			return err
		}
		if i, twice := place[o.uid]; twice {
			out[i].fresh = out[i].fresh || o.fresh
			return nil
		}
		o.at, o.known, o.properties = campaign.FromMicros(at), campaign.FromMicros(known), object(properties)
		if o.lines = supplyLines(t.Of, o.properties, o.moment()); len(o.lines) > 0 {
			place[o.uid] = len(out)
			out = append(out, o)
		}
		return nil
	})
	return out, err
}

// moment is when the order had happened and was known.
func (o supply) moment() time.Time {
	if o.known.After(o.at) {
		return o.known
	}
	return o.at
}

// day is the start of the order's UTC day.
func (o supply) day() time.Time { return o.at.UTC().Truncate(24 * time.Hour) }

// runsOut is the candidate of an order whose lines have the usual gaps given, 0
// where none is known, with the line that runs out first and its gap; it tells
// nothing yet, as most orders do not run out in the window.
func (o supply) runsOut(t campaign.Replenishment, gaps []time.Duration) (one campaign.Candidate, first supplyLine, ok bool) {
	all := 0.0
	for _, l := range o.lines {
		all += l.pieces
	}
	var due time.Time
	for i, l := range o.lines {
		pieces := l.pieces
		if t.Gap == campaign.GapCustomer && len(t.Of) > 0 {
			pieces = all
		}
		gap := gaps[i]
		switch {
		case t.Gap == campaign.GapFixed:
			gap = t.Length.After(o.at).Sub(o.at)
		case gap == 0:
			gap = t.Fallback.After(o.at).Sub(o.at)
		}
		lasts := float64(gap) * pieces
		if lasts <= 0 || lasts > float64(2*longestSupply) {
			continue
		}
		end := t.Before.Before(o.at.Add(time.Duration(lasts).Round(time.Microsecond)))
		// What is bought for less time than the reminder comes ahead is not reminded of.
		if !end.After(o.at) || end.Sub(o.at) > longestSupply || !due.IsZero() && !end.Before(due) {
			continue
		}
		first, due = l, end
		first.gap = gap
	}
	if due.IsZero() {
		return one, first, false
	}
	one = campaign.Candidate{Customer: o.customer, Key: o.uid, Anchor: o.at, Due: due, AsOf: due, Product: first.product}
	if o.known.After(due) {
		one.AsOf = o.known
	}
	return one, first, true
}

// tells is the trigger of an order whose line runs out first: its properties, the
// line as `product`, and how many days a piece usually lasts as `gap_days`.
func (o supply) tells(first supplyLine) (json.RawMessage, error) {
	trigger, line := maps.Clone(o.properties), maps.Clone(first.line)
	line["quantity"] = first.pieces
	trigger["product"], trigger["gap_days"] = line, math.Round(first.gap.Hours()/2.4)/10
	text, err := json.Marshal(trigger)
	if err != nil {
		return nil, fmt.Errorf("encode order %s: %w", o.uid, err)
	}
	return text, nil
}
