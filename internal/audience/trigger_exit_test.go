package audience_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// What ends a pass that began at hour 1, as of hour 9.
func TestTriggersEnd(t *testing.T) {
	lines := func(products ...any) []any {
		var out []any
		for _, p := range products {
			out = append(out, map[string]any{"product_id": p, "category": fmt.Sprint("of ", p)})
		}
		return out
	}
	of := campaign.Replenishment{Of: []campaign.Property{{Path: "category", Test: test(campaign.OpIs, text("of p"))}}}
	supply := map[string]any{"order_id": "1", "total": 9.0, "product": map[string]any{"product_id": 7.0}}
	cases := []struct {
		name    string
		trigger campaign.Trigger
		anchor  map[string]any
		facts   []fact
		want    string
	}{
		{"a checkout ordered", campaign.AbandonedCheckout{}, nil, []fact{order(3)}, "3"},
		{"ordered in its own instant", campaign.AbandonedCheckout{}, nil, []fact{order(1)}, "1"},
		{"the anchor itself never", campaign.AbandonedCheckout{}, nil, []fact{checkout(1)}, ""},
		{"another checkout", campaign.AbandonedCheckout{}, nil, []fact{checkout(1), checkout(4), removed(5)}, "4"},
		{"its cart changed", campaign.AbandonedCheckout{}, nil, []fact{removed(5), added(1)}, "5"},
		{"looking on ends no checkout", campaign.AbandonedCheckout{}, nil, []fact{viewed(5, "p"), event(campaign.CartViewed, hours(5))}, ""},
		{"looking on ends no visit", campaign.AbandonedBrowse{}, nil, []fact{viewed(5, "p")}, ""},
		{"put into the cart", campaign.AbandonedBrowse{}, nil, []fact{viewed(2, "p"), added(5), order(6)}, "5"},
		{"before it", campaign.AbandonedBrowse{}, nil, []fact{added(0), order(10)}, ""},
		{"ordered again", campaign.Replenishment{}, supply, []fact{order(1, "products", lines("7")), order(5, "products", lines("q", "7"))}, "5"},
		{"something else ordered", campaign.Replenishment{}, supply, []fact{order(5, "products", lines("q"))}, ""},
		{"another of the kind", of, supply, []fact{order(5, "products", lines("p"))}, "5"},
		{"another of no kind", of, supply, []fact{order(5, "products", lines("7"))}, ""},
		{"taken back", campaign.Replenishment{}, supply, []fact{event(campaign.OrderRefunded, hours(4), "order_id", "1", "total", 9.0)}, "4"},
		{"taken back in part", campaign.Replenishment{}, supply, []fact{event(campaign.OrderRefunded, hours(4), "order_id", "1", "total", 8.0)}, ""},
		{"bought when it was back", campaign.OnProduct{}, map[string]any{"product_id": "p"}, []fact{order(1, "products", lines("p")), order(4, "products", lines("q")), order(6, "products", lines("p"))}, "6"},
		{"bought without lines", campaign.OnProduct{}, map[string]any{"product_id": 7.0}, []fact{order(4, "product_id", "7")}, "4"},
		{"lines that are none", campaign.OnProduct{}, map[string]any{"product_id": "p"}, []fact{order(4, "products", []any{"p", nil, 1.0, []any{"p"}}), order(5, "products", "p")}, ""},
		{"a day that is told", campaign.OnDate{}, nil, []fact{order(4)}, ""},
	}
	each(t, func(t *testing.T, db database) {
		for _, one := range cases {
			db.fill(t, history(one.facts...))
			trigger, _ := json.Marshal(one.anchor)
			if one.anchor == nil {
				trigger = []byte("{}")
			}
			c := &campaign.Campaign{Name: "x", Trigger: one.trigger}
			e := audience.New(db.engine, catalog(nil))
			exits, err := e.Exits(context.Background(), db, c, []audience.PassAt{{ID: 5, Customer: 1, Anchor: hours(1), Entered: hours(2), Trigger: trigger, AsOf: hours(9)}})
			if err != nil {
				t.Fatalf("%s: %v", one.name, err)
			}
			got := ""
			if x, ended := exits[5]; ended {
				got = fmt.Sprint(x.At.Sub(base).Hours())
			}
			if got != one.want {
				t.Errorf("%s: ended at %q, want %q", one.name, got, one.want)
			}
		}
	})
}

// A pass whose end has come is among those that a tick looks at again.
func TestTriggersEndFresh(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		for _, one := range []struct {
			trigger campaign.Trigger
			name    string
		}{
			{campaign.AbandonedCheckout{}, campaign.ProductRemoved}, {campaign.AbandonedBrowse{}, campaign.CheckoutStarted},
			{campaign.Replenishment{}, campaign.OrderRefunded}, {campaign.OnProduct{}, campaign.OrderCompleted},
		} {
			w := history(event(one.name, hours(5)))
			w.passes = []pass{{campaign: "x", customer: 1, entered: hours(2), state: "running"}}
			db.fill(t, w)
			var campaignID, passID int64
			if err := db.QueryRow("SELECT campaign_id, id FROM enrollments").Scan(&campaignID, &passID); err != nil {
				t.Fatal(err)
			}
			got, err := audience.New(db.engine, catalog(nil)).FreshPasses(context.Background(), db, &campaign.Campaign{Name: "x", Trigger: one.trigger}, campaignID, audience.Window{From: hours(4), To: hours(6)})
			if err != nil || !slices.Equal(got, []int64{passID}) {
				t.Errorf("%T: %v, %v", one.trigger, got, err)
			}
		}
	})
}

// A snapshot tells what was committed since it was taken from what was there,
// however long another transaction has been running.
func TestCursorOfLongTransactions(t *testing.T) {
	ctx := context.Background()
	db := open(t, audience.Postgres)
	db.fill(t, history())
	e := audience.New(db.engine, catalog(nil))
	c := &campaign.Campaign{Trigger: campaign.OnEvent{Name: "Seen"}}
	fact := func(x execer, uid string) { insertFact(t, x, fact{uid, 1, "Seen", hours(2), hours(2), nil}) }
	long, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer long.Rollback()
	fact(long, "long")
	back, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	fact(back, "taken back")
	fact(db, "before")
	cursor, err := e.Cursor(ctx, db)
	if err != nil {
		t.Fatal(err)
	}
	if err := back.Rollback(); err != nil {
		t.Fatal(err)
	}
	fact(db, "after")
	w := audience.Window{From: hours(4), To: hours(6), Cursor: cursor}
	if got := keys(t, db, c, w); got != "after" {
		t.Errorf("while it runs: %q", got)
	}
	if err := long.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := keys(t, db, c, w); got != "after long" {
		t.Errorf("when it has ended: %q", got)
	}
	for _, bad := range []string{"12", "1:2", "1:2:3,", "1:2:3}'", "12/7/9", "-1:2:", "1:2:3;"} {
		w.Cursor = bad
		if _, err := e.Candidates(ctx, db, c, w); err == nil {
			t.Errorf("%q was taken for a cursor", bad)
		}
	}
}
