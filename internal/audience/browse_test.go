package audience_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// genVisit is a history of views, carts, checkouts and orders, close together.
func genVisit(t *rapid.T) world {
	w := genWorld(t)
	w.facts = nil
	names := pick(t, "theme", []string{campaign.ProductViewed, campaign.ProductViewed, campaign.ProductViewed, campaign.ProductAdded, campaign.OrderCompleted},
		[]string{campaign.CheckoutStarted, campaign.CheckoutStarted, campaign.ProductAdded, campaign.ProductRemoved, campaign.OrderCompleted, campaign.ProductViewed},
		[]string{campaign.OrderCompleted, campaign.OrderCompleted, campaign.OrderCancelled, campaign.OrderRefunded})
	for range rapid.IntRange(1, 12).Draw(t, "events") {
		f := genFact(t, names...)
		if f.name == campaign.ProductViewed {
			for key, values := range map[string][]any{"product_id": {nil, "p", "p", "q", 7.0}, "category": {nil, "tea", "tea", "mugs"}} {
				if v := pick(t, key, values...); v != nil {
					f.props[key] = v
				}
			}
		}
		w.facts = append(w.facts, f)
	}
	return w
}

func genVisitTrigger(t *rapid.T) campaign.Trigger {
	after := pick(t, "after", campaign.Duration{}, campaign.Of(time.Hour), campaign.Of(3*time.Hour), campaign.Duration{Months: 1})
	where := genProperties(t)
	switch rapid.IntRange(0, 3).Draw(t, "trigger") {
	case 0:
		return campaign.PastPurchase{After: after, Where: where, Nth: rapid.IntRange(1, 3).Draw(t, "nth")}
	case 1:
		return campaign.AbandonedCheckout{After: after, Where: where}
	}
	return campaign.AbandonedBrowse{After: after, Where: where, SameCategory: rapid.Bool().Draw(t, "category"),
		Views: pick(t, "views", test(campaign.OpAtLeast, number(1)), test(campaign.OpAtLeast, number(2)), test(campaign.OpIs, number(2)), test(campaign.OpAtMost, number(1)))}
}

// What is found of views, checkouts and nth orders is what the oracle finds, and
// splitting a window changes nothing.
func TestVisitsAgainstOracle(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		rapid.Check(t, func(t *rapid.T) {
			w := genVisit(t)
			segments := map[string]campaign.Condition{"some": genCondition(t, 0)}
			db.fill(t, w)
			e := audience.New(db.engine, catalog(segments))
			for range 4 {
				c := genCampaign(t)
				c.Trigger = genVisitTrigger(t)
				from, to := hours(-2), hours(24*40)
				if rapid.Bool().Draw(t, "narrow") {
					from, to = genMoment(t), genMoment(t)
				}
				got := candidates(t, e, db, c, from, to)
				if diff := cmp.Diff(w.candidates(c, segments, from, to), got, cmp.AllowUnexported(found{})); diff != "" {
					t.Fatalf("%#v (-oracle +got):\n%s", c.Trigger, diff)
				}
				splits(t, e, db, c, from, to, got)
			}
		})
	})
}

func viewed(at int, product any, pairs ...any) fact {
	return event(campaign.ProductViewed, hours(at), append([]any{"product_id", product}, pairs...)...)
}

func checkout(at int) fact { return event(campaign.CheckoutStarted, hours(at)) }

func TestBrowses(t *testing.T) {
	twice := test(campaign.OpAtLeast, number(2))
	cases := []struct {
		name    string
		trigger campaign.AbandonedBrowse
		facts   []fact
		want    string // key product views products
	}{
		{"left alone", campaign.AbandonedBrowse{}, []fact{viewed(0, "p")}, "a p 1 [p]"},
		{"a later view", campaign.AbandonedBrowse{}, []fact{viewed(0, "p"), viewed(1, "q")}, "b q 1 [q p]"},
		{"the one viewed often", campaign.AbandonedBrowse{Views: twice}, []fact{viewed(0, "p"), viewed(1, "p"), viewed(2, "q")}, "c p 2 [q p]"},
		{"none often enough", campaign.AbandonedBrowse{Views: twice}, []fact{viewed(0, "p"), viewed(1, "q")}, ""},
		{"a category", campaign.AbandonedBrowse{Views: twice, SameCategory: true}, []fact{viewed(0, "p", "category", "tea"), viewed(1, "q", "category", "tea")}, "b q 2 [q p]"},
		{"of no product", campaign.AbandonedBrowse{}, []fact{event(campaign.ProductViewed, hours(0))}, ""},
		{"put into the cart in that instant", campaign.AbandonedBrowse{}, []fact{viewed(0, "p"), added(0)}, ""},
		{"a checkout exactly then", campaign.AbandonedBrowse{}, []fact{viewed(0, "p"), checkout(2)}, ""},
		{"a checkout later", campaign.AbandonedBrowse{}, []fact{viewed(0, "p"), checkout(3)}, "a p 1 [p]"},
		{"before an order is another visit", campaign.AbandonedBrowse{}, []fact{viewed(0, "p"), order(1), viewed(2, "p")}, "c p 1 [p]"},
		{"too long ago", campaign.AbandonedBrowse{}, []fact{viewed(-24*30-1, "p"), viewed(0, "p")}, "a p 1 [p] b p 1 [p]"},
		{"just not", campaign.AbandonedBrowse{}, []fact{viewed(-24*30, "p"), viewed(0, "p")}, "a p 1 [p] b p 2 [p]"},
		{"a hostile name", campaign.AbandonedBrowse{Views: twice}, []fact{viewed(0, "'; DROP TABLE events; --"), viewed(1, "'; DROP TABLE events; --")}, "b '; DROP TABLE events; -- 2 ['; DROP TABLE events; --]"},
		{"where is about that view", campaign.AbandonedBrowse{Where: []campaign.Property{{Path: "price", Test: test(campaign.OpAbove, number(5))}}}, []fact{viewed(0, "q", "price", 9.0), viewed(1, "p", "price", 4.0)}, ""},
	}
	each(t, func(t *testing.T, db database) {
		for _, one := range cases {
			db.fill(t, history(one.facts...))
			one.trigger.After = campaign.Of(2 * time.Hour)
			found, err := audience.New(db.engine, catalog(nil)).Candidates(context.Background(), db, &campaign.Campaign{Trigger: one.trigger}, always)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, c := range found {
				var o struct {
					Product  string `json:"product_id"`
					Views    int
					Products []map[string]any
				}
				if err := json.Unmarshal(c.Trigger, &o); err != nil || o.Product != c.Product {
					t.Fatalf("%s: %s about %q: %v", one.name, c.Trigger, c.Product, err)
				}
				var names []any
				for _, p := range o.Products {
					names = append(names, p["product_id"])
				}
				if got != "" {
					got += " "
				}
				got += fmt.Sprintf("%s %s %d %v", c.Key, o.Product, o.Views, names)
			}
			if got != one.want {
				t.Errorf("%s: got %q, want %q", one.name, got, one.want)
			}
		}
	})
}
