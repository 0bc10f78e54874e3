package content

import (
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidings/internal/campaign"
)

// mustCampaign loads text as campaign x.
func mustCampaign(t *testing.T, text string) *campaign.Campaign {
	t.Helper()
	c, ok := mustLoad(t, workspace(t, map[string]string{"campaigns/x.yaml": text})).Campaign("x")
	if !ok {
		t.Fatal("no campaign x")
	}
	return c
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	const steps = "\nsteps: [ { send: cart-reminder, subject: Hello } ]\n"
	for trigger, want := range map[string]campaign.Campaign{
		"past_purchase: {}": {
			Trigger: campaign.PastPurchase{}, ReEntry: campaign.ReEntry{Always: true},
			Overlap: campaign.OverlapBoth, MaxLateness: 48 * time.Hour, Expires: campaign.Days(3),
		},
		"abandoned_cart: { after: 1h }": {
			Trigger: campaign.AbandonedCart{After: campaign.Of(time.Hour)}, ReEntry: campaign.ReEntry{Always: true},
			Overlap: campaign.OverlapNewest, MaxLateness: 24 * time.Hour, Expires: campaign.Days(3),
		},
		"inactivity: { after: 90d }": {
			Trigger: campaign.Inactivity{After: campaign.Days(90), Of: []string{"Order Completed"}}, ReEntry: campaign.ReEntry{Always: true},
			Overlap: campaign.OverlapFirst, MaxLateness: 7 * 24 * time.Hour, Expires: campaign.Days(3),
		},
		"event: { name: Subscribed }": {
			Trigger: campaign.OnEvent{Name: "Subscribed"}, ReEntry: campaign.ReEntry{Always: true},
			Overlap: campaign.OverlapBoth, MaxLateness: 48 * time.Hour, Expires: campaign.Days(3),
		},
	} {
		text := "topic: offers\ntrigger: { " + trigger + " }" + steps
		got := *mustCampaign(t, text)
		want.Name, want.Label, want.Status, want.Topic, want.Zone, want.From = "x", "x", campaign.Draft, "offers", "customer", "hello"
		want.Holdout, want.Priority, want.WhenCapped = 0.1, 50, campaign.CappedWait
		if strings.HasPrefix(trigger, "abandoned_cart") || strings.HasPrefix(trigger, "inactivity") {
			want.Fresh = &campaign.Fresh{Event: "Order Completed"}
		}
		want.Goal = &campaign.Goal{Event: "Order Completed", Within: campaign.Days(5), Value: "total"}
		want.Steps = []campaign.Step{{ID: "cart-reminder", Send: &campaign.Send{Template: "cart-reminder", Subject: campaign.Plain("Hello")}}}
		want.Source, want.Hash = text, fmt.Sprintf("%x", sha256.Sum256([]byte(text)))[:16]
		if len(got.Program.Nodes) != 1 {
			t.Errorf("%s: program is %+v", trigger, got.Program)
		}
		got.Program = nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", trigger, diff)
		}
	}
}

func TestWrittenValuesStay(t *testing.T) {
	t.Parallel()
	c := mustCampaign(t, `name: 0123
status: paused
transactional: true
trigger: { schedule: { every: month, day: first tue, at: 09:00, after: 2h } }
re_entry: never
overlap: both
goal: { event: Order Completed, where: { total: { above: 9.5 } }, within: 8w }
zone: Asia/Jerusalem
max_lateness: 90m
expires: 2d
expect: { entries: { at_most: 45000 } }
active_from: 2026-12-01 09:00
active_until: 2027-01-01T00:00:00Z
on_uncertain: hold
from: care
reply_to: hello
steps: [ { send: cart-reminder, subject: Hello, from: hello, reply_to: care, expires: 3h } ]
`)
	tue := time.Tuesday
	if diff := cmp.Diff(campaign.Schedule{
		Every: campaign.EveryMonth, Day: campaign.DayRule{Weekday: &tue, Nth: 1}, Clock: 9 * 60, After: campaign.Of(2 * time.Hour),
	}, c.Trigger); diff != "" {
		t.Error(diff)
	}
	if c.Label != "0123" || c.Status != campaign.Paused || c.Holdout != 0 || !c.ReEntry.Never || c.Overlap != campaign.OverlapBoth ||
		c.MaxLateness != 90*time.Minute || c.Expires != campaign.Days(2) || c.Expect != 45000 || !c.HoldUncertain ||
		c.From != "care" || c.ReplyTo != "hello" {
		t.Errorf("campaign is %+v", c)
	}
	// Jerusalem is two hours ahead in December.
	if want := time.Date(2026, 12, 1, 7, 0, 0, 0, time.UTC); !c.ActiveFrom.Equal(want) {
		t.Errorf("active from %s, want %s", c.ActiveFrom, want)
	}
	if want := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC); !c.ActiveUntil.Equal(want) {
		t.Errorf("active until %s, want %s", c.ActiveUntil, want)
	}
	if g := c.Goal; g.Within != campaign.Days(56) || g.Where[0].Path != "total" || g.Where[0].Test.Values[0].Number != 9.5 {
		t.Errorf("goal is %+v", g)
	}
}

func TestZoneOfMoments(t *testing.T) {
	t.Parallel()
	c := mustCampaign(t, `topic: news
trigger: { schedule: { at: 2026-12-01 09:00 } }
expect: { entries: { at_most: 10 } }
audience: { all: [ { event: Order Completed, since: 2026-12-01 }, { attribute: birthday, before: 2026-12-01 } ] }
active_from: 2026-12-01
steps: [ { send: welcome } ]
`)
	// The workspace's zone is eight hours ahead; the schedule is wall clock.
	want := time.Date(2026, 11, 30, 16, 0, 0, 0, time.UTC)
	if !c.ActiveFrom.Equal(want) {
		t.Errorf("active from %s", c.ActiveFrom)
	}
	all := c.Audience.(campaign.All)
	if w := all[0].(campaign.EventMatch).Window; w.Since != campaign.SinceDate || !w.Date.Equal(want) {
		t.Errorf("window is %+v", w)
	}
	if v := all[1].(campaign.Attribute).Test.Values[0]; v.Kind != campaign.Time || !v.Time.Equal(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("operand is %+v", v)
	}
	if at := c.Trigger.(campaign.Schedule).At.String(); at != "2026-12-01T09:00" {
		t.Errorf("at %s", at)
	}
}

func TestStepIDs(t *testing.T) {
	t.Parallel()
	c := mustCampaign(t, `topic: offers
trigger: { past_purchase: {} }
steps:
  - { send: cart-reminder, subject: a }
  - wait: 23h
  - wait: 23h
  - { wait: 23h, id: wait-4 }
  - wait: { until: 09:05 }
  - wait: { until: tue 13:00 }
  - wait: { for: { event: Order Completed }, at_most: 48h }
  - branch:
      - name: bought
        when: { event: Order Completed, since: entry }
        steps:
          - branch: [ { name: half, share: 50%, steps: [ { exit: lucky, when: { segment: vip } } ] }, { name: rest, steps: [] } ]
          - exit: bought
      - name: not-yet
        steps:
          - { send: cart-reminder, id: again, subject: b }
          - exit: bought
`)
	var got []string
	for _, n := range c.Program.Nodes {
		got = append(got, n.ID)
	}
	want := []string{
		"cart-reminder", "wait-1", "wait-2", "wait-4", "wait-4-2", "wait-5", "wait-6",
		"branch-1", "branch-2", "exit-lucky", "exit-bought", "again", "exit-bought-2",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEventWindows(t *testing.T) {
	t.Parallel()
	c := mustCampaign(t, `topic: offers
trigger: { past_purchase: {} }
audience: { not: { event: Order Refunded } }
exit_on:
  - { any: [ { event: Order Completed }, { event: Product Viewed, within: 3d } ] }
  - { event: Cart Viewed, since: entry }
steps:
  - wait: { for: { not: { event: Email Clicked, where: { step: welcome } } }, at_most: 2d }
`)
	once := func(e campaign.EventMatch) campaign.EventMatch { e.Count = campaign.AtLeastOnce(); return e }
	want := []campaign.Condition{
		campaign.Not{Of: once(campaign.EventMatch{Event: "Order Refunded"})},
		campaign.Any{
			once(campaign.EventMatch{Event: "Order Completed", Window: campaign.Window{Since: campaign.SinceAnchor}}),
			once(campaign.EventMatch{Event: "Product Viewed", Window: campaign.Window{Within: campaign.Days(3), Since: campaign.SinceAnchor}}),
		},
		once(campaign.EventMatch{Event: "Cart Viewed", Window: campaign.Window{Since: campaign.SinceEntry}}),
		campaign.Not{Of: once(campaign.EventMatch{
			Event: "Email Clicked", Window: campaign.Window{Since: campaign.SinceEntry},
			Where: []campaign.Property{{Path: "step", Test: campaign.Test{Op: campaign.OpIs, Values: []campaign.Value{campaign.TextValue("welcome")}}}},
		})},
	}
	got := append([]campaign.Condition{c.Audience}, c.ExitOn...)
	got = append(got, c.Program.Nodes[0].Wait.For)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestProgramme is a shop's real abandoned cart programme.
func TestProgramme(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/abandoned-cart.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c := mustCampaign(t, string(text))
	if c.Status != campaign.Active || len(c.Program.Nodes) != 5 || c.ReEntry.Every != campaign.Days(7) || c.Overlap != campaign.OverlapNewest {
		t.Errorf("campaign is %+v", c)
	}
	if got := c.Steps[4].Send.Subject; got[""] != "10% off your first order, until Sunday" {
		t.Errorf("subject is %q", got)
	}
	where := c.Trigger.(campaign.AbandonedCart).Where
	if len(where) != 1 || where[0].Path != "value" || where[0].Test.Op != campaign.OpAtLeast || where[0].Test.Values[0].Number != 15 {
		t.Errorf("where is %+v", where)
	}
}
