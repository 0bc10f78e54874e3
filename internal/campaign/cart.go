package campaign

import (
	"maps"
	"math"
	"strconv"
	"time"
)

// Line is a product in a cart.
type Line struct {
	ProductID  string
	Quantity   float64
	Price      float64
	Properties map[string]any // name, url, image_url … as last seen; never nil
}

// Cart is what a customer has put together: a cart_id's, or everything since
// the customer's last order.
type Cart struct {
	ID    string
	Lines []Line // in the order in which they were first added
}

// CartEvent is a fact of a cart's history.
type CartEvent struct {
	Name       string
	OccurredAt time.Time
	Properties map[string]any
}

// FoldCart replays a cart's history, given in order, to its content. An order
// empties it; a missing quantity is 1; a removal stops at 0; Cart Viewed and
// Checkout Started with `products` are snapshots of it.
func FoldCart(id string, history []CartEvent) *Cart {
	c := &Cart{ID: id}
	for _, e := range history {
		switch e.Name {
		case OrderCompleted:
			c.Lines = nil
		case ProductAdded:
			c.change(e.Properties, +1)
		case ProductRemoved:
			c.change(e.Properties, -1)
		case CartViewed, CheckoutStarted:
			if products, ok := e.Properties["products"].([]any); ok {
				c.Lines = nil
				for _, p := range products {
					if p, ok := p.(map[string]any); ok {
						c.change(p, +1)
					}
				}
			}
		}
	}
	return c
}

// change adds (sign +1) or removes (-1) the products of an event: itself, or
// the list under `products`.
func (c *Cart) change(p map[string]any, sign float64) {
	if products, ok := p["products"].([]any); ok {
		for _, one := range products {
			if one, ok := one.(map[string]any); ok {
				c.change(one, sign)
			}
		}
		return
	}
	// A variant is a size or a colour, which different products share: it names a
	// product only when nothing else does.
	id := textOf(p, "product_id", "sku", "name", "variant")
	quantity, ok := numberOf(p["quantity"])
	if !ok {
		quantity = 1
	}
	if sign < 0 {
		quantity = math.Abs(quantity) // some shops send what is removed as a difference
	}
	for i := range c.Lines {
		l := &c.Lines[i]
		if l.ProductID != id {
			continue
		}
		if l.Quantity += sign * quantity; l.Quantity <= 0 {
			c.Lines = append(c.Lines[:i], c.Lines[i+1:]...)
			return
		}
		if sign > 0 {
			l.describe(p)
			if price, ok := numberOf(p["price"]); ok {
				l.Price = price
			}
		}
		return
	}
	if sign < 0 || quantity <= 0 {
		return
	}
	price, _ := numberOf(p["price"])
	l := Line{ProductID: id, Quantity: quantity, Price: price, Properties: map[string]any{}}
	l.describe(p)
	c.Lines = append(c.Lines, l)
}

// describe takes over what p says of the product. Its id, quantity and price
// are the line's own fields: an event's quantity is a change, not a content.
func (l *Line) describe(p map[string]any) {
	maps.Copy(l.Properties, p)
	for _, own := range []string{"product_id", "quantity", "price"} {
		delete(l.Properties, own)
	}
}

// Empty tells whether nothing is left in the cart.
func (c *Cart) Empty() bool { return len(c.Lines) == 0 }

// Value is the worth of the cart: the sum of price × quantity.
func (c *Cart) Value() float64 {
	sum := 0.0
	for _, l := range c.Lines {
		sum += l.Price * l.Quantity
	}
	return sum
}

// Data is the cart as conditions and templates see it: id, value, count (of
// pieces) and products, each with its own properties and quantity, price.
func (c *Cart) Data() map[string]any {
	products := make([]any, len(c.Lines))
	count := 0.0
	for i, l := range c.Lines {
		p := maps.Clone(l.Properties)
		p["product_id"], p["quantity"], p["price"] = l.ProductID, l.Quantity, l.Price
		products[i] = p
		count += l.Quantity
	}
	return map[string]any{"id": c.ID, "value": c.Value(), "count": count, "products": products}
}

func textOf(p map[string]any, keys ...string) string {
	for _, k := range keys {
		switch v := p[k].(type) {
		case string:
			if v != "" {
				return v
			}
		case float64:
			return strconv.FormatFloat(v, 'f', -1, 64)
		}
	}
	return ""
}

func numberOf(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int:
		return float64(v), true
	case string:
		f, err := strconv.ParseFloat(v, 64)
		if err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f, true
		}
	}
	return 0, false
}
