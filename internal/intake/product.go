package intake

import (
	"io"
	"iter"
	"maps"
	"slices"
	"strings"

	"tidings/internal/campaign"
)

// feedNames are the names by which shops' feeds, Google's among them, call what we
// know under one name.
var feedNames = map[string]string{
	"id": "product_id", "sku": "product_id", "item_id": "product_id",
	"title": "name", "product_name": "name",
	"link": "url", "product_url": "url",
	"image_link": "image_url", "image": "image_url",
	"product_type": "category", "google_product_category": "category",
}

// availabilities are Google's words for whether a product can be bought now.
// https://support.google.com/merchants/answer/6324448
var availabilities = map[string]bool{
	"in_stock": true, "instock": true, "available": true, "backorder": true, "preorder": true,
	"out_of_stock": false, "outofstock": false, "sold_out": false, "discontinued": false,
}

// productColumns are read as text whatever they look like.
var productColumns = []string{
	"product_id", "id", "sku", "item_id", "name", "title", "product_name", "url", "link", "product_url", "image_url", "image_link", "image",
	"category", "product_type", "google_product_category", "brand", "price", "sale_price", "currency", "availability", "in_stock", "stock",
	"description", "gtin", "mpn",
}

// Products opens a feed of a shop's products: CSV, tab-separated text, NDJSON, or a
// Google Merchant feed in XML. A row needs an id and a name; a price may have its
// currency behind it, as in 19.99 EUR.
func Products(r io.Reader, name string, o Options) (header string, rows iter.Seq2[campaign.Product, error], err error) {
	head, r := peek(r)
	if strings.HasPrefix(strings.TrimLeft(strings.TrimPrefix(head, "\ufeff"), " \t\r\n"), "<") {
		return "", feedItems(r), nil
	}
	rd, err := newReader[campaign.Product](r, name, o, nil, productColumns)
	if err != nil {
		return "", nil, err
	}
	if rd.csv != nil { // columns in one form, as Image Link is image_link
		for i, c := range rd.csv.columns {
			rd.csv.columns[i].title = c.name
		}
	}
	rd.row = func(_ line, m map[string]any) (campaign.Product, error) { return feedProduct(m) }
	return rd.Header(), rd.All(), nil
}

// feedProduct makes a product of a row.
func feedProduct(m map[string]any) (p campaign.Product, err error) {
	for _, from := range slices.Sorted(maps.Keys(feedNames)) {
		if to := feedNames[from]; m[from] != nil {
			if m[to] == nil {
				m[to] = m[from]
			}
			delete(m, from)
		}
	}
	if p.ID, err = name(m, "product_id"); err != nil {
		return p, err
	}
	if _, err = name(m, "name"); err != nil {
		return p, err
	}
	delete(m, "product_id")
	if _, err := clean(m, 1); err != nil {
		return p, err
	}
	if p.InStock, err = available(m); err != nil {
		return p, err
	}
	if err := feedPrices(m); err != nil {
		return p, err
	}
	for _, key := range []string{"url", "image_url"} {
		if s, _ := m[key].(string); s != "" && !strings.HasPrefix(s, "https://") && !strings.HasPrefix(s, "http://") {
			return p, &fieldError{key, "is not a whole address, as in https://shop.example/p/1"}
		}
	}
	p.Properties = m
	return p, nil
}

// available reads availability, in_stock or stock. A feed that says nothing of it
// has what it lists.
func available(m map[string]any) (bool, error) {
	if v := m["availability"]; v != nil {
		s, err := text(m, "availability")
		if err != nil {
			return false, err
		}
		word := strings.NewReplacer(" ", "_", "-", "_").Replace(strings.ToLower(strings.TrimSpace(s)))
		in, known := availabilities[word]
		if !known {
			return false, &fieldError{"availability", "is not one of in_stock, out_of_stock, preorder and backorder"}
		}
		return in, nil
	}
	for _, key := range []string{"in_stock", "stock"} {
		switch v := m[key].(type) {
		case nil:
			continue
		case bool:
			return v, nil
		case float64:
			return v > 0, nil
		case string:
			switch s := strings.ToLower(strings.TrimSpace(v)); s {
			case "true", "yes":
				return true, nil
			case "false", "no":
				return false, nil
			default:
				n, ok := plainNumber(s)
				if !ok {
					return false, &fieldError{key, "is neither a number nor true or false"}
				}
				m[key] = n
				return n > 0, nil
			}
		default:
			return false, &fieldError{key, "is neither a number nor true or false"}
		}
	}
	return true, nil
}

// feedPrices reads price and sale_price. On sale the product's price is the lower
// one, and was tells the other.
func feedPrices(m map[string]any) error {
	for _, key := range []string{"price", "sale_price"} {
		s, ok := m[key].(string)
		if !ok {
			if _, number := m[key].(float64); m[key] != nil && !number {
				return &fieldError{key, "is not a price, as 19.99 or 19.99 EUR"}
			}
			continue
		}
		amount, code, _ := strings.Cut(strings.TrimSpace(s), " ")
		n, ok := plainNumber(amount)
		if !ok || n < 0 || code != "" && len(code) != 3 {
			return &fieldError{key, "is not a price, as 19.99 or 19.99 EUR"}
		}
		m[key] = n
		if code != "" {
			m["currency"] = strings.ToUpper(code)
		}
	}
	if sale, ok := m["sale_price"].(float64); ok {
		if price, ok := m["price"].(float64); ok && sale < price {
			m["was"], m["price"] = price, sale
		}
	}
	delete(m, "sale_price")
	return nil
}
