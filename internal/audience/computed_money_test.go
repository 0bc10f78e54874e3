package audience_test

import (
	"context"
	"testing"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// Every amount is in the workspace's currency by the rate of its day, and an
// order's is net of what was given back of it.
func TestMoney(t *testing.T) {
	order := func(uid string, day int, props map[string]any) fact {
		return fact{uid: uid, customer: 1, name: campaign.OrderCompleted, at: base.AddDate(0, 0, day), known: base.AddDate(0, 0, day), props: props}
	}
	refund := func(uid string, day int, props map[string]any) fact {
		f := order(uid, day, props)
		f.name = campaign.OrderRefunded
		return f
	}
	w := world{customers: []customer{{external: "ann", created: base.AddDate(0, 0, -1)}}, facts: []fact{
		order("a", 0, map[string]any{"order_id": "a", "total": 10.0, "currency": "USD"}),                                // 9.00
		order("b", 1, map[string]any{"order_id": "b", "total": 10.0, "currency": "USD"}),                                // 8.00
		order("c", 1, map[string]any{"order_id": "c", "total": 30.0, "products": []any{map[string]any{"price": 30.0}}}), // 30, then 25
		order("d", 2, map[string]any{"order_id": "d", "total": 100.0, "currency": "AMD"}),                               // no rate
		order("e", 2, map[string]any{"order_id": "e", "total": 50.0, "products": []any{map[string]any{"price": 50.0}}}), // taken back whole
		refund("c1", 3, map[string]any{"order_id": "c", "total": 5.0}),
		refund("e1", 3, map[string]any{"order_id": "e"}),
		refund("b1", 4, map[string]any{"order_id": "b", "total": 4.0}), // in the order's currency, at the order's rate: 3.20
	}}
	each(t, func(t *testing.T, db database) {
		db.fill(t, w)
		cat := catalog(nil)
		cat.Workspace.Rates = campaign.Rates{"USD": {{From: base.AddDate(0, 0, -9), Rate: 0.9}, {From: base.AddDate(0, 0, 1).Truncate(24 * 3600e9), Rate: 0.8}}}
		e := audience.New(db.engine, cat)
		for _, tt := range []struct {
			f    campaign.AggregateFunc
			of   string
			day  int
			want float64
		}{
			{campaign.Sum, "total", 0, 9}, {campaign.Sum, "total", 2, 97}, {campaign.Sum, "total", 3, 42}, {campaign.Sum, "total", 4, 38.8},
			{campaign.Min, "total", 4, 4.8}, {campaign.Max, "total", 2, 50}, {campaign.Max, "total", 3, 25}, {campaign.Avg, "total", 3, 14},
			{campaign.Sum, "products.price", 2, 80}, {campaign.Sum, "products.price", 3, 30},
		} {
			cond := campaign.EventMatch{Event: campaign.OrderCompleted, Aggregate: &campaign.Aggregate{Func: tt.f, Property: tt.of, Test: test(campaign.OpIs, number(tt.want))}}
			asOf := base.AddDate(0, 0, tt.day)
			held, err := e.Holds(context.Background(), db, nil, cond, []audience.PassAt{{ID: 1, Customer: 1, AsOf: asOf}})
			n, err2 := e.Count(context.Background(), db, cond, asOf)
			if err != nil || err2 != nil || !held[1] || n != 1 {
				t.Errorf("%s of %s after %d days is not %g, for one (%v, %v) or for all (%d, %v)", tt.f, tt.of, tt.day, tt.want, held[1], err, n, err2)
			}
		}
		excluded, err := e.Excluded(context.Background(), db, base.AddDate(0, 0, 5))
		if err != nil || len(excluded) != 1 || excluded[0] != (audience.ExcludedAmount{Currency: "AMD", Events: 1}) {
			t.Errorf("excluded: %v, %v", excluded, err)
		}
	})
}
