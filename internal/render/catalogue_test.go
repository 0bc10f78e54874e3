package render

import (
	"strings"
	"testing"

	"tidings/internal/campaign"
)

func TestProductsOfTheCatalogue(t *testing.T) {
	product := func(id, category string, in bool) campaign.Product {
		return campaign.Product{ID: id, InStock: in, Properties: map[string]any{"name": "<" + id + ">", "category": category, "price": 2.0, "url": "https://kape.example/p/" + id}}
	}
	c := NewCatalogue([]campaign.Product{product("A", "coffee", true), product("B", "coffee", false), product("C", "tea", true), product("7", "tea", true)})
	cat := bare(t, `<html><body>{% for p in products limit: 2 %}{{ p.name }} {{ p.price | money }};{% endfor %}
{% assign tea = products | where: "category", "tea" %}{% render "product-grid", products: tea %}
{% assign mine = products | pick: with.ids %}[{% for p in mine %}{{ p.product_id }}{% endfor %}]{% assign again = tea | pick: with.ids %}[{% for p in again %}{{ p.product_id }}{% endfor %}]</body></html>`)
	cat.Campaigns[0].Steps[0].Send.With = map[string]campaign.With{"ids": {Value: []any{7.0, "B", "A", "none"}}}
	r, s := compile(t, cat), settings(t)
	s.Catalogue = func() *Catalogue { return c }
	e, err := r.Render(receiptMessage(`{}`, nil), s)
	if err != nil {
		t.Fatal(err)
	}
	got := readBack(t, e.Body).html
	for _, want := range []string{"&lt;A&gt; ₱2.00;&lt;C&gt; ₱2.00;", ">&lt;C&gt;</a>", "[7A][7]"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	// Without a catalogue there is nothing to show, and the mail goes.
	if _, err := r.Render(receiptMessage(`{}`, nil), settings(t)); err != nil {
		t.Error(err)
	}
}
