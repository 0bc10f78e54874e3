package intake

import (
	"slices"
	"strings"

	"tidings/internal/campaign"
)

// catalogued tells whether a name is that of a fact of the catalogue, which is
// about a product and no customer.
func catalogued(name any) bool {
	s, _ := name.(string)
	return slices.Contains(campaign.CatalogueEvents(), strings.TrimSpace(s))
}

// product checks a fact of the catalogue and puts it into its form: the product's
// id as text, amounts as numbers. A customer that it names is left out. Any other
// event is left as it is.
func product(e *campaign.Event) error {
	if !catalogued(e.Name) {
		return nil
	}
	e.Customer = campaign.Ref{}
	id, err := text(e.Properties, "product_id")
	if err != nil {
		return err
	}
	if id == "" {
		return &fieldError{"product_id", "is missing: " + e.Name + " is about a product"}
	}
	if err := checkName("product_id", id); err != nil {
		return err
	}
	e.Properties["product_id"] = id
	for _, key := range []string{"was", "stock"} {
		if s, ok := e.Properties[key].(string); ok {
			if f, ok := plainNumber(strings.TrimSpace(s)); ok {
				e.Properties[key] = f
			}
		}
	}
	if e.Name != campaign.ProductPriceChanged {
		return nil
	}
	if e.Properties["price"] == nil {
		return missing("price")
	}
	if _, ok := e.Properties["price"].(float64); !ok {
		return &fieldError{"price", "is not a number"}
	}
	return nil
}
