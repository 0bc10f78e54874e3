package audience_test

import (
	"encoding/json"
	"fmt"
	"time"

	"pgregory.net/rapid"

	"tidings/internal/campaign"
)

// The histories are small and narrow, so that moments, ids and values meet.

var eventNames = []string{
	campaign.OrderCompleted, campaign.OrderRefunded, campaign.OrderCancelled,
	campaign.ProductAdded, campaign.ProductRemoved, campaign.CartViewed, campaign.CheckoutStarted, "Page Viewed",
}

func pick[T any](t *rapid.T, label string, from ...T) T {
	return rapid.SampledFrom(from).Draw(t, label)
}

func genWorld(t *rapid.T) world {
	w := world{customers: []customer{
		{"ann", "Europe/Berlin", hours(-100)}, {"", "", hours(2)}, {"bob", "Nowhere/Land", hours(-100)},
	}}
	// Each history is about few things, so that they happen to each other.
	names := pick(t, "theme", eventNames, eventNames[:3], eventNames[:3], eventNames[3:7], append(eventNames[3:7:7], campaign.OrderCompleted), []string{campaign.OrderCompleted, "Page Viewed"})
	for range rapid.IntRange(0, 12).Draw(t, "events") {
		w.facts = append(w.facts, genFact(t, names...))
	}
	for range rapid.IntRange(0, 5).Draw(t, "attributes") {
		w.attributes = append(w.attributes, genAttribute(t))
	}
	for range rapid.IntRange(0, 3).Draw(t, "passes") {
		p := pass{campaign: pick(t, "campaign", "welcome", "cart"), customer: genCustomer(t), entered: genMoment(t), state: pick(t, "state", "running", "finished", "exited", "held_out")}
		if p.state == "finished" || p.state == "exited" {
			p.ended = p.entered.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "lasted")) * time.Hour)
		}
		w.passes = append(w.passes, p)
	}
	return w
}

func genCustomer(t *rapid.T) int64 { return pick[int64](t, "customer", 1, 1, 1, 1, 2, 3) }

// genMoment is mostly within a day, at times about a month earlier or later.
func genMoment(t *rapid.T) time.Time {
	at := hours(pick(t, "hour", 0, 1, 1, 2, 3, 3, 4, 6, 8, 13))
	switch rapid.IntRange(0, 11).Draw(t, "far") {
	case 0:
		return at.AddDate(0, 0, -rapid.IntRange(26, 32).Draw(t, "days"))
	case 1:
		return at.AddDate(0, 0, rapid.IntRange(1, 5).Draw(t, "days"))
	}
	return at
}

func genFact(t *rapid.T, names ...string) fact {
	f := fact{uid: fmt.Sprint("u", rapid.IntRange(0, 60).Draw(t, "uid")), customer: genCustomer(t), name: pick(t, "name", names...), at: genMoment(t)}
	f.known = f.at.Add(time.Duration(pick(t, "late", 0, 0, 0, 0, 0, 0, 1, 2, 7, 30, -2)) * time.Hour)
	f.props = map[string]any{}
	set := func(key string, values ...any) {
		if v := pick(t, key, values...); v != nil {
			f.props[key] = v
		}
	}
	line := func() map[string]any {
		l := map[string]any{"product_id": pick(t, "product", "p", "q")}
		if v := pick(t, "quantity", any(nil), 1.0, 2.0, 0.0); v != nil {
			l["quantity"] = v
		}
		if v := pick(t, "price", any(nil), 5.0, 12.5); v != nil {
			l["price"] = v
		}
		if v := pick(t, "points", any(nil), 5.0, 0.1, "5"); v != nil {
			l["points"] = v
		}
		if v := pick[any](t, "tags", nil, nil, "new", []any{"new", "gold"}, []any{[]any{"new"}, map[string]any{"product_id": "p"}}); v != nil {
			l["tags"] = v
		}
		return l
	}
	set("total", nil, nil, 10.0, 10.0, 4.0, 6.0, 6.0, 0.1, 0.2, "10", true)
	set("currency", nil, nil, "EUR", "USD")
	set("points", nil, nil, 10.0, 4.0, 0.1, 0.2, -6.0, "10", []any{10.0})
	set("tier", nil, "gold", "Gold", "é", 7.0, false, []any{"gold", 7.0})
	set("when", nil, stamp(genMoment(t)), hours(3).Format("2006-01-02 15:04"), "2026-02-28", "2026-02-30", "soon", "2024-02-29", "02-29", "03-01", "1980-12-31T23:59:59Z")
	switch f.name {
	case campaign.OrderCompleted, campaign.OrderCancelled, campaign.OrderRefunded:
		set("order_id", nil, "o1", "o1", "o1", "o1", "o2", "")
		if f.props["order_id"] == "" {
			delete(f.props, "order_id")
		}
	default:
		set("cart_id", nil, nil, nil, nil, "c1")
	}
	if f.name == campaign.ProductAdded || f.name == campaign.ProductRemoved {
		for k, v := range line() {
			f.props[k] = v
		}
	}
	if f.name == campaign.CheckoutStarted || f.name == campaign.CartViewed || rapid.IntRange(0, 4).Draw(t, "list") == 0 && f.name != campaign.ProductAdded && f.name != campaign.ProductRemoved {
		if n := rapid.IntRange(-1, 2).Draw(t, "products"); n >= 0 {
			list := []any{}
			for range n {
				list = append(list, line())
			}
			switch rapid.IntRange(0, 9).Draw(t, "odd") {
			case 0:
				list = append(list, "p", []any{line()}, nil)
			case 1:
				f.props["order"] = map[string]any{"products": list}
			}
			f.props["products"] = list
		}
	}
	return f
}

func genAttribute(t *rapid.T) attribute {
	a := attribute{customer: genCustomer(t), name: pick(t, "attribute", "tier", "when", "address", "address", "address.city"), at: genMoment(t)}
	switch v := pick[any](t, "value", "gold", "Gold", "é", 7.0, -1.5, true, false, nil, hours(3), hours(8), time.Date(1984, 2, 29, 20, 0, 0, 0, time.UTC), "02-28", []any{"gold", 7.0, true},
		map[string]any{"city": "gold"}, map[string]any{"city": []any{"gold", 7.0}, "geo": map[string]any{"zip": 7.0}}, map[string]any{"city": nil, "geo": []any{map[string]any{"zip": "gold"}, map[string]any{"zip": true}}}).(type) {
	case nil:
		a.kind = "null"
	case string:
		a.kind, a.text = "text", v
	case float64:
		a.kind, a.text, a.num = "number", fmt.Sprint(v), v
	case bool:
		a.kind, a.text = "bool", fmt.Sprint(v)
	case time.Time:
		a.kind, a.text, a.moment = "time", stamp(v), campaign.Micros(v)
	case []any:
		list, _ := json.Marshal(v)
		a.kind, a.text = "list", string(list)
	case map[string]any:
		object, _ := json.Marshal(v)
		a.kind, a.text = "object", string(object)
	}
	return a
}

func genValue(t *rapid.T) campaign.Value {
	return pick(t, "operand", text("gold"), text("Gold"), text("é"), text("g"), text(stamp(hours(3))), number(7), number(10), number(0.3), number(-1.5), boolean(true), boolean(false), moment(hours(3)), moment(hours(8)))
}

func genLength(t *rapid.T) campaign.Duration {
	return pick(t, "length", campaign.Of(2*time.Hour), campaign.Of(5*time.Hour), campaign.Days(1), campaign.Days(30), campaign.Duration{Months: 1})
}

func genTest(t *rapid.T) campaign.Test {
	op := pick(t, "op", campaign.OpIs, campaign.OpIsNot, campaign.OpIn, campaign.OpNotIn, campaign.OpAtLeast, campaign.OpAtMost, campaign.OpAbove,
		campaign.OpBelow, campaign.OpBetween, campaign.OpContains, campaign.OpStartsWith, campaign.OpExists, campaign.OpHas,
		campaign.OpBefore, campaign.OpAfter, campaign.OpWithin, campaign.OpWithinNext,
		campaign.OpMatches, campaign.OpHasAny, campaign.OpAnniversaryWithin, campaign.OpSameAs)
	switch op {
	case campaign.OpMatches:
		return test(op, text(pick(t, "pattern", "^g", "(?i)GOLD$", "[é-ü]", "o{1,2}|x", "^.?$", "")))
	case campaign.OpSameAs:
		return campaign.Test{Op: op, Trigger: pick(t, "same as", "tier", "products.product_id", "product_id", "products.tags", "points", "none")}
	case campaign.OpExists:
		return test(op, boolean(rapid.Bool().Draw(t, "exists")))
	case campaign.OpIn, campaign.OpNotIn, campaign.OpBetween, campaign.OpHasAny:
		return test(op, genValue(t), genValue(t))
	case campaign.OpContains, campaign.OpStartsWith:
		return test(op, text(pick(t, "part", "g", "old", "é", "Go")))
	case campaign.OpAfter:
		return test(op, moment(genMoment(t)))
	case campaign.OpBefore:
		if rapid.Bool().Draw(t, "relative") {
			return campaign.Test{Op: op, Length: genLength(t)}
		}
		return test(op, moment(genMoment(t)))
	case campaign.OpWithin, campaign.OpWithinNext, campaign.OpAnniversaryWithin:
		return campaign.Test{Op: op, Length: genLength(t)}
	}
	return test(op, genValue(t))
}

func genNumeric(t *rapid.T, values ...float64) campaign.Test {
	op := pick(t, "op", campaign.OpIs, campaign.OpIsNot, campaign.OpAtLeast, campaign.OpAtMost, campaign.OpAbove, campaign.OpBelow, campaign.OpBetween)
	if op == campaign.OpBetween {
		return test(op, number(pick(t, "low", values...)), number(pick(t, "high", values...)))
	}
	return test(op, number(pick(t, "number", values...)))
}

func genProperties(t *rapid.T) []campaign.Property {
	var out []campaign.Property
	for range pick(t, "where", 0, 0, 0, 1, 2) {
		out = append(out, genProperty(t))
	}
	return out
}

func genProperty(t *rapid.T) campaign.Property {
	if rapid.IntRange(0, 7).Draw(t, "each") == 0 {
		p := campaign.Property{Path: pick(t, "list", "products", "products", "order.products", "tier")}
		for range rapid.IntRange(1, 2).Draw(t, "each of") {
			p.Each = append(p.Each, campaign.Property{Path: pick(t, "of line", "price", "product_id", "tags", "points"), Test: genTest(t)})
		}
		return p
	}
	return campaign.Property{Path: pick(t, "path", "total", "tier", "when", "products.price", "products.product_id", "products.tags", "products.tags.product_id",
		"order.products.product_id", "products", "order_id", "value", "tier.x"), Test: genTest(t)}
}

func genCondition(t *rapid.T, depth int) campaign.Condition {
	kind := rapid.IntRange(0, 9).Draw(t, "kind")
	if depth == 0 {
		kind %= 6
	}
	switch kind {
	case 0:
		return campaign.Attribute{Name: pick(t, "attribute", "tier", "when", "address", "address.city", "address.geo.zip"), Test: genTest(t)}
	case 1:
		return campaign.TriggerProperty{Property: genProperty(t)}
	case 2:
		c := campaign.CampaignState{Campaign: pick(t, "campaign", "welcome", "cart", "none"), Is: pick(t, "is", campaign.IsRunning, campaign.IsEntered, campaign.IsHeldOut)}
		if rapid.Bool().Draw(t, "limited") {
			c.Within = genLength(t)
		}
		return c
	case 3:
		return campaign.Sample{Share: campaign.Share(pick(t, "share", 0, 0.3, 0.5, 0.7, 1)), Seed: pick(t, "seed", "a", "segments/b")}
	case 6:
		return campaign.All{genCondition(t, depth-1), genCondition(t, depth-1)}
	case 7:
		return campaign.Any{genCondition(t, depth-1), genCondition(t, depth-1)}
	case 8:
		return campaign.Not{Of: genCondition(t, depth-1)}
	case 9:
		return campaign.InSegment{Segment: "some"}
	}
	return genEventMatch(t)
}

func genEventMatch(t *rapid.T) campaign.EventMatch {
	m := campaign.EventMatch{Event: pick(t, "event", eventNames...), Where: genProperties(t)}
	switch rapid.IntRange(0, 7).Draw(t, "window") {
	case 0, 1, 2:
		m.Window.Within = genLength(t)
	case 3:
		m.Window.Before = genLength(t)
	case 4:
		m.Window.From, m.Window.Until = genMoment(t), genMoment(t)
	}
	m.Window.Since = pick(t, "since", campaign.SinceEver, campaign.SinceEver, campaign.SinceAnchor, campaign.SinceEntry, campaign.SinceDate)
	m.Window.Date = genMoment(t)
	if rapid.IntRange(0, 3).Draw(t, "sequence") == 0 {
		m.Followed = &campaign.Sequence{Not: rapid.Bool().Draw(t, "not"), Event: pick(t, "followed by", append(eventNames, m.Event)...), Where: genProperties(t)}
		if rapid.Bool().Draw(t, "followed within") {
			m.Followed.Within = genLength(t)
		}
	}
	switch rapid.IntRange(0, 7).Draw(t, "aggregate") {
	case 0, 1:
		m.Aggregate = genAggregate(t, m.Event)
	case 2:
		m.First = &campaign.RecencyTest{Within: genLength(t)}
		if rapid.Bool().Draw(t, "and before") {
			m.First.Before = genLength(t)
		}
	case 3:
		m.Last = &campaign.RecencyTest{Before: genLength(t)}
	case 4:
		m.Count = ptr(genNumeric(t, 0, 1, 2))
	case 5:
		m.Count = campaign.AtLeastOnce()
	case 6:
		m.Distinct = &campaign.Distinct{Property: pick(t, "distinct", "tier", "products.product_id", "products.tags", "points", "total", "none"), Test: genNumeric(t, 0, 1, 2)}
	}
	return m
}

// Amounts of orders are net of what was given back, which has a test of its own.
func genAggregate(t *rapid.T, event string) *campaign.Aggregate {
	of := []string{"points", "products.points", "order.products.points"}
	if event != campaign.OrderCompleted {
		of = append(of, "total", "total", "products.price")
	}
	return &campaign.Aggregate{Func: pick(t, "func", campaign.Sum, campaign.Avg, campaign.Min, campaign.Max), Property: pick(t, "of", of...), Test: genNumeric(t, 0, 0.1, 0.3, 5, 7, 10, 14, 10.1, -6)}
}

func genTrigger(t *rapid.T) campaign.Trigger {
	after := pick(t, "after", campaign.Duration{}, campaign.Of(time.Hour), campaign.Of(3*time.Hour), campaign.Duration{Months: 1})
	where := genProperties(t)
	for i := range where { // before there is a pass, there is no anchor to be the same as
		for j := range where[i].Each {
			where[i].Each[j].Test = unlike(where[i].Each[j].Test)
		}
		where[i].Test = unlike(where[i].Test)
	}
	switch rapid.IntRange(0, 6).Draw(t, "trigger") {
	case 0, 1:
		return campaign.PastPurchase{After: after, Where: where}
	case 2, 3:
		return campaign.AbandonedCart{After: after, Where: where}
	case 4, 5:
		return campaign.Inactivity{After: after, Where: where, Of: pick(t, "of", []string{campaign.OrderCompleted}, []string{campaign.OrderCompleted, "Page Viewed", campaign.ProductAdded})}
	}
	return campaign.OnEvent{After: after, Where: where, Name: pick(t, "event", eventNames...)}
}

func unlike(t campaign.Test) campaign.Test {
	if t.Op == campaign.OpSameAs {
		return test(campaign.OpExists, boolean(true))
	}
	return t
}

func genCampaign(t *rapid.T) *campaign.Campaign {
	c := &campaign.Campaign{Name: "generated", Zone: "customer", Trigger: genTrigger(t)}
	if rapid.IntRange(0, 2).Draw(t, "with audience") == 0 {
		c.Audience = genCondition(t, 2)
	}
	if rapid.IntRange(0, 3).Draw(t, "with enter_when") == 0 {
		c.EnterWhen = genCondition(t, 1)
	}
	return c
}
