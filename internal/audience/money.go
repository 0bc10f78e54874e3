package audience

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tidings/internal/campaign"
)

// summand is what the number at the place `at` of an event e of a name adds to an
// aggregate over property, in whole millionths; null when it adds nothing. The
// place lies in the event's properties or, with lines, in a line of a list of theirs.
// conds are what the events that are added up hold, and joined is to stand beside
// them in FROM, lines included.
//
// Amounts of money are in the workspace's currency; without a rate they add
// nothing. Those of an order that was taken back whole add nothing either, and
// what an order was worth is less what was given back of it so far.
func (b *builder) summand(event, property string, at doc, lines, conds string) (value, joined string, err error) {
	value, joined = b.millionths(at), lines
	o := orderRow("e")
	if campaign.IsMoney(property) {
		if value, err = b.money(value, o.properties, o.at); err != nil {
			return "", "", err
		}
	}
	set := b.engine == Postgres && b.inSets()
	if set && lines == "" {
		value, joined = b.early(value)
	}
	if !campaign.IsMoney(property) || event != campaign.OrderCompleted {
		return value, joined, nil
	}
	back, err := b.back(o)
	if err != nil {
		return "", "", err
	}
	given := b.givesBack(o, b.now(), b.now())
	if set {
		value, back, err := b.netOfSet(property, value, back, given, conds)
		return value, back + joined, err
	}
	taken, err := b.takenBack(o, "v.back")
	if err != nil {
		return "", "", err
	}
	// Most customers give nothing back: that is asked first, and once for each.
	some := "EXISTS (SELECT 1 FROM events r WHERE " + and("r.customer_id = x.customer_id", "r.name IN "+refundNames) + ")"
	if b.whole != nil {
		some = "EXISTS (SELECT 1 FROM events r WHERE " + and("r.customer_id = "+o.customer, "r.name IN "+refundNames, "r.occurred_at > "+o.at) + ")"
	}
	return "(CASE WHEN " + some + " THEN (SELECT CASE WHEN v.back IS NULL OR NOT " + taken + " THEN " + net(property, "v.value", "v.back") + " END FROM (SELECT " +
		value + " AS value, (SELECT " + back + " FROM events r WHERE " + given + ") AS back" + b.fence() + ") v) ELSE " + value + " END)", joined, nil
}

// netOfSet is summand over the orders of everybody: the few refunds there are look
// for their orders, and no subquery stands in the sum, so that it is worked out in
// parallel.
func (b *builder) netOfSet(property, value, back, given, conds string) (string, string, error) {
	taken, err := b.takenBack(orderRow("o"), "o.back")
	if err != nil {
		return "", "", err
	}
	t := b.alias("t")
	joined := " LEFT JOIN (SELECT o.id, o.back, " + taken + " AS taken FROM (SELECT e.id, e.properties, e.occurred_at, " + back + " AS back FROM events r JOIN events e ON " +
		given + " WHERE " + conds + " GROUP BY e.id) o) " + t + " ON " + t + ".id = e.id"
	return "(CASE WHEN " + t + ".back IS NULL THEN " + value + " WHEN NOT " + t + ".taken THEN " + net(property, value, t+".back") + " END)", joined, nil
}

// early has a value of the events e worked out as they are read. Rows are sorted by
// customer before they are added up, and would else take all their properties along:
// the planner keeps what comes from the far side of an outer join where it stands.
func (b *builder) early(value string) (early, joined string) {
	v := b.alias("v")
	return v + ".value", " LEFT JOIN LATERAL (SELECT " + value + " AS value) " + v + " ON TRUE"
}

// net is an amount of an order less what was given back of it, where it says what
// the order was worth.
func net(property, value, back string) string {
	if slices.Contains(orderAmounts, property) {
		return value + " - COALESCE(" + back + ", 0)"
	}
	return value
}

// ExcludedAmount says that amounts in a currency add to nothing, because the
// workspace has no rate of it.
type ExcludedAmount struct {
	Currency string `json:"currency"`
	Events   int    `json:"events"` // how many name an amount in it
}

// Excluded lists the currencies without a rate, by name, in which orders, refunds
// and the other events that conditions of the workspace add up name amounts, as
// known at asOf. Nothing is excluded where the workspace has no currency.
func (e *Evaluator) Excluded(ctx context.Context, q Querier, asOf time.Time) ([]ExcludedAmount, error) {
	b := e.builder(nil)
	if b.own() == "" {
		return nil, nil
	}
	currency := doc{"e.properties", []string{"currency"}}
	events, properties := e.summed()
	rated := append(slices.Collect(maps.Keys(e.cat.Workspace.Rates)), b.own())
	var amounts []string
	for _, p := range properties {
		keys := strings.Split(p, ".")
		amounts = append(amounts, sure("("+b.kind(doc{"e.properties", keys[:1]})+" IN ('number', 'integer', 'real', 'array'))"))
	}
	at := b.int(campaign.Micros(asOf))
	kind := b.kind(currency)
	query := "SELECT " + b.named(currency) + ", count(*) FROM events e WHERE " + and("e.name IN "+b.names(events), "e.occurred_at <= "+at, "e.known_at <= "+at,
		kind+" IS NOT NULL", kind+" <> 'null'", "NOT "+sure("("+b.jsonSubject(currency).text+") IN "+b.names(rated)), join(amounts, "OR", sqlFalse)) +
		" GROUP BY 1"
	var out []ExcludedAmount
	rows, err := b.query(ctx, q, query)
	if err := each(rows, err, func(rows *sql.Rows) error {
		var one ExcludedAmount
		defer func() { out = append(out, one) }()
		return rows.Scan(&one.Currency, &one.Events)
	}); err != nil {
		return nil, fmt.Errorf("list excluded amounts: %w", err)
	}
	slices.SortFunc(out, func(x, y ExcludedAmount) int { return strings.Compare(x.Currency, y.Currency) })
	return out, nil
}

// summed are the events and the properties of money that the workspace adds up:
// orders and refunds always, more where a condition does.
func (e *Evaluator) summed() (events, properties []string) {
	names := map[string]bool{campaign.OrderCompleted: true, campaign.OrderRefunded: true}
	paths := map[string]bool{}
	for _, p := range orderAmounts {
		paths[p] = true
	}
	e.everyCondition(func(c campaign.Condition) {
		if m, ok := c.(campaign.EventMatch); ok && m.Aggregate != nil && campaign.IsMoney(m.Aggregate.Property) {
			names[m.Event], paths[m.Aggregate.Property] = true, true
		}
	})
	return slices.Sorted(maps.Keys(names)), slices.Sorted(maps.Keys(paths))
}

// everyCondition calls f for each condition of the workspace, those within others
// included.
func (e *Evaluator) everyCondition(f func(campaign.Condition)) {
	for _, s := range e.cat.Segments {
		campaign.Walk(s.Match, f)
	}
	for _, t := range e.cat.Workspace.Tiers {
		campaign.Walk(t.When, f)
	}
	for _, c := range e.cat.Campaigns {
		for _, cond := range c.Conditions() {
			campaign.Walk(cond, f)
		}
	}
}
