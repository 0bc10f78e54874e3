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
	case campaign.AbandonedCheckout:
		return happened + and("k.name IN "+b.names(cancelNames(t)), "k.occurred_at >= x.anchor_at",
			"(k.name = "+b.text(campaign.OrderCompleted)+" OR k.occurred_at > x.anchor_at)")
	case campaign.AbandonedBrowse:
		// Who looks on is still looking: a later view keeps the customer from entering,
		// but ends no pass. What was put into the cart or ordered in the view's own
		// instant is no longer only looked at.
		return happened + and("k.name IN "+b.names(cancelNames(t)), "k.occurred_at >= x.anchor_at")
	case campaign.Replenishment:
		return happened + and("k.name IN "+b.names(cancelNames(t)), "k.occurred_at > x.anchor_at",
			"(("+and("k.name = "+b.text(campaign.OrderCompleted), b.orderedAgain(t))+") OR ("+b.takesBack("x.anchor_at", "x.anchor")+"))")
	case campaign.OnProduct:
		return happened + and("k.name = "+b.text(campaign.OrderCompleted), "k.occurred_at > x.anchor_at",
			b.ordered("k.properties", b.id("x.anchor", "product_id")))
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

// cancelNames are the events that cancel t's occurrences: those of cancels, and
// for a cart those that can empty it.
func cancelNames(t campaign.Trigger) []string {
	switch t := t.(type) {
	case campaign.PastPurchase:
		return []string{campaign.OrderCancelled, campaign.OrderRefunded}
	case campaign.AbandonedCart:
		return []string{campaign.OrderCompleted, campaign.ProductRemoved, campaign.CartViewed, campaign.CheckoutStarted}
	case campaign.Inactivity:
		return t.Of
	case campaign.AbandonedCheckout, campaign.AbandonedBrowse:
		return append(campaign.CartChanges(), campaign.OrderCompleted)
	case campaign.Replenishment:
		return []string{campaign.OrderCompleted, campaign.OrderCancelled, campaign.OrderRefunded}
	case campaign.OnProduct:
		return []string{campaign.OrderCompleted}
	}
	return nil
}

// laterSame is FROM and WHERE of the events of names after the anchor; in one
// instant, the row that came later is the later one.
func (b *builder) laterSame(names []string) string {
	return happened + and("k.name IN "+b.names(names), "k.occurred_at >= x.anchor_at", "(k.occurred_at > x.anchor_at OR k.id > x.id)")
}

// ordered is the condition that an order has a line of a product, or names it
// itself. It is never null.
func (b *builder) ordered(order, product string) string {
	return "(" + sure(b.id(order, "product_id")+" = "+product) + " OR " +
		b.someLine(order, func(line string) string { return sure(b.id(line, "product_id") + " = " + product) }) + ")"
}

// someLine is the condition that some of an event's products passes test, which
// must never be null.
func (b *builder) someLine(object string, test func(line string) string) string {
	if b.engine == SQLite {
		return "EXISTS (SELECT 1 FROM json_each(" + object + ", '$.products') line WHERE line.type = 'object' AND " +
			test("(CASE WHEN line.type = 'object' THEN line.value END)") + ")"
	}
	list := "(" + object + " -> 'products')"
	return "EXISTS (SELECT 1 FROM jsonb_array_elements(CASE WHEN jsonb_typeof" + list + " = 'array' THEN " + list + " END) line WHERE " +
		"jsonb_typeof(line.value) = 'object' AND " + test("line.value") + ")"
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
	return happened + and("k.occurred_at > x.anchor_at", b.takesBack("x.anchor_at", "x.anchor"))
}

// takesBack is the condition that event k takes back the order of x's customer
// that happened at orderAt and has the properties order, or that it was taken back
// already: by what was given back up to k.
func (b *builder) takesBack(orderAt, order string) string {
	o := orderRef{"x.customer_id", order, orderAt}
	back, err := b.back(o)
	if err == nil {
		back, err = b.takenBack(o, "(SELECT "+back+" FROM events r WHERE "+b.givesBack(o, "k.occurred_at", "x.as_of")+")")
	}
	if err != nil {
		b.broken = err
		return sqlFalse
	}
	return and("k.name IN "+refundNames,
		b.id("k.properties", "order_id")+" = "+b.id(order, "order_id"), back)
}
