package audience

import (
	"strings"

	"tidings/internal/campaign"
)

// orderSpan says whose orders are looked at and up to when, as SQL: those of one
// customer, or of everybody where customer is empty. since leaves out what
// happened at or before it; empty: nothing.
type orderSpan struct{ customer, asOf, since string }

// here is the span of the customer x as of the moment of looking.
func (b *builder) here() orderSpan { return orderSpan{customer: "x.customer_id", asOf: b.now()} }

// everybody is the span of all customers as of the moment of looking.
func (b *builder) everybody() orderSpan { return orderSpan{asOf: b.now()} }

// netOrders is a subquery of the orders in s that were not taken back whole, with
// customer_id, id, at, properties and amount: the order's total (else its value,
// else its revenue) in the workspace's currency, less what was given back so far,
// in millionths; null where it names none or its currency has no rate.
func (b *builder) netOrders(s orderSpan) (string, error) {
	o := orderRow("o")
	conds := []string{"o.name = " + b.text(campaign.OrderCompleted), "o.occurred_at <= " + s.asOf, "o.known_at <= " + s.asOf}
	if s.customer != "" {
		conds = append(conds, "o.customer_id = "+s.customer)
	}
	if s.since != "" {
		conds = append(conds, "o.occurred_at > "+s.since)
	}
	back, err := b.back(o)
	if err != nil {
		return "", err
	}
	given := b.givesBack(o, s.asOf, s.asOf)
	back = "(SELECT " + back + " FROM events r WHERE " + given + ") AS back FROM events o WHERE " + and(conds...)
	if s.customer == "" {
		// Of all customers: the few refunds there are look for their orders, not
		// every order for refunds.
		sums, err := b.back(o)
		if err != nil {
			return "", err
		}
		back = "t.back FROM events o LEFT JOIN (SELECT o.id, " + sums + " AS back FROM events r JOIN events o ON " + given +
			" WHERE " + and(conds...) + " GROUP BY o.id) t ON t.id = o.id WHERE " + and(conds...)
	}
	taken, err := b.takenBack(o, "o.back")
	if err != nil {
		return "", err
	}
	amount, err := b.money(b.amount(o.properties, orderAmounts...), o.properties, o.at)
	if err != nil {
		return "", err
	}
	return "(SELECT o.customer_id, o.id, o.occurred_at AS at, o.properties, " + amount + " - COALESCE(o.back, 0) AS amount FROM (SELECT o.id, o.customer_id, o.occurred_at, o.properties, " +
		back + b.fence() + ") o WHERE o.back IS NULL OR NOT " + taken + ")", nil
}

// ofOrders is a value worked out over a customer's net orders n: by a set of
// everybody's where one may be joined, else over x's own. none stands for
// customers without orders.
func (b *builder) ofOrders(name, value, none string) (string, error) {
	return b.ofOrdersIn(name, value, none, b.everybody())
}

// ofOrdersIn is ofOrders over the orders in a span.
func (b *builder) ofOrdersIn(name, value, none string, s orderSpan) (string, error) {
	if !b.inSets() && (b.whole == nil || b.whole.facts[name] == "") {
		s.customer = "x.customer_id"
		orders, err := b.netOrders(s)
		return "(SELECT " + value + " FROM " + orders + " n)", err
	}
	if b.whole.facts[name] == "" {
		orders, err := b.netOrders(s)
		if err != nil {
			return "", err
		}
		b.whole.facts[name] = b.join("SELECT n.customer_id, " + value + " AS v FROM " + orders + " n GROUP BY n.customer_id")
	}
	return "COALESCE(" + b.whole.facts[name] + ".v, " + none + ")", nil
}

// Sums and counts over net orders n.
const (
	ordersTotal   = "COALESCE(sum(n.amount), 0)"
	ordersAverage = "floor(sum(n.amount) / NULLIF(count(n.amount), 0) + 0.5)"
)

// gap is the usual gap between a customer's orders, in microseconds: the median
// of those between the moments of consecutive net orders; null with fewer than
// two.
func (b *builder) gap() (string, error) {
	orders, err := b.netOrders(b.here())
	return "(SELECT (min(g.gap) + max(g.gap)) / 2 FROM (SELECT d.gap, row_number() OVER (ORDER BY d.gap) AS n, count(*) OVER () AS gaps FROM " +
		"(SELECT m.at - lag(m.at) OVER (ORDER BY m.at) AS gap FROM (SELECT DISTINCT n.at FROM " + orders + " n) m) d WHERE d.gap IS NOT NULL) g " +
		"WHERE g.gaps >= 2 AND g.n IN ((g.gaps + 1) / 2, (g.gaps + 2) / 2))", err
}

// overdue is how long a customer's next order is overdue, in microseconds: the
// time since the last one beyond the usual gap, at least 0; null without a gap.
func (b *builder) overdue() (string, error) {
	gap, err := b.gap()
	if err != nil {
		return "", err
	}
	last, err := b.ofOrders("orders.last_at", "max(n.at)", "NULL")
	return "(SELECT CASE WHEN v.gap IS NOT NULL THEN " + b.greatest(b.now()+" - v.last - v.gap", "0") + " END FROM (SELECT " +
		gap + " AS gap, " + last + " AS last" + b.fence() + ") v)", err
}

// favourite is what a customer has bought most of, by quantity (1 where a line
// says none), over the lines of net orders; of equals what was bought last, then
// what comes first by its bytes. name is the line's name for it.
func (b *builder) favourite(name func(line string) string) (string, error) {
	orders, err := b.netOrders(b.here())
	if err != nil {
		return "", err
	}
	products := doc{"n.properties", []string{"products"}}
	line, lines, bytes := "line.value", "", ""
	if b.engine == SQLite {
		line = "(CASE WHEN line.type = 'object' THEN line.value END)"
		lines = "json_each(CASE WHEN " + b.kind(products) + " = 'array' THEN n.properties END, " + b.path(products.path) + ") line"
	} else {
		bytes = ` COLLATE "C"`
		lines = "jsonb_array_elements(CASE WHEN " + b.kind(products) + " = 'array' THEN " + b.at(products) + " END) line"
	}
	pieces := "COALESCE(" + b.millionths(doc{line, []string{"quantity"}}) + ", 1000000)"
	return "(SELECT w.v FROM (SELECT l.v, sum(l.pieces) AS pieces, max(l.at) AS at FROM (SELECT " + name(line) + " AS v, " + pieces +
		" AS pieces, n.at FROM " + orders + " n, " + lines + ") l WHERE l.v IS NOT NULL GROUP BY l.v) w WHERE w.pieces > 0 ORDER BY w.pieces DESC, w.at DESC, w.v" +
		bytes + " LIMIT 1)", nil
}

func (b *builder) favouriteCategory() (string, error) {
	return b.favourite(func(line string) string {
		return "NULLIF(" + b.jsonSubject(doc{line, []string{"category"}}).text + ", '')"
	})
}

func (b *builder) favouriteProduct() (string, error) {
	return b.favourite(func(line string) string {
		ids := []string{}
		for _, key := range []string{"product_id", "sku", "name"} {
			ids = append(ids, b.id(line, key))
		}
		return "COALESCE(" + strings.Join(ids, ", ") + ")"
	})
}
