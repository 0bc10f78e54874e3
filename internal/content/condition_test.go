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
		"matches: ^[A-Z]{2}":                {Op: campaign.OpMatches, Values: []campaign.Value{text("^[A-Z]{2}")}},
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
