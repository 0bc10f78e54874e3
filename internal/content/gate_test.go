package content

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tidings/internal/campaign"
)

func TestWorkspaceGates(t *testing.T) {
	t.Parallel()
	w := mustLoad(t, workspace(t, map[string]string{
		"tidings.yaml": baseWith(t, `quiet_hours: { from: 21:00, to: 08:00 }
cap: [ 1 per 16h, { max: 4 per 7d } ]
allow_ignore_cap: x
providers:
  default:
    rate: 14 per 1s
    daily: 50000
    domains: { Gmail.com: 20 per 1s, bücher.example: 5 per 1m }
`),
		"campaigns/x.yaml": `topic: offers
trigger: { past_purchase: {} }
steps: [ { send: cart-reminder, subject: Hello, when_capped: ignore } ]
`,
	})).Workspace
	if diff := cmp.Diff(&campaign.Hours{Days: [7]bool{true, true, true, true, true, true, true}, From: 21 * 60, To: 8 * 60}, w.QuietHours); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]campaign.Cap{{Max: 1, Per: campaign.Of(16 * time.Hour)}, {Max: 4, Per: campaign.Days(7)}}, w.Caps); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"x"}, w.AllowIgnoreCap); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]campaign.Provider{"default": {
		Rate: campaign.Pace{Max: 14, Per: time.Second}, Daily: 50000,
		Domains: map[string]campaign.Pace{"gmail.com": {Max: 20, Per: time.Second}, "xn--bcher-kva.example": {Max: 5, Per: time.Minute}},
	}}, w.Providers); diff != "" {
		t.Error(diff)
	}
}

func TestOneCap(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"cap: 4 per 7d\n", "cap: { max: 4 per 7d }\n", "cap:\n  - 4 per 7d\n"} {
		w := mustLoad(t, workspace(t, map[string]string{"tidings.yaml": baseWith(t, text)})).Workspace
		if len(w.Caps) != 1 || w.Caps[0].String() != "4 per 7d" {
			t.Errorf("%s%v", text, w.Caps)
		}
	}
}

// TestTopicWhen: a topic's condition may look at tiers and at segments that do, which
// look at no topic.
func TestTopicWhen(t *testing.T) {
	t.Parallel()
	fsys := workspace(t, map[string]string{"segments/loyal.yaml": "match: { attribute: tier, is: gold }\n"})
	base := string(fsys["tidings.yaml"].Data) + "tiers: [ { name: gold, when: { segment: vip } }, { name: none } ]\n"
	for when, want := range map[string]campaign.Condition{
		"{ not: { attribute: mute_until, after: now } }": campaign.Not{Of: campaign.Attribute{Name: "mute_until", Test: campaign.Test{Op: campaign.OpAfter, Now: true}}},
		"{ segment: loyal }":                             campaign.InSegment{Segment: "loyal"},
		"{ attribute: tier, is: gold }": campaign.Attribute{Name: "tier", Test: campaign.Test{
			Op: campaign.OpIs, Values: []campaign.Value{campaign.TextValue("gold")},
		}},
		"{ event: Order Refunded, within: 7d }": campaign.EventMatch{
			Event: "Order Refunded", Window: campaign.Window{Within: campaign.Days(7)}, Count: campaign.AtLeastOnce(),
		},
	} {
		fsys["tidings.yaml"].Data = []byte(replaced(t, base, "news: {}", "news: { when: "+when+" }"))
		topics := mustLoad(t, fsys).Workspace.Topics
		if diff := cmp.Diff(want, topics["news"].When); diff != "" {
			t.Errorf("%s: %s", when, diff)
		}
		if topics["offers"].When != nil || topics["news"].Name[""] != "news" {
			t.Errorf("%s: topics are %+v", when, topics)
		}
	}
}

func TestGates(t *testing.T) {
	t.Parallel()
	c := mustCampaign(t, `topic: offers
trigger: { abandoned_cart: { after: 1h } }
priority: 80
when_capped: drop
send_window: { days: [mon, sun], from: 08:00, to: 21:00 }
fresh: { event: Order Updated, gap: 6h }
rate: 5000 per 1h
steps:
  - { send: cart-reminder, subject: Hello, expires: 9d }
  - { send: cart-help, subject: Hello, send_at: 00:00, send_window: { days: [sat] }, when_capped: wait, expires: 9d }
`)
	window := &campaign.Hours{From: 8 * 60, To: 21 * 60}
	window.Days[time.Monday], window.Days[time.Sunday] = true, true
	if diff := cmp.Diff(window, c.SendWindow); diff != "" {
		t.Error(diff)
	}
	if c.Priority != 80 || c.WhenCapped != campaign.CappedDrop || c.Rate != (campaign.Pace{Max: 5000, Per: time.Hour}) ||
		*c.Fresh != (campaign.Fresh{Event: "Order Updated", Gap: campaign.Of(6 * time.Hour)}) {
		t.Errorf("campaign is %+v", c)
	}
	first, second := c.Steps[0].Send, c.Steps[1].Send
	if first.SendAt != nil || first.SendWindow != nil || first.WhenCapped != "" {
		t.Errorf("the first mail is %+v", first)
	}
	saturdays := &campaign.Hours{}
	saturdays.Days[time.Saturday] = true
	if second.SendAt == nil || *second.SendAt != 0 || second.WhenCapped != campaign.CappedWait || !cmp.Equal(second.SendWindow, saturdays) {
		t.Errorf("the second mail is %+v", second)
	}
}

// TestGateDefaults: what a campaign has that says nothing of its gates.
func TestGateDefaults(t *testing.T) {
	t.Parallel()
	orders := &campaign.Fresh{Event: "Order Completed"}
	for head, want := range map[string]campaign.Campaign{
		"topic: offers\ntrigger: { past_purchase: {} }":                                                                     {WhenCapped: campaign.CappedWait},
		"topic: offers\ntrigger: { abandoned_cart: { after: 1h } }":                                                         {WhenCapped: campaign.CappedWait, Fresh: orders},
		"topic: offers\ntrigger: { abandoned_checkout: { after: 1h } }":                                                     {WhenCapped: campaign.CappedWait, Fresh: orders},
		"topic: offers\ntrigger: { abandoned_browse: { after: 1h } }":                                                       {WhenCapped: campaign.CappedWait, Fresh: orders},
		"topic: offers\ntrigger: { inactivity: { after: 90d, of: [Product Viewed] } }":                                      {WhenCapped: campaign.CappedWait, Fresh: orders},
		"topic: offers\ntrigger: { abandoned_cart: { after: 1h } }\nfresh: off":                                             {WhenCapped: campaign.CappedWait},
		"topic: offers\ntrigger: { schedule: { every: day, at: 09:00 } }\nexpect: { entries: { at_most: 5 } }":              {WhenCapped: campaign.CappedDrop},
		"topic: offers\nwhen_capped: wait\ntrigger: { schedule: { cron: 0 9 * * * } }\nexpect: { entries: { at_most: 5 } }": {WhenCapped: campaign.CappedWait},
		"transactional: true\ntrigger: { abandoned_cart: { after: 1h } }":                                                   {WhenCapped: campaign.CappedIgnore},
	} {
		c := mustCampaign(t, head+"\nsteps: [ { send: cart-reminder, subject: Hello } ]\n")
		if c.Priority != 50 || c.WhenCapped != want.WhenCapped || !cmp.Equal(c.Fresh, want.Fresh) || c.SendWindow != nil || !c.Rate.IsZero() {
			t.Errorf("%s\nhas %d, %s, %v, %v, %s", head, c.Priority, c.WhenCapped, c.Fresh, c.SendWindow, c.Rate)
		}
	}
}

// TestNothingToWarnOf: gates that leave each mail a way out.
func TestNothingToWarnOf(t *testing.T) {
	t.Parallel()
	tidings := baseWith(t, "quiet_hours: { from: 21:00, to: 08:00 }\ncap: [ 1 per 16h, 4 per 7d ]\nallow_ignore_cap: [x]\n")
	for name, text := range map[string]string{
		"a window beside the night":             "send_window: { from: 08:00, to: 08:01 }\nsteps: [ { send: cart-reminder, subject: Hello } ]",
		"a window into the night":               "send_window: { from: 20:00, to: 23:00 }\nsteps: [ { send: cart-reminder, subject: Hello } ]",
		"a minute longer than the night":        "expires: 661m\nsteps: [ { send: cart-reminder, subject: Hello } ]",
		"as the night ends":                     "steps: [ { send: cart-reminder, subject: Hello, send_at: 08:00 } ]",
		"its own window instead":                "send_window: { from: 09:00, to: 10:00 }\nsteps: [ { send: cart-reminder, subject: Hello, send_at: 12:00, send_window: { from: 11:00, to: 13:00 } } ]",
		"a wait as long as the cap":             "when_capped: drop\nsteps: [ { send: cart-reminder, subject: Hello }, { wait: 16h }, { send: cart-help, subject: Hello } ]",
		"a night that puts it off":              "when_capped: drop\nsteps: [ { send: cart-reminder, subject: Hello }, { wait: 5h }, { send: cart-help, subject: Hello } ]",
		"the cap ignored":                       "when_capped: ignore\nexpires: 12h\nsteps: [ { send: cart-reminder, subject: Hello }, { send: cart-help, subject: Hello } ]",
		"the first may be skipped":              "when_capped: drop\nsteps: [ { send: cart-reminder, subject: Hello, when: { segment: vip } }, { send: cart-help, subject: Hello } ]",
		"until a condition, however long":       "when_capped: drop\nsteps: [ { send: cart-reminder, subject: Hello }, { wait: { for: { event: Cart Viewed }, at_most: 1h } }, { send: cart-help, subject: Hello } ]",
		"the slot opens before it expires":      "expires: 17h\nsteps: [ { send: cart-reminder, subject: Hello }, { send: cart-help, subject: Hello } ]",
		"a mail that begins its day at 09:00":   "expires: 2h\ntrigger: { date: { attribute: birthday, yearly: true } }\nsteps: [ { send: cart-reminder, subject: Hello } ]",
		"a letter at nine, and its second mail": "expires: 2h\nexpect: { entries: { at_most: 100 } }\nrate: 60 per 1h\nwhen_capped: ignore\ntrigger: { schedule: { every: day, at: 09:00 } }\nsteps: [ { send: cart-reminder, subject: Hello }, { wait: { until: 20:00 } }, { send: cart-help, subject: Hello } ]",
		"and waits for another time of day":     "expires: 2h\ntrigger: { date: { attribute: birthday, yearly: true } }\nsteps: [ { wait: { until: 13:00 } }, { send: cart-reminder, subject: Hello } ]",
	} {
		text = "topic: offers\n" + text + "\n"
		if !strings.Contains(text, "trigger:") {
			text += "trigger: { past_purchase: {} }\n"
		}
		_, problems := Load(workspace(t, map[string]string{"tidings.yaml": tidings, "campaigns/x.yaml": text}))
		for _, p := range problems {
			if p.File == "campaigns/x.yaml" {
				t.Errorf("%s: %s", name, p)
			}
		}
	}
}
