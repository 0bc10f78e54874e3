package campaign_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidings/internal/campaign"
)

func TestDescribe(t *testing.T) {
	t.Parallel()
	text := campaign.TextValue
	number := campaign.NumberValue
	for want, c := range map[string]campaign.Condition{
		"everybody":                                  nil,
		"(in segment vip or tier is gold)":           campaign.Any{campaign.InSegment{Segment: "vip"}, campaign.Attribute{Name: "tier", Test: campaign.Test{Op: campaign.OpIs, Values: []campaign.Value{text("gold")}}}},
		"not campaign welcome is held out within 1w": campaign.Not{Of: campaign.CampaignState{Campaign: "welcome", Is: campaign.IsHeldOut, Within: campaign.Days(7)}},
		"in a sample of 12.5% (segments/x)":          campaign.Sample{Share: 0.125, Seed: "segments/x"},
		"trigger total between 5 and 9":              campaign.TriggerProperty{Property: campaign.Property{Path: "total", Test: campaign.Test{Op: campaign.OpBetween, Values: []campaign.Value{number(5), number(9)}}}},
		"birthday in the next 1w":                    campaign.Attribute{Name: "birthday", Test: campaign.Test{Op: campaign.OpWithinNext, Length: campaign.Days(7)}},
		"phone is missing":                           campaign.Attribute{Name: "phone", Test: campaign.Test{Op: campaign.OpExists, Values: []campaign.Value{{Kind: campaign.Bool}}}},
		"Order Completed since the anchor":           campaign.EventMatch{Event: "Order Completed", Count: campaign.AtLeastOnce(), Window: campaign.Window{Since: campaign.SinceAnchor}},
		"Go sum of total ≥ 50 where kind in a, b within 90d not followed by Done within 1d": campaign.EventMatch{
			Event: "Go", Aggregate: &campaign.Aggregate{Func: campaign.Sum, Property: "total", Test: campaign.Test{Op: campaign.OpAtLeast, Values: []campaign.Value{number(50)}}},
			Window:   campaign.Window{Within: campaign.Days(90)},
			Where:    []campaign.Property{{Path: "kind", Test: campaign.Test{Op: campaign.OpIn, Values: []campaign.Value{text("a"), text("b")}}}},
			Followed: &campaign.Sequence{Not: true, Event: "Done", Within: campaign.Days(1)}},
		"Go the last before 1w ago where some of products has category is tea and price > 3": campaign.EventMatch{
			Event: "Go", Last: &campaign.RecencyTest{Before: campaign.Days(7)}, Where: []campaign.Property{{Path: "products", Each: []campaign.Property{
				{Path: "category", Test: campaign.Test{Op: campaign.OpIs, Values: []campaign.Value{text("tea")}}},
				{Path: "price", Test: campaign.Test{Op: campaign.OpAbove, Values: []campaign.Value{number(3)}}}}}}},
		"Go between 2026-01-01 and 2026-02-01 09:30": campaign.EventMatch{Event: "Go", Window: campaign.Window{
			From: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(2026, 2, 1, 9, 30, 0, 0, time.UTC)}},
	} {
		if got := campaign.Describe(c); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// stepped is a campaign that sends a, waits, branches and sends the rest.
func stepped(steps ...campaign.Step) *campaign.Campaign {
	return &campaign.Campaign{Name: "x", Trigger: campaign.OnEvent{Name: "Go"}, Steps: steps, Program: campaign.NewProgram(steps)}
}

func sends(id string) campaign.Step {
	return campaign.Step{ID: id, Send: &campaign.Send{Template: id}}
}

func waits(id string, days int) campaign.Step {
	return campaign.Step{ID: id, Wait: &campaign.Wait{Length: campaign.Days(days)}}
}

func TestDifferences(t *testing.T) {
	t.Parallel()
	before := stepped(sends("a"), waits("w", 2), sends("b"))
	after := stepped(sends("a"), waits("w", 1), sends("c"))
	after.Status, before.Status = campaign.Active, campaign.Draft
	before.Holdout = 0.1
	after.Steps[0].Send = &campaign.Send{Template: "a", Subject: campaign.Plain("Other")}
	after.Program = campaign.NewProgram(after.Steps)
	want := []string{"status draft → active", "holdout 10% → 0%", "step a: other subject or options", "step w: wait 2d → wait 1d", "step b removed", "step c added"}
	if diff := cmp.Diff(want, campaign.Differences(before, after)); diff != "" {
		t.Error(diff)
	}
	if got := campaign.Differences(before, before); got != nil {
		t.Error(got)
	}
}

// TestDifferencesOfGates: what mails wait for is said as it is written.
func TestDifferencesOfGates(t *testing.T) {
	t.Parallel()
	before, after := stepped(sends("a"), sends("b"), sends("c")), stepped(sends("a"), sends("b"), sends("c"))
	nine, window := campaign.TimeOfDay(9*60), hours("08:00", "21:00", time.Monday)
	before.Priority, before.WhenCapped, before.Fresh = 50, campaign.CappedWait, &campaign.Fresh{Event: "Order Completed"}
	after.Priority, after.WhenCapped, after.Fresh = 80, campaign.CappedDrop, &campaign.Fresh{Event: "Go", Gap: campaign.Of(6 * time.Hour)}
	after.SendWindow, after.Rate = &window, campaign.Pace{Max: 5000, Per: time.Hour}
	after.Program.Nodes[0].Send = &campaign.Send{Template: "a", SendAt: &nine}
	after.Program.Nodes[1].Send = &campaign.Send{Template: "b", SendWindow: &window}
	after.Program.Nodes[2].Send = &campaign.Send{Template: "c", WhenCapped: campaign.CappedIgnore}
	want := []string{
		"priority 50 → 80", "when_capped wait → drop", "send_window none → mon 08:00 to 21:00",
		"fresh Order Completed within 10 × its usual gap → Go within 6h", "rate none → 5000 per 1h",
		"step a: other subject or options", "step b: other subject or options", "step c: other subject or options",
	}
	if diff := cmp.Diff(want, campaign.Differences(before, after)); diff != "" {
		t.Error(diff)
	}
	after.Fresh = nil
	if got := campaign.Differences(before, after)[3]; got != "fresh Order Completed within 10 × its usual gap → none" {
		t.Error(got)
	}
}

func TestFly(t *testing.T) {
	t.Parallel()
	before := stepped(sends("a"), waits("w", 2), sends("b"))
	for name, c := range map[string]struct {
		after *campaign.Campaign
		at    map[string]int
		want  campaign.InFlight
	}{
		"a new step before the last": {stepped(sends("a"), waits("w", 2), sends("new"), sends("b")), map[string]int{"a": 1, "w": 2, "b": 4}, campaign.InFlight{Total: 7, Take: 3, Past: 4}},
		"a step gone":                {stepped(sends("a"), sends("b")), map[string]int{"w": 3, "b": 1}, campaign.InFlight{Total: 4, Moved: 3}},
		"the end gone":               {stepped(sends("a"), waits("w", 2)), map[string]int{"w": 3, "b": 1}, campaign.InFlight{Total: 4, End: 1}},
		"the file gone":              {nil, map[string]int{"a": 2}, campaign.InFlight{Total: 2, End: 2}},
		"one for another":            {stepped(sends("a"), waits("w", 2), sends("new")), map[string]int{"": 1, "w": 1, "b": 1}, campaign.InFlight{Total: 3, Take: 2, End: 1}},
		"nothing":                    {before, map[string]int{"w": 1}, campaign.InFlight{Total: 1}},
	} {
		if got := campaign.Fly(before, c.after, c.at); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
