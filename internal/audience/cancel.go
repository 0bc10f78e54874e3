package audience

import (
	"tidings/internal/campaign"
)

// happened limits events k to those of x's customer that had happened and were
// known at the moment.
const happened = " FROM events k WHERE k.customer_id = x.customer_id AND k.occurred_at <= x.as_of AND k.known_at <= x.as_of AND "

// cancels is FROM and WHERE of the events k that cancel t's occurrence x, and
// end its pass; empty for triggers that nothing cancels.
func (b *builder) cancels(t campaign.Trigger) string {
	switch t := t.(type) {
	case campaign.PastPurchase:
		return b.refunds()
	case campaign.AbandonedCart:
		// An order in the same instant bought what was just put in.
		return happened + and("k.name = "+b.text(campaign.OrderCompleted), "k.occurred_at >= x.anchor_at")
	case campaign.Inactivity:
		return happened + and("k.name IN "+b.names(t.Of), "k.occurred_at > x.anchor_at", b.properties("k.properties", t.Where))
	}
	return ""
}

// laterChange is FROM and WHERE of the changes of the same cart after the
// anchor's; in one instant, the row that came later is the later one.
func (b *builder) laterChange() string {
	return happened + and("k.name IN "+b.names(campaign.CartChanges()), "k.occurred_at >= x.anchor_at",
		"(k.occurred_at > x.anchor_at OR k.id > x.id)", b.cartID("k.properties")+" = "+b.cartID("x.anchor"))
}

// sooner is FROM and WHERE of the other events in the anchor's own instant that
// stand for the same inactivity and were known before it.
func (b *builder) sooner(t campaign.Inactivity) string {
	return happened + and("k.name IN "+b.names(t.Of), "k.occurred_at = x.anchor_at", "k.id <> x.id",
		"(k.known_at < x.known_at OR (k.known_at = x.known_at AND k.id < x.id))", b.properties("k.properties", t.Where))
}

// cartID names the cart of an event; ” is the customer's own.
func (b *builder) cartID(object string) string {
	return "COALESCE(" + b.id(object, "cart_id") + ", '')"
}

// refunds is FROM and WHERE of what takes an order back whole: its
// cancellation, a refund that names no amount and no products, or the refund
// with which the refunds so far come to the order's total. Without an order_id
// nothing does.
func (b *builder) refunds() string {
	same := func(alias string) string {
		return b.id(alias+".properties", "order_id") + " = " + b.id("x.anchor", "order_id")
	}
	absent := func(key string) string {
		return "NOT " + sure(b.jsonSubject(doc{"k.properties", []string{key}}).present)
	}
	amount := func(object string) string {
		return "COALESCE(" + b.millionths(doc{object, []string{"total"}}) + ", " + b.millionths(doc{object, []string{"value"}}) + ")"
	}
	refunded := b.text(campaign.OrderRefunded)
	// Half a cent of tolerance.
	soFar := "(SELECT sum(" + amount("r.properties") + ") FROM events r WHERE " + and("r.customer_id = x.customer_id", "r.name = "+refunded,
		"r.occurred_at > x.anchor_at", "r.occurred_at <= k.occurred_at", "r.known_at <= x.as_of", same("r")) + ") >= " + amount("x.anchor") + " - 5000"
	whole := "(" + and(absent("total"), absent("value"), absent("products")) + ") OR " + sure(soFar)
	cancelled := b.text(campaign.OrderCancelled)
	return happened + and("k.name IN ("+cancelled+", "+refunded+")", "k.occurred_at > x.anchor_at", same("k"),
		"(k.name = "+cancelled+" OR "+whole+")")
}
