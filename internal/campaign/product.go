package campaign

// Product is an article of the shop's catalogue, as its feed last told of it.
type Product struct {
	ID      string
	InStock bool // true too where the feed says nothing of stock
	// Properties are name, url, image_url, price (in the shop's currency unless there
	// is a currency), was (the price before a sale), category, brand, and whatever
	// else the feed has. Never nil.
	Properties map[string]any
}

// Price is the product's price; ok is false where none is known.
func (p *Product) Price() (price float64, ok bool) { return numberOf(p.Properties["price"]) }

// Data is the product as templates see it.
func (p *Product) Data() map[string]any {
	out := make(map[string]any, len(p.Properties)+2)
	for k, v := range p.Properties {
		out[k] = v
	}
	out["product_id"], out["in_stock"] = p.ID, p.InStock
	return out
}

// OutOfStock says what becomes of a product that is gone from a cart by the time
// of a mail.
type OutOfStock string

// What may be done: leave the line out of the mail, cancel the mail, or show it
// all the same. A mail of which no line is left is cancelled with dropped ones.
const (
	DropGone   OutOfStock = "drop" // the default
	CancelGone OutOfStock = "cancel"
	KeepGone   OutOfStock = "keep"
)

// Without is the cart without the products in gone; c itself stays.
func (c *Cart) Without(gone map[string]bool) *Cart {
	if c == nil || len(gone) == 0 {
		return c
	}
	out := &Cart{ID: c.ID}
	for _, l := range c.Lines {
		if !gone[l.ProductID] {
			out.Lines = append(out.Lines, l)
		}
	}
	return out
}
