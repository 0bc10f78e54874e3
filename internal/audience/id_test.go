package audience_test

import (
	"encoding/json"
	"testing"
	"time"

	"tidings/internal/campaign"
)

// A number is one identifier however it is written, in SQL as in Go: what an order,
// a cart or a product is called in one event it is in another.
func TestNumberIsOneIdentifier(t *testing.T) {
	each(t, numberIsOneIdentifier)
}

func numberIsOneIdentifier(t *testing.T, db database) {
	for _, ids := range [][2]string{{`7.0`, `7`}, {`7`, `7.0`}, {`"7"`, `7.0`}, {`7.50`, `"7.5"`}, {`1e2`, `100`}} {
		first, second := json.RawMessage(ids[0]), json.RawMessage(ids[1])
		line := func(id json.RawMessage) map[string]any {
			return map[string]any{"products": []any{map[string]any{"product_id": id}}}
		}
		for _, tt := range []struct {
			what    string
			trigger campaign.Trigger
			facts   []fact
			want    string
		}{
			{"an order and its cancellation", campaign.PastPurchase{After: campaign.Of(3 * time.Hour)}, []fact{
				event(campaign.OrderCompleted, hours(1), "order_id", first),
				event(campaign.OrderCancelled, hours(2), "order_id", second)}, ""},
			{"a cart that goes on", campaign.AbandonedCart{After: campaign.Of(3 * time.Hour)}, []fact{
				event(campaign.ProductAdded, hours(1), "product_id", "p", "cart_id", first),
				event(campaign.ProductAdded, hours(2), "product_id", "q", "cart_id", second)}, "b"},
			{"a cart that is emptied", campaign.AbandonedCart{After: campaign.Of(3 * time.Hour)}, []fact{
				event(campaign.ProductAdded, hours(1), "product_id", first),
				event(campaign.ProductRemoved, hours(2), "product_id", second)}, ""},
			{"a product that is bought again", campaign.Replenishment{Gap: campaign.GapFixed, Length: campaign.Of(4 * time.Hour), Fallback: campaign.Days(1)}, []fact{
				{name: campaign.OrderCompleted, at: hours(1), props: line(first)},
				{name: campaign.OrderCompleted, at: hours(2), props: line(second)}}, "b"},
		} {
			w := world{customers: []customer{{"ann", "", hours(-100)}}}
			for i, f := range tt.facts {
				f.uid, f.customer, f.known = string(rune('a'+i)), 1, f.at
				w.facts = append(w.facts, f)
			}
			db.fill(t, w)
			if got := keys(t, db, &campaign.Campaign{Name: "c", Trigger: tt.trigger}, always); got != tt.want {
				t.Errorf("%s, %s and %s: found %q, want %q", tt.what, first, second, got, tt.want)
			}
		}
	}
}
