package cli

import (
	"io"
	"time"

	"tidings/internal/intake"
	"tidings/internal/store"
)

type importProductsCmd struct {
	File string `arg:"" help:"CSV, tab-separated or NDJSON with product_id and name (or id and title), or a Google Merchant feed in XML; .gz too; - is standard input."`
	Add  bool   `help:"The file is a part of the catalogue: keep the products that it does not list."`
}

// Run imports the shop's products, which are what templates show and what cart
// mails go by when something is out of stock.
func (c *importProductsCmd) Run(rt *runtime) error {
	return rt.importFile(c.File, func(s *store.Store, f io.Reader, kept *rejects) (importOutput, error) {
		var out importOutput
		header, rows, err := intake.Products(f, c.File, intake.Options{})
		if err != nil {
			return out, usage("%v", err)
		}
		kept.header = header
		// The feed is as it is, whatever a simulation's clock says.
		out.Counts, err = s.ImportProducts(rt.ctx, rows, c.Add, store.ImportOptions{Now: time.Now(), Reject: kept.add, Progress: rt.progress(c.File)})
		return out, err
	})
}
