package cli

import (
	"io"
	"time"

	"tidings/internal/campaign"
	"tidings/internal/intake"
	"tidings/internal/store"
)

type importProductsCmd struct {
	File string `arg:"" help:"CSV, tab-separated or NDJSON with product_id and name (or id and title), or a Google Merchant feed in XML; .gz too; - is standard input."`
	Add  bool   `help:"The file is a part of the catalogue: keep the products that it does not list."`
	At   moment `help:"The moment that is now, for a store that is a simulation." placeholder:"TIME"`
}

// Run imports the shop's products, which are what templates show and what cart
// mails go by when something is out of stock. What is back or has another price
// since the last import is what back_in_stock and price_drop wait for.
func (c *importProductsCmd) Run(rt *runtime) error {
	return rt.importFile(c.File, func(s *store.Store, f io.Reader, kept *rejects) (importOutput, error) {
		var out importOutput
		header, rows, err := intake.Products(f, c.File, intake.Options{})
		if err != nil {
			return out, usage("%v", err)
		}
		kept.header = header
		at, err := rt.importNow(s, c.At.Time)
		if err != nil {
			return out, err
		}
		var news importNews
		// The feed is as it is, whatever a simulation's clock says; its news are not.
		out.Counts, err = s.ImportProducts(rt.ctx, rows, c.Add, store.ImportOptions{
			Now: time.Now(), FactsAt: at, Fact: news.add, Reject: kept.add, Progress: rt.progress(c.File)})
		out.News = &news
		return out, err
	})
}

// importNews counts what a feed told of products that were known.
type importNews struct {
	BackInStock  int `json:"back_in_stock"`
	PriceChanged int `json:"price_changed"`
}

func (n *importNews) add(e *campaign.Event) {
	if e.Name == campaign.ProductBackInStock {
		n.BackInStock++
	} else {
		n.PriceChanged++
	}
}
