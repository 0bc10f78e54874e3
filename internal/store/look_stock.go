package store

import (
	"context"
	"database/sql"
	"fmt"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// stock looks whether what a cart mail shows can still be bought, by what the
// shop's catalogue says now. Without a catalogue, or with all of it in stock, it
// costs one look at an index.
func (l *look) stock(ctx context.Context, c *campaign.Campaign, rows []*candidateRow) error {
	cart, about := c.Trigger.(campaign.AbandonedCart)
	if !about || cart.OutOfStock == campaign.KeepGone || len(rows) == 0 {
		return nil
	}
	var some bool
	if err := l.tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM products WHERE NOT in_stock)`).Scan(&some); err != nil || !some {
		return err
	}
	carts, err := l.s.eval.Carts(ctx, l.tx, l.passesAt(rows))
	if err != nil {
		return fmt.Errorf("read carts: %w", err)
	}
	gone, err := l.s.goneOf(ctx, l.tx, carts)
	if err != nil {
		return err
	}
	for _, r := range rows {
		whole := carts[r.out.Pass]
		if whole == nil || whole.Empty() {
			continue // what cancels an empty cart is not for us to say
		}
		r.out.Cart = whole.Without(gone)
		if left := len(r.out.Cart.Lines); left == 0 || left < len(whole.Lines) && cart.OutOfStock == campaign.CancelGone {
			r.cancel = campaign.CancelOutOfStock
		}
	}
	return nil
}

// goneOf are the products in carts that the catalogue says are out of stock. One
// that it does not list is not among them: feeds leave out variants and bundles.
func (s *Store) goneOf(ctx context.Context, q audience.Querier, carts map[int64]*campaign.Cart) (map[string]bool, error) {
	seen := map[string]bool{}
	var ids [][]any
	for _, c := range carts {
		for _, line := range c.Lines {
			if !seen[line.ProductID] {
				seen[line.ProductID] = true
				ids = append(ids, []any{line.ProductID})
			}
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := q.QueryContext(ctx, `SELECT p.product_id FROM products p
		JOIN `+s.rows("$1", "product_id text")+` x ON x.product_id = p.product_id WHERE NOT p.in_stock`, array(ids))
	list, err := collect(rows, err, func(rows *sql.Rows) (id string, err error) { return id, rows.Scan(&id) })
	if err != nil {
		return nil, fmt.Errorf("look what is out of stock: %w", err)
	}
	gone := make(map[string]bool, len(list))
	for _, id := range list {
		gone[id] = true
	}
	return gone, nil
}
