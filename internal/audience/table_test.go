package audience_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"tidings/internal/audience"
	"tidings/internal/campaign"
)

// history writes facts of customer 1 in a row: each known as it happens.
func history(facts ...fact) world {
	w := world{customers: []customer{{external: "ann"}}}
	for i, f := range facts {
		f.uid, f.customer = string(rune('a'+i)), 1
		if f.known.IsZero() {
			f.known = f.at
		}
		w.facts = append(w.facts, f)
	}
	return w
}

func event(name string, at time.Time, pairs ...any) fact {
	f := fact{name: name, at: at, props: map[string]any{}}
	for i := 0; i < len(pairs); i += 2 {
		f.props[pairs[i].(string)] = pairs[i+1]
	}
	return f
}

// Every operator on every type, as an attribute, as an event's property and in
// Go alike; the answers are written out.
func TestOperators(t *testing.T) {
	cases := []struct {
		name  string
		value any
		test  campaign.Test
		want  bool
	}{
		{"is text", "gold", test(campaign.OpIs, text("gold")), true},
		{"is minds case", "Gold", test(campaign.OpIs, text("gold")), false},
		{"is number", 5.0, test(campaign.OpIs, number(5)), true},
		{"is not of another type", "5", test(campaign.OpIs, number(5)), false},
		{"is_not of another type", "5", test(campaign.OpIsNot, number(5)), true},
		{"is bool", true, test(campaign.OpIs, boolean(true)), true},
		{"is other bool", false, test(campaign.OpIs, boolean(true)), false},
		{"missing is_not", nil, test(campaign.OpIsNot, text("gold")), true},
		{"missing not_in", nil, test(campaign.OpNotIn, text("gold")), true},
		{"missing is", nil, test(campaign.OpIs, text("gold")), false},
		{"missing at_most", nil, test(campaign.OpAtMost, number(5)), false},
		{"missing exists", nil, test(campaign.OpExists, boolean(true)), false},
		{"missing exists: false", nil, test(campaign.OpExists, boolean(false)), true},
		{"exists", "", test(campaign.OpExists, boolean(true)), true},
		{"in", "b", test(campaign.OpIn, text("a"), text("b")), true},
		{"in none", "b", test(campaign.OpIn), false},
		{"not_in", "b", test(campaign.OpNotIn, text("a"), text("b")), false},
		{"at_least, exactly", 5.0, test(campaign.OpAtLeast, number(5)), true},
		{"at_most, exactly", 5.0, test(campaign.OpAtMost, number(5)), true},
		{"above, exactly", 5.0, test(campaign.OpAbove, number(5)), false},
		{"below, exactly", 5.0, test(campaign.OpBelow, number(5)), false},
		{"above a text", "9", test(campaign.OpAbove, number(5)), false},
		{"between, low end", 5.0, test(campaign.OpBetween, number(5), number(7)), true},
		{"between, high end", 7.0, test(campaign.OpBetween, number(5), number(7)), true},
		{"between, outside", 7.5, test(campaign.OpBetween, number(5), number(7)), false},
		{"0.1 is 0.1", 0.1, test(campaign.OpIs, number(0.1)), true},
		{"large numbers", 9007199254740992.0, test(campaign.OpAbove, number(9007199254740991)), true},
		{"texts by bytes: Z before a", "Z", test(campaign.OpBelow, text("a")), true},
		{"texts by bytes: é after z", "é", test(campaign.OpAbove, text("z")), true},
		{"contains", "dark gold", test(campaign.OpContains, text("gold")), true},
		{"contains no pattern", "gold", test(campaign.OpContains, text("g%d")), false},
		{"contains in a number", 5.0, test(campaign.OpContains, text("5")), false},
		{"starts_with", "é1", test(campaign.OpStartsWith, text("é")), true},
		{"starts_with later", "aé", test(campaign.OpStartsWith, text("é")), false},
		{"starts_with longer", "a", test(campaign.OpStartsWith, text("ab")), false},
		{"has", []any{"a", 7.0}, test(campaign.OpHas, number(7)), true},
		{"has of another type", []any{"a", 7.0}, test(campaign.OpHas, text("7")), false},
		{"has_any", []any{"a", 7.0}, test(campaign.OpHasAny, text("b"), number(7)), true},
		{"has_any of others", []any{"a", 7.0}, test(campaign.OpHasAny, text("b"), number(8)), false},
		{"matches", "dark gold", test(campaign.OpMatches, text("^dark.*(gold|silver)$")), true},
		{"matches elsewhere", "gold!", test(campaign.OpMatches, text("gold$")), false},
		{"matches whatever the case", "ÉTÉ", test(campaign.OpMatches, text("(?i)été")), true},
		{"matches a number", 5.0, test(campaign.OpMatches, text("5")), false},
		{"matches by a pattern that there is not", "gold", test(campaign.OpMatches, text("(")), false},
		{"anniversary, today", time.Date(1984, 2, 27, 23, 0, 0, 0, time.UTC), campaign.Test{Op: campaign.OpAnniversaryWithin}, true},
		{"anniversary, yesterday", time.Date(1984, 2, 26, 23, 0, 0, 0, time.UTC), campaign.Test{Op: campaign.OpAnniversaryWithin, Length: campaign.Days(7)}, false},
		{"anniversary on 29 February", time.Date(1984, 2, 29, 1, 0, 0, 0, time.UTC), campaign.Test{Op: campaign.OpAnniversaryWithin, Length: campaign.Days(1)}, true},
		{"anniversary, at its end", "03-02", campaign.Test{Op: campaign.OpAnniversaryWithin, Length: campaign.Days(3)}, true},
		{"anniversary, with dashes", "--03-02", campaign.Test{Op: campaign.OpAnniversaryWithin, Length: campaign.Days(3)}, true},
		{"anniversary, with too many dashes", "----03-02", campaign.Test{Op: campaign.OpAnniversaryWithin, Length: campaign.Days(3)}, false},
		{"anniversary, too far off", "03-03", campaign.Test{Op: campaign.OpAnniversaryWithin, Length: campaign.Days(3)}, false},
		{"anniversary of no day", "02-30", campaign.Test{Op: campaign.OpAnniversaryWithin, Length: campaign.Days(7)}, false},
		{"before a date", hours(1), test(campaign.OpBefore, moment(hours(2))), true},
		{"before, exactly", hours(2), test(campaign.OpBefore, moment(hours(2))), false},
		{"after a date", hours(3), test(campaign.OpAfter, moment(hours(2))), true},
		{"after, exactly", hours(2), test(campaign.OpAfter, moment(hours(2))), false},
		{"before now, exactly", hours(10), campaign.Test{Op: campaign.OpBefore, Now: true}, false},
		{"after now", hours(11), campaign.Test{Op: campaign.OpAfter, Now: true}, true},
		{"within, at its end", hours(8), campaign.Test{Op: campaign.OpWithin, Length: campaign.Of(2 * time.Hour)}, true},
		{"within, too long ago", hours(7), campaign.Test{Op: campaign.OpWithin, Length: campaign.Of(2 * time.Hour)}, false},
		{"within, still to come", hours(11), campaign.Test{Op: campaign.OpWithin, Length: campaign.Of(2 * time.Hour)}, false},
		{"before a length, at its end", hours(8), campaign.Test{Op: campaign.OpBefore, Length: campaign.Of(2 * time.Hour)}, false},
		{"before a length", hours(7), campaign.Test{Op: campaign.OpBefore, Length: campaign.Of(2 * time.Hour)}, true},
		{"within_next, at its end", hours(12), campaign.Test{Op: campaign.OpWithinNext, Length: campaign.Of(2 * time.Hour)}, true},
		{"within_next, now", hours(10), campaign.Test{Op: campaign.OpWithinNext, Length: campaign.Of(2 * time.Hour)}, true},
		{"within_next, past", hours(9), campaign.Test{Op: campaign.OpWithinNext, Length: campaign.Of(2 * time.Hour)}, false},
		{"a date is a date", hours(2), test(campaign.OpIs, moment(hours(2))), true},
		{"a date by its text", hours(2), test(campaign.OpIs, text(hours(2).Format(time.RFC3339))), true},
		{"a date by another text", hours(2), test(campaign.OpIs, text("2020-01-01")), false},
		{"a date in texts", hours(2), test(campaign.OpIn, text("x"), text(hours(2).Format(time.RFC3339))), true},
		{"a date is_not a text", hours(2), test(campaign.OpIsNot, text(hours(2).Format(time.RFC3339))), false},
		{"a date starts_with", hours(2), test(campaign.OpStartsWith, text(hours(2).Format("2006-"))), true},
		{"a text is no date", "soon", campaign.Test{Op: campaign.OpBefore, Now: true}, false},
	}
	each(t, func(t *testing.T, db database) {
		e := audience.New(db.engine, catalog(nil))
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				w := history(event("Seen", hours(1)))
				a := attribute{customer: 1, name: "it", at: hours(1), kind: "null"}
				property := c.value
				switch v := c.value.(type) {
				case string:
					a.kind, a.text = "text", v
				case float64:
					a.kind, a.num = "number", v
				case bool:
					a.kind, a.text = "bool", map[bool]string{true: "true", false: "false"}[v]
				case time.Time:
					property = v.Format(time.RFC3339)
					a.kind, a.text, a.moment = "time", property.(string), campaign.Micros(v)
				case []any:
					list, _ := json.Marshal(v)
					a.kind, a.text = "list", string(list)
				}
				w.attributes = []attribute{a}
				w.facts[0].props["it"] = property
				w.facts[0].props["deep"] = map[string]any{"it": property}
				w.facts[0].props["lines"] = []any{"x", map[string]any{"it": property}}
				db.fill(t, w)
				conds := []campaign.Condition{campaign.Attribute{Name: "it", Test: c.test}}
				for _, path := range []string{"it", "deep.it", "lines.it"} {
					p := campaign.Property{Path: path, Test: c.test}
					conds = append(conds, campaign.EventMatch{Event: "Seen", Where: []campaign.Property{p}})
					if got := audience.Match([]campaign.Property{p}, w.facts[0].props, hours(10)); got != c.want {
						t.Errorf("Match of %s: got %v", path, got)
					}
				}
				got, err := e.HoldsEach(context.Background(), db, nil, conds, []audience.PassAt{{ID: 9, Customer: 1, AsOf: hours(10)}})
				if err != nil {
					t.Fatal(err)
				}
				for i, held := range got[9] {
					if held != c.want {
						t.Errorf("%#v: got %v", conds[i], held)
					}
				}
			})
		}
	})
}

// What an event condition takes in, at the very edges of its window.
func TestEventWindows(t *testing.T) {
	w := history(
		event("Order Completed", hours(0), "total", 0.1), // the anchor
		event("Order Completed", hours(0), "total", 0.2),
		event("Page Viewed", hours(0)),
		event("Order Completed", hours(4), "total", 5.0, "currency", "EUR"),
		event("Order Completed", hours(5), "total", 7.0, "currency", "USD"),
		event("Order Completed", hours(6), "total", "8"),
		event("Rated", hours(1), "stars", 2.5, "it", "7", "products", []any{map[string]any{"sku": "a"}, map[string]any{"sku": "b"}}),
		event("Rated", hours(2), "stars", 7.5, "it", 7.0, "products", []any{map[string]any{"sku": "b"}, "b"}),
		event("Rated", hours(2), "stars", "10", "it", true),
		event("Rated", hours(2), "it", 7.0),
	)
	late := event("Page Viewed", hours(3))
	late.known = hours(8)
	w.facts = append(w.facts, fact{"late", 1, late.name, late.at, late.known, nil})
	c := &campaign.Campaign{Trigger: campaign.PastPurchase{}}
	count := func(name string, window campaign.Window, n float64) campaign.Condition {
		return campaign.EventMatch{Event: name, Window: window, Count: ptr(test(campaign.OpIs, number(n)))}
	}
	sum := func(n float64) campaign.Condition {
		return campaign.EventMatch{Event: "Order Completed", Aggregate: &campaign.Aggregate{Func: campaign.Sum, Property: "total", Test: test(campaign.OpIs, number(n))}}
	}
	gather := func(f campaign.AggregateFunc, op campaign.Op, n float64) campaign.Condition {
		return campaign.EventMatch{Event: "Rated", Aggregate: &campaign.Aggregate{Func: f, Property: "stars", Test: test(op, number(n))}}
	}
	distinct := func(property string, n float64) campaign.Condition {
		return campaign.EventMatch{Event: "Rated", Distinct: &campaign.Distinct{Property: property, Test: test(campaign.OpIs, number(n))}}
	}
	followed := func(name, by string, not bool, within time.Duration, n float64) campaign.Condition {
		return campaign.EventMatch{Event: name, Followed: &campaign.Sequence{Not: not, Event: by, Within: campaign.Of(within)}, Count: ptr(test(campaign.OpIs, number(n)))}
	}
	cases := []struct {
		name string
		asOf time.Time
		cond campaign.Condition
	}{
		{"the window's beginning is out", hours(7), count("Order Completed", campaign.Window{Within: campaign.Of(3 * time.Hour)}, 2)},
		{"the moment itself is in", hours(4), count("Order Completed", campaign.Window{}, 3)},
		{"before it is out", hours(4).Add(-1000), count("Order Completed", campaign.Window{}, 2)},
		{"the anchor's own instant is out", hours(3), count("Order Completed", campaign.Window{Since: campaign.SinceAnchor}, 0)},
		{"another event's in the instant is in", hours(3), count("Page Viewed", campaign.Window{Since: campaign.SinceAnchor}, 1)},
		{"entry without delay: the anchor is out", hours(4), count("Order Completed", campaign.Window{Since: campaign.SinceEntry}, 1)},
		{"a date is in", hours(6), count("Order Completed", campaign.Window{Since: campaign.SinceDate, Date: hours(5)}, 2)},
		{"not known yet", hours(7), count("Page Viewed", campaign.Window{}, 1)},
		{"known", hours(8), count("Page Viewed", campaign.Window{}, 2)},
		{"before a length, its end is out", hours(7), count("Order Completed", campaign.Window{Before: campaign.Of(3 * time.Hour)}, 2)},
		{"before a length, just past it", hours(7).Add(time.Microsecond), count("Order Completed", campaign.Window{Before: campaign.Of(3 * time.Hour)}, 3)},
		{"between, both ends in", hours(9), count("Order Completed", campaign.Window{From: hours(4), Until: hours(5)}, 2)},
		{"between, just after and just before", hours(9), count("Order Completed", campaign.Window{From: hours(4).Add(time.Microsecond), Until: hours(6).Add(-time.Microsecond)}, 1)},
		{"average", hours(9), gather(campaign.Avg, campaign.OpAtLeast, 5)},
		{"average, not more", hours(9), campaign.Not{Of: gather(campaign.Avg, campaign.OpAbove, 5)}},
		{"least", hours(9), gather(campaign.Min, campaign.OpIs, 2.5)},
		{"largest", hours(9), gather(campaign.Max, campaign.OpIs, 7.5)},
		{"average of none", hours(0), campaign.Not{Of: gather(campaign.Avg, campaign.OpAtMost, 9)}},
		{"average of none is not anything", hours(0), campaign.Not{Of: gather(campaign.Avg, campaign.OpIsNot, 9)}},
		{"distinct, by type", hours(9), distinct("it", 3)},
		{"distinct through a list", hours(9), distinct("products.sku", 2)},
		{"distinct of none", hours(0), distinct("it", 0)},
		{"followed in the same instant", hours(0), followed("Order Completed", "Page Viewed", false, time.Hour, 2)},
		{"not followed, before the time is over", hours(5), followed("Order Completed", "Page Viewed", true, 2*time.Hour, 0)},
		{"not followed, at its very end", hours(6), followed("Order Completed", "Page Viewed", true, 2*time.Hour, 1)},
		{"not followed, ever", hours(9), followed("Order Completed", "Page Viewed", true, 0, 3)},
		{"followed by its own name, later only", hours(4), followed("Order Completed", "Order Completed", false, 0, 2)},
		{"followed within, at its end", hours(9), followed("Order Completed", "Order Completed", false, time.Hour, 2)},
		{"sum of none", base.Add(-time.Hour), sum(0)},
		{"sum without currency", hours(1), sum(0.3)},
		{"sum without other currencies and texts", hours(9), sum(5.3)},
		{"last within, at its end", hours(9), campaign.EventMatch{Event: "Order Completed", Last: &campaign.RecencyTest{Within: campaign.Of(3 * time.Hour)}}},
		{"first before, past its end", hours(9), campaign.EventMatch{Event: "Order Completed", First: &campaign.RecencyTest{Before: campaign.Of(9*time.Hour - time.Microsecond)}}},
		{"first before, at its end", hours(9), campaign.Not{Of: campaign.EventMatch{Event: "Order Completed", First: &campaign.RecencyTest{Before: campaign.Of(9 * time.Hour)}}}},
		{"first of none", hours(9), campaign.Not{Of: campaign.EventMatch{Event: "None", First: &campaign.RecencyTest{Before: campaign.Of(time.Hour)}}}},
	}
	each(t, func(t *testing.T, db database) {
		db.fill(t, w)
		e := audience.New(db.engine, catalog(nil))
		for _, one := range cases {
			held, err := e.Holds(context.Background(), db, c, one.cond, []audience.PassAt{{ID: 1, Customer: 1, Anchor: hours(0), Entered: hours(0), AsOf: one.asOf}})
			if err != nil || !held[1] {
				t.Errorf("%s: got %v, %v", one.name, held, err)
			}
		}
	})
}

// Of two facts of one moment the one that came later counts, whatever it says.
func TestLatestAttribute(t *testing.T) {
	w := history()
	say := func(at int, kind, value string) {
		w.attributes = append(w.attributes, attribute{customer: 1, name: "tier", at: hours(at), kind: kind, text: value})
	}
	say(1, "text", "gold")
	say(1, "text", "silver")
	say(4, "null", "")
	say(4, "text", "bronze")
	say(6, "text", "late")
	say(6, "null", "")
	say(2, "text", "filed late")
	each(t, func(t *testing.T, db database) {
		db.fill(t, w)
		e := audience.New(db.engine, catalog(nil))
		for at, want := range map[int]string{0: "", 1: "silver", 2: "filed late", 4: "bronze", 5: "bronze", 6: ""} {
			cond := campaign.Condition(campaign.Attribute{Name: "tier", Test: test(campaign.OpIs, text(want))})
			if want == "" {
				cond = campaign.Attribute{Name: "tier", Test: test(campaign.OpExists, boolean(false))}
			}
			if got, err := e.Members(context.Background(), db, cond, hours(at)); err != nil || len(got) != 1 {
				t.Errorf("at %d: %q does not hold (%v, %v)", at, want, got, err)
			}
		}
	})
}

// A pass is running until, not at, its end; entered within a length counts only
// if it was entered after the length's beginning.
func TestCampaignState(t *testing.T) {
	w := history()
	w.passes = []pass{{"done", 1, hours(2), hours(5), "finished"}, {"open", 1, hours(2), time.Time{}, "running"}, {"held", 1, hours(2), time.Time{}, "held_out"}}
	cases := []struct {
		campaign string
		is       campaign.PassIs
		within   int
		at       int
		want     bool
	}{
		{"done", campaign.IsRunning, 0, 1, false}, {"done", campaign.IsRunning, 0, 2, true}, {"done", campaign.IsRunning, 0, 4, true}, {"done", campaign.IsRunning, 0, 5, false},
		{"done", campaign.IsEntered, 0, 9, true}, {"done", campaign.IsEntered, 2, 3, true}, {"done", campaign.IsEntered, 2, 4, false}, {"done", campaign.IsHeldOut, 0, 9, false},
		{"open", campaign.IsRunning, 0, 9, true}, {"held", campaign.IsRunning, 0, 9, false}, {"held", campaign.IsEntered, 0, 9, true}, {"held", campaign.IsHeldOut, 0, 9, true},
		{"held", campaign.IsHeldOut, 0, 1, false}, {"none", campaign.IsEntered, 0, 9, false},
	}
	each(t, func(t *testing.T, db database) {
		db.fill(t, w)
		e := audience.New(db.engine, catalog(nil))
		for _, c := range cases {
			cond := campaign.CampaignState{Campaign: c.campaign, Is: c.is, Within: campaign.Of(time.Duration(c.within) * time.Hour)}
			if n, err := e.Count(context.Background(), db, cond, hours(c.at)); err != nil || (n == 1) != c.want {
				t.Errorf("%+v: got %d, %v", c, n, err)
			}
		}
	})
}

// A dotted name is a fact's own before it leads into an object; a path goes
// through lists; one line must pass all of a line's tests; what is the same as
// something of the anchor.
func TestPaths(t *testing.T) {
	line := func(kv ...any) map[string]any { return event("", base, kv...).props }
	w := history(event("Seen", hours(1), "tags", []any{"new"}, "product_id", "p", "products", []any{line("category", "coffee", "price", 5.0), line("category", "tea", "price", 25.0, "tags", []any{"new"})}))
	w.attributes = []attribute{
		{customer: 1, name: "address", at: hours(0), kind: "object", text: `{"city": "Manila", "zip": 7, "geo": {"area": "NCR"}, "known": ["home", "work"]}`},
		{customer: 1, name: "address.zip", at: hours(3), kind: "text", text: "0123"},
		{customer: 1, name: "address.zip", at: hours(5), kind: "null"},
		{customer: 1, name: "address", at: hours(7), kind: "text", text: "Manila"},
		{customer: 1, name: "liked", at: hours(0), kind: "list", text: `["p", 7]`},
	}
	attribute := func(name string, t campaign.Test) campaign.Condition { return campaign.Attribute{Name: name, Test: t} }
	seen := func(ps ...campaign.Property) campaign.Condition { return campaign.EventMatch{Event: "Seen", Where: ps} }
	is := func(s string) campaign.Test { return test(campaign.OpIs, text(s)) }
	same := func(path string) campaign.Test { return campaign.Test{Op: campaign.OpSameAs, Trigger: path} }
	each1 := func(price float64) campaign.Property {
		return campaign.Property{Path: "products", Each: []campaign.Property{{Path: "category", Test: is("coffee")}, {Path: "price", Test: test(campaign.OpAtLeast, number(price))}}}
	}
	cases := []struct {
		name string
		at   int
		cond campaign.Condition
		want bool
	}{
		{"in the object", 2, attribute("address.city", is("Manila")), true},
		{"deeper", 2, attribute("address.geo.area", is("NCR")), true},
		{"in a list of the object", 2, attribute("address.known", test(campaign.OpHas, text("work"))), true},
		{"by a number", 2, attribute("address.zip", test(campaign.OpIs, number(7))), true},
		{"of its own name", 4, attribute("address.zip", is("0123")), true},
		{"removed", 6, attribute("address.zip", test(campaign.OpExists, boolean(true))), false},
		{"no object any more", 8, attribute("address.city", test(campaign.OpExists, boolean(false))), true},
		{"some product", 2, seen(campaign.Property{Path: "products.category", Test: is("tea")}), true},
		{"no product", 2, seen(campaign.Property{Path: "products.category", Test: test(campaign.OpIsNot, text("tea"))}), false},
		{"some product has", 2, seen(campaign.Property{Path: "products.category", Test: test(campaign.OpHas, text("tea"))}), true},
		{"a list of a product has", 2, seen(campaign.Property{Path: "products.tags", Test: test(campaign.OpHasAny, text("old"), text("new"))}), true},
		{"the same product", 2, seen(each1(5)), true},
		{"not the same product", 2, seen(each1(20)), false},
		{"the same as the anchor", 2, seen(campaign.Property{Path: "product_id", Test: same("product_id")}), true},
		{"as some line of the anchor", 2, seen(campaign.Property{Path: "product_id", Test: same("products.product_id")}), true},
		{"a list and a list", 2, seen(campaign.Property{Path: "tags", Test: same("tags")}), true},
		{"some line and some line", 2, seen(campaign.Property{Path: "products.category", Test: same("products.category")}), false},
		{"as nothing", 2, seen(campaign.Property{Path: "product_id", Test: same("none")}), false},
		{"an attribute's list and the anchor", 2, attribute("liked", same("product_id")), true},
		{"a number and a number", 2, attribute("liked", same("count")), true},
		{"a number and a text", 2, attribute("address.zip", same("number")), false},
	}
	trigger := json.RawMessage(`{"product_id": "p", "tags": ["old", "new"], "count": 7.0, "number": "7", "products": [{"product_id": "q", "category": "x"}, {"product_id": "p"}]}`)
	var anchor map[string]any
	if err := json.Unmarshal(trigger, &anchor); err != nil {
		t.Fatal(err)
	}
	each(t, func(t *testing.T, db database) {
		db.fill(t, w)
		e := audience.New(db.engine, catalog(nil))
		for _, c := range cases {
			p := audience.PassAt{ID: 1, Customer: 1, Anchor: hours(0), Entered: hours(0), AsOf: hours(c.at), Trigger: trigger}
			if held, err := e.Holds(context.Background(), db, nil, c.cond, []audience.PassAt{p}); err != nil || held[1] != c.want {
				t.Errorf("%s: got %v, %v", c.name, held, err)
			}
			if m, ok := c.cond.(campaign.EventMatch); ok {
				if got := audience.MatchPass(m.Where, w.facts[0].props, anchor, p.AsOf); got != c.want {
					t.Errorf("%s: Match says %v", c.name, got)
				}
			}
		}
	})
}
