package render

import (
	"errors"

	"tidings/internal/campaign"
)

// Catalogue is the shop's products as templates see them. It is made once for each
// import and shared by all mails.
type Catalogue struct {
	inStock []any
	byID    map[string]any // the same
}

// NewCatalogue makes a catalogue of products in the feed's order.
func NewCatalogue(products []campaign.Product) *Catalogue {
	c := &Catalogue{byID: make(map[string]any, len(products))}
	for i := range products {
		if products[i].InStock {
			data := wholeNumbers(products[i].Data())
			c.byID[products[i].ID] = data
			c.inStock = append(c.inStock, data)
		}
	}
	return c
}

// products is what the variable holds: what can be bought now.
func (s *Settings) products() []any {
	if s.Catalogue == nil {
		return []any{}
	}
	if c := s.Catalogue(); c != nil && c.inStock != nil {
		return c.inStock
	}
	return []any{}
}

// pickFilter is {{ products | pick: with.ids }}: the members whose product_id is
// among ids, in the order of ids. Those that are not there, or out of stock, are
// left out.
func pickFilter(list, ids any, given ...any) ([]any, error) {
	wanted := itemsOf(ids)
	if len(wanted) > 100 {
		return nil, errors.New("takes at most 100 ids")
	}
	find := finder(itemsOf(list), given)
	out := []any{}
	for _, id := range wanted {
		name, err := textForm(id)
		if err != nil {
			return nil, errors.New("takes a list of ids")
		}
		if p := find(name); p != nil {
			out = append(out, p)
		}
	}
	return out, nil
}

// finder finds members of a list by product_id: those of the whole catalogue by its
// index, which is made once.
func finder(list []any, given []any) func(id string) any {
	for _, g := range given {
		st, _ := g.(*state)
		if st == nil || st.settings.Catalogue == nil || len(list) == 0 {
			continue
		}
		if c := st.settings.Catalogue(); c != nil && len(c.inStock) == len(list) && &c.inStock[0] == &list[0] {
			return func(id string) any { return c.byID[id] }
		}
	}
	return func(id string) any {
		for _, p := range list {
			m, _ := p.(map[string]any)
			if own, err := textForm(m["product_id"]); m != nil && err == nil && own == id {
				return p
			}
		}
		return nil
	}
}
