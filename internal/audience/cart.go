package audience

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"tidings/internal/campaign"
)

// abandonedCarts finds carts that were left alone. SQL finds the last changes
// that no order and no later change cancelled; what is in the carts is folded
// here; where, audience and enter_when then see the content as the anchor's
// properties.
func (e *Evaluator) abandonedCarts(ctx context.Context, q Querier, c *campaign.Campaign, t campaign.AbandonedCart, w Window) ([]campaign.Candidate, error) {
	b := e.builder(c)
	left, err := b.found(ctx, q, t, w, and("NOT EXISTS (SELECT 1"+b.cancels(t)+")", "NOT EXISTS (SELECT 1"+b.laterChange()+")"))
	if err != nil {
		return nil, err
	}
	var out []campaign.Candidate
	for part := range slices.Chunk(left, batch) {
		filled, err := e.fill(ctx, q, part, t.Where)
		if err != nil {
			return nil, err
		}
		out = append(out, filled...)
	}
	return e.admitted(ctx, q, c, out)
}

// fill puts each candidate's cart into its trigger, and leaves out the carts in
// which nothing is left and those that do not pass where.
func (e *Evaluator) fill(ctx context.Context, q Querier, found []campaign.Candidate, where []campaign.Property) ([]campaign.Candidate, error) {
	anchors := make([]map[string]any, len(found))
	asked := make([]cartAt, len(found))
	for i, one := range found {
		anchors[i] = object(one.Trigger)
		asked[i] = cartAt{id: int64(i), customer: one.Customer, asOf: one.AsOf, until: one.AsOf, cart: cartOf(one.Trigger)}
	}
	histories, err := e.histories(ctx, q, asked, false)
	if err != nil {
		return nil, err
	}
	var out []campaign.Candidate
	for i, one := range found {
		cart := campaign.FoldCart(asked[i].cart, histories[int64(i)])
		if cart.Empty() && !unseen(histories[int64(i)], one.Anchor) {
			continue
		}
		filled := withCart(anchors[i], cart)
		if !Match(where, filled, one.AsOf) {
			continue
		}
		if one.Trigger, err = json.Marshal(filled); err != nil {
			return nil, fmt.Errorf("encode cart of %s: %w", one.Key, err)
		}
		out = append(out, one)
	}
	return out, nil
}

// unseen tells whether a checkout began whose content nobody told: it is worth
// a reminder although no product is known.
func unseen(history []campaign.CartEvent, anchor time.Time) bool {
	for i := len(history) - 1; i >= 0; i-- {
		e := history[i]
		_, told := e.Properties["products"].([]any)
		if told && e.Name == campaign.CartViewed {
			return false
		}
		if e.Name != campaign.CartViewed {
			return e.Name == campaign.CheckoutStarted && !told && e.OccurredAt.Equal(anchor)
		}
	}
	return false
}

// withCart is an anchor's properties with the cart's content beside them.
func withCart(properties map[string]any, cart *campaign.Cart) map[string]any {
	object := map[string]any{}
	for k, v := range properties {
		object[k] = v
	}
	for k, v := range cart.Data() {
		object[k] = v
	}
	delete(object, "id")
	if id, ok := properties["id"]; ok {
		object["id"] = id
	}
	object["cart_id"] = cart.ID
	// A price of 1e308 times two is no number that JSON has.
	for _, key := range []string{"value", "count"} {
		if f, ok := object[key].(float64); ok && (math.IsInf(f, 0) || math.IsNaN(f)) {
			object[key] = 0.0
		}
	}
	for _, p := range object["products"].([]any) {
		line := p.(map[string]any)
		for _, key := range []string{"price", "quantity"} {
			if f, ok := line[key].(float64); ok && (math.IsInf(f, 0) || math.IsNaN(f)) {
				line[key] = 0.0
			}
		}
	}
	return object
}

// cartOf is the cart that an anchor names; "" is the customer's own.
func cartOf(trigger json.RawMessage) string {
	var named struct {
		CartID json.RawMessage `json:"cart_id"`
	}
	if json.Unmarshal(trigger, &named) != nil || len(named.CartID) == 0 {
		return ""
	}
	var text string
	if json.Unmarshal(named.CartID, &text) == nil {
		return text
	}
	var number float64
	if json.Unmarshal(named.CartID, &number) == nil {
		return plainNumber(number)
	}
	return ""
}

// object reads properties. Ingest stores objects alone; should anything else
// stand there, it has no properties, as in SQL, and stops nobody's cart.
func object(properties []byte) map[string]any {
	var o map[string]any
	if json.Unmarshal(properties, &o) != nil {
		return map[string]any{}
	}
	return o
}

// Carts is the content of each pass's cart as of its AsOf, by PassAt.ID. The
// cart is the one that Trigger names by cart_id, else the customer's own.
func (e *Evaluator) Carts(ctx context.Context, q Querier, passes []PassAt) (map[int64]*campaign.Cart, error) {
	out := make(map[int64]*campaign.Cart, len(passes))
	for part := range slices.Chunk(passes, batch) {
		asked := make([]cartAt, len(part))
		for i, p := range part {
			asked[i] = cartAt{id: p.ID, customer: p.Customer, asOf: p.AsOf, until: p.AsOf, cart: cartOf(p.Trigger)}
		}
		histories, err := e.histories(ctx, q, asked, false)
		if err != nil {
			return nil, err
		}
		for _, a := range asked {
			out[a.id] = campaign.FoldCart(a.cart, histories[a.id])
		}
	}
	return out, nil
}

// cartAt asks for the history of a cart as it was known at asOf, since the
// customer's last order up to until.
type cartAt struct {
	id, customer int64
	asOf, until  time.Time
	cart         string
}

// histories are the events that carts are folded from, in order, by cartAt.id.
// An order bought what was put in up to and with its own instant, so the history
// begins after it. With emptied, only those carts are read of which something was
// taken out, or a snapshot told, after until.
func (e *Evaluator) histories(ctx context.Context, q Querier, asked []cartAt, emptied bool) (map[int64][]campaign.CartEvent, error) {
	b := e.builder(nil)
	rows := make([][]any, len(asked))
	for i, a := range asked {
		rows[i] = []any{a.id, a.customer, campaign.Micros(a.asOf), campaign.Micros(a.until), a.cart}
	}
	table, err := b.table([]column{{"id", "bigint"}, {"customer_id", "bigint"}, {"as_of", "bigint"}, {"until", "bigint"}, {"cart", "text"}}, rows)
	if err != nil {
		return nil, err
	}
	which := ""
	if emptied {
		which = " WHERE EXISTS (SELECT 1 FROM events r WHERE " + and("r.customer_id = p.customer_id",
			"r.name IN "+b.names([]string{campaign.ProductRemoved, campaign.CheckoutStarted, campaign.CartViewed}),
			"r.occurred_at > p.until + 1", "r.occurred_at <= p.as_of", "r.known_at <= p.as_of") + ")"
	}
	// PostgreSQL stops at the last order; SQLite might walk through everybody's.
	last, stop := "max(+o.occurred_at)", ""
	if b.engine == Postgres {
		last, stop = "o.occurred_at", " ORDER BY o.occurred_at DESC LIMIT 1"
	}
	found, err := b.query(ctx, q, "WITH p AS MATERIALIZED "+table+", s AS MATERIALIZED (SELECT p.*, COALESCE((SELECT "+last+" FROM events o WHERE "+
		and("o.customer_id = p.customer_id", "o.name = "+b.text(campaign.OrderCompleted), "o.occurred_at <= p.until", "o.known_at <= p.as_of")+stop+
		"), -9000000000000000000) AS since FROM p"+which+") SELECT s.id, k.name, k.occurred_at, k.properties FROM s "+b.cartEvents()+" ORDER BY s.id, k.occurred_at, k.id")
	out := map[int64][]campaign.CartEvent{}
	if err := each(found, err, func(rows *sql.Rows) error {
		var id, at int64
		var one campaign.CartEvent
		var properties []byte
		if err := rows.Scan(&id, &one.Name, &at, &properties); err != nil {
			return err
		}
		one.OccurredAt = campaign.FromMicros(at)
		one.Properties = object(properties)
		out[id] = append(out[id], one)
		return nil
	}); err != nil {
		return nil, fmt.Errorf("read carts: %w", err)
	}
	return out, nil
}

// cartEvents is the rest of FROM, and WHERE, of the events k of the carts s.
// PostgreSQL is made to look for each name by itself: it would read all that the
// customer did, to throw most of it away.
func (b *builder) cartEvents() string {
	names := append(campaign.CartChanges(), campaign.CartViewed)
	conds := []string{"k.customer_id = s.customer_id", "k.name IN " + b.names(names), "k.occurred_at > s.since", "k.occurred_at <= s.as_of", "k.known_at <= s.as_of"}
	cart := b.cartID("k.properties") + " = s.cart"
	if b.engine == SQLite {
		return "CROSS JOIN events k WHERE " + and(append(conds, cart)...)
	}
	conds[1] = "k.name = n.name"
	for i, name := range names {
		names[i] = "(" + b.text(name) + ")"
	}
	return "CROSS JOIN (VALUES " + strings.Join(names, ", ") + ") n (name) CROSS JOIN LATERAL (SELECT k.* FROM events k WHERE " + and(conds...) + b.fence() + ") k WHERE " + cart
}
