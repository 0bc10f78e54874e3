package audience_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

func TestExits(t *testing.T) {
	since := campaign.Window{Since: campaign.SinceAnchor}
	bought := campaign.EventMatch{Event: campaign.OrderCompleted, Window: since}
	viewed := campaign.EventMatch{Event: "Page Viewed", Window: since}
	gold := campaign.Attribute{Name: "tier", Test: test(campaign.OpIs, text("gold"))}
	view := func(at int) fact { return event("Page Viewed", hours(at)) }
	cases := []struct {
		name    string
		trigger campaign.Trigger
		exitOn  []campaign.Condition
		anchor  map[string]any
		facts   []fact
		want    string // reason@hours after base; all as of hour 9
	}{
		{"nothing", campaign.OnEvent{Name: "x"}, nil, nil, []fact{order(2)}, ""},
		{"an event of exit_on, its first", campaign.OnEvent{Name: "x"}, []campaign.Condition{bought}, nil, []fact{order(4), order(2)}, "exit_on@2"},
		{"before the anchor", campaign.OnEvent{Name: "x"}, []campaign.Condition{bought}, nil, []fact{order(0)}, ""},
		{"in the anchor's instant", campaign.OnEvent{Name: "x"}, []campaign.Condition{bought}, nil, []fact{order(1)}, "exit_on@1"},
		{"the anchor itself never", campaign.PastPurchase{}, []campaign.Condition{bought}, nil, []fact{order(1)}, ""},
		{"the next order", campaign.PastPurchase{}, []campaign.Condition{bought}, nil, []fact{order(1), order(2)}, "exit_on@2"},
		{"the first of several", campaign.OnEvent{Name: "x"}, []campaign.Condition{bought, campaign.Any{gold, viewed}}, nil, []fact{order(4), view(3)}, "exit_on@3"},
		{"what no event makes true", campaign.OnEvent{Name: "x"}, []campaign.Condition{campaign.Not{Of: viewed}}, nil, nil, "exit_on@2"},
		{"two are asked for", campaign.OnEvent{Name: "x"}, []campaign.Condition{campaign.EventMatch{Event: "Page Viewed", Window: since, Count: ptr(test(campaign.OpAtLeast, number(2)))}}, nil, []fact{view(2), view(3)}, "exit_on@3"},
		{"what made a member", campaign.SegmentChange{Segment: "some"}, []campaign.Condition{bought}, nil, []fact{order(1)}, ""},
		{"ordered as a member", campaign.SegmentChange{Segment: "some"}, []campaign.Condition{bought}, nil, []fact{order(1), order(3)}, "exit_on@3"},
		{"still to come", campaign.OnEvent{Name: "x"}, []campaign.Condition{bought}, nil, []fact{order(10)}, ""},
		{"the order refunded", campaign.PastPurchase{}, nil, map[string]any{"order_id": "1", "total": 9.0}, []fact{event(campaign.OrderRefunded, hours(3), "order_id", "1", "total", 4.0), event(campaign.OrderRefunded, hours(5), "order_id", "1", "total", 5.0)}, "trigger_cancelled@5"},
		{"refunded in part", campaign.PastPurchase{}, nil, map[string]any{"order_id": "1", "total": 9.0}, []fact{event(campaign.OrderRefunded, hours(3), "order_id", "1", "total", 4.0)}, ""},
		{"active again", campaign.Inactivity{Of: []string{"Page Viewed"}}, nil, nil, []fact{view(1), view(5), view(6)}, "trigger_cancelled@5"},
		{"the cart ordered", campaign.AbandonedCart{}, nil, nil, []fact{added(1), order(3)}, "trigger_cancelled@3"},
		{"ordered and exit_on at once", campaign.AbandonedCart{}, []campaign.Condition{bought}, nil, []fact{added(1), order(3)}, "trigger_cancelled@3"},
		{"ordered in the same instant", campaign.AbandonedCart{}, nil, nil, []fact{added(1), order(1)}, "trigger_cancelled@1"},
		{"more put in", campaign.AbandonedCart{}, nil, nil, []fact{added(1), added(3)}, ""},
		{"less taken out than is in", campaign.AbandonedCart{}, nil, nil, []fact{added(1, "quantity", 2.0), removed(3)}, ""},
		{"emptied, and filled again", campaign.AbandonedCart{}, nil, nil, []fact{added(1, "quantity", 2.0), removed(3), removed(4), added(5)}, "trigger_cancelled@4"},
		{"emptied as a view tells", campaign.AbandonedCart{}, nil, nil, []fact{added(1), event(campaign.CartViewed, hours(4), "products", []any{})}, "trigger_cancelled@4"},
		{"emptied before the order", campaign.AbandonedCart{}, nil, nil, []fact{added(1), order(5), removed(3)}, "trigger_cancelled@3"},
		{"another cart emptied", campaign.AbandonedCart{}, nil, map[string]any{"cart_id": "c1"}, []fact{added(1, "cart_id", "c1"), added(1), removed(3)}, ""},
	}
	each(t, func(t *testing.T, db database) {
		e := audience.New(db.engine, catalog(map[string]campaign.Condition{"some": campaign.All{}}))
		for _, one := range cases {
			db.fill(t, history(one.facts...))
			trigger, _ := json.Marshal(one.anchor)
			p := audience.PassAt{ID: 5, Customer: 1, Anchor: hours(1), Entered: hours(2), AsOf: hours(9), Trigger: trigger}
			exits, err := e.Exits(context.Background(), db, &campaign.Campaign{Trigger: one.trigger, ExitOn: one.exitOn}, []audience.PassAt{p})
			got := ""
			if x, ok := exits[5]; ok {
				got = fmt.Sprint(x.Reason, "@", x.At.Sub(base).Hours())
			}
			if err != nil || got != one.want {
				t.Errorf("%s: got %q, %v; want %q", one.name, got, err, one.want)
			}
		}
	})
}

func TestCartsLater(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		db.fill(t, history(added(0), added(1, "cart_id", "c1", "price", 7.0), order(2), added(3), added(5, "product_id", "q")))
		trigger := json.RawMessage(`{"cart_id": "c1"}`)
		carts, err := audience.New(db.engine, catalog(nil)).Carts(context.Background(), db, []audience.PassAt{
			{ID: 1, Customer: 1, AsOf: hours(1)}, {ID: 2, Customer: 1, AsOf: hours(2)}, {ID: 3, Customer: 1, AsOf: hours(4)},
			{ID: 4, Customer: 1, AsOf: hours(5)}, {ID: 5, Customer: 1, AsOf: hours(1), Trigger: trigger}})
		if err != nil {
			t.Fatal(err)
		}
		got := map[int64]float64{}
		for id, cart := range carts {
			got[id] = cart.Value()
		}
		if want := map[int64]float64{1: 5, 2: 0, 3: 5, 4: 10, 5: 7}; !maps.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func TestFreshPasses(t *testing.T) {
	ctx := context.Background()
	each(t, func(t *testing.T, db database) {
		w := world{customers: []customer{{external: "a"}, {external: "b"}, {external: "c"}, {external: "d"}}}
		for id := range int64(4) {
			w.passes = append(w.passes, pass{"cart", id + 1, hours(0), time.Time{}, "running"})
		}
		w.passes[3].state = "finished"
		w.facts = []fact{
			{"now", 1, campaign.OrderCompleted, hours(5), hours(5), nil},
			{"late", 2, campaign.OrderCompleted, hours(1), hours(5), nil},
			{"other", 3, "Page Viewed", hours(5), hours(5), nil},
			{"ended", 4, campaign.OrderCompleted, hours(5), hours(5), nil},
		}
		w.attributes = []attribute{{customer: 3, name: "tier", at: hours(5), kind: "text", text: "gold"}}
		db.fill(t, w)
		e := audience.New(db.engine, catalog(map[string]campaign.Condition{"gold": campaign.Attribute{Name: "tier", Test: test(campaign.OpIs, text("gold"))}}))
		c := &campaign.Campaign{Trigger: campaign.AbandonedCart{}}
		check := func(w audience.Window, want ...int64) {
			t.Helper()
			if got, err := e.FreshPasses(ctx, db, c, 1, w); err != nil || !slices.Equal(got, want) {
				t.Errorf("got %v, %v; want %v", got, err, want)
			}
		}
		check(audience.Window{From: hours(4), To: hours(5)}, 1, 2)
		// A fact at the window's very start is looked at again: ends that are included
		// lie a microsecond after it.
		check(audience.Window{From: hours(5), To: hours(6)}, 1)
		check(audience.Window{From: hours(6), To: hours(7)})
		cursor, err := e.Cursor(ctx, db)
		if err != nil {
			t.Fatal(err)
		}
		insertFact(t, db, fact{"committed late", 3, campaign.OrderCompleted, hours(2), hours(2), nil})
		check(audience.Window{From: hours(6), To: hours(7), Cursor: cursor}, 3)
		c.Steps = []campaign.Step{{Branch: []campaign.Arm{{Steps: []campaign.Step{{Wait: &campaign.Wait{For: campaign.EventMatch{Event: "Page Viewed"}}}}}}}}
		check(audience.Window{From: hours(4), To: hours(5)}, 1, 2, 3)
		c.Steps, c.Trigger = nil, campaign.OnEvent{Name: "x"}
		check(audience.Window{From: hours(4), To: hours(5)})
		c.ExitOn = []campaign.Condition{campaign.InSegment{Segment: "gold"}}
		check(audience.Window{From: hours(4), To: hours(5)}, 3)
	})
}

// A pass has ended as of a moment exactly when the trigger's occurrence would be
// cancelled then (but for later changes of a cart), or exit_on holds.
func TestExitsAgainstOracle(t *testing.T) {
	each(t, func(t *testing.T, db database) {
		rapid.Check(t, func(t *rapid.T) {
			w := genWorld(t)
			db.fill(t, w)
			segments := map[string]campaign.Condition{"some": genCondition(t, 0)}
			e := audience.New(db.engine, catalog(segments))
			c := genCampaign(t)
			_, cart := c.Trigger.(campaign.AbandonedCart)
			_, plain := c.Trigger.(campaign.OnEvent)
			if rapid.Bool().Draw(t, "exits") || cart {
				c.Trigger, plain = campaign.OnEvent{Name: campaign.OrderCompleted}, true
				c.ExitOn = []campaign.Condition{genEventMatch(t), genCondition(t, 2)}
			}
			want, got := map[int64]bool{}, map[int64]bool{}
			var asked []audience.PassAt
			for i, f := range w.facts {
				if !slices.Contains(c.Trigger.AnchorNames(), f.name) || slices.ContainsFunc(w.facts[:i], func(o fact) bool { return o.uid == f.uid }) {
					continue
				}
				asOf := later(genMoment(t), later(f.at, f.known))
				trigger, _ := json.Marshal(f.props)
				asked = append(asked, audience.PassAt{ID: int64(i), Customer: f.customer, Anchor: f.at, Entered: f.at, AsOf: asOf, Trigger: trigger})
				v := view{customer: f.customer, asOf: asOf, anchor: f.at, entered: f.at, trigger: f.props, own: c.Trigger.AnchorNames(), segments: segments}
				ended := slices.ContainsFunc(c.ExitOn, func(x campaign.Condition) bool { return w.heldIn(x, v) })
				if !plain {
					ended = ended || w.cancelled(c.Trigger, numbered{f, i}, asOf)
				}
				if ended {
					want[int64(i)] = true
				}
			}
			exits, err := e.Exits(context.Background(), db, c, asked)
			if err != nil {
				t.Fatalf("exits: %v", err)
			}
			for id, x := range exits {
				got[id] = true
				if p := asked[slices.IndexFunc(asked, func(p audience.PassAt) bool { return p.ID == id })]; x.At.After(p.AsOf) {
					t.Fatalf("an exit at %s, looked for at %s", x.At, p.AsOf)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%T (-oracle +got):\n%s", c.Trigger, diff)
			}
		})
	})
}

// heldIn tells whether a condition of exit_on held at some moment of the pass.
func (w world) heldIn(c campaign.Condition, v view) bool {
	return slices.ContainsFunc(grid(v.entered.Add(-time.Microsecond), v.asOf), func(t time.Time) bool {
		v.asOf = t
		return w.holds(c, v)
	})
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// cancelled asks the oracle's occurs, with where out of the way.
func (w world) cancelled(trigger campaign.Trigger, f numbered, t time.Time) bool {
	switch trigger := trigger.(type) {
	case campaign.PastPurchase:
		_, _, ok := w.occurs(campaign.PastPurchase{}, f, t)
		return !ok
	case campaign.Inactivity:
		return slices.ContainsFunc(w.seen(f.customer, t, trigger.Of...), func(k numbered) bool {
			return k.at.After(f.at) && !slices.ContainsFunc(trigger.Where, func(p campaign.Property) bool { return !propertyPasses(k.props, p, t) })
		})
	}
	return false
}
