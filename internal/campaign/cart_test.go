package campaign_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tidings/internal/campaign"
)

// history reads lines of an event's name and its properties in JSON.
func history(t testing.TB, lines ...string) []campaign.CartEvent {
	t.Helper()
	var out []campaign.CartEvent
	for _, line := range lines {
		name, properties, _ := strings.Cut(line, " {")
		e := campaign.CartEvent{Name: name}
		if properties != "" {
			if err := json.Unmarshal([]byte("{"+properties), &e.Properties); err != nil {
				t.Fatal(err)
			}
		}
		out = append(out, e)
	}
	return out
}

// lines writes a cart as product×quantity@price.
func lines(c *campaign.Cart) string {
	var out []string
	for _, l := range c.Lines {
		out = append(out, fmt.Sprintf("%s×%v@%v", l.ProductID, l.Quantity, l.Price))
	}
	return strings.Join(out, " ")
}

func TestFoldCart(t *testing.T) {
	t.Parallel()
	const (
		addA = `Product Added {"product_id": "A", "price": 20, "quantity": 2}`
		addB = `Product Added {"product_id": "B", "price": 5}`
	)
	for _, c := range []struct {
		name   string
		events []string
		want   string
	}{
		{"nothing", nil, ""},
		{"a missing quantity is one", []string{addB}, "B×1@5"},
		{"quantities add up", []string{addA, addB, addA}, "A×4@20 B×1@5"},
		{"the last price counts", []string{addA, `Product Added {"product_id": "A", "price": 18}`}, "A×3@18"},
		{"no price leaves the last", []string{addA, `Product Added {"product_id": "A"}`}, "A×3@20"},
		{"removal", []string{addA, `Product Removed {"product_id": "A"}`}, "A×1@20"},
		{"removal keeps the price", []string{addA, `Product Removed {"product_id": "A", "price": 1}`}, "A×1@20"},
		{"removal of all", []string{addA, addB, `Product Removed {"product_id": "A", "quantity": 2}`}, "B×1@5"},
		{"removal stops at nothing", []string{addA, `Product Removed {"product_id": "A", "quantity": 9}`, addA}, "A×2@20"},
		{"removal as a difference", []string{addA, `Product Removed {"product_id": "A", "quantity": -1}`}, "A×1@20"},
		{"removal of what is not there", []string{`Product Removed {"product_id": "A"}`, addB}, "B×1@5"},
		{"back again stands last", []string{addA, addB, `Product Removed {"product_id": "A", "quantity": 2}`, addA}, "B×1@5 A×2@20"},
		{"several in one event", []string{
			`Product Added {"cart_id": "c", "products": [{"product_id": "A", "price": 1}, {"product_id": "B", "price": 2, "quantity": 3}, 7, null]}`,
			`Product Removed {"products": [{"product_id": "B"}, {"product_id": "A"}]}`,
		}, "B×2@2"},
		{"an order empties", []string{addA, `Order Completed {"products": [{"product_id": "A"}]}`, addB}, "B×1@5"},
		{"a view is a snapshot", []string{addA, addB, `Cart Viewed {"products": [{"product_id": "B", "price": 4, "quantity": 2}, {"product_id": "C"}]}`, addB}, "B×3@5 C×1@0"},
		{"a checkout is a snapshot", []string{addA, `Checkout Started {"products": [{"product_id": "C", "price": 3}]}`}, "C×1@3"},
		{"an empty snapshot empties", []string{addA, `Cart Viewed {"products": []}`}, ""},
		{"a view without products says nothing", []string{addA, `Cart Viewed {}`, `Cart Viewed`, `Checkout Started {"products": "all"}`}, "A×2@20"},
		{"a snapshot with a product twice", []string{`Cart Viewed {"products": [{"product_id": "A", "price": 1}, {"product_id": "A", "price": 1, "quantity": 2}]}`}, "A×3@1"},
		{"nothing of a product", []string{`Product Added {"product_id": "A", "quantity": 0}`, `Cart Viewed {"products": [{"product_id": "B", "quantity": -1}]}`}, ""},
		{"numbers as text", []string{`Product Added {"product_id": 507, "price": "12.50", "quantity": "3"}`}, "507×3@12.5"},
		{"text that is no number", []string{`Product Added {"product_id": "A", "price": "NaN", "quantity": "Inf"}`}, "A×1@0"},
		{"sku for an id", []string{`Product Added {"sku": "K"}`, `Product Added {"product_id": "", "sku": "K"}`}, "K×2@0"},
		{"a shared variant", []string{`Product Added {"name": "Mug", "variant": "red"}`, `Product Added {"name": "Cup", "variant": "red"}`}, "Mug×1@0 Cup×1@0"},
		{"no properties", []string{`Product Added`, `Product Added {"price": 2}`}, "×2@2"},
		{"other events", []string{addA, `Product Viewed {"product_id": "B"}`, `Order Refunded {}`}, "A×2@20"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cart := campaign.FoldCart("c", history(t, c.events...))
			if got := lines(cart); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if cart.ID != "c" || cart.Empty() != (c.want == "") {
				t.Errorf("cart %q is empty: %t", cart.ID, cart.Empty())
			}
			if _, err := json.Marshal(cart.Data()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCartData(t *testing.T) {
	t.Parallel()
	cart := campaign.FoldCart("c7", history(t,
		`Product Added {"product_id": "A", "name": "Old", "url": "u", "price": 20, "quantity": 2}`,
		`Product Added {"product_id": "A", "name": "New", "price": "18", "quantity": 1}`,
		`Product Added {"sku": "B", "price": 4.5}`,
	))
	want := map[string]any{
		"id": "c7", "value": 58.5, "count": 4.0,
		"products": []any{
			map[string]any{"product_id": "A", "name": "New", "url": "u", "price": 18.0, "quantity": 3.0},
			map[string]any{"product_id": "B", "sku": "B", "price": 4.5, "quantity": 1.0},
		},
	}
	if diff := cmp.Diff(want, cart.Data()); diff != "" {
		t.Error(diff)
	}
	if cart.Value() != 58.5 {
		t.Error(cart.Value())
	}
	// A template that writes into what it was given changes no cart.
	cart.Data()["products"].([]any)[0].(map[string]any)["name"] = "scribble"
	if diff := cmp.Diff(want, cart.Data()); diff != "" {
		t.Error(diff)
	}
	empty := map[string]any{"id": "", "value": 0.0, "count": 0.0, "products": []any{}}
	if diff := cmp.Diff(empty, campaign.FoldCart("", nil).Data()); diff != "" {
		t.Error(diff)
	}
}

func TestFoldCartLeavesItsHistoryAlone(t *testing.T) {
	t.Parallel()
	events := []string{
		`Product Added {"product_id": "A", "name": "Old", "price": 20, "quantity": 2}`,
		`Product Added {"product_id": "A", "name": "New", "price": 18}`,
		`Cart Viewed {"products": [{"product_id": "A", "colour": "red"}, {"product_id": "B"}]}`,
		`Product Added {"products": [{"product_id": "B", "size": "L"}]}`,
		`Product Removed {"product_id": "A"}`,
	}
	given := history(t, events...)
	first := campaign.FoldCart("c", given)
	if diff := cmp.Diff(history(t, events...), given); diff != "" {
		t.Errorf("the history was changed:\n%s", diff)
	}
	first.Lines[0].Properties["size"] = "scribble"
	if diff := cmp.Diff(history(t, events...), given); diff != "" {
		t.Errorf("the cart is a part of its history:\n%s", diff)
	}
}

// A cart of plain additions and removals is what a shop's own counter says.
func TestFoldCartCounts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := map[string]float64{}
		var events []campaign.CartEvent
		for range rapid.IntRange(0, 30).Draw(t, "events") {
			id := rapid.SampledFrom([]string{"A", "B", "C"}).Draw(t, "product")
			n := float64(rapid.IntRange(1, 4).Draw(t, "quantity"))
			p := map[string]any{"product_id": id, "quantity": n, "price": 2.0}
			name := rapid.SampledFrom([]string{
				campaign.ProductAdded, campaign.ProductAdded, campaign.ProductRemoved, campaign.CartViewed, campaign.OrderCompleted,
			}).Draw(t, "event")
			switch name {
			case campaign.ProductAdded:
				want[id] += n
			case campaign.ProductRemoved:
				want[id] = math.Max(want[id]-n, 0)
			case campaign.CartViewed:
				want, p = map[string]float64{id: n}, map[string]any{"products": []any{p}}
			case campaign.OrderCompleted:
				want = map[string]float64{}
			}
			events = append(events, campaign.CartEvent{Name: name, Properties: p})
		}
		cart := campaign.FoldCart("", events)
		total := 0.0
		for _, n := range want {
			total += n
		}
		for _, l := range cart.Lines {
			if l.Quantity != want[l.ProductID] || l.Quantity <= 0 {
				t.Fatalf("%v, want %v", cart.Lines, want)
			}
		}
		if cart.Value() != 2*total || cart.Data()["count"] != total {
			t.Fatalf("worth %v with %v pieces, want %v of them", cart.Value(), cart.Data()["count"], total)
		}
	})
}

func FuzzFoldCart(f *testing.F) {
	for _, s := range []string{`{"product_id":"A","quantity":2}`, `{"products":[{"sku":1,"price":"2"},[],null]}`, `null`, `{"products":{}}`, `{"quantity":-1}`} {
		f.Add(s, s)
	}
	names := []string{campaign.ProductAdded, campaign.CartViewed, campaign.ProductRemoved, campaign.ProductAdded, campaign.CheckoutStarted}
	f.Fuzz(func(t *testing.T, a, b string) {
		var events []campaign.CartEvent
		for i, name := range names {
			var p map[string]any
			if json.Unmarshal([]byte([]string{a, b}[i%2]), &p) == nil {
				events = append(events, campaign.CartEvent{Name: name, Properties: p})
			}
		}
		cart := campaign.FoldCart("c", events)
		for _, l := range cart.Lines {
			if l.Quantity <= 0 || math.IsNaN(l.Quantity) || l.Properties == nil {
				t.Fatalf("%+v", l)
			}
		}
		if n := len(cart.Data()["products"].([]any)); n != len(cart.Lines) {
			t.Fatal(n)
		}
	})
}
