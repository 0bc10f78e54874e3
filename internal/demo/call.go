package demo

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Call is an item of the HTTP API's batch, as the shop sends it.
type Call struct {
	Type       string         `json:"type"`
	UserID     string         `json:"userId"`
	MessageID  string         `json:"messageId"`
	Timestamp  time.Time      `json:"timestamp"`
	Event      string         `json:"event,omitempty"`
	Properties map[string]any `json:"properties,omitempty"`
	Traits     map[string]any `json:"traits,omitempty"`
}

// Calls is what the shop tells of a history and its people, in the order of
// time; of one instant, who somebody is comes first.
func Calls(h *History, people []*Person) []Call {
	var out []Call
	for _, p := range people {
		out = append(out, p.introduction()...)
		out = append(out, p.visits(h.End())...)
		for _, o := range p.Orders {
			out = append(out, o.call())
		}
	}
	for i, r := range h.Returns {
		out = append(out, r.call(fmt.Sprintf("back-%s-%d", r.Order, i+1)))
	}
	slices.SortStableFunc(out, func(a, b Call) int {
		return cmp.Or(a.Timestamp.Compare(b.Timestamp), cmp.Compare(a.Type, b.Type), cmp.Compare(a.UserID, b.UserID))
	})
	return out
}

// introduction tells who somebody is, and what they said about mail.
func (p *Person) introduction() []Call {
	if p.Way == OnTheList {
		return nil // imported
	}
	traits := map[string]any{"email": p.Email, "locale": p.Locale, "timezone": p.Timezone, "country": p.Country}
	if p.First != "" {
		traits["first_name"], traits["last_name"] = p.First, p.Last
	}
	out := []Call{{Type: "identify", UserID: p.ID, MessageID: "person-" + p.ID, Timestamp: p.Since, Traits: traits}}
	said := func(at time.Time, id string, properties map[string]any) {
		out = append(out, Call{Type: "track", UserID: p.ID, MessageID: id + "-" + p.ID, Timestamp: at, Event: "Subscribed", Properties: properties})
	}
	if p.Way == BySignUp {
		said(p.Since, "letter", map[string]any{"topic": "news", "source": "form on the site"})
		if len(p.Orders) > 0 {
			said(p.Orders[0].At, "box", map[string]any{"source": "newsletter box at checkout"})
		}
	}
	if p.Way == AtCheckout {
		said(p.Since, "box", map[string]any{"source": "newsletter box at checkout"})
	}
	return out
}

// call is the order as a shop tells it. What is not kept of its lines stands
// together in one, so that the lines come to the total.
func (o Order) call() Call {
	products, rest := make([]any, 0, len(o.Lines)+1), o.Total
	for _, l := range o.Lines {
		products = append(products, l.properties())
		rest -= float64(l.Quantity) * l.Price
	}
	if more := o.Count - len(o.Lines); more > 0 && rest > 0.005 {
		products = append(products, map[string]any{"product_id": "more", "name": moreName(more), "price": pence(rest), "quantity": 1})
	}
	return Call{
		Type: "track", UserID: o.Customer, MessageID: "order-" + o.ID, Timestamp: o.At, Event: "Order Completed",
		Properties: map[string]any{"order_id": o.ID, "total": o.Total, "currency": "GBP", "products": products},
	}
}

func (l Line) properties() map[string]any {
	return map[string]any{"product_id": l.Product, "name": l.Name, "price": l.Price, "quantity": l.Quantity}
}

func (r Return) call(id string) Call {
	c := Call{
		Type: "track", UserID: r.Customer, MessageID: id, Timestamp: r.At, Event: "Order Refunded",
		Properties: map[string]any{"order_id": r.Order, "total": r.Total, "currency": "GBP"},
	}
	if r.Whole {
		c.Event = "Order Cancelled"
	}
	return c
}
