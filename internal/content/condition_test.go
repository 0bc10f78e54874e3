package content

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidings/internal/campaign"
)

// operands has an example of every operator.
func operands() map[string]campaign.Test {
	text, number := campaign.TextValue, campaign.NumberValue
	moment := campaign.Value{Kind: campaign.Time, Text: "2026-12-01", Time: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)}
	return map[string]campaign.Test{
		"is: PH":                            {Op: campaign.OpIs, Values: []campaign.Value{text("PH")}},
		"is: 0123":                          {Op: campaign.OpIs, Values: []campaign.Value{text("0123")}},
		"is: 1e5":                           {Op: campaign.OpIs, Values: []campaign.Value{text("1e5")}},
		"is: NO":                            {Op: campaign.OpIs, Values: []campaign.Value{text("NO")}},
		"is: \"12\"":                        {Op: campaign.OpIs, Values: []campaign.Value{text("12")}},
		"is: 12":                            {Op: campaign.OpIs, Values: []campaign.Value{number(12)}},
		"is: -1.5":                          {Op: campaign.OpIs, Values: []campaign.Value{number(-1.5)}},
		"is: 05-12":                         {Op: campaign.OpIs, Values: []campaign.Value{text("05-12")}},
		"is: true":                          {Op: campaign.OpIs, Values: []campaign.Value{{Kind: campaign.Bool, Text: "true", Bool: true}}},
		"is_not: PH":                        {Op: campaign.OpIsNot, Values: []campaign.Value{text("PH")}},
		"in: [PH, 5]":                       {Op: campaign.OpIn, Values: []campaign.Value{text("PH"), number(5)}},
		"not_in: [PH]":                      {Op: campaign.OpNotIn, Values: []campaign.Value{text("PH")}},
		"at_least: 5":                       {Op: campaign.OpAtLeast, Values: []campaign.Value{number(5)}},
		"at_most: 5":                        {Op: campaign.OpAtMost, Values: []campaign.Value{number(5)}},
		"above: 5":                          {Op: campaign.OpAbove, Values: []campaign.Value{number(5)}},
		"below: 5":                          {Op: campaign.OpBelow, Values: []campaign.Value{number(5)}},
		"between: [1, 5]":                   {Op: campaign.OpBetween, Values: []campaign.Value{number(1), number(5)}},
		"contains: 5":                       {Op: campaign.OpContains, Values: []campaign.Value{text("5")}},
		"starts_with: a":                    {Op: campaign.OpStartsWith, Values: []campaign.Value{text("a")}},
		"exists: false":                     {Op: campaign.OpExists, Values: []campaign.Value{{Kind: campaign.Bool, Text: "false"}}},
		"has: coffee":                       {Op: campaign.OpHas, Values: []campaign.Value{text("coffee")}},
		"before: now":                       {Op: campaign.OpBefore, Now: true},
		"before: 2026-12-01":                {Op: campaign.OpBefore, Values: []campaign.Value{moment}},
		"before: 12mo":                      {Op: campaign.OpBefore, Length: campaign.Duration{Months: 12}},
		"after: now":                        {Op: campaign.OpAfter, Now: true},
		"within: 30d":                       {Op: campaign.OpWithin, Length: campaign.Days(30)},
		"within_next: 2w":                   {Op: campaign.OpWithinNext, Length: campaign.Days(14)},
		"matches: '^[A-Z]{2}'":              {Op: campaign.OpMatches, Values: []campaign.Value{text("^[A-Z]{2}")}},
		"has_any: [coffee, tea]":            {Op: campaign.OpHasAny, Values: []campaign.Value{text("coffee"), text("tea")}},
		"anniversary_within: 7d":            {Op: campaign.OpAnniversaryWithin, Length: campaign.Days(7)},
		"anniversary_within: 0":             {Op: campaign.OpAnniversaryWithin},
		"between: [2026-12-01, 2026-12-01]": {Op: campaign.OpBetween, Values: []campaign.Value{moment, moment}},
	}
}

func TestOperators(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for text, want := range operands() {
		segment := mustLoad(t, workspace(t, map[string]string{
			"segments/x.yaml": "match: { attribute: a, " + text + " }\n",
			"segments/y.yaml": "match: { event: Order Completed, where: { a: { " + text + " } } }\n",
		})).Segments
		seen[string(want.Op)] = true
		if diff := cmp.Diff(campaign.Condition(campaign.Attribute{Name: "a", Test: want}), segment["x"].Match); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
		if diff := cmp.Diff([]campaign.Property{{Path: "a", Test: want}}, segment["y"].Match.(campaign.EventMatch).Where); diff != "" {
			t.Errorf("where %s: %s", text, diff)
		}
	}
	for _, op := range operators() {
		if !seen[op] && op != "same_as" { // below: it needs a trigger
			t.Errorf("no example of %s", op)
		}
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	utc := func(s string) time.Time {
		at, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	is := func(path, text string) campaign.Property {
		return campaign.Property{Path: path, Test: campaign.Test{Op: campaign.OpIs, Values: []campaign.Value{campaign.TextValue(text)}}}
	}
	number := func(op campaign.Op, f float64) *campaign.Test {
		return &campaign.Test{Op: op, Values: []campaign.Value{campaign.NumberValue(f)}}
	}
	for text, want := range map[string]campaign.Condition{
		"{ segment: vip }": campaign.InSegment{Segment: "vip"},
		"{ all: [ { segment: vip }, { not: { any: [ { segment: vip } ] } } ] }": campaign.All{
			campaign.InSegment{Segment: "vip"}, campaign.Not{Of: campaign.Any{campaign.InSegment{Segment: "vip"}}},
		},
		"{ campaign: welcome, is: held_out, within: 12mo }": campaign.CampaignState{
			Campaign: "welcome", Is: campaign.IsHeldOut, Within: campaign.Duration{Months: 12},
		},
		"{ event: Order Completed, count: { at_least: 3 }, within: 365d }": campaign.EventMatch{
			Event: "Order Completed", Count: number(campaign.OpAtLeast, 3), Window: campaign.Window{Within: campaign.Days(365)},
		},
		"{ event: Order Completed, sum: { of: total, above: 200.5 }, since: 2026-12-01 08:00 }": campaign.EventMatch{
			Event: "Order Completed", Aggregate: &campaign.Aggregate{Func: campaign.Sum, Property: "total", Test: *number(campaign.OpAbove, 200.5)},
			Window: campaign.Window{Since: campaign.SinceDate, Date: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)},
		},
		"{ event: Order Completed, first: { within: 12mo, before: 1d } }": campaign.EventMatch{
			Event: "Order Completed", First: &campaign.RecencyTest{Within: campaign.Duration{Months: 12}, Before: campaign.Days(1)},
		},
		"{ event: Order Completed, last: { before: 90d } }": campaign.EventMatch{
			Event: "Order Completed", Last: &campaign.RecencyTest{Before: campaign.Days(90)},
		},
		"{ sample: 12.5% }":                 campaign.Sample{Share: 0.125, Seed: "segments/x"},
		"{ sample: 100%, seed: spring 26 }": campaign.Sample{Share: 1, Seed: "spring 26"},
		"{ event: Order Completed, before: 90d }": campaign.EventMatch{
			Event: "Order Completed", Count: campaign.AtLeastOnce(), Window: campaign.Window{Before: campaign.Days(90)},
		},
		// Manila is eight hours ahead; a bare date at the end is that whole day.
		"{ event: Order Completed, between: [2026-11-01, 2026-11-30] }": campaign.EventMatch{
			Event: "Order Completed", Count: campaign.AtLeastOnce(),
			Window: campaign.Window{From: utc("2026-10-31T16:00:00Z"), Until: utc("2026-11-30T15:59:59.999999Z")},
		},
		"{ event: Order Completed, between: [2026-11-01 10:00, 2026-11-01 10:00] }": campaign.EventMatch{
			Event: "Order Completed", Count: campaign.AtLeastOnce(),
			Window: campaign.Window{From: utc("2026-11-01T02:00:00Z"), Until: utc("2026-11-01T02:00:00Z")},
		},
		"{ event: Order Completed, count: { between: [2, 5] } }": campaign.EventMatch{
			Event: "Order Completed", Count: &campaign.Test{Op: campaign.OpBetween, Values: []campaign.Value{campaign.NumberValue(2), campaign.NumberValue(5)}},
		},
		"{ event: Order Completed, avg: { of: total, at_least: 50 EUR }, within: 8w }": campaign.EventMatch{
			Event: "Order Completed", Aggregate: &campaign.Aggregate{Func: campaign.Avg, Property: "total", Test: *number(campaign.OpAtLeast, 50)},
			Window: campaign.Window{Within: campaign.Days(56)},
		},
		"{ event: Order Completed, min: { of: products.price, below: 5 } }": campaign.EventMatch{
			Event: "Order Completed", Aggregate: &campaign.Aggregate{Func: campaign.Min, Property: "products.price", Test: *number(campaign.OpBelow, 5)},
		},
		"{ event: Order Completed, max: { of: products.quantity, is: 3 } }": campaign.EventMatch{
			Event: "Order Completed", Aggregate: &campaign.Aggregate{Func: campaign.Max, Property: "products.quantity", Test: *number(campaign.OpIs, 3)},
		},
		"{ event: Product Viewed, distinct: { of: product_id, at_least: 2 }, within: 7d }": campaign.EventMatch{
			Event: "Product Viewed", Distinct: &campaign.Distinct{Property: "product_id", Test: *number(campaign.OpAtLeast, 2)},
			Window: campaign.Window{Within: campaign.Days(7)},
		},
		"{ event: Product Viewed, followed_by: { event: Order Completed, where: { coupon: SPRING }, within: 2h } }": campaign.EventMatch{
			Event: "Product Viewed", Count: campaign.AtLeastOnce(),
			Followed: &campaign.Sequence{Event: "Order Completed", Where: []campaign.Property{is("coupon", "SPRING")}, Within: campaign.Of(2 * time.Hour)},
		},
		"{ event: Product Added, count: { at_least: 2 }, not_followed_by: { event: Order Completed } }": campaign.EventMatch{
			Event: "Product Added", Count: number(campaign.OpAtLeast, 2), Followed: &campaign.Sequence{Not: true, Event: "Order Completed"},
		},
		"{ event: Order Completed, where: { products: { category: coffee, price: { at_least: 20 EUR } } } }": campaign.EventMatch{
			Event: "Order Completed", Count: campaign.AtLeastOnce(),
			Where: []campaign.Property{{Path: "products", Each: []campaign.Property{
				is("category", "coffee"), {Path: "price", Test: *number(campaign.OpAtLeast, 20)},
			}}},
		},
		"{ event: Order Completed, where: { total: 50 EUR } }": campaign.EventMatch{
			Event: "Order Completed", Count: campaign.AtLeastOnce(),
			Where: []campaign.Property{{Path: "total", Test: *number(campaign.OpIs, 50)}},
		},
		"{ attribute: orders.total, between: [50 EUR, 99.5] }": campaign.Attribute{Name: "orders.total", Test: campaign.Test{
			Op: campaign.OpBetween, Values: []campaign.Value{campaign.NumberValue(50), campaign.NumberValue(99.5)},
		}},
		"{ attribute: orders.average, in: [50 EUR, 60 EUR] }": campaign.Attribute{Name: "orders.average", Test: campaign.Test{
			Op: campaign.OpIn, Values: []campaign.Value{campaign.NumberValue(50), campaign.NumberValue(60)},
		}},
		"{ attribute: orders.overdue_by, at_least: 7d }": campaign.Attribute{Name: "orders.overdue_by", Test: *number(campaign.OpAtLeast, 7)},
		"{ attribute: orders.overdue_by, above: 7.5 }":   campaign.Attribute{Name: "orders.overdue_by", Test: *number(campaign.OpAbove, 7.5)},
		"{ attribute: orders.gap, is: 36h }":             campaign.Attribute{Name: "orders.gap", Test: *number(campaign.OpIs, 1.5)},
		"{ attribute: orders.gap, between: [2w, 1460h] }": campaign.Attribute{Name: "orders.gap", Test: campaign.Test{
			Op: campaign.OpBetween, Values: []campaign.Value{campaign.NumberValue(14), campaign.NumberValue(1460.0 / 24)},
		}},
		"{ attribute: consent.offers, is: true }": campaign.Attribute{Name: "consent.offers", Test: campaign.Test{
			Op: campaign.OpIs, Values: []campaign.Value{{Kind: campaign.Bool, Text: "true", Bool: true}},
		}},
		"{ event: Order Completed, where: { products.category: coffee, a: { exists: true } } }": campaign.EventMatch{
			Event: "Order Completed", Count: campaign.AtLeastOnce(),
			Where: []campaign.Property{
				{Path: "a", Test: campaign.Test{Op: campaign.OpExists, Values: []campaign.Value{{Kind: campaign.Bool, Text: "true", Bool: true}}}},
				{Path: "products.category", Test: campaign.Test{Op: campaign.OpIs, Values: []campaign.Value{campaign.TextValue("coffee")}}},
			},
		},
	} {
		got := mustLoad(t, workspace(t, map[string]string{"segments/x.yaml": "match: " + text + "\n"})).Segments["x"].Match
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
}

// TestSameAs: what a pass is about can be compared with, wherever a pass is.
func TestSameAs(t *testing.T) {
	t.Parallel()
	c := mustCampaign(t, `topic: offers
trigger: { past_purchase: {} }
enter_when: { attribute: favourite.product, same_as: trigger.products.product_id }
exit_on: { event: Order Refunded, where: { order_id: { same_as: trigger.order_id } } }
steps:
  - send: cart-reminder
    subject: Hi
    when: { not: { event: Product Reviewed, where: { product_id: { same_as: trigger.products.product_id } }, since: entry } }
  - send: cart-help
    subject: Hi
    when: { trigger: products.category, has: coffee }
`)
	same := func(path string) campaign.Test { return campaign.Test{Op: campaign.OpSameAs, Trigger: path} }
	want := []campaign.Condition{
		campaign.Attribute{Name: "favourite.product", Test: same("products.product_id")},
		campaign.EventMatch{
			Event: "Order Refunded", Count: campaign.AtLeastOnce(), Window: campaign.Window{Since: campaign.SinceAnchor},
			Where: []campaign.Property{{Path: "order_id", Test: same("order_id")}},
		},
		campaign.Not{Of: campaign.EventMatch{
			Event: "Product Reviewed", Count: campaign.AtLeastOnce(), Window: campaign.Window{Since: campaign.SinceEntry},
			Where: []campaign.Property{{Path: "product_id", Test: same("products.product_id")}},
		}},
		campaign.TriggerProperty{Property: campaign.Property{Path: "products.category", Test: campaign.Test{
			Op: campaign.OpHas, Values: []campaign.Value{campaign.TextValue("coffee")},
		}}},
	}
	got := []campaign.Condition{c.EnterWhen, c.ExitOn[0], c.Steps[0].When, c.Steps[1].When}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestWindowsCountAsTimed: every time word stands for since: anchor and is enough
// for a step.
func TestWindowsCountAsTimed(t *testing.T) {
	t.Parallel()
	c := mustCampaign(t, `topic: offers
trigger: { past_purchase: {} }
exit_on: [ { event: Product Viewed, before: 3d }, { event: Product Viewed, between: [2026-11-01, 2026-11-02] } ]
steps:
  - { send: cart-reminder, subject: Hi, when: { event: Product Viewed, before: 3d } }
  - { send: cart-help, subject: Hi, when: { event: Product Viewed, between: [2026-11-01, 2026-11-02] } }
  - { send: cart-offer, subject: Hi, when: { event: Product Viewed, last: { within: 3d } } }
`)
	for _, cond := range c.ExitOn {
		if w := cond.(campaign.EventMatch).Window; w.Since != campaign.SinceEver {
			t.Errorf("window is %+v", w)
		}
	}
}
