package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"time"

	"tidings/internal/campaign"
)

// knownProduct is a product as it is stored, and when it was last imported.
type knownProduct struct {
	campaign.Product
	at int64
}

// toldOfProduct are the properties that a fact of the catalogue takes from the feed,
// for mails about it to show.
var toldOfProduct = []string{"name", "url", "image_url", "category", "brand", "price", "currency", "stock"}

// feedFacts are what a product's row in a feed brings of news: it is back in stock,
// its price is another. A product that was not known brings none, nor does one whose
// prices are in two currencies.
func feedFacts(was knownProduct, is campaign.Product, at time.Time) []*campaign.Event {
	var out []*campaign.Event
	tell := func(name string) map[string]any {
		properties := map[string]any{"product_id": is.ID}
		for _, key := range toldOfProduct {
			if v, ok := is.Properties[key]; ok {
				properties[key] = v
			}
		}
		out = append(out, &campaign.Event{UID: feedUID(name, was), Name: name, OccurredAt: at, KnownAt: at, Properties: properties})
		return properties
	}
	if is.InStock && !was.InStock {
		tell(campaign.ProductBackInStock)
	}
	before, known := was.Price()
	if price, ok := is.Price(); ok && known && price != before && sameCurrency(was.Properties, is.Properties) {
		tell(campaign.ProductPriceChanged)["was"] = before
	}
	return out
}

// feedUID names the news after the state that it ends: of two imports that find the
// same state at the same time, one stores them.
func feedUID(name string, was knownProduct) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d", name, was.ID, was.at))
	return "feed:" + hex.EncodeToString(sum[:16])
}

func sameCurrency(a, b map[string]any) bool {
	before, _ := a["currency"].(string)
	now, _ := b["currency"].(string)
	return before == "" || now == "" || before == now
}

// tellOfProducts stores what a batch of a feed brings of news, in the transaction
// that stores the batch, and wakes the schedulers.
func (s *Store) tellOfProducts(ctx context.Context, tx *sql.Tx, known map[string]knownProduct, batch []campaign.Product, o ImportOptions) ([]*campaign.Event, error) {
	at := o.FactsAt
	if at.IsZero() {
		at = o.Now
	}
	var news []*campaign.Event
	for _, p := range batch {
		if was, ok := known[p.ID]; ok {
			news = append(news, feedFacts(was, p, campaign.Moment(at))...)
		}
	}
	stored, err := s.insertCatalogue(ctx, tx, news)
	if err != nil || stored == 0 {
		return nil, err
	}
	return news, s.notify(ctx, tx)
}
