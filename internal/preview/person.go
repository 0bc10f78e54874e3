package preview

import (
	"maps"
	"strings"

	"tidings/internal/campaign"
	"tidings/internal/render"
)

// person is a made-up customer, with the products of what the mail is about.
type person struct {
	key, label string
	// names are the attributes by which templates address people.
	names    map[string]any
	products []product
}

type product struct {
	name     string
	quantity float64
	price    float64
	picture  bool
}

var plain = []product{{"Sample product", 2, 12.5, true}, {"Another sample product, large", 1, 34, true}}

// people are the made-up customers, the ordinary one first. The others are those whom
// templates forget.
func people(rtl bool) []person {
	other := named("נועה", "בן דוד") // in a mail that is written from left to right
	if rtl {
		other = named("Søren", "O’Connor-Smith")
	}
	return []person{
		{"ana", "Ana, an ordinary customer", named("Ana", "Sample"), plain},
		{"no-name", "Somebody without a name", nil, plain[:1]},
		{"long-name", "A name of 80 characters", named(
			"Maximiliane-Alexandrina-Wilhelmine-Philippine-Theodora-Bartholomea-Anastasia-Zoe",
			"Featherstonehaugh-Cholmondeley-Wriothesley-Marjoribanks-Vandersloot-Montgomery-X"), many()},
		{"emoji", "Emoji in name and products", named("Zoë 👩🏽‍🍳✨", "Ñandú 🦤"), []product{{"Mug 🫖 “Bonjour” 🇫🇷", 3, 9.9, true}}},
		{"rtl", "A name in the other direction", other, []product{{"קנקן תה 500 מ״ל", 1, 25, true}, {"Teapot 500 ml", 1, 25, true}}},
		{"markup", "Signs that are markup elsewhere", named(`O'Brien & "Søn"`, `<b>Bold</b> {name}`), []product{{`Cups <6> & "saucers" 50% off`, 6, 0.99, false}}},
	}
}

func named(first, last string) map[string]any {
	return map[string]any{"first_name": first, "last_name": last, "name": first + " " + last, "full_name": first + " " + last}
}

// many is a basket that is longer than any template was tried with.
func many() []product {
	out := []product{{"The very long name of a product that its maker wrote for a search engine, 12 × 250 g, unbleached, biodegradable", 12, 1234.5, true}}
	for range 14 {
		out = append(out, product{"Donaudampfschifffahrtsgesellschaftskapitänskajütenschlüsselanhänger", 1, 7, false})
	}
	return out
}

func personBy(key string, rtl bool) (person, bool) {
	for _, p := range people(rtl) {
		if p.key == key {
			return p, true
		}
	}
	return person{}, false
}

// MadeUpNames are what the made-up customers are called.
func MadeUpNames() []string {
	var out []string
	for _, p := range people(false) {
		out = append(out, p.key)
	}
	return out
}

// outgoing is a message of a step to the person. Whatever else the texts of the
// workspace name is filled in, so that a hole in the mail is the person's doing.
func (p person) outgoing(s *Studio, c *campaign.Campaign, step, locale string) campaign.Outgoing {
	o := render.Sample(c, step, locale)
	for k := range named("", "") {
		delete(o.Customer.Attributes, k)
	}
	maps.Copy(o.Customer.Attributes, p.names)
	o.Customer.ExternalID = p.key
	trigger := object(o.Trigger)
	lines, total := make([]any, len(p.products)), 0.0
	for i, one := range p.products {
		lines[i] = one.data(i)
		total += one.price * one.quantity
	}
	maps.Copy(trigger, p.products[0].data(0))
	trigger["products"], trigger["total"], trigger["value"], trigger["revenue"], trigger["subtotal"] = lines, total, total, total, total
	trigger["product"] = p.products[0].data(0)
	for _, n := range s.named {
		switch {
		case n.Campaign == nil && !isName(n.Path):
			fill(o.Customer.Attributes, n.Path, s.Catalog.Workspace.Attributes[n.Path])
		case n.Campaign != nil && n.Campaign.Name == c.Name:
			fill(trigger, n.Path, campaign.AttributeType{})
		}
	}
	o.Trigger = encode(trigger)
	if o.Cart != nil {
		o.Cart = cartOf(p.products)
	}
	return o
}

func isName(path string) bool {
	_, name := named("", "")[path]
	return name || path == "id" || path == "email" || path == "locale" || path == "timezone"
}

// pictures is where the made-up products have their pictures; a Server shows some.
const pictures = "https://sample.example/"

func (p product) data(i int) map[string]any {
	id := string(rune('a' + i%26))
	d := map[string]any{
		"product_id": "sample-" + id, "sku": "sample-" + id, "name": p.name, "quantity": p.quantity, "price": p.price,
		"category": "Samples", "variant": "Small", "brand": "Sample", "url": pictures + "product-" + id,
	}
	if p.picture {
		d["image_url"] = pictures + "picture-" + id + ".png"
	}
	return d
}

func cartOf(products []product) *campaign.Cart {
	cart := &campaign.Cart{ID: "sample"}
	for i, p := range products {
		d := p.data(i)
		l := campaign.Line{ProductID: d["product_id"].(string), Quantity: p.quantity, Price: p.price, Properties: d}
		delete(d, "product_id")
		delete(d, "quantity")
		delete(d, "price")
		cart.Lines = append(cart.Lines, l)
	}
	return cart
}

// fill puts a value of its type at a dotted path where there is none.
func fill(into map[string]any, path string, of campaign.AttributeType) {
	for {
		key, rest, deeper := strings.Cut(path, ".")
		if !deeper {
			if _, there := into[key]; !there {
				into[key] = valueOf(key, of)
			}
			return
		}
		switch below := into[key].(type) {
		case nil:
			next := map[string]any{}
			into[key], into, path = next, next, rest
		case map[string]any:
			into, path = below, rest
		default:
			return
		}
	}
}

// valueOf is a value of a declared type, or one that fits the name.
func valueOf(name string, of campaign.AttributeType) any {
	if len(of.In) > 0 {
		return scalar(of.In[0])
	}
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(name, p) {
				return true
			}
		}
		return false
	}
	switch {
	case of.Kind == campaign.Number, of.Kind == "" && has("count", "total", "points", "balance", "price", "amount", "quantity", "days", "size"):
		return 12.0
	case of.Kind == campaign.Bool, of.Kind == "" && strings.HasPrefix(name, "is_"):
		return true
	case of.Kind == campaign.Time, of.Kind == "" && (has("date", "birthday") || strings.HasSuffix(name, "_at")):
		return "2026-03-14T09:00:00Z"
	case of.Kind == "" && has("url", "link"):
		return pictures + "page"
	}
	return "sample"
}

func scalar(v campaign.Value) any {
	switch v.Kind {
	case campaign.Number:
		return v.Number
	case campaign.Bool:
		return v.Bool
	}
	return v.Text
}
