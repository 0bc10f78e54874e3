package audience

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"tidings/internal/campaign"
)

// wholeAmount stands, among the amounts of refunds, for one that takes an order
// back whole whatever the order was worth: more than any amount that counts.
const wholeAmount = "1e30"

// orderRef are the SQL expressions of an order: whose, what it says and when.
type orderRef struct{ customer, properties, at string }

func orderRow(alias string) orderRef {
	return orderRef{alias + ".customer_id", alias + ".properties", alias + ".occurred_at"}
}

// real is a number of our own in the text, of the type that amounts have.
func (b *builder) real(literal string) string {
	if b.engine == Postgres {
		return literal + "::float8"
	}
	return literal
}

// fence ends a subquery whose columns are to be worked out once, though they are
// used several times outside: it keeps the planner from putting them there.
func (b *builder) fence() string {
	if b.engine == SQLite {
		return " LIMIT -1 OFFSET 0"
	}
	return " OFFSET 0"
}

// own is the workspace's currency, "" when amounts are numbers and no more.
func (b *builder) own() string {
	if own := b.cat.Workspace.Currency; storable(own) {
		return own
	}
	return ""
}

// currency is the currency that an event's properties name, as JSON where it is no
// text; otherwise where they name none.
func (b *builder) currency(properties, otherwise string) string {
	if b.engine == Postgres {
		return "COALESCE(" + properties + " ->> " + b.text("currency") + ", " + otherwise + ")"
	}
	d := doc{properties, []string{"currency"}}
	kind := b.kind(d)
	return "(CASE WHEN " + kind + " IS NULL OR " + kind + " = 'null' THEN " + otherwise + " ELSE " + b.named(d) + " END)"
}

// named is the text at d, or the JSON of what is no text.
func (b *builder) named(d doc) string {
	raw := b.at(d) + "::text"
	if b.engine == SQLite {
		raw = d.expr + " -> " + b.path(d.path)
	}
	return "COALESCE(" + b.jsonSubject(d).text + ", " + raw + ")"
}

// rate is what a unit of a currency was worth in the workspace's on the day of a
// moment: campaign.Rates.At in SQL, 1 for the workspace's own, null without one.
func (b *builder) rate(currency, at string) (string, error) {
	one := b.real("1.0")
	same := "CASE WHEN " + currency + " = " + b.text(b.own()) + " THEN " + one
	if len(b.cat.Workspace.Rates) == 0 {
		return "(" + same + " END)", nil
	}
	table, err := b.rates()
	if err != nil {
		return "", err
	}
	found := "(SELECT rt.rates[GREATEST(width_bucket(" + at + ", rt.days), 1)] FROM " + table + " rt WHERE rt.currency = " + currency + ")"
	if b.engine == SQLite {
		found = "(SELECT rt.rate FROM " + table + " rt WHERE rt.currency = " + currency + " AND rt.day <= " + at + " ORDER BY rt.day DESC LIMIT 1)"
	}
	return "(" + same + " ELSE " + found + " END)", nil
}

// rates is the name of a table of the workspace's rates: a row for each currency
// with its days and rates as lists on PostgreSQL, which finds a place in a list
// by halving; a row for each rate on SQLite, the first of them from ever on.
func (b *builder) rates() (string, error) {
	rates := b.cat.Workspace.Rates
	var rows [][]any
	for _, currency := range slices.Sorted(maps.Keys(rates)) {
		list := rates[currency]
		if !storable(currency) || len(list) == 0 {
			continue
		}
		var days, values []string
		for i, r := range list {
			day := campaign.Micros(r.From)
			days, values = append(days, strconv.FormatInt(day, 10)), append(values, strconv.FormatFloat(r.Rate, 'g', -1, 64))
			if i == 0 {
				day = -1 << 62
			}
			if b.engine == SQLite {
				rows = append(rows, []any{currency, day, r.Rate})
			}
		}
		if b.engine == Postgres {
			rows = append(rows, []any{currency, "{" + strings.Join(days, ",") + "}", "{" + strings.Join(values, ",") + "}"})
		}
	}
	columns := []column{{"currency", "text"}, {"day", "bigint"}, {"rate", "float8"}}
	if b.engine == Postgres {
		columns = []column{{"currency", "text"}, {"days", "bigint[]"}, {"rates", "float8[]"}}
	}
	table, err := b.table(columns, rows)
	if err != nil {
		return "", err
	}
	return b.with("rates", table), nil
}

// converted is an amount in millionths times a rate, in whole millionths, half up.
func converted(amount, rate string) string { return "floor(" + amount + " * " + rate + " + 0.5)" }

// money is the amount of an event at a place in the workspace's currency, in
// millionths; null without an amount or a rate.
func (b *builder) money(amount, properties, at string) (string, error) {
	own := b.own()
	if own == "" {
		return amount, nil
	}
	currency := b.currency(properties, b.text(own))
	if len(b.cat.Workspace.Rates) == 0 {
		return "(CASE WHEN " + currency + " = " + b.text(own) + " THEN " + amount + " END)", nil
	}
	rate, err := b.rate(currency, at)
	return converted(amount, rate), err
}

// amount is the first of an event's properties that holds an amount.
func (b *builder) amount(properties string, names ...string) string {
	found := make([]string, len(names))
	for i, name := range names {
		found[i] = b.millionths(doc{properties, []string{name}})
	}
	return "COALESCE(" + strings.Join(found, ", ") + ")"
}

// orderAmounts are the properties that hold what an order was worth, the best
// first; refundAmounts those of a refund.
var (
	orderAmounts  = []string{"total", "value", "revenue"}
	refundAmounts = []string{"total", "value"}
)

// back is how much of an order was given back by the events r, of the same
// order_id, as a sum over them, in millionths; null when they name no amount.
//
// What takes the order back whole counts as wholeAmount: a cancellation, and a
// refund that names no amount and no products. A refund's sign says nothing. One
// in the order's currency, or in none, is worth what the order's day made of it,
// so that an order paid back to the last cent leaves nothing; one in another
// currency what its own day made of it.
func (b *builder) back(o orderRef) (string, error) {
	absent := func(key string) string {
		return "NOT " + sure(b.jsonSubject(doc{"r.properties", []string{key}}).present)
	}
	value := "abs(" + b.amount("r.properties", refundAmounts...) + ")"
	if own := b.own(); own != "" {
		paid := b.currency(o.properties, b.text(own))
		given := b.currency("r.properties", paid)
		paidRate, err := b.rate(paid, o.at)
		if err != nil {
			return "", err
		}
		givenRate, err := b.rate(given, "r.occurred_at")
		if err != nil {
			return "", err
		}
		value = converted(value, "CASE WHEN "+given+" = "+paid+" THEN COALESCE("+paidRate+", "+b.real("1.0")+") WHEN "+
			paidRate+" IS NOT NULL THEN "+givenRate+" END")
	}
	return "sum(CASE WHEN r.name = " + b.text(campaign.OrderCancelled) + " OR (" + and(absent("total"), absent("value"), absent("products")) +
		") THEN " + b.real(wholeAmount) + " ELSE " + value + " END)", nil
}

// refundNames are the events that give an order back, written out: only then do
// the planners see that the index of these alone, events_refunds, has them all.
const refundNames = "('" + campaign.OrderCancelled + "', '" + campaign.OrderRefunded + "')"

// givesBack is the condition that an event r is a refund or a cancellation of the
// order, after it and up to a moment, as known at another. Without an order_id
// none is.
func (b *builder) givesBack(o orderRef, until, asOf string) string {
	return and("r.customer_id = "+o.customer, "r.name IN "+refundNames,
		"r.occurred_at > "+o.at, "r.occurred_at <= "+until, "r.known_at <= "+asOf,
		b.id("r.properties", "order_id")+" = "+b.id(o.properties, "order_id"))
}

// takenBack is the condition that what was given back of an order comes to all of
// it, within half a cent. It is never null; where nothing was given back it need
// not be asked.
func (b *builder) takenBack(o orderRef, back string) (string, error) {
	worth := b.amount(o.properties, orderAmounts...)
	if own := b.own(); own != "" {
		rate, err := b.rate(b.currency(o.properties, b.text(own)), o.at)
		if err != nil {
			return "", err
		}
		worth = converted(worth, "COALESCE("+rate+", "+b.real("1.0")+")")
	}
	return sure(back + " >= COALESCE(" + worth + ", " + b.real("1e29") + ") - 5000"), nil
}
