package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/intake"
)

// productsShown bounds what templates can go through: the first of the feed.
const productsShown = 5000

// ImportProducts stores a feed of the shop's products. The feed is the whole
// catalogue: what it does not list any more is taken out, in the transaction of
// the last rows, unless keep says that the file is a part of it. A feed of which no
// row could be taken takes nothing out. What a row changes of a product's stock and
// price is a fact of the catalogue, stored with the row.
func (s *Store) ImportProducts(ctx context.Context, rows iter.Seq2[campaign.Product, error], keep bool, o ImportOptions) (Counts, error) {
	mark := campaign.Micros(o.Now)
	place := 0
	first := map[string]bool{}
	check := func(p campaign.Product) (bool, *intake.Rejected) {
		repeated := first[p.ID]
		first[p.ID] = true
		return repeated, nil
	}
	n, err := importRows(rows, o, check, func(batch []campaign.Product) (stored int, err error) {
		var news []*campaign.Event
		err = s.write(ctx, func(tx *sql.Tx) error {
			known, err := s.productsByID(ctx, tx, batch)
			if err != nil {
				return err
			}
			if stored, err = s.putProducts(ctx, tx, known, batch, place, mark); err != nil {
				return err
			}
			news, err = s.tellOfProducts(ctx, tx, known, batch, o)
			return err
		})
		for _, e := range news {
			if err == nil && o.Fact != nil {
				o.Fact(e)
			}
		}
		place += len(batch)
		return stored, err
	})
	if err != nil || keep || place == 0 {
		return n, err
	}
	err = s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM products WHERE updated_at < $1`, mark)
		return err
	})
	if err != nil {
		return n, fmt.Errorf("take out what the feed does not list: %w", err)
	}
	return n, s.analyze(ctx, n.Stored, "products")
}

// putProducts stores products and returns how many were new or different. Of two
// imports at once the later one's mark stays, so that neither takes out what the
// other has listed.
func (s *Store) putProducts(ctx context.Context, tx *sql.Tx, known map[string]knownProduct, batch []campaign.Product, place int, mark int64) (int, error) {
	stored := 0
	in := make([][]any, len(batch))
	for i, p := range batch {
		properties, err := json.Marshal(p.Properties)
		if err != nil {
			return 0, fmt.Errorf("product %s: %w", p.ID, err)
		}
		if was, ok := known[p.ID]; !ok || was.InStock != p.InStock || !sameJSON(was.Properties, properties) {
			stored++
		}
		in[i] = []any{p.ID, place + i, p.InStock, json.RawMessage(properties), mark}
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO products (product_id, place, in_stock, properties, updated_at)
		SELECT x.product_id, x.place, x.in_stock, x.properties, x.updated_at FROM `+
		s.rows("$1", "product_id text", "place bigint", "in_stock boolean", "properties json", "updated_at bigint")+
		` x WHERE TRUE ON CONFLICT (product_id) DO UPDATE SET place = excluded.place, in_stock = excluded.in_stock,
			properties = excluded.properties,
			updated_at = CASE WHEN products.updated_at > excluded.updated_at THEN products.updated_at ELSE excluded.updated_at END`, array(in))
	if err != nil {
		return 0, fmt.Errorf("store products: %w", err)
	}
	return stored, nil
}

// sameJSON compares what is stored with what is to be, whatever the order of keys.
func sameJSON(stored map[string]any, given []byte) bool {
	a, err := json.Marshal(stored)
	return err == nil && string(a) == string(given)
}

func (s *Store) productsByID(ctx context.Context, tx *sql.Tx, batch []campaign.Product) (map[string]knownProduct, error) {
	ids := make([][]any, len(batch))
	for i, p := range batch {
		ids[i] = []any{p.ID}
	}
	rows, err := tx.QueryContext(ctx, `SELECT p.product_id, p.in_stock, p.properties, p.updated_at FROM products p
		JOIN `+s.rows("$1", "product_id text")+` x ON x.product_id = p.product_id`, array(ids))
	all, err := collect(rows, err, func(rows *sql.Rows) (p knownProduct, err error) {
		p.Product, err = scanProduct(rows, &p.at)
		return p, err
	})
	if err != nil {
		return nil, fmt.Errorf("read products: %w", err)
	}
	out := make(map[string]knownProduct, len(all))
	for _, p := range all {
		out[p.ID] = p
	}
	return out, nil
}

// scanProduct reads id, stock and properties, and what a query asks for besides.
func scanProduct(rows *sql.Rows, more ...any) (p campaign.Product, err error) {
	var properties []byte
	if err := rows.Scan(append([]any{&p.ID, &p.InStock, &properties}, more...)...); err != nil {
		return p, err
	}
	if err := json.Unmarshal(properties, &p.Properties); err != nil {
		return p, fmt.Errorf("properties of product %s: %w", p.ID, err)
	}
	return p, nil
}

// Products are the first few thousand of the catalogue, in the feed's order, and
// when they were last imported; the zero time without any.
func (s *Store) Products(ctx context.Context) (list []campaign.Product, at time.Time, err error) {
	if at, err = s.ProductsAt(ctx); err != nil || at.IsZero() {
		return nil, at, err
	}
	rows, err := s.reader().QueryContext(ctx, `SELECT product_id, in_stock, properties FROM products ORDER BY place, product_id LIMIT $1`, productsShown)
	if list, err = collect(rows, err, func(rows *sql.Rows) (campaign.Product, error) { return scanProduct(rows) }); err != nil {
		return nil, at, fmt.Errorf("read products: %w", err)
	}
	return list, at, nil
}

// ProductsAt is when products were last imported; zero: never.
func (s *Store) ProductsAt(ctx context.Context) (time.Time, error) {
	var at sql.NullInt64
	err := s.reader().QueryRowContext(ctx, `SELECT max(updated_at) FROM products`).Scan(&at)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, fmt.Errorf("read products: %w", err)
	}
	if !at.Valid {
		return time.Time{}, nil
	}
	return campaign.FromMicros(at.Int64), nil
}
